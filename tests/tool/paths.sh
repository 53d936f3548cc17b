#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Where a path leads, and what becomes of that: mounts over it, lazy unmounts, --follow; levels of
# free space; what is read late. Run as run.sh is.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=fuse.sh
. "$here/fuse.sh"

: "${TMPFSWARN_KO:?names the module}"

# ---- the mount point ----

both_the_first_line_names_the_mount_point_where_that_is_not_the_path() {
	mounted a
	mkdir "$dir/a/sub" "$dir/bound"
	ln -s a/sub "$dir/link"
	mount --bind "$dir/a/sub" "$dir/bound"
	for path in sub ./sub/ ../link ../bound; do
		(cd "$dir/a" && run watch --timeout 0 "$path" 50% && expect 2 "") || exit 1
		cat "$dir/out"
	done >"$dir/all"
	is lines "$(tr '\n' '|' <"$dir/all")" \
		"watching sub (on $dir/a): 0 of 4M used (0%); below 50%|watching ./sub/ (on $dir/a): 0 of 4M used (0%); below 50%|watching ../link (on $dir/a): 0 of 4M used (0%); below 50%|watching ../bound (on $dir/bound): 0 of 4M used (0%); below 50%|"
	run watch --timeout 0 "$dir/a" 50%
	is "its own" "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); below 50%"
	run watch --timeout 0 "$dir/a/" 50%
	is "with a slash" "$(cat "$dir/out")" "watching $dir/a/: 0 of 4M used (0%); below 50%"
	run watch --json --timeout 0 "$dir/a/sub" 50%
	json
	is mountpoint "$(value 1 .mountpoint)" "$dir/a"
}

# ---- another mount where the path leads ----

# gone REASON: watch has ended for it
gone() {
	ended
	expect 3 "$dir/$path: $1"
	json
	is gone "$(value "$(wc -l <"$dir/out")" .event) $(value "$(wc -l <"$dir/out")" .reason)" "gone $1"
}

both_watch_says_so_and_ends_when_another_mount_covers_its_path() {
	mounted a
	mkdir "$dir/a/lock"
	path=a/lock
	watch --json "$dir/a/lock" 50%
	mount -t tmpfs -o size=4m tool "$dir/a/lock"
	gone "leads to another mount"
	umount "$dir/a/lock"
	# the mount above
	watch --json "$dir/a/lock" 50%
	mount -t tmpfs tool "$dir"
	until_true is_over "$pid"
	umount "$dir"
	gone "leads to another mount"
	# of a file system that is none of tmpfs
	path=a
	watch --json "$dir/a" 50%
	mount -t proc proc "$dir/a"
	gone "leads to another mount"
	umount "$dir/a"
	# no new mount but one bound there
	mounted b
	watch --json "$dir/a" 50%
	mount --bind "$dir/b" "$dir/a"
	gone "leads to another mount"
}

both_watch_says_so_and_ends_when_its_mount_is_moved_away() {
	mounted a
	path=a
	mkdir "$dir/elsewhere"
	watch --json "$dir/a" 50%
	mount --move "$dir/a" "$dir/elsewhere" || skip "no mount --move here"
	gone "leads to another mount"
}

both_watch_says_so_and_ends_when_its_mount_is_unmounted_though_in_use() {
	for again in yes no; do
		mounted a
		path=a
		exec 9>"$dir/a/open"
		watch --json "$dir/a" 50%
		umount -l "$dir/a"
		[ $again = no ] || mounted a
		gone unmounted
		exec 9>&-
	done
}

both_wait_ends_with_status_3_when_the_path_leads_elsewhere() {
	mounted a
	mkdir "$dir/a/lock"
	tool wait "$dir/a/lock" 50% >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true grep -q . "$shown/$(device "$dir/a")/triggers"
	mount -t tmpfs -o size=4m tool "$dir/a/lock"
	ended
	expect 3 "$dir/a/lock: leads to another mount"
}

