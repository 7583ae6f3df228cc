// The topics of an event stream, changed while it runs: POST /session/{id}.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import http from 'node:http';
import { describe, test } from 'node:test';

import { readChunks } from './lib/chunks.mjs';
import { Trap } from './lib/crashpoints.mjs';
import { moved, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, publish, publishBatch, request } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** POSTs a change, whatever comes of it. */
const post = (hub, session, body, { headers = JSON_TYPE, ...options } = {}) =>
  request(hub, 'POST', `/session/${session}`, {
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...options,
  });

/** Changes the topics of a stream; returns the answer's object. */
async function change(hub, stream, body, options) {
  const reply = await post(hub, await stream.session, body, options);
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers['content-type'], 'application/json');
  return reply.json();
}

/** A stream of envelopes that has caught up, closed with test `t`. */
async function open(t, hub, topics, parameters = {}, headers = {}) {
  const stream = await SseStream.open(hub, topics, { format: 'envelope', ...parameters }, headers);
  t.after(() => stream.close());
  return stream.live();
}

const envelope = async (stream) => JSON.parse((await stream.nextMessage()).data);

const isBehind = (id, place) => offsetOf(id) > offsetOf(place);

/** Waits until `topic` has joined, and returns the block. */
const joined = (stream, topic) =>
  stream.blocks.next(
    `${topic} to have joined`,
    (b) => b.event === 'longwire.live' && JSON.parse(b.data).topic === topic,
  );

