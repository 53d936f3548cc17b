#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tmpfswarn metrics, and Metrics= of the service: run as run.sh is, with the module loaded. Prints
# TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

# shellcheck disable=SC2016	# for awk
read_metrics='
	/^# HELP / { help[$3]++; next }
	/^# TYPE / { if (!help[$3]) wrong("type without help"); type[$3] = $4; last = $3; next }
	{
		name = $1
		sub(/[{].*/, "", name)
		if (name != last || !type[name]) wrong("not below its type")
		if ((type[name] == "counter") != (name ~ /_total$/)) wrong("not a name of a " type[name])
		if ($0 !~ /^[a-z_]+([{]([a-z]+="([^"\\]|\\["\\n])*",?)+[}])? [0-9]+$/) wrong("no line of the format")
		series = $0
		sub(/ [0-9]+$/, "", series)
		if (seen[series]++) wrong("twice")
	}
	function wrong(why) { print why ": " $0; bad = 1 }
	END { exit bad }'

# metrics: what the command prints, in the format, in $dir/out
metrics() {
	run_metrics
	[ "$status" = 0 ] || fail "exit status $status: $(cat "$dir/err")"
	valid "$dir/out"
}

run_metrics() {
	timeout -s KILL "$patience" tmpfswarn metrics ${interface:+--interface "$interface"} \
		>"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

valid() {
	awk "$read_metrics" "$1" >"$dir/wrong" || fail "$(cat "$dir/wrong")"
}

# metric NAME [LABELS]: its value, nothing if there is none
metric() {
	labels=
	[ -z "${2:-}" ] || labels="{$2}"
	series="tmpfswarn_$1$labels " awk 'index($0, ENVIRON["series"]) == 1 {
		print substr($0, length(ENVIRON["series"]) + 1) }' "${3:-$dir/out}"
}

# of NAME [DIRECTORY]: the value for that mount
of() {
	metric "$1" "device=\"$number\",mountpoint=\"$dir/${2:-a}\""
}

conf() {
	printf '%s\n' "$@" >"$dir/conf"
}

serve() {
	(umask 077; exec tmpfswarn run ${interface:+--interface "$interface"} --config "$dir/conf") \
		>"$dir/served" 2>>"$dir/said" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
}

# the module as it is for all tests
restore() {
	[ -n "$(device "$debugfs")" ] || mount -t debugfs debugfs "$debugfs"
	[ -e /sys/module/tmpfswarn ] || module_load
}

# peak_begins NAME: the most that is used of the mount, called $number, is kept from now on
peak_begins() {
	number=$(device "$dir/$1")
	until_true test -e "$shown/$number/memory.max_usage_in_bytes"
	echo 0 >"$shown/$number/memory.max_usage_in_bytes"
}

both_figures_are_those_of_statvfs() {
	mounted a size=4m,nr_inodes=100
	fill a 256
	number=$(device "$dir/a")
	metrics
	expect 0 ""
	# shellcheck disable=SC2046
	set -- $(stat -f -c '%S %b %f %c %d' "$dir/a")
	is size "$(of size_bytes)" $(($1 * $2))
	is used "$(of used_bytes)" $(($1 * ($2 - $3)))
	is "used in blocks" "$(of used_bytes)" 1048576
	is inodes "$(of inodes)" "$4"
	is "inodes used" "$(of inodes_used)" $(($4 - $5))
	is refusals "$(of refusals_total)" 0
	is peak "$(of peak_bytes)" ''
}

test_what_has_no_limit_has_no_figures_of_it() {
	mounted a size=0,nr_inodes=100
	mounted b size=4m,nr_inodes=0
	number=$(device "$dir/a")
	metrics
	is size "$(of size_bytes)$(of used_bytes)" ''
	is inodes "$(of inodes)" 100
	number=$(device "$dir/b")
	is size "$(of size_bytes b)" 4194304
	is inodes "$(of inodes b)$(of inodes_used b)" ''
}

both_crossings_are_told_by_level_and_direction() {
	mounted a
	number=$(device "$dir/a")
	watch "$dir/a" 50% 1M inodes:90%
	fill a 600
	rm "$dir/a/file"
	fill a 300
	events 5 >"$dir/events"
	metrics
	of=device=\"$number\",mountpoint=\"$dir/a\"
	is 50% "$(metric crossings_total "$of,level=\"50%\",direction=\"both\"")" 2
	is 1M "$(metric crossings_total "$of,level=\"1048576\",direction=\"both\"")" 3
	is inodes "$(metric crossings_total "$of,level=\"inodes:90%\",direction=\"both\"")" 0
	is armed "$(metric hook_armed)" 1
	is missed "$(metric hook_missed_total)" "$(sed -n 's/^missed //p' $shown/stats)"
	is hidden "$(metric hidden_mounts)" 0
	kill $pid
	ended
	until_true grep -qx 'armed 0' $shown/stats
	metrics
	is armed "$(metric hook_armed)" 0
	is crossings "$(grep -c crossings_total "$dir/out")" 0
}

