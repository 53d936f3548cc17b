#!/bin/sh
# SPDX-License-Identifier: 0BSD
# watch.sh MOUNT LEVEL: prints a record each time that usage of a tmpfs passes the level
set -eu
[ -c /dev/tmpfswarn ] || { echo "no /dev/tmpfswarn" >&2; exit 1; } # "<>" would make a file
exec 3<>/dev/tmpfswarn 4<"$1"
echo "4 $2" >&3
exec 4<&- # while it is open, nobody can unmount it
while IFS= read -r record <&3; do # until the mount is gone
	printf '%s\n' "$record"
done
