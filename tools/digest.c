// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

/* Nothing waits. */
void digest_clear(struct digest *digest)
{
	free((char *)digest->event.cgroup_path);
	digest->event.cgroup_path = NULL;
	digest->waits = false;
}

/* @event takes the place of what waits, and counts its crossings, too. */
void digest_add(struct digest *digest, const struct event *event)
{
	uint64_t before = digest->waits ? digest->event.crossings : 0;

	digest_clear(digest);
	digest->event = *event;
	digest->event.crossings += before;
	if (event->cgroup_path)
		digest->event.cgroup_path = strdup(event->cgroup_path);
	digest->waits = true;
}

/* True if its event is to be told now; digest_told() is to follow. */
bool digest_is_due(const struct digest *digest, double now)
{
	return digest->waits && now >= digest->until;
}

double digest_until(const struct digest *digest)
{
	return digest->waits ? digest->until : INFINITY;
}

void digest_told(struct digest *digest, double now)
{
	digest_clear(digest);
	digest->until = now + DIGEST_PAUSE;
}
