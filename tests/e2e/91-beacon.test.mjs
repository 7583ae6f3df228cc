// navigator.sendBeacon in headless Chromium: each thing that it can send, what that is published
// as, from pages of the hub's own origin, of one that is allowed, and of one that is not.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { history } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';

/** Names of other sites, all of them on this machine. */
const RULES = ['--host-resolver-rules=MAP *.example 127.0.0.1'];
const GOOD = 'good.example';
const EVIL = 'evil.example';

/** What to send, as source text for the page, and how it is published. */
const PAYLOADS = {
  string: { source: `'{"a":1} ü'`, data: '{"a":1} ü' },
  'empty string': { source: `''`, data: '' },
  URLSearchParams: { source: `new URLSearchParams({ a: '1', b: 'ü&' })`, data: 'a=1&b=%C3%BC%26' },
  'JSON in a Blob': {
    source: `new Blob(['{"a": 1}'], { type: 'application/json' })`,
    data: { a: 1 },
  },
  'text in a Blob': { source: `new Blob(['text'], { type: 'text/plain' })`, data: 'text' },
  'a form in a Blob': {
    source: `new Blob(['[1]'], { type: 'application/x-www-form-urlencoded' })`,
    data: [1],
  },
  'bytes in a Blob': {
    source: `new Blob([new Uint8Array([0, 255])], { type: 'application/octet-stream' })`,
    data: 'AP8=',
    encoding: 'base64',
  },
  'a Blob without a type': { source: `new Blob(['{"b": 2}'])`, data: { b: 2 } },
  ArrayBuffer: { source: `new Uint8Array([0, 255]).buffer`, data: 'AP8=', encoding: 'base64' },
  'a typed array of text': { source: `new TextEncoder().encode('text')`, data: 'text' },
};

/** How many requests were refused so far. */
async function errors(hub) {
  const admin = await RespClient.open(hub);
  const { counters } = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return counters.http_errors;
}

describe('navigator.sendBeacon', () => {
  let browser;
  let pages;
  const hub = suiteHub();
  const sites = {};

  before(async () => {
    pages = http.createServer((_, reply) => {
      reply.setHeader('Content-Type', 'text/html').end('<!doctype html><title>x</title>');
    });
    await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
    const { port } = pages.address();
    for (const host of ['localhost', GOOD, EVIL]) sites[host] = `http://${host}:${port}`;
    browser = await Browser.launch(RULES);
  });

  after(async () => {
    await browser?.close();
    pages?.close();
  });

  /** A page at `url`, closed with the test. */
  async function open(t, url) {
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(url);
    return page;
  }

  const beacon = (page, where, topic, source) =>
    page.evaluate(`navigator.sendBeacon('${where.url}/t/${topic}', ${source})`);

  /** Waits until `topic` has as many messages as were sent. */
  const arrived = (where, topic, count) =>
    eventually(async () => {
      const messages = await history(where, topic);
      return messages.length === count && messages;
    }, `${count} messages of ${topic}`);

  /** Sends every payload to a topic of its own and compares what is there then. */
  async function assertPublishes(page, where, prefix) {
    for (const [n, [what, { source, data, encoding }]] of Object.entries(PAYLOADS).entries()) {
      const topic = `${prefix}/${n}`;
      assert.equal(await beacon(page, where, topic, source), true, what);
      const [message] = await arrived(where, topic, 1);
      assert.deepEqual(message.data, data, what);
      assert.equal(message.encoding, encoding, what);
    }
  }

  test('of a page of the hub itself', async (t) => {
    await assertPublishes(await open(t, `${hub.url}/`), hub, 'b/same');
  });

  test('of a page of another origin on this machine', async (t) => {
    await assertPublishes(await open(t, sites.localhost), hub, 'b/local');
  });

  test('of a page of an allowed origin', async (t) => {
    const allowing = await startHub(t, { set: { 'access.origin': sites[GOOD] } });
    await assertPublishes(await open(t, sites[GOOD]), allowing, 'b/good');
  });

  test('FormData is published as it is sent, boundaries and all', async (t) => {
    const page = await open(t, sites.localhost);
    const source = `(() => {
      const form = new FormData();
      form.append('name', 'ü');
      form.append('file', new Blob([new Uint8Array([0, 255])]), 'f');
      return form;
    })()`;
    assert.equal(await beacon(page, hub, 'b/form', source), true);
    const [message] = await arrived(hub, 'b/form', 1);
    assert.equal(message.encoding, 'base64');
    const body = Buffer.from(message.data, 'base64');
    const boundary = body.subarray(0, body.indexOf('\r\n')).toString();
    assert.match(boundary, /^--\S+$/);
    assert.ok(body.includes('name="name"\r\n\r\nü\r\n'));
    assert.ok(body.includes(Buffer.from([0, 255])));
    assert.equal(body.subarray(-boundary.length - 4).toString(), `${boundary}--\r\n`);
  });

  test('while the page goes away', async (t) => {
    const page = await open(t, sites.localhost);
    await page.evaluate((url) => {
      addEventListener('pagehide', () => navigator.sendBeacon(url, 'bye'));
    }, `${hub.url}/t/b/bye`);
    await page.goto('about:blank');
    const [message] = await arrived(hub, 'b/bye', 1);
    assert.equal(message.data, 'bye');
  });

  test('of a page of any other origin: refused, whatever it sends', async (t) => {
    const page = await open(t, sites[EVIL]);
    const before = await errors(hub);
    for (const { source } of Object.values(PAYLOADS)) await beacon(page, hub, 'b/evil', source);
    // The browser has asked in advance where it had to, and none of these was allowed, either.
    const count = Object.keys(PAYLOADS).length;
    const all = async () => (await errors(hub)) === before + count;
    await eventually(all, 'all of them to be refused');
    assert.deepEqual(await history(hub, 'b/evil'), []);
  });
});
