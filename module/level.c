// SPDX-License-Identifier: GPL-2.0
/*
 * Levels: the grammar of uapi/tmpfswarn.h, and levels to numbers of blocks.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/overflow.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "level.h"

#define TW_PERCENT_ALL	10000u	/* 100 %, in hundredths of a percent */

/* before a level of inodes, where another resource is meant without it */
static const char tw_inodes_prefix[] = "inodes:";

/* in place of a level */
static const char tw_refused[] = "refused";

const char * const tw_pressure_names[TW_PRESSURES] = {
	"low", "medium", "critical",
};

/* Reads decimal digits at *@pos, at least one, and moves *@pos behind them. */
static int tw_digits(const char **pos, u64 *value)
{
	const char *p = *pos;
	u64 n = 0;

	if (!isdigit(*p))
		return -EINVAL;
	for (; isdigit(*p); p++) {
		if (check_mul_overflow(n, (u64)10, &n) ||
		    check_add_overflow(n, (u64)(*p - '0'), &n))
			return -EINVAL;
	}
	*pos = p;
	*value = n;
	return 0;
}

/* The shift of a suffix k, m, g or t; 0 for any other character. */
static unsigned int tw_suffix(char c)
{
	switch (tolower(c)) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	case 't':
		return 40;
	}
	return 0;
}

/* What stands behind the digits of a percentage: at most two decimals, '%'. */
static int tw_percent(const char **pos, u64 whole, struct tw_level *level)
{
	const char *p = *pos;
	unsigned int hundredths = 0;

	if (*p == '.') {
		p++;
		if (!isdigit(*p))
			return -EINVAL;
		hundredths = 10 * (*p++ - '0');
		if (isdigit(*p))
			hundredths += *p++ - '0';
	}
	if (*p++ != '%' || whole > 100)
		return -EINVAL;
	level->kind = TW_LEVEL_PERCENT;
	level->value = 100 * whole + hundredths;
	if (level->value > TW_PERCENT_ALL)
		return -EINVAL;
	*pos = p;
	return 0;
}

/*
 * An amount at *@pos: @kind says what a bare number counts. Bytes may have
 * the suffixes of Kubernetes (Ki), blocks and inodes those of memparse() up to g.
 */
static int tw_amount(const char **pos, enum tw_level_kind kind,
		     struct tw_level *level)
{
	const char *p = *pos;
	unsigned int shift;
	u64 n;

	if (tw_digits(&p, &n))
		return -EINVAL;
	if (*p == '%' || *p == '.') {
		*pos = p;
		return tw_percent(pos, n, level);
	}
	shift = tw_suffix(*p);
	if (kind == TW_LEVEL_BLOCKS && shift > 30)
		return -EINVAL;
	if (shift) {
		p++;
		if (kind == TW_LEVEL_BYTES && *p == 'i' && isupper(p[-1]))
			p++;
	}
	if (n > U64_MAX >> shift)
		return -EINVAL;
	level->kind = kind;
	level->value = n << shift;
	*pos = p;
	return 0;
}

/* True if the word at @p, which ends at white space or NUL, is @word. */
static bool tw_is_word(const char *p, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(p, word, len);
}

/* A piece of a text. */
struct tw_piece {
	const char *text;
	size_t len;
};

/* A tag, or nothing: printable bytes without a space, not too many. */
static bool tw_is_tag(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] < 0x21 || p[i] > 0x7e)
			return false;
	}
	return len <= TW_TAG_MAX;
}

/* What a number of that counts, bare. */
static enum tw_level_kind tw_unit(enum tw_gauge_kind gauge)
{
	return gauge == TW_BLOCKS ? TW_LEVEL_BYTES : TW_LEVEL_BLOCKS;
}

/* The words behind the level, see uapi/tmpfswarn.h. Without @tag there may be none. */
static int tw_words(const char *p, struct tw_spec *spec, struct tw_piece *tag)
{
	bool has_direction = false, has_hyst = false, has_tag = false;

	for (;;) {
		unsigned int direction = 0;
		size_t len = 0;

		while (isspace(*p))
			p++;
		if (!*p)
			return 0;
		while (p[len] && !isspace(p[len]))
			len++;

		if (tw_is_word(p, len, "rising")) {
			direction = TW_RISING;
		} else if (tw_is_word(p, len, "falling")) {
			direction = TW_FALLING;
		} else if (tw_is_word(p, len, "both")) {
			direction = TW_BOTH;
		} else if (tw_is_word(p, len, "once")) {
			spec->once = true;
		} else if (tw_is_word(p, len, "now")) {
			spec->now = true;
		} else if (len > 5 && !memcmp(p, "hyst=", 5) && !has_hyst) {
			const char *amount = p + 5;

			if (tw_amount(&amount, tw_unit(spec->gauge), &spec->hyst) ||
			    amount != p + len)
				return -EINVAL;
			has_hyst = true;
		} else if (len > 4 && !memcmp(p, "tag=", 4) && tag && !has_tag) {
			*tag = (struct tw_piece){ p + 4, len - 4 };
			if (!tw_is_tag(tag->text, tag->len))
				return -EINVAL;
			has_tag = true;
		} else {
			return -EINVAL;
		}
		if (direction) {
			if (has_direction)
				return -EINVAL;
			spec->direction = direction;
			has_direction = true;
		}
		p += len;
	}
}

