// SPDX-License-Identifier: GPL-2.0
/*
 * The module, with one kind of hook or the other.
 */
#include "bench.h"

const char *const hooks[HOOKS] = { "kprobe", "ftrace" };

/* False, after saying so, where the kernel has no such hook. */
bool hook_insert(const char *hook, const char *parameters)
{
	char text[256], kind[64], why[256];
	int error;

	snprintf(text, sizeof(text), "hook=%s %s", hook, parameters);
	error = module_insert(text);
	if (error) {
		snprintf(why, sizeof(why), "the module refuses: %s", strerror(-error));
		lack(hook, why);
		return false;
	}
	if (!value_in(ROOM "/" TMPFSWARN_STATS, "hook_kind", kind, sizeof(kind)))
		fail("stats: %m");
	if (strcmp(kind, hook) == 0)
		return true;
	snprintf(why, sizeof(why), "the module takes a %s instead", kind);
	lack(hook, why);
	hook_remove();
	return false;
}

void hook_remove(void)
{
	int error = module_remove();

	if (error)
		fail("the module cannot be removed: %s", strerror(-error));
}
