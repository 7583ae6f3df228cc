// Subscriptions that share a connection: who gets what, from where, and what one of them cannot do
// to the others. doc/protocol.md, sections 9 and 10, says what a hub answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, message } from './fakes.js';
import { LIVE, offsets, setGlobal, setUp } from './setup.js';

const turn = () => new Promise(setImmediate);
const of = (topic, offset) => message(offset, offset, { topic });
const TOPICS = (url) => url.searchParams.getAll('topic').sort();

/** Another subscription of a client that setUp() made. */
function follow(client, topics, options = {}) {
  const seen = { messages: [], infos: [], gaps: [], states: [] };
  const subscription = client.subscribe(topics, {
    onMessage: (m, info) => {
      seen.messages.push(m);
      seen.infos.push(info);
    },
    onGap: (gap) => seen.gaps.push(gap),
    onState: ({ state }) => seen.states.push(state),
    backoff: { base: 1, cap: 2 },
    ...options,
  });
  return { subscription, seen };
}

/** One that is live on a WebSocket at cursor 5-7. */
async function liveSocket(topics = 'a', options = {}) {
  const all = setUp(topics, options);
  const socket = await all.sockets.next();
  socket.accept(LIVE(5));
  await all.until('live');
  return { ...all, socket };
}

/** Requests of kind `op` that SOCKET was sent. */
const sent = (socket, op) => socket.sent.filter((frame) => frame.op === op);

/** Answers all that subscribes on SOCKET and was not answered yet: it joins at OFFSET. */
async function letJoin(socket, offset) {
  await turn();
  const asked = sent(socket, 'subscribe').filter(({ answered }) => !answered);
  for (const frame of asked) {
    frame.answered = true;
    const { ref, topic } = frame;
    socket.say({ op: 'subscribed', topic, cursor: `${offset}-7`, ref });
    socket.say({ op: 'live', topic, cursor: `${offset}-7` });
  }
  await turn();
  return asked.map(({ topic }) => topic);
}

// ---- one connection ------------------------------------------------------------------------------

test('what is subscribed to at the same moment begins on one connection', async () => {
  const { client, sockets, seen } = setUp(['a', 'x/#']);
  const b = follow(client, ['b', 'x/1']);
  const socket = await sockets.next();
  assert.deepEqual(TOPICS(socket.url), ['a', 'b', 'x/#', 'x/1']);
  assert.equal(socket.url.searchParams.get('after'), 'latest');
  socket.accept(LIVE(5), of('a', 6), of('b', 7), of('x/1', 8), of('x/2', 9));
  assert.deepEqual(offsets(seen.messages), [6, 8, 9]);
  assert.deepEqual(offsets(b.seen.messages), [7, 8]);
  await turn();
  assert.equal(sockets.size, 0);
  assert.deepEqual([b.subscription.state, b.subscription.cursor], ['live', '9-7']);
});

test('a later one joins from now on, without a request of its own', async () => {
  const { client, sockets, requests, socket } = await liveSocket();
  const b = follow(client, 'b');
  assert.deepEqual(await letJoin(socket, 8), ['b']);
  assert.equal(b.subscription.state, 'live');
  assert.equal(b.subscription.cursor, '8-7');
  socket.say(of('b', 9));
  assert.deepEqual(offsets(b.seen.messages), [9]);
  assert.deepEqual([sockets.size, requests.size], [0, 0]);
});

test('one with the topics of others has nothing to ask for', async () => {
  const { client, socket } = await liveSocket('a');
  socket.say(of('a', 9));
  const b = follow(client, 'a');
  await turn();
  assert.equal(b.subscription.state, 'live');
  assert.equal(sent(socket, 'subscribe').length, 0);
  socket.say(of('a', 10));
  assert.deepEqual(offsets(b.seen.messages), [10]);
});

