// Conditional publishes: stored only if the topic has not moved on since a cursor, on every way in.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { epochOf, moved, offsetOf } from './lib/cursor.mjs';
import { collides, EXPECTING, stored } from './lib/expecting.mjs';
import { assertProblem, get, history, poll, post, postBatch, publish, request } from './lib/http.mjs';
import { longwirectl, run, startHub, suiteHub } from './lib/hub.mjs';
import { encode, RespClient } from './lib/resp.mjs';
import { WsClient } from './lib/ws.mjs';

const headOf = async (hub) => (await get(hub, '/cursor')).headers['longwire-cursor'];
const dataOf = async (hub, topic) => (await history(hub, topic)).map(({ data }) => data);

for (const [name, open] of Object.entries(EXPECTING)) {
  describe(`conditional publishes by ${name}`, () => {
    const hub = suiteHub();

    /** Opens the way for test `t`. */
    async function start(t) {
      const way = await open(hub);
      t.after(() => way.close());
      return way;
    }

    test('are stored while the topic is as expected, and a conflict says where it is', async (t) => {
      const way = await start(t);
      const first = await stored(way, 'x/chain', [1], { expect: '0' });
      const zero = `0-${epochOf(first)}`;
      assert.equal(await collides(way, 'x/chain', ['late'], { expect: '0' }), first);
      assert.equal(await collides(way, 'x/chain', ['late'], { expect: zero }), first);
      const second = await stored(way, 'x/chain', [2], { expect: first });
      const bare = String(offsetOf(second));
      const third = await stored(way, 'x/chain', [3], { expect: bare });
      assert.equal(await collides(way, 'x/chain', ['late'], { expect: second }), third);
      assert.deepEqual(await dataOf(hub, 'x/chain'), [[1], [2], [3]]);
      assert.equal(offsetOf(third), offsetOf(first) + 2, 'a conflict uses no offset');
    });

    test('take the cursor of a long-poll, which may be ahead of the topic', async (t) => {
      const way = await start(t);
      await publish(hub, 'x/ahead', 'x');
      await publish(hub, 'x/other', 'y');
      const { cursor } = await poll(hub, 'x/ahead', { after: 'earliest', wait: 0 });
      assert.equal(cursor, await headOf(hub));
      await stored(way, 'x/ahead', ['y'], { expect: cursor });
    });

    test('know no place beyond the head, or of another log', async (t) => {
      const way = await start(t);
      const last = await publish(hub, 'x/places', 'x');
      const beyond = moved(await headOf(hub), 1);
      const foreign = `${offsetOf(last)}-${epochOf(last) === 7 ? 8 : 7}`;
      for (const expect of [beyond, foreign, `18446744073709551615-${epochOf(last)}`]) {
        assert.equal(await collides(way, 'x/places', ['y'], { expect }), last);
        const nothing = await collides(way, 'x/nothing', ['y'], { expect });
        assert.equal(nothing, `0-${epochOf(last)}`);
      }
      const { code } = await longwirectl(hub, ['topic', 'x/nothing']);
      assert.equal(code, 4, 'a conflict makes no topic');
      assert.equal(await headOf(hub), last);
    });

    test('count messages that were removed', async (t) => {
      const way = await start(t);
      const last = await publish(hub, 'x/purged', 'x');
      await longwirectl(hub, ['purge', '--yes', 'x/purged']);
      assert.equal(await collides(way, 'x/purged', ['y'], { expect: '0' }), last);
      await stored(way, 'x/purged', ['y'], { expect: last });
    });

    test('are answered with the first id when their key is known', async (t) => {
      const way = await start(t);
      const options = { expect: '0', key: 'k' };
      const first = await stored(way, 'x/key', [1], options);
      await publish(hub, 'x/key', 'since');
      assert.equal(await stored(way, 'x/key', [1], options), first);
      assert.equal((await history(hub, 'x/key')).length, 2);
      const free = { expect: '0', key: 'free' };
      const current = await collides(way, 'x/key', [2], free);
      await stored(way, 'x/key', [2], { ...free, expect: current });
    });

    test('are refused when what they expect is no cursor', async (t) => {
      const way = await start(t);
      const before = await headOf(hub);
      for (const expect of ['latest', '-1', '5-', '05', '18446744073709551616', '5-4294967296']) {
        const { id, current, refused } = await way.send('x/bad', ['x'], { expect });
        assert.deepEqual([id, current], [undefined, undefined], expect);
        assert.ok([400, 'BADCURSOR', 'bad_cursor', 'TypeError'].includes(refused), refused);
      }
      assert.equal(await headOf(hub), before);
    });
  });
}

