// The end of a token while something runs, and what a new one changes, on every transport.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import WebSocket from 'ws';

import { block, connect, events as eventsH2, ask as askH2 } from './lib/h2.mjs';
import { assertProblem, get, publish, request } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Authority, secureSettings, secureView } from './lib/tls.mjs';
import { Keys, bearer, now, testEnd } from './lib/tokens.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

/** Past its end, by no more than a second and what a busy machine adds. */
function assertJustOver(expires) {
  const late = Date.now() / 1000 - expires;
  assert.ok(late >= 0, `${-late} s too early`);
}

describe('the end of a token', { concurrency: true }, () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: keys.settings });

  /** A token that ends soon, and when. */
  function brief(seconds) {
    const expires = now() + seconds;
    const claims = { sub: 'brief', exp: expires, longwire: { subscribe: ['#'] } };
    return { token: keys.sign(claims), expires };
  }

  /** What the local socket publishes: it needs no token. */
  const send = (topic, data) => publish(hub, topic, data, { local: true });

  testEnd('a poll that waits is answered at once, and the next one is refused', async (_t, seconds) => {
    const { token, expires } = brief(seconds);
    const path = '/t/a?wait=30';
    const reply = await get(hub, path, { headers: bearer(token) });
    assert.equal(reply.status, 200);
    assert.deepEqual(reply.json().messages, []);
    assert.match(reply.json().cursor, /^\d+-\d+$/);
    assertJustOver(expires);
    const next = await get(hub, path, { headers: bearer(token) });
    assert.equal(assertProblem(next, 401).code, 'expired');
  });

  testEnd('an event stream is told, and ends whole', async (_t, seconds) => {
    const { token, expires } = brief(seconds);
    const stream = await SseStream.open(hub, 'a', {}, bearer(token));
    const auth = await stream.nextEvent('longwire.auth');
    assert.deepEqual(JSON.parse(auth.data), { expires });
    const over = await stream.nextEvent('longwire.expired');
    assert.deepEqual(JSON.parse(over.data), { reason: 'expired' });
    assertJustOver(expires);
    await stream.blocks.drained('the end of the stream');
  });

  testEnd('a WebSocket is told, and closed with 4401', async (_t, seconds) => {
    const { token, expires } = brief(seconds);
    const ws = await WsClient.open(hub, 'a', {}, { headers: bearer(token) });
    assert.deepEqual(await ws.nextOp('expired'), { op: 'expired', reason: 'expired' });
    assertJustOver(expires);
    assert.equal((await ws.closed).code, 4401);
  });

  testEnd('a raw WebSocket is closed with 4401', async (_t, seconds) => {
    const { token } = brief(seconds);
    const ws = await WsClient.open(hub, 'a', { format: 'raw' }, { headers: bearer(token) });
    assert.equal((await ws.closed).code, 4401);
    assert.equal(ws.frames.size, 0);
  });

  testEnd('many with one token all end', async (_t, seconds) => {
    const { token } = brief(seconds);
    const open = () => WsClient.open(hub, 'a', {}, { headers: bearer(token) });
    const all = await Promise.all(Array.from({ length: 100 }, open));
    const codes = await Promise.all(all.map(async (ws) => (await ws.closed).code));
    assert.ok(codes.every((code) => code === 4401));
  });

  testEnd('what came before it came, and nothing after', async (t, seconds) => {
    const topic = `before/${seconds}`;
    const { token, expires } = brief(seconds);
    const ws = await (await WsClient.open(hub, topic, {}, { headers: bearer(token) })).live();
    const stream = await (await SseStream.open(hub, topic, {}, bearer(token))).live();
    t.after(() => stream.close());
    const id = await send(topic, 'before');
    assert.equal((await ws.nextMessage()).id, id);
    assert.equal((await stream.nextMessage()).data, 'before');
    await ws.nextOp('expired');
    await stream.nextEvent('longwire.expired');
    await send(topic, 'after');
    await ws.closed;
    await stream.blocks.drained('the end');
    assert.equal(ws.frames.size + stream.blocks.size, 0);
    assert.ok(now() >= expires);
  });

  testEnd('a stream whose client has brought another token in time goes on', async (t, seconds) => {
    const topic = `renewed/${seconds}`;
    const claims = (exp) => ({ sub: 'alice', exp, longwire: { subscribe: [topic] } });
    const expires = now() + seconds;
    const [first, second] = [keys.sign(claims(expires)), keys.sign(claims(expires + 600))];
    const stream = await (await SseStream.open(hub, topic, {}, bearer(first))).live();
    t.after(() => stream.close());
    const ws = await (await WsClient.open(hub, topic, {}, { headers: bearer(first) })).live();
    t.after(() => ws.terminate());
    const renewed = await renew(hub, stream, second);
    assert.deepEqual(renewed.json(), { subscribed: [], unsubscribed: [], expires: expires + 600 });
    const answer = await ws.ask({ op: 'auth', token: second });
    assert.deepEqual([answer.op, answer.expires], ['authenticated', expires + 600]);
    const { token } = brief(seconds); // another's end is behind theirs
    await (await WsClient.open(hub, topic, {}, { headers: bearer(token) })).closed;
    await send(topic, 'still');
    assert.equal((await stream.nextMessage()).data, 'still');
    assert.equal((await ws.nextMessage()).data, 'still');
  });

  testEnd('over HTTP/2 and TLS', async (t, seconds) => {
    const authority = new Authority();
    const set = { ...secureSettings(authority.issue('hub')), ...keys.settings };
    const secure = await startHub(t, { set });
    const { token } = brief(seconds);
    const session = await connect(t, secure);
    const held = askH2(session, { ':path': '/t/a?wait=30', authorization: `Bearer ${token}` });
    const stream = eventsH2(session, '/t/a', { authorization: `Bearer ${token}` });
    const view = secureView(secure, authority.pem);
    const sse = await SseStream.open(view, 'a', {}, bearer(token));
    const ws = await WsClient.open(view, 'a', {}, { headers: bearer(token) });
    await sse.nextEvent('longwire.expired');
    await sse.blocks.drained('the end of the stream');
    assert.equal((await ws.closed).code, 4401);
    assert.equal((await held).status, 200);
    await block(stream, 'longwire.expired');
    assert.equal((await stream.ended).whole, true);
  });
});

