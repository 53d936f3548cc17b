// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "text.h"
#include "tool.h"

#define BLANKS		" \t\r"
#define BYTE_ORDER_MARK	"\xef\xbb\xbf"

/* the section that is no path, and what it has */
#define SERVICE		"Service"
#define SERVICE_KEYS	"Metrics="

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
int config_failed(const char *name, int err)
{
	error("%s: %s", name, error_text(err));
	return err == ENOMEM || err == EMFILE || err == ENFILE ?
	       STATUS_ERROR : STATUS_CONFIG;
}

int config_no_memory(void)
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

void settings_free(struct settings *settings)
{
	free(settings->metrics);
	settings->metrics = NULL;
}
