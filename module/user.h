/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Users: how many triggers each may have.
 */
#ifndef TW_USER_H
#define TW_USER_H

#include <linux/types.h>

struct cred;
struct tw_user;

extern unsigned int tw_max_user_triggers;

struct tw_user *tw_user_get(const struct cred *cred, bool unlimited);
void tw_user_put(struct tw_user *user);
bool tw_user_charge(struct tw_user *user);
void tw_user_uncharge(struct tw_user *user);

#endif /* TW_USER_H */
