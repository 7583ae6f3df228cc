// Clocks that are set while the hub runs, or before it starts: nothing is dated, kept or forgotten
// by a clock that is wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Clock, YEAR } from './lib/clock.mjs';
import { history, poll, publish } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

async function start(t, set = {}) {
  const clock = new Clock();
  t.after(() => clock.remove());
  return [await startHub(t, { set, env: clock.env }), clock];
}

const linesWith = (hub, text) => hub.stderr().split(text).length - 1;

/** Fails unless every message is dated about now. */
function assertDatedNow(messages) {
  for (const { data, time } of messages) {
    const off = Math.abs(Date.parse(time) - Date.now());
    assert.ok(off < 120_000, `${data} is dated ${time}`);
  }
}

describe('a clock that is set', () => {
  for (const [how, years] of [
    ['ahead', 5],
    ['back', -5],
  ]) {
    test(`years ${how} for one publish changes nothing`, async (t) => {
      const [hub, clock] = await start(t, { 'log.max_age': '1h' });
      const first = await publish(hub, 'c/moment', 'before', { key: 'before' });
      clock.set(years * YEAR);
      const wrong = await publish(hub, 'c/moment', 'wrong', { key: 'wrong' });
      assert.equal(await publish(hub, 'c/moment', 'before', { key: 'before' }), first);
      clock.set(0);
      await publish(hub, 'c/moment', 'after');
      assert.equal(await publish(hub, 'c/moment', 'wrong', { key: 'wrong' }), wrong);
      for (let round = 0; round < 2; round++) {
        const messages = await history(hub, 'c/moment');
        assert.deepEqual(messages.map(({ data }) => data), ['before', 'wrong', 'after']);
        assertDatedNow(messages);
        assert.equal(linesWith(hub, `the clock has been set`), 1);
        assert.equal(linesWith(hub, 'the clock is back'), 1);
        await hub.restart();
      }
    });

    test(`years ${how} for one publish: messages age, and keys are forgotten`, async (t) => {
      const [hub, clock] = await start(t, { 'log.max_age': '2s', 'hub.dedup_window': '2s' });
      await publish(hub, 'c/age', 'before', { key: 'before' });
      clock.set(years * YEAR);
      const wrong = await publish(hub, 'c/age', 'wrong', { key: 'wrong' });
      clock.set(0);
      await publish(hub, 'c/age', 'after');
      const none = async () => (await history(hub, 'c/age')).length === 0;
      await eventually(none, 'the messages to be too old');
      assert.notEqual(await publish(hub, 'c/age', 'wrong', { key: 'wrong' }), wrong);
    });
  }

  test('a hub that was started years ahead, and one that comes after it', async (t) => {
    const [hub, clock] = await start(t);
    await publish(hub, 'c/start', 'before');
    clock.set(5 * YEAR);
    await hub.restart();
    const wrong = await publish(hub, 'c/start', 'wrong', { key: 'wrong' });
    clock.set(0);
    await hub.restart();
    assert.equal(linesWith(hub, 's after the clock: it counts as from now'), 1);
    const started = new Date().toISOString();
    await publish(hub, 'c/start', 'after');
    assert.equal(await publish(hub, 'c/start', 'wrong', { key: 'wrong' }), wrong);
    for (let round = 0; round < 2; round++) {
      const messages = await history(hub, 'c/start');
      assert.deepEqual(messages.map(({ data }) => data), ['before', 'wrong', 'after']);
      assertDatedNow(messages);
      const found = await poll(hub, 'c/start', { after: started, wait: 0 });
      assert.deepEqual(found.messages.map(({ data }) => data), ['after']);
      await hub.restart();
    }
    assert.equal(linesWith(hub, 's after the clock: it counts as from now'), 1);
  });

  test('a hub whose clock was never set goes on from its log', async (t) => {
    const [hub, clock] = await start(t);
    await publish(hub, 'c/unset', 'before');
    clock.set(-Date.now() / 1000 + 100);
    await hub.restart();
    await publish(hub, 'c/unset', 'unset');
    clock.set(0);
    await publish(hub, 'c/unset', 'set');
    const messages = await history(hub, 'c/unset');
    assert.deepEqual(messages.map(({ data }) => data), ['before', 'unset', 'set']);
    assertDatedNow(messages);
  });
});
