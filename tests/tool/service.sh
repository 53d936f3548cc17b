#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The service, without systemd: run as root inside a virtual machine with the module loaded.
# Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional
# shellcheck disable=SC2016	# what is quoted is for the shell that Exec= runs

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

# conf LINE...: the configuration
conf() {
	printf '%s\n' "$@" >"$dir/conf"
}

# serve [NUMBER]: in the background, until so many mounts are watched; $pid
serve() {
	tool run --config "$dir/conf" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	watching "${1:-1}"
}

# watching NUMBER: waits until so many mounts have been watched, those that are gone too
watching() {
	until_lines "$dir/err" "$1" ': watching '
}

# reload WHAT: and wait for what it says
reload() {
	kill -HUP $pid
	until_lines "$dir/err" "${2:-1}" "the configuration $1"
}

# told NUMBER: waits for so many crossings, and prints which way and level each
told() {
	until_lines "$dir/err" "$1" "^tmpfswarn: $dir/[^ ]* \(up\|down\) [^ ]*: [0-9r]"
	sed -n 's/^tmpfswarn: [^ ]* \(up\|down\) \([^ ]*\): [0-9r].*/\1 \2/p' "$dir/err" | xargs
}

# ran NUMBER: waits for so many lines, and prints all
ran() {
	until_lines "$dir/ran" "$1" .
	xargs <"$dir/ran"
}

uptime_of() {
	cut -d . -f 1 /proc/uptime
}

both_a_command_runs_when_a_level_is_passed_and_finds_which_in_its_environment() {
	mounted a
	conf "[$dir/a]" 'Level=50% 3M' \
		"Exec=echo \$TMPFSWARN_PATH \$TMPFSWARN_LEVEL \$TMPFSWARN_DIRECTION \$TMPFSWARN_SIZE '# no comment' >>'$dir/ran'"
	serve
	[ ! -e "$dir/ran" ] || fail "ran too early"
	fill a 800
	is commands "$(ran 2)" "$dir/a 50% up 4194304 # no comment $dir/a 3M up 4194304 # no comment"
	until_lines "$dir/err" 2 'command ended with status 0 after '
	is starts "$(lines "$dir/err" 'command started, process ')" 2
}

both_mounts_are_watched_as_they_appear_and_forgotten_as_they_go() {
	mkdir "$dir/user"
	conf "[$dir/user/*]" Level=50% "Exec=basename \$TMPFSWARN_PATH >>'$dir/ran'" "[$dir/nowhere]" Level=1
	serve 0
	mounted user/1
	watching 1
	before=$(find /proc/$pid/fd | wc -l)
	mounted user/2
	mounted user/2/below
	watching 2
	fill user/2 512
	is commands "$(ran 1)" 2
	fill user/1 512
	is commands "$(ran 2)" "2 1"
	umount "$dir/user/2/below" "$dir/user/2"
	until_lines "$dir/err" 1 "$dir/user/2: unmounted"
	mounted user/2
	watching 3
	fill user/2 512
	is commands "$(ran 3)" "2 1 2"
	umount "$dir/user/1" "$dir/user/2" || fail "kept busy"
	until_lines "$dir/err" 3 ': unmounted'
	[ "$(find /proc/$pid/fd | wc -l)" -le "$before" ] || fail "file descriptors are left: $(ls -l /proc/$pid/fd)"
}

test_what_is_reached_already_is_due_at_the_start() {
	mounted a
	mounted b
	fill a 600
	conf "[$dir/?]" 'Level=50% 90%' "Exec=echo \$TMPFSWARN_PATH \$TMPFSWARN_LEVEL \$TMPFSWARN_USED >>'$dir/ran'"
	serve 2
	is commands "$(ran 1)" "$dir/a 50% $((600 * 4096))"
	fill b 600
	is commands "$(ran 2)" "$dir/a 50% $((600 * 4096)) $dir/b 50% $((512 * 4096))"
}

test_only_what_is_so_for_long_enough_is_told() {
	mounted a
	conf "[$dir/a]" Level=50% For=4 "Exec=echo \$TMPFSWARN_USED >>'$dir/ran'"
	serve
	begun=$(uptime_of)
	fill a 512
	: >"$dir/a/file"
	[ $(($(uptime_of) - begun)) -lt 3 ] || skip "the machine is too slow"
	begun=$(uptime_of)
	fill a 600
	is commands "$(ran 1)" $((512 * 4096))
	[ $(($(uptime_of) - begun)) -ge 3 ] || fail "told too early"
	is told "$(told 1)" "up 50%"
}

