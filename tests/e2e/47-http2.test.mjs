// HTTP/2 by prior knowledge: every transport over one connection, with Node's client, curl and the
// tools of nghttp2.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, block, connect, events, get, post, publish } from './lib/h2.mjs';
import { publish as publishOverHttp1 } from './lib/http.mjs';
import { run, startHub, suiteHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';

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
