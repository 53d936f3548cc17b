// SPDX-License-Identifier: GPL-2.0
/*
 * The same job as well as BPF lets one do it: find the mount by the device
 * number of the superblock, compare its usage with a level, post a crossing to
 * a ring buffer. Near the level usage is summed up over the CPUs, by hand.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "peer.h"

/* of the kernel's types what is needed here; where it lies is found at load */
#define OF_THE_KERNEL	__attribute__((preserve_access_index))

struct percpu_counter {
	__s64 count;
	__s32 *counters;
} OF_THE_KERNEL;

struct shmem_sb_info {
	struct percpu_counter used_blocks;
} OF_THE_KERNEL;

struct super_block {
	__u32 s_dev;
	void *s_fs_info;
} OF_THE_KERNEL;

struct inode {
	struct super_block *i_sb;
} OF_THE_KERNEL;

#define MAX_CPUS	64

extern const void __per_cpu_offset __ksym;

const volatile __u32 cpus;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct peer_mount);
} mounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} crossings SEC(".maps");

/* The sum over the CPUs is as good as the one of the kernel, only that it takes no lock. */
static __always_inline __s64 sum(const struct percpu_counter *counter, __s64 count)
{
	const char *counters = (const char *)BPF_CORE_READ(counter, counters);
	__u32 cpu;

	for (cpu = 0; cpu < MAX_CPUS && cpu < cpus; cpu++) {
		const __u64 *offset = (const __u64 *)&__per_cpu_offset + cpu;
		__u64 base = 0;
		__s32 part = 0;

		bpf_probe_read_kernel(&base, sizeof(base), offset);
		bpf_probe_read_kernel(&part, sizeof(part), counters + base);
		count += part;
	}
	return count;
}

static __always_inline void check(__u32 dev, const struct shmem_sb_info *sbinfo,
				  struct peer_mount *mount)
{
	__s64 used = BPF_CORE_READ(sbinfo, used_blocks.count);
	__s64 slack = (cpus > 16 ? 2 * cpus : 32) * cpus;
	struct peer_crossing *crossing;
	__u64 above;

	if (used + slack >= mount->level && used - slack < mount->level)
		used = sum(&sbinfo->used_blocks, used);
	above = used >= mount->level;
	if (above == mount->above ||
	    __sync_val_compare_and_swap(&mount->above, !above, above) == above)
		return;
	/* a client of the module that asks for rising hears of no fall either */
	if (!above)
		return;
	crossing = bpf_ringbuf_reserve(&crossings, sizeof(*crossing), 0);
	if (!crossing)
		return;
	crossing->dev = dev;
	crossing->used = used;
	bpf_ringbuf_submit(crossing, 0);
}

SEC("fentry/shmem_recalc_inode")
int BPF_PROG(on_fentry, struct inode *inode)
{
	__u32 dev = inode->i_sb->s_dev;
	struct peer_mount *mount = bpf_map_lookup_elem(&mounts, &dev);

	if (mount)
		check(dev, inode->i_sb->s_fs_info, mount);
	return 0;
}

SEC("kprobe/shmem_recalc_inode")
int BPF_KPROBE(on_kprobe, struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	__u32 dev = BPF_CORE_READ(sb, s_dev);
	struct peer_mount *mount = bpf_map_lookup_elem(&mounts, &dev);

	if (mount)
		check(dev, BPF_CORE_READ(sb, s_fs_info), mount);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