both_what_has_crossed_before_the_path_led_elsewhere_is_told_first() {
	mounted a
	watch "$dir/a" 50% 75%
	kill -STOP "$pid"
	fill a 800
	mount -t tmpfs -o size=4m tool "$dir/a"
	kill -CONT "$pid"
	ended
	expect 3 "$dir/a: leads to another mount"
	is events "$(events 0 | tr ' ' '\n' | sort | xargs)" "50% 75% up up"
}

both_other_mounts_and_the_same_one_again_are_no_change() {
	mounted a
	mkdir "$dir/a/sub" "$dir/a/other"
	watch --count 1 "$dir/a/sub" 50%
	# the same tmpfs at the path, another besides it, below it and under its mount point's name
	mount --bind "$dir/a" "$dir/a/sub"
	mount -t tmpfs tool "$dir/a/other"
	mount -t tmpfs tool "$dir/a/sub/other"
	mounted ab
	mount -o remount,ro "$dir/ab"
	umount "$dir/a/sub/other"
	umount "$dir/a/sub"
	rmdir "$dir/a/sub"
	mkdir "$dir/a/sub"
	fill a 600
	ended
	expect 0 ""
	is events "$(events 1)" "up 50%"
}

both_watch_goes_on_with_the_other_paths_when_one_leads_elsewhere() {
	mounted a
	mounted b
	watch "$dir/a" 50% "$dir/b" 50%
	mount -t tmpfs -o size=4m tool "$dir/a"
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/a: leads to another mount\$"
	fill b 512
	is events "$(events 1)" "up 50%"
	umount "$dir/b"
	ended
	expect 3
}

both_a_path_into_another_namespace_is_watched_on() {
	mkdir "$dir/a"
	mkfifo "$dir/fifo"
	unshare -m sh -c "mount -t tmpfs -o size=4m tool '$dir/a' && echo ready >'$dir/there' && read -r line <'$dir/fifo'" &
	until_true test -s "$dir/there"
	inside=/proc/$!/root$dir/a
	watch --count 1 "$inside" 50%
	is ready "$(cat "$dir/out")" "watching $inside: 0 of 4M used (0%); below 50%"
	mounted b
	dd if=/dev/zero of="$inside/file" bs=4096 count=600 2>/dev/null
	ended
	echo go >"$dir/fifo"
	expect 0 ""
	wait
}

# ---- file systems on the way ----

both_a_file_system_on_the_way_that_does_not_answer_keeps_nothing_from_being_told() {
	below_fuse a
	mounted b
	watch "$dir/fuse/a" 50% "$dir/b" 50%
	exec 9>"$dir/fuse/a/open"
	fuse_hangs
	# the mount table changes
	mounted c
	fill b 512
	events 1 >/dev/null
	dd if=/dev/zero bs=4096 count=512 >&9 2>/dev/null
	is events "$(events 2)" "up 50% up 50%"
	umount -l "$dir/fuse"
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/fuse/a: unmounted\$"
	exec 9>&-
}

# none of these ends by a signal but SIGKILL if it asks the server itself
test_what_leads_over_a_file_system_that_does_not_answer_hangs_no_command() {
	below_fuse a
	number=$(device "$dir/fuse/a")
	mkdir "$dir/lower" "$dir/m" "$dir/fuse/a/upper" "$dir/fuse/a/work"
	modprobe overlay 2>/dev/null
	mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/fuse/a/upper,workdir=$dir/fuse/a/work" \
		overlay "$dir/m" 2>/dev/null || skip "a kernel without overlay"
	fuse_hangs
	run watch "$dir/fuse/a/sub" 50%
	expect 1 "$dir/fuse/a/sub: no answer: a file system on the way, as of FUSE, NFS or autofs, hangs"
	run watch "$dir/m" 50%
	expect 1
	grep -q "^tmpfswarn: $dir/m: overlay, not tmpfs; " "$dir/err" || fail "$(cat "$dir/err")"
	run watch --timeout 0 "$number" 50%
	expect 2 ""
	is ready "$(cat "$dir/out")" "watching $number: 0 of 4M used (0%); below 50%"
}

