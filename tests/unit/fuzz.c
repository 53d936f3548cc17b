// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the grammar: no text may make the parsers read or count out of
 * bounds, and whatever is accepted prints back to a text that means the same.
 */
#include <stdlib.h>

#include "level.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)	do { if (!(condition)) abort(); } while (0)

static const unsigned int percent[TW_PRESSURES] = { 60, 80, 95 };

static bool same_level(const struct tw_level *a, const struct tw_level *b)
{
	return a->kind == b->kind && a->value == b->value;
}

static void check_level(const struct tw_level *level)
{
	char text[TW_LEVEL_TEXT];

	MUST(level->kind <= TW_LEVEL_MAX);
	MUST(tw_blocks_to_bytes(level->value, 12) >= level->value);
	if (level->kind == TW_LEVEL_PERCENT)
		MUST(level->value <= 10000);
	if (level->kind == TW_LEVEL_NONE || level->kind == TW_LEVEL_MAX)
		MUST(level->value == 0);
	MUST(tw_level_print(text, sizeof(text), level) < (int)sizeof(text));
}

static void check_spec(const struct tw_spec *spec)
{
	static const char *const directions[] = { "", "rising", "falling", "both" };
	char text[256], level[TW_LEVEL_TEXT], hyst[TW_LEVEL_TEXT] = "";
	struct tw_spec again;
	struct tw_band band;
	unsigned int shift;

	if (spec->gauge == TW_REFUSALS)
		MUST(!spec->direction);
	else
		MUST(spec->direction >= TW_RISING && spec->direction <= TW_BOTH);
	check_level(&spec->level);
	check_level(&spec->hyst);
	for (shift = 12; shift <= 16; shift += 2) {
		band = tw_spec_band(spec, 1000, shift);
		MUST(band.rise >= band.fall);
		band = tw_spec_band(spec, U64_MAX, shift);
		MUST(band.rise >= band.fall);
	}

	tw_level_print(level, sizeof(level), &spec->level);
	if (spec->hyst.kind != TW_LEVEL_NONE) {
		strcpy(hyst, " hyst=");
		tw_level_print(hyst + 6, sizeof(hyst) - 6, &spec->hyst);
	}
	snprintf(text, sizeof(text), "%s %s%s%s%s",
		 spec->pressure < 0 ? level : tw_pressure_names[spec->pressure],
		 directions[spec->direction], spec->once ? " once" : "",
		 spec->now ? " now" : "", hyst);
	if (spec->pressure >= 0)
		MUST(tw_spec_parse_pressure(text, percent, &again) == 0);
	else if (spec->gauge == TW_INODES)
		MUST(tw_spec_parse_inodes(text, &again) == 0);
	else if (spec->gauge == TW_REFUSALS)
		MUST(tw_spec_parse_refused(spec->once ? "once" : "", &again) == 0);
	else
		MUST(tw_spec_parse(text, &again) == 0);
	MUST(again.gauge == spec->gauge);
	MUST(same_level(&again.level, &spec->level));
	MUST(same_level(&again.hyst, &spec->hyst));
	MUST(again.direction == spec->direction && again.pressure == spec->pressure);
	MUST(again.once == spec->once && again.now == spec->now);
}

static void check_args(const char *args)
{
	struct tw_spec spec;

	if (tw_spec_parse(args, &spec) == 0) {
		MUST(spec.pressure == -1 && spec.gauge == TW_BLOCKS);
		check_spec(&spec);
	}
	if (tw_spec_parse_inodes(args, &spec) == 0) {
		MUST(spec.pressure == -1 && spec.gauge == TW_INODES);
		MUST(spec.level.kind != TW_LEVEL_BYTES && spec.hyst.kind != TW_LEVEL_BYTES);
		check_spec(&spec);
	}
	if (tw_spec_parse_refused(args, &spec) == 0) {
		MUST(spec.pressure == -1 && spec.gauge == TW_REFUSALS && !spec.direction);
		MUST(spec.level.kind == TW_LEVEL_NONE && spec.hyst.kind == TW_LEVEL_NONE);
		check_spec(&spec);
	}
	if (tw_spec_parse_pressure(args, percent, &spec) == 0) {
		MUST(spec.pressure >= 0 && spec.pressure < TW_PRESSURES);
		check_spec(&spec);
	}
}

/* Cuts @text. */
static void check_request(char *text)
{
	const char *end = text + strlen(text);
	char printed[TW_LEVEL_TEXT];
	struct tw_request request;
	size_t i;

	if (tw_request_parse(text, percent, &request))
		return;
	MUST(request.tag_len >= 1 && request.tag_len <= TW_TAG_MAX);
	MUST(request.tag >= text && request.tag + request.tag_len <= end);
	for (i = 0; i < request.tag_len; i++)
		MUST(request.tag[i] > ' ' && request.tag[i] <= '~');
	if (request.forget)
		return;
	MUST(request.fd <= INT_MAX);
	check_spec(&request.spec);
	MUST(tw_spec_print(printed, sizeof(printed), &request.spec) < (int)sizeof(printed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* to the byte, so that one byte too far is seen */
	char *text = malloc(size + 1);
	struct tw_registration reg;
	struct tw_level level;
	unsigned int fd;

	memcpy(text, data, size);
	text[size] = '\0';
	check_request(text);

	memcpy(text, data, size);

	check_args(text);
	if (tw_fd_parse(text, &fd) == 0)
		MUST(fd <= INT_MAX);
	if (tw_level_parse_blocks(text, &level) == 0) {
		char printed[TW_LEVEL_TEXT];
		struct tw_level again;

		check_level(&level);
		MUST(level.kind == TW_LEVEL_NONE || level.value > 0);
		MUST(level.kind != TW_LEVEL_BLOCKS ||
		     tw_level_blocks(&level, 1000, 12) == level.value);
		MUST(level.kind != TW_LEVEL_PERCENT || tw_level_blocks(&level, 1000, 12) <= 1000);
		tw_level_print(printed, sizeof(printed), &level);
		MUST(tw_level_parse_blocks(printed, &again) == 0);
		MUST(same_level(&again, &level));
	}
	/* last: it cuts the text */
	if (tw_registration_parse(text, &reg) == 0) {
		MUST(reg.event_fd <= INT_MAX && reg.control_fd <= INT_MAX);
		MUST(reg.args >= text && reg.args <= text + strlen(text));
		check_args(reg.args);
	}
	free(text);
	return 0;
}
