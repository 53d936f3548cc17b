/* SPDX-License-Identifier: GPL-2.0 */
/* The mount of those that wait in other ways than by read(2); after the harness. */
#ifndef WAKEUP_H
#define WAKEUP_H

#define MANY	64

FIXTURE(mount) {
	struct scratch m;
	int efd[MANY];
	int other[MANY];
	int both;
	struct noise noise[2];
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	/* registered first, so told before all others */
	self->both = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, self->both);
}

FIXTURE_TEARDOWN(mount)
{
	int i;

	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, noise_stop(&self->noise[i]));
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define LISTEN(blocks, words) ({					\
	int _efd = listen_blocks(&self->m, blocks, words);		\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})
#define EXPECT_TRIGGERS(count)	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == (count)))

#endif
