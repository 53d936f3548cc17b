# SPDX-License-Identifier: GPL-2.0
# What the suites in this directory share; sourced by busybox sh inside the virtual machine.
#
# A test is a function test_..., its name a sentence; both_... is one for each interface, of which
# $interface has the name. Each runs in a shell of its own with the empty directory $dir, whose
# mounts and processes are gone after it, and fails with "fail".
# shellcheck shell=sh disable=SC2034,SC2154

set -u

debugfs=/sys/kernel/debug
shown=$debugfs/tmpfswarn
# a bound, not a time that anything is expected to take: the machine is emulated
patience=60
# what --interface is given; empty for none
interface=

fail() {
	echo "$*"
	exit 1
}

skip() {
	echo "$*" >"$work/skip"
	exit 0
}

# until_true COMMAND...: waits for it to succeed
until_true() {
	tries=$((patience * 20))
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited in vain for: $*"
		usleep 50000
	done
}

lines() {
	grep -c "$2" "$1" 2>/dev/null || true
}

has_lines() {
	[ "$(lines "$1" "$2")" -ge "$3" ] 2>/dev/null
}

# until_lines FILE NUMBER PATTERN
until_lines() {
	tries=$((patience * 20))
	until has_lines "$1" "$3" "$2"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited in vain for $2 of \"$3\" in $1: $(cat "$1" "$dir/err")"
		usleep 50000
	done
}

# is WHAT FOUND EXPECTED
is() {
	[ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""
}

# mounted NAME [OPTIONS]: a tmpfs of 4 MiB, 1024 blocks, on $dir/NAME
mounted() {
	mkdir -p "$dir/$1"
	mount -t tmpfs -o "${2:-size=4m}" tool "$dir/$1" || fail "mount failed"
}

# fill NAME BLOCKS [FILE]
fill() {
	dd if=/dev/zero of="$dir/$1/${3:-file}" bs=4096 count="$2" 2>/dev/null || fail "dd failed"
}

device() {
	awk -v at="$1" '$5 == at { print $3 }' /proc/self/mountinfo | tail -n 1
}

# tool SUBCOMMAND ARGUMENTS...: the command by way of $interface, in place of the shell
tool() {
	subcommand=$1
	shift
	exec tmpfswarn "$subcommand" ${interface:+--interface "$interface"} "$@"
}

# run [SUBCOMMAND] ARGUMENTS...: the command with its output in $dir/out and $dir/err, its status
# in $status
run() {
	case ${1:-} in
	list | watch | wait | status) ;;
	*) set -- list "$@" ;;
	esac
	subcommand=$1
	shift
	timeout -s KILL "$patience" tmpfswarn "$subcommand" ${interface:+--interface "$interface"} "$@" \
		>"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

# expect STATUS: of the command just run, and ERROR, its standard error, if given
expect() {
	[ "$status" = "$1" ] || fail "exit status $status instead of $1: $(cat "$dir/out" "$dir/err")"
	[ $# -eq 1 ] || is "standard error" "$(cat "$dir/err")" "${2:+tmpfswarn: $2}"
}

# watch ARGUMENTS...: in the background, ready; $pid
watch() {
	: >"$dir/out"
	tool watch "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
	until_lines "$dir/out" 1 '^watching \|"ready"'
}

is_over() {
	! [ -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# ended [PID]: waits for the command in the background; $status
ended() {
	until_true is_over "${1:-$pid}"
	wait "${1:-$pid}"
	status=$?
}

# events NUMBER: waits for so many lines after the first, and prints which way and level each
events() {
	until_lines "$dir/out" "$1" ' \(up\|down\) '
	sed -n 's/.* \(up\|down\) \([^ ]*\): .*/\1 \2/p' "$dir/out" | xargs
}

# has_user NAME UID
has_user() {
	grep -q "^$1:" /etc/passwd || echo "$1:x:$2:$2::/:/bin/false" >>/etc/passwd
}

# by_user NAME PROGRAM ARGUMENTS...: in place of the shell
by_user() {
	user=$1
	program=$(command -v "$2")
	shift 2
	# the name is one that no process has, or it would not be started again
	exec start-stop-daemon -S -n nobody-has-it -c "$user" -a "$program" -- "$@"
}

# as_user NAME ARGUMENTS...: as run
as_user() {
	name=$1
	shift
	(by_user "$name" timeout -s KILL "$patience" tmpfswarn "$@" >"$dir/out" 2>"$dir/err" </dev/null)
	status=$?
}

# the kernel says how many blocks a call has allocated or freed: from 6.6 on
knows_who() {
	release=$(uname -r)
	major=${release%%.*}
	minor=${release#*.}
	minor=${minor%%[!0-9]*}
	[ $((major * 1000 + minor)) -ge 6006 ]
}

# json [FILE]: all values, see json.awk
json() {
	awk -f "$here/json.awk" "${1:-$dir/out}" >"$dir/json" || fail "no JSON: $(cat "$dir/json") in $(cat "${1:-$dir/out}")"
}

# value LINE PATH: of the JSON read last
value() {
	awk -v line="$1" -v path="$2" \
		'$1 == line && $2 == path { sub(/^[^ ]* [^ ]* ?/, ""); print }' "$dir/json"
}

module_load() {
	# shellcheck disable=SC2086
	insmod "$TMPFSWARN_KO" ${TMPFSWARN_PARAMETERS:-} "$@" || fail "insmod $* failed"
}

module_reload() {
	rmmod tmpfswarn || fail "rmmod failed"
	module_load "$@"
}

# what a suite has to undo besides, after each test
restore() {
	:
}

clean() {
	if [ -e "$dir/pids" ]; then
		while read -r pid; do
			is_over "$pid" || kill -9 "$pid"
		done <"$dir/pids"
	fi 2>/dev/null
	awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do
			umount "$(printf '%b' "$point")"
		done
	rm -rf "$dir"
	restore
}

# suite FILE: runs its tests, of these only those that ONLY names, separated by commas
suite() {
	tests=$(sed -n 's/^\(test_[a-zA-Z0-9_]*\)().*/\1/p; s/^\(both_[a-zA-Z0-9_]*\)().*/\1=device \1=debugfs/p' "$1")
	# elsewhere they have been run with the other one
	[ -z "${ONE_INTERFACE:-}" ] || tests=$(echo "$tests" | sed 's/ [^ ]*=debugfs$//')
	[ -z "${ONLY:-}" ] || tests=$(echo "$tests" | grep -E "^($(echo "$ONLY" | tr , '|'))(=|\$)")
	work=$(mktemp -d) || exit 1
	number=0
	bad=0

	echo "TAP version 13"
	echo "1..$(echo "$tests" | wc -w)"
	for name in $tests; do
		interface=${name#"${name%%=*}"}
		interface=${interface#=}
		name=${name%%=*}
		number=$((number + 1))
		dir=$work/$number
		mkdir "$dir"
		rm -f "$work/skip"
		("$name") >"$work/log" 2>&1
		code=$?
		clean
		sentence=$(echo "${name#*_}" | tr _ ' ')${interface:+ ($interface)}
		if [ $code -ne 0 ]; then
			bad=1
			sed 's/^/# /' "$work/log"
			echo "not ok $number - $sentence"
		elif [ -e "$work/skip" ]; then
			echo "ok $number - $sentence # SKIP $(cat "$work/skip")"
		else
			echo "ok $number - $sentence"
		fi
	done
	rm -rf "$work"
	exit $bad
}
