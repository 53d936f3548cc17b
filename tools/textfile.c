// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "exec.h"
#include "guard.h"
#include "guarded.h"
#include "level.h"
#include "metrics.h"
#include "section.h"
#include "textfile.h"
#include "tool.h"

/* how often it is written, and how often at most when there are events, in seconds */
#define EVERY	15
#define SOONEST	1

/* or so many times what it takes: thousands of mounts are not to keep the service from all else */
#define SHARE	20

#define CROSSINGS	"tmpfswarn_service_crossings_total"

/* ---- what the service has been told ---- */

static void textfile_write_crossings(FILE *file, const struct guard *guard,
				     const struct rung *rung)
{
	static const char *const directions[] = { "falling", "rising" };
	size_t i;

	for (i = 0; i < 2; i++) {
		fputs(CROSSINGS "{", file);
		metrics_label(file, "section", guard->section->name);
		fputc(',', file);
		metrics_label(file, "mountpoint", rung->target.path);
		fputc(',', file);
		metrics_label(file, "level", rung->trigger.level);
		fputc(',', file);
		metrics_label(file, "direction", directions[i]);
		fprintf(file, "} %" PRIu64 "\n", rung->crossings[i]);
	}
}

/* Refusals are those of the module. */
static void textfile_write_guards(FILE *file, const struct guards *guards)
{
	const struct guarded *guarded;
	const struct guard *guard;
	const struct rung *rung;
	bool begun = false;

	STAILQ_FOREACH(guard, guards, next) {
		TAILQ_FOREACH(guarded, &guard->guarded, next) {
			TAILQ_FOREACH(rung, &guarded->rungs, next) {
				if (level_resource(rung->trigger.level) == RESOURCE_REFUSED ||
				    rung->trigger.over)
					continue;
				if (!begun)
					metrics_begin(file, CROSSINGS, "counter",
						      "Crossings of a level that the service has been told.");
				begun = true;
				textfile_write_crossings(file, guard, rung);
			}
		}
	}
}

static uint64_t textfile_taken(const struct guards *guards)
{
	const struct guard *guard;
	uint64_t taken = 0;

	STAILQ_FOREACH(guard, guards, next)
		taken += guard->taken;
	return taken;
}

/* ---- the file ---- */

/* The name until it is whole, which the collector does not look for. */
static char *textfile_draft(const struct textfile *textfile)
{
	char *draft;

	return asprintf(&draft, "%s.new", textfile->path) < 0 ? NULL : draft;
}

/* All that is to be written, to be freed; NULL if it cannot be had. */
static char *textfile_text(const struct guards *guards,
			   const struct interface *interface, size_t *size)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, size);
	const char *why;
	bool done;

	if (!file)
		return NULL;
	done = metrics_write(file, interface, &why);
	textfile_write_guards(file, guards);
	if (!fclose(file) && done)
		return text;
	free(text);
	return NULL;
}

/* Writes @text; errno, or 0. */
static int textfile_write_draft(const char *draft, const char *text, size_t size)
{
	FILE *file;
	int fd, err;

	/* what one has left who was killed, or a link that leads elsewhere */
	unlink(draft);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	/* whatever the umask is */
	file = fchmod(fd, 0644) ? NULL : fdopen(fd, "w");
	if (!file) {
		err = errno;
		close(fd);
		return err;
	}
	err = fwrite(text, 1, size, file) == size ? 0 : errno;
	return fclose(file) && !err ? errno : err;
}

static void textfile_write(struct textfile *textfile,
			   const struct guards *guards,
			   const struct interface *interface)
{
	char *draft = textfile_draft(textfile), *text;
	size_t size;
	int err;

	text = textfile_text(guards, interface, &size);
	err = draft && text ? textfile_write_draft(draft, text, size) : ENOMEM;
	free(text);
	if (!err && rename(draft, textfile->path))
		err = errno;
	if (err && draft)
		unlink(draft);
	free(draft);
	if (err && !textfile->failed)
		error("Metrics=%s: %s; trying again every %d seconds",
		      textfile->path, strerror(err), EVERY);
	else if (!err && textfile->failed)
		error("Metrics=%s: written again", textfile->path);
	textfile->ours |= !err;
	textfile->failed = err;
}

/* Writes it if it is due. */
void textfile_run(struct textfile *textfile, const struct guards *guards,
		  const struct interface *interface)
{
	uint64_t taken;
	double now, took;

	if (!textfile->path)
		return;
	now = exec_now();
	taken = textfile_taken(guards);
	if (taken != textfile->taken && textfile->due > textfile->soonest)
		textfile->due = textfile->soonest;
	if (now < textfile->due)
		return;
	textfile->taken = taken;
	textfile->due = now + EVERY;
	textfile_write(textfile, guards, interface);
	took = exec_now() - now;
	textfile->soonest = now + (SHARE * took > SOONEST ? SHARE * took : SOONEST);
}

/* Metrics= is what @settings say from now on. */
void textfile_change(struct textfile *textfile, struct settings *settings)
{
	if (!textfile->path || !settings->metrics ||
	    strcmp(textfile->path, settings->metrics)) {
		textfile_remove(textfile);
		textfile->path = settings->metrics;
		settings->metrics = NULL;
	}
	textfile->failed = false;
	textfile->due = textfile->path ? exec_now() : INFINITY;
}

void textfile_remove(struct textfile *textfile)
{
	if (textfile->ours)
		unlink(textfile->path);
	textfile->ours = false;
	free(textfile->path);
	textfile->path = NULL;
}
