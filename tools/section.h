/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sections of the configuration: which mounts are to be watched, for what, and
 * what is to be done then.
 */
#ifndef SECTION_H
#define SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "grow.h"
#include "interface.h"
#include "remind.h"

/* for what is wrong with a value */
#define SECTION_WHY	512

/* what a section has */
#define SECTION_KEYS	"Level=, For=, Hysteresis=, Direction=, Exec=, Start=, Remind=, Grow=, GrowMax=, GrowReserve="

/**
 * struct section - a section
 * @name: a path or glob, which mount points are compared with
 * @glob: it is a glob
 * @point: where the path leads, see discovery_locate(), or @name
 * @from: file and line where it begins
 * @levels: which
 * @nr_levels: how many
 * @hold: for how long, in seconds, it must be so before it is told
 * @hysteresis: amount; or NULL
 * @direction: which is told
 * @command: to run with a shell; or NULL
 * @unit: to start, with %f for the escaped path; or NULL
 * @remind: when what is still so is told again
 * @grow: by how much the mount grows
 * @user: it is of a user's service
 */
struct section {
	char *name;
	bool glob;
	char *point;
	char *from;
	char **levels;
	size_t nr_levels;
	double hold;
	char *hysteresis;
	enum direction direction;
	char *command;
	char *unit;
	enum remind remind;
	struct grow grow;
	bool user;

	STAILQ_ENTRY(section) next;
};

STAILQ_HEAD(sections, section);

void section_clean(char *path);
char *section_unquote(char *text);
struct section *section_find(const struct sections *sections, const char *name,
			     bool glob);
struct section *section_add(struct sections *sections, const char *name,
			    bool glob, const char *from);
bool section_set(struct section *section, const char *key, const char *value,
		 char why[SECTION_WHY]);
bool section_add_level(struct section *section, const char *level,
		       char why[SECTION_WHY]);
bool section_is_of(const struct section *section, const char *path,
		   const char *level);
bool section_notifies(const struct section *section);
bool section_has_bytes(const struct section *section);
void section_free(struct section *section);
void sections_free(struct sections *sections);

#endif /* SECTION_H */
