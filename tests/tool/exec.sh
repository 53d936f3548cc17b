#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What watch owes to the commands that it runs, to the signals that end it, and to the reader of
# its lines: run as root inside a virtual machine with the module loaded. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional
# shellcheck disable=SC2016	# what is quoted is for the shell that --exec runs

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

# levels_on NAME NUMBER: registered; an eventfd more tells of the end
levels_on() {
	[ "$interface" != debugfs ] || set -- "$1" $(($2 + 1))
	[ "$(lines "$shown/$(device "$dir/$1")/triggers" .)" -eq "$2" ]
}

# gone FILE: none of the processes whose numbers are in it runs
gone() {
	while read -r one; do
		is_over "$one" || return 1
	done <"$1"
}

# begun NUMBER: of the process of a watch in the background; waits until it has registered
begun() {
	pid=$1
	echo "$1" >>"$dir/pids"
	until_true levels_on a 1
}

# ---- the lines ----

LOST="lines are lost, commands go on"

both_with_exec_a_command_runs_though_no_line_can_be_written() {
	mounted a
	for output in /dev/full closed broken; do
		rm -f "$dir/ran" "$dir/a/file"
		case $output in
		closed)
			tool watch -n 2 --exec "echo \$TMPFSWARN_DIRECTION >>'$dir/ran'" "$dir/a" 50% >&- 2>"$dir/err" &
			why="Bad file descriptor"
			;;
		broken)
			mkfifo "$dir/pipe"
			exec 9<>"$dir/pipe"
			tool watch -n 2 --exec "echo \$TMPFSWARN_DIRECTION >>'$dir/ran'" "$dir/a" 50% >"$dir/pipe" 2>"$dir/err" 9>&- &
			why="Broken pipe"
			;;
		*)
			tool watch -n 2 --exec "echo \$TMPFSWARN_DIRECTION >>'$dir/ran'" "$dir/a" 50% >"$output" 2>"$dir/err" &
			why="No space left on device"
			;;
		esac
		begun $!
		[ $output != broken ] || exec 9>&-
		fill a 512
		until_lines "$dir/ran" 1 up
		: >"$dir/a/file"
		ended
		expect 0 "standard output: $why: $LOST"
		is "$output" "$(xargs <"$dir/ran")" "up down"
	done
}

both_with_exec_a_command_runs_though_nobody_reads_the_lines() {
	mounted a
	mkfifo "$dir/fifo"
	exec 9<>"$dir/fifo"
	# no page of the pipe is left
	dd if=/dev/zero bs=4096 count=16 >&9 2>/dev/null
	tool watch -n 2 --exec "echo \$TMPFSWARN_DIRECTION >>'$dir/ran'" "$dir/a" 50% >&9 2>"$dir/err" &
	begun $!
	fill a 512
	until_lines "$dir/ran" 1 up
	: >"$dir/a/file"
	ended
	expect 0 "standard output: nobody reads it: $LOST"
	is ran "$(xargs <"$dir/ran")" "up down"
}

test_a_line_after_lost_ones_begins_on_a_line_of_its_own() {
	mounted a
	mounted b size=4k
	head -c 4000 /dev/zero | tr '\0' . >"$dir/b/out"
	echo >>"$dir/b/out"
	tool watch --exec : "$dir/a" 50% >>"$dir/b/out" 2>"$dir/err" &
	begun $!
	fill a 512
	until_lines "$dir/err" 1 "$LOST"
	is size "$(wc -c <"$dir/b/out")" 4096
	mount -o remount,size=8k "$dir/b"
	: >"$dir/a/file"
	until_lines "$dir/b/out" 1 " $dir/a down 50%: "
	grep -q "^[-0-9]* [:0-9]* $dir/a down 50%: .*)\( by .*\)\{0,1\}\$" "$dir/b/out" || fail "$(tail -n 2 "$dir/b/out")"
	fill a 512
	until_lines "$dir/b/out" 1 " $dir/a up 50%: 2M of 4M"
}

test_output_that_breaks_before_the_last_event_was_told_is_no_success() {
	mounted a
	mkfifo "$dir/pipe"
	for count in "-n 1" --once ""; do
		exec 9<>"$dir/pipe"
		# shellcheck disable=SC2086
		tool watch $count "$dir/a" 50% >"$dir/pipe" 2>"$dir/err" 9>&- &
		begun $!
		exec 9>&-
		ended
		case $count in
		"") expect 0 "" ;;
		*) expect 141 "" ;;
		esac
	done
	tmpfswarn watch -n 1 "$dir/a" 50% >/dev/full 2>"$dir/err"
	status=$?
	expect 1 "standard output: No space left on device"
}

# ---- signals ----

