// SPDX-License-Identifier: GPL-2.0
/* What the module makes of an amount, for the fuzzing of words.c. */
#include "../../module/level.h"

int blocks_of(const char *amount, u64 max_blocks, u64 *blocks);

/* 0 or -EINVAL */
int blocks_of(const char *amount, u64 max_blocks, u64 *blocks)
{
	struct tw_spec spec;
	int err = tw_spec_parse(amount, &spec);

	if (!err)
		*blocks = tw_level_blocks(&spec.level, max_blocks, 12);
	return err;
}
