#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The command against the real module: run as root inside a virtual machine, with tmpfswarn in
# PATH and the module in the file TMPFSWARN_KO. Loads and removes the module, and leaves it as
# it was found. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

: "${TMPFSWARN_KO:?names the module}"

stat_is() {
	[ "$(awk -v key="$1" '$1 == key { print $2 }' "$shown/stats")" = "$2" ]
}

nothing_is_registered() {
	stat_is triggers 0 && stat_is armed 0
}

# ---- without the module ----

test_every_row_of_the_table_of_arguments_does_what_it_says() {
	TMPFSWARN=$(command -v tmpfswarn) "$here/arguments" >"$dir/tap" || fail "$(grep -v '^ok' "$dir/tap")"
}

without_module() {
	! [ -e /sys/module/tmpfswarn ] || rmmod tmpfswarn || fail "rmmod failed"
}

test_without_the_module_list_shows_all_mounts_and_says_why_levels_are_missing() {
	without_module
	mounted a
	fill a 256
	run
	expect 0 "levels not known: module not loaded: modprobe tmpfswarn"
	is row "$(awk -v at="$dir/a" '$NF == at' "$dir/out" | xargs)" \
		"$(device "$dir/a") 4M 1M 25% $(df -i "$dir/a" | awk 'NR == 2 { print $2 }') 0% ? $dir/a"
	run --json
	expect 0 "levels not known: module not loaded: modprobe tmpfswarn"
	json
	is levels "$(value 1 '.mounts[0].levels')" null
}

test_without_the_module_watch_and_wait_say_how_to_load_it() {
	without_module
	mounted a
	run watch "$dir/a" 50%
	expect 1 "module not loaded: modprobe tmpfswarn"
	run wait "$dir/a" 50%
	expect 1 "module not loaded: modprobe tmpfswarn"
}

test_without_the_module_status_says_so_and_fails() {
	without_module
	run status
	expect 1 ""
	grep -qx 'module  *not loaded: modprobe tmpfswarn' "$dir/out" || fail "$(cat "$dir/out")"
	run status --json
	expect 1 ""
	json
	is ok "$(value 1 .ok)" false
	is about "$(value 1 '.problems[0].about')" module
	is remedy "$(value 1 '.problems[0].remedy')" "modprobe tmpfswarn"
}

# ---- what is in the way ----

test_all_well_status_says_which_hook_is_in_use_and_succeeds() {
	module_load
	run status
	expect 0 ""
	for key in module device debugfs lockdown version hook hook_kind armed mounts triggers missed; do
		grep -q "^$key  *[^ ]" "$dir/out" || fail "no $key: $(cat "$dir/out")"
	done
	is module "$(awk '$1 == "module" { print $2 }' "$dir/out")" loaded
	is device "$(awk '$1 == "device" { print $2 }' "$dir/out")" /dev/tmpfswarn
	is debugfs "$(awk '$1 == "debugfs" { print $2 }' "$dir/out")" "$shown"
	run status --json
	expect 0 ""
	json
	is ok "$(value 1 .ok)" true
	is problems "$(grep -c problems "$dir/json")" 0
	is hook "$(value 1 .hook)" "$(awk '$1 == "hook" { print $2 }' "$shown/stats")"
	is missed "$(value 1 .missed)" 0
}

test_status_shows_the_hook_armed_while_somebody_watches() {
	run status --json
	json
	is before "$(value 1 .armed)" 0
	mounted a
	watch "$dir/a" 50%
	run status --json
	json
	is during "$(value 1 .armed)" 1
}

test_without_debugfs_each_goes_through_the_device_or_says_how_to_mount_it() {
	mounted a
	watch "$dir/a" 50%
	umount "$debugfs" || fail "debugfs is busy"
	run wait --timeout 0 "$dir/a" 50%
	waited="$status $(cat "$dir/err")"
	run list --json
	list_status=$status list_error=$(cat "$dir/err")
	mv "$dir/out" "$dir/listed"
	run status
	status_status=$status
	grep '^debugfs ' "$dir/out" >"$dir/unusable"
	kill "$pid"
	interface=debugfs
	run watch "$dir/a" 50%
	watched="$status $(cat "$dir/err")"
	run list
	listed="$status $(cat "$dir/err")"
	run status
	mount -t debugfs debugfs "$debugfs"
	is wait "$waited" "2 "
	is list "$list_status $list_error" "0 "
	json "$dir/listed"
	grep -q "[.]pid $pid\$" "$dir/json" || fail "the level is not listed: $(cat "$dir/listed")"
	is status "$status_status $(xargs <"$dir/unusable")" \
		"0 debugfs unusable (debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug)"
	is "debugfs: watch" "$watched" \
		"1 tmpfswarn: debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug"
	is "debugfs: list" "$listed" \
		"0 tmpfswarn: levels not known: debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug"
	is "debugfs: status" "$status" 1
	grep -qx 'debugfs  *unusable: debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug' "$dir/out" ||
		fail "$(cat "$dir/out")"
}

test_debugfs_is_found_where_else_it_is_mounted() {
	interface=debugfs
	mounted a
	mkdir "$dir/debug"
	umount "$debugfs" || fail "debugfs is busy"
	mount -t debugfs debugfs "$dir/debug"
	run wait "$dir/a" 0
	mount -t debugfs debugfs "$debugfs"
	umount "$dir/debug"
	expect 0 ""
}

