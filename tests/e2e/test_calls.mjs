// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Outgoing calls to real peers: under each request its own calls and no others, with and without
// AsyncLocalStorage. The service's own log is the truth: which connection it used, and when.
//
// test-timeout: 420
import http from 'node:http';

import { TOP, selected } from './lib/env.mjs';
import { join, observe } from './lib/context.mjs';
import { ownNetwork, peers } from './lib/peers.mjs';
import { run as runProgram, sleep } from './lib/proc.mjs';
import { finish, notOk, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';
import path from 'node:path';

/* In the test's own network there is no registry to fetch from. */
const found = process.env.LR_OWN_NETWORK ? { status: 0, stdout: process.env.LR_MODULES } :
  await runProgram(path.join(TOP, 'tools/npm-fetch'));

if (found.status === 0)
  ownNetwork({ LR_MODULES: found.stdout.trim() });

/* Of calls made under a store. Whose store it is is not known after some collections. */
const KNOWN_MIN = 0.95;
const ALL_KNOWN = ['each', 'three/keep', 'three/once', 'three/fetch', 'three/undici', 'three/mysql', 'six', 'late'];
const ECONNREFUSED = 111;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CLIENTS = ['keep', 'once', 'fetch', 'undici'];

const ask = (agent, port, url, headers) => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path: url, agent, headers }, (res) => {
    res.resume();
    res.on('end', resolve);
  }).on('error', reject);
});

/* @urls, so many at a time. */
async function together(port, urls, connections, headers) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  let at = 0;

  await Promise.all(Array.from({ length: connections }, async () => {
    while (at < urls.length)
      await ask(agent, port, urls[at++], headers);
  }));
  agent.destroy();
}

const many = (n, url) => Array.from({ length: n }, (_, i) => url(i));

async function drive({ ready: { port } }) {
  await together(port, many(400, (i) => `/each/${CLIENTS[i % 4]}/e${i}`), 50);
  await together(port, many(160, (i) => `/three/${CLIENTS[i % 4]}/t${i}`), 40);
  await together(port, many(160, (i) => `/three/tls/s${i}`), 40);
  await together(port, many(160, (i) => `/three/mysql/m${i}`), 40);
  await together(port, many(60, (i) => `/six/v${i}`), 20);
  await together(port, many(80, (i) => `/late/keep/l${i}`), 20);
  /*
   * A late request that gives its connection back would run the first queries that wait in the
   * pool, in its own context: the program itself has them as its.
   */
  await sleep(500);
  await together(port, many(100, (i) => `/pooled/p${i}`), 50);
  await together(port, many(100, (i) => `/three/few/f${i}`), 40);
  await together(port, many(5, (i) => `/refused/r${i}`), 1);
  await together(port, many(20, (i) => `/wrong/w${i}`), 5);
  await together(port, many(5, (i) => `/trace/x${i}?token=1`), 1, {
    traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: 'vendor=1,other=a',
    'X-Request-Id': 'the-id', 'x-other': 'not kept',
  });
}

/* [[request's seq, call]] of all that are somebody's. */
function children(run) {
  return [...run.requests.flatMap((req) => req.calls.map((c) => [req.seq, c])),
    ...run.calls.filter((c) => c.request_seq !== null).map((c) => [c.request_seq, c])];
}

/* Is this what the request did? A connection's own port, and it was sent in that time. */
function isThis(call, told, addr) {
  if (told.error)
    return call.outcome === 'error' && call.peer_port === told.absent && call.error === ECONNREFUSED;
  if (call.kind !== told.kind || (told.port && call.local_port !== told.port))
    return false;
  if (call.peer_addr !== addr)
    return false;
  if (told.outcome && call.outcome !== told.outcome)
    return false;
  if (told.kind === 'http')
    return call.path === told.path && call.status === told.status;
  return call.start_ns <= told.to_ns && call.end_ns >= told.from_ns && call.sent_ns >= told.from_ns - 1e6 &&
    call.sent_ns <= told.to_ns;
}

