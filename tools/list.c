// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <json.h>

#include "../uapi/tmpfswarn.h"
#include "interface.h"
#include "mount.h"
#include "text.h"
#include "tool.h"

const char list_help[] =
"Usage: tmpfswarn [list] [OPTION...]\n"
"\n"
"Lists every tmpfs mounted, with the levels that anyone has registered.\n"
"Without the module, or without root, the levels are not known.\n"
"\n"
"  -j, --json  JSON, numbers in bytes, and all there is to know of the levels\n"
"  -h, --help  this text\n"
"\n"
"Exit status: 0 success, also where levels are not known; 1 error\n";

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/**
 * struct row - what list shows of a mount
 * @mount: where; without mount points if it is in other namespaces only
 * @name: "major:minor"
 * @usage: its figures
 * @known: @usage is
 * @levels: array of objects, NULL if not known
 */
struct row {
	struct mount mount;
	char name[DOOR_NAME_SIZE];
	struct interface_usage usage;
	bool known;
	struct json_object *levels;
};

/* The figures as anyone can have them, unless the mount is covered. */
static bool row_statvfs(struct row *row)
{
	struct interface_usage *usage = &row->usage;
	struct statvfs statvfs_;
	struct stat stat_;
	size_t i;

	for (i = 0; i < row->mount.nr_points; i++) {
		const char *point = row->mount.points[i];

		if (stat(point, &stat_) || stat_.st_dev != row->mount.dev ||
		    statvfs(point, &statvfs_))
			continue;
		usage->size = statvfs_.f_blocks * statvfs_.f_frsize;
		usage->free = statvfs_.f_bfree * statvfs_.f_frsize;
		usage->used = usage->size - usage->free;
		usage->inodes = statvfs_.f_files;
		usage->inodes_free = statvfs_.f_ffree;
		usage->inodes_used = usage->inodes - usage->inodes_free;
		return true;
	}
	return false;
}

/* Adds "key=value" to an object, as a number where it is one. */
static void add_value(struct json_object *object, const char *key,
		      const char *value)
{
	char *end;
	uint64_t number = strtoull(value, &end, 10);

	if (!strcmp(key, "once"))
		json_object_object_add(object, key,
				       json_object_new_boolean(*value == '1'));
	else if (!strcmp(key, "blocks") && !strcmp(value, "-"))
		json_object_object_add(object, key, NULL);
	else if ((!strcmp(key, "blocks") || !strcmp(key, "fired") ||
		  !strcmp(key, "pid")) && end != value && !*end)
		json_object_object_add(object, key,
				       json_object_new_uint64(number));
	else
		json_object_object_add(object, key, text_json(value));
}

/* A line of triggers; comm is the last key, with spaces in its value. */
static struct json_object *parse_trigger(char *line)
{
	struct json_object *object = json_object_new_object();
	char *key = line, *value, *end;

	line[strcspn(line, "\n")] = '\0';
	while (key && *key) {
		value = strchr(key, '=');
		if (!value)
			break;
		*value++ = '\0';
		end = strcmp(key, "comm") ? strchr(value, ' ') : NULL;
		if (end)
			*end++ = '\0';
		add_value(object, key, value);
		key = end;
	}
	return object;
}

static const char *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value ? json_object_get_string(value) : "";
}

/* The sentinels of watch and wait, and the RFC's clients that wait for one. */
static bool has_level(struct json_object *trigger)
{
	const char *level = get(trigger, "level");

	if (!strcmp(get(trigger, "resource"), TMPFSWARN_WARN_USED))
		return strcmp(level, "0");
	return strcmp(level, "-1");
}

static void row_read_levels(struct row *row, int dir)
{
	FILE *file = interface_file(dir, TMPFSWARN_TRIGGERS);
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	row->levels = json_object_new_array();
	while (getline(&line, &size, file) > 0) {
		struct json_object *trigger = parse_trigger(line);

		if (has_level(trigger))
			json_object_array_add(row->levels, trigger);
		else
			json_object_put(trigger);
	}
	free(line);
	fclose(file);
}

