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
 * struct interface_usage - the file usage of a mount
 *
 * Bytes; all zero where the mount has no limit of that kind.
 */
struct interface_usage {
	uint64_t size;
	uint64_t used;
	uint64_t free;
	uint64_t inodes;
	uint64_t inodes_used;
	uint64_t inodes_free;
};

bool interface_module_live(void);
const char *interface_lockdown(void);
const char *interface_refusal(int err);
int interface_open(const char **why);
const char *interface_name(char buf[DOOR_NAME_SIZE], dev_t dev);
FILE *interface_file(int dir, const char *name);
int interface_usage(int dir, struct interface_usage *usage);

#endif /* DOOR_H */
