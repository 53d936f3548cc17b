#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# corpus.sh: run $OUTPUT/corpus on the corpus and say as TAP whether that takes every branch.
set -eu -o pipefail

output=${OUTPUT:-build}
name=every_branch_of_the_grammar_is_taken_by_the_corpus

echo "TAP version 13"
echo "1..2"
rm -f "$output"/*.gcda
if ! "$output/corpus" corpus/*; then
	echo "not ok 1 no_text_of_the_corpus_breaks_the_grammar"
	echo "not ok 2 $name"
	exit 1
fi
echo "ok 1 no_text_of_the_corpus_breaks_the_grammar"
if ! command -v gcov >/dev/null; then
	echo "ok 2 $name # SKIP no gcov"
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcov -b -c -t "$output/counted.o" >"$work/level" 2>"$work/errors" || {
	sed 's/^/# /' "$work/errors"
	echo "not ok 2 $name"
	exit 1
}
# The line before a branch is where it stands.
awk '
/^ *-: *0:Source:/ { ours = /level\.c$/ }
!ours { next }
/^ *[^:]+: *[0-9]+:/ { line = $0; sub(/^ *[^:]+: */, "", line) }
/^branch / { all++; if (!/taken [1-9]/) { left++; print "# not both ways: " line } }
END { printf "# branches taken: %d of %d\n", all - left, all; exit !(all && !left) }' "$work/level" || {
	echo "not ok 2 $name"
	exit 1
}
echo "ok 2 $name"
