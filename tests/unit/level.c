// SPDX-License-Identifier: GPL-2.0
/* Unit tests of module/level.c in user space. TAP on stdout. */
#include <stdlib.h>

#include "level.h"

static int tests, failed;
static bool good;

/* one more thing that must hold in the test at hand */
#define MUST(condition, ...) do {						\
	if (!(condition)) {							\
		good = false;							\
		printf("# %s:%d: %s: ", __FILE__, __LINE__, #condition);	\
		printf("" __VA_ARGS__);						\
		printf("\n");							\
	}									\
} while (0)

static bool same_level(const struct tw_level *a, const struct tw_level *b)
{
	return a->kind == b->kind && a->value == b->value;
}

/* ---- numbers of file descriptors ---- */

static void a_number_of_an_fd_is_decimal_and_alone(void)
{
	static const struct {
		const char *text;
		unsigned int fd;
	} good_ones[] = {
		{ "0", 0 }, { "7", 7 }, { " 7", 7 }, { "7 ", 7 }, { "\t7\r\n", 7 }, { "007", 7 },
		{ "2147483647", 2147483647 },
		/* too large for any, and so one that is not open */
		{ "2147483648", 2147483647 }, { "4294967303", 2147483647 },
		{ "18446744073709551615", 2147483647 },
	};
	static const char *const bad_ones[] = {
		"", " ", "x", "-1", "+1", "7x", "7 7", "0x7", "18446744073709551616",
		"18446744073709551623", "7.", "7\x01",
	};
	unsigned int i, fd;

	for (i = 0; i < ARRAY_SIZE(good_ones); i++) {
		fd = -1;
		MUST(tw_fd_parse(good_ones[i].text, &fd) == 0, "'%s'", good_ones[i].text);
		MUST(fd == good_ones[i].fd, "'%s'", good_ones[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(bad_ones); i++) {
		fd = 12345;
		MUST(tw_fd_parse(bad_ones[i], &fd) == -EINVAL, "'%s'", bad_ones[i]);
		MUST(fd == 12345, "'%s'", bad_ones[i]);
	}
}

/* ---- lines of event_control ---- */

static void a_registration_is_split_as_the_kernel_splits_it(void)
{
	static const struct {
		const char *text;
		unsigned int event_fd, control_fd;
		const char *args;
	} good_ones[] = {
		{ "3 4 80%", 3, 4, "80%" }, { "3 4", 3, 4, "" }, { "3 4 ", 3, 4, "" },
		{ "  3 4 80% \n", 3, 4, "80%" }, { "\n\t3 4 80%\r\n", 3, 4, "80%" },
		{ "3 4 80%  rising\tonce ", 3, 4, "80%  rising\tonce" },
		{ "3 4  80%", 3, 4, " 80%" }, { "03 004 5", 3, 4, "5" },
		{ "2147483647 2147483647 x", 2147483647, 2147483647, "x" },
		{ "2147483648 4294967300 x", 2147483647, 2147483647, "x" },
	};
	static const char *const bad_ones[] = {
		"", " ", "3", "3 ", "3  4 80%", "3\t4 80%", "3 4\t80%", "3 4x 80%", "3x 4 80%",
		"x 4 80%", "3 x 80%", "-3 4 80%", "3 -4 80%", "3,4,80%", "3 4,80%",
		"18446744073709551616 4 80%", "3 18446744073709551620 80%",
	};
	struct tw_registration reg, untouched;
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good_ones); i++) {
		strcpy(text, good_ones[i].text);
		MUST(tw_registration_parse(text, &reg) == 0, "'%s'", good_ones[i].text);
		MUST(reg.event_fd == good_ones[i].event_fd, "'%s'", good_ones[i].text);
		MUST(reg.control_fd == good_ones[i].control_fd, "'%s'", good_ones[i].text);
		MUST(strcmp(reg.args, good_ones[i].args) == 0, "'%s': '%s'",
		     good_ones[i].text, reg.args);
	}
	for (i = 0; i < ARRAY_SIZE(bad_ones); i++) {
		memset(&reg, 0x5a, sizeof(reg));
		untouched = reg;
		strcpy(text, bad_ones[i]);
		MUST(tw_registration_parse(text, &reg) == -EINVAL, "'%s'", bad_ones[i]);
		MUST(memcmp(&reg, &untouched, sizeof(reg)) == 0, "'%s'", bad_ones[i]);
	}
}