test_levels_alike_are_one_series() {
	mounted a
	number=$(device "$dir/a")
	watch "$dir/a" 50% --rising
	fill a 600
	events 1 >"$dir/events"
	tmpfswarn watch "$dir/a" 50% --rising >"$dir/second" 2>&1 &
	echo $! >>"$dir/pids"
	until_lines "$dir/second" 1 '^watching'
	metrics
	is crossings "$(metric crossings_total "device=\"$number\",mountpoint=\"$dir/a\",level=\"50%\",direction=\"rising\"")" 1
}

both_refusals_and_the_peak_are_there_once_asked_for() {
	mounted a
	watch "$dir/a" refused
	peak_begins a
	fill a 500
	rm "$dir/a/file"
	! dd if=/dev/zero of="$dir/a/file" bs=4096 count=1100 2>/dev/null || fail "not full"
	rm "$dir/a/file"
	fill a 10
	metrics
	is refusals "$(of refusals_total)" "$(cat "$shown/$number/refused")"
	[ "$(of refusals_total)" -ge 1 ] || fail "none refused"
	is peak "$(of peak_bytes)" "$(cat "$shown/$number/memory.max_usage_in_bytes")"
	is peak "$(of peak_bytes)" 4194304
	is used "$(of used_bytes)" 40960
}

test_names_are_escaped() {
	strange=$(printf 'a b "c" \\d\ne\377f')
	mounted "$strange"
	metrics
	grep -F "mountpoint=\"$dir/a b \\\"c\\\" \\\\d\\ne\\\\xfff\"} 4194304" "$dir/out" || fail "$(cat "$dir/out")"
	umount "$dir/$strange"
}

test_a_mount_is_a_series_where_it_is_seen_and_not_where_it_is_covered() {
	mounted a
	mkdir "$dir/b"
	mount --bind "$dir/a" "$dir/b"
	number=$(device "$dir/a")
	metrics
	is "at a" "$(of size_bytes)" 4194304
	is "at b" "$(of size_bytes b)" 4194304
	mount -t tmpfs -o size=8m over "$dir/a"
	metrics
	is "under another" "$(of size_bytes)" ''
	is "at b still" "$(of size_bytes b)" 4194304
	number=$(device "$dir/a")
	is "over it" "$(of size_bytes)" 8388608
}

test_a_part_of_a_mount_is_a_series_only_where_all_of_it_is_nowhere() {
	mounted a
	mkdir "$dir/a/part" "$dir/b"
	mount --bind "$dir/a/part" "$dir/b"
	number=$(device "$dir/a")
	metrics
	is "all of it" "$(of size_bytes)" 4194304
	is "a part" "$(of size_bytes b)" ''
	umount "$dir/a"
	metrics
	is "a part alone" "$(of size_bytes b)" 4194304
}

