// The files that the hub serves itself: in which coding they come, and that nobody gets one that it
// has already; over HTTP/1.1 and HTTP/2.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { connect, ask } from './lib/h2.mjs';
import { request } from './lib/http.mjs';
import { BUILD, ROOT, suiteHub } from './lib/hub.mjs';

const FILES = {
  '/longwire.js': 'clients/js/built/longwire.js', // below the build tree
  '/': 'demo/index.html',
  '/demo/demo.js': 'demo/demo.js',
  '/demo/demo.css': 'demo/demo.css',
  '/demo/icon.svg': 'demo/icon.svg',
};

const UNPACK = { gzip: gunzipSync, br: brotliDecompressSync, undefined: (body) => body };

/** By both versions: (method, path, headers) => { status, headers, body }. */
const VERSIONS = {
  'HTTP/1.1': async (t, hub) => (method, path, headers) => request(hub, method, path, { headers }),
  'HTTP/2': async (t, hub) => {
    const session = await connect(t, hub);
    return (method, path, headers) => ask(session, { ':method': method, ':path': path, ...headers });
  },
};

describe("the hub's own files", () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });

  for (const [version, open] of Object.entries(VERSIONS)) {
    for (const [path, file] of Object.entries(FILES)) {
      test(`${path} comes in the coding that is asked for, ${version}`, async (t) => {
        const send = await open(t, hub);
        const plain = readFileSync(join(file.includes('/built/') ? BUILD : ROOT, file));
        const tags = new Set();
        for (const [accepted, expected] of [
          [undefined, undefined],
          ['gzip', 'gzip'],
          ['gzip, deflate, br', 'br'],
          ['br;q=0.1, gzip;q=0.2', 'gzip'],
          ['identity, gzip;q=0.5', undefined],
        ]) {
          const headers = accepted ? { 'accept-encoding': accepted } : {};
          const reply = await send('GET', path, headers);
          assert.equal(reply.status, 200);
          assert.equal(reply.headers['content-encoding'], expected, accepted);
          assert.match(reply.headers.vary, /Accept-Encoding/);
          assert.equal(Number(reply.headers['content-length']), reply.body.length);
          assert.ok(UNPACK[expected](reply.body).equals(plain), accepted);
          if (expected) assert.ok(reply.body.length < plain.length);
          tags.add(reply.headers.etag);

          const head = await send('HEAD', path, headers);
          for (const name of ['content-encoding', 'content-length', 'etag', 'vary', 'content-type']) {
            assert.equal(head.headers[name], reply.headers[name], name);
          }
          assert.equal(head.body.length, 0);
        }
        assert.equal(tags.size, 3, 'each coding has a tag of its own');
      });
    }

    test(`who has a file is told so, ${version}`, async (t) => {
      const send = await open(t, hub);
      const { headers } = await send('GET', '/longwire.js', { 'accept-encoding': 'gzip' });
      const known = { 'if-none-match': `"other", W/${headers.etag}` };
      for (const method of ['GET', 'HEAD']) {
        const reply = await send(method, '/longwire.js', { ...known, 'accept-encoding': 'gzip' });
        assert.equal(reply.status, 304);
        assert.equal(reply.body.length, 0);
        for (const name of ['etag', 'vary', 'cache-control']) {
          assert.equal(reply.headers[name], headers[name], name);
        }
        for (const name of ['content-length', 'content-type', 'content-encoding']) {
          assert.equal(reply.headers[name], undefined, name);
        }
      }
      const other = await send('GET', '/longwire.js', known);
      assert.equal(other.status, 200, 'it is not what it has, but in another coding');
      const any = await send('GET', '/longwire.js', { 'if-none-match': '*' });
      assert.equal(any.status, 304);
    });
  }

  test('a connection goes on behind a 304', async (t) => {
    const session = await connect(t, hub);
    const path = '/longwire.js';
    const { etag } = (await ask(session, { ':path': path })).headers;
    for (let i = 0; i < 3; i++) {
      const again = await ask(session, { ':path': path, 'if-none-match': etag });
      assert.equal(again.status, 304);
    }
    assert.equal((await ask(session, { ':path': path })).status, 200);
  });
});
