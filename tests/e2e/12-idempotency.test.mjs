// Idempotency-Key: a publish that is sent again is answered again, and stored once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, history, post, publish } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';

describe('idempotency keys', () => {
  const hub = suiteHub();

  test('the same key and topic answers the first id and stores nothing', async () => {
    const first = await publish(hub, 'i/same', 'first', { key: 'k1' });
    const again = await post(hub, 'i/same', 'first', { key: 'k1' });
    assert.ok([200, 201].includes(again.status), again.text);
    assert.equal(again.json().id, first);
    assert.equal((await history(hub, 'i/same')).length, 1);
  });

  test('the same key in another topic is another message', async () => {
    const one = await publish(hub, 'i/one', 'x', { key: 'shared' });
    const two = await publish(hub, 'i/two', 'x', { key: 'shared' });
    assert.notEqual(one, two);
  });

  test('another key in the same topic is another message', async () => {
    await publish(hub, 'i/keys', 'x', { key: 'a' });
    await publish(hub, 'i/keys', 'x', { key: 'b' });
    assert.equal((await history(hub, 'i/keys')).length, 2);
  });

  test('publishes that race with one key become one message', async () => {
    const racers = Array.from({ length: 12 }, () => post(hub, 'i/race', 'x', { key: 'race' }));
    const ids = (await Promise.all(racers)).map((reply) => reply.json().id);
    assert.equal(new Set(ids).size, 1);
    assert.equal((await history(hub, 'i/race')).length, 1);
  });

  test('a key of 256 bytes is refused', async () => {
    assert.equal((await post(hub, 'i/long', 'x', { key: 'k'.repeat(255) })).status, 201);
    assert.equal((await post(hub, 'i/long', 'x', { key: 'k'.repeat(256) })).status, 400);
  });

  test('an empty key, and an empty event name, are refused', async () => {
    for (const name of ['Idempotency-Key', 'Longwire-Event']) {
      const reply = await post(hub, 'i/empty', 'x', { headers: { [name]: '' } });
      assert.match(assertProblem(reply, 400).detail, /1 to 255 bytes/, name);
    }
    assert.deepEqual(await history(hub, 'i/empty'), []);
  });

  for (const how of ['stop', 'kill9']) {
    test(`keys are remembered over a restart after ${how}`, async () => {
      const first = await publish(hub, `i/restart/${how}`, 'x', { key: 'kept' });
      await hub[how]();
      await hub.restart();
      const again = await post(hub, `i/restart/${how}`, 'x', { key: 'kept' });
      assert.equal(again.json().id, first);
      assert.equal((await history(hub, `i/restart/${how}`)).length, 1);
    });
  }

  test('a window of 0 remembers nothing', async (t) => {
    const forgetful = await startHub(t, { set: { 'hub.dedup_window': '0' } });
    const first = await publish(forgetful, 'i/zero', 'x', { key: 'k' });
    const second = await publish(forgetful, 'i/zero', 'x', { key: 'k' });
    assert.notEqual(first, second);
  });
});
