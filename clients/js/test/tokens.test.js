// Tokens: where they stand, when another one is asked for, and what follows when one is over.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { endOfToken, renewalIn } from '../longwire.js';
import { fakeClock } from './fakes.js';
import { LIVE, setUp } from './setup.js';

/** A JWT with these claims; nobody here looks at its signature. */
function jwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part(claims)}.c2ln`;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Tokens that count for SECONDS from when they are asked for; `given` has them all. */
function tokens(seconds) {
  const given = [];
  const token = () => {
    given.push(jwt({ exp: Math.floor(Date.now() / 1000) + seconds, n: given.length }));
    return given.at(-1);
  };
  return { token, given };
}

test('the end of a token is what it says', () => {
  assert.equal(endOfToken(jwt({ exp: 1234, name: 'ünïcode?>~' })), 1_234_000);
  for (const other of ['opaque', 'a.b.c', '', undefined, jwt({}), jwt({ exp: '1' })]) {
    assert.equal(endOfToken(other), undefined);
  }
});

test('it is renewed a minute before, a short one in its middle', () => {
  assert.equal(renewalIn(600_000, 0), 540_000);
  assert.equal(renewalIn(100_000, 0), 50_000);
  assert.equal(renewalIn(10_000, 10_000), undefined);
  assert.equal(renewalIn(undefined, 0), undefined);
  assert.ok(renewalIn(1e15, 0) < 2 ** 31);
});

test('a JWT is a subprotocol of a WebSocket, anything else stands in its URL', async () => {
  const token = jwt({ sub: 'alice' });
  const { sockets } = setUp('a', {}, { token });
  const socket = await sockets.next();
  assert.deepEqual(socket.protocols, ['longwire.v1', `bearer.${token}`]);
  assert.ok(!socket.url.searchParams.has('token'));
  const other = await setUp('a', {}, { token: 'opaque/+=' }).sockets.next();
  assert.equal(other.protocols, undefined);
  assert.equal(other.url.searchParams.get('token'), 'opaque/+=');
  const none = await setUp('a').sockets.next();
  assert.equal(none.protocols, undefined);
  assert.ok(!none.url.searchParams.has('token'));
});

test('a WebSocket gets another one before its end, and again', async (t) => {
  const clock = fakeClock(t);
  const { token, given } = tokens(600);
  const { sockets, until, subscription } = setUp('a', {}, { token });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  await until('live');
  for (let round = 1; round <= 3; round++) {
    for (let s = 0; s < 540; s += 15) {
      clock.tick(15_000);
      socket.say({ op: 'pong' });
    }
    await turn();
    const auth = socket.sent.filter(({ op }) => op === 'auth');
    assert.equal(auth.length, round);
    assert.equal(auth.at(-1).token, given[round]);
    socket.say({ op: 'authenticated', expires: 1, ref: auth.at(-1).ref });
  }
  assert.equal(subscription.state, 'live');
});

test('a token that the hub does not take leaves the connection as it is', async (t) => {
  const clock = fakeClock(t);
  const { token } = tokens(600);
  const { sockets, until, subscription } = setUp('a', {}, { token });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  await until('live');
  for (let s = 0; s < 540; s += 15) {
    clock.tick(15_000);
    socket.say({ op: 'pong' });
  }
  await turn();
  const { ref } = socket.sent.find(({ op }) => op === 'auth');
  socket.say({ op: 'error', code: 'forbidden', message: 'no', ref });
  assert.equal(subscription.state, 'live');
});

test('a token that cannot be had is asked for again', async (t) => {
  const clock = fakeClock(t);
  const { token, given } = tokens(100);
  let broken = false;
  const source = () => {
    if (broken) throw new Error('no session');
    return token();
  };
  const { sockets, until } = setUp('a', {}, { token: source });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  await until('live');
  broken = true;
  clock.tick(25_000);
  socket.say({ op: 'pong' });
  clock.tick(25_000);
  await turn();
  broken = false;
  socket.say({ op: 'pong' });
  clock.tick(5_000);
  await turn();
  assert.deepEqual(socket.sent.filter(({ op }) => op === 'auth').map((auth) => auth.token), [given[1]]);
});

test('an event stream gets another one by its session', async (t) => {
  const clock = fakeClock(t);
  const { token, given } = tokens(100);
  const { requests, until } = setUp('a', { transport: 'sse' }, { token });
  const request = await requests.next();
  assert.equal(request.init.headers.authorization, `Bearer ${given[0]}`);
  const stream = request.sse();
  stream.say('id: 1-7\n\nevent: longwire.session\ndata: {"session":"5f0c"}\n\n');
  stream.say('id: 1-7\nevent: longwire.live\ndata: {"cursor":"1-7"}\n\n');
  await until('live');
  clock.tick(25_000);
  stream.say('id: 1-7\n\n');
  await turn();
  clock.tick(25_000);
  const change = await requests.next();
  assert.equal(change.init.method, 'POST');
  assert.match(change.url.pathname, /\/session\/5f0c$/);
  assert.deepEqual(JSON.parse(change.init.body), { token: given[1] });
  change.answer({ subscribed: [], unsubscribed: [] });
});

test('closed while it is renewed, it leaves no timer behind', async (t) => {
  const clock = fakeClock(t);
  const { token, given } = tokens(100);
  const { requests, until, subscription } = setUp('a', { transport: 'sse' }, { token });
  const stream = (await requests.next()).sse();
  stream.say('id: 1-7\n\nevent: longwire.session\ndata: {"session":"5f0c"}\n\n');
  stream.say('id: 1-7\nevent: longwire.live\ndata: {"cursor":"1-7"}\n\n');
  await until('live');
  clock.tick(25_000);
  stream.say('id: 1-7\n\n');
  await turn();
  clock.tick(25_000);
  const change = await requests.next();
  subscription.close();
  change.answer({ subscribed: [], unsubscribed: [] });
  await turn();
  clock.tick(1_000_000);
  await turn();
  assert.equal(given.length, 2);
});

test('long-polls go on with another one', async (t) => {
  const clock = fakeClock(t);
  const { token, given } = tokens(100);
  const { requests, until } = setUp('a', { transport: 'poll' }, { token });
  (await requests.next()).answer({ cursor: '5-7', live: true });
  await until('live');
  const held = await requests.next();
  assert.equal(held.init.headers.authorization, `Bearer ${given[0]}`);
  clock.tick(50_000 - 25_000);
  held.answer({ cursor: '6-7' });
  const next = await requests.next();
  clock.tick(25_000);
  await turn();
  next.answer({ cursor: '7-7' });
  assert.equal((await requests.next()).init.headers.authorization, `Bearer ${given[1]}`);
});

test('at its end a connection is taken up again with another one', async () => {
  const { token, given } = tokens(600);
  const { sockets, until } = setUp('a', { transport: 'websocket' }, { token });
  const socket = await sockets.next();
  socket.accept(LIVE(1));
  await until('live');
  socket.say({ op: 'expired', reason: 'expired' });
  socket.break(4401);
  const { error } = await until('waiting');
  assert.equal(error.code, 'expired');
  const again = await sockets.next();
  assert.equal(again.protocols[1], `bearer.${given[1]}`);
  assert.equal(again.url.searchParams.get('after'), '1-7');
});

test('without another one that is the end', async () => {
  const { sockets, until } = setUp('a', { transport: 'websocket' }, { token: jwt({ exp: 1 }) });
  const socket = await sockets.next();
  socket.accept({ op: 'expired', reason: 'revoked' });
  socket.break(4401);
  const { error } = await until('closed');
  assert.deepEqual([error.kind, error.code], ['fatal', 'revoked']);
});

test('tokens that are over already are asked for a few times, and no more', async () => {
  const { token, given } = tokens(600);
  const { requests, until } = setUp('a', { transport: 'sse' }, { token });
  const closed = until('closed');
  for (let n = 0; n < 4; n++) {
    const stream = (await requests.next()).sse();
    stream.say('retry: 300000\nevent: longwire.expired\ndata: {"reason":"expired"}\n\n');
    stream.end();
  }
  assert.equal((await closed).error.code, 'expired');
  assert.equal(given.length, 4);
});

test('a publish whose token was over is sent once more', async () => {
  const { token, given } = tokens(600);
  const { client, requests } = setUp('a', {}, { token });
  await turn();
  const published = client.publish('b', 'x');
  const first = await requests.next();
  const body = JSON.stringify({ status: 401, detail: 'the token has expired', code: 'expired' });
  const headers = { 'content-type': 'application/problem+json' };
  first.respond(new Response(body, { status: 401, headers }));
  const second = await requests.next();
  assert.ok(!second.url.searchParams.has('token'));
  assert.equal(second.init.headers.authorization, `Bearer ${given.at(-1)}`);
  assert.notEqual(second.init.headers.authorization, first.init.headers.authorization);
  assert.equal(second.init.headers['idempotency-key'], first.init.headers['idempotency-key']);
  second.answer({ id: '9-7' }, 201);
  assert.deepEqual(await published, { id: '9-7' });
});
