// Publishes that are pipelined over HTTP: all are under way at once, and whatever is answered leaves
// in the order of the requests.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { history, publish, request } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { eventually } from './lib/wait.mjs';

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const get = (path, fields = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
const post = (path, body = 'x', fields = '') =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
  `${fields}\r\n${body}`;
const batch = (...lines) =>
  post('/t', lines.map((one) => `${JSON.stringify(one)}\n`).join(''), 'Content-Type: application/x-ndjson\r\n');

/** Takes answers apart: [{ status, fields, body }]; what is no whole answer is an error. */
function parse(bytes) {
  const answers = [];
  const text = bytes.toString('latin1');
  const pattern = /HTTP\/1\.1 (\d+) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n/y;
  for (let at = 0; at < text.length; ) {
    pattern.lastIndex = at;
    const head = pattern.exec(text);
    assert.ok(head, `no answer: ${JSON.stringify(text.slice(at, at + 200))}`);
    const fields = Object.fromEntries(
      head[2].split('\r\n').slice(0, -1).map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const body = at + head[0].length;
    at = body + Number(fields['content-length'] ?? 0);
    assert.ok(at <= text.length, 'an answer is cut off');
    answers.push({ status: Number(head[1]), fields, body: text.slice(body, at) });
  }
  return answers;
}

const statuses = (answers) => answers.map(({ status }) => status);
const closing = (answers) => answers.map(({ fields }) => fields.connection === 'close');
/** Offsets of the ids in answers to single publishes. */
const offsets = (answers) => answers.map(({ body }) => Number(/"id":"(\d+)-/.exec(body)[1]));
const rising = (numbers) => numbers.every((one, i) => i === 0 || one > numbers[i - 1]);

async function open(t, hub, options) {
  const raw = await RawSocket.open(hub, options);
  t.after(() => raw.destroy());
  return raw;
}

async function metric(hub, name) {
  const { text } = await request(hub, 'GET', '/metrics');
  return Number(new RegExp(`^longwire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

const taken = (hub) => metric(hub, 'publishes_total');

/** Waits until COUNT publishes have been handed to the log. */
const underWay = (hub, count) =>
  eventually(async () => (await taken(hub)) >= count, `${count} publishes to be taken`);

/** A hub whose log stands still, with one message of topic "old". */
async function stalled(t, set = {}) {
  const [hub, gate] = await startSlowHub(t, { set: { 'hub.workers': 1, ...set } });
  await publish(hub, 'old', 'before');
  gate.close();
  return [hub, gate];
}

/** Everything that comes until the hub closes, taken apart. */
const rest = async (raw) => parse(await raw.untilClosed());

describe('pipelined publishes', () => {
  const hub = suiteHub();

  test('their answers come in the order of the requests', async (t) => {
    const raw = await open(t, hub);
    await raw.write(upTo(500).map((n) => post('/t/a/order', `${n}`)).join(''));
    await raw.write(post('/t/a/order', 'last', 'Connection: close\r\n'));
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), Array(501).fill(201));
    assert.ok(rising(offsets(answers)));
    assert.deepEqual(closing(answers), [...Array(500).fill(false), true]);
    const stored = await history(hub, 'a/order');
    assert.deepEqual(stored.map(({ data }) => data), [...upTo(500).map(String), 'last']);
  });

  test('what reads behind them finds them', async (t) => {
    const raw = await open(t, hub);
    const round = (n) => post('/t/a/own', `${n}`) + post('/t/a/own', `${n}`);
    await raw.write(upTo(20).map((n) => round(n) + get('/t/a/own?after=-2&wait=0')).join(''));
    raw.halfClose();
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), upTo(20).flatMap(() => [201, 201, 200]));
    answers.filter(({ status }) => status === 200).forEach(({ body }, n) => {
      assert.deepEqual(JSON.parse(body).messages.map(({ data }) => data), [`${n}`, `${n}`]);
    });
  });

  test('each answer has what its own request asked for', async (t) => {
    const raw = await open(t, hub);
    const old = (fields) =>
      `POST /t/a/own HTTP/1.0\r\nContent-Length: 1\r\n${fields}\r\n1`;
    await raw.write(
      post('/t/a/cors', '1', 'Origin: http://localhost:1\r\n') +
        post('/t/a/cors', '2') +
        post('/t/a/cors', '3', 'Origin: http://127.0.0.1:2\r\n') +
        old('Connection: keep-alive\r\n') +
        post('/t/a/cors', '4') +
        old(''),
    );
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), Array(6).fill(201));
    assert.deepEqual(
      answers.map(({ fields }) => fields['access-control-allow-origin']),
      ['http://localhost:1', undefined, 'http://127.0.0.1:2', undefined, undefined, undefined],
    );
    assert.deepEqual(
      answers.map(({ fields }) => fields.connection),
      [undefined, undefined, undefined, 'keep-alive', undefined, 'close'],
    );
  });

  test('wherever the input is cut', async (t) => {
    const whole = Buffer.from(
      post('/t/a/split', '1') +
        post('/t/a/split', 'x', 'Longwire-Event: longwire.no\r\n') +
        'POST /t/a/split HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n' +
        batch({ topic: 'a/split', data: 1 }, { topic: 'a/split', data: 2 }) +
        get('/healthz') +
        post('/t/a/split', '2', 'Connection: close\r\n'),
    );
    const expected = [201, 400, 201, 201, 200, 201];
    for (let at = 1; at < whole.length; at++) {
      const raw = await open(t, hub);
      await raw.write(whole.subarray(0, at));
      await raw.write(whole.subarray(at));
      assert.deepEqual(statuses(await rest(raw)), expected, `cut at ${at}`);
    }
    const raw = await open(t, hub);
    for (const byte of whole) await raw.write(Buffer.from([byte]));
    assert.deepEqual(statuses(await rest(raw)), expected, 'byte by byte');
  });

  test('on the local socket, too', async (t) => {
    const raw = await open(t, hub, { local: true });
    await raw.write(upTo(50).map((n) => post('/t/a/local', `${n}`)).join('') + get('/readyz'));
    raw.halfClose();
    assert.deepEqual(statuses(await rest(raw)), [...Array(50).fill(201), 200]);
  });
});

describe('pipelined publishes, nothing of which is kept', () => {
  const hub = suiteHub({ set: { 'log.durability': 'memory' } });

  test('a client that does not read its answers is not read from, and gets them later', async (t) => {
    const COUNT = 40_000;
    const raw = await open(t, hub);
    const before = await taken(hub);
    raw.pause();
    const one = Buffer.from(post('/t/a/unread'));
    raw.write(Buffer.concat(Array(COUNT).fill(one)));
    let last = -1;
    await eventually(async () => {
      const now = await taken(hub);
      const same = now === last && now > before;
      last = now;
      return same;
    }, 'the hub to read no further');
    assert.ok(last - before < COUNT, 'all was taken');
    const parts = [];
    raw.resume();
    raw.halfClose();
    await raw.until(() => parts.push(raw.take()) < 0, 'the hub to close the connection');
    const answers = parse(Buffer.concat(parts));
    assert.equal(answers.length, COUNT);
    assert.ok(answers.every(({ status }) => status === 201));
    assert.ok(rising(offsets(answers)));
  });
});

describe('while the log takes its time', () => {
  test('answers of all kinds wait for those before them', async (t) => {
    const [hub, gate] = await stalled(t, { 'hub.max_topics': 3, 'hub.max_message_bytes': '1K' });
    const raw = await open(t, hub);
    await raw.write(
      post('/t/old', '1') +
        post('/t/bad%00', '') +
        post('/t/old', 'not JSON', 'Content-Type: application/json\r\n') +
        post('/t/old', 'x', 'Longwire-Expect-Last: 0-1\r\n') +
        post('/t/two', '2') +
        post('/t/three', '3') +
        post('/t/four', '4') +
        post('/t/old', '', 'Content-Encoding: gzip\r\n') +
        batch({ topic: 'old', data: 5 }, { topic: 'two', data: 6 }) +
        batch({ topic: 'old', data: 5 }, { topic: 'two', data: 6, expect: '0-1' }) +
        batch({ topic: 'old' }) +
        post('/tea', '') +
        post('/t/old', '7') +
        post('/t/old', 'y'.repeat(1025)),
    );
    await underWay(hub, 9);
    assert.equal(raw.received.length, 0);
    gate.open();
    const answers = await rest(raw);
    assert.deepEqual(
      statuses(answers),
      [201, 400, 400, 409, 201, 201, 429, 415, 201, 409, 400, 404, 201, 413],
    );
    assert.match(answers[3].fields['longwire-cursor'], /^\d+-\d+$/);
    assert.equal(answers[6].fields['retry-after'], '60');
    assert.match(JSON.parse(answers[9].body).detail, /^Line 2: /);
    assert.match(JSON.parse(answers[10].body).detail, /^Line 1: /);
  });

  test('`100 Continue` keeps its place', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(
      post('/t/old', '1') +
        'POST /t/old HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n',
    );
    await underWay(hub, 2);
    assert.equal(raw.received.length, 0);
    gate.open();
    const text = await raw.untilText('HTTP/1.1 100 Continue\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 201 [^]*\}HTTP\/1\.1 100 Continue\r\n\r\n$/);
    raw.take();
    await raw.write(`2${post('/t/old', '3', 'Connection: close\r\n')}`);
    assert.deepEqual(statuses(await rest(raw)), [201, 201]);
  });

  test('what does not go on ends the connection behind what does', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(
      post('/t/old', '1') + post('/t/old', '2') + 'POST /t/old HTTP/1.1\r\n broken\r\n\r\n' + post('/t/old', '3'),
    );
    await underWay(hub, 3);
    await eventually(async () => (await metric(hub, 'http_invalid_total')) === 1, 'the refusal');
    gate.open();
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), [201, 201, 400]);
    assert.deepEqual(closing(answers), [false, false, true]);
    assert.equal((await history(hub, 'old')).length, 3);
  });

  test('a body that is too long, or too late, is refused behind what is under way', async (t) => {
    const [hub, gate] = await stalled(t, { 'http.body_timeout': '1s', 'hub.max_message_bytes': '1K' });
    const late = await open(t, hub);
    await late.write(post('/t/old', '1') + post('/t/old', 'late').slice(0, -1));
    const long = await open(t, hub);
    await long.write(post('/t/old', '2') + post('/t/old', 'y'.repeat(2000)) + post('/t/old', '3'));
    await underWay(hub, 3);
    await eventually(async () => (await metric(hub, 'http_errors_total')) === 2, 'both refusals');
    assert.equal(late.received.length + long.received.length, 0);
    gate.open();
    assert.deepEqual(statuses(await rest(late)), [201, 408]);
    assert.deepEqual(statuses(await rest(long)), [201, 413]);
  });

  test('what else is asked waits, and a client that ends its side gets all', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(
      post('/t/old', '1') + get('/t/old?after=earliest&wait=50') + get('/readyz') + post('/t/old', '2'),
    );
    raw.halfClose();
    await underWay(hub, 2);
    assert.equal(raw.received.length, 0);
    gate.open();
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), [201, 200, 200, 201]);
    assert.equal(JSON.parse(answers[1].body).messages.length, 2);
    assert.deepEqual(closing(answers), [false, false, false, true]);
  });

  test('half of a request at the end of the input is none', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(post('/t/old', '1') + post('/t/old', '2') + post('/t/old', 'half').slice(0, -1));
    raw.halfClose();
    await underWay(hub, 3);
    gate.open();
    assert.deepEqual(statuses(await rest(raw)), [201, 201]);
  });

  test('as many are under way as limits.inflight says', async (t) => {
    const [hub, gate] = await stalled(t, { 'limits.inflight': 4 });
    const raw = await open(t, hub);
    await raw.write(upTo(100).map((n) => post('/t/old', `${n}`)).join(''));
    raw.halfClose();
    await underWay(hub, 5);
    assert.equal(await taken(hub), 5);
    gate.open();
    assert.deepEqual(statuses(await rest(raw)), Array(100).fill(201));
  });

  test('and as many bytes', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    raw.write(upTo(20).map(() => post('/t/old', 'z'.repeat(300_000))).join(''));
    raw.halfClose();
    await underWay(hub, 5);
    assert.equal(await taken(hub), 5, '1.2 of 1 MiB');
    gate.open();
    assert.deepEqual(statuses(await rest(raw)), Array(20).fill(201));
  });

  test('of clients behind a proxy, one after the other', async (t) => {
    const [hub, gate] = await stalled(t, { 'http.trusted_proxies': '127.0.0.1' });
    const raw = await open(t, hub);
    const from = 'X-Forwarded-For: 127.0.0.1\r\n';
    await raw.write(upTo(3).map((n) => post('/t/old', `${n}`, from)).join(''));
    raw.halfClose();
    await underWay(hub, 2);
    assert.equal(await taken(hub), 2);
    gate.open();
    assert.deepEqual(statuses(await rest(raw)), [201, 201, 201]);
  });

  test('one that holds too much is refused behind what is under way', async (t) => {
    const [hub, gate] = await stalled(t, {
      'hub.peer_bytes': '1M',
      'hub.max_message_bytes': '64K',
    });
    const raw = await open(t, hub);
    const large = batch({ topic: 'old', data: 'w'.repeat(3 << 20) });
    raw.write(post('/t/old', '1') + post('/t/old', '2') + large.slice(0, -1));
    await underWay(hub, 3);
    await eventually(async () => (await metric(hub, 'memory_refused_total')) > 0, 'the refusal');
    assert.equal(raw.received.length, 0);
    gate.open();
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), [201, 201, 503]);
    assert.deepEqual(closing(answers), [false, false, true]);
  });

  async function kick(hub, raw) {
    const admin = await RespClient.open(hub);
    const clients = JSON.parse(await admin.command('HUB', 'CLIENTS'));
    admin.close();
    const { id } = clients.find(({ address }) => address === `127.0.0.1:${raw.localPort}`);
    assert.equal((await longwirectl(hub, ['kick', String(id)])).code, 0);
  }

  /** Tells the hub to stop; its worker knows when it closes a connection that waits for nothing. */
  async function stop(hub) {
    const idle = await RawSocket.open(hub);
    await idle.write(get('/healthz'));
    await idle.until((data) => `${data}`.includes('200 OK'), 'an answer');
    hub.signal('SIGTERM');
    await idle.untilClosed();
  }

  for (const [how, end] of [
    ['the administrator kicks the client', kick],
    ['the hub stops', stop],
  ]) {
    test(`256 are under way, and half of another request: ${how}`, async (t) => {
      const [hub, gate] = await stalled(t);
      const raw = await open(t, hub);
      await raw.write(upTo(256).map((n) => post('/t/many', `${n}`)).join(''));
      await underWay(hub, 257);
      await end(hub, raw);
      gate.open();
      const answers = await rest(raw);
      assert.deepEqual(statuses(answers), Array(256).fill(201));
      assert.deepEqual(closing(answers), [...Array(255).fill(false), true]);
      if (hub.alive) await hub.stop();
      await hub.start();
      const stored = await history(hub, 'many');
      assert.deepEqual(stored.map(({ data }) => data), upTo(256).map(String));
      assert.deepEqual(stored.map(({ id }) => Number.parseInt(id, 10)), offsets(answers));
    });
  }

  test('but not for ever', async (t) => {
    const [hub] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(upTo(3).map((n) => post('/t/old', `${n}`)).join(''));
    await underWay(hub, 4);
    await kick(hub, raw);
    const answers = await rest(raw);
    assert.deepEqual(statuses(answers), [503]);
    assert.deepEqual(closing(answers), [true]);
  });

  test('readiness is told in its place', async (t) => {
    const [hub, gate] = await stalled(t);
    const raw = await open(t, hub);
    await raw.write(post('/t/old', '1') + get('/readyz') + post('/t/old', '2'));
    await underWay(hub, 2);
    gate.open();
    await raw.until((data) => `${data}`.split('HTTP/1.1 ').length === 4, 'three answers');
    assert.deepEqual(statuses(parse(raw.received)), [201, 200, 201]);
  });
});