both_a_signal_before_all_was_told_is_what_watch_dies_of() {
	mounted a
	for count in "-n 1" --once ""; do
		for signal in TERM:143 HUP:129; do
			# shellcheck disable=SC2086
			watch $count "$dir/a" 50%
			kill "-${signal%:*}" "$pid"
			ended
			expect "${signal#*:}" ""
		done
	done
}

test_after_a_signal_a_shell_does_not_go_on_as_if_the_level_were_reached() {
	mounted a
	timeout 1 tmpfswarn watch -n 1 "$dir/a" 50% >"$dir/out" 2>"$dir/err" && fail "acted"
	# what sh starts in the background ignores SIGINT
	(
		until_true levels_on a 1
		kill -INT "$(pidof tmpfswarn)"
	) &
	tmpfswarn watch --once "$dir/a" 50% >"$dir/out" 2>"$dir/err"
	is INT $? 130
	(
		until_true levels_on a 1
		kill -QUIT "$(pidof tmpfswarn)"
	) &
	tmpfswarn watch --once "$dir/a" 50% >"$dir/out" 2>"$dir/err"
	is QUIT $? 131
}

test_as_the_init_process_of_a_container_watch_ends_on_a_signal_too() {
	mounted a
	unshare -p -f tmpfswarn watch -n 1 "$dir/a" 50% >"$dir/out" 2>"$dir/err" </dev/null &
	begun $!
	kill "$(pidof tmpfswarn)"
	ended
	expect 143 ""
}

# ---- streams of commands ----

both_a_command_reads_nothing_of_what_watch_was_given() {
	mounted a
	printf 'one\ntwo\n' >"$dir/list"
	(
		(tool watch -n 1 --exec "cat >'$dir/eaten'" "$dir/a" 50% >"$dir/out" 2>"$dir/err")
		cat >"$dir/rest"
	) <"$dir/list" &
	until_true levels_on a 1
	fill a 512
	wait
	is eaten "$(cat "$dir/eaten")" ""
	is rest "$(xargs <"$dir/rest")" "one two"
}

both_what_a_command_prints_is_on_standard_error_and_not_among_the_lines() {
	mounted a
	watch --json -n 1 --exec 'echo printed; echo wrong >&2' "$dir/a" 50%
	fill a 512
	ended
	expect 0
	is errors "$(xargs <"$dir/err")" "printed wrong"
	json
	is lines "$(wc -l <"$dir/out")" 2
}

test_a_command_that_prints_runs_on_where_nobody_takes_it() {
	mounted a
	mkfifo "$dir/pipe"
	for errors in closed broken; do
		rm -f "$dir/ran" "$dir/a/file"
		exec 9<>"$dir/pipe"
		case $errors in
		closed) tool watch -n 1 --exec "echo cleans && echo >'$dir/ran'" "$dir/a" 50% >"$dir/out" 2>&- 9>&- & ;;
		broken) tool watch -n 1 --exec "echo cleans && echo >'$dir/ran'" "$dir/a" 50% >"$dir/pipe" 2>&1 9>&- & ;;
		esac
		begun $!
		exec 9>&-
		fill a 512
		ended
		[ -e "$dir/ran" ] || fail "$errors: not run"
	done
}

# ---- the time of commands ----

# in a command: a shell and its child, whose numbers are in $dir/started
hang() {
	echo "$1; sleep 1000 & echo \$\$ \$! | tr ' ' '\n' >>'$dir/started'; wait"
}

both_a_command_that_takes_too_long_is_ended_with_all_that_it_has_started() {
	mounted a
	watch -n 1 --exec-timeout 3 --exec "$(hang :)" "$dir/a" 50%
	fill a 512
	ended
	expect 0 "$dir/a up 50%: command ended, not done after 3 seconds"
	gone "$dir/started" || fail "left behind"
}

test_a_command_that_does_not_end_on_SIGTERM_is_killed() {
	mounted a
	# all of it ignores the signal, or only what the shell has started
	for ignores in "trap '' TERM" "(trap '' TERM; exec sleep 2000) & echo \$! >>'$dir/started'"; do
		rm -f "$dir/started" "$dir/a/file"
		watch --rising -n 1 --exec-timeout 3 --exec "$(hang "$ignores")" "$dir/a" 50%
		fill a 512
		ended
		expect 0
		is errors "$(cat "$dir/err")" "tmpfswarn: $dir/a up 50%: command ended, not done after 3 seconds
tmpfswarn: $dir/a up 50%: command killed, not ended by SIGTERM"
		gone "$dir/started" || fail "left behind"
	done
}

test_a_command_that_has_been_stopped_is_ended_too() {
	mounted a
	watch -n 1 --exec-timeout 3 --exec "echo \$\$ >'$dir/started'; kill -STOP \$\$" "$dir/a" 50%
	fill a 512
	ended
	expect 0 "$dir/a up 50%: command ended, not done after 3 seconds"
	gone "$dir/started" || fail "left behind"
}

