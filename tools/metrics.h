/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Figures of each tmpfs and of the module, in Prometheus' text format: of each
 * metric a line of help, one of its type, and one for each of its series.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stdio.h>

struct interface;

void metrics_begin(FILE *file, const char *name, const char *type,
		   const char *help);
void metrics_label(FILE *file, const char *name, const char *value);
bool metrics_write(FILE *file, const struct interface *asked, const char **why);

#endif /* METRICS_H */
