// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TIME PID STREAM REQUEST MARK | text. A request is #NUMBER/CONNECTION METHOD PATH, as in the other
 * outputs; ? where it is not known.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "events.h"
#include "json.h"
#include "out_finding.h"
#include "out_logs.h"
#include "out_text.h"
#include "utf8.h"

#define REQUEST_WIDTH 30

/* Marks of direction and separators of lines: U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069 */
static bool turns(const char *s, size_t n)
{
	unsigned char a = n == 3 ? (unsigned char)s[1] : 0, b = n == 3 ? (unsigned char)s[2] : 0;

	if (n != 3 || s[0] != '\xe2')
		return false;
	return (a == 0x80 && (b == 0x8e || b == 0x8f || (b >= 0xa8 && b <= 0xae))) ||
	       (a == 0x81 && b >= 0xa6 && b <= 0xa9);
}

static unsigned int code_point(const char *s, size_t n)
{
	unsigned int c = n == 2 ? s[0] & 0x1f : s[0] & 0x0f;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

int out_logs__safe(FILE *f, const char *s, size_t len)
{
	size_t start = 0, i = 0;
	int columns = 0;

	while (i < len) {
		size_t bad = 0, n = 1;

		if (s[i] == '\t' || (s[i] >= 0x20 && s[i] < 0x7f)) {
			columns++;
			i++;
			continue;
		}
		n = utf8__sequence(s + i, len - i, &bad);
		if (n && !utf8__is_c1(s + i, n) && !turns(s + i, n)) {
			columns++;
			i += n;
			continue;
		}
		fwrite(s + start, 1, i - start, f);
		if (n)
			columns += fprintf(f, "\\u%04x", code_point(s + i, n));
		for (size_t k = 0; k < bad && !n; k++)
			columns += fprintf(f, "\\x%02x", (unsigned char)s[i + k]);
		i += n ? n : bad;
		start = i;
	}
	fwrite(s + start, 1, len - start, f);
	return columns;
}

static uint64_t wall(const struct out_opts *opts, uint64_t ts)
{
	return ts - opts->mono_ns + opts->wall_ns;
}

static void put_time(FILE *f, uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	localtime_r(&s, &tm);
	fprintf(f, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned int)(ns / 1000000 % 1000));
}

/* "#12/7", "#12/7:3" for a stream of HTTP/2, "#12@1/7" in a worker, "#?/7". */
static int name(char *to, size_t cap, const struct log_request *r, uint32_t env)
{
	char seq[24] = "?", worker[16] = "", stream[16] = "";

	if (r->seq)
		snprintf(seq, sizeof(seq), "%" PRIu64, r->seq);
	if (env)
		snprintf(worker, sizeof(worker), "@%u", env);
	if (flow_conn__stream(r->conn))
		snprintf(stream, sizeof(stream), ":%u", flow_conn__stream(r->conn));
	return snprintf(to, cap, "#%s%s/%" PRIu64 "%s", seq, worker, flow_conn__number(r->conn),
			stream);
}

/* Returns the columns it took. */
static int put_request(FILE *f, const struct log_request *r, uint32_t env)
{
	char text[64];
	int n;

	if (!r->conn)
		return fprintf(f, "?");
	n = name(text, sizeof(text), r, env);
	fputs(text, f);
	if (!r->path[0])
		return n;
	n += fprintf(f, " %s ", r->method);
	return n + out_logs__safe(f, r->path, strlen(r->path));
}

static void put_mark(FILE *f, const struct log_write *w, bool color)
{
	bool sure = w->mark == LOG_MARK_FOREIGN;

	if (color)
		fputs(sure ? ORANGE : BLUE, f);
	fprintf(f, "%c under ", sure ? '!' : '~');
	put_request(f, &w->under, w->env);
	if (w->maybe.conn) {
		fputs(", perhaps of ", f);
		put_request(f, &w->maybe, w->env);
	}
	if (color)
		fputs(PLAIN, f);
	fputc(' ', f);
}

