// SPDX-License-Identifier: GPL-2.0
#include "amount.h"
#include "grow.h"

/* What has to stay available, in bytes, of @total bytes of RAM. */
uint64_t grow_reserve(const struct grow *grow, uint64_t total)
{
	return amount_bytes(grow->reserve ?: GROW_RESERVE, total);
}

/**
 * grow_size() - compute how large a mount is to become
 * @grow: what is asked for
 * @state: how things are
 * @size: set to the new size, whole pages, if it grows
 *
 * The last step is as large as the maximum leaves it. What memory leaves makes
 * none smaller: it would be one page at a time in the end.
 *
 * Return: GROW_YES, or why it does not grow.
 */
enum grow_answer grow_size(const struct grow *grow,
			   const struct grow_state *state, uint64_t *size)
{
	uint64_t page = state->page, reserve, more;
	/* whole pages, none of them above it */
	uint64_t max = amount_bytes(grow->max, 0) / page * page;

	if (!state->size)
		return GROW_UNLIMITED;
	if (state->size >= max)
		return GROW_MAX;
	more = amount_bytes(grow->by, state->size);
	/* rounded up, without the sum that could be too large */
	more = more / page + !!(more % page);
	if (more < (max - state->size) / page)
		*size = state->size + more * page;
	else
		*size = max;
	if (!state->total)
		return GROW_UNKNOWN;
	/* all that it may take then */
	more = *size > state->used ? *size - state->used : 0;
	reserve = grow_reserve(grow, state->total);
	return state->available >= more && state->available - more >= reserve ?
	       GROW_YES : GROW_MEMORY;
}
