// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where each request waited, on every version: for each kind of wait a route that waits for nothing
// else, one request after the other and eight at once; who held the loop, and who paid for it. The
// truth is what the service measures around each operation, and when what it waited for answered.
//
// test-timeout: 600
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

import { nodes, selected } from './lib/env.mjs';
import { jsonLines, loopray, record, run, sleep, startService, tmpFile, track } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { Client, KINDS, aloneWrong, amongWrong, joined, middle, ms, noteTurns, now, routeOf, strangeWrong, sum,
  sumsWrong, told } from './lib/waits.mjs';
import { OVER_NS, blockingWrong, holds, payersWrong } from './lib/waits_blocking.mjs';
import { makeWorld, ownWorld } from './lib/waits_world.mjs';

ownWorld();

const EACH = Number(process.env.E2E_EACH ?? 15);
const LANES = 8;
const MIXED = 180;
const FIRST_MS = 8; /* until the one who holds the loop does */
const POOL = 32;
const WATCH_MS = 3;

/* What is asked for one after the other, and the kinds that it is about. */
const ALONE = [
  ['/cpu/30', ['cpu']], ['/timer/50', ['timer']], ['/timers', ['timer']], ['/fs/40', ['fs']],
  ['/file/40', ['fs']], ['/dns/60', ['dns']], ['/keep/40', ['call']], ['/once/40', ['call']],
  ['/fetch/40', ['call']], ['/crypto', ['crypto']], ['/zlib', ['zlib']], ['/gc/4', ['gc']],
  ['/exec', ['blocked']], ['/wait/30', ['blocked']], ['/all', ['call']],
  ['/then/30', ['timer', 'cpu']], ['/chain', ['fs', 'call', 'timer', 'crypto']],
];
const MIX = ['/cpu/25', '/timer/20', '/fs/20', '/keep/20', '/once/10', '/fetch/15', '/crypto', '/zlib',
  '/dns/20', '/exec', '/gc/2', '/chain', '/all', '/then/25', '/client', '/timers'];
/* Nothing of the outside: to compile what the routes need. */
const WARM = ['/quick', '/single/1', ...ALONE.map(([path]) => path)];

async function repeat(port, n, fn) {
  const client = await Client.open(port);
  const asked = [];

  for (let i = 0; i < n; i++)
    asked.push(await fn(client, i));
  await client.end();
  return asked;
}

/* @other is asked @after_ms behind @path, over a connection of its own: [[first, second]]. */
async function two(port, n, path, other, after_ms) {
  const [a, b] = [await Client.open(port), await Client.open(port)];
  const asked = [];

  for (let i = 0; i < n; i++) {
    const first = a.ask(path);
    await sleep(after_ms);
    const second = b.ask(other);
    asked.push(await first, await second);
    await sleep(1);
  }
  await a.end();
  await b.end();
  return asked;
}

async function connects(port, world) {
  const clients = await Promise.all(Array.from({ length: LANES }, () => Client.open(port)));

  await world.stuff(400);
  const asked = await Promise.all(clients.map(async (c, i) => {
    await sleep(5 * i);
    return c.ask('/connect');
  }));
  await Promise.all(clients.map((c) => c.end()));
  return asked;
}

/* The same order in each run, and a different one in each part of it. */
function* shuffled(list, n) {
  let state = 12345;

  for (let i = 0; i < n; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    yield list[Math.floor(state / 65536) % list.length];
  }
}

async function mixed(port) {
  const paths = [...shuffled(MIX, MIXED)];
  const asked = [];

  await Promise.all(Array.from({ length: LANES }, async () => {
    const client = await Client.open(port);
    while (paths.length) {
      const path = paths.pop();
      asked.push(await client.ask(path, path === '/client' ? 15 : 0));
    }
    await client.end();
  }));
  return asked;
}

/* Every few milliseconds the system call that the main thread is in: [[ns, number]], 0 none. */
function watch(pid) {
  const samples = [];
  const timer = setInterval(() => {
    const at = now();
    const text = fs.readFileSync(`/proc/${pid}/syscall`, 'latin1');

    samples.push([at, Number(text.split(' ')[0]) || 0]);
  }, WATCH_MS);

  return () => {
    clearInterval(timer);
    return samples;
  };
}

