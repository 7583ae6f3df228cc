// Event streams and answers to long-polls in gzip: who gets them, and that what is read is what
// everybody else reads, each block at once.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { constants, gunzipSync } from 'node:zlib';

import { Authority, secureSettings, secureView } from './lib/tls.mjs';
import { joinChunks, readChunks } from './lib/chunks.mjs';
import { counter } from './lib/counters.mjs';
import { ask, connect } from './lib/h2.mjs';
import { assertProblem, get, history, publish, request, subscribePath } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, within } from './lib/wait.mjs';

const GZIP = { 'Accept-Encoding': 'gzip' };
const SSE = { Accept: 'text/event-stream' };

/** JSON of at least `bytes`, numbered, as prices come. */
const quotes = (n, bytes = 1000) => {
  const list = [];
  for (let i = 0, size = 1; size < bytes; i++) {
    const price = 100 + ((n * 13 + i * 37) % 1000) / 100;
    list.push({ symbol: `S${(n * 31 + i * 7) % 97}`, price, volume: n * 1000 + i });
    size += JSON.stringify(list[i]).length + 1;
  }
  return list;
};

/** What follows the head of an answer; none before that is whole. */
function bodyOf(received) {
  const end = received.indexOf('\r\n\r\n');
  return end < 0 ? Buffer.alloc(0) : received.subarray(end + 4);
}

/** The text of a gzip stream that goes on. */
const unpackSoFar = (body) =>
  body.length ? String(gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH })) : '';

/** Opens a compressed stream that ends with the test. */
async function openPacked(t, hub, topics, parameters = {}, headers = {}) {
  const sse = await SseStream.open(hub, topics, parameters, { ...GZIP, ...headers });
  t.after(() => sse.close());
  assert.equal(sse.headers['content-encoding'], 'gzip');
  return sse;
}

describe('who gets gzip', () => {
  const hub = suiteHub();

  /** The coding of the event stream and of the poll that ask with these headers. */
  const codings = async (headers, parameters = {}) => {
    const path = subscribePath(['gz/who'], { after: '-1', wait: 0, ...parameters });
    const stream = await request(hub, 'HEAD', path, { headers: { ...SSE, ...headers } });
    const poll = await get(hub, path, { headers });
    for (const { status, headers } of [stream, poll]) {
      assert.equal(status, 200);
      assert.match(headers.vary, /Accept-Encoding/);
    }
    assert.match(stream.headers['cache-control'], /no-transform/);
    return [stream, poll].map((reply) => reply.headers['content-encoding']);
  };

  test('who asks for it, and comes through no proxy', async () => {
    await publish(hub, 'gz/who', quotes(1));
    const both = ['gzip', 'gzip'];
    const none = [undefined, undefined];
    for (const [headers, expected, parameters] of [
      [{}, none],
      [{ 'Accept-Encoding': 'gzip, deflate, br, zstd' }, both],
      [{ 'Accept-Encoding': '*' }, both],
      [{ 'Accept-Encoding': 'br' }, none],
      [{ 'Accept-Encoding': 'gzip;q=0, *' }, none],
      [{ 'Accept-Encoding': 'identity, gzip;q=0.5' }, none],
      [{ 'Accept-Encoding': 'identity;q=0' }, none],
      [{ ...GZIP, Via: '1.1 proxy' }, none],
      [{ ...GZIP, 'X-Forwarded-For': '10.0.0.1' }, none],
      [{ ...GZIP, Forwarded: 'for=10.0.0.1' }, none],
      [{ ...GZIP, Via: '1.1 proxy' }, both, { compress: 'yes' }],
      [GZIP, none, { compress: 'no' }],
      [{}, none, { compress: 'yes' }],
    ]) {
      assert.deepEqual(await codings(headers, parameters), expected, JSON.stringify(headers));
    }
  });

  test('the parameter is yes or no', async () => {
    for (const headers of [{}, SSE]) {
      assertProblem(await get(hub, '/t/gz/who?wait=0&compress=perhaps', { headers }), 400);
      assertProblem(await get(hub, '/t/gz/who?compress=no&compress=no', { headers }), 400);
    }
  });

  test('http.compress says for whom, and is reloaded', async (t) => {
    const set = { 'hub.workers': 1 };
    const other = await startHub(t, { set, config: '[http]\ncompress = no\n' });
    await publish(other, 'gz/reload', quotes(1));
    const ask = async (headers = {}) =>
      (await get(other, '/t/gz/reload?after=-1&wait=0', { headers: { ...GZIP, ...headers } })).headers;
    const before = await ask();
    assert.equal(before['content-encoding'], undefined);
    assert.equal(before.vary, undefined);
    const early = await SseStream.open(other, ['gz/reload'], {}, GZIP);
    t.after(() => early.close());
    assert.equal(early.headers['content-encoding'], undefined);
    writeFileSync(other.config, '[http]\ncompress = yes\n');
    other.signal('SIGHUP');
    await eventually(async () => (await ask())['content-encoding'] === 'gzip', 'the new setting');
    assert.equal((await ask({ Via: '1.1 proxy' }))['content-encoding'], 'gzip');
    await (await openPacked(t, other, ['gz/reload'])).live();
    await publish(other, 'gz/reload', 'both');
    assert.equal((await early.nextMessage()).data, 'both', 'a stream goes on as it began');
  });
});

