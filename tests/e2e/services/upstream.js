// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* A server that other services call, in a process of its own: whoever forks it is told its port. */
const http = require('node:http');

const server = http.createServer((req, res) => {
  req.resume();
  setTimeout(() => res.end(`upstream ${req.url}`), 1);
});

server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit(0));
