// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Exports in OTLP/JSON lines, read by programs that are not ours: the OpenTelemetry decoder takes every
// line and loses nothing of it, and DuckDB's counts and sums are those of the JSON lines. Children are
// under their requests, links lead to the requests that findings name, trace context goes on, and a
// second export is the same to the byte.
//
// test-timeout: 240
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';

import { join, observe } from './lib/context.mjs';
import { modules, openDuckdb, quoted } from './lib/duckdb.mjs';
import { selected } from './lib/env.mjs';
import { decoded, exportTo, metricsOf, spansOf } from './lib/otlp.mjs';
import { observePayments } from './lib/payment.mjs';
import { ownNetwork, peers } from './lib/peers.mjs';
import { record, sleep, startService } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

/* There is no registry in a network of its own. */
const LR_MODULES = process.env.LR_MODULES ?? await modules();

ownNetwork({ LR_MODULES });

const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;
const HANDED_ON = 'b7ad6b7169203331'; /* services/calls.js: what its route `trace` sends */
const MEASURED = new Set(['complete', 'aborted_by_client', 'aborted_by_server', 'upgraded']);
const RESOURCE = ['service.name', 'process.pid', 'process.creation.time', 'process.executable.path',
  'process.runtime.name', 'process.runtime.version', 'host.name', 'telemetry.sdk.name',
  'telemetry.sdk.language', 'telemetry.sdk.version', 'telemetry.distro.name',
  'telemetry.distro.version'];
const OF_SERVER = ['http.request.method', 'url.path', 'url.scheme', 'http.route',
  'http.response.status_code', 'server.port', 'client.address', 'network.peer.address',
  'network.peer.port', 'network.protocol.version', 'loopray.request.outcome',
  'loopray.context.state'];
const OF_CLIENT = ['server.address', 'server.port', 'network.peer.address', 'loopray.call.kind',
  'loopray.call.outcome'];
const OF_HTTP = ['http.request.method', 'url.full', 'http.response.status_code'];
const OF_EVENT = ['loopray.finding.kind', 'loopray.finding.confidence', 'loopray.finding.instance'];

const hex = (n) => crypto.randomBytes(n).toString('hex');
const ask = (agent, port, path, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    http.request({ host: '127.0.0.1', port, path, agent, method, headers }, (res) => {
      res.resume();
      res.on('end', resolve);
    }).on('error', reject).end(body);
  });

/* @list, so many at a time. */
async function together(port, list, connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });

  await Promise.all(list.map(([path, how]) => ask(agent, port, path, how)));
  agent.destroy();
}

/* Requests ---------------------------------------------------------------------------------- */

const wall = (run, ns) => BigInt(ns) + BigInt(run.header.wall_offset_ns);
const near = (text, ns) => (BigInt(text) > ns ? BigInt(text) - ns : ns - BigInt(text)) <= 1000n;
const nameOf = (r) => (r.route.startsWith('/') ? `${r.method} ${r.route}` : r.method);
const keyOf = (pid, env, conn, seq) => `${pid}/${env}/${conn}/${seq}`;
const spanKey = (s) => keyOf(s.resource['process.pid'], s.attrs['loopray.env'] ?? 'unknown',
  s.attrs['loopray.request.conn'], s.attrs['loopray.request.seq']);

