/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files of a mount's directory.
 */
#ifndef TW_FILES_H
#define TW_FILES_H

#include <linux/fs.h>

/**
 * struct tw_file - a file of a mount's directory
 * @name: its name
 * @mode: its permissions
 * @fops: what it does; inode->i_private is the struct tw_mount
 */
struct tw_file {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
};

/* ends with one that has no name */
extern const struct tw_file tw_files[];

#endif /* TW_FILES_H */