/* A number too large for a file descriptor stays one that nobody has. */
static unsigned int tw_fd(u64 n)
{
	return n > INT_MAX ? INT_MAX : n;
}

/**
 * tw_fd_parse() - the number of a file descriptor, alone
 * @text: decimal, white space around it is ignored
 * @fd: set on success
 *
 * Return: 0 or -EINVAL.
 */
int tw_fd_parse(const char *text, unsigned int *fd)
{
	u64 n;

	while (isspace(*text))
		text++;
	if (tw_digits(&text, &n))
		return -EINVAL;
	while (isspace(*text))
		text++;
	if (*text)
		return -EINVAL;
	*fd = tw_fd(n);
	return 0;
}

/* Cuts white space off at both ends. */
static char *tw_strip(char *text)
{
	size_t len = strlen(text);

	while (len && isspace(text[len - 1]))
		text[--len] = '\0';
	while (isspace(*text))
		text++;
	return text;
}

/**
 * tw_registration_parse() - split a line written to event_control
 * @text: the line; its trailing white space is cut off
 * @reg: set on success; @reg->args points into @text
 *
 * The grammar is that of cgroup_write_event_control() in mm/memcontrol-v1.c,
 * except that a number without digits is refused.
 *
 * Return: 0 or -EINVAL.
 */
int tw_registration_parse(char *text, struct tw_registration *reg)
{
	const char *p = tw_strip(text);
	u64 efd, cfd;

	if (tw_digits(&p, &efd) || *p++ != ' ')
		return -EINVAL;
	if (tw_digits(&p, &cfd))
		return -EINVAL;
	if (*p && *p++ != ' ')
		return -EINVAL;
	reg->event_fd = tw_fd(efd);
	reg->control_fd = tw_fd(cfd);
	reg->args = p;
	return 0;
}

/**
 * tw_level_parse_blocks() - what is written to warn_used_blocks
 * @text: a number of blocks or a percentage; empty or 0 for none
 * @level: set on success; of the kind NONE, BLOCKS or PERCENT
 *
 * Return: 0 or -EINVAL.
 */
int tw_level_parse_blocks(const char *text, struct tw_level *level)
{
	struct tw_level parsed = { .kind = TW_LEVEL_NONE };

	while (isspace(*text))
		text++;
	if (*text && tw_amount(&text, TW_LEVEL_BLOCKS, &parsed))
		return -EINVAL;
	while (isspace(*text))
		text++;
	if (*text)
		return -EINVAL;
	if (!parsed.value)
		parsed.kind = TW_LEVEL_NONE;
	*level = parsed;
	return 0;
}

/* tw_spec_parse() or tw_spec_parse_inodes(), which may have a tag. */
static int tw_spec_parse_tag(const char *args, enum tw_gauge_kind gauge, struct tw_spec *spec,
			     struct tw_piece *tag)
{
	struct tw_spec parsed = { .gauge = gauge, .direction = TW_BOTH, .pressure = -1 };

	if (args[0] == '-' && args[1] == '1') {
		parsed.level.kind = TW_LEVEL_MAX;
		args += 2;
	} else if (tw_amount(&args, tw_unit(gauge), &parsed.level)) {
		return -EINVAL;
	}
	if ((*args && !isspace(*args)) || tw_words(args, &parsed, tag))
		return -EINVAL;
	*spec = parsed;
	return 0;
}

/**
 * tw_spec_parse() - the args of a registration on used_bytes
 * @args: "<level> [word ...]"
 * @spec: set on success
 *
 * Return: 0 or -EINVAL.
 */
int tw_spec_parse(const char *args, struct tw_spec *spec)
{
	return tw_spec_parse_tag(args, TW_BLOCKS, spec, NULL);
}

/**
 * tw_spec_parse_inodes() - the args of a registration on used_inodes
 * @args: "<level> [word ...]"
 * @spec: set on success
 *
 * Return: 0 or -EINVAL.
 */