/* ---- lines of the device ---- */

static void a_request_is_a_descriptor_a_level_and_words(void)
{
	static const unsigned int percent[TW_PRESSURES] = { 60, 80, 95 };
	static const struct {
		const char *text;
		bool forget;
		unsigned int fd;
		const char *level, *tag;
		unsigned int direction;
	} good_ones[] = {
		{ "4 80%", false, 4, "80%", "80%", TW_BOTH },
		{ " 4 80% hyst=5% tag=shm\n", false, 4, "80%", "shm", TW_BOTH },
		{ "4 1m once tag=a=b now", false, 4, "1048576", "a=b", TW_BOTH },
		{ "4 -1 rising", false, 4, "-1", "-1", TW_RISING },
		{ "2147483648 0", false, 2147483647, "0", "0", TW_BOTH },
		{ "04 medium", false, 4, "medium", "medium", TW_RISING },
		{ "4 low,local both tag=~!", false, 4, "low", "~!", TW_BOTH },
		{ "4 inodes:5", false, 4, "inodes:5", "inodes:5", TW_BOTH },
		{ "4 inodes:90% hyst=5 falling", false, 4, "inodes:90%", "inodes:90%", TW_FALLING },
		{ "4 inodes:1k", false, 4, "inodes:1024", "inodes:1k", TW_BOTH },
		{ "4 inodes:-1", false, 4, "inodes:-1", "inodes:-1", TW_BOTH },
		{ "4 refused", false, 4, "refused", "refused", 0 },
		{ "4 refused tag=full once", false, 4, "refused", "full", 0 },
		{ "4 critical,hierarchy", false, 4, "critical", "critical,hierarchy", TW_RISING },
		{ "forget shm", true, 0, NULL, "shm", 0 },
		{ " forget 80%\r\n", true, 0, NULL, "80%", 0 },
		/* 63 of them */
		{ "4 5 tag=123456789012345678901234567890123456789012345678901234567890123", false,
		  4, "5", "123456789012345678901234567890123456789012345678901234567890123", TW_BOTH },
	};
	static const char *const bad_ones[] = {
		"", " ", "4", "4 ", "4  80%", "4\t80%", "-4 80%", "x 80%", "4 80%x", "4 101%", "4 x",
		"4 lowest", "4 inodes", "4 inodes:", "4 inodes:low", "4 inodes: 5", "4 inodes:1Ki", "4 inodes:1t",
		"4 refused:1", "4 refused 80%", "4 refused now", "4 refused both", "4 refused hyst=1",
		"4 refusedonce", "4 refuse",
		"4 inodes:101%", "4 inodes:5 hyst=1Ki", "4 80% tag", "4 80% tag=", "4 80% tag= x", "4 80% tag=a tag=b",
		"4 80% tag=\x7f", "4 80% tag=\xc3\xa4", "4 80% tag=a\x01", "4 low tag=",
		"forget", "forget ", "forget a b", "forget  a", "forget\ta", "forgets a",
		/* 64 of them */
		"4 5 tag=1234567890123456789012345678901234567890123456789012345678901234",
		"4 0000000000000000000000000000000000000000000000000000000000000000",
		"forget 1234567890123456789012345678901234567890123456789012345678901234",
	};
	struct tw_request request, untouched;
	char text[128], level[TW_LEVEL_TEXT];
	struct tw_spec spec;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good_ones); i++) {
		strcpy(text, good_ones[i].text);
		MUST(tw_request_parse(text, percent, &request) == 0, "'%s'", good_ones[i].text);
		MUST(request.forget == good_ones[i].forget, "'%s'", good_ones[i].text);
		MUST(request.fd == good_ones[i].fd, "'%s'", good_ones[i].text);
		MUST(request.tag_len == strlen(good_ones[i].tag) &&
		     !memcmp(request.tag, good_ones[i].tag, request.tag_len),
		     "'%s': '%s'", good_ones[i].text, request.tag);
		MUST(request.spec.direction == good_ones[i].direction, "'%s'", good_ones[i].text);
		if (!good_ones[i].level)
			continue;
		MUST(tw_spec_print(level, sizeof(level), &request.spec) ==
		     (int)strlen(good_ones[i].level), "'%s'", good_ones[i].text);
		MUST(strcmp(level, good_ones[i].level) == 0, "'%s': '%s'", good_ones[i].text, level);
	}
	for (i = 0; i < ARRAY_SIZE(bad_ones); i++) {
		memset(&request, 0x5a, sizeof(request));
		untouched = request;
		strcpy(text, bad_ones[i]);
		MUST(tw_request_parse(text, percent, &request) == -EINVAL, "'%s'", bad_ones[i]);
		MUST(memcmp(&request, &untouched, sizeof(request)) == 0, "'%s'", bad_ones[i]);
	}
	/* a tag is of the device alone */
	MUST(tw_spec_parse("80% tag=x", &spec) == -EINVAL);
	MUST(tw_spec_parse_pressure("low tag=x", percent, &spec) == -EINVAL);
	MUST(tw_spec_parse_refused("tag=x", &spec) == -EINVAL);
	MUST(tw_spec_parse_refused("once", &spec) == 0 && spec.once && spec.gauge == TW_REFUSALS);
	MUST(tw_spec_parse_refused("", &spec) == 0 && !spec.once);
}

