// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json.h>

#include "../uapi/tmpfswarn.h"
#include "cgroup.h"
#include "interface.h"
#include "row.h"
#include "text.h"
#include "tool.h"

const char list_help[] =
"Usage: tmpfswarn [list] [OPTION...]\n"
"\n"
"Lists every tmpfs mounted, with the levels registered: to root those of\n"
"everybody, to others their own. Without the module they are not known. Where\n"
"memory leaves less than the mount, a line says how much. The column REFUSED is\n"
"there if a mount has refused system calls while somebody watched for that.\n"
"\n"
"      --cgroup PATH     memory of this cgroup, below the cgroup2 mount, in place\n"
"                        of our own and of those that have a mount elsewhere\n"
"      --owners          a line for each level: who has registered it\n"
"      --interface NAME  device, debugfs or auto, the first that can be used\n"
"  -j, --json            JSON, numbers in bytes, and all there is to know\n"
"  -h, --help            this text\n"
"\n"
"Exit status: 0 success, also where levels are not known; 1 error\n";

enum {
	OPTION_CGROUP = 256,
	OPTION_INTERFACE,
	OPTION_OWNERS,
};

static const struct option options[] = {
	{ "cgroup", required_argument, NULL, OPTION_CGROUP },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "owners", no_argument, NULL, OPTION_OWNERS },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* NULL where it cannot be told that nobody has the mount. */
static struct json_object *elsewhere_json(const struct row *row)
{
	struct json_object *array;
	size_t i;

