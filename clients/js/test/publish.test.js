// Publishing: by what it goes, for how long, and what is left when the page goes; pages of history.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, message } from './fakes.js';
import { LIVE, offsets, setGlobal, setUp } from './setup.js';

const turn = () => new Promise(setImmediate);

async function live(clientOptions = {}) {
  const all = setUp('a', {}, clientOptions);
  const socket = await all.sockets.next();
  socket.accept(LIVE(5));
  await all.until('live');
  return { ...all, socket };
}

const published = (socket) => socket.sent.filter(({ op }) => op === 'publish');

test('over a WebSocket that is open it takes no request', async () => {
  const { client, requests, socket } = await live();
  const promise = client.publish('b/c', { n: 1 }, { event: 'e', key: 'k', expect: '5-7' });
  await turn();
  const [{ ref, ...frame }] = published(socket);
  assert.deepEqual(frame, { op: 'publish', topic: 'b/c', data: { n: 1 }, event: 'e', key: 'k', expect: '5-7' });
  socket.say({ op: 'published', id: '9-7', ref });
  assert.deepEqual(await promise, { id: '9-7' });
  const bytes = client.publish('b', Uint8Array.of(0, 255, 128));
  await turn();
  assert.deepEqual([published(socket)[1].data, published(socket)[1].encoding], ['AP+A', 'base64']);
  socket.say({ op: 'published', id: '10-7', ref: published(socket)[1].ref });
  await bytes;
  assert.equal(requests.size, 0);
});

test('a refusal is the same over a WebSocket as by a request', async () => {
  const { client, socket } = await live();
  const refused = async (frame, options) => {
    const promise = client.publish('b', 1, options).catch((error) => error);
    await turn();
    socket.say({ op: 'error', ref: published(socket).at(-1).ref, ...frame });
    return promise;
  };
  const conflict = await refused({ code: 'conflict', message: 'moved on', current: '9-7' });
  assert.deepEqual([conflict.kind, conflict.status, conflict.current], ['conflict', 409, '9-7']);
  const forbidden = await refused({ code: 'forbidden', message: 'no' });
  assert.deepEqual([forbidden.kind, forbidden.status, forbidden.code], ['fatal', 403, 'forbidden']);
  const wrong = await refused({ code: 'bad_event', message: 'no' });
  assert.deepEqual([wrong.kind, wrong.status, wrong.message], ['fatal', 400, 'no']);
  const busy = await refused({ code: 'rate_limited', retry_after: 2 }, { retries: 0 });
  assert.equal(busy.kind, 'later');
  assert.ok(busy.delay >= 2_000 && busy.delay <= 3_000);
});

test('when the WebSocket breaks it goes on by a request, under the same key', async () => {
  const { client, requests, socket } = await live();
  const promise = client.publish('b', 'x');
  await turn();
  const [{ key }] = published(socket);
  socket.break();
  const request = await requests.next();
  assert.equal(request.init.headers['idempotency-key'], key);
  request.answer({ id: '9-7' }, 201);
  assert.deepEqual(await promise, { id: '9-7' });
});

test('one that is not answered has a time limit, and is tried in another way before', async (t) => {
  const clock = fakeClock(t);
  const { client, requests, socket } = await live();
  const promise = client.publish('b', 'x').catch((error) => error);
  await turn();
  clock.tick(10_000);
  await turn();
  clock.tick(500);
  const request = await requests.next();
  assert.equal(request.init.headers['idempotency-key'], published(socket)[0].key);
  clock.tick(10_000);
  assert.ok(request.init.signal.aborted);
  clock.tick(9_500);
  const error = await promise;
  assert.deepEqual([error.kind, error.code], ['timeout', undefined]);
  const quick = client.publish('b', 'x', { timeout: 100, key: null }).catch((caught) => caught);
  await turn();
  clock.tick(100);
  assert.match((await quick).message, /not stored within 0.1 s/);
});

test('that the browser has no connection left is said where it can be known', async (t) => {
  const clock = fakeClock(t);
  setGlobal(t, 'location', { href: 'http://hub.example/', origin: 'http://hub.example' });
  setGlobal(t, 'navigator', { onLine: true });
  const entry = { name: 'http://hub.example/x', nextHopProtocol: 'http/1.1' };
  const getEntriesByType = (type) => (type === 'resource' ? [entry] : []);
  setGlobal(t, 'performance', { now: () => 0, getEntriesByType });
  const { client, requests, until } = setUp('a', { transport: 'sse' });
  await requests.next();
  const late = client.publish('b', 'x', { timeout: 1_000 }).catch((error) => error);
  await turn();
  clock.tick(1_000);
  assert.equal((await late).code, 'six_connections');
  clock.tick(5_000);
  assert.equal((await until('waiting')).error.code, 'six_connections');
});

