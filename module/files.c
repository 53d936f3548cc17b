// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a mount's directory: parse what is written, print what is read.
 *
 * Each open file holds a reference to its mount, so that one held open across
 * an umount answers with -ENODEV. That is why they are made with
 * debugfs_create_file_unsafe(): debugfs protects open() against removal, and
 * the reference protects the rest. debugfs_remove() then waits for no read or
 * write, and cannot deadlock with one.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include <tmpfswarn.h>

#include "eventfd.h"
#include "files.h"
#include "peak.h"
#include "show.h"
#include "trigger.h"

/* ---- open and release ---- */

static int tw_file_open(struct inode *inode, struct file *file,
			int (*show)(struct seq_file *, void *))
{
	struct tw_mount *mount = inode->i_private;
	int err = single_open(file, show, mount);

	if (!err)
		tw_mount_get(mount);
	return err;
}

static struct tw_mount *tw_file_mount(struct file *file)
{
	return ((struct seq_file *)file->private_data)->private;
}

static int tw_file_release(struct inode *inode, struct file *file)
{
	tw_mount_put(tw_file_mount(file));
	return single_release(inode, file);
}

/* What is written, as a string that ends at the first NUL. */
static int tw_file_text(const char __user *data, size_t len, char *text)
{
	if (len > TMPFSWARN_WRITE_MAX)
		return -EINVAL;
	if (copy_from_user(text, data, len))
		return -EFAULT;
	text[len] = '\0';
	return 0;
}

/* One that can be read, and written if @put is given. */
#define TW_FILE(name, put)						\
	static int tw_##name##_open(struct inode *inode, struct file *file) \
	{								\
		return tw_file_open(inode, file, tw_##name##_show);	\
	}								\
									\
	static const struct file_operations tw_##name##_fops = {	\
		.owner = THIS_MODULE,					\
		.open = tw_##name##_open,				\
		.read = seq_read,					\
		.write = put,						\
		.llseek = seq_lseek,					\
		.release = tw_file_release,				\
	}

#define TW_READ_ONLY_FILE(name)		TW_FILE(name, NULL)
#define TW_READ_WRITE_FILE(name)	TW_FILE(name, tw_##name##_write)

/* ---- usage, used_bytes, used_inodes, refused, memory.limit_in_bytes, pressure_level ---- */

static u64 tw_bytes(u64 blocks)
{
	return tw_blocks_to_bytes(blocks, PAGE_SHIFT);
}

static int tw_usage_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);

	if (err)
		return err;
	seq_printf(seq, "size %llu\n", tw_bytes(usage.size));
	seq_printf(seq, "used %lld\n", usage.used << PAGE_SHIFT);
	seq_printf(seq, "free %llu\n", tw_bytes(tw_usage_free(&usage)));
	seq_printf(seq, "inodes %llu\n", usage.inodes);
	seq_printf(seq, "inodes_used %llu\n", usage.inodes - usage.inodes_free);
	seq_printf(seq, "inodes_free %llu\n", usage.inodes_free);
	seq_printf(seq, "refused %lu\n", usage.refused);
	return 0;
}

TW_READ_ONLY_FILE(usage);

static int tw_used_bytes_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);

	if (!err)
		seq_printf(seq, "%lld\n", usage.used << PAGE_SHIFT);
	return err;
}

TW_READ_ONLY_FILE(used_bytes);

static int tw_used_inodes_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);

	if (!err)
		seq_printf(seq, "%llu\n", usage.inodes - usage.inodes_free);
	return err;
}

TW_READ_ONLY_FILE(used_inodes);

static int tw_refused_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);

	if (!err)
		seq_printf(seq, "%lu\n", usage.refused);
	return err;
}

TW_READ_ONLY_FILE(refused);

static int tw_limit_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);

	if (err)
		return err;
	/* as cgroup v1 has it: a very large number where there is no limit */
	seq_printf(seq, "%llu\n", usage.size ? tw_bytes(usage.size) :
				   (u64)S64_MAX & PAGE_MASK);
	return 0;
}

TW_READ_ONLY_FILE(limit);

