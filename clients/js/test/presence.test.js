// Who is at a topic, over a network that exists only in fakes.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Inbox } from './fakes.js';
import { LIVE, setUp } from './setup.js';

const alice = { sub: 'alice', since: '2026-11-22T07:31:15.042Z', connections: 1 };
const bob = { sub: 'bob', since: '2026-11-22T07:31:16.000Z', connections: 1 };
const somebody = { connection: '1f0c', since: '2026-11-22T07:31:17.000Z' };
const told = (offset, event, data) => ({
  id: `${offset}-7`,
  topic: '_presence/a',
  time: '2026-11-22T07:31:15.042Z',
  event,
  data,
});
const page = (offset, members, next) => ({
  topic: 'a',
  number: 3,
  cursor: `${offset}-7`,
  members,
  next,
});

/** A subscription to `a` and its presence; `news` gets what the callbacks are told. */
async function setUpPresence(options = {}) {
  // Nothing answers it: no other transport may come in between, however slow this machine is.
  const all = setUp('a', { transport: ['websocket'], timeout: 1_000_000 });
  const news = new Inbox();
  const note = (kind) => (what) => news.push([kind, what.sub ?? what.connection ?? what.status]);
  await all.sockets.next();
  const presence = all.subscription.presence({
    onJoin: note('join'),
    onLeave: note('leave'),
    onError: note('error'),
    transport: 'websocket', // a connection of its own
    backoff: { base: 1, cap: 2 },
    ...options,
  });
  return { ...all, presence, news };
}

const subs = (presence) => presence.members.map(({ sub, connection }) => sub ?? connection);

test('all pages are read, and what changes is followed from the first', async () => {
  const { presence, requests, sockets, news } = await setUpPresence();
  const first = await requests.next();
  assert.equal(first.url.pathname, '/live/presence/a');
  assert.equal(first.url.search, '');
  first.answer(page(40, [alice, bob], '2'));
  const second = await requests.next();
  assert.equal(second.url.search, '?page=2');
  second.answer(page(43, [somebody]));
  await presence.ready;
  assert.deepEqual(subs(presence), ['alice', 'bob', '1f0c']);
  assert.equal(presence.number, 3);
  const socket = await sockets.next();
  assert.deepEqual(socket.url.searchParams.getAll('topic'), ['_presence/a']);
  assert.equal(socket.url.searchParams.get('after'), '40-7');
  const carol = { sub: 'carol', since: alice.since };
  socket.accept(told(41, 'join', bob), told(42, 'leave', alice), LIVE(42), told(43, 'join', carol));
  assert.deepEqual(await news.next(), ['leave', 'alice']); // bob was listed
  assert.deepEqual(await news.next(), ['join', 'carol']);
  assert.deepEqual(subs(presence), ['bob', '1f0c', 'carol']);
});

test('behind a gap the list is read again, and what is told meanwhile comes behind it', async () => {
  const { presence, requests, sockets, news } = await setUpPresence();
  (await requests.next()).answer(page(40, [alice, bob]));
  await presence.ready;
  const socket = await sockets.next();
  const gap = { op: 'gap', requested: '40-7', resumed: '60-7', reason: 'trimmed' };
  socket.accept(gap, told(61, 'leave', somebody), LIVE(61));
  assert.equal(news.size, 0);
  (await requests.next()).answer(page(60, [bob, somebody]));
  assert.deepEqual(await news.next(), ['leave', 'alice']);
  assert.deepEqual(await news.next(), ['join', '1f0c']);
  assert.deepEqual(await news.next(), ['leave', '1f0c']);
  assert.deepEqual(subs(presence), ['bob']);
});

test('a gap while the list is read has it read once more', async () => {
  const { presence, requests, sockets, news } = await setUpPresence();
  (await requests.next()).answer(page(40, [alice]));
  await presence.ready;
  const socket = await sockets.next();
  const gap = (offset) => ({ op: 'gap', requested: '40-7', resumed: `${offset}-7`, reason: 'trimmed' });
  socket.accept(gap(60), gap(70), LIVE(70));
  (await requests.next()).answer(page(60, []));
  (await requests.next()).answer(page(70, [alice, bob]));
  assert.deepEqual(await news.next(), ['join', 'bob']);
  assert.deepEqual(subs(presence), ['alice', 'bob']);
});

test('a hub that is away is asked again, one that refuses is not', async () => {
  const { presence, requests, news } = await setUpPresence();
  (await requests.next()).refuse();
  (await requests.next()).problem(503, 'stopping', { 'retry-after': '0' });
  (await requests.next()).problem(404, 'no presence');
  await assert.rejects(presence.ready, (error) => error.kind === 'fatal' && error.status === 404);
  assert.deepEqual(await news.next(), ['error', 404]);
  assert.equal(requests.size, 0);
});

test('it ends with its subscription, and by itself', async () => {
  const { presence, requests, sockets, subscription } = await setUpPresence();
  (await requests.next()).answer(page(40, [alice]));
  await presence.ready;
  const socket = await sockets.next();
  subscription.close();
  assert.ok(socket.closed);
  const other = await setUpPresence();
  (await other.requests.next()).answer(page(40, []));
  await other.presence.ready;
  const second = await other.sockets.next();
  other.presence.close();
  assert.ok(second.closed);
  assert.equal(other.subscription.state, 'connecting');
});

test('closed before the list is there, it says so', async () => {
  const { presence, requests, news } = await setUpPresence();
  await requests.next();
  presence.close();
  await assert.rejects(presence.ready, (error) => error.kind === 'lost');
  assert.equal(news.size, 0);
});

test('it is that of one topic', () => {
  for (const topics of [['a', 'b'], 'a/#', '+', 'a/+/b']) {
    assert.throws(() => setUp(topics).subscription.presence(), TypeError, String(topics));
  }
});
