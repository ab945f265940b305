// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node threads.js PORT WORKERS: the same server in the main thread (PORT) and in each worker
 * thread (PORT + 1, ...), so that their async ids collide. Each thread logs what it served, and
 * the ids of the native resource in whose callback it answered.
 */
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { executionAsyncId, triggerAsyncId } = require('async_hooks');
const fs = require('fs');
const http = require('http');
const { say, commands, logRequest, dumpTo } = require('./common');

const port = isMainThread ? Number(process.argv[2]) : workerData.port;
const log = [];

const server = http.createServer((req, res) => {
  const entry = logRequest(log, req, res);

  fs.stat(__filename, () => {
    entry.stat_id = executionAsyncId();
    entry.stat_trigger = triggerAsyncId();
    res.end(String(port));
  });
});
server.keepAliveTimeout = 60000;

const listening = new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));

async function main() {
  const workers = [];

  for (let i = 1; i <= Number(process.argv[3]); i++)
    workers.push(new Worker(__filename, { workerData: { port: port + i } }));
  await Promise.all([listening, ...workers.map((w) => new Promise((r) => w.once('message', r)))]);
  say('ready', { pid: process.pid });
  commands({
    dump: async ({ file }) => {
      const logs = await Promise.all(workers.map((w) => new Promise((resolve) => {
        w.once('message', resolve);
        w.postMessage('dump');
      })));
      dumpTo(file, [{ port, log }, ...logs]);
    },
  });
}

if (isMainThread) {
  main();
} else {
  parentPort.on('message', () => parentPort.postMessage({ port, log }));
  listening.then(() => parentPort.postMessage('up'));
}
