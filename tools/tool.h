/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all parts of the tool share.
 */
#ifndef TOOL_H
#define TOOL_H

/* exit status; scripts rely on these */
enum {
	STATUS_OK = 0,		/* an event, or success */
	STATUS_ERROR = 1,
	STATUS_TIMEOUT = 2,
	STATUS_CONFIG = 2,	/* of run: the configuration is broken */
	STATUS_GONE = 3,	/* the mount or the module went away */
};

/**
 * struct command - a subcommand
 * @name: as typed
 * @main: runs it, with argv[0] being @name; returns the exit status
 * @about: what it does, in a few words
 * @help: what --help prints
 */
struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *about;
	const char *help;
};

int list_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int run_main(int argc, char **argv);
int metrics_main(int argc, char **argv);
int status_main(int argc, char **argv);

extern const char list_help[], watch_help[], wait_help[], run_help[],
		  metrics_help[], status_help[];

void __attribute__((format(printf, 1, 2))) error(const char *format, ...);

/* The three print what is wrong with the arguments and return STATUS_ERROR. */
int __attribute__((format(printf, 2, 3))) usage_error(const char *command,
						      const char *format, ...);
int option_error(int c, char **argv);
int operand_error(const char *command, const char *operand);

const char *error_text(int err);
int duration_parse(const char *command, const char *option, const char *text,
		   double *seconds);

#endif /* TOOL_H */
