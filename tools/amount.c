// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"

/* A percentage in hundredths of a percent. */
unsigned int amount_hundredths(const char *text)
{
	char *end;
	unsigned int value = strtoul(text, &end, 10) * 100;

	if (*end == '.') {
		value += (end[1] - '0') * 10;
		if (isdigit((unsigned char)end[2]))
			value += end[2] - '0';
	}
	return value;
}

/*
 * An amount in bytes, on a mount of @size bytes: a percentage rounded up, as
 * the module rounds, and no more than 64 bits hold.
 */
uint64_t amount_bytes(const char *text, uint64_t size)
{
	static const char suffixes[] = "kmgt";
	const char *suffix;
	uint64_t bytes;
	char *end;

	if (strchr(text, '%')) {
		unsigned int part = amount_hundredths(text);

		/* size * part / whole, without the product */
		return size / AMOUNT_WHOLE * part +
		       (size % AMOUNT_WHOLE * part + AMOUNT_WHOLE - 1) /
			       AMOUNT_WHOLE;
	}
	/* the most that there is if it is more */
	bytes = strtoull(text, &end, 10);
	suffix = *end ? strchr(suffixes, tolower((unsigned char)*end)) : NULL;
	if (suffix &&
	    __builtin_mul_overflow(bytes, 1ULL << 10 * (suffix - suffixes + 1),
				   &bytes))
		bytes = UINT64_MAX;
	return bytes;
}
