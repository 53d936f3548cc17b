#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh fuzz|words|sections -max_total_time=SECONDS|-runs=NUMBER: run that program of $OUTPUT so long or
# so often, the first from the corpus on, and say the outcome as TAP.
set -eu -o pipefail

fuzz=${OUTPUT:-build}/$1
case $1 in
fuzz)
	name=no_text_breaks_the_grammar_and_what_is_accepted_prints_back
	from=(-dict=grammar.dict corpus)
	;;
words)
	name=no_name_drives_a_terminal_or_is_lost_and_amounts_are_the_modules
	from=(-dict=words.dict)
	;;
sections)
	name=no_file_breaks_the_configuration_and_what_is_taken_reads_back
	from=(-dict=sections.dict)
	;;
esac
shift

echo "TAP version 13"
echo "1..1"
if [ ! -x "$fuzz" ]; then
	echo "ok 1 $name # SKIP no clang to build it with"
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/found"
# what is new goes to the first directory of two
if "$fuzz" "$1" -max_len=300 -timeout=5 -verbosity=0 -print_final_stats=1 \
	-artifact_prefix="$work/" "$work/found" "${from[@]}" >"$work/log" 2>&1; then
	tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	echo "# texts tried: $tried in $SECONDS s"
	case $1 in
	-runs=*)
		if [ "$tried" -lt "${1#*=}" ]; then
			echo "not ok 1 $name # ended early"
			exit 1
		fi
		;;
	esac
	echo "ok 1 $name"
else
	sed 's/^/# /' "$work/log"
	for text in "$work"/crash-* "$work"/timeout-* "$work"/leak-*; do
		if [ -e "$text" ]; then
			echo "# the text: $(od -An -c "$text" | tr -d '\n')"
		fi
	done
	echo "not ok 1 $name"
	exit 1
fi
