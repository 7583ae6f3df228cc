// Quotas of a sub and of a token: what the token itself says, and what the configuration does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { assertProblem, get, post } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer } from './lib/tokens.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const ALL = { subscribe: ['#'], publish: ['#'] };

async function start(t, set = {}) {
  const keys = new Keys(t);
  const hub = await startHub(t, { set: { ...keys.settings, 'hub.workers': '2', ...set } });
  let serial = 0;
  /** Headers with a token that nobody else has. */
  const token = (claims) => bearer(keys.sign({ jti: `t${++serial}`, ...claims }));
  return { hub, token };
}

/** How many publishes are taken until one is refused, which is returned, too. */
async function untilRefused(hub, headers) {
  for (let taken = 0; taken < 2000; taken++) {
    const refusal = await post(hub, 'q/post', 'x', { headers });
    if (refusal.status !== 201) return { taken, refusal };
  }
  return assert.fail('nothing was refused');
}

const limited = (limits) => ({ longwire: { ...ALL, limits } });

describe('what a token says of limits', () => {
  test('publishes a second, of all tokens of the sub together', async (t) => {
    const { hub, token } = await start(t, { 'limits.burst': '20s' });
    const alice = { sub: 'alice', ...limited({ publish_per_s: 1 }) };
    const { taken, refusal } = await untilRefused(hub, token(alice));
    assert.ok(taken >= 20, `${taken} taken`);
    assert.match(assertProblem(refusal, 429).detail, /^The token allows 1 messages a second/);
    assert.equal(refusal.headers['retry-after'], '1');
    const other = await untilRefused(hub, token(alice));
    assert.ok(other.taken < 20, 'another token is no more room');
    assert.ok((await untilRefused(hub, token({ ...alice, sub: 'bob' }))).taken >= 20);
    const nobody = token(limited({ publish_per_s: 1 }));
    assert.ok((await untilRefused(hub, nobody)).taken >= 20, 'without a sub, the token by itself');
    assert.ok((await untilRefused(hub, nobody)).taken < 20);
    assert.ok((await untilRefused(hub, token(limited({ publish_per_s: 1 })))).taken >= 20);
    const ws = await WsClient.open(hub, null, {}, { headers: token(alice) });
    t.after(() => ws.terminate());
    let answer = await ws.ask({ op: 'publish', topic: 'q/ws', data: 1 });
    for (let i = 0; i < 20 && answer.op === 'published'; i++)
      answer = await ws.ask({ op: 'publish', topic: 'q/ws', data: 1 });
    assert.equal(answer.code, 'rate_limited');
    assert.equal(answer.retry_after, 1);
    assert.ok((await counter(hub, 'limited_publishes')) >= 6);
  });

  test('bytes a second', async (t) => {
    const { hub, token } = await start(t, { 'limits.burst': '1h' });
    const headers = token({ sub: 'alice', ...limited({ bytes_per_s: 1000 }) });
    const body = Buffer.alloc(1 << 20);
    for (let i = 0; i < 3; i++)
      assert.equal((await post(hub, 'q/post', body, { headers })).status, 201);
    const reply = await post(hub, 'q/post', body, { headers });
    assert.match(assertProblem(reply, 429).detail, /^The token allows 1000 bytes a second/);
  });

  test('connections that receive, whatever the transport', async (t) => {
    const { hub, token } = await start(t);
    const alice = { sub: 'alice', ...limited({ connections: 2 }) };
    const first = await SseStream.open(hub, 'q/c', {}, token(alice));
    const ws = await WsClient.open(hub, 'q/c', {}, { headers: token(alice) });
    t.after(() => [first, ws].forEach((one) => one.close()));
    assert.ok((await first.next()).id);
    const refused = await SseStream.open(hub, 'q/c', {}, token(alice));
    assert.equal(refused.status, 200);
    assert.deepEqual(Object.keys(await refused.next()), ['retry']);
    await refused.blocks.drained();
    const reply = await get(hub, '/t/q/c?wait=30', { headers: token(alice) });
    assert.match(assertProblem(reply, 429).detail, /^The token allows 2 connections/);
    assert.equal(reply.headers['retry-after'], '10');
    await assert.rejects(WsClient.open(hub, 'q/c', {}, { headers: token(alice) }), /429/);
    assert.equal((await post(hub, 'q/c', 'x', { headers: token(alice) })).status, 201);
    const bob = await SseStream.open(hub, 'q/c', {}, token({ ...alice, sub: 'bob' }));
    assert.ok((await bob.next()).id);
    bob.close();
    first.close();
    await eventually(
      async () => (await get(hub, '/t/q/c?wait=0', { headers: token(alice) })).status === 200,
      'a place',
    );
  });

  test('connections of those who bring the token later, and renew it', async (t) => {
    const { hub, token } = await start(t);
    const alice = { sub: 'alice', ...limited({ connections: 2 }) };
    const plain = (headers) => headers.Authorization.slice('Bearer '.length);
    const open = async () => {
      const ws = await WsClient.open(hub, null);
      t.after(() => ws.terminate());
      return ws;
    };
    const auth = (ws) => ws.ask({ op: 'auth', token: plain(token(alice)) });
    const [one, two, three] = [await open(), await open(), await open()];
    assert.equal((await auth(one)).op, 'authenticated');
    assert.equal((await auth(two)).op, 'authenticated');
    for (let i = 0; i < 5; i++) assert.equal((await auth(two)).op, 'authenticated');
    assert.equal((await auth(three)).code, 'too_many');
    assert.equal((await three.closed).code, 1013);
    one.terminate();
    await eventually(async () => (await auth(await open())).op === 'authenticated', 'a place');
  });

  test('topics and patterns of all its connections', async (t) => {
    const { hub, token } = await start(t);
    const alice = { sub: 'alice', ...limited({ subscriptions: 3 }) };
    const one = await WsClient.open(hub, ['a', 'b'], {}, { headers: token(alice) });
    const two = await WsClient.open(hub, null, {}, { headers: token(alice) });
    t.after(() => [one, two].forEach((ws) => ws.terminate()));
    assert.equal((await two.ask({ op: 'subscribe', topic: 'c' })).op, 'subscribed');
    const refusal = await two.ask({ op: 'subscribe', topic: 'd' });
    assert.equal(refusal.code, 'too_many');
    assert.match(refusal.message, /^The token allows 3 topics/);
    assert.equal((await one.ask({ op: 'unsubscribe', topic: 'a' })).op, 'unsubscribed');
    assert.equal((await two.ask({ op: 'subscribe', topic: 'd' })).op, 'subscribed');
    const reply = await get(hub, '/t/e?wait=0', { headers: token(alice) });
    assert.equal(reply.status, 429);
    one.terminate();
    await eventually(
      async () => (await get(hub, '/t/e?wait=0', { headers: token(alice) })).status === 200,
      'room',
    );
  });
});

describe('what the configuration says of them', () => {
  test('a sub has so much, and a token so much of that', async (t) => {
    const { hub, token } = await start(t, {
      'limits.sub_connections': '3',
      'limits.token_connections': '2',
    });
    const streams = [];
    t.after(() => streams.forEach((stream) => stream.close()));
    const open = async (headers) => {
      const stream = await SseStream.open(hub, 'q/c', {}, headers);
      streams.push(stream);
      return (await stream.next()).id !== undefined;
    };
    const [first, second] = [1, 2].map(() => token({ sub: 'alice', longwire: ALL }));
    assert.ok(await open(first));
    assert.ok(await open(first));
    assert.ok(!(await open(first)), 'the token');
    assert.ok(await open(second));
    assert.ok(!(await open(second)), 'the sub');
    const { detail } = (await get(hub, '/t/q/c', { headers: second })).json();
    assert.match(detail, /^limits\.sub_connections allows 3 connections/);
    assert.match((await get(hub, '/t/q/c', { headers: first })).json().detail, /sub_|token_/);
    // A token may say otherwise.
    assert.ok(await open(token({ sub: 'alice', ...limited({ connections: 4 }) })));
  });
});