/** Gives the event stream another token, and perhaps other topics. */
async function renew(hub, stream, token, change = {}, headers = {}) {
  return request(hub, 'POST', `/session/${await stream.session}`, {
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ token, ...change }),
  });
}

describe('another token', () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: keys.settings });
  const send = (topic, data) => publish(hub, topic, data, { local: true });
  const all = keys.grant('alice', { subscribe: ['a/#', 'b/#'], publish: ['a/#'] });
  const part = keys.grant('alice', { subscribe: ['a/#', 'c'], publish: ['c'] });
  const other = keys.grant('bob', { subscribe: ['a/#', 'b/#'] });

  test('takes what it no longer grants from a WebSocket, and says so', async (t) => {
    const ws = await WsClient.open(hub, ['a/1', 'b/1'], {}, { headers: bearer(all) });
    t.after(() => ws.terminate());
    await ws.live();
    assert.equal((await ws.ask({ op: 'subscribe', topic: 'b/#' })).op, 'subscribed');
    assert.equal((await ws.ask({ op: 'auth', token: part })).op, 'authenticated');
    const gaps = [await ws.nextOp('gap'), await ws.nextOp('gap')];
    assert.deepEqual(gaps.map(({ topic }) => topic).sort(), ['b/#', 'b/1']);
    for (const { reason, requested, resumed } of gaps) {
      assert.equal(reason, 'denied');
      assert.equal(requested, resumed);
    }
    await send('b/1', 'lost');
    const id = await send('a/1', 'kept');
    assert.equal((await ws.nextMessage()).id, id);
    assert.equal((await ws.ask({ op: 'publish', topic: 'a/1', data: 1 })).code, 'forbidden');
    assert.equal((await ws.ask({ op: 'subscribe', topic: 'c' })).op, 'subscribed');
  });

  test('takes it from an event stream, and what joins is judged by it', async (t) => {
    const stream = await SseStream.open(hub, ['a/1', 'b/1'], {}, bearer(all));
    t.after(() => stream.close());
    await stream.live();
    const refused = await renew(hub, stream, part, { subscribe: ['b/2'] });
    assert.match(assertProblem(refused, 403).detail, /"b\/2"/);
    await send('b/1', 'still there');
    assert.equal(JSON.parse((await stream.nextMessage()).data).data, 'still there');
    assert.equal((await renew(hub, stream, part, { subscribe: ['c'] })).status, 200);
    const gap = JSON.parse((await stream.nextEvent('longwire.gap')).data);
    assert.deepEqual([gap.topic, gap.reason], ['b/1', 'denied']);
    await send('b/1', 'lost');
    await send('c', 'won');
    assert.equal(JSON.parse((await stream.nextMessage()).data).topic, 'c');
  });

  test('ends a raw event stream that loses its topic', async () => {
    const stream = await SseStream.open(hub, 'b/1', {}, bearer(all));
    assert.equal((await renew(hub, stream, part)).status, 200);
    assert.equal(JSON.parse((await stream.nextEvent('longwire.gap')).data).reason, 'denied');
    await stream.blocks.drained('the end of the stream');
  });

  test('must be of the same sub', async (t) => {
    const ws = await (await WsClient.open(hub, 'a/1', {}, { headers: bearer(all) })).live();
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'auth', token: other })).code, 'forbidden');
    const stream = await (await SseStream.open(hub, 'a/1', {}, bearer(all))).live();
    t.after(() => stream.close());
    assert.match(assertProblem(await renew(hub, stream, other), 403).detail, /sub/);
    const id = await send('a/1', 'x');
    assert.equal((await ws.nextMessage()).id, id);
    assert.equal((await stream.nextMessage()).data, 'x');
  });

  test('that does not count changes nothing', async (t) => {
    const over = keys.grant('alice', { subscribe: ['a/#'], seconds: -1 });
    const ws = await (await WsClient.open(hub, 'a/1', {}, { headers: bearer(all) })).live();
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'auth', token: over })).code, 'expired');
    assert.equal((await ws.ask({ op: 'auth', token: 'x.y.z' })).code, 'unauthorized');
    const stream = await (await SseStream.open(hub, 'a/1', {}, bearer(all))).live();
    t.after(() => stream.close());
    assert.equal(assertProblem(await renew(hub, stream, over), 401).code, 'expired');
    await send('a/1', 'x');
    assert.equal((await ws.nextMessage()).data, 'x');
    assert.equal((await stream.nextMessage()).data, 'x');
  });
});

