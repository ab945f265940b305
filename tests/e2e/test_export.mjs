// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each export format is read by a program that is not ours, and holds what the JSON lines hold:
// Perfetto and Chrome traces by Perfetto's own trace processor, CSV by DuckDB. A cut-off file gives
// what is whole in it; an interrupted export leaves nothing.
//
// test-timeout: 180
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { spawn } from 'node:child_process';

import { openDuckdb, quoted } from './lib/duckdb.mjs';
import { BUILD, LOOPRAY, nodes, selected } from './lib/env.mjs';
import { Agent, jsonLines, loopray, record, reported, run, sleep, startService, tmpFile, track,
  within } from './lib/proc.mjs';
import { Raw } from './lib/raw.mjs';
import { finish, ok, part, verdict } from './lib/report.mjs';
import { spread } from './lib/spread.mjs';
import { openTrace } from './lib/trace_processor.mjs';

const ROUTES = ['call', 'file', 'pump', 'parts', 'users/17', 'garbage', 'pump', 'other'];
const REQUESTS = 480;
const CONNECTIONS = 24;
const BLOCKING = 3;
const ODD_PATH = '/say"so",and;more';

const of = (lines, type) => lines.filter((l) => l.type === type);
const sum = (list, key) => list.reduce((n, x) => n + x[key], 0);

async function exported(format, from, args = [], name = `out.${format}`) {
  const file = tmpFile(name);
  const end = await loopray(['export', '--format', format, ...args, from, '-o', file]);

  if (end.status !== 0)
    throw new Error(`export --format ${format}: ${end.status} ${end.stderr}`);
  return file;
}

