// Subscriptions and publishing over a network that exists only in fakes.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LongwireError, topicPath } from '../longwire.js';
import { fakeClock, Inbox, message, sseMessage } from './fakes.js';
import { LIVE, offsets, setUp } from './setup.js';

test('a WebSocket is asked for all topics at once', async () => {
  const { sockets } = setUp(['a', 'b/#', 'c +d'], { after: -3 });
  const { url } = await sockets.next();
  assert.equal(url.protocol, 'ws:');
  assert.equal(url.pathname, '/live/t');
  assert.deepEqual(url.searchParams.getAll('topic'), ['a', 'b/#', 'c +d']);
  assert.equal(url.searchParams.get('format'), 'envelope');
  assert.equal(url.searchParams.get('after'), '-3');
  assert.ok(!url.search.includes('+'), 'a plus sign could be read as a space');
});

test('after takes every form and nothing else', async () => {
  const time = new Date('2026-02-03T04:05:06.789Z');
  const forms = [['5-7', '5-7'], ['earliest', 'earliest'], [undefined, 'latest'], [-9, '-9'],
    [time, '2026-02-03T04:05:06.789Z']];
  for (const [after, wire] of forms) {
    const { url } = await setUp('a', { after }).sockets.next();
    assert.equal(url.searchParams.get('after'), wire);
  }
  for (const after of [0, 5, -1.5, '', {}, null]) {
    assert.throws(() => setUp('a', { after }), TypeError, String(after));
  }
});

test('it resumes after the last message, and a repeated one is dropped', async () => {
  const { sockets, seen, subscription, until } = setUp('a', { after: -2 });
  const first = await sockets.next();
  first.accept(message(4), message(5), LIVE(5), message(6));
  assert.deepEqual(seen.infos.map((info) => info.replayed), [true, true, false]);
  first.break();
  assert.equal((await until('waiting')).cursor, '6-7');
  const second = await sockets.next();
  assert.equal(second.url.searchParams.get('after'), '6-7');
  second.accept(message(5), message(6), message(7), LIVE(7));
  assert.deepEqual(offsets(seen.messages), [4, 5, 6, 7]);
  assert.deepEqual(subscription.stats, { received: 4, gaps: 0, disconnects: 1, duplicates: 2 });
  assert.equal(subscription.state, 'live');
});

test('one that has seen no message yet resumes where it began', async () => {
  const { sockets } = setUp();
  const first = await sockets.next();
  first.accept({ op: 'subscribed', topic: 'a', cursor: '40-7' });
  first.break();
  assert.equal((await sockets.next()).url.searchParams.get('after'), '40-7');
});

test('the head named before a replay is not taken for the place', async () => {
  const { sockets, seen } = setUp('a', { after: 'earliest' });
  const first = await sockets.next();
  first.accept({ op: 'subscribed', topic: 'a', cursor: '40-7' });
  first.break();
  const second = await sockets.next();
  assert.equal(second.url.searchParams.get('after'), 'earliest');
  second.accept(message(1), message(2));
  second.break();
  assert.equal((await sockets.next()).url.searchParams.get('after'), '2-7');
  assert.deepEqual(offsets(seen.messages), [1, 2]);
});

test('a gap is reported and the order begins anew behind it', async () => {
  const { sockets, seen } = setUp('a', { after: '90-7' });
  const socket = await sockets.next();
  const gap = { requested: '90-7', resumed: '50-7', reason: 'ahead' };
  socket.accept({ op: 'gap', ...gap }, LIVE(50), message(51));
  assert.deepEqual(seen.gaps, [gap]);
  assert.deepEqual(offsets(seen.messages), [51]);
  socket.break();
  assert.equal((await sockets.next()).url.searchParams.get('after'), '51-7');
});

test('binary data comes as bytes', async () => {
  const { sockets, seen } = setUp();
  (await sockets.next()).accept(message(1, 'AP+A', { encoding: 'base64' }), message(2, 'AP+A'));
  assert.deepEqual(seen.messages.map((m) => m.data), [Uint8Array.of(0, 255, 128), 'AP+A']);
});

