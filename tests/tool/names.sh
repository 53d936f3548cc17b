#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What the command takes for the name of a mount and for a level, how it shows names, and what it
# says where something else was meant. Run as root inside a virtual machine with the module
# loaded. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"

# ---- names are bytes ----

# a name that drives a terminal by C1, turns its text around, ends a line, and is not all UTF-8
wild=$(printf 'w\302\23331m\342\200\256\177\342\200\250\377z')

# No line of FILE has a byte of a control character, nor what is not UTF-8.
is_fit_for_a_terminal() {
	! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$1" || fail "a control character in $1"
	for sequence in '\302\233' '\342\200\256' '\342\200\250' '\377'; do
		# shellcheck disable=SC2059	# the escapes are for printf
		! LC_ALL=C grep -qF "$(printf "$sequence")" "$1" || fail "$sequence in $1"
	done
}

both_a_name_that_drives_a_terminal_is_masked_wherever_it_is_shown() {
	mounted "$wild"
	run list
	is_fit_for_a_terminal "$dir/out"
	grep -q " $dir/w?31m????z\$" "$dir/out" || fail "$(cat "$dir/out")"
	watch --count 1 "$dir/$wild" 50%
	fill "$wild" 512
	ended
	is_fit_for_a_terminal "$dir/out"
	is ready "$(head -n 1 "$dir/out")" "watching $dir/w?31m????z: 0 of 4M used (0%); below 50%"
	watch "$dir/$wild" 50%
	umount "$dir/$wild"
	ended
	expect 3 "$dir/w?31m????z: unmounted"
}

test_what_was_typed_is_masked_in_messages() {
	for word in watch wait; do
		run "$word" "/nowhere/$wild" 50%
		expect 1 "/nowhere/w?31m????z: No such file or directory"
	done
	run wait /tmp "$wild"
	expect 1
	is_fit_for_a_terminal "$dir/err"
	tmpfswarn "$wild" 2>"$dir/err"
	is_fit_for_a_terminal "$dir/err"
	is lines "$(wc -l <"$dir/err")" 1
}

test_printable_names_are_shown_as_they_are_in_every_locale() {
	name=$(printf 'gr\303\274n \346\274\242\345\255\227 \360\237\230\200')
	mounted "$name"
	for locale in C POSIX C.UTF-8 de_DE.ISO-8859-1; do
		LC_ALL=$locale tmpfswarn >"$dir/out"
		grep -qF " $dir/$name" "$dir/out" || fail "$locale: $(cat "$dir/out")"
	done
	LC_ALL=C tmpfswarn watch --timeout 0 "$dir/$name" 50% >"$dir/out"
	is ready "$(cat "$dir/out")" "watching $dir/$name: 0 of 4M used (0%); below 50%"
}

test_bytes_that_are_no_utf8_are_masked_one_by_one() {
	# cut off, overlong, a surrogate, beyond the last character
	for bytes in '\303' '\300\200' '\355\240\200' '\364\220\200\200' '\346\274' '\200'; do
		# shellcheck disable=SC2059	# the escapes are for printf
		name=$(printf "a$bytes")b
		tmpfswarn wait "/nowhere/$name" 50% 2>"$dir/err"
		grep -Eq '^tmpfswarn: /nowhere/a[?]+b: No such file' "$dir/err" || fail "$bytes: $(cat "$dir/err")"
	done
}

test_in_json_two_names_that_are_no_utf8_stay_two() {
	for byte in 377 376; do
		# shellcheck disable=SC2059	# the escapes are for printf
		mounted "$(printf "x\\${byte}y%%")"
	done
	run --json
	expect 0 ""
	is_fit_for_a_terminal "$dir/out"
	json
	is readable "$(grep -c "mountpoints\[0\] $dir/x?y%\$" "$dir/json")" 2
	for byte in FF FE; do
		is "%$byte" "$(grep -c "mountpoints_bytes\[0\] $dir/x%${byte}y%25\$" "$dir/json")" 1
	done
	watch --json --count 1 "$(printf "%s/x\\377y%%" "$dir")" 50%
	fill "$(printf 'x\377y%%')" 512
	ended
	json
	for line in 1 2; do
		is "line $line" "$(value $line .path) $(value $line .path_bytes)" "$dir/x?y% $dir/x%FFy%25"
	done
}

