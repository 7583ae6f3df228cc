// Long-polling, which with wait=0 is plain history.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, history, poll, publish, publishBatch, request } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';

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
    // Once more if the disk has taken too long for the message to be there before the limit.
    for (let inTime = false; !inTime; ) {
      const { cursor } = await poll(hub, 'l/quiet', { wait: 0 });
      const begin = Date.now();
      const waiting = poll(hub, 'l/quiet', { after: cursor, wait: 1 });
      const id = await publish(hub, 'l/elsewhere', 'x');
      inTime = Date.now() - begin < 900;
      const answer = await waiting;
      assert.ok(Date.now() - begin >= 990);
      assert.deepEqual(answer.messages, []);
      assert.ok(!inTime || offsetOf(answer.cursor) >= offsetOf(id));
      assert.equal(answer.live, true);
    }
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

  test('an answer ends with the message with which it reaches 1 MiB', async () => {
    const payload = 'x'.repeat(600_000);
    for (let n = 0; n < 3; n++) await publish(hub, 'l/size', `${n}${payload}`);
    const first = await poll(hub, 'l/size', { after: 'earliest', wait: 0 });
    assert.deepEqual(
      first.messages.map(({ data }) => data[0]),
      ['0', '1'],
    );
    assert.ok(!first.live);
    const second = await poll(hub, 'l/size', { after: first.cursor, wait: 0 });
    assert.deepEqual(
      second.messages.map(({ data }) => data[0]),
      ['2'],
    );
    assert.equal(second.live, true);
  });

  test('the same cursor and topics are the same answer, however often', async () => {
    await fill('l/pure', 7);
    const path = '/t?topic=l/pure&topic=l/%2B/x&after=earliest&wait=0&limit=5';
    const first = await get(hub, path);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = 0; n < 3; n++) {
      const again = await get(hub, path, { agent });
      assert.equal(again.text, first.text);
      assert.equal(again.headers['longwire-cursor'], first.headers['longwire-cursor']);
    }
    agent.destroy();
  });

  test('two polls of one client at once get the same', async () => {
    const { cursor } = await poll(hub, 'l/twice', { wait: 0 });
    const both = [1, 2].map(() => poll(hub, 'l/twice', { after: cursor, wait: 50 }));
    await eventually(async () => (await waiting()) === 2, 'both to wait');
    await publish(hub, 'l/twice', 'one');
    const [a, b] = await Promise.all(both);
    assert.deepEqual(a, b);
    assert.deepEqual(numbers(a), ['one']);
  });

  /** How many polls wait. */
  async function waiting() {
    const admin = await RespClient.open(hub);
    const { connections } = JSON.parse(await admin.command('HUB', 'STATS'));
    admin.close();
    return connections.poll;
  }

  const BEHIND = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (const [how, leave, behind] of [
    ['closes', (raw) => raw.destroy(), ''],
    ['resets', (raw) => raw.destroy({ reset: true }), ''],
    ['will send no more', (raw) => raw.halfClose(), ''],
    ['closes with a request behind its poll', (raw) => raw.destroy(), BEHIND],
  ]) {
    test(`a client that ${how} while it waits is noticed`, async (t) => {
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      await raw.write(`GET /t/l/gone?wait=55 HTTP/1.1\r\nHost: localhost\r\n\r\n${behind}`);
      await eventually(async () => (await waiting()) === 1, 'it to wait');
      leave(raw);
      await eventually(async () => (await waiting()) === 0, 'the hub to notice');
    });
  }

  for (const [prefer, applied, path = '/t/l/prefer'] of [
    ['wait=0', 'wait=0'],
    ['respond-async, wait = "0"; x=y', 'wait=0'],
    [['foo', 'wait=0'], 'wait=0'],
    ['wait=0', undefined, '/t/l/prefer?wait=0'], // the query wins
    ['wait=50', undefined, '/t/l/prefer?wait=0'],
    ['wait=soon', undefined, '/t/l/prefer?wait=0'],
    ['wait=50', 'wait=50', '/t/l/prefer?after=earliest'], // there is something at once
    ['wait=99999999999999999999', 'wait=60', '/t/l/prefer?after=earliest'],
    ['wait=0', 'wait=0', '/t/l/prefer?format=raw'],
  ]) {
    test(`Prefer: ${prefer} of ${path} is answered ${applied}`, async () => {
      await publish(hub, 'l/prefer', 'x');
      const begin = Date.now();
      const { status, headers } = await get(hub, path, { headers: { Prefer: prefer } });
      assert.ok([200, 204].includes(status));
      assert.equal(headers['preference-applied'], applied);
      assert.ok(Date.now() - begin < 20_000);
    });
  }

  test('a malformed preference is passed over: the poll waits as usual', async (t) => {
    const usual = await startHub(t, { set: { 'http.poll_wait': '1s' } });
    for (const Prefer of ['wait=-1', 'wait', 'wait=0.1', 'wait=x, wait=0']) {
      const begin = Date.now();
      const { status, headers } = await get(usual, '/t/l/usual', { headers: { Prefer } });
      assert.equal(status, 200);
      assert.equal(headers['preference-applied'], undefined);
      assert.ok(Date.now() - begin > 900);
    }
  });

  test('a preference beyond the maximum is cut to it', async (t) => {
    const hasty = await startHub(t, {
      set: { 'http.poll_wait_max': '1s', 'http.poll_wait': '0' },
    });
    const begin = Date.now();
    const { headers } = await get(hasty, '/t/l/cut', { headers: { Prefer: 'wait=3600' } });
    assert.equal(headers['preference-applied'], 'wait=1');
    assert.ok(Date.now() - begin > 900);
    assert.ok(Date.now() - begin < 30_000);
  });

  test('HEAD, which does not wait, takes no preference', async () => {
    const headers = { Prefer: 'wait=50' };
    const reply = await request(hub, 'HEAD', '/t/l/head', { headers });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['preference-applied'], undefined);
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

  test('all who wait for the same get the same, each with the head that it asked for', async () => {
    const { cursor } = await poll(hub, 'l/same', { wait: 0 });
    const heads = [
      ['HTTP/1.1', ''],
      ['HTTP/1.1', ''],
      ['HTTP/1.1', 'Origin: http://127.0.0.1:1\r\n'],
      ['HTTP/1.1', 'Connection: close\r\n'],
      ['HTTP/1.0', ''],
      ['HTTP/1.0', 'Connection: keep-alive\r\n'],
    ];
    const ask = (version, lines) =>
      `GET /t/l/same?after=${cursor}&wait=20 ${version}\r\nHost: localhost\r\n${lines}\r\n`;
    const sockets = await Promise.all(heads.map(() => RawSocket.open(hub)));
    for (const [i, head] of heads.entries()) await sockets[i].write(ask(...head));
    await eventually(async () => {
      const { stdout } = await longwirectl(hub, ['clients', '--json']);
      const waiting = JSON.parse(stdout).filter(({ topics }) => topics?.includes('l/same'));
      return waiting.length === heads.length;
    }, 'all to wait');
    const id = await publish(hub, 'l/same', 'x'.repeat(3000));
    for (const socket of sockets)
      await socket.until((received) => received.includes('"live":true}'), 'the answer');
    const answers = sockets.map((socket) => socket.received.toString().split('\r\n\r\n'));
    for (const [head, body] of answers) {
      assert.equal(body, answers[0][1]);
      assert.match(head, /^HTTP\/1\.1 200 OK\r\nDate: /);
      assert.match(head, new RegExp(`\r\nContent-Length: ${body.length}(\r\n|$)`));
      assert.match(head, new RegExp(`\r\nLongwire-Cursor: ${JSON.parse(body).cursor}(\r\n|$)`));
      assert.match(head, /\r\nCache-Control: no-store(\r\n|$)/);
    }
    assert.equal(JSON.parse(answers[0][1]).messages[0].id, id);
    const has = (line) => answers.map(([head]) => head.includes(`\r\n${line}`));
    assert.deepEqual(has('Access-Control-Allow-Origin: '), [false, false, true, false, false, false]);
    assert.deepEqual(has('Connection: close'), [false, false, false, true, true, false]);
    assert.deepEqual(has('Connection: keep-alive'), [false, false, false, false, false, true]);
    for (const socket of sockets) socket.destroy();
  });

  test('requests in a row for the same, and for less of it', async () => {
    await fill('l/row', 5);
    const ask = (limit, lines = '') =>
      `GET /t/l/row?after=earliest&wait=0&limit=${limit} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`;
    const other = poll(hub, 'l/row', { after: 'latest', wait: 20 }); // another of the same feed
    await eventually(async () => (await waiting()) === 1, 'it to wait');
    const raw = await RawSocket.open(hub);
    const limits = [5, 5, 2, 5, 5, 2, 2, 1];
    await raw.write(limits.map((limit) => ask(limit)).join('') + ask(5, 'Connection: close\r\n'));
    await raw.untilClosed();
    const bodies = raw.received.toString().split('\r\n\r\n').slice(1);
    const got = bodies.map((text) => JSON.parse(text.slice(0, text.lastIndexOf('}') + 1)));
    assert.deepEqual(got.map(({ messages }) => messages.length), [...limits, 5]);
    await publish(hub, 'l/row', 'end');
    assert.equal((await other).messages[0].data, 'end');
    raw.destroy();
  });

  test('refuses /t without a topic', async () => {
    assertProblem(await get(hub, '/t'), 400);
  });

  test('takes as many topics as limits.subscriptions, and no more', async (t) => {
    const few = await startHub(t, { set: { 'limits.subscriptions': 3 } });
    const of = (count) => Array.from({ length: count }, (_, n) => `topic=l/${n}`).join('&');
    assert.equal((await get(few, `/t?wait=0&${of(3)}`)).status, 200);
    assert.match(assertProblem(await get(few, `/t?wait=0&${of(4)}`), 400).detail, /limits\.subscriptions/);
    assert.equal((await get(few, `/t/l/path?wait=0&${of(2)}`)).status, 200);
    assertProblem(await get(few, `/t/l/path?wait=0&${of(3)}`), 400);
  });
});
