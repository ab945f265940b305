// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* What the routes of waits.js do: functions of (entry, words of the path, request). */
const childProcess = require('child_process');
const crypto = require('crypto');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const path = require('path');
const zlib = require('zlib');

const LANES = 32;
const ASK_BYTES = 8;
const MARKED = 60000; /* objects that a collection has to mark, which takes some milliseconds */
const HASH_MS = 30;
const STEPS = 20000;
const SAMPLE = Buffer.from(Array.from({ length: 50000 }, (_, i) => `${i * 7919} ${i % 97}\n`).join(''));

module.exports = ({ world, now, begin, done, hold }) => {
  const keep = new http.Agent({ keepAlive: true, maxSockets: 100 });
  const once = new http.Agent({ keepAlive: false });
  const single = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = fs.openSync(path.join(world.dir, 'ask'), 'w');
  const lanes = Array.from({ length: LANES }, (_, i) => ({ i,
    file: path.join(world.dir, `lane${i}`), fd: fs.openSync(path.join(world.dir, `lane${i}`), 'r+') }));
  const cell = new Int32Array(new SharedArrayBuffer(8));
  const batch = [];
  const kept = Array.from({ length: MARKED }, (_, i) => ({ i, s: [i] }));
  let rounds = 1000;

  /* Asks the world to write one byte into a pipe after @ms; until then a read of it blocks. */
  function feed(op, ms) {
    const lane = lanes.shift();
    const buf = Buffer.alloc(ASK_BYTES);

    op.lane = lane.i;
    buf.writeUInt16LE(lane.i, 0);
    buf.writeUInt16LE(ms, 2);
    buf.writeUInt32LE(op.id, 4);
    fs.writeSync(ask, buf);
    return lane;
  }

  const read = (entry, ms) => new Promise((resolve, reject) => {
    const op = begin(entry, 'fs');
    const lane = feed(op, ms);

    fs.read(lane.fd, Buffer.alloc(1), 0, 1, null, (err) => {
      done(op);
      lanes.push(lane);
      if (err)
        reject(err);
      else
        resolve();
    });
  });

  /* The same by promises: three jobs, of which the second one takes its time. */
  async function readFile(entry, ms) {
    const op = begin(entry, 'fs');
    const lane = feed(op, ms);
    const file = await fs.promises.open(lane.file, 'r+');

    await file.read(Buffer.alloc(1), 0, 1, null);
    await file.close();
    done(op);
    lanes.push(lane);
  }

  const timer = (entry, ms) => new Promise((resolve) => {
    const op = begin(entry, 'timer');

    op.due_ns = op.from_ns + ms * 1e6;
    setTimeout(() => {
      done(op);
      resolve();
    }, ms);
  });

  const lookup = (entry, ms) => new Promise((resolve, reject) => {
    const op = begin(entry, 'dns');

    dns.lookup(`n${op.id}x${ms}.test.`, { family: 4 }, (err) => {
      done(op);
      if (err)
        reject(err);
      else
        resolve();
    });
  });

  /*
   * One call. Its parts: waiting for a socket of the agent, for its connection where it is new, and
   * for the answer.
   */
  const call = (entry, ms, agent, port = world.upstream) => new Promise((resolve, reject) => {
    let part = begin(entry, agent === single ? 'socket' : 'connect');
    const { id } = part;
    const next = (kind, more) => {
      done(part);
      if (kind)
        part = Object.assign(begin(entry, kind), more);
    };

    http.get({ host: '127.0.0.1', port, path: `/up/${id}/${ms}`, agent }, (res) => {
      res.resume();
      res.on('end', () => {
        next();
        resolve();
      });
    }).on('socket', (socket) => {
      if (!socket.connecting) {
        next('call', { answer: id });
        return;
      }
      if (agent === single)
        next('connect');
      socket.once('connect', () => next('call', { answer: id }));
    }).on('error', reject);
  });

  async function fetched(entry, ms) {
    const op = begin(entry, 'call');

    op.answer = op.id;
    await (await fetch(`http://127.0.0.1:${world.upstream}/up/${op.id}/${ms}`)).text();
    done(op);
  }

  const hash = (entry) => new Promise((resolve) => {
    const op = begin(entry, 'crypto');

    crypto.pbkdf2('secret', 'salt', rounds, 64, 'sha512', () => {
      done(op);
      resolve();
    });
  });

  const gzip = (entry) => new Promise((resolve) => {
    const op = begin(entry, 'zlib');

    zlib.gzip(SAMPLE, { level: 9, chunkSize: 1 << 22 }, () => {
      done(op);
      resolve();
    });
  });

  /* Makes next to no garbage, so that it is not collected meanwhile. */
  function spin(entry, ms) {
    hold(entry, 'cpu', () => {
      const end = performance.now() + ms;

      do {
        for (let i = 0; i < STEPS; i++)
          cell[1] += i;
      } while (performance.now() < end);
    });
  }

  function collect(entry, times) {
    for (let i = 0; i < times; i++)
      hold(entry, 'gc', () => globalThis.gc());
  }

  const body = (entry, req) => new Promise((resolve) => {
    const op = begin(entry, 'client');

    req.resume();
    req.on('end', () => {
      done(op);
      resolve();
    });
  });

  const joinBatch = (entry) => new Promise((resolve) => {
    const op = begin(entry, 'other');

    batch.push(() => {
      done(op);
      resolve();
    });
  });

  /*
   * How many rounds take some HASH_MS here; once for all, at the start. The first one loads what it
   * needs, and any may be disturbed: the shortest counts.
   */
  function calibrate() {
    let shortest = Infinity;

    for (let i = 0; i < 8; i++) {
      const from = now();

      crypto.pbkdf2Sync('secret', 'salt', rounds, 64, 'sha512');
      shortest = Math.min(shortest, now() - from);
    }
    rounds = Math.ceil(rounds * HASH_MS * 1e6 / shortest);
  }

  calibrate();
  return {
    quick: () => {},
    kept: () => kept.length,
    cpu: (entry, [ms]) => spin(entry, Number(ms)),
    timer: (entry, [ms]) => timer(entry, Number(ms)),
    timers: async (entry) => {
      for (let i = 0; i < 3; i++)
        await timer(entry, 20);
    },
    fs: (entry, [ms]) => read(entry, Number(ms)),
    file: (entry, [ms]) => readFile(entry, Number(ms)),
    /* Something of the pool that is over at once if there is a thread for it. */
    stat: (entry) => new Promise((resolve) => {
      const op = begin(entry, 'pool_queue');

      fs.stat('/', () => {
        done(op);
        resolve();
      });
    }),
    dns: (entry, [ms]) => lookup(entry, Number(ms)),
    keep: (entry, [ms]) => call(entry, Number(ms), keep),
    once: (entry, [ms]) => call(entry, Number(ms), once),
    single: (entry, [ms]) => call(entry, Number(ms), single),
    fetch: (entry, [ms]) => fetched(entry, Number(ms)),
    connect: (entry) => call(entry, 0, once, world.slow),
    crypto: hash,
    zlib: gzip,
    gc: (entry, [times]) => collect(entry, Number(times)),
    exec: (entry) => hold(entry, 'blocked', () => childProcess.execFileSync('sleep', ['0.05'])),
    wait: (entry, [ms]) => hold(entry, 'blocked', () => Atomics.wait(cell, 0, 0, Number(ms))),
    client: (entry, _, req) => body(entry, req),
    /* The loop is held in a later callback than the first. */
    then: async (entry, [ms]) => {
      await timer(entry, 10);
      spin(entry, Number(ms));
    },
    all: (entry) => Promise.all([read(entry, 20), call(entry, 60, keep), timer(entry, 40)]),
    chain: async (entry) => {
      await read(entry, 20);
      await call(entry, 30, keep);
      await timer(entry, 25);
      await hash(entry);
    },
    join: joinBatch,
    release: () => batch.splice(0).forEach((go) => go()),
  };
};
