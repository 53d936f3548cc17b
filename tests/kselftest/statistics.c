// SPDX-License-Identifier: GPL-2.0
/* What `stats` says, and that nothing is armed while nobody listens. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "scratch.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

#define STATS	ROOM "/" TMPFSWARN_STATS

TEST_F(mount, stats_has_the_keys_of_the_contract)
{
	static const char *const numbers[] = {
		"armed", "armings", "mounts", "mounts_hidden", "triggers", "crossings", "signals", "missed",
		"resyncs", "deferrals",
	};
	static const char *const words[] = {
		"version", "hook", "hook_kind", "hook_free", "hook_free_kind", "hook_shrink",
		"hook_refused",
	};
	char value[128];
	unsigned int i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		EXPECT_LE(0, stat_of(numbers[i])) TH_LOG("%s", numbers[i]);
	}
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		ASSERT_TRUE(value_in(STATS, words[i], value, sizeof(value)))
			TH_LOG("%s", words[i]);
		EXPECT_NE('\0', value[0]) TH_LOG("%s", words[i]);
	}
}

static bool kernel_has(const char *symbol)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], name[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %255s", name) == 1 && !strcmp(name, symbol);
	if (f)
		fclose(f);
	return found;
}

TEST_F(mount, the_hook_is_a_function_of_this_kernel)
{
	char symbol[128];

	ASSERT_TRUE(value_in(STATS, "hook", symbol, sizeof(symbol)));
	symbol[strcspn(symbol, " +")] = '\0';
	EXPECT_EQ(0, strncmp(symbol, "shmem_", 6)) TH_LOG("%s", symbol);
	EXPECT_TRUE(kernel_has(symbol)) TH_LOG("%s", symbol);
}

TEST_F(mount, calls_are_deferred_where_the_kernel_has_what_that_needs)
{
	char symbol[128];

	ASSERT_TRUE(value_in(STATS, "hook_shrink", symbol, sizeof(symbol)));
	if (!kernel_has("shmem_unused_huge_shrink") || !kernel_has("__ksymtab_task_work_add"))
		SKIP(return, "it has not");
	EXPECT_STREQ("shmem_unused_huge_shrink", symbol);
}

TEST_F(mount, registrations_are_counted_and_counted_off)
{
	long long before = stat_of("triggers");
	int first = listen_blocks(&self->m, 10, ""), second = rfc_listen(&self->m);

	ASSERT_LE(0, first);
	ASSERT_LE(0, second);
	EXPECT_EQ(before + 2, stat_of("triggers"));
	close(first);
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == before + 1));
	close(second);
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == before));
	ASSERT_LE(0, listen_blocks(&self->m, 10, ""));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == before));
}

TEST_F(mount, crossings_and_signals_are_counted)
{
	long long crossings = stat_of("crossings"), signalled = stat_of("signals");
	int efd = listen_blocks(&self->m, 10, "both"), i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, scratch_use(&self->m, 10));
		ASSERT_EQ(0, scratch_use(&self->m, 0));
	}
	EXPECT_SIGNALS(efd, 20);
	EXPECT_EQ(crossings + 20, stat_of("crossings"));
	EXPECT_EQ(signalled + 20, stat_of("signals"));
	EXPECT_EQ(20, trigger_number(&self->m, 0, "fired"));
	/* the farewell is a signal and no crossing */
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_TRUE(EVENTUALLY(stat_of("signals") == signalled + 21));
	EXPECT_EQ(crossings + 20, stat_of("crossings"));
}

/*
 * True if the kernel itself lists the symbol as probed: by an enabled kprobe, or
 * in what ftrace calls back for, be it for a kprobe or for a callback of its own.
 */
static bool probed(const char *symbol)
{
	static const char *const lists[] = {
		"/sys/kernel/debug/kprobes/list",
		"/sys/kernel/debug/tracing/enabled_functions",
	};
	bool found = false;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		char *text = slurp_path(lists[i]), *line, *rest;

		for (line = text ? strtok_r(text, "\n", &rest) : NULL; line;
		     line = strtok_r(NULL, "\n", &rest)) {
			char name[128] = "";

			sscanf(line, i ? "%127s" : "%*s %*s %127s", name);
			name[strcspn(name, "+")] = '\0';
			if (strcmp(name, symbol) == 0 && !strstr(line, "[DISABLED]"))
				found = true;
		}
		free(text);
	}
	return found;
}

TEST_F(mount, nothing_is_armed_while_nobody_listens)
{
	char hook[128], hook_free[128];
	int efd;

	if (stat_of("triggers"))
		SKIP(return, "somebody else has triggers on this machine");
	ASSERT_TRUE(value_in(STATS, "hook", hook, sizeof(hook)));
	ASSERT_TRUE(value_in(STATS, "hook_free", hook_free, sizeof(hook_free)));
	hook[strcspn(hook, " +")] = '\0';
	hook_free[strcspn(hook_free, " +")] = '\0';
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	EXPECT_FALSE(probed(hook));
	EXPECT_FALSE(probed(hook_free));

	efd = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, efd);
	EXPECT_EQ(1, stat_of("armed"));
	if (access("/sys/kernel/debug/kprobes/list", R_OK) == 0)
		EXPECT_TRUE(probed(hook));
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(efd, 1);

	close(efd);
	EXPECT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	EXPECT_FALSE(probed(hook));
	EXPECT_FALSE(probed(hook_free));
}

