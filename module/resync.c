// SPDX-License-Identifier: GPL-2.0
/*
 * The resync: while there are thresholds, usage is compared with them about once a
 * second, whether anybody allocates or frees or not.
 *
 * The hook leaves each threshold on the side where usage is, see check.c. What it does not
 * see may leave one on the other side, where it misses the next crossing: a hit
 * that the kernel has dropped, a probe that somebody has switched off, blocks that an
 * allocation counts and takes back because it fails. What two passes in a row find on the
 * wrong side is put right as if the hook had asked for a check: about two seconds after it
 * went wrong, three if the timer's rounding adds up.
 */
#include <linux/jiffies.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "check.h"
#include "discovery.h"
#include "gauge.h"
#include "mount.h"
#include "resync.h"

/* from one pass to the next, rounded so that the CPU wakes up for others, too */
#define TW_RESYNC_PERIOD	HZ

/* these are of the work alone; the first is read by others */
static unsigned long tw_resyncs;
static bool tw_resync_needed;
static bool tw_resync_found;

static void tw_resync_visit(struct tw_gauge *gauge)
{
	bool resynced = false;

	if (tw_check_again(gauge, &resynced))
		tw_resync_needed = true;
	if (resynced) {
		tw_resync_found = true;
		WRITE_ONCE(tw_resyncs, tw_resyncs + 1);
	}
}

static void tw_resync_fn(struct work_struct *work)
{
	tw_resync_needed = false;
	tw_resync_found = false;
	tw_gauge_visit_watched(tw_resync_visit);
	/* what a remount that nobody has seen needs a process for: I12 of check.c, and size=0 */
	if (tw_resync_found)
		tw_discovery_check_watched();
	if (tw_resync_needed)
		tw_resync_start();
}

/* not deferrable: an idle machine must be told, too */
static DECLARE_DELAYED_WORK(tw_resync, tw_resync_fn);

/**
 * tw_resync_start() - a threshold was added
 *
 * Nothing stops the resync: a pass that finds no threshold is the last one. One that is
 * under way and has not seen the new threshold is followed by another, since it is not
 * pending any more.
 *
 * Context: process.
 */
void tw_resync_start(void)
{
	queue_delayed_work(tw_wq, &tw_resync,
			   round_jiffies_relative(TW_RESYNC_PERIOD));
}

/**
 * tw_resync_exit() - no pass runs on return, and none will
 *
 * Nobody can add a threshold any more.
 */
void tw_resync_exit(void)
{
	cancel_delayed_work_sync(&tw_resync);
}

/**
 * tw_resync_count() - how often a gauge was put right
 *
 * Return: that, since load.
 */
unsigned long tw_resync_count(void)
{
	return READ_ONCE(tw_resyncs);
}
