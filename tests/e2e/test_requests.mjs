// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// 2,000 keep-alive requests over 20 connections, on every version: each is seen once, and each
// field says what the client's and the server's own logs say.
//
// test-timeout: 300
import { Agent, load, exported, record, reported, startService } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const PORT = 25000;
const REQUESTS = 2000;
const CONNECTIONS = 20;
/* A send returns after its bytes are delivered: on a busy machine the client may run first. */
const CLOCK_NS = 1e6;
const SHARE_IN_TIME = 0.98;

const MIX = [
  'GET /sync', 'POST /echo {"amount": 12.5, "currency": "EUR"}', 'GET /timer', 'HEAD /length',
  'PUT /put some bytes that are put', 'DELETE /empty', 'GET /chunked', 'GET /cached',
  'PATCH /echo {"op": "replace"}', 'OPTIONS /sync', 'GET /big?size=large', 'GET /moved',
  'GET /fails', 'GET /nowhere/17', 'GET /file', 'POST /put x', 'GET /promise?a=1&b=2',
  'PROPFIND /sync', 'HEAD /big', 'POST /sync {"ignored": true}', 'GET /length',
].join('\n');

const key = (entry, seq) => `${entry.port ?? entry.peer_port}/${seq}`;
const plain = (path) => path.split('?')[0];

function compareAll(requests, client, server) {
  const wrong = [];
  const byKey = new Map(client.map((c) => [key(c, c.seq), c]));
  const served = new Map(server.map((s) => [key(s, s.seq), s]));

  for (const req of requests) {
    const id = key(req, req.conn_seq);
    const c = byKey.get(id);
    const s = served.get(id);

    if (!c || !s) {
      wrong.push(`${id} ${req.method} ${req.path} is not in the ${c ? 'server' : 'client'}'s log`);
      continue;
    }
    byKey.delete(id);
    const want = {
      method: c.method, path: plain(c.path), status: c.status,
      bytes_in: c.bytes_out, bytes_out: c.bytes_in,
    };
    const said = {
      method: s.method, path: s.path, status: s.status,
      bytes_in: s.bytes_in, bytes_out: s.bytes_out,
    };
    for (const field of Object.keys(want)) {
      if (req[field] !== want[field])
        wrong.push(`${id} ${c.method} ${c.path}: ${field} ${req[field]}, client ${want[field]}`);
      if (req[field] !== said[field])
        wrong.push(`${id} ${c.method} ${c.path}: ${field} ${req[field]}, server ${said[field]}`);
    }
  }
  for (const [id, c] of byKey)
    wrong.push(`${id} ${c.method} ${c.path} was not seen`);
  return wrong;
}

const whole = (req) => req.outcome === 'complete' && !req.incomplete && req.duration_ns > 0;

/* Every request's [start, end] lies within the client's, and holds the server's. */
function compareTimes(requests, client, server) {
  const byKey = new Map(client.map((c) => [key(c, c.seq), c]));
  const served = new Map(server.map((s) => [key(s, s.seq), s]));
  const early = [];
  const late = [];
  const wrong = [];

  for (const req of requests) {
    const c = byKey.get(key(req, req.conn_seq));
    const s = served.get(key(req, req.conn_seq));
    if (!c || !s)
      continue;
    early.push(c.start_ns - req.start_ns);
    late.push(req.end_ns - c.end_ns);
    if (!(req.start_ns <= req.recv_ns && req.recv_ns <= s.start_ns + 1000))
      wrong.push(`${req.path}: read at ${req.recv_ns}, listener at ${s.start_ns}`);
    if (!(req.first_byte_ns >= s.start_ns && req.first_byte_ns <= req.end_ns))
      wrong.push(`${req.path}: first byte ${req.first_byte_ns} of ${s.start_ns}..${req.end_ns}`);
    if (req.duration_ns !== req.end_ns - req.start_ns)
      wrong.push(`${req.path}: duration ${req.duration_ns}`);
  }
  for (const [name, list] of [['start before the client\'s', early], ['end after', late]]) {
    const within = list.filter((ns) => ns <= CLOCK_NS).length;
    if (within < list.length * SHARE_IN_TIME)
      wrong.push(`${list.length - within} of ${list.length}: ${name}`);
  }
  const most = (list) => (Math.max(...list) / 1e6).toFixed(2);
  return { wrong, detail: `most ${most(early)} ms early, ${most(late)} ms late` };
}

function breakdownWrong(requests) {
  const wrong = [];

  for (const req of requests) {
    const b = req.breakdown_ns;
    const parts = [b.queue, b.cpu, b.loop_busy, b.wait];
    if (parts.some((p) => typeof p !== 'number' || p < 0))
      wrong.push(`${req.method} ${req.path}: ${JSON.stringify(b)}`);
    else if (parts.reduce((x, y) => x + y) !== req.duration_ns)
      wrong.push(`${req.method} ${req.path}: ${parts.join('+')} is not ${req.duration_ns}`);
  }
  return wrong;
}

const median = (list) => list.sort((x, y) => x - y)[list.length >> 1];

/* A timer's 5 ms are waiting; an answer at once is not. */
function plausibleWrong(requests) {
  const of = (path, part) => median(requests.filter((r) => r.path === path)
    .map((r) => r.breakdown_ns[part] / 1e6));
  const wrong = [];

  if (!(of('/timer', 'wait') + of('/timer', 'loop_busy') >= 3.5))
    wrong.push(`/timer waits ${of('/timer', 'wait')} ms`);
  if (!(of('/sync', 'cpu') > 0))
    wrong.push(`/sync costs ${of('/sync', 'cpu')} ms of CPU`);
  return wrong;
}

