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
 * struct status - what is said
 * @json: the same as an object, NULL to print lines
 * @problems: of @json
 * @bad: there is a problem
 */
struct status {
	struct json_object *json;
	struct json_object *problems;
	bool bad;
};

static void status_add(struct status *status, const char *key,
		       const char *value, const char *remedy)
{
	struct json_object *problem;
	char *end;
	uint64_t number = strtoull(value, &end, 10);

	if (remedy)
		status->bad = true;
	if (!status->json) {
		printf("%-14s %s%s%s\n", key, text_name(value),
		       remedy ? ": " : "", remedy ? text_name(remedy) : "");
		return;
	}
	json_object_object_add(status->json, key, end != value && !*end ?
			       json_object_new_uint64(number) :
			       text_json(value));
	if (!remedy)
		return;
	problem = json_object_new_object();
	json_object_object_add(problem, "about", text_json(key));
	json_object_object_add(problem, "remedy", text_json(remedy));
	json_object_array_add(status->problems, problem);
}

static void status_figure(void *data, const char *key, const char *value)
{
	const char *remedy = NULL;
	bool some = strcmp(value, "0");

	if (!strcmp(key, "mounts_hidden") && some)
		remedy = "over the limit of their user (raise max_mounts by " REFUSAL_AT_BOOT "), or out of memory (see dmesg)";
	else if (!strcmp(key, "missed") && some)
		remedy = "crossings may have been told late: another hook_symbol by " REFUSAL_AT_BOOT;
	status_add(data, key, value, remedy);
	if (!strcmp(key, "version"))
		status_add(data, "command", VERSION, NULL);
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
static void status_interfaces(struct status *status,
			      const struct interface *asked)
{
	const struct interface *const *each;
	bool none = !any_registers();

	for (each = interfaces; *each; each++) {
		const char *why, *place = (*each)->find(&why);
		bool bad = why && (asked ? *each == asked : none);
		const char *value = place ? place : "unusable";
		char text[512];

		if (!status->json && (place ? why != NULL : !bad)) {
			snprintf(text, sizeof(text), "%s (%s)", value,
				 place ? "list and status only" : why);
			value = text;
		}
		status_add(status, (*each)->name, value, bad ? why : NULL);
	}
}

/* @why is "module STATE: REMEDY", or else it is not known. */
static void status_module(struct status *status, const char *why)
{
	static const char about[] = "module ";
	const char *remedy = strstr(why, ": ");
	char state[128] = "unknown";

	if (strncmp(why, about, strlen(about)) || !remedy) {
		status_add(status, "module", state, why);
		return;
	}
	why += strlen(about);
	snprintf(state, sizeof(state), "%.*s", (int)(remedy - why), why);
	status_add(status, "module", state, remedy + 2);
}

static int status_all(struct status *status, const struct interface *asked)
{
	const char *lockdown = interface_lockdown();
	const struct interface *interface;
	const char *why = NULL, *module;

	interface = interface_choose(asked, &why);
	module = refusal_module();
	/* a container may see the device and no sysfs */
	if (interface || !module)
		status_add(status, "module", "loaded", NULL);
	else
		status_module(status, module);
	if (interface || refusal_module_state() != MODULE_ABSENT)
		status_interfaces(status, asked);
	status_add(status, "lockdown", lockdown ? lockdown : "unknown", NULL);
	if (interface)
		why = interface->figures(status_figure, status);
	if (interface && why)
		status_add(status, "figures", "unknown", why);
	return status->bad ? STATUS_ERROR : STATUS_OK;
}

int status_main(int argc, char **argv)
{
	const struct interface *interface = NULL;
	struct status said = { };
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
		said.json = json_object_new_object();
		said.problems = json_object_new_array();
	}
	status = status_all(&said, interface);
	if (json) {
		json_object_object_add(said.json, "ok",
				       json_object_new_boolean(!said.bad));
		json_object_object_add(said.json, "problems",
				       said.problems);
		text_json_print(said.json);
	}
	return status;
}