	if (!row->mount.nr_points && !row->nr_elsewhere && !row->everywhere)
		return NULL;
	array = json_object_new_array();
	for (i = 0; i < row->nr_elsewhere; i++) {
		const struct elsewhere *elsewhere = &row->elsewhere[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "pid",
				       json_object_new_int64(elsewhere->pid));
		text_json_add(object, "comm", elsewhere->comm);
		row_add_cgroup(object, elsewhere->cgroup);
		text_json_add_all(object, "mountpoints",
				  (const char *const *)elsewhere->points,
				  elsewhere->nr_points);
		json_object_array_add(array, object);
	}
	return array;
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
	json_object_object_add(object, "elsewhere", elsewhere_json(row));
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_object_add(object, figures[i].key, row->known ?
				       json_object_new_uint64(figures[i].value) :
				       NULL);
	json_object_object_add(object, "refused", row->counted ?
			       json_object_new_uint64(usage->refused) : NULL);
	json_object_object_add(object, "levels",
			       row->levels ? json_object_get(row->levels) :
					     NULL);
	json_object_object_add(object, "memory", memory_json(&row->memory));
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

/*
 * Where another namespace has the mount: the path by which it is reached, and
 * the container or unit, else the process.
 */
static void elsewhere_print(const struct elsewhere *elsewhere, int indent)
{
	char buf[CGROUP_NAME_SIZE];
	const char *name = elsewhere->cgroup ?
		cgroup_name(buf, elsewhere->cgroup) : NULL;
	size_t i;

	if (!name)
		name = elsewhere->comm ? elsewhere->comm : "?";
	for (i = 0; i < elsewhere->nr_points; i++)
		printf("%*s/proc/%d/root%s (%s)\n", i ? indent : 0, "",
		       elsewhere->pid, text_name(elsewhere->points[i]),
		       text_name(name));
}

static void row_print_places(const struct row *row, int indent)
{
	size_t i;

	for (i = 0; i < row->mount.nr_points; i++)
		printf("%*s%s\n", i ? indent : 0, "",
		       text_name(row->mount.points[i]));
	if (row->mount.nr_points)
		return;
	/* the others are mostly its children; JSON has all */
	if (row->nr_elsewhere)
		elsewhere_print(row->elsewhere, indent);
	else
		puts(row->everywhere ? "(detached)" : "(no path here)");
}

/* Of those that were counted, which is so while somebody watches for them. */
static void row_print_refused(const struct row *row)
{
	char refused[TEXT_SIZE] = "-";

	if (row->counted)
		snprintf(refused, sizeof(refused), "%" PRIu64,
			 row->usage.refused);
	printf("%7s  ", refused);
}

static void row_print(const struct row *row, const char *levels, int width,
		      bool refused)
{
	char size[TEXT_SIZE] = "-", used[TEXT_SIZE] = "-", use[TEXT_SIZE];
	char inodes[TEXT_SIZE] = "-", iuse[TEXT_SIZE];
	const struct usage *usage = &row->usage;
	int indent = 52 + width + (refused ? 9 : 0);
	char buf[MEMORY_TEXT_SIZE];
	const char *ends;

	if (row->known && usage->size) {
		text_bytes(size, usage->size);
		text_bytes(used, usage->used);
	}
	if (row->known && usage->inodes)
		snprintf(inodes, sizeof(inodes), "%" PRIu64, usage->inodes);
	printf("%-8s %7s %7s %6s %9s %6s  ", row->number, size, used,
	       text_percent(use, usage->used, usage->size), inodes,
	       text_percent(iuse, usage->inodes_used, usage->inodes));
	if (refused)
		row_print_refused(row);
	printf("%-*s  ", width, levels);
	row_print_places(row, indent);
	ends = row->known ? memory_text(buf, &row->memory, usage->size,
					usage->free) : NULL;
	if (ends)
		printf("%*s(%s)\n", indent, "", ends);
}

static void row_print_owners(const struct row *row)
{
	size_t nr = row->levels ? json_object_array_length(row->levels) : 0, i;

	for (i = 0; i < nr; i++) {
		struct json_object *trigger =
			json_object_array_get_idx(row->levels, i);
		const char *pid = listing_value(trigger, "pid");
		const char *name = listing_value(trigger, "name");
		char level[TEXT_SIZE];

		printf("  %s by %s", level_text(level, trigger),
		       text_name(listing_value(trigger, "comm")));
		/* one that our pid namespace shows */
		if (strcmp(pid, "0"))
			printf("[%s]", pid);
		printf(" uid %s%s%s\n", listing_value(trigger, "uid"),
		       *name ? " in " : "", text_name(name));
	}
}

static int rows_print(const struct rows *rows, bool owners)
{
	char **levels = calloc(rows->nr + 1, sizeof(*levels));
	int width = strlen("LEVELS");
	bool refused = false;
	size_t i;

	if (!levels)
		goto no_memory;
	for (i = 0; i < rows->nr; i++) {
		levels[i] = row_levels_text(&rows->row[i]);
		if (!levels[i])
			goto no_memory;
		if ((int)strlen(levels[i]) > width)
			width = strlen(levels[i]);
		refused |= rows->row[i].usage.refused;
	}
	printf("%-8s %7s %7s %6s %9s %6s  %s%-*s  %s\n", "DEVICE", "SIZE", "USED",
	       "USE%", "INODES", "IUSE%", refused ? "REFUSED  " : "", width, "LEVELS",
	       "MOUNTED ON");
	for (i = 0; i < rows->nr; i++) {
		row_print(&rows->row[i], levels[i], width, refused);
		if (owners)
			row_print_owners(&rows->row[i]);
	}
	return STATUS_OK;

no_memory:
	error("out of memory");
	return STATUS_ERROR;
}

static int list(const struct interface *asked, bool json, bool owners)
{
	struct json_object *object, *array;
	const struct interface *interface;
	struct listing listing = { };
	struct rows rows;
	const char *why;
	int status;
	size_t i;

	interface = interface_choose(asked, &why);
	if (interface)
		why = interface->list(&listing);
	status = rows_make(&rows, why ? NULL : &listing);
	if (status && !rows.nr)
		return status;
	if (why)
		error("levels not known: %s", why);
	if (!json)
		return rows_print(&rows, owners) ?: status;

	object = json_object_new_object();
	array = json_object_new_array();
	for (i = 0; i < rows.nr; i++)
		row_print_json(&rows.row[i], array);
	json_object_object_add(object, "mounts", array);
	text_json_print(object);
	return status;
}

int list_main(int argc, char **argv)
{
	const struct interface *interface = NULL;
	bool json = false, owners = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":jh", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_CGROUP:
			status = memory_option("list", optarg);
			if (status)
				return status;
			break;
		case OPTION_OWNERS:
			owners = true;
			break;
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
	return list(interface, json, owners);
}
