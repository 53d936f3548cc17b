// SPDX-License-Identifier: GPL-2.0
#include "client.h"

#include <ctype.h>
#include <grp.h>

/* ---- the device ---- */

int device_open(void)
{
	int fd = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int device_put(int device, const char *text)
{
	size_t size = strlen(text);
	ssize_t n = write(device, text, size);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
}

/* the fd of the mount is closed again at once */
int device_register(int device, const struct scratch *m, const char *args)
{
	int fd = open(m->path, O_PATH | O_CLOEXEC), error;
	char text[RECORD_MAX];

	if (fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %s", fd, args);
	error = device_put(device, text);
	close(fd);
	return error;
}

int device_register_blocks(int device, const struct scratch *m, long long blocks,
			   const char *words)
{
	char args[RECORD_MAX];

	snprintf(args, sizeof(args), "%lld %s", blocks * m->block, words);
	return device_register(device, m, args);
}

int device_forget(int device, const char *tag)
{
	char text[RECORD_MAX];

	snprintf(text, sizeof(text), "forget %s", tag);
	return device_put(device, text);
}

int device_listen(const struct scratch *m, const char *args)
{
	int device = device_open(), error;

	if (device < 0)
		return device;
	error = device_register(device, m, args);
	if (error)
		close(device);
	return error ? error : device;
}

int device_listen_blocks(const struct scratch *m, long long blocks, const char *words)
{
	char args[RECORD_MAX];

	snprintf(args, sizeof(args), "%lld %s", blocks * m->block, words);
	return device_listen(m, args);
}

/* ---- records ---- */

/* as a shell does: to the end of the line, a byte at a time */
static struct record read_line(int device, int timeout)
{
	struct record r = { .error = -EAGAIN };
	size_t size = 0;
	ssize_t n;

	if (!readable(device, timeout))
		return r;
	while (size < sizeof(r.line) - 1) {
		n = read(device, &r.line[size], 1);
		/* a part of a line is an error by itself: its event has no end */
		if (n != 1 || r.line[size] == '\n') {
			r.error = n == 0 ? -ENODATA : n < 0 ? -errno : 0;
			break;
		}
		size++;
	}
	r.line[size] = '\0';
	return r.error ? r : record_parse(r.line);
}

struct record record_next(int device)
{
	return read_line(device, realtime_kernel() ? BOUND : 0);
}

struct record record_left(int device)
{
	return read_line(device, realtime_kernel() ? 20 : 0);
}

struct record record_next_soon(int device)
{
	return read_line(device, BOUND);
}

bool record_none(int device)
{
	char byte;

	return !readable(device, realtime_kernel() ? 20 : 0) && read(device, &byte, 1) == -1 &&
	       errno == EAGAIN;
}

struct record record_parse(const char *line)
{
	struct record r = {};

	snprintf(r.line, sizeof(r.line), "%s", line);
	if (!record_sound(r.line)) {
		r.error = -EBADMSG;
		return r;
	}
	snprintf(r.event, sizeof(r.event), "%s", record_field(&r, "event"));
	snprintf(r.tag, sizeof(r.tag), "%s", record_field(&r, "tag"));
	r.used = record_number(&r, "used");
	r.crossings = record_number(&r, "crossings");
	r.pid = record_number(&r, "pid");
	return r;
}

static const char *skip(const char *at, const char *text)
{
	size_t length = strlen(text);

	return at && strncmp(at, text, length) == 0 ? at + length : NULL;
}

/* "key=" and a number */
static const char *skip_number(const char *at, const char *key)
{
	at = skip(at, key);
	if (!at || !isdigit((unsigned char)*at))
		return NULL;
	return at + strspn(at, "0123456789");
}

static const char *skip_word(const char *at, const char *key)
{
	size_t length;

	at = skip(at, key);
	length = at ? strcspn(at, " \n") : 0;
	return length ? at + length : NULL;
}

static const char *skip_time(const char *at)
{
	const char *dot = skip_number(at, " time=");

	at = dot ? skip_number(dot, ".") : NULL;
	return at && at - dot == 10 ? at : NULL;
}

static const char *skip_one_of(const char *at, const char *one, const char *other)
{
	const char *end = skip(at, one);

	return end ? end : skip(at, other);
}

bool record_sound(const char *line)
{
	bool state = skip(line, "event=state "), gone = skip(line, "event=gone ");
	bool refused = skip(line, "event=refused ");
	const char *at = state || gone || refused ? skip_word(line, "event=") :
		skip_one_of(line, "event=up", "event=down");
	bool sides;

	at = skip_word(at, " tag=");
	sides = at && !skip(at, " level=refused ");
	at = skip_word(at, " level=");
	at = skip_number(skip_number(at, " dev="), ":");
	at = skip_number(at, " used=");
	at = skip_number(at, " size=");
	at = skip_time(at);
	/* left out for who may not know it */
	if (refused && skip(at, " cause="))
		at = skip_word(at, " cause=");
	if (at && skip_number(at, " asked="))
		at = refused ? skip_number(at, " asked=") : NULL;
	if (state && sides)
		at = skip_one_of(at, " state=above", " state=below");
	else if (!state && !gone)
		at = skip_number(at, " crossings=");
	if (!at || !*at || state || gone)
		return at && !*at;
	at = skip_number(at, " pid=");
	at = skip_number(at, " uid=");
	at = skip_number(at, " cgroup=");
	at = skip(at, " comm=");
	/* escaped: each of its 15 bytes may be two */
	return at && !strchr(at, '\n') && strlen(at) <= 30;
}

bool records_sound(const char *text, size_t size)
{
	char line[RECORD_MAX];

	while (size) {
		const char *end = memchr(text, '\n', size);

		if (!end || end - text >= sizeof(line))
			return false;
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		if (strlen(line) != end - text || !record_sound(line))
			return false;
		size -= end + 1 - text;
		text = end + 1;
	}
	return true;
}

const char *record_field(const struct record *r, const char *key)
{
	static __thread char value[RECORD_MAX];
	const char *comm = strstr(r->line, " comm="), *at = r->line;
	size_t length = strlen(key);

	while (at && *at) {
		bool last = at - 1 == comm;

		if (strncmp(at, key, length) == 0 && at[length] == '=') {
			at += length + 1;
			snprintf(value, sizeof(value), "%.*s",
				 (int)(last ? strlen(at) : strcspn(at, " ")), at);
			return value;
		}
		at = last ? NULL : strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return "";
}

long long record_number(const struct record *r, const char *key)
{
	const char *value = record_field(r, key);
	char *end;
	long long number = strtoll(value, &end, 10);

	return end == value || *end ? -1 : number;
}

long long record_nanoseconds(const struct record *r)
{
	long long seconds, rest;

	if (sscanf(record_field(r, "time"), "%lld.%9lld", &seconds, &rest) != 2)
		return -1;
	return seconds * 1000000000 + rest;
}

long long now_nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

bool record_names_somebody(const struct record *r)
{
	return r->pid >= 0;
}

long long record_sum(int device)
{
	long long sum = 0;
	struct record r;

	while (r = record_left(device), !r.error) {
		if (r.crossings > 0)
			sum += r.crossings;
	}
	return r.error == -EAGAIN || r.error == -ENODATA ? sum : r.error;
}

char *listing(void)
{
	return slurp_path(TMPFSWARN_DEVICE);
}

int listed(const char *text)
{
	char *all = listing(), *line, *rest;
	int count = 0;

	if (!all)
		return -errno;
	for (line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		count += strstr(line, text) != NULL;
	free(all);
	return count;
}

/* ---- somebody else ---- */

/* to be told apart from root by /proc, too */
bool become(uid_t uid)
{
	return setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
	       setresuid(uid, uid, uid) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

pid_t start_as(uid_t uid, other_part *part, void *arg)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		int result;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (uid != getuid() && !become(uid))
			_exit(255);
		/* which the change of credentials has taken back */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		result = part(arg);
		fflush(stdout);
		_exit(result);
	}
	return child;
}

/* what it has returned, or -1 */
int ended(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int as_user(uid_t uid, other_part *part, void *arg)
{
	return ended(start_as(uid, part, arg));
}

bool become_root_of_a_namespace(int flags)
{
	unsigned int uid = getuid(), gid = getgid();
	char map[32];

	if (unshare(CLONE_NEWUSER | flags))
		return false;
	/* for /proc/self to be its own again */
	prctl(PR_SET_DUMPABLE, 1);
	if (write_text("/proc/self/setgroups", "deny"))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_text("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return !write_text("/proc/self/gid_map", map) && getuid() == 0;
}

bool say(int socket)
{
	return send(socket, "", 1, MSG_NOSIGNAL) == 1;
}

bool hear(int socket)
{
	char byte;

	return readable(socket, BOUND) && recv(socket, &byte, 1, 0) == 1;
}

int send_fd(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

int receive_fd(int socket)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}
