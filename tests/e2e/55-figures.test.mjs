// What the hub says of itself: each figure counts what it is named for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { get, history, poll, publish } from './lib/http.mjs';
import { longwirectl, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

describe('figures', () => {
  const hub = suiteHub();

  async function metric(name) {
    const { text } = await get(hub, '/metrics');
    return Number(text.split('\n').find((line) => line.startsWith(`longwire_${name} `)).split(' ')[1]);
  }

  test('a message whose key is known counts as a duplicate', async () => {
    const before = await metric('publish_duplicates_total');
    const first = await publish(hub, 'figures/key', 'x', { key: 'k' });
    assert.equal(await metric('publish_duplicates_total'), before);
    assert.equal(await publish(hub, 'figures/key', 'x', { key: 'k' }), first);
    assert.equal(await metric('publish_duplicates_total'), before + 1);
  });

  test('a gap counts on every transport', async () => {
    const before = await metric('gaps_epoch_total');
    const after = '7-1';
    await poll(hub, 'figures/gap', { after, wait: 0 });
    const sse = await SseStream.open(hub, 'figures/gap', { after });
    await sse.nextEvent('longwire.gap');
    sse.close();
    const ws = await WsClient.open(hub, 'figures/gap', { after });
    assert.equal((await ws.next()).op, 'gap');
    ws.close();
    assert.equal(await metric('gaps_epoch_total'), before + 3);
  });

  test('a waiting poll is a poll, in the metrics and among the clients', async () => {
    const waiting = poll(hub, 'figures/wait', { wait: 20 });
    const polls = () => metric('connections{transport="poll"}');
    await eventually(async () => (await polls()) === 1, 'one poll');
    const { stdout } = await longwirectl(hub, ['clients', '--json']);
    const mine = JSON.parse(stdout).filter(({ topics }) => topics.includes('figures/wait'));
    assert.deepEqual(mine.map(({ transport }) => transport), ['poll']);
    await publish(hub, 'figures/wait', 'x');
    assert.equal((await waiting).messages.length, 1);
    assert.equal(await polls(), 0);
  });

  test('a gap and a live of a joining subscription name its topic', async () => {
    const ws = await WsClient.open(hub, null);
    ws.send({ op: 'subscribe', topic: 'figures/+', after: '7-1' });
    assert.equal((await ws.next()).op, 'subscribed');
    const { op, topic } = await ws.next();
    assert.deepEqual([op, topic], ['gap', 'figures/+']);
    let frame;
    do frame = await ws.next();
    while (frame.op !== 'live');
    assert.equal(frame.topic, 'figures/+');
    ws.close();
  });

  test('-N reaches back over all that there is, however large N is', async () => {
    await publish(hub, 'figures/few', 'x');
    assert.equal((await history(hub, 'figures/few', '-18446744073709551615')).length, 1);
  });

  test('a cursor from the start of the log can be resumed without a gap', async () => {
    await publish(hub, 'figures/purged', 'x');
    await longwirectl(hub, ['purge', 'figures/purged', '--yes']);
    await publish(hub, 'figures/purged', 'y');
    const first = await SseStream.open(hub, 'figures/purged', { after: 'earliest' });
    const { id } = await first.next();
    first.close();
    const { messages, gap } = await poll(hub, 'figures/purged', { after: id, wait: 0 });
    assert.deepEqual(messages.map(({ data }) => data), ['y']);
    assert.equal(gap, undefined);
  });

  test('parameters that the hub does not know are passed over, however long', async () => {
    const token = 'x'.repeat(4000);
    assert.deepEqual((await poll(hub, 'figures/token', { token, wait: 0 })).messages, []);
  });

  test('a length beyond the limit is refused instead of continued', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    raw.write(
      'POST /t/figures/long HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n' +
        'Expect: 100-continue\r\n\r\n',
    );
    await raw.untilText('HTTP/1.1 413');
    assert.ok(!raw.received.includes('100 Continue'));
  });
});
