// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail: for each thing that can be asked of the module the
 * first, the second, ... allocation of it fails, until there is none left to.
 *
 * /proc/PID/fail-nth counts down the allocations of one task, and has the one
 * fail that brings it to 0. What the module does on its own time is done by some
 * worker of the kernel, so there it is written for all of them, and only what is
 * allocated with the module on the stack counts.
 */
#include "scratch.h"
#include "harness.h"

#include <dirent.h>

#define FAULTS	"/sys/kernel/debug/"
#define BLOCKS	20

#define NO_FILTER	"the kernel does not say what allocates (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER)"

/* more than any of it allocates */
#define MOST	100000

/* read or, where it cannot be, written */
static const char *const all_files[] = {
	TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES, TMPFSWARN_USED_INODES, TMPFSWARN_PRESSURE_LEVEL,
	TMPFSWARN_WARN_USED, TMPFSWARN_TRIGGERS, TMPFSWARN_V1_LIMIT, TMPFSWARN_REFUSED,
	TMPFSWARN_V1_OOM_CONTROL, TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE,
	TMPFSWARN_V1_USAGE, TMPFSWARN_V1_PRESSURE_LEVEL, "../" TMPFSWARN_STATS,
	TMPFSWARN_EVENT_CONTROL, TMPFSWARN_WARN_USED_EFD, TMPFSWARN_V1_EVENT_CONTROL,
};

FIXTURE(faults) {
	struct scratch m;	/* has a trigger: up at 10 blocks, down below */
	struct scratch extra;	/* what an attempt mounts */
	int efd;		/* that trigger's, or -1 */
	struct scratch *at;	/* where an attempt registers */
	int other;		/* what it registers: up at most at 12 blocks */
	int leaving;		/* registered on a mount that goes */
	int device;		/* by which an attempt registers */
	int nth;		/* fail-nth of this thread */
	bool probes_safe;	/* no allocation fails where it would break the kernel's own */
	const char *file;	/* what an attempt opens, reads or registers by */
	const char *args;
	char mark[64];
};

/* what must not change */
struct snapshot {
	char text[8192];
};

/* Only what has a function between the two on the stack ("require"), or all but that ("reject"). */
static int set_filter(const char *what, unsigned long start, unsigned long end)
{
	static const char *const injectors[] = { "failslab", "fail_page_alloc" };
	char path[160], text[32];
	unsigned int i;
	int error = 0;

	for (i = 0; i < 4 && !error; i++) {
		snprintf(path, sizeof(path), FAULTS "%s/%s-%s", injectors[i / 2], what,
			 i % 2 ? "end" : "start");
		snprintf(text, sizeof(text), "%lu", i % 2 ? end : start);
		error = write_text(path, text);
	}
	return error;
}

/* where a function is, which the compiler may have given a suffix; false if there is none */
static bool find_function(const char *name, unsigned long *start, unsigned long *end)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char line[256], type;
	int at;

	*start = *end = 0;
	while (symbols && !*end && fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%lx %c %n", &address, &type, &at) != 2)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (*start && address > *start)
			*end = address;
		if (!*start && !strncmp(line + at, name, strlen(name)) &&
		    (!line[at + strlen(name)] || line[at + strlen(name)] == '.') &&
		    !strstr(line, ".cold"))
			*start = address;
	}
	if (symbols)
		fclose(symbols);
	return *end;
}

/*
 * Where ftrace is to forget a kprobe and has no memory for that the kernel warns,
 * leaves the probe, and no kprobe works from then on, whatever the module does.
 */
static bool leave_kprobes_in_order(void)
{
	unsigned long start, end;

	if (!find_function("ftrace_set_filter_ip", &start, &end))
		start = end = 0;	/* nor do kprobes know of ftrace then */
	else if (!find_function("__disarm_kprobe_ftrace", &start, &end))
		return false;
	return set_filter("reject", start, end) == 0;
}

