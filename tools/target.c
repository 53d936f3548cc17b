// SPDX-License-Identifier: GPL-2.0
#include "target.h"
#include "text.h"
#include "tool.h"

/* Finds the mount that @target's path is on; exit status, after saying why. */
int target_find(struct target *target)
{
	dev_t dev;
	size_t i;

	target->name = text_name(target->path);
	target->fd = mount_open(target->path, &dev);
	if (target->fd == -1)
		return STATUS_ERROR;
	mount_number(target->device, dev);
	for (i = 0; i < target->nr_triggers; i++)
		target->triggers[i].target = target;
	target->live = target->nr_triggers;
	return STATUS_OK;
}
