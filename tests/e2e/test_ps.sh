#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# loopray ps on real processes: every Node.js version, and every disguise that a process can
# have: renamed, deleted, replaced or stripped binary, other namespaces, worker threads,
# cluster, large pages, and programs that are only called node.
#
# test-timeout: 240

set -u

TOP=${LOOPRAY_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
LOOPRAY=${LOOPRAY:-$TOP/build/loopray}
CACHE=${LOOPRAY_CACHE:-/var/cache/loopray}
TMP=$(mktemp -d "${TEST_TMP:-/tmp}/loopray-ps.XXXXXX")
chmod 755 "$TMP"
[ -z "${TEST_TMP:-}" ] || chmod 711 "$TEST_TMP" # an ordinary user runs things in there
started=()
failed=0

stop()
{
	[ ${#started[@]} -eq 0 ] || kill -KILL "${started[@]}"
	wait
	started=()
} 2>/dev/null
trap 'stop; rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM

ok()
{
	echo "ok - $1"
}

not_ok()
{
	echo "not ok - $1: $2"
	failed=1
}

# check NAME JSON FILTER: the jq filter must be true
check()
{
	if jq -e "$3" >/dev/null 2>&1 <<<"$2"; then
		ok "$1"
	else
		not_ok "$1" "not $3: $(head -c 1000 <<<"$2")"
	fi
}

nodes()
{
	local path

	if [ -n "${LOOPRAY_NODES:-}" ]; then
		printf '%s' "$LOOPRAY_NODES"
		return
	fi
	for path in "$CACHE"/node/*/bin/node; do
		[ -x "$path" ] && echo "$(basename "${path%/bin/node}") $path"
	done
}

# The binary of a version such as 22, from the list.
node_of()
{
	nodes | sed -n "s|^v\?$1[0-9.]* ||p" | head -n 1
}

cat >"$TMP/app.js" <<'JS'
const { Worker, isMainThread } = require('worker_threads');
const fs = require('fs');
const workers = +process.env.WORKERS || 0;
let waiting = workers;
const ready = () => fs.writeFileSync(process.env.READY, String(process.pid));
if (isMainThread) {
  for (let i = 0; i < workers; i++)
    new Worker(__filename).on('message', () => { if (!--waiting) ready(); });
  if (!workers) ready();
} else {
  require('worker_threads').parentPort.postMessage('up');
}
setInterval(() => {}, 1000);
JS

cat >"$TMP/cluster.js" <<'JS'
const cluster = require('cluster');
const fs = require('fs');
if (cluster.isPrimary || cluster.isMaster) {
  let waiting = 3;
  for (let i = 0; i < 3; i++) cluster.fork();
  cluster.on('online', () => { if (!--waiting) fs.writeFileSync(process.env.READY, ''); });
}
setInterval(() => {}, 1000);
JS

# start COMMAND...: runs it in the background, waits until it says that it is up, sets $pid
start()
{
	export READY=$TMP/ready
	rm -f "$READY"
	"$@" >"$TMP/out" 2>&1 &
	pid=$!
	started+=("$pid")
	for _ in $(seq 300); do
		[ -e "$READY" ] && return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	return 1
}

# The one process that is $pid, as an object.
ps_json()
{
	"$LOOPRAY" ps --json -p "$pid" | jq -c '.processes[0]'
}

# status NAME WANTED PATTERN COMMAND...: exit status and what is said on stderr
status()
{
	local name=$1 wanted=$2 pattern=$3 got
	shift 3

	"$@" >"$TMP/stdout" 2>"$TMP/stderr"
	got=$?
	if [ "$got" -ne "$wanted" ]; then
		not_ok "$name" "status $got, not $wanted: $(head -c 300 "$TMP/stderr")"
	elif ! grep -qE -- "$pattern" "$TMP/stderr"; then
		not_ok "$name" "says: $(head -c 300 "$TMP/stderr")"
	else
		ok "$name"
	fi
}

every_version()
{
	local name path version linked

	while read -r name path; do
		[ -n "$name" ] || continue
		version=$("$path" --version 2>/dev/null)
		linked=static
		[[ $name == debian* ]] && linked=libnode
		if ! start "$path" "$TMP/app.js"; then
			not_ok "version $name" "it does not start: $(head -c 300 "$TMP/out")"
			continue
		fi
		check "version $name" "$(ps_json)" \
			".pid == $pid and \"v\" + .version == \"$version\" and .linked == \"$linked\" and
			 .environments == 1 and .threads[0].tid == $pid and .attachable and .reason == null and
			 (.deleted | not) and .nspid == $pid and .uid == 0 and .ppid == $$ and
			 (.build_id | length) >= 16"
		stop
	done < <(nodes)
}

disguises()
{
	local copy=$TMP/my-service other json

	cp "$node" "$copy"
	start "$copy" "$TMP/app.js" || not_ok "renamed binary" "it does not start"
	check "renamed binary" "$(ps_json)" \
		".version == \"$version\" and .exe == \"$copy\" and .attachable and (.deleted | not)"
	json=$("$LOOPRAY" ps --json)
	check "a scan finds it too" "$json" "[.processes[].pid] | index($pid) != null"

	rm "$copy"
	check "deleted binary" "$(ps_json)" \
		".version == \"$version\" and .exe == \"$copy\" and .deleted and .attachable"

	other=$(node_of 20)
	if [ -n "$other" ]; then
		cp "$other" "$copy"
		check "replaced binary" "$(ps_json)" \
			".version == \"$version\" and .deleted and .attachable"
	else
		echo "skip - replaced binary: no second version"
	fi
	stop

	# a file may really be called so
	copy="$TMP/node (deleted)"
	cp "$node" "$copy"
	start "$copy" "$TMP/app.js" || not_ok "file called deleted" "it does not start"
	check "file called deleted" "$(ps_json)" ".exe == \"$copy\" and (.deleted | not)"
	stop
	rm "$copy"

	if command -v strip >/dev/null && strip -o "$TMP/stripped" "$node" 2>/dev/null; then
		start "$TMP/stripped" "$TMP/app.js" || not_ok "stripped binary" "it does not start"
		check "stripped binary" "$(ps_json)" ".version == \"$version\" and
			(.attachable == true or (.reason | length) > 0)"
		stop
		rm "$TMP/stripped"
	else
		echo "skip - stripped binary: no strip"
	fi
}

# Debian's executable is small; the runtime is the library, which can be deleted as well.
deleted_library()
{
	local name=$CACHE/node/debian18/usr library

	[ -d "$name" ] || name=$CACHE/debian18/usr
	library=$(find "$name" -name 'libnode.so.*' 2>/dev/null | head -n 1)
	if [ -z "$library" ]; then
		echo "skip - deleted library: Debian's Node.js is not in the cache"
		return
	fi
	mkdir "$TMP/lib"
	cp "$library" "$TMP/lib/"
	start env LD_LIBRARY_PATH="$TMP/lib:$(dirname "$library")" "$name/bin/node" "$TMP/app.js" ||
		not_ok "copied library" "it does not start: $(head -c 300 "$TMP/out")"
	check "copied library" "$(ps_json)" ".linked == \"libnode\" and
		.runtime == \"$TMP/lib/$(basename "$library")\" and .attachable and (.deleted | not)"
	rm -r "${TMP:?}/lib"
	check "deleted library" "$(ps_json)" ".linked == \"libnode\" and .attachable and .deleted"
	stop
}

namespaces()
{
	if ! unshare -m true 2>/dev/null; then
		echo "skip - namespaces: unshare is not permitted"
		return
	fi
	mkdir "$TMP/mnt"
	# shellcheck disable=SC2016
	start unshare -m --propagation private sh -c 'mount -t tmpfs none "$1/mnt" &&
		cp "$2" "$1/mnt/node" && exec "$1/mnt/node" "$1/app.js"' sh "$TMP" "$node" ||
		not_ok "other mount namespace" "it does not start: $(head -c 300 "$TMP/out")"
	check "other mount namespace" "$(ps_json)" ".version == \"$version\" and
		.exe == \"$TMP/mnt/node\" and .attachable and (.deleted | not)"
	[ ! -e "$TMP/mnt/node" ] || not_ok "other mount namespace" "the binary is visible here"
	stop

	start unshare -p -f --mount-proc "$node" "$TMP/app.js" ||
		not_ok "other pid namespace" "it does not start"
	pid=$(pgrep -P "$pid" | head -n 1)
	started+=("$pid")
	check "other pid namespace" "$(ps_json)" \
		".pid == $pid and .nspid == 1 and .environments == 1 and .attachable"
	stop
}

threads_and_cluster()
{
	local json

	WORKERS=2 start "$node" "$TMP/app.js" || not_ok "worker threads" "it does not start"
	check "worker threads" "$(ps_json)" ".environments == 3 and ([.threads[].tid] | unique | length) == 3 and
		.thread_count > 3"
	# A worker is a thread: it has an id, but is no process.
	local tid
	tid=$(ps_json | jq '[.threads[].tid] | max')
	status "a thread is no process" 3 "$tid is a thread of process $pid" \
		"$LOOPRAY" ps -p "$tid"
	stop

	start "$node" "$TMP/cluster.js" || not_ok "cluster" "it does not start"
	json=$("$LOOPRAY" ps --json)
	check "cluster" "$json" "[.processes[] | select(.pid == $pid or .ppid == $pid)] |
		length == 4 and all(.attachable and .environments == 1)"
	pkill -KILL -P "$pid"
	stop
}

# Which mechanism carries context is seen, not concluded from the version.
context()
{
	local major path want

	cat >"$TMP/als.js" <<'JS'
const { AsyncLocalStorage } = require('async_hooks');
const als = new AsyncLocalStorage();
als.run({ id: 1 }, () => setInterval(() => als.getStore(), 20));
require('fs').writeFileSync(process.env.READY, '');
JS
	for major in 20 22 24 26; do
		path=$(node_of $major)
		want=async_hooks
		[ "$major" -ge 24 ] && want=acf
		if [ -z "$path" ]; then
			echo "skip - context on $major: not in the cache"
			continue
		fi
		start "$path" "$TMP/als.js" || not_ok "context on $major" "it does not start"
		check "context on $major" "$(ps_json)" ".context == \"$want\""
		stop
	done
}

# Large pages take the code out of the file, where a probe would attach and never be hit.
large_pages()
{
	start "$node" --use-largepages=on "$TMP/app.js" || not_ok "large pages" "it does not start"
	if ! grep -qE '^0[0-9a-f]+-[0-9a-f]+ r-xp 00000000 00:00 0 *$' "/proc/$pid/maps"; then
		echo "skip - large pages: this machine does not give them"
	else
		check "large pages" "$(ps_json)" \
			".version == \"$version\" and .attachable == false and (.reason | test(\"largepages\"))"
	fi
	stop
}

not_node()
{
	local json

	cp "$(command -v sleep)" "$TMP/node"
	"$TMP/node" 300 &
	pid=$!
	started+=("$pid")
	sleep 0.2
	json=$("$LOOPRAY" ps --json 2>/dev/null)
	check "a program called node" "$json" "[.processes[].pid] | index($pid) == null"
	status "-p of another program" 3 "process $pid \(node\) is not Node.js" \
		"$LOOPRAY" ps -p "$pid"
	stop
	status "-p of a process that ended" 3 "there is no process $pid" "$LOOPRAY" ps -p "$pid"

	# one of two is there: it is shown, the other one explained
	start "$node" "$TMP/app.js"
	"$LOOPRAY" ps --json -p "$pid,4194304" >"$TMP/stdout" 2>/dev/null
	check "one of two processes" "$(cat "$TMP/stdout")" ".processes[0].pid == $pid and
		.errors[0].pid == 4194304 and .errors[0].status == 3 and (.errors[0].reason | length) > 0"
	stop
}

# Processes that come and go while ps looks at them are no errors.
short_lives()
{
	local i bad=0

	(while :; do "$node" -e 0; done) >/dev/null 2>&1 &
	started+=("$!")
	for i in 1 2 3 4 5; do
		"$LOOPRAY" ps --json 2>"$TMP/stderr" | jq -e . >/dev/null || bad=$i
		grep -v 'no Node.js process found' "$TMP/stderr" && bad=$i
	done
	if [ "$bad" = 0 ]; then ok "processes that come and go"; else
		not_ok "processes that come and go" "run $bad: $(head -c 300 "$TMP/stderr")"
	fi
	stop
}

ordinary_user()
{
	local own nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

	if ! command -v setpriv >/dev/null || [ "$(id -u)" -ne 0 ]; then
		echo "skip - ordinary user: needs root and setpriv"
		return
	fi
	cp "$LOOPRAY" "$TMP/loopray"
	chmod 755 "$TMP/loopray"
	start "$node" "$TMP/app.js"
	status "another user's process" 4 "process $pid may not be examined.*CAP_SYS_PTRACE" \
		"${nobody[@]}" "$TMP/loopray" ps -p "$pid"
	stop

	chmod 777 "$TMP"
	start "${nobody[@]}" "$node" "$TMP/app.js" || not_ok "own process" "it does not start"
	own=$("${nobody[@]}" "$TMP/loopray" ps --json -p "$pid" | jq -c '.processes[0]')
	check "own process without privileges" "$own" ".version == \"$version\" and .uid == 65534 and
		.attachable == false and (.reason | test(\"CAP_BPF\")) and .environments == null"
	stop
	chmod 755 "$TMP"
}

text()
{
	start "$node" "$TMP/app.js"
	"$LOOPRAY" ps -p "$pid" >"$TMP/stdout"
	if grep -qE '^ +PID +VERSION +LINKED +ISOLATES +CONTEXT +ATTACH +COMMAND$' "$TMP/stdout" &&
		grep -qE "^ +$pid +$version +static +1 +[a-z_]+ +yes +.*app\.js" "$TMP/stdout"; then
		ok "table"
	else
		not_ok "table" "$(cat "$TMP/stdout")"
	fi
	if "$LOOPRAY" ps -v -p "$pid" 2>/dev/null | grep -qE "runtime +$node"; then
		ok "details"
	else
		not_ok "details" "-v does not show the binary"
	fi
	"$LOOPRAY" ps --json -o "$TMP/ps.json" && check "output to a file" "$(cat "$TMP/ps.json")" \
		'.schema == "loopray.ps/1"'
	stop
}

if [ "$(id -u)" -ne 0 ]; then
	echo "needs root"
	exit 77
fi
command -v jq >/dev/null || { echo "needs jq"; exit 77; }
node=$(node_of 22)
[ -n "$node" ] || node=${NODE:-$(command -v node)}
version=$("$node" -p 'process.versions.node') || { echo "needs Node.js"; exit 77; }

every_version
disguises
deleted_library
namespaces
threads_and_cluster
context
large_pages
not_node
short_lives
ordinary_user
text
exit "$failed"
