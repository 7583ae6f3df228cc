// A hub that cannot take more publishes now reads from no publisher, and reads on by itself; nothing
// is lost. The log takes its time for as long as a test wants.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, publish, request } from './lib/http.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { eventually } from './lib/wait.mjs';
import { OP, RawWebSocket, frame } from './lib/wsframe.mjs';

const KB = 'x'.repeat(1000);
const QUEUE = 1 << 20;

const post = (path, body) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

async function metric(hub, name) {
  const { text } = await get(hub, '/metrics');
  return Number(new RegExp(`^longwire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

const taken = (hub) => metric(hub, 'publishes_total');

/** Everything that lay in the worker's sockets has been looked at behind this. */
async function turn(hub) {
  for (let n = 0; n < 3; n++) assert.equal((await get(hub, '/healthz')).status, 200);
}

/** Publishes until the queue is full; returns what answers to them. */
async function fill(hub) {
  const answers = [];
  while ((await metric(hub, 'queue_bytes')) < QUEUE) {
    const before = await taken(hub);
    answers.push(request(hub, 'POST', '/t/fill', { body: KB.repeat(200) }));
    await eventually(async () => (await taken(hub)) > before, 'a publish to be taken');
  }
  return answers;
}

/** How one message is published: open() connects, send() publishes, answered() waits for it. */
const PATHS = {
  HTTP: {
    open: (hub) => RawSocket.open(hub),
    send: (raw) => raw.write(post('/t/p/HTTP', 'one')),
    answered: (raw) => raw.untilText('HTTP/1.1 201 '),
  },
  'HTTP with more behind it': {
    open: (hub) => RawSocket.open(hub),
    send: (raw) => raw.write(post('/t/p/several', 'one').repeat(3)),
    answered: (raw) =>
      raw.until((data) => `${data}`.split('HTTP/1.1 201 ').length === 4, 'three answers'),
    topic: 'p/several',
    count: 3,
  },
  WebSocket: {
    open: (hub) => RawWebSocket.open(hub),
    send: (ws) => ws.send(frame(OP.TEXT, '{"op":"publish","topic":"p/WebSocket","data":"one"}')),
    answered: (ws) => ws.raw.untilText('"published"'),
  },
  'raw WebSocket': {
    open: (hub) => RawWebSocket.open(hub, '/t/p/raw?format=raw'),
    send: (ws) => ws.send(frame(OP.TEXT, 'one')),
    answered: (ws) => ws.raw.untilText('one'),
    topic: 'p/raw',
  },
  RESP: {
    /** A connection is a publisher once it has published. */
    open: async (hub) => {
      const client = await RespClient.open(hub);
      await client.command('PUBLISH', 'p/first', 'x');
      return client;
    },
    send: (client) => client.write(encode('PUBLISH', 'p/RESP', 'one')),
    answered: async (client) => assert.equal(await client.reply(), 0),
  },
};

const end = (client) => (client.destroy ? client.destroy() : client.close());

describe('publishers of a hub whose queue is full', () => {
  for (const [name, path] of Object.entries(PATHS)) {
    test(`${name}: is not read from, until there is room`, async (t) => {
      const [hub, gate] = await startSlowHub(t, {
        set: { 'hub.workers': 1, 'hub.queue_bytes': `${QUEUE}` },
      });
      await publish(hub, 'fill', 'before');
      const client = await path.open(hub);
      t.after(() => end(client));
      gate.close();
      const answers = await fill(hub);
      const before = await taken(hub);
      await path.send(client);
      await turn(hub);
      assert.equal(await taken(hub), before, 'a publish was taken by a full hub');
      gate.open();
      await path.answered(client);
      for (const { status } of await Promise.all(answers)) assert.equal(status, 201);
      assert.equal((await history(hub, path.topic ?? `p/${name}`)).length, path.count ?? 1);
      assert.equal(await taken(hub), before + (path.count ?? 1));
      assert.equal(await metric(hub, 'queue_bytes'), 0);
    });
  }

  test('a request that the hub does not read is not too slow', async (t) => {
    const [hub, gate] = await startSlowHub(t, {
      set: { 'hub.workers': 1, 'hub.queue_bytes': `${QUEUE}`, 'http.body_timeout': '1s' },
    });
    await publish(hub, 'fill', 'before');
    const [waiting, slow] = [await RawSocket.open(hub), await RawSocket.open(hub)];
    t.after(() => [waiting, slow].forEach(end));
    gate.close();
    const answers = await fill(hub);
    await waiting.write(post('/t/p/slow', 'one'));
    await turn(hub);
    // Its time has begun later, and it is the client's.
    await slow.write(post('/healthz', 'two').replace('POST', 'GET').slice(0, -1));
    await slow.untilText('HTTP/1.1 408 ');
    gate.open();
    await waiting.untilText('HTTP/1.1 201 ');
    for (const { status } of await Promise.all(answers)) assert.equal(status, 201);
  });

  test('cost nothing any more when they have been read', async (t) => {
    const [hub, gate] = await startSlowHub(t, {
      set: { 'hub.workers': 1, 'hub.queue_bytes': `${QUEUE}`, 'http.heartbeat': '60s' },
    });
    const admin = await RespClient.open(hub);
    t.after(() => admin.close());
    const work = async () => JSON.parse(await admin.command('HUB', 'STATS')).counters.work;
    const asking = async () => -(await work()) + (await work());
    await publish(hub, 'fill', 'before');
    const client = await PATHS.WebSocket.open(hub);
    t.after(() => end(client));
    await work();
    const before = await asking();
    gate.close();
    const answers = await fill(hub);
    await PATHS.WebSocket.send(client);
    await turn(hub);
    gate.open();
    await PATHS.WebSocket.answered(client);
    for (const { status } of await Promise.all(answers)) assert.equal(status, 201);
    await turn(hub);
    assert.equal(await asking(), before);
  });

  test('many at once: everything is answered, and in order', async (t) => {
    const [hub, gate] = await startSlowHub(t, {
      set: { 'hub.workers': 2, 'hub.queue_bytes': `${QUEUE}` },
    });
    await publish(hub, 'fill', 'before');
    gate.close();
    const publishers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const ws = await RawWebSocket.open(hub);
        t.after(() => ws.destroy());
        const data = (i) => JSON.stringify({ op: 'publish', topic: `m/${n}`, data: i + KB.repeat(10), ref: i });
        await ws.send(...Array.from({ length: 20 }, (__, i) => frame(OP.TEXT, data(i))));
        return ws;
      }),
    );
    await eventually(async () => (await metric(hub, 'queue_bytes')) >= QUEUE, 'a full queue');
    await turn(hub);
    assert.ok((await taken(hub)) < 1 + 400, 'all were taken by a full hub');
    gate.open();
    for (const [n, ws] of publishers.entries()) {
      const refs = [];
      while (refs.length < 20) refs.push(JSON.parse((await ws.next()).payload).ref);
      assert.deepEqual(refs, Array.from({ length: 20 }, (_, i) => i));
      assert.equal((await history(hub, `m/${n}`)).length, 20);
    }
  });
});

test('what waits is committed in groups of at most 16 MiB', async (t) => {
  const [hub, gate] = await startSlowHub(t, { set: { 'hub.workers': 1 } });
  await publish(hub, 'g', 'before');
  gate.close();
  const first = request(hub, 'POST', '/t/g', { body: 'holds the log up' });
  await eventually(async () => (await taken(hub)) === 2, 'the first one to be taken');
  const commits = await metric(hub, 'commits_total');
  const body = KB.repeat(1000);
  const answers = Array.from({ length: 40 }, () => request(hub, 'POST', '/t/g', { body }));
  await eventually(async () => (await taken(hub)) === 42, 'all to be taken');
  gate.open();
  for (const { status } of await Promise.all([first, ...answers])) assert.equal(status, 201);
  // The first one, and 40 MB in groups of 16 MiB at most.
  assert.ok((await metric(hub, 'commits_total')) - commits >= 1 + 3, 'a group was too large');
});

describe('a hub that is stopping', () => {
  /** Requests whose heads are half there when the hub is told to stop, and what answers them. */
  const CASES = [
    ['a publish', 'POST /t/s/x HTTP/1.1\r\nHost: localhost\r\n', 'Content-Length: 1\r\n\r\nx', / 503 /],
    [
      'a batch',
      'POST /t HTTP/1.1\r\nHost: localhost\r\n',
      'Content-Type: application/x-ndjson\r\nContent-Length: 24\r\n\r\n{"topic":"a","data":"b"}',
      / 503 /,
    ],
    ['a long-poll', 'GET /t/s/poll?wait=50 HTTP/1.1\r\nHost: localhost\r\n', '\r\n', / 200 /],
    [
      'an event stream',
      'GET /t/s/sse HTTP/1.1\r\nHost: localhost\r\n',
      'Accept: text/event-stream\r\n\r\n',
      / 200 [^]*retry: \d+\n\n\r\n0\r\n\r\n$/,
    ],
    [
      'a WebSocket',
      'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      / 503 /,
    ],
  ];

  test('answers what was under way, and refuses what comes', async (t) => {
    const [hub, gate] = await startSlowHub(t, { set: { 'hub.workers': 1 } });
    await publish(hub, 's/x', 'before');
    const raws = await Promise.all(CASES.map(() => RawSocket.open(hub)));
    t.after(() => raws.forEach((raw) => raw.destroy()));
    await Promise.all(raws.map((raw, i) => raw.write(CASES[i][1])));
    await turn(hub);
    const idle = await RawSocket.open(hub);
    t.after(() => idle.destroy());
    await idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await idle.untilText('HTTP/1.1 200 ');
    gate.close();
    const underWay = request(hub, 'POST', '/t/s/x', { body: 'under way' });
    await eventually(async () => (await taken(hub)) === 2, 'the publish to be taken');
    hub.signal('SIGTERM');
    await idle.untilClosed(); // the worker knows
    for (const [i, raw] of raws.entries()) {
      const [what, , rest, answer] = CASES[i];
      await raw.write(rest);
      const text = `${await raw.untilClosed()}`;
      assert.match(text, answer, what);
      assert.match(text, /\r\nconnection: close\r\n/i, what);
      if (/ 503 /.test(text)) {
        assert.match(text, /\r\nretry-after: 5\r\n/i);
        assert.match(text, /The hub is stopping/);
      }
    }
    gate.open();
    assert.equal((await underWay).status, 201);
    await hub.stop();
    await hub.start();
    assert.equal((await history(hub, 's/x')).length, 2);
  });
});
