// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json.h>
#include <libmount.h>

#include "../uapi/tmpfswarn.h"
#include "interface.h"
#include "listing.h"
#include "metrics.h"
#include "mount.h"
#include "place.h"
#include "reach.h"
#include "row.h"
#include "text.h"
#include "tool.h"
#include "utf8.h"

const char metrics_help[] =
"Usage: tmpfswarn metrics [OPTION...]\n"
"\n"
"Prints figures of every tmpfs that a path leads to, and of the module, in\n"
"Prometheus' text format. What is not known is left out: without the module all\n"
"but size, use and inodes, to others than root what is not their own.\n"
"\n"
"      --interface NAME  device, debugfs or auto, the first that knows all\n"
"  -h, --help            this text\n"
"\n"
"Exit status: 0 success, also where only some is known; 1 error\n";

enum {
	OPTION_INTERFACE = 256,
};

static const struct option options[] = {
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/**
 * struct metric - a metric, of the module or of each mount point
 * @name: of it
 * @type: gauge or counter
 * @help: what it is
 */
struct metric {
	const char *name;
	const char *type;
	const char *help;
};

enum {
	SIZE,
	USED,
	INODES,
	INODES_USED,
	PEAK,
	REFUSALS,
	FIGURES,
};

static const struct metric figures[FIGURES] = {
	[SIZE] = { "tmpfswarn_size_bytes", "gauge",
		   "Size of the mount." },
	[USED] = { "tmpfswarn_used_bytes", "gauge",
		   "How much of the size is used." },
	[INODES] = { "tmpfswarn_inodes", "gauge",
		     "Inodes that the mount may have." },
	[INODES_USED] = { "tmpfswarn_inodes_used", "gauge",
			  "How many of them are used." },
	[PEAK] = { "tmpfswarn_peak_bytes", "gauge",
		   "The most that was used since memory.max_usage_in_bytes was written." },
	[REFUSALS] = { "tmpfswarn_refusals_total", "counter",
		       "System calls refused while somebody watched for that." },
};

enum {
	ARMED,
	MISSED,
	HIDDEN,
	HOOKS,
};

/* with the keys of the module's stats */
static const struct {
	const char *key;
	struct metric metric;
} hooks[HOOKS] = {
	[ARMED] = {
		"armed", { "tmpfswarn_hook_armed", "gauge",
			   "1 while probes are in place, as while anything is registered." },
	},
	[MISSED] = {
		"missed", { "tmpfswarn_hook_missed_total", "counter",
			    "Hits of probes that the kernel had to drop." },
	},
	[HIDDEN] = {
		"mounts_hidden", { "tmpfswarn_hidden_mounts", "gauge",
				   "Mounts not watched, for max_mounts or for want of memory." },
	},
};

/**
 * struct value - a figure
 * @known: it is
 * @is: it
 */
struct value {
	bool known;
	uint64_t is;
};

/**
 * struct series - the figures of a mount point
 * @dev: number of its mount
 * @labels: which
 * @values: by figure
 * @listed: what the module knows of the mount; or NULL
 */
struct series {
	dev_t dev;
	char *labels;
	struct value values[FIGURES];
	const struct listed *listed;
};

/**
 * struct metrics - all figures
 * @listing: what the module knows
 * @hooks: of the module
 * @series: the mount points
 * @nr: how many
 */
struct metrics {
	struct listing listing;
	struct value hooks[HOOKS];
	struct series *series;
	size_t nr;
};

/* ---- the text ---- */

void metrics_begin(FILE *file, const char *name, const char *type,
		   const char *help)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Bytes that are no UTF-8, which the format does not have, stand there as \xHH. */
void metrics_label(FILE *file, const char *name, const char *value)
{
	uint32_t character;
	size_t length;

	fprintf(file, "%s=\"", name);
	for (; *value; value += length ? length : 1) {
		length = utf8_decode(value, &character);
		if (!length)
			fprintf(file, "\\\\x%02x", (unsigned char)*value);
		else if (*value == '\n')
			fputs("\\n", file);
		else if (*value == '"' || *value == '\\')
			fprintf(file, "\\%c", *value);
		else
			fwrite(value, 1, length, file);
	}
	fputc('"', file);
}

/* ---- what is known ---- */

static bool metrics_are_whole(const struct listing *listing)
{
	size_t i;

	for (i = 0; i < listing->nr; i++) {
		if (listing->mounts[i].known)
			return true;
	}
	return false;
}

static void metrics_hook(void *data, const char *key, const char *value)
{
	struct metrics *metrics = data;
	size_t i;

	for (i = 0; i < HOOKS; i++) {
		if (strcmp(key, hooks[i].key))
			continue;
		metrics->hooks[i] = (struct value){
			.known = true,
			.is = strtoull(value, NULL, 10),
		};
	}
}

/*
 * What the module knows, by the first interface that tells all of it: the device
 * does so to who has CAP_SYS_ADMIN, debugfs to root. NULL, or why nothing can be
 * had.
 */
static const char *metrics_ask(struct metrics *metrics,
			       const struct interface *asked)
{
	const struct interface *const *each;
	const char *refused = NULL;
	bool had = false;

	for (each = interfaces; *each && !metrics->hooks[ARMED].known; each++) {
		struct listing listing = { };
		const char *why;

		if (asked && *each != asked)
			continue;
		why = (*each)->list(&listing);
		if (!why && (!had || metrics_are_whole(&listing))) {
			listing_free(&metrics->listing);
			metrics->listing = listing;
		} else {
			listing_free(&listing);
		}
		had |= !why;
		refused = refused ?: why;
		(*each)->figures(metrics_hook, metrics);
	}
	return had ? NULL : refused;
}

static const struct listed *metrics_listed(const struct metrics *metrics,
					   dev_t dev)
{
	size_t i;

	for (i = 0; i < metrics->listing.nr; i++) {
		if (metrics->listing.mounts[i].dev == dev)
			return &metrics->listing.mounts[i];
	}
	return NULL;
}

static void series_set(struct series *series, int figure, bool known,
		       uint64_t value)
{
	series->values[figure] = (struct value){ .known = known, .is = value };
}

static bool series_fill(struct series *series, const struct place *place)
{
	const struct listed *listed = series->listed;
	struct usage usage = { };
	char number[MOUNT_NUMBER_SIZE];
	size_t size;
	FILE *file;

	if (listed && listed->known)
		usage = listed->usage;
	else
		row_statvfs(&usage, place->dev, place->point);
	series_set(series, SIZE, usage.size, usage.size);
	series_set(series, USED, usage.size, usage.used);
	series_set(series, INODES, usage.inodes, usage.inodes);
	series_set(series, INODES_USED, usage.inodes, usage.inodes_used);
	series_set(series, REFUSALS, listed && listed->known, usage.refused);
	/* that may be more, of who is on his way to a check */
	if (listed && listed->peaked)
		series_set(series, PEAK, true, listed->peak > usage.used ?
					       listed->peak : usage.used);

	file = open_memstream(&series->labels, &size);
	if (!file)
		return false;
	metrics_label(file, "device", mount_number(number, place->dev));
	fputc(',', file);
	metrics_label(file, "mountpoint", place->point);
	fclose(file);
	return series->labels;
}

/* Is the mount @dev among the first @nr? */
static bool metrics_has(const struct metrics *metrics, size_t nr, dev_t dev)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (metrics->series[i].dev == dev)
			return true;
	}
	return false;
}