test('a blocked WebSocket falls back to SSE, which sees every event name', async () => {
  const { sockets, requests, seen, until } = setUp();
  (await sockets.next()).break();
  const request = await requests.next();
  assert.equal(request.init.headers.accept, 'text/event-stream');
  const { say } = request.sse();
  say('retry: 3000\nid: 8-7\n\n');
  say(sseMessage(9) + 'event: longwire.live\ndata: {"cursor":"9-7"}\n\n');
  assert.equal((await until('live')).transport, 'sse');
  assert.deepEqual(offsets(seen.messages), [9]);
  assert.equal(seen.messages[0].data, 9);
});

test('what else the hub says on SSE is no message', async () => {
  const { requests, seen, until } = setUp('a', { transport: 'sse' });
  const { say } = (await requests.next()).sse();
  say('retry: 3000\nid: 8-7\n\nevent: longwire.session\ndata: {"session":"00"}\n\n');
  say('id: 8-7\nevent: longwire.live\ndata: {"cursor":"8-7"}\n\n' + sseMessage(9));
  await until('live');
  assert.deepEqual(offsets(seen.messages), [9]);
});

test('SSE cursors without an event move the place', async () => {
  const { requests, until } = setUp('a', { transport: 'sse' });
  const { say, end } = (await requests.next()).sse();
  say('id: 8-7\n\nevent: longwire.live\ndata: {"cursor":"8-7"}\n\n');
  await until('live');
  say(': heartbeat\nid: 20-7\n\n');
  end();
  assert.equal((await until('waiting')).cursor, '20-7');
  assert.equal((await requests.next()).url.searchParams.get('after'), '20-7');
});

test('a silent SSE (a proxy that buffers) falls back to long-poll', async () => {
  const options = { transport: ['sse', 'poll'], timeout: 30 };
  const { requests, seen, until } = setUp('a', options);
  (await requests.next()).sse(); // the headers come, then nothing
  const first = await requests.next();
  assert.equal(first.url.searchParams.get('wait'), '0');
  first.answer({ cursor: '5-7', messages: [message(3), message(5)], live: true });
  assert.equal((await until('live')).transport, 'poll');
  assert.deepEqual(offsets(seen.messages), [3, 5]);
  const second = await requests.next();
  assert.equal(second.url.searchParams.get('after'), '5-7');
  assert.equal(second.url.searchParams.get('wait'), '25');
  const gap = { requested: '5-7', resumed: '8-7', reason: 'damaged' };
  second.answer({ cursor: '9-7', messages: [message(9)], gap });
  assert.equal((await requests.next()).url.searchParams.get('after'), '9-7');
  assert.deepEqual(seen.gaps, [gap]);
});

test('a hub that cannot be reached ends the round of transports', async () => {
  const { sockets, requests, until } = setUp();
  for (let round = 0; round < 2; round++) {
    (await sockets.next()).break();
    (await requests.next()).refuse();
    assert.equal((await until('waiting')).error.kind, 'unreachable');
  }
  assert.equal(requests.size, 0, 'long-poll was not tried');
});

test('a busy hub is left alone for as long as it asks', async () => {
  const { requests, until } = setUp('a', { transport: ['sse', 'poll'] });
  const { say, end } = (await requests.next()).sse();
  say('retry: 5\n\n');
  end();
  assert.equal((await until('waiting')).error.delay, 5);
  (await requests.next()).problem(503, 'draining', { 'retry-after': '0' });
  const { error } = await until('waiting');
  assert.equal(error.status, 503);
  assert.equal(error.message, 'HTTP 503 draining');
  assert.equal((await requests.next()).init.headers.accept, 'text/event-stream', 'still SSE');
});

