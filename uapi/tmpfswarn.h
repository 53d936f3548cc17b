/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * tmpfswarn: tell user space when a tmpfs fills past a level
 *
 * What the module and its users share: two interfaces, the grammar of what is
 * written to them, limits. /dev/tmpfswarn is for everybody, the files below
 * /sys/kernel/debug/tmpfswarn are for root.
 *
 *
 * The device
 *
 * Opened for reading and writing it is a listener. Registering, one registration for
 * each write(2), the whole of it or nothing:
 *
 *	"<fd> <level> [word ...]"
 *
 *   fd		decimal number of a file descriptor of the writing process, on any file
 *		or directory of the mount; O_PATH will do. It may be closed after the
 *		write, and does not keep the mount busy
 *   level	as for event_control below: bytes, a percentage or -1, or low, medium
 *		or critical; with "inodes:" before it as for used_inodes: inodes:90%,
 *		inodes:100000; or, for what has no level, refused: see Refusals below
 *   word	as for event_control, or
 *		tag=TEXT 1 to 63 printable ASCII characters without a space, which come
 *			 back in each record. The default is the level as it was
 *			 written
 *
 *	"forget <tag>"
 *
 * ends the registrations of that tag. All end with the last close of the open file, which
 * keeps the module, but no mount.
 *
 * Reading: a stream of records, one a line, the oldest first. read(2) returns as many
 * whole lines as fit, or a part of the first one. It blocks while there is none, or fails with
 * EAGAIN if the file is O_NONBLOCK. Once the last registration has ended and all was read it
 * returns 0, and poll(2) says EPOLLHUP. A record is there, for read(2) and poll(2), when the
 * system call returns that has crossed; who sleeps, and epoll(7), is told a moment later. A
 * record is "key=value" separated by a space; keys
 * may be added, and unknown ones are to be ignored:
 *
 *   event	state	once for each registration, before all else
 *		up	usage has become >= level, or gone up by the hysteresis
 *		down	usage has become < level, or gone down by the hysteresis
 *		refused	the mount has refused a system call, see Refusals below
 *		gone	the mount has gone, or a remount has taken the limit away (size=0
 *			that of bytes, nr_inodes=0 that of inodes): the registration has ended
 *   tag	of the registration
 *   level	as registered: bytes, NN%, -1, low, medium, critical; with "inodes:" for
 *		those; or refused
 *   dev	st_dev of the mount, "major:minor" in decimal
 *   used	in bytes, or inodes: the sum that has decided the crossing; 0 for gone. For
 *		refused, that and size are as they were when the call returned, in inodes
 *		where the cause is inodes, in bytes otherwise
 *   size	of the mount then, in bytes, or how many inodes it may have: 0 if it has lost
 *		its limit
 *   time	when that was found, in seconds of CLOCK_REALTIME, with nine decimals
 *   cause	for refused: size, inodes, quota or overcommit
 *   asked	for refused, where that is known: how much the call has asked for, in the same
 *		as used: what was passed to write(2), pwrite(2) and fallocate(2), a page for a
 *		page fault, an inode (also if a quota has refused that, where used is in bytes).
 *		Where the task below is left out, asked is left out, too, and so is cause,
 *		unless it is size or inodes. So whoever may watch a mount is told that a call
 *		was refused there, and whether it was for the mount's limits: of a fallocate(2)
 *		larger than the mount, too, of which fstatfs(2) shows nothing. Who is told of
 *		all tasks is told of these always
 *   state	for state: above or below the level; none for refused
 *   crossings	for up, down and refused: how many the record stands for, 1 or more. The module
 *		keeps 8 records of each registration. While these are unread, further crossings
 *		are added up in the last of them, which then tells the last crossing
 *   pid uid cgroup comm
 *		for up, down and refused, together or not at all: the task whose call
 *		has crossed, or was refused. Its thread group id, in the pid namespace of who has
 *		opened the device (0 if that does not show it); its uid, in that one's user
 *		namespace; the id of its cgroup v2; its name, the rest of the line, with newline and
 *		backslash as in /proc/PID/status.
 *		Who had CAP_SYS_PTRACE in the initial user namespace at open is told of all
 *		tasks; others of those with their own uid, real, effective and saved,
 *		that their pid namespace shows. It is a task without whose call usage would not
 *		have crossed; of several that cross together, one of these. They are left out
 *		where that cannot be told, as when others have gone past the level at the same
 *		moment; where it was a remount, or an xattr; where a full mount has given back
 *		what its huge pages have beyond the ends of files; and for bytes always on
 *		kernels before 6.6, which do not say how much was allocated
 *
 * Who may register: credentials (user and group ids, user namespace, no further
 * capabilities) must be those with which the device was opened. A user without
 * CAP_SYS_RESOURCE may have max_user_triggers registrations, a parameter of the module;
 * records that were not read count. In a user namespace that he has made, and in those
 * inside, he is the same user. One that root has made is a user of its own.
 *
 * A write that is refused changes nothing:
 *
 *   EBADF	fd is not an open file descriptor
 *   EINVAL	the grammar; fd is on no tmpfs; a level no size can reach
 *   EPERM	other credentials than those with which the device was opened
 *   EDQUOT	a limit: of the user; of the mount or in all, of which users without
 *		CAP_SYS_RESOURCE together may have an eighth and a half (see the module's
 *		parameters), and of a mount 32 for refused: each of them one, and up to 8 while
 *		there are fewer than 16; or the mount is one of more than max_mounts of its owner,
 *		of which one that is gone counts until no system call is under way there. What
 *		asks for once counts for a moment after it was told
 *   ENOENT	forget: nothing has that tag
 *   ENODEV, EOPNOTSUPP, EIO, ENOMEM	as below; EOPNOTSUPP for a memfd, too
 *
 * Refusals. A system call is refused that a mount has answered with ENOSPC, or with EDQUOT, where
 * the kernel has quotas for tmpfs; so is a page fault that ends in SIGBUS. That is told once for
 * each, when it returns; a write(2) that returns how much it could write is none yet. There is no
 * level, no direction and no hysteresis: the words are once and tag=TEXT. The cause tells what to
 * do:
 *
 *   size	the mount is as large as it may be: make space or remount it larger
 *   inodes	it has as many inodes as it may have, whatever df(1) says of bytes: remove files,
 *		or remount with a larger nr_inodes. Since Linux 6.6 xattrs take inodes, too
 *   quota	of the user or group. A mount without quotas refuses nothing for that: EDQUOT of a
 *		call on it is another file system's
 *   overcommit	the mount has space, but the machine does not promise that much memory, see
 *		vm.overcommit_memory. Not seen by kernels without transparent huge pages, as are
 *		those with PREEMPT_RT, but for what is told as size where few blocks are left
 *
 * Not told of are chown(2) and chgrp(2) of a file whose new owner or group has used up his quota;
 * and a file that cannot be made since there is no memory for its inode, which the kernel answers
 * with ENOSPC, or it is told as inodes if few of these are left. Nor is what has no such answer: a
 * task that runs out of memory of its cgroup is killed or is answered ENOMEM, and by a full mount
 * an ioctl(2) of userfaultfd(2) and madvise(2) with MADV_POPULATE_WRITE are answered otherwise,
 * and mlock(2) is; a system call that touches a mapped page which cannot be had ends in EFAULT, or
 * in less than was asked for; io_submit(2) and io_uring_enter(2) return how many they have taken,
 * and what they have done at once has its error in an event; and a core file is cut short. On
 * 32-bit kernels a fallocate(2) larger than the whole mount is not seen, nor is an xattr. On x86
 * without CONFIG_FUNCTION_TRACER nothing is, and who registers is told EOPNOTSUPP: there kprobes
 * are breakpoints, at first and as long as the kernel does not optimize them, and what is found in
 * a breakpoint cannot be looked at when the call returns.
 *
 * A call of a kernel thread, as of loop devices and nfsd, or of an io_uring(7) worker, is not seen
 * to return. It is told when a block cannot be had, or when there is no inode left, though it may
 * be made good, as where smaller pages are tried, or huge pages give back what is beyond the ends
 * of files. As it is tried again, that is told once in a tick or two, unless the CPU has been
 * refused something else in between: of several calls in that time, too, one alone is counted. So
 * are calls beyond 64 on a mount that are under way at once, which whoever may write there can
 * hold up, or, of a user who is not root, beyond a fifth of these. Of these a quota's inodes are
 * not told, nor is an xattr that is larger than what is left, nor, by kernels without transparent
 * huge pages, are a quota's blocks; by others the cause of these is size where the mount is full,
 * too.
 *
 * The cause is what was short when it was seen. Where others make space at that moment, it may be
 * told as overcommit, and is told as size near the limit. A call on two file systems, as overlayfs
 * makes them, may be ascribed to the mount if that was short of something it then had, and the
 * other one has refused it. inodes is concluded: it is told of a call that was to make a file, a
 * link or an xattr, where nothing else was seen to be short, and fewer than 1,024 inodes were left
 * before and after; where overcommit is not seen, that may be what has refused a long symlink.
 * A call that is held up on its way, as by a preemption or by a lock, while others take more than
 * 1,000 inodes, or while a remount makes the mount smaller, may not be told. used, size and asked
 * tell what a cause is worth: who asks for more than the whole mount, as by fallocate(2), is
 * refused for size on an empty one, and as often as he likes.
 *
 * A mount with size=0 or nr_inodes=0 refuses nothing for that cause, and can be registered for even
 * so: the others are left.
 *
 * Opened for reading alone it lists: "key value" lines as in stats below; a line for each
 * mount, "dev=MAJOR:MINOR size=... used=...", with the keys of usage below; and one for each
 * registration of either interface, "dev=MAJOR:MINOR resource=...", as in triggers below.
 * Who lacked CAP_SYS_ADMIN in the initial user namespace at open is shown the registrations of
 * processes of his own uid that his pid namespace shows, and of the figures version, hook,
 * hook_kind, hook_free, hook_free_kind, and triggers, which counts those registrations; no mounts.
 *
 *
 * The files in debugfs
 *
 * One directory for each mounted tmpfs superblock, named by the st_dev that
 * stat(2) gives for any path on it, as "major:minor" in decimal. Bind mounts
 * and further mount points of one superblock share its directory. It appears
 * shortly after mount(2) returns and vanishes at the last umount.
 *
 * Registering through event_control, one registration for each write(2):
 *
 *	"<event_fd> <control_fd> <level> [word ...]"
 *
 *   event_fd	decimal number of an eventfd(2) of the writing process
 *   control_fd	decimal number of an open resource file of the same directory:
 *		used_bytes (or memory.usage_in_bytes), pressure_level (or
 *		memory.pressure_level), used_inodes or refused (or memory.oom_control); may be
 *		closed after the write
 *   level	none for refused, see Refusals above;
 *		for used_bytes:
 *		  an amount of bytes: decimal, then nothing or one of the
 *		  suffixes k m g t (either case), Ki Mi Gi Ti, each a power of
 *		  1024; rounded up to whole blocks;
 *		  a percentage of the size of the mount, 0% to 100% with up to
 *		  two decimals ("80%", "99.95%"); follows a remount;
 *		  -1, the largest level there is, which is never reached
 *		for pressure_level: low, medium or critical, a percentage that
 *		the module's parameters set (60, 80, 95 unless changed);
 *		a ",mode" behind it is accepted and means nothing here
 *		for used_inodes: a number, with k, m or g as in the mount option
 *		nr_inodes, a percentage of that, or -1. Whatever statvfs(2) counts takes
 *		inodes: each further link, and since Linux 6.6 xattrs, one for 1024 bytes
 *		(those that a security module gives to new files were not tested)
 *   word	(for refused, once alone)
 *		rising	 signal when usage, from below, becomes >= level
 *		falling	 signal when usage, from level or above, becomes < level
 *		both	 signal on either; the default for used_bytes and used_inodes
 *			 (rising is the default for pressure_level)
 *		once	 remove the registration after its first signal
 *		now	 signal at once if already past: usage >= level, or for
 *			 falling, usage < level
 *		hyst=A	 A is an amount or a percentage as for a level. After
 *			 signalling, signal again only when usage has in between
 *			 gone back by A: for rising to level - A or lower, for
 *			 falling to level + A or higher. For both, up at level
 *			 and down at level - A. A rising or both trigger whose A
 *			 is as large as its level goes back when the mount is
 *			 empty.
 *
 * White space around the whole is ignored, so is all from a NUL on; single
 * spaces stand between event_fd, control_fd and the level, any white space
 * between the words.
 *
 * The interface of the 2015 RFC: warn_used_blocks takes a number of blocks (pages)
 * with an optional suffix k, m or g, or a percentage; nothing or 0 means no
 * level. warn_used_blocks_efd takes the decimal number of an eventfd, alone.
 * Each eventfd written there is signalled each time usage reaches the level
 * from below, at registration when it is reached already, and when a write to
 * warn_used_blocks sets a level that is reached.
 *
 * The names of a cgroup v1 memory directory are there for programs written for that, which run
 * unchanged with a mount's directory in its place: cgroup.event_control, memory.usage_in_bytes and
 * memory.pressure_level are event_control, used_bytes and pressure_level. memory.limit_in_bytes is
 * the size of the mount. memory.oom_control stands for refused: an eventfd is signalled for each
 * refusal. It has the lines "oom_kill_disable 0" and "under_oom N", where N is 1 while there is no
 * block or no inode left; a 0 or 1 written there means nothing, all else is EINVAL.
 * It does not signal at registration, as cgroup v1 does where under_oom is 1 already.
 * memory.failcnt is the number of refusals, as in refused, since it was written last, whatever that
 * was; it stays what it is while nobody is registered for refused or memory.oom_control.
 * memory.max_usage_in_bytes is the most that was used since it was written last. The first write,
 * of whatever, begins that, at what is used then, as one of the triggers. A write of off, which
 * cgroup v1 does not have, ends it, and so does the end of the mount, of its limit or of the
 * module. Before that and after, it is what is used when it is read. It is exact as levels are:
 * what one CPU takes and another frees at the same moment may not be in it, and what a failing
 * allocation counts and takes back may be; on PREEMPT_RT what was used while a remount is worked
 * off is not in it. It costs what a level costs, and each block that is more than there ever were
 * costs a check.
 * What unchanged does not cover: a program that looks whether a path is of cgroup v1, by its
 * magic of statfs(2) or by whether /sys/fs/cgroup is cgroup2, leaves itself switched off. And one
 * that does not look, at a signal, whether the directory is there still takes the last one, at
 * umount(2), for a crossing or a refusal, as it does at the rmdir(2) of cgroup v1.
 *
 * Each signal adds one to the counter of the eventfd. The last signal of every
 * registration comes when its mount goes away or the module is removed, after
 * the directory has vanished: a client that finds event_control missing after
 * a wake-up knows that it is over. It comes, too, when a remount takes the limit away: size=0
 * ends those on bytes, nr_inodes=0 those on used_inodes, and neither those on refused. The
 * directory stays then, as that of a mount which never had that limit: the client finds it 0 in
 * usage. A registration ends by itself when the last reference to its eventfd is closed.
 *
 * A write that is refused changes nothing:
 *
 *   EBADF	event_fd or control_fd is not an open file descriptor
 *   EINVAL	the grammar; event_fd is no eventfd; control_fd is no resource
 *		file of this directory; a level no size can reach (over 100%,
 *		or more bytes than 64 bits hold)
 *   ENOSPC	the limit on triggers, of the mount or in all (see the module's
 *		parameters max_mount_triggers and max_triggers)
 *   ENODEV	the mount is gone
 *   EOPNOTSUPP	the mount has no such limit (size=0, nr_inodes=0): the kernel keeps no
 *		count; or what counts inodes, or what refuses, cannot be probed, as the log
 *		has said at load
 *   EIO	the kernel refuses to arm the probe; the log has its reason
 *   ENOMEM	no memory
 */
