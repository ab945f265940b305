// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Services over TLS: a certificate of our own, and what makes a service use it.
import path from 'node:path';
import { createRequire } from 'node:module';

import { TMP, TOP } from './env.mjs';

const { makeCertificate } =
  createRequire(import.meta.url)(path.join(TOP, 'tools/demo/lib/certificate.js'));
const dir = path.join(TMP, 'tls');

/** {flags, env} for a service that is to be served over TLS. */
export function overTls() {
  makeCertificate(dir);
  return { flags: ['-r', path.join(TOP, 'tools/demo/lib/over-tls.js')], env: { TLS_DIR: dir } };
}

/** {key, cert}: files of a service under test. */
export function certificate() {
  makeCertificate(dir);
  return { key: path.join(dir, 'key.pem'), cert: path.join(dir, 'cert.pem') };
}
