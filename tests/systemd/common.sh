# SPDX-License-Identifier: GPL-2.0
# What the suites of this directory have besides tests/tool/common.sh, after which it is sourced.
#
# shellcheck shell=sh disable=SC2034,SC2120,SC2154

mount_helper=/usr/sbin/mount.tmpfs

# what "make install-mount-helper" does, until the test is over
opt_in() {
	ln -sf mount.tmpfswarn $mount_helper
}

opt_out() {
	rm -f $mount_helper
}

# does COMMAND...: $status, $dir/out, $dir/err
does() {
	status=0
	timeout -s KILL $patience "$@" >"$dir/out" 2>"$dir/err" || status=$?
}

# must COMMAND...: succeed, and silently
must() {
	does "$@"
	[ $status -eq 0 ] && ! [ -s "$dir/err" ] || fail "$*: status $status: $(cat "$dir/err")"
}

# refused STATUS WHY ARGUMENTS...: by "mount -t tmpfswarn", the last one being the directory
refused() {
	wanted=$1
	why=$2
	shift 2
	does mount -t tmpfswarn "$@"
	is "status of $*" $status "$wanted"
	is "reason of $*" "$(cat "$dir/err")" "mount.tmpfswarn: $dir/a: $why"
}

not_mounted() {
	! mountpoint -q "$dir/$1" || fail "$1 is mounted"
}

level() {
	cat "$shown/$(device "$dir/$1")/warn_used_blocks"
}

fstab() {
	: >/etc/fstab
	[ $# -eq 0 ] || printf '%s\n' "$@" >/etc/fstab
}

registered() {
	grep -q . "$shown/$1/triggers"
}

# client NAME: the one of the RFC, in the background
client() {
	/tests/seeds/rfc_client "$shown/$(device "$dir/$1")/warn_used_blocks_efd" >"$dir/told" 2>&1 &
	pid=$!
	echo $pid >>"$dir/pids"
	until_true registered "$(device "$dir/$1")"
}

untold() {
	grep -q ' fired=0 ' "$shown/$(device "$dir/$1")/triggers" || fail "too early: $(cat "$dir/told")"
}

told() {
	ended
	is status $status 0
	grep -qx 'Usage threshold reached: 1' "$dir/told" || fail "$(cat "$dir/told")"
}

restore() {
	opt_out
	fstab
	[ -e /sys/module/tmpfswarn ] || modprobe tmpfswarn
}
