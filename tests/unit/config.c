// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of the configuration of the service: what files say, which of them
 * count, and the names of units. TAP on stdout.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "level.h"
#include "origin.h"
#include "tool.h"
#include "unit.h"

/* what was said last */
static char said[2048];

void error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

const char *error_text(int err)
{
	return strerror(err);
}

int usage_error(const char *command, const char *format, ...)
{
	(void)command;
	(void)format;
	return STATUS_ERROR;
}

static void print(FILE *file, const char *key, const char *value)
{
	if (value)
		fprintf(file, " %s=%s", key, value);
}

/* All that @settings and @sections have, a line each. */
static char *text_of(const struct settings *settings,
		     const struct sections *sections)
{
	const struct section *section;
	char *text;
	size_t size, i;
	FILE *file = open_memstream(&text, &size);

	if (settings->metrics)
		fprintf(file, "metrics=%s\n", settings->metrics);
	STAILQ_FOREACH(section, sections, next) {
		fprintf(file, "[%s]%s", section->name,
			section->glob ? " glob" : "");
		for (i = 0; i < section->nr_levels; i++)
			fprintf(file, " %s", section->levels[i]);
		if (section->hold)
			fprintf(file, " for %g", section->hold);
		if (section->direction != DIRECTION_RISING)
			fprintf(file, " direction %d", section->direction);
		if (section->remind != REMIND_ONCE)
			print(file, "remind", remind_name(section->remind));
		print(file, "hysteresis", section->hysteresis);
		print(file, "exec", section->command);
		print(file, "start", section->unit);
		print(file, "grow", section->grow.by);
		print(file, "max", section->grow.max);
		print(file, "reserve", section->grow.reserve);
		if (section_notifies(section))
			fputs(" notifies", file);
		fputc('\n', file);
	}
	fclose(file);
	return text;
}

/**
 * struct row - a file
 * @name: of the test
 * @text: of the file
 * @expected: text_of() or, if @wrong, what is said
 * @wrong: it is refused
 */
