#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# mount.tmpfswarn under util-linux's mount(8) and systemd; TAP. With the module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

test_the_line_of_the_rfc_works_and_then_its_client_is_signalled() {
	opt_in
	mkdir "$dir/a"
	must mount -t tmpfs -o warn_used=1k,nr_blocks=2k none "$dir/a"
	is level "$(level a)" 1024
	client a
	fill a 1023
	untold a
	fill a 1024
	told
}

test_so_it_does_by_its_own_type_where_nobody_has_opted_in() {
	mkdir "$dir/a"
	must mount -t tmpfswarn -o warn_used=1k,nr_blocks=2k none "$dir/a"
	is type "$(findmnt -no FSTYPE,SOURCE "$dir/a" | xargs)" "tmpfs none"
	client a
	fill a 1024
	told
}

test_where_nobody_has_opted_in_the_kernel_refuses_it_as_ever() {
	mkdir "$dir/a"
	does mount -t tmpfs -o warn_used=1k none "$dir/a"
	is status $status 32
	not_mounted a
	must mount -t tmpfs -o size=1m none "$dir/a"
}

test_percentages_and_none_and_the_last_of_several_are_taken() {
	mkdir "$dir/a"
	for given in 80%=80% 99.5%=99.50% 0=0 2k=2048 1,warn_used=7=7; do
		must mount -t tmpfswarn -o "size=10m,warn_used=${given%=*},mode=700" none "$dir/a"
		is "level of $given" "$(level a)" "${given##*=}"
		umount "$dir/a"
	done
}

# what has become of the options: the status, then what the kernel and libmount have of them
outcome() {
	does mount "$@" none "$dir/a"
	echo "status $status"
	findmnt -nfo FSTYPE,SOURCE,VFS-OPTIONS,FS-OPTIONS,PROPAGATION,FSROOT "$dir/a"
	sed -n "s,.* TARGET=$dir/a,,p" /run/mount/utab
	stat -c '%a %u:%g' "$dir/a"
	! mountpoint -q "$dir/a" || umount "$dir/a" || fail "umount failed"
}

# alike OPTIONS [FLAG...]
alike() {
	options=$1
	shift
	outcome -i "$@" -t tmpfs -o "$options" >"$dir/without"
	outcome "$@" -t tmpfs -o "$options" >"$dir/passed"
	outcome "$@" -t tmpfswarn -o "$options,warn_used=10" >"$dir/taken"
	for way in passed taken; do
		cmp -s "$dir/without" "$dir/$way" || fail "$way $* $options: $(diff "$dir/without" "$dir/$way")"
	done
}

test_all_other_options_do_what_they_do_without_it() {
	mkdir "$dir/a"
	opt_in
	for options in defaults size=1m,ro,nosuid,nodev,noexec nr_blocks=2k,nr_inodes=1k,mode=1777,uid=1000,gid=1000 \
		'mpol="interleave:0"' 'context="a:b:c:s0:c1,c2",size=1m' 'x-a=1,x-b="2,3",X-c,size=1m' \
		nofail,noauto,_netdev,size=1m user,size=1m owner,suid,size=1m users,exec X-mount.mkdir=700 \
		size=50%,huge=never shared slave,private noatime,sync,dirsync,lazytime nosuch size=x 'size="1m"' \
		x-systemd.requires=a.service,size=1m "uid=1000,,gid=5"; do
		alike "$options"
	done
	for flag in -r -w -s -n; do
		alike size=1m $flag
	done
}

test_without_warn_used_no_module_is_needed() {
	rmmod tmpfswarn || fail "rmmod failed"
	mkdir "$dir/a"
	must mount -t tmpfswarn -o size=1m none "$dir/a"
	umount "$dir/a"
	opt_in
	must mount -t tmpfs none "$dir/a"
	must mount -o remount,size=2m "$dir/a"
	is size "$(df --output=size "$dir/a" | tail -n 1 | xargs)" 2048
}

