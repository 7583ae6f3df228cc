// Quotas: what one client, known by its address, may use of the hub, whatever it comes by. Clients
// are told apart by what a trusted proxy says, so that each test has one of its own.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import * as h2 from './lib/h2.mjs';
import { assertProblem, get, post, publish, request } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const PROXIED = {
  'http.trusted_proxies': '127.0.0.1',
  'access.anonymous': 'subscribe, publish',
  'hub.workers': '2',
};

let clients = 0;
/** A client that nobody else is: the headers that say so. */
const stranger = () => ({ 'X-Forwarded-For': `203.0.113.${++clients}` });

/**
 * Calls `once` until it says that it was refused, and returns { taken, refusal }: one more comes
 * each second, so how many are taken has no exact number, but an end.
 */
async function untilRefused(once) {
  for (let taken = 0; taken < 2000; taken++) {
    const refusal = await once();
    if (refusal) return { taken, refusal };
  }
  return assert.fail('nothing was refused');
}

const lines = (topic, count) =>
  Array.from({ length: count }, () => JSON.stringify({ topic, data: 'x' })).join('\n');

const refusedPost = (hub, headers, body = 'x') => async () => {
  const reply = await post(hub, 'q/post', body, { headers });
  if (reply.status === 201) return null;
  return reply;
};

describe('publishes a second', () => {
  const hub = suiteHub({
    set: { ...PROXIED, 'limits.address_publishes_per_s': '1', 'limits.burst': '20s' },
  });

  test('POST: 429, with the time to wait, and nobody else is refused', async () => {
    const headers = stranger();
    const before = await counter(hub, 'limited_publishes');
    const { taken, refusal } = await untilRefused(refusedPost(hub, headers));
    assert.ok(taken >= 20, `${taken} taken`);
    const problem = assertProblem(refusal, 429);
    assert.match(problem.detail, /^limits\.address_publishes_per_s allows 1 messages a second/);
    assert.match(refusal.headers['retry-after'], /^1$/);
    assert.ok((await counter(hub, 'limited_publishes')) > before);
    await publish(hub, 'q/post', 'x', { headers: stranger() });
    await publish(hub, 'q/post', 'x', { local: true });
    for (let i = 0; i < 30; i++) await publish(hub, 'q/post', 'x'); // the proxy itself
    await eventually(async () => (await post(hub, 'q/post', 'x', { headers })).status === 201, 'room');
  });

  test('the limit is one for all connections and workers', async () => {
    const headers = stranger();
    const replies = await Promise.all(
      Array.from({ length: 200 }, () => post(hub, 'q/many', 'x', { headers })),
    );
    const taken = replies.filter(({ status }) => status === 201).length;
    assert.ok(replies.every(({ status }) => status === 201 || status === 429));
    assert.ok(taken >= 20 && taken < 200, `${taken} taken`);
  });

  test('a /64 is one client, whoever of it comes', async () => {
    const of = (host) => ({ 'X-Forwarded-For': `2001:db8:1:2::${host}` });
    await untilRefused(refusedPost(hub, of('1')));
    const { taken } = await untilRefused(refusedPost(hub, of('2:3')));
    assert.ok(taken < 20, `${taken} taken`);
    await publish(hub, 'q/post', 'x', { headers: { 'X-Forwarded-For': '2001:db8:1:3::1' } });
  });

  test('a batch counts its messages', async () => {
    const headers = stranger();
    const batch = (count) =>
      request(hub, 'POST', '/t', {
        headers: { ...headers, 'Content-Type': 'application/x-ndjson' },
        body: lines('q/batch', count),
      });
    const large = assertProblem(await batch(21), 429);
    assert.match(large.detail, /this batch has more$/);
    assert.equal((await batch(20)).status, 201);
    const { taken } = await untilRefused(refusedPost(hub, headers));
    assert.ok(taken < 20, `${taken} taken`);
    const reply = await batch(20);
    assert.equal(reply.status, 429);
    assert.ok(Number(reply.headers['retry-after']) >= 1);
  });

  test('WebSocket: an error, and it goes on', async (t) => {
    const headers = stranger();
    const ws = await WsClient.open(hub, null, {}, { headers });
    t.after(() => ws.terminate());
    const { taken, refusal } = await untilRefused(async () => {
      const answer = await ws.ask({ op: 'publish', topic: 'q/ws', data: 1 });
      return answer.op === 'published' ? null : answer;
    });
    assert.ok(taken >= 20, `${taken} taken`);
    assert.equal(refusal.op, 'error');
    assert.equal(refusal.code, 'rate_limited');
    assert.equal(refusal.retry_after, 1);
    assert.equal((await ws.ask({ op: 'ping' })).op, 'pong');
    const reply = await untilRefused(refusedPost(hub, headers));
    assert.ok(reply.taken < 20, 'they are counted together');
  });

  test('a raw WebSocket is told to come again later', async () => {
    const ws = await WsClient.open(hub, 'q/raw', { format: 'raw' }, { headers: stranger() });
    // Each waits for its own copy: what comes unread behind the end could cost it its close frame.
    for (let sent = 0; sent < 2000 && !ws.frames.ended; sent++) {
      ws.send(Buffer.from('x'));
      await ws.next().catch(() => {});
    }
    const { code, reason } = await ws.closed;
    assert.equal(code, 1013);
    assert.match(reason, /more .* than limits allow/i);
  });

  test('streams of HTTP/2', async (t) => {
    const headers = stranger();
    const session = await h2.connect(t, hub);
    const { taken, refusal } = await untilRefused(async () => {
      const reply = await h2.post(session, 'q/h2', 'x', headers);
      return reply.status === 201 ? null : reply;
    });
    assert.ok(taken >= 20, `${taken} taken`);
    assert.equal(assertProblem(refusal, 429).status, 429);
    assert.equal(refusal.headers['retry-after'], '1');
  });
});

