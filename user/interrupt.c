// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <signal.h>
#include <stddef.h>

#include "interrupt.h"
#include "util.h"

static volatile sig_atomic_t came;

static void note(int signal)
{
	if (!came)
		came = signal;
}

void interrupt__catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	/* No SA_RESTART: a write to a pipe that nobody reads from must come back. */
	const struct sigaction noted = {.sa_handler = note};
	struct sigaction before;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &noted, NULL);
}

int interrupt__signal(void)
{
	return came;
}
