/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The load generator's command line. Bad usage ends the process with status 2. */
#ifndef LOADGEN_OPTIONS_H
#define LOADGEN_OPTIONS_H

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util.h"

struct options {
	uint32_t connections;
	uint32_t pipeline;
	uint64_t requests;    /* 0: bounded by time */
	uint64_t duration_ns; /* 0: bounded by count */
	uint64_t timeout_ns;  /* for one response */
	uint32_t rate;	      /* requests a second over all connections, 0: as fast as it goes */
	const char *mix;
	const char *log_path;
	char headers[4096]; /* -H lines, each ended by CR LF */
	bool chunked;
	bool request_id;
	bool json;
	bool resume;
	int tls;	    /* 0 none, 1 any version, 12, 13 */
	const char *target; /* as given */
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

static const char loadgen_usage[] =
	"usage: loadgen [options] HOST:PORT | unix:PATH\n"
	"  -c, --connections N  connections kept busy (default 10)\n"
	"  -n, --requests N     stop after N requests\n"
	"  -d, --duration T     stop after a time: 10s, 500ms (-n or -d is needed)\n"
	"  -p, --pipeline N     requests in flight per connection (default 1)\n"
	"      --rate R         requests a second over all connections\n"
	"      --mix M          file or text with lines of METHOD PATH [BODY], taken in turn\n"
	"  -H, --header LINE    another header line (repeatable)\n"
	"      --chunked        send bodies in chunks\n"
	"      --request-id     send x-request-id: lgPID-CONNECTION-SEQ with every request\n"
	"      --tls V          over TLS: any, 1.2 or 1.3; certificates are not checked\n"
	"      --resume         with --tls: offer the session that the server gave out last\n"
	"      --timeout T      wait for a response at most this long (default 10s)\n"
	"      --json           print the result as one JSON object\n"
	"      --log FILE       write one JSON line per request\n"
	"Exit status: 0 load was made, 1 no server or nothing answered, 2 usage.\n";

static inline void __attribute__((noreturn, format(printf, 1, 2)))
options__die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("loadgen: ", stderr);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("\nTry 'loadgen --help'.\n", stderr);
	exit(EX_LR_USAGE);
}

static inline uint64_t options__number(const char *name, const char *text, uint64_t max)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || strchr(text, '-') || !value || value > max)
		options__die("%s must be a number from 1 to %llu, not %s", name,
			     (unsigned long long)max, text);
	return value;
}

static inline uint64_t options__time(const char *name, const char *text)
{
	uint64_t ns = 0;

	if (parse_duration(text, &ns) || !ns)
		options__die("%s must be a time such as 10s or 500ms, not %s", name, text);
	return ns;
}

static inline void options__header(struct options *opt, const char *line)
{
	size_t used = strlen(opt->headers);
	const char *colon = strchr(line, ':');
	int n;

	if (!colon || colon == line || strpbrk(line, "\r\n"))
		options__die("a header must be 'name: value', not %s", line);
	n = snprintf(opt->headers + used, sizeof(opt->headers) - used, "%s\r\n", line);
	if (n < 0 || (size_t)n >= sizeof(opt->headers) - used)
		options__die("too many headers");
}

static inline int options__tls(const char *version)
{
	if (!strcmp(version, "any"))
		return 1;
	if (strcmp(version, "1.2") != 0 && strcmp(version, "1.3") != 0)
		options__die("--tls must be any, 1.2 or 1.3, not %s", version);
	return version[2] == '2' ? 12 : 13;
}

static inline void options__unix(struct options *opt, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&opt->addr;

	if (!*path || strlen(path) >= sizeof(un->sun_path))
		options__die("not a usable socket path: %s", path);
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	opt->addr_len = sizeof(*un);
}