/* ---- levels ---- */

static void suffixes_are_powers_of_1024(void)
{
	static const struct {
		const char *text;
		u64 bytes;
	} table[] = {
		{ "0", 0 }, { "1", 1 }, { "00", 0 }, { "4096", 4096 }, { "1k", 1024 },
		{ "1K", 1024 }, { "1Ki", 1024 }, { "3m", 3 << 20 }, { "3M", 3 << 20 },
		{ "3Mi", 3 << 20 }, { "2g", 2ULL << 30 }, { "2G", 2ULL << 30 },
		{ "2Gi", 2ULL << 30 }, { "5t", 5ULL << 40 }, { "5T", 5ULL << 40 },
		{ "5Ti", 5ULL << 40 }, { "4828488Ki", 4828488ULL << 10 },
		{ "18446744073709551615", U64_MAX }, { "18014398509481983k", U64_MAX - 1023 },
		{ "16777215T", 16777215ULL << 40 }, { "0T", 0 },
	};
	struct tw_spec spec;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		MUST(tw_spec_parse(table[i].text, &spec) == 0, "'%s'", table[i].text);
		MUST(spec.level.kind == TW_LEVEL_BYTES, "'%s'", table[i].text);
		MUST(spec.level.value == table[i].bytes, "'%s'", table[i].text);
	}
}

static void a_percentage_has_up_to_two_decimals(void)
{
	static const struct {
		const char *text;
		unsigned int value;
	} table[] = {
		{ "0%", 0 }, { "80%", 8000 }, { "80.5%", 8050 }, { "80.05%", 8005 },
		{ "99.95%", 9995 }, { "0.01%", 1 }, { "100%", 10000 }, { "100.00%", 10000 },
		{ "007.5%", 750 },
	};
	struct tw_spec spec;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		MUST(tw_spec_parse(table[i].text, &spec) == 0, "'%s'", table[i].text);
		MUST(spec.level.kind == TW_LEVEL_PERCENT, "'%s'", table[i].text);
		MUST(spec.level.value == table[i].value, "'%s'", table[i].text);
	}
}

