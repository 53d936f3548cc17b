// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of the kernel that fail while the module is loaded: the first, the
 * second, ... of a function, until there is none left to; and some while it is
 * asked for something; and some that take long. Needs failer.ko (see failer/failer.c), made for the
 * running kernel, beside this program, and the module's file in TMPFSWARN_KO.
 */
#include "scratch.h"
#include "harness.h"

#include <stdatomic.h>

#define NTH	"/sys/module/failer/parameters/nth"

/* more than there are of any */
#define MOST	10000

/* of the calls of a function these fail in any case; after them each tenth, or each with EACH */
#define FIRST	6

FIXTURE(calls) {
	struct scratch m;
	const char *function;	/* that is probed, or NULL */
};

FIXTURE_VARIANT(calls) {
	/* one of these; the name that newer or older kernels have for the rest */
	const char *function[4];
	long value;
	/* some way, if not the preferred one, is left without it */
	bool optional;
	/* it is for a mount, which is shown later */
	bool later;
};

#define CALLS(name, ...) FIXTURE_VARIANT_ADD(calls, name) { __VA_ARGS__ }

CALLS(alloc_workqueue, .function = { "alloc_workqueue_noprof", "alloc_workqueue" });
CALLS(cpuhp_setup_state, .function = { "__cpuhp_setup_state" }, .value = -EINVAL);
CALLS(get_fs_type, .function = { "get_fs_type" }, .optional = true);
CALLS(ftrace_set_filter_ip, .function = { "ftrace_set_filter_ip" }, .value = -EINVAL, .optional = true);
CALLS(register_ftrace_function, .function = { "register_ftrace_function" },
      .value = -EBUSY, .optional = true);
CALLS(register_kprobe, .function = { "register_kprobe" }, .value = -EINVAL, .optional = true);
CALLS(register_kretprobe, .function = { "register_kretprobe" },
      .value = -EINVAL, .optional = true);
CALLS(enable_kprobe, .function = { "enable_kprobe" }, .value = -EBUSY, .optional = true);
CALLS(vfs_kern_mount, .function = { "vfs_kern_mount" }, .value = -ENOMEM, .optional = true);
CALLS(file_open_root, .function = { "file_open_root" }, .value = -ENFILE, .optional = true);
CALLS(kernel_write, .function = { "kernel_write" }, .value = -ENOSPC, .optional = true);
CALLS(vfs_statfs, .function = { "vfs_statfs" }, .value = -EIO, .optional = true);
CALLS(vfs_truncate, .function = { "vfs_truncate" }, .value = -EIO, .optional = true);
/* these do nothing, and say that they have */
CALLS(kernel_write_in_vain, .function = { "kernel_write" }, .value = 1, .optional = true);
CALLS(vfs_truncate_in_vain, .function = { "vfs_truncate" }, .value = 0, .optional = true);
CALLS(enable_kprobe_in_vain, .function = { "enable_kprobe" }, .value = 0, .optional = true);
/* what is only tested is done without */
CALLS(d_alloc_name, .function = { "d_alloc_name" }, .value = 0, .optional = true);
CALLS(mknod, .function = { "shmem_mknod" }, .value = -ENOSPC, .optional = true);
CALLS(link, .function = { "shmem_link" }, .value = -ENOSPC, .optional = true);
CALLS(setxattr, .function = { "__vfs_setxattr" }, .value = -ENOSPC, .optional = true);
CALLS(setxattr_in_vain, .function = { "__vfs_setxattr" }, .value = 0, .optional = true);
CALLS(removexattr, .function = { "__vfs_removexattr" }, .value = -EIO, .optional = true);
CALLS(removexattr_in_vain, .function = { "__vfs_removexattr" }, .value = 0, .optional = true);
CALLS(vfs_fallocate, .function = { "vfs_fallocate" }, .value = -EIO, .optional = true);
CALLS(vfs_fallocate_in_vain, .function = { "vfs_fallocate" }, .value = 0, .optional = true);
CALLS(task_work_add, .function = { "task_work_add" }, .value = -ESRCH, .optional = true);
CALLS(alloc_percpu, .function = { "pcpu_alloc_noprof", "__alloc_percpu_gfp" }, .optional = true);
CALLS(alloc_chrdev_region, .function = { "alloc_chrdev_region" }, .value = -EBUSY);
CALLS(class_register, .function = { "class_register", "__class_register" }, .value = -ENOMEM);
CALLS(cdev_add, .function = { "cdev_add" }, .value = -ENOMEM);
CALLS(device_create, .function = { "device_create" }, .value = -ENOMEM);
CALLS(debugfs_create_dir, .function = { "debugfs_create_dir" }, .value = -ENOMEM, .later = true);
CALLS(debugfs_create_file, .function = { "debugfs_create_file_full", "debugfs_create_file" },
      .value = -ENOMEM, .later = true);
