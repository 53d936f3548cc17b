// SPDX-License-Identifier: GPL-2.0
/*
 * For scribble: random operations on open files of /dev/tmpfswarn. What one of them registers on
 * the mount of the model ends in the same step, so that the model knows of all triggers there.
 */
#include "client.h"
#include "model.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/fs.h>

#define TALKERS	6

/* an open listener, and what was read of a line that has not ended */
struct talker {
	int fd;
	int mode;
	char line[RECORD_MAX];
	size_t length;
	bool on_own;		/* it has registered on the model's mount */
};

static struct talker talkers[TALKERS];
static char own_dev[32];
static long accepted, records, refused;

static bool wrong(const char *what, const struct talker *t, long result)
{
	return fail("%s on a device, opened %#x: %ld, %s", what, t->mode, result,
		    result < 0 ? strerror(errno) : "");
}

/* A result below 0 came with one of these errnos; the list ends with 0. */
static bool allowed(const char *what, const struct talker *t, long result, const int *errnos)
{
	if (result >= 0)
		return true;
	refused++;
	for (; *errnos; errnos++) {
		if (*errnos == errno)
			return true;
	}
	return wrong(what, t, result);
}

#define ALLOWED(what, t, result, ...) \
	allowed(what, t, result, (const int[]){ __VA_ARGS__, 0 })

static bool reopen(struct talker *t)
{
	static const int extras[] = { 0, O_APPEND, O_TRUNC, O_CREAT, O_NOATIME, O_SYNC };

	if (t->fd >= 0)
		close(t->fd);
	*t = (struct talker){ .mode = below(5) ? O_RDWR : O_WRONLY };
	t->fd = open(TMPFSWARN_DEVICE, t->mode | extras[below(6)] | O_NONBLOCK | O_CLOEXEC, 0600);
	return t->fd >= 0 || wrong("open", t, t->fd);
}

/* bytes that were read, of whole lines or not: each line is a record */
static bool absorb(struct talker *t, const char *bytes, long size)
{
	struct record r;

	for (; size > 0; size--, bytes++) {
		if (t->length == sizeof(t->line) - 1)
			return fail("a record without an end: %.*s", (int)t->length, t->line);
		t->line[t->length] = *bytes == '\n' ? '\0' : *bytes;
		if (*bytes != '\n') {
			t->length++;
			continue;
		}
		t->length = 0;
		r = record_parse(t->line);
		if (r.error)
			return fail("not a record: %s", t->line);
		records++;
		if (!strcmp(r.event, "state") && !strcmp(record_field(&r, "dev"), own_dev))
			t->on_own = true;
	}
	return true;
}

static bool read_all(struct talker *t)
{
	char bytes[5000];
	long n;

	do {
		n = read(t->fd, bytes, 1 + below(sizeof(bytes)));
		if (!absorb(t, bytes, n))
			return false;
	} while (n > 0);
	return ALLOWED("read", t, n, EAGAIN, t->mode == O_RDWR ? EAGAIN : EBADF);
}

/* What was registered where, says the record of it; of those that cannot be read nobody knows. */
static bool settle(struct talker *t)
{
	if (!read_all(t))
		return false;
	if (t->mode == O_RDWR && !t->on_own)
		return true;
	return reopen(t) && model_settled();
}

static bool scribble_text(struct talker *t, const struct scratch *fleeting)
{
	char text[600];
	size_t size = scrawl(text, sizeof(text), TMPFSWARN_DEVICE);
	int fd = -1;
	long n;

	if (below(6) == 0) {
		/* of a mount that may be going */
		fd = open(fleeting->path, O_PATH | O_CLOEXEC);
		size = snprintf(text, sizeof(text), "%d %u%% now", fd, below(101));
	}
	n = write(t->fd, text, size);
	if (n > 0 && n != size)
		return wrong("a part of a write", t, n);
	if (n > 0)
		accepted++;
	if (!ALLOWED("write", t, n, EINVAL, EBADF, ENOENT, ENODEV, EOPNOTSUPP))
		return false;
	if (fd >= 0)
		close(fd);
	return n <= 0 || settle(t);
}

static bool write_odd(struct talker *t)
{
	static char much[1 << 20];
	long n;

	switch (below(4)) {
	case 0:
		memset(much, " 5\nf"[below(4)], 300);
		n = write(t->fd, much, TMPFSWARN_WRITE_MAX + 1 +
			  below(sizeof(much) - TMPFSWARN_WRITE_MAX - 1));
		if (n >= 0)
			return wrong("a long write", t, n);
		return ALLOWED("a long write", t, n, EINVAL);
	case 1:
		n = syscall(SYS_write, t->fd, much, LONG_MAX);
		if (n >= 0)
			return wrong("an endless write", t, n);
		return ALLOWED("an endless write", t, n, EINVAL, EFAULT);
	case 2:
		n = syscall(SYS_write, t->fd, 8L, 1L + below(300));
		if (n >= 0)
			return wrong("a write from nowhere", t, n);
		return ALLOWED("a write from nowhere", t, n, EINVAL, EFAULT);
	default:
		n = pwrite(t->fd, "5", 1, rnd() >> (1 + below(63)));
		if (n >= 0)
			return wrong("a write to a position", t, n);
		return ALLOWED("a write to a position", t, n, ESPIPE, EINVAL);
	}
}

