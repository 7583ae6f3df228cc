// Topics come and go: a table that is full refuses new ones on every way in, and what nobody needs
// any more gives its place back, with nothing lost in silence.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { epochOf, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, poll, post, postBatch, publish, publishBatch } from './lib/http.mjs';
import { SANITIZED, longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, RespPipeline } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const PLACES = 20;

async function purge(hub, topic) {
  const { code, stderr } = await longwirectl(hub, ['purge', topic, '--yes']);
  assert.equal(code, 0, stderr);
}

async function stats(hub) {
  const client = await RespClient.open(hub);
  const document = JSON.parse(await client.command('HUB', 'STATS'));
  client.close();
  return document;
}

/** Publishes to names of its own until no topic can be made any more; returns the names. */
async function fill(hub, prefix) {
  const names = [];
  for (;;) {
    const reply = await post(hub, `${prefix}/${names.length}`, 'x');
    if (reply.status === 429) return names;
    assert.equal(reply.status, 201, reply.text);
    names.push(`${prefix}/${names.length}`);
  }
}

/** Each tries to publish; comes to 'stored', or to what the refusal says. */
const WAYS = {
  async http(hub, topic) {
    const reply = await post(hub, topic, 'x');
    if (reply.status === 201) return 'stored';
    assert.equal(reply.headers['retry-after'], '60');
    return assertProblem(reply, 429).detail;
  },

  async batch(hub, topic) {
    const reply = await postBatch(hub, JSON.stringify({ topic, data: 'x' }));
    if (reply.status === 201) return 'stored';
    assert.equal(reply.headers['retry-after'], '60');
    return assertProblem(reply, 429).detail;
  },

  async WebSocket(hub, topic) {
    const ws = await WsClient.open(hub, null);
    const answer = await ws.ask({ op: 'publish', topic, data: 'x' });
    ws.terminate();
    if (answer.op === 'published') return 'stored';
    assert.equal(answer.code, 'limit');
    return answer.message;
  },

  async 'raw WebSocket'(hub, topic) {
    const ws = await WsClient.open(hub, topic, { format: 'raw' });
    ws.send('x');
    const echoed = ws.frames.next('my own message').then(() => 'stored', () => null);
    const end = ws.closed.then(({ code, reason }) => {
      assert.equal(code, 1013);
      return reason;
    });
    const outcome = await Promise.race([echoed.then((stored) => stored ?? end), end]);
    ws.terminate();
    return outcome;
  },

  async XADD(hub, topic) {
    const client = await RespClient.open(hub);
    const reply = await client.command('XADD', topic, '*', 'data', 'x');
    client.close();
    if (!(reply instanceof RespError)) return 'stored';
    assert.match(reply.text, /^LIMIT /);
    return reply.text;
  },

  async PUBLISH(hub, topic) {
    const client = await RespClient.open(hub);
    const reply = await client.command('PUBLISH', topic, 'x');
    client.close();
    if (!(reply instanceof RespError)) return 'stored';
    assert.match(reply.text, /^LIMIT /);
    return reply.text;
  },
};

for (const [way, tryOn] of Object.entries(WAYS)) {
  describe(`a full table of topics, by ${way}`, () => {
    const hub = suiteHub({ set: { 'hub.max_topics': PLACES } });

    test('refuses a new topic until one gives its place back', async () => {
      const names = await fill(hub, 'full');
      assert.equal(names.length, PLACES);
      assert.match(await tryOn(hub, 'new/a'), /hub\.max_topics/);
      assert.equal(await tryOn(hub, names[3]), 'stored', 'a topic that is there goes on');
      await purge(hub, names[7]);
      assert.equal(await tryOn(hub, 'new/a'), 'stored');
      assert.match(await tryOn(hub, names[7]), /hub\.max_topics/);
      assert.equal((await history(hub, 'new/a')).length, 1);
      assert.equal((await stats(hub)).topics, PLACES);
    });
  });
}

describe('a place is given back', () => {
  test('over a restart and a crash', async (t) => {
    const hub = await startHub(t, { set: { 'hub.max_topics': PLACES } });
    for (const end of ['restart', 'kill9']) {
      const names = await fill(hub, end);
      for (const name of names) await purge(hub, name);
      if (end === 'kill9') await hub.kill9();
      await hub.restart();
      assert.equal((await post(hub, `new/${end}`, 'x')).status, 201);
      assert.equal((await history(hub, `new/${end}`)).length, 1);
      await purge(hub, `new/${end}`);
    }
  });

  test('when retention has taken the last message', async (t) => {
    const config = '[topic "brief/#"]\nmax_age = 1s\n';
    const hub = await startHub(t, { set: { 'hub.max_topics': PLACES }, config });
    // At once: one by one they might be gone before the last place is taken.
    const lines = Array.from({ length: PLACES }, (_, n) => ({ topic: `brief/${n}`, data: 'x' }));
    await publishBatch(hub, lines);
    await eventually(async () => (await post(hub, 'new', 'x')).status === 201, 'a place');
  });

  test('when the last subscriber leaves', async (t) => {
    const hub = await startHub(t, { set: { 'hub.max_topics': PLACES } });
    const names = await fill(hub, 'held');
    const ws = await WsClient.open(hub, names[0]);
    t.after(() => ws.terminate());
    await ws.live();
    await purge(hub, names[0]);
    assert.equal((await post(hub, 'new', 'x')).status, 429);
    assert.equal((await post(hub, names[0], 'x')).status, 201);
    await ws.nextMessage();
    await purge(hub, names[0]);
    await ws.close();
    await eventually(async () => (await post(hub, 'new', 'x')).status === 201, 'a place');
  });

  test('when idempotency keys are over', async (t) => {
    const set = { 'hub.max_topics': PLACES, 'hub.dedup_window': '2s' };
    const hub = await startHub(t, { set });
    const id = await publish(hub, 'keyed', 'x', { key: 'k' });
    await fill(hub, 'other');
    await purge(hub, 'keyed');
    const again = await post(hub, 'keyed', 'y', { key: 'k' });
    if (again.status === 201) assert.equal(again.json().id, id); /* else it was over on a slow machine */
    await eventually(async () => (await post(hub, 'new', 'x')).status === 201, 'a place');
  });
});

