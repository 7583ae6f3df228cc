// The rules that browsers go by, in Chromium: what moves an EventSource's cursor, what ends it for
// ever, and what a page of another origin may do, with and without credentials.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { get, history, publish } from './lib/http.mjs';
import { SANITIZED, startHub, suiteHub } from './lib/hub.mjs';
import { Memory } from './lib/memory.mjs';
import { RawSocket } from './lib/raw.mjs';
import { startRelay } from './lib/relay.mjs';
import { eventually } from './lib/wait.mjs';

/** Every name in .example is this machine's; the first three are one site. */
const RESOLVER = '--host-resolver-rules=MAP *.example 127.0.0.1';

let browser;
before(async () => {
  browser = await Browser.launch([RESOLVER]);
});
after(() => browser?.close());

/** A new page that shows `url`. */
async function open(t, url) {
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(url);
  return page;
}

// --- EventSource -----------------------------------------------------------------------------------

/** Opens an EventSource in the page, which keeps what happens to it in window.heard. */
function listenInPage(page, url) {
  return page.evaluate((where) => {
    const source = new EventSource(where);
    window.heard = { opened: 0, errors: 0, events: [], data: [], state: () => source.readyState };
    source.onopen = () => window.heard.opened++;
    source.onerror = () => window.heard.errors++;
    source.addEventListener('longwire.live', () => window.heard.events.push('live'));
    source.onmessage = ({ data, lastEventId }) => {
      window.heard.events.push(lastEventId);
      window.heard.data.push(data);
    };
  }, url);
}

/** What has happened so far. */
const heardIn = (page) =>
  page.evaluate(() => {
    const { opened, errors, events, data } = window.heard;
    return { opened, errors, events, data, state: window.heard.state() };
  });

const untilHeard = (page, wanted, what) =>
  eventually(async () => {
    const heard = await heardIn(page);
    return wanted(heard) && heard;
  }, what);

const lastEventIds = (relay) =>
  relay.heads.map((head) => /^Last-Event-ID: (.*)\r$/im.exec(head)?.[1] ?? null);

const cursorOf = async (hub) => (await get(hub, '/cursor')).json().cursor;