test('one that begins further back reads by itself, and what comes meanwhile follows', async () => {
  const { client, requests, socket, seen } = await liveSocket('a');
  const b = follow(client, ['a', 'b'], { after: '1-7' });
  await letJoin(socket, 20);
  const page = await requests.next();
  assert.deepEqual(TOPICS(page.url), ['a', 'b']);
  assert.deepEqual(['after', 'wait'].map((name) => page.url.searchParams.get(name)), ['1-7', '0']);
  socket.say(of('a', 21));
  page.answer({ cursor: '9-7', messages: [of('b', 2), of('a', 4)] });
  const second = await requests.next();
  assert.equal(second.url.searchParams.get('after'), '9-7');
  socket.say(of('b', 22));
  second.answer({ cursor: '21-7', messages: [of('b', 19), of('a', 21)], live: true });
  while (b.subscription.state !== 'live') await turn();
  socket.say(of('a', 23));
  assert.deepEqual(offsets(b.seen.messages), [2, 4, 19, 21, 22, 23]);
  assert.deepEqual(offsets(seen.messages), [21, 23]);
  assert.equal(b.subscription.stats.duplicates, 0);
  assert.deepEqual(b.seen.infos.map(({ replayed }) => replayed), [true, true, true, true, false, false]);
});

test('the last N are those of one subscription', async () => {
  const { client, sockets, requests } = setUp('a', { after: -3 });
  const b = follow(client, 'b', { after: -2 });
  const socket = await sockets.next();
  assert.deepEqual([TOPICS(socket.url), socket.url.searchParams.get('after')], [['a'], '-3']);
  socket.accept(LIVE(5));
  await letJoin(socket, 9);
  const page = await requests.next();
  assert.deepEqual([TOPICS(page.url), page.url.searchParams.get('after')], [['b'], '-2']);
  page.answer({ cursor: '9-7', messages: [of('b', 3), of('b', 7)], live: true });
  while (b.subscription.state !== 'live') await turn();
  assert.deepEqual(offsets(b.seen.messages), [3, 7]);
});

test('more than can be held meanwhile is read again', async () => {
  const { client, requests, socket } = await liveSocket('b');
  const b = follow(client, 'b', { after: '1-7' });
  const page = await requests.next();
  const many = Array.from({ length: 1_030 }, (_, i) => of('b', i + 100));
  many.forEach((m) => socket.say(m));
  page.answer({ cursor: '50-7', messages: [of('b', 40)], live: true });
  const second = await requests.next();
  assert.equal(second.url.searchParams.get('after'), '50-7');
  second.answer({ cursor: '110-7', messages: many.slice(0, 11), live: true });
  while (b.subscription.state !== 'live') await turn();
  assert.deepEqual(offsets(b.seen.messages), [40, ...many.map((_, i) => i + 100)]);
});

test('what joins may be further on than the connection: that keeps its own place', async () => {
  const { client, sockets, socket } = await liveSocket('a');
  follow(client, 'b');
  await turn();
  const [{ ref }] = sent(socket, 'subscribe');
  socket.say({ op: 'subscribed', topic: 'b', cursor: '50-7', ref });
  socket.say(of('b', 60)); // the connection is behind: `a` is still to come from 5 on
  socket.break();
  const again = await sockets.next();
  assert.deepEqual([TOPICS(again.url), again.url.searchParams.get('after')], [['a'], '5-7']);
});

test('after a break all of them go on together, and what was on its way in begins again', async () => {
  const { client, sockets, requests, socket, seen } = await liveSocket('a');
  const b = follow(client, 'b');
  await letJoin(socket, 8);
  const c = follow(client, 'c', { after: '2-7' });
  await letJoin(socket, 9);
  (await requests.next()).answer({ cursor: '4-7', messages: [of('c', 3)] });
  await requests.next();
  socket.say(of('b', 12));
  socket.break();
  const again = await sockets.next();
  assert.deepEqual([TOPICS(again.url), again.url.searchParams.get('after')], [['a', 'b'], '12-7']);
  again.accept(of('a', 13), LIVE(13));
  await letJoin(again, 14);
  const page = await requests.next();
  assert.equal(page.url.searchParams.get('after'), '4-7');
  page.answer({ cursor: '14-7', messages: [of('c', 6)], live: true });
  while (c.subscription.state !== 'live') await turn();
  assert.deepEqual([seen, b.seen, c.seen].map(({ messages }) => offsets(messages)), [[13], [12], [3, 6]]);
  assert.deepEqual(c.subscription.stats.disconnects, 0);
});

