// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The capture reader against hostile files. The first byte selects the layer: gzip's CRC
 * keeps a fuzzer out of what lies behind it, so most inputs are bodies that are put into
 * valid members here, or given to the codec at once, which is a hundred times as fast.
 *   0: a whole file as it is
 *   1: the body of a data member, to the codec; what decodes must also pack again, and the
 *	packed record must decode to the same event
 *   2: the body of a header member
 *   3: the body of a trailer
 *   4: the body of a data member, behind a valid header
 *   5: the same, replayed: the correlator, the model, the report, the checks, and a cut in the
 *	midst of it as rotation makes one. Whatever is in it, the sums must be right.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "events.h"
#include "flow_state.h"
#include "out.h"
#include "out_capture.h"
#include "out_capture_codec.h"
#include "out_check.h"
#include "out_report.h"
#include "pipeline.h"

#define FILE_CAP (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct capture_codec *reader, *writer, *again;

static long pack(const struct flow_event *ev, uint8_t *record)
{
	capture_codec__reset(writer, ev->ts);
	return capture_codec__pack(writer, ev, record);
}

/* What consumers rely on: counts, and numbers that index arrays. */
static void check_bounds(const struct flow_event *ev)
{
	bool right = true;

	if (ev->type == FE_IN || ev->type == FE_OUT)
		right = ev->io.nids <= FE_IDS_MAX;
	if (ev->type == FE_STORES)
		right = ev->stores.n <= FE_STORES_MAX && ev->stores.op < LR_OP_MAX &&
			ev->stores.status <= LR_STORES_OFF;
	if (ev->type == FE_WRITE)
		right = ev->write.nids <= FE_IDS_MAX && ev->write.op < LR_OP_MAX;
	if (ev->type == FE_STORE)
		right = ev->store.n <= LR_STORE_FIELDS && ev->store.kind <= LR_VALUE_MAP;
	for (uint32_t i = 0; right && ev->type == FE_STORES && i < ev->stores.n; i++)
		right = ev->stores.ref[i].kind <= LR_VALUE_MAP;
	for (uint32_t i = 0; right && ev->type == FE_STORE && i < ev->store.n; i++)
		right = ev->store.fields[i].name.len <= LR_FIELD_NAME &&
			ev->store.fields[i].text.len <= LR_FIELD_TEXT &&
			ev->store.fields[i].kind <= LR_VALUE_MAP;
	if (!right)
		abort();
}

/* Packs what was decoded, decodes that, packs again: the bytes must be the same. */
static void check_event(const struct flow_event *ev)
{
	static uint8_t first[CAPTURE_RECORD_MAX + 3], second[sizeof(first)];
	struct flow_event copy;
	size_t at = 0;
	long n;

	check_bounds(ev);
	n = pack(ev, first);
	capture_codec__reset(again, ev->ts);
	if (n <= 0 || capture_codec__unpack(again, first, (size_t)n, &at, &copy) != 1)
		abort();
	if (at != (size_t)n || pack(&copy, second) != n || memcmp(first, second, at) != 0)
		abort();
}

static void run_codec(const uint8_t *body, size_t len)
{
	struct flow_event ev;
	size_t at = 0;
	int n = 0;

	capture_codec__reset(reader, 1000);
	while (at < len && n >= 0) {
		n = capture_codec__unpack(reader, body, len, &at, &ev);
		if (n > 0)
			check_event(&ev);
	}
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	(void)ctx;
	check_event(ev);
	return 0;
}

