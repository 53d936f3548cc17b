// SPDX-License-Identifier: GPL-2.0
#include <fnmatch.h>
#include <string.h>

#include <libmount.h>

#include "discovery.h"
#include "section.h"

/* Calls @found for each mount of tmpfs in @places that @section is about. */
void discovery_visit(const struct places *places, const struct section *section,
		     discovery_found *found, void *data)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	struct place place;

	while (iter && !mnt_table_next_fs(places->table, iter, &fs)) {
		const char *point = mnt_fs_get_target(fs);
		const char *type = mnt_fs_get_fstype(fs);

		if (!point || !type || strcmp(type, "tmpfs") ||
		    (strcmp(section->name, point) &&
		     fnmatch(section->name, point, FNM_PATHNAME)))
			continue;
		/* another may be mounted over it, or over what is above it */
		if (!place_find(places, point, &place) ||
		    place.id != mnt_fs_get_id(fs))
			continue;
		if (!found(data, &place))
			break;
	}
	mnt_free_iter(iter);
}
