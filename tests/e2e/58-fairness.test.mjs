// Nobody starves: while one topic is hot, while some read a long way through the log, or flood the
// hub with publishes or connects, everyone else on the same worker is served.
//
// What is asserted is order, never time: how much the hub does for the flood in one turn of its
// loop, by its own figures, and that somebody else gets an answer meanwhile.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { before, describe, test } from 'node:test';

import { get, poll, publish, publishBatch, topicPath } from './lib/http.mjs';
import { SANITIZED, startHub, suiteHub } from './lib/hub.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, sleep, within } from './lib/wait.mjs';
import { handshake } from './lib/wsframe.mjs';

const STEPS = 50;
const ROUNDS = SANITIZED ? 5 : 20;
const LOGGED = SANITIZED ? 40_000 : 200_000;
/** Connections that make a flood. */
const FLOODING = 4;
const MANY = 300;
/** Publishes of a connection that may wait for their commit. */
const INFLIGHT = 64;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);

const ONE_WORKER = { 'hub.workers': 1, 'log.sync': 'never' };
const startWorker = (t, set = {}) => startHub(t, { set: { ...ONE_WORKER, ...set } });

/** Somebody of each kind who wants little, on connections that are there before the flood. */
class Modest {
  #hub;
  #agent = new http.Agent({ keepAlive: true });
  #stream;
  #after;

  static async open(t, hub) {
    const modest = new Modest();
    modest.#hub = hub;
    modest.#stream = await (await SseStream.open(hub, 'quiet')).live();
    modest.#after = await publish(hub, 'quiet', 'x', { agent: modest.#agent });
    await modest.#stream.nextMessage();
    t.after(() => {
      modest.#stream.close();
      modest.#agent.destroy();
    });
    return modest;
  }

