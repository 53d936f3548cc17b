// SPDX-License-Identifier: GPL-2.0
#include "scratch.h"
#include "memory.h"

static long kibibytes(const char *text, const char *name)
{
	const char *at = text ? strstr(text, name) : NULL;

	return at ? atol(at + strlen(name)) : 0;
}

static struct memory read_memory(void)
{
	char *text = slurp_path("/proc/meminfo");
	struct memory m = {
		.slab = kibibytes(text, "\nSlab:"),
		.vmalloc = kibibytes(text, "\nVmallocUsed:"),
		.percpu = kibibytes(text, "\nPercpu:"),
	};

	free(text);
	return m;
}

/*
 * The kernel frees after grace periods and from work items: read again until it
 * has stopped giving back for a second, for half a minute at most.
 */
struct memory memory_settled(void)
{
	struct memory least = read_memory();
	long long end = now_ms() + 30000, quiet = now_ms() + 1000;

	while (now_ms() < quiet && now_ms() < end) {
		int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
		struct memory now;

		if (fd >= 0) {
			if (write(fd, "2", 1) != 1)
				perror("# drop_caches");
			close(fd);
		}
		usleep(100000);
		now = read_memory();
		if (now.slab < least.slab || now.vmalloc < least.vmalloc ||
		    now.percpu < least.percpu)
			quiet = now_ms() + 1000;
		if (now.slab < least.slab)
			least.slab = now.slab;
		if (now.vmalloc < least.vmalloc)
			least.vmalloc = now.vmalloc;
		if (now.percpu < least.percpu)
			least.percpu = now.percpu;
	}
	return least;
}

/* KASAN keeps freed memory back for a while: there the figures say nothing */
bool memory_is_kept(void)
{
	static int known = -1;
	char line[512];
	FILE *f;

	if (known >= 0)
		return known;
	known = 0;
	f = fopen("/proc/kallsyms", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, " kasan_save_stack") || strstr(line, " kmemleak_scan\n"))
			known = 1;
	}
	if (f)
		fclose(f);
	return known;
}
