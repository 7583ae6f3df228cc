// A page in headless Chromium that uses the browser's own EventSource, and changes its topics by
// the rules of the protocol's section 9: cut off again and again, it gets every message once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { history, publish } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

/** Runs in the page: a client that keeps what section 9 says it has to. */
function startClient() {
  const client = {
    ids: [], // of messages, as they came
    sessions: [],
    wanted: new Set(), // topics added to those of the URL
    places: new Map(), // of those that have not joined
    pending: new Set(), // asked for, and neither the answer nor anything of it has come
    last: '', // lastEventId of the last event
    joined: 0,
  };
  const source = new EventSource('/t/b/url?format=envelope');
  const change = async (session, body) => {
    const headers = { 'Content-Type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const reply = await fetch(`/session/${session}`, init);
    if (reply.status === 404) return; // cut off meanwhile: the next session will do
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    for (const { topic, cursor } of (await reply.json()).subscribed) {
      if (client.pending.delete(topic)) client.places.set(topic, cursor);
    }
  };
  const ask = (list) => {
    for (const { topic, after } of list) {
      client.pending.add(topic);
      if (after) client.places.set(topic, after);
    }
    return change(client.sessions.at(-1), { subscribe: list });
  };
  source.addEventListener('longwire.session', ({ data }) => {
    client.sessions.push(JSON.parse(data).session);
    const old = client.last;
    ask([...client.wanted].map((topic) => ({ topic, after: client.places.get(topic) ?? old })));
  });
  source.addEventListener('longwire.live', ({ data, lastEventId }) => {
    const { topic } = JSON.parse(data);
    client.last = lastEventId;
    if (!topic) return;
    client.joined++;
    client.pending.delete(topic);
    client.places.delete(topic);
  });
  source.addEventListener('message', ({ data, lastEventId }) => {
    const { topic, id } = JSON.parse(data);
    client.last = lastEventId;
    client.ids.push(id);
    client.pending.delete(topic);
    if (client.places.has(topic)) client.places.set(topic, id);
  });
  client.subscribe = (topic, after) => {
    client.wanted.add(topic);
    return ask([{ topic, after }]);
  };
  window.client = client;
}

describe('sessions in Chromium', () => {
  const hub = suiteHub({ set: { 'http.retry': '100ms', 'hub.workers': 2 } });
  let browser;
  let page;

  before(async () => {
    browser = await Browser.launch();
    page = await browser.newPage();
  });

  after(async () => {
    await browser?.close();
  });

  const client = () =>
    page.evaluate(() => {
      const { ids, sessions, joined } = window.client;
      return { ids, sessions, joined };
    });

  const until = (match, what) =>
    eventually(async () => {
      const now = await client();
      return match(now) && now;
    }, what);

  async function kick() {
    const { stdout } = await longwirectl(hub, ['clients', '--json']);
    for (const { id, transport } of JSON.parse(stdout)) {
      if (transport === 'sse') await longwirectl(hub, ['kick', String(id)]);
    }
  }

  test('topics join a native EventSource, and every message comes once', async (t) => {
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    const start = await publish(hub, 'b/start', 'x');
    await publish(hub, 'b/added', 'before');
    await page.goto(`${hub.url}/`);
    await page.evaluate(startClient);
    await until((c) => c.sessions.length === 1, 'the session');
    await page.evaluate((after) => window.client.subscribe('b/added', after), start);
    await until((c) => c.joined === 1 && c.ids.length === 1, 'b/added to join');
    let over = false;
    t.after(() => {
      over = true;
    });
    const publishing = (async () => {
      for (let n = 0; !over; n++) {
        await publish(hub, n % 2 ? 'b/url' : 'b/added', String(n));
      }
    })();
    for (let cut = 1; cut <= 5; cut++) {
      await kick();
      await until((c) => c.sessions.length > cut && c.joined > cut, `session ${cut + 1}`);
    }
    over = true;
    await publishing;
    const topics = ['b/url', 'b/added'];
    const wanted = (await history(hub, topics, start)).map((m) => m.id).sort();
    const { ids } = await until((c) => c.ids.length >= wanted.length, 'all messages');
    assert.deepEqual(ids.sort(), wanted);
    assert.deepEqual(errors, []);
  });
});
