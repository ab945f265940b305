// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Public packages: the versions that lose or swap contexts are found, route by route and request
// by request as the service's own log has it; the versions that do not, and the frameworks, are
// silent. What is to be expected of a route on a version is what the service says of it.
//
// test-timeout: 240
import path from 'node:path';

import { TOP, selected } from './lib/env.mjs';
import { contexts, counted, findings, join, observe, recall, wrongContexts, wrongFindings,
  wrongReport } from './lib/context.mjs';
import { lateBodies } from './lib/late.mjs';
import { load, run as runProgram } from './lib/proc.mjs';
import { finish, notOk, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const RECALL_MIN = 0.99;
/* Of requests that send something: over a new socket it goes out when they are answered already. */
const SENT_MIN = 0.7;
const CAPTURED_MIN = 12;
/*
 * What is broken in each: foreign, lost. The others have no findings, whatever they do. Of the
 * routes in `hidden` nothing shows that there was a store before it was lost, or that a client from
 * before all requests should have had one.
 */
const BROKEN = {
  limit3: 'foreign', pool2: 'foreign', redis3: 'foreign',
  bparser18sent: 'lost', onendsent: 'lost', cachesent: 'lost',
};
const HIDDEN = { redis3boot: 'lost', redis3sent: 'lost', bparser18: 'lost', onend: 'lost' };
const WITH_BODY = /bparser|express|koa|fastify|hapi|onend/;
const POOLED = ['limit3', 'pool2', 'limit5', 'pool3', 'redis3', 'redis4'];

async function packages() {
  const { status, stdout, stderr } = await runProgram(path.join(TOP, 'tools/npm-fetch'));

  if (status !== 0)
    throw new Error(`tools/npm-fetch: ${stderr.trim()}`);
  return stdout.trim();
}

async function drive({ ready }) {
  const where = `127.0.0.1:${ready.port}`;
  const json = ['-H', 'content-type: application/json'];
  const line = (r) => (WITH_BODY.test(r) ? `POST /${r} {"amount": 12.5}` : `GET /${r}`);
  const withBody = ready.routes.filter((r) => WITH_BODY.test(r));
  let errors = 0;

  for (const [connections, requests, routes] of [[3, 150, POOLED], [50, 900, ready.routes],
    [30, 300, POOLED.filter((r) => ready.routes.includes(r))]]) {
    const { result } = await load(where, ['-c', String(connections), '-n', String(requests),
      ...json, '--mix', routes.map(line).join('\n')]);
    errors += result.errors.total;
  }
  await lateBodies({ host: '127.0.0.1', port: ready.port }, 10, 2 * withBody.length,
    (i) => `/${withBody[i % withBody.length]}/late`);
  return errors;
}

function wrongRun(run, missing) {
  const wrong = [];

  if (run.end.status !== 0 || run.summary.loss.total !== 0)
    wrong.push(`status ${run.end.status}, loss ${run.summary.loss.total}: ${run.end.stderr}`);
  if (run.driven !== 0)
    wrong.push(`${run.driven} errors of the client: ${run.stderr}`);
  return [...wrong, ...missing];
}

/* The defect is there, by the service's own log, and so are the findings of it. */
/*
 * Whether a loss is intermittent is not known before some of the route had their store. Of a
 * loss by a body's parser only those count whose body came later than the head: otherwise all
 * happens in one callback, where a program may also leave its store deliberately.
 */
function broken(variant, route, kind, pairs) {
  const min = route.endsWith('sent') ? SENT_MIN : RECALL_MIN;
  const mine = pairs.filter(({ entry }) => entry.route === route);
  const got = recall(mine.filter(({ entry }) => !WITH_BODY.test(route) ||
    entry.path.endsWith('/late')), kind);
  const wrong = wrongFindings(pairs, (entry) => entry.route === route);

  if (got.real === 0)
    wrong.push('the package is not broken here: nothing was tested');
  else if (got.found === 0)
    wrong.push(`none of ${got.real} found: ${counted(contexts(mine.map((p) => p.req)))}`);
  else if (got.share < min)
    wrong.push(...got.missed);
  verdict(variant.name, `${route}: found`, wrong,
    `${got.found} of ${got.real} ${kind}, ${got.open} left open${ofAll(mine, kind, got)}`);
}

/* With those that are not asked for, where there are such. */
function ofAll(mine, kind, got) {
  const all = recall(mine, kind);

  return all.real === got.real ? '' : `; in all ${all.found} of ${all.real}`;
}

function silent(variant, route, pairs) {
  const mine = pairs.filter(({ entry }) => entry.route === route);
  const untrue = mine.flatMap(({ entry }) => entry.context ?? [])
    .filter((c) => !['own', 'none'].includes(c.is));

  verdict(variant.name, `${route}: silent`, [
    ...(mine.length ? [] : ['no request']),
    ...untrue.map((c) => `the package is not right here: ${JSON.stringify(c)}`),
    ...mine.filter(({ req }) => req.findings.length)
      .map(({ req, entry }) => `${entry.path} ${entry.port}/${entry.seq}: ` +
        JSON.stringify(req.findings)),
  ], counted(contexts(mine.map((p) => p.req))));
}

/* No finding is wrong; that there are any is not asked. */
function hidden(variant, route, pairs) {
  const got = recall(pairs.filter(({ entry }) => entry.route === route), HIDDEN[route]);

  verdict(variant.name, `${route}: not wrong`,
    wrongFindings(pairs, (entry) => entry.route === route),
    `${got.found} of ${got.real} ${HIDDEN[route]}, ${got.open} left open`);
}

/*
 * A client that one request opened serves all the others under that one's store; said of it
 * only when it has served some. A collection may leave too few that are decided.
 */
function captured(variant, pairs) {
  const found = pairs.filter(({ entry }) => entry.route === 'redis3')
    .flatMap(({ req }) => findings(req, 'foreign'));
  const known = found.filter((f) => f.other.conn !== null);
  /* A collection at the wrong moment: whose store it is is not known then, but it is captured. */
  const all = known.length ? known : found.map((f) => ({ ...f, stale: true }));
  const others = new Set(all.map((f) => `${f.other.peer_port}/${f.other.seq}`));

  const last = all.at(-1);
  const right = others.size === 1 && last.stale && (last.captured || all.length < CAPTURED_MIN);

  verdict(variant.name, 'redis3: captured', right ? [] :
    [`${all.length} findings of ${others.size} others, the last ${JSON.stringify(last)}`],
  `${all.length} findings`);
}

/*
 * A client that one request opened has that one's store for good; if a collection came between,
 * it is unknown for good, rightly so, and nothing was tested.
 */
function untested(pairs) {
  return Object.keys(BROKEN).some((route) => {
    const got = recall(pairs.filter(({ entry }) => entry.route === route), BROKEN[route]);

    return got.real > 0 && got.found === 0 && got.open === got.real;
  });
}

const TRIES = 3;

async function observed(variant, modules) {
  for (let i = 1; ; i++) {
    const run = await observe(variant, 'packages.js',
      { args: [modules], first: 'limit5', drive });
    const { pairs, missing } = join(run.requests, run.truth.log, run.since);

    if (i === TRIES || !untested(pairs))
      return { run, pairs, missing };
    console.log(`# ${variant.name}: a store of a whole route was left open, once more`);
  }
}

async function testVariant(variant, modules) {
  const { run, pairs, missing } = await observed(variant, modules);

  verdict(variant.name, 'seen', wrongRun(run, missing), `${pairs.length} requests`);
  for (const route of run.service.ready.routes) {
    if (BROKEN[route])
      broken(variant, route, BROKEN[route], pairs);
    else if (HIDDEN[route])
      hidden(variant, route, pairs);
    else
      silent(variant, route, pairs);
  }
  captured(variant, pairs);
  verdict(variant.name, 'contexts', wrongContexts(pairs), counted(contexts(run.requests)));
  verdict(variant.name, 'report', wrongReport(run.report, run.requests));
  for (const [name, why] of Object.entries(run.service.ready.missing))
    notOk(variant.name, `${name}: loaded`, why);
}

const modules = await packages().catch((err) => notOk('npm', 'packages', err.message));
if (modules) {
  for (const variant of variants()) {
    if (selected(variant.name))
      await part(variant.name, 'seen', () => testVariant(variant, modules));
  }
}
finish('context-packages');
