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

  /**
   * Resolves to what a subscription of two topics is told when tokens of SECONDS grant only one from the
   * second one on, and to what has come then.
   */
  async function loss(transport, seconds) {
    const [kept, lost] = [`less/${transport}/a`, `less/${transport}/b`];
    let topics = [kept, lost];
    const token = () =>
      keys.sign({ sub: 'less', exp: now() + seconds, longwire: { subscribe: topics } });
    const client = new Longwire(hub.url, { token, WebSocket });
    const told = { gaps: [], got: [] };
    const subscription = client.subscribe([kept, lost], {
      transport,
      onMessage: ({ data }) => told.got.push(data),
      onGap: (gap) => told.gaps.push(gap),
      onState: ({ error }) => (told.code ??= error?.code),
    });
    const send = (topic, data) => publishBatch(hub, [{ topic, data }], { local: true });
    try {
      await eventually(() => subscription.state === 'live', 'the subscription');
      await send(lost, 'before');
      await eventually(() => told.got.length === 1, 'what comes before');
      topics = [kept];
      const isTold = () => told.gaps.length > 0 || subscription.state === 'closed';
      await eventually(isTold, 'the loss');
      await send(lost, 'lost');
      await send(kept, 'kept');
      const isOver = () => told.got.includes('kept') || subscription.state === 'closed';
      await eventually(isOver, 'what is kept');
      return told;
    } finally {
      client.close();
    }
  }

  for (const transport of ['websocket', 'sse']) {
    test(`${transport}: is told what another token takes away, and gets nothing of it`, async () => {
      let told;
      // On a busy machine a token may be over before it is renewed, and what follows is refused whole.
      for (const seconds of [4, 16, 30]) {
        if (told?.gaps.length) break;
        told = await loss(transport, seconds).catch(() => undefined);
      }
      const [{ reason, topic }] = told?.gaps ?? assert.fail('it was never told');
      assert.deepEqual([reason, topic], ['denied', `less/${transport}/b`]);
      assert.deepEqual(told.got, ['before', 'kept']);
    });
  }

  test('poll: is refused what another token takes away, and gets nothing of it', async () => {
    const { code, got, gaps } = await loss('poll', 4);
    assert.deepEqual([code, got, gaps], ['forbidden', ['before'], []]);
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
