/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What module/level.c takes from the kernel, for user space. Included before
 * anything else; the headers in linux/ are those that user space has not.
 */
#ifndef UNIT_KERNEL_H
#define UNIT_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef int64_t s64;

#define U64_MAX		UINT64_MAX
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))

#endif
