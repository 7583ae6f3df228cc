// What longwirectl makes of answers that a real hub gives seldom or never: odd ones, hostile text,
// none at all, connections that break in the middle.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { run } from '../e2e/lib/hub.mjs';
import { eventually } from '../e2e/lib/wait.mjs';
import { ctlTo, PROGRAM, start } from './lib/ctl.mjs';
import { bulk, error, fakeHub, hangUp, json, number, OK, SILENCE } from './lib/fake-hub.mjs';

const EPOCH = 7;
const cursor = (offset) => `${offset}-${EPOCH}`;
const envelope = (offset, data = `m${offset}`) => ({
  id: cursor(offset),
  topic: 'a',
  time: '2026-11-22T07:31:15.042Z',
  data,
});

/** Lines of standard output. */
const lines = (text) => text.split('\n').slice(0, -1);

/** Stops a process, and returns when it does nothing any more: a signal takes a moment. */
function halt(child) {
  const until = Date.now() + 10_000;
  child.kill('SIGSTOP');
  while (!readFileSync(`/proc/${child.pid}/stat`, 'latin1').includes(') T '))
    assert.ok(Date.now() < until, 'the process did not stop');
}

/** A hub with messages 1 to `count` that answers HUB READ as a hub does, `page` at a time. */
function log(count, page = 100) {
  return ([, , after, limit]) => {
    const from = after === 'earliest' || after.startsWith('-') ? 0 : Number(after.split('-')[0]);
    const messages = [];
    for (let i = from + 1; i <= count && messages.length < Math.min(page, limit); i++)
      messages.push(envelope(i));
    const reached = from + messages.length;
    return json({ cursor: cursor(reached), messages, ...(reached === count && { live: true }) });
  };
}

describe('errors of the hub', () => {
  test('exit with 1, and with 4 for what is not there', async (t) => {
    const hub = await fakeHub(t, (words) =>
      error(words[2] === 'none' ? 'NOTFOUND no such topic' : 'NOSPACE the disk is full'),
    );
    const gone = await ctlTo(hub, ['topic', 'none']);
    assert.deepEqual([gone.code, gone.stdout], [4, '']);
    assert.match(gone.stderr, /^longwirectl: topic none: the hub answered: NOTFOUND no such topic$/m);
    for (const args of [['topic', 'a'], ['topics'], ['tail', 'a'], ['publish', 'a', 'b'], ['ping']]) {
      const failed = await ctlTo(hub, args);
      assert.deepEqual([failed.code, failed.stdout], [1, ''], args.join(' '));
      assert.match(failed.stderr, /the hub answered: NOSPACE the disk is full/);
    }
  });

  test('are harmless for the terminal', async (t) => {
    const hub = await fakeHub(t, () => error('ERR \x1b]0;owned\x07\x9b31m'));
    const { stderr } = await ctlTo(hub, ['ping']);
    assert.equal(stderr, 'longwirectl: ping: the hub answered: ERR \\x1b]0;owned\\x07\\u009b31m\n');
  });
});

