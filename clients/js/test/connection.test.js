// Connections that end, are refused, fall silent or are replaced: what the client does next.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Longwire } from '../longwire.js';
import { watchPage } from '../src/page.js';
import { fakeClock, Inbox, message, sseMessage } from './fakes.js';
import { LIVE, offsets, setGlobal, setUp } from './setup.js';

const SSE_LIVE = (offset) => `event: longwire.live\ndata: {"cursor":"${offset}-7"}\n\n`;
/** After all that is under way has been done, timers excepted. */
const turn = () => new Promise(setImmediate);

/** A clock and no chance: each wait is as long as it can be at most. */
function longestWaits(t) {
  t.mock.method(Math, 'random', () => 1);
  return fakeClock(t);
}

/** The next connection in INBOX comes after WAIT ms and not before. */
async function comesAfter(inbox, clock, wait) {
  await turn();
  clock.tick(wait - 1);
  await turn();
  assert.equal(inbox.size, 0, `nothing before ${wait} ms`);
  clock.tick(1);
  return inbox.next();
}

// ---- back-off ----------------------------------------------------------------------------------

test('short connections are followed by longer and longer waits, until one lasts', async (t) => {
  const clock = longestWaits(t);
  const backoff = { base: 100, cap: 1000 };
  const { sockets, until } = setUp('a', { transport: 'websocket', backoff });
  let socket = await sockets.next();
  for (const [i, wait] of [100, 200, 400, 800, 1000, 1000].entries()) {
    socket.accept(LIVE(1));
    clock.tick(4_999);
    socket.break();
    assert.equal((await until('waiting')).attempt, i + 1);
    socket = await comesAfter(sockets, clock, wait);
  }
  socket.accept(LIVE(1));
  clock.tick(5_000);
  socket.break();
  assert.equal((await until('waiting')).attempt, 1);
  await comesAfter(sockets, clock, 100);
});

test('a connection that lasts makes the short ones before it forgotten', async (t) => {
  const clock = fakeClock(t);
  const { sockets, requests, until } = setUp();
  for (const lasts of [1, 1, 5_000, 1, 1]) {
    const socket = await sockets.next();
    socket.accept(LIVE(1));
    clock.tick(lasts);
    socket.break();
    await until('waiting');
    clock.tick(2);
  }
  const third = await sockets.next();
  assert.equal(requests.size, 0, 'still WebSocket');
  third.accept(LIVE(1));
  third.break();
  assert.equal((await requests.next()).init.headers.accept, 'text/event-stream');
});

test('a transport that is new begins its own count of short connections', async () => {
  const { sockets, requests, until } = setUp();
  for (let i = 0; i < 3; i++) {
    const socket = await sockets.next();
    socket.accept(LIVE(1));
    socket.break();
  }
  for (let i = 0; i < 3; i++) {
    const request = await requests.next();
    assert.equal(request.init.headers.accept, 'text/event-stream', `attempt ${i}`);
    const { say, end } = request.sse();
    say(SSE_LIVE(1));
    await until('live');
    end();
  }
  assert.ok((await requests.next()).url.searchParams.has('wait'));
});

test('a hub that asks to wait is not asked before', async (t) => {
  const clock = fakeClock(t);
  const { requests, until } = setUp('a', { transport: 'sse' });
  const { say, end } = (await requests.next()).sse();
  say('retry: 5000\n\n');
  end();
  await until('waiting');
  await comesAfter(requests, clock, 5_000);
});

test('without network it waits for it, but not for a hub on this machine', async (t) => {
  const clock = fakeClock(t);
  setGlobal(t, 'navigator', { onLine: false });
  const far = setUp('a', { transport: 'websocket' });
  (await far.sockets.next()).break();
  assert.equal((await far.until('offline')).error.kind, 'lost');
  await comesAfter(far.sockets, clock, 2); // the cap

  for (const host of ['localhost', 'x.localhost', '127.0.0.1', '[::1]']) {
    const sockets = new Inbox();
    const states = [];
    class Refused {
      constructor() {
        sockets.push(this);
      }

      close() {}
    }
    const client = new Longwire(`http://${host}:1/`, { WebSocket: Refused });
    t.after(() => client.close());
    const onState = ({ state }) => states.push(state);
    client.subscribe('a', { transport: 'websocket', onState });
    (await sockets.next()).onclose({ code: 1006, reason: 'no' });
    assert.deepEqual(states, ['connecting', 'waiting'], host);
  }
});

