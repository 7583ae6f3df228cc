// Limits to how far a subscriber may fall behind: what is counted, and what happens beyond them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { get, history, post, publishBatch } from './lib/http.mjs';
import { longwirectl, startHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { Roamer } from './lib/transports.mjs';
import { counted, eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

/** More than sockets take when nobody reads. */
const MANY = 2000;
const BATCH = 500;
const PAYLOAD = 'x'.repeat(4000);
// Small enough that the kernel, which has some MB for each socket, cannot take all of it.
const SETTINGS = { 'http.write_timeout': '10m', 'hub.tail_bytes': '1M', 'http.send_buffer': '64K' };

/** Publishes `count` messages to `topic`, and as many to one that nobody has subscribed to. */
async function fill(hub, topic, count) {
  for (let n = 0; n < count; n += BATCH) {
    const lines = [];
    for (let i = n; i < Math.min(n + BATCH, count); i++) {
      lines.push({ topic, data: `${i} ${PAYLOAD}` }, { topic: 'other', data: 'y' });
    }
    await publishBatch(hub, lines);
  }
}

/** The hub's figures, and what it says of its only stream. */
async function look(hub) {
  const admin = await RespClient.open(hub);
  const stats = JSON.parse(await admin.command('HUB', 'STATS'));
  const clients = JSON.parse(await admin.command('HUB', 'CLIENTS'));
  admin.close();
  return { stats, client: clients.find(({ topics }) => topics.length > 0) };
}

const countersOf = async (hub) => (await look(hub)).stats.counters;

/** Happenings of a stream, the same for both transports: { message }, { gap } or { end }. */
const OPEN = {
  async sse(hub, topic, parameters) {
    const stream = await SseStream.open(hub, topic, { format: 'envelope', ...parameters });
    await stream.live();
    return {
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      close: () => stream.close(),
      async next() {
        const { event, data } = await stream.nextEvent();
        return event === 'longwire.gap' ? { gap: JSON.parse(data) } : { message: JSON.parse(data) };
      },
    };
  },
  async ws(hub, topic, parameters) {
    const client = await (await WsClient.open(hub, topic, parameters)).live();
    return {
      pause: () => client.pause(),
      resume: () => client.resume(),
      close: () => client.terminate(),
      async next() {
        const { op, ...rest } = await client.next();
        return op === 'gap' ? { gap: rest } : { message: rest };
      },
    };
  },
};

/** A stream that has stopped reading, and what was published since. */
async function openStalled(t, hub, transport, count = MANY) {
  const stream = await OPEN[transport](hub, 'slow');
  t.after(() => stream.close());
  stream.pause();
  await fill(hub, 'slow', count);
  return stream;
}

/**
 * Reads what of `stored` comes, in order, up to its end: each message, or a gap of those that it
 * stands for. Returns the gaps.
 */
async function readAll(stream, stored) {
  const gaps = [];
  for (let at = 0; at < stored.length; ) {
    const { message, gap } = await stream.next();
    if (gap) {
      gaps.push(gap);
      checkGap(gap, stored, at);
      while (at < stored.length && offsetOf(stored[at].id) <= offsetOf(gap.resumed)) at++;
    } else {
      assert.equal(message.id, stored[at++].id);
    }
  }
  return gaps;
}

/** The gap begins between the last message that came and the next of `stored`. */
function checkGap({ reason, requested }, stored, at) {
  assert.equal(reason, 'lagged');
  if (at) assert.ok(offsetOf(requested) >= offsetOf(stored[at - 1].id));
  assert.ok(offsetOf(requested) < offsetOf(stored[at].id));
}

/** What is still to be sent is what was stored behind the client's cursor. */
function checkFigures(client, stored) {
  const rest = stored.filter(({ id }) => offsetOf(id) > offsetOf(client.cursor));
  assert.ok(rest.length > 0 && rest.length < stored.length, `${rest.length} are left`);
  assert.equal(client.lag_messages, rest.length);
  assert.equal(
    client.lag_bytes,
    rest.reduce((sum, { data }) => sum + data.length, 0),
  );
}

describe('how far a subscriber is behind', () => {
  for (const transport of Object.keys(OPEN)) {
    test(`${transport}: its own messages are counted, until it has them`, async (t) => {
      const hub = await startHub(t, { set: SETTINGS });
      const stream = await openStalled(t, hub, transport);
      const stored = await history(hub, 'slow');
      checkFigures((await look(hub)).client, stored);
      stream.resume();
      for (let i = 0; i < MANY / 2; i++) await stream.next();
      stream.pause();
      await fill(hub, 'slow', MANY);
      checkFigures((await look(hub)).client, await history(hub, 'slow'));
      stream.resume();
      const rest = (await history(hub, 'slow')).slice(MANY / 2);
      assert.deepEqual(await readAll(stream, rest), []);
      const { client } = await eventually(async () => {
        const now = await look(hub);
        return now.client.lag === 0 && now;
      }, 'the stream to be live');
      const { lag_messages: messages, lag_bytes: bytes, lag_seconds: seconds } = client;
      assert.deepEqual({ messages, bytes, seconds }, { messages: 0, bytes: 0, seconds: 0 });
    });
  }

  test('what it asked to replay is not', async (t) => {
    const set = { ...SETTINGS, 'limits.max_lag_messages': '10', 'limits.lag_policy': 'close' };
    const hub = await startHub(t, { set });
    await fill(hub, 'slow', MANY);
    const stream = await SseStream.open(hub, 'slow', { after: 'earliest' });
    t.after(() => stream.close());
    stream.pause();
    await fill(hub, 'slow', BATCH);
    const { client } = await look(hub);
    assert.ok(client.lag > BATCH);
    assert.equal(client.lag_messages, 0);
    stream.resume();
    const all = await stream.messages(MANY + BATCH, parseInt);
    assert.deepEqual(all.slice(0, MANY), [...Array(MANY).keys()]);
    assert.equal((await countersOf(hub)).lag_limit_closes, 0);
  });

  test('behind a gap it is never more than is there', async (t) => {
    const hub = await startHub(t, { set: SETTINGS });
    const stream = await openStalled(t, hub, 'sse');
    const stored = await history(hub, 'slow');
    const admin = await RespClient.open(hub);
    t.after(() => admin.close());
    await admin.command('HUB', 'TRIM', stored[MANY / 4].id);
    stream.resume();
    while (!(await stream.next()).gap);
    stream.pause();
    const { client } = await look(hub);
    assert.ok(client.lag > 0);
    const rest = stored.filter(({ id }) => offsetOf(id) > offsetOf(client.cursor)).length;
    assert.ok(client.lag_messages <= rest, `${client.lag_messages} messages of ${rest}`);
    assert.ok(client.lag_bytes <= rest * (PAYLOAD.length + 10), `${client.lag_bytes} bytes`);
  });

  test('longwirectl shows the furthest first', async (t) => {
    const hub = await startHub(t, { set: SETTINGS });
    const quick = await (await SseStream.open(hub, 'slow')).live();
    t.after(() => quick.close());
    const stalled = await openStalled(t, hub, 'ws');
    const { code, stdout } = await longwirectl(hub, ['clients', '--sort', 'lag']);
    assert.equal(code, 0);
    const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    const column = rows[0].indexOf('BEHIND');
    assert.ok(column > 0, stdout);
    assert.match(rows[1][column], /^\d+ messages, \d/);
    assert.equal(rows[1][rows[0].indexOf('TRANSPORT')], 'ws');
    stalled.close();
  });
});

const LIMITS = {
  max_lag_messages: '100',
  max_lag_bytes: '100K',
  max_lag_age: '200ms',
};

describe('beyond a limit', () => {
  for (const transport of Object.keys(OPEN)) {
    for (const [limit, value] of Object.entries(LIMITS)) {
      test(`${transport}, ${limit}: skip-to-latest tells a gap, and goes on at the head`, async (t) => {
        const set = { ...SETTINGS, [`limits.${limit}`]: value };
        const hub = await startHub(t, { set: { ...set, 'limits.lag_policy': 'skip-to-latest' } });
        const stream = await openStalled(t, hub, transport);
        await eventually(async () => (await countersOf(hub)).lag_limit_skips > 0, 'the limit');
        stream.resume();
        const stored = await history(hub, 'slow');
        const gaps = await readAll(stream, stored);
        assert.ok(gaps.length > 0);
        const { id } = (await post(hub, 'slow', 'new')).json();
        assert.equal((await stream.next()).message.id, id);
        const { gaps_lagged: told, lag_limit_skips: skips } = await countersOf(hub);
        assert.deepEqual([told, skips], [gaps.length, gaps.length]);
      });

      test(`${transport}, ${limit}: close ends the connection, and nothing is lost`, async (t) => {
        const set = { ...SETTINGS, [`limits.${limit}`]: value, 'limits.lag_policy': 'close' };
        const hub = await startHub(t, { set });
        const stream = await openStalled(t, hub, transport);
        await eventually(async () => (await countersOf(hub)).lag_limit_closes === 1, 'the limit');
        const stored = await history(hub, 'slow');
        let read = 0;
        stream.resume();
        await assert.rejects(async () => {
          for (; ; read++) assert.equal((await stream.next()).message.id, stored[read].id);
        }, /ended/);
        const roamer = new Roamer(hub, ['slow'], read ? stored[read - 1].id : 'earliest');
        roamer.connect(transport);
        await counted(() => roamer.ids.length, stored.length - read, 'the rest');
        assert.deepEqual(roamer.ids, stored.slice(read).map(({ id }) => id));
        assert.deepEqual(roamer.gaps, []);
        roamer.disconnect();
      });
    }

    test(`${transport}: replay only counts it`, async (t) => {
      const hub = await startHub(t, { set: { ...SETTINGS, 'limits.max_lag_messages': '100' } });
      const stream = await openStalled(t, hub, transport);
      await eventually(async () => (await countersOf(hub)).lag_limit_replays === 1, 'the limit');
      stream.resume();
      assert.deepEqual(await readAll(stream, await history(hub, 'slow')), []);
      assert.equal((await countersOf(hub)).lag_limit_replays, 1);
      const metrics = (await get(hub, '/metrics')).text;
      assert.match(metrics, /^longwire_lag_limit_replays_total 1$/m);
    });
  }

  test('who was beyond a limit, and is not any more, misses nothing', async (t) => {
    const config = '[limits]\nlag_policy = skip-to-latest\n';
    const hub = await startHub(t, { set: SETTINGS, config });
    const reloads = () => hub.stderr().match(/configuration reloaded|reload/gi)?.length ?? 0;
    const limit = async (messages) => {
      const before = reloads();
      writeFileSync(hub.config, `${config}max_lag_messages = ${messages}\n`);
      hub.signal('SIGHUP');
      await eventually(() => reloads() > before, 'the reload');
    };
    const stream = await openStalled(t, hub, 'sse');
    await eventually(async () => (await look(hub)).client.lag_messages > 100, 'it to be behind');
    await limit(100);
    await eventually(async () => (await countersOf(hub)).lag_limit_skips === 1, 'the limit');
    await limit(1_000_000);
    stream.resume();
    assert.deepEqual(await readAll(stream, await history(hub, 'slow')), []);
    assert.equal((await countersOf(hub)).gaps_lagged, 0);
  });

  test('a raw WebSocket is closed with 4410', async (t) => {
    const set = { ...SETTINGS, 'limits.max_lag_messages': '100' };
    const hub = await startHub(t, { set: { ...set, 'limits.lag_policy': 'skip-to-latest' } });
    const client = await WsClient.open(hub, 'slow', { format: 'raw' });
    t.after(() => client.terminate());
    client.pause();
    await fill(hub, 'slow', MANY);
    await eventually(async () => (await countersOf(hub)).lag_limit_skips > 0, 'the limit');
    client.resume();
    assert.deepEqual(await client.closed, { code: 4410, reason: 'lagged' });
  });

  test('sections say it for their topics, and a reload for those already behind', async (t) => {
    const config = '[topic "slow/#"]\nmax_lag_messages = 100\nlag_policy = close\n';
    const hub = await startHub(t, { set: SETTINGS, config });
    const open = async (topic) => {
      const stream = await OPEN.sse(hub, topic);
      t.after(() => stream.close());
      stream.pause();
      return stream;
    };
    const [spared, limited, wider] = [await open('spared'), await open('slow/+'), await open('#')];
    await fill(hub, 'spared', MANY);
    await fill(hub, 'slow/x', MANY);
    await eventually(async () => (await countersOf(hub)).lag_limit_closes === 1, 'the limit');
    limited.resume();
    await assert.rejects(async () => {
      for (;;) await limited.next();
    }, /ended/);
    writeFileSync(hub.config, '[topic "#"]\nmax_lag_messages = 100\nlag_policy = skip-to-latest\n');
    hub.signal('SIGHUP');
    await eventually(async () => (await countersOf(hub)).lag_limit_skips === 2, 'the new limits');
    for (const [stream, topic] of [[spared, 'spared'], [wider, '#']]) {
      stream.resume();
      const gaps = await readAll(stream, await history(hub, topic));
      assert.equal(gaps.length, 1, topic);
    }
  });
});
