#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py TOP UNREACHED JSON...: the union of what gcov has counted in several boots.

Prints the lines and branches of each file of module/ that were reached, and each line
that was not, with the reason that UNREACHED gives. Fails below 97 % of the lines and 90 % of
the branches, where a line has no reason, and where a reason has no such line any more. One for
what was reached this time is named: another run may not reach it.

A line of UNREACHED is "FILE<tab>FUNCTION<tab>TEXT<tab>REASON": TEXT is the line, without the white
space around it; all that read so in FUNCTION are meant, and all of FUNCTION where TEXT is "*". What
was inlined wherever it is called has no function of its own: FUNCTION is "-" then.

Branches are counted of the lines that have a condition of their own, a word of C for one: those of
others are in what a macro of the kernel's makes of them (local_irq_save(), test_bit(), hash_add(),
hlist_for_each_entry_rcu()), for constants, its checkers and its assertions. Nor are those counted
of an assertion that is a condition, all but one of which are reached only where it is violated
(flush_workqueue() is one, that the queue is none of the system's), of a condition with such a
macro in it, and of lines that have a reason not to be reached."""

import collections
import json
import os
import re
import sys

CONDITION = re.compile(r"\b(if|while|for|switch)\b|\?|&&|\|\|")
MACRO = re.compile(r"\b(lockdep_assert_\w+|WARN_ON(_ONCE)?|flush_workqueue|test_bit|work_pending)\(")

LINES, BRANCHES = 97.0, 90.0


def read(names, top):
    lines = collections.defaultdict(dict)
    branches = collections.defaultdict(dict)
    functions = {}
    for name in names:
        with open(name) as text:
            for document in text:
                for part in json.loads(document)["files"]:
                    path = part["file"]
                    if "module/" not in path:
                        continue
                    path = path[path.rindex("module/"):]
                    if not os.path.exists(os.path.join(top, path)):
                        continue
                    with open(os.path.join(top, path)) as text:
                        source = text.read().split("\n")
                    for line in part["lines"]:
                        number = line["line_number"]
                        lines[path][number] = max(lines[path].get(number, 0), line["count"])
                        functions[(path, number)] = line.get("function_name") or "-"
                        words = source[number - 1]
                        if MACRO.search(words) or not CONDITION.search(words):
                            continue
                        # inlined copies and other compilers lay branches out in another way
                        key = (number, line.get("function_name"), len(line["branches"]))
                        known = branches[path].setdefault(key, [0] * len(line["branches"]))
                        for i, branch in enumerate(line["branches"]):
                            known[i] = max(known[i], branch["count"])
    return lines, branches, functions


def best(branches, left_out):
    """Of each line the layout of which most was reached."""
    lines = {}
    for (number, _, _), counts in branches.items():
        if not counts or number in left_out:
            continue
        share = sum(1 for c in counts if c) / len(counts)
        if number not in lines or share > lines[number][0]:
            lines[number] = (share, counts)
    counts = [c for _, counts in lines.values() for c in counts]
    return sum(1 for c in counts if c), len(counts)


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def reasons_of(name):
    reasons = {}
    with open(name) as text:
        for line in text:
            if line.startswith("#") or not line.strip():
                continue
            path, function, words, reason = line.rstrip("\n").split("\t", 3)
            reasons[(path, function, words)] = reason
    return reasons


def main():
    top, unreached, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    lines, branches, functions = read(names, top)
    reasons = reasons_of(unreached)
    used, known = set(), set()
    good = True
    sums = [0, 0, 0, 0]
    listing = []
    print("%-20s %17s %19s" % ("", "lines", "branches"))
    for path in sorted(lines):
        with open(os.path.join(top, path)) as text:
            source = text.read().split("\n")
        excused = set()
        for number, count in sorted(lines[path].items()):
            words = source[number - 1].strip()
            keys = [(path, functions[(path, number)], text) for text in (words, "*")]
            known.update(keys)
            if count:
                continue
            reason = next((reasons[key] for key in keys if key in reasons), None)
            used.update(keys)
            if reason:
                excused.add(number)
            else:
                good = False
            listing.append("%s:%d: %s\n    %s" % (path, number, words, reason or "NO REASON GIVEN"))
        reached = sum(1 for count in lines[path].values() if count)
        row = [reached, len(lines[path]), *best(branches[path], excused)]
        sums = [a + b for a, b in zip(sums, row)]
        print("%-20s %5d/%-4d %5.1f %% %6d/%-4d %5.1f %%" %
              (path, row[0], row[1], percent(*row[:2]), row[2], row[3], percent(*row[2:])))
    print("%-20s %5d/%-4d %5.1f %% %6d/%-4d %5.1f %%" %
          ("all", sums[0], sums[1], percent(*sums[:2]), sums[2], sums[3], percent(*sums[2:])))
    print("\nnot reached:")
    print("\n".join(listing) or "nothing")
    for key in sorted(set(reasons) - used):
        if key in known:
            print("%s: %s: %s: has a reason, but was reached" % key)
        else:
            good = False
            print("%s: %s: %s: has a reason, but is no more" % key)
    for what, found, least in (("lines", percent(*sums[:2]), LINES),
                               ("branches", percent(*sums[2:]), BRANCHES)):
        if found < least:
            good = False
            print("%.1f %% of the %s were reached, less than %.0f %%" % (found, what, least))
    sys.exit(not good)


main()
