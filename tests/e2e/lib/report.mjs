// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a test prints: one line for each check (see tests/lib/count.sh), and at the end the
// matrix of Node.js versions and checks. The matrix is also kept in build/test-logs/e2e-matrix/,
// from which matrix.mjs prints one table of all tests.
import fs from 'node:fs';
import path from 'node:path';

import { BUILD } from './env.mjs';

const rows = new Map();
const columns = [];
let failed = 0;
let passed = 0;

function mark(version, check, value) {
  if (!columns.includes(check))
    columns.push(check);
  if (!rows.has(version))
    rows.set(version, {});
  const row = rows.get(version);
  if (row[check] !== 'FAIL')
    row[check] = value;
}

function line(text, limit = 1500) {
  const flat = text.replace(/\s+/g, ' ');
  return flat.length > limit ? `${flat.slice(0, limit)} ...` : flat;
}

export function ok(version, check, detail = '') {
  passed++;
  console.log(`ok - ${version} ${check}${detail && ` # ${detail}`}`);
  mark(version, check.split(': ')[0], 'ok');
}

export function notOk(version, check, why) {
  failed++;
  console.log(`not ok - ${version} ${check}: ${line(String(why))}`);
  mark(version, check.split(': ')[0], 'FAIL');
}

export function skip(version, check, why) {
  console.log(`skip - ${version} ${check}: ${line(why)}`);
  mark(version, check.split(': ')[0], 'skip');
}

/** One check: @wrong is a list of what is wrong, empty if all is well. */
export function verdict(version, check, wrong, detail = '') {
  if (wrong.length === 0)
    ok(version, check, detail);
  else
    notOk(version, check, `${wrong.length} wrong: ${wrong.slice(0, 5).join('; ')}`);
}

/** Runs one part of a test; what it throws is a failure of @check, not the end of the test. */
export async function part(version, check, fn) {
  try {
    await fn();
  } catch (err) {
    notOk(version, check, `${err.stack ?? err}`);
  }
}

/** One line for each of @checks, one column for each version of @rowsOf. */
export function table(rowsOf, checks) {
  const versions = [...rowsOf.keys()];
  const left = Math.max(...checks.map((c) => c.length), 5);
  const widths = versions.map((v) => Math.max(v.length, 4));
  const cell = (check, v) => (rowsOf.get(v)[check] ?? '-').padEnd(widths[versions.indexOf(v)]);
  const out = [[''.padEnd(left), ...versions.map((v, i) => v.padEnd(widths[i]))].join('  ')];

  for (const check of checks)
    out.push([check.padEnd(left), ...versions.map((v) => cell(check, v))].join('  '));
  return out.map((l) => l.trimEnd()).join('\n');
}

/** Prints and keeps the matrix, and sets the exit status. */
export function finish(name) {
  const dir = path.join(BUILD, 'test-logs', 'e2e-matrix');

  console.log(`\n${table(rows, columns)}`);
  console.log(`${passed} passed, ${failed} failed`);
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, `${name}.json`),
    JSON.stringify({ columns, rows: [...rows] }));
  process.exitCode = failed ? 1 : 0;
}
