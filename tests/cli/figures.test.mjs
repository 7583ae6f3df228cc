// What is shown, to the character: tables and their alignment, colours, the screen of `top`, help.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { eventually } from '../e2e/lib/wait.mjs';
import { ctl, ctlTo, startOnTerminal } from './lib/ctl.mjs';
import { fakeHub, json } from './lib/fake-hub.mjs';

/** What a command prints when the hub answers with DOCUMENT. */
async function shown(t, document, ...args) {
  const hub = await fakeHub(t, () => json(document));
  const { code, stdout, stderr } = await ctlTo(hub, args);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

const TOPICS = [
  {
    ...{ topic: 'b/longer', messages: 12345, bytes: 1536, first: '1-7', last: '12345-7' },
    ...{ rate: 0.25, subscribers: { sse: 1, ws: 22, poll: 3, resp: 4 } },
  },
  { topic: 'a', messages: 0, bytes: 0, first: null, last: null, rate: 0, subscribers: {} },
];

const CLIENTS = [
  {
    ...{ id: 130, transport: 'ws', deflate: true, address: '127.0.0.1:4711', age_seconds: 3700 },
    ...{ cursor: '5-7', lag: 3, lag_messages: 1, lag_bytes: 2048, lag_seconds: 61, name: 'n' },
    ...{ held_bytes: 70000, topics: ['a', 'b', 'c', 'd'] },
  },
  { id: 3, transport: 'sse', address: 'unix', age_seconds: 0, lag: 0, held_bytes: 0, topics: [] },
];

describe('tables', () => {
  test('of topics, by name, numbers to the right', async (t) => {
    assert.equal(
      await shown(t, TOPICS, 'topics'),
      'TOPIC     MESSAGES  BYTES  FIRST  LAST     MSG/S  SSE  WS  POLL  RESP\n' +
        'a                0      0  -      -          0.0    0   0     0     0\n' +
        'b/longer     12345   1.5K  1-7    12345-7    0.2    1  22     3     4\n',
    );
  });

  test('of clients', async (t) => {
    assert.equal(
      await shown(t, CLIENTS, 'clients'),
      ' ID  TRANSPORT   ADDRESS           AGE  CURSOR  LAG  BEHIND                  HELD  NAME  TOPICS\n' +
        '130  ws+deflate  127.0.0.1:4711  1h01m  5-7       3  1 message, 2.0K, 1m01s   68K  n     a, b, c, and 1 more\n' +
        '  3  sse         unix               0s  -         0  -                          0  -     -\n',
    );
  });

  test('none of topics is said', async (t) => {
    const hub = await fakeHub(t, () => json([]));
    const all = await ctlTo(hub, ['topics']);
    assert.deepEqual([all.code, all.stdout], [0, '']);
    assert.match(all.stderr, /^longwirectl: the hub has no topics yet\n$/);
    assert.match((await ctlTo(hub, ['topics', 'x/#'])).stderr, /^longwirectl: no topic matches\n$/);
    assert.deepEqual(hub.commands, [['HUB', 'TOPICS'], ['HUB', 'TOPICS', 'x/#']]);
  });

  test('of one topic', async (t) => {
    assert.equal(
      await shown(t, { ...TOPICS[0], durability: 'memory' }, 'topic', 'b/longer'),
      'topic        b/longer\n' +
        'messages     12345\n' +
        'bytes        1536 (1.5K)\n' +
        'first        1-7\n' +
        'last         12345-7\n' +
        'durability   memory\n' +
        'rate         0.2 messages/s\n' +
        'subscribers  sse 1, ws 22, poll 3, resp 4\n',
    );
  });

  test('of the hub', async (t) => {
    const stats = {
      ...{ version: '1.2.3', uptime_seconds: 61, epoch: 7, head: '5-7', topics: 2, messages: 3 },
      ...{ bytes: 4096, log_bytes: 8192, workers: 6, counters: { publishes: 9, close_gap: 10 } },
      connections: { sse: 1, ws: 2, poll: 3, resp: 4, http: 5, h2: 6 },
    };
    assert.equal(
      await shown(t, stats, 'stats'),
      'version        1.2.3\n' +
        'uptime         1m01s\n' +
        'epoch          7\n' +
        'head           5-7\n' +
        'topics         2\n' +
        'messages       3\n' +
        'payload bytes  4096 (4.0K)\n' +
        'log bytes      8192 (8.0K)\n' +
        'workers        6\n' +
        'connections    sse 1, ws 2, poll 3, resp 4, http 5, h2 6\n' +
        '\n' +
        'COUNTER    SINCE START\n' +
        'publishes            9\n' +
        'close_gap           10\n',
    );
    assert.ok(!(await shown(t, { ...stats, counters: {} }, 'stats')).includes('COUNTER'));
  });

  test('of TLS', async (t) => {
    const one = { host: null, file: '/a.pem', names: 'a.example', issuer: 'CN=I', key: 'RSA 2048' };
    const other = { ...one, host: '*.b', file: '/b.pem', names: '*.b, c' };
    const tls = {
      certificates: [
        { ...one, days_left: 14 },
        { ...other, days_left: 1 },
      ],
      ...{ versions: ['1.2', '1.3'], h2: true, compact: true, client_certificates: false },
      tickets: { key: 'file', next_key_seconds: 61 },
      handshakes: { handshakes: 9, resumed: 7, failed_alert: 0, timeouts: 2, not_tls: 1 },
    };
    assert.equal(
      await shown(t, tls, 'tls'),
      'HOST        NAMES      ISSUER  KEY       DAYS LEFT  FILE\n' +
        'all others  a.example  CN=I    RSA 2048         14  /a.pem\n' +
        '*.b         *.b, c     CN=I    RSA 2048          1  /b.pem\n' +
        '\n' +
        'versions       1.2, 1.3; HTTP/2 and HTTP/1.1\n' +
        'records        compact\n' +
        'clients        need no certificate\n' +
        'tickets        keys from a file; the next key in 1m01s\n' +
        'handshakes     9, of which 7 resumed\n' +
        'failed         timeouts 2, not_tls 1\n' +
        '/b.pem expires in 1 day\n',
    );
    const strict = {
      ...{ ...tls, certificates: [{ ...one, days_left: -3 }], versions: ['1.2'], h2: false },
      ...{ compact: false, client_certificates: true, tickets: null, handshakes: {} },
    };
    const text = await shown(t, strict, 'tls');
    for (const line of ['versions       1.2; HTTP/1.1', "records        mbedTLS's", 'failed         none']) {
      assert.ok(text.includes(`${line}\n`), text);
    }
    assert.match(text, /^clients +need a certificate\ntickets +none are given\nhandshakes +0, /m);
    assert.match(text, /^\/a\.pem has expired$/m);
    assert.match(await shown(t, { certificates: [] }, 'tls'), /^There is no TLS listener/);
  });
});

test('colours are those of the column, and end with the cell', async (t) => {
  const hub = await fakeHub(t, () => json([{ ...TOPICS[0], topic: 'a', subscribers: {} }]));
  const run = startOnTerminal(hub, ['topics'], { columns: 120 });
  await run.ended;
  const [head, row] = run.stdout.split(/\r+\n/);
  const bold = (text) => `\x1b[1m${text}\x1b[0m`;
  assert.ok(head.startsWith(`${bold('TOPIC')}  ${bold('MESSAGES')}  ${bold('BYTES')}  `), head);
  const place = (text) => `\x1b[36m${text}\x1b[0m`;
  assert.equal(
    row,
    `\x1b[32ma\x1b[0m         12345   1.5K  ${place('1-7')}    ${place('12345-7')}    0.2    0   0     0     0`,
  );
});

/** The lines of the first frame of `top` without their escape sequences. */
async function firstFrame(t, answer, options) {
  const hub = await fakeHub(t, ([, what]) => json(answer[what]));
  const top = startOnTerminal(hub, ['top'], options);
  t.after(() => top.child.kill());
  const whole = () => /\x1b\[H([^]*?)\x1b\[J/.exec(top.stdout);
  await eventually(whole, 'a frame');
  top.write('q');
  assert.equal((await top.ended).code, 0);
  const lines = whole()[1].split(/\x1b\[K\r+\n/);
  assert.equal(lines.pop(), '');
  return { hub, lines: lines.map((line) => line.replace(/\x1b\[[0-9;]*m/g, '')) };
}

const STATS = {
  ...{ version: '1.2.3', uptime_seconds: 61, head: '50-7', workers: 2, messages: 7 },
  ...{ log_bytes: 8192, counters: { publishes: 9, deliveries: 9 } },
  connections: { sse: 1, ws: 2, poll: 3, resp: 4, http: 5, h2: 6 },
};

describe('the screen of top', () => {
  const topic = (name, rate) => ({ topic: name, rate, messages: 5, bytes: 1536, subscribers: { ws: 2 } });
  const lagging = (id, lag) => ({ id, lag, transport: 'ws', address: 'unix', cursor: '4-7' });

  test('to the character', async (t) => {
    const { lines } = await firstFrame(
      t,
      {
        STATS,
        TOPICS: [topic('c', 1), topic('b', 2.5), topic('a', 1)],
        CLIENTS: [lagging(1, 0), ...[3, 9, 1, 12, 5, 7].map((lag, n) => lagging(n + 2, lag))],
      },
      { rows: 24, columns: 100 },
    );
    assert.deepEqual(lines, [
      'longwire 1.2.3   up 1m01s   head 50-7   workers 2',
      'publishes/s 0.0   deliveries/s 0.0   messages 7   log 8.0K',
      'connections 21   sse 1 ws 2 poll 3 resp 4 http 5 h2 6',
      '',
      'MSG/S  MESSAGES  BYTES  SSE  WS  POLL  RESP  TOPIC',
      '  2.5         5   1.5K    0   2     0     0  b',
      '  1.0         5   1.5K    0   2     0     0  a',
      '  1.0         5   1.5K    0   2     0     0  c',
      '',
      'LAG  CLIENT  TRANSPORT  ADDRESS  CURSOR',
      ' 12       5  ws         unix     4-7',
      '  9       3  ws         unix     4-7',
      '  7       7  ws         unix     4-7',
      '  5       6  ws         unix     4-7',
      '  3       2  ws         unix     4-7',
    ]);
  });

  test('without anybody who lags all of it is for topics', async (t) => {
    const topics = Array.from({ length: 30 }, (_, n) => topic(`t${n}`, n));
    const answers = { STATS, TOPICS: topics, CLIENTS: [lagging(1, 0)] };
    const { lines } = await firstFrame(t, answers, { rows: 12, columns: 100 });
    assert.equal(lines.length, 11);
    assert.match(lines.at(-1), /t24$/);
    assert.ok(!lines.some((line) => line.includes('CLIENT')));
  });

  test('where both do not fit, who lags is left out', async (t) => {
    const topics = Array.from({ length: 30 }, (_, n) => topic(`t${n}`, n));
    const answers = { STATS, TOPICS: topics, CLIENTS: [lagging(1, 3), lagging(2, 4)] };
    const fits = (await firstFrame(t, answers, { rows: 11, columns: 100 })).lines;
    assert.deepEqual(fits.slice(5).map((line) => line.trim().split(/ +/).at(-1)), [
      ...['t29', '', 'CURSOR', '4-7', '4-7'],
    ]);
    const less = (await firstFrame(t, answers, { rows: 10, columns: 100 })).lines;
    assert.match(less.at(-1), /t26$/);
  });

  test('among very many connections clients are not asked for', async (t) => {
    for (const [ws, asked] of [[4999, true], [5000, false]]) {
      const stats = { ...STATS, connections: { ws, sse: 1 } };
      const { hub } = await firstFrame(t, { STATS: stats, TOPICS: [], CLIENTS: [] });
      assert.equal(hub.commands.some(([, what]) => what === 'CLIENTS'), asked);
    }
  });
});

test('help says what a command takes', async () => {
  const common = (await ctl(['ping', '--help'])).stdout.split('Options:\n')[1];
  assert.match(common, /^ {2}-s, --socket PATH {7}\S/m);
  const { stdout } = await ctl(['clients', '--help']);
  assert.equal(
    stdout.replace(common.slice(common.indexOf('  -')), ''),
    'Usage: longwirectl clients [OPTION]...\n' +
      'List connections: transport, address, topics, cursor, lag, memory.\n' +
      '\n' +
      'Options:\n' +
      '  -O, --sort FIELD        list by id, age, lag or held, the largest first\n',
  );
  const all = (await ctl(['--help'])).stdout.split('\n');
  assert.ok(all.includes('  ping                    ask whether the hub answers'), all.join('\n'));
  assert.ok(all.includes('  publish TOPIC [DATA|-]  publish a message, print its id'));
});
