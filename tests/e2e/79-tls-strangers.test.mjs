// TLS listeners: who does not get in, what they are told, and that they keep nobody else out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import {
  Authority,
  refusal,
  sClient,
  secureRequest,
  secureSettings,
  secureSocket,
} from './lib/tls.mjs';
import { eventually, within } from './lib/wait.mjs';

const alert = (number) => Buffer.from([21, 3, 3, 0, 2, 2, number]);
const UNEXPECTED_MESSAGE = 10;
const RECORD_OVERFLOW = 22;
const PROTOCOL_VERSION = 70;
const ILLEGAL_PARAMETER = 47;

/** A ClientHello of Node's, as it goes over the wire. */
function clientHello() {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.once('data', (data) => {
        socket.destroy();
        server.close();
        resolve(data);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const hub = { securePort: server.address().port };
      secureSocket(hub, { rejectUnauthorized: false }).then(reject, () => {});
    });
  });
}

/** The same message in records of `size` bytes. */
function inRecords(hello, size) {
  const message = hello.subarray(5);
  const records = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const isServerHello = (data) => data.length > 6 && data[0] === 22 && data[5] === 2;

describe('strangers at a TLS listener', () => {
  const authority = new Authority();
  const ca = authority.pem;
  const files = authority.issue('hub', { names: ['localhost', 'first.example'] });
  const hub = suiteHub({ set: secureSettings(files) });

  async function open(t) {
    const raw = await RawSocket.open(hub, { port: hub.securePort });
    t.after(() => raw.destroy());
    return raw;
  }

  /** What comes back until the hub closes. */
  async function answer(t, data) {
    const raw = await open(t);
    await raw.write(data);
    await raw.untilClosed();
    return raw.received;
  }

  for (const method of ['GET', 'POST', 'get', 'PRI']) {
    test(`plain HTTP is told to say https (${method})`, async (t) => {
      const failed = await counter(hub, 'tls_not_tls');
      const text = `${await answer(t, `${method} /t/a HTTP/1.1\r\nHost: localhost\r\n\r\n`)}`;
      assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
      const [head, body] = text.split('\r\n\r\n');
      assert.equal(Number(/Content-Length: (\d+)/.exec(head)[1]), Buffer.byteLength(body));
      assert.match(JSON.parse(body).detail, /begin with https:\/\//);
      assert.equal(await counter(hub, 'tls_not_tls'), failed + 1);
    });
  }

  const GARBAGE = [
    ['a NUL', [0], UNEXPECTED_MESSAGE],
    ['application data', [23, 3, 3, 0, 1, 0], UNEXPECTED_MESSAGE],
    ['an alert', [21, 3, 3, 0, 2, 2, 40], UNEXPECTED_MESSAGE],
    ['an SSLv2 hello', [0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10], PROTOCOL_VERSION],
    ['a record of version 2', [22, 2, 0, 0, 5, 1, 0, 0, 1, 3], PROTOCOL_VERSION],
    ['a record that is too long', [22, 3, 1, 0x40, 1], RECORD_OVERFLOW],
    ['an empty record', [22, 3, 1, 0, 0], UNEXPECTED_MESSAGE],
    ['another message', [22, 3, 1, 0, 4, 2, 0, 0, 0], UNEXPECTED_MESSAGE],
    ['a hello that is too long', [22, 3, 1, 0, 4, 1, 1, 0, 0], ILLEGAL_PARAMETER],
    ['a hello with more in its record', [22, 3, 1, 0, 6, 1, 0, 0, 1, 3, 3], UNEXPECTED_MESSAGE],
  ];
  for (const [name, bytes, expected] of GARBAGE) {
    test(`${name} gets its alert`, async (t) => {
      assert.deepEqual(await answer(t, Buffer.from(bytes)), alert(expected));
    });
  }

  test('a hello that is cut short inside gets an alert', async (t) => {
    const hello = await clientHello();
    hello[5 + 4 + 34] = 200; // the session id ends behind the message
    const received = await answer(t, hello);
    assert.equal(received[0], 21);
    assert.equal(received[5], 2);
  });

  for (const size of [1, 7, 100]) {
    test(`a hello in records of ${size} bytes is answered`, async (t) => {
      const raw = await open(t);
      await raw.write(inRecords(await clientHello(), size));
      await raw.until(isServerHello, 'a ServerHello');
      assert.ok(isServerHello(raw.received));
    });
  }

  test('a hello that comes byte by byte is answered', async (t) => {
    const raw = await open(t);
    for (const byte of await clientHello()) await raw.write(Buffer.from([byte]));
    await raw.until(isServerHello, 'a ServerHello');
    assert.ok(isServerHello(raw.received));
  });

  test('garbage instead of the second flight gets an alert', async (t) => {
    const failed = await counter(hub, 'tls_failed_protocol');
    const raw = await open(t);
    await raw.write(await clientHello());
    await raw.until(isServerHello, 'a ServerHello');
    const before = raw.received.length;
    await raw.write(Buffer.from([23, 3, 3, 0, 3, 1, 2, 3]));
    await raw.untilClosed();
    assert.ok(raw.received.length > before);
    await eventually(
      async () => (await counter(hub, 'tls_failed_protocol')) === failed + 1,
      'the failure to be counted',
    );
  });

  for (const version of ['-tls1', '-tls1_1']) {
    test(`${version.slice(1)} is refused by protocol_version`, async () => {
      const failed = await counter(hub, 'tls_failed_version');
      const { stderr } = await sClient(hub, [version, '-cipher', 'ALL:@SECLEVEL=0']);
      assert.match(stderr, /alert protocol version/);
      assert.equal(await counter(hub, 'tls_failed_version'), failed + 1);
    });
  }

  const MISMATCHES = [
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }],
    ['suites of RSA keys', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }],
    ['no forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['P-521 alone', { maxVersion: 'TLSv1.2', ecdhCurve: 'P-521' }],
  ];
  for (const [name, options] of MISMATCHES) {
    test(`${name}: refused by handshake_failure`, async () => {
      const failed = await counter(hub, 'tls_failed_suite');
      const why = await refusal(hub, { ca, ...options });
      assert.match(`${why}`, /handshake failure/);
      assert.equal(await counter(hub, 'tls_failed_suite'), failed + 1);
    });
  }

  test('a protocol that is not spoken is refused', async () => {
    const why = await refusal(hub, { ca, ALPNProtocols: ['spdy/3'] });
    assert.match(`${why}`, /no application protocol|handshake failure|illegal parameter/);
  });

  test('a client that does not know the authority says so, and that is counted', async () => {
    const failed = await counter(hub, 'tls_failed_alert');
    const other = new Authority('Another');
    const { stderr } = await sClient(hub, ['-CAfile', other.file, '-verify_return_error']);
    assert.match(stderr, /verify failed/);
    await eventually(
      async () => (await counter(hub, 'tls_failed_alert')) === failed + 1,
      'the alert to be counted',
    );
  });

  test('a name that nobody has gets the first certificate', async () => {
    const socket = await secureSocket(hub, { ca, servername: 'first.example' });
    assert.equal(socket.getPeerCertificate().subject.CN, 'localhost');
    socket.destroy();
    const options = { ca, servername: 'other.example', checkServerIdentity: () => undefined };
    const other = await secureSocket(hub, options);
    assert.equal(other.getPeerCertificate().subject.CN, 'localhost');
    other.destroy();
  });

  test('after all this the others are served', async () => {
    assert.equal((await secureRequest(hub, '/healthz', { ca })).body, 'ok\n');
    assert.ok(readFileSync(files.certificate));
  });
});

