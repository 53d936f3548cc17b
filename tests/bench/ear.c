// SPDX-License-Identifier: GPL-2.0
/*
 * Ears: who is told that one level was crossed upward, by whichever hook.
 */
#include "bench.h"

/* False, after saying so, where the kernel has no such hook. */
bool ear_open(struct ear *ear, const char *hook)
{
	int i;

	memset(ear, 0, sizeof(*ear));
	ear->hook = hook;
	ear->efd = -1;
	for (i = 0; i < HOOKS; i++) {
		if (strcmp(hook, peers[i]) == 0) {
			ear->peer = peer_start(hook);
			return ear->peer;
		}
	}
	if (!hook_insert(hook, ""))
		return false;
	place_shown(&watched);
	return true;
}

void ear_watch(struct ear *ear, long long level)
{
	if (ear->peer)
		peer_watch(ear->peer, &watched, level);
	else
		triggers_add(&watched, &ear->efd, 1, level);
	/* ear_take() waits */
	if (!ear->peer && fcntl(ear->efd, F_SETFL, 0))
		fail("fcntl: %m");
	quiesce();
}

void ear_forget(struct ear *ear)
{
	if (ear->peer)
		peer_forget(ear->peer, &watched);
	else
		triggers_close(&ear->efd, 1);
}

static int ear_fd(struct ear *ear)
{
	return ear->peer ? peer_fd(ear->peer) : ear->efd;
}

bool ear_told(struct ear *ear)
{
	return readable(ear_fd(ear), 0);
}

/* Waits until told, and returns how often that was. */
long long ear_take(struct ear *ear)
{
	uint64_t count;

	if (ear->peer)
		return peer_take(ear->peer);
	if (read(ear->efd, &count, sizeof(count)) != sizeof(count))
		fail("read: %m");
	return count;
}

void ear_close(struct ear *ear)
{
	if (ear->peer)
		peer_end(ear->peer);
	else
		hook_remove();
}
