// SPDX-License-Identifier: GPL-2.0
/*
 * Discovery: finds the mounts there are, and notices those that come and go.
 *
 * D1. A superblock is there from d_make_root(), which mm/shmem.c calls last of all when it
 * fills one, up to generic_shutdown_super(), which follows for certain, also where
 * d_make_root() fails. Both are probed. What its s_fs_info points to is there while s_root
 * is set, between the two; where d_make_root() fails mm/shmem.c frees that at once, in code
 * that some compilers do not leave a function of its own.
 *
 * D2. Meanwhile it is in one of these states, which change under tw_discovery_lock
 * alone: in the ring, when it has just come or a scan has found it; hidden, which is a
 * bit by its number; or an object, in the table of mount.c. One that is an object or
 * hidden may be in the ring as well, after a scan. If it is in none of them a scan is
 * due (TW_TODO_SCAN). Only with s_root is it made an object or hidden.
 *
 * D3. The handler of generic_shutdown_super() takes it out of all three in one critical
 * section. So who holds the lock and finds a superblock in one of them may use it until
 * the lock is released; who does not hold the lock may not.
 *
 * D4. One work item, on an ordered queue, makes objects of what is in the ring, shows
 * them, checks those that were remounted and ends those that are gone. It waits for no
 * superblock's s_umount: an umount that takes long delays nothing but itself. Only a
 * scan waits for that, in a work item of its own or in insmod, and all that it does is to
 * put superblocks into the ring.
 *
 * D5. A device number is free only after generic_shutdown_super(). So the mount that had it is
 * in the queue of those gone before the next one to have it is in the ring. The work
 * first takes from the ring, then removes the directories of all that are gone, then
 * makes new ones: never two of one name.
 *
 * D6. Handlers may be called from a breakpoint, which x86 treats as an NMI: they allocate
 * nothing, take raw locks with tw_probe_lock(), and queue the work by an irq_work.
 *
 * Lock order: s_umount, tw_discovery_lock, a gauge's lock, those of the tables of gauge.c and
 * mount.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/ftrace.h>
#include <linux/hashtable.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "check.h"
#include "compat.h"
#include "discovery.h"
#include "gauge.h"
#include "mount.h"
#include "probe.h"

unsigned int tw_max_mounts = 2048;

/*
 * For how many owners there is room, whatever their number: who may take several user
 * ids, or is root of a container in the initial user namespace, can be as many as he likes.
 */
#define TW_DISCOVERY_OWNERS		16

/* superblocks that come while the work does not run; a power of two */
#define TW_DISCOVERY_RING		1024

/* how many are taken from the ring before those gone are ended */
#define TW_DISCOVERY_BATCH		64

/* how long after one could not be shown that is tried again, and between two scans */
#define TW_DISCOVERY_RETRY		HZ

/* how long after a mount(2) was found to be still under way that is done again */
#define TW_DISCOVERY_RECHECK		(HZ / 100 ?: 1)

/* how often insmod scans where the kernel ends a scan early */
#define TW_DISCOVERY_SCANS		10

/**
 * struct tw_owner - who is charged for mounts of user namespaces
 * @node: in the table, by @uid and @ns
 * @uid: who made the outermost namespace
 * @ns: if that was root, the number of that namespace; else 0
 * @shown: objects of theirs, also of superblocks that are gone
 * @hidden: superblocks of theirs that are hidden
 * @idle: in the list of those that have neither, and are in the table no more
 */
struct tw_owner {
	struct hlist_node node;
	kuid_t uid;
	unsigned int ns;
	unsigned int shown;
	unsigned int hidden;
	struct list_head idle;
};

static struct file_system_type *tw_discovery_type;
static const struct tw_discovery_events *tw_discovery_events;
static struct workqueue_struct *tw_discovery_wq;

/* of the work alone */
static LIST_HEAD(tw_discovery_new);	/* objects that are not shown yet */
static LIST_HEAD(tw_discovery_mounts);
static struct tw_mount *tw_discovery_spare_mount;
static struct tw_owner *tw_discovery_spare_owner;
static bool tw_discovery_want_hidden;	/* tw_discovery_hidden is needed */

/* protects what follows, up to the counts */
static DEFINE_RAW_SPINLOCK(tw_discovery_lock);

/* taken from at the tail, and put into at the head; NULL where one has gone since */
static struct super_block *tw_discovery_ring[TW_DISCOVERY_RING];
static unsigned int tw_discovery_head;
static unsigned int tw_discovery_tail;

/* by minor number, for all there can be: made when the first is hidden */
static unsigned long *tw_discovery_hidden;

static DEFINE_HASHTABLE(tw_discovery_owners, 6);
static LIST_HEAD(tw_discovery_idle);

/* what the work has to do; a mount is in one of them at most, by its entry queued */
static LIST_HEAD(tw_discovery_remounted);
static LIST_HEAD(tw_discovery_checking);
static LIST_HEAD(tw_discovery_gone);

