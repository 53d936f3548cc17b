#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The service, without systemd: run as root inside a virtual machine with the module loaded.
# Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional
# shellcheck disable=SC2016	# what is quoted is for the shell that Exec= runs

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=fuse.sh
. "$here/fuse.sh"

# conf LINE...: the configuration
conf() {
	printf '%s\n' "$@" >"$dir/conf"
}

# serve [NUMBER]: in the background, until so many mounts are watched; $pid
serve() {
	tool run --config "$dir/conf" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	# with its commands
	trap 'kill -TERM $pid 2>/dev/null; wait $pid' EXIT
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

# the module as it is for all tests
restore() {
	if [ -e "$work/limited" ]; then
		rmmod tmpfswarn
		rm "$work/limited"
	fi
	[ -e /sys/module/tmpfswarn ] || module_load
}

# patiently TEST: with a time for For= that is long enough for this machine, which TEST is false if it is not
patiently() {
	for hold in 4 16 64; do
		"$1" $hold && return
		clean
		mkdir "$dir"
	done
	fail "the machine is too slow"
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

both_what_is_refused_is_told_at_once_and_nothing_before() {
	mounted a
	conf "[$dir/a]" 'Level=refused 50%' For=1h Direction=falling \
		"Exec=echo \$TMPFSWARN_RESOURCE \${TMPFSWARN_DIRECTION-none} \$TMPFSWARN_CAUSE >>'$dir/ran'"
	serve
	grep -q ': watching .*; refused$' "$dir/err" || fail "$(cat "$dir/err")"
	fill a 800
	sleep 1
	[ ! -e "$dir/ran" ] || fail "ran for what was not refused"
	! dd if=/dev/zero of="$dir/a/more" bs=4096 count=2000 2>/dev/null || fail "nothing was refused"
	case $interface in
	device) is ran "$(ran 1)" "refused none size" ;;
	*) is ran "$(ran 1)" "refused none" ;;
	esac
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/a refused"
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

only_what_is_so_for_long_enough_is_told() {
	mounted a
	conf "[$dir/a]" Level=50% For=$1 "Exec=echo \$TMPFSWARN_USED >>'$dir/ran'"
	serve
	begun=$(uptime_of)
	fill a 512
	: >"$dir/a/file"
	[ $(($(uptime_of) - begun)) -lt $(($1 - 1)) ] || return 1
	begun=$(uptime_of)
	fill a 600
	is commands "$(ran 1)" $((512 * 4096))
	[ $(($(uptime_of) - begun)) -ge $(($1 - 1)) ] || fail "told too early"
	is told "$(told 1)" "up 50%"
}

test_only_what_is_so_for_long_enough_is_told() {
	patiently only_what_is_so_for_long_enough_is_told
}

what_waits_is_not_told_of_the_next_mount_at_the_same_place() {
	mounted a
	mounted b
	conf "[$dir/?]" Level=50% For=$1
	serve 2
	begun=$(uptime_of)
	fill a 512
	umount "$dir/a"
	mounted a
	watching 3
	[ $(($(uptime_of) - begun)) -lt $(($1 - 1)) ] || return 1
	# which is told later
	fill b 512
	is told "$(told 1)" "up 50%"
	grep -q "^tmpfswarn: $dir/b up 50%: [0-9]" "$dir/err" || fail "told of the wrong mount"
	fill a 512
	is told "$(told 2)" "up 50% up 50%"
}

test_what_waits_is_not_told_of_the_next_mount_at_the_same_place() {
	patiently what_waits_is_not_told_of_the_next_mount_at_the_same_place
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

what_is_no_longer_so_is_not_run_while_For_has_not_told_that() {
	mounted a
	mkfifo "$dir/fifo"
	# the second one says that the first has seen it
	conf "[$dir/a]" 'Level=50% 70%' For=$1 "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'; read x <'$dir/fifo'" \
		"[$dir/?]" Level=70% Direction=falling
	serve 2
	fill a 800
	ran 1 >"$dir/first"
	until_lines "$dir/err" 1 ' up 70%: [0-9]'
	begun=$(uptime_of)
	rm "$dir/a/file"
	until_lines "$dir/err" 1 ' down 70%: [0-9]'
	echo >"$dir/fifo"
	until_lines "$dir/err" 1 'command ended with status 0'
	usleep 200000
	[ $(($(uptime_of) - begun)) -lt $(($1 - 1)) ] || return 1
	is starts "$(lines "$dir/err" 'command started, process ')" 1
	# it was away for too short a time to be told
	fill a 800
	is commands "$(ran 2 | cut -d ' ' -f 1,2)" "50% 70%"
}

test_what_is_no_longer_so_is_not_run_while_For_has_not_told_that() {
	patiently what_is_no_longer_so_is_not_run_while_For_has_not_told_that
}

test_what_was_queued_runs_as_the_new_configuration_says() {
	mounted a
	mounted b
	conf "[$dir/a]" 'Level=50% 70% 90%' "Exec=echo old \$TMPFSWARN_LEVEL >>'$dir/ran'; until [ -e '$dir/go' ]; do usleep 50000; done" \
		"[$dir/b]" 'Level=50% 90%' "Exec=echo b \$TMPFSWARN_LEVEL >>'$dir/ran'; until [ -e '$dir/go' ]; do usleep 50000; done"
	serve 2
	fill a 1000
	fill b 1000
	until_lines "$dir/err" 2 ' up 90%: [0-9]'
	ran 2 >"$dir/first"
	conf "[$dir/a]" 'Level=50% 90%' "Exec=echo new \$TMPFSWARN_LEVEL >>'$dir/ran'" "[$dir/b]" 'Level=50% 90%'
	reload 'was read again'
	touch "$dir/go"
	until_lines "$dir/err" 3 'command ended with status 0'
	usleep 200000
	is commands "$(sort "$dir/ran" | xargs)" "b 50% new 90% old 50%"
}

test_a_hysteresis_that_could_not_be_registered_is_tried_again() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" Level=50%
	serve
	conf "[$dir/a]" Level=50% Hysteresis=25%
	# another file can be opened, to read it, but not the three that a level takes
	"$here/limit" $pid $(($(find /proc/$pid/fd -type l | wc -l) + 2)) || fail "not limited"
	reload 'was read again'
	until_lines "$dir/err" 1 "$dir/a: its levels stay as they were registered"
	"$here/limit" $pid 1024
	until_true grep -q 'hyst=[1-9]' "$shown/$(device "$dir/a")/triggers"
}

test_an_error_of_one_section_is_none_of_another_and_it_begins_again() {
	interface=debugfs
	mounted a
	mounted b
	conf "[$dir/a]" Level=50% "[$dir/b]" Level=50% Direction=both
	serve 2
	fill b 800
	is told "$(told 1)" "up 50%"
	# usage cannot be read
	"$here/limit" $pid 3 || fail "not limited"
	fill a 800
	until_lines "$dir/err" 1 "^tmpfswarn: \[$dir/a\]: begins again in 1 s"
	"$here/limit" $pid 1024
	watching 3
	is told "$(told 2)" "up 50% up 50%"
	: >"$dir/b/file"
	is told "$(told 3)" "up 50% up 50% down 50%"
}

test_sections_that_cannot_begin_with_the_module_are_begun_again() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" Level=50%
	rmmod tmpfswarn || fail "rmmod failed"
	serve 0
	until_lines "$dir/err" 1 'looking for it every 10 seconds'
	# enough to see that it is there
	"$here/limit" $pid $(($(find /proc/$pid/fd -type l | wc -l) + 2)) || fail "not limited"
	module_load
	until_lines "$dir/err" 1 'the mount table cannot be watched: too many open files'
	"$here/limit" $pid 1024
	watching 1
}

