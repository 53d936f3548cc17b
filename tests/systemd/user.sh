#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tmpfswarn.service of a user, as his manager runs it, and what his desktop is shown; TAP. With the
# module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

uid=1000
desktop=$(dirname "$0")/notifications
home=/run/home
config=$home/.config

# as_him COMMAND...: the user
as_him() {
	setpriv --reuid=$uid --regid=$uid --clear-groups env HOME=$home XDG_RUNTIME_DIR=/run/user/$uid "$@"
}

conf() {
	mkdir -p $config
	printf '%s\n' "$@" >$config/tmpfswarn.conf
}

# his manager, which finds the session's bus and his home
log_in() {
	systemctl start user@$uid.service || fail "$(journalctl -q --no-pager -u user@$uid.service)"
	as_him systemctl --user set-environment HOME=$home
}

# serve: started, which it is when all is watched that is mounted
serve() {
	begun=$(date +%s)
	as_him systemctl --user start tmpfswarn.service || fail "$(journal)"
	active
}

active() {
	is state "$(as_him systemctl --user is-active tmpfswarn.service)" active
}

# desktop [hang]: shows notifications in $dir/shown
desktop() {
	chmod 755 "$work"
	chmod 777 "$dir"
	as_him "$desktop" "$dir/shown" "$@" 2>"$dir/err" &
	echo $! >>"$dir/pids"
	until_true test -e "$dir/shown"
}

journal() {
	journalctl -q --no-pager --since "@$begun" _SYSTEMD_USER_UNIT=tmpfswarn.service "$@"
}

said() {
	journal -o cat | grep -q "$1"
}

has_said() {
	[ "$(journal -o cat | grep -c "$2")" -ge "$1" ]
}

# says NUMBER WHAT: waits until it has said that so often
says() {
	(until_true has_said "$@") || fail "$(journal -o cat)"
}

shown() {
	until_lines "$dir/shown" "$1" .
	is shown "$(lines "$dir/shown" .)" "$1"
}

restore() {
	rm -f /dev/shm/file
	systemctl stop user@$uid.service 2>/dev/null
	systemctl reset-failed 2>/dev/null
	mount -o remount,size=50% /dev/shm
	rm -rf $home
	echo 128 >/sys/module/tmpfswarn/parameters/max_user_triggers
}

test_without_a_configuration_a_mount_that_fills_shows_one_notification() {
	mount -o remount,size=8m /dev/shm
	log_in
	desktop
	serve
	said 'watching /dev/shm: ' || fail "$(journal)"
	said "watching /run/user/$uid: " || fail "$(journal)"
	as_him dd if=/dev/zero of=/dev/shm/file bs=4096 count=1946 2>/dev/null
	says 1 'command ended with status 0'
	# it goes on, past no other level
	as_him dd if=/dev/zero of=/dev/shm/file bs=4096 count=10 seek=1946 conv=notrunc 2>/dev/null
	sleep 3
	shown 1
	is shown "$(cat "$dir/shown" | sed 's/ by dd.*//')" '/dev/shm is 90% full|/dev/shm up 90%: 7.2M of 8M used (90%)'
	! said 'denied' || fail "$(journal)"
}

test_what_is_refused_shows_one_notification_however_often() {
	mount -o remount,size=8m /dev/shm
	log_in
	desktop
	serve
	for i in 1 2 3 4 5; do
		! as_him dd if=/dev/zero of=/dev/shm/file bs=4096 count=3000 2>/dev/null || fail "not refused"
		rm /dev/shm/file
		says $i '/dev/shm refused'
	done
	says 1 'command ended with status 0'
	shown 1
	grep -q '^/dev/shm refused for size|/dev/shm refused for size: ' "$dir/shown" || fail "$(cat "$dir/shown")"
}

test_what_only_peaks_shows_none() {
	mount -o remount,size=8m /dev/shm
	log_in
	desktop
	serve
	as_him dd if=/dev/zero of=/dev/shm/file bs=4096 count=1946 2>/dev/null
	rm /dev/shm/file
	sleep 15
	! said ' up 90%' || fail "$(journal)"
	shown 0
	active
}

