#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A step of a build: starts a service under loopray, loads it, ends it, and checks what was
# recorded. Ends with the status of loopray check: 7 when a limit did not hold, 6 when one is
# unsure.
#
#   READY=URL LOAD=COMMAND check.sh [LIMIT...] -- PROGRAM [ARG...]
#
#   READY     URL that answers once the service is up
#   LOAD      shell command that makes the load, and ends
#   LIMIT     flags of loopray check; without any: --max-mismatches 0
#   LOOPRAY   the program (default: loopray of the PATH)
#   OUT       directory for run.lray and check.xml (default: loopray-out)
#   BASELINE  a capture of an earlier build to compare with, if the file exists
#   REGRESS   how much worse than it this one may be (default: 5%)
#
# Observing takes privileges: if this is not root, loopray is started by sudo, and the service
# runs as the user who started this script.
set -euo pipefail

LOOPRAY=${LOOPRAY:-loopray}
OUT=${OUT:-loopray-out}
START_S=30
as_root=()
limits=()
recorder=

die()
{
	echo "check.sh: $*" >&2
	exit 1
}

# The service ends with the signal that is passed on to it; then loopray finishes the capture.
end_service()
{
	local pid=$recorder

	[ -n "$pid" ] || return 0
	recorder=
	"${as_root[@]}" kill -TERM "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

wait_ready()
{
	local i

	for ((i = 0; i < START_S * 10; i++)); do
		if curl -fsS -o /dev/null --max-time 2 "$READY" 2>/dev/null; then
			return 0
		fi
		[ -d "/proc/$recorder" ] || die "the service ended before it answered at $READY"
		sleep 0.1
	done
	die "no answer at $READY within $START_S s"
}

main()
{
	local run=()

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		limits+=("$1")
		shift
	done
	[ $# -gt 1 ] || die "give -- PROGRAM [ARG...]"
	shift
	if [ -z "${READY:-}" ] || [ -z "${LOAD:-}" ]; then
		die "READY and LOAD must be set"
	fi
	if [ "$(id -u)" -ne 0 ]; then
		as_root=(sudo)
		run=(--user "$(id -un)")
	fi
	if [ -f "${BASELINE:-}" ]; then
		limits+=(--baseline "$BASELINE" --max-regress "${REGRESS:-5%}")
	fi
	mkdir -p "$OUT"
	trap end_service EXIT

	"${as_root[@]}" "$LOOPRAY" run "${run[@]}" -o "$OUT/run.lray" -- "$@" &
	recorder=$!
	wait_ready
	bash -c "$LOAD"
	end_service

	"$LOOPRAY" check "$OUT/run.lray" --junit "$OUT/check.xml" "${limits[@]}"
}

main "$@"
