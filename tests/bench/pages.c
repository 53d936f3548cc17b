// SPDX-License-Identifier: GPL-2.0
/*
 * What one page costs its writer.
 */
#include "bench.h"

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
 * up to its batch of blocks for itself; where in that it is when usage comes
 * near differs from time to time, and so it is here.
 */
static void measure_near(struct ear *ear)
{
	struct cost sum = { 0 }, cost;
	int phase;

	for (phase = 0; phase < 32; phase += 8) {
		place_use(&watched, FLOOR + phase);
		ear_watch(ear, FLOOR + phase + 65);
		cost = place_cost(&watched);
		sum.write += cost.write / 4;
		sum.fallocate += cost.fallocate / 4;
		if (ear_told(ear))
			fail("%s: told of a crossing that was none", ear->hook);
		ear_forget(ear);
	}
	place_use(&watched, FLOOR);
	result("near", ear->hook, "write", sum.write);
	result("near", ear->hook, "fallocate", sum.fallocate);
}

static void measure(const char *hook)
{
	struct ear ear;

	if (!ear_open(&ear, hook))
		return;
	if (!ear.peer)
		place_measure(&watched, "loaded", hook);
	ear_watch(&ear, FAR);
	place_measure(&other, "other mount", hook);
	place_measure(&memfd, "memfd", hook);
	place_measure(&watched, "far", hook);
	place_use(&watched, 0);
	place_measure(&watched, "empty", hook);
	place_use(&watched, FLOOR);
	ear_forget(&ear);
	measure_near(&ear);
	ear_watch(&ear, FLOOR / 2);
	place_measure(&watched, "past", hook);
	ear_forget(&ear);
	ear_close(&ear);
}

void pages(void)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
	for (i = 0; i < HOOKS; i++)
		measure(peers[i]);
}