describe('a WebSocket without a token', { concurrency: true }, () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: { ...keys.settings, 'access.auth_timeout': '10m' } });
  const hasty = suiteHub({ set: { ...keys.settings, 'access.auth_timeout': '5s' } });
  const send = (topic, data) => publish(hub, topic, data, { local: true });
  const token = keys.grant('alice', { subscribe: ['a/#'], publish: ['a/#'] });

  test('may do nothing but bring one', async (t) => {
    const ws = await WsClient.open(hub, null);
    t.after(() => ws.terminate());
    for (const operation of [
      { op: 'subscribe', topic: 'a/1' },
      { op: 'publish', topic: 'a/1', data: 1 },
      { op: 'ping' },
    ]) {
      assert.equal((await ws.ask(operation)).code, 'unauthorized');
    }
    assert.equal((await ws.ask({ op: 'auth', token })).op, 'authenticated');
    assert.equal((await ws.ask({ op: 'subscribe', topic: 'a/1' })).op, 'subscribed');
    assert.equal((await ws.ask({ op: 'publish', topic: 'a/1', data: 1 })).op, 'published');
    assert.equal((await ws.ask({ op: 'subscribe', topic: 'b' })).code, 'forbidden');
  });

  test('is closed with 4401 if none comes in time', async () => {
    const ws = await WsClient.open(hasty, null);
    const { code, reason } = await ws.closed;
    assert.deepEqual([code, reason], [4401, 'No token came in time']);
  });

  test('that brings one that does not count is so, too', async () => {
    const ws = await WsClient.open(hasty, null);
    const over = keys.grant('alice', { subscribe: ['a/#'], seconds: -1 });
    assert.equal((await ws.ask({ op: 'auth', token: over })).code, 'expired');
    assert.equal((await ws.ask({ op: 'subscribe', topic: 'a/1' })).code, 'unauthorized');
    assert.equal((await ws.closed).code, 4401);
  });

  test('gets the topics of its URL when it has brought one', async (t) => {
    const first = await send('a/held', 'first');
    const ws = await WsClient.open(hub, ['a/held', 'a/2', 'b'], { after: 'earliest' });
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'auth', token })).op, 'authenticated');
    const told = { error: [], subscribed: [], message: [], live: [] };
    while (told.live.length < 2) {
      const frame = await ws.next();
      told[frame.op ?? 'message'].push(frame);
    }
    assert.match(told.error[0].message, /"b"/);
    assert.equal(told.error[0].code, 'forbidden');
    assert.deepEqual(told.subscribed.map(({ topic }) => topic).sort(), ['a/2', 'a/held']);
    assert.deepEqual(told.live.map(({ topic }) => topic).sort(), ['a/2', 'a/held']);
    assert.deepEqual(told.message.map(({ id }) => id), [first]);
  });

  test('is refused when it is raw', async () => {
    const reply = await get(hub, '/t/a/1?format=raw', {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      },
    });
    assertProblem(reply, 401);
  });

  test('may have it as a subprotocol', async (t) => {
    const open = async (protocols) => {
      const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/t/a/1`, protocols);
      t.after(() => socket.terminate());
      const opened = new Promise((resolve, reject) => {
        socket.once('message', (data) => resolve(JSON.parse(data.toString()).op));
        socket.once('error', reject);
      });
      return [await within(opened, 'the first frame'), socket.protocol];
    };
    assert.deepEqual(await open(['longwire.v1', `bearer.${token}`]), ['live', 'longwire.v1']);
    await assert.rejects(open(['longwire.v1', 'bearer.x.y.z']), /401/);
  });
});

describe('another configuration', () => {
  /** A hub whose file has these sections, and what writes others. */
  async function configured(t, keys, sections) {
    const text = (some, lines = keys.lines) => ['[access]', ...lines, ...some].join('\n');
    const hub = await startHub(t, { config: text(sections) });
    const change = (...some) => {
      writeFileSync(hub.config, text(...some));
      hub.signal('SIGHUP');
    };
    return { hub, change };
  }

  const OPEN = ['[access "b/#"]', 'token = subscribe'];

  test('takes what its sections gave, from who has it', async (t) => {
    const keys = new Keys(t);
    const { hub, change } = await configured(t, keys, OPEN);
    const headers = bearer(keys.grant('alice', { subscribe: ['a/#'] }));
    const ws = await (await WsClient.open(hub, ['a/1', 'b/1'], {}, { headers })).live();
    t.after(() => ws.terminate());
    const stream = await (await SseStream.open(hub, ['a/1', 'b/1'], {}, headers)).live();
    t.after(() => stream.close());
    const held = get(hub, '/t/b/1?wait=50', { headers });
    await eventually(async () => {
      const clients = JSON.parse((await longwirectl(hub, ['--json', 'clients'])).stdout);
      return JSON.stringify(clients).includes('"poll"');
    }, 'the poll to wait');
    change([]);
    const { topic, reason } = await ws.nextOp('gap');
    assert.deepEqual([topic, reason], ['b/1', 'denied']);
    const gap = JSON.parse((await stream.nextEvent('longwire.gap')).data);
    assert.deepEqual([gap.topic, gap.reason], ['b/1', 'denied']);
    assert.equal((await held).status, 200);
    assert.equal((await get(hub, '/t/b/1?wait=0', { headers })).status, 403);
  });

  test('without a key ends what came by its tokens, and nothing else', async (t) => {
    const keys = new Keys(t);
    const { hub, change } = await configured(t, keys, []);
    const open = (kid) =>
      WsClient.open(hub, 'a', {}, { headers: bearer(keys.grant('x', { subscribe: ['a'], kid })) });
    const [kept, lost] = [await (await open('hs')).live(), await (await open('es')).live()];
    t.after(() => kept.terminate());
    change([], keys.lines.filter((line) => !line.includes(' es ')));
    assert.equal((await lost.nextOp('expired')).reason, 'revoked');
    assert.equal((await lost.closed).code, 4401);
    const id = await publish(hub, 'a', 'x', { local: true });
    assert.equal((await kept.nextMessage()).id, id);
    await assert.rejects(open('es'), /401/);
  });
});