test_in_json_a_mount_point_of_utf8_stands_beside_one_that_is_none() {
	mounted a
	mkdir "$dir/$(printf '\377')"
	mount --bind "$dir/a" "$dir/$(printf '\377')"
	run --json
	json
	n=$(awk -v device="$(device "$dir/a")" '$3 == device { sub(/[.]device/, "", $2); print $2 }' "$dir/json")
	is readable "$(value 1 "$n.mountpoints[0]") $(value 1 "$n.mountpoints[1]")" "$dir/a $dir/?"
	is bytes "$(value 1 "$n.mountpoints_bytes[0]") $(value 1 "$n.mountpoints_bytes[1]")" "$dir/a $dir/%FF"
}

test_json_has_printable_characters_alone_and_the_same_names() {
	name=$(printf 'gr\303\274n\302\2331m\177\360\235\205\263')
	mounted "$name"
	run --json
	json
	is_fit_for_a_terminal "$dir/out"
	grep -qF "$dir/$(printf 'gr\303\274n')\\u009b1m\\u007f\\ud834\\udd73" "$dir/json" || fail "$(cat "$dir/json")"
	is "bytes beside it" "$(grep -c _bytes "$dir/json")" 0
}

# as_wild_task SCRIPT: in a shell that has given itself a name with all of that
as_wild_task() {
	# shellcheck disable=SC2016	# for the other shell
	sh -c 'printf "c\302\233m\\\\n\n\377" >/proc/self/comm; eval "$1"' sh "$1"
}

test_the_name_of_a_task_is_masked_for_people_and_kept_in_json() {
	knows_who || skip "a kernel before 6.6 does not say who crossed"
	mounted a
	for json in '' --json; do
		fill a 600
		watch ${json:+"$json"} --count 1 "$dir/a" 50%
		as_wild_task ": >'$dir/a/file'"
		ended
		is_fit_for_a_terminal "$dir/out"
		[ -n "$json" ] || grep -Eq ' by c[?]m\\n[?][?]\[[0-9]+\] uid 0$' "$dir/out" || fail "$(cat "$dir/out")"
	done
	json
	is comm "$(value 2 .comm)" 'c\u009bm\\n\n?'
	is bytes "$(value 2 .comm_bytes)" 'c%C2%9Bm%5Cn%0A%FF'
}

both_the_name_of_who_registered_is_kept_in_json() {
	mounted a
	mkfifo "$dir/fifo"
	as_wild_task "exec 3<>/dev/tmpfswarn 4<'$dir/a'; echo '4 50%' >&3; echo go >'$dir/there'; read -r line <'$dir/fifo'" &
	until_true test -s "$dir/there"
	run list --json
	echo go >"$dir/fifo"
	wait
	is_fit_for_a_terminal "$dir/out"
	json
	grep -qF '.comm c\u009bm\\n\n?' "$dir/json" || fail "$(cat "$dir/json")"
	grep -qF '.comm_bytes c%C2%9Bm%5Cn%0A%FF' "$dir/json" || fail "$(cat "$dir/json")"
}

test_the_path_of_a_cgroup_that_is_no_utf8_is_kept_in_json() {
	knows_who || skip "a kernel before 6.6 does not say who crossed"
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
	inside=$dir/cgroup/$(printf 'x\377y')
	mkdir "$inside"
	mounted a
	watch --json --count 1 "$dir/a" 50%
	sh -c "echo \$\$ >'$inside/cgroup.procs'; dd if=/dev/zero of='$dir/a/file' bs=4096 count=600 2>/dev/null"
	ended
	json
	is cgroup "$(value 2 .cgroup_path) $(value 2 .cgroup_path_bytes)" "/x?y /x%FFy"
	rmdir "$inside"
}

# ---- mounts named by number ----

both_a_mount_is_named_by_its_number() {
	mounted a
	number=$(device "$dir/a")
	watch "$number" 50%
	is ready "$(cat "$dir/out")" "watching $number: 0 of 4M used (0%); below 50%"
	# it is that mount, whatever covers it
	mounted a
	umount "$dir/a"
	fill a 512
	is events "$(events 1)" "up 50%"
	run wait "$number" 50%
	expect 0 ""
	run wait --follow "$number" 50%
	expect 1 "$number: names a mount by its number: --follow needs a path"
	run watch --json --timeout 0 "$number" 80% "$dir/a" 50%
	expect 2 ""
	json
	is path "$(value 1 .path) $(value 1 .device) $(value 2 .path)" "$number $number $dir/a"
	umount "$dir/a" || fail "busy"
	ended
	expect 3 "$number: unmounted"
}

