// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on the device and on every file of three mounts: one whose triggers a
 * model follows, one that others write to, one that comes and goes.
 *
 * OPERATIONS=1000000 says how many; SEED=NUMBER repeats those of a run before.
 */
#include "scratch.h"
#include "harness.h"
#include "model.h"

#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#define HANDLES	24
#define ERRNOS	134

static const char *const files[] = {
	TMPFSWARN_EVENT_CONTROL, TMPFSWARN_WARN_USED, TMPFSWARN_WARN_USED_EFD,
	TMPFSWARN_V1_OOM_CONTROL, TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE, TMPFSWARN_TRIGGERS,
	TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES, TMPFSWARN_PRESSURE_LEVEL, TMPFSWARN_V1_LIMIT,
	TMPFSWARN_USED_INODES, TMPFSWARN_REFUSED, "../" TMPFSWARN_STATS,
};

#define FILES	(sizeof(files) / sizeof(*files))
#define DOORS	3	/* by the first of them something is registered */
#define WRITTEN	6	/* and these can be written, too: it means nothing here */

/* an open file that operations are done on */
struct handle {
	int fd;
	unsigned int mount;	/* which of the three */
	unsigned int file;
	int mode;		/* O_RDONLY, O_WRONLY, O_RDWR or O_PATH */
};

static struct handle handles[HANDLES];
static struct scratch mounts[3];	/* the third under the lock */
static pthread_mutex_t fleeting = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop;
static atomic_long done, rounds, background_errors;
static long refused[ERRNOS], accepted;

/* ---- beside it ---- */

/* The others go on at the pace of the operations, whatever a kernel makes of that. */
static bool after(long operations)
{
	long until = done + operations;

	while (!stop && done < until)
		usleep(1000);
	return !stop;
}

static void *write_busy(void *arg)
{
	int fd = open(scratch_path(&mounts[1], "busy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	unsigned int i;

	for (i = 0; after(50); i++) {
		if (ftruncate(fd, (i * 17 % 900 + 1) * mounts[1].block) ||
		    fallocate(fd, 0, 0, (i * 37 % 900 + 1) * mounts[1].block))
			background_errors++;
	}
	close(fd);
	return NULL;
}

static void *mount_and_umount(void *arg)
{
	struct scratch m;

	while (!stop) {
		if (scratch_mount(&m, "nr_blocks=100")) {
			background_errors++;
			break;
		}
		pthread_mutex_lock(&fleeting);
		mounts[2] = m;
		pthread_mutex_unlock(&fleeting);
		if (scratch_use(&m, 30) || scratch_use(&m, 20))
			background_errors++;
		after(200);
		/* busy for as long as chatter has it open */
		if (!EVENTUALLY(scratch_umount(&m) == 0))
			background_errors++;
		rmdir(m.path);
		rounds++;
	}
	return NULL;
}

/* what an fd number means changes while it is looked up */
static void *churn_fds(void *arg)
{
	unsigned int i;

	for (i = 0; i % CHURNED || after(20); i++) {
		int slot = CHURN + i % CHURNED;
		int fd = i % 3 == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : listener();

		if (i % 4 == 3)
			close(slot);
		else
			dup3(fd, slot, O_CLOEXEC);
		close(fd);
	}
	for (i = 0; i < CHURNED; i++)
		close(CHURN + i);
	return NULL;
}

/* ---- what is done ---- */

static bool wrong(const char *what, const struct handle *h, long result, int error)
{
	return fail("%s on %s of mount %u, opened %#x: %ld, %s", what, files[h->file], h->mount,
		    h->mode, result, result < 0 ? strerror(error) : "");
}

/* A result below 0 came with one of these errnos; the list ends with 0. */
static bool allowed(const char *what, const struct handle *h, long result, const int *errnos)
{
	int error = errno;

	if (result >= 0)
		return true;
	refused[error < ERRNOS ? error : 0]++;
	/* what is closed: a file that could not be opened again */
	if ((error == ENODEV && h->mount == 2) || (error == EBADF && h->fd < 0))
		return true;
	for (; *errnos; errnos++) {
		if (*errnos == error)
			return true;
	}
	return wrong(what, h, result, error);
}

#define ALLOWED(what, h, result, ...) \
	allowed(what, h, result, (const int[]){ __VA_ARGS__, 0 })

static bool reopen(struct handle *h)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_WRONLY, O_PATH };
	static const int extras[] = {
		0, 0, 0, O_APPEND, O_NONBLOCK, O_TRUNC, O_CREAT, O_CREAT | O_TRUNC, O_NOATIME,
		O_SYNC, O_CREAT | O_EXCL, O_DIRECT, O_DIRECTORY,
	};
	int extra = extras[below(sizeof(extras) / sizeof(*extras))];
	char path[200];

	if (h->fd >= 0)
		close(h->fd);
	h->mount = below(3);
	h->file = below(4) ? below(DOORS) : below(FILES);
	h->mode = modes[below(sizeof(modes) / sizeof(*modes))];
	/* no descriptor's end is that of the trigger that this one makes */
	if (!strcmp(files[h->file], TMPFSWARN_V1_MAX_USAGE))
		h->mount = 2;
	pthread_mutex_lock(&fleeting);
	snprintf(path, sizeof(path), "%s/%s", mounts[h->mount].dir, files[h->file]);
	pthread_mutex_unlock(&fleeting);
	h->fd = open(path, h->mode | extra | O_CLOEXEC, 0600);
	if (h->fd >= 0)
		return true;
	/* the directory of one that is gone, whether or not it was read in time */
	if (h->mount == 2 && (errno == ENOENT || errno == EACCES))
		return true;
	return ALLOWED("open", h, -1, extra & O_EXCL ? EEXIST : EINVAL,
		       extra & O_DIRECTORY ? ENOTDIR : EINVAL);
}

