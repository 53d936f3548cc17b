/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Times as typed.
 */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>

#define DURATION_FORMS	"such as 30, 1.5s, 5m, 2h, 1d"

bool duration_read(const char *text, double *seconds);

#endif /* DURATION_H */