static void row_read(struct row *row, int interface)
{
	int dir = -1;

	interface_name(row->name, row->mount.dev);
	row->known = row_statvfs(row);
	if (interface >= 0)
		dir = openat(interface, row->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (!row->known)
		row->known = !interface_usage(dir, &row->usage);
	row_read_levels(row, dir);
	close(dir);
}

static void row_print_json(const struct row *row, struct json_object *rows)
{
	struct json_object *object = json_object_new_object();
	struct json_object *points = json_object_new_array();
	const struct interface_usage *usage = &row->usage;
	const struct {
		const char *key;
		uint64_t value;
	} figures[] = {
		{ "size", usage->size },
		{ "used", usage->used },
		{ "free", usage->free },
		{ "inodes", usage->inodes },
		{ "inodes_used", usage->inodes_used },
		{ "inodes_free", usage->inodes_free },
	};
	size_t i;

	json_object_object_add(object, "device", text_json(row->name));
	for (i = 0; i < row->mount.nr_points; i++)
		json_object_array_add(points, text_json(row->mount.points[i]));
	json_object_object_add(object, "mountpoints", points);
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_object_add(object, figures[i].key, row->known ?
				       json_object_new_uint64(figures[i].value) :
				       NULL);
	json_object_object_add(object, "levels",
			       row->levels ? json_object_get(row->levels) :
					     NULL);
	json_object_array_add(rows, object);
}

/* A level for people; the blocks of the RFC's interface become bytes. */
static const char *level_text(char buf[TEXT_SIZE], struct json_object *trigger)
{
	const char *level = get(trigger, "level");
	char *end;
	uint64_t amount = strtoull(level, &end, 10);

	if (end == level || *end)
		return level;
	if (!strcmp(get(trigger, "resource"), TMPFSWARN_WARN_USED))
		amount *= sysconf(_SC_PAGESIZE);
	return text_amount(buf, amount);
}

/* Each level once, separated by commas. */
static char *row_levels_text(const struct row *row)
{
	size_t size, nr, i;
	char *text, *found;
	FILE *out;

	if (!row->levels)
		return strdup("?");
	nr = json_object_array_length(row->levels);
	if (!nr)
		return strdup("-");
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fputc(',', out);
	for (i = 0; i < nr; i++) {
		char buf[TEXT_SIZE], word[TEXT_SIZE + 2];

		snprintf(word, sizeof(word), ",%s,",
			 level_text(buf, json_object_array_get_idx(row->levels,
								   i)));
		fflush(out);
		found = strstr(text, word);
		if (!found)
			fputs(word + 1, out);
	}
	fclose(out);
	/* without the commas at its ends */
	text[size - 1] = '\0';
	memmove(text, text + 1, size - 1);
	return text;
}

static void row_print(const struct row *row, char *levels, int width)
{
	char size[TEXT_SIZE] = "-", used[TEXT_SIZE] = "-", use[TEXT_SIZE];
	char inodes[TEXT_SIZE] = "-", iuse[TEXT_SIZE];
	const struct interface_usage *usage = &row->usage;
	size_t i;

	if (row->known && usage->size) {
		text_bytes(size, usage->size);
		text_bytes(used, usage->used);
	}
	if (row->known && usage->inodes)
		snprintf(inodes, sizeof(inodes), "%" PRIu64, usage->inodes);
	printf("%-8s %7s %7s %6s %9s %6s  %-*s  %s\n", row->name, size, used,
	       text_percent(use, usage->used, usage->size), inodes,
	       text_percent(iuse, usage->inodes_used, usage->inodes), width,
	       levels, row->mount.nr_points ?
	       text_name(row->mount.points[0]) : "(in another namespace)");
	for (i = 1; i < row->mount.nr_points; i++)
		printf("%*s%s\n", 52 + width, "",
		       text_name(row->mount.points[i]));
}

static int rows_print(const struct row *rows, size_t nr)
{
	char **levels = calloc(nr + 1, sizeof(*levels));
	int width = strlen("LEVELS");
	size_t i;

	if (!levels)
		goto no_memory;
	for (i = 0; i < nr; i++) {
		levels[i] = row_levels_text(&rows[i]);
		if (!levels[i])
			goto no_memory;
		if ((int)strlen(levels[i]) > width)
			width = strlen(levels[i]);
	}
	printf("%-8s %7s %7s %6s %9s %6s  %-*s  %s\n", "DEVICE", "SIZE", "USED",
	       "USE%", "INODES", "IUSE%", width, "LEVELS", "MOUNTED ON");
	for (i = 0; i < nr; i++)
		row_print(&rows[i], levels[i], width);
	return STATUS_OK;

no_memory:
	error("out of memory");
	return STATUS_ERROR;
}

/*
 * Adds the mounts that are in other namespaces alone, as those of containers:
 * they have a directory but no line in mountinfo.
 */
static void add_hidden(struct row **rows, size_t *nr, int interface)
{
	DIR *dir = fdopendir(dup(interface));
	unsigned int major, minor;
	struct dirent *entry;
	struct row *more;
	size_t i;

	while (dir && (entry = readdir(dir))) {
		dev_t dev;

		if (sscanf(entry->d_name, "%u:%u", &major, &minor) != 2)
			continue;
		dev = makedev(major, minor);
		for (i = 0; i < *nr && (*rows)[i].mount.dev != dev; i++)
			;
		if (i < *nr)
			continue;
		more = reallocarray(*rows, *nr + 1, sizeof(*more));
		if (!more)
			break;
		*rows = more;
		more[(*nr)++] = (struct row){ .mount.dev = dev };
	}
	if (dir)
		closedir(dir);
}

static int list(bool json)
{
	struct json_object *object, *array;
	struct mount *mounts;
	const char *why = NULL;
	struct row *rows;
	size_t nr, i;
	int interface;

	if (mount_list(&mounts, &nr))
		return STATUS_ERROR;
	rows = calloc(nr + 1, sizeof(*rows));
	if (!rows) {
		error("out of memory");
		return STATUS_ERROR;
	}
	for (i = 0; i < nr; i++)
		rows[i].mount = mounts[i];
	interface = interface_open(&why);
	if (interface >= 0)
		add_hidden(&rows, &nr, interface);
	for (i = 0; i < nr; i++)
		row_read(&rows[i], interface);
	if (why)
		error("levels not known: %s", why);
	if (!json)
		return rows_print(rows, nr);

	object = json_object_new_object();
	array = json_object_new_array();
	for (i = 0; i < nr; i++)
		row_print_json(&rows[i], array);
	json_object_object_add(object, "mounts", array);
	text_json_print(object);
	return STATUS_OK;
}

int list_main(int argc, char **argv)
{
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, ":jh", options, NULL)) >= 0) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(list_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	if (optind < argc)
		return operand_error("list", argv[optind]);
	return list(json);
}
