// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfswarn: the command. Here are the table of subcommands and what they do
 * alike: errors, options that are wrong, output.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"
#include "output.h"
#include "text.h"
#include "tool.h"

static const struct command commands[] = {
	{ "list", list_main, "every tmpfs mounted, its use and its levels",
	  list_help },
	{ "watch", watch_main, "a line each time usage passes a level",
	  watch_help },
	{ "wait", wait_main, "wait until usage has reached a level",
	  wait_help },
	{ "run", run_main, "the service: acts as its configuration says",
	  run_help },
	{ "metrics", metrics_main, "figures of every tmpfs, for Prometheus",
	  metrics_help },
	{ "status", status_main, "is the module at work, and what to do if not",
	  status_help },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

/* One line, whatever the names in it are made of. */
void error(const char *format, ...)
{
	struct pollfd poll_ = { .fd = STDERR_FILENO, .events = POLLOUT };
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	/* what was printed before the error comes before it */
	output_push();
	/* nor is anything to wait for a reader of errors, where none may */
	if (!output_is_lossy() || poll(&poll_, 1, 0) > 0)
		fprintf(stderr, "tmpfswarn: %s\n", text ?
			text_printable(text) : "out of memory");
	free(text);
}

/* What errno says, and the remedy where that is not known to everybody. */
const char *error_text(int err)
{
	switch (err) {
	case EMFILE:
		return "too many open files: raise the limit, by ulimit -n or by LimitNOFILE= of the unit";
	case ETIMEDOUT:
		return "no answer: a file system on the way, as of FUSE, NFS or autofs, hangs";
	case ENFILE:
		return "too many open files in the system: raise fs.file-max by sysctl";
	}
	return strerror(err);
}

int usage_error(const char *command, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	if (text)
		error("%s: %s; see tmpfswarn %s --help", command, text,
		      command);
	free(text);
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

int duration_parse(const char *command, const char *option, const char *text,
		   double *seconds)
{
	if (duration_read(text, seconds))
		return STATUS_OK;
	return usage_error(command, "%s %s: not a time, " DURATION_FORMS, option,
			   text);
}

static const struct command *command_find(const char *name)
{
	size_t i;

	if (!strcmp(name, "ls"))
		name = "list";
	for (i = 0; i < COMMANDS; i++) {
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	}
	return NULL;
}

static int help(void)
{
	size_t i;

	puts("tmpfswarn: tells when a tmpfs fills past a level\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  tmpfswarn %-8s %s\n", commands[i].name,
		       commands[i].about);
	puts("\nWithout a subcommand: list. More: tmpfswarn help SUBCOMMAND, "
	     "man tmpfswarn\n"
	     "Exit status: 0 event or success, 1 error, 2 timeout, "
	     "3 the mount, its limit or the module went away");
	return STATUS_OK;
}

static int unknown(const char *name)
{
	error("%s: no such subcommand; see tmpfswarn --help", name);
	return STATUS_ERROR;
}

static int help_main(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return operand_error("help", argv[2]);
	if (argc < 2 || *argv[1] == '-')
		return help();
	command = command_find(argv[1]);
	if (!command)
		return unknown(argv[1]);
	fputs(command->help, stdout);
	return STATUS_OK;
}

static int version_main(int argc, char **argv)
{
	if (argc > 1)
		return operand_error("version", argv[1]);
	puts("tmpfswarn " VERSION);
	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	static char list[] = "list";
	const char *first = argc > 1 ? argv[1] : "";
	const struct command *command;

	if (!strcmp(first, "-h") || !strcmp(first, "--help"))
		return help();
	if (!strcmp(first, "-V") || !strcmp(first, "--version"))
		return version_main(1, argv);
	if (argc < 2 || *first == '-') {
		argv[0] = list;
		return list_main(argc, argv);
	}
	if (!strcmp(first, "help"))
		return help_main(argc - 1, argv + 1);
	if (!strcmp(first, "version"))
		return version_main(argc - 1, argv + 1);
	command = command_find(first);
	if (!command)
		return unknown(first);
	argv[1] = (char *)command->name;
	return command->main(argc - 1, argv + 1);
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