static bool injectable(void)
{
	static const char *const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/verbose", "0" },
		/* nothing but what is counted */
		{ "failslab/probability", "0" },
		{ "fail_page_alloc/probability", "0" },
	};
	char path[160];
	unsigned int i;

	for (i = 0; i < sizeof(knobs) / sizeof(*knobs); i++) {
		snprintf(path, sizeof(path), FAULTS "%s", knobs[i][0]);
		if (write_text(path, knobs[i][1]))
			return false;
	}
	set_filter("require", 0, -1UL);
	return true;
}

static void reload(struct __test_metadata *_metadata)
{
	if (access(ROOM, F_OK) == 0)
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert(""));
}

FIXTURE_SETUP(faults)
{
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0)
		SKIP(return, "the kernel has no fault injection (CONFIG_FAULT_INJECTION)");
	if (!injectable())
		SKIP(return, "the kernel has no failslab and fail_page_alloc");
	self->probes_safe = leave_kprobes_in_order();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=20"));
	self->efd = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, self->efd);
	self->other = -1;
	self->at = &self->m;
	/* or a page that the test itself touches would be one of them */
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	snprintf(self->mark, sizeof(self->mark), "faults test %d", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", self->mark));
}

FIXTURE_TEARDOWN(faults)
{
	scratch_end(&self->extra);
	scratch_end(&self->m);
	if (module_file() && access(ROOM, F_OK))
		module_insert("");
}

/* the nth allocation of this thread from now on fails; of a worker that is gone, none */
static void fail_from_now(int fd, int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	if (pwrite(fd, text, strlen(text), 0) < 0 && errno != ESRCH)
		abort();
}

/*
 * No more; how many allocations it was away from that, 0 if it was reached,
 * -ESRCH if it is of a worker that is gone.
 */
static int fail_no_more(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0) {
		if (errno != ESRCH)
			abort();
		return -ESRCH;
	}
	fail_from_now(fd, 0);
	return atoi(text);
}

static void take_snapshot(const struct scratch *m, struct snapshot *shot)
{
	static const char *const keys[] = {
		"mounts", "mounts_hidden", "triggers", "crossings", "signals",
	};
	static const char *const files[] = {
		TMPFSWARN_TRIGGERS, TMPFSWARN_USAGE, TMPFSWARN_WARN_USED,
	};
	size_t room = sizeof(shot->text), len = 0;
	unsigned int i;
	char *text;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		text = slurp(m, files[i]);
		len += snprintf(shot->text + len, room - len, "%s", text ? text : "unreadable\n");
		free(text);
	}
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		len += snprintf(shot->text + len, room - len, "%s %lld\n", keys[i], stat_of(keys[i]));
}

static bool same_snapshot(const struct scratch *m, const struct snapshot *before,
			  struct snapshot *now)
{
	take_snapshot(m, now);
	return !strcmp(before->text, now->text);
}

/* a thing that is tried, with an allocation that fails */
struct path {
	const char *name;
	/* 0 or a negative errno; the first and the last see all they allocate succeed */
	int (*prepare)(FIXTURE_DATA(faults) *self);
	int (*attempt)(FIXTURE_DATA(faults) *self);
	int (*undo)(FIXTURE_DATA(faults) *self);
	/* mm/shmem.c has its own errno when it has no memory for an inode */
	bool enospc;
};

/* each trigger is told of each crossing, once */
static void expect_told(struct __test_metadata *_metadata, FIXTURE_DATA(faults) *self)
{
	bool elsewhere = self->at != &self->m;
	int blocks;

	for (blocks = 12; blocks >= 0; blocks -= 12) {
		ASSERT_EQ(0, scratch_use(&self->m, blocks));
		if (elsewhere)
			ASSERT_EQ(0, scratch_use(self->at, blocks));
		if (self->efd >= 0)
			EXPECT_SIGNALS(self->efd, 1);
		if (self->other >= 0)
			EXPECT_SIGNALS(self->other, blocks ? 1 : 0);
	}
}

