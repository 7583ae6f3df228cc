// `doctor` over TLS: what it says of certificates, and whom it talks to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, test } from 'node:test';
import tls from 'node:tls';

import { suiteAuthority } from '../e2e/lib/certificates.mjs';
import { ctl } from './lib/ctl.mjs';

const LOCAL = ['DNS:localhost', 'IP:127.0.0.1'];

/** Listens until `t` ends; returns the port. `asked` counts connections that sent a request. */
async function listen(t, server, asked = {}) {
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      asked.requests = (asked.requests ?? 0) + 1;
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    });
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

const serve = (t, { cert, key }, asked, options = {}) =>
  listen(t, tls.createServer({ cert: readFileSync(cert), key: readFileSync(key), ...options }), asked);

/** Runs it with --json; returns its checks by name, and its exit status. */
async function examine(url, ...words) {
  const args = ['doctor', '--hold', '0', '--timeout', '30', '--json', ...words, url];
  const { code, stdout, stderr } = await ctl(args);
  assert.equal(stderr, '');
  const { checks } = JSON.parse(stdout);
  return { code, ...Object.fromEntries(checks.map((check) => [check.check, check])) };
}

describe('doctor and certificates', () => {
  const authority = suiteAuthority();
  const stranger = suiteAuthority();
  const trusting = ['--cacert', authority.root.cert];

  for (const host of ['localhost', '127.0.0.1']) {
    test(`one that is good for ${host} is told with its days`, async (t) => {
      const asked = {};
      const port = await serve(t, authority.sign(LOCAL), asked);
      const found = await examine(`https://${host}:${port}`, ...trusting);
      assert.equal(found.certificate.result, 'ok');
      assert.match(
        found.certificate.details,
        /^(29|30) days left, issued by Longwire test, for localhost, 127\.0\.0\.1$/,
      );
      assert.match(found.TLS.details, /^TLSv1\.[23], TLS/);
      assert.match(found.hub.details, /status 404/);
      assert.ok(asked.requests > 0);
    });
  }

  test('one that ends soon is a note', async (t) => {
    const port = await serve(t, authority.sign(LOCAL, { days: 13 }));
    const { certificate } = await examine(`https://localhost:${port}`, ...trusting);
    assert.equal(certificate.result, 'note');
    assert.match(certificate.details, /^1[23] days left/);
  });

  const bad = {
    'has expired': [() => authority.sign(LOCAL, { days: -1 }), /^it has expired on \d{4}-\d\d-\d\d /],
    'is for another name': [
      () => authority.sign(['DNS:other.example', 'DNS:*.b.example']),
      /^it is not for localhost, but for other\.example, \*\.b\.example /,
    ],
    'has no names': [() => authority.sign([]), /^it is not for localhost, but for nobody: /],
    'is signed by itself': [
      () => authority.selfSigned('/CN=localhost', LOCAL),
      /^it is signed by nobody but itself /,
    ],
    'is issued by a stranger': [
      () => stranger.sign(LOCAL),
      /^it is issued by Longwire test, whom nobody here trusts, and comes without the cert/,
    ],
    'is for no servers': [
      () => authority.sign(LOCAL, { more: ['extendedKeyUsage=clientAuth'] }),
      /^it is not for servers /,
    ],
  };
  for (const [name, [make, expected]] of Object.entries(bad)) {
    test(`one that ${name} is told in a sentence, and nothing is sent`, async (t) => {
      const asked = {};
      const port = await serve(t, make(), asked);
      const found = await examine(`https://localhost:${port}`, ...trusting);
      assert.deepEqual([found.code, found.certificate.result], [1, 'failed']);
      assert.match(found.certificate.details, expected);
      assert.match(found.certificate.details, /\(--insecure goes on in spite of that\)$/);
      assert.equal(found.hub, undefined);
      assert.equal(asked.requests, undefined);
    });
  }

  test('--insecure says the same and goes on', async (t) => {
    const asked = {};
    const port = await serve(t, authority.selfSigned('/CN=localhost', LOCAL), asked);
    const found = await examine(`https://localhost:${port}`, '--insecure');
    assert.equal(found.certificate.result, 'note');
    assert.match(found.certificate.details, /^it is signed by nobody but itself$/);
    assert.match(found.hub.details, /status 404/);
    assert.ok(asked.requests > 0);
  });

  test('several problems are all told', async (t) => {
    const port = await serve(t, authority.sign(['DNS:a.example'], { days: -1 }));
    const { certificate } = await examine(`https://localhost:${port}`, ...trusting);
    assert.match(certificate.details, /^it has expired on \S+; is not for localhost, but for a\.ex/);
  });

  test('a chain is followed to one who is trusted', async (t) => {
    const between = authority.sign([], { more: ['basicConstraints=critical,CA:TRUE'] });
    const { cert, key } = authority.sign(LOCAL, { issuer: between });
    const chain = Buffer.concat([readFileSync(cert), readFileSync(between.cert)]);
    const server = tls.createServer({ cert: chain, key: readFileSync(key) });
    const port = await listen(t, server);
    const { certificate } = await examine(`https://localhost:${port}`, ...trusting);
    assert.equal(certificate.result, 'ok', certificate.details);
  });
});

describe('doctor and what may answer a handshake', () => {
  const authority = suiteAuthority();

  test('HTTP/2 is a note without, and well with', async (t) => {
    for (const [ALPNProtocols, result] of [
      [['http/1.1'], 'note'],
      [['h2', 'http/1.1'], 'ok'],
    ]) {
      const port = await serve(t, authority.sign(LOCAL), {}, { ALPNProtocols });
      const found = await examine(`https://localhost:${port}`, '--insecure');
      assert.equal(found['HTTP/2'].result, result);
    }
  });

  const speaking = {
    'speaks HTTP': [(s) => s.once('data', () => s.end('HTTP/1.1 400 No\r\n\r\n')), /does not speak TLS/],
    'closes at once': [(s) => s.once('data', () => s.end()), /ends before the TLS handshake does/],
    'answers an alert': [
      (s) => s.once('data', () => s.end(Buffer.from([21, 3, 3, 0, 2, 2, 40]))),
      /refuses the TLS handshake/,
    ],
    'says nothing': [() => {}, /not answered in time/],
  };
  for (const [name, [handle, expected]] of Object.entries(speaking)) {
    test(`who ${name}`, async (t) => {
      const port = await listen(t, net.createServer(handle));
      const found = await examine(`https://localhost:${port}`, '--timeout', '1');
      assert.deepEqual([found.code, found.TLS.result], [1, 'failed']);
      assert.match(found.TLS.details, expected);
      assert.equal(found.certificate, undefined);
    });
  }

  test('--cacert has to be a file of certificates', async () => {
    const { key } = authority.sign(LOCAL);
    for (const [file, expected] of [
      ['/nonexistent.pem', /nonexistent\.pem cannot be read; --cacert is a file of certificates/],
      [key, /has no certificates; --cacert is/],
    ]) {
      const { code, stderr } = await ctl(['doctor', '--cacert', file, 'https://localhost:1']);
      assert.equal(code, 1);
      assert.match(stderr, expected);
    }
  });
});
