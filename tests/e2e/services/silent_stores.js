// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Right ways to have a store, by routes that enter it themselves: shapes of stores, stores made
 * late, given to several requests, left again, nested, several at once, and answers that are
 * given by another request on purpose. `want` is what may be true at the head.
 */
const fs = require('node:fs');
const http = require('node:http');
const timers = require('node:timers/promises');

const POLL_MS = 60; /* a waiter that nobody wakes answers by itself */
const USERS = 10;

class Context {
  constructor(id) {
    this.id = id;
    this.user = { id };
    this.started = Date.now();
  }
}

/* Makers of stores that are one request's own. */
const shapes = {
  literal: (n) => ({ requestId: `req-${n}`, userId: n % 50 }),
  low: (n) => ({ userId: n % 5, tenant: n % 2 ? 'acme' : 'globex' }),
  empty: () => ({}),
  class: (n) => new Context(n),
  nullproto: (n) => Object.assign(Object.create(null), { id: n }),
  frozen: (n) => Object.freeze({ id: n, at: n + 0.5 }),
  map: (n) => new Map([['id', n], ['tenant', 'acme']]),
  array: (n) => [n, 'array'],
  function: (n) => () => n,
  string: (n) => `own-${n}-${process.pid}`,
  number: (n) => 1000000 + n,
  double: (n) => n + 0.25,
  dictionary(n) {
    const store = { id: n };
    for (let i = 0; i < 40; i++)
      store[`key${i}`] = i;
    delete store.key3;
    return store;
  },
};

/* Bare values that many requests have at once: nothing tells whose they are. */
const common = {
  onestring: () => 'tenant-a',
  onenumber: () => 7,
  onesymbol: () => true,
};

/* One store for each user, made by the first request of the user and given to all others. */
function userStores() {
  const made = new Map();
  let turn = 0;

  return ({ truth, req }) => {
    const user = `${req.url} ${turn++ % USERS}`;

    if (!made.has(user))
      made.set(user, truth.share({ userId: user, roles: ['payer'] }));
    return made.get(user);
  };
}

const cachedStore = userStores();
const cachedSyncStore = userStores();

const fresh = (c) => ({ requestId: c.id, at: Date.now() });
const traced = (c) => ({ traceId: c.req.headers.traceparent?.split('-')[1] ?? `none-${c.number}`,
  spanId: `span-${c.number}` });
const enter = (c, store, fn) => c.truth.run(c.entry, c.als, store, fn);
const later = (c, text) => setTimeout(() => c.reply(text), 1 + c.number % 3);

const waiting = new Set();
const polls = new Set();
const listeners = new Set();

