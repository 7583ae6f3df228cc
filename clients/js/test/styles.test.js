// The ways in which an application is told, and what it may do with client and subscription.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { after, last, Longwire, since, subscribe } from '../longwire.js';
import { fakeClock, fakeFetch, fakeWebSocket, Inbox, message } from './fakes.js';
import { LIVE, offsets, setGlobal, setUp } from './setup.js';

const turn = () => new Promise(setImmediate);

test('on() and once() tell all who want to know, until they do not', async () => {
  const { sockets, subscription } = setUp('a', { onMessage: undefined });
  const [all, one, events] = [[], [], []];
  const end = subscription.on('message', (m, { replayed }) => all.push([m.data, replayed]));
  subscription.once('message', (m) => one.push(m.data));
  subscription.addEventListener('message', (event) => events.push([event.data, event.detail.id]));
  subscription.addEventListener('close', () => events.push('close'));
  const socket = await sockets.next();
  socket.accept(message(1), LIVE(1), message(2));
  end();
  socket.say(message(3));
  assert.deepEqual(all, [[1, true], [2, false]]);
  assert.deepEqual(one, [1]);
  subscription.close();
  assert.deepEqual(events, [[1, '1-7'], [2, '2-7'], [3, '3-7'], 'close']);
});

test('who listens collects nothing for iteration, who iterates does', async () => {
  const { sockets, subscription } = setUp('a', { onMessage: undefined, buffer: 2 });
  const socket = await sockets.next();
  socket.accept(message(1));
  const heard = [];
  subscription.on('message', (m) => heard.push(m.data));
  await turn();
  for (let n = 2; n < 9; n++) socket.say(message(n));
  assert.deepEqual(heard, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.ok(!socket.closed);
  const iterator = subscription[Symbol.asyncIterator]();
  const next = iterator.next();
  socket.say(message(9));
  assert.equal((await next).value.data, 9);
});

test('topics may have handlers of their own', async () => {
  const seen = { a: [], x: [], all: [] };
  const handlers = { a: ({ id }) => seen.a.push(id), 'x/#': ({ topic }) => seen.x.push(topic) };
  const { sockets } = setUp(handlers, { onMessage: ({ id }) => seen.all.push(id) });
  const socket = await sockets.next();
  assert.deepEqual(socket.url.searchParams.getAll('topic'), ['a', 'x/#']);
  socket.accept(message(1), message(2, 2, { topic: 'x/y' }), message(3, 3, { topic: 'x' }));
  assert.deepEqual(seen, { a: ['1-7'], x: ['x/y', 'x'], all: ['1-7', '2-7', '3-7'] });
});

test('where to begin can be said in words', () => {
  assert.equal(last(20), -20);
  assert.equal(since('2026-02-03T04:05:06Z').toISOString(), '2026-02-03T04:05:06.000Z');
  assert.ok(Math.abs(since(-60_000).getTime() - (Date.now() - 60_000)) < 10_000);
  assert.equal(after('5-7'), '5-7');
  for (const wrong of [() => last(0), () => last('3'), () => since('never'), () => after('latest')]) {
    assert.throws(wrong, TypeError);
  }
});

/** A proxy that hands out proxies of what it has, as frameworks make them. */
function reactive(target) {
  return new Proxy(target, {
    get(object, name, receiver) {
      const value = Reflect.get(object, name, receiver);
      const { configurable = true, writable = true } = Reflect.getOwnPropertyDescriptor(object, name) ?? {};
      const isPlain = typeof value === 'object' && value !== null && (configurable || writable);
      return isPlain ? reactive(value) : value;
    },
  });
}

test('client and subscription work behind the proxies of frameworks', async () => {
  const { client, sockets, requests } = setUp('a');
  await sockets.next();
  const proxied = reactive({ client });
  const heard = [];
  const subscription = reactive({ it: proxied.client.subscribe('b', { transport: 'websocket' }) }).it;
  subscription.on('message', (m) => heard.push(m.data));
  subscription.addEventListener('message', ({ data }) => heard.push(data));
  const socket = await sockets.next();
  socket.accept(LIVE(1), message(2, 2, { topic: 'b' }));
  assert.deepEqual(heard, [2, 2]);
  assert.deepEqual([subscription.state, subscription.cursor, subscription.stats.received], ['live', '2-7', 1]);
  assert.deepEqual(subscription.topics, ['b']);
  const published = proxied.client.publish('b', 'x');
  await turn();
  const { ref } = socket.sent.find(({ op }) => op === 'publish');
  socket.say({ op: 'published', id: '3-7', ref });
  assert.deepEqual(await published, { id: '3-7' });
  subscription.add('c');
  subscription.close();
  assert.equal(subscription.state, 'closed');
  assert.equal(requests.size, 0);
  const { publish } = client; // methods stand by themselves
  publish('b', 'x').catch(() => {});
  await requests.next();
});

test('the client has a state to be shown', async (t) => {
  fakeClock(t); // nothing is tried again
  const { client, sockets, subscription } = setUp('a');
  const states = [];
  assert.equal(client.state, 'connecting');
  client.on('state', (state) => states.push(state));
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  const other = client.subscribe('b', { transport: 'websocket' });
  (await sockets.next()).break();
  await turn();
  other.close();
  subscription.close();
  assert.deepEqual(states, ['replaying', 'live', 'connecting', 'waiting', 'live', 'idle']);
});

test('a cursor is kept over a reload', async (t) => {
  const stored = new Map();
  const storage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, text) => stored.set(key, text) };
  setGlobal(t, 'sessionStorage', storage);
  const system = new EventTarget();
  for (const name of ['addEventListener', 'removeEventListener']) setGlobal(t, name, system[name].bind(system));
  const first = setUp('a', { remember: 'feed', after: 'earliest' });
  const socket = await first.sockets.next();
  assert.equal(socket.url.searchParams.get('after'), 'earliest');
  socket.accept(message(4), LIVE(4));
  system.dispatchEvent(new Event('pagehide'));
  assert.equal(stored.get('longwire:cursor:feed'), '4-7');
  const second = setUp('a', { remember: 'feed', after: 'earliest' });
  assert.equal((await second.sockets.next()).url.searchParams.get('after'), '4-7');
  const own = { getItem: () => '8-7', setItem() {} };
  const third = setUp('a', { remember: { name: 'feed', storage: own } });
  assert.equal((await third.sockets.next()).url.searchParams.get('after'), '8-7');
});

