// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/mount.h>

#include "delay.h"
#include "digest.h"
#include "exec.h"
#include "growth.h"
#include "lookup.h"
#include "memory.h"
#include "report.h"
#include "section.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* between two steps, in seconds: who fills a mount at once is not to wait for long */
#define PAUSE		0.1

/* the first pause after a refusal, and the longest */
#define DELAY		1
#define DELAY_MAX	300

/* for the reason of a refusal */
#define WHY_SIZE	192

#define NEEDS	"Grow= needs CAP_SYS_ADMIN, and the system calls fspick and fsconfig: see tmpfswarn.conf(5) for what tmpfswarn.service needs"

/* glibc has them from 2.36 on */
static int growth_pick(int fd)
{
	return syscall(SYS_fspick, fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
}

static int growth_config(int context, enum fsconfig_command command,
			 const char *key, const char *value)
{
	return syscall(SYS_fsconfig, context, command, key, value, 0);
}

/* No level is reached any more: the next time all is tried, and said, anew. */
void growth_begin(struct growth *growth)
{
	*growth = (struct growth){ .said = growth->said };
}

/* Says if mounts cannot be grown from here, before that is asked for. */
void growth_check(const struct section *section)
{
	/* who may not mount is told so before it is seen that there is no such file */
	if (growth_pick(-1) < 0 && errno != EPERM && errno != ENOSYS &&
	    growth_config(-1, FSCONFIG_CMD_RECONFIGURE, NULL, NULL) < 0 &&
	    errno != EPERM)
		return;
	error("%s: [%s]: %s", section->from, section->name,
	      errno == EPERM ? NEEDS : "Grow= needs fspick(2), which this kernel does not have");
}

/*
 * A file descriptor on the mount that is watched, and nothing else that may be on its
 * path by now; or -1 and errno.
 */
static int growth_open(const struct target *target)
{
	int fd = lookup_open(target->point ?: target->path);

	if (fd >= 0 && !lookup_is_on(fd, target->dev)) {
		close(fd);
		errno = ESTALE;
		return -1;
	}
	return fd;
}

/* False, and errno, if it is not known. */
static bool growth_look(int fd, struct grow_state *state)
{
	struct statfs statfs;

	if (fstatfs(fd, &statfs))
		return false;
	state->page = statfs.f_bsize;
	state->size = statfs.f_blocks * state->page;
	state->used = (statfs.f_blocks - statfs.f_bfree) * state->page;
	memory_machine(&state->available, &state->total);
	return true;
}

/* Has the mount @fd be of @size bytes, and all else stay as it is; 0 or an errno. */
static int growth_set(int fd, const struct target *target, uint64_t size)
{
	int err = 0, context = growth_pick(fd);
	char text[24];

	if (context < 0)
		return errno;
	snprintf(text, sizeof(text), "%" PRIu64, size);
	/*
	 * What is not set stays as it is. But some kernels, from 6.4 on, refuse all of it
	 * where noswap is not said again.
	 */
	if (growth_config(context, FSCONFIG_SET_STRING, "size", text) ||
	    (target->options &&
	     !mnt_optstr_get_option(target->options, "noswap", NULL, NULL) &&
	     growth_config(context, FSCONFIG_SET_FLAG, "noswap", NULL)) ||
	    growth_config(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL))
		err = errno;
	close(context);
	return err;
}

static void growth_why(char why[WHY_SIZE], enum grow_answer answer, int err,
		       const struct section *section,
		       const struct grow_state *state, uint64_t size)
{
	char one[TEXT_SIZE], other[TEXT_SIZE], third[TEXT_SIZE];

	switch (answer) {
	case GROW_MAX:
		snprintf(why, WHY_SIZE, "it has %s, GrowMax=%s",
			 text_bytes(one, state->size), section->grow.max);
		break;
	case GROW_UNKNOWN:
		snprintf(why, WHY_SIZE, "/proc/meminfo does not say how much memory is available");
		break;
	case GROW_MEMORY:
		snprintf(why, WHY_SIZE, "%s of memory are available, too little for all of %s and a reserve of %s",
			 text_bytes(one, state->available),
			 text_bytes(other, size),
			 text_bytes(third, grow_reserve(&section->grow,
							state->total)));
		break;
	case GROW_REFUSED:
		snprintf(why, WHY_SIZE, "%s",
			 err == EPERM ? NEEDS :
			 err == ESTALE ? "another mount is on its path" :
			 strerror(err));
		break;
	case GROW_YES:
	case GROW_UNLIMITED:
		snprintf(why, WHY_SIZE, "it has no limit");
		break;
	}
}

/* Notes when it is tried again, and says why it was refused, unless that was said. */
static void growth_refuse(struct growth *growth, enum grow_answer answer, int err,
			  const struct section *section,
			  const struct target *target,
			  const struct grow_state *state, uint64_t size,
			  double now)
{
	char why[WHY_SIZE];

	growth->delay = delay_after(growth->delay, DELAY, DELAY_MAX);
	growth->again = now + growth->delay;
	/* who toggles about a level does not fill the log */
	if (growth->answer == answer || now < growth->said + DIGEST_PAUSE)
		return;
	growth->answer = answer;
	growth->said = now;
	growth_why(why, answer, err, section, state, size);
	report_no_growth(section, target, state, why);
}

/**
 * growth_try() - have a mount grow by one step
 * @growth: its own; it is to be called when it is time for that
 * @section: that says so
 * @target: the mount, which is watched
 * @now: the time
 *
 * Return: true if its size has changed.
 */
bool growth_try(struct growth *growth, const struct section *section,
		const struct target *target, double now)
{
	enum grow_answer answer = GROW_REFUSED;
	struct grow_state state = { };
	int fd, err = 0;
	uint64_t size = 0;

	fd = growth_open(target);
	if (fd < 0 || !growth_look(fd, &state))
		err = errno;
	if (!err)
		answer = grow_size(&section->grow, &state, &size);
	if (answer == GROW_YES) {
		err = growth_set(fd, target, size);
		if (err)
			answer = GROW_REFUSED;
	}
	if (fd >= 0)
		close(fd);
	if (answer != GROW_YES) {
		/* that may have taken longer than the pause */
		growth_refuse(growth, answer, err, section, target, &state, size,
			      exec_now());
		return false;
	}
	*growth = (struct growth){ .again = now + PAUSE };
	report_growth(section, target, &state, size);
	return true;
}
