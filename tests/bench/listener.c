// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: who is told that one level was crossed upward, by whichever hook.
 */
#include "bench.h"

/* False, after saying so, where the kernel has no such hook. */
bool listener_open(struct listener *listener, const char *hook)
{
	int i;

	memset(listener, 0, sizeof(*listener));
	listener->hook = hook;
	listener->fd = -1;
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

/* Reads what there is, waiting for it; how many crossings it tells. */
static long long read_records(int fd)
{
	static const char key[] = " crossings=";
	static char text[1 << 16];
	ssize_t size = read(fd, text, sizeof(text) - 1);
	long long crossings = 0;
	char *found;

	if (size <= 0)
		fail("read: %m");
	text[size] = '\0';
	for (found = text; (found = strstr(found, key)); found++)
		crossings += atoll(found + strlen(key));
	return crossings;
}

static void watch_by_device(struct listener *listener, long long level)
{
	int on = open(watched.mount.path, O_PATH | O_CLOEXEC), i;

	listener->fd = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	for (i = 0; i < listener->triggers; i++) {
		if (dprintf(listener->fd, "%d %lld rising", on, level * PAGE) < 0)
			fail(TMPFSWARN_DEVICE ": %m");
	}
	close(on);
	/* where each begins */
	read_records(listener->fd);
}

void listener_watch(struct listener *listener, long long level)
{
	if (listener->peer)
		peer_watch(listener->peer, &watched, level);
	else if (listener->device)
		watch_by_device(listener, level);
	else
		triggers_add(&watched, &listener->fd, 1, level);
	/* listener_take() waits */
	if (!listener->peer && fcntl(listener->fd, F_SETFL, 0))
		fail("fcntl: %m");
	quiesce();
}

void listener_forget(struct listener *listener)
{
	if (listener->peer)
		peer_forget(listener->peer, &watched);
	else if (listener->device)
		close(listener->fd);
	else
		triggers_close(&listener->fd, 1);
}

static int listener_fd(struct listener *listener)
{
	return listener->peer ? peer_fd(listener->peer) : listener->fd;
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
	if (listener->device)
		return read_records(listener->fd);
	if (read(listener->fd, &count, sizeof(count)) != sizeof(count))
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