static const struct row {
	const char *name;
	const char *text;
	const char *expected;
	bool wrong;
} rows[] = {
	{ "an empty file has no section", "", "", false },
	{ "a section has what its lines say",
	  "[/dev/shm]\nLevel=80% 95%\nFor=30s\nHysteresis=5%\nDirection=both\nExec=act\nStart=a@%f.service\n",
	  "[/dev/shm] 80% 95% for 30 direction 3 hysteresis=5% exec=act start=a@%f.service\n", false },
	{ "white space, comments and the end of the last line do not matter",
	  "# one\n ; two\n\n\t[ /a ] \r\n  Level =\t 512M   2Gi ",
	  "[/a] 512M 2Gi\n", false },
	{ "a command is left as it is",
	  "[/a]\nLevel=1G\nExec=x \"a # b\" ';' y=z # end\n",
	  "[/a] 1G exec=x \"a # b\" ';' y=z # end\n", false },
	{ "a backslash at the end of a line is a space",
	  "[/a]\nLevel=80% \\\n  90%\nExec=a\\\nb\\c\n",
	  "[/a] 80% 90% exec=a b\\c\n", false },
	{ "a backslash does not continue a comment",
	  "[/a]\n# x \\\nLevel=80%\n", "[/a] 80%\n", false },
	{ "a comment within a continued line is left out, and does not end it",
	  "[/a]\nLevel=80% \\\n# 85%\n ; 86% \\\n  90%\nExec=x \\\n#y\n\nFor=1\n",
	  "[/a] 80% 90% for 1 exec=x\n", false },
	{ "what continues no line is nothing", "[/a]\nLevel=80% \\\n# 85%", "[/a] 80%\n", false },
	{ "a glob may have brackets",
	  "[/run/user/[0-9]*]\nLevel=low\n", "[/run/user/[0-9]*] glob low\n", false },
	{ "the last assignment counts, and an empty one is the default",
	  "[/a]\nLevel=80%\nFor=5m\nExec=x\nDirection=falling\nHysteresis=1M\nStart=x.service\n"
	  "[/b]\nLevel=1k\n"
	  "[/a]\nLevel=free:5%\nFor=\nExec=\nDirection=\nHysteresis=\nStart=\n",
	  "[/a] free:5%\n[/b] 1k\n", false },
	{ "a byte order mark is named", "\xef\xbb\xbf[/a]\nLevel=1\n",
	  "t:1: begins with a byte order mark: save it as UTF-8 without one", true },
	{ "a line that a carriage return keeps from going on is named", "[/a]\r\nLevel=1 \\\r\n 2\r\n",
	  "t:2: a carriage return is behind the backslash: save it with lines as Unix has them", true },
	{ "a key that is none is refused", "[/a]\n\nLvel=80%\n",
	  "t:3: Lvel=: not known, there are " SECTION_KEYS, true },
	{ "keys have their case", "[/a]\nlevel=80%\n",
	  "t:2: level=: not known, there are " SECTION_KEYS, true },
	{ "a line that is none is refused where it begins", "[/a]\nLevel 80% \\\n90%\n",
	  "t:2: Level 80%  90%: neither [PATH] nor KEY=VALUE", true },
	{ "a section that does not end is refused", "[/a\n", "t:1: [/a: no ] at its end", true },
	{ "a bracket alone is refused", "[", "t:1: [: no ] at its end", true },
	{ "a section without a path is refused", "[]\n", "t:1: []: not a path that begins with /", true },
	{ "a relative path is refused", "[tmp]\n", "t:1: [tmp]: not a path that begins with /", true },
	{ "a key before all sections is refused", "Level=80%\n", "t:1: Level=: no [PATH] before it", true },
	{ "a level that is none is refused", "[/a]\nLevel=80% 9x\n",
	  "t:2: Level=: 9x: not a level, " LEVEL_FORMS, true },
	{ "a level above 100% is refused", "[/a]\nLevel=free:101%\n",
	  "t:2: Level=: free:101%: not a level, " LEVEL_FORMS, true },
	{ "levels of inodes are levels", "[/a]\nLevel=inodes:90% inodes:100k\n",
	  "[/a] inodes:90% inodes:100k\n", false },
	{ "a level of inodes above 100% is refused", "[/a]\nLevel=inodes:101%\n",
	  "t:2: Level=: inodes:101%: not a level, " LEVEL_FORMS, true },
	{ "inodes have no binary unit", "[/a]\nLevel=inodes:1Ki\n",
	  "t:2: Level=: inodes:1Ki: not a level, " LEVEL_FORMS, true },
	{ "the service has a section of its own",
	  "[ Service ]\nMetrics=\"/run/a b.prom\"\n[/a]\nLevel=80%\n",
	  "metrics=/run/a b.prom\n[/a] 80%\n", false },
	{ "the last file for metrics counts, and an empty one is none",
	  "[Service]\nMetrics=/a\nMetrics=/b\n[/a]\nLevel=80%\n[Service]\nMetrics=\n",
	  "[/a] 80%\n", false },
	{ "a file for metrics has a path from the root directory on",
	  "[Service]\nMetrics=a.prom\n",
	  "t:2: Metrics=: a.prom: not a file's path that begins with /", true },
	{ "a directory is no file for metrics", "[Service]\nMetrics=/a/\n",
	  "t:2: Metrics=: /a/: not a file's path that begins with /", true },
	{ "the section of the service has no levels", "[Service]\nLevel=80%\n",
	  "t:2: Level=: not known in [Service], there is Metrics=", true },
	{ "what comes after the section of the service is not part of it",
	  "[Service]\n[/a]\nLevel=80%\nMetrics=/b\n",
	  "t:4: Metrics=: not known, there are " SECTION_KEYS, true },
	{ "slashes and dots that say nothing are not part of a path",
	  "[/tmp/]\nLevel=1\n[//dev/./shm//]\nLevel=2\n[/]\nLevel=3\n[/run//user/*/]\nLevel=4\n[/tmp]\nLevel=5\n",
	  "[/tmp] 5\n[/dev/shm] 2\n[/] 3\n[/run/user/*] glob 4\n", false },
	{ "quotes around all of a value are not part of it, but of a command",
	  "[/a]\nLevel=\"80% 90%\"\nFor='5'\nStart=\"a.service\"\nExec=\"a b\"\n",
	  "[/a] 80% 90% for 5 exec=\"a b\" start=a.service\n", false },
	{ "a quote alone is part of a value", "[/a]\nLevel=\"\n",
	  "t:2: Level=: \": not a level, " LEVEL_FORMS, true },
	{ "a level given twice is refused", "[/a]\nLevel=80% 80%\n", "t:2: Level=: 80%: is given twice", true },
	{ "a time that is none is refused", "[/a]\nFor=1y\n",
	  "t:2: For=: 1y: not a time, such as 30, 1.5s, 5m, 2h, 1d", true },
	{ "an amount that is none is refused", "[/a]\nHysteresis=low\n",
	  "t:2: Hysteresis=: low: not an amount, such as 5% or 16M", true },
	{ "reminders are of three kinds", "[/a]\nLevel=1\nRemind=daily\n[/b]\nLevel=1\nRemind=daily\nRemind=\n"
	  "[/c]\nLevel=1\nRemind=diminishing\n[/d]\nLevel=1\nRemind=once\n",
	  "[/a] 1 remind=daily\n[/b] 1\n[/c] 1 remind=diminishing\n[/d] 1\n", false },
	{ "reminders of another kind are refused", "[/a]\nRemind=weekly\n",
	  "t:2: Remind=: weekly: not one of once, daily, diminishing", true },
	{ "a direction that is none is refused", "[/a]\nDirection=up\n",
	  "t:2: Direction=: up: not one of rising, falling, both", true },
	{ "a unit that is none is refused", "[/a]\nStart=a b.service\n",
	  "t:2: Start=: a b.service: not the name of a unit, such as clean-up.service or clean-up@%f.service", true },
	{ "a section may have its mounts grow", "[/a]\nLevel=80%\nGrow=25%\nGrowMax=8G\nGrowReserve=0\n",
	  "[/a] 80% grow=25% max=8G reserve=0\n", false },
	{ "growth needs a maximum", "[/b]\nLevel=1\n[/a]\nLevel=1\nGrow=1G\n",
	  "t:3: [/a]: Grow= needs GrowMax=", true },
	{ "levels of inodes and what is refused make nothing grow",
	  "[/a]\nLevel=inodes:5% refused\nGrow=1G\nGrowMax=2G\n",
	  "t:1: [/a]: Grow= needs a level of bytes in Level=: neither inodes nor what is refused make a mount grow", true },
	{ "beside one of bytes they may be", "[/a]\nLevel=inodes:5% low\nGrow=1G\nGrowMax=2G\n",
	  "[/a] inodes:5% low grow=1G max=2G\n", false },
	{ "a drop-in may take growth back", "[/a]\nLevel=1\nGrow=1G\nGrowMax=2G\n[/a]\nGrow=\n",
	  "[/a] 1 max=2G\n", false },
	{ "growth by nothing is refused", "[/a]\nGrow=0.00%\n",
	  "t:2: Grow=: 0.00%: not an amount, such as 25% or 512M", true },
	{ "growth by more than as much again is refused", "[/a]\nGrow=101%\n",
	  "t:2: Grow=: 101%: not an amount, such as 25% or 512M", true },
	{ "a maximum is of bytes", "[/a]\nGrowMax=50%\n",
	  "t:2: GrowMax=: 50%: not an amount, such as 8G", true },
	{ "growth by bytes without a unit is refused", "[/a]\nGrow=8\n",
	  "t:2: Grow=: 8: less than a page; an amount is such as 25% or 512M", true },
	{ "a maximum without a unit is refused", "[/a]\nGrowMax=8\n",
	  "t:2: GrowMax=: 8: less than a page; an amount is such as 8G", true },
	{ "a reserve that is none is refused", "[/a]\nGrowReserve=some\n",
	  "t:2: GrowReserve=: some: not an amount, such as 10% or 1G", true },
	{ "a section without a level is refused where it begins", "[/b]\nLevel=1\n[/a]\nExec=x\n",
	  "t:3: [/a]: needs Level=", true },
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

static int number;

static int result(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, name);
	return !good;
}

