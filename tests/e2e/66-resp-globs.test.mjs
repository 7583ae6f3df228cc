// PSUBSCRIBE with the globs of Redis: matched exactly, or refused by a sentence; and with plain names.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { publish } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RespClient, RespError, RespPush } from './lib/resp.mjs';

describe('PSUBSCRIBE', () => {
  const hub = suiteHub();

  async function open(t, version = 2) {
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    if (version === 3) await client.command('HELLO', '3');
    return client;
  }

  /** Publishes to all topics, the last of which has to match; returns [pattern, topic] received. */
  async function matched(c, topics) {
    for (const topic of topics) await publish(hub, topic, topic);
    const seen = [];
    while (seen.at(-1)?.[1] !== topics.at(-1)) {
      const [kind, pattern, topic, data] = await c.reply();
      assert.deepEqual([kind, data], ['pmessage', topic]);
      seen.push([pattern, topic]);
    }
    return seen;
  }

  for (const [pattern, matching, others] of [
    ['*', ['news', 'news/a', 'a.b', 'x*'], []],
    ['**', ['g0', 'g0/a'], []],
    ['g1/*', ['g1/a', 'g1/a/b', 'g1/'], ['g1', 'g1x', 'g12/a', 'x/g1/a']],
    ['g2/a\\*b/*', ['g2/a*b/c'], ['g2/a*b', 'g2/axb/c', 'g2/a\\*b/c']],
    ['g3.\\*', ['g3.*'], ['g3.x', 'g3.\\*']],
    ['g4\\[a\\]\\?', ['g4[a]?'], ['g4a?', 'g4[a]x']],
    ['g5', ['g5'], ['g5/a', 'g5x']],
    ['g6/+', ['g6/x*', 'g6/a'], ['g6', 'g6/a/b']],
    ['g7*/#', ['g7*/a', 'g7*'], ['g7x/a']],
    ['g8\\x', ['g8\\x'], ['g8x']],
  ]) {
    test(`${pattern} matches what it should, under the name that was asked for`, async (t) => {
      const c = await open(t);
      assert.deepEqual(await c.command('PSUBSCRIBE', pattern), ['psubscribe', pattern, 1]);
      const seen = await matched(c, [...others, ...matching]);
      assert.deepEqual(seen, matching.map((topic) => [pattern, topic]));
      assert.deepEqual(await c.command('PUNSUBSCRIBE', pattern), ['punsubscribe', pattern, 0]);
      assert.equal(await c.command('PUBLISH', matching[0], 'x'), 0);
    });
  }

  for (const pattern of [
    ...['news.*', 'user:*', 'user:?', 'h[ae]llo', 'h?', '?', '[a]', 'a*', '*a', 'a/*/b', '*/a', 'a/?'],
    ...['/*', 'a/*/', 'a/[', 'a\\**'],
  ]) {
    test(`${pattern} is refused, and names + and #`, async (t) => {
      const c = await open(t);
      const reply = await c.command('PSUBSCRIBE', 'fine', pattern);
      assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
      assert.match(reply.text, pattern === '/*' ? /^BADTOPIC / : /^BADTOPIC .*\+.*#/);
      assert.deepEqual(await c.command('PUNSUBSCRIBE'), ['punsubscribe', null, 0]);
    });
  }

  test('globs, patterns and topics beside each other, and what is left of them', async (t) => {
    const c = await open(t, 3);
    const push = (...items) => new RespPush(items);
    assert.deepEqual(await c.command('PSUBSCRIBE', 'k/*'), push('psubscribe', 'k/*', 1));
    assert.deepEqual(await c.command('PSUBSCRIBE', 'k/+/#'), push('psubscribe', 'k/+/#', 2));
    await publish(hub, 'k/a', '1');
    assert.deepEqual(await c.reply(), push('pmessage', 'k/+/#', 'k/a', '1'));
    assert.deepEqual(await c.command('PUNSUBSCRIBE', 'k/+/#'), push('punsubscribe', 'k/+/#', 1));
    await publish(hub, 'k/a', '2');
    assert.deepEqual(await c.reply(), push('pmessage', 'k/*', 'k/a', '2'));
    assert.deepEqual(await c.command('PSUBSCRIBE', 'k/**'), push('psubscribe', 'k/**', 2));
    assert.deepEqual(await c.command('PUNSUBSCRIBE', 'k/*'), push('punsubscribe', 'k/*', 1));
    await publish(hub, 'k/a', '3');
    assert.deepEqual(await c.reply(), push('pmessage', 'k/**', 'k/a', '3'));
    assert.deepEqual(await c.command('PSUBSCRIBE', 'k\\*'), push('psubscribe', 'k\\*', 2));
    assert.deepEqual(await c.command('SUBSCRIBE', 'k*'), push('subscribe', 'k*', 3));
    await publish(hub, 'k*', '4');
    assert.deepEqual(await c.reply(), push('message', 'k*', '4'));
    assert.deepEqual(await c.command('UNSUBSCRIBE', 'k*'), push('unsubscribe', 'k*', 2));
    await publish(hub, 'k*', '5');
    assert.deepEqual(await c.reply(), push('pmessage', 'k\\*', 'k*', '5'));
  });

  test('a topic with a star in its name is an ordinary topic elsewhere', async (t) => {
    const c = await open(t);
    assert.deepEqual(await c.command('SUBSCRIBE', 'star.*'), ['subscribe', 'star.*', 1]);
    await publish(hub, 'star.x', 'not me');
    await publish(hub, 'star.*', 'me');
    assert.deepEqual(await c.reply(), ['message', 'star.*', 'me']);
  });
});
