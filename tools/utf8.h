/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UTF-8, whatever the locale: names are bytes, and mostly this.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t utf8_decode(const char *text, uint32_t *character);
bool utf8_is_valid(const char *text);
bool utf8_is_printable(uint32_t character);

#endif /* UTF8_H */