test_an_ordinary_user_has_what_statvfs_and_the_device_tell() {
	has_user nobody 65534
	chmod 755 "$work" "$dir"
	mounted a size=4m,mode=777
	mounted b
	number=$(device "$dir/a")
	(by_user nobody tmpfswarn watch "$dir/a" 50% >"$dir/watched" 2>&1 </dev/null) &
	echo $! >>"$dir/pids"
	until_lines "$dir/watched" 1 '^watching'
	tmpfswarn watch "$dir/a" 60% >"$dir/own" 2>&1 </dev/null &
	echo $! >>"$dir/pids"
	until_lines "$dir/own" 1 '^watching'
	fill a 700
	until_lines "$dir/watched" 1 ' up '
	as_user nobody metrics
	expect 0 ""
	valid "$dir/out"
	is size "$(of size_bytes)" 4194304
	is used "$(of used_bytes)" $((700 * 4096))
	is refusals "$(of refusals_total)" ''
	is "his own" "$(metric crossings_total "device=\"$number\",mountpoint=\"$dir/a\",level=\"50%\",direction=\"both\"")" 1
	is "those of root" "$(grep -c 'level="60%"' "$dir/out")" 0
	tmpfswarn metrics >"$dir/out" || fail "status $?"
	is "root's" "$(grep -c '^tmpfswarn_crossings_total.*level="60%"' "$dir/out")" 1
	is "of others" "$(grep -c '^tmpfswarn_crossings_total.*level="50%"' "$dir/out")" 0
	as_user nobody metrics
	is hook "$(metric hook_armed)" ''
	number=$(device "$dir/b")
	is "another one" "$(of size_bytes b)" 4194304
}

test_without_debugfs_all_is_there() {
	mounted a
	peak_begins a
	fill a 100
	umount "$debugfs" || fail "debugfs is busy"
	metrics
	expect 0 ""
	is used "$(of used_bytes)" 409600
	is peak "$(of peak_bytes)" 409600
	is missed "$(metric hook_missed_total)" 0
}

test_without_the_module_there_is_what_statvfs_says() {
	mounted a
	rmmod tmpfswarn || fail "rmmod failed"
	number=$(device "$dir/a")
	metrics
	expect 0 'what the module knows is not known: module not loaded: modprobe tmpfswarn'
	is size "$(of size_bytes)" 4194304
	is "all else" "$(grep -v '^#' "$dir/out" | grep -c 'refusals\|hook\|hidden')" 0
}

test_a_reader_that_does_not_take_it_is_an_error() {
	tmpfswarn metrics >/dev/full 2>"$dir/err"
	is status $? 1
	grep -q 'No space left' "$dir/err" || fail "$(cat "$dir/err")"
}

# ---- Metrics= ----

# in_file NAME LABELS VALUE: it is that there by now
in_file() {
	[ "$(metric "$1" "$2" "$dir/m.prom")" = "$3" ]
}

both_the_service_writes_the_file_at_once_at_crossings_and_removes_it_at_its_end() {
	mounted a
	conf '[Service]' "Metrics=$dir/m.prom" "[$dir/a]" 'Level=50% refused'
	serve
	until_true test -e "$dir/m.prom"
	valid "$dir/m.prom"
	is mode "$(stat -c %a "$dir/m.prom")" 644
	# not when it would be written anyway
	begun=$(cut -d . -f 1 /proc/uptime)
	of=section=\"$dir/a\",mountpoint=\"$dir/a\",level=\"50%\"
	until_true in_file service_crossings_total "$of,direction=\"rising\"" 0
	number=$(device "$dir/a")
	fill a 600
	rm "$dir/a/file"
	fill a 600
	rm "$dir/a/file"
	fill a 600
	until_true in_file service_crossings_total "$of,direction=\"rising\"" 3
	until_true in_file service_crossings_total "$of,direction=\"falling\"" 2
	[ $(($(cut -d . -f 1 /proc/uptime) - begun)) -lt 14 ] || fail "not before its time"
	valid "$dir/m.prom"
	is used "$(metric used_bytes "device=\"$number\",mountpoint=\"$dir/a\"" "$dir/m.prom")" $((600 * 4096))
	is "refusals of the service" "$(grep -c 'service.*refused' "$dir/m.prom")" 0
	kill $pid
	ended
	is status "$status" 0
	! [ -e "$dir/m.prom" ] || fail "left"
	! [ -e "$dir/m.prom.new" ] || fail "left, half written"
}

