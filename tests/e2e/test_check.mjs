// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// loopray check and rotation: the step of a build in docs/ci fails with the broken payment service
// and passes with the fixed one; each exit status; JUnit's XML read by xmllint; a recording under
// load cut into files, by time, size and signal, has every request exactly once.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { LOADGEN, LOOPRAY, selected, TMP, TOP } from './lib/env.mjs';
import { warm } from './lib/context.mjs';
import { startPayments } from './lib/payment.mjs';
import { exported, loopray, record, reported, run, sleep, startLoad, tmpFile }
  from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const STEP = path.join(TOP, 'docs/ci/check.sh');
const PAYMENT = path.join(TOP, 'tools/demo/payment.js');
const SCHEMA = path.join(TOP, 'tests/e2e/lib/junit.xsd');
const PAY = 'POST /process-payment {"amount": 12.5, "currency": "EUR"}';
const REQUESTS = 4000;
const CONNECTIONS = 30;

const expect = (wrong, what, is, want) => {
  if (is !== want)
    wrong.push(`${what} is ${is}, not ${want}`);
};

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/* The file is well formed, has the structure, and says as many of each as the JSON. */
async function checkJunit(wrong, file, want) {
  const valid = await run('xmllint', ['--noout', '--schema', SCHEMA, file]);
  const ask = async (xpath) => (await run('xmllint', ['--xpath', xpath, file])).stdout.trim();

  expect(wrong, 'status of xmllint', valid.status, 0);
  if (valid.status !== 0)
    wrong.push(valid.stderr);
  expect(wrong, 'failures', await ask('count(//testcase/failure)'), String(want.failed));
  expect(wrong, 'errors', await ask('count(//testcase/error)'), String(want.unsure));
  expect(wrong, 'failures said', await ask('string(/testsuites/testsuite/@failures)'),
    String(want.failed));
  expect(wrong, 'cases', await ask('count(//testcase)'), await ask('string(//testsuite/@tests)'));
}

const check = (args) => loopray(['check', ...args]);

async function checkJson(args) {
  const end = await check([...args, '--json']);

  return { ...end, json: end.stdout ? JSON.parse(end.stdout) : null };
}

/** The step of a build, with the payment service of @mode. */
async function step(variant, mode, limits) {
  const port = await freePort();
  const out = tmpFile(`out-${mode}`);
  const end = await run(STEP, [...limits, '--', variant.path, ...variant.flags, PAYMENT,
    '--mode', mode, '--port', String(port)], { env: { ...process.env, NODE_OPTIONS: '', LOOPRAY,
    OUT: out, READY: `http://127.0.0.1:${port}/users/1`,
    LOAD: `${LOADGEN} -c ${CONNECTIONS} -n ${REQUESTS} --mix '${PAY}' 127.0.0.1:${port}` } });

  return { ...end, file: path.join(out, 'run.lray'), junit: path.join(out, 'check.xml') };
}

async function testBuild(variant) {
  const captures = {};

  for (const [mode, status] of [['broken', 7], ['fixed', 0]]) {
    const wrong = [];
    const end = await step(variant, mode, ['--max-mismatches', '0', '--min-requests',
      String(REQUESTS), '--max-error-rate', '1%']);

    expect(wrong, 'status', end.status, status);
    if (end.status !== status)
      wrong.push(end.stdout, end.stderr);
    await checkJunit(wrong, end.junit, { failed: status ? 1 : 0, unsure: 0 });
    const report = await reported(end.file);
    if (mode === 'broken') {
      if (!/FAILED {2}mismatches +[1-9]\d* {2}at most 0\n/.test(end.stdout) ||
          !/ x foreign: POST \/process-payment/.test(end.stdout))
        wrong.push(`it says ${end.stdout}`);
      if (report.findings.mismatched_requests < 100)
        wrong.push(`${report.findings.mismatched_requests} mismatches only`);
    }
    verdict(variant.name, `build: ${mode}`, wrong, /^check .*/m.exec(end.stdout)?.[0]);
    captures[mode] = end.file;
  }
  return captures;
}

