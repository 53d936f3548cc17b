// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfswarn: the command. Here are the table of subcommands and what they do
 * alike: errors, options that are wrong, output.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "tool.h"

static const struct command commands[] = {
	{ "list", list_main, "every tmpfs mounted, its use and its levels",
	  list_help },
	{ "watch", watch_main, "a line each time usage passes a level",
	  watch_help },
	{ "wait", wait_main, "wait until usage has reached a level",
	  wait_help },
	{ "status", status_main, "is the module at work, and what to do if not",
	  status_help },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

/* One line, whatever the names in it are made of. */
void error(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	/* what was printed before the error comes before it */
	fflush(stdout);
	fprintf(stderr, "tmpfswarn: %s\n",
		length < 0 ? "out of memory" : text_printable(text));
	if (length >= 0)
		free(text);
}

int usage_error(const char *command, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length >= 0) {
		error("%s: %s; see tmpfswarn %s --help", command, text,
		      command);
		free(text);
	}
	return STATUS_ERROR;
}

/* For what getopt_long() returns when it knows an option not; opterr is 0. */
int option_error(int c, char **argv)
{
	const char *option = argv[optind - 1];

	if (c == ':')
		return usage_error(argv[0], "%s: needs an argument", option);
	if (optopt && strncmp(option, "--", 2))
		return usage_error(argv[0], "-%c: no such option", optopt);
	if (optopt && strchr(option, '='))
		return usage_error(argv[0], "%s: takes no argument", option);
	return usage_error(argv[0], "%s: no such option", option);
}

int operand_error(const char *command, const char *operand)
{
	return usage_error(command, "%s: one argument too many", operand);
}

int seconds_parse(const char *command, const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (!isdigit((unsigned char)*text) || *end || !isfinite(*seconds) ||
	    *seconds > 1e9)
		return usage_error(command,
				   "--timeout %s: not a number of seconds",
				   text);
	return STATUS_OK;
}

/*
 * Writes what was printed. If that fails the command is to end: @status is
 * set, to success where only the reader had enough, as in "| head -n 1".
 */
bool output_flush(int *status)
{
	int err;

	if (!fflush(stdout) && !ferror(stdout))
		return true;
	err = errno;
	/* or the next call would say it again */
	__fpurge(stdout);
	clearerr(stdout);
	if (err == EPIPE) {
		*status = STATUS_OK;
	} else {
		fprintf(stderr, "tmpfswarn: standard output: %s\n",
			strerror(err));
		*status = STATUS_ERROR;
	}
	return false;
}

static int help(void)
{
	size_t i;

	puts("tmpfswarn: tells when a tmpfs fills past a level\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  tmpfswarn %-8s %s\n", commands[i].name,
		       commands[i].about);
	puts("\nWithout a subcommand: list. More: tmpfswarn SUBCOMMAND --help, "
	     "man tmpfswarn\n"
	     "Exit status: 0 event or success, 1 error, 2 timeout, "
	     "3 the mount or the module went away");
	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	static char list[] = "list";
	const char *first = argc > 1 ? argv[1] : "";
	size_t i;

	if (!strcmp(first, "-h") || !strcmp(first, "--help"))
		return help();
	if (!strcmp(first, "-V") || !strcmp(first, "--version")) {
		puts("tmpfswarn " VERSION);
		return STATUS_OK;
	}
	if (argc < 2 || *first == '-') {
		argv[0] = list;
		return list_main(argc, argv);
	}
	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(first, commands[i].name))
			continue;
		return commands[i].main(argc - 1, argv + 1);
	}
	error("%s: no such subcommand; see tmpfswarn --help", first);
	return STATUS_ERROR;
}

int main(int argc, char **argv)
{
	int status, fd;

	/*
	 * A standard stream that is closed would give its number to the next
	 * file opened. As in coreutils, put something there that fails as a
	 * closed stream does.
	 */
	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);

	signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	status = run(argc, argv);
	output_flush(&status);
	return status;
}