both_follow_gives_up_on_a_path_whose_file_system_does_not_answer_and_goes_on() {
	below_fuse a
	mounted b
	follow "$dir/b" 50% "$dir/fuse/a" 50% "$dir/fuse/a/sub" 50%
	until_lines "$dir/out" 1 "^waiting for $dir/fuse/a/sub: "
	is ready "$(lines "$dir/out" "^watching ")" 2
	fuse_hangs
	mounted c
	until_lines "$dir/err" 1 "^tmpfswarn: $dir/fuse/a/sub: no answer: "
	fill b 512
	is events "$(events 1)" "up 50%"
	kill "$pid"
	ended
	expect 143
}

both_follow_waits_for_an_automounted_tmpfs_and_does_not_trigger_it() {
	mkdir "$dir/auto"
	automount auto
	follow --count 1 "$dir/auto" 50%
	is waiting "$(cat "$dir/out")" "waiting for $dir/auto: no tmpfs yet"
	mounted c
	mount -t tmpfs -o size=4m tool "$dir/auto" || fail "mount failed"
	until_lines "$dir/out" 1 "^watching $dir/auto: 0 of 4M"
	fill auto 512
	ended
	umount "$dir/auto" || fail "busy"
	kill -9 $daemon
	umount -l "$dir/auto"
	expect 0 ""
}

# ---- --follow ----

# follow ARGUMENTS...: in the background, with the first line of each path there; $pid
follow() {
	: >"$dir/out"
	tool watch --follow "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_lines "$dir/out" 1 '^watching \|^waiting \|"ready"\|"waiting"'
}

both_follow_waits_for_a_path_that_does_not_exist_and_watches_each_mount_there() {
	follow --json "$dir/new/a" 50%
	mkdir "$dir/new"
	for round in 1 2 3; do
		mounted new/a
		until_lines "$dir/out" "$round" '"ready"'
		fill new/a 512
		until_lines "$dir/out" "$round" '"crossing"'
		umount "$dir/new/a" || fail "busy"
		until_lines "$dir/out" "$round" '"gone"'
	done
	json
	is events "$(awk '$2 == ".event" { print $3 }' "$dir/json" | xargs)" \
		"waiting ready crossing gone ready crossing gone ready crossing gone"
	is path "$(value 1 .path) $(value 1 .device)" "$dir/new/a "
	is mountpoint "$(value 2 .mountpoint)" "$dir/new/a"
	is size "$(value 2 .size) $(value 2 '.levels[0].state')" "4194304 below"
	! is_over "$pid" || fail "it has ended"
	kill "$pid"
	ended
	expect 143
}

both_follow_tells_in_text_what_it_waits_for_and_where_it_is() {
	follow --count 2 "$dir/a" 50%
	is waiting "$(cat "$dir/out")" "waiting for $dir/a: no tmpfs yet"
	mounted a
	until_lines "$dir/out" 1 "^watching "
	mkdir "$dir/a/sub"
	fill a 512
	until_lines "$dir/out" 1 ' up '
	mount -t tmpfs -o size=8m tool "$dir/a"
	until_lines "$dir/out" 1 "^watching $dir/a: 0 of 8M used (0%); below 50%\$"
	umount "$dir/a"
	until_lines "$dir/out" 1 "^watching $dir/a: 2M of 4M used (50%); above 50%\$"
	rm "$dir/a/file"
	ended
	expect 0
	is errors "$(tr '\n' '|' <"$dir/err")" \
		"tmpfswarn: $dir/a: leads to another mount|tmpfswarn: $dir/a: unmounted|"
}

both_follow_finds_a_directory_made_on_a_tmpfs_and_what_is_mounted_on_it() {
	mounted a
	follow --count 1 "$dir/a/b/c" 50%
	is waiting "$(cat "$dir/out")" "waiting for $dir/a/b/c: no tmpfs yet"
	mkdir "$dir/a/b"
	mkdir "$dir/a/b/c"
	until_lines "$dir/out" 1 "^watching $dir/a/b/c (on $dir/a): 0 of 4M"
	mount -t tmpfs -o size=8m tool "$dir/a/b/c"
	until_lines "$dir/out" 1 "^watching $dir/a/b/c: 0 of 8M"
	fill a/b/c 1024
	ended
	expect 0 "$dir/a/b/c: leads to another mount"
}

