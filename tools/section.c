// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amount.h"
#include "duration.h"
#include "level.h"
#include "section.h"
#include "unit.h"

/* Has @path, which begins with a slash, no slash and no "." too many. */
void section_clean(char *path)
{
	char *from = path, *to = path;

	while (*(from += strspn(from, "/"))) {
		size_t length = strcspn(from, "/");

		if (length != 1 || *from != '.') {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* @text without quotes around all of it. */
char *section_unquote(char *text)
{
	size_t length = strlen(text);

	if (length < 2 || !strchr("\"'", *text) || text[length - 1] != *text)
		return text;
	text[length - 1] = '\0';
	return text + 1;
}

/* NULL if there is none. */
struct section *section_find(const struct sections *sections, const char *name,
			     bool glob)
{
	struct section *section;

	STAILQ_FOREACH(section, sections, next) {
		if (section->glob == glob && !strcmp(section->name, name))
			break;
	}
	return section;
}

/* A new one; NULL if there is no memory. */
struct section *section_add(struct sections *sections, const char *name,
			    bool glob, const char *from)
{
	struct section *section = calloc(1, sizeof(*section));

	if (!section)
		return NULL;
	section->name = strdup(name);
	section->glob = glob;
	section->point = strdup(name);
	section->from = strdup(from);
	section->direction = DIRECTION_RISING;
	if (!section->name || !section->point || !section->from) {
		section_free(section);
		return NULL;
	}
	STAILQ_INSERT_TAIL(sections, section, next);
	return section;
}

static void section_clear_levels(struct section *section)
{
	size_t i;

	for (i = 0; i < section->nr_levels; i++)
		free(section->levels[i]);
	free(section->levels);
	section->levels = NULL;
	section->nr_levels = 0;
}

void section_free(struct section *section)
{
	section_clear_levels(section);
	free(section->name);
	free(section->point);
	free(section->from);
	free(section->hysteresis);
	free(section->command);
	free(section->unit);
	free(section->grow.by);
	free(section->grow.max);
	free(section->grow.reserve);
	free(section);
}

void sections_free(struct sections *sections)
{
	struct section *section;

	while ((section = STAILQ_FIRST(sections))) {
		STAILQ_REMOVE_HEAD(sections, next);
		section_free(section);
	}
}

/* Always false. */
static bool __attribute__((format(printf, 2, 3)))
section_refuse(char why[SECTION_WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, SECTION_WHY, format, args);
	va_end(args);
	return false;
}

bool section_add_level(struct section *section, const char *level,
		       char why[SECTION_WHY])
{
	char **levels;
	size_t i;

	if (!level_is_valid(level))
		return section_refuse(why, "%s: not a level, %s", level,
				      LEVEL_FORMS);
	for (i = 0; i < section->nr_levels; i++) {
		if (!strcmp(section->levels[i], level))
			return section_refuse(why, "%s: is given twice", level);
	}
	levels = reallocarray(section->levels, section->nr_levels + 1,
			      sizeof(*levels));
	if (levels)
		section->levels = levels;
	if (!levels || !(levels[section->nr_levels] = strdup(level)))
		return section_refuse(why, "out of memory");
	section->nr_levels++;
	return true;
}

static bool section_set_levels(struct section *section, const char *value,
			       char why[SECTION_WHY])
{
	char *words = strdup(value), *rest = words, *word;
	bool good = words;

	if (!words)
		return section_refuse(why, "out of memory");
	section_clear_levels(section);
	while (good && (word = strsep(&rest, " \t"))) {
		if (*word)
			good = section_add_level(section, word, why);
	}
	free(words);
	return good;
}

static bool section_set_text(char **text, const char *value,
			     char why[SECTION_WHY])
{
	free(*text);
	*text = *value ? strdup(value) : NULL;
	return *text || !*value || section_refuse(why, "out of memory");
}

static bool section_set_direction(struct section *section, const char *value,
				  char why[SECTION_WHY])
{
	static const struct {
		const char *name;
		enum direction direction;
	} directions[] = {
		/* the default first */
		{ "rising", DIRECTION_RISING },
		{ "falling", DIRECTION_FALLING },
		{ "both", DIRECTION_BOTH },
	};
	size_t i;

	for (i = 0; i < sizeof(directions) / sizeof(*directions); i++) {
		if (*value && strcmp(value, directions[i].name))
			continue;
		section->direction = directions[i].direction;
		return true;
	}
	return section_refuse(why, "%s: not one of rising, falling, both",
			      value);
}

static bool section_has(const struct section *section, const char *level)
{
	size_t i;

	for (i = 0; i < section->nr_levels; i++) {
		if (!strcmp(section->levels[i], level))
			return true;
	}
	return false;
}

/* Has @section that level, and is that where it leads? What it is named by may be a link. */
bool section_is_of(const struct section *section, const char *path,
			  const char *level)
{
	return section_has(section, level) &&
	       (section->glob || !strcmp(section->point, path));
}

/* Does it show notifications? What a user's does not say otherwise shows them. */
bool section_notifies(const struct section *section)
{
	return section->user && !section->command && !section->unit;
}

/* Is one of its levels of bytes? */
bool section_has_bytes(const struct section *section)
{
	size_t i;

	for (i = 0; i < section->nr_levels; i++) {
		if (level_resource(section->levels[i]) == RESOURCE_BYTES)
			break;
	}
	return i < section->nr_levels;
}

/* As section_set(); @text is where it is kept, @forms says what it may be. */
static bool section_set_grow(char **text, const char *value, bool percent,
			     bool zero, const char *forms,
			     char why[SECTION_WHY])
{
	if (*value && (!level_is_amount(value) || !level_is_valid(value) ||
		       (!percent && strchr(value, '%')) ||
		       (!zero && !strpbrk(value, "123456789"))))
		return section_refuse(why, "%s: not an amount, such as %s",
				      value, forms);
	/* a unit was forgotten */
	if (*value && !strchr(value, '%') && strpbrk(value, "123456789") &&
	    amount_bytes(value, 0) < (uint64_t)sysconf(_SC_PAGESIZE))
		return section_refuse(why, "%s: less than a page; an amount is such as %s",
				      value, forms);
	return section_set_text(text, value, why);
}

/**
 * section_set() - take an assignment
 * @section: which may have an assignment of this key before, that ends
 * @key: as it stands in the file
 * @value: without the white space around it; "" for the default
 * @why: set to what is wrong
 *
 * Return: false if something is wrong.
 */
bool section_set(struct section *section, const char *key, const char *value,
		 char why[SECTION_WHY])
{
	if (!strcmp(key, "Level"))
		return section_set_levels(section, value, why);
	if (!strcmp(key, "For")) {
		section->hold = 0;
		return !*value || duration_read(value, &section->hold) ||
		       section_refuse(why, "%s: not a time, " DURATION_FORMS,
				      value);
	}
	if (!strcmp(key, "Hysteresis")) {
		if (*value && (!level_is_amount(value) || !level_is_valid(value)))
			return section_refuse(why, "%s: not an amount, such as 5%% or 16M",
					      value);
		return section_set_text(&section->hysteresis, value, why);
	}
	if (!strcmp(key, "Direction"))
		return section_set_direction(section, value, why);
	if (!strcmp(key, "Exec"))
		return section_set_text(&section->command, value, why);
	if (!strcmp(key, "Start")) {
		if (*value && !unit_is_valid(value))
			return section_refuse(why, "%s: not the name of a unit, such as clean-up.service or clean-up@%%f.service",
					      value);
		return section_set_text(&section->unit, value, why);
	}
	if (!strcmp(key, "Remind")) {
		section->remind = REMIND_ONCE;
		return !*value || remind_parse(value, &section->remind) ||
		       section_refuse(why, "%s: not one of once, daily, diminishing",
				      value);
	}
	if (!strcmp(key, "Grow"))
		return section_set_grow(&section->grow.by, value, true, false,
					"25% or 512M", why);
	if (!strcmp(key, "GrowMax"))
		return section_set_grow(&section->grow.max, value, false, false,
					"8G", why);
	if (!strcmp(key, "GrowReserve"))
		return section_set_grow(&section->grow.reserve, value, true, true,
					"10% or 1G", why);
	return section_refuse(why, "not known, there are " SECTION_KEYS);
}
