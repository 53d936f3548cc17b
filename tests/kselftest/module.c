// SPDX-License-Identifier: GPL-2.0
/* Loading and removing the module. Needs its file in TMPFSWARN_KO. */
#include "race.h"
#include "harness.h"

FIXTURE(module) {
	struct scratch m;
};

FIXTURE_SETUP(module)
{
	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
}

FIXTURE_TEARDOWN(module)
{
	scratch_end(&self->m);
	if (module_file() && access(ROOM, F_OK))
		module_insert("");
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define LISTEN(blocks, words) ({					\
	int _efd = listen_blocks(&self->m, blocks, words);		\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})
#define REMOVE()	ASSERT_EQ(0, module_remove())
#define INSERT() do {							\
	ASSERT_EQ(0, module_insert(""));				\
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));		\
} while (0)

TEST_F_TIMEOUT(module, removing_it_with_clients_registered_works_and_says_farewell, 120)
{
	int efd = LISTEN(10, "both"), rfc = rfc_listen(&self->m), i;

	ASSERT_LE(0, rfc);
	for (i = 0; i < 9; i++)
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", "50%"));
	USE(10);
	ASSERT_SIGNALS(efd, 1);
	REMOVE();
	/* no later than the return of delete_module(2) */
	EXPECT_EQ(10, signals(efd, 10));
	EXPECT_EQ(1, signals(rfc, 1));
	EXPECT_NE(0, access(ROOM, F_OK));
	USE(0);
	EXPECT_SIGNALS(efd, 0);
	INSERT();
	EXPECT_EQ(0, trigger_count(&self->m));
	USE(10);
	EXPECT_SIGNALS(efd, 0);
}

TEST_F_TIMEOUT(module, a_client_blocked_in_read_finds_the_directory_gone, 120)
{
	char path[160];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/cgroup.event_control", self->m.dir);
	child = fork();
	if (child == 0) {
		int efd = eventfd(0, 0);
		uint64_t count;

		control(&self->m, efd, "used_bytes", "1%");
		if (read(efd, &count, 8) != 8 || count != 1)
			_exit(1);
		_exit(access(path, F_OK) == -1 && errno == ENOENT ? 0 : 2);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	/* the client may still be closing the file that it has written to */
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F_TIMEOUT(module, signals_not_yet_read_are_kept_when_it_is_removed, 120)
{
	int efd = LISTEN(10, "both");

	USE(10);
	USE(0);
	REMOVE();
	EXPECT_SIGNALS_SOON(efd, 3);
}

TEST_F_TIMEOUT(module, an_eventfd_closed_after_it_was_removed_does_no_harm, 120)
{
	int efd = LISTEN(10, ""), again, i;

	for (i = 0; i < 8; i++) {
		again = LISTEN(10, "");
		REMOVE();
		close(again);
		INSERT();
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", "50%"));
	}
	USE(500);
	EXPECT_LE(1, signals(efd, 9));
}

/*
 * A debugfs file that is open holds the module, as any file of any module
 * does: it cannot be removed, and nothing has happened to anybody.
 */
TEST_F_TIMEOUT(module, an_open_file_of_it_either_holds_it_or_outlives_it, 120)
{
	char path[160], text[64];
	int fd, efd = LISTEN(10, "rising"), error;

	snprintf(path, sizeof(path), "%s/used_bytes", self->m.dir);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	error = module_remove();
	if (error) {
		EXPECT_TRUE(error == -EAGAIN || error == -EWOULDBLOCK || error == -EBUSY);
		EXPECT_SIGNALS(efd, 0);
		EXPECT_EQ(1, trigger_count(&self->m));
		USE(10);
		EXPECT_SIGNALS(efd, 1);
		close(fd);
		REMOVE();
		EXPECT_SIGNALS_SOON(efd, 1);
	} else {
		EXPECT_SIGNALS_SOON(efd, 1);
		EXPECT_EQ(-1, pread(fd, text, sizeof(text), 0));
		close(fd);
	}
}

TEST_F_TIMEOUT(module, mounts_that_are_there_are_found_when_it_is_loaded, 120)
{
	struct scratch more[5];
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, scratch_mount(&more[i], "nr_blocks=100"));
	USE(10);
	REMOVE();
	/* some usage it did not see come */
	USE(200);
	ASSERT_EQ(0, module_insert(""));
	/* they are there when the module is */
	ASSERT_TRUE(scratch_shown(&self->m));
	EXPECT_EQ(200 * self->m.block, usage_of(&self->m, "used"));
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(scratch_shown(&more[i]));
		scratch_end(&more[i]);
	}
	i = LISTEN(200, "both");
	USE(199);
	EXPECT_SIGNALS(i, 1);
}

