/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module knows of mounts, for list.
 */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_object;

/**
 * struct usage - figures of a mount
 *
 * Bytes; all zero where the mount has no limit of that kind. @refused are calls, which
 * the module alone counts.
 */
struct usage {
	uint64_t size;
	uint64_t used;
	uint64_t free;
	uint64_t inodes;
	uint64_t inodes_used;
	uint64_t inodes_free;
	uint64_t refused;
};

/**
 * struct listed - a mount that the module knows
 * @dev: its number
 * @usage: its figures
 * @known: @usage is
 * @peak: the most bytes that were used
 * @peaked: @peak is known: it was asked for
 * @levels: array of objects, one for each trigger
 */
struct listed {
	dev_t dev;
	struct usage usage;
	bool known;
	uint64_t peak;
	bool peaked;
	struct json_object *levels;
};

struct listing {
	struct listed *mounts;
	size_t nr;
};

void usage_set(struct usage *usage, const char *key, uint64_t value);
struct listed *listing_get(struct listing *listing, dev_t dev);
void listing_add_trigger(struct listed *listed, char *line);
const char *listing_value(struct json_object *trigger, const char *key);
void listing_free(struct listing *listing);

#endif /* LISTING_H */
