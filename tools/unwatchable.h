/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why something is not watched, and what could be in its place.
 */
#ifndef UNWATCHABLE_H
#define UNWATCHABLE_H

struct libmnt_fs;
struct statfs;

void unwatchable_say(const char *name, const char *type,
		 const struct statfs *statfs, struct libmnt_fs *fs);

#endif /* UNWATCHABLE_H */
