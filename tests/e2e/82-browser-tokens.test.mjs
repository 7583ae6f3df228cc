// Tokens in headless Chromium: native EventSource, whose cookie is all that it can bring, and another
// token in the middle of its stream; native WebSockets; and longwire.js on each transport.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { counter } from './lib/counters.mjs';
import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { UPGRADE, suiteNginx } from './lib/nginx.mjs';
import { Keys, now, testEnd } from './lib/tokens.mjs';
import { eventually, sleep } from './lib/wait.mjs';

const COOKIE = 'longwire_token';
/** So many tokens follow each other in one stream. */
const TOKENS = 20;

/** An application that has one empty page, and the hub at the same origin. */
const withApplication = (hubPort, port) => `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location = /application { default_type text/html; return 200 '<!doctype html><p>'; }
    location / {
      proxy_pass http://127.0.0.1:${hubPort};
      proxy_set_header Host $http_host;
      ${UPGRADE}
    }
  }`;

/** Runs in the page: an EventSource, and what it has told. `window.more()` asks the test for a token. */
function follow([path, renews]) {
  window.stop?.();
  const told = { ids: [], last: '', opened: 0, gaps: [], expired: [], renewed: 0, statuses: [] };
  const source = new EventSource(path);
  let session = '';
  const renew = async () => {
    const token = await window.more();
    document.cookie = `longwire_token=${token}; path=/`;
    const reply = await fetch(`/session/${session}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    told.statuses.push(reply.status);
    if (reply.ok) told.renewed++;
    return reply.status;
  };
  source.onopen = () => told.opened++;
  source.onmessage = ({ data, lastEventId }) => {
    told.ids.push(JSON.parse(data).id);
    told.last = lastEventId;
  };
  const listen = (name, heard) =>
    source.addEventListener(`longwire.${name}`, ({ data }) => heard(JSON.parse(data)));
  listen('session', (data) => (session = data.session));
  listen('gap', (gap) => told.gaps.push(gap));
  listen('expired', ({ reason }) => told.expired.push(reason));
  listen('auth', () => renews && renew());
  window.told = () => ({ ...told, state: source.readyState });
  window.renew = renew;
  window.hasSession = () => session !== '';
  window.stop = () => source.close();
}

describe('tokens in Chromium', () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: { ...keys.settings, 'http.retry': '100ms', 'hub.workers': 2 } });
  const nginx = suiteNginx(hub, { text: withApplication });
  const send = (topic, data) => publish(hub, topic, data, { local: true });
  const errors = [];
  /** What `window.more()` answers. */
  let nextToken = () => '';
  let browser;
  let page;

  before(async () => {
    browser = await Browser.launch();
    page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.exposeFunction('more', () => nextToken());
    await page.goto(`${nginx.url}/application`);
  });
  after(() => browser?.close());

  const told = () => page.evaluate(() => window.told());
  const until = (match, what) =>
    eventually(async () => {
      const one = await told();
      return match(one) && one;
    }, what);
  const bring = (token) => browser.setCookie(`127.0.0.1:${nginx.port}`, COOKIE, token);
  const tokenOf = (topics, seconds = 3600) => keys.grant('alice', { subscribe: topics, seconds });

  /** Opens an EventSource in the page, and waits until it has begun. */
  async function open(topics, token, { renews = false, after: cursor } = {}) {
    await bring(token);
    const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&');
    const from = cursor ? `&after=${cursor}` : '';
    await page.evaluate(follow, [`/t?${query}&format=envelope${from}`, renews]);
    await eventually(() => page.evaluate(() => window.hasSession()), 'the session');
  }

  /** Publishes until `isOver`; the stream has all of it then, in one connection. */
  async function staysWhole(topic, isOver, step = () => {}) {
    const ids = [];
    while (!(await isOver())) {
      for (let n = 0; n < 10; n++) ids.push(await send(topic, `${n}`));
      await step();
      const { expired, statuses } = await told();
      assert.deepEqual(expired, []);
      assert.ok(statuses.every((status) => status === 200), String(statuses));
    }
    const last = await until((one) => one.ids.length >= ids.length, 'all messages');
    assert.deepEqual(last.ids, ids);
    assert.deepEqual([last.opened, last.gaps], [1, []]);
    assert.deepEqual(errors, []);
  }

  testEnd(`a native EventSource goes on over ${TOKENS} tokens, under load`, async (t, seconds) => {
    const topic = `native/${seconds}`;
    let given = 0;
    nextToken = () => tokenOf([topic], ++given < TOKENS ? seconds : 3600);
    t.after(() => page.evaluate(() => window.stop()));
    const first = now() + seconds;
    await open([topic], tokenOf([topic], seconds));
    const renew = () => given < TOKENS && page.evaluate(() => window.renew());
    await staysWhole(topic, () => given >= TOKENS && now() > first + 1, renew);
  });

  testEnd('one that renews when it is told to goes on over short tokens', async (t, seconds) => {
    const topic = `told/${seconds}`;
    let given = 0;
    nextToken = () => tokenOf([topic], ++given < 4 ? seconds : 3600);
    t.after(() => page.evaluate(() => window.stop()));
    await open([topic], tokenOf([topic], seconds), { renews: true });
    await staysWhole(topic, () => given >= 4);
  });

  testEnd('the end is told, and no storm follows; a new cookie goes on', async (t, seconds) => {
    const topic = `ends/${seconds}`;
    t.after(() => page.evaluate(() => window.stop()));
    await open([topic], tokenOf([topic], seconds));
    const before = await send(topic, 'before');
    const had = await until(({ ids }) => ids.length === 1, 'the message before the end');
    assert.deepEqual(had.ids, [before]);
    // What it has open is told, and so is what it opens then, with the same cookie.
    const over = await until(({ expired }) => expired.length === 2, 'the end, and a second try');
    assert.deepEqual(over.expired, ['expired', 'expired']);
    const refused = await counter(hub, 'tokens_expired');
    const missed = [await send(topic, 'one'), await send(topic, 'two')];
    await sleep(1500); // many times http.retry
    assert.equal(await counter(hub, 'tokens_expired'), refused);
    const still = await told();
    assert.deepEqual([still.expired.length, still.ids, still.state], [2, [before], 0]);
    await page.evaluate(() => window.stop());
    await open([topic], tokenOf([topic]), { after: still.last });
    const last = await until(({ ids }) => ids.length >= 2, 'what was missed');
    assert.deepEqual([last.ids, last.gaps], [missed, []]);
  });

  test('a right that is lost in the middle is told, and nothing of it comes', async (t) => {
    t.after(() => page.evaluate(() => window.stop()));
    await open(['kept', 'lost'], tokenOf(['kept', 'lost']));
    const [one, two] = [await send('kept', '1'), await send('lost', '2')];
    await until(({ ids }) => ids.length === 2, 'both');
    nextToken = () => tokenOf(['kept']);
    assert.equal(await page.evaluate(() => window.renew()), 200);
    const { gaps } = await until(({ gaps: some }) => some.length > 0, 'the gap');
    assert.deepEqual([gaps[0].topic, gaps[0].reason], ['lost', 'denied']);
    await send('lost', '3');
    const four = await send('kept', '4');
    const { ids } = await until((now_) => now_.ids.length >= 3, 'what is kept');
    assert.deepEqual(ids, [one, two, four]);
  });

  test('a native WebSocket brings its token as a subprotocol, or by auth', async () => {
    await bring('');
    const token = tokenOf(['ws']);
    const ask = ([protocols, operation]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${location.host}/t/ws`, protocols);
        const heard = [];
        socket.onopen = () => operation && socket.send(JSON.stringify(operation));
        socket.onmessage = ({ data }) => {
          heard.push(JSON.parse(data).op);
          if (heard.at(-1) === 'live') socket.close();
        };
        socket.onclose = () => resolve([socket.protocol, ...heard]);
      });
    const withProtocol = await page.evaluate(ask, [['longwire.v1', `bearer.${token}`], null]);
    assert.deepEqual(withProtocol, ['longwire.v1', 'live']);
    const byAuth = await page.evaluate(ask, [['longwire.v1'], { op: 'auth', token }]);
    assert.deepEqual(byAuth, ['longwire.v1', 'authenticated', 'subscribed', 'live']);
    const wrong = await page.evaluate(ask, [['longwire.v1', 'bearer.x.y.z'], null]);
    assert.deepEqual(wrong, ['']);
  });

  for (const transport of ['sse', 'poll', 'websocket']) {
    test(`longwire.js, ${transport}: five tokens under load`, async (t) => {
      await bring('');
      const topic = `script/${transport}`;
      let given = 0;
      nextToken = () => tokenOf([topic], ++given <= 5 ? 4 : 3600);
      t.after(() => page.evaluate(() => window.subscription.close()));
      await page.evaluate(
        async ([by, of]) => {
          const { Longwire } = await import('/longwire.js');
          window.got = [];
          window.gone = [];
          const client = new Longwire(location.origin, { token: () => window.more() });
          window.subscription = client.subscribe(of, {
            transport: by,
            onMessage: ({ id }) => window.got.push(id),
            onGap: (gap) => window.gone.push(gap),
          });
        },
        [transport, topic],
      );
      const state = () => page.evaluate(() => window.subscription.state);
      await eventually(async () => (await state()) === 'live', 'the subscription');
      const ids = [];
      while (given <= 5) {
        ids.push(await send(topic, 'x'));
        assert.notEqual(await state(), 'closed');
      }
      let got = [];
      await eventually(async () => {
        got = await page.evaluate(() => window.got);
        return got.length >= ids.length;
      }, 'all messages');
      assert.deepEqual(got, ids);
      assert.deepEqual(await page.evaluate(() => window.gone), []);
    });
  }
});
