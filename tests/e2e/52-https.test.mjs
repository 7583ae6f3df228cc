// Pages that are asked for without TLS are sent to where it is spoken.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';

const PAGE = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'hub.example:80' };

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
