// SPDX-License-Identifier: GPL-2.0
#include "race.h"

#include <linux/mount.h>
#include <sys/ioctl.h>

void run_on(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* without that nothing would be a test */
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		abort();
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	race_part *part;
	void *arg;
	int number;
	long cpu;
	unsigned int seed;
	int error;
};

static void *run_part(void *arg)
{
	struct racer *self = arg;
	unsigned int loops = rand_r(&self->seed) >> 8;

	/* of each order of magnitude the same number of times */
	loops &= (1u << rand_r(&self->seed) % 18) - 1;
	run_on(self->cpu);
	pthread_barrier_wait(self->barrier);
	while (loops--)
		__asm__ volatile("" ::: "memory");
	self->error = self->part(self->arg, self->number);
	return NULL;
}

/* the first error of any of them */
int race(void *arg, int parts, race_part *const part[])
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct racer racer[RACE_PARTS];
	static unsigned int rounds;
	pthread_barrier_t barrier;
	int i, error = 0;

	pthread_barrier_init(&barrier, NULL, parts);
	for (i = 0; i < parts; i++) {
		racer[i] = (struct racer){
			.barrier = &barrier, .part = part[i], .arg = arg, .number = i,
			.cpu = (rounds + i) % cpus, .seed = 7919 * rounds + i,
		};
		if (pthread_create(&racer[i].thread, NULL, run_part, &racer[i]))
			abort();
	}
	rounds++;
	for (i = 0; i < parts; i++) {
		pthread_join(racer[i].thread, NULL);
		if (!error)
			error = racer[i].error;
	}
	pthread_barrier_destroy(&barrier);
	return error;
}

/* ---- noise ---- */

static void *make_noise(void *arg)
{
	struct noise *noise = arg;

	if (noise->cpu >= 0)
		run_on(noise->cpu % sysconf(_SC_NPROCESSORS_ONLN));
	while (!noise->stop && !noise->error) {
		noise->error = noise->step(noise->arg, noise->steps);
		noise->steps++;
	}
	return NULL;
}

void noise_start(struct noise *noise, race_part *step, void *arg, long cpu)
{
	*noise = (struct noise){ .step = step, .arg = arg, .cpu = cpu };
	if (pthread_create(&noise->thread, NULL, make_noise, noise))
		abort();
	while (!noise->steps && !noise->error)
		usleep(100);
}

/* its error */
int noise_stop(struct noise *noise)
{
	if (noise->step) {
		noise->stop = true;
		pthread_join(noise->thread, NULL);
		noise->step = NULL;
	}
	return noise->error;
}

static bool triggers_make_sense(const char *text)
{
	const char *end;

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		if (!end || strncmp(text, "resource=", 9))
			return false;
		text = strstr(text, " comm=");
		if (!text || text > end)
			return false;
	}
	return true;
}

static bool usage_makes_sense(const char *text)
{
	long long size, used, left;

	return sscanf(text, "size %lld\nused %lld\nfree %lld\n", &size, &used, &left) == 3 &&
	       left == (used < size ? size - used : 0);
}

static bool stats_make_sense(const char *text)
{
	const char *crossings = strstr(text, "\ncrossings "), *signals = strstr(text, "\nsignals ");

	return strstr(text, "\ntriggers ") && crossings && signals;
}

/* the file may be gone, with its mount or with the module */
static int check(char *text, bool (*makes_sense)(const char *))
{
	int error = text && *text && !makes_sense(text) ? -EBADMSG : 0;

	free(text);
	return error;
}

int read_files(void *arg, int number)
{
	const struct scratch *m = arg;

	switch (number % 3) {
	case 0:
		return check(slurp(m, TMPFSWARN_TRIGGERS), triggers_make_sense);
	case 1:
		return check(slurp(m, TMPFSWARN_USAGE), usage_makes_sense);
	}
	return check(slurp_path(ROOM "/" TMPFSWARN_STATS), stats_make_sense);
}

/* ---- files held open ---- */