test('a refusal of the hub ends the subscription, one of a proxy does not', async () => {
  const refused = setUp('a', { transport: 'sse' });
  (await refused.requests.next()).problem(400, 'bad topic');
  const { error } = await refused.until('closed');
  assert.ok(error instanceof LongwireError);
  assert.equal(error.kind, 'fatal');
  assert.equal(error.problem.detail, 'bad topic');
  await assert.rejects(refused.subscription[Symbol.asyncIterator]().next(), /bad topic/);

  const filtered = setUp('a', { transport: ['sse', 'poll'] });
  (await filtered.requests.next()).answer('no', 403);
  assert.ok((await filtered.requests.next()).url.searchParams.has('wait'));
});

test('connections that never last make way for the next transport', async () => {
  const { sockets, requests } = setUp();
  for (let i = 0; i < 3; i++) {
    const socket = await sockets.next();
    socket.accept(LIVE(1));
    socket.break();
  }
  assert.equal((await requests.next()).init.headers.accept, 'text/event-stream');
});

test('a better transport takes over by itself, with no message twice', async () => {
  const { sockets, requests, seen, subscription, until } = setUp('a', { upgradeAfter: 1 });
  (await sockets.next()).break();
  const request = await requests.next();
  const { say } = request.sse();
  say('id: 1-7\n\n' + sseMessage(2) + 'event: longwire.live\ndata: {"cursor":"2-7"}\n\n');
  await until('live');
  (await sockets.next()).break(); // still blocked
  const probe = await sockets.next();
  assert.equal(probe.url.searchParams.get('after'), '2-7');
  say(sseMessage(3));
  while (seen.messages.length < 2) await new Promise(setImmediate);
  assert.ok(!request.init.signal.aborted, 'the old one is kept until the new one works');
  probe.accept(message(3), message(4), LIVE(4));
  assert.equal((await until('live')).transport, 'websocket');
  assert.ok(request.init.signal.aborted);
  assert.deepEqual(offsets(seen.messages), [2, 3, 4]);
  assert.equal(subscription.stats.duplicates, 0, 'the overlap is no fault');
});

test('what a replaced connection still says is not heard', async () => {
  const { sockets, seen, subscription, until } = setUp();
  const first = await sockets.next();
  const { onmessage } = first;
  first.accept(LIVE(1), message(2));
  subscription.setTransport('websocket');
  assert.ok(first.closed);
  onmessage({ data: JSON.stringify(message(9)) });
  (await sockets.next()).accept(message(3), LIVE(3));
  await until('live');
  assert.deepEqual(offsets(seen.messages), [2, 3]);
});

test('other transports begin with the best of them, whatever was used before', async () => {
  const { sockets, requests, subscription, until } = setUp('a', { transport: ['sse', 'websocket'] });
  (await requests.next()).respond(new Response('no stream'));
  const second = await sockets.next();
  second.accept(LIVE(1));
  await until('live');
  assert.equal(subscription.transport, 'websocket');
  subscription.setTransport(['poll', 'websocket']);
  assert.ok(second.closed);
  assert.equal(subscription.transport, 'poll');
  assert.equal((await requests.next()).url.searchParams.get('wait'), '0');
});

test('a change of transports forgets the attempts before it', async () => {
  const { requests, sockets, subscription, until } = setUp('a', { transport: 'poll' });
  for (const attempt of [1, 2]) {
    (await requests.next()).refuse();
    assert.equal((await until('waiting')).attempt, attempt);
  }
  subscription.setTransport(['websocket', 'poll']);
  assert.equal((await until('connecting')).attempt, 0);
  await sockets.next();
});

test('what is lost after a change of transports comes again by those', async () => {
  const { sockets, requests, subscription, until } = setUp('a', { transport: ['sse', 'websocket'] });
  (await requests.next()).respond(new Response('no stream'));
  (await sockets.next()).accept(LIVE(1));
  await until('live');
  subscription.setTransport('websocket');
  (await sockets.next()).accept();
  subscription.reconnect();
  const third = await sockets.next();
  third.accept({ op: 'pong' });
  third.break();
  (await sockets.next()).accept(LIVE(2));
  await until('live');
  assert.equal(subscription.transport, 'websocket');
});

