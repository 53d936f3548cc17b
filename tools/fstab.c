// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmount.h>

#include "discovery.h"
#include "fstab.h"
#include "section.h"
#include "tool.h"

#define FSTAB_LEVEL	"x-tmpfswarn.level"

/*
 * Adds a level of the mount point @point. What is wrong here keeps nothing from
 * being mounted, nor the rest from being watched; exit status.
 */
static int fstab_level(struct sections *sections, const char *point,
		       const char *level)
{
	struct section *section = section_find(sections, point, false);
	char why[SECTION_WHY];

	if (!section)
		section = section_add(sections, point, false,
				      mnt_get_fstab_path());
	if (!section) {
		error("out of memory");
		return STATUS_ERROR;
	}
	if (section_add_level(section, level, why))
		return STATUS_OK;
	error("%s: %s: " FSTAB_LEVEL "=%s", section->from, point, why);
	if (!section->nr_levels) {
		STAILQ_REMOVE(sections, section, section, next);
		section_free(section);
	}
	return STATUS_OK;
}

static int fstab_options(struct sections *sections, struct libmnt_fs *fs,
			 const char *point)
{
	const char *options = mnt_fs_get_options(fs);
	char *rest = options ? strdup(options) : NULL, *next = rest;
	size_t name_length, length;
	char *name, *value;
	int status = STATUS_OK;

	while (next && !status &&
	       !mnt_optstr_next_option(&next, &name, &name_length, &value,
				       &length)) {
		if (name_length != strlen(FSTAB_LEVEL) ||
		    strncmp(name, FSTAB_LEVEL, name_length))
			continue;
		/* behind it there is a comma, which next is past, or the end */
		if (value)
			value[length] = '\0';
		status = fstab_level(sections, point,
				     value ? section_unquote(value) : "");
	}
	free(rest);
	return status;
}

/* Adds a section to @found for the mount @fs if it is a tmpfs that has levels. */
static int fstab_mount(struct sections *found, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs);
	const char *target = mnt_fs_get_target(fs);
	char *point;
	int status;

	/* mount.tmpfswarn mounts a tmpfs, too */
	if (!target || *target != '/' || !type ||
	    (strcmp(type, "tmpfs") && strcmp(type, "tmpfswarn")))
		return STATUS_OK;
	point = strdup(target);
	if (!point) {
		error("out of memory");
		return STATUS_ERROR;
	}
	section_clean(point);
	status = fstab_options(found, fs, point);
	free(point);
	return status;
}

/* Is there one about the same mount point in @sections, which is no glob? */
static bool fstab_is_told(const struct sections *sections, const char *point)
{
	const struct section *section;

	STAILQ_FOREACH(section, sections, next) {
		if (!section->glob && !strcmp(section->point, point))
			break;
	}
	return section;
}

/* Moves those of @found to @sections that there are none for. */
static void fstab_take(struct sections *sections, struct sections *found)
{
	struct section *section;

	while ((section = STAILQ_FIRST(found))) {
		STAILQ_REMOVE_HEAD(found, next);
		if (fstab_is_told(sections, section->point))
			section_free(section);
		else
			STAILQ_INSERT_TAIL(sections, section, next);
	}
}

/*
 * Adds a section for each mount of tmpfs that has levels in fstab, unless there is
 * one for it already, and finds out where all of them lead; exit status, STATUS_CONFIG
 * if fstab cannot be read, and all else has been done. A service of a @user does not
 * read it: what it says of the system's mounts is for the system's.
 */
int fstab_read(struct sections *sections, bool user)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct sections found = STAILQ_HEAD_INITIALIZER(found);
	int status = STATUS_OK, unread = STATUS_OK, err = 0;
	struct libmnt_fs *fs;

	if (!table || !iter) {
		error("out of memory");
		status = STATUS_ERROR;
	} else if (!user) {
		err = -mnt_table_parse_fstab(table, NULL);
	}
	/* EINVAL: no file, such as /dev/null */
	if (err > 0 && err != ENOENT && err != EINVAL) {
		error("%s: %s", mnt_get_fstab_path(), error_text(err));
		if (err == ENOMEM || err == EMFILE || err == ENFILE)
			status = STATUS_ERROR;
		else
			unread = STATUS_CONFIG;
	}
	while (!status && !unread && !mnt_table_next_fs(table, iter, &fs))
		status = fstab_mount(&found, fs);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	if (!status)
		status = discovery_locate(sections);
	if (!status)
		status = discovery_locate(&found);
	if (!status)
		fstab_take(sections, &found);
	sections_free(&found);
	return status ? status : unread;
}