/* Runs @drive under an agent; @drive returns {name: what was asked}. */
async function observe(node, world, drive, env = {}) {
  world.ready.clear();
  const service = await startService(node, 'waits.js', [world.arg],
    { flags: ['--expose-gc'], env: { UV_THREADPOOL_SIZE: String(POOL), ...env } });

  try {
    await repeat(service.ready.port, WARM.length, (c, i) => c.ask(WARM[i]));
    const agent = await record([service.pid]);
    const watched = watch(service.pid);
    const asked = await drive(service, service.ready.port);
    const samples = watched();
    await sleep(200);
    const end = await agent.stop();
    const log = (await service.dump()).filter((e) => e.start_ns === undefined ||
      Object.values(asked).flat().length === 0 || e.start_ns >= Math.min(
      ...Object.values(asked).flat().map((c) => c.start_ns)));
    noteTurns(log);
    const out = tmpFile('waits.jsonl');
    const over = ['--blocked-over', `${OVER_NS / 1e6}ms`];
    const ended = await loopray(['export', '--format', 'jsonl', ...over, agent.file, '-o', out]);
    if (ended.status !== 0)
      throw new Error(`export: ${ended.stderr}`);
    const lines = jsonLines(out);
    const requests = lines.filter((l) => l.type === 'request');
    const parts = {};
    const missing = [];
    for (const [name, list] of Object.entries(asked)) {
      const of = joined(requests, log, list);
      parts[name] = of.pairs;
      missing.push(...of.missing);
    }
    const json = await loopray(['report', '--json', ...over, agent.file]);
    return { parts, missing, requests, log, lines, end, service, samples,
      summary: lines.find((l) => l.type === 'summary'),
      blocking: lines.filter((l) => l.type === 'blocking'),
      report: JSON.parse(json.stdout) };
  } finally {
    await service.kill();
  }
}

/* What is asked of every run. */
function whole(name, run, suffix) {
  verdict(name, `seen${suffix}`, [...run.missing,
    ...(run.end.status === 0 ? [] : [`status ${run.end.status}: ${run.end.stderr}`]),
    ...(run.summary.loss.total ? [`loss ${run.summary.loss.total}`] : []),
    ...(run.service.stderr ? [run.service.stderr] : [])], `${run.requests.length} requests`);
  const known = run.requests.filter((r) => r.waits_ns);
  verdict(name, `sums${suffix}`, sumsWrong(run.requests), `${known.length} known`);
  verdict(name, `nothing strange${suffix}`, strangeWrong(Object.values(run.parts).flat()));
  verdict(name, `report${suffix}`, reportWrong(run.report, run.requests));
}

function reportWrong(report, requests) {
  const known = requests.filter((r) => r.waits_ns && !r.incomplete);
  const { waits, blocking } = report;
  const wrong = [];

  if (!waits || !blocking)
    return ['no waits or blocking'];
  if (waits.known + waits.unknown !== requests.length ||
      waits.known !== requests.filter((r) => r.waits_ns).length)
    wrong.push(`${waits.known} known, ${waits.unknown} unknown of ${requests.length}`);
  for (const kind of KINDS) {
    const mean = sum(known.map((r) => r.waits_ns[kind])) / Math.max(1, known.length);
    if (Math.abs(waits.mean_ns[kind] - mean) > Math.max(1, mean * 0.001))
      wrong.push(`mean of ${kind} ${waits.mean_ns[kind]}, not ${mean}`);
  }
  return wrong;
}

function blockingAgrees(run) {
  const { blocking } = run.report;
  const wrong = [];
  const total = (f) => sum(run.blocking.map(f));

  if (blocking.threshold_ms !== OVER_NS / 1e6 || blocking.count !== run.blocking.length)
    wrong.push(`${blocking.count} over ${blocking.threshold_ms}, lines ${run.blocking.length}`);
  if (blocking.held_ns !== total((b) => b.duration_ns) || blocking.paid_ns !== total((b) => b.paid.ns))
    wrong.push(`held ${blocking.held_ns}, paid ${blocking.paid_ns}`);
  const most = Math.max(...run.blocking.map((b) => b.duration_ns));
  if (blocking.worst[0]?.duration_ns !== most)
    wrong.push(`the worst is ${blocking.worst[0]?.duration_ns}, not ${most}`);
  return wrong;
}

function blockingChecks(name, run, suffix, pairs) {
  verdict(name, `blocking${suffix}`, [...blockingWrong(run.blocking, run.log, run.requests, run.samples),
    ...blockingAgrees(run), ...(holds(run.log).length ? [] : ['nothing was tested'])],
  `${run.blocking.length} told`);
  if (!pairs)
    return;
  const paid = payersWrong(run.blocking, run.log, pairs, run.ready);
  verdict(name, `who paid${suffix}`, [...paid.wrong,
    ...(paid.checked ? [] : ['nobody paid: nothing was tested'])], `${paid.checked} looked at`);
}

