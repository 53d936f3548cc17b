/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reminders: when it is told again that a level is reached still, as smartd(8) has it. The
 * clock goes on while the machine sleeps, and nobody sets it.
 */
#ifndef REMIND_H
#define REMIND_H

#include <stdbool.h>

enum remind {
	REMIND_ONCE,
	REMIND_DAILY,
	REMIND_DIMINISHING,
};

/**
 * struct reminder - of a level of a mount
 * @on: it was told to be reached, and not to be left since
 * @nr: how often it was told again
 * @told: when it was told last, as remind_now() has it
 */
struct reminder {
	bool on;
	unsigned int nr;
	double told;
};

double remind_now(void);
bool remind_parse(const char *text, enum remind *remind);
const char *remind_name(enum remind remind);
double remind_until(const struct reminder *reminder, enum remind remind);
void remind_again(struct reminder *reminder, double now);
void remind_told(struct reminder *reminder, bool up, double now);

#endif /* REMIND_H */
