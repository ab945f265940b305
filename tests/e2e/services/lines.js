// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service that logs, and says in each line what getStore() gave at the write: its own words are
 * the truth. Its standard output and error are for the lines alone; it talks over IPC.
 *
 *   node lines.js [worker]    {port} when it listens; in a worker thread if asked to
 *
 * A line is `<request's id or -> <route> <text>`. The id is that of the active store.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const http = require('node:http');
const timers = require('node:timers/promises');
const workers = require('node:worker_threads');

const LONG = 20000; /* bytes: more than are captured */

const requests = new AsyncLocalStorage();
const traces = new AsyncLocalStorage();
let served = 0;

const text = (route, more = '') => `${requests.getStore()?.requestId ?? '-'} ${route} ${more}\n`;
const log = (fd, route, more) => fs.writeSync(fd, text(route, more));

/* In a worker the streams go to the main thread, which writes without a store of the worker's. */
const toStream = (name, route, more) => (workers.isMainThread ?
  process[name].write(text(route, more)) : log(name === 'stdout' ? 1 : 2, route, more));

const routes = {
  sync: (route) => toStream('stdout', route),
  sync2: (route) => toStream('stderr', route),
  raw: (route) => log(1, route),
  async await(route) { await null; toStream('stdout', route); },
  async sleep(route) { await timers.setTimeout(1); toStream('stdout', route); },
  async immediate(route) { await timers.setImmediate(); toStream('stderr', route); },
  async file(route) { await fs.promises.stat('/'); toStream('stdout', route); },
  tick: (route) => new Promise((done) => process.nextTick(() => {
    toStream('stdout', route);
    done();
  })),
  /* Several lines in one vectored write, where the stream can do that. */
  corked(route) {
    process.stdout.cork();
    for (let i = 0; i < 3; i++)
      toStream('stdout', route, `part ${i}`);
    process.stdout.uncork();
  },
  long: (route) => toStream('stdout', route, 'x'.repeat(LONG)),
  outside: (route) => requests.exit(() => traces.exit(() => toStream('stdout', route))),
  nested: (route) => requests.run({ requestId: `nested-${served}` }, () => log(2, route)),
  /* Written by a thread of libuv's pool. */
  pool: (route) => new Promise((done) => {
    fs.write(1, text(route), done);
  }),
};

function handle(req, res) {
  const route = req.url.slice(1);
  const id = `request-${String(++served).padStart(8, '0')}`;

  traces.run({ traceId: `trace-${id}` }, () => requests.run({ requestId: id }, async () => {
    await routes[route](route);
    res.end('done');
  }));
}

function serve() {
  const server = http.createServer(handle);

  requests.run({ requestId: 'boot' }, () => {});
  server.listen(0, '127.0.0.1', () => {
    const ready = { port: server.address().port, routes: Object.keys(routes) };
    if (workers.isMainThread)
      process.send(ready);
    else
      workers.parentPort.postMessage(ready);
  });
}

if (process.argv[2] === 'worker' && workers.isMainThread)
  new workers.Worker(__filename).on('message', (ready) => process.send(ready));
else
  serve();
