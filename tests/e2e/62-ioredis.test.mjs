// npm ioredis as it is: connecting, publishing, reading, subscribing, coming back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Redis from 'ioredis';

import { offsetOf } from './lib/cursor.mjs';
import { history, publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { Inbox } from './lib/wait.mjs';

describe('ioredis', () => {
  const hub = suiteHub();

  /** A client for test `t`, connected and ready. */
  async function connect(t, options = {}) {
    const redis = new Redis({ path: hub.socket, lazyConnect: true, ...options });
    redis.on('error', () => {});
    t.after(() => redis.disconnect());
    await redis.connect();
    return redis;
  }

  test('waits until the hub is ready, and publishes', async (t) => {
    const redis = await connect(t, { connectionName: 'test-client' });
    assert.equal(redis.status, 'ready');
    assert.equal(await redis.publish('io/a', 'x'), 0);
    assert.match(await redis.xadd('io/a', '*', 'data', 'y'), /^\d+-\d+$/);
    assert.equal((await history(hub, 'io/a')).length, 2);
  });

  test('pipelines come back in order', async (t) => {
    const redis = await connect(t);
    const pipeline = redis.pipeline();
    for (let n = 0; n < 1000; n++) pipeline.xadd(`io/pipe/${n % 5}`, '*', 'data', n);
    const replies = await pipeline.exec();
    const offsets = replies.map(([error, id]) => {
      assert.equal(error, null);
      return offsetOf(id);
    });
    assert.ok(offsets.every((offset, n) => n === 0 || offset > offsets[n - 1]));
    const stored = await history(hub, 'io/pipe/#');
    assert.deepEqual(
      stored.map(({ data }) => Number(data)),
      Array.from({ length: 1000 }, (_, n) => n),
    );
  });

  test('subscribes to topics and patterns', async (t) => {
    const redis = await connect(t);
    const inbox = new Inbox();
    redis.on('message', (topic, data) => inbox.push([topic, data]));
    redis.on('pmessage', (pattern, topic, data) => inbox.push([pattern, topic, data]));
    assert.equal(await redis.subscribe('io/s/one', 'io/s/two'), 2);
    assert.equal(await redis.psubscribe('io/p/#'), 3);
    await publish(hub, 'io/s/two', 'a');
    await publish(hub, 'io/p/deep/er', 'b');
    assert.deepEqual(await inbox.next(), ['io/s/two', 'a']);
    assert.deepEqual(await inbox.next(), ['io/p/#', 'io/p/deep/er', 'b']);
    assert.equal(await redis.unsubscribe('io/s/one', 'io/s/two'), 1);
  });

  test('reads on with XREAD BLOCK and its last cursor', async (t) => {
    const [redis, publisher] = [await connect(t), await connect(t)];
    let cursor = await publisher.xadd('io/read', '*', 'data', 'start');
    const sender = (async () => {
      for (let n = 0; n < 50; n++) await publisher.xadd('io/read', '*', 'data', n);
    })();
    const seen = [];
    while (seen.length < 50) {
      const reply = await redis.xread('COUNT', 7, 'BLOCK', 20_000, 'STREAMS', 'io/read', cursor);
      for (const [id, fields] of reply[0][1]) {
        seen.push(Number(fields[fields.indexOf('data') + 1]));
        cursor = id;
      }
    }
    await sender;
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  test('XRANGE as its streams interface gives it', async (t) => {
    const redis = await connect(t);
    const id = await redis.xadd('io/range', '*', 'data', 'x', 'event', 'e');
    const [[foundId, fields]] = await redis.xrange('io/range', '-', '+');
    assert.equal(foundId, id);
    assert.equal(fields[fields.indexOf('data') + 1], 'x');
    assert.equal(fields[fields.indexOf('event') + 1], 'e');
  });

  test('comes back and subscribes again after a restart', async (t) => {
    const redis = await connect(t, { retryStrategy: () => 20 });
    const inbox = new Inbox();
    redis.on('message', (_, data) => inbox.push(data));
    const resubscribed = new Inbox();
    redis.on('ready', () => resubscribed.push('ready'));
    await redis.subscribe('io/back');
    await hub.restart();
    await resubscribed.next('ioredis to be ready again');
    const publisher = await connect(t);
    // Its SUBSCRIBE is on the way when it says ready: publish until it has arrived.
    let count = 0;
    while (count === 0) count = await publisher.publish('io/back', 'again');
    assert.equal(await inbox.next(), 'again');
  });
});
