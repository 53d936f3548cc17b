// SPDX-License-Identifier: GPL-2.0
/*
 * What one page costs its writer.
 */
#include "bench.h"

/* What it costs with the module not there, which all else is compared with. */
void base(void)
{
	struct place place, memfd;

	place_mount(&place);
	place_use(&place, FLOOR);
	place_measure(&place, "no module", "none");
	place_end(&place);
	place_memfd(&memfd);
	place_measure(&memfd, "no module, memfd", "none");
	place_end(&memfd);
}

static void with_module(const char *hook, struct place *watched, struct place *other,
			struct place *memfd)
{
	int efd;

	place_shown(watched);
	place_shown(other);
	place_measure(watched, "loaded", hook);

	triggers_add(watched, &efd, 1, FAR);
	place_measure(other, "other mount", hook);
	place_measure(memfd, "memfd", hook);
	place_measure(watched, "far", hook);
	place_use(watched, 0);
	place_measure(watched, "empty", hook);
	place_use(watched, FLOOR);
	triggers_close(&efd, 1);

	/* the last block of a run is the last before the level */
	triggers_add(watched, &efd, 1, FLOOR + 65);
	place_measure(watched, "near", hook);
	if (readable(efd, 0))
		fail("a level was crossed that should not have been");
	triggers_close(&efd, 1);

	triggers_add(watched, &efd, 1, FLOOR / 2);
	place_measure(watched, "past", hook);
	triggers_close(&efd, 1);
}

static void with_peer(const char *hook, struct place *watched, struct place *other,
		      struct place *memfd)
{
	struct peer *peer = peer_start(hook);

	if (!peer)
		return;
	peer_watch(peer, watched, FAR);
	place_measure(other, "other mount", hook);
	place_measure(memfd, "memfd", hook);
	place_measure(watched, "far", hook);
	peer_watch(peer, watched, FLOOR + 65);
	place_measure(watched, "near", hook);
	peer_watch(peer, watched, FLOOR / 2);
	place_measure(watched, "past", hook);
	peer_end(peer);
}

void pages(void)
{
	struct place watched, other, memfd;
	int i;

	place_mount(&watched);
	place_mount(&other);
	place_memfd(&memfd);
	place_use(&watched, FLOOR);
	for (i = 0; i < HOOKS; i++) {
		if (!hook_insert(hooks[i], ""))
			continue;
		with_module(hooks[i], &watched, &other, &memfd);
		hook_remove();
	}
	for (i = 0; i < HOOKS; i++)
		with_peer(peers[i], &watched, &other, &memfd);
	place_end(&memfd);
	place_end(&other);
	place_end(&watched);
}
