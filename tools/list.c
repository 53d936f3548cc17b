// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <json.h>

#include "../uapi/tmpfswarn.h"
#include "interface.h"
#include "listing.h"
#include "mount.h"
#include "text.h"
#include "tool.h"

const char list_help[] =
"Usage: tmpfswarn [list] [OPTION...]\n"
"\n"
"Lists every tmpfs mounted, with the levels registered: to root those of\n"
"everybody, to others their own. Without the module they are not known.\n"
"\n"
"      --interface NAME  device, debugfs or auto, the first that can be used\n"
"  -j, --json            JSON, numbers in bytes, and all there is to know of the\n"
"                        levels\n"
"  -h, --help            this text\n"
"\n"
"Exit status: 0 success, also where levels are not known; 1 error\n";

enum {
	OPTION_INTERFACE = 256,
};

static const struct option options[] = {
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/**
 * struct row - what list shows of a mount
 * @mount: where; without mount points if it is in other namespaces only
 * @number: "major:minor"
 * @usage: its figures
 * @known: @usage is
 * @levels: array of objects, NULL if not known
 */
struct row {
	struct mount mount;
	char number[MOUNT_NUMBER_SIZE];
	struct usage usage;
	bool known;
	struct json_object *levels;
};

/* The figures as anyone can have them, unless the mount is covered. */
static bool row_statvfs(struct row *row)
{
	struct usage *usage = &row->usage;
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

static void row_read(struct row *row, const struct listed *listed)
{
	mount_number(row->number, row->mount.dev);
	row->known = row_statvfs(row);
	if (!listed)
		return;
	if (!row->known) {
		row->known = listed->known;
		row->usage = listed->usage;
	}
	row->levels = listed->levels;
}

static void row_print_json(const struct row *row, struct json_object *rows)
{
	struct json_object *object = json_object_new_object();
	const struct usage *usage = &row->usage;
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

	json_object_object_add(object, "device", text_json(row->number));
	text_json_add_all(object, "mountpoints", row->mount.points,
			  row->mount.nr_points);
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
	const char *level = listing_value(trigger, "level");
	char *end;
	uint64_t amount = strtoull(level, &end, 10);

	if (end == level || *end)
		return level;
	if (!strcmp(listing_value(trigger, "resource"), TMPFSWARN_WARN_USED))
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
	const struct usage *usage = &row->usage;
	size_t i;

	if (row->known && usage->size) {
		text_bytes(size, usage->size);
		text_bytes(used, usage->used);
	}
	if (row->known && usage->inodes)
		snprintf(inodes, sizeof(inodes), "%" PRIu64, usage->inodes);
	printf("%-8s %7s %7s %6s %9s %6s  %-*s  %s\n", row->number, size, used,
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
 * All mounts: those to be seen here, then those that only the module knows, as
 * those of containers. @listing is NULL where levels are not known.
 */
static int rows_make(struct row **rows, size_t *nr, struct listing *listing)
{
	size_t nr_listed = listing ? listing->nr : 0, i, j;
	struct mount *mounts;

	if (mount_list(&mounts, nr))
		return STATUS_ERROR;
	*rows = calloc(*nr + nr_listed + 1, sizeof(**rows));
	if (!*rows) {
		error("out of memory");
		return STATUS_ERROR;
	}
	for (i = 0; i < *nr; i++) {
		(*rows)[i].mount = mounts[i];
		row_read(&(*rows)[i], listing ?
			 listing_get(listing, mounts[i].dev) : NULL);
	}
	for (i = 0; i < nr_listed; i++) {
		dev_t dev = listing->mounts[i].dev;

		for (j = 0; j < *nr && (*rows)[j].mount.dev != dev; j++)
			;
		if (j < *nr)
			continue;
		(*rows)[*nr].mount.dev = dev;
		row_read(&(*rows)[(*nr)++], &listing->mounts[i]);
	}
	return STATUS_OK;
}

static int list(const struct interface *asked, bool json)
{
	struct json_object *object, *array;
	const struct interface *interface;
	struct listing listing = { };
	const char *why;
	struct row *rows;
	size_t nr, i;

	interface = interface_choose(asked, &why);
	if (interface)
		why = interface->list(&listing);
	if (rows_make(&rows, &nr, why ? NULL : &listing))
		return STATUS_ERROR;
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
	const struct interface *interface = NULL;
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":jh", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_INTERFACE:
			status = interface_parse("list", optarg, &interface);
			if (status)
				return status;
			break;
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
	return list(interface, json);
}
