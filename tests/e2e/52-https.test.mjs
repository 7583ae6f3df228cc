// Pages that are asked for without TLS are sent to where it is spoken, and browsers are to stay there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { describe, test } from 'node:test';

import { get, history, request } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { Authority, secureRequest, secureSettings } from './lib/tls.mjs';

const PAGE = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'hub.example:80' };

describe('http.hsts', () => {
  const authority = new Authority();
  const ca = authority.pem;

  for (const compact of ['on', 'off']) {
    test(`who came by TLS is told to stay, over HTTP/1.1 and 2 (tls.compact = ${compact})`, async (t) => {
      const files = authority.issue(`hsts-${compact}`);
      const more = { 'http.hsts': '30d', 'http.redirect_https': '443', 'tls.compact': compact };
      const hub = await startHub(t, { set: secureSettings(files, more) });
      const stays = 'max-age=2592000';
      for (const path of ['/healthz', '/', '/nothing', '/t/a?wait=0']) {
        const { headers } = await secureRequest(hub, path, { ca, headers: { accept: PAGE.accept } });
        assert.equal(headers['strict-transport-security'], stays, path);
        assert.equal(headers.location, undefined, path);
        assert.equal((await get(hub, path)).headers['strict-transport-security'], undefined, path);
      }
      const published = { ca, method: 'POST', body: 'x' };
      const { headers } = await secureRequest(hub, '/t/a', published);
      assert.equal(headers['strict-transport-security'], stays);
      const session = http2.connect(`https://localhost:${hub.securePort}`, { ca });
      t.after(() => session.destroy());
      const [answer] = await once(session.request({ ':path': '/healthz' }), 'response');
      assert.equal(answer['strict-transport-security'], stays);
    });
  }
});

describe('http.redirect_https', () => {
  const hub = suiteHub({ set: { 'http.redirect_https': '8443', 'http.demo': 'on' } });

  test('pages are sent there', async () => {
    for (const [method, path] of [
      ['GET', '/?x=1'],
      ['HEAD', '/demo/demo.js'],
    ]) {
      const { status, headers, text } = await request(hub, method, path, { headers: PAGE });
      assert.equal(status, 308);
      assert.equal(headers.location, `https://hub.example:8443${path}`);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(text, method === 'GET' ? 'This page is served over HTTPS only.\n' : '');
    }
  });

  test('what programs ask for is answered as ever', async () => {
    const own = { ...PAGE, host: `127.0.0.1:${hub.port}` };
    const asked = { headers: own, body: 'kept' };
    assert.equal((await request(hub, 'POST', '/t/a', asked)).status, 201);
    assert.deepEqual((await history(hub, 'a')).map(({ data }) => data), ['kept']);
    for (const path of ['/healthz', '/t/a?wait=0', '/longwire.js']) {
      assert.equal((await get(hub, path, { headers: own })).status, 200, path);
    }
    const script = { ...own, accept: '*/*' };
    assert.equal((await get(hub, '/demo/demo.js', { headers: script })).status, 200);
  });
});
