/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What amounts come to, as the module has it; see level.h for what is one.
 */
#ifndef AMOUNT_H
#define AMOUNT_H

#include <stdint.h>

/* one hundred percent */
#define AMOUNT_WHOLE	10000

uint64_t amount_bytes(const char *text, uint64_t size);
unsigned int amount_hundredths(const char *text);

#endif /* AMOUNT_H */