describe('those who say nothing', () => {
  const authority = new Authority();
  const ca = authority.pem;
  const more = { 'tls.handshakes_max': '4', 'hub.workers': '1', 'tls.handshake_timeout': '30s' };
  const hub = suiteHub({ set: secureSettings(authority.issue('hub'), more) });

  async function crowd(t, count, data) {
    const list = [];
    for (let i = 0; i < count; i++) {
      const raw = await RawSocket.open(hub, { port: hub.securePort });
      t.after(() => raw.destroy());
      if (data) await raw.write(data);
      list.push(raw);
    }
    return list;
  }

  test('silent connections keep nobody out, and none of them is ended for it', async (t) => {
    const silent = await crowd(t, 300);
    assert.equal((await secureRequest(hub, '/healthz', { ca })).body, 'ok\n');
    assert.equal(silent.filter(({ closed }) => closed).length, 0);
    assert.equal(await counter(hub, 'tls_crowded'), 0);
  });

  test('nor do those who have said half a hello', async (t) => {
    const hello = await clientHello();
    await crowd(t, 50, hello.subarray(0, hello.length - 1));
    assert.equal((await secureRequest(hub, '/healthz', { ca })).body, 'ok\n');
    assert.equal(await counter(hub, 'tls_crowded'), 0);
  });

  test('half handshakes have as many places as there are; the longest goes', async (t) => {
    const hello = await clientHello();
    const crowded = await counter(hub, 'tls_crowded');
    const list = [];
    for (let i = 0; i < 10; i++) {
      const [raw] = await crowd(t, 1, hello);
      await raw.until(isServerHello, 'a ServerHello');
      list.push(raw);
    }
    for (const raw of list.slice(0, 6)) await raw.untilClosed();
    assert.equal(list.slice(6).filter(({ closed }) => closed).length, 0);
    assert.equal(await counter(hub, 'tls_crowded'), crowded + 6);
    assert.equal((await secureRequest(hub, '/healthz', { ca })).body, 'ok\n');
  });

  test('a crowd that came before does not keep newcomers waiting for all of it', async (t) => {
    const hello = await clientHello();
    const isServed = ({ received }) => isServerHello(received);
    const list = await crowd(t, 60, hello);
    await list[0].until(isServerHello, 'a ServerHello');
    const [newcomer] = await crowd(t, 1, hello);
    await newcomer.until(isServerHello, 'a ServerHello for the newcomer');
    assert.ok(list.filter(isServed).length < 40, 'most of the crowd came first');
  });

  // At once they would take each other's places; who is slow, on a busy machine, may have to go.
  test('many at once wait for a place, and are served one after the other', async () => {
    const crowded = await counter(hub, 'tls_crowded');
    const asks = Array.from({ length: 40 }, () => secureRequest(hub, '/healthz', { ca }));
    const done = await within(Promise.allSettled(asks), 'forty requests');
    const served = done.filter(({ value }) => value?.status === 200).length;
    assert.equal(served + (await counter(hub, 'tls_crowded')) - crowded, 40);
  });
});

describe('the time for a handshake', () => {
  const authority = new Authority();
  const more = { 'tls.handshake_timeout': '1s' };
  const hub = suiteHub({ set: secureSettings(authority.issue('hub'), more) });

  const CASES = {
    silence: async () => Buffer.alloc(0),
    'half a hello': async () => (await clientHello()).subarray(0, 40),
    'a hello and nothing more': clientHello,
  };
  for (const [name, bytes] of Object.entries(CASES)) {
    test(`ends ${name}`, async (t) => {
      const late = await counter(hub, 'tls_timeouts');
      const raw = await RawSocket.open(hub, { port: hub.securePort });
      t.after(() => raw.destroy());
      await raw.write(await bytes());
      await raw.untilClosed();
      assert.equal(await counter(hub, 'tls_timeouts'), late + 1);
    });
  }
});
