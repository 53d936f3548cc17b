# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's archive, any suite of it, through an apt of our own: the machine's lists and
# sources stay as they are, only its mirror is used. Sourced after common.sh.

# The mirror that the machine's apt sources name: of the suites ($1 empty), of the security
# updates ($1 "-security").
archive_mirror() {
	local uri release codename main='' security=''

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	while read -r uri release; do
		case $release in
		*-security | */updates) security=${security:-$uri} ;;
		"$codename" | *stable | testing | sid) main=${main:-$uri} ;;
		esac
	done < <(apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages')
	[ -n "$main" ] || die "no Debian mirror for $codename in apt's sources (/etc/apt/sources.list*)"
	security=${security:-${main%/}-security}
	if [ -z "$1" ]; then echo "${main%/}"; else echo "${security%/}"; fi
}

# The architecture besides amd64 that one of our suites is for, if it is, SUITE-(that).
archive_foreign() {
	case $1 in *-arm64 | *-i386) echo "${1##*-}" ;; esac
}

# The deb lines of one of our suites, for apt and for mmdebstrap; SUITE-source has the sources.
archive_lines() {
	local suite=${1%-"$(archive_foreign "$1")"} main security

	main=$(archive_mirror '')
	security=$(archive_mirror -security)
	case $1 in
	# not from the security updates, whose list for i386 a mirror may have from another day than Release
	*-i386) echo "deb $main $suite main" && return ;;
	esac
	case $suite in
	*-source) archive_lines "${suite%-source}" | sed 's/^deb /deb-src /' ;;
	sid) echo "deb $main sid main" ;;
	experimental) printf 'deb %s %s main\n' "$main" sid "$main" experimental ;;
	*) printf 'deb %s %s main\n' "$main" "$suite" "$security" "$suite-security" ;;
	esac
}

# archive_apt SUITE TOOL ARG...: apt-get or apt-cache of that suite.
archive_apt() {
	local dir=$TMPFSWARN_CACHE/apt/$1

	shift
	APT_CONFIG=$dir/apt.conf "$@"
}

# Brings the lists of a suite up to date; apt asks the mirror only for what has changed.
archive_update() {
	local suite=$1 dir=$TMPFSWARN_CACHE/apt/$1 foreign

	mkdir -p "$dir/parts" "$dir/state/lists/partial" "$dir/cache/archives/partial"
	foreign=$(archive_foreign "$suite")
	: >"$dir/status"
	{
		apt-config dump Acquire
		cat <<-EOF
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "$dir/parts";
		Dir::Etc::parts "$dir/parts";
		Dir::Etc::preferencesparts "$dir/parts";
		APT::Architecture "amd64";
		APT::Architectures { "amd64";${foreign:+ "$foreign";} };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		EOF
	} >"$dir/apt.conf"
	archive_lines "$suite" >"$dir/sources.list"
	if ! archive_apt "$suite" apt-get -q update >"$dir/update.log" 2>&1; then
		grep -E '^(E|Err)' "$dir/update.log" >&2 || cat "$dir/update.log" >&2
		return 1
	fi
}

# archive_newest SUITE PREFIX REGEX: the newest package whose name is PREFIX + REGEX, without PREFIX.
archive_newest() {
	archive_apt "$1" apt-cache pkgnames "$2" | sed 's/:[a-z0-9]*$//' | grep -Ex "$2$3" |
		sed "s/^$2//" | sort -V | tail -n 1
}

# archive_version SUITE PACKAGE: its version, or nothing where there is no such package.
archive_version() {
	archive_apt "$1" apt-cache --no-all-versions show "$2" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1
}

# archive_unpack SUITE PACKAGE DIR [tar's words]: the content of a package, in DIR.
archive_unpack() {
	local suite=$1 package=$2 dir=$3 deb

	shift 3
	deb=$TMPFSWARN_CACHE/apt/$suite/deb/$package
	rm -rf "$deb"
	mkdir -p "$deb" "$dir"
	(cd "$deb" && archive_apt "$suite" apt-get -q download "$package") >&2 || return
	dpkg-deb --fsys-tarfile "$deb"/*.deb | tar -x --keep-directory-symlink -C "$dir" "$@" || return
	rm -rf "$deb"
}
