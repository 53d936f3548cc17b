#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What watch, wait and list say of system calls that a mount refuses: run as root inside a virtual
# machine with the module loaded. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

# full NAME [OPTIONS]: a mount of 4 MiB that has as many bytes as it may
full() {
	mounted "$1" "${2:-size=4m,nr_inodes=4}"
	fill "$1" 1024 full
}

# refuse NAME: a call that is refused for want of a page
refuse() {
	! dd if=/dev/zero of="$dir/$1/more" bs=4096 count=1 2>/dev/null || fail "there is space on $1"
}

# a line that tells of one
told='^[-0-9]* [:0-9]* [^ ]* refused'

# refusals NUMBER: waits for so many lines, and prints what they say, but by whom
refusals() {
	until_lines "$dir/out" "$1" "$told"
	sed -n '2,$s/.* \(refused.*\)/\1/p' "$dir/out" | sed 's/ by [^ ]*\]* uid 0//' | tr '\n' '|'
}

# device_knows TEXT: that, through the device
device_knows() {
	[ "$interface" != device ] || echo "$1"
}

both_each_refused_call_is_a_line_that_says_what_was_short() {
	mounted a size=4m,nr_inodes=4
	watch --rising "$dir/a" 50% inodes:4 refused
	is ready "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); 1 of 4 inodes used (25%); below 50%, inodes:4; refused"
	fill a 1024 full
	is levels "$(events 1)" "up 50%"
	refuse a
	first="refused$(device_knows " for size"): $(device_knows "4K asked for, ")4M of 4M used (100%)|"
	is size "$(refusals 1)" "$first"
	[ "$interface" != device ] || grep -Eq ' refused for size: .* by [^ []+\[[0-9]+\] uid 0$' "$dir/out" || fail "$(cat "$dir/out")"
	mkdir "$dir/a/inode"
	is levels "$(events 2)" "up 50% up inodes:4"
	! mkdir "$dir/a/another" 2>/dev/null || fail "there are inodes"
	case $interface in
	device) second="refused for inodes: 1 asked for, 4 of 4 inodes used (100%)|" ;;
	*) second="refused: 4M of 4M used (100%)|" ;;
	esac
	is inodes "$(refusals 2)" "$first$second"
}

both_wait_ends_at_the_first_refusal_and_not_before() {
	full a
	run wait --timeout 0 "$dir/a" refused
	expect 2 ""
	tool wait "$dir/a" refused >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true grep -q resource=refused "$shown/$(device "$dir/a")/triggers"
	rm "$dir/a/full"
	fill a 1024 full
	is_over "$pid" && fail "the last block is no refusal"
	refuse a
	ended
	expect 0 ""
	is out "$(cat "$dir/out")" ""
}

both_json_says_the_cause_and_how_much_was_asked_for() {
	full a
	watch --json --count 2 "$dir/a" refused 60%
	sh -c "echo \$\$ >'$dir/writer'; exec dd if=/dev/zero of='$dir/a/more' bs=8192 count=1" 2>/dev/null
	until_lines "$dir/out" 1 '"refused","time"'
	rm "$dir/a/full"
	ended
	expect 0 ""
	json
	is ready "$(for key in level resource state; do value 1 ".levels[0].$key"; done | xargs) $(value 1 '.levels[1].state')" "refused refused above"
	is event "$(for key in event level resource direction used size crossings late; do value 2 ".$key"; done | xargs)" \
		"refused refused refused 4194304 4194304 1"
	case $interface in
	device)
		is known "$(for key in cause asked pid uid; do value 2 ".$key"; done | xargs)" "size 8192 $(cat "$dir/writer") 0"
		;;
	*) is known "$(for key in cause asked pid uid comm; do value 2 ".$key"; done | xargs)" "" ;;
	esac
	is "what follows" "$(value 3 .event) $(value 3 .direction)" "crossing down"
}

both_a_command_has_the_refusal_in_its_environment() {
	mounted a size=4m,nr_inodes=1
	# what is left of a crossing is not to be taken for that of a refusal, nor the other way round
	watch --count 3 --exec "env | grep ^TMPFSWARN_ | sort >>'$dir/env'; echo >>'$dir/env'" "$dir/a" inodes:2 refused
	! mkdir "$dir/a/1" 2>/dev/null || fail "there are inodes"
	until_lines "$dir/env" 1 '^$'
	mount -o remount,nr_inodes=2 "$dir/a"
	mkdir "$dir/a/1"
	until_lines "$dir/env" 2 '^$'
	! mkdir "$dir/a/2" 2>/dev/null || fail "there are inodes"
	ended
	expect 0
	for key in RESOURCE LEVEL DIRECTION CAUSE ASKED SIZE; do
		sed -n "s/^TMPFSWARN_$key=//p" "$dir/env" | xargs
	done >"$dir/values"
	case $interface in
	device) known="inodes inodes|1 1|1 2 2|" ;;
	*) known="||4194304 2 4194304|" ;;
	esac
	is environment "$(tr '\n' '|' <"$dir/values")" \
		"refused inodes refused|refused inodes:2 refused|up|$known"
}