void out_logs__text(FILE *f, const struct out_opts *opts, const struct log_line *line)
{
	const struct log_write *w = line->from;
	int n;

	put_time(f, wall(opts, w->ts));
	fprintf(f, " %7u %s ", w->pid, w->op == LR_OP_STDERR ? "err" : "out");
	n = put_request(f, &w->who, w->env);
	fprintf(f, "%*s ", n < REQUEST_WIDTH ? REQUEST_WIDTH - n : 0, "");
	if (w->mark)
		put_mark(f, w, opts->color);
	fputs(line->continued ? "|\u2026" : "| ", f);
	out_logs__safe(f, line->text, line->len);
	if (line->cut)
		fprintf(f, "\u2026[cut, %" PRIu64 " bytes]", line->cut);
	else if (line->partial)
		fputs("\u2026", f);
	fputc('\n', f);
}

static int to_file(void *ctx, const void *data, size_t len)
{
	return fwrite(data, 1, len, ctx) == len ? 0 : -1;
}

static void put_known(struct json *j, const char *key, bool known, uint64_t v)
{
	json__key(j, key);
	if (known)
		json__u64(j, v);
	else
		json__null(j);
}

static void put_object(struct json *j, const char *key, const struct log_request *r)
{
	json__key(j, key);
	if (!r->conn) {
		json__null(j);
		return;
	}
	json__object_begin(j);
	put_known(j, "seq", r->seq != 0, r->seq);
	json__key_u64(j, "conn", flow_conn__number(r->conn));
	put_known(j, "stream", flow_conn__stream(r->conn) != 0, flow_conn__stream(r->conn));
	json__key_str(j, "method", r->method[0] ? r->method : NULL);
	json__key_str(j, "path", r->path[0] ? r->path : NULL);
	json__object_end(j);
}

static void put_stamp(struct json *j, uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	char text[64];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%06uZ", (unsigned int)(ns / 1000 % 1000000));
	json__key_str(j, "time", text);
}

static bool is_utf8(const char *s, size_t len)
{
	size_t bad;

	for (size_t i = 0; i < len;) {
		size_t n = (unsigned char)s[i] < 0x80 ? 1 : utf8__sequence(s + i, len - i, &bad);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

static void put_whose(struct json *j, const struct log_write *w)
{
	static const char *const by[] = {NULL, "store", "callback", "id"};
	static const char *const marks[] = {NULL, "suspect", "foreign"};
	static const char *const why[LINE_WHYS] = {
		[LINE_WHY_NO_STORE] = "no_store",
		[LINE_WHY_STORE] = "store",
		[LINE_WHY_UNPROVEN] = "unproven",
		[LINE_WHY_CONTRADICT] = "contradiction",
		[LINE_WHY_UNREADABLE] = "unreadable",
		[LINE_WHY_NOT_READ] = "not_read",
		[LINE_WHY_BATCH] = "batch",
		[LINE_WHY_SEVERAL] = "several_writes",
		[LINE_WHY_TWO_POSSIBLE] = "two_possible",
	};
	bool foreign = w->mark == LOG_MARK_FOREIGN;

	put_object(j, "request", &w->who);
	json__key_str(j, "request_by", foreign ? "response" : by[w->by]);
	json__key_str(j, "request_unknown", why[w->why]);
	json__key_str(j, "store_unknown",
		      w->why == LINE_WHY_STORE ? finding_word__unknown(w->store_why) : NULL);
	json__key_str(j, "mark", marks[w->mark]);
	put_object(j, "under", &w->under);
	put_object(j, "perhaps", &w->maybe);
}

void out_logs__json(FILE *f, const struct out_opts *opts, const struct log_line *line)
{
	const struct log_write *w = line->from;
	struct json j;

	json__init(&j, to_file, f);
	json__object_begin(&j);
	put_stamp(&j, wall(opts, w->ts));
	json__key_u64(&j, "ts_ns", w->ts);
	json__key_u64(&j, "pid", w->pid);
	json__key_u64(&j, "tid", w->tid);
	json__key_u64(&j, "env", w->env);
	json__key_str(&j, "stream", w->op == LR_OP_STDERR ? "stderr" : "stdout");
	put_whose(&j, w);
	json__key(&j, "text");
	json__str_n(&j, line->text, line->len);
	json__key_bool(&j, "utf8", is_utf8(line->text, line->len));
	json__key_u64(&j, "bytes_cut", line->cut);
	json__key_bool(&j, "partial", line->partial);
	json__key_bool(&j, "continued", line->continued);
	json__object_end(&j);
	json__newline(&j);
	json__finish(&j);
}
