# SPDX-License-Identifier: GPL-2.0
# File systems that do not answer: FUSE, and autofs; sourced by suites after common.sh.
# shellcheck shell=sh disable=SC2154

# words NUMBER...: each as four bytes for printf, the least first
words() {
	for word; do
		printf '\\%03o\\%03o\\%03o\\%03o' $((word & 255)) $((word >> 8 & 255)) \
			$((word >> 16 & 255)) $((word >> 24 & 255))
	done
}

# reply ERROR WORD...: to the request of $unique
reply() {
	error=$1
	shift
	# shellcheck disable=SC2059,SC2086
	printf "$(words $((16 + 4 * $#)) "$error" $unique "$@")" >&3
}

# A server of FUSE, of which the root directory has a directory of any name but "last". It has
# nothing kept, so that each walk asks it again, and does not answer any more once asked for that.
fuse_server() {
	# size and blocks, times, mode, links, owners, device, block size
	directory="2 0  0 0 0 0  0 0 0 0 0 0 0 0 0  16877 2 0 0 0 4096 0"
	while dd bs=1M count=1 of="$dir/request" <&3 2>/dev/null; do
		# shellcheck disable=SC2046
		set -- $(od -A n -v -t u4 -N 16 "$dir/request")
		unique="$3 $4"
		# shellcheck disable=SC2086
		case $2 in
		1)
			if tail -c +41 "$dir/request" | grep -q last; then
				reply -2
				break
			fi
			reply 0 2 0 0 0 0 0 0 0 0 0 $directory
			;;
		3) reply 0 0 0 0 0 $directory ;;
		26) reply 0 7 19 65536 0 0 4096 ;;
		2 | 42) ;;
		*) reply -38 ;;
		esac
	done
	echo deaf >"$dir/deaf"
	exec sleep 1000
}

# below_fuse NAME [OPTIONS]: a tmpfs on $dir/fuse/NAME
below_fuse() {
	modprobe fuse 2>/dev/null
	grep -q '	fuse$' /proc/filesystems || skip "a kernel without FUSE"
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	mkdir "$dir/fuse"
	(
		exec 3<>/dev/fuse
		mount -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other hang "$dir/fuse" || exit 1
		fuse_server
	) &
	server=$!
	echo $server >>"$dir/pids"
	# shellcheck disable=SC2064
	trap "kill -9 $server; umount -l '$dir/fuse'" EXIT
	until_true grep -q " $dir/fuse fuse" /proc/mounts
	mount -t tmpfs -o "${2:-size=4m}" tool "$dir/fuse/$1" || fail "mount failed"
}

# From here on who walks below $dir/fuse hangs.
fuse_hangs() {
	test -e "$dir/fuse/last"
	until_true test -e "$dir/deaf"
}

# automount NAME: on the directory $dir/NAME, of a daemon that mounts nothing; $daemon
automount() {
	modprobe autofs4 2>/dev/null
	grep -q '	autofs$' /proc/filesystems || skip "a kernel without autofs"
	mkfifo "$dir/asked"
	# those of the process group that mounts it are not waited for
	# shellcheck disable=SC2016
	setsid sh -c 'exec 4<>"$0/asked"
		mount -t autofs -o fd=4,pgrp=$$,minproto=5,maxproto=5,direct auto "$0/$1" && echo ready >"$0/ready"
		exec sleep 1000' "$dir" "$1" &
	daemon=$!
	echo $daemon >>"$dir/pids"
	until_true test -e "$dir/ready"
}