both_at_the_timeout_no_command_is_left_behind() {
	mounted a
	watch --timeout 5 --exec "$(hang :)" "$dir/a" 50%
	fill a 512
	until_true test -s "$dir/started"
	: >"$dir/a/file"
	ended
	expect 2
	is errors "$(tr '\n' '|' <"$dir/err")" \
		"tmpfswarn: $dir/a down 50%: command not run|tmpfswarn: $dir/a up 50%: command ended before it was done|"
	gone "$dir/started" || fail "left behind"
}

test_at_the_timeout_a_command_that_ends_soon_is_waited_for() {
	mounted a
	watch --timeout 5 --exec "sleep 6; echo >'$dir/ran'" "$dir/a" 50%
	fill a 512
	ended
	expect 2 ""
	[ -e "$dir/ran" ] || fail "not run"
}

test_the_timeout_holds_though_all_has_been_told() {
	mounted a
	watch -n 1 --timeout 5 --exec "$(hang :)" "$dir/a" 50%
	fill a 512
	ended
	expect 2 "$dir/a up 50%: command ended before it was done"
	gone "$dir/started" || fail "left behind"
}

both_a_signal_ends_the_command_that_runs() {
	mounted a
	for count in "-n 1" ""; do
		rm -f "$dir/started" "$dir/a/file"
		# shellcheck disable=SC2086
		watch --rising $count --exec "$(hang :)" "$dir/a" 50%
		fill a 512
		until_true test -s "$dir/started"
		kill "$pid"
		ended
		expect 143 "$dir/a up 50%: command ended before it was done"
		gone "$dir/started" || fail "left behind"
	done
}

test_a_second_signal_does_not_wait_for_a_command() {
	mounted a
	watch -n 1 --exec "trap '' TERM; echo \$\$ >'$dir/started'; while :; do sleep 1; done" "$dir/a" 50%
	fill a 512
	until_true test -s "$dir/started"
	kill "$pid"
	until_lines "$dir/err" 1 "ended before"
	kill "$pid"
	ended
	is status "$status" 143
	until_true gone "$dir/started"
	is errors "$(lines "$dir/err" "not ended by SIGTERM")" 0
}

test_what_a_command_leaves_in_the_background_goes_on() {
	mounted a
	watch -n 2 --exec-timeout 2 --exec "sleep 1000 & echo \$! >>'$dir/started'" "$dir/a" 50%
	fill a 512
	until_true test -s "$dir/started"
	: >"$dir/a/file"
	ended
	expect 0 ""
	while read -r left; do
		! is_over "$left" || fail "$left has ended"
		kill "$left"
	done <"$dir/started"
}

test_without_a_bound_a_command_runs_as_long_as_it_likes() {
	mounted a
	watch -n 1 --exec-timeout 0 --exec "sleep 2; echo >'$dir/ran'" "$dir/a" 50%
	fill a 512
	ended
	expect 0 ""
	[ -e "$dir/ran" ] || fail "not run"
}

# ---- queues ----

both_a_command_that_hangs_keeps_none_of_another_path_from_running() {
	mounted a
	mounted b
	watch --exec "echo \$TMPFSWARN_PATH >>'$dir/ran'; [ \$TMPFSWARN_PATH = '$dir/b' ] || sleep 1000" \
		"$dir/a" 50% "$dir/b" 50%
	fill a 512
	until_lines "$dir/ran" 1 a
	fill b 512
	until_lines "$dir/ran" 1 b
	kill "$pid"
	ended
}

# sets $command: says what it finds, once a line to descriptor 8 lets it
gated() {
	mkfifo "$dir/gate"
	exec 8<>"$dir/gate"
	command="echo >>'$dir/begun'; read -r go <'$dir/gate'; echo \$TMPFSWARN_DIRECTION \$TMPFSWARN_LEVEL \$TMPFSWARN_CROSSINGS >>'$dir/ran'"
}

both_what_comes_while_a_command_runs_is_one_run_for_each_level_with_the_latest() {
	mounted a
	gated
	watch -n 6 --exec "$command" "$dir/a" 25% 50%
	fill a 300
	until_lines "$dir/begun" 1 ""
	fill a 300 second
	rm "$dir/a/second"
	: >"$dir/a/file"
	fill a 600
	is events "$(events 6)" "up 25% up 50% down 50% down 25% up 25% up 50%"
	is "run while the first runs" "$(wc -l <"$dir/begun")" 1
	for _ in 1 2 3; do
		echo go >&8
	done
	ended
	expect 0 ""
	is ran "$(tr '\n' '|' <"$dir/ran")" "up 25% 1|up 25% 2|up 50% 3|"
}

