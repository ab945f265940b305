// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Everything that answers under the right store, or rightly under none: no finding, on every
// version and with both mechanisms, at 50 connections, also with a young generation of 1 MB that
// is collected all the time. What the service answers is the same with and without an agent.
// LOOPRAY_LONG=1 makes ten times as many requests.
//
// test-timeout: 900
import { sleep, startService } from './lib/proc.mjs';
import { selected } from './lib/env.mjs';
import { contexts, counted, findings, join, observe, warm, wrongContexts, wrongReport }
  from './lib/context.mjs';
import { everyRoute, oddClients, pipelined } from './lib/silent_clients.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const CONNECTIONS = 50;
const REQUESTS = 2000 * (process.env.LOOPRAY_LONG ? 10 : 1);
const PIPELINED = 300;
/* One right after the other, so that an object has not moved meanwhile. */
const OFTEN = ['cached/again', 'shape-onestring', 'nostore'];
const PRESSURE = ['--max-semi-space-size=1', '--stress-scavenge=60'];
const COMPACTION = ['--max-semi-space-size=1', '--gc-global', '--stress-compaction'];
/* Answered by another request on purpose, or in the callback that read the one that woke it. */
const BY_OTHERS = ['poll', 'latewoken'];
/*
 * Over async_hooks a resource keeps a store that exit() has put aside: that it is told of nevertheless
 * is in docs/limits.md.
 */
const ASIDE = /^exit/;
/* Those whom they wake make their stores in their callback, and so seem to be theirs: limits.md. */
const WAKERS = ['/wake', '/wakefirst', '/wakelate'];
/* What they answer depends on time: how a stream is cut into chunks, who answers. */
const VARYING = ['poll', 'pipeline', 'fsstream', 'fromweb', 'gzipstream', 'brotli', 'webstream'];

/* @ids: clients name their requests; then stores that a collection moved are still known. */
async function drive(service, requests, ids = false) {
  const where = `127.0.0.1:${service.ready.port}`;
  const log = await everyRoute(where, service.ready.routes, CONNECTIONS, requests, ids);
  await everyRoute(where, OFTEN, CONNECTIONS, 200);
  const pipeliners = new Set(await pipelined(where, PIPELINED));

  await oddClients(service.ready.port);
  for (const port of service.ready.ports.slice(1))
    await everyRoute(`127.0.0.1:${port}`, service.ready.routes, 10, requests / 10);
  await sleep(100); /* waiters that nobody woke */
  return { log, pipeliners };
}

/* The service itself: what it is to prove holds. */
function wrongService(log, pipeliners) {
  const wrong = [];

  for (const entry of log.filter((e) => e.context)) {
    const may = [...entry.want, ...(pipeliners.has(entry.port) ? ['same', 'none', 'lost'] : [])];
    const [own, ...others] = entry.context.map((c) => c.is);
    if (!may.includes(own) || others.some((is) => !['own', 'none', 'shared', 'same'].includes(is)))
      wrong.push(`${entry.path} ${entry.port}/${entry.seq}: ${entry.context.map((c) => c.is)}`);
  }
  return wrong;
}

function found(pairs, kind, pipeliners) {
  return pairs.filter(({ req, entry }) => findings(req, kind).length > 0 &&
    !(kind === 'fan_out' && BY_OTHERS.includes(entry.route)))
    .map(({ req, entry }) => `${entry.route} ${entry.port}/${entry.seq} ` +
      `${pipeliners.has(entry.port) ? 'pipelined ' : ''}(${entry.context?.map((c) => c.is)}): ` +
      JSON.stringify(findings(req, kind)));
}

/* {route: count} of what was found where nothing is. */
function byRoute(pairs) {
  const n = {};

  for (const { req, entry } of pairs) {
    for (const { kind } of req.findings)
      n[`${kind} ${entry.route}`] = (n[`${kind} ${entry.route}`] ?? 0) + 1;
  }
  return Object.keys(n).length ? ` # ${counted(n)}` : '';
}

