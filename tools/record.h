/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines read from the device.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/**
 * struct record - a line read
 * @kind: the value of "event", in the line; NULL if there is none
 * @tag: of its registration
 * @above: usage is at the level or more
 * @event: all else that it says
 */
struct record {
	const char *kind;
	uint64_t tag;
	bool above;
	struct event event;
};

void record_parse(struct record *record, char *line);

#endif /* RECORD_H */
