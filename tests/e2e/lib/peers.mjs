// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Real peers from Debian, at their own ports: PostgreSQL, MariaDB, Redis, nginx. They need a
// network namespace of the test's own, since another test or the machine may use these ports.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { TMP } from './env.mjs';
import { sleep, track } from './proc.mjs';
import { certificate } from './tls.mjs';

/** Runs this program once more in a network namespace of its own; returns in there only. */
export function ownNetwork(env) {
  if (process.env.LR_OWN_NETWORK)
    return;
  const again = spawnSync('unshare', ['-n', 'sh', '-c',
    'ip link set lo up && exec "$@"', 'sh', process.execPath, ...process.argv.slice(1)],
  { stdio: 'inherit', env: { ...process.env, LR_OWN_NETWORK: '1', ...env } });

  process.exit(again.status ?? 1);
}

async function answers(port, what, child, ms = 30000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    if (child.end)
      throw new Error(`${what} ended: ${JSON.stringify(child.end)} ${child.said()}`);
    const up = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    });
    if (up)
      return;
  }
  throw new Error(`${what} does not listen on ${port}: ${child.said()}`);
}

function start(program, args) {
  const child = track(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let said = '';

  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => { said = (said + data).slice(-2000); });
  child.said = () => said;
  return child;
}

const AS = ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'];

async function postgres() {
  const base = '/usr/lib/postgresql';
  const version = fs.readdirSync(base).sort((a, b) => a - b).pop();
  const bin = path.join(base, version, 'bin');
  /* Not below the tests' own directory, which no other user may enter. */
  const dir = fs.mkdtempSync('/tmp/loopray-postgres.');

  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
  spawnSync('chown', ['postgres', dir]);
  const made = spawnSync('setpriv', [...AS, path.join(bin, 'initdb'), '-D', path.join(dir, 'data'),
    '-A', 'trust', '-U', 'postgres', '-N', '--locale=C'], { encoding: 'utf8' });
  if (made.status !== 0)
    throw new Error(`initdb: ${made.stderr} ${made.error ?? ''}`);
  const child = start('setpriv', [...AS, path.join(bin, 'postgres'), '-D', path.join(dir, 'data'),
    '-k', dir, '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1,::1', '-c', 'max_connections=100']);
  await answers(5432, 'postgres', child);
  return child;
}

/*
 * Without its tables of users, so nothing has to be set up first: it starts on an empty directory,
 * and whoever logs in is let in.
 */
async function mariadb() {
  const dir = path.join(TMP, 'mariadb');

  fs.mkdirSync(dir);
  const child = start('mariadbd', ['--no-defaults', '--user=root', `--datadir=${dir}`,
    `--socket=${dir}/socket`, `--pid-file=${dir}/pid`, '--port=3306', '--bind-address=127.0.0.1',
    '--skip-grant-tables', '--skip-networking=0', '--skip-name-resolve', '--skip-innodb',
    '--default-storage-engine=MyISAM', '--skip-log-bin', '--max-connections=100']);
  await answers(3306, 'mariadbd', child);
  return child;
}

async function redis() {
  const child = start('redis-server', ['--port', '6379', '--bind', '127.0.0.1', '::1', '--save', '',
    '--appendonly', 'no']);

  await answers(6379, 'redis-server', child);
  return child;
}

async function nginx() {
  const dir = path.join(TMP, 'nginx');
  const conf = path.join(dir, 'nginx.conf');
  const pem = certificate();

  fs.mkdirSync(dir);
  fs.writeFileSync(conf, `daemon off; error_log ${dir}/error.log; pid ${dir}/pid;
worker_processes 1; events { worker_connections 512; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p;
fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
keepalive_timeout 60; keepalive_requests 100000;
server { listen 127.0.0.1:8080; listen [::1]:8080; listen 127.0.0.1:8443 ssl;
ssl_certificate ${pem.cert}; ssl_certificate_key ${pem.key}; location / { return 200 "$request_uri"; } } }
`);
  const child = start('nginx', ['-c', conf, '-p', dir]);
  await answers(8080, 'nginx', child);
  return child;
}

/** {upstream: port, stop()} */
export async function peers() {
  const children = [];

  for (const one of [postgres, mariadb, redis, nginx])
    children.push(await one());
  return {
    upstream: 8080,
    secure: 8443,
    async stop() {
      for (const child of children) {
        child.kill('SIGTERM');
        await child.closed;
      }
    },
  };
}
