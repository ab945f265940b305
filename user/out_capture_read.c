// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Capture reader. A member is decompressed whole, into a buffer of the largest size that a
 * writer makes, and its CRC is checked before any of it is believed; so a damaged member
 * yields nothing and a compression bomb costs one buffer. The first thing that does not fit
 * ends the reading: what would follow it has lost its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "interrupt.h"
#include "out_capture.h"
#include "out_capture_codec.h"
#include "util.h"

#define INTERRUPT_MS 200

struct capture_reader {
	int fd;
	bool eof;
	int read_err;
	z_stream z;
	struct capture_codec *codec;
	struct capture_info info;
	struct capture_member member;
	uint32_t next_index;
	uint64_t offset; /* of the current member in the file */
	uint64_t taken;	 /* input bytes that the decompressor has taken */
	size_t raw_len;
	bool in_data;	/* the current member holds records, */
	uint32_t left;	/* so many of which were not looked at, */
	size_t at;	/* from here on */
	int end_status; /* what the reading ended with */
	uint8_t in[64 * 1024];
	uint8_t raw[CAPTURE_MEMBER_MAX];
};

/* Internal results beside 0 and -errno. */
enum { MEMBER_OK = 0, MEMBER_NONE = 1, MEMBER_CUT = 2 };

static int status_set(struct capture_reader *r, enum capture_end end, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int status_set(struct capture_reader *r, enum capture_end end, int err, const char *fmt, ...)
{
	va_list ap;

	r->info.end = end;
	va_start(ap, fmt);
	vsnprintf(r->info.status, sizeof(r->info.status), fmt, ap);
	va_end(ap);
	return err;
}

static int damaged(struct capture_reader *r, const char *what)
{
	return status_set(r, CAPTURE_DAMAGED, -EBADMSG,
			  "damaged at byte %llu (member %u): %s; recovered %llu events before it",
			  (unsigned long long)r->offset, r->next_index, what,
			  (unsigned long long)r->info.events);
}

/*
 * A pipe may have nothing for as long as it likes. A signal that comes right before a read would
 * not end it: so it is waited for in pieces, with a look at whether one came.
 */
static bool wait_for_input(const struct capture_reader *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};

	return poll(&p, 1, INTERRUPT_MS) > 0;
}

/* Reads more input when the decompressor has none. False at the end of the file. */
static bool refill(struct capture_reader *r)
{
	ssize_t n = -1;

	if (r->z.avail_in)
		return true;
	if (r->eof)
		return false;
	do {
		errno = EINTR;
		if (wait_for_input(r))
			n = read(r->fd, r->in, sizeof(r->in));
	} while (n < 0 && errno == EINTR && !interrupt__signal());
	if (n < 0)
		r->read_err = -errno;
	if (n <= 0) {
		r->eof = true;
		return false;
	}
	r->z.next_in = r->in;
	r->z.avail_in = (uInt)n;
	return true;
}

static int read_failed(struct capture_reader *r)
{
	return status_set(r, CAPTURE_DAMAGED, r->read_err, "cannot be read: %s",
			  strerror(-r->read_err));
}

/* Decompresses the next gzip member into r->raw. */
static int member_inflate(struct capture_reader *r)
{
	int z = Z_OK;

	r->offset = r->taken;
	if (!refill(r))
		return r->read_err ? read_failed(r) : MEMBER_NONE;
	inflateReset(&r->z);
	r->z.next_out = r->raw;
	r->z.avail_out = sizeof(r->raw);
	while (z != Z_STREAM_END) {
		uInt before;

		if (!refill(r))
			return r->read_err ? read_failed(r) : MEMBER_CUT;
		before = r->z.avail_in;
		z = inflate(&r->z, Z_NO_FLUSH);
		r->taken += before - r->z.avail_in;
		if (z == Z_BUF_ERROR) /* there is input: it is the output that has no room */
			return damaged(r, "it is larger than any that loopray writes");
		if (z == Z_MEM_ERROR)
			return status_set(r, CAPTURE_STOPPED, -ENOMEM, "out of memory");
		if (z != Z_OK && z != Z_STREAM_END)
			return damaged(r, r->z.msg ? r->z.msg : "not gzip data");
	}
	r->raw_len = sizeof(r->raw) - r->z.avail_out;
	return MEMBER_OK;
}

static int other_version(struct capture_reader *r)
{
	return status_set(r, CAPTURE_DAMAGED, -EPROTO,
			  "written in format version %u, this loopray reads version %u: use %s one",
			  r->member.version, CAPTURE_VERSION,
			  r->member.version > CAPTURE_VERSION ? "a newer" : "an older");
}

