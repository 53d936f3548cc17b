#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tmpfswarn.service and tmpfswarn@.service as systemd runs them; TAP. With the module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite
# shellcheck disable=SC2016	# what is quoted is for the shell that Exec= runs

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

units=/run/systemd/system
# for good; what is written there is what others rely on
message_id=b9a1b568a8aa489db86e82112b717bf8
growth_id=b5c740b6f1974b279216d0da259670d1

conf() {
	printf '%s\n' "$@" >/etc/tmpfswarn.conf
}

# unit NAME LINE...
unit() {
	name=$1
	mkdir -p "$(dirname "$units/$name")"
	shift
	printf '%s\n' "$@" >"$units/$name"
	systemctl daemon-reload
}

# journal [FIELD=VALUE...]: what the service has said since the test began
journal() {
	journalctl -q --no-pager --since "@$begun" -u tmpfswarn.service "$@"
}

said() {
	journal -o cat | grep -q "$1"
}

# serve: started, which it is when all is watched that is mounted
serve() {
	begun=$(date +%s)
	systemctl start tmpfswarn.service || fail "$(journal)"
	is state "$(systemctl is-active tmpfswarn.service)" active
}

# property NAME: of the service
property() {
	systemctl show -P "$1" tmpfswarn.service
}

restore() {
	systemctl stop tmpfswarn.service 'tmpfswarn@*.service' 2>/dev/null
	# nor is there to be a limit of starts
	systemctl reset-failed 2>/dev/null
	systemctl unmask --runtime modprobe@.service 2>/dev/null
	[ -e /sys/module/tmpfswarn ] || modprobe tmpfswarn
	systemctl -q disable tmpfswarn.service
	rm -f /dev/shm/file
	mount -o remount,size=50% /dev/shm
	rm -rf /etc/tmpfswarn.conf "$units"/act* "$units"/shm-cleanup.service "$units"/tmpfswarn*.service.d
	! mountpoint -q /run/user/4711 || umount /run/user/4711
}

test_the_service_starts_the_unit_of_the_section_for_the_mount() {
	mounted a
	unit act@.service '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'echo %f >>$dir/ran'"
	conf "[$dir/a]" 'Level=80% 95%' For=1s Start=act@%f.service
	serve
	fill a 900
	until_lines "$dir/ran" 1 .
	is started "$(cat "$dir/ran")" "$dir/a"
}

# the lines that README.md has for it, of which its reader copies all but the user's
of_readme() {
	sed -n -e '/^printf .*tmpfswarn\.conf$/p' -e '/^systemctl enable --now tmpfswarn /p' "${0%/*}/README.md"
}

test_what_the_readme_says_starts_the_unit_when_dev_shm_has_been_full_for_30_s() {
	of_readme >"$dir/lines"
	is lines "$(wc -l <"$dir/lines")" 2
	mount -o remount,size=1000k /dev/shm
	unit shm-cleanup.service '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'cut -d. -f1 /proc/uptime >$dir/ran; rm /dev/shm/file'"
	begun=$(date +%s)
	sh -e "$dir/lines" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
	is enabled "$(systemctl is-enabled tmpfswarn.service)" enabled
	# a peak that goes is none
	head -c 900k /dev/zero >/dev/shm/file
	sleep 20
	rm /dev/shm/file
	sleep 1
	full=$(cut -d. -f1 /proc/uptime)
	head -c 900k /dev/zero >/dev/shm/file
	until_true test -s "$dir/ran"
	took=$(($(cat "$dir/ran") - full))
	[ $took -ge 29 ] && [ $took -le 40 ] || fail "after $took s"
	said '/dev/shm up 80%' || fail "$(journal)"
}

test_a_command_may_clear_the_mount() {
	mounted a
	conf "[$dir/a]" Level=80% "Exec=rm \$TMPFSWARN_PATH/file && touch \$TMPFSWARN_PATH/cleared"
	serve
	fill a 900
	until_true test -e "$dir/a/cleared"
	! [ -e "$dir/a/file" ] || fail "not removed"
}