/* False if there is no memory. */
static bool metrics_add(struct metrics *metrics, const struct place *place)
{
	struct series *more = reallocarray(metrics->series, metrics->nr + 1,
					   sizeof(*more));

	if (!more)
		return false;
	metrics->series = more;
	more += metrics->nr;
	*more = (struct series){
		.dev = place->dev,
		.listed = metrics_listed(metrics, place->dev),
	};
	if (!series_fill(more, place))
		return false;
	metrics->nr++;
	return true;
}

/* Adds those that are mounted as a whole, or of which a part is. */
static bool metrics_add_all(struct metrics *metrics, const struct places *places,
			    bool whole)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	size_t nr = metrics->nr;
	struct libmnt_fs *fs;
	struct place place;
	bool done = iter;

	while (done && !mnt_table_next_fs(places->table, iter, &fs)) {
		if (strcmp(mnt_fs_get_fstype(fs) ?: "", "tmpfs") ||
		    whole != !strcmp(mnt_fs_get_root(fs) ?: "/", "/") ||
		    !place_is_reached(places, fs, &place) ||
		    metrics_has(metrics, nr, place.dev))
			continue;
		done = metrics_add(metrics, &place);
	}
	mnt_free_iter(iter);
	return done;
}

/*
 * A mount is a series each where it is seen, and one that is covered there is none.
 * Parts of it, which are bind mounts, are so only where all of it is nowhere: systemd
 * makes many of them.
 */
static bool metrics_visit(struct metrics *metrics)
{
	struct places *places = places_read(NULL);
	bool done;

	if (!places)
		return false;
	done = metrics_add_all(metrics, places, true) &&
	       metrics_add_all(metrics, places, false);
	if (!done)
		error("out of memory");
	places_free(places);
	return done;
}

/* ---- crossings ---- */

/**
 * struct crossing - what a registration has been told
 * @level: as registered, but in bytes rather than blocks
 * @direction: likewise
 * @fired: how often
 */
struct crossing {
	char level[TEXT_SIZE];
	const char *direction;
	uint64_t fired;
};

/* By level and direction, and the one that has been told most first. */
static int crossing_compare(const void *a, const void *b)
{
	const struct crossing *one = a, *other = b;
	int way = strcmp(one->level, other->level) ?:
		  strcmp(one->direction, other->direction);

	return way ?: (one->fired < other->fired) - (one->fired > other->fired);
}

