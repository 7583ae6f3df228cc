// RFC 6455 and RFC 7692 rule by rule, against longwire-ws-echo and against the hub, whose raw
// WebSockets send everything back, too. Each case comes whole, split at every byte (a long one at
// those of its beginning and end, and at others), and byte by byte.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import WebSocket from 'ws';

import { SANITIZED, suiteHub } from './lib/hub.mjs';
import { sleep, within } from './lib/wait.mjs';
import { CASES } from './lib/wscases.mjs';
import { suiteEcho } from './lib/wsecho.mjs';
import {
  OP,
  RawWebSocket,
  closePayload,
  deflate,
  frame,
  inflate,
  isDeflated,
  parseFrames,
} from './lib/wsframe.mjs';

const DEFLATE = 'permessage-deflate';
/** Connections at a time. */
const AT_ONCE = 16;
/** A longer input is not split everywhere. */
const SPLIT_ALL = SANITIZED ? 24 : 64;
/** Time for the peer to read a piece before the next one comes, ms. */
const BETWEEN_MS = 2;

/** Where to split `n` bytes. */
function places(n) {
  const all = Array.from({ length: Math.max(n - 1, 0) }, (_, i) => i + 1);
  if (n <= SPLIT_ALL) return all;
  const part = SPLIT_ALL / 4;
  const step = Math.ceil(n / part);
  return all.filter((at) => at <= 2 * part || at >= n - part || at % step === 0);
}