test_others_than_root_watch_through_the_device_and_list_their_own_levels() {
	chmod 755 "$work" "$dir"
	has_user user 1000
	mounted a size=4m,mode=777
	watch "$dir/a" 75%
	by_user user tmpfswarn watch --json "$dir/a" 50% >"$dir/user" 2>"$dir/err" </dev/null &
	echo $! >>"$dir/pids"
	until_lines "$dir/user" 1 '"ready"'
	fill a 512
	until_lines "$dir/user" 1 '"crossing"'
	chmod 666 "$dir/a/file"
	(by_user user truncate -s 0 "$dir/a/file") || fail "truncate failed"
	until_lines "$dir/user" 2 '"crossing"'
	json "$dir/user"
	is "what root did" "$(value 2 .direction) $(value 2 .uid)" "up "
	is "what the user did" "$(value 3 .direction) $(value 3 .uid)" "down $(if knows_who; then echo 1000; fi)"
	as_user user list --json
	expect 0 ""
	json
	is levels "$(awk '$2 ~ /levels.*[.]level$/ { print $3 }' "$dir/json")" "50%"
	run --json
	json
	is "levels for root" "$(awk '$2 ~ /levels.*[.]level$/ { print $3 }' "$dir/json" | sort | xargs)" "50% 75%"
	as_user user wait --timeout 0 "$dir/a" 0
	expect 0 ""
	as_user user status
	expect 0 ""
	for key in module device debugfs version hook triggers; do
		grep -q "^$key  *[^ ]" "$dir/out" || fail "no $key: $(cat "$dir/out")"
	done
}

test_through_debugfs_others_than_root_are_told_to_be_root() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	mounted a size=4m,mode=755
	fill a 256
	why="debugfs not permitted: run as root, or with --interface device"
	as_user nobody watch --interface debugfs "$dir/a" 50%
	expect 1 "$why"
	as_user nobody wait --interface debugfs "$dir/a" 50%
	expect 1 "$why"
	as_user nobody list --interface debugfs
	expect 0 "levels not known: $why"
	is row "$(awk -v at="$dir/a" '$NF == at { print $2, $3, $4, $7 }' "$dir/out")" "4M 1M 25% ?"
	as_user nobody status --interface debugfs
	expect 1 ""
	grep -qx "debugfs  *unusable: $why" "$dir/out" || fail "$(cat "$dir/out")"
}

test_a_device_that_cannot_be_opened_is_named_with_the_remedy() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	mounted a
	chmod 600 /dev/tmpfswarn
	as_user nobody watch "$dir/a" 50%
	chmod 666 /dev/tmpfswarn
	expect 1 "/dev/tmpfswarn: not permitted: see its mode and group, or run as root"
	mv /dev/tmpfswarn /dev/elsewhere
	run watch --timeout 0 "$dir/a" 50%
	auto="$status $(cat "$dir/err")"
	run watch --interface device "$dir/a" 50%
	mv /dev/elsewhere /dev/tmpfswarn
	is "by debugfs" "$auto" "2 "
	expect 1 "no /dev/tmpfswarn here: have it passed to this container, as by docker run --device /dev/tmpfswarn"
}

test_what_is_made_of_the_same_code_but_no_tmpfs_is_refused_by_name() {
	run watch /dev 50%
	expect 1 "/dev: devtmpfs, which the kernel fills itself, not tmpfs"
	run watch /sys/kernel 50%
	expect 1 "/sys/kernel: sysfs, not tmpfs"
}

both_a_mount_without_size_is_refused_with_the_reason() {
	mounted a size=0
	run watch "$dir/a" 1m
	expect 1 "$dir/a: mounted with size=0, which the kernel keeps no count of: mount it with a size"
	run wait "$dir/a" 1m
	expect 1 "$dir/a: mounted with size=0, which the kernel keeps no count of: mount it with a size"
	run
	is row "$(awk -v at="$dir/a" '$NF == at { print $2, $3, $4 }' "$dir/out")" "- - -"
}

both_a_level_that_no_size_reaches_is_refused_with_the_reason() {
	mounted a
	run watch "$dir/a" 50% 18446744073709551616
	expect 1 "$dir/a: level 18446744073709551616 refused: no size reaches it"
	run watch --hysteresis 18446744073709551616 "$dir/a" 50%
	expect 1 "$dir/a: level 50% with hysteresis 18446744073709551616 refused: no size reaches it"
}

test_too_many_levels_are_refused_with_the_remedy() {
	module_reload max_mount_triggers=3
	mounted a
	for interface in device debugfs; do
		until_true nothing_is_registered
		run watch --timeout 0 "$dir/a" 10% 20%
		expect 2 ""
		until_true nothing_is_registered
		run watch "$dir/a" 10% 20% 30% 40%
		echo "$status $(cat "$dir/err")" >"$dir/$interface"
	done
	until_true nothing_is_registered
	module_reload
	is device "$(cat "$dir/device")" "1 tmpfswarn: $dir/a: too many triggers: have max_user_triggers raised in /sys/module/tmpfswarn/parameters, or max_mount_triggers, max_triggers or max_mounts by an options line in /etc/modprobe.d, from the next boot on"
	is debugfs "$(cat "$dir/debugfs")" "1 tmpfswarn: $dir/a: too many triggers: have max_mount_triggers or max_triggers raised by an options line in /etc/modprobe.d, from the next boot on"
}

