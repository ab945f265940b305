// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where things are: from the environment that tests/run gives, or found by hand.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));

export const TOP = process.env.LOOPRAY_TOP ?? path.resolve(here, '../../..');
export const BUILD = process.env.LOOPRAY_BUILD ?? path.join(TOP, 'build');
export const LOOPRAY = process.env.LOOPRAY ?? path.join(BUILD, 'loopray');
export const LOADGEN = path.join(BUILD, 'tools', 'loadgen');
export const SERVICES = path.resolve(here, '../services');
export const TMP = fs.mkdtempSync(path.join(process.env.TEST_TMP ?? os.tmpdir(), 'lr-e2e-'));

fs.chmodSync(TMP, 0o755); // servers and agents run as other users read and write in it
/* E2E_KEEP=1 leaves what a failing test wrote. */
if (!process.env.E2E_KEEP)
  process.on('exit', () => fs.rmSync(TMP, { recursive: true, force: true }));

const CACHE = process.env.LOOPRAY_CACHE ?? '/var/cache/loopray';
const SET = ['18.20.8', '20.20.2', '22.21.1', '24.11.1', '26.10.0', 'debian18'];

function listed() {
  if (process.env.LOOPRAY_NODES)
    return process.env.LOOPRAY_NODES.trim().split('\n').map((l) => l.split(' '));
  return SET.map((name) => [name,
    path.join(CACHE, 'node', /^\d/.test(name) ? `v${name}` : name, 'bin/node')])
    .filter(([, file]) => fs.existsSync(file));
}

/**
 * [{name, path}] of every version to test on. E2E_NODES (names, or their beginnings, separated
 * by commas) narrows it for work by hand; @only does so for checks that need one per kind.
 */
export function nodes(only) {
  const wanted = process.env.E2E_NODES?.split(',');

  return listed().map(([name, file]) => ({ name, path: file }))
    .filter((n) => !wanted || wanted.some((w) => n.name.startsWith(w)))
    .filter((n) => !only || only.some((w) => n.name.startsWith(w)));
}

/** Work by hand: E2E_ONLY=word runs only the parts whose name contains it. */
export function selected(name) {
  return !process.env.E2E_ONLY || name.includes(process.env.E2E_ONLY);
}
