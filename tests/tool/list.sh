#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What list and status say where something is in the way: file systems that do not answer, mounts
# without a path, what is covered or masked; whose a mount is, and what ends it before it is full.
# Run as run.sh is, with the module loaded. Prints TAP.

# shellcheck disable=SC2317,SC2119	# the tests are called by way of suite; arguments are optional

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=fuse.sh
. "$here/fuse.sh"

# row DEVICE FIELD...: these fields of its row in $dir/out
row() {
	awk -v device="$1" -v fields="$(shift; echo "$*")" '$1 == device {
		nr = split(fields, field, " ")
		for (i = 1; i <= nr; i++) printf "%s%s", $field[i], i < nr ? " " : "\n" }' "$dir/out"
}

# place DEVICE: where it is mounted, all of it
place() {
	awk -v device="$1" '$1 == device { for (i = 1; i <= 7; i++) sub(/^ *[^ ]+ +/, ""); print }' "$dir/out"
}

# object DEVICE: the path of its object in the JSON read last
object() {
	awk -v device="$1" '$3 == device { sub(/[.]device/, "", $2); print $2 }' "$dir/json"
}

# ---- what does not answer ----

# below_hung NAME [COVERED]: a tmpfs on $dir/fuse/NAME, of a server that no longer answers, which
# covers $dir/COVERED as well; $number
below_hung() {
	below_fuse "$1"
	fill "fuse/$1" 256
	number=$(device "$dir/fuse/$1")
	[ -z "${2:-}" ] || mount --bind "$dir/fuse" "$dir/$2" || fail "mount failed"
	fuse_hangs
}

both_a_file_system_that_does_not_answer_hides_no_figures_from_root() {
	below_hung a
	run list
	expect 0 ""
	is row "$(row "$number" 2 3 4 8)" "4M 1M 25% $dir/fuse/a"
}

test_without_figures_of_the_module_what_is_below_one_that_does_not_answer_has_none() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	mounted near
	below_hung a
	as_user nobody list
	expect 0 ""
	is row "$(row "$number" 2 3 4 8)" "- - - $dir/fuse/a"
	is near "$(row "$(device "$dir/near")" 2 3)" "4M 0"
	rmmod tmpfswarn || fail "rmmod failed"
	run list --json
	module_load
	expect 0 "levels not known: module not loaded: modprobe tmpfswarn"
	json
	is size "$(value 1 "$(object "$number").size")" null
	is mountpoint "$(value 1 "$(object "$number").mountpoints[0]")" "$dir/fuse/a"
	is near "$(value 1 "$(object "$(device "$dir/near")").size")" 4194304
}

test_what_covers_a_mount_and_does_not_answer_is_not_asked_either() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	mounted below/b
	covered=$(device "$dir/below/b")
	below_hung a below
	as_user nobody list
	umount -l "$dir/below"
	expect 0 ""
	is row "$(row "$covered" 2 3 8)" "- - $dir/below/b"
}

test_list_triggers_no_automount() {
	mounted auto/a
	number=$(device "$dir/auto/a")
	automount auto
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	as_user nobody list
	kill -9 $daemon
	umount -l "$dir/auto"
	expect 0 ""
	is row "$(row "$number" 2 3 8)" "- - $dir/auto/a"
}

# ---- mounts without a path ----

both_a_mount_that_is_unmounted_and_still_in_use_is_called_detached() {
	mounted a
	number=$(device "$dir/a")
	exec 5>"$dir/a/file"
	umount -l "$dir/a"
	run list
	is place "$(place "$number")" "(detached)"
	run list --json
	json
	is members "$(grep -c "^1 $(object "$number" | sed 's/[][]/[&]/g')[.]\(mountpoints\|elsewhere\)" "$dir/json")" 0
	grep -q "\"device\":\"$number\",\"mountpoints\":\\[\\],\"elsewhere\":\\[\\]" "$dir/out" || fail "$(cat "$dir/out")"
	exec 5>&-
}

