// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The stores that are active at writes to standard output and error: equal to what getStore() gave
// there, which each line itself says (services/lines.js), write by write; on pipes, files and
// sockets, in the main thread and in a worker. The service writes the same bytes with and without
// an agent. In the broken payment service, lines show harm, and only where they really do.
//
// test-timeout: 600
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';

import { selected, SERVICES, TMP } from './lib/env.mjs';
import { findings, join, warm } from './lib/context.mjs';
import { observePayments } from './lib/payment.mjs';
import { exported, jsonLines, load, record, reported, sleep, track, within } from './lib/proc.mjs';
import { Raw } from './lib/raw.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const READY_MS = 30000;
const ROUNDS = 3;
const FLOOD = 300;
const STREAMS = ['stdout', 'stderr'];
/* No collection during the few requests: see test_context_shapes.mjs. */
const FLAGS = ['--min-semi-space-size=32', '--max-semi-space-size=64'];

/* What the shell gives its commands; Node.js itself would give a socket. */
const PIPED = 'exec "$@" > >(cat >"$OUT") 2> >(cat >"$ERR")';

/* The service with its output going to files, through pipes, or over sockets. */
function start(variant, kind, args) {
  const files = STREAMS.map((name) => path.join(TMP, `${variant.name}-${kind}-${name}`));
  const argv = [...variant.flags, ...FLAGS, path.join(SERVICES, 'lines.js'), ...args];
  const env = { ...process.env, NODE_OPTIONS: '', OUT: files[0], ERR: files[1] };
  const fds = kind === 'file' ? files.map((f) => fs.openSync(f, 'w')) : ['pipe', 'pipe'];
  const command = kind === 'pipe' ? ['bash', ['-c', PIPED, 'lines', variant.path, ...argv]] :
    [variant.path, argv];
  const child = track(spawn(...command, { stdio: ['ignore', ...fds, 'ipc'], env }));

  if (kind === 'socket')
    STREAMS.forEach((name, i) => child[name].pipe(fs.createWriteStream(files[i])));
  return { child, files, ready: new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.closed.then(() => reject(new Error('the service ended')));
  }) };
}

/* Every route, one after the other; then many at once of a route that awaits. */
async function drive({ port, routes }) {
  const where = { host: '127.0.0.1', port };
  const raw = await Raw.open(where);

  for (let i = 0; i < ROUNDS; i++) {
    for (const route of routes)
      await raw.exchange(`GET /${route} HTTP/1.1\r\nHost: lines\r\n\r\n`);
  }
  await raw.end();
}

const flood = ({ port }) => load(`127.0.0.1:${port}`,
  ['-c', '20', '-n', String(FLOOD), '--mix', 'GET /sleep\nGET /await']);

async function ended(service) {
  service.child.kill('SIGTERM');
  await within(service.child.closed, READY_MS, 'end of the service');
  await sleep(100); /* what is in the pipes */
  return service.files.map((f) => fs.readFileSync(f, 'utf8'));
}

/* The same work without an agent: what is written then. */
async function alone(variant, kind, args) {
  const service = start(variant, kind, args);
  await drive(await within(service.ready, READY_MS, 'service'));
  return ended(service);
}

async function watched(variant, kind, args) {
  const service = start(variant, kind, args);
  const ready = await within(service.ready, READY_MS, 'service');
  const agent = await record([service.child.pid], ['--show-values']);
  const what = fs.readlinkSync(`/proc/${service.child.pid}/fd/1`);

  await drive(ready);
  const before = service.files.map((f) => fs.readFileSync(f, 'utf8'));
  if (kind !== 'socket') /* nobody would read these while this process is busy */
    await flood(ready);
  await sleep(100);
  const end = await agent.stop();
  const texts = await ended(service);
  return { ...await exported(agent.file, ['--show-values']), report: await reported(agent.file),
    end, texts, before, what };
}

const idOf = (store) => store?.fields.find(({ name }) => name === 'requestId')?.value;

/* One write against the text that it wrote. */
function writeWrong(line, text) {
  const real = new Set(text.split('\n').filter(Boolean).map((l) => l.split(' ')[0]));
  const [want, ...more] = real;
  const route = text.split(' ')[1];
  const where = `${route} '${text.slice(0, 40)}'`;
  const got = line.stores.map(({ store }) => idOf(store)).find(Boolean) ?? '-';

  if (more.length)
    return `${where}: one write has ${[...real]}`;
  if (route === 'pool')
    return line.context === 'other_thread' ? '' : `${where}: is ${line.context}`;
  if (!['read', 'none'].includes(line.context))
    return `${where}: is ${line.context}`;
  return got === want ? '' : `${where}: read as ${got}`;
}

function streamWrong(lines, text) {
  const bytes = Buffer.from(text);
  const wrong = [];
  let at = 0;

  for (const line of lines) {
    const piece = bytes.subarray(at, at + line.bytes).toString();
    at += line.bytes;
    wrong.push(piece.endsWith('\n') ? writeWrong(line, piece) : `cut in '${piece.slice(0, 40)}'`);
    if (line.captured !== Math.min(line.bytes, 16384))
      wrong.push(`${line.captured} of ${line.bytes} bytes captured`);
  }
  if (at !== bytes.length)
    wrong.push(`${at} bytes were seen, ${bytes.length} written`);
  return wrong.filter(Boolean);
}

