// SPDX-License-Identifier: GPL-2.0
/*
 * Does the module count what happened on a mount? Judged by statvfs(2) alone.
 *
 *	observer record PATH			what the mount used, until SIGTERM
 *	observer watch PATH LOW HIGH [SPOIL]	100 triggers between these, until SIGTERM
 *	observer paced PATH STEPS SEED [SPOIL]	100 triggers, and the only writer
 *
 * "watch" says "ready" when all are registered, and PATH may be written then. Four
 * triggers share each level: both, rising, falling and rising once. Whatever
 * happened, what they have counted agrees with the sides of the level on
 * which usage stood first and last:
 *
 *	both = rising + falling
 *	rising - falling = (above at the end) - (above at the start)
 *	once = rising, 1 at most
 *	rising, or above at the start, at a level implies the same at all below it
 *
 * and statvfs(2), called in a loop meanwhile, says how often usage has passed
 * the level at least. What one task has counted and another takes away before
 * the first has had its look is no crossing, and a sum over the CPUs is none of
 * any one moment; so the record only takes a side for left when usage is MARGIN
 * blocks beyond the level.
 *
 * With "paced" each count is known: after each step, which only allocates or
 * only frees, 0 or 1 for each trigger.
 *
 * SPOIL makes a mistake on purpose, which has to be noticed: "lost" takes one
 * event away behind the back of the judge, "doubled" adds one.
 *
 * Exit status: 0 all agrees, 1 it does not, 2 it could not be found out.
 */
#include "../kselftest/scratch.h"

#define LEVELS	25
#define KINDS	4
#define MARGIN	256		/* slack of the counter: 32 for each of 4 CPUs, twice */
#define FILES	8
#define PACE	200		/* microseconds between two samples: the others work, too */

enum kind { BOTH, RISING, FALLING, ONCE };

static const char *const words[KINDS] = { "both", "rising", "falling", "rising once" };

struct level {
	long long at;			/* blocks */
	int efd[KINDS];
	long long counted[KINDS];	/* by the module */
	bool above_first;
	int side;			/* of the record: -1 below, 1 above, 0 not known yet */
	long long seen;			/* crossings in the record */
};

static struct scratch m;
static struct level levels[LEVELS];
static int epoll;
static volatile sig_atomic_t over;

static void stop(int signal)
{
	over = 1;
}

static void give_up(const char *what, long long error)
{
	printf("# %s: %s\n", what, strerror(error < 0 ? -error : errno));
	exit(2);
}

static long long used(void)
{
	long long now = scratch_used(&m);

	if (now < 0)
		give_up(m.path, now);
	return now;
}

/* each eventfd is known to epoll by its place, level * KINDS + kind */
static void register_all(long long low, long long high)
{
	long long first = used();
	int i, kind, error;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < LEVELS; i++) {
		struct level *l = &levels[i];

		l->at = low + (high - low) * (i + 1) / (LEVELS + 1);
		if (i && l->at <= l[-1].at)
			l->at = l[-1].at + 1;
		l->above_first = first >= l->at;
		for (kind = 0; kind < KINDS; kind++) {
			struct epoll_event e = {
				.events = EPOLLIN,
				.data.u32 = i * KINDS + kind,
			};

			l->efd[kind] = listen_blocks(&m, l->at, words[kind]);
			if (l->efd[kind] < 0)
				give_up("registering", l->efd[kind]);
			error = epoll_ctl(epoll, EPOLL_CTL_ADD, l->efd[kind], &e);
			if (error)
				give_up("epoll_ctl", 0);
		}
	}
	if (used() != first)
		give_up("the mount was written meanwhile", -EBUSY);
}

/* what epoll has ready, without waiting for anything */
static long long collect(void)
{
	struct epoll_event ready[LEVELS * KINDS];
	long long sum = 0;
	uint64_t count;
	int n = epoll_wait(epoll, ready, LEVELS * KINDS, 0);

	if (n < 0)
		give_up("epoll_wait", 0);
	while (n--) {
		struct level *l = &levels[ready[n].data.u32 / KINDS];
		int kind = ready[n].data.u32 % KINDS;

		if (read(l->efd[kind], &count, sizeof(count)) != sizeof(count))
			give_up("read of an eventfd", 0);
		l->counted[kind] += count;
		sum += count;
	}
	return sum;
}

