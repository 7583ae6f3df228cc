// TLS 1.2 and 1.3 as bare records (RFC 5246, RFC 8446), for what no well-behaved client would send:
// hellos and records written as told, and connections whose handshake Node makes, and whose keys it
// tells, so that everything behind it can be written record by record.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';

import { within } from './wait.mjs';

export const CONTENT = { CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, DATA: 23 };
export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;
const HEADER = 5;
export const TEXT_MAX = 1 << 14;

/** RFC 8446, section 6. */
const ALERTS = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  22: 'record_overflow',
  40: 'handshake_failure',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  50: 'decode_error',
  51: 'decrypt_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  100: 'no_renegotiation',
  109: 'missing_extension',
  110: 'unsupported_extension',
  112: 'unrecognized_name',
  116: 'certificate_required',
  120: 'no_application_protocol',
};
export const alertName = (payload) => ALERTS[payload[1]] ?? `alert ${payload[1]}`;

const uint = (n, size) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(n, 0, size);
  return bytes;
};
/** Bytes with their number before them, in so many bytes. */
const counted = (size, bytes) => Buffer.concat([uint(bytes.length, size), bytes]);
const uint16s = (list) => Buffer.concat(list.map((n) => uint(n, 2)));

/** A record. `length` is what its header says, when that is not the payload's. */
export function record(type, payload, { version = TLS_1_2, length } = {}) {
  const body = Buffer.from(payload);
  return Buffer.concat([uint(type, 1), uint(version, 2), uint(length ?? body.length, 2), body]);
}

/** A handshake message of that type. */
export const handshake = (type, body, length = body.length) =>
  Buffer.concat([uint(type, 1), uint(length, 3), Buffer.from(body)]);

const KEY_UPDATE = 24;
/** RFC 8446, section 4.6.3; `asked` for one in return: 1, else 0. */
export const keyUpdate = (asked) => handshake(KEY_UPDATE, Buffer.from([asked]));

export const alert = (level, description) => Buffer.from([level, description]);

/** Extensions of a ClientHello by name. */
export const EXTENSION = {
  sni: (name) => [0, counted(2, Buffer.concat([uint(0, 1), counted(2, Buffer.from(name))]))],
  groups: (list) => [10, counted(2, uint16s(list))],
  points: () => [11, Buffer.from([1, 0])],
  signatures: (list) => [13, counted(2, uint16s(list))],
  alpn: (...names) => [
    16,
    counted(2, Buffer.concat(names.map((name) => counted(1, Buffer.from(name))))),
  ],
  versions: (list) => [43, counted(1, uint16s(list))],
  keyShare: (group, key) => [51, counted(2, Buffer.concat([uint(group, 2), counted(2, key)]))],
};

export const X25519 = 29;
const P_256 = 23;
const GROUPS = [X25519, P_256];
const SIGNATURES = [0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501];
/** ECDHE with AEADs under TLS 1.2. */
const SUITES_12 = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8];
export const SUITES_13 = [0x1301, 0x1302, 0x1303];

export const USUAL_EXTENSIONS = [
  EXTENSION.groups(GROUPS),
  EXTENSION.points(),
  EXTENSION.signatures(SIGNATURES),
];

/** What makes a hello one of TLS 1.3. */
export const EXTENSIONS_13 = [
  ...USUAL_EXTENSIONS,
  EXTENSION.versions([TLS_1_3]),
  EXTENSION.keyShare(X25519, randomBytes(32)),
];

/** A ClientHello, as a handshake message. `extensions`: [number, bytes] pairs. */
export function clientHello({
  version = TLS_1_2,
  suites = SUITES_12,
  compression = [0],
  extensions = USUAL_EXTENSIONS,
  session = '',
} = {}) {
  const all = extensions.map(([number, bytes]) =>
    Buffer.concat([uint(number, 2), counted(2, bytes)]),
  );
  const body = Buffer.concat([
    uint(version, 2),
    randomBytes(32),
    counted(1, Buffer.from(session)),
    counted(2, uint16s(suites)),
    counted(1, Buffer.from(compression)),
    counted(2, Buffer.concat(all)),
  ]);
  return handshake(1, body);
}

/** The whole records at the beginning of `bytes`, with their headers. */
export function parseRecords(bytes) {
  const records = [];
  for (let at = 0; bytes.length - at >= HEADER;) {
    const end = at + HEADER + bytes.readUInt16BE(at + 3);
    if (bytes.length < end) break;
    const payload = bytes.subarray(at + HEADER, end);
    records.push({ type: bytes[at], header: bytes.subarray(at, at + HEADER), payload });
    at = end;
  }
  return records;
}

const hmac = (hash, key, ...parts) => createHmac(hash, key).update(Buffer.concat(parts)).digest();

/** RFC 5246, section 5. */
function prf(hash, secret, label, seed, size) {
  const start = Buffer.concat([Buffer.from(label), seed]);
  let a = start;
  let out = Buffer.alloc(0);
  while (out.length < size) {
    a = hmac(hash, secret, a);
    out = Buffer.concat([out, hmac(hash, secret, a, start)]);
  }
  return out.subarray(0, size);
}

