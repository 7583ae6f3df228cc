// longwirectl against the real hub: every document it shows, places, gaps, restarts, large amounts.
// (65 has the everyday uses, tests/cli what a real hub cannot be made to answer.)
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { start, startOnTerminal } from '../cli/lib/ctl.mjs';
import { moved, offsetOf } from './lib/cursor.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const lines = (text) => text.split('\n').filter(Boolean);
const CURSOR = /^\d+-\d+$/;

/** Runs a command that must succeed; returns its standard output. */
async function ctl(hub, args, options) {
  const { code, stdout, stderr } = await longwirectl(hub, args, options);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

const document = async (hub, args) => JSON.parse(await ctl(hub, ['--json', ...args]));
const messages = async (hub, args) =>
  lines(await ctl(hub, ['--json', ...args])).map((line) => JSON.parse(line));
const publish = async (hub, topic, data) => (await ctl(hub, ['publish', topic, '--', data])).trim();

/** Publishes many; returns their ids. */
const publishAll = async (hub, topic, list) =>
  lines(await ctl(hub, ['publish', '--lines', topic], { input: `${list.join('\n')}\n` }));

const count = (n, text = 'm') => Array.from({ length: n }, (_, i) => `${text}${i}`);

const assertNumbers = (object, names) => {
  for (const name of names) assert.equal(typeof object[name], 'number', name);
};

describe('the documents of the hub', () => {
  const hub = suiteHub();

  test('topics and topic', async (t) => {
    const ids = await publishAll(hub, 'doc/topic/a', ['one', 'three']);
    const ws = await (await WsClient.open(hub, 'doc/topic/a')).live();
    const sse = await SseStream.open(hub, ['doc/topic/a']);
    t.after(() => ws.terminate());
    t.after(() => sse.close());
    const topic = await eventually(async () => {
      const one = await document(hub, ['topic', 'doc/topic/a']);
      return one.subscribers.ws && one.subscribers.sse && one;
    }, 'both subscribers to be counted');
    assert.equal(topic.topic, 'doc/topic/a');
    assert.deepEqual([topic.messages, topic.bytes], [2, 8]);
    assert.deepEqual([topic.first, topic.last], ids);
    assert.equal(topic.durability, 'disk');
    assert.deepEqual(topic.subscribers, { sse: 1, ws: 1, poll: 0, resp: 0 });
    assert.equal(typeof topic.rate, 'number');
    const list = await document(hub, ['topics', 'doc/topic/+']);
    assert.deepEqual(
      list.map((one) => one.topic),
      ['doc/topic/a'],
    );
    assert.deepEqual(Object.keys(list[0]).sort(), Object.keys(topic).sort());
    const row = lines(await ctl(hub, ['topics', 'doc/topic/#']))[1].split(/ +/);
    assert.deepEqual(row.slice(0, 5), ['doc/topic/a', '2', '8', ...ids]);
    assert.deepEqual(row.slice(6), ['1', '1', '0', '0']);
  });

  /** Publishes to `topic` for as long as `work` takes: rates are those of the last seconds. */
  async function whilePublishing(topic, work) {
    let over = false;
    const publishing = (async () => {
      while (!over) await publishAll(hub, topic, count(500));
    })();
    await work().finally(() => (over = true));
    await publishing;
  }

  test('a topic that is being published to has a rate', async () => {
    const rate = async () => (await document(hub, ['topic', 'doc/rate'])).rate;
    await whilePublishing('doc/rate', () => eventually(async () => (await rate()) > 0, 'a rate'));
  });

  test('stats has what stats and top show', async () => {
    const id = await publish(hub, 'doc/stats', 'x');
    const stats = await document(hub, ['stats']);
    assert.match(stats.version, /^\d+\.\d+/);
    assert.match(stats.head, CURSOR);
    assert.ok(offsetOf(stats.head) >= offsetOf(id));
    assert.equal(String(stats.epoch), id.split('-')[1]);
    assertNumbers(stats, ['uptime_seconds', 'topics', 'messages', 'bytes', 'log_bytes', 'workers']);
    assertNumbers(stats.connections, ['sse', 'ws', 'poll', 'resp', 'http', 'h2']);
    assertNumbers(stats.counters, ['publishes', 'deliveries']);
    assert.ok(stats.counters.publishes > 0);
    const text = await ctl(hub, ['stats']);
    assert.match(text, new RegExp(`^head +\\d+-${stats.epoch}$`, 'm'));
    assert.match(text, /^publishes +\d+$/m);
  });

  test('clients has every connection', async (t) => {
    const ws = await (await WsClient.open(hub, ['doc/clients/a', 'doc/clients/#'])).live();
    t.after(() => ws.terminate());
    const mine = ({ topics }) => topics.includes('doc/clients/#');
    const client = await eventually(
      async () => (await document(hub, ['clients'])).find(mine),
      'the client',
    );
    assert.deepEqual([client.transport, client.lag], ['ws', 0]);
    assert.match(client.address, /^127\.0\.0\.1:\d+$/);
    assert.match(client.cursor, CURSOR);
    assertNumbers(client, ['id', 'age_seconds', 'held_bytes']);
    assert.match(await ctl(hub, ['clients']), new RegExp(`^ *${client.id}  ws  .*doc/clients/`, 'm'));
  });

  test('a tail is a client too; kicked, it comes back and goes on', async (t) => {
    const tail = start(hub, ['tail', '-f', '-n', '0', 'doc/kick/#']);
    t.after(() => tail.child.kill());
    const find = async () =>
      (await document(hub, ['clients'])).find(({ topics }) => topics.includes('doc/kick/#'));
    const client = await eventually(find, 'the tail among the clients');
    assert.equal(client.address, 'unix');
    await ctl(hub, ['kick', String(client.id)]);
    await tail.until(/connected again/, 'stderr');
    await publish(hub, 'doc/kick/a', 'behind');
    await tail.until(/behind/);
  });

  test('top shows the busiest topic and goes away without a trace', async (t) => {
    await whilePublishing('doc/top', async () => {
      const top = startOnTerminal(hub, ['top'], { columns: 120 });
      t.after(() => top.child.kill());
      await top.until(/doc\/top/);
      await top.until(/publishes\/s/);
      top.write('q');
      assert.equal((await top.ended).code, 0);
      const sample = await document(hub, ['top']);
      assert.ok(sample.topics.some((one) => one.topic === 'doc/top'));
      assert.equal(typeof sample.rates.deliveries, 'number');
    });
  });
});

describe('messages', () => {
  const hub = suiteHub();

  test('tail shows the last ten, or as many as asked for', async () => {
    await publishAll(hub, 'm/tail', count(15));
    const last = (n) => count(15).slice(15 - n);
    const shown = async (...args) =>
      (await messages(hub, ['tail', ...args, 'm/tail'])).map(({ data }) => data);
    assert.deepEqual(await shown(), last(10));
    assert.deepEqual(await shown('-n', '3'), last(3));
    assert.deepEqual(await shown('-n', '100'), last(15));
    assert.deepEqual(await shown('-n', '0'), []);
  });

  test('tail shows topics and patterns in one order, each message once', async () => {
    for (let i = 0; i < 6; i++) await publish(hub, `m/set/${'abc'[i % 3]}`, `${i}`);
    const shown = await messages(hub, ['tail', 'm/set/a', 'm/+/b', 'm/set/a']);
    assert.deepEqual(
      shown.map(({ data }) => data),
      ['0', '1', '3', '4'],
    );
  });

  test('places: a cursor, earliest, latest, -N, a time', async () => {
    const ids = await publishAll(hub, 'm/place', count(5));
    const shown = async (place) =>
      (await messages(hub, ['history', '--after', place, 'm/place'])).map(({ id }) => id);
    assert.deepEqual(await shown(ids[1]), ids.slice(2));
    assert.deepEqual(await shown('earliest'), ids);
    assert.deepEqual(await shown('-2'), ids.slice(3));
    assert.deepEqual(await shown('2000-01-01T00:00:00Z'), ids);
    assert.deepEqual(await shown('latest'), []);
    assert.deepEqual(await shown(ids[4]), []);
  });

  test('history pages through thousands without losing one', async () => {
    const all = count(3000, 'some longer payload ');
    const ids = await publishAll(hub, 'm/many', all);
    assert.ok(ids.every((id, i) => i === 0 || offsetOf(id) > offsetOf(ids[i - 1])));
    const shown = await messages(hub, ['history', 'm/many']);
    assert.deepEqual(
      shown.map(({ data }) => data),
      all,
    );
    assert.deepEqual(
      shown.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(
      (await messages(hub, ['history', '-n', '1234', 'm/many'])).map(({ id }) => id),
      ids.slice(0, 1234),
    );
  });

  test('JSON keeps its digits, text its bytes, binary comes as base64', async () => {
    const json = '{"price":1.10,"big":18446744073709551616}';
    await publish(hub, 'm/kinds', json);
    await publish(hub, 'm/kinds', 'C:\\new\n\u001b[2J');
    await ctl(hub, ['publish', 'm/kinds'], { input: Buffer.from([0xff, 0, 1]) });
    const shown = lines(await ctl(hub, ['--json', 'history', 'm/kinds']));
    assert.ok(shown[0].includes(`"data":${json}`), shown[0]);
    assert.equal(JSON.parse(shown[1]).data, 'C:\\new\n\u001b[2J');
    assert.deepEqual(JSON.parse(shown[2]).data, '/wAB');
    const people = lines(await ctl(hub, ['history', 'm/kinds']));
    assert.ok(people[0].endsWith(` m/kinds ${json}`), people[0]);
    assert.ok(people[1].endsWith(' m/kinds C:\\\\new\\n\\x1b[2J'), people[1]);
    assert.ok(people[2].endsWith(' m/kinds (base64) /wAB'), people[2]);
  });

  test('an empty message is one', async () => {
    await publishAll(hub, 'm/empty', ['a', '', 'b']);
    assert.deepEqual(
      (await messages(hub, ['history', 'm/empty'])).map(({ data }) => data),
      ['a', '', 'b'],
    );
  });

  test('what the hub refuses exits with 1, what it does not have with 4', async () => {
    const cases = [
      [1, ['publish', 'a/+/b', 'x']],
      [1, ['publish', '--event', 'longwire.x', 'm/refused', 'x']],
      [1, ['tail', 'a/#/b']],
      [1, ['tail', '--after', 'yesterday', 'm/tail']],
      [1, ['topics', 'a/#/b']],
      [1, ['trim', 'yesterday']],
      [4, ['topic', 'm/none']],
      [4, ['history', 'm/none']],
      [4, ['purge', '--yes', 'm/none']],
      [4, ['kick', '999999999']],
    ];
    for (const [expected, args] of cases) {
      const { code, stdout, stderr } = await longwirectl(hub, args);
      assert.deepEqual([code, stdout], [expected, ''], `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /the hub answered: /);
    }
  });
});

describe('gaps', () => {
  const hub = suiteHub();

  test('of another epoch, and ahead of the head', async () => {
    const [id] = await publishAll(hub, 'g/epoch', ['x', 'y']);
    const [offset, epoch] = id.split('-').map(Number);
    const other = `${offset}-${epoch > 5 ? epoch - 1 : epoch + 1}`;
    const first = await longwirectl(hub, ['history', '--after', other, 'g/epoch']);
    assert.match(first.stderr, new RegExp(`gap \\(epoch\\): cannot go on after ${other}`));
    assert.equal(lines(first.stdout).length, 2);
    const ahead = moved(id, 1000);
    const second = await longwirectl(hub, ['history', '--after', ahead, 'g/epoch']);
    assert.match(second.stderr, new RegExp(`gap \\(ahead\\): cannot go on after ${ahead}`));
    assert.equal(second.stdout, '');
  });

  test('after trim', async () => {
    const ids = await publishAll(hub, 'g/trim', count(10));
    assert.ok((await document(hub, ['trim', ids[4]])).removed >= 5);
    const { code, stdout, stderr } = await longwirectl(hub, [
      ...['--json', 'history', '--after', ids[0], 'g/trim'],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /gap \(trimmed\): /);
    assert.deepEqual(
      lines(stdout).map((line) => JSON.parse(line).id),
      ids.slice(5),
    );
    assert.equal((await document(hub, ['topic', 'g/trim'])).first, ids[5]);
  });

  test('purge tells how many are gone, and the topic stays', async () => {
    await publishAll(hub, 'g/purge', count(7));
    assert.deepEqual(await document(hub, ['purge', '--yes', 'g/purge']), { removed: 7 });
    const topic = await document(hub, ['topic', 'g/purge']);
    assert.deepEqual([topic.messages, topic.bytes, topic.first], [0, 0, null]);
    assert.equal(await ctl(hub, ['history', 'g/purge']), '');
    const id = await publish(hub, 'g/purge', 'new');
    assert.deepEqual(
      (await messages(hub, ['history', 'g/purge'])).map((message) => message.id),
      [id],
    );
  });
});

describe('a tail lives through', () => {
  const numbers = (tail) => lines(tail.stdout).map((line) => Number(JSON.parse(line).data));

  async function followed(t, disturb) {
    const hub = await startHub(t);
    await publish(hub, 'life/1', '0');
    const tail = start(hub, ['tail', '-f', '--json', '--after', 'earliest', 'life/#']);
    t.after(() => tail.child.kill());
    let next = 1;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++, next++) await publish(hub, `life/${next % 2}`, `${next}`);
      await disturb(hub);
      for (let i = 0; i < 3; i++, next++) await publish(hub, `life/${next % 2}`, `${next}`);
    }
    await eventually(() => numbers(tail).length >= next, `${next} messages`);
    assert.deepEqual(
      numbers(tail),
      count(next, '').map(Number),
    );
    return tail;
  }

  test('clean restarts of the hub', async (t) => {
    const tail = await followed(t, (hub) => hub.restart());
    assert.match(tail.stderr, /waiting for the hub/);
    assert.match(tail.stderr, /connected again; going on after \d+-\d+/);
    assert.doesNotMatch(tail.stderr, /gap/);
  });

  test('crashes of the hub', async (t) => {
    await followed(t, async (hub) => {
      await hub.kill9();
      await hub.restart();
    });
  });
});
