// Many who come back at once, at nearly the same place, as after a restart of the hub: the hub reads
// and encodes for several of them together, and each still gets exactly its own messages.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { publishBatch } from './lib/http.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { follow } from './lib/transports.mjs';
import { eventually } from './lib/wait.mjs';

const COUNT = SANITIZED ? 5000 : 12_000;
const CLIENTS = 30;
const BATCH = 1000;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);

/** A hub whose log holds COUNT messages of 200 bytes, of these topics in turn; its cursors too. */
async function filledHub(t, topics) {
  const hub = await startHub(t, { set: { 'hub.tail_bytes': '1M', 'log.sync': 'never' } });
  const padding = 'x'.repeat(200);
  const ids = [];
  for (let n = 0; n < COUNT; n += BATCH) {
    const lines = upTo(BATCH).map((i) => ({ topic: topics[(n + i) % topics.length], data: padding }));
    ids.push(...(await publishBatch(hub, lines)));
  }
  return { hub, ids };
}

/** Follows from `after` on; what came is in { ids, gaps, live }. */
function receive(t, transport, hub, topics, after) {
  const receiver = { after, ids: [], gaps: [], live: false };
  const stop = follow(transport, hub, topics, after, (happening) => {
    if (happening.kind === 'message') receiver.ids.push(happening.id);
    else if (happening.kind === 'gap') receiver.gaps.push({ ...happening, at: receiver.ids.length });
    else if (happening.kind === 'live') receiver.live = true;
  });
  t.after(stop);
  return receiver;
}

const allLive = (receivers) =>
  eventually(() => receivers.every((receiver) => receiver.live), 'all to have caught up', 60_000);

describe('many who come back together', () => {
  for (const transport of ['sse', 'ws']) {
    test(`${transport}: each gets what it lacks, once and in order`, async (t) => {
      const { hub, ids } = await filledHub(t, ['t/a', 't/b']);
      const receivers = upTo(CLIENTS).map((i) =>
        receive(t, transport, hub, ['t/#'], moved(ids[0], 7 * i)),
      );
      await allLive(receivers);
      receivers.forEach((receiver, i) => {
        assert.deepEqual(receiver.ids, ids.slice(7 * i + 1));
        assert.deepEqual(receiver.gaps, []);
      });
    });

    test(`${transport}: what is purged meanwhile has come before, or is told`, async (t) => {
      const { hub, ids } = await filledHub(t, ['t/a', 't/b']);
      const client = await RespClient.open(hub);
      t.after(() => client.close());
      const receivers = upTo(CLIENTS).map(() => receive(t, transport, hub, ['t/#'], ids[0]));
      await eventually(() => receivers.some(({ ids: got }) => got.length > 100), 'some to come');
      await client.command('HUB', 'PURGE', 't/b');
      await allLive(receivers);
      const kept = ids.filter((_, n) => n % 2 === 0).slice(1);
      for (const { ids: got, gaps } of receivers) {
        const wanted = new Set(got);
        const missing = ids.slice(1).filter((id) => !wanted.has(id));
        const inOrder = got.every((id, n) => n === 0 || offsetOf(id) > offsetOf(got[n - 1]));
        assert.ok(inOrder, 'out of order');
        assert.deepEqual(kept.filter((id) => !wanted.has(id)), []);
        assert.equal(gaps.length, missing.length ? 1 : 0);
        if (gaps.length) {
          assert.equal(gaps[0].reason, 'trimmed');
          assert.ok(offsetOf(missing[0]) > offsetOf(gaps[0].requested));
        }
      }
    });
  }
});