/** RFC 8446, section 7.1: HKDF-Expand-Label without context, for what fits into one hash. */
function expand(hash, secret, label, size) {
  const name = counted(1, Buffer.from(`tls13 ${label}`));
  const info = Buffer.concat([uint(size, 2), name, Buffer.from([0, 1])]);
  return hmac(hash, secret, info).subarray(0, size);
}

const TAG = 16;

function cipherOf(standardName) {
  const hash = standardName.endsWith('SHA384') ? 'sha384' : 'sha256';
  if (standardName.includes('CHACHA20')) return { name: 'chacha20-poly1305', size: 32, hash };
  const bits = standardName.includes('256_GCM') ? 256 : 128;
  return { name: `aes-${bits}-gcm`, size: bits / 8, hash };
}

/** One way of a connection: its keys, and the number of its next record. */
class Direction {
  seq = 0n;
  #cipher;
  #is13;
  #secret;
  #key;
  #iv;

  /** Under TLS 1.3 from a `secret`, else from its `key` and `iv`. */
  constructor(cipher, { secret, key, iv }) {
    this.#cipher = cipher;
    this.#is13 = secret !== undefined;
    this.#key = key;
    this.#iv = iv;
    if (this.#is13) this.#take(secret);
  }

  #take(secret) {
    this.#secret = secret;
    this.#key = expand(this.#cipher.hash, secret, 'key', this.#cipher.size);
    this.#iv = expand(this.#cipher.hash, secret, 'iv', 12);
  }

  /** RFC 8446, section 7.2. */
  update() {
    this.#take(expand(this.#cipher.hash, this.#secret, 'traffic upd', this.#secret.length));
    this.seq = 0n;
  }

