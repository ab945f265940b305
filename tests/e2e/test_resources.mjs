// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Level resources on every version: native resources are exactly those that async_hooks in the
// process names (ids, types, triggers, executions, callbacks, destroys); and without any hook
// in the process, those whose ids the program itself sees.
//
// test-timeout: 300
import { exported, record, reported, startService } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const PORT = 25010;
const ROUNDS = 2;

/* What the observer says was created, of one environment, by id. */
const byId = (list) => new Map(list.map((r) => [r.async_id, r]));

/*
 * The oracle's view of native resources in (from, to): PROMISE is in some versions' table of
 * providers, but its events come from JavaScript.
 */
function oracle({ events, providers }, from, to) {
  const native = new Set(providers.filter((p) => p !== 'PROMISE' && p !== 'NONE'));
  const types = new Map();
  const inits = new Map();
  const callbacks = new Map();
  const destroys = new Set();

  for (const [kind, id, type, trigger, exec, ns] of events) {
    if (kind === 'init')
      types.set(id, type);
    if (ns < from || ns > to)
      continue;
    if (kind === 'init' && native.has(type))
      inits.set(id, { type, trigger, exec });
    else if (kind === 'before' && native.has(types.get(id)))
      callbacks.set(id, (callbacks.get(id) ?? 0) + 1);
    else if (kind === 'destroy' && native.has(types.get(id)))
      destroys.add(id);
  }
  return { types, inits, callbacks, destroys };
}

function compareInits(seen, want) {
  const wrong = [];

  for (const [id, w] of want.inits) {
    const r = seen.get(id);
    if (!r || !r.init_ns)
      wrong.push(`init of ${id} ${w.type} was not seen`);
    else if (r.resource !== w.type || r.trigger_id !== w.trigger)
      wrong.push(`${id}: ${r.resource} trigger ${r.trigger_id}, not ${w.type} ${w.trigger}`);
    else if (r.exec_id !== w.exec)
      wrong.push(`${id} ${w.type}: execution id ${r.exec_id}, not ${w.exec}`);
  }
  for (const [id, r] of seen) {
    if (r.init_ns && !want.inits.has(id))
      wrong.push(`${id} ${r.resource} is not in the hook's inits (${want.types.get(id)})`);
  }
  return wrong;
}

function compareDestroys(seen, want) {
  const wrong = [];

  for (const id of want.inits.keys()) {
    const is = (seen.get(id)?.destroy_ns ?? 0) !== 0;
    if (is !== want.destroys.has(id))
      wrong.push(`${id} ${want.inits.get(id).type}: destroyed ${is}, hook ${!is}`);
  }
  return wrong;
}

function compareCallbacks(seen, want) {
  const wrong = [];

  for (const [id, w] of want.inits) {
    const is = seen.get(id)?.callbacks ?? 0;
    const should = want.callbacks.get(id) ?? 0;
    if (is !== should)
      wrong.push(`${id} ${w.type}: ${is} callbacks, not ${should}`);
  }
  return wrong;
}

const total = (counts) => Object.values(counts).reduce((n, m) => n + m, 0);

function countByType(want, ids) {
  const n = {};

  for (const id of ids)
    n[want.types.get(id)] = (n[want.types.get(id)] ?? 0) + 1;
  return n;
}

/*
 * Counts by type in the report. Destroys include older resources. Of a resource that is older
 * than the attach only the id is seen in its callbacks: those are counted as of unknown type,
 * and no others are.
 */
function compareReport(report, want) {
  const wrong = [];
  const old = [];
  const known = {};

  for (const [id, n] of want.callbacks) {
    const type = want.types.get(id);
    if (want.inits.has(id))
      known[type] = (known[type] ?? 0) + n;
    else
      old.push(n);
  }
  const compare = (what, is, should) => {
    for (const type of new Set([...Object.keys(is), ...Object.keys(should)])) {
      if ((is[type] ?? 0) !== (should[type] ?? 0))
        wrong.push(`${type}: ${is[type] ?? 0} ${what}, not ${should[type] ?? 0}`);
    }
  };
  const column = (name) => Object.fromEntries(Object.entries(report.resources)
    .filter(([type]) => type !== '(unknown)').map(([type, r]) => [type, r[name]]));
  const unknown = report.resources['(unknown)'] ?? { init: 0, destroy: 0, before: 0 };

  compare('inits', column('init'), countByType(want, want.inits.keys()));
  compare('destroys', column('destroy'), countByType(want, want.destroys));
  compare('callbacks', column('before'), known);
  compare('of unknown type', unknown, { init: 0, destroy: 0, before: total(old) });
  return wrong;
}