static void the_words_say_what_is_asked_for(void)
{
	static const struct {
		const char *text;
		unsigned int direction;
		bool once, now;
		struct tw_level hyst;
	} table[] = {
		{ "5", TW_BOTH, false, false, { TW_LEVEL_NONE, 0 } },
		{ "5 ", TW_BOTH, false, false, { TW_LEVEL_NONE, 0 } },
		{ "5 both", TW_BOTH, false, false, { TW_LEVEL_NONE, 0 } },
		{ "5 rising", TW_RISING, false, false, { TW_LEVEL_NONE, 0 } },
		{ "5  \tfalling \n", TW_FALLING, false, false, { TW_LEVEL_NONE, 0 } },
		{ "5 once", TW_BOTH, true, false, { TW_LEVEL_NONE, 0 } },
		{ "5 now", TW_BOTH, false, true, { TW_LEVEL_NONE, 0 } },
		{ "5 now once rising", TW_RISING, true, true, { TW_LEVEL_NONE, 0 } },
		{ "5 hyst=7", TW_BOTH, false, false, { TW_LEVEL_BYTES, 7 } },
		{ "5 hyst=1.5% falling", TW_FALLING, false, false, { TW_LEVEL_PERCENT, 150 } },
		{ "80% hyst=2Mi", TW_BOTH, false, false, { TW_LEVEL_BYTES, 2 << 20 } },
		{ "-1", TW_BOTH, false, false, { TW_LEVEL_NONE, 0 } },
		{ "-1 rising once", TW_RISING, true, false, { TW_LEVEL_NONE, 0 } },
	};
	struct tw_spec spec;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		MUST(tw_spec_parse(table[i].text, &spec) == 0, "'%s'", table[i].text);
		MUST(spec.direction == table[i].direction, "'%s'", table[i].text);
		MUST(spec.once == table[i].once, "'%s'", table[i].text);
		MUST(spec.now == table[i].now, "'%s'", table[i].text);
		MUST(spec.pressure == -1, "'%s'", table[i].text);
		MUST(same_level(&spec.hyst, &table[i].hyst), "'%s'", table[i].text);
		MUST((spec.level.kind == TW_LEVEL_MAX) == (table[i].text[0] == '-'),
		     "'%s'", table[i].text);
	}
}

static void what_is_not_in_the_grammar_is_refused_and_sets_nothing(void)
{
	static const char *const table[] = {
		"", " ", " 5", "k", "x", "-", "-2", "-1x", "-10", "-1%", "-1k", "- 1", "+5", "0x10",
		"5x", "5kk", "5ki", "5kI", "5KI", "5KiB", "5kB", "5 k", "5p", "5e", "5i", "1.5m",
		"1.5", ".5%", "1.%", "1.234%", "10%%", "10 %", "10%k", "10k%", "%", "1,5%",
		"100.01%", "101%", "18446744073709551617%", "5,default", "1e3",
		"18446744073709551616", "18446744073709551615k", "18014398509481984k", "16777216T",
		"17179869184g", "99999999999999999999999999", "low",
		"5 up", "5 RISING", "5 risin", "5 risings", "5 rising,once", "5 rising falling",
		"5 both rising", "5 rising rising", "5 5", "5 hyst", "5 hyst=", "5 hyst=x",
		"5 hyst=-1", "5 hyst=101%", "5 hyst= 5", "5 hyst =5", "5 hyst=5x",
		"5 hyst=5 hyst=6", "5 hyst=99999999999999999999", "5 HYST=5", "5 once=1", "5 now!",
		"rising", "rising 5",
		"5\x01", "5 \x80", "5%\xff",
	};
	struct tw_spec spec, untouched;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		memset(&spec, 0x5a, sizeof(spec));
		untouched = spec;
		MUST(tw_spec_parse(table[i], &spec) == -EINVAL, "'%s'", table[i]);
		MUST(memcmp(&spec, &untouched, sizeof(spec)) == 0, "'%s'", table[i]);
	}
}

