#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh SECONDS [PHASE...]: inside the machine, below a Debian's root. Does each piece of work without the
# module, and again with 100 triggers on each mount that it uses. Both have to end alike,
# and what the triggers have counted has to agree with statvfs(2), see observer.c. KTAP on stdout.

set -u -o pipefail
seconds=$1
shift
here=/tests/work dir=/var/tmp/work
export LC_ALL=C.UTF-8
mkdir -p $dir /work /data /held

# NAME		the mounts that it uses
phases='
shm		/dev/shm
shm_sysv	/dev/shm
memfd		/work
userfaultfd	/work
mmap		/work
fallocate	/work
hdd		/work
tmpfs		/work
swap		/dev/shm
fio		/work
module		/work
postgres	/dev/shm /data'

# Each prints lines that begin with "= ", which have to be the same with and without the module, and
# ends with 4 where it cannot be done here.

# stress WORDS...: the summary tells what has failed its verification
stress() {
	local status=0

	stress-ng "$@" --verify --timeout "${seconds}s" --oomable 2>&1 | tee "$dir/stress" || status=$?
	sed -nE 's/.*\] (skipped|passed|failed): /= \1 /p' "$dir/stress"
	if grep -q 'skipped: [1-9]' "$dir/stress"; then return 4; fi
	return $status
}

work_shm() { stress --shm 2 --shm-bytes 8m --shm-objs 4 --temp-path /work; }
work_shm_sysv() { stress --shm-sysv 2 --shm-sysv-bytes 8m --shm 1 --shm-bytes 8m --temp-path /work; }
work_memfd() { stress --memfd 2 --memfd-bytes 32m --memfd-fds 16 --temp-path /work; }
work_userfaultfd() { stress --userfaultfd 2 --userfaultfd-bytes 16m --temp-path /work; }
work_mmap() { stress --mmap 2 --mmap-bytes 16m --mmap-file --temp-path /work; }
work_fallocate() { stress --fallocate 2 --fallocate-bytes 32m --temp-path /work; }
work_hdd() { stress --hdd 2 --hdd-bytes 16m --file-ioctl 1 --temp-path /work; }
# takes the first tmpfs that is mounted
work_tmpfs() { stress --tmpfs 2 --temp-path /work; }
# the file that is swapped to has to be elsewhere
work_swap() { stress --swap 1 --shm 1 --shm-bytes 16m --temp-path /var/tmp; }

work_fio() {
	local status=0

	fio --directory=/work --size=12m --bsrange=1k-64k --rw=randwrite --norandommap=0 --randrepeat=1 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none --unlink=1 --loops=2 \
		--output-format=terse --terse-version=3 \
		--name=written --ioengine=psync --numjobs=2 --name=mapped --ioengine=mmap --bs=4k \
		>"$dir/fio" 2>&1 || status=$?
	# its name, its errors, KiB read and KiB written
	awk -F ';' 'NF > 40 { print "=", $3, "error", $5, "read", $6, "written", $47 }' "$dir/fio" | sort
	[ $status -eq 0 ] || cat "$dir/fio"
	return $status
}

work_module() {
	local status=0

	rm -rf /work/module
	cp -r $here/source /work/module
	TMPDIR=/work make -C /usr/src/linux-headers-*-cloud-amd64 M=/work/module -j4 modules 2>&1 || status=$?
	(cd /work/module && sha256sum -- *.ko | sed 's/^/= /')
	rm -rf /work/module
	return $status
}

work_postgres() {
	local inputs=/opt/regress schedule=/opt/regress/parallel_schedule

	if ! [ -e $schedule ] || [ "$seconds" -lt 60 ]; then
		inputs=$here/postgres schedule=$here/postgres/schedule
	fi
	chown postgres /data
	runuser -u postgres -- $here/postgres.sh $inputs $schedule /data 2>&1
}

number=0 failed=0
# result STATUS NAME: 4 is a test that could not be done
result() {
	number=$((number + 1))
	case $1 in
	0) echo "ok $number $2" ;;
	4) echo "ok $number $2 # SKIP ${3:-cannot be done here}" ;;
	*)
		echo "not ok $number $2"
		failed=1
		;;
	esac
}

say() {
	echo "# $(cut -d ' ' -f 1 /proc/uptime) s: $*"
}

# observe WORDS...: in the background, its process is in "observer" when it is ready
observe() {
	local name=$1 i

	shift
	nice -n 5 $here/observer "$@" >"$dir/$name" 2>&1 &
	observer=$!
	for ((i = 0; i < 600; i++)); do
		if grep -q '^ready' "$dir/$name"; then return 0; fi
		kill -0 $observer 2>/dev/null || break
		sleep 0.1
	done
	sed 's/^#*/#/' "$dir/$name"
	return 1
}

