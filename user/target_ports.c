// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target_ports.h"

#define TCP_LISTEN  10
#define MAX_SOCKETS 4096

int target_ports__parse(const char *line, uint16_t *port, uint64_t *inode)
{
	unsigned int number, state;

	/* sl: local:port remote:port state queues timer retransmits uid timeout inode */
	if (sscanf(line,
		   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u "
		   "%" SCNu64,
		   &number, &state, inode) != 3 ||
	    number > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)number;
	return state == TCP_LISTEN ? 0 : -ENOENT;
}

/* Inodes of the sockets that @pid has open. Returns their number, or -errno. */
static int open_sockets(pid_t pid, uint64_t *inodes, size_t cap)
{
	char path[64], link[64];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (n < cap && (e = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		if (len <= 0)
			continue;
		link[len] = '\0';
		if (sscanf(link, "socket:[%" SCNu64, &inodes[n]) == 1)
			n++;
	}
	closedir(dir);
	return (int)n;
}

static bool among(uint64_t inode, const uint64_t *inodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (inodes[i] == inode)
			return true;
	return false;
}

/* Sockets of a process that listen. */
struct listening {
	const uint64_t *inodes; /* of all sockets of the process */
	size_t ninodes;
	uint16_t *ports;
	size_t n, cap;
};

static void add_port(struct listening *l, uint16_t port, uint64_t inode)
{
	if (!among(inode, l->inodes, l->ninodes))
		return;
	if (l->n < l->cap)
		l->ports[l->n] = port;
	l->n++;
}

static void add_table(struct listening *l, pid_t pid, const char *table)
{
	char path[64], line[512];
	uint64_t inode;
	uint16_t port;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (!target_ports__parse(line, &port, &inode))
			add_port(l, port, inode);
	fclose(f);
}

static bool same_network(pid_t pid)
{
	struct stat mine, its;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return !stat("/proc/self/ns/net", &mine) && !stat(path, &its) &&
	       mine.st_dev == its.st_dev && mine.st_ino == its.st_ino;
}

/* One message of the kernel's answer. 0: more to come, 1: that was the last, or -errno. */
static int take_answer(struct listening *l, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);

	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EOPNOTSUPP;
	if (m->idiag_state == TCP_LISTEN)
		add_port(l, ntohs(m->id.idiag_sport), m->idiag_inode);
	return 0;
}

/* Sockets of @family that listen, in loopray's own network namespace. 0 or -errno. */
static int ask_kernel(struct listening *l, int fd, uint8_t family)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 req;
	} ask = {
		.h = {.nlmsg_len = sizeof(ask),
		      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1u << TCP_LISTEN},
	};
	_Alignas(struct nlmsghdr) char buf[8192];
	int end = 0;

	if (send(fd, &ask, sizeof(ask), 0) != (ssize_t)sizeof(ask))
		return -errno;
	while (!end) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len <= 0)
			return len ? -errno : -EIO;
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
		     !end && NLMSG_OK(h, (size_t)len); h = NLMSG_NEXT(h, len))
			end = take_answer(l, h);
	}
	return end < 0 ? end : 0;
}

/*
 * The tables in /proc tell of every connection, and take milliseconds to make: a process that was
 * started a moment ago does not wait for that. The kernel can be asked for those that listen.
 */
static int ask(struct listening *l, pid_t pid)
{
	int fd, err;

	if (!same_network(pid))
		return -EOPNOTSUPP;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	err = ask_kernel(l, fd, AF_INET);
	if (!err)
		err = ask_kernel(l, fd, AF_INET6);
	close(fd);
	return err;
}

int target_ports__listening(pid_t pid, uint16_t *ports, size_t cap)
{
	uint64_t *inodes = calloc(MAX_SOCKETS, sizeof(*inodes));
	struct listening l = {.inodes = inodes, .ports = ports, .cap = cap};
	int ret;

	if (!inodes)
		return -ENOMEM;
	ret = open_sockets(pid, inodes, MAX_SOCKETS);
	l.ninodes = ret > 0 ? (size_t)ret : 0;
	if (l.ninodes && ask(&l, pid)) {
		l.n = 0;
		add_table(&l, pid, "tcp");
		add_table(&l, pid, "tcp6");
	}
	free(inodes);
	return ret < 0 ? ret : (int)l.n;
}
