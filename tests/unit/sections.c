// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the configuration of the service: whatever is in a file, it is
 * either refused with the line, or what was taken of it can be written down and
 * is the same when it is read again.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "level.h"
#include "tool.h"
#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)	do { if (!(condition)) abort(); } while (0)

static bool said;

void error(const char *format, ...)
{
	char text[512];
	unsigned int line;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	MUST(sscanf(text, "t:%u: ", &line) == 1 && line);
	said = true;
}

const char *error_text(int err)
{
	return strerror(err);
}

int usage_error(const char *command, const char *format, ...)
{
	(void)command;
	(void)format;
	return STATUS_ERROR;
}

static int parse(const void *data, size_t size, struct sections *sections,
		 struct settings *settings)
{
	/* which cannot be opened with nothing in it */
	FILE *file = fmemopen((void *)data, size, "r");
	int status;

	MUST(file);
	said = false;
	status = config_parse(file, "t", sections, settings);
	if (!status)
		status = config_check(sections);
	MUST(said == !!status);
	fclose(file);
	return status;
}

static void write_text(FILE *file, const char *key, const char *value)
{
	/* a backslash at the end of a line is a space */
	if (value && value[strlen(value) - 1] != '\\')
		fprintf(file, "%s=%s\n", key, value);
}

static char *write_down(const struct settings *settings,
			const struct sections *sections, size_t *size)
{
	static const char *const directions[] = { "", "rising", "falling", "both" };
	const struct section *section;
	char *text;
	FILE *file = open_memstream(&text, size);
	size_t i;

	fputs("[Service]\n", file);
	write_text(file, "Metrics", settings->metrics);
	STAILQ_FOREACH(section, sections, next) {
		fprintf(file, "[%s]\nLevel=", section->name);
		for (i = 0; i < section->nr_levels; i++) {
			MUST(level_is_valid(section->levels[i]));
			fprintf(file, " %s", section->levels[i]);
		}
		MUST(section->hold >= 0);
		fprintf(file, "\nFor=%.17f\nDirection=%s\n", section->hold,
			directions[section->direction]);
		fprintf(file, "Remind=%s\n", remind_name(section->remind));
		write_text(file, "Hysteresis", section->hysteresis);
		write_text(file, "Exec", section->command);
		write_text(file, "Start", section->unit);
		write_text(file, "Grow", section->grow.by);
		write_text(file, "GrowMax", section->grow.max);
		write_text(file, "GrowReserve", section->grow.reserve);
	}
	fclose(file);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sections first = STAILQ_HEAD_INITIALIZER(first);
	struct sections second = STAILQ_HEAD_INITIALIZER(second);
	struct settings settings = { }, again = { };
	const struct section *section;
	char *once, *twice, *command;
	size_t length;

	if (size && !parse(data, size, &first, &settings) && !STAILQ_EMPTY(&first)) {
		once = write_down(&settings, &first, &length);
		MUST(!parse(once, length, &second, &again));
		twice = write_down(&again, &second, &length);
		MUST(!strcmp(once, twice));
		free(once);
		free(twice);
		STAILQ_FOREACH(section, &first, next) {
			command = unit_start(section->unit ?: "a.service",
					     section->name, size & 1);
			/* the quotes are those of unit_start() */
			MUST(command && strchr(strchr(command, '\'') + 1, '\'') ==
					command + strlen(command) - 1);
			free(command);
		}
	}
	sections_free(&first);
	sections_free(&second);
	settings_free(&settings);
	settings_free(&again);
	return 0;
}