test('what a page says last outlives it', async (t) => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  setGlobal(t, 'document', page);
  const { client, requests, socket } = await live();
  client.publish('b', 'bye').catch(() => {});
  const request = await requests.next();
  assert.equal(request.init.keepalive, true);
  assert.equal(published(socket).length, 0);
  client.publish('b', 'x'.repeat(70_000)).catch(() => {});
  assert.equal((await requests.next()).init.keepalive, undefined, 'too long for that');
});

test('what was on its way over a WebSocket when the page goes is sent again', async (t) => {
  const system = new EventTarget();
  for (const name of ['addEventListener', 'removeEventListener']) setGlobal(t, name, system[name].bind(system));
  const { client, requests, socket } = await live();
  client.publish('b', 'bye', { key: 'k' }).catch(() => {});
  await turn();
  assert.equal(published(socket).length, 1);
  system.dispatchEvent(new Event('pagehide'));
  const { init } = await requests.next();
  assert.deepEqual([init.keepalive, init.headers['idempotency-key']], [true, 'k']);
});

test('a beacon says it where requests end with the page, and there is no token', async (t) => {
  const beacons = [];
  setGlobal(t, 'document', Object.assign(new EventTarget(), { visibilityState: 'hidden' }));
  setGlobal(t, 'Request', class {});
  setGlobal(t, 'navigator', { sendBeacon: (...args) => Boolean(beacons.push(args)) });
  const { client, requests } = setUp('a', { transport: 'websocket' });
  assert.deepEqual(await client.publish('b', { n: 1 }), { id: undefined });
  const [[url, blob]] = beacons;
  assert.equal(url, 'http://hub.example/live/t/b');
  assert.deepEqual([blob.type, await blob.text()], ['application/json', '{"n":1}']);
  client.publish('b', 'x', { event: 'e' }).catch(() => {});
  assert.equal((await requests.next()).init.method, 'POST');
  const other = setUp('a', { transport: 'websocket' }, { token: 't' });
  other.client.publish('b', 'x').catch(() => {});
  await other.requests.next();
  assert.equal(beacons.length, 1);
});

test('own headers go with each request', async () => {
  let n = 0;
  const headers = () => ({ 'x-csrf': `c${n++}`, accept: 'nothing' });
  const { client, requests } = setUp('a', { transport: 'poll' }, { headers });
  const { init } = await requests.next();
  assert.deepEqual([init.headers['x-csrf'], init.headers.accept], ['c0', 'application/json']);
  client.publish('b', 'x').catch(() => {});
  assert.equal((await requests.next()).init.headers['x-csrf'], 'c1');
});

// ---- history ---------------------------------------------------------------------------------------

/** Answers polls from messages 1 to HEAD of `a`, as a hub does; LIMIT messages each. */
async function serve(requests, head, limit = 1_000) {
  for (;;) {
    const { url, answer } = await requests.next();
    const start = url.searchParams.get('after');
    const from = start.startsWith('-') ? Math.max(0, head + Number(start)) : Number(start.split('-')[0]);
    const to = Math.min(head, from + limit);
    const messages = Array.from({ length: to - from }, (_, i) => message(from + i + 1));
    answer({ cursor: `${to}-7`, messages, ...(to === head && { live: true }) });
  }
}

test('history goes back page by page to the beginning', async () => {
  const { client, requests } = setUp('b', { transport: 'websocket' });
  serve(requests, 120, 40).catch(() => {});
  const pages = [];
  for (let before, more = true; more; more = before !== undefined) {
    const page = await client.history('a', { before, limit: 50 });
    pages.push(offsets(page.messages));
    ({ before } = page);
  }
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  assert.deepEqual(pages, [range(71, 120), range(21, 70), range(1, 20)]);
});

test('history of nothing is nothing, and what is no cursor is refused', async () => {
  const { client, requests } = setUp('b', { transport: 'websocket' });
  serve(requests, 0).catch(() => {});
  assert.deepEqual(await client.history('a'), { messages: [], before: undefined });
  await assert.rejects(client.history('a', { before: 'x' }), TypeError);
});