test('a place is saved now and then, and a storage that is full is no harm', async (t) => {
  const clock = fakeClock(t);
  const saved = [];
  const storage = {
    getItem: () => 'nonsense',
    setItem: (key, text) => {
      saved.push(text);
      throw new Error('full');
    },
  };
  const { sockets, subscription } = setUp('a', { remember: { name: 'x', storage } });
  const socket = await sockets.next();
  assert.equal(socket.url.searchParams.get('after'), 'latest');
  socket.accept(message(4));
  clock.tick(1_000);
  socket.say(message(5));
  clock.tick(1_000);
  clock.tick(1_000);
  assert.deepEqual(saved, ['4-7', '5-7']);
  socket.say(message(6));
  subscription.close();
  assert.deepEqual(saved, ['4-7', '5-7', '6-7']);
});

test('debug says what happens, on the console or to a function', async (t) => {
  const lines = [];
  const { sockets } = setUp('a', {}, { debug: (...line) => lines.push(line.join(' ')) });
  (await sockets.next()).accept(LIVE(1));
  assert.ok(lines.some((line) => /^opening websocket/.test(line)), lines.join());
  const log = t.mock.method(console, 'debug', () => {});
  const loud = setUp('a', {}, { debug: true });
  await loud.sockets.next();
  assert.equal(log.mock.calls[0].arguments[0], 'longwire:');
});

test('subscribe() alone shares a connection, too, where nothing else is wished', async (t) => {
  const sockets = new Inbox();
  setGlobal(t, 'WebSocket', fakeWebSocket(sockets));
  const heard = [];
  const a = subscribe('http://hub.example', 'a', { onMessage: (m) => heard.push(m.data) });
  const b = subscribe('http://hub.example', 'b');
  const socket = await sockets.next();
  assert.deepEqual(socket.url.searchParams.getAll('topic'), ['a', 'b']);
  socket.accept(message(1));
  assert.deepEqual(heard, [1]);
  const own = subscribe('http://hub.example', 'c', { token: 't' });
  await sockets.next();
  a.close();
  assert.ok(!socket.closed);
  b.close();
  assert.ok(socket.closed);
  own.close();
  const again = subscribe('http://hub.example', 'a');
  await sockets.next();
  again.close();
});

test('a client without a page, a WebSocket or a stream still has the poll', async (t) => {
  const requests = new Inbox();
  const fetch = fakeFetch(requests);
  const client = new Longwire('http://hub.example', { WebSocket: undefined, ReadableStream: undefined, fetch });
  t.after(() => client.close());
  const got = [];
  client.subscribe('a', { onMessage: (m) => got.push(m) });
  (await requests.next()).answer({ cursor: '5-7', messages: [message(5)], live: true });
  await requests.next();
  assert.deepEqual(offsets(got), [5]);
});
