/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why the module cannot be reached, as far as can be seen from here, and what
 * helps without harming those whom it serves.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

enum module_state {
	MODULE_LIVE,
	MODULE_ABSENT,
	MODULE_CHANGING,	/* insmod or rmmod is at work */
	MODULE_UNKNOWN,
};

/* how to raise a limit that cannot be written while the module is loaded */
#define REFUSAL_AT_BOOT	"an options line in /etc/modprobe.d, from the next boot on"

enum module_state refusal_module_state(void);
bool refusal_has_capability(int capability);
const char *refusal_module(void);
const char *refusal_device(int err);
const char *refusal_device_node(void);

#endif /* REFUSAL_H */
