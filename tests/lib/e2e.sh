# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For end-to-end tests written in shell (tests/e2e/test_*.sh), run by tests/run:
#
#   . "$LOOPRAY_TOP/tests/lib/e2e.sh"
#   start_node 22.21.1 server.mjs PORT      # $target is its pid once it has printed "listening"
#   check "ps lists it" "$LOOPRAY" ps -p "$target"
#   stop_node
#   finish

e2e_failed=0
target=

# check NAME COMMAND...: one counted test; the command's output is in the log.
check()
{
	local name=$1 status=0
	shift

	"$@" || status=$?
	if [ "$status" -eq 0 ]; then
		echo "ok - $name"
	else
		echo "not ok - $name: status $status of: $*"
		e2e_failed=1
	fi
	return "$status"
}

# check_status NAME WANTED COMMAND...: for a command that is meant to fail in a certain way.
check_status()
{
	local name=$1 wanted=$2 status=0
	shift 2

	"$@" || status=$?
	if [ "$status" -eq "$wanted" ]; then
		echo "ok - $name"
	else
		echo "not ok - $name: status $status, not $wanted, of: $*"
		e2e_failed=1
	fi
}

# check_json NAME FILE FILTER: is jq's FILTER true of FILE?
check_json()
{
	if jq -e "$3" "$2" >/dev/null; then
		echo "ok - $1"
	else
		echo "not ok - $1: not true: $3"
		head -c 2000 "$2"
		echo
		e2e_failed=1
	fi
}

# Names of the Node.js versions to test on, as tools/node-fetch --list gives them.
node_names()
{
	awk 'NF == 2 { print $1 }' <<<"$LOOPRAY_NODES"
}

node_path()
{
	awk -v name="$1" '$1 == name { print $2 }' <<<"$LOOPRAY_NODES"
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# start_node NAME ARGUMENT...: sets $target; fails if it does not come up within 30 s. Its output
# is in $TEST_TMP/target.log.
start_node()
{
	local node
	node=$(node_path "$1")
	shift

	# emptied here, not by the child, which may come after the first look at it
	: >"$TEST_TMP/target.log"
	"$node" "$@" >>"$TEST_TMP/target.log" 2>&1 &
	target=$!
	if ! wait_until 30 grep -q listening "$TEST_TMP/target.log"; then
		cat "$TEST_TMP/target.log"
		stop_node
		return 1
	fi
}

stop_node()
{
	[ -n "$target" ] || return 0
	kill "$target" 2>/dev/null
	wait "$target" 2>/dev/null
	target=
}

finish()
{
	stop_node
	exit "$e2e_failed"
}