test_without_the_module_nothing_is_mounted_with_warn_used() {
	rmmod tmpfswarn || fail "rmmod failed"
	mkdir "$dir/a"
	refused 32 "warn_used: module not loaded: modprobe tmpfswarn" -o warn_used=80% none "$dir/a"
	not_mounted a
}

test_a_level_that_is_none_mounts_nothing() {
	mkdir "$dir/a"
	for bad in 80x 101% 1.5 % '' -1 1kk 80.123%; do
		refused 1 "warn_used=$bad: no level, such as 80%, or a number of blocks (pages): 1000, 64k" \
			-o "warn_used=$bad" none "$dir/a"
	done
	refused 1 "warn_used=: no level, such as 80%, or a number of blocks (pages): 1000, 64k" -o warn_used none "$dir/a"
	# which the module alone finds
	refused 1 "warn_used=99999999999999999999: no level that the module knows" \
		-o warn_used=99999999999999999999 none "$dir/a"
	not_mounted a
}

test_a_mount_without_a_limit_does_not_stay() {
	mkdir "$dir/a"
	refused 32 "warn_used=1k: the mount has no limit" -o size=0,warn_used=1k none "$dir/a"
	not_mounted a
}

test_without_debugfs_nothing_is_mounted() {
	mkdir "$dir/a"
	# shellcheck disable=SC2016
	unshare -m sh -c 'umount /sys/kernel/debug; mount -t tmpfswarn -o warn_used=1k none "$0"; echo $?; findmnt "$0"' \
		"$dir/a" >"$dir/out" 2>"$dir/err"
	is status "$(cat "$dir/out")" 32
	grep -q 'debugfs not mounted: mount -t debugfs' "$dir/err" || fail "$(cat "$dir/err")"
	# another place will do
	mkdir "$dir/debug"
	# shellcheck disable=SC2016
	unshare -m sh -c 'umount /sys/kernel/debug; mount -t debugfs d "$1"; mount -t tmpfswarn -o warn_used=1k none "$0"' \
		"$dir/a" "$dir/debug" || fail "not in another place"
}

test_a_container_is_told_why_not() {
	chmod 755 "$work" "$dir"
	mkdir "$dir/a"
	# shellcheck disable=SC2016
	setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urm \
		sh -c 'mount -t tmpfswarn -o warn_used=1k none "$0"; echo $?; findmnt "$0"' "$dir/a" >"$dir/out" 2>"$dir/err"
	is status "$(cat "$dir/out")" 32
	grep -q 'debugfs is closed here' "$dir/err" || fail "$(cat "$dir/err")"
}

test_what_was_mounted_there_before_stays_and_keeps_its_level() {
	mkdir "$dir/a"
	must mount -t tmpfswarn -o size=1m,warn_used=10 none "$dir/a"
	touch "$dir/a/lower"
	lower=$(device "$dir/a")
	refused 32 "warn_used=1k: the mount has no limit" -o size=0,warn_used=1k none "$dir/a"
	[ -e "$dir/a/lower" ] || fail "the mount below is gone"
	must mount -t tmpfswarn -o size=1m,warn_used=20 none "$dir/a"
	! [ -e "$dir/a/lower" ] || fail "not on top"
	is level "$(level a)" 20
	is "level below" "$(cat "$shown/$lower/warn_used_blocks")" 10
	umount "$dir/a"
	is level "$(level a)" 10
}

test_a_mount_held_open_is_gone_all_the_same_when_it_has_failed() {
	mkdir "$dir/a"
	# busy from the moment it is there
	sh -c 'until cd "$0"/. && [ "$(stat -fc %T .)" = tmpfs ]; do :; done; sleep 1000' "$dir/a" 2>/dev/null &
	echo $! >>"$dir/pids"
	refused 32 "warn_used=1k: the mount has no limit" -o size=0,warn_used=1k none "$dir/a"
	not_mounted a
}

