// SPDX-License-Identifier: GPL-2.0
/*
 * corpus FILE...: each file through what libFuzzer calls, by a compiler that
 * has no libFuzzer. Built for gcov, it shows what the files reach.
 */
#include <stdio.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static uint8_t data[4096];

	while (--argc) {
		FILE *f = fopen(*++argv, "rb");

		if (!f) {
			perror(*argv);
			return 1;
		}
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), f));
		fclose(f);
	}
	return 0;
}