// ---- refusals ----------------------------------------------------------------------------------

test('a token that has expired is asked for again; one that never was good is not', async () => {
  let asked = 0;
  const { requests, until } = setUp('a', { transport: 'poll' }, { token: () => `t${++asked}` });
  const first = await requests.next();
  assert.equal(first.init.headers.authorization, 'Bearer t1');
  assert.ok(!first.url.searchParams.has('token'));
  first.answer({ cursor: '5-7', live: true });
  await until('live');
  (await requests.next()).problem(401, 'the token has expired');
  const { error } = await until('waiting');
  assert.deepEqual([error.kind, error.status], ['fatal', 401]);
  const again = await requests.next();
  assert.equal(again.init.headers.authorization, 'Bearer t2');
  assert.equal(again.url.searchParams.get('after'), '5-7');
  again.problem(401, 'no such token');
  assert.equal((await until('closed')).error.status, 401);
});

test('what is forbidden later ends it all the same', async () => {
  const { requests, until } = setUp('a', { transport: 'poll' });
  (await requests.next()).answer({ cursor: '5-7', live: true });
  (await requests.next()).problem(403, 'not any more');
  assert.equal((await until('closed')).error.status, 403);
});

test('an error says what the hub says, and how long it asks to wait', async (t) => {
  t.mock.method(Math, 'random', () => 1);
  const { client, requests } = setUp();
  const refused = async (status, body, headers, statusText) => {
    const published = client.publish('a', 'x', { retries: 0 });
    const init = { status, headers, statusText };
    (await requests.next()).respond(new Response(JSON.stringify(body), init));
    return published.catch((error) => error);
  };
  const type = { 'content-type': 'application/problem+json' };
  const busy = await refused(429, { title: 'Slow down' }, { ...type, 'retry-after': '2' });
  assert.deepEqual([busy.kind, busy.delay, busy.message], ['later', 3000, 'HTTP 429 Slow down']);
  const detailed = await refused(400, { title: 'Bad', detail: 'worse' }, type);
  assert.deepEqual([detailed.kind, detailed.delay], ['fatal', undefined]);
  assert.equal(detailed.message, 'HTTP 400 worse');
  const proxy = await refused(502, {}, { 'content-type': 'text/html' }, 'Bad Gateway');
  assert.deepEqual([proxy.kind, proxy.message], ['later', 'HTTP 502 Bad Gateway']);
  assert.equal(proxy.problem, undefined);
  assert.equal((await refused(500, {}, type)).kind, 'later');
  assert.equal((await refused(499, {}, type)).kind, 'fatal');
});

test('an answer that is no event stream is somebody else\'s', async () => {
  const { requests, until } = setUp('a', { transport: ['sse', 'poll'] });
  const headers = { 'content-type': 'text/html' };
  (await requests.next()).respond(new Response('id: 9-7\n\n', { headers }));
  const poll = await requests.next();
  assert.equal(poll.url.searchParams.get('wait'), '0');
  assert.equal(poll.url.searchParams.get('after'), 'latest');
  poll.answer({ cursor: '1-7', live: true });
  assert.equal((await until('live')).transport, 'poll');
});

// ---- what ends a connection ----------------------------------------------------------------------

test('a stream that ends is lost, whatever it said about retrying', async () => {
  const { requests, until } = setUp('a', { transport: 'sse' });
  const { say, end } = (await requests.next()).sse();
  say('retry: 600000\nid: 8-7\n\n');
  end();
  const { error, cursor } = await until('waiting');
  assert.deepEqual([error.kind, error.delay, cursor], ['lost', undefined, '8-7']);
  const next = (await requests.next()).sse();
  next.say('data: {no JSON\n\n');
  assert.match((await until('waiting')).error.message, /event stream broke/);
});