/* Each way to end, by its status and by what is said. */
async function testStatuses(version, { fixed, broken }) {
  const bytes = fs.readFileSync(fixed);
  const cut = tmpFile('cut.lray');
  const junk = tmpFile('junk.lray');
  fs.writeFileSync(cut, bytes.subarray(0, Math.floor(bytes.length * 0.7)));
  fs.writeFileSync(junk, 'no capture');
  const cases = [
    [[fixed], 0, /No limit was given: what is checked is --max-mismatches 0/],
    [[broken], 7, /FAILED {2}mismatches/],
    [[fixed, '--max-p99', '10s', '--max-p50', '10s', '--min-rps', '1'], 0, /3 held/],
    [[fixed, '--max-p99', '1ms', '--max-mismatches', '0'], 7, /1 failed, 1 held/],
    [[fixed, '--min-requests', '1000000'], 7, /FAILED {2}requests/],
    [[fixed, '--max-unknown', '0%'], 6, /because: context unknown at/],
    [[fixed, '--baseline', fixed], 0, /p99 latency.* \(baseline /],
    [[cut], 6, /because: the capture is not whole: cut off after/],
    /* What is left of it may be its beginning, where contexts are unknown yet. */
    [[cut, '--allow-loss', '--max-unknown', '100%'], 0, /Allowed by --allow-loss: the capture is not whole/],
    [[cut, '--min-requests', '100'], 0, /1 held/],
    [[junk], 1, /not a loopray capture/],
    [[fixed, '--baseline', junk], 1, /not a loopray capture/],
    [[fixed, '--max-p99', 'soon'], 2, /'soon' is not allowed/],
    [[fixed, '--max-regress', '5%'], 2, /needs --baseline/],
    [[], 2, /nothing to look at/],
    [['-p', '4194304', '-d', '1s'], 3, /4194304/],
  ];
  const wrong = [];

  for (const [args, status, says] of cases) {
    const end = await check(args);

    expect(wrong, `status of ${args.map((a) => path.basename(a)).join(' ')}`, end.status, status);
    if (!says.test(end.stdout + end.stderr))
      wrong.push(`${args.join(' ')} says ${end.stdout}${end.stderr}`);
  }
  verdict(version, 'statuses', wrong, `${cases.length} ways`);
}

async function testOutputs(version, { fixed, broken }) {
  const junit = tmpFile('check.xml');
  const other = tmpFile('other.xml');
  const wrong = [];
  const { json, status } = await checkJson([broken, '--max-mismatches', '0', '--max-p99', '10s',
    '--baseline', fixed, '--max-regress', '100%', '--max-unknown', '50%', '--junit', junit]);

  expect(wrong, 'schema', json.schema, 'loopray.check/1');
  expect(wrong, 'result', json.result, 'failed');
  expect(wrong, 'status said', json.status, status);
  expect(wrong, 'sum', json.held + json.failed + json.unsure, json.checks.length);
  const worse = json.checks.find((c) => c.id === 'regress-mismatches');
  expect(wrong, 'mismatches against the fixed service', worse?.result, 'failed');
  expect(wrong, 'its baseline', worse?.baseline, 0);
  const p99 = json.checks.find((c) => c.id === 'max-p99');
  expect(wrong, 'p99', p99.measured, (await reported(broken)).requests.latency_ms.p99);
  expect(wrong, 'limit of p99', p99.limit, 10000);
  if (!json.mismatches.some((m) => m.includes('POST /process-payment')))
    wrong.push(`mismatches are ${json.mismatches}`);
  await checkJunit(wrong, junit, json);
  /* The same by --format, and with an unsure one. */
  const end = await check([fixed, '--format', 'junit', '--max-unknown', '0%', '-o', other]);
  expect(wrong, 'status of junit', end.status, 6);
  await checkJunit(wrong, other, { failed: 0, unsure: 1 });
  verdict(version, 'outputs', wrong, `${json.checks.length} checks`);
}

const filesOf = (base) => fs.readdirSync(TMP).filter((f) => f.startsWith(`${path.basename(base)}-`))
  .sort().map((f) => path.join(TMP, f));

/* The load generator's name of a request, without its pid: its connection and number. */
const idOf = (r) => /^lg\d+-(\d+-\d+)$/.exec(r.headers?.['x-request-id'])?.[1];

/* The same, of one whose headers may not have been told yet when its file ended. */
const begunAs = (r) => `${r.peer_port} ${r.start_ns}`;

/*
 * Every request of the clients is over in exactly one file, and marked there if it was in flight at
 * the end of one before.
 */
async function checkUnion(wrong, files, ids) {
  const over = new Map();
  const open = new Set();
  let marked = 0;

  for (const file of files) {
    const name = path.basename(file);
    const { requests } = await exported(file);
    const report = await reported(file);
    const seen = requests.filter((r) => r.outcome !== 'in_flight');

    for (const r of seen) {
      const cut = r.incomplete_because.includes('attach');
      over.set(idOf(r), (over.get(idOf(r)) ?? 0) + 1);
      marked += cut ? 1 : 0;
      if (cut !== open.has(begunAs(r)))
        wrong.push(`${name}: ${idOf(r)} (${begunAs(r)}) is ${cut ? '' : 'not '}marked`);
    }
    requests.filter((r) => r.outcome === 'in_flight').forEach((r) => open.add(begunAs(r)));
    expect(wrong, `${name}: mismatches`, report.findings.mismatched_requests, 0);
    expect(wrong, `${name}: losses`, report.loss.total, 0);
    expect(wrong, `${name}: cut`, report.cut_short, null);
    expect(wrong, `${name}: targets`, report.targets.length, 1);
    expect(wrong, `${name}: requests`, report.requests.total, seen.length);
  }
  const missing = ids.filter((id) => over.get(id) !== 1);
  if (missing.length)
    wrong.push(`${missing.length} requests are not there once, such as ` +
      `${missing[0]} (${over.get(missing[0]) ?? 0} times)`);
  expect(wrong, 'requests in all files', over.size, ids.length);
  return { marked, over: over.size };
}

async function testRotation(variant) {
  const service = await startPayments(variant, 'fixed', {});

  try {
    await warm(service.port, 'users/1');
    const wrong = [];
    const base = tmpFile('turns');
    const agent = await record([service.child.pid], ['--rotate', '256K,2s', '--header',
      'x-request-id'], `${base}.lray`);
    const load = startLoad(service.where, ['-c', String(CONNECTIONS), '-d', '4s', '--request-id',
      '--mix', PAY]);
    await sleep(900);
    for (let i = 0; i < 3; i++) {
      agent.child.kill('SIGUSR1');
      await sleep(150);
    }
    const { log, result } = await load.done;
    await sleep(300);
    const end = await agent.stop();
    const files = filesOf(base);

    expect(wrong, 'status', end.status, 0);
    expect(wrong, 'errors of the load', result.errors.total, 0);
    if (files.length < 6)
      wrong.push(`${files.length} files only`);
    files.forEach((file, i) => expect(wrong, 'name', path.basename(file),
      `${path.basename(base)}-${String(i + 1).padStart(4, '0')}.lray`));
    const { marked, over } = await checkUnion(wrong, files,
      log.map((e) => `${e.conn}-${e.seq}`));
    if (marked < 5)
      wrong.push(`${marked} requests only were cut`);
    verdict(variant.name, 'rotation', wrong,
      `${over} requests in ${files.length} files, ${marked} of them in two`);
    await testKeep(variant.name, service, base, files);
  } finally {
    service.child.kill('SIGKILL');
  }
}

/* A later run goes on with the numbers, and deletes what is beyond the limit. Meanwhile, a live check. */
async function testKeep(version, service, base, before) {
  const wrong = [];
  const agent = await record([service.child.pid], ['--rotate', 'signal', '--keep', '3'],
    `${base}.lray`);
  const load = startLoad(service.where, ['-c', '4', '-d', '60s', '--mix', PAY]);
  const live = check(['-p', String(service.child.pid), '-d', '1s', '--max-p99', '10s',
    '--min-requests', '10']);

  for (let i = 0; i < 4; i++) {
    agent.child.kill('SIGUSR1');
    await sleep(100);
  }
  const { status, stdout } = await live;
  await load.stop();
  const end = await agent.stop();
  const numbers = filesOf(base).map((f) => Number(/-(\d+)\.lray$/.exec(f)?.[1]));
  const last = before.length + 5;

  expect(wrong, 'status', end.status, 0);
  expect(wrong, 'files', numbers.join(), [last - 2, last - 1, last].join());
  expect(wrong, 'status of the live check', status, 0);
  if (!/check live: 2 held/.test(stdout))
    wrong.push(`the live check says ${stdout}`);
  const report = await reported(filesOf(base)[2]);
  if (report.targets[0]?.pid !== service.child.pid)
    wrong.push('the last file does not know its target');
  verdict(version, 'keep', wrong, numbers.join());
}

const [variant] = variants(['22.', '24.']);
const first = variants(['24.']).find((v) => v.flags.length === 0) ?? variant;
let captures = {};

if (selected('build'))
  await part(variant.name, 'build', async () => { captures = await testBuild(variant); });
if (captures.fixed && selected('build')) {
  await part(variant.name, 'statuses', () => testStatuses(variant.name, captures));
  await part(variant.name, 'outputs', () => testOutputs(variant.name, captures));
}
if (selected('rotation'))
  await part(first.name, 'rotation', () => testRotation(first));
finish();
