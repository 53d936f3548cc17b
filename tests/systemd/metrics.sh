#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Metrics= of tmpfswarn.service as Debian's node_exporter shows it, and what node-problem-detector
# selects from the journal; TAP. With the module loaded.

# shellcheck disable=SC2317	# the tests are called by way of suite

here=$(cd "$(dirname "$0")/../tool" && pwd)
# shellcheck source=../tool/common.sh
. "$here/common.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

monitor=$(dirname "$0")/tmpfs-monitor.json
message_id=b9a1b568a8aa489db86e82112b717bf8
# where the collector of Debian's package looks
file=/var/lib/prometheus/node-exporter/tmpfswarn.prom

conf() {
	printf '%s\n' "$@" >/etc/tmpfswarn.conf
}

serve() {
	begun=$(date +%s)
	systemctl start tmpfswarn.service || fail "$(journalctl -q --no-pager -u tmpfswarn.service)"
}

journal() {
	journalctl -q --no-pager --since "@$begun" -o cat SYSLOG_IDENTIFIER=tmpfswarn "$@"
}

exporter() {
	echo 'ARGS="--collector.disable-defaults --collector.textfile --web.listen-address=127.0.0.1:9100"' \
		>/etc/default/prometheus-node-exporter
	systemctl start prometheus-node-exporter.service || fail "$(journalctl -q --no-pager -u prometheus-node-exporter)"
	until_true scrape
}

scrape() {
	busybox wget -q -O "$dir/scraped" http://127.0.0.1:9100/metrics && grep -q '^node_textfile_scrape_error' "$dir/scraped"
}

# shows NAME LABELS VALUE: node_exporter, whose labels are sorted
shows() {
	scrape && grep -qxF "tmpfswarn_$1{$2} $3" "$dir/scraped"
}

restore() {
	systemctl stop tmpfswarn.service prometheus-node-exporter.service 2>/dev/null
	systemctl reset-failed 2>/dev/null
	rm -f /etc/tmpfswarn.conf
	[ -e /sys/module/tmpfswarn ] || modprobe tmpfswarn
}

test_node_exporter_shows_what_the_service_writes() {
	strange="$dir/a b \"c\" \\d
e"
	mkdir "$strange"
	mounted x
	mount -t tmpfs -o size=4m tool "$strange" || fail "mount failed"
	number=$(device "$dir/x")
	other=$(awk '$4 == "/" && $5 ~ /d.012e$/ { print $3 }' /proc/self/mountinfo)
	conf '[Service]' "Metrics=$file" "[$dir/x]" 'Level=50% refused'
	exporter
	serve
	until_true shows size_bytes "device=\"$number\",mountpoint=\"$dir/x\"" '4.194304e+06'
	shows size_bytes "device=\"$other\",mountpoint=\"$dir/a b \\\"c\\\" \\\\d\\ne\"" '4.194304e+06' || fail "$(cat "$dir/scraped")"
	grep -qx 'node_textfile_scrape_error 0' "$dir/scraped" || fail "$(cat "$dir/scraped" "$file")"
	grep -q "^node_textfile_mtime_seconds.*\"$file\"" "$dir/scraped" || fail "no time: $(cat "$dir/scraped")"
	# the service lacks CAP_SYS_ADMIN, and has these by debugfs
	grep -qx 'tmpfswarn_hook_armed 1' "$dir/scraped" || fail "$(cat "$dir/scraped")"
	fill x 600
	! dd if=/dev/zero of="$dir/x/more" bs=4096 count=1100 2>/dev/null || fail "not full"
	rm "$dir/x/file" "$dir/x/more"
	until_true shows service_crossings_total "direction=\"falling\",level=\"50%\",mountpoint=\"$dir/x\",section=\"$dir/x\"" 1
	shows service_crossings_total "direction=\"rising\",level=\"50%\",mountpoint=\"$dir/x\",section=\"$dir/x\"" 1 || fail "$(cat "$dir/scraped")"
	shows crossings_total "device=\"$number\",direction=\"both\",level=\"50%\",mountpoint=\"$dir/x\"" 2 || fail "$(cat "$dir/scraped")"
	shows refusals_total "device=\"$number\",mountpoint=\"$dir/x\"" "$(cat "$shown/$number/refused")" || fail "$(cat "$dir/scraped")"
	grep -qx 'node_textfile_scrape_error 0' "$dir/scraped" || fail "$(cat "$dir/scraped")"
	systemctl stop tmpfswarn.service
	scrape
	! grep '^tmpfswarn_' "$dir/scraped" || fail "stale"
	umount "$strange"
}

test_the_mounts_that_confine_a_unit_are_no_series() {
	mounted x
	conf '[Service]' "Metrics=$file" "[$dir/x]" Level=50%
	serve
	until_true test -e "$file"
	# none but those that everybody sees
	sed -n 's/^tmpfswarn_size_bytes.*mountpoint="\(.*\)"} .*/\1/p' "$file" | sort >"$dir/found"
	tmpfswarn metrics | sed -n 's/^tmpfswarn_size_bytes.*mountpoint="\(.*\)"} .*/\1/p' | sort >"$dir/expected"
	is "of its own" "$(comm -23 "$dir/found" "$dir/expected" | xargs)" ''
	grep -qx "$dir/x" "$dir/found" || fail "$(cat "$dir/found")"
}

# pattern REASON: of the monitor, as grep -E has it
pattern() {
	sed -n "/\"reason\": \"$1\"/{n;s/.*\"pattern\": \"(?m)\\(.*\\)\"/\\1/;s/[\\\\][\\\\]/\\\\/g;p}" "$monitor"
}

test_node_problem_detector_selects_what_is_told_and_nothing_else() {
	mounted "x y"
	conf "[$dir/x y]" 'Level=50% inodes:90% refused' Direction=both 'Exec=true' '[/none]' Level=refused
	serve
	fill "x y" 600
	! dd if=/dev/zero of="$dir/x y/more" bs=4096 count=1100 2>/dev/null || fail "not full"
	rm "$dir/x y/file" "$dir/x y/more"
	until_true sh -c "journalctl -q --no-pager --since @$begun MESSAGE_ID=$message_id TMPFSWARN_DIRECTION=down | grep -q ."
	journal >"$dir/all"
	for reason in TmpfsFilling TmpfsRefused; do
		[ -n "$(pattern $reason)" ] || fail "no pattern for $reason"
		grep -E "$(pattern $reason)" "$dir/all" >"$dir/$reason"
		[ -s "$dir/$reason" ] || fail "no $reason in $(cat "$dir/all")"
	done
	journal MESSAGE_ID=$message_id PRIORITY=4 | sort >"$dir/expected"
	sort "$dir/TmpfsFilling" "$dir/TmpfsRefused" >"$dir/selected"
	cmp -s "$dir/selected" "$dir/expected" || fail "$(cat "$dir/selected") instead of $(cat "$dir/expected") of $(cat "$dir/all")"
}

suite "$0"