static size_t put_member(uint8_t *to, size_t cap, uint8_t kind, uint32_t index, const uint8_t *body,
			 size_t len)
{
	struct capture_member m = {.kind = kind,
				   .version = CAPTURE_VERSION,
				   .index = index,
				   .records = (uint32_t)len}; /* at least as many as there are */
	uint8_t head[CAPTURE_HEAD_SIZE];
	z_stream z = {0};

	capture_member__pack(&m, head);
	if (deflateInit2(&z, 0, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_out = to;
	z.avail_out = (uInt)cap;
	z.next_in = head;
	z.avail_in = sizeof(head);
	deflate(&z, Z_NO_FLUSH);
	z.next_in = (Bytef *)(uintptr_t)body;
	z.avail_in = (uInt)len;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&z);
	return cap - z.avail_out;
}

static size_t make_file(uint8_t *file, uint8_t layer, const uint8_t *data, size_t size)
{
	size_t n = 0;

	if (layer == 0) {
		memcpy(file, data, size);
		return size;
	}
	if (layer == 2)
		return put_member(file, FILE_CAP, CAPTURE_HEADER, 0, data, size);
	n = put_member(file, FILE_CAP, CAPTURE_HEADER, 0, NULL, 0);
	if (layer >= 4)
		n += put_member(file + n, FILE_CAP - n, CAPTURE_DATA, 1, data, size);
	else
		n += put_member(file + n, FILE_CAP - n, CAPTURE_TRAILER, 1, data, size);
	return n;
}

static struct capture_reader *open_file(const uint8_t *file, size_t len)
{
	struct capture_reader *r;
	char text[256];
	int fd = memfd_create("capture", 0);

	if (fd < 0 || write(fd, file, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		abort();
	return capture_reader__open_fd(&r, fd, text, sizeof(text)) ? NULL : r;
}

static void run_file(const uint8_t *file, size_t len)
{
	struct flow_sink sink = {on_event, NULL};
	struct capture_reader *r = open_file(file, len);

	if (!r)
		return;
	capture_reader__run(r, &sink);
	if (capture_reader__info(r)->end == CAPTURE_UNREAD)
		abort();
	capture_reader__free(r);
}

/* A replay that is cut in two behind @left events. */
struct replay {
	uint64_t left;
	struct pipeline *part[2];
	struct flow_state *state;
};

static int on_replayed(void *ctx, const struct flow_event *ev)
{
	struct replay *r = ctx;
	struct flow_sink second = {pipeline__event, r->part[1]};

	if (r->left) {
		r->left--;
		flow_state__event(r->state, ev);
		if (!r->left && flow_state__tell(r->state, ev->ts, &second))
			abort();
		return pipeline__event(r->part[0], ev);
	}
	return pipeline__event(r->part[1], ev);
}

/* Every request is counted once, however it ended. */
static void check_sums(const struct model *m)
{
	const struct model_requests *q = &m->requests;
	uint64_t classes = 0, ends = 0, contexts = 0;

	for (int i = 0; i <= 5; i++)
		classes += q->by_class[i];
	for (int i = REQ_COMPLETE; i <= REQ_LOST; i++)
		ends += q->by_end[i];
	for (int i = 0; i < MODEL_CONTEXT; i++)
		contexts += m->by_context[i];
	if (classes != q->total || ends != q->total || q->latency.count > q->total ||
	    contexts != q->total + q->by_end[REQ_IN_FLIGHT] || m->findings.mismatched > contexts)
		abort();
}

static void write_all(const struct model *m)
{
	struct options cli = {.limits = (1u << LIMIT_COUNT) - 1};
	struct check_opts check_opts = {.cli = &cli, .base = m};
	const struct out_opts opts = {.host = "h"};
	static struct check_report report;
	const struct out_check c = {.report = &report, .m = m, .opts = &opts};
	struct out_file *f;

	check__run(&report, m, &check_opts);
	if (report.n > CHECK_MAX || report.held + report.failed + report.unsure != report.n ||
	    out_file__open(&f, "/dev/null"))
		abort();
	if (out_report__text(f, m, &opts) || out_report__json(f, m, &opts) ||
	    out_check__text(f, &c) || out_check__json(f, &c) || out_check__junit(f, &c))
		abort();
	out_file__commit(f);
}

static void run_replay(const uint8_t *file, size_t len, uint64_t left)
{
	struct pipeline_opts opts = {.blocking_ns = 1};
	struct replay replay = {.left = left};
	struct flow_sink sink = {on_replayed, &replay};
	struct capture_reader *r = open_file(file, len);
	struct model_view view = {0};

	if (!r || pipeline__new(&replay.part[0], &opts) || pipeline__new(&replay.part[1], &opts) ||
	    flow_state__new(&replay.state, NULL))
		abort();
	capture_reader__run(r, &sink);
	for (int i = 0; i < 2; i++) {
		struct model *m;

		view.incomplete = capture_reader__info(r)->status;
		if (pipeline__finish(replay.part[i]) || pipeline__model(replay.part[i], &view, &m))
			abort();
		check_sums(m);
		write_all(m);
		model__free(m);
		pipeline__free(replay.part[i]);
	}
	flow_state__free(replay.state);
	capture_reader__free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_CAP];

	if (size < 1 || size > FILE_CAP / 2)
		return 0;
	if (!reader && (capture_codec__new(&reader, false) || capture_codec__new(&writer, true) ||
			capture_codec__new(&again, false)))
		abort();
	if (data[0] % 6 == 1)
		run_codec(data + 1, size - 1);
	else if (data[0] % 6 == 5 && size > 1)
		run_replay(file, make_file(file, 5, data + 2, size - 2), data[1]);
	else
		run_file(file, make_file(file, data[0] % 6, data + 1, size - 1));
	return 0;
}