#ifndef _UAPI_TMPFSWARN_H
#define _UAPI_TMPFSWARN_H

#define TMPFSWARN_NAME			"tmpfswarn"
#define TMPFSWARN_DEVICE		"/dev/tmpfswarn"

/* below debugfs */
#define TMPFSWARN_STATS			"stats"

/*
 * stats, "key value" lines: version; hook, hook_kind (the symbol probed for
 * allocations, and how: ftrace, kprobe or kretprobe, see the module's parameter
 * hook); hook_free, hook_free_kind (the same for frees; redirect where a wrapper is
 * called in its place, kretprobe where that cannot be had); hook_shrink (where a full
 * mount is seen to make space, see deferrals; none where it cannot be); hook_refused (where it is
 * seen that there is no block left; none where refusals cannot be watched); armed (0 or 1); armings
 * (how often probes were put there since load, of blocks, of inodes and of refusals at most once a
 * second each); mounts
 * (shown); mounts_hidden (over max_mounts of their user or 16 times that of all users,
 * or not shown yet for want of memory); triggers (registered); crossings (notified since
 * load, and refusals); signals (these and final notifications); missed (probe hits that the
 * kernel had to drop); resyncs (times that a mount's triggers were put on the right side of their
 * levels by the comparison that is made once a second, for what no probe has seen: zero
 * unless something is missed, the probes were switched off, or an allocation has counted
 * blocks and failed); deferrals (system calls that have had a full mount give back what
 * its huge pages have beyond the ends of files: what they cross from then on, either way,
 * is told when they return, so that who learns of their end in another way, as by
 * io_uring(7) or ptrace(2), may learn of that first).
 */

