// What the hub says of itself: each figure counts what it is named for.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { get, history, poll, publish } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';
import { OP, RawWebSocket, frame } from './lib/wsframe.mjs';

describe('figures', () => {
  const hub = suiteHub();

  async function metric(name) {
    const { text } = await get(hub, '/metrics');
    return Number(text.split('\n').find((line) => line.startsWith(`longwire_${name} `)).split(' ')[1]);
  }

  test('a message whose key is known counts as a duplicate', async () => {
    const before = await metric('publish_duplicates_total');
    const first = await publish(hub, 'figures/key', 'x', { key: 'k' });
    assert.equal(await metric('publish_duplicates_total'), before);
    assert.equal(await publish(hub, 'figures/key', 'x', { key: 'k' }), first);
    assert.equal(await metric('publish_duplicates_total'), before + 1);
  });

  test('a gap counts on every transport', async () => {
    const before = await metric('gaps_epoch_total');
    const after = '7-1';
    await poll(hub, 'figures/gap', { after, wait: 0 });
    const sse = await SseStream.open(hub, 'figures/gap', { after });
    await sse.nextEvent('longwire.gap');
    sse.close();
    const ws = await WsClient.open(hub, 'figures/gap', { after });
    assert.equal((await ws.next()).op, 'gap');
    ws.close();
    assert.equal(await metric('gaps_epoch_total'), before + 3);
  });

  test('a waiting poll is a poll, in the metrics and among the clients', async () => {
    const waiting = poll(hub, 'figures/wait', { wait: 20 });
    const polls = () => metric('connections{transport="poll"}');
    await eventually(async () => (await polls()) === 1, 'one poll');
    const { stdout } = await longwirectl(hub, ['clients', '--json']);
    const mine = JSON.parse(stdout).filter(({ topics }) => topics.includes('figures/wait'));
    assert.deepEqual(mine.map(({ transport }) => transport), ['poll']);
    await publish(hub, 'figures/wait', 'x');
    assert.equal((await waiting).messages.length, 1);
    assert.equal(await polls(), 0);
  });

  test('a gap and a live of a joining subscription name its topic', async () => {
    const ws = await WsClient.open(hub, null);
    ws.send({ op: 'subscribe', topic: 'figures/+', after: '7-1' });
    assert.equal((await ws.next()).op, 'subscribed');
    const { op, topic } = await ws.next();
    assert.deepEqual([op, topic], ['gap', 'figures/+']);
    let frame;
    do frame = await ws.next();
    while (frame.op !== 'live');
    assert.equal(frame.topic, 'figures/+');
    ws.close();
  });

  test('-N reaches back over all that there is, however large N is', async () => {
    await publish(hub, 'figures/few', 'x');
    assert.equal((await history(hub, 'figures/few', '-18446744073709551615')).length, 1);
  });

  test('a cursor from the start of the log can be resumed without a gap', async () => {
    await publish(hub, 'figures/purged', 'x');
    await longwirectl(hub, ['purge', 'figures/purged', '--yes']);
    await publish(hub, 'figures/purged', 'y');
    const first = await SseStream.open(hub, 'figures/purged', { after: 'earliest' });
    const { id } = await first.next();
    first.close();
    const { messages, gap } = await poll(hub, 'figures/purged', { after: id, wait: 0 });
    assert.deepEqual(messages.map(({ data }) => data), ['y']);
    assert.equal(gap, undefined);
  });

  test('parameters that the hub does not know are passed over, however long', async () => {
    const token = 'x'.repeat(4000);
    assert.deepEqual((await poll(hub, 'figures/token', { token, wait: 0 })).messages, []);
  });

  test('a length beyond the limit is refused instead of continued', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    raw.write(
      'POST /t/figures/long HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n' +
        'Expect: 100-continue\r\n\r\n',
    );
    await raw.untilText('HTTP/1.1 413');
    assert.ok(!raw.received.includes('100 Continue'));
  });
});

