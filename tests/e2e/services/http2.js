// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node http2.js MODE [tls KEY CERT|unix PATH|duplex]: HTTP/2 in both styles, on two ports: the first serves the stream
 * API, the second the one that looks like HTTP/1. Every request runs under a store of its own; with
 * MODE `broken`, /pool/... are answered by whoever gives back a place in a home-made queue, in
 * that one's context; with `fixed` the queue binds its callbacks.
 *
 * What is written down of each stream is what the service itself counted, and whose store
 * `getStore()` returned when the response head was handed to the native stream.
 */
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http2 = require('node:http2');
const net = require('node:net');
const { Duplex } = require('node:stream');

const { say, commands, dumpTo } = require('./common');

const [mode = 'fixed', over = 'tcp', ...rest] = process.argv.slice(2);
const BIG = Buffer.alloc(1 << 20, 'x');
const PLACES = 4;
const als = new AsyncLocalStorage();
const log = [];
const owners = new WeakMap();
const now = () => Number(process.hrtime.bigint());

/* Of the responses' heads, at the native call. */
function patch(stream) {
  const symbol = Object.getOwnPropertySymbols(stream).find((s) => s.description === 'kHandle');
  const proto = Object.getPrototypeOf(stream[symbol]);
  const { respond } = proto;

  if (respond.patched)
    return;
  proto.respond = function patched(...args) {
    const entry = this.entry;
    if (entry) {
      const store = als.getStore();
      const owner = store && owners.get(store);
      entry.head_ns = now();
      entry.is = !store ? 'none' : owner === entry ? 'own' : owner ? 'foreign' : 'shared';
      if (owner && owner !== entry)
        entry.other = { port: owner.port, stream: owner.stream, path: owner.path };
    }
    return respond.apply(this, args);
  };
  proto.respond.patched = true;
}

function open(stream, headers, style) {
  const entry = {
    port: stream.session.socket.remotePort ?? 0, stream: stream.id, style,
    method: headers[':method'], path: headers[':path'].split('?')[0], start_ns: now(),
    bytes_in: 0, bytes_out: 0, status: 0, is: null,
  };
  const symbol = Object.getOwnPropertySymbols(stream).find((s) => s.description === 'kHandle');

  patch(stream);
  stream[symbol].entry = entry;
  log.push(entry);
  stream.on('error', () => {});
  stream.on('close', () => {
    entry.end_ns = now();
    entry.code = stream.rstCode;
    entry.status = stream.sentHeaders?.[':status'] ?? 0;
  });
  return entry;
}

/* A queue that many wait in and few leave at a time. */
let busy = 0;
const waiting = [];

function enter(fn) {
  const run = mode === 'broken' ? fn : AsyncResource.bind(fn);

  if (busy < PLACES) {
    busy++;
    run();
  } else {
    waiting.push(run);
  }
}

function leave() {
  const next = waiting.shift();

  if (next)
    next();
  else
    busy--;
}

const tenants = ['acme', 'duff', 'wonka'].map((tenant) => ({ requestId: '', userId: 0, tenant }));
let met = null;
let junk = null;

/* Another store of this request. */
function own(io) {
  const store = { requestId: randomUUID(), userId: io.entry.stream, tenant: 'acme' };

  owners.set(store, io.entry);
  return store;
}