static void pressure_levels_are_names_with_a_mode_that_means_nothing(void)
{
	static const unsigned int percent[TW_PRESSURES] = { 60, 80, 95 };
	static const struct {
		const char *text;
		int pressure;
		unsigned int direction;
	} good_ones[] = {
		{ "low", 0, TW_RISING }, { "medium", 1, TW_RISING }, { "critical", 2, TW_RISING },
		{ "low,default", 0, TW_RISING }, { "medium,hierarchy", 1, TW_RISING },
		{ "critical,local", 2, TW_RISING }, { "low falling", 0, TW_FALLING },
		{ "low,default both once", 0, TW_BOTH }, { "low ", 0, TW_RISING },
		{ "medium hyst=5%", 1, TW_RISING },
	};
	static const char *const bad_ones[] = {
		"", " low", "high", "lo", "loww", "LOW", "80%", "5", "-1", "low medium", "low,",
		"low,x", "low,default,local", "low, default", ",default", "low ,default",
		"low,defaultx", "low both rising",
	};
	struct tw_spec spec, untouched;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good_ones); i++) {
		MUST(tw_spec_parse_pressure(good_ones[i].text, percent, &spec) == 0,
		     "'%s'", good_ones[i].text);
		MUST(spec.pressure == good_ones[i].pressure, "'%s'", good_ones[i].text);
		MUST(spec.direction == good_ones[i].direction, "'%s'", good_ones[i].text);
		MUST(spec.level.kind == TW_LEVEL_PERCENT, "'%s'", good_ones[i].text);
		MUST(spec.level.value == 100 * percent[good_ones[i].pressure],
		     "'%s'", good_ones[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(bad_ones); i++) {
		memset(&spec, 0x5a, sizeof(spec));
		untouched = spec;
		MUST(tw_spec_parse_pressure(bad_ones[i], percent, &spec) == -EINVAL,
		     "'%s'", bad_ones[i]);
		MUST(memcmp(&spec, &untouched, sizeof(spec)) == 0, "'%s'", bad_ones[i]);
	}
}

static void the_rfc_counts_blocks(void)
{
	static const struct {
		const char *text;
		struct tw_level level;
	} good_ones[] = {
		{ "", { TW_LEVEL_NONE, 0 } }, { " \n", { TW_LEVEL_NONE, 0 } },
		{ "0", { TW_LEVEL_NONE, 0 } }, { "0k", { TW_LEVEL_NONE, 0 } },
		{ "0%", { TW_LEVEL_NONE, 0 } }, { "1234", { TW_LEVEL_BLOCKS, 1234 } },
		{ " 12\n", { TW_LEVEL_BLOCKS, 12 } }, { "1k", { TW_LEVEL_BLOCKS, 1024 } },
		{ "2M", { TW_LEVEL_BLOCKS, 2 << 20 } }, { "1g", { TW_LEVEL_BLOCKS, 1 << 30 } },
		{ "80%", { TW_LEVEL_PERCENT, 8000 } }, { "99.95% ", { TW_LEVEL_PERCENT, 9995 } },
		{ "18446744073709551615", { TW_LEVEL_BLOCKS, U64_MAX } },
	};
	static const char *const bad_ones[] = {
		"x", "-1", "+5", "0x10", "5 6", "5x", "5kk", "5Ki", "5t", "101%", "5.5", "%",
		"18446744073709551616", "18014398509481984k",
	};
	struct tw_level level, untouched;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good_ones); i++) {
		MUST(tw_level_parse_blocks(good_ones[i].text, &level) == 0,
		     "'%s'", good_ones[i].text);
		MUST(same_level(&level, &good_ones[i].level), "'%s'", good_ones[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(bad_ones); i++) {
		memset(&level, 0x5a, sizeof(level));
		untouched = level;
		MUST(tw_level_parse_blocks(bad_ones[i], &level) == -EINVAL, "'%s'", bad_ones[i]);
		MUST(memcmp(&level, &untouched, sizeof(level)) == 0, "'%s'", bad_ones[i]);
	}
}

/* what event_control and warn_used_blocks make of the text of a level */
static bool parses_back(const struct tw_level *level)
{
	char text[TW_LEVEL_TEXT];
	struct tw_level again;
	struct tw_spec spec;
	int length = tw_level_print(text, sizeof(text), level);
	bool same = length == (int)strlen(text) && length < TW_LEVEL_TEXT;

	if (level->kind == TW_LEVEL_BYTES || level->kind == TW_LEVEL_PERCENT ||
	    level->kind == TW_LEVEL_MAX)
		same = same && tw_spec_parse(text, &spec) == 0 && same_level(&spec.level, level);
	/* there 0 of anything is none, and is printed as such */
	if (level->kind == TW_LEVEL_NONE || (level->kind != TW_LEVEL_BYTES && level->value))
		same = same && tw_level_parse_blocks(text, &again) == 0 &&
			same_level(&again, level);
	/* and a hysteresis, which no registration prints as -1 */
	if (level->kind == TW_LEVEL_BYTES || level->kind == TW_LEVEL_PERCENT) {
		char args[TW_LEVEL_TEXT + 16];

		snprintf(args, sizeof(args), "-1 hyst=%s", text);
		same = same && tw_spec_parse(args, &spec) == 0 && same_level(&spec.hyst, level);
	}
	if (!same)
		printf("# kind %d, value %llu: '%s'\n", level->kind,
		       (unsigned long long)level->value, text);
	return same;
}

static void what_is_printed_parses_to_the_same(void)
{
	static const enum tw_level_kind kinds[] = { TW_LEVEL_BYTES, TW_LEVEL_BLOCKS };
	struct tw_level level = { TW_LEVEL_PERCENT, 0 };
	char text[TW_LEVEL_TEXT];
	unsigned int i, bit;
	u64 random = 1;

	for (level.value = 0; level.value <= 10000; level.value++)
		MUST(parses_back(&level));
	/* numbers of each length, the same ones each time, and those around a power of two */
	for (i = 0; i < 64000; i++) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		level = (struct tw_level){ kinds[i % 2], random >> i % 64 };
		MUST(parses_back(&level));
	}
	for (i = 0; i < 2; i++) {
		level.kind = kinds[i];
		for (bit = 0; bit < 64; bit++) {
			for (level.value = (1ULL << bit) - 1; level.value <= (1ULL << bit) + 1;
			     level.value++)
				MUST(parses_back(&level));
		}
		level.value = U64_MAX;
		MUST(parses_back(&level));
		tw_level_print(text, sizeof(text), &level);
		MUST(strcmp(text, "18446744073709551615") == 0, "'%s'", text);
	}
	level = (struct tw_level){ TW_LEVEL_MAX, 0 };
	MUST(parses_back(&level));
	tw_level_print(text, sizeof(text), &level);
	MUST(strcmp(text, "-1") == 0, "'%s'", text);
	level = (struct tw_level){ TW_LEVEL_NONE, 0 };
	MUST(parses_back(&level));
	tw_level_print(text, sizeof(text), &level);
	MUST(strcmp(text, "0") == 0, "'%s'", text);
}