static int tw_pressure_show(struct seq_file *seq, void *v)
{
	struct tw_level level = { .kind = TW_LEVEL_PERCENT };
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);
	size_t i;

	if (err)
		return err;
	for (i = 0; i < TW_PRESSURES; i++) {
		level.value = 100 * tw_pressure_percent[i];
		seq_printf(seq, "%s %llu\n", tw_pressure_names[i],
			   tw_bytes(tw_level_blocks(&level, usage.size,
						    PAGE_SHIFT)));
	}
	return 0;
}

TW_READ_ONLY_FILE(pressure);

/* ---- memory.oom_control, memory.failcnt ---- */

static int tw_oom_control_show(struct seq_file *seq, void *v)
{
	struct tw_usage usage;
	int err = tw_mount_usage(seq->private, &usage);
	bool full;

	if (err)
		return err;
	full = (usage.size && !tw_usage_free(&usage)) || (usage.inodes && !usage.inodes_free);
	/* no oom_kill: who finds that reads it now and then, and does not register */
	seq_printf(seq, "oom_kill_disable 0\nunder_oom %d\n", full);
	return 0;
}

/* As cgroup v1 takes it, but that there is nothing to be switched. */
static ssize_t tw_oom_control_write(struct file *file, const char __user *data, size_t len,
				    loff_t *pos)
{
	char text[TMPFSWARN_WRITE_MAX + 1], *word;
	struct tw_usage usage;
	int err;

	err = tw_file_text(data, len, text);
	if (err)
		return err;
	word = strim(text);
	if (strcmp(word, "0") && strcmp(word, "1"))
		return -EINVAL;
	return tw_mount_usage(tw_file_mount(file), &usage) ?: len;
}

TW_READ_WRITE_FILE(oom_control);

static int tw_failcnt_show(struct seq_file *seq, void *v)
{
	struct tw_mount *mount = seq->private;
	struct tw_usage usage;
	int err;

	mutex_lock(&mount->mutex);
	err = tw_mount_usage(mount, &usage);
	if (!err)
		seq_printf(seq, "%lu\n", usage.refused - mount->forgotten);
	mutex_unlock(&mount->mutex);
	return err;
}

/* Whatever is written, as in cgroup v1. */
static ssize_t tw_failcnt_write(struct file *file, const char __user *data, size_t len,
				loff_t *pos)
{
	struct tw_mount *mount = tw_file_mount(file);
	char text[TMPFSWARN_WRITE_MAX + 1];
	struct tw_usage usage;
	int err;

	err = tw_file_text(data, len, text);
	if (err)
		return err;
	/* of several resets none takes back what another one has forgotten */
	mutex_lock(&mount->mutex);
	err = tw_mount_usage(mount, &usage);
	if (!err)
		mount->forgotten = usage.refused;
	mutex_unlock(&mount->mutex);
	return err ?: len;
}

TW_READ_WRITE_FILE(failcnt);

/* ---- memory.max_usage_in_bytes ---- */

static int tw_max_usage_show(struct seq_file *seq, void *v)
{
	struct tw_mount *mount = seq->private;
	struct tw_usage usage;
	int err = tw_mount_usage(mount, &usage);

	/* that may be more, of who is on his way to a check */
	if (!err)
		seq_printf(seq, "%llu\n", tw_bytes(max_t(u64, tw_trigger_get_peak(mount),
							 max_t(s64, usage.used, 0))));
	return err;
}

static ssize_t tw_max_usage_write(struct file *file, const char __user *data, size_t len,
				  loff_t *pos)
{
	char text[TMPFSWARN_WRITE_MAX + 1];
	struct tw_usage usage;
	int err;

	err = tw_file_text(data, len, text);
	/* one that goes still has its trigger for a while */
	if (!err)
		err = tw_mount_usage(tw_file_mount(file), &usage);
	if (err)
		return err;
	/* cgroup v1 knows no end, and takes whatever is written for a reset */
	if (!strcmp(strim(text), "off"))
		tw_trigger_end_peak(tw_file_mount(file));
	else
		err = tw_peak_reset(tw_file_mount(file));
	return err ?: len;
}

