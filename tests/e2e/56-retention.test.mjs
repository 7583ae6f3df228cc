// Retention through the daemon: limits of topics and of the whole log, what subscribers are told,
// a reload, and that a log under endless load stays as large as it may be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, history, poll, post, publish, publishBatch, subscribePath } from './lib/http.mjs';
import { SANITIZED, longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';

const CONFIG = `
[topic "few/#"]
max_messages = 10
[topic "small/#"]
max_bytes = 100
[topic "brief/#"]
max_age = 1s
[topic "state/#"]
max_age = 1s
keep_last = 1
[topic "one/#"]
max_messages = 1
`;

/** What is kept of the topics, once that is what CHECK says. */
const settled = (hub, topics, check, what) =>
  eventually(async () => {
    const messages = await history(hub, topics);
    return check(messages.map(({ data }) => data)) && messages;
  }, what);

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

async function publishNumbers(hub, topic, first, last) {
  const lines = numbers(first, last).map((n) => ({ topic, data: n }));
  return publishBatch(hub, lines);
}

describe('limits of topics', () => {
  const hub = suiteHub({ config: CONFIG });

  test('max_messages keeps the newest', async () => {
    await publishNumbers(hub, 'few/a', 1, 500);
    await publishNumbers(hub, 'other/a', 1, 50);
    const kept = await settled(hub, 'few/a', (data) => data.length === 10, 'ten messages');
    assert.deepEqual(kept.map(({ data }) => data), numbers(491, 500));
    assert.equal((await history(hub, 'other/a')).length, 50);
    const { stdout } = await longwirectl(hub, ['topic', 'few/a', '--json']);
    const topic = JSON.parse(stdout);
    assert.equal(topic.messages, 10);
  });

  test('max_bytes keeps the newest, and the newest whatever its size', async () => {
    for (let n = 0; n < 5; n++) await publish(hub, 'small/a', `${n}`.repeat(40));
    const two = (data) => data.length === 2 && data[0][0] === '3';
    await settled(hub, 'small/a', two, 'the last two');
    await publish(hub, 'small/a', 'x'.repeat(1000));
    await settled(hub, 'small/a', (data) => data.length === 1 && data[0][0] === 'x', 'one');
  });

  test('max_age lets messages go by themselves, keep_last keeps the last', async () => {
    for (const topic of ['brief/a', 'state/a', 'other/b']) await publishNumbers(hub, topic, 1, 5);
    await settled(hub, 'brief/a', (data) => data.length === 0, 'nothing');
    await settled(hub, 'state/a', (data) => data.length === 1 && data[0] === 5, 'the last');
    assert.equal((await history(hub, 'other/b')).length, 5);
    assert.deepEqual((await history(hub, 'state/a', '-1')).map(({ data }) => data), [5]);
  });

  test('who comes back too late is told, and nobody else', async () => {
    const [first] = await publishNumbers(hub, 'few/gap', 1, 1);
    await publishNumbers(hub, 'few/gap', 2, 30);
    const [, ...rest] = await publishNumbers(hub, 'other/gap', 1, 5);
    await settled(hub, 'few/gap', (data) => data.length === 10, 'ten messages');
    const late = await poll(hub, 'few/gap', { after: first, wait: 0 });
    assert.equal(late.gap.requested, first);
    assert.equal(late.gap.reason, 'trimmed');
    assert.deepEqual(late.messages.map(({ data }) => data), numbers(21, 30));
    const other = await poll(hub, 'other/gap', { after: first, wait: 0 });
    assert.equal(other.gap, undefined);
    assert.equal(other.messages.length, 1 + rest.length);
  });

  test('nothing new is not taken for something lost', async () => {
    const [, last] = await publishNumbers(hub, 'brief/seen', 1, 2);
    await settled(hub, 'brief/seen', (data) => data.length === 0, 'nothing');
    const answer = await poll(hub, 'brief/seen', { after: last, wait: 0 });
    assert.equal(answer.gap, undefined);
    assert.deepEqual(answer.messages, []);
  });

  test('a key is remembered longer than its message, over restarts too', async () => {
    const first = await publish(hub, 'one/keys', 'a', { key: 'k1' });
    await publish(hub, 'one/keys', 'b', { key: 'k2' });
    await settled(hub, 'one/keys', (data) => data.length === 1, 'one message');
    for (const how of ['stop', 'kill9']) {
      await hub[how]();
      await hub.restart();
      assert.equal((await post(hub, 'one/keys', 'a', { key: 'k1' })).json().id, first);
    }
    assert.equal((await history(hub, 'one/keys')).length, 1);
  });

  test('a live stream sees every message, however short they are kept', async (t) => {
    const stream = await SseStream.open(hub, 'one/live');
    t.after(() => stream.close());
    await stream.live();
    for (let n = 1; n <= 200; n += 20) await publishNumbers(hub, 'one/live', n, n + 19);
    assert.deepEqual(await stream.messages(200, Number), numbers(1, 200));
    assert.equal((await settled(hub, 'one/live', (data) => data.length === 1, 'one'))[0].data, 200);
  });
});

describe('the whole log', () => {
  test('log.max_age is the age of all topics that do not say', async (t) => {
    const set = { 'log.max_age': '1s', 'topic "kept/#".max_age': '1h' };
    const hub = await startHub(t, { set });
    await publishNumbers(hub, 'kept/a', 1, 3);
    await publishNumbers(hub, 'a', 1, 3);
    await settled(hub, 'a', (data) => data.length === 0, 'nothing');
    assert.equal((await history(hub, 'kept/a')).length, 3);
  });

  test('SIGHUP brings other limits, and says what it does not', async (t) => {
    const hub = await startHub(t, { config: '[topic "a/#"]\nmax_messages = 20\n' });
    await publishNumbers(hub, 'a/a', 1, 50);
    await settled(hub, 'a/a', (data) => data.length === 20, 'twenty');
    writeFileSync(hub.config, '[topic "a/#"]\nmax_messages = 5\n');
    hub.signal('SIGHUP');
    await settled(hub, 'a/a', (data) => data.length === 5, 'five');
    await eventually(() => /reloaded\n/.test(hub.stderr()), 'its line');
    assert.doesNotMatch(hub.stderr(), /restart is needed/);
    writeFileSync(hub.config, '[topic "a/#"]\nmax_messages = 5\ndurability = memory\n');
    hub.signal('SIGHUP');
    await eventually(() => /restart is needed for: topic/.test(hub.stderr()), 'the warning');
  });

  test('memory topics are remembered at a clean stop', async (t) => {
    const hub = await startHub(t, { set: { 'topic "m/#".durability': 'memory' } });
    const ids = await publishNumbers(hub, 'm/a', 1, 3);
    await publish(hub, 'd', 'x');
    await hub.restart();
    const all = await poll(hub, 'm/a', { after: ids[2], wait: 0 });
    assert.equal(all.gap, undefined, 'it had them all');
    const some = await poll(hub, 'm/a', { after: ids[1], wait: 0 });
    assert.equal(some.gap.reason, 'trimmed');
  });
});

/** Publishes COUNT messages of SIZE bytes to N topics. */
/** In batches of 400 kB: a commit is whole before anything goes for it. */
async function flood(hub, count, size, n) {
  const data = 'x'.repeat(size);
  const most = Math.floor(400_000 / size);
  for (let sent = 0; sent < count; sent += most) {
    const lines = numbers(sent, Math.min(sent + most, count) - 1);
    await publishBatch(hub, lines.map((i) => ({ topic: `load/${i % n}`, data })));
  }
}

/** An event stream of everything from the beginning, whose data comes only when it is asked for. */
async function slowReplay(hub) {
  const path = subscribePath('load/#', { after: 'earliest' });
  const headers = { Accept: 'text/event-stream' };
  const request = http.get({ host: '127.0.0.1', port: hub.port, path, headers, agent: false });
  const [reply] = await once(request, 'response');
  reply.on('error', () => {});
  return reply;
}

const memoryOf = (hub) =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))[1]) * 1024;

