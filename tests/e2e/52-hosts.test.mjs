// DNS rebinding: a page of any site can have its own name point to 127.0.0.1, and is of the same
// origin as the hub then. On loopback listeners a request for a foreign host has no rights but those
// of the anonymous, whatever it asks.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { history, request } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { eventually } from './lib/wait.mjs';
import { handshake } from './lib/wsframe.mjs';

const EVIL = 'attacker.example';

const lines = (headers) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

/** Sends one request and returns the answer's head and what came of its body. */
async function ask(hub, text, options) {
  const raw = await RawSocket.open(hub, options);
  await raw.write(text);
  const answer = await raw.untilText('\r\n\r\n');
  raw.destroy();
  return answer;
}
const statusOf = (answer) => Number(answer.split(' ')[1]);

const plain = (method, path, headers, body = '') =>
  `${method} ${path} HTTP/1.1\r\n${lines({ ...headers, 'Content-Length': body.length })}\r\n${body}`;

/** What can be asked, with these headers. */
const REQUESTS = {
  'long-poll': (headers) => plain('GET', '/t?topic=%23&after=earliest&wait=0', headers),
  HEAD: (headers) => plain('HEAD', '/t/h/x', headers),
  'event stream': (headers) => plain('GET', '/t/h/x', { ...headers, Accept: 'text/event-stream' }),
  WebSocket: (headers) => handshake('/ws', headers),
  'WebSocket with a topic': (headers) => handshake('/t/h/x', headers),
  publish: (headers) => plain('POST', '/t/h/x', headers, 'x'),
  batch: (headers) =>
    plain('POST', '/t', { ...headers, 'Content-Type': 'application/x-ndjson' }, '{"topic":"h/x","data":1}\n'),
  session: (headers) => plain('POST', `/session/${'A'.repeat(22)}`, headers, '{}'),
  preflight: (headers) =>
    plain('OPTIONS', '/t/h/x', { ...headers, 'Access-Control-Request-Method': 'POST' }),
  cursor: (headers) => plain('GET', '/cursor', headers),
  readyz: (headers) => plain('GET', '/readyz', headers),
  metrics: (headers) => plain('GET', '/metrics', headers),
  page: (headers) => plain('GET', '/', headers),
  client: (headers) => plain('GET', '/longwire.js', headers),
  'nothing there': (headers) => plain('GET', '/nowhere', headers),
};

const publishFor = (hub, Host, headers = {}, options = {}) =>
  ask(hub, REQUESTS.publish({ Host, ...headers }), options);

describe('on a loopback listener', () => {
  const hub = suiteHub({ set: { 'http.hosts': ['hub.example', '192.0.2.1'] } });

  for (const [what, request] of Object.entries(REQUESTS)) {
    test(`a foreign host is refused: ${what}`, async () => {
      for (const headers of [{}, { Origin: `http://${EVIL}` }, { Origin: 'http://localhost' }]) {
        const answer = await ask(hub, request({ Host: EVIL, ...headers }));
        assert.equal(statusOf(answer), 403);
        if (what === 'HEAD') continue;
        assert.match(answer, /http\.trusted_proxies/);
        assert.match(answer, /http\.hosts/);
      }
    });
  }

  test('a request of its own is not judged', async () => {
    assert.equal(statusOf(await ask(hub, plain('GET', '/healthz', { Host: EVIL }))), 200);
    assert.equal(statusOf(await ask(hub, 'GET /cursor HTTP/1.0\r\n\r\n')), 200);
    assert.equal(statusOf(await publishFor(hub, EVIL, {}, { local: true })), 201);
  });

  for (const host of [
    ...['localhost', 'LOCALHOST:1', 'a.localhost:99', '127.0.0.1', '127.9.8.7:1', '[::1]:8420'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]:80', 'localhost:', 'hub.example', 'HUB.example:443'],
    '192.0.2.1:80',
  ]) {
    test(`${host} is served`, async () => {
      assert.equal(statusOf(await publishFor(hub, host)), 201);
      assert.equal(statusOf(await publishFor(hub, host, { Origin: `http://${host}` })), 201);
    });
  }

  for (const host of [
    ...['', ':8420', 'localhost.', 'localhost.evil', 'xlocalhost', '.localhost', 'local%68ost'],
    ...['127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.', '127.0.0.1.nip.example'],
    ...['0.0.0.0', '[::]', '[::127.0.0.1]', '10.0.0.1', 'x.hub.example', 'hub.example.'],
  ]) {
    test(`"${host}" is not`, async () => {
      assert.equal(statusOf(await publishFor(hub, host)), 403);
    });
  }

  test('what is no authority is malformed', async () => {
    for (const host of ['localhost@evil.example', 'evil.example@localhost', 'a b', 'localhost, a']) {
      assert.equal(statusOf(await publishFor(hub, host)), 400, host);
    }
  });

  test('the target says which host when it is absolute', async () => {
    const absolute = (authority, Host) =>
      ask(hub, plain('POST', `http://${authority}/t/h/x`, { Host }, 'x'));
    assert.equal(statusOf(await absolute(EVIL, 'localhost')), 403);
    assert.equal(statusOf(await absolute('localhost', EVIL)), 201);
    assert.equal(statusOf(await ask(hub, `GET http://${EVIL}/cursor HTTP/1.0\r\n\r\n`)), 403);
  });

  for (const [name, value] of Object.entries({
    Forwarded: 'for=127.0.0.1',
    'X-Forwarded-For': '',
    'x-forwarded-proto': 'https',
    'X-FORWARDED-ANYTHING': 'x',
    'X-Real-IP': '127.0.0.1',
    Via: '1.1 proxy',
  })) {
    test(`a named host through an unknown proxy is foreign: ${name}`, async () => {
      const answer = await publishFor(hub, 'hub.example', { [name]: value });
      assert.equal(statusOf(answer), 403);
      assert.match(answer, /http\.trusted_proxies/);
      assert.equal(statusOf(await publishFor(hub, 'localhost', { [name]: value })), 201);
    });
  }

  test('each request of a connection is judged by its own host', async () => {
    const raw = await RawSocket.open(hub);
    const text = (Host) => plain('GET', '/cursor', { Host });
    await raw.write(['localhost', EVIL, 'localhost', EVIL].map(text).join(''));
    await raw.until((data) => `${data}`.split('HTTP/1.1 ').length > 4, 'four answers');
    const statuses = `${raw.received}`.match(/(?<=HTTP\/1\.1 )\d{3}/g);
    raw.destroy();
    assert.deepEqual(statuses, ['200', '403', '200', '403']);
  });

  test('nothing of it was published', async () => {
    const before = (await history(hub, 'h/x')).length;
    await publishFor(hub, EVIL);
    assert.equal((await history(hub, 'h/x')).length, before);
  });
});

