// Chromium and Firefox on a hub that speaks TLS and HTTP/2: whatever a page opens goes over one
// connection, WebSockets too (RFC 8441), and nothing is missed when that is cut. (A WebSocket
// that comes back before anything else has one of HTTP/1.1 to itself, as browsers have it.)
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { Firefox } from './lib/firefox.mjs';
import { history, publish } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { Authority, secureSettings } from './lib/tls.mjs';
import { eventually, within } from './lib/wait.mjs';

const BROWSERS = {
  Chromium: () => Browser.launch(['--ignore-certificate-errors']),
  Firefox: () => Firefox.launch(),
};
const MESSAGES = 20;

/** What a page does with nothing but what its browser has; ids of messages come to `window.got`. */
const NATIVE = {
  sse: (topic) => {
    window.got = [];
    const source = new EventSource(`/t/${topic}?format=envelope`);
    source.onmessage = ({ data }) => window.got.push(JSON.parse(data).id);
    return new Promise((resolve, reject) => {
      source.onopen = () => resolve(true);
      source.onerror = () => reject(new Error('no event stream'));
    });
  },
  ws: (topic) => {
    window.got = [];
    const socket = new WebSocket(`wss://${location.host}/t/${topic}`);
    return new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.op === undefined) window.got.push(frame.id);
        else resolve(true); // it is subscribed
      };
      socket.onerror = () => reject(new Error('no WebSocket'));
    });
  },
  http: async (topic) => {
    window.got = [];
    const ask = async (after, wait) => {
      const reply = await fetch(`/t/${topic}?wait=${wait}${after ? `&after=${after}` : ''}`);
      const { messages, cursor } = await reply.json();
      window.got.push(...messages.map(({ id }) => id));
      return cursor;
    };
    const follow = async (cursor) => follow(await ask(cursor, 20));
    follow(await ask('', 0)).catch(() => {});
    return true;
  },
};

for (const [name, launchBrowser] of Object.entries(BROWSERS)) {
  describe(`${name}, over TLS and HTTP/2`, () => {
    const files = new Authority().issue('hub');
    const hub = suiteHub({
      set: secureSettings(files, { 'http.demo': 'on', 'http.retry': '100ms', 'hub.workers': 2 }),
    });
    let browser;
    let page;

    before(async () => {
      browser = await launchBrowser();
      page = await browser.newPage();
      await page.goto(`https://localhost:${hub.securePort}/`);
    });
    after(() => browser?.close());

    const clients = async () => JSON.parse((await longwirectl(hub, ['clients', '--json'])).stdout);

    /** Whether `topic` is followed by a stream of a connection that speaks HTTP/2. */
    async function isStream(topic, transport) {
      const all = await clients();
      const one = all.find((c) => c.topics.includes(topic));
      const carrier = one && all.find((c) => c.transport === 'h2' && c.address === one.address);
      return carrier !== undefined && one.transport === transport;
    }

    /** Polls come and go: whether the last one that was answered came over HTTP/2. */
    async function hasPolled(topic) {
      const protocols = await page.evaluate((of) => {
        const entries = performance.getEntriesByType('resource');
        const ours = entries.filter(({ name }) => decodeURIComponent(name).includes(of));
        return ours.map(({ nextHopProtocol }) => nextHopProtocol);
      }, topic);
      return protocols.at(-1) === 'h2';
    }

    const follows = (topic, transport) =>
      eventually(
        () => (transport === 'http' ? hasPolled(topic) : isStream(topic, transport)),
        `${transport} over HTTP/2`,
      );

    /** Ends every connection of the browser that the subscription may be on. */
    async function cut(topic) {
      const all = await clients();
      const ours = all.filter((c) => c.transport === 'h2' || c.topics.includes(topic));
      for (const { id } of ours) await longwirectl(hub, ['kick', String(id)]);
    }

    async function publishTo(topic, count = MESSAGES) {
      const ids = [];
      for (let n = 0; n < count; n++) ids.push(await publish(hub, topic, `${n}`));
      return ids;
    }

    const got = () => page.evaluate(() => window.got);

    /** Waits until the page has so many messages, and looks whether they are those. */
    async function assertGot(ids) {
      await eventually(async () => (await got()).length >= ids.length, `${ids.length} messages`);
      assert.deepEqual(await got(), ids);
    }

    test('the page', async () => {
      const protocol = () => performance.getEntriesByType('navigation')[0].nextHopProtocol;
      assert.equal(await page.evaluate(protocol), 'h2');
    });

    for (const [transport, follow] of Object.entries(NATIVE)) {
      test(`what the browser has: ${transport}`, async () => {
        const topic = `native/${transport}`;
        assert.equal(await within(page.evaluate(follow, topic), transport), true);
        await follows(topic, transport);
        await assertGot(await publishTo(topic));
      });
    }

    for (const transport of ['sse', 'poll', 'websocket']) {
      test(`longwire.js: ${transport}, and its connection is cut`, async () => {
        const topic = `script/${transport}`;
        const start = await publish(hub, topic, 'first');
        await page.evaluate(
          async ([by, of, after]) => {
            await fetch('/healthz'); // there is a connection of HTTP/2 to join
            const { Longwire } = await import('/longwire.js');
            window.got = [];
            const onMessage = ({ id }) => window.got.push(id);
            const options = { transport: by, after, onMessage };
            window.subscription = new Longwire(location.origin).subscribe(of, options);
          },
          [transport, topic, start],
        );
        const kind = { websocket: 'ws', poll: 'http' }[transport] ?? transport;
        const first = await publishTo(topic);
        await follows(topic, kind);
        await assertGot(first);
        for (let n = 1; n <= 3; n++) {
          await cut(topic);
          await publishTo(topic, 3);
          const due = MESSAGES + 3 * n;
          await eventually(async () => (await got()).length >= due, `message ${due}`);
        }
        const wanted = (await history(hub, topic, start)).map(({ id }) => id);
        assert.equal(wanted.length, MESSAGES + 9);
        await assertGot(wanted);
        const shared = await page.evaluate(() => window.subscription.shared);
        assert.equal(shared ?? undefined, transport === 'websocket' ? undefined : true);
        await page.evaluate(() => window.subscription.close());
      });
    }
  });
}