int register_and_close(void *arg, int number)
{
	int efd = listen_blocks(arg, 10 + number % 3, "both now");

	if (efd < 0)
		return efd;
	close(efd);
	return 0;
}

#define TRACING		"/sys/kernel/debug/tracing/"
#define SLOW_PROBES	32

bool slow_down(const char *function)
{
	char text[128], trigger[128];
	int i;

	speed_up();
	for (i = 0; i < SLOW_PROBES; i++) {
		snprintf(text, sizeof(text), "p:tmpfswarn_test/slow%d %s", i, function);
		snprintf(trigger, sizeof(trigger), TRACING "events/tmpfswarn_test/slow%d/trigger", i);
		if (write_text(TRACING "kprobe_events", text) || write_text(trigger, "stacktrace")) {
			speed_up();
			printf("# cannot slow %s down: the race is lost less often\n", function);
			return false;
		}
	}
	return true;
}

/* also what a test has left that was ended */
void speed_up(void)
{
	char text[128], trigger[128];
	int i;

	for (i = 0; i < SLOW_PROBES; i++) {
		snprintf(trigger, sizeof(trigger), TRACING "events/tmpfswarn_test/slow%d/trigger", i);
		snprintf(text, sizeof(text), "-:tmpfswarn_test/slow%d", i);
		write_text(trigger, "!stacktrace");
		write_text(TRACING "kprobe_events", text);
	}
}

int open_control(const struct scratch *m, const char *file)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	return open(path, (strstr(file, "control") ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

/* control() through files that are open already, and so outlive an umount */
int control_open(int control, int resource, int efd, const char *args)
{
	char text[128];

	snprintf(text, sizeof(text), "%d %d %s", efd, resource, args);
	return write(control, text, strlen(text)) < 0 ? -errno : 0;
}

int open_file(const struct scratch *m, const char *name)
{
	return open(scratch_path(m, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* ---- a directory held up ---- */

int superblock(dev_t *dev)
{
	return superblock_of("tmpfs", dev);
}

int superblock_of(const char *type, dev_t *dev)
{
	int fs = syscall(SYS_fsopen, type, 0), fd = -1;
	struct stat st;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = syscall(SYS_fsmount, fs, 0, 0);
	if (fd < 0 || fstat(fd, &st))
		fd = -errno;
	else if (dev)
		*dev = st.st_dev;
	close(fs);
	return fd;
}

int missing_page(struct uffdio_register *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	int faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	page->range.len = sysconf(_SC_PAGESIZE);
	if (!page->range.start)
		page->range.start = (uintptr_t)mmap(NULL, page->range.len, PROT_READ | PROT_WRITE,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page->mode = UFFDIO_REGISTER_MODE_MISSING;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, page))
		return -1;
	return faults;
}

void fill_page(int faults, const struct uffdio_register *page)
{
	struct uffdio_zeropage fill = { .range = page->range };

	ioctl(faults, UFFDIO_ZEROPAGE, &fill);
}

bool hold_page(struct held_page *held, char *page)
{
	held->page = (struct uffdio_register){ .range.start = (uintptr_t)page };
	held->faults = missing_page(&held->page);
	return held->faults >= 0;
}

void let_go_page(struct held_page *held)
{
	fill_page(held->faults, &held->page);
	close(held->faults);
}

static void *list_to_missing_page(void *arg)
{
	struct held_room *held = arg;

	return (void *)syscall(SYS_getdents64, held->fd, (void *)(uintptr_t)held->page.range.start,
			       (size_t)held->page.range.len);
}

bool hold_up(struct held_room *held)
{
	held->faults = missing_page(&held->page);
	held->fd = open(ROOM, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return held->faults >= 0 && held->fd >= 0 &&
	       !pthread_create(&held->lister, NULL, list_to_missing_page, held) &&
	       readable(held->faults, BOUND);
}

void let_go(struct held_room *held)
{
	fill_page(held->faults, &held->page);
	pthread_join(held->lister, NULL);
	close(held->faults);
	close(held->fd);
}