test_what_waits_for_a_command_of_a_section_that_has_failed_is_said_not_to_run() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" 'Level=50% 70% 90%' "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'; until [ -e '$dir/go' ]; do usleep 50000; done"
	serve
	fill a 800
	is first "$(ran 1)" 50%
	is told "$(told 2)" "up 50% up 70%"
	# usage cannot be read, nor can the section begin again
	"$here/limit" $pid 3 || fail "not limited"
	fill a 200 more
	until_lines "$dir/err" 1 'looking for it every 10 seconds'
	"$here/limit" $pid 1024
	conf "[$dir/b]" Level=50%
	reload 'was read again'
	is dropped "$(sed -n 's/.* up \([^ ]*\): command not run$/\1/p' "$dir/err")" 70%
	touch "$dir/go"
	until_lines "$dir/err" 1 'command ended with status 0'
	# and the pause after it
	sleep 2
	is commands "$(xargs <"$dir/ran")" 50%
}

test_a_section_that_cannot_begin_at_a_reload_is_begun_later_and_others_change() {
	interface=debugfs
	mounted a
	mounted b
	conf "[$dir/a]" Level=50%
	serve
	conf "[$dir/a]" Level=50% "Exec=echo new >>'$dir/ran'" "[$dir/b]" Level=50%
	"$here/limit" $pid $(($(find /proc/$pid/fd -type l | wc -l) + 2)) || fail "not limited"
	reload 'was read again'
	until_lines "$dir/err" 1 'the mount table cannot be watched: too many open files'
	"$here/limit" $pid 1024
	watching 2
	fill b 512
	is told "$(told 1)" "up 50%"
	fill a 512
	is commands "$(ran 1)" new
}

# fails NUMBER: the section of a fails so often, each time for as long as at first
fails() {
	rm -f "$dir/a/file"
	# usage cannot be read
	"$here/limit" $pid 3 || fail "not limited"
	fill a 800
	until_lines "$dir/err" "$1" "\[$dir/a\]: begins again in 1 s"
	"$here/limit" $pid 1024
	watching $(($1 + 1))
}

test_a_section_that_has_failed_long_ago_begins_again_as_soon_as_the_first_time() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" Level=50%
	serve
	fails 1
	sleep 11
	fails 2
}

test_what_waits_is_not_run_of_a_mount_that_goes_while_the_module_is_away() {
	interface=debugfs
	mounted a
	mounted b
	mkfifo "$dir/fifo"
	conf "[$dir/?]" 'Level=50% 70%' "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'; read x <'$dir/fifo'"
	serve 2
	fill a 800
	is first "$(ran 1)" 50%
	is told "$(told 2)" "up 50% up 70%"
	rmmod tmpfswarn || fail "rmmod failed"
	until_lines "$dir/err" 2 'module unloaded'
	umount "$dir/a"
	module_load
	watching 3
	echo >"$dir/fifo"
	until_lines "$dir/err" 1 'command ended with status 0'
	usleep 200000
	is starts "$(lines "$dir/err" 'command started, process ')" 1
}

both_a_mount_may_go_while_its_command_runs_and_others_go_on() {
	mounted a
	mounted b
	mkfifo "$dir/fifo"
	conf "[$dir/?]" 'Level=50% 70%' "Exec=echo \$TMPFSWARN_PATH \$TMPFSWARN_LEVEL >>'$dir/ran'; read x <'$dir/fifo'"
	serve 2
	fill a 800
	is first "$(ran 1)" "$dir/a 50%"
	is told "$(told 2)" "up 50% up 70%"
	umount "$dir/a" || fail "busy"
	until_lines "$dir/err" 1 "$dir/a: unmounted"
	# what the level above was to run is of no mount any more
	echo >"$dir/fifo"
	until_lines "$dir/err" 1 'command ended with status 0'
	usleep 200000
	is starts "$(lines "$dir/err" 'command started, process ')" 1
	fill b 600
	is "of the other" "$(ran 2)" "$dir/a 50% $dir/b 50%"
	echo >"$dir/fifo"
	until_lines "$dir/err" 2 'command ended with status 0'
	mount -t tmpfs -o size=4m tool "$dir/a"
	watching 3
	fill a 600
	is "of the next one" "$(ran 3)" "$dir/a 50% $dir/b 50% $dir/a 50%"
	echo >"$dir/fifo"
}

