// SPDX-License-Identifier: GPL-2.0
/*
 * Ears: who is told that one level was crossed upward, by whichever hook.
 */
#include "bench.h"

/* False, after saying so, where the kernel has no such hook. */
bool listener_open(struct listener *listener, const char *hook)
{
	int i;

	memset(listener, 0, sizeof(*listener));
	listener->hook = hook;
	listener->efd = -1;
	for (i = 0; i < HOOKS; i++) {
		if (strcmp(hook, peers[i]) == 0) {
			listener->peer = peer_start(hook);
			return listener->peer;
		}
	}
	if (!hook_insert(hook, ""))
		return false;
	place_shown(&watched);
	return true;
}

void listener_watch(struct listener *listener, long long level)
{
	if (listener->peer)
		peer_watch(listener->peer, &watched, level);
	else
		triggers_add(&watched, &listener->efd, 1, level);
	/* listener_take() waits */
	if (!listener->peer && fcntl(listener->efd, F_SETFL, 0))
		fail("fcntl: %m");
	quiesce();
}

void listener_forget(struct listener *listener)
{
	if (listener->peer)
		peer_forget(listener->peer, &watched);
	else
		triggers_close(&listener->efd, 1);
}

static int listener_fd(struct listener *listener)
{
	return listener->peer ? peer_fd(listener->peer) : listener->efd;
}

bool listener_told(struct listener *listener)
{
	return readable(listener_fd(listener), 0);
}

/* Waits until told, and returns how often that was. */
long long listener_take(struct listener *listener)
{
	uint64_t count;

	if (listener->peer)
		return peer_take(listener->peer);
	if (read(listener->efd, &count, sizeof(count)) != sizeof(count))
		fail("read: %m");
	return count;
}

void listener_close(struct listener *listener)
{
	if (listener->peer)
		peer_end(listener->peer);
	else
		hook_remove();
}