/* ---- numbers of blocks ---- */

static void bytes_are_rounded_up_to_blocks_of_any_size(void)
{
	static const unsigned int shifts[] = { 12, 14, 16 };
	struct tw_level level = { TW_LEVEL_BYTES, 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		u64 block = 1ULL << shifts[i];

#define BLOCKS(bytes)	(level.value = (bytes), tw_level_blocks(&level, 1000, shifts[i]))
		MUST(BLOCKS(0) == 0);
		MUST(BLOCKS(1) == 1);
		MUST(BLOCKS(block - 1) == 1);
		MUST(BLOCKS(block) == 1);
		MUST(BLOCKS(block + 1) == 2);
		MUST(BLOCKS(U64_MAX) == 1ULL << (64 - shifts[i]));
#undef BLOCKS
	}
}

static void percentages_are_rounded_up_at_any_size_of_a_mount(void)
{
	static const u64 sizes[] = {
		0, 1, 2, 3, 7, 99, 100, 101, 1000, 9999, 10000, 10001, 16384, 1 << 20,
		(1ULL << 32) - 1, 1ULL << 32, 1ULL << 51, (1ULL << 52) + 12345, U64_MAX - 1,
		U64_MAX,
	};
	struct tw_level level = { TW_LEVEL_PERCENT, 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (level.value = 0; level.value <= 10000; level.value++) {
			unsigned __int128 want = sizes[i];

			want = (want * level.value + 9999) / 10000;
			MUST(tw_level_blocks(&level, sizes[i], 12) == (u64)want,
			     "%llu of %llu", (unsigned long long)level.value,
			     (unsigned long long)sizes[i]);
		}
	}
}

