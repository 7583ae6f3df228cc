// What was accepted is answered before a connection ends, whoever ends it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { history, publish, request } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, within } from './lib/wait.mjs';
import { OP, RawWebSocket, closePayload, frame, parseFrames } from './lib/wsframe.mjs';

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const publishFrame = (topic, ref) =>
  frame(OP.TEXT, JSON.stringify({ op: 'publish', topic, data: ref, ref }));
const subscribeFrame = (topic) => frame(OP.TEXT, JSON.stringify({ op: 'subscribe', topic }));

/** All frames until the hub closes. */
async function allFrames(ws) {
  return parseFrames(await ws.raw.untilClosed());
}

/** Splits frames into the objects in them and the close frame, which has to be the last one. */
function goodbye(frames) {
  const last = frames.at(-1);
  assert.equal(last?.opcode, OP.CLOSE, 'the last frame is no close frame');
  const { payload } = last;
  const texts = frames.slice(0, -1).filter(({ opcode }) => opcode === OP.TEXT);
  return {
    code: payload.length >= 2 ? payload.readUInt16BE(0) : null,
    text: payload.subarray(2).toString(),
    objects: texts.map((one) => JSON.parse(one.payload)),
  };
}

const refsOf = (objects) => objects.filter(({ op }) => op === 'published').map(({ ref }) => ref);
const get = (path, fields = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
const post = (path, body, fields = '') =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
const statuses = (text) => [...`${text}`.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, s]) => Number(s));

describe('WebSocket: what is due leaves first', () => {
  const hub = suiteHub({ set: { 'hub.max_topics': 40 } });

  async function open(t, path, offer) {
    const ws = await RawWebSocket.open(hub, path, offer);
    t.after(() => ws.destroy());
    return ws;
  }

  const ENDS = [
    ["the client's close frame", [frame(OP.CLOSE, closePayload(1000))], 1000],
    ['a close frame without a code', [frame(OP.CLOSE)], null],
    ['a frame that breaks the protocol', [frame(OP.TEXT, 'x', { rsv: 4 })], 1002],
    ['text that is not UTF-8', [frame(OP.TEXT, Buffer.from([0xff]))], 1007],
    ['a head that is too long', [frame(OP.TEXT, 'x'.repeat(3 << 20)).subarray(0, 20)], 1009],
    ['the end of the input', [], null],
  ];
  for (const [what, end, code] of ENDS) {
    test(`answers to publishes before ${what}`, async (t) => {
      const ws = await open(t, '/ws');
      await ws.send(...upTo(20).map((n) => publishFrame('f/json', n)), ...end);
      if (end.length === 0) ws.raw.halfClose();
      const got = goodbye(await allFrames(ws));
      assert.deepEqual(refsOf(got.objects), upTo(20));
      assert.equal(got.code, code);
    });

    test(`raw: its own messages before ${what}`, async (t) => {
      const ws = await open(t, '/t/f/raw?format=raw');
      await ws.send(...upTo(20).map((n) => frame(OP.TEXT, `${n}`)), ...end);
      if (end.length === 0) ws.raw.halfClose();
      const frames = await allFrames(ws);
      const echoes = frames.filter(({ opcode }) => opcode === OP.TEXT);
      assert.deepEqual(echoes.map(({ payload }) => Number(payload)), upTo(20));
      assert.equal(goodbye(frames.filter(({ opcode }) => opcode === OP.CLOSE)).code, code);
    });
  }

  test('more publishes than may be under way, then the end of the input', async (t) => {
    const ws = await open(t, '/ws');
    await ws.send(...upTo(3000).map((n) => publishFrame('f/many', n)));
    ws.raw.halfClose();
    assert.deepEqual(refsOf(goodbye(await allFrames(ws)).objects), upTo(3000));
  });

  test('its own messages, also where it has to be read on for them', async (t) => {
    const big = 'x'.repeat(500_000);
    const ws = await open(t, '/t/f/echo?format=raw');
    ws.raw.pause();
    await ws.send(frame(OP.TEXT, 'first'));
    ws.send(...upTo(12).map(() => frame(OP.TEXT, big)), frame(OP.CLOSE, closePayload(1000)));
    await eventually(async () => (await history(hub, 'f/echo')).length === 13, 'all to be stored');
    ws.raw.resume();
    const frames = await allFrames(ws);
    assert.equal(frames.filter(({ opcode }) => opcode === OP.TEXT).length, 13);
    assert.equal(frames.at(-1).opcode, OP.CLOSE);
  });

  test('a conflict and an error are answers, too', async (t) => {
    const ws = await open(t, '/ws');
    await publish(hub, 'f/conflict', 'x');
    const conflict = { op: 'publish', topic: 'f/conflict', data: 1, expect: '0-1', ref: 'c' };
    await ws.send(
      publishFrame('f/conflict', 'p'),
      frame(OP.TEXT, JSON.stringify(conflict)),
      frame(OP.CLOSE, closePayload(1000)),
    );
    const { objects, code } = goodbye(await allFrames(ws));
    assert.deepEqual(objects.map(({ op, ref }) => [op, ref]), [['published', 'p'], ['error', 'c']]);
    assert.equal(code, 1000);
  });

  test('who only listens, far behind, is not read on for', async (t) => {
    const far = Array.from({ length: 20 }, () => publish(hub, 'f/far', 'y'.repeat(900_000)));
    await Promise.all(far);
    const ws = await open(t, '/t/f/far?after=earliest');
    ws.raw.pause();
    await ws.send(frame(OP.CLOSE, closePayload(1000)));
    ws.raw.resume();
    const frames = await allFrames(ws);
    assert.equal(frames.at(-1).opcode, OP.CLOSE);
    assert.ok(frames.length < 15, `${frames.length} frames were sent before the close frame`);
  });

  test('raw: a publish that fails is told, though the client has closed', async (t) => {
    const ws = await open(t, '/t/f/refused?format=raw');
    for (let n = 0; n < 40; n++) await publish(hub, `f/full/${n}`, 'x').catch(() => {});
    await ws.send(frame(OP.TEXT, 'x'), frame(OP.CLOSE, closePayload(1000)));
    const { code, text } = goodbye(await allFrames(ws));
    assert.equal(code, 1013);
    assert.match(text, /hub\.max_topics/);
  });
});