test_a_command_may_act_on_what_is_a_users_and_become_that_user() {
	mkdir -p /run/user/4711
	mount -t tmpfs -o size=4m,mode=700,uid=1000 none /run/user/4711
	conf '[/run/user/*]' Level=80% 'Exec=cd $TMPFSWARN_PATH && rm file && setpriv --reuid=1000 --clear-groups touch cleared'
	serve
	setpriv --reuid=1000 --clear-groups sh -c 'umask 077; dd if=/dev/zero of=/run/user/4711/file bs=4096 count=900' 2>/dev/null
	until_true test -e /run/user/4711/cleared
	is owner "$(stat -c %u /run/user/4711/cleared)" 1000
}

test_it_starts_without_the_module_and_begins_when_it_is_loaded() {
	mounted a
	conf "[$dir/a]" Level=80%
	rmmod tmpfswarn || fail "in use"
	systemctl mask --runtime modprobe@.service
	serve
	until_true said 'looking for it every 10 seconds'
	property StatusText | grep -q 'modprobe tmpfswarn' || fail "no status: $(property StatusText)"
	modprobe tmpfswarn
	until_true said "watching $dir/a: "
	is status "$(property StatusText)" ''
	fill a 900
	until_true said "$dir/a up 80%"
}

test_a_stop_of_an_instance_is_no_success() {
	mounted a
	unit act.service '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'echo >>$dir/ran acted'"
	unit tmpfswarn@.service.d/act.conf '[Unit]' OnSuccess=act.service
	name=tmpfswarn@$(systemd-escape --path "$dir/a").service
	systemctl start "$name" || fail "not started"
	systemctl stop "$name"
	is state "$(systemctl is-active "$name")" failed
	! [ -e "$dir/ran" ] || fail "acted"
	# which has been started, if at all, by now
	systemctl start act.service
	is acted "$(lines "$dir/ran" acted)" 1
}

test_mounts_that_come_later_are_seen_and_not_kept_busy() {
	conf '[/run/user/*]' Level=80%
	serve
	mkdir -p /run/user/4711
	mount -t tmpfs -o size=4m,mode=700,uid=1000 none /run/user/4711
	until_true said 'watching /run/user/4711: '
	dd if=/dev/zero of=/run/user/4711/file bs=4096 count=900 2>/dev/null
	until_true said '/run/user/4711 up 80%'
	umount /run/user/4711 || fail "kept busy"
	until_true said '/run/user/4711: unmounted'
}

test_the_journal_has_the_fields_of_a_crossing() {
	mounted a
	conf "[$dir/?]" Level=80%
	serve
	fill a 900
	until_true said "$dir/a up 80%"
	journal -o export "MESSAGE_ID=$message_id" "TMPFSWARN_PATH=$dir/a" >"$dir/entry"
	for field in PRIORITY=4 "TMPFSWARN_SECTION=$dir/?" TMPFSWARN_LEVEL=80% TMPFSWARN_DIRECTION=up TMPFSWARN_SIZE=4194304 \
		"TMPFSWARN_DEVICE=$(device "$dir/a")" TMPFSWARN_CROSSINGS=1; do
		grep -qxF "$field" "$dir/entry" || fail "no $field: $(cat "$dir/entry")"
	done
	! knows_who || grep -qx TMPFSWARN_COMM=dd "$dir/entry" || fail "$(cat "$dir/entry")"
}

test_a_broken_configuration_is_refused_and_a_reload_keeps_the_one_before() {
	mounted a
	conf "[$dir/a]" Level=80x
	begun=$(date +%s)
	! systemctl start tmpfswarn.service 2>/dev/null || fail "it has started"
	is status "$(property ExecMainStatus)" 2
	is state "$(property SubState)" failed
	until_true said '/etc/tmpfswarn.conf:2: Level=: 80x: not a level'
	conf "[$dir/a]" Level=80%
	serve
	conf "[$dir/a]" Level=
	! systemctl reload tmpfswarn.service 2>/dev/null || fail "reloaded"
	until_true said "/etc/tmpfswarn.conf:1: \[$dir/a\]: needs Level="
	fill a 900
	until_true said "$dir/a up 80%"
	conf "[$dir/a]" Level=90%
	systemctl reload tmpfswarn.service
	journalctl --sync
	said 'the configuration was read again' || fail "not read again when the reload was done: $(journal)"
	fill a 1000
	until_true said "$dir/a up 90%"
}

