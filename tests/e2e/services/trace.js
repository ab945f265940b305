// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node trace.js: something of everything that a trace shows. Outgoing calls, jobs, a blocked loop,
 * collections, answers under another request's store, one that is never answered, a worker.
 */
const fs = require('fs');
const http = require('http');
const { AsyncLocalStorage } = require('async_hooks');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { say } = require('./common');

const BLOCKED_MS = 70;
const als = new AsyncLocalStorage();
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const waiting = [];
let pumping = false;
let upstream;
let number = 0;

/* One at a time, in the context of the request that found it at rest. */
function pump() {
  const res = waiting.shift();

  if (!res) {
    pumping = false;
    return;
  }
  res.end('pumped');
  setImmediate(pump);
}

function call(res) {
  http.get({ host: '127.0.0.1', port: upstream.address().port, agent, path: '/up,"stream"' }, (got) => {
    got.resume();
    got.on('end', () => res.end('called'));
  });
}

function block(res) {
  const until = Date.now() + BLOCKED_MS;

  while (Date.now() < until)
    ;
  res.end('blocked');
}

const routes = {
  call,
  block,
  file: (res) => fs.readFile(__filename, () => fs.stat(__dirname, () => res.end('read'))),
  pump: (res) => {
    waiting.push(res);
    if (!pumping) {
      pumping = true;
      setImmediate(pump);
    }
  },
  parts: (res) => {
    res.write('first');
    setTimeout(() => res.end('second'), 4);
  },
  garbage: (res) => res.end(String(Array.from({ length: 20000 }, (_, i) => ({ i })).length)),
  open: (res) => res.write('for ever'),
};

const serve = (req, res) => als.run({ requestId: `r${++number}` }, () => {
  const [, name] = req.url.split('/');

  (routes[name] ?? ((r) => r.end('other')))(res);
});

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () =>
    resolve(server.address().port)));
}

async function main() {
  const worker = new Worker(__filename);
  const other = await new Promise((resolve) => worker.once('message', resolve));

  upstream = http.createServer((req, res) => setTimeout(() => res.end('up'), 3));
  await listen(upstream);
  say('ready', { port: await listen(http.createServer(serve)), other });
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (isMainThread)
  main();
else
  listen(http.createServer(serve)).then((port) => parentPort.postMessage(port));