test_a_mount_that_the_module_does_not_show_is_refused_and_status_says_why() {
	module_reload max_mounts=0
	mkfifo "$dir/fifo"
	mkdir "$dir/b"
	unshare -U -r -m sh -c "mount -t tmpfs tool '$dir/b' && echo ready >'$dir/there' && read -r line <'$dir/fifo'" &
	until_true test -e "$dir/there"
	there=/proc/$!/root$dir/b
	number=$(stat -c %d "$there")
	device=0:$((number & 255 | number >> 12 & 0xfff00))
	run watch --interface debugfs "$there" 10%
	watched="$status $(cat "$dir/err")"
	run status
	echo "done" >"$dir/fifo"
	module_reload
	expect 1 ""
	is watch "$watched" \
		"1 tmpfswarn: $there: not shown by the module ($device): see mounts_hidden in tmpfswarn status"
	grep -q '^mounts_hidden  *[1-9][0-9]*: over the limit of their user (raise max_mounts by an options line in /etc/modprobe.d, from the next boot on), or out of memory (see dmesg)$' "$dir/out" ||
		fail "$(cat "$dir/out")"
}

# ---- list ----

both_list_has_the_figures_of_statvfs_and_everybodys_levels() {
	mounted a size=4m,nr_inodes=100
	fill a 250
	watch "$dir/a" 50% 3M low 80%
	run list --json
	expect 0 ""
	json
	n=$(awk -v device="$(device "$dir/a")" '$3 == device { sub(/[.]device/, "", $2); print $2 }' "$dir/json")
	is mountpoint "$(value 1 "$n.mountpoints[0]")" "$dir/a"
	is size "$(value 1 "$n.size")" 4194304
	is used "$(value 1 "$n.used")" 1024000
	is free "$(value 1 "$n.free")" 3170304
	is inodes "$(value 1 "$n.inodes") $(value 1 "$n.inodes_used") $(value 1 "$n.inodes_free")" "100 2 98"
	is levels "$(for i in 0 1 2 3 4; do value 1 "$n.levels[$i].level"; done | xargs)" "50% 3145728 low 80%"
	is first "$(for key in resource blocks direction hyst once state fired pid comm; do value 1 "$n.levels[0].$key"; done | xargs)" \
		"used_bytes 512 both 0 false below 0 $pid tmpfswarn"
	run list
	is row "$(awk -v at="$dir/a" '$NF == at' "$dir/out" | xargs)" \
		"$(device "$dir/a") 4M 1000K 24.4% 100 2% 50%,3M,low,80% $dir/a"
}

test_list_shows_one_row_for_each_mount_with_all_its_mount_points() {
	mounted a
	mkdir "$dir/again" "$dir/sub"
	mount --bind "$dir/a" "$dir/again"
	run
	is "rows" "$(grep -c "^$(device "$dir/a") " "$dir/out")" 1
	grep -A 1 "^$(device "$dir/a") " "$dir/out" >"$dir/both"
	is "mount points" "$(awk '{ print $NF }' "$dir/both" | xargs)" "$dir/a $dir/again"
	run --json
	json
	n=$(awk -v device="$(device "$dir/a")" '$3 == device { sub(/[.]device/, "", $2); print $2 }' "$dir/json")
	is "mount points" "$(value 1 "$n.mountpoints[0]") $(value 1 "$n.mountpoints[1]")" "$dir/a $dir/again"
}

test_list_shows_a_mount_that_another_covers() {
	mounted a
	fill a 512
	covered=$(device "$dir/a")
	mounted a size=8m
	run
	is covered "$(awk -v device="$covered" '$1 == device { print $2, $3 }' "$dir/out")" "4M 2M"
	is covering "$(awk -v device="$(device "$dir/a")" '$1 == device { print $2, $3 }' "$dir/out")" "8M 0"
}

test_list_shows_a_mount_that_only_another_namespace_has() {
	mkdir "$dir/a"
	mkfifo "$dir/fifo"
	unshare -m sh -c "mount -t tmpfs -o size=12m tool '$dir/a' && echo ready >'$dir/there' && read -r line <'$dir/fifo'" &
	until_true test -s "$dir/there"
	hidden_is_listed() {
		run
		grep -q " 12M .* /proc/[0-9]*/root$dir/a (sh)\$" "$dir/out"
	}
	until_true hidden_is_listed
	echo go >"$dir/fifo"
	wait
}

test_list_does_not_let_the_name_of_a_mount_forge_a_row() {
	name="a b
x:y forged"
	mounted "$name"
	run
	is rows "$(grep -c '^x:y forged' "$dir/out")" 0
	grep -q "$dir/a b?x:y forged\$" "$dir/out" || fail "$(cat "$dir/out")"
	run --json
	json
	grep -q "$dir/a b\\\\nx:y forged\$" "$dir/json" || fail "$(cat "$dir/json")"
}

test_list_makes_json_of_a_name_that_is_no_text() {
	mounted "$(printf 'x\377y')"
	run --json
	json
	grep -q "$dir/x?y\$" "$dir/json" || fail "$(cat "$dir/json")"
}

