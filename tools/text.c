// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "text.h"
#include "utf8.h"

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
 * chooses its name, which is not to forge lines or drive the terminal. Each
 * character that is not printable, and each byte that is in none, becomes "?".
 */
char *text_printable(char *text)
{
	char *from = text, *to = text;

	while (*from) {
		uint32_t character;
		size_t length = utf8_decode(from, &character);

		if (length && utf8_is_printable(character)) {
			memmove(to, from, length);
			to += length;
		} else {
			*to++ = '?';
		}
		from += length ? length : 1;
	}
	*to = '\0';
	return text;
}

/* A printable copy. Never freed. */
const char *text_name(const char *name)
{
	char *copy = strdup(name);

	return copy ? text_printable(copy) : "?";
}

/* To be freed; NULL if there is no memory. */
char *text_format(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
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

/* Puts back the bytes that seq_escape() of the kernel has written as "\ooo". */
char *text_unescape(char *text)
{
	char *from = text, *to = text;

	while (*from) {
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to++ = (from[1] & 3) << 6 | (from[2] & 7) << 3 |
				(from[3] & 7);
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return text;
}

/* A string of JSON, which is UTF-8: a byte that is not becomes "?". */
struct json_object *text_json(const char *text)
{
	struct json_object *object;
	char *copy = strdup(text), *p;
	uint32_t character;
	size_t length;

	if (!copy)
		return NULL;
	for (p = copy; *p; p += length ? length : 1) {
		length = utf8_decode(p, &character);
		if (!length)
			*p = '?';
	}
	object = json_object_new_string(copy);
	free(copy);
	return object;
}

/* The bytes of @text as in a URL: what is neither letter nor digit is "%XX". */
static struct json_object *text_json_bytes(const char *text)
{
	struct json_object *object;
	char *encoded = malloc(3 * strlen(text) + 1), *to = encoded;

	if (!encoded)
		return NULL;
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < 0x80 && (isalnum(c) || strchr("-._~/", c)))
			*to++ = c;
		else
			to += sprintf(to, "%%%02X", c);
	}
	object = json_object_new_string_len(encoded, to - encoded);
	free(encoded);
	return object;
}

/* The key of the bytes of the name @key. */
static void add_bytes(struct json_object *object, const char *key,
		      struct json_object *bytes)
{
	char name[TEXT_SIZE];

	snprintf(name, sizeof(name), "%s_bytes", key);
	json_object_object_add(object, name, bytes);
}

/*
 * Adds a name, NULL if there is none, which may be no UTF-8: two names that are
 * alike in JSON then differ in the member "KEY_bytes".
 */
void text_json_add(struct json_object *object, const char *key,
		   const char *name)
{
	json_object_object_add(object, key, name ? text_json(name) : NULL);
	if (name && !utf8_is_valid(name))
		add_bytes(object, key, text_json_bytes(name));
}

/* The same for an array of names: that of bytes has all of them. */
void text_json_add_all(struct json_object *object, const char *key,
		       const char *const *names, size_t nr)
{
	struct json_object *array = json_object_new_array();
	bool valid = true;
	size_t i;

	for (i = 0; i < nr; i++) {
		json_object_array_add(array, text_json(names[i]));
		valid = valid && utf8_is_valid(names[i]);
	}
	json_object_object_add(object, key, array);
	if (valid)
		return;
	array = json_object_new_array();
	for (i = 0; i < nr; i++)
		json_object_array_add(array, text_json_bytes(names[i]));
	add_bytes(object, key, array);
}

/* Writes a character of a string of JSON as "\uXXXX", in UTF-16. */
static void print_escaped(uint32_t character)
{
	if (character > 0xffff) {
		character -= 0x10000;
		printf("\\u%04x", 0xd800 | character >> 10);
		character = 0xdc00 | (character & 0x3ff);
	}
	printf("\\u%04x", character);
}

/*
 * Prints @object on one line and frees it. A terminal is not driven by JSON
 * either: what is not printable is escaped, also what RFC 8259 would let pass.
 */
void text_json_print(struct json_object *object)
{
	const char *p = json_object_to_json_string_ext(object,
						       JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE);
	uint32_t character;
	size_t length;

	for (; *p; p += length) {
		/* all of it is UTF-8 */
		length = utf8_decode(p, &character) ?: 1;
		if (utf8_is_printable(character))
			fwrite(p, length, 1, stdout);
		else
			print_escaped(character);
	}
	putchar('\n');
	json_object_put(object);
}