test_a_remount_moves_the_level_of_those_who_wait() {
	mkdir "$dir/a"
	must mount -t tmpfswarn -o size=4m,warn_used=80% none "$dir/a"
	fill a 600
	client a
	untold a
	must mount -t tmpfswarn -o remount,warn_used=50% "$dir/a"
	is level "$(level a)" 50%
	told
	is size "$(stat -fc %b "$dir/a")" 1024
	opt_in
	must mount -o remount,warn_used=60%,size=8m "$dir/a"
	is level "$(level a)" 60%
	is size "$(stat -fc %b "$dir/a")" 2048
}

test_a_remount_without_it_leaves_the_level_and_one_that_fails_the_mount() {
	mkdir "$dir/a"
	must mount -t tmpfswarn -o size=4m,warn_used=80% none "$dir/a"
	must mount -o remount,size=8m "$dir/a"
	opt_in
	must mount -o remount,ro "$dir/a"
	must mount -o remount,bind,nosuid "$dir/a"
	is level "$(level a)" 80%
	does mount -o remount,warn_used=80x "$dir/a"
	is status $status 1
	does mount -o remount,warn_used=10%,nosuch=1 "$dir/a"
	is status $status 32
	is level "$(level a)" 80%
	rmmod tmpfswarn || fail "rmmod failed"
	does mount -o remount,rw,warn_used=70% "$dir/a"
	is status $status 32
	findmnt -no OPTIONS "$dir/a" | grep -q '^ro,' || fail "remounted"
}

test_what_is_no_tmpfs_is_not_remounted() {
	mkdir "$dir/a"
	must mount -t ramfs none "$dir/a"
	does mount -t tmpfswarn -o remount,ro,warn_used=1k "$dir/a"
	is status $status 32
	findmnt -no OPTIONS "$dir/a" | grep -q '^rw,' || fail "remounted"
	umount "$dir/a"
}

test_a_fake_mount_does_nothing() {
	mkdir "$dir/a"
	opt_in
	for type in tmpfs tmpfswarn; do
		must mount -f -t $type -o warn_used=1k none "$dir/a"
		must mount -f -t $type none "$dir/a"
		not_mounted a
	done
	rmmod tmpfswarn || fail "rmmod failed"
	must mount -f -t tmpfswarn -o warn_used=1k none "$dir/a"
	not_mounted a
}

test_it_mounts_in_the_namespace_that_is_named() {
	mkdir "$dir/a"
	unshare -m --propagation private sh -c 'echo >"$0"; exec sleep 1000' "$dir/ready" &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true test -s "$dir/ready"
	must mount -N $pid -t tmpfswarn -o size=4m,warn_used=30% none "$dir/a"
	not_mounted a
	number=$(nsenter -t $pid -m findmnt -no MAJ:MIN "$dir/a" | xargs)
	is level "$(cat "$shown/$number/warn_used_blocks")" 30%
	refused 32 "warn_used=1k: the mount has no limit" -N $pid -o size=0,warn_used=1k none "$dir/a"
	is mounted "$(nsenter -t $pid -m findmnt -no FSTYPE "$dir/a")" tmpfs
	# no more than it does without
	opt_in
	must mount -N $pid -t tmpfs -o size=1m none "$dir/a"
	not_mounted a
}

test_names_with_spaces_and_options_are_taken_as_they_are() {
	mkdir "$dir/a b"
	must mount -t tmpfswarn -o size=4m,warn_used=30% -- "-o a,b" "$dir/a b"
	is source "$(findmnt -no SOURCE "$dir/a b")" "-o a,b"
	must umount "$dir/a b"
	opt_in
	must mount -t tmpfs -- "-o a,b" "$dir/a b"
	is source "$(findmnt -no SOURCE "$dir/a b")" "-o a,b"
	must umount "$dir/a b"
}