# ---- watch ----

both_watch_tells_up_at_the_block_that_reaches_the_level_and_down_at_the_one_below() {
	mounted a
	watch "$dir/a" 50%
	is ready "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); below 50%"
	fill a 511 most
	fill a 1 last
	is first "$(events 1)" "up 50%"
	rm "$dir/a/last"
	is both "$(events 2)" "up 50% down 50%"
	is lines "$(sed 's/^[-0-9]* [:0-9]* //; s/ by .*//' "$dir/out" | tail -n 2 | tr '\n' '|')" \
		"$dir/a up 50%: 2M of 4M used (50%)|$dir/a down 50%: 1.9M of 4M used (49.9%)|"
	head -n 2 "$dir/out" | tail -n 1 | grep -Eq '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} ' ||
		fail "no time: $(cat "$dir/out")"
}

both_watch_tells_nothing_below_the_level() {
	mounted a
	watch "$dir/a" 50% 100%
	fill a 511 most
	rm "$dir/a/most"
	fill a 1024 all
	is events "$(events 2)" "up 50% up 100%"
}

both_watch_tells_of_several_levels_of_several_paths() {
	mounted a
	mounted b size=8m
	watch "$dir/a" 25% 2M low 90% "$dir/b" 1Mi 100%
	is ready "$(tr '\n' '|' <"$dir/out")" \
		"watching $dir/a: 0 of 4M used (0%); below 25%, 2M, low, 90%|watching $dir/b: 0 of 8M used (0%); below 1Mi, 100%|"
	fill a 256
	events 1 >/dev/null
	fill b 256
	events 2 >/dev/null
	fill a 256 second
	events 3 >/dev/null
	fill a 103 third
	is events "$(events 4)" "up 25% up 1Mi up 2M up low"
	is paths "$(sed -n 's/.* \([^ ]*\) up .*/\1/p' "$dir/out" | sed 's/.*\///' | xargs)" "a b a a"
}

both_watch_tells_levels_passed_at_once_in_the_order_in_which_usage_passed_them() {
	mounted a
	watch "$dir/a" 75% 25% 50%
	dd if=/dev/zero of="$dir/a/file" bs=4M count=1 2>/dev/null
	is up "$(events 3)" "up 25% up 50% up 75%"
	: >"$dir/a/file"
	is all "$(events 6)" "up 25% up 50% up 75% down 75% down 50% down 25%"
}

both_any_path_on_the_mount_names_it() {
	mounted a
	mkdir -p "$dir/a/sub" "$dir/bound"
	fill a 1 sub/file
	ln -s a/sub "$dir/link"
	mount --bind "$dir/a/sub" "$dir/bound"
	cd "$dir/a" || fail "cd"
	tool watch --count 4 --timeout "$patience" "$dir/a/sub/file" 50% "$dir/bound" 50% "$dir/link" 50% . 50% \
		>"$dir/out" 2>"$dir/err" &
	pid=$!
	cd / || fail "cd"
	echo "$pid" >>"$dir/pids"
	until_lines "$dir/out" 4 '^watching '
	fill a 512
	ended
	expect 0 ""
	is events "$(events 4)" "up 50% up 50% up 50% up 50%"
}

test_a_file_named_like_a_level_is_a_path_with_a_slash() {
	mounted a
	: >"$dir/a/80%"
	cd "$dir/a" || fail "cd"
	tmpfswarn watch --timeout 0 ./80% 50% >"$dir/out" 2>"$dir/err"
	status=$?
	cd / || fail "cd"
	expect 2 ""
	is ready "$(cat "$dir/out")" "watching ./80% (on $dir/a): 0 of 4M used (0%); below 50%"
}

both_watch_says_at_the_start_which_levels_are_past() {
	mounted a
	fill a 600
	watch "$dir/a" 50% 90% 1M
	is ready "$(cat "$dir/out")" "watching $dir/a: 2.3M of 4M used (58.5%); above 50%, 1M; below 90%"
	: >"$dir/a/file"
	is events "$(events 2)" "down 50% down 1M"
	kill "$pid"
	ended
	fill a 600
	for direction in rising falling; do
		run watch "--$direction" --timeout 0 "$dir/a" 50% 90% 1M
		expect 2 ""
		is "$direction" "$(cat "$dir/out")" "watching $dir/a: 2.3M of 4M used (58.5%); above 50%, 1M; below 90%"
	done
}

both_a_percentage_follows_a_remount() {
	mounted a
	fill a 300
	watch "$dir/a" 50%
	mount -o remount,size=2m "$dir/a"
	is shrunk "$(events 1)" "up 50%"
	mount -o remount,size=8m "$dir/a"
	is grown "$(events 2)" "up 50% down 50%"
}

both_rising_tells_up_alone() {
	mounted a
	watch --rising --count 2 "$dir/a" 50%
	fill a 512
	events 1 >/dev/null
	: >"$dir/a/file"
	fill a 512
	ended
	expect 0 ""
	is events "$(events 2)" "up 50% up 50%"
}

both_falling_tells_down_alone() {
	mounted a
	watch --falling --count 2 "$dir/a" 50%
	fill a 512
	: >"$dir/a/file"
	events 1 >/dev/null
	fill a 512
	: >"$dir/a/file"
	ended
	expect 0 ""
	is events "$(events 2)" "down 50% down 50%"
}

