/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a section tells: of what comes from its levels, what is logged and run, when,
 * and when it is told again.
 */
#ifndef NOTICE_H
#define NOTICE_H

struct event;
struct guard;
struct guarded;
struct rung;

void notice_take(struct guard *guard, struct event *event);
void notice_ring(const struct guard *guard, struct guarded *guarded);
void notice_flush(const struct guard *guard, struct rung *rung);
void notice_remind(const struct guard *guard, struct guarded *guarded);
double notice_until(const struct guard *guard);
void notice_drop(const struct guard *guard, const struct rung *rung);
void notice_change(const struct guard *guard);

#endif /* NOTICE_H */
