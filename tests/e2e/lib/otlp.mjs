// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An export in OTLP/JSON lines, read: by the OpenTelemetry decoder, which refuses what the protocol does
// not know, and into plain objects for what is compared.
import assert from 'node:assert';
import fs from 'node:fs';

import { packages } from './duckdb.mjs';
import { loopray, tmpFile } from './proc.mjs';

/** Runs the export; resolves to the file that it has written. */
export async function exportTo(format, capture, args = [], env = {}) {
  const out = tmpFile(`${format}.jsonl`);
  const end = await loopray(['export', '--format', format, ...args, capture, '-o', out],
    { env: { ...process.env, ...env } });

  if (end.status !== 0)
    throw new Error(`export --format ${format} ended with ${end.status}: ${end.stderr}`);
  return out;
}

/* Ids are bytes in the protocol and hex in its JSON. */
const ID = /^(?:traceId|spanId|parentSpanId)$/;
const bytesOf = (key, hex) => {
  assert.match(hex, key === 'traceId' ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{16}$/, `${key} ${hex}`);
  assert.doesNotMatch(hex, /^0*$/, key);
  return new Uint8Array(Buffer.from(hex, 'hex'));
};

function withBytes(value, key) {
  if (ID.test(key))
    return bytesOf(key, value);
  if (Array.isArray(value))
    return value.map((v) => withBytes(v));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBytes(v, k)]));
  return value;
}

const withHex = (value) => {
  if (value instanceof Uint8Array)
    return Buffer.from(value).toString('hex');
  if (Array.isArray(value))
    return value.map(withHex);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withHex(v)]));
  return value;
};

/* Numbers of 64 bits have to be text, and enums numbers: as they are in the file, before any reader. */
const TEXT = new Set(['startTimeUnixNano', 'endTimeUnixNano', 'timeUnixNano', 'intValue', 'asInt', 'count']);
const NUMBER = new Set(['kind', 'code', 'flags', 'droppedLinksCount', 'aggregationTemporality']);

function typesWrong(value, key, wrong) {
  if (TEXT.has(key) && !/^-?\d+$/.test(typeof value === 'string' ? value : ''))
    wrong.push(`${key}: ${JSON.stringify(value)} is not a number as text`);
  if (NUMBER.has(key) && !Number.isInteger(value))
    wrong.push(`${key}: ${JSON.stringify(value)} is not a number`);
  if (value && typeof value === 'object')
    for (const [k, v] of Object.entries(value))
      typesWrong(v, Array.isArray(value) ? '' : k, wrong);
}

/* The proto of this release of the decoder is older than Span.flags. */
const without = (key) => function drop(value) {
  if (Array.isArray(value))
    return value.map(drop);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).filter(([k]) => k !== key)
      .map(([k, v]) => [k, drop(v)]));
  return value;
};

/* What is empty is not there, on the wire. */
function full(value) {
  if (Array.isArray(value))
    return value.map(full);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, full(v)])
      .filter(([, v]) => !(Array.isArray(v) && v.length === 0)));
  return value;
}

/**
 * Every line through the protocol's own messages and back, to the same: a name that it does not have
 * would be gone. Resolves to the lines, and what is wrong.
 */
export async function decoded(file, type) {
  const root = (await packages())('@opentelemetry/otlp-transformer/build/src/generated/root.js');
  const { v1 } = root.opentelemetry.proto[type === 'TracesData' ? 'trace' : 'metrics'];
  const Message = v1[type];
  const hasFlags = type !== 'TracesData' || 'flags' in v1.Span.prototype;
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const wrong = lines.pop() === '' ? [] : ['the last line is not ended'];
  const parsed = lines.map((l) => JSON.parse(l));

  for (const line of parsed) {
    const text = full(hasFlags ? line : without('flags')(line));

    typesWrong(line, '', wrong);
    try {
      const message = Message.fromObject(withBytes(text));
      assert.strictEqual(Message.verify(message), null);
      const back = Message.toObject(Message.decode(Message.encode(message).finish()),
        { longs: String, bytes: Uint8Array, arrays: false });
      assert.deepStrictEqual(full(JSON.parse(JSON.stringify(withHex(back)))), text);
    } catch (err) {
      wrong.push(err.message.slice(0, 600));
    }
  }
  return { lines: parsed, wrong };
}

const valueOf = (v) => ('intValue' in v ? Number(v.intValue) : 'arrayValue' in v ?
  v.arrayValue.values.map(valueOf) : v.stringValue ?? v.boolValue ?? v.doubleValue);

export function attributes(list) {
  const names = list.map((a) => a.key);

  assert.strictEqual(new Set(names).size, names.length, `twice: ${names}`);
  return Object.fromEntries(list.map((a) => [a.key, valueOf(a.value)]));
}

/** [{...span, attrs, resource}] of lines. */
export function spansOf(lines) {
  return lines.flatMap((l) => l.resourceSpans).flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span,
      attrs: attributes(span.attributes), resource: attributes(resource.attributes),
      events: (span.events ?? []).map((e) => ({ ...e, attrs: attributes(e.attributes) })),
      links: (span.links ?? []).map((l) => ({ ...l, attrs: attributes(l.attributes) })) }))));
}

/** [{name, unit, kind, points, resource}] of lines. */
export function metricsOf(lines) {
  return lines.flatMap((l) => l.resourceMetrics).flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics.map((m) => {
      const kind = ['histogram', 'sum', 'gauge'].find((k) => m[k]);
      return { name: m.name, unit: m.unit, kind, resource: attributes(resource.attributes),
        ...m[kind], points: m[kind].dataPoints.map((p) => ({ ...p, attrs: attributes(p.attributes) })) };
    })));
}
