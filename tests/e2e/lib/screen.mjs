// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A terminal for a program that draws: tmux, with a shell in it. Keys go in as from a keyboard; what
// is on the screen, what was written to it byte by byte, and the terminal's state can be asked for.
import fs from 'node:fs';
import { execFileSync } from 'node:child_process';

import { sleep, tmpFile } from './proc.mjs';

const WAIT_MS = 10000;
const LOOK_MS = 50;
const PROMPT = 'ready>';

export class Screen {
  /** @how: {cols, rows, env}; env over the test's own. */
  constructor({ cols = 110, rows = 30, env = {} } = {}) {
    const config = tmpFile('tmux.conf');

    this.socket = tmpFile('tmux');
    this.bytesFile = tmpFile('bytes');
    fs.writeFileSync(config, 'set -g default-terminal "tmux-256color"\nset -g status off\n' +
      'set -g escape-time 0\n');
    const shell = { PS1: PROMPT, LC_ALL: 'C.UTF-8', NO_COLOR: '', ...env };
    const words = Object.entries(shell).map(([k, v]) => `${k}='${v}'`).join(' ');
    this.#tmux(['-f', config, 'new-session', '-d', '-x', String(cols), '-y', String(rows),
      `env ${words} bash --norc --noprofile`]);
    this.server = Number(this.#tmux(['display', '-p', '#{pid}']));
  }

  #tmux(args) {
    return execFileSync('tmux', ['-S', this.socket, ...args],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  }

  /** Keys as tmux names them: 'j', 'Enter', 'C-c', 'PageUp'. */
  keys(...names) {
    this.#tmux(['send-keys', ...names]);
  }

  type(text) {
    this.#tmux(['send-keys', '-l', text]);
  }

  /** A click at a place counted from 0, as terminals of this type report it: pressed, released. */
  click(row, col) {
    const at = String.fromCharCode(33 + col, 33 + row);

    this.type(`\x1b[M ${at}\x1b[M#${at}`);
  }

  text() {
    return this.#tmux(['capture-pane', '-p']);
  }

  lines() {
    return this.text().split('\n');
  }

  resize(cols, rows) {
    this.#tmux(['resize-window', '-x', String(cols), '-y', String(rows)]);
  }

  /** "alternate cursor mouse": 0 1 0 is a terminal that nobody has taken. */
  state() {
    return this.#tmux(['display', '-p', '#{alternate_on} #{cursor_flag} #{mouse_any_flag}']);
  }

  /** From now on all bytes that are written to the terminal are kept. */
  keepBytes() {
    this.#tmux(['pipe-pane', `cat > ${this.bytesFile}`]);
  }

  bytes() {
    return fs.readFileSync(this.bytesFile, 'latin1');
  }

  /** Waits for what @test takes the screen's text for: a pattern, or a function. */
  async until(test, what = String(test)) {
    const end = Date.now() + WAIT_MS;

    for (;;) {
      const text = this.text();
      const found = test instanceof RegExp ? test.exec(text) : test(text);
      if (found)
        return found;
      if (Date.now() > end)
        throw new Error(`no ${what} on the screen:\n${text}`);
      await sleep(LOOK_MS);
    }
  }

  /** Runs a command line in the shell; resolves to nothing, before it has ended. */
  run(line) {
    this.type(line);
    this.keys('Enter');
  }

  close() {
    try {
      this.#tmux(['kill-server']);
    } catch { /* it has ended */ }
  }
}
