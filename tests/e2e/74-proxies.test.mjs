// Proxies in front of the hub: whom it believes who the client is, and what that client may do.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, publish } from './lib/http.mjs';
import { BUILD, run, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { WAIT_MS, eventually, sleep } from './lib/wait.mjs';
import { handshake } from './lib/wsframe.mjs';

const PROXY = '127.0.0.1';
const STRANGER = '127.0.0.2';

const lines = (headers) =>
  Object.entries(headers)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`))
    .join('');

const getText = (path, headers = {}) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines(headers)}\r\n`;
const postText = (topic, headers = {}) =>
  `POST /t/${topic} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${lines(headers)}\r\nx`;

/** Sends text on a connection of its own and waits for something to come back. */
async function send(t, hub, data, options) {
  const raw = await RawSocket.open(hub, options);
  t.after(() => raw.destroy());
  await raw.write(data);
  await raw.untilText('\r\n\r\n');
  return raw;
}

const statusOf = (raw) => Number(raw.received.toString().split(' ')[1]);

/** What a publish is answered. */
async function publishStatus(t, hub, headers, { from, before = '' } = {}) {
  const request = Buffer.from(postText('p/x', headers));
  const raw = await send(t, hub, Buffer.concat([Buffer.from(before, 'latin1'), request]), { from });
  return statusOf(raw);
}

async function clients(hub) {
  const admin = await RespClient.open(hub);
  const list = JSON.parse(await admin.command('HUB', 'CLIENTS'));
  admin.close();
  return list;
}

/** The address of the one client that follows `topic`. */
async function addressOf(hub, topic) {
  const found = (await clients(hub)).filter(({ topics }) => topics.includes(topic));
  assert.equal(found.length, 1);
  return found[0].address;
}

async function counter(hub, name) {
  const admin = await RespClient.open(hub);
  const stats = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return stats.counters[name];
}

const SUBSCRIBERS = {
  'event stream': (topic, headers) =>
    getText(`/t/${topic}`, { Accept: 'text/event-stream', ...headers }),
  WebSocket: (topic, headers) => handshake(`/t/${topic}`, headers),
};

describe('Forwarded and X-Forwarded-For', () => {
  const hub = suiteHub({
    set: {
      'http.trusted_proxies': [PROXY, '10.0.0.0/8'],
      'access.anonymous': 'subscribe',
      'hub.log_level': 'debug',
      'http.write_timeout': '1s',
      'http.heartbeat': '1s',
    },
  });

  for (const [what, headers, address] of [
    ['X-Forwarded-For', { 'X-Forwarded-For': '203.0.113.9' }, '203.0.113.9'],
    ['one with a port', { 'X-Forwarded-For': '203.0.113.9:4711' }, '203.0.113.9:4711'],
    ['IPv6', { 'X-Forwarded-For': '2001:db8::9' }, '[2001:db8::9]'],
    ['what the client made up', { 'X-Forwarded-For': '127.0.0.1, 203.0.113.9' }, '203.0.113.9'],
    ['a chain', { 'X-Forwarded-For': '192.0.2.1, 203.0.113.9, 10.1.1.1' }, '203.0.113.9'],
    ['two fields', { 'X-Forwarded-For': ['192.0.2.1', '203.0.113.9, 10.1.1.1'] }, '203.0.113.9'],
    ['Forwarded', { Forwarded: 'for=192.0.2.1, for=203.0.113.9;proto=https' }, '203.0.113.9'],
    ['Forwarded IPv6', { Forwarded: 'for="[2001:db8::9]:80"' }, '[2001:db8::9]:80'],
    ['X-Real-IP', { 'X-Real-IP': '203.0.113.9' }, '203.0.113.9'],
    [
      'X-Real-IP of a proxy',
      { 'X-Forwarded-For': '203.0.113.9, 10.1.1.1', 'X-Real-IP': '10.1.1.1' },
      '203.0.113.9',
    ],
    ['both', { Forwarded: 'for=203.0.113.9', 'X-Forwarded-For': '203.0.113.9' }, '203.0.113.9'],
  ]) {
    for (const [transport, text] of Object.entries(SUBSCRIBERS)) {
      test(`${what} names the client: ${transport}`, async (t) => {
        const topic = `p/${what.replaceAll(' ', '')}`;
        const raw = await send(t, hub, text(topic, headers), { from: PROXY });
        assert.ok([200, 101].includes(statusOf(raw)));
        assert.equal(await addressOf(hub, topic), address);
        raw.destroy();
        await eventually(async () => (await clients(hub)).length === 1, 'it to be gone');
      });
    }

    test(`${what}: the client is elsewhere, and may do as the anonymous`, async (t) => {
      assert.equal(await publishStatus(t, hub, headers, { from: PROXY }), 403);
    });
  }

  test('a waiting long-poll is shown with its client, in longwirectl too', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(getText('/t/p/wait?wait=50', { 'X-Forwarded-For': '203.0.113.77' }));
    const seen = await eventually(
      async () => (await clients(hub)).find(({ topics }) => topics.includes('p/wait')),
      'the poll',
    );
    assert.equal(seen.address, '203.0.113.77');
    const shown = await run(join(BUILD, 'longwirectl'), ['-s', hub.socket, 'clients']);
    assert.match(shown.stdout, /203\.0\.113\.77/);
  });

  test('a line of the log has the client', async (t) => {
    const headers = { Accept: 'text/event-stream', 'X-Forwarded-For': '203.0.113.88' };
    for (let n = 0; n < 16; n++) {
      await publish(hub, 'p/much', Buffer.alloc(1_000_000), { local: true });
    }
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    raw.pause();
    await raw.write(getText('/t/p/much?after=earliest', headers));
    const line = /connection \d+ from 203\.0\.113\.88 \(sse\): the peer does not read/;
    await eventually(() => line.test(hub.stderr()), 'its line');
  });

  for (const [what, headers] of [
    ['no field', {}],
    ['a client on this machine', { 'X-Forwarded-For': '127.9.9.9' }],
    ['a client on this machine, IPv6', { Forwarded: 'for="[::1]"' }],
    ['only proxies', { 'X-Forwarded-For': '127.0.0.1' }],
    ['all fields agree', { 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1', Via: '1.1 x' }],
    ['X-Real-IP alone', { 'X-Real-IP': '127.0.0.1' }],
  ]) {
    test(`everything is allowed: ${what}`, async (t) => {
      assert.equal(await publishStatus(t, hub, headers, { from: PROXY }), 201);
    });
  }

  for (const [what, headers] of [
    ['it does not say who', { Forwarded: 'for=unknown' }],
    ['it hides who', { Forwarded: 'for=_x' }],
    ['it does not name anybody', { Forwarded: 'proto=http' }],
    ['it is malformed', { 'X-Forwarded-For': 'nonsense' }],
    ['fields differ', { Forwarded: 'for=127.0.0.1', 'X-Forwarded-For': '203.0.113.9' }],
    ['fields differ', { Forwarded: 'for=203.0.113.9', 'X-Forwarded-For': '127.0.0.1' }],
    ['fields differ', { Forwarded: 'for=x', 'X-Forwarded-For': '127.0.0.1' }],
    ['an empty field', { 'X-Forwarded-For': '' }],
    ['blanks', { 'X-Forwarded-For': ' ' }],
    ['commas alone', { 'X-Forwarded-For': ', ,' }],
    ['an empty element at the end', { 'X-Forwarded-For': '127.0.0.1,' }],
    ['an empty field behind one', { 'X-Forwarded-For': ['127.0.0.1', ''] }],
    ['an empty Forwarded', { Forwarded: '' }],
    ['commas alone in Forwarded', { Forwarded: ',' }],
    ['an empty Forwarded besides', { Forwarded: '', 'X-Forwarded-For': '127.0.0.1' }],
    ['an empty X-Real-IP', { 'X-Real-IP': '' }],
    ['an empty X-Real-IP besides', { 'X-Real-IP': '', 'X-Forwarded-For': '127.0.0.1' }],
    ['X-Real-IP is elsewhere', { 'X-Real-IP': '203.0.113.9' }],
    ['X-Real-IP differs', { 'X-Real-IP': '203.0.113.9', 'X-Forwarded-For': '127.0.0.1' }],
    ['Via alone', { Via: '1.1 proxy.example' }],
    ['X-Forwarded-Proto alone', { 'X-Forwarded-Proto': 'https' }],
    ['here, but behind a proxy elsewhere', { 'X-Forwarded-For': '127.0.0.1, 10.1.1.1' }],
    ['fields agree, and one names a proxy elsewhere', { Forwarded: 'for=127.0.0.1', 'X-Forwarded-For': '127.0.0.1, 10.1.1.1' }],
    ['X-Real-IP is a proxy elsewhere', { 'X-Real-IP': '10.1.1.1', 'X-Forwarded-For': '127.0.0.1' }],
    ['only proxies, and the first is elsewhere', { 'X-Forwarded-For': '10.1.1.1, 127.0.0.1' }],
  ]) {
    test(`who is not known to be here may do as the anonymous: ${what}`, async (t) => {
      assert.equal(await publishStatus(t, hub, headers, { from: PROXY }), 403);
    });
  }

  test('who is not known has the address of the proxy', async (t) => {
    const headers = { Accept: 'text/event-stream', Forwarded: 'for=unknown' };
    const raw = await send(t, hub, getText('/t/p/hidden', headers));
    assert.equal(await addressOf(hub, 'p/hidden'), `127.0.0.1:${raw.localPort}`);
  });

  test('from anybody else it means nothing', async (t) => {
    const headers = { Accept: 'text/event-stream', 'X-Forwarded-For': '203.0.113.9' };
    const raw = await send(t, hub, getText('/t/p/stranger', headers), { from: STRANGER });
    assert.equal(await addressOf(hub, 'p/stranger'), `${STRANGER}:${raw.localPort}`);
    assert.equal(await publishStatus(t, hub, headers, { from: STRANGER }), 201);
  });

  test('each request of a connection has its own client', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const elsewhere = { 'X-Forwarded-For': '203.0.113.9' };
    await raw.write(
      [
        postText('p/each', { 'X-Forwarded-For': '127.0.0.1' }),
        getText('/t/p/each?wait=0', elsewhere),
        postText('p/each'),
        postText('p/each', elsewhere), // refused before its body, which ends the connection
      ].join(''),
    );
    const statuses = `${await raw.untilClosed()}`.match(/(?<=HTTP\/1\.1 )\d{3}/g);
    assert.deepEqual(statuses, ['201', '200', '201', '403']);
  });

  for (const [what, headers] of [
    ['that names nobody', {}],
    ['that hides its client', { 'X-Forwarded-For': 'unknown' }],
  ]) {
    for (const [transport, text] of Object.entries(SUBSCRIBERS)) {
      test(`a request ${what} has no address of the one before: ${transport}`, async (t) => {
        const raw = await RawSocket.open(hub);
        t.after(() => raw.destroy());
        const topic = `p/next/${transport}/${what}`.replaceAll(' ', '');
        const elsewhere = { 'X-Forwarded-For': '203.0.113.9' };
        await raw.write(getText('/t/p/each?wait=0', elsewhere) + text(topic, headers));
        await raw.until((data) => `${data}`.split('HTTP/1.1 ').length > 2, 'two answers');
        assert.equal(await addressOf(hub, topic), `127.0.0.1:${raw.localPort}`);
      });
    }
  }

  test('what else proxies write does not make an origin the same', async (t) => {
    const page = { Origin: 'https://hub.example', 'X-Forwarded-For': '127.0.0.1' };
    for (const headers of [
      { 'X-Forwarded-Host': 'hub.example', 'X-Forwarded-Proto': 'https' },
      { Forwarded: 'for=127.0.0.1;host=hub.example;proto=https' },
    ]) {
      assert.equal(await publishStatus(t, hub, { ...page, ...headers }), 403);
    }
  });
});

test('by default nobody is believed', async (t) => {
  const hub = await startHub(t);
  const headers = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
  assert.equal(await publishStatus(t, hub, headers), 201);
  const raw = await send(t, hub, SUBSCRIBERS.WebSocket('p/direct', headers));
  assert.equal(await addressOf(hub, 'p/direct'), `127.0.0.1:${raw.localPort}`);
});

test('whom to believe can be changed by a reload', async (t) => {
  const hub = await startHub(t);
  const headers = { 'X-Forwarded-For': '203.0.113.9' };
  assert.equal(await publishStatus(t, hub, headers), 201);
  writeFileSync(hub.config, `[http]\ntrusted_proxies = ${PROXY}\n`);
  hub.signal('SIGHUP');
  const refused = async () => (await publishStatus(t, hub, headers)) === 403;
  await eventually(refused, 'the new configuration');
});

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V4 = '\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x67\x00\x50';
const V6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(15)}\x01\x12\x67\x00\x50`;

describe('the PROXY protocol', () => {
  const hub = suiteHub({
    set: {
      'http.proxy_protocol': 'on',
      'http.trusted_proxies': [PROXY, '10.0.0.0/8'],
      'access.anonymous': 'subscribe',
    },
  });

  const HEADERS = {
    'version 1, TCP4': ['PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n', '192.0.2.1:4711'],
    'version 1, TCP6': ['PROXY TCP6 2001:db8::1 ::1 4711 80\r\n', '[2001:db8::1]:4711'],
    'version 2, IPv4': [`${SIGNATURE}\x21\x11\x00\x0c${V4}`, '192.0.2.1:4711'],
    'version 2, IPv6': [`${SIGNATURE}\x21\x21\x00\x24${V6}`, '[2001:db8::1]:4711'],
    'version 2 with extensions': [
      `${SIGNATURE}\x21\x11\x00\x13${V4}\x04\x00\x04abcd`,
      '192.0.2.1:4711',
    ],
  };

  for (const [what, [header, address]] of Object.entries(HEADERS)) {
    test(`${what}: the client has its address, and may do as the anonymous`, async (t) => {
      const topic = `p/${what.replaceAll(/[ ,]/g, '')}`;
      const text = getText(`/t/${topic}`, { Accept: 'text/event-stream' });
      await send(t, hub, Buffer.from(header + text, 'latin1'));
      assert.equal(await addressOf(hub, topic), address);
      assert.equal(await publishStatus(t, hub, {}, { before: header }), 403);
    });

    test(`${what}: byte by byte`, async (t) => {
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      const bytes = Buffer.from(header + getText('/healthz'), 'latin1');
      for (const byte of bytes) await raw.write(Buffer.from([byte]));
      await raw.untilText('HTTP/1.1 200 ');
    });
  }

  test('a client on this machine may do everything', async (t) => {
    const before = 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n';
    assert.equal(await publishStatus(t, hub, {}, { before }), 201);
  });

  test('a connection for the proxy itself is its own', async (t) => {
    const before = `${SIGNATURE}\x20\x00\x00\x00`;
    assert.equal(await publishStatus(t, hub, {}, { before }), 201);
  });

  for (const before of ['PROXY UNKNOWN\r\n', `${SIGNATURE}\x21\x00\x00\x00`]) {
    test('who is not known may do as the anonymous', async (t) => {
      assert.equal(await publishStatus(t, hub, {}, { before }), 403);
      const here = { 'X-Forwarded-For': '127.0.0.1' };
      assert.equal(await publishStatus(t, hub, here, { before }), 403);
    });
  }

  test('a proxy behind the proxy may say more, anybody else may not', async (t) => {
    const text = (topic) =>
      getText(`/t/${topic}`, { Accept: 'text/event-stream', 'X-Forwarded-For': '203.0.113.9' });
    await send(t, hub, `PROXY TCP4 10.7.7.7 10.0.0.1 4711 80\r\n${text('p/chain')}`);
    assert.equal(await addressOf(hub, 'p/chain'), '203.0.113.9');
    await send(t, hub, `PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n${text('p/liar')}`);
    assert.equal(await addressOf(hub, 'p/liar'), '192.0.2.7:4711');
    const here = { 'X-Forwarded-For': '127.0.0.1' };
    const before = 'PROXY TCP4 10.7.7.7 10.0.0.1 4711 80\r\n';
    assert.equal(await publishStatus(t, hub, here, { before }), 403);
  });

  for (const [what, text] of [
    ['no header', getText('/healthz')],
    ['half a header', 'PROXY TCP4 192.0.2.1\r\n'],
    ['a header that is too long', `PROXY UNKNOWN ${'x'.repeat(200)}`],
    ['version 3', `${SIGNATURE}\x31\x11\x00\x0c`],
    ['no room for its addresses', `${SIGNATURE}\x21\x11\x00\x0b`],
    ['more than 4096 bytes', `${SIGNATURE}\x21\x11\xff\xff`],
    ['TLS', '\x16\x03\x01\x02\x00'],
  ]) {
    test(`${what}: closed without a word, and counted`, async (t) => {
      const errors = await counter(hub, 'proxy_errors');
      const raw = await RawSocket.open(hub);
      t.after(() => raw.destroy());
      await raw.write(Buffer.from(text, 'latin1'));
      assert.equal((await raw.untilClosed()).length, 0);
      assert.equal(await counter(hub, 'proxy_errors'), errors + 1);
    });
  }

  test('who is no proxy is closed at once, and counted', async (t) => {
    const errors = await counter(hub, 'proxy_errors');
    const raw = await RawSocket.open(hub, { from: STRANGER });
    t.after(() => raw.destroy());
    assert.equal((await raw.untilClosed()).length, 0);
    assert.equal(await counter(hub, 'proxy_errors'), errors + 1);
  });

  test('a header that trickles in is cut off, and counted', async (t) => {
    const hub = await startHub(t, {
      set: {
        'http.proxy_protocol': 'on',
        'http.trusted_proxies': PROXY,
        'http.head_timeout': '1s',
      },
    });
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const end = Date.now() + WAIT_MS;
    for (const byte of `PROXY UNKNOWN ${' '.repeat(90)}`) {
      if (raw.closed) break;
      assert.ok(Date.now() < end);
      await raw.write(byte);
      await sleep(100);
    }
    assert.ok(raw.closed);
    assert.equal(raw.received.length, 0);
    assert.equal(await counter(hub, 'proxy_errors'), 1);
  });

  test('the local socket has none', async () => {
    assert.equal((await get(hub, '/healthz', { local: true })).status, 200);
  });
});
