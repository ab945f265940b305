// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What goes wrong outside of loopray: each case has its exit status and a message that names
// what is wrong, and leaves no file that looks like a good one.
//
// test-timeout: 180
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';

import { LOOPRAY, TMP, nodes, selected } from './lib/env.mjs';
import { Agent, load, loopray, record, run, sleep, startLoad, startService,
  tmpFile } from './lib/proc.mjs';
import { finish, notOk, part, skip, verdict } from './lib/report.mjs';

const PORT = 25060;
const [NODE] = nodes(['22']);
const STATUS = {
  runtime: 1, usage: 2, noTarget: 3, privileges: 4, unsupported: 5, loss: 6,
};

/* @end against the status it should have and what its message must name. */
function expect(name, end, status, ...patterns) {
  const wrong = [];

  if (end.status !== status)
    wrong.push(`status ${end.status}, not ${status}`);
  for (const pattern of patterns) {
    if (!pattern.test(end.stderr))
      wrong.push(`message does not say ${pattern}`);
  }
  if (status !== 0 && status !== STATUS.loss && /^recorded/m.test(end.stderr))
    wrong.push('claims to have recorded');
  if (end.stdout && status !== 0 && name !== 'truncated capture')
    wrong.push(`standard output: ${end.stdout.slice(0, 200)}`);
  verdict('loopray', name, wrong.map((w) => `${w} (${end.stderr.trim()})`),
    end.stderr.trim().split('\n').pop());
}

const noFile = (name, file) => {
  for (const left of [file, `${file}.tmp`])
    if (fs.existsSync(left))
      notOk('loopray', name, `${left} was left behind`);
};

