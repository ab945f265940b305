// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node -r over-http2.js SERVICE: what the service serves by HTTP/1 it serves by HTTP/2 without TLS.
 */
const http = require('http');
const http2 = require('http2');

http.createServer = (...args) => http2.createServer({}, args.pop());
