// SPDX-License-Identifier: GPL-2.0
/*
 * notifications FILE [hang]: stands for a desktop that shows notifications, on the bus of the
 * user's session: a line "SUMMARY|BODY" in FILE for each; which is there when it is ready. With
 * "hang" it answers nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#define NAME	"org.freedesktop.Notifications"
#define PATH	"/org/freedesktop/Notifications"

static FILE *file;
static int hangs;

static int notify(sd_bus_message *message, void *data, sd_bus_error *error)
{
	const char *program, *icon, *summary, *body;
	uint32_t replaced;
	int32_t timeout;
	int err;

	(void)data;
	(void)error;
	err = sd_bus_message_read(message, "susss", &program, &replaced, &icon, &summary, &body);
	if (err >= 0)
		err = sd_bus_message_skip(message, "asa{sv}");
	if (err >= 0)
		err = sd_bus_message_read(message, "i", &timeout);
	if (err < 0)
		return err;
	fprintf(file, "%s|%s\n", summary, body);
	fflush(file);
	return hangs ? 1 : sd_bus_reply_method_return(message, "u", 1);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", notify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int err;

	hangs = argc > 2 && !strcmp(argv[2], "hang");
	err = sd_bus_open_user(&bus);
	if (err >= 0)
		err = sd_bus_add_object_vtable(bus, NULL, PATH, NAME, vtable, NULL);
	if (err >= 0)
		err = sd_bus_request_name(bus, NAME, 0);
	if (err >= 0) {
		file = fopen(argv[1], "a");
		err = file ? 0 : -errno;
	}
	while (err >= 0) {
		err = sd_bus_process(bus, NULL);
		if (!err)
			err = sd_bus_wait(bus, UINT64_MAX);
	}
	fprintf(stderr, "%s\n", strerror(-err));
	return 1;
}