test_the_file_is_written_again_without_crossings_and_with_nothing_to_watch() {
	conf '[Service]' "Metrics=$dir/m.prom"
	serve
	until_true test -e "$dir/m.prom"
	mounted a
	number=$(device "$dir/a")
	until_true in_file size_bytes "device=\"$number\",mountpoint=\"$dir/a\"" 4194304
}

test_a_file_that_the_service_has_not_written_stays() {
	mounted b
	echo another >"$dir/b/m.prom"
	mount -o remount,ro "$dir/b"
	conf '[Service]' "Metrics=$dir/b/m.prom"
	serve
	until_lines "$dir/said" 1 "Metrics=$dir/b/m.prom: Read-only file system"
	mount -o remount,rw "$dir/b"
	kill -TERM $pid
	ended
	is file "$(cat "$dir/b/m.prom")" another
}

test_a_file_that_cannot_be_written_is_said_once_and_tried_again() {
	mounted a
	conf '[Service]' "Metrics=$dir/none/m.prom" "[$dir/a]" Level=50%
	serve
	until_lines "$dir/said" 1 "Metrics=$dir/none/m.prom: No such file or directory; trying again every 15 seconds"
	fill a 600
	until_lines "$dir/said" 1 ' up 50%'
	sleep 2
	is said "$(lines "$dir/said" 'Metrics=')" 1
	mkdir "$dir/none"
	rm "$dir/a/file"
	until_true test -e "$dir/none/m.prom"
	until_lines "$dir/said" 1 "Metrics=$dir/none/m.prom: written again"
}

test_a_full_file_system_keeps_the_file_as_it_was() {
	mounted b size=64k
	conf '[Service]' "Metrics=$dir/b/m.prom"
	echo kept >"$dir/b/m.prom"
	fill b 15
	serve
	until_lines "$dir/said" 1 "Metrics=$dir/b/m.prom: No space left on device"
	is file "$(cat "$dir/b/m.prom")" kept
	! [ -e "$dir/b/m.prom.new" ] || fail "left, half written"
	rm "$dir/b/file"
	until_lines "$dir/said" 1 'written again'
	valid "$dir/b/m.prom"
}

test_a_reload_moves_the_file() {
	conf '[Service]' "Metrics=$dir/m.prom"
	serve
	until_true test -e "$dir/m.prom"
	conf '[Service]' "Metrics=$dir/b.prom"
	kill -HUP $pid
	until_true test -e "$dir/b.prom"
	! [ -e "$dir/m.prom" ] || fail "left"
	conf '[Service]'
	kill -HUP $pid
	until_true test ! -e "$dir/b.prom"
}

# reloads NUMBER: so many, each of which writes the file
reloads() {
	reloaded=0
	: >"$dir/said"
	while [ "$(lines "$dir/said" 'was read again')" -lt "$1" ]; do
		kill -HUP $pid
		usleep 20000
		reloaded=$((reloaded + 1))
		[ $reloaded -lt $((100 * $1)) ] || fail "not read again: $(cat "$dir/said")"
	done
}

resident() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status
}

both_what_is_written_again_and_again_takes_no_memory() {
	mounted a
	peak_begins a
	conf '[Service]' "Metrics=$dir/m.prom" "[$dir/a]" "Level=$(seq 20 69 | sed 's/$/%/' | xargs)"
	serve
	until_true test -e "$dir/m.prom"
	is levels "$(grep -c '^tmpfswarn_crossings_total' "$dir/m.prom")" 50
	reloads 20
	before=$(resident)
	reloads 100
	[ $(($(resident) - before)) -lt 512 ] || fail "$before kB, and then $(resident)"
}

# whoever may write in that directory has left it
test_a_link_in_the_place_of_the_draft_is_not_followed() {
	echo kept >"$dir/precious"
	ln -s precious "$dir/m.prom.new"
	conf '[Service]' "Metrics=$dir/m.prom"
	serve
	until_true test -e "$dir/m.prom"
	is precious "$(cat "$dir/precious")" kept
	! [ -L "$dir/m.prom" ] || fail "a link"
}

suite "$0"
