// What real clients make of compressed event streams: they get each message when it is published,
// take the end that has no trailer for an end, and come back where they were; and nginx in between.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventSource } from 'eventsource';

import { Browser } from './lib/browser.mjs';
import { counter } from './lib/counters.mjs';
import { get, publish } from './lib/http.mjs';
import { launch, longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { startNginx, UPGRADE } from './lib/nginx.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, within } from './lib/wait.mjs';

const SSE = { Accept: 'text/event-stream' };

/** About 1 KiB that is compressed, numbered. */
const text = (n) => JSON.stringify({ n, list: Array.from({ length: 60 }, (_, i) => `item ${i}`) });

/** Ends all event streams in order, as a hub that stops does. */
async function kickStreams(hub) {
  const { stdout } = await longwirectl(hub, ['clients', '--json']);
  for (const { id, transport } of JSON.parse(stdout)) {
    if (transport === 'sse') await longwirectl(hub, ['kick', String(id)]);
  }
}

/** Waits until `has` says that it has come: who is still on the way back gets it by its cursor. */
const comes = (has, n) => eventually(() => has(n), `message ${n}`);

describe('compressed event streams, and', () => {
  const hub = suiteHub({ set: { 'http.retry': '100ms' } });

  test('curl --compressed', async (t) => {
    const words = ['-sSN', '--compressed', '-H', 'Accept: text/event-stream', `${hub.url}/t/cl/curl`];
    const child = launch('curl', words, { stdio: ['ignore', 'pipe', 2] });
    t.after(() => child.kill('SIGKILL'));
    let heard = '';
    child.stdout.on('data', (data) => {
      heard += data;
    });
    await eventually(() => heard.includes('longwire.live'), 'the stream to be live');
    const compressed = await counter(hub, 'compressed');
    for (const data of [text(1), 'short']) {
      await publish(hub, 'cl/curl', data);
      await eventually(() => heard.includes(`data: ${data}\n\n`), 'the message');
    }
    await eventually(async () => (await counter(hub, 'compressed')) > compressed, 'the count');
    assert.equal(await counter(hub, 'compressed'), compressed + 1);
    await kickStreams(hub);
    const { code } = await within(child.ended, 'curl to end');
    assert.equal(code, 0);
  });

  test("Node's fetch", async () => {
    const reply = await fetch(`${hub.url}/t/cl/fetch`, { headers: SSE });
    assert.equal(reply.headers.get('content-encoding'), 'gzip');
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    const until = async (wanted) => {
      while (!heard.includes(wanted)) heard += (await within(reader.read(), wanted)).value;
    };
    await until('longwire.live');
    for (const data of [text(1), 'short', text(2)]) {
      await publish(hub, 'cl/fetch', data);
      await until(`data: ${data}\n\n`);
    }
    await kickStreams(hub);
    while (!(await within(reader.read(), 'the end')).done);
  });

  test('eventsource, which comes back by its last id', async (t) => {
    const heard = [];
    const gaps = [];
    const asks = [];
    const source = new EventSource(`${hub.url}/t/cl/es?after=earliest`, {
      fetch: (url, init) => {
        const reply = fetch(url, init);
        reply.then(({ headers }) => asks.push(headers.get('content-encoding')), () => {});
        return reply;
      },
    });
    t.after(() => source.close());
    source.addEventListener('message', ({ data }) => heard.push(JSON.parse(data).n));
    source.addEventListener('longwire.gap', ({ data }) => gaps.push(data));
    for (let n = 0; n < 12; n++) {
      await publish(hub, 'cl/es', text(n));
      if (n % 4 === 3) await kickStreams(hub);
      await comes(() => heard.length > n, n);
    }
    assert.deepEqual(heard, Array.from({ length: 12 }, (_, n) => n));
    assert.deepEqual(gaps, []);
    assert.ok(asks.length > 1 && asks.every((coding) => coding === 'gzip'), asks.join());
  });

  describe('Chromium', () => {
    let browser;
    let page;

    before(async () => {
      browser = await Browser.launch();
      page = await browser.newPage();
    });

    after(async () => {
      await browser?.close();
    });

    test('its EventSource gets each message at once, and comes back by its last id', async () => {
      await page.goto(`${hub.url}/`);
      await page.evaluate(() => {
        window.heard = [];
        window.errors = 0;
        const source = new EventSource('/t/cl/chromium?after=earliest');
        source.addEventListener('message', ({ data }) => window.heard.push(JSON.parse(data).n));
        source.addEventListener('longwire.gap', () => window.errors++);
      });
      const before = await counter(hub, 'compressed');
      for (let n = 0; n < 9; n++) {
        await publish(hub, 'cl/chromium', text(n));
        if (n % 4 === 3) await kickStreams(hub);
        await comes(async () => (await page.evaluate(() => window.heard.length)) > n, n);
      }
      const { heard, errors } = await page.evaluate(() => ({ heard: window.heard, errors: window.errors }));
      assert.deepEqual(heard, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
      assert.equal(errors, 0);
      assert.ok((await counter(hub, 'compressed')) > before);
    });

    test('its fetch reads to the end without an error', async () => {
      await page.goto(`${hub.url}/`);
      await page.evaluate(() => {
        window.text = '';
        window.end = (async () => {
          const reply = await fetch('/t/cl/page', { headers: { Accept: 'text/event-stream' } });
          const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return `${reply.headers.get('content-encoding')}, and it ended`;
            window.text += value;
          }
        })().catch(String);
      });
      const has = (wanted) => eventually(() => page.evaluate((w) => window.text.includes(w), wanted), wanted);
      await has('longwire.live');
      await publish(hub, 'cl/page', text(1));
      await has(`data: ${text(1)}\n\n`);
      await kickStreams(hub);
      assert.equal(await page.evaluate(() => window.end), 'gzip, and it ended');
    });
  });
});

describe('nginx in between', () => {
  const hub = suiteHub({ set: { 'http.compress': 'yes' } });
  const SAID = `${UPGRADE} proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;

  for (const [what, location] of Object.entries({
    'that says for whom it asks': SAID,
    'that unpacks for others': `${SAID} gunzip on;`,
    'that asks by HTTP/1.0': 'proxy_set_header X-Forwarded-For $remote_addr;',
  })) {
    test(`one ${what} passes blocks at once`, async (t) => {
      const nginx = await startNginx(t, hub, { location });
      const sse = await SseStream.open(nginx, ['ng/a'], {}, { 'Accept-Encoding': 'gzip' });
      t.after(() => sse.close());
      assert.equal(sse.headers['content-encoding'], 'gzip');
      await sse.live();
      for (const data of ['short', text(1), text(2)]) {
        await publish(hub, 'ng/a', data);
        assert.equal((await sse.nextMessage()).data, data);
      }
    });
  }

  test('with http.compress = direct nobody behind it gets gzip, unless it says so', async (t) => {
    const direct = await startHub(t);
    const nginx = await startNginx(t, direct, { location: SAID });
    const ask = async (query) =>
      (await get(nginx, `/t/ng/b?after=-1&wait=0${query}`, { headers: { 'Accept-Encoding': 'gzip' } })).headers;
    await publish(direct, 'ng/b', text(1));
    assert.equal((await ask(''))['content-encoding'], undefined);
    assert.equal((await ask('&compress=yes'))['content-encoding'], 'gzip');
  });

  test('doctor says whether the way is good for it', async (t) => {
    const nginx = await startNginx(t, hub, { location: SAID });
    const { stdout } = await longwirectl(hub, ['doctor', '--json', '--hold', '0', nginx.url]);
    const found = JSON.parse(stdout).checks.find(({ check }) => check === 'compression');
    assert.equal(found.result, 'ok');
    assert.match(found.details, /gzip comes at once/);
  });
});
