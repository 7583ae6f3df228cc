// Clients that send or take a byte now and then, to hold a connection for ever: each one is cut off
// in time, and meanwhile everybody else is served.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { WAIT_MS, sleep } from './lib/wait.mjs';

/** Time limits of the hub under test, and what busy machines may add to them. */
const HEAD_S = 1;
const BODY_S = 2;
const IDLE_S = 1;
const LATE_MS = 5000;
const STEP_MS = 100;

/**
 * Sends `text` at once, then one piece after the other, until the hub closes; returns how long that
 * took from the first piece, and what the hub said.
 */
async function trickle(t, hub, text, piece) {
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  await raw.write(text);
  const begin = Date.now();
  for (let n = 0; !raw.closed; n++) {
    assert.ok(Date.now() < begin + WAIT_MS, 'it is never cut off');
    await raw.write(piece(n));
    await sleep(STEP_MS);
  }
  return { took: Date.now() - begin, said: raw.received.toString() };
}

function assertTook(took, seconds) {
  assert.ok(took > seconds * 1000 - STEP_MS, `after ${took} ms`);
  assert.ok(took < seconds * 1000 + LATE_MS, `after ${took} ms`);
}

describe('a trickle', () => {
  const hub = suiteHub({
    set: {
      'http.head_timeout': `${HEAD_S}s`,
      'http.body_timeout': `${BODY_S}s`,
      'http.idle_timeout': `${IDLE_S}s`,
      'http.max_connections': 40,
    },
  });
  const HEAD = 'Host: localhost\r\n';

  test('of a request line', async (t) => {
    const { took, said } = await trickle(t, hub, 'GET /', () => 'x');
    assertTook(took, HEAD_S);
    assert.match(said, /^HTTP\/1\.1 408 /);
  });

  test('of header fields', async (t) => {
    const begin = `GET /healthz HTTP/1.1\r\n${HEAD}`;
    const { took, said } = await trickle(t, hub, begin, (n) => `X-${n}: y\r\n`);
    assertTook(took, HEAD_S);
    assert.match(said, /^HTTP\/1\.1 408 /);
    assert.match(said, /\r\nConnection: close\r\n/);
  });

  test('of a second request on the same connection', async (t) => {
    const begin = `GET /healthz HTTP/1.1\r\n${HEAD}\r\nGET /`;
    const { took, said } = await trickle(t, hub, begin, () => 'x');
    assertTook(took, HEAD_S);
    assert.match(said, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 408 /);
  });

  test('of empty lines, which begin no request', async (t) => {
    const { took } = await trickle(t, hub, '', (n) => (n < 8 ? '\r\n' : ''));
    assertTook(took, IDLE_S);
  });

  test('of nothing at all', async (t) => {
    const { took, said } = await trickle(t, hub, '', () => '');
    assertTook(took, IDLE_S);
    assert.equal(said, '');
  });

  test('of a body', async (t) => {
    const begin = `POST /t/trickle HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n`;
    const { took, said } = await trickle(t, hub, begin, () => 'x');
    assertTook(took, BODY_S);
    assert.match(said, /^HTTP\/1\.1 408 /);
  });

  test('of a body that has begun fast', async (t) => {
    // What came at once does not win back more than the time of a silence.
    const length = 'Content-Length: 1000000\r\n\r\n';
    const begin = `POST /t/trickle HTTP/1.1\r\n${HEAD}${length}${'x'.repeat(500_000)}`;
    const { took, said } = await trickle(t, hub, begin, () => 'x'.repeat(200)); // 2000 a second
    assert.ok(took > BODY_S * 1000 - STEP_MS, `after ${took} ms`);
    assert.match(said, /^HTTP\/1\.1 408 /);
  });

  test('of chunks', async (t) => {
    const begin = `POST /t/trickle HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
    const { took, said } = await trickle(t, hub, begin, () => '1\r\nx\r\n');
    assertTook(took, BODY_S);
    assert.match(said, /^HTTP\/1\.1 408 /);
  });

  test('of a chunk extension', async (t) => {
    const begin = `POST /t/trickle HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1;`;
    const { took } = await trickle(t, hub, begin, () => 'x');
    assertTook(took, BODY_S);
  });

  test('of a body that nobody wants', async (t) => {
    const begin = `GET /healthz HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n`;
    const { took } = await trickle(t, hub, begin, () => 'x');
    assertTook(took, BODY_S);
  });

  test('stores nothing', async () => {
    assert.deepEqual(await history(hub, 'trickle'), []);
  });

  test('is none when it is fast enough', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const size = 10_000 * BODY_S; // 5000 bytes a second, for twice the time
    await raw.write(`POST /t/slow HTTP/1.1\r\n${HEAD}Content-Length: ${size}\r\n\r\n`);
    // By the time that has passed: a busy machine sleeps for longer.
    const begin = Date.now();
    for (let sent = 0; sent < size;) {
      await sleep(STEP_MS);
      const due = Math.min(5 * (Date.now() - begin), size);
      await raw.write('x'.repeat(due - sent));
      sent = due;
    }
    await raw.untilText('HTTP/1.1 201 ');
  });

  test('of forty holds no connection: the next one is served', async (t) => {
    const all = Array.from({ length: 40 }, () => trickle(t, hub, 'GET /', () => 'x'));
    await sleep(STEP_MS);
    assert.equal((await get(hub, '/healthz')).status, 200);
    await Promise.all(all);
    await publish(hub, 'after', 'x');
  });
});
