# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the demo's scripts share: choosing a Node.js, starting services, ending them again.

DEMO_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(cd "$DEMO_DIR/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
STARTED=()
WORK=

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Ends what this script started, by process id, and removes its files.
cleanup() {
	local pid

	for pid in "${STARTED[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${STARTED[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	STARTED=()
	if [ -n "$WORK" ]; then
		rm -rf "$WORK"
	fi
}

# Makes the directory $WORK and has everything cleaned up however the script ends.
begin() {
	WORK=$(mktemp -d)
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Prints the path of the Node.js to use: $NODE, else the PATH's.
pick_node() {
	local node=${NODE:-$(command -v node || command -v nodejs || true)}

	[ -n "$node" ] || die "no Node.js found: apt-get install nodejs, or set NODE=/path/to/node"
	"$node" --version >/dev/null 2>&1 || die "$node does not run"
	echo "$node"
}

need() {
	[ -x "$1" ] || die "$1 is missing: run 'make all tools' first"
}

# start_service COMMAND...: runs a demo service and waits until it listens.
# Sets SERVICE_PID and SERVICE_PORT.
start_service() {
	local out err i

	out=$(mktemp "$WORK/service.XXXXXX")
	err=$out.err
	"$@" >"$out" 2>"$err" &
	SERVICE_PID=$!
	STARTED+=("$SERVICE_PID")
	for ((i = 0; i < 300; i++)); do
		SERVICE_PORT=$(sed -n 's/^listening //p' "$out")
		[ -z "$SERVICE_PORT" ] || return 0
		kill -0 "$SERVICE_PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$err" >&2
	die "the service did not start: $*"
}

# Ends a service that start_service started.
stop_service() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}