describe('compressed event streams', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s', 'hub.workers': 2 } });

  test('say the same as others, block by block', async (t) => {
    const topics = ['gz/same/+', 'gz/one'];
    const packed = await openPacked(t, hub, topics);
    const plain = await SseStream.open(hub, topics);
    t.after(() => plain.close());
    await Promise.all([packed.live(), plain.live()]);
    const payloads = ['short', quotes(3), 'x'.repeat(70_000), quotes(4, 100_000), Buffer.from([0, 1, 255]), ''];
    for (const [i, payload] of payloads.entries()) {
      const event = i % 2 ? 'tick' : undefined;
      await publish(hub, i % 3 ? 'gz/one' : `gz/same/${i}`, payload, { event });
      // Each is there before the next one is published.
      assert.deepEqual(await packed.nextMessage(), await plain.nextMessage());
    }
  });

  test('have heartbeats, which move the place', async (t) => {
    const sse = await (await openPacked(t, hub, ['gz/quiet'])).live();
    const id = await publish(hub, 'gz/elsewhere', 'x');
    await within(
      (async () => {
        while (sse.cursor !== id) await sse.next();
      })(),
      'a heartbeat with the new place',
    );
  });

  test('resume by Last-Event-ID in the middle', async (t) => {
    const ids = [];
    for (let n = 0; n < 30; n++) ids.push(await publish(hub, 'gz/resume', quotes(n)));
    const first = await openPacked(t, hub, ['gz/resume'], { after: 'earliest' });
    const seen = await first.messages(11, JSON.parse);
    const cursor = ids[10];
    first.close();
    const second = await openPacked(t, hub, ['gz/resume'], {}, { 'Last-Event-ID': cursor });
    seen.push(...(await second.messages(19, JSON.parse)));
    assert.deepEqual(seen, ids.map((_, n) => quotes(n)));
  });

  test('tell gaps', async (t) => {
    const sse = await openPacked(t, hub, ['gz/gap'], { after: '5-1' });
    assert.equal(JSON.parse((await sse.nextEvent('longwire.gap')).data).requested, '5-1');
    await publish(hub, 'gz/gap', quotes(1));
    assert.deepEqual(JSON.parse((await sse.nextMessage()).data), quotes(1));
  });

  test('change their topics', async (t) => {
    const sse = await (await openPacked(t, hub, ['gz/first'], { format: 'envelope' })).live();
    await publish(hub, 'gz/second', quotes(5));
    const change = { subscribe: [{ topic: 'gz/second', after: '-1' }] };
    const reply = await request(hub, 'POST', `/session/${await sse.session}`, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(change),
    });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(JSON.parse((await sse.nextMessage()).data).data, quotes(5));
    await publish(hub, 'gz/second', quotes(6));
    assert.deepEqual(JSON.parse((await sse.nextMessage()).data).data, quotes(6));
  });

  test('a message is compressed once, however many there are', async (t) => {
    const streams = [];
    for (let i = 0; i < 20; i++) streams.push(await (await openPacked(t, hub, ['gz/once'])).live());
    const names = ['compressed', 'compressed_plain_bytes', 'compressed_bytes'];
    const read = () => Promise.all(names.map((name) => counter(hub, name)));
    const before = await read();
    await publish(hub, 'gz/once', 'too short');
    await publish(hub, 'gz/once', quotes(9));
    for (const sse of streams) assert.equal((await sse.messages(2)).length, 2);
    await eventually(async () => (await read())[2] > before[2], 'the count');
    const [messages, plain, packed] = (await read()).map((value, i) => value - before[i]);
    assert.equal(messages, 1);
    assert.ok(packed * 2.5 < plain, `${packed} of ${plain} bytes`);
  });

  test('each block is a chunk, as that of others, and ends with a flush', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('GET /t/gz/chunks HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n');
    const has = (wanted) =>
      raw.until((received) => unpackSoFar(joinChunks(bodyOf(received))).includes(wanted), wanted);
    await has('longwire.live');
    await publish(hub, 'gz/chunks', quotes(2));
    const [head, ...blocks] = readChunks(bodyOf(await has(JSON.stringify(quotes(2))))).chunks;
    assert.deepEqual([...head.subarray(0, 4)], [0x1f, 0x8b, 8, 0]);
    assert.ok(blocks.length >= 4); // hello, the session, live and the message, and heartbeats
    for (const block of blocks) {
      assert.ok(block.subarray(-4).equals(Buffer.from([0, 0, 0xff, 0xff])));
      assert.equal(block[0] & 1, 0, 'no block says that it is the last');
    }
  });

  test('HTTP/1.0 gets the same without chunks', async (t) => {
    await publish(hub, 'gz/old', quotes(7));
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('GET /t/gz/old?after=earliest HTTP/1.0\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n');
    assert.match(await raw.untilText('\r\n\r\n'), /\r\nContent-Encoding: gzip\r\n/);
    const text = (received) => unpackSoFar(bodyOf(received));
    const received = await raw.until((all) => text(all).includes('longwire.live'), 'live');
    assert.ok(text(received).includes(`data: ${JSON.stringify(quotes(7))}\n\n`));
  });

  test('who reads too slowly gets everything', async (t) => {
    const sse = await (await openPacked(t, hub, ['gz/slow'])).live();
    sse.pause();
    const lags = await counter(hub, 'lags');
    const sent = [];
    const noise = () => Array.from({ length: 3000 }, () => Math.random());
    while ((await counter(hub, 'lags')) === lags) {
      for (let i = 0; i < 20; i++) sent.push(noise());
      for (const payload of sent.slice(-20)) await publish(hub, 'gz/slow', payload);
    }
    sse.resume();
    for (const payload of sent) assert.deepEqual(JSON.parse((await sse.nextMessage()).data), payload);
  });
});

