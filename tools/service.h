/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The service: watches the mounts that sections of the configuration match, and
 * does for each what its section says.
 */
#ifndef SERVICE_H
#define SERVICE_H

#define SERVICE_IDLE	"nothing to watch: no section in tmpfswarn.conf, and no level in fstab"

struct interface;
struct origin;

int service_run(const struct interface *interface, const struct origin *origin);

#endif /* SERVICE_H */