test('a WebSocket frame that makes no sense, or says so itself, ends the connection', async () => {
  const { sockets, until } = setUp('a', { transport: 'websocket' });
  const first = await sockets.next();
  first.accept('{no JSON');
  assert.match((await until('waiting')).error.message, /not what the hub sends/);
  assert.ok(first.closed);
  assert.deepEqual([first.onopen, first.onmessage, first.onclose], [null, null, null]);
  const second = await sockets.next();
  second.accept({ op: 'error', code: 'limit', message: 'too much' });
  assert.equal((await until('waiting')).error.message, 'the hub says: too much');
  const third = await sockets.next();
  third.accept({ op: 'error', code: 'limit' });
  assert.equal((await until('waiting')).error.message, 'the hub says: limit');
  const fourth = await sockets.next();
  fourth.accept({ op: 'news', of: 'a later hub' }, LIVE(4));
  await until('live');
  fourth.break(1001);
  assert.equal((await until('waiting')).error.message, 'WebSocket closed (1001)');
});

test('a poll that is not answered is given up', async (t) => {
  const clock = fakeClock(t);
  const { requests, until } = setUp('a', { transport: 'poll' });
  (await requests.next()).answer({ cursor: '5-7', live: true });
  await until('live');
  const held = await requests.next();
  clock.tick(39_999);
  assert.ok(!held.init.signal.aborted);
  clock.tick(1);
  assert.ok(held.init.signal.aborted);
  assert.equal((await until('waiting')).cursor, '5-7');
});

test('an empty answer that came too early is not followed at once', async (t) => {
  const clock = fakeClock(t);
  const { requests } = setUp('a', { transport: 'poll' });
  (await requests.next()).answer({ cursor: '5-7', live: true });
  (await requests.next()).answer({ cursor: '6-7' }); // the first one of all may be empty
  (await comesAfter(requests, clock, 1_000)).answer({ cursor: '7-7', messages: [message(7)] });
  const held = await requests.next();
  assert.equal(held.url.searchParams.get('after'), '7-7');
  clock.tick(1_000);
  held.answer({ cursor: '8-7' });
  assert.equal((await requests.next()).url.searchParams.get('after'), '8-7');
});

test('requests tell no cache and take the credentials they are told to', async () => {
  const one = await setUp('a', { transport: 'sse' }).requests.next();
  assert.deepEqual([one.init.cache, one.init.credentials], ['no-store', 'same-origin']);
  assert.ok(!('authorization' in one.init.headers));
  const other = setUp('a', { transport: 'poll' }, { credentials: 'include', token: 'x y+z' });
  const { init, url } = await other.requests.next();
  assert.equal(init.credentials, 'include');
  assert.equal(init.headers.accept, 'application/json');
  assert.equal(init.headers.authorization, 'Bearer x y+z');
  assert.ok(!url.searchParams.has('token'));
});

// ---- the place -----------------------------------------------------------------------------------

test('the place does not move back, but into another log', async () => {
  const { requests, subscription, until } = setUp('a', { transport: 'sse' });
  const { say } = (await requests.next()).sse();
  say(`id: 20-7\n\n${SSE_LIVE(20)}id: 9-7\n\n`);
  await until('live');
  await turn();
  assert.equal(subscription.cursor, '20-7');
  say('id: 21-7\n\n');
  await turn();
  assert.equal(subscription.cursor, '21-7');
  say('id: 3-8\n\n');
  await turn();
  assert.equal(subscription.cursor, '3-8');
});

