// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Many processes and threads at once: cluster workers by list, by --all and by --follow, and
// worker threads whose async ids collide. What each worker served is what is said of it.
// Processes that come, go and come again: by --all, and by --follow of what a shell's loop starts.
//
// test-timeout: 240
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { spawn } from 'node:child_process';

import { Agent, load, exported, record, startService, tmpFile, track, within } from './lib/proc.mjs';
import { SERVICES, nodes, selected } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const PORT = 25020;
const WORKERS = 3;
const REQUESTS = 600;
const THREADS = 2;
const PER_THREAD = 200;
const MIX = 'GET /stat\nGET /timer\nPOST /stat {"a": 1}\nHEAD /timer';

const key = (port, seq) => `${port}/${seq}`;

/* The requests of one worker against the worker's own log. */
function compareWorker(name, requests, log) {
  const wrong = [];
  const served = new Map(log.map((s) => [key(s.port, s.seq), s]));

  if (requests.length !== log.length)
    wrong.push(`${name}: ${requests.length} requests, served ${log.length}`);
  for (const req of requests) {
    const s = served.get(key(req.peer_port, req.conn_seq));
    if (!s)
      wrong.push(`${name}: ${req.peer_port}/${req.conn_seq} is not its request`);
    else if (s.method !== req.method || s.path !== req.path || s.status !== req.status)
      wrong.push(`${name}: ${req.method} ${req.path} ${req.status}, was ${JSON.stringify(s)}`);
    else if (s.bytes_in !== req.bytes_in || s.bytes_out !== req.bytes_out)
      wrong.push(`${name}: bytes ${req.bytes_in}/${req.bytes_out}, was ${JSON.stringify(s)}`);
    else if (req.incomplete || req.outcome !== 'complete')
      wrong.push(`${name}: ${req.path} ${req.outcome} ${req.incomplete_because}`);
  }
  return wrong;
}

function compareWorkers({ requests, summary }, dumps, extra = []) {
  const wrong = [...extra];
  let served = 0;

  for (const { pid, log } of dumps) {
    served += log.length;
    wrong.push(...compareWorker(`pid ${pid}`, requests.filter((r) => r.pid === pid), log));
  }
  if (served !== REQUESTS)
    wrong.push(`the workers served ${served}, not ${REQUESTS}`);
  if (summary.loss.total !== 0)
    wrong.push(`loss ${JSON.stringify(summary.loss)}`);
  return wrong;
}

const makeLoad = (port = PORT, n = REQUESTS) => load(`127.0.0.1:${port}`,
  ['-c', '12', '-n', String(n), '--mix', MIX]);

/* A list of pids: primary and workers. */
async function clusterList(node) {
  const service = await startService(node, 'cluster.js', [PORT, WORKERS]);

  try {
    const agent = await record([service.pid, ...service.ready.pids]);
    await makeLoad();
    const end = await agent.stop();
    const out = await exported(agent.file);
    const of = (pid) => out.requests.filter((r) => r.pid === pid).length;
    const detail = service.ready.pids.map(of).join('+');

    verdict(node.name, 'cluster -p', compareWorkers(out, await service.dump(), [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(of(service.pid) === 0 ? [] : [`${of(service.pid)} requests of the primary`]),
      ...(out.header.targets.length === WORKERS + 1 ? [] :
        [`${out.header.targets.length} targets in the header`]),
    ]), detail);
  } finally {
    await service.kill('SIGTERM');
  }
}

/* Everything on the machine: what belongs to others is not looked at. */
async function clusterAll(node) {
  const service = await startService(node, 'cluster.js', [PORT, WORKERS]);

  try {
    const file = tmpFile('all.lray');
    const agent = new Agent(['record', '-v', '--all', '-o', file]);
    await agent.attached();
    await makeLoad();
    const end = await agent.stop();
    verdict(node.name, 'cluster --all', compareWorkers(await exported(file),
      await service.dump(), end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]));
  } finally {
    await service.kill('SIGTERM');
  }
}

