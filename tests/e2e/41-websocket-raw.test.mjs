// WebSocket with format=raw: a bare pipe to and from one topic.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertProblem, get, history, publish } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { WsClient } from './lib/ws.mjs';

describe('raw WebSocket', () => {
  const hub = suiteHub();

  async function open(t, topic, parameters = {}) {
    const ws = await WsClient.open(hub, topic, { format: 'raw', ...parameters });
    t.after(() => ws.terminate());
    return ws;
  }

  /** Resolves when the pipe is live: its own message has come back. */
  async function ready(ws) {
    ws.send('ready');
    await ws.frames.next('my own message', ({ data }) => `${data}` === 'ready');
    return ws;
  }

  const payloads = [
    ['text', 'zwölf', false],
    ['JSON', '{"a": 1.0}', false],
    ['an empty text', '', false],
    ['binary', Buffer.from([0, 1, 254, 255]), true],
    ['an empty binary', Buffer.alloc(0), true],
    ['64 KiB of binary', Buffer.alloc(65536, 7), true],
  ];
  for (const [what, payload, binary] of payloads) {
    test(`carries ${what} both ways, byte for byte`, async (t) => {
      const topic = `r/pipe/${what}`;
      const [one, two] = [await ready(await open(t, topic)), await open(t, topic)];
      one.send(payload);
      const other = async (ws) =>
        ws.frames.next('the payload', ({ data }) => `${data}` !== 'ready');
      for (const got of [await other(one), await other(two)]) {
        assert.deepEqual(got.data, Buffer.from(payload));
        assert.equal(got.binary, binary);
      }
    });
  }

  test('stores text as text and binary as binary', async (t) => {
    const ws = await open(t, 'r/kinds');
    ws.send('{"not":"parsed"}');
    ws.send(Buffer.from('ASCII'));
    await ws.next();
    await ws.next();
    const [text, binary] = await history(hub, 'r/kinds');
    assert.equal(text.data, '{"not":"parsed"}');
    assert.equal(binary.data, Buffer.from('ASCII').toString('base64'));
    assert.equal(binary.encoding, 'base64');
  });

  test('sends what others publish as it is, and no control objects', async (t) => {
    await publish(hub, 'r/others', 'old');
    const ws = await open(t, 'r/others', { after: 'earliest' });
    assert.equal(`${(await ws.next()).data}`, 'old');
    await publish(hub, 'r/others', { json: true }, { event: 'dropped here' });
    assert.equal(`${(await ws.next()).data}`, '{"json":true}');
    await publish(hub, 'r/others', Buffer.from([255]));
    assert.deepEqual(await ws.next(), { data: Buffer.from([255]), binary: true });
  });

  test('a cursor of another epoch ends it with 4410', async (t) => {
    const ws = await open(t, 'r/gap', { after: '1-1' });
    assert.equal((await ws.closed).code, 4410);
  });

  test('it is for one topic', async () => {
    for (const path of [
      '/ws?format=raw',
      '/t?topic=a&topic=b&format=raw',
      '/t?topic=%23&format=raw',
    ]) {
      const ws = new WsClient(hub, path);
      await assert.rejects(ws.opened(), /400/);
    }
  });

  test('a trimmed cursor ends it with 4410', async (t) => {
    const first = await publish(hub, 'r/trim', 'one');
    await publish(hub, 'r/trim', 'two');
    const { code } = await longwirectl(hub, ['purge', '--yes', 'r/trim']);
    assert.equal(code, 0);
    const ws = await open(t, 'r/trim', { after: first });
    assert.equal((await ws.closed).code, 4410);
  });

  test('is refused for several topics and for patterns', async () => {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    for (const path of ['/t?topic=a&topic=b&format=raw', '/t?topic=a/%2B&format=raw']) {
      assertProblem(await get(hub, path, { headers }), 400);
    }
  });
});