/* Per route: calls made, found, requests with all of theirs; and what is wrong. */
function compare(run, pairs) {
  const of = new Map(pairs.map(({ req, entry }) => [req.seq, { req, entry, open: [...entry.calls], wrong: 0 }]));
  const wrong = [];

  for (const [seq, call] of children(run)) {
    const pair = of.get(seq);
    if (!pair) /* one before the attach, that warmed up */
      continue;
    /* A connection's log-in is its opener's, and no query. */
    if (call.setup)
      continue;
    const at = pair.open.findIndex((told) => isThis(call, told, pair.entry.addr ?? '127.0.0.1'));
    if (at < 0) {
      wrong.push(`${pair.entry.path}: ${JSON.stringify(call)} is not of ${JSON.stringify(pair.entry.calls)}`);
      continue;
    }
    if (Boolean(call.after_response) !== Boolean(pair.entry.late))
      wrong.push(`${pair.entry.path}: after the response: ${call.after_response}`);
    pair.open.splice(at, 1);
  }
  return { of: [...of.values()], wrong };
}

function counts(pairs) {
  const made = pairs.reduce((n, p) => n + p.entry.calls.length, 0);
  const open = pairs.reduce((n, p) => n + p.open.length, 0);

  return { made, found: made - open, whole: pairs.filter((p) => !p.open.length).length, of: pairs.length };
}

const text = (c) => `${c.found} of ${c.made} calls, ${c.whole} of ${c.of} requests whole`;

function route(variant, name, result, min) {
  const mine = result.of.filter((p) => p.entry.path.startsWith(`/${name}/`));
  const c = counts(mine);
  const wrong = [];

  if (!c.made)
    wrong.push('no call: nothing was tested');
  if (c.found < min * c.made)
    wrong.push(`only ${text(c)}: ${JSON.stringify(mine.find((p) => p.open.length)?.open[0])}`);
  verdict(variant.name, `${name}: children`, wrong, text(c));
}

function known(variant, result, min) {
  const c = counts(result.of.filter((p) => ALL_KNOWN.some((name) => p.entry.path.startsWith(`/${name}/`))));

  verdict(variant.name, 'known', c.found < min * c.made ? [`only ${text(c)}`] : [], text(c));
}

function traces(variant, run) {
  const traced = run.requests.filter((r) => r.path.startsWith('/trace/'));
  const wrong = traced.length === 5 ? [] : [`${traced.length} requests`];

  for (const r of traced) {
    if (r.trace_id !== TRACE || r.parent_span_id !== 'b7ad6b7169203331' || r.trace_flags !== 1 ||
      r.tracestate !== 'vendor=1,other=a')
      wrong.push(`trace context ${r.trace_id} ${r.parent_span_id} ${r.tracestate}`);
    if (JSON.stringify(r.headers) !== '{"x-request-id":"the-id"}')
      wrong.push(`headers ${JSON.stringify(r.headers)}`);
  }
  const out = children(run).map(([, c]) => c).filter((c) => c.trace_id);
  if (out.some((c) => c.trace_id !== TRACE || c.span_id !== 'b7ad6b7169203331'))
    wrong.push(`outgoing ${JSON.stringify(out[0])}`);
  const seen = [...out, ...run.calls.filter((c) => c.trace_id)];
  if (seen.length < 5)
    wrong.push(`${seen.length} outgoing ones recognised`);
  if (JSON.stringify([run.requests, run.calls]).includes('secret'))
    wrong.push('a query string is told');
  verdict(variant.name, 'trace context', wrong, `${out.length} outgoing of known requests`);
}

function report(variant, run) {
  const { calls } = run.report;
  const sum = calls.peers.reduce((n, p) => n + p.calls, 0);
  const all = run.calls.length + run.requests.reduce((n, r) => n + r.calls.length, 0);
  const wrong = [];

  if (calls.total !== all || sum !== all)
    wrong.push(`report ${calls.total}, peers ${sum}, lines ${all}`);
  for (const [kind, port] of [['postgresql', 5432], ['mysql', 3306], ['redis', 6379], ['http', 8080],
    ['https', 8443]]) {
    const peer = calls.peers.find((p) => p.port === port);
    if (!peer || peer.kind !== kind || !(peer.latency_ms.p50 > 0))
      wrong.push(`${kind}: ${JSON.stringify(peer)}`);
  }
  if (!(calls.peers.find((p) => p.port === 9)?.failed >= 5))
    wrong.push('refused connections are not counted as failed');
  verdict(variant.name, 'report', wrong,
    calls.peers.map((p) => `${p.kind} ${p.calls}, ${p.unknown} unknown`).join('; '));
}

/*
 * Each connection to MariaDB is logged in to once, before its queries, and no query is taken for
 * that: one send each, but where one request did both.
 */
