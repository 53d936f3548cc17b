// SPDX-License-Identifier: GPL-2.0
/*
 * Loads the BPF program that does the same, and hears what it has to say.
 */
#include "bench.h"

#include <libgen.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "peer.h"

struct peer {
	struct bpf_object *object;
	struct bpf_link *link;
	struct ring_buffer *ring;
	int mounts;
};

const char *const peers[HOOKS] = { "BPF kprobe", "BPF fentry" };
static const char *const programs[HOOKS] = { "on_kprobe", "on_fentry" };

/* the last complaint of the library, of which the first line is the reason */
static char complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	char *c;

	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(complaint, sizeof(complaint), format, args);
	for (c = complaint; *c; c++) {
		if (*c == '"' || *c == '\\' || *c < ' ')
			*c = ' ';
	}
	return 0;
}

static int on_crossing(void *context, void *data, size_t size)
{
	return 0;
}

static int load(struct peer *peer, const char *hook)
{
	char self[256], path[300];
	struct bpf_program *program, *wanted = NULL;
	struct bpf_map *data;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	__u32 cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (n < 0)
		fail("readlink: %m");
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/peer.bpf.o", dirname(self));
	peer->object = bpf_object__open_file(path, NULL);
	if (!peer->object)
		fail("%s: %m", path);
	bpf_object__for_each_program(program, peer->object) {
		bool this = strcmp(bpf_program__name(program),
				   programs[strcmp(hook, peers[0]) != 0]) == 0;

		bpf_program__set_autoload(program, this);
		if (this)
			wanted = program;
	}
	data = bpf_object__find_map_by_name(peer->object, ".rodata");
	if (!wanted || !data || bpf_map__set_initial_value(data, &cpus, sizeof(cpus)))
		fail("%s is not what it should be", path);
	if (bpf_object__load(peer->object))
		return -errno;
	peer->mounts = bpf_object__find_map_fd_by_name(peer->object, "mounts");
	peer->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(peer->object, "crossings"),
				      on_crossing, NULL, NULL);
	if (!peer->ring)
		fail("ring buffer: %m");
	peer->link = bpf_program__attach(wanted);
	return peer->link ? 0 : -errno;
}

/* What the kernel or the library answers where there is no BPF, BTF, kind of hook, or function. */
static bool is_lack(int error)
{
	static const int lacks[] = {
		-ENOSYS, -EOPNOTSUPP, -524 /* ENOTSUPP */, -ESRCH, -ENOENT,
	};
	unsigned int i;

	for (i = 0; i < sizeof(lacks) / sizeof(*lacks); i++) {
		if (error == lacks[i])
			return true;
	}
	return false;
}

/* NULL, after saying so, where the kernel has no such hook. */
struct peer *peer_start(const char *hook)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	char why[400];
	int error;

	if (!peer)
		fail("no memory");
	libbpf_set_print(keep_complaint);
	complaint[0] = '\0';
	error = load(peer, hook);
	if (!error)
		return peer;
	if (!is_lack(error))
		fail("%s: %s: %s", hook, strerror(-error), complaint);
	snprintf(why, sizeof(why), "%s: %s", strerror(-error), complaint);
	lack(hook, why);
	peer_end(peer);
	return NULL;
}

/* the kernel's own form of a device number */
static __u32 device(struct place *place)
{
	struct stat st;

	if (fstat(place->fd, &st))
		fail("fstat: %m");
	return major(st.st_dev) << 20 | minor(st.st_dev);
}

/* Anew from now on, in blocks. */
void peer_watch(struct peer *peer, struct place *place, long long level)
{
	struct peer_mount mount = { .level = level };
	__u32 dev = device(place);

	mount.above = scratch_used(&place->mount) >= level;
	if (bpf_map_update_elem(peer->mounts, &dev, &mount, BPF_ANY))
		fail("map: %m");
}

void peer_forget(struct peer *peer, struct place *place)
{
	__u32 dev = device(place);

	if (bpf_map_delete_elem(peer->mounts, &dev))
		fail("map: %m");
}

int peer_fd(struct peer *peer)
{
	return ring_buffer__epoll_fd(peer->ring);
}

/* Waits until told, and returns how often that was. */
long long peer_take(struct peer *peer)
{
	int count = ring_buffer__poll(peer->ring, -1);

	if (count < 0)
		fail("ring buffer: %s", strerror(-count));
	return count;
}

void peer_end(struct peer *peer)
{
	bpf_link__destroy(peer->link);
	ring_buffer__free(peer->ring);
	bpf_object__close(peer->object);
	free(peer);
	/* the program goes some time after its last user */
	quiesce();
}
