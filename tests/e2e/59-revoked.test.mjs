// Tokens that are revoked: who has one loses the connection at once, whatever it is, nobody gets in
// with one any more, and neither a restart nor a restored backup forgets it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as h2 from './lib/h2.mjs';
import { get, post, publish, request } from './lib/http.mjs';
import { longwirectl, startHub } from './lib/hub.mjs';
import { RespClient, RespError } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer, now } from './lib/tokens.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const longwire = { subscribe: ['#'], publish: ['#'] };

async function start(t, set = {}) {
  const keys = new Keys(t);
  const hub = await startHub(t, { set: { ...keys.settings, 'hub.workers': '2', ...set } });
  const token = (claims, kid) => keys.sign({ longwire, ...claims }, kid);
  return { hub, token };
}

async function ctl(hub, ...args) {
  const { code, stdout, stderr } = await longwirectl(hub, ['--json', 'revoke', ...args]);
  assert.equal(code, 0, stderr);
  return stdout ? JSON.parse(stdout) : null;
}

const statusOf = async (hub, token) => (await post(hub, 'r/x', 'x', { headers: bearer(token) })).status;

describe('revoked tokens', () => {
  test('end every connection that has one, and no other', async (t) => {
    const { hub, token } = await start(t);
    const alice = token({ sub: 'alice', jti: 'a1', iat: now() });
    const bob = token({ sub: 'bob', jti: 'b1', iat: now() });
    const sse = await SseStream.open(hub, 'r/t', {}, bearer(alice));
    await sse.next();
    const ws = await WsClient.open(hub, 'r/t', {}, { headers: bearer(alice) });
    const raw = await WsClient.open(hub, 'r/t', { format: 'raw' }, { headers: bearer(alice) });
    const session = await h2.connect(t, hub);
    const stream = h2.events(session, '/t/r/t', bearer(alice));
    await h2.block(stream, 'longwire.session');
    const poll = get(hub, '/t/r/t?wait=60', { headers: bearer(alice) });
    await eventually(
      async () => /connections\{transport="poll"\} 1/.test((await get(hub, '/metrics', { local: true })).text),
      'the poll to wait',
    );
    const other = await SseStream.open(hub, 'r/t', {}, bearer(bob));
    t.after(() => other.close());
    await other.next();

    const { ended } = await ctl(hub, '--sub', 'alice');
    assert.equal(ended, 5);
    assert.equal((await sse.nextEvent('longwire.expired')).event, 'longwire.expired');
    await sse.blocks.drained();
    assert.equal((await within(ws.closed, 'the WebSocket to close')).code, 4401);
    assert.equal((await within(raw.closed, 'the raw WebSocket to close')).code, 4401);
    await within(stream.ended, 'the stream of HTTP/2 to end');
    const answer = await within(poll, 'the poll to be answered');
    assert.equal(answer.status, 200);
    assert.ok(answer.json().cursor);

    await publish(hub, 'r/t', 'for bob', { headers: bearer(bob) });
    assert.equal((await other.nextMessage()).data, 'for bob');
  });

  test('are refused from then on, on every path', async (t) => {
    const { hub, token } = await start(t);
    const alice = token({ sub: 'alice', jti: 'a1', iat: now() });
    assert.equal(await statusOf(hub, alice), 201);
    assert.deepEqual(await ctl(hub, '--jti', 'a1'), { ended: 0 });
    const reply = await post(hub, 'r/x', 'x', { headers: bearer(alice) });
    assert.equal(reply.status, 401);
    assert.match(reply.headers['www-authenticate'], /error="invalid_token".*revoked/);
    assert.match(reply.json().detail, /revoked/);
    assert.equal((await get(hub, '/t/r/x?wait=0', { headers: bearer(alice) })).status, 401);
    const stream = await SseStream.open(hub, 'r/x', {}, bearer(alice));
    assert.equal(stream.status, 200);
    await stream.nextEvent('longwire.expired');
    await assert.rejects(WsClient.open(hub, 'r/x', {}, { headers: bearer(alice) }), /401/);
    const ws = await WsClient.open(hub, null);
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'auth', token: alice })).code, 'revoked');
    assert.equal(await statusOf(hub, token({ sub: 'alice', jti: 'a2', iat: now() })), 201);
    const costly = token({ sub: 'alice', jti: 'a1', iat: now() }, 'es');
    assert.equal(await statusOf(hub, costly), 401, 'verified on another thread');
  });

  test('of a sub: those that were issued until then, or before a moment', async (t) => {
    const { hub, token } = await start(t);
    const of = (iat) => token({ sub: 'alice', iat });
    const moment = now() - 100;
    await ctl(hub, '--sub', 'alice', '--before', new Date(moment * 1000).toISOString());
    assert.equal(await statusOf(hub, of(moment - 1)), 401);
    assert.equal(await statusOf(hub, of(moment)), 201);
    assert.equal(await statusOf(hub, token({ sub: 'alice' })), 401, 'it does not say when');
    assert.equal(await statusOf(hub, token({ sub: 'bob' })), 201);
    const issued = now();
    assert.equal(await statusOf(hub, of(issued)), 201);
    await ctl(hub, '--sub', 'alice');
    assert.equal(await statusOf(hub, of(issued)), 401);
  });

  test('are kept over a restart and in a backup, for as long as they have to be', async (t) => {
    const { hub, token } = await start(t, { 'access.max_lifetime': '1h' });
    const alice = token({ sub: 'alice', jti: 'a "1"', iat: now(), exp: now() + 1000 });
    await ctl(hub, '--jti', 'a "1"');
    await ctl(hub, '--sub', 'bob', '--until', '2100-01-01T00:00:00Z');
    const listOf = async (of) =>
      (await ctl(of, '--list')).sort((a, b) => (a.jti ?? a.sub).localeCompare(b.jti ?? b.sub));
    const list = await listOf(hub);
    const [jti] = list.filter((one) => one.jti);
    const [sub] = list.filter((one) => one.sub);
    assert.equal(jti.jti, 'a "1"');
    const kept = Date.parse(jti.kept_until) / 1000 - now();
    assert.ok(kept > 3000 && kept < 4500, `${kept} s`);
    assert.equal(sub.sub, 'bob');
    assert.equal(sub.kept_until, '2100-01-01T00:00:00.000Z');
    assert.ok(Math.abs(Date.parse(sub.issued_until) / 1000 - now()) < 100);
    const copy = join(hub.dataDir, '..', 'copy');
    assert.equal((await longwirectl(hub, ['backup', copy])).code, 0);
    assert.equal((await longwirectl(hub, ['verify'])).code, 0);
    await hub.restart();
    assert.equal(await statusOf(hub, alice), 401);
    assert.deepEqual(await listOf(hub), list);
    await ctl(hub, '--jti', 'a "1"', '--undo');
    assert.equal(await statusOf(hub, alice), 201);
    await hub.stop();
    const restored = await startHub(t, { set: { 'hub.data_dir': copy } });
    assert.deepEqual(await listOf(restored), list);
  });

  test('come in words that can be corrected', async (t) => {
    const { hub } = await start(t);
    const admin = await RespClient.open(hub);
    t.after(() => admin.close());
    const refused = async (...words) => {
      const answer = await admin.command('HUB', ...words);
      assert.ok(answer instanceof RespError, `taken: ${answer}`);
      return answer.text;
    };
    assert.match(await refused('REVOKE', 'KID', 'x'), /JTI or SUB/);
    assert.match(await refused('REVOKE', 'JTI', ''), /1 to 255 bytes/);
    assert.match(await refused('REVOKE', 'SUB', 'x'.repeat(256)), /1 to 255 bytes/);
    assert.match(await refused('REVOKE', 'JTI', 'x', 'BEFORE', '1'), /one token/);
    assert.match(await refused('REVOKE', 'SUB', 'x', 'BEFORE', 'now'), /Unix seconds/);
    assert.match(await refused('REVOKE', 'SUB', 'x', 'UNTIL'), /may follow/);
    assert.match(await refused('UNREVOKE', 'SUB', 'x'), /not revoked/);
    for (const args of [[], ['--jti', 'x', '--sub', 'y'], ['--jti', 'x', '--before', '1'], ['--list', '--undo']]) {
      const { code, stderr } = await longwirectl(hub, ['revoke', ...args]);
      assert.equal(code, 2, stderr);
    }
    assert.equal(await admin.command('HUB', 'REVOKE', 'SUB', 'x', 'UNTIL', '4102444800'), 0);
    const { stdout } = await longwirectl(hub, ['revoke', '--list']);
    assert.match(stdout, /KIND +NAME +ISSUED UNTIL +KEPT UNTIL\nsub +x +\S+Z +2100-01-01T00:00:00.000Z\n/);
    assert.equal((await request(hub, 'GET', '/healthz')).status, 200);
  });
});
