#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The programs that show loopray at work: the demo services are what they say they are, and the
# demo, the comparison and the benchmark print and save what they promise.
#
# test-timeout: 300

set -u

TOP=${LOOPRAY_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$TOP/tests/lib/e2e.sh"
TMP=$(mktemp -d "${TEST_TMP:-/tmp}/loopray-demo.XXXXXX")
trap 'rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM
export BUILD=${LOOPRAY_BUILD:-$TOP/build}
export NODE=${NODE:-$(command -v node)}

if [ "$(id -u)" -ne 0 ]; then
	echo "needs root"
	exit 77
fi

# says NAME FILE PATTERN...: every pattern is in the file
says()
{
	local name=$1 file=$2 pattern
	shift 2

	for pattern; do
		if ! grep -qE "$pattern" "$file"; then
			echo "not ok - $name: no '$pattern' in: $(head -c 3000 "$file")"
			e2e_failed=1
			return
		fi
	done
	echo "ok - $name"
}

# One that keeps the store by async_hooks, one by AsyncContextFrame, and Debian's.
services()
{
	local name node

	while read -r name node; do
		case $name in
		22.* | 26.* | debian*)
			check "$name: services break as they say" "$TOP/tools/demo/verify" "$node"
			;;
		esac
	done <<<"${LOOPRAY_NODES:-22.0.0 $NODE}"
}

demo()
{
	DEMO_SECONDS=3 "$TOP/tools/demo/run-demo" >"$TMP/demo" 2>&1
	check "demo: status" [ $? -eq 0 ]
	says "demo: report" "$TMP/demo" '^Requests +[0-9]{2,}' 'POST +/process-payment' \
		'^Event loops' '^Losses' '^context .* right, [1-9][0-9]* wrong'
}

# autocannon is npm's; where there is no registry, there is no comparison.
comparison()
{
	if ! COMPARE_SECONDS=2 COMPARE_OUT=$TMP/compare.json "$TOP/tools/demo/compare" \
		>"$TMP/compare" 2>"$TMP/compare.err"; then
		if grep -q 'cannot install autocannon' "$TMP/compare.err"; then
			echo "skip - comparison: $(tail -n 1 "$TMP/compare.err")"
			return
		fi
		cat "$TMP/compare.err"
	fi
	says "comparison: table" "$TMP/compare" 'requests/s' 'p99' '^broken' '^fixed'
	check_json "comparison: file" "$TMP/compare.json" '[.. | objects | select(.mode)] |
		map({(.mode): .}) | add | .broken.wrong_context > 0 and .fixed.wrong_context == 0 and
		.broken.non_2xx == 0 and .fixed.non_2xx == 0 and .broken.rps > 0 and
		.broken.loopray.requests > 0 and .fixed.loopray.requests > 0'
}

# Figures of so short a run mean nothing; that there are some for each condition does.
bench()
{
	BENCH_PAIRS=1 BENCH_SECONDS=0.5 BENCH_SERVICES=hello NODE_VERSIONS=$NODE \
		BENCH_OUT=$TMP/bench.json "$TOP/tools/bench/run-bench" --quick >"$TMP/bench" 2>&1
	check "benchmark: status" [ $? -eq 0 ]
	says "benchmark: table" "$TMP/bench" 'hello world' '^ +requests ' '^ +resources ' \
		'^ +async_hooks map ' '^ +no-op'
	check_json "benchmark: file" "$TMP/bench.json" '.schema == "loopray.bench/1" and
		(.results[0].conditions | length == 4 and all(.ratio.median > 0 and .unknown == null and
		.failed_requests == 0))'
}

services
demo
comparison
bench
exit "$e2e_failed"