test('a gap is told with its reason, also one not known yet, on every transport', async () => {
  const gaps = ['damaged', 'trimmed', 'of a later hub'].map((reason, i) =>
    ({ requested: `${i + 1}-7`, resumed: `${i + 10}-7`, reason }));

  const socket = setUp('a', { transport: 'websocket' });
  (await socket.sockets.next()).accept(...gaps.map((gap) => ({ op: 'gap', ...gap })), LIVE(12));
  assert.deepEqual(socket.seen.gaps, gaps);
  assert.equal(socket.subscription.stats.gaps, 3);

  const sse = setUp('a', { transport: 'sse' });
  const blocks = gaps.map((gap) => `id: 1-7\nevent: longwire.gap\ndata: ${JSON.stringify(gap)}\n\n`);
  (await sse.requests.next()).sse().say(blocks.join('') + SSE_LIVE(12));
  await sse.until('live');
  assert.deepEqual(sse.seen.gaps, gaps);
  assert.equal(sse.subscription.cursor, '12-7');

  const back = setUp('a', { transport: 'websocket', after: '90-7' });
  const only = await back.sockets.next();
  only.accept({ op: 'gap', requested: '90-7', resumed: '50-7', reason: 'damaged' });
  only.break(); // before any message
  assert.equal((await back.sockets.next()).url.searchParams.get('after'), '50-7');

  const poll = setUp('a', { transport: 'poll' });
  for (const gap of gaps) (await poll.requests.next()).answer({ cursor: gap.resumed, gap });
  await poll.requests.next();
  assert.deepEqual(poll.seen.gaps, gaps);
});

test('what is repeated is dropped on every transport', async () => {
  const sse = setUp('a', { transport: 'sse' });
  const text = [4, 5, 5, 3, 6].map((offset) => sseMessage(offset)).join('');
  (await sse.requests.next()).sse().say(text + SSE_LIVE(6));
  await sse.until('live');
  assert.deepEqual(offsets(sse.seen.messages), [4, 5, 6]);
  assert.equal(sse.subscription.stats.duplicates, 2);

  const poll = setUp('a', { transport: 'poll', after: '4-7' });
  const messages = [4, 5, 5, 6].map((offset) => message(offset));
  (await poll.requests.next()).answer({ cursor: '6-7', messages, live: true });
  await poll.until('live');
  assert.deepEqual(offsets(poll.seen.messages), [5, 6]);
  assert.deepEqual(poll.seen.infos, Array(2).fill({ replayed: true, transport: 'poll' }));
});

// ---- which transport -------------------------------------------------------------------------------

/** A client on SSE, its WebSocket having been blocked; `first` has worked before. */
async function onSse(t, { worked = false } = {}) {
  const clock = fakeClock(t);
  t.mock.method(Math, 'random', () => 0.5);
  const all = setUp();
  for (let i = 0; worked && i < 3; i++) {
    const socket = await all.sockets.next();
    socket.accept(LIVE(1));
    socket.break();
    clock.tick(2);
  }
  if (!worked) (await all.sockets.next()).break();
  const { say } = (await all.requests.next()).sse();
  say(`id: 1-7\n\n${sseMessage(5)}${SSE_LIVE(5)}`);
  while ((await all.until('live')).transport !== 'sse');
  return { ...all, clock, say };
}

test('a better transport is tried after a minute, and less and less often', async (t) => {
  const { sockets, clock, say, subscription } = await onSse(t);
  for (const wait of [60_000, 120_000, 240_000, 480_000, 900_000, 900_000]) {
    for (let slept = 0; slept < wait - 20_000; slept += 20_000) {
      clock.tick(20_000);
      say(': heartbeat\n\n');
      await turn();
    }
    assert.equal(sockets.size, 0, `not yet after nearly ${wait} ms`);
    clock.tick(20_000);
    (await sockets.next()).break();
    await turn();
  }
  assert.equal(subscription.state, 'live');
});

test('one that has worked before is tried much sooner', async (t) => {
  const { sockets, clock, subscription } = await onSse(t, { worked: true });
  (await comesAfter(sockets, clock, 5_000)).accept(LIVE(5));
  assert.equal(subscription.transport, 'websocket');
});

test('of several better ones it is enough that one has worked', async (t) => {
  const clock = fakeClock(t);
  t.mock.method(Math, 'random', () => 0.5);
  const { sockets, requests, until } = setUp();
  for (let i = 0; i < 3; i++) {
    const socket = await sockets.next();
    socket.accept(LIVE(1));
    socket.break();
    clock.tick(2);
  }
  (await requests.next()).answer('no', 403); // SSE never has
  (await requests.next()).answer({ cursor: '1-7', live: true });
  while ((await until('live')).transport !== 'poll');
  await comesAfter(sockets, clock, 5_000);
});

