// Publishers over HTTP/2 whom the log keeps waiting: their streams' windows stay shut, so that what
// the hub holds of them is bounded; the other streams of their connection go on; and all is stored
// once when the log goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  FRAME_MAX,
  RawH2,
  TYPE,
  WINDOW,
  data,
  headers,
  request,
  reset,
  windowUpdate,
} from './lib/h2_raw.mjs';
import { get, history, publish } from './lib/http.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { eventually } from './lib/wait.mjs';

const QUEUE = 1 << 20;
const FILLING = 'f'.repeat(WINDOW);
/** More than a window. */
const BODY = 'w'.repeat(100_000);
const WAITING = 20;
/** What the hub keeps of a stream besides its body, and a buffer that doubles. */
const PER_STREAM = 2 * (WINDOW + 4096);

async function figure(hub, name) {
  const { text } = await get(hub, '/metrics');
  return Number(new RegExp(`^longwire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

const odd = (from, count) => Array.from({ length: count }, (_, n) => from + 2 * n);

/** How many bytes of DATA `stream` may have sent so far in all. */
const granted = (h2, stream) =>
  h2
    .ofType(TYPE.WINDOW_UPDATE)
    .filter((one) => one.stream === stream)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), WINDOW);

async function open(t, hub) {
  const h2 = await RawH2.open(hub);
  t.after(() => h2.destroy());
  return h2;
}

const begin = (h2, stream, topic) =>
  h2.write(headers(stream, request(`/t/${topic}`, { method: 'POST' }), { end: false }));

/** Sends `body` from `at` on for as far as the windows allow; returns how far that was. */
async function sendSome(h2, stream, body, at, sent) {
  const most = () => Math.min(body.length, granted(h2, stream));
  while (at < most()) {
    const n = Math.min(most() - at, FRAME_MAX);
    await h2.until(() => granted(h2, 0) - sent.all >= n, 'the window of all');
    await h2.write(data(stream, body.slice(at, at + n), { end: at + n === body.length }));
    sent.all += n;
    at += n;
  }
  return at;
}

/** Fills the queue by publishes of one stream each, all of one connection; returns the streams. */
async function fill(h2, hub, sent) {
  const streams = [];
  while ((await figure(hub, 'queue_bytes')) < QUEUE) {
    const stream = 1 + 2 * streams.length;
    const before = await figure(hub, 'publishes_total');
    streams.push(stream);
    await begin(h2, stream, 'fill');
    assert.equal(await sendSome(h2, stream, FILLING, 0, sent), FILLING.length);
    await eventually(
      async () => (await figure(hub, 'publishes_total')) > before,
      'a publish to be taken',
    );
  }
  return streams;
}

/** A hub whose log stands still and whose queue is full, and the connection that filled it. */
async function full(t) {
  const set = { 'hub.workers': 1, 'hub.queue_bytes': `${QUEUE}`, 'http.body_timeout': '1h' };
  const [hub, gate] = await startSlowHub(t, { set });
  await publish(hub, 'old', 'before');
  gate.close();
  const h2 = await open(t, hub);
  const sent = { all: 0 };
  const streams = await fill(h2, hub, sent);
  return { hub, gate, h2, sent, streams };
}

test('streams that publish wait with their windows shut, and are stored once', async (t) => {
  const { hub, gate, h2, sent, streams } = await full(t);
  const before = await figure(hub, 'publishes_total');
  const waiting = odd(streams.at(-1) + 2, WAITING);
  for (const stream of waiting) {
    await begin(h2, stream, `wait/${stream}`);
    assert.equal(await sendSome(h2, stream, BODY, 0, sent), WINDOW, 'a window was opened');
  }
  // Whoever only asks, on the same connection.
  const asking = waiting.at(-1) + 2;
  await h2.write(headers(asking, request('/t/old?after=earliest&wait=0')));
  assert.equal(await h2.answered(asking), '200');
  assert.equal(JSON.parse(h2.bodyOf(asking)).messages[0].data, 'before');
  await h2.pinged('waiting');
  for (const stream of waiting) assert.equal(granted(h2, stream), WINDOW, `stream ${stream}`);
  assert.equal(await figure(hub, 'publishes_total'), before, 'a full hub took one');
  const held = await figure(hub, 'peer_bytes');
  assert.ok(held <= WAITING * PER_STREAM, `${held} bytes are held`);
  gate.open();
  for (const stream of waiting) {
    await h2.until(() => granted(h2, stream) >= BODY.length, `the window of stream ${stream}`);
    await sendSome(h2, stream, BODY, WINDOW, sent);
  }
  for (const stream of [...streams, ...waiting]) assert.equal(await h2.answered(stream), '201');
  assert.equal((await history(hub, 'fill')).length, streams.length);
  for (const stream of waiting) {
    const stored = await history(hub, `wait/${stream}`);
    assert.deepEqual(stored.map((one) => one.data), [BODY]);
  }
  await eventually(async () => (await figure(hub, 'queue_bytes')) === 0, 'an empty queue');
  await eventually(async () => (await figure(hub, 'peer_bytes')) === 0, 'nothing to be held');
});

test('an event stream of the same connection gets what was published before, and after', async (t) => {
  const { hub, gate, h2, sent, streams } = await full(t);
  const [waiting, following] = odd(streams.at(-1) + 2, 2);
  await begin(h2, waiting, 'old');
  await sendSome(h2, waiting, BODY, 0, sent);
  const more = [['accept', 'text/event-stream']];
  await h2.write(headers(following, request('/t/old?after=earliest', { more })));
  await h2.write(windowUpdate(0, 2 * BODY.length), windowUpdate(following, 2 * BODY.length));
  const heard = (text) => h2.bodyOf(following).includes(`data: ${text}\n`);
  await h2.until(() => heard('before'), 'what was there');
  assert.equal(granted(h2, waiting), WINDOW);
  gate.open();
  await h2.until(() => granted(h2, waiting) >= BODY.length, 'the window');
  await sendSome(h2, waiting, BODY, WINDOW, sent);
  assert.equal(await h2.answered(waiting), '201');
  await h2.until(() => heard(BODY), 'what had to wait');
});

test('one that gives up while it waits leaves nothing, and nothing of it is stored', async (t) => {
  const { hub, gate, h2, sent, streams } = await full(t);
  const [first, second] = odd(streams.at(-1) + 2, 2);
  for (const stream of [first, second]) {
    await begin(h2, stream, 'left');
    await sendSome(h2, stream, BODY, 0, sent);
  }
  await h2.pinged('waiting');
  await h2.write(reset(first));
  await h2.pinged('reset');
  gate.open();
  await h2.until(() => granted(h2, second) >= BODY.length, 'the window');
  await sendSome(h2, second, BODY, WINDOW, sent);
  assert.equal(await h2.answered(second), '201');
  assert.equal((await history(hub, 'left')).length, 1);
  await eventually(async () => (await figure(hub, 'peer_bytes')) === 0, 'nothing to be held');
});