/* nothing but the text and what it names decides */
static bool judge_write(const char *what, const struct handle *h, long result, bool placed)
{
	if (result > 0 && (h->mode == O_PATH || h->mode == O_RDONLY || h->file >= WRITTEN))
		return wrong(what, h, result, 0);
	if (result > 0 && h->file < DOORS)
		accepted++;
	/* no fd stands in a level */
	if (result < 0 && errno == EBADF && h->fd >= 0 && h->file == 1 &&
	    (h->mode == O_WRONLY || h->mode == O_RDWR))
		return wrong(what, h, result, errno);
	return ALLOWED(what, h, result, EINVAL, EBADF, placed ? ESPIPE : EINVAL);
}

static bool scribble_text(struct handle *h)
{
	const char *file = files[h->file];
	char text[600];
	size_t size = scrawl(text, sizeof(text), file), at, piece;
	struct iovec pieces[4];
	int count = 0, i;
	long n;

	switch (below(8)) {
	case 0:		/* each piece is a line of its own */
		for (at = 0; at < size && count < 4; at += piece) {
			piece = count == 3 ? size - at : 1 + below(size - at);
			pieces[count++] = (struct iovec){ text + at, piece };
		}
		n = writev(h->fd, pieces, count);
		break;
	case 1:
		pieces[count++] = (struct iovec){ text, size };
		n = pwrite(h->fd, text, size, rnd() >> (1 + below(63)));
		break;
	default:
		pieces[count++] = (struct iovec){ text, size };
		n = write(h->fd, text, size);
	}
	if (!judge_write(count > 1 ? "writev" : "write", h, n, true))
		return false;
	for (i = 0; h->mount && i < count; i++)
		model_elsewhere(pieces[i].iov_base, pieces[i].iov_len);
	if (h->mount || h->file >= DOORS)
		return true;
	if (n == 0 && size == 0 && h->file == 1)
		return model_foreign(file, text, 0, true);
	for (i = 0; n > 0; n -= pieces[i++].iov_len) {
		if (!model_foreign(file, pieces[i].iov_base, pieces[i].iov_len, count == 1))
			return false;
	}
	return i == 0 || model_settled();
}

