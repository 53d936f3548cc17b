// SPDX-License-Identifier: GPL-2.0
#include "model.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>

#define BLOCKS	1000
#define NEVER	LLONG_MAX
#define WATCHES	12
#define EVENTFD	600	/* the model's own have numbers from here on */

/* a trigger of the model's */
struct watch {
	int efd;
	bool rfc;
	bool rising, falling, once;
	long long rise, fall;	/* as struct tw_band has them */
	bool above;
	char line[300];		/* as it is listed, without state and fired */
};

char failure[400];

static const struct scratch *own;
static struct watch watches[WATCHES];
static int nr_watches;
static long long used, level = NEVER;
static char level_text[64] = "0";
static int filler = -1;

bool fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!failure[0])
		vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	return false;
}

/* ---- what is listed ---- */

/* each stretch of the text from one word up to another is taken out */
static void cut(char *text, const char *from, const char *to)
{
	char *end;

	while (text && (text = strstr(text, from)) && (end = strstr(text, to)))
		memmove(text, end, strlen(end) + 1);
}

/* without what changes with usage, and with the level of the RFC's interface */
static char *listing(void)
{
	char *text = slurp(own, TMPFSWARN_TRIGGERS);

	cut(text, " state=", " pid=");
	cut(text, TMPFSWARN_WARN_USED " level=", " direction=");
	return text;
}

static bool listed_as_known(char *text)
{
	char *at = text;
	int i;

	for (i = 0; at && i < nr_watches; i++) {
		size_t length = strlen(watches[i].line);

		if (strncmp(at, watches[i].line, length))
			return fail("trigger %d is not listed as it was: %s", i, at);
		at += length;
	}
	return (at && !*at) || fail("listed without being known: %s", at);
}

/* those that end do so soon, and the others stay */
bool model_settled(void)
{
	char *text;
	bool good;

	if (!EVENTUALLY(trigger_count(own) == nr_watches))
		return fail("%d triggers, %d known", trigger_count(own), nr_watches);
	text = listing();
	good = listed_as_known(text);
	free(text);
	return good;
}

