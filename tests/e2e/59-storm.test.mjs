// All subscribers are dropped at once and come back with their cursors, while publishing goes on:
// each gets every message of its topic once and in order, those included who had not had one yet,
// and the hub goes on answering others.
//
// LONGWIRE_STORM=N takes N subscribers (`./dev storm N`); this process and the hub need as many
// descriptors each. They are dropped first by the administrator, then by resets of their own.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { get, subscribePath } from './lib/http.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { RespPipeline } from './lib/resp.mjs';
import { eventually, sleep } from './lib/wait.mjs';
import { handshake, parseFrames } from './lib/wsframe.mjs';

const SUBSCRIBERS = Number(process.env.LONGWIRE_STORM ?? (SANITIZED ? 400 : 3000));
const PER_TOPIC = 10;
const TOPICS = Array.from({ length: Math.ceil(SUBSCRIBERS / PER_TOPIC) }, (_, i) => `storm/${i}`);
/** Every tenth topic has no message before the first drop. */
const isLate = (topic) => Number(topic.split('/')[1]) % 10 === 9;
const BURST = 50;
/** Only a failing test waits so long, ms; ten thousand take this process a while. */
const PATIENCE_MS = 120_000;

const request = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

/** Takes the end off what is at hand of an answer, and gives `take` the whole pieces. */
const PROTOCOLS = {
  sse: {
    open: (path) => request(`${path}&format=envelope`, 'Accept: text/event-stream\r\n'),
    split(data, take) {
      const end = data.lastIndexOf('\n\n');
      if (end < 0) return data;
      take(data.toString('latin1', 0, end + 2));
      return data.subarray(end + 2);
    },
  },
  ws: {
    open: (path) => handshake(path),
    split(data, take, state) {
      if (!state.upgraded) {
        const end = data.indexOf('\r\n\r\n');
        if (end < 0) return data;
        state.upgraded = true;
        data = data.subarray(end + 4);
      }
      const whole = parseFrames(data).map(({ payload }) => payload);
      for (const payload of whole) take(payload.toString('latin1'));
      const last = whole.at(-1);
      return last ? data.subarray(last.byteOffset + last.length - data.byteOffset) : data;
    },
  },
  poll: {
    open: (path) => request(`${path}&wait=60`),
    split(data, take, state) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) return data;
      const length = /^Content-Length: (\d+)$/im.exec(data.toString('latin1', 0, end));
      const size = end + 4 + Number(length[1]);
      if (data.length < size) return data;
      take(data.toString('latin1', end + 4, size));
      state.again();
      return data.subarray(size);
    },
  },
};

/** A subscriber who keeps his last cursor, and comes back whenever his connection ends. */
class Subscriber {
  ids = [];
  gaps = 0;
  connections = 0;
  /** Whether this connection has brought anything. */
  served = false;
  #hub;
  #protocol;
  #cursor;
  #socket;
  #over = false;

  constructor(hub, protocol, topic, cursor) {
    this.#hub = hub;
    this.#protocol = protocol;
    this.topic = topic;
    this.#cursor = cursor;
  }