for (const workers of [1, 4]) {
  describe(`sessions, ${workers} workers`, () => {
    const hub = suiteHub({
      set: { 'hub.workers': workers, 'http.heartbeat': '1s', 'limits.subscriptions': 20 },
    });

    test('are named behind the first block', async (t) => {
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      await raw.write('GET /t/s/raw HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
      await raw.untilText('longwire.live');
      const body = raw.received.subarray(raw.received.indexOf('\r\n\r\n') + 4);
      const [, block] = readChunks(body).chunks;
      assert.match(`${block}`, /^event: longwire\.session\ndata: \{"session":"[0-9a-f]{32}"\}\n\n$/);
    });

    test('have names of their own', async (t) => {
      const names = new Set();
      for (let i = 0; i < 20; i++) names.add(await (await open(t, hub, 's/name')).session);
      assert.equal(names.size, 20);
    });

    test('are found among many, which come and go', async (t) => {
      const many = [];
      for (let i = 0; i < 600; i++) many.push(open(t, hub, 's/many'));
      const streams = await Promise.all(many);
      const kept = streams.filter((_, i) => i % 50 === 0);
      for (const stream of kept) await change(hub, stream, { subscribe: ['s/many/more'] });
      for (const stream of streams) if (!kept.includes(stream)) stream.close();
      await eventually(async () => {
        const { stdout } = await longwirectl(hub, ['clients', '--json']);
        const topics = JSON.parse(stdout).map((c) => c.topics);
        return topics.filter((list) => list.includes('s/many')).length === kept.length;
      }, 'the others to be gone');
      for (const stream of kept) {
        const { unsubscribed } = await change(hub, stream, { unsubscribe: ['s/many/more'] });
        assert.deepEqual(unsubscribed, ['s/many/more']);
      }
    });

    test('a topic joins now', async (t) => {
      const stream = await open(t, hub, 's/now/a');
      const old = await publish(hub, 's/now/b', 'old');
      const answer = await change(hub, stream, { subscribe: ['s/now/b'] });
      assert.equal(answer.subscribed.length, 1);
      assert.equal(answer.subscribed[0].topic, 's/now/b');
      assert.ok(offsetOf(answer.subscribed[0].cursor) >= offsetOf(old));
      assert.deepEqual(answer.unsubscribed, []);
      const live = await joined(stream, 's/now/b');
      assert.equal(JSON.parse(live.data).cursor, live.id);
      const id = await publish(hub, 's/now/b', 'new');
      assert.equal((await envelope(stream)).id, id);
      assert.equal(stream.cursor, id);
    });

    test('a topic joins at a place, and its replay does not move that of the stream', async (t) => {
      const ids = [];
      for (const data of ['1', '2', '3']) ids.push(await publish(hub, 's/place/b', data));
      await publish(hub, 's/place/a', 'x');
      const stream = await open(t, hub, 's/place/a');
      const before = stream.cursor;
      const answer = await change(hub, stream, {
        subscribe: [{ topic: 's/place/b', after: ids[0] }],
      });
      assert.equal(answer.subscribed[0].cursor, ids[0]);
      for (const data of ['2', '3']) {
        const block = await stream.nextMessage();
        assert.equal(block.id, undefined);
        assert.equal(JSON.parse(block.data).data, data);
      }
      await joined(stream, 's/place/b');
      assert.ok(offsetOf(stream.cursor) >= offsetOf(before));
    });

    test('every form of a place', async (t) => {
      const ids = [];
      for (const data of ['1', '2', '3']) ids.push(await publish(hub, 's/forms', data));
      const time = (await history(hub, 's/forms'))[0].time;
      const places = { earliest: 3, latest: 0, '-2': 2, [ids[1]]: 1, [time]: 3 };
      for (const [after, count] of Object.entries(places)) {
        const stream = await open(t, hub, 's/other');
        await change(hub, stream, { subscribe: [{ topic: 's/forms', after }] });
        const got = [];
        for (;;) {
          const block = await stream.nextEvent();
          if (block.event === 'longwire.live') break;
          got.push(JSON.parse(block.data).id);
        }
        assert.deepEqual(got, ids.slice(3 - count), after);
      }
    });

    test('a pattern joins, and what the set brings anyway is not repeated', async (t) => {
      const stream = await open(t, hub, 's/pattern/a');
      await change(hub, stream, { subscribe: ['s/pattern/#'] });
      await joined(stream, 's/pattern/#');
      const ids = await publishBatch(hub, [
        { topic: 's/pattern/a', data: 1 },
        { topic: 's/pattern/b', data: 2 },
      ]);
      const got = [await envelope(stream), await envelope(stream)].map((m) => m.id);
      assert.deepEqual(got, ids);
      await change(hub, stream, { unsubscribe: ['s/pattern/a'] });
      const id = await publish(hub, 's/pattern/a', '3');
      assert.equal((await envelope(stream)).id, id);
    });

    test('a topic leaves, and the stream goes on without any', async (t) => {
      const stream = await open(t, hub, ['s/leave/a', 's/leave/b']);
      const first = await change(hub, stream, { unsubscribe: ['s/leave/a', 's/leave/none'] });
      assert.deepEqual(first, { subscribed: [], unsubscribed: ['s/leave/a'] });
      await publish(hub, 's/leave/a', 'not for it');
      const id = await publish(hub, 's/leave/b', 'for it');
      assert.equal((await envelope(stream)).id, id);
      await change(hub, stream, { unsubscribe: ['s/leave/b'] });
      await publish(hub, 's/leave/b', 'not for it');
      const other = await publish(hub, 's/elsewhere', 'x');
      const beat = await stream.blocks.next('a heartbeat', (b) => {
        assert.equal(b.data, undefined);
        return offsetOf(b.id) >= offsetOf(other);
      });
      assert.equal(beat.event, undefined);
      await change(hub, stream, { subscribe: ['s/leave/c'] });
      await joined(stream, 's/leave/c');
      await publish(hub, 's/leave/c', 'again');
      assert.equal((await envelope(stream)).data, 'again');
    });

    test('one request takes out first and then adds', async (t) => {
      const ids = [];
      const stream = await open(t, hub, 's/both');
      for (const data of ['1', '2']) ids.push(await publish(hub, 's/both', data));
      assert.deepEqual([(await envelope(stream)).id, (await envelope(stream)).id], ids);
      const answer = await change(hub, stream, {
        subscribe: [{ topic: 's/both', after: ids[0] }],
        unsubscribe: ['s/both'],
      });
      assert.deepEqual(answer.unsubscribed, ['s/both']);
      assert.equal((await envelope(stream)).id, ids[1]);
      await joined(stream, 's/both');
      const id = await publish(hub, 's/both', '3');
      assert.equal((await envelope(stream)).id, id);
    });

    test('a gap of a topic that joins is told with its name, and is none of the stream', async (t) => {
      const id = await publish(hub, 's/gap/b', 'kept');
      const stream = await open(t, hub, 's/gap/a');
      const requested = moved(id, 0).replace(/-\d+$/, '-1');
      await change(hub, stream, { subscribe: [{ topic: 's/gap/b', after: requested }] });
      const block = await stream.nextEvent();
      assert.equal(block.event, 'longwire.gap');
      assert.equal(block.id, undefined);
      const gap = JSON.parse(block.data);
      assert.equal(gap.topic, 's/gap/b');
      assert.equal(gap.requested, requested);
      assert.equal(gap.reason, 'epoch');
      assert.equal((await envelope(stream)).id, id);
    });

    test('nothing to change is fine', async (t) => {
      const stream = await open(t, hub, 's/nothing');
      const raw = await SseStream.open(hub, 's/nothing');
      t.after(() => raw.close());
      for (const body of ['{}', '{"subscribe":[],"unsubscribe":null,"other":7}']) {
        const empty = { subscribed: [], unsubscribed: [] };
        assert.deepEqual(await change(hub, stream, body), empty);
        assert.deepEqual(await change(hub, raw, body), empty);
      }
    });

    test('a raw stream stays one topic', async (t) => {
      const stream = await SseStream.open(hub, 's/stays');
      t.after(() => stream.close());
      const session = await stream.session;
      for (const body of [{ subscribe: ['s/b'] }, { unsubscribe: ['s/stays'] }]) {
        const problem = assertProblem(await post(hub, session, body), 409);
        assert.match(problem.detail, /format=envelope/);
      }
      await publish(hub, 's/stays', 'payload');
      assert.equal((await stream.nextMessage()).data, 'payload');
    });

    test('a request that is wrong changes nothing', async (t) => {
      const stream = await open(t, hub, 's/atomic/a');
      const session = await stream.session;
      const wrong = [
        [{ subscribe: ['s/atomic/b', '/bad'], unsubscribe: ['s/atomic/a'] }, /subscribe\[1\]/],
        [{ subscribe: ['s/atomic/b'], unsubscribe: ['s/atomic/a', 7] }, /unsubscribe\[1\]/],
        [{ subscribe: [{ topic: 's/atomic/b', after: 'soon' }] }, /subscribe\[0\].*after/],
        [{ subscribe: [{ topic: 's/#/b' }] }, /subscribe\[0\]/],
        [{ subscribe: 's/atomic/b' }, /array/],
        [{ subscribe: Array.from({ length: 21 }, (_, i) => `s/many/${i}`) }, /limits/],
        [{ subscribe: Array.from({ length: 20 }, (_, i) => `s/many/${i}`) }, /limits/],
        ['{"subscribe":["s/atomic/b"],}', /JSON/],
        ['["s/atomic/b"]', /object/],
        ['{"subscribe":["s/atomic/b"],"subscribe":[]}', /twice/],
        [{ subscribe: [{ after: 'earliest' }] }, /subscribe\[0\].*topic/],
        [{ subscribe: [{ topic: 's/atomic/b', after: 7 }] }, /subscribe\[0\].*after/],
        ['', /JSON/],
      ];
      for (const [body, detail] of wrong) {
        const problem = assertProblem(await post(hub, session, body), 400);
        assert.match(problem.detail, detail);
      }
      await publish(hub, 's/atomic/b', 'not for it');
      const id = await publish(hub, 's/atomic/a', 'for it');
      assert.equal((await envelope(stream)).id, id);
    });

    test('as many topics as the limit allows, which leaving ones make room for', async (t) => {
      const stream = await open(t, hub, 's/limit/0');
      const names = Array.from({ length: 20 }, (_, i) => `s/limit/${i + 1}`);
      const replace = { unsubscribe: ['s/limit/0'], subscribe: names };
      const { subscribed } = await change(hub, stream, replace);
      assert.deepEqual(subscribed.map((s) => s.topic), names);
      assertProblem(await post(hub, await stream.session, { subscribe: ['s/limit/0'] }), 400);
      for (const name of names) await joined(stream, name);
      const ids = await publishBatch(hub, names.map((topic) => ({ topic, data: 1 })));
      for (const id of ids) assert.equal((await envelope(stream)).id, id);
    });

    test('HUB CLIENTS and the subscribers of topics follow', async (t) => {
      const stream = await open(t, hub, 's/figures/a');
      await change(hub, stream, { subscribe: ['s/figures/b'], unsubscribe: ['s/figures/a'] });
      await joined(stream, 's/figures/b');
      const { stdout } = await longwirectl(hub, ['clients', '--json']);
      const mine = JSON.parse(stdout).filter((c) => c.topics.includes('s/figures/b'));
      assert.deepEqual(mine.map((c) => [c.transport, c.topics]), [['sse', ['s/figures/b']]]);
    });

    test('unknown and ended sessions are 404', async (t) => {
      const stream = await open(t, hub, 's/ended');
      const session = await stream.session;
      const other = session.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
      for (const id of [other, '0'.repeat(32), 'x', `${session}0`, session.toUpperCase() + 'G']) {
        assertProblem(await post(hub, id, { subscribe: ['a'] }), 404);
      }
      stream.close();
      await eventually(async () => (await post(hub, session, {})).status === 404, 'the end');
    });

    test('what a request has to be', async (t) => {
      const session = await (await open(t, hub, 's/request')).session;
      const body = '{}';
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
        const reply = await request(hub, method, `/session/${session}`);
        assert.equal(reply.status, 405);
        assert.equal(reply.headers.allow, 'POST, OPTIONS');
      }
      const types = { 'text/plain': 415, 'application/x-ndjson': 415, 'a;b': 415 };
      for (const [type, status] of Object.entries(types)) {
        const reply = await post(hub, session, body, { headers: { 'Content-Type': type } });
        assertProblem(reply, status);
        assert.equal(reply.headers.accept, 'application/json');
      }
      const taken = ['application/json; charset=utf-8', 'application/x-www-form-urlencoded'];
      for (const type of taken) {
        const reply = await post(hub, session, body, { headers: { 'Content-Type': type } });
        assert.equal(reply.status, 200, type);
      }
      assert.equal((await post(hub, session, body, { headers: {} })).status, 200);
      const encoded = { ...JSON_TYPE, 'Content-Encoding': 'gzip' };
      assertProblem(await post(hub, session, body, { headers: encoded }), 415);
      const long = ' '.repeat((8 << 20) + 1);
      assertProblem(await post(hub, session, long).catch(() => ({ headers: {} })), 413);
      assertProblem(await get(hub, '/session'), 404);
      assertProblem(await get(hub, '/session/'), 404);
    });

    test('over the local socket, too', async (t) => {
      const stream = await open(t, hub, 's/local/a');
      await change(hub, stream, { subscribe: ['s/local/b'] }, { local: true });
      await joined(stream, 's/local/b');
      const id = await publish(hub, 's/local/b', 'x');
      assert.equal((await envelope(stream)).id, id);
    });

    test('is pipelined with other requests', async (t) => {
      const stream = await open(t, hub, 's/pipe/a');
      const session = await stream.session;
      const one = (body) =>
        `POST /session/${session} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      const bodies = ['{"subscribe":["s/pipe/b"]}', '{"unsubscribe":["s/pipe/b","s/pipe/a"]}'];
      await raw.write(bodies.map(one).join('') + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const text = await raw.untilText('\r\n\r\nok');
      assert.equal(text.match(/HTTP\/1\.1 200/g).length, 3);
      assert.match(text, /"unsubscribed":\["s\/pipe\/b","s\/pipe\/a"\]/);
    });

    test('the poster may go away before the answer', async (t) => {
      const stream = await open(t, hub, 's/gone/a');
      const session = await stream.session;
      for (let i = 0; i < 50; i++) {
        const body = '{"subscribe":["s/gone/b"],"unsubscribe":["s/gone/b"]}';
        const raw = await RawSocket.open(hub);
        const head = `POST /session/${session} HTTP/1.1\r\nHost: localhost\r\n`;
        await raw.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
        raw.destroy();
      }
      await publish(hub, 's/gone/a', 'still there');
      assert.equal((await envelope(stream)).data, 'still there');
    });

    test('the stream may end while changes are under way', async () => {
      for (let i = 0; i < 30; i++) {
        const stream = await SseStream.open(hub, 's/race', { format: 'envelope' });
        const session = await stream.session;
        const replies = Array.from({ length: 8 }, (_, n) =>
          post(hub, session, { subscribe: [{ topic: `s/race/${n}`, after: 'earliest' }] }),
        );
        // By turns behind the first answer, and when nothing may have been done.
        if (i % 2) assert.equal((await Promise.race(replies)).status, 200);
        stream.close();
        for (const reply of await Promise.all(replies)) {
          if (reply.status !== 200) assertProblem(reply, 404);
        }
      }
    });

    test('the same topic joins and leaves at once', async (t) => {
      await publish(hub, 's/twice', 'old');
      const stream = await open(t, hub, 's/twice/sync');
      const session = await stream.session;
      for (let round = 0; round < 30; round++) {
        const bodies = [{ subscribe: ['s/twice'] }, { unsubscribe: ['s/twice'] }];
        const all = await Promise.all([...bodies, ...bodies].map((b) => post(hub, session, b)));
        for (const reply of all) assert.equal(reply.status, 200, reply.text);
        await change(hub, stream, { unsubscribe: ['s/twice'] });
        await publish(hub, 's/twice', 'not for it');
        await publish(hub, 's/twice/sync', String(round));
        assert.equal((await envelope(stream)).data, String(round));
      }
    });

    test('1,000 changes under load, and every message comes once', async (t) => {
      const TOPICS = 5;
      const name = (i) => `s/load/${i}`;
      const places = Array.from({ length: TOPICS }, () => null);
      const got = places.map(() => []);
      const start = (await get(hub, '/cursor')).json().cursor;
      places.fill(start);
      let stopped = false;
      const agent = new http.Agent({ keepAlive: true });
      t.after(() => agent.destroy());
      const publishing = (async () => {
        for (let n = 0; !stopped; n++) {
          const lines = Array.from({ length: TOPICS }, (_, i) => ({ topic: name(i), data: n }));
          await publishBatch(hub, lines, { agent });
        }
      })();
      const stream = await open(t, hub, 's/load/sync');
      const take = (block) => {
        const isMessage = block.data !== undefined && !block.event;
        const message = block.data === undefined ? {} : JSON.parse(block.data);
        const i = Number(/^s\/load\/(\d)$/.exec(message.topic)?.[1] ?? NaN);
        if (isMessage && i >= 0) {
          got[i].push(message.id);
          places[i] = message.id;
        }
        return message;
      };
      const until = (what, match) => stream.blocks.next(what, (block) => match(take(block), block));
      for (let round = 0; round < 500; round++) {
        const i = round % TOPICS;
        const subscribe = [{ topic: name(i), after: places[i] }];
        const { subscribed } = await change(hub, stream, { subscribe }, { agent });
        assert.equal(subscribed[0].cursor, places[i]);
        if (round % 3 === 0) {
          // Until it has joined; the others leave while they may still be replaying.
          await until('it to have joined', (m, b) => b.event === 'longwire.live' && m.topic);
        }
        const left = await change(hub, stream, { unsubscribe: [name(i)] }, { agent });
        assert.deepEqual(left.unsubscribed, [name(i)]);
        // What was on its way has come when something that was published later has.
        const id = await publish(hub, 's/load/sync', 'sync', { agent });
        await until('the sync', (m) => m.id === id);
      }
      stopped = true;
      await publishing;
      const subscribe = places.map((after, i) => ({ topic: name(i), after }));
      await change(hub, stream, { subscribe });
      for (let i = 0; i < TOPICS; i++) {
        const wanted = (await history(hub, name(i), start)).map((m) => m.id);
        const isWhole = () => got[i].length >= wanted.length;
        if (!isWhole()) await until('the rest', isWhole);
        assert.deepEqual(got[i], wanted, name(i));
      }
    });
  });
}

describe('a client of a session that is cut off', () => {
  const hub = suiteHub({ set: { 'log.sync': 'never' } });
  const TOPICS = Array.from({ length: 100 }, (_, i) => `s/cut/${i}`);

  /** What a client knows, by the rule of the protocol's section 9. */
  class Knowledge {
    /** Of the stream, and of each topic that has not joined it yet. */
    place;
    places = new Map();
    ids = [];

    constructor(place, subscribed) {
      this.place = place;
      for (const { topic, cursor } of subscribed) this.places.set(topic, cursor);
    }

    take(block) {
      if (block.id !== undefined) this.place = block.id;
      if (block.data === undefined) return;
      const { topic, id } = JSON.parse(block.data);
      if (block.event === 'longwire.live') this.places.delete(topic);
      else if (this.places.has(topic)) this.places.set(topic, id);
      if (!block.event) this.ids.push(id);
    }

    /** Connects anew, and says what it had subscribed to. */
    async goOn() {
      const headers = { 'Last-Event-ID': this.place };
      const stream = await SseStream.open(hub, 's/cut/live', { format: 'envelope' }, headers);
      const subscribe = TOPICS.map((topic) => ({
        topic,
        after: this.places.get(topic) ?? this.place,
      }));
      await change(hub, stream, { subscribe });
      return stream;
    }
  }

  /** All blocks of a stream until every topic has joined it, and what the hub answered. */
  async function record(start) {
    const stream = await SseStream.open(hub, 's/cut/live', { format: 'envelope' });
    const { id: place } = await stream.nextEvent('longwire.live');
    const subscribe = TOPICS.map((topic) => ({ topic, after: start }));
    const { subscribed } = await change(hub, stream, { subscribe });
    const blocks = [];
    for (let left = TOPICS.length; left > 0; ) {
      blocks.push(await stream.next());
      if (blocks.at(-1).event === 'longwire.live') left--;
    }
    stream.close();
    return { place, subscribed, blocks };
  }

  /** After how many blocks to cut it off: around messages of the live topic in the replay. */
  function cutsOf({ blocks }) {
    const isLive = (b) => b.id !== undefined && b.data !== undefined && !b.event;
    const cuts = blocks.flatMap((b, i) => (isLive(b) ? [i + 1, i + 2] : []));
    const every = Math.ceil(cuts.length / 12);
    return cuts.filter((_, i) => i % every === 0);
  }

  // The story: topics that were joined with an older place are still being replayed when the
  // connection breaks. The ids of the live topic, which is further on, must not hide that.
  test('goes on without a hole', async (t) => {
    const line = (topic) => ({ topic, data: 'x'.repeat(1000) });
    const start = await publish(hub, 's/cut', 'start');
    for (let i = 0; i < 10; i++) await publishBatch(hub, TOPICS.map(line));
    let over = false;
    t.after(() => {
      over = true;
    });
    const publishers = Array.from({ length: 4 }, async () => {
      const agent = new http.Agent({ keepAlive: true });
      while (!over) await publish(hub, 's/cut/live', 'x', { agent });
      agent.destroy();
    });
    let recorded;
    for (let round = 0; !recorded || cutsOf(recorded).length === 0; round++) {
      assert.ok(round < 50, 'the live topic never came in between');
      recorded = await record(start);
    }
    over = true;
    await Promise.all(publishers);
    const cuts = cutsOf(recorded);
    const known = (m) => m.topic !== 's/cut/live' || isBehind(m.id, recorded.place);
    const wanted = (await history(hub, 's/cut/#', start)).filter(known).map((m) => m.id).sort();
    const client = new Knowledge(recorded.place, recorded.subscribed);
    for (const [i, block] of recorded.blocks.entries()) {
      client.take(block);
      if (!cuts.includes(i + 1)) continue;
      const got = [...client.ids];
      const again = await client.goOn();
      while (got.length < wanted.length) got.push((await envelope(again)).id);
      again.close();
      assert.deepEqual(got.sort(), wanted, `cut off behind block ${i}`);
    }
  });
});

describe('sessions of pages', () => {
  const hub = suiteHub({ set: { 'access.origin': 'https://app.example' } });

  const preflight = (Origin) =>
    request(hub, 'OPTIONS', `/session/${'0'.repeat(32)}`, {
      headers: {
        Origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });

  for (const Origin of ['https://app.example', 'http://localhost:3000']) {
    test(`pages of ${Origin} may change them`, async (t) => {
      const asked = await preflight(Origin);
      assert.equal(asked.status, 204);
      assert.equal(asked.headers['access-control-allow-origin'], Origin);
      assert.match(asked.headers['access-control-allow-methods'], /POST/);
      assert.match(asked.headers['access-control-allow-headers'], /Content-Type/i);
      const stream = await open(t, hub, 's/origin');
      const reply = await post(hub, await stream.session, '{}', {
        headers: { Origin, ...JSON_TYPE },
      });
      assert.equal(reply.status, 200);
      assert.equal(reply.headers['access-control-allow-origin'], Origin);
    });
  }

  test('pages of other origins may not', async (t) => {
    const Origin = 'https://evil.example';
    assertProblem(await preflight(Origin), 403);
    const stream = await open(t, hub, 's/origin');
    const reply = await post(hub, await stream.session, '{}', { headers: { Origin, ...JSON_TYPE } });
    assertProblem(reply, 403);
    assert.equal(reply.headers['access-control-allow-origin'], undefined);
  });
});

/** All workers of HUB, which stops, know that: each closes its listening sockets then. */
async function untilAllStop(hub) {
  const isRefused = () =>
    RawSocket.open(hub).then(
      (raw) => {
        raw.destroy();
        return false;
      },
      ({ code }) => code === 'ECONNREFUSED',
    );
  await eventually(isRefused, 'the hub to accept nothing any more');
}

describe('sessions end', () => {
  test('with the hub', async (t) => {
    const hub = await startHub(t);
    const stream = await SseStream.open(hub, 's/a', { format: 'envelope' });
    const session = await stream.session;
    await hub.restart();
    await stream.blocks.drained('the stream to end');
    const again = await open(t, hub, 's/a');
    assert.notEqual(await again.session, session);
    assertProblem(await post(hub, session, '{}'), 404);
  });

  test('with the hub, also for a request that it has begun to read', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 4 } });
    const stream = await SseStream.open(hub, 's/a', { format: 'envelope' });
    const body = '{"subscribe":["s/b"]}';
    const head = `POST /session/${await stream.session} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n`;
    const raws = await Promise.all(Array.from({ length: 8 }, () => RawSocket.open(hub)));
    for (const raw of raws) {
      await raw.write(`${head}Content-Length: ${body.length}\r\n\r\n`);
      await raw.untilText('100 Continue');
    }
    const stopped = hub.stop();
    await stream.blocks.drained('the stream to end');
    await untilAllStop(hub);
    for (const raw of raws) {
      await raw.write(body);
      const text = await raw.untilText('"status":404');
      assert.match(text, /^connection: close/im);
    }
    await stopped;
  });

  test('with CLIENT KILL', async (t) => {
    const hub = await startHub(t);
    const stream = await open(t, hub, 's/a');
    const { stdout } = await longwirectl(hub, ['clients', '--json']);
    const { id } = JSON.parse(stdout).find((c) => c.transport === 'sse');
    assert.equal((await longwirectl(hub, ['kick', String(id)])).code, 0);
    await stream.blocks.drained('the stream to end');
    assertProblem(await post(hub, await stream.session, '{}'), 404);
  });
});

describe('a change that cannot be made', () => {
  /** Sends all but the last byte of `text` and lets the hub stop; returns what it then answers. */
  async function askStoppingHub(t, hub, text) {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(text.slice(0, -1));
    // A worker handles what has come in turn, so by then it has the beginning of the request.
    for (let n = 0; n < 2; n++) await get(hub, '/healthz');
    const stopped = hub.stop();
    await untilAllStop(hub);
    await raw.write(text.slice(-1));
    const answer = (await raw.untilClosed()).toString();
    await stopped;
    return answer;
  }

  test('a hub that stops says when to come back', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 1 } });
    const session = await (await open(t, hub, 's/stop')).session;
    const text = `POST /session/${session} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n`;
    const answer = await askStoppingHub(t, hub, text);
    assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(answer, /\r\nRetry-After: 5\r\n/);
    assert.match(answer, /\r\nContent-Type: application\/problem\+json\r\n/);
    assert.match(answer, /"detail":"The hub is stopping"/);
  });

  test('the log cannot be read', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 1 } });
    const trap = new Trap(hub);
    trap.set('meta:EIO:0');
    await hub.restart();
    await publish(hub, 's/disk/b', 'old');
    const stream = await open(t, hub, 's/disk/a');
    const session = await stream.session;
    // A header that cannot be written closes the log, and where its folder is gone it stays so.
    const aside = `${hub.dataDir}.aside`;
    trap.arm();
    renameSync(hub.dataDir, aside);
    const refused = await request(hub, 'POST', '/t/s/disk/a', { body: 'x' });
    assertProblem(refused, 503);
    const place = new Date(Date.now() - 3_600_000).toISOString();
    const body = { subscribe: [{ topic: 's/disk/b', after: place }], unsubscribe: ['s/disk/a'] };
    const reply = await post(hub, session, body);
    const problem = assertProblem(reply, 503);
    assert.equal(problem.detail, 'The log cannot be read');
    assert.equal(reply.headers['retry-after'], '1');
    // To an event stream, no more than when to come back.
    const other = await SseStream.open(hub, 's/disk/b', { after: place });
    t.after(() => other.close());
    assert.equal(other.status, 200);
    const { retry, ...rest } = await other.next();
    assert.ok(Number(retry) >= 1000);
    assert.deepEqual(rest, {});
    await assert.rejects(other.next(), /closed/);

    renameSync(aside, hub.dataDir);
    trap.disarm();
    const isTaken = async () =>
      (await request(hub, 'POST', '/t/s/disk/a', { body: 'new' })).status === 201;
    await eventually(isTaken, 'the log to be there again');
    assert.equal((await envelope(stream)).data, 'new', 'the topics are as they were');
    await change(hub, stream, body);
    assert.equal(JSON.parse((await stream.nextMessage()).data).data, 'old');
  });

  test('an anonymous client that may not subscribe', async (t) => {
    const set = { 'http.trusted_proxies': '127.0.0.1', 'access.anonymous': 'publish' };
    const hub = await startHub(t, { set });
    const stream = await open(t, hub, 's/anonymous/a');
    const session = await stream.session;
    const elsewhere = { 'X-Forwarded-For': '203.0.113.9' };
    const headers = { ...JSON_TYPE, ...elsewhere };
    const body = { subscribe: ['s/anonymous/b'], unsubscribe: ['s/anonymous/a'] };
    // Whether there is such a session is nobody's business who may not use it.
    for (const id of [session, '0'.repeat(32), 'x']) {
      const problem = assertProblem(await post(hub, id, body, { headers }), 403);
      assert.match(problem.detail, /access\.anonymous/);
    }
    const id = await publish(hub, 's/anonymous/a', 'x', { headers: elsewhere });
    assert.equal((await envelope(stream)).id, id, 'nothing has changed');
    const here = { ...headers, 'X-Forwarded-For': '127.0.0.1' };
    assert.equal((await post(hub, session, body, { headers: here })).status, 200);
  });

  test('an anonymous client that may subscribe, and not publish', async (t) => {
    const set = { 'http.trusted_proxies': '127.0.0.1', 'access.anonymous': 'subscribe' };
    const hub = await startHub(t, { set });
    const elsewhere = { 'X-Forwarded-For': '203.0.113.9' };
    const stream = await open(t, hub, 's/anonymous/a', {}, elsewhere);
    const headers = { ...JSON_TYPE, ...elsewhere };
    await change(hub, stream, { subscribe: ['s/anonymous/b'] }, { headers });
    await joined(stream, 's/anonymous/b');
  });

  test('a place that counts back too far', async (t) => {
    const hub = await startHub(t);
    const batch = Array.from({ length: 10_000 }, () => ({ topic: 's/far/b', data: 1 }));
    for (let n = 0; n < 10; n++) await publishBatch(hub, batch);
    await publish(hub, 's/far/b', '1');
    const stream = await open(t, hub, 's/far/a');
    const far = { subscribe: [{ topic: 's/far/b', after: '-100001' }] };
    const most = { subscribe: [{ topic: 's/far/b', after: '-100000' }] };
    await change(hub, stream, far); // no more are there
    await publish(hub, 's/far/b', '1');
    assert.match(assertProblem(await post(hub, await stream.session, far), 400).detail, /100000/);
    await change(hub, stream, most);
  });
});
