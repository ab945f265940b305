// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests that hang, in loopray top on a real terminal: what each waits for is in its row while it
// does, and on its page: an upstream, a raw peer, a file, and a connection that nobody accepts.
//
// test-timeout: 180
import http from 'node:http';

import { LOOPRAY } from './lib/env.mjs';
import { startService } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { Screen } from './lib/screen.mjs';
import { variants } from './lib/variants.mjs';

const WARM = 40; /* of each route, so that it is known to have stores of its own */
const ROUTES = ['http', 'raw', 'file', 'connect'];

let id = 0;
const get = (port, path) => new Promise((resolve, reject) => {
  http.get({ port, host: '127.0.0.1', path, agent: false, headers: { 'x-id': `id-${++id}` } },
    (res) => res.resume().on('end', resolve)).on('error', reject);
});

async function warm(port) {
  for (let i = 0; i < WARM; i++)
    await Promise.all(ROUTES.map((route) => get(port, `/${route}`)));
}

/* Its row, and which one it is; '' and -1 where there is none. */
function rowOf(text, route) {
  const lines = text.split('\n');
  const at = lines.findIndex((l) => new RegExp(`GET +/${route} +open `).test(l));

  return { at, row: lines[at] ?? '' };
}

async function opened(screen, route) {
  const marked = (text) => text.split('\n').findIndex((l) => l.startsWith('▶'));

  for (let i = 0; i < 2 * ROUTES.length; i++) {
    const text = screen.text();
    const [at, to] = [marked(text), rowOf(text, route).at];
    if (at === to)
      break;
    screen.keys(at < to ? 'j' : 'k');
    await screen.until((t) => marked(t) !== at, `selection of /${route}`);
  }
  screen.keys('Enter');
  await screen.until(new RegExp(`GET /${route}\\n[^]*Esc back`), `page of /${route}`);
  screen.keys('G');
  const text = await screen.until((t) => /Outgoing calls[^]*\S/.test(t) && t);
  screen.keys('Escape');
  await screen.until(/\[1 requests\][^]*METHOD/);
  return text;
}

async function hanging(variant, mode) {
  const title = mode === 'als' ? 'with stores' : 'without';
  const service = await startService(variant, 'hanging.js', [mode], { flags: variant.flags });
  const { port, raw, silent } = service.ready;
  const screen = new Screen({ cols: 120, rows: 40 });

  try {
    screen.run(`${LOOPRAY} top -p ${service.pid}`);
    await screen.until(/\[1 requests\]/);
    await screen.until(/rps/);
    await warm(port);
    const hung = ROUTES.map((route) => get(port, `/${route}?hang`).catch(() => {}));
    const says = { http: /on http +1 /, raw: new RegExp(`on port ${raw} +1 `), file: /on fs +0 /,
      connect: new RegExp(`on port ${silent} +1 `) };
    const wrong = [];

    for (const [route, pattern] of Object.entries(says)) {
      await screen.until((t) => pattern.test(rowOf(t, route).row), `/${route} ${pattern}`)
        .catch((err) => wrong.push(err.message));
    }
    verdict(variant.name, `${title}: rows`, wrong.splice(0), ROUTES.join(' '));
    screen.keys('Space'); /* the order stays */
    await screen.until(/FROZEN/);
    const connect = await opened(screen, 'connect');
    if (!new RegExp(`127\\.0\\.0\\.1:${silent}[^]*open, nothing sent yet`).test(connect))
      wrong.push(`connect: ${connect}`);
    const file = await opened(screen, 'file');
    if (!/Jobs of the thread pool: 1\n +fs [^]*not done/.test(file))
      wrong.push(`file: ${file}`);
    const upstream = await opened(screen, 'http');
    if (!/GET \/wait [^]*open, [^]* out, 0 B in/.test(upstream))
      wrong.push(`http: ${upstream}`);
    verdict(variant.name, `${title}: pages`, wrong);
    await service.kill();
    await Promise.all(hung);
  } finally {
    screen.close();
    await service.kill();
  }
}

for (const variant of variants(['18.20', '22', '24'])) {
  await part(variant.name, 'without: rows', () => hanging(variant, 'none'));
  await part(variant.name, 'with stores: rows', () => hanging(variant, 'als'));
}
finish('hanging');
