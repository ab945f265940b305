// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service whose stores live longer than the next collections, so that V8 soon allocates them in the
 * old space at once. It logs of each whether that is so. To be run with --allow-natives-syntax.
 *
 * Answers come from a timer: the store is active there, but was not made there.
 */
const { AsyncLocalStorage } = require('async_hooks');
const { randomUUID } = require('crypto');
const http = require('http');

const { commands, dumpTo, logRequest, say } = require('./common');

const KEPT = 20000;
const als = new AsyncLocalStorage();
const isYoung = new Function('object', 'return %InYoungGeneration(object)');
const log = [];
const kept = [];

/* Something for the collector to do. */
function work() {
  const objects = [];

  for (let i = 0; i < 500; i++)
    objects.push({ i });
  return objects.length;
}

const server = http.createServer((req, res) => {
  als.run({ requestId: randomUUID(), path: req.url }, () => {
    const entry = logRequest(log, req, res);

    kept[log.length % KEPT] = als.getStore();
    entry.young = isYoung(als.getStore());
    setTimeout(() => res.end(`${work()}`), 1);
  });
});

server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => say('ready', { pid: process.pid, port: server.address().port }));
commands({ dump: ({ file }) => dumpTo(file, { log }) });