test('a gap on the better transport is told, and what follows it let through', async (t) => {
  const { sockets, clock, seen } = await onSse(t, { worked: true });
  const gap = { requested: '5-7', resumed: '2-7', reason: 'ahead' };
  const probe = await comesAfter(sockets, clock, 5_000);
  probe.accept({ op: 'gap', ...gap }, message(3), message(4), LIVE(4));
  assert.deepEqual(seen.gaps, [gap]);
  assert.deepEqual(offsets(seen.messages), [5, 3, 4]);
});

test('a stream is left alone when the page is back, unless it has been silent', async (t) => {
  const clock = fakeClock(t);
  const { requests, subscription, until } = setUp('a', { transport: 'sse' });
  const first = await requests.next();
  first.sse().say(`id: 1-7\n\n${SSE_LIVE(1)}`);
  await until('live');
  clock.tick(20_000);
  for (const news of ['back', 'offline']) subscription.wake(news);
  assert.equal(subscription.state, 'live');
  clock.tick(1);
  subscription.wake('offline');
  assert.equal(subscription.state, 'live');
  subscription.wake('back');
  assert.ok(first.init.signal.aborted);
  const second = await requests.next();
  second.sse().say(SSE_LIVE(1));
  await until('live');
  subscription.wake('online');
  assert.ok(second.init.signal.aborted, 'another network: the old connection is of no use');
  assert.equal(subscription.state, 'connecting');
});

test('on another network the best transport is tried first again', async () => {
  const { sockets, requests, subscription, until } = setUp();
  (await sockets.next()).break();
  const { say, end } = (await requests.next()).sse();
  say(`id: 1-7\n\n${SSE_LIVE(1)}`);
  await until('live');
  end();
  const { say: sayAgain } = (await requests.next()).sse(); // what worked, first
  assert.equal(sockets.size, 0);
  sayAgain(SSE_LIVE(1));
  await until('live');
  subscription.wake('online');
  (await requests.next()).refuse(); // SSE once more, at once; it has become unreachable
  await sockets.next();
});

test('events of page and system are told, until nobody wants to know', (t) => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  const system = new EventTarget();
  setGlobal(t, 'document', page);
  setGlobal(t, 'addEventListener', system.addEventListener.bind(system));
  setGlobal(t, 'removeEventListener', system.removeEventListener.bind(system));
  const news = [];
  const unwatch = watchPage((what) => news.push(what));
  const fire = () => {
    const names = ['online', 'offline', 'pagehide', 'pageshow'];
    for (const name of names) system.dispatchEvent(new Event(name));
    for (const name of ['resume', 'visibilitychange']) page.dispatchEvent(new Event(name));
  };
  fire();
  assert.deepEqual(news.splice(0), ['online', 'offline', 'leaving', 'back', 'back', 'hidden']);
  page.visibilityState = 'visible';
  fire();
  assert.deepEqual(news.splice(0), ['online', 'offline', 'leaving', 'back', 'back', 'back']);
  unwatch();
  fire();
  assert.deepEqual(news, []);
});

test('a page that leaves ends its connection; back from the cache it goes on', async (t) => {
  const system = new EventTarget();
  setGlobal(t, 'addEventListener', system.addEventListener.bind(system));
  setGlobal(t, 'removeEventListener', system.removeEventListener.bind(system));
  const { sockets, subscription, client } = setUp();
  const first = await sockets.next();
  first.accept(LIVE(1), message(2));
  system.dispatchEvent(new Event('pagehide'));
  assert.ok(first.closed);
  assert.equal(subscription.state, 'offline');
  system.dispatchEvent(new Event('online'));
  await turn();
  assert.equal(sockets.size, 0, 'a page in the cache opens nothing');
  system.dispatchEvent(new Event('pageshow'));
  assert.equal((await sockets.next()).url.searchParams.get('after'), '2-7');
  client.close();
  system.dispatchEvent(new Event('pageshow'));
  await turn();
  assert.equal(sockets.size, 0);
});

