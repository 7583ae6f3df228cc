// The same messages to the hub and to Node.js's HTTP server, whose parser is an independent reader
// of the same standard: they understand the same, but for the differences that messages.mjs
// explains.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { suiteHub } from './lib/hub.mjs';
import { MESSAGES } from './lib/messages.mjs';
import { LIMITS, NodeReader, hubOutcome } from './lib/readers.mjs';

const MAJOR = Number(process.versions.node.split('.')[0]);

/** Whether a difference is there with the Node.js that runs this. */
const applies = ({ since = 0, until = Infinity }) => MAJOR >= since && MAJOR < until;

describe('two readers of HTTP/1.1', { concurrency: 32 }, () => {
  const hub = suiteHub({ set: LIMITS });
  const node = new NodeReader();
  before(() => node.start());
  after(() => node.stop());

  for (const [n, [what, message, outcome, difference]] of MESSAGES.entries()) {
    test(what, async () => {
      const path = `/t/readers/${n}`;
      const [ours, theirs] = await Promise.all([
        hubOutcome(hub, message, path),
        node.outcome(message, path),
      ]);
      assert.equal(ours, outcome, "the hub's outcome");
      if (difference && applies(difference)) {
        assert.notEqual(difference.node, outcome, 'what is listed is no difference');
        assert.equal(theirs, difference.node, `listed, since ${difference.because}`);
      } else {
        assert.equal(theirs, outcome, "a difference that is not listed: Node.js's outcome");
      }
    });
  }

  test('each message is there once, and each difference is explained', () => {
    const names = MESSAGES.map(([what]) => what);
    assert.deepEqual([...new Set(names)], names);
    const texts = MESSAGES.map(([, message]) => message);
    assert.deepEqual([...new Set(texts)], texts);
    for (const [what, , , difference] of MESSAGES) {
      assert.ok(!difference || difference.because.length > 0, what);
    }
  });
});
