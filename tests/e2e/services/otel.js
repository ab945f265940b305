// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node otel.js NODE_MODULES sdk1|sdk2|http: a service traced by OpenTelemetry, whose Contexts lie
 * in an AsyncLocalStorage. With sdk1 and sdk2 it makes its spans by hand, by the SDK of that major
 * version; with http the instrumentation of node:http makes those of requests.
 *
 * What is written down of a response head: whose Context was active (truth.js; a child's is its
 * parent's), and what trace.getSpan(context.active()) said right before. The routes `queued` and
 * `queuedlate` go through a home-made queue that runs the next callback in the releasing
 * request's Context; all others are right.
 */
const fs = require('node:fs');
const path = require('node:path');

const { say, commands, dumpTo } = require('./common');
const { Truth } = require('./truth');

const [modules, sdk] = process.argv.slice(2);
const from = (name) => require(path.join(modules, name));

const api = from('@opentelemetry/api');
const { AsyncLocalStorageContextManager } = from('@opentelemetry/context-async-hooks');
const { suppressTracing, W3CTraceContextPropagator } = from('@opentelemetry/core');
const { BasicTracerProvider, AlwaysOffSampler } =
  from(sdk === 'sdk1' ? 'opentelemetry-sdk-1' : '@opentelemetry/sdk-trace-base');

const manager = new AsyncLocalStorageContextManager().enable();
const truth = new Truth();
const als = truth.instance('otel', manager._asyncLocalStorage);

api.context.setGlobalContextManager(manager);
api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
api.trace.setGlobalTracerProvider(new BasicTracerProvider());
if (sdk === 'http') {
  const { registerInstrumentations } = from('@opentelemetry/instrumentation');
  const { HttpInstrumentation } = from('@opentelemetry/instrumentation-http');

  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
}
const http = require('node:http');

const tracer = api.trace.getTracer('test');
const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('test');

/* Runs @fn under @ctx, whose owner is that of the Context in which it is entered. */
function within(c, ctx, fn) {
  const before = truth.owners.get(als.getStore());

  return api.context.with(ctx, () => {
    truth.own(before ?? c.entry, als, als.getStore());
    return fn();
  });
}

function span(c, name, fn, by = tracer) {
  const made = by.startSpan(name);

  return within(c, api.trace.setSpan(api.context.active(), made), () => fn(made));
}

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* The defect: whoever releases runs what waits, in its own Context. */
const queue = { busy: false, waiting: [] };

function acquire(fn) {
  if (queue.busy)
    queue.waiting.push(fn);
  else {
    queue.busy = true;
    fn();
  }
}

function release() {
  const next = queue.waiting.shift();

  if (next)
    next();
  else
    queue.busy = false;
}

function upstream(c, fn) {
  const headers = {};

  api.propagation.inject(api.context.active(), headers);
  http.get({ port: upstreamPort, host: '127.0.0.1', headers, agent: upstreamAgent },
    (res) => res.resume().on('end', fn));
}

const routes = {
  sync: (c) => span(c, 'work', (s) => { s.end(); c.reply(); }),
  root: (c) => { span(c, 'work', (s) => s.end()); c.reply(); },
  nested: (c) => span(c, 'outer', () => span(c, 'inner', () => span(c, 'most', () => c.reply()))),
  async await(c) {
    await span(c, 'first', async (s) => { await later(1); s.end(); });
    await span(c, 'second', async () => { await later(1); c.reply(); });
  },
  timeout: (c) => span(c, 'work', () => setTimeout(() => span(c, 'inner', () => c.reply()), 1)),
  fs: (c) => span(c, 'work', () => fs.readFile(__filename, () => c.reply())),
  upstream: (c) => span(c, 'call', () => upstream(c, () => span(c, 'after', () => c.reply()))),
  twice: (c) => span(c, 'call', () => upstream(c, () =>
    span(c, 'more', () => upstream(c, () => c.reply())))),
  baggage: (c) => within(c, api.propagation.setBaggage(api.context.active(),
    api.propagation.createBaggage({ user: { value: 'u1' } })), () => setTimeout(() => c.reply(), 1)),
  unsampled: (c) => span(c, 'dropped', () => setTimeout(() => c.reply(), 1), unsampled),
  suppressed: (c) => within(c, suppressTracing(api.context.active()),
    () => span(c, 'invalid', () => c.reply())),
  nospan: (c) => within(c, api.ROOT_CONTEXT.setValue(api.createContextKey('other'), 1),
    () => c.reply()),
  queued: (c) => span(c, 'queued', () => acquire(() => setTimeout(() => {
    c.reply();
    release();
  }, 1))),
  /* A query under a span of its own, which then is a child of a span of the releasing request. */
  queuedlate: (c) => span(c, 'queued', () => upstream(c, () => acquire(() =>
    span(c, 'query', () => upstream(c, () => {
      c.reply();
      release();
    }))))),
};

function served(c, route) {
  c.reply = () => {
    const of = api.trace.getSpan(api.context.active())?.spanContext();

    c.entry.values = of ? { traceId: of.traceId, spanId: of.spanId } : {};
    c.res.setHeader('x-truth', truth.now(c.entry));
    c.res.end('ok');
  };
  (routes[route] ?? c.reply)(c);
}

function listener(req, res) {
  const route = req.url.split(/[/?]/)[1];
  const c = { req, res, entry: truth.open(req, res, { route }) };

  if (sdk === 'http') {
    truth.own(c.entry, als, als.getStore());
    served(c, route);
    return;
  }
  const remote = api.propagation.extract(api.ROOT_CONTEXT, req.headers);
  const server = tracer.startSpan('server', { kind: api.SpanKind.SERVER }, remote);
  within(c, api.trace.setSpan(remote, server), () => served(c, route));
}

let upstreamPort = 0;
const upstreamAgent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const server = http.createServer(listener).on('connection', (socket) => truth.socket(socket));

server.keepAliveTimeout = 60000;
/* What is called is another process. */
const child = require('node:child_process').fork(path.join(__dirname, 'upstream.js'),
  { execArgv: [] });
child.once('message', ({ port }) => {
  upstreamPort = port;
  server.listen(0, '127.0.0.1', () => say('ready', {
    pid: process.pid, port: server.address().port, routes: Object.keys(routes),
  }));
});
commands({ dump: ({ file }) => dumpTo(file, truth.dump()) });
