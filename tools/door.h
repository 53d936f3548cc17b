/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's directory in debugfs, and why one cannot get there.
 */
#ifndef DOOR_H
#define DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* for "major:minor" */
#define DOOR_NAME_SIZE	32

/**
 * struct door_usage - the file usage of a mount
 *
 * Bytes; all zero where the mount has no limit of that kind.
 */
struct door_usage {
	uint64_t size;
	uint64_t used;
	uint64_t free;
	uint64_t inodes;
	uint64_t inodes_used;
	uint64_t inodes_free;
};

bool door_module_live(void);
const char *door_lockdown(void);
const char *door_refusal(int err);
int door_open(const char **why);
const char *door_name(char buf[DOOR_NAME_SIZE], dev_t dev);
FILE *door_file(int dir, const char *name);
int door_usage(int dir, struct door_usage *usage);

#endif /* DOOR_H */