describe('HTTP: what was asked is answered', () => {
  const hub = suiteHub();

  async function send(t, ...parts) {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(parts.join(''));
    return raw;
  }

  // The last one was dropped when the slice of work ended inside it.
  test('however many there are: a half-closed connection gets all answers', async () => {
    for (const count of [10, 49, 50, 51, 100, 150, 151]) {
      const raw = await RawSocket.open(hub);
      await raw.write(post('/t/g/count', 'x') + get('/healthz').repeat(count));
      raw.halfClose();
      const [first, ...others] = statuses(`${await raw.untilClosed()}`);
      assert.equal(first, 201);
      assert.deepEqual(others, Array(count).fill(200));
    }
  });

  test('a client that ends its side gets the answers to all its requests', async (t) => {
    const requests = [
      ...upTo(50).map((n) => post('/t/g/half', `${n}`)),
      get('/t/g/half?after=earliest&wait=0'),
      get('/healthz'),
      post('/t/g/half', 'one more'),
      get('/nowhere'),
      post('/t/g/half', 'the last'),
    ];
    const raw = await send(t, ...requests);
    raw.halfClose();
    const text = `${await raw.untilClosed()}`;
    assert.deepEqual(statuses(text), [...upTo(50).map(() => 201), 200, 200, 201, 404, 201]);
    assert.match(text.slice(text.lastIndexOf('HTTP/1.1')), /\r\nconnection: close\r\n/i);
    assert.equal((await history(hub, 'g/half')).length, 52);
  });

  test('its long-polls do not wait, wherever they stand', async (t) => {
    const raw = await send(
      t,
      get('/t/g/poll?wait=50'),
      post('/t/g/poll', 'x'),
      get('/t/g/poll?wait=50&format=raw'),
      get('/t/g/poll?wait=50'),
    );
    raw.halfClose();
    const text = `${await within(raw.untilClosed(), 'all answers', 15_000)}`;
    assert.deepEqual(statuses(text), [200, 201, 204, 200]);
  });

  test('an event stream behind other requests has its beginning, and ends', async (t) => {
    const raw = await send(
      t,
      post('/t/g/sse', 'x'),
      get('/t/g/sse?after=earliest', 'Accept: text/event-stream\r\n'),
    );
    raw.halfClose();
    const text = `${await raw.untilClosed()}`;
    assert.deepEqual(statuses(text), [201, 200]);
    assert.match(text, /event: longwire\.session/);
  });

  test('a change of an event stream is answered', async (t) => {
    const stream = await SseStream.open(hub, 'g/session', { format: 'envelope' });
    t.after(() => stream.close());
    const change = post(`/session/${await stream.session}`, '{"subscribe":[{"topic":"g/more"}]}');
    const raw = await send(t, change, post('/t/g/session', 'x'), change);
    raw.halfClose();
    assert.deepEqual(statuses(await raw.untilClosed()), [200, 201, 200]);
  });

  test('`Connection: close` behind requests that take their time', async (t) => {
    const raw = await send(
      t,
      ...upTo(20).map((n) => post('/t/g/close', `${n}`)),
      post('/t/g/close', 'last', 'Connection: close\r\n'),
      post('/t/g/close', 'not read any more'),
    );
    assert.deepEqual(statuses(await raw.untilClosed()), upTo(21).map(() => 201));
    assert.equal((await history(hub, 'g/close')).length, 21);
  });

  test('a request that is cut off is not taken', async (t) => {
    const whole = post('/t/g/cut', 'whole');
    const raw = await send(t, whole, whole.slice(0, -2));
    raw.halfClose();
    assert.deepEqual(statuses(await raw.untilClosed()), [201]);
    assert.equal((await history(hub, 'g/cut')).length, 1);
  });
});

