// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Versions of Node.js times the ways in which they can carry a context.
import { nodes } from './env.mjs';

const WITH_FLAGS = [
  { prefix: '22', name: '22 acf', flags: ['--experimental-async-context-frame'], context: 'acf' },
  { prefix: '24', name: '24 hooks', flags: ['--no-async-context-frame'], context: 'async_hooks' },
];

const usual = (name) => (/^\d/.test(name) && Number.parseInt(name, 10) >= 24 ? 'acf' :
  'async_hooks');

/**
 * [{name, path, flags, context}]: each version as it comes, and both others with the mechanism
 * that is not their default. @only narrows as in nodes(); E2E_VARIANT=word does by hand.
 */
export function variants(only) {
  const wanted = process.env.E2E_VARIANT?.split(',');

  return nodes(only).flatMap((node) => [
    { ...node, flags: [], context: usual(node.name) },
    ...WITH_FLAGS.filter((w) => node.name.startsWith(`${w.prefix}.`))
      .map(({ name, flags, context }) => ({ ...node, name, flags, context })),
  ]).filter((v) => !wanted || wanted.includes(v.name));
}