/* Next member into r->raw, its head into r->member, checked to be in its place. */
static int member_next(struct capture_reader *r)
{
	int err = member_inflate(r);

	if (err)
		return err;
	if (r->raw_len < CAPTURE_HEAD_SIZE)
		return damaged(r, "not a loopray member");
	err = capture_member__unpack(&r->member, r->raw);
	if (err == -EPROTO)
		return other_version(r);
	if (err)
		return damaged(r, "not a loopray member");
	if (r->member.index != r->next_index)
		return damaged(r, "it does not follow the member before it");
	r->next_index++;
	return MEMBER_OK;
}

static void copy_text(char *to, size_t cap, const struct capture_field *f)
{
	size_t len = min_t(size_t, f->len, cap - 1);

	memcpy(to, f->data, len);
	to[len] = '\0';
}

static void header_field(struct capture_info *info, const struct capture_field *f)
{
	if (f->tag == CT_LOOPRAY)
		copy_text(info->loopray, sizeof(info->loopray), f);
	else if (f->tag == CT_HOST)
		copy_text(info->host, sizeof(info->host), f);
	else if (f->tag == CT_KERNEL)
		copy_text(info->kernel, sizeof(info->kernel), f);
	else if (f->tag == CT_COMMAND)
		copy_text(info->command, sizeof(info->command), f);
	else if (f->tag == CT_MONO_NS)
		info->mono_ns = f->number;
	else if (f->tag == CT_WALL_NS)
		info->wall_ns = f->number;
	else if (f->tag == CT_BOOT_NS)
		info->boot_ns = f->number;
	else if (f->tag == CT_CLOCK_TICKS)
		info->clock_ticks = (uint32_t)f->number;
}

static void trailer_field(struct capture_info *info, const struct capture_field *f)
{
	if (f->tag == CT_MONO_NS)
		info->end_mono_ns = f->number;
	else if (f->tag == CT_WALL_NS)
		info->end_wall_ns = f->number;
	else if (f->tag == CT_EVENTS)
		info->recorded = f->number;
	else if (f->tag == CT_UNWRITTEN)
		info->unwritten = f->number;
	else if (f->tag == CT_REQUESTS)
		info->requests = f->number;
}

static int member_fields(struct capture_reader *r,
			 void (*take)(struct capture_info *, const struct capture_field *))
{
	struct capture_field field;
	size_t at = CAPTURE_HEAD_SIZE;
	int n;

	while ((n = capture_field__next(r->raw, r->raw_len, &at, &field)) > 0)
		take(&r->info, &field);
	return n < 0 ? damaged(r, "its fields are malformed") : 0;
}

static int header_read(struct capture_reader *r)
{
	int err = member_next(r);

	if (err == MEMBER_NONE)
		return status_set(r, CAPTURE_DAMAGED, -EBADMSG, "empty, not a loopray capture");
	if (err == MEMBER_CUT)
		return status_set(r, CAPTURE_DAMAGED, -EBADMSG, "cut off before its header ends");
	if (err == -EBADMSG && r->offset == 0)
		return status_set(r, CAPTURE_DAMAGED, err, "not a loopray capture, or damaged");
	if (err)
		return err;
	if (r->member.kind != CAPTURE_HEADER)
		return damaged(r, "the header is missing");
	r->info.version = r->member.version;
	r->info.revision = r->member.revision;
	r->info.members = 1;
	return member_fields(r, header_field);
}

/*
 * The next record that this version knows: 1; 0: the member has no more. The CRC says that the
 * member is what the recorder wrote, so a malformed one comes from a program that is not ours; the
 * events before the fault were handed out all the same.
 */
static int record_next(struct capture_reader *r, struct flow_event *ev)
{
	while (r->left) {
		int n = capture_codec__unpack(r->codec, r->raw, r->raw_len, &r->at, ev);

		if (n < 0)
			return damaged(r, "a record is malformed");
		r->left--;
		if (n > 0)
			return 1;
		r->info.skipped++;
	}
	r->in_data = false;
	return r->at == r->raw_len ? 0 : damaged(r, "bytes follow its last record");
}

static int cut_off(struct capture_reader *r)
{
	uint64_t at = r->info.last_ns > r->info.mono_ns ? r->info.last_ns - r->info.mono_ns : 0;

	return status_set(r, CAPTURE_CUT_OFF, 0, "cut off after %llu events at %llu.%03llu s",
			  (unsigned long long)r->info.events, (unsigned long long)(at / 1000000000),
			  (unsigned long long)(at / 1000000 % 1000));
}

