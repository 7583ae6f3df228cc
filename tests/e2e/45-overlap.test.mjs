// Subscriptions that are still on their way in: what is new meanwhile comes at once, and once, however
// many of them want it.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { publishBatch } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { WsClient } from './lib/ws.mjs';

/**
 * What is replayed: it is compressed to next to nothing, which takes so long that subscriptions are
 * still on their way when the next thing happens, and never wait for the socket.
 */
const LINE = { topic: 'overlap/bulk', data: 'x'.repeat(100_000) };
const BATCH = Array(10).fill(LINE);
const BATCHES = 100;
/** How much is published meanwhile. */
const NEW = 20;

describe('overlapping subscriptions', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });
  before(async () => {
    for (let n = 0; n < BATCHES; n++) await publishBatch(hub, BATCH);
  });

  async function open(t, topics) {
    const ws = await WsClient.open(hub, topics, {}, { perMessageDeflate: true });
    t.after(() => ws.terminate());
    return ws;
  }

  const replay = (ws, topic) => ws.send({ op: 'subscribe', topic, after: 'earliest' });

  function publishNew(ws, topic) {
    for (let n = 0; n < NEW; n++) ws.send({ op: 'publish', topic, data: n });
  }

  const numbers = Array.from({ length: NEW }, (_, n) => n);

  /** The payloads of what comes of `topic`, until `isLast`. */
  async function received(ws, topic, isLast) {
    const payloads = [];
    let frame;
    do {
      frame = await ws.next();
      if (frame.op === undefined && frame.topic === topic) payloads.push(frame.data);
    } while (!isLast(frame));
    return payloads;
  }

  const isLive = (topic) => (frame) => frame.op === 'live' && frame.topic === topic;

  test('give way to what is new, however little they send', async (t) => {
    const ws = await open(t, ['overlap/new']);
    await ws.live();
    replay(ws, 'overlap/bulk');
    publishNew(ws, 'overlap/new');
    assert.deepEqual(await received(ws, 'overlap/new', isLive('overlap/bulk')), numbers);
  });

  test('bring once what is published while they replay', async (t) => {
    const ws = await open(t, null);
    replay(ws, 'overlap/#');
    replay(ws, 'overlap/+');
    publishNew(ws, 'overlap/one');
    // So that neither of them joins in the step in which it comes to those.
    await Promise.all(Array.from({ length: 8 }, () => publishBatch(hub, BATCH)));
    assert.deepEqual(await received(ws, 'overlap/one', isLive('overlap/+')), numbers);
  });

  test('bring nothing again when the one that brought it is taken out', async (t) => {
    const ws = await open(t, ['overlap/two']);
    await ws.live();
    replay(ws, 'overlap/#');
    publishNew(ws, 'overlap/two');
    const isLastOne = ({ topic, data }) => topic === 'overlap/two' && data === numbers.at(-1);
    const own = await received(ws, 'overlap/two', isLastOne);
    ws.send({ op: 'unsubscribe', topic: 'overlap/two' });
    const others = await received(ws, 'overlap/two', isLive('overlap/#'));
    assert.deepEqual([own, others], [numbers, []]);
  });

  test('bring nothing again when one that still replays is taken out', async (t) => {
    const ws = await open(t, null);
    replay(ws, 'overlap/#');
    replay(ws, 'overlap/+');
    publishNew(ws, 'overlap/three');
    await Promise.all(Array.from({ length: 8 }, () => publishBatch(hub, BATCH)));
    // On a slow machine it may be live before anything is published.
    const payloads = [];
    let live = false;
    while (!live || payloads.length < NEW) {
      const frame = await ws.next();
      live ||= isLive('overlap/+')(frame);
      if (frame.topic !== 'overlap/three' || frame.op !== undefined) continue;
      payloads.push(frame.data);
      if (payloads.length === 1) ws.send({ op: 'unsubscribe', topic: 'overlap/#' });
    }
    ws.send({ op: 'ping', ref: 'the end' });
    payloads.push(...(await received(ws, 'overlap/three', ({ ref }) => ref === 'the end')));
    assert.deepEqual(payloads, numbers);
  });
});
