// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The truth about contexts, told by the service itself: for every response head, what
 * `getStore()` of every AsyncLocalStorage instance returned at the very call that handed the
 * head to the runtime's native code, and whose store that was.
 *
 * A request is known by its connection (the peer's port) and its number on it. A store's owner is
 * the request that said `own()`. What is said of a head, for each instance:
 *
 *   own      a store of this request
 *   same     a store of another request of the same connection
 *   foreign  a store of a request of another connection
 *   shared   a store that the program gives to many requests deliberately
 *   none     none is active, and none was established or the program left it deliberately
 *   lost     none is active, though the request had established one
 */
const { AsyncLocalStorage } = require('node:async_hooks');

const WRITES = ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String',
  'writeAsciiString', 'writeUcs2String'];

const SHARED = { shared: true };

/* What a call of one of WRITES was given, as the pieces that may begin with a head. */
function pieces(name, args) {
  if (name !== 'writev')
    return [args[1]];
  return args[2] ? args[1] : args[1].filter((_, i) => i % 2 === 0);
}

function statusOf(piece) {
  const text = typeof piece === 'string' ? piece.slice(0, 12) :
    Buffer.from(piece.buffer, piece.byteOffset, Math.min(12, piece.byteLength)).toString('latin1');

  return text.startsWith('HTTP/1.') ? Number(text.slice(9, 12)) : 0;
}

class Truth {
  constructor() {
    this.names = [];
    this.instances = [];
    this.owners = new WeakMap();
    this.plain = new Map(); /* owners of bare strings and numbers */
    this.conns = new WeakMap(); /* by native handle */
    this.log = [];
    this.patched = new WeakSet();
  }

  instance(name, als = new AsyncLocalStorage()) {
    this.names.push(name);
    this.instances.push(als);
    return als;
  }

  /* To be called for each socket of a server before its first request. */
  socket(socket) {
    const handle = socket._handle;

    this.conns.set(handle, { port: socket.remotePort, entries: [], heads: 0 });
    let proto = Object.getPrototypeOf(handle);
    while (proto && !Object.hasOwn(proto, 'writev'))
      proto = Object.getPrototypeOf(proto);
    if (proto && !this.patched.has(proto))
      this.#patch(proto);
  }

  /* On the prototype that all native streams share, so that no handle changes its shape. */
  #patch(proto) {
    const truth = this;

    this.patched.add(proto);
    for (const name of WRITES) {
      const write = proto[name];
      proto[name] = function patched(...args) {
        const conn = truth.conns.get(this);
        if (conn)
          truth.#written(conn, name, args, this.writeQueueSize > 0);
        return write.apply(this, args);
      };
    }
  }

  #written(conn, name, args, queued) {
    for (const piece of pieces(name, args)) {
      const status = statusOf(piece);
      if (status === 0 || (status < 200 && status !== 101))
        continue;
      const entry = conn.entries[conn.heads++];
      if (!entry)
        continue; /* the parser's own 400 */
      entry.status = status;
      entry.queued = queued;
      entry.head_ns = Number(process.hrtime.bigint());
      entry.context = this.instances.map((als, i) => this.#look(als, i, entry));
    }
  }

  /* At the beginning of a request: its entry, which also is what names it. */
  open(req, res, more) {
    const conn = this.conns.get(req.socket._handle);
    const entry = {
      port: conn.port, seq: conn.entries.length + 1, method: req.method,
      path: req.url.split('?')[0], start_ns: Number(process.hrtime.bigint()), end_ns: 0,
      status: 0, queued: false, context: null, values: null, outside: false, ...more,
    };

    Object.defineProperty(entry, 'established', { value: [], enumerable: false });
    conn.entries.push(entry);
    this.log.push(entry);
    if (res)
      res.on('close', () => { entry.end_ns = Number(process.hrtime.bigint()); });
    return entry;
  }

  own(entry, als, store) {
    entry.established[this.instances.indexOf(als)] = true;
    this.#owner(store, entry);
    return store;
  }

  share(store) {
    this.#owner(store, SHARED);
    return store;
  }

  #owner(store, owner) {
    const map = store !== null && typeof store === 'object' ? this.owners : this.plain;

    map.set(store, map.has(store) && map.get(store) !== owner ? SHARED : owner);
  }

  run(entry, als, store, fn, ...args) {
    return als.run(this.own(entry, als, store), fn, ...args);
  }

  #look(als, i, entry) {
    const store = als.getStore();

    if (store === undefined)
      return { is: entry.established[i] && !entry.outside ? 'lost' : 'none' };
    const owner = this.owners.get(store) ?? this.plain.get(store);
    if (!owner)
      return { is: 'stray' };
    if (owner === SHARED)
      return { is: 'shared' };
    if (owner === entry)
      return { is: 'own' };
    return {
      is: owner.port === entry.port ? 'same' : 'foreign',
      other: { port: owner.port, seq: owner.seq, path: owner.path },
      stale: owner.end_ns !== 0,
    };
  }

  /* What `x-truth` says: the same, when the head is made rather than when it is sent. */
  now(entry) {
    return this.instances.map((als, i) => this.#look(als, i, entry).is).join(' ') || 'none';
  }

  dump() {
    return { instances: this.names, log: this.log };
  }
}

module.exports = { Truth };
