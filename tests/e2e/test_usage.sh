#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The command line: help, version, manual page, what is refused and how. No root needed.

set -u

TOP=${LOOPRAY_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
LOOPRAY=${LOOPRAY:-$TOP/build/loopray}
TMP=$(mktemp -d "${TEST_TMP:-/tmp}/loopray-usage.XXXXXX")
failed=0
trap 'rm -rf "$TMP"' EXIT

ok()
{
	echo "ok - $1"
}

not_ok()
{
	echo "not ok - $1: $2"
	failed=1
}

# refused NAME PATTERN ARGUMENTS...: status 2, nothing on stdout, the pattern on stderr
refused()
{
	local name=$1 pattern=$2 status
	shift 2

	"$LOOPRAY" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	if [ $status -ne 2 ]; then
		not_ok "$name" "status $status, not 2"
	elif [ -s "$TMP/out" ]; then
		not_ok "$name" "on stdout: $(head -c 200 "$TMP/out")"
	elif ! grep -qE -- "$pattern" "$TMP/err"; then
		not_ok "$name" "says: $(head -c 300 "$TMP/err")"
	elif ! grep -q -- '--help' "$TMP/err"; then
		not_ok "$name" "does not point to --help"
	else
		ok "$name"
	fi
}

# printed NAME PATTERN ARGUMENTS...: status 0, the pattern on stdout, nothing on stderr
printed()
{
	local name=$1 pattern=$2 status
	shift 2

	"$LOOPRAY" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	if [ $status -ne 0 ]; then
		not_ok "$name" "status $status, not 0"
	elif [ -s "$TMP/err" ]; then
		not_ok "$name" "on stderr: $(head -c 200 "$TMP/err")"
	elif ! grep -qE -- "$pattern" "$TMP/out"; then
		not_ok "$name" "prints: $(head -c 300 "$TMP/out")"
	else
		ok "$name"
	fi
}

commands=$("$LOOPRAY" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
if [ -z "$commands" ]; then
	not_ok "commands" "--help lists none"
	exit 1
fi

printed "version" "^loopray $(cat "$TOP/VERSION")\$" --version
printed "version, short" "^loopray [0-9]" -V
printed "help" "^Usage: loopray " --help
for command in $commands; do
	printed "help of $command" "^Usage: loopray $command " "$command" --help
	printed "short usage of $command" "loopray $command" "$command" --usage
done

refused "no command" "no command given"
refused "unknown command" "unknown command 'frobnicate'" frobnicate
refused "mistyped command" "'recrod'; did you mean 'record'" recrod
refused "unknown flag" "--bogus" --bogus
refused "unknown flag of a command" "loopray ps: .*--bogus" ps --bogus
refused "flag of another command" "--level" ps --level requests
refused "missing value" "argument" record -p
refused "wrong pid" "--pid: 'x' is not allowed" ps -p x
refused "pid out of range" "--pid: '0'" ps -p 0
refused "wrong duration" "--duration: 'soon'" record -p 1 -d soon
refused "wrong interval" "--interval: '0.001'.*10ms" record -p 1 -i 0.001
refused "wrong level" "--level: 'all'.*requests or resources" record -p 1 --level all
refused "wrong attach method" "--attach-method: 'x'.*auto, multi or perf" record -p 1 --attach-method x
refused "wrong byte source" "--byte-source: 'x'" record -p 1 --byte-source x
refused "wrong ring size" "--ring-size: '1K'.*64K to 1G" record -p 1 --ring-size 1K
refused "wrong format" "--format: 'yaml' is not allowed; give jsonl, .*csv" export --format yaml x.lray
refused "contradicting formats" "contradicts --json" ps --json --format text
refused "nothing to record" "-p PID or --all" record
refused "nothing to report" "FILE" report
refused "pids and all" "--pid and --all" record -p 1 --all
refused "file and pid" "either FILE or" report x.lray -p 1
refused "two files" "more than one FILE" export a.lray b.lray
refused "three files" "more than two FILEs" report a.lray b.lray c.lray
refused "a page of two" "shows one FILE" report --html a.lray b.lray
refused "live flag with a file" "--level has no meaning" report x.lray --level requests
refused "argument to a command without any" "unexpected argument '12'; give a process with -p" ps 12
refused "empty file name" "--output" record -p 1 -o ""

# The manual page is well-formed roff, and speaks of every command and flag.
"$LOOPRAY" --help-man >"$TMP/loopray.8"
if command -v groff >/dev/null; then
	groff -man -Tutf8 -ww -P-c "$TMP/loopray.8" >"$TMP/page" 2>"$TMP/warnings"
	if [ -s "$TMP/warnings" ]; then
		not_ok "manual page" "$(head -n 3 "$TMP/warnings")"
	elif [ "$(grep -cE '^[A-Z]' "$TMP/page")" -lt 8 ]; then
		not_ok "manual page" "sections are missing"
	else
		ok "manual page"
	fi
else
	echo "skip - manual page: no groff"
fi
for command in $commands; do
	# plain text of the page: fonts and escaped hyphens taken out
	sed 's/\\f[BRI]//g; s/\\-/-/g' "$TMP/loopray.8" >"$TMP/plain"
	grep -qE "^\.SS $command( |$)" "$TMP/plain" || not_ok "manual page" "no $command"
	"$LOOPRAY" "$command" --help | grep -oE ' --[a-z-]+' | sort -u | while read -r flag; do
		grep -qF -- "$flag" "$TMP/plain" || echo "$flag"
	done >"$TMP/missing"
	[ -s "$TMP/missing" ] && not_ok "manual page: $command" "lacks $(tr '\n' ' ' <"$TMP/missing")"
done

# Completion: a script that bash accepts, and that knows commands and words.
"$LOOPRAY" --help-completion >"$TMP/completion"
complete_words()
{
	# shellcheck disable=SC2016
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _loopray
		printf "%s\n" "${COMPREPLY[@]}"' bash "$TMP/completion" "$@"
}
if [ "$(complete_words loopray rec)" = record ] &&
	[ "$(complete_words loopray record --lev)" = --level ] &&
	[ "$(complete_words loopray record --level reso)" = resources ] &&
	[ "$(complete_words loopray report --format j)" = json ]; then
	ok "completion"
else
	not_ok "completion" "$(complete_words loopray rec | head -n 3)"
fi

# A full device is an error, a closed pipe is quiet, and neither is a success.
"$LOOPRAY" --help >/dev/full 2>"$TMP/err"
status=$?
if [ $status -eq 1 ] && grep -q 'No space left' "$TMP/err"; then ok "output that is full"; else
	not_ok "output that is full" "status $status: $(cat "$TMP/err")"
fi
{ sleep 0.3; "$LOOPRAY" --help-man 2>"$TMP/err"; echo $? >"$TMP/status"; } | true
if [ "$(cat "$TMP/status")" = 1 ] && [ ! -s "$TMP/err" ]; then ok "output that is closed"; else
	not_ok "output that is closed" "status $(cat "$TMP/status"): $(cat "$TMP/err")"
fi
"$LOOPRAY" --version >&- 2>"$TMP/err"
status=$?
if [ $status -le 1 ]; then ok "no output at all"; else not_ok "no output at all" "status $status"; fi
"$LOOPRAY" doctor -o "$TMP/none/file" >"$TMP/out" 2>"$TMP/err"
status=$?
if [ $status -eq 1 ] && grep -q "none/file.*No such file" "$TMP/err"; then
	ok "output file that cannot be made"
else
	not_ok "output file that cannot be made" "status $status: $(cat "$TMP/err")"
fi
exit "$failed"
