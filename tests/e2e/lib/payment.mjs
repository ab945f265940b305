// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The demo's payment service under an agent, and its own record as a truth like the others'.
import path from 'node:path';
import { spawn } from 'node:child_process';
import readline from 'node:readline';

import { warm } from './context.mjs';
import { TOP } from './env.mjs';
import { exported, jsonLines, record, reported, sleep, tmpFile, track, within } from './proc.mjs';

const PAYMENT = path.join(TOP, 'tools/demo/payment.js');
const START_MS = 30000;

/* {child, port, oracle} of a service that listens. */
async function start(variant, mode) {
  const oracle = tmpFile('oracle.jsonl');
  const child = track(spawn(variant.path, [...variant.flags, PAYMENT, '--mode', mode],
    { stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', PORT: '0', ORACLE: oracle } }));
  const listening = new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      const port = /^listening (\d+)/.exec(line)?.[1];
      if (port)
        resolve(Number(port));
    });
    child.closed.then(() => reject(new Error('the payment service ended')));
  });

  return { child, oracle, port: await within(listening, START_MS, 'payment service') };
}

/* The record as a log of truth.js: numbers on connections, and whose store it was. */
function truthOf(file) {
  const served = new Map();
  const log = jsonLines(file).sort((a, b) => a.seq - b.seq).map((line) => {
    const seq = (served.get(line.remotePort) ?? 0) + 1;
    served.set(line.remotePort, seq);
    return { ...line, service_seq: line.seq, port: line.remotePort, seq,
      path: line.path.split('?')[0],
      end_ns: line.finish_ns, queued: false };
  });
  const bySeq = new Map(log.map((e) => [e.service_seq, e]));

  for (const entry of log) {
    const owner = bySeq.get(entry.contextSeq);
    if (entry.head_ns === 0)
      entry.context = null;
    else if (!owner)
      entry.context = [{ is: entry.contextId === null ? 'lost' : 'stray' }];
    else if (owner === entry)
      entry.context = [{ is: 'own' }];
    else
      entry.context = [{ is: owner.port === entry.port ? 'same' : 'foreign',
        other: { port: owner.port, seq: owner.seq, path: owner.path } }];
  }
  return log;
}

/** Runs the service of @mode under an agent while @drive(where) loads it. */
export async function observePayments(variant, mode, drive) {
  const service = await start(variant, mode);

  try {
    await warm(service.port, 'users/1');
    const since = Number(process.hrtime.bigint());
    const agent = await record([service.child.pid]);
    const driven = await drive(`127.0.0.1:${service.port}`);
    await sleep(200);
    const end = await agent.stop();
    service.child.kill('SIGTERM');
    await within(service.child.closed, START_MS, 'end of the payment service');
    const out = await exported(agent.file);
    return { driven, since, end, log: truthOf(service.oracle), ...out,
      report: await reported(agent.file) };
  } finally {
    service.child.kill('SIGKILL');
  }
}
