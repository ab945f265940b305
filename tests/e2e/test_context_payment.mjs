// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The payment service under load, against its own record: in the broken one every payment that
// was answered under another customer's context is found, and nothing else is; in the fixed one
// nothing is. The same over TLS. LOOPRAY_LONG=1 makes 100,000 requests of the fixed one.
//
// test-timeout: 900
import { load } from './lib/proc.mjs';
import { selected } from './lib/env.mjs';
import { contexts, counted, findings, join, recall, wrongContexts, wrongFindings,
  wrongReport } from './lib/context.mjs';
import { observePayments } from './lib/payment.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const LONG = Boolean(process.env.LOOPRAY_LONG);
const REQUESTS = 2800;
/* Shares of the requests by connections: many give foreign contexts, few also give right ones. */
const LOADS = [[80, 0.7], [3, 0.2], [50, 0.1]];
const MANY = 100000;
const RECALL_MIN = 0.99;
const UNKNOWN_MAX = 0.1;

const MIX = [
  ...Array.from({ length: 11 }, (_, i) => `POST /process-payment {"amount": ${i + 1}.5}`),
  'GET /users/7/payments',
].join('\n');

/* @ids: clients name their requests, as a gateway in front of a service does. */
const drive = (requests, ids, tls) => async (where) => {
  let errors = 0;

  for (const [connections, share] of LOADS) {
    const { result } = await load(where, ['-c', String(connections), '--mix', MIX,
      '-n', String(Math.round(requests * share)), ...(ids ? ['--request-id'] : []),
      ...(tls ? ['--tls', 'any'] : [])]);
    errors += result.errors.total;
  }
  return errors;
};

/* All was seen, and the agent and the service are well. */
function wrongRun(run, missing, requests) {
  const wrong = [];

  if (run.end.status !== 0 || run.driven !== 0)
    wrong.push(`status ${run.end.status}, ${run.driven} errors: ${run.end.stderr}`);
  if (run.requests.length !== requests)
    wrong.push(`${run.requests.length} requests, not ${requests}`);
  if (run.summary.loss.total !== 0)
    wrong.push(`loss ${JSON.stringify(run.summary.loss)}`);
  return [...wrong, ...missing];
}

/*
 * In the broken service hardly a payment is answered under its own store, and until one is seen to
 * be nothing shows that the route has any: whose the others are stays open.
 */
const UNKNOWN_BROKEN_MAX = 0.5;

function unknownWrong(requests, max = UNKNOWN_MAX) {
  const unknown = requests.filter((r) => !['own', 'foreign', 'lost', 'none'].includes(r.context));

  return unknown.length <= requests.length * max ? [] :
    [`${unknown.length} of ${requests.length} are undecided`];
}

/* @how: {unix} over a socket in the file system, whose connections have no ports; {tls} over HTTPS. */
async function broken(variant, title, ids, how = {}) {
  const run = await observePayments(variant, 'broken', drive(REQUESTS, ids, how.tls), how);
  const { pairs, missing } = join(run.requests, run.log, run.since);
  const got = recall(pairs, 'foreign');
  const harm = run.requests.flatMap((r) => findings(r, 'foreign'))
    .filter((f) => f.grade === 'harm').length;
  const words = counted(contexts(run.requests));

  verdict(variant.name, `${title}: seen`, [...wrongRun(run, missing, REQUESTS),
    ...(Boolean(how.unix) === run.ports.some(Boolean) ? ['ports, or none'] : [])]);
  verdict(variant.name, `${title}: precision`, wrongFindings(pairs),
    `${got.found} findings, ${harm} harm`);
  verdict(variant.name, `${title}: recall`, [
    ...(got.real > REQUESTS / 2 ? [] : [`only ${got.real} were foreign: nothing was tested`]),
    ...(got.share >= RECALL_MIN ? [] : got.missed),
  ], `${got.found} of ${got.real}, ${got.open} left open`);
  verdict(variant.name, `${title}: contexts`, wrongContexts(pairs), words);
  if (ids)
    verdict(variant.name, `${title}: decided`, unknownWrong(run.requests, UNKNOWN_BROKEN_MAX), words);
  verdict(variant.name, `${title}: report`, wrongReport(run.report, run.requests));
}

async function fixed(variant, tls) {
  const requests = LONG ? MANY : REQUESTS;
  const title = tls ? 'fixed, TLS' : 'fixed';
  const run = await observePayments(variant, 'fixed', drive(requests, true, tls), { tls });
  const { pairs, missing } = join(run.requests, run.log, run.since);
  const words = counted(contexts(run.requests));
  const found = run.requests.filter((r) => r.findings.length > 0)
    .map((r) => `${r.path} ${r.peer_port}/${r.conn_seq}: ${JSON.stringify(r.findings)}`);

  verdict(variant.name, `${title}: seen`, wrongRun(run, missing, requests));
  verdict(variant.name, `${title}: silent`, [
    ...pairs.filter(({ entry }) => entry.context?.[0].is !== 'own')
      .map(({ entry }) => `the service is not right: ${JSON.stringify(entry)}`),
    ...found,
  ], `${requests} requests`);
  verdict(variant.name, `${title}: contexts`, wrongContexts(pairs), words);
  verdict(variant.name, `${title}: decided`, unknownWrong(run.requests), words);
}

for (const variant of variants()) {
  if (selected('broken'))
    await part(variant.name, 'broken: seen', () => broken(variant, 'broken', true));
  if (selected('noids'))
    await part(variant.name, 'broken, no ids: seen', () => broken(variant, 'broken, no ids', false));
  if (selected('unix'))
    await part(variant.name, 'unix: seen', () => broken(variant, 'unix', true, { unix: true }));
  if (selected('fixed'))
    await part(variant.name, 'fixed: seen', () => fixed(variant));
  if (selected('tls')) {
    await part(variant.name, 'broken, TLS: seen', () => broken(variant, 'broken, TLS', true,
      { tls: true }));
    await part(variant.name, 'fixed, TLS: seen', () => fixed(variant, true));
  }
}
finish('context-payment');