const of = (pairs, ...routes) => pairs.filter(({ entry }) => routes.includes(routeOf(entry)));

async function testAlone(node, world) {
  const run = await observe(node, world, async (service, port) => {
    const asked = {};
    for (const [path] of ALONE)
      asked[path.split('/')[1]] = await repeat(port, EACH, (c) => c.ask(path));
    asked.client = await repeat(port, EACH, (c) => c.ask('/client', 45));
    asked.connect = await connects(port, world);
    return asked;
  });

  whole(node.name, run, '');
  for (const [path, kinds] of [...ALONE, ['/client', ['client']], ['/connect', ['connect']]]) {
    const pairs = run.parts[path.split('/')[1]];
    verdict(node.name, `alone: ${path.split('/')[1]}`, aloneWrong(pairs, world.ready, kinds,
      path === '/connect' ? ['loop', 'queue'] : []), middle(pairs)); /* these are eight at once */
  }
  blockingChecks(node.name, run, ' alone');
}

/* Requests that meet: in the loop's queue, in the agent's, in a batch; what holds the loop is known. */
async function testMeeting(node, world) {
  const run = await observe(node, world, async (service, port) => {
    const asked = {
      queue: await two(port, EACH, '/cpu/40', '/quick', FIRST_MS),
      blocked: await two(port, EACH, '/wait/40', '/quick', FIRST_MS),
      loop: await two(port, EACH, '/timer/20', '/cpu/40', FIRST_MS),
      socket: await two(port, EACH, '/single/40', '/single/20', FIRST_MS),
      batch: await two(port, EACH, '/join', '/release', 30),
    };
    for (let i = 0; i < 5; i++) {
      const spun = service.command('spin', { ms: 40 });
      await sleep(FIRST_MS);
      asked[`spin ${i}`] = await repeat(port, 1, (c) => c.ask('/quick'));
      await spun;
    }
    return asked;
  });
  run.ready = world.ready;
  const { queue, blocked, loop, socket, batch } = run.parts;

  whole(node.name, run, ' meeting');
  for (const [name, kind, pairs] of [['queue', 'queue', of(queue, 'quick')],
    ['behind one that sleeps', 'queue', of(blocked, 'quick')], ['loop', 'loop', of(loop, 'timer')]])
    verdict(node.name, `meeting: ${name}`, lateWrong(pairs, kind, world.ready), middle(pairs));
  verdict(node.name, 'meeting: socket', aloneWrong(socket.filter((p) => p.client.path === '/single/20'),
    world.ready, ['socket', 'call']), middle(of(socket, 'single')));
  verdict(node.name, 'meeting: batch', aloneWrong(of(batch, 'join'), world.ready, ['other']),
    middle(of(batch, 'join')));
  blockingChecks(node.name, run, ' meeting', Object.values(run.parts).flat());
}

/* The one who had to wait for the loop: from its arrival, or from when its timer was due. */
function lateWrong(pairs, kind, ready) {
  const known = pairs.filter((p) => p.w);
  const late = known.map(({ entry, client, w }) => {
    const [op] = entry.ops;
    const from = op ? op.due_ns : client.start_ns;
    const to = op ? op.to_ns : entry.start_ns;
    /* A thread without a CPU is late too. */
    return { is: op ? w.loop + w.gc + w.sched : w[kind], want: to - from, w };
  });
  const off = late.filter(({ is, want }) => Math.abs(is - want) > Math.max(0.05 * want, 1e6) + 1e6);

  if (known.length < 0.9 * pairs.length)
    return [`${pairs.length - known.length} of ${pairs.length} are unknown`];
  if (late.filter(({ want }) => want > 10e6).length < known.length / 2)
    return [`${late.map((l) => ms(l.want))}: nothing was tested`];
  return off.length <= 0.2 * late.length ? [] : off.map(({ is, want, w }) =>
    `${kind} ${ms(is)}, not ${ms(want)}: ${told(w)}`);
}

async function testMixed(node, world) {
  const run = await observe(node, world, async (_, port) => ({ mixed: await mixed(port) }));

  run.ready = world.ready;
  whole(node.name, run, ' mixed');
  verdict(node.name, 'mixed: kinds', amongWrong(run.parts.mixed, world.ready), middle(run.parts.mixed));
  blockingChecks(node.name, run, ' mixed', run.parts.mixed);
}