# doing PASS PHASE MOUNT...: the work, observed
doing() {
	local pass=$1 phase=$2 mount name status=0 low high
	local -A observers=()

	shift 2
	for mount; do
		name=$phase.$pass.${mount##*/}
		if [ "$pass" = bare ]; then
			observe "$name" record "$mount"
		else
			read -r _ low high < <(grep '^range' "$dir/$phase.bare.${mount##*/}")
			observe "$name" watch "$mount" "$low" "$high"
		fi
		observers[$mount]=$observer
	done
	"work_$phase" >"$dir/$phase.$pass" 2>&1 || status=$?
	{
		echo "status $status"
		grep '^= ' "$dir/$phase.$pass"
	} >"$dir/$phase.$pass.result"
	for mount; do
		kill -TERM "${observers[$mount]}"
		status=0
		wait "${observers[$mount]}" || status=$?
		echo $status >"$dir/$phase.$pass.${mount##*/}.status"
	done
	say "$phase, $pass: $(xargs -d '\n' <"$dir/$phase.$pass.result" | cut -c 1-120)"
}

judge() {
	local phase=$1 mount name status=0

	shift
	read -r _ status <"$dir/$phase.bare.result"
	if ! diff "$dir/$phase".{bare,armed}.result >"$dir/diff"; then
		sed 's/^/# /' "$dir/diff"
		status=1
	fi
	if [ "$status" -ne 0 ]; then tail -n 20 "$dir/$phase.bare" "$dir/$phase.armed" | sed 's/^/# /'; fi
	result "$status" "${phase}_ends_as_it_does_without_the_module"
	for mount; do
		name=$phase.armed.${mount##*/}
		grep '^#' "$dir/$name"
		result "$(cat "$dir/$name.status")" "${phase}_was_counted_on_${mount//\//_}_as_statvfs_saw_it"
	done
}

# notices COMMAND...: a judgement that was spoiled has to be a bad one, and no other error
notices() {
	local status=0

	"$@" >"$dir/spoiled" 2>&1 || status=$?
	sed 's/^#*/#/' "$dir/spoiled" | tail -n 3
	[ $status -eq 1 ]
}

# one that fills and empties, to be watched with a mistake
spoiled_watch() {
	local i status=0

	observe spoiled.watch watch /work 0 2600 "$1" || return 2
	for i in 1 2 3; do
		dd if=/dev/zero of=/work/filled bs=64k count=160 status=none
		rm /work/filled
	done
	kill -TERM $observer
	wait $observer || status=$?
	cat "$dir/spoiled.watch"
	return $status
}

echo 'TAP version 13'
mount -t tmpfs -o size=512m tmpfs /work
mount -t tmpfs -o size=512m tmpfs /data
mount -t tmpfs -o size=256m tmpfs /dev/shm
mount -t tmpfs -o size=1m tmpfs /held
chmod 1777 /work /dev/shm
say "$(uname -r), $seconds s for each stressor"
[ -e /opt/regress/parallel_schedule ] ||
	echo "# the archive has no source of PostgreSQL to take its own tests from: tests/work/postgres is taken"

# PHASE... narrows it down
wanted=" $* "
plan=5 lines=()
while read -r phase mounts; do
	if [ -z "$phase" ] || { [ "$wanted" != '  ' ] && [[ $wanted != *" $phase "* ]]; }; then continue; fi
	lines+=("$phase $mounts")
	plan=$((plan + 1 + $(wc -w <<<"$mounts")))
done <<<"$phases"
echo "1..$plan"

# shellcheck disable=SC2086		# mounts are words
for line in "${lines[@]}"; do doing bare $line; done

modprobe tmpfswarn || echo "# modprobe has failed"
# keeps the probes in place until the end
observe held watch /held 0 100
held=$observer

for steps in 'a_single_writer_is_told_of_each_crossing_at_once 7' 'and_with_another_seed 8'; do
	read -r name seed <<<"$steps"
	$here/observer paced /work 1000 "$seed" >"$dir/paced" 2>&1
	status=$?
	sed 's/^#*/#/' "$dir/paced" | tail -n 10
	result $status "$name"
	rm -f /work/*
done
for how in lost doubled; do
	status=1
	if notices $here/observer paced /work 200 7 $how && rm -f /work/* && notices spoiled_watch $how; then status=0; fi
	rm -f /work/*
	result $status "an_event_that_is_${how}_is_noticed_by_both_judges"
done

# shellcheck disable=SC2086
for line in "${lines[@]}"; do
	doing armed $line
	judge $line
done
kill -TERM "$held"
status=0
wait "$held" || status=$?
grep '^#' $dir/held
result $status "a_mount_that_nobody_writes_has_no_event_all_the_while"
sed 's/^/# stats: /' /sys/kernel/debug/tmpfswarn/stats
umount /work /data /held /dev/shm
exit $failed
