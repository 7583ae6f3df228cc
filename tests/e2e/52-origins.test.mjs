// CORS and the Origin checks: which pages may use the hub.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, get, history, post, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { handshake } from './lib/wsframe.mjs';

const FOREIGN = [
  'https://evil.example',
  'http://127.0.0.1.evil.example',
  'http://localhost.evil',
  'null',
];
const LOOPBACK = [
  'http://localhost:3000',
  'http://127.0.0.1:5173',
  'https://localhost',
  'http://[::1]:8080',
];

/** The status of a WebSocket upgrade from a page of `origin`. */
async function upgrade(hub, origin, host = '127.0.0.1') {
  const raw = await RawSocket.open(hub);
  await raw.write(handshake('/ws', { Origin: origin, Host: host }));
  const head = await raw.untilText('\r\n\r\n');
  raw.destroy();
  return Number(head.split(' ')[1]);
}

const preflight = (hub, origin, method = 'POST') =>
  request(hub, 'OPTIONS', '/t/o/x', {
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'content-type,longwire-event,idempotency-key',
    },
  });

function assertAllowed(reply, origin) {
  assert.ok([origin, '*'].includes(reply.headers['access-control-allow-origin']));
}

function assertNotAllowed(reply) {
  assert.equal(reply.headers['access-control-allow-origin'], undefined);
}

describe('origins by default', () => {
  const hub = suiteHub({ set: { 'http.hosts': 'hub.example' } });

  for (const Origin of LOOPBACK) {
    test(`pages of ${Origin} may do everything`, async () => {
      const read = await get(hub, '/t/o/x?wait=0', { headers: { Origin } });
      assertAllowed(read, Origin);
      assert.match(read.headers['access-control-expose-headers'], /Longwire-Cursor/i);
      assert.match(read.headers.vary ?? '', /Origin/i);
      const written = await post(hub, 'o/x', 'x', { headers: { Origin } });
      assert.equal(written.status, 201);
      assertAllowed(written, Origin);
      assert.equal(await upgrade(hub, Origin), 101);
    });

    test(`preflights of ${Origin} are answered`, async () => {
      const reply = await preflight(hub, Origin);
      assert.ok([200, 204].includes(reply.status));
      assertAllowed(reply, Origin);
      assert.match(reply.headers['access-control-allow-methods'], /POST/);
      const allowed = reply.headers['access-control-allow-headers'].toLowerCase();
      const names = ['content-type', 'longwire-event', 'idempotency-key', 'last-event-id'];
      for (const name of [...names, 'longwire-expect-last', 'prefer']) {
        assert.ok(allowed.includes(name), name);
      }
    });
  }

  for (const Origin of FOREIGN) {
    test(`pages of ${Origin} may not`, async () => {
      assertNotAllowed(await get(hub, '/t/o/foreign?wait=0', { headers: { Origin } }));
      assertProblem(await post(hub, 'o/foreign', 'x', { headers: { Origin } }), 403);
      assert.equal(await upgrade(hub, Origin), 403);
      assertNotAllowed(await preflight(hub, Origin));
      assert.deepEqual(await history(hub, 'o/foreign'), []);
    });
  }

  test('a batch from elsewhere is refused too', async () => {
    const headers = { Origin: FOREIGN[0], 'Content-Type': 'application/x-ndjson' };
    const body = '{"topic":"o/foreign","data":1}';
    assertProblem(await request(hub, 'POST', '/t', { headers, body }), 403);
  });

  test('the same origin is allowed by its Host', async () => {
    const Host = 'hub.example:8420';
    assert.equal(await upgrade(hub, `http://${Host}`, Host), 101);
    assert.equal(await upgrade(hub, 'http://other.example', Host), 403);
  });

  test('errors can be read by pages that are allowed', async () => {
    const reply = await get(hub, '/t/o?after=x', { headers: { Origin: LOOPBACK[0] } });
    assertProblem(reply, 400);
    assertAllowed(reply, LOOPBACK[0]);
  });

  test('without an Origin there is nothing to allow', async () => {
    assertNotAllowed(await get(hub, '/t/o/x?wait=0'));
  });
});

describe('configured origins', () => {
  const hub = suiteHub({
    set: { 'access.origin': ['https://app.example', 'https://b.example:8443'] },
  });

  test('are allowed', async () => {
    assert.equal(await upgrade(hub, 'https://app.example'), 101);
    assert.equal(await upgrade(hub, 'https://b.example:8443'), 101);
    assertAllowed(await preflight(hub, 'https://app.example'), 'https://app.example');
  });

  test('and only they', async () => {
    for (const origin of ['http://app.example', 'https://b.example', 'https://x.app.example']) {
      assert.equal(await upgrade(hub, origin), 403);
    }
  });
});

/** What an answer says of credentials, to a page of `Origin`. */
async function credentials(hub, Origin) {
  const answers = [
    await get(hub, '/t/o/x?wait=0', { headers: { Origin } }),
    await get(hub, '/t/o?after=x', { headers: { Origin } }),
    await post(hub, 'o/x', 'x', { headers: { Origin } }),
    await preflight(hub, Origin),
  ];
  const stream = await SseStream.open(hub, 'o/x', {}, { Origin });
  stream.close();
  return [...answers, stream].map(({ headers }) => [
    headers['access-control-allow-origin'],
    headers['access-control-allow-credentials'],
  ]);
}

describe('any origin', () => {
  const hub = suiteHub({ set: { 'access.origin': ['*', 'https://app.example'] } });

  test('is allowed without credentials, in every answer', async () => {
    for (const told of await credentials(hub, 'https://other.example')) {
      assert.deepEqual(told, ['*', undefined]);
    }
  });

  test('but one that is listed, or on this machine, with them', async () => {
    for (const origin of ['https://app.example', 'http://localhost:3000']) {
      for (const told of await credentials(hub, origin)) assert.deepEqual(told, [origin, 'true']);
    }
  });

  test('is allowed', async () => {
    for (const Origin of FOREIGN) {
      assert.equal((await post(hub, 'o/any', 'x', { headers: { Origin } })).status, 201);
      assert.equal(await upgrade(hub, Origin), 101);
    }
  });
});