// A reader that keeps a transaction open would keep all pages that are freed meanwhile.
test('who replays slowly costs no room', async (t) => {
  const LIMIT = 4 << 20;
  const hub = await startHub(t, {
    set: { 'log.max_log_bytes': '4M', 'log.sync': 'never', 'hub.tail_bytes': '1M' },
  });
  const file = join(hub.dataDir, 'data.mdb');
  const share = LIMIT / 250;
  await flood(hub, share, 200, 50);
  const replies = await Promise.all(Array.from({ length: 8 }, () => slowReplay(hub)));
  t.after(() => replies.forEach((reply) => reply.destroy()));
  for (let round = 0; round < 12; round++) {
    await flood(hub, share, 200, 50);
    for (const reply of replies) reply.read(4096); // some hundred bytes a millisecond, no more
    assert.ok(statSync(file).size < LIMIT * 1.5, `round ${round}: ${statSync(file).size}`);
  }
  const { stdout } = await longwirectl(hub, ['clients', '--json']);
  const lags = JSON.parse(stdout).map(({ lag }) => lag);
  // One that was just told a gap is where the log begins now, less than a share behind.
  assert.ok(lags.filter((lag) => lag > share / 10).length >= 8, `lags ${lags}`);
});

async function used(hub) {
  return JSON.parse((await longwirectl(hub, ['stats', '--json'])).stdout).log_used_bytes;
}

// Twenty times what the log may take: after the first time, neither file nor memory grow.
test('a log under endless load stays as large as it may be', async (t) => {
  const LIMIT = 4 << 20;
  const hub = await startHub(t, {
    config: '[topic "load/0"]\nkeep_last = 3\n',
    set: {
      'log.max_log_bytes': '4M',
      'log.sync': 'never',
      'hub.tail_bytes': '1M',
      'hub.workers': '1',
    },
  });
  const file = join(hub.dataDir, 'data.mdb');
  const sizes = [];
  const memory = [];
  const size = 200;
  const share = Math.ceil(LIMIT / (size + 50));
  for (let round = 0; round < 20; round++) {
    await flood(hub, share, round % 4 === 3 ? size * 3 : size, 50);
    // So long a slow machine's load ends: what it may take is what it takes a moment later.
    await eventually(async () => (await used(hub)) <= LIMIT * 1.1, 'the log to be small enough');
    sizes.push(statSync(file).size);
    memory.push(memoryOf(hub));
  }
  const stats = JSON.parse((await longwirectl(hub, ['stats', '--json'])).stdout);
  assert.ok(stats.published > 20 * share - 1);
  assert.ok(stats.expired > stats.published / 2, `${stats.expired} of ${stats.published}`);
  assert.ok(stats.log_used_bytes <= LIMIT * 1.1, `${stats.log_used_bytes} in use`);
  assert.ok(Math.max(...sizes) < LIMIT * 1.5, `file sizes ${sizes}`);
  assert.ok(sizes.at(-1) <= sizes[7] * 1.1, `file sizes ${sizes}`);
  // Sanitizers keep what was freed for a while, hundreds of megabytes of it.
  if (!SANITIZED) assert.ok(memory.at(-1) <= memory[7] + (4 << 20), `memory ${memory}`);
  assert.ok((await history(hub, 'load/0')).length >= 3);
  assert.equal((await get(hub, '/readyz')).status, 200);
});
