// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "text.h"
#include "tool.h"

#define CONFIG_NAME	"tmpfswarn.conf"
#define CONFIG_SUFFIX	".conf"
#define BLANKS		" \t\r"
#define BYTE_ORDER_MARK	"\xef\xbb\xbf"

/* the section that is no path, and what it has */
#define SERVICE		"Service"
#define SERVICE_KEYS	"Metrics="

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

/**
 * struct config - a file that is read
 * @name: of the file
 * @line: where it is
 * @begin: where the line began that is taken now
 * @sections: what was found
 * @settings: and what that of the service says
 * @section: which is read, NULL before the first and for that of the service
 * @service: that is read
 */
struct config {
	const char *name;
	unsigned int line;
	unsigned int begin;
	struct sections *sections;
	struct settings *settings;
	struct section *section;
	bool service;
};

static int __attribute__((format(printf, 2, 3)))
config_refuse(const struct config *config, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	error("%s:%u: %s", config->name, config->begin, text ?: "out of memory");
	free(text);
	return STATUS_CONFIG;
}

/* Exit status, after saying @err of @name: for want of memory or files nothing is broken. */
static int config_failed(const char *name, int err)
{
	error("%s: %s", name, error_text(err));
	return err == ENOMEM || err == EMFILE || err == ENFILE ?
	       STATUS_ERROR : STATUS_CONFIG;
}

static int config_no_memory(void)
{
	error("out of memory");
	return STATUS_ERROR;
}

/* Cuts the white space at both ends of @text. */
static char *config_strip(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length && strchr(BLANKS, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static int config_section(struct config *config, char *text)
{
	size_t length = strlen(text);
	char *from;
	bool glob;

	if (text[length - 1] != ']')
		return config_refuse(config, "%s: no ] at its end", text);
	text[length - 1] = '\0';
	text = config_strip(text + 1);
	config->service = !strcmp(text, SERVICE);
	if (config->service) {
		config->section = NULL;
		return STATUS_OK;
	}
	if (*text != '/')
		return config_refuse(config, "[%s]: not a path that begins with /",
				     text);
	section_clean(text);
	/* it may have been before a slash */
	text = config_strip(text);
	glob = strpbrk(text, "*?[\\");
	config->section = section_find(config->sections, text, glob);
	if (config->section)
		return STATUS_OK;
	if (asprintf(&from, "%s:%u", config->name, config->begin) < 0)
		from = NULL;
	if (from)
		config->section = section_add(config->sections, text, glob,
					      from);
	free(from);
	return config->section ? STATUS_OK : config_no_memory();
}

/* As section_set(), for that of the service. */
static int config_set(struct config *config, const char *key, const char *value)
{
	char **metrics = &config->settings->metrics;

	if (strcmp(key, "Metrics"))
		return config_refuse(config, "%s=: not known in [" SERVICE "], there is "
				     SERVICE_KEYS, key);
	if (*value && (*value != '/' || value[strlen(value) - 1] == '/'))
		return config_refuse(config, "%s=: %s: not a file's path that begins with /",
				     key, value);
	free(*metrics);
	*metrics = *value ? strdup(value) : NULL;
	return *metrics || !*value ? STATUS_OK : config_no_memory();
}

static int config_assignment(struct config *config, char *text)
{
	char *value = strchr(text, '='), why[SECTION_WHY];

	if (!value)
		return config_refuse(config, "%s: neither [PATH] nor KEY=VALUE",
				     text);
	*value++ = '\0';
	text = config_strip(text);
	if (!config->section && !config->service)
		return config_refuse(config, "%s=: no [PATH] before it", text);
	value = config_strip(value);
	/* those of a command are the shell's */
	if (strcmp(text, "Exec"))
		value = config_strip(section_unquote(value));
	if (config->service)
		return config_set(config, text, value);
	errno = 0;
	if (section_set(config->section, text, value, why))
		return STATUS_OK;
	config_refuse(config, "%s=: %s", text, why);
	return errno == ENOMEM ? STATUS_ERROR : STATUS_CONFIG;
}

static int config_line(struct config *config, char *text)
{
	text = config_strip(text);
	if (!*text)
		return STATUS_OK;
	return *text == '[' ? config_section(config, text) :
			      config_assignment(config, text);
}

static bool config_is_comment(const char *line)
{
	line += strspn(line, BLANKS);
	return *line == '#' || *line == ';';
}

/*
 * Reads a line and what continues it into *@text, NULL at the end; exit status, after
 * saying what is wrong.
 */
static int config_next(struct config *config, FILE *file, char **text)
{
	size_t size = 0, length;
	int status = STATUS_OK;
	char *line = NULL;
	bool any = false;
	FILE *all;

	free(*text);
	*text = NULL;
	all = open_memstream(text, &length);
	config->begin = config->line + 1;
	if (!all)
		return config_no_memory();
	for (;;) {
		ssize_t read = getline(&line, &size, file);

		if (read < 0) {
			if (!feof(file))
				status = config_failed(config->name, errno);
			break;
		}
		any = true;
		config->line++;
		if (strlen(line) != (size_t)read) {
			status = config_refuse(config, "a byte of zero is in it");
			break;
		}
		if (read && line[read - 1] == '\n')
			line[--read] = '\0';
		if (config->line == 1 &&
		    !strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK))) {
			status = config_refuse(config, "begins with a byte order mark: save it as UTF-8 without one");
			break;
		}
		if (read > 1 && !strcmp(line + read - 2, "\\\r")) {
			config->begin = config->line;
			status = config_refuse(config, "a carriage return is behind the backslash: save it with lines as Unix has them");
			break;
		}
		/* as systemd.syntax(7) has it: within a line it does not end that */
		if (config_is_comment(line)) {
			if (config->line > config->begin)
				continue;
			break;
		}
		if (read && line[read - 1] == '\\') {
			line[read - 1] = ' ';
			fputs(line, all);
			continue;
		}
		fputs(line, all);
		break;
	}
	free(line);
	if (fclose(all) && !status)
		status = config_no_memory();
	if (!any) {
		free(*text);
		*text = NULL;
	}
	return status;
}

