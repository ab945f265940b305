// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What stores hold, as it was read from the runtime's memory: equal to what getStore() gave, for
// every shape of store, eight instances at once, in the main thread and in a worker. Without
// --show-values no value appears anywhere.
//
// test-timeout: 180
import fs from 'node:fs';

import { selected } from './lib/env.mjs';
import { contexts, counted, findings, join, observe, wrongContexts, wrongFindings }
  from './lib/context.mjs';
import { Raw } from './lib/raw.mjs';
import { loopray, sleep, tmpFile } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { everyRoute } from './lib/silent_clients.mjs';
import { variants } from './lib/variants.mjs';

const ASKS = 3;
const INSTANCES = 8;
const TEXT_MAX = 48; /* bytes of a value that are shown */
const NAME_MAX = 24;
const NOTICED_MS = 2500;
const FIRST_ROUTES = ['sync', 'await', 'timeout', 'fs', 'shape-literal', 'nostore', 'latefs'];
const FIELDS_MAX = 8; /* fields of a store that are read at least, as long as it has them */
/* Bare numbers are nobody's: nothing tells one request's from another's. */
const PLAIN = ['number', 'double'];
/* No collection during the few requests: what it moves before it was seen is rightly unknown. */
const FLAGS = ['--min-semi-space-size=32', '--max-semi-space-size=64'];

const get = (raw, where) => raw.exchange(`GET ${where} HTTP/1.1\r\nHost: shapes\r\n\r\n`);

async function drive({ ready }) {
  const where = { host: '127.0.0.1', port: ready.port };
  const [opener, asker] = [await Raw.open(where), await Raw.open(where)];

  for (const shape of [...ready.shapes, ...ready.several]) {
    await get(opener, `/open/${shape}`);
    for (let i = 0; i < ASKS; i++)
      await get(asker, `/ask/${shape}`);
  }
  await opener.end();
  await asker.end();
}

function sameText(shown, real) {
  const [a, b] = [Buffer.from(shown), Buffer.from(real)];

  if (b.length <= TEXT_MAX)
    return shown === real;
  /* the last character may be cut in its middle */
  const cut = a.subarray(0, TEXT_MAX - 3);
  return a.length <= TEXT_MAX + 3 && a.length >= TEXT_MAX - 3 &&
    cut.equals(b.subarray(0, cut.length));
}

/* One field as shown against the value in the service; '' if they are the same. */
function fieldWrong(field, real) {
  const type = real === null ? 'null' : typeof real;

  if (field.kind !== type)
    return `${field.name} is a ${type}, shown as ${field.kind}`;
  if (type === 'string' && !sameText(field.value, real))
    return `${field.name} is '${real.slice(0, 60)}', shown as '${field.value}'`;
  if (type === 'number' && Number(field.value) !== real)
    return `${field.name} is ${real}, shown as ${field.value}`;
  if (type === 'boolean' && field.value !== String(real))
    return `${field.name} is ${real}, shown as ${field.value}`;
  return '';
}

function storeWrong(store, real) {
  const names = Object.keys(real);
  const shown = new Map(store.fields.map((f) => [f.name, f]));
  const wrong = [];
  let same = 0;

  for (const name of names) {
    const field = shown.get(name.slice(0, NAME_MAX));
    const why = field && fieldWrong(field, real[name]);
    if (why)
      wrong.push(why);
    same += field !== undefined;
  }
  if (same < Math.min(names.length, FIELDS_MAX))
    wrong.push(`${same} of ${names.length} fields are shown: ${JSON.stringify(store.fields)}`);
  return wrong;
}

/* The values of one shape's store, in every answer under it. */
function shapeWrong(shape, pairs) {
  const asked = pairs.filter(({ entry }) => entry.verb === 'ask' && entry.shape === shape);
  const wrong = asked.length === ASKS ? [] : [`${asked.length} requests, not ${ASKS}`];

  for (const { req, entry } of asked) {
    const [finding, ...more] = findings(req, 'foreign');
    if (!finding)
      wrong.push(PLAIN.includes(shape) && req.context === 'unknown' ? '' :
        `no finding: ${req.context} (${req.context_unknown})`);
    else if (more.length || !finding.active)
      wrong.push(`${more.length + 1} findings, store ${JSON.stringify(finding.active)}`);
    else
      wrong.push(...storeWrong(finding.active, entry.values[0]));
  }
  return wrong.filter(Boolean).map((why) => `${shape}: ${why}`);
}

