// SPDX-License-Identifier: GPL-2.0
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <libmount.h>

#include "discovery.h"
#include "place.h"
#include "section.h"
#include "tool.h"

/*
 * A glob is about whole file systems: a service that systemd confines sees parts of
 * /run where it is to see nothing.
 */
static bool discovery_matches(const struct section *section,
			      struct libmnt_fs *fs)
{
	const char *point = mnt_fs_get_target(fs);
	const char *type = mnt_fs_get_fstype(fs);
	const char *root = mnt_fs_get_root(fs);

	if (!point || !type || strcmp(type, "tmpfs"))
		return false;
	if (!strcmp(section->point, point))
		return true;
	return section->glob && root && !root[1] &&
	       !fnmatch(section->name, point, FNM_PATHNAME | FNM_PERIOD);
}

/* Calls @found for each mount of tmpfs in @places that @section is about. */
void discovery_visit(const struct places *places, const struct section *section,
		     discovery_found *found, void *data)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	struct place place;

	while (iter && !mnt_table_next_fs(places->table, iter, &fs)) {
		if (!discovery_matches(section, fs) ||
		    !place_is_reached(places, fs, &place))
			continue;
		if (!found(data, &place))
			break;
	}
	mnt_free_iter(iter);
}

/*
 * Finds out where the paths lead that @sections are named by; exit status, after
 * saying what is wrong. A link that is changed later is not noticed.
 */
int discovery_locate(struct sections *sections)
{
	struct places *places = places_read(NULL);
	struct section *section;
	int status = places ? STATUS_OK : STATUS_ERROR;

	STAILQ_FOREACH(section, sections, next) {
		char *point;

		if (status || section->glob)
			continue;
		point = place_path(places, section->name);
		/* what cannot be looked at is taken as it is written */
		if (!point)
			continue;
		free(section->point);
		section->point = point;
	}
	places_free(places);
	return status;
}