/* A span for each request of the JSON lines, and the same said of both. */
function requestsWrong(run, servers) {
  const byKey = new Map(servers.map((s) => [spanKey(s), s]));
  const wrong = byKey.size === servers.length ? [] : ['two spans of one request'];

  for (const r of run.requests) {
    const s = byKey.get(keyOf(r.pid, r.env, r.conn, r.seq));
    const said = s && { name: s.name, path: s.attrs['url.path'], status: s.attrs['http.response.status_code'],
      outcome: s.attrs['loopray.request.outcome'], events: s.events.length,
      state: s.attrs['loopray.context.state'], peer: s.attrs['network.peer.port'] };
    const is = { name: nameOf(r), path: r.path, status: r.status, outcome: r.outcome,
      events: r.findings.length, state: r.context, peer: r.peer_port };
    if (JSON.stringify(said) !== JSON.stringify(is))
      wrong.push(`${JSON.stringify(said)} of ${JSON.stringify(is)}`);
    /* JSON.parse has rounded the JSON lines' clock to a double. */
    else if (!near(s.startTimeUnixNano, wall(run, r.start_ns)))
      wrong.push(`begins at ${s.startTimeUnixNano}, not ${wall(run, r.start_ns)}`);
    else if ((s.status.code === ERROR) !== (r.status >= 500 || r.outcome === 'aborted_by_server'))
      wrong.push(`status ${JSON.stringify(s.status)} of ${r.status}`);
  }
  return wrong;
}

function lacking(spans, names, pick = (s) => s.attrs) {
  const found = new Set(spans.flatMap((s) => names.filter((n) => pick(s)[n] === undefined)
    .map((n) => `${n} in ${s.name}`)));
  return [...found, ...(spans.length ? [] : [`no span to have ${names[0]}`])];
}

/* @upstream: it asked others, over HTTP and databases. */
function attributesWrong({ servers, clients }, upstream) {
  const isHttp = (s) => s.attrs['loopray.call.kind'] === 'http' && s.attrs['loopray.call.outcome'] === 'ok';
  const events = servers.flatMap((s) => s.events);
  const databases = clients.filter((s) => ['postgresql', 'mysql', 'redis'].includes(s.attrs['loopray.call.kind']));

  return [
    ...lacking([...servers, ...clients], RESOURCE, (s) => s.resource),
    ...lacking(servers, OF_SERVER),
    ...(events.length ? lacking(events, OF_EVENT) : []),
    ...(clients.length ? lacking(clients, OF_CLIENT) : []),
    ...(upstream ? [...lacking(clients.filter(isHttp), OF_HTTP), ...lacking(databases, ['db.system.name'])] : []),
    ...databases.filter((s) => s.attrs['db.system.name'] !== s.attrs['loopray.call.kind'])
      .map((s) => `${s.attrs['db.system.name']} of ${s.attrs['loopray.call.kind']}`),
  ];
}

/* Where spans stand ------------------------------------------------------------------------- */

function idsWrong({ all, servers, clients }) {
  const ids = new Set(all.map((s) => s.spanId));
  const at = new Map(servers.map((s) => [`${s.traceId}/${s.spanId}`, s]));
  const wrong = ids.size === all.length ? [] : [`${all.length - ids.size} span ids are not unique`];

  for (const c of clients) {
    const parent = at.get(`${c.traceId}/${c.parentSpanId}`);
    const link = c.links.map((l) => at.get(`${l.traceId}/${l.spanId}`)).find(Boolean);
    const owner = parent ?? link;
    const known = c.attrs['loopray.request.seq'] !== undefined;
    if (c.parentSpanId && !parent)
      wrong.push(`no span is the parent of ${c.name}`);
    if (known !== Boolean(owner) || (owner && spanKey(owner) !== spanKey(c)))
      wrong.push(`${c.name} is of ${spanKey(c)}, under ${owner && spanKey(owner)}`);
  }
  return wrong;
}

/* Each finding of which it is known whose context it was: a link to just that request's span. */
function linksWrong(run, { servers }) {
  const byKey = new Map(servers.map((s) => [spanKey(s), s]));
  const wrong = [];
  let links = 0;

  for (const r of run.requests) {
    const s = byKey.get(keyOf(r.pid, r.env, r.conn, r.seq));
    const want = r.findings.filter((f) => f.other?.seq)
      .map((f) => byKey.get(keyOf(r.pid, r.env, f.other.conn, f.other.seq)))
      .map((other) => (other ? `${other.traceId}/${other.spanId}` : 'none'));
    const have = s.links.map((l) => `${l.traceId}/${l.spanId}`);
    links += have.length;
    if (want.join() !== have.join() || s.droppedLinksCount)
      wrong.push(`${s.name}: links ${have}, not ${want}; dropped ${s.droppedLinksCount}`);
  }
  return { wrong, links };
}

