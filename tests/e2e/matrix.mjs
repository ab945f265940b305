// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Prints one table, versions and checks, of the end-to-end tests that ran last: each leaves its
// part in build/test-logs/e2e-matrix/.
import fs from 'node:fs';
import path from 'node:path';

import { BUILD } from './lib/env.mjs';
import { table } from './lib/report.mjs';

const dir = path.join(BUILD, 'test-logs', 'e2e-matrix');
const rows = new Map();
const checks = [];

for (const file of fs.existsSync(dir) ? fs.readdirSync(dir).sort() : []) {
  const name = path.basename(file, '.json');
  const part = JSON.parse(fs.readFileSync(path.join(dir, file), 'utf8'));

  for (const check of part.columns)
    checks.push(`${name}: ${check}`);
  for (const [version, row] of part.rows) {
    if (!rows.has(version))
      rows.set(version, {});
    for (const [check, value] of Object.entries(row))
      rows.get(version)[`${name}: ${check}`] = value;
  }
}
console.log(rows.size ? table(rows, checks) : 'no end-to-end test has run');