test('topics that nobody wants any more are taken out, those of others are not', async () => {
  const { client, socket, subscription } = await liveSocket(['a', 'b']);
  const b = follow(client, ['b', 'c']);
  await letJoin(socket, 8);
  b.subscription.close();
  assert.deepEqual(sent(socket, 'unsubscribe').map(({ topic }) => topic), ['c']);
  subscription.close();
  assert.ok(socket.closed, 'the last one ends the connection');
});

test('mounted, unmounted and mounted again, as React does, it joins once and stays', async () => {
  const { client, socket } = await liveSocket('a');
  follow(client, 'b').subscription.close();
  const b = follow(client, 'b');
  await letJoin(socket, 8);
  follow(client, 'c').subscription.close();
  assert.equal(b.subscription.state, 'live');
  socket.say(of('b', 9));
  assert.deepEqual(offsets(b.seen.messages), [9]);
});

test('different wishes for the connection are different connections', async () => {
  const { client, sockets, requests } = await liveSocket('a');
  follow(client, 'b', { transport: 'sse' });
  assert.equal((await requests.next()).init.headers.accept, 'text/event-stream');
  assert.equal(sockets.size, 0);
});

test('topics too many for one URL follow when the connection is there', async () => {
  const { client, sockets } = setUp('a');
  const many = Array.from({ length: 300 }, (_, i) => `a/long/topic/with/a/number/${i}`);
  follow(client, many);
  const socket = await sockets.next();
  assert.deepEqual(TOPICS(socket.url), ['a']);
  socket.accept(LIVE(5));
  assert.equal((await letJoin(socket, 9)).length, many.length);
});

// ---- gaps and refusals -------------------------------------------------------------------------------

test('of a gap on a shared connection each learns whether it is its own', async () => {
  const { client, sockets, requests, seen } = setUp('a', { after: '3-7' });
  const b = follow(client, 'b', { after: '3-7' });
  const socket = await sockets.next();
  socket.accept({ op: 'gap', requested: '3-7', resumed: '10-7', reason: 'trimmed' }, of('a', 11), LIVE(11));
  assert.deepEqual([seen.gaps, b.seen.gaps], [[], []]);
  const gap = { requested: '3-7', resumed: '10-7', reason: 'trimmed' };
  for (let n = 0; n < 2; n++) {
    const page = await requests.next();
    const [topic] = TOPICS(page.url);
    assert.equal(page.url.searchParams.get('after'), '3-7');
    if (topic === 'a') page.answer({ cursor: '11-7', gap, messages: [of('a', 11)], live: true });
    else page.answer({ cursor: '11-7', messages: [of('b', 4)], live: true });
  }
  while (b.subscription.state !== 'live') await turn();
  assert.deepEqual([seen.gaps, b.seen.gaps], [[gap], []]);
  assert.deepEqual([offsets(seen.messages), offsets(b.seen.messages)], [[11], [4]]);
});

test('a right that is lost is told to those who had it, and not asked for again', async () => {
  const { client, sockets, socket, seen, subscription } = await liveSocket(['a', 'b']);
  const b = follow(client, 'b');
  await turn();
  socket.say({ op: 'gap', requested: '5-7', resumed: '5-7', reason: 'denied', topic: 'b' });
  assert.deepEqual([seen.gaps.length, b.seen.gaps[0].topic], [1, 'b']);
  assert.deepEqual(subscription.topics, ['a']);
  assert.equal(b.subscription.state, 'closed');
  socket.break();
  assert.deepEqual(TOPICS((await sockets.next()).url), ['a']);
});

