/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and names as people and as JSON want them.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* room for any of the texts made here */
#define TEXT_SIZE	48

struct json_object;

const char *text_bytes(char buf[TEXT_SIZE], uint64_t bytes);
const char *text_amount(char buf[TEXT_SIZE], uint64_t bytes);
const char *text_percent(char buf[TEXT_SIZE], uint64_t used, uint64_t size);
const char *text_local_time(char buf[TEXT_SIZE], const struct timespec *time);
const char *text_utc_time(char buf[TEXT_SIZE], const struct timespec *time);
const char *text_name(const char *name);
char *text_format(const char *format, va_list args);
char *text_printable(char *text);
char *text_unescape(char *text);

bool text_pair(char **line, char **key, char **value);

struct json_object *text_json(const char *text);
void text_json_add(struct json_object *object, const char *key,
		   const char *name);
void text_json_add_all(struct json_object *object, const char *key,
		       const char *const *names, size_t nr);
void text_json_print(struct json_object *object);

#endif /* TEXT_H */
