// A stand-in for the hub on a local socket, for what a real hub cannot be made to do: to answer
// nonsense, to fall silent, to break off at a chosen byte.
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Replies, encoded. */
export const bulk = (data) => {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
};
export const json = (value) => bulk(JSON.stringify(value));
export const error = (text) => `-${text}\r\n`;
export const number = (n) => `:${n}\r\n`;
export const OK = '+OK\r\n';
/** Instead of a reply: close the connection, after `rest` if given. */
export const hangUp = (rest = '') => ({ hangUp: true, rest });
/** Instead of a reply: nothing, ever. */
export const SILENCE = { silence: true };

/** Takes whole commands (arrays of bulk strings) off the front of `data`. */
function takeCommand(data) {
  let at = 0;
  const line = () => {
    const end = data.indexOf('\r\n', at);
    if (end < 0) return null;
    const text = data.toString('latin1', at + 1, end);
    at = end + 2;
    return Number(text);
  };
  const count = line();
  if (count === null) return null;
  const words = [];
  for (let i = 0; i < count; i++) {
    const length = line();
    if (length === null || data.length < at + length + 2) return null;
    words.push(data.subarray(at, at + length));
    at += length + 2;
  }
  return { words, rest: data.subarray(at) };
}

export class FakeHub {
  #answer;
  #server = null;
  #sockets = new Set();
  #folder = mkdtempSync(join(tmpdir(), 'longwire-cli-'));
  /** All commands so far, as lists of strings. */
  commands = [];

  /** `answer(words, n)`: the reply to the n-th command of its connection. */
  constructor(answer) {
    this.#answer = answer;
    this.socket = join(this.#folder, 'hub.sock');
  }

  async start() {
    this.#server = net.createServer((socket) => this.#serve(socket));
    await new Promise((resolve) => this.#server.listen(this.socket, resolve));
    return this;
  }

  #serve(socket) {
    let data = Buffer.alloc(0);
    let n = 0;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      for (let taken = takeCommand(data); taken; taken = takeCommand(data)) {
        data = taken.rest;
        const words = taken.words.map(String);
        this.commands.push(words);
        this.#reply(socket, this.#answer(words, n++, taken.words));
      }
    });
  }

  #reply(socket, reply) {
    if (reply.hangUp) socket.end(reply.rest);
    else if (!reply.silence) socket.write(reply);
  }

  /** As a crash does: connections end, the socket's file may stay. */
  async stop({ keepFile = false } = {}) {
    for (const socket of this.#sockets) socket.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await closed;
    if (keepFile) await this.#leaveFile();
  }

  /** A socket that nobody listens on any more, as after kill -9. */
  async #leaveFile() {
    const { execFileSync } = await import('node:child_process');
    execFileSync('python3', [
      '-c',
      'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      this.socket,
    ]);
  }

  async remove() {
    await this.stop().catch(() => {});
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Starts a fake hub for test `t`. */
export async function fakeHub(t, answer) {
  const hub = new FakeHub(answer);
  t.after(() => hub.remove());
  return hub.start();
}
