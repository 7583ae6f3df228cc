// Patterns and sets of topics: what matches, once, in offset order, on every transport.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, get, poll, publish, publishBatch, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { TRANSPORTS, follow } from './lib/transports.mjs';
import { Inbox } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const TOPICS = [
  'm',
  'm/a',
  'm/b',
  'm/a/x',
  'm/a/y',
  'm/b/x',
  'm/a/x/1',
  'm//x',
  'n/a',
  'ma',
  'm/ü',
  '_m',
  '_m/a',
  '_m/a/x',
];

/** MQTT's rules, read level by level; a private topic's first level has to be named. */
function matches(pattern, topic) {
  if (topic.startsWith('_') && '+#'.includes(pattern[0])) return false;
  const [p, t] = [pattern.split('/'), topic.split('/')];
  for (let i = 0; i < p.length; i++) {
    if (p[i] === '#') return true;
    if (i >= t.length || (p[i] !== '+' && p[i] !== t[i])) return false;
  }
  return p.length === t.length;
}

const SETS = [
  ['m/a'],
  ['m/+'],
  ['m/#'],
  ['#'],
  ['+'],
  ['+/a'],
  ['+/+'],
  ['m/+/x'],
  ['m/a/#'],
  ['+/+/x/#'],
  ['m//x'],
  ['nothing/#'],
  ['m/a', 'm/b'],
  ['m/a', 'm/+', 'm/#'],
  ['m/a/#', 'n/+', 'nothing'],
  ['m/a', 'm/a'],
  ['_m'],
  ['_m/#'],
  ['_m/+', '+', '#'],
  ['+/a', '_m/a'],
];

