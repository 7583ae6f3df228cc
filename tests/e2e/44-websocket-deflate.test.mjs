// permessage-deflate (RFC 7692) on the hub: what is agreed on, that messages are compressed once for
// all, and that nobody else notices.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';

import { get, history, publish } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';
import {
  OP,
  RawWebSocket,
  deflate,
  deflated,
  frame,
  handshake,
  inflate,
  isDeflated,
} from './lib/wsframe.mjs';

const OFFER = 'permessage-deflate';
const ANSWER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const TEXT = 'one message for all of them, '.repeat(100);

describe('compressed WebSocket', () => {
  const hub = suiteHub({ set: { 'hub.workers': '2' } });

  async function open(t, path, offer = OFFER) {
    const ws = await RawWebSocket.open(hub, path, offer);
    t.after(() => ws.destroy());
    return ws;
  }

  /** The next frame of a message; `live` and pings are passed over. */
  async function nextMessage(ws) {
    for (;;) {
      const one = await ws.next();
      if (one.opcode === OP.PING || `${one.payload}`.startsWith('{"op":')) continue;
      return one;
    }
  }

  async function live(ws) {
    assert.equal(JSON.parse((await ws.next()).payload).op, 'live');
    return ws;
  }

  async function metric(name) {
    const { text } = await get(hub, '/metrics');
    const line = text.split('\n').find((one) => one.startsWith(`longwire_${name}_total `));
    return Number(line.split(' ')[1]);
  }

  // --- what is agreed on ---

  const agreed = [
    ['permessage-deflate', ANSWER],
    ['permessage-deflate; client_max_window_bits', ANSWER],
    ['permessage-deflate; client_max_window_bits=8', ANSWER],
    ['permessage-deflate;client_max_window_bits="1\\0" ', ANSWER],
    ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', ANSWER],
    ['permessage-deflate; server_max_window_bits=15', `${ANSWER}; server_max_window_bits=15`],
    ['permessage-deflate; server_max_window_bits=9, permessage-deflate', ANSWER],
    ['x-webkit-deflate-frame, mux; max-channels=4, permessage-deflate', ANSWER],
    ['permessage-deflate; server_max_window_bits=14', null],
    ['permessage-deflate; server_max_window_bits', null],
    ['permessage-deflate; server_max_window_bits=015', null],
    ['permessage-deflate; client_max_window_bits=16', null],
    ['permessage-deflate; client_max_window_bits=7', null],
    ['permessage-deflate; server_no_context_takeover=1', null],
    ['permessage-deflate; client_max_window_bits; client_max_window_bits', null],
    ['permessage-deflate; anything', null],
    ['permessage-bzip2', null],
  ];
  for (const [offer, answer] of agreed) {
    test(`${offer}: ${answer ? 'accepted' : 'declined'}`, async (t) => {
      assert.equal((await open(t, '/ws', offer)).extensions, answer);
    });
  }

  const malformed = [
    'permessage-deflate;',
    'permessage-deflate client_max_window_bits',
    'permessage-deflate; client_max_window_bits=',
    'permessage-deflate; client_max_window_bits="15',
    'permessage-deflate; x="a b"',
    '"permessage-deflate"',
  ];
  const upgrade = async (headers) => {
    const raw = await RawSocket.open(hub);
    await raw.write(headers);
    const reply = await raw.untilText('\r\n\r\n');
    raw.destroy();
    return reply;
  };
  for (const offer of malformed) {
    test(`${offer}: 400`, async () => {
      const reply = await upgrade(handshake('/ws', { 'Sec-WebSocket-Extensions': offer }));
      assert.match(reply, /^HTTP\/1\.1 400 /);
    });
  }

  test('offers in several fields are one list', async () => {
    const two = `x\r\nSec-WebSocket-Extensions: ${OFFER}`;
    const reply = await upgrade(handshake('/ws', { 'Sec-WebSocket-Extensions': two }));
    assert.ok(reply.includes(`\r\nSec-WebSocket-Extensions: ${ANSWER}\r\n`), reply);
  });

  test('the key and the version may be there only once', async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const twice = { 'Sec-WebSocket-Key': `${key}\r\nSec-WebSocket-Key: ${key}` };
    assert.match(await upgrade(handshake('/ws', twice)), /^HTTP\/1\.1 400 /);
    const versions = { 'Sec-WebSocket-Version': '13\r\nSec-WebSocket-Version: 13' };
    assert.match(await upgrade(handshake('/ws', versions)), /^HTTP\/1\.1 400 /);
  });

  // --- from the hub ---

  for (const format of ['envelope', 'raw']) {
    test(`${format}: all who negotiated it get the same bytes, made once`, async (t) => {
      const path = `/t/z/${format}?format=${format}`;
      const many = await Promise.all(Array.from({ length: 8 }, () => open(t, path)));
      const plain = await open(t, path, null);
      if (format === 'envelope') await Promise.all([...many, plain].map(live));
      const before = [await metric('ws_deflated'), await metric('ws_deflated_plain_bytes')];
      const bytes = await metric('ws_deflated_bytes');
      await publish(hub, `z/${format}`, TEXT);
      const frames = await Promise.all(many.map(nextMessage));
      const untouched = await nextMessage(plain);
      assert.equal(untouched.rsv, 0);
      const expected = format === 'raw' ? TEXT : JSON.parse(untouched.payload).data;
      assert.equal(expected, TEXT);
      for (const one of frames) {
        assert.ok(isDeflated(one) && one.fin && one.opcode === OP.TEXT);
        assert.ok(one.payload.equals(frames[0].payload));
      }
      assert.ok(inflate(frames[0].payload).equals(untouched.payload));
      assert.ok(frames[0].payload.length < TEXT.length / 5, `${frames[0].payload.length} bytes`);
      // Workers count at the ends of their turns.
      await eventually(async () => (await metric('ws_deflated')) > before[0], 'the count');
      assert.equal(await metric('ws_deflated'), before[0] + 1);
      assert.equal(await metric('ws_deflated_plain_bytes'), before[1] + untouched.payload.length);
      assert.equal(await metric('ws_deflated_bytes'), bytes + frames[0].payload.length);
    });
  }

  test('replay is compressed, too', async (t) => {
    for (let i = 0; i < 20; i++) await publish(hub, 'z/replay', `${i} ${TEXT}`);
    const ws = await open(t, '/t/z/replay?after=earliest');
    for (let i = 0; i < 20; i++) {
      const one = await nextMessage(ws);
      assert.ok(isDeflated(one));
      assert.equal(JSON.parse(inflate(one.payload)).data, `${i} ${TEXT}`);
    }
  });

  test('a topic that is added is compressed, too', async (t) => {
    const ws = await open(t, '/ws');
    await ws.send(frame(OP.TEXT, '{"op":"subscribe","topic":"z/added"}'));
    assert.equal(JSON.parse((await ws.next()).payload).op, 'subscribed');
    await live(ws);
    await publish(hub, 'z/added', TEXT);
    assert.ok(isDeflated(await nextMessage(ws)));
  });

  test('what is short, and what does not get shorter, stays as it is', async (t) => {
    const ws = await open(t, '/t/z/plain?format=raw');
    const noise = deflateRawSync(
      Buffer.from(Array.from({ length: 5000 }, () => Math.random() * 256)),
    );
    await ws.send(frame(OP.TEXT, 'x'.repeat(511)), frame(OP.BINARY, noise));
    await ws.send(frame(OP.TEXT, 'x'.repeat(512)));
    assert.equal((await nextMessage(ws)).rsv, 0);
    const second = await nextMessage(ws);
    assert.equal(second.rsv, 0);
    assert.ok(second.payload.equals(noise));
    assert.ok(isDeflated(await nextMessage(ws)));
  });

  test('a slow receiver gets every byte of what it was cut in', async (t) => {
    const ws = await open(t, '/t/z/slow?format=raw');
    await ws.send(frame(OP.TEXT, 'first'));
    await nextMessage(ws);
    ws.raw.pause();
    const sent = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 20000 }, (_, k) => `${(k * 7919 + i) % 10007},`).join(''),
    );
    for (const one of sent) await publish(hub, 'z/slow', one);
    ws.raw.resume();
    for (const one of sent) assert.equal(`${inflate((await nextMessage(ws)).payload)}`, one);
  });

  // --- from the client ---

  test('compressed publishes and plain ones are the same', async (t) => {
    const ws = await open(t, '/ws');
    const ask = (data) => JSON.stringify({ op: 'publish', topic: 'z/in', data });
    const before = await metric('ws_inflated');
    await ws.send(deflated(OP.TEXT, ask(TEXT)), frame(OP.TEXT, ask('plain')));
    const packed = deflate(ask('parts'));
    await ws.send(
      frame(OP.TEXT, packed.subarray(0, 9), { fin: false, rsv: 4 }),
      frame(OP.PING, 'between'),
      frame(OP.CONTINUATION, packed.subarray(9)),
    );
    await eventually(async () => (await history(hub, 'z/in')).length === 3, 'three messages');
    assert.deepEqual(
      (await history(hub, 'z/in')).map(({ data }) => data),
      [TEXT, 'plain', 'parts'],
    );
    assert.equal(await metric('ws_inflated'), before + 2);
  });

  for (const [what, path, size] of [
    ['raw', '/t/z/bomb?format=raw', 1 << 20],
    ['envelope', '/ws', (2 << 20) + 65536],
  ]) {
    test(`${what}: what inflates to more than is allowed is stopped`, async (t) => {
      const ws = await open(t, path);
      const bomb = deflate(Buffer.alloc(200 << 20, 'x'));
      assert.ok(bomb.length < 1 << 20, 'its own length is allowed');
      // Its last fragment never comes.
      await ws.send(frame(OP.TEXT, bomb, { fin: false, rsv: 4 }));
      assert.equal(await ws.closeCode(), 1009);
      const most = await open(t, path);
      await most.send(deflated(OP.TEXT, 'x'.repeat(size)), frame(OP.PING, 'still here'));
      const back = async () => {
        const one = await most.next();
        return one.opcode === OP.PONG || back();
      };
      await back();
    });
  }

  test('a payload of the limit that grew when it was compressed is taken', async (t) => {
    const ws = await open(t, '/t/z/grown?format=raw');
    const payload = randomBytes(1 << 20);
    const grown = deflate(payload, { memLevel: 1 });
    assert.ok(grown.length > payload.length + payload.length / 64 + 64, 'it has hardly grown');
    await ws.send(frame(OP.BINARY, grown, { rsv: 4 }));
    const echo = await ws.next();
    assert.equal(echo.opcode, OP.BINARY);
    assert.deepEqual(isDeflated(echo) ? inflate(echo.payload) : echo.payload, payload);
  });

  test('compressed bytes that give nothing are not taken without end', async (t) => {
    const ws = await open(t, '/t/z/empty?format=raw');
    const empty = Buffer.alloc(5 * 20000, Buffer.from([0, 0, 0, 255, 255]));
    const next = frame(OP.CONTINUATION, empty, { fin: false });
    const parts = Array.from({ length: 90 }, () => next);
    ws.send(frame(OP.TEXT, empty, { fin: false, rsv: 4 }), ...parts).catch(() => {});
    assert.equal(await ws.closeCode(), 1009);
  });

  // --- clients ---

  const offers = [
    true,
    { threshold: 0 },
    { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
    { clientMaxWindowBits: 9, threshold: 0 },
    { serverMaxWindowBits: 15, threshold: 0 },
  ];
  for (const offer of offers) {
    test(`npm's ws with ${JSON.stringify(offer)}`, async (t) => {
      const topic = `z/ws/${JSON.stringify(offer).length}`;
      const ws = await (await WsClient.open(hub, topic, {}, { perMessageDeflate: offer })).live();
      t.after(() => ws.terminate());
      for (let i = 0; i < 10; i++) {
        const { id } = await ws.ask({ op: 'publish', topic, data: `${i} ${TEXT}` });
        assert.match(id, /^\d+-\d+$/);
      }
      const list = await history(hub, topic);
      assert.deepEqual(
        list.map(({ data }) => data),
        Array.from({ length: 10 }, (_, i) => `${i} ${TEXT}`),
      );
    });
  }

  test('HUB CLIENTS and longwirectl show who negotiated it', async (t) => {
    await live(await open(t, '/t/z/yes'));
    await live(await open(t, '/t/z/no', null));
    const table = (await longwirectl(hub, ['clients'])).stdout;
    assert.match(table, /^ *\d+ +ws\+deflate +127\.0\.0\.1:\d+ .* z\/yes *$/m);
    assert.match(table, /^ *\d+ +ws +127\.0\.0\.1:\d+ .* z\/no *$/m);
    const { stdout } = await longwirectl(hub, ['--json', 'clients']);
    const find = (topic) => JSON.parse(stdout).find(({ topics }) => topics.includes(topic));
    assert.equal(find('z/yes').deflate, true);
    assert.ok(!('deflate' in find('z/no')));
  });
});

test('http.ws_deflate = off declines every offer', async (t) => {
  const hub = await startHub(t, { set: { 'http.ws_deflate': 'off' } });
  const ws = await RawWebSocket.open(hub, '/ws', OFFER);
  assert.equal(ws.extensions, null);
  await ws.send(frame(OP.TEXT, 'x', { rsv: 4 }));
  assert.equal(await ws.closeCode(), 1002);
  ws.destroy();
});
