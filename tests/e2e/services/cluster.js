// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node cluster.js PORT WORKERS [later]: a cluster whose workers each log what they served. With
 * `later` the workers are started by the command `fork`, one event `worker` for each.
 */
const cluster = require('cluster');
const fs = require('fs');
const http = require('http');
const { say, commands, logRequest, dumpTo } = require('./common');

const port = Number(process.argv[2]);
const count = Number(process.argv[3]);

function primary() {
  const workers = [];
  const dumps = [];

  const fork = () => new Promise((resolve) => {
    for (let i = 0; i < count; i++)
      workers.push(cluster.fork());
    let listening = 0;
    cluster.on('listening', () => {
      if (++listening === count)
        resolve({ pids: workers.map((w) => w.process.pid) });
    });
  });
  cluster.on('message', (worker, message) => {
    dumps.push(message);
    if (dumps.length === count)
      dumps.resolve();
  });
  commands({
    fork,
    dump: ({ file }) => new Promise((resolve) => {
      dumps.resolve = () => {
        dumpTo(file, dumps);
        resolve();
      };
      workers.forEach((w) => w.send('dump'));
    }),
  });
  if (process.argv[4] === 'later')
    say('ready', { pid: process.pid });
  else
    fork().then((more) => say('ready', { pid: process.pid, ...more }));
  process.on('exit', () => workers.forEach((w) => w.process.kill('SIGKILL')));
  process.on('SIGTERM', () => process.exit(0));
}

function worker() {
  const log = [];

  process.on('message', () => process.send({ pid: process.pid, log }));
  http.createServer((req, res) => {
    logRequest(log, req, res);
    if (req.url === '/stat')
      fs.stat(__filename, () => res.end(String(process.pid)));
    else
      setTimeout(() => res.end(String(process.pid)), 1);
  }).listen(port, '127.0.0.1');
}

if (cluster.isPrimary)
  primary();
else
  worker();
