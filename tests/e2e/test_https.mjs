// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests over TLS, on every version: each is seen once, and its fields are what the client's and
// the server's own logs say, as for plain HTTP. Keep-alive, resumed sessions of TLS 1.2 and 1.3,
// bodies of megabytes in both directions, pipelining.
//
// test-timeout: 600
import https from 'node:https';

import { exported, load, record, reported, sleep, startLoad,
  startService } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { MIX, breakdownWrong, compareAll, compareTimes, whole } from './lib/fields.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { overTls } from './lib/tls.mjs';

const PORT = 25100;
const WHERE = `127.0.0.1:${PORT}`;
const REQUESTS = 2000;
const CONNECTIONS = 20;
const RESUMED = 400;
const RESUMED_MIN = 0.3; /* a session is offered again as soon as the server has given one out */
const LARGE = 60;
const LARGE_BYTES = 3 << 20;
const MANY = 10000;
const CALLS = 300;

/* What @drive does to a service over TLS, as itself, the client and the agent saw it. */
async function observe(node, drive, args = [], script = 'mixed.js') {
  const tls = overTls();
  const service = await startService(node, script, [PORT], tls);

  try {
    const agent = await record([service.pid], args);
    const client = await drive();
    const end = await agent.stop();
    const server = await service.dump();
    return { client, end, server, file: agent.file, ...await exported(agent.file) };
  } finally {
    await service.kill();
  }
}

/* The agent is well, and every request is there once, whole, and over TLS. */
function exactly(run, count, connections) {
  const wrong = [];
  const expect = (what, is, want) => is === want || wrong.push(`${what} ${is}, not ${want}`);

  expect('status', run.end.status, 0);
  expect('server', run.server.length, count);
  expect('requests', run.requests.length, count);
  expect('in flight', run.summary.in_flight, 0);
  expect('lost', run.summary.loss.total, 0);
  expect('sequence numbers', new Set(run.requests.map((r) => r.seq)).size, count);
  expect('complete', run.requests.filter(whole).length, count);
  expect('https', run.requests.filter((r) => r.scheme === 'https').length, count);
  if (connections)
    expect('connections', new Set(run.requests.map((r) => r.conn)).size, connections);
  return wrong;
}

const drive = (args) => async () => (await load(WHERE, args.map(String)));

async function keepAlive(node, args, suffix) {
  const run = await observe(node, drive(['--tls', 'any', '-c', CONNECTIONS, '-n', REQUESTS,
    '--mix', MIX]), args);
  const { log, result } = run.client;
  const times = compareTimes(run.requests, log, run.server);
  const report = await reported(run.file);

  verdict(node.name, `exactly ${REQUESTS}${suffix}`, [
    ...exactly(run, REQUESTS, CONNECTIONS),
    ...(result.errors.total === 0 ? [] : [`${result.errors.total} errors`]),
  ]);
  verdict(node.name, `fields${suffix}`, compareAll(run.requests, log, run.server, true));
  verdict(node.name, `latency${suffix}`, times.wrong, times.detail);
  verdict(node.name, `breakdown${suffix}`, breakdownWrong(run.requests));
  verdict(node.name, `report${suffix}`, report.requests.tls === REQUESTS &&
    !report.notes?.some((n) => /TLS/.test(n)) ? [] :
    [`${report.requests.tls} over TLS, ${JSON.stringify(report.notes)}`]);
}

/* Every request on a connection of its own, which goes on with an earlier one's session. */
async function resumption(node, version) {
  const run = await observe(node, drive(['--tls', version, '--resume', '-H', 'connection: close',
    '-c', 4, '-n', RESUMED, '--mix', MIX]));
  const { log, result } = run.client;

  verdict(node.name, `resumed, TLS ${version}`, [
    ...exactly(run, RESUMED, RESUMED),
    ...(result.tls.resumed >= RESUMED * RESUMED_MIN ? [] : [`only ${result.tls.resumed} resumed`]),
    ...compareAll(run.requests, log, run.server, true),
  ], `${result.tls.resumed} of ${result.tls.handshakes} handshakes`);
}

