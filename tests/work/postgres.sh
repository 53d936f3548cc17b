#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# postgres.sh INPUTS SCHEDULE DIR: as postgres, a cluster in DIR, and on it the regression tests of INPUTS.
# Prints a line "= ok NAME" or "= not ok NAME" for each, and leaves nothing in DIR.

set -eu -o pipefail
inputs=$1 schedule=$2 dir=$3
bin=$(echo /usr/lib/postgresql/*/bin)
export PGHOST=$dir PGDATA=$dir/cluster LC_ALL=C.UTF-8

end() {
	"$bin/pg_ctl" -s -m fast stop || true
	rm -rf "$dir"/{cluster,out,log}
}

"$bin/initdb" --no-sync --no-locale --encoding=UTF8 -A trust >"$dir/log"
cat >>"$PGDATA/postgresql.conf" <<-EOF
listen_addresses = ''
unix_socket_directories = '$dir'
dynamic_shared_memory_type = posix
shared_buffers = 16MB
min_wal_size = 32MB
max_wal_size = 64MB
fsync = off
jit = off
EOF
trap end EXIT
"$bin/pg_ctl" -s -w -t 300 -l "$dir/log" start
mkdir "$dir/out"
status=0
"$bin/../lib/pgxs/src/test/regress/pg_regress" --inputdir="$inputs" --outputdir="$dir/out" --bindir="$bin" \
	--dlpath="$inputs" --schedule="$schedule" >"$dir/out/tap" || status=$?
sed -nE 's/^(ok|not ok) +[0-9]+ +[-+] +([^ ]+).*/= \1 \2/p' "$dir/out/tap" | sort
grep '^# ' "$dir/out/tap" | tail -n 3
if [ -e "$dir/out/regression.diffs" ]; then head -n 60 "$dir/out/regression.diffs"; fi
exit $status
