/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface for everybody: /dev/tmpfswarn.
 */
#ifndef TW_DEVICE_H
#define TW_DEVICE_H

int tw_device_init(void);
void tw_device_exit(void);

#endif /* TW_DEVICE_H */