test_where_not_all_processes_are_to_be_seen_no_mount_is_called_detached() {
	mounted a
	number=$(device "$dir/a")
	exec 5>"$dir/a/file"
	umount -l "$dir/a"
	unshare -p -m -f sh -c "mount -t proc proc /proc; exec tmpfswarn list" >"$dir/out" 2>"$dir/err" 5>&-
	is place "$(place "$number")" "(no path here)"
	unshare -p -m -f sh -c "mount -t proc proc /proc; exec tmpfswarn list --json" >"$dir/out" 2>"$dir/err" 5>&-
	json
	is elsewhere "$(value 1 "$(object "$number").elsewhere")" null
	exec 5>&-
}

cgroup2() {
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup" 2>/dev/null || skip "a kernel without cgroup v2"
}

# elsewhere CGROUP: a process $pid there with a tmpfs of 12m on $dir/a of its own namespace, $number
elsewhere() {
	mkdir -p "$dir/a" "$dir/cgroup/$1"
	# shellcheck disable=SC2016
	unshare -m sh -c 'echo $$ >"$1/cgroup.procs" && mount -t tmpfs -o size=12m tool "$0/a" &&
		awk -v at="$0/a" "\$5 == at { number = \$3 } END { print number }" /proc/self/mountinfo >"$0/number" && exec sleep 1000' \
		"$dir" "$dir/cgroup/$1" &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true test -s "$dir/number"
	until_true grep -qx sleep "/proc/$pid/comm"
	number=$(cat "$dir/number")
	until_true test -e "$shown/$number"
}

# left CGROUP...: nobody is there any more, and they are removed
left() {
	kill -9 "$pid"
	until_true is_over "$pid"
	for empty; do
		until_true rmdir "$dir/cgroup/$empty"
	done
}

id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

both_a_mount_of_another_namespace_has_a_path_and_the_name_of_its_container() {
	cgroup2
	elsewhere "system.slice/docker-$id.scope"
	run list
	expect 0 ""
	cp "$dir/out" "$dir/list"
	run list --json
	json
	o="$(object "$number").elsewhere[0]"
	found="$(value 1 "$o.pid") $(value 1 "$o.comm") $(value 1 "$o.name") $(value 1 "$o.mountpoints[0]")"
	cgroup=$(value 1 "$o.cgroup")
	left "system.slice/docker-$id.scope" system.slice
	is place "$(place "$number"; cp "$dir/list" "$dir/out"; place "$number")" "/proc/$pid/root$dir/a (docker-0123456789ab)"
	is elsewhere "$found" "$pid sleep docker-0123456789ab $dir/a"
	is cgroup "$cgroup" "/system.slice/docker-$id.scope"
}

test_a_container_is_the_outermost_and_a_unit_the_innermost_of_its_cgroups() {
	cgroup2
	while read -r cgroup name; do
		rm -f "$dir/number"
		elsewhere "$cgroup"
		run list
		left "$cgroup"
		is "$cgroup" "$(place "$number")" "/proc/$pid/root$dir/a ($name)"
	done <<-END
		lib/$id $(echo $id | cut -c 1-12)
		kubepods.slice/kubepods-pod1.slice/crio-$id.scope/container crio-0123456789ab
		machine.slice/systemd-nspawn@a.service/payload/init.scope systemd-nspawn@a
		lxc.payload.a/init.scope lxc.payload.a
		user.slice/user-1.slice/user@1.service/app.slice/cups.service cups.service
		neither sleep
	END
	find "$dir/cgroup" -depth -mindepth 1 -type d -exec rmdir {} \;
}

test_the_name_of_a_unit_drives_no_terminal() {
	cgroup2
	name=$(printf 'x\033[31m.service')
	elsewhere "$name"
	run list
	left "$name"
	is place "$(place "$number")" "/proc/$pid/root$dir/a (x?[31m.service)"
}

