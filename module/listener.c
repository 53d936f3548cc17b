// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: triggers whose crossings are read as records.
 *
 * L1. Each trigger brings its records along: one for the side where it began, TW_RECORDS for
 * crossings, one for its mount's end. So at a crossing nothing is allocated and nothing can
 * be lost. When those for crossings are all unread, what follows is added up in the last of them,
 * which goes to the end of the queue, so that the queue stays in the order of time.
 *
 * L2. A trigger's memory goes when the trigger has ended and its records have been read, by
 * whoever does the last of the two, as the listener's lock decides. The user is charged until
 * then.
 *
 * L3. The listener goes with the last close of its file. From that no read, write or poll is
 * under way, and none comes. Triggers that others are just ending are waited for.
 *
 * L4. Who crosses a level wakes nobody but a kworker. As many as a listener's owner likes may
 * wait for it, by epoll(7) alone a million, and a wake-up walks over all of them with
 * interrupts off: that is not to be done in the system call of another user, who writes a
 * page. What poll(2) and read(2) say is true at once even so.
 *
 * L5. The record of where a trigger began comes before those of its crossings, the first of
 * which may be there before tw_trigger_register() has returned: whoever is first queues it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "crossing.h"
#include "level.h"
#include "listener.h"
#include "mount.h"
#include "record.h"
#include "trigger.h"
#include "user.h"

/* of each trigger, for crossings that are not read yet */
#define TW_RECORDS	8

/**
 * struct tw_listener - an open file of the device
 * @user: who is charged for its triggers, a reference
 * @unlimited: he has CAP_SYS_RESOURCE
 * @viewer: who is told of which tasks
 * @cred: with which it was opened, a reference
 * @lock: protects what follows up to @closing, and all triggers' records; taken
 *	where crossings are notified, inside of a mount's notify_lock
 * @wait: who waits for a record, or for the last trigger's end
 * @records: unread, the oldest first
 * @nr_triggers: how many have not ended
 * @used: there was one
 * @closing: records are not kept any more
 * @mutex: protects @triggers; taken inside of a mount's mutex and of @read_mutex
 * @triggers: those that have not ended, or have records that are unread
 * @ended: triggers that are to be ended by @end, though the file is open
 * @end: ends them
 * @wake: wakes those who wait
 * @read_mutex: protects what follows, but for who asks whether there is something to read
 * @text: the record that is being read
 * @text_len: its length, or something else but 0 while it is being printed
 * @text_read: how much of it was read
 */
struct tw_listener {
	struct tw_user *user;
	bool unlimited;
	struct tw_viewer viewer;
	const struct cred *cred;

	spinlock_t lock; /* see above */
	wait_queue_head_t wait;
	struct list_head records;
	unsigned int nr_triggers;
	bool used;
	bool closing;

	struct mutex mutex; /* see above */
	struct list_head triggers;

	struct llist_head ended;
	struct work_struct end;
	struct work_struct wake;

	struct mutex read_mutex; /* see above */
	char text[TW_RECORD_TEXT];
	size_t text_len;
	size_t text_read;
};

/* waking the readers of one may take long, and delays nothing else of the module */
static struct workqueue_struct *tw_listener_wq;

/**
 * struct tw_queued - a record of a trigger
 * @record: the record
 * @owner: whose it is
 * @entry: in the listener's queue
 */
struct tw_queued {
	struct tw_record record;
	struct tw_listener_trigger *owner;
	struct list_head entry;
};

/**
 * struct tw_listener_trigger - a trigger that tells a listener
 * @trigger: the trigger
 * @observer: of its threshold
 * @listener: whom it tells; as long as it has triggers, it stays
 * @entry: in its list
 * @ended: in a list of those that are to be ended
 * @over: it has ended
 * @names: what its records have in common
 * @begun: its first record was queued
 * @unread: records that were not read yet
 * @head: crossings' records that were queued since it is there
 * @tail: those of them that were read
 * @first: where it began
 * @crossings: see L1; in turn
 * @gone: its mount's end
 */
struct tw_listener_trigger {
	struct tw_trigger trigger;
	struct tw_observer observer;
	struct tw_listener *listener;
	struct list_head entry;
	struct llist_node ended;
	bool over;
	struct tw_record_names names;
	bool begun;
	unsigned int unread;
	unsigned int head;
	unsigned int tail;
	struct tw_queued first;
	struct tw_queued crossings[TW_RECORDS];
	struct tw_queued gone;
};

