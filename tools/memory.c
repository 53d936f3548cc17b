// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json.h>

#include "cgroup.h"
#include "memory.h"
#include "text.h"
#include "tool.h"

/* given with --cgroup; NULL for our own */
static const char *asked;

static const char meminfo[] = "/proc/meminfo";

/* The argument of --cgroup: a path below the cgroup2 mount, or with that. */
int memory_option(const char *command, const char *path)
{
	const char *mount = cgroup_mount();
	char file[PATH_MAX], *real;
	size_t length;

	if (!mount)
		return usage_error(command, "--cgroup %s: no cgroup2 is mounted",
				   text_name(path));
	length = strlen(mount);
	if (!strncmp(path, mount, length) && path[length] == '/')
		path += length;
	snprintf(file, sizeof(file), "%s/%s/cgroup.procs", mount, path);
	real = realpath(file, NULL);
	if (!real || strncmp(real, mount, length) || real[length] != '/')
		return usage_error(command, "--cgroup %s: no such cgroup below %s",
				   text_name(path), mount);
	*strrchr(real, '/') = '\0';
	asked = real + length;
	return STATUS_OK;
}

/* A file of a cgroup with a number or "max"; @none if there is no such file. */
static uint64_t read_number(const char *dir, const char *name, uint64_t none)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return none;
	if (fscanf(file, "%" SCNu64, &none) != 1)
		none = UINT64_MAX;
	fclose(file);
	return none;
}

/* The sum of those of @keys that the file @path has. */
static uint64_t read_sum(const char *path, const char *const keys[])
{
	uint64_t value, sum = 0;
	char line[256], key[64];
	FILE *file = fopen(path, "re");
	size_t i;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^: ]%*[: ]%" SCNu64, key, &value) != 2)
			continue;
		for (i = 0; keys[i]; i++) {
			if (!strcmp(key, keys[i]))
				sum += value;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

/* MemAvailable and MemTotal in bytes, 0 where that is not known. */
void memory_machine(uint64_t *available, uint64_t *total)
{
	static const char *const keys[][2] = { { "MemAvailable" }, { "MemTotal" } };

	*available = read_sum(meminfo, keys[0]) << 10;
	*total = read_sum(meminfo, keys[1]) << 10;
}

static uint64_t less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

static uint64_t more(uint64_t to, uint64_t amount)
{
	return to > UINT64_MAX - amount ? UINT64_MAX : to + amount;
}

static void memory_set(struct memory *memory, uint64_t left, const char *limit,
		       const char *cgroup)
{
	if (memory->limit && memory->left <= left)
		return;
	memory->left = left;
	memory->limit = limit;
	snprintf(memory->cgroup, sizeof(memory->cgroup), "%s", cgroup);
}

/*
 * What the limits of the cgroup @dir leave, of which the path has @root bytes
 * before its own begin.
 *
 * As for MemAvailable, page cache and what else the kernel drops before it kills
 * anybody counts as free. tmpfs is none of it: it is on the list of anonymous
 * memory, and leaves RAM for swap only.
 *
 * @swap: what is left of it above
 * Return: the swap that is left there.
 */
static uint64_t memory_visit(struct memory *memory, const char *dir, size_t root,
			     uint64_t swap)
{
	static const char *const limits[] = { "memory.max", "memory.high" };
	static const char *const droppable[] = {
		"inactive_file", "active_file", "slab_reclaimable", NULL
	};
	uint64_t used, limit;
	char path[PATH_MAX];
	size_t i;

	limit = read_number(dir, "memory.swap.max", UINT64_MAX);
	used = read_number(dir, "memory.swap.current", 0);
	if (limit != UINT64_MAX && less(limit, used) < swap)
		swap = less(limit, used);

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	used = less(read_number(dir, "memory.current", 0),
		    read_sum(path, droppable));
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		limit = read_number(dir, limits[i], UINT64_MAX);
		if (limit != UINT64_MAX)
			memory_set(memory, more(less(limit, used), swap),
				   limits[i], dir[root] ? dir + root : "/");
	}
	return swap;
}

