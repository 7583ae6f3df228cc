// A hub, or what stands before it, that misbehaves: each message comes once and in order all the same.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { Longwire } from '../longwire.js';
import { FakeHub } from './fake_hub.js';
import { fakeClock, message } from './fakes.js';
import { LIVE, offsets, setUp } from './setup.js';

const BACKOFF = { base: 1, cap: 1 };
let clients = [];
afterEach(() => {
  clients.forEach((client) => client.close());
  clients = [];
});

/** Resolves to all that a subscription to HUB gets until it is live with the whole log. */
function follow(hub, transport, topics = ['a'], after = 'earliest') {
  const client = new Longwire('http://hub.example', { fetch: hub.fetch, WebSocket: hub.WebSocket });
  clients.push(client);
  const got = [];
  return new Promise((resolve) => {
    const subscription = client.subscribe(topics, {
      transport,
      after,
      backoff: BACKOFF,
      onMessage: ({ id }) => got.push(id),
      onState: ({ state, cursor }) => state === 'live' && cursor === hub.head && resolve({ got, subscription, client }),
    });
  });
}

const ids = (hub) => hub.messages.map(({ id }) => id);

for (const transport of ['sse', 'poll', 'websocket']) {
  const unit = transport === 'websocket' ? 'frame' : 'byte';

  test(`${transport}: cut at each ${unit}, it goes on where it was`, async () => {
    let length;
    const whole = new FakeHub(2);
    whole.spoil = (chunks) => {
      length ??= chunks.length;
      return { chunks, ends: false };
    };
    await follow(whole, transport);
    const cutAt = async (at) => {
      const hub = new FakeHub(2);
      hub.spoil = (chunks, n) => (n === 0 ? { chunks: chunks.slice(0, at), ends: true } : { chunks, ends: false });
      const { got, subscription } = await follow(hub, transport);
      assert.deepEqual(got, ids(hub), `cut at ${at}`);
      assert.deepEqual([subscription.stats.gaps, subscription.stats.duplicates], [0, 0], `cut at ${at}`);
      subscription.close();
    };
    await Promise.all(Array.from({ length: length + 1 }, (_, at) => cutAt(at)));
  });

  test(`${transport}: cut a little further each time, it gets through`, async () => {
    const hub = new FakeHub(12);
    hub.spoil = (chunks, n) => (n < 30 ? { chunks: chunks.slice(0, 14 * n), ends: true } : { chunks, ends: false });
    const { got } = await follow(hub, transport);
    assert.deepEqual(got, ids(hub));
  });
}

test('each transport in turn is cut: what one has brought the next does not repeat', async () => {
  const hub = new FakeHub(20);
  hub.spoil = (chunks, n) => (n < 9 ? { chunks: chunks.slice(0, chunks.length / 3), ends: true } : { chunks, ends: false });
  const { got } = await follow(hub, 'auto');
  assert.deepEqual(got, ids(hub));
});

for (const transport of ['sse', 'poll', 'websocket']) {
  test(`${transport}: those that join later are as exact while all is cut`, async () => {
    const hub = new FakeHub(30, ['a', 'b', 'c/d']);
    const { client } = await follow(hub, transport, ['a'], 'latest');
    hub.spoil = (chunks, n) => (n % 2 ? { chunks: chunks.slice(0, chunks.length / 2), ends: true } : { chunks, ends: false });
    const wanted = (filter) => hub.messages.filter(({ topic }) => filter.test(topic)).map(({ id }) => id);
    const joined = [[['a', 'b'], /^[ab]$/], [['c/#'], /^c/], [['#'], /./]].map(([topics, filter]) => {
      const got = [];
      const subscription = client.subscribe(topics, {
        transport,
        after: 'earliest',
        backoff: BACKOFF,
        onMessage: ({ id }) => got.push(id),
      });
      return { subscription, got, filter };
    });
    for (const { subscription, got, filter } of joined) {
      while (subscription.state !== 'live') await new Promise((resolve) => subscription.once('state', resolve));
      assert.deepEqual(got, wanted(filter));
    }
  });
}

test('frames that are no frames of a hub end the connection, and nothing else', async () => {
  const nonsense = ['', 'null', '[]', '5', '"x"', '{}', '{"op":"gap"}', '{"id":5,"topic":"a"}', '{"op":"live","topic":7}'];
  for (const frame of nonsense) {
    const { sockets, subscription, seen } = setUp('a', { transport: 'websocket' });
    const first = await sockets.next();
    first.accept(message(1), LIVE(1));
    first.say(frame);
    if (!first.closed) first.break();
    const second = await sockets.next();
    assert.equal(second.url.searchParams.get('after'), '1-7', frame);
    second.accept(message(2), LIVE(2));
    assert.deepEqual(offsets(seen.messages), [1, 2], frame);
    subscription.close();
  }
});

test('deliveries that are repeated or turned around are dropped and counted', async () => {
  const { sockets, seen, subscription } = setUp('a', { transport: 'websocket' });
  (await sockets.next()).accept(LIVE(0), ...[1, 2, 2, 5, 4, 3, 5, 6].map((n) => message(n)));
  assert.deepEqual(offsets(seen.messages), [1, 2, 5, 6]);
  assert.equal(subscription.stats.duplicates, 4);
});

test('a clock that is set back does not make a dead stream look alive', async (t) => {
  const clock = fakeClock(t);
  const { requests, until } = setUp('a', { transport: 'sse' });
  (await requests.next()).sse().say('id: 1-7\nevent: longwire.live\ndata: {"cursor":"1-7"}\n\n');
  await until('live');
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  clock.tick(50_000);
  assert.match((await until('waiting')).error.message, /nothing heard/);
});

test('a clock that is set forward has a connection asked, not given up', async (t) => {
  const clock = fakeClock(t);
  const { sockets, subscription } = setUp('a', { transport: 'websocket' });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  const { now } = Date;
  Date.now = () => now() + 3_600_000;
  clock.tick(5_000);
  socket.say({ op: 'pong', ref: socket.sent.at(-1).ref });
  clock.tick(30_000);
  assert.equal(subscription.state, 'live');
});
