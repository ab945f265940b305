// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is shared of a recording: two captures side by side, and the report as a page, in a real
// browser: that it loads nothing, says what the JSON report says, and can be read on a phone, in
// the dark, on paper and without its script. The broken payment service against the fixed one.
//
// test-timeout: 120
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { Browser, haveBrowser } from './lib/browser.mjs';
import { warm } from './lib/context.mjs';
import { nodes, TOP } from './lib/env.mjs';
import { startPayments } from './lib/payment.mjs';
import { load, loopray, record, reported, startLoad, tmpFile, within } from './lib/proc.mjs';
import { finish, part, skip, verdict } from './lib/report.mjs';

const MIX = path.join(TOP, 'tools/demo/demo.mix');
const HOSTILE = '/"onmouseover="alert(1)"><script>alert(1)</script>\'<img/src=x>';

/* Whatever a client sends as its path gets into the capture. */
const attack = (port) => new Promise((resolve, reject) => {
  const socket = net.connect(port, '127.0.0.1', () => socket.end(
    `GET ${HOSTILE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
  socket.on('error', reject).on('close', resolve).resume();
});

async function page(args) {
  const file = tmpFile('report.html');
  const end = await loopray(['report', '--html', '-o', file, ...args]);

  assert.equal(end.status, 0, end.stderr);
  return file;
}

/* {file, page} of a service under load; of the broken one also a page of the live process. */
async function recorded(node, mode) {
  const service = await startPayments({ ...node, flags: [] }, mode, {});

  try {
    await warm(service.port, 'users/1');
    const agent = await record([service.child.pid]);
    await attack(service.port);
    await load(service.where, ['-c', '20', '-d', '3', '--mix', MIX]);
    await agent.stop();
    const out = { file: agent.file, page: await page([agent.file]) };
    if (mode === 'broken') {
      const more = startLoad(service.where, ['-c', '20', '-d', '20', '--mix', MIX]);
      out.live = await page(['-p', String(service.child.pid), '-d', '1s']);
      await more.stop();
    }
    service.child.kill('SIGTERM');
    await within(service.child.closed, 30000, 'end of the payment service');
    return out;
  } finally {
    service.child.kill('SIGKILL');
  }
}

const at = (object, dotted) => dotted.split('.').reduce((o, key) => o?.[key], object);
const near = (a, b) => a === b || Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(a), Math.abs(b));

async function compared(a, b) {
  const end = await loopray(['report', '--json', a, b]);

  assert.equal(end.status, 0, end.stderr);
  return JSON.parse(end.stdout);
}

function checkDifferences(out) {
  const wrong = [];
  let inReport = 0;

  for (const [key, d] of Object.entries(out.differences)) {
    const [a, b] = [at(out.a.report, key), at(out.b.report, key)];
    if (a !== undefined) {
      inReport++;
      if (!near(a, d.a) || !near(b, d.b))
        wrong.push(`${key}: ${d.a} ${d.b}, in the reports ${a} ${b}`);
    }
    if (d.a !== null && d.b !== null && !near(d.b - d.a, d.absolute))
      wrong.push(`${key}: absolute ${d.absolute}`);
    if (d.a && d.b !== null && Math.abs((d.b - d.a) / d.a - d.relative) > 0.01)
      wrong.push(`${key}: relative ${d.relative} of ${d.a} and ${d.b}`);
  }
  if (inReport < 20)
    wrong.push(`only ${inReport} differences are of the reports`);
  return wrong;
}

async function comparison(name, broken, fixed) {
  const [a, b] = [await reported(broken), await reported(fixed)];
  const out = await compared(broken, fixed);
  const text = await loopray(['report', broken, fixed]);
  const back = await compared(fixed, broken);
  const same = await compared(broken, broken);
  const row = text.stdout.split('\n').find((l) => /requests with a mismatch/.test(l)) ?? '';

  assert.equal(out.schema, 'loopray.compare/1');
  assert.deepEqual([out.a.report, out.b.report], [a, b]);
  assert.ok(a.findings.mismatched_requests > 100 && b.findings.mismatched_requests === 0);
  verdict(name, 'compare: differences', checkDifferences(out),
    `${Object.keys(out.differences).length} figures`);
  verdict(name, 'compare: verdicts', [
    out.differences['findings.mismatched_requests'].b_is !== 'better' && 'no better without mismatches',
    back.differences['findings.mismatched_requests'].b_is !== 'worse' && 'no worse the other way',
    Object.values(same.differences).some((d) => !['same', 'unknown', null].includes(d.b_is)) &&
      'not the same as itself',
    same.warnings.length > 0 && `warns of itself: ${same.warnings}`,
    !/ -100.0% +▼ better$/.test(row) && `text: ${row}`,
    !new RegExp(` ${a.findings.mismatched_requests} +0 `).test(row) && `text: ${row}`,
  ].filter(Boolean));
}

async function cutOff(name, whole) {
  const file = tmpFile('cut.lray');
  const data = fs.readFileSync(whole);

  fs.writeFileSync(file, data.subarray(0, Math.floor(data.length / 2)));
  const alone = await loopray(['report', file]);
  const end = await loopray(['report', whole, file]);
  verdict(name, 'compare: a cut-off capture is told of', [
    end.status !== alone.status && `status ${end.status}, and ${alone.status} of it alone`,
    !/Compare with care\n {2}! capture B is /.test(end.stdout) && end.stdout.slice(0, 600),
  ].filter(Boolean));
}

/* In the page: what it shows, as numbers. */
const SHOWN = `(() => {
  const number = (cell) => cell.dataset.v === undefined ? null : Number(cell.dataset.v);
  const rows = (table) => [...table.tBodies[0].rows];
  const caption = (text) => [...document.querySelectorAll('table')]
    .filter((t) => t.caption.textContent === text);
  return {
    tiles: Object.fromEntries([...document.querySelectorAll('[data-key]')].map((e) =>
      [e.dataset.key, JSON.parse(e.dataset.value)])),
    routes: rows(caption('Requests by route')[0]).map((r) =>
      [r.dataset.route, ...[...r.cells].slice(1).map(number)]),
    slowest: [...document.querySelectorAll('.slow')].map((e) =>
      [Number(e.dataset.seq), Number(e.dataset.ms)]),
    findings: [...document.querySelectorAll('.finding summary .num')].map((e) => Number(e.textContent)),
    stores: caption('Both stores').map((t) => rows(t).length),
    waits: Object.fromEntries([...document.querySelectorAll('[data-wait]')].map((r) =>
      [r.dataset.wait, number(r.cells[1])])),
    ended: rows(caption('Requests that ended, by time')[0]).map((r) => number(r.cells[1])),
    probes: rows(caption('Probes')[0]).length,
    text: document.body.innerText,
  };
})()`;

/* Numbers on the page are the report's. */
function checkNumbers(shown, report) {
  const wrong = [];
  const routes = report.routes.map((r) => [`${r.method} ${r.route}`, r.count, r.rps,
    ...['p50', 'p95', 'p99', 'max'].map((k) => r.latency_ms[k] * 1e6)]);

  for (const [key, value] of Object.entries(shown.tiles)) {
    const told = key === 'loop.utilisation' ? Math.max(...report.loops.map((l) => l.utilisation))
      : key === 'loop.lag_ms.p99' ? Math.max(...report.loops.map((l) => l.lag_ms.p99))
        : at(report, key);
    if (!near(value, told))
      wrong.push(`${key}: ${value} and not ${told}`);
  }
  if (Object.keys(shown.tiles).length < 12)
    wrong.push(`${Object.keys(shown.tiles).length} tiles`);
  routes.forEach((route, i) => route.forEach((value, k) => {
    if (k ? Math.abs(shown.routes[i]?.[k] - value) > 1e-3 : shown.routes[i]?.[k] !== value)
      wrong.push(`route ${i}: ${shown.routes[i]} and not ${route}`);
  }));
  if (shown.routes.length !== routes.length)
    wrong.push(`${shown.routes.length} routes and not ${routes.length}`);
  const slowest = report.slowest.map((s) => [s.seq, s.duration_ms]);
  if (JSON.stringify(shown.slowest) !== JSON.stringify(slowest))
    wrong.push(`slowest: ${shown.slowest} and not ${slowest}`);
  const groups = report.findings.groups.map((g) => g.count);
  if (JSON.stringify(shown.findings) !== JSON.stringify(groups.slice(0, 16)))
    wrong.push(`findings: ${shown.findings} and not ${groups}`);
  for (const [kind, ns] of Object.entries(shown.waits))
    if (Math.abs(ns - report.waits.mean_ns[kind]) > 1)
      wrong.push(`waits for ${kind}: ${ns} and not ${report.waits.mean_ns[kind]}`);
  const ended = shown.ended.reduce((a, b) => a + b);
  if (ended !== report.requests.total)
    wrong.push(`over time: ${ended} requests and not ${report.requests.total}`);
  if (shown.probes !== report.probes.length)
    wrong.push(`${shown.probes} probes and not ${report.probes.length}`);
  return wrong;
}

/* Text whose contrast with what lies behind it is too low to be read (WCAG 2: 4.5, large 3). */
const FAINT = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parsed = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) =>
      v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = parsed(getComputedStyle(e).backgroundColor);
      if (color[3] === 255)
        return color;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  let looked = 0;
  for (const e of document.body.querySelectorAll('*')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility?.() ||
        ['SCRIPT', 'STYLE'].includes(e.tagName))
      continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parsed(style.color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    looked++;
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
      faint.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ': ' + e.textContent.slice(0, 30));
  }
  return { faint, looked };
})()`;

const STRUCTURE = `(() => ({
  titles: document.querySelectorAll('h1').length,
  nameless: [...document.querySelectorAll('table')].filter((t) => !t.caption?.textContent ||
    !t.tHead || [...t.tBodies[0].rows].some((r) => r.cells[0]?.scope !== 'row')).length,
  unlabelled: [...document.querySelectorAll('svg')].filter((s) => !s.ariaHidden &&
    !s.ariaLabel && !s.getAttribute('aria-labelledby')).length,
  lost: [...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash)).length,
  wide: document.documentElement.scrollWidth - innerWidth,
  buttons: document.querySelectorAll('button').length,
}))()`;

async function checkPage(browser, file, how) {
  const url = `file://${file}`;
  const opened = await browser.open(url, how);
  const structure = await opened.value(STRUCTURE);
  const { faint, looked } = await opened.value(FAINT);

  if (process.env.E2E_SHOTS)
    await opened.screenshot(path.join(process.env.E2E_SHOTS,
      `${how.width}-${how.dark ? 'dark' : 'light'}.png`));
  return { opened, wrong: [
    ...opened.complaints,
    ...opened.requests.filter((r) => r !== url && !r.startsWith('data:')).map((r) => `asked for ${r}`),
    structure.wide > 0 && `${structure.wide} pixels wider than the screen`,
    structure.titles !== 1 && `${structure.titles} titles`,
    structure.nameless > 0 && `${structure.nameless} tables without caption or headings`,
    structure.unlabelled > 0 && `${structure.unlabelled} charts without a label`,
    structure.lost > 0 && `${structure.lost} links that lead nowhere`,
    looked < 100 && `only ${looked} texts looked at`,
    ...faint,
  ].filter(Boolean) };
}

const SORTED = `(() => {
  const table = [...document.querySelectorAll('table')]
    .find((t) => t.caption.textContent === 'Requests by route');
  const button = [...table.tHead.querySelectorAll('button')].find((b) => b.textContent === 'Max');
  const order = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[6].dataset.v));
  button.click();
  const down = order();
  button.click();
  return { down, up: order() };
})()`;

async function checkScript(opened) {
  const { down, up } = await opened.value(SORTED);
  const sorted = [...down].sort((a, b) => b - a);

  return [
    String(down) !== String(sorted) && `sorted: ${down}`,
    String(up) !== String(sorted.reverse()) && `and back: ${up}`,
    down.length < 5 && `${down.length} routes`,
  ].filter(Boolean);
}

async function pages(name, broken, fixed) {
  const browser = new Browser();

  try {
    for (const [mode, made] of Object.entries({ broken, fixed })) {
      const { opened, wrong } = await checkPage(browser, made.page, { width: 1280 });
      const shown = await opened.value(SHOWN);
      verdict(name, `page: ${mode}, desktop`, wrong);
      verdict(name, `page: ${mode}, numbers`, checkNumbers(shown, await reported(made.file)),
        `${shown.tiles['requests.total']} requests`);
      verdict(name, `page: ${mode}, what was sent is text`,
        [!shown.text.includes(HOSTILE) && 'the path of the attack is not shown'].filter(Boolean));
      verdict(name, `page: ${mode}, sorting`, await checkScript(opened));
      if (mode === 'broken')
        verdict(name, 'page: both stores', [!(shown.stores[0] > 1) && `${shown.stores}`].filter(Boolean));
    }
    for (const how of [{ width: 390, mobile: true }, { width: 1280, dark: true },
      { width: 390, mobile: true, dark: true }]) {
      const { opened, wrong } = await checkPage(browser, broken.page, how);
      const dark = await opened.value(`matchMedia('(prefers-color-scheme: dark)').matches &&
        /^rgb\\((\\d|[1-5]\\d), /.test(getComputedStyle(document.body).backgroundColor)`);
      verdict(name, `page: ${how.width} pixels${how.dark ? ', dark' : ''}`,
        [...wrong, dark !== Boolean(how.dark) && 'of the other scheme'].filter(Boolean));
    }
    const live = await checkPage(browser, broken.live, { width: 1280 });
    verdict(name, 'page: of a live process', [...live.wrong,
      !((await live.opened.value(SHOWN)).tiles['requests.total'] > 100) && 'no requests'].filter(Boolean));
    await withoutScript(name, browser, broken.page);
    await paper(name, live.opened);
  } finally {
    await browser.close();
  }
}

/* The script is handy and not needed: the same is there to be read without it. */
async function withoutScript(name, browser, file) {
  const plain = await browser.open(`file://${file}`, { width: 1280, script: false });
  const full = await browser.open(`file://${file}`, { width: 1280 });
  const text = async (opened) => {
    const { root } = await opened.send('DOM.getDocument', { depth: 0 });
    const { nodeId } = await opened.send('DOM.querySelector', { nodeId: root.nodeId, selector: 'main' });
    const { outerHTML } = await opened.send('DOM.getOuterHTML', { nodeId });
    return outerHTML.replace(/<label class="filter".*?<\/label>/g, '').replace(/<[^>]*>/g, '');
  };

  verdict(name, 'page: without its script',
    [await text(plain) !== await text(full) && 'says something else'].filter(Boolean));
}

async function paper(name, opened) {
  const pdf = (await opened.pdf()).toString('latin1');
  const sheets = (pdf.match(/\/Type \/Page\b/g) ?? []).length;

  verdict(name, 'page: on paper', [
    !pdf.startsWith('%PDF-') && 'no PDF',
    !(sheets >= 2 && sheets <= 30) && `${sheets} sheets`,
  ].filter(Boolean), `${sheets} sheets`);
}

for (const node of nodes(['22'])) {
  await part(node.name, 'page', async () => {
    const broken = await recorded(node, 'broken');
    const fixed = await recorded(node, 'fixed');

    await part(node.name, 'compare', () => comparison(node.name, broken.file, fixed.file));
    await part(node.name, 'compare', () => cutOff(node.name, broken.file));
    if (haveBrowser())
      await pages(node.name, broken, fixed);
    else
      skip(node.name, 'page', 'no chromium: tools/install-deps --test');
  });
}
finish('html');