test_what_waits_is_not_told_of_the_next_mount_at_the_same_place() {
	mounted a
	mounted b
	conf "[$dir/?]" Level=50% For=4
	serve 2
	begun=$(uptime_of)
	fill a 512
	umount "$dir/a"
	mounted a
	watching 3
	[ $(($(uptime_of) - begun)) -lt 3 ] || skip "the machine is too slow"
	# which is told later
	fill b 512
	is told "$(told 1)" "up 50%"
	grep -q "^tmpfswarn: $dir/b up 50%: [0-9]" "$dir/err" || fail "told of the wrong mount"
	fill a 512
	is told "$(told 2)" "up 50% up 50%"
}

test_what_falls_is_told_where_that_is_asked_for() {
	mounted a
	conf "[$dir/a]" Level=50% Direction=falling Hysteresis=25% "Exec=echo \$TMPFSWARN_DIRECTION \$TMPFSWARN_USED >>'$dir/ran'"
	serve
	fill a 600
	# within the hysteresis, and then below
	truncate -s $((300 * 4096)) "$dir/a/file"
	truncate -s $((200 * 4096)) "$dir/a/file"
	is commands "$(ran 1)" "down $((200 * 4096))"
	is told "$(told 1)" "down 50%"
}

test_of_what_comes_while_a_command_runs_the_latest_is_run() {
	mounted a
	mkfifo "$dir/fifo"
	conf "[$dir/a]" 'Level=50% 90%' "Exec=echo \$TMPFSWARN_LEVEL \$TMPFSWARN_USED >>'$dir/ran'; read x <'$dir/fifo'"
	serve
	fill a 512
	ran 1 >"$dir/first"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		: >"$dir/a/file"
		fill a $((600 + i))
	done
	# as the events come in their order, all the others have been read
	: >"$dir/a/file"
	fill a 1000
	until_lines "$dir/err" 1 ' up 90%: [0-9]'
	is commands "$(xargs <"$dir/ran")" "50% $((512 * 4096))"
	echo >"$dir/fifo"
	ran 2 >"$dir/second"
	echo >"$dir/fifo"
	ran 3 >"$dir/third"
	echo >"$dir/fifo"
	until_lines "$dir/err" 3 'command ended with status 0'
	is levels "$(cut -d ' ' -f 1 "$dir/ran" | xargs)" "50% 50% 90%"
}

test_a_command_of_what_is_no_longer_so_is_not_run() {
	mounted a
	mkfifo "$dir/fifo"
	# the second one says that the first has seen it
	conf "[$dir/a]" 'Level=50% 70%' "Exec=echo \$TMPFSWARN_LEVEL \$TMPFSWARN_CROSSINGS >>'$dir/ran'; read x <'$dir/fifo'" \
		"[$dir/?]" Level=70% Direction=falling
	serve 2
	fill a 512
	ran 1 >"$dir/first"
	fill a 288 more
	until_lines "$dir/err" 1 ' up 70%: [0-9]'
	rm "$dir/a/more"
	until_lines "$dir/err" 1 ' down 70%: [0-9]'
	echo >"$dir/fifo"
	until_lines "$dir/err" 1 'command ended with status 0'
	is commands "$(xargs <"$dir/ran")" "50% 1"
	fill a 288 more
	is commands "$(ran 2)" "50% 1 70% 2"
	echo >"$dir/fifo"
}

test_one_section_does_not_wait_for_another() {
	mounted a
	mounted b
	mkfifo "$dir/fifo"
	conf "[$dir/a]" Level=50% "Exec=read x <'$dir/fifo'" "[$dir/b]" Level=50% "Exec=echo b >>'$dir/ran'"
	serve 2
	fill a 512
	until_lines "$dir/err" 1 'command started'
	fill b 512
	is commands "$(ran 1)" b
}

test_after_a_failure_the_next_one_waits() {
	mounted a
	conf "[$dir/a]" 'Level=20% 40% 60%' "Exec=cut -d . -f 1 /proc/uptime >>'$dir/ran'; false"
	serve
	fill a 800
	ran 3 | {
		read -r first second third
		[ $((second - first)) -ge 1 ] && [ $((third - second)) -ge 2 ]
	} || fail "too early: $(xargs <"$dir/ran")"
	until_lines "$dir/err" 3 'command ended with status 1 after '
}

test_a_broken_configuration_is_said_with_its_line_and_ends_the_start() {
	mounted a
	conf "[$dir/a]" Level=50% Exce=true
	tmpfswarn run --config "$dir/conf" 2>"$dir/err"
	status=$?
	expect 2 "$dir/conf:3: Exce=: not known, there are Level=, For=, Hysteresis=, Direction=, Exec=, Start="
}