both_with_latest_what_comes_while_a_command_runs_is_one_run_of_all_levels() {
	mounted a
	gated
	# shellcheck disable=SC2046
	watch -n 40 --latest --exec "$command" "$dir/a" $(seq 40960 40960 1638400)
	fill a 1
	fill a 400 more
	events 40 >/dev/null
	until_lines "$dir/begun" 1 ""
	echo go >&8
	echo go >&8
	ended
	expect 0 ""
	is ran "$(tr '\n' '|' <"$dir/ran")" "up 40960 1|up 1638400 39|"
}

both_of_up_and_down_while_a_command_runs_the_last_is_left() {
	mounted a
	gated
	watch -n 3 --exec "$command" "$dir/a" 50%
	fill a 512
	until_lines "$dir/begun" 1 ""
	: >"$dir/a/file"
	fill a 512
	events 3 >/dev/null
	echo go >&8
	echo go >&8
	ended
	expect 0 ""
	is ran "$(tr '\n' '|' <"$dir/ran")" "up 50% 1|up 50% 2|"
}

both_levels_of_one_path_given_twice_are_one_queue() {
	mounted a
	gated
	watch -n 2 --exec "$command" "$dir/a" 25% "$dir/a" 50%
	fill a 512
	events 2 >/dev/null
	until_lines "$dir/begun" 1 ""
	is "run at once" "$(wc -l <"$dir/begun")" 1
	echo go >&8
	echo go >&8
	ended
	is ran "$(sort "$dir/ran" | tr '\n' '|')" "up 25% 1|up 50% 1|"
}

memory_of() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

# cross PAIRS: of crossings of the level of 512 blocks
cross() {
	awk -v pairs="$1" -v file="$dir/a/top" 'BEGIN {
		for (; pairs; pairs--) {
			printf "x" >file
			close(file)
			printf "" >file
			close(file)
		}
	}'
}

both_any_number_of_crossings_takes_no_more_memory_and_is_counted() {
	mounted a
	gated
	pairs=${PAIRS:-10000}
	fill a 511
	tool watch --exec "$command" "$dir/a" 50% >/dev/null 2>"$dir/err" &
	begun $!
	cross 500
	until_lines "$dir/begun" 1 ""
	before=$(memory_of "$pid")
	cross $((pairs - 500))
	is "run meanwhile" "$(wc -l <"$dir/begun")" 1
	after=$(memory_of "$pid")
	[ $((after - before)) -lt 512 ] || fail "from $before to $after kB"
	# the first, and then all else
	total=0
	while [ $total -lt $((2 * pairs)) ]; do
		runs=$(lines "$dir/ran" .)
		echo go >&8
		until_lines "$dir/ran" $((${runs:-0} + 1)) .
		total=$(awk '{ n += $3 } END { print n }' "$dir/ran")
	done
	is crossings "$total" $((2 * pairs))
	is "way of the last" "$(tail -n 1 "$dir/ran" | cut -d ' ' -f 1)" down
	kill "$pid"
	ended
}

test_a_command_that_cannot_be_started_now_is_started_later() {
	mounted a
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
	echo +pids >"$dir/cgroup/cgroup.subtree_control" 2>/dev/null || skip "a kernel without the controller of pids"
	mkdir "$dir/cgroup/tight"
	watch -n 1 --exec "echo >'$dir/ran'" "$dir/a" 50%
	echo "$pid" >"$dir/cgroup/tight/cgroup.procs"
	echo 1 >"$dir/cgroup/tight/pids.max"
	fill a 512
	until_lines "$dir/err" 1 "not started"
	echo max >"$dir/cgroup/tight/pids.max"
	ended
	rmdir "$dir/cgroup/tight"
	expect 0 "$dir/a up 50%: command not started: Resource temporarily unavailable"
	[ -e "$dir/ran" ] || fail "not run"
}

# ---- open files ----

test_too_many_open_files_are_named_with_the_remedy() {
	mounted a
	remedy="too many open files: raise the limit, by ulimit -n or by LimitNOFILE= of the unit"
	for limit in 12 9 8 7 6 5; do
		for by in debugfs device; do
			# redirections of the shell itself need more
			sh -c 'ulimit -n $1; shift; exec "$@"' sh $limit \
				tmpfswarn watch --timeout 0 --interface $by "$dir/a" 10% 20% 30% 40% 50% 60% 70% 80% 90% \
				>"$dir/out" 2>"$dir/err" </dev/null
			status=$?
			[ "$by $status" != "device 2" ] || continue
			is "status by $by with $limit" $status 1
			grep -q "$remedy" "$dir/err" || fail "by $by with $limit: $(cat "$dir/err" "$dir/out")"
			is "lines by $by with $limit" "$(wc -l <"$dir/err")" 1
		done
	done
}

suite "$0"
