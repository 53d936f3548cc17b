#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The device in units of systemd that are confined; TAP. With the module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

# unit PROPERTY... -- COMMAND...: in the background, the output as watch has it
unit() {
	: >"$dir/out"
	systemd-run --quiet --collect --wait --pipe "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
}

test_a_unit_of_a_user_that_may_open_the_device_watches() {
	chmod 755 "$work" "$dir"
	mounted a size=4m,mode=777
	unit -p User=user -p DevicePolicy=closed -p DeviceAllow='/dev/tmpfswarn rw' -p NoNewPrivileges=yes \
		-p CapabilityBoundingSet= -p ProtectSystem=strict -p ProtectKernelTunables=yes \
		tmpfswarn watch --count 1 "$dir/a" 50%
	until_lines "$dir/out" 1 '^watching '
	fill a 512
	ended
	expect 0 ""
	is events "$(events 1)" "up 50%"
	# not told who it was: that is root
	! grep ' by ' "$dir/out" || fail "told of another's process"
}

test_one_that_may_not_open_it_says_so() {
	mounted a
	unit -p User=user -p DevicePolicy=closed tmpfswarn wait "$dir/a" 50%
	ended
	expect 1
	grep -q '/dev/tmpfswarn' "$dir/err" || fail "$(cat "$dir/err")"
}

test_private_devices_hide_it() {
	mounted a
	unit -p User=user -p PrivateDevices=yes sh -c '! test -e /dev/tmpfswarn'
	ended
	expect 0 ""
	unit -p User=user -p PrivateDevices=yes -p BindPaths=/dev/tmpfswarn sh -c ': </dev/tmpfswarn'
	ended
	[ "$status" -ne 0 ] || fail "opened, contrary to what the README says"
}

suite "$0"