  #sequence() {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(this.seq);
    return bytes;
  }

  /** AES-GCM under TLS 1.2 shows a part of its nonce. */
  get #explicit() {
    return !this.#is13 && this.#iv.length === 4 ? 8 : 0;
  }

  #nonce(shown) {
    if (this.#explicit) return Buffer.concat([this.#iv, shown]);
    const nonce = Buffer.from(this.#iv);
    this.#sequence().forEach((byte, i) => (nonce[4 + i] ^= byte));
    return nonce;
  }

  #aad(type, sealedLength, textLength) {
    if (this.#is13) return Buffer.concat([uint(type, 1), uint(TLS_1_2, 2), uint(sealedLength, 2)]);
    const head = [uint(type, 1), uint(TLS_1_2, 2), uint(textLength, 2)];
    return Buffer.concat([this.#sequence(), ...head]);
  }

  /** A sealed record; `inner` is the plaintext as it is under TLS 1.3, its type and padding. */
  seal(type, payload, { padding = 0, inner } = {}) {
    const own = Buffer.concat([payload, uint(type, 1), Buffer.alloc(padding)]);
    const text = this.#is13 ? (inner ?? own) : payload;
    const outer = this.#is13 ? CONTENT.DATA : type;
    const shown = this.#explicit ? this.#sequence() : Buffer.alloc(0);
    const length = shown.length + text.length + TAG;
    const { name } = this.#cipher;
    const options = { authTagLength: TAG };
    const cipher = createCipheriv(name, this.#key, this.#nonce(shown), options);
    cipher.setAAD(this.#aad(outer, length, text.length), { plaintextLength: text.length });
    const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
    this.seq++;
    return record(outer, Buffer.concat([shown, sealed, cipher.getAuthTag()]));
  }

  /** Opens a record; fails when it was not sealed with these keys. */
  open({ type, payload }) {
    const shown = payload.subarray(0, this.#explicit);
    const sealed = payload.subarray(this.#explicit, payload.length - TAG);
    const options = { authTagLength: TAG };
    const cipher = createDecipheriv(this.#cipher.name, this.#key, this.#nonce(shown), options);
    cipher.setAuthTag(payload.subarray(payload.length - TAG));
    const aad = this.#aad(type, payload.length, sealed.length);
    cipher.setAAD(aad, { plaintextLength: sealed.length });
    const text = Buffer.concat([cipher.update(sealed), cipher.final()]);
    this.seq++;
    if (!this.#is13) return { type, payload: text };
    const end = text.findLastIndex((byte) => byte !== 0);
    return { type: text[end], payload: text.subarray(0, end) };
  }
}

/** Between Node's TLS and the socket: hands both ways on, until it is cut. */
class Tap extends Duplex {
  received = Buffer.alloc(0);
  #socket;
  #cut = false;

  constructor(socket, changed) {
    super();
    this.#socket = socket;
    socket.on('data', (data) => {
      this.received = Buffer.concat([this.received, data]);
      if (!this.#cut) this.push(data);
      changed();
    });
    socket.on('end', () => !this.#cut && this.push(null));
    socket.on('error', (error) => !this.#cut && this.destroy(error));
  }

  cut() {
    this.#cut = true;
  }

  _read() {}

  _write(data, _, done) {
    if (this.#cut) done();
    else this.#socket.write(data, done);
  }

  _final(done) {
    done();
  }
}

/** The keys of both ways, from what Node tells of a handshake. */
function directions(session, keylog, received) {
  const cipher = cipherOf(session.getCipher().standardName);
  const secret = (label) => {
    const line = keylog.find((one) => one.startsWith(`${label} `));
    return Buffer.from(line.trim().split(' ')[2], 'hex');
  };
  if (session.getProtocol() === 'TLSv1.3') {
    const of = (side) => new Direction(cipher, { secret: secret(`${side}_TRAFFIC_SECRET_0`) });
    return { ours: of('CLIENT'), theirs: of('SERVER') };
  }
  const clientRandom = Buffer.from(keylog[0].split(' ')[1], 'hex');
  const serverRandom = parseRecords(received)[0].payload.subarray(6, 38);
  const seed = Buffer.concat([serverRandom, clientRandom]);
  const ivSize = cipher.name === 'chacha20-poly1305' ? 12 : 4;
  const size = 2 * (cipher.size + ivSize);
  const keys = prf(cipher.hash, secret('CLIENT_RANDOM'), 'key expansion', seed, size);
  const of = (n) =>
    new Direction(cipher, {
      key: keys.subarray(n * cipher.size, (n + 1) * cipher.size),
      iv: keys.subarray(2 * cipher.size + n * ivSize).subarray(0, ivSize),
    });
  return { ours: of(0), theirs: of(1) };
}

/** A connection whose handshake is made, and whose records are ours from there on. */
export class RawTls {
  closed = false;
  /** What the server sent behind its handshake: { type, payload } each. */
  records = [];
  #socket;
  #tap;
  #opened = 0;
  #changed = () => {};

  /** `options` are those of tls.connect(): versions, ciphers, ALPN and so on. */
  static async open({ port }, options = {}) {
    const raw = new RawTls();
    await within(raw.#connect(port, options), 'a TLS handshake');
    return raw;
  }

  async #connect(port, options) {
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const end = () => {
      this.closed = true;
      this.#changed();
    };
    this.#socket.on('end', end).on('close', end);
    this.#tap = new Tap(this.#socket, () => this.#changed());
    const keylog = [];
    const session = tls.connect({ socket: this.#tap, rejectUnauthorized: false, ...options });
    session.on('keylog', (line) => keylog.push(line.toString('latin1')));
    await new Promise((resolve, reject) => {
      session.once('secureConnect', resolve).once('error', reject);
    });
    // What Node has made of it is on its way now.
    await new Promise((resolve) => setImmediate(resolve));
    this.#tap.cut();
    session.on('error', () => {});
    this.version = session.getProtocol();
    this.alpn = session.alpnProtocol;
    Object.assign(this, directions(session, keylog, this.#tap.received));
    this.#skipHandshake();
  }

  #skipHandshake() {
    if (this.version === 'TLSv1.3') return;
    this.ours.seq = 1n; // each side's Finished had number 0
    const records = parseRecords(this.#tap.received);
    const change = records.findIndex(({ type }) => type === CONTENT.CHANGE_CIPHER_SPEC);
    this.#opened = change + 2;
    this.theirs.seq = 1n;
  }

  #open() {
    const records = parseRecords(this.#tap.received);
    for (; this.#opened < records.length; this.#opened++) {
      try {
        this.#take(this.theirs.open(records[this.#opened]));
      } catch (error) {
        // Of TLS 1.3's handshake there are records with other keys.
        if (this.version !== 'TLSv1.3' || this.theirs.seq !== 0n) throw error;
      }
    }
  }

  #take(one) {
    this.records.push(one);
    if (one.type === CONTENT.HANDSHAKE && one.payload[0] === KEY_UPDATE) this.theirs.update();
  }

  /** A record, sealed with the next number. */
  seal(type, payload, options) {
    return this.ours.seal(type, Buffer.from(payload), options);
  }

  write(...buffers) {
    return new Promise((resolve) => this.#socket.write(Buffer.concat(buffers), () => resolve()));
  }

  /** Waits until `enough` came, or the end. */
  async until(enough, what) {
    const done = async () => {
      for (;;) {
        this.#open();
        if (enough(this) || this.closed) return;
        await new Promise((resolve) => (this.#changed = resolve));
      }
    };
    await within(done(), what);
  }

  untilClosed() {
    return this.until(() => false, 'the end of the connection');
  }

  /** The names of all alerts that came. */
  get alerts() {
    return this.records
      .filter(({ type }) => type === CONTENT.ALERT)
      .map((one) => alertName(one.payload));
  }

  /** All data that came. */
  get text() {
    const data = this.records.filter(({ type }) => type === CONTENT.DATA);
    return Buffer.concat(data.map(({ payload }) => payload)).toString('latin1');
  }

  halfClose() {
    this.#socket.end();
  }

  destroy(options) {
    if (options?.reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}