static bool read_odd(struct talker *t)
{
	struct iovec pieces[3];
	char bytes[300];
	long n, i;

	switch (below(4)) {
	case 0:
		for (i = 0, n = 1; i < 50 && n > 0; i++) {
			n = read(t->fd, bytes, 1 + below(3));
			if (!absorb(t, bytes, n))
				return false;
		}
		break;
	case 1:
		for (i = 0; i < 3; i++)
			pieces[i] = (struct iovec){ bytes + 100 * i, 100 };
		n = preadv2(t->fd, pieces, 3, -1, below(2) ? RWF_NOWAIT : 0);
		if (!absorb(t, bytes, n))
			return false;
		break;
	case 2:
		n = pread(t->fd, bytes, sizeof(bytes), rnd() >> (1 + below(63)));
		if (n >= 0)
			return wrong("a read from a position", t, n);
		return ALLOWED("a read from a position", t, n, ESPIPE, EBADF, EINVAL);
	default:
		n = syscall(SYS_read, t->fd, 8L, 1L + below(100));
		if (n > 0)
			return wrong("a read to nowhere", t, n);
	}
	return ALLOWED("read", t, n, EAGAIN, EBADF, EFAULT);
}

/* what a device does not do, or what means nothing to it */
static bool other(struct talker *t)
{
	static const unsigned long requests[] = { FIONREAD, FIOASYNC, FIGETBSZ, 0x5401, 0, ~0UL };
	long size = rnd() >> (1 + below(63)), argument[8] = { 0 };
	struct pollfd p = { .fd = t->fd, .events = POLLIN | POLLOUT };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	static int out[2], epoll;
	void *at;
	long n;

	if (!out[1] && pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return fail("no pipe");
	if (!epoll)
		epoll = epoll_create1(EPOLL_CLOEXEC);
	switch (below(9)) {
	case 0:
		n = lseek(t->fd, size, below(6));
		if (n > 0)
			return wrong("lseek", t, n);
		return ALLOWED("lseek", t, n, EINVAL, ESPIPE);
	case 1:
		at = mmap(NULL, 4096, PROT_READ, below(2) ? MAP_SHARED : MAP_PRIVATE, t->fd, 0);
		if (at != MAP_FAILED)
			return wrong("mmap", t, 0);
		return ALLOWED("mmap", t, -1, ENODEV, EACCES);
	case 2:
		n = ioctl(t->fd, requests[below(sizeof(requests) / sizeof(*requests))], argument);
		return ALLOWED("ioctl", t, n, ENOTTY, EINVAL, EFAULT);
	case 3:
		n = poll(&p, 1, 0);
		return (n == 1 && p.revents & POLLOUT) || wrong("poll", t, n);
	case 4:
		return ALLOWED("ftruncate", t, ftruncate(t->fd, size), EINVAL, EFBIG);
	case 5:
		n = splice(t->fd, NULL, out[1], NULL, 4096, SPLICE_F_NONBLOCK);
		/* as a kernel may that splices by reading: then the bytes are records, too */
		while ((n = read(out[0], argument, sizeof(argument))) > 0) {
			if (!absorb(t, (char *)argument, n))
				return false;
		}
		return true;
	case 6:
		n = sendfile(t->fd, t->fd, NULL, 1 + below(300));
		if (n > 0)
			return wrong("sendfile", t, n);
		return ALLOWED("sendfile", t, n, EINVAL, EBADF, ESPIPE, EAGAIN);
	case 7:
		n = epoll_ctl(epoll, below(2) ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, t->fd, &event);
		return ALLOWED("epoll_ctl", t, n, EEXIST, ENOENT);
	default:
		n = epoll_wait(epoll, &event, 1, 0);
		return ALLOWED("epoll_wait", t, n, EINTR);
	}
}

/* a listing is not long, and whole */
static bool list(void)
{
	char *text = listing();
	bool good = text && !strncmp(text, "version ", 8) && text[strlen(text) - 1] == '\n';

	if (!good)
		fail("the listing is '%s'", text);
	free(text);
	return good;
}

bool chatter(const struct scratch *fleeting)
{
	struct talker *t = &talkers[below(TALKERS)];

	switch (below(20)) {
	case 0 ... 8:
		return scribble_text(t, fleeting);
	case 9 ... 10:
		return write_odd(t);
	case 11 ... 14:
		return read_odd(t);
	case 15 ... 17:
		return other(t);
	case 18:
		return list();
	}
	return reopen(t) && model_settled();
}

bool chatter_start(const struct scratch *own)
{
	int i;

	snprintf(own_dev, sizeof(own_dev), "%u:%u", major(own->dev), minor(own->dev));
	for (i = 0; i < TALKERS; i++) {
		talkers[i].fd = -1;
		if (!reopen(&talkers[i]))
			return false;
	}
	return true;
}

void chatter_stop(void)
{
	int i;

	for (i = 0; i < TALKERS; i++)
		close(talkers[i].fd);
	printf("# devices: %ld lines accepted, %ld records read, %ld times refused\n", accepted,
	       records, refused);
}
