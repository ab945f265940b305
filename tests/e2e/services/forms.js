// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node forms.js PORT SOCKET: everything that HTTP/1 allows, asked for by the first part of the
 * path (/FORM/...), on a TCP port and a unix socket.
 */
const fs = require('fs');
const http = require('http');
const { say, commands } = require('./common');

const [port, socketPath] = [Number(process.argv[2]), process.argv[3]];
const held = []; /* responses that wait for the command `release` */

function consume(req, then) {
  let length = 0;

  req.on('data', (part) => { length += part.length; });
  req.on('end', () => then(length));
}

function burn(ms) {
  const end = process.hrtime.bigint() + BigInt(ms) * 1000000n;

  while (process.hrtime.bigint() < end)
    ;
}

function get(options, then) {
  http.get(options, (res) => res.resume().on('end', then));
}

const forms = {
  plain: (req, res) => consume(req, (n) => res.end(`took ${n}`)),
  status: (req, res) => {
    res.statusCode = Number(req.url.split('/')[2]);
    res.end(res.statusCode === 204 || res.statusCode === 304 ? undefined : 'status');
  },
  chunks: (req, res) => {
    const body = req.method !== 'HEAD';

    if (body)
      res.setHeader('trailer', 'x-sum');
    res.write('one');
    setTimeout(() => {
      res.write('two, which is longer than the first');
      setTimeout(() => {
        if (body)
          res.addTrailers({ 'x-sum': '3' });
        res.end('three');
      }, 5);
    }, 5);
  },
  flush: (req, res) => {
    res.flushHeaders();
    setTimeout(() => res.end('after the head'), 10);
  },
  hints: (req, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    setTimeout(() => res.end('after the hints'), 5);
  },
  length: (req, res) => {
    res.setHeader('content-length', 1000);
    res.end(Buffer.alloc(1000, 'l'));
  },
  untilclose: (req, res) => {
    res.useChunkedEncodingByDefault = false;
    res.shouldKeepAlive = false;
    res.removeHeader('transfer-encoding');
    res.write('until ');
    setTimeout(() => res.end('the end'), 5);
  },
  large: (req, res) => res.end(Buffer.alloc(6 << 20, 'L')),
  stream: (req, res) => {
    const timer = setInterval(() => res.write('part '), 5);
    res.on('close', () => clearInterval(timer));
  },
  destroy: (req) => req.socket.destroy(),
  breaks: (req, res) => {
    res.write('some');
    setTimeout(() => req.socket.destroy(), 20);
  },
  never: (req) => req.resume(),
  hold: (req, res) => consume(req, () => held.push(res)),
  holdbody: (req, res) => {
    res.write('first half, ');
    held.push(res);
  },
  wait: (req, res) => setTimeout(() => res.end('waited'), Number(req.url.split('/')[2])),
  burn: (req, res) => {
    burn(Number(req.url.split('/')[2]));
    res.end('burnt');
  },
  file: (req, res) => fs.readFile(__filename, (err, data) => res.end(data)),
  upstream: (req, res) => get({ port: Number(req.url.split('/')[2]), host: '127.0.0.1',
    path: '/called-upstream' }, () => res.end('through')),
  self: (req, res) => get({ port, host: '127.0.0.1', path: '/plain/self' }, () => res.end('both')),
};

function listener(req, res) {
  const form = forms[req.url.replace(/^http:\/\/[^/]*/, '').split(/[/?]/)[1]] || forms.plain;

  form(req, res);
}

function start(where) {
  const server = http.createServer(listener);

  server.keepAliveTimeout = 60000;
  server.on('upgrade', (req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
    socket.on('data', (data) => socket.write(data)).on('error', () => {});
    socket.on('end', () => socket.end());
  });
  server.on('connect', (req, socket) => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    socket.on('data', (data) => socket.write(data)).on('error', () => {});
    socket.on('end', () => socket.end());
  });
  return new Promise((resolve) => server.listen(where, resolve));
}

Promise.all([start({ port, host: '127.0.0.1' }), start({ path: socketPath })])
  .then(() => say('ready', { pid: process.pid }));

commands({
  release: () => held.splice(0).forEach((res) => res.end('released')),
  held: () => ({ held: held.length }),
});