describe('answers of another kind', () => {
  const odd = [
    ['a number', number(3)],
    ['no JSON', bulk('{"a":')],
    ['nothing', '$-1\r\n'],
    ['a list', '*1\r\n:1\r\n'],
    ['another document', json(17)],
  ];
  for (const [name, reply] of odd) {
    test(`${name} exits with 1`, async (t) => {
      const hub = await fakeHub(t, () => reply);
      for (const args of [
        ...[['topics'], ['clients'], ['clients', '-O', 'id'], ['tail', 'a'], ['tail', '-f', 'a']],
        ...[['verify'], ['verify', '--json'], ['backup', 'a'], ['export'], ['import']],
      ]) {
        const { code, stdout, stderr } = await ctlTo(hub, args);
        assert.deepEqual([code, stdout], [1, ''], args.join(' '));
        assert.match(stderr, /not one that this version/);
      }
    });
  }

  test('noise instead of RESP counts as lost', async (t) => {
    const hub = await fakeHub(t, () => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    const { code, stderr } = await ctlTo(hub, ['ping']);
    assert.equal(code, 3);
    assert.match(stderr, /is lost: Protocol error/);
  });

  test('missing fields are shown as missing', async (t) => {
    const hub = await fakeHub(t, () => json([{ topic: 'a' }]));
    const { code, stdout } = await ctlTo(hub, ['topics']);
    assert.equal(code, 0);
    assert.match(stdout, /^a +0 +0 +- +- +0\.0 +0 +0 +0 +0$/m);
  });
});

describe('clients', () => {
  const clients = [
    { id: 130, age_seconds: 5, lag: 0, held_bytes: 9, address: 'one', topics: ['a\u0000b'] },
    { id: 7, age_seconds: 90, lag: 12, held_bytes: 0, address: 'two', topics: [] },
    { id: 64, age_seconds: 90, lag: 2 ** 40, held_bytes: 9, address: 'three', topics: [] },
    { id: 9, age_seconds: 1, lag: 12, held_bytes: 2 ** 33, address: 'four', topics: [] },
  ];
  const orders = {
    ...{ id: [7, 9, 64, 130], age: [7, 64, 130, 9], lag: [64, 7, 9, 130] },
    held: [9, 64, 130, 7],
  };

  for (const [field, order] of Object.entries(orders)) {
    test(`are listed by ${field}`, async (t) => {
      const hub = await fakeHub(t, () => json(clients));
      const { code, stdout } = await ctlTo(hub, ['clients', '--sort', field, '--json']);
      assert.equal(code, 0);
      const wanted = order.map((id) => clients.find((client) => client.id === id));
      assert.deepEqual(JSON.parse(stdout), wanted);
      const table = await ctlTo(hub, ['clients', '-O', field]);
      const ids = lines(table.stdout).slice(1).map((line) => Number(/^ *(\d+)/.exec(line)[1]));
      assert.deepEqual(ids, order);
    });
  }

  test('none, in any order', async (t) => {
    const hub = await fakeHub(t, () => json([]));
    const { code, stdout } = await ctlTo(hub, ['clients', '--sort', 'lag', '--json']);
    assert.deepEqual([code, JSON.parse(stdout)], [0, []]);
  });
});

describe('figures', () => {
  test('of clients, each in its column', async (t) => {
    const fields = { cursor: '5-7', lag: 3, lag_messages: 1, lag_bytes: 2048, lag_seconds: 61 };
    const more = { held_bytes: 1536, name: 'n', topics: ['a', 'b', 'c', 'd', 'e'], address: 'x:1' };
    const clients = [
      { id: 12, transport: 'ws', deflate: true, age_seconds: 5, ...fields, ...more },
      { id: 3, transport: 'sse', age_seconds: 0, lag: 0, topics: ['a', 'b', 'c'] },
      { id: 4, lag_messages: 2, lag_bytes: 10, topics: [] },
    ];
    const hub = await fakeHub(t, () => json(clients));
    const { code, stdout } = await ctlTo(hub, ['clients']);
    assert.equal(code, 0);
    assert.deepEqual(lines(stdout).map((line) => line.trim().split(/ {2,}/)), [
      ['ID', 'TRANSPORT', 'ADDRESS', 'AGE', 'CURSOR', 'LAG', 'BEHIND', 'HELD', 'NAME', 'TOPICS'],
      ['12', 'ws+deflate', 'x:1', '5s', '5-7', '3', '1 message, 2.0K, 1m01s', '1.5K', 'n', 'a, b, c, and 2 more'],
      ['3', 'sse', '-', '0s', '-', '0', '-', '0', '-', 'a, b, c'],
      ['4', '-', '-', '0s', '-', '0', '2 messages, 10, 0s', '0', '-', '-'],
    ]);
  });

  test('of the hub, each in its line', async (t) => {
    const stats = {
      ...{ version: '1\x1b', uptime_seconds: 61, epoch: 7, head: '5-7', topics: 2, messages: 3 },
      ...{ bytes: 4096, log_bytes: 8192, workers: 6, counters: { publishes: 9, gaps: 1 } },
      connections: { sse: 1, ws: 2, poll: 3, resp: 4, http: 5, h2: 6 },
    };
    const hub = await fakeHub(t, () => json(stats));
    const { code, stdout } = await ctlTo(hub, ['stats']);
    assert.equal(code, 0);
    const squeezed = lines(stdout).map((line) => line.replace(/ +/g, ' '));
    assert.deepEqual(squeezed, [
      'version 1\\x1b',
      'uptime 1m01s',
      'epoch 7',
      'head 5-7',
      'topics 2',
      'messages 3',
      'payload bytes 4096 (4.0K)',
      'log bytes 8192 (8.0K)',
      'workers 6',
      'connections sse 1, ws 2, poll 3, resp 4, http 5, h2 6',
      '',
      'COUNTER SINCE START',
      'publishes 9',
      'gaps 1',
    ]);
  });
});

describe('messages', () => {
  test('keep their digits and lose their control characters', async (t) => {
    const data = '{"price":1.10,\n"big":18446744073709551616,"huge":1e400,"s":"\u0085\u202e"}';
    const text = JSON.stringify('\x1b[2J\\ \n \u0000');
    const hub = await fakeHub(t, () =>
      bulk(
        `{"cursor":"2-7","live":true,"messages":[` +
          `{"id":"1-7","topic":"a","time":"T","event":"e\\u001b","data":${data}},` +
          `{"id":"2-7","topic":"a","time":"T","data":${text}}]}`,
      ),
    );
    const people = await ctlTo(hub, ['tail', 'a']);
    assert.deepEqual(lines(people.stdout), [
      'T 1-7 a [e\\x1b] {"price":1.10,"big":18446744073709551616,"huge":1e400,"s":"\\u0085\\u202e"}',
      'T 2-7 a \\x1b[2J\\\\ \\n \\x00',
    ]);
    const machine = await ctlTo(hub, ['tail', '--json', 'a']);
    const [first, second] = lines(machine.stdout);
    assert.match(first, /"price":1\.10,"big":18446744073709551616,"huge":1e400/);
    assert.deepEqual(JSON.parse(first).data.s, '\u0085\u202e');
    assert.doesNotMatch(first, /[\u0085\u202e]/);
    assert.equal(JSON.parse(second).data, '\x1b[2J\\ \n \u0000');
  });

  test('come page by page until the head is reached', async (t) => {
    const hub = await fakeHub(t, log(250));
    const { code, stdout } = await ctlTo(hub, ['history', '--json', 'a']);
    assert.equal(code, 0);
    assert.deepEqual(
      lines(stdout).map((line) => JSON.parse(line).id),
      Array.from({ length: 250 }, (_, i) => cursor(i + 1)),
    );
    assert.deepEqual(
      hub.commands.map((words) => words[2]),
      ['earliest', cursor(100), cursor(200)],
    );
  });

  test('stop at the limit', async (t) => {
    const hub = await fakeHub(t, log(250));
    const { stdout } = await ctlTo(hub, ['history', '-n', '120', 'a']);
    assert.equal(lines(stdout).length, 120);
    assert.deepEqual(
      hub.commands.map((words) => words[3]),
      ['120', '20'],
    );
  });

  test('are not asked for for ever when the hub does not get on', async (t) => {
    const hub = await fakeHub(t, () => json({ cursor: '5-7', messages: [] }));
    const { code } = await ctlTo(hub, ['tail', 'a']);
    assert.equal(code, 0);
    assert.equal(hub.commands.length, 2);
  });

  test('of a topic that does not exist exit with 4, of an empty one with 0', async (t) => {
    const hub = await fakeHub(t, (words) => {
      if (words[1] === 'READ') return json({ cursor: '5-7', messages: [], live: true });
      return words[2] === 'empty' ? json({ topic: 'empty' }) : error('NOTFOUND no such topic');
    });
    assert.equal((await ctlTo(hub, ['history', 'none'])).code, 4);
    assert.equal((await ctlTo(hub, ['history', 'empty'])).code, 0);
    assert.equal((await ctlTo(hub, ['history', 'none/#'])).code, 0);
  });

  test('a gap is told on standard error', async (t) => {
    const gap = { requested: '1-6', resumed: '4-7', reason: 'epoch' };
    const hub = await fakeHub(t, () =>
      json({ cursor: '5-7', messages: [envelope(5)], gap, live: true }),
    );
    const { stdout, stderr } = await ctlTo(hub, ['tail', '--json', '--after', '1-6', 'a']);
    assert.equal(lines(stdout).length, 1);
    assert.match(stderr, /gap \(epoch\): cannot go on after 1-6, went on after 4-7/);
  });
});

describe('an export', () => {
  const head = json({ head: cursor(3) });
  const page = (messages, more = {}) => json({ cursor: cursor(3), messages, ...more });

  test('asks up to the head, and passes lines on as they are', async (t) => {
    const data = '{"price":1.10, "big":18446744073709551616}';
    const line = `{"id":"1-7","topic":"a","key":"k\u0085","data":${data}}`;
    const hub = await fakeHub(t, ([, what]) =>
      what === 'STATS' ? head : bulk(`{"cursor":"3-7","messages":[${line}],"end":true}`),
    );
    const { code, stdout, stderr } = await ctlTo(hub, ['export', 'a', 'b/#']);
    assert.deepEqual([code, stdout, stderr], [0, `${line}\n`, '']);
    assert.deepEqual(hub.commands[1], ['HUB', 'EXPORT', 'earliest', '3-7', '1000', 'a', 'b/#']);
  });

  test('of a hub that does not get on is given up', async (t) => {
    const hub = await fakeHub(t, ([, what]) => (what === 'STATS' ? head : page([])));
    const { code, stderr } = await ctlTo(hub, ['export']);
    assert.equal(code, 1);
    assert.match(stderr, /not one that this version/);
  });

  test('that is cut off says where it was', async (t) => {
    const answers = [head, json({ cursor: cursor(2), messages: [envelope(1)] }), hangUp('$100\r\n{"cur')];
    const hub = await fakeHub(t, () => answers.shift());
    const { code, stdout, stderr } = await ctlTo(hub, ['export']);
    assert.deepEqual([code, lines(stdout).length], [3, 1]);
    assert.match(stderr, /1 messages were exported; go on with --after 2-7\n/);
  });

  test('without cursors or messages is strange', async (t) => {
    for (const answer of [{ cursor: cursor(3) }, { messages: [] }, { cursor: 3, messages: [] }]) {
      const hub = await fakeHub(t, ([, what]) => (what === 'STATS' ? head : json(answer)));
      const { code, stderr } = await ctlTo(hub, ['export']);
      assert.equal(code, 1);
      assert.match(stderr, /not one that this version/);
    }
  });
});

describe('an import', () => {
  const head = json({ head: cursor(3) });
  const input = '{"id":"1-5","topic":"a","event":"e","data":"x"}\n{"topic":"b","key":"k","data":{"n":1.10}}\n';

  test('sends kind, event and key', async (t) => {
    let offset = 3;
    const hub = await fakeHub(t, ([name]) => (name === 'HUB' ? head : bulk(cursor(++offset))));
    const { code, stdout } = await ctlTo(hub, ['import'], { input });
    assert.deepEqual([code, stdout], [0, '2 messages imported\n']);
    assert.deepEqual(hub.commands.slice(1), [
      ['XADD', 'a', '*', 'kind', 'text', 'data', 'x', 'event', 'e', 'key', 'import:1-5'],
      ['XADD', 'b', '*', 'kind', 'json', 'data', '{"n":1.10}', 'key', 'k'],
    ]);
  });

  test('stops at what the hub does not take, and at odd answers', async (t) => {
    for (const [reply, code, pattern] of [
      [error('NOSPACE the disk is full'), 1, /line 1 was not imported[^]*NOSPACE/],
      [number(7), 1, /line 1 was not imported[^]*not one that this version/],
      [hangUp(), 3, /of 2 lines, from line 1 on, it is not known/],
    ]) {
      const hub = await fakeHub(t, ([name]) => (name === 'HUB' ? head : reply));
      const result = await ctlTo(hub, ['import'], { input });
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, pattern);
      assert.match(result.stdout, /^0 messages imported/);
    }
  });

  test('a hub that falls silent counts as lost', async (t) => {
    const hub = await fakeHub(t, ([name]) => (name === 'HUB' ? head : SILENCE));
    const { code, stderr } = await ctlTo(hub, ['import', '--timeout', '1'], { input });
    assert.equal(code, 3);
    assert.match(stderr, /no answer within the time limit/);
  });
});