CALLS(debugfs_create_file_unsafe, .function = { "debugfs_create_file_unsafe" },
      .value = -ENOMEM, .later = true);
CALLS(debugfs_rename, .function = { "debugfs_change_name", "debugfs_rename" },
      .value = -ENOMEM, .later = true);

/* failer.ko lies where this program does */
static int insert_failer_with(const char *parameters)
{
	char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int fd, error;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "failer.ko");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return error;
}

static int insert_failer(const char *function, long value)
{
	char parameters[128];

	snprintf(parameters, sizeof(parameters), "function=%s value=%ld", function, value);
	return insert_failer_with(parameters);
}

static int remove_failer(void)
{
	return syscall(SYS_delete_module, "failer", O_NONBLOCK) ? -errno : 0;
}

/* of all fixtures: the module is loaded again */
static void tear_down(struct __test_metadata *_metadata, struct scratch *m, bool inserted)
{
	if (inserted)
		EXPECT_EQ(0, remove_failer());
	scratch_end(m);
	if (module_file() && access(ROOM, F_OK))
		module_insert("");
}

static void fail_from_now(int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	if (write_text(NTH, text))
		abort();
}

/* how many calls it is away from that, 0 if it was reached */
static int calls_left(void)
{
	char *text = slurp_path(NTH);
	int left = text ? atoi(text) : -1;

	free(text);
	return left;
}

/* no more */
static int fail_no_more(void)
{
	int left = calls_left();

	fail_from_now(0);
	return left;
}

FIXTURE_SETUP(calls)
{
	int i, error = -ENOENT;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	for (i = 0; error == -ENOENT && i < 4 && variant->function[i]; i++)
		error = insert_failer(variant->function[i], variant->value);
	if (error == -ENOENT)
		SKIP(return, "no failer.ko, or the kernel has no such function");
	if (error == -EINVAL || error == -EILSEQ)
		SKIP(return, "the kernel does not let that function be probed");
	ASSERT_EQ(0, error);
	self->function = variant->function[i - 1];
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=20"));
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
}

FIXTURE_TEARDOWN(calls)
{
	tear_down(_metadata, &self->m, self->function);
}

static bool mentions(const char *path, const char *word)
{
	char *text = slurp_path(path);
	bool found = text && strstr(text, word);

	free(text);
	return found;
}

/* whether a function of mm/shmem.c is listed, but for the one that fails */
static bool lists(const char *path, const char *but)
{
	char *text = slurp_path(path), *rest = text, *line;
	bool found = false;

	while ((line = strsep(&rest, "\n")))
		found = found || (strstr(line, "shmem_") && !strstr(line, but));
	free(text);
	return found;
}

static void expect_nothing_left(struct __test_metadata *_metadata, const char *function)
{
	EXPECT_NE(0, access(ROOM, F_OK));
	EXPECT_NE(0, access("/sys/module/" TMPFSWARN_NAME, F_OK));
	EXPECT_FALSE(lists("/sys/kernel/debug/kprobes/list", function));
	EXPECT_FALSE(lists("/sys/kernel/debug/tracing/enabled_functions", function));
	EXPECT_FALSE(mentions("/proc/kallsyms", "[" TMPFSWARN_NAME "]"));
}