both_the_directory_in_debugfs_names_its_mount() {
	mounted a
	number=$(device "$dir/a")
	until_true test -e "$shown/$number/event_control"
	watch "$shown/$number" 50%
	fill a 512
	is events "$(events 1)" "up 50%"
	(cd "$shown/$number" && tool wait . 50% 2>"$dir/err")
	status=$?
	expect 0 ""
	run wait --follow "$shown/$number" 50%
	expect 1 "$shown/$number: names a mount by its number: --follow needs a path"
	run watch "$shown" 50%
	expect 1 "$shown: debugfs, not tmpfs"
}

test_what_has_a_slash_is_a_path_and_no_number() {
	mounted a
	mkdir "$dir/a/0:1"
	(cd "$dir/a" && tool watch --timeout 0 ./0:1 50% >"$dir/out" 2>"$dir/err")
	status=$?
	expect 2 ""
	is ready "$(cat "$dir/out")" "watching ./0:1 (on $dir/a): 0 of 4M used (0%); below 50%"
}

both_a_detached_mount_is_watched_by_its_number() {
	mounted a
	number=$(device "$dir/a")
	exec 9>"$dir/a/file"
	umount -l "$dir/a"
	watch "$number" 50% 9>&-
	dd if=/dev/zero bs=4096 count=600 >&9 2>/dev/null
	is events "$(events 1)" "up 50%"
	exec 9>&-
	ended
	expect 3 "$number: unmounted"
}

both_a_mount_of_another_namespace_is_watched_by_its_number() {
	mkdir "$dir/b"
	mkfifo "$dir/fifo"
	unshare -m sh -c "mount -t tmpfs -o size=4m tool '$dir/b'; stat -c %d '$dir/b' >'$dir/there'; read -r line <'$dir/fifo'; dd if=/dev/zero of='$dir/b/file' bs=4096 count=600 2>/dev/null; read -r line <'$dir/fifo'" &
	until_true test -s "$dir/there"
	number=$(cat "$dir/there")
	number=0:$((number & 255 | number >> 12 & 0xfff00))
	watch "$number" 50%
	echo go >"$dir/fifo"
	is events "$(events 1)" "up 50%"
	echo go >"$dir/fifo"
	ended
	expect 3 "$number: unmounted"
}

# overlay: on $dir/m, its upper layer on the tmpfs $dir/a with the number $number
overlay() {
	mounted a
	number=$(device "$dir/a")
	mkdir "$dir/a/upper" "$dir/a/work" "$dir/lower" "$dir/m"
	mount -t overlay -o "lowerdir=${1:-$dir/lower},upperdir=$dir/a/upper,workdir=$dir/a/work" overlay "$dir/m" 2>/dev/null ||
		skip "a kernel without overlay"
}

test_where_nothing_leads_to_a_mount_its_number_goes_through_debugfs() {
	overlay
	umount -l "$dir/a"
	watch "$number" 50%
	fill m 600
	is events "$(events 1)" "up 50%"
	interface=debugfs
	run wait "$number" 50%
	expect 0 ""
	interface=device
	run wait "$number" 50%
	expect 1 "$number: no path or open file that is to be seen leads to this mount, and by number it can be had through debugfs alone: use --interface debugfs"
	chmod 755 "$work" "$dir"
	has_user user 1000
	as_user user wait "$number" 50%
	expect 1 "$number: no path or open file that is to be seen leads to this mount, and by number it can be had through debugfs alone: debugfs not permitted: run as root, or with --interface device"
}

test_a_number_that_no_tmpfs_has_is_refused() {
	run watch 0:1000000 50%
	expect 1 "0:1000000: no tmpfs of this number is mounted, or the module does not show it: see tmpfswarn list"
	number=$(device /proc)
	run watch "$number" 50%
	expect 1 "$number: proc, not tmpfs"
	number=$(device /dev)
	run watch "$number" 50%
	expect 1 "$number: devtmpfs, which the kernel fills itself, not tmpfs"
}

test_others_than_root_name_by_number_what_they_reach() {
	chmod 755 "$work" "$dir"
	has_user user 1000
	mounted a
	as_user user wait --timeout 0 "$(device "$dir/a")" 50%
	expect 2 ""
}

# ---- refusals that know what to do ----