/* a mistake on purpose: in the count of the trigger that has counted most */
static void spoil(const char *how)
{
	struct level *most = levels;
	uint64_t one = 1;
	int i;

	collect();
	for (i = 0; i < LEVELS; i++) {
		if (levels[i].counted[BOTH] > most->counted[BOTH])
			most = &levels[i];
	}
	if (!strcmp(how, "doubled")) {
		if (write(most->efd[BOTH], &one, sizeof(one)) != sizeof(one))
			give_up("write to an eventfd", 0);
	} else if (!most->counted[BOTH]) {
		give_up("there is no event to lose", -ENOENT);
	} else {
		most->counted[BOTH]--;
	}
}

static void record(struct level *l, long long now, long long margin)
{
	int side = now >= l->at + margin ? 1 : now < l->at - margin ? -1 : 0;

	if (!side)
		return;
	if (l->side && side != l->side)
		l->seen++;
	l->side = side;
}

static bool agrees(const struct level *l, long long last)
{
	const long long *n = l->counted;

	return n[BOTH] == n[RISING] + n[FALLING] &&
		n[RISING] - n[FALLING] == (last >= l->at) - l->above_first &&
		n[ONCE] == (n[RISING] > 0) &&
		n[BOTH] >= l->seen;
}

static int judge(long long last)
{
	long long events = 0, seen = 0;
	bool passed = false;
	int i, wrong = 0;

	for (i = LEVELS - 1; i >= 0; i--) {
		struct level *l = &levels[i];
		bool was = l->above_first || l->counted[RISING];

		if (!agrees(l, last) || (passed && !was)) {
			printf("# at %lld blocks: both %lld, rising %lld, falling %lld, once %lld; first %s, last %s, %lld crossings seen%s\n",
			       l->at, l->counted[BOTH], l->counted[RISING],
			       l->counted[FALLING], l->counted[ONCE],
			       l->above_first ? "above" : "below",
			       last >= l->at ? "above" : "below", l->seen,
			       passed && !was ? "; a higher one was passed" : "");
			wrong++;
		}
		passed |= was;
		events += l->counted[BOTH];
		seen += l->seen;
	}
	printf("# %s: %d triggers at %d levels of %lld to %lld blocks, %lld crossings counted, %lld seen by statvfs\n",
	       m.path, LEVELS * KINDS, LEVELS, levels[0].at, levels[LEVELS - 1].at,
	       events, seen);
	if (wrong)
		printf("# %d levels do not agree\n", wrong);
	return wrong ? 1 : 0;
}

/* until SIGTERM, and then until usage has been the same for a tenth of a second */
static long long poll_usage(bool watching, long long *lowest, long long *highest)
{
	long long now = used(), before = now, samples = 0, quiet = 0;
	long long end = 0;
	int i;

	*lowest = now;
	*highest = now;
	while (!over || now_ms() < quiet) {
		before = now;
		usleep(PACE);
		now = used();
		samples++;
		for (i = 0; watching && i < LEVELS; i++)
			record(&levels[i], now, MARGIN);
		if (now < *lowest)
			*lowest = now;
		if (now > *highest)
			*highest = now;
		if (over && !end) {
			end = now_ms() + BOUND;
			quiet = now_ms() + 100;
		}
		if (now != before) {
			quiet = now_ms() + 100;
			if (end && quiet > end)
				give_up("the mount is still written", -EBUSY);
		}
	}
	printf("# %s: %lld samples, %lld to %lld blocks used, last %lld\n", m.path, samples,
	       *lowest, *highest, now);
	return now;
}

static int watch(int argc, char **argv)
{
	long long low = atoll(argv[3]), high = atoll(argv[4]), last;

	/* where nothing is to happen, the least that happens is noticed */
	if (high - low <= LEVELS)
		high = low + LEVELS + 1;
	register_all(low, high);
	printf("ready\n");
	last = poll_usage(true, &low, &high);
	if (argc > 5)
		spoil(argv[5]);
	collect();
	if (used() != last)
		give_up("the mount is still written", -EBUSY);
	return judge(last);
}

static int look_on(void)
{
	struct statvfs v;
	long long low, high;

	if (statvfs(m.path, &v))
		give_up(m.path, 0);
	m.block = v.f_frsize;
	printf("ready\n");
	poll_usage(false, &low, &high);
	printf("range %lld %lld\n", low, high);
	return 0;
}

/* ---- the only writer ---- */

static int files[FILES];
static long long lengths[FILES];	/* in blocks */

static const char *file_name(int i)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/file%d", m.path, i);
	return path;
}

static int put_block(int fd, long long block)
{
	char *at = mmap(NULL, m.block, PROT_WRITE, MAP_SHARED, fd, block * m.block);

	if (at == MAP_FAILED)
		return -1;
	*at = 1;
	return munmap(at, m.block);
}