test_a_reload_waits_until_the_configuration_has_been_read() {
	mounted a
	conf "[$dir/a]" Level=80%
	serve
	kill -STOP "$(property MainPID)"
	systemctl reload tmpfswarn.service &
	job=$!
	# long after what it runs before the signal
	sleep 5
	kill -0 $job || fail "not waited for"
	kill -CONT "$(property MainPID)"
	wait $job || fail "status $?: $(journal)"
	journalctl --sync
	said 'the configuration was read again' || fail "not read again when the reload was done: $(journal)"
}

test_a_reload_checks_the_file_that_the_service_reads() {
	mounted a
	conf "[$dir/a]" Level=broken
	printf '%s\n' "[$dir/a]" Level=80% >"$dir/conf"
	unit tmpfswarn.service.d/options.conf '[Service]' "Environment=OPTIONS=--config=$dir/conf"
	serve
	systemctl reload tmpfswarn.service || fail "not reloaded: $(journal)"
	printf '%s\n' "[$dir/a]" Level= >"$dir/conf"
	! systemctl reload tmpfswarn.service 2>/dev/null || fail "reloaded"
	fill a 900
	until_true said "$dir/a up 80%"
}

test_who_hangs_is_started_again_and_who_does_not_is_left_alone() {
	unit tmpfswarn.service.d/watchdog.conf '[Service]' WatchdogSec=20 RestartSec=0
	serve
	# for longer than that, which an emulated machine may be busy for a part of
	sleep 25
	is restarts "$(property NRestarts)" 0
	kill -STOP "$(property MainPID)"
	until_true sh -c '[ "$(systemctl show -P NRestarts tmpfswarn.service)" -ge 1 ]'
}

test_the_instance_of_a_path_needs_no_configuration() {
	mounted a
	unit act.service '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'echo >>$dir/ran acted'"
	unit tmpfswarn@.service.d/act.conf '[Unit]' OnSuccess=act.service '[Service]' Environment=LEVEL=50%%
	systemctl start "tmpfswarn@$(systemd-escape --path "$dir/a").service" || fail "not started"
	fill a 500
	! [ -e "$dir/ran" ] || fail "too early"
	fill a 512
	until_lines "$dir/ran" 1 acted
}

test_what_an_instance_has_started_may_have_it_wait_again() {
	mounted a
	instance=tmpfswarn@$(systemd-escape --path "$dir/a").service
	# what tmpfswarn.conf(5) shows
	unit act.service '[Service]' Type=oneshot "ExecStart=/bin/sh -c 'echo >>$dir/ran acted; rm $dir/a/file $dir/nowhere'" \
		"ExecStopPost=/bin/sh -c 'sleep 3; systemctl start --no-block $instance'"
	unit tmpfswarn@.service.d/act.conf '[Unit]' OnSuccess=act.service
	systemctl start "$instance" || fail "not started"
	# though it fails
	for times in 1 2 3; do
		until_true registered "$(device "$dir/a")"
		fill a 900
		until_lines "$dir/ran" $times acted
	done
	until_true registered "$(device "$dir/a")"
}

test_list_says_which_levels_the_service_holds() {
	mounted a
	conf "[$dir/a]" 'Level=50% inodes:90%'
	serve
	tmpfswarn watch "$dir/a" 70% >"$dir/watched" 2>&1 &
	echo $! >>"$dir/pids"
	until_lines "$dir/watched" 1 '^watching'
	tmpfswarn list --owners >"$dir/out" || fail "status $?"
	sed -n "s/^  \([^ ]*\) by tmpfswarn\[$(property MainPID)\] uid 0 in tmpfswarn.service\$/\1/p" "$dir/out" | sort >"$dir/held"
	is held "$(xargs <"$dir/held")" '50% inodes:90%'
}

