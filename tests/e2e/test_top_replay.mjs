// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The dashboard on a capture, with its time under control, against the report of the same capture;
// w, which writes what was seen; and the rows and JSON lines that a pipe gets.
//
// test-timeout: 120
import fs from 'node:fs';
import path from 'node:path';

import { LOOPRAY, TMP, nodes } from './lib/env.mjs';
import { Agent, load, loopray, record, reported, sleep, startService, tmpFile } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { Screen } from './lib/screen.mjs';

const MIX = 'GET /warm\nGET /each';
const N = 300;
let target; // of the load

const sum = (list, of) => list.reduce((n, x) => n + of(x), 0);
const rows = (text) => text.split('\n').filter((l) => /^\d\d:/.test(l)).map((l) => l.split(/ +/));
const objects = (text) => text.split('\n').filter(Boolean).map((l) => JSON.parse(l));

/* N requests in somewhat more than three seconds. */
async function requests() {
  for (let i = 0; i < 3; i++) {
    await load(target, ['-c', '4', '-n', String(N / 3), '--mix', MIX]);
    await sleep(1100);
  }
}

/* Live, with somebody who reads: each interval as it is over. */
async function liveRows(node, pid) {
  const text = new Agent(['top', '-v', '-p', String(pid), '-i', '500ms']);
  const json = new Agent(['top', '-v', '-p', String(pid), '--json', '-i', '500ms']);
  await Promise.all([text.attached(), json.attached()]);
  await load(target, ['-c', '4', '-n', String(N), '--mix', MIX]);
  for (const agent of [text, json])
    while (rows(agent.stdout).length + agent.stdout.split('\n').length < 5)
      await sleep(50);
  const ends = [await text.stop(), await json.stop()];
  const all = objects(json.stdout);
  const counted = sum(rows(text.stdout), (r) => Number(r[1]) * 0.5);

  verdict(node.name, 'rows and lines of live processes', [
    ...ends.filter((e) => e.status !== 0).map((e) => `status ${e.status}: ${e.stderr}`),
    ...(/^ +TIME +REQ\/S/.test(text.stdout) ? [] : [`no titles: ${text.stdout}`]),
    ...(text.stdout.includes('\x1b') ? ['escapes in rows'] : []),
    ...(Math.abs(counted - N) <= N / 10 ? [] : [`${counted} requests by rows: ${text.stdout}`]),
    ...(sum(all, (o) => o.requests) === N ? [] : [`${sum(all, (o) => o.requests)} by lines`]),
    ...(all.every((o) => o.schema === 'loopray.top/1' && o.agent.rss_bytes > 1e6) ? [] :
      [`lines ${json.stdout.slice(0, 500)}`]),
    ...(all.at(-1).targets[0].pid === pid ? [] : ['no target']),
  ]);
}

/* The same figures from a capture, at once. */
async function captureRows(node, file) {
  const report = await reported(file);
  const end = await loopray(['top', '--replay', file, '--json']);
  const all = objects(end.stdout);
  const last = all.at(-1);

  verdict(node.name, 'lines of a capture', [
    ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
    ...(sum(all, (o) => o.requests) === report.requests.total ? [] :
      [`${sum(all, (o) => o.requests)} requests, ${report.requests.total} in the report`]),
    ...report.routes.filter((r) => !last.routes.some((x) =>
      x.method === r.method && x.route === r.route && x.count === r.count))
      .map((r) => `${r.method} ${r.route} is not in ${JSON.stringify(last.routes)}`),
    ...(all.every((o) => o.agent.cpu === null) ? [] : ['an agent in a replay']),
  ]);
}