static bool write_odd(struct handle *h)
{
	static char much[1 << 20];
	long n;

	switch (below(4)) {
	case 0:		/* too long, whatever it is */
		memset(much, " 5\n"[below(4)], 300);
		n = write(h->fd, much, TMPFSWARN_WRITE_MAX + 1 +
			  below(sizeof(much) - TMPFSWARN_WRITE_MAX - 1));
		if (n > 0)
			return wrong("a long write", h, n, 0);
		return judge_write("a long write", h, n, false);
	case 1:		/* more than any call takes */
		n = syscall(SYS_write, h->fd, much, LONG_MAX);
		if (n > 0)
			return wrong("an endless write", h, n, 0);
		return ALLOWED("an endless write", h, n, EINVAL, EBADF, EFAULT);
	case 2:
		n = write(h->fd, (void *)8, 1 + below(300));
		if (n > 0)
			return wrong("a write from nowhere", h, n, 0);
		return ALLOWED("a write from nowhere", h, n, EINVAL, EBADF, EFAULT);
	default:
		n = write(h->fd, "", 0);
		if (n == 0 && h->mount == 0 && h->file == 1)
			return model_foreign(files[1], "", 0, true);
		return judge_write("an empty write", h, n, false);
	}
}

static bool read_odd(struct handle *h)
{
	struct iovec pieces[3];
	char bytes[5000];
	long n, i;

	switch (below(6)) {
	case 0:		/* byte by byte, from wherever it stands */
		for (i = 0; i < 50; i++) {
			n = read(h->fd, bytes, 1);
			if (n != 1)
				break;
		}
		break;
	case 1:
		n = pread(h->fd, bytes, below(sizeof(bytes)), rnd() >> (1 + below(63)));
		break;
	case 2:
		for (i = 0; i < 3; i++)
			pieces[i] = (struct iovec){ bytes + 1000 * i, below(1000) };
		n = below(2) ? readv(h->fd, pieces, 3) : preadv(h->fd, pieces, 3, below(300));
		break;
	case 3:
		n = read(h->fd, (void *)8, 1 + below(100));
		break;
	default:
		if (h->fd >= 0 && h->mode != O_PATH)
			lseek(h->fd, 0, SEEK_SET);
		n = read(h->fd, bytes, sizeof(bytes));
	}
	if (n > 0 && h->mode == O_WRONLY)
		return wrong("read", h, n, 0);
	return ALLOWED("read", h, n, EINVAL, EBADF, EFAULT);
}

