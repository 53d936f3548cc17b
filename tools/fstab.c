// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmount.h>

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
	struct section *section = section_find(sections, point);
	char why[SECTION_WHY];

	if (!section)
		section = section_add(sections, point, mnt_get_fstab_path());
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

static int fstab_options(struct sections *sections, struct libmnt_fs *fs)
{
	const char *options = mnt_fs_get_options(fs);
	const char *point = mnt_fs_get_target(fs);
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
		status = fstab_level(sections, point, value ?: "");
	}
	free(rest);
	return status;
}

/*
 * Adds a section for each mount of tmpfs that has levels in fstab, unless there is
 * one for it already; exit status.
 */
int fstab_read(struct sections *sections)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct sections found = STAILQ_HEAD_INITIALIZER(found);
	struct libmnt_fs *fs;
	int status = STATUS_OK;

	if (!table || !iter) {
		error("out of memory");
		status = STATUS_ERROR;
	} else if (mnt_table_parse_fstab(table, NULL) && errno != ENOENT) {
		error("%s: %s", mnt_get_fstab_path(), error_text(errno));
	}
	while (!status && !mnt_table_next_fs(table, iter, &fs)) {
		const char *type = mnt_fs_get_fstype(fs);
		const char *point = mnt_fs_get_target(fs);

		/* mount.tmpfswarn mounts a tmpfs, too */
		if (!point || *point != '/' || !type ||
		    (strcmp(type, "tmpfs") && strcmp(type, "tmpfswarn")))
			continue;
		if (!section_find(sections, point))
			status = fstab_options(&found, fs);
	}
	STAILQ_CONCAT(sections, &found);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return status;
}
