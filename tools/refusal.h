/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why something is not watched, and what could be in its place.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

struct libmnt_fs;
struct statfs;

void refusal_say(const char *name, const char *type,
		 const struct statfs *statfs, struct libmnt_fs *fs);

#endif /* REFUSAL_H */