TW_READ_WRITE_FILE(max_usage);

/* ---- event_control ---- */

static int tw_write_only_open(struct inode *inode, struct file *file)
{
	return tw_file_open(inode, file, NULL);
}

/* Parses @args as the resource file @control_fd of @mount wants them. */
static int tw_event_control_args(struct tw_mount *mount,
				 const struct tw_registration *reg,
				 enum tw_resource *resource,
				 struct tw_spec *spec)
{
	struct file *control = fget(reg->control_fd);
	int err = -EINVAL;

	if (!control)
		return -EBADF;
	if (control->f_op == &tw_used_bytes_fops &&
	    tw_file_mount(control) == mount) {
		*resource = TW_USED_BYTES;
		err = tw_spec_parse(reg->args, spec);
	} else if (control->f_op == &tw_used_inodes_fops &&
		   tw_file_mount(control) == mount) {
		*resource = TW_USED_INODES;
		err = tw_spec_parse_inodes(reg->args, spec);
	} else if ((control->f_op == &tw_refused_fops ||
		    control->f_op == &tw_oom_control_fops) &&
		   tw_file_mount(control) == mount) {
		*resource = TW_REFUSED;
		err = tw_spec_parse_refused(reg->args, spec);
	} else if (control->f_op == &tw_pressure_fops &&
		   tw_file_mount(control) == mount) {
		*resource = TW_PRESSURE_LEVEL;
		err = tw_spec_parse_pressure(reg->args, tw_pressure_percent,
					     spec);
	}
	fput(control);
	return err;
}

static ssize_t tw_event_control_write(struct file *file,
				      const char __user *data, size_t len,
				      loff_t *pos)
{
	struct tw_mount *mount = tw_file_mount(file);
	char text[TMPFSWARN_WRITE_MAX + 1];
	struct tw_registration reg;
	enum tw_resource resource;
	struct tw_spec spec;
	int err;

	err = tw_file_text(data, len, text);
	if (!err)
		err = tw_registration_parse(text, &reg);
	if (!err)
		err = tw_event_control_args(mount, &reg, &resource, &spec);
	if (!err)
		err = tw_eventfd_register(mount, reg.event_fd, resource, &spec);
	return err ?: len;
}

static const struct file_operations tw_event_control_fops = {
	.owner = THIS_MODULE,
	.open = tw_write_only_open,
	.write = tw_event_control_write,
	.llseek = noop_llseek,
	.release = tw_file_release,
};

/* ---- warn_used_blocks, warn_used_blocks_efd ---- */

static int tw_warn_used_show(struct seq_file *seq, void *v)
{
	struct tw_mount *mount = seq->private;
	char text[TW_LEVEL_TEXT];
	struct tw_level level;
	struct tw_usage usage;
	int err = tw_mount_usage(mount, &usage);

	if (err)
		return err;
	level = tw_trigger_get_warn_used(mount);
	tw_level_print(text, sizeof(text), &level);
	seq_printf(seq, "%s\n", text);
	return 0;
}

static ssize_t tw_warn_used_write(struct file *file, const char __user *data,
				  size_t len, loff_t *pos)
{
	char text[TMPFSWARN_WRITE_MAX + 1];
	struct tw_level level;
	int err;

	err = tw_file_text(data, len, text);
	if (!err)
		err = tw_level_parse_blocks(text, &level);
	if (!err)
		err = tw_trigger_set_warn_used(tw_file_mount(file), &level);
	return err ?: len;
}

TW_READ_WRITE_FILE(warn_used);

static ssize_t tw_warn_used_efd_write(struct file *file,
				      const char __user *data, size_t len,
				      loff_t *pos)
{
	const struct tw_spec spec = {
		.direction = TW_RISING,
		.pressure = -1,
		.now = true,
	};
	char text[TMPFSWARN_WRITE_MAX + 1];
	unsigned int event_fd;
	int err;

	err = tw_file_text(data, len, text);
	if (!err)
		err = tw_fd_parse(text, &event_fd);
	if (!err)
		err = tw_eventfd_register(tw_file_mount(file), event_fd,
					  TW_WARN_USED, &spec);
	return err ?: len;
}

