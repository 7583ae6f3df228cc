// Transactions on the local socket: MULTI, EXEC and DISCARD.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { epochOf, offsetOf } from './lib/cursor.mjs';
import { history } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, RespPush, encode } from './lib/resp.mjs';
import { eventually, within } from './lib/wait.mjs';

const MIB = 1024 * 1024;

async function open(t, hub) {
  const client = await RespClient.open(hub);
  t.after(() => client.close());
  return client;
}

function assertError(reply, pattern) {
  assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}

const ABORTED = /^EXECABORT Transaction discarded because of previous errors\.$/;

/** Sends MULTI, the commands and EXEC in one write; returns all replies. */
async function transaction(c, ...commands) {
  const all = [['MULTI'], ...commands, ['EXEC']];
  await c.write(Buffer.concat(all.map((words) => encode(...words))));
  const replies = [];
  for (const _ of all) replies.push(await c.reply());
  return { begun: replies[0], queued: replies.slice(1, -1), exec: replies.at(-1) };
}

const count = async (hub, pattern) => (await history(hub, pattern)).length;
const stats = async (c) => JSON.parse(await c.command('HUB', 'STATS'));

describe('transactions', () => {
  const hub = suiteHub({ set: { 'hub.workers': 2, 'http.max_body_bytes': 2 * MIB } });

  test('what stands between MULTI and EXEC is answered QUEUED, and done by EXEC', async (t) => {
    const c = await open(t, hub);
    const { begun, queued, exec } = await transaction(
      c,
      ['PUBLISH', 'm/a', '1'],
      ['XADD', 'm/b', '*', 'data', '2', 'event', 'e'],
      ['PING'],
      ['ECHO', 'text'],
      ['XLEN', 'm/a'],
    );
    assert.equal(begun, 'OK');
    assert.deepEqual(queued, Array(5).fill('QUEUED'));
    assert.deepEqual(exec.slice(2), ['PONG', 'text', 1]);
    assert.equal(exec[0], 0);
    const [stored] = await history(hub, 'm/b');
    assert.deepEqual([stored.id, stored.event, stored.data], [exec[1], 'e', '2']);
    assert.equal(await c.command('PING'), 'PONG');
  });

  test('nothing is stored before EXEC, and nothing at all without it', async (t) => {
    const [c, other] = [await open(t, hub), await open(t, hub)];
    assert.equal(await c.command('MULTI'), 'OK');
    assert.equal(await c.command('PUBLISH', 'm/never', 'x'), 'QUEUED');
    assert.equal(await other.command('XLEN', 'm/never'), 0);
    c.close();
    const d = await open(t, hub);
    assert.equal(await d.command('MULTI'), 'OK');
    assert.equal(await d.command('PUBLISH', 'm/never', 'x'), 'QUEUED');
    assert.equal(await d.command('DISCARD'), 'OK');
    assertError(await d.command('EXEC'), /^ERR EXEC without MULTI$/);
    assert.equal(await d.command('MULTI'), 'OK');
    assert.equal(await d.command('PUBLISH', 'm/never', 'x'), 'QUEUED');
    assert.equal(await d.command('RESET'), 'RESET');
    assertError(await d.command('DISCARD'), /^ERR DISCARD without MULTI$/);
    const e = await open(t, hub);
    await e.write(Buffer.concat([['MULTI'], ['PUBLISH', 'm/never', 'x'], ['QUIT']].map((w) => encode(...w))));
    assert.deepEqual([await e.reply(), await e.reply(), await e.reply()], ['OK', 'QUEUED', 'OK']);
    await e.raw.untilClosed();
    assert.equal(await other.command('XLEN', 'm/never'), 0);
  });

  test('the publishes are one batch: next to each other in the log, in one commit', async (t) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => open(t, hub)));
    const rounds = 20;
    const size = 25;
    await Promise.all(
      clients.map(async (c, who) => {
        for (let n = 0; n < rounds; n++) {
          const commands = Array.from({ length: size }, (_, k) =>
            k % 2 ? ['PUBLISH', 'm/batch', `${who}.${n}`] : ['XADD', 'm/batch', '*', 'data', `${who}.${n}`],
          );
          const { exec } = await transaction(c, ...commands);
          assert.equal(exec.length, size);
          const ids = exec.filter((_, k) => k % 2 === 0).map(offsetOf);
          assert.ok(ids.every((id, k) => id === ids[0] + 2 * k), `${ids}`);
        }
      }),
    );
    const stored = await history(hub, 'm/batch');
    assert.equal(stored.length, 4 * rounds * size);
    for (let at = 0; at < stored.length; at += size) {
      const group = stored.slice(at, at + size).map(({ data }) => data);
      assert.deepEqual(new Set(group).size, 1, `${group}`);
    }
  });

  for (const [what, words, error] of [
    ['an unknown command', ['NONSENSE'], /^ERR unknown command/],
    ['a wrong number of words', ['PUBLISH', 'm/abort'], /^ERR wrong number of arguments/],
    ['a topic that is not valid', ['PUBLISH', 'm/#', 'x'], /^BADTOPIC /],
    ['an XADD that is not valid', ['XADD', 'm/abort', '*', 'colour', 'red'], /^ERR /],
    ['a payload beyond the limit', ['PUBLISH', 'm/abort', 'x'.repeat(MIB + 1)], /^TOOLARGE /],
    ['SUBSCRIBE', ['SUBSCRIBE', 'm/abort'], /^ERR 'subscribe' is not allowed inside a transaction/],
    ['HUB STATS', ['HUB', 'STATS'], /^ERR 'hub\|stats' is not allowed inside a transaction/],
    ['EXEC with words', ['EXEC', 'now'], /^ERR wrong number of arguments/],
  ]) {
    test(`${what} is answered at once, and EXEC does nothing`, async (t) => {
      const c = await open(t, hub);
      const before = await count(hub, 'm/abort');
      const { queued, exec } = await transaction(
        c,
        ['PUBLISH', 'm/abort', 'before'],
        words,
        ['PUBLISH', 'm/abort', 'after'],
      );
      assert.equal(queued[0], 'QUEUED');
      assertError(queued[1], error);
      assert.equal(queued[2], 'QUEUED');
      assertError(exec, ABORTED);
      assert.equal(await count(hub, 'm/abort'), before);
      const next = await transaction(c, ['PING']);
      assert.deepEqual(next.exec, ['PONG']);
    });
  }

  test('MULTI inside MULTI and WATCH are refused, and spoil nothing', async (t) => {
    const c = await open(t, hub);
    assertError(await c.command('WATCH', 'm/w'), /^ERR WATCH is not supported: XADD .* expect/);
    assert.equal(await c.command('UNWATCH'), 'OK');
    const { queued, exec } = await transaction(c, ['MULTI'], ['WATCH', 'm/w'], ['UNWATCH']);
    assertError(queued[0], /^ERR MULTI calls can not be nested$/);
    assertError(queued[1], /^ERR WATCH inside MULTI is not allowed$/);
    assert.equal(queued[2], 'QUEUED');
    assert.deepEqual(exec, ['OK']);
    assert.deepEqual((await transaction(c)).exec, []);
  });

  test('a condition that is not met takes all of it', async (t) => {
    const c = await open(t, hub);
    const id = await c.command('XADD', 'm/expect', '*', 'data', '0');
    const add = (...rest) => ['XADD', 'm/expect', '*', 'data', 'x', ...rest];
    const late = await transaction(c, add(), add('expect', id), ['XLEN', 'm/expect']);
    assertError(late.exec, new RegExp(`^CONFLICT \\d+-${epochOf(id)} .*\\(command 2 of the transaction\\)$`));
    assert.equal(await count(hub, 'm/expect'), 1);
    const met = await transaction(c, add('expect', id), add());
    assert.equal(met.exec.length, 2);
    assert.equal(await count(hub, 'm/expect'), 3);
  });

  test('a key that is known is stored once, and its id comes again', async (t) => {
    const c = await open(t, hub);
    const add = ['XADD', 'm/key', '*', 'data', 'x', 'key', 'k'];
    const first = await transaction(c, add, ['XADD', 'm/key', '*', 'data', 'y', 'key', 'l']);
    const again = await transaction(c, add, ['XADD', 'm/key', '*', 'data', 'y', 'key', 'l']);
    assert.deepEqual(again.exec, first.exec);
    assert.equal(await count(hub, 'm/key'), 2);
  });

  test('reads see the publishes of their transaction, and XREAD does not wait', async (t) => {
    const c = await open(t, hub);
    const { exec } = await transaction(
      c,
      ['XADD', 'm/read', '*', 'data', '1'],
      ['XRANGE', 'm/read', '-', '+'],
      ['XREAD', 'BLOCK', '0', 'STREAMS', 'm/read', '$'],
      ['XREVRANGE', 'm/read', '+', '-'],
      ['XRANGE', 'm/read', 'x', '+'],
      ['XADD', 'm/read', '*', 'data', '2'],
    );
    assert.deepEqual(exec[1].map(([id]) => id), [exec[0], exec[5]]);
    assert.equal(exec[2], null);
    assert.deepEqual(exec[3].map(([id]) => id), [exec[5], exec[0]]);
    assertError(exec[4], /^BADCURSOR /);
  });

  test('many reads in one transaction, with commands behind it', async (t) => {
    const c = await open(t, hub);
    await c.command('XADD', 'm/many', '*', 'data', 'x');
    const commands = Array.from({ length: 300 }, () => ['XRANGE', 'm/many', '-', '+']);
    const bytes = [['MULTI'], ...commands, ['EXEC'], ['PUBLISH', 'm/many', 'y'], ['XLEN', 'm/many']];
    await c.write(Buffer.concat(bytes.map((words) => encode(...words))));
    c.raw.halfClose();
    assert.equal(await c.reply(), 'OK');
    for (const _ of commands) assert.equal(await c.reply(), 'QUEUED');
    const exec = await c.reply();
    assert.equal(exec.length, 300);
    assert.ok(exec.every((entries) => entries.length === 1));
    assert.deepEqual([await c.reply(), await c.reply()], [0, 2]);
    await c.raw.untilClosed();
  });

  test('what EXEC runs is work that leaves others their turn', async (t) => {
    const c = await open(t, hub);
    await c.write(Buffer.concat([encode('MULTI'), ...Array(5000).fill(encode('XLEN', 'm/turns'))]));
    for (let n = 0; n < 5001; n++) await c.reply();
    const before = (await stats(await open(t, hub))).counters.yields;
    assert.equal((await c.command('EXEC')).length, 5000);
    const after = (await stats(await open(t, hub))).counters.yields;
    assert.ok(after - before >= 10, `${after - before} times`);
  });

  test('the replies of a transaction have a limit', async (t) => {
    const c = await open(t, hub);
    for (let n = 0; n < 40; n++) await c.command('XADD', 'm/large', '*', 'data', 'z'.repeat(MIB));
    const range = ['XRANGE', 'm/large', '-', '+'];
    const socket = connect(hub.socket);
    t.after(() => socket.destroy());
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const sent = [['MULTI'], range, range, range, ['EXEC']];
    socket.end(Buffer.concat(sent.map((words) => encode(...words))));
    await within(once(socket, 'close'), 'all replies');
    const received = Buffer.concat(chunks);
    const head = '+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n*40\r\n';
    assert.equal(received.toString('latin1', 0, head.length), head);
    assert.ok(received.length > 80 * MIB);
    assert.match(received.toString('latin1', received.length - 100), /\r\n-LIMIT .*64 MiB long\r\n$/);
  });

  test('commands and bytes of a transaction have limits, and nothing beyond is kept', async (t) => {
    const c = await open(t, hub);
    const filled = async (words, number) => {
      await c.write(Buffer.concat([encode('MULTI'), ...Array(number).fill(encode(...words))]));
      assert.equal(await c.reply(), 'OK');
      const replies = [];
      for (let n = 0; n < number; n++) replies.push(await c.reply());
      return replies;
    };
    const many = await filled(['PING'], 10_002);
    assert.equal(many.findIndex((reply) => reply !== 'QUEUED'), 10_000);
    assertError(many[10_000], /^LIMIT a transaction has at most 10000 commands$/);
    assert.equal(many[10_001], 'QUEUED');
    assert.match(await c.command('CLIENT', 'INFO'), /^QUEUED$/);
    assertError(await c.command('EXEC'), ABORTED);
    const large = await filled(['PUBLISH', 'm/limit', 'x'.repeat(MIB - 300)], 3);
    assert.deepEqual(large.slice(0, 2), ['QUEUED', 'QUEUED']);
    assertError(large[2], /^LIMIT .*http\.max_body_bytes/);
    assertError(await c.command('EXEC'), ABORTED);
    assert.equal(await c.command('XLEN', 'm/limit'), 0);
    const all = await filled(['PUBLISH', 'm/limit', 'x'], 10_000);
    assert.ok(all.every((reply) => reply === 'QUEUED'));
    assert.equal((await c.command('EXEC')).length, 10_000);
    assert.equal(await c.command('XLEN', 'm/limit'), 10_000);
  });

  test('publishes before MULTI are answered before it', async (t) => {
    const c = await open(t, hub);
    const sent = [['PUBLISH', 'm/order', '1'], ['MULTI'], ['XLEN', 'm/order'], ['EXEC'], ['XLEN', 'm/order']];
    await c.write(Buffer.concat(sent.map((words) => encode(...words))));
    const replies = [];
    for (const _ of sent) replies.push(await c.reply());
    assert.deepEqual(replies, [0, 'OK', 'QUEUED', [1], 1]);
  });

  test('a protocol error inside it leaves nothing behind', async (t) => {
    const c = await open(t, hub);
    await c.write(Buffer.concat([encode('MULTI'), encode('PUBLISH', 'm/broken', 'x'), Buffer.from('*1\r\n:1\r\n')]));
    assert.deepEqual([await c.reply(), await c.reply()], ['OK', 'QUEUED']);
    assertError(await c.reply(), /^ERR Protocol error/);
    await c.raw.untilClosed();
    assert.equal(await count(hub, 'm/broken'), 0);
  });

  test('CLIENT LIST shows it', async (t) => {
    const [c, other] = [await open(t, hub), await open(t, hub)];
    const id = await c.command('CLIENT', 'ID');
    const line = async () =>
      (await other.command('CLIENT', 'LIST')).split('\n').find((l) => l.startsWith(`id=${id} `));
    assert.match(await line(), / flags=N .* multi=-1 .* multi-mem=0 /);
    await c.command('MULTI');
    assert.match(await line(), / flags=x .* multi=0 /);
    await c.command('ECHO', 'x'.repeat(1000));
    assert.match(await line(), / multi=1 .* multi-mem=1[0-9]{3} /);
    await c.command('EXEC');
    assert.match(await line(), / multi=-1 .* multi-mem=0 .* cmd=exec /);
  });

  test('in RESP3, with messages coming in between', async (t) => {
    const c = await open(t, hub);
    await c.command('HELLO', '3');
    await c.write(encode('SUBSCRIBE', 'm/three'));
    assert.deepEqual(await c.reply(), new RespPush(['subscribe', 'm/three', 1]));
    const sent = [['MULTI'], ['PUBLISH', 'm/three', '1'], ['XREAD', 'STREAMS', 'm/three', '0'], ['EXEC'], ['PING']];
    await c.write(Buffer.concat(sent.map((words) => encode(...words))));
    const replies = [];
    const pushes = [];
    while (replies.length < 5 || pushes.length < 1) {
      const reply = await c.reply();
      (reply instanceof RespPush ? pushes : replies).push(reply);
    }
    assert.deepEqual(pushes, [new RespPush(['message', 'm/three', '1'])]);
    const [[id]] = replies[3][1].get('m/three');
    assert.deepEqual(replies, [
      'OK',
      'QUEUED',
      'QUEUED',
      [1, new Map([['m/three', [[id, ['data', '1']]]]])],
      'PONG',
    ]);
  });

  test('counts as one publish of many messages', async (t) => {
    const c = await open(t, hub);
    const before = await stats(c);
    await transaction(c, ...Array.from({ length: 7 }, (_, n) => ['PUBLISH', 'm/count', n]));
    const after = await stats(c);
    assert.equal(after.published - before.published, 7);
    assert.equal(after.counters.publishes - before.counters.publishes, 1);
    assert.equal(after.commits - before.commits, 1);
  });
});

