// Load for the crash tests: publishers on every way, pipelined and not, with keys and without, and
// somebody who purges and trims. All that is sent and answered stands in a ledger.
import http from 'node:http';
import { randomUUID } from 'node:crypto';

import { post, postBatch } from './http.mjs';
import { RespError, RespPipeline } from './resp.mjs';
import { sleep } from './wait.mjs';
import { WsClient } from './ws.mjs';

/** Topics; those below `keep` are never purged. */
const KEPT = Array.from({ length: 40 }, (_, i) => `keep/${'abcd'[i % 4]}/${i >> 2}`);
const PURGED = Array.from({ length: 6 }, (_, i) => `purge/${i}`);

/** Patterns over them for `checkIndex`. */
export const PATTERNS = ['keep/#', 'keep/+/3', 'keep/b/#', 'purge/+', '+/0', 'none/#'];

/** Most commands on their way on a pipeline. */
const BURST = 60;
/** Long payloads take pages of their own in the log. */
const LONG = 9000;

/** The log could not take it. */
const isRefusal = (reply) =>
  reply instanceof RespError && /^(NOSPACE|IOERR) /.test(reply.text);

export class Load {
  #hub;
  #ledger;
  #random;
  #over = false;
  /** Trims go up to here at most: what everyone has had. */
  trimmable = 0;
  /** Messages that were refused. */
  refusals = 0;

  constructor(hub, ledger, random) {
    this.#hub = hub;
    this.#ledger = ledger;
    this.#random = random;
  }

  /**
   * Goes on until the hub is gone, or stop(); resolves when everybody has noticed, with the errors
   * that there were.
   */
  async run() {
    const workers = [
      this.#xadd(true),
      this.#xadd(false),
      this.#publish(),
      this.#post(true),
      this.#post(false),
      this.#batches(),
      this.#socket(),
      this.#remove(),
    ];
    const ends = await Promise.allSettled(workers);
    return ends.filter(({ reason }) => reason).map(({ reason }) => reason);
  }

  stop() {
    this.#over = true;
  }

  #topic() {
    return this.#random.pick(this.#random.next() < 0.8 ? KEPT : PURGED);
  }

  #data() {
    const most = this.#random.next() < 0.02 ? LONG : 120;
    return `${randomUUID()} ${'.'.repeat(this.#random.int(0, most))}`;
  }

  #attempt(options) {
    return this.#ledger.attempt(this.#topic(), this.#data(), options);
  }

  /** After a refusal, publishers take a breath and go on. */
  async #refused(...entries) {
    for (const entry of entries) this.#ledger.refuse(entry);
    this.refusals += entries.length;
    await sleep(5);
  }

  /** Bursts of commands down one pipeline; `send` sends one and returns what it acknowledges. */
  async #burst(send) {
    const pipeline = await RespPipeline.open(this.#hub);
    const one = async () => {
      const { entry, words, id } = send();
      const reply = await pipeline.command(...words);
      if (isRefusal(reply)) return this.#refused(entry);
      if (reply instanceof RespError) throw new Error(reply.text);
      return this.#ledger.acknowledge(entry, id ? reply : null);
    };
    try {
      while (!this.#over) {
        const count = this.#random.int(1, BURST);
        await Promise.all(Array.from({ length: count }, one));
      }
    } finally {
      pipeline.close();
    }
  }

  #xadd(keyed) {
    return this.#burst(() => {
      const key = keyed ? randomUUID() : undefined;
      const entry = this.#attempt({ key });
      const words = ['XADD', entry.topic, '*', 'data', entry.data];
      return { entry, words: keyed ? [...words, 'key', key] : words, id: true };
    });
  }

  #publish() {
    return this.#burst(() => {
      const entry = this.#attempt();
      return { entry, words: ['PUBLISH', entry.topic, entry.data], id: false };
    });
  }

  async #post(keyed) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#over) {
      const key = keyed ? randomUUID() : undefined;
      const entry = this.#attempt({ key });
      const reply = await post(this.#hub, entry.topic, entry.data, { key, agent });
      if (reply.status === 201) this.#ledger.acknowledge(entry, reply.json().id);
      else if (reply.status === 503) await this.#refused(entry);
      else throw new Error(reply.text);
    }
  }

  async #batches() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#over) {
      const batch = {};
      const length = this.#random.int(1, 30);
      const entries = Array.from({ length }, () => this.#attempt({ batch }));
      const lines = entries.map(({ topic, data }) => JSON.stringify({ topic, data }));
      const reply = await postBatch(this.#hub, lines.join('\n'), { agent });
      if (reply.status === 503) {
        await this.#refused(...entries);
        continue;
      }
      if (reply.status !== 201) throw new Error(reply.text);
      for (const [i, id] of reply.json().ids.entries()) this.#ledger.acknowledge(entries[i], id);
    }
  }

  async #socket() {
    const client = await WsClient.open(this.#hub, null);
    while (!this.#over) {
      const entry = this.#attempt();
      const answer = await client.ask({ op: 'publish', topic: entry.topic, data: entry.data });
      if (answer.op === 'published') this.#ledger.acknowledge(entry, answer.id);
      else if (/^(no_space|unavailable)$/.test(answer.code)) await this.#refused(entry);
      else throw new Error(JSON.stringify(answer));
    }
    client.terminate();
  }

  async #remove() {
    const pipeline = await RespPipeline.open(this.#hub);
    while (!this.#over) {
      await sleep(this.#random.int(5, 60));
      const trims = this.trimmable > 0 && this.#random.next() < 0.5;
      const what = trims ? { upto: this.trimmable } : { topic: this.#random.pick(PURGED) };
      const words = trims ? ['TRIM', `${what.upto}-${this.#ledger.epoch}`] : ['PURGE', what.topic];
      await this.#carryOut(pipeline, words, this.#ledger.removing(what));
      if (trims) this.trimmable = 0;
    }
    pipeline.close();
  }

  /** The hub goes on trying a purge that it has refused: the load is over when it has succeeded. */
  async #carryOut(pipeline, words, removal) {
    let reply = await pipeline.command('HUB', ...words);
    for (; isRefusal(reply); reply = await pipeline.command('HUB', ...words)) await sleep(5);
    const unknown = reply instanceof RespError && reply.text.startsWith('NOTFOUND');
    if (reply instanceof RespError && !unknown) throw new Error(reply.text);
    this.#ledger.removed(removal);
  }
}