/* files of a mount's directory */
#define TMPFSWARN_USAGE			"usage"
#define TMPFSWARN_USED_BYTES		"used_bytes"
#define TMPFSWARN_USED_INODES		"used_inodes"
#define TMPFSWARN_REFUSED		"refused"
#define TMPFSWARN_PRESSURE_LEVEL	"pressure_level"
#define TMPFSWARN_EVENT_CONTROL		"event_control"
#define TMPFSWARN_WARN_USED		"warn_used_blocks"
#define TMPFSWARN_WARN_USED_EFD		"warn_used_blocks_efd"
#define TMPFSWARN_TRIGGERS		"triggers"

/*
 * usage, "key value" lines, as statvfs(2) has them: size, used and free in
 * bytes; inodes, inodes_used, inodes_free. All zero where the mount has no
 * limit of that kind. refused: the calls that were refused while somebody was registered for
 * refusals of that mount; others are not counted. More bytes than 64 bits hold are shown as the
 * most that they do, here and in the other files.
 *
 * pressure_level, "key value" lines: low, medium, critical, in bytes. used_bytes and
 * used_inodes are the number alone, and so is refused.
 *
 * triggers, one line for each registration, "key=value" separated by a space:
 *   resource	used_bytes, pressure_level, warn_used_blocks, used_inodes, refused or
 *		memory.max_usage_in_bytes
 *   level	as registered: bytes, NN%, -1, low, medium, critical; for
 *		warn_used_blocks blocks or NN%, 0 while there is none; for used_inodes
 *		inodes:N, inodes:NN% or inodes:-1; for refused, refused
 *   blocks	the usage in blocks at which it signals now, - for none; in its place for
 *		used_inodes "inodes", the number of these
 *   direction	rising, falling or both; - for refused
 *   hyst	as registered, 0 for none
 *   once	0 or 1
 *   state	above or below the level; off while there is none; on for refused
 *   fired	times signalled for a crossing
 *   to		who is told: eventfd or listener; nobody for memory.max_usage_in_bytes, of
 *		which blocks is one more than the most that was used
 *   uid	of the process that registered it
 *   pid	its thread group id, 0 where the reader's pid namespace does not show it
 *   comm	its name, the rest of the line
 */

/* names for programs written for a cgroup v1 memory directory */
#define TMPFSWARN_V1_EVENT_CONTROL	"cgroup.event_control"
#define TMPFSWARN_V1_USAGE		"memory.usage_in_bytes"
#define TMPFSWARN_V1_LIMIT		"memory.limit_in_bytes"
#define TMPFSWARN_V1_PRESSURE_LEVEL	"memory.pressure_level"
#define TMPFSWARN_V1_OOM_CONTROL	"memory.oom_control"
#define TMPFSWARN_V1_FAILCNT		"memory.failcnt"
#define TMPFSWARN_V1_MAX_USAGE		"memory.max_usage_in_bytes"

/* the longest write taken, in bytes; a longer one is EINVAL */
#define TMPFSWARN_WRITE_MAX		255

/* the longest tag, in bytes */
#define TMPFSWARN_TAG_MAX		63

#endif /* _UAPI_TMPFSWARN_H */
