// SPDX-License-Identifier: GPL-2.0
/*
 * Peaks: the most that was used of a mount since somebody has asked.
 *
 * That is a threshold, one block above the most that a check has found, which moves up with usage
 * and tells nobody. So it costs nothing until it is asked for, and then what a level costs, and a
 * check for each block that is more than there ever were.
 */
#include <linux/slab.h>

#include "mount.h"
#include "peak.h"
#include "trigger.h"

static void tw_peak_del(struct tw_trigger *trigger)
{
	kfree(trigger);
}

/* There is nobody to tell, and so neither a crossing nor an end to be told. */
static const struct tw_trigger_ops tw_peak_ops = {
	.name = "nobody",
	.del = tw_peak_del,
};

/* To be begun on @mount; -EEXIST if somebody else was first. */
static int tw_peak_begin(struct tw_mount *mount)
{
	struct tw_trigger *trigger = kzalloc(sizeof(*trigger), GFP_KERNEL_ACCOUNT |
					     __GFP_RETRY_MAYFAIL);
	int err;

	if (!trigger)
		return -ENOMEM;
	trigger->ops = &tw_peak_ops;
	trigger->resource = TW_MAX_USAGE;
	trigger->threshold.peak = true;
	trigger->threshold.spec = (struct tw_spec){
		.level.kind = TW_LEVEL_BYTES,
		.direction = TW_RISING,
		.pressure = -1,
	};
	err = tw_trigger_register(trigger, mount);
	if (err)
		kfree(trigger);
	return err;
}

/**
 * tw_peak_reset() - the most that was used is what is used now
 * @mount: where
 *
 * Context: process.
 * Return: 0, or as tw_trigger_register().
 */
int tw_peak_reset(struct tw_mount *mount)
{
	int err;

	do {
		err = tw_trigger_reset_peak(mount);
		if (err == -ENOENT)
			err = tw_peak_begin(mount);
	} while (err == -EEXIST);
	return err;
}