/* On a terminal: what is written by w is a capture of what was seen. */
async function write(node, pid) {
  const dir = fs.mkdtempSync(path.join(TMP, 'write-'));
  const screen = new Screen();

  screen.run(`cd ${dir}; ${LOOPRAY} top -p ${pid}`);
  await screen.until(/in flight/);
  await requests();
  if (fs.readdirSync(dir).length)
    throw new Error(`on disk without being asked: ${fs.readdirSync(dir)}`);
  screen.keys('w');
  const [, name] = /wrote (\S+\.lray), [\d.]+ MB, from \d/.exec(
    await screen.until((t) => /wrote \S+\.lray/.test(t) && t, 'a file'));
  screen.keys('q');
  await screen.until(/ready>\s*$/);
  screen.close();
  const file = path.join(dir, name);
  const report = await reported(file);
  verdict(node.name, 'w', [
    ...(fs.readdirSync(dir).join() === name ? [] : [`files ${fs.readdirSync(dir)}`]),
    ...(report.requests.total === N ? [] : [`${report.requests.total} requests`]),
    ...(report.loss.total === 0 ? [] : [`loss ${JSON.stringify(report.loss)}`]),
  ]);
  return file;
}

/* Through the time of a capture and back. */
async function replay(node, file) {
  const { requests } = await reported(file);
  const at = (text) => Number(/replay ([\d.]+) of/.exec(text)?.[1]);
  const screen = new Screen();
  const wrong = [];

  screen.run(`${LOOPRAY} top --replay ${file}`);
  await screen.until(/replay [\d.]+ of [\d.]+ s, x1/);
  screen.keys('Space');
  const paused = at(await screen.until((t) => /paused/.test(t) && t, 'pause'));
  screen.keys('.');
  const on = at(await screen.until((t) => at(t) > paused && t, 'a step on'));
  screen.keys(',');
  const back = at(await screen.until((t) => at(t) < on && t, 'a step back'));
  if (Math.abs(on - paused - 1) > 0.11 || Math.abs(on - back - 1) > 0.11)
    wrong.push(`steps from ${paused} to ${on} and ${back}`);
  screen.keys('+', '+');
  await screen.until(/x4/);
  screen.keys('}');
  await screen.until(/ of [\d.]+ s, x4, end/);
  screen.keys('2');
  const text = await screen.until((t) => /\[2 routes\][^]*GET +\/warm/.test(t) && t, 'routes at the end');
  const shown = sum([...text.matchAll(/GET +\/(?:warm|each) +(\d+)/g)], (m) => Number(m[1]));
  if (shown !== requests.total)
    wrong.push(`${shown} requests, ${requests.total} in the report: ${text}`);
  screen.keys('{');
  await screen.until((t) => at(t) === 0 && !/\/warm/.test(t), 'the beginning');
  screen.keys('Space');
  await screen.until((t) => at(t) > 0 && !/paused/.test(t), 'going on');
  screen.keys('q');
  await screen.until(/ready>\s*$/);
  screen.close();
  verdict(node.name, 'replay', wrong);
}

/* What cannot go back in time, and what ends early. */
async function limits(node, file) {
  const cut = tmpFile('cut.lray');
  fs.writeFileSync(cut, fs.readFileSync(file).subarray(0, fs.statSync(file).size - 400));
  const pipe = await loopray(['top', '--replay', '/dev/stdin'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const end = await loopray(['top', '--replay', cut]);

  verdict(node.name, 'limits', [
    ...(pipe.status === 1 && /cannot be read twice|cannot be opened/.test(pipe.stderr) ? [] :
      [`a pipe: ${pipe.status} ${pipe.stderr}`]),
    ...(end.status === 0 && /cut off after/.test(end.stderr) && rows(end.stdout).length ? [] :
      [`cut off: ${end.status} ${end.stderr}`]),
  ]);
}

for (const node of nodes(['22'])) {
  const service = await startService(node, 'jobs.js');
  const { pid } = service;
  const agent = await record([pid]);

  target = `127.0.0.1:${service.ready.port}`;
  await requests();
  await agent.stop();
  await part(node.name, 'rows and lines of live processes', () => liveRows(node, pid));
  await part(node.name, 'lines of a capture', () => captureRows(node, agent.file));
  await part(node.name, 'limits', () => limits(node, agent.file));
  await part(node.name, 'w', async () => replay(node, await write(node, pid)));
  await service.kill();
}
finish('top_replay');
