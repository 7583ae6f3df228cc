// HTTP/2 as bare frames (RFC 9113), for what no well-behaved client would send.
import { block, unblock } from './hpack.mjs';
import { RawSocket } from './raw.mjs';

export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
};
export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 };
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
};
/** Section 7. */
export const ERRORS = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const HEAD = 9;
/** Flow-control windows begin with this (6.9.2), and frames end at that (4.2). */
export const WINDOW = 65_535;
export const FRAME_MAX = 16_384;

export function uint32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n >>> 0);
  return bytes;
}

/** A frame. `length` is what its head says, when that is not the payload's. */
export function frame(type, { flags = 0, stream = 0, payload = '', length } = {}) {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(HEAD);
  head.writeUIntBE(length ?? body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, body]);
}

/** SETTINGS of [identifier, value] pairs. */
export function settings(pairs = [], more = {}) {
  const bytes = pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]));
  return frame(TYPE.SETTINGS, { payload: Buffer.concat(bytes), ...more });
}

export const settingsAck = () => frame(TYPE.SETTINGS, { flags: FLAG.ACK });
export const ping = (payload, more = {}) =>
  frame(TYPE.PING, { payload: Buffer.from(payload.padEnd(8), 'latin1'), ...more });
export const reset = (stream, code = 8) =>
  frame(TYPE.RST_STREAM, { stream, payload: uint32(code) });
export const windowUpdate = (stream, increment) =>
  frame(TYPE.WINDOW_UPDATE, { stream, payload: uint32(increment) });
export const goaway = (last = 0, code = 0, more = {}) =>
  frame(TYPE.GOAWAY, { payload: Buffer.concat([uint32(last), uint32(code)]), ...more });

export const data = (stream, payload, { end = false, flags = 0, ...more } = {}) =>
  frame(TYPE.DATA, { stream, payload, flags: flags | (end ? FLAG.END_STREAM : 0), ...more });

/** HEADERS of `fields` ([name, value] pairs, or a block's bytes), all in one frame. */
export function headers(stream, fields, { end = true, flags = FLAG.END_HEADERS, ...more } = {}) {
  const payload = Buffer.isBuffer(fields) ? fields : block(fields);
  const all = flags | (end ? FLAG.END_STREAM : 0);
  return frame(TYPE.HEADERS, { stream, payload, flags: all, ...more });
}

export const continuation = (stream, payload, { flags = FLAG.END_HEADERS } = {}) =>
  frame(TYPE.CONTINUATION, { stream, payload, flags });

/** The fields of a request, with `more` behind and pseudo-fields as in `pseudo`. */
export function request(path, { method = 'GET', pseudo = {}, more = [] } = {}) {
  const first = {
    ':method': method,
    ':scheme': 'http',
    ':authority': '127.0.0.1',
    ':path': path,
    ...pseudo,
  };
  return [...Object.entries(first).filter(([, value]) => value !== undefined), ...more];
}

/** The whole frames at the beginning of `bytes`, and where they end. */
export function parseFrames(bytes) {
  const frames = [];
  let at = 0;
  while (bytes.length - at >= HEAD) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length - at < HEAD + length) break;
    const stream = bytes.readUInt32BE(at + 5);
    const payload = bytes.subarray(at + HEAD, at + HEAD + length);
    frames.push({ type: bytes[at + 3], flags: bytes[at + 4], stream, payload });
    at += HEAD + length;
  }
  return { frames, end: at };
}

const codeName = (bytes) => ERRORS[bytes.readUInt32BE(0)] ?? `code ${bytes.readUInt32BE(0)}`;

/** A connection that speaks only when it is told to. */
export class RawH2 {
  /** All frames that came. */
  frames = [];
  #raw;
  #parsed = 0;

  constructor(raw) {
    this.#raw = raw;
  }

  /**
   * Connects (with prior knowledge; or speaks over `raw`), and exchanges settings and their
   * acknowledgements.
   */
  static async open(hub, { pairs = [[SETTING.HEADER_TABLE_SIZE, 0]], raw } = {}) {
    const h2 = new RawH2(raw ?? (await RawSocket.open(hub)));
    await h2.write(PREFACE, settings(pairs));
    await h2.until(
      () => h2.ofType(TYPE.SETTINGS).length >= 2,
      'the settings and an acknowledgement',
    );
    await h2.write(settingsAck());
    return h2;
  }

  /** Connects and says nothing. */
  static async silent(hub) {
    return new RawH2(await RawSocket.open(hub));
  }

  get closed() {
    return this.#raw.closed;
  }

  write(...buffers) {
    return this.#raw.write(Buffer.concat(buffers));
  }

  #parse(received) {
    const { frames, end } = parseFrames(received.subarray(this.#parsed));
    this.frames.push(...frames);
    this.#parsed += end;
  }

  /** Waits until `enough` of what came, or the end. */
  until(enough, what) {
    return this.#raw.until((received) => {
      this.#parse(received);
      return enough(this);
    }, what);
  }

  untilClosed() {
    return this.until(() => false, 'the end of the connection');
  }

  ofType(type, stream) {
    return this.frames.filter((one) => one.type === type && (one.stream === stream || !stream));
  }

  /** The connection error that came, if one did. */
  get goaway() {
    const last = this.ofType(TYPE.GOAWAY).at(-1);
    return last && codeName(last.payload.subarray(4));
  }

  /** What `stream` was reset with, if it was. */
  resetOf(stream) {
    const found = this.ofType(TYPE.RST_STREAM, stream)[0];
    return found && codeName(found.payload);
  }

  /** The fields of the answer on `stream` as an object, the later of two with one name. */
  answerOf(stream) {
    const at = this.frames.findIndex((one) => one.type === TYPE.HEADERS && one.stream === stream);
    if (at < 0) return undefined;
    const parts = [this.frames[at].payload];
    let last = this.frames[at];
    for (let n = at + 1; !(last.flags & FLAG.END_HEADERS); n++) {
      last = this.frames[n];
      parts.push(last.payload);
    }
    return Object.fromEntries(unblock(Buffer.concat(parts)));
  }

  /** All of its body that came. */
  bodyOf(stream) {
    return Buffer.concat(this.ofType(TYPE.DATA, stream).map(({ payload }) => payload));
  }

  /** Whether the other side has ended `stream`. */
  hasEnded(stream) {
    const ends = ({ type, flags, stream: of }) =>
      of === stream && (type === TYPE.DATA || type === TYPE.HEADERS) && flags & FLAG.END_STREAM;
    return this.frames.some(ends);
  }

  /** Waits for the answer on `stream`, its body too; returns its status. */
  async answered(stream) {
    const over = () => this.hasEnded(stream) || this.resetOf(stream) !== undefined;
    await this.until(over, `the answer on stream ${stream}`);
    return this.answerOf(stream)?.[':status'];
  }

  /** Waits until all that was written before has been dealt with. */
  async pinged(text = 'pinged') {
    const payload = text.padEnd(8);
    await this.write(ping(payload));
    const isAnswer = (one) => one.flags & FLAG.ACK && one.payload.toString('latin1') === payload;
    await this.until(() => this.ofType(TYPE.PING).some(isAnswer), `the answer to ping ${text}`);
  }

  destroy(options) {
    this.#raw.destroy(options);
  }
}
