// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "out"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "log.h"
#include "out.h"
#include "out_chrome.h"
#include "out_csv.h"
#include "out_gzip.h"
#include "out_html.h"
#include "out_jsonl.h"
#include "out_otlp.h"
#include "out_perfetto.h"
#include "out_report.h"
#include "util.h"

struct out_file {
	int fd;
	int err;
	bool regular;
	bool keep_partial;
	char *name; /* final name, or what messages call it */
	char *tmp;  /* NULL unless regular */
	struct out_gzip *gzip;
	uint64_t written;
	size_t len;
	char buf[64 * 1024];
};

const char OUT_STDERR[] = "standard error";

static const struct out_format *const formats[] = {
	&out_jsonl_format,	 &out_otlp_format,	  &out_otlp_metrics_format,
	&out_perfetto_format,	 &out_chrome_format,	  &out_csv_format,
	&out_report_text_format, &out_report_json_format, &out_html_format,
};

const struct out_format *out_format__at(size_t index)
{
	return index < ARRAY_SIZE(formats) ? formats[index] : NULL;
}

const struct out_format *out_format__find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

/* Says what went wrong in the words of the person who has to free the disk. */
static int fail(struct out_file *f, const char *doing, int err)
{
	if (f->err)
		return f->err;
	f->err = err;
	if (err == -EINTR)
		log_info("%s: interrupted", f->name);
	else if (err == -EPIPE)
		log_err("%s: the program that reads it has closed it", f->name);
	else if (err == -ENOSPC || err == -EDQUOT)
		log_err_errno(err, "%s: the output is incomplete, its disk is full", f->name);
	else
		log_err_errno(err, "cannot %s %s", doing, f->name);
	return err;
}

static void file_free(struct out_file *f)
{
	if (f->fd > STDERR_FILENO)
		close(f->fd);
	out_gzip__free(f->gzip);
	free(f->name);
	free(f->tmp);
	free(f);
}

/*
 * Opens NAME.tmp. O_NOFOLLOW and the checks on what was there keep a link planted in a
 * shared directory from redirecting what may be written with privileges.
 */
static int open_tmp(struct out_file *f)
{
	struct stat st;

	f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd < 0 && errno != EEXIST)
		return fail(f, "create", -errno);
	if (f->fd >= 0)
		return flock(f->fd, LOCK_EX | LOCK_NB) ? fail(f, "lock", -errno) : 0;

	f->fd = open(f->tmp, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st))
		return fail(f, "replace the unfinished", -errno);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
		return fail(f, "replace the temporary file of", -EEXIST);
	if (flock(f->fd, LOCK_EX | LOCK_NB))
		return fail(f, "write, another loopray does:", -EBUSY);
	log_warn("replacing %s, which an earlier run did not finish", f->tmp);
	return ftruncate(f->fd, 0) ? fail(f, "truncate", -errno) : 0;
}

static int open_named(struct out_file *f, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	/* A link stays one: what it points to is replaced. */
	f->name = real ? real : strdup(path);
	if (!f->name)
		return -ENOMEM;
	if (stat(f->name, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->fd = open(f->name, O_WRONLY | O_CLOEXEC);
		return f->fd < 0 ? fail(f, "open", -errno) : 0;
	}
	f->regular = true;
	if (asprintf(&f->tmp, "%s.tmp", f->name) < 0) {
		f->tmp = NULL;
		return -ENOMEM;
	}
	return open_tmp(f);
}

static int open_standard(struct out_file *f, bool error)
{
	fflush(stdout);
	f->fd = error ? STDERR_FILENO : STDOUT_FILENO;
	f->name = strdup(error ? "standard error" : "standard output");
	return f->name ? 0 : -ENOMEM;
}

int out_file__open(struct out_file **out, const char *path)
{
	struct out_file *f = calloc(1, sizeof(*f));
	int err;

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->fd = -1;
	if (!path || path == OUT_STDERR || strcmp(path, "-") == 0)
		err = open_standard(f, path == OUT_STDERR);
	else
		err = open_named(f, path);
	if (err) {
		file_free(f);
		return err;
	}
	*out = f;
	return 0;
}

int out_file__open_fd(struct out_file **out, int fd, const char *name)
{
	struct out_file *f = fd < 0 ? NULL : calloc(1, sizeof(*f));

	*out = NULL;
	if (fd < 0)
		return -errno;
	if (f)
		f->name = strdup(name);
	if (!f || !f->name) {
		free(f);
		close(fd);
		return -ENOMEM;
	}
	f->fd = fd;
	*out = f;
	return 0;
}

static int write_all(void *file, const void *bytes, size_t len)
{
	struct out_file *f = file;
	const char *data = bytes;

	while (len && !f->err) {
		ssize_t n = write(f->fd, data, len);

		if (n < 0 && errno == EINTR && !interrupt__signal())
			continue;
		if (n < 0)
			return fail(f, "write", -errno);
		f->written += (uint64_t)n;
		data += n;
		len -= (size_t)n;
	}
	return f->err;
}

int out_file__gzip(struct out_file *f)
{
	int err = out_gzip__new(&f->gzip, write_all, f);

	return err ? fail(f, "compress", err) : 0;
}

static int put(struct out_file *f, const void *data, size_t len)
{
	int err;

	if (!f->gzip)
		return write_all(f, data, len);
	err = out_gzip__write(f->gzip, data, len);
	return err ? fail(f, "compress", err) : 0;
}

int out_file__flush(struct out_file *f)
{
	size_t len = f->len;

	f->len = 0;
	return put(f, f->buf, len);
}

/* Flushes and writes what stands behind everything. */
static int end(struct out_file *f)
{
	int err = out_file__flush(f);

	if (!err && f->gzip)
		err = out_gzip__finish(f->gzip);
	return err ? fail(f, "compress", err) : 0;
}

int out_file__write(void *file, const void *data, size_t len)
{
	struct out_file *f = file;

	if (f->err)
		return f->err;
	if (len > sizeof(f->buf) - f->len)
		out_file__flush(f);
	if (len > sizeof(f->buf))
		return put(f, data, len);
	memcpy(f->buf + f->len, data, len);
	f->len += len;
	return f->err;
}

int out_file__printf(struct out_file *f, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return fail(f, "format a line of", -EOVERFLOW);
	return out_file__write(f, text, (size_t)len);
}

/* Some file systems report a full disk only when the data is forced out. */
static int sync_and_rename(struct out_file *f)
{
	if (fdatasync(f->fd) && errno != EINVAL && errno != EROFS)
		return fail(f, "write", -errno);
	if (rename(f->tmp, f->name)) {
		f->keep_partial = true; /* it is whole, only its name is not */
		return fail(f, "rename the temporary file to", -errno);
	}
	return 0;
}

int out_file__commit(struct out_file *f)
{
	int err = end(f);

	if (!err && f->regular)
		err = sync_and_rename(f);
	if (err && f->regular && !f->keep_partial)
		unlink(f->tmp);
	file_free(f);
	return err;
}

void out_file__abandon(struct out_file *f)
{
	if (!f)
		return;
	if (!f->regular || f->keep_partial)
		end(f);
	else
		unlink(f->tmp);
	file_free(f);
}

void out_file__keep_partial(struct out_file *f)
{
	f->keep_partial = true;
}

void out_file__name_now(char *buf, size_t cap, const char *extension)
{
	time_t now = time(NULL);
	char stem[32];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stem, sizeof(stem), "loopray-%Y%m%d-%H%M%S", &tm);
	snprintf(buf, cap, "%s.%s", stem, extension);
}

uint64_t out_file__written(const struct out_file *f)
{
	return f->written;
}