/* Resolves when another request wakes it, or after a while. */
function woken(set) {
  return new Promise((resolve) => {
    const wake = () => {
      set.delete(wake);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(wake, POLL_MS);
    set.add(wake);
  });
}

const own = {
  async late(c) {
    await timers.setTimeout(1);
    enter(c, fresh(c), () => later(c, 'late'));
  },
  async latefs(c) {
    await fs.promises.stat(__filename);
    enter(c, fresh(c), () => c.reply('late'));
  },
  async latetick(c) {
    await null;
    enter(c, fresh(c), () => later(c, 'late'));
  },
  lateupstream(c) {
    http.get({ ...c.upstream, path: '/lookup', agent: c.agent }, (res) => {
      res.resume().on('end', () => enter(c, fresh(c), () => later(c, 'late')));
    }).on('error', (err) => c.reply(String(err)));
  },
  async latebody(c) {
    for await (const chunk of c.req)
      c.size = (c.size ?? 0) + chunk.length;
    enter(c, fresh(c), () => later(c, 'late'));
  },
  /* Several requests of one trace, or one request tried again, carry the same id. */
  traced: (c) => enter(c, traced(c), () => later(c, 'traced')),
  async tracedlate(c) {
    await timers.setTimeout(1);
    enter(c, traced(c), () => later(c, 'traced'));
  },
  /* Woken inside another request's own callback, it makes its store there, and answers. */
  async latewoken(c) {
    await woken(waiting);
    enter(c, fresh(c), () => c.reply('woken'));
  },
  async latewokenlater(c) {
    await woken(waiting);
    enter(c, fresh(c), () => later(c, 'woken'));
  },
  wokenown: (c) => enter(c, fresh(c), async () => {
    await woken(waiting);
    c.reply('woken');
  }),
  wake: (c) => enter(c, fresh(c), () => {
    [...waiting].forEach((wake) => wake());
    setImmediate(() => c.reply('waker'));
  }),
  /* Those that it woke are answered before it is, so their stores are seen first. */
  wakelate: (c) => enter(c, fresh(c), () => {
    [...waiting].forEach((wake) => wake());
    setTimeout(() => c.reply('waker'), 20);
  }),
  wakefirst: (c) => enter(c, fresh(c), () => {
    c.reply('waker');
    [...waiting].forEach((wake) => wake());
  }),
  nested: (c) => enter(c, fresh(c), () => setTimeout(() =>
    enter(c, { ...c.als.getStore(), span: 1 }, () => setTimeout(() =>
      enter(c, { ...c.als.getStore(), span: 2 }, () => later(c, 'nested')), 1)), 1)),
  nestedout: (c) => enter(c, fresh(c), async () => {
    await enter(c, { ...c.als.getStore(), span: 1 }, () => timers.setTimeout(1));
    c.reply('outside of the inner one');
  }),
  several: (c) => c.more.reduceRight((next, als, i) =>
    () => c.truth.run(c.entry, als, { layer: i, id: `layer-${i}-${c.number}` }, next),
  () => enter(c, fresh(c), () => later(c, 'several')))(),
  sse: (c) => enter(c, fresh(c), () => {
    c.res.writeHead(200, { 'content-type': 'text/event-stream' });
    c.res.write('data: hello\n\n');
    const end = (text) => {
      listeners.delete(end);
      clearTimeout(timer);
      c.res.end(text);
    };
    const timer = setTimeout(end, POLL_MS, 'data: bye\n\n');
    listeners.add(end);
  }),
  notify: (c) => enter(c, fresh(c), () => {
    [...listeners].forEach((end) => end('data: bye\n\n'));
    c.reply('notified');
  }),
  publish: (c) => enter(c, fresh(c), () => {
    [...polls].forEach((answer) => answer());
    c.reply('published');
  }),
};

const special = {
  /* Answered by whoever publishes: one execution writes the heads of several connections. */
  poll: { want: ['foreign', 'same', 'own'], handler: (c) => enter(c, fresh(c), () => {
    const answer = () => {
      polls.delete(answer);
      clearTimeout(timer);
      c.reply('polled');
    };
    const timer = setTimeout(answer, POLL_MS);
    polls.add(answer);
  }) },
  enterwith: { want: ['own'], handler: (c) => {
    c.als.enterWith(c.truth.own(c.entry, c.als, fresh(c)));
    later(c, 'entered');
  } },
  nostore: { want: ['none', 'same'], handler: (c) => later(c, 'no store') },
  nostoresync: { want: ['none', 'same'], handler: (c) => c.reply('no store') },
  exit: { want: ['none'], handler: (c) => enter(c, fresh(c), () => setTimeout(() => {
    c.entry.outside = true;
    c.als.exit(() => c.reply('left'));
  }, 1)) },
  exitsync: { want: ['none'], handler: (c) => enter(c, fresh(c), () => {
    c.entry.outside = true;
    c.als.exit(() => c.reply('left'));
  }) },
  koa: { want: ['none', 'same'], handler: async (c) => {
    c.entry.outside = true;
    await enter(c, fresh(c), () => timers.setTimeout(1));
    c.reply('outside');
  } },
  /* The store was seen at a call upstream before: left by design all the same. */
  koasent: { want: ['none', 'same'], handler: async (c) => {
    c.entry.outside = true;
    await enter(c, fresh(c), () => new Promise((resolve) => {
      http.get({ ...c.upstream, path: '/inside', agent: c.agent },
        (res) => res.resume().on('end', resolve)).on('error', resolve);
    }));
    c.reply('outside');
  } },
  koasync: { want: ['none', 'same'], handler: (c) => {
    c.entry.outside = true;
    enter(c, fresh(c), () => {});
    c.reply('outside');
  } },
  cached: { want: ['shared'], handler: (c) =>
    c.als.run(cachedStore(c), () => later(c, 'cached')) },
  cachedsync: { want: ['shared'], handler: (c) =>
    c.als.run(cachedSyncStore(c), () => c.reply('cached')) },
};

const routes = {};
for (const [name, handler] of Object.entries(own))
  routes[name] = { want: ['own'], handler };
for (const [name, make] of Object.entries(shapes))
  routes[`shape-${name}`] = { want: ['own'], handler: (c) =>
    enter(c, make(c.number), () => later(c, name)) };
for (const [name, make] of Object.entries(common))
  routes[`shape-${name}`] = { want: ['shared'], handler: (c) =>
    c.als.run(c.truth.share(make()), () => later(c, name)) };

module.exports = { ...routes, ...special };