describe('conditional publishes over HTTP', () => {
  const hub = suiteHub();

  test('are told everything that a problem document has', async () => {
    const last = await publish(hub, 'h/problem', 'x');
    const headers = { 'Longwire-Expect-Last': '0' };
    const reply = await post(hub, 'h/problem', 'y', { headers, local: true });
    assert.deepEqual(assertProblem(reply, 409), {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'The topic has moved on since that cursor',
      current: last,
    });
    assert.equal(reply.headers['longwire-cursor'], last);
  });

  test('have one condition, which is not empty', async () => {
    for (const value of ['', ['0', '0'], '0, 0', '0-0-0']) {
      const headers = { 'Longwire-Expect-Last': value };
      assert.match(
        assertProblem(await post(hub, 'h/twice', 'x', { headers }), 400).detail,
        /Longwire-Expect-Last/,
      );
    }
    const headers = { 'longwire-expect-last': ' 0\t' }; // white space around a value is none of it
    assert.equal((await post(hub, 'h/twice', 'x', { headers })).status, 201);
  });

  test('are not confused with what else is wrong', async () => {
    const headers = { 'Longwire-Expect-Last': '0', 'Content-Type': 'application/json' };
    assertProblem(await post(hub, 'h/wrong', '{', { headers }), 400);
    assertProblem(await post(hub, 'h/wrong', 'x'.repeat(2 << 20), { headers }), 413);
    assertProblem(await post(hub, 'h/+', '1', { headers }), 400);
    assert.deepEqual(await history(hub, 'h/wrong'), []);
  });
});

describe('conditional lines of a batch', () => {
  const hub = suiteHub();

  const batch = (...lines) =>
    postBatch(hub, lines.map((line) => (line ? JSON.stringify(line) : '')).join('\n'));

  test('refuse all of it, and the line is named', async () => {
    const one = await publish(hub, 'b/one', 'x');
    const two = await publish(hub, 'b/two', 'y');
    const good = { topic: 'b/one', data: 1, expect: one };
    const other = { topic: 'b/two', data: 'a\n\n\nb', expect: one };
    const reply = await batch(null, good, null, { topic: 'b/free', data: '\n\n' }, other, good);
    const problem = assertProblem(reply, 409);
    assert.match(problem.detail, /^Line 5: /);
    assert.equal(problem.current, two);
    assert.equal(reply.headers['longwire-cursor'], two);
    assert.equal(await headOf(hub), two);
    assert.deepEqual(await history(hub, 'b/free'), []);
  });

  test('are stored together when all topics are as expected', async () => {
    const one = await publish(hub, 'b/all/one', 'x');
    const reply = await batch(
      { topic: 'b/all/one', data: 1, expect: one },
      { topic: 'b/all/two', data: 2, expect: '0' },
      { topic: 'b/all/two', data: 3 },
    );
    assert.equal(reply.status, 201, reply.text);
    assert.deepEqual(await dataOf(hub, 'b/all/two'), [2, 3]);
  });

  test('come behind the lines before them', async () => {
    const line = { topic: 'b/self', data: 1, expect: '0' };
    const problem = assertProblem(await batch(line, line), 409);
    assert.match(problem.detail, /^Line 2: /);
    assert.equal(offsetOf(problem.current), 0);
    assert.deepEqual(await history(hub, 'b/self'), []);
  });

  test('lines with a key that is known are fine', async () => {
    const line = { topic: 'b/key', data: 1, expect: '0', key: 'k' };
    const reply = await batch(line, line);
    assert.equal(reply.status, 201, reply.text);
    const [first, second] = reply.json().ids;
    assert.equal(first, second);
  });

  const wrong = { null: null, 'a number': 5, 'an object': {}, 'no cursor': 'earliest' };
  for (const [what, expect] of Object.entries(wrong)) {
    test(`are wrong when they expect ${what}`, async () => {
      const before = await headOf(hub);
      const reply = await batch({ topic: 'b/bad', data: 1 }, { topic: 'b/bad', data: 2, expect });
      assert.match(assertProblem(reply, 400).detail, /^Line 2: expect /);
      assert.equal(await headOf(hub), before);
    });
  }

  test('are the only condition that a batch has', async () => {
    const headers = { 'Content-Type': 'application/x-ndjson', 'Longwire-Expect-Last': '0' };
    const body = '{"topic":"b/header","data":1}';
    assertProblem(await request(hub, 'POST', '/t', { headers, body }), 400);
    assert.deepEqual(await history(hub, 'b/header'), []);
  });
});