/* The same of @dir and all above it: anyone may nest them as deep as he likes. */
static void memory_visit_all(struct memory *memory, char *dir, size_t root,
			     uint64_t swap)
{
	char *end = dir + root, *slash;

	for (;;) {
		slash = strchrnul(end, '/');
		end = slash + 1;
		if (*slash) {
			*slash = '\0';
			swap = memory_visit(memory, dir, root, swap);
			*slash = '/';
			continue;
		}
		memory_visit(memory, dir, root, swap);
		return;
	}
}

/**
 * memory_read() - find the nearest limit
 * @memory: to be set
 * @cgroup: a path below the cgroup2 mount, NULL for our own; that of --cgroup
 *	is taken instead
 *
 * Return: false if none is known.
 */
bool memory_read(struct memory *memory, const char *cgroup)
{
	static const char *const available[] = { "MemAvailable", NULL };
	static const char *const free_swap[] = { "SwapFree", NULL };
	uint64_t swap = read_sum(meminfo, free_swap) << 10;
	uint64_t left = read_sum(meminfo, available) << 10;
	const char *mount = cgroup_mount();
	char dir[PATH_MAX], *own = NULL;
	size_t length;

	memory->limit = NULL;
	if (left)
		memory_set(memory, more(left, swap), "ram", "");
	if (asked)
		cgroup = asked;
	else if (!cgroup)
		cgroup = own = cgroup_of(0);
	if (mount && cgroup) {
		length = snprintf(dir, sizeof(dir), "%s%s", mount, cgroup);
		/* longer than a path can be is none; "/" is none of its own */
		if (length < sizeof(dir)) {
			if (dir[length - 1] == '/')
				dir[length - 1] = '\0';
			memory_visit_all(memory, dir, strlen(mount), swap);
		}
	}
	free(own);
	return memory->limit;
}

/**
 * memory_text() - what ends a mount before it is full
 * @buf: for the text
 * @memory: the nearest limit
 * @size: of the mount, 0 for one without limit
 * @free: what it has left
 *
 * Return: "its cgroup leaves 30M", or the like; NULL if the mount comes first.
 */
const char *memory_text(char buf[MEMORY_TEXT_SIZE],
			const struct memory *memory, uint64_t size,
			uint64_t free)
{
	char left[TEXT_SIZE];

	if (!memory->limit || (size && free <= memory->left))
		return NULL;
	text_bytes(left, memory->left);
	if (!*memory->cgroup)
		snprintf(buf, MEMORY_TEXT_SIZE, "RAM and swap leave %s", left);
	else
		snprintf(buf, MEMORY_TEXT_SIZE, "its cgroup leaves %s%s", left,
			 strcmp(memory->limit, "memory.high") ? "" :
			 " before it is slowed down");
	return buf;
}

/* The same for programs, whichever comes first; NULL if none is known. */
struct json_object *memory_json(const struct memory *memory)
{
	struct json_object *object;

	if (!memory->limit)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "left",
			       json_object_new_uint64(memory->left));
	json_object_object_add(object, "limit", text_json(memory->limit));
	text_json_add(object, "cgroup",
		      *memory->cgroup ? memory->cgroup : NULL);
	return object;
}

/* Prints what ends a mount before it is full, if anything does. */
void memory_print(uint64_t size, uint64_t used)
{
	char buf[MEMORY_TEXT_SIZE];
	struct memory memory;
	const char *text;

	memory_read(&memory, NULL);
	text = memory_text(buf, &memory, size, less(size, used));
	if (text)
		printf("; %s", text);
}

void memory_add(struct json_object *object)
{
	struct memory memory;

	memory_read(&memory, NULL);
	json_object_object_add(object, "memory", memory_json(&memory));
}
