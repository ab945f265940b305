// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Capture writer. Events are packed into one buffer, which is written as a gzip member when
 * it is full or old; memory is fixed.
 *
 * Compression costs several times what packing does (about 30 ns a byte against 10), so it
 * is spent only where its sum stays small: a member that filled faster than COMPRESS_RATE is
 * stored as it is, which bounds compression at about 2% of a core whatever the load, for a
 * file that is less than twice the size. Level 1 of zlib: a higher one costs several times
 * the CPU for a tenth of the size.
 */
#define LOG_MODULE "capture"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "log.h"
#include "out.h"
#include "out_capture.h"
#include "out_capture_codec.h"
#include "util.h"

#define MEMBER_BYTES (256u << 10)
#define MEMBER_NS    1000000000ULL
/* Raw bytes a second of event time. */
#define COMPRESS_RATE (512u << 10)
#define RAW_CAP	      CAPTURE_MEMBER_MAX
/* Of the header; the reader keeps as much. */
#define CAPTURE_TEXT_MAX 511
/* A member is ended before this, so that one more record always fits. */
#define RAW_LIMIT (RAW_CAP - CAPTURE_RECORD_MAX - 3)

struct out_capture {
	struct out_file *file;
	struct capture_codec *codec;
	z_stream z;
	bool z_ready;
	int err; /* the output's: nothing more can be written */
	uint32_t member_bytes;
	uint64_t member_ns;
	uint64_t last_ns; /* of the last event */
	uint64_t requests;
	struct capture_member member; /* the one that is open */
	size_t raw_len;		      /* 0: none is open */
	size_t packed_cap;
	uint8_t *packed;
	struct out_capture_stats stats;
	uint8_t raw[RAW_CAP];
};

/* Level of zlib for the open member: 0 is stored. A short burst does not count as a rate. */
static int member_level(const struct out_capture *c)
{
	uint64_t first = c->member.base_ns, last = c->last_ns;
	double s = last > first ? (double)(last - first) / 1e9 : 0;

	if (c->member.kind != CAPTURE_DATA)
		return 1;
	return (double)c->raw_len > max_t(double, s, 0.1) * COMPRESS_RATE ? 0 : 1;
}

/* Makes one gzip member of head and body and writes it out at once. */
static int member_write(struct out_capture *c)
{
	int err;

	capture_member__pack(&c->member, c->raw);
	deflateReset(&c->z);
	deflateParams(&c->z, member_level(c), Z_DEFAULT_STRATEGY);
	c->z.next_in = c->raw;
	c->z.avail_in = (uInt)c->raw_len;
	c->z.next_out = c->packed;
	c->z.avail_out = (uInt)c->packed_cap;
	if (deflate(&c->z, Z_FINISH) != Z_STREAM_END)
		err = -EIO;
	else
		err = out_file__write(c->file, c->packed, c->packed_cap - c->z.avail_out);
	if (!err)
		err = out_file__flush(c->file);
	if (!err) {
		c->stats.members++;
		c->stats.raw_bytes += c->raw_len;
		c->member.index++;
	}
	return err;
}

/* Ends the open member. After an error its events are counted as not written. */
static int member_end(struct out_capture *c)
{
	if (c->raw_len == 0)
		return 0;
	memcpy(c->member.loss, c->stats.loss, sizeof(c->member.loss));
	c->err = member_write(c);
	if (c->err) {
		c->stats.unwritten += c->member.records;
		c->stats.events -= c->member.records;
	}
	c->raw_len = 0;
	return c->err;
}

static void member_begin(struct out_capture *c, uint8_t kind, uint64_t base_ns)
{
	c->member.kind = kind;
	c->member.version = CAPTURE_VERSION;
	c->member.revision = CAPTURE_REVISION;
	c->member.records = 0;
	c->member.base_ns = base_ns;
	c->raw_len = CAPTURE_HEAD_SIZE;
}

static void put_u64(struct out_capture *c, enum capture_tag tag, uint64_t v)
{
	c->raw_len += capture_field__put_u64(c->raw + c->raw_len, tag, v);
	c->member.records++;
}

static void put_str(struct out_capture *c, enum capture_tag tag, const char *s)
{
	size_t len = min_t(size_t, strlen(s), CAPTURE_TEXT_MAX);

	c->raw_len += capture_field__put_str(c->raw + c->raw_len, tag, s, len);
	c->member.records++;
}

static int header_write(struct out_capture *c, const char *command)
{
	uint64_t mono = now_mono_ns();
	struct timespec boot;
	struct utsname uts;
	int err;

	if (uname(&uts))
		return -errno;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	member_begin(c, CAPTURE_HEADER, mono);
	put_str(c, CT_LOOPRAY, LOOPRAY_VERSION);
	put_str(c, CT_HOST, uts.nodename);
	put_str(c, CT_KERNEL, uts.release);
	put_str(c, CT_COMMAND, command ? command : "");
	put_u64(c, CT_MONO_NS, mono);
	put_u64(c, CT_WALL_NS, now_wall_ns());
	put_u64(c, CT_BOOT_NS, (uint64_t)boot.tv_sec * 1000000000ULL + (uint64_t)boot.tv_nsec);
	put_u64(c, CT_CLOCK_TICKS, (uint64_t)sysconf(_SC_CLK_TCK));
	err = member_write(c);
	c->raw_len = 0;
	return err;
}

