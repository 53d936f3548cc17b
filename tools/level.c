// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "level.h"
#include "number.h"
#include "tool.h"

/* far more than the longest that makes sense, and fits what the module takes */
#define LEVEL_LENGTH	64

/* each is 1024 times the one before it */
static const char units[] = "KMGT";

static const char *unit_find(char c)
{
	return c ? strchr(units, toupper((unsigned char)c)) : NULL;
}

static bool is_one_of(const char *word, const char *const words[4])
{
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!strcasecmp(word, words[i]))
			return true;
	}
	return false;
}

bool level_is_pressure(const char *text)
{
	return !strcmp(text, "low") || !strcmp(text, "medium") ||
	       !strcmp(text, "critical");
}

/* What stands behind the digits of a percentage. */
static bool level_is_percent(const char *p)
{
	size_t decimals;

	if (*p == '.') {
		decimals = strspn(++p, "0123456789");
		if (decimals < 1 || decimals > 2)
			return false;
		p += decimals;
	}
	return !strcmp(p, "%");
}

/* An amount of bytes or a percentage. */
bool level_is_amount(const char *text)
{
	const char *p = text + strspn(text, "0123456789");

	if (p == text || strlen(text) > LEVEL_LENGTH)
		return false;
	if (*p == '.' || *p == '%')
		return level_is_percent(p);
	if (*p && strchr("KMGT", *p) && p[1] == 'i')
		return !p[2];
	return !*p || (strchr("kmgtKMGT", *p) && !p[1]);
}

static const char *level_behind(const char *text, const char *before)
{
	size_t length = strlen(before);

	return strncmp(text, before, length) ? NULL : text + length;
}

/* What stands behind "free:", or NULL for a level of what is used. */
const char *level_free(const char *text)
{
	return level_behind(text, LEVEL_FREE);
}

/* What stands behind "inodes:", or NULL for what is no level of inodes. */
const char *level_inodes(const char *text)
{
	return level_behind(text, LEVEL_INODES);
}

enum resource level_resource(const char *text)
{
	if (!strcmp(text, LEVEL_REFUSED))
		return RESOURCE_REFUSED;
	return level_inodes(text) ? RESOURCE_INODES : RESOURCE_BYTES;
}

/* For programs. */
const char *level_resource_name(const char *text)
{
	static const char *const names[RESOURCES] = {
		[RESOURCE_BYTES] = "bytes",
		[RESOURCE_INODES] = "inodes",
		[RESOURCE_REFUSED] = "refused",
	};

	return names[level_resource(text)];
}

static bool level_is_word(const char *text)
{
	return level_is_pressure(text) || level_resource(text) == RESOURCE_REFUSED;
}

/* A number of inodes, as the mount option nr_inodes has it, or a percentage. */
static bool level_is_number(const char *text)
{
	return level_is_amount(text) && !strpbrk(text, "iTt");
}

/*
 * True for an argument that is a level rather than a path or the number of a
 * mount, be it a wrong level.
 * A file of such a name is written with "./" before it.
 */
bool level_is_meant(const char *text)
{
	dev_t dev;

	if (number_parse(text, &dev))
		return false;
	return ((isdigit((unsigned char)*text) || level_free(text) ||
		 level_inodes(text)) && !strchr(text, '/')) ||
	       level_is_word(text);
}

/* What stands behind "free:" and "inodes:", if one of them does. */
static const char *level_amount(const char *text)
{
	return level_free(text) ?: level_inodes(text) ?: text;
}

static bool level_is_too_much(const char *text)
{
	return strchr(text, '%') && strtod(level_amount(text), NULL) > 100;
}

static bool level_is_well_formed(const char *text)
{
	const char *inodes = level_inodes(text);

	return inodes ? level_is_number(inodes) :
			level_is_amount(level_amount(text)) ||
			level_is_word(text);
}

bool level_is_valid(const char *text)
{
	return level_is_well_formed(text) && !level_is_too_much(text);
}

/*
 * True if the arguments begin with a level that is in two, as "80 %". What could
 * also be the path "M" is taken for a unit only where no level follows.
 */
bool level_is_apart(int argc, char **argv)
{
	const char *text = level_amount(argv[0]);
	const char *unit = argc > 1 ? argv[1] : "";

	if (!*text || text[strspn(text, "0123456789.,")])
		return false;
	if (!strcmp(unit, "%"))
		return true;
	return *unit && !unit[1] && unit_find(*unit) &&
	       (argc == 2 || !level_is_meant(argv[2]));
}

/* @number of the unit *@unit, of a smaller one where it is a fraction. */
static void correct_fraction(char *buf, size_t size, double number,
			     const char *unit)
{
	size_t power = unit - units + 1;

	for (; power && number != (uint64_t)number; power--)
		number *= 1024;
	/* what is left of a fraction of a byte is cut off */
	snprintf(buf, size, "%" PRIu64 "%.1s", (uint64_t)number,
		 power ? &units[power - 1] : "");
}

/*
 * What may be meant by what is no level: "80 %", "80pct", "1,5G", "512MB",
 * "0.5". False if there is no telling.
 */
static bool level_correct(const char *text, char *buf, size_t size)
{
	static const char *const percents[] = { "%", "%%", "pct", "percent" };
	static const char *const bytes[] = { "b", "byte", "bytes", "octets" };
	static const char *const ends[] = { "", "b", "i", "ib" };
	size_t length = strspn(text, "0123456789.,");
	const char *unit = text + length + strspn(text + length, " \t");
	char number[LEVEL_LENGTH - 1], *comma, *end;
	const char *found;
	double value;

	if (!length || length >= sizeof(number))
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)length, text);
	comma = strchr(number, ',');
	/* three digits behind it may be thousands */
	if (comma && strlen(comma) == 4)
		return false;
	if (comma)
		*comma = '.';
	value = strtod(number, &end);
	/* no fraction is left of what is larger */
	if (*end || value >= 1ULL << 53)
		return false;

	found = *unit ? unit_find(*unit) : NULL;
	if (is_one_of(unit, percents))
		snprintf(buf, size, "%s%%", number);
	else if (!*unit && value < 1)
		snprintf(buf, size, "%g%%", value * 100);
	else if (is_one_of(unit, bytes))
		snprintf(buf, size, "%s", number);
	else if (found && is_one_of(unit + 1, ends))
		correct_fraction(buf, size, value, found);
	else
		return false;
	return level_is_amount(buf);
}

int level_check(const char *command, const char *text)
{
	const char *amount = level_amount(text);
	char meant[LEVEL_LENGTH];

	if (!level_is_well_formed(text)) {
		if (level_correct(amount, meant, sizeof(meant)) &&
		    (!level_inodes(text) || level_is_number(meant)))
			return usage_error(command,
					   "%s: not a level, write %.*s%s", text,
					   (int)(amount - text), text, meant);
		return usage_error(command, "%s: not a level, %s", text,
				   LEVEL_FORMS);
	}
	if (level_is_too_much(text))
		return usage_error(command, "%s: more than 100%%", text);
	return STATUS_OK;
}
