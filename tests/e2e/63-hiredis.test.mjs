// A hiredis program (hiredis_client.c): pipelines, a transaction, subscriptions, waiting, connecting
// again.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { history } from './lib/http.mjs';
import { BUILD, run, suiteHub } from './lib/hub.mjs';

describe('hiredis', () => {
  const hub = suiteHub();
  const program = join(BUILD, 'tests/e2e/hiredis_client');

  for (const count of [2, 500, 5000]) {
    test(`${count} messages down one pipeline`, async () => {
      const topic = `hr/${count}`;
      const { code, stdout, stderr } = await run(program, [hub.socket, topic, String(count)]);
      assert.equal(code, 0, stderr);
      const [, first, last] = /^ok (\S+) (\S+)\n$/.exec(stdout);
      const stored = await history(hub, topic);
      assert.equal(stored.length, count + 3);
      assert.equal(stored[0].id, first);
      assert.equal(stored[count - 1].id, last);
      const more = stored.slice(count).map(({ data }) => data);
      assert.deepEqual(more, ['one', 'two', 'four']);
      assert.equal(offsetOf(last) - offsetOf(first), count - 1);
    });
  }
});