int tw_spec_parse_inodes(const char *args, struct tw_spec *spec)
{
	return tw_spec_parse_tag(args, TW_INODES, spec, NULL);
}

/* tw_spec_parse_pressure(), which may have a tag. */
static int tw_spec_parse_pressure_tag(const char *args, const unsigned int *percent,
				      struct tw_spec *spec, struct tw_piece *tag)
{
	static const char * const modes[] = { "default", "hierarchy", "local" };
	struct tw_spec parsed = { .direction = TW_RISING };
	size_t len = strcspn(args, ", \t\n\v\f\r");
	size_t i;

	for (i = 0; i < TW_PRESSURES; i++) {
		if (tw_is_word(args, len, tw_pressure_names[i]))
			break;
	}
	if (i == TW_PRESSURES)
		return -EINVAL;
	parsed.pressure = i;
	parsed.level.kind = TW_LEVEL_PERCENT;
	parsed.level.value = 100 * percent[i];

	args += len;
	if (*args == ',') {
		len = strcspn(++args, " \t\n\v\f\r");
		for (i = 0; i < ARRAY_SIZE(modes); i++) {
			if (tw_is_word(args, len, modes[i]))
				break;
		}
		if (i == ARRAY_SIZE(modes))
			return -EINVAL;
		args += len;
	}
	if (tw_words(args, &parsed, tag))
		return -EINVAL;
	*spec = parsed;
	return 0;
}

/**
 * tw_spec_parse_pressure() - the args of a registration on pressure_level
 * @args: "low", "medium" or "critical", then ",mode" of cgroup v1 or nothing,
 *	then words
 * @percent: what the three mean, in percent, 1 to 100
 * @spec: set on success
 *
 * Return: 0 or -EINVAL.
 */
int tw_spec_parse_pressure(const char *args, const unsigned int *percent,
			   struct tw_spec *spec)
{
	return tw_spec_parse_pressure_tag(args, percent, spec, NULL);
}

/* tw_spec_parse_refused(), which may have a tag. */
static int tw_spec_parse_refused_tag(const char *args, struct tw_spec *spec,
				     struct tw_piece *tag)
{
	struct tw_spec parsed = { .gauge = TW_REFUSALS, .pressure = -1 };

	if (tw_words(args, &parsed, tag))
		return -EINVAL;
	/* where there is no level, there is no side of it */
	if (parsed.direction || parsed.now || parsed.hyst.kind != TW_LEVEL_NONE)
		return -EINVAL;
	*spec = parsed;
	return 0;
}

/**
 * tw_spec_parse_refused() - the args of a registration on refused
 * @args: "once" or nothing
 * @spec: set on success
 *
 * Return: 0 or -EINVAL.
 */
int tw_spec_parse_refused(const char *args, struct tw_spec *spec)
{
	return tw_spec_parse_refused_tag(args, spec, NULL);
}

/**
 * tw_request_parse() - split a line written to the device
 * @text: "<fd> <level> [word ...]" or "forget <tag>"; its trailing white space is cut off
 * @percent: as for tw_spec_parse_pressure()
 * @request: set on success; its tag, by default the level as written, points into @text
 *
 * Return: 0 or -EINVAL.
 */
int tw_request_parse(char *text, const unsigned int *percent,
		     struct tw_request *request)
{
	const char *p = tw_strip(text);
	struct tw_request parsed = { };
	struct tw_piece tag;
	u64 fd;
	int err;

	if (!strncmp(p, "forget ", 7)) {
		parsed.forget = true;
		tag = (struct tw_piece){ p + 7, strlen(p + 7) };
	} else {
		if (tw_digits(&p, &fd) || *p++ != ' ')
			return -EINVAL;
		parsed.fd = tw_fd(fd);
		tag = (struct tw_piece){ p, strcspn(p, " \t\n\v\f\r") };
		if (isdigit(*p) || *p == '-')
			err = tw_spec_parse_tag(p, TW_BLOCKS, &parsed.spec, &tag);
		else if (!strncmp(p, tw_inodes_prefix, strlen(tw_inodes_prefix)))
			err = tw_spec_parse_tag(p + strlen(tw_inodes_prefix), TW_INODES,
						&parsed.spec, &tag);
		else if (tw_is_word(tag.text, tag.len, tw_refused))
			err = tw_spec_parse_refused_tag(p + tag.len, &parsed.spec, &tag);
		else
			err = tw_spec_parse_pressure_tag(p, percent, &parsed.spec, &tag);
		if (err)
			return err;
	}
	if (!tw_is_tag(tag.text, tag.len))
		return -EINVAL;
	parsed.tag = tag.text;
	parsed.tag_len = tag.len;
	*request = parsed;
	return 0;
}

