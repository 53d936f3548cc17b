// SPDX-License-Identifier: GPL-2.0
/*
 * What is shown of the module and of triggers, through either interface: see
 * uapi/tmpfswarn.h.
 */
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/uidgid.h>

#include <tmpfswarn.h>

#include "deferral.h"
#include "discovery.h"
#include "hook.h"
#include "mount.h"
#include "resync.h"
#include "show.h"
#include "trigger.h"
#include "verdict.h"

/**
 * tw_show_hook() - the figures that say nothing of anybody's triggers
 * @seq: where to
 */
void tw_show_hook(struct seq_file *seq)
{
	struct tw_hook_info hook;

	tw_hook_info(&hook);
	seq_printf(seq, "version %s\n", THIS_MODULE->version);
	seq_printf(seq, "hook %s\n", hook.symbol);
	seq_printf(seq, "hook_kind %s\n", hook.kind);
	seq_printf(seq, "hook_free %s\n", hook.free_symbol);
	seq_printf(seq, "hook_free_kind %s\n", hook.free_kind);
}

/**
 * tw_show_stats() - all figures
 * @seq: where to
 */
void tw_show_stats(struct seq_file *seq)
{
	struct tw_trigger_counts triggers;
	struct tw_discovery_counts mounts;
	struct tw_hook_info hook;

	tw_show_hook(seq);
	seq_printf(seq, "hook_shrink %s\n", tw_deferral_symbol());
	seq_printf(seq, "hook_refused %s\n", tw_verdict_symbol());
	tw_hook_info(&hook);
	tw_discovery_counts(&mounts);
	tw_trigger_counts(&triggers);
	seq_printf(seq, "armed %d\n", hook.armed);
	seq_printf(seq, "armings %lu\n", hook.armings);
	seq_printf(seq, "mounts %u\n", mounts.shown);
	seq_printf(seq, "mounts_hidden %u\n", mounts.hidden);
	seq_printf(seq, "triggers %u\n", triggers.triggers);
	seq_printf(seq, "crossings %llu\n", triggers.crossings);
	seq_printf(seq, "signals %llu\n", triggers.signals);
	seq_printf(seq, "missed %lu\n", hook.missed);
	seq_printf(seq, "resyncs %lu\n", tw_resync_count());
	seq_printf(seq, "deferrals %lu\n", tw_deferral_count());
}

static void tw_show_mount(struct tw_mount *mount, void *data)
{
	struct seq_file *seq = data;
	struct tw_usage usage;

	if (tw_mount_usage(mount, &usage))
		return;
	seq_printf(seq, "dev=%u:%u size=%llu used=%lld free=%llu inodes=%llu inodes_used=%llu inodes_free=%llu refused=%lu\n",
		   MAJOR(mount->dev), MINOR(mount->dev),
		   tw_blocks_to_bytes(usage.size, PAGE_SHIFT), usage.used << PAGE_SHIFT,
		   tw_blocks_to_bytes(tw_usage_free(&usage), PAGE_SHIFT), usage.inodes,
		   usage.inodes - usage.inodes_free, usage.inodes_free, usage.refused);
}

/**
 * tw_show_mounts() - a line about each mount
 * @seq: where to
 */
void tw_show_mounts(struct seq_file *seq)
{
	tw_mount_visit_all(tw_show_mount, seq);
}

static const char tw_show_unprintable[] =
	"\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26"
	"\27\30\31\32\33\34\35\36\37\177\\";

/**
 * tw_show_trigger() - a line about a trigger
 * @seq: where to
 * @trigger: as for tw_trigger_state()
 * @pid_ns: of who reads it
 * @user_ns: the same
 */
void tw_show_trigger(struct seq_file *seq, struct tw_trigger *trigger,
		     struct pid_namespace *pid_ns, struct user_namespace *user_ns)
{
	static const char * const resources[] = {
		[TW_USED_BYTES] = TMPFSWARN_USED_BYTES,
		[TW_PRESSURE_LEVEL] = TMPFSWARN_PRESSURE_LEVEL,
		[TW_WARN_USED] = TMPFSWARN_WARN_USED,
		[TW_USED_INODES] = TMPFSWARN_USED_INODES,
		[TW_REFUSED] = TMPFSWARN_REFUSED,
		[TW_MAX_USAGE] = TMPFSWARN_V1_MAX_USAGE,
	};
	static const char * const directions[] = {
		[0] = "-",
		[TW_RISING] = "rising",
		[TW_FALLING] = "falling",
		[TW_BOTH] = "both",
	};
	char level[TW_LEVEL_TEXT], hyst[TW_LEVEL_TEXT];
	struct tw_trigger_state state;

	tw_trigger_state(trigger, &state);
	tw_spec_print(level, sizeof(level), &state.spec);
	tw_level_print(hyst, sizeof(hyst), &state.spec.hyst);

	seq_printf(seq, "resource=%s level=%s %s=", resources[trigger->resource], level,
		   state.spec.gauge == TW_INODES ? "inodes" : "blocks");
	if (state.at == TW_NEVER)
		seq_putc(seq, '-');
	else
		seq_printf(seq, "%llu", state.at);
	seq_printf(seq, " direction=%s hyst=%s once=%d state=%s fired=%lu to=%s uid=%u pid=%d comm=",
		   directions[state.spec.direction], hyst, state.spec.once, state.state,
		   state.fired, trigger->ops->name, from_kuid_munged(user_ns, trigger->uid),
		   pid_nr_ns(trigger->pid, pid_ns));
	/* whatever the process has put there, it stays one line of text */
	seq_escape(seq, trigger->comm, tw_show_unprintable);
	seq_putc(seq, '\n');
}