static struct tw_listener_trigger *tw_listener_trigger(struct tw_trigger *trigger)
{
	return container_of(trigger, struct tw_listener_trigger, trigger);
}

/* ---- records ---- */

/* Has those who wait woken, soon. */
static void tw_listener_wake(struct tw_listener *listener)
{
	/* L3: tw_listener_close() waits for the work when it has had the lock */
	lockdep_assert_held(&listener->lock);
	queue_work(tw_listener_wq, &listener->wake); /* L4 */
}

static void tw_listener_queue(struct tw_listener_trigger *one, struct tw_queued *queued,
			      enum tw_event event)
{
	queued->record.event = event;
	one->unread++;
	list_add_tail(&queued->entry, &one->listener->records);
}

/* L5 */
static void tw_listener_begin(struct tw_listener_trigger *one)
{
	lockdep_assert_held(&one->listener->lock);
	if (one->begun)
		return;
	one->begun = true;
	one->first.record.crossing = one->observer.first;
	tw_listener_queue(one, &one->first, TW_EVENT_STATE);
}

static void tw_listener_add_crossings(struct tw_listener_trigger *one,
				      unsigned int crossings,
				      const struct tw_crossing *last)
{
	enum tw_event event = last->above ? TW_EVENT_UP : TW_EVENT_DOWN;
	struct tw_queued *queued;

	if (!one->names.sides)
		event = TW_EVENT_REFUSED;

	if (one->head - one->tail < TW_RECORDS) {
		queued = &one->crossings[one->head++ % TW_RECORDS];
		queued->record.crossings = 0;
		tw_listener_queue(one, queued, event);
	} else {
		/* L1 */
		queued = &one->crossings[(one->head - 1) % TW_RECORDS];
		queued->record.event = event;
		list_move_tail(&queued->entry, &one->listener->records);
	}
	queued->record.crossings += crossings;
	queued->record.crossing = *last;
}

static void tw_listener_crossed(struct tw_trigger *trigger, unsigned int crossings,
				const struct tw_crossing *last)
{
	struct tw_listener_trigger *one = tw_listener_trigger(trigger);
	struct tw_listener *listener = one->listener;
	unsigned long flags;

	spin_lock_irqsave(&listener->lock, flags);
	if (!listener->closing) {
		tw_listener_begin(one);
		tw_listener_add_crossings(one, crossings, last);
		tw_listener_wake(listener);
	}
	spin_unlock_irqrestore(&listener->lock, flags);
}

/* What the mount had, in what the records count. */
static u64 tw_listener_size(const struct tw_trigger *trigger)
{
	if (trigger->resource == TW_REFUSED)
		return tw_blocks_to_bytes(trigger->mount->blocks.size, PAGE_SHIFT);
	return trigger->threshold.gauge->size;
}

static void tw_listener_gone(struct tw_trigger *trigger)
{
	struct tw_listener_trigger *one = tw_listener_trigger(trigger);
	struct tw_listener *listener = one->listener;

	spin_lock_irq(&listener->lock);
	if (!listener->closing) {
		tw_crossing_set(&one->gone.record.crossing, 0, tw_listener_size(trigger), false);
		tw_listener_queue(one, &one->gone, TW_EVENT_GONE);
		tw_listener_wake(listener);
	}
	spin_unlock_irq(&listener->lock);
}

/* ---- triggers ---- */

/* L2; true for one caller, who is to free it. */
static bool tw_listener_done_with(struct tw_listener_trigger *one)
{
	lockdep_assert_held(&one->listener->lock);
	return one->over && !one->unread;
}

/* With the listener's mutex held: nobody finds it any more. */
static void tw_listener_free(struct tw_listener_trigger *one)
{
	lockdep_assert_held(&one->listener->mutex);
	list_del(&one->entry);
	tw_user_uncharge(one->listener->user);
	kfree(one);
}

static void tw_listener_registered(struct tw_trigger *trigger)
{
	struct tw_listener_trigger *one = tw_listener_trigger(trigger);
	struct tw_listener *listener = one->listener;

	mutex_lock(&listener->mutex);
	list_add_tail(&one->entry, &listener->triggers);
	mutex_unlock(&listener->mutex);
	spin_lock_irq(&listener->lock);
	listener->used = true;
	listener->nr_triggers++;
	tw_listener_begin(one);
	tw_listener_wake(listener);
	spin_unlock_irq(&listener->lock);
}