test_a_configuration_of_his_own_is_read_again_and_may_run_what_he_likes() {
	mkdir "$dir/a'<&"
	chmod 755 "$work" "$dir"
	mount -t tmpfs -o size=4m,mode=777 tool "$dir/a'<&" || fail "mount failed"
	conf "[$dir/a*]" 'Level=50% inodes:100'
	log_in
	desktop
	serve
	fill "a'<&" 800
	shown 1
	(
		cd "$dir/a'<&" || exit
		seq 100 | xargs touch
	)
	shown 2
	sed 's/ by .*//' "$dir/shown" >"$dir/begins"
	printf '%s\n' "$dir/a'<& is 50% full|$dir/a'&lt;&amp; up 50%: 2M of 4M used (50%)" >"$dir/expected"
	head -n 1 "$dir/begins" | cmp - "$dir/expected" || fail "$(cat "$dir/begins")"
	grep -q "^$dir/a'<&: [0-9.]*% of the inodes used|" "$dir/begins" || fail "$(cat "$dir/begins")"
	conf "[$dir/a*]" Level=90% "Exec=id -u >$dir/ran"
	as_him systemctl --user reload tmpfswarn.service || fail "not reloaded: $(journal)"
	fill "a'<&" 1000
	until_lines "$dir/ran" 1 .
	is user "$(cat "$dir/ran")" $uid
	shown 2
	conf "[$dir/a*]" Level=x
	! as_him systemctl --user reload tmpfswarn.service 2>/dev/null || fail "reloaded"
	active
}

test_a_unit_of_his_own_is_started() {
	mounted a size=4m,mode=777
	chmod 755 "$work"
	chmod 777 "$dir"
	conf "[$dir/a]" Level=50% Start=act.service
	log_in
	mkdir -p /run/user/$uid/systemd/user
	printf '%s\n' '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'id -u >$dir/ran'" >/run/user/$uid/systemd/user/act.service
	as_him systemctl --user daemon-reload
	serve
	fill a 800
	until_lines "$dir/ran" 1 .
	is user "$(cat "$dir/ran")" $uid
}

test_without_a_desktop_it_goes_on_and_shows_what_comes_when_there_is_one() {
	mounted a size=4m,mode=777
	chmod 755 "$work" "$dir"
	conf "[$dir/a]" 'Level=50% 75% 90%'
	log_in
	serve
	fill a 600
	says 1 'command ended with status 1'
	active
	desktop
	fill a 200 more
	shown 1
	grep -q "^$dir/a is 75% full|" "$dir/shown" || fail "$(cat "$dir/shown")"
	as_him systemctl --user stop dbus.service
	fill a 150 most
	says 2 'command ended with status 1'
	active
}

test_a_desktop_that_hangs_holds_up_nothing_else() {
	mounted a size=4m,mode=777
	mounted b size=4m,mode=777
	chmod 755 "$work" "$dir"
	conf "[$dir/a]" Level=50% "[$dir/b]" Level=50% "Exec=echo ran >>$dir/ran"
	log_in
	desktop hang
	serve
	fill a 800
	shown 1
	fill b 800
	until_lines "$dir/ran" 1 .
	says 1 'command ended with status 1'
	active
}

test_what_the_limits_refuse_is_said_and_the_rest_watched() {
	mount -o remount,size=8m /dev/shm
	echo 4 >/sys/module/tmpfswarn/parameters/max_user_triggers
	log_in
	serve
	says 1 'too many triggers'
	sleep 5
	is said "$(journal -o cat | grep 'too many triggers' | sort | uniq -c | awk '$1 > 1')" ''
	as_him dd if=/dev/zero of=/dev/shm/file bs=4096 count=1950 2>/dev/null
	says 1 '/dev/shm up 90%'
}

suite "$0"