describe('while the log takes its time', () => {
  const SET = { 'hub.workers': 1 };

  async function underWay(hub, count) {
    const publishes = async () => {
      const { text } = await request(hub, 'GET', '/metrics');
      return Number(/^longwire_publishes_total (\d+)$/m.exec(text)[1]);
    };
    await eventually(async () => (await publishes()) >= count, 'the publish to be taken');
  }

  /** Kicks a connection (a RawSocket). */
  async function kick(hub, raw) {
    const admin = await RespClient.open(hub);
    const clients = JSON.parse(await admin.command('HUB', 'CLIENTS'));
    admin.close();
    const { id } = clients.find(({ address }) => address === `127.0.0.1:${raw.localPort}`);
    assert.equal((await longwirectl(hub, ['kick', String(id)])).code, 0);
  }

  for (const [how, text, end] of [
    ['kicked', 'Ended by the administrator', (hub, ws) => kick(hub, ws.raw)],
    ['ended by a hub that stops', 'The hub is stopping', (hub) => hub.signal('SIGTERM')],
  ]) {
    test(`a WebSocket that is ${how} gets its answers`, async (t) => {
      const [hub, gate] = await startSlowHub(t, { set: SET });
      await publish(hub, 's/ws', 'before');
      const ws = await RawWebSocket.open(hub);
      t.after(() => ws.destroy());
      gate.close();
      await ws.send(subscribeFrame('s/ws'), ...upTo(3).map((n) => publishFrame('s/ws', n)));
      await underWay(hub, 4);
      await end(hub, ws);
      const socket = await RespClient.open(hub).catch(() => null); // behind the end
      await socket?.command('PING').catch(() => {});
      gate.open();
      const got = goodbye(await allFrames(ws));
      assert.deepEqual(refsOf(got.objects), [0, 1, 2]);
      assert.deepEqual([got.code, got.text], [1001, text]);
    });
  }

  test('requests whose connection is kicked get their answers', async (t) => {
    const [hub, gate] = await startSlowHub(t, { set: SET });
    await publish(hub, 's/http', 'before');
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    gate.close();
    await raw.write(post('/t/s/http', 'x') + post('/t/s/http', 'y'));
    await underWay(hub, 3);
    await kick(hub, raw);
    gate.open();
    const text = `${await raw.untilClosed()}`;
    assert.deepEqual(statuses(text), [201, 201]);
    assert.match(text.slice(text.lastIndexOf('HTTP/1.1')), /\r\nconnection: close\r\n/i);
  });

  test('but not for ever', async (t) => {
    // Nothing else looks at them meanwhile.
    const [hub, gate] = await startSlowHub(t, { set: { ...SET, 'http.heartbeat': '60s' } });
    await publish(hub, 's/late', 'before');
    const ws = await RawWebSocket.open(hub);
    const raw = await RawSocket.open(hub);
    t.after(() => [ws, raw].forEach((one) => one.destroy()));
    gate.close();
    await ws.send(publishFrame('s/late', 1), frame(OP.CLOSE, closePayload(1000)));
    await raw.write(post('/t/s/late', 'x'));
    await underWay(hub, 3);
    await kick(hub, raw);
    const { code, objects } = goodbye(await allFrames(ws));
    assert.deepEqual([code, objects], [1000, []]);
    assert.deepEqual(statuses(await raw.untilClosed()), [503]);
  });
});
