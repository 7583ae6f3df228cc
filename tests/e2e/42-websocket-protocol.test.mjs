// RFC 6455, spoken by hand: handshakes, fragments, and what breaks the protocol.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket, exchange } from './lib/raw.mjs';
import { OP, RawWebSocket, closePayload, frame, handshake, parseFrames } from './lib/wsframe.mjs';
import { WsClient } from './lib/ws.mjs';

describe('WebSocket protocol', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s' } });

  async function open(t, path) {
    const ws = await RawWebSocket.open(hub, path);
    t.after(() => ws.destroy());
    return ws;
  }

  const nextText = async (ws) => {
    for (;;) {
      const { opcode, payload } = await ws.next();
      if (opcode === OP.TEXT) return JSON.parse(payload.toString());
    }
  };

  const refused = [
    ['no key', { 'Sec-WebSocket-Key': null }, 400],
    ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400],
    ['a key that is no base64', { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }, 400],
    ['an old version', { 'Sec-WebSocket-Version': '8' }, 426],
    ['no version', { 'Sec-WebSocket-Version': null }, 426],
    ['no Connection: Upgrade', { Connection: 'keep-alive' }, 426],
  ];
  for (const [what, change, status] of refused) {
    test(`refuses a handshake with ${what}`, async () => {
      const raw = await RawSocket.open(hub);
      await raw.write(handshake('/ws', change));
      const reply = await raw.untilText('\r\n\r\n');
      raw.destroy();
      assert.match(reply, new RegExp(`^HTTP/1.1 ${status} `));
      if (status === 426) assert.match(reply, /\r\nupgrade: websocket\r\n/i);
      if ('Sec-WebSocket-Version' in change) {
        assert.match(reply, /\r\nsec-websocket-version: 13\r\n/i);
      }
    });
  }

  test('GET /ws without an upgrade is answered with 426', async () => {
    const reply = await exchange(hub, 'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assert.match(`${reply}`, /^HTTP\/1\.1 426 /);
  });

  test('takes header values in any case and with other tokens beside them', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const change = { Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' };
    await raw.write(handshake('/ws', change));
    assert.match(await raw.untilText('\r\n\r\n'), /^HTTP\/1\.1 101 /);
  });

  test('frames that come with the handshake are not lost', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(
      Buffer.concat([Buffer.from(handshake('/ws')), frame(OP.TEXT, '{"op":"ping"}')]),
    );
    await raw.untilText('{"op":"pong"}');
  });

  test('answers a ping with its payload', async (t) => {
    const ws = await open(t);
    await ws.send(frame(OP.PING, 'payload'));
    const pong = await ws.next();
    assert.equal(pong.opcode, OP.PONG);
    assert.equal(pong.payload.toString(), 'payload');
  });

  test('takes pongs that it did not ask for', async (t) => {
    const ws = await open(t);
    await ws.send(frame(OP.PONG, 'x'), frame(OP.TEXT, '{"op":"ping"}'));
    assert.equal((await nextText(ws)).op, 'pong');
  });

  test('joins fragments, control frames between them', async (t) => {
    const ws = await open(t);
    await ws.send(
      frame(OP.TEXT, '{"op":"pi', { fin: false }),
      frame(OP.PING, 'between'),
      frame(OP.CONTINUATION, '', { fin: false }),
      frame(OP.CONTINUATION, 'ng","ref":"fr', { fin: false }),
      frame(OP.CONTINUATION, 'ag"}'),
    );
    const first = await ws.next();
    assert.equal(first.opcode, OP.PONG);
    assert.deepEqual(await nextText(ws), { op: 'pong', ref: 'frag' });
  });

  test('takes a character that is split between fragments', async (t) => {
    const ws = await open(t);
    const bytes = Buffer.from('{"op":"ping","ref":"€"}');
    const at = bytes.indexOf(0x82);
    await ws.send(
      frame(OP.TEXT, bytes.subarray(0, at), { fin: false }),
      frame(OP.CONTINUATION, bytes.subarray(at)),
    );
    assert.equal((await nextText(ws)).ref, '€');
  });

  test('takes a frame byte by byte', async (t) => {
    const ws = await open(t);
    for (const byte of frame(OP.TEXT, '{"op":"ping","ref":1}')) await ws.send(Buffer.from([byte]));
    assert.equal((await nextText(ws)).ref, 1);
  });

  test('takes lengths in each of the three forms', async (t) => {
    const ws = await open(t);
    for (const size of [125, 126, 127, 65535, 65536, 70000]) {
      const text = JSON.stringify({ op: 'publish', topic: 'x/lengths', data: '' });
      const data = 'x'.repeat(size - text.length);
      await ws.send(frame(OP.TEXT, text.replace('""', `"${data}"`)));
      assert.equal((await nextText(ws)).op, 'published');
      assert.equal((await history(hub, 'x/lengths')).at(-1).data, data);
    }
  });

  test('who answers no ping is given up, and nobody else', async (t) => {
    const silent = async () =>
      Number(/^longwire_ws_silent_total (\d+)$/m.exec((await get(hub, '/metrics')).text)[1]);
    const before = await silent();
    const other = await WsClient.open(hub, null); // ws answers them by itself
    t.after(() => other.terminate());
    const began = performance.now();
    const ws = await open(t);
    const frames = parseFrames(await ws.raw.untilClosed());
    const waited = performance.now() - began;
    assert.ok(waited >= 2990, `three heartbeats, not ${waited} ms`);
    assert.ok(frames.length > 0);
    assert.ok(frames.every(({ opcode }) => opcode === OP.PING));
    assert.equal(await silent(), before + 1);
    assert.equal((await other.ask({ op: 'ping' })).op, 'pong');
  });

  test('answers a close with its code and closes', async (t) => {
    const ws = await open(t);
    await ws.send(frame(OP.CLOSE, closePayload(1000, 'done')));
    assert.equal(await ws.closeCode(), 1000);
  });

  test('answers a close without a code', async (t) => {
    const ws = await open(t);
    await ws.send(frame(OP.CLOSE));
    assert.ok([null, 1000].includes(await ws.closeCode()));
  });

  const violations = [
    ['an unmasked frame', 1002, frame(OP.TEXT, '{"op":"ping"}', { masked: false })],
    ['a reserved bit', 1002, frame(OP.TEXT, 'x', { rsv: 4 })],
    ['a reserved opcode', 1002, frame(3, 'x')],
    ['a reserved control opcode', 1002, frame(11, 'x')],
    ['a fragmented ping', 1002, frame(OP.PING, 'x', { fin: false })],
    ['a ping of 126 bytes', 1002, frame(OP.PING, 'x'.repeat(126))],
    ['a continuation of nothing', 1002, frame(OP.CONTINUATION, 'x')],
    [
      'a new message inside another',
      1002,
      Buffer.concat([frame(OP.TEXT, 'a', { fin: false }), frame(OP.TEXT, 'b')]),
    ],
    ['a close of one byte', 1002, frame(OP.CLOSE, 'x')],
    ['a close code below 1000', 1002, frame(OP.CLOSE, closePayload(999))],
    ['a close code that no one may send', 1002, frame(OP.CLOSE, closePayload(1006))],
    ['a close reason that is not UTF-8', 1007, frame(OP.CLOSE, Buffer.from([3, 232, 255]))],
    ['a text that is not UTF-8', 1007, frame(OP.TEXT, Buffer.from([0x7b, 0xff, 0x7d]))],
    ['a text that ends in half a character', 1007, frame(OP.TEXT, Buffer.from([0xe2, 0x82]))],
    ['a length of 2^63', 1002, Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
    ['a message of 1 TiB', 1009, Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
  ];
  for (const [what, code, bytes] of violations) {
    test(`closes with ${code} on ${what}`, async (t) => {
      const ws = await open(t);
      await ws.send(bytes);
      assert.equal(await ws.closeCode(), code);
    });
  }

  test('closes with 1009 when fragments add up to too much', async (t) => {
    const ws = await open(t);
    const part = 'x'.repeat(1 << 20);
    const next = frame(OP.CONTINUATION, part, { fin: false });
    ws.send(frame(OP.TEXT, part, { fin: false }), next, next, next).catch(() => {});
    assert.equal(await ws.closeCode(), 1009);
  });

  test('messages to others are not disturbed by a violation', async (t) => {
    const other = await (await WsClient.open(hub, 'x/other')).live();
    t.after(() => other.terminate());
    const ws = await open(t, '/t/x/other');
    await ws.send(frame(3, 'x'));
    await ws.closeCode();
    await publish(hub, 'x/other', 'still here');
    assert.equal((await other.nextMessage()).data, 'still here');
  });

  test('pings a quiet connection', async (t) => {
    const ws = await open(t, '/t/x/quiet');
    for (;;) {
      const { opcode } = await ws.next();
      if (opcode === OP.PING) break;
    }
  });
});