describe('an EventSource in Chromium', () => {
  test('has a cursor before its first message, without an event', async (t) => {
    const hub = await startHub(t, { set: { 'http.retry': '100ms' } });
    const relay = await startRelay(t, hub);
    await publish(hub, 'rules/first', 'not for this one');
    const cursor = await cursorOf(hub);
    const page = await open(t, `${hub.url}/`);
    await listenInPage(page, `${relay.url}/t/rules/first`);
    await untilHeard(page, ({ events }) => events.includes('live'), 'the stream to be live');
    relay.cut();
    await publish(hub, 'rules/first', 'while it was away');
    relay.mend();
    const { data } = await untilHeard(page, (heard) => heard.data.length > 0, 'the message');
    assert.deepEqual(data, ['while it was away']);
    assert.equal(lastEventIds(relay)[0], null);
    assert.equal(lastEventIds(relay).at(-1), cursor);
  });

  test('has its cursor moved by heartbeats, without an event', async (t) => {
    const hub = await startHub(t, { set: { 'http.retry': '100ms', 'http.heartbeat': '1s' } });
    const relay = await startRelay(t, hub);
    const page = await open(t, `${hub.url}/`);
    await listenInPage(page, `${relay.url}/t/rules/quiet`);
    await untilHeard(page, ({ events }) => events.includes('live'), 'the stream to be live');
    const moved = [];
    for (let n = 0; n < 3; n++) {
      await publish(hub, 'rules/elsewhere', `of another topic ${n}`);
      moved.push(await cursorOf(hub));
      await eventually(() => relay.answers().includes(`id: ${moved[n]}\n\n`), 'a heartbeat');
    }
    const before = await heardIn(page);
    assert.deepEqual(before, { opened: 1, errors: 0, events: ['live'], data: [], state: 1 });
    relay.cut();
    await untilHeard(page, ({ errors }) => errors > 0, 'it to notice');
    relay.mend();
    await eventually(() => lastEventIds(relay).length > 1, 'it to reconnect');
    assert.equal(lastEventIds(relay).at(-1), moved.at(-1));
  });

  const ends = {
    'a restart': async (hub) => hub.restart(),
    'a crash': async (hub) => {
      await hub.kill9();
      await hub.restart();
    },
    'some seconds without a hub': async (hub, page) => {
      await hub.stop();
      const { errors } = await heardIn(page);
      await untilHeard(page, (heard) => heard.errors >= errors + 3, 'three attempts');
      await hub.restart();
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    test(`survives ${name}`, async (t) => {
      const hub = await startHub(t, { set: { 'http.retry': '100ms' } });
      const page = await open(t, `${hub.url}/`);
      await listenInPage(page, `${hub.url}/t/rules/end`);
      await untilHeard(page, ({ events }) => events.includes('live'), 'the stream to be live');
      const ids = [await publish(hub, 'rules/end', 'before')];
      await untilHeard(page, ({ data }) => data.length === 1, 'the first message');
      await end(hub, page);
      ids.push(await publish(hub, 'rules/end', 'after'));
      const heard = await untilHeard(page, ({ data }) => data.length > 1, 'the second message');
      assert.deepEqual(heard.data, ['before', 'after']);
      assert.deepEqual(
        heard.events.filter((event) => event !== 'live'),
        ids,
      );
    });
  }

  test('survives being told to come later, by a hub that stops', async (t) => {
    const hub = await startHub(t, { set: { 'http.retry': '100ms', 'hub.workers': 1 } });
    const relay = await startRelay(t, hub);
    await publish(hub, 'rules/later', 'kept');
    const page = await open(t, `${hub.url}/`);
    const held = relay.holdBack();
    await listenInPage(page, `${relay.url}/t/rules/later?after=earliest`);
    const release = await held;
    // A worker handles what has come in turn, so by then it has the beginning of the request.
    for (let n = 0; n < 2; n++) await get(hub, '/healthz');
    const stopped = hub.stop();
    await eventually(
      () =>
        get(hub, '/healthz').then(
          () => false,
          () => true,
        ),
      'the hub to accept nothing any more',
    );
    release();
    const heard = await untilHeard(page, ({ errors }) => errors > 0, 'the answer');
    assert.equal(heard.opened, 1, 'the answer is a stream');
    assert.equal(heard.state, 0, 'it tries again');
    assert.match(relay.answers(), /HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n[\da-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n$/);
    await stopped;
    await hub.restart();
    const { data } = await untilHeard(page, (now) => now.data.length > 0, 'the message');
    assert.deepEqual(data, ['kept']);
  });

  test('survives every answer of a hub that is short of memory', {
    skip: SANITIZED && 'the sanitizer has the allocations',
  }, async (t) => {
    const memory = new Memory();
    t.after(() => memory.close());
    const set = { 'http.retry': '100ms', 'hub.workers': 1 };
    const hub = await startHub(t, { set, env: memory.env });
    const relay = await startRelay(t, hub);
    const page = await open(t, `${hub.url}/`); // another origin: every answer has to let it in
    await listenInPage(page, `${relay.url}/t/rules/memory`);
    await untilHeard(page, ({ events }) => events.includes('live'), 'the stream to be live');
    const ids = [];
    let short = true;
    for (let n = 0; short; n++) {
      assert.ok(n < 200, 'the request takes too many allocations');
      relay.cut();
      ids.push(await publish(hub, 'rules/memory', String(n)));
      memory.fail(n);
      relay.mend();
      const { state } = await untilHeard(
        page,
        (heard) => heard.data.length === ids.length || heard.state === 2,
        `message ${n}`,
      );
      assert.notEqual(state, 2, `it gave up: ${relay.answers().slice(-500)}`);
      short = memory.stop() > 0;
    }
    const { events } = await heardIn(page);
    assert.deepEqual(
      events.filter((event) => event !== 'live'),
      ids,
    );
    const later = relay.answers().match(/\r\n\r\n[\da-f]+\r\nretry: \d+\n\n\r\n0\r\n\r\n/g);
    assert.ok(later?.length > 5, 'the hub told it to come back');
    t.diagnostic(`${ids.length - 1} allocations failed; ${later.length} times it was to come back`);
  });

  test('survives that the hub has no room for it', async (t) => {
    const set = { 'http.retry': '100ms', 'http.max_connections': 16 };
    const hub = await startHub(t, { set });
    const relay = await startRelay(t, hub);
    const page = await open(t, `${hub.url}/`);
    await listenInPage(page, `${relay.url}/t/rules/room`);
    await untilHeard(page, ({ events }) => events.includes('live'), 'the stream to be live');
    relay.cut();
    await untilHeard(page, ({ errors }) => errors > 0, 'it to notice');
    const others = await Promise.all(Array.from({ length: 32 }, () => RawSocket.open(hub)));
    t.after(() => others.forEach((raw) => raw.destroy()));
    await eventually(() => /accepting no more TCP connections/.test(hub.stderr()), 'the limit');
    const id = await publish(hub, 'rules/room', 'while it was full', { local: true });
    const before = relay.answers();
    relay.mend();
    await eventually(() => lastEventIds(relay).length > 1, 'it to ask again');
    const { state, data } = await heardIn(page);
    assert.deepEqual([state, data, relay.answers()], [0, [], before], 'it waits for an answer');
    for (const raw of others) raw.destroy();
    const heard = await untilHeard(page, (now) => now.data.length > 0, 'the message');
    assert.deepEqual(heard.data, ['while it was full']);
    assert.ok(heard.events.includes(id));
  });

  test('gives up at any other status, which is why the hub does not use one', async (t) => {
    const hub = await startHub(t);
    const page = await open(t, `${hub.url}/`);
    await listenInPage(page, `${hub.url}/t/rules?after=nonsense`);
    const { state } = await untilHeard(page, ({ errors }) => errors > 0, 'an error');
    assert.equal(state, 2);
  });
});

// --- Origins ---------------------------------------------------------------------------------------

/** An empty page on every host and path; serves from when the file is loaded on. */
const pages = http.createServer((_, reply) => {
  reply.setHeader('Content-Type', 'text/html');
  reply.end('<!doctype html>');
});
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
after(() => pages.close());
const origin = (host) => `http://${host}:${pages.address().port}`;

const APP = origin('app.site.example');
const EVIL = origin('evil.example');

/** Runs in the page: tries every transport; each result is one word. */
async function tryAll({ hub, ws, topic, credentials }) {
  const refused = () => 'refused';
  const stream = new Promise((resolve) => {
    const withCredentials = credentials === 'include';
    const source = new EventSource(`${hub}/t/${topic}`, { withCredentials });
    const end = (result) => {
      source.close();
      resolve(result);
    };
    source.addEventListener('longwire.live', () => end('live'));
    source.onerror = () => end('refused');
  });
  const poll = fetch(`${hub}/t/${topic}?wait=0`, { credentials }).then(
    (reply) => (reply.headers.get('Longwire-Cursor') ? 'read' : 'half read'),
    refused,
  );
  const post = fetch(`${hub}/t/${topic}`, {
    method: 'POST',
    credentials,
    headers: { 'Content-Type': 'application/json', 'Longwire-Event': 'cross' },
    body: '{"from":"a page"}',
  }).then(async (reply) => (reply.ok && (await reply.json()).id ? 'published' : 'half'), refused);
  const socket = new Promise((resolve) => {
    const it = new WebSocket(`${ws}/t/${topic}`);
    it.onopen = () => {
      it.close();
      resolve('open');
    };
    it.onerror = () => resolve('refused');
  });
  return Promise.all([stream, poll, post, socket]);
}

const ALL = ['live', 'read', 'published', 'open'];
const NONE = ['refused', 'refused', 'refused', 'refused'];

/** Lets a page of `from` try everything; returns the results and the heads of its requests. */
async function crossOrigin(t, hub, from, topic, credentials) {
  const relay = await startRelay(t, hub);
  const page = await open(t, `${from}/`);
  const authority = `hub.site.example:${relay.port}`;
  await browser.setCookie(authority, 'session', 'secret');
  const where = { hub: `http://${authority}`, ws: `ws://${authority}`, topic, credentials };
  return { results: await page.evaluate(tryAll, where), heads: relay.heads };
}

/** Heads with the cookie, but for those of WebSockets: they always have it. */
const withCookie = (heads) =>
  heads.filter((head) => /^Cookie: session=secret\r$/m.test(head) && !/^Upgrade:/im.test(head));

/** Methods of the requests with these heads, each once. */
const methods = (heads) => [...new Set(heads.map((head) => head.split(' ')[0]))].sort();

describe('pages of other origins in Chromium', () => {
  const named = { 'http.hosts': 'hub.site.example' };
  const hub = suiteHub({ set: { ...named, 'access.origin': APP } });
  const open = suiteHub({ set: { ...named, 'access.origin': '*' } });
  const both = suiteHub({ set: { ...named, 'access.origin': ['*', APP] } });

  test('of a listed one do everything, without credentials', async (t) => {
    const { results, heads } = await crossOrigin(t, hub, APP, 'cross/omit', 'omit');
    assert.deepEqual(results, ALL);
    assert.deepEqual(methods(heads), ['GET', 'OPTIONS', 'POST']);
    assert.deepEqual(withCookie(heads), []);
    assert.equal((await history(hub, 'cross/omit'))[0].event, 'cross');
  });

  test('of a listed one do everything, with credentials', async (t) => {
    const { results, heads } = await crossOrigin(t, hub, APP, 'cross/include', 'include');
    assert.deepEqual(results, ALL);
    assert.deepEqual(methods(withCookie(heads)), ['GET', 'POST']);
    assert.equal(withCookie(heads).length, 3, 'the stream, the poll and the publish');
  });

  for (const credentials of ['omit', 'include']) {
    test(`of one that is not listed do nothing (credentials: ${credentials})`, async (t) => {
      const { results } = await crossOrigin(t, hub, EVIL, 'cross/evil', credentials);
      assert.deepEqual(results, NONE);
      assert.deepEqual(await history(hub, 'cross/evil'), []);
    });
  }

  test('of any do everything without credentials, where * is listed', async (t) => {
    const { results } = await crossOrigin(t, open, EVIL, 'cross/any', 'omit');
    assert.deepEqual(results, ALL);
  });

  test('of any read nothing with credentials, where * is listed', async (t) => {
    const { results } = await crossOrigin(t, open, EVIL, 'cross/any/include', 'include');
    assert.deepEqual(results, ['refused', 'refused', 'refused', 'open']);
    assert.deepEqual(await history(open, 'cross/any/include'), []);
  });

  test('of a listed one do everything with credentials, beside *', async (t) => {
    const { results } = await crossOrigin(t, both, APP, 'cross/both', 'include');
    assert.deepEqual(results, ALL);
  });
});

/** Runs in the page: what sendBeacon can send. */
function sendBeacons(where) {
  const json = new Blob(['{"json":true}'], { type: 'application/json' });
  const binary = new Blob([new Uint8Array([0xff, 0x00])], { type: 'application/octet-stream' });
  return [
    navigator.sendBeacon(`${where}/text`, 'plain ünïcode'),
    navigator.sendBeacon(`${where}/form`, new URLSearchParams({ a: '1' })),
    navigator.sendBeacon(`${where}/json`, json),
    navigator.sendBeacon(`${where}/bytes`, new Uint8Array([0xff, 0x00])),
    navigator.sendBeacon(`${where}/binary`, binary),
  ];
}

describe('sendBeacon in Chromium', () => {
  const hub = suiteHub({ set: { 'access.origin': APP } });
  const anyone = suiteHub({ set: { 'access.origin': '*' } });

  test('publishes what it can send, as what it is', async (t) => {
    const page = await open(t, `${APP}/`);
    const sent = await page.evaluate(sendBeacons, `${hub.url}/t/beacon`);
    assert.deepEqual(sent, Array(5).fill(true));
    const messages = await eventually(async () => {
      const all = await history(hub, 'beacon/#');
      return all.length === 5 && all;
    }, 'all beacons');
    const of = (name) => messages.find(({ topic }) => topic === `beacon/${name}`);
    assert.equal(of('text').data, 'plain ünïcode');
    assert.equal(of('form').data, 'a=1');
    assert.deepEqual(of('json').data, { json: true });
    for (const name of ['bytes', 'binary']) {
      assert.deepEqual([of(name).data, of(name).encoding], ['/wA=', 'base64']);
    }
  });

  test('publishes for any page where * is listed, unless it needs a preflight', async (t) => {
    const relay = await startRelay(t, anyone);
    const page = await open(t, `${EVIL}/`);
    await page.evaluate(sendBeacons, `${relay.url}/t/any-beacon`);
    const preflights = () => relay.heads.filter((head) => head.startsWith('OPTIONS /')).length;
    await eventually(async () => {
      const all = await history(anyone, 'any-beacon/#');
      return all.length === 3 && preflights() === 2;
    }, 'three beacons and two preflights');
    const topics = (await history(anyone, 'any-beacon/#')).map(({ topic }) => topic.split('/')[1]);
    assert.deepEqual(topics.sort(), ['bytes', 'form', 'text']);
  });

  test('publishes as its page is left', async (t) => {
    const page = await open(t, `${APP}/`);
    await page.evaluate((where) => {
      window.addEventListener('pagehide', () => navigator.sendBeacon(where, 'good bye'));
    }, `${hub.url}/t/beacon-bye`);
    await page.goto('about:blank');
    await eventually(async () => (await history(hub, 'beacon-bye')).length === 1, 'the beacon');
  });

  test('publishes nothing for a page of another origin', async (t) => {
    const relay = await startRelay(t, hub);
    const page = await open(t, `${EVIL}/`);
    await page.evaluate(sendBeacons, `${relay.url}/t/evil-beacon`);
    await eventually(() => relay.answers().split('403 Forbidden').length > 5, 'five refusals');
    assert.deepEqual(await history(hub, 'evil-beacon/#'), []);
  });
});