static void no_level_and_the_largest_are_never_reached(void)
{
	struct tw_level level = { TW_LEVEL_NONE, 0 };

	MUST(tw_level_blocks(&level, 1000, 12) == TW_NEVER);
	level.kind = TW_LEVEL_MAX;
	MUST(tw_level_blocks(&level, 1000, 12) == TW_NEVER);
}

/*
 * uapi/tmpfswarn.h in its own words, against the band: walk usage at random and
 * count what each would signal.
 */
static int signals_by_the_words(int direction, int level, int hyst, int from, int to, bool *armed)
{
	bool up = from < level && to >= level;
	bool down = from >= level && to < level;
	int count = 0;

	if (direction == TW_RISING) {
		if (!*armed && (to <= level - hyst || to == 0))
			*armed = true;
		if (up && *armed) {
			count = 1;
			*armed = hyst == 0;
		}
	} else if (direction == TW_FALLING) {
		if (!*armed && to >= level + hyst)
			*armed = true;
		if (down && *armed) {
			count = 1;
			*armed = hyst == 0;
		}
	} else if (hyst == 0) {
		count = up + down;
	} else if (*armed) {
		/* here: waiting for the way up */
		if (to >= level) {
			count = 1;
			*armed = false;
		}
	} else if (to <= level - hyst || to == 0) {
		count = 1;
		*armed = true;
	}
	return count;
}

static int signals_by_the_band(int direction, struct tw_band band, int to, bool *above)
{
	if (!*above && (u64)to >= band.rise) {
		*above = true;
		return !!(direction & TW_RISING);
	}
	if (*above && (u64)to < band.fall) {
		*above = false;
		return !!(direction & TW_FALLING);
	}
	return 0;
}

static void walk(int direction, int level, int hyst)
{
	struct tw_spec spec = {
		.level = { TW_LEVEL_BYTES, level },
		.hyst = { hyst ? TW_LEVEL_BYTES : TW_LEVEL_NONE, hyst },
		.direction = direction,
	};
	struct tw_band band = tw_spec_band(&spec, 1000, 0);
	/* falling starts from far above: nothing to hold back yet */
	bool armed = true, above = direction == TW_FALLING;
	int usage = above ? 1000 : 0, step, want, got;
	unsigned int seed = 1;

	MUST(band.rise >= band.fall);
	for (step = 0; step < 2000; step++) {
		int to = rand_r(&seed) % 20;

		want = signals_by_the_words(direction, level, hyst, usage, to, &armed);
		got = signals_by_the_band(direction, band, to, &above);
		if (want != got) {
			MUST(want == got, "direction %d level %d hyst %d: %d to %d",
			     direction, level, hyst, usage, to);
			break;
		}
		usage = to;
	}
}