both_owners_says_who_registered_each_level() {
	mounted a
	watch "$dir/a" 50% 3M
	run list --owners
	expect 0 ""
	is levels "$(grep -A 2 "^$(device "$dir/a") " "$dir/out" | sed 1d)" \
		"  50% by tmpfswarn[$pid] uid 0
  3M by tmpfswarn[$pid] uid 0"
	kill "$pid"
	ended
	cgroup2
	mkdir "$dir/cgroup/cups.service"
	(
		echo 0 >"$dir/cgroup/cups.service/cgroup.procs"
		tool watch "$dir/a" 70%
	) >"$dir/ready" 2>&1 </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_lines "$dir/ready" 1 '^watching '
	run list --owners
	grep -qx "  70% by tmpfswarn\[$pid\] uid 0 in cups.service" "$dir/out" || fail "$(cat "$dir/out")"
	run list --json
	json
	o="$(object "$(device "$dir/a")").levels[0]"
	owner="$(value 1 "$o.uid") $(value 1 "$o.pid") $(value 1 "$o.comm") $(value 1 "$o.cgroup") $(value 1 "$o.name")"
	left cups.service
	is json "$owner" "0 $pid tmpfswarn /cups.service cups.service"
}

# ---- what ends it before it is full ----

# limited: a cgroup of 30 MiB without swap in one that has more
limited() {
	cgroup2
	echo +memory >"$dir/cgroup/cgroup.subtree_control" 2>/dev/null ||
		skip "a kernel without memory cgroups"
	mkdir -p "$dir/cgroup/outer/inner"
	echo +memory >"$dir/cgroup/outer/cgroup.subtree_control"
	swap=$(awk 'NR > 1 { print $1 }' /proc/swaps)
	# some kernels do not count it for each cgroup
	[ -z "$swap" ] || swapoff "$swap"
	# shellcheck disable=SC2064
	trap "[ -z '$swap' ] || swapon '$swap'
		echo max >'$dir/cgroup/outer/memory.max'
		rmdir '$dir/cgroup/outer/inner' '$dir/cgroup/outer'
		echo -memory >'$dir/cgroup/cgroup.subtree_control'" EXIT
}

# the kernel may have charged it a little for itself
about_30='\(30\|29[.][0-9]\|28[.][0-9]\)M'

# note DEVICE: what list says below its row
note() {
	grep -A 1 "^$1 " "$dir/out" | sed -n '2s/^  *//p'
}

test_list_says_when_a_cgroup_leaves_less_than_the_mount() {
	limited
	mounted a size=64m
	mounted b size=16m
	a=$(device "$dir/a")
	run list --cgroup /outer/inner
	is "no limit" "$(note "$a" | grep -c cgroup)" 0
	echo 30M >"$dir/cgroup/outer/memory.max"
	for name in /outer/inner outer/inner/ "$dir/cgroup/outer/inner"; do
		run list --cgroup "$name"
		expect 0 ""
		note "$a" | grep -qx "(its cgroup leaves $about_30)" || fail "$name: $(cat "$dir/out")"
	done
	is "enough for b" "$(note "$(device "$dir/b")" | grep -c cgroup)" 0
	run list --json --cgroup /outer/inner
	json
	o=$(object "$a").memory
	is json "$(value 1 "$o.limit") $(value 1 "$o.cgroup")" "memory.max /outer"
	is "left, in 16 MiB" "$(($(value 1 "$o.left") >> 24))" 1
	echo 20M >"$dir/cgroup/outer/inner/memory.high"
	run list --cgroup /outer/inner
	note "$a" | grep -qx '(its cgroup leaves \(20\|19[.][0-9]\)M before it is slowed down)' || fail "$(cat "$dir/out")"
	run list --cgroup /nowhere
	expect 1 "list: --cgroup /nowhere: no such cgroup below $dir/cgroup; see tmpfswarn list --help"
	run list --cgroup ../..
	expect 1 "list: --cgroup ../..: no such cgroup below $dir/cgroup; see tmpfswarn list --help"
}

test_by_default_it_is_the_cgroup_of_the_command_or_of_who_has_the_mount() {
	limited
	mounted a size=64m
	echo 30M >"$dir/cgroup/outer/memory.max"
	sh -c "echo \$\$ >'$dir/cgroup/outer/inner/cgroup.procs'; exec tmpfswarn list" >"$dir/out"
	note "$(device "$dir/a")" | grep -qx '(its cgroup leaves 2[0-9][.0-9]*M)' || fail "$(cat "$dir/out")"
	echo 8M >"$dir/cgroup/outer/memory.max"
	elsewhere outer/inner
	run list
	left
	note "$number" | grep -qx '(its cgroup leaves [67][.0-9]*M)' || fail "$(cat "$dir/out")"
	is "a of the host" "$(note "$(device "$dir/a")" | grep -c cgroup)" 0
}

