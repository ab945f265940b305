// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Native work of many kinds. Each activity resolves when its work is over and its handles are
 * closed; note(type, id, trigger) is called where the program itself can see the id of a native
 * resource: in the resource's own callback, or from a handle that tells.
 */
const { executionAsyncId, triggerAsyncId } = require('async_hooks');
const childProcess = require('child_process');
const crypto = require('crypto');
const dgram = require('dgram');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const zlib = require('zlib');

const done = (fn) => new Promise((resolve, reject) => fn((err, value) => {
  if (err)
    reject(err);
  else
    resolve(value);
}));

/* A callback that notes the resource it runs for. */
const noting = (ctx, type, next) => (...args) => {
  ctx.note(type, executionAsyncId(), triggerAsyncId());
  next(...args);
};

const handle = (ctx, type, object) => ctx.note(type, object._handle.getAsyncId());

const activities = {
  async files({ note, dir }) {
    const ctx = { note };
    const file = path.join(dir, 'data');

    for (let i = 0; i < 5; i++)
      await done((then) => fs.stat(__filename, noting(ctx, 'FSREQCALLBACK', then)));
    await done((then) => fs.writeFile(file, 'text', then));
    await done((then) => fs.readFile(file, then));
    await done((then) => fs.readdir(dir, noting(ctx, 'FSREQCALLBACK', then)));
    await fs.promises.readFile(file);
    await done((then) => fs.unlink(file, noting(ctx, 'FSREQCALLBACK', then)));
  },

  async streams() {
    await new Promise((resolve, reject) => fs.createReadStream(__filename, { highWaterMark: 512 })
      .on('error', reject).on('data', () => {}).on('close', resolve));
  },

  async names({ note }) {
    const ctx = { note };

    for (let i = 0; i < 3; i++)
      await done((then) => dns.lookup('localhost', noting(ctx, 'GETADDRINFOREQWRAP', then)));
    await done((then) => dns.lookupService('127.0.0.1', 22,
      noting(ctx, 'GETNAMEINFOREQWRAP', () => then())));
  },

  async crypto({ note }) {
    const ctx = { note };

    await done((then) => crypto.randomBytes(32, noting(ctx, 'RANDOMBYTESREQUEST', then)));
    await done((then) => crypto.pbkdf2('a', 'b', 10, 16, 'sha256',
      noting(ctx, 'PBKDF2REQUEST', then)));
    await done((then) => crypto.scrypt('a', 'b', 16, { N: 16 },
      noting(ctx, 'SCRYPTREQUEST', then)));
    const { privateKey } = await done((then) => crypto.generateKeyPair('ec',
      { namedCurve: 'P-256' }, (err, publicKey, key) => then(err, { privateKey: key })));
    await done((then) => crypto.sign('sha256', Buffer.from('x'), privateKey,
      noting(ctx, 'SIGNREQUEST', then)));
  },

  async compression() {
    const packed = await done((then) => zlib.gzip(Buffer.alloc(50000, 'z'), then));

    await done((then) => zlib.gunzip(packed, then));
  },

  async children({ note }) {
    await new Promise((resolve, reject) => {
      const child = childProcess.spawn('/bin/cat', { stdio: 'pipe' });

      handle({ note }, 'PROCESSWRAP', child);
      child.on('error', reject).on('close', resolve);
      child.stdout.resume();
      child.stderr.resume();
      child.stdin.end('to a child');
    });
  },

  async watchers({ note, dir }) {
    const file = path.join(dir, 'watched');

    fs.writeFileSync(file, '1');
    const watcher = fs.watch(file);
    handle({ note }, 'FSEVENTWRAP', watcher);
    const stat = fs.watchFile(file, { interval: 20 }, () => {});
    handle({ note }, 'STATWATCHER', stat);
    await new Promise((resolve) => {
      watcher.once('change', resolve);
      fs.writeFileSync(file, '22');
    });
    watcher.close();
    fs.unwatchFile(file);
  },

  async datagrams({ note }) {
    await new Promise((resolve) => {
      const socket = dgram.createSocket('udp4');

      note('UDPWRAP', socket[Object.getOwnPropertySymbols(socket)
        .find((s) => s.description === 'state symbol')].handle.getAsyncId());
      socket.bind(0, '127.0.0.1', () => socket.send('packet', socket.address().port, '127.0.0.1'));
      socket.on('message', () => socket.close(resolve));
    });
  },

  async sockets({ note, dir }) {
    const ctx = { note };

    for (const where of [{ port: 0, host: '127.0.0.1' }, { path: path.join(dir, 's') }]) {
      const type = where.path ? 'PIPEWRAP' : 'TCPWRAP';
      await new Promise((resolve, reject) => {
        const server = net.createServer((socket) => {
          handle(ctx, type, socket);
          socket.end(Buffer.alloc(300000, 'x'));
          socket.resume();
        }).listen(where, () => {
          const to = where.path || server.address().port;
          const client = net.connect(to).on('error', reject).resume();

          client.on('connect', () => handle(ctx, type, client));
          client.on('close', () => server.close(resolve));
        });
      });
    }
  },

  async requests({ port, note }) {
    const ctx = { note };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
    const one = (i) => new Promise((resolve, reject) => {
      const req = http.request({ host: '127.0.0.1', port, agent, method: 'POST', path: `/r/${i}` });

      req.on('error', reject).on('response', (res) => {
        note('HTTPCLIENTREQUEST', executionAsyncId(), triggerAsyncId());
        res.resume().on('end', resolve);
      });
      req.on('socket', (socket) => {
        if (socket.connecting)
          socket.once('connect', () => handle(ctx, 'TCPWRAP', socket));
      });
      req.end(`body ${i}`);
    });

    for (let i = 0; i < 3; i++)
      await Promise.all([one(3 * i), one(3 * i + 1), one(3 * i + 2)]);
    agent.destroy();
  },

  /* Nothing of this is native: it must add no resource. */
  async script() {
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => process.nextTick(resolve));
    }
  },
};

/* All one after the other, then all at once, so that triggers and executions mix. */
async function run(ctx) {
  for (const name of Object.keys(activities))
    await activities[name](ctx);
  const dirs = Object.keys(activities).map((name, i) => path.join(ctx.dir, `at-once-${i}`));
  dirs.forEach((dir) => fs.mkdirSync(dir));
  await Promise.all(Object.keys(activities).map((name, i) =>
    activities[name]({ ...ctx, dir: dirs[i] })));
  dirs.forEach((dir) => fs.rmSync(dir, { recursive: true }));
}

module.exports = { run };