both_follow_follows_a_mount_that_is_in_use_still() {
	mounted a
	follow "$dir/a" 50%
	exec 9>"$dir/a/open"
	umount -l "$dir/a"
	until_lines "$dir/err" 1 ": unmounted\$"
	mounted a size=8m
	until_lines "$dir/out" 1 "^watching $dir/a: 0 of 8M"
	# what happens on the old one is nobody's business any more
	dd if=/dev/zero bs=4096 count=600 >&9 2>/dev/null
	exec 9>&-
	fill a 1024
	is events "$(events 1)" "up 50%"
}

both_follow_with_once_ends_when_each_level_was_told_on_whichever_mount() {
	mounted a
	follow --once "$dir/a" 25% 50%
	fill a 300
	events 1 >/dev/null
	umount "$dir/a"
	until_lines "$dir/err" 1 .
	mounted a
	until_lines "$dir/out" 2 "^watching "
	fill a 600
	ended
	expect 0
	is events "$(events 2)" "up 25% up 50%"
}

both_follow_and_timeout_end_while_nothing_is_there() {
	run watch --follow --timeout 0.2 "$dir/a" 50%
	expect 2 ""
	run wait --follow --timeout 0.2 "$dir/a" 50%
	expect 2 ""
}

both_a_remount_that_takes_the_limit_away_ends_what_is_watched() {
	mounted a
	fill a 512
	watch --json "$dir/a" 50% 90%
	watcher=$pid
	tool wait "$dir/a" 90% >"$dir/wait.out" 2>"$dir/wait.err" </dev/null &
	waiter=$!
	echo $waiter >>"$dir/pids"
	# debugfs tells of the end by one more, the last
	lines=1
	[ "$interface" = device ] || lines=2
	until_lines "$shown/$(device "$dir/a")/triggers" $lines " pid=$waiter "
	mount -o remount,size=0 "$dir/a"
	ended $waiter
	is status "$status" 3
	is error "$(cat "$dir/wait.err")" "tmpfswarn: $dir/a: has no limit any more"
	ended "$watcher"
	expect 3 "$dir/a: has no limit any more"
	json
	is gone "$(awk '$2 == ".reason" { sub(/^[^ ]* [^ ]* /, ""); print }' "$dir/json")" "has no limit any more"
}

both_follow_waits_for_another_mount_where_one_has_lost_its_limit() {
	mounted a
	follow --count 1 "$dir/a" 50%
	mount -o remount,size=0 "$dir/a"
	until_lines "$dir/err" 1 "has no limit any more"
	until_lines "$dir/err" 1 "mounted with size=0"
	umount "$dir/a" || fail "busy"
	mounted a
	until_lines "$dir/out" 2 "^watching "
	fill a 512
	ended
	expect 0
}

both_follow_waits_for_a_path_that_inotify_cannot_tell_of() {
	mounted a
	limit=$(cat /proc/sys/fs/inotify/max_user_instances)
	echo 0 >/proc/sys/fs/inotify/max_user_instances
	tool watch --follow --count 1 "$dir/a/b/c" 50% >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_lines "$dir/out" 1 '^waiting '
	mkdir -p "$dir/a/b/c"
	until_lines "$dir/out" 1 "^watching "
	echo "$limit" >/proc/sys/fs/inotify/max_user_instances
	fill a 512
	ended
	expect 0 ""
}

both_a_path_into_another_mount_namespace_is_not_followed_here() {
	mounted a
	mkfifo "$dir/fifo"
	unshare -m sh -c "mount -t tmpfs -o size=16m other '$dir/a' && echo >'$dir/there' && read -r line <'$dir/fifo'" &
	there=/proc/$!/root$dir/a
	until_true test -e "$dir/there"
	run watch --follow --timeout 0 "$there" 50%
	expect 1 "$there: in another mount namespace, where nobody says what is mounted: leave out --follow, or run this there, by nsenter --mount"
	run watch --timeout 0 "$there" 50%
	expect 2 ""
	grep -q " of 16M used" "$dir/out" || fail "$(cat "$dir/out")"
	echo go >"$dir/fifo"
}