/* Of what came in. @sent: trace id -> {parent, flags, state} of the requests that had it. */
function traceWrong({ servers }, sent) {
  const wrong = [];
  let seen = 0;

  for (const s of servers) {
    const is = sent.get(s.traceId);
    if (!is && s.parentSpanId)
      wrong.push(`${s.name} has a parent ${s.parentSpanId} that nobody sent`);
    if (!is)
      continue;
    seen++;
    if (s.parentSpanId !== is.parent || s.traceState !== is.state || s.flags !== (0x300 | is.flags))
      wrong.push(`${s.parentSpanId} ${s.traceState} ${s.flags}, not ${JSON.stringify(is)}`);
  }
  return [...wrong, ...(seen === sent.size ? [] : [`${seen} of ${sent.size} traces`])];
}

/* DuckDB ------------------------------------------------------------------------------------ */

const ATTRS = 'STRUCT("key" VARCHAR, "value" STRUCT(stringValue VARCHAR, intValue BIGINT, boolValue BOOLEAN))[]';
const SPANS = `STRUCT(resource STRUCT(attributes ${ATTRS}), scopeSpans STRUCT(spans STRUCT(
  traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, "name" VARCHAR, kind INTEGER,
  startTimeUnixNano BIGINT, endTimeUnixNano BIGINT, attributes ${ATTRS},
  events STRUCT("name" VARCHAR)[], links STRUCT(spanId VARCHAR)[], status STRUCT(code INTEGER))[])[])[]`;

const attr = (name, kind) => `list_filter(attributes, a -> a."key" = ${quoted(name)})[1]."value".${kind}`;

const sum = (list, of) => list.reduce((n, x) => n + of(x), 0);

/* Waits are told for the requests in which they are known, and those of 0 are left out. */
const WAITS = ['queue', 'cpu', 'loop', 'call', 'timer', 'other'];

async function sums(file, run) {
  const db = await openDuckdb();

  await db.query(`CREATE TABLE spans AS SELECT unnest(s.spans) AS one FROM (
    SELECT unnest(r.scopeSpans) AS s FROM (SELECT unnest(resourceSpans) AS r FROM
    read_json(${quoted(file)}, format = 'newline_delimited', columns = {resourceSpans: ${quoted(SPANS)}})))`);
  await db.query('CREATE VIEW s AS SELECT one.* FROM spans');
  const got = await db.one(`SELECT count(*) FILTER (kind = ${SERVER}) AS requests,
    count(*) FILTER (kind = ${CLIENT}) AS calls,
    sum(endTimeUnixNano - startTimeUnixNano) FILTER (kind = ${SERVER} AND
      ${attr('loopray.request.outcome', 'stringValue')} = 'complete')::BIGINT AS ns,
    coalesce(sum(len(events)), 0)::BIGINT AS findings,
    count(*) FILTER (status.code = ${ERROR} AND kind = ${SERVER}) AS failed,
    sum(${attr('http.request.size', 'intValue')}) FILTER (kind = ${SERVER})::BIGINT AS bytes_in,
    ${WAITS.map((w) => `coalesce(sum(${attr(`loopray.wait.${w}_ns`, 'intValue')}), 0)::BIGINT AS ${w}`)} FROM s`);
  db.close();
  const want = { requests: run.requests.length, calls: callsOf(run).length,
    ns: sum(run.requests.filter((r) => r.outcome === 'complete'), (r) => r.duration_ns),
    findings: sum(run.requests, (r) => r.findings.length),
    failed: run.requests.filter((r) => r.status >= 500).length,
    bytes_in: sum(run.requests, (r) => r.bytes_in),
    ...Object.fromEntries(WAITS.map((w) => [w, sum(run.requests, (r) => r.waits_ns?.[w] ?? 0)])) };
  return { wrong: Object.keys(want).filter((k) => got[k] !== want[k])
    .map((k) => `${k}: ${got[k]}, not ${want[k]}`), got };
}