static void expect_it_works(struct __test_metadata *_metadata, const struct scratch *m)
{
	int efd;

	ASSERT_TRUE(EVENTUALLY(scratch_shown(m)));
	efd = listen_blocks(m, 10, "both");
	ASSERT_LE(0, efd);
	ASSERT_EQ(0, scratch_use(m, 10));
	EXPECT_SIGNALS(efd, 1);
	ASSERT_EQ(0, scratch_use(m, 0));
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(0, stat_of("mounts_hidden"));
	close(efd);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
}

TEST_F_TIMEOUT(calls, one_that_fails_is_told_of_and_leaves_nothing_behind, 600)
{
	int nth, error, left = 0, tries = 0, refused = 0;
	char mark[64];

	for (nth = 1; !left && nth < MOST; nth += nth < FIRST ? 1 : often(10, 1), tries++) {
		snprintf(mark, sizeof(mark), "calls test %d, call %d", getpid(), nth);
		ASSERT_EQ(0, write_text("/dev/kmsg", mark));
		fail_from_now(nth);
		error = module_insert("");
		left = fail_no_more();
		if (error) {
			refused++;
			EXPECT_EQ(0, left);
			/* but for the one that says which hook it has, if it got so far */
			EXPECT_EQ(1, in_log(mark, "") - in_log(mark, "watching "))
				TH_LOG("call %d, error %d", nth, error);
			expect_nothing_left(_metadata, self->function);
			/* the last one is loaded after all of these */
			continue;
		}
		if (!left) {
			EXPECT_TRUE(variant->optional || variant->later) TH_LOG("call %d", nth);
			if (variant->later)
				EXPECT_EQ(1, in_log(mark, "not shown")) TH_LOG("call %d", nth);
		}
		expect_it_works(_metadata, &self->m);
		expect_nothing_left(_metadata, self->function);
	}
	/* the last one had none left to fail */
	TH_LOG("%s: %d calls failed in turn, %d times loading was refused", self->function,
	       tries - 1, refused);
}

/* ---- while an eventfd is registered ---- */

FIXTURE(registering) {
	struct scratch m;
	bool by_ftrace;
	bool inserted;
};

FIXTURE_VARIANT(registering) {
	const char *by_ftrace, *by_kprobe;	/* the function, with that kind of hook */
	int nth;		/* which call of it fails; by kprobe the first */
	bool frees_elsewhere;	/* that is for a hook which sees frees in another function */
	long value;
	int error;		/* what the registration fails with */
	const char *says;	/* what is then in the log, or NULL */
};

FIXTURE_VARIANT_ADD(registering, arming_without_memory) {
	.by_ftrace = "ftrace_set_filter_ip", .by_kprobe = "enable_kprobe", .nth = 1,
	.value = -ENOMEM, .error = -ENOMEM,
};

/* the first is that for frees, which does without the redirection if it has to */
FIXTURE_VARIANT_ADD(registering, arming) {
	.by_ftrace = "ftrace_set_filter_ip", .by_kprobe = "enable_kprobe", .nth = 2,
	.frees_elsewhere = true,
	.value = -EBUSY, .error = -EIO, .says = "cannot arm the probe of ",
};

FIXTURE_VARIANT_ADD(registering, eventfd) {
	.by_ftrace = "eventfd_ctx_fileget", .by_kprobe = "eventfd_ctx_fileget", .nth = 1,
	.value = -EMFILE, .error = -EMFILE,
};

