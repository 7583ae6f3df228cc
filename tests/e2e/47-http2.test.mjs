// HTTP/2 by prior knowledge: every transport over one connection, with Node's client, curl and the
// tools of nghttp2.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, block, connect, events, get, post, publish, websocket } from './lib/h2.mjs';
import { publish as publishOverHttp1 } from './lib/http.mjs';
import { run, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';
import { OP, closePayload, frame } from './lib/wsframe.mjs';

describe('HTTP/2', () => {
  const hub = suiteHub();

  test('says what it offers', async (t) => {
    const session = await connect(t, hub);
    const offers = await session.offers;
    assert.equal(offers.maxConcurrentStreams, 256);
    assert.equal(offers.headerTableSize, 0);
    assert.equal(offers.maxHeaderListSize, 16384);
    assert.equal(offers.enableConnectProtocol, true);
  });

  test('answers requests side by side, with their own heads and bodies', async (t) => {
    const session = await connect(t, hub);
    const paths = ['/healthz', '/readyz', '/cursor', '/metrics', '/nothing', '/t/a?wait=0'];
    const replies = await Promise.all(paths.map((path) => get(session, path)));
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200, 200, 200, 404, 200],
    );
    for (const reply of replies) {
      assert.equal(Number(reply.headers['content-length']), reply.body.length);
      assert.equal(reply.headers['cache-control'], 'no-store');
      assert.equal(reply.headers.connection, undefined);
      assert.equal(reply.code, 0);
    }
    assert.equal(replies[0].text, 'ok\n');
    assert.equal(replies[4].headers['content-type'], 'application/problem+json');
  });

  test('answers HEAD without a body, OPTIONS with what there is', async (t) => {
    const session = await connect(t, hub);
    const head = await get(session, '/healthz', { ':method': 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '3', '']);
    const options = await get(session, '/t/a', { ':method': 'OPTIONS' });
    assert.equal(options.status, 204);
    assert.match(options.headers.allow, /GET, HEAD, POST, OPTIONS/);
  });

  test('publishes, and reads what was published', async (t) => {
    const session = await connect(t, hub);
    const id = await publish(session, 'h2/one', '{"a":1}', { 'content-type': 'application/json' });
    const page = (await get(session, '/t/h2/one?after=earliest&wait=0')).json();
    assert.equal(page.messages[0].id, id);
    assert.deepEqual(page.messages[0].data, { a: 1 });
  });

  test('takes a body larger than any window, and gives it back', async (t) => {
    const session = await connect(t, hub);
    const body = 'x'.repeat(900_000);
    const ids = await Promise.all([1, 2, 3].map(() => publish(session, 'h2/large', body)));
    assert.equal(new Set(ids).size, 3);
    const reply = await get(session, '/t/h2/large?after=-1&wait=0&format=raw');
    assert.equal(reply.text, body);
  });

  test('a batch is one publish', async (t) => {
    const session = await connect(t, hub);
    const lines = [1, 2, 3].map((n) => JSON.stringify({ topic: 'h2/batch', data: n })).join('\n');
    const reply = await ask(
      session,
      { ':method': 'POST', ':path': '/t', 'content-type': 'application/x-ndjson' },
      lines,
    );
    assert.equal(reply.status, 201, reply.text);
    assert.equal(reply.json().ids.length, 3);
  });

  test('a long-poll waits and is answered by what comes', async (t) => {
    const session = await connect(t, hub);
    await publish(session, 'h2/poll', 'before');
    const waiting = get(session, '/t/h2/poll?wait=20');
    await eventually(() => subscribers(hub, 'h2/poll', 'poll'), 'the long-poll to wait');
    await publish(session, 'h2/poll', 'now');
    const reply = await waiting;
    assert.equal(reply.json().messages[0].data, 'now');
    assert.match(reply.headers['longwire-cursor'], /^\d+-\d+$/);
  });

  test('event streams get what all get, in order', async (t) => {
    const session = await connect(t, hub);
    const streams = Array.from({ length: 20 }, () => events(session, '/t/h2/events'));
    await Promise.all(streams.map((stream) => block(stream, 'longwire.live')));
    for (let n = 0; n < 10; n++) await publishOverHttp1(hub, 'h2/events', `message ${n}`);
    for (const stream of streams)
      for (let n = 0; n < 10; n++)
        assert.match(await stream.blocks.next(), new RegExp(`^id: \\d+-\\d+\ndata: message ${n}$`));
  });

  test('a stream that is not read holds up no other', async (t) => {
    const session = await connect(t, hub);
    const silent = events(session, '/t/h2/fill');
    await block(silent, 'longwire.live');
    silent.stream.pause();
    const other = events(session, '/t/h2/quiet');
    await block(other, 'longwire.live');
    const body = 'y'.repeat(100_000);
    for (let n = 0; n < 5; n++) await publishOverHttp1(hub, 'h2/fill', `${n}${body}`);
    await publishOverHttp1(hub, 'h2/quiet', 'here');
    await block(other, 'data: here');
    silent.stream.resume();
    for (let n = 0; n < 5; n++) assert.ok(await block(silent, `data: ${n}${body}`));
  });

  test('streams are connections of their own kind in HUB CLIENTS', async (t) => {
    const session = await connect(t, hub);
    const stream = events(session, '/t/h2/seen');
    await block(stream, 'longwire.live');
    const resp = await RespClient.open(hub);
    t.after(() => resp.close());
    const clients = JSON.parse(await resp.command('HUB', 'CLIENTS'));
    const one = clients.find(({ topics }) => topics.includes('h2/seen'));
    assert.equal(one.transport, 'sse');
    const carrier = clients.find((c) => c.transport === 'h2' && c.address === one.address);
    assert.ok(carrier, 'the connection is there, too');
    await resp.command('HUB', 'KICK', String(one.id));
    assert.deepEqual(await stream.ended, { whole: true, code: 0 });
    assert.equal((await get(session, '/healthz')).status, 200);
  });

  test('a WebSocket comes by extended CONNECT, and goes by close frames', async (t) => {
    const session = await connect(t, hub);
    const ws = await websocket(session, '/t/h2/ws', { 'sec-websocket-protocol': 'longwire.v1' });
    assert.equal(ws.response[':status'], 200);
    assert.equal(ws.response['sec-websocket-protocol'], 'longwire.v1');
    assert.equal(ws.response['sec-websocket-accept'], undefined);
    const next = async () => JSON.parse((await ws.frames.next()).payload);
    assert.equal((await next()).op, 'live');
    ws.send(frame(OP.TEXT, JSON.stringify({ op: 'publish', topic: 'h2/ws', data: 1, ref: 'a' })));
    const two = [await next(), await next()];
    assert.equal(two.find(({ op }) => op === 'published').ref, 'a');
    assert.equal(two.find(({ topic }) => topic === 'h2/ws').data, 1);
    ws.send(frame(OP.CLOSE, closePayload(1000)));
    assert.equal((await ws.frames.next('the close frame')).opcode, OP.CLOSE);
    ws.stream.end();
    assert.deepEqual(await ws.ended, { whole: true, code: 0 });
  });

  test('a compressed WebSocket is one over HTTP/2, too', async (t) => {
    const session = await connect(t, hub);
    const offer = { 'sec-websocket-extensions': 'permessage-deflate' };
    const ws = await websocket(session, '/t/h2/packed', offer);
    assert.match(ws.response['sec-websocket-extensions'], /^permessage-deflate/);
    await ws.frames.next();
    await publishOverHttp1(hub, 'h2/packed', 'z'.repeat(5000));
    const { rsv, payload } = await ws.frames.next();
    assert.equal(rsv, 4);
    assert.ok(payload.length < 1000);
  });

  test('who ends a WebSocket by END_STREAM gets its end', async (t) => {
    const session = await connect(t, hub);
    const ws = await websocket(session, '/t/h2/ended');
    ws.stream.end();
    await ws.frames.next('the close frame', ({ opcode }) => opcode === OP.CLOSE);
    assert.deepEqual(await ws.ended, { whole: true, code: 0 });
  });

  test('the topics of an event stream are changed by another stream', async (t) => {
    const session = await connect(t, hub);
    const stream = events(session, '/t/h2/first?format=envelope');
    const named = await block(stream, 'longwire.session');
    const id = JSON.parse(/data: (.*)/.exec(named)[1]).session;
    const change = { ':method': 'POST', ':path': `/session/${id}`, 'content-type': 'application/json' };
    const reply = await ask(session, change, JSON.stringify({ subscribe: ['h2/second'] }));
    assert.equal(reply.status, 200, reply.text);
    await publish(session, 'h2/second', 'added');
    await block(stream, 'added');
  });

  test('pages of other origins are told what they may', async (t) => {
    const session = await connect(t, hub);
    const page = { origin: 'http://localhost:3000' };
    const allowed = await get(session, '/cursor', page);
    assert.equal(allowed.headers['access-control-allow-origin'], page.origin);
    const foreign = await post(session, 'h2/cors', 'x', { origin: 'https://evil.example' });
    assert.equal(foreign.status, 403);
    const preflight = await get(session, '/t/a', {
      ':method': 'OPTIONS',
      'access-control-request-method': 'POST',
      ...page,
    });
    assert.match(preflight.headers['access-control-allow-methods'], /POST/);
  });

  test('refuses what is malformed in a head by the rules of HTTP', async (t) => {
    const session = await connect(t, hub);
    assert.equal((await get(session, '/t/%zz')).status, 400);
    const other = { ':authority': 'localhost', host: 'elsewhere.example' };
    assert.equal((await get(session, '/t/a', other)).status, 400);
    assert.equal((await get(session, '/t/a', { 'x-long': 'z'.repeat(17_000) })).status, 431);
    assert.equal((await get(session, '/t/a', { ':method': 'BREW' })).status, 501);
    const foreign = await get(session, '/t/a?wait=0', { ':authority': 'evil.example' });
    assert.equal(foreign.status, 403);
    assert.equal((await post(session, 'a', 'x', { 'content-encoding': 'br' })).status, 415);
  });

  test('curl speaks it', async () => {
    const curl = (...words) => run('curl', ['-sS', '-m', '20', '--http2-prior-knowledge', ...words]);
    const health = await curl('-w', ' %{http_version}', `${hub.url}/healthz`);
    assert.deepEqual([health.code, health.stdout], [0, 'ok\n 2']);
    const local = await curl('--unix-socket', hub.socket, '-w', ' %{http_version}', 'http://h/healthz');
    assert.deepEqual([local.code, local.stdout], [0, 'ok\n 2']);
    const published = await curl('-d', 'by curl', `${hub.url}/t/h2/curl`);
    assert.match(published.stdout, /^\{"id":"\d+-\d+"\}/);
    const read = await curl(`${hub.url}/t/h2/curl?after=earliest&wait=0`);
    assert.equal(JSON.parse(read.stdout).messages[0].data, 'by curl');
  });

  test('nghttp and h2load speak it', async () => {
    const nghttp = await run('nghttp', [`${hub.url}/healthz`]);
    assert.deepEqual([nghttp.code, nghttp.stdout], [0, 'ok\n']);
    const load = await run('h2load', ['-n', '400', '-c', '4', '-m', '20', `${hub.url}/healthz`]);
    assert.match(load.stdout, /400 succeeded, 0 failed/);
  });
});

