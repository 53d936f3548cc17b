// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdio.h>

#include "config.h"
#include "discovery.h"
#include "fstab.h"
#include "interface.h"
#include "mount.h"
#include "origin.h"
#include "section.h"
#include "service.h"
#include "text.h"
#include "tool.h"

const char run_help[] =
"Usage: tmpfswarn run [OPTION...]\n"
"\n"
"Watches what tmpfswarn.conf(5) says and does what it says then, until it is\n"
"ended; for a service manager. It reads its configuration again at SIGHUP.\n"
"\n"
"      --config FILE      read FILE in place of tmpfswarn.conf and its drop-ins\n"
"      --dry-run          print what would be watched now, and end\n"
"      --user             be a user's: read what is in ~/.config, and show notifications\n"
"      --interface NAME   device, debugfs or auto, the first that can be used\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 ended by a signal; 1 error; 2 the configuration is broken\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_DRY_RUN,
	OPTION_INTERFACE,
	OPTION_USER,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "user", no_argument, NULL, OPTION_USER },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static bool run_print_mount(void *data, const struct place *place)
{
	char number[MOUNT_NUMBER_SIZE];
	bool *any = data;

	*any = true;
	printf("  %s (%s)\n", text_name(place->point),
	       mount_number(number, place->dev));
	return true;
}

static void run_print_section(const struct section *section,
			      const struct places *places)
{
	bool any = false;
	size_t i;

	printf("[%s] of %s: %s", text_name(section->name),
	       text_name(section->from), interface_direction(section->direction));
	for (i = 0; i < section->nr_levels; i++)
		printf(" %s", section->levels[i]);
	if (section->hysteresis)
		printf(", hysteresis %s", section->hysteresis);
	if (section->hold)
		printf(", for %.16g s", section->hold);
	if (section->remind != REMIND_ONCE)
		printf(", reminders %s", remind_name(section->remind));
	if (section->command)
		printf(", Exec=%s", text_name(section->command));
	if (section->unit)
		printf(", Start=%s", section->unit);
	if (section_notifies(section))
		printf(", notifications");
	if (section->grow.by)
		printf(", Grow=%s, GrowMax=%s, GrowReserve=%s",
		       section->grow.by, section->grow.max,
		       section->grow.reserve ?: GROW_RESERVE);
	putchar('\n');
	discovery_visit(places, section, run_print_mount, &any);
	if (!any)
		puts("  no mount now");
}

static int run_print(const struct sections *sections)
{
	struct places *places = places_read(NULL);
	const struct section *section;

	if (!places)
		return STATUS_ERROR;
	STAILQ_FOREACH(section, sections, next)
		run_print_section(section, places);
	if (STAILQ_EMPTY(sections))
		puts(SERVICE_IDLE);
	places_free(places);
	return STATUS_OK;
}

int run_main(int argc, char **argv)
{
	struct sections sections = STAILQ_HEAD_INITIALIZER(sections);
	const struct interface *interface = NULL;
	struct settings settings = { };
	struct origin origin = { .root = "" };
	bool dry = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_CONFIG:
			origin.only = optarg;
			break;
		case OPTION_DRY_RUN:
			dry = true;
			break;
		case OPTION_INTERFACE:
			status = interface_parse("run", optarg, &interface);
			if (status)
				return status;
			break;
		case OPTION_USER:
			origin.user = true;
			break;
		case 'h':
			fputs(run_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	if (optind < argc)
		return operand_error("run", argv[optind]);
	if (!dry)
		return service_run(interface, &origin);
	status = origin_read(&origin, &sections, &settings);
	if (!status)
		status = fstab_read(&sections, origin.user);
	if (!status && settings.metrics)
		printf("Metrics=%s\n", text_name(settings.metrics));
	if (!status)
		status = run_print(&sections);
	sections_free(&sections);
	settings_free(&settings);
	return status;
}