describe('a report', () => {
  const report = {
    ...{ records: 5, damaged: 4, topics: 2, blocks: 1, groups: 0, unsettled: 1 },
    damage: { record: 2, fresh_kind: 1, topic_row: 1, index: 0 },
    places: [
      { damage: 'record', offset: 17, topic_id: 2, topic: 'a\x1b[2J' },
      { damage: 'record', offset: 18 },
      { damage: 'topic_row', topic_id: 9 },
      { damage: 'fresh_kind' },
    ],
  };

  test('of a newer hub is shown as far as it goes, harmless for a terminal', async (t) => {
    const hub = await fakeHub(t, () => json(report));
    const { code, stdout } = await ctlTo(hub, ['verify']);
    assert.equal(code, 1);
    assert.deepEqual(lines(stdout).slice(4), [
      'unsettled    1 topics: not compared, they lost messages meanwhile',
      'damaged      4',
      '           2 a record cannot be read',
      '             offset 17 (a\\x1b[2J)',
      '             offset 18',
      '           1 fresh_kind',
      "           1 a topic's row cannot be read",
      '             topic number 9',
    ]);
  });

  test('as JSON is what the hub says', async (t) => {
    const hub = await fakeHub(t, () => json(report));
    const { code, stdout } = await ctlTo(hub, ['verify', '--json']);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), report);
  });
});

