// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's list of TCP sockets, and the ports of a process that really listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "target_ports.h"

static void test_parse(void **state)
{
	const char *listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
			      "00000000     0        0 26034 1 0000000000000000 100 0 0 10 0\n";
	const char *connected = "  11: 0100007F:1F90 0100007F:D431 01 00000000:00000000 "
				"02:000002F3 00000000     0        0 26040 2 0 20 4 30 10 -1\n";
	const char *six = "   1: 00000000000000000000000000000000:0050 "
			  "00000000000000000000000000000000:0000 0A 00000000:00000000 "
			  "00:00000000 00000000  1000        0 99 1 0 100 0 0 10 0\n";
	const char *head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n";
	uint64_t inode = 0;
	uint16_t port = 0;

	(void)state;
	assert_int_equal(target_ports__parse(listens, &port, &inode), 0);
	assert_int_equal(port, 8080);
	assert_int_equal(inode, 26034);
	assert_int_equal(target_ports__parse(six, &port, &inode), 0);
	assert_int_equal(port, 80);
	assert_int_equal(inode, 99);
	assert_int_equal(target_ports__parse(connected, &port, &inode), -ENOENT);
	assert_int_equal(target_ports__parse(head, &port, &inode), -EINVAL);
	assert_int_equal(target_ports__parse("", &port, &inode), -EINVAL);
}

static int listen_on(int family, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr;
	socklen_t len = sizeof(addr);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	memset(&addr, 0, sizeof(addr));
	addr.any.sa_family = (sa_family_t)family;
	if (bind(fd, &addr.any, sizeof(addr)) || listen(fd, 1) ||
	    getsockname(fd, &addr.any, &len)) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? addr.v4.sin_port : addr.v6.sin6_port);
	return fd;
}

static int holds(const uint16_t *ports, int n, uint16_t port)
{
	for (int i = 0; i < n; i++)
		if (ports[i] == port)
			return 1;
	return 0;
}

static void test_listening(void **state)
{
	uint16_t ports[16], four = 0, six = 0;
	int fd4 = listen_on(AF_INET, &four), fd6 = listen_on(AF_INET6, &six), n;

	(void)state;
	assert_true(fd4 >= 0);
	n = target_ports__listening(getpid(), ports, 16);
	assert_int_equal(n, fd6 >= 0 ? 2 : 1);
	assert_true(holds(ports, n, four));
	assert_true(fd6 < 0 || holds(ports, n, six));
	assert_int_equal(target_ports__listening(getpid(), ports, 0), n); /* all are counted */
	close(fd4);
	if (fd6 >= 0)
		close(fd6);
	assert_int_equal(target_ports__listening(getpid(), ports, 16), 0);
	assert_int_equal(target_ports__listening(0x7fffffff, ports, 16), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
