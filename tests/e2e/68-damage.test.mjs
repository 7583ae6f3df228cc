// A record that the disk has changed (one bit is enough) is a gap of its own, told in its place on
// every transport; what is before and behind it is delivered.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { get, poll, subscribePath } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, encode } from './lib/resp.mjs';
import { follow, transportsFor } from './lib/transports.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const COUNT = 2500; // of each of two topics in turn: a closed block and the open one
const DAMAGED = [17, 18, 1000, 2490]; // numbers of messages of the first

/** Flips a bit in every copy of TEXT in the file. */
function scribble(path, text) {
  const data = readFileSync(path);
  const fd = openSync(path, 'r+');
  let found = 0;
  for (let at = data.indexOf(text); at >= 0; at = data.indexOf(text, at + 1), found++) {
    writeSync(fd, Buffer.from([data[at] ^ 1]), 0, 1, at);
  }
  closeSync(fd);
  assert.ok(found, `${text} is not in the log`);
}

describe('damaged records', () => {
  const hub = suiteHub({ set: { 'hub.workers': '1' } });
  const ids = { a: [], b: [] };
  let start; // a cursor before all
  const cursor = (n) => ids.a[n];
  const follows = (n) => `${offsetOf(ids.a[n]) - 1}-${ids.a[n].split('-')[1]}`;
  /** The gaps that a reader of topic a is told. Between 17 and 18 nothing is left for it. */
  const gaps = () => [
    { reason: 'damaged', requested: follows(17), resumed: follows(19) },
    { reason: 'damaged', requested: follows(1000), resumed: follows(1001) },
    { reason: 'damaged', requested: follows(2490), resumed: follows(2491) },
  ];
  const sound = (n) => !DAMAGED.includes(n);

  before(async () => {
    const client = await RespClient.open(hub);
    start = await client.command('XADD', 'other', '*', 'data', 'x');
    for (let n = 0; n < COUNT; ) {
      const some = [];
      for (; some.length < 500; n++) {
        some.push(encode('XADD', 'd/a', '*', 'data', `message a ${n}.`));
        some.push(encode('XADD', 'd/b', '*', 'data', `message b ${n}.`));
      }
      await client.write(Buffer.concat(some));
      for (let i = 0; i < some.length; i++) ids['ab'[i % 2]].push(await client.reply());
    }
    client.close();
    await hub.stop();
    for (const n of DAMAGED) scribble(join(hub.dataDir, 'data.mdb'), `message a ${n}.`);
    await hub.start();
  });

  /** Everything until it is live: ids of messages, and gaps, in order. */
  async function replay(transport, topics, after) {
    const all = [];
    let stop;
    const live = new Promise((resolve) => {
      stop = follow(transport, hub, topics, after, (happening) => {
        if (happening.kind === 'message') all.push(happening.id);
        if (happening.kind === 'gap') {
          const { requested, resumed, reason } = happening;
          all.push({ reason, requested, resumed });
        }
        if (['live', 'end'].includes(happening.kind)) resolve();
      });
    });
    await within(live, 'to be live');
    stop();
    return all;
  }

  for (const transport of transportsFor(['d/a'])) {
    test(`are told in their place: ${transport}`, async () => {
      for (const after of [start, `-${COUNT - 1}`]) {
        const all = await replay(transport, ['d/a'], after);
        const first = after === `-${COUNT - 1}` ? 1 : 0;
        const expected = ids.a.flatMap((id, n) => {
          if (n < first) return [];
          const gap = gaps().find(({ requested }) => requested === ids.b[n]);
          return [...(sound(n) ? [id] : []), ...(gap ? [gap] : [])];
        });
        assert.deepEqual(all, expected, `after ${after}`);
      }
    });

    test(`and to those that they may have been for: ${transport}`, async () => {
      const all = await replay(transport, ['d/b'], start);
      const messages = all.filter((one) => typeof one === 'string');
      assert.deepEqual(messages, ids.b);
      // Of the closed blocks it is known that they were not for d/b; of the open one it is not.
      assert.deepEqual(
        all.filter((one) => typeof one !== 'string'),
        [{ reason: 'damaged', requested: ids.b[2489], resumed: cursor(2490) }],
      );
    });
  }

  test('are told when they are the first that is asked for', async () => {
    const { gap, messages } = await poll(hub, 'd/a', { after: cursor(16), wait: 0, limit: 1 });
    assert.deepEqual(gap, gaps()[0]);
    assert.deepEqual(messages.map(({ id }) => id), [cursor(19)]);
    assert.equal((await poll(hub, 'd/a', { after: '-11', wait: 0 })).gap, undefined);
    const last = await poll(hub, 'd/a', { after: '-10', wait: 0 });
    assert.equal(last.gap.reason, 'damaged'); // it is the oldest of the last ten
    assert.equal(last.messages.length, 9);
  });

  test('end what has no place for a gap', async () => {
    const raw = new WsClient(hub, subscribePath('d/a', { after: cursor(15), format: 'raw' }), {
      raw: true,
    });
    assert.equal(`${(await raw.frames.next()).data}`, 'message a 16.');
    assert.deepEqual(await within(raw.closed, 'the end'), { code: 4410, reason: 'damaged' });
    const path = subscribePath('d/a', { after: cursor(16), format: 'raw', wait: 0 });
    const reply = await get(hub, path);
    assert.equal(reply.status, 409);
    assert.equal(reply.headers['longwire-gap'], 'damaged');
    assert.equal(reply.headers['longwire-cursor'], gaps()[0].resumed);
    const subscriber = await RespClient.open(hub);
    assert.equal((await subscriber.command('XREAD', 'STREAMS', 'd/a', cursor(15)))[0][1].length, 1);
    subscriber.close();
  });

  test('are errors of XREAD and XRANGE, never a shorter answer', async () => {
    const client = await RespClient.open(hub);
    const [first] = gaps();
    const error = new RespError(
      `GAP reason=damaged requested=${first.requested} resumed=${first.resumed}`,
    );
    assert.deepEqual(await client.command('XREAD', 'STREAMS', 'd/a', cursor(16)), error);
    const next = await client.command('XREAD', 'COUNT', 1, 'STREAMS', 'd/a', first.resumed);
    assert.equal(next[0][1][0][0], cursor(19));
    assert.match((await client.command('XRANGE', 'd/a', '-', '+')).text, /reason=damaged/);
    assert.match((await client.command('XREVRANGE', 'd/a', '+', '-')).text, /reason=damaged/);
    assert.equal((await client.command('XRANGE', 'd/a', '-', first.requested)).length, 17);
    assert.equal((await client.command('XRANGE', 'd/a', '-', '+', 'COUNT', 17)).length, 17);
    assert.equal((await client.command('XREVRANGE', 'd/a', '+', '-', 'COUNT', 9)).length, 9);
    const last = await client.command('XREVRANGE', 'd/a', '+', '-', 'COUNT', 10);
    assert.match(last.text, new RegExp(`resumed=${cursor(2490)}$`));
    const page = JSON.parse(await client.command('HUB', 'READ', cursor(16), 1, 0, 'd/a'));
    assert.deepEqual(page.gap, first);
    client.close();
  });

  test('are told by an export, whose exit status says that something is missing', async () => {
    const { code, stdout, stderr } = await longwirectl(hub, ['export', 'd/a']);
    assert.equal(code, 5);
    assert.match(stderr, /gap \(damaged\)/);
    assert.equal(stdout.split('\n').filter((line) => line.includes('"id"')).length, COUNT - 4);
  });

  test('are counted, and the log has one line of each', async () => {
    const metrics = (await get(hub, '/metrics')).body.toString();
    assert.match(metrics, /^longwire_log_damaged 4$/m);
    assert.match(metrics, /^longwire_gaps_damaged_total [1-9]/m);
    const client = await RespClient.open(hub);
    assert.equal(JSON.parse(await client.command('HUB', 'STATS')).log_damaged, 4);
    client.close();
    const lines = hub.stderr().split('\n').filter((line) => line.includes('damaged'));
    assert.equal(lines.length, 4, lines.join('\n'));
    for (const n of DAMAGED) {
      const own = lines.filter((line) => line.includes(`offset ${offsetOf(cursor(n))})`));
      assert.equal(own.length, 1, lines.join('\n'));
    }
  });

  test('go with the topic when that is purged', async () => {
    const { code } = await longwirectl(hub, ['purge', '--yes', 'd/a']);
    assert.equal(code, 0);
    const client = await RespClient.open(hub);
    // The one of the open block may be another topic's, and stays until the log is trimmed; but
    // it is counted for none of which nothing else is left.
    const left = async () => (await client.command('XLEN', 'd/a')) === 0;
    await eventually(left, 'the purge to be finished');
    const [late] = (await replay('ws', ['d/a'], cursor(100))).filter((one) => one.reason);
    assert.equal(late.reason, 'trimmed');
    client.close();
  });
});
