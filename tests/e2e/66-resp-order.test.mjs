// The local socket where order and waiting matter: pipelines, held and blocked commands, gaps, and
// the commands that reach over all workers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { epochOf, moved, offsetOf } from './lib/cursor.mjs';
import { history, publish } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, RespError, encode } from './lib/resp.mjs';
import { counted, eventually, within } from './lib/wait.mjs';

const KIB = 1024;
const MIB = KIB * KIB;

async function open(t, hub) {
  const client = await RespClient.open(hub);
  t.after(() => client.close());
  return client;
}

function assertError(reply, pattern) {
  assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}

const xadd = (c, topic, data = 'x') => c.command('XADD', topic, '*', 'data', data);
const json = async (c, ...words) => JSON.parse(await c.command(...words));
const idsOf = (entries) => entries.map(([id]) => id);

/** The number of the connection in HUB CLIENTS. */
const numberOf = (c) => c.command('CLIENT', 'ID');

/** Waits until the hub sees the connection of `number` subscribed to something. */
const untilSubscribed = (admin, number) =>
  eventually(async () => {
    const clients = await json(admin, 'HUB', 'CLIENTS');
    return clients.find(({ id, topics }) => id === number && topics.length > 0);
  }, `connection ${number} to be subscribed`);

describe('pipelines', () => {
  const hub = suiteHub({ set: { 'hub.workers': 2, 'limits.inflight': 10 } });

  test('many more publishes than may be in flight, with errors between them', async (t) => {
    const c = await open(t, hub);
    const commands = [];
    for (let n = 0; n < 500; n++) {
      commands.push(encode('PUBLISH', 'p/many', n), encode('XADD', 'p/many', '*', 'data', n));
      if (n % 7 === 0) commands.push(encode('PUBLISH', 'p/#', n));
      if (n % 11 === 0) commands.push(encode('XADD', 'p/many', '*', 'event', 'no data'));
    }
    await c.write(Buffer.concat(commands));
    let last = 0;
    for (let n = 0; n < 500; n++) {
      assert.equal(await c.reply(), 0);
      const offset = offsetOf(await c.reply());
      assert.ok(offset > last, `${offset} after ${last}`);
      last = offset;
      if (n % 7 === 0) assertError(await c.reply(), /^BADTOPIC /);
      if (n % 11 === 0) assertError(await c.reply(), /^ERR /);
    }
    assert.equal(await c.command('XLEN', 'p/many'), 1000);
  });

  test('a read behind a publish sees it', async (t) => {
    const c = await open(t, hub);
    for (let n = 1; n <= 50; n++) {
      await c.write(Buffer.concat([encode('PUBLISH', 'p/own', n), encode('XLEN', 'p/own')]));
      assert.equal(await c.reply(), 0);
      assert.equal(await c.reply(), n);
    }
  });

  test('an inline command with quotes may wait behind a publish', async (t) => {
    const c = await open(t, hub);
    await c.write('PUBLISH p/inline 1\r\necho "a b\\x41"\r\nPUBLISH p/inline 2\r\nPING\r\n');
    assert.deepEqual([await c.reply(), await c.reply()], [0, 'a bA']);
    assert.deepEqual([await c.reply(), await c.reply()], [0, 'PONG']);
  });

  test('split at every byte', async (t) => {
    const c = await open(t, hub);
    const bytes = Buffer.concat([
      encode('PUBLISH', 'p/split', 'a\r\nb'),
      encode('PING'),
      encode('XADD', 'p/split', '*', 'data', 'x'),
    ]);
    for (let at = 1; at < bytes.length; at++) {
      await c.write(bytes.subarray(0, at));
      await c.write(bytes.subarray(at));
      assert.equal(await c.reply(), 0);
      assert.equal(await c.reply(), 'PONG');
      assert.match(await c.reply(), /^\d+-\d+$/);
    }
  });

  test('a half-closed connection gets all its answers', async (t) => {
    const c = await open(t, hub);
    const commands = Array.from({ length: 300 }, (_, n) => encode('PUBLISH', 'p/half', n));
    await c.write(Buffer.concat([...commands, encode('XLEN', 'p/half'), encode('HUB', 'STATS')]));
    c.raw.halfClose();
    for (let n = 0; n < 300; n++) assert.equal(await c.reply(), 0);
    assert.equal(await c.reply(), 300);
    assert.ok(JSON.parse(await c.reply()).version);
    await c.raw.untilClosed();
  });

  test('a half-closed connection gets what comes behind a command that waits, too', async (t) => {
    const c = await open(t, hub);
    await c.write(
      Buffer.concat([
        encode('PUBLISH', 'p/half/wait', '1'),
        encode('XREAD', 'BLOCK', 0, 'STREAMS', 'p/half/wait', '$'),
        encode('PUBLISH', 'p/half/wait', '2'),
        encode('HUB', 'READ', 'latest', 1, 60_000, 'p/half/wait'),
        encode('XLEN', 'p/half/wait'),
      ]),
    );
    c.raw.halfClose();
    assert.equal(await c.reply(), 0);
    assert.equal(await c.reply(), null);
    assert.equal(await c.reply(), 0);
    assert.deepEqual(JSON.parse(await c.reply()).messages, []);
    assert.equal(await c.reply(), 2);
    await c.raw.untilClosed();
  });

  test('one that waits when its peer closes its side is answered then', async (t) => {
    const [c, waiting] = [await open(t, hub), await open(t, hub)];
    const number = await numberOf(waiting);
    await waiting.write(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'p/half/then', '$'));
    await untilSubscribed(c, number);
    waiting.raw.halfClose();
    assert.equal(await waiting.reply(), null);
    await waiting.raw.untilClosed();
  });

  test('a half-closed subscriber gets its answers, and ends', async (t) => {
    const c = await open(t, hub);
    const pings = Array.from({ length: 200 }, (_, n) => encode('PING', n));
    await c.write(Buffer.concat([encode('SUBSCRIBE', 'p/half/sub'), ...pings]));
    c.raw.halfClose();
    assert.deepEqual(await c.reply(), ['subscribe', 'p/half/sub', 1]);
    for (let n = 0; n < 200; n++) assert.deepEqual(await c.reply(), ['pong', `${n}`]);
    await c.raw.untilClosed();
  });

  test('QUIT comes behind the answers that are due, and ends', async (t) => {
    const c = await open(t, hub);
    const commands = Array.from({ length: 300 }, (_, n) => encode('PUBLISH', 'p/quit', n));
    const late = encode('PUBLISH', 'p/quit', 'late');
    await c.write(Buffer.concat([...commands, encode('QUIT'), late]));
    for (let n = 0; n < 300; n++) assert.equal(await c.reply(), 0);
    assert.equal(await c.reply(), 'OK');
    await c.raw.untilClosed();
    assert.equal((await history(hub, 'p/quit')).length, 300);
  });

  test('a protocol error behind publishes comes after their answers', async (t) => {
    const c = await open(t, hub);
    const commands = Array.from({ length: 30 }, (_, n) => encode('PUBLISH', 'p/error', n));
    await c.write(Buffer.concat([...commands, Buffer.from('*1\r\n:1\r\n')]));
    for (let n = 0; n < 30; n++) assert.equal(await c.reply(), 0);
    assertError(await c.reply(), /^ERR Protocol error/);
    await c.raw.untilClosed();
    assert.equal((await history(hub, 'p/error')).length, 30);
  });

  test('a client that reads no replies is not served further, and loses none', async (t) => {
    const c = await open(t, hub);
    const commands = async () => (await json(c, 'HUB', 'STATS')).counters.resp_commands;
    const text = 'x'.repeat(100 * KIB);
    await xadd(c, 'p/slow', text);
    const slow = connect(hub.socket);
    t.after(() => slow.destroy());
    const before = await commands();
    // One write, so that a hub which went on would have run all of it at once.
    const read = encode('XRANGE', 'p/slow', '-', '+');
    slow.write(Buffer.concat(Array.from({ length: 200 }, () => read)));
    let asked = 0;
    const run = await eventually(async () => {
      asked++;
      return (await commands()) - before - asked;
    }, 'the first command to run');
    assert.ok(run < 20, `${run} commands ran`);
    let received = 0;
    slow.on('data', (chunk) => {
      received += chunk.length;
    });
    const [[id]] = await c.command('XRANGE', 'p/slow', '-', '+');
    const head = ['*1', '*2', `$${id.length}`, id, '*2', '$4', 'data'];
    const entry = [...head, `$${text.length}`, text, ''];
    await counted(() => received, 200 * entry.join('\r\n').length, 'all replies');
  });

  test('two connections publish into one order', async (t) => {
    const [one, two] = [await open(t, hub), await open(t, hub)];
    const payloads = (name) => Array.from({ length: 200 }, (_, n) => `${name}${n}`);
    const sends = (name) =>
      Buffer.concat(payloads(name).map((payload) => encode('PUBLISH', 'p/two', payload)));
    await Promise.all([one.write(sends('a')), two.write(sends('b'))]);
    for (const c of [one, two]) for (let n = 0; n < 200; n++) assert.equal(await c.reply(), 0);
    const stored = (await history(hub, 'p/two')).map(({ data }) => data);
    for (const name of ['a', 'b']) {
      const own = stored.filter((data) => data.startsWith(name));
      assert.deepEqual(own, payloads(name));
    }
  });
});