static void tw_listener_del(struct tw_trigger *trigger)
{
	struct tw_listener_trigger *one = tw_listener_trigger(trigger);
	struct tw_listener *listener = one->listener;
	bool done;

	mutex_lock(&listener->mutex);
	spin_lock_irq(&listener->lock);
	one->over = true;
	done = tw_listener_done_with(one);
	spin_unlock_irq(&listener->lock);
	if (done)
		tw_listener_free(one);
	mutex_unlock(&listener->mutex);

	spin_lock_irq(&listener->lock);
	if (!--listener->nr_triggers)
		tw_listener_wake(listener);
	/* from here on the listener may go */
	spin_unlock_irq(&listener->lock);
}

static void tw_listener_end(struct tw_trigger *trigger)
{
	struct tw_listener_trigger *one = tw_listener_trigger(trigger);

	llist_add(&one->ended, &one->listener->ended);
	queue_work(tw_wq, &one->listener->end);
}

static const struct tw_trigger_ops tw_listener_ops = {
	.name = "listener",
	.registered = tw_listener_registered,
	.crossed = tw_listener_crossed,
	.gone = tw_listener_gone,
	.end = tw_listener_end,
	.del = tw_listener_del,
};

/* Ends triggers that were claimed for that. */
static void tw_listener_end_these(struct llist_node *ended)
{
	struct tw_listener_trigger *one, *next;

	llist_for_each_entry_safe(one, next, llist_reverse_order(ended), ended) {
		tw_trigger_end(&one->trigger);
		cond_resched();
	}
}

static void tw_listener_end_fn(struct work_struct *work)
{
	struct tw_listener *listener = container_of(work, struct tw_listener, end);

	tw_listener_end_these(llist_del_all(&listener->ended));
}