test('one that may not join ends, and nobody else', async () => {
  const { client, socket, subscription } = await liveSocket('a');
  const b = follow(client, 'b');
  await turn();
  const [{ ref }] = sent(socket, 'subscribe');
  socket.say({ op: 'error', code: 'forbidden', message: 'no', ref });
  await turn();
  assert.deepEqual([b.subscription.state, subscription.state], ['closed', 'live']);
});

test('when a connection is refused, each is looked at by itself', async () => {
  const transport = 'sse';
  const backoff = { base: 1e9, cap: 1e9 }; // so that nothing else comes meanwhile
  const { client, requests, subscription } = setUp('a', { transport, backoff });
  const b = follow(client, 'b', { transport, backoff });
  const closed = new Promise((resolve) => b.subscription.once('close', resolve));
  (await requests.next()).problem(403, 'not b');
  for (let n = 0; n < 2; n++) {
    const page = await requests.next();
    assert.ok(page.url.searchParams.has('wait'));
    if (TOPICS(page.url)[0] === 'b') page.problem(403, 'not b');
    else page.answer({ cursor: '5-7', live: true });
  }
  assert.equal((await closed).status, 403);
  assert.deepEqual(TOPICS((await requests.next()).url), ['a']);
  assert.equal(subscription.state, 'connecting');
});

test('a hub that asks to wait before a topic joins is asked again', async (t) => {
  const clock = fakeClock(t);
  const { client, socket } = await liveSocket('a');
  const b = follow(client, 'b');
  await turn();
  const [{ ref }] = sent(socket, 'subscribe');
  socket.say({ op: 'error', code: 'too_many', message: 'later', retry_after: 10, ref });
  await turn();
  clock.tick(9_999);
  assert.equal(sent(socket, 'subscribe').length, 1);
  clock.tick(5_001);
  await turn();
  sent(socket, 'subscribe')[0].answered = true;
  await letJoin(socket, 9);
  assert.equal(b.subscription.state, 'live');
});

// ---- topics that come and go ---------------------------------------------------------------------

test('topics are added to a live subscription from now on, with handlers of their own', async () => {
  const { requests, socket, subscription, seen } = await liveSocket({ a: undefined, x: undefined });
  const own = [];
  subscription.add('b', (m) => own.push(m.data));
  socket.say(of('a', 6));
  await letJoin(socket, 9);
  const page = await requests.next();
  assert.deepEqual([TOPICS(page.url), page.url.searchParams.get('after')], [['a', 'b', 'x'], '5-7']);
  const messages = [of('b', 4), of('a', 6), of('b', 8)]; // of b: from before it was added
  page.answer({ cursor: '9-7', messages, live: true });
  while (subscription.state !== 'live') await turn();
  socket.say(of('b', 10));
  assert.deepEqual(offsets(seen.messages), [6, 10]);
  assert.deepEqual(own, [10]);
  subscription.remove('a');
  assert.deepEqual(sent(socket, 'unsubscribe').map(({ topic }) => topic), ['a']);
  socket.say(of('a', 11));
  socket.say(of('b', 12));
  assert.deepEqual(own, [10, 12]);
  assert.deepEqual(subscription.topics, ['x', 'b']);
});

test('without a topic it has no connection, and with a new one it begins anew', async () => {
  const { sockets, socket, subscription, seen } = await liveSocket('a');
  subscription.remove('a');
  assert.ok(socket.closed);
  subscription.add('b');
  const again = await sockets.next();
  assert.deepEqual([TOPICS(again.url), again.url.searchParams.get('after')], [['b'], 'latest']);
  again.accept(LIVE(3), of('b', 4));
  assert.deepEqual(offsets(seen.messages), [4]);
});