/* what these files do not do, or what means nothing to them */
static bool other(struct handle *h)
{
	static const unsigned long requests[] = {
		FIONREAD, FIONBIO, FIOASYNC, FIGETBSZ, FIBMAP, FS_IOC_GETFLAGS, FS_IOC_FIEMAP,
		FICLONE, 0x5401, 0, ~0UL,
	};
	static int out[2];
	long size = below(3) ? rnd() >> (1 + below(63)) : -(long)below(1000);
	struct handle *to = &handles[below(HANDLES)];
	struct pollfd p = { .fd = h->fd, .events = POLLIN | POLLOUT | POLLPRI };
	long argument[8] = { 0 };
	char bytes[600];
	loff_t from = 0;
	void *at;
	long n;

	if (!out[1] && pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return fail("no pipe");
	switch (below(12)) {
	case 0:
		return ALLOWED("lseek", h, lseek(h->fd, size, below(6)), EINVAL, EBADF, ENXIO,
			       EOVERFLOW, ESPIPE);
	case 1:
		at = mmap(NULL, 4096, PROT_READ | below(2) * PROT_WRITE,
			  below(2) ? MAP_SHARED : MAP_PRIVATE, h->fd, 0);
		if (at != MAP_FAILED)
			return wrong("mmap", h, 0, 0);
		return ALLOWED("mmap", h, -1, ENODEV, EACCES, EBADF);
	case 2:
		n = ioctl(h->fd, requests[below(sizeof(requests) / sizeof(*requests))], argument);
		return ALLOWED("ioctl", h, n, ENOTTY, EINVAL, EBADF, EOPNOTSUPP, EXDEV, EISDIR,
			       EFAULT, EPERM);
	case 3:
		return ALLOWED("poll", h, poll(&p, 1, 0), EINVAL);
	case 4:
		return ALLOWED("ftruncate", h, ftruncate(h->fd, size), EINVAL, EBADF, EFBIG);
	case 5:
		return ALLOWED("fallocate", h, fallocate(h->fd, below(4), 0, 4096), EINVAL, EBADF,
			       EOPNOTSUPP, ENODEV, ESPIPE);
	case 6:
		return ALLOWED("fsync", h, below(2) ? fsync(h->fd) : fdatasync(h->fd), EINVAL,
			       EBADF);
	case 7:		/* into it */
		n = scrawl(bytes, sizeof(bytes), files[h->file]);
		if (write(out[1], bytes, n) != n)
			return fail("the pipe is full");
		n = splice(out[0], NULL, h->fd, below(2) ? NULL : &from, sizeof(bytes),
			   SPLICE_F_NONBLOCK);
		while (read(out[0], bytes, sizeof(bytes)) > 0)
			;
		if (n > 0)
			return wrong("splice into", h, n, 0);
		return ALLOWED("splice into", h, n, EINVAL, EBADF, ESPIPE, EAGAIN);
	case 8:		/* out of it */
		n = splice(h->fd, below(2) ? NULL : &from, out[1], NULL, 4096, SPLICE_F_NONBLOCK);
		while (read(out[0], bytes, sizeof(bytes)) > 0)
			;
		return ALLOWED("splice out of", h, n, EINVAL, EBADF, ESPIPE, EAGAIN, EOVERFLOW);
	case 9:
		n = sendfile(to->fd, h->fd, below(2) ? NULL : &from, 1 + below(300));
		if (n > 0)
			return wrong("sendfile", h, n, 0);
		return ALLOWED("sendfile", h, n, EINVAL, EBADF, ESPIPE, EAGAIN, ENODEV,
			       EOVERFLOW);
	case 10:
		n = syscall(SYS_copy_file_range, h->fd, NULL, to->fd, NULL, 1 + below(300), 0);
		if (n > 0)
			return wrong("copy_file_range", h, n, 0);
		return ALLOWED("copy_file_range", h, n, EINVAL, EBADF, EXDEV, EOPNOTSUPP, ENODEV,
			       EOVERFLOW, EFBIG);
	default:
		n = fcntl(h->fd, F_SETFL, (below(2) * O_APPEND) | (below(2) * O_NONBLOCK) |
			  (below(2) * O_DIRECT));
		return ALLOWED("fcntl", h, n, EINVAL, EBADF);
	}
}

/* the directory is nobody's to change */
static bool directory(struct handle *h)
{
	char from[200], to[200];
	int n;

	snprintf(from, sizeof(from), "%s/%s", mounts[0].dir, files[below(FILES)]);
	snprintf(to, sizeof(to), "%s/%s", mounts[0].dir, below(2) ? "new" : files[below(FILES)]);
	switch (below(6)) {
	case 0:
		n = mkdir(to, 0700);
		break;
	case 1:
		n = unlink(from);
		break;
	case 2:
		n = rename(from, to);
		if (!strcmp(from, to))
			return true;
		break;
	case 3:
		n = link(from, to);
		break;
	case 4:
		n = symlink(from, to);
		break;
	default:
		n = rmdir(mounts[0].dir);
	}
	if (n == 0)
		return fail("%s or %s: changed", from, to);
	return ALLOWED("a change of the directory", h, -1, EPERM, EACCES, EEXIST, ENOTEMPTY,
		       ENOENT, EBUSY, EINVAL, EXDEV, EROFS, EMLINK);
}

static bool operate(void)
{
	struct handle *h = &handles[below(HANDLES)];
	unsigned int dice = below(100);
	struct scratch going;

	if (below(5) == 0) {
		pthread_mutex_lock(&fleeting);
		going = mounts[2];
		pthread_mutex_unlock(&fleeting);
		return chatter(&going);
	}
	if (dice < 45)
		return scribble_text(h);
	if (dice < 53)
		return write_odd(h);
	if (dice < 71)
		return read_odd(h);
	if (dice < 86)
		return other(h);
	if (dice < 88)
		return directory(h);
	if (dice < 91)
		return reopen(h);
	if (dice < 95)
		return scrawl_wrong_fds(&mounts[0]);
	/* each of these reads and compares all that the model knows, which takes long */
	switch (below(12)) {
	case 0 ... 1:
		return model_register();
	case 2:
		return model_register_rfc();
	case 3:
		return model_register_listed();
	case 4:
		return model_set_level();
	case 5:
		return model_close();
	case 6 ... 8:
		return model_move();
	case 9:
		scrawl_renew_any();
	}
	return model_check();
}

/* ---- the test ---- */

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

FIXTURE(mounts) {
};

FIXTURE_SETUP(mounts)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&mounts[0], "nr_blocks=1000"));
	ASSERT_EQ(0, scratch_mount(&mounts[1], "nr_blocks=1000"));
	mounts[2] = mounts[1];
	/* not there yet */
	strcpy(mounts[2].dir, ROOM "/none");
}