static void tw_listener_wake_fn(struct work_struct *work)
{
	struct tw_listener *listener = container_of(work, struct tw_listener, wake);

	wake_up_poll(&listener->wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
}

/*
 * Ends all triggers, or those of a tag. False if there are none; those that somebody else is just
 * ending count.
 */
static bool tw_listener_end_all(struct tw_listener *listener, const char *tag, size_t len)
{
	struct tw_listener_trigger *one;
	bool found = false;
	LLIST_HEAD(ended);

	mutex_lock(&listener->mutex);
	list_for_each_entry(one, &listener->triggers, entry) {
		/* written with the mutex held */
		if (one->over)
			continue;
		if (tag && (strlen(one->names.tag) != len || memcmp(one->names.tag, tag, len)))
			continue;
		found = true;
		if (tw_trigger_claim(&one->trigger))
			llist_add(&one->ended, &ended);
	}
	mutex_unlock(&listener->mutex);
	tw_listener_end_these(llist_del_all(&ended));
	return found;
}

static enum tw_resource tw_listener_resource(const struct tw_spec *spec)
{
	if (spec->gauge == TW_INODES)
		return TW_USED_INODES;
	if (spec->gauge == TW_REFUSALS)
		return TW_REFUSED;
	return spec->pressure < 0 ? TW_USED_BYTES : TW_PRESSURE_LEVEL;
}

/* Makes a trigger for which its user is charged. */
static struct tw_listener_trigger *
tw_listener_make(struct tw_listener *listener, struct tw_mount *mount,
		 const struct tw_request *request)
{
	struct tw_listener_trigger *one;
	size_t i;

	/* who writes is charged, see tw_eventfd_register_file() */
	one = kzalloc(sizeof(*one), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!one)
		return ERR_PTR(-ENOMEM);
	if (!tw_user_charge(listener->user)) {
		kfree(one);
		return ERR_PTR(-EDQUOT);
	}
	one->listener = listener;
	one->observer.viewer = &listener->viewer;
	one->trigger.ops = &tw_listener_ops;
	one->trigger.limited = !listener->unlimited;
	one->trigger.user = listener->user;
	one->trigger.resource = tw_listener_resource(&request->spec);
	one->trigger.threshold.spec = request->spec;
	one->trigger.threshold.observer = &one->observer;
	memcpy(one->names.tag, request->tag, request->tag_len);
	tw_spec_print(one->names.level, sizeof(one->names.level), &request->spec);
	one->names.dev = mount->dev;
	one->names.shift = tw_mount_gauge_ops(request->spec.gauge)->shift;
	one->names.sides = !tw_mount_gauge_ops(request->spec.gauge)->counts;
	one->first.owner = one;
	one->gone.owner = one;
	for (i = 0; i < TW_RECORDS; i++)
		one->crossings[i].owner = one;
	return one;
}

/**
 * tw_listener_register() - register a trigger that tells a listener
 * @listener: the listener
 * @mount: where
 * @request: what is asked for
 *
 * Context: process.
 * Return: 0; -EDQUOT where a limit does not let it, or as tw_trigger_register(). Nothing
 * has changed if not 0.
 */
int tw_listener_register(struct tw_listener *listener, struct tw_mount *mount,
			 const struct tw_request *request)
{
	struct tw_listener_trigger *one = tw_listener_make(listener, mount, request);
	int err;

	if (IS_ERR(one))
		return PTR_ERR(one);
	err = tw_trigger_register(&one->trigger, mount);
	if (!err)
		return 0;
	tw_user_uncharge(listener->user);
	kfree(one);
	return err == -ENOSPC ? -EDQUOT : err;
}

/**
 * tw_listener_forget() - end the triggers of a tag
 * @listener: whose
 * @tag: the tag
 * @len: its length
 *
 * What they have to say until then can be read still.
 *
 * Context: process.
 * Return: 0, or -ENOENT if there are none.
 */
int tw_listener_forget(struct tw_listener *listener, const char *tag, size_t len)
{
	return tw_listener_end_all(listener, tag, len) ? 0 : -ENOENT;
}

/* ---- reading ---- */

/* Is there something to read, or nothing any more? */
static __poll_t tw_listener_state(struct tw_listener *listener)
{
	__poll_t mask = 0;

	spin_lock_irq(&listener->lock);
	/* the text is a hint here, for poll(2) */
	if (!list_empty(&listener->records) || READ_ONCE(listener->text_len))
		mask = EPOLLIN | EPOLLRDNORM;
	else if (listener->used && !listener->nr_triggers)
		mask = EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	spin_unlock_irq(&listener->lock);
	return mask;
}

/* Makes the text of the next record; false if there is none. */
static bool tw_listener_next(struct tw_listener *listener)
{
	struct tw_listener_trigger *one;
	struct tw_queued *queued;
	bool done;

	lockdep_assert_held(&listener->read_mutex);
	spin_lock_irq(&listener->lock);
	queued = list_first_entry_or_null(&listener->records, struct tw_queued, entry);
	if (queued) {
		list_del(&queued->entry);
		/* nobody finds in between that there is nothing to read */
		WRITE_ONCE(listener->text_len, sizeof(listener->text));
	}
	spin_unlock_irq(&listener->lock);
	if (!queued)
		return false;

	/* it is unread still: nobody uses it for another crossing, and its trigger stays */
	one = queued->owner;
	WRITE_ONCE(listener->text_len,
		   tw_record_print(listener->text, sizeof(listener->text), &queued->record,
				   &one->names, listener->cred->user_ns));
	listener->text_read = 0;

	spin_lock_irq(&listener->lock);
	if (queued != &one->first && queued != &one->gone)
		one->tail++;
	one->unread--;
	done = tw_listener_done_with(one);
	spin_unlock_irq(&listener->lock);
	if (done) {
		mutex_lock(&listener->mutex);
		tw_listener_free(one);
		mutex_unlock(&listener->mutex);
	}
	return true;
}

/* As many whole records as fit, or else a part of one. */
static ssize_t tw_listener_read_some(struct tw_listener *listener, struct iov_iter *to)
{
	size_t some, copied, all = 0;

	lockdep_assert_held(&listener->read_mutex);
	while (iov_iter_count(to)) {
		if (!listener->text_len && !tw_listener_next(listener))
			break;
		some = listener->text_len - listener->text_read;
		if (all && some > iov_iter_count(to))
			break;
		some = min(some, iov_iter_count(to));
		copied = copy_to_iter(listener->text + listener->text_read, some, to);
		listener->text_read += copied;
		all += copied;
		if (listener->text_read == listener->text_len)
			WRITE_ONCE(listener->text_len, 0);
		if (copied < some)
			return all ?: -EFAULT;
	}
	return all;
}

/**
 * tw_listener_read() - read(2)
 * @listener: the listener
 * @to: where to
 * @nonblock: wait for nothing
 *
 * Context: process.
 * Return: bytes that were read; 0 once there will be none any more; -EAGAIN,
 * -ERESTARTSYS or -EFAULT.
 */
ssize_t tw_listener_read(struct tw_listener *listener, struct iov_iter *to,
			 bool nonblock)
{
	__poll_t state;
	ssize_t size;
	int err;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		/* not under the mutex: who does not want to wait would wait for it */
		if (!nonblock) {
			err = wait_event_interruptible(listener->wait,
						       tw_listener_state(listener));
			if (err)
				return err;
			err = mutex_lock_interruptible(&listener->read_mutex);
			if (err)
				return err;
		} else if (!mutex_trylock(&listener->read_mutex)) {
			return -EAGAIN;
		}
		size = tw_listener_read_some(listener, to);
		state = size ? 0 : tw_listener_state(listener);
		mutex_unlock(&listener->read_mutex);
		if (size)
			return size;
		if (state & EPOLLHUP)
			return 0;
		/* somebody else has read it */
		if (!state && nonblock)
			return -EAGAIN;
	}
}

