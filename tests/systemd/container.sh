#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The device in a container of systemd-nspawn, which has users and pids of its own; TAP. With the
# module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

# container SCRIPT [PROPERTY]: the script in a container with a tmpfs of 4 MiB on /mnt, in the background; what it prints in
# $dir/out
container() {
	mkdir -p "$dir/root/usr" "$dir/root/etc" "$dir/root/mnt"
	for name in bin lib lib64 sbin; do
		ln -sf usr/$name "$dir/root/$name"
	done
	printf 'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n' >"$dir/root/etc/passwd"
	printf '%s\n' "$1" >"$dir/root/script"
	: >"$dir/out"
	systemd-run --quiet --collect --wait --pipe -p Delegate=yes -p DevicePolicy=closed \
		-p DeviceAllow='char-pts rw' ${2-"-pDeviceAllow=/dev/tmpfswarn rw"} \
		systemd-nspawn --quiet --register=no --keep-unit --as-pid2 --console=pipe \
		--directory="$dir/root" --private-users=pick --private-users-ownership=chown \
		--bind-ro=/usr --bind=/dev/tmpfswarn --tmpfs=/mnt:size=4m,mode=1777 \
		sh /script >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	echo $pid >>"$dir/pids"
}

# leader: a process of the container, as the host sees it
leader() {
	for each in /proc/[0-9]*; do
		if [ "$(cat "$each/comm" 2>/dev/null)" = tmpfswarn ] &&
			[ "$(readlink "$each/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]; then
			echo "${each#/proc/}"
			return
		fi
	done
	return 1
}

test_its_root_watches_its_own_tmpfs_and_sees_pids_of_its_own() {
	container 'tmpfswarn watch --json --count 1 /mnt 50% >/told &
		watcher=$!
		until grep -q ready /told; do sleep 0.1; done
		sh -c "echo \$\$ >/pid; exec dd if=/dev/zero of=/mnt/file bs=4096 count=600 2>/dev/null"
		wait $watcher; echo "status $?, pid $(cat /pid), by $(sed -n "s/.*\"pid\":\([0-9]*\),\"uid\":\([0-9]*\).*/\1 uid \2/p" /told)"
		cat /told'
	ended
	expect 0 ""
	grep -q '^status 0, pid \([0-9]*\), by \1 uid 0$' "$dir/out" || fail "$(cat "$dir/out")"
	number=$(sed -n 's/^status 0, pid \([0-9]*\),.*/\1/p' "$dir/out")
	[ "$number" -lt 100 ] || fail "pid $number is no pid of a new container"
}

test_so_does_an_ordinary_user_in_it_with_a_shell_alone() {
	container 'exec setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "
		exec 3<>/dev/tmpfswarn 4</mnt
		echo 4 80% >&3
		read -r state <&3
		dd if=/dev/zero of=/mnt/file bs=4096 count=900 2>/dev/null
		read -r crossing <&3
		echo \"\$state\"
		echo \"\$crossing\""'
	ended
	expect 0 ""
	sed -n 1p "$dir/out" | grep -q '^event=state tag=80% .* state=below$' || fail "$(cat "$dir/out")"
	sed -n 2p "$dir/out" | grep -q '^event=up tag=80% .* pid=[0-9][0-9]\{0,1\} uid=1000 .* comm=dd$' || fail "$(cat "$dir/out")"
}

test_its_user_is_not_told_of_its_root() {
	container 'setpriv --reuid 1000 --regid 1000 --clear-groups tmpfswarn watch --count 1 /mnt 50% >/mnt/told &
		until grep -q ^watching /mnt/told; do sleep 0.1; done
		dd if=/dev/zero of=/mnt/file bs=4096 count=600 2>/dev/null
		wait $!
		cat /mnt/told'
	ended
	expect 0 ""
	has_lines "$dir/out" ' up 50%:' 1 || fail "$(cat "$dir/out")"
	! grep ' by ' "$dir/out" || fail "told of root's process"
}

test_it_learns_nothing_of_others() {
	mounted a
	watch "$dir/a" 50%
	watcher=$pid
	container 'tmpfswarn watch --count 2 /mnt 50% >/told 2>&1 &
		watcher=$!
		until grep -q ^watching /told; do sleep 0.1; done
		echo ready >/mnt/ready
		wait $watcher
		cat /told
		tmpfswarn watch /mnt 70% >/told &
		until grep -q ^watching /told; do sleep 0.1; done
		tmpfswarn list
		tmpfswarn status | grep -E "^(triggers|mounts)"
		kill $!'
	inside=$pid
	until_true leader
	uid=$(stat -c %u "/proc/$(leader)")
	[ "$uid" -gt 1000 ] || fail "it has no users of its own: $uid"
	mnt=/proc/$(leader)/root/mnt
	until_true test -e "$mnt/ready"
	# by a task of its own root's uid, which is not to be seen in the container
	tmpfswarn watch --count 1 "$mnt" 30% >"$dir/host" 2>&1 &
	echo $! >>"$dir/pids"
	until_lines "$dir/host" 1 '^watching '
	setpriv --reuid "$uid" --clear-groups dd if=/dev/zero bs=4096 count=600 >"$mnt/file" 2>/dev/null
	rm "$mnt/file"
	ended "$inside"
	cat "$dir/out" "$dir/err" >"$dir/said"
	is status "$status" 0
	has_lines "$dir/said" ' up 50%:' 1 || fail "$(cat "$dir/said")"
	! grep ' by ' "$dir/said" || fail "told of a process of the host"
	grep -q ' 70% .*/mnt$' "$dir/said" || fail "its own level is not listed: $(cat "$dir/said")"
	! grep -E '^[0-9]+:.* (50%|30%)' "$dir/said" || fail "a level of others is listed"
	! grep -F "$dir" "$dir/said" || fail "a mount of others is listed"
	is triggers "$(sed -n 's/^triggers *//p' "$dir/said")" 1
	kill "$watcher"
}

test_a_device_that_it_was_not_given_is_of_no_use_to_it() {
	container 'tmpfswarn watch /mnt 50%; echo "status $?"; (exec 3<>/dev/tmpfswarn) 2>/dev/null || echo closed' ''
	ended
	grep -qx 'status 1' "$dir/out" || fail "$(cat "$dir/out")"
	grep -qx closed "$dir/out" || fail "$(cat "$dir/out")"
}

test_its_registrations_end_with_it() {
	container 'tmpfswarn watch /mnt 50% >/told & until grep -q ^watching /told; do sleep 0.1; done; echo ready; sleep 1000'
	until_lines "$dir/out" 1 ready
	is triggers "$(tmpfswarn status | sed -n 's/^triggers *//p')" 1
	kill "$(leader)"
	systemctl kill --signal=KILL "$(systemctl list-units --plain --no-legend 'run-*.service' | awk '{ print $1; exit }')"
	ended
	no_triggers() { [ "$(tmpfswarn status | sed -n 's/^triggers *//p')" = 0 ]; }
	until_true no_triggers
}

suite "$0"
