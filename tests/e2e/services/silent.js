// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node silent.js [boot] [log] [workers=N]: everything that answers under the right store, or rightly
 * under none, one route each. With `boot` two more instances have one store for the whole
 * process, entered at its start. With `log` each request logs a line when it begins and one when it
 * is answered, with the id of the active store and its own. Says the port of each thread when all
 * listen.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { fork } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { say, commands, dumpTo } = require('./common');
const { Truth } = require('./truth');
const simple = require('./silent_routes');
const special = require('./silent_stores');

const LAYERS = 4;
const args = isMainThread ? process.argv.slice(2) : workerData.args;
const boot = args.includes('boot');
const logs = args.includes('log');
const workers = Number(args.find((a) => a.startsWith('workers='))?.slice(8) ?? 0);

const truth = new Truth();
const als = truth.instance('request');
const more = Array.from({ length: LAYERS }, (_, i) => truth.instance(`layer-${i}`));
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const queue = [];
let number = 0;

const log = (c, what) => logs && fs.writeSync(2,
  `${JSON.stringify({ what, requestId: als.getStore()?.requestId, id: c.id })}\n`);

const routes = { ...special };
for (const [name, handler] of Object.entries(simple)) {
  const logged = (c) => {
    log(c, 'begins');
    return handler(c);
  };
  routes[name] = { want: ['own'], handler: (c) =>
    truth.run(c.entry, als, { requestId: c.id, route: name }, logged, c) };
}

function listener(upstream, req, res) {
  const name = req.url.split(/[/?]/)[1];
  const route = routes[name] ?? routes.nostoresync;
  const entry = truth.open(req, res, { route: name, want: route.want });
  const c = {
    req, res, entry, truth, als, more, agent, queue, upstream, number: ++number,
    id: req.headers['x-request-id'] ?? `req-${number}`,
    reply(text) {
      if (!res.headersSent)
        res.setHeader('x-truth', truth.now(entry));
      log(c, 'answers');
      res.end(text);
    },
  };

  Promise.resolve(route.handler(c)).catch((err) => c.reply(String(err.stack)));
}

function upgraded(req, socket) {
  const entry = truth.open(req, null, { route: 'upgrade', want: ['own'] });

  socket.on('error', () => {});
  truth.run(entry, als, { requestId: 'upgraded' }, () => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
    socket.on('data', (data) => setImmediate(() => socket.write(data)));
    socket.on('end', () => socket.end());
  });
}

function listen(upstream) {
  const server = http.createServer((req, res) => listener(upstream, req, res));

  server.keepAliveTimeout = 60000;
  server.on('connection', (socket) => truth.socket(socket)).on('upgrade', upgraded);
  return new Promise((resolve) => server.listen(0, '127.0.0.1',
    () => resolve(server.address().port)));
}

/* Runs @fn inside the two stores of the whole process, if there are such. */
function booted(fn) {
  if (!boot)
    return fn();
  const [entered, run] = ['entered', 'boot'].map((n) => truth.instance(n, new AsyncLocalStorage()));

  entered.enterWith(truth.share({ service: 'silent', region: 'eu-1' }));
  return run.run(truth.share({ config: 'of the whole process', version: 7 }), fn);
}

/* Unreferenced by requests: one timer from the start of the process. */
setInterval(() => {
  for (const answer of queue.splice(0))
    answer();
}, 4).unref();

function startWorker(upstream) {
  const worker = new Worker(__filename, { workerData: { args, upstream } });

  return new Promise((resolve, reject) => {
    worker.once('message', ({ port }) => resolve({ worker, port }));
    worker.once('error', reject);
  });
}

const answerOf = (worker) => new Promise((resolve) => {
  worker.once('message', resolve);
  worker.postMessage('dump');
});

async function main() {
  const child = fork(path.join(__dirname, 'upstream.js'), { execArgv: [] });
  const { port: to } = await new Promise((resolve) => child.once('message', resolve));
  const upstream = { host: '127.0.0.1', port: to };
  const port = await booted(() => listen(upstream));
  const threads = await Promise.all(Array.from({ length: workers }, () => startWorker(upstream)));

  say('ready', { pid: process.pid, port, ports: [port, ...threads.map((t) => t.port)],
    routes: Object.keys(routes) });
  commands({
    dump: async ({ file }) => {
      const parts = [truth.dump(), ...await Promise.all(threads.map((t) => answerOf(t.worker)))];
      dumpTo(file, parts.map((part, i) => ({ local_port: threads[i - 1]?.port ?? port, ...part })));
    },
  });
}

if (isMainThread) {
  main();
} else {
  parentPort.on('message', () => parentPort.postMessage(truth.dump()));
  booted(() => listen(workerData.upstream)).then((port) => parentPort.postMessage({ port }));
}
