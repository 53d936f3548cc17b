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

suite "$0"