/* Adds what is in @file to the others; exit status, after saying what is wrong. */
int config_parse(FILE *file, const char *name, struct sections *sections,
		 struct settings *settings)
{
	struct config config = {
		.name = name,
		.sections = sections,
		.settings = settings,
	};
	char *text = NULL;
	int status;

	do {
		status = config_next(&config, file, &text);
		if (!status && text)
			status = config_line(&config, text);
	} while (!status && text);
	free(text);
	return status;
}

static int config_read_file(const char *name, struct sections *sections,
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

/* What @section needs and does not have; NULL if there is nothing. */
static const char *config_lacks(const struct section *section)
{
	if (!section->nr_levels)
		return "needs Level=";
	if (!section->grow.by)
		return NULL;
	if (!section->grow.max)
		return "Grow= needs GrowMax=";
	return section_has_bytes(section) ? NULL :
	       "Grow= needs a level of bytes in Level=: neither inodes nor what is refused make a mount grow";
}

/* What must be in each section, when all of it has been read. */
int config_check(const struct sections *sections)
{
	const struct section *section;

	STAILQ_FOREACH(section, sections, next) {
		const char *lacks = config_lacks(section);

		if (!lacks)
			continue;
		error("%s: [%s]: %s", section->from, section->name, lacks);
		return STATUS_CONFIG;
	}
	return STATUS_OK;
}

/* ---- which files ---- */

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
	size_t length = strlen(name), suffix = strlen(CONFIG_SUFFIX);

	return *name != '.' && length > suffix &&
	       !strcmp(name + length - suffix, CONFIG_SUFFIX);
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

static int config_read_dropins(const struct directories *directories,
			       struct sections *sections,
			       struct settings *settings)
{
	struct dropins dropins = { };
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < directories->nr && !status; i++) {
		char *path;

		if (asprintf(&path, "%s/" CONFIG_NAME ".d",
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
		status = config_read_file(dropins.paths[i], sections, settings);
	for (i = 0; i < dropins.nr; i++)
		free(dropins.paths[i]);
	free(dropins.paths);
	return status;
}

/* In place of a user's main file; exit status. */
static int config_read_defaults(struct sections *sections,
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
static int config_read_main(const struct directories *directories,
			    struct sections *sections,
			    struct settings *settings)
{
	size_t i;

	for (i = 0; i < directories->nr; i++) {
		char *path;
		FILE *file;
		int status;

		if (asprintf(&path, "%s/" CONFIG_NAME, directories->paths[i]) < 0)
			return config_no_memory();
		file = fopen(path, "re");
		status = !file && errno == ENOENT ? -1 :
			 config_read_file(path, sections, settings);
		if (file)
			fclose(file);
		free(path);
		if (status >= 0)
			return status;
	}
	return -1;
}

/* Exit status. */
static int config_read_all(const struct origin *origin,
			   struct sections *sections, struct settings *settings)
{
	struct directories directories = { };
	int status;

	if (!(origin->user ? directories_add_user :
			     directories_add_system)(&directories, origin->root))
		status = config_no_memory();
	else
		status = config_read_main(&directories, sections, settings);
	if (status < 0)
		status = origin->user ? config_read_defaults(sections, settings) :
					STATUS_OK;
	if (!status)
		status = config_read_dropins(&directories, sections, settings);
	while (directories.nr)
		free(directories.paths[--directories.nr]);
	return status;
}

/**
 * config_read() - read the configuration
 * @origin: where it is
 * @sections: to which it is added
 * @settings: likewise
 *
 * Return: exit status, after saying what is wrong with file and line.
 */
int config_read(const struct origin *origin, struct sections *sections,
		struct settings *settings)
{
	struct section *section;
	int status;

	if (origin->only)
		status = config_read_file(origin->only, sections, settings);
	else
		status = config_read_all(origin, sections, settings);
	STAILQ_FOREACH(section, sections, next)
		section->user = origin->user;
	return status ? status : config_check(sections);
}

void settings_free(struct settings *settings)
{
	free(settings->metrics);
	settings->metrics = NULL;
}
