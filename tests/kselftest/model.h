/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For scribble. model.c: a mount that nobody else uses, of which each trigger
 * and each signal is known. scrawl.c: chance, the texts that are written, and
 * the fds that stand in them. chatter.c: /dev/tmpfswarn.
 *
 * What returns bool is false when the module has not done what it says, and
 * failure says what.
 */
#ifndef MODEL_H
#define MODEL_H

#include "scratch.h"

/* numbers of fds whose meaning another thread changes all the time */
#define CHURN		700
#define CHURNED		8

extern char failure[400];
bool fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

void random_start(uint64_t seed);
uint64_t rnd(void);
unsigned int below(unsigned int n);

bool scrawl_start(const struct scratch *own, const struct scratch *busy);
void scrawl_stop(void);
size_t scrawl(char *text, size_t size, const char *file);
bool scrawl_wrong_fds(const struct scratch *own);
bool scrawl_has(int efd);
bool scrawl_is_other(int efd);
void scrawl_renew(int efd);
void scrawl_renew_any(void);

bool chatter_start(const struct scratch *own);
bool chatter(const struct scratch *fleeting);
void chatter_stop(void);

bool model_start(const struct scratch *m);
void model_stop(void);
bool model_register(void);
bool model_register_rfc(void);
bool model_register_listed(void);
bool model_set_level(void);
bool model_close(void);
bool model_move(void);
bool model_foreign(const char *file, const char *text, size_t size, bool alone);
void model_elsewhere(const char *text, size_t size);
bool model_settled(void);
bool model_check(void);

#endif
