/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the service tells who has started it, if that is systemd, see sd_notify(3).
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

void supervisor_ready(void);
void supervisor_reloading(void);
void supervisor_status(const char *text);
void supervisor_stopping(void);
void supervisor_run(void);
double supervisor_until(void);

#endif /* SUPERVISOR_H */