describe('compressed answers to long-polls', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });

  test('are whole gzip streams, of the same text', async () => {
    const sizes = [1000, 100, 20_000];
    for (const [n, size] of sizes.entries()) await publish(hub, 'gz/poll', quotes(n, size));
    await publish(hub, 'gz/poll', 'text "with" quotes');
    for (const parameters of [{ after: 'earliest' }, { after: '-2' }, { after: 'earliest', limit: 1 }]) {
      const path = subscribePath(['gz/poll'], { wait: 0, ...parameters });
      const plain = await get(hub, path);
      for (const method of ['GET', 'HEAD']) {
        const reply = await request(hub, method, path, { headers: GZIP });
        assert.equal(reply.headers['longwire-cursor'], plain.headers['longwire-cursor']);
        assert.equal(reply.headers['content-encoding'], 'gzip');
        if (method === 'HEAD') continue;
        assert.equal(String(gunzipSync(reply.body)), plain.text);
        assert.equal(Number(reply.headers['content-length']), reply.body.length);
      }
    }
  });

  test('are as they are when nothing in them is compressed', async () => {
    await publish(hub, 'gz/small', 'x');
    for (const path of ['/t/gz/small?after=-1&wait=0', '/t/gz/nothing?wait=0']) {
      const reply = await get(hub, path, { headers: GZIP });
      assert.equal(reply.headers['content-encoding'], undefined);
      assert.equal(reply.text, (await get(hub, path)).text);
    }
  });

  test('are one for all who wait', async () => {
    const wait = (headers) => get(hub, '/t/gz/wait?wait=60', { headers });
    const packed = Array.from({ length: 5 }, () => wait(GZIP));
    const plain = Array.from({ length: 3 }, () => wait({}));
    await eventually(async () => {
      const { text } = await get(hub, '/metrics');
      return text.includes('longwire_connections{transport="poll"} 8');
    }, 'all to wait');
    await publish(hub, 'gz/wait', quotes(1));
    const bodies = await Promise.all(packed);
    const [{ text }] = await Promise.all(plain);
    for (const { headers, body } of bodies) {
      assert.equal(headers['content-encoding'], 'gzip');
      assert.ok(body.equals(bodies[0].body));
    }
    assert.equal(String(gunzipSync(bodies[0].body)), text);
  });

  test('page through a history, each a little shorter than others', async () => {
    for (let n = 0; n < 40; n++) await publish(hub, 'gz/pages', quotes(n, 20_000));
    const all = await history(hub, ['gz/pages']);
    const messages = [];
    let after = 'earliest';
    let pages = 0;
    for (let live = false; !live; pages++) {
      const { body } = await get(hub, subscribePath(['gz/pages'], { after, wait: 0 }), { headers: GZIP });
      const answer = JSON.parse(gunzipSync(body));
      messages.push(...answer.messages);
      after = answer.cursor;
      live = answer.live === true;
    }
    assert.deepEqual(messages, all);
    assert.ok(pages > 1);
  });

  test('format=raw is never compressed', async () => {
    const path = '/t/gz/pages?after=earliest&wait=0&format=raw';
    const reply = await get(hub, path, { headers: GZIP });
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.deepEqual(reply.json(), quotes(0, 20_000));
  });
});