test_a_mount_grows_to_its_maximum_with_the_drop_in_and_not_without() {
	mounted a
	conf "[$dir/a]" Level=80% Grow=50% GrowMax=7M
	serve
	said "/etc/tmpfswarn.conf:1: \[$dir/a\]: Grow= needs CAP_SYS_ADMIN" || fail "no word of it: $(journal)"
	fill a 900
	until_true said "$dir/a not grown: Grow= needs CAP_SYS_ADMIN"
	until_true said "$dir/a up 80%"
	is size "$(stat -f -c %b "$dir/a")" 1024
	systemctl stop tmpfswarn.service
	# what tmpfswarn.conf(5) shows
	unit tmpfswarn.service.d/grow.conf '[Service]' CapabilityBoundingSet=CAP_SYS_ADMIN 'SystemCallFilter=fspick fsconfig'
	serve
	until_true said "$dir/a grown from 4M to 6M: 3.5M used"
	fill a 1300
	until_true said "$dir/a grown from 6M to 7M: 5M used"
	fill a 1700
	until_true said "$dir/a not grown: it has 7M, GrowMax=7M"
	is size "$(stat -f -c %b "$dir/a")" 1792
	journal -o export "MESSAGE_ID=$growth_id" TMPFSWARN_SIZE=6291456 >"$dir/entry"
	for field in PRIORITY=5 "TMPFSWARN_SECTION=$dir/a" "TMPFSWARN_PATH=$dir/a" TMPFSWARN_SIZE_BEFORE=4194304 TMPFSWARN_USED=3686400; do
		grep -qxF "$field" "$dir/entry" || fail "no $field: $(cat "$dir/entry")"
	done
	journal -o export "MESSAGE_ID=$growth_id" TMPFSWARN_SIZE=7340032 PRIORITY=4 >"$dir/entry"
	grep -qx 'TMPFSWARN_REASON=it has 7M, GrowMax=7M' "$dir/entry" || fail "no reason: $(journal -o export)"
}

# count: the crossings that Metrics= has, of all levels and both ways
count() {
	awk '/^tmpfswarn_service_crossings_total/ { sum += $NF } END { print sum + 0 }' "$dir/metrics"
}

has_count() {
	[ "$(count)" -ge "$1" ]
}

# memory: of the service itself, in kB, without what it has read of libraries by now
memory() {
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$(property MainPID)/status"
}

files() {
	find "/proc/$(property MainPID)/fd" | wc -l
}

# toggle NUMBER: a mount of 16 blocks becomes full and empty, which are four crossings of two levels
toggle() {
	"$here/toggle" "$dir/a/file" 65536 "$1" || fail "toggle failed"
}

test_100000_crossings_in_a_minute_and_a_slow_command_take_no_memory_and_run_nothing_stale() {
	mounted a size=64k
	conf '[Service]' "Metrics=$dir/metrics" "[$dir/a]" 'Level=50% 75%' Direction=both \
		"Exec=cd '$dir'; echo \$TMPFSWARN_LEVEL \$TMPFSWARN_DIRECTION >>ran; sleep 1; while [ -e hold ]; do touch held; sleep 0.1; done"
	serve
	pid=$(property MainPID)
	# some times, for what is taken once, as many unread records are
	toggle 2500
	until_true has_count 10000
	until_lines "$dir/ran" 2 .
	memory=$(memory)
	files=$(files)
	begun_at=$(cut -d. -f1 /proc/uptime)
	toggle 20000
	touch "$dir/hold"
	toggle 5000
	took=$(($(cut -d. -f1 /proc/uptime) - begun_at))
	until_true has_count 110000
	until_true test -e "$dir/held"
	is crossings "$(count)" 110000
	# it is empty: what begins from here on is told of that, and once for each level
	starts=$(lines "$dir/ran" .)
	rm "$dir/hold"
	until_lines "$dir/ran" $((starts + 1)) .
	sleep 4
	tail -n +$((starts + 1)) "$dir/ran" >"$dir/last"
	! grep -v ' down$' "$dir/last" && [ "$(wc -l <"$dir/last")" -le 2 ] || fail "stale: $(cat "$dir/last")"
	[ "$(memory)" -le $((memory + 128)) ] || fail "from $memory to $(memory) kB"
	[ "$(files)" -le "$files" ] || fail "file descriptors are left: $(ls -l "/proc/$pid/fd")"
	is process "$(property MainPID) $(property NRestarts)" "$pid 0"
	[ $took -le 60 ] || skip "the machine is too slow: $took s"
}

test_it_is_confined() {
	systemd-analyze security --no-pager --threshold=25 tmpfswarn.service >"$dir/out" 2>&1 || fail "$(tail -n 1 "$dir/out")"
	systemd-analyze security --no-pager --threshold=25 tmpfswarn@a.service >"$dir/out" 2>&1 || fail "$(tail -n 1 "$dir/out")"
}

suite "$0"
