// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node tls_calls.js PORT, served over TLS: /call asks this same server for /leaf, by Node.js' own
 * https client, so that both ends of each connection are in one process.
 */
const http = require('http');
const https = require('https');
const { say, commands, logRequest, dumpTo } = require('./common');

const port = Number(process.argv[2]);
const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
const log = [];

function call(res) {
  https.get({ host: '127.0.0.1', port, path: '/leaf', agent }, (answer) => {
    let text = '';
    answer.on('data', (data) => { text += data; });
    answer.on('end', () => res.end(`said ${text}`));
  }).on('error', (err) => {
    res.statusCode = 502;
    res.end(String(err));
  });
}

const server = http.createServer((req, res) => {
  logRequest(log, req, res);
  if (req.url === '/call')
    call(res);
  else
    res.end('leaf');
});

server.keepAliveTimeout = 60000;
server.listen(port, '127.0.0.1', () => say('ready', { pid: process.pid }));

commands({
  dump: ({ file }) => dumpTo(file, log),
});
