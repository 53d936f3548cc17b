// SPDX-License-Identifier: GPL-2.0
/*
 * mount.tmpfswarn: what mount(8) runs for "-t tmpfswarn" and, where it is installed as
 * mount.tmpfs, for "-t tmpfs". It mounts a tmpfs with all options but warn_used, of
 * which the kernel knows nothing, and gives that to the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/magic.h>

#include "warnused.h"

#define MOUNT		"/bin/mount"
#define TYPE		"tmpfs"
#define OPTION		"warn_used"

static const char *program;

/**
 * struct job - what mount(8) wants
 * @spec: the source, of which tmpfs makes nothing
 * @dir: where
 * @options: of -o, without warn_used
 * @level: the value of warn_used, NULL without one
 * @flags: of -f, -n, -r, -s, -v and -w those that were given
 * @ns: the mount namespace, NULL for this one
 */
struct job {
	const char *spec;
	const char *dir;
	char *options;
	char *level;
	char flags[8];
	const char *ns;
};

static void __attribute__((format(printf, 1, 2))) error(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: %s SPEC DIR [-fnrsvw] [-N NAMESPACE] [-o OPTIONS]\n"
		"It is called by mount(8): mount -t tmpfswarn -o " OPTION
		"=80%%,size=1G none /DIR\n", program);
	return MNT_EX_USAGE;
}

static int no_memory(void)
{
	error("out of memory");
	return MNT_EX_SYSERR;
}

static bool has_flag(const struct job *job, char flag)
{
	return strchr(job->flags, flag);
}

static bool has_option(const struct job *job, const char *name)
{
	return job->options &&
	       !mnt_optstr_get_option(job->options, name, NULL, NULL);
}

static int job_add_options(struct job *job, const char *options)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", job->options ?: "",
		     job->options ? "," : "", options) < 0)
		return no_memory();
	free(job->options);
	job->options = joined;
	return MNT_EX_SUCCESS;
}

/*
 * Takes warn_used out of the options. Of several the last one counts: a remount has
 * those of fstab first and then what was typed.
 */
static int job_take_level(struct job *job)
{
	char *value;
	size_t len;
	int rc;

	while (job->options) {
		value = NULL;
		len = 0;
		rc = mnt_optstr_get_option(job->options, OPTION, &value, &len);
		if (rc == 1)
			break;
		if (rc < 0) {
			error("%s: options that cannot be read: %s", job->dir,
			      job->options);
			return MNT_EX_USAGE;
		}
		free(job->level);
		job->level = strndup(value ?: "", len);
		if (!job->level ||
		    mnt_optstr_remove_option(&job->options, OPTION))
			return no_memory();
	}
	return MNT_EX_SUCCESS;
}

/* mount(8) has the two operands first, whatever they begin with. */
static int job_parse(struct job *job, int argc, char **argv)
{
	char *flag;
	int c;

	if (argc < 3)
		return usage();
	job->spec = argv[1];
	job->dir = argv[2];
	flag = job->flags;
	argv[2] = argv[0];
	while ((c = getopt(argc - 2, argv + 2, "fnrsvwN:o:t:")) != -1) {
		switch (c) {
		case 'N':
			job->ns = optarg;
			break;
		case 'o':
			if (job_add_options(job, optarg))
				return MNT_EX_SYSERR;
			break;
		case 't':
			error("%s: no such type: there is none below " TYPE,
			      optarg);
			return MNT_EX_USAGE;
		case '?':
			return usage();
		default:
			if (!has_flag(job, c))
				*flag++ = c;
		}
	}
	if (optind < argc - 2)
		return usage();
	return job_take_level(job);
}

/*
 * Without warn_used all is as if this were not installed: mount(8) does it, without
 * helpers. Who is not root may name only the directory, and gets the options from fstab as
 * before.
 */
static int job_pass(struct job *job)
{
	char *argv[16], flags[sizeof(job->flags) + 3];
	int n = 0;

	if (getuid() && strcmp(program, "mount." TYPE)) {
		error("%s: only root mounts this type: have " TYPE " in fstab",
		      job->dir);
		return MNT_EX_USAGE;
	}
	snprintf(flags, sizeof(flags), "-i%s", job->flags);
	argv[n++] = "mount";
	argv[n++] = flags;
	if (!getuid()) {
		argv[n++] = "-t";
		argv[n++] = TYPE;
		if (job->ns) {
			argv[n++] = "-N";
			argv[n++] = (char *)job->ns;
		}
		if (job->options && *job->options) {
			argv[n++] = "-o";
			argv[n++] = job->options;
		}
	}
	argv[n++] = "--";
	if (!getuid())
		argv[n++] = (char *)job->spec;
	argv[n++] = (char *)job->dir;
	argv[n] = NULL;
	execv(MOUNT, argv);
	error(MOUNT ": %s", strerror(errno));
	return MNT_EX_SYSERR;
}