static const struct file_operations tw_warn_used_efd_fops = {
	.owner = THIS_MODULE,
	.open = tw_write_only_open,
	.write = tw_warn_used_efd_write,
	.llseek = noop_llseek,
	.release = tw_file_release,
};

/* ---- triggers ---- */

static void *tw_triggers_start(struct seq_file *seq, loff_t *pos)
{
	struct tw_mount *mount = seq->private;

	mutex_lock(&mount->mutex);
	return seq_list_start(&mount->triggers, *pos);
}

static void *tw_triggers_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct tw_mount *mount = seq->private;

	return seq_list_next(v, &mount->triggers, pos);
}

static void tw_triggers_stop(struct seq_file *seq, void *v)
{
	struct tw_mount *mount = seq->private;

	mutex_unlock(&mount->mutex);
}

static int tw_triggers_show(struct seq_file *seq, void *v)
{
	tw_show_trigger(seq, list_entry(v, struct tw_trigger, entry), &init_pid_ns,
			&init_user_ns);
	return 0;
}

static const struct seq_operations tw_triggers_ops = {
	.start = tw_triggers_start,
	.next = tw_triggers_next,
	.stop = tw_triggers_stop,
	.show = tw_triggers_show,
};

static int tw_triggers_open(struct inode *inode, struct file *file)
{
	struct tw_mount *mount = inode->i_private;
	int err = seq_open(file, &tw_triggers_ops);

	if (err)
		return err;
	((struct seq_file *)file->private_data)->private = tw_mount_get(mount);
	return 0;
}

static int tw_triggers_release(struct inode *inode, struct file *file)
{
	tw_mount_put(tw_file_mount(file));
	return seq_release(inode, file);
}

static ssize_t tw_triggers_read(struct file *file, char __user *data,
				size_t len, loff_t *pos)
{
	struct tw_usage usage;
	int err = tw_mount_usage(tw_file_mount(file), &usage);

	return err ?: seq_read(file, data, len, pos);
}

static const struct file_operations tw_triggers_fops = {
	.owner = THIS_MODULE,
	.open = tw_triggers_open,
	.read = tw_triggers_read,
	.llseek = seq_lseek,
	.release = tw_triggers_release,
};

/* ---- all of them ---- */

const struct tw_file tw_files[] = {
	{ TMPFSWARN_USAGE, 0400, &tw_usage_fops },
	{ TMPFSWARN_USED_BYTES, 0400, &tw_used_bytes_fops },
	{ TMPFSWARN_USED_INODES, 0400, &tw_used_inodes_fops },
	{ TMPFSWARN_REFUSED, 0400, &tw_refused_fops },
	{ TMPFSWARN_PRESSURE_LEVEL, 0400, &tw_pressure_fops },
	{ TMPFSWARN_WARN_USED, 0600, &tw_warn_used_fops },
	{ TMPFSWARN_WARN_USED_EFD, 0200, &tw_warn_used_efd_fops },
	{ TMPFSWARN_TRIGGERS, 0400, &tw_triggers_fops },
	/* no links, which who opens with O_NOFOLLOW would not get past */
	{ TMPFSWARN_V1_USAGE, 0400, &tw_used_bytes_fops },
	{ TMPFSWARN_V1_PRESSURE_LEVEL, 0400, &tw_pressure_fops },
	{ TMPFSWARN_V1_EVENT_CONTROL, 0200, &tw_event_control_fops },
	{ TMPFSWARN_V1_LIMIT, 0400, &tw_limit_fops },
	{ TMPFSWARN_V1_OOM_CONTROL, 0600, &tw_oom_control_fops },
	{ TMPFSWARN_V1_FAILCNT, 0600, &tw_failcnt_fops },
	{ TMPFSWARN_V1_MAX_USAGE, 0600, &tw_max_usage_fops },
	/* the last: where it is, all are */
	{ TMPFSWARN_EVENT_CONTROL, 0200, &tw_event_control_fops },
	{ }
};
