# shellcheck shell=bash
# shellcheck disable=SC2034 # the results are the caller's
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# How many tests a program ran, from its log and exit status.
#
# A program passes with status 0 and is skipped with 77 (its last line says why). It may report
# tests one by one: cmocka's summary, or lines `ok - NAME`, `not ok - NAME`, `skip - NAME: REASON`.
# A failing status without a failing test among them (a crash, a leak found at exit) counts as one
# failure more, and so does a program of cmocka's that ran none.

# Sum of the counts in cmocka's summary lines of one kind (a program may run several groups).
# Not anchored: cmocka's two streams meet in one log.
cmocka_sum()
{
	grep -aoE "\\[ +$1 +\\] [0-9]+ test\\(s\\)" "$2" | awk '{ n += $(NF - 1) } END { print n + 0 }'
}

count_lines()
{
	grep -acE "$1" "$2"
}

# count_tests LOG STATUS: sets n_passed, n_failed, n_skipped, reason (one line, may be empty)
# and skip_notes (lines NAME: REASON).
count_tests()
{
	local log=$1 status=$2

	reason=
	n_passed=$(($(cmocka_sum PASSED "$log") + $(count_lines '^ok - ' "$log")))
	n_failed=$(($(cmocka_sum FAILED "$log") + $(count_lines '^not ok - ' "$log")))
	n_skipped=$(($(cmocka_sum SKIPPED "$log") + $(count_lines '^skip - ' "$log")))
	skip_notes=$(sed -nE 's/^skip - //p; s/^\[  SKIPPED \] ([A-Za-z_]\w*)$/\1: skipped by the test/p' \
		"$log" | sort -u)
	if grep -aqE '^\[=+\] ' "$log" && [ $((n_passed + n_failed + n_skipped)) -eq 0 ]; then
		n_failed=1
		reason="ran no test"
	fi
	count_status "$log" "$status"
}

count_status()
{
	local log=$1 status=$2

	case $status in
	0)
		if [ $((n_passed + n_failed + n_skipped)) -eq 0 ]; then
			n_passed=1
		fi
		;;
	77)
		n_skipped=$((n_skipped + 1))
		reason=$(grep -av '^[[:space:]]*$' "$log" | tail -n 1)
		reason=${reason:-no reason given}
		;;
	124)
		n_failed=$((n_failed + 1))
		reason="no end within its limit"
		;;
	*)
		[ "$n_failed" -gt 0 ] || n_failed=1
		reason="status $status"
		;;
	esac
}
