// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* A certificate that nobody has signed, for services that are tested and measured over TLS. */
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

/* Makes `dir` with key.pem and cert.pem in it, unless it is there. Needs openssl(1). */
function makeCertificate(dir) {
	if (fs.existsSync(path.join(dir, 'cert.pem')))
		return;
	fs.mkdirSync(dir, { recursive: true });
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec',
		'-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
		'-subj', '/CN=localhost', '-keyout', path.join(dir, 'key.pem'),
		'-out', path.join(dir, 'cert.pem')], { stdio: 'ignore' });
}

module.exports = { makeCertificate };