  connect() {
    const socket = net.connect(this.#hub.port, '127.0.0.1');
    const ask = () => {
      const path = subscribePath(this.topic, { after: this.#cursor });
      socket.write(this.#protocol.open(path));
    };
    const state = { again: ask };
    let rest = Buffer.alloc(0);
    this.#socket = socket;
    this.served = false;
    this.connections++;
    socket.on('connect', ask);
    socket.on('data', (data) => {
      const all = rest.length ? Buffer.concat([rest, data]) : data;
      rest = this.#protocol.split(all, (text) => this.#take(text), state);
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#over || this.connect());
  }

  #take(text) {
    this.served = true;
    if (text.includes('"resumed"')) this.gaps++;
    for (const [, id, cursor] of text.matchAll(/"id":"(\d+-\d+)"|"cursor":"(\d+-\d+)"/g)) {
      if (id) this.ids.push(id);
      this.#cursor = id ?? cursor;
    }
  }

  /** Ends the connection with a reset. */
  drop() {
    this.#socket.resetAndDestroy();
  }

  close() {
    this.#over = true;
    this.#socket.destroy();
  }
}

/** Publishes to the topics in turn until it is told to stop; `ids` are those of each topic. */
class Publisher {
  ids = new Map(TOPICS.map((topic) => [topic, []]));
  acknowledged = 0;
  late = false;
  #over = false;

  async run(hub) {
    const pipeline = await RespPipeline.open(hub);
    const one = async (topic) => {
      const id = await pipeline.command('XADD', topic, '*', 'data', 'x'.repeat(100));
      this.ids.get(topic).push(id);
      this.acknowledged++;
    };
    for (let n = 0; !this.#over; n += BURST) {
      const burst = Array.from({ length: BURST }, (_, i) => TOPICS[(n + i) % TOPICS.length]);
      await Promise.all(burst.filter((topic) => this.late || !isLate(topic)).map(one));
      await sleep(10);
    }
    pipeline.close();
  }

  stop() {
    this.#over = true;
  }
}

const DROPS = {
  async 'by the administrator'(hub) {
    const pipeline = await RespPipeline.open(hub);
    const clients = JSON.parse(await pipeline.command('HUB', 'CLIENTS'));
    const theirs = clients.filter(({ address }) => address !== 'unix');
    assert.equal(theirs.length, SUBSCRIBERS);
    await Promise.all(theirs.map(({ id }) => pipeline.command('HUB', 'KICK', id)));
    pipeline.close();
  },
  'by a reset': (_, subscribers) => subscribers.forEach((subscriber) => subscriber.drop()),
};

/** Drops all, and waits until everybody has been served on a new connection. */
async function storm(t, hub, subscribers, publisher, how) {
  const agent = new http.Agent({ keepAlive: true });
  const before = publisher.acknowledged;
  const connections = subscribers.map((subscriber) => subscriber.connections);
  await DROPS[how](hub, subscribers);
  publisher.late = true;
  let rounds = 0;
  await eventually(async () => {
    assert.equal((await get(hub, '/healthz', { agent })).status, 200);
    rounds++;
    return subscribers.every(({ served, connections: now }, i) => served && now > connections[i]);
  }, 'all to be back', PATIENCE_MS);
  agent.destroy();
  const acknowledged = publisher.acknowledged - before;
  t.diagnostic(`${how}: meanwhile ${acknowledged} publishes, ${rounds} GETs`);
  assert.ok(acknowledged > 0, 'publishing stopped');
}

test(`${SUBSCRIBERS} come back at once`, { timeout: 4 * PATIENCE_MS }, async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 2 } });
  const start = (await get(hub, '/cursor')).headers['longwire-cursor'];
  const kinds = Object.values(PROTOCOLS);
  const subscribers = Array.from({ length: SUBSCRIBERS }, (_, i) => {
    const protocol = kinds[i % kinds.length];
    return new Subscriber(hub, protocol, TOPICS[i % TOPICS.length], start);
  });
  const publisher = new Publisher();
  t.after(() => {
    publisher.stop();
    subscribers.forEach((subscriber) => subscriber.close());
  });
  subscribers.forEach((subscriber) => subscriber.connect());
  await eventually(async () => {
    const { text } = await get(hub, '/metrics');
    const counts = text.matchAll(/^longwire_connections\{transport="(?:sse|ws|poll)"\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0) === SUBSCRIBERS;
  }, 'all to be subscribed', PATIENCE_MS);
  const publishing = publisher.run(hub);
  const early = subscribers.filter(({ topic }) => !isLate(topic));
  const haveOne = () => early.every(({ ids }) => ids.length > 0);
  await eventually(haveOne, 'a message for each', PATIENCE_MS);
  assert.ok(subscribers.some(({ ids }) => ids.length === 0), 'some without a message');

  for (const how of Object.keys(DROPS)) await storm(t, hub, subscribers, publisher, how);
  publisher.stop();
  await publishing;
  const wanted = ({ topic }) => publisher.ids.get(topic);
  await eventually(
    () => subscribers.every((one) => one.ids.length >= wanted(one).length),
    'all messages',
    PATIENCE_MS,
  );
  for (const one of subscribers) {
    assert.deepEqual(one.ids, wanted(one), one.topic);
    assert.equal(one.gaps, 0, one.topic);
  }
});