TEST_F_TIMEOUT(module, it_can_be_removed_and_loaded_while_others_write, 180)
{
	int status, i, efd;
	pid_t child[2];

	for (i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			char name[16];
			int fd;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			snprintf(name, sizeof(name), "f%d", i);
			fd = open(scratch_path(&self->m, name), O_RDWR | O_CREAT, 0600);
			while (append_blocks(fd, &self->m, 20) == 0 && ftruncate(fd, 0) == 0)
				lseek(fd, 0, SEEK_SET);
			_exit(1);
		}
	}
	/* patching the kernel takes its time while all CPUs are busy */
	for (i = 0; i < often(2, 3); i++) {
		efd = LISTEN(10, "both");
		REMOVE();
		INSERT();
		close(efd);
	}
	for (i = 0; i < 2; i++) {
		kill(child[i], SIGKILL);
		waitpid(child[i], &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	ASSERT_TRUE(EVENTUALLY(scratch_used(&self->m) <= 40));
	efd = LISTEN(500, "both");
	USE(500);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F_TIMEOUT(module, it_can_be_removed_and_loaded_while_others_mount_and_register, 180)
{
	int status, i;
	pid_t child[2];

	for (i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) {
				char path[64] = "/tmp/tmpfswarn.XXXXXX";
				struct scratch m;
				struct stat st;

				if (!mkdtemp(path) || mount("s", path, "tmpfs", 0, "nr_blocks=9"))
					_exit(1);
				stat(path, &st);
				m.block = 4096;
				snprintf(m.dir, sizeof(m.dir), ROOM "/%u:%u",
					 major(st.st_dev), minor(st.st_dev));
				/* may come too early or too late: only that it ends well */
				close(listen_blocks(&m, 1, "both now"));
				umount2(path, MNT_DETACH);
				rmdir(path);
			}
		}
	}
	for (i = 0; i < often(3, 8); i++) {
		/* a debugfs file open just now may hold the module */
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		INSERT();
	}
	for (i = 0; i < 2; i++) {
		kill(child[i], SIGKILL);
		waitpid(child[i], &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
}

TEST_F_TIMEOUT(module, a_mount_that_goes_while_it_is_removed_says_one_farewell, 120)
{
	int efd, i, status;
	pid_t child;

	for (i = 0; i < 8; i++) {
		efd = LISTEN(10, "both");
		child = fork();
		if (child == 0)
			_exit(umount2(self->m.path, 0) ? 1 : 0);
		REMOVE();
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, status);
		ASSERT_SIGNALS_SOON(efd, 1);
		close(efd);
		rmdir(self->m.path);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
}

TEST_F_TIMEOUT(module, a_second_copy_is_refused, 120)
{
	EXPECT_EQ(-EEXIST, module_insert(""));
	EXPECT_TRUE(scratch_shown(&self->m));
}

TEST_F_TIMEOUT(module, a_hook_that_cannot_fire_is_refused_with_a_line_that_says_so, 120)
{
	static const char enabled[] = "/sys/kernel/debug/kprobes/enabled";
	char mark[64];
	int efd;

	REMOVE();
	snprintf(mark, sizeof(mark), "module test %d without kprobes", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", mark));
	ASSERT_EQ(0, write_text(enabled, "0"));
	EXPECT_GT(0, module_insert("hook=kprobe"));
	ASSERT_EQ(0, write_text(enabled, "1"));
	EXPECT_LT(0, in_log(mark, "kprobes are switched off"));
	EXPECT_NE(0, access(ROOM, F_OK));
	INSERT();
	efd = LISTEN(10, "");
	USE(10);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F_TIMEOUT(module, each_kind_of_hook_works_or_is_refused_with_a_line_that_says_so, 120)
{
	static const char *const kinds[] = { "kprobe", "ftrace" };
	char parameter[64], mark[64], kind[64];
	unsigned int i;
	int efd, err;

	for (i = 0; i < 2; i++) {
		REMOVE();
		snprintf(mark, sizeof(mark), "module test %d kind %s", getpid(), kinds[i]);
		ASSERT_EQ(0, write_text("/dev/kmsg", mark));
		snprintf(parameter, sizeof(parameter), "hook=%s", kinds[i]);
		err = module_insert(parameter);
		if (err) {
			/* a kprobe there is everywhere */
			EXPECT_NE(0, i);
			EXPECT_LT(0, in_log(mark, "shmem_recalc_inode (ftrace)"));
			EXPECT_LT(0, in_log(mark, "cannot be probed"));
			INSERT();
			ASSERT_TRUE(value_in(ROOM "/stats", "hook_kind", kind, sizeof(kind)));
			EXPECT_STREQ("kprobe", kind);
			continue;
		}
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
		ASSERT_TRUE(value_in(ROOM "/stats", "hook_kind", kind, sizeof(kind)));
		EXPECT_STREQ(kinds[i], kind);
		efd = LISTEN(10, "");
		USE(10);
		EXPECT_SIGNALS(efd, 1);
		USE(0);
		EXPECT_SIGNALS(efd, 1);
		close(efd);
	}
}

TEST_F_TIMEOUT(module, an_unknown_kind_of_hook_is_refused_with_a_line_that_names_it, 120)
{
	char mark[64];

	REMOVE();
	snprintf(mark, sizeof(mark), "module test %d unknown kind", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", mark));
	EXPECT_EQ(-EINVAL, module_insert("hook=uprobe"));
	EXPECT_LT(0, in_log(mark, "uprobe"));
	EXPECT_LT(0, in_log(mark, "give auto, ftrace or kprobe"));
	INSERT();
}

TEST_F_TIMEOUT(module, ftrace_cannot_be_switched_off_under_it, 120)
{
	static const char enabled[] = "/proc/sys/kernel/ftrace_enabled";
	int efd, err;

	if (access(enabled, F_OK))
		SKIP(return, "the kernel has no ftrace");
	efd = LISTEN(10, "");
	err = write_text(enabled, "0");
	if (err == EOPNOTSUPP)
		SKIP(return, "the kernel does not let ftrace be switched off at all");
	EXPECT_EQ(EBUSY, err);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	REMOVE();
	EXPECT_EQ(0, write_text(enabled, "0"));
	EXPECT_GT(0, module_insert(""));
	EXPECT_EQ(0, write_text(enabled, "1"));
	INSERT();
}

TEST_F_TIMEOUT(module, a_symbol_that_is_no_hook_is_refused_with_a_line_that_names_it, 120)
{
	static const char *const symbols[] = {
		"shmem_no_such_function", "shmem_statfs", "vfs_write",
	};
	char parameter[64], mark[64];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		REMOVE();
		snprintf(mark, sizeof(mark), "module test %d mark %u", getpid(), i);
		ASSERT_EQ(0, write_text("/dev/kmsg", mark));
		snprintf(parameter, sizeof(parameter), "hook_symbol=%s", symbols[i]);
		EXPECT_GT(0, module_insert(parameter)) TH_LOG("%s", symbols[i]);
		EXPECT_LT(0, in_log(mark, symbols[i])) TH_LOG("%s", symbols[i]);
		EXPECT_NE(0, access(ROOM, F_OK));
		/* nothing of it is left in the way */
		USE(10);
		USE(0);
		module_remove();
		INSERT();
	}
	i = LISTEN(10, "");
	USE(10);
	EXPECT_SIGNALS(i, 1);
}

TEST_HARNESS_MAIN
