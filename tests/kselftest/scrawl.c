// SPDX-License-Identifier: GPL-2.0
#include "client.h"
#include "model.h"

#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define POOL	4

/* an fd that is not taken in a line for the own mount */
struct object {
	int fd;
	int as_event, as_control;	/* with what it is refused; 0 where it is not */
};

static struct object objects[40];
static int nr_objects;
static int pool[POOL];		/* eventfds */
static int controls[4];		/* resource files, two of each mount */
static int places[3];		/* of the mounts themselves */

/* ---- chance ---- */

static uint64_t state;

void random_start(uint64_t seed)
{
	state = seed;
}

/* splitmix64 */
uint64_t rnd(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

unsigned int below(unsigned int n)
{
	return n ? rnd() % n : 0;
}

/* ---- texts ---- */

static const char *const words[] = {
	" rising", " falling", " both", " once", " now", " hyst=5%", " hyst=8192", " hyst=1Mi",
	" hyst=99.99%", "\trising", " hyst=18446744073709551615", ",default", " hyst=0",
};

static const char *const amounts[] = {
	"0", "1", "4096", "80%", "99.95%", "100%", "0.01%", "-1", "18446744073709551615", "4t",
	"18446744073709551616", "16777215T", "1Ki", "3m", "low", "medium", "critical", "100.01%",
	"9223372036854775807", "9223372036854775808", "4294967296", "17592186044415k", "refused",
};

#define ANY(array)	((array)[below(sizeof(array) / sizeof(*(array)))])

static int any_fd(void)
{
	return below(3) ? pool[below(POOL)] : below(2) ? CHURN + below(CHURNED) :
		objects[below(nr_objects)].fd;
}

/* a line for the device */
static size_t plausible_request(char *text, size_t size)
{
	static const char *const tags[] = {
		" tag=a", " tag=b", " tag=80%", " tag==", " tag=\x7f", " tag=",
	};
	int n, i;

	if (below(5) == 0)
		return snprintf(text, size, "forget %s", below(3) ? ANY(tags) + 5 : ANY(amounts));
	n = snprintf(text, size, "%d %s", below(8) ? ANY(places) : any_fd(), ANY(amounts));
	for (i = below(4); i > 0 && n < size; i--)
		n += snprintf(text + n, size - n, "%s", below(3) ? ANY(words) : ANY(tags));
	return n < size ? n : size - 1;
}

/* a line that may well be good */
static size_t plausible_text(char *text, size_t size, const char *file)
{
	int n, i;

	if (!strcmp(file, TMPFSWARN_WARN_USED))
		return snprintf(text, size, "%s", ANY(amounts));
	if (!strcmp(file, TMPFSWARN_DEVICE))
		return plausible_request(text, size);
	if (strcmp(file, TMPFSWARN_EVENT_CONTROL))
		return snprintf(text, size, "%d", any_fd());
	n = snprintf(text, size, "%d %d %s", any_fd(), below(8) ? ANY(controls) : any_fd(),
		     ANY(amounts));
	for (i = below(4); i > 0 && n < size; i--)
		n += snprintf(text + n, size - n, "%s", ANY(words));
	return n < size ? n : size - 1;
}

static size_t mutate(char *text, size_t length, size_t size)
{
	size_t at = below(length + 1), n = 1 + below(8);

	switch (below(6)) {
	case 0:		/* another byte */
		if (at < length)
			text[at] = rnd();
		return length;
	case 1:		/* another digit, space or NUL */
		if (at < length)
			text[at] = "0123456789 %.-kKi\n\t\0"[below(20)];
		return length;
	case 2:		/* some less */
		if (at + n > length)
			return at;
		memmove(text + at, text + at + n, length - at - n);
		return length - n;
	case 3:		/* some more */
		if (length + n > size)
			return length;
		memmove(text + at + n, text + at, length - at);
		memset(text + at, "0 9\n%\xa0z"[below(7)], n);
		return length + n;
	case 4:		/* twice */
		if (2 * length > size)
			return length;
		memcpy(text + length, text, length);
		return 2 * length;
	default:	/* rubbish behind a NUL */
		for (text[at++] = '\0'; at < size && n--; at++)
			text[at] = rnd();
		return at;
	}
}

size_t scrawl(char *text, size_t size, const char *file)
{
	size_t length, i;

	if (below(8) == 0) {
		length = below(size);
		for (i = 0; i < length; i++)
			text[i] = rnd();
		return length;
	}
	length = plausible_text(text, size, file);
	for (i = below(2) * below(4); i > 0; i--)
		length = mutate(text, length, size - 10);
	return length;
}

/* ---- fds ---- */

static void add_object(int fd, int as_event, int as_control)
{
	if (fd >= 0)
		objects[nr_objects++] = (struct object){ fd, as_event, as_control };
}

static void add_file(const struct scratch *m, const char *file, int mode)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	add_object(open(path, mode | O_CLOEXEC), mode & O_PATH ? -EBADF : -EINVAL,
		   mode & O_PATH ? -EBADF : -EINVAL);
}