/* Whose a line is: the request that its connection's lines name, by store, in the order served. */
function whoseWrong(run) {
  const owners = new Map();
  const wrong = [];

  for (const line of run.lines.filter((l) => l.request_by === 'store')) {
    const id = line.stores.map(({ store }) => idOf(store)).find(Boolean);
    if (!id || id.startsWith('nested'))
      continue;
    const known = owners.get(line.request_seq);
    if (known && known !== id)
      wrong.push(`request ${line.request_seq} has lines of ${known} and ${id}`);
    owners.set(line.request_seq, id);
  }
  if (owners.size < run.requests.length / 2)
    wrong.push(`${owners.size} of ${run.requests.length} requests have lines`);
  const order = [...owners].sort((a, b) => a[0] - b[0]).map(([, id]) => id);
  if (order.some((id, i) => i > 0 && id < order[i - 1]))
    wrong.push('lines are of other requests: they are not in the order in which these came');
  return wrong;
}

function sumsWrong(run) {
  const wrong = [];

  for (const name of STREAMS) {
    const lines = run.lines.filter((l) => l.stream === name);
    const sums = run.report.lines[name];
    const of = (key, value) => lines.filter((l) => l[key] === value).length;
    const want = { seen: lines.length, store: of('context', 'read'),
      no_store: of('context', 'none'), unreadable: of('context', 'unreadable'),
      other_thread: of('context', 'other_thread'), by_store: of('request_by', 'store'),
      by_callback: of('request_by', 'callback') };
    for (const [key, n] of Object.entries(want)) {
      if (sums[key] !== n)
        wrong.push(`${name}: ${key} is ${sums[key]}, not ${n}`);
    }
  }
  return wrong;
}

async function values(variant, kind, args, title) {
  const base = await alone(variant, kind, args);
  const run = await watched(variant, kind, args);
  const kinds = { pipe: /^pipe:/, file: /^\//, socket: /^socket:/ };
  const count = STREAMS.map((s) => run.lines.filter((l) => l.stream === s).length);

  verdict(variant.name, `${title}: seen`, [
    ...(run.end.status === 0 ? [] : [`status ${run.end.status}: ${run.end.stderr}`]),
    ...(run.summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(run.summary.loss)}`]),
    ...(kinds[kind].test(run.what) ? [] : [`stdout is ${run.what}`]),
    ...(run.lines.some((l) => 'text' in l) ? ['the text is in the capture'] : []),
  ], `${count} writes to a ${kind}`);
  verdict(variant.name, `${title}: values`,
    STREAMS.flatMap((s, i) => streamWrong(run.lines.filter((l) => l.stream === s), run.texts[i])),
    `${count} writes`);
  verdict(variant.name, `${title}: whose`, whoseWrong(run));
  verdict(variant.name, `${title}: sums`, sumsWrong(run));
  verdict(variant.name, `${title}: unchanged`, STREAMS.map((s, i) =>
    (run.texts[i].startsWith(base[i]) ? '' : `${s} is not the same with an agent`))
    .filter(Boolean), `${base.map((t) => t.length)} bytes`);
}

const MIX = [
  ...Array.from({ length: 11 }, (_, i) => `POST /process-payment {"amount": ${i + 1}.5}`),
  'GET /users/7/payments',
].join('\n');
const PAYMENTS = 2000;

const drivePayments = async (where) => {
  await load(where, ['-c', '80', '--mix', MIX, '-n', String(PAYMENTS), '--request-id']);
  await load(where, ['-c', '3', '--mix', MIX, '-n', '400', '--request-id']);
};

/* Each sign is in the log; and of the responses under a foreign store most have one. */
async function payments(variant) {
  const run = await observePayments(variant, 'broken', drivePayments, { args: ['--log'] });
  const logged = new Set(run.stdout.filter((l) => l.startsWith('{')).map((l) => JSON.parse(l))
    .map((l) => `${l.request} ${l.requestId}`));
  const wrong = [];
  let [foreign, signs] = [0, 0];

  for (const { req, entry } of join(run.requests, run.log, run.since).pairs) {
    for (const f of findings(req, 'foreign')) {
      foreign++;
      if (!f.id_in_log_line)
        continue;
      signs++;
      if (f.grade !== 'harm' || !f.signs.includes('log_line') || f.log_line_field !== 'requestId')
        wrong.push(`${req.path}: ${JSON.stringify(f)}`);
      if (entry.contextSeq === entry.service_seq ||
        !logged.has(`${entry.requestId} ${entry.contextId}`))
        wrong.push(`${req.path}: no line of ${entry.requestId} names ${entry.contextId}`);
    }
  }
  verdict(variant.name, 'payments: right', wrong, `${signs} signs in lines`);
  verdict(variant.name, 'payments: found', signs > foreign * 0.8 && foreign > PAYMENTS / 4 ? [] :
    [`${signs} of ${foreign} findings have a sign in a line`], `${signs} of ${foreign}`);
  verdict(variant.name, 'payments: none without', run.requests
    .flatMap((r) => findings(r, 'lost')).filter((f) => f.id_in_log_line)
    .map((f) => JSON.stringify(f)));
}

const PARTS = [
  ['pipe', 'pipe', []], ['file', 'file', []], ['socket', 'socket', []],
  ['worker', 'file', ['worker']],
];

for (const variant of variants()) {
  for (const [title, kind, args] of PARTS) {
    if (selected(title))
      await part(variant.name, `${title}: seen`, () => values(variant, kind, args, title));
  }
  if (selected('payments'))
    await part(variant.name, 'payments: right', () => payments(variant));
}
finish('context-lines');