test_a_command_is_told_the_cgroup_of_who_crossed_at_once_and_after_For() {
	knows_who || skip "a kernel before 6.6 does not say who crossed"
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
	inside=$dir/cgroup/some.slice
	mkdir "$inside"
	mounted a
	mounted b
	conf "[$dir/a]" Level=50% "Exec=echo a \$TMPFSWARN_CGROUP \$TMPFSWARN_CGROUP_PATH >>'$dir/ran'" \
		"[$dir/b]" Level=50% For=2s "Exec=echo b \$TMPFSWARN_CGROUP \$TMPFSWARN_CGROUP_PATH >>'$dir/ran'"
	serve 2
	id=$(stat -c %i "$inside")
	# the one for b is gone when that is told
	sh -c "echo \$\$ >'$inside/cgroup.procs'; for m in b a; do dd if=/dev/zero of=$dir/\$m/file bs=4096 count=600; done; sleep 1" 2>/dev/null
	rmdir "$inside"
	until_lines "$dir/ran" 2 .
	is told "$(sort "$dir/ran" | xargs)" "a $id /some.slice b $id /some.slice"
}

# cpu_ticks: of the service until now
cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$pid/stat"
}

test_who_has_a_new_cgroup_for_each_crossing_does_not_keep_it_busy() {
	knows_who || skip "a kernel before 6.6 does not say who crossed"
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
	seq 1000 | sed "s,^,$dir/cgroup/other," | xargs mkdir
	mounted a size=64k
	conf "[$dir/a]" Level=50% Direction=both
	serve
	ticks=$(cpu_ticks)
	begun=$(cut -d ' ' -f 1 /proc/uptime)
	for i in $(seq 60); do
		mkdir "$dir/cgroup/$i"
		sh -c "echo \$\$ >'$dir/cgroup/$i/cgroup.procs'; exec '$here/toggle' '$dir/a/file' 65536 1"
		rmdir "$dir/cgroup/$i"
	done
	until_true has_crossings 120
	ticks=$(($(cpu_ticks) - ticks))
	took=$(awk -v begun="$begun" '{ print int(100 * ($1 - begun)) }' /proc/uptime)
	rmdir "$dir/cgroup/other"*
	[ $((2 * ticks)) -le "$took" ] || fail "$ticks of $took hundredths of a second"
}

# crossings [LEVEL]: how many the log tells of, both ways
crossings() {
	awk -v level="${1:-}" '$3 ~ /^(up|down)$/ && (level == "" || $4 == level ":") && $5 != "command" {
			sum += match($0, /last of [0-9]+ /) ? substr($0, RSTART + 8, RLENGTH - 9) : 1
		}
		END { print sum + 0 }' "$dir/err"
}

# has_crossings NUMBER [LEVEL]
has_crossings() {
	[ "$(crossings ${2:+"$2"})" -ge "$1" ]
}

# toggle NUMBER: a mount of 16 blocks becomes full and empty
toggle() {
	"$here/toggle" "$dir/a/file" 65536 "$1" || fail "toggle failed"
}

# reloads_under_crossings CONF...: each of two configurations, which are lines, in turn
reloads_under_crossings() {
	first=$1
	second=$2
	mounted a size=64k
	echo "$first" >"$dir/conf"
	serve
	(
		for i in $(seq 100); do
			toggle 5
			usleep 1000
		done
	) &
	toggles=$!
	for i in 1 2 3 4; do
		echo "$second" >"$dir/conf"
		reload 'was read again' $((2 * i - 1))
		echo "$first" >"$dir/conf"
		reload 'was read again' $((2 * i))
	done
	wait $toggles
	until_true has_crossings 1000 50%
	# what is told twice is told by now
	reload 'was read again' 9
	is crossings "$(crossings 50%)" 1000
}

both_no_event_is_lost_or_told_twice_at_a_reload() {
	reloads_under_crossings "[$dir/a]
Level=50%
Direction=both" "[$dir/a]
Level=20% 50% low
Direction=both
Exec=true
[$dir/b]
Level=1"
}

test_no_event_is_lost_or_told_twice_when_the_hysteresis_changes() {
	reloads_under_crossings "[$dir/a]
Level=50%
Direction=both" "[$dir/a]
Level=50%
Hysteresis=10%
Direction=both"
}

# hang_while COMMAND...: does it while the service reads nothing, and has it find a signal to reload first
hang_while() {
	kill -STOP $pid
	"$@"
	kill -HUP $pid
	kill -CONT $pid
	until_lines "$dir/err" 1 'the configuration was read again'
}

# each of 100 levels of two mounts, up and down, 4 times
cross_and_leave_the_section_out() {
	"$here/toggle" "$dir/a/file" 409600 4 && "$here/toggle" "$dir/b/file" 409600 4 || fail "toggle failed"
	conf "[$dir/c]" Level=50%
}

both_what_came_for_a_section_before_it_ends_is_told() {
	mounted a
	mounted b
	conf "[$dir/?]" "Level=$(seq -s ' ' 4096 4096 409600)" Direction=both
	serve 2
	hang_while cross_and_leave_the_section_out
	is crossings "$(crossings)" 1600
}

pass_and_rename_the_section() {
	fill a 512
	conf "[$dir/[a]]" Level=50% "Exec=echo new >>'$dir/ran'"
}

test_what_came_for_a_section_of_another_name_by_now_runs_as_it_said() {
	mounted a
	conf "[$dir/a]" Level=50% "Exec=echo old >>'$dir/ran'"
	serve
	hang_while pass_and_rename_the_section
	# usage is there for the other one, too
	is commands "$(ran 2 | tr ' ' '\n' | sort | xargs)" "new old"
}