static void crossing_read(struct crossing *crossing, struct json_object *trigger)
{
	const char *level = listing_value(trigger, "level");

	*crossing = (struct crossing){
		.direction = listing_value(trigger, "direction"),
		.fired = strtoull(listing_value(trigger, "fired"), NULL, 10),
	};
	if (!strcmp(listing_value(trigger, "resource"), TMPFSWARN_WARN_USED) &&
	    !strchr(level, '%'))
		snprintf(crossing->level, sizeof(crossing->level), "%" PRIu64,
			 (uint64_t)strtoull(level, NULL, 10) *
			 sysconf(_SC_PAGESIZE));
	else
		snprintf(crossing->level, sizeof(crossing->level), "%s", level);
}

/*
 * Refusals have no direction, and are counted for the mount. What another user has registered
 * is left out: a level is a label, and he may choose others all the time.
 */
static bool crossing_is_told(struct json_object *trigger)
{
	return strcmp(listing_value(trigger, "direction"), "-") &&
	       strtoul(listing_value(trigger, "uid"), NULL, 10) == geteuid();
}

static size_t crossings_read(struct crossing *crossings,
			     struct json_object *levels)
{
	size_t all = json_object_array_length(levels), nr = 0, i;

	for (i = 0; i < all; i++) {
		struct json_object *trigger =
			json_object_array_get_idx(levels, i);

		if (crossing_is_told(trigger))
			crossing_read(&crossings[nr++], trigger);
	}
	qsort(crossings, nr, sizeof(*crossings), crossing_compare);
	return nr;
}

/* Of registrations alike, the one that has been told most stands for all. */
static void series_write_crossings(FILE *file, const struct series *series,
				   bool *begun)
{
	struct json_object *levels = series->listed ? series->listed->levels : NULL;
	struct crossing *crossings = NULL;
	size_t nr = 0, i;

	if (levels)
		crossings = calloc(json_object_array_length(levels) + 1,
				   sizeof(*crossings));
	if (crossings)
		nr = crossings_read(crossings, levels);
	for (i = 0; i < nr; i++) {
		const struct crossing *crossing = &crossings[i];

		if (i && !strcmp(crossing->level, crossing[-1].level) &&
		    !strcmp(crossing->direction, crossing[-1].direction))
			continue;
		if (!*begun)
			metrics_begin(file, "tmpfswarn_crossings_total", "counter",
				      "Crossings of a level, in the directions registered, since that was registered.");
		*begun = true;
		fprintf(file, "tmpfswarn_crossings_total{%s,", series->labels);
		metrics_label(file, "level", crossing->level);
		fputc(',', file);
		metrics_label(file, "direction", crossing->direction);
		fprintf(file, "} %" PRIu64 "\n", crossing->fired);
	}
	free(crossings);
}

/* ---- all of it ---- */

static void metrics_write_figure(FILE *file, const struct metrics *metrics,
				 int figure)
{
	const struct metric *metric = &figures[figure];
	bool begun = false;
	size_t i;

	for (i = 0; i < metrics->nr; i++) {
		const struct series *series = &metrics->series[i];

		if (!series->values[figure].known)
			continue;
		if (!begun)
			metrics_begin(file, metric->name, metric->type,
				      metric->help);
		begun = true;
		fprintf(file, "%s{%s} %" PRIu64 "\n", metric->name,
			series->labels, series->values[figure].is);
	}
}

static void metrics_write_all(FILE *file, const struct metrics *metrics)
{
	bool begun = false;
	size_t i;

	for (i = 0; i < FIGURES; i++)
		metrics_write_figure(file, metrics, i);
	for (i = 0; i < metrics->nr; i++)
		series_write_crossings(file, &metrics->series[i], &begun);
	for (i = 0; i < HOOKS; i++) {
		const struct metric *metric = &hooks[i].metric;

		if (!metrics->hooks[i].known)
			continue;
		metrics_begin(file, metric->name, metric->type, metric->help);
		fprintf(file, "%s %" PRIu64 "\n", metric->name,
			metrics->hooks[i].is);
	}
}

/**
 * metrics_write() - write all figures that can be had
 * @file: where to
 * @asked: interface, or NULL
 * @why: set to what keeps those of the module from being had; or NULL
 *
 * Return: false after saying what is wrong. What is wrong with @file is not said.
 */
bool metrics_write(FILE *file, const struct interface *asked, const char **why)
{
	struct metrics metrics = { };
	bool done;
	size_t i;

	/* what hangs may have been mounted since */
	reach_renew();
	*why = metrics_ask(&metrics, asked);
	done = metrics_visit(&metrics);
	if (done)
		metrics_write_all(file, &metrics);
	for (i = 0; i < metrics.nr; i++)
		free(metrics.series[i].labels);
	free(metrics.series);
	listing_free(&metrics.listing);
	return done;
}

int metrics_main(int argc, char **argv)
{
	const struct interface *interface = NULL;
	const char *why;
	int c, status;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_INTERFACE:
			status = interface_parse("metrics", optarg, &interface);
			if (status)
				return status;
			break;
		case 'h':
			fputs(metrics_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	if (optind < argc)
		return operand_error("metrics", argv[optind]);
	if (!metrics_write(stdout, interface, &why))
		return STATUS_ERROR;
	if (why)
		error("what the module knows is not known: %s", why);
	return STATUS_OK;
}
