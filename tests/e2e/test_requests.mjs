// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// 2,000 keep-alive requests over 20 connections, on every version: each is seen once, and each
// field says what the client's and the server's own logs say.
//
// test-timeout: 300
import { Agent, load, exported, record, reported, startService } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { MIX, breakdownWrong, compareAll, compareTimes, plausibleWrong,
  whole } from './lib/fields.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const PORT = 25000;
const REQUESTS = 2000;
const CONNECTIONS = 20;
function totals(summary, requests, client, server, host) {
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
  expect('from there', requests.filter((r) => r.peer_addr === host).length, REQUESTS);
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
async function testVersion(node, args = [], suffix = '', host = '127.0.0.1') {
  const service = await startService(node, 'mixed.js', [PORT, host]);

  try {
    const agent = await record([service.pid], args);
    const { log: client, result } = await load(`${host}:${PORT}`,
      ['-c', CONNECTIONS, '-n', REQUESTS, '--mix', MIX].map(String));
    const end = await agent.stop();
    const server = await service.dump();
    const { requests, summary } = await exported(agent.file);

    verdict(node.name, `clean end${suffix}`, end.status === 0 && result.errors.total === 0 ? [] :
      [`status ${end.status}, ${result.errors.total} errors: ${end.stderr}`]);
    verdict(node.name, `exactly 2000${suffix}`, totals(summary, requests, client, server, host));
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
for (const node of nodes(['20', '24'])) {
  if (selected('IPv6'))
    await part(node.name, 'exactly 2000, IPv6', () => testVersion(node, [], ', IPv6', '::1'));
}
for (const node of nodes(['22'])) {
  if (selected('live'))
    await part(node.name, 'live report', () => testLive(node));
}
finish('requests');
