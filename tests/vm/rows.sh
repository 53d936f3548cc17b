# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The table of kernels, one row at a time. Sourced after common.sh and archive.sh.

# What "make check" takes, and with "all" what "make check-all" takes: see the table.
rows_all() {
	sed 's/#.*//' "$here/kernels" | awk -v all="${1:-}" '
		{ options = "," $5 "," }
		NF && options !~ /,own,/ && (all ? options ~ /,(all|deep),/ : options !~ /,all,/) { print $1 }'
}

rows_of_suite() {
	sed 's/#.*//' "$here/kernels" | awk -v s="$1" 'NF && $2 == s && $5 !~ /config=/ { print $1 }'
}

rows_of_arch() {
	sed 's/#.*//' "$here/kernels" | awk -v arch="$1" '$4 == arch { print $1 }'
}

# Sets suite, package (a regular expression), arch and options of a row.
rows_read() {
	local name

	while read -r name suite package arch options; do
		if [ "$name" = "$1" ]; then return; fi
	done <"$here/kernels"
	die "no kernel called $1 (there are: $(rows_all all | xargs))"
}

rows_has() {
	case ",$options," in *",$1,"*) return 0 ;; esac
	return 1
}

# rows_value WORD: what the row's option WORD=... says, if it has one.
rows_value() {
	tr , '\n' <<<"$options" | sed -n "s/^$1=//p"
}

# The newest kernel that the row's suite has now; nothing where it has none.
rows_release() {
	local suite package arch options release

	rows_read "$1"
	case $options in
	*config=*)
		archive_newest "$suite" linux-source- "$package"
		return
		;;
	esac
	release=$(archive_newest "$suite" linux-headers- "$package") || true
	# experimental comes on top of sid, whose kernel is no other row's
	if [ "$suite" = experimental ] && ! archive_apt "$suite" apt-cache madison "linux-headers-$release" |
		grep -q experimental/; then
		release=
	fi
	echo "$release"
}
