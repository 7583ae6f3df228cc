// What browsers are told they may do with answers, of each kind; and who may read the hub's status.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';

import { assertProblem, get, history, post, publish, request } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';
import { handshake } from './lib/wsframe.mjs';

const DATA = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The fields of a head, a list of values for each. */
function fieldsOf(head) {
  const fields = {};
  for (const [, name, value] of head.matchAll(/\r\n([\w-]+): ([^\r]*)/g)) {
    (fields[name.toLowerCase()] ??= []).push(value);
  }
  return fields;
}

async function headOf(hub, text, options) {
  const raw = await RawSocket.open(hub, options);
  await raw.write(text);
  const head = (await raw.untilText('\r\n\r\n')).split('\r\n\r\n')[0];
  raw.destroy();
  return { status: Number(head.split(' ')[1]), fields: fieldsOf(head) };
}

const ask = (line, headers = '', body = '') =>
  `${line} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('what is data is nothing else', () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });

  for (const [what, status, text] of [
    ['a poll', 200, ask('GET /t/a?after=earliest&wait=0')],
    ['a raw poll', 200, ask('GET /t/raw?after=earliest&wait=0&format=raw')],
    ['a raw poll without a message', 204, ask('GET /t/none?wait=0&format=raw')],
    ['HEAD', 200, ask('HEAD /t/a?wait=0')],
    ['a publish', 201, ask('POST /t/a', '', 'x')],
    ['a batch', 201, ask('POST /t', 'Content-Type: application/x-ndjson\r\n', '{"topic":"a","data":1}')],
    ['a conflict', 409, ask('POST /t/raw', 'Longwire-Expect-Last: 0\r\n', 'x')],
    ['a preflight', 204, ask('OPTIONS /t/a', 'Origin: http://localhost\r\nAccess-Control-Request-Method: GET\r\n')],
    ['OPTIONS', 204, ask('OPTIONS *')],
    ['a cursor', 200, ask('GET /cursor')],
    ['health', 200, ask('GET /healthz')],
    ['readiness', 200, ask('GET /readyz')],
    ['figures', 200, ask('GET /metrics')],
    ['a page of an origin that is known', 200, ask('GET /t/a?wait=0', 'Origin: http://localhost\r\n')],
    ['400', 400, ask('GET /t/a?wait=x')],
    ['a malformed request', 400, 'GET\r\n\r\n'],
    ['403', 403, ask('POST /t/a', 'Origin: http://evil.example\r\n', 'x')],
    ['403 of an event stream', 403, 'GET /t/a HTTP/1.1\r\nHost: x.example\r\nAccept: text/event-stream\r\n\r\n'],
    ['404', 404, ask('GET /nowhere')],
    ['404 of a session', 404, ask('POST /session/x', '', '{}')],
    ['405', 405, ask('PUT /t/a')],
    ['413', 413, 'POST /t/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n'],
    ['414', 414, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`],
    ['415', 415, ask('POST /t', '', 'x')],
    ['426', 426, ask('GET /ws')],
    ['501', 501, ask('BREW /t/a')],
  ]) {
    test(`${what}`, async () => {
      await publish(hub, 'raw', '<script>alert(1)</script>', { type: 'text/html' });
      const { status: got, fields } = await headOf(hub, text);
      assert.equal(got, status);
      for (const [name, value] of Object.entries(DATA)) assert.deepEqual(fields[name], [value], name);
      if (status !== 204) assert.ok(fields['content-type']);
    });
  }

  test('an event stream', async () => {
    const { status, fields } = await headOf(hub, ask('GET /t/a', 'Accept: text/event-stream\r\n'));
    assert.equal(status, 200);
    const expected = { ...DATA, 'cache-control': 'no-store, no-transform' };
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(fields[name], [value]);
  });

  test('an upgrade has none: it has no content', async () => {
    const { status, fields } = await headOf(hub, handshake('/ws'));
    assert.equal(status, 101);
    for (const name of Object.keys(DATA)) assert.equal(fields[name], undefined);
  });

  for (const path of ['/', '/demo/demo.js', '/demo/demo.css', '/demo/icon.svg', '/longwire.js']) {
    test(`the hub's own files have a policy of their own: ${path}`, async () => {
      const { status, fields } = await headOf(hub, ask(`GET ${path}`));
      assert.equal(status, 200);
      const sharing = path === '/longwire.js' ? 'cross-origin' : 'same-origin';
      assert.deepEqual(fields['x-content-type-options'], ['nosniff']);
      assert.deepEqual(fields['x-frame-options'], ['DENY']);
      assert.deepEqual(fields['cross-origin-resource-policy'], [sharing]);
      assert.deepEqual(fields['cache-control'], ['no-cache']);
      assert.equal(fields['content-security-policy'].length, 1);
      assert.match(fields['content-security-policy'][0], /default-src 'self'.*frame-ancestors 'none'/);
    });
  }
});