both_watch_says_so_when_it_is_ready() {
	limited
	mounted a size=64m
	echo 30M >"$dir/cgroup/outer/memory.max"
	watch --cgroup /outer/inner "$dir/a" 80%
	grep -qx "watching $dir/a: 0 of 64M used (0%); its cgroup leaves $about_30; below 80%" "$dir/out" ||
		fail "$(cat "$dir/out")"
	kill "$pid"
	watch --json --cgroup /outer/inner "$dir/a" 80%
	json
	is json "$(value 1 .memory.limit) $(value 1 .memory.cgroup)" "memory.max /outer"
	kill "$pid"
	mounted b
	watch --cgroup /outer/inner "$dir/b" 80%
	is "enough for b" "$(head -n 1 "$dir/out")" "watching $dir/b: 0 of 4M used (0%); below 80%"
}

test_list_says_when_ram_and_swap_leave_less_than_the_mount() {
	mounted a size=100g
	mounted b size=0
	run list
	note "$(device "$dir/a")" | grep -qx '(RAM and swap leave [0-9.]*[MG])' || fail "$(cat "$dir/out")"
	note "$(device "$dir/b")" | grep -qx '(RAM and swap leave [0-9.]*[MG])' || fail "$(cat "$dir/out")"
	run list --json
	json
	o=$(object "$(device "$dir/a")").memory
	is json "$(value 1 "$o.limit") $(value 1 "$o.cgroup")" "ram null"
}

# ---- what status says ----