test('what is added while there is no connection joins when there is one', async () => {
  const { sockets, socket, subscription, seen, requests } = await liveSocket('a');
  socket.break();
  subscription.add('b');
  const again = await sockets.next();
  assert.deepEqual(TOPICS(again.url), ['a']);
  again.accept(LIVE(6));
  await letJoin(again, 7);
  (await requests.next()).answer({ cursor: '7-7', messages: [of('b', 6)], live: true });
  while (subscription.state !== 'live') await turn();
  again.say(of('b', 8));
  assert.deepEqual(offsets(seen.messages), [8]);
});

// ---- event streams and polls ---------------------------------------------------------------------

const SSE = (event, data, id = '') => `${id && `id: ${id}\n`}event: longwire.${event}\ndata: ${JSON.stringify(data)}\n\n`;

test('an event stream gets topics by its session, one change after the other', async () => {
  const { client, requests, until } = setUp('a', { transport: 'sse' });
  const { say } = (await requests.next()).sse();
  say('retry: 1000\nid: 5-7\n\n' + SSE('session', { session: '5f0c' }) + SSE('live', { cursor: '5-7' }, '5-7'));
  await until('live');
  const b = follow(client, 'b', { transport: 'sse' });
  const c = follow(client, 'c', { transport: 'sse' });
  const change = await requests.next();
  assert.equal(change.url.pathname, '/live/session/5f0c');
  assert.deepEqual(JSON.parse(change.init.body), { subscribe: ['b'] });
  say(`data: ${JSON.stringify(of('b', 9))}\n\n`); // without an id: it has not joined yet
  say(SSE('live', { cursor: '9-7', topic: 'b' }, '9-7'));
  await turn();
  assert.equal(requests.size, 0, 'the next one waits');
  change.answer({ subscribed: [{ topic: 'b', cursor: '8-7' }], unsubscribed: [] });
  const next = await requests.next();
  assert.deepEqual(JSON.parse(next.init.body), { subscribe: ['c'] });
  while (b.subscription.state !== 'live') await turn();
  assert.deepEqual(offsets(b.seen.messages), [9]);
  next.answer({ subscribed: [{ topic: 'c', cursor: '9-7' }], unsubscribed: [] });
  await turn();
  assert.equal(c.subscription.state, 'replaying', 'its longwire.live has not come');
  say(SSE('live', { cursor: '9-7', topic: 'c' }, '9-7'));
  while (c.subscription.state !== 'live') await turn();
  b.subscription.close();
  assert.deepEqual(JSON.parse((await requests.next()).init.body), { unsubscribe: ['b'] });
});

test('long-polls have other topics from the next request on', async () => {
  const { client, requests, until, seen } = setUp('a', { transport: 'poll' });
  (await requests.next()).answer({ cursor: '5-7', live: true });
  await until('live');
  const held = await requests.next();
  const b = follow(client, 'b', { transport: 'poll' });
  const asked = await requests.next();
  assert.deepEqual([TOPICS(asked.url), asked.url.searchParams.get('wait')], [['b'], '0']);
  asked.answer({ cursor: '8-7', live: true });
  const next = await requests.next();
  assert.ok(held.init.signal.aborted);
  assert.deepEqual([TOPICS(next.url), next.url.searchParams.get('after')], [['a', 'b'], '5-7']);
  next.answer({ cursor: '9-7', messages: [of('a', 6), of('b', 7), of('b', 9)], live: true });
  await requests.next();
  assert.deepEqual([offsets(seen.messages), offsets(b.seen.messages)], [[6], [9]]);
  assert.equal(b.subscription.stats.duplicates, 0);
});

// ---- a transport that is slow or blocked -----------------------------------------------------------

