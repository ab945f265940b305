/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every counter that BPF keeps, once: the per-CPU array, the report and the loss sums are
 * made from this table. LR_STAT(name, loss kind, what it counts).
 * Loss kinds: NONE (not a loss), RING, MAP, READ.
 */
#ifndef LOOPRAY_STATS_H
#define LOOPRAY_STATS_H

#define LR_STATS(LR_STAT)                                                                       \
	LR_STAT(ring_full, RING, "records lost because the ring buffer was full")               \
	LR_STAT(conn_full, MAP, "connections not followed because no state could be stored")    \
	LR_STAT(task_full, MAP, "threads not followed because no state could be stored")        \
	LR_STAT(resource_full, MAP, "async resources not kept because the map was full")        \
	LR_STAT(data_fault, READ, "reads of sent or received bytes that failed")                \
	LR_STAT(runtime_fault, READ, "reads of the runtime's memory that failed")               \
	LR_STAT(runtime_check, READ, "reads of the runtime's memory that failed a check")       \
	LR_STAT(idle_fault, NONE, "reads of a loop's idle time that failed")                    \
	LR_STAT(store_fault, NONE, "reads of stores that failed")                               \
	LR_STAT(store_check, NONE, "reads of stores that failed a check")                       \
	LR_STAT(unlocated, READ, "sends and receives without a usable buffer address")          \
	LR_STAT(env_not_found, NONE,                                                            \
		"threads seen while their environment was not (yet, or any more) there")        \
	LR_STAT(tls_connections, NONE, "TLS connections whose requests are not followed")       \
	LR_STAT(http2_connections, NONE, "HTTP/2 connections: their requests are not followed") \
	LR_STAT(h2_session_full, MAP,                                                           \
		"HTTP/2 connections not followed because no state could be stored")             \
	LR_STAT(h2_session_doubt, NONE,                                                         \
		"HTTP/2 connections that were not told apart at once: streams are missing")     \
	LR_STAT(job_full, MAP, "jobs not followed because no state could be stored")            \
	LR_STAT(lines_skipped, NONE, "writes to stdout and stderr beyond what is looked at")    \
	LR_STAT(follow_full, MAP, "processes not followed because no state could be stored")

#define LR_STAT(name, loss, text) LR_STAT_##name,
enum lr_stat { LR_STATS(LR_STAT) LR_STAT_COUNT };
#undef LR_STAT

#endif