test('the line of text at / is a page, too: from its console the hub can be tried', async (t) => {
  const hub = await startHub(t);
  const { fields } = await headOf(hub, ask('GET /'));
  assert.deepEqual(fields['content-security-policy'], ["frame-ancestors 'none'"]);
  assert.deepEqual(fields['x-content-type-options'], ['nosniff']);
});

const STATUS = ['/readyz', '/metrics', '/'];

describe('who may read the status on a public listener', () => {
  const anonymous = { 'http.listen': '0.0.0.0:0', 'http.demo': 'on' };

  test('by default nobody', async (t) => {
    const set = { ...anonymous, 'access.anonymous': 'subscribe, publish' };
    const hub = await startHub(t, { set });
    for (const path of [...STATUS, '/demo/demo.js']) {
      assert.match(assertProblem(await get(hub, path), 403).detail, /metrics_listen.*anonymous/);
      assert.equal((await get(hub, path, { local: true })).status, 200);
    }
    for (const path of ['/healthz', '/longwire.js', '/cursor']) {
      assert.equal((await get(hub, path)).status, 200, path);
    }
  });

  test('everybody, if the anonymous may', async (t) => {
    const hub = await startHub(t, { set: { ...anonymous, 'access.anonymous': 'status' } });
    for (const path of STATUS) assert.equal((await get(hub, path)).status, 200, path);
    assertProblem(await get(hub, '/cursor'), 403);
    assertProblem(await post(hub, 'a', 'x'), 403);
  });

  test('not who comes through a proxy from another machine', async (t) => {
    const hub = await startHub(t, {
      set: { 'http.trusted_proxies': '127.0.0.1', 'access.anonymous': 'subscribe' },
    });
    const headers = { 'X-Forwarded-For': '203.0.113.9' };
    for (const path of STATUS) {
      assertProblem(await get(hub, path, { headers }), 403);
      assert.equal((await get(hub, path)).status, 200, path);
    }
  });
});

describe('http.metrics_listen', () => {
  /** The hub as it is reached there. */
  const metricsOf = (hub) => ({ port: Number(/metrics at http:\/\/[^ ]+:(\d+)\/metrics/.exec(hub.stderr())[1]) });

  test('serves figures and readiness to everybody, and nothing else', async (t) => {
    const hub = await startHub(t, {
      set: {
        'http.listen': '0.0.0.0:0',
        'access.anonymous': 'subscribe, publish',
        'http.metrics_listen': '0.0.0.0:0',
      },
    });
    const there = metricsOf(hub);
    for (const path of ['/metrics', '/readyz', '/healthz']) {
      assert.equal((await get(there, path)).status, 200, path);
      assert.equal((await request(there, 'OPTIONS', path)).status, 204, path);
      assertProblem(await post(there, 'a', 'x'), 404);
    }
    for (const path of ['/', '/t/a?wait=0', '/t?topic=a', '/cursor', '/longwire.js', '/demo/demo.js']) {
      assertProblem(await get(there, path), 404);
    }
    assert.equal((await headOf(there, handshake('/ws'))).status, 404);
    assertProblem(await get(hub, '/metrics'), 403);
  });

  test('is judged by the host when it is on loopback', async (t) => {
    const set = { 'http.metrics_listen': '127.0.0.1:0', 'access.anonymous': 'subscribe' };
    const hub = await startHub(t, { set });
    const there = metricsOf(hub);
    assert.equal((await get(there, '/metrics')).status, 200);
    const headers = { Host: 'attacker.example' };
    assertProblem(await get(there, '/metrics', { headers }), 403);
    assertProblem(await get(there, '/readyz', { headers }), 403);
    assert.equal((await get(there, '/healthz', { headers })).status, 200);
  });

  test('takes no PROXY header', async (t) => {
    const hub = await startHub(t, {
      set: {
        'http.metrics_listen': '127.0.0.1:0',
        'http.proxy_protocol': 'on',
        'http.trusted_proxies': '127.0.0.1',
      },
    });
    const there = metricsOf(hub);
    assert.equal((await get(there, '/metrics')).status, 200);
    const text = `PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${ask('GET /metrics')}`;
    assert.equal((await headOf(there, text)).status, 400);
  });
});

