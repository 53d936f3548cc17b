// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers, and waiting for them to be gone.
 */
#include "bench.h"

/* So many more, with an eventfd each, from a level on, in blocks, upward. */
void triggers_add(struct place *place, int *efds, int count, long long level)
{
	int i;

	for (i = 0; i < count; i++) {
		efds[i] = listen_blocks(&place->mount, level + i * 16LL, "rising");
		if (efds[i] < 0)
			fail("registering: %s", strerror(-efds[i]));
	}
}

void triggers_close(int *efds, int count)
{
	long long left = stat_of("triggers") - count;
	int i;

	for (i = 0; i < count; i++)
		close(efds[i]);
	if (!EVENTUALLY(stat_of("triggers") == left))
		fail("%lld triggers are left of %lld", stat_of("triggers") - left, left + count);
}
