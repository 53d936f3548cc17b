/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration of the service: tmpfswarn.conf of the first of /etc, /run and
 * /usr/lib that has one, and the drop-ins *.conf in tmpfswarn.conf.d of all three in
 * the order of their names, of which one in a directory named earlier hides that
 * of the same name in another. A user's is likewise in $XDG_CONFIG_HOME or ~/.config,
 * and in /etc/xdg; without a tmpfswarn.conf it has sections of the tool's own.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

struct sections;
struct settings;

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

int origin_read(const struct origin *origin, struct sections *sections,
		struct settings *settings);

#endif /* ORIGIN_H */
