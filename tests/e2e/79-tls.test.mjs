// HTTPS: who gets in, and what the others get.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { run, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { Authority, secureRequest, secureSettings } from './lib/tls.mjs';

describe('HTTPS', () => {
  const authority = new Authority();
  const files = authority.issue('hub');
  const hub = suiteHub({ set: secureSettings(files) });
  const ca = authority.pem;

  test('the ready line tells both addresses', () => {
    assert.match(hub.addresses.join(), /^127\.0\.0\.1:\d+$/);
    assert.match(hub.secureAddresses.join(), /^127\.0\.0\.1:\d+$/);
  });

  test('curl publishes and reads', async () => {
    const url = `https://localhost:${hub.securePort}/t/curl`;
    const curl = (args) => run('curl', ['-sS', '--cacert', authority.file, ...args]);
    const published = await curl(['-d', 'hello', url]);
    assert.match(published.stdout, /^\{"id":"\d+-\d+"\}/);
    const read = await curl([`${url}?after=earliest&wait=0`]);
    assert.equal(JSON.parse(read.stdout).messages[0].data, 'hello');
  });

  test('Node publishes and reads', async () => {
    const published = await secureRequest(hub, '/t/node', { ca, method: 'POST', body: 'hi' });
    assert.equal(published.status, 201);
    const { body } = await secureRequest(hub, '/t/node?after=earliest&wait=0', { ca });
    assert.equal(JSON.parse(body).messages[0].data, 'hi');
  });

  test('plain HTTP is told to say https', async (t) => {
    const raw = await RawSocket.open(hub, { port: hub.securePort });
    t.after(() => raw.destroy());
    await raw.write('GET /t/a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await raw.untilText('begin with https:// or wss://"}\n');
    assert.match(raw.received.toString(), /^HTTP\/1\.1 400 Bad Request\r\n/);
    await raw.untilClosed();
  });
});