const callsOf = (run) => [...run.requests.flatMap((r) => r.calls), ...run.calls];

/* Metrics ----------------------------------------------------------------------------------- */

function histogramWrong(m) {
  return m.points.flatMap((p) => [
    ...(p.bucketCounts.length === p.explicitBounds.length + 1 ? [] : ['buckets']),
    ...(sum(p.bucketCounts, Number) === Number(p.count) ? [] : [`${m.name}: buckets are not the count`]),
    ...(p.sum >= p.max && p.min <= p.max && p.max > 0 ? [] : [`${m.name}: ${p.sum} ${p.min} ${p.max}`]),
  ]);
}

function close(what, got, want) {
  return Math.abs(got - want) <= Math.abs(want) * 1e-5 ? [] : [`${what}: ${got}, not ${want}`];
}

/* Count and sum of a histogram, against what was measured. */
function totalWrong(metrics, name, list) {
  const points = metrics.filter((m) => m.name === name).flatMap((m) => m.points);

  return [...close(`${name} count`, sum(points, (p) => Number(p.count)), list.length),
    ...close(`${name} sum`, sum(points, (p) => p.sum), sum(list, (x) => x.duration_ns) / 1e9)];
}

const DATABASES = ['postgresql', 'mysql', 'redis'];

async function metrics(variant, title, run) {
  const { lines, wrong } = await decoded(await exportTo('otlp-metrics', run.file), 'MetricsData');
  const found = metricsOf(lines);
  const one = (name) => found.filter((m) => m.name === name).flatMap((m) => m.points);
  const measured = run.requests.filter((r) => MEASURED.has(r.outcome) && !r.incomplete_because.length);
  const calls = callsOf(run).filter((c) => c.duration_ns !== null && !c.setup && !['open', 'lost'].includes(c.outcome));
  const loop = run.report.loops[0];

  verdict(variant.name, `${title}: metrics decoded`, wrong, `${found.length} metrics`);
  verdict(variant.name, `${title}: metrics`, [
    ...found.filter((m) => m.kind === 'histogram').flatMap(histogramWrong),
    ...totalWrong(found, 'http.server.request.duration', measured),
    ...totalWrong(found, 'http.client.request.duration', calls.filter((c) => c.kind === 'http' && c.method)),
    ...totalWrong(found, 'db.client.operation.duration', calls.filter((c) => DATABASES.includes(c.kind))),
    ...close('unmeasured', sum(one('loopray.request.unmeasured'), (p) => Number(p.asInt)),
      run.requests.length - measured.length),
    ...close('lost', sum(one('loopray.records.lost'), (p) => Number(p.asInt)), run.summary.loss.total),
    ...close('utilization', one('nodejs.eventloop.utilization')[0]?.asDouble, loop?.utilisation),
    ...['min', 'mean', 'p50', 'p99', 'max'].filter((q) => loop.lag_ms[q] !== undefined).flatMap((q) =>
      close(`delay ${q}`, one(`nodejs.eventloop.delay.${q}`)[0]?.asDouble, loop.lag_ms[q] / 1e3)),
    ...(one('nodejs.eventloop.time').length >= 2 ? [] : ['no time of the loop']),
    ...(one('v8js.gc.duration').every((p) => ['major', 'minor'].includes(p.attrs['v8js.gc.type'])) ? [] : ['gc']),
  ], `${measured.length} requests, ${calls.length} calls, ${one('v8js.gc.duration').length} kinds of gc`);
}

/* Services ---------------------------------------------------------------------------------- */

