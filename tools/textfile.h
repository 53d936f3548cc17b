/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file of Metrics=, for the textfile collector of node_exporter: it is never
 * seen half written, and is removed when the service ends, as figures that are no
 * longer so would pass for news.
 */
#ifndef TEXTFILE_H
#define TEXTFILE_H

#include <stdbool.h>
#include <stdint.h>

struct guards;
struct interface;
struct settings;

/**
 * struct textfile - the file
 * @path: of it; or NULL
 * @taken: how many events had been taken when it was written
 * @soonest: not to be written again before
 * @due: when it is to be written in any case, INFINITY for never
 * @ours: that has been done
 * @failed: it could not be, which has been said
 */
struct textfile {
	char *path;
	uint64_t taken;
	double soonest;
	double due;
	bool ours;
	bool failed;
};

void textfile_change(struct textfile *textfile, struct settings *settings);
void textfile_run(struct textfile *textfile, const struct guards *guards,
		  const struct interface *interface);
void textfile_remove(struct textfile *textfile);

#endif /* TEXTFILE_H */