const answers = {
  sync: (io) => io.send(200, 'at once'),
  nothing: (io) => io.send(204),
  head: (io) => io.send(200, io.entry.method === 'HEAD' ? null : 'a body'),
  timer: (io) => setTimeout(() => io.send(200, 'later'), 5),
  promise: async (io) => {
    await new Promise((resolve) => setImmediate(resolve));
    await null;
    io.send(200, 'after two awaits');
  },
  tick: (io) => process.nextTick(() => queueMicrotask(() => io.send(200, 'after a tick'))),
  file: (io) => fs.readFile(__filename, (err, data) => io.send(err ? 500 : 200, data)),
  big: (io) => io.send(200, BIG),
  fails: (io) => io.send(500, 'no'),
  echo: (io) => io.body((data) => io.send(201, data)),
  upload: (io) => io.body((data) => io.send(200, String(data.length))),
  trailers: (io) => io.body((data) => io.trailed(200, data)),
  unread: (io) => io.send(413, 'too much'),
  pool: (io) => enter(() => setTimeout(() => { io.send(200, 'in turn'); leave(); }, 1)),
  pieces: (io) => {
    let n = 0;
    io.begin(200);
    const timer = setInterval(() => {
      io.write(`piece ${n}\n`);
      if (++n === 4) {
        clearInterval(timer);
        setTimeout(() => io.end(), 2);
      }
    }, 2);
  },
  hints: (io) => {
    io.stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
    setTimeout(() => io.send(200, 'with hints'), 2);
  },
  reset: (io) => io.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  refuse: (io) => setTimeout(() => io.stream.close(http2.constants.NGHTTP2_NO_ERROR), 2),
  cut: (io) => {
    io.begin(200);
    io.write('the beginning of something');
    setTimeout(() => io.stream.destroy(new Error('cut')), 5);
  },
  quiet: (io) => {
    io.begin(200);
    io.write('the beginning of something');
    setTimeout(() => io.stream.destroy(), 5);
  },
  hang: (io) => io.body(() => {}),

  /* Ways to carry a context that are right, and that a rule might take for a mix-up. */
  nested: (io) => als.run(own(io), async () => {
    await null;
    als.run(own(io), () => setImmediate(() => io.send(200, 'nested')));
  }),
  late: (io) => als.exit(() => io.body((data) => als.run(own(io), async () => {
    await new Promise((resolve) => setImmediate(resolve));
    io.send(200, data);
  }))),
  elsewhere: (io) => als.exit(() => setTimeout(() => als.run(own(io), async () => {
    await null;
    io.send(200, 'entered in a timer');
  }), 1)),
  enter: async (io) => {
    await null;
    als.enterWith(own(io));
    await new Promise((resolve) => setTimeout(resolve, 2));
    io.send(200, 'entered');
  },
  shared: (io) => als.run(tenants[io.entry.stream % tenants.length], async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    io.send(200, 'of a tenant');
  }),
  meet: async (io) => {
    if (met) {
      met();
      met = null;
    } else {
      await new Promise((resolve) => { met = resolve; });
    }
    io.send(200, 'met');
  },
  garbage: async (io) => {
    for (let i = 0; i < 4; i++) {
      junk = Array.from({ length: 20000 }, (_, k) => ({ k }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    io.send(200, String(junk.length));
  },
};

class Io {
  constructor(stream, headers, style) {
    this.stream = stream;
    this.entry = open(stream, headers, style);
  }

  body(then) {
    const parts = [];
    this.input.on('data', (data) => {
      parts.push(data);
      this.entry.bytes_in += data.length;
    });
    this.input.on('error', () => {});
    /* Emitters carry no context: a service has to see to that itself. */
    this.input.on('end', AsyncResource.bind(() => then(Buffer.concat(parts))));
  }

  write(data) {
    this.entry.bytes_out += Buffer.byteLength(data);
    this.output.write(data);
  }

  end(data) {
    if (data)
      this.entry.bytes_out += Buffer.byteLength(data);
    this.output.end(data);
  }
}

class Streams extends Io {
  get input() { return this.stream; }

  get output() { return this.stream; }

  begin(status, options) {
    if (!this.stream.destroyed && !this.stream.closed)
      this.stream.respond({ ':status': status, 'x-request-id': als.getStore()?.requestId ?? '' },
        options);
  }

  send(status, data) {
    if (this.stream.destroyed || this.stream.closed)
      return;
    this.begin(status, { endStream: data === undefined || data === null });
    if (data !== undefined && data !== null)
      this.end(data);
  }

  trailed(status, data) {
    this.begin(status, { waitForTrailers: true });
    this.stream.on('wantTrailers', () => this.stream.sendTrailers({ 'x-sum': '17' }));
    this.end(data);
  }
}

class Compat extends Io {
  constructor(req, res) {
    super(req.stream, req.headers, 'compat');
    this.input = req;
    this.output = res;
  }

  begin(status) {
    this.output.writeHead(status, { 'x-request-id': als.getStore()?.requestId ?? '' });
  }

  send(status, data) {
    if (this.stream.destroyed || this.stream.closed)
      return;
    this.begin(status);
    this.end(data ?? undefined);
  }

  trailed(status, data) {
    this.begin(status);
    this.output.addTrailers({ 'x-sum': '17' });
    this.end(data);
  }
}

function serve(io) {
  const store = own(io);
  const answer = answers[io.entry.path.split('/')[1]];

  if (answer)
    als.run(store, answer, io);
  else
    als.run(store, () => io.send(404, 'not here'));
}

/* A stream that is written in JavaScript, with a socket behind it. */
function wrap(socket) {
  const duplex = new Duplex({
    read() { socket.resume(); },
    write(data, encoding, done) { socket.write(data, done); },
    final(done) { socket.end(done); },
  });

  duplex.remotePort = socket.remotePort;
  socket.on('data', (data) => { if (!duplex.push(data)) socket.pause(); });
  socket.on('end', () => duplex.push(null));
  socket.on('error', () => duplex.destroy());
  return duplex;
}

function listen(server, style) {
  return new Promise((resolve) => {
    if (over === 'unix')
      server.listen(`${rest[0]}.${style}`, () => resolve(`${rest[0]}.${style}`));
    else
      server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

const listening = [];
const options = over === 'tls' ?
  { key: fs.readFileSync(rest[0]), cert: fs.readFileSync(rest[1]) } : {};

options.maxSessionMemory = 500; /* MB: many large bodies at once */

for (const style of ['stream', 'compat']) {
  const server = over === 'tls' ? http2.createSecureServer(options) : http2.createServer(options);

  if (style === 'stream')
    server.on('stream', (stream, headers) => serve(new Streams(stream, headers, style)));
  else
    server.on('request', (req, res) => serve(new Compat(req, res)));
  server.on('sessionError', () => {});
  if (over === 'duplex')
    listening.push(listen(net.createServer((socket) => server.emit('connection', wrap(socket)))));
  else
    listening.push(listen(server, style));
}
Promise.all(listening).then((ports) => say('ready', { ports }));

commands({ dump: ({ file }) => dumpTo(file, { log }) });
