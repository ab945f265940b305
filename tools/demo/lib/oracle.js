// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The service's own record of what happened, one JSON line per request, for exact comparison
 * with what an observer saw from outside. Times are CLOCK_MONOTONIC nanoseconds.
 *
 * Written synchronously in portions, so that the record itself creates no asynchronous
 * resource in a request's chain.
 */
const fs = require('node:fs');

const FLUSH_MS = 200;

class Oracle {
	/* Without a path it records nothing. */
	constructor(path) {
		this.fd = path ? fs.openSync(path, 'w') : -1;
		this.lines = [];
		if (path)
			setInterval(() => this.flush(), FLUSH_MS).unref();
	}

	get enabled() {
		return this.fd >= 0;
	}

	/* `request` as service.js keeps it; `finished` is false when the client went away first. */
	record(request, finished) {
		if (!this.enabled)
			return;

		const now = process.hrtime.bigint();
		const fields = {
			seq: request.seq,
			requestId: request.store.requestId,
			contextId: request.contextId,
			contextSeq: request.contextSeq,
			connection: request.connection,
			remotePort: request.remotePort,
			method: request.method,
			path: request.path,
			status: request.status,
			finished,
		};
		const text = JSON.stringify(fields).slice(0, -1);

		/* A bigint has no JSON form, and as a double it would lose its last digits. */
		this.lines.push(`${text},"start_ns":${request.start},"head_ns":${request.head},` +
				`"finish_ns":${now}}\n`);
	}

	flush() {
		if (this.fd < 0 || this.lines.length === 0)
			return;
		fs.writeSync(this.fd, this.lines.join(''));
		this.lines = [];
	}
}

module.exports = { Oracle };