/**
 * tw_level_print() - the text of a level
 * @buf: where to
 * @size: of @buf; TW_LEVEL_TEXT is enough
 * @level: the level
 *
 * What is printed parses to the same level again.
 *
 * Return: the length of the text.
 */
int tw_level_print(char *buf, size_t size, const struct tw_level *level)
{
	unsigned int percent = level->value, hundredths;

	switch (level->kind) {
	case TW_LEVEL_MAX:
		return snprintf(buf, size, "-1");
	case TW_LEVEL_PERCENT:
		hundredths = percent % 100;
		if (!hundredths)
			return snprintf(buf, size, "%u%%", percent / 100);
		return snprintf(buf, size, "%u.%02u%%", percent / 100,
				hundredths);
	default:
		return snprintf(buf, size, "%llu",
				(unsigned long long)level->value);
	}
}

/**
 * tw_spec_print() - the text of the level that a registration asks for
 * @buf: where to
 * @size: of @buf; TW_LEVEL_TEXT is enough
 * @spec: the registration
 *
 * Return: the length of the text.
 */
int tw_spec_print(char *buf, size_t size, const struct tw_spec *spec)
{
	int len = 0;

	if (spec->gauge == TW_REFUSALS)
		return snprintf(buf, size, "%s", tw_refused);
	if (spec->pressure >= 0)
		return snprintf(buf, size, "%s", tw_pressure_names[spec->pressure]);
	if (spec->gauge == TW_INODES)
		len = snprintf(buf, size, "%s", tw_inodes_prefix);
	return len + tw_level_print(buf + len, size - len, &spec->level);
}

/**
 * tw_blocks_to_bytes() - a number of blocks in bytes
 * @blocks: how many; a mount may be given more than 64 bits count the bytes of
 * @block_shift: log2 of the bytes in a block
 *
 * Return: bytes, as many as fit.
 */
u64 tw_blocks_to_bytes(u64 blocks, unsigned int block_shift)
{
	return blocks > U64_MAX >> block_shift ? U64_MAX : blocks << block_shift;
}

/**
 * tw_level_blocks() - a level as a number of blocks or inodes
 * @level: the level
 * @max_blocks: how many the mount may have
 * @block_shift: log2 of the bytes in a block
 *
 * A level that is no whole number of blocks is reached with the block that
 * covers it: rounded up.
 *
 * Return: blocks; TW_NEVER for the kinds NONE and MAX.
 */
u64 tw_level_blocks(const struct tw_level *level, u64 max_blocks,
		    unsigned int block_shift)
{
	u64 mask = ((u64)1 << block_shift) - 1;
	u64 quotient, part;
	u32 rest;

	switch (level->kind) {
	case TW_LEVEL_BYTES:
		return (level->value >> block_shift) + !!(level->value & mask);
	case TW_LEVEL_BLOCKS:
		return level->value;
	case TW_LEVEL_PERCENT:
		/* max_blocks * 10000 may not fit 64 bits: in two parts */
		quotient = div_u64_rem(max_blocks, TW_PERCENT_ALL, &rest);
		part = rest * level->value + TW_PERCENT_ALL - 1;
		return quotient * level->value + div_u64(part, TW_PERCENT_ALL);
	default:
		return TW_NEVER;
	}
}

/**
 * tw_spec_band() - the two numbers, of blocks or inodes, that a registration waits for
 * @spec: what it asks for
 * @max_blocks: how many the mount may have
 * @block_shift: log2 of the bytes in a block
 *
 * Without hysteresis usage is above a level L when it is >= L and below when
 * it is < L. With a hysteresis of H the trigger becomes above at L and below
 * at L - H, or, if it asks for falling alone, below at L - 1 and above at
 * L + H.
 *
 * Return: the band, @rise >= @fall.
 */
struct tw_band tw_spec_band(const struct tw_spec *spec, u64 max_blocks,
			    unsigned int block_shift)
{
	u64 level = tw_level_blocks(&spec->level, max_blocks, block_shift);
	struct tw_band band = { .rise = level, .fall = level };
	u64 hyst;

	if (spec->hyst.kind == TW_LEVEL_NONE)
		return band;
	hyst = tw_level_blocks(&spec->hyst, max_blocks, block_shift);
	if (!hyst || !level || level == TW_NEVER)
		return band;
	if (spec->direction == TW_FALLING) {
		if (check_add_overflow(level, hyst, &band.rise))
			band.rise = TW_NEVER;
	} else {
		band.fall = hyst < level ? level - hyst + 1 : 1;
	}
	return band;
}
