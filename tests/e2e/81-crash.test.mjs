// kill -9 of the daemon while publishing goes on, several times: all that was acknowledged is
// there, offsets are dense, nothing is stored twice, and subscribers go on by themselves.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import WebSocket from 'ws';

import { Longwire } from '../../clients/js/longwire.js';
import { offsetOf } from './lib/cursor.mjs';
import { get, history, post } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { insist } from './lib/publishers.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RespClient } from './lib/resp.mjs';
import { Roamer, TRANSPORTS } from './lib/transports.mjs';
import { counted, eventually, sleep } from './lib/wait.mjs';

const ROUNDS = 6;

/** Attempts to publish, each able to fail at any moment. */
const WAYS = {
  http(hub) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    return async (topic, data, key) => {
      const body = JSON.stringify(data);
      const reply = await post(hub, topic, body, { type: 'application/json', key, agent });
      if (reply.status !== 201) throw new Error(`${reply.status}: ${reply.text}`);
      return reply.json().id;
    };
  },
  resp(hub) {
    let client = null;
    return async (topic, data, key) => {
      try {
        client ??= await RespClient.open(hub);
        const id = await client.command(
          'XADD',
          topic,
          '*',
          'data',
          JSON.stringify(data),
          'key',
          key,
        );
        if (typeof id !== 'string') throw new Error(id.text);
        return id;
      } catch (error) {
        client?.close();
        client = null;
        throw error;
      }
    };
  },
  client(hub) {
    const longwire = new Longwire(hub.url);
    return async (topic, data, key) => (await longwire.publish(topic, data, { key })).id;
  },
};

/** Numbered messages to one topic, each insisted upon; `ids` grows with the acknowledgements. */
function startPublisher(hub, way) {
  const publisher = { topic: `crash/${way}`, ids: [], stopped: false };
  const send = WAYS[way](hub);
  publisher.done = (async () => {
    for (let n = 0; !publisher.stopped; n++) {
      const isOver = () => publisher.stopped && !hub.alive;
      publisher.ids.push(await insist(send, publisher.topic, { n }, isOver));
    }
  })();
  return publisher;
}

/** longwire.js, which does all by itself; looks like a Roamer. */
function startClient(t, hub, transport, after) {
  const longwire = new Longwire(hub.url, { WebSocket });
  t.after(() => longwire.close());
  const client = { name: `longwire.js on ${transport}`, ids: [], gaps: [] };
  client.subscription = longwire.subscribe('crash/#', {
    after,
    transport,
    backoff: { base: 50, cap: 500 },
    onMessage: ({ id }) => client.ids.push(id),
    onGap: (gap) => client.gaps.push(gap),
  });
  return client;
}

test('acknowledged messages survive kill -9, and subscribers resume', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const hub = await startHub(t, { set: { 'http.retry': '100ms' } });
  const start = (await get(hub, '/cursor')).headers['longwire-cursor'];
  let over = false;
  t.after(() => (over = true));

  const subscribers = Object.keys(TRANSPORTS).map((transport) => {
    const roamer = new Roamer(hub, ['crash/#'], start);
    roamer.name = transport;
    roamer.persist(transport, () => over);
    return roamer;
  });
  for (const transport of ['websocket', 'sse', 'poll', 'auto']) {
    subscribers.push(startClient(t, hub, transport, start));
  }

  const publishers = Object.keys(WAYS).map((way) => startPublisher(hub, way));
  const acknowledged = () => publishers.reduce((sum, { ids }) => sum + ids.length, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const before = acknowledged();
    await eventually(() => acknowledged() > before + 60, 'publishing to go on');
    await sleep(random.int(0, 150));
    await hub.kill9();
    await sleep(random.int(0, 100));
    await hub.restart();
  }
  for (const publisher of publishers) publisher.stopped = true;
  await Promise.all(publishers.map(({ done }) => done));

  const stored = await history(hub, '#');
  assert.deepEqual(
    stored.map(({ id }) => offsetOf(id)),
    stored.map((_, n) => n + 1),
    'offsets are dense',
  );
  for (const { topic, ids } of publishers) {
    const kept = stored.filter((message) => message.topic === topic);
    assert.deepEqual(
      kept.map(({ data }) => data.n),
      kept.map((_, n) => n),
      `${topic}: each message once, in order`,
    );
    assert.deepEqual(
      kept.map(({ id }) => id),
      ids,
      `${topic}: what was acknowledged`,
    );
  }
  const wanted = stored.map(({ id }) => id);
  for (const { name, ids, gaps } of subscribers) {
    await counted(() => ids.length, wanted.length, `${name} to have resumed`);
    assert.deepEqual(gaps, [], name);
    assert.deepEqual(ids, wanted, name);
  }
  t.diagnostic(`${stored.length} messages over ${ROUNDS} crashes`);
});

test('a hub that is killed while it starts starts again', async (t) => {
  const hub = await startHub(t);
  const random = new Random(chooseSeed());
  const ids = [];
  for (let round = 0; round < 8; round++) {
    const reply = await post(hub, 'crash/start', String(round));
    ids.push(reply.json().id);
    await hub.kill9();
    const starting = hub.restart().catch(() => {});
    await sleep(random.int(0, 30));
    if (hub.alive) await hub.kill9().catch(() => {});
    await starting;
    if (!hub.alive) await hub.restart();
  }
  const stored = await history(hub, 'crash/start');
  assert.deepEqual(
    stored.map(({ id }) => id),
    ids,
  );
});