const cases = {
  async 'not node'() {
    const sleeper = spawn('/bin/sleep', ['60']);
    const file = tmpFile('x.lray');

    try {
      expect('not node', await loopray(['record', '-p', String(sleeper.pid), '-o', file]),
        STATUS.noTarget, new RegExp(String(sleeper.pid)), /Node\.js/);
      noFile('not node', file);
    } finally {
      sleeper.kill('SIGKILL');
    }
  },

  async 'no such process'() {
    const file = tmpFile('x.lray');

    for (const args of [['record', '-o', file], ['report'], ['export', '--format', 'jsonl']])
      expect(`no such process: ${args[0]}`, await loopray([...args, '-p', '4194303']),
        STATUS.noTarget, /4194303/);
    noFile('no such process', file);
  },

  async 'kernel thread'() {
    expect('kernel thread', await loopray(['report', '-p', '2', '-d', '1s']),
      STATUS.noTarget, /\b2\b/);
  },

  async 'usage'() {
    const file = tmpFile('x.lray');
    const wrong = [
      [['record', '--no-such-flag'], /no-such-flag/],
      [['record', '-p', 'abc', '-o', file], /abc/],
      [['record', '-p', '-5', '-o', file], /5/],
      [['record', '-o', file], /-p|--all/],
      [['report', '-p', '1', '-d', 'soon'], /soon/],
      [['record', '-p', '1', '--level', 'everything'], /everything/],
      [['export', '--format', 'xml', file], /xml/],
      [['recrod'], /recrod/],
      [[], /usage/i],
    ];

    for (const [args, pattern] of wrong)
      expect(`usage: ${args.join(' ').replace(TMP, '')}`, await loopray(args), STATUS.usage,
        pattern);
    noFile('usage', file);
  },

  async 'no capture'() {
    expect('no capture', await loopray(['report', '/no/such/file.lray']), STATUS.runtime,
      /\/no\/such\/file\.lray/, /No such file/i);
  },

  async 'privileges'(service) {
    const program = path.join(TMP, 'loopray');

    fs.copyFileSync(LOOPRAY, program); /* the build directory may be closed to others */
    fs.chmodSync(program, 0o755);
    const end = await run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', program,
      'record', '-p', String(service.pid), '-d', '1s', '-o', '/dev/null']);
    expect('privileges', end, STATUS.privileges, /CAP_|privileg|permission|root/i);
  },

  /* A build in which one function that is decoded goes by another name: it runs all the same. */
  async 'unsupported runtime'() {
    const program = path.join(TMP, 'node-unsupported');
    const image = fs.readFileSync(NODE.path);
    const name = Buffer.from('AsyncHooksGetExecutionAsyncId');
    const note = Buffer.from('040000001400000003000000474e5500', 'hex');

    for (let at = image.indexOf(name); at >= 0; at = image.indexOf(name, at + 1))
      image[at] = 'X'.charCodeAt(0);
    image[image.indexOf(note) + note.length] ^= 0xff; /* its build id: no layout is cached for it */
    fs.writeFileSync(program, image, { mode: 0o755 });
    const service = await startService({ path: program }, 'mixed.js', [PORT]);
    try {
      const file = tmpFile('x.lray');
      expect('unsupported runtime', await loopray(['record', '-p', String(service.pid), '-d', '1s',
        '-o', file]), STATUS.unsupported, new RegExp(String(service.pid)), /AsyncHooksGetExec/);
      noFile('unsupported runtime', file);
      const ps = JSON.parse((await loopray(['ps', '--json', '-p', String(service.pid)])).stdout);
      const { attachable, reason } = ps.processes[0];
      verdict('loopray', 'unsupported runtime: ps', !attachable && /AsyncHooks/.test(reason) ? [] :
        [`attachable ${attachable}, ${reason}`]);
    } finally {
      await service.kill();
    }
  },

  async 'unwritable output'(service) {
    const file = '/proc/no/such/x.lray';

    expect('unwritable output', await loopray(['record', '-p', String(service.pid), '-d', '1s',
      '-o', file]), STATUS.runtime, /\/proc\/no\/such\/x\.lray/);
    expect('unwritable report', await loopray(['report', '--json', '-p', String(service.pid),
      '-d', '200ms', '-o', file]), STATUS.runtime, /\/proc\/no\/such\/x\.lray/);
  },

  async 'full disk'(service) {
    const dir = path.join(TMP, 'full');

    fs.mkdirSync(dir);
    /* Members of a capture, up to 256 kB, are whole or not there: room for one, whatever its size. */
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', dir]);
    if (mounted.status !== 0) {
      skip('loopray', 'full disk', `no tmpfs here: ${mounted.stderr}`);
      return;
    }
    try {
      const file = path.join(dir, 'x.lray');
      const traffic = startLoad(`127.0.0.1:${PORT}`, ['-c', '20', '-d', '60s', '--rate', '1000', '--mix',
        Array.from({ length: 500 }, (_, i) => `GET /${(i * 7919 % 1e6).toString(36)}/${i}`)
          .join('\n')]);
      const agent = await record([service.pid], ['--level', 'resources'], file);
      const end = await agent.wait(60000);
      const { result } = await traffic.stop();
      expect('full disk', end, STATUS.runtime, /No space left/i, /x\.lray/);
      const report = await loopray(['report', '--json', `${file}.tmp`]);
      const total = report.stdout && JSON.parse(report.stdout).requests.total;
      verdict('loopray', 'full disk: readable', fs.existsSync(file) || !(total > 0) ?
        [`${fs.readdirSync(dir)}, report ${report.status}: ${report.stderr}`] : [],
      `${total} requests`);
      verdict('loopray', 'full disk: target unharmed', result.errors.total ?
        [JSON.stringify(result.errors)] : []);
    } finally {
      await run('umount', ['-l', dir]);
    }
  },

  async 'closed pipe'(service) {
    const capture = tmpFile('pipe.lray');
    const agent = await record([service.pid], [], capture);

    await load(`127.0.0.1:${PORT}`, ['-c', '20', '-n', '4000']);
    await agent.stop();
    const end = await run('bash', ['-c',
      `"${LOOPRAY}" export --format jsonl "${capture}" | head -1; echo "\${PIPESTATUS[0]}" >&2`]);
    const lines = end.stderr.trim().split('\n');
    const status = Number(lines.pop());
    verdict('loopray', 'closed pipe', [
      ...(JSON.parse(end.stdout).type === 'header' ? [] : [`first line ${end.stdout}`]),
      ...(status === 0 || status === STATUS.runtime ? [] : [`status ${status}`]),
      ...(lines.length <= 1 ? [] : [`chatter: ${lines}`]),
    ], `status ${status} ${lines}`);
  },

  async 'truncated capture'(service) {
    const capture = tmpFile('cut.lray');
    const agent = await record([service.pid], [], capture);
    const traffic = startLoad(`127.0.0.1:${PORT}`, ['-c', '10', '-d', '60s', '--rate', '1500']);

    await sleep(2500); /* several members */
    await agent.stop();
    await traffic.stop();
    const whole = fs.readFileSync(capture);
    const totals = [];
    for (const share of [0.3, 0.6, 0.9, 0.999]) {
      const file = tmpFile('part.lray');
      fs.writeFileSync(file, whole.subarray(0, Math.floor(whole.length * share)));
      const end = await loopray(['report', '--json', file]);
      const total = end.stdout ? JSON.parse(end.stdout).requests.total : 0;
      totals.push(total);
      if (!/cut|truncat|incomplete|not closed|damaged|ends/i.test(end.stderr) || end.status > 1)
        notOk('loopray', 'truncated capture', `${share}: status ${end.status}, ${end.stderr}`);
    }
    const full = JSON.parse((await loopray(['report', '--json', capture])).stdout).requests.total;
    verdict('loopray', 'truncated capture: recovered', totals.every((n, i) => n <= full &&
      (i === 0 || n >= totals[i - 1])) && totals[3] > full / 2 ? [] : [`${totals} of ${full}`],
    `${totals} of ${full}`);
    const garbage = tmpFile('garbage.lray');
    fs.writeFileSync(garbage, Buffer.alloc(5000, 'not a capture '));
    expect('no capture at all', await loopray(['report', garbage]), STATUS.runtime,
      /garbage\.lray/);
    fs.writeFileSync(garbage, '');
    expect('empty capture', await loopray(['report', garbage]), STATUS.runtime, /garbage\.lray/);
  },

  /* The smallest ring and a flood: what is lost is counted, and the status tells on demand. */
  async 'loss'(service) {
    const agent = new Agent(['record', '-v', '--level', 'resources', '--ring-size', '64K',
      '--fail-on-loss', '-p', String(service.pid), '-o', tmpFile('loss.lray')]);

    await agent.attached();
    const traffic = startLoad(`127.0.0.1:${PORT}`, ['-c', '50', '-d', '20s', '-p', '8']);
    await sleep(500);
    agent.child.kill('SIGSTOP'); /* nobody reads the ring now */
    await sleep(1500);
    agent.child.kill('SIGCONT');
    await sleep(300);
    const end = await agent.stop();
    const { result } = await traffic.stop();
    expect('loss', end, STATUS.loss, /lost/);
    verdict('loopray', 'loss: target unharmed', result.errors.total ?
      [JSON.stringify(result.errors)] : []);
  },
};

if (!NODE) {
  console.log('no Node.js 22 to test with');
  process.exit(77);
}
for (const [name, fn] of Object.entries(cases)) {
  if (!selected(name))
    continue;
  await part('loopray', name, async () => {
    const service = fn.length ? await startService(NODE, 'mixed.js', [PORT]) : null;
    try {
      await fn(service);
    } finally {
      await service?.kill();
    }
  });
}
finish('failures');