/* One recording of ROUNDS rounds of everything, with quiet before and after. */
async function observe(node, args, fn, agentArgs = []) {
  const service = await startService(node, 'resources.js', [PORT, ...args],
    { flags: ['--expose-gc', '--expose-internals', '--no-warnings'] });

  try {
    await service.command('run', { rounds: 1 });
    await service.command('quiet');
    const from = Number(process.hrtime.bigint());
    const agent = await record([service.pid], ['--level', 'resources', ...agentArgs]);
    const done = await service.command('run', { rounds: ROUNDS });
    if (done.error)
      throw new Error(done.error);
    const end = await agent.stop();
    const to = Number(process.hrtime.bigint());
    const run = { from, to, end, dump: await service.dump() };
    await fn(run, await exported(agent.file), await reported(agent.file));
  } finally {
    await service.kill('SIGTERM');
  }
}

/* @suffix names a variant of the agent in the matrix. */
async function withHook(node, agentArgs = [], suffix = '') {
  await observe(node, ['hook'], ({ from, to, end, dump }, { resources, summary }, report) => {
    const want = oracle(dump, from, to);
    const seen = byId(resources);
    const twice = resources.length - seen.size;
    const types = new Set([...want.inits.values()].map((w) => w.type));
    const detail = `${want.inits.size} inits of ${types.size} types`;

    verdict(node.name, `hook${suffix}: clean`, [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(summary.loss)}`]),
      ...(twice === 0 ? [] : [`${twice} ids told twice`]),
      ...(types.size >= 15 ? [] : [`only ${[...types]} in the oracle`]),
    ]);
    verdict(node.name, `inits${suffix}`, compareInits(seen, want), detail);
    verdict(node.name, `destroys${suffix}`, compareDestroys(seen, want), `${want.destroys.size}`);
    verdict(node.name, `callbacks${suffix}`, compareCallbacks(seen, want));
    verdict(node.name, `by type${suffix}`, compareReport(report, want));
  }, agentArgs);
}

/* Every id that the program saw is there, under the type that the program knows it to be. */
function compareNoted(noted, seen) {
  const wrong = [];

  for (const { type, id, trigger } of noted) {
    const r = seen.get(id);
    if (!r)
      wrong.push(`${type} ${id}, seen by the program, is not there`);
    else if (r.resource !== type)
      wrong.push(`${id} is ${r.resource}, the program says ${type}`);
    else if (trigger !== undefined && r.trigger_id !== trigger)
      wrong.push(`${id} ${type}: trigger ${r.trigger_id}, the program says ${trigger}`);
  }
  return wrong;
}

async function withoutHook(node) {
  await observe(node, [], ({ end, dump }, { resources, summary }) => {
    const perRound = dump.noted.length / (ROUNDS + 1);
    const noted = dump.noted.slice(perRound); /* the first round ran before the attach */
    const seen = byId(resources);

    verdict(node.name, 'no hook: clean', [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(summary.loss)}`]),
      ...(seen.size === resources.length ? [] : [`${resources.length - seen.size} ids twice`]),
      ...(Number.isInteger(perRound) && perRound > 50 ? [] : [`${perRound} ids a round`]),
    ]);
    verdict(node.name, 'ids', compareNoted(noted, seen), `${noted.length} seen by the program`);
  });
}

for (const node of nodes()) {
  if (selected('hook'))
    await part(node.name, 'inits', () => withHook(node));
  if (selected('ids'))
    await part(node.name, 'ids', () => withoutHook(node));
}
for (const node of nodes(['18', '22', '26', 'debian'])) {
  if (selected('perf'))
    await part(node.name, 'inits, perf', () => withHook(node, ['--attach-method', 'perf'],
      ', perf'));
}
finish('resources');
