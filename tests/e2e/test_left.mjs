// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is left behind, without a probe for it: timers and immediates as the process itself counts
// them, in the main thread and in a worker; stores that are active long after their request. A service
// that leaves something behind with every request is suspected, one that tidies up is not. All
// versions at once.
//
// test-timeout: 300
import { loopray, record, reported, sleep, startService, jsonLines, tmpFile } from './lib/proc.mjs';
import { Raw } from './lib/raw.mjs';
import { nodes } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const REQUESTS = 350; /* for longer than 30 s: before that stores have no trend */
const PAUSE_MS = 90;
const SPIN_MS = 1500;
const SPINNING = 5;
const SETTLE_MS = 1000;
const WORKER_TIMERS = 3;

async function drive({ ready }, route) {
  const raw = await Raw.open({ host: '127.0.0.1', port: ready.port });

  for (let i = 0; i < REQUESTS; i++) {
    await raw.exchange(`GET /${route} HTTP/1.1\r\nHost: left\r\n\r\n`);
    await sleep(PAUSE_MS);
  }
  await raw.end();
}

/* What the report says of one process: its environments by number. */
const of = (report, pid) => new Map(report.findings.leaks.environments
  .filter((e) => e.pid === pid).map((e) => [e.env, e]));

function wrongCounts(envs, truth) {
  const wrong = [];
  const [main, worker] = [envs.get(0), envs.get(1)];

  if (main?.timers?.now !== truth.timers)
    wrong.push(`main: ${JSON.stringify(main)}, not ${truth.timers} timers`);
  if (worker?.timers?.now !== WORKER_TIMERS || worker?.timers?.max !== WORKER_TIMERS)
    wrong.push(`worker: ${JSON.stringify(worker)}, not ${WORKER_TIMERS} timers`);
  /* The one whose callback is running is not counted. */
  if (![SPINNING, SPINNING - 1].includes(main?.immediates?.max) || main?.immediates?.now !== 0)
    wrong.push(`immediates ${JSON.stringify(main?.immediates)}, not ${SPINNING} for a while`);
  if (worker?.immediates?.max !== 0)
    wrong.push(`immediates of the worker: ${JSON.stringify(worker?.immediates)}`);
  return wrong;
}

function wrongLeaving(report, envs, truth) {
  const { timers } = envs.get(0);
  const stores = report.findings.leaks.stores;
  const wrong = [];

  if (truth.left !== REQUESTS)
    wrong.push(`${truth.left} were left: nothing was tested`);
  if (timers.trend !== 'linear' || !timers.suspected || timers.min >= timers.max / 2)
    wrong.push(`timers: ${JSON.stringify(timers)}`);
  /* Those of the first half are there for more than 10 s; a collection may hide some. */
  if (stores.length !== 1 || stores[0].stores < REQUESTS / 4 || stores[0].stores > REQUESTS ||
      stores[0].oldest_s < 12 || stores[0].operations < stores[0].stores ||
      stores[0].trend !== 'linear')
    wrong.push(`stores: ${JSON.stringify(stores)}`);
  return wrong;
}

function wrongTidy(report, envs) {
  const { timers } = envs.get(0);

  return [
    ...(timers.trend === 'steady' && !timers.suspected ? [] :
      [`timers: ${JSON.stringify(timers)}`]),
    ...(report.findings.leaks.stores.length === 0 ? [] :
      [`stores: ${JSON.stringify(report.findings.leaks.stores)}`]),
  ];
}

/* JSON lines and the text carry the same. */
async function wrongForms(file, report, suspected) {
  const out = tmpFile('left.jsonl');
  await loopray(['export', '--format', 'jsonl', file, '-o', out]);
  const lines = jsonLines(out);
  const text = (await loopray(['report', '--no-color', file])).stdout;
  const same = (type, list) => {
    const has = lines.filter((l) => l.type === type).map(({ type: _, ...rest }) => rest);
    return JSON.stringify(has) === JSON.stringify(list) ? [] :
      [`lines ${type}: ${JSON.stringify(has)}, report ${JSON.stringify(list)}`];
  };

  return [
    ...same('environment', report.findings.leaks.environments),
    ...same('left_store', report.findings.leaks.stores),
    ...(/Timers .* and immediates/.test(text) ? [] : ['no table of timers in the report']),
    ...(text.includes('leak suspected') === suspected ? [] : [`the report says:\n${text}`]),
  ];
}

async function check(node, route) {
  const service = await startService(node, 'left.js');

  try {
    const agent = await record([service.pid], ['-i', '100ms']);
    await service.command('spin', { ms: SPIN_MS });
    await drive(service, route);
    await sleep(SETTLE_MS);
    const truth = await service.dump();
    const end = await agent.stop();
    const report = await reported(agent.file);
    const envs = of(report, service.pid);

    verdict(node.name, `${route}: counts`, [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...wrongCounts(envs, truth)], `${truth.timers} timers`);
    verdict(node.name, `${route}: trend`, route === 'leave' ?
      wrongLeaving(report, envs, truth) : wrongTidy(report, envs),
    JSON.stringify(report.findings.leaks.stores));
    verdict(node.name, `${route}: forms`, await wrongForms(agent.file, report, route === 'leave'));
  } finally {
    await service.kill();
  }
}

await Promise.all(nodes().flatMap((node) => ['leave', 'tidy'].map((route) =>
  part(node.name, `${route}: counts`, () => check(node, route)))));
finish('left');