test('after a second without an answer the next transport is tried beside it', async (t) => {
  const clock = fakeClock(t);
  const { sockets, requests, subscription, until } = setUp();
  const socket = await sockets.next();
  await turn();
  clock.tick(999);
  await turn();
  assert.equal(requests.size, 0);
  clock.tick(1);
  const stream = await requests.next();
  assert.ok(!socket.closed, 'it may only be slow');
  stream.sse().say('id: 5-7\n\n' + SSE('live', { cursor: '5-7' }, '5-7'));
  assert.equal((await until('live')).transport, 'sse');
  clock.tick(3_000);
  socket.accept(LIVE(5));
  assert.equal(subscription.transport, 'websocket', 'it was only slow');
  assert.ok(stream.init.signal.aborted);
});

test('a WebSocket whose frames are swallowed is given up', async (t) => {
  const clock = fakeClock(t);
  const { sockets, requests, subscription, until } = setUp();
  const socket = await sockets.next();
  socket.accept(); // the upgrade comes through, and nothing else
  await turn();
  clock.tick(1_000);
  (await requests.next()).sse().say('id: 5-7\n\n' + SSE('live', { cursor: '5-7' }, '5-7'));
  await until('live');
  clock.tick(5_000);
  assert.ok(socket.closed);
  assert.deepEqual([subscription.state, subscription.transport], ['live', 'sse']);
});

test('where round trips are long it has three of them', async (t) => {
  const clock = fakeClock(t);
  const page = { name: 'http://hub.example/', requestStart: 100, responseStart: 800 };
  const getEntriesByType = (type) => (type === 'navigation' ? [page] : []);
  setGlobal(t, 'performance', { now: () => 0, getEntriesByType });
  const { sockets, requests } = setUp();
  await sockets.next();
  await turn();
  clock.tick(2_099);
  await turn();
  assert.equal(requests.size, 0);
  clock.tick(1);
  await requests.next();
});

test('a message that was on its way is no answer to a ping, one that comes much later is life', async (t) => {
  const clock = fakeClock(t);
  const { sockets, subscription } = setUp('a', { transport: 'websocket' });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  clock.tick(1);
  subscription.wake('back');
  clock.tick(1_000);
  socket.say(message(2));
  clock.tick(4_000);
  assert.equal(subscription.state, 'waiting');
  clock.tick(5);
  const second = await sockets.next();
  second.accept(LIVE(2));
  subscription.wake('back');
  clock.tick(4_000);
  second.say(message(3));
  clock.tick(1_000);
  assert.equal(subscription.state, 'live', 'a slow network brings the answer later');
  clock.tick(5_000);
  assert.equal(subscription.state, 'waiting');
});

test('what worked last in this tab is tried first', async (t) => {
  const stored = new Map();
  const storage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, text) => stored.set(key, text) };
  setGlobal(t, 'sessionStorage', storage);
  const first = setUp();
  (await first.sockets.next()).break();
  (await first.requests.next()).sse().say('id: 5-7\n\n' + SSE('live', { cursor: '5-7' }, '5-7'));
  await first.until('live');
  const second = setUp();
  assert.equal((await second.requests.next()).init.headers.accept, 'text/event-stream');
  assert.equal(second.sockets.size, 0);
});

test('hidden pages get nothing if that is wished, and catch up', async (t) => {
  const clock = fakeClock(t);
  const system = new EventTarget();
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  setGlobal(t, 'document', page);
  for (const name of ['addEventListener', 'removeEventListener']) setGlobal(t, name, system[name].bind(system));
  const { sockets, subscription } = setUp('a', {}, { pauseHidden: 10_000 });
  const socket = await sockets.next();
  socket.accept(LIVE(5));
  const show = (state) => {
    page.visibilityState = state;
    page.dispatchEvent(new Event('visibilitychange'));
  };
  show('hidden');
  clock.tick(9_999);
  assert.ok(!socket.closed);
  show('visible');
  clock.tick(1);
  socket.say({ op: 'pong' });
  show('hidden');
  clock.tick(10_000);
  assert.ok(socket.closed);
  assert.equal(subscription.state, 'offline');
  show('visible');
  assert.equal((await sockets.next()).url.searchParams.get('after'), '5-7');
});
