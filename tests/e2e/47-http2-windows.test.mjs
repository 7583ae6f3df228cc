// What RFC 9113 has a server do by itself: its settings, its frames, windows, limits of streams, and
// how it leaves. What it makes of others' faults is in 47-http2-rules.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  ERRORS,
  FLAG,
  FRAME_MAX,
  PREFACE,
  RawH2,
  SETTING,
  TYPE,
  WINDOW,
  data,
  headers,
  ping,
  request,
  reset,
  settings,
  settingsAck,
  windowUpdate,
} from './lib/h2_raw.mjs';
import { poll, publish } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';

const BIG = 200_000;
const { INITIAL_WINDOW_SIZE, HEADER_TABLE_SIZE } = SETTING;
const NO_TABLE = [HEADER_TABLE_SIZE, 0];

const get = (stream, path) => headers(stream, request(path));
/** A long-poll that nobody answers. */
const held = (stream) => get(stream, '/t/h2/none?wait=50');

describe('RFC 9113, by the hub itself', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });

  async function open(t, options) {
    const h2 = await RawH2.open(hub, options);
    t.after(() => h2.destroy());
    return h2;
  }

  /** The length of the body that has come, once all that could come has. */
  async function bodyLength(h2, stream, text) {
    await h2.pinged(text);
    return h2.bodyOf(stream).length;
  }

  test('3.4, 6.5: settings are its first frame, and each is acknowledged once', async (t) => {
    const h2 = await open(t);
    assert.equal(h2.frames[0].type, TYPE.SETTINGS);
    assert.equal(h2.frames[0].flags, 0);
    const pairs = [];
    for (let at = 0; at < h2.frames[0].payload.length; at += 6) {
      const { payload } = h2.frames[0];
      pairs.push([payload.readUInt16BE(at), payload.readUInt32BE(at + 2)]);
    }
    const told = Object.fromEntries(pairs);
    assert.equal(told[HEADER_TABLE_SIZE], 0);
    assert.equal(told[SETTING.MAX_CONCURRENT_STREAMS], 256);
    assert.equal(told[SETTING.ENABLE_CONNECT_PROTOCOL], 1);
    assert.notEqual(told[SETTING.ENABLE_PUSH], 1);
    await h2.write(settings(), settings([[3, 9]]));
    await h2.pinged();
    const acks = h2.ofType(TYPE.SETTINGS).filter(({ flags }) => flags === FLAG.ACK);
    assert.equal(acks.length, 3);
    assert.ok(acks.every(({ payload }) => payload.length === 0));
  });

  test('6.7: a PING comes back as it was, and an answer does not', async (t) => {
    const h2 = await open(t);
    await h2.write(ping('\0\x01eight!'), ping('unasked', { flags: FLAG.ACK }), ping('\xffsecond'));
    await h2.pinged();
    const texts = h2.ofType(TYPE.PING).map(({ payload }) => payload.toString('latin1').trimEnd());
    assert.deepEqual(texts, ['\0\x01eight!', '\xffsecond', 'pinged']);
    assert.ok(h2.ofType(TYPE.PING).every(({ flags }) => flags === FLAG.ACK));
  });

  test('6.9.1: DATA waits for the window of its stream', async (t) => {
    await publish(hub, 'h2/small', 'x'.repeat(3000));
    const h2 = await open(t, { pairs: [NO_TABLE, [INITIAL_WINDOW_SIZE, 0]] });
    await h2.write(get(1, '/t/h2/small?after=earliest&wait=0'));
    await h2.until(() => h2.answerOf(1), 'the head');
    assert.equal(h2.answerOf(1)[':status'], '200');
    assert.equal(await bodyLength(h2, 1, 'first'), 0);
    await h2.write(windowUpdate(1, 100));
    assert.equal(await bodyLength(h2, 1, 'second'), 100);
    await h2.write(settings([[INITIAL_WINDOW_SIZE, 5]]));
    assert.equal(await bodyLength(h2, 1, 'third'), 105);
    await h2.write(settings([[INITIAL_WINDOW_SIZE, 100_000]]));
    await h2.answered(1);
    assert.equal(JSON.parse(h2.bodyOf(1)).messages[0].data.length, 3000);
  });

  // 6.9.2: a smaller initial window takes away what was not used, below zero if need be.
  test('6.9.2: windows below zero', async (t) => {
    await publish(hub, 'h2/negative', 'x'.repeat(3000));
    const h2 = await open(t, { pairs: [NO_TABLE, [INITIAL_WINDOW_SIZE, 100]] });
    await h2.write(get(1, '/t/h2/negative?after=earliest&wait=0'));
    await h2.until(() => h2.bodyOf(1).length >= 100, 'the first window');
    await h2.write(settings([[INITIAL_WINDOW_SIZE, 40]]), windowUpdate(1, 60));
    assert.equal(await bodyLength(h2, 1, 'minus 60'), 100);
    await h2.write(windowUpdate(1, 1));
    assert.equal(await bodyLength(h2, 1, 'plus 1'), 101);
    await h2.write(windowUpdate(1, 10_000));
    assert.equal(await h2.answered(1), '200');
  });

  test('6.9: the window of the connection, frames of no more than 16,384 bytes', async (t) => {
    await publish(hub, 'h2/big', 'x'.repeat(BIG));
    const h2 = await open(t, { pairs: [NO_TABLE, [INITIAL_WINDOW_SIZE, 2 ** 31 - 1]] });
    await h2.write(get(1, '/t/h2/big?after=earliest&wait=0'));
    await h2.until(() => h2.bodyOf(1).length >= WINDOW, 'the window');
    assert.equal(await bodyLength(h2, 1, 'full'), WINDOW);
    // Another stream has a head, but nothing goes behind it.
    await h2.write(get(3, '/healthz'));
    await h2.until(() => h2.answerOf(3), 'the head of another');
    assert.equal(await bodyLength(h2, 3, 'empty'), 0);
    await h2.write(windowUpdate(0, 2 ** 31 - 1 - WINDOW));
    assert.equal(await h2.answered(1), '200');
    assert.equal(await h2.answered(3), '200');
    assert.equal(JSON.parse(h2.bodyOf(1)).messages[0].data.length, BIG);
    assert.ok(h2.ofType(TYPE.DATA).every(({ payload }) => payload.length <= FRAME_MAX));
  });

  test('6.9: a stream without window holds up no other', async (t) => {
    await publish(hub, 'h2/others', 'x'.repeat(3000));
    const h2 = await open(t, { pairs: [NO_TABLE, [INITIAL_WINDOW_SIZE, 0]] });
    const streams = Array.from({ length: 20 }, (_, i) => 1 + 2 * i);
    for (const stream of streams) await h2.write(get(stream, '/t/h2/others?after=earliest&wait=0'));
    const open10 = streams.filter((_, i) => i % 2);
    for (const stream of open10) await h2.write(windowUpdate(stream, 100_000));
    for (const stream of open10) assert.equal(await h2.answered(stream), '200');
    for (const stream of streams.filter((_, i) => i % 2 === 0))
      assert.equal(h2.bodyOf(stream).length, 0);
  });

  test('6.9: publishers are given windows as they are read', async (t) => {
    const h2 = await open(t);
    const body = 'y'.repeat(BIG);
    await h2.write(headers(1, request('/t/h2/up', { method: 'POST' }), { end: false }));
    const granted = (stream) =>
      h2
        .ofType(TYPE.WINDOW_UPDATE)
        .filter((one) => one.stream === stream)
        .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), WINDOW);
    for (let at = 0; at < BIG;) {
      await h2.until(() => Math.min(granted(0), granted(1)) > at, 'a window');
      const n = Math.min(BIG - at, Math.min(granted(0), granted(1)) - at, FRAME_MAX);
      await h2.write(data(1, body.slice(at, at + n), { end: at + n === BIG }));
      at += n;
    }
    assert.equal(await h2.answered(1), '201');
    const { messages } = await poll(hub, 'h2/up', { after: 'earliest', wait: 0 });
    assert.equal(messages[0].data, body);
  });

  test('6.8, 5.4.1: what ends the connection is told with the last stream, and then it ends', async (t) => {
    const h2 = await open(t);
    await h2.write(held(1), held(5), windowUpdate(0, 0));
    await h2.untilClosed();
    const [goaway] = h2.ofType(TYPE.GOAWAY);
    assert.equal(goaway.stream, 0);
    assert.equal(goaway.payload.readUInt32BE(0), 5);
    assert.equal(ERRORS[goaway.payload.readUInt32BE(4)], 'PROTOCOL_ERROR');
    assert.equal(h2.frames.at(-1).type, TYPE.GOAWAY);
  });

  test('5.4.2: nothing comes on a stream that was reset', async (t) => {
    const h2 = await open(t);
    await h2.write(get(1, '/t/h2/reset?wait=50'));
    await h2.pinged('held');
    await h2.write(reset(1));
    await h2.pinged('reset');
    await publish(hub, 'h2/reset', 'late');
    await h2.write(get(3, '/t/h2/reset?after=earliest&wait=0'));
    assert.equal(await h2.answered(3), '200');
    assert.ok(h2.frames.every(({ stream }) => stream !== 1));
  });

  test('8.2, 8.3: fields of answers', async (t) => {
    const h2 = await open(t);
    const paths = {
      1: ['/healthz', 'GET', '200'],
      3: ['/nowhere', 'GET', '404'],
      5: ['/healthz', 'DELETE', '405'],
      7: ['/t/h2/fields?after=earliest&wait=0', 'GET', '200'],
      9: ['/healthz', 'HEAD', '200'],
      11: ['/t/h2/fields', 'OPTIONS', '204'],
    };
    for (const [stream, [path, method, status]] of Object.entries(paths)) {
      await h2.write(headers(Number(stream), request(path, { method })));
      assert.equal(await h2.answered(Number(stream)), status, `${method} ${path}`);
      const answer = h2.answerOf(Number(stream));
      assert.equal(Object.keys(answer)[0], ':status');
      for (const name of Object.keys(answer)) {
        assert.match(name, /^:status$|^[a-z0-9-]+$/);
        assert.doesNotMatch(name, /^(connection|keep-alive|transfer-encoding|upgrade)$/);
      }
    }
    assert.equal(h2.bodyOf(9).length, 0, 'HEAD');
  });
});

