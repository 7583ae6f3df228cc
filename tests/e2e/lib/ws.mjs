// WebSocket subscribers, by npm's ws; not compressed unless asked for, since tests fill sockets and
// count bytes (44 and 80 are about compression).
import assert from 'node:assert/strict';
import WebSocket from 'ws';

import { subscribePath } from './http.mjs';
import { Inbox, within } from './wait.mjs';

export class WsClient {
  /** Frames: objects of text frames, or { data, binary } when raw. */
  frames = new Inbox();
  closed;
  #socket;

  /** Opens a connection, over TLS if the hub is a secureView (tls.mjs), on `path` (`/ws` when there are no topics). */
  static async open(hub, topics, parameters = {}, options = {}) {
    const path = topics === null ? '/ws' : subscribePath(topics, parameters);
    const client = new WsClient(hub, path, { raw: parameters.format === 'raw', ...options });
    await client.opened();
    return client;
  }

  constructor(hub, path, { raw = false, protocols = [], ...options } = {}) {
    const secure = hub.ca ? { ca: hub.ca, servername: 'localhost' } : {};
    const url = `${hub.ca ? 'wss' : 'ws'}://127.0.0.1:${hub.port}${path}`;
    this.#socket = new WebSocket(url, protocols, {
      perMessageDeflate: false,
      ...secure,
      ...options,
    });
    this.#socket.on('message', (data, binary) => {
      this.frames.push(raw ? { data, binary } : JSON.parse(data.toString()));
    });
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', (code, reason) => {
        this.frames.end(`closed with ${code} ${reason}`);
        resolve({ code, reason: reason.toString() });
      });
    });
    this.#socket.on('error', () => {});
  }

  /** Waits for the handshake; fails with the refusal's status, if it was one. */
  opened() {
    const open = new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.once('error', reject);
    });
    return within(open, 'the WebSocket to open');
  }

  get protocol() {
    return this.#socket.protocol;
  }

  /** Sends an object as a JSON text frame; strings and buffers go as they are. */
  send(frame) {
    const plain = typeof frame === 'string' || Buffer.isBuffer(frame);
    this.#socket.send(plain ? frame : JSON.stringify(frame));
  }

  /** Sends an operation and returns the answer that carries its ref. */
  async ask(operation) {
    const ref = `ref-${Math.random()}`;
    this.send({ ...operation, ref });
    return this.frames.next(`the answer to ${operation.op}`, (frame) => frame.ref === ref);
  }

  next() {
    return this.frames.next('a frame');
  }

  /** The next frame with that op; other frames before it are dropped. */
  nextOp(op) {
    return this.frames.next(`op ${op}`, (frame) => frame.op === op);
  }

  /** The next message (an envelope: it has no op). */
  nextMessage() {
    return this.frames.next('a message', (frame) => frame.op === undefined);
  }

  async messages(count) {
    const list = [];
    while (list.length < count) list.push(await this.nextMessage());
    return list;
  }

  /** Waits until replay has reached the head. */
  async live() {
    const frame = await this.nextOp('live');
    assert.match(frame.cursor, /^\d+-\d+$/);
    return this;
  }

  /** A proper end. */
  close(code, reason) {
    this.#socket.close(code, reason);
    return within(this.closed, 'the WebSocket to close');
  }

  /** Reads nothing more, until resume(). */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Drops the connection without a word. */
  terminate() {
    this.#socket.terminate();
  }
}