both_refusals_that_are_read_late_become_one_line() {
	full a
	watch "$dir/a" refused
	kill -STOP "$pid"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do refuse a; done
	kill -CONT "$pid"
	until_lines "$dir/out" 1 '; the last of [0-9]* refusals$'
	# of the device the first seven are lines of their own
	is number "$(sed -n 's/.* refused.*; the last of \([0-9]*\) refusals$/\1/p; s/.* refused.* uid 0$/1/p' "$dir/out" | awk '{ sum += $1 } END { print sum }')" 12
}

both_list_has_a_column_of_what_was_refused_where_any_was() {
	full a
	mounted b
	refuse a
	run list
	is header "$(sed -n 1p "$dir/out" | xargs)" "DEVICE SIZE USED USE% INODES IUSE% LEVELS MOUNTED ON"
	watch "$dir/a" refused
	refuse a
	refuse a
	run list
	is header "$(sed -n 1p "$dir/out" | xargs)" "DEVICE SIZE USED USE% INODES IUSE% REFUSED LEVELS MOUNTED ON"
	is row "$(awk -v at="$dir/a" '$NF == at { print $7, $8 }' "$dir/out")" "2 refused"
	is another "$(awk -v at="$dir/b" '$NF == at { print $7, $8 }' "$dir/out")" "0 -"
	run list --json
	json
	for name in a b; do
		awk -v at="$dir/$name" '$3 == at && $2 ~ /mountpoints/ { sub(/\.mountpoints.*/, "", $2); print $2 }' "$dir/json"
	done >"$dir/objects"
	o=$(head -n 1 "$dir/objects")
	is json "$(value 1 "$o.refused") $(for key in resource level blocks direction state fired; do value 1 "$o.levels[0].$key"; done | xargs)" \
		"2 refused refused null - on 2"
	is "another in json" "$(value 1 "$(tail -n 1 "$dir/objects").refused")" 0
	is sentinels "$(grep -c 'level.*-1' "$dir/json")" 0
}

test_who_is_told_of_no_mounts_does_not_know_how_much_was_refused() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	full a
	watch "$dir/a" refused
	refuse a
	as_user nobody list --json
	expect 0 ""
	json
	o=$(awk -v at="$dir/a" '$3 == at && $2 ~ /mountpoints/ { sub(/\.mountpoints.*/, "", $2); print $2 }' "$dir/json")
	is json "$(value 1 "$o.used") $(value 1 "$o.refused")" "4194304 null"
}

both_the_end_of_the_mount_is_no_refusal() {
	for options in size=4m,nr_inodes=4 size=4m,nr_inodes=0 size=0,nr_inodes=4; do
		mounted a "$options"
		watch "$dir/a" refused
		umount "$dir/a" || fail "busy"
		ended
		expect 3 "$dir/a: unmounted"
		is events "$(sed 1d "$dir/out")" ""
	done
}

both_what_was_refused_before_the_end_is_told() {
	full a
	watch "$dir/a" refused
	kill -STOP "$pid"
	refuse a
	umount "$dir/a" || fail "busy"
	kill -CONT "$pid"
	ended
	expect 3 "$dir/a: unmounted"
	is events "$(lines "$dir/out" "$told")" 1
}

both_a_remount_that_takes_a_limit_away_ends_nothing() {
	for limit in size nr_inodes; do
		full a size=4m,nr_inodes=2
		watch "$dir/a" refused
		mount -o "remount,$limit=0" "$dir/a"
		# the other one is left
		! dd if=/dev/zero of="$dir/a/more" bs=4096 count=1 2>/dev/null || fail "there are both"
		until_lines "$dir/out" 1 "$told"
		umount "$dir/a" || fail "busy"
		ended
		expect 3 "$dir/a: unmounted"
		is events "$(lines "$dir/out" "$told")" 1
	done
}

both_without_any_limit_the_device_alone_watches_for_refusals() {
	mounted a size=0,nr_inodes=0
	run watch --timeout 0 "$dir/a" refused
	case $interface in
	device)
		expect 2 ""
		is ready "$(cat "$dir/out")" "watching $dir/a: refused"
		;;
	*) expect 1 "$dir/a: mounted with size=0, which the kernel keeps no count of: mount it with a size" ;;
	esac
}

both_once_tells_of_the_first_and_ends() {
	full a
	watch --once "$dir/a" refused
	refuse a
	ended
	expect 0 ""
	is events "$(lines "$dir/out" "$told")" 1
}

suite "$0"
