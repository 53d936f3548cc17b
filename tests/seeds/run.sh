#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the programs of this directory, built into $OUTPUT, against the module.
# Plain sh, also busybox's; needs root, the module loaded and debugfs mounted.
# shellcheck disable=SC2317 # the functions are called by name
set -u

programs=${OUTPUT:-build}
work=$(mktemp -d) || exit 1
room=
pid=
number=0
failed=0

# wait_until COMMAND...: for it to succeed, ten seconds at most
wait_until() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

# use MIB: let the one file on the mount have so many MiB
use() {
	dd if=/dev/zero of="$work/mnt/file" bs=1048576 count="$1" 2>/dev/null
}

new_mount() {
	mkdir -p "$work/mnt"
	mount -t tmpfs -o size=100M scratch "$work/mnt" || return 1
	device=$(awk -v at="$work/mnt" '$5 == at { print $3 }' /proc/self/mountinfo)
	room=/sys/kernel/debug/tmpfswarn/$device
	wait_until test -e "$room/memory.pressure_level"
}

# start PROGRAM ARGS...: in the background, and wait until it has registered
start() {
	program=$1
	shift
	"$programs/$program" "$@" >"$work/out" 2>&1 &
	pid=$!
	wait_until registered
}

registered() { grep -q . "$room/triggers"; }
said() { grep -qF -- "$1" "$work/out"; }
untold() { grep -q ' fired=0 ' "$room/triggers"; }
running() { kill -0 "$pid" 2>/dev/null; }
ended() { ! running; }

# what the whole of it must be, one step after the other
step() {
	"$@" || {
		echo "# failed: $*"
		return 1
	}
}

rfc_client() {
	step new_mount &&
	echo 50% >"$room/warn_used_blocks" &&
	step start rfc_client "$room/warn_used_blocks_efd" &&
	step use 49 &&
	step untold &&
	step use 50 &&
	step wait_until ended &&
	step said "Usage threshold reached: 1"
}

rfc_client_too_late() {
	step new_mount &&
	echo 50% >"$room/warn_used_blocks" &&
	step use 60 &&
	{
		"$programs/rfc_client" "$room/warn_used_blocks_efd" >"$work/out" 2>&1 &
		pid=$!
	} &&
	step wait_until ended &&
	step said "Usage threshold reached: 1"
}

go_program() {
	step new_mount &&
	step start cgroup_demo "-cgName=../../../kernel/debug/tmpfswarn/$device" &&
	step use 94 &&
	step untold &&
	step use 96 &&
	step wait_until said "test success ..." &&
	step running &&
	step umount "$work/mnt" &&
	step wait_until ended &&
	step said "panic:"
}

listener() {
	step new_mount &&
	step start cgroup_event_listener "$room/memory.usage_in_bytes" 10485760 &&
	step use 9 &&
	step untold &&
	step use 20 &&
	step use 5 &&
	step running &&
	step umount "$work/mnt" &&
	step wait_until ended &&
	step said "10485760: crossed" &&
	step said "The cgroup seems to have removed."
}

# oom_client NAME: one of the three
oom_client() {
	step new_mount &&
	step start oom_client "$1" "$room" &&
	step grep -qx "under_oom 0" "$room/memory.oom_control" &&
	step use 100 &&
	step untold &&
	step grep -qx "under_oom 1" "$room/memory.oom_control" &&
	step refused &&
	step wait_until said "out of memory: 1" &&
	step running &&
	step umount "$work/mnt" &&
	step wait_until ended &&
	step said "the cgroup is gone: 1"
}

# a write that the mount has no space for
refused() { ! dd if=/dev/zero of="$work/mnt/more" bs=4096 count=1 2>/dev/null; }

oom_containerd() { oom_client containerd; }
oom_write_only() { oom_client write-only; }
oom_newline() { oom_client newline; }

# attempt FUNCTION NAME [PROGRAM]: one test, which needs a program that may be missing
attempt() {
	number=$((number + 1))
	if [ ! -x "$programs/$3" ]; then
		echo "ok $number $2 # SKIP $3 was not built"
		return
	fi
	if $1; then
		echo "ok $number $2"
	else
		failed=1
		sed 's/^/# it said: /' "$work/out"
		echo "not ok $number $2"
	fi
	running && kill "$pid"
	umount "$work/mnt" 2>/dev/null
	rm -f "$work/out"
}

echo "TAP version 13"
echo "1..7"
attempt rfc_client the_client_of_the_rfc_is_woken_at_the_level rfc_client
attempt rfc_client_too_late the_client_of_the_rfc_is_woken_where_the_level_is_reached rfc_client
attempt go_program the_go_program_is_told_and_learns_that_the_mount_is_gone cgroup_demo
attempt listener the_listener_of_the_kernel_is_told_and_learns_that_the_mount_is_gone cgroup_event_listener
attempt oom_containerd containerd_is_told_of_a_refusal_and_not_of_the_last_block oom_client
attempt oom_write_only who_opens_oom_control_write_only_is_told_of_a_refusal oom_client
attempt oom_newline who_writes_a_newline_is_told_of_a_refusal oom_client
rmdir "$work/mnt"
rmdir "$work"
exit $failed
