// An application that is told by hooks (hooks.url), as a test plays it.
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { counted, within } from './wait.mjs';


/** The value of the field that signs `body`. */
export function sign(secret, body) {
  const t = Math.floor(Date.now() / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}

/** As doc/access.md shows it. */
function verify(secret, header, body) {
  const { t, v1 } = Object.fromEntries(header.split(',').map((part) => part.split('=')));
  const mac = createHmac('sha256', secret).update(`${t}.`).update(body).digest();
  const given = Buffer.from(v1, 'hex');
  return given.length === mac.length && timingSafeEqual(given, mac) && Number(t);
}

const seqOf = (event) => Number(event.id.split('-')[0]);

export class HookReceiver {
  /** All bodies that came, also those that were not taken. */
  batches = [];
  /** The events of those that were, each once, in the order in which they came. */
  events = [];
  /** What is wrong with what came; a test ends with none. */
  faults = [];
  /** The status that is answered to a batch; null: nothing, ever. */
  answer = () => 204;
  #secret;
  #ids = new Set();
  #where = { host: '127.0.0.1', port: 0 };
  #server = null;

  constructor(t) {
    const folder = mkdtempSync(join(tmpdir(), 'longwire-hooks-'));
    this.secretFile = join(folder, 'secret');
    this.setSecret('a secret of both, of some length');
    t.after(async () => {
      await this.stop();
      rmSync(folder, { recursive: true });
      assert.deepEqual(this.faults, []);
    });
  }

  setSecret(secret) {
    this.#secret = secret;
    writeFileSync(this.secretFile, `${secret}\n`);
  }

  /** Listens at a free port; again at the same. */
  async start() {
    this.#server = http.createServer((request, response) => this.#serve(request, response));
    const listening = new Promise((resolve, reject) => {
      this.#server.once('listening', resolve);
      this.#server.once('error', reject);
    });
    this.#server.listen(this.#where);
    await within(listening, 'the application to listen');
    this.#where.port = this.#server.address().port;
    return this;
  }

  async stop() {
    if (!this.#server) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#server = null;
    await within(closed, 'the application to end');
  }

  get settings() {
    return {
      'hooks.url': `http://127.0.0.1:${this.#where.port}/events?app=1`,
      'hooks.secret_file': this.secretFile,
    };
  }

  async #serve(request, response) {
    const parts = [];
    request.on('error', () => {});
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    if (request.method !== 'POST' || request.url !== '/events?app=1') this.faults.push(request.url);
    if (!verify(this.#secret, request.headers['longwire-signature'] ?? 't=0,v1=00', body))
      this.faults.push('a signature that is wrong');
    const batch = JSON.parse(body);
    this.batches.push(batch);
    const status = await this.answer(batch);
    if (!status) return;
    if (status < 300) this.#take(batch);
    response.writeHead(status);
    response.end();
  }

  /** Numbers follow each other, but for those that a gap counts, and for repeats. */
  #take({ events, gap }) {
    const last = this.events.length ? seqOf(this.events.at(-1)) : 0;
    const fresh = events.filter(({ id }) => !this.#ids.has(id));
    for (const [i, event] of fresh.entries()) {
      const expected = last + 1 + i + (gap?.missing ?? 0);
      if (seqOf(event) !== expected) this.faults.push(`${event.id}, and not ${expected}`);
      this.#ids.add(event.id);
      this.events.push(event);
    }
  }

  /** What has been told of `topic`: "occupied", "join alice", ... */
  of(topic) {
    return this.events
      .filter((event) => event.topic === topic)
      .map(({ event, sub }) => (sub ? `${event} ${sub}` : event));
  }

  /** Waits until so many events have come of `topic`, and returns them as of() does. */
  async told(topic, count) {
    await counted(() => this.of(topic).length, count, `events of ${topic}`);
    return this.of(topic);
  }
}
