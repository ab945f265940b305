// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The capture reader against hostile files. The first byte selects the layer: gzip's CRC
 * keeps a fuzzer out of what lies behind it, so most inputs are bodies that are put into
 * valid members here.
 *   0: a whole file as it is
 *   1: the body of a data member, behind a valid header; what decodes must also pack again
 *   2: the body of a header member
 *   3: the body of a trailer
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "out_capture.h"
#include "out_capture_codec.h"

#define FILE_CAP (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct repack {
	struct capture_codec *codec;
	uint8_t record[CAPTURE_RECORD_MAX + 3];
};

/* Touches every string, and packs the event: whatever a reader yields a writer can write. */
static int on_event(void *ctx, const struct flow_event *ev)
{
	struct repack *p = ctx;

	if (capture_codec__full(p->codec))
		capture_codec__reset(p->codec, ev->ts);
	if (capture_codec__pack(p->codec, ev, p->record) <= 0)
		abort();
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
	if (layer == 1)
		n += put_member(file + n, FILE_CAP - n, CAPTURE_DATA, 1, data, size);
	else
		n += put_member(file + n, FILE_CAP - n, CAPTURE_TRAILER, 1, data, size);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_CAP];
	static struct repack repack;
	struct flow_sink sink = {on_event, &repack};
	struct capture_reader *r;
	char text[256];
	size_t len;
	int fd;

	if (size < 1 || size > FILE_CAP / 2)
		return 0;
	if (!repack.codec && capture_codec__new(&repack.codec, true))
		abort();
	len = make_file(file, data[0] & 3, data + 1, size - 1);
	fd = memfd_create("capture", 0);
	if (fd < 0 || write(fd, file, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		abort();
	if (capture_reader__open_fd(&r, fd, text, sizeof(text)))
		return 0;
	capture_codec__reset(repack.codec, 0);
	capture_reader__run(r, &sink);
	if (capture_reader__info(r)->end == CAPTURE_UNREAD)
		abort();
	capture_reader__free(r);
	return 0;
}
