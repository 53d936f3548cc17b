// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of how large a mount becomes, some by hand, and all that numbers near
 * the edges come to against what 128 bits say. TAP on stdout.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "grow.h"

#define PAGE	4096ULL
#define M	(1ULL << 20)
#define G	(1ULL << 30)

/**
 * struct row - a case
 * @name: of the test
 * @grow: what is asked for
 * @state: how things are
 * @answer: expected
 * @size: expected, for GROW_YES
 */
static const struct row {
	const char *name;
	struct grow grow;
	struct grow_state state;
	enum grow_answer answer;
	uint64_t size;
} rows[] = {
	{ "a percentage is of the size there is", { "25%", "8G", NULL },
	  { G, G, PAGE, 4 * G, 16 * G }, GROW_YES, G + 256 * M },
	{ "an amount is added", { "512M", "8G", NULL },
	  { G, G, PAGE, 4 * G, 16 * G }, GROW_YES, G + 512 * M },
	{ "the last step ends at the maximum", { "512M", "1300M", NULL },
	  { G, G, PAGE, 4 * G, 16 * G }, GROW_YES, 1300 * M },
	{ "at the maximum it does not grow", { "512M", "1G", NULL },
	  { G, G, PAGE, 4 * G, 16 * G }, GROW_MAX, 0 },
	{ "nor above it", { "512M", "512M", NULL },
	  { G, G, PAGE, 4 * G, 16 * G }, GROW_MAX, 0 },
	{ "a maximum of no whole page is not passed", { "1", "8193", NULL },
	  { PAGE, 0, PAGE, 4 * G, 16 * G }, GROW_YES, 2 * PAGE },
	{ "a maximum within the page there is has been reached", { "1", "8191", NULL },
	  { PAGE, 0, PAGE, 4 * G, 16 * G }, GROW_MAX, 0 },
	{ "a page at least is added", { "0.01%", "8G", NULL },
	  { PAGE, 0, PAGE, 4 * G, 16 * G }, GROW_YES, 2 * PAGE },
	{ "pages may be larger", { "1", "8G", NULL },
	  { 65536, 0, 65536, 4 * G, 16 * G }, GROW_YES, 131072 },
	{ "what has no limit gets none", { "1G", "8G", NULL },
	  { 0, 0, PAGE, 4 * G, 16 * G }, GROW_UNLIMITED, 0 },
	{ "where memory is not known it does not grow", { "1G", "8G", "0" },
	  { G, 0, PAGE, 0, 0 }, GROW_UNKNOWN, 0 },
	{ "a tenth of the memory stays", { "1G", "8G", NULL },
	  { G, G, PAGE, G + 1600 * M, 16000 * M }, GROW_YES, 2 * G },
	{ "and not a byte less", { "1G", "8G", NULL },
	  { G, G, PAGE, G + 1600 * M - 1, 16000 * M }, GROW_MEMORY, 0 },
	{ "what was free before counts, too", { "1G", "8G", "0" },
	  { G, 1, PAGE, 2 * G - 2, 16 * G }, GROW_MEMORY, 0 },
	{ "and no more than that", { "1G", "8G", "0" },
	  { G, 1, PAGE, 2 * G - 1, 16 * G }, GROW_YES, 2 * G },
	{ "a reserve may be all of it", { "1", "8G", "100%" },
	  { G, G, PAGE, 16 * G, 16 * G }, GROW_MEMORY, 0 },
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

static int test_row(const struct row *row, int number)
{
	uint64_t size = 0;
	enum grow_answer answer = grow_size(&row->grow, &row->state, &size);
	bool good = answer == row->answer &&
		    (answer != GROW_YES || size == row->size);

	if (!good)
		printf("# %d %" PRIu64 "\n", answer, size);
	printf("%sok %d - %s\n", good ? "" : "not ", number, row->name);
	return !good;
}

/* ---- at the edges ---- */

static const uint64_t numbers[] = {
	0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 4 * G - PAGE, 4 * G, INT64_MAX,
	1ULL << 63, UINT64_MAX - 2 * PAGE + 1, UINT64_MAX - PAGE,
	UINT64_MAX - PAGE + 1, UINT64_MAX,
};

#define NUMBERS	(sizeof(numbers) / sizeof(*numbers))

typedef unsigned __int128 wide;

static wide wide_pages(wide bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* What grow_size() is to say; @percent of the size if not 0, else @by. */
static enum grow_answer wide_size(const struct grow_state *state, uint64_t by,
				  unsigned int percent, uint64_t max,
				  uint64_t reserve, wide *size)
{
	wide limit = max / PAGE * PAGE;

	if (!state->size)
		return GROW_UNLIMITED;
	if (state->size >= limit)
		return GROW_MAX;
	*size = state->size +
		wide_pages(percent ? ((wide)state->size * percent + 99) / 100 : by);
	if (*size > limit)
		*size = limit;
	if (!state->total)
		return GROW_UNKNOWN;
	return (wide)state->available >= *size - state->used + reserve ? GROW_YES :
									 GROW_MEMORY;
}

/* False after saying which numbers are wrong. */
static bool test_edge(const struct grow_state *state, uint64_t by,
		      unsigned int percent, uint64_t max, uint64_t reserve)
{
	char text[3][24];
	struct grow grow = { text[0], text[1], text[2] };
	enum grow_answer answer, expected;
	uint64_t size = 0;
	wide wanted = 0;

	if (percent)
		sprintf(text[0], "%u%%", percent);
	else
		sprintf(text[0], "%" PRIu64, by);
	sprintf(text[1], "%" PRIu64, max);
	sprintf(text[2], "%" PRIu64, reserve);
	answer = grow_size(&grow, state, &size);
	expected = wide_size(state, by, percent, max, reserve, &wanted);
	if (answer == expected &&
	    (answer != GROW_YES || (size == wanted && size > state->size &&
				    size <= max && !(size % PAGE))))
		return true;
	printf("# size %" PRIu64 " used %" PRIu64 " available %" PRIu64 " by %s max %s reserve %s: %d %" PRIu64 " instead of %d\n",
	       state->size, state->used, state->available, text[0], text[1],
	       text[2], answer, size, expected);
	return false;
}

static bool test_edges_of(const struct grow_state *state, uint64_t reserve)
{
	static const unsigned int percents[] = { 1, 99, 100 };
	size_t i, j;

	for (i = 0; i < NUMBERS; i++) {
		for (j = 1; j < NUMBERS; j++) {
			if (!test_edge(state, numbers[j], 0, numbers[i], reserve))
				return false;
		}
		for (j = 0; j < sizeof(percents) / sizeof(*percents); j++) {
			if (!test_edge(state, 0, percents[j], numbers[i], reserve))
				return false;
		}
	}
	return true;
}

/* All of the numbers for the size and what is used of it, what is available and the reserve. */
static bool test_edges(void)
{
	size_t size, used, available, reserve;

	for (size = 0; size < NUMBERS; size++) {
		for (used = 0; used <= size; used++) {
			for (available = 0; available < NUMBERS; available++) {
				for (reserve = 0; reserve < NUMBERS; reserve++) {
					/* the kernel has whole pages */
					struct grow_state state = {
						.size = numbers[size] / PAGE * PAGE,
						.page = PAGE,
						.available = numbers[available],
						.total = 16 * G,
					};

					state.used = numbers[used] / PAGE * PAGE;
					if (!test_edges_of(&state, numbers[reserve]))
						return false;
				}
			}
		}
	}
	return true;
}

int main(void)
{
	int failed = 0;
	size_t i;
	bool good;

	printf("TAP version 13\n1..%zu\n", ROWS + 1);
	for (i = 0; i < ROWS; i++)
		failed |= test_row(&rows[i], i + 1);
	good = test_edges();
	printf("%sok %zu - no number overflows\n", good ? "" : "not ", ROWS + 1);
	return failed || !good;
}