/* one that allocates or one that frees, with the next system call for it */
static int step(int kind, int i, long long n)
{
	int fd = files[i];
	long long *length = &lengths[i];
	char path[160], target[1024];

	if (n > *length && kind >= 4)
		n = *length;
	if (!n)
		return 0;
	switch (kind) {
	case 0:
		*length += n;
		return append_blocks(fd, &m, n);
	case 1:
		*length += n;
		if (fallocate(fd, 0, (*length - n) * m.block, n * m.block))
			return -1;
		return lseek(fd, 0, SEEK_END) < 0;
	case 2:
		if (ftruncate(fd, (*length + 1) * m.block))
			return -1;
		if (put_block(fd, *length))
			return -1;
		(*length)++;
		return lseek(fd, 0, SEEK_END) < 0;
	case 3:
		memset(target, 'x', sizeof(target) - 1);
		target[sizeof(target) - 1] = 0;
		snprintf(path, sizeof(path), "%s/link%d", m.path, i);
		if (!unlink(path))
			return 0;
		return symlink(target, path);
	case 4:
		*length -= n;
		if (ftruncate(fd, *length * m.block))
			return -1;
		return lseek(fd, 0, SEEK_END) < 0;
	case 5:
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, n * m.block);
	default:
		*length = 0;
		if (unlink(file_name(i)) || close(fd))
			return -1;
		files[i] = open(file_name(i), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		return files[i] < 0;
	}
}

/* what the step has made each trigger count is known: 0 or 1 */
static int judge_step(int number, long long before, long long now)
{
	int i, wrong = 0;

	for (i = 0; i < LEVELS; i++) {
		struct level *l = &levels[i];
		bool rises = before < l->at && now >= l->at;
		bool falls = before >= l->at && now < l->at;
		bool once = rises && !l->seen;
		const long long *n = l->counted;

		if (n[BOTH] != rises + falls || n[RISING] != rises ||
		    n[FALLING] != falls || n[ONCE] != once) {
			printf("# step %d, from %lld to %lld blocks, at %lld: both %lld, rising %lld, falling %lld, once %lld\n",
			       number, before, now, l->at, n[BOTH], n[RISING],
			       n[FALLING], n[ONCE]);
			wrong++;
		}
		l->seen += rises;
		memset(l->counted, 0, sizeof(l->counted));
	}
	return wrong;
}

static int paced(int argc, char **argv)
{
	int steps = atoi(argv[3]), number, i, wrong = 0;
	long long events = 0, before = used(), got, now;
	long long room = scratch_blocks(&m) / 2;

	srand(atoi(argv[4]));
	for (i = 0; i < FILES; i++) {
		files[i] = open(file_name(i), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (files[i] < 0)
			give_up(file_name(i), 0);
	}
	register_all(before, before + room);
	for (number = 0; number < steps; number++) {
		long long n = 1 + rand() % (rand() % 4 ? 8 : room / 8);
		/* to and fro in long waves: all levels are met, and singly too */
		bool up = rand() % 8 < (number / 64 % 2 ? 2 : 6);

		if (before + n > 2 * room - FILES)
			up = false;
		if (step(up ? rand() % 4 : 4 + rand() % 16 / 7, rand() % FILES, n))
			give_up("writing", 0);
		now = used();
		got = collect();
		if (got && argc > 5 && number >= steps / 2) {
			spoil(argv[5]);
			argc = 5;
			collect();
		}
		events += got;
		wrong += judge_step(number, before, now);
		before = now;
	}
	printf("# %s: %d steps of seed %s, %lld events\n", m.path, steps, argv[4], events);
	if (!events)
		give_up("nothing was crossed", -ENOENT);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct sigaction a = { .sa_handler = stop };
	const char *what = argc > 2 ? argv[1] : "";
	int error = 0;

	setbuf(stdout, NULL);
	raise_fd_limit();
	sigaction(SIGTERM, &a, NULL);
	if (!strcmp(what, "record")) {
		snprintf(m.path, sizeof(m.path), "%s", argv[2]);
		return look_on();
	}
	if (argc > 4)
		error = scratch_adopt(&m, argv[2]);
	if (error)
		give_up(argv[2], error);
	if (!strcmp(what, "watch") && argc > 4)
		return watch(argc, argv);
	if (!strcmp(what, "paced") && argc > 4)
		return paced(argc, argv);
	fprintf(stderr, "usage: observer record PATH | watch PATH LOW HIGH [SPOIL] | paced PATH STEPS SEED [SPOIL]\n");
	return 2;
}
