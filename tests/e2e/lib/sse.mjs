// Server-Sent Events as the bytes on the wire: blocks of fields, comments and all.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { constants, createGunzip } from 'node:zlib';

import { subscribePath } from './http.mjs';
import { Inbox, within } from './wait.mjs';

/** The body of a reply; of a gzip stream what is in it, each piece at once, whether it has an end
 * or not. */
function unpacked(reply) {
  if (reply.headers['content-encoding'] !== 'gzip') return reply;
  const atOnce = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
  return reply.pipe(createGunzip(atOnce));
}

/** One block: { id, event, data, retry }, each present only when its field was. */
function parseBlock(text) {
  const block = {};
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`;
    else if (field) block[field] = value;
  }
  return block;
}

export class SseStream {
  /** What comes, but for the block that names the session. */
  blocks = new Inbox();
  #named;
  /** Resolves with the id of the session. */
  session = new Promise((resolve) => {
    this.#named = resolve;
  });
  /** The last id seen: what a browser would send as Last-Event-ID. */
  cursor = null;
  #request;
  #reply;
  #text = '';

  /** Opens a stream, over TLS if the hub is a secureView (tls.mjs); `parameters` and `headers` are the request's. Resolves at the headers. */
  static async open(hub, topics, parameters = {}, headers = {}, path = null) {
    const stream = new SseStream();
    await within(
      stream.#connect(hub, path ?? subscribePath(topics, parameters), headers),
      'the event stream to open',
    );
    return stream;
  }

  #connect(hub, path, headers) {
    return new Promise((resolve, reject) => {
      this.#request = (hub.ca ? https : http).request({
        host: '127.0.0.1',
        port: hub.port,
        ca: hub.ca,
        servername: hub.ca && 'localhost',
        path,
        agent: false,
        headers: { Accept: 'text/event-stream', ...headers },
      });
      this.#request.on('error', (error) => {
        this.blocks.end(error.message);
        reject(error);
      });
      this.#request.on('response', (reply) => {
        this.#reply = reply;
        this.status = reply.statusCode;
        this.headers = reply.headers;
        const body = unpacked(reply);
        body.setEncoding('utf8');
        body.on('data', (text) => this.#feed(text));
        body.on('error', (error) => this.blocks.end(error.message));
        reply.on('error', (error) => this.blocks.end(error.message));
        body.on('close', () => this.blocks.end('closed'));
        resolve();
      });
      this.#request.end();
    });
  }

  #feed(text) {
    const parts = (this.#text + text).split('\n\n');
    this.#text = parts.pop();
    for (const part of parts) {
      const block = parseBlock(part);
      if (block.id !== undefined) this.cursor = block.id;
      if (block.event === 'longwire.session') this.#named(JSON.parse(block.data).session);
      else this.blocks.push(block);
    }
  }

  /** The next block, whatever it is. */
  next() {
    return this.blocks.next('an event stream block');
  }

  /** The next block that is an event; with a name, the next event of that name. */
  nextEvent(name) {
    const match = (b) => b.data !== undefined && (name === undefined || b.event === name);
    return this.blocks.next(`an event ${name ?? ''}`, match);
  }

  /** The next message, which is not one of the hub's own events. */
  nextMessage() {
    const match = (b) => b.data !== undefined && !b.event?.startsWith('longwire.');
    return this.blocks.next('a message', match);
  }

  /** The next `count` messages' data, parsed if `parse` says how. */
  async messages(count, parse = (data) => data) {
    const list = [];
    while (list.length < count) list.push(parse((await this.nextMessage()).data));
    return list;
  }

  /** Waits until replay has reached the head. */
  async live() {
    const block = await this.nextEvent('longwire.live');
    assert.ok(block.data);
    return this;
  }

  /** Reads nothing more, until resume(). */
  pause() {
    this.#reply.pause();
  }

  resume() {
    this.#reply.resume();
  }

  /** Drops the connection without a word. */
  close() {
    this.#request.destroy();
  }
}