TEST_F(mount, who_registers_and_closes_in_a_loop_has_the_kernel_patched_once_a_second)
{
	long long armings, begin;
	int i, efd;

	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	armings = stat_of("armings");
	begin = now_ms();
	for (i = 0; i < 1000 && now_ms() < begin + 3000; i++) {
		efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, efd);
		close(efd);
		/* longer than the end of a trigger takes, shorter than a second */
		usleep(i % 10 * 90000);
	}
	EXPECT_LE(stat_of("armings") - armings, 1 + (now_ms() - begin) / 1000);
	EXPECT_LT(armings, stat_of("armings"));
}

static atomic_bool enough;

/* Long system calls one after the other, in which the task is not seen outside of the kernel. */
static void *stay_inside(void *arg)
{
	static char buffer[1 << 20];
	struct iovec part[256];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), i;

	for (i = 0; i < 256; i++)
		part[i] = (struct iovec){ buffer, sizeof(buffer) };
	while (!enough && readv(fd, part, 256) > 0)
		;
	close(fd);
	return NULL;
}

/*
 * To take a probe away for good the kernel waits until each task has been seen outside of traced
 * code. Nobody who registers waits for that, nor for another who has begun to.
 */
TEST_F_TIMEOUT(mount, registering_waits_for_no_task_that_stays_in_the_kernel, 120)
{
	long long begun, alone;
	pthread_t task;
	int i, efd;

	/* patching the text takes a busy machine half a second where the checkers are built in */
	begun = now_ms();
	efd = listen_blocks(&self->m, 10, "both");
	alone = now_ms() - begun;
	ASSERT_LE(0, efd);
	close(efd);
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));

	enough = false;
	ASSERT_EQ(0, pthread_create(&task, NULL, stay_inside, NULL));
	for (i = 0; i < 5; i++) {
		begun = now_ms();
		efd = listen_blocks(&self->m, 10, "both");
		EXPECT_GT(500 + 4 * alone, now_ms() - begun) TH_LOG("time %d", i);
		ASSERT_LE(0, efd);
		ASSERT_EQ(0, scratch_use(&self->m, 10));
		EXPECT_SIGNALS(efd, 1);
		ASSERT_EQ(0, scratch_use(&self->m, 0));
		EXPECT_SIGNALS(efd, 1);
		close(efd);
		/* amid the disarming, before and after */
		usleep((800 + 100 * i) * 1000);
	}
	enough = true;
	pthread_join(task, NULL);
}

TEST_F(mount, it_is_disarmed_when_the_last_mount_with_triggers_goes)
{
	int efd;

	if (stat_of("triggers"))
		SKIP(return, "somebody else has triggers on this machine");
	efd = listen_blocks(&self->m, 10, "");
	ASSERT_LE(0, efd);
	EXPECT_EQ(1, stat_of("armed"));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_TRUE(EVENTUALLY(stat_of("armed") == 0));
}

/* The probes go a moment after the last trigger, unless another one is there then. */
TEST_F(mount, who_registers_right_after_another_has_gone_stays_armed)
{
	int efd, i;

	for (i = 0; i < 4; i++) {
		efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, efd);
		close(efd);
		efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, efd);
		/* longer than they stay; what would be noticed is no event */
		usleep(1300000);
		EXPECT_EQ(1, stat_of("armed"));
		ASSERT_EQ(0, scratch_use(&self->m, 10));
		EXPECT_SIGNALS(efd, 1);
		ASSERT_EQ(0, scratch_use(&self->m, 0));
		close(efd);
	}
}

TEST_F_TIMEOUT(mount, arming_and_disarming_in_turn_stays_exact, 120)
{
	int i, efd;

	for (i = 0; i < 50; i++) {
		efd = listen_blocks(&self->m, 10, "both");
		ASSERT_LE(0, efd);
		ASSERT_EQ(0, scratch_use(&self->m, 10));
		ASSERT_SIGNALS(efd, 1);
		ASSERT_EQ(0, scratch_use(&self->m, 0));
		ASSERT_SIGNALS(efd, 1);
		close(efd);
		if (i % 10 == 0)
			EVENTUALLY(stat_of("armed") == 0);
		/* unseen by anyone: the next one must start from what is there */
		ASSERT_EQ(0, scratch_use(&self->m, i & 1 ? 5 : 0));
	}
}

TEST_F(mount, no_probe_was_missed)
{
	EXPECT_EQ(0, stat_of("missed"));
}

TEST_HARNESS_MAIN
