// WebSocket: the operations, by npm's ws.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { history, poll, publish, publishBatch } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { WsClient } from './lib/ws.mjs';

describe('WebSocket', () => {
  const hub = suiteHub();

  /** Opens a connection for test `t`, ended with it. */
  async function open(t, topics = null, parameters = {}, options = {}) {
    const ws = await WsClient.open(hub, topics, parameters, options);
    t.after(() => ws.terminate());
    return ws;
  }

  test('/t/{topic} is subscribed at once', async (t) => {
    const ws = await open(t, 'w/topic');
    const live = await ws.next();
    assert.equal(live.op, 'live');
    assert.match(live.cursor, /^\d+-\d+$/);
    const id = await publish(hub, 'w/topic', { a: 1 }, { event: 'e' });
    const message = await ws.next();
    assert.equal(message.id, id);
    assert.equal(message.topic, 'w/topic');
    assert.equal(message.event, 'e');
    assert.deepEqual(message.data, { a: 1 });
    assert.match(message.time, /Z$/);
  });

  test('/ws subscribes to nothing until it is told', async (t) => {
    const ws = await open(t);
    await publish(hub, 'w/none', 'x');
    assert.equal((await ws.ask({ op: 'ping' })).op, 'pong');
    assert.equal(ws.frames.size, 0);
  });

  test('several topics in the URL', async (t) => {
    const ws = await (await open(t, ['w/url/a', 'w/url/+/c'])).live();
    const ids = await publishBatch(hub, [
      { topic: 'w/url/a', data: 1 },
      { topic: 'w/url/b', data: 2 },
      { topic: 'w/url/b/c', data: 3 },
    ]);
    assert.deepEqual(
      (await ws.messages(2)).map(({ id }) => id),
      [ids[0], ids[2]],
    );
  });

  test('subscribe answers with the cursor, and echoes ref', async (t) => {
    const ws = await open(t);
    const answer = await ws.ask({ op: 'subscribe', topic: 'w/sub' });
    assert.equal(answer.op, 'subscribed');
    assert.equal(answer.topic, 'w/sub');
    assert.match(answer.cursor, /^\d+-\d+$/);
    await ws.live();
    await publish(hub, 'w/sub', 'x');
    assert.equal((await ws.nextMessage()).data, 'x');
  });

  for (const ref of ['text', 7, -1.5e3, '', 'ü"\\\u0001']) {
    test(`echoes the ref ${JSON.stringify(ref)} as it is`, async (t) => {
      const ws = await open(t);
      ws.send({ op: 'ping', ref });
      assert.deepEqual(await ws.next(), { op: 'pong', ref });
    });
  }

  for (const ref of [true, {}, [1], 'x'.repeat(300)]) {
    test(`refuses the ref ${JSON.stringify(ref).slice(0, 10)}`, async (t) => {
      const ws = await open(t);
      ws.send({ op: 'ping', ref });
      assert.equal((await ws.next()).op, 'error');
    });
  }

  test('answers without a ref have none', async (t) => {
    const ws = await open(t);
    ws.send({ op: 'ping' });
    assert.deepEqual(await ws.next(), { op: 'pong' });
  });

  test('subscribe with after replays, then follows', async (t) => {
    const ids = await publishBatch(
      hub,
      [1, 2, 3].map((data) => ({ topic: 'w/replay', data })),
    );
    const ws = await open(t);
    const answer = await ws.ask({ op: 'subscribe', topic: 'w/replay', after: ids[0] });
    assert.equal(answer.cursor, ids[0]);
    assert.deepEqual((await ws.next()).data, 2);
    assert.deepEqual((await ws.next()).data, 3);
    assert.equal((await ws.next()).op, 'live');
    await publish(hub, 'w/replay', '4', { type: 'application/json' });
    assert.equal((await ws.next()).data, 4);
  });

  test('a later subscription with an older after replays on its own, then joins', async (t) => {
    const old = await publishBatch(
      hub,
      Array.from({ length: 50 }, (_, data) => ({ topic: 'w/join/old', data })),
    );
    const ws = await (await open(t, 'w/join/live')).live();
    const ref = 'joining';
    ws.send({ op: 'subscribe', topic: 'w/join/old', after: 'earliest', ref });
    const id = await publish(hub, 'w/join/live', 'meanwhile');
    const newest = await publish(hub, 'w/join/old', 'newest');
    const messages = await ws.messages(52);
    const of = (topic) => messages.filter((m) => m.topic === topic).map((m) => m.id);
    assert.deepEqual(of('w/join/old'), [...old, newest]);
    assert.deepEqual(of('w/join/live'), [id]);
  });

  test('unsubscribe ends delivery of that topic alone', async (t) => {
    const ws = await (await open(t, ['w/un/a', 'w/un/b'])).live();
    const answer = await ws.ask({ op: 'unsubscribe', topic: 'w/un/a' });
    assert.equal(answer.op, 'unsubscribed');
    assert.equal(answer.topic, 'w/un/a');
    await publish(hub, 'w/un/a', 'no');
    await publish(hub, 'w/un/b', 'yes');
    assert.equal((await ws.nextMessage()).data, 'yes');
  });

  test('subscribing anew replays', async (t) => {
    const id = await publish(hub, 'w/anew', 'x');
    const ws = await (await open(t, 'w/anew', { after: 'earliest' })).live();
    ws.send({ op: 'subscribe', topic: 'w/anew', after: 'earliest' });
    assert.equal((await ws.nextMessage()).id, id);
    await publish(hub, 'w/anew', 'y');
    assert.equal((await ws.nextMessage()).data, 'y');
  });

  test('subscribing twice to a topic sends its messages once', async (t) => {
    const ws = await (await open(t, 'w/twice')).live();
    await ws.ask({ op: 'subscribe', topic: 'w/twice' });
    await ws.ask({ op: 'subscribe', topic: 'w/#' });
    await publish(hub, 'w/twice', 'once');
    await publish(hub, 'w/twice', 'end');
    assert.deepEqual(
      (await ws.messages(2)).map(({ data }) => data),
      ['once', 'end'],
    );
  });

  test('publish answers the id after commit; the publisher gets its own copy', async (t) => {
    const ws = await (await open(t, 'w/pub')).live();
    ws.send({ op: 'publish', topic: 'w/pub', data: { x: [1] }, event: 'mine', ref: 1 });
    const frames = [await ws.next(), await ws.next()];
    const published = frames.find(({ op }) => op === 'published');
    const message = frames.find(({ op }) => op === undefined);
    assert.equal(published.ref, 1);
    assert.equal(published.id, message.id);
    assert.deepEqual(message.data, { x: [1] });
    assert.equal(message.event, 'mine');
  });

  for (const data of ['text', 7, null, false, [1, { b: 'ü' }], {}]) {
    test(`publishes ${JSON.stringify(data)}`, async (t) => {
      const ws = await open(t);
      const topic = `w/data/${JSON.stringify(data)}`.replace(/[+#]/g, '');
      const { id } = await ws.ask({ op: 'publish', topic, data });
      assert.deepEqual(
        (await history(hub, topic)).map((m) => [m.id, m.data]),
        [[id, data]],
      );
    });
  }

  test('many publishes on the way are answered in order', async (t) => {
    const ws = await open(t);
    for (let n = 0; n < 500; n++) ws.send({ op: 'publish', topic: 'w/flood', data: n, ref: n });
    let last = 0;
    for (let n = 0; n < 500; n++) {
      const answer = await ws.next();
      assert.equal(answer.op, 'published', JSON.stringify(answer));
      assert.equal(answer.ref, n);
      assert.ok(offsetOf(answer.id) > last);
      last = offsetOf(answer.id);
    }
  });

  const wrong = {
    'no JSON': ['bad_json', 'hello'],
    'broken JSON': ['bad_json', '{"op":"ping"'],
    nothing: ['bad_json', ''],
    'a member twice': ['bad_json', '{"op":"ping","op":"ping"}'],
    'an array': ['bad_request', '[]'],
    'no op': ['bad_request', '{}'],
    'an op that is no string': ['bad_request', '{"op":1}'],
    'an unknown op': ['unknown_op', '{"op":"shout"}'],
    'subscribe without a topic': ['bad_request', '{"op":"subscribe"}'],
    'a topic that is no string': ['bad_request', '{"op":"subscribe","topic":[]}'],
    'a bad topic': ['bad_topic', '{"op":"subscribe","topic":"$x"}'],
    'a bad pattern': ['bad_topic', '{"op":"subscribe","topic":"a/#/b"}'],
    'a topic with a NUL': ['bad_topic', '{"op":"subscribe","topic":"a\\u0000b"}'],
    'a bad cursor': ['bad_cursor', '{"op":"subscribe","topic":"a","after":"yesterday"}'],
    'a cursor that is no string': ['bad_request', '{"op":"subscribe","topic":"a","after":{}}'],
    'a publish to a pattern': ['bad_topic', '{"op":"publish","topic":"a/#","data":1}'],
    'a publish without data': ['bad_request', '{"op":"publish","topic":"a"}'],
    'a reserved event': [
      'bad_event',
      '{"op":"publish","topic":"a","data":1,"event":"longwire.live"}',
    ],
    'an empty key': ['bad_key', '{"op":"publish","topic":"a","data":1,"key":""}'],
    'no base64': ['bad_data', '{"op":"publish","topic":"a","data":"?","encoding":"base64"}'],
    'unsubscribing what was not subscribed': [
      'not_subscribed',
      '{"op":"unsubscribe","topic":"never"}',
    ],
    'a token': ['unsupported', '{"op":"auth","token":"x"}'],
  };
  for (const [what, [code, text]] of Object.entries(wrong)) {
    test(`answers ${what} with ${code} and stays open`, async (t) => {
      const ws = await open(t);
      ws.send(text);
      const error = await ws.next();
      assert.equal(error.op, 'error');
      assert.equal(error.code, code);
      assert.equal(typeof error.message, 'string');
      assert.equal((await ws.ask({ op: 'ping' })).op, 'pong');
    });
  }

  test('an error carries the ref of what it answers', async (t) => {
    const ws = await open(t);
    const error = await ws.ask({ op: 'subscribe', topic: '' });
    assert.equal(error.op, 'error');
  });

  test('a binary frame is an error, not an end', async (t) => {
    const ws = await open(t);
    ws.send(Buffer.from('{"op":"ping"}'));
    assert.equal((await ws.next()).op, 'error');
    assert.equal((await ws.ask({ op: 'ping' })).op, 'pong');
  });

  test('a gap comes after subscribed and before the messages', async (t) => {
    const id = await publish(hub, 'w/gap', 'kept');
    const ws = await open(t);
    const requested = '3-1';
    ws.send({ op: 'subscribe', topic: 'w/gap', after: requested });
    assert.equal((await ws.next()).op, 'subscribed');
    const gap = await ws.next();
    assert.equal(gap.op, 'gap');
    assert.equal(gap.requested, requested);
    assert.equal(gap.reason, 'epoch');
    assert.match(gap.resumed, /^\d+-\d+$/);
    assert.equal((await ws.next()).id, id);
    assert.equal((await ws.next()).op, 'live');
  });

  test('a cursor ahead of the head goes on from the head', async (t) => {
    const id = await publish(hub, 'w/ahead', 'kept');
    const ws = await open(t);
    ws.send({ op: 'subscribe', topic: 'w/ahead', after: moved(id, 10_000) });
    const gap = await ws.nextOp('gap');
    assert.equal(gap.reason, 'ahead');
    assert.ok(offsetOf(gap.resumed) >= offsetOf(id));
    await ws.live();
    const next = await publish(hub, 'w/ahead', 'next');
    assert.equal((await ws.nextMessage()).id, next);
  });

  test('large messages pass both ways', async (t) => {
    const ws = await (await open(t, 'w/large')).live();
    const data = 'ü'.repeat(200_000);
    ws.send({ op: 'publish', topic: 'w/large', data });
    assert.equal((await ws.nextMessage()).data, data);
    const { messages } = await poll(hub, 'w/large', { after: '-1', wait: 0 });
    assert.equal(messages[0].data, data);
  });

  test('closes as it is asked to', async (t) => {
    const ws = await open(t, 'w/close');
    assert.equal((await ws.close(1000, 'bye')).code, 1000);
    const odd = await open(t, 'w/close');
    assert.equal((await odd.close(4321)).code, 4321);
  });

  test('speaks longwire.v1', async (t) => {
    const ws = await open(t, 'w/protocol', {}, { protocols: ['other', 'longwire.v1'] });
    assert.equal(ws.protocol, 'longwire.v1');
    assert.equal((await open(t, 'w/protocol')).protocol, '');
  });

  test('a hub that stops says 1001', async (t) => {
    const ws = await (await open(t, 'w/stop')).live();
    await hub.restart();
    assert.equal((await ws.closed).code, 1001);
  });

  test('a subscription limit is an error of that subscribe', async (t) => {
    const ws = await open(t);
    for (let n = 0; n < 1000; n++) ws.send({ op: 'subscribe', topic: `w/limit/${n}` });
    const error = await ws.ask({ op: 'subscribe', topic: 'w/limit/one-more' });
    assert.equal(error.op, 'error');
    assert.equal((await ws.ask({ op: 'ping' })).op, 'pong');
  });
});