static int result_text(const char *found, const char *expected, const char *name)
{
	if (strcmp(found, expected))
		printf("# %s\n# instead of\n# %s\n", found, expected);
	return result(!strcmp(found, expected), name);
}

static int test_row(const struct row *row)
{
	struct sections sections = STAILQ_HEAD_INITIALIZER(sections);
	struct settings settings = { };
	FILE *file = fmemopen((char *)row->text, strlen(row->text) ?: 1, "r");
	int status, failed;
	char *text;

	*said = '\0';
	if (!*row->text)
		getc(file);
	status = config_parse(file, "t", &sections, &settings);
	if (!status)
		status = config_check(&sections);
	fclose(file);
	text = text_of(&settings, &sections);
	failed = status != (row->wrong ? STATUS_CONFIG : STATUS_OK);
	failed = result_text(failed ? "another status" : row->wrong ? said : text,
			     row->expected, row->name);
	free(text);
	sections_free(&sections);
	settings_free(&settings);
	return failed;
}

/* ---- which files ---- */

static char root[] = "/tmp/config.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256], *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static int test_origin(bool user, const char *expected, const char *name)
{
	struct sections sections = STAILQ_HEAD_INITIALIZER(sections);
	struct origin origin = { .root = root, .user = user };
	struct settings settings = { };
	int status, failed;
	char *text;

	*said = '\0';
	status = origin_read(&origin, &sections, &settings);
	text = text_of(&settings, &sections);
	failed = result_text(status ? said : text, expected, name);
	free(text);
	sections_free(&sections);
	settings_free(&settings);
	return failed;
}

