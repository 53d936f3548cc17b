# SPDX-License-Identifier: GPL-2.0
# Reads what init wrote: KTAP between marks, one or more documents for each program. Prints
# "passed failed skipped", then a line for each failure, with the first thing that was not as
# expected. A program that dies midway has failed
# what it had planned and not done.

function fault(text) {
	failed++
	bad++
	faults = faults text "\n"
}

function close_document() {
	for (; done < plan; done++)
		fault(program ": test " done + 1 " of " plan " was not reached")
	if (done > plan)
		fault(program ": " done " results where " plan " were planned")
	planned = plan = done = 0
	expected = ""
}

function close_program(code) {
	if (!documents && code == 4) {
		skipped++
	} else {
		if (!documents)
			fault(program ": no plan, exit status " code)
		else
			close_document()
		if (code != 0 && !bad)
			fault(program ": exit status " code)
	}
	program = ""
}

{ sub(/\r$/, "") }

/^@begin / {
	if (program)
		close_program("unknown, the machine stopped")
	program = $2
	documents = planned = plan = done = bad = 0
	next
}
/^@end / {
	close_program($3)
	next
}
/^@fault / {
	fault(substr($0, 8))
	next
}
/^@done/ {
	complete = 1
	next
}
!program { next }
/^K?TAP version/ {
	if (planned)
		close_document()
	next
}
/^1\.\.[0-9]+/ && !planned {
	planned = 1
	documents++
	plan = substr($1, 4) + 0
	if (/# SKIP/)
		skipped++
	else if (!plan)
		fault(program ": plans no test")
	next
}
/^# [^ ]+:[0-9]+:.*Expected / {
	if (!expected)
		expected = " (" substr($0, 3) ")"
	next
}
/^ok / {
	done++
	expected = ""
	if (/# SKIP/)
		skipped++
	else
		passed++
	next
}
/^not ok / {
	done++
	fault(program ": " $0 expected)
	expected = ""
}

END {
	if (program)
		close_program("unknown, the machine stopped")
	if (!complete)
		fault("the virtual machine did not come to its end")
	printf "%d %d %d\n%s", passed, failed, skipped, faults
}
