#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the programs of samples/, built into $OUTPUT, as an ordinary user against the module.
# Busybox's sh; needs root and the module loaded. Prints TAP.
# shellcheck disable=SC2317 # the functions are called by name
set -u

programs=${OUTPUT:-build}
user=samples
work=$(mktemp -d) || exit 1
pid=
number=0
failed=0

# wait_until COMMAND...: for it to succeed, a minute at most: the machine is emulated
wait_until() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || return 1
		sleep 0.1
	done
}

# as_user COMMAND...: in the place of this shell
as_user() {
	exec su -s /bin/sh -c 'exec "$@"' -- $user sh "$@"
}

new_mount() {
	mkdir -p "$work/mnt"
	mount -t tmpfs -o size=10M scratch "$work/mnt" || return 1
	chmod 777 "$work/mnt"
	device=$(awk -v at="$work/mnt" '$5 == at { print $3 }' /proc/self/mountinfo)
}

# use MIB: let the one file on the mount have so many MiB, in writes or in one cut
use() {
	if [ "$1" -gt "$used" ]; then
		(as_user /bin/dd if=/dev/zero of="$work/mnt/file" bs=1M seek="$used" count=$(($1 - used)) 2>/dev/null)
	else
		(as_user /bin/truncate -s "$1M" "$work/mnt/file")
	fi && used=$1
}

# has_line N PATTERN: line N of what the program has printed is all of PATTERN
has_line() {
	sed -n "$1p" "$work/out" | grep -qxE "$2"
}

ended() {
	! [ -e "/proc/${pid:-none}" ] || grep -q '^State:.Z' "/proc/$pid/status"
}

# says N EVENT USED [REST]: the record comes, and is the Nth line
says() {
	wait_until has_line "$1" "event=$2 tag=50% level=50% dev=$device used=$3 size=10485760 time=[0-9]+[.][0-9]{9}${4:-}"
}

# what the whole of it must be, one step after the other
step() {
	"$@" || {
		echo "# failed: $*"
		return 1
	}
}

start() {
	as_user "$@" >"$work/out" 2>"$work/err" &
	pid=$!
}

succeeds() {
	wait "$pid"
}

prints_no_more_than() {
	[ "$(wc -l <"$work/out")" -eq "$1" ]
}

# refuses PROGRAM...: it fails, with a reason, where there is no such level, and prints nothing
refuses() {
	! (as_user timeout -s KILL 60 "$@" "$work/mnt" 101%) >"$work/out" 2>"$work/err" &&
	grep -qE '[Ii]nvalid argument|I/O error' "$work/err" &&
	prints_no_more_than 0
}

# watches PROGRAM...
watches() {
	# up to Linux 6.5 the module does not know the task
	task=" pid=[0-9]+ uid=1000 cgroup=[0-9]+ comm="
	used=0
	step new_mount &&
	step refuses "$@" &&
	step start "$@" "$work/mnt" 50% &&
	step says 1 state 0 " state=below" &&
	step use 6 &&
	step says 2 up 5242880 " crossings=1(${task}dd)?" &&
	step use 1 &&
	step says 3 down 1048576 " crossings=1(${task}truncate)?" &&
	step umount "$work/mnt" &&
	step says 4 gone 0 &&
	step wait_until ended &&
	step succeeds &&
	step prints_no_more_than 4
}

# attempt LANGUAGE NEEDS PROGRAM...: one test; what the program needs may be missing
attempt() {
	number=$((number + 1))
	name="the sample in $1 prints each record and ends with the mount"
	if ! [ -x "$2" ]; then
		echo "ok $number $name # SKIP no $2 in the machine"
		return
	fi
	shift 2
	if watches "$@"; then
		echo "ok $number $name"
	else
		failed=1
		sed 's/^/# it said: /' "$work/out" "$work/err"
		echo "not ok $number $name"
		ended || kill "$pid"
		umount "$work/mnt" 2>/dev/null
	fi
	pid=
}

chmod 755 "$work"
echo "$user:x:1000:1000::/:/bin/sh" >>/etc/passwd
touch "$work/out" "$work/err"

echo "TAP version 13"
echo "1..6"
attempt C "$programs/watch-c" "$programs/watch-c"
attempt Go "$programs/watch-go" "$programs/watch-go"
attempt Rust "$programs/watch-rs" "$programs/watch-rs"
attempt shell /bin/sh /bin/sh "$programs/watch.sh"
attempt Python /usr/bin/python3 /usr/bin/python3 "$programs/watch.py"
attempt "Python with asyncio" /usr/bin/python3 /usr/bin/python3 "$programs/watch-asyncio.py"
rm -r "$work"
exit $failed
