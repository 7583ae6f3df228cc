// Server-Sent Events, read byte by byte and by npm's eventsource.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventSource } from 'eventsource';

import { moved, offsetOf } from './lib/cursor.mjs';
import { assertProblem, get, publish, subscribePath } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { SseStream } from './lib/sse.mjs';
import { Inbox } from './lib/wait.mjs';

describe('event streams', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s' } });

  /** Opens a stream for test `t`, closed with it. */
  async function stream(t, topics, parameters, headers) {
    const sse = await SseStream.open(hub, topics, parameters, headers);
    t.after(() => sse.close());
    return sse;
  }

  test('has the headers that keep proxies from holding it back', async (t) => {
    const sse = await stream(t, 's/headers');
    assert.equal(sse.status, 200);
    assert.match(sse.headers['content-type'], /^text\/event-stream/);
    assert.match(sse.headers['cache-control'], /no-store/);
    assert.match(sse.headers['cache-control'], /no-transform/);
    assert.equal(sse.headers['x-accel-buffering'], 'no');
  });

  test('begins with retry and the cursor, in a block without data', async (t) => {
    const id = await publish(hub, 's/first', 'old');
    const sse = await stream(t, 's/first');
    const block = await sse.next();
    assert.match(block.retry, /^\d+$/);
    assert.ok(offsetOf(block.id) >= offsetOf(id));
    assert.equal(block.data, undefined);
    const live = await sse.next();
    assert.equal(live.event, 'longwire.live');
    assert.match(JSON.parse(live.data).cursor, /^\d+-\d+$/);
  });

  test('a client that is dropped before its first message loses nothing', async (t) => {
    const sse = await stream(t, 's/early');
    await sse.next();
    sse.close();
    await publish(hub, 's/early', 'meanwhile');
    const again = await stream(t, 's/early', {}, { 'Last-Event-ID': sse.cursor });
    assert.equal((await again.nextMessage()).data, 'meanwhile');
  });

  test('sends heartbeats that move the cursor and are no events', async (t) => {
    const sse = await stream(t, 's/quiet');
    await sse.live();
    const id = await publish(hub, 's/elsewhere', 'x');
    const beat = await sse.blocks.next(
      'a heartbeat',
      (b) => b.id && offsetOf(b.id) >= offsetOf(id),
    );
    assert.equal(beat.data, undefined);
    assert.equal(beat.event, undefined);
  });

  test('one topic is raw: the payload as it is', async (t) => {
    const sse = await (await stream(t, 's/raw')).live();
    const id = await publish(hub, 's/raw', { a: 'ü' });
    const block = await sse.nextMessage();
    assert.equal(block.id, id);
    assert.equal(block.data, '{"a":"ü"}');
    assert.equal(block.event, undefined);
    await publish(hub, 's/raw', 'named', { event: 'price' });
    assert.equal((await sse.nextMessage()).event, 'price');
  });

  const payloads = {
    LF: ['a\nb', 'a\nb'],
    CR: ['a\rb', 'a\nb'],
    CRLF: ['a\r\nb', 'a\nb'],
    'LF CR': ['a\n\rb', 'a\n\nb'],
    'only line ends': ['\n\r\r\n', '\n\n\n'],
    'a leading space': [' x', ' x'],
    'a colon and a field name': ['data: x\nid: 7\n\nevent: y', 'data: x\nid: 7\n\nevent: y'],
    nothing: ['', ''],
    'a NUL': ['a\0b', 'a\0b'],
  };
  for (const [what, [sent, received]] of Object.entries(payloads)) {
    test(`splits a payload with ${what} into data lines`, async (t) => {
      const sse = await (await stream(t, 's/lines')).live();
      const id = await publish(hub, 's/lines', sent, { type: 'text/plain' });
      const block = await sse.nextMessage();
      assert.equal(block.data, received);
      assert.equal(block.id, id);
    });
  }

  test('binary comes as an envelope', async (t) => {
    const sse = await (await stream(t, 's/binary')).live();
    const id = await publish(hub, 's/binary', Buffer.from([0, 255]));
    const envelope = JSON.parse((await sse.nextMessage()).data);
    assert.equal(envelope.id, id);
    assert.equal(envelope.encoding, 'base64');
    assert.equal(envelope.data, 'AP8=');
  });

  test('several topics come as envelopes', async (t) => {
    const sse = await (await stream(t, ['s/two/a', 's/two/b'])).live();
    await publish(hub, 's/two/a', 'x', { event: 'e' });
    const block = await sse.nextMessage();
    assert.equal(block.event, 'e');
    const envelope = JSON.parse(block.data);
    assert.equal(envelope.topic, 's/two/a');
    assert.equal(envelope.data, 'x');
    assert.equal(envelope.event, 'e');
  });

  test('format says otherwise', async (t) => {
    const envelope = await (await stream(t, 's/format', { format: 'envelope' })).live();
    const raw = await (await stream(t, 's/format', { format: 'raw' })).live();
    await publish(hub, 's/format', 'x');
    assert.equal(JSON.parse((await envelope.nextMessage()).data).data, 'x');
    assert.equal((await raw.nextMessage()).data, 'x');
  });

  test('raw is for one topic: payloads do not say whose they are', async () => {
    const headers = { Accept: 'text/event-stream' };
    for (const topics of ['topic=s/a&topic=s/b', 'topic=s/%2B', 'topic=s/%23']) {
      assertProblem(await get(hub, `/t?${topics}&format=raw`, { headers }), 400);
    }
  });

  test('replays after the cursor, says live once, and follows', async (t) => {
    const first = await publish(hub, 's/replay', '1');
    await publish(hub, 's/replay', '2');
    await publish(hub, 's/replay', '3');
    const sse = await stream(t, 's/replay', { after: first });
    assert.equal((await sse.next()).id, first);
    assert.deepEqual([(await sse.nextEvent()).data, (await sse.nextEvent()).data], ['2', '3']);
    assert.equal((await sse.nextEvent()).event, 'longwire.live');
    await publish(hub, 's/replay', '4');
    assert.equal((await sse.nextEvent()).data, '4');
  });

  test('Last-Event-ID wins over lastEventId, which wins over after', async (t) => {
    const ids = [];
    for (const data of ['1', '2', '3']) ids.push(await publish(hub, 's/wins', data));
    const parameter = await stream(t, 's/wins', { after: ids[0], lastEventId: ids[1] });
    assert.equal((await parameter.nextMessage()).data, '3');
    const all = { after: 'earliest', lastEventId: 'earliest' };
    const header = await stream(t, 's/wins', all, { 'Last-Event-ID': ids[1] });
    assert.equal((await header.nextMessage()).data, '3');
  });

  test('tells a gap in its place', async (t) => {
    const id = await publish(hub, 's/gap', 'kept');
    const requested = moved(id, 0).replace(/-\d+$/, '-1');
    const sse = await stream(t, 's/gap', { after: requested });
    const block = await sse.nextEvent();
    assert.equal(block.event, 'longwire.gap');
    const gap = JSON.parse(block.data);
    assert.equal(gap.requested, requested);
    assert.equal(gap.reason, 'epoch');
    assert.match(gap.resumed, /^\d+-\d+$/);
    assert.equal((await sse.nextEvent()).data, 'kept');
    await sse.live();
  });

  for (const id of [
    'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    '1700000000:0',
    '1042-0',
    '99999999999999999999999',
    '-1',
    '2026-11-22T09:31:15Z',
    '{"a": 1}',
  ]) {
    test(`Last-Event-ID of another server is of an unknown epoch: ${id}`, async (t) => {
      const topic = `s/moved/${Buffer.from(id).toString('hex')}`;
      await publish(hub, topic, 'kept');
      const sse = await stream(t, topic, { after: 'latest' }, { 'Last-Event-ID': id });
      const gap = await sse.nextEvent();
      assert.equal(gap.event, 'longwire.gap');
      assert.equal(JSON.parse(gap.data).reason, 'epoch');
      assert.equal((await sse.nextEvent()).data, 'kept');
      await sse.live();
      const path = `/t/${topic}?wait=0`;
      const polled = await get(hub, path, { headers: { 'Last-Event-ID': id } });
      assert.equal(polled.json().gap.reason, 'epoch');
      assert.equal(polled.json().messages[0].data, 'kept');
      assertProblem(await get(hub, `${path}&lastEventId=${encodeURIComponent(id)}x`), 400);
    });
  }

  test('errors before the stream are statuses', async () => {
    const headers = { Accept: 'text/event-stream' };
    assertProblem(await get(hub, '/t/s/bad?after=nonsense', { headers }), 400);
    assertProblem(await get(hub, '/t/%00', { headers }), 400);
    assertProblem(await get(hub, '/t', { headers }), 400);
  });

  test('an Accept with several types and weights is understood', async (t) => {
    const sse = await stream(t, 's/accept', {}, { Accept: 'text/html;q=0.3, text/event-stream' });
    assert.match(sse.headers['content-type'], /^text\/event-stream/);
  });

  test('a hub that stops ends the stream', async () => {
    const sse = await (await SseStream.open(hub, 's/stop')).live();
    await hub.restart();
    await sse.blocks.drained('the stream to end');
  });

  test('npm eventsource resumes by itself over a restart', async (t) => {
    const events = new Inbox();
    const source = new EventSource(`${hub.url}${subscribePath('s/source')}`);
    t.after(() => source.close());
    source.addEventListener('longwire.live', () => events.push('live'));
    source.addEventListener('message', (event) => events.push(event.data));
    const next = () => events.next('an event');
    assert.equal(await next(), 'live');
    await publish(hub, 's/source', 'one');
    assert.equal(await next(), 'one');
    await hub.stop();
    await hub.restart();
    await publish(hub, 's/source', 'two');
    assert.deepEqual([await next(), await next()].sort(), ['live', 'two']);
  });
});