// The RFC has it an error of the stream, and lets a server make it one of the connection (5.4.1).
test('5.1.2: a stream too many, when the limit is known', async (t) => {
  const hub = await startHub(t, { set: { 'http.h2_max_streams': 3 } });
  const h2 = await RawH2.open(hub);
  t.after(() => h2.destroy());
  await h2.write(held(1), held(3), held(5), reset(3), held(7));
  await h2.pinged('three');
  for (const stream of [1, 5, 7]) assert.equal(h2.resetOf(stream), undefined);
  await h2.write(held(9));
  await h2.untilClosed();
  assert.equal(h2.goaway, 'PROTOCOL_ERROR');
});

test('5.1.2: a stream too many, before the limit is known, may come again', async (t) => {
  const hub = await startHub(t, { set: { 'http.h2_max_streams': 3 } });
  const h2 = await RawH2.silent(hub);
  t.after(() => h2.destroy());
  await h2.write(PREFACE, settings(), held(1), held(3), held(5), held(7));
  await h2.until(() => h2.resetOf(7), 'the refusal');
  assert.equal(h2.resetOf(7), 'REFUSED_STREAM');
  await h2.write(settingsAck(), reset(3), get(9, '/healthz'));
  assert.equal(await h2.answered(9), '200');
  for (const stream of [1, 5]) assert.equal(h2.resetOf(stream), undefined);
});

test('6.8: a hub that stops says so, and answers what it has', async (t) => {
  const hub = await startHub(t);
  const h2 = await RawH2.open(hub);
  t.after(() => h2.destroy());
  await h2.write(held(1));
  await h2.pinged('held');
  const stopped = hub.stop();
  await h2.until(() => h2.ofType(TYPE.GOAWAY).length, 'the notice');
  const [notice] = h2.ofType(TYPE.GOAWAY);
  assert.equal(notice.payload.readUInt32BE(0), 2 ** 31 - 1);
  const [asked] = h2.ofType(TYPE.PING);
  // A request that crossed the notice.
  await h2.write(get(3, '/healthz'), ping(asked.payload.toString('latin1'), { flags: FLAG.ACK }));
  assert.equal(await h2.answered(3), '200');
  assert.equal(await h2.answered(1), '200');
  await h2.untilClosed();
  assert.equal(h2.goaway, 'NO_ERROR');
  assert.equal(h2.ofType(TYPE.GOAWAY).at(-1).payload.readUInt32BE(0), 3);
  await stopped;
});
