// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What an agent leaves behind, if anything: programs and links in the kernel, and breakpoints in
// the code of its target.
import fs from 'node:fs';

import { run, sleep } from './proc.mjs';

const CHUNK = 1 << 20;

/** {prog: Set, link: Set}: ids of what this process holds, from its file descriptors. */
export function held(pid) {
  const ids = { prog: new Set(), link: new Set() };

  for (const fd of fs.readdirSync(`/proc/${pid}/fdinfo`)) {
    let text = '';
    try {
      text = fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    } catch {
      continue; /* closed meanwhile */
    }
    for (const kind of ['prog', 'link']) {
      const id = new RegExp(`^${kind}_id:\\s+(\\d+)`, 'm').exec(text)?.[1];
      if (id)
        ids[kind].add(Number(id));
    }
  }
  return ids;
}

async function show(kind) {
  const { stdout } = await run('bpftool', ['-j', kind, 'show']);
  const list = JSON.parse(stdout || '[]');

  return Array.isArray(list) ? list : [list];
}

async function still(ids) {
  const left = [];

  for (const kind of ['prog', 'link'])
    for (const entry of await show(kind))
      if (ids[kind].has(entry.id))
        left.push(`${kind} ${entry.id} ${entry.name ?? entry.type}`);
  return left;
}

/* One after the other, [from, to) and offset of what is mapped executable from the runtime. */
function codeOf(pid) {
  return fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
    .map((line) => /^(\w+)-(\w+) r-xp (\w+) \S+ \d+\s+(\/.*(node|libnode\.so[.\d]*))$/.exec(line))
    .filter(Boolean).map(([, from, to, offset, file]) => ({
      from: parseInt(from, 16), to: parseInt(to, 16), offset: parseInt(offset, 16), file,
    }));
}

/** How many bytes of the runtime's code in memory are not as in its file. */
export function codeChanged(pid) {
  const [inMemory, inFile] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
  const mem = fs.openSync(`/proc/${pid}/mem`, 'r');
  let changed = 0;

  for (const map of codeOf(pid)) {
    const file = fs.openSync(map.file, 'r');
    for (let at = 0; at < map.to - map.from; at += CHUNK) {
      const want = Math.min(CHUNK, map.to - map.from - at);
      const n = Math.min(fs.readSync(mem, inMemory, 0, want, map.from + at),
        fs.readSync(file, inFile, 0, want, map.offset + at));
      if (inMemory.compare(inFile, 0, n, 0, n) !== 0)
        for (let i = 0; i < n; i++)
          changed += inMemory[i] !== inFile[i];
    }
    fs.closeSync(file);
  }
  fs.closeSync(mem);
  return changed;
}

/** What is left of an agent that held @ids in the kernel and in its target, as complaints. */
export async function nothingLeft(ids, pid) {
  let left = [];

  for (let i = 0; i < 100; i++) {
    left = await still(ids);
    const changed = pid ? codeChanged(pid) : 0;
    if (changed)
      left.push(`${changed} bytes of the code of the target are changed`);
    if (left.length === 0)
      break;
    await sleep(100); /* the kernel frees what a dead process held after a grace period */
  }
  return left;
}
