# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What every script of this directory starts with. Sourced, not run.

set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

# Downloads, chroots and logs; a user who may not write in /var/cache has his own.
if [ -z "${TMPFSWARN_CACHE:-}" ]; then
	TMPFSWARN_CACHE=/var/cache/tmpfswarn
	if [ "$EUID" -ne 0 ] && ! [ -w "$TMPFSWARN_CACHE" ]; then
		TMPFSWARN_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tmpfswarn
	fi
fi
export TMPFSWARN_CACHE
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
mkdir -p "$TMPFSWARN_CACHE"

# The exit status of a script that the archive fails, for which neither make nor tar has a use.
# shellcheck disable=SC2034
unavailable=75

say() {
	printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&"${TMPFSWARN_SAY:-2}"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Whoever shares a directory of the cache waits for its lock until the shell ends.
lock() {
	mkdir -p "$TMPFSWARN_CACHE/lock"
	exec {lock_fd}>"$TMPFSWARN_CACHE/lock/$1"
	flock -n "$lock_fd" || {
		say "waiting for another run to be done with $1"
		flock "$lock_fd"
	}
}

# Which of these packages "host" has found missing.
missing() {
	printf '%s\n' "$@" | { grep -Fx -f "$TMPFSWARN_CACHE/missing" || true; } | xargs
}
# shellcheck disable=SC2034
vm_packages='busybox-static cpio kmod mmdebstrap qemu-system-x86 uidmap xz-utils zstd'
# shellcheck disable=SC2034
linux_packages='bc bison flex libelf-dev libssl-dev'
# shellcheck disable=SC2034
build_packages='gcc libc6-dev libjson-c-dev libmount-dev libsystemd-dev pkg-config'

# As root of a mount and a pid namespace of its own: nothing stays mounted and nothing runs on.
rooted() {
	local map=()

	[ "$EUID" -eq 0 ] || map=(--map-root-user --map-auto)
	unshare "${map[@]}" --mount --pid --fork --kill-child "$@"
}

# in_chroot DIR COMMAND...: objtool and dkms want /proc.
in_chroot() {
	# shellcheck disable=SC2016
	rooted sh -euc '
		root=$1; shift
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root exec chroot "$root" "$@"
	' sh "$@"
}

# The working tree as git sees it, without what was built in it.
export_tree() {
	rm -rf "$1"
	mkdir -p "$1"
	if git -C "$top" rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$top" && git ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' f; do
				if [ -e "$f" ]; then printf '%s\0' "$f"; fi
			done | tar -c --null -T -) | tar -x -C "$1"
	else
		tar -c -C "$top" --exclude=./.git . | tar -x -C "$1"
	fi
}