test_an_overlay_names_the_tmpfs_of_its_upper_layer() {
	overlay
	run watch "$dir/m" 50%
	expect 1 "$dir/m: overlay, not tmpfs; its upper layer is on one: watch $dir/a/upper"
	run watch --timeout 0 "$dir/a/upper" 50%
	expect 2 ""
	number=$(device "$dir/m")
	run wait "$number" 50%
	expect 1 "$number: overlay, not tmpfs; its upper layer is on one: watch $dir/a/upper"
}

test_an_overlay_names_by_number_an_upper_layer_that_no_path_leads_to() {
	overlay
	mounted other
	fill m 600
	umount -l "$dir/a"
	run watch "$dir/m" 50%
	expect 1 "$dir/m: overlay, not tmpfs; its upper layer is on one: watch $number"
}

test_the_root_of_a_container_on_an_overlay_names_its_tmpfs() {
	overlay /
	fill m 600
	mount -t proc proc "$dir/m/proc"
	mount --bind /dev "$dir/m/dev"
	mkdir -p "$dir/m$dir/a/upper"
	chroot "$dir/m" tmpfswarn watch / 80% >"$dir/out" 2>"$dir/err"
	status=$?
	expect 1 "/: overlay, not tmpfs; its upper layer is on one: watch $number"
}

test_an_overlay_whose_upper_layer_is_not_to_be_seen_says_so() {
	overlay
	umount -l "$dir/a"
	chmod 755 "$work" "$dir"
	has_user user 1000
	as_user user wait "$dir/m" 50%
	expect 1 "$dir/m: overlay, not tmpfs; its upper layer $dir/a/upper is not to be seen from here: if it is on a tmpfs, watch that where the overlay was mounted"
}

test_an_overlay_that_is_on_no_tmpfs_says_so() {
	overlay
	mkdir "$dir/ram" "$dir/n" "$dir/o" "$dir/second"
	mount -t overlay -o "lowerdir=$dir/lower:$dir/second" overlay "$dir/n"
	run watch "$dir/n" 50%
	expect 1 "$dir/n: overlay without an upper layer, which nothing fills, not tmpfs"
	mount -t ramfs ram "$dir/ram"
	mkdir "$dir/ram/upper" "$dir/ram/work"
	mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/ram/upper,workdir=$dir/ram/work" overlay "$dir/o" ||
		skip "no overlay on ramfs"
	run watch "$dir/o" 50%
	expect 1 "$dir/o: overlay, not tmpfs, nor is its upper layer $dir/ram/upper"
}

test_what_is_stacked_on_a_tmpfs_names_that_though_its_server_hangs() {
	[ -c /dev/fuse ] || skip "a kernel without FUSE"
	mounted a
	mkdir "$dir/fuse"
	exec 9<>/dev/fuse
	mount -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 "$dir/a" "$dir/fuse" || fail "mount failed"
	run watch "$dir/fuse" 50%
	exec 9>&-
	expect 1 "$dir/fuse: fuse, not tmpfs; it is stacked on one: watch $dir/a"
}

test_a_refusal_says_what_there_is_in_place_of_the_file_system() {
	mkdir "$dir/ram" "$dir/huge"
	mount -t ramfs ram "$dir/ram"
	run watch "$dir/ram" 50%
	expect 1 "$dir/ram: ramfs, which has no size to be filled, not tmpfs: mount -t tmpfs -o size=SIZE in its place"
	mount -t hugetlbfs huge "$dir/huge" || skip "a kernel without hugetlbfs"
	run wait "$dir/huge" 50%
	expect 1 "$dir/huge: hugetlbfs, which takes its pages from a pool, not tmpfs: see HugePages_Free in /proc/meminfo"
}

both_a_memfd_is_not_taken_for_a_mount_without_size() {
	"$here/memfd" timeout -s KILL "$patience" tmpfswarn watch --interface "$interface" /proc/self/fd/0 80% \
		>"$dir/out" 2>"$dir/err"
	status=$?
	expect 1 "/proc/self/fd/0: on the kernel's own tmpfs, that of memfds and shared memory, which has no size to be filled"
}

# ---- automounts ----

# automounter ready|fail|hang: on $dir/auto
automounter() {
	mkdir "$dir/auto"
	modprobe -q autofs4 2>/dev/null
	: >"$dir/said"
	"$here/automounter" "$dir/auto" "$1" >"$dir/said" 2>&1 &
	echo $! >>"$dir/pids"
	until_true grep -q . "$dir/said"
	! grep -q '^mount: ' "$dir/said" || skip "a kernel without autofs"
}