/* One request by Node.js' own client; resolves to the length of the response's body. */
function exchange(agent, path, method, body) {
  return new Promise((resolve, reject) => {
    const req = https.request({ host: '127.0.0.1', port: PORT, agent, path, method,
      rejectUnauthorized: false, headers: { 'content-length': body.length } }, (res) => {
      let length = 0;
      res.on('data', (data) => { length += data.length; });
      res.on('end', () => resolve(length));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function uploadAndDownload() {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 3 });
  const body = Buffer.alloc(LARGE_BYTES, 'x');
  const sizes = Array.from({ length: LARGE }, (_, i) => Math.floor(LARGE_BYTES * (i + 1) / LARGE));
  const wrong = [];

  await Promise.all(sizes.map(async (size, i) => {
    const down = i % 2 === 0;
    const length = await exchange(agent, down ? '/echo' : '/put', 'POST',
      body.subarray(0, size));
    if (length !== (down ? size : String(size).length))
      wrong.push(`${size} bytes came back as ${length}`);
  }));
  agent.destroy();
  return wrong;
}

async function large(node) {
  const run = await observe(node, uploadAndDownload);
  const server = new Map(run.server.map((s) => [`${s.port}/${s.seq}`, s]));
  const wrong = exactly(run, LARGE);

  for (const req of run.requests) {
    const s = server.get(`${req.peer_port}/${req.conn_seq}`);
    for (const field of ['method', 'path', 'status', 'bytes_in', 'bytes_out'])
      if (req[field] !== s?.[field])
        wrong.push(`${req.path}: ${field} ${req[field]}, server ${s?.[field]}`);
  }
  verdict(node.name, 'large bodies', [...run.client, ...wrong],
    `up to ${Math.max(...run.requests.map((r) => r.bytes_in))} bytes in and out`);
}

async function pipelined(node) {
  const run = await observe(node, drive(['--tls', 'any', '-p', 8, '-c', 10, '-n', MANY,
    '--mix', 'GET /sync\nGET /length\nGET /fails\nGET /promise']));
  const of = (list, path) => list.filter((r) => r.path === path);
  const wrong = exactly(run, MANY, 10);

  for (const [path, status] of [['/sync', 200], ['/length', 200], ['/fails', 500],
    ['/promise', 200]]) {
    const seen = of(run.requests, path);
    if (seen.length !== MANY / 4 || seen.some((r) => r.status !== status))
      wrong.push(`${path}: ${seen.length}, ${[...new Set(seen.map((r) => r.status))]}`);
  }
  verdict(node.name, 'pipelined', wrong);
}

/* What the process asks of others over TLS is not what it serves, even if it asks itself. */
async function outgoing(node) {
  const run = await observe(node, drive(['--tls', 'any', '-c', 5, '-n', CALLS,
    '--mix', 'GET /call']), [], 'tls_calls.js');
  const of = (path) => run.requests.filter((r) => r.path === path && r.status === 200).length;
  const wrong = exactly(run, 2 * CALLS);

  if (of('/call') !== CALLS || of('/leaf') !== CALLS)
    wrong.push(`${of('/call')} calls, ${of('/leaf')} leaves`);
  verdict(node.name, 'outgoing', wrong);
}

/* Of each connection: how many requests were over before the first that was seen, by their times. */
function missed(requests, log) {
  const ports = new Set(requests.map((r) => r.peer_port));
  const nearest = (req, list) => list.reduce((best, c) =>
    (Math.abs(c.start_ns - req.start_ns) < Math.abs(best.start_ns - req.start_ns) ? c : best));

  return new Map([...ports].map((port) => {
    const list = log.filter((c) => c.port === port);
    const counts = requests.filter((r) => r.peer_port === port)
      .map((r) => nearest(r, list).seq - r.conn_seq).sort((a, b) => a - b);
    return [port, counts[counts.length >> 1]];
  }));
}

/* Connections that are at work when the agent comes are met in the middle. */
async function older(node) {
  const tls = overTls();
  const service = await startService(node, 'mixed.js', [PORT], tls);

  try {
    const running = startLoad(WHERE, ['--tls', 'any', '-c', '8', '-d', '60s', '--rate', '400',
      '--mix', 'GET /sync\nPOST /echo {"a": 1}\nGET /fails']);
    await sleep(500);
    const agent = await record([service.pid]);
    await sleep(1500);
    const end = await agent.stop();
    const { log } = await running.stop();
    const { requests, summary } = await exported(agent.file);
    const clients = new Map(log.map((c) => [`${c.port}/${c.seq}`, c]));
    const before = missed(requests, log);
    const wrong = [];

    for (const req of requests.filter(whole)) {
      const c = clients.get(`${req.peer_port}/${req.conn_seq + before.get(req.peer_port)}`);
      if (!c || c.method !== req.method || c.path !== req.path || c.status !== req.status ||
        c.bytes_in !== req.bytes_out || c.bytes_out !== req.bytes_in)
        wrong.push(`${req.method} ${req.path} ${req.status}: ${JSON.stringify(c)}`);
    }
    const at = [Math.min(...requests.map((r) => r.start_ns)),
      Math.max(...requests.map((r) => r.end_ns))];
    const meant = log.filter((c) => c.start_ns > at[0] && c.end_ns < at[1]).length;
    if (requests.length < 100 || requests.filter(whole).length < meant * 0.97)
      wrong.push(`${requests.length} seen, ${requests.filter(whole).length} whole, of ${meant}`);
    if (requests.some((r) => r.scheme !== 'https') || end.status !== 0 || summary.loss.total)
      wrong.push(`status ${end.status}, ${JSON.stringify(summary.loss)}: ${end.stderr}`);
    if (new Set(requests.map((r) => r.conn)).size !== 8)
      wrong.push(`${new Set(requests.map((r) => r.conn)).size} connections`);
    verdict(node.name, 'older connections', wrong, `${requests.length} requests`);
  } finally {
    await service.kill();
  }
}

for (const node of nodes()) {
  if (selected('older'))
    await part(node.name, 'older connections', () => older(node));
  if (selected('keep-alive'))
    await part(node.name, `exactly ${REQUESTS}`, () => keepAlive(node, [], ''));
  if (selected('resumed'))
    for (const version of ['1.2', '1.3'])
      await part(node.name, `resumed, TLS ${version}`, () => resumption(node, version));
  if (selected('large'))
    await part(node.name, 'large bodies', () => large(node));
  if (selected('pipelined'))
    await part(node.name, 'pipelined', () => pipelined(node));
  if (selected('outgoing'))
    await part(node.name, 'outgoing', () => outgoing(node));
}
/* The ways for older kernels must give the same. */
for (const node of nodes(['18', '26', 'debian'])) {
  if (selected('syscall'))
    await part(node.name, `exactly ${REQUESTS}, syscall`, () => keepAlive(node,
      ['--byte-source', 'syscall', '--attach-method', 'perf'], ', syscall'));
}
finish('https');
