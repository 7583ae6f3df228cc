// The clients of today as they are, each in every version of RESP that it speaks: node-redis 4, 5
// and 6, ioredis 5 and 6.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Redis5 from 'ioredis';
import { createClient as createClient4 } from 'redis4';
import { createClient as createClient5 } from 'redis5';

import { history, publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { Inbox } from './lib/wait.mjs';

/** The newest ones need it. */
const HAS_NODE_20 = Number(process.versions.node.split('.')[0]) >= 20;
const Redis6 = HAS_NODE_20 && (await import('ioredis6')).default;
const createClient6 = HAS_NODE_20 && (await import('redis6')).createClient;

/** Fields in a flat list, as RESP has them, as an object. */
const objectOf = (list) =>
  Object.fromEntries(list.flatMap((field, n) => (n % 2 ? [] : [[field, list[n + 1]]])));

/** How a test speaks to a client of node-redis. */
function nodeRedis(createClient, options = {}) {
  // Version 5 leaves what XREAD gives in RESP3 as it is.
  const entryOf = (entry) =>
    Array.isArray(entry) ? [entry[0], objectOf(entry[1])] : [entry.id, { ...entry.message }];
  return {
    async connect(hub) {
      const socket = { path: hub.socket, reconnectStrategy: () => 20 };
      const client = createClient({ ...options, socket, name: 'the-client' });
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    disconnect: (client) => (client.destroy ? client.destroy() : client.disconnect()),
    ping: (client) => client.ping(),
    publish: (client, topic, text) => client.publish(topic, text),
    xadd: (client, topic, fields) => client.xAdd(topic, '*', fields),
    async xrange(client, topic) {
      const entries = await client.xRange(topic, '-', '+');
      return entries.map(entryOf);
    },
    async xread(client, topic, after, ms) {
      const reply = await client.xRead([{ key: topic, id: after }], { BLOCK: ms, COUNT: 10 });
      if (!reply) return null;
      const [{ name, messages }] = Array.isArray(reply)
        ? reply
        : Object.entries(reply).map(([key, list]) => ({ name: key, messages: list }));
      assert.equal(name, topic);
      return messages.map(entryOf);
    },
    async subscribe(client, topic, pattern, listener) {
      await client.subscribe(topic, (data, from) => listener([topic, from, data]));
      await client.pSubscribe(pattern, (data, from) => listener([pattern, from, data]));
    },
    async unsubscribe(client, topic, pattern) {
      await client.unsubscribe(topic);
      await client.pUnsubscribe(pattern);
    },
    async pipeline(client, topic, count) {
      const pipeline = client.multi();
      for (let n = 0; n < count; n++) pipeline.publish(topic, `${n}`);
      return pipeline.execAsPipeline();
    },
    multi: (client, topic, bad) =>
      client
        .multi()
        .publish(topic, '1')
        .xAdd(bad ? 'not/#' : topic, '*', { data: '2' })
        .xLen(topic)
        .exec(),
    async info(client) {
      const { id, name, omem, multi, libName } = await client.clientInfo();
      return { id, name, omem, multi, libName };
    },
    libName: 'node-redis',
  };
}

/** The same for ioredis. */
function ioredis(Redis, options = {}) {
  const entryOf = ([id, list]) => [id, Array.isArray(list) ? objectOf(list) : list];
  const repliesOf = (results) =>
    results.map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  return {
    async connect(hub) {
      const where = { path: hub.socket, lazyConnect: true, connectionName: 'the-client' };
      const client = new Redis({ ...options, ...where, retryStrategy: () => 20 });
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    disconnect: (client) => client.disconnect(),
    ping: (client) => client.ping(),
    publish: (client, topic, text) => client.publish(topic, text),
    xadd: (client, topic, fields) => client.xadd(topic, '*', ...Object.entries(fields).flat()),
    xrange: async (client, topic) => (await client.xrange(topic, '-', '+')).map(entryOf),
    async xread(client, topic, after, ms) {
      const reply = await client.xread('COUNT', 10, 'BLOCK', ms, 'STREAMS', topic, after);
      if (!reply) return null;
      const [[name, entries]] = Array.isArray(reply) ? reply : Object.entries(reply);
      assert.equal(name, topic);
      return entries.map(entryOf);
    },
    async subscribe(client, topic, pattern, listener) {
      client.on('message', (from, data) => listener([topic, from, data]));
      client.on('pmessage', (by, from, data) => listener([by, from, data]));
      await client.subscribe(topic);
      await client.psubscribe(pattern);
    },
    async unsubscribe(client, topic, pattern) {
      await client.unsubscribe(topic);
      await client.punsubscribe(pattern);
    },
    async pipeline(client, topic, count) {
      const pipeline = client.pipeline();
      for (let n = 0; n < count; n++) pipeline.publish(topic, `${n}`);
      return repliesOf(await pipeline.exec());
    },
    multi: async (client, topic, bad) =>
      repliesOf(
        await client
          .multi()
          .publish(topic, '1')
          .xadd(bad ? 'not/#' : topic, '*', 'data', '2')
          .xlen(topic)
          .exec(),
      ),
    async info(client) {
      const line = await client.client('INFO');
      const field = (name) => new RegExp(` ${name}=(\\S*)`).exec(` ${line}`)[1];
      const [id, omem, multi] = ['id', 'omem', 'multi'].map((name) => Number(field(name)));
      return { id, name: field('name'), omem, multi, libName: field('lib-name') };
    },
    libName: 'ioredis',
  };
}

for (const [name, client] of [
  ['node-redis 4', nodeRedis(createClient4)],
  ['node-redis 5', nodeRedis(createClient5)],
  ['node-redis 5, RESP3', nodeRedis(createClient5, { RESP: 3, unstableResp3: true })],
  ['node-redis 6', nodeRedis(createClient6)],
  ['node-redis 6, RESP2', nodeRedis(createClient6, { RESP: 2 })],
  ['ioredis 5', ioredis(Redis5)],
  ['ioredis 6', ioredis(Redis6)],
  ['ioredis 6, RESP2', ioredis(Redis6, { protocol: 2 })],
]) {
  const skip = !HAS_NODE_20 && / 6/.test(name) && 'needs Node.js 20';
  describe(name, { skip }, () => {
    const hub = suiteHub();

    async function open(t) {
      const connection = await client.connect(hub);
      t.after(() => client.disconnect(connection));
      return connection;
    }

    test('connects, publishes and reads back', async (t) => {
      const c = await open(t);
      assert.equal(await client.ping(c), 'PONG');
      assert.equal(await client.publish(c, 'rc/a', 'one'), 0);
      const id = await client.xadd(c, 'rc/a', { data: 'two', event: 'e' });
      const [first, second] = await client.xrange(c, 'rc/a');
      assert.deepEqual(first[1], { data: 'one' });
      assert.deepEqual(second, [id, { data: 'two', event: 'e' }]);
    });

    test('is known by its name in CLIENT INFO', async (t) => {
      const info = await client.info(await open(t));
      assert.ok(info.id >= 0);
      assert.deepEqual([info.name, info.omem, info.multi], ['the-client', 0, -1]);
      assert.ok(info.libName === undefined || info.libName.startsWith(client.libName));
    });

    test('waits for messages with XREAD BLOCK', async (t) => {
      const [c, other] = [await open(t), await open(t)];
      const start = await client.xadd(other, 'rc/block', { data: 'start' });
      assert.equal(await client.xread(c, 'rc/block', start, 1), null);
      const waiting = client.xread(c, 'rc/block', start, 20_000);
      const id = await client.xadd(other, 'rc/block', { data: 'next' });
      assert.deepEqual(await waiting, [[id, { data: 'next' }]]);
    });

    test('subscribes to topics and patterns, globs among them', async (t) => {
      const c = await open(t);
      const inbox = new Inbox();
      await client.subscribe(c, 'rc/s', 'rc/p/*', (message) => inbox.push(message));
      await publish(hub, 'rc/s', 'a');
      await publish(hub, 'rc/p/deep/er', 'b');
      assert.deepEqual(await inbox.next(), ['rc/s', 'rc/s', 'a']);
      assert.deepEqual(await inbox.next(), ['rc/p/*', 'rc/p/deep/er', 'b']);
      await client.unsubscribe(c, 'rc/s', 'rc/p/*');
      assert.equal(await client.publish(c, 'rc/s', 'c'), 0);
    });

    test('sends pipelines', async (t) => {
      const c = await open(t);
      assert.deepEqual(await client.pipeline(c, 'rc/pipe', 500), Array(500).fill(0));
      const stored = await history(hub, 'rc/pipe');
      assert.deepEqual(
        stored.map(({ data }) => Number(data)),
        Array.from({ length: 500 }, (_, n) => n),
      );
    });

    test('runs transactions: all of it, or an error and nothing', async (t) => {
      const c = await open(t);
      const [subscribers, id, count] = await client.multi(c, 'rc/multi', false);
      assert.deepEqual([subscribers, count], [0, 2]);
      const stored = await history(hub, 'rc/multi');
      assert.deepEqual([stored.length, stored[1].id], [2, id]);
      await assert.rejects(client.multi(c, 'rc/multi', true), /EXECABORT|BADTOPIC|errors/);
      assert.equal((await history(hub, 'rc/multi')).length, 2);
      assert.equal(await client.ping(c), 'PONG');
    });

    test('comes back and subscribes again after a restart', async (t) => {
      const [c, inbox] = [await open(t), new Inbox()];
      await client.subscribe(c, 'rc/back', 'rc/back/#', (message) => inbox.push(message));
      await hub.restart();
      const other = await open(t);
      // When it is back cannot be told by what it says: publish until it has both.
      const counts = { 'rc/back': 0, 'rc/back/x': 0 };
      for (const topic of Object.keys(counts)) {
        while (counts[topic] === 0) counts[topic] = await client.publish(other, topic, 'again');
      }
      const topics = [(await inbox.next())[1], (await inbox.next())[1]];
      assert.ok(topics.includes('rc/back'));
      assert.equal(await client.ping(other), 'PONG');
    });
  });
}
