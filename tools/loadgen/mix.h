/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The requests to send, in turn: one line each, "METHOD PATH [BODY]", the body being the rest
 * of the line. Empty lines and lines that begin with '#' are skipped. Every request is laid out
 * as bytes once, up to the place where a request id of its own may go.
 */
#ifndef LOADGEN_MIX_H
#define LOADGEN_MIX_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MIX_MAX_BYTES (1 << 20)

struct mix_request {
	char *method;
	char *json; /* "method":"...","path":"..." with the path escaped */
	char *head; /* request line and headers, without the empty line */
	char *body; /* the empty line and the body as it goes out */
	size_t head_len;
	size_t body_len;
	bool is_head; /* HEAD: the response has no body whatever its headers say */
};

struct mix {
	struct mix_request *requests;
	size_t count;
};

struct mix_options {
	const char *host;    /* value of the Host header */
	const char *headers; /* more header lines, each ended by CR LF; may be "" */
	bool chunked;	     /* send bodies chunked instead of with a length */
};

/* Appends @c to a JSON string that @out holds. */
static inline void mix__escape(FILE *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c < 0x20 || c >= 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		fputc(c, out);
}

static inline int mix__json(struct mix_request *rq, const char *path)
{
	size_t len;
	FILE *out = open_memstream(&rq->json, &len);

	if (!out)
		return -ENOMEM;
	fprintf(out, "\"method\":\"%s\",\"path\":\"", rq->method);
	for (; *path; path++)
		mix__escape(out, (unsigned char)*path);
	fputc('"', out);
	return fclose(out) ? -ENOMEM : 0;
}

static inline int mix__head(struct mix_request *rq, const char *path, const char *body,
			    const struct mix_options *opt)
{
	FILE *out = open_memstream(&rq->head, &rq->head_len);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", rq->method, path, opt->host, opt->headers);
	if (*body && !strcasestr(opt->headers, "content-type:"))
		fputs("Content-Type: application/json\r\n", out);
	if (*body && opt->chunked)
		fputs("Transfer-Encoding: chunked\r\n", out);
	else if (*body)
		fprintf(out, "Content-Length: %zu\r\n", strlen(body));
	return fclose(out) ? -ENOMEM : 0;
}

/* A chunked body goes out in two chunks where it can, so that a chunk's edge is met. */
static inline int mix__body(struct mix_request *rq, const char *body, bool chunked)
{
	FILE *out = open_memstream(&rq->body, &rq->body_len);
	size_t len = strlen(body);
	size_t half = len / 2;

	if (!out)
		return -ENOMEM;
	fputs("\r\n", out);
	if (!chunked || !len) {
		fputs(body, out);
		return fclose(out) ? -ENOMEM : 0;
	}
	if (half)
		fprintf(out, "%zx\r\n%.*s\r\n", half, (int)half, body);
	fprintf(out, "%zx\r\n%s\r\n0\r\n\r\n", len - half, body + half);
	return fclose(out) ? -ENOMEM : 0;
}

/* Takes one line apart, in place. Returns -EINVAL if it is not a request. */
static inline int mix__add(struct mix *mix, char *line, const struct mix_options *opt)
{
	struct mix_request *grown;
	struct mix_request rq = {0};
	char *rest = line;
	char *method = strsep(&rest, " \t");
	char *path = rest ? strsep(&rest, " \t") : NULL;
	const char *body = rest ? rest : "";
	int err;

	if (!path || path[0] != '/' ||
	    strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(method))
		return -EINVAL;
	grown = realloc(mix->requests, (mix->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	mix->requests = grown;
	rq.method = strdup(method);
	rq.is_head = !strcmp(method, "HEAD");
	err = rq.method ? mix__json(&rq, path) : -ENOMEM;
	err = err ?: mix__head(&rq, path, body, opt);
	err = err ?: mix__body(&rq, body, opt->chunked);
	mix->requests[mix->count++] = rq;
	return err;
}

/* Reads @text line by line; it is taken apart. On error *line_no tells the place. */
static inline int mix__parse(struct mix *mix, char *text, const struct mix_options *opt,
			     int *line_no)
{
	char *line;
	int err;

	*line_no = 0;
	while ((line = strsep(&text, "\n"))) {
		++*line_no;
		line[strcspn(line, "\r")] = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		err = mix__add(mix, line, opt);
		if (err)
			return err;
	}
	return mix->count ? 0 : -EINVAL;
}

/* @spec is a file's name if there is such a file, else the text itself. Free the result. */
static inline char *mix__text(const char *spec)
{
	FILE *in = strchr(spec, '\n') ? NULL : fopen(spec, "r");
	char *text;
	size_t len;

	if (!in)
		return strdup(spec);
	text = calloc(1, MIX_MAX_BYTES + 1);
	len = text ? fread(text, 1, MIX_MAX_BYTES, in) : 0;
	fclose(in);
	if (text)
		text[len] = '\0';
	return text;
}

static inline void mix__free(struct mix *mix)
{
	for (size_t i = 0; i < mix->count; i++) {
		free(mix->requests[i].method);
		free(mix->requests[i].json);
		free(mix->requests[i].head);
		free(mix->requests[i].body);
	}
	free(mix->requests);
	mix->requests = NULL;
	mix->count = 0;
}

#endif
