// SPDX-License-Identifier: GPL-2.0
#include "scratch.h"

#include <sys/klog.h>
#include <sys/utsname.h>
#include <time.h>

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int often(int some, int all)
{
	return getenv("EACH") ? all : some;
}

/* On PREEMPT_RT a signal may come a little after the system call (promise 1). */
bool realtime_kernel(void)
{
	static int known = -1;
	struct utsname u;

	if (known < 0) {
		uname(&u);
		known = strstr(u.version, "PREEMPT_RT") ||
			access("/sys/kernel/realtime", F_OK) == 0;
	}
	return known;
}

bool kernel_up_to(int major, int minor)
{
	struct utsname name;
	int its_major = 0, its_minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &its_major, &its_minor);
	return its_major < major || (its_major == major && its_minor <= minor);
}

void raise_fd_limit(void)
{
	struct rlimit r = { 8192, 8192 };

	setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- the mount ---- */

static int name_directory(struct scratch *m)
{
	struct stat st;
	struct statvfs v;

	if (stat(m->path, &st) || statvfs(m->path, &v))
		return -errno;
	m->dev = st.st_dev;
	m->block = v.f_bsize;
	snprintf(m->dir, sizeof(m->dir), ROOM "/%u:%u", major(st.st_dev), minor(st.st_dev));
	return 0;
}

/*
 * A directory may be that of a mount which had the number before and is just
 * being removed: its files say ENODEV. Or it is just being made: its files are
 * not all there yet. The count is read first: then it is ours, and stays.
 */
bool scratch_shown(const struct scratch *m)
{
	static const char *const files[] = {
		TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES, TMPFSWARN_USED_INODES, TMPFSWARN_PRESSURE_LEVEL,
		TMPFSWARN_EVENT_CONTROL, TMPFSWARN_WARN_USED, TMPFSWARN_WARN_USED_EFD,
		TMPFSWARN_TRIGGERS, TMPFSWARN_REFUSED, TMPFSWARN_V1_EVENT_CONTROL, TMPFSWARN_V1_USAGE,
		TMPFSWARN_V1_LIMIT, TMPFSWARN_V1_PRESSURE_LEVEL, TMPFSWARN_V1_OOM_CONTROL,
		TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE,
	};
	char path[160], *text = slurp(m, TMPFSWARN_USED_BYTES);
	unsigned int i;

	if (!text)
		return false;
	free(text);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", m->dir, files[i]);
		if (access(path, F_OK))
			return false;
	}
	return true;
}

/* make m describe a mount that is there already */
int scratch_adopt(struct scratch *m, const char *path)
{
	int error;

	if (path != m->path)
		snprintf(m->path, sizeof(m->path), "%s", path);
	error = name_directory(m);
	if (error)
		return error;
	return EVENTUALLY(scratch_shown(m)) ? 0 : -ETIMEDOUT;
}

/* mount a new tmpfs, in a mount namespace of this process, and wait to see it */
int scratch_mount(struct scratch *m, const char *options)
{
	static bool private;
	int error;

	if (!private) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			return -errno;
		private = true;
	}
	snprintf(m->path, sizeof(m->path), "/tmp/tmpfswarn.XXXXXX");
	if (!mkdtemp(m->path))
		return -errno;
	if (mount("scratch", m->path, "tmpfs", 0, options)) {
		error = -errno;
		rmdir(m->path);
		return error;
	}
	return scratch_adopt(m, m->path);
}

int scratch_remount(const struct scratch *m, const char *options)
{
	return mount(NULL, m->path, NULL, MS_REMOUNT, options) ? -errno : 0;
}

int scratch_umount(const struct scratch *m)
{
	return umount2(m->path, 0) ? -errno : 0;
}

/* for a teardown: whatever the test has left of it */
void scratch_end(const struct scratch *m)
{
	if (!m->path[0])
		return;
	while (umount2(m->path, MNT_DETACH) == 0)
		;
	rmdir(m->path);
}

