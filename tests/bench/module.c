// SPDX-License-Identifier: GPL-2.0
/*
 * The module, with one kind of hook or the other, and the kernel's memory.
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
	/* nothing that it could probe works */
	if (error == -ENODEV) {
		lack(hook, "the module finds no hook");
		return false;
	}
	if (error)
		fail("%s: the module cannot be inserted: %s", hook, strerror(-error));
	if (!value_in(ROOM "/" TMPFSWARN_STATS, "hook_kind", kind, sizeof(kind)))
		fail("stats: %m");
	if (strcmp(kind, hook) == 0)
		return true;
	snprintf(why, sizeof(why), "the module takes a %s instead", kind);
	lack(hook, why);
	hook_remove();
	return false;
}

/* With whatever hook it takes. */
void plain_insert(const char *parameters)
{
	int error = module_insert(parameters);

	if (error)
		fail("the module cannot be inserted: %s", strerror(-error));
}

void hook_remove(void)
{
	int error = module_remove();

	if (error)
		fail("the module cannot be removed: %s", strerror(-error));
}

/* What the kernel has taken for itself, in bytes; not what can be read again from elsewhere. */
double kernel_memory(void)
{
	static const char *const keys[] = {
		"Slab:", "Percpu:", "VmallocUsed:", "KernelStack:", "PageTables:",
	};
	char line[128], key[64];
	double sum = 0, kb;
	unsigned int i;
	FILE *file;

	quiesce();
	file = fopen("/proc/meminfo", "re");
	if (!file)
		fail("meminfo: %m");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %lf", key, &kb) != 2)
			continue;
		for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			if (strcmp(key, keys[i]) == 0)
				sum += kb * 1024;
		}
	}
	fclose(file);
	return sum;
}
