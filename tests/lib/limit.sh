# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Run one program under a time limit, in a session of its own, and leave nothing of it running.

# Every process of a test carries the test's mark in its environment, so even one that made
# itself a daemon is found.
processes_marked()
{
	local file pid

	grep -lszxF "LOOPRAY_TEST_MARK=$1" /proc/[0-9]*/environ | while read -r file; do
		pid=${file#/proc/}
		echo "${pid%/environ}"
	done
}

# Kill what is left of a test; prints what it was, one a line.
kill_marked()
{
	local pid

	for pid in $(processes_marked "$1"); do
		[ -r "/proc/$pid/cmdline" ] || continue
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-120
		echo
		kill -KILL "$pid" 2>/dev/null
	done | sed '/^$/d'
}

# run_limited SECONDS LOG COMMAND...: its status, 124 if the limit ended it. Sets $elapsed
# (seconds, one decimal) and $left_behind (command lines of processes that outlived it).
run_limited()
{
	local limit=$1 log=$2 mark=$$.$RANDOM started status
	shift 2

	started=$(date +%s%N)
	LOOPRAY_TEST_MARK=$mark setsid -w timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null &
	running_mark=$mark
	# the shell's own word on a crashed job would land between the lines of the results
	{ wait $!; } 2>/dev/null
	status=$?
	elapsed=$((($(date +%s%N) - started) / 100000000))
	if [ "$status" -eq 137 ] && [ "$elapsed" -ge $((limit * 10)) ]; then
		status=124
	fi
	elapsed=$((elapsed / 10)).$((elapsed % 10))
	# shellcheck disable=SC2034 # for the caller
	left_behind=$(kill_marked "$mark")
	running_mark=
	return "$status"
}

# For a trap: end the test that runs now.
kill_running()
{
	[ -z "${running_mark:-}" ] || kill_marked "$running_mark" >/dev/null
}