both_rising_and_falling_together_are_both() {
	mounted a
	watch --rising --falling --count 2 "$dir/a" 50%
	fill a 512
	events 1 >/dev/null
	: >"$dir/a/file"
	ended
	is events "$(events 2)" "up 50% down 50%"
}

# 300 blocks are below the level of 512, and not as far below as 256
pass_512_twice_with_300_and_once_with_0_in_between() {
	fill a 300 base
	fill a 212 rest
	events 1 >/dev/null
	rm "$dir/a/rest"
	fill a 212 rest
	rm "$dir/a/base" "$dir/a/rest"
	[ "${1:-}" != both ] || events 2 >/dev/null
	fill a 512 all
}

both_with_hysteresis_down_comes_that_far_below_and_up_alternates_with_it() {
	mounted a
	for amount in 25% 1M; do
		watch --hysteresis "$amount" "$dir/a" 50%
		pass_512_twice_with_300_and_once_with_0_in_between both
		is events "$(events 3)" "up 50% down 50% up 50%"
		kill "$pid"
		ended
		rm "$dir/a/all"
	done
}

both_with_hysteresis_rising_tells_again_only_after_usage_went_back_that_far() {
	mounted a
	watch --rising --hysteresis 25% "$dir/a" 50%
	pass_512_twice_with_300_and_once_with_0_in_between
	is events "$(events 2)" "up 50% up 50%"
}

both_with_hysteresis_falling_tells_again_only_after_usage_went_up_that_far() {
	mounted a
	fill a 600 base
	watch --falling --hysteresis 25% "$dir/a" 50%
	rm "$dir/a/base"
	events 1 >/dev/null
	fill a 600 base
	rm "$dir/a/base"
	fill a 800 base
	rm "$dir/a/base"
	is events "$(events 2)" "down 50% down 50%"
}

both_count_ends_after_so_many_events_though_there_were_more() {
	mounted a
	watch --count 2 "$dir/a" 25% 50% 75%
	kill -STOP "$pid"
	fill a 800
	kill -CONT "$pid"
	ended
	expect 0 ""
	is events "$(events 2)" "up 25% up 50%"
}

both_once_tells_each_level_once_and_then_ends() {
	mounted a
	watch --once "$dir/a" 25% 50%
	fill a 300
	: >"$dir/a/file"
	fill a 600
	ended
	expect 0 ""
	is events "$(events 2)" "up 25% up 50%"
}

both_with_once_a_mount_whose_levels_have_been_told_goes_quietly() {
	mounted a
	mounted b
	watch --once "$dir/a" 50% "$dir/b" 50%
	fill a 512
	events 1 >/dev/null
	umount "$dir/a"
	fill b 512
	ended
	expect 0 ""
	is events "$(events 2)" "up 50% up 50%"
}

both_timeout_ends_with_status_2_with_and_without_events() {
	mounted a
	run watch --timeout 0.2 "$dir/a" 50%
	expect 2 ""
	is lines "$(wc -l <"$dir/out")" 1
	watch --timeout 5 "$dir/a" 50%
	fill a 512
	ended
	expect 2 ""
	is events "$(events 1)" "up 50%"
}

test_what_happens_while_watch_is_stopped_is_told_later_in_its_order() {
	mounted a
	watch --count 7 "$dir/a" 50%
	kill -STOP "$pid"
	for _ in 1 2 3; do
		fill a 512
		: >"$dir/a/file"
	done
	fill a 512
	kill -CONT "$pid"
	ended
	expect 0 ""
	is events "$(events 7)" "up 50% down 50% up 50% down 50% up 50% down 50% up 50%"
}

both_json_has_an_object_on_each_line_with_bytes() {
	mounted a
	fill a 100 base
	watch --json --hysteresis 1% "$dir/a" 50% 1%
	fill a 412
	until_lines "$dir/out" 1 crossing
	umount "$dir/a"
	ended
	expect 3 "$dir/a: unmounted"
	json
	is lines "$(wc -l <"$dir/out")" 3
	is ready "$(for key in event path used size 'levels[0].level' 'levels[0].state' 'levels[1].level' 'levels[1].state'; do value 1 ".$key"; done | xargs)" \
		"ready $dir/a 409600 4194304 50% below 1% above"
	is crossing "$(for key in event path level direction used size crossings; do value 2 ".$key"; done | xargs)" \
		"crossing $dir/a 50% up 2097152 4194304 1"
	is gone "$(for key in event path reason; do value 3 ".$key"; done | xargs)" "gone $dir/a unmounted"
	for line in 1 2 3; do
		value "$line" .time | grep -Eq '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$' ||
			fail "time: $(value "$line" .time)"
		value "$line" .device | grep -Eqx '[0-9]+:[0-9]+' || fail "device: $(value "$line" .device)"
	done
}

