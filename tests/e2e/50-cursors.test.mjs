// Where a subscription starts, on every transport: cursors, earliest, latest, -N, times, and what
// is told when a cursor cannot be kept.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

import { epochOf, moved, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, publish, publishBatch } from './lib/http.mjs';
import { longwirectl, run, startHub, suiteHub } from './lib/hub.mjs';
import { TRANSPORTS, follow } from './lib/transports.mjs';
import { Inbox } from './lib/wait.mjs';

/** Subscribes and returns what comes until it is live: { gap, data, cursor }. */
async function replayed(t, transport, hub, topics, after) {
  const happenings = new Inbox();
  const stop = follow(transport, hub, topics, after, (happening) => happenings.push(happening));
  t.after(stop);
  const got = { gap: null, data: [], ids: [] };
  for (;;) {
    const happening = await happenings.next(`${transport} to be live`);
    assert.notEqual(happening.kind, 'end', happening.why);
    if (happening.kind === 'gap') {
      assert.equal(got.data.length, 0, 'a gap stands before its messages');
      got.gap = happening;
    } else if (happening.kind === 'message') {
      got.data.push(happening.data);
      got.ids.push(happening.id);
    } else if (happening.kind === 'live') {
      stop();
      return { ...got, cursor: happening.cursor };
    }
  }
}

for (const transport of Object.keys(TRANSPORTS)) {
  describe(`after on ${transport}`, () => {
    const hub = suiteHub();
    let ids;

    /** Messages 0..9 in c/x, with others between them, once. */
    async function filled() {
      if (ids) return ids;
      const lines = Array.from({ length: 20 }, (_, n) => ({
        topic: n % 2 ? 'c/between' : 'c/x',
        data: n % 2 ? 'other' : n / 2,
      }));
      ids = (await publishBatch(hub, lines)).filter((_, n) => n % 2 === 0);
      return ids;
    }

    const from = (t, after, topics = 'c/x') => replayed(t, transport, hub, topics, after);
    const numbers = (first, last = 9) =>
      Array.from({ length: last - first + 1 }, (_, n) => first + n);

    test('a cursor: what comes after it', async (t) => {
      const all = await filled();
      const got = await from(t, all[3]);
      assert.deepEqual(got.data, numbers(4));
      assert.equal(got.gap, null);
      assert.deepEqual(got.ids, all.slice(4));
    });

    test('a cursor between two messages of the topic', async (t) => {
      const all = await filled();
      assert.deepEqual((await from(t, moved(all[3], 1))).data, numbers(4));
      assert.deepEqual((await from(t, moved(all[3], -1))).data, numbers(3));
    });

    test('a bare offset means this log', async (t) => {
      const all = await filled();
      assert.deepEqual((await from(t, `${offsetOf(all[6])}`)).data, numbers(7));
      assert.deepEqual((await from(t, '0')).data, numbers(0));
    });

    test('offset 0 of this epoch is the beginning', async (t) => {
      const all = await filled();
      const got = await from(t, `0-${epochOf(all[0])}`);
      assert.deepEqual(got.data, numbers(0));
      assert.equal(got.gap, null);
    });

    test('the head: nothing, and no gap', async (t) => {
      await filled();
      const { cursor } = await from(t, 'latest');
      const got = await from(t, cursor);
      assert.deepEqual(got.data, []);
      assert.equal(got.gap, null);
      assert.equal(got.cursor, cursor);
    });

    test('earliest and latest', async (t) => {
      await filled();
      assert.deepEqual((await from(t, 'earliest')).data, numbers(0));
      assert.deepEqual((await from(t, 'latest')).data, []);
    });

    test('-N: the last N of the topic set', async (t) => {
      await filled();
      assert.deepEqual((await from(t, '-1')).data, [9]);
      assert.deepEqual((await from(t, '-4')).data, numbers(6));
      assert.deepEqual((await from(t, '-10')).data, numbers(0));
      assert.deepEqual((await from(t, '-5000')).data, numbers(0));
      assert.deepEqual((await from(t, '-3', ['c/x', 'c/between'])).data, ['other', 9, 'other']);
      assert.deepEqual((await from(t, '-3', 'c/+')).data, ['other', 9, 'other']);
      assert.deepEqual((await from(t, '-3', 'c/nothing')).data, []);
    });

    test('a time: what was accepted at or after it', async (t) => {
      await filled();
      assert.deepEqual((await from(t, '2001-02-03T04:05:06Z')).data, numbers(0));
      assert.deepEqual((await from(t, '2001-02-03T04:05:06.5+02:00')).data, numbers(0));
      const future = new Date(Date.now() + 3_600_000).toISOString();
      assert.deepEqual((await from(t, future)).data, []);
    });

    test('a cursor of an unknown epoch: a gap, then everything', async (t) => {
      const all = await filled();
      const requested = `${offsetOf(all[5])}-1`;
      const got = await from(t, requested);
      assert.equal(got.gap.reason, 'epoch');
      assert.equal(got.gap.requested, requested);
      assert.deepEqual(got.data, numbers(0));
    });

    test('a cursor ahead of the head: a gap, then what is new', async (t) => {
      const all = await filled();
      const got = await from(t, moved(all[9], 1_000_000));
      assert.equal(got.gap.reason, 'ahead');
      assert.deepEqual(got.data, []);
      assert.equal(offsetOf(got.gap.resumed), offsetOf(all[9]) + 1);
    });

    test('the largest offset there is', async (t) => {
      const all = await filled();
      const got = await from(t, `18446744073709551615-${epochOf(all[0])}`);
      assert.equal(got.gap.reason, 'ahead');
    });

    test('a purged topic: a gap where something is missing, none elsewhere', async (t) => {
      const [first, second] = await publishBatch(hub, [
        { topic: 'c/purged', data: 1 },
        { topic: 'c/purged', data: 2 },
        { topic: 'c/kept', data: 3 },
      ]);
      assert.equal((await longwirectl(hub, ['purge', '--yes', 'c/purged'])).code, 0);
      const id = await publish(hub, 'c/purged', 'new');
      const got = await from(t, first, 'c/purged');
      assert.equal(got.gap?.reason, 'trimmed');
      assert.equal(got.gap.requested, first);
      assert.deepEqual(got.ids, [id]);
      assert.equal((await from(t, second, 'c/purged')).gap, null);
      assert.equal((await from(t, first, 'c/kept')).gap, null);
      const fresh = await from(t, 'earliest', 'c/purged');
      assert.equal(fresh.gap, null);
      assert.deepEqual(fresh.ids, [id]);
    });
  });
}

