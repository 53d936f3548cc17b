/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration of the service, as a file has it.
 *
 * The section [Service] is about the service itself, all others are about mounts.
 *
 * A line is a section in brackets, an assignment, a comment that begins with "#"
 * or ";", or empty; a backslash at its end is a space, and the next line that is
 * no comment is part of it. The last assignment of a key in a section counts. White
 * space around a value is taken off it, and quotes around all of it, but not in a
 * command: quotes, "#" and all else there are the shell's.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdio.h>

#include "section.h"

/**
 * struct settings - what [Service] says
 * @metrics: file for metrics; or NULL
 */
struct settings {
	char *metrics;
};

int config_parse(FILE *file, const char *name, struct sections *sections,
		 struct settings *settings);
int config_check(const struct sections *sections);
int config_failed(const char *name, int err);
int config_no_memory(void);
void settings_free(struct settings *settings);

#endif /* CONFIG_H */