test('a foreign host may see figures where the anonymous may', async (t) => {
  const hub = await startHub(t, { set: { 'access.anonymous': 'status' } });
  const headers = { Host: 'hub.example' };
  for (const path of ['/metrics', '/readyz', '/longwire.js'])
    assert.equal((await request(hub, 'GET', path, { headers })).status, 200, path);
  for (const path of ['/t/a?wait=0', '/cursor'])
    assert.equal((await request(hub, 'GET', path, { headers })).status, 403, path);
  assert.equal((await request(hub, 'POST', '/t/a', { headers, body: 'x' })).status, 403);
});

describe('where the anonymous may subscribe', () => {
  const hub = suiteHub({ set: { 'access.anonymous': 'subscribe', 'http.trusted_proxies': '127.0.0.2' } });

  test('those for a foreign host may, too, and no more', async () => {
    const headers = { Host: EVIL, Origin: `http://${EVIL}` };
    assert.equal(statusOf(await ask(hub, REQUESTS['long-poll'](headers))), 200);
    assert.equal(statusOf(await ask(hub, REQUESTS.WebSocket(headers))), 101);
    assert.match(await ask(hub, REQUESTS.publish(headers)), / 403 [^]*http\.hosts/);
  });

  test('a known proxy of a client on this machine still needs a host', async () => {
    const here = { 'X-Forwarded-For': '127.0.0.1' };
    const from = '127.0.0.2';
    assert.equal(statusOf(await publishFor(hub, 'localhost', here, { from })), 201);
    assert.equal(statusOf(await publishFor(hub, EVIL, here, { from })), 403);
  });

  test('hosts can be changed by a reload', async (t) => {
    // Workers take settings over one by one.
    const hub = await startHub(t, { set: { 'hub.workers': 1 } });
    assert.equal(statusOf(await publishFor(hub, 'hub.example')), 403);
    writeFileSync(hub.config, '[http]\nhosts = hub.example\ntrusted_proxies = 127.0.0.1\n');
    hub.signal('SIGHUP');
    const served = async () => statusOf(await publishFor(hub, 'hub.example')) === 201;
    await eventually(served, 'the new configuration');
    const here = { 'X-Forwarded-For': '127.0.0.1' };
    assert.equal(statusOf(await publishFor(hub, 'hub.example', here)), 201);
    const elsewhere = { 'X-Forwarded-For': '203.0.113.9' };
    assert.equal(statusOf(await publishFor(hub, 'hub.example', elsewhere)), 403);
  });
});

test('listeners on other addresses judge by rights alone', async (t) => {
  const hub = await startHub(t, {
    set: { 'http.listen': '0.0.0.0:0', 'access.anonymous': 'subscribe, publish' },
  });
  assert.equal(statusOf(await publishFor(hub, EVIL)), 201);
});