static int job_context(const struct job *job, struct libmnt_context *cxt)
{
	const char *flag;
	int rc;

	rc = mnt_context_init_helper(cxt, MNT_ACT_MOUNT, 0);
	if (!rc && job->ns)
		rc = mnt_context_set_target_ns(cxt, job->ns);
	if (rc) {
		error("%s: %s", job->ns ?: job->dir, strerror(-rc));
		return MNT_EX_SYSERR;
	}
	for (flag = job->flags; !rc && *flag; flag++)
		rc = mnt_context_helper_setopt(cxt, *flag, NULL);
	if (rc || mnt_context_set_fstype(cxt, TYPE) ||
	    mnt_context_set_source(cxt, job->spec) ||
	    mnt_context_set_target(cxt, job->dir) ||
	    (job->options && mnt_context_append_options(cxt, job->options)))
		return no_memory();
	return MNT_EX_SUCCESS;
}

/*
 * Opens what is mounted on @dir in the namespace of @cxt: what was mounted there last.
 * That is where the level belongs, and nothing but a tmpfs may be remounted as one.
 */
static int open_mount(struct libmnt_context *cxt, const char *dir, dev_t *dev)
{
	struct libmnt_ns *ns = mnt_context_switch_target_ns(cxt);
	struct statfs statfs;
	struct stat stat;
	int fd, err = 0;

	fd = ns ? open(dir, O_PATH | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &stat) || fstatfs(fd, &statfs))
		err = errno;
	if (fd >= 0)
		close(fd);
	if (ns)
		mnt_context_switch_ns(cxt, ns);
	if (err) {
		error("%s: %s", dir, strerror(err));
		return MNT_EX_FAIL;
	}
	if (statfs.f_type != TMPFS_MAGIC) {
		error("%s: no tmpfs", dir);
		return MNT_EX_FAIL;
	}
	*dev = stat.st_dev;
	return MNT_EX_SUCCESS;
}

static int do_mount(struct libmnt_context *cxt, const char *dir)
{
	char why[BUFSIZ] = "";
	int rc = mnt_context_mount(cxt);

	rc = mnt_context_get_excode(cxt, rc, why, sizeof(why));
	if (*why)
		error("%s: %s", dir, why);
	return rc;
}

/* Detached, since somebody may have opened it as soon as it was there. */
static void undo_mount(const struct job *job)
{
	struct libmnt_context *cxt = mnt_new_context();
	int rc = -ENOMEM;

	if (cxt && !mnt_context_init_helper(cxt, MNT_ACT_UMOUNT, 0) &&
	    !(job->ns && mnt_context_set_target_ns(cxt, job->ns)) &&
	    !mnt_context_set_target(cxt, job->dir)) {
		mnt_context_enable_lazy(cxt, 1);
		rc = mnt_context_umount(cxt);
	}
	if (rc)
		error("%s: is mounted without " OPTION
		      ", and cannot be unmounted: %s", job->dir,
		      strerror(rc < 0 ? -rc : errno));
	mnt_free_context(cxt);
}

static int job_mount(const struct job *job, struct libmnt_context *cxt)
{
	bool remount = has_option(job, "remount");
	const char *why;
	dev_t dev;
	int rc, err;

	/* what can be wrong is found before anything has happened, if it can be */
	if (!warnused_valid(job->level)) {
		error("%s: " OPTION "=%s: no level, such as 80%%, "
		      "or a number of blocks (pages): 1000, 64k",
		      job->dir, job->level);
		return MNT_EX_USAGE;
	}
	if (getuid()) {
		error("%s: only root can set " OPTION, job->dir);
		return MNT_EX_USAGE;
	}
	rc = job_context(job, cxt);
	if (!rc && !has_flag(job, 'f')) {
		why = warnused_missing();
		if (why) {
			error("%s: " OPTION ": %s", job->dir, why);
			rc = MNT_EX_FAIL;
		} else if (remount) {
			rc = open_mount(cxt, job->dir, &dev);
		}
	}
	if (!rc)
		rc = do_mount(cxt, job->dir);
	if (rc || has_flag(job, 'f'))
		return rc;
	rc = open_mount(cxt, job->dir, &dev);
	if (!rc) {
		err = warnused_set(dev, job->level);
		if (!err)
			return MNT_EX_SUCCESS;
		error("%s: " OPTION "=%s: %s", job->dir, job->level,
		      warnused_refusal(err));
		rc = err == EINVAL ? MNT_EX_USAGE : MNT_EX_FAIL;
	}
	if (!remount)
		undo_mount(job);
	return rc;
}

int main(int argc, char **argv)
{
	struct libmnt_context *cxt;
	struct job job = { 0 };
	int rc;

	program = strrchr(argv[0], '/');
	program = program ? program + 1 : argv[0];
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("%s " VERSION "\n", program);
		return MNT_EX_SUCCESS;
	}
	rc = job_parse(&job, argc, argv);
	if (rc)
		return rc;
	if (!job.level)
		return job_pass(&job);
	mnt_init_debug(0);
	cxt = mnt_new_context();
	if (!cxt)
		return no_memory();
	rc = job_mount(&job, cxt);
	mnt_free_context(cxt);
	return rc;
}