test_what_waits_for_a_command_of_a_section_that_ends_is_said_not_to_run() {
	mounted a
	mkfifo "$dir/fifo"
	conf "[$dir/a]" 'Level=50% 70%' "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'; read x <'$dir/fifo'"
	serve
	fill a 800
	is first "$(ran 1)" 50%
	is told "$(told 2)" "up 50% up 70%"
	conf "[$dir/b]" Level=50%
	reload 'was read again'
	is dropped "$(sed -n 's/.* up \([^ ]*\): command not run$/\1/p' "$dir/err")" 70%
	echo >"$dir/fifo"
	until_lines "$dir/err" 1 'command ended with status 0'
	is commands "$(xargs <"$dir/ran")" 50%
}

test_a_command_does_not_find_what_is_for_the_service_alone() {
	mounted a
	conf "[$dir/a]" Level=50% "Exec=echo \${NOTIFY_SOCKET-none} \${WATCHDOG_USEC-none} \${TMPFSWARN_CAUSE-none} \$OTHER >>'$dir/ran'"
	NOTIFY_SOCKET=$dir/socket WATCHDOG_USEC=60000000 TMPFSWARN_CAUSE=stale OTHER=kept
	export NOTIFY_SOCKET WATCHDOG_USEC TMPFSWARN_CAUSE OTHER
	serve
	fill a 512
	is commands "$(ran 1)" "none none none kept"
}

test_after_a_reload_a_link_that_leads_elsewhere_is_of_what_is_there_now_alone() {
	mounted a
	mounted b
	ln -s a "$dir/link"
	conf "[$dir/link]" Level=50% "Exec=basename \$TMPFSWARN_PATH >>'$dir/ran'"
	serve
	ln -sfn b "$dir/link"
	reload 'was read again'
	watching 2
	fill a 600
	fill b 600
	is commands "$(ran 1)" b
	umount "$dir/a"
	sleep 1
	is commands "$(ran 1)" b
	[ "$(lines "$dir/err" "$dir/a: unmounted")" = 0 ] || fail "$(cat "$dir/err")"
}

test_what_waits_for_one_level_survives_the_end_of_another() {
	mounted a size=4m,nr_inodes=16
	conf "[$dir/a]" 'Level=25% 50% inodes:90%' \
		"Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'; until [ -e '$dir/go' ]; do usleep 50000; done"
	serve
	fill a 300
	is first "$(ran 1)" 25%
	fill a 300 more
	is told "$(told 2)" "up 25% up 50%"
	mount -o remount,nr_inodes=0 "$dir/a"
	until_lines "$dir/err" 1 'has no limit any more'
	touch "$dir/go"
	is commands "$(ran 2)" "25% 50%"
}

test_a_filled_mount_in_place_of_another_runs_for_each_of_its_levels() {
	mounted a
	mounted b
	fill b 800
	conf "[$dir/a]" 'Level=50% 60% 70%' "Exec=echo \$TMPFSWARN_LEVEL >>'$dir/ran'"
	serve
	mount -o bind "$dir/b" "$dir/a"
	is commands "$(ran 3 | tr ' ' '\n' | sort | xargs)" "50% 60% 70%"
	kill -TERM $pid
	umount "$dir/a"
}

test_a_path_need_not_be_written_as_the_kernel_has_it() {
	mounted a
	mounted b
	ln -s b "$dir/link"
	conf "[/$dir//./a/]" Level=50% "[$dir/link]" Level=50%
	serve 2
	fill a 512
	fill b 512
	is told "$(told 2)" "up 50% up 50%"
}

test_a_path_in_fstab_is_no_glob_and_its_values_may_be_quoted() {
	mounted 'a*'
	mounted ab
	mounted c
	conf "[$dir/ab]" Level=90%
	printf '%s\n' "none $dir/a*/ tmpfs x-tmpfswarn.level=\"50%\" 0 0" \
		"none $dir/./ab tmpfs x-tmpfswarn.level=50% 0 0" "none $dir/c/ tmpfs defaults,x-tmpfswarn.level='50%' 0 0" >"$dir/fstab"
	LIBMOUNT_FSTAB=$dir/fstab
	export LIBMOUNT_FSTAB
	serve 3
	fill ab 600
	fill 'a*' 600
	fill c 600
	until_lines "$dir/err" 1 "$dir/c up 50%: "
	grep -q "$dir/a\* up 50%: " "$dir/err" || fail "not told of the path itself"
	! grep "$dir/ab up 50%: " "$dir/err" || fail "another has matched"
}

test_an_fstab_that_cannot_be_read_changes_nothing_at_a_reload() {
	mounted a
	conf ''
	echo "none $dir/a tmpfs x-tmpfswarn.level=50% 0 0" >"$dir/fstab"
	LIBMOUNT_FSTAB=$dir/fstab
	export LIBMOUNT_FSTAB
	serve
	ln -sf fstab "$dir/fstab"
	reload 'stays as it was'
	fill a 512
	is told "$(told 1)" "up 50%"
}

test_a_glob_does_not_match_a_part_of_a_mount() {
	mounted a
	mkdir "$dir/a/part" "$dir/b" "$dir/c"
	mount -o bind "$dir/a/part" "$dir/b"
	mount -o bind "$dir/a/part" "$dir/c"
	conf "[$dir/?]" Level=50% "[$dir/c]" Level=50%
	serve 2
	fill a 512
	until_lines "$dir/err" 2 ' up 50%: '
	grep -q "watching $dir/a: " "$dir/err" && grep -q "watching $dir/c: " "$dir/err" || fail "$(cat "$dir/err")"
	is watched "$(lines "$dir/err" ': watching ')" 2
}

test_no_star_of_a_glob_stands_for_the_dot_that_a_name_begins_with() {
	mounted a
	mounted .b
	conf "[$dir/*]" Level=50% "[$dir/.*]" Level=60%
	serve 2
	fill .b 800
	is told "$(told 1)" "up 60%"
	fill a 800
	is told "$(told 2)" "up 60% up 50%"
	is watched "$(lines "$dir/err" ': watching ')" 2
}

