// What administrators are told of TLS: HUB TLS, `longwirectl tls` and /metrics.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { Authority, secureRequest, secureSettings } from './lib/tls.mjs';

const told = async (hub) => JSON.parse((await longwirectl(hub, ['tls', '--json'])).stdout);

describe('what is told of TLS', () => {
  const authority = new Authority('Admin CA');
  const files = authority.issue('own', { names: ['localhost', '*.a.example'], days: 30 });
  const other = authority.issue('other', { names: ['b.example'], kind: 'rsa', days: 10 });
  const hub = suiteHub({
    set: secureSettings(files),
    config: `[tls "b.example"]\ncertificate = ${other.certificate}\nkey = ${other.key}\n`,
  });

  test('certificates, the first for all others', async () => {
    const { certificates, versions, h2, compact, client_certificates, tickets } = await told(hub);
    const [first, second] = certificates;
    assert.equal(certificates.length, 2);
    assert.deepEqual(
      [first.host, first.file, first.names, first.key],
      [null, files.certificate, 'localhost, *.a.example, 127.0.0.1', 'ECDSA 256'],
    );
    assert.deepEqual([first.subject, first.issuer], ['CN=localhost', 'CN=Admin CA']);
    assert.ok([29, 30].includes(first.days_left), first.days_left);
    assert.equal(Date.parse(first.until) - Date.parse(first.from), 30 * 24 * 3600 * 1000);
    assert.deepEqual([second.host, second.key], ['b.example', 'RSA 2048']);
    assert.ok([9, 10].includes(second.days_left), second.days_left);
    assert.equal(versions[0], '1.2');
    assert.deepEqual([h2, compact, client_certificates, tickets.key], [true, true, false, 'random']);
    assert.ok(tickets.next_key_seconds > 0 && tickets.next_key_seconds <= 12 * 3600);
  });

  test('handshakes are counted', async () => {
    const before = (await told(hub)).handshakes;
    await secureRequest(hub, '/healthz', { ca: authority.pem });
    const after = (await told(hub)).handshakes;
    assert.equal(after.handshakes, before.handshakes + 1);
    assert.equal(after.resumed, before.resumed);
    assert.equal(after.not_tls, 0);
  });

  test('for people, with what ends soon', async () => {
    const { code, stdout } = await longwirectl(hub, ['tls']);
    assert.equal(code, 0);
    assert.match(stdout, /^all others +localhost, \*\.a\.example, 127\.0\.0\.1 +CN=Admin CA +ECDSA 256/m);
    assert.match(stdout, /^b\.example +/m);
    assert.match(stdout, /other\.pem expires in (9|10) days\n$/);
  });

  test('/metrics tells when they end', async () => {
    const { text } = await get(hub, '/metrics');
    const ends = [...text.matchAll(/^longwire_tls_certificate_end_seconds\{host="(.*)"\} (\d+)$/gm)];
    const { certificates } = await told(hub);
    assert.deepEqual(
      ends.map(([, host, end]) => [host, Number(end) * 1000]),
      certificates.map(({ host, until }) => [host ?? '', Date.parse(until)]),
    );
  });
});

test('a hub without TLS says so', async (t) => {
  const hub = await startHub(t);
  const { certificates, versions, handshakes } = await told(hub);
  assert.deepEqual([certificates, versions, handshakes.handshakes], [[], [], 0]);
  assert.match((await longwirectl(hub, ['tls'])).stdout, /^There is no TLS listener/);
  assert.ok(!(await get(hub, '/metrics')).text.includes('tls_certificate_end'));
});