  /** What a counter of the hub's says. */
  async count(counter) {
    const { text } = await get(this.#hub, '/metrics', { agent: this.#agent });
    return Number(new RegExp(`^longwire_${counter}_total (\\d+)$`, 'm').exec(text)[1]);
  }

  /** A GET, a publish, and its message for a subscriber and for a long-poll. */
  async round() {
    const agent = this.#agent;
    const polled = poll(this.#hub, 'quiet', { after: this.#after, wait: 60 }, { agent });
    const health = get(this.#hub, '/healthz', { agent });
    const id = await publish(this.#hub, 'quiet', 'x', { agent });
    assert.equal((await this.#stream.nextMessage()).id, id);
    assert.deepEqual((await polled).messages.map((message) => message.id), [id]);
    assert.equal((await health).status, 200);
    this.#after = id;
  }
}

/**
 * What a counter grows by between the answers that a client gets one after the other, and how many
 * turns of its loop the hub took for that.
 */
class Pacer {
  #client;
  #counter;
  #before;

  static async open(t, hub, counter) {
    const pacer = new Pacer();
    pacer.#client = await RespClient.open(hub);
    pacer.#counter = counter;
    t.after(() => pacer.#client.close());
    await pacer.#client.write(encode('INFO', 'stats'));
    pacer.#before = await pacer.#sample();
    return pacer;
  }

  async #sample() {
    const text = await this.#client.reply();
    const count = (counter) => Number(new RegExp(`^${counter}:(\\d+)`, 'm').exec(text)[1]);
    return { done: count(this.#counter), turns: count('turns') };
  }

  /** Asks for it all at once. */
  ask() {
    // One turn or two for the way to the worker that has the connection, and the same back.
    const step = Buffer.concat([encode('CLIENT', 'KILL', 'ID', 0), encode('INFO', 'stats')]);
    return this.#client.write(Buffer.concat(upTo(STEPS).map(() => step)));
  }

  /** The growth in a turn, if it was the same in all turns of a step, the first and last included. */
  async growth() {
    const growth = [];
    for (let i = 0; i < STEPS; i++) {
      assert.equal(await this.#client.reply(), 0);
      const now = await this.#sample();
      growth.push((now.done - this.#before.done) / (now.turns - this.#before.turns + 1));
      this.#before = now;
    }
    return growth;
  }
}

/** Runs `task` while the hub is stopped, so that it finds everything at once when it goes on. */
async function whileStopped(hub, task) {
  await hub.pause();
  try {
    await task();
    await sleep(50); // what was written has to leave this process
  } finally {
    hub.signal('SIGCONT');
  }
}

/**
 * Starts a flood, whose progress is a counter of the hub's, and sees the others served: at most
 * `turn` of it is done in a turn of the hub's loop.
 */
async function assertFair(t, hub, { counter, turn, rounds = ROUNDS, flood }) {
  const modest = await Modest.open(t, hub);
  const pacer = await Pacer.open(t, hub, counter);
  const before = await modest.count(counter);
  await whileStopped(hub, async () => {
    await flood();
    await pacer.ask();
  });
  let most = Math.max(...(await pacer.growth()));
  while (most === 0) {
    await pacer.ask(); // the flood had not begun
    most = Math.max(...(await pacer.growth()));
  }
  t.diagnostic(`${counter}: up to ${most.toLocaleString()} in a turn`);
  assert.ok(most <= turn, `${most} in a turn`);
  await eventually(async () => (await modest.count(counter)) > before, 'the flood');
  if (rounds) await assertServed(t, modest, counter, rounds);
}

async function assertServed(t, modest, counter, rounds) {
  const start = await modest.count(counter);
  for (let i = 0; i < rounds; i++) await modest.round();
  const each = ((await modest.count(counter)) - start) / rounds;
  t.diagnostic(`${counter}: ${Math.round(each).toLocaleString()} in each round`);
  assert.ok(each > 0, 'the flood was over');
}

/** A connection that writes all that the hub takes, and drops what comes. */
class Flood {
  #socket;
  #seen = '';
  #bytes;

  static async open(t, hub, bytes, { local = false } = {}) {
    const flood = new Flood();
    const where = local ? { path: hub.socket } : { host: '127.0.0.1', port: hub.port };
    flood.#bytes = bytes;
    const connected = new Promise((resolve, reject) => {
      flood.#socket = net.connect(where, resolve);
      flood.#socket.on('error', reject);
      flood.#socket.on('close', reject);
    });
    flood.#socket.on('data', () => {});
    t.after(() => flood.close());
    await within(connected, 'a connection');
    return flood;
  }

  /** Sends its bytes again and again. */
  start() {
    if (this.#socket.destroyed) return;
    while (this.#socket.write(this.#bytes));
    this.#socket.once('drain', () => this.start());
  }

  /** Sends its bytes once. */
  ask() {
    this.#socket.write(this.#bytes);
  }

  /** Calls back when `text` has come. */
  expect(text, found) {
    this.#socket.on('data', (data) => {
      const seen = this.#seen + data.toString('latin1');
      this.#seen = seen.slice(-text.length);
      if (seen.includes(text)) found();
    });
  }

  close() {
    this.#socket.destroy();
  }
}

const publishes = (topic) => Buffer.concat(upTo(1000).map((n) => encode('PUBLISH', topic, n)));

const openFloods = (t, hub, bytes, options) =>
  Promise.all(upTo(FLOODING).map(() => Flood.open(t, hub, bytes, options)));

test('a hot topic', async (t) => {
  const hub = await startWorker(t, { 'limits.inflight': INFLIGHT });
  const subscribe = 'GET /t/hot HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n';
  const subscribers = await Promise.all(upTo(MANY).map(() => Flood.open(t, hub, subscribe)));
  subscribers.forEach((subscriber) => subscriber.ask());
  const floods = await openFloods(t, hub, publishes('hot'), { local: true });
  await assertFair(t, hub, {
    counter: 'deliveries',
    turn: FLOODING * INFLIGHT * MANY,
    flood: () => floods.forEach((flood) => flood.start()),
  });
});

describe('a long way through the log', () => {
  const hub = suiteHub({ set: { ...ONE_WORKER, 'hub.tail_bytes': '1M' } });
  before(async () => {
    const lines = upTo(10_000).map(() => ({ topic: 'long', data: 'x'.repeat(100) }));
    for (let n = 0; n < LOGGED; n += lines.length) await publishBatch(hub, lines);
  });

  /** Replays from the beginning, again and again. */
  async function replay(t, request, end) {
    const flood = await Flood.open(t, hub, request);
    flood.expect(end, () => {
      flood.close();
      replay(t, request, end).then((next) => next.ask(), () => {});
    });
    return flood;
  }

  const STREAMS = {
    sse: {
      end: 'longwire.live',
      request: 'GET /t/long?after=earliest HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n',
    },
    ws: { end: '"op":"live"', request: handshake('/t/long?after=earliest') },
  };

  for (const [transport, { request, end }] of Object.entries(STREAMS)) {
    test(transport, async (t) => {
      const floods = await Promise.all(upTo(FLOODING).map(() => replay(t, request, end)));
      await assertFair(t, hub, {
        counter: 'replayed',
        turn: FLOODING * 1050, // a slice for each
        flood: () => floods.forEach((flood) => flood.ask()),
      });
    });
  }

  test('of very many', async (t) => {
    const { request } = STREAMS.sse;
    const floods = await Promise.all(upTo(MANY).map(() => Flood.open(t, hub, request)));
    await assertFair(t, hub, {
      counter: 'replayed',
      turn: MANY * 250, // the slices of a quarter of them
      rounds: 0, // for which this process would have too much to read
      flood: () => floods.forEach((flood) => flood.ask()),
    });
  });

  const pages = upTo(LOGGED / 1000).map((n) => n * 1000);
  const READERS = {
    poll: {
      counter: 'polls',
      bytes: pages.map((n) => `GET /t/long?after=${n}&wait=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''),
    },
    XRANGE: {
      counter: 'resp_commands',
      bytes: Buffer.concat(pages.map((n) => encode('XRANGE', 'long', n, '+', 'COUNT', 1000))),
      local: true,
    },
  };

  for (const [name, { counter, bytes, local }] of Object.entries(READERS)) {
    test(name, async (t) => {
      const floods = await openFloods(t, hub, bytes, { local });
      await assertFair(t, hub, {
        counter,
        turn: FLOODING * 10,
        flood: () => floods.forEach((flood) => flood.start()),
      });
    });
  }
});

describe('a flood of publishes', () => {
  const WAYS = {
    resp: {
      bytes: publishes('flood'),
      turn: FLOODING * INFLIGHT,
      local: true,
    },
    http: {
      bytes: `POST ${topicPath('flood')} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`.repeat(1000),
      turn: FLOODING * INFLIGHT,
    },
  };

  for (const [way, { bytes, turn, local }] of Object.entries(WAYS)) {
    test(way, async (t) => {
      const hub = await startWorker(t, { 'limits.inflight': INFLIGHT });
      const floods = await openFloods(t, hub, bytes, { local });
      await assertFair(t, hub, {
        counter: 'publishes',
        turn,
        flood: () => floods.forEach((flood) => flood.start()),
      });
    });
  }
});

// Each read tens of megabytes to find out that the answer would be too large, and all that had come
// with it did so in the same turn.
test('pipelined commands that read a lot', async (t) => {
  const hub = await startWorker(t, { 'hub.tail_bytes': '1M' });
  const payload = 'x'.repeat(1 << 19);
  const lines = upTo(15).map(() => ({ topic: 'large', data: payload }));
  for (let i = 0; i < 10; i++) await publishBatch(hub, lines);
  const reads = [encode('XRANGE', 'large', '-', '+'), encode('XREAD', 'STREAMS', 'large', 0)];
  const flood = await Flood.open(t, hub, Buffer.concat(upTo(10).map((i) => reads[i % 2])), {
    local: true,
  });
  await assertFair(t, hub, {
    counter: 'resp_errors',
    turn: 1,
    rounds: 0, // it is soon over
    flood: () => flood.ask(),
  });
});

test('a storm of connects', async (t) => {
  const hub = await startWorker(t);
  const goingOn = 100;
  let over = false;
  t.after(() => (over = true));
  const comeAndGo = async (_, i) => {
    do {
      const flood = await Flood.open(t, hub, '').catch(() => null);
      flood?.close();
    } while (!over && i < goingOn);
  };
  await assertFair(t, hub, {
    counter: 'accepted',
    turn: 128,
    flood: () => void upTo(1500).forEach(comeAndGo),
  });
});
