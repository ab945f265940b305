#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What this kernel has of the things that loopray can use:
#   tests/vm/run 6.1 6.12 -- tests/vm/guest-facts.sh tests/vm/guest-server.mjs

events=/sys/kernel/tracing/events

have()
{
	if [ -e "$2" ]; then
		echo "have $1"
	else
		echo "none $1"
	fi
}

symbol()
{
	if grep -q " $1\$" /proc/kallsyms; then
		echo "have symbol $1"
	else
		echo "none symbol $1"
	fi
}

echo "kernel $(uname -r), up $(cut -d ' ' -f 1 /proc/uptime) s"
have "BTF, $(stat -c %s /sys/kernel/btf/vmlinux 2>/dev/null) bytes" /sys/kernel/btf/vmlinux
for event in sock/sock_send_length sock/sock_recv_length sock/inet_sock_set_state \
	syscalls/sys_enter_write syscalls/sys_exit_writev syscalls/sys_enter_sendmsg \
	raw_syscalls/sys_enter sched/sched_switch sched/sched_process_exit; do
	have "tracepoint $event" $events/$event
done
symbol bpf_uprobe_multi_link_attach
symbol bpf_ringbuf_reserve
symbol bpf_get_func_ip_uprobe
symbol bpf_user_ringbuf_drain
have "PMU uprobe, retprobe format" /sys/bus/event_source/devices/uprobe/format/retprobe
echo "perf_event_paranoid $(cat /proc/sys/kernel/perf_event_paranoid)"
echo "unprivileged_bpf_disabled $(cat /proc/sys/kernel/unprivileged_bpf_disabled)"
echo "lockdown $(cat /sys/kernel/security/lockdown)"
echo "node $(node --version), up $(cut -d ' ' -f 1 /proc/uptime) s"
if [ -e /vm/guest-server.mjs ]; then
	node /vm/guest-server.mjs 23080 &
	server=$!
	n=0
	# no -T: it makes this busybox crash
	until wget -q -O - http://127.0.0.1:23080/hello 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 60 ] || exit 1
		sleep 1
	done
	echo "answered, up $(cut -d ' ' -f 1 /proc/uptime) s"
	kill $server
fi
exit 0
