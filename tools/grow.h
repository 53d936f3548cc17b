/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How large a mount is to become where Grow= asks for more.
 */
#ifndef GROW_H
#define GROW_H

#include <stdint.h>

/* what has to stay available, unless GrowReserve= says something else */
#define GROW_RESERVE	"10%"

/**
 * struct grow - what a section says of it; all amounts as level_is_amount() has them
 * @by: Grow=, an amount, or a percentage of the size there is; or NULL
 * @max: GrowMax=, an amount of bytes
 * @reserve: GrowReserve=, likewise, or a percentage of RAM; NULL for GROW_RESERVE
 */
struct grow {
	char *by;
	char *max;
	char *reserve;
};

/**
 * struct grow_state - how things are
 * @size: of the mount, in bytes; 0 if it has no limit
 * @used: of that
 * @page: the unit of both
 * @available: MemAvailable of the machine, in bytes
 * @total: MemTotal, likewise; 0 if neither is known
 */
struct grow_state {
	uint64_t size;
	uint64_t used;
	uint64_t page;
	uint64_t available;
	uint64_t total;
};

/**
 * enum grow_answer - whether it grows
 * @GROW_YES: it does
 * @GROW_UNLIMITED: it has no limit that could be moved
 * @GROW_MAX: it is as large as it may become, or larger
 * @GROW_UNKNOWN: how much memory is available is not known
 * @GROW_MEMORY: too little would be left if it was filled then
 * @GROW_REFUSED: the kernel has refused it; grow_size() does not return this
 */
enum grow_answer {
	GROW_YES,
	GROW_UNLIMITED,
	GROW_MAX,
	GROW_UNKNOWN,
	GROW_MEMORY,
	GROW_REFUSED,
};

uint64_t grow_reserve(const struct grow *grow, uint64_t total);
enum grow_answer grow_size(const struct grow *grow,
			   const struct grow_state *state, uint64_t *size);

#endif /* GROW_H */
