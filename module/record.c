// SPDX-License-Identifier: GPL-2.0
/*
 * Records: the lines that are read from the device, see uapi/tmpfswarn.h.
 */
#include <linux/types.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/uidgid.h>

#include "level.h"
#include "record.h"

static size_t tw_record_print_task(char *buf, size_t size,
				   const struct tw_crossing *crossing,
				   struct user_namespace *user_ns)
{
	size_t len;

	len = scnprintf(buf, size, " pid=%d uid=%u cgroup=%llu comm=", crossing->pid,
			from_kuid_munged(user_ns, crossing->uid), crossing->cgroup);
	/* as /proc/PID/status has it: whatever is in it, it stays one line */
	return len + string_escape_str(crossing->comm, buf + len, size - len,
				       ESCAPE_SPACE | ESCAPE_SPECIAL, "\n\\");
}

/**
 * tw_record_print() - the text of a record
 * @buf: where to; not terminated
 * @size: of @buf; TW_RECORD_TEXT is enough
 * @record: the record
 * @names: of its trigger
 * @user_ns: of who reads it
 *
 * Return: the length of the text, which ends in a newline.
 */
size_t tw_record_print(char *buf, size_t size, const struct tw_record *record,
		       const struct tw_record_names *names,
		       struct user_namespace *user_ns)
{
	static const char * const events[] = {
		[TW_EVENT_STATE] = "state",
		[TW_EVENT_UP] = "up",
		[TW_EVENT_DOWN] = "down",
		[TW_EVENT_REFUSED] = "refused",
		[TW_EVENT_GONE] = "gone",
	};
	static const char * const causes[] = {
		[TW_CAUSE_SIZE] = "size",
		[TW_CAUSE_INODES] = "inodes",
		[TW_CAUSE_QUOTA] = "quota",
		[TW_CAUSE_OVERCOMMIT] = "overcommit",
	};
	const struct tw_crossing *crossing = &record->crossing;
	size_t len;

	len = scnprintf(buf, size,
			"event=%s tag=%s level=%s dev=%u:%u used=%llu size=%llu time=%lld.%09ld",
			events[record->event], names->tag, names->level,
			MAJOR(names->dev), MINOR(names->dev),
			tw_blocks_to_bytes(crossing->used, names->shift),
			tw_blocks_to_bytes(crossing->size, names->shift),
			(long long)crossing->time.tv_sec, crossing->time.tv_nsec);
	if (record->event == TW_EVENT_REFUSED) {
		if (crossing->refusal.cause != TW_CAUSE_UNTOLD)
			len += scnprintf(buf + len, size - len, " cause=%s",
					 causes[crossing->refusal.cause]);
		if (crossing->refusal.asked)
			len += scnprintf(buf + len, size - len, " asked=%llu",
					 crossing->refusal.asked);
	}
	if (record->event == TW_EVENT_STATE && names->sides)
		len += scnprintf(buf + len, size - len, " state=%s",
				 crossing->above ? "above" : "below");
	if (record->event == TW_EVENT_UP || record->event == TW_EVENT_DOWN ||
	    record->event == TW_EVENT_REFUSED) {
		len += scnprintf(buf + len, size - len, " crossings=%lu", record->crossings);
		if (crossing->known)
			len += tw_record_print_task(buf + len, size - len, crossing, user_ns);
	}
	if (len >= size)
		len = size - 1;
	buf[len++] = '\n';
	return len;
}
