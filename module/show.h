/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is shown of the module and of triggers, through either interface.
 */
#ifndef TW_SHOW_H
#define TW_SHOW_H

struct pid_namespace;
struct seq_file;
struct tw_trigger;
struct user_namespace;

void tw_show_hook(struct seq_file *seq);
void tw_show_stats(struct seq_file *seq);
void tw_show_mounts(struct seq_file *seq);
void tw_show_trigger(struct seq_file *seq, struct tw_trigger *trigger,
		     struct pid_namespace *pid_ns, struct user_namespace *user_ns);

#endif /* TW_SHOW_H */