describe('bytes a second', () => {
  const hub = suiteHub({
    set: { ...PROXIED, 'limits.address_bytes_per_s': '1000', 'limits.burst': '1h' },
  });
  const MIB = Buffer.alloc(1 << 20);

  test('count whatever the messages are', async () => {
    const headers = stranger();
    const { taken, refusal } = await untilRefused(refusedPost(hub, headers, MIB));
    assert.equal(taken, 3); // 3,600,000 bytes, and more than ten minutes to the next one
    assert.match(assertProblem(refusal, 429).detail, /address_bytes_per_s allows 1000 bytes/);
    assert.ok(Number(refusal.headers['retry-after']) > 300);
    assert.equal((await post(hub, 'q/post', 'x', { headers })).status, 201, 'a small one fits');
    assert.ok((await counter(hub, 'limited_bytes')) >= 1);
  });
});

describe('connections that receive', () => {
  const hub = suiteHub({ set: { ...PROXIED, 'limits.address_connections': '3' } });

  const open = (headers) => SseStream.open(hub, 'q/c', {}, headers);

  /** A stream that was refused: the time to come again, and the end. */
  async function refusedStream(headers) {
    const stream = await open(headers);
    assert.equal(stream.status, 200);
    const block = await stream.next();
    assert.deepEqual(Object.keys(block), ['retry']);
    assert.ok(Number(block.retry) >= 10_000, block.retry);
    await stream.blocks.drained();
  }

  test('event streams, WebSockets and long-polls count together', async (t) => {
    const headers = stranger();
    const sse = await open(headers);
    const ws = await WsClient.open(hub, 'q/c', {}, { headers });
    const end = new AbortController();
    t.after(() => {
      sse.close();
      ws.terminate();
      end.abort();
    });
    const poll = get(hub, '/t/q/c?wait=60', { headers, signal: end.signal }).catch(() => {});
    await eventually(
      async () => /connections\{transport="poll"\} 1/.test((await get(hub, '/metrics')).text),
      'the poll to wait',
    );
    await refusedStream(headers);
    const reply = await get(hub, '/t/q/c?wait=60', { headers });
    assert.match(assertProblem(reply, 429).detail, /address_connections allows 3 connections/);
    assert.equal(reply.headers['retry-after'], '10');
    await assert.rejects(WsClient.open(hub, 'q/c', {}, { headers }), /429/);
    assert.equal((await post(hub, 'q/other', 'x', { headers })).status, 201, 'to publish is none');
    assert.equal((await get(hub, '/t/q/c?wait=0', { headers: stranger() })).status, 200);

    sse.close();
    await eventually(async () => (await get(hub, '/t/q/c?wait=0', { headers })).status === 200, 'a place');
    end.abort();
    await poll;
    const streams = await eventually(async () => {
      const stream = await open(headers);
      const { id } = await stream.next();
      return id && stream;
    }, 'another place');
    streams.close();
  });

  test('streams of HTTP/2 that receive', async (t) => {
    const headers = stranger();
    const session = await h2.connect(t, hub);
    const streams = [];
    for (let i = 0; i < 3; i++) {
      const stream = h2.events(session, '/t/q/c', headers);
      await h2.block(stream, 'longwire.session');
      streams.push(stream);
    }
    const refused = h2.events(session, '/t/q/c', headers);
    assert.match(await refused.blocks.next(), /^retry: \d{5,}$/);
    assert.ok((await refused.ended).whole);
    assert.equal((await h2.get(session, '/t/q/c?wait=0', headers)).status, 429);
    const ws = await h2.websocket(session, '/t/q/c', headers);
    assert.equal(ws.response[':status'], 429);
    streams[0].stream.close();
    await eventually(
      async () => (await h2.get(session, '/t/q/c?wait=0', headers)).status === 200,
      'a place',
    );
  });

  test('an idle connection of the proxy is nobody’s', async (t) => {
    const headers = stranger();
    const sockets = [];
    t.after(() => sockets.forEach((raw) => raw.destroy()));
    for (let i = 0; i < 10; i++) {
      const raw = await RawSocket.open(hub);
      sockets.push(raw);
      await raw.write(
        `GET /t/q/c?wait=0 HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${headers['X-Forwarded-For']}\r\n\r\n`,
      );
      await raw.untilText('\r\n\r\n');
      assert.match(raw.received.toString(), /^HTTP\/1.1 200 /);
    }
  });

  test('who is named by a proxy that does not say who it is counts for the proxy', async (t) => {
    const headers = { Forwarded: 'for=unknown' };
    const streams = [];
    t.after(() => streams.forEach((stream) => stream.close()));
    for (let i = 0; i < 3; i++) streams.push(await open(headers));
    for (const stream of streams) assert.ok((await stream.next()).id);
    await refusedStream(headers);
    streams.push(await SseStream.open(hub, 'q/c'));
    assert.ok((await streams.at(-1).next()).id, 'the proxy itself has no limit');
  });
});

