// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "duration.h"

/* As sleep(1) and timeout(1) take it; false if @text is none. */
bool duration_read(const char *text, double *seconds)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		      { "d", 86400 } };
	char *end;
	size_t i;

	*seconds = strtod(text, &end);
	/* strtod(3) knows more, such as "inf" and "0x1p3" */
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		*seconds *= units[i].seconds;
		return *seconds <= 1e9;
	}
	return false;
}
