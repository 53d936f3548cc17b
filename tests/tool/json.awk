# SPDX-License-Identifier: GPL-2.0
# Checks that each line of its input is JSON (RFC 8259), and prints each value in it on a line:
# number of the line, path, value, as "1 .mounts[0].size 4096". Exit status 1 if one is not.

function bad(what)
{
	print "line " NR ": " what " at: " text
	failed = 1
	exit 1
}

function blank()
{
	sub(/^[ \t\r\n]+/, "", text)
}

function take(expression,    found)
{
	if (!match(text, "^(" expression ")"))
		return ""
	found = substr(text, 1, RLENGTH)
	text = substr(text, RLENGTH + 1)
	return found
}

function string(    found)
{
	found = take("\"([^\"\\\\[:cntrl:]]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*\"")
	if (found == "")
		bad("no string")
	return substr(found, 2, length(found) - 2)
}

function value(path,    key, i, found)
{
	blank()
	if (take("[{]") != "") {
		blank()
		if (take("[}]") != "")
			return
		do {
			blank()
			key = string()
			blank()
			if (take(":") == "")
				bad("no colon")
			if ((NR, path "." key) in seen)
				bad("twice the key " key)
			seen[NR, path "." key] = 1
			value(path "." key)
			blank()
		} while (take(",") != "")
		if (take("[}]") == "")
			bad("object without end")
	} else if (take("\\[") != "") {
		i = 0
		blank()
		if (take("\\]") != "")
			return
		do {
			value(path "[" i++ "]")
			blank()
		} while (take(",") != "")
		if (take("\\]") == "")
			bad("array without end")
	} else if (text ~ /^"/) {
		print NR, path, string()
	} else {
		found = take("true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?")
		if (found == "")
			bad("no value")
		print NR, path, found
	}
}

{
	text = $0
	value("")
	blank()
	if (text != "")
		bad("more behind the value")
}

END {
	if (!failed && !NR) {
		print "no line"
		exit 1
	}
	exit failed
}
