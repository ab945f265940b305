// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node packages.js NODE_MODULES: public packages behind routes, see packages_routes.js. The
 * service's own log says of every head whose store was active.
 */
const { fork } = require('node:child_process');
const http = require('node:http');
const path = require('node:path');

const { say, commands, dumpTo } = require('./common');
const { Truth } = require('./truth');
const { load } = require('./packages_routes');

const truth = new Truth();
const als = truth.instance('request');
let number = 0;

function startChild(script) {
  const child = fork(path.join(__dirname, script), { execArgv: [] });

  return new Promise((resolve) => child.once('message',
    ({ port }) => resolve({ host: '127.0.0.1', port })));
}

function serve(routes, req, res) {
  const name = req.url.split(/[/?]/)[1];
  const entry = truth.open(req, res, { route: name });
  const store = { requestId: `req-${++number}`, userId: `user-${number % 40}` };
  const c = {
    req, res, als, truth, entry, store,
    enter: (fn) => truth.run(entry, als, store, fn),
    reply(text) {
      if (!res.headersSent)
        res.setHeader('x-truth', truth.now(entry));
      res.end(String(text));
    },
  };
  const route = routes[name];

  if (!route)
    c.reply(`no ${name}`);
  else if (route.bare)
    route.handler(c);
  else
    c.enter(() => route.handler(c));
}

async function main() {
  const [upstream, redisAt] = await Promise.all([startChild('upstream.js'), startChild('resp.js')]);
  const { routes, missing } = await load(process.argv[2], upstream, redisAt);
  const server = http.createServer((req, res) => serve(routes, req, res));

  server.keepAliveTimeout = 60000;
  server.on('connection', (socket) => truth.socket(socket));
  server.listen(0, '127.0.0.1', () => say('ready', {
    pid: process.pid, port: server.address().port, routes: Object.keys(routes), missing,
  }));
  commands({ dump: ({ file }) => dumpTo(file, truth.dump()) });
}

main();
