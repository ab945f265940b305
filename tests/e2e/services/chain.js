// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node chain.js: GET /open connects to an echo server under its store; every later GET /ask is
 * answered when an echo arrives, in a callback of that connection and under that store. What the
 * process itself knows of the callback is written down.
 */
const { AsyncLocalStorage, executionAsyncId, triggerAsyncId } = require('node:async_hooks');
const http = require('node:http');
const net = require('node:net');

const { say, commands, dumpTo } = require('./common');

const als = new AsyncLocalStorage();
const waiting = [];
const log = [];
let number = 0;
let client;

const echo = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1', () => {
  const server = http.createServer((req, res) => {
    als.run({ requestId: `request-${++number}-of-${process.pid}` },
      () => (req.url === '/open' ? open : ask)(res));
  }).listen(0, '127.0.0.1', () => say('ready', { pid: process.pid, port: server.address().port }));
  server.keepAliveTimeout = 60000;
});

function open(res) {
  client = net.connect(echo.address().port, '127.0.0.1', () => {
    res.end('opened');
    setInterval(() => client.write('.'), 5);
  });
  client.on('data', () => {
    const res = waiting.shift();

    if (!res)
      return;
    log.push({ exec: executionAsyncId(), trigger: triggerAsyncId() });
    res.end('asked');
  });
}

function ask(res) {
  waiting.push(res);
}

commands({ dump: ({ file }) => dumpTo(file, log) });