static int test_files(const char *expected, const char *name)
{
	return test_origin(false, expected, name);
}

static int test_user_files(const char *expected, const char *name)
{
	return test_origin(true, expected, name);
}

#define LIKE_ALL	" 90%% inodes:90%% refused for 10 hysteresis=5%% notifies\n"

static int test_user(void)
{
	char defaults[512], more[600];
	int failed;

	setenv("HOME", "/home/user", true);
	unsetenv("XDG_CONFIG_HOME");
	put("/etc/tmpfswarn.conf", "[/system]\nLevel=1\n");
	snprintf(defaults, sizeof(defaults), "[/tmp]" LIKE_ALL "[/dev/shm]" LIKE_ALL "[/run/user/%u]" LIKE_ALL, getuid());
	failed = test_user_files(defaults, "without a file a user is notified of the mounts that he may fill");
	put("/etc/xdg/tmpfswarn.conf.d/10.conf", "[/a]\nLevel=1\nStart=a.service\n");
	snprintf(more, sizeof(more), "%s[/a] 1 start=a.service\n", defaults);
	failed |= test_user_files(more, "drop-ins come behind these");
	put("/etc/xdg/tmpfswarn.conf", "[/a]\nLevel=2\nExec=x\n");
	failed |= test_user_files("[/a] 1 exec=x start=a.service\n", "the file of /etc/xdg takes their place");
	put("/home/user/.config/tmpfswarn.conf", "[/b]\nLevel=3\n");
	put("/home/user/.config/tmpfswarn.conf.d/10.conf", "");
	failed |= test_user_files("[/b] 3 notifies\n", "what is in ~/.config hides what is in /etc/xdg");
	put("/other/tmpfswarn.conf", "");
	put("/other/tmpfswarn.conf.d/10.conf", "");
	setenv("XDG_CONFIG_HOME", "/other", true);
	failed |= test_user_files("", "XDG_CONFIG_HOME takes the place of ~/.config, and an empty file that of all others");
	setenv("XDG_CONFIG_HOME", "other", true);
	failed |= test_user_files("[/b] 3 notifies\n", "one that is relative does not count");
	failed |= test_files("[/system] 1\n", "the system's service has nothing of that");
	return failed;
}