both_with_once_a_mount_that_has_gone_untold_is_no_success() {
	mounted a
	mounted b
	watch --once "$dir/a" 50% "$dir/b" 50%
	umount "$dir/a"
	until_lines "$dir/err" 1 "unmounted"
	fill b 512
	ended
	expect 3
	is events "$(events 1)" "up 50%"
	watch --once "$dir/b" 50% 75%
	rm "$dir/b/file"
	fill b 1000
	ended
	expect 0 ""
}

both_follow_says_what_is_wrong_with_a_mount_and_waits_for_another() {
	mounted a
	follow --count 1 "$dir/a" 50%
	umount "$dir/a"
	mounted a size=0
	until_lines "$dir/err" 1 "mounted with size=0"
	umount "$dir/a"
	mounted a
	until_lines "$dir/out" 2 "^watching "
	fill a 512
	ended
	expect 0
}

both_wait_with_follow_waits_for_the_mount_and_then_for_the_level() {
	tool wait --follow "$dir/a" 50% >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	mounted a
	until_true grep -q . "$shown/$(device "$dir/a")/triggers"
	umount "$dir/a"
	until_lines "$dir/err" 1 .
	mounted b
	fill b 512
	mkdir -p "$dir/a"
	mount --bind "$dir/b" "$dir/a"
	ended
	expect 0 "$dir/a: unmounted"
	is out "$(cat "$dir/out")" ""
}

test_through_debugfs_follow_waits_for_the_module_to_be_loaded_again() {
	interface=debugfs
	mounted a
	follow --json --count 1 "$dir/a" 50%
	rmmod tmpfswarn || fail "rmmod failed"
	until_lines "$dir/out" 1 '"gone"'
	module_load
	until_lines "$dir/out" 2 '"ready"'
	fill a 512
	ended
	expect 0 "$dir/a: module unloaded"
	json
	is reason "$(value 2 .reason)" "module unloaded"
}

# ---- levels of inodes ----

# inodes NAME NUMBER...: empty files; the directory is one, too
inodes() {
	name=$1
	shift
	for number; do : >"$dir/$name/inode$number"; done
}

both_a_level_of_inodes_is_reached_when_so_many_are_used() {
	mounted a size=4m,nr_inodes=100
	watch "$dir/a" inodes:5 inodes:50% 50%
	is ready "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); 1 of 100 inodes used (1%); below inodes:5, inodes:50%, 50%"
	inodes a 1 2 3 4
	is first "$(events 1)" "up inodes:5"
	rm "$dir/a/inode4"
	is second "$(events 2)" "up inodes:5 down inodes:5"
	is figures "$(sed -n 's/.*: \(.* used ([^)]*)\).*/\1/p' "$dir/out" | tail -n 2 | tr '\n' '|')" "5 of 100 inodes used (5%)|4 of 100 inodes used (4%)|"
	fill a 512
	is third "$(events 4)" "up inodes:5 down inodes:5 up inodes:5 up 50%"
	run wait --timeout 0 "$dir/a" inodes:5
	expect 0 ""
	run wait --timeout 0 "$dir/a" inodes:6
	expect 2 ""
	run wait --falling --timeout 0 "$dir/a" inodes:5.01%
	expect 0 ""
	run wait --timeout 0 "$dir/a" inodes:1k
	expect 2 "note: $dir/a: level inodes:1k is more than the 100 that it may have: reached only if nr_inodes is made larger"
}