static int trailer_write(struct out_capture *c)
{
	uint64_t mono = now_mono_ns();
	int err;

	member_begin(c, CAPTURE_TRAILER, mono);
	memcpy(c->member.loss, c->stats.loss, sizeof(c->member.loss));
	put_u64(c, CT_MONO_NS, mono);
	put_u64(c, CT_WALL_NS, now_wall_ns());
	put_u64(c, CT_EVENTS, c->stats.events);
	put_u64(c, CT_UNWRITTEN, c->stats.unwritten);
	if (c->requests != CAPTURE_UNKNOWN)
		put_u64(c, CT_REQUESTS, c->requests);
	err = member_write(c);
	c->raw_len = 0;
	return err;
}

static void capture_free(struct out_capture *c)
{
	if (c->z_ready)
		deflateEnd(&c->z);
	capture_codec__free(c->codec);
	free(c->packed);
	free(c);
}

static int compressor_init(struct out_capture *c)
{
	/* 15 + 16: the largest window, in a gzip wrapper with its CRC. */
	if (deflateInit2(&c->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	c->z_ready = true;
	c->packed_cap = deflateBound(&c->z, RAW_CAP);
	c->packed = malloc(c->packed_cap);
	return c->packed ? 0 : -ENOMEM;
}

int out_capture__create(struct out_capture **out, const struct out_capture_opts *opts)
{
	struct out_capture *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	if (!c) {
		out_file__abandon(opts->file);
		return -ENOMEM;
	}
	c->member_bytes = min_t(uint32_t, opts->member_bytes ?: MEMBER_BYTES, RAW_LIMIT);
	c->member_ns = opts->member_ns ?: MEMBER_NS;
	c->requests = CAPTURE_UNKNOWN;
	c->file = opts->file;
	err = capture_codec__new(&c->codec, true);
	if (!err)
		err = compressor_init(c);
	if (!err && !c->file)
		err = out_file__open(&c->file, opts->path);
	if (!err)
		err = header_write(c, opts->command);
	if (err) {
		out_file__abandon(c->file);
		capture_free(c);
		return err;
	}
	out_file__keep_partial(c->file);
	*out = c;
	return 0;
}

static void count_loss(struct out_capture *c, const struct flow_event *ev)
{
	if (ev->type == FE_LOSS && ev->loss.kind < FLOW_LOSS_KINDS)
		c->stats.loss[ev->loss.kind] += ev->loss.count;
}

int out_capture__event(void *capture, const struct flow_event *ev)
{
	struct out_capture *c = capture;
	long n;

	if (c->err) {
		c->stats.unwritten++;
		return 0;
	}
	if (c->raw_len == 0) {
		member_begin(c, CAPTURE_DATA, ev->ts);
		capture_codec__reset(c->codec, ev->ts);
	}
	count_loss(c, ev);
	n = capture_codec__pack(c->codec, ev, c->raw + c->raw_len);
	if (n < 0) {
		if (!c->stats.unwritten++)
			log_warn("an event of type %d does not fit the format", ev->type);
		return 0;
	}
	c->raw_len += (size_t)n;
	c->last_ns = ev->ts;
	c->member.records++;
	c->stats.events++;
	if (c->raw_len >= c->member_bytes || capture_codec__full(c->codec) ||
	    (ev->ts > c->member.base_ns && ev->ts - c->member.base_ns >= c->member_ns))
		return member_end(c);
	return 0;
}

int out_capture__flush(struct out_capture *c, uint64_t now_ns)
{
	bool old = now_ns == UINT64_MAX ||
		   (now_ns > c->member.base_ns && now_ns - c->member.base_ns >= c->member_ns);

	if (c->err || !old)
		return 0;
	return member_end(c);
}

void out_capture__set_requests(struct out_capture *c, uint64_t requests)
{
	c->requests = requests;
}

void out_capture__stats(const struct out_capture *c, struct out_capture_stats *stats)
{
	*stats = c->stats;
	stats->file_bytes = out_file__written(c->file);
}

static int copy_file(struct out_file *to, int fd, uint64_t bytes)
{
	char buf[64 * 1024];
	uint64_t at = 0;

	while (at < bytes) {
		ssize_t n = pread(fd, buf, min_t(uint64_t, sizeof(buf), bytes - at), (off_t)at);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		err = out_file__write(to, buf, (size_t)n);
		if (err)
			return err;
		at += (uint64_t)n;
	}
	return 0;
}

/* The end of the copy is not the end of the capture, and leaves no trace in it. */
static int copy_trailer(struct out_capture *c, struct out_file *to)
{
	struct out_capture_stats stats = c->stats;
	struct out_file *own = c->file;
	uint32_t index = c->member.index;
	int err;

	c->file = to;
	err = trailer_write(c);
	c->file = own;
	c->member.index = index;
	c->stats = stats;
	return err;
}

int out_capture__save(struct out_capture *c, int fd, const char *path, uint64_t *bytes)
{
	struct out_file *to;
	int err = c->err ? c->err : member_end(c);

	*bytes = 0;
	if (!err)
		err = out_file__open(&to, path);
	if (err)
		return err;
	err = copy_file(to, fd, out_file__written(c->file));
	if (!err)
		err = copy_trailer(c, to);
	*bytes = out_file__written(to);
	if (!err)
		return out_file__commit(to);
	out_file__abandon(to);
	return err;
}

int out_capture__close(struct out_capture *c, bool clean)
{
	int err;

	if (!c)
		return 0;
	if (!c->err)
		member_end(c);
	if (!c->err && clean)
		c->err = trailer_write(c);
	err = c->err;
	if (err && c->stats.unwritten)
		log_err("%llu events were not written", (unsigned long long)c->stats.unwritten);
	if (!err && clean)
		err = out_file__commit(c->file);
	else
		out_file__abandon(c->file);
	capture_free(c);
	return err;
}