describe('following', () => {
  test('goes on after the last whole answer when the hub breaks off', async (t) => {
    let broken = 0;
    const answer = log(3, 1);
    const hub = await fakeHub(t, (words) => {
      const whole = answer(words);
      if (words[2] === cursor(3)) return SILENCE;
      if (words[2] !== cursor(1) || broken++) return whole;
      return hangUp(whole.subarray(0, whole.length - 5));
    });
    const tail = start(hub, ['tail', '-f', '--json', '--after', 'earliest', 'a']);
    await tail.until(/"3-7"/);
    assert.deepEqual(
      lines(tail.stdout).map((line) => JSON.parse(line).id),
      [cursor(1), cursor(2), cursor(3)],
    );
    assert.match(tail.stderr, /is lost: closed by the hub; waiting for the hub\n/);
    assert.match(tail.stderr, /connected again; going on after 1-7\n/);
    tail.child.kill();
    await tail.ended;
  });

  test('waits for a hub that is away', async (t) => {
    const hub = await fakeHub(t, ([, , after, , wait]) =>
      wait === '0' ? json({ cursor: after, messages: [], live: true }) : SILENCE,
    );
    const tail = start(hub, ['tail', '-f', '--after', '5-7', 'a']);
    await eventually(() => hub.commands.length === 2, 'the second read');
    await hub.stop();
    await tail.until(/waiting for the hub/, 'stderr');
    await hub.start();
    await tail.until(/connected again; going on after 5-7/, 'stderr');
    await eventually(() => hub.commands.length >= 4, 'reads after the restart');
    assert.ok(hub.commands.every((words) => words[2] === '5-7'));
    tail.child.kill();
    await tail.ended;
  });

  test('asks at once for the first cursor, then lets the hub hold the read', async (t) => {
    const hub = await fakeHub(t, ([, , after, , wait]) =>
      wait === '0' ? json({ cursor: '9-7', messages: [], live: true }) : SILENCE,
    );
    const tail = start(hub, ['tail', '-f', '-n', '0', 'a', 'b/#']);
    await eventually(() => hub.commands.length === 2, 'the second read');
    assert.deepEqual(hub.commands, [
      ['HUB', 'READ', 'latest', '500', '0', 'a', 'b/#'],
      ['HUB', 'READ', '9-7', '500', '20000', 'a', 'b/#'],
    ]);
    tail.child.kill();
    await tail.ended;
  });

  test('ends when its reader has gone, though no message comes', async (t) => {
    const hub = await fakeHub(t, ([, , after]) =>
      after === '-10' ? json({ cursor: '1-7', messages: [envelope(1)], live: true }) : SILENCE,
    );
    const tail = start(hub, ['tail', '-f', 'a']);
    await eventually(() => hub.commands.length === 2, 'the second read');
    tail.child.stdout.destroy();
    const { signal } = await tail.ended;
    assert.equal(signal, 'SIGPIPE');
  });

  test('does not wait for a hub that was never there', async (t) => {
    const hub = await fakeHub(t, () => OK);
    await hub.stop();
    assert.equal((await ctlTo(hub, ['tail', '-f', 'a'])).code, 3);
  });

  test('ends when the hub refuses', async (t) => {
    const hub = await fakeHub(t, () => error('BADTOPIC not a topic'));
    assert.equal((await ctlTo(hub, ['tail', '-f', 'a'])).code, 1);
  });
});