/* What has been added behind those known, with the newline; kept in line. */
static bool listed_last(char *line, size_t size)
{
	char *text = listing(), *at = text;
	int i;

	for (i = 0; at && i < nr_watches; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	snprintf(line, size, "%s", at ? at : "");
	if (at)
		*at = '\0';
	i = listed_as_known(text);
	free(text);
	return i && ((strchr(line, '\n') && !strchr(line, '\n')[1]) ||
		     fail("not one line was added: '%s'", line));
}

static void forget(int i)
{
	close(watches[i].efd);
	memmove(&watches[i], &watches[i + 1], (--nr_watches - i) * sizeof(*watches));
}

static struct watch *new_watch(void)
{
	struct watch *w = &watches[nr_watches];
	int efd = listener();

	*w = (struct watch){ .efd = fcntl(efd, F_DUPFD_CLOEXEC, EVENTFD) };
	close(efd);
	return w;
}

static bool told(struct watch *w, long long want)
{
	long long count = signals(w->efd, want);

	return count == want || fail("%lld signals instead of %lld: %s", count, want, w->line);
}

/* ---- registrations that the model understands ---- */

/* an amount of this mount, as text; its blocks */
static long long random_amount(char *text, size_t size, bool largest)
{
	unsigned int percent = below(10001);
	long long blocks = below(BLOCKS + 100);

	switch (below(largest ? 5 : 4)) {
	case 0:
		if (percent % 10 || below(2))
			snprintf(text, size, "%u.%02u%%", percent / 100, percent % 100);
		else
			snprintf(text, size, "%u.%u%%", percent / 100, percent / 10 % 10);
		return (percent * (long long)BLOCKS + 9999) / 10000;
	case 1:
		snprintf(text, size, "%lld%s", blocks * own->block >> 10,
			 ((const char *[]){ "k", "K", "Ki" })[below(3)]);
		return blocks;
	case 2:		/* no whole block, and rounded up */
		snprintf(text, size, "%lld", blocks ? blocks * own->block - below(own->block) : 0);
		return blocks;
	case 3:
		snprintf(text, size, "%lld", blocks * own->block);
		return blocks;
	}
	snprintf(text, size, "-1");
	return NEVER;
}

static bool registered(struct watch *w, int error, long long now)
{
	char want[100], blocks[32] = "-";
	long long at = w->rising ? w->rise : w->fall;

	if (error)
		return fail("a good registration is refused: %s", strerror(-error));
	if (now && w->once) {
		nr_watches++;
		if (!told(w, now))
			return false;
		forget(nr_watches - 1);
		return model_settled();
	}
	if (at != NEVER)
		snprintf(blocks, sizeof(blocks), "%lld", at);
	snprintf(want, sizeof(want), " blocks=%s direction=%s ", blocks,
		 !w->rising ? "falling" : w->falling ? "both" : "rising");
	if (!listed_last(w->line, sizeof(w->line)))
		return false;
	if (!w->rfc && !strstr(w->line, want))
		return fail("listed as %s, not as %s", w->line, want);
	nr_watches++;
	return told(w, now);
}

bool model_register(void)
{
	static const char *const directions[] = { "", " rising", " falling", " both" };
	static const struct {
		const char *name;
		int percent;
	} pressures[] = { { "low", 60 }, { "medium", 80 }, { "critical", 95 } };
	char args[128], amount[32];
	long long at, hyst = 0;
	int n, direction = below(4), error;
	bool pressure = below(6) == 0, now = below(4) == 0;
	struct watch *w;

	if (nr_watches == WATCHES)
		return model_close();
	w = new_watch();
	if (pressure) {
		unsigned int i = below(3);

		at = BLOCKS * pressures[i].percent / 100;
		n = snprintf(args, sizeof(args), "%s%s", pressures[i].name,
			     below(2) ? ",default" : "");
	} else {
		at = random_amount(amount, sizeof(amount), true);
		n = snprintf(args, sizeof(args), "%s", amount);
	}
	w->rising = direction != 2;
	w->falling = direction == 2 || direction == 3 || (direction == 0 && !pressure);
	w->once = below(5) == 0;
	n += snprintf(args + n, sizeof(args) - n, "%s%s%s", directions[direction],
		      w->once ? " once" : "", now ? " now" : "");
	if (below(3) == 0) {
		hyst = random_amount(amount, sizeof(amount), false);
		snprintf(args + n, sizeof(args) - n, " hyst=%s", amount);
	}
	w->rise = at;
	w->fall = at;
	if (hyst && at && at != NEVER) {
		if (w->rising)
			w->fall = hyst < at ? at - hyst + 1 : 1;
		else
			w->rise = at + hyst;
	}
	w->above = used >= at;
	error = control(own, w->efd, pressure ? TMPFSWARN_PRESSURE_LEVEL : TMPFSWARN_USED_BYTES, args);
	return registered(w, error, now && w->above == w->rising);
}

bool model_register_rfc(void)
{
	struct watch *w;
	char text[16];

	if (nr_watches == WATCHES)
		return model_close();
	w = new_watch();
	w->rfc = true;
	w->rising = true;
	w->rise = level;
	w->fall = level;
	w->above = used >= level;
	snprintf(text, sizeof(text), "%d", w->efd);
	return registered(w, put(own, TMPFSWARN_WARN_USED_EFD, text), w->above);
}

static bool field(const char *line, const char *key, char *value, size_t size)
{
	const char *at = strstr(line, key);

	if (!at)
		return false;
	at += strlen(key);
	snprintf(value, size, "%.*s", (int)strcspn(at, " \n"), at);
	return true;
}

/* What is listed, written again, is listed the same. */
bool model_register_listed(void)
{
	char of[40], direction[16], hyst[40], once[4], resource[32], args[128], line[300];
	struct watch *like, *w;
	int error;

	if (!nr_watches || nr_watches == WATCHES)
		return true;
	like = &watches[below(nr_watches)];
	if (like->rfc)
		return true;
	w = new_watch();
	if (!field(like->line, "resource=", resource, sizeof(resource)) ||
	    !field(like->line, " level=", of, sizeof(of)) ||
	    !field(like->line, " direction=", direction, sizeof(direction)) ||
	    !field(like->line, " hyst=", hyst, sizeof(hyst)) ||
	    !field(like->line, " once=", once, sizeof(once)))
		return fail("a line lacks a word: %s", like->line);
	snprintf(args, sizeof(args), "%s %s hyst=%s%s", of, direction, hyst,
		 once[0] == '1' ? " once" : "");
	error = control(own, w->efd, resource, args);
	if (error)
		return fail("'%s' as listed is refused: %s", args, strerror(-error));
	if (!listed_last(line, sizeof(line)))
		return false;
	if (strcmp(line, like->line))
		return fail("'%s' is listed as %s after %s", args, line, like->line);
	nr_watches++;
	forget(nr_watches - 1);
	return model_settled();
}

bool model_set_level(void)
{
	unsigned int percent = below(10001), i;
	char *back;
	int error;

	switch (below(3)) {
	case 0:
		snprintf(level_text, sizeof(level_text), percent % 100 ? "%u.%02u%%" : "%u%%",
			 percent / 100, percent % 100);
		level = (percent * (long long)BLOCKS + 9999) / 10000;
		break;
	case 1:
		level = below(BLOCKS + 100);
		snprintf(level_text, sizeof(level_text), "%lld", level);
		break;
	default:
		level = 0;
	}
	if (!level) {
		level = NEVER;
		strcpy(level_text, "0");
	}
	error = put(own, TMPFSWARN_WARN_USED, level_text);
	if (error)
		return fail("the level '%s' is refused: %s", level_text, strerror(-error));
	back = slurp(own, TMPFSWARN_WARN_USED);
	if (!back || strncmp(back, level_text, strlen(level_text)))
		return fail("'%s' reads back as '%s'", level_text, back);
	free(back);
	for (i = 0; i < nr_watches; i++) {
		struct watch *w = &watches[i];

		if (!w->rfc)
			continue;
		w->rise = level;
		w->fall = level;
		w->above = used >= level;
		if (!told(w, w->above))
			return false;
	}
	return true;
}

/* ---- what ends, what moves ---- */

bool model_close(void)
{
	if (!nr_watches)
		return true;
	forget(below(nr_watches));
	return model_settled();
}

/* usage goes to another place, and each trigger that it passes says so once */
bool model_move(void)
{
	long long to = used + below(81) - 40;
	int i;

	if (below(20) == 0)
		to = below(BLOCKS + 1);
	to = to < 0 ? 0 : to > BLOCKS ? BLOCKS : to;
	if (to > used ? fallocate(filler, 0, 0, to * own->block) :
			ftruncate(filler, to * own->block))
		return fail("usage cannot go from %lld to %lld: %s", used, to, strerror(errno));
	used = to;
	for (i = 0; i < nr_watches; i++) {
		struct watch *w = &watches[i];
		bool fires = w->above ? used < w->fall && w->falling :
					used >= w->rise && w->rising;

		w->above = w->above ? used >= w->fall : used >= w->rise;
		if (!told(w, fires))
			return fail("usage went to %lld", used);
		if (fires && w->once)
			forget(i--);
	}
	return model_settled();
}

/* ---- what the model does not understand ---- */

static bool text_has(const char *text, size_t size, const char *word)
{
	return memmem(text, strnlen(text, size), word, strlen(word));
}

static void adopt_level(void)
{
	char *text = slurp(own, TMPFSWARN_WARN_USED), *end;
	long long now;
	int i;

	snprintf(level_text, sizeof(level_text), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	now = strtoull(level_text, &end, 10) > LLONG_MAX ? NEVER : strtoll(level_text, &end, 10);
	if (*end)
		now = (lround(strtod(level_text, NULL) * 100) * BLOCKS + 9999) / 10000;
	level = now ? now : NEVER;
	for (i = 0; i < nr_watches; i++) {
		if (!watches[i].rfc)
			continue;
		/* there may have been several, each of which has signalled */
		signals(watches[i].efd, 0);
		watches[i].rise = level;
		watches[i].fall = level;
		watches[i].above = used >= level;
	}
}

/* the number that a line for an eventfd begins with */
static unsigned long long efd_of(const char *text, size_t size)
{
	char line[700];
	int i;

	/* to the kernel a no-break space is white space as well */
	for (i = 0; i < size && (isspace(text[i]) || text[i] == '\xa0'); i++)
		;
	snprintf(line, sizeof(line), "%.*s", (int)(size - i), text + i);
	return strtoull(line, NULL, 10);
}

/* another mount has taken it, and may signal */
void model_elsewhere(const char *text, size_t size)
{
	unsigned long long efd = efd_of(text, size);
	int i;

	for (i = 0; i < nr_watches; i++) {
		if (watches[i].efd == efd) {
			forget(i);
			model_settled();
			return;
		}
	}
}

/*
 * The mount's file has taken a text; where it is alone, that is all it has
 * taken since the model last knew everything. What it has registered is about to
 * end: model_settled() waits for that, of all texts that were taken.
 */
bool model_foreign(const char *file, const char *text, size_t size, bool alone)
{
	unsigned long long efd = efd_of(text, size);
	int i;

	if (!strcmp(file, TMPFSWARN_WARN_USED)) {
		adopt_level();
		return true;
	}
	for (i = 0; i < nr_watches && watches[i].efd != efd; i++)
		;
	if (scrawl_is_other(efd))
		return fail("%llu is no eventfd, and is accepted: %.*s", efd, (int)size, text);
	if (alone && (i < nr_watches || scrawl_has(efd)) && !text_has(text, size, "once") &&
	    trigger_count(own) != nr_watches + 1)
		return fail("one line was accepted, %d are there and %d were: %.*s",
			    trigger_count(own), nr_watches, (int)size, text);
	if (efd >= CHURN && efd < CHURN + CHURNED)
		close(efd);
	else if (i < nr_watches)
		forget(i);
	else
		scrawl_renew(efd);
	/* if it is another thread's, that has had it for a moment only */
	return true;
}

bool model_check(void)
{
	char *text = listing(), *now = slurp(own, TMPFSWARN_WARN_USED);
	bool good = listed_as_known(text);
	int i;

	if (!now || strncmp(now, level_text, strlen(level_text)))
		good = fail("the level is '%s' and was '%s'", now, level_text);
	free(text);
	free(now);
	for (i = 0; i < nr_watches; i++)
		good = told(&watches[i], 0) && good;
	if (scratch_used(own) != used)
		good = fail("%lld blocks are used instead of %lld", scratch_used(own), used);
	return good;
}

bool model_start(const struct scratch *m)
{
	own = m;
	filler = open(scratch_path(m, "filler"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return filler >= 0;
}

void model_stop(void)
{
	while (nr_watches)
		forget(0);
	close(filler);
}
