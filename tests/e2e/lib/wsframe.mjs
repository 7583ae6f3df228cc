// WebSocket frames by hand (RFC 6455 section 5), also those that no client would send.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

import { RawSocket } from './raw.mjs';

export const OP = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** The request line and headers of an upgrade; `change` replaces or (null) leaves out headers. */
export function handshake(path, change = {}) {
  const headers = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...change,
  };
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** What the hub must answer to the key above (the example of RFC 6455 section 1.3). */
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function lengthBytes(length, masked) {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  const bytes = Buffer.alloc(length < 65536 ? 3 : 9);
  bytes[0] = bit | (length < 65536 ? 126 : 127);
  if (length < 65536) bytes.writeUInt16BE(length, 1);
  else bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** One frame; `payload` is text or bytes. */
export function frame(opcode, payload = '', { fin = true, masked = true, rsv = 0 } = {}) {
  const body = Buffer.from(payload);
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
  const length = lengthBytes(body.length, masked);
  if (!masked) return Buffer.concat([head, length, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, length, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
}

export function closePayload(code, reason = '') {
  const bytes = Buffer.from(`  ${reason}`);
  bytes.writeUInt16BE(code, 0);
  return bytes;
}

/** The frames in `data`: [{ opcode, fin, rsv, payload }]; a frame that is not all there is left out. */
export function parseFrames(data) {
  const frames = [];
  let at = 0;
  while (data.length >= at + 2) {
    let length = data[at + 1] & 0x7f;
    let body = at + 2;
    if (length === 126) {
      if (data.length < at + 4) break;
      length = data.readUInt16BE(at + 2);
      body = at + 4;
    } else if (length === 127) {
      if (data.length < at + 10) break;
      length = Number(data.readBigUInt64BE(at + 2));
      body = at + 10;
    }
    assert.equal(data[at + 1] & 0x80, 0, 'a server does not mask');
    if (data.length < body + length) break;
    const payload = data.subarray(body, body + length);
    const rsv = (data[at] >> 4) & 7;
    frames.push({ opcode: data[at] & 15, fin: (data[at] & 0x80) !== 0, rsv, payload });
    at = body + length;
  }
  return frames;
}

const TAIL = Buffer.from([0, 0, 255, 255]);

/** A message's payload compressed (RFC 7692 section 7.2.1); `options` are zlib's. */
export function deflate(payload, options = {}) {
  const flushed = { finishFlush: constants.Z_SYNC_FLUSH, ...options };
  return deflateRawSync(Buffer.from(payload), flushed).subarray(0, -4);
}

/** The payload that a compressed message was; fails if it looks back further than the window. */
export function inflate(payload, windowBits = 15) {
  const flush = { finishFlush: constants.Z_SYNC_FLUSH, windowBits };
  return inflateRawSync(Buffer.concat([payload, TAIL]), flush);
}

/** Whether the frame is a compressed message. */
export const isDeflated = ({ rsv }) => rsv === 4;

/** A compressed message in one frame. */
export const deflated = (opcode, payload, options) =>
  frame(opcode, deflate(payload, options), { rsv: 4 });

/** A WebSocket on a bare socket, its handshake done. */
export class RawWebSocket {
  raw;
  /** What the answer says of extensions; null = nothing. */
  extensions;
  #seen = 0;

  /** `offer` goes into Sec-WebSocket-Extensions. */
  static async open(hub, path = '/ws', offer = null) {
    const ws = new RawWebSocket();
    ws.raw = await RawSocket.open(hub);
    await ws.raw.write(handshake(path, { 'Sec-WebSocket-Extensions': offer }));
    const head = await ws.raw.untilText('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.ok(head.includes(ACCEPT));
    ws.extensions = /\r\nsec-websocket-extensions: (.*)\r\n/i.exec(head)?.[1] ?? null;
    ws.raw.received = ws.raw.received.subarray(head.indexOf('\r\n\r\n') + 4);
    return ws;
  }

  send(...frames) {
    return this.raw.write(Buffer.concat(frames));
  }

  /** The next frame that comes. */
  async next() {
    const there = (data) => parseFrames(data).length > this.#seen;
    await this.raw.until(there, 'a frame');
    const found = parseFrames(this.raw.received)[this.#seen++];
    assert.ok(found, 'closed without another frame');
    return found;
  }

  /** The code of the close frame that ends the connection. */
  async closeCode() {
    const data = await this.raw.untilClosed();
    const last = parseFrames(data).at(-1);
    assert.equal(last?.opcode, OP.CLOSE, 'the last frame is no close');
    return last.payload.length >= 2 ? last.payload.readUInt16BE(0) : null;
  }

  destroy() {
    this.raw.destroy();
  }
}