static int fail_each(struct __test_metadata *_metadata, FIXTURE_DATA(faults) *self,
		     const struct path *path)
{
	static struct snapshot before, after;
	long long mounts = stat_of("mounts");
	int nth, error, left = 0;

	for (nth = 1; !left && nth < MOST; nth++) {
		if (path->prepare)
			ASSERT_EQ(0, path->prepare(self)) TH_LOG("%s", path->name);
		take_snapshot(&self->m, &before);
		fail_from_now(self->nth, nth);
		error = path->attempt(self);
		left = fail_no_more(self->nth);
		if (error) {
			ASSERT_EQ(0, left);
			if (!path->enospc || error != -ENOSPC)
				EXPECT_EQ(-ENOMEM, error)
					TH_LOG("%s, allocation %d", path->name, nth);
			/* a mount that has failed late may be about to be shown no more */
			EXPECT_TRUE(EVENTUALLY(same_snapshot(&self->m, &before, &after)));
			EXPECT_STREQ(before.text, after.text)
				TH_LOG("%s, allocation %d", path->name, nth);
			ASSERT_EQ(0, path->attempt(self))
				TH_LOG("%s, tried again after allocation %d", path->name, nth);
		}
		expect_told(_metadata, self);
		if (path->undo)
			ASSERT_EQ(0, path->undo(self)) TH_LOG("%s", path->name);
		/* one that has failed may be counted for a moment still */
		ASSERT_TRUE(EVENTUALLY(stat_of("mounts") == mounts)) TH_LOG("%s", path->name);
	}
	/* the last one had none left to fail */
	nth -= 2;
	TH_LOG("%s: %d allocations failed in turn", path->name, nth);
	return nth;
}

/* ---- opening and reading ---- */

static int try_open(FIXTURE_DATA(faults) *self)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", self->m.dir, self->file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || close(fd) ? -errno : 0;
}

static int read_once(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	char text[512];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	if (n <= 0)
		error = n ? -errno : -ENODATA;
	close(fd);
	return error;
}

static int try_read(FIXTURE_DATA(faults) *self)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", self->m.dir, self->file);
	return read_once(path);
}

static int try_listen(FIXTURE_DATA(faults) *self)
{
	int fd = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 || close(fd) ? -errno : 0;
}

static int try_listing(FIXTURE_DATA(faults) *self)
{
	return read_once(TMPFSWARN_DEVICE);
}

TEST_F_TIMEOUT(faults, opening_and_listing_the_device, 300)
{
	struct path listen = { .name = "opening the device", .attempt = try_listen };
	struct path list = { .name = "listing by the device", .attempt = try_listing };

	EXPECT_LT(1, fail_each(_metadata, self, &listen));
	EXPECT_LT(1, fail_each(_metadata, self, &list));
}

TEST_F_TIMEOUT(faults, opening_any_file, 300)
{
	struct path path = { .attempt = try_open };
	unsigned int i;
	char name[64];

	for (i = 0; i < sizeof(all_files) / sizeof(*all_files); i++) {
		self->file = all_files[i];
		snprintf(name, sizeof(name), "opening %s", self->file);
		path.name = name;
		EXPECT_LT(0, fail_each(_metadata, self, &path));
	}
}

TEST_F_TIMEOUT(faults, reading_any_file, 300)
{
	struct path path = { .attempt = try_read };
	unsigned int i;
	char name[64];

	/* the last three are written only */
	for (i = 0; i + 3 < sizeof(all_files) / sizeof(*all_files); i++) {
		self->file = all_files[i];
		snprintf(name, sizeof(name), "reading %s", self->file);
		path.name = name;
		EXPECT_LT(0, fail_each(_metadata, self, &path));
	}
}

/* ---- registering ---- */

static int make_listener(FIXTURE_DATA(faults) *self)
{
	self->other = listener();
	return self->other < 0 ? -errno : 0;
}

static int close_listener(FIXTURE_DATA(faults) *self)
{
	close(self->other);
	self->other = -1;
	return EVENTUALLY(stat_of("triggers") == (self->efd >= 0)) ? 0 : -ETIMEDOUT;
}

static int try_control(FIXTURE_DATA(faults) *self)
{
	return control(self->at, self->other, self->file, self->args);
}