/*
 * Eight at once, of which four are another request's: each of those is found, under a number of
 * its own, with its own contents.
 */
function instancesWrong(several, pairs) {
  const wrong = [];
  const numbers = new Map();

  for (const { req, entry } of pairs.filter(({ entry: e }) => e.verb === 'ask' &&
    several.includes(e.shape))) {
    const all = findings(req, 'foreign');
    if (all.length !== INSTANCES / 2)
      wrong.push(`${entry.shape}: ${all.length} findings, not ${INSTANCES / 2}`);
    for (const f of all) {
      const layer = Number(f.active?.fields.find(({ name }) => name === 'layer')?.value ?? -1);
      const real = entry.values[layer];
      wrong.push(...(real ? storeWrong(f.active, real) : [`instances: layer ${layer}`]));
      if ((numbers.get(layer) ?? f.instance) !== f.instance)
        wrong.push(`instances: layer ${layer} is ${numbers.get(layer)} and ${f.instance}`);
      numbers.set(layer, f.instance);
    }
  }
  if (new Set(numbers.values()).size !== INSTANCES)
    wrong.push(`instances: their numbers are ${[...numbers]}`);
  return wrong;
}

async function shown(variant, title, args) {
  const run = await observe(variant, 'shapes.js',
    { args, flags: FLAGS, first: 'open/literal', drive,
      agent: ['--show-values'], shown: ['--show-values'] });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const { shapes, several } = run.service.ready;

  verdict(variant.name, `${title}: seen`, [...missing, ...(run.end.status === 0 ? [] :
    [`status ${run.end.status}: ${run.end.stderr}`])], `${pairs.length} requests`);
  verdict(variant.name, `${title}: whose`, wrongFindings(pairs));
  verdict(variant.name, `${title}: values`, shapes.flatMap((s) => shapeWrong(s, pairs)),
    `${shapes.length} shapes`);
  verdict(variant.name, `${title}: instances`, instancesWrong(several, pairs));
}

/* Every text that a store holds, long enough not to be there by chance. */
function secrets(log) {
  const all = log.flatMap((e) => (e.values ?? []).flatMap((v) => Object.values(v ?? {})));

  return [...new Set(all.filter((v) => typeof v === 'string' && v.length > 6)
    .map((v) => v.slice(0, 20)))];
}

async function masked(variant) {
  const files = [];
  const run = await observe(variant, 'shapes.js', { flags: FLAGS,
    first: 'open/literal', drive, also: (file) => files.push(file) });
  const out = tmpFile('masked.jsonl');
  await loopray(['export', '--format', 'jsonl', '--show-values', files[0], '-o', out]);
  const report = await loopray(['report', '--show-values', files[0]]);
  const texts = { jsonl: fs.readFileSync(out, 'utf8'), report: report.stdout };
  const words = secrets(run.truth.log);
  const found = Object.entries(texts).flatMap(([where, text]) =>
    words.filter((w) => text.includes(w)).map((w) => `'${w}' is in the ${where}`));

  verdict(variant.name, 'masked', [...found, ...(words.length > 10 ? [] : ['nothing was tested'])],
    `${words.length} values`);
}

/*
 * A process that has used no store when the agent comes: how it carries contexts is noticed
 * while it runs, and until then nothing is said.
 */
async function fresh(variant) {
  let half = 0;
  const run = await observe(variant, 'silent.js', { drive: async ({ ready }) => {
    const some = () => everyRoute(`127.0.0.1:${ready.port}`, FIRST_ROUTES, 10, 300);
    await some();
    await sleep(NOTICED_MS);
    half = Number(process.hrtime.bigint());
    await some();
  } });
  const { pairs, missing } = join(run.requests, run.truth[0].log, run.since);
  const late = run.requests.filter((r) => r.start_ns > half && r.context === 'unread');

  verdict(variant.name, 'fresh', [...missing, ...wrongContexts(pairs),
    ...(late.length ? [`${late.length} heads are still unread`] : [])],
  counted(contexts(run.requests)));
}

for (const variant of variants()) {
  if (selected('fresh'))
    await part(variant.name, 'fresh', () => fresh(variant));
  if (selected('shown'))
    await part(variant.name, 'main: seen', () => shown(variant, 'main', []));
  if (selected('worker'))
    await part(variant.name, 'worker: seen', () => shown(variant, 'worker', ['worker']));
}
for (const variant of variants(['18', '24'])) {
  if (selected('masked'))
    await part(variant.name, 'masked', () => masked(variant));
}
finish('context-shapes');