describe('patterns', () => {
  const hub = suiteHub();
  let published;

  async function filled() {
    published ??= await publishBatch(
      hub,
      [...TOPICS, ...TOPICS].map((topic) => ({ topic, data: topic })),
    ).then((ids) => ids.map((id, n) => ({ id, topic: TOPICS[n % TOPICS.length] })));
    return published;
  }

  for (const set of SETS) {
    test(`history of ${set.join(', ')}`, async () => {
      const wanted = (await filled()).filter(({ topic }) => set.some((p) => matches(p, topic)));
      const answer = await poll(hub, set, { after: 'earliest', wait: 0 });
      assert.deepEqual(
        answer.messages.map(({ id, topic }) => ({ id, topic })),
        wanted,
      );
    });
  }

  for (const transport of Object.keys(TRANSPORTS)) {
    test(`live and replayed messages of every set on ${transport}`, async (t) => {
      const live = new Map();
      const waiting = SETS.map(async (set) => {
        const inbox = new Inbox();
        t.after(follow(transport, hub, [...set, 'm/end'], 'latest', (h) => inbox.push(h)));
        await inbox.next('live', ({ kind }) => kind === 'live');
        live.set(set, inbox);
      });
      await Promise.all(waiting);
      const ids = await publishBatch(hub, [
        ...TOPICS.map((topic) => ({ topic, data: topic })),
        { topic: 'm/end', data: 'end' },
      ]);
      for (const [set, inbox] of live) {
        const got = [];
        for (;;) {
          const { data, id } = await inbox.next('a message', ({ kind }) => kind === 'message');
          if (data === 'end') break;
          got.push(id);
        }
        const wanted = ids.filter((_, n) =>
          set.some((p) => n < TOPICS.length && matches(p, TOPICS[n])),
        );
        assert.deepEqual(got, wanted, set.join(', '));
      }
    });
  }

  for (const pattern of [
    'a/#/b',
    'a#',
    'a/b#',
    '#a',
    'a+',
    '+a/b',
    'a/+b',
    '##',
    '',
    '/a',
    '$x',
    '$x/#',
  ]) {
    test(`refuses the pattern ${JSON.stringify(pattern)}`, async () => {
      assertProblem(await get(hub, `/t?${new URLSearchParams({ topic: pattern, wait: 0 })}`), 400);
    });
  }

  describe('of too many levels for their +', () => {
    const levels = (plus, count) => '+/'.repeat(plus) + Array(count - plus).fill('a').join('/');
    const rule = /with one \+ has at most 32 levels, with two 16, with more 10/;
    const fine = [levels(1, 32), levels(2, 16), levels(3, 10), `${levels(9, 10)}/#`, levels(0, 128)];
    const wide = [levels(1, 33), levels(2, 17), levels(3, 11), `${levels(10, 11)}/#`];

    test('are refused in the address, and others are not', async () => {
      const ask = (topic) => get(hub, `/t?${new URLSearchParams({ topic, wait: 0 })}`);
      for (const topic of fine) assert.equal((await ask(topic)).status, 200, topic);
      for (const topic of wide) assert.match(assertProblem(await ask(topic), 400).detail, rule);
    });

    test('are refused on a WebSocket, which stays', async (t) => {
      const ws = await WsClient.open(hub, null);
      t.after(() => ws.terminate());
      for (const topic of wide) {
        const answer = await ws.ask({ op: 'subscribe', topic });
        assert.deepEqual([answer.op, answer.code], ['error', 'bad_topic']);
        assert.match(answer.message, rule);
      }
      for (const topic of fine)
        assert.equal((await ws.ask({ op: 'subscribe', topic })).op, 'subscribed', topic);
    });

    test('are refused in a change of an event stream', async (t) => {
      const stream = await SseStream.open(hub, ['m/a', 'm/b']);
      t.after(() => stream.close());
      const path = `/session/${await stream.session}`;
      const change = async (subscribe) =>
        request(hub, 'POST', path, {
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ subscribe }),
        });
      for (const topic of wide) assert.match(assertProblem(await change([topic]), 400).detail, rule);
      assert.equal((await change(fine)).status, 200);
    });

    test('are refused on the local socket', async (t) => {
      const client = await RespClient.open(hub);
      t.after(() => client.close());
      const glob = `${levels(0, 32)}/*`;
      for (const topic of [...wide, glob])
        assert.match((await client.command('PSUBSCRIBE', topic)).text, rule);
      for (const topic of wide)
        assert.match((await client.command('HUB', 'READ', 'latest', 1, 0, topic)).text, rule);
      assert.equal(await client.command('HUB', 'TOPICS', levels(10, 11)), '[]');
      assert.equal(JSON.parse(await client.command('HUB', 'READ', 'latest', 1, 0, ...fine)).live, true);
      for (const [n, topic] of fine.entries())
        assert.deepEqual(await client.command('PSUBSCRIBE', topic), ['psubscribe', topic, n + 1]);
    });
  });

  test('private topics are for those who name them, and for administrators', async (t) => {
    const [seen, hidden] = [await publish(hub, 'open/p', 'seen'), await publish(hub, '_shut/p', 'x')];
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    assert.deepEqual(await client.command('PSUBSCRIBE', '*'), ['psubscribe', '*', 1]);
    assert.deepEqual(await client.command('PSUBSCRIBE', '_shut/*'), ['psubscribe', '_shut/*', 2]);
    await publish(hub, '_shut/q', 'named');
    assert.deepEqual(await client.reply(), ['pmessage', '_shut/*', '_shut/q', 'named']);
    const admin = await RespClient.open(hub);
    t.after(() => admin.close());
    const read = async (...words) => JSON.parse(await admin.command('HUB', ...words)).messages;
    const ids = (messages) => messages.map(({ id }) => id);
    const exported = ids(await read('EXPORT', 'earliest', hidden, 1000, '#'));
    assert.deepEqual(exported.slice(-2), [seen, hidden]);
    assert.equal(ids(await read('READ', 'earliest', 1000, 0, '#')).at(-1), seen);
    const topics = JSON.parse(await admin.command('HUB', 'TOPICS', '#')).map(({ topic }) => topic);
    assert.ok(topics.includes('_shut/p'));
  });

  test('a topic that is new after the subscription is matched', async (t) => {
    const ws = await (await WsClient.open(hub, 'fresh/#')).live();
    t.after(() => ws.terminate());
    await publish(hub, 'fresh/never/seen', 'x');
    assert.equal((await ws.nextMessage()).topic, 'fresh/never/seen');
  });

  test('a hundred overlapping subscriptions send each message once', async (t) => {
    const ws = await WsClient.open(hub, null);
    t.after(() => ws.terminate());
    for (let n = 0; n < 100; n++) {
      const topic = n % 2 ? 'dup/+/x' : `dup/${n}/#`;
      assert.equal((await ws.ask({ op: 'subscribe', topic })).op, 'subscribed');
    }
    const ids = await publishBatch(
      hub,
      Array.from({ length: 200 }, (_, n) => ({ topic: `dup/${n % 100}/x`, data: n })),
    );
    assert.deepEqual(
      (await ws.messages(200)).map(({ id }) => id),
      ids,
    );
  });
});