both_json_and_list_say_what_a_level_is_of() {
	mounted a size=4m,nr_inodes=100
	watch --json --rising "$dir/a" inodes:2 60%
	inodes a 1
	until_lines "$dir/out" 1 '"crossing"'
	json
	is ready "$(value 1 '.levels[0].resource') $(value 1 '.levels[1].resource') $(value 1 .inodes_used) $(value 1 .inodes)" "inodes bytes 1 100"
	is crossing "$(value 2 .level) $(value 2 .resource) $(value 2 .used) $(value 2 .size)" "inodes:2 inodes 2 100"
	run list
	is levels "$(awk -v at="$dir/a" '$NF == at { print $7 }' "$dir/out")" "inodes:2,60%"
	run list --json
	json
	o=$(awk -v at="$dir/a" '$3 == at && $2 ~ /mountpoints/ { sub(/\.mountpoints.*/, "", $2); print $2 }' "$dir/json")
	is listed "$(value 1 "$o.levels[0].resource") $(value 1 "$o.levels[0].inodes") $(value 1 "$o.levels[1].resource") $(value 1 "$o.levels[2].level")" "used_inodes 2 used_bytes "
}

both_a_remount_that_takes_the_limit_on_inodes_away_ends_what_is_watched() {
	mounted a size=4m,nr_inodes=100
	run watch --count 1 --timeout 0 "$dir/a" inodes:50%
	expect 2 ""
	watch "$dir/a" inodes:50% 90%
	mount -o remount,nr_inodes=0 "$dir/a"
	ended
	expect 3 "$dir/a: has no limit any more"
	is events "$(events 0)" ""
	run watch "$dir/a" inodes:50%
	expect 1 "$dir/a: mounted with nr_inodes=0, which the kernel keeps no count of, or its inodes cannot be watched: see dmesg"
	run wait --timeout 0 "$dir/a" 50%
	expect 2 ""
	mounted b size=0,nr_inodes=100
	watch "$dir/b" inodes:2
	is ready "$(cat "$dir/out")" "watching $dir/b: 1 of 100 inodes used (1%); below inodes:2"
	inodes b 1
	is event "$(events 1)" "up inodes:2"
	umount "$dir/b" || fail "busy"
	ended
	expect 3 "$dir/b: unmounted"
	# what ends with the one is no crossing of the other
	mounted c size=4m,nr_inodes=100
	watch "$dir/c" inodes:50% 90%
	mount -o remount,size=0,nr_inodes=0 "$dir/c"
	ended
	expect 3 "$dir/c: has no limit any more"
	is events "$(events 0)" ""
}

# ---- levels of free space ----

both_a_level_of_free_space_is_reached_when_no_more_than_that_is_left() {
	mounted a
	watch "$dir/a" free:1M free:10%
	is ready "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); below free:1M, free:10%"
	fill a 767 most
	fill a 1 last
	is first "$(events 1)" "up free:1M"
	rm "$dir/a/last"
	is second "$(events 2)" "up free:1M down free:1M"
	is figures "$(sed -n 's/.*: \(.*\) used .*/\1/p' "$dir/out" | tail -n 2 | tr '\n' '|')" "3M of 4M|2.9M of 4M|"
	# 102.4 blocks are a tenth
	fill a 154 rest
	is third "$(events 3)" "up free:1M down free:1M up free:1M"
	fill a 1 last
	is fourth "$(events 4)" "up free:1M down free:1M up free:1M up free:10%"
	run wait --timeout 0 "$dir/a" free:404K
	expect 2 ""
	run wait --timeout 0 "$dir/a" free:408K
	expect 0 ""
	run wait --falling --timeout 0 "$dir/a" free:404K
	expect 0 ""
}

both_more_free_space_than_there_is_has_been_reached_already() {
	mounted a
	run watch --timeout 0 "$dir/a" free:200M free:0 free:100% free:0%
	expect 2
	is ready "$(cat "$dir/out")" \
		"watching $dir/a: 0 of 4M used (0%); above free:200M, free:100%; below free:0, free:0%"
	is note "$(head -n 1 "$dir/err")" \
		"tmpfswarn: note: $dir/a: level free:200M: no more than that is ever left, its size is 4M"
	run wait "$dir/a" free:18446744073709551615
	expect 0 "note: $dir/a: level free:18446744073709551615: no more than that is ever left, its size is 4M"
}

