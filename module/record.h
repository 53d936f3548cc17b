/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records: the lines that are read from the device.
 */
#ifndef TW_RECORD_H
#define TW_RECORD_H

#include <linux/types.h>

#include "crossing.h"
#include "level.h"

struct user_namespace;

/* more than the longest record: a tag, and all else at its longest */
#define TW_RECORD_TEXT	512

/**
 * enum tw_event - what a record tells
 * @TW_EVENT_STATE: a trigger was registered
 * @TW_EVENT_UP: its level was reached
 * @TW_EVENT_DOWN: usage has gone below it
 * @TW_EVENT_REFUSED: something was refused
 * @TW_EVENT_GONE: its mount has gone
 */
enum tw_event {
	TW_EVENT_STATE,
	TW_EVENT_UP,
	TW_EVENT_DOWN,
	TW_EVENT_REFUSED,
	TW_EVENT_GONE,
};

/**
 * struct tw_record - what a record tells
 * @event: what has happened
 * @crossings: how many crossings it stands for, of which @crossing is the last
 * @crossing: usage then, and who
 */
struct tw_record {
	enum tw_event event;
	unsigned long crossings;
	struct tw_crossing crossing;
};

/**
 * struct tw_record_names - what the records of a trigger have in common
 * @tag: as it was given, NUL-terminated
 * @level: as it is printed
 * @dev: number of the mount
 * @shift: log2 of the bytes that each of what is counted is
 * @sides: there is a level, with two sides
 */
struct tw_record_names {
	char tag[TW_TAG_MAX + 1];
	char level[TW_LEVEL_TEXT];
	dev_t dev;
	unsigned int shift;
	bool sides;
};

size_t tw_record_print(char *buf, size_t size, const struct tw_record *record,
		       const struct tw_record_names *names,
		       struct user_namespace *user_ns);

#endif /* TW_RECORD_H */