describe('conditional publishes over the local socket', () => {
  const hub = suiteHub();

  async function open(t) {
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    return client;
  }

  test('keep their place in a pipeline', async (t) => {
    const client = await open(t);
    const xadd = (...fields) => encode('XADD', 'r/pipe', '*', ...fields);
    client.write(
      Buffer.concat([
        xadd('data', '1', 'expect', '0'),
        xadd('data', '2', 'expect', '0'),
        xadd('data', '3', 'expect', 'x'),
        xadd('data', '4'),
        encode('PING'),
      ]),
    );
    const replies = [];
    for (let i = 0; i < 5; i++) replies.push(await client.reply());
    const [first, conflict, bad, last, pong] = replies;
    assert.match(first, /^\d+-\d+$/);
    const { text } = conflict;
    assert.ok([first, last].includes(text.split(' ')[1]), text); // as the two are one group or not
    assert.match(text, /^CONFLICT \d+-\d+ The topic has moved on since that cursor$/);
    assert.equal(bad.text, 'BADCURSOR expect is not a cursor (OFFSET-EPOCH)');
    assert.equal(offsetOf(last), offsetOf(first) + 1);
    assert.equal(pong, 'PONG');
  });

  test('have one condition', async (t) => {
    const client = await open(t);
    const fields = ['data', 'x', 'expect', '0', 'expect', '0'];
    assert.match((await client.command('XADD', 'r/twice', '*', ...fields)).text, /^ERR .*expect/);
    assert.match((await client.command('XADD', 'r/none', '*', 'expect', '0')).text, /^ERR .*data/);
    assert.match((await client.command('XADD', 'r/odd', '*', 'data', 'x', 'expect')).text, /^ERR /);
  });

  test('can be made by redis-cli', async () => {
    const cli = (...words) => run('redis-cli', ['-s', hub.socket, ...words]);
    const xadd = (...rest) => cli('xadd', 'r/cli', '*', 'data', 'x', ...rest);
    const { stdout: first } = await xadd('expect', '0');
    const { stdout: refusal } = await xadd('expect', '0');
    assert.equal(refusal.split(' ')[0], 'CONFLICT');
    assert.equal(refusal.split(' ')[1], first.trim());
  });
});