# apart COMMANDS: in a mount and a network namespace of its own; $status
apart() {
	unshare -m -n sh -c "$*" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# says KEY: its line of status
says() {
	sed -n "s/^$1  *//p" "$dir/out"
}

no_advice_harms() {
	! grep -q 'rmmod\|modprobe -r\|load the module\|module loaded with' "$dir/out" "$dir/err" || fail "$(cat "$dir/out" "$dir/err")"
}

test_a_debugfs_that_is_covered_is_said_to_be() {
	mounted a
	why="debugfs covered by sysfs on /sys: use --interface device, or mount -t debugfs debugfs $debugfs"
	apart "mount -t sysfs sysfs /sys; exec tmpfswarn status"
	expect 0 ""
	is auto "$(says debugfs)" "unusable ($why)"
	apart "mount -t sysfs sysfs /sys; exec tmpfswarn status --interface debugfs"
	expect 1 ""
	is debugfs "$(says debugfs)" "unusable: $why"
	no_advice_harms
	apart "mount -t sysfs sysfs /sys; exec tmpfswarn watch --interface debugfs --timeout 0 '$dir/a' 50%"
	expect 1 "$why"
	apart "mount -t sysfs sysfs /sys; mount -t debugfs debugfs $debugfs; exec tmpfswarn status --interface debugfs"
	expect 0 ""
	apart "mount -t sysfs sysfs /sys; exec unshare -U -r tmpfswarn status --interface debugfs"
	is in_a_container "$(says debugfs)" "unusable: debugfs covered by sysfs on /sys: use --interface device"
	apart "mount -t tmpfs tmpfs $debugfs; exec tmpfswarn status --interface debugfs"
	is by_a_mask "$(says debugfs)" \
		"unusable: debugfs covered by tmpfs on $debugfs: use --interface device, or mount -t debugfs debugfs $debugfs"
}

test_a_debugfs_that_is_read_only_lists_and_says_that_nothing_can_be_registered() {
	mounted a
	why="debugfs read-only here, as by ProtectKernelTunables=: use --interface device"
	only="mount --bind $debugfs $debugfs; mount -o remount,bind,ro $debugfs; exec tmpfswarn"
	apart "$only status"
	expect 0 ""
	is auto "$(says debugfs)" "$shown (list and status only)"
	apart "$only status --interface debugfs"
	expect 1 ""
	is debugfs "$(says debugfs)" "$shown (list and status only): $why"
	apart "$only watch --interface debugfs --timeout 0 '$dir/a' 50%"
	expect 1 "$dir/a: $why"
	apart "$only list --interface debugfs"
	expect 0 ""
}

test_without_proc_status_works_and_list_has_what_the_module_knows() {
	mounted a
	fill a 256
	number=$(device "$dir/a")
	apart "umount -l /proc; exec tmpfswarn status"
	expect 0 ""
	is module "$(says module)" loaded
	is versions "$(says version)" "$(says command)"
	is debugfs "$(says debugfs)" "$shown"
	apart "umount -l /proc; exec tmpfswarn list"
	expect 1 "/proc/self/mountinfo: cannot be read: mount -t proc proc /proc"
	is row "$(row "$number" 2 3 4) $(place "$number")" "4M 1M 25% (no path here)"
}

test_without_sysfs_proc_says_whether_the_module_is_loaded() {
	apart "umount -l /sys; exec tmpfswarn status"
	expect 0 ""
	is module "$(says module)" loaded
	apart "umount -l /sys; mount -t tmpfs tmpfs /dev; exec tmpfswarn status"
	expect 1 ""
	is module "$(says module)" loaded
	is device "$(says device)" \
		"unusable: no /dev/tmpfswarn here: have it passed to this container, as by docker run --device /dev/tmpfswarn"
	apart "umount -l /sys; mount -t tmpfs tmpfs /dev; umount -l /proc; exec tmpfswarn status"
	expect 1 ""
	is module "$(says module)" \
		"unknown: neither sysfs nor /proc says whether the module is loaded: mount -t proc proc /proc"
	no_advice_harms
}

test_a_device_that_is_masked_stale_or_none_is_said_to_be_and_not_opened() {
	mounted a
	apart "mount --bind /dev/null /dev/tmpfswarn; exec tmpfswarn status --interface device"
	expect 1 ""
	is null "$(says device)" "unusable: /dev/tmpfswarn is /dev/null here: whoever runs this container masks it"
	apart "mount --bind /dev/null /dev/tmpfswarn; exec tmpfswarn watch --interface device --timeout 0 '$dir/a' 50%"
	expect 1 "/dev/tmpfswarn is /dev/null here: whoever runs this container masks it"
	apart "mount --bind /dev/null /dev/tmpfswarn; exec tmpfswarn watch --timeout 0 '$dir/a' 50%"
	expect 2 ""
	mknod "$dir/node" c 1 5
	number=$(cat /sys/class/tmpfswarn/tmpfswarn/dev)
	for before in "" "umount -l /sys;"; do
		apart "mount --bind '$dir/node' /dev/tmpfswarn; $before exec tmpfswarn status --interface device"
		expect 1 ""
		is stale "$(says device)" \
			"unusable: /dev/tmpfswarn is of a module loaded before (1:5, now it is $number): have it passed to this container again"
	done
	apart "mount -t tmpfs tmpfs /dev; mkdir /dev/tmpfswarn; exec tmpfswarn status --interface device"
	expect 1 ""
	is directory "$(says device)" \
		"unusable: /dev/tmpfswarn is no device here, but made in its place: remove it, and have the device passed to this container, as by docker run --device /dev/tmpfswarn"
	apart "mount -t tmpfs -o nodev tmpfs /dev; mknod /dev/tmpfswarn c ${number%:*} ${number#*:}; exec tmpfswarn status --interface device"
	expect 1 ""
	is nodev "$(says device)" \
		"unusable: /dev/tmpfswarn: on a file system mounted nodev: have it passed to this container, as by docker run --device /dev/tmpfswarn"
	no_advice_harms
}

test_who_may_not_load_the_module_is_told_who_may() {
	chmod 755 "$work" "$dir"
	has_user nobody 65534
	rmmod tmpfswarn || fail "rmmod failed"
	as_user nobody status
	user="$status $(says module)"
	unshare -U -r tmpfswarn status >"$dir/out" 2>"$dir/err"
	container="$? $(says module)"
	module_load
	is user "$user" "1 not loaded: have root of the machine run modprobe tmpfswarn"
	is container "$container" "1 not loaded: have root of the machine run modprobe tmpfswarn"
}

suite "$0"