both_levels_of_free_space_are_as_typed_in_json_and_the_environment() {
	mounted a
	watch --json --count 2 --exec "echo \$TMPFSWARN_LEVEL >>'$dir/levels'" "$dir/a" free:2M free:50%
	fill a 512
	ended
	json
	is ready "$(value 1 '.levels[0].level') $(value 1 '.levels[1].level')" "free:2M free:50%"
	is levels "$(value 2 .level) $(value 3 .level)" "free:2M free:50%"
	is environment "$(xargs <"$dir/levels")" "free:2M free:50%"
}

both_a_level_of_free_space_follows_a_remount() {
	mounted a
	fill a 512
	watch --json "$dir/a" free:1M
	# 1M is left
	mount -o remount,size=3m "$dir/a"
	until_lines "$dir/out" 1 '"up"'
	mount -o remount,size=8m "$dir/a"
	until_lines "$dir/out" 1 '"down"'
	# 7M and 2M
	fill a 1279 more
	fill a 1 last
	until_lines "$dir/out" 2 '"up"'
	rm "$dir/a/last"
	until_lines "$dir/out" 2 '"down"'
	json
	is events "$(awk '$2 == ".direction" { print $3 }' "$dir/json" | xargs)" "up down up down"
	is figures "$(for line in 2 3 4 5; do value $line .used; value $line .size; done | xargs)" \
		"2097152 3145728 2097152 8388608 7340032 8388608 7335936 8388608"
	is levels "$(awk '$2 == ".level" { print $3 }' "$dir/json" | sort -u)" free:1M
	kill "$pid"
	ended
	expect 143 ""
}

# elsewhere SIZE: $dir/a is remounted where the mount table that watch sees does not tell of it
elsewhere() {
	unshare -m mount -o "remount,size=$1" "$dir/a"
}

both_a_remount_that_no_mount_table_tells_of_is_found_at_the_next_event() {
	mounted a
	watch --json "$dir/a" free:1M
	elsewhere 8m
	# 3M was the level
	fill a 1024
	# 7M is
	fill a 800 more
	until_lines "$dir/out" 1 '"up"'
	json
	is events "$(awk '$2 == ".direction" { print $3 }' "$dir/json" | xargs)" "up"
	is size "$(value 2 .size)" 8388608
	# what it was when it was found
	[ "$(value 2 .used)" -ge 7340032 ] || fail "$(cat "$dir/out")"
	kill "$pid"
	ended
	expect 143 ""
}

both_a_level_of_free_space_in_another_mount_namespace_follows_a_remount_there() {
	mkdir "$dir/a"
	mkfifo "$dir/fifo"
	unshare -m sh -c "mount -t tmpfs -o size=4m other '$dir/a' && echo >'$dir/there' && read -r line <'$dir/fifo' && mount -o remount,size=8m '$dir/a' && echo >'$dir/more' && read -r line <'$dir/fifo'" &
	there=/proc/$!/root$dir/a
	until_true test -e "$dir/there"
	watch "$there" free:1M
	echo go >"$dir/fifo"
	until_true test -e "$dir/more"
	# 3M was the level, 7M is
	dd if=/dev/zero of="$there/file" bs=4096 count=1024 2>/dev/null
	dd if=/dev/zero of="$there/more" bs=4096 count=800 2>/dev/null
	is events "$(events 1)" "up free:1M"
	is errors "$(cat "$dir/err")" ""
	echo go >"$dir/fifo"
}

both_a_level_of_free_space_needs_no_second_registration_to_follow_a_remount() {
	# debugfs tells of the end by one more
	limit=1
	[ "$interface" = device ] || limit=2
	module_reload max_mount_triggers=$limit
	mounted a
	watch "$dir/a" free:1M
	mount -o remount,size=8m "$dir/a"
	fill a 1900
	is events "$(events 1)" "up free:1M"
	is errors "$(cat "$dir/err")" ""
	kill "$pid"
	ended
	module_reload
}

