// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service whose requests hang when they are asked to ("?hang"), each on something else: an
 * upstream that does not answer, one that does not even accept, a raw connection, a file.
 *
 *   hanging.js als|none
 *
 * Its peers are processes of their own; the one that does not accept is stopped by itself.
 */
const { AsyncLocalStorage } = require('async_hooks');
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');

const { commands, say } = require('./common');

const BACKLOG = 1;
const ROUNDS = 2 * BACKLOG + 4; /* connections that a full backlog is made of, and more */
const als = process.argv[2] === 'als' ? new AsyncLocalStorage() : null;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lr-hanging-'));
const fifo = path.join(dir, 'fifo');

function answering() {
  const server = http.createServer((req, res) => req.url.endsWith('?hang') || res.end('up'));
  const raw = net.createServer((socket) => {
    socket.on('data', (data) => String(data) === 'hang' || socket.write('here'));
    socket.on('error', () => {});
  });

  server.listen(0, '127.0.0.1', () => raw.listen(0, '127.0.0.1', () => {
    say('peer', { http: server.address().port, raw: raw.address().port });
  }));
}

function deaf() {
  const server = net.createServer(() => {});

  server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
    fs.writeSync(1, `${JSON.stringify({ port: server.address().port })}\n`);
    process.kill(process.pid, 'SIGSTOP');
  });
}

function peer(what) {
  /* It ends with this process, however that ends, and though it is stopped. */
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, __filename, what],
    { stdio: ['ignore', 'pipe', 'inherit'] });

  return new Promise((resolve) => child.stdout.once('data', (line) => resolve(JSON.parse(line))));
}

const get = (port, what) => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path: what, agent: false }, (res) => {
    res.resume().on('end', resolve);
  }).on('error', reject);
});

const rawly = (port, text) => new Promise((resolve, reject) => {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(text));

  socket.once('data', () => {
    socket.end();
    resolve();
  }).on('error', reject);
});

const open = (name) => new Promise((resolve, reject) => {
  fs.open(name, 'r', (err, fd) => (err ? reject(err) : fs.close(fd, resolve)));
});

async function main() {
  const up = await peer('answering');
  const silent = await peer('deaf');
  const routes = {
    http: (hang) => get(up.http, hang ? '/wait?hang' : '/wait'),
    raw: (hang) => rawly(up.raw, hang ? 'hang' : 'ping'),
    file: (hang) => open(hang ? fifo : __filename),
    connect: (hang) => hang && get(silent.port, '/'),
  };
  const server = http.createServer((req, res) => {
    const [name, hang] = req.url.slice(1).split('?');
    const work = async () => {
      await routes[name](hang === 'hang');
      res.end('done');
    };

    (als ? als.run({ id: req.headers['x-id'] }, work) : work()).catch((err) => res.destroy(err));
  });

  execFileSync('mkfifo', [fifo]);
  /* Nothing reads from them, so that the next is not even accepted by the kernel. */
  for (let i = 0; i < ROUNDS; i++)
    net.connect(silent.port, '127.0.0.1').on('error', () => {});
  commands({});
  server.listen(0, '127.0.0.1', () =>
    say('ready', { port: server.address().port, raw: up.raw, silent: silent.port }));
}

const run = { answering, deaf }[process.argv[2]] ?? main;
run();
