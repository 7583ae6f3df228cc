// The Redis protocol, spoken by hand: what the hub says, byte for byte.
import net from 'node:net';

import { RawSocket } from './raw.mjs';

/** An error reply. */
export class RespError {
  constructor(text) {
    this.text = text;
  }
}

/** What answers no command (RESP3). */
export class RespPush {
  constructor(items) {
    this.items = items;
  }
}

/** Reads one reply at `at`; returns [value, next] or null when it is not all there. */
function parseReply(data, at) {
  const eol = data.indexOf('\r\n', at);
  if (eol < 0) return null;
  const text = data.toString('utf8', at + 1, eol);
  const next = eol + 2;
  switch (String.fromCharCode(data[at])) {
    case '+':
      return [text, next];
    case '-':
      return [new RespError(text), next];
    case ':':
      return [Number(text), next];
    case '$':
      return parseBulk(data, next, Number(text));
    case '*':
      return parseArray(data, next, Number(text));
    case '_':
      return [null, next];
    case '=':
      return parseBulk(data, next, Number(text));
    case '%':
      return parseMap(data, next, Number(text));
    case '~':
      return convert(parseArray(data, next, Number(text)), (items) => new Set(items));
    case '>':
      return convert(parseArray(data, next, Number(text)), (items) => new RespPush(items));
    default:
      throw new Error(`not a reply: ${JSON.stringify(data.toString('latin1', at, at + 60))}`);
  }
}

function parseBulk(data, at, length) {
  if (length < 0) return [null, at];
  if (data.length < at + length + 2) return null;
  return [data.toString('utf8', at, at + length), at + length + 2];
}

function parseArray(data, at, count) {
  if (count < 0) return [null, at];
  const list = [];
  for (let i = 0; i < count; i++) {
    const item = parseReply(data, at);
    if (!item) return null;
    list.push(item[0]);
    at = item[1];
  }
  return [list, at];
}

const convert = (parsed, made) => parsed && [made(parsed[0]), parsed[1]];

function parseMap(data, at, count) {
  const pairs = (flat) => flat.flatMap((name, n) => (n % 2 ? [] : [[name, flat[n + 1]]]));
  return convert(parseArray(data, at, 2 * count), (flat) => new Map(pairs(flat)));
}

/** A command as an array of bulk strings. */
export function encode(...words) {
  const parts = words.map((word) => {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word));
    return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

export class RespClient {
  #raw;
  #at = 0;

  static async open(hub) {
    const client = new RespClient();
    client.#raw = await RawSocket.open(hub, { local: true });
    return client;
  }

  get raw() {
    return this.#raw;
  }

  write(data) {
    return this.#raw.write(data);
  }

  /** The next reply. */
  async reply() {
    let parsed = null;
    const there = (data) => {
      parsed = parseReply(data, this.#at);
      return parsed !== null;
    };
    await this.#raw.until(there, 'a reply');
    if (!parsed) throw new Error('the hub closed the connection');
    this.#at = parsed[1];
    return parsed[0];
  }

  /** Sends one command and returns its reply. */
  async command(...words) {
    await this.write(encode(...words));
    return this.reply();
  }

  close() {
    this.#raw.destroy();
  }
}

/** Commands down one connection without waiting for each other's replies. */
export class RespPipeline {
  #socket;
  #rest = Buffer.alloc(0);
  #waiting = [];

  static open(hub) {
    const pipeline = new RespPipeline();
    return new Promise((resolve, reject) => {
      pipeline.#socket = net.connect({ path: hub.socket }, () => resolve(pipeline));
      pipeline.#socket.on('data', (data) => pipeline.#feed(data));
      pipeline.#socket.on('error', reject);
      pipeline.#socket.on('close', () => pipeline.#end());
    });
  }

  #feed(data) {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, data]) : data;
    let at = 0;
    for (let parsed; at < this.#rest.length; at = parsed[1]) {
      parsed = parseReply(this.#rest, at);
      if (!parsed) break;
      this.#waiting.shift().resolve(parsed[0]);
    }
    this.#rest = this.#rest.subarray(at);
  }

  #end() {
    const error = new Error('the connection ended before the reply');
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Resolves with the reply, which may be a RespError; rejects when none comes any more. */
  command(...words) {
    const reply = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#socket.destroyed) this.#end();
    else this.#send(encode(...words));
    return reply;
  }

  /** What is sent in one go leaves together. */
  #send(bytes) {
    if (!this.#socket.writableCorked) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(bytes);
  }

  close() {
    this.#socket.destroy();
  }
}