test('pause keeps the place, resume goes on from it', async () => {
  const { sockets, subscription } = setUp();
  (await sockets.next()).accept(LIVE(1), message(2));
  subscription.pause();
  assert.equal(subscription.state, 'offline');
  subscription.reconnect();
  assert.equal(sockets.size, 0);
  subscription.resume();
  assert.equal((await sockets.next()).url.searchParams.get('after'), '2-7');
});

test('a transport has as long to answer as it is given', async (t) => {
  const clock = fakeClock(t);
  const { sockets, requests } = setUp('a', { timeout: 100 });
  const socket = await sockets.next();
  await new Promise((resolve) => setImmediate(resolve));
  clock.tick(99);
  assert.ok(!socket.closed);
  clock.tick(1);
  assert.ok(socket.closed);
  assert.match((await requests.next()).init.headers.accept, /event-stream/);
});

test('closed while it says that it connects, it asks for nothing', async () => {
  let asked = 0;
  const token = () => `t${++asked}`;
  const onState = () => subscription.close();
  const { sockets, subscription } = setUp('a', { onState }, { token });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([subscription.state, asked, sockets.size], ['closed', 0, 0]);
});

test('paused at once, it does not even connect', async () => {
  const { sockets, subscription } = setUp();
  subscription.pause();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sockets.size, 0);
  subscription.resume();
  assert.equal((await sockets.next()).url.searchParams.get('after'), 'latest');
});

test('what is full stays disconnected, whatever asks for a connection', async () => {
  const { sockets, subscription } = setUp('a', { onMessage: undefined, buffer: 2 });
  const first = await sockets.next();
  first.accept(LIVE(1), message(2), message(3));
  assert.ok(first.closed);
  subscription.reconnect();
  subscription.setTransport('websocket');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sockets.size, 0);
  const reader = subscription[Symbol.asyncIterator]();
  assert.equal((await reader.next()).value.id, '2-7');
  assert.equal((await sockets.next()).url.searchParams.get('after'), '3-7');
});

test('a mistake in a callback does not stop the stream', async (t) => {
  const mistakes = [];
  t.mock.method(globalThis, 'queueMicrotask', (task) => {
    try {
      task();
    } catch (error) {
      mistakes.push(error.message);
    }
  });
  const heard = [];
  const { sockets } = setUp('a', {
    onMessage: (m) => {
      heard.push(m.data);
      throw new Error('oops');
    },
  });
  (await sockets.next()).accept(message(1), message(2));
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(mistakes, ['oops', 'oops']);
});

test('iteration gives messages in order and closes at its end', async () => {
  const { sockets, subscription } = setUp('a', { onMessage: undefined });
  (await sockets.next()).accept(message(1), message(2), message(3), LIVE(3));
  const got = [];
  for await (const m of subscription) {
    got.push(m.data);
    if (got.length === 3) break;
  }
  assert.deepEqual(got, [1, 2, 3]);
  assert.equal(subscription.state, 'closed');
});

test('a slow iteration drops the connection, not messages', async () => {
  const { sockets, subscription, until } = setUp('a', { onMessage: undefined, buffer: 4 });
  const socket = await sockets.next();
  socket.accept(LIVE(0), ...[1, 2, 3, 4, 5, 6].map((n) => message(n)));
  await until('waiting');
  assert.ok(socket.closed);
  assert.equal(subscription.cursor, null, 'nothing was taken yet');
  const iterator = subscription[Symbol.asyncIterator]();
  const take = async () => (await iterator.next()).value.data;
  assert.equal(await take(), 1);
  assert.equal(subscription.cursor, '1-7');
  assert.equal(sockets.size, 0, 'not before half of it is read');
  assert.equal(await take(), 2);
  const again = await sockets.next();
  assert.equal(again.url.searchParams.get('after'), '4-7');
  again.accept(message(5), message(6), LIVE(6));
  assert.deepEqual([await take(), await take(), await take(), await take()], [3, 4, 5, 6]);
});