describe('bytes that could be HTTP', () => {
  const hub = suiteHub();

  test('are told apart at the first byte that differs', async (t) => {
    for (const [first, rest] of [
      ['P', 'ING\r\n'],
      ['PO', 'NG\r\n'],
      ['H', 'ELLO 2\r\n'],
      ['HE', 'LLO\r\n'],
      ['P', 'UBLISH http/x 1\r\n'],
    ]) {
      const c = await open(t, hub);
      await c.write(first);
      await c.write(rest);
      const reply = await c.reply();
      if (first === 'PO') assertError(reply, /^ERR unknown command 'PONG'/);
      else assert.ok(!(reply instanceof RespError), reply.text);
    }
  });

  test('an HTTP request in pieces is one', async (t) => {
    const c = await open(t, hub);
    for (const piece of ['G', 'E', 'T', ' /healthz HT', 'TP/1.1\r\nHost: localhost\r\n\r\n']) {
      await c.write(piece);
    }
    await c.raw.untilText('HTTP/1.1 200');
  });
});

describe('waiting', () => {
  const hub = suiteHub({ set: { 'hub.workers': 2 } });

  test('XREAD BLOCK on several topics is woken by any of them', async (t) => {
    const [c, waiting] = [await open(t, hub), await open(t, hub)];
    const number = await numberOf(waiting);
    for (const topic of ['w/b', 'w/a', 'w/b']) {
      await waiting.write(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'w/a', 'w/b', '$', '$'));
      await untilSubscribed(c, number);
      await xadd(c, 'w/other');
      const id = await xadd(c, topic);
      assert.deepEqual(await waiting.reply(), [[topic, [[id, ['data', 'x']]]]]);
    }
  });

  test('XREAD BLOCK reads on where it stood, never again what it has had', async (t) => {
    const [c, reader] = [await open(t, hub), await open(t, hub)];
    const total = 400;
    const sender = (async () => {
      for (let n = 0; n < total; n += 10) {
        const batch = Array.from({ length: 10 }, (_, k) => encode('PUBLISH', 'w/on', n + k));
        await c.write(Buffer.concat(batch));
        for (let k = 0; k < 10; k++) await c.reply();
      }
    })();
    const seen = [];
    let cursor = '0';
    while (seen.length < total) {
      const words = ['XREAD', 'BLOCK', 0, 'COUNT', 3, 'STREAMS', 'w/on', cursor];
      const reply = await reader.command(...words);
      for (const [id, [, data]] of reply[0][1]) {
        seen.push(Number(data));
        cursor = id;
      }
    }
    await sender;
    assert.deepEqual(
      seen,
      Array.from({ length: total }, (_, n) => n),
    );
  });

  test('commands behind a blocked one wait, and are answered in order', async (t) => {
    const [c, waiting] = [await open(t, hub), await open(t, hub)];
    const number = await numberOf(waiting);
    await waiting.write(
      Buffer.concat([
        encode('PUBLISH', 'w/order', 'own'),
        encode('XREAD', 'BLOCK', 0, 'STREAMS', 'w/order', '$'),
        encode('PING'),
        encode('PUBLISH', 'w/order', 'last'),
      ]),
    );
    assert.equal(await waiting.reply(), 0);
    await untilSubscribed(c, number);
    await xadd(c, 'w/order', 'woken');
    assert.equal((await waiting.reply())[0][1][0][1][1], 'woken');
    assert.equal(await waiting.reply(), 'PONG');
    assert.equal(await waiting.reply(), 0);
  });

  test('one that waits counts as a subscriber, and goes when its connection does', async (t) => {
    const [c, waiting] = [await open(t, hub), await open(t, hub)];
    const number = await numberOf(waiting);
    await waiting.write(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'w/gone', '$'));
    await untilSubscribed(c, number);
    assert.equal((await json(c, 'HUB', 'TOPICS', 'w/gone')).length, 0);
    waiting.close();
    await eventually(
      async () => !(await json(c, 'HUB', 'CLIENTS')).some(({ id }) => id === number),
      'the blocked connection to be gone',
    );
    assert.equal(await c.command('PUBLISH', 'w/gone', 'x'), 0);
  });

  test('HUB READ answers what is there, waits for what comes, and gives up in time', async (t) => {
    const [c, waiting] = [await open(t, hub), await open(t, hub)];
    const id = await xadd(c, 'w/hub', 'one');
    const read = await json(c, 'HUB', 'READ', 'earliest', 10, 0, 'w/hub', 'w/hub/+');
    assert.equal(read.messages[0].id, id);
    assert.equal(read.live, true);
    assert.equal(read.gap, undefined);
    const number = await numberOf(waiting);
    await waiting.write(encode('HUB', 'READ', read.cursor, 10, 20_000, 'w/hub', 'w/hub/+'));
    await untilSubscribed(c, number);
    const second = await xadd(c, 'w/hub/deep', '[2]');
    const woken = JSON.parse(await waiting.reply());
    assert.deepEqual(
      woken.messages.map(({ id, data }) => [id, data]),
      [[second, [2]]],
    );
    const empty = await json(c, 'HUB', 'READ', woken.cursor, 10, 100, 'w/hub');
    assert.deepEqual(empty.messages, []);
    assert.equal(empty.live, true);
    const two = await json(c, 'HUB', 'READ', '-2', 1, 0, 'w/#');
    assert.equal(two.messages.length, 1);
  });

  for (const words of [
    ['x', 10, 0, 'a'],
    ['earliest', 0, 0, 'a'],
    ['earliest', 10, '-1', 'a'],
    ['earliest', 10, 0, 'a/#/b'],
  ]) {
    test(`HUB READ refuses ${words.join(' ')}`, async (t) => {
      const c = await open(t, hub);
      assertError(await c.command('HUB', 'READ', ...words), /^[A-Z]+ \S/);
      assert.equal(await c.command('PING'), 'PONG');
    });
  }
});