/* by the name that cgroup v1 has for event_control */
static int try_cgroup_control(FIXTURE_DATA(faults) *self)
{
	char text[64], path[160];
	int cfd, error;

	snprintf(path, sizeof(path), "%s/%s", self->at->dir, self->file);
	cfd = open(path, O_RDONLY | O_CLOEXEC);
	if (cfd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d %s", self->other, cfd, self->args);
	error = put(self->at, TMPFSWARN_V1_EVENT_CONTROL, text);
	close(cfd);
	return error;
}

static int try_rfc(FIXTURE_DATA(faults) *self)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", self->other);
	return put(self->at, TMPFSWARN_WARN_USED_EFD, text);
}

static void register_each(struct __test_metadata *_metadata, FIXTURE_DATA(faults) *self,
			  int (*prepare)(FIXTURE_DATA(faults) *self),
			  int (*undo)(FIXTURE_DATA(faults) *self), const char *where)
{
	static const struct {
		const char *name;
		int (*attempt)(FIXTURE_DATA(faults) *self);
		const char *file;
		const char *args;
	} doors[] = {
		{ "event_control, in bytes", try_control, TMPFSWARN_USED_BYTES, "32k rising" },
		{ "event_control, in percent", try_control, TMPFSWARN_USED_BYTES, "50% rising" },
		{ "event_control, by pressure_level", try_control, TMPFSWARN_PRESSURE_LEVEL, "low" },
		{ "cgroup.event_control", try_cgroup_control, TMPFSWARN_V1_USAGE, "32k rising" },
		{ "warn_used_blocks_efd", try_rfc, NULL, NULL },
	};
	struct path path = { .prepare = prepare, .undo = undo };
	unsigned int i;
	char name[96];

	ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, "11"));
	for (i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
		snprintf(name, sizeof(name), "registering by %s%s", doors[i].name, where);
		path.name = name;
		path.attempt = doors[i].attempt;
		self->file = doors[i].file;
		self->args = doors[i].args;
		EXPECT_LT(0, fail_each(_metadata, self, &path));
	}
}

TEST_F_TIMEOUT(faults, registering_by_any_door, 300)
{
	register_each(_metadata, self, make_listener, close_listener, "");
}

static int open_device(FIXTURE_DATA(faults) *self)
{
	self->device = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	return self->device < 0 ? -errno : 0;
}

static int close_device(FIXTURE_DATA(faults) *self)
{
	close(self->device);
	return EVENTUALLY(stat_of("triggers") == 1) ? 0 : -ETIMEDOUT;
}