describe('publishing', () => {
  // A refusal that came together with more input was forgotten: the rest was sent, and all was well.
  test('a refused line ends it, whatever comes at the same moment', async (t) => {
    let publish = null;
    const hub = await fakeHub(t, (words) => {
      if (words.at(-1) !== 'one') return bulk('2-7');
      halt(publish.child);
      publish.child.stdin.write('two\n', () =>
        setTimeout(() => publish.child.kill('SIGCONT'), 100),
      );
      return error('BADTOPIC no');
    });
    publish = start(hub, ['publish', '--lines', 'a']);
    t.after(() => publish.child.kill('SIGKILL'));
    publish.write('one\n');
    await publish.until(/line 1 was not published/, 'stderr');
    await eventually(() => publish.over, 'it to end');
    assert.equal((await publish.ended).code, 1);
    assert.equal(publish.stdout, '');
    assert.deepEqual(
      hub.commands.map((words) => words.at(-1)),
      ['one'],
    );
  });

  const accept = (words, n) => bulk(cursor(n + 1));

  test('sends event and key, and what standard input holds byte for byte', async (t) => {
    const payload = Buffer.from([0, 1, 255, 10, 13, 10]);
    let received;
    const hub = await fakeHub(t, (words, n, raw) => {
      received = raw;
      return accept(words, n);
    });
    const args = ['publish', '--event', 'e', '--key', 'k', 'a'];
    const { code, stdout } = await ctlTo(hub, args, { input: payload });
    assert.deepEqual([code, stdout], [0, '1-7\n']);
    assert.deepEqual(
      received.map((word, i) => (i === 4 ? word : String(word))),
      ['XADD', 'a', '*', 'data', payload, 'event', 'e', 'key', 'k'],
    );
  });

  test('sends what it expects, and says where the topic is if it is elsewhere', async (t) => {
    const hub = await fakeHub(t, () => error('CONFLICT 12-7 The topic has moved on'));
    const plain = await ctlTo(hub, ['publish', '--expect', '9-7', 'a', 'x']);
    assert.deepEqual(hub.commands[0], ['XADD', 'a', '*', 'data', 'x', 'expect', '9-7']);
    assert.deepEqual([plain.code, plain.stdout], [1, '']);
    assert.match(plain.stderr, /the hub answered: CONFLICT 12-7 The topic has moved on$/m);
    const forPrograms = await ctlTo(hub, ['publish', '--json', '-x', '9', 'a'], { input: 'x' });
    assert.equal(forPrograms.code, 1);
    assert.deepEqual(JSON.parse(forPrograms.stdout), { error: 'conflict', current: '12-7' });
    assert.match(forPrograms.stderr, /CONFLICT 12-7/);
  });

  test('takes a conflict that does not say where the topic is', async (t) => {
    const hub = await fakeHub(t, (words) => error(words[4] === 'x' ? 'CONFLICT' : 'CONFLICT '));
    for (const data of ['x', 'y']) {
      const { code, stderr } = await ctlTo(hub, ['publish', '--json', '-x', '9', 'a', data]);
      assert.equal(code, 1);
      assert.match(stderr, /the hub answered: CONFLICT/);
    }
  });

  test('takes text that begins with a dash after --, and nothing as nothing', async (t) => {
    const hub = await fakeHub(t, accept);
    await ctlTo(hub, ['publish', 'a', '--', '-5']);
    await ctlTo(hub, ['publish', 'a', '']);
    assert.deepEqual(
      hub.commands.map((words) => words[4]),
      ['-5', ''],
    );
  });

  test('by lines: one message each, the last one without a newline too', async (t) => {
    const hub = await fakeHub(t, accept);
    const { code, stdout } = await ctlTo(hub, ['publish', '--lines', '--json', 'a'], {
      input: 'one\n\ntwo\r\nthree',
    });
    assert.equal(code, 0);
    assert.deepEqual(
      hub.commands.map((words) => words[4]),
      ['one', '', 'two\r', 'three'],
    );
    assert.deepEqual(
      lines(stdout).map((line) => JSON.parse(line)),
      [1, 2, 3, 4].map((n) => ({ id: cursor(n) })),
    );
  });

  test('by lines: nothing read, nothing sent', async (t) => {
    const hub = await fakeHub(t, accept);
    const { code, stdout } = await ctlTo(hub, ['publish', '--lines', 'a']);
    assert.deepEqual([code, stdout, hub.commands.length], [0, '', 0]);
  });

  test('by lines: each goes out when it is read', async (t) => {
    const hub = await fakeHub(t, accept);
    const publish = start(hub, ['publish', '--lines', 'a']);
    publish.write('one\ntw');
    await publish.until(/^1-7\n/);
    assert.equal(hub.commands.length, 1);
    publish.write('o\n');
    await publish.until(/^1-7\n2-7\n/);
    publish.child.stdin.end();
    assert.equal((await publish.ended).code, 0);
  });

  test('by lines: no more under way than the limit', async (t) => {
    const hub = await fakeHub(t, () => SILENCE);
    const publish = start(hub, ['publish', '--lines', '--timeout', '1', 'a']);
    publish.write('x\n'.repeat(5000));
    const { code } = await publish.ended;
    assert.equal(code, 3);
    assert.equal(hub.commands.length, 512);
    assert.match(publish.stderr, /0 messages were published; of 512 more, from line 1, it is not/);
  });

  test('by lines: large ones wait for each other', async (t) => {
    const hub = await fakeHub(t, () => SILENCE);
    const publish = start(hub, ['publish', '--lines', '--timeout', '1', 'a']);
    publish.write(`${'x'.repeat(600_000)}\n`.repeat(3));
    assert.equal((await publish.ended).code, 3);
    assert.equal(hub.commands.length, 1);
  });

  test('by lines: many', async (t) => {
    const hub = await fakeHub(t, accept);
    const count = 20_000;
    const input = Array.from({ length: count }, (_, i) => `line ${i}\n`).join('');
    const { code, stdout } = await ctlTo(hub, ['publish', '--lines', 'a'], { input });
    assert.equal(code, 0);
    assert.equal(lines(stdout).length, count);
    assert.ok(hub.commands.every((words, i) => words[4] === `line ${i}`));
  });

  test('by lines: the first refused line ends the run, after all answers', async (t) => {
    const hub = await fakeHub(t, (words, n) =>
      words[4] === 'bad' ? error('BADDATA no') : bulk(cursor(n + 1)),
    );
    const publish = start(hub, ['publish', '--lines', 'a']);
    publish.write('one\nbad\nthree\n');
    await publish.until(/line 2 was not published/, 'stderr');
    publish.child.stdin.end('four\n');
    assert.equal((await publish.ended).code, 1);
    assert.equal(publish.stdout, '1-7\n3-7\n');
    assert.match(publish.stderr, /the hub answered: BADDATA no/);
    assert.equal(hub.commands.length, 3);
  });

  test('by lines: a lost connection says what is certain', async (t) => {
    const hub = await fakeHub(t, (words, n) => (n < 2 ? accept(words, n) : hangUp()));
    const publish = start(hub, ['publish', '--lines', 'a']);
    publish.write('one\ntwo\n');
    await publish.until(/2-7/);
    publish.write('three\n');
    assert.equal((await publish.ended).code, 3);
    assert.match(publish.stderr, /2 messages were published; of 1 more, from line 3, it is not known/);
  });

  test('by lines: a hub that ends between two lines is noticed', async (t) => {
    const hub = await fakeHub(t, accept);
    const publish = start(hub, ['publish', '--lines', 'a']);
    publish.write('one\n');
    await publish.until(/1-7/);
    await hub.stop();
    assert.equal((await publish.ended).code, 3);
  });
});

