// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service whose requests use libuv's thread pool. It logs when it handed in what: a call that
 * hands in a job is synchronous, so the times before and after it belong to this job alone.
 *
 *   jobs.js als|none
 */
const { AsyncLocalStorage } = require('async_hooks');
const { execFileSync } = require('child_process');
const crypto = require('crypto');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const zlib = require('zlib');

const { commands, dumpTo, logRequest, say } = require('./common');

/* A thread whose messages wake the loop as finished jobs do. */
if (!isMainThread) {
  setInterval(() => parentPort.postMessage(1), 1);
  return;
}

const als = process.argv[2] === 'als' ? new AsyncLocalStorage() : null;
const log = [];
const now = () => Number(process.hrtime.bigint());
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lr-jobs-'));
const small = path.join(dir, 'small');
const FIFO_MS = 80;

fs.writeFileSync(small, 'some bytes');

/* Made before: a process that is waited for takes the loop away from its request. */
const fifos = Array.from({ length: 16 }, (_, i) => path.join(dir, `fifo${i}`));
execFileSync('mkfifo', fifos);

/* Hands in a job by @call(callback), and notes when. */
function issue(entry, kind, call) {
  return new Promise((resolve, reject) => {
    const told = { kind, from_ns: now() };

    call((err) => {
      told.done_ns = now();
      if (err)
        reject(err);
      else
        resolve();
    });
    told.to_ns = now();
    entry.jobs.push(told);
  });
}

const stat = (entry) => issue(entry, 'fs', (cb) => fs.stat(small, cb));
const pbkdf2 = (entry) => issue(entry, 'crypto', (cb) => crypto.pbkdf2('a', 'b', 2000, 32, 'sha256', cb));
const lookup = (entry) => issue(entry, 'dns', (cb) => dns.lookup('localhost', cb));
/* Its stream is set up first, and hands in more when a job is done. */
const gzip = (entry) => issue(entry, 'zlib', (cb) => zlib.gzip(Buffer.alloc(50000, 'x'), cb));
/* A chain: what is behind the first job is handed in by callbacks. */
const readFile = (entry) => issue(entry, 'fs', (cb) => fs.readFile(small, cb));

/* Opening one end waits for the other. */
async function fifo(entry) {
  const name = fifos.pop();
  const opened = issue(entry, 'fs', (cb) => fs.open(name, 'r', (err, fd) => {
    if (!err)
      fs.closeSync(fd);
    cb(err);
  }));
  const from = now();

  await new Promise((resolve) => setTimeout(resolve, FIFO_MS));
  const fd = fs.openSync(name, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  entry.fifo_ns = now() - from;
  await opened;
  fs.closeSync(fd);
}

async function each(entry) {
  await readFile(entry);
  await pbkdf2(entry);
  await gzip(entry);
  await lookup(entry);
}

const routes = {
  warm: stat,
  each,
  chain: each,
  both: async (entry) => {
    await Promise.all([stat(entry), pbkdf2(entry), stat(entry)]);
    await pbkdf2(entry);
  },
  fifo,
  /* With one thread in the pool the second waits for the first. */
  queue: async (entry) => {
    await Promise.all([fifo(entry), stat(entry)]);
  },
  /* What goes on when the answer is out, and its connection is at other requests. */
  late: async (entry, res) => {
    res.end('done');
    for (let i = 0; i < 4; i++)
      await pbkdf2(entry);
  },
};

async function serve(req, res) {
  const name = req.url.split('/')[1];
  const entry = logRequest(log, req, res, { jobs: [] });

  quiet = name === 'chain' || name === 'queue';

  await routes[name](entry, res);
  if (name !== 'late')
    res.end('done');
}

/* What is done for messages is nobody's. */
const strangers = [];
let quiet = true;

new Worker(__filename).on('message', () => {
  if (quiet)
    return;
  const from_ns = now();

  fs.access(small, () => {});
  strangers.push({ from_ns, to_ns: now() });
});

const server = http.createServer((req, res) => {
  const run = () => serve(req, res).catch((err) => res.end(String(err.stack)));

  if (als)
    als.run({ requestId: crypto.randomUUID(), path: req.url }, run);
  else
    run();
});

server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => say('ready', { pid: process.pid, port: server.address().port }));
commands({ dump: ({ file }) => dumpTo(file, { log, strangers }) });
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