both_exec_runs_a_command_for_each_event_with_all_about_it_in_its_environment() {
	mounted a
	watch --count 2 --exec "env | grep ^TMPFSWARN_ | sort >>'$dir/env'; echo >>'$dir/env'" "$dir/a" 50%
	fill a 512
	until_lines "$dir/env" 1 '^$'
	: >"$dir/a/file"
	ended
	expect 0 ""
	device=$(device "$dir/a")
	is environment "$(grep -v '^TMPFSWARN_\(TIME\|KO\|PARAMETERS\|PID\|UID\|COMM\|CGROUP\|CGROUP_PATH\)=' "$dir/env" | tr '\n' '|')" \
		"TMPFSWARN_CROSSINGS=1|TMPFSWARN_DEVICE=$device|TMPFSWARN_DIRECTION=up|TMPFSWARN_LEVEL=50%|TMPFSWARN_PATH=$dir/a|TMPFSWARN_RESOURCE=bytes|TMPFSWARN_SIZE=4194304|TMPFSWARN_USED=2097152||TMPFSWARN_CROSSINGS=1|TMPFSWARN_DEVICE=$device|TMPFSWARN_DIRECTION=down|TMPFSWARN_LEVEL=50%|TMPFSWARN_PATH=$dir/a|TMPFSWARN_RESOURCE=bytes|TMPFSWARN_SIZE=4194304|TMPFSWARN_USED=0||"
	is times "$(grep -Ec '^TMPFSWARN_TIME=[-0-9]+T[:0-9]+[.][0-9]+Z$' "$dir/env")" 2
}

both_exec_has_a_slow_command_run_again_with_the_latest_event_alone() {
	mounted a
	mkfifo "$dir/fifo"
	watch --count 4 --exec "read -r line <'$dir/fifo'; echo \$TMPFSWARN_DIRECTION >>'$dir/ran'" "$dir/a" 50%
	for i in 1 3; do
		fill a 512
		events $i >/dev/null
		: >"$dir/a/file"
		events $((i + 1)) >/dev/null
	done
	is "printed while the first runs" "$(events 4)" "up 50% down 50% up 50% down 50%"
	! [ -e "$dir/ran" ] || fail "a command ran to its end"
	for i in 1 2; do
		echo go >"$dir/fifo"
		until_lines "$dir/ran" "$i" .
	done
	ended
	expect 0 ""
	is order "$(xargs <"$dir/ran")" "up down"
}

test_exec_reports_a_command_that_fails_and_goes_on() {
	mounted a
	# shellcheck disable=SC2016
	watch --count 2 --exec '[ $TMPFSWARN_DIRECTION = down ] || exit 7; kill -9 $$' "$dir/a" 50%
	fill a 512
	events 1 >/dev/null
	: >"$dir/a/file"
	ended
	expect 0
	is reports "$(tr '\n' '|' <"$dir/err")" "tmpfswarn: $dir/a up 50%: command ended with status 7|tmpfswarn: $dir/a down 50%: command killed by signal 9|"
}

both_a_command_that_runs_does_not_keep_the_registration() {
	mounted a
	mkfifo "$dir/fifo"
	watch --exec "echo >'$dir/started'; read -r line <'$dir/fifo'" "$dir/a" 50%
	fill a 512
	until_true test -e "$dir/started"
	# no other signal lets it go on
	kill -KILL "$pid"
	ended
	expect 137 ""
	until_true nothing_is_registered
	echo go >"$dir/fifo"
}

test_signals_kill_watch_so_that_none_looks_like_success() {
	mounted a
	for signal in TERM:143 HUP:129; do
		watch "$dir/a" 50%
		kill "-${signal%:*}" "$pid"
		ended
		expect "${signal#*:}" ""
	done
	# what sh starts in the background ignores SIGINT
	rm "$dir/out"
	(
		until_lines "$dir/out" 1 '^watching '
		kill -INT "$(pidof tmpfswarn)"
	) &
	run watch --timeout "$patience" "$dir/a" 50%
	expect 130 ""
}

test_watch_leaves_a_signal_ignored_that_its_parent_ignores() {
	mounted a
	trap '' HUP
	watch "$dir/a" 50%
	kill -HUP "$pid"
	fill a 512
	is events "$(events 1)" "up 50%"
}

# triggers_of PATH: true if there is one on the mount
triggers_of() {
	grep -q . "$shown/$(device "$1")/triggers"
}

both_a_signal_kills_watch_while_it_is_still_registering() {
	# so many that it can be stopped in between
	set --
	for number in $(seq 64); do
		mounted "$number"
		set -- "$@" "$dir/$number" 50%
	done
	tool watch "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	tries=1000000
	until triggers_of "$dir/1" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "nothing was registered"
	done
	kill -STOP "$pid"
	if triggers_of "$dir/64"; then
		kill -KILL "$pid"
		skip "all were registered before it could be stopped"
	fi
	kill "$pid"
	kill -CONT "$pid"
	ended
	expect 143 ""
}

# registered LEVELS [PATTERN]: on $dir/a; an eventfd more tells of the end
registered() {
	[ "$interface" != debugfs ] || set -- $(($1 + 1)) "${2:-.}"
	[ "$(lines "$shown/$(device "$dir/a")/triggers" "${2:-.}")" -eq "$1" ]
}

both_watch_ends_on_a_signal_while_nobody_reads_its_output() {
	mounted a
	mkfifo "$dir/fifo"
	exec 9<>"$dir/fifo"
	# no page of the pipe is left
	dd if=/dev/zero bs=4096 count=16 >&9 2>/dev/null
	tool watch "$dir/a" 50% >&9 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true registered 1
	kill "$pid"
	ended
	expect 143 ""
	# and on the timeout
	run_status=0
	timeout -s KILL "$patience" tmpfswarn watch --interface "$interface" --timeout 1 "$dir/a" 50% >&9 2>"$dir/err" ||
		run_status=$?
	is status "$run_status" 2
}

