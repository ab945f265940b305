// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node left.js: a service that leaves things behind, or not. GET /leave starts, under the request's
 * own store, an interval that nobody clears and that writes to a socket; GET /tidy does its work
 * with timers that end. A worker keeps three timers, and one that is unref()ed.
 *
 * Command `spin`: five immediates at any time, for a while.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const { Worker } = require('node:worker_threads');
const http = require('node:http');
const net = require('node:net');

const { say, commands, dumpTo } = require('./common');

const EACH_MS = 1000;
const SPIN = 5;
const als = new AsyncLocalStorage();
const left = [];
let sink;
let number = 0;

function leave(res) {
  left.push(setInterval(() => sink.write('still here\n'), EACH_MS));
  setTimeout(() => res.end('left'), 2);
}

function tidy(res) {
  const timers = Array.from({ length: 5 }, () => setTimeout(() => {}, 60000));

  setTimeout(() => {
    timers.forEach(clearTimeout);
    res.end('tidy');
  }, 2);
}

function listener(req, res) {
  als.run({ requestId: `request-of-${process.pid}-number-${++number}` },
    () => (req.url === '/leave' ? leave : tidy)(res));
}

function spin({ ms }) {
  const end = Date.now() + ms;
  const again = () => Date.now() < end && setImmediate(again);

  for (let i = 0; i < SPIN; i++)
    setImmediate(again);
}

const counts = () => {
  const active = process.getActiveResourcesInfo();

  return { timers: active.filter((t) => t === 'Timeout').length, left: left.length };
};

const worker = new Worker(`
  for (let i = 0; i < 3; i++) setTimeout(() => {}, 1e6);
  setTimeout(() => {}, 1e6).unref();
  require('worker_threads').parentPort.postMessage('ready');`, { eval: true });

worker.once('message', () => {
  const upstream = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => {
    sink = net.connect(upstream.address().port, '127.0.0.1', () => {
      const server = http.createServer(listener).listen(0, '127.0.0.1', () =>
        say('ready', { pid: process.pid, port: server.address().port }));
      server.keepAliveTimeout = 60000;
    });
  });
});
commands({ spin, dump: ({ file }) => dumpTo(file, counts()) });