/* Attached to the primary alone; the workers come afterwards. */
async function clusterFollow(node) {
  const service = await startService(node, 'cluster.js', [PORT, WORKERS, 'later']);

  try {
    const agent = await record([service.pid], ['--follow']);
    const { pids } = await service.command('fork');
    for (const pid of pids)
      await agent.says(new RegExp(`pid ${pid}: attached`), 20000);
    await makeLoad();
    const end = await agent.stop();
    verdict(node.name, 'cluster --follow', compareWorkers(await exported(agent.file),
      await service.dump(), end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]));
  } finally {
    await service.kill('SIGTERM');
  }
}

const get = (port, where) => new Promise((resolve, reject) => {
  http.get({ port, host: '127.0.0.1', path: where, agent: false }, (res) => {
    res.resume().on('end', resolve);
  }).on('error', reject);
});

/* A shell that starts first.js again whenever it has ended; pid() is of the next that serves. */
function startLoop(node) {
  const loop = track(spawn('sh', ['-c', 'while :; do "$@"; done', 'loop', node.path,
    path.join(SERVICES, 'first.js'), 'serve', String(PORT)],
  { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } }));
  const pids = [];
  let wake = () => {};

  readline.createInterface({ input: loop.stdout }).on('line', (line) => {
    const { ready } = JSON.parse(line);
    if (ready)
      pids.push(ready);
    wake();
  });
  loop.nextPid = () => within(new Promise((resolve) => {
    wake = () => pids.length && resolve(pids.shift());
    wake();
  }), 30000, 'process that serves');
  return loop;
}

/* What requests of each pid there must be. */
function comparePaths({ requests }, expected) {
  const wrong = [];

  for (const [pid, paths] of expected) {
    const seen = requests.filter((r) => r.pid === pid).map((r) => r.path);
    if (seen.join() !== paths.join())
      wrong.push(`pid ${pid}: ${seen}, not ${paths}`);
  }
  return wrong;
}

/* One ends, another one takes its place: both are in the recording, with --all and --follow. */
async function again(node, name, start) {
  const loop = startLoop(node);
  const file = tmpFile('again.lray');
  let pid = await loop.nextPid();

  try {
    const expected = [];
    const agent = new Agent(['record', '-v', ...start(pid), '-o', file]);
    await agent.attached();
    for (let i = 0; i < 3; i++) {
      if (i) {
        pid = await loop.nextPid();
        await agent.says(new RegExp(`pid ${pid}: attached`), 20000);
      }
      await get(PORT, `/of/${i}`);
      await get(PORT, '/end');
      expected.push([pid, [`/of/${i}`, '/end']]);
      await agent.says(new RegExp(`pid ${pid} ended`), 20000);
    }
    pid = await loop.nextPid();
    const end = await agent.stop();
    verdict(node.name, name, [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...comparePaths(await exported(file), expected),
    ]);
  } finally {
    loop.kill('SIGKILL');
    await get(PORT, '/end').catch(() => {});
  }
}

/* Started while the agent runs, by nobody that it knows. */
async function newProcess(node) {
  const file = tmpFile('new.lray');
  const agent = new Agent(['record', '-v', '--all', '-o', file]);
  await agent.attached();
  const services = [];

  for (const port of [PORT, PORT + 1]) {
    const service = await startService(node, 'cluster.js', [port, 1]);
    services.push(service);
    for (const pid of service.ready.pids)
      await agent.says(new RegExp(`pid ${pid}: attached`), 20000);
    await get(port, '/timer');
    await service.kill('SIGTERM');
    await agent.says(new RegExp(`pid ${service.ready.pids[0]} ended`), 20000);
  }
  const end = await agent.stop();
  verdict(node.name, 'new process --all', [
    ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
    ...comparePaths(await exported(file), services.map((s) => [s.ready.pids[0], ['/timer']])),
  ]);
}