describe('each counter', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1, 'log.sync': 'never' } });
  let admin;

  before(async () => {
    admin = await RespClient.open(hub);
  });
  after(() => admin.close());

  async function counters() {
    return JSON.parse(await admin.command('HUB', 'STATS')).counters;
  }

  /** What moves by itself, or by asking. */
  const RESTLESS = new Set(
    'bytes_out submitted turns turns_full work turn_work_max yields pauses resp_commands'.split(' '),
  );
  const HTTP = { accepted: 1, http_requests: 1 };
  const REFUSED = { ...HTTP, http_errors: 1 };
  /** A request by hand, on a connection of its own, which the hub ends. */
  const ask = async (text) => {
    const raw = await RawSocket.open(hub);
    await raw.write(text.replace('\r\n', '\r\nHost: localhost\r\nConnection: close\r\n'));
    await raw.untilClosed();
  };
  const post = (topic, fields = '', body = 'x') =>
    `POST /t/${topic} HTTP/1.1\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
  const ws = async (path, act) => {
    const client = await RawWebSocket.open(hub, path);
    await act(client);
    client.destroy();
  };
  const untilBytes = (client, bytes) =>
    client.raw.until((data) => data.includes(bytes, 0, 'latin1'), JSON.stringify(bytes));
  const say = (object) => frame(OP.TEXT, JSON.stringify(object));

  for (const [what, act, expected] of [
    ['a publish', () => ask(post('c/a')), { ...HTTP, publishes: 1 }],
    ['its key again', () => ask(post('c/key', 'Idempotency-Key: k\r\n')), { ...HTTP, publishes: 1, publish_duplicates: 1 }],
    ['a conflict', () => ask(post('c/key', 'Longwire-Expect-Last: 0\r\n')), { ...REFUSED, publishes: 1, publish_conflicts: 1 }],
    ['a poll', () => ask('GET /t/c/a?after=earliest&wait=0 HTTP/1.1\r\n\r\n'), { ...HTTP, polls: 1 }],
    ['a raw poll', () => ask('GET /t/c/a?after=earliest&wait=0&format=raw HTTP/1.1\r\n\r\n'), { ...HTTP, polls: 1 }],
    ['health', () => ask('GET /healthz HTTP/1.1\r\n\r\n'), HTTP],
    ['400', () => ask('GET /t/c/a?wait=x HTTP/1.1\r\n\r\n'), { ...REFUSED, http_invalid: 1 }],
    ['403', () => ask(post('c/a', 'Origin: http://evil.example\r\n')), { ...REFUSED, http_denied: 1, denied_origin: 1 }],
    ['404', () => ask('GET /nowhere HTTP/1.1\r\n\r\n'), { ...REFUSED, http_not_found: 1 }],
    ['405', () => ask('PUT /t/c/a HTTP/1.1\r\n\r\n'), REFUSED],
    [
      'a gap of each kind that a cursor has',
      async () => {
        await ask('GET /t/c/a?after=7-1&wait=0 HTTP/1.1\r\n\r\n');
        await ask('GET /t/c/a?after=99999&wait=0 HTTP/1.1\r\n\r\n');
      },
      { accepted: 2, http_requests: 2, polls: 2, gaps_epoch: 1, gaps_ahead: 1 },
    ],
    [
      'a control object that is published',
      () => ws('/ws', async (c) => {
        await c.send(say({ op: 'publish', topic: 'c/ws', data: 1 }));
        await c.raw.untilText('"published"');
      }),
      { ...HTTP, ws_control: 1, publishes: 1 },
    ],
    [
      'a control object that is refused',
      () => ws('/ws', async (c) => {
        await c.send(say({ op: 'unsubscribe', topic: 'c/none' }));
        await c.raw.untilText('not_subscribed');
      }),
      { ...HTTP, ws_control: 1, ws_errors: 1 },
    ],
    [
      'a conflict on a WebSocket',
      () => ws('/ws', async (c) => {
        await c.send(say({ op: 'publish', topic: 'c/a', data: 1, expect: '0' }));
        await c.raw.untilText('"conflict"');
      }),
      { ...HTTP, ws_control: 1, ws_errors: 1, publishes: 1, publish_conflicts: 1 },
    ],
    [
      'two messages that are replayed, as raw frames of three bytes',
      () => ws('/t/c/two?format=raw&after=earliest', (c) => untilBytes(c, '\x81\x01x\x81\x01x')),
      { ...HTTP, replayed: 2, deliveries: 2, delivered_bytes: 6 },
    ],
    [
      'two topics that join, one of them with messages',
      () => ws('/ws', async (c) => {
        await c.send(say({ op: 'subscribe', topic: 'c/none' }));
        await c.send(say({ op: 'subscribe', topic: 'c/two', after: '-1' }));
        await c.raw.untilText('"data":"x"');
      }),
      { ...HTTP, ws_control: 2, replayed: 1, deliveries: 1, delivered_bytes: null },
    ],
    [
      'a message that is brought live',
      () => ws('/t/c/live?format=raw', async (c) => {
        await ask(post('c/live'));
        await untilBytes(c, '\x81\x01x');
      }),
      { accepted: 2, http_requests: 2, publishes: 1, deliveries: 1, delivered_bytes: 3 },
    ],
    [
      'a message that is brought live to a stream with an encoding of its own, before one of others',
      async () => {
        const client = await RespClient.open(hub);
        await client.command('PSUBSCRIBE', 'c/+/own');
        const lines = ['c/1/own', 'c/others'].map((topic) => JSON.stringify({ topic, data: 'x' }));
        const body = lines.join('\n');
        await ask(
          `POST /t HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        assert.deepEqual(await client.reply(), ['pmessage', 'c/+/own', 'c/1/own', 'x']);
        client.close();
      },
      { accepted: 2, http_requests: 1, publishes: 1, deliveries: 1, delivered_bytes: null },
    ],
  ]) {
    test(`counts what it is named for, and nothing else: ${what}`, async () => {
      if (what === 'its key again') await publish(hub, 'c/key', 'x', { key: 'k' });
      if (/^two messages/.test(what)) for (const data of 'xx') await publish(hub, 'c/two', data);
      const from = await counters();
      await act();
      const to = await counters();
      const grown = {};
      for (const name of Object.keys(to)) {
        if (!RESTLESS.has(name) && to[name] !== from[name]) grown[name] = to[name] - from[name];
      }
      delete grown.bytes_in;
      for (const [name, by] of Object.entries(expected)) if (by === null) delete grown[name];
      const exact = Object.fromEntries(Object.entries(expected).filter(([, by]) => by !== null));
      assert.deepEqual(grown, exact);
    });
  }

  test('counts what it is named for: bytes', async () => {
    const probe = async (path) => {
      const from = await counters();
      const text = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      const raw = await RawSocket.open(hub);
      await raw.write(text);
      const answer = await raw.untilClosed();
      const to = await counters();
      return [to.bytes_in - from.bytes_in - text.length, to.bytes_out - from.bytes_out - answer.length];
    };
    // The rest is the administrator's, whose answer may have a digit more or less.
    const [short, long] = [await probe('/healthz'), await probe(`/healthz?${'x'.repeat(1000)}`)];
    assert.equal(long[0], short[0]);
    assert.ok(Math.abs(long[1] - short[1]) < 50, `${short[1]} and ${long[1]}`);
    const [, much] = await probe('/longwire.js');
    assert.ok(Math.abs(much - short[1]) < 50, `${short[1]} and ${much}`);
  });
});
