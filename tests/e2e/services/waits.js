// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service whose requests wait, each route for something else. It writes down, around each
 * operation and in the very callback that ends it, how long it took; for what holds the loop also
 * the thread's own delay and CPU time as the kernel has them.
 *
 *   WAITS_ALS=none|als waits.js '{"dir": ..., "upstream": PORT, "slow": PORT}'
 *
 * What an operation waits for comes from lib/waits_world.mjs, which remembers under the operation's
 * id when it gave its answer.
 */
const { AsyncLocalStorage } = require('async_hooks');
const { randomUUID } = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');

const { commands, dumpTo, logRequest, say } = require('./common');

const world = JSON.parse(process.argv[2]);
const als = process.env.WAITS_ALS === 'none' ? null : new AsyncLocalStorage();
const now = () => Number(process.hrtime.bigint());
const schedstat = fs.openSync('/proc/thread-self/schedstat');
const text = Buffer.alloc(100);
const log = [];
let ids = 0;

/* This thread's CPU time and the time that it waited for a CPU, in nanoseconds. */
function clocks() {
  const n = fs.readSync(schedstat, text, 0, 100, 0);
  const [cpu, delay] = text.toString('latin1', 0, n).split(' ').map(Number);

  return { cpu, delay };
}

/* One operation of @entry that is waited for; done() is to be called first in its callback. */
function begin(entry, kind) {
  const { cpu, delay } = clocks();
  const op = { id: ++ids, kind, cpu_ns: cpu, delay_ns: delay, from_ns: now() };

  entry.ops.push(op);
  return op;
}

function done(op) {
  op.to_ns = now();
  const { cpu, delay } = clocks();
  op.cpu_ns = cpu - op.cpu_ns;
  op.delay_ns = delay - op.delay_ns;
}

/* What @work does to the loop meanwhile: it holds it. */
function hold(entry, kind, work) {
  const before = clocks();
  const held = { kind, from_ns: now() };

  work();
  held.to_ns = now();
  const after = clocks();
  held.cpu_ns = after.cpu - before.cpu;
  held.delay_ns = after.delay - before.delay;
  entry.held.push(held);
  return held;
}

const base = { world, als, now, begin, done, hold };
const routes = require(path.join(__dirname, 'waits_routes.js'))(base);

async function serve(req, res) {
  const [, name, ...rest] = req.url.split('?')[0].split('/');
  const entry = logRequest(log, req, res, { ops: [], held: [] });

  /* What begins with `late` answers before it works. */
  if (name.startsWith('late')) {
    res.end('answered');
    entry.late = true;
    await routes[name.slice('late'.length) || 'chain'](entry, rest, req);
    return;
  }
  await routes[name](entry, rest, req);
  res.end('done');
}

const server = http.createServer((req, res) => {
  const run = () => serve(req, res).catch((err) => {
    process.stderr.write(`${req.url}: ${err.stack}\n`);
    res.statusCode = 500;
    res.end();
  });

  if (als)
    als.run({ requestId: randomUUID(), path: req.url }, run);
  else
    run();
});

server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => say('ready', { pid: process.pid, port: server.address().port }));
commands({
  dump: ({ file }) => dumpTo(file, log),
  /* The loop is held by what is no request's: a timer's callback. */
  spin: ({ ms }) => new Promise((resolve) => {
    setTimeout(() => {
      const entry = { path: 'timer', ops: [], held: [] };

      routes.cpu(entry, [ms]);
      log.push(entry);
      resolve({});
    }, 1);
  }),
});