describe('topics and patterns of all connections', () => {
  const hub = suiteHub({ set: { ...PROXIED, 'limits.address_subscriptions': '5' } });

  test('WebSocket: too_many, until others are given back', async (t) => {
    const headers = stranger();
    const ws = await WsClient.open(hub, ['a', 'b'], {}, { headers });
    const other = await WsClient.open(hub, null, {}, { headers });
    t.after(() => [ws, other].forEach((one) => one.terminate()));
    const subscribe = (topic) => other.ask({ op: 'subscribe', topic });
    for (const topic of ['c', 'd', 'e/#']) assert.equal((await subscribe(topic)).op, 'subscribed');
    const refusal = await subscribe('f');
    assert.equal(refusal.code, 'too_many');
    assert.equal(refusal.retry_after, 10);
    assert.match(refusal.message, /address_subscriptions allows 5 topics/);
    assert.equal((await other.ask({ op: 'unsubscribe', topic: 'c' })).op, 'unsubscribed');
    assert.equal((await subscribe('f')).op, 'subscribed');
    assert.equal((await subscribe('g')).code, 'too_many');
    ws.terminate();
    await eventually(async () => (await subscribe('g')).op === 'subscribed', 'room');
    assert.ok((await counter(hub, 'limited_subscriptions')) >= 2);
  });

  test('requests that have too many are answered so', async (t) => {
    const headers = stranger();
    const six = ['a', 'b', 'c', 'd', 'e', 'f'];
    const stream = await SseStream.open(hub, six, {}, headers);
    assert.deepEqual(Object.keys(await stream.next()), ['retry']);
    const reply = await get(hub, `/t?${six.map((topic) => `topic=${topic}`).join('&')}`, { headers });
    assert.match(assertProblem(reply, 429).detail, /address_subscriptions/);
    // What was refused, or is over, has taken nothing.
    for (let i = 0; i < 5; i++) {
      const path = `/t?${six.slice(1).map((topic) => `topic=${topic}`).join('&')}&wait=0`;
      assert.equal((await get(hub, path, { headers })).status, 200);
    }
    const five = await SseStream.open(hub, six.slice(1), {}, headers);
    t.after(() => five.close());
    assert.ok((await five.next()).id);
  });

  test('a session that grows', async (t) => {
    const headers = stranger();
    const stream = await SseStream.open(hub, ['a', 'b'], {}, headers);
    t.after(() => stream.close());
    const id = await stream.session;
    const change = (body) =>
      request(hub, 'POST', `/session/${id}`, { headers, body: JSON.stringify(body) });
    const of = (...topics) => topics.map((topic) => ({ topic }));
    assert.equal((await change({ subscribe: of('c', 'd', 'e') })).status, 200);
    const refused = await change({ subscribe: of('f') });
    assert.match(assertProblem(refused, 429).detail, /address_subscriptions/);
    assert.equal(refused.headers['retry-after'], '10');
    assert.equal((await change({ subscribe: of('f'), unsubscribe: ['a'] })).status, 200);
    assert.equal((await change({ unsubscribe: ['b', 'c'] })).status, 200);
    assert.equal((await change({ subscribe: of('g', 'h') })).status, 200);
    assert.equal((await change({ subscribe: of('i') })).status, 429);
  });
});

