// What one request of each kind costs of a turn's budget (net/budget.h), to the unit: the same
// input is the same work on every machine, so a charge that is missing anywhere shows here.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { poll, publish, publishBatch } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { OP, RawWebSocket, deflated, frame } from './lib/wsframe.mjs';

/** budget.h; bytes of input and output cost one each. */
const SLICE = 1000;
const REQUEST = 3000;
const COMMAND = 1000;
const FRAME = 300;
const CONTROL = 1500;
const SUBSCRIBE = 5000;
const TOPIC = 600;
const PIECE = 100;
const INFLATED_BYTE = 3;
const JSON_BYTE = 3;
const RECORD = 50;
/** ws_frame.h: a compressed message is inflated in pieces of so much and a bit. */
const WS_PIECE = 64 << 10;

/** A request is looked at when it has come, and again when the next one may be read. */
const HTTP = REQUEST + 2 * SLICE;
/** WORK_PUBLISH; the next request may be read at once. */
const PUBLISH = 1000 + SLICE;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const get = (path, fields = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
const post = (path, body, fields = '') =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

function isWhole(data) {
  const text = data.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  return end > 0 && text.length >= end + 4 + Number(length ?? 0);
}

describe('what is charged', () => {
  // No deadline comes while a test runs.
  const hub = suiteHub({
    set: { 'hub.workers': 1, 'http.heartbeat': '60s', 'http.idle_timeout': '600s' },
  });
  let admin;
  let asking;

  const work = async () => JSON.parse(await admin.command('HUB', 'STATS')).counters.work;

  /** What `act` costs the hub. */
  async function costOf(act) {
    const from = await work();
    await act();
    return (await work()) - from - asking;
  }

  before(async () => {
    admin = await RespClient.open(hub);
    await work();
    const from = await work();
    asking = (await work()) - from;
  });
  after(() => admin.close());

  async function open(t, options) {
    const raw = await RawSocket.open(hub, options);
    t.after(() => raw.destroy());
    return raw;
  }

  /** What a request costs besides its bytes, and what came. */
  async function ask(raw, text) {
    raw.take();
    const cost = await costOf(async () => {
      await raw.write(text);
      await raw.until(isWhole, 'an answer');
    });
    return { cost: cost - text.length, out: raw.received.length };
  }

  test('asking for it costs the same each time', async () => {
    for (let n = 0; n < 3; n++) assert.equal(await costOf(() => {}), 0);
  });

  for (const [what, text, expected] of [
    ['a request', get('/healthz'), HTTP],
    ['one for nothing that is there', get('/nowhere'), HTTP],
    ['a poll', get('/t/none?wait=0'), HTTP + TOPIC],
    ['a poll of several topics', get('/t?topic=a&topic=b&topic=c%2F%23&wait=0'), HTTP + 3 * TOPIC],
  ])
    test(`HTTP, ${what}: its answer as well`, async (t) => {
      const { cost, out } = await ask(await open(t), text);
      assert.equal(cost, expected + out);
    });

  test('HTTP, several requests at once: each', async (t) => {
    const raw = await open(t);
    const count = 5;
    const text = get('/healthz').repeat(count);
    const cost = await costOf(async () => {
      await raw.write(text);
      await raw.until((data) => `${data}`.split('HTTP/1.1 200 ').length > count, 'all answers');
    });
    assert.equal(cost, 2 * SLICE + count * REQUEST + text.length + raw.received.length);
  });

  test('HTTP, a poll: what it reads', async (t) => {
    const raw = await open(t);
    const read = (after, limit) =>
      ask(raw, get(`/t/charge/read?wait=0&limit=${limit}&after=${after}`));
    const after = await publish(hub, 'charge/read', 'x');
    await publishBatch(hub, upTo(30).map(() => ({ topic: 'charge/read', data: 'x' })));
    const [few, many] = [await read(after, 10), await read(after, 20)];
    assert.equal(many.cost - many.out - few.cost + few.out, 10 * RECORD);
  });

  // Its answer comes from elsewhere, and is not charged.
  for (const [what, text, expected] of [
    ['a publish', post('/t/c', 'ten bytes.'), PIECE + 10 * JSON_BYTE],
    [
      'one in chunks',
      'POST /t/c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '1\r\nx\r\n2\r\nyy\r\n1\r\nz\r\n0\r\n\r\n',
      3 * PIECE + 4 * JSON_BYTE,
    ],
    [
      'a batch',
      post(
        '/t',
        '{"topic":"c","data":"x"}\n{"topic":"c","data":"y"}\n',
        'Content-Type: application/x-ndjson\r\n',
      ),
      PIECE + 2 * (COMMAND + 24 * JSON_BYTE),
    ],
  ])
    test(`HTTP, ${what}: its body`, async (t) => {
      const { cost } = await ask(await open(t), text);
      assert.equal(cost, PUBLISH + expected);
    });

  test('HTTP, a change of an event stream: its body, and each topic', async (t) => {
    const stream = await (await SseStream.open(hub, 'charge/s', { format: 'envelope' })).live();
    t.after(() => stream.close());
    const body = '{"subscribe":[{"topic":"charge/t"}]}';
    const { cost } = await ask(await open(t), post(`/session/${await stream.session}`, body));
    assert.equal(cost, HTTP + PIECE + body.length * JSON_BYTE + TOPIC + SUBSCRIBE);
  });

  /** What frames cost besides their bytes, until `count` bytes have come. */
  async function sendFrames(t, count, ...frames) {
    const ws = await RawWebSocket.open(hub, '/ws', 'permessage-deflate');
    t.after(() => ws.destroy());
    const bytes = Buffer.concat(frames);
    const cost = await costOf(async () => {
      await ws.raw.write(bytes);
      await ws.raw.until((data) => data.length >= count, 'an answer');
    });
    return cost - bytes.length;
  }

  const PING = '{"op":"ping"}';
  const PONG = 2 + '{"op":"pong"}'.length;
  const JOIN = '{"op":"subscribe","topic":"charge/w"}';
  for (const [what, frames, expected] of [
    ['a ping', [frame(OP.PING, 'abc')], FRAME],
    ['several frames', upTo(4).map(() => frame(OP.PING, 'abc')), 4 * FRAME],
    ['a control object', [frame(OP.TEXT, PING)], FRAME + CONTROL + PING.length * JSON_BYTE],
    [
      'a compressed one',
      [deflated(OP.TEXT, PING)],
      FRAME + CONTROL + PING.length * (JSON_BYTE + INFLATED_BYTE),
    ],
  ])
    test(`WebSocket, ${what}`, async (t) => {
      const out = what === 'several frames' ? 4 * 5 : what === 'a ping' ? 5 : PONG;
      assert.equal(await sendFrames(t, out, ...frames), SLICE + expected + out);
    });

  test('WebSocket, a compressed message that is inflated in pieces: each', async (t) => {
    const text = PING + ' '.repeat(500_000);
    const cost = await sendFrames(t, PONG, deflated(OP.TEXT, text));
    const least = text.length * JSON_BYTE + (text.length - 2 * WS_PIECE) * INFLATED_BYTE;
    assert.ok(cost >= least, `${cost}, not at least ${least}`);
  });

  test('WebSocket, a subscription', async (t) => {
    const ws = await RawWebSocket.open(hub);
    t.after(() => ws.destroy());
    const bytes = frame(OP.TEXT, JOIN);
    const cost = await costOf(async () => {
      await ws.send(bytes);
      await ws.raw.untilText('"live"');
    });
    const joins = FRAME + CONTROL + JOIN.length * JSON_BYTE + SUBSCRIBE;
    assert.equal(cost, SLICE + joins + bytes.length + ws.raw.received.length);
  });

  test('WebSocket, a publish', async (t) => {
    const text = '{"op":"publish","topic":"c","data":"ten bytes."}';
    const cost = await sendFrames(t, 30, frame(OP.TEXT, text));
    assert.equal(cost, SLICE + FRAME + CONTROL + text.length * JSON_BYTE + COMMAND + 10);
  });

  test('WebSocket, a raw publish', async (t) => {
    const ws = await RawWebSocket.open(hub, '/t/charge/raw?format=raw');
    t.after(() => ws.destroy());
    const bytes = frame(OP.TEXT, 'ten bytes.');
    const cost = await costOf(async () => {
      await ws.send(bytes);
      await ws.raw.untilText('ten bytes.');
    });
    assert.equal(cost, SLICE + FRAME + COMMAND + 10 + bytes.length);
  });

  for (const [what, count, ...commands] of [
    ['a command', 1, encode('PING')],
    ['several commands', 3, encode('PING'), encode('ECHO', 'x'), encode('PING')],
  ])
    test(`RESP, ${what}: each, and the answers`, async (t) => {
      const client = await RespClient.open(hub);
      t.after(() => client.close());
      const bytes = Buffer.concat(commands);
      const cost = await costOf(async () => {
        await client.write(bytes);
        for (let n = 0; n < count; n++) await client.reply();
      });
      assert.equal(cost, SLICE + count * COMMAND + bytes.length + client.raw.received.length);
    });

  test('RESP, a transaction: each command when it comes, and when it is run', async (t) => {
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    const run = async (count) => {
      const inside = upTo(count).map(() => encode('ECHO', 'x'));
      const bytes = Buffer.concat([encode('MULTI'), ...inside, encode('EXEC')]);
      const had = client.raw.received.length;
      const cost = await costOf(async () => {
        await client.write(bytes);
        for (let n = 0; n < count + 2; n++) await client.reply();
      });
      return cost - bytes.length - (client.raw.received.length - had);
    };
    const [few, many] = [await run(2), await run(5)];
    assert.equal(many - few, 3 * 2 * COMMAND);
  });

  // What a waiting poll has passed over when it is answered in another turn is not read again.
  test('a poll that is answered later reads what it lacks, and no more', async (t) => {
    const after = await publish(hub, 'charge/later', 'x');
    const count = 60; // each answer holds a message of 128 KiB, and 4 MiB go at once
    const polls = upTo(count).map(() => poll(hub, 'charge/later', { after, wait: 60 }));
    const waiting = async () => JSON.parse(await admin.command('HUB', 'TOPIC', 'charge/later'));
    await eventually(async () => (await waiting()).subscribers.poll === count, 'all to wait');
    const passed = 5000;
    await publishBatch(hub, upTo(passed).map(() => ({ topic: 'charge/other', data: 1 })));
    const yields = async () => JSON.parse(await admin.command('HUB', 'STATS')).counters.yields;
    const had = await yields();
    const data = 'x'.repeat(128 << 10);
    const cost = await costOf(async () => {
      await publish(hub, 'charge/later', data);
      for (const { messages } of await Promise.all(polls)) assert.equal(messages.length, 1);
    });
    const later = (await yields()) - had;
    assert.ok(later > 10, `${later} were answered later`);
    const read = cost - (count + 4) * data.length - (count + 2) * 10 * SLICE;
    assert.ok(read < (later * passed * RECORD) / 2, `${read} for ${later} that were answered later`);
  });
});
