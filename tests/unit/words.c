// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the tool's words: whatever a name is made of, what is shown of it
 * is printable and what JSON has of it leads back to it; amounts come to what
 * the module takes them for, and what is suggested in place of a wrong level is
 * none.
 */
#include <errno.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "amount.h"
#include "level.h"
#include "number.h"
#include "record.h"
#include "text.h"
#include "tool.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int blocks_of(const char *amount, uint64_t max_blocks, uint64_t *blocks);

#define MUST(condition)	do { if (!(condition)) abort(); } while (0)

/* what is suggested, "" for nothing */
static char suggested[1024];

int usage_error(const char *command, const char *format, ...)
{
	const char *text, *before;
	va_list args;

	(void)command;
	va_start(args, format);
	text = va_arg(args, const char *);
	if (strstr(format, "write %s%s")) {
		before = va_arg(args, const char *);
		snprintf(suggested, sizeof(suggested), "%s%s", before,
			 va_arg(args, const char *));
		MUST(strcmp(suggested, text));
	}
	va_end(args);
	return STATUS_ERROR;
}

/* Is it UTF-8, as somebody else sees it? */
static bool is_utf8(const char *text)
{
	static iconv_t converter;
	size_t left = strlen(text), room = 4 * left;
	char *buf = malloc(room + 1), *in = (char *)text, *out = buf;
	bool valid;

	if (!converter)
		converter = iconv_open("UTF-32LE", "UTF-8");
	MUST(converter != (iconv_t)-1);
	iconv(converter, NULL, NULL, NULL, NULL);
	valid = iconv(converter, &in, &left, &out, &room) != (size_t)-1 && !left;
	free(buf);
	return valid;
}

static void check_printable(const char *text)
{
	char *copy = text_printable(strdup(text));
	const char *p;

	MUST(strlen(copy) <= strlen(text));
	MUST(is_utf8(copy));
	for (p = copy; *p;) {
		uint32_t character;
		size_t length = utf8_decode(p, &character);

		MUST(length && utf8_is_printable(character));
		/* C0, DEL and C1 drive terminals, and what turns text around does, too */
		MUST(character >= 0x20 && (character < 0x7f || character > 0x9f));
		MUST(character < 0x202a || character > 0x202e);
		p += length;
	}
	free(copy);
}

/* Cuts @text to what it stands for. */
static void url_decode(char *text)
{
	char *to = text;
	unsigned int byte;

	for (; *text; text++) {
		MUST(*text > ' ' && *text < 0x7f);
		if (*text == '%') {
			MUST(sscanf(text + 1, "%2x", &byte) == 1);
			*to++ = byte;
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static void check_json(const char *text)
{
	struct json_object *object = json_object_new_object(), *again, *member;
	char *bytes;

	text_json_add(object, "name", text);
	again = json_tokener_parse(json_object_to_json_string(object));
	MUST(json_object_object_get_ex(again, "name", &member));
	if (is_utf8(text)) {
		MUST(!strcmp(json_object_get_string(member), text));
		MUST(!json_object_object_get_ex(again, "name_bytes", &member));
	} else {
		MUST(is_utf8(json_object_get_string(member)));
		MUST(json_object_object_get_ex(again, "name_bytes", &member));
		bytes = strdup(json_object_get_string(member));
		url_decode(bytes);
		MUST(!strcmp(bytes, text));
		free(bytes);
	}
	json_object_put(again);
	json_object_put(object);
}

static void check_amount(const char *text)
{
	static const uint64_t sizes[] = { 1, 1000, 1 << 20, 1ULL << 40 };
	uint64_t bytes, blocks;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bytes = amount_bytes(text, sizes[i] << 12);
		if (blocks_of(text, sizes[i], &blocks)) {
			/* the tool refuses the one, and has the module refuse the other */
			MUST(strchr(text, '%') ? strtod(text, NULL) > 100 : bytes >= 1ULL << 63);
			continue;
		}
		/* none comes from an amount of nothing alone */
		MUST(blocks == (bytes >> 12) + !!(bytes & 4095));
	}
}

static void check_level(const char *text)
{
	const char *amount = level_free(text) ?: text;

	*suggested = '\0';
	if (level_is_amount(amount))
		check_amount(amount);
	if (level_check("watch", text) && *suggested)
		MUST(level_is_amount(level_free(suggested) ?: level_inodes(suggested) ?: suggested));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* to the byte, so that one byte too far is seen */
	char *text = malloc(size + 1), *arguments[2] = { "80", text };
	struct record record;
	dev_t dev;

	memcpy(text, data, size);
	text[size] = '\0';
	MUST(utf8_is_valid(text) == is_utf8(text));
	check_printable(text);
	check_json(text);
	check_level(text);
	level_is_meant(text);
	level_is_apart(2, arguments);
	number_parse(text, &dev);
	record_parse(&record, text);
	MUST(!record.event.comm[sizeof(record.event.comm) - 1]);
	MUST(!record.event.cause[sizeof(record.event.cause) - 1]);

	memcpy(text, data, size);
	text[size] = '\0';
	text_unescape(text);
	free(text);
	return 0;
}