/** `data` in pieces of one byte; of more when there would be too many. */
function bytewise(data) {
  const size = Math.ceil(data.length / 600);
  const count = Math.ceil(data.length / size);
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

async function atOnce(items, run) {
  const left = [...items];
  const worker = async () => {
    while (left.length) await run(left.shift());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const isControl = ({ opcode }) => opcode >= 8;
const content = (one) => (isDeflated(one) ? inflate(one.payload) : one.payload);

/** What came, in the terms of a case. */
function summary(frames) {
  const last = frames.at(-1);
  const code =
    last?.opcode === OP.CLOSE
      ? last.payload.length
        ? last.payload.readUInt16BE(0)
        : null
      : 'none';
  return {
    data: frames
      .filter((one) => !isControl(one))
      .map((one) => [one.opcode, `${content(one).toString('base64')}`]),
    pongs: frames
      .filter(({ opcode }) => opcode === OP.PONG)
      .map(({ payload }) => payload.toString('base64')),
    close: code,
  };
}

function expectation({ data = [], pongs = [], close }) {
  return {
    data: data.map(([opcode, payload]) => [opcode, payload.toString('base64')]),
    pongs: pongs.map((payload) => Buffer.from(payload).toString('base64')),
    close: close === undefined ? 1000 : close,
  };
}

async function send(ws, pieces, pause) {
  for (const piece of pieces) {
    await ws.raw.write(piece);
    await pause();
  }
}

/** Runs a case in these pieces; returns all frames that came. */
async function run(server, path, one, pieces, pause) {
  const ws = await RawWebSocket.open(server, path, one.deflate ? DEFLATE : null);
  if (one.deflate) assert.match(ws.extensions ?? 'none', /^permessage-deflate/);
  const answers = (one.data ?? []).length + (one.pongs ?? []).length;
  await send(ws, pieces, pause);
  if (one.close === undefined) {
    await ws.raw.until((data) => parseFrames(data).length >= answers, 'the answers');
    await ws.send(frame(OP.CLOSE, closePayload(1000)));
  }
  const frames = parseFrames(await ws.raw.untilClosed());
  ws.destroy();
  return frames.filter(({ opcode }) => opcode !== OP.PING);
}

/** The connection ends before the hub has committed what came before the violation. */
function withoutUncommitted(one, result) {
  return one.close === undefined ? result : { ...result, data: [] };
}

const asItIs = (one, result) => result;

async function check(server, path, one, pieces, pause, compared) {
  const frames = await run(server, path, one, pieces, pause);
  assert.ok(
    frames.every(({ fin }) => fin),
    'nothing is fragmented',
  );
  assert.deepEqual(compared(one, summary(frames)), compared(one, expectation(one)));
}

const immediately = () => new Promise((resolve) => setImmediate(resolve));
const aMoment = () => sleep(BETWEEN_MS);

function suite(server, pathOf, compared, splits) {
  let number = 0;
  for (const [group, cases] of Object.entries(CASES)) {
    describe(group, () => {
      for (const one of cases) {
        test(one.name, async () => {
          const data = Buffer.concat(one.send);
          await check(server, pathOf(number++), one, [data], immediately, compared);
          await check(server, pathOf(number++), one, bytewise(data), immediately, compared);
          await atOnce(splits(data.length), (at) =>
            check(
              server,
              pathOf(number++),
              one,
              [data.subarray(0, at), data.subarray(at)],
              aMoment,
              compared,
            ),
          );
        });
      }
    });
  }
}

describe('longwire-ws-echo', () => {
  const echo = suiteEcho();
  suite(echo, () => '/', asItIs, places);

  // Everything below is over npm's ws, which masks, fragments and inflates by itself.
  async function open(t, options = {}) {
    const ws = new WebSocket(`ws://127.0.0.1:${echo.port}/`, { maxPayload: 1 << 30, ...options });
    t.after(() => ws.terminate());
    await within(
      new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject)),
      'the handshake',
    );
    return ws;
  }

  const message = (ws) =>
    within(
      new Promise((resolve, reject) => {
        ws.once('message', (data, binary) => resolve({ data, binary }));
        ws.once('close', (code) => reject(new Error(`closed with ${code}`)));
      }),
      'the echo',
      60_000,
    );

  const MIB = 1 << 20;
  for (const size of [64 << 10, 256 << 10, MIB, 4 * MIB, 16 * MIB, 17 * MIB]) {
    for (const binary of [false, true]) {
      const kind = binary ? 'binary' : 'text';
      test(`${kind} of ${size} bytes, whole and in fragments`, async (t) => {
        const ws = await open(t, { perMessageDeflate: false });
        const sent = Buffer.alloc(size, binary ? Buffer.from([0, 255, 128]) : 'zwölf €');
        const whole = message(ws);
        ws.send(sent.subarray(0, size - (size % 10)), { binary });
        assert.ok((await whole).data.equals(sent.subarray(0, size - (size % 10))));
        const parts = message(ws);
        const part = Math.max(Math.ceil(size / 1000), 1300);
        const end = size - (size % 10);
        for (let at = 0; at < end; at += part) {
          ws.send(sent.subarray(at, Math.min(at + part, end)), { binary, fin: at + part >= end });
        }
        const { data, binary: isBinary } = await parts;
        assert.ok(data.equals(sent.subarray(0, end)));
        assert.equal(isBinary, binary);
      });
    }
  }

  test('a message of more than 64 MiB is refused by its head', async () => {
    const ws = await RawWebSocket.open(echo, '/');
    await ws.send(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 4, 0, 0, 1]));
    assert.equal(await ws.closeCode(), 1009);
    ws.destroy();
  });

  test('a thousand messages, one behind the other', async (t) => {
    const ws = await open(t, { perMessageDeflate: false });
    for (let i = 0; i < 1000; i++) {
      const back = message(ws);
      ws.send(`message ${i}`);
      assert.equal(`${(await back).data}`, `message ${i}`);
    }
  });

  // What suites offer: each flag, and each window that either side may have.
  const offers = [
    {},
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    ...[8, 9, 12, 15].map((bits) => ({ serverMaxWindowBits: bits })),
    ...[9, 15].map((bits) => ({ serverMaxWindowBits: bits, serverNoContextTakeover: true })),
    ...[9, 15].map((bits) => ({ clientMaxWindowBits: bits })),
    { serverMaxWindowBits: 9, clientMaxWindowBits: 9, clientNoContextTakeover: true },
  ];
  const texts = [0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072].map((n) =>
    JSON.stringify(Array.from({ length: n / 16 }, (_, i) => `€ ${(i * 7919) % 113}`)),
  );
  for (const offer of offers) {
    test(`compression with ${JSON.stringify(offer)}`, async (t) => {
      const ws = await open(t, { perMessageDeflate: { threshold: 0, ...offer } });
      assert.match(ws.extensions, /^permessage-deflate/);
      for (const text of texts) {
        for (const fragment of [text.length + 1, Math.ceil(text.length / 7) + 1]) {
          const back = message(ws);
          const bytes = Buffer.from(text);
          for (let at = 0; at === 0 || at < bytes.length; at += fragment) {
            ws.send(bytes.subarray(at, at + fragment), {
              binary: false,
              fin: at + fragment >= bytes.length,
            });
          }
          assert.equal(`${(await back).data}`, text);
        }
      }
    });
  }

  for (const bits of [8, 9, 10, 11, 12, 13, 14, 15]) {
    test(`what is compressed looks back no further than ${bits} bits`, async () => {
      const ws = await RawWebSocket.open(echo, '/', `${DEFLATE}; server_max_window_bits=${bits}`);
      assert.ok(ws.extensions.endsWith(`server_max_window_bits=${bits}`), ws.extensions);
      // What cannot be guessed, said twice: each distance is worth looking back, if it is allowed.
      const blocks = [200, 240, 300, 500, 700, 1500, 3000, 6000, 12000, 24000].map((n) =>
        randomBytes(n / 2).toString('hex'),
      );
      const sent = blocks.map((block) => block + block).join('');
      await ws.send(frame(OP.TEXT, deflate(sent), { rsv: 4 }));
      const back = await ws.next();
      assert.ok(isDeflated(back));
      assert.equal(`${inflate(back.payload, bits)}`, sent);
      ws.destroy();
    });
  }
});

describe('the hub', () => {
  const hub = suiteHub({
    set: { 'hub.max_message_bytes': '128K', 'http.ws_deflate_min_bytes': '1' },
  });
  const some = (n) => places(n).filter((at) => at < 20 || at % 3 === 0);
  suite(hub, (number) => `/t/conform/${number}?format=raw`, withoutUncommitted, some);
});