char *scratch_path(const struct scratch *m, const char *name)
{
	static __thread char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->path, name);
	return path;
}

long long scratch_used(const struct scratch *m)
{
	struct statvfs v;

	if (statvfs(m->path, &v))
		return -errno;
	return v.f_blocks - v.f_bfree;
}

long long scratch_blocks(const struct scratch *m)
{
	struct statvfs v;

	if (statvfs(m->path, &v))
		return -errno;
	return v.f_blocks;
}

/* one write(2) for each block */
int append_blocks(int fd, const struct scratch *m, long long blocks)
{
	static const char zero[65536];
	ssize_t n;

	for (; blocks > 0; blocks--) {
		n = write(fd, zero, m->block);
		if (n != m->block)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

int scratch_use(const struct scratch *m, long long blocks)
{
	const char *path = scratch_path(m, "filler");
	long long more = blocks - scratch_used(m);
	struct stat st;
	int fd, error;

	if (more <= 0) {
		if (more == 0)
			return 0;
		if (stat(path, &st))
			return -errno;
		return truncate(path, st.st_size + more * m->block) ? -errno : 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = append_blocks(fd, m, more);
	close(fd);
	return error;
}

/* ---- files below debugfs ---- */

int put_bytes(const struct scratch *m, const char *file, const void *bytes, size_t size)
{
	char path[160];
	int fd, result;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, bytes, size);
	result = n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
	close(fd);
	return result;
}

int put(const struct scratch *m, const char *file, const char *text)
{
	return put_bytes(m, file, text, strlen(text));
}

/* the whole of a file, to be freed; NULL and errno when it cannot be read */
char *slurp_path(const char *path)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, text + size, room - size - 1)) > 0) {
		size += n;
		if (room - size < 2048)
			text = realloc(text, room *= 2);
	}
	if (n < 0) {
		int error = errno;

		free(text);
		text = NULL;
		if (fd >= 0)
			close(fd);
		errno = error;
		return NULL;
	}
	close(fd);
	text[size] = '\0';
	return text;
}

char *slurp(const struct scratch *m, const char *file)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	return slurp_path(path);
}

/* the value in a file of "key value" lines */
bool value_in(const char *path, const char *key, char *value, size_t size)
{
	char *text = slurp_path(path), *line, *rest;
	size_t length = strlen(key);
	bool found = false;

	if (!text)
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, key, length) || line[length] != ' ')
			continue;
		snprintf(value, size, "%s", line + length + 1);
		found = true;
		break;
	}
	free(text);
	return found;
}

/* -1 when there is no such key or no number behind it */
long long number_in(const char *path, const char *key)
{
	char value[64], *end;
	long long number;

	if (!value_in(path, key, value, sizeof(value)))
		return -1;
	number = strtoll(value, &end, 10);
	return end == value || *end ? -1 : number;
}

long long stat_of(const char *key)
{
	return number_in(ROOM "/" TMPFSWARN_STATS, key);
}

long long usage_of(const struct scratch *m, const char *key)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, TMPFSWARN_USAGE);
	return number_in(path, key);
}

int trigger_count(const struct scratch *m)
{
	char *text = slurp(m, TMPFSWARN_TRIGGERS), *c;
	int count = 0;

	if (!text)
		return -errno;
	for (c = text; *c; c++)
		count += *c == '\n';
	free(text);
	return count;
}

bool trigger_field(const struct scratch *m, int index, const char *key, char *value, size_t size)
{
	char *text = slurp(m, TMPFSWARN_TRIGGERS), *line = text, *word, *rest;
	size_t length = strlen(key);
	bool found = false;

	while (line && index--) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (line)
		line[strcspn(line, "\n")] = '\0';
	for (word = line ? strtok_r(line, " ", &rest) : NULL; word;
	     word = strtok_r(NULL, " ", &rest)) {
		if (strncmp(word, key, length) || word[length] != '=')
			continue;
		snprintf(value, size, "%s", word + length + 1);
		found = true;
		break;
	}
	free(text);
	return found;
}

