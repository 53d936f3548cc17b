/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levels as typed. What they come to is for the module to say; here only what
 * cannot be one is told from what can.
 */
#ifndef LEVEL_H
#define LEVEL_H

#include <stdbool.h>

/* before an amount that is left rather than used */
#define LEVEL_FREE	"free:"

/* before a number of inodes, or a percentage of them */
#define LEVEL_INODES	"inodes:"

/* in place of a level: what the mount refuses */
#define LEVEL_REFUSED	"refused"

#define LEVEL_FORMS	"such as 80%, 99.5%, 512M, 2Gi, free:200M, inodes:90% or low, medium, critical, refused"

/**
 * enum resource - what a level is of
 * @RESOURCE_BYTES: bytes used, or free
 * @RESOURCE_INODES: inodes used
 * @RESOURCE_REFUSED: calls refused, of which there is no level
 * @RESOURCES: how many
 */
enum resource {
	RESOURCE_BYTES,
	RESOURCE_INODES,
	RESOURCE_REFUSED,
	RESOURCES,
};

bool level_is_pressure(const char *text);
bool level_is_amount(const char *text);
const char *level_free(const char *text);
const char *level_inodes(const char *text);
enum resource level_resource(const char *text);
const char *level_resource_name(const char *text);
bool level_is_meant(const char *text);
bool level_is_valid(const char *text);
bool level_is_apart(int argc, char **argv);
int level_check(const char *command, const char *text);

#endif /* LEVEL_H */
