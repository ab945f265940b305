// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Stores that V8 allocates in the old space, as it does once most of them survive: whose they are is
// known there as well.
//
// test-timeout: 300
import http from 'node:http';

import { join, observe } from './lib/context.mjs';
import { selected } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

/* The new space is small, so that it is soon at its largest: V8 decides only then. */
const FLAGS = ['--allow-natives-syntax', '--max-semi-space-size=1'];
const REQUESTS = 3000;
const CONNECTIONS = 20;
const OLD_MIN = 200; /* stores in the old space without which nothing was tested */
const KNOWN_MIN = 0.95;

const ask = (agent, port, path) => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path, agent }, (res) => {
    res.resume();
    res.on('end', resolve);
  }).on('error', reject);
});

async function drive({ ready: { port } }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let at = 0;

  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (at < REQUESTS)
      await ask(agent, port, `/r${at++}`);
  }));
  agent.destroy();
}

const words = (pairs) => {
  const n = {};

  for (const { req } of pairs) {
    const word = [req.context, req.context_unknown].filter(Boolean).join(' ');
    n[word] = (n[word] ?? 0) + 1;
  }
  return Object.entries(n).map(([word, count]) => `${count} ${word}`).join(', ');
};

async function testVariant(variant) {
  const run = await observe(variant, 'tenured.js', { flags: FLAGS, first: 'warm', drive });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);
  const old = pairs.filter(({ entry }) => !entry.young);
  const known = old.filter(({ req }) => req.context === 'own');
  const wrong = pairs.filter(({ req }) => req.findings.length || !['own', 'unknown'].includes(req.context))
    .map(({ req }) => `${req.path} is ${req.context}: ${JSON.stringify(req.findings)}`);

  verdict(variant.name, 'seen', [...missing, ...(pairs.length === REQUESTS ? [] : [`${pairs.length} requests`]),
    ...(run.summary.loss.total ? [`loss ${run.summary.loss.total}`] : [])], `${pairs.length} requests`);
  verdict(variant.name, 'none is wrong', wrong, words(pairs));
  verdict(variant.name, 'old space', [
    ...(old.length < OLD_MIN ? [`only ${old.length} stores in the old space: nothing was tested`] : []),
    ...(known.length < KNOWN_MIN * old.length ? [`only ${known.length} of ${old.length}: ${words(old)}`] : []),
  ], `${known.length} of ${old.length} known`);
}

/* The V8 of 22 leaves these stores in the new space. */
for (const variant of variants(['18', '20', '24', '26', 'debian'])) {
  if (selected(variant.name))
    await part(variant.name, 'seen', () => testVariant(variant));
}
finish('context-tenured');