describe('a transaction that the hub cannot store', () => {
  test('a single command may be as large as outside', async (t) => {
    const hub = await startHub(t, { set: { 'http.max_body_bytes': MIB } });
    const c = await open(t, hub);
    const large = ['PUBLISH', 'large', 'x'.repeat(MIB)];
    assert.deepEqual((await transaction(c, large)).exec, [0]);
    const { queued, exec } = await transaction(c, large, ['PING']);
    assertError(queued[1], /^LIMIT .*http\.max_body_bytes/);
    assertError(exec, ABORTED);
    assert.equal(await c.command('XLEN', 'large'), 1);
  });

  test('beyond hub.max_topics: EXEC fails, and nothing of it is there', async (t) => {
    const hub = await startHub(t, { set: { 'hub.max_topics': 2 } });
    const c = await open(t, hub);
    const { exec } = await transaction(
      c,
      ['PUBLISH', 'one', 'x'],
      ['PUBLISH', 'two', 'x'],
      ['PUBLISH', 'three', 'x'],
      ['PING'],
    );
    assertError(exec, /^LIMIT /);
    for (const topic of ['one', 'two', 'three']) assert.equal(await c.command('XLEN', topic), 0);
    assert.equal((await transaction(c, ['PUBLISH', 'one', 'x'])).exec[0], 0);
  });

  test('a stopping hub stores either all of it and says so, or nothing', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': 1 } });
    const clients = await Promise.all(Array.from({ length: 8 }, () => open(t, hub)));
    const commands = Array.from({ length: 50 }, (_, n) => encode('PUBLISH', 'stop', n));
    const one = Buffer.concat([encode('MULTI'), ...commands, encode('EXEC')]);
    for (const c of clients) await c.write(Buffer.concat(Array(40).fill(one)));
    const left = await open(t, hub);
    await left.command('MULTI');
    await left.command('PUBLISH', 'stop', 'never');
    await eventually(() => clients[0].raw.received.includes('*50'), 'the first EXEC');
    const stopped = hub.stop();
    await Promise.all([...clients, left].map((c) => c.raw.untilClosed()));
    await stopped;
    const answered = clients.map((c) => `${c.raw.received}`.split('*50\r\n').length - 1);
    await hub.start();
    const stored = await history(hub, 'stop');
    assert.equal(stored.length, 50 * answered.reduce((a, b) => a + b, 0));
    assert.ok(!stored.some(({ data }) => data === 'never'));
  });
});
