// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Collects items of many requests and sends them together: when the batch is full, or after
 * `maxDelay` milliseconds.
 *
 * The batch is sent, and later answered, in the context of the request that flushed it: the
 * one that filled it, or the one whose timer ran out. With a `bind` that does nothing, every
 * callback of the batch runs there: the second defect of the broken service.
 */
class Batcher {
	/* send(items, callback) answers with one result per item, in order. */
	constructor({ send, maxItems, maxDelay, bind }) {
		this.send = send;
		this.maxItems = maxItems;
		this.maxDelay = maxDelay;
		this.bind = bind;
		this.batch = [];
		this.timer = null;
	}

	submit(item, callback) {
		this.batch.push({ item, callback: this.bind(callback) });
		if (this.batch.length >= this.maxItems)
			this.flush();
		else if (!this.timer)
			this.timer = setTimeout(() => this.flush(), this.maxDelay);
	}

	flush() {
		const batch = this.batch;

		clearTimeout(this.timer);
		this.timer = null;
		this.batch = [];
		if (batch.length === 0)
			return;
		this.send(batch.map((entry) => entry.item), (err, results) => {
			for (let i = 0; i < batch.length; i++)
				batch[i].callback(err, err ? undefined : results[i]);
		});
	}
}

module.exports = { Batcher };
