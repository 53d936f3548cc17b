/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration of the service: tmpfswarn.conf of the first of /etc, /run and
 * /usr/lib that has one, and the drop-ins *.conf in tmpfswarn.conf.d of all three in
 * the order of their names, of which one in a directory named earlier hides that
 * of the same name in another. A user's is likewise in $XDG_CONFIG_HOME or ~/.config,
 * and in /etc/xdg; without a tmpfswarn.conf it has sections of the tool's own.
 *
 * The section [Service] is about the service itself, all others are about mounts.
 *
 * A line is a section in brackets, an assignment, a comment that begins with "#"
 * or ";", or empty; a backslash at its end is a space, and the next line that is
 * no comment is part of it. The last assignment of a key in a section counts. White space around a
 * value is taken off it, and quotes around all of it, but not in a command: quotes,
 * "#" and all else there are the shell's.
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

/**
 * struct origin - where the configuration comes from
 * @root: before the names of all files, "" for none
 * @only: the file to be read in place of all others; or NULL
 * @user: it is that of a user's service, which shows notifications
 */
struct origin {
	const char *root;
	const char *only;
	bool user;
};

int config_parse(FILE *file, const char *name, struct sections *sections,
		 struct settings *settings);
int config_check(const struct sections *sections);
int config_read(const struct origin *origin, struct sections *sections,
		struct settings *settings);
void settings_free(struct settings *settings);

#endif /* CONFIG_H */
