// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "origin.h"
#include "text.h"
#include "tool.h"

#define ORIGIN_NAME	"tmpfswarn.conf"
#define ORIGIN_SUFFIX	".conf"

/*
 * What a user's service watches where nobody has said otherwise: the mounts that he may
 * fill. An archive that is unpacked there is no alarm, nor is what comes and goes.
 */
#define USER_DEFAULT(point)					\
	"[" point "]\nLevel=90%% inodes:90%% refused\n"		\
	"For=10s\nHysteresis=5%%\n"
#define USER_DEFAULTS						\
	USER_DEFAULT("/tmp") USER_DEFAULT("/dev/shm")		\
	USER_DEFAULT("/run/user/%u")

#define DIRECTORIES	3

/**
 * struct directories - where files are looked for
 * @paths: what is in the first hides what is in the others
 * @nr: how many
 */
struct directories {
	char *paths[DIRECTORIES];
	size_t nr;
};

/* False if there is no memory. */
static bool __attribute__((format(printf, 2, 3)))
directories_add(struct directories *directories, const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = text_format(format, args);
	va_end(args);
	directories->paths[directories->nr] = path;
	directories->nr += !!path;
	return path;
}

/* Those of a user; as the XDG Base Directory Specification has it. */
static bool directories_add_user(struct directories *directories,
				 const char *root)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	bool done = true;

	/* it is to be ignored if it is relative */
	if (config && *config == '/')
		done = directories_add(directories, "%s%s", root, config);
	else if (home && *home == '/')
		done = directories_add(directories, "%s%s/.config", root, home);
	return done && directories_add(directories, "%s/etc/xdg", root);
}

static bool directories_add_system(struct directories *directories,
				   const char *root)
{
	return directories_add(directories, "%s/etc", root) &&
	       directories_add(directories, "%s/run", root) &&
	       directories_add(directories, "%s/usr/lib", root);
}

static int origin_read_file(const char *name, struct sections *sections,
			    struct settings *settings)
{
	FILE *file = fopen(name, "re");
	int status;

	if (!file)
		return config_failed(name, errno);
	status = config_parse(file, name, sections, settings);
	fclose(file);
	return status;
}

/**
 * struct dropins - the drop-ins, by name
 * @paths: of the files
 * @nr: how many
 */
struct dropins {
	char **paths;
	size_t nr;
};

static const char *dropin_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static bool dropins_have(const struct dropins *dropins, const char *name)
{
	size_t i;

	for (i = 0; i < dropins->nr; i++) {
		if (!strcmp(dropin_name(dropins->paths[i]), name))
			return true;
	}
	return false;
}

/* False if there is no memory. */
static bool dropins_add(struct dropins *dropins, const char *dir,
			const char *name)
{
	char **paths = reallocarray(dropins->paths, dropins->nr + 1,
				    sizeof(*paths));

	if (!paths)
		return false;
	dropins->paths = paths;
	if (asprintf(&paths[dropins->nr], "%s/%s", dir, name) < 0)
		return false;
	dropins->nr++;
	return true;
}

static bool dropins_is_one(const char *name)
{
	size_t length = strlen(name), suffix = strlen(ORIGIN_SUFFIX);

	return *name != '.' && length > suffix &&
	       !strcmp(name + length - suffix, ORIGIN_SUFFIX);
}

/* Adds those of the directory @path, which may not exist; exit status. */
static int dropins_scan(struct dropins *dropins, const char *path)
{
	DIR *dir = opendir(path);
	int status = STATUS_OK;
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return STATUS_OK;
	if (!dir)
		return config_failed(path, errno);
	while (!status && (entry = readdir(dir))) {
		if (!dropins_is_one(entry->d_name) ||
		    dropins_have(dropins, entry->d_name) ||
		    dropins_add(dropins, path, entry->d_name))
			continue;
		status = config_no_memory();
	}
	closedir(dir);
	return status;
}

static int dropins_compare(const void *a, const void *b)
{
	return strcmp(dropin_name(*(char *const *)a),
		      dropin_name(*(char *const *)b));
}

static int origin_read_dropins(const struct directories *directories,
			       struct sections *sections,
			       struct settings *settings)
{
	struct dropins dropins = { };
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < directories->nr && !status; i++) {
		char *path;

		if (asprintf(&path, "%s/" ORIGIN_NAME ".d",
			     directories->paths[i]) < 0) {
			status = config_no_memory();
			break;
		}
		status = dropins_scan(&dropins, path);
		free(path);
	}
	if (dropins.nr)
		qsort(dropins.paths, dropins.nr, sizeof(*dropins.paths),
		      dropins_compare);
	for (i = 0; i < dropins.nr && !status; i++)
		status = origin_read_file(dropins.paths[i], sections, settings);
	for (i = 0; i < dropins.nr; i++)
		free(dropins.paths[i]);
	free(dropins.paths);
	return status;
}

/* In place of a user's main file; exit status. */
static int origin_read_defaults(struct sections *sections,
				struct settings *settings)
{
	char text[512];
	FILE *file;
	int status;

	snprintf(text, sizeof(text), USER_DEFAULTS, getuid());
	file = fmemopen(text, strlen(text), "r");
	if (!file)
		return config_no_memory();
	status = config_parse(file, "default", sections, settings);
	fclose(file);
	return status;
}

/* The first there is of the main file; exit status, -1 if there is none. */
static int origin_read_main(const struct directories *directories,
			    struct sections *sections,
			    struct settings *settings)
{
	size_t i;

	for (i = 0; i < directories->nr; i++) {
		char *path;
		FILE *file;
		int status;

		if (asprintf(&path, "%s/" ORIGIN_NAME, directories->paths[i]) < 0)
			return config_no_memory();
		file = fopen(path, "re");
		status = !file && errno == ENOENT ? -1 :
			 origin_read_file(path, sections, settings);
		if (file)
			fclose(file);
		free(path);
		if (status >= 0)
			return status;
	}
	return -1;
}

/* Exit status. */
static int origin_read_all(const struct origin *origin,
			   struct sections *sections, struct settings *settings)
{
	struct directories directories = { };
	int status;

	if (!(origin->user ? directories_add_user :
			     directories_add_system)(&directories, origin->root))
		status = config_no_memory();
	else
		status = origin_read_main(&directories, sections, settings);
	if (status < 0)
		status = origin->user ? origin_read_defaults(sections, settings) :
					STATUS_OK;
	if (!status)
		status = origin_read_dropins(&directories, sections, settings);
	while (directories.nr)
		free(directories.paths[--directories.nr]);
	return status;
}

/**
 * origin_read() - read the configuration
 * @origin: where it is
 * @sections: to which it is added
 * @settings: likewise
 *
 * Return: exit status, after saying what is wrong with file and line.
 */
int origin_read(const struct origin *origin, struct sections *sections,
		struct settings *settings)
{
	struct section *section;
	int status;

	if (origin->only)
		status = origin_read_file(origin->only, sections, settings);
	else
		status = origin_read_all(origin, sections, settings);
	STAILQ_FOREACH(section, sections, next)
		section->user = origin->user;
	return status ? status : config_check(sections);
}
