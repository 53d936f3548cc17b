// SPDX-License-Identifier: GPL-2.0
/*
 * What one page costs its writer.
 */
#include "bench.h"

/* of a percpu_counter, on up to 16 CPUs */
#define BATCH	32

/* between two phases */
#define STEP	4

/* What it costs with the module not there, which all else is compared with. */
void base(void)
{
	/* the first ones on a new machine take a little longer */
	place_cost(&watched);
	place_measure(&watched, "no module", "none");
	place_measure(&other, "no module, other mount", "none");
	place_measure(&memfd, "no module, memfd", "none");
	place_use(&watched, 0);
	place_measure(&watched, "no module, empty", "none");
	place_use(&watched, FLOOR);
}

/*
 * The 64 blocks before a level, the last of which is one too few. A CPU counts
 * up to its batch of 32 blocks for itself, so where usage comes near it is
 * anywhere from 0 to 31 blocks ahead of the shared part of the counter. The
 * truncate after each run leaves it at 0; the shift before the next one puts it
 * where the phase is, and the mean of the phases is reported.
 */
static void measure_near(struct listener *listener)
{
	struct cost sum = { 0 }, cost;
	int phase;

	for (phase = 0; phase < BATCH; phase += STEP) {
		watched.shift = 2 * BATCH + phase;
		listener_watch(listener, FLOOR + watched.shift + 65);
		cost = place_cost(&watched);
		sum.write += cost.write;
		sum.fallocate += cost.fallocate;
		if (listener_told(listener))
			fail("%s: told of a crossing that was none", listener->hook);
		listener_forget(listener);
	}
	watched.shift = 0;
	if (unlink(scratch_path(&watched.mount, "shift")))
		fail("unlink: %m");
	result("near", listener->hook, "write", sum.write / (BATCH / STEP));
	result("near", listener->hook, "fallocate", sum.fallocate / (BATCH / STEP));
}

/* Frees that may fall past a level, and do not. */
static void measure_above(const char *hook)
{
	int efd = listen_blocks(&watched.mount, FLOOR, "both");

	if (efd < 0)
		fail("registering: %s", strerror(-efd));
	quiesce();
	place_measure(&watched, "above", hook);
	if (readable(efd, 0))
		fail("%s: told of a crossing that was none", hook);
	triggers_close(&efd, 1);
}

static void measure(const char *hook)
{
	struct listener listener;

	if (!listener_open(&listener, hook))
		return;
	if (!listener.peer)
		place_measure(&watched, "loaded", hook);
	listener_watch(&listener, FAR);
	place_measure(&other, "other mount", hook);
	place_measure(&memfd, "memfd", hook);
	place_measure(&watched, "far", hook);
	place_use(&watched, 0);
	place_measure(&watched, "empty", hook);
	place_use(&watched, FLOOR);
	listener_forget(&listener);
	measure_near(&listener);
	listener_watch(&listener, FLOOR / 2);
	place_measure(&watched, "past", hook);
	listener_forget(&listener);
	if (!listener.peer)
		measure_above(hook);
	listener_close(&listener);
}

void pages(void)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
	for (i = 0; i < HOOKS; i++)
		measure(peers[i]);
}
