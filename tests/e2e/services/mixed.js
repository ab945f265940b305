// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node mixed.js PORT [HOST]: methods, paths, statuses, kinds of bodies and of work in a colourful mix,
 * for tests that compare what was served with what was observed.
 */
const fs = require('fs');
const http = require('http');
const { say, commands, logRequest, dumpTo } = require('./common');

const log = [];
const big = Buffer.alloc(40000, 'b');

function body(req, then) {
  const parts = [];

  req.on('data', (part) => parts.push(part));
  req.on('end', () => then(Buffer.concat(parts)));
}

const routes = {
  '/sync': (req, res) => res.end('now'),
  '/length': (req, res) => {
    res.setHeader('content-length', 5);
    res.end('five!');
  },
  '/chunked': (req, res) => {
    res.write('first ');
    setTimeout(() => {
      res.write('second ');
      res.end('third');
    }, 2);
  },
  '/timer': (req, res) => setTimeout(() => res.end('later'), 5),
  '/file': (req, res) => fs.readFile(__filename, (err, data) => res.end(data)),
  '/echo': (req, res) => body(req, (data) => {
    res.statusCode = 201;
    res.end(data);
  }),
  '/put': (req, res) => body(req, (data) => {
    res.writeHead(data.length ? 200 : 400, { 'x-length': data.length });
    res.end(`${data.length}`);
  }),
  '/empty': (req, res) => {
    res.statusCode = 204;
    res.end();
  },
  '/cached': (req, res) => {
    res.writeHead(304, { etag: '"1"' });
    res.end();
  },
  '/moved': (req, res) => {
    res.writeHead(302, { location: '/sync' });
    res.end();
  },
  '/fails': (req, res) => {
    res.statusCode = 500;
    res.end('broken');
  },
  '/big': (req, res) => res.end(big),
  '/promise': async (req, res) => {
    await null;
    await new Promise((resolve) => setImmediate(resolve));
    res.end('kept');
  },
};

const server = http.createServer((req, res) => {
  const path = req.url.split('?')[0];

  logRequest(log, req, res);
  if (routes[path]) {
    routes[path](req, res);
  } else {
    res.statusCode = 404;
    res.end(`no ${path}`);
  }
});

server.keepAliveTimeout = 60000;
server.listen(Number(process.argv[2]), process.argv[3] || '127.0.0.1', () => say('ready', { pid: process.pid }));

commands({
  dump: ({ file }) => dumpTo(file, log),
});
