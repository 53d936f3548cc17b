#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# mount.tmpfswarn under a kernel that is locked down; TAP. To be run last: nothing but a reboot ends that.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

echo integrity >/sys/kernel/security/lockdown

test_nothing_stays_mounted_that_cannot_have_its_level() {
	mkdir "$dir/a"
	refused 32 "warn_used=1k: debugfs is closed here: the kernel is locked down, or this is a container" \
		-o size=4m,warn_used=1k none "$dir/a"
	not_mounted a
	opt_in
	must mount -t tmpfs -o size=4m none "$dir/a"
}

suite "$0"