/* Every thread's requests and resources are in one environment of their own. */
function compareThreads({ requests, resources, summary }, dumps) {
  const wrong = summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(summary.loss)}`];
  const envOf = new Map();

  for (const { port, log } of dumps) {
    const mine = requests.filter((r) => r.local_port === port);
    const envs = [...new Set(mine.map((r) => r.env))];
    wrong.push(...compareWorker(`port ${port}`, mine, log));
    if (envs.length !== 1)
      wrong.push(`port ${port} is served by environments ${envs}`);
    envOf.set(port, envs[0]);
  }
  if (new Set(envOf.values()).size !== dumps.length)
    wrong.push(`environments ${[...envOf]}`);
  if (envOf.get(PORT) !== 0)
    wrong.push(`the main thread is environment ${envOf.get(PORT)}`);

  const byId = new Map(resources.map((r) => [`${r.env}/${r.async_id}`, r]));
  for (const { port, log } of dumps) {
    const seqs = new Map(requests.filter((r) => r.local_port === port)
      .map((r) => [key(r.peer_port, r.conn_seq), r.seq]));
    for (const s of log) {
      const r = byId.get(`${envOf.get(port)}/${s.stat_id}`);
      if (!r || r.resource !== 'FSREQCALLBACK' || r.trigger_id !== s.stat_trigger)
        wrong.push(`port ${port}: stat ${s.stat_id} of trigger ${s.stat_trigger} is ` +
          JSON.stringify(r));
      else if (r.request_seq !== null && r.request_seq !== seqs.get(key(s.port, s.seq)))
        wrong.push(`port ${port}: stat ${s.stat_id} belongs to request ${r.request_seq}`);
    }
    const count = resources.filter((r) => r.env === envOf.get(port) && r.init_ns &&
      r.resource === 'FSREQCALLBACK').length;
    if (count !== log.length)
      wrong.push(`port ${port}: ${count} FSREQCALLBACK, not ${log.length}`);
  }
  return wrong;
}

/* How many ids exist in more than one environment. */
function collisions(resources) {
  const envs = new Map();

  for (const { async_id: id, env } of resources)
    envs.set(id, (envs.get(id) ?? new Set()).add(env));
  return [...envs.values()].filter((set) => set.size > 1).length;
}

async function workerThreads(node) {
  const service = await startService(node, 'threads.js', [PORT, THREADS]);

  try {
    const agent = await record([service.pid], ['--level', 'resources']);
    await Promise.all(Array.from({ length: THREADS + 1 }, (_, i) => load(
      `127.0.0.1:${PORT + i}`, ['-c', '4', '-n', String(PER_THREAD), '--mix', MIX])));
    const end = await agent.stop();
    const out = await exported(agent.file);
    const same = collisions(out.resources);
    const wrong = compareThreads(out, await service.dump());

    if (end.status !== 0)
      wrong.push(`status ${end.status}: ${end.stderr}`);
    if (same === 0)
      wrong.push('no async ids collided: nothing was tested');
    verdict(node.name, 'threads', wrong, `${same} async ids collide`);
  } finally {
    await service.kill();
  }
}

for (const node of nodes()) {
  if (selected('list'))
    await part(node.name, 'cluster -p', () => clusterList(node));
  if (selected('threads'))
    await part(node.name, 'threads', () => workerThreads(node));
}
for (const node of nodes(['18', '22', '26', 'debian'])) {
  if (selected('all'))
    await part(node.name, 'cluster --all', () => clusterAll(node));
  if (selected('follow'))
    await part(node.name, 'cluster --follow', () => clusterFollow(node));
}
for (const node of nodes(['24'])) {
  if (selected('new'))
    await part(node.name, 'new process --all', () => newProcess(node));
  if (selected('again')) {
    await part(node.name, 'again --all', () => again(node, 'again --all', () => ['--all']));
    await part(node.name, 'again --follow', () =>
      again(node, 'again --follow', (pid) => ['-p', String(pid), '--follow']));
  }
}
finish('processes');