describe('conditional publishes on a WebSocket', () => {
  const hub = suiteHub();

  async function open(t, ...how) {
    const ws = await WsClient.open(hub, ...how);
    t.after(() => ws.terminate());
    return ws;
  }

  test('come back in order, and the connection stays', async (t) => {
    const ws = await open(t, null);
    const publishing = { op: 'publish', topic: 'w/order', data: 1 };
    ws.send({ ...publishing, expect: '0', ref: 1 });
    ws.send({ ...publishing, expect: '0', ref: 2 });
    ws.send({ ...publishing, ref: 3 });
    const answers = [await ws.next(), await ws.next(), await ws.next()];
    assert.deepEqual(
      answers.map(({ op, ref }) => [op, ref]),
      [['published', 1], ['error', 2], ['published', 3]],
    );
    const { code, current, message } = answers[1];
    assert.equal(code, 'conflict');
    assert.equal(typeof message, 'string');
    assert.ok([answers[0].id, answers[2].id].includes(current));
    ws.send({ op: 'ping' });
    assert.deepEqual(await ws.next(), { op: 'pong' });
  });

  const wrong = [[5, 'bad_request'], [null, 'bad_request'], [['0'], 'bad_request'], ['', 'bad_cursor']];
  for (const [expect, code] of wrong) {
    test(`are refused when they expect ${JSON.stringify(expect)}`, async (t) => {
      const ws = await open(t, null);
      const answer = await ws.ask({ op: 'publish', topic: 'w/bad', data: 1, expect });
      assert.equal(answer.code, code);
      assert.equal(answer.current, undefined);
      assert.deepEqual(await history(hub, 'w/bad'), []);
    });
  }

  test('without a ref are told without one', async (t) => {
    const ws = await open(t, null);
    await publish(hub, 'w/plain', 'x');
    ws.send({ op: 'publish', topic: 'w/plain', data: 1, expect: '0' });
    const { ref, code } = await ws.next();
    assert.deepEqual([ref, code], [undefined, 'conflict']);
  });
});

describe('conflicts', () => {
  const hub = suiteHub();

  async function figure(name) {
    const { text } = await get(hub, '/metrics');
    return Number(text.split('\n').find((line) => line.startsWith(`longwire_${name} `)).split(' ')[1]);
  }

  test('are counted as what they are, and the hub is as ready as before', async () => {
    await publish(hub, 'f/count', 'x');
    const names = ['publish_conflicts_total', 'publish_errors_total', 'publish_failed_total'];
    const read = () => Promise.all(names.map(figure));
    const [conflicts, errors, failed] = await read();
    const headers = { 'Longwire-Expect-Last': '0' };
    for (let i = 0; i < 3; i++) assertProblem(await post(hub, 'f/count', 'y', { headers }), 409);
    assert.deepEqual(await read(), [conflicts + 3, errors, failed]);
    assert.equal((await get(hub, '/readyz')).status, 200);
  });

  test('reach no subscriber', async (t) => {
    const ws = await (await WsClient.open(hub, 'f/quiet')).live();
    t.after(() => ws.terminate());
    const headers = { 'Longwire-Expect-Last': '0' };
    await publish(hub, 'f/quiet', 'one');
    await post(hub, 'f/quiet', 'two', { headers });
    await publish(hub, 'f/quiet', 'three');
    assert.deepEqual(
      (await ws.messages(2)).map(({ data }) => data),
      ['one', 'three'],
    );
  });
});

describe('what is known after a restart', () => {
  const config = '[topic "m/#"]\ndurability = memory\n';

  for (const how of ['stop', 'kill9']) {
    test(`by ${how}: where topics on disk are, and memory topics after a clean stop`, async (t) => {
      const hub = await startHub(t, { config });
      const disk = await publish(hub, 'd/x', 'x');
      const memory = await publish(hub, 'm/x', 'x');
      let way = await EXPECTING.http(hub);
      const newest = await stored(way, 'm/x', ['y'], { expect: memory });
      way.close();
      await hub[how]();
      await hub.restart();
      way = await EXPECTING.http(hub);
      t.after(() => way.close());
      const head = await headOf(hub);
      assert.equal(await collides(way, 'd/x', ['y'], { expect: '0' }), disk);
      await stored(way, 'd/x', ['y'], { expect: disk });
      // After a crash it may have had any message up to where the hub began, for all that is known.
      const current = how === 'stop' ? newest : head;
      for (const expect of ['0', memory]) {
        assert.equal(await collides(way, 'm/x', ['z'], { expect }), current);
      }
      if (how === 'kill9') await collides(way, 'm/x', ['z'], { expect: newest });
      const next = await stored(way, 'm/x', ['z'], { expect: current });
      assert.equal(await collides(way, 'm/x', ['late'], { expect: current }), next);
    });
  }
});
