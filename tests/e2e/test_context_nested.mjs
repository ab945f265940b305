// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What identifies a request may lie inside of a store's properties: where --context-key says,
// read as the program itself sees it, for stores of several shapes.
//
// test-timeout: 180
import { selected } from './lib/env.mjs';
import { findings, join, observe, wrongFindings } from './lib/context.mjs';
import { Raw } from './lib/raw.mjs';
import { loopray } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const ASKS = 3;
const PATHS = ['req.id', 'req.ids.trace'];
/* No collection during the few requests: what it moves before it was seen is rightly unknown. */
const FLAGS = ['--min-semi-space-size=32', '--max-semi-space-size=64'];

const get = (raw, where) => raw.exchange(`GET ${where} HTTP/1.1\r\nHost: nested\r\n\r\n`);

async function drive({ ready }) {
  const where = { host: '127.0.0.1', port: ready.port };
  const [opener, asker] = [await Raw.open(where), await Raw.open(where)];

  for (const shape of ready.shapes) {
    await get(opener, `/open/${shape}`);
    for (let i = 0; i < ASKS; i++)
      await get(asker, `/ask/${shape}`);
  }
  await opener.end();
  await asker.end();
}

/* The field is there if the program sees it there, with that value, and once only. */
function fieldWrong(fields, name, real) {
  const found = fields.filter((f) => f.name === name);

  if (real === undefined)
    return found.length ? `${name} is told, and not there: ${JSON.stringify(found)}` : '';
  if (found.length !== 1)
    return `${name} is told ${found.length} times: ${JSON.stringify(fields)}`;
  return found[0].value === String(real) && found[0].kind === typeof real ? '' :
    `${name} is ${real}, shown as ${JSON.stringify(found[0])}`;
}

function shapeWrong(shape, name, pairs) {
  const asked = pairs.filter(({ entry }) => entry.verb === 'ask' && entry.shape === shape);
  const wrong = asked.length === ASKS ? [] : [`${asked.length} requests, not ${ASKS}`];

  for (const { req, entry } of asked) {
    const [finding] = findings(req, 'foreign');
    wrong.push(finding?.active ? fieldWrong(finding.active.fields, name, entry.values[name]) :
      `no finding: ${req.context} (${req.context_unknown})`);
  }
  return wrong.filter(Boolean).map((why) => `${shape}: ${why}`);
}

async function shown(variant, name) {
  let file = '';
  const run = await observe(variant, 'nested.js', { flags: FLAGS, first: 'open/literal', drive,
    agent: ['--show-values', '--context-key', name],
    shown: ['--show-values', '--context-key', name], also: (f) => { file = f; } });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const text = (await loopray(['report', '--show-values', '--context-key', name, file])).stdout;
  const shapes = run.service.ready.shapes;

  verdict(variant.name, `${name}: seen`, [...missing, ...(run.end.status === 0 ? [] :
    [`status ${run.end.status}: ${run.end.stderr}`])], `${pairs.length} requests`);
  verdict(variant.name, `${name}: whose`, wrongFindings(pairs));
  verdict(variant.name, `${name}: values`, shapes.flatMap((s) => shapeWrong(s, name, pairs)),
    `${shapes.length} shapes`);
  verdict(variant.name, `${name}: text`, text.includes(name) ? [] :
    [`the report does not name it: ${text}`]);
}

async function masked(variant, name) {
  const run = await observe(variant, 'nested.js', { flags: FLAGS, first: 'open/literal', drive,
    agent: ['--context-key', name], shown: ['--show-values'] });
  const fields = run.requests.flatMap((r) => findings(r, 'foreign'))
    .flatMap((f) => f.active?.fields ?? []).filter((f) => f.name === name);

  verdict(variant.name, `${name}: masked`, [
    ...(fields.length > ASKS ? [] : ['nothing was tested']),
    ...fields.filter((f) => f.value || !f.hash).map((f) => JSON.stringify(f)),
  ], `${fields.length} fields`);
}

/* Wrong usage is said so in one line. */
async function usage() {
  const wrong = [];

  for (const [key, says] of [['a..b', 'requestId'], ['.a', 'requestId'], ['a.', 'requestId'],
    ['', 'requestId'], ['a.b.c.d.e.f', 'up to 5'], [`a.${'x'.repeat(49)}`, '48 bytes'],
    ['a.\u00e9', 'ASCII']]) {
    const end = await loopray(['record', '-p', '1', '--context-key', key]);
    if (end.status !== 2 || !end.stderr.includes(says) || !end.stderr.includes(`'${key}'`))
      wrong.push(`${key}: status ${end.status}, ${end.stderr}`);
  }
  verdict('any', 'usage', wrong);
}

if (selected('usage'))
  await part('any', 'usage', usage);
for (const variant of variants()) {
  for (const name of PATHS) {
    if (selected('shown'))
      await part(variant.name, `${name}: seen`, () => shown(variant, name));
  }
}
for (const variant of variants(['18', '24'])) {
  if (selected('masked'))
    await part(variant.name, 'masked', () => masked(variant, 'req.ids.trace'));
}
finish('context-nested');
