// SPDX-License-Identifier: GPL-2.0
#include "utf8.h"

/* The character that @text begins with; its length in bytes, 0 if it is none. */
size_t utf8_decode(const char *text, uint32_t *character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t length, i;

	*character = *p;
	if (*p < 0x80)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	length = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	*character &= 0x7f >> length;
	for (i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (p[i] & 0x3f);
	}
	/* overlong, a surrogate, or more than there are */
	if (*character < least[length] || *character > 0x10ffff ||
	    (*character >= 0xd800 && *character <= 0xdfff))
		return 0;
	return length;
}

bool utf8_is_valid(const char *text)
{
	uint32_t character;
	size_t length;

	for (; *text; text += length) {
		length = utf8_decode(text, &character);
		if (!length)
			return false;
	}
	return true;
}

/*
 * False for what drives a terminal, ends a line, turns the order of what
 * follows or cannot be seen. What Unicode has not assigned is let pass, or each
 * new version of it would be masked.
 */
bool utf8_is_printable(uint32_t character)
{
	static const uint32_t not_printable[][2] = {
		{ 0, 0x1f },		/* C0 */
		{ 0x7f, 0x9f },		/* DEL, C1 */
		{ 0xad, 0xad },		/* soft hyphen */
		{ 0x61c, 0x61c },	/* Arabic letter mark */
		{ 0x180e, 0x180e },	/* Mongolian vowel separator */
		{ 0x200b, 0x200f },	/* of no width, marks of direction */
		{ 0x2028, 0x202e },	/* separators of lines, embeddings */
		{ 0x2060, 0x206f },	/* invisible operators, isolates */
		{ 0xd800, 0xf8ff },	/* surrogates, private use */
		{ 0xfdd0, 0xfdef },	/* no characters */
		{ 0xfeff, 0xfeff },	/* byte order mark */
		{ 0xfff0, 0xfffb },	/* annotations */
		{ 0x1bca0, 0x1bca3 },	/* formats of shorthand */
		{ 0x1d173, 0x1d17a },	/* formats of music */
		{ 0xe0000, 0x10ffff },	/* tags, private use */
	};
	size_t i;

	for (i = 0; i < sizeof(not_printable) / sizeof(not_printable[0]); i++) {
		if (character >= not_printable[i][0] &&
		    character <= not_printable[i][1])
			return false;
	}
	/* the last two of each plane are no characters */
	return (character & 0xfffe) != 0xfffe;
}