describe('who comes back with an old cursor', () => {
  const hub = suiteHub({ set: { 'hub.max_topics': PLACES } });

  test('is told by every transport that a forgotten topic may have had more', async (t) => {
    const before = await publish(hub, 'kept', 'x');
    await publish(hub, 'gone', 'lost');
    const last = await publish(hub, 'gone', 'lost');
    await purge(hub, 'gone');
    await fill(hub, 'other');
    await purge(hub, 'other/0');
    const current = await publish(hub, 'other/0', 'x');
    const figures = await stats(hub);
    assert.equal(figures.topics, PLACES);
    assert.ok(figures.topics_forgotten >= 1);
    const metrics = (await get(hub, '/metrics')).text;
    assert.match(metrics, new RegExp(`^longwire_topics_forgotten_total ${figures.topics_forgotten}$`, 'm'));

    for (const topics of ['gone', ['gone', 'kept'], '+', '#']) {
      const answer = await poll(hub, topics, { after: before, wait: 0 });
      assert.equal(answer.gap?.reason, 'trimmed', `long-poll of ${topics}`);
      const next = await poll(hub, topics, { after: answer.cursor, wait: 0 });
      assert.equal(next.gap, undefined, 'a gap is told once');
      const sse = await SseStream.open(hub, topics, { after: before });
      const gap = await sse.nextEvent('longwire.gap');
      assert.equal(JSON.parse(gap.data).reason, 'trimmed');
      sse.close();
      const ws = await WsClient.open(hub, topics, { after: before });
      assert.equal((await ws.nextOp('gap')).reason, 'trimmed');
      ws.terminate();
    }
    const kept = await poll(hub, 'kept', { after: before, wait: 0 });
    assert.equal(kept.gap, undefined, 'a topic that was never forgotten has lost nothing');
    const behind = await poll(hub, 'gone', { after: current, wait: 0 });
    assert.equal(behind.gap, undefined, 'nor has who has seen all of it');
    assert.ok(offsetOf(last) > offsetOf(before));
  });

  test('cannot take it for a topic that never had a message', async () => {
    const expect = (topic, cursor) =>
      post(hub, topic, 'x', { headers: { 'Longwire-Expect-Last': cursor } });
    const { current } = assertProblem(await expect('gone', '0'), 409);
    assert.ok(offsetOf(current) >= 3);
    await purge(hub, 'other/1');
    assert.equal((await expect('gone', current)).status, 201);
    assert.equal(epochOf(current), (await stats(hub)).epoch);
  });
});

describe('ids in topic names', () => {
  const NAMES = 6_000;

  test('pass through a small table, and what they take does not grow', async (t) => {
    const set = { 'hub.max_topics': 200, 'hub.tail_bytes': '1M', 'log.sync': 'never' };
    const hub = await startHub(t, { set });
    const resident = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))[1]);
    const ws = await WsClient.open(hub, ['session/#', 'innocent']);
    t.after(() => ws.terminate());
    await ws.live();
    const pipeline = await RespPipeline.open(hub);
    let early = 0;
    for (let n = 0; n < NAMES; n += 100) {
      const replies = [];
      for (let k = n; k < n + 100; k++) {
        replies.push(pipeline.command('XADD', `session/${k}`, '*', 'data', `${k}`));
        replies.push(pipeline.command('HUB', 'PURGE', `session/${k}`));
      }
      replies.push(pipeline.command('XADD', 'innocent', '*', 'data', `i${n}`));
      for (const reply of await Promise.all(replies)) assert.ok(!(reply instanceof RespError), reply.text);
      if (n === NAMES / 10) early = resident();
    }
    const figures = await stats(hub);
    assert.ok(figures.topics <= 200);
    assert.ok(figures.topics_forgotten >= NAMES - 200);
    if (!SANITIZED) assert.ok(resident() < early + 32 * 1024, `${early} KiB, then ${resident()} KiB`);
    /* What is purged before it is sent may be missing, but is told; the others are all there. */
    const got = [];
    while (got.length < NAMES / 100) {
      const frame = await ws.next();
      if (frame.topic === 'innocent') got.push(frame.data);
      else assert.ok(frame.op === 'gap' || frame.op === 'live' || /^session\//.test(frame.topic));
    }
    assert.deepEqual(got, Array.from({ length: NAMES / 100 }, (_, i) => `i${i * 100}`));
    pipeline.close();
  });
});
