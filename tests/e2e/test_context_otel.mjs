// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Services traced by OpenTelemetry: a request has as many stores as spans, each of which names it
// by a trace id inside of it. The right ones are silent; behind a home-made queue that mixes up
// contexts, what is found is what the service itself knows, and the ids shown are those that
// trace.getSpan() gave at that very head. Trace ids come in with requests, also the same with
// several at once, or not at all.
//
// test-timeout: 420
import crypto from 'node:crypto';
import path from 'node:path';

import { TOP, selected } from './lib/env.mjs';
import { contexts, counted, findings, join, observe, recall, wrongContexts, wrongFindings,
  wrongReport } from './lib/context.mjs';
import { run as runProgram } from './lib/proc.mjs';
import { finish, notOk, part, verdict } from './lib/report.mjs';
import { spread } from './lib/spread.mjs';
import { variants } from './lib/variants.mjs';

const QUEUED = ['queued', 'queuedlate'];
/* Behind the queue: what sdk1 makes is as sdk2's there, and without traces all is unknown. */
const QUEUES = ['sdk2, own', 'sdk2, shared', 'http, own'];
const REQUESTS = 900;
const CONNECTIONS = 50;
const FEW = 20;
const SAME_TRACE = 4; /* requests of one trace, in flight at once */
const RECALL_MIN = 0.99;
const UNKNOWN_MAX = 0.1;
const ZEROS = /^0*$/;

async function packages() {
  const { status, stdout, stderr } = await runProgram(path.join(TOP, 'tools/npm-fetch'));

  if (status !== 0)
    throw new Error(`tools/npm-fetch: ${stderr.trim()}`);
  return stdout.trim();
}

/* How traces come in: headers of the i-th request. */
const TRACES = {
  own: () => ({ traceparent: parent(crypto.randomBytes(16).toString('hex')) }),
  shared: (i) => ({ traceparent: parent(
    crypto.createHash('md5').update(`${Math.floor(i / SAME_TRACE)}`).digest('hex'), true) }),
  none: () => ({}),
};

/* Requests of a trace may even have the same parent. */
const parent = (trace, same) => `00-${trace}-` +
  `${same ? trace.slice(0, 16) : crypto.randomBytes(8).toString('hex')}-01`;

/*
 * Few at first: where requests do not meet, each has its own context, which shows that the route
 * has stores. A queue that is never empty leaves that open.
 */
const drive = (routes, traces) => async ({ ready }) => {
  const of = (i) => ({ path: `/${routes(ready)[i % routes(ready).length]}`,
    headers: TRACES[traces](i) });

  await spread(ready.port, 1, FEW, of);
  await spread(ready.port, CONNECTIONS, REQUESTS, (i) => of(FEW + i));
};

function wrongRun(run, missing) {
  const loss = run.summary.loss.total;

  return [...missing, ...(run.end.status === 0 && loss === 0 ? [] :
    [`status ${run.end.status}, loss ${loss}: ${run.end.stderr}`])];
}

function unknownWrong(requests) {
  const unknown = requests.filter((r) => !['own', 'foreign', 'none'].includes(r.context));

  return unknown.length <= requests.length * UNKNOWN_MAX ? [] :
    [`${unknown.length} of ${requests.length} are undecided`];
}

async function right(variant, modules, sdk, traces) {
  const title = `${sdk}, ${traces}: right`;
  const run = await observe(variant, 'otel.js', { args: [modules, sdk], first: 'await',
    drive: drive((ready) => ready.routes.filter((r) => !QUEUED.includes(r)), traces) });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const words = counted(contexts(run.requests));

  verdict(variant.name, `${title}: seen`, wrongRun(run, missing), `${pairs.length} requests`);
  verdict(variant.name, `${title}: silent`, [
    ...pairs.filter(({ entry }) => entry.context?.[0].is !== 'own')
      .map(({ entry }) => `the service is not right: ${JSON.stringify(entry)}`),
    ...pairs.filter(({ req }) => req.findings.length)
      .map(({ req, entry }) => `${entry.path} ${entry.port}/${entry.seq}: ` +
        JSON.stringify(req.findings)),
  ], words);
  verdict(variant.name, `${title}: contexts`, wrongContexts(pairs), words);
  if (traces === 'own')
    verdict(variant.name, `${title}: decided`, unknownWrong(run.requests), words);
}

const value = (store, name) => store?.fields.find((f) => f.name === name)?.value;

/* The ids of the active span, request by request, as they were told. */
function valuesWrong(pairs, must) {
  const wrong = [];
  let compared = 0;

  for (const { req, entry } of pairs) {
    for (const f of findings(req, 'foreign')) {
      for (const name of ['traceId', 'spanId'])
        if (value(f.active, name) !== entry.values[name])
          wrong.push(`${entry.path} ${entry.port}/${entry.seq}: ${name} is ` +
            `${entry.values[name]}, told ${JSON.stringify(f.active)}`);
      if (f.own && (f.own.fields.some((x) => ZEROS.test(x.value)) ||
        value(f.own, 'traceId') === undefined))
        wrong.push(`own: ${JSON.stringify(f.own)}`);
      compared++;
    }
  }
  return [...wrong, ...(compared || !must ? [] : ['nothing was compared'])];
}

/*
 * The queue hands the Context of the one that found it free on to all others. If that is not known
 * to be anybody's, which only a trace id of its own rules out, then it is unknown for all, rightly.
 */
const decided = (traces) => traces === 'own';

async function broken(variant, modules, sdk, traces) {
  const title = `${sdk}, ${traces}: queue`;
  const run = await observe(variant, 'otel.js', { args: [modules, sdk], first: 'await',
    agent: ['--show-values'], shown: ['--show-values'],
    drive: drive(() => ['queued', 'queuedlate', 'sync', 'await', 'upstream'], traces) });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const got = recall(pairs, 'foreign');

  verdict(variant.name, `${title}: seen`, wrongRun(run, missing), `${pairs.length} requests`);
  verdict(variant.name, `${title}: precision`, wrongFindings(pairs), `${got.found} findings`);
  verdict(variant.name, `${title}: recall`, [
    ...(got.real > REQUESTS / 4 ? [] : [`only ${got.real} were foreign: nothing was tested`]),
    ...(got.found > 0 || !decided(traces) ? [] : ['none was found']),
    ...(got.share >= RECALL_MIN ? [] : got.missed),
  ], `${got.found} of ${got.real}, ${got.open} left open`);
  verdict(variant.name, `${title}: ids`, valuesWrong(pairs, decided(traces)));
  verdict(variant.name, `${title}: contexts`, wrongContexts(pairs),
    counted(contexts(run.requests)));
  verdict(variant.name, `${title}: report`, wrongReport(run.report, run.requests));
}

const modules = await packages().catch((err) => notOk('npm', 'packages', err.message));
if (modules) {
  for (const variant of variants()) {
    for (const [sdk, traces] of [['sdk2', 'own'], ['sdk2', 'shared'], ['sdk2', 'none'],
      ['sdk1', 'own'], ['http', 'own']]) {
      if (selected('right'))
        await part(variant.name, `${sdk}, ${traces}: right: seen`,
          () => right(variant, modules, sdk, traces));
      if (QUEUES.includes(`${sdk}, ${traces}`) && selected('queue'))
        await part(variant.name, `${sdk}, ${traces}: queue: seen`,
          () => broken(variant, modules, sdk, traces));
    }
  }
}
finish('context-otel');
