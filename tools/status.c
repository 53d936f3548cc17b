// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json.h>

#include "../uapi/tmpfswarn.h"
#include "interface.h"
#include "mount.h"
#include "text.h"
#include "tool.h"

const char status_help[] =
"Usage: tmpfswarn status [OPTION...]\n"
"\n"
"Says whether the module is loaded, debugfs mounted and the kernel locked down,\n"
"which hook is in use and what it missed, and what to do about each.\n"
"\n"
"  -j, --json  JSON\n"
"  -h, --help  this text\n"
"\n"
"Exit status: 0 all is well; 1 something is to be done\n";

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/**
 * struct report - the lines of the report
 * @json: the same as an object, NULL to print lines
 * @problems: of @json
 * @bad: there is a problem
 */
struct report {
	struct json_object *json;
	struct json_object *problems;
	bool bad;
};

static void report_add(struct report *report, const char *key,
		       const char *value, const char *remedy)
{
	struct json_object *problem;
	char *end;
	uint64_t number = strtoull(value, &end, 10);

	if (remedy)
		report->bad = true;
	if (!report->json) {
		printf("%-14s %s%s%s\n", key, value, remedy ? ": " : "",
		       remedy ? remedy : "");
		return;
	}
	json_object_object_add(report->json, key, end != value && !*end ?
			       json_object_new_uint64(number) :
			       text_json(value));
	if (!remedy)
		return;
	problem = json_object_new_object();
	json_object_object_add(problem, "about", text_json(key));
	json_object_object_add(problem, "remedy", text_json(remedy));
	json_object_array_add(report->problems, problem);
}

static void report_stat(struct report *report, const char *key,
			const char *value)
{
	const char *remedy = NULL;
	bool some = strcmp(value, "0");

	if (!strcmp(key, "mounts_hidden") && some)
		remedy = "over the limit of their user (load the module with a larger max_mounts), or out of memory (see dmesg)";
	else if (!strcmp(key, "missed") && some)
		remedy = "crossings may have been told late: load the module with another hook_symbol";
	report_add(report, key, value, remedy);
}

static void report_stats(struct report *report)
{
	const char *why;
	int interface = interface_open(&why);
	char key[32], value[256];
	FILE *file = NULL;

	if (interface >= 0) {
		file = interface_file(interface, TMPFSWARN_STATS);
		if (!file)
			why = "stats not readable: run as root";
		close(interface);
	}
	if (!file) {
		report_add(report, "stats", "unknown", why);
		return;
	}
	while (fscanf(file, "%31s %255[^\n]", key, value) == 2)
		report_stat(report, key, value);
	fclose(file);
}

static int report_all(struct report *report)
{
	const char *debugfs = mount_debugfs();
	const char *lockdown = interface_lockdown();
	bool loaded = interface_module_live();
	bool locked = lockdown && strcmp(lockdown, "none");

	report_add(report, "module", loaded ? "loaded" : "not loaded",
		   loaded ? NULL : "modprobe tmpfswarn");
	report_add(report, "debugfs", debugfs ? debugfs : "not mounted",
		   debugfs ? NULL : "mount -t debugfs debugfs /sys/kernel/debug");
	report_add(report, "lockdown", lockdown ? lockdown : "unknown",
		   locked ? "watch and wait cannot work: turn Secure Boot off in the firmware" :
			    NULL);
	if (loaded && debugfs)
		report_stats(report);
	return report->bad ? STATUS_ERROR : STATUS_OK;
}

int status_main(int argc, char **argv)
{
	struct report report = { };
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":jh", options, NULL)) >= 0) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(status_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	if (optind < argc)
		return operand_error("status", argv[optind]);
	if (json) {
		report.json = json_object_new_object();
		report.problems = json_object_new_array();
	}
	status = report_all(&report);
	if (json) {
		json_object_object_add(report.json, "ok",
				       json_object_new_boolean(!report.bad));
		json_object_object_add(report.json, "problems",
				       report.problems);
		text_json_print(report.json);
	}
	return status;
}