/**
 * tw_listener_poll() - poll(2), without what is said of writing
 * @listener: the listener
 * @file: its file
 * @table: who waits
 *
 * Return: the events.
 */
__poll_t tw_listener_poll(struct tw_listener *listener, struct file *file,
			  struct poll_table_struct *table)
{
	poll_wait(file, &listener->wait, table);
	return tw_listener_state(listener);
}

/* ---- the listener, and all of them ---- */

/**
 * tw_listener_open() - make a listener
 * @cred: with which its file is opened, by the current process
 *
 * Context: process.
 * Return: the listener, or NULL without memory.
 */
struct tw_listener *tw_listener_open(const struct cred *cred)
{
	struct tw_listener *listener;

	/* who opens is charged, see tw_eventfd_register_file() */
	listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!listener)
		return NULL;
	listener->unlimited = ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	listener->user = tw_user_get(cred, listener->unlimited);
	if (!listener->user) {
		kfree(listener);
		return NULL;
	}
	listener->cred = get_cred(cred);
	listener->viewer.uid = cred->uid;
	listener->viewer.pid_ns = get_pid_ns(task_active_pid_ns(current));
	listener->viewer.all = ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE);
	spin_lock_init(&listener->lock);
	init_waitqueue_head(&listener->wait);
	INIT_LIST_HEAD(&listener->records);
	mutex_init(&listener->mutex);
	INIT_LIST_HEAD(&listener->triggers);
	init_llist_head(&listener->ended);
	INIT_WORK(&listener->end, tw_listener_end_fn);
	INIT_WORK(&listener->wake, tw_listener_wake_fn);
	mutex_init(&listener->read_mutex);
	return listener;
}

/* Has no record kept any more, and frees triggers that have ended. */
static void tw_listener_forget_records(struct tw_listener *listener)
{
	struct tw_listener_trigger *one, *next;
	bool done;

	spin_lock_irq(&listener->lock);
	listener->closing = true;
	INIT_LIST_HEAD(&listener->records);
	spin_unlock_irq(&listener->lock);

	mutex_lock(&listener->mutex);
	list_for_each_entry_safe(one, next, &listener->triggers, entry) {
		spin_lock_irq(&listener->lock);
		one->unread = 0;
		done = tw_listener_done_with(one);
		spin_unlock_irq(&listener->lock);
		if (done)
			tw_listener_free(one);
	}
	mutex_unlock(&listener->mutex);
}

static bool tw_listener_is_idle(struct tw_listener *listener)
{
	bool idle;

	spin_lock_irq(&listener->lock);
	idle = !listener->nr_triggers;
	spin_unlock_irq(&listener->lock);
	return idle;
}

/**
 * tw_listener_close() - end a listener, and all of its triggers
 * @listener: one that nobody uses any more; see L3
 *
 * Context: process.
 */
void tw_listener_close(struct tw_listener *listener)
{
	tw_listener_forget_records(listener);
	tw_listener_end_all(listener, NULL, 0);
	/* those that the work, an umount or a write before has begun to end */
	wait_event(listener->wait, tw_listener_is_idle(listener));
	flush_work(&listener->end);
	flush_work(&listener->wake);
	put_pid_ns(listener->viewer.pid_ns);
	put_cred(listener->cred);
	tw_user_put(listener->user);
	kfree(listener);
}

/**
 * tw_listener_init() - before the first listener is opened
 *
 * Return: 0, or -ENOMEM after a line in the log.
 */
int tw_listener_init(void)
{
	tw_listener_wq = alloc_workqueue("tmpfswarn_listeners", WQ_UNBOUND, 0);
	if (tw_listener_wq)
		return 0;
	pr_err("no memory for a workqueue\n");
	return -ENOMEM;
}

/**
 * tw_listener_exit() - after the last listener was closed
 */
void tw_listener_exit(void)
{
	destroy_workqueue(tw_listener_wq);
}
