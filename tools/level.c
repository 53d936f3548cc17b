// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "level.h"
#include "tool.h"

/* before an amount that is left rather than used */
#define LEVEL_FREE	"free:"

/* far more than the longest that makes sense, and fits what the module takes */
#define LEVEL_LENGTH	64

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

/* What stands behind "free:", or NULL for a level of used space. */
const char *level_free(const char *text)
{
	size_t length = strlen(LEVEL_FREE);

	return strncmp(text, LEVEL_FREE, length) ? NULL : text + length;
}

/*
 * True for an argument that is a level rather than a path, be it a wrong one.
 * A file of such a name is written with "./" before it.
 */
bool level_is_meant(const char *text)
{
	return ((isdigit((unsigned char)*text) || level_free(text)) &&
		!strchr(text, '/')) ||
	       level_is_pressure(text);
}

int level_check(const char *command, const char *text)
{
	const char *free = level_free(text);

	if (!level_is_amount(free ?: text) && !level_is_pressure(text))
		return usage_error(command, "%s: not a level, %s", text,
				   LEVEL_FORMS);
	if (strchr(text, '%') && strtod(free ?: text, NULL) > 100)
		return usage_error(command, "%s: more than 100%%", text);
	return STATUS_OK;
}