static int test_precedence(void)
{
	char broken[128];
	int failed;

	failed = test_files("", "no file is no error");
	put("/usr/lib/tmpfswarn.conf", "[/vendor]\nLevel=1\n");
	failed |= test_files("[/vendor] 1\n", "what /usr/lib has counts where nobody else has one");
	put("/run/tmpfswarn.conf", "[/run]\nLevel=2\n");
	put("/etc/tmpfswarn.conf", "[/etc]\nLevel=3\nExec=x\n");
	failed |= test_files("[/etc] 3 exec=x\n", "the file of /etc hides those of /run and /usr/lib");
	put("/usr/lib/tmpfswarn.conf.d/20.conf", "[/etc]\nLevel=20\n");
	put("/run/tmpfswarn.conf.d/10.conf", "[/etc]\nLevel=10\nFor=1\n");
	put("/etc/tmpfswarn.conf.d/15.conf.bak", "broken");
	put("/etc/tmpfswarn.conf.d/.15.conf", "broken");
	failed |= test_files("[/etc] 20 for 1 exec=x\n",
			     "drop-ins of all directories come behind it, in the order of their names");
	put("/etc/tmpfswarn.conf.d/20.conf", "");
	failed |= test_files("[/etc] 10 for 1 exec=x\n", "one of /etc hides that of the same name in another");
	put("/etc/tmpfswarn.conf.d/30.conf", "[/etc]\nFor=x\n");
	snprintf(broken, sizeof(broken), "%s/etc/tmpfswarn.conf.d/30.conf:2: For=: x: not a time, such as 30, 1.5s, 5m, 2h, 1d", root);
	failed |= test_files(broken, "what is broken is said with the name of the drop-in");
	return failed;
}

/* Has @test in an empty root. */
static int test_in_root(int (*test)(void))
{
	char command[64];
	int failed;

	strcpy(root, "/tmp/config.XXXXXX");
	if (!mkdtemp(root))
		return 1;
	failed = test();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return failed | !!system(command);
}

/* ---- units ---- */

/* what systemd-escape --path says */
static int test_escape(void)
{
	static const char *const pairs[][2] = {
		{ "/dev/shm", "dev-shm" }, { "/", "-" },
		{ "//run//user/1000/", "run-user-1000" },
		{ "/.a/b-c d", "\\x2ea-b\\x2dc\\x20d" },
		{ "/a/.b:_\\", "a-.b:_\\x5c" }, { "/\303\244'", "\\xc3\\xa4\\x27" },
	};
	int failed = 0;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char *escaped = unit_escape(pairs[i][0]);

		failed |= result_text(escaped, pairs[i][1],
				      "a path is escaped as systemd-escape has it");
		free(escaped);
	}
	return failed;
}

static int test_start(void)
{
	char *plain = unit_start("a.service", "/x", false);
	char *path = unit_start("a@%f.service", "/x/y-z", false);
	char *user = unit_start("a.service", "/x", true);
	int failed;

	failed = result_text(plain, "exec systemctl start --no-block -- 'a.service'", "a unit is started by its name");
	failed |= result_text(path, "exec systemctl start --no-block -- 'a@x-y\\x2dz.service'",
			      "the path of the mount is its instance");
	failed |= result_text(user, "exec systemctl --user start --no-block -- 'a.service'", "a user's service starts units of his");
	free(user);
	free(plain);
	free(path);
	return failed;
}

static int test_names(void)
{
	static const char *const good[] = { "a.service", "a@.target", "a@%f.service", "a\\x2db:c_d.timer" };
	static const char *const bad[] = { "", "a", ".service", "a.", "a'b.service", "a/b.service", "a%i.service",
					   "a%.service", "-a.service", "a.sevice", "a.scope", "clean-up.sh", "a\303\244.service", "a;b.service" };
	bool all = true;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		all &= unit_is_valid(good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		all &= !unit_is_valid(bad[i]);
	return result(all, "no name of a unit has what a shell or systemd takes for more");
}

int main(void)
{
	int failed = 0;
	size_t i;

	printf("TAP version 13\n1..%zu\n", ROWS + 6 + 7 + 6 + 3 + 1);
	for (i = 0; i < ROWS; i++)
		failed |= test_row(&rows[i]);
	failed |= test_in_root(test_precedence);
	failed |= test_in_root(test_user);
	failed |= test_escape();
	failed |= test_start();
	failed |= test_names();
	return failed;
}