test_watch_ends_when_the_reader_of_its_output_has_gone() {
	mounted a
	(
		tmpfswarn watch --timeout "$patience" "$dir/a" 50% 2>"$dir/err"
		echo $? >"$dir/status"
	) | head -n 1 >"$dir/out"
	until_true test -s "$dir/status"
	is status "$(cat "$dir/status")" 0
	is err "$(cat "$dir/err")" ""
	is out "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); below 50%"
}

test_output_that_cannot_be_written_is_an_error() {
	mounted a
	tmpfswarn watch --timeout "$patience" "$dir/a" 50% >/dev/full 2>"$dir/err"
	status=$?
	expect 1 "standard output: No space left on device"
	tmpfswarn watch --timeout "$patience" "$dir/a" 50% >&- 2>"$dir/err"
	status=$?
	expect 1 "standard output: Bad file descriptor"
	tmpfswarn list >/dev/full 2>"$dir/err"
	status=$?
	expect 1 "standard output: No space left on device"
}

both_a_new_mount_can_be_watched_at_once() {
	for i in 1 2 3 4 5 6 7 8; do
		mounted "$i"
		run wait --timeout 0 "$dir/$i" 50%
		expect 2 ""
	done
}

both_watch_does_not_keep_the_mount_busy_and_says_when_it_is_unmounted() {
	mounted a
	watch "$dir/a" 50%
	umount "$dir/a" || fail "busy"
	ended
	expect 3 "$dir/a: unmounted"
}

both_a_full_mount_that_is_unmounted_has_not_fallen_below_its_level() {
	mounted a
	watch "$dir/a" 50%
	fill a 1024
	events 1 >/dev/null
	umount "$dir/a"
	ended
	expect 3 "$dir/a: unmounted"
	is events "$(events 1)" "up 50%"
}

both_crossings_before_an_unmount_are_told_and_the_farewell_is_not_one() {
	for direction in both rising falling; do
		mounted a
		watch "--$direction" "$dir/a" 50% 25%
		kill -STOP "$pid"
		for _ in 1 2; do
			fill a 300
			: >"$dir/a/file"
		done
		umount "$dir/a"
		kill -CONT "$pid"
		ended
		expect 3 "$dir/a: unmounted"
		if [ "$interface" = debugfs ]; then
			case $direction in
			both) is both "$(sed -n 's/.* \(down 25%: .*\)/\1/p' "$dir/out")" "down 25%: read late, the last of 4 crossings" ;;
			rising) is rising "$(events 0)" "up 25%" ;;
			falling) is falling "$(events 0)" "down 25%" ;;
			esac
			continue
		fi
		case $direction in
		both) is both "$(events 0)" "up 25% down 25% up 25% down 25%" ;;
		rising) is rising "$(events 0)" "up 25% up 25%" ;;
		falling) is falling "$(events 0)" "down 25% down 25%" ;;
		esac
	done
}

both_a_new_mount_with_the_number_of_the_old_is_not_taken_for_it() {
	mounted a
	old=$(device "$dir/a")
	watch "$dir/a" 50%
	kill -STOP "$pid"
	umount "$dir/a"
	mounted a
	is number "$(device "$dir/a")" "$old"
	until_true test -e "$shown/$old/usage"
	fill a 512
	kill -CONT "$pid"
	ended
	expect 3 "$dir/a: unmounted"
	is events "$(events 0)" ""
}

both_watch_goes_on_with_the_other_mounts_until_none_is_left() {
	mounted a
	mounted b
	watch "$dir/a" 50% "$dir/b" 50%
	umount "$dir/a"
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/a: unmounted\$"
	fill b 512
	is events "$(events 1)" "up 50%"
	umount "$dir/b"
	ended
	expect 3
	is errors "$(tr '\n' '|' <"$dir/err")" "tmpfswarn: $dir/a: unmounted|tmpfswarn: $dir/b: unmounted|"
}

test_through_debugfs_watch_does_not_keep_the_module_and_says_when_it_is_unloaded() {
	interface=debugfs
	mounted a
	mounted b
	watch --json "$dir/a" 50% 80% "$dir/b" 50%
	fill a 512
	until_lines "$dir/out" 1 crossing
	rmmod tmpfswarn || fail "rmmod failed"
	ended
	module_load
	expect 3
	is errors "$(sort "$dir/err" | tr '\n' '|')" \
		"tmpfswarn: $dir/a: module unloaded|tmpfswarn: $dir/b: module unloaded|"
	json
	is reasons "$(grep -c '[.]reason module unloaded$' "$dir/json")" 2
}

test_through_the_device_watch_keeps_the_module() {
	mounted a
	watch "$dir/a" 50%
	! rmmod tmpfswarn 2>/dev/null || fail "the module is gone"
	fill a 512
	is events "$(events 1)" "up 50%"
}

# ---- who ----

who_is_known() {
	knows_who || skip "a kernel before 6.6 does not say who crossed"
}