static void the_band_does_what_the_words_say(void)
{
	int level, hyst;

	for (level = 1; level <= 8; level++) {
		for (hyst = 0; hyst <= 10; hyst++) {
			walk(TW_RISING, level, hyst);
			walk(TW_FALLING, level, hyst);
			walk(TW_BOTH, level, hyst);
		}
	}
}

static void the_band_stands_at_the_ends_of_the_numbers(void)
{
	struct tw_spec spec = { .direction = TW_FALLING, .level = { TW_LEVEL_BYTES, U64_MAX },
				.hyst = { TW_LEVEL_BYTES, U64_MAX } };
	struct tw_band band = tw_spec_band(&spec, 1000, 0);

	MUST(band.rise >= band.fall);
	spec.level.value = 5;
	band = tw_spec_band(&spec, 1000, 0);
	MUST(band.rise == TW_NEVER);
	spec.direction = TW_RISING;
	band = tw_spec_band(&spec, 1000, 0);
	MUST(band.rise == 5 && band.fall == 1);
	spec.level = (struct tw_level){ TW_LEVEL_MAX, 0 };
	band = tw_spec_band(&spec, 1000, 0);
	MUST(band.rise == TW_NEVER && band.fall <= band.rise);
	spec.level = (struct tw_level){ TW_LEVEL_PERCENT, 5000 };
	spec.hyst = (struct tw_level){ TW_LEVEL_PERCENT, 10000 };
	band = tw_spec_band(&spec, 1000, 12);
	MUST(band.rise == 500 && band.fall == 1);
	spec.hyst = (struct tw_level){ TW_LEVEL_PERCENT, 1000 };
	band = tw_spec_band(&spec, 1000, 12);
	MUST(band.rise == 500 && band.fall == 401);
}

#define RUN(test) do {							\
	good = true;							\
	test();								\
	tests++;							\
	failed += !good;						\
	printf("%sok %d %s\n", good ? "" : "not ", tests, #test);	\
} while (0)

static void blocks_are_bytes_up_to_what_64_bits_hold(void)
{
	MUST(tw_blocks_to_bytes(0, 12) == 0);
	MUST(tw_blocks_to_bytes(3, 12) == 12288);
	MUST(tw_blocks_to_bytes(U64_MAX >> 12, 12) == U64_MAX - 4095);
	MUST(tw_blocks_to_bytes((U64_MAX >> 12) + 1, 12) == U64_MAX);
	MUST(tw_blocks_to_bytes(U64_MAX, 16) == U64_MAX);
}

int main(void)
{
	setbuf(stdout, NULL);
	printf("TAP version 13\n1..16\n");
	RUN(a_number_of_an_fd_is_decimal_and_alone);
	RUN(a_registration_is_split_as_the_kernel_splits_it);
	RUN(a_request_is_a_descriptor_a_level_and_words);
	RUN(blocks_are_bytes_up_to_what_64_bits_hold);
	RUN(suffixes_are_powers_of_1024);
	RUN(a_percentage_has_up_to_two_decimals);
	RUN(the_words_say_what_is_asked_for);
	RUN(what_is_not_in_the_grammar_is_refused_and_sets_nothing);
	RUN(pressure_levels_are_names_with_a_mode_that_means_nothing);
	RUN(the_rfc_counts_blocks);
	RUN(what_is_printed_parses_to_the_same);
	RUN(bytes_are_rounded_up_to_blocks_of_any_size);
	RUN(percentages_are_rounded_up_at_any_size_of_a_mount);
	RUN(no_level_and_the_largest_are_never_reached);
	RUN(the_band_does_what_the_words_say);
	RUN(the_band_stands_at_the_ends_of_the_numbers);
	return failed ? 1 : 0;
}
