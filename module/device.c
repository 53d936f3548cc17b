// SPDX-License-Identifier: GPL-2.0
/*
 * The interface for everybody: /dev/tmpfswarn. Opened for writing it is a listener, opened
 * for reading alone it lists triggers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/statfs.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/uio.h>

#include <tmpfswarn.h>

#include "compat.h"
#include "device.h"
#include "discovery.h"
#include "listener.h"
#include "mount.h"
#include "show.h"
#include "trigger.h"

/* ---- a listener ---- */

/*
 * Does who writes have the rights with which the file was opened, and no others? The number
 * of a file descriptor means something in the writer's table alone: a program with more
 * rights that was given the device as its standard output must not be made to register.
 * Each execve(2) makes new credentials, so these are compared by what they hold.
 */
static bool tw_device_may_write(const struct file *file)
{
	const struct cred *opener = file->f_cred, *writer = current_cred();

	return writer->user_ns == opener->user_ns &&
	       uid_eq(writer->uid, opener->uid) && uid_eq(writer->euid, opener->euid) &&
	       uid_eq(writer->suid, opener->suid) && uid_eq(writer->fsuid, opener->fsuid) &&
	       gid_eq(writer->gid, opener->gid) && gid_eq(writer->egid, opener->egid) &&
	       gid_eq(writer->sgid, opener->sgid) && gid_eq(writer->fsgid, opener->fsgid) &&
	       cap_issubset(writer->cap_permitted, opener->cap_permitted);
}

static int tw_device_register(struct tw_listener *listener, const struct tw_request *request)
{
	/* also one of O_PATH, which says no more than fstatfs(2) does */
	struct file *file = fget_raw(request->fd);
	struct tw_mount *mount;
	struct kstatfs statfs;
	int err;

	if (!file)
		return -EBADF;
	mount = tw_discovery_find(file->f_path.dentry->d_sb);
	err = PTR_ERR_OR_ZERO(mount);
	/* a security module may have something against it */
	if (!err) {
		err = vfs_statfs(&file->f_path, &statfs);
		if (err)
			tw_mount_put(mount);
	}
	if (!err) {
		err = tw_listener_register(listener, mount, request);
		tw_mount_put(mount);
	}
	fput(file);
	return err;
}

static ssize_t tw_device_write(struct file *file, const char __user *data, size_t len,
			       loff_t *pos)
{
	struct tw_listener *listener = file->private_data;
	char text[TMPFSWARN_WRITE_MAX + 1];
	struct tw_request request;
	int err;

	if (!tw_device_may_write(file))
		return -EPERM;
	if (len > TMPFSWARN_WRITE_MAX)
		return -EINVAL;
	if (copy_from_user(text, data, len))
		return -EFAULT;
	text[len] = '\0';
	err = tw_request_parse(text, tw_pressure_percent, &request);
	if (err)
		return err;
	if (request.forget)
		err = tw_listener_forget(listener, request.tag, request.tag_len);
	else
		err = tw_device_register(listener, &request);
	return err ?: len;
}

