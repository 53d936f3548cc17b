#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py TOP UNREACHED NAME...: the union of what gcov has counted in several boots.

NAME.json is what gcov says of one file of one boot, NAME.notes and NAME.arcs what gcov-dump -l says
of its .gcno and .gcda.

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
macro in it, and of lines that have a reason not to be reached.

What is inlined is there once in each function that it is inlined into, as all that the handlers of
probes call is, which are there for ftrace and for kprobes. gcov lists the branches of all these copies
one after the other; here a branch of the source counts once, and is reached where a copy of it was.
That is why they are taken from the arcs, function by function. The compiler writes those of a
condition in one order, wherever it is inlined."""

import collections
import json
import os
import re
import sys

CONDITION = re.compile(r"\b(if|while|for|switch)\b|\?|&&|\|\|")
MACRO = re.compile(r"\b(lockdep_assert_\w+|WARN_ON(_ONCE)?|flush_workqueue|test_bit|work_pending)\(")

LINES, BRANCHES = 97.0, 90.0


def in_module(path, top):
    """The path from the top of a file of the module; None of another."""
    path = "module/" + path.rpartition("module/")[2]
    return path if os.path.exists(os.path.join(top, path)) else None


def read_lines(name, top, lines, functions):
    with open(name + ".json") as text:
        for document in text:
            for part in json.loads(document)["files"]:
                path = in_module(part["file"], top)
                if not path:
                    continue
                for line in part["lines"]:
                    number = line["line_number"]
                    lines[path][number] = max(lines[path].get(number, 0), line["count"])
                    functions[(path, number)] = line.get("function_name") or "-"


def read_notes(name):
    """Of each function its number, its arcs (from, to, flags), and the last line of each block."""
    found = []
    with open(name + ".notes") as text:
        for line in text:
            function = re.search(r"FUNCTION ident=(\d+),", line)
            block = re.search(r"\sblock (\d+):(.*)", line)
            if function:
                found.append((function[1], [], {}))
            elif block:
                number, words = int(block[1]), block[2]
                place = re.match(r"`(.*)':.*?(\d+)$", words)
                if place:
                    found[-1][2][number] = (place[1], int(place[2]))
                for to, flags in re.findall(r"(\d+):([0-9a-f]{4})\b", "" if place else words):
                    found[-1][1].append((number, int(to), int(flags, 16)))
    return found


def read_counters(name):
    """Of each function, by its number, how often the arcs were taken that are counted."""
    found = {}
    with open(name + ".arcs") as text:
        for line in text:
            function = re.search(r"FUNCTION ident=(\d+),", line)
            zeros = re.search(r"COUNTERS arcs -(\d+) counts", line)
            counts = re.search(r":\s+\d+: ([\d ]+)$", line)
            if function:
                known = found[function[1]] = []
            elif zeros:
                known += [0] * int(zeros[1])
            elif counts:
                known += map(int, counts[1].split())
    return found


TREE, FAKE = 1, 2


def count_arcs(arcs, counted):
    """How often each arc was taken: those of the spanning tree are what the others leave for them."""
    counted = iter(counted)
    counts = [None if flags & TREE else next(counted) for _, _, flags in arcs]
    into, out_of = collections.defaultdict(list), collections.defaultdict(list)
    for i, (source, target, _) in enumerate(arcs):
        out_of[source].append(i)
        into[target].append(i)
    inner = set(into) & set(out_of)
    while None in counts:
        for block in inner:
            sides = into[block], out_of[block]
            unknown = [i for side in sides for i in side if counts[i] is None]
            if len(unknown) == 1:
                known = [sum(counts[i] or 0 for i in side) for side in sides]
                if unknown[0] in into[block]:
                    known.reverse()
                # two processors may have counted at once, and one count be lost
                counts[unknown[0]] = max(known[0] - known[1], 0)
    return counts


def read_branches(name, top, lines_of, branches):
    counters = read_counters(name)
    for function, arcs, lines in read_notes(name):
        counted = counters.get(function) or [0] * sum(1 for _, _, flags in arcs if not flags & TREE)
        blocks = collections.defaultdict(list)
        for (block, _, flags), count in zip(arcs, count_arcs(arcs, counted)):
            if not flags & FAKE:
                blocks[block].append(count)
        copies = collections.defaultdict(list)
        for block, counts in sorted(blocks.items()):
            if len(counts) > 1 and block in lines:
                copies[lines[block]] += counts
        for (path, number), counts in copies.items():
            path = in_module(path, top)
            if path:
                # what is inlined twice into one function, and other compilers lay out in another way
                known = branches[path].setdefault((number, len(counts)), [0] * len(counts))
                known[:] = map(max, known, counts)
                # gcov says 0 of some lines that are only there inlined
                if number in lines_of[path]:
                    lines_of[path][number] = max(lines_of[path][number], *counts)


def read(names, top):
    lines = collections.defaultdict(dict)
    branches = collections.defaultdict(dict)
    functions = {}
    for name in names:
        read_lines(name, top, lines, functions)
        read_branches(name, top, lines, branches)
    return lines, branches, functions


def best(branches, source, left_out):
    """Of each line that has a condition the layout of which most was reached."""
    lines = {}
    for (number, size), counts in branches.items():
        words = source[number - 1]
        if number in left_out or MACRO.search(words) or not CONDITION.search(words):
            continue
        reached = sum(1 for count in counts if count)
        lines[number] = max(lines.get(number, (0, -size)), (reached, -size))
    return sum(reached for reached, _ in lines.values()), -sum(size for _, size in lines.values())


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
        row = [reached, len(lines[path]), *best(branches[path], source, excused)]
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
