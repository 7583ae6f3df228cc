// What all subscriptions together may take: who comes too late is told so, on every transport, and
// nobody else notices.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, get, publish, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient, RespError } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const LIMIT = 1 << 20;

const filler = (n) => `fill/${n}/+/${'x'.repeat(200)}`;

async function figure(hub, name) {
  const { text } = await get(hub, '/metrics');
  return Number(new RegExp(`^longwire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

describe('subscriptions', () => {
  const hub = suiteHub({
    set: {
      'hub.workers': '1',
      'hub.subscription_bytes': '1M',
      'limits.subscriptions': '100000',
    },
  });

  /** Subscribes to more and more until it is refused; returns how many it has. */
  async function fill(client) {
    for (let n = 0; ; n++) {
      const answer = await client.ask({ op: 'subscribe', topic: filler(n) });
      if (answer.op === 'error') {
        assert.equal(answer.code, 'limit');
        assert.match(answer.message, /hub\.subscription_bytes/);
        return n;
      }
      assert.ok(n < 10000, 'never refused');
    }
  }

  async function useUp(client, name) {
    for (let n = 0; ; n++) {
      const answer = await client.ask({ op: 'subscribe', topic: `${name}/${n}` });
      if (answer.op === 'error') return;
    }
  }

  test('what is too much is refused, on every transport, and only that', async (t) => {
    const before = await SseStream.open(hub, ['news/+', 'kept']);
    t.after(() => before.close());
    const session = await before.session;
    const change = (what) =>
      request(hub, 'POST', `/session/${session}`, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(what),
      });
    const local = await RespClient.open(hub);
    t.after(() => local.close());
    assert.deepEqual(await local.command('SUBSCRIBE', 'news/a'), ['subscribe', 'news/a', 1]);
    const greedy = await WsClient.open(hub, null);
    t.after(() => greedy.close());
    assert.ok((await fill(greedy)) > 500);
    await useUp(greedy, 'f');
    assert.ok((await figure(hub, 'subscription_bytes')) <= LIMIT);

    await t.test('WebSocket', async () => {
      assert.equal((await greedy.ask({ op: 'subscribe', topic: 'w/+/+' })).code, 'limit');
    });
    await t.test('upgrade to a WebSocket', async () => {
      const options = { Connection: 'Upgrade', Upgrade: 'websocket' };
      const reply = await get(hub, '/ws?topic=late/%2b', {
        headers: {
          ...options,
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      });
      assertProblem(reply, 429);
    });
    await t.test('long-poll', async () => {
      const reply = await get(hub, '/t?topic=late/%2b&wait=0');
      assertProblem(reply, 429);
      assert.match(reply.headers['retry-after'], /^\d+$/);
      assert.match(reply.text, /hub\.subscription_bytes/);
    });
    await t.test('event stream', async () => {
      const late = await SseStream.open(hub, ['late/+']);
      assert.equal(late.status, 200); /* anything else would end an EventSource for ever */
      assert.match((await late.blocks.next('a block')).retry, /^\d+$/);
    });
    await t.test('change of an event stream, which then keeps what it was to leave', async () => {
      assertProblem(await change({ subscribe: ['late/+'], unsubscribe: ['kept'] }), 429);
      await publish(hub, 'kept', 'there');
      await before.blocks.next('the message', ({ data }) => /there/.test(data));
    });
    await t.test('local socket', async () => {
      const c = await RespClient.open(hub);
      for (const words of [
        ['SUBSCRIBE', 'late/a', 'late/b'],
        ['PSUBSCRIBE', 'late/+'],
      ]) {
        const reply = await c.command(...words);
        assert.ok(reply instanceof RespError);
        assert.match(reply.text, /^LIMIT /);
      }
      assert.equal(await c.command('PING'), 'PONG'); /* no subscription is left */
      c.close();
      const reply = await local.command('SUBSCRIBE', 'late/c');
      assert.match(reply.text, /^LIMIT /);
    });
    await t.test('event stream that has left something', async () => {
      assert.equal((await change({ unsubscribe: ['kept'] })).status, 200);
      assertProblem(await change({ subscribe: [filler('a'), filler('b'), filler('c')] }), 429);
    });

    await t.test('who is there goes on', async () => {
      await publish(hub, 'news/a', 'still');
      await before.blocks.next('the message', ({ data }) => /still/.test(data));
      assert.deepEqual(await local.reply(), ['message', 'news/a', 'still']);
      assert.deepEqual(await local.command('UNSUBSCRIBE', 'news/a'), ['unsubscribe', 'news/a', 0]);
      const parted = await greedy.ask({ op: 'unsubscribe', topic: filler(0) });
      assert.equal(parted.op, 'unsubscribed');
    });
    assert.ok((await figure(hub, 'subscriptions_refused_total')) > 5);
  });

  test('what is given up is there for others', async (t) => {
    const greedy = await WsClient.open(hub, null);
    await fill(greedy);
    greedy.close();
    await eventually(async () => (await figure(hub, 'subscription_bytes')) === 0, 'all given back');
    assert.equal(await figure(hub, 'filters'), 0);
    const late = await WsClient.open(hub, ['late/+']);
    t.after(() => late.close());
    await publish(hub, 'late/a', 'there');
    assert.equal((await late.nextMessage()).data, 'there');
  });

  test('many at once are joined as they come', async (t) => {
    const client = await WsClient.open(hub, null);
    t.after(() => client.close());
    for (let n = 0; n < 500; n++) client.send({ op: 'subscribe', topic: `m/${n}`, ref: `${n}` });
    for (let n = 0; n < 500; n++) {
      const subscribed = await client.nextOp('subscribed');
      assert.equal(subscribed.topic, `m/${n}`);
      const live = await client.nextOp('live');
      assert.equal(live.topic, `m/${n}`);
    }
    await publish(hub, 'm/499', 'last');
    assert.equal((await client.nextMessage()).data, 'last');
  });
});
