// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "text.h"

static const char units[] = "BKMGTPE";

/*
 * Bytes in the largest unit that leaves 1 or more before the point. Cut off
 * rather than rounded: what is below a level is not to look as if it were
 * there.
 */
const char *text_bytes(char buf[TEXT_SIZE], uint64_t bytes)
{
	unsigned int unit = 0, tenths;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	if (!unit) {
		snprintf(buf, TEXT_SIZE, "%" PRIu64, bytes);
		return buf;
	}
	tenths = (bytes >> (10 * (unit - 1)) & 1023) * 10 / 1024;
	bytes >>= 10 * unit;
	if (tenths)
		snprintf(buf, TEXT_SIZE, "%" PRIu64 ".%u%c", bytes, tenths,
			 units[unit]);
	else
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "%c", bytes, units[unit]);
	return buf;
}

/* Bytes as one would type them for a level: nothing is lost. */
const char *text_amount(char buf[TEXT_SIZE], uint64_t bytes)
{
	unsigned int unit = 0;

	while (bytes && unit < 4 && !(bytes & 1023)) {
		bytes >>= 10;
		unit++;
	}
	snprintf(buf, TEXT_SIZE, unit ? "%" PRIu64 "%c" : "%" PRIu64, bytes,
		 units[unit]);
	return buf;
}

/* Cut off as in text_bytes(): 79.9% is below the level 80%. */
const char *text_percent(char buf[TEXT_SIZE], uint64_t used, uint64_t size)
{
	unsigned int tenths;

	if (!size)
		return "-";
	/* beyond 2^53 the last digit is nobody's concern */
	tenths = size >> 53 ? used / (size / 1000) : used * 1000 / size;
	if (tenths % 10)
		snprintf(buf, TEXT_SIZE, "%u.%u%%", tenths / 10, tenths % 10);
	else
		snprintf(buf, TEXT_SIZE, "%u%%", tenths / 10);
	return buf;
}

const char *text_local_time(char buf[TEXT_SIZE], const struct timespec *time)
{
	struct tm tm;

	localtime_r(&time->tv_sec, &tm);
	strftime(buf, TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

/* RFC 3339 */
const char *text_utc_time(char buf[TEXT_SIZE], const struct timespec *time)
{
	struct tm tm;
	size_t len;

	gmtime_r(&time->tv_sec, &tm);
	len = strftime(buf, TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, TEXT_SIZE - len, ".%03ldZ",
		 time->tv_nsec / 1000000);
	return buf;
}

/*
 * Makes a name fit for a terminal: whoever mounts something or names a task
 * chooses its name, which is not to forge lines or drive the terminal.
 */
char *text_printable(char *text)
{
	char *p;

	for (p = text; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = '?';
	}
	return text;
}

/* A printable copy. Never freed. */
const char *text_name(const char *name)
{
	char *copy = strdup(name);

	return copy ? text_printable(copy) : "?";
}

/*
 * Takes the next "key=value" from @line, both cut out of it. The value of comm,
 * the last, may have spaces. False if there is none.
 */
bool text_pair(char **line, char **key, char **value)
{
	char *end;

	*key = *line;
	*value = strchr(*line, '=');
	if (!*value)
		return false;
	*(*value)++ = '\0';
	end = *value + strcspn(*value, strcmp(*key, "comm") ? " \n" : "\n");
	*line = *end ? end + 1 : end;
	*end = '\0';
	return true;
}

/* The length of the UTF-8 character at @p, 0 if there is none. */
static size_t utf8_length(const unsigned char *p)
{
	size_t len, i;

	if (*p < 0x80)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	len = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* overlong, surrogates, beyond U+10FFFF */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* A string of JSON: names of files may be no UTF-8, JSON must be. */
struct json_object *text_json(const char *text)
{
	struct json_object *object;
	char *copy = strdup(text), *p;
	size_t len;

	if (!copy)
		return NULL;
	for (p = copy; *p; p += len ? len : 1) {
		len = utf8_length((unsigned char *)p);
		if (!len)
			*p = '?';
	}
	object = json_object_new_string(copy);
	free(copy);
	return object;
}

/* Prints @object on one line and frees it. */
void text_json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object,
					    JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
