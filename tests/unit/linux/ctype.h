/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's idea of characters: Latin-1, and safe for a signed char. */
#ifndef UNIT_LINUX_CTYPE_H
#define UNIT_LINUX_CTYPE_H

static inline int unit_isdigit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline int unit_isspace(unsigned char c)
{
	return (c >= '\t' && c <= '\r') || c == ' ' || c == 0xa0;
}

static inline int unit_isupper(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static inline unsigned char unit_tolower(unsigned char c)
{
	return unit_isupper(c) ? c + 'a' - 'A' : c;
}

#define isdigit	unit_isdigit
#define isspace	unit_isspace
#define isupper	unit_isupper
#define tolower	unit_tolower

#endif