test_a_broken_configuration_changes_nothing_at_a_reload() {
	mounted a
	conf "[$dir/a]" Level=50% "Exec=echo old >>'$dir/ran'"
	serve
	conf "[$dir/a]" Level=50% "Exec=echo new >>'$dir/ran'" Level=150%
	reload 'stays as it was'
	grep -q "^tmpfswarn: $dir/conf:4: Level=: 150%: not a level" "$dir/err" || fail "$(cat "$dir/err")"
	fill a 512
	is commands "$(ran 1)" old
}

both_a_reload_tells_nothing_twice_and_watches_what_is_new() {
	mounted a
	mounted b
	conf "[$dir/a]" 'Level=25% 50%' "Exec=echo old \$TMPFSWARN_LEVEL >>'$dir/ran'" "[$dir/b]" Level=50% "Exec=echo b >>'$dir/ran'"
	serve 2
	fill a 300
	is commands "$(ran 1)" "old 25%"
	# the same is watched
	conf "[$dir/a]" 'Level=25% 50%' "Exec=echo new \$TMPFSWARN_LEVEL >>'$dir/ran'"
	reload 'was read again'
	fill b 600
	fill a 300 more
	is commands "$(ran 2)" "old 25% new 50%"
	# something else is
	conf "[$dir/a]" 'Level=25% 50% 55% 75%' "Exec=echo newer \$TMPFSWARN_LEVEL >>'$dir/ran'"
	reload 'was read again' 2
	is commands "$(ran 3)" "old 25% new 50% newer 55%"
	fill a 200 most
	is commands "$(ran 4)" "old 25% new 50% newer 55% newer 75%"
}

test_with_nothing_to_watch_it_says_so_and_waits_for_a_reload() {
	mounted a
	conf ''
	LIBMOUNT_FSTAB=/dev/null
	export LIBMOUNT_FSTAB
	serve 0
	until_lines "$dir/err" 1 'nothing to watch: no section in tmpfswarn.conf, and no level in fstab'
	conf "[$dir/a]" Level=50% "Exec=echo >>'$dir/ran' a"
	reload 'was read again'
	watching 1
	fill a 512
	is commands "$(ran 1)" a
}

test_levels_in_fstab_need_no_section() {
	mounted a
	conf ''
	echo "none $dir/a tmpfs size=4m,x-tmpfswarn.level=50%,x-tmpfswarn.level=1x,noauto,x-tmpfswarn.level=75% 0 0" >"$dir/fstab"
	LIBMOUNT_FSTAB=$dir/fstab
	export LIBMOUNT_FSTAB
	serve
	grep -q "$dir/a: x-tmpfswarn.level=1x: not a level" "$dir/err" || fail "$(cat "$dir/err")"
	fill a 800
	is told "$(told 2)" "up 50% up 75%"
}

test_a_signal_ends_it_with_its_commands() {
	mounted a
	conf "[$dir/a]" Level=50% "Exec=echo \$\$ >>'$dir/ran'; sleep 600; true"
	serve
	fill a 512
	shell=$(ran 1)
	kill -TERM $pid
	ended
	is status "$status" 0
	until_true is_over "$shell"
}

test_it_outlives_the_module_and_tells_nothing_twice() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" 'Level=25% 50%' "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'"
	serve
	fill a 300
	is commands "$(ran 1)" 25%
	rmmod tmpfswarn || fail "rmmod failed"
	until_lines "$dir/err" 1 'module unloaded'
	module_load
	watching 2
	fill a 300 more
	is commands "$(ran 2)" "25% 50%"
}

test_a_dry_run_says_what_would_be_watched() {
	mounted a
	conf "[$dir/?]" 'Level=50% 3M' For=1m Start=x@%f.service "[$dir/nowhere]" Level=free:5% Direction=both Exec=true
	LIBMOUNT_FSTAB=/dev/null tmpfswarn run --dry-run --config "$dir/conf" >"$dir/out" || fail "status $?"
	cat >"$dir/expected" <<-E
	[$dir/?] of $dir/conf:1: rising 50% 3M, for 60 s, Start=x@%f.service
	  $dir/a ($(device "$dir/a"))
	[$dir/nowhere] of $dir/conf:5: both free:5%, Exec=true
	  no mount now
	E
	is output "$(cat "$dir/out")" "$(cat "$dir/expected")"
}

suite "$0"