long long trigger_number(const struct scratch *m, int index, const char *key)
{
	char value[64], *end;
	long long number;

	if (!trigger_field(m, index, key, value, sizeof(value)))
		return -1;
	number = strtoll(value, &end, 10);
	return end == value || *end ? -1 : number;
}

/* ---- eventfds and registrations ---- */

int listener(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* register efd; the resource file is closed again at once */
int control(const struct scratch *m, int efd, const char *resource, const char *args)
{
	char text[512], path[160];
	int cfd, error;

	snprintf(path, sizeof(path), "%s/%s", m->dir, resource);
	cfd = open(path, O_RDONLY | O_CLOEXEC);
	if (cfd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d %s", efd, cfd, args);
	error = put(m, TMPFSWARN_EVENT_CONTROL, text);
	close(cfd);
	return error;
}

/* a new eventfd, registered */
int listen_to(const struct scratch *m, const char *resource, const char *args)
{
	int efd = listener();
	int error = control(m, efd, resource, args);

	if (error) {
		close(efd);
		return error;
	}
	return efd;
}

int listen_blocks(const struct scratch *m, long long blocks, const char *words)
{
	char args[128];

	snprintf(args, sizeof(args), "%lld %s", blocks * m->block, words);
	return listen_to(m, TMPFSWARN_USED_BYTES, args);
}

/* a new eventfd, registered at the RFC's interface in the RFC's way */
int rfc_listen(const struct scratch *m)
{
	int efd = listener();
	char text[16];
	int error;

	snprintf(text, sizeof(text), "%d", efd);
	error = put(m, TMPFSWARN_WARN_USED_EFD, text);
	if (error) {
		close(efd);
		return error;
	}
	return efd;
}

bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && (p.revents & POLLIN);
}

static long long take(int efd)
{
	uint64_t count;

	return read(efd, &count, sizeof(count)) == sizeof(count) ? (long long)count : 0;
}

/* what the counter has gathered when it reached want, or had no more within the bound */
long long signals_soon(int efd, long long want)
{
	long long count = take(efd);

	while (count < want && readable(efd, BOUND))
		count += take(efd);
	return count + take(efd);
}

/* what the counter has gathered by now; only an RT kernel is given time */
long long signals(int efd, long long want)
{
	long long count, end;

	if (!realtime_kernel())
		return take(efd);
	count = signals_soon(efd, want);
	end = now_ms() + BOUND;
	while (readable(efd, 20) && now_ms() < end)
		count += take(efd);
	return count;
}

/* ---- the module ---- */

const char *module_file(void)
{
	return getenv("TMPFSWARN_KO");
}

/* Those of the environment come first, so that of two the test's own counts. */
int module_insert(const char *parameters)
{
	const char *always = getenv("TMPFSWARN_PARAMETERS");
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC);
	char all[512];
	int error;

	if (fd < 0)
		return -errno;
	snprintf(all, sizeof(all), "%s %s", always ? always : "", parameters);
	error = syscall(SYS_finit_module, fd, all, 0) ? -errno : 0;
	close(fd);
	return error;
}

int module_remove(void)
{
	return syscall(SYS_delete_module, TMPFSWARN_NAME, O_NONBLOCK) ? -errno : 0;
}

/* ---- the kernel ---- */

/* how many lines of the module's behind the mark have the text */
int in_log(const char *mark, const char *text)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1), lines = 0;
	char *line, *rest;

	if (n < 0)
		return 0;
	log[n] = '\0';
	line = strstr(log, mark);
	for (line = line ? strtok_r(line, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *own = strstr(line, TMPFSWARN_NAME ": ");

		lines += own && strstr(own, text);
	}
	return lines;
}

/* 0, or what write(2) of @text to @path fails with */
int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}