describe('what the anonymous may do over a WebSocket', () => {
  const elsewhere = { headers: { 'X-Forwarded-For': '203.0.113.9' } };
  const start = (t, anonymous) =>
    startHub(t, {
      config: `[access]\nanonymous = ${anonymous}\n`,
      set: { 'http.trusted_proxies': '127.0.0.1', 'hub.workers': 1 },
    });
  const subscribe = { op: 'subscribe', topic: 'w/a' };
  const write = { op: 'publish', topic: 'w/a', data: 1 };

  /** Takes the rights of the anonymous over from the file, once they can be seen. */
  async function change(hub, anonymous, taken) {
    writeFileSync(hub.config, `[access]\nanonymous = ${anonymous}\n`);
    hub.signal('SIGHUP');
    await eventually(taken, 'the new rights');
  }

  test('to subscribe is not to publish', async (t) => {
    const hub = await start(t, 'subscribe');
    const ws = await WsClient.open(hub, null, {}, elsewhere);
    assert.equal((await ws.ask(subscribe)).op, 'subscribed');
    const refused = await ws.ask(write);
    assert.equal(refused.op, 'error');
    assert.equal(refused.code, 'forbidden');
    assert.deepEqual(await history(hub, 'w/a'), []);
    ws.close();
  });

  test('a bare pipe publishes nothing either', async (t) => {
    const hub = await start(t, 'subscribe');
    const ws = await WsClient.open(hub, 'w/raw', { format: 'raw' }, elsewhere);
    ws.send('x');
    assert.ok((await within(ws.closed, 'the refusal')).code >= 1008);
    assert.deepEqual(await history(hub, 'w/raw'), []);
  });

  test('to publish is not to subscribe, on a connection that lasts either', async (t) => {
    const hub = await start(t, 'subscribe, publish');
    const ws = await WsClient.open(hub, null, {}, elsewhere);
    assert.equal((await ws.ask(write)).op, 'published');
    const isRefused = async () => (await get(hub, '/t/w/a?wait=0', elsewhere)).status === 403;
    await change(hub, 'publish', isRefused);
    assert.equal((await ws.ask(subscribe)).code, 'forbidden');
    assert.equal((await ws.ask(write)).op, 'published');
    await assert.rejects(WsClient.open(hub, null, {}, elsewhere));
    ws.close();
  });
});

describe('an event stream takes nothing from its client', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });

  async function bytesIn() {
    const admin = await RespClient.open(hub);
    const { counters } = JSON.parse(await admin.command('HUB', 'STATS'));
    admin.close();
    return counters.bytes_in;
  }

  test('requests behind it are read, dropped, and not answered', async (t) => {
    const MiB = 1 << 20;
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const before = await bytesIn();
    await raw.write(ask('GET /t/q', 'Accept: text/event-stream\r\n'));
    await raw.untilText('longwire.live');
    raw.write(ask('POST /t/q', '', 'no').repeat(Math.ceil((2 * MiB) / 60)));
    await eventually(async () => (await bytesIn()) - before > 2 * MiB, 'all to be read');
    await publish(hub, 'q', 'yes');
    const text = await raw.untilText('data: yes');
    assert.equal(text.split('HTTP/1.1 ').length, 2);
    assert.deepEqual((await history(hub, 'q')).map(({ data }) => data), ['yes']);
  });
});

const hasV6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');

describe('IPv6 listeners', { skip: !hasV6 && 'this machine has no ::1' }, () => {
  test('serve on [::1] what loopback may do', async (t) => {
    const hub = await startHub(t, { set: { 'http.listen': ['127.0.0.1:0', '[::1]:0'] } });
    assert.match(hub.addresses[1], /^\[::1\]:\d+$/);
    const url = `http://${hub.addresses[1]}`;
    const published = await fetch(`${url}/t/six`, { method: 'POST', body: 'x' });
    assert.equal(published.status, 201);
    const { messages } = await (await fetch(`${url}/t/six?after=earliest&wait=0`)).json();
    assert.equal(messages[0].data, 'x');
    const admin = await RespClient.open(hub);
    const held = fetch(`${url}/t/six?wait=50`);
    await eventually(async () => {
      const list = JSON.parse(await admin.command('HUB', 'CLIENTS'));
      return list.some(
        ({ address, transport }) => /^\[::1\]:\d+$/.test(address) && transport === 'poll',
      );
    }, 'the poll');
    admin.close();
    await fetch(`${url}/t/six`, { method: 'POST', body: 'y' });
    assert.equal((await (await held).json()).messages[0].data, 'y');
  });

  test('[::] takes no IPv4 and is not loopback', async (t) => {
    const hub = await startHub(t, {
      set: { 'http.listen': ['127.0.0.1:0', '[::]:0'], 'access.anonymous': 'subscribe' },
    });
    const port = /:(\d+)$/.exec(hub.addresses[1])[1];
    const reply = await fetch(`http://[::1]:${port}/t/six`, { method: 'POST', body: 'x' });
    assert.equal(reply.status, 403);
    assert.equal((await fetch(`http://[::1]:${port}/t/six?wait=0`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  });
});