both_levels_of_inodes_are_watched_beside_those_of_bytes() {
	mounted a size=4m,nr_inodes=100
	conf "[$dir/a]" 'Level=50% inodes:20 inodes:90%' "Exec=echo \$TMPFSWARN_LEVEL \$TMPFSWARN_USED \$TMPFSWARN_SIZE >>'$dir/ran'"
	serve
	grep -q "watching $dir/a: 0 of 4M used (0%); 1 of 100 inodes used (1%)$" "$dir/err" || fail "$(cat "$dir/err")"
	for i in $(seq 19); do
		: >"$dir/a/$i"
	done
	is commands "$(ran 1)" "inodes:20 20 100"
	fill a 512
	is commands "$(ran 2)" "inodes:20 20 100 50% 2097152 4194304"
}

what_waits_is_not_told_while_the_module_is_away() {
	interface=debugfs
	mounted a
	conf "[$dir/a]" Level=50% For=$1
	serve
	begun=$(uptime_of)
	fill a 512
	rmmod tmpfswarn || fail "rmmod failed"
	until_lines "$dir/err" 1 'module unloaded'
	[ $(($(uptime_of) - begun)) -lt $(($1 - 1)) ] || return 1
	sleep $(($1 + 2))
	is told "$(told 0)" ''
	module_load
	watching 2
	is told "$(told 1)" "up 50%"
}

test_what_waits_is_not_told_while_the_module_is_away() {
	patiently what_waits_is_not_told_while_the_module_is_away
}

test_it_waits_for_the_module() {
	mounted a
	conf "[$dir/a]" Level=50%
	rmmod tmpfswarn || fail "rmmod failed"
	serve 0
	until_lines "$dir/err" 1 'looking for it every 10 seconds'
	module_load
	watching 1
	fill a 512
	is told "$(told 1)" "up 50%"
}

test_what_could_not_be_registered_is_tried_again() {
	mounted a
	mounted b
	module_reload max_mount_triggers=1
	touch "$work/limited"
	watch "$dir/a" 30%
	watcher=$pid
	conf "[$dir/a]" Level=50% "[$dir/b]" Level=50%
	serve 1
	until_lines "$dir/err" 1 "$dir/a: too many triggers"
	# and by then again, twice
	sleep 5
	is said "$(lines "$dir/err" 'too many triggers')" 1
	kill -9 $watcher
	watching 2
	fill a 512
	is told "$(told 1)" "up 50%"
}

