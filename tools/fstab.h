/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levels in fstab(5), which need no section: x-tmpfswarn.level=80%, once for each.
 * mount(8) keeps what begins with "x-" from the kernel and from its helpers, so
 * that it does no harm where nobody asks for it.
 */
#ifndef FSTAB_H
#define FSTAB_H

#include <stdbool.h>

struct sections;

int fstab_read(struct sections *sections, bool user);

#endif /* FSTAB_H */
