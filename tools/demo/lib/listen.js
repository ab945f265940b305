// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Starting and ending an HTTP server: says "listening PORT" (or the socket's path) on stdout
 * when it is ready; on SIGTERM or SIGINT it answers what it has and then ends with status 0.
 */
const fs = require('node:fs');

const GRACE_MS = 3000;

function onSignal(server, stopped) {
	let stopping = false;

	const stop = () => {
		if (stopping)
			return;
		stopping = true;
		server.close(() => finish(stopped));
		/* Node.js 18.0 and 18.1 do not have it; there the grace period ends the wait. */
		if (server.closeIdleConnections)
			server.closeIdleConnections();
		setTimeout(() => finish(stopped), GRACE_MS).unref();
	};

	process.on('SIGTERM', stop);
	process.on('SIGINT', stop);
}

function finish(stopped) {
	stopped();
	process.exit(0);
}

/* `where` is {port} or {socket}; `stopped` runs once, last of all. */
function listen(server, where, stopped) {
	const target = where.socket ? { path: where.socket } : { host: '127.0.0.1', port: where.port };

	if (where.socket)
		fs.rmSync(where.socket, { force: true });
	server.on('error', (err) => {
		process.stderr.write(`cannot listen: ${err.message}\n`);
		stopped();
		process.exit(1);
	});
	server.listen({ ...target, backlog: 1024 }, () => {
		console.log(`listening ${where.socket || server.address().port}`);
	});
	onSignal(server, stopped);
}

module.exports = { listen };
