// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2: one request a stream, on every version, 100 at once on each of several connections, in
// both styles of Node.js' API: each is seen once, and each field says what the client and the
// service say, also of streams that are reset. Which store was active when a stream's response
// was handed in: a service that mixes up streams is found out, one that does not gives nothing.
//
// test-timeout: 1200
import { exported, record, reported, sleep, startService, tmpFile } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { contexts, counted } from './lib/context.mjs';
import { Client, contextsWrong, key, wrongFields, wrongTimes } from './lib/http2.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { certificate } from './lib/tls.mjs';
import { variants } from './lib/variants.mjs';

const CONNECTIONS = 4;
const ROUNDS = 12; /* of the mix, on each connection */
const POOL = 150; /* payments on each connection */
const WIDTH = 100;
const POOL_WIDTH = 25; /* more than 256 waiting requests are not all remembered */
const RECALL_MIN = 0.95;
/* A hundred streams wait through each collection, before which 64 objects at most are looked up. */
const OWN_MIN = 0.8;

const body = (n) => Buffer.alloc(n, 'b');

/* HEAD, no body, bodies beyond a window, trailers both ways, resets by either side. */
const MIX = [
  { path: '/sync' }, { path: '/timer?x=1' }, { path: '/promise' }, { path: '/tick' },
  { path: '/nothing' }, { path: '/head', method: 'HEAD' }, { path: '/file' }, { path: '/big' },
  { path: '/fails' }, { path: '/nowhere/17' }, { path: '/pieces' }, { path: '/hints' },
  { path: '/echo', method: 'POST', body: body(100) },
  { path: '/echo', method: 'PUT', body: body(200000) },
  { path: '/upload', method: 'POST', body: body(70000) },
  { path: '/echo', method: 'POST', body: body(0) },
  { path: '/trailers', method: 'POST', body: body(3000), trailers: { 'x-count': '3' } },
  { path: '/unread', method: 'POST', body: body(10) },
  { path: '/reset' }, { path: '/refuse' }, { path: '/cut' }, { path: '/quiet' },
  { path: '/hang', cancel_ms: 20 },
  { path: '/sync', method: 'REPORT' }, { path: '/sync', method: 'DELETE' },
  { path: `/nowhere/${'long'.repeat(200)}?secret=1` },
];

const POOLED = [
  ...Array.from({ length: POOL }, (_, i) => ({ path: '/pool/pay', method: 'POST',
    body: body(10 + i), headers: { 'x-request-id': '' } })),
  ...Array.from({ length: POOL / 3 }, () => ({ path: '/promise' })),
  ...Array.from({ length: POOL / 3 }, (_, i) => ({ path: '/echo', method: 'POST',
    body: body(10 + i) })),
];

const RIGHT = Array.from({ length: 60 }, (_, i) => ['nested', 'elsewhere', 'enter', 'shared', 'meet',
  'promise', 'tick', 'file', 'timer', 'garbage', 'pieces'].map((name) => ({ path: `/${name}/${i}` })))
  .flat().concat(Array.from({ length: 120 }, (_, i) => ({ path: `/late/${i}`, method: 'POST',
    body: body(100 + i * 200) })));

const WARM = Array.from({ length: 5 }, () => ({ path: '/promise' }));

const shuffled = (list) => list.map((x, i) => [(i * 7919) % list.length, x])
  .sort((a, b) => a[0] - b[0]).map(([, x]) => x);

/* The same work on each connection, at the same time. */
async function drive(wheres, list, opts = {}) {
  const { width = WIDTH, ...more } = opts;
  const clients = await Promise.all(wheres.map((where) => Client.open(where, more)));
  /* Some answers first: what a store looks like is learned from those that are seen. */
  const warm = await Promise.all(clients.map((c) => c.all(WARM)));
  const logs = await Promise.all(clients.map((c) => c.all(shuffled(list), width)));

  await Promise.all(clients.map((c) => c.close()));
  return [...warm, ...logs].flat();
}

const alternate = (ports, n) => Array.from({ length: n }, (_, i) => ports[i % ports.length]);