describe('connections of an address', () => {
  /** A connection from that address, and whether the hub answers on it. */
  async function connect(t, hub, { from, before = '' } = {}) {
    // Its reset may come before Node.js tells that it was connected.
    const raw = await RawSocket.open(hub, { from }).catch(() => null);
    if (!raw) return { served: false };
    t.after(() => raw.destroy());
    await raw.write(`${before}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.until((data) => data.includes('ok'), 'an answer or the end');
    return { raw, served: raw.received.length > 0 };
  }

  test('are refused when they come, and not before', async (t) => {
    const hub = await startHub(t, {
      set: { 'limits.exempt': '', 'limits.address_connections': '3', 'hub.workers': '2' },
    });
    const here = { from: '127.0.0.5' };
    const { raw, served } = await connect(t, hub, here);
    assert.ok(served);
    for (let i = 0; i < 2; i++) assert.ok((await connect(t, hub, here)).served);
    assert.ok(!(await connect(t, hub, here)).served);
    assert.ok((await counter(hub, 'limited_connections')) >= 1);
    assert.ok((await connect(t, hub, { from: '127.0.0.6' })).served);
    raw.destroy();
    await eventually(async () => (await connect(t, hub, here)).served, 'a place');
  });

  test('loopback, private and listed addresses have no limits', async (t) => {
    for (const set of [{}, { 'limits.exempt': 'private', 'limits.exempt_address': '127.0.0.0/8' }]) {
      const hub = await startHub(t, { set: { 'limits.address_connections': '1', ...set } });
      for (let i = 0; i < 5; i++) assert.ok((await connect(t, hub)).served);
    }
  });

  test('count for whom a PROXY header names', async (t) => {
    const hub = await startHub(t, {
      set: { ...PROXIED, 'http.proxy_protocol': 'on', 'limits.address_connections': '2' },
    });
    const serves = async (address) =>
      (await connect(t, hub, { before: `PROXY TCP4 ${address} 192.0.2.1 4000 80\r\n` })).served;
    assert.ok(await serves('203.0.113.1'));
    assert.ok(await serves('203.0.113.1'));
    assert.ok(!(await serves('203.0.113.1')));
    assert.ok(await serves('203.0.113.2'));
  });

  test('limits change with a reload', async (t) => {
    const hub = await startHub(t, {
      set: { ...PROXIED, 'hub.workers': '1' },
      config: '[limits]\naddress_publishes_per_s = 1\nburst = 5s\n',
    });
    const headers = stranger();
    await untilRefused(refusedPost(hub, headers));
    writeFileSync(hub.config, '[limits]\naddress_publishes_per_s = 0\n');
    hub.signal('SIGHUP');
    await eventually(() => hub.stderr().includes('reloaded'), 'the reload');
    for (let i = 0; i < 20; i++) await publish(hub, 'q/post', 'x', { headers });
  });
});