describe('cursors that are none', () => {
  const hub = suiteHub();
  const bad = [
    '',
    'x',
    '-',
    '-0',
    '-x',
    '1-',
    '1-2-3',
    '01-2',
    '1-02',
    '+1-2',
    '1 -2',
    '1-4294967296',
    '18446744073709551616-1',
    'Earliest',
    '2024-13-01T00:00:00Z',
    '2024-01-01',
    '2024-01-01 00:00:00',
    '１-２',
    '1-2\u0000',
  ];
  for (const after of bad) {
    test(`refuses ${JSON.stringify(after)} with 400`, async () => {
      const query = new URLSearchParams({ after });
      assertProblem(await get(hub, `/t/c?${query}`), 400);
      const headers = { Accept: 'text/event-stream' };
      assertProblem(await get(hub, `/t/c?${query}`, { headers }), 400);
    });
  }
});

describe('epochs', () => {
  test('a clean stop keeps the epoch', async (t) => {
    const hub = await startHub(t, { set: { 'log.sync': 'never' } });
    const before = await publish(hub, 'e/clean', '1');
    await hub.restart();
    const after = await publish(hub, 'e/clean', '2');
    assert.equal(epochOf(after), epochOf(before));
    assert.equal(offsetOf(after), offsetOf(before) + 1);
  });

  test('a crash with sync=always keeps the epoch', async (t) => {
    const hub = await startHub(t);
    const before = await publish(hub, 'e/always', '1');
    await hub.kill9();
    await hub.restart();
    const after = await publish(hub, 'e/always', '2');
    assert.equal(epochOf(after), epochOf(before));
    assert.equal(offsetOf(after), offsetOf(before) + 1);
  });

  test('a crash of the process alone loses nothing, and keeps it', async (t) => {
    const hub = await startHub(t, { set: { 'log.sync': 'never' } });
    const before = await publish(hub, 'e/process', '1');
    await hub.kill9();
    await hub.restart();
    const after = await publish(hub, 'e/process', '2');
    assert.equal(epochOf(after), epochOf(before));
    assert.equal(offsetOf(after), offsetOf(before) + 1);
  });

  for (const transport of Object.keys(TRANSPORTS)) {
    test(`a crash of the machine: certain cursors live on (${transport})`, async (t) => {
      const machine = fakeMachine(t);
      if (!(await machine.works())) {
        t.skip('this needs mount namespaces');
        return;
      }
      const hub = await startHub(t, { set: { 'log.sync': 'never' }, prefix: machine.prefix });
      const first = await publish(hub, 'e/never', 'first');
      await publish(hub, 'e/never', 'second');
      await hub.restart();
      await publish(hub, 'e/never', 'third');
      await hub.kill9();
      machine.boot();
      await hub.restart();
      const last = await publish(hub, 'e/never', 'fourth');
      assert.notEqual(epochOf(last), epochOf(first));
      const certain = await replayed(t, transport, hub, 'e/never', first);
      assert.equal(certain.gap, null);
      assert.equal(certain.data[0], 'second');
      assert.equal(certain.data.at(-1), 'fourth');
      const doubtful = await replayed(t, transport, hub, 'e/never', moved(first, 5000));
      assert.equal(doubtful.gap.reason, 'epoch');
      assert.equal(doubtful.data.at(-1), 'fourth');
    });
  }
});

/** Words that start a daemon on a machine whose boot id changes with boot(). */
function fakeMachine(t) {
  const file = join(mkdtempSync(join(tmpdir(), 'longwire-boot-')), 'boot_id');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  const flags = process.getuid() === 0 ? '-m' : '-rm';
  const prefix = ['unshare', flags, 'sh', '-c', script, file];
  const boot = () => writeFileSync(file, `${randomUUID()}\n`);
  boot();
  return {
    prefix,
    boot,
    works: async () => (await run(prefix[0], [...prefix.slice(1), 'true'])).code === 0,
  };
}
