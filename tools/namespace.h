/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mount tables of other processes: of each mount namespace one, and one more
 * for each root directory that its processes have.
 */
#ifndef NAMESPACE_H
#define NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

struct libmnt_table;

/* Called for each mount table that is not our own, of the process @pid. */
typedef void namespace_table(void *data, pid_t pid, struct libmnt_table *table);

bool namespace_visit(namespace_table *visit, void *data);

#endif /* NAMESPACE_H */