static int try_device(FIXTURE_DATA(faults) *self)
{
	int fd = open(self->at->path, O_PATH | O_CLOEXEC), error;
	char text[64];

	if (fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %s", fd, self->args);
	error = write(self->device, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return error;
}

TEST_F_TIMEOUT(faults, registering_by_the_device, 300)
{
	struct path path = {
		.name = "registering by the device",
		.prepare = open_device, .attempt = try_device, .undo = close_device,
	};

	self->args = "50% rising tag=one";
	EXPECT_LT(1, fail_each(_metadata, self, &path));
}

/* with none there and the probes taken away, so that they must be put back */
static int disarm(FIXTURE_DATA(faults) *self)
{
	if (self->efd >= 0)
		close(self->efd);
	self->efd = -1;
	return EVENTUALLY(stat_of("armed") == 0) ? make_listener(self) : -ETIMEDOUT;
}

TEST_F_TIMEOUT(faults, registering_the_first_of_all, 400)
{
	struct path path = {
		.name = "registering the first of all triggers, which arms the probes",
		.prepare = disarm, .attempt = try_control, .undo = close_listener,
	};

	self->file = TMPFSWARN_USED_BYTES;
	self->args = "50% rising";
	EXPECT_LT(0, fail_each(_metadata, self, &path));
}

static int mount_extra(FIXTURE_DATA(faults) *self)
{
	self->at = &self->extra;
	return scratch_mount(&self->extra, "nr_blocks=20");
}

static int mount_another(FIXTURE_DATA(faults) *self)
{
	return mount_extra(self) ?: make_listener(self);
}

static int mount_for_device(FIXTURE_DATA(faults) *self)
{
	return mount_extra(self) ?: open_device(self);
}

static int try_most(FIXTURE_DATA(faults) *self)
{
	return put(self->at, TMPFSWARN_V1_MAX_USAGE, "0");
}

static int end_extra(FIXTURE_DATA(faults) *self, int error)
{
	scratch_end(&self->extra);
	self->at = &self->m;
	/* its inodes are freed after a while, and it is gone with them */
	return error ? error : EVENTUALLY(access(self->extra.dir, F_OK)) ? 0 : -ETIMEDOUT;
}

static int end_another(FIXTURE_DATA(faults) *self)
{
	return end_extra(self, close_listener(self));
}

static int end_most(FIXTURE_DATA(faults) *self)
{
	return end_extra(self, 0) ?: EVENTUALLY(stat_of("triggers") == 1) ? 0 : -ETIMEDOUT;
}

static int end_with_device(FIXTURE_DATA(faults) *self)
{
	return end_extra(self, close_device(self));
}

TEST_F_TIMEOUT(faults, registering_the_first_of_a_mount, 400)
{
	struct path path = {
		.name = "registering the first trigger of a mount",
		.prepare = mount_another, .attempt = try_control, .undo = end_another,
	};

	self->file = TMPFSWARN_USED_BYTES;
	self->args = "50% rising";
	EXPECT_LT(0, fail_each(_metadata, self, &path));
}

TEST_F_TIMEOUT(faults, registering_the_first_for_refusals_of_a_mount, 400)
{
	struct path path = {
		.name = "registering the first trigger for refusals of a mount",
		.prepare = mount_for_device, .attempt = try_device, .undo = end_with_device,
	};

	self->args = "refused";
	EXPECT_LT(1, fail_each(_metadata, self, &path));
}

TEST_F_TIMEOUT(faults, asking_for_the_most_that_was_used, 400)
{
	struct path path = {
		.name = "asking for the most that was used",
		.prepare = mount_extra, .attempt = try_most, .undo = end_most,
	};

	EXPECT_LT(1, fail_each(_metadata, self, &path));
}

/* ---- moving levels ---- */

static int try_move(FIXTURE_DATA(faults) *self)
{
	return put(&self->m, TMPFSWARN_WARN_USED, "12");
}

static int move_back(FIXTURE_DATA(faults) *self)
{
	return put(&self->m, TMPFSWARN_WARN_USED, "15");
}

TEST_F_TIMEOUT(faults, moving_a_level, 300)
{
	struct path path = {
		.name = "moving a level", .prepare = move_back, .attempt = try_move,
	};

	self->other = rfc_listen(&self->m);
	ASSERT_LE(0, self->other);
	EXPECT_LT(0, fail_each(_metadata, self, &path));
}

static int try_remount(FIXTURE_DATA(faults) *self)
{
	/* half of it is 12 from now on */
	return scratch_remount(&self->m, "nr_blocks=24");
}

static int remount_back(FIXTURE_DATA(faults) *self)
{
	int error = scratch_remount(&self->m, "nr_blocks=40");

	if (error)
		return error;
	/* what is 50 % may follow a moment later */
	return EVENTUALLY(trigger_number(&self->m, 1, "blocks") == 20) ? 0 : -ETIME;
}

TEST_F_TIMEOUT(faults, remounting, 300)
{
	struct path path = {
		.name = "remounting", .prepare = remount_back, .attempt = try_remount,
	};

	self->other = listen_to(&self->m, TMPFSWARN_USED_BYTES, "50% rising");
	ASSERT_LE(0, self->other);
	EXPECT_LT(0, fail_each(_metadata, self, &path));
}

/* ---- mounts that come and go ---- */

static int make_place(FIXTURE_DATA(faults) *self)
{
	snprintf(self->extra.path, sizeof(self->extra.path), "/tmp/tmpfswarn.XXXXXX");
	return mkdtemp(self->extra.path) ? 0 : -errno;
}

static int try_mount(FIXTURE_DATA(faults) *self)
{
	return mount("extra", self->extra.path, "tmpfs", 0, "nr_blocks=20") ? -errno : 0;
}

static int see_and_end(FIXTURE_DATA(faults) *self)
{
	int error = scratch_adopt(&self->extra, self->extra.path);

	return error ? error : end_another(self);
}

TEST_F_TIMEOUT(faults, mounting, 300)
{
	struct path path = {
		.name = "mounting", .prepare = make_place, .attempt = try_mount, .undo = see_and_end,
		.enospc = true,
	};

	EXPECT_LT(0, fail_each(_metadata, self, &path));
}

static int mount_and_listen(FIXTURE_DATA(faults) *self)
{
	int error = scratch_mount(&self->extra, "nr_blocks=20");

	if (!error)
		self->leaving = listen_to(&self->extra, TMPFSWARN_USED_BYTES, "50% rising");
	return error ? error : self->leaving < 0 ? self->leaving : 0;
}

static int try_umount(FIXTURE_DATA(faults) *self)
{
	return scratch_umount(&self->extra);
}

static int hear_farewell(FIXTURE_DATA(faults) *self)
{
	if (signals_soon(self->leaving, 1) != 1 || access(self->extra.dir, F_OK) == 0)
		return -ETIMEDOUT;
	close(self->leaving);
	scratch_end(&self->extra);
	return EVENTUALLY(stat_of("triggers") == 1) ? 0 : -ETIMEDOUT;
}

TEST_F_TIMEOUT(faults, umounting, 300)
{
	struct path path = {
		.name = "umounting", .prepare = mount_and_listen, .attempt = try_umount,
		.undo = hear_farewell,
	};

	/* that may well allocate nothing */
	fail_each(_metadata, self, &path);
}

/* ---- what is done by a worker ---- */

#define WORKERS	64

static int workers(int *fds)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int count = 0;

	while (dir && count < WORKERS && (entry = readdir(dir))) {
		char path[300], *comm;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		comm = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? slurp_path(path) : NULL;
		/* those not bound to a CPU */
		if (comm && !strncmp(comm, "kworker/u", 9)) {
			snprintf(path, sizeof(path), "/proc/%s/fail-nth", entry->d_name);
			fds[count] = open(path, O_RDWR | O_CLOEXEC);
			count += fds[count] >= 0;
		}
		free(comm);
	}
	if (dir)
		closedir(dir);
	return count;
}

/* by the module's functions */
static int filter_by_module(void)
{
	unsigned long start = -1UL, end = 0, address;
	FILE *symbols = fopen("/proc/kallsyms", "r");
	char line[256], type;

	while (symbols && fgets(line, sizeof(line), symbols)) {
		if (!strstr(line, "[" TMPFSWARN_NAME "]") ||
		    sscanf(line, "%lx %c", &address, &type) != 2 || (type != 't' && type != 'T'))
			continue;
		if (address < start)
			start = address;
		if (address > end)
			end = address;
	}
	if (symbols)
		fclose(symbols);
	return end ? set_filter("require", start, end + 4096) : ENOENT;
}

TEST_F_TIMEOUT(faults, showing_a_mount, 400)
{
	int fds[WORKERS], count, i, nth, reached, left, failed = 0;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	/* it says a thing once */
	close(self->efd);
	reload(_metadata);
	self->efd = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, self->efd);
	if (!self->probes_safe || filter_by_module())
		SKIP(return, NO_FILTER);
	for (nth = 1; nth < MOST; nth++) {
		count = workers(fds);
		ASSERT_LT(0, count);
		ASSERT_EQ(0, make_place(self));
		for (i = 0; i < count; i++)
			fail_from_now(fds[i], nth);
		/* that it could not be shown is not the concern of who mounts it */
		ASSERT_EQ(0, try_mount(self));
		EXPECT_EQ(0, scratch_adopt(&self->extra, self->extra.path))
			TH_LOG("never shown after allocation %d has failed", nth);
		for (i = 0, reached = 0, left = 0; i < count; i++) {
			int n = fail_no_more(fds[i]);

			reached += n == 0;
			left += n >= 0 && n < nth;
			close(fds[i]);
		}
		expect_told(_metadata, self);
		ASSERT_EQ(0, end_another(self));
		failed += reached;
		/* a worker that was not there before has done it: once more */
		if (!left)
			nth--;
		else if (!reached)
			break;
	}
	/* one that was just counting has written its count back */
	for (i = 0, count = workers(fds); i < count; i++) {
		fail_no_more(fds[i]);
		close(fds[i]);
	}
	set_filter("require", 0, -1UL);
	EXPECT_LT(0, failed);
	/* it says that once */
	EXPECT_EQ(1, in_log(self->mark, "not shown"));
	EXPECT_EQ(0, stat_of("mounts_hidden"));
	TH_LOG("showing a mount: %d allocations failed in turn", failed);
}