test_a_section_that_is_new_while_the_module_is_away_begins_with_it() {
	interface=debugfs
	mounted a
	mounted b
	conf "[$dir/a]" Level=50%
	serve
	rmmod tmpfswarn || fail "rmmod failed"
	until_lines "$dir/err" 1 'module unloaded'
	conf "[$dir/a]" 'Level=50% 70%' "[$dir/b]" Level=50%
	reload 'was read again'
	until_lines "$dir/err" 1 'looking for it every 10 seconds'
	module_load
	watching 3
	fill a 800
	fill b 512
	is told "$(told 3 | tr ' ' '\n' | grep % | sort | xargs)" "50% 50% 70%"
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

test_after_a_failure_only_the_same_mount_waits() {
	mounted a
	mounted b
	conf "[$dir/?]" 'Level=20% 40% 60%' "Exec=name=\${TMPFSWARN_PATH##*/}; echo \$name >>'$dir/ran'; cut -d ' ' -f 1 /proc/uptime >>'$dir/'\$name.times; [ \$name = b ]"
	serve 2
	fill a 800
	fill b 800
	ran 6 >"$dir/all"
	# each time a second after it, and for longer after a failure
	too_early 1 "$dir/b.times"
	too_early 1 "$dir/a.times"
	tail -n 2 "$dir/a.times" >"$dir/last"
	too_early 2 "$dir/last"
	[ "$(wc -l <"$dir/b.times")" = 3 ] || fail "a: $(xargs <"$dir/a.times"), b: $(xargs <"$dir/b.times")"
}

test_a_broken_configuration_is_said_with_its_line_and_ends_the_start() {
	mounted a
	conf "[$dir/a]" Level=50% Exce=true
	tmpfswarn run --config "$dir/conf" 2>"$dir/err"
	status=$?
	expect 2 "$dir/conf:3: Exce=: not known, there are Level=, For=, Hysteresis=, Direction=, Exec=, Start=, Remind=, Grow=, GrowMax=, GrowReserve="
}

test_what_the_machine_is_short_of_is_no_broken_configuration() {
	conf "[$dir/a]" Level=50%
	for limit in 3 4 5 6 7 8 9; do
		# redirections of the shell itself need more
		for dry in '' --dry-run; do
			sh -c 'ulimit -n $1; shift; exec "$@"' sh $limit \
				timeout -s KILL 3 tmpfswarn run $dry --config "$dir/conf" >"$dir/out" 2>"$dir/err" </dev/null
			status=$?
			[ $status = 1 ] || ! grep -q 'too many open files' "$dir/err" || fail "status $status with $limit: $(cat "$dir/err")"
			[ $status != 2 ] || fail "status 2 with $limit: $(cat "$dir/err")"
		done
	done
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

test_what_was_told_is_in_the_log_before_a_signal_ends_the_commands() {
	mounted a size=64k
	mounted b
	# of what is second, all has been read by when the first is told
	conf "[$dir/b]" Level=50% "[$dir/a]" Level=50% Direction=both "Exec=trap '' TERM; echo >>'$dir/ran' begun; while :; do sleep 1; done"
	serve 2
	fill a 16
	ran 1 >"$dir/first"
	toggle 3
	fill b 800
	until_lines "$dir/err" 1 "$dir/b up 50%"
	kill -TERM $pid
	until_lines "$dir/err" 1 'command killed, not ended by SIGTERM'
	ended
	is crossings "$(crossings)" 7
	is late "$(sed -n '/command ended before it was done/,$p' "$dir/err" | grep -c ' 50%: .*[0-9]')" 0
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

# with days of two seconds
both_what_is_reached_for_days_is_told_again() {
	mounted a
	conf "[$dir/a]" Level=50% Hysteresis=25% Remind=diminishing \
		"Exec=echo \${TMPFSWARN_REMINDER-none} \$TMPFSWARN_DIRECTION \$TMPFSWARN_CROSSINGS \$((TMPFSWARN_USED / 4096)) >>'$dir/ran'"
	LD_PRELOAD=$here/clock.so
	export LD_PRELOAD
	serve
	unset LD_PRELOAD
	begun=$(uptime_of)
	fill a 512
	is told "$(told 1)" "up 50%"
	# within the hysteresis: it is reached still
	truncate -s $((400 * 4096)) "$dir/a/file"
	is commands "$(ran 3)" "none up 1 512 1 up 0 400 2 up 0 400"
	# days 1 and 3
	[ $(($(uptime_of) - begun)) -ge 5 ] || fail "too early"
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/a up 50%: .*(39%); reminder 2$"
	truncate -s 0 "$dir/a/file"
	sleep 10
	is starts "$(wc -l <"$dir/ran")" 3
	fill a 512
	is commands "$(ran 5 | cut -d ' ' -f 13-)" "none up 1 512 1 up 0 512"
}

test_what_is_told_once_is_not_told_again() {
	mounted a
	conf "[$dir/a]" Level=50% "Exec=echo \${TMPFSWARN_REMINDER-none} >>'$dir/ran'"
	LD_PRELOAD=$here/clock.so
	export LD_PRELOAD
	serve
	unset LD_PRELOAD
	fill a 512
	ran 1 >"$dir/first"
	sleep 5
	is commands "$(wc -l <"$dir/ran")" 1
	# from when it was told on
	conf "[$dir/a]" Level=50% Remind=daily "Exec=echo \${TMPFSWARN_REMINDER-none} >>'$dir/ran'"
	reload 'was read again'
	is commands "$(ran 3)" "none 1 2"
}

test_who_toggles_about_a_level_does_not_fill_the_log_and_the_last_is_told() {
	mounted a size=64k
	conf "[$dir/a]" Level=50% Direction=both Grow=50% GrowMax=64K
	serve
	begun=$(uptime_of)
	for i in $(seq 40); do
		fill a 16
		toggle 100
	done
	fill a 16
	until_true has_crossings 8001
	took=$(($(uptime_of) - begun + 2))
	is crossings "$(crossings)" 8001
	grep ' \(up\|down\) 50%: ' "$dir/err" >"$dir/log"
	[ "$(wc -l <"$dir/log")" -le $took ] || fail "$(wc -l <"$dir/log") lines in $took seconds"
	tail -n 1 "$dir/log" | grep -q ' up 50%: ' || fail "stale: $(tail -n 1 "$dir/log")"
	[ "$(lines "$dir/err" ' not grown: ')" -le $took ] || fail "not grown, $(lines "$dir/err" ' not grown: ') times in $took seconds"
}

# acted_since TIME FILE: of both levels
acted_since() {
	awk -v since="$1" '$1 >= since { levels[$2] } END { exit !("50%" in levels && "75%" in levels) }' "$2"
}

# too_early PAUSE FILE: fails if a line of it is so close to the one before
too_early() {
	awk -v pause="$1" 'NR > 1 && $1 + 0.02 < before + pause { exit 1 } { before = $1 }' "$2" || fail "$2 too early: $(xargs <"$2")"
}

test_who_toggles_about_a_level_has_no_command_run_right_after_another() {
	mounted a size=64k
	mkdir "$dir/bin"
	printf '%s\n' '#!/bin/sh' "echo \$(cut -d ' ' -f 1 /proc/uptime) \$TMPFSWARN_LEVEL >>'$dir/started'" >"$dir/bin/systemctl"
	chmod +x "$dir/bin/systemctl"
	mounted b size=64k
	conf "[$dir/b]" Level=50% Start=x.service "[$dir/a]" 'Level=50% 75%' Start=x.service \
		"Exec=echo \$(cut -d ' ' -f 1 /proc/uptime) \$TMPFSWARN_LEVEL >>'$dir/ran'"
	PATH=$dir/bin:$PATH
	serve 2
	for i in $(seq 60); do
		toggle 5
		fill a 16
		: >"$dir/b/file"
		fill b 16
	done
	last=$(cut -d ' ' -f 1 /proc/uptime)
	toggle 1
	fill a 16
	for file in ran started; do
		# all levels are acted on as they are at the end
		until_true acted_since "$last" "$dir/$file"
	done
	too_early 1 "$dir/ran"
	too_early 3 "$dir/started"
}

both_what_was_told_is_in_the_log_before_the_end_of_its_level() {
	mounted a
	mounted b
	mounted c
	conf "[$dir/a]" Level=50% Direction=both "[$dir/b]" 'Level=50% 90%' Direction=both "[$dir/?]" Level=70% Direction=both
	serve 5
	for name in a b c; do
		fill $name 1000
		: >"$dir/$name/file"
	done
	conf "[$dir/a]" Level=50% Direction=both "[$dir/b]" Level=90% Direction=both "[$dir/?]" Level=70% Direction=both
	reload 'was read again'
	umount "$dir/a"
	until_lines "$dir/err" 1 "$dir/a: unmounted"
	kill -TERM $pid
	ended
	is crossings "$(crossings)" 12
	sed -n "s,^tmpfswarn: $dir/\([abc]\) down \([^ ]*\): .*,\1 \2,p" "$dir/err" | sort | xargs >"$dir/last"
	is last "$(cat "$dir/last")" "a 50% a 70% b 50% b 70% b 90% c 70%"
}

test_what_floods_a_section_keeps_nothing_from_being_told() {
	mounted a size=64k
	mounted b
	conf "[$dir/?]" Level=50% For=2
	serve 2
	"$here/toggle" "$dir/a/toggled" 65536 100000000 &
	echo $! >>"$dir/pids"
	"$here/toggle" "$dir/a/too" 65536 100000000 &
	echo $! >>"$dir/pids"
	fill b 800
	until_lines "$dir/err" 1 "$dir/b up 50%"
}

test_mounts_that_come_and_go_all_the_time_keep_nothing_from_being_told() {
	for i in $(seq 300); do
		mounted "m/$i" size=64k
	done
	mounted a
	mkdir "$dir/x"
	conf "[$dir/a]" Level=50% "Exec=touch '$dir/ran'"
	serve
	"$here/churn" "$dir/x" &
	echo $! >>"$dir/pids"
	fill a 800
	until_true test -e "$dir/ran"
}

test_mounts_below_what_hangs_keep_others_waiting_for_one_of_them() {
	mounted a
	below_fuse b
	for i in 1 2 3 4 5 6 7 8; do
		mounted "fuse/b/$i"
	done
	fuse_hangs
	conf "[$dir/fuse/b/?]" Level=50% "[$dir/a]" Level=50% "Exec=touch '$dir/ran'"
	begun=$(uptime_of)
	serve
	# shellcheck disable=SC2064
	trap "kill -9 $server $pid; umount -l '$dir/fuse'" EXIT
	fill a 512
	until_true test -e "$dir/ran"
	# each has two seconds
	[ $(($(uptime_of) - begun)) -le 10 ] || fail "after $(($(uptime_of) - begun)) seconds"
	until_lines "$dir/err" 3 "$dir/fuse/b/[1-8]: no answer"
}

# ticks_with NUMBER: of the processor, that the service takes until it watches so many mounts
ticks_with() {
	for i in $(seq "$1"); do
		[ -e "$dir/m/$i" ] || mounted "m/$i" size=64k
	done
	serve "$1"
	cpu_ticks >"$dir/ticks"
	kill -TERM $pid
	ended
}

test_hundreds_of_mounts_take_a_time_that_grows_as_they_do() {
	conf "[$dir/m/*]" 'Level=50% 90%'
	ticks_with 100
	few=$(cat "$dir/ticks")
	ticks_with 600
	# six times as long, by and large, and not 36 times
	[ "$(cat "$dir/ticks")" -le $((12 * (few + 5))) ] || fail "$few ticks with 100, $(cat "$dir/ticks") with 600"
}

test_a_dry_run_says_what_would_be_watched() {
	mounted a
	conf "[$dir/?]" 'Level=50% 3M' For=1m Start=x@%f.service "[$dir/nowhere]" Level=free:5% Direction=both Exec=true Grow=25% GrowMax=8G
	LIBMOUNT_FSTAB=/dev/null tmpfswarn run --dry-run --config "$dir/conf" >"$dir/out" || fail "status $?"
	cat >"$dir/expected" <<-E
	[$dir/?] of $dir/conf:1: rising 50% 3M, for 60 s, Start=x@%f.service
	  $dir/a ($(device "$dir/a"))
	[$dir/nowhere] of $dir/conf:5: both free:5%, Exec=true, Grow=25%, GrowMax=8G, GrowReserve=10%
	  no mount now
	E
	is output "$(cat "$dir/out")" "$(cat "$dir/expected")"
}

# blocks NAME: that the mount has
blocks() {
	stat -f -c %b "$dir/$1"
}

has_blocks() {
	[ "$(blocks "$1")" = "$2" ]
}

# grown NUMBER: waits for so many steps, and prints the size after each
grown() {
	until_lines "$dir/err" "$1" ' grown from '
	sed -n 's/.* grown from .* to \(.*\):.*/\1/p' "$dir/err" | xargs
}

# refused NUMBER REASON: so often it was said, once there is one
refused() {
	until_lines "$dir/err" "$1" "^tmpfswarn: $dir/a not grown: $2"
	is refusals "$(lines "$dir/err" ' not grown: ')" "$1"
}

both_a_mount_grows_to_its_maximum_and_no_further() {
	mounted a
	conf "[$dir/a]" Level=80% Grow=50% GrowMax=7M "Exec=echo \$TMPFSWARN_SIZE >>'$dir/ran'"
	serve
	fill a 800
	[ "$(blocks a)" = 1024 ] || fail "grown too early"
	fill a 900
	is sizes "$(grown 1)" 6M
	is blocks "$(blocks a)" 1536
	# what waits behind it, or a second after it, would not run
	until_lines "$dir/err" 1 'command ended with status 0'
	sleep 2
	fill a 1300
	is sizes "$(grown 2)" "6M 7M"
	until_lines "$dir/err" 2 'command ended with status 0'
	sleep 2
	fill a 1700
	refused 1 'it has 7M, GrowMax=7M$'
	sleep 4
	refused 1 'it has 7M, GrowMax=7M$'
	is blocks "$(blocks a)" 1792
	is commands "$(ran 3)" "4194304 6291456 7340032"
}

both_a_mount_grows_until_usage_is_below_the_level() {
	mounted a
	fill a 1000
	conf "[$dir/a]" Level=80% Grow=10% GrowMax=8G
	serve
	until_true has_blocks a 1364
	sleep 1
	is sizes "$(grown 3)" "4.4M 4.8M 5.3M"
	is blocks "$(blocks a)" 1364
	# the level is that of the size it has now
	fill a 1050
	usleep 500000
	is blocks "$(blocks a)" 1364
	fill a 50 more
	until_true has_blocks a 1501
}

test_a_mount_grows_for_free_space_and_an_amount() {
	mounted a
	mounted b
	conf "[$dir/a]" Level=free:1M Grow=1M GrowMax=8M "[$dir/b]" Level=3M Grow=1M GrowMax=8M
	serve 2
	fill a 800
	until_true has_blocks a 1280
	# which is reached whatever the size
	fill b 800
	until_true has_blocks b 2048
	is blocks "$(blocks a)" 1280
}

# whoever watches it, and however long it takes
grows_by_one_step() {
	serve 2
	fill a 900
	is sizes "$(grown 1)" 5M
	sleep 3
	is sizes "$(grown 1)" 5M
	is blocks "$(blocks a)" 1280
}

test_a_mount_on_two_paths_grows_by_one_step() {
	mounted a
	mkdir "$dir/b"
	mount --bind "$dir/a" "$dir/b"
	conf "[$dir/?]" Level=80% Grow=25% GrowMax=64M
	grows_by_one_step
}

test_a_mount_of_two_sections_grows_by_one_step() {
	mounted a
	conf "[$dir/?]" Level=80% Grow=25% GrowMax=64M "[$dir/a]" Level=free:600K Grow=25% GrowMax=64M
	grows_by_one_step
}

test_the_free_space_of_another_section_is_known_when_a_mount_has_grown() {
	mounted a
	conf "[$dir/a]" Level=80% Grow=100% GrowMax=64M \
		"[$dir/?]" Level=free:1M Direction=both "Exec=echo \$TMPFSWARN_DIRECTION >>'$dir/ran'"
	serve 2
	fill a 900
	is sizes "$(grown 1)" 8M
	until_lines "$dir/err" 1 ' down free:1M: .* of 8M used'
}

both_another_size_is_known_that_another_namespace_has_given() {
	mounted a
	conf "[$dir/a]" Level=free:1M Direction=both
	serve
	fill a 900
	is told "$(told 1)" "up free:1M"
	unshare -m mount -o remount,size=8m "$dir/a"
	is told "$(told 2)" "up free:1M down free:1M"
	unshare -m mount -o remount,size=4m "$dir/a"
	is told "$(told 3)" "up free:1M down free:1M up free:1M"
}

test_a_mount_grows_after_For_and_not_for_what_was_so_for_less() {
	mounted a
	conf "[$dir/a]" Level=80% For=3 Grow=50% GrowMax=8M
	serve
	begun=$(uptime_of)
	fill a 900
	rm "$dir/a/file"
	fill a 900
	usleep 500000
	[ $(($(uptime_of) - begun)) -lt 2 ] || skip "the machine is too slow"
	is blocks "$(blocks a)" 1024
	is sizes "$(grown 1)" 6M
	[ $(($(uptime_of) - begun)) -ge 2 ] || fail "grown too early"
	# and of the new size, too
	begun=$(uptime_of)
	fill a 1300
	is sizes "$(grown 2)" "6M 8M"
	[ $(($(uptime_of) - begun)) -ge 2 ] || fail "grown too early"
}

available() {
	awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
}

test_a_mount_does_not_grow_into_the_reserve_and_is_tried_again() {
	mounted a
	mounted b size=100m
	conf "[$dir/a]" Level=80% Grow=50% GrowMax=8M "GrowReserve=$(($(available) - 24 * 1024))K"
	fill b 16384
	serve
	fill a 900
	refused 1 '[0-9.]*[MG] of memory are available, too little for all of 6M and a reserve of '
	sleep 4
	is refusals "$(lines "$dir/err" ' not grown: ')" 1
	is blocks "$(blocks a)" 1024
	rm "$dir/b/file"
	is sizes "$(grown 1)" 6M
	is refusals "$(lines "$dir/err" ' not grown: ')" 1
}

# options NAME: of the mount and of the file system, but for the size
options() {
	awk -v at="$dir/$1" '$5 == at { print $6, $NF }' /proc/self/mountinfo | sed 's/size=[0-9]*k//'
}

test_a_mount_keeps_all_other_options_when_it_grows() {
	options=size=4m,nr_inodes=123,mode=710,uid=1000,gid=100,nosuid,noexec
	mounted a $options
	for option in noswap huge=within_size mpol=interleave:0 inode32; do
		! mount -t tmpfs -o "$options,$option" tool "$dir/a" 2>/dev/null || options=$options,$option
	done
	while umount "$dir/a" 2>/dev/null; do
		:
	done
	mounted a $options
	fill a 900
	mount -o remount,ro "$dir/a"
	options a >"$dir/before"
	grep -q '^ro,.* ro,.*nr_inodes=123,mode=710,' "$dir/before" || fail "$(cat "$dir/before")"
	# from 6.4 on
	! knows_who || grep -q noswap "$dir/before" || fail "$(cat "$dir/before")"
	conf "[$dir/a]" Level=80% Grow=50% GrowMax=8M
	serve
	is sizes "$(grown 1)" 6M
	is options "$(options a)" "$(cat "$dir/before")"
	is inodes "$(stat -f -c %c "$dir/a")" 123
}

test_a_mount_over_the_path_does_not_grow_in_place_of_what_is_below() {
	mounted a
	conf "[$dir/a]" Level=80% For=3 Grow=50% GrowMax=8M
	serve
	begun=$(uptime_of)
	fill a 900
	mounted a size=1m
	[ $(($(uptime_of) - begun)) -lt 2 ] || skip "the machine is too slow"
	sleep 5
	is above "$(blocks a)" 256
	umount "$dir/a"
	is below "$(blocks a)" 1024
	# it is there again
	is sizes "$(grown 1)" 6M
}

test_who_may_not_grow_mounts_says_so_at_the_start_and_goes_on() {
	mounted a
	has_user grower 1234
	chmod 755 "$work" "$dir"
	conf "[$dir/a]" Level=80% Grow=50% GrowMax=8M
	touch "$dir/err"
	(by_user grower tmpfswarn run --config "$dir/conf" 2>"$dir/err" </dev/null >/dev/null) &
	echo $! >>"$dir/pids"
	watching 1
	is warnings "$(lines "$dir/err" "^tmpfswarn: $dir/conf:1: \[$dir/a\]: Grow= needs CAP_SYS_ADMIN")" 1
	fill a 900
	refused 1 'Grow= needs CAP_SYS_ADMIN'
	sleep 4
	is refusals "$(lines "$dir/err" ' not grown: ')" 1
	is told "$(told 1)" "up 80%"
	is blocks "$(blocks a)" 1024
}

test_a_mount_that_was_made_smaller_grows_again_and_one_above_its_maximum_never_shrinks() {
	mounted a size=8m
	conf "[$dir/a]" Level=40% Grow=50% GrowMax=6M
	serve
	fill a 900
	refused 1 'it has 8M, GrowMax=6M$'
	is blocks "$(blocks a)" 2048
	mount -o remount,size=5m "$dir/a"
	until_true has_blocks a 1536
}

suite "$0"