async function drive({ port, other }) {
  const raw = await Raw.open({ host: '127.0.0.1', port });
  await raw.exchange(`GET ${ODD_PATH} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await raw.end();
  /* Alone, each is answered under its own store, which shows that the route has one. */
  await spread(port, 1, 12, () => ({ path: '/pump' }));
  await spread(port, CONNECTIONS, REQUESTS, (i) => ({ path: `/${ROUTES[i % ROUTES.length]}` }));
  await spread(port, 4, BLOCKING * 4, (i) => ({ path: i % 4 ? '/other' : '/block' }));
  await spread(other, 4, 20, () => ({ path: '/worker' }));
  const open = await Raw.open({ host: '127.0.0.1', port });
  await open.write('GET /open HTTP/1.1\r\nHost: a\r\n\r\n');
  await sleep(1200); /* a sample of the loop more */
}

/* One capture for all that follows: {file, lines, open} of it, and all of its JSON lines. */
async function capture(node) {
  const service = await startService(node, 'trace.js');
  let agent;
  let end;

  try {
    agent = await record([service.pid], ['--level', 'resources']);
    await drive(service.ready);
    end = await agent.stop();
  } finally {
    await service.kill();
  }
  const lines = jsonLines(await exported('jsonl', agent.file));
  const wrong = end.status === 0 && of(lines, 'summary')[0].loss.total === 0 ? [] : [end.stderr];
  verdict(node.name, 'capture: whole', wrong, `${of(lines, 'request').length} requests`);
  return { file: agent.file, lines, requests: of(lines, 'request'), pid: service.pid,
    calls: [...of(lines, 'request').flatMap((r) => r.calls), ...of(lines, 'call')] };
}

/* What differs between two lists of numbers or texts, whatever their order. */
function differences(what, got, want) {
  const rest = new Map();

  for (const key of want)
    rest.set(key, (rest.get(key) ?? 0) + 1);
  for (const key of got)
    rest.set(key, (rest.get(key) ?? 0) - 1);
  return [...rest].filter(([, n]) => n).map(([key, n]) =>
    `${what} ${key}: ${n > 0 ? 'missing' : 'too many'}`)
    .concat(want.length ? [] : [`${what}: nothing to compare`]);
}

/* A reader of durations says -1 where there is no end. */
const duration = (from, to) => (to ? to - from : -1);

const ARGS = (keys) => keys.map((k) =>
  `EXTRACT_ARG(arg_set_id, 'debug.${k}') AS ${k.replace(/\W/g, '_')}`).join(', ');

async function perfettoRequests(name, trace, { requests }) {
  const keys = ['env', 'seq', 'path', 'status', 'outcome', 'bytes_out', 'waits_ns.loop', 'breakdown_ns.cpu'];
  const rows = await trace.query(
    `SELECT ts, dur, name, ${ARGS(keys)} FROM slice WHERE category = 'request'`);

  verdict(name, 'perfetto: requests', differences('request',
    rows.map((r) => [r.env, r.seq, r.ts, r.dur, r.name, r.path, r.status, r.outcome, r.bytes_out,
      r.waits_ns_loop ?? 0, r.breakdown_ns_cpu].join()),
    requests.map((r) => [r.env, r.seq, r.start_ns, duration(r.start_ns, r.end_ns),
      `${r.method} ${r.route}`, r.path, r.status, r.outcome, r.bytes_out, r.waits_ns?.loop ?? 0,
      r.breakdown_ns.cpu].join())), `${rows.length} slices`);

  const parts = await trace.query(`SELECT s.name, s.ts, s.dur, EXTRACT_ARG(p.arg_set_id, 'debug.seq')
    AS seq, EXTRACT_ARG(p.arg_set_id, 'debug.env') AS env FROM slice s LEFT JOIN slice p ON
    s.parent_id = p.id WHERE s.category = 'part' AND (p.category = 'request' OR p.id IS NULL)`);
  verdict(name, 'perfetto: parts', differences('part',
    parts.map((s) => [s.env, s.seq, s.name, s.ts, s.dur].join()),
    requests.flatMap((r) => {
      const at = [r.env, r.seq];
      const to = r.first_byte_ns || r.end_ns;
      return [
        r.recv_ns > r.start_ns && [...at, 'queue', r.start_ns, r.recv_ns - r.start_ns],
        [...at, 'handling', r.recv_ns, duration(r.recv_ns, to)],
        r.first_byte_ns && [...at, 'first byte', r.first_byte_ns, 0],
        r.first_byte_ns && r.end_ns !== r.first_byte_ns &&
          [...at, 'sending', r.first_byte_ns, duration(r.first_byte_ns, r.end_ns)],
      ].filter(Boolean).map(String);
    })), `${parts.length} slices`);
}

/* A slice and its request: its track lies under that one's. */
const UNDER = `LEFT JOIN track t ON s.track_id = t.id LEFT JOIN track p ON t.parent_id = p.id`;

const underName = (r, seq) => `request ${seq}${r ? ` (worker ${r})` : ''}`;

async function perfettoChildren(name, trace, { lines, requests, calls }) {
  const known = [...requests.flatMap((r) => r.calls.map((c) => [r.env, r.seq, c])),
    ...of(lines, 'call').map((c) => [c.env, c.request_seq, c])];
  const rows = await trace.query(`SELECT s.ts, s.dur, p.name AS parent, ${ARGS(['kind', 'peer_port',
    'status', 'path'])} FROM slice s ${UNDER} WHERE s.category = 'call'`);
  verdict(name, 'perfetto: calls', differences('call',
    rows.map((r) => [r.ts, r.dur, r.parent, r.kind, r.peer_port, r.status, r.path].join()),
    known.map(([env, seq, c]) => [c.start_ns, duration(c.start_ns, c.end_ns),
      seq === null ? 'calls of no known request' : underName(env, seq), c.kind, c.peer_port,
      c.status, c.path].join())), `${rows.length} of ${calls.length}`);

  const jobs = await trace.query(`SELECT s.ts, s.dur, s.name, p.name AS parent FROM slice s ${UNDER}
    WHERE s.category = 'job'`);
  verdict(name, 'perfetto: jobs', differences('job',
    jobs.map((j) => [j.ts, j.dur, j.name, j.parent].join()),
    of(lines, 'job').filter((j) => j.submit_ns).map((j) => [j.submit_ns,
      j.callback_ns - j.submit_ns, `${j.kind} job`, j.request_seq === null ?
        'jobs of no known request' : underName(j.env, j.request_seq)].join())), `${jobs.length}`);
}

async function perfettoFindings(name, trace, { requests }) {
  const rows = await trace.query(`SELECT s.ts, ${['kind', 'grade', 'other.seq'].map((k) =>
    `EXTRACT_ARG(s.arg_set_id, 'debug.${k}') AS ${k.replace(/\W/g, '_')}`)},
    EXTRACT_ARG(p.arg_set_id, 'debug.seq') AS seq FROM slice s
    LEFT JOIN slice p ON s.track_id = p.track_id AND p.category = 'request' AND s.depth > p.depth
    WHERE s.name GLOB '* context'`);
  const want = requests.flatMap((r) => r.findings.map((f) => [r.seq, f]));

  verdict(name, 'perfetto: findings', [
    ...differences('finding', rows.map((r) => [r.seq, r.ts, r.kind, r.grade, r.other_seq].join()),
      want.map(([seq, f]) => [seq, f.head_ns, f.kind, f.grade, f.other?.seq].join())),
    ...(want.some(([, f]) => f.kind === 'foreign') ? [] : ['none is foreign']),
  ], `${rows.length}`);

  /* Each with an arrow from the request whose store it was. */
  const arrows = await trace.query(`SELECT i.ts, EXTRACT_ARG(b.arg_set_id, 'debug.seq') AS other
    FROM flow f JOIN slice i ON f.slice_in = i.id JOIN slice o ON f.slice_out = o.id
    JOIN slice b ON b.track_id = o.track_id AND b.category = 'request' AND b.ts <= o.ts AND
    (b.dur < 0 OR b.ts + b.dur >= o.ts) WHERE i.category = 'finding'`);
  verdict(name, 'perfetto: arrows of findings', differences('arrow',
    arrows.map((a) => [a.ts, a.other].join()),
    want.filter(([, f]) => f.other?.seq).map(([, f]) => [f.head_ns, f.other.seq].join())),
  `${arrows.length}`);
}

async function perfettoResources(name, trace, { lines }) {
  const rows = await trace.query(`SELECT s.id, s.ts, s.dur, s.name, p.name AS parent,
    ${ARGS(['async_id', 'env', 'callbacks'])} FROM slice s ${UNDER}
    WHERE s.category = 'resource' AND s.name NOT IN ('callback', 'destroy')`);
  const want = of(lines, 'resource').filter((r) => r.init_ns);

  verdict(name, 'perfetto: resources', differences('resource',
    rows.map((r) => [r.ts, r.dur, r.name, r.parent, r.env, r.async_id, r.callbacks].join()),
    want.map((r) => [r.init_ns, duration(r.init_ns, r.destroy_ns), r.resource,
      r.request_seq === null ? 'resources of no known request' : underName(r.env, r.request_seq),
      r.env, r.async_id, r.callbacks].join())), `${rows.length}`);

  /* From where it was made along all of its callbacks to its destroy. */
  const arrows = await trace.query(`SELECT o.id AS slice, i.name,
    EXTRACT_ARG(i.arg_set_id, 'debug.async_id') AS id FROM flow f
    JOIN slice i ON f.slice_in = i.id JOIN slice o ON f.slice_out = o.id WHERE o.category = 'resource'
    AND o.name NOT IN ('callback', 'destroy')`);
  const first = new Map(arrows.map((a) => [a.slice, a]));
  verdict(name, 'perfetto: arrows of resources', rows.flatMap((r) => {
    const arrow = first.get(r.id);

    if (!r.callbacks && r.dur < 0)
      return arrow ? [`${r.name} ${r.async_id} has an arrow to ${arrow.name}`] : [];
    if (!arrow || arrow.id !== r.async_id || arrow.name !== (r.callbacks ? 'callback' : 'destroy'))
      return [`${r.name} ${r.async_id} with ${r.callbacks}: ${JSON.stringify(arrow)}`];
    return [];
  }).concat(first.size > 100 ? [] : [`only ${first.size}`]), `${first.size}`);
}

/* How many are in flight at @ts, by counting. */
const inFlight = (requests, env, ts) => requests.filter((r) => r.env === env &&
  r.start_ns <= ts && (r.end_ns > ts || r.outcome === 'in_flight')).length;

async function perfettoLoop(name, trace, { lines, requests }, report) {
  const counter = (of_, env) => trace.query(`SELECT ts, value FROM counter c JOIN counter_track t ON
    c.track_id = t.id WHERE t.name = '${of_}, ${env}' ORDER BY ts`);
  const flight = await counter('requests in flight', 'main');
  verdict(name, 'perfetto: in flight', flight.filter(({ ts, value }) =>
    inFlight(requests, 0, ts) !== value).map((v) => JSON.stringify(v))
    .concat(flight.length > 50 ? [] : [`${flight.length} values`]), `${flight.length} values`);

  const busy = await counter('loop utilisation', 'main');
  const loop = report.loops.find((l) => l.env === 0);
  const peak = Math.max(...busy.map((b) => b.value));
  verdict(name, 'perfetto: utilisation', Math.abs(peak - 100 * loop.peak) < 0.2 ? [] :
    [`peak ${peak}, in the report ${JSON.stringify(loop)}`], `peak ${peak.toFixed(1)}%`);

  const late = await counter('loop lag', 'main');
  const worst = Math.max(...late.map((l) => l.value));
  verdict(name, 'perfetto: lag', Math.abs(worst / 1e6 - loop.lag_ms.max) < 0.01 ? [] :
    [`${worst}, in the report ${JSON.stringify(loop.lag_ms)}`], `worst ${worst}`);

  const gc = await trace.one(`SELECT count(*) AS n, sum(s.dur) AS ns FROM slice s JOIN thread_track
    t ON s.track_id = t.id JOIN thread USING (utid) WHERE s.category = 'gc' AND thread.name = 'main'`);
  verdict(name, 'perfetto: collections', gc.n === loop.gc.count && gc.n > 0 &&
    Math.abs(gc.ns / 1e6 - loop.gc.ms) < 0.01 ? [] : [`${JSON.stringify([gc, loop.gc])}`], `${gc.n}`);

  const held = await trace.query(`SELECT s.ts, s.dur, s.name FROM slice s
    WHERE s.category = 'blocking'`);
  verdict(name, 'perfetto: loop held', differences('blocking',
    held.map((h) => [h.ts, h.dur].join()),
    of(lines, 'blocking').map((b) => [b.start_ns, b.duration_ns].join()))
    .concat(held.filter((h) => h.name.includes('/block')).length >= BLOCKING ? [] :
      ['less than there were']), `${held.length}`);
}

/* A time in nanoseconds and one that JSON.parse() has rounded. */
const near = (a, b) => Math.abs(Number(BigInt(a) - BigInt(b))) < 2000;

async function perfettoNames(name, trace, cap) {
  const process = await trace.one(`SELECT name FROM process WHERE pid = ${cap.pid}`);
  const threads = await trace.query(`SELECT thread.name FROM thread JOIN process USING (upid)
    WHERE pid = ${cap.pid} ORDER BY 1`);
  const clocks = await trace.query('SELECT clock_name, clock_value FROM clock_snapshot ORDER BY 1');
  const header = of(cap.lines, 'header')[0];
  const summary = await trace.one(`SELECT ${ARGS(['requests', 'loss.total'])} FROM slice
    WHERE name = 'summary'`);

  verdict(name, 'perfetto: names', [
    ...(process.name === `node ${header.targets[0].node}` ? [] : [process.name]),
    ...(threads.map((t) => t.name).join() === 'main,worker 1' ? [] : [JSON.stringify(threads)]),
    ...(clocks.map((c) => c.clock_name).join() === 'MONOTONIC,REALTIME' ? [] :
      [JSON.stringify(clocks)]),
    ...(near(BigInt(clocks[1].clock_value) - BigInt(clocks[0].clock_value), header.wall_offset_ns) ?
      [] : ['the clocks are apart by something else']),
    ...(summary.requests === cap.requests.length && summary.loss_total === 0 ? [] :
      [JSON.stringify(summary)]),
  ], process.name);
}

async function perfetto(name, cap) {
  const file = await exported('perfetto', cap.file);
  const trace = await openTrace(file);

  verdict(name, 'perfetto: no import error', await trace.problems(), `${fs.statSync(file).size} B`);
  await perfettoNames(name, trace, cap);
  await perfettoRequests(name, trace, cap);
  await perfettoChildren(name, trace, cap);
  await perfettoFindings(name, trace, cap);
  await perfettoResources(name, trace, cap);
  await perfettoLoop(name, trace, cap, await reported(cap.file));
}

async function generated(requests) {
  const file = tmpFile('made.lray');
  const made = await run(path.join(BUILD, 'tools', 'gencapture'), [String(requests), file]);

  if (made.status !== 0)
    throw new Error(`gencapture: ${made.stderr}`);
  return file;
}

/* What is left of an export that was killed when it had half of its capture. */
async function killed(capture) {
  const data = fs.readFileSync(capture);
  const file = tmpFile('killed.pftrace.gz');
  const child = track(spawn(LOOPRAY, ['export', '--format', 'perfetto', '-', '-o', file],
    { stdio: ['pipe', 'ignore', 'pipe'] }));
  const left = `${file}.tmp`;

  child.stdin.on('error', () => {});
  child.stdin.write(data.subarray(0, Math.floor(data.length / 2)));
  for (let i = 0; i < 200 && !(fs.existsSync(left) && fs.statSync(left).size); i++)
    await sleep(20);
  await sleep(300);
  child.kill('SIGKILL');
  await child.closed;
  return left;
}

const most = (data) => data.subarray(0, Math.floor(data.length * 0.6));
const slices = async (file) => (await (await openTrace(file)).one('SELECT count(*) AS n FROM slice')).n;

function written(data, ending) {
  const to = tmpFile(ending);

  fs.writeFileSync(to, data);
  return to;
}

/* A part of a trace loads, and has what is whole in it. */
async function cutOff(name) {
  const made = await generated(9000);
  const file = await exported('perfetto', made);
  const raw = fs.readFileSync(file);
  const left = await killed(made);
  const bytes = fs.readFileSync(left);
  const torn = written(bytes.subarray(0, bytes.length - 100), 'torn.gz');
  const unpacked = await run('sh', ['-c', `gzip -dc < ${torn} > ${torn}.pftrace`]);
  const whole = await slices(file);
  const counts = { raw: await slices(written(most(raw), 'cut.pftrace')),
    'gzip, killed': await slices(left), 'gzip, torn and unpacked': await slices(`${torn}.pftrace`) };

  for (const [what, n] of Object.entries(counts))
    verdict(name, `cut off: ${what}`, n > whole / 10 && n < whole ? [] : [`${n} of ${whole}`],
      `${n} of ${whole}`);
  verdict(name, 'cut off: gzip says so', /unexpected end/.test(unpacked.stderr) ? [] :
    [unpacked.stderr]);
  const single = await slices(written(most(zlib.gzipSync(raw)), 'single.gz')).catch(() => 0);
  verdict(name, 'cut off: one member is refused, so this tests something',
    single === 0 ? [] : [`${single}`]);

  /* And a trace without its first packet, which relates the clocks, is found fault with. */
  const first = raw[1] + 2;
  const to = tmpFile('clockless.pftrace');
  fs.writeFileSync(to, raw.subarray(first));
  const found = await (await openTrace(to)).problems();
  verdict(name, 'cut off: no clocks is an import error', found.length ? [] : ['nothing is said'],
    found.join());
}

async function chrome(name, cap) {
  const file = await exported('chrome', cap.file);
  const { traceEvents, otherData } = JSON.parse(fs.readFileSync(file, 'utf8'));
  const trace = await openTrace(file);
  const rows = await trace.query(`SELECT ts, dur, name, EXTRACT_ARG(arg_set_id, 'args.env') AS env,
    EXTRACT_ARG(arg_set_id, 'args.seq') AS seq, EXTRACT_ARG(arg_set_id, 'args.path') AS path
    FROM slice WHERE category = 'request' AND depth = 0`);
  const count = async (category) => (await trace.one(
    `SELECT count(*) AS n FROM slice WHERE category = '${category}'`)).n;

  verdict(name, 'chrome: no import error', await trace.problems(), `${traceEvents.length} events`);
  verdict(name, 'chrome: requests', differences('request',
    rows.map((r) => [r.env, r.seq, r.ts, r.dur, r.name, r.path].join()),
    cap.requests.map((r) => [r.env, r.seq, r.start_ns, duration(r.start_ns, r.end_ns),
      `${r.method} ${r.route}`, r.path].join())), `${rows.length}`);
  const counts = [
    ['call', cap.calls.length], ['job', of(cap.lines, 'job').filter((j) => j.submit_ns).length],
    ['resource', of(cap.lines, 'resource').filter((r) => r.init_ns).length],
    ['blocking', of(cap.lines, 'blocking').length]];
  const wrong = [];
  for (const [category, n] of counts) {
    if (await count(category) !== n || n === 0)
      wrong.push(`${category}: ${await count(category)} of ${n}`);
  }
  const found = traceEvents.filter((e) => e.ph === 'n').length;
  if (found !== cap.requests.reduce((n, r) => n + r.findings.length, 0))
    wrong.push(`findings: ${found}`);
  if (otherData.requests !== cap.requests.length)
    wrong.push(JSON.stringify(otherData));
  verdict(name, 'chrome: the others', wrong, counts.map((c) => c.join(' ')).join(', '));
  const thread = await trace.one("SELECT count(*) AS n FROM thread WHERE name IN ('main', 'worker 1')");
  verdict(name, 'chrome: names', thread.n === 2 ? [] : [`${thread.n} threads`]);
}

async function csv(name, cap) {
  const file = await exported('csv', cap.file);
  const lines = await exported('jsonl', cap.file);
  const db = await openDuckdb();
  const from = `read_csv(${quoted(file)}, header = true, sample_size = -1)`;
  const sums = (columns, source, where = '') => db.one(`SELECT count(*) AS requests, ${columns} FROM
    ${source} ${where}`);

  try {
    const a = await sums(`sum(duration_ns)::DOUBLE AS duration, sum(bytes_out)::DOUBLE AS bytes,
      sum("foreign")::DOUBLE AS findings, sum(calls)::DOUBLE AS calls, sum(cpu_ns)::DOUBLE AS cpu,
      sum(waits_call_ns)::DOUBLE AS waited, count(DISTINCT path) AS paths, sum(seq)::DOUBLE AS seq,
      count(end_ns) AS ended, sum((outcome = 'complete')::INT)::DOUBLE AS complete`, from);
    const b = await sums(`sum(duration_ns)::DOUBLE AS duration, sum(bytes_out)::DOUBLE AS bytes,
      sum(len(list_filter(findings, f -> f.kind = 'foreign')))::DOUBLE AS findings,
      sum(json_array_length(calls::JSON))::DOUBLE AS calls, sum(breakdown_ns.cpu)::DOUBLE AS cpu,
      sum(waits_ns.call)::DOUBLE AS waited, count(DISTINCT path) AS paths, sum(seq)::DOUBLE AS seq,
      sum((end_ns > 0)::INT)::DOUBLE AS ended, sum((outcome = 'complete')::INT)::DOUBLE AS complete`,
    `read_json(${quoted(lines)}, format = 'newline_delimited', sample_size = -1)`,
    "WHERE type = 'request'");
    verdict(name, 'csv: sums', Object.keys(b).filter((k) => a[k] !== b[k])
      .map((k) => `${k}: ${a[k]}, not ${b[k]}`).concat(b.requests > REQUESTS && b.findings > 0 &&
        b.calls > 0 && b.waited > 0 ? [] : [JSON.stringify(b)]), JSON.stringify(b));
    const odd = await db.query(`SELECT path, epoch_ns(start_time::TIMESTAMP)::VARCHAR AS wall,
      start_ns::VARCHAR AS mono FROM ${from} WHERE path = ${quoted(ODD_PATH)}`);
    verdict(name, 'csv: quotes and times', odd.length === 1 &&
      near(BigInt(odd[0].wall) - BigInt(odd[0].mono), of(cap.lines, 'header')[0].wall_offset_ns) ? [] :
      [JSON.stringify(odd)], odd[0]?.path);
  } finally {
    db.close();
  }
}

async function gzip(name, cap) {
  for (const format of ['jsonl', 'perfetto', 'chrome', 'csv']) {
    const plain = fs.readFileSync(await exported(format, cap.file));
    const named = fs.readFileSync(await exported(format, cap.file, [], 'out.gz'));
    const asked = fs.readFileSync(await exported(format, cap.file, ['--gzip']));
    const piped = await new Promise((resolve, reject) => {
      const child = track(spawn(LOOPRAY, ['export', '--format', format, '--gzip', cap.file]));
      const data = [];

      child.stdout.on('data', (d) => data.push(d));
      child.closed.then(() => resolve(Buffer.concat(data)), reject);
    });
    const same = (data) => zlib.gunzipSync(data).equals(plain);

    verdict(name, `gzip: ${format}`, [...(same(named) ? [] : ['a name in .gz']),
      ...(same(asked) ? [] : ['--gzip']), ...(same(piped) ? [] : ['standard output'])],
    `${plain.length} to ${named.length} B`);
  }
}

/* While it waits for the rest of a capture that comes through a pipe. */
async function interrupted(name, cap) {
  const data = fs.readFileSync(cap.file);

  for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    for (const ending of ['pftrace', 'csv.gz']) {
      const file = tmpFile(`cut.${ending}`);
      const child = track(spawn(LOOPRAY, ['export', '--format', ending === 'pftrace' ? 'perfetto' :
        'csv', '-', '-o', file], { stdio: ['pipe', 'ignore', 'pipe'] }));

      child.stdin.on('error', () => {});
      child.stdin.write(data.subarray(0, Math.floor(data.length * 0.7)));
      for (let i = 0; i < 200 && !fs.existsSync(`${file}.tmp`); i++)
        await sleep(20);
      const began = fs.existsSync(`${file}.tmp`);
      await sleep(50);
      child.kill(signal);
      const end = await within(child.closed, 10000, `end after ${signal}`);
      verdict(name, `interrupted: ${signal}, ${ending}`, [
        ...(began ? [] : ['it had not begun']),
        ...(end.status === status ? [] : [JSON.stringify(end)]),
        ...(fs.existsSync(file) || fs.existsSync(`${file}.tmp`) ? ['a file is left'] : []),
      ]);
    }
  }
}

/* A terminal of script(1), which is what standard error is of what it runs. */
async function onTerminal(command) {
  const { stdout } = await run('script', ['-qec', command, '/dev/null']);
  return stdout;
}

async function progress(name) {
  const big = await generated(150000);
  const out = tmpFile('big.json');
  const command = `${LOOPRAY} export --format chrome ${big} -o ${out}`;

  const shown = await onTerminal(command);
  verdict(name, 'progress: on a terminal', /reading \[#*\.*\] +\d+% of [\d.]+ MB, \d+ s left/.test(shown) &&
    shown.endsWith('\r\u001b[K') ? [] : [JSON.stringify(shown.slice(-300))], shown.split('\r').pop());
  const [quiet, piped] = await Promise.all([onTerminal(`${command}.quiet -q`),
    run('sh', ['-c', `${command}.piped 2>&1`])]);
  verdict(name, 'progress: not with -q, not elsewhere', quiet === '' && piped.stdout === '' ? [] :
    [JSON.stringify([quiet, piped.stdout])]);

  /* Gone again when it is interrupted. */
  const file = tmpFile('cut.json');
  const child = track(spawn(LOOPRAY, ['export', '--format', 'chrome', big, '-o', file]));
  for (let i = 0; i < 200 && !fs.existsSync(`${file}.tmp`); i++)
    await sleep(5);
  child.kill('SIGINT');
  const end = await within(child.closed, 10000, 'end after SIGINT');
  verdict(name, 'interrupted: of a file', end.status === 130 && !fs.existsSync(file) &&
    !fs.existsSync(`${file}.tmp`) ? [] : [JSON.stringify(end)]);
}

async function terminal(name, cap) {
  const shown = await onTerminal(`${LOOPRAY} export --format perfetto ${cap.file}`).catch((e) => e.message);

  verdict(name, 'terminal: no trace on it', /give -o FILE/.test(shown) && shown.length < 200 ? [] :
    [JSON.stringify(shown.slice(0, 200))]);
}

/* A live session into a format at once, of a name of its own. */
async function live(node) {
  const service = await startService(node, 'trace.js');
  const dir = fs.mkdtempSync(path.join(path.dirname(tmpFile('x')), 'live'));
  const here = process.cwd();

  try {
    for (const [format, ending] of [['perfetto', 'pftrace.gz'], ['csv', 'csv']]) {
      process.chdir(dir);
      const agent = new Agent(['record', '-v', '-p', `${service.pid}`, '--format', format,
        ...(ending.endsWith('gz') ? ['--gzip'] : [])]);
      process.chdir(here);
      await agent.attached();
      await spread(service.ready.port, 4, 40, (i) => ({ path: `/${ROUTES[i % ROUTES.length]}` }));
      await sleep(100);
      const end = await agent.stop();
      const [file, ...more] = fs.readdirSync(dir);
      const whole = path.join(dir, file ?? '');
      const named = new RegExp(`^loopray-\\d{8}-\\d{6}\\.${ending}$`).test(file);
      /* The service's calls to itself are requests too. */
      const seen = format === 'csv' ? fs.readFileSync(whole, 'utf8').split('\r\n').length - 2 : (await (await openTrace(whole))
          .one("SELECT count(*) AS n FROM slice WHERE category = 'request' AND depth = 0")).n;

      verdict(node.name, `record: ${format}`, [...(end.status === 0 ? [] : [end.stderr]),
        ...(named && more.length === 0 ? [] : [`${file} ${more}`]),
        ...(seen >= 40 && seen <= 60 ? [] : [`${seen} requests`])], `${file}, ${seen} requests`);
      fs.rmSync(whole, { force: true });
    }
  } finally {
    await service.kill();
  }
}

const [node] = nodes(['22.21']).concat(nodes());
await part(node.name, 'capture: whole', async () => {
  const cap = await capture(node);

  await part(node.name, 'perfetto: no import error', () => perfetto(node.name, cap));
  await part(node.name, 'cut off: raw', () => cutOff(node.name));
  await part(node.name, 'chrome: no import error', () => chrome(node.name, cap));
  await part(node.name, 'csv: sums', () => csv(node.name, cap));
  await part(node.name, 'gzip: jsonl', () => gzip(node.name, cap));
  await part(node.name, 'interrupted: SIGINT', () => interrupted(node.name, cap));
  await part(node.name, 'terminal: no trace on it', () => terminal(node.name, cap));
});
await part(node.name, 'progress: on a terminal', () => progress(node.name));
if (selected('record'))
  await part(node.name, 'record: perfetto', () => live(node));
finish('export');