async function checks(variant, title, run, sent, upstream = false) {
  const file = await exportTo('otlp', run.file);
  const again = await exportTo('otlp', run.file);
  const { lines, wrong } = await decoded(file, 'TracesData');
  const all = spansOf(lines);
  const of = { all, servers: all.filter((s) => s.kind === SERVER), clients: all.filter((s) => s.kind === CLIENT) };
  const { wrong: links, links: count } = linksWrong(run, of);
  const { wrong: differ } = await sums(file, run);

  verdict(variant.name, `${title}: decoded`, wrong, `${all.length} spans in ${lines.length} lines`);
  verdict(variant.name, `${title}: requests`, requestsWrong(run, of.servers), `${of.servers.length} requests`);
  verdict(variant.name, `${title}: attributes`, attributesWrong(of, upstream), `${of.clients.length} calls`);
  verdict(variant.name, `${title}: parents`, idsWrong(of));
  verdict(variant.name, `${title}: links`, links, `${count} links`);
  verdict(variant.name, `${title}: trace context`, traceWrong(of, sent), `${sent.size} traces came in`);
  verdict(variant.name, `${title}: DuckDB`, differ);
  verdict(variant.name, `${title}: stable`, fs.readFileSync(file).equals(fs.readFileSync(again)) ? [] :
    ['two exports differ']);
  await metrics(variant, title, run);
  return { ...of, count };
}

/* Every other request comes with a trace; all are answered under each other's contexts. */
async function payments(variant) {
  const sent = new Map();
  const one = (i) => {
    const [trace, parent, flags] = [hex(16), hex(8), i % 4 ? 1 : 0];
    const headers = { 'content-type': 'application/json', 'x-request-id': hex(8) };
    if (i % 2 === 0) {
      sent.set(trace, { parent, flags, state: 'vendor=1,other=a' });
      Object.assign(headers, { traceparent: `00-${trace}-${parent}-0${flags}`, tracestate: 'vendor=1,other=a' });
    }
    return ['/process-payment', { method: 'POST', headers, body: `{"amount": ${i + 1}}` }];
  };
  const run = await observePayments(variant, 'broken', async (where) => {
    const port = Number(where.split(':')[1]);
    await together(port, Array.from({ length: 300 }, (_, i) => one(i)), 30);
    await together(port, Array.from({ length: 60 }, (_, i) => [`/users/${i}/payments`, {}]), 5);
  });
  const { count } = await checks(variant, 'payments', run, sent);

  verdict(variant.name, 'payments: tested', count > 100 && sent.size === 150 ? [] :
    [`${count} links, ${sent.size} traces`]);
  await service(variant, run);
}

async function namesIn(run, env) {
  const { lines } = await decoded(await exportTo('otlp', run.file, [], env), 'TracesData');

  return [...new Set(spansOf(lines).map((s) => s.resource['service.name']))].join();
}

/* By its script, as it has no package.json, unless the exporter says otherwise. */
async function service(variant, run) {
  const names = [await namesIn(run, {}), await namesIn(run, { OTEL_SERVICE_NAME: 'shop "1"' })];

  verdict(variant.name, 'payments: service', names.join() === 'payment,shop "1"' ? [] : names);
}

const many = (n, path) => Array.from({ length: n }, (_, i) => [`${path}${i}`, {}]);

async function calls(variant, { upstream, secure }) {
  const sent = new Map([['0af7651916cd43dd8448eb211c80319c', { parent: HANDED_ON, flags: 1 }]]);
  let file;
  const run = await observe(variant, 'calls.js', {
    args: [LR_MODULES, String(upstream), 'als', String(secure)], first: 'warm', settle_ms: 300,
    env: { OTEL_SERVICE_NAME: 'calls-of-all-kinds' },
    also: (name) => { file = name; },
    drive: async ({ ready: { port } }) => {
      await together(port, many(40, '/each/keep/e'), 10);
      await together(port, many(10, '/three/tls/s'), 5);
      await together(port, many(10, '/late/keep/l'), 5);
      await together(port, many(5, '/wrong/w'), 1);
      await together(port, many(5, '/refused/r'), 1);
      await together(port, many(20, '/begun/b'), 5);
      await together(port, [['/trace/x', { headers: { traceparent: `00-0af7651916cd43dd8448eb211c80319c-${HANDED_ON}-01` } }]], 1);
    },
  });
  const of = await checks(variant, 'calls', { ...run, file }, sent, true);

  begun(variant, run, of);
  const names = await namesIn({ file }, {});
  verdict(variant.name, 'calls: service', names === 'calls-of-all-kinds' ? [] : [names]);
}

