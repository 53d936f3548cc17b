// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "interface.h"
#include "refusal.h"
#include "text.h"
#include "tool.h"

const char status_help[] =
"Usage: tmpfswarn status [OPTION...]\n"
"\n"
"Says whether the module is loaded, which ways to it can be used, whether the\n"
"kernel is locked down, which hook is in use and what it missed, and what to do\n"
"about each.\n"
"\n"
"      --interface NAME  device, debugfs or auto, the first that can be used\n"
"  -j, --json            JSON\n"
"  -h, --help            this text\n"
"\n"
"Exit status: 0 all is well; 1 something is to be done\n";

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
		printf("%-14s %s%s%s\n", key, text_name(value),
		       remedy ? ": " : "", remedy ? text_name(remedy) : "");
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

static void report_figure(void *data, const char *key, const char *value)
{
	const char *remedy = NULL;
	bool some = strcmp(value, "0");

	if (!strcmp(key, "mounts_hidden") && some)
		remedy = "over the limit of their user (raise max_mounts by " REFUSAL_AT_BOOT "), or out of memory (see dmesg)";
	else if (!strcmp(key, "missed") && some)
		remedy = "crossings may have been told late: another hook_symbol by " REFUSAL_AT_BOOT;
	report_add(data, key, value, remedy);
	if (!strcmp(key, "version"))
		report_add(data, "command", VERSION, NULL);
}

/* Can levels be registered by any? */
static bool any_registers(void)
{
	const struct interface *const *each;
	const char *why;

	for (each = interfaces; *each; each++) {
		if ((*each)->find(&why) && !why)
			return true;
	}
	return false;
}

/*
 * Where each interface is; that one cannot be used is bad if it is asked for, or
 * if no other can.
 */
static void report_interfaces(struct report *report,
			      const struct interface *asked)
{
	const struct interface *const *each;
	bool none = !any_registers();

	for (each = interfaces; *each; each++) {
		const char *why, *place = (*each)->find(&why);
		bool bad = why && (asked ? *each == asked : none);
		const char *value = place ? place : "unusable";
		char text[512];

		if (!report->json && (place ? why != NULL : !bad)) {
			snprintf(text, sizeof(text), "%s (%s)", value,
				 place ? "list and status only" : why);
			value = text;
		}
		report_add(report, (*each)->name, value, bad ? why : NULL);
	}
}

/* @why is "module STATE: REMEDY", or else it is not known. */
static void report_module(struct report *report, const char *why)
{
	static const char about[] = "module ";
	const char *remedy = strstr(why, ": ");
	char state[128] = "unknown";

	if (strncmp(why, about, strlen(about)) || !remedy) {
		report_add(report, "module", state, why);
		return;
	}
	why += strlen(about);
	snprintf(state, sizeof(state), "%.*s", (int)(remedy - why), why);
	report_add(report, "module", state, remedy + 2);
}

static int report_all(struct report *report, const struct interface *asked)
{
	const char *lockdown = interface_lockdown();
	const struct interface *interface;
	const char *why = NULL, *module;

	interface = interface_choose(asked, &why);
	module = refusal_module();
	/* a container may see the device and no sysfs */
	if (interface || !module)
		report_add(report, "module", "loaded", NULL);
	else
		report_module(report, module);
	if (interface || refusal_module_state() != MODULE_ABSENT)
		report_interfaces(report, asked);
	report_add(report, "lockdown", lockdown ? lockdown : "unknown", NULL);
	if (interface)
		why = interface->figures(report_figure, report);
	if (interface && why)
		report_add(report, "figures", "unknown", why);
	return report->bad ? STATUS_ERROR : STATUS_OK;
}

int status_main(int argc, char **argv)
{
	const struct interface *interface = NULL;
	struct report report = { };
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":jh", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_INTERFACE:
			status = interface_parse("status", optarg, &interface);
			if (status)
				return status;
			break;
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
	status = report_all(&report, interface);
	if (json) {
		json_object_object_add(report.json, "ok",
				       json_object_new_boolean(!report.bad));
		json_object_object_add(report.json, "problems",
				       report.problems);
		text_json_print(report.json);
	}
	return status;
}