static ssize_t tw_device_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;

	return tw_listener_read(file->private_data, to,
				file->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t tw_device_poll(struct file *file, struct poll_table_struct *table)
{
	return tw_listener_poll(file->private_data, file, table) | EPOLLOUT | EPOLLWRNORM;
}

static int tw_device_release(struct inode *inode, struct file *file)
{
	tw_listener_close(file->private_data);
	return 0;
}

/* ---- a list ---- */

/**
 * struct tw_device_list - an open file that lists triggers
 * @uid: of whom
 * @all: of everybody
 * @pid_ns: who reads it, a reference
 */
struct tw_device_list {
	kuid_t uid;
	bool all;
	struct pid_namespace *pid_ns;
};

/* Containers may share a uid, but not a pid namespace. */
static bool tw_device_list_shows(const struct tw_device_list *list,
				 const struct tw_trigger *trigger)
{
	return list->all || (uid_eq(trigger->uid, list->uid) &&
			     pid_nr_ns(trigger->pid, list->pid_ns));
}

/*
 * One ordinary user at a time is in the queue for the mutex with which triggers are
 * registered and ended, however many read.
 */
static DEFINE_MUTEX(tw_device_list_mutex);

static void *tw_device_list_start(struct seq_file *seq, loff_t *pos)
{
	const struct tw_device_list *list = seq->private;

	if (!list->all)
		mutex_lock(&tw_device_list_mutex);
	return seq_list_start_head(tw_trigger_list_lock(), *pos);
}

static void *tw_device_list_next(struct seq_file *seq, void *v, loff_t *pos)
{
	return seq_list_next(v, tw_trigger_list(), pos);
}

static void tw_device_list_stop(struct seq_file *seq, void *v)
{
	const struct tw_device_list *list = seq->private;

	tw_trigger_list_unlock();
	if (!list->all)
		mutex_unlock(&tw_device_list_mutex);
}

static void tw_device_list_figures(struct seq_file *seq, const struct tw_device_list *list)
{
	struct tw_trigger *trigger;
	unsigned int own = 0;

	if (list->all) {
		tw_show_stats(seq);
		return;
	}
	list_for_each_entry(trigger, tw_trigger_list(), all)
		own += tw_device_list_shows(list, trigger);
	tw_show_hook(seq);
	seq_printf(seq, "triggers %u\n", own);
}

static int tw_device_list_show(struct seq_file *seq, void *v)
{
	const struct tw_device_list *list = seq->private;
	struct tw_trigger *trigger;

	/* before the first */
	if (v == tw_trigger_list()) {
		tw_device_list_figures(seq, list);
		return 0;
	}
	trigger = list_entry(v, struct tw_trigger, all);
	if (!tw_device_list_shows(list, trigger))
		return SEQ_SKIP;
	seq_printf(seq, "dev=%u:%u ", MAJOR(trigger->mount->dev), MINOR(trigger->mount->dev));
	tw_show_trigger(seq, trigger, list->pid_ns, seq_user_ns(seq));
	return 0;
}

static const struct seq_operations tw_device_list_ops = {
	.start = tw_device_list_start,
	.next = tw_device_list_next,
	.stop = tw_device_list_stop,
	.show = tw_device_list_show,
};

static int tw_device_list_open(struct file *file)
{
	struct tw_device_list *list;

	list = __seq_open_private(file, &tw_device_list_ops, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->uid = file->f_cred->uid;
	list->all = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	list->pid_ns = get_pid_ns(task_active_pid_ns(current));
	return 0;
}

static int tw_device_list_release(struct inode *inode, struct file *file)
{
	struct tw_device_list *list = ((struct seq_file *)file->private_data)->private;

	put_pid_ns(list->pid_ns);
	return seq_release_private(inode, file);
}

static const struct file_operations tw_device_list_fops = {
	.owner = THIS_MODULE,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = tw_device_list_release,
};

/* ---- the device ---- */

static int tw_device_open(struct inode *inode, struct file *file)
{
	struct tw_listener *listener;

	if (!(file->f_mode & FMODE_WRITE)) {
		/* the module's reference stays */
		file->f_op = &tw_device_list_fops;
		return tw_device_list_open(file);
	}
	listener = tw_listener_open(file->f_cred);
	if (!listener)
		return -ENOMEM;
	file->private_data = listener;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static const struct file_operations tw_device_fops = {
	.owner = THIS_MODULE,
	.open = tw_device_open,
	.read_iter = tw_device_read,
	.write = tw_device_write,
	.poll = tw_device_poll,
	.llseek = noop_llseek,
	.release = tw_device_release,
};

/*
 * Not a misc device: each of these is opened with a mutex that is one for all, and who opens
 * this one is charged for what it takes. Where his memory cgroup has no more, that may take
 * long.
 */
static dev_t tw_device_number;
static struct cdev tw_device_cdev;
static struct class tw_device_class = {
	.name = TMPFSWARN_NAME,
	.devnode = tw_compat_devnode,
};

/**
 * tw_device_init() - let everybody open the device
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_device_init(void)
{
	struct device *device;
	int err = tw_listener_init();

	if (err)
		return err;
	err = alloc_chrdev_region(&tw_device_number, 0, 1, TMPFSWARN_NAME);
	if (err)
		goto exit_listener;
	err = class_register(&tw_device_class);
	if (err)
		goto unregister_region;
	cdev_init(&tw_device_cdev, &tw_device_fops);
	tw_device_cdev.owner = THIS_MODULE;
	err = cdev_add(&tw_device_cdev, tw_device_number, 1);
	if (err)
		goto unregister_class;
	/* last: who sees it can open it */
	device = device_create(&tw_device_class, NULL, tw_device_number, NULL, TMPFSWARN_NAME);
	err = PTR_ERR_OR_ZERO(device);
	if (err)
		goto del_cdev;
	return 0;

del_cdev:
	cdev_del(&tw_device_cdev);
unregister_class:
	class_unregister(&tw_device_class);
unregister_region:
	unregister_chrdev_region(tw_device_number, 1);
exit_listener:
	tw_listener_exit();
	pr_err("no device " TMPFSWARN_DEVICE ": error %d\n", err);
	return err;
}

/**
 * tw_device_exit() - undo tw_device_init()
 *
 * Nobody has it open.
 */
void tw_device_exit(void)
{
	device_destroy(&tw_device_class, tw_device_number);
	cdev_del(&tw_device_cdev);
	class_unregister(&tw_device_class);
	unregister_chrdev_region(tw_device_number, 1);
	tw_listener_exit();
}