/* ---- loading and removing ---- */

TEST_F_TIMEOUT(faults, loading, 3000)
{
	/* each of them takes some seconds with the checkers */
	int nth, step = often(25, 1), error, left = 0, refused = 0;
	unsigned long start, end;
	char mark[96];

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	/* it calls the module's init function, so what fails is the module's, not the loader's */
	if (!self->probes_safe || !find_function("do_one_initcall", &start, &end) ||
	    set_filter("require", start, end))
		SKIP(return, NO_FILTER);
	close(self->efd);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	for (nth = 1; nth < MOST; nth += step) {
		snprintf(mark, sizeof(mark), "%s, allocation %d", self->mark, nth);
		ASSERT_EQ(0, write_text("/dev/kmsg", mark));
		fail_from_now(self->nth, nth);
		error = module_insert("");
		left = fail_no_more(self->nth);
		if (error) {
			refused++;
			ASSERT_EQ(0, left) TH_LOG("allocation %d: error %d", nth, error);
			/* mm/shmem.c has its own errno when it has no memory for an inode */
			EXPECT_TRUE(error == -ENOMEM || error == -ENODEV || error == -ENOSPC)
				TH_LOG("allocation %d: error %d", nth, error);
			EXPECT_NE(0, access(ROOM, F_OK));
			/* but for the one that says which hook it has, if it got so far */
			EXPECT_EQ(1, in_log(mark, "") - in_log(mark, "watching "))
				TH_LOG("allocation %d", nth);
			/* the next try, which takes long, is not made each time */
			if (refused % 16)
				continue;
			ASSERT_EQ(0, module_insert("")) TH_LOG("after allocation %d", nth);
		}
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m))) TH_LOG("allocation %d", nth);
		self->efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, self->efd);
		expect_told(_metadata, self);
		if (left)
			break;
		close(self->efd);
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	}
	EXPECT_LT(0, refused);
	/* it has come to the last of them */
	EXPECT_LT(0, left);
	TH_LOG("loading: every %d of %d allocations failed, %d times it was refused",
	       step, nth - left, refused);
}

static int try_remove(FIXTURE_DATA(faults) *self)
{
	return module_remove();
}

TEST_F_TIMEOUT(faults, removing, 300)
{
	int nth, error, left = 0;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	if (!self->probes_safe)
		SKIP(return, NO_FILTER);
	for (nth = 1; !left; nth++) {
		ASSERT_TRUE(EVENTUALLY(self->efd < 0 || stat_of("triggers") == 1));
		close(self->efd);
		ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
		fail_from_now(self->nth, nth);
		error = try_remove(self);
		left = fail_no_more(self->nth);
		EXPECT_EQ(0, error) TH_LOG("allocation %d", nth);
		if (error)
			ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		EXPECT_NE(0, access(ROOM, F_OK));
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
		self->efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, self->efd);
		expect_told(_metadata, self);
	}
	TH_LOG("removing: %d allocations failed in turn", nth - 2);
}

TEST_HARNESS_MAIN