function logins(variant, run) {
  const all = [...children(run).map(([, c]) => c), ...run.calls.filter((c) => c.request_seq === null)];
  const conns = new Map();
  const wrong = [];
  let own = 0;

  for (const call of all.filter((c) => c.kind === 'mysql' && c.sends))
    conns.set(call.conn, [...conns.get(call.conn) ?? [], call]);
  for (const calls of conns.values()) {
    const [first, ...others] = calls.sort((a, b) => a.start_ns - b.start_ns);

    own += first.setup;
    if (first.reused || !(first.setup ? first.sends === 1 : first.sends === 2))
      wrong.push(`not with a log-in: ${JSON.stringify(first)}`);
    if (others.some((c) => c.setup || !c.reused || c.sends !== 1 || c.round_trips > 1))
      wrong.push(`no query: ${JSON.stringify(others.find((c) => c.setup || !c.reused || c.sends !== 1))}`);
  }
  /* As many as the pool may have, and as many again as were given up. */
  if (conns.size < 10 || conns.size > 30)
    wrong.push(`${conns.size} connections`);
  verdict(variant.name, 'mysql log-ins', wrong, `${conns.size} connections, ${own} log-ins apart`);
}

/* Over IPv6: as many calls as were made, whosever, and none to an address that looks like it. */
function overSix(variant, result, run) {
  const made = result.of.filter((p) => p.entry.addr).flatMap((p) => p.entry.calls);
  const all = [...children(run).map(([, c]) => c), ...run.calls.filter((c) => c.request_seq === null)];
  const mine = all.filter((c) => c.peer_addr === '::1' && !c.setup);
  const wrong = all.filter((c) => !['127.0.0.1', '127.0.0.2', '::1'].includes(c.peer_addr))
    .map((c) => `${c.kind} of ${c.peer_addr}`);

  for (const kind of ['postgresql', 'redis', 'http']) {
    const of = (calls) => calls.filter((c) => c.kind === kind);
    /* Without a store, what several requests ask of Redis at once may be one call. */
    if (kind === 'redis' ? !of(mine).length : of(mine).length !== of(made).length)
      wrong.push(`${of(mine).length} of ${of(made).length} ${kind}`);
    const ports = new Set(of(made).map((c) => c.port));
    if (of(mine).some((c) => !ports.has(c.local_port)))
      wrong.push(`ports of ${kind}`);
  }
  verdict(variant.name, 'IPv6 peers', wrong, `${mine.length} of ${made.length} calls`);
}

async function testVariant(variant, modules, { upstream, secure }, mode) {
  const named = { ...variant, name: mode === 'als' ? variant.name : `${variant.name} without` };
  const run = await observe(named, 'calls.js', {
    args: [modules, String(upstream), mode, String(secure)], first: 'warm', drive, settle_ms: 400,
    agent: ['--header', 'X-Request-Id'],
  });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const result = compare(run, pairs);
  const min = mode === 'als' ? KNOWN_MIN : 0;

  verdict(named.name, 'seen', [...missing,
    ...(run.summary.loss.total ? [`loss ${run.summary.loss.total}`] : []),
    ...(run.end.status ? [run.end.stderr] : [])], `${pairs.length} requests`);
  verdict(named.name, 'none is wrong', result.wrong, text(counts(result.of)));
  /* One collection at the wrong moment takes what it moves from all that wait: of one route, many. */
  for (const name of ALL_KNOWN)
    route(named, name, result, min && 0.8);
  known(named, result, min);
  /*
   * The first call on a connection is sent when the handshake is over, in a callback of its own. All
   * are new and begin together: a collection at that time leaves many unknown.
   */
  route(named, 'three/tls', result, min && 0.5);
  for (const name of ['refused', 'wrong', 'trace'])
    route(named, name, result, min && 0.6);
  /* Clients that go on with what waits in the context of something else: unknown, not wrong. */
  for (const name of ['pooled', 'three/few'])
    route(named, name, result, 0);
  logins(named, run);
  overSix(named, result, run);
  traces(named, run);
  report(named, run);
}

if (found.status !== 0)
  notOk('npm', 'packages', found.stderr);
else
  await part('peers', 'started', async () => {
    const with_ = await peers();

    for (const variant of variants()) {
      for (const mode of ['als', 'none']) {
        if (selected(`${variant.name} ${mode}`))
          await part(variant.name, 'seen', () => testVariant(variant, found.stdout.trim(), with_, mode));
      }
    }
    await with_.stop();
  });
finish('calls');