static inline void options__target(struct options *opt, const char *target)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	const char *colon = strrchr(target, ':');
	char host[256];
	int err;

	opt->target = target;
	if (!strncmp(target, "unix:", 5)) {
		options__unix(opt, target + 5);
		return;
	}
	if (!colon || colon == target || (size_t)(colon - target) >= sizeof(host))
		options__die("the target must be HOST:PORT or unix:PATH, not %s", target);
	options__number("the port", colon + 1, 65535);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - target), target);
	err = getaddrinfo(host, colon + 1, &hints, &found);
	if (err)
		options__die("cannot resolve %s: %s", host, gai_strerror(err));
	memcpy(&opt->addr, found->ai_addr, found->ai_addrlen);
	opt->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
}

enum {
	OPT_RATE = 256,
	OPT_MIX,
	OPT_CHUNKED,
	OPT_ID,
	OPT_TIMEOUT,
	OPT_JSON,
	OPT_LOG,
	OPT_TLS,
	OPT_RESUME
};

static const struct option loadgen_options[] = {
	{"connections", required_argument, NULL, 'c'},
	{"requests", required_argument, NULL, 'n'},
	{"duration", required_argument, NULL, 'd'},
	{"pipeline", required_argument, NULL, 'p'},
	{"header", required_argument, NULL, 'H'},
	{"help", no_argument, NULL, 'h'},
	{"rate", required_argument, NULL, OPT_RATE},
	{"mix", required_argument, NULL, OPT_MIX},
	{"chunked", no_argument, NULL, OPT_CHUNKED},
	{"request-id", no_argument, NULL, OPT_ID},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"json", no_argument, NULL, OPT_JSON},
	{"log", required_argument, NULL, OPT_LOG},
	{"tls", required_argument, NULL, OPT_TLS},
	{"resume", no_argument, NULL, OPT_RESUME},
	{0},
};

static inline void options__set(struct options *opt, int key, const char *value)
{
	switch (key) {
	case 'c':
		opt->connections = (uint32_t)options__number("-c", value, 20000);
		break;
	case 'n':
		opt->requests = options__number("-n", value, 1ULL << 40);
		break;
	case 'd':
		opt->duration_ns = options__time("-d", value);
		break;
	case 'p':
		opt->pipeline = (uint32_t)options__number("-p", value, 1024);
		break;
	case 'H':
		options__header(opt, value);
		break;
	case OPT_RATE:
		opt->rate = (uint32_t)options__number("--rate", value, 10000000);
		break;
	case OPT_MIX:
		opt->mix = value;
		break;
	case OPT_CHUNKED:
		opt->chunked = true;
		break;
	case OPT_ID:
		opt->request_id = true;
		break;
	case OPT_TIMEOUT:
		opt->timeout_ns = options__time("--timeout", value);
		break;
	case OPT_JSON:
		opt->json = true;
		break;
	case OPT_LOG:
		opt->log_path = value;
		break;
	case OPT_TLS:
		opt->tls = options__tls(value);
		break;
	case OPT_RESUME:
		opt->resume = true;
		break;
	case 'h':
		fputs(loadgen_usage, stdout);
		exit(EX_LR_OK);
	default:
		fputs("Try 'loadgen --help'.\n", stderr);
		exit(EX_LR_USAGE);
	}
}

static inline void options__parse(struct options *opt, int argc, char **argv)
{
	int key;

	*opt = (struct options){
		.connections = 10, .pipeline = 1, .timeout_ns = 10000000000ULL, .mix = "GET /"};
	while ((key = getopt_long(argc, argv, "c:n:d:p:H:h", loadgen_options, NULL)) != -1)
		options__set(opt, key, optarg);
	if (optind + 1 != argc)
		options__die("exactly one target is needed");
	if (!opt->requests == !opt->duration_ns)
		options__die("one of -n and -d is needed");
	if (opt->requests && opt->requests < opt->connections)
		opt->connections = (uint32_t)opt->requests;
	options__target(opt, argv[optind]);
}

#endif