describe('gzip over TLS and HTTP/2', () => {
  const authority = new Authority();
  const hub = suiteHub({ set: secureSettings(authority.issue('hub')) });

  test('an event stream over TLS', async (t) => {
    const sse = await openPacked(t, secureView(hub, authority.pem), ['gz/tls']);
    await sse.live();
    for (let n = 0; n < 3; n++) {
      await publish(hub, 'gz/tls', quotes(n));
      assert.deepEqual(JSON.parse((await sse.nextMessage()).data), quotes(n));
    }
  });

  test('event streams and polls over HTTP/2', async (t) => {
    const session = await connect(t, hub);
    const stream = session.request({ ':path': '/t/gz/h2', accept: 'text/event-stream', 'accept-encoding': 'gzip' });
    let body = Buffer.alloc(0);
    const text = () => unpackSoFar(body);
    const [head] = await within(new Promise((resolve) => stream.once('response', (...all) => resolve(all))), 'the head');
    assert.equal(head['content-encoding'], 'gzip');
    stream.on('data', (data) => {
      body = Buffer.concat([body, data]);
    });
    await eventually(() => text().includes('longwire.live'), 'the stream to be live');
    for (let n = 0; n < 3; n++) {
      await publish(hub, 'gz/h2', quotes(n));
      await eventually(() => text().includes(`data: ${JSON.stringify(quotes(n))}\n\n`), 'the message');
    }
    const path = '/t/gz/h2?after=earliest&wait=0';
    const packed = await ask(session, { ':path': path, 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(String(gunzipSync(packed.body)), (await get(hub, path)).text);
  });
});

test('a hub that stops ends a compressed stream, whose last chunk is there and whose trailer is not', async (t) => {
  const hub = await startHub(t);
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  await raw.write('GET /t/gz/end HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n');
  await raw.untilText('\r\n\r\n');
  await publish(hub, 'gz/end', quotes(1));
  await hub.stop();
  const bytes = bodyOf(await raw.untilClosed());
  assert.ok(readChunks(bytes).ended);
  assert.throws(() => gunzipSync(joinChunks(bytes)), /unexpected end/);
  const text = unpackSoFar(joinChunks(bytes));
  assert.ok(text.includes(`data: ${JSON.stringify(quotes(1))}\n\n`), text);
});
