/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levels: from text to numbers of blocks or inodes. Pure code without locks or kernel
 * objects, so that it also compiles in user space for tests and fuzzing.
 */
#ifndef TW_LEVEL_H
#define TW_LEVEL_H

#include <linux/types.h>

/* the longest text that tw_level_print() makes, with its NUL */
#define TW_LEVEL_TEXT	32

/* a number of blocks or inodes that no usage reaches */
#define TW_NEVER	((u64)-1)

/**
 * enum tw_gauge_kind - what is measured on a mount
 * @TW_BLOCKS: blocks allocated
 * @TW_INODES: inodes that are taken, by files and by what is counted with them
 * @TW_REFUSALS: system calls that were refused; these are counted, and have no level
 * @TW_GAUGES: how many kinds there are
 */
enum tw_gauge_kind {
	TW_BLOCKS,
	TW_INODES,
	TW_REFUSALS,
	TW_GAUGES,
};

/**
 * enum tw_level_kind - how an amount of a mount is given
 * @TW_LEVEL_NONE: no level
 * @TW_LEVEL_BYTES: bytes
 * @TW_LEVEL_BLOCKS: blocks of PAGE_SIZE, or inodes
 * @TW_LEVEL_PERCENT: hundredths of a percent of what the mount may have
 * @TW_LEVEL_MAX: the largest level there is, never reached
 */
enum tw_level_kind {
	TW_LEVEL_NONE,
	TW_LEVEL_BYTES,
	TW_LEVEL_BLOCKS,
	TW_LEVEL_PERCENT,
	TW_LEVEL_MAX,
};

/**
 * struct tw_level - an amount of a mount
 * @kind: what @value counts
 * @value: the amount; for TW_LEVEL_PERCENT 0 to 10000; 0 for the kinds NONE
 *	and MAX
 */
struct tw_level {
	enum tw_level_kind kind;
	u64 value;
};

/* the directions of a crossing that a trigger asks for; bits */
#define TW_RISING	1u
#define TW_FALLING	2u
#define TW_BOTH		(TW_RISING | TW_FALLING)

/* pressure levels, in the order of the arrays that describe them */
#define TW_PRESSURES	3
extern const char * const tw_pressure_names[TW_PRESSURES];

/**
 * struct tw_spec - what a registration asks for
 * @gauge: what it is about
 * @level: where it signals
 * @hyst: how far usage must go back before it signals again; NONE for 0
 * @direction: TW_RISING, TW_FALLING or TW_BOTH; 0 for refusals
 * @pressure: index into tw_pressure_names, or -1 if the level was a number
 * @once: ends after the first signal
 * @now: signals at registration when past already
 */
struct tw_spec {
	enum tw_gauge_kind gauge;
	struct tw_level level;
	struct tw_level hyst;
	unsigned int direction;
	int pressure;
	bool once;
	bool now;
};

/**
 * struct tw_band - the two numbers, of blocks or inodes, that a trigger waits for
 * @rise: it becomes "above" when usage >= @rise
 * @fall: it becomes "below" when usage < @fall; never more than @rise
 */
struct tw_band {
	u64 rise;
	u64 fall;
};

/**
 * struct tw_registration - a line written to event_control, split
 * @event_fd: number of the eventfd
 * @control_fd: number of the resource file
 * @args: the rest, inside the buffer that was parsed
 */
struct tw_registration {
	unsigned int event_fd;
	unsigned int control_fd;
	const char *args;
};

/**
 * struct tw_request - a line written to the device, split
 * @forget: ends the registrations of @tag; only that is set
 * @fd: number of a file descriptor on the mount
 * @spec: what is asked for
 * @tag: inside the buffer that was parsed, not terminated
 * @tag_len: its length, 1 to TW_TAG_MAX
 */
struct tw_request {
	bool forget;
	unsigned int fd;
	struct tw_spec spec;
	const char *tag;
	size_t tag_len;
};

/* the longest tag, in bytes */
#define TW_TAG_MAX	63

int tw_fd_parse(const char *text, unsigned int *fd);
int tw_registration_parse(char *text, struct tw_registration *reg);
int tw_level_parse_blocks(const char *text, struct tw_level *level);
int tw_spec_parse(const char *args, struct tw_spec *spec);
int tw_spec_parse_inodes(const char *args, struct tw_spec *spec);
int tw_spec_parse_refused(const char *args, struct tw_spec *spec);
int tw_spec_parse_pressure(const char *args, const unsigned int *percent,
			   struct tw_spec *spec);
int tw_request_parse(char *text, const unsigned int *percent,
		     struct tw_request *request);
int tw_spec_print(char *buf, size_t size, const struct tw_spec *spec);
u64 tw_blocks_to_bytes(u64 blocks, unsigned int block_shift);
int tw_level_print(char *buf, size_t size, const struct tw_level *level);
u64 tw_level_blocks(const struct tw_level *level, u64 max_blocks,
		    unsigned int block_shift);
struct tw_band tw_spec_band(const struct tw_spec *spec, u64 max_blocks,
			    unsigned int block_shift);

#endif /* TW_LEVEL_H */