FIXTURE_TEARDOWN(mounts)
{
	scratch_end(&mounts[0]);
	scratch_end(&mounts[1]);
}

TEST_F_TIMEOUT(mounts, no_operation_on_the_files_does_harm_and_what_is_refused_changes_nothing, 40000)
{
	static void *(*const beside[])(void *) = { write_busy, mount_and_umount, churn_fds };
	uint64_t seed = from_environment("SEED", now_ms() * 1000003ULL ^ getpid());
	long operations = from_environment("OPERATIONS", 10000), i;
	pthread_t threads[3];
	long long begun = now_ms();
	bool good = true;

	printf("# SEED=%llu OPERATIONS=%ld\n", (unsigned long long)seed, operations);
	random_start(seed);
	ASSERT_TRUE(scrawl_start(&mounts[0], &mounts[1]));
	ASSERT_TRUE(model_start(&mounts[0]));
	ASSERT_TRUE(chatter_start(&mounts[0]));
	for (i = 0; i < HANDLES; i++) {
		handles[i].fd = -1;
		ASSERT_TRUE(reopen(&handles[i])) TH_LOG("%s", failure);
	}
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, beside[i], NULL));
	for (i = 0; i < operations && good; i++) {
		good = operate();
		done = i + 1;
	}
	EXPECT_TRUE(good) TH_LOG("operation %ld: %s", i, failure);

	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, background_errors);
	EXPECT_LT(0, accepted);
	printf("# %lld s; %ld lines accepted, %ld mounts came and went; refused:",
	       (now_ms() - begun) / 1000, accepted, (long)rounds);
	for (i = 0; i < ERRNOS; i++) {
		if (refused[i])
			printf(" %ld %s,", refused[i], strerrorname_np(i));
	}
	printf("\n");

	/* all eventfds are closed: nothing is registered */
	for (i = 0; i < HANDLES; i++)
		close(handles[i].fd);
	model_stop();
	chatter_stop();
	scrawl_stop();
	EXPECT_TRUE(EVENTUALLY(trigger_count(&mounts[0]) == 0));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&mounts[1]) == 0));
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == 0));
	EXPECT_EQ(0, scratch_umount(&mounts[0]));
	EXPECT_EQ(0, scratch_umount(&mounts[1]));
	EXPECT_TRUE(EVENTUALLY(!scratch_shown(&mounts[0]) && !scratch_shown(&mounts[1])));
	if (module_file()) {
		EXPECT_TRUE(EVENTUALLY(module_remove() == 0));
		EXPECT_EQ(0, module_insert(""));
	}
}

TEST_HARNESS_MAIN