test_watch_says_who_crossed_in_text_json_and_the_environment() {
	who_is_known
	mounted a
	has_user user 1000
	chmod 777 "$dir/a"
	chmod 755 "$work" "$dir"
	watch --count 1 "$dir/a" 50%
	(by_user user dd if=/dev/zero of="$dir/a/file" bs=4096 count=600 2>/dev/null) || fail "dd failed"
	ended
	grep -Eq ' up 50%: 2M of 4M used \(50%\) by [^ []+\[[0-9]+\] uid 1000$' "$dir/out" || fail "$(cat "$dir/out")"
	watch --json --count 1 --exec "env | grep ^TMPFSWARN_ >'$dir/env'" "$dir/a" 50%
	sh -c "echo \$\$ >'$dir/writer'; : >'$dir/a/file'"
	ended
	json
	is pid "$(value 2 .pid)" "$(cat "$dir/writer")"
	is who "$(value 2 .uid) $(value 2 .comm)" "0 sh"
	is environment "$(for key in PID UID COMM CROSSINGS; do sed -n "s/^TMPFSWARN_$key=//p" "$dir/env"; done | xargs)" \
		"$(cat "$dir/writer") 0 sh 1"
}

cgroup2() {
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
	mkdir -p "$dir/cgroup/some.slice/unit.service"
}

test_the_cgroup_of_who_crossed_has_its_path_beside_its_id() {
	who_is_known
	cgroup2
	mounted a
	inside=$dir/cgroup/some.slice/unit.service
	id=$(stat -c %i "$inside")
	watch --json --count 2 --exec "env | grep ^TMPFSWARN_CGROUP | sort >>'$dir/env'" "$dir/a" 50%
	sh -c "echo \$\$ >'$inside/cgroup.procs'; dd if=/dev/zero of='$dir/a/file' bs=4096 count=600 2>/dev/null"
	until_lines "$dir/out" 1 '"up"'
	rm "$dir/a/file"
	ended
	json
	is cgroup "$(value 2 .cgroup) $(value 2 .cgroup_path)" "$id /some.slice/unit.service"
	is environment "$(head -n 2 "$dir/env" | xargs)" \
		"TMPFSWARN_CGROUP=$id TMPFSWARN_CGROUP_PATH=/some.slice/unit.service"
	rmdir "$inside" "$dir/cgroup/some.slice"
}

test_what_is_added_up_while_nobody_reads_is_told_in_number() {
	mounted a
	watch "$dir/a" 50%
	kill -STOP "$pid"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		fill a 512
		: >"$dir/a/file"
	done
	kill -CONT "$pid"
	until_lines "$dir/out" 8 ' \(up\|down\) 50%: '
	sed -n 's/.*; the last of \([0-9]*\) crossings$/\1/p' "$dir/out" >"$dir/added"
	is "all crossings" "$(($(lines "$dir/out" ' 50%: ') + $(awk '{ n += $1 - 1 } END { print n }' "$dir/added")))" 20
	tail -n 1 "$dir/out" | grep -q ' down 50%: 0 of ' || fail "$(cat "$dir/out")"
}

# ---- wait ----

both_wait_returns_at_once_where_the_level_is_reached() {
	mounted a
	fill a 512
	run wait "$dir/a" 50%
	expect 0 ""
	is out "$(cat "$dir/out")" ""
	run wait "$dir/a" 2M --timeout 0
	expect 0 ""
	run wait --falling "$dir/a" 51%
	expect 0 ""
	run wait "$dir/a" 0
	expect 0 ""
}

wait_begins() {
	tool wait "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo "$pid" >>"$dir/pids"
	until_true registered 1 "pid=$pid "
}

both_wait_waits_for_the_level() {
	mounted a
	wait_begins "$dir/a" 50%
	fill a 511
	! is_over "$pid" || fail "ended below the level"
	fill a 1 last
	ended
	expect 0 ""
	is out "$(cat "$dir/out")" ""
	wait_begins --falling "$dir/a" 50%
	rm "$dir/a/last"
	ended
	expect 0 ""
}

both_wait_ends_with_status_2_when_the_time_is_over() {
	mounted a
	run wait --timeout 0.2 "$dir/a" 50%
	expect 2 ""
	run wait -t 0 "$dir/a" low
	expect 2 ""
	fill a 1024
	run wait --falling -t 0 "$dir/a" critical
	expect 2 ""
}

both_wait_ends_with_status_3_when_the_mount_goes() {
	mounted a
	wait_begins "$dir/a" 50%
	umount "$dir/a" || fail "busy"
	ended
	expect 3 "$dir/a: unmounted"
}

both_wait_takes_a_crossing_before_an_unmount_for_one() {
	mounted a
	wait_begins "$dir/a" 50%
	kill -STOP "$pid"
	fill a 512
	umount "$dir/a"
	kill -CONT "$pid"
	ended
	expect 0 ""
}

test_through_debugfs_wait_ends_with_status_3_when_the_module_goes() {
	interface=debugfs
	mounted a
	wait_begins "$dir/a" 50%
	rmmod tmpfswarn || fail "rmmod failed"
	ended
	module_load
	expect 3 "$dir/a: module unloaded"
}

both_wait_is_killed_by_signals_so_that_none_looks_like_the_event() {
	mounted a
	wait_begins "$dir/a" 50%
	kill "$pid"
	ended
	expect 143 ""
}

test_nothing_stays_registered_after_all_this() {
	until_true nothing_is_registered
}

suite "$0"
