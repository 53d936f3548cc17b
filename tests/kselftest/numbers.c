// SPDX-License-Identifier: GPL-2.0
/* Mounts and levels of the largest sizes: nothing overflows. */
#include "scratch.h"
#include "harness.h"

/* the 64 bits of a file's number, as "-1" would show a wrong sign */
static unsigned long long unsigned_in(const struct scratch *m, const char *file, const char *key)
{
	char path[160], value[64] = "none", *end;
	unsigned long long number;

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	if (key) {
		value_in(path, key, value, sizeof(value));
	} else {
		char *text = slurp_path(path);

		snprintf(value, sizeof(value), "%.*s", text ? (int)strcspn(text, "\n") : 0, text);
		free(text);
	}
	errno = 0;
	number = strtoull(value, &end, 10);
	if (value[0] == '-' || end == value || *end || errno)
		printf("# %s %s: %s is no number\n", file, key ? key : "", value);
	return value[0] == '-' || end == value || *end || errno ? 12345 : number;
}

/* as many bytes as 64 bits hold, where there are more */
static unsigned long long in_bytes(const struct scratch *m, unsigned long long blocks)
{
	unsigned long long bytes;

	return __builtin_mul_overflow(blocks, m->block, &bytes) ? UINT64_MAX : bytes;
}

/* rounded up; by way of the quotient, as 32-bit machines have no product of 128 bits */
static unsigned long long part(unsigned long long blocks, unsigned int hundredths)
{
	return blocks / 10000 * hundredths + (blocks % 10000 * hundredths + 9999) / 10000;
}

FIXTURE(large) {
	struct scratch m;
	unsigned long long blocks;
};

FIXTURE_VARIANT(large) {
	const char *options;
};

FIXTURE_VARIANT_ADD(large, just_below_16_eib) { .options = "size=18446744073709486080" };
FIXTURE_VARIANT_ADD(large, of_8_eib) { .options = "size=8E" };
FIXTURE_VARIANT_ADD(large, just_below_8_eib) { .options = "size=9223372036854710272" };
FIXTURE_VARIANT_ADD(large, of_2_to_the_52_blocks) { .options = "nr_blocks=4503599627370496" };
FIXTURE_VARIANT_ADD(large, of_2_to_the_63_blocks_less_one) { .options = "nr_blocks=9223372036854775807" };

FIXTURE_SETUP(large)
{
	int error = scratch_mount(&self->m, variant->options);

	if (error == -EINVAL)
		SKIP(return, "the kernel makes no mount of that size");
	ASSERT_EQ(0, error);
	self->blocks = scratch_blocks(&self->m);
	if (self->blocks == 0 && sizeof(long) == 4)
		SKIP(return, "a 32-bit kernel cuts the number of blocks to 0, which is no limit");
	ASSERT_LT(0, self->blocks);
}

FIXTURE_TEARDOWN(large)
{
	scratch_end(&self->m);
}

TEST_F(large, the_files_say_what_statvfs_says)
{
	long long used;

	ASSERT_EQ(0, scratch_use(&self->m, 10));
	used = scratch_used(&self->m);
	EXPECT_EQ(10, used);
	EXPECT_EQ(in_bytes(&self->m, self->blocks), unsigned_in(&self->m, "usage", "size"));
	EXPECT_EQ(10 * self->m.block, unsigned_in(&self->m, "usage", "used"));
	EXPECT_EQ(in_bytes(&self->m, self->blocks - 10), unsigned_in(&self->m, "usage", "free"));
	EXPECT_EQ(10 * self->m.block, unsigned_in(&self->m, TMPFSWARN_USED_BYTES, NULL));
	EXPECT_EQ(in_bytes(&self->m, self->blocks), unsigned_in(&self->m, TMPFSWARN_V1_LIMIT, NULL));
	EXPECT_EQ(in_bytes(&self->m, part(self->blocks, 6000)),
		  unsigned_in(&self->m, TMPFSWARN_PRESSURE_LEVEL, "low"));
	EXPECT_EQ(in_bytes(&self->m, part(self->blocks, 9500)),
		  unsigned_in(&self->m, TMPFSWARN_PRESSURE_LEVEL, "critical"));
}

TEST_F(large, percentages_and_the_largest_levels_are_listed_and_never_reached)
{
	static const unsigned int hundredths[] = { 1, 10, 3333, 5000, 9500, 9999, 10000 };
	char args[64], value[64];
	int low, high, i, n = 0;

	ASSERT_LE(0, low = listen_blocks(&self->m, 10, "rising"));
	n++;
	high = listener();
	for (i = 0; i < sizeof(hundredths) / sizeof(*hundredths); i++) {
		snprintf(args, sizeof(args), "%u.%02u%% hyst=%u.%02u%%", hundredths[i] / 100,
			 hundredths[i] % 100, hundredths[i] / 100, hundredths[i] % 100);
		ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES, args));
		ASSERT_TRUE(trigger_field(&self->m, n++, "blocks", value, sizeof(value)));
		EXPECT_EQ(part(self->blocks, hundredths[i]), strtoull(value, NULL, 10))
			TH_LOG("%s", args);
		strcat(args, " falling");
		ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES, args));
		n++;
	}
	ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES, "18446744073709551615"));
	ASSERT_TRUE(trigger_field(&self->m, n++, "level", value, sizeof(value)));
	EXPECT_STREQ("18446744073709551615", value);
	ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES,
			     "18446744073709551615 hyst=18446744073709551615 falling"));
	ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES, "9223372036854775808"));
	ASSERT_EQ(0, control(&self->m, high, TMPFSWARN_USED_BYTES, "-1 hyst=100%"));
	ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, "18446744073709551615"));
	EXPECT_EQ(UINT64_MAX, unsigned_in(&self->m, TMPFSWARN_WARN_USED, NULL));
	EXPECT_LE(0, rfc_listen(&self->m));
	ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, "9223372036854775808"));

	ASSERT_EQ(0, scratch_use(&self->m, 9));
	EXPECT_SIGNALS(low, 0);
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(low, 1);
	ASSERT_EQ(0, scratch_use(&self->m, 100));
	ASSERT_EQ(0, scratch_use(&self->m, 0));
	EXPECT_SIGNALS(high, 0);
	/* made as small as any other, it works as any other */
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=100"));
	ASSERT_EQ(0, scratch_use(&self->m, 100));
	EXPECT_SIGNALS_SOON(high, 7);
}

TEST_HARNESS_MAIN
