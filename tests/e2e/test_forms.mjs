// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every form of HTTP/1 message and fate of a connection, byte for byte: what was seen is what
// was sent, nothing is made up, and the latency breakdown says where the time went.
//
// test-timeout: 240
import { connections, oldConnections, unixSocket } from './lib/forms_connections.mjs';
import { messages } from './lib/forms_messages.mjs';
import { nodes, selected } from './lib/env.mjs';
import { exported, record, sleep, startService, tmpFile } from './lib/proc.mjs';
import { finish, notOk, part, verdict } from './lib/report.mjs';

const PORT = 25080;
const FIELDS = ['method', 'path', 'status', 'http', 'bytes_in', 'bytes_out', 'conn_seq', 'outcome'];

const whole = (req) => req.outcome === 'complete' || req.outcome === 'upgraded';

function compareOne(want, req) {
  const wrong = [];

  for (const field of FIELDS) {
    const value = field === 'outcome' ? want.outcome ?? 'complete' : want[field];
    if (value !== undefined && req[field] !== value)
      wrong.push(`${want.method} ${want.path}: ${field} ${req[field]}, not ${value}`);
  }
  if (want.port && req.peer_port !== want.port)
    wrong.push(`${want.path}: peer port ${req.peer_port}, not ${want.port}`);
  if (whole(req) && req.incomplete)
    wrong.push(`${want.path}: incomplete because of ${req.incomplete_because}`);
  const sum = Object.values(req.breakdown_ns).reduce((n, v) => n + (v ?? NaN), 0);
  if (req.outcome === 'complete' && sum !== req.duration_ns)
    wrong.push(`${want.path}: breakdown ${JSON.stringify(req.breakdown_ns)}`);
  const why = want.check?.(req);
  if (why)
    wrong.push(`${want.path}: ${why}`);
  return wrong;
}

/* @mine: the requests seen on the connections of a scenario, in order of their heads. */
function compare(wanted, mine) {
  const wrong = [];
  const left = [...mine];

  for (const want of wanted) {
    const i = left.findIndex((r) => r.method === want.method && r.path === want.path);
    if (i < 0) {
      wrong.push(`${want.method} ${want.path} was not seen`);
      continue;
    }
    wrong.push(...compareOne(want, left.splice(i, 1)[0]));
  }
  for (const req of left)
    wrong.push(`made up: ${req.method} ${req.path} ${req.status} ${req.outcome}`);
  return wrong;
}

/*
 * One recording of all scenarios, one after the other; what a scenario's requests are is told by
 * the time of their heads.
 */
async function scenarios(node, where, service) {
  const runs = [];

  for (const [name, fn] of Object.entries({ ...messages, ...connections })) {
    if (!selected(name))
      continue;
    if (service.child.end)
      throw new Error(`the service ended before '${name}': ${service.stderr}`);
    const from = Number(process.hrtime.bigint());
    try {
      runs.push({ name, from, wanted: await fn(where) });
    } catch (err) {
      runs.push({ name, from, wanted: [] });
      notOk(node.name, name, `the scenario itself failed: ${err.stack}`);
    }
    await sleep(5);
  }
  return runs;
}

function judge(node, runs, requests, suffix) {
  for (const [i, run] of runs.entries()) {
    const to = runs[i + 1]?.from ?? Infinity;
    const mine = requests.filter((r) => r.recv_ns >= run.from && r.recv_ns < to);
    verdict(node.name, `${run.name}${suffix}`, compare(run.wanted, mine));
  }
}

/* @args: what the agent is told besides; @suffix names such a variant in the matrix. */
async function testForms(node, args = [], suffix = '') {
  const socket = tmpFile('socket');
  const where = { port: PORT, host: '127.0.0.1' };
  const service = await startService(node, 'forms.js', [PORT, socket]);

  try {
    const agent = await record([service.pid], args);
    const runs = await scenarios(node, where, service);
    const end = await agent.stop();
    const { requests, summary } = await exported(agent.file);

    judge(node, runs, requests, suffix);
    verdict(node.name, `clean${suffix}`, [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(summary.loss)}`]),
      ...(requests.some((r) => r.path.includes('fake-request') ||
        r.path.includes('called-upstream')) ? ['requests made up of raw bytes or calls'] : []),
    ]);
  } finally {
    await service.kill();
  }
}

const sorted = (list) => list.map((r) => [r.method, r.path, r.status, r.in, r.out].join(' '))
  .sort();

async function testUnix(node) {
  const socket = tmpFile('socket');
  const service = await startService(node, 'forms.js', [PORT, socket]);

  try {
    const agent = await record([service.pid]);
    const log = await unixSocket(socket);
    await agent.stop();
    const { requests } = await exported(agent.file);
    const seen = sorted(requests.map((r) => ({ ...r, in: r.bytes_in, out: r.bytes_out })));
    const sent = sorted(log.map((c) => ({ ...c, in: c.bytes_out, out: c.bytes_in })));
    const wrong = seen.length === sent.length ? [] : [`${seen.length} of ${sent.length} seen`];

    for (const [i, line] of sent.entries())
      if (seen[i] !== line)
        wrong.push(`${seen[i]}, not ${line}`);
    if (requests.some((r) => r.peer_port !== 0 || r.incomplete))
      wrong.push('a port, or incomplete');
    verdict(node.name, 'unix socket', wrong);
  } finally {
    await service.kill();
  }
}

/* What began before the attach is incomplete, if told at all; what follows is exact. */
async function testOld(node) {
  const socket = tmpFile('socket');
  const service = await startService(node, 'forms.js', [PORT, socket]);

  try {
    const goOn = await oldConnections({ port: PORT, host: '127.0.0.1' }, service);
    const agent = await record([service.pid]);
    const wanted = await goOn();
    await agent.stop();
    const { requests } = await exported(agent.file);
    const next = requests.filter((r) => r.path.startsWith('/plain/old-next'));
    const piped = requests.filter((r) => r.path.endsWith('/old-pipelined'));
    const others = requests.filter((r) => !next.includes(r) && !piped.includes(r));

    verdict(node.name, 'older connections', [...compare(wanted, next),
      ...others.filter((r) => !r.incomplete).map((r) => `not incomplete: ${JSON.stringify(r)}`)],
    `${others.length} told as incomplete`);
    verdict(node.name, 'older pipelining', piped
      .filter((r) => !r.incomplete && r.path !== `/status/${r.status}/old-pipelined`)
      .map((r) => `${r.path} has status ${r.status} and is not incomplete`));
  } finally {
    await service.kill();
  }
}

for (const node of nodes(['18', '22', '26', 'debian'])) {
  await part(node.name, 'clean', () => testForms(node));
  if (selected('unix'))
    await part(node.name, 'unix socket', () => testUnix(node));
  if (selected('older'))
    await part(node.name, 'older connections', () => testOld(node));
}
for (const node of nodes(['22'])) {
  if (selected('syscall'))
    await part(node.name, 'clean, syscall', () => testForms(node,
      ['--byte-source', 'syscall'], ', syscall'));
}
finish('forms');