/* Runs @work(service) under an agent. */
async function observe(node, args, agentArgs, work) {
  const service = await startService(node, 'http2.js', args, { flags: node.flags ?? [] });

  try {
    const agent = await record([service.pid], agentArgs);
    const client = await work(service);
    await sleep(200);
    const end = await agent.stop();
    const { log: server } = await service.dump();
    return { client, end, server, ...await exported(agent.file),
      report: await reported(agent.file) };
  } finally {
    await service.kill();
  }
}

function wrongEnd({ end, summary, requests }, want) {
  return [
    ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
    ...(requests.length === want ? [] : [`${requests.length} requests, not ${want}`]),
    ...(summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(summary.loss)}`]),
    ...(summary.in_flight === 0 ? [] : [`${summary.in_flight} in flight`]),
  ];
}

async function fields(node, agentArgs = [], suffix = '') {
  const list = Array.from({ length: ROUNDS }, () => MIX).flat();
  const run = await observe(node, ['fixed'], agentArgs,
    (service) => drive(alternate(service.ready.ports, CONNECTIONS), list));
  const { wrong } = contextsWrong(run.requests, run.server);

  verdict(node.name, `every stream once${suffix}`, [
    ...wrongEnd(run, CONNECTIONS * (WARM.length + list.length)),
    ...(new Set(run.requests.map((r) => r.conn)).size === CONNECTIONS ? [] : ['connections']),
    ...(new Set(run.requests.map((r) => r.seq)).size === run.requests.length ? [] : ['seq']),
  ], `${run.requests.length}`);
  verdict(node.name, `fields${suffix}`, wrongFields(run.requests, run.client, run.server));
  verdict(node.name, `times${suffix}`, wrongTimes(run.requests, run.client, 2e6, 0.95));
  verdict(node.name, `silent${suffix}`, wrong, counted(contexts(run.requests)));
  verdict(node.name, `report${suffix}`, [
    ...(run.report.requests.total === run.requests.length ? [] : ['total']),
    ...(run.report.findings.foreign === 0 ? [] : ['foreign']),
  ]);
}

/* What was begun before the attach is not invented; what comes after is whole. */
async function midway(node) {
  const service = await startService(node, 'http2.js', ['fixed']);

  try {
    const client = await Client.open(service.ready.ports[0]);
    const old = client.all(Array.from({ length: 5 }, () => ({ path: '/hang', cancel_ms: 4000 })));
    const before = await client.all(MIX, 10);
    const agent = await record([service.pid]);
    const after = await client.all([...MIX, ...MIX], WIDTH);
    await old;
    await client.close();
    await sleep(100);
    const end = await agent.stop();
    const { log: server } = await service.dump();
    const { requests, summary } = await exported(agent.file);
    const early = new Set(before.map(key));

    verdict(node.name, 'attach in mid-connection', [
      ...wrongEnd({ end, summary, requests }, after.length),
      ...wrongFields(requests, after, server.filter((s) => !early.has(key(s)))),
    ], `${requests.length} after the attach`);
  } finally {
    await service.kill();
  }
}

/* The peer goes away with streams open: they are aborted by the client. */
async function gone(node) {
  const run = await observe(node, ['fixed'], [], async (service) => {
    const client = await Client.open(service.ready.ports[1]);
    const hung = client.all(Array.from({ length: 10 }, () => ({ path: '/hang' })), 10);
    await sleep(300);
    client.session.destroy();
    return hung;
  });

  verdict(node.name, 'connection lost', [
    ...wrongEnd(run, 10),
    ...run.requests.filter((r) => r.outcome !== 'aborted_by_client')
      .map((r) => `${r.path} ${r.outcome}`),
  ]);
}

async function over(node, kind) {
  const pem = kind === 'tls' ? certificate() : null;
  const where = tmpFile('h2.sock');
  const args = kind === 'tls' ? ['fixed', 'tls', pem.key, pem.cert] : ['fixed', 'unix', where];
  const list = Array.from({ length: 4 }, () => MIX).flat();
  const run = await observe(node, args, [], (service) => (kind === 'tls' ?
    drive(alternate(service.ready.ports, CONNECTIONS).map((p) => `https://127.0.0.1:${p}`), list) :
    drive(['http://localhost'], list, { path: service.ready.ports[0] })));

  verdict(node.name, `over ${kind}: every stream once`,
    wrongEnd(run, (kind === 'tls' ? CONNECTIONS : 1) * (WARM.length + list.length)));
  verdict(node.name, `over ${kind}: fields`,
    wrongFields(run.requests, run.client, run.server));
  verdict(node.name, `over ${kind}: silent`, contextsWrong(run.requests, run.server).wrong,
    counted(contexts(run.requests)));
}

