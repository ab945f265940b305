// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

static size_t add_table(pid_t pid, const char *table, const uint64_t *inodes, size_t ninodes,
			uint16_t *ports, size_t cap, size_t n)
{
	char path[64], line[512];
	uint64_t inode;
	uint16_t port;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	f = fopen(path, "re");
	if (!f)
		return n;
	while (fgets(line, sizeof(line), f)) {
		if (target_ports__parse(line, &port, &inode) || !among(inode, inodes, ninodes))
			continue;
		if (n < cap)
			ports[n] = port;
		n++;
	}
	fclose(f);
	return n;
}

int target_ports__listening(pid_t pid, uint16_t *ports, size_t cap)
{
	uint64_t *inodes = calloc(MAX_SOCKETS, sizeof(*inodes));
	size_t n;
	int ret;

	if (!inodes)
		return -ENOMEM;
	ret = open_sockets(pid, inodes, MAX_SOCKETS);
	if (ret > 0) {
		n = add_table(pid, "tcp", inodes, (size_t)ret, ports, cap, 0);
		ret = (int)add_table(pid, "tcp6", inodes, (size_t)ret, ports, cap, n);
	}
	free(inodes);
	return ret;
}
