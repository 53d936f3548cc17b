#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The command under a kernel that is locked down, as Secure Boot has it: to be run last, for
# nothing but a reboot ends that, and with the module loaded. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

lockdown=/sys/kernel/security/lockdown

lock_down() {
	[ -e "$lockdown" ] || mount -t securityfs securityfs /sys/kernel/security
	[ -e "$lockdown" ] || skip "a kernel without lockdown"
	grep -q '\[none\]' "$lockdown" || return 0
	echo integrity >"$lockdown" || fail "cannot lock down"
}

test_watch_says_that_the_kernel_is_locked_down_and_what_to_do() {
	mounted a
	until_true test -e "$shown/$(device "$dir/a")/triggers"
	lock_down
	run watch "$dir/a" 50%
	expect 1 "$dir/a: kernel locked down, debugfs closed to all: turn Secure Boot off in the firmware"
	run wait "$dir/a" 50%
	expect 1 "$dir/a: kernel locked down, debugfs closed to all: turn Secure Boot off in the firmware"
}

test_status_says_that_the_kernel_is_locked_down_and_fails() {
	lock_down
	run status
	expect 1 ""
	grep -qx 'lockdown  *integrity: watch and wait cannot work: turn Secure Boot off in the firmware' "$dir/out" ||
		fail "$(cat "$dir/out")"
}

test_list_still_works() {
	mounted a
	lock_down
	run list
	expect 0 ""
	grep -q " $dir/a\$" "$dir/out" || fail "$(cat "$dir/out")"
}

suite "$0"
