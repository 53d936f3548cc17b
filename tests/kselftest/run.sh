#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run.sh TEST...: run the named test programs of $OUTPUT one after the other and
# print one KTAP document of them all. Plain sh: it runs in an initramfs as well.
set -u

cd "${OUTPUT:-build}" || exit 1
status=$(mktemp) || exit 1
trap 'rm -f "$status"' EXIT

echo "KTAP version 1"
echo "1..$#"
number=0
failed=0
for name; do
	number=$((number + 1))
	echo none >"$status"
	{
		"./$name" 2>&1
		echo $? >"$status"
	} | sed 's/^/  /'
	read -r code <"$status"
	case $code in
	0) echo "ok $number $name" ;;
	4) echo "ok $number $name # SKIP" ;;
	*)
		echo "not ok $number $name # exit status $code"
		failed=1
		;;
	esac
done
exit $failed
