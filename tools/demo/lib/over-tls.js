// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node -r over-tls.js SERVICE: what the service serves by HTTP it serves by HTTPS, with key.pem
 * and cert.pem of the directory TLS_DIR. Its child processes are left as they are.
 */
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');

const dir = process.env.TLS_DIR;

function serveOverTls() {
	const own = {
		key: fs.readFileSync(path.join(dir, 'key.pem')),
		cert: fs.readFileSync(path.join(dir, 'cert.pem')),
	};

	http.createServer = (...args) => {
		const listener = args.pop();

		return https.createServer({ ...own, ...args[0] }, listener);
	};
}

delete process.env.TLS_DIR;
if (dir)
	serveOverTls();