test_lines_of_fstab_are_mounted_once_and_remounted_as_they_say() {
	mkdir "$dir/a" "$dir/b" "$dir/c"
	opt_in
	fstab "none $dir/a tmpfswarn size=4m,warn_used=80%,x-mine=1 0 0" \
		"none $dir/b tmpfs size=4m,warn_used=1k 0 0" "none $dir/c tmpfs size=4m,nofail 0 0"
	must mount -a
	must mount -a
	is mounts "$(grep -c " $dir/" /proc/self/mountinfo)" 3
	is level "$(level a)" 80%
	is level "$(level b)" 1024
	is level "$(level c)" 0
	must mount -t tmpfswarn -o remount,warn_used=10% "$dir/a"
	is level "$(level a)" 10%
	must mount -o remount "$dir/a"
	is level "$(level a)" 80%
	must umount "$dir/a" "$dir/b"
	must mount "$dir/a"
	is level "$(level a)" 80%
	must umount "$dir/a"
	rmmod tmpfswarn || fail "rmmod failed"
	does mount -a
	is mounts "$(grep -c " $dir/" /proc/self/mountinfo)" 1
	[ $status -ne 0 ] || fail "mount -a succeeded"
}

test_a_user_mounts_what_fstab_lets_him() {
	chmod 755 "$work" "$dir"
	mkdir "$dir/a" "$dir/b" "$dir/c"
	fstab "none $dir/a tmpfs size=4m,user,noauto 0 0" "none $dir/b tmpfs size=4m,users,noauto 0 0" \
		"none $dir/c tmpfswarn size=4m,user,noauto,warn_used=80% 0 0"
	opt_in
	for name in a b; do
		must setpriv --reuid 1000 --regid 1000 --clear-groups mount "$dir/$name"
		is options "$(findmnt -no OPTIONS "$dir/$name" | sed 's/,size.*//')" rw,nosuid,nodev,noexec,relatime
		must setpriv --reuid 1000 --regid 1000 --clear-groups umount "$dir/$name"
	done
	does setpriv --reuid 1000 --regid 1000 --clear-groups mount "$dir/c"
	is status $status 1
	grep -q 'only root can set warn_used' "$dir/err" || fail "$(cat "$dir/err")"
	not_mounted c
	fstab "none $dir/c tmpfswarn size=4m,user,noauto 0 0"
	does setpriv --reuid 1000 --regid 1000 --clear-groups mount "$dir/c"
	is status $status 1
	grep -q 'only root mounts this type: have tmpfs in fstab' "$dir/err" || fail "$(cat "$dir/err")"
}

test_a_unit_mounts_it_and_fails_where_the_level_cannot_be_set() {
	mkdir "/$number"
	cat >"/run/systemd/system/$number.mount" <<-E
	[Unit]
	Requires=modprobe@tmpfswarn.service sys-kernel-debug.mount
	After=modprobe@tmpfswarn.service sys-kernel-debug.mount
	[Mount]
	What=none
	Where=/$number
	Type=tmpfswarn
	Options=size=4m,warn_used=80%%
	E
	rmmod tmpfswarn || fail "rmmod failed"
	must systemctl daemon-reload
	must systemctl start "$number.mount"
	is level "$(cat "$shown/$(device "/$number")/warn_used_blocks")" 80%
	must systemctl stop "$number.mount"
	! mountpoint -q "/$number" || fail "still mounted"
	sed -i -e s/%%/x/ "/run/systemd/system/$number.mount"
	must systemctl daemon-reload
	does systemctl start "$number.mount"
	[ $status -ne 0 ] || fail "started"
	is result "$(systemctl show -P Result "$number.mount")" exit-code
	! mountpoint -q "/$number" || fail "mounted"
	rm "/run/systemd/system/$number.mount"
	must systemctl daemon-reload
}

test_a_line_of_fstab_makes_such_a_unit() {
	mkdir "/$number"
	fstab "none /$number tmpfswarn size=4m,warn_used=80%,x-systemd.requires=modprobe@tmpfswarn.service,x-systemd.requires=sys-kernel-debug.mount 0 0"
	rmmod tmpfswarn || fail "rmmod failed"
	must systemctl daemon-reload
	must systemctl start "$number.mount"
	is level "$(cat "$shown/$(device "/$number")/warn_used_blocks")" 80%
	must systemctl reload "$number.mount"
	must systemctl stop "$number.mount"
	fstab
	must systemctl daemon-reload
}

suite "$0"
