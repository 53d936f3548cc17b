#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The command under a kernel that is locked down, as Secure Boot has it, or as $LOCKDOWN says: to be
# run last, for nothing but a reboot ends that, and with the module loaded; also where the kernel
# was booted with debugfs=off. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

lockdown=/sys/kernel/security/lockdown

lock_down() {
	[ -e "$lockdown" ] || mount -t securityfs securityfs /sys/kernel/security
	[ -e "$lockdown" ] || skip "a kernel without lockdown"
	grep -q '\[none\]' "$lockdown" || return 0
	echo "${LOCKDOWN:-integrity}" >"$lockdown" || fail "cannot lock down"
}

debugfs_is_on() {
	! grep -qw debugfs=off /proc/cmdline
}

test_the_log_says_in_one_line_that_debugfs_is_missing() {
	! debugfs_is_on || skip "a kernel with debugfs"
	is lines "$(dmesg | grep -c 'tmpfswarn: no directory in debugfs, /dev/tmpfswarn alone')" 1
}

test_watch_and_wait_go_through_the_device() {
	mounted a
	lock_down
	watch --count 1 "$dir/a" 50%
	fill a 512
	ended
	expect 0 ""
	is events "$(events 1)" "up 50%"
	run wait "$dir/a" 50%
	expect 0 ""
}

test_so_they_do_for_others_than_root() {
	chmod 755 "$work" "$dir"
	has_user user 1000
	mounted a size=4m,mode=777
	lock_down
	by_user user tmpfswarn watch --count 1 "$dir/a" 80% >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_lines "$dir/out" 1 '^watching '
	fill a 820
	ended
	expect 0 ""
	is events "$(events 1)" "up 80%"
	as_user user wait "$dir/a" 80%
	expect 0 ""
}

test_a_shell_alone_is_told_as_well() {
	chmod 755 "$work" "$dir"
	has_user user 1000
	mounted a size=4m,mode=777
	lock_down
	# shellcheck disable=SC2016	# for the user's shell
	by_user user sh -c 'exec 3<>/dev/tmpfswarn 4<"$0" && echo "4 80%" >&3 && echo ready >"$0/ready" &&
		read -r state <&3 && read -r crossing <&3 && echo "$state; $crossing"' "$dir/a" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true test -e "$dir/a/ready"
	fill a 820
	ended
	expect 0 ""
	grep -q '^event=state tag=80% .*; event=up tag=80% ' "$dir/out" || fail "$(cat "$dir/out")"
}

test_through_debugfs_they_say_that_the_kernel_is_locked_down_and_what_to_do() {
	debugfs_is_on || skip "a kernel with debugfs=off"
	mounted a
	until_true test -e "$shown/$(device "$dir/a")/triggers"
	lock_down
	interface=debugfs
	run watch "$dir/a" 50%
	expect 1 "$dir/a: kernel locked down, which closes debugfs: use --interface device"
	run wait "$dir/a" 50%
	expect 1 "$dir/a: kernel locked down, which closes debugfs: use --interface device"
}

test_status_says_that_the_kernel_is_locked_down_and_has_all_figures() {
	lock_down
	run status
	expect 0 ""
	grep -qx "lockdown  *${LOCKDOWN:-integrity}" "$dir/out" || fail "$(cat "$dir/out")"
	for key in hook armed mounts triggers crossings signals missed resyncs; do
		grep -q "^$key  *[^ ]" "$dir/out" || fail "no $key: $(cat "$dir/out")"
	done
}

test_list_has_everybodys_levels() {
	mounted a
	lock_down
	watch "$dir/a" 50%
	run list
	expect 0 ""
	is levels "$(awk -v at="$dir/a" '$NF == at { print $7 }' "$dir/out")" "50%"
}

suite "$0"
