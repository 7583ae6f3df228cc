// The JavaScript client and its tokens, against a hub: renewed while it runs, on every transport,
// under load, and nothing is lost or doubled.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import WebSocket from 'ws';

import { Longwire } from '../../clients/js/longwire.js';
import { publishBatch } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { Keys, now } from './lib/tokens.mjs';
import { counted, eventually, sleep } from './lib/wait.mjs';

/** So many tokens follow each other; each counts for some seconds and is renewed in its middle. */
const TOKENS = 20;
const SECONDS = 3;

describe('the JavaScript client', { concurrency: true }, () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: keys.settings });

  /** A client for `sub`; `given` are its tokens, of which the nth counts for `seconds(n)`. */
  function clientFor(t, sub, seconds) {
    const given = [];
    const token = () => {
      const exp = now() + seconds(given.length);
      given.push(keys.sign({ sub, exp, n: given.length, longwire: { subscribe: [`${sub}/#`] } }));
      return given.at(-1);
    };
    const client = new Longwire(hub.url, { token, WebSocket });
    t.after(() => client.close());
    return { client, given };
  }

  for (const transport of ['websocket', 'sse', 'poll']) {
    test(`${transport}: ${TOKENS} tokens under load, nothing lost or doubled`, async (t) => {
      const { client, given } = clientFor(t, transport, (n) => (n < TOKENS ? SECONDS : 3600));
      const [got, gaps] = [[], []];
      const subscription = client.subscribe(`${transport}/#`, {
        transport,
        onMessage: ({ id }) => got.push(id),
        onGap: (gap) => gaps.push(gap),
      });
      await eventually(() => subscription.state === 'live', 'the subscription');
      const sent = [];
      while (given.length <= TOKENS && subscription.state !== 'closed') {
        const lines = [0, 1, 2, 3, 4].map((n) => ({ topic: `${transport}/${n}`, data: n }));
        sent.push(...(await publishBatch(hub, lines, { local: true })));
        await sleep(20);
      }
      await counted(() => got.length, sent.length, 'all messages');
      assert.deepEqual(got, sent);
      assert.deepEqual(gaps, []);
      assert.ok(given.length > TOKENS);
    });
  }

  /** Resolves to what is told when tokens of SECONDS grant less from the second one on. */
  async function loss(seconds) {
    let topics = ['less/a', 'less/b'];
    const token = () =>
      keys.sign({ sub: 'less', exp: now() + seconds, longwire: { subscribe: topics } });
    const client = new Longwire(hub.url, { token, WebSocket });
    const gaps = [];
    const subscription = client.subscribe(['less/a', 'less/b'], {
      transport: 'websocket',
      onGap: (gap) => gaps.push(gap),
    });
    await eventually(() => subscription.state === 'live', 'the subscription');
    topics = ['less/a'];
    const told = () => gaps.length > 0 || subscription.state === 'closed';
    await eventually(told, 'the gap').finally(() => client.close());
    return gaps[0];
  }

  test('is told what another token takes away', async () => {
    let gap;
    // On a busy machine a token may be over before it is renewed, and what follows is refused whole.
    for (const seconds of [4, 16, 30]) gap ??= await loss(seconds).catch(() => undefined);
    assert.deepEqual([gap.reason, gap.topic], ['denied', 'less/b']);
  });

  test('with a token that cannot be renewed ends with it, and says why', async (t) => {
    for (const transport of [['websocket', 'sse'], 'sse', 'poll']) {
      const token = keys.sign({ sub: 'once', exp: now() + 3, longwire: { subscribe: ['once'] } });
      const client = new Longwire(hub.url, { token, WebSocket });
      t.after(() => client.close());
      const ended = new Promise((resolve) => {
        client.subscribe('once', {
          transport,
          onState: ({ state, error }) => state === 'closed' && resolve(error),
        });
      });
      assert.equal((await ended).code, 'expired', transport);
    }
  });

  test('says what it lacks', async (t) => {
    const codes = {};
    for (const [name, token] of Object.entries({
      none: undefined,
      broken: 'x.y.z',
      other: keys.grant('x', { subscribe: ['else'] }),
    })) {
      const client = new Longwire(hub.url, { token, WebSocket });
      t.after(() => client.close());
      codes[name] = (await client.publish('a', 1, { retries: 0 }).catch((error) => error)).code;
    }
    assert.deepEqual(codes, { none: 'unauthorized', broken: 'malformed', other: 'forbidden' });
  });
});