/* One thread in the pool: a job of another request has it. */
async function testNarrow(node, world) {
  const run = await observe(node, world, async (_, port) => ({
    narrow: await two(port, EACH, '/fs/40', '/stat', FIRST_MS),
  }), { UV_THREADPOOL_SIZE: '1' });
  const first = of(run.parts.narrow, 'fs');
  const second = of(run.parts.narrow, 'stat');

  whole(node.name, run, ' narrow');
  verdict(node.name, 'narrow: pool_queue', [...aloneWrong(first, world.ready, ['fs']),
    ...aloneWrong(second, world.ready, ['pool_queue'])], middle(second));
}

/* The only core that the service may use is used by others too. */
async function testSched(node, world) {
  const core = os.cpus().length - 1;
  const hogs = [];
  const run = await observe(node, world, async (service, port) => {
    await runTaskset(core, service.pid);
    for (let i = 0; i < 2; i++)
      hogs.push(track(spawn('taskset', ['-c', String(core), 'sh', '-c', 'while :; do :; done'])));
    try {
      return { sched: await repeat(port, EACH, (c) => c.ask('/cpu/60')) };
    } finally {
      for (const hog of hogs) {
        hog.kill('SIGKILL');
        await hog.closed;
      }
    }
  });
  const pairs = run.parts.sched;
  const off = pairs.filter((p) => p.w).filter(({ entry: { held: [h] }, w }) =>
    Math.abs(w.sched - h.delay_ns) > Math.max(0.05 * h.delay_ns, 1e6) + 2e6 ||
    Math.abs(w.cpu - (h.to_ns - h.from_ns - h.delay_ns)) > 4e6);

  whole(node.name, run, ' sched');
  verdict(node.name, 'sched: kinds', [
    ...(pairs.some((p) => !p.w) ? ['some are unknown'] : []),
    ...(pairs.filter((p) => p.entry.held[0].delay_ns > 10e6).length > pairs.length / 2 ? [] :
      ['nothing took its CPU: nothing was tested']),
    ...(off.length > 0.2 * pairs.length ? off.map(({ entry: { held: [h] }, w }) =>
      `not sched ${ms(h.delay_ns)} of ${ms(h.to_ns - h.from_ns)}: ${told(w)}`) :
      [])], middle(pairs));
}

async function runTaskset(core, pid) {
  const { status, stderr } = await run('taskset', ['-a', '-c', '-p', String(core), String(pid)]);

  if (status !== 0)
    throw new Error(`taskset: ${stderr}`);
}

/* Without AsyncLocalStorage less is known; what is told is right all the same. */
async function testNone(node, world) {
  const run = await observe(node, world, async (_, port) => ({
    cpu: await repeat(port, EACH, (c) => c.ask('/cpu/30')),
    exec: await repeat(port, EACH, (c) => c.ask('/exec')),
    mixed: await mixed(port),
  }), { WAITS_ALS: 'none' });

  run.ready = world.ready;
  whole(node.name, run, ' without');
  for (const [name, kind] of [['cpu', 'cpu'], ['exec', 'blocked']])
    verdict(node.name, `without: ${name}`, aloneWrong(run.parts[name], world.ready, [kind]),
      middle(run.parts[name]));
  verdict(node.name, 'without: never too much', tooMuchWrong(run.parts.mixed),
    middle(run.parts.mixed));
}

/* No kind of wait is longer than the request's own operations of it. */
function tooMuchWrong(pairs) {
  const wrong = [];

  for (const { entry, w, req } of pairs.filter((p) => p.w)) {
    for (const kind of ['dns', 'call', 'fs', 'crypto', 'zlib', 'timer']) {
      const most = sum(entry.ops.filter((op) => op.kind === kind).map((op) => op.to_ns - op.from_ns));
      if (w[kind] > most + 1e6)
        wrong.push(`${entry.path}: ${kind} ${ms(w[kind])} of ${ms(most)}: ${told(w)} ${JSON.stringify(entry.ops)} ${JSON.stringify(req)}`);
    }
  }
  return wrong;
}

/* Each with the versions that it is for, if not for all. */
const TESTS = [['alone', testAlone], ['meeting', testMeeting], ['mixed', testMixed],
  ['narrow', testNarrow, ['18', '24']], ['sched', testSched, ['22', '26']],
  ['without', testNone, ['20', '24']]];
const world = await makeWorld();

for (const node of nodes()) {
  for (const [name, test, only] of TESTS) {
    if (selected(name) && (!only || only.some((v) => node.name.startsWith(v))))
      await part(node.name, name, () => test(node, world));
  }
}
await world.stop();
finish('waits');
