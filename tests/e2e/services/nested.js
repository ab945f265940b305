// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node nested.js: what names a request lies inside of its store's properties. GET /open/SHAPE
 * starts a timer under its own store and answers; every later GET /ask/SHAPE is answered by that
 * timer, under the store of the one that opened it: the deliberate defect by which it is shown.
 */
const http = require('node:http');

const { say, commands, dumpTo } = require('./common');
const { Truth } = require('./truth');

const truth = new Truth();
const als = truth.instance('request');
const TRACE = Symbol('trace key');

class Request {
  constructor(n) {
    this.url = '/somewhere';
    for (let i = 0; i < 40; i++)
      this[`member${i}`] = i;
    this.id = `class-req-${n}`;
    this.ids = new Map([['span', n], ['trace', `class-trace-${n}`]]);
  }
}

function dictionary(n) {
  const req = { gone: 1, id: `dict-req-${n}`, ids: new Map([['trace', `dict-trace-${n}`]]) };

  for (let i = 0; i < 30; i++)
    req[`more${i}`] = i;
  delete req.gone;
  return req;
}

/* All that a store may have: the property `req` {id, ids: Map {trace}}, in several forms. */
const shapes = {
  literal: (n) => ({ req: { id: `req-${n}`, ids: new Map([['trace', `trace-${n}`]]) } }),
  class: (n) => ({ first: 1, req: new Request(n) }),
  dictionary: (n) => ({ req: dictionary(n) }),
  nullproto: (n) => ({ req: Object.assign(Object.create(null),
    { id: `null-req-${n}`, ids: new Map([['trace', `null-trace-${n}`]]) }) }),
  map: (n) => new Map([['other', 1], ['req', { id: `map-req-${n}`,
    ids: new Map([[TRACE, 'no'], ['trace', `map-trace-${n}`]]) }]]),
  number: (n) => ({ req: { id: 5000 + n, ids: new Map([['trace', 70000.5 + n]]) } }),
  symbol: (n) => ({ [Symbol('req')]: { id: `sym-req-${n}`,
    ids: new Map([[Symbol('trace'), `sym-trace-${n}`]]) } }),
  many: (n) => ({ ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, i])),
    req: { id: `many-req-${n}`, ids: new Map([['trace', `many-trace-${n}`]]) } }),
  without: (n) => ({ requestId: `plain-${n}`, req: { other: 1 } }),
  getter: (n) => ({ requestId: `getter-${n}`, req: { get id() { return 'got'; },
    get ids() { return new Map(); } } }),
};

/* What the paths lead to, as the program sees it; undefined: nothing, or a getter. */
function held(store) {
  const get = (o, name) => (o instanceof Map ? [...o].find(([k]) => k === name ||
    k.description === name)?.[1] : o?.[name] ?? o?.[Object.getOwnPropertySymbols(o ?? {})
    .find((s) => s.description === name)]);
  const req = get(store, 'req');
  const own = (o, name) => o && !Object.getOwnPropertyDescriptor(o, name)?.get;

  return {
    'req.id': own(req, 'id') ? get(req, 'id') : undefined,
    'req.ids.trace': own(req, 'ids') ? get(req?.ids, 'trace') : undefined,
  };
}

const pending = new Map();
const timers = [];
let number = 0;

function open(c, shape) {
  truth.run(c.entry, als, shapes[shape](c.number), () => {
    const waiting = [];

    pending.set(shape, waiting);
    timers.push(setInterval(() => waiting.shift()?.(), 2));
    c.reply('opened');
  });
}

function ask(c, shape) {
  truth.run(c.entry, als, shapes.literal(c.number), () => pending.get(shape).push(() => {
    c.entry.values = held(als.getStore());
    c.reply('asked');
  }));
}

const server = http.createServer((req, res) => {
  const [, verb, shape] = req.url.split('/');
  const entry = truth.open(req, res, { verb, shape });
  const c = { entry, number: ++number, reply: (text) => res.end(text) };

  (verb === 'open' ? open : ask)(c, shape);
}).on('connection', (socket) => truth.socket(socket));

server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => say('ready', {
  pid: process.pid, port: server.address().port, shapes: Object.keys(shapes),
}));
commands({ dump: ({ file }) => dumpTo(file, truth.dump()) });