FIXTURE_SETUP(registering)
{
	char kind[32] = "", hook[64] = "", hook_free[64] = "";
	int error;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	value_in(ROOM "/" TMPFSWARN_STATS, "hook", hook, sizeof(hook));
	value_in(ROOM "/" TMPFSWARN_STATS, "hook_free", hook_free, sizeof(hook_free));
	if (variant->frees_elsewhere && !strcmp(hook, hook_free))
		SKIP(return, "one function is probed for both");
	value_in(ROOM "/" TMPFSWARN_STATS, "hook_kind", kind, sizeof(kind));
	self->by_ftrace = !strcmp(kind, "ftrace");
	error = insert_failer(self->by_ftrace ? variant->by_ftrace : variant->by_kprobe,
			      variant->value);
	if (error == -ENOENT)
		SKIP(return, "no failer.ko, or the kernel has no such function");
	if (error == -EINVAL || error == -EILSEQ)
		SKIP(return, "the kernel does not let that function be probed");
	ASSERT_EQ(0, error);
	self->inserted = true;
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=20"));
	/* it knows the module from when that is loaded */
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert(""));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	/* it was while the module was loaded */
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
}

FIXTURE_TEARDOWN(registering)
{
	tear_down(_metadata, &self->m, self->inserted);
}

TEST_F(registering, a_call_that_fails_refuses_it_and_the_next_try_works)
{
	char mark[64];
	int efd;

	snprintf(mark, sizeof(mark), "calls test %d", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", mark));
	/* by kprobe it is that of allocations, or that of frees where they are not redirected */
	fail_from_now(self->by_ftrace ? variant->nth : 1);
	EXPECT_EQ(variant->error, listen_blocks(&self->m, 10, "both"));
	EXPECT_EQ(0, fail_no_more());
	EXPECT_EQ(variant->says ? 1 : 0, in_log(mark, variant->says ? variant->says : ""));
	EXPECT_EQ(0, trigger_count(&self->m));
	/* what was armed for it alone is disarmed a moment later */
	EXPECT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	efd = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, efd);
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(efd, 1);
	close(efd);
}

/* ---- a livepatch of the function that frees ---- */

FIXTURE(livepatch) {
	struct scratch m;
	char parameters[128];
};

/* how frees are seen */
static bool free_kind_is(const char *kind)
{
	char value[32] = "";

	value_in(ROOM "/" TMPFSWARN_STATS, "hook_free_kind", value, sizeof(value));
	return !strcmp(kind, value);
}

FIXTURE_SETUP(livepatch)
{
	char function[64];

	if (!free_kind_is("redirect"))
		SKIP(return, "nothing is redirected here");
	ASSERT_TRUE(value_in(ROOM "/" TMPFSWARN_STATS, "hook_free", function, sizeof(function)));
	snprintf(self->parameters, sizeof(self->parameters), "livepatch=1 function=%s", function);
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=200"));
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
}

FIXTURE_TEARDOWN(livepatch)
{
	remove_failer();
	scratch_end(&self->m);
}

/* Up over the level of 100 blocks and down: the use at which that was told wrongly, or 0. */
static int told_wrongly_at(const struct scratch *m, int efd)
{
	int i, used, told;

	for (i = 0; i < 40; i++) {
		used = i < 20 ? 90 + i : 129 - i;
		told = i == 10 || i == 30;
		if (scratch_use(m, used) || signals(efd, told) != told)
			return used;
	}
	return 0;
}

TEST_F(livepatch, one_that_was_first_leaves_frees_to_be_seen_without_redirection)
{
	int efd = insert_failer_with(self->parameters);

	if (efd == -ENOENT)
		SKIP(return, "no failer.ko");
	ASSERT_EQ(0, efd);
	efd = listen_blocks(&self->m, 100, "both");
	ASSERT_LE(0, efd);
	EXPECT_FALSE(free_kind_is("redirect"));
	EXPECT_EQ(0, told_wrongly_at(&self->m, efd));
	EXPECT_EQ(0, remove_failer());
	EXPECT_EQ(0, told_wrongly_at(&self->m, efd));
	close(efd);

	/* the next time it can be had again */
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	efd = listen_blocks(&self->m, 100, "both");
	EXPECT_TRUE(free_kind_is("redirect"));
	EXPECT_EQ(0, told_wrongly_at(&self->m, efd));
	close(efd);
}

