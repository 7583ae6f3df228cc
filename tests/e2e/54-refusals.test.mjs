// A client that is refused can be found in the log, and strangers cannot fill it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, post, request } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { RawSocket, exchange } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';

async function counters(hub) {
  const admin = await RespClient.open(hub);
  const stats = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return stats.counters;
}

const refusals = (hub) => hub.stderr().match(/refused .*/g) ?? [];

/** Waits for the line of the next refusal, and returns it. */
async function nextLine(hub, ask) {
  const before = refusals(hub).length;
  await ask();
  await eventually(() => refusals(hub).length > before, 'a line');
  return refusals(hub)[before];
}

describe('a refused client leaves a line', () => {
  const evil = { Origin: 'http://evil.example' };

  for (const [what, ask, line, counter] of [
    ['400', (hub) => get(hub, '/t/a?wait=x'), /: GET \/t\/a: 400 wait is a number of seconds$/, 'http_invalid'],
    ['403', (hub) => post(hub, 'a', 'x', { headers: evil }), /: POST \/t\/a: 403 Pages of this origin/, 'http_denied'],
    [
      '403 for its host',
      (hub) => get(hub, '/t/a', { headers: { Host: 'attacker.example' } }),
      /: GET \/t\/a: 403 The Host of the request/,
      'http_denied',
    ],
    ['404', (hub) => get(hub, '/nowhere/%0a?token=secret'), /: GET \/nowhere\/%0a: 404 [^?]*$/, 'http_not_found'],
    ['404 of a session', (hub) => request(hub, 'POST', '/session/secret', { body: '{}' }), /: POST \/session\/: 404 /],
    ['405', (hub) => request(hub, 'PUT', '/t/a'), /: PUT \/t\/a: 405 /],
    ['415', (hub) => request(hub, 'POST', '/t', { body: 'x' }), /: POST \/t: 415 /],
    ['426', (hub) => get(hub, '/ws'), /: GET \/ws: 426 /],
    ['501', (hub) => request(hub, 'M-SEARCH', '/t/a'), /: M-SEARCH \/t\/a: 501 /],
    ['no request', (hub) => exchange(hub, 'nonsense\r\n\r\n'), /: - -: 400 /, 'http_invalid'],
    [
      'a request that is malformed at its end',
      (hub) => exchange(hub, 'GET /b HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'),
      /: GET \/b: 400 There is more than one Host/,
      'http_invalid',
    ],
  ]) {
    test(what, async (t) => {
      const hub = await startHub(t, { set: { 'hub.workers': 1 } });
      const shown = await nextLine(hub, () => ask(hub));
      assert.match(shown, /^refused 127\.0\.0\.1:\d+: /);
      assert.match(shown, line);
      assert.ok(!hub.stderr().includes('secret'));
      const { [counter ?? 'http_errors']: counted } = await counters(hub);
      assert.equal(counted, 1);
    });
  }

  test('with the address that a trusted proxy tells', async (t) => {
    const hub = await startHub(t, { set: { 'http.trusted_proxies': '127.0.0.1' } });
    const headers = { 'X-Forwarded-For': '203.0.113.9' };
    const shown = await nextLine(hub, () => post(hub, 'a', 'x', { headers }));
    assert.match(shown, /^refused 203\.0\.113\.9: POST \/t\/a: 403 /);
  });

  test('a path of the request before is not shown for one that has none', async (t) => {
    const hub = await startHub(t);
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n');
    await raw.untilClosed();
    await eventually(() => refusals(hub).length === 1, 'a line');
    assert.match(refusals(hub)[0], /: - -: 400 /);
  });

  test('an answer that refuses nobody leaves none', async (t) => {
    const hub = await startHub(t);
    const headers = { 'Longwire-Expect-Last': '0' };
    await post(hub, 'a', 'x');
    assert.equal((await post(hub, 'a', 'x', { headers })).status, 409);
    assert.equal((await get(hub, '/t/a?format=raw&after=7-1&wait=0')).status, 409);
    await nextLine(hub, () => get(hub, '/nowhere'));
    assert.equal(refusals(hub).length, 1);
  });
});

test('a thousand refused requests leave ten lines, and a sum', async (t) => {
  const hub = await startHub(t, { set: { 'hub.workers': 1 } });
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  await raw.write('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000));
  await eventually(async () => (await counters(hub)).http_not_found === 1000, 'all of them');
  const sum = /refused (\d+) more requests/g;
  await eventually(() => {
    const more = [...hub.stderr().matchAll(sum)].reduce((n, [, one]) => n + Number(one), 0);
    const lines = refusals(hub).length - [...hub.stderr().matchAll(sum)].length;
    return more + lines === 1000;
  }, 'the sum', 60_000);
  assert.ok(refusals(hub).length < 100);
});
