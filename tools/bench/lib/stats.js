// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* Order statistics of a few samples. */

/* Linear interpolation between the closest ranks; null without samples. */
function quantile(samples, q) {
	const sorted = [...samples].sort((a, b) => a - b);
	const at = q * (sorted.length - 1);
	const low = Math.floor(at);

	if (sorted.length === 0)
		return null;
	return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

function summary(samples) {
	return {
		n: samples.length,
		median: quantile(samples, 0.5),
		q1: quantile(samples, 0.25),
		q3: quantile(samples, 0.75),
		min: quantile(samples, 0),
		max: quantile(samples, 1),
	};
}

module.exports = { summary };
