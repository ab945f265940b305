// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Right ways to answer: each runs inside `als.run` of its request and answers under its own
 * store, whatever happens between. @c is {req, res, als, truth, entry, upstream, reply(text)}.
 */
const { AsyncResource } = require('node:async_hooks');
const { EventEmitter, once } = require('node:events');
const childProcess = require('node:child_process');
const crypto = require('node:crypto');
const dns = require('node:dns');
const fs = require('node:fs');
const http = require('node:http');
const readline = require('node:readline');
const stream = require('node:stream');
const timers = require('node:timers/promises');
const zlib = require('node:zlib');

const TEXT = 'the quick brown fox jumps over the lazy dog. '.repeat(200);
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const file = () => fs.createReadStream(__filename, { highWaterMark: 1024 });
const upper = () => new stream.Transform({
  transform(chunk, enc, then) { then(null, chunk.toString().toUpperCase()); },
});

function body(req) {
  return new Promise((resolve, reject) => {
    let size = 0;

    req.on('data', (chunk) => { size += chunk.length; });
    req.on('end', () => resolve(size)).on('error', reject);
  });
}

function upstream(c, then) {
  const req = http.get({ ...c.upstream, agent, path: '/called' }, (res) => {
    res.resume().on('end', then);
  });
  req.on('error', (err) => c.reply(String(err)));
}

module.exports = {
  sync: (c) => c.reply('at once'),
  head: (c) => c.reply('at once'),
  async await(c) {
    for (let i = 0; i < 5; i++)
      await null;
    await new Promise((resolve) => setTimeout(resolve, 2));
    await timers.setTimeout(1);
    c.reply('awaited');
  },
  timers(c) {
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks < 3)
        return;
      clearInterval(timer);
      c.reply('ticked');
    }, 1);
  },
  timeout: (c) => setTimeout(() => setTimeout(() => c.reply('later'), 3), 1),
  immediate: (c) => setImmediate(() => setImmediate(() => c.reply('immediate'))),
  nexttick: (c) => process.nextTick(() => process.nextTick(() => c.reply('ticks'))),
  microtask: (c) => queueMicrotask(() => queueMicrotask(() => c.reply('microtask'))),
  async thenable(c) {
    await { then: (resolve) => setImmediate(resolve, 1) };
    await { then: (resolve) => resolve(2) };
    c.reply('thenable');
  },
  cork(c) {
    c.res.cork();
    c.res.write('corked ');
    process.nextTick(() => {
      c.res.write('and ');
      c.res.uncork();
      setTimeout(() => c.res.end('uncorked'), 2);
    });
  },
  flush(c) {
    c.res.flushHeaders();
    setTimeout(() => c.reply('after the head'), 3);
  },
  hints(c) {
    c.res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    setTimeout(() => c.reply('after the hints'), 2);
  },
  trailers(c) {
    c.res.setHeader('trailer', 'x-sum');
    c.res.write('first');
    setImmediate(() => {
      c.res.addTrailers({ 'x-sum': '2' });
      c.res.end('second');
    });
  },
  fs: (c) => fs.readFile(__filename, (err, data) => c.reply(data)),
  fspromise: async (c) => c.reply(await fs.promises.readFile(__filename)),
  fsstream: (c) => file().pipe(c.res),
  pipeline: (c) => stream.pipeline(file(), upper(), c.res, () => {}),
  gzip: (c) => zlib.gzip(TEXT, (err, data) => c.reply(data)),
  gzipstream: (c) => stream.pipeline(file(), zlib.createGzip(), c.res, () => {}),
  brotli: (c) => stream.pipeline(file(), zlib.createBrotliCompress({
    params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 },
  }), c.res, () => {}),
  async webstream(c) {
    const text = new ReadableStream({
      async pull(controller) {
        await timers.setTimeout(1);
        controller.enqueue('from the web');
        controller.close();
      },
    }).pipeThrough(new TransformStream());
    for await (const part of text)
      c.res.write(part);
    c.res.end();
  },
  fromweb: (c) => stream.Readable.fromWeb(stream.Readable.toWeb(file())).pipe(c.res),
  agent: (c) => upstream(c, () => upstream(c, () => c.reply('through'))),
  async fetch(c) {
    const got = await fetch(`http://${c.upstream.host}:${c.upstream.port}/fetched`);
    c.reply(await got.text());
  },
  child: (c) => childProcess.execFile('/bin/true', () => c.reply('child')),
  dns: (c) => dns.lookup('localhost', () => c.reply('resolved')),
  crypto: (c) => crypto.randomBytes(32, () =>
    crypto.pbkdf2('a', 'b', 50, 16, 'sha256', () => c.reply('hashed'))),
  readline(c) {
    let lines = 0;

    readline.createInterface({ input: file() }).on('line', () => lines++)
      .on('close', () => c.reply(`${lines} lines`));
  },
  async readlines(c) {
    let lines = 0;

    for await (const line of readline.createInterface({ input: file() }))
      lines += line.length > 0;
    c.reply(`${lines} lines`);
  },
  async events(c) {
    const emitter = new EventEmitter();

    setTimeout(() => emitter.emit('ready'), 1);
    await once(emitter, 'ready');
    c.reply('emitted');
  },
  async all(c) {
    await Promise.all([timers.setTimeout(2), fs.promises.stat(__filename),
      Promise.race([timers.setTimeout(1), timers.setImmediate()])]);
    c.reply('all');
  },
  body: async (c) => c.reply(`took ${await body(c.req)}`),
  async iterate(c) {
    let size = 0;

    for await (const chunk of c.req)
      size += chunk.length;
    c.reply(`took ${size}`);
  },
  /* A queue that one boot-time timer empties, with each callback tied to its request. */
  queue: (c) => c.queue.push(AsyncResource.bind(() => c.reply('queued'))),
  async error(c) {
    try {
      await fs.promises.readFile('/nonexistent');
    } catch {
      c.res.statusCode = 500;
      c.reply('failed');
    }
  },
  big: (c) => c.reply(Buffer.alloc(200000, 'b')),
  async slow(c) {
    for (let i = 0; i < 128; i++) {
      if (!c.res.write(Buffer.alloc(65536, 's')))
        await once(c.res, 'drain');
    }
    c.res.end();
  },
};
