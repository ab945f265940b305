#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The main job under another kernel: attach to a running server, see exactly the requests that it
# answered, leave it as it was. Runs inside the guest (tests/vm/run), with busybox alone.

PORT=23080
REQUESTS=50
failed=0

result()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2 (status $1)"
		failed=1
	fi
}

# Wait up to $1 seconds for a command to succeed.
wait_for()
{
	seconds=$1
	shift
	while ! "$@"; do
		seconds=$((seconds - 1))
		[ $seconds -gt 0 ] || return 1
		sleep 1
	done
}

# The agent is attached once it holds links or perf events, and opens no more of them. One link is
# there from the beginning (the iterator over threads); loading takes long on an emulated machine.
attached()
{
	before=$now
	now=0
	for fd in "/proc/$agent/fd"/*; do
		case $(readlink "$fd") in
		*bpf[-_]link* | *perf_event* | *raw_tracepoint*) now=$((now + 1)) ;;
		esac
	done
	[ "$now" -gt 3 ] && [ "$now" = "$before" ]
}

ended()
{
	! kill -0 "$agent" 2>/dev/null
}

uname -r
node guest-server.mjs $PORT >/tmp/lines 2>/tmp/server &
server=$!
wait_for 60 grep -q listening /tmp/server
result $? "node $(node --version) listens"
[ $failed -eq 0 ] || exit 1

if ! command -v loopray >/dev/null; then
	node guest-client.mjs $PORT $REQUESTS 5
	result $? "a server without an agent answers"
	kill $server
	echo "skip - loopray in the guest: build/loopray is not built"
	exit $failed
fi

loopray doctor
result $? "doctor finds nothing missing"

loopray report -p $server -d 20s --json >/tmp/report.json 2>/tmp/report.err &
agent=$!
now=0
wait_for 90 attached
result $? "attaches"
node guest-client.mjs $PORT $REQUESTS 5
result $? "the target answers while attached"
wait_for 60 ended
wait $agent
result $? "report ends by itself"
cat /tmp/report.err
if ! node guest-check.mjs /tmp/report.json schema=loopray.report/1 requests.total=$REQUESTS \
	requests.in_flight=0 requests.errors_5xx=0 loss.total=0 context.unreadable=0 \
	lines.stdout.seen=$REQUESTS lines.stdout.store=$REQUESTS lines.stdout.nobodys=0; then
	failed=1
	head -c 2000 /tmp/report.json
fi

node guest-client.mjs $PORT 5 1
result $? "the target answers after the detach"
kill $server
wait $server
[ "$(wc -l </tmp/lines)" -eq $((REQUESTS + 5)) ]
result $? "what it logged is whole"
grep -q "served $((REQUESTS + 5))\$" /tmp/server
result $? "the target served every request"
exit $failed