async function silent(variant, title, args, flags) {
  const run = await observe(variant, 'silent.js', { args, flags, first: 'sync',
    drive: (service) => drive(service, REQUESTS, flags.length > 0) });
  const parts = run.truth.map(({ local_port: port, log }) =>
    ({ log, ...join(run.requests.filter((r) => r.local_port === port), log, run.since) }));
  const pairs = parts.flatMap((p) => p.pairs);
  const { pipeliners } = run.driven;

  verdict(variant.name, `${title}: seen`, [
    ...parts.flatMap((p) => p.missing), ...wrongService(parts.flatMap((p) => p.log), pipeliners),
    ...(run.end.status === 0 && run.summary.loss.total === 0 ? [] :
      [`status ${run.end.status}, loss ${JSON.stringify(run.summary.loss)}, ` +
        `${JSON.stringify(run.report.counters)}: ${run.end.stderr}`]),
  ], `${pairs.length} requests`);
  for (const kind of ['foreign', 'lost', 'fan_out']) {
    const wrong = found(pairs, kind, pipeliners);
    verdict(variant.name, `${title}: no ${kind}`, wrong.length ? [byRoute(pairs), ...wrong] : []);
  }
  const told = pairs.filter(({ entry }) =>
    variant.context === 'acf' || !ASIDE.test(entry.route));

  verdict(variant.name, `${title}: contexts`, wrongContexts(told),
    counted(contexts(run.requests)));
  verdict(variant.name, `${title}: report`, wrongReport(run.report, run.requests));
  return run;
}

/* Whose each line is, as far as that is said: the request that has its id. */
function lines(variant, run) {
  const logged = run.stderr.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
  const seen = run.lines.filter((l) => l.stream === 'stderr');
  const byStore = new Map();
  const wrong = [];

  /* The service is warmed up before there is an agent. */
  logged.splice(0, logged.length - seen.length);
  for (const [i, line] of seen.entries()) {
    const owner = run.requests.find((r) => r.seq === line.request_seq);
    if (line.request_by !== 'store' || logged[i].requestId !== logged[i].id ||
      WAKERS.includes(owner?.path))
      continue;
    const known = byStore.get(line.request_seq);
    if (known && known !== logged[i].id)
      wrong.push(`${owner?.path} ${line.request_seq} has lines of ${known} and ${logged[i].id}`);
    byStore.set(line.request_seq, logged[i].id);
  }
  const told = seen.filter((l) => l.request_by === 'store').length;
  verdict(variant.name, 'logging: lines', [
    ...(told > seen.length / 3 ? [] : [`only ${told} of ${seen.length} are of a request`]),
    ...wrong], `${told} of ${seen.length}`);
}

/* {path: what was answered} by the client's log. */
function answers(log) {
  const by = {};

  for (const c of log.filter((c) => !VARYING.includes(c.path.slice(1))))
    (by[c.path] ??= new Set()).add(`${c.status} ${c.bytes_in} bytes`);
  return Object.fromEntries(Object.entries(by)
    .map(([path, set]) => [path, [...set].sort().join()]));
}

/* {route: what was true at its heads} by the service's log. */
function truths(log) {
  const by = {};

  for (const e of log.filter((e) => e.context && !VARYING.includes(e.route)))
    (by[e.route] ??= new Set()).add(e.context.map((c) => c.is).join('+'));
  return by;
}

/* The same without an agent. Where a leaked store is still seen is up to chance: `same`. */
async function undisturbed(variant, run) {
  const service = await startService(variant, 'silent.js', [], { flags: variant.flags });

  try {
    await warm(service.ready.port, 'sync');
    const { log } = await drive(service, REQUESTS);
    const [{ log: alone }] = await service.dump();
    const [with_, without] = [answers(run.driven.log), answers(log)];
    const [seen, unseen] = [truths(run.truth[0].log), truths(alone)];
    verdict(variant.name, 'undisturbed', [
      ...Object.keys(without).filter((p) => with_[p] !== without[p])
        .map((p) => `${p}: ${with_[p]}, alone ${without[p]}`),
      ...Object.keys(unseen).flatMap((r) => [...seen[r]].filter((w) => !unseen[r].has(w) &&
        !/same|none/.test(w)).map((w) => `${r}: ${w}, alone ${[...unseen[r]]}`)),
      ...(run.stderr === service.stderr ? [] : [`stderr ${run.stderr}, alone ${service.stderr}`]),
    ], `${Object.keys(without).length} paths`);
  } finally {
    await service.kill();
  }
}

for (const variant of variants()) {
  if (selected('plain')) {
    await part(variant.name, 'plain: seen', async () => {
      const run = await silent(variant, 'plain', [], []);
      await undisturbed(variant, run);
    });
  }
  if (selected('logging')) {
    await part(variant.name, 'logging: seen', async () => {
      const run = await silent(variant, 'logging', ['log'], []);
      await lines(variant, run);
    });
  }
  if (selected('pressure')) {
    await part(variant.name, 'pressure: seen', () => silent(variant, 'pressure',
      ['workers=1'], PRESSURE));
  }
}
for (const variant of variants(['20', '24'])) {
  if (selected('compaction')) {
    await part(variant.name, 'compaction: seen', () => silent(variant, 'compaction',
      ['boot'], COMPACTION));
  }
}
finish('context-silent');