test('publish says what the data is', async () => {
  const { client, requests } = setUp();
  const cases = [
    ['text', 'text/plain; charset=utf-8', 'text'],
    [{ a: [1] }, 'application/json', '{"a":[1]}'],
    [null, 'application/json', 'null'],
    [Uint8Array.of(1, 2), 'application/octet-stream', Uint8Array.of(1, 2)],
    [new ArrayBuffer(3), 'application/octet-stream', new ArrayBuffer(3)],
  ];
  for (const [data, type, body] of cases) {
    const published = client.publish('a/b c', data, { event: 'grün' });
    const { url, init, answer } = await requests.next();
    answer({ id: '9-7' }, 201);
    assert.deepEqual(await published, { id: '9-7' });
    assert.equal(url.pathname, '/live/t/a/b%20c');
    assert.equal(init.headers['content-type'], type);
    assert.equal(init.headers['longwire-event'], 'gr\u00c3\u00bcn', 'UTF-8 as bytes');
    assert.match(init.headers['idempotency-key'], /^[0-9a-f]+(-[0-9a-f]+){3,4}$/);
    assert.deepEqual(init.body, body);
  }
  await assert.rejects(client.publish('a', undefined), TypeError);
});

test('publish tries again under one key, and without a key never', async () => {
  const { client, requests } = setUp();
  const published = client.publish('a', 'x');
  const first = await requests.next();
  first.refuse();
  const second = await requests.next();
  second.problem(503, 'draining', { 'retry-after': '0' });
  const third = await requests.next();
  third.answer({ id: '9-7' }, 201);
  assert.deepEqual(await published, { id: '9-7' });
  const keys = [first, second, third].map(({ init }) => init.headers['idempotency-key']);
  assert.equal(new Set(keys).size, 1);

  const once = client.publish('a', 'x', { key: null });
  (await requests.next()).refuse();
  await assert.rejects(once, { kind: 'unreachable' });

  const wrong = client.publish('a', 'x');
  (await requests.next()).problem(413, 'too large');
  await assert.rejects(wrong, { kind: 'fatal', status: 413 });
  assert.equal(requests.size, 0);
});

test('publish expects what it is told to, and says where the topic is instead', async () => {
  const { client, requests } = setUp();
  const published = client.publish('a', 'x', { expect: '5-7' });
  const { init, answer } = await requests.next();
  assert.equal(init.headers['longwire-expect-last'], '5-7');
  answer({ id: '9-7' }, 201);
  assert.deepEqual(await published, { id: '9-7' });

  const late = client.publish('a', 'x', { expect: '5-7' });
  const problem = { title: 'Conflict', status: 409, detail: 'moved on', current: '9-7' };
  (await requests.next()).answer(problem, 409, { 'content-type': 'application/problem+json' });
  const error = await late.catch((caught) => caught);
  assert.ok(error instanceof LongwireError);
  assert.deepEqual([error.kind, error.status, error.current], ['conflict', 409, '9-7']);
  assert.deepEqual(error.problem, problem);

  // Some other 409, and one that is not the hub's.
  const gap = client.publish('a', 'x', { expect: '0' });
  (await requests.next()).problem(409, 'something else');
  await assert.rejects(gap, { kind: 'fatal', status: 409, current: undefined });
  const strange = client.publish('a', 'x', { expect: '0' });
  (await requests.next()).answer(problem, 409);
  await assert.rejects(strange, { kind: 'blocked', status: 409, current: undefined });
  assert.equal(requests.size, 0, 'a conflict is not tried again');
});

test('publish keeps its condition when it tries again', async () => {
  const { client, requests } = setUp();
  const published = client.publish('a', 'x', { expect: '0' });
  const attempts = [await requests.next()];
  attempts[0].refuse();
  attempts.push(await requests.next());
  attempts[1].answer({ id: '9-7' }, 201);
  assert.deepEqual(await published, { id: '9-7' });
  for (const name of ['longwire-expect-last', 'idempotency-key']) {
    assert.equal(attempts[0].init.headers[name], attempts[1].init.headers[name], name);
  }
});

