// Every refusal is counted by its reason, and leaves one line that says who, what for and which
// rule; never a token.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { get, post } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer, now } from './lib/tokens.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const lines = (hub) => hub.stderr().match(/refused .*/g) ?? [];

async function start(t, set = {}) {
  const keys = new Keys(t);
  const hub = await startHub(t, {
    set: { ...keys.settings, 'access.audience': 'longwire', 'hub.workers': '1', ...set },
  });
  return { hub, keys };
}

/** What `refuse` leaves: one more of counter `name`, and one line, which is returned. */
async function noted(hub, name, refuse) {
  const before = { count: await counter(hub, name), lines: lines(hub).length };
  await refuse();
  await eventually(() => lines(hub).length > before.lines, `the line of ${name}`);
  assert.equal(await counter(hub, name), before.count + 1, name);
  assert.equal(lines(hub).length, before.lines + 1, name);
  return lines(hub).at(-1);
}

describe('the audit', () => {
  test('of tokens that do not count', async (t) => {
    const { hub, keys } = await start(t);
    const claims = { sub: 'alice', aud: 'longwire', longwire: { publish: ['#'] } };
    const good = keys.sign(claims);
    const bad = {
      malformed: 'x.y',
      signature: `${good.slice(0, -8)}${good.at(-8) === 'A' ? 'B' : 'A'}${good.slice(-7)}`,
      expired: keys.sign({ ...claims, exp: now() - 1000 }),
      not_yet: keys.sign({ ...claims, nbf: now() + 1000 }),
      audience: keys.sign({ ...claims, aud: 'another' }),
      claims: keys.sign({ ...claims, longwire: { pulbish: [] } }),
    };
    for (const [fault, token] of Object.entries(bad)) {
      const line = await noted(hub, `tokens_${fault}`, async () => {
        assert.equal((await post(hub, 'a/x', 'x', { headers: bearer(token) })).status, 401);
      });
      assert.match(line, /^refused 127\.0\.0\.1:\d+: POST \/t\/a\/x: 401 .* \(token: \w+\)$/);
      assert.ok(line.endsWith(`(token: ${fault})`), line);
    }
    const line = await noted(hub, 'denied_credentials', async () => {
      const reply = await get(hub, '/t/a/x?token=another', { headers: bearer(good) });
      assert.equal(reply.status, 400);
    });
    assert.match(line, /\(no valid credentials\)$/);
    for (const token of [good, ...Object.values(bad).slice(1)])
      for (const part of token.split('.')) assert.ok(!hub.stderr().includes(part), 'no token');
  });

  test('of an event stream that is told that it is over', async (t) => {
    const { hub, keys } = await start(t);
    const token = keys.sign({ aud: 'longwire', exp: now() - 1000 });
    const line = await noted(hub, 'tokens_expired', async () => {
      const stream = await SseStream.open(hub, 'a/x', {}, bearer(token));
      assert.equal(stream.status, 200);
      await stream.nextEvent('longwire.expired');
    });
    assert.match(line, /^refused 127\.0\.0\.1:\d+: token: expired$/);
  });

  test('of rights, with sub and rule', async (t) => {
    const { hub, keys } = await start(t);
    const headers = bearer(
      keys.sign({
        sub: 'alice\n"',
        aud: 'longwire',
        longwire: {
          subscribe: ['a/#'],
          publish: ['a/#'],
          deny: ['a/secret/#'],
          limits: { publish_per_s: 1 },
        },
      }),
    );
    let line = await noted(hub, 'denied_token', async () => {
      assert.equal((await post(hub, 'a/secret/x', 'x', { headers })).status, 403);
    });
    assert.match(
      line,
      /^refused \S+: POST \/t\/a\/secret\/x: 403 .* \(no right to publish a\/secret\/x, sub alice\S+, rule a\/secret\/#\)$/,
    );
    const ws = await WsClient.open(hub, null, {}, { headers });
    t.after(() => ws.terminate());
    line = await noted(hub, 'denied_token', async () => {
      assert.equal((await ws.ask({ op: 'subscribe', topic: 'b/#' })).code, 'forbidden');
    });
    assert.match(line, /^refused 127\.0\.0\.1:\d+: no right to subscribe b\/#, sub alice\S+, rule -$/);
    line = await noted(hub, 'denied_anonymous', async () => {
      assert.equal((await get(hub, '/t/a/x?wait=0')).status, 401);
    });
    assert.match(line, /^refused \S+: GET \/t\/a\/x: 401 .* \(no right to subscribe a\/x, sub -, rule -\)$/);
    line = await noted(hub, 'limited_publishes', async () => {
      let answer = {};
      for (let i = 0; i < 2000 && answer.op !== 'error'; i++)
        answer = await ws.ask({ op: 'publish', topic: 'a/x', data: 1 });
      assert.equal(answer.code, 'rate_limited');
    });
    assert.match(line, /^refused \S+: The token allows 1 messages a second, sub alice/);
  });

  test('of pages and hosts', async (t) => {
    const hub = await startHub(t, { set: { 'hub.workers': '1' } });
    const refused = async (headers) => {
      assert.equal((await post(hub, 'a/x', 'x', { headers })).status, 403);
    };
    let line = await noted(hub, 'denied_origin', () => refused({ Origin: 'https://evil.example' }));
    assert.match(line, /^refused \S+: POST \/t\/a\/x: 403 .* \(origin\)$/);
    line = await noted(hub, 'denied_host', () => refused({ Host: 'evil.example' }));
    assert.match(line, /^refused \S+: POST \/t\/a\/x: 403 .* \(host\)$/);
  });

  test('of many is a few lines and a number, whatever they came by', async (t) => {
    const { hub, keys } = await start(t);
    const headers = bearer(keys.sign({ aud: 'longwire', longwire: { subscribe: ['a'] } }));
    const ws = await WsClient.open(hub, null, {}, { headers });
    t.after(() => ws.terminate());
    for (let i = 0; i < 100; i++)
      assert.equal((await ws.ask({ op: 'subscribe', topic: 'b' })).code, 'forbidden');
    assert.equal(await counter(hub, 'denied_token'), 100);
    assert.ok(lines(hub).length < 50, `${lines(hub).length} lines`);
  });
});