describe('losses', () => {
  const hub = suiteHub();

  test('XREAD tells what was trimmed instead of passing over it', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (let n = 0; n < 4; n++) ids.push(await xadd(c, 'l/trim', n));
    assert.equal(await c.command('HUB', 'TRIM', ids[1]), offsetOf(ids[1]));
    const reply = await c.command('XREAD', 'STREAMS', 'l/trim', ids[0]);
    const requested = ids[0];
    assertError(reply, new RegExp(`^GAP reason=trimmed requested=${requested} resumed=${ids[1]}$`));
    const [[, entries]] = await c.command('XREAD', 'STREAMS', 'l/trim', ids[1]);
    assert.deepEqual(idsOf(entries), ids.slice(2));
    const [[, kept]] = await c.command('XREAD', 'STREAMS', 'l/trim', '0-0');
    assert.deepEqual(idsOf(kept), ids.slice(2));
    assert.deepEqual(idsOf(await c.command('XRANGE', 'l/trim', '-', '+')), ids.slice(2));
    const topic = await json(c, 'HUB', 'TOPIC', 'l/trim');
    assert.equal(topic.first, ids[2]);
    assert.equal(topic.last, ids[3]);
    assert.equal(topic.messages, 2);
  });

  test('cursors of another epoch and ahead of the head', async (t) => {
    const c = await open(t, hub);
    const id = await xadd(c, 'l/epoch');
    const foreign = `1-${epochOf(id) === 7 ? 8 : 7}`;
    assertError(await c.command('XREAD', 'STREAMS', 'l/epoch', foreign), /^GAP reason=epoch /);
    assertError(await c.command('XRANGE', 'l/epoch', foreign, '+'), /^BADCURSOR /);
    assertError(await c.command('HUB', 'TRIM', foreign), /^BADCURSOR /);
    const ahead = moved(id, 1000);
    assertError(await c.command('XREAD', 'STREAMS', 'l/epoch', ahead), /^GAP reason=ahead /);
    assertError(await c.command('HUB', 'TRIM', ahead), /^BADCURSOR /);
    assert.deepEqual(await c.command('XRANGE', 'l/epoch', ahead, '+'), []);
    assert.deepEqual(idsOf(await c.command('XRANGE', 'l/epoch', id, ahead)), [id]);
    const read = await json(c, 'HUB', 'READ', foreign, 10, 0, 'l/epoch');
    assert.equal(read.gap.reason, 'epoch');
    assert.deepEqual(
      read.messages.map((m) => m.id),
      [id],
    );
  });

  test('a subscriber that falls behind a purge is told and let go', async (t) => {
    const c = await open(t, hub);
    const slow = connect(hub.socket);
    t.after(() => slow.destroy());
    slow.write(encode('SUBSCRIBE', 'l/slow'));
    const isSlow = ({ topics }) => topics.includes('l/slow');
    await eventually(async () => (await json(c, 'HUB', 'CLIENTS')).some(isSlow), 'SUBSCRIBE');
    const text = 'y'.repeat(256 * KIB);
    for (let n = 0; n < 40; n++) assert.equal(await c.command('PUBLISH', 'l/slow', text), 1);
    assert.ok((await json(c, 'HUB', 'CLIENTS')).find(isSlow).lag > 0);
    assert.equal(await c.command('HUB', 'PURGE', 'l/slow'), 40);
    const chunks = [];
    slow.on('data', (chunk) => chunks.push(chunk));
    await within(once(slow, 'end'), 'the subscriber to be let go');
    const received = `${Buffer.concat(chunks)}`;
    const message = ['*3\r\n$7', 'message', '$6', 'l/slow', `$${text.length}`, text].join('\r\n');
    const between = received.split(message);
    assert.ok(between.length > 1 && between.length < 41);
    const gap = /^\r\n-GAP reason=trimmed requested=\d+-\d+ resumed=\d+-\d+\r\n$/;
    assert.match(between.at(-1), gap);
  });

  test('a reply that would be too large names COUNT', async (t) => {
    const c = await open(t, hub);
    const text = 'z'.repeat(MIB);
    for (let n = 0; n < 80; n++) await xadd(c, 'l/large', text);
    for (const words of [
      ['XRANGE', 'l/large', '-', '+'],
      ['XREVRANGE', 'l/large', '+', '-'],
      ['XREAD', 'STREAMS', 'l/large', '0'],
    ]) {
      assertError(await c.command(...words), /^ERR .*COUNT/);
    }
    assert.equal((await c.command('XRANGE', 'l/large', '-', '+', 'COUNT', 3)).length, 3);
    assert.equal((await c.command('XREVRANGE', 'l/large', '+', '-', 'COUNT', 3)).length, 3);
  });
});