TEST_F(livepatch, one_that_comes_later_is_refused_and_can_be_had_when_nothing_is_registered)
{
	int efd = listen_blocks(&self->m, 100, "both"), error;

	ASSERT_LE(0, efd);
	error = insert_failer_with(self->parameters);
	if (error == -ENOENT)
		SKIP(return, "no failer.ko");
	EXPECT_EQ(-EBUSY, error);
	EXPECT_TRUE(free_kind_is("redirect"));
	EXPECT_EQ(0, told_wrongly_at(&self->m, efd));
	close(efd);
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	EXPECT_EQ(0, insert_failer_with(self->parameters));
	EXPECT_EQ(0, remove_failer());
}

/* ---- who sleeps in the function that frees ---- */

FIXTURE(asleep) {
	struct scratch m;
	pthread_t thread;
	char *path;
	bool inserted;
	atomic_bool out;
};

FIXTURE_SETUP(asleep)
{
	int error;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	if (!free_kind_is("redirect"))
		SKIP(return, "nothing is redirected here");
	/* longer than the end of the module takes */
	error = insert_failer_with("function=__dquot_free_space sleep=6000");
	if (error == -ENOENT)
		SKIP(return, "no failer.ko, or the kernel has no quotas");
	ASSERT_EQ(0, error);
	self->inserted = true;
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=200"));
}

FIXTURE_TEARDOWN(asleep)
{
	tear_down(_metadata, &self->m, self->inserted);
}

static void *truncate_file(void *arg)
{
	FIXTURE_DATA(asleep) *self = arg;
	long error = truncate(self->path, 0) ? errno : 0;

	self->out = true;
	return (void *)error;
}

/* to be preempted there is another thing: unregister_ftrace_function() waits for who is */
TEST_F_TIMEOUT(asleep, the_module_goes_when_nobody_sleeps_there_any_more, 120)
{
	int efd = listen_blocks(&self->m, 10, "both");
	void *error;

	ASSERT_LE(0, efd);
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	ASSERT_SIGNALS(efd, 1);
	self->path = strdup(scratch_path(&self->m, "filler"));
	fail_from_now(1);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, truncate_file, self));
	if (!EVENTUALLY(calls_left() == 0 || self->out) || calls_left())
		SKIP(goto out, "the kernel frees blocks without a look at quotas");
	ASSERT_FALSE(self->out);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	EXPECT_TRUE(self->out);
out:
	fail_no_more();
	pthread_join(self->thread, &error);
	EXPECT_EQ(NULL, error);
	free(self->path);
	close(efd);
}

/* ---- an end that takes long ---- */

FIXTURE(ending) {
	struct scratch m;
	bool inserted;
};

FIXTURE_SETUP(ending)
{
	int error;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	/* of what a trigger's end calls one of the last, and longer than the end of the module takes */
	error = insert_failer_with("function=put_pid sleep=6000 own=1");
	if (error == -ENOENT)
		SKIP(return, "no failer.ko");
	ASSERT_EQ(0, error);
	self->inserted = true;
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=20"));
	/* it knows the module from when that is loaded */
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert(""));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
}

FIXTURE_TEARDOWN(ending)
{
	tear_down(_metadata, &self->m, self->inserted);
}

TEST_F_TIMEOUT(ending, the_module_goes_when_the_last_trigger_has_ended, 120)
{
	int efd = listen_blocks(&self->m, 10, "both");
	long long begin = now_ms();

	ASSERT_LE(0, efd);
	fail_from_now(1);
	close(efd);
	ASSERT_TRUE(EVENTUALLY(calls_left() == 0));
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	EXPECT_LE(begin + 6000, now_ms());
	expect_nothing_left(_metadata, "put_pid");
}

TEST_HARNESS_MAIN
