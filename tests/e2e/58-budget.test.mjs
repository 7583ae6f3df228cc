// Work has a budget for each turn of a worker's loop (net/budget.h): whatever a peer sends, the
// others are served between.
//
// What is asserted is work, counted by the hub in units that the input alone decides, never time.
import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';

import { assertProblem, get, poll, publish, publishBatch, request } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { eventually, within } from './lib/wait.mjs';
import { OP, frame, handshake } from './lib/wsframe.mjs';

/** budget.h: a turn, what a part may take too much, and what a record costs. */
const TURN = 1_500_000;
const RECORD = 50;
const JSON_BYTE = 3;
const INFLATED_BYTE = 3;
/** A part of a turn serves one connection at least, however much the part before it took. */
const PARTS = 3;
/** What lies in a socket is read 64 KiB at a time. */
const ATTACKERS = 20;
const MESSAGE_MAX = 64 << 10;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const ONE_WORKER = { 'hub.workers': 1, 'log.sync': 'never' };

async function countersOf(hub) {
  const { text } = await get(hub, '/metrics');
  const found = text.matchAll(/^longwire_(\w+)_total (\d+)$/gm);
  return Object.fromEntries([...found].map(([, name, value]) => [name, Number(value)]));
}

function packed(length) {
  const plain = Buffer.alloc(length, ' ');
  const data = zlib.deflateRawSync(plain, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  return frame(OP.TEXT, data.subarray(0, -4), { rsv: 4 });
}

/** A connection that sends `bytes` at once behind `opening`, and drops what comes. */
function attack(t, hub, opening, bytes) {
  const socket = net.connect(hub.port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  const answered = new Promise((resolve) => socket.once('data', resolve));
  socket.on('data', () => {});
  if (!opening) {
    socket.write(bytes);
    return Promise.resolve();
  }
  socket.write(opening);
  return within(answered, 'the upgrade').then(() => void socket.write(bytes));
}

const deflating = handshake('/ws', { 'Sec-WebSocket-Extensions': 'permessage-deflate' });

const CASES = {
  'small frames that inflate to much': {
    set: { 'hub.max_message_bytes': MESSAGE_MAX },
    opening: deflating,
    bytes: () => Buffer.concat(upTo(300).map(() => packed(2 * MESSAGE_MAX))),
    counter: 'ws_inflated',
    // the control object that it has become is read as one
    piece: 2 * MESSAGE_MAX * (JSON_BYTE + INFLATED_BYTE),
  },
  'small frames that inflate to more than is taken': {
    set: { 'hub.max_message_bytes': MESSAGE_MAX },
    opening: deflating,
    bytes: () => packed(64 * MESSAGE_MAX),
    refused: true,
    piece: 2 * MESSAGE_MAX * (JSON_BYTE + INFLATED_BYTE),
  },
  'frames of nothing': {
    opening: handshake('/ws'),
    bytes: () => Buffer.concat(upTo(20_000).map(() => frame(OP.PING))),
    counter: 'bytes_in',
    piece: 0,
  },
  'pipelined requests that are answered at once': {
    bytes: () => Buffer.from('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(2000)),
    counter: 'http_requests',
    piece: 0,
  },
  'pipelined requests that count far back': {
    filled: true,
    bytes: () =>
      Buffer.from(
        'GET /t/log?after=-19999&wait=0&limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(100),
      ),
    counter: 'polls',
    piece: 25_000 * RECORD,
  },
  'subscriptions that count far back': {
    filled: true,
    opening: handshake('/ws'),
    bytes: () =>
      Buffer.concat(
        upTo(100).map((n) =>
          frame(OP.TEXT, `{"op":"subscribe","topic":"log${n % 2 ? '' : '/#'}","after":"-19999"}`),
        ),
      ),
    counter: 'ws_control',
    piece: 25_000 * RECORD,
  },
  'pipelined polls with large answers': {
    filled: true,
    bytes: () =>
      Buffer.from('GET /t/log?after=earliest&wait=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(100)),
    counter: 'polls',
    piece: 1000 * (RECORD + 400),
  },
};

async function fill(hub) {
  const lines = upTo(10_000).map((n) => ({ topic: 'log', data: `${n} ${'x'.repeat(200)}` }));
  for (let n = 0; n < 2; n++) await publishBatch(hub, lines);
}

describe('the work of a turn is bounded', () => {
  for (const [name, { set, opening, bytes, counter, refused, piece, filled }] of Object.entries(CASES))
    test(name, async (t) => {
      const hub = await startHub(t, { set: { ...ONE_WORKER, ...set } });
      if (filled) await fill(hub);
      const before = await countersOf(hub);
      const input = bytes();
      await Promise.all(upTo(ATTACKERS).map(() => attack(t, hub, opening, input)));
      // Others are served meanwhile, and not each behind all of it.
      const local = await RespClient.open(hub);
      t.after(() => local.close());
      for (let n = 0; n < 20; n++) {
        await local.write(encode('PUBLISH', 'quiet', n));
        await local.reply();
        await publish(hub, 'quiet', 'x');
      }
      if (!refused) {
        await eventually(async () => (await countersOf(hub))[counter] > before[counter], counter);
        await eventually(async () => (await countersOf(hub)).yields > before.yields, 'a yield');
      }
      const { turn_work_max: most } = await countersOf(hub);
      const slack = 250_000; // a slice, 64 KiB of input, and the request that is not cut
      t.diagnostic(`up to ${most.toLocaleString()} in a turn`);
      assert.ok(most <= TURN + PARTS * (piece + slack), `${most} in a turn`);
    });
});

async function headOf(hub) {
  return /^longwire_head_offset (\d+)$/m.exec((await get(hub, '/metrics')).text)[1];
}

// Those who have asked for much are not read from before their turn comes; so whoever asks for little
// is behind none of them.
test('a newcomer is not behind all who ask for much', async (t) => {
  const hub = await startHub(t, { set: ONE_WORKER });
  // What is read at once is a slice and a bit.
  const input = Buffer.concat(upTo(5000).map(() => frame(OP.PONG, 'x'.repeat(100))));
  await Promise.all(upTo(200).map(() => attack(t, hub, handshake('/ws'), input)));
  await eventually(async () => (await countersOf(hub)).yields > 400, 'each to wait for its turn');
  const local = await RespClient.open(hub);
  t.after(() => local.close());
  const turnsOf = (text) => Number(/(?:^turns:|^longwire_turns_total )(\d+)/m.exec(text)[1]);
  // The least of some tries: turns also pass while this process is slow.
  let least = Infinity;
  for (let n = 0; n < 10; n++) {
    await local.write(encode('INFO', 'stats'));
    const before = turnsOf(await local.reply());
    const { text } = await get(hub, '/metrics', { agent: false });
    least = Math.min(least, turnsOf(text) - before);
  }
  t.diagnostic(`${least} turns`);
  assert.ok(least < 20, `${least} turns`);
});

test('a batch is read in as many turns as it takes', async (t) => {
  const hub = await startHub(t, { set: ONE_WORKER });
  const padding = 'x'.repeat(700);
  const lines = upTo(10_000).map((n) => ({ topic: `batch/${n % 10}`, data: { n, padding } }));
  const ids = await publishBatch(hub, lines);
  assert.equal(new Set(ids).size, lines.length);
  const { messages } = await poll(hub, 'batch/3', { after: 'earliest', wait: 0, limit: 1000 });
  assert.deepEqual(messages.map(({ data }) => data.n), upTo(1000).map((i) => 10 * i + 3));
  const { turn_work_max: most, yields } = await countersOf(hub);
  assert.ok(most <= 2 * TURN, `${most} in a turn`);
  assert.ok(yields >= 20, `${yields} yields`);
  // What is wrong is found wherever it is, and nothing of it is stored.
  const text = [...lines.slice(0, 9_999).map((line) => JSON.stringify(line)), '{"topic":"batch/1"}'];
  const headers = { 'Content-Type': 'application/x-ndjson' };
  const before = await headOf(hub);
  const refused = await request(hub, 'POST', '/t', { headers, body: text.join('\n') });
  assertProblem(refused, 400);
  assert.match(refused.text, /Line 10000: /);
  assert.equal(await headOf(hub), before);
});

test('polls that wait for the same are answered in as many turns as it takes', async (t) => {
  const hub = await startHub(t, { set: ONE_WORKER });
  const after = await publish(hub, 'many', 'before');
  const polls = upTo(200).map(() => poll(hub, 'many', { after, wait: 60 }));
  const local = await RespClient.open(hub);
  t.after(() => local.close());
  await eventually(async () => {
    await local.write(encode('HUB', 'TOPIC', 'many'));
    return JSON.parse(await local.reply()).subscribers.poll === polls.length;
  }, 'all polls to wait');
  const { yields } = await countersOf(hub);
  const data = 'x'.repeat(64 << 10);
  const id = await publish(hub, 'many', data);
  for (const { messages } of await Promise.all(polls))
    assert.deepEqual(messages.map((message) => [message.id, message.data]), [[id, data]]);
  const later = (await countersOf(hub)).yields - yields;
  assert.ok(later >= 100, `${later} were answered later`);
});

// A hub that stops does not work off what has been sent to it.
test('a hub with much left to do stops at once', async (t) => {
  const hub = await startHub(t, { set: { ...ONE_WORKER, 'hub.max_message_bytes': MESSAGE_MAX } });
  const input = Buffer.concat(upTo(300).map(() => packed(2 * MESSAGE_MAX)));
  await Promise.all(upTo(100).map(() => attack(t, hub, deflating, input)));
  await eventually(async () => (await countersOf(hub)).turns_full > 10, 'work that is left over');
  await hub.stop();
  assert.doesNotMatch(hub.stderr(), /stopping without waiting any longer/);
});

test('that more is asked for than fits is told when it begins and when it ends', async (t) => {
  const hub = await startHub(t, { set: { ...ONE_WORKER, 'hub.max_message_bytes': MESSAGE_MAX } });
  const sockets = [];
  const input = Buffer.concat(upTo(300).map(() => packed(2 * MESSAGE_MAX)));
  const flood = () => {
    const socket = net.connect(hub.port, '127.0.0.1');
    sockets.push(socket);
    const go = () => {
      while (socket.write(input));
      socket.once('drain', go);
    };
    socket.on('error', () => {});
    socket.once('data', go);
    socket.on('data', () => {});
    socket.write(deflating);
  };
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  upTo(4).forEach(flood);
  await eventually(() => /more than a turn has room for/.test(hub.stderr()), 'the first line');
  sockets.forEach((socket) => socket.destroy());
  await eventually(() => /no more than it can do at once again/.test(hub.stderr()), 'the second line');
  assert.equal(hub.stderr().match(/more than a turn has room for/g).length, 1);
});