test_a_tmpfs_that_is_mounted_when_it_is_used_is_watched() {
	automounter ready
	watch --count 1 "$dir/auto" 50%
	is ready "$(cat "$dir/out")" "watching $dir/auto: 0 of 4M used (0%); below 50%"
	fill auto 512
	ended
	expect 0 ""
	is events "$(events 1)" "up 50%"
}

test_wait_has_it_mounted_too() {
	automounter ready
	run wait --timeout 0 "$dir/auto" 50%
	expect 2 ""
}

test_an_automount_that_fails_is_told_with_the_reason() {
	automounter fail
	run watch "$dir/auto" 50%
	expect 1 "$dir/auto: autofs, and mounting has failed: No such file or directory"
}

test_an_automount_that_hangs_does_not_hang_the_command() {
	automounter hang
	run watch "$dir/auto" 50%
	expect 1 "$dir/auto: autofs, and its daemon has mounted nothing for 10 seconds: see systemctl status, or automount(8)"
}

# ---- what is hardly meant ----

both_an_amount_that_is_less_than_a_page_is_said_to_be_one() {
	mounted a
	run watch --timeout 0 "$dir/a" 80
	expect 2 "note: 80 is 80 bytes, taken for a page of 4K; 80% for percent"
	is out "$(cat "$dir/out")" "watching $dir/a: 0 of 4M used (0%); below 80"
	run wait --timeout 0 "$dir/a" 512
	expect 2 "note: 512 is 512 bytes, taken for a page of 4K; 512M for mebibytes"
	run watch --json --timeout 0 "$dir/a" 1k
	expect 2 "note: 1k is less than a page of 4K: taken for one"
	json
	run watch --timeout 0 --hysteresis 5 "$dir/a" 80%
	expect 2 "note: --hysteresis 5 is 5 bytes, taken for a page of 4K; --hysteresis 5% for percent"
}

both_a_level_above_the_size_is_noted() {
	mounted a
	for word in watch wait; do
		run "$word" --timeout 0 "$dir/a" 20M
		expect 2 "note: $dir/a: level 20M is more than its size, 4M: reached only if it is made larger"
	done
	watch "$dir/a" 5M
	mount -o remount,size=8m "$dir/a"
	fill a 1500
	is events "$(events 1)" "up 5M"
}

both_a_level_that_is_never_crossed_is_noted() {
	mounted a
	run watch --timeout 0 "$dir/a" 0
	expect 2 "note: $dir/a: usage is never below level 0"
	run wait --falling --timeout 0 "$dir/a" 0%
	expect 2 "note: $dir/a: usage is never below level 0%"
	run wait "$dir/a" 0
	expect 0 ""
}

both_a_level_that_is_given_twice_is_noted() {
	mounted a
	run watch --timeout 0 "$dir/a" 50% 1M 50%
	expect 2 "note: $dir/a: level 50% is given twice, and told twice"
	run watch --timeout 0 "$dir/a" 1M 1024k
	expect 2 "note: $dir/a: level 1024k is given twice, and told twice"
	run watch --timeout 0 "$dir/a" 50% "$dir/a" 50%
	expect 2 ""
}

both_hysteresis_that_is_more_than_the_level_is_noted() {
	mounted a
	run watch --timeout 0 --hysteresis 60% "$dir/a" 50% 80%
	expect 2 "note: $dir/a: level 50% with hysteresis 60% is told again only when the mount has been empty"
	run watch --timeout 0 --hysteresis 3M --rising "$dir/a" 2M
	expect 2 "note: $dir/a: level 2M with hysteresis 3M is told again only when the mount has been empty"
	run watch --timeout 0 --hysteresis 60% --falling "$dir/a" 50%
	expect 2 "note: $dir/a: level 50% with hysteresis 60% is told again only when the mount has been made larger"
	for direction in rising falling both; do
		run watch --timeout 0 --hysteresis 50% --"$direction" "$dir/a" 50%
		expect 2 ""
	done
}

both_what_is_meant_gets_no_note() {
	mounted a
	run watch --timeout 0 --hysteresis 5% "$dir/a" 50% 1048576 100% 4M low critical
	expect 2 ""
	run watch --timeout 0 "$dir/a" 4096
	expect 2 ""
}

suite "$0"