test('a hub that stops ends every stream in order', async (t) => {
  const hub = await startHub(t);
  const session = await connect(t, hub);
  const goaways = [];
  session.on('goaway', (code, last) => goaways.push([code, last]));
  const stream = events(session, '/t/end');
  await block(stream, 'longwire.live');
  const ws = await websocket(session, '/t/end');
  await ws.frames.next();
  await publish(session, 'end', 'known');
  const poll = get(session, '/t/end?wait=60');
  await eventually(() => subscribers(hub, 'end', 'poll'), 'the long-poll to wait');
  const stopped = hub.stop();
  assert.equal((await poll).status, 200);
  assert.deepEqual(await stream.ended, { whole: true, code: 0 });
  const last = await ws.frames.next('the close frame', ({ opcode }) => opcode === OP.CLOSE);
  assert.equal(last.payload.readUInt16BE(0), 1001);
  ws.stream.end();
  await stopped;
  await eventually(() => session.destroyed, 'the end of the connection');
  assert.deepEqual(goaways[0], [0, 2 ** 31 - 1], 'it lets in what is on its way');
});

/** A frame by hand. */
function h2Frame(type, flags, id, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** The code of the GOAWAY in `data`; undefined: there is none yet. */
function goawayIn(data) {
  for (let at = 0; data.length >= at + 9; at += 9 + data.readUIntBE(at, 3))
    if (data[at + 3] === 7 && data.length >= at + 17) return data.readUInt32BE(at + 13);
}

test('who resets one stream after the other is told to calm down, and nobody else is', async (t) => {
  const hub = await startHub(t);
  const other = await connect(t, hub);
  const stream = events(other, '/t/calm');
  await block(stream, 'longwire.live');
  const ask = Buffer.from('\x82\x86\x84\x41\x09localhost', 'latin1');
  const resets = Array.from({ length: 20_000 }, (_, n) => [
    h2Frame(1, 5, 2 * n + 1, ask),
    h2Frame(3, 0, 2 * n + 1, Buffer.from([0, 0, 0, 8])),
  ]).flat();
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  raw.write(Buffer.concat([preface, h2Frame(4, 0, 0, Buffer.alloc(0)), ...resets]));
  const came = await raw.until((data) => goawayIn(data) !== undefined, 'GOAWAY');
  assert.equal(goawayIn(came), 11);
  await publish(other, 'calm', 'still here');
  await block(stream, 'still here');
});

test('with http.h2 = off it is HTTP/1.1 alone that is spoken', async (t) => {
  const hub = await startHub(t, { set: { 'http.h2': 'off' } });
  const curl = (...words) => run('curl', ['-sS', '-m', '20', ...words, `${hub.url}/healthz`]);
  assert.notEqual((await curl('--http2-prior-knowledge')).code, 0);
  assert.equal((await curl()).stdout, 'ok\n');
});

/** How many subscribe to `topic` by `transport`. */
async function subscribers(hub, topic, transport) {
  const resp = await RespClient.open(hub);
  const text = await resp.command('HUB', 'TOPIC', topic).finally(() => resp.close());
  return JSON.parse(text).subscribers[transport];
}
