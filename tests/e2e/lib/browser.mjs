// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Debian's Chromium without a window, spoken to in its DevTools protocol over a pipe: what a page
// says, loads, looks like.
import fs from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';

import { tmpFile, track, within } from './proc.mjs';

const ANSWER_MS = 30000;
const PROGRAM = ['chromium', 'chromium-browser', 'google-chrome'].find((name) =>
  spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);

export const haveBrowser = () => PROGRAM !== undefined;

class Page {
  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
    this.requests = []; // URLs
    this.complaints = []; // of the console, of scripts, of the page's policy
  }

  send(method, params = {}) {
    return this.browser.send(method, params, this.session);
  }

  heard({ method, params }) {
    if (method === 'Network.requestWillBeSent')
      this.requests.push(params.request.url);
    else if (method === 'Runtime.consoleAPICalled')
      this.complaints.push(`console.${params.type}: ${JSON.stringify(params.args)}`);
    else if (method === 'Runtime.exceptionThrown')
      this.complaints.push(params.exceptionDetails.text);
    else if (method === 'Log.entryAdded')
      this.complaints.push(`${params.entry.source}: ${params.entry.text}`);
    else if (method === 'Page.loadEventFired')
      this.loaded?.();
  }

  /* The value of an expression in the page; it must be JSON. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, returnByValue: true, awaitPromise: true });

    if (exceptionDetails)
      throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async screenshot(file) {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });

    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async pdf() {
    const { data } = await this.send('Page.printToPDF', { printBackground: true });

    return Buffer.from(data, 'base64');
  }
}

export class Browser {
  constructor() {
    const profile = tmpFile('chromium');

    this.waiting = new Map();
    this.pages = new Map();
    this.serial = 0;
    this.rest = '';
    /* Root has no sandbox of its own; what is opened are files that the test has made. */
    this.child = track(spawn(PROGRAM, ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-extensions', '--remote-debugging-pipe',
      `--user-data-dir=${profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] }));
    this.child.stdio[3].on('error', () => {});
    this.child.stdio[4].setEncoding('utf8').on('data', (data) => this.#data(data));
    this.child.closed.then(() => {
      for (const { reject } of this.waiting.values())
        reject(new Error('the browser ended'));
    });
  }

  #data(data) {
    const messages = (this.rest + data).split('\0');

    this.rest = messages.pop();
    for (const message of messages.map((m) => JSON.parse(m))) {
      const asked = this.waiting.get(message.id);

      this.waiting.delete(message.id);
      if (!asked)
        this.pages.get(message.sessionId)?.heard(message);
      else if (message.error)
        asked.reject(new Error(`${asked.method}: ${message.error.message}`));
      else
        asked.resolve(message.result);
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.serial;
    const answer = new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, method });
    });

    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return within(answer, ANSWER_MS, `answer to ${method}`);
  }

  /** A page with @url loaded, @width pixels wide; @dark: in the dark scheme. */
  async open(url, { width, height = 900, dark = false, mobile = false, script = true }) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    const loaded = new Promise((resolve) => { page.loaded = resolve; });

    this.pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
      await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride',
      { width, height, deviceScaleFactor: 1, mobile });
    await page.send('Emulation.setEmulatedMedia',
      { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
    if (!script)
      await page.send('Emulation.setScriptExecutionDisabled', { value: true });
    await page.send('Page.navigate', { url });
    await within(loaded, ANSWER_MS, `page ${url}`);
    return page;
  }

  async close() {
    this.child.kill('SIGTERM');
    await within(this.child.closed, ANSWER_MS, 'end of the browser')
      .finally(() => this.child.kill('SIGKILL'));
  }
}
