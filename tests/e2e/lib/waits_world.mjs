// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What services/waits.js waits for, each with a delay that the service asks for: bytes in a pipe, a
// server that it calls, names to resolve, a listener whose queue is full. When an answer was given
// is remembered by the operation's id: that is when the service's waiting was over at its source.
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { TMP } from './env.mjs';
import { sleep, track, within } from './proc.mjs';

const LANES = 32;
const ASK_BYTES = 8;
const FLAGS = fs.constants.O_RDWR | fs.constants.O_NONBLOCK;
const HEADER = 12;
const TYPE_A = 1;

const now = () => Number(process.hrtime.bigint());

/** Runs this program once more with a network and mounts of its own; returns in there only. */
export function ownWorld() {
  if (process.env.LR_OWN_WORLD)
    return;
  const again = spawnSync('unshare', ['-n', '-m', 'sh', '-c',
    'ip link set lo up && printf "nameserver 127.0.0.1\\noptions timeout:10 attempts:1\\n" >"$0" && ' +
    'mount --bind "$0" /etc/resolv.conf && exec "$@"',
    path.join(TMP, 'resolv.conf'), process.execPath, ...process.argv.slice(1)],
  { stdio: 'inherit', env: { ...process.env, LR_OWN_WORLD: '1' } });

  process.exit(again.status ?? 1);
}

/* Each ask is a lane, a delay and an id; the lane's pipe gets a byte after the delay. */
function feeder(dir, ready) {
  const lanes = Array.from({ length: LANES }, (_, i) => path.join(dir, `lane${i}`));
  const ask = path.join(dir, 'ask');
  let rest = Buffer.alloc(0);

  spawnSync('mkfifo', [ask, ...lanes]);
  const out = lanes.map((file) => fs.openSync(file, FLAGS));
  const socket = new net.Socket({ fd: fs.openSync(ask, FLAGS), readable: true, writable: false });
  socket.on('data', (data) => {
    rest = Buffer.concat([rest, data]);
    for (; rest.length >= ASK_BYTES; rest = rest.subarray(ASK_BYTES)) {
      const [lane, ms, id] = [rest.readUInt16LE(0), rest.readUInt16LE(2), rest.readUInt32LE(4)];

      setTimeout(() => {
        ready.set(id, now());
        fs.writeSync(out[lane], 'x');
      }, ms);
    }
  });
  return socket;
}

/* /up/ID/MS */
async function upstream(ready) {
  const server = http.createServer((req, res) => {
    const [id, ms] = req.url.split('/').slice(2).map(Number);

    setTimeout(() => {
      ready.set(id, now());
      res.end('answer');
    }, ms);
  });

  server.keepAliveTimeout = 120000;
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return server;
}

/* nIDxMS.test is 127.0.0.1; other types of records there are none. */
async function names(ready) {
  const socket = dgram.createSocket('udp4');

  socket.on('message', (query, from) => {
    const length = query[HEADER];
    const label = query.toString('latin1', HEADER + 1, HEADER + 1 + length);
    const end = query.indexOf(0, HEADER) + 5;
    const isA = query.readUInt16BE(end - 4) === TYPE_A;
    const answer = Buffer.concat([query.subarray(0, end), isA ?
      Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]) : Buffer.alloc(0)]);
    const [, id, ms] = /^n(\d+)x(\d+)$/.exec(label) ?? [0, 0, 0];

    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(isA ? 1 : 0, 6);
    answer.fill(0, 8, 12);
    setTimeout(() => {
      ready.set(Number(id), now());
      socket.send(answer, from.port, from.address);
    }, isA ? Number(ms) : 0);
  });
  await new Promise((resolve) => { socket.bind(53, '127.0.0.1', resolve); });
  return socket;
}

/*
 * A server that does not take connections while it is stopped: when its queue is full further SYNs
 * are dropped, and the client's kernel tries again after a second.
 */
const QUEUE = 20;
const SLOW = `const s = require('http').createServer((req, res) => res.end('answer'));
s.keepAliveTimeout = 1;
s.listen({ port: 0, host: '127.0.0.1', backlog: ${QUEUE} }, () => console.log(s.address().port));`;

async function slow() {
  const child = track(spawn(process.execPath, ['-e', SLOW], { stdio: ['ignore', 'pipe', 'inherit'] }));
  const port = await within(new Promise((resolve) => {
    child.stdout.once('data', (data) => resolve(Number(data)));
  }), 10000, 'port of the slow server');

  return {
    port, child,
    /** Its queue is full for @ms from now. */
    async stuff(ms) {
      child.kill('SIGSTOP');
      const held = Array.from({ length: QUEUE + 1 }, () => net.connect(port, '127.0.0.1'));
      await Promise.all(held.map((s) => new Promise((resolve) => s.on('connect', resolve))));
      setTimeout(() => {
        child.kill('SIGCONT');
        held.forEach((s) => s.destroy());
      }, ms);
    },
  };
}

/** {args for the service, ready: id -> ns, stuff(ms), stop()} */
export async function makeWorld() {
  const dir = fs.mkdtempSync(path.join(TMP, 'world-'));
  const ready = new Map();
  const feed = feeder(dir, ready);
  const server = await upstream(ready);
  const dns = await names(ready);
  const stopped = await slow();

  return {
    arg: JSON.stringify({ dir, upstream: server.address().port, slow: stopped.port }),
    ready,
    stuff: stopped.stuff,
    async stop() {
      stopped.child.kill('SIGKILL');
      await stopped.child.closed;
      feed.destroy();
      dns.close();
      server.closeAllConnections();
      server.close();
      await sleep(0);
    },
  };
}
