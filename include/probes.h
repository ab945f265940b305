/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every probe in the runtime, once.
 *
 * LR_PROBE(name, program, symbols, needed, level, keep)
 *   symbols  demangled prefixes, separated by '|'; the first that exists is used, all of its
 *            clones and overloads that match become sites. "A(->B(" is where A calls B.
 *   needed   REQUIRED: without a site the level is refused; OPTIONAL: reported as absent
 *   level    the level from which it is attached
 *   keep     argument registers that the program reads (bits of CODE_xxx), or LR_SITE_xxx
 */
#ifndef LOOPRAY_PROBES_H
#define LOOPRAY_PROBES_H

/* Not at a function's beginning: the place that target_tls finds in it. */
#define LR_SITE_TLS_READ (1U << 31)
/* The places that target_jobs finds, enum target_jobs_part in the lower bits; perhaps in libuv. */
#define LR_SITE_JOBS (1U << 30)

#define LR_PROBES(LR_PROBE)                                                                       \
	LR_PROBE(async_init, lr_async_init, "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>",  \
		 REQUIRED, LR_LEVEL_RESOURCES, 1 << CODE_RDI)                                     \
	LR_PROBE(async_destroy, lr_async_destroy, "node::AsyncWrap::~AsyncWrap()", REQUIRED,      \
		 LR_LEVEL_RESOURCES, 1 << CODE_RDI)                                               \
	LR_PROBE(async_emit_destroy, lr_async_emit_destroy, "node::AsyncWrap::EmitDestroy(bool)", \
		 REQUIRED, LR_LEVEL_RESOURCES, 1 << CODE_RDI)                                     \
	LR_PROBE(callback_scope, lr_scope_end, "node::AsyncHooks::pop_async_context(", OPTIONAL,  \
		 LR_LEVEL_RESOURCES, 1 << CODE_RDI)                                               \
	LR_PROBE(http_parser, lr_http_parser, "llhttp__on_headers_complete", OPTIONAL,            \
		 LR_LEVEL_RESOURCES, 1 << CODE_RDI)                                               \
	LR_PROBE(gc_start, lr_gc_start, "v8::internal::Heap::GarbageCollectionPrologue(",         \
		 OPTIONAL, LR_LEVEL_REQUESTS, 0)                                                  \
	LR_PROBE(gc_end, lr_gc_end, "v8::internal::Heap::GarbageCollectionEpilogue(", OPTIONAL,   \
		 LR_LEVEL_REQUESTS, 0)                                                            \
	LR_PROBE(loop_timers, lr_loop_timers, "node::Environment::RunTimers(", OPTIONAL,          \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI)                                                \
	LR_PROBE(loop_immediates, lr_loop_immediates,                                             \
		 "node::Environment::CheckImmediate(->node::MakeCallback(|"                       \
		 "node::Environment::CheckImmediate(",                                            \
		 OPTIONAL, LR_LEVEL_REQUESTS, 0)                                                  \
	LR_PROBE(loop_async, lr_loop_async,                                                       \
		 "uv__async_io|node::fs::FSReqAfterScope::FSReqAfterScope(", OPTIONAL,            \
		 LR_LEVEL_REQUESTS, 0)                                                            \
	LR_PROBE(tls_read, lr_tls_read, "node::crypto::TLSWrap::ClearOut(", OPTIONAL,             \
		 LR_LEVEL_REQUESTS, LR_SITE_TLS_READ)                                             \
	LR_PROBE(tls_write, lr_tls_write, "node::crypto::TLSWrap::DoWrite(", OPTIONAL,            \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RDX | 1 << CODE_RCX)                \
	LR_PROBE(h2_stream, lr_h2_stream, "node::http2::Http2Stream::Http2Stream(", OPTIONAL,     \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RSI | 1 << CODE_RCX)                \
	LR_PROBE(h2_frame, lr_h2_frame, "node::http2::Http2Session::OnFrameReceive(", OPTIONAL,   \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RSI | 1 << CODE_RDX)                \
	LR_PROBE(h2_chunk, lr_h2_chunk, "node::http2::Http2Session::OnDataChunkReceived(",        \
		 OPTIONAL, LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RDX | 1 << CODE_R8)       \
	LR_PROBE(h2_submit, lr_h2_submit,                                                         \
		 "node::http2::Http2Stream::SubmitResponse(->nghttp2_submit_response|"            \
		 "nghttp2_submit_response",                                                       \
		 OPTIONAL, LR_LEVEL_REQUESTS,                                                     \
		 1 << CODE_RDI | 1 << CODE_RSI | 1 << CODE_RDX | 1 << CODE_RCX | 1 << CODE_R8)    \
	LR_PROBE(h2_data, lr_h2_data, "node::http2::Http2Session::OnSendData(", OPTIONAL,         \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RSI | 1 << CODE_RCX)                \
	LR_PROBE(h2_close, lr_h2_close, "node::http2::Http2Session::OnStreamClose(", OPTIONAL,    \
		 LR_LEVEL_REQUESTS, 1 << CODE_RDI | 1 << CODE_RSI | 1 << CODE_RDX)                \
	LR_PROBE(job_submit, lr_job_submit, "uv__work_submit", OPTIONAL, LR_LEVEL_REQUESTS,       \
		 LR_SITE_JOBS | TARGET_JOBS_SUBMIT)                                               \
	LR_PROBE(job_queue, lr_job_queue, "uv_queue_work", OPTIONAL, LR_LEVEL_REQUESTS,           \
		 LR_SITE_JOBS | TARGET_JOBS_QUEUE)                                                \
	LR_PROBE(job_start, lr_job_start, "worker", OPTIONAL, LR_LEVEL_REQUESTS,                  \
		 LR_SITE_JOBS | TARGET_JOBS_START)                                                \
	LR_PROBE(job_end, lr_job_end, "worker->uv_async_send", OPTIONAL, LR_LEVEL_REQUESTS,       \
		 LR_SITE_JOBS | TARGET_JOBS_END)                                                  \
	LR_PROBE(job_done, lr_job_done, "uv__fs_done", OPTIONAL, LR_LEVEL_REQUESTS,               \
		 LR_SITE_JOBS | TARGET_JOBS_DONE)                                                 \
	LR_PROBE(job_over, lr_job_over, "uv__work_done", OPTIONAL, LR_LEVEL_REQUESTS,             \
		 LR_SITE_JOBS | TARGET_JOBS_OVER)

#define LR_PROBE(name, program, symbols, needed, level, keep) LR_PROBE_##name,
enum lr_probe { LR_PROBES(LR_PROBE) LR_PROBE_COUNT };
#undef LR_PROBE

#endif
