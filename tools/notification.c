// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>

#include "event.h"
#include "notification.h"
#include "target.h"
#include "text.h"

/* for an answer, in seconds */
#define PATIENCE	30

/* one that does not go away by itself, and one that may */
#define CRITICAL	2
#define NORMAL		1

/* busctl(1) comes with systemd, and notify-send(1) would bring libraries of GNOME */
#define NOTIFY								\
	"exec busctl --user --timeout=%d -- call "			\
	"org.freedesktop.Notifications /org/freedesktop/Notifications "	\
	"org.freedesktop.Notifications Notify susssasa{sv}i "		\
	"tmpfswarn 0 dialog-warning "

/* Writes @c as within single quotes of a shell. */
static void write_quoted(FILE *file, char c)
{
	if (c == '\'')
		fputs("'\\''", file);
	else
		fputc(c, file);
}

/* What is seen first, in which there is no markup. */
static void write_summary(FILE *file, const struct event *event)
{
	const char *name = event->target->name;
	char percent[TEXT_SIZE], what[EVENT_WHAT_SIZE];

	fputc('\'', file);
	while (*name)
		write_quoted(file, *name++);
	text_percent(percent, event->used, event->size);
	if (event_is_refusal(event) || !event->size)
		fprintf(file, " %s' ", event_what(what, event));
	else if (event_is_of_inodes(event))
		fprintf(file, ": %s of the inodes used' ", percent);
	else
		fprintf(file, " is %s full' ", percent);
}

/* All that is known, in which there may be markup. */
static void write_body(FILE *file, const char *text)
{
	fputc('\'', file);
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", file);
		else if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '>')
			fputs("&gt;", file);
		else
			write_quoted(file, *text);
	}
	fputs("' ", file);
}

/* The command for a shell that shows @event, to be freed; NULL if there is no memory. */
char *notification_command(const struct event *event)
{
	char *text = event_text(event), *command = NULL;
	bool urgent = event->up || event_is_refusal(event);
	size_t size;
	FILE *file;

	file = text ? open_memstream(&command, &size) : NULL;
	if (!file) {
		free(text);
		return NULL;
	}
	fprintf(file, NOTIFY, PATIENCE);
	write_summary(file, event);
	write_body(file, text);
	/* no actions, how urgent it is, and as long as the desktop has it */
	fprintf(file, "0 1 urgency y %d -1 >/dev/null", urgent ? CRITICAL : NORMAL);
	free(text);
	if (fclose(file)) {
		free(command);
		return NULL;
	}
	return command;
}