test('publish takes nothing but a cursor for a condition', async () => {
  const { client, requests } = setUp();
  for (const expect of [null, '', 5, 'latest', '-1', '5-7 ', '5-', { offset: 5 }]) {
    await assert.rejects(client.publish('a', 'x', { expect }), TypeError, String(expect));
  }
  assert.equal(requests.size, 0);
  const plain = client.publish('a', 'x', { expect: undefined });
  const { init, answer } = await requests.next();
  assert.ok(!('longwire-expect-last' in init.headers));
  answer({ id: '9-7' }, 201);
  await plain;
});

test('a topic stands in a URL whatever its levels are', () => {
  assert.equal(topicPath('a/b'), 'a/b');
  assert.equal(topicPath('ä/?#%'), '%C3%A4/%3F%23%25');
  const base = 'http://h/t/';
  for (const topic of ['a/../b', 'a/./b', './a', 'a/..', 'a//b', 'a/']) {
    const { pathname } = new URL(base + topicPath(topic));
    assert.equal(decodeURIComponent(pathname), `/t/${topic}`);
  }
  for (const topic of ['', '.', '..']) assert.throws(() => topicPath(topic), TypeError);
});

test('a transport that is missing or unknown is told at once', () => {
  assert.throws(() => setUp('a', { transport: 'pigeon' }), /no transport is called "pigeon"/);
  assert.throws(() => setUp('a', { transport: 'websocket' }, { WebSocket: undefined }),
    /not available here: websocket/);
  assert.throws(() => setUp([]), TypeError);
});

test('EventSource is used only where the event names are known', async () => {
  const opened = new Inbox();
  class FakeEventSource extends EventTarget {
    constructor(url) {
      super();
      this.url = new URL(url);
      opened.push(this);
    }

    close() {}

    fire(type, data, lastEventId) {
      this.dispatchEvent(Object.assign(new Event(type), { data, lastEventId }));
    }
  }
  const without = { EventSource: FakeEventSource, ReadableStream: undefined, WebSocket: undefined };
  const poll = setUp('a', {}, without);
  assert.ok((await poll.requests.next()).url.searchParams.has('wait'));

  const { seen } = setUp('a', {}, { ...without, events: ['tick'] });
  const source = await opened.next();
  source.fire('tick', JSON.stringify(message(1)), '1-7');
  source.fire('longwire.live', '{}', '1-7');
  source.onerror();
  assert.equal((await opened.next()).url.searchParams.get('after'), '1-7');
  assert.deepEqual(offsets(seen.messages), [1]);
});

test('a WebSocket that is silent is asked, and ended when it does not answer', async (t) => {
  const clock = fakeClock(t);
  const { sockets, subscription } = setUp();
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  const pings = () => socket.sent.filter(({ op }) => op === 'ping').length;
  assert.equal(pings(), 1, 'one at the start');
  clock.tick(20_000);
  assert.equal(pings(), 2);
  socket.say({ op: 'pong' });
  clock.tick(25_000);
  assert.equal(pings(), 3);
  assert.equal(subscription.state, 'live');
  clock.tick(20_000);
  assert.ok(socket.closed);
  assert.equal(subscription.state, 'waiting');
});

test('an event stream without heartbeats is ended', async (t) => {
  const clock = fakeClock(t);
  const { requests, subscription, until } = setUp('a', { transport: 'sse' });
  const request = await requests.next();
  const { say } = request.sse();
  say('id: 1-7\n\nevent: longwire.live\ndata: {}\n\n');
  await until('live');
  clock.tick(40_000);
  assert.equal(subscription.state, 'live');
  clock.tick(5_000);
  assert.ok(request.init.signal.aborted);
  assert.match((await until('waiting')).error.message, /nothing heard for 45 s/);
});

test('back from sleep or on another network, it does not wait', async (t) => {
  const clock = fakeClock(t);
  const { sockets, subscription } = setUp();
  const first = await sockets.next();
  first.accept(LIVE(1), message(2));
  clock.tick(1);
  subscription.wake('back');
  clock.tick(5_000);
  assert.equal(subscription.state, 'waiting', 'the ping was not answered');
  subscription.wake('offline');
  assert.equal(sockets.size, 0);
  subscription.wake('online');
  assert.equal((await sockets.next()).url.searchParams.get('after'), '2-7');
});
