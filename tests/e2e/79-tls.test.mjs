// HTTPS: every transport with every client, by both record layers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { launch, run, suiteHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Authority, sClient, secureRequest, secureSettings, secureView } from './lib/tls.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const json = (text) => JSON.parse(text);

/** Python's ssl, which reads until the hub ends the connection. */
const PYTHON = `
import socket, ssl, sys
ca, port, request = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)
with socket.create_connection(('127.0.0.1', port)) as plain:
    with context.wrap_socket(plain, server_hostname='localhost') as s:
        s.sendall(request.encode())
        data = b''
        while True:
            some = s.recv(65536)
            if not some:
                break
            data += some
        print(s.version(), s.cipher()[0])
        print(data.decode())
`;

const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

for (const compact of ['yes', 'no']) {
  describe(`HTTPS, tls.compact = ${compact}`, () => {
    const authority = new Authority();
    const ca = authority.pem;
    const set = secureSettings(authority.issue('hub'), { 'tls.compact': compact });
    const hub = suiteHub({ set });
    const curl = (args) => run('curl', ['-sS', '--cacert', authority.file, ...args]);
    const url = (path) => `https://localhost:${hub.securePort}${path}`;

    test('the ready line tells both addresses', () => {
      assert.match(hub.addresses.join(), /^127\.0\.0\.1:\d+$/);
      assert.match(hub.secureAddresses.join(), /^127\.0\.0\.1:\d+$/);
    });

    for (const version of ['--http1.1', '--http2']) {
      test(`curl ${version} publishes, polls and asks for figures`, async () => {
        const topic = `/t/curl${version}`;
        const published = await curl([version, '-d', 'hello', url(topic)]);
        assert.match(published.stdout, /^\{"id":"\d+-\d+"\}/);
        const read = await curl([version, url(`${topic}?after=earliest&wait=0`)]);
        assert.equal(json(read.stdout).messages[0].data, 'hello');
        for (const path of ['/healthz', '/readyz', '/metrics']) {
          const { code, stdout } = await curl([version, '-f', url(path)]);
          assert.equal(code, 0);
          assert.notEqual(stdout, '');
        }
      });

      test(`curl ${version} follows an event stream`, async (t) => {
        const topic = `/t/stream${version}`;
        for (const data of ['one', 'two']) await curl([version, '-d', data, url(topic)]);
        const words = [version, '-sSN', '--cacert', authority.file, '-H', 'Accept: text/event-stream'];
        const child = launch('curl', [...words, url(`${topic}?after=earliest`)]);
        t.after(() => child.kill());
        let text = '';
        child.stdout.on('data', (data) => {
          text += data;
        });
        await eventually(() => /data: one\n[^]*data: two\n/.test(text), 'both messages');
      });
    }

    test('Node follows an event stream and a WebSocket', async (t) => {
      const secure = secureView(hub, ca);
      const stream = await SseStream.open(secure, 'node/live');
      t.after(() => stream.close());
      const socket = await WsClient.open(secure, 'node/live');
      t.after(() => socket.close());
      await socket.live();
      const big = 'x'.repeat(300_000); // more than a record, and than a socket takes at once
      for (const body of ['hi', big]) {
        const { status } = await secureRequest(hub, '/t/node/live', { ca, method: 'POST', body });
        assert.equal(status, 201);
        const message = await socket.nextMessage();
        assert.equal(message.data, body);
        const isMessage = (block) => block.data !== undefined && block.event === undefined;
        const event = await stream.blocks.next('a message', isMessage);
        assert.equal(event.data, body);
      }
    });

    test('OpenSSL speaks it, and resumes', async () => {
      const session = authority.path('session.pem');
      const resumed = await counter(hub, 'tls_resumed');
      const before = await counter(hub, 'tls_compact');
      const options = { input: GET };
      const first = await sClient(hub, ['-ign_eof', '-sess_out', session], options);
      assert.match(first.stdout, /New, TLSv1\.[23], Cipher is /);
      assert.match(first.stdout, /\r\n\r\nok\n/);
      for (let i = 0; i < 2; i++) {
        const again = await sClient(hub, ['-ign_eof', '-sess_in', session], options);
        assert.match(again.stdout, /Reused, TLSv1\.[23], Cipher is /);
        assert.match(again.stdout, /\r\n\r\nok\n/);
      }
      assert.equal(await counter(hub, 'tls_resumed'), resumed + 2);
      assert.equal((await counter(hub, 'tls_compact')) - before, compact === 'yes' ? 3 : 0);
    });

    for (const suite of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305']) {
      test(`OpenSSL's ECDHE-ECDSA-${suite}`, async () => {
        const args = ['-ign_eof', '-tls1_2', '-cipher', `ECDHE-ECDSA-${suite}`];
        const { stdout } = await sClient(hub, args, { input: GET });
        assert.match(stdout, new RegExp(`Cipher is ECDHE-ECDSA-${suite}`));
        assert.match(stdout, /\r\n\r\nok\n/);
      });
    }

    test("Python's ssl", async () => {
      const args = ['-c', PYTHON, authority.file, String(hub.securePort), GET];
      const { code, stdout, stderr } = await run('python3', args);
      assert.equal(code, 0, stderr); // no "EOF occurred in violation of protocol"
      assert.match(stdout, /^TLSv1\.[23] /);
      assert.match(stdout, /\r\n\r\nok\n/);
    });

    test('GnuTLS', async (t) => {
      const args = ['--x509cafile', authority.file, '-p', String(hub.securePort), 'localhost'];
      const child = launch('gnutls-cli', args, { stdio: ['pipe', 'pipe', 'inherit'] });
      t.after(() => child.kill());
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      child.stdin.write(GET); // at the end of its input it would wait for no more than two seconds
      await within(child.ended, 'gnutls-cli to end');
      assert.match(text, /Handshake was completed/);
      assert.match(text, /\n\r?\nok\n|\r\n\r\nok/);
    });

    test('a client that asks for short records gets them', async () => {
      const args = ['-ign_eof', '-tls1_2', '-maxfraglen', '512'];
      const { stdout } = await sClient(hub, args, { input: GET.replace('healthz', 'metrics') });
      assert.match(stdout, /Max Fragment Len: 512|HTTP\/1\.1 200 OK/);
      assert.match(stdout, /longwire_topics/);
    });

    test('nothing of all this counts as a failure', async () => {
      for (const name of ['protocol', 'internal', 'suite', 'version', 'certificate'])
        assert.equal(await counter(hub, `tls_failed_${name}`), 0, name);
    });
  });
}