static int trailer_read(struct capture_reader *r)
{
	struct capture_info *info = &r->info;
	int err;

	info->unwritten = 0;
	err = member_fields(r, trailer_field);
	if (err)
		return err;
	if (info->recorded != CAPTURE_UNKNOWN && info->recorded != info->events + info->skipped)
		return damaged(r, "its totals do not fit what came before");
	err = member_inflate(r);
	if (err != MEMBER_NONE)
		return err < 0 && err != -EBADMSG ? err : damaged(r, "data behind the end");
	if (info->unwritten)
		return status_set(r, CAPTURE_COMPLETE, 0, "complete, but for %llu unwritten events",
				  (unsigned long long)info->unwritten);
	return status_set(r, CAPTURE_COMPLETE, 0, "complete");
}

/* Begins the next member that holds records: 1; 0: there is none. */
static int data_next(struct capture_reader *r)
{
	int err = member_next(r);

	if (err == MEMBER_NONE || err == MEMBER_CUT)
		return cut_off(r);
	if (err)
		return err;
	r->info.members++;
	memcpy(r->info.loss, r->member.loss, sizeof(r->info.loss));
	if (r->member.kind == CAPTURE_TRAILER)
		return trailer_read(r);
	if (r->member.kind != CAPTURE_DATA)
		return damaged(r, "a second header: two captures in one file");
	capture_codec__reset(r->codec, r->member.base_ns);
	r->in_data = true;
	r->left = r->member.records;
	r->at = CAPTURE_HEAD_SIZE;
	return 1;
}

/* As capture_reader__next, but the event does not count as handed out yet. */
static int event_next(struct capture_reader *r, struct flow_event *ev)
{
	int n = 1;

	if (r->info.end != CAPTURE_UNREAD)
		return r->end_status;
	while (n > 0) {
		if (r->in_data)
			n = record_next(r, ev);
		if (r->in_data)
			break;
		if (n >= 0)
			n = data_next(r);
	}
	if (n <= 0)
		r->end_status = n;
	return n;
}

static void count_event(struct capture_reader *r, const struct flow_event *ev)
{
	r->info.events++;
	r->info.last_ns = ev->ts;
}

int capture_reader__next(struct capture_reader *r, struct flow_event *ev)
{
	int n = event_next(r, ev);

	if (n > 0)
		count_event(r, ev);
	return n;
}

int capture_reader__run(struct capture_reader *r, const struct flow_sink *sink)
{
	struct flow_event ev;
	int n, err;

	if (r->info.end != CAPTURE_UNREAD)
		return -EALREADY;
	while ((n = event_next(r, &ev)) > 0) {
		err = sink->event(sink->ctx, &ev);
		if (err)
			return r->end_status = status_set(
				       r, CAPTURE_STOPPED, err, "stopped after %llu events: %s",
				       (unsigned long long)r->info.events, strerror(-err));
		count_event(r, &ev);
	}
	return n;
}

const struct capture_info *capture_reader__info(const struct capture_reader *r)
{
	return &r->info;
}

void capture_reader__position(const struct capture_reader *r, uint64_t *taken, uint64_t *size)
{
	struct stat st;

	*taken = r->taken;
	*size = fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

int capture_reader__open_fd(struct capture_reader **out, int fd, char *err_text, size_t err_cap)
{
	struct capture_reader *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	*out = NULL;
	if (!r) {
		close(fd);
		snprintf(err_text, err_cap, "out of memory");
		return -ENOMEM;
	}
	r->fd = fd;
	r->info.requests = CAPTURE_UNKNOWN;
	r->info.recorded = CAPTURE_UNKNOWN;
	r->info.unwritten = CAPTURE_UNKNOWN;
	snprintf(r->info.status, sizeof(r->info.status), "out of memory");
	if (inflateInit2(&r->z, 15 + 16) == Z_OK && !capture_codec__new(&r->codec, false))
		err = header_read(r);
	if (err) {
		snprintf(err_text, err_cap, "%s", r->info.status);
		capture_reader__free(r);
		return err;
	}
	snprintf(r->info.status, sizeof(r->info.status), "not read yet");
	*out = r;
	return 0;
}

int capture_reader__open(struct capture_reader **out, const char *path, char *err_text,
			 size_t err_cap)
{
	int fd, err;

	*out = NULL;
	if (strcmp(path, "-") == 0)
		fd = dup(STDIN_FILENO);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		snprintf(err_text, err_cap, "cannot be opened: %s", strerror(errno));
		return err;
	}
	return capture_reader__open_fd(out, fd, err_text, err_cap);
}

void capture_reader__free(struct capture_reader *r)
{
	if (!r)
		return;
	inflateEnd(&r->z);
	capture_codec__free(r->codec);
	close(r->fd);
	free(r);
}