describe('subscriptions', () => {
  const hub = suiteHub({ set: { 'limits.subscriptions': 5 } });

  test('a message is sent once: as a message when its topic is subscribed to', async (t) => {
    const [c, s] = [await open(t, hub), await open(t, hub)];
    await s.command('SUBSCRIBE', 's/a');
    await s.command('PSUBSCRIBE', 's/+');
    await s.command('PSUBSCRIBE', '#');
    for (const topic of ['s/a', 's/b', 'other']) await publish(hub, topic, topic);
    assert.deepEqual(await s.reply(), ['message', 's/a', 's/a']);
    const [kind, pattern, topic] = await s.reply();
    assert.deepEqual([kind, topic], ['pmessage', 's/b']);
    assert.ok(['s/+', '#'].includes(pattern));
    assert.deepEqual(await s.reply(), ['pmessage', '#', 'other', 'other']);
    assert.equal(await c.command('PING'), 'PONG');
  });

  test('a topic can be subscribed to as a pattern', async (t) => {
    const s = await open(t, hub);
    assert.deepEqual(await s.command('PSUBSCRIBE', 's/plain'), ['psubscribe', 's/plain', 1]);
    await publish(hub, 's/plain', '1');
    assert.deepEqual(await s.reply(), ['pmessage', 's/plain', 's/plain', '1']);
    assert.deepEqual(await s.command('SUBSCRIBE', 's/plain'), ['subscribe', 's/plain', 2]);
    await publish(hub, 's/plain', '2');
    assert.deepEqual(await s.reply(), ['message', 's/plain', '2']);
    assert.deepEqual(await s.command('UNSUBSCRIBE', 's/plain'), ['unsubscribe', 's/plain', 1]);
    await publish(hub, 's/plain', '3');
    assert.deepEqual(await s.reply(), ['pmessage', 's/plain', 's/plain', '3']);
    assert.deepEqual(await s.command('PUNSUBSCRIBE'), ['punsubscribe', 's/plain', 0]);
    assert.equal(await s.command('PUBLISH', 's/plain', '4'), 0);
  });

  test('wildcards are for PSUBSCRIBE, and there is a limit', async (t) => {
    const s = await open(t, hub);
    assertError(await s.command('SUBSCRIBE', 's/#'), /^BADTOPIC .*PSUBSCRIBE/);
    assertError(await s.command('SUBSCRIBE', 'a', 'b', 'c', 'd', 'e', 'f'), /^LIMIT /);
    assert.equal(await s.command('PING'), 'PONG');
    await s.write(encode('SUBSCRIBE', 'a', 'b', 'c', 'd', 'e'));
    for (let n = 1; n <= 5; n++) assert.equal((await s.reply())[2], n);
    assert.deepEqual(await s.command('SUBSCRIBE', 'a'), ['subscribe', 'a', 5]);
    assertError(await s.command('PSUBSCRIBE', 'a'), /^LIMIT /);
  });

  test('reading takes as many topics as a subscription, and no more', async (t) => {
    const c = await open(t, hub);
    const until = await xadd(c, 's/read');
    const commands = {
      'HUB READ': (names) => ['HUB', 'READ', 'latest', 1, 0, ...names],
      'HUB EXPORT': (names) => ['HUB', 'EXPORT', 'earliest', until, 1, ...names],
      XREAD: (names) => ['XREAD', 'STREAMS', ...names, ...names.map(() => '$')],
    };
    for (const [name, words] of Object.entries(commands)) {
      const reply = await c.command(...words(['a', 'b', 'c', 'd', 'e']));
      assert.ok(!(reply instanceof RespError), `${name}: ${reply?.text}`);
      assertError(await c.command(...words(['a', 'b', 'c', 'd', 'e', 'f'])), /^LIMIT /);
    }
  });

  test('what comes behind a command for all workers is answered behind it', async (t) => {
    const c = await open(t, hub);
    const jobs = [['HUB', 'STATS'], ['HUB', 'CLIENTS'], ['HUB', 'TOPICS'], ['CLIENT', 'LIST']];
    await c.write(Buffer.concat(jobs.flatMap((words) => [encode(...words), encode('ECHO', words[1])])));
    for (const [, what] of jobs) {
      const reply = await c.reply();
      assert.match(reply, what === 'LIST' ? /^id=/ : /^[[{]/);
      assert.equal(await c.reply(), what);
    }
  });

  test('RESET ends subscribed mode', async (t) => {
    const s = await open(t, hub);
    await s.command('CLIENT', 'SETNAME', 'before');
    await s.command('SUBSCRIBE', 's/reset');
    assertError(await s.command('XLEN', 's/reset'), /^ERR Can't execute 'xlen'/);
    assert.equal(await s.command('RESET'), 'RESET');
    assert.equal(await s.command('CLIENT', 'GETNAME'), null);
    assert.equal(await s.command('PUBLISH', 's/reset', 'x'), 0);
  });

  test('messages and replies keep their order on one connection', async (t) => {
    const [c, s] = [await open(t, hub), await open(t, hub)];
    await s.command('SUBSCRIBE', 's/order');
    const rounds = 200;
    const pings = Buffer.concat(Array.from({ length: rounds }, (_, n) => encode('PING', n)));
    const sends = Array.from({ length: rounds }, (_, n) => encode('PUBLISH', 's/order', n));
    await Promise.all([s.write(pings), c.write(Buffer.concat(sends))]);
    const seen = { pong: [], message: [] };
    for (let n = 0; n < 2 * rounds; n++) {
      const reply = await s.reply();
      seen[reply[0]].push(Number(reply.at(-1)));
    }
    const numbers = Array.from({ length: rounds }, (_, n) => n);
    assert.deepEqual(seen, { pong: numbers, message: numbers });
  });
});

describe('administration over all workers', () => {
  const hub = suiteHub({ set: { 'hub.workers': 4 } });

  /**
   * Event streams on each worker: [{ raw, number }]. Over TCP the ports decide who gets one; of the
   * local socket the kernel might choose the same few for ever.
   */
  async function onAllWorkers(t, admin) {
    const streams = [];
    for (let n = 0; n < 80; n++) {
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      await raw.write('GET /t/a/all HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
      await raw.untilText('longwire.live');
      streams.push(raw);
    }
    const shown = await json(admin, 'HUB', 'CLIENTS');
    const found = streams.map((raw) => {
      const address = `127.0.0.1:${raw.localPort}`;
      return { raw, number: shown.find((client) => client.address === address).id };
    });
    assert.equal(new Set(found.map(({ number }) => number % 64)).size, 4, 'a worker has none');
    return found;
  }

  test('HUB CLIENTS and CLIENT LIST show the connections of each worker', async (t) => {
    const admin = await open(t, hub);
    const numbers = (await onAllWorkers(t, admin)).map(({ number }) => number);
    await admin.command('CLIENT', 'SETNAME', 'the-first');
    const number = await numberOf(admin);
    const shown = await json(admin, 'HUB', 'CLIENTS');
    const own = shown.find(({ id }) => id === number);
    assert.equal(own.name, 'the-first');
    assert.equal(own.transport, 'resp');
    assert.equal(own.address, 'unix');
    assert.deepEqual(own.topics, []);
    assert.equal(own.cursor, null);
    assert.equal(own.lag, 0);
    assert.ok(own.age_seconds >= 0);
    const lines = (await admin.command('CLIENT', 'LIST')).trim().split('\n');
    assert.equal(lines.length, shown.length);
    for (const one of [number, ...numbers]) {
      assert.ok(lines.some((line) => line.startsWith(`id=${one} `)), `${one} in CLIENT LIST`);
    }
    const info = await admin.command('CLIENT', 'INFO');
    assert.match(info, new RegExp(`^id=${number} .* name=the-first `));
  });

  test('HUB KICK and CLIENT KILL reach them all', async (t) => {
    const admin = await open(t, hub);
    for (const [n, { raw, number }] of (await onAllWorkers(t, admin)).entries()) {
      if (n % 2) assert.equal(await admin.command('HUB', 'KICK', number), 'OK');
      else assert.equal(await admin.command('CLIENT', 'KILL', 'ID', number), 1);
      await raw.untilClosed();
      assertError(await admin.command('HUB', 'KICK', number), /^NOTFOUND /);
    }
    assertError(await admin.command('HUB', 'KICK', '63'), /^NOTFOUND /);
    assertError(await admin.command('HUB', 'KICK', 'x'), /^ERR /);
    assertError(await admin.command('CLIENT', 'KILL', '127.0.0.1:1'), /^ERR No such client/);
    assertError(await admin.command('CLIENT', 'KILL', 'unix'), /^ERR No such client/);
    assert.equal(await admin.command('HUB', 'KICK', await numberOf(admin)), 'OK');
    await admin.raw.untilClosed();
  });

  test('a kicked publisher is answered for what was taken, and a waiting reader too', async (t) => {
    const [admin, publisher, reader] = [await open(t, hub), await open(t, hub), await open(t, hub)];
    const [publishes, reads] = [await numberOf(publisher), await numberOf(reader)];
    await reader.write(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'a/kick', '$'));
    await untilSubscribed(admin, reads);
    assert.equal(await admin.command('HUB', 'KICK', reads), 'OK');
    assert.equal(await reader.reply(), null);
    await reader.raw.untilClosed();
    const sends = Array.from({ length: 3000 }, (_, n) => encode('PUBLISH', 'a/kick', n));
    await publisher.write(Buffer.concat(sends));
    assert.equal(await publisher.reply(), 0);
    await admin.command('HUB', 'KICK', publishes);
    await publisher.raw.untilClosed();
    const answers = `${publisher.raw.received}`.split('\r\n').filter((line) => line === ':0');
    assert.equal((await history(hub, 'a/kick')).length, answers.length);
  });

  test('HUB STATS adds the workers up', async (t) => {
    const admin = await open(t, hub);
    const streams = await onAllWorkers(t, admin);
    const before = await json(admin, 'HUB', 'STATS');
    for (let n = 0; n < 80; n++) await publish(hub, 'a/stats', 'x');
    await admin.command('PUBLISH', 'a/stats', 'x');
    const after = await json(admin, 'HUB', 'STATS');
    assert.equal(after.published - before.published, 81);
    assert.equal(after.counters.publishes - before.counters.publishes, 81);
    assert.equal(after.workers, 4);
    assert.ok(after.connections.sse >= streams.length);
    assert.ok(after.connections.resp >= 1);
    assert.ok(after.log_bytes > 0);
    assert.equal(after.epoch, epochOf(after.head));
    const info = await admin.command('INFO', 'clients');
    assert.match(info, /^# Clients\r\n/);
    assert.ok(Number(/connected_sse:(\d+)/.exec(info)[1]) >= streams.length);
  });

  test('HUB TOPICS: all, or those that match', async (t) => {
    const c = await open(t, hub);
    const names = Array.from({ length: 600 }, (_, n) => `t/${n % 3}/${n}`);
    await c.write(Buffer.concat(names.map((name) => encode('PUBLISH', name, 'abc'))));
    for (const _ of names) await c.reply();
    const some = await json(c, 'HUB', 'TOPICS', 't/1/#');
    const found = some.map(({ topic }) => topic).sort();
    assert.deepEqual(found, names.filter((name) => name.startsWith('t/1/')).sort());
    for (const topic of some) {
      assert.equal(topic.messages, 1);
      assert.equal(topic.bytes, 3);
      assert.equal(topic.first, topic.last);
      assert.deepEqual(topic.subscribers, { sse: 0, ws: 0, poll: 0, resp: 0 });
    }
    const all = await json(c, 'HUB', 'TOPICS');
    for (const name of names) assert.ok(all.some(({ topic }) => topic === name));
    assertError(await c.command('HUB', 'TOPICS', 'a/#/b'), /^BADTOPIC /);
    assertError(await c.command('HUB', 'TOPIC', 't/+'), /^BADTOPIC /);
    assertError(await c.command('HUB', 'PURGE', 't/none'), /^NOTFOUND /);
  });

  test('HUB VERIFY reads all records', async (t) => {
    const c = await open(t, hub);
    await xadd(c, 'a/verify');
    const { messages, topics } = await json(c, 'HUB', 'STATS');
    const { damage, ...verified } = await json(c, 'HUB', 'VERIFY');
    assert.deepEqual(verified, {
      ...{ records: messages, damaged: 0, topics, blocks: 0, groups: 0, unsettled: 0, places: [] },
    });
    assert.deepEqual(Object.values(damage), Array(15).fill(0));
  });

  test('every subcommand is in the help of its command', async (t) => {
    const c = await open(t, hub);
    for (const command of ['HUB', 'CLIENT', 'COMMAND', 'CONFIG']) {
      const lines = await c.command(command, 'HELP');
      assert.ok(lines.some((line) => line.startsWith('HELP')));
      assert.equal(lines.length % 2, 0);
    }
    const count = await c.command('COMMAND', 'COUNT');
    assert.equal((await c.command('COMMAND', 'LIST')).length, count);
    assert.equal((await c.command('COMMAND')).length, count);
    assert.equal((await c.command('COMMAND', 'DOCS')).length, 2 * count);
    const [xaddInfo, none] = await c.command('COMMAND', 'INFO', 'XADD', 'nonsense');
    assert.equal(xaddInfo[0], 'xadd');
    assert.equal(xaddInfo[1], -5);
    assert.equal(none, null);
  });
});

describe('a stopping hub', () => {
  test('answers the publishes under way and those who wait, then closes', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 2 } });
    const [publisher, reader, subscriber, polled] = [
      await open(t, hub),
      await open(t, hub),
      await open(t, hub),
      await open(t, hub),
    ];
    await subscriber.command('SUBSCRIBE', 'e/sub');
    await reader.write(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'e/read', '$'));
    await polled.write(encode('HUB', 'READ', 'latest', 1, 60_000, 'e/poll'));
    await eventually(async () => {
      const topics = (await json(publisher, 'HUB', 'CLIENTS')).flatMap((c) => c.topics);
      return topics.length === 3;
    }, 'three to wait');
    const sends = Array.from({ length: 2000 }, (_, n) => encode('PUBLISH', 'e/pub', n));
    await publisher.write(Buffer.concat(sends));
    assert.equal(await publisher.reply(), 0);
    const stopped = hub.stop();
    assert.equal(await reader.reply(), null);
    assert.deepEqual(JSON.parse(await polled.reply()).messages, []);
    await Promise.all([reader, polled, subscriber, publisher].map((c) => c.raw.untilClosed()));
    const lines = `${publisher.raw.received}`.split('\r\n');
    const answers = lines.filter((line) => line === ':0').length;
    await stopped;
    await hub.start();
    assert.equal((await history(hub, 'e/pub')).length, answers);
  });
});