/* Calls have the ids that they carry, and their request joins the trace that it has begun. */
function begun(variant, run, { servers, clients }) {
  const { pairs } = join(run.requests, run.truth.log, run.since);
  const wrong = [];
  let adopted = 0;

  for (const { req, entry } of pairs.filter((p) => p.entry.traces)) {
    const span = servers.find((s) => s.attrs['loopray.request.seq'] === req.seq);
    for (const sent of entry.traces) {
      const [, trace, id] = sent.split('-');
      const client = clients.find((c) => c.spanId === id);
      adopted += client?.traceId === trace && client.parentSpanId === span.spanId && span.traceId === trace;
      if (client && client.traceId !== trace)
        wrong.push(`${client.traceId} is not ${trace}`);
    }
  }
  if (adopted < 36) /* of 40: whose a call is may be unknown */
    wrong.push(`only ${adopted} calls are in their trace`);
  if (clients.some((c) => c.spanId === HANDED_ON))
    wrong.push('what was handed on is taken for a span');
  const traced = clients.filter((c) => c.traceId === '0af7651916cd43dd8448eb211c80319c');
  if (traced.length !== 1)
    wrong.push(`${traced.length} calls of the trace that was handed on`);
  verdict(variant.name, 'calls: traces begun inside', wrong, `${adopted} of 40 calls adopted`);
}

/*
 * Two processes, one of which calls the other: what that answers is the call's child, in the trace that
 * was begun by the first, and each process is a resource of its own.
 */
async function both(variant, { upstream, secure }) {
  const start = (name, port) => startService(variant, 'calls.js',
    [LR_MODULES, String(port), 'als', String(secure)], { env: { OTEL_SERVICE_NAME: name } });
  const back = await start('back', upstream);
  const front = await start('front', back.ready.port);
  const wrong = [];

  await ask(undefined, front.ready.port, '/warm/w');
  const agent = await record([front.pid, back.pid]);
  await together(front.ready.port, many(20, '/begun/b'), 5);
  await sleep(200);
  const end = await agent.stop();
  await Promise.all([front.kill(), back.kill()]);

  const { lines, wrong: refused } = await decoded(await exportTo('otlp', agent.file), 'TracesData');
  const spans = spansOf(lines);
  const of = (kind, name) => spans.filter((s) => s.kind === kind && s.resource['service.name'] === name);
  const at = (list) => new Map(list.map((s) => [`${s.traceId}/${s.spanId}`, s]));
  const [calling, asked] = [at(of(CLIENT, 'front')), at(of(SERVER, 'front'))];
  const answered = of(SERVER, 'back');
  const parents = answered.map((s) => calling.get(`${s.traceId}/${s.parentSpanId}`));
  const roots = parents.filter((c) => asked.has(`${c?.traceId}/${c?.parentSpanId}`));

  if (end.status !== 0 || answered.length !== 40 || parents.some((c) => !c))
    wrong.push(`status ${end.status}: ${parents.filter(Boolean).length} of ${answered.length} under their calls`);
  if (roots.length < 20) /* whose the first calls are is unknown: nothing is known of the route yet */
    wrong.push(`only ${roots.length} calls under their requests`);
  verdict(variant.name, 'both sides: traces', [...refused, ...wrong], `${roots.length} of 40 through both`);
}

for (const variant of variants(['24.']).filter((v) => v.flags.length === 0)) {
  if (selected('payments'))
    await part(variant.name, 'payments: decoded', () => payments(variant));
}
if (selected('calls'))
  await part('peers', 'started', async () => {
    const with_ = await peers();

    for (const variant of variants(['22.']).filter((v) => v.flags.length === 0)) {
      await part(variant.name, 'calls: decoded', () => calls(variant, with_));
      await part(variant.name, 'both sides: traces', () => both(variant, with_));
    }
    await with_.stop();
  });
finish('otlp');
