// Tokens where many clients share a connection of HTTP/2: each WebSocket (RFC 8441) has its own, which
// may come by `auth`, and what ends or loses one is nothing to the others.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { websocketOverHttp2 } from './lib/doors.mjs';
import { connect, get } from './lib/h2.mjs';
import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { Keys, bearer, now, testEnd } from './lib/tokens.mjs';

describe('tokens of WebSockets over HTTP/2', { concurrency: true }, () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: { ...keys.settings, 'access.auth_timeout': '10m' } });
  const hasty = suiteHub({ set: { ...keys.settings, 'access.auth_timeout': '1s' } });
  const send = (topic, data) => publish(hub, topic, data, { local: true });
  const tokenOf = (sub, seconds = 3600, kid = 'hs') =>
    keys.grant(sub, { subscribe: [`${sub}/#`], publish: [`${sub}/#`], seconds, kid });

  const subscribes = async (ws, topic) => (await ws.ask({ op: 'subscribe', topic })).op;

  for (const kid of ['hs', 'es']) {
    test(`${kid}: nothing but auth before it, and the topics of the URL behind it`, async (t) => {
      const session = await connect(t, hub);
      const topic = `first-${kid}/a`;
      const id = await send(topic, 'before');
      const ws = await websocketOverHttp2(session, `/t/${topic}?after=earliest`);
      assert.equal(ws.response[':status'], 200);
      assert.equal((await ws.ask({ op: 'subscribe', topic })).code, 'unauthorized');
      assert.equal((await ws.ask({ op: 'auth', token: 'x.y.z' })).code, 'unauthorized');
      const token = tokenOf(`first-${kid}`, 3600, kid);
      const { op, expires } = await ws.ask({ op: 'auth', token });
      assert.equal(op, 'authenticated');
      assert.ok(expires > now());
      assert.equal((await ws.nextMessage()).id, id);
      assert.equal((await ws.ask({ op: 'publish', topic, data: 1 })).op, 'published');
      assert.equal(await subscribes(ws, 'other/a'), 'error');
    });
  }

  test('are of each one, and of no other on the connection', async (t) => {
    const session = await connect(t, hub);
    const [a, b, nobody] = [
      await websocketOverHttp2(session, '/ws', bearer(tokenOf('a'))),
      await websocketOverHttp2(session, '/ws'),
      await websocketOverHttp2(session, '/ws'),
    ];
    assert.equal((await b.ask({ op: 'auth', token: tokenOf('b') })).op, 'authenticated');
    assert.deepEqual(
      [await subscribes(a, 'a/1'), await subscribes(a, 'b/1')],
      ['subscribed', 'error'],
    );
    assert.deepEqual(
      [await subscribes(b, 'a/1'), await subscribes(b, 'b/1')],
      ['error', 'subscribed'],
    );
    assert.equal((await nobody.ask({ op: 'subscribe', topic: 'a/1' })).code, 'unauthorized');
    assert.equal((await get(session, '/t/a/1?wait=0')).status, 401);
    assert.equal((await get(session, '/t/b/1?wait=0', { authorization: 'Bearer x.y.z' })).status, 401);
    const [toA, toB] = [await send('a/1', 'a'), await send('b/1', 'b')];
    assert.equal((await a.nextMessage()).id, toA);
    assert.equal((await b.nextMessage()).id, toB);
  });

  test('may come as a subprotocol', async (t) => {
    const session = await connect(t, hub);
    const offer = (token) => ({ 'sec-websocket-protocol': `longwire.v1, bearer.${token}` });
    const ws = await websocketOverHttp2(session, '/t/sub/a', offer(tokenOf('sub')));
    assert.equal(ws.response['sec-websocket-protocol'], 'longwire.v1');
    await ws.nextOp('live');
    const refused = await websocketOverHttp2(session, '/t/sub/a', offer('x.y.z'));
    assert.equal(refused.response[':status'], 401);
  });

  test('that grant less take away what they do not, and say so', async (t) => {
    const session = await connect(t, hub);
    const topics = '/t?topic=less/a&topic=less/b';
    const ws = await websocketOverHttp2(session, topics, bearer(tokenOf('less')));
    await ws.nextOp('live');
    const other = await websocketOverHttp2(session, topics, bearer(tokenOf('less')));
    await other.nextOp('live');
    const token = keys.grant('less', { subscribe: ['less/a'] });
    assert.equal((await ws.ask({ op: 'auth', token })).op, 'authenticated');
    const { topic, reason } = await ws.nextOp('gap');
    assert.deepEqual([topic, reason], ['less/b', 'denied']);
    const [lost, kept] = [await send('less/b', 'lost'), await send('less/a', 'kept')];
    assert.equal((await ws.nextMessage()).id, kept);
    assert.equal((await other.nextMessage()).id, lost);
    assert.equal((await other.nextMessage()).id, kept);
  });

  testEnd('end one, and no other on the connection', async (t, seconds) => {
    const session = await connect(t, hub);
    const topic = `end/${seconds}`;
    const open = (token) => websocketOverHttp2(session, `/t/${topic}`, bearer(token));
    const brief = await open(tokenOf('end', seconds));
    const renewed = await open(tokenOf('end', seconds));
    const long = await open(tokenOf('end'));
    for (const ws of [brief, renewed, long]) await ws.nextOp('live');
    const { op } = await renewed.ask({ op: 'auth', token: tokenOf('end') });
    assert.equal(op, 'authenticated');
    assert.equal((await brief.nextOp('expired')).reason, 'expired');
    assert.equal(await brief.closeCode(), 4401);
    const id = await send(topic, 'after');
    assert.equal((await renewed.nextMessage()).id, id);
    assert.equal((await long.nextMessage()).id, id);
    assert.equal(brief.frames.size, 0);
  });

  test('that never come end it with 4401, and no other on the connection', async (t) => {
    const session = await connect(t, hasty);
    const other = await websocketOverHttp2(session, '/t/late/a', bearer(tokenOf('late')));
    const silent = await websocketOverHttp2(session, '/ws');
    assert.equal(await silent.closeCode(), 4401);
    const id = await publish(hasty, 'late/a', 'x', { local: true });
    assert.equal((await other.nextMessage()).id, id);
  });
});
