// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* what stands for the path */
#define UNIT_PATH	"%f"

/* as systemd has it */
#define UNIT_LENGTH	255

#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* of units that systemctl(1) can start */
static const char *const types[] = {
	".service", ".target", ".timer", ".path", ".socket", ".mount",
	".automount", ".swap", ".slice",
};

static bool unit_is_type(const char *suffix)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!strcmp(suffix, types[i]))
			return true;
	}
	return false;
}

/* True for what may be the name of a unit, with %f for a path. */
bool unit_is_valid(const char *name)
{
	const char *dot = strrchr(name, '.'), *p;

	if (!dot || dot == name || !unit_is_type(dot) ||
	    strlen(name) > UNIT_LENGTH || *name == '-')
		return false;
	for (p = name; *p; p++) {
		if (!strncmp(p, UNIT_PATH, strlen(UNIT_PATH)))
			p++;
		else if (!strchr(LETTERS ":-_.\\@", *p))
			return false;
	}
	return true;
}

/* @path as systemd-escape --path has it, to be freed; NULL if there is no memory. */
char *unit_escape(const char *path)
{
	char *escaped = malloc(4 * strlen(path) + 2), *to = escaped;

	if (!escaped)
		return NULL;
	path += strspn(path, "/");
	if (!*path)
		*to++ = '-';
	while (*path) {
		size_t slashes = strspn(path, "/");

		if (slashes) {
			path += slashes;
			if (*path)
				*to++ = '-';
			continue;
		}
		if (strchr(LETTERS ":_", *path) ||
		    (*path == '.' && to != escaped))
			*to++ = *path;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*path);
		path++;
	}
	*to = '\0';
	return escaped;
}

/*
 * The command for a shell that starts the unit @name, the system's or the @user's,
 * for @path, to be freed; NULL if there is no memory. Nothing in it needs more than the quotes.
 */
char *unit_start(const char *name, const char *path, bool user)
{
	char *escaped = unit_escape(path), *command = NULL;
	const char *found;
	size_t size;
	FILE *file;

	file = escaped ? open_memstream(&command, &size) : NULL;
	if (!file) {
		free(escaped);
		return NULL;
	}
	fprintf(file, "exec systemctl %sstart --no-block -- '",
		user ? "--user " : "");
	while ((found = strstr(name, UNIT_PATH))) {
		fprintf(file, "%.*s%s", (int)(found - name), name, escaped);
		name = found + strlen(UNIT_PATH);
	}
	fprintf(file, "%s'", name);
	free(escaped);
	if (fclose(file)) {
		free(command);
		return NULL;
	}
	return command;
}
