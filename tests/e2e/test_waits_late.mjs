// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests that answer and then go on working, among others: what they wait for afterwards is in
// nobody's waits, not in their own, not in those of the next request on their connection, and not
// in those of requests that wait for something of the same kind at the same time.
//
// test-timeout: 300
import { nodes, selected } from './lib/env.mjs';
import { exported, record, sleep, startService } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { Client, OWN, amongWrong, joined, key, median, middle, ms, noteTurns, sumsWrong, strangeWrong, sum,
  told } from './lib/waits.mjs';
import { makeWorld, ownWorld } from './lib/waits_world.mjs';

ownWorld();

const LANES = 8;
const ROUNDS = 24;
/* Of each the answer comes first: what it asks for then takes longer than that of the others. */
const LATE = ['/latechain', '/latefs/40', '/latekeep/40', '/latetimer/40', '/latedns/40',
  '/lateonce/40', '/latecrypto', '/latefetch/40'];
const OTHERS = ['/quick', '/fs/15', '/keep/15', '/timer/15', '/dns/15', '/quick', '/crypto',
  '/fetch/15'];
const WAIT_NS = 5e6;

/* Each lane asks for late ones and others in turn, over one connection; no two lanes for the same. */
async function drive(port) {
  const asked = [];

  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    const client = await Client.open(port);

    for (let i = 0; i < ROUNDS; i++) {
      asked.push(await client.ask(LATE[(i + lane) % LATE.length]));
      asked.push(await client.ask(OTHERS[(i * 3 + lane) % OTHERS.length]));
    }
    await client.end();
  }));
  return asked;
}

/* A late one's own waits are short: it answered at once. Its work took its time all the same. */
function lateWrong(pairs) {
  const wrong = [];
  const known = pairs.filter((p) => p.w);
  const work = pairs.map(({ entry }) => Math.max(0, ...entry.ops.map((op) => op.to_ns - op.from_ns)));

  if (known.length < 0.9 * pairs.length)
    wrong.push(`${pairs.length - known.length} of ${pairs.length} are unknown`);
  if (median(work) < WAIT_NS)
    wrong.push(`they worked for ${ms(median(work))}: nothing was tested`);
  for (const { entry, w, req } of known) {
    const own = OWN.filter((kind) => w[kind] > 0);
    if (own.length > 0)
      wrong.push(`${entry.path} of ${key(entry)} has ${own}: ${told(w)}`);
    if (req.end_ns > Math.min(...entry.ops.map((op) => op.to_ns)) && own.length)
      wrong.push(`${entry.path} of ${key(entry)} ends after its work`);
  }
  return wrong;
}

async function test(node, world, als) {
  world.ready.clear();
  const name = als === 'als' ? '' : ' without';
  const service = await startService(node, 'waits.js', [world.arg],
    { flags: ['--expose-gc'], env: { UV_THREADPOOL_SIZE: '32', WAITS_ALS: als } });

  try {
    const first = await Client.open(service.ready.port);
    for (const path of [...LATE, ...OTHERS])
      await first.ask(path);
    await first.end();
    const agent = await record([service.pid]);
    const asked = await drive(service.ready.port);
    await sleep(200);
    const end = await agent.stop();
    const log = await service.dump();
    noteTurns(log);
    const { requests, summary } = await exported(agent.file);
    const { pairs, missing } = joined(requests, log, asked);
    const late = pairs.filter(({ entry }) => entry.late);
    const others = pairs.filter(({ entry }) => !entry.late);

    verdict(node.name, `seen${name}`, [...missing,
      ...(end.status || summary.loss.total ? [`${end.status}, ${summary.loss.total}`] : []),
      ...(service.stderr ? [service.stderr] : [])], `${requests.length} requests`);
    verdict(node.name, `sums${name}`, sumsWrong(requests),
      `${requests.filter((r) => r.waits_ns).length} known`);
    verdict(node.name, `nobody has what is late${name}`, strangeWrong(pairs));
    if (als !== 'als')
      return;
    verdict(node.name, 'answered before', lateWrong(late), middle(late));
    verdict(node.name, 'the others', [...amongWrong(others, world.ready),
      ...(others.length && sum(others.map(({ w }) => (w ? 1 : 0))) > 0.9 * others.length ? [] :
        ['nearly all are unknown'])], middle(others));
  } finally {
    await service.kill();
  }
}

const world = await makeWorld();

for (const node of nodes()) {
  for (const als of ['als', 'none']) {
    if (selected(als))
      await part(node.name, als, () => test(node, world, als));
  }
}
await world.stop();
finish('waits_late');