static int open_control(const struct scratch *m, const char *file)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool scrawl_start(const struct scratch *own, const struct scratch *busy)
{
	int pair[2], i;
	sigset_t set;

	for (i = 0; i < POOL; i++)
		pool[i] = listener();
	controls[0] = open_control(own, TMPFSWARN_USED_BYTES);
	controls[1] = open_control(own, TMPFSWARN_PRESSURE_LEVEL);
	controls[2] = open_control(busy, TMPFSWARN_USED_BYTES);
	controls[3] = open_control(busy, TMPFSWARN_V1_PRESSURE_LEVEL);

	places[0] = open(own->path, O_PATH | O_CLOEXEC);
	places[1] = open(busy->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	places[2] = open(scratch_path(busy, "busy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	/* open, and of another kind; -EBADF for what is as good as closed */
	add_object(999, -EBADF, -EBADF);
	add_object(INT_MAX, -EBADF, -EBADF);
	add_object(open("/", O_PATH | O_CLOEXEC), -EBADF, -EBADF);
	add_object(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EINVAL, -EINVAL);
	add_object(open("/dev/null", O_RDWR | O_CLOEXEC), -EINVAL, -EINVAL);
	if (pipe2(pair, O_CLOEXEC) == 0) {
		add_object(pair[0], -EINVAL, -EINVAL);
		add_object(pair[1], -EINVAL, -EINVAL);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		add_object(pair[0], -EINVAL, -EINVAL);
		add_object(pair[1], -EINVAL, -EINVAL);
	}
	sigemptyset(&set);
	add_object(epoll_create1(EPOLL_CLOEXEC), -EINVAL, -EINVAL);
	add_object(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), -EINVAL, -EINVAL);
	add_object(signalfd(-1, &set, SFD_CLOEXEC), -EINVAL, -EINVAL);
	add_object(memfd_create("object", MFD_CLOEXEC), -EINVAL, -EINVAL);
	add_object(inotify_init1(IN_CLOEXEC), -EINVAL, -EINVAL);
	add_object(syscall(SYS_pidfd_open, getpid(), 0), -EINVAL, -EINVAL);
	add_object(open("/proc/self/status", O_RDONLY | O_CLOEXEC), -EINVAL, -EINVAL);
	add_object(open(own->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EINVAL, -EINVAL);
	add_object(open(own->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EINVAL, -EINVAL);
	add_file(own, "../" TMPFSWARN_STATS, O_RDONLY);
	add_file(own, TMPFSWARN_USAGE, O_RDONLY);
	add_file(own, TMPFSWARN_TRIGGERS, O_RDONLY);
	add_file(own, TMPFSWARN_V1_LIMIT, O_RDONLY);
	add_file(own, TMPFSWARN_V1_FAILCNT, O_RDWR);
	/* these have no level */
	add_file(own, TMPFSWARN_REFUSED, O_RDONLY);
	add_file(own, TMPFSWARN_V1_OOM_CONTROL, O_WRONLY);
	add_file(own, TMPFSWARN_EVENT_CONTROL, O_WRONLY);
	add_file(own, TMPFSWARN_WARN_USED, O_RDWR);
	add_file(own, TMPFSWARN_WARN_USED_EFD, O_WRONLY);
	add_file(own, TMPFSWARN_USED_BYTES, O_PATH);
	add_file(busy, TMPFSWARN_USED_BYTES, O_RDONLY);
	add_file(busy, TMPFSWARN_PRESSURE_LEVEL, O_RDONLY);
	/* the right kind, in the wrong place */
	add_object(controls[0], -EINVAL, 0);
	add_object(controls[1], -EINVAL, 0);
	add_object(listener(), 0, -EINVAL);
	add_object(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), 0, -EINVAL);
	return pool[POOL - 1] >= 0 && controls[3] >= 0 && places[2] >= 0;
}

void scrawl_stop(void)
{
	int i;

	for (i = 0; i < POOL; i++)
		close(pool[i]);
	for (i = 0; i < 4; i++)
		close(controls[i]);
	for (i = 0; i < 3; i++)
		close(places[i]);
	for (i = 0; i < nr_objects; i++)
		close(objects[i].fd);
}

static const struct object *object_of(int fd)
{
	int i;

	for (i = 0; i < nr_objects; i++) {
		if (objects[i].fd == fd)
			return &objects[i];
	}
	return NULL;
}

/* is it an eventfd, of those here? */
bool scrawl_has(int efd)
{
	const struct object *object = object_of(efd);
	int i;

	for (i = 0; i < POOL; i++) {
		if (pool[i] == efd)
			return true;
	}
	return object && !object->as_event;
}

/* is it open all the time, and no eventfd? */
bool scrawl_is_other(int efd)
{
	const struct object *object = object_of(efd);

	return object && object->as_event;
}

/* what is registered with it ends */
void scrawl_renew(int efd)
{
	int new;

	if (!scrawl_has(efd))
		return;
	new = listener();
	dup3(new, efd, O_CLOEXEC);
	close(new);
}

void scrawl_renew_any(void)
{
	scrawl_renew(pool[below(POOL)]);
}

/* a line in which nothing but an fd is wrong */
bool scrawl_wrong_fds(const struct scratch *own)
{
	const struct object *event = &objects[below(nr_objects)];
	const struct object *control = &objects[below(nr_objects)];
	char text[64];
	int error;

	if (below(4) == 0 && event->as_event) {
		snprintf(text, sizeof(text), "%d", event->fd);
		error = put(own, TMPFSWARN_WARN_USED_EFD, text);
		return error == event->as_event ||
			fail("'%s' alone: %s", text, strerror(-error));
	}
	if (!event->as_event && !control->as_control)
		return true;
	snprintf(text, sizeof(text), "%d %d low", event->fd, control->fd);
	if (control->fd != controls[1])
		snprintf(text, sizeof(text), "%d %d 10", event->fd, control->fd);
	error = put(own, TMPFSWARN_EVENT_CONTROL, text);
	return error == event->as_event || error == control->as_control ?
		error || fail("'%s' is accepted", text) : fail("'%s': %s", text, strerror(-error));
}
