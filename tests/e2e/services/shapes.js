// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node shapes.js [worker]: stores of every shape, each shown by a deliberate defect. GET
 * /open/SHAPE starts a timer under its own store and answers; every later GET /ask/SHAPE is
 * answered by that timer, one at a time, under the store of the one that opened it. What
 * `getStore()` held then is written down, field by field.
 *
 * With `worker` the server runs in a worker thread.
 */
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const http = require('node:http');

const { say, commands, dumpTo } = require('./common');
const { Truth } = require('./truth');

const INSTANCES = 8;
const truth = new Truth();
const instances = Array.from({ length: INSTANCES }, (_, i) => truth.instance(`instance-${i}`));
const [als] = instances;
const parts = { left: 'the left half of it', right: ' and the right half of it' };
const TEXT = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. ';

class Context {
  constructor(n) {
    this.id = `class-${n}`;
    this.number = n;
    this.user = { id: n, name: 'nested' };
  }
}

class Child extends Context {
  constructor(n) {
    super(n);
    this.tenant = 'acme';
  }
}

function dictionary(n) {
  const store = { requestId: `dict-${n}`, count: n };

  for (let i = 0; i < 6; i++)
    store[`key${i}`] = `value ${i}`;
  delete store.key2;
  return store;
}

/* Used as a key it becomes a thin string that refers to the one in the table. */
function thin(n) {
  const text = ['thin', 'string', 'of', n].join('-');

  return { text, used: { [text]: 1 }[text] };
}

const shapes = {
  literal: (n) => ({ requestId: `req-${n}`, userId: n, ok: true, nothing: null, ratio: n + 0.5 }),
  class: (n) => new Context(n),
  child: (n) => new Child(n),
  nullproto: (n) => Object.assign(Object.create(null), { requestId: `null-${n}`, count: n }),
  frozen: (n) => Object.freeze({ requestId: `frozen-${n}`, count: n }),
  sealed: (n) => Object.seal({ requestId: `sealed-${n}` }),
  dictionary,
  added(n) {
    const store = {};
    for (let i = 0; i < 9; i++)
      store[`field${i}`] = i % 2 ? i * n : `text ${i} of ${n}`;
    return store;
  },
  map: (n) => new Map([['requestId', `map-${n}`], ['count', n], ['ratio', 0.25]]),
  string: (n) => `a bare string, number ${n}`,
  number: (n) => 424200 + n,
  double: (n) => n + 0.125,
  twobyte: (n) => ({ city: `\u6771\u4eac ${n}`, name: `Zo\u00eb \u2192 ${n}`,
    latin: `caf\u00e9 ${n}` }),
  cons: (n) => ({ text: parts.left + parts.right + n }),
  sliced: (n) => ({ text: (TEXT + n).slice(12, 40) }),
  thin,
  long: (n) => ({ text: `${n} ${TEXT.repeat(20)}`, after: 'the long one' }),
  empty: (n) => ({ text: '', count: n }),
  numbers: (n) => ({ small: n, negative: -n - 1, large: 2 ** 40 + n, most: 2 ** 31 - 1,
    double: Math.PI, tiny: 1e-9, least: -(2 ** 31) }),
  changed(n) {
    const store = { requestId: `changed-${n}`, step: 1, name: 'before' };
    store.step = 2;
    store.name = 'after';
    return store;
  },
};

/* The primitive values that a store holds, by name; of a bare value: under no name. */
function held(store) {
  if (store === null || typeof store !== 'object')
    return { '': store };
  const entries = store instanceof Map ? [...store] : Object.entries(store);
  return Object.fromEntries(entries.filter(([, v]) => v === null || typeof v !== 'object'));
}

const pending = new Map(); /* shape -> what waits to be answered under the store that opened */
const timers = [];
let number = 0;

function answerLater(c, shape) {
  const waiting = [];

  pending.set(shape, waiting);
  timers.push(setInterval(() => waiting.shift()?.(), 2));
  c.reply('opened');
}

const whole = truth.share({ service: 'shapes', since: 'the start of the process' });

/* All instances at once: those of @mine with stores of the request, the others with one of all. */
function openAll(c, shape, mine) {
  instances.reduceRight((next, one, i) => () => (mine(i) ?
    truth.run(c.entry, one, { layer: i, id: `layer-${i}-of-${c.number}` }, next) :
    one.run(whole, next)), () => answerLater(c, shape))();
}

const several = {
  lower: (i) => i < INSTANCES / 2,
  upper: (i) => i >= INSTANCES / 2,
};

function open(c, shape) {
  if (several[shape]) {
    openAll(c, shape, several[shape]);
    return;
  }
  truth.run(c.entry, als, shapes[shape](c.number), () => answerLater(c, shape));
}

/* Under a store of its own, which then is not the one at its head. */
function ask(c, shape) {
  const store = { requestId: `asker-${c.number}` };

  truth.run(c.entry, als, store, () => pending.get(shape).push(() => {
    c.entry.values = instances.map((one) => one.getStore())
      .map((store) => (store === undefined ? null : held(store)));
    c.reply('asked');
  }));
}

function listener(req, res) {
  const [, verb, shape] = req.url.split('/');
  const entry = truth.open(req, res, { verb, shape });
  const c = { entry, number: ++number, reply: (text) => {
    res.setHeader('x-truth', truth.now(entry));
    res.end(text);
  } };

  (verb === 'open' ? open : ask)(c, shape);
}

function listen() {
  const server = http.createServer(listener).on('connection', (socket) => truth.socket(socket));

  server.keepAliveTimeout = 60000;
  return new Promise((resolve) => server.listen(0, '127.0.0.1',
    () => resolve(server.address().port)));
}

async function main() {
  const ready = { pid: process.pid, shapes: Object.keys(shapes),
    several: Object.keys(several) };

  if (process.argv[2] !== 'worker') {
    say('ready', { ...ready, port: await listen() });
    commands({ dump: ({ file }) => dumpTo(file, truth.dump()) });
    return;
  }
  const worker = new Worker(__filename, { workerData: { thread: true } });
  worker.once('message', ({ port }) => say('ready', { ...ready, port }));
  commands({ dump: ({ file }) => new Promise((resolve) => {
    worker.once('message', (log) => resolve(dumpTo(file, log)));
    worker.postMessage('dump');
  }) });
}

if (isMainThread) {
  main();
} else if (workerData.thread) {
  parentPort.on('message', () => parentPort.postMessage(truth.dump()));
  listen().then((port) => parentPort.postMessage({ port }));
}