test('EventSource: credentials, what makes no sense, and its end', async () => {
  const opened = new Inbox();
  class FakeEventSource extends EventTarget {
    constructor(url, options) {
      super();
      Object.assign(this, { url: new URL(url), options, closed: false });
      opened.push(this);
    }

    close() {
      this.closed = true;
    }
  }
  const only = { EventSource: FakeEventSource, ReadableStream: undefined, events: [] };
  const { until } = setUp('a', { transport: 'sse' }, { ...only, credentials: 'include' });
  const source = await opened.next();
  assert.deepEqual(source.options, { withCredentials: true });
  const more = { data: '{no JSON', lastEventId: '1-7' };
  source.dispatchEvent(Object.assign(new Event('message'), more));
  assert.match((await until('waiting')).error.message, /not what the hub sends/);
  assert.ok(source.closed);
  setUp('b', { transport: 'sse' }, only);
  let other = await opened.next();
  if (other.url.searchParams.get('topic') === 'a') other = await opened.next();
  assert.deepEqual(other.options, { withCredentials: false });
});

// ---- its end ---------------------------------------------------------------------------------------

test('a signal closes a subscription, and nothing opens it again', async () => {
  const aborter = new AbortController();
  const { client, sockets, subscription } = setUp('a', { signal: aborter.signal });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  aborter.abort();
  assert.ok(socket.closed);
  subscription.reconnect();
  subscription.pause();
  subscription.resume();
  subscription.wake('online');
  await turn();
  assert.deepEqual([subscription.state, sockets.size], ['closed', 0]);
  assert.equal(client.subscribe('b', { signal: aborter.signal }).state, 'closed');
  await turn();
  assert.equal(sockets.size, 0, 'closed before it was opened');
});

test('closed while its token is fetched, it opens nothing', async () => {
  let give;
  const token = () => new Promise((resolve) => (give = resolve));
  const { sockets, subscription } = setUp('a', {}, { token });
  await turn();
  subscription.close();
  give('late');
  await turn();
  assert.equal(sockets.size, 0);
});

test('a token that cannot be had is told', async () => {
  const token = () => Promise.reject(new Error('no session'));
  const { until } = setUp('a', { transport: 'websocket' }, { token });
  const { error } = await until('waiting');
  assert.deepEqual([error.kind, error.cause.message], ['blocked', 'no session']);
});

test('a publish that is called off is not tried again', async () => {
  const { client, requests } = setUp();
  const aborter = new AbortController();
  const { signal } = aborter;
  const published = client.publish('a', 'x', { signal }).catch((error) => error);
  const request = await requests.next();
  assert.equal(request.init.method, 'POST');
  assert.equal(request.init.credentials, 'same-origin');
  aborter.abort();
  assert.equal((await published).name, 'AbortError');
  assert.equal(requests.size, 0);
});

test('a publish is tried so often and no more, each time after a longer wait', async (t) => {
  const clock = longestWaits(t);
  const { client, requests } = setUp('a', { transport: 'websocket' });
  const published = client.publish('a', 'x').catch((error) => error);
  let request = await requests.next();
  for (const wait of [500, 1_000, 2_000, 4_000, 8_000]) {
    request.refuse();
    request = await comesAfter(requests, clock, wait);
  }
  request.refuse();
  assert.equal((await published).kind, 'unreachable');
  const busy = client.publish('a', 'x', { retries: 1 }).catch((error) => error);
  (await requests.next()).problem(503, 'draining', { 'retry-after': '10' });
  (await comesAfter(requests, clock, 15_000)).problem(503, 'draining');
  assert.equal((await busy).kind, 'later');
  assert.equal(requests.size, 0);
});

test('a key is made without crypto too', async (t) => {
  setGlobal(t, 'crypto', undefined);
  const { client, requests } = setUp();
  const keys = [];
  for (let i = 0; i < 2; i++) {
    const published = client.publish('a', 'x');
    const { init, answer } = await requests.next();
    keys.push(init.headers['idempotency-key']);
    answer({ id: '9-7' }, 201);
    await published;
  }
  for (const key of keys) assert.match(key, /^\d+(-\d+){3}$/);
  assert.notEqual(keys[0], keys[1]);
});
