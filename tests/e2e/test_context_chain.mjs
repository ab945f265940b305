// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Level resources: a finding names the resource under whose callback the response was written, who
// made it and for which request, and what happened around the write, in order.
//
// test-timeout: 180
import { record, exported, reported, loopray, sleep, startService } from './lib/proc.mjs';
import { Raw } from './lib/raw.mjs';
import { findings } from './lib/context.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const ASKS = 12;
const ATTEMPTS = 3;

const get = (raw, path) => raw.exchange(`GET /${path} HTTP/1.1\r\nHost: chain\r\n\r\n`);

/* @open: the request that opened the connection. */
function wrongChain(f, truth, open) {
  const [link] = f.chain;
  const wrong = [];
  const expect = (what, is, want) => is === want || wrong.push(`${what}: ${is}, not ${want}`);

  expect('exec_id', f.exec_id, truth.exec);
  expect('resource', f.resource, 'TCPWRAP');
  if (!link)
    return [...wrong, 'no chain'];
  expect('first link', link.async_id, truth.exec);
  expect('its trigger', link.trigger_id, truth.trigger);
  expect('its type', link.resource, 'TCPWRAP');
  expect('its request', link.request_seq, open.seq);
  expect('its path', link.path, '/open');
  if (link.init_ns < open.recv_ns || link.init_ns > open.end_ns)
    wrong.push('not made while its request was served');
  for (const [i, l] of f.chain.entries()) {
    if (i && l.async_id !== f.chain[i - 1].trigger_id)
      wrong.push(`link ${i} is ${l.async_id}, not ${f.chain[i - 1].trigger_id}`);
  }
  return wrong;
}

/* In order, with all that is known of both. */
function wrongTime(example) {
  const has = example.timeline.map((m) => `${m.who} ${m.what}`);
  const ms = example.timeline.map((m) => m.ms);
  const want = ['other arrived', 'callback made', 'other head', 'other ended', 'this arrived',
    'this read', 'this head', 'this ended'];

  return [
    ...(want.every((w) => has.includes(w)) && has.length === want.length ? [] :
      [`time line ${has}, not ${want}`]),
    ...(ms.every((t, i) => i === 0 || t >= ms[i - 1]) ? [] : [`not in order: ${ms}`]),
    ...(has.indexOf('other ended') < has.indexOf('this arrived') ? [] : ['the other ended later']),
  ];
}

/*
 * One request makes all that the others are answered under. What is not sure of it is said to be
 * unknown: whose its store is where V8 came to another page just then, and for whom it made
 * something where the thread was blocked meanwhile.
 */
const unsure = (open, found) => open?.context === 'unknown' || found.length < ASKS / 2 ||
  found.some(([f]) => f.chain[0] && f.chain[0].request_seq === null);

async function observe(variant) {
  const service = await startService(variant, 'chain.js', [], { flags: variant.flags });

  try {
    const where = { host: '127.0.0.1', port: service.ready.port };
    await get(await Raw.open(where), 'open');
    const agent = await record([service.pid], ['--level', 'resources']);
    /* Of connections that are older than the agent the parser is not known. */
    const [opener, asker] = [await Raw.open(where), await Raw.open(where)];
    await get(opener, 'open');
    for (let i = 0; i < ASKS; i++)
      await get(asker, 'ask');
    await sleep(100);
    await agent.stop();
    const truth = await service.dump();
    const { requests } = await exported(agent.file);
    const open = requests.find((r) => r.path === '/open');
    const asked = requests.filter((r) => r.path === '/ask');
    const found = asked.flatMap((r, i) => findings(r, 'foreign').map((f) => [f, truth[i]]));
    return { file: agent.file, open, asked, found };
  } finally {
    await service.kill();
  }
}

async function check(variant) {
  let run = await observe(variant);

  for (let i = 1; i < ATTEMPTS && unsure(run.open, run.found); i++) {
    console.log(`# ${variant.name}: unknown, made again`);
    run = await observe(variant);
  }
  const { file, open, asked, found } = run;
  const { findings: { groups } } = await reported(file);
  const text = (await loopray(['report', '--no-color', file])).stdout;

  verdict(variant.name, 'chain', [
    ...(asked.length === ASKS && found.length >= ASKS / 2 ? [] :
      [`${found.length} findings of ${asked.length}, ${open?.context} ${open?.context_unknown}`]),
    ...found.flatMap(([f, t]) => wrongChain(f, t, open))], `${found.length} findings`);
  verdict(variant.name, 'time', groups.length === 1 ? wrongTime(groups[0].example) :
    [`${groups.length} groups`]);
  verdict(variant.name, 'text', [/made [\d.]+ m?s before for GET\s+\/open/,
    /callback of TCPWRAP/, /Time line/].filter((re) => !re.test(text.replace(/\s+/g, ' ')))
    .map((re) => `the report does not say ${re}:\n${text}`));
}

for (const variant of variants())
  await part(variant.name, 'chain', () => check(variant));
finish('context-chain');