function totals(summary, requests, client, server) {
  const wrong = [];
  const expect = (what, is, want) => is === want || wrong.push(`${what} ${is}, not ${want}`);

  expect('client', client.length, REQUESTS);
  expect('server', server.length, REQUESTS);
  expect('requests', requests.length, REQUESTS);
  expect('summary.requests', summary.requests, REQUESTS);
  expect('in flight', summary.in_flight, 0);
  expect('lost', summary.loss.total, 0);
  expect('connections', new Set(requests.map((r) => r.conn)).size, CONNECTIONS);
  expect('sequence numbers', new Set(requests.map((r) => r.seq)).size, REQUESTS);
  expect('complete', requests.filter(whole).length, REQUESTS);
  expect('local port', new Set(requests.map((r) => r.local_port)).size, 1);
  return wrong;
}

async function reportAgrees(file, requests, version) {
  const report = await reported(file);
  const wrong = [];
  const expect = (what, is, want) => is === want || wrong.push(`${what} ${is}, not ${want}`);
  const sum = (field) => requests.reduce((n, r) => n + r[field], 0);

  expect('schema', report.schema, 'loopray.report/1');
  expect('total', report.requests.total, REQUESTS);
  expect('5xx', report.requests.errors_5xx, requests.filter((r) => r.status >= 500).length);
  expect('bytes_in', report.requests.bytes_in, sum('bytes_in'));
  expect('bytes_out', report.requests.bytes_out, sum('bytes_out'));
  expect('loss', report.loss.total, 0);
  expect('measured', report.requests.latency_ms.measured, REQUESTS);
  expect('routes', report.routes.reduce((n, r) => n + r.count, 0), REQUESTS);
  if (/^\d/.test(version))
    expect('node', report.targets[0].node, version);
  const max = Math.max(...requests.map((r) => r.duration_ns)) / 1e6;
  if (Math.abs(report.requests.latency_ms.max - max) > max / 50)
    wrong.push(`max ${report.requests.latency_ms.max}, not ${max}`);
  return wrong;
}

/* @args: what the agent is told besides; @suffix names such a variant in the matrix. */
async function testVersion(node, args = [], suffix = '') {
  const service = await startService(node, 'mixed.js', [PORT]);

  try {
    const agent = await record([service.pid], args);
    const { log: client, result } = await load(`127.0.0.1:${PORT}`,
      ['-c', CONNECTIONS, '-n', REQUESTS, '--mix', MIX].map(String));
    const end = await agent.stop();
    const server = await service.dump();
    const { requests, summary } = await exported(agent.file);

    verdict(node.name, `clean end${suffix}`, end.status === 0 && result.errors.total === 0 ? [] :
      [`status ${end.status}, ${result.errors.total} errors: ${end.stderr}`]);
    verdict(node.name, `exactly 2000${suffix}`, totals(summary, requests, client, server));
    verdict(node.name, `fields${suffix}`, compareAll(requests, client, server));
    const times = compareTimes(requests, client, server);
    verdict(node.name, `latency${suffix}`, times.wrong, times.detail);
    verdict(node.name, `breakdown${suffix}`, breakdownWrong(requests));
    verdict(node.name, `plausible${suffix}`, plausibleWrong(requests));
    verdict(node.name, `report${suffix}`, await reportAgrees(agent.file, requests, node.name));
  } finally {
    await service.kill();
  }
}

/* Without a capture: what runs is reported or exported when its time is over. */
async function testLive(node) {
  const service = await startService(node, 'mixed.js', [PORT]);
  const live = async (args) => {
    const agent = new Agent([...args, '-v', '-p', String(service.pid), '-d', '3s']);
    await agent.attached();
    await load(`127.0.0.1:${PORT}`, ['-c', '10', '-n', '300', '--mix', MIX]);
    return agent.wait();
  };

  try {
    const report = await live(['report', '--json']);
    const { requests, loss, duration_s: seconds } = JSON.parse(report.stdout);
    verdict(node.name, 'live report', report.status === 0 && requests.total === 300 &&
      loss.total === 0 && seconds >= 2.9 ? [] :
      [`status ${report.status}, ${JSON.stringify(requests)} in ${seconds} s: ${report.stderr}`]);

    const text = await live(['report']);
    verdict(node.name, 'live text', text.status === 0 && /\b300\b/.test(text.stdout) &&
      text.stdout.includes('/timer') && !text.stdout.includes('\x1b') ? [] :
      [`status ${text.status}: ${text.stdout.slice(0, 500)} ${text.stderr}`]);

    const lines = await live(['export', '--format', 'jsonl']);
    const kinds = lines.stdout.trim().split('\n').map((l) => JSON.parse(l).type);
    verdict(node.name, 'live export', kinds.filter((k) => k === 'request').length === 300 &&
      kinds[0] === 'header' && kinds.at(-1) === 'summary' && lines.status === 0 ? [] :
      [`status ${lines.status}, ${kinds.length} lines: ${lines.stderr}`]);
  } finally {
    await service.kill();
  }
}

for (const node of nodes()) {
  if (selected('default'))
    await part(node.name, 'exactly 2000', () => testVersion(node));
}
/* The ways for older kernels must give the same. */
for (const node of nodes(['18', '22', '26', 'debian'])) {
  if (selected('syscall'))
    await part(node.name, 'exactly 2000, syscall', () => testVersion(node,
      ['--byte-source', 'syscall', '--attach-method', 'perf'], ', syscall'));
}
for (const node of nodes(['22'])) {
  if (selected('live'))
    await part(node.name, 'live report', () => testLive(node));
}
finish('requests');
