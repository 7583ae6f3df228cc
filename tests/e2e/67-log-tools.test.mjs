// Looking into the log, copying it and carrying it elsewhere: backup, restore, verify, export and
// import, against hubs that go on meanwhile.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient, RespError } from './lib/resp.mjs';

const lines = (text) => text.split('\n').filter(Boolean);

function assertError(reply, pattern) {
  assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}

async function open(t, hub) {
  const client = await RespClient.open(hub);
  t.after(() => client.close());
  return client;
}

describe('HUB EXPORT', () => {
  const hub = suiteHub();
  const ask = async (c, ...words) => JSON.parse(await c.command('HUB', 'EXPORT', ...words));

  test('gives messages with their keys, page by page, up to a cursor', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (let i = 0; i < 5; i++) {
      const key = i % 2 ? ['key', `k${i}`] : [];
      ids.push(await c.command('XADD', 'x/page', '*', 'data', `${i}`, ...key));
    }
    const first = await ask(c, 'earliest', ids[3], 2, 'x/page');
    assert.deepEqual(
      first.messages.map(({ id, key, data }) => [id, key, data]),
      [
        [ids[0], undefined, '0'],
        [ids[1], 'k1', '1'],
      ],
    );
    assert.deepEqual([first.cursor, first.end], [ids[1], undefined]);
    const second = await ask(c, first.cursor, ids[3], 10, 'x/page');
    assert.deepEqual(
      second.messages.map(({ id }) => id),
      ids.slice(2, 4),
    );
    assert.equal(second.end, true);
    assert.deepEqual((await ask(c, ids[4], ids[3], 10, 'x/page')).messages, []);
  });

  test('reads several topics and patterns in one order, each message once', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (const topic of ['x/set/a', 'x/set/b', 'x/other', 'x/set/a'])
      ids.push(await publish(hub, topic, topic));
    const { messages } = await ask(c, 'earliest', ids[3], 10, 'x/set/+', 'x/set/a');
    assert.deepEqual(
      messages.map(({ id }) => id),
      [ids[0], ids[1], ids[3]],
    );
  });

  test('nobody is counted as a subscriber for it', async (t) => {
    const c = await open(t, hub);
    const id = await publish(hub, 'x/count', 'x');
    await ask(c, 'earliest', id, 10, 'x/count');
    assert.equal(await c.command('PUBLISH', 'x/count', 'y'), 0);
  });

  test('tells a gap', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await publish(hub, 'x/gap', `${i}`));
    await c.command('HUB', 'PURGE', 'x/gap');
    const last = await publish(hub, 'x/gap', 'new');
    const { gap, messages } = await ask(c, ids[0], last, 10, 'x/gap');
    assert.deepEqual([gap.reason, gap.requested], ['trimmed', ids[0]]);
    assert.deepEqual(
      messages.map(({ id }) => id),
      [last],
    );
  });

  test('refuses what it cannot do', async (t) => {
    const c = await open(t, hub);
    const id = await publish(hub, 'x/refused', 'x');
    const refuse = async (pattern, ...words) =>
      assertError(await c.command('HUB', 'EXPORT', ...words), pattern);
    await refuse(/^ERR wrong number/, 'earliest', id, 10);
    await refuse(/^BADCURSOR /, 'yesterday', id, 10, 'x');
    await refuse(/^BADCURSOR /, 'earliest', 'tomorrow', 10, 'x');
    await refuse(/^BADCURSOR .*ahead/, 'earliest', moved(id, 1000), 10, 'x');
    await refuse(/^BADCURSOR .*another log/, 'earliest', `${offsetOf(id)}-7`, 10, 'x');
    await refuse(/^ERR the limit/, 'earliest', id, 0, 'x');
    await refuse(/^BADTOPIC /, 'earliest', id, 10, 'x/#/y');
    await refuse(/^LIMIT /, '-100001', id, 10, '#', ...Array(1000).fill('x'));
  });
});