/* @mode: broken or fixed. */
async function mixups(variant, mode) {
  let n = 0;
  const named = POOLED.map((what) => (what.headers ?
    { ...what, headers: { 'x-request-id': `client-${String(++n).padStart(12, '0')}` } } : what));
  const run = await observe(variant, [mode], [],
    (service) => drive(alternate(service.ready.ports, CONNECTIONS), named,
      { width: POOL_WIDTH }));
  const { wrong, real, found, open, harm } = contextsWrong(run.requests, run.server);

  verdict(variant.name, `${mode}: seen`, wrongEnd(run, CONNECTIONS * (WARM.length + named.length)));
  verdict(variant.name, `${mode}: right`, wrong,
    `${found} of ${real} found, ${open} left open: ${counted(contexts(run.requests))}`);
  if (mode === 'fixed')
    verdict(variant.name, 'fixed: decided', [
      ...(real === 0 ? [] : [`${real} are foreign: the service is not right`]),
      ...(run.requests.filter((r) => r.context === 'own').length > run.requests.length * OWN_MIN ?
        [] : [counted(contexts(run.requests))]),
    ]);
  else
    verdict(variant.name, 'broken: found', [
      ...(real > POOL ? [] : [`only ${real} were foreign: nothing was tested`]),
      ...(found >= (real - open) * RECALL_MIN && found >= real / 2 ? [] :
        [`${found} of ${real}, ${open} left open`]),
      ...(harm >= found * RECALL_MIN ? [] : [`only ${harm} have their id in the response`]),
    ], `${harm} harm`);
}

/* Ways to carry a context that are right, under pressure of garbage: no finding whatever. */
async function silent(variant, kind) {
  const run = await observe(variant, ['fixed', kind], [],
    (service) => drive(alternate(service.ready.ports, CONNECTIONS), RIGHT, { width: 30 }));
  const found = run.requests.filter((r) => r.findings.length > 0)
    .map((r) => `${r.path} ${key(r)}: ${JSON.stringify(r.findings)}`);

  verdict(variant.name, `right, over ${kind}: seen`,
    wrongEnd(run, CONNECTIONS * (WARM.length + RIGHT.length)));
  verdict(variant.name, `right, over ${kind}: silent`, [
    ...run.server.filter((s) => s.is === 'foreign').map((s) => `not right: ${JSON.stringify(s)}`),
    ...found, ...contextsWrong(run.requests, run.server).wrong,
  ], counted(contexts(run.requests)));
}

for (const node of nodes()) {
  if (selected('fields'))
    await part(node.name, 'every stream once', () => fields(node));
  if (selected('midway'))
    await part(node.name, 'attach in mid-connection', () => midway(node));
  if (selected('tls'))
    await part(node.name, 'over tls: every stream once', () => over(node, 'tls'));
}
for (const node of nodes(['18', '22', '26'])) {
  if (selected('syscall'))
    await part(node.name, 'every stream once, syscall', () => fields(node,
      ['--byte-source', 'syscall', '--attach-method', 'perf'], ', syscall'));
  if (selected('gone'))
    await part(node.name, 'connection lost', () => gone(node));
  if (selected('unix'))
    await part(node.name, 'over unix: every stream once', () => over(node, 'unix'));
}
for (const variant of variants()) {
  for (const kind of ['tcp', 'duplex'])
    if (selected('right'))
      await part(variant.name, `right, over ${kind}: seen`, () => silent(variant, kind));
  for (const mode of ['broken', 'fixed'])
    if (selected(mode))
      await part(variant.name, `${mode}: seen`, () => mixups(variant, mode));
}
finish('http2');