both_what_is_told_of_free_space_with_one_direction_is_right_after_remounts() {
	mounted a
	fill a 512
	watch --rising "$dir/a" free:1M
	mount -o remount,size=3m "$dir/a"
	events 1 >/dev/null
	# above still
	mount -o remount,size=2560k "$dir/a"
	mount -o remount,size=8m "$dir/a"
	fill a 1280 more
	is rising "$(events 2)" "up free:1M up free:1M"
	kill "$pid"
	ended
	mount -o remount,size=16m "$dir/a"
	rm "$dir/a/more"
	watch --falling --count 1 "$dir/a" free:14M
	mount -o remount,size=17m "$dir/a"
	ended
	is falling "$(events 1)" "down free:14M"
}

both_with_once_free_space_is_told_once() {
	mounted a
	fill a 512
	watch --once "$dir/a" free:1M free:50K
	mount -o remount,size=3m "$dir/a"
	events 1 >/dev/null
	mount -o remount,size=8m "$dir/a"
	fill a 1534 more
	ended
	expect 0 ""
	is events "$(events 2)" "up free:1M up free:50K"
}

both_a_level_of_free_space_is_kept_by_follow_on_a_mount_of_another_size() {
	mounted a
	follow --count 1 "$dir/a" free:1M
	umount "$dir/a"
	mounted a size=8m
	until_lines "$dir/out" 1 "of 8M used"
	fill a 1791
	fill a 1 last
	ended
	is events "$(events 1)" "up free:1M"
	grep -q 'up free:1M: 7M of 8M' "$dir/out" || fail "$(cat "$dir/out")"
}

# ---- read late ----

test_through_the_device_time_order_and_figures_are_those_of_the_crossing() {
	mounted a
	watch --json "$dir/a" 50% 25%
	kill -STOP "$pid"
	before=$(date +%s)
	fill a 600
	usleep 2100000
	truncate -s 2093056 "$dir/a/file"
	truncate -s 1044480 "$dir/a/file"
	after=$(date +%s)
	usleep 1100000
	kill -CONT "$pid"
	until_lines "$dir/out" 4 '"crossing"'
	json
	is order "$(for line in 2 3 4 5; do value $line .direction; value $line .level; value $line .used; done | xargs)" \
		"up 25% 1048576 up 50% 2097152 down 50% 2093056 down 25% 1044480"
	for line in 2 3 4 5; do
		time=$(value $line .time)
		time=$(date -u -d "$(echo "${time%%.*}" | tr T ' ')" +%s)
		[ $line -le 3 ] && at=$before || at=$after
		[ "$time" -ge "$before" ] && [ "$time" -le "$after" ] && [ $((time - at)) -le 1 ] &&
			[ $((at - time)) -le 1 ] || fail "line $line at $time, not from $before to $after"
	done
}

test_through_debugfs_what_is_read_late_says_so_in_one_line_a_level_with_where_usage_is_now() {
	interface=debugfs
	mounted a size=8m
	watch "$dir/a" 50% 25%
	kill -STOP "$pid"
	for _ in 1 2; do
		fill a 1280
		: >"$dir/a/file"
	done
	fill a 1280
	kill -CONT "$pid"
	until_lines "$dir/out" 2 ' up \(25\|50\)%: '
	is lines "$(sed -n 's/^[-0-9]* [:0-9]* //p' "$dir/out" | sort | tr '\n' '|')" \
		"$dir/a up 25%: read late, the last of 5 crossings; now 5M of 8M used (62.5%)|$dir/a up 50%: read late, the last of 5 crossings; now 5M of 8M used (62.5%)|"
	kill -STOP "$pid"
	: >"$dir/a/file"
	fill a 1280
	: >"$dir/a/file"
	fill a 1280
	kill -CONT "$pid"
	until_lines "$dir/out" 4 '%: '
	tail -n 1 "$dir/out" | grep -q ' up ..%: read late, the last of 4 crossings; now 5M of 8M used (62.5%)$' ||
		fail "$(cat "$dir/out")"
	kill "$pid"
	ended
	watch --json --falling "$dir/a" 50%
	kill -STOP "$pid"
	: >"$dir/a/file"
	fill a 1280
	kill -CONT "$pid"
	until_lines "$dir/out" 1 '"crossing"'
	json
	is json "$(for key in direction crossings late used size; do value 2 .$key; done | xargs)" \
		"down 1 true 5242880 8388608"
}

suite "$0"
