// Whether connections are shared: what browsers tell of requests that are over.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LIVE, setUp } from './setup.js';

/** Has `performance` tell of these requests until test `t` ends; the list may grow. */
function tellOf(t, entries) {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'performance');
  const getEntriesByType = (type) => entries.filter((entry) => entry.type === type);
  Object.defineProperty(globalThis, 'performance', {
    value: { now: () => 0, getEntriesByType },
    configurable: true,
    writable: true,
  });
  t.after(() => Object.defineProperty(globalThis, 'performance', real));
}

const request = (name, nextHopProtocol, type = 'resource') => ({ type, name, nextHopProtocol });
const cases = [
  ['HTTP/2', [request('http://hub.example/longwire.js', 'h2')], true],
  ['HTTP/3', [request('http://hub.example/x', 'h3')], true],
  ['HTTP/1.1', [request('http://hub.example/x', 'http/1.1')], false],
  ['nothing', [], undefined],
  ['another origin', [request('http://hub.example.org/x', 'h2')], undefined],
  ['what a browser keeps to itself', [request('http://hub.example/x', '')], undefined],
  ['the page itself', [request('http://hub.example/', 'h2', 'navigation')], true],
  [
    'the last one',
    [request('http://hub.example/', 'http/1.1', 'navigation'), request('http://hub.example/x', 'h2')],
    true,
  ],
];

for (const [name, entries, shared] of cases) {
  test(`${name}: ${shared}`, async (t) => {
    tellOf(t, entries);
    const { subscription, requests, until } = setUp('a', { transport: 'sse' });
    (await requests.next()).sse().say('id: 1-7\nevent: longwire.live\ndata: {"cursor":"1-7"}\n\n');
    assert.equal((await until('live')).shared, shared);
    assert.equal(subscription.shared, shared);
  });
}

test('it is found out later, and not forgotten', async (t) => {
  const entries = [];
  tellOf(t, entries);
  const { subscription } = setUp('a', { transport: 'poll' });
  assert.equal(subscription.shared, undefined);
  entries.push(request('http://hub.example/t', 'h2'));
  assert.equal(subscription.shared, true);
  entries.pop();
  assert.equal(subscription.shared, true);
});

test('nobody knows of a WebSocket', async (t) => {
  tellOf(t, [request('http://hub.example/x', 'h2')]);
  const { sockets, until } = setUp('a', { transport: 'websocket' });
  (await sockets.next()).accept(LIVE(1));
  assert.equal((await until('live')).shared, undefined);
});

test('nor where nobody tells', async (t) => {
  tellOf(t, []);
  globalThis.performance = undefined;
  assert.equal(setUp('a', { transport: 'poll' }).subscription.shared, undefined);
});