describe('output that cannot be written', () => {
  const topics = () => json([{ topic: 'a' }]);
  /** Runs it in a shell that has changed its descriptors. */
  const redirected = (hub, redirection) =>
    run('sh', ['-c', `"$0" --socket "$1" topics ${redirection}`, PROGRAM, hub.socket]);

  test('because the disk is full', async (t) => {
    const { code, stderr } = await redirected(await fakeHub(t, topics), '>/dev/full');
    assert.equal(code, 1);
    assert.match(stderr, /cannot write to standard output: No space left/);
  });

  test('because it is closed: it does not end up in the hub', async (t) => {
    const hub = await fakeHub(t, topics);
    for (const redirection of ['>&-', '<&- >&-']) {
      const { code, stderr } = await redirected(hub, redirection);
      assert.equal(code, 1);
      assert.match(stderr, /cannot write to standard output: Bad file descriptor/);
    }
    assert.deepEqual(hub.commands, [['HUB', 'TOPICS'], ['HUB', 'TOPICS']]);
  });
});

describe('steering', () => {
  test('sends the command and tells the result, as JSON too', async (t) => {
    const hub = await fakeHub(t, ([, what]) => (what === 'KICK' ? OK : number(12)));
    const cases = [
      [['kick', '007'], 'client 7 is disconnected\n', { kicked: 7 }],
      [['purge', '--yes', 'a'], '12 messages removed\n', { removed: 12 }],
      [['trim', '5-7'], '12 messages removed\n', { removed: 12 }],
    ];
    for (const [args, text, document] of cases) {
      assert.deepEqual(await ctlTo(hub, args), { code: 0, stdout: text, stderr: '' });
      const { stdout } = await ctlTo(hub, [...args, '--json']);
      assert.deepEqual(JSON.parse(stdout), document);
    }
  });

  test('top --json is one sample over one second', async (t) => {
    let published = 0;
    const hub = await fakeHub(t, ([, what]) => {
      published += what === 'STATS' ? 1000 : 0;
      const stats = { counters: { publishes: published }, connections: { sse: 1 }, head: '5-7' };
      return json(what === 'STATS' ? stats : []);
    });
    const { code, stdout } = await ctlTo(hub, ['top', '--json']);
    assert.equal(code, 0);
    const { rates, stats, topics, clients } = JSON.parse(stdout);
    assert.ok(rates.publishes > 0 && rates.publishes <= 1001, String(rates.publishes));
    assert.equal(stats.head, '5-7');
    assert.deepEqual([topics, clients], [[], []]);
  });
});
