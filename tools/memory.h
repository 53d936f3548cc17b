/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What memory is left: a tmpfs may have space for more than a cgroup, or the
 * machine, has memory for.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* for what memory_text() says */
#define MEMORY_TEXT_SIZE	128

/**
 * struct memory - the nearest limit
 * @left: bytes until it is reached
 * @limit: "memory.max", "memory.high", or "ram" for RAM and swap; NULL if none is
 *	known, and what follows is not set
 * @cgroup: which has the limit; "" for RAM and swap
 */
struct memory {
	uint64_t left;
	const char *limit;
	char cgroup[4096];
};

int memory_option(const char *command, const char *path);
void memory_machine(uint64_t *available, uint64_t *total);
bool memory_read(struct memory *memory, const char *cgroup);
const char *memory_text(char buf[MEMORY_TEXT_SIZE],
			const struct memory *memory, uint64_t size,
			uint64_t free);
struct json_object *memory_json(const struct memory *memory);

/* Of our own cgroup, or that of --cgroup. */
void memory_print(uint64_t size, uint64_t used);
void memory_add(struct json_object *object);

#endif /* MEMORY_H */
