/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel uses for itself. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>

struct memory {
	long slab;	/* all in KiB */
	long vmalloc;
	long percpu;
};

struct memory memory_settled(void);
bool memory_is_kept(void);

#endif
