/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long what has failed waits to be tried again.
 */
#ifndef DELAY_H
#define DELAY_H

/* The one after @delay, which is 0 before the first: twice as long, but for @max at most. */
static inline double delay_after(double delay, double first, double max)
{
	return !delay ? first : delay < max / 2 ? 2 * delay : max;
}

#endif /* DELAY_H */
