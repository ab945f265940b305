// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node first.js self N STATUS: serves N requests that it sends itself from the moment it listens,
 * and ends with STATUS.
 * node first.js serve PORT: serves whoever comes until it is asked for /end.
 * node first.js cluster WORKERS N: workers that each serve N requests of their own from the moment
 * they listen.
 * node first.js signals: counts signals until SIGTERM has come, and ends with status 9.
 * The last line on stdout is JSON: {paths: of the requests in the order served, ...}.
 */
const http = require('http');
const cluster = require('cluster');
const { AsyncLocalStorage } = require('async_hooks');

const [mode, first, second] = process.argv.slice(2);
const als = new AsyncLocalStorage();
const paths = [];

/* Not console.log: a pipe may still be full when the process ends. */
const say = (what) => require('fs').writeSync(1, `${JSON.stringify(what)}\n`);

const serve = (port, more) => http.createServer((req, res) => {
  paths.push(req.url);
  als.run({ requestId: `id-${req.url}` }, () => setImmediate(() => res.end('ok')));
  more?.(req, res);
}).listen(port, '127.0.0.1');

function selfRequests(server, n, done) {
  const { port } = server.address();
  const next = (i) => {
    if (i === n)
      return done();
    http.get({ port, host: '127.0.0.1', path: `/${process.pid}/${i}`, agent: false }, (res) => {
      res.resume().on('end', () => next(i + 1));
    });
  };
  next(0);
}

function self(n, status) {
  const server = serve(0);

  server.on('listening', () => selfRequests(server, n, () => {
    say({ pid: process.pid, paths });
    process.exit(status);
  }));
}

function workers(count, n) {
  const all = [];
  let asking = count;

  if (!(cluster.isPrimary ?? cluster.isMaster)) {
    const server = serve(0, (req) => process.send({ path: req.url }));

    server.on('listening', () => selfRequests(server, n, () => process.send({ done: true })));
    process.on('message', () => process.disconnect());
    return;
  }
  /* They share a port, so one that is done with its own may still serve the others'. */
  cluster.on('message', (worker, { path }) => {
    if (path)
      all.push(path);
    else if (--asking === 0)
      Object.values(cluster.workers).forEach((w) => w.send('end'));
  });
  cluster.on('exit', () => {
    if (--count === 0)
      say({ pid: process.pid, paths: all });
  });
  for (let i = 0; i < count; i++)
    cluster.fork();
}

function signals() {
  const got = {};

  for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR2', 'SIGUSR1', 'SIGTERM']) {
    process.on(name, () => {
      got[name] = (got[name] ?? 0) + 1;
      say({ signal: name });
      if (name === 'SIGTERM')
        setTimeout(() => { say({ got }); process.exit(9); }, 200);
    });
  }
  setInterval(() => {}, 1000);
  say({ ready: process.pid });
}

if (mode === 'self')
  self(Number(first), Number(second));
else if (mode === 'serve')
  serve(Number(first), (req, res) => {
    if (req.url === '/end')
      res.on('finish', () => { say({ pid: process.pid, paths }); process.exit(0); });
  }).on('listening', () => say({ ready: process.pid }));
else if (mode === 'cluster')
  workers(Number(first), Number(second));
else
  signals();
