// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// DuckDB as a reader that is not ours: SQL over the files that an export has written.
import path from 'node:path';
import { createRequire } from 'node:module';

import { TOP } from './env.mjs';
import { run } from './proc.mjs';

/** The directory of the packages that tools/npm/package-lock.json pins. */
export async function modules() {
  const { status, stdout, stderr } = await run(path.join(TOP, 'tools/npm-fetch'));

  if (status !== 0)
    throw new Error(`tools/npm-fetch: ${stderr.trim()}`);
  return stdout.trim();
}

/** require() of a package of that directory. */
export async function packages() {
  return createRequire(path.join(await modules(), 'of-tests.js'));
}

/* Numbers where they are exact, else the value as it came. */
function plain(value) {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value))
    return value.map(plain);
  if (value && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}

/** A name or a text in SQL. */
export const quoted = (text) => `'${String(text).replace(/'/g, "''")}'`;

/**
 * A database in memory. query(SQL) resolves to rows as objects: numbers are numbers, 64-bit ones
 * beyond what is exact BigInts, lists arrays, structures objects.
 */
export async function openDuckdb() {
  const { DuckDBInstance } = (await packages())('@duckdb/node-api');
  /* The machine is shared. */
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();

  return {
    async query(sql) {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowObjectsJS().map(plain);
    },
    async one(sql) {
      return (await this.query(sql))[0];
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
