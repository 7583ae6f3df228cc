// Long-polling, which with wait=0 is plain history.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, poll, publish, publishBatch } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';

describe('long-poll', () => {
  const hub = suiteHub();

  const numbers = ({ messages }) => messages.map(({ data }) => data);

  /** Publishes 0..count-1 to a topic; returns the ids. */
  const fill = (topic, count) =>
    publishBatch(
      hub,
      Array.from({ length: count }, (_, data) => ({ topic, data })),
    );

  test('answers an empty topic at once with wait=0', async () => {
    const answer = await poll(hub, 'l/empty', { wait: 0 });
    assert.deepEqual(answer.messages, []);
    assert.equal(answer.live, true);
    assert.ok(!('gap' in answer));
  });

  test('says that its answers are not to be kept', async () => {
    const { headers } = await get(hub, '/t/l/empty?wait=0');
    assert.match(headers['content-type'], /^application\/json/);
    assert.match(headers['cache-control'], /no-store/);
  });

  test('pages through history by its cursor', async () => {
    await fill('l/pages', 25);
    await publish(hub, 'l/other', 'between');
    let page = await poll(hub, 'l/pages', { after: 'earliest', wait: 0, limit: 10 });
    assert.deepEqual(numbers(page), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.ok(!page.live);
    assert.ok(offsetOf(page.cursor) >= offsetOf(page.messages[9].id));
    page = await poll(hub, 'l/pages', { after: page.cursor, wait: 0, limit: 10 });
    assert.equal(numbers(page)[0], 10);
    page = await poll(hub, 'l/pages', { after: page.cursor, wait: 0, limit: 10 });
    assert.deepEqual(numbers(page), [20, 21, 22, 23, 24]);
    assert.equal(page.live, true);
    page = await poll(hub, 'l/pages', { after: page.cursor, wait: 0, limit: 10 });
    assert.deepEqual(numbers(page), []);
  });

  test('a limit of exactly what is left loses nothing', async () => {
    await fill('l/exact', 4);
    const page = await poll(hub, 'l/exact', { after: 'earliest', wait: 0, limit: 4 });
    assert.deepEqual(numbers(page), [0, 1, 2, 3]);
    const next = await poll(hub, 'l/exact', { after: page.cursor, wait: 0, limit: 4 });
    assert.deepEqual(numbers(next), []);
    assert.equal(next.live, true);
  });

  test('starts at the head by default', async () => {
    await publish(hub, 'l/latest', 'old');
    const answer = await poll(hub, 'l/latest', { wait: 0 });
    assert.deepEqual(answer.messages, []);
  });

  test('answers as soon as something is published', async () => {
    const { cursor } = await poll(hub, 'l/wait', { wait: 0 });
    const waiting = poll(hub, 'l/wait', { after: cursor, wait: 50 });
    const id = await publish(hub, 'l/wait', 'now');
    const answer = await waiting;
    assert.deepEqual(numbers(answer), ['now']);
    assert.equal(answer.messages[0].id, id);
    assert.equal(answer.cursor, id);
  });

  test('moves the cursor to the head at the time limit', async () => {
    const { cursor } = await poll(hub, 'l/quiet', { wait: 0 });
    const begin = Date.now();
    const waiting = poll(hub, 'l/quiet', { after: cursor, wait: 1 });
    const id = await publish(hub, 'l/elsewhere', 'x');
    const answer = await waiting;
    assert.ok(Date.now() - begin >= 990);
    assert.deepEqual(answer.messages, []);
    assert.ok(offsetOf(answer.cursor) >= offsetOf(id));
    assert.equal(answer.live, true);
  });

  test('sends back nothing twice, and misses nothing, over many polls', async () => {
    let { cursor } = await poll(hub, 'l/chain', { wait: 0 });
    const sender = (async () => {
      for (let n = 0; n < 60; n++)
        await publish(hub, 'l/chain', `${n}`, { type: 'application/json' });
    })();
    const seen = [];
    while (seen.length < 60) {
      const answer = await poll(hub, 'l/chain', { after: cursor, wait: 20, limit: 7 });
      seen.push(...numbers(answer));
      cursor = answer.cursor;
    }
    await sender;
    assert.deepEqual(
      seen,
      Array.from({ length: 60 }, (_, n) => n),
    );
  });

  test('tells a gap and goes on', async () => {
    const ids = await fill('l/gap', 3);
    const ahead = moved(ids[2], 1000);
    const answer = await poll(hub, 'l/gap', { after: ahead, wait: 0 });
    assert.equal(answer.gap.requested, ahead);
    assert.equal(answer.gap.reason, 'ahead');
    assert.equal(answer.gap.resumed, answer.cursor);
    assert.deepEqual(answer.messages, []);
    const id = await publish(hub, 'l/gap', 'next');
    const next = await poll(hub, 'l/gap', { after: answer.cursor, wait: 20 });
    assert.equal(next.messages[0].id, id);
  });

  test('several topics come in offset order', async () => {
    const ids = await publishBatch(hub, [
      { topic: 'l/multi/a', data: 1 },
      { topic: 'l/multi/b', data: 2 },
      { topic: 'l/multi/c', data: 3 },
      { topic: 'l/multi/a', data: 4 },
    ]);
    const answer = await poll(hub, ['l/multi/a', 'l/multi/b'], { after: 'earliest', wait: 0 });
    assert.deepEqual(
      answer.messages.map(({ id, topic }) => [id, topic]),
      [
        [ids[0], 'l/multi/a'],
        [ids[1], 'l/multi/b'],
        [ids[3], 'l/multi/a'],
      ],
    );
  });

  test('raw: one message as it is', async () => {
    const raw = (after) => get(hub, `/t/l/raw?format=raw&wait=0&after=${after}`);
    const ids = [
      await publish(hub, 'l/raw', '{"a": 1.0}', { type: 'application/json', event: 'e' }),
      await publish(hub, 'l/raw', 'text'),
      await publish(hub, 'l/raw', Buffer.from([0, 255])),
    ];
    const types = ['application/json', 'text/plain; charset=utf-8', 'application/octet-stream'];
    const bodies = [Buffer.from('{"a": 1.0}'), Buffer.from('text'), Buffer.from([0, 255])];
    let cursor = 'earliest';
    for (let n = 0; n < 3; n++) {
      const { status, headers, body } = await raw(cursor);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], types[n]);
      assert.equal(headers['longwire-topic'], 'l/raw');
      assert.equal(headers['longwire-event'], n === 0 ? 'e' : undefined);
      assert.deepEqual(body, bodies[n]);
      cursor = headers['longwire-cursor'];
      assert.equal(cursor, ids[n]);
    }
    const none = await raw(cursor);
    assert.equal(none.status, 204);
    assert.ok(none.headers['longwire-cursor']);
    const gap = await raw('3-1');
    assertProblem(gap, 409);
    assert.equal(gap.headers['longwire-gap'], 'epoch');
    assert.equal((await raw(gap.headers['longwire-cursor'])).status, 200);
  });

  test('history of many thousands in pages of every size', async () => {
    for (let round = 0; round < 5; round++) await fill('l/thousands', 1000);
    for (const limit of [97, 1000]) {
      const all = await history(hub, 'l/thousands', 'earliest', limit);
      assert.equal(all.length, 5000);
      assert.ok(all.every(({ data }, n) => data === n % 1000));
    }
  });

  test('waits no longer than the hub allows', async (t) => {
    const hasty = await startHub(t, {
      set: { 'http.poll_wait_max': '100ms', 'http.poll_wait': '100ms' },
    });
    const begin = Date.now();
    assert.deepEqual((await poll(hasty, 'l/hasty', { wait: 60 })).messages, []);
    assert.ok(Date.now() - begin < 30_000);
  });

  const bad = {
    'a wait that is no number': 'wait=soon',
    'a negative wait': 'wait=-1',
    'a limit of 0': 'limit=0',
    'a limit that is no number': 'limit=x',
    'an unknown format': 'format=xml',
  };
  for (const [what, text] of Object.entries(bad)) {
    test(`refuses ${what}`, async () => {
      assertProblem(await get(hub, `/t/l/bad?${text}`), 400);
    });
  }

  test('refuses /t without a topic', async () => {
    assertProblem(await get(hub, '/t'), 400);
  });
});