static unsigned int tw_discovery_charged;	/* objects that have an owner */
static unsigned int tw_discovery_nr_hidden;

/* of the work alone, but read by others */
static unsigned int tw_discovery_objects;
static unsigned int tw_discovery_waiting;	/* objects that are not shown yet */
static unsigned int tw_discovery_stuck;		/* in the ring, for want of memory */

/* bits of tw_discovery_todo */
#define TW_TODO_START	0	/* mounts may be shown from now on */
#define TW_TODO_SCAN	1	/* a superblock may be in no state */
#define TW_TODO_STOP	2	/* the module goes */
static unsigned long tw_discovery_todo;

static void tw_discovery_work_fn(struct work_struct *work);
static DECLARE_WORK(tw_discovery_work, tw_discovery_work_fn);

static void tw_discovery_kick_fn(struct irq_work *work)
{
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

/* Queues the work from where queue_work() is not allowed: any probe. */
static struct irq_work tw_discovery_kick;

static void tw_discovery_again_fn(struct work_struct *work)
{
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

static DECLARE_DELAYED_WORK(tw_discovery_retry, tw_discovery_again_fn);
static DECLARE_DELAYED_WORK(tw_discovery_recheck, tw_discovery_again_fn);

static void tw_discovery_scan_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(tw_discovery_scan_work, tw_discovery_scan_fn);
static unsigned long tw_discovery_scanned;	/* when the last scan began, in jiffies */

/* ---- the ring ---- */

/*
 * One from a user namespace gets no more than half of it: whoever fills that has others
 * wait for a scan, but not the mounts of the initial one. False if there is no room.
 */
static __always_inline bool tw_discovery_push(struct super_block *sb)
{
	unsigned int room = TW_DISCOVERY_RING;

	if (sb->s_user_ns != &init_user_ns)
		room /= 2;
	if (tw_discovery_head - tw_discovery_tail >= room)
		return false;
	tw_discovery_ring[tw_discovery_head++ % TW_DISCOVERY_RING] = sb;
	return true;
}

/* The first one, which tw_discovery_tail then is the place of, or NULL. */
static struct super_block *tw_discovery_first(void)
{
	struct super_block *sb;

	while (tw_discovery_tail != tw_discovery_head) {
		sb = tw_discovery_ring[tw_discovery_tail % TW_DISCOVERY_RING];
		if (sb)
			return sb;
		tw_discovery_tail++;
	}
	return NULL;
}

static __always_inline void tw_discovery_remove(const struct super_block *sb)
{
	unsigned int i;

	for (i = tw_discovery_tail; i != tw_discovery_head; i++) {
		if (tw_discovery_ring[i % TW_DISCOVERY_RING] == sb)
			tw_discovery_ring[i % TW_DISCOVERY_RING] = NULL;
	}
}

/* ---- owners ---- */

/*
 * Who is charged for a superblock: the user who made the outermost user namespace, as
 * that is what no number of namespaces inside of it can change; but where that is root,
 * who makes them for others, that namespace alone. False if nobody is, since it is of the
 * initial one. Namespaces stay as long as the superblock does.
 */
static __always_inline bool tw_owner_of(const struct super_block *sb,
					struct tw_owner *who)
{
	const struct user_namespace *ns = sb->s_user_ns;

	if (ns == &init_user_ns)
		return false;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	who->uid = ns->owner;
	who->ns = uid_eq(ns->owner, GLOBAL_ROOT_UID) ? ns->ns.inum : 0;
	return true;
}

static __always_inline u32 tw_owner_hash(const struct tw_owner *who)
{
	return __kuid_val(who->uid) ^ who->ns;
}

static __always_inline struct tw_owner *tw_owner_find(const struct tw_owner *who)
{
	struct tw_owner *owner;

	hash_for_each_possible(tw_discovery_owners, owner, node, tw_owner_hash(who)) {
		if (uid_eq(owner->uid, who->uid) && owner->ns == who->ns)
			return owner;
	}
	return NULL;
}

/* May nothing more of that owner, or NULL for a new one, be shown? */
static __always_inline bool tw_owner_full(const struct tw_owner *owner)
{
	return (owner ? owner->shown : 0) >= tw_max_mounts ||
	       tw_discovery_charged / TW_DISCOVERY_OWNERS >= tw_max_mounts;
}

/* Takes one that has nothing any more out of the table; the work frees it. */
static __always_inline void tw_owner_drop(struct tw_owner *owner)
{
	if (owner->shown || owner->hidden)
		return;
	hash_del(&owner->node);
	list_add(&owner->idle, &tw_discovery_idle);
}

static void tw_discovery_free_idle(void)
{
	struct tw_owner *owner, *next;
	LIST_HEAD(idle);

	raw_spin_lock_irq(&tw_discovery_lock);
	list_splice_init(&tw_discovery_idle, &idle);
	raw_spin_unlock_irq(&tw_discovery_lock);
	list_for_each_entry_safe(owner, next, &idle, idle)
		kfree(owner);
}

/* ---- hidden superblocks ---- */

static __always_inline bool tw_discovery_is_hidden(const struct super_block *sb)
{
	return tw_discovery_hidden &&
	       test_bit(MINOR(sb->s_dev), tw_discovery_hidden);
}

static void tw_discovery_hide(const struct super_block *sb, struct tw_owner *owner)
{
	__set_bit(MINOR(sb->s_dev), tw_discovery_hidden);
	owner->hidden++;
	WRITE_ONCE(tw_discovery_nr_hidden, tw_discovery_nr_hidden + 1);
}

/* @owner: not dropped, even if that was all it had */
static __always_inline void tw_discovery_unhide(const struct super_block *sb,
						struct tw_owner *owner)
{
	__clear_bit(MINOR(sb->s_dev), tw_discovery_hidden);
	owner->hidden--;
	WRITE_ONCE(tw_discovery_nr_hidden, tw_discovery_nr_hidden - 1);
}

/* ---- the work ---- */

/* What is not done now need not be done by another mount's coming. */
static void tw_discovery_try_again(dev_t dev, int err)
{
	pr_warn_once("the tmpfs %u:%u is not shown: error %d; that is tried again every second\n",
		     MAJOR(dev), MINOR(dev), err);
	queue_delayed_work(tw_discovery_wq, &tw_discovery_retry, TW_DISCOVERY_RETRY);
}

/*
 * What tw_discovery_take() needs, made before it takes the lock. False without memory.
 * That for hidden ones is 128 KiB, as soon as there is the first, and then none for each.
 */
static bool tw_discovery_prepare(void)
{
	unsigned long *hidden;

	if (!tw_discovery_spare_mount)
		tw_discovery_spare_mount = tw_mount_alloc();
	if (!tw_discovery_spare_owner)
		tw_discovery_spare_owner = kzalloc(sizeof(*tw_discovery_spare_owner),
						   GFP_KERNEL);
	if (tw_discovery_want_hidden && !tw_discovery_hidden) {
		hidden = kvcalloc(BITS_TO_LONGS(1 << MINORBITS), sizeof(long), GFP_KERNEL);
		if (!hidden)
			return false;
		raw_spin_lock_irq(&tw_discovery_lock);
		tw_discovery_hidden = hidden;
		raw_spin_unlock_irq(&tw_discovery_lock);
	}
	return tw_discovery_spare_mount && tw_discovery_spare_owner;
}

/*
 * Gives back what a mount was charged for: its object has no reference left. Not when the
 * superblock goes, or who keeps the objects of any number, by system calls that do not return
 * (see call.c), would have no limit.
 */
static void tw_discovery_uncharge(struct tw_mount *mount)
{
	struct tw_owner *owner = mount->owner;

	raw_spin_lock_irq(&tw_discovery_lock);
	/* there is room for one of those hidden */
	if (owner->hidden || (tw_discovery_nr_hidden && tw_owner_full(NULL)))
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	owner->shown--;
	tw_discovery_charged--;
	tw_owner_drop(owner);
	raw_spin_unlock_irq(&tw_discovery_lock);
	/* which begins the scan, and frees the owner */
	if (!test_bit(TW_TODO_STOP, &tw_discovery_todo))
		queue_work(tw_discovery_wq, &tw_discovery_work);
}

/* Makes an object of @sb, with what was prepared. */
static void tw_discovery_attach(struct super_block *sb, struct tw_owner *owner)
{
	struct tw_mount *mount = tw_discovery_spare_mount;

	tw_discovery_spare_mount = NULL;
	tw_mount_insert(mount, sb);
	mount->owner = owner;
	if (owner) {
		mount->released = tw_discovery_uncharge;
		owner->shown++;
		tw_discovery_charged++;
	}
	list_add_tail(&mount->all, &tw_discovery_new);
	WRITE_ONCE(tw_discovery_objects, tw_discovery_objects + 1);
}

/*
 * Makes the first superblock in the ring an object, or hides it, in one critical section:
 * before, generic_shutdown_super() takes it out of the ring; after, it finds what it has
 * become. Returns 0, also if there is none; -EAGAIN if it has no root yet, and has become
 * the last; or -ENOMEM if tw_discovery_prepare() is needed, with its number in @dev.
 */
static int tw_discovery_take(dev_t *dev)
{
	struct tw_owner who, *owner = NULL;
	struct super_block *sb;
	bool charged, full, hidden;

	lockdep_assert_held(&tw_discovery_lock);
	sb = tw_discovery_first();
	if (!sb)
		return 0;
	*dev = sb->s_dev;
	if (!READ_ONCE(sb->s_root)) {
		tw_discovery_tail++;
		tw_discovery_ring[tw_discovery_head++ % TW_DISCOVERY_RING] = sb;
		return -EAGAIN;
	}
	/* it had come, and a scan has found it */
	if (tw_mount_find(sb))
		goto pop;
	charged = tw_owner_of(sb, &who);
	if (charged)
		owner = tw_owner_find(&who);
	full = charged && tw_owner_full(owner);
	hidden = tw_discovery_is_hidden(sb);
	if (full && hidden)
		goto pop;
	if (full && !tw_discovery_hidden) {
		tw_discovery_want_hidden = true;
		return -ENOMEM;
	}
	if (!tw_discovery_spare_mount || !tw_discovery_spare_owner)
		return -ENOMEM;
	if (charged && !owner) {
		owner = tw_discovery_spare_owner;
		tw_discovery_spare_owner = NULL;
		owner->uid = who.uid;
		owner->ns = who.ns;
		hash_add(tw_discovery_owners, &owner->node, tw_owner_hash(owner));
	}
	if (full) {
		tw_discovery_hide(sb, owner);
		goto pop;
	}
	if (hidden)
		tw_discovery_unhide(sb, owner);
	tw_discovery_attach(sb, owner);
pop:
	tw_discovery_tail++;
	return 0;
}

/* Takes all that is in the ring, or a batch of it; true if there is more. */
static bool tw_discovery_take_batch(void)
{
	unsigned int todo, left, taken = 0, later = 0, nr_hidden;
	dev_t dev = 0;
	int err;

	raw_spin_lock_irq(&tw_discovery_lock);
	left = tw_discovery_head - tw_discovery_tail;
	raw_spin_unlock_irq(&tw_discovery_lock);

	for (todo = min_t(unsigned int, left, TW_DISCOVERY_BATCH); todo; todo--) {
		raw_spin_lock_irq(&tw_discovery_lock);
		err = tw_discovery_take(&dev);
		if (err == -EAGAIN)
			later++;
		else
			taken++;
		left = tw_discovery_head - tw_discovery_tail;
		nr_hidden = tw_discovery_nr_hidden;
		raw_spin_unlock_irq(&tw_discovery_lock);
		if (err == -ENOMEM && !tw_discovery_prepare()) {
			tw_discovery_try_again(dev, err);
			WRITE_ONCE(tw_discovery_stuck, left);
			return false;
		}
		if (nr_hidden)
			pr_warn_once("not showing more than %u tmpfs mounts of a user's namespaces: raise the parameter max_mounts\n",
				     tw_max_mounts);
	}
	WRITE_ONCE(tw_discovery_stuck, 0);
	if (later)
		queue_delayed_work(tw_discovery_wq, &tw_discovery_recheck,
				   TW_DISCOVERY_RECHECK);
	/* if none had its root yet, the rest is left for then as well */
	return taken && left > later;
}

/* Shows those that are new; the rest is left for the next time. */
static void tw_discovery_show(void)
{
	struct tw_mount *mount, *next;
	unsigned int waiting = 0;
	int err;

	list_for_each_entry_safe(mount, next, &tw_discovery_new, all) {
		err = tw_discovery_events->appeared(mount);
		if (err) {
			tw_discovery_try_again(mount->dev, err);
			waiting++;
			continue;
		}
		list_move_tail(&mount->all, &tw_discovery_mounts);
	}
	WRITE_ONCE(tw_discovery_waiting, waiting);
}

/* Ends those that are gone. */
static void tw_discovery_release(void)
{
	struct tw_mount *mount, *next;
	LIST_HEAD(gone);

	raw_spin_lock_irq(&tw_discovery_lock);
	list_splice_init(&tw_discovery_gone, &gone);
	raw_spin_unlock_irq(&tw_discovery_lock);

	list_for_each_entry_safe(mount, next, &gone, queued) {
		tw_discovery_events->gone(mount);
		list_del(&mount->all);
		WRITE_ONCE(tw_discovery_objects, tw_discovery_objects - 1);
		tw_mount_put(mount);
	}
}

static void tw_discovery_check_gauge(struct tw_gauge *gauge)
{
	/* a remount that comes in between is seen when it is over */
	bool unlimited = tw_gauge_is_unlimited(gauge);

	tw_check_now(gauge);
	if (unlimited && gauge->counted) {
		gauge->counted = false;
		tw_discovery_events->unlimited(gauge);
	}
}

/*
 * Checks those whose remount is over, that is, of which s_umount can be had. Where that
 * has somebody else, it is tried again in a moment. A gauge that has lost its limit is as good
 * as gone, for all who wait for a crossing there.
 */
static void tw_discovery_check(void)
{
	struct super_block *sb;
	struct tw_gauge *gauge;
	struct tw_mount *mount;
	bool locked;
	size_t i;

	raw_spin_lock_irq(&tw_discovery_lock);
	/* those that are remounted from now on are for the next time */
	list_splice_tail_init(&tw_discovery_remounted, &tw_discovery_checking);
	while ((mount = list_first_entry_or_null(&tw_discovery_checking,
						 struct tw_mount, queued))) {
		sb = mount->sb;
		locked = down_read_trylock(&sb->s_umount);
		if (locked) {
			list_del_init(&mount->queued);
			tw_mount_remount(mount, false);
		} else {
			list_move_tail(&mount->queued, &tw_discovery_remounted);
		}
		raw_spin_unlock_irq(&tw_discovery_lock);

		if (locked) {
			/* up_read() may use it after it has let others free it */
			rcu_read_lock();
			up_read(&sb->s_umount);
			rcu_read_unlock();
			for (i = 0; i < TW_GAUGES; i++) {
				/*
				 * One that comes in between is made for the new limit: that of
				 * blocks, whose lock tw_mount_install() needs, is the first here.
				 */
				gauge = smp_load_acquire(&mount->gauges[i]); /* complete */
				if (gauge)
					tw_discovery_check_gauge(gauge);
			}
		} else {
			queue_delayed_work(tw_discovery_wq, &tw_discovery_recheck,
					   TW_DISCOVERY_RECHECK);
		}
		raw_spin_lock_irq(&tw_discovery_lock);
	}
	raw_spin_unlock_irq(&tw_discovery_lock);
}

/* The module goes: all mounts are gone. */
static void tw_discovery_end(void)
{
	struct tw_mount *mount;

	tw_discovery_events->stopping();
	list_splice_tail_init(&tw_discovery_new, &tw_discovery_mounts);
	list_for_each_entry(mount, &tw_discovery_mounts, all) {
		raw_spin_lock_irq(&tw_discovery_lock);
		if (tw_mount_unhook(mount))
			list_move_tail(&mount->queued, &tw_discovery_gone);
		raw_spin_unlock_irq(&tw_discovery_lock);
	}
	tw_discovery_release();
}

/* No two scans begin within a second. */
static void tw_discovery_queue_scan(void)
{
	unsigned long next = READ_ONCE(tw_discovery_scanned) + TW_DISCOVERY_RETRY;
	unsigned long delay = time_before(jiffies, next) ? next - jiffies : 0;

	queue_delayed_work(tw_wq, &tw_discovery_scan_work,
			   min_t(unsigned long, delay, TW_DISCOVERY_RETRY));
}

/* D4, D5 */
static void tw_discovery_work_fn(struct work_struct *work)
{
	bool more;

	if (!test_bit(TW_TODO_START, &tw_discovery_todo))
		return;
	do {
		if (test_bit(TW_TODO_STOP, &tw_discovery_todo)) {
			tw_discovery_end();
			break;
		}
		more = tw_discovery_take_batch();
		tw_discovery_release();
		tw_discovery_show();
		tw_discovery_check();
		if (test_and_clear_bit(TW_TODO_SCAN, &tw_discovery_todo))
			tw_discovery_queue_scan();
		cond_resched();
	} while (more);
	tw_discovery_free_idle();
}

/* ---- scans ---- */

/*
 * Puts a superblock into the ring that can be used and cannot go: s_umount is held. False
 * if there is no room.
 */
static bool tw_discovery_offer(struct super_block *sb)
{
	struct tw_owner who, *owner;
	bool done = true;

	raw_spin_lock_irq(&tw_discovery_lock);
	if (tw_mount_find(sb))
		goto unlock;
	/* hidden still, without asking the work */
	if (tw_discovery_is_hidden(sb) && tw_owner_of(sb, &who)) {
		owner = tw_owner_find(&who);
		if (owner && tw_owner_full(owner))
			goto unlock;
	}
	done = tw_discovery_push(sb);
unlock:
	raw_spin_unlock_irq(&tw_discovery_lock);
	return done;
}

static void tw_discovery_scan_one(struct super_block *sb, void *data)
{
	bool *complete = data;

	/* the list grows at its head alone, so this stays the last of them */
	if (!READ_ONCE(sb->s_instances.next))
		*complete = true;

	/* memfd, SysV and anonymous shared memory; what drivers keep */
	if (sb->s_flags & SB_KERNMOUNT || test_bit(TW_TODO_STOP, &tw_discovery_todo))
		return;
	if (tw_discovery_offer(sb))
		return;
	/* the work waits for no s_umount, so it can be waited for with one */
	queue_work(tw_discovery_wq, &tw_discovery_work);
	flush_work(&tw_discovery_work);
	if (!tw_discovery_offer(sb))
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
}

/*
 * Some kernels (6.1 among them) take a superblock that goes off its list while
 * iterate_supers_type() waits for it, or just as that comes back to it, and with
 * that the iteration ends there: all that were mounted before are left out. The
 * last of the list is the kernel's own mount, which never goes. False if it has
 * ended so: each time that it begins again another umount has fallen into it.
 */
static bool tw_discovery_scan(void)
{
	bool complete = false;

	WRITE_ONCE(tw_discovery_scanned, jiffies);
	iterate_supers_type(tw_discovery_type, tw_discovery_scan_one, &complete);
	return complete;
}

static void tw_discovery_scan_fn(struct work_struct *work)
{
	if (!tw_discovery_scan())
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

/* ---- probes ---- */

/*
 * What tw_discovery_selftest() waits for: its own mounts are the kernel's, and are left
 * alone by the rest of this file.
 */
static struct task_struct *tw_discovery_tester;
static struct super_block *tw_discovery_came;
static struct super_block *tw_discovery_went;

/* Is @sb to be discovered? Otherwise notes it in @seen, if it is the selftest's. */
static __always_inline bool tw_discovery_minds(struct super_block *sb,
					       struct super_block **seen)
{
	if (sb->s_type != tw_discovery_type)
		return false;
	if (!(sb->s_flags & SB_KERNMOUNT))
		return true;
	if (READ_ONCE(tw_discovery_tester) == current)
		WRITE_ONCE(*seen, sb);
	return false;
}

/* d_make_root(@inode): the last step of filling a superblock, of any kind, see D1 */
static notrace void tw_discovery_make_root(struct inode *inode)
{
	struct super_block *sb;
	unsigned long flags;

	if (!inode)
		return;
	sb = inode->i_sb;
	if (!tw_discovery_minds(sb, &tw_discovery_came))
		return;
	local_irq_save(flags);
	tw_probe_lock(&tw_discovery_lock);
	if (!tw_discovery_push(sb))
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	raw_spin_unlock(&tw_discovery_lock);
	local_irq_restore(flags);
	irq_work_queue(&tw_discovery_kick);
}

NOKPROBE_SYMBOL(tw_discovery_make_root);

/*
 * generic_shutdown_super(@sb): before that throws the inodes away, which may take long, and
 * is no free that anybody is notified of. See D3.
 */
static notrace void tw_discovery_shutdown(struct super_block *sb)
{
	struct tw_owner who, *owner;
	struct tw_mount *mount;
	unsigned long flags;

	if (!tw_discovery_minds(sb, &tw_discovery_went))
		return;
	local_irq_save(flags);
	tw_probe_lock(&tw_discovery_lock);
	tw_discovery_remove(sb);
	mount = tw_mount_find(sb);
	if (mount && tw_mount_unhook(mount))
		list_move_tail(&mount->queued, &tw_discovery_gone);
	if (tw_discovery_is_hidden(sb) && tw_owner_of(sb, &who)) {
		owner = tw_owner_find(&who);
		tw_discovery_unhide(sb, owner);
		tw_owner_drop(owner);
	}
	raw_spin_unlock(&tw_discovery_lock);
	local_irq_restore(flags);
	irq_work_queue(&tw_discovery_kick);
}

NOKPROBE_SYMBOL(tw_discovery_shutdown);

/* shmem_reconfigure(@fc): a remount begins, under s_umount */
static notrace void tw_discovery_reconfigure(struct fs_context *fc)
{
	struct tw_mount *mount;
	unsigned long flags;

	local_irq_save(flags);
	tw_probe_lock(&tw_discovery_lock);
	mount = tw_mount_find(fc->root->d_sb);
	/* otherwise it is in the queue already, or gone */
	if (mount && list_empty(&mount->queued))
		list_add_tail(&mount->queued, &tw_discovery_remounted);
	if (mount)
		tw_mount_remount(mount, true);
	raw_spin_unlock(&tw_discovery_lock);
	local_irq_restore(flags);
	if (mount)
		irq_work_queue(&tw_discovery_kick);
}

NOKPROBE_SYMBOL(tw_discovery_reconfigure);

TW_PROBE_HANDLERS(tw_discovery, shutdown);
TW_PROBE_HANDLERS(tw_discovery, make_root);
TW_PROBE_HANDLERS(tw_discovery, reconfigure);

/* none comes before it would be noticed that it goes */
static const char * const tw_discovery_symbols[] = {
	"generic_shutdown_super", "d_make_root", "shmem_reconfigure",
};

static struct tw_probe tw_discovery_probes[ARRAY_SIZE(tw_discovery_symbols)] = {
	{ .handlers = &tw_discovery_shutdown_handlers },
	{ .handlers = &tw_discovery_make_root_handlers },
	{ .handlers = &tw_discovery_reconfigure_handlers },
};

static void tw_discovery_unregister_probes(void)
{
	size_t i = ARRAY_SIZE(tw_discovery_probes);

	while (i--)
		tw_probe_unregister(&tw_discovery_probes[i]);
}

/*
 * By ftrace, whatever the parameter hook says: kprobes can be switched off, in debugfs, and
 * a mount that goes meanwhile would be taken for one that is there. By a kprobe only where
 * the kernel's ftrace gives no arguments, or does not know the function.
 */
static int tw_discovery_register_probes(void)
{
	struct tw_probe *probe;
	int err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tw_discovery_probes); i++) {
		probe = &tw_discovery_probes[i];
		err = tw_probe_register(probe, tw_discovery_symbols[i],
					TW_PROBE_FTRACE);
		if (err && err != -ENOMEM)
			err = tw_probe_register(probe, tw_discovery_symbols[i],
						TW_PROBE_KPROBE);
		if (!err)
			err = tw_probe_enable(probe);
		if (err) {
			pr_err("cannot probe %s: error %d\n",
			       tw_discovery_symbols[i], err);
			tw_discovery_unregister_probes();
			return err;
		}
	}
	return 0;
}

/* A private mount must be seen to come and to go. */
static int tw_discovery_selftest(void)
{
	struct super_block *sb;
	struct vfsmount *mnt;
	int err = 0;

	tw_discovery_came = NULL;
	tw_discovery_went = NULL;
	WRITE_ONCE(tw_discovery_tester, current);
	mnt = vfs_kern_mount(tw_discovery_type, SB_KERNMOUNT, KBUILD_MODNAME, NULL);
	if (IS_ERR(mnt)) {
		err = PTR_ERR(mnt);
		pr_err("the probes of mounts cannot be tested: error %d\n", err);
		goto out;
	}
	sb = mnt->mnt_sb;
	kern_unmount(mnt);
	if (tw_discovery_came != sb || tw_discovery_went != sb) {
		err = -ENODEV;
		pr_err("the probe of %s did not see a private mount\n",
		       tw_discovery_came != sb ? "d_make_root" : "generic_shutdown_super");
	}
out:
	WRITE_ONCE(tw_discovery_tester, NULL);
	return err;
}

/*
 * Where probes are made of ftrace, the sysctl kernel.ftrace_enabled takes them
 * away without a word, and with that of generic_shutdown_super the last moment at
 * which a count may be read. One that is permanent makes it answer EBUSY.
 */
#ifdef CONFIG_DYNAMIC_FTRACE
static void tw_discovery_on_ftrace(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct tw_compat_ftrace_regs *regs)
{
}

static struct ftrace_ops tw_discovery_ftrace = {
	.func = tw_discovery_on_ftrace,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

static int tw_discovery_keep_ftrace(void)
{
	int err = tw_probe_set_filter(&tw_discovery_ftrace, "generic_shutdown_super");

	if (!err)
		err = register_ftrace_function(&tw_discovery_ftrace);
	if (err) {
		tw_compat_ftrace_free_filter(&tw_discovery_ftrace);
		pr_err("cannot keep ftrace on: error %d%s\n", err,
		       err == -EBUSY ? "; is the sysctl kernel.ftrace_enabled 0?" : "");
	}
	return err;
}

static void tw_discovery_release_ftrace(void)
{
	unregister_ftrace_function(&tw_discovery_ftrace);
	tw_compat_ftrace_free_filter(&tw_discovery_ftrace);
}
#else
static int tw_discovery_keep_ftrace(void)
{
	return 0;
}

static void tw_discovery_release_ftrace(void)
{
}
#endif

/* ---- all of it ---- */

/**
 * tw_discovery_init() - before anything else of this file
 * @events: who wants to know of mounts, from tw_discovery_start() on
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_discovery_init(const struct tw_discovery_events *events)
{
	int err;

	tw_discovery_events = events;
	init_irq_work(&tw_discovery_kick, tw_discovery_kick_fn);
	/* built into the kernel, so there is no module to hold */
	tw_discovery_type = get_fs_type("tmpfs");
	if (!tw_discovery_type) {
		pr_err("no file system type tmpfs\n");
		return -ENODEV;
	}
	tw_discovery_wq = alloc_ordered_workqueue("tmpfswarn_mounts", 0);
	if (!tw_discovery_wq) {
		pr_err("no memory for a workqueue\n");
		return -ENOMEM;
	}
	err = tw_discovery_keep_ftrace();
	if (err)
		goto destroy_wq;
	err = tw_discovery_register_probes();
	if (err)
		goto release_ftrace;
	err = tw_discovery_selftest();
	if (err)
		goto unregister_probes;
	return 0;

unregister_probes:
	tw_discovery_unregister_probes();
release_ftrace:
	irq_work_sync(&tw_discovery_kick);
	tw_discovery_release_ftrace();
destroy_wq:
	destroy_workqueue(tw_discovery_wq);
	return err;
}

static void tw_discovery_queue_check(struct tw_gauge *gauge)
{
	struct tw_mount *mount = gauge->mount;
	unsigned long flags;

	raw_spin_lock_irqsave(&tw_discovery_lock, flags);
	/* it may have gone, and been ended, since it was found */
	if (tw_mount_is_there(mount) && list_empty(&mount->queued))
		list_add_tail(&mount->queued, &tw_discovery_remounted);
	raw_spin_unlock_irqrestore(&tw_discovery_lock, flags);
}

/**
 * tw_discovery_check_watched() - check the usage of all mounts with thresholds
 *
 * Context: process; does not wait.
 */
void tw_discovery_check_watched(void)
{
	tw_gauge_visit_watched(tw_discovery_queue_check);
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

/* all mounts that were there at first are known */
static DECLARE_COMPLETION(tw_discovery_started);

/* A reference to the object of @sb, or NULL; sets @hidden if it is that. */
static struct tw_mount *tw_discovery_look_up(struct super_block *sb, bool *hidden)
{
	struct tw_mount *mount;

	raw_spin_lock_irq(&tw_discovery_lock);
	mount = tw_mount_find(sb);
	if (mount)
		tw_mount_get(mount);
	*hidden = tw_discovery_is_hidden(sb);
	raw_spin_unlock_irq(&tw_discovery_lock);
	return mount;
}

/**
 * tw_discovery_find() - the mount of a superblock
 * @sb: any that the caller keeps from going
 *
 * Context: process, up to tw_discovery_stop(). Waits for tw_discovery_start(), which must be
 * certain to come, and for what was mounted a moment ago.
 * Return: a reference; -EINVAL if it is no tmpfs; -EOPNOTSUPP if it is one that the kernel
 * keeps for itself, which has no size; -EDQUOT if it is hidden; -ENOMEM.
 */
struct tw_mount *tw_discovery_find(struct super_block *sb)
{
	struct tw_mount *mount;
	bool hidden;

	if (sb->s_type != tw_discovery_type)
		return ERR_PTR(-EINVAL);
	/* memfd, SysV and anonymous shared memory */
	if (sb->s_flags & SB_KERNMOUNT)
		return ERR_PTR(-EOPNOTSUPP);
	wait_for_completion(&tw_discovery_started);
	mount = tw_discovery_look_up(sb, &hidden);
	if (!mount && !hidden) {
		queue_work(tw_discovery_wq, &tw_discovery_work);
		flush_work(&tw_discovery_work);
		mount = tw_discovery_look_up(sb, &hidden);
	}
	if (mount)
		return mount;
	return ERR_PTR(hidden ? -EDQUOT : -ENOMEM);
}

/**
 * tw_discovery_start() - find the mounts there are, and those that come
 *
 * All mounts there are have been reported on return.
 */
void tw_discovery_start(void)
{
	unsigned int i;

	set_bit(TW_TODO_START, &tw_discovery_todo);
	for (i = 0; i < TW_DISCOVERY_SCANS && !tw_discovery_scan(); i++)
		;
	if (i == TW_DISCOVERY_SCANS)
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	queue_work(tw_discovery_wq, &tw_discovery_work);
	flush_work(&tw_discovery_work);
	complete_all(&tw_discovery_started);
}

/**
 * tw_discovery_stop() - undo tw_discovery_start()
 *
 * Every mount has been reported gone on return.
 */
void tw_discovery_stop(void)
{
	set_bit(TW_TODO_STOP, &tw_discovery_todo);
	queue_work(tw_discovery_wq, &tw_discovery_work);
	flush_work(&tw_discovery_work);
	/* from now on the work queues none of these; the scan may queue the work */
	cancel_delayed_work_sync(&tw_discovery_scan_work);
	cancel_delayed_work_sync(&tw_discovery_retry);
	cancel_delayed_work_sync(&tw_discovery_recheck);
	flush_work(&tw_discovery_work);
}

/**
 * tw_discovery_exit() - undo tw_discovery_init()
 *
 * All references must have been given back.
 */
void tw_discovery_exit(void)
{
	struct hlist_node *next;
	struct tw_owner *owner;
	unsigned int i;

	/* the last tw_discovery_uncharge(), which is called in a work, a grace period later */
	rcu_barrier();
	flush_workqueue(tw_wq);
	tw_discovery_unregister_probes();
	tw_discovery_release_ftrace();
	irq_work_sync(&tw_discovery_kick);
	destroy_workqueue(tw_discovery_wq);
	tw_discovery_free_idle();
	/* those of mounts that are hidden still */
	hash_for_each_safe(tw_discovery_owners, i, next, owner, node)
		kfree(owner);
	kvfree(tw_discovery_hidden);
	kfree(tw_discovery_spare_owner);
	kfree(tw_discovery_spare_mount);
}

/**
 * tw_discovery_counts() - statistics over all mounts
 * @counts: set
 */
void tw_discovery_counts(struct tw_discovery_counts *counts)
{
	unsigned int found = READ_ONCE(tw_discovery_objects);
	/* one of these may just have gone */
	unsigned int waiting = min(READ_ONCE(tw_discovery_waiting), found);

	counts->shown = found - waiting;
	counts->hidden = READ_ONCE(tw_discovery_nr_hidden) + waiting +
			 READ_ONCE(tw_discovery_stuck);
}
