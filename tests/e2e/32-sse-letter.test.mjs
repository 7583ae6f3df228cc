// Event streams to the letter of the HTML standard, section 9.2, as parsers of others read them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';

import { joinChunks, readChunks } from './lib/chunks.mjs';
import { assertProblem, get, publish, request, subscribePath } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { SseStream } from './lib/sse.mjs';
import { Inbox } from './lib/wait.mjs';

const MAX = 1 << 20; // hub.max_message_bytes

const PAYLOADS = {
  'one line': 'x',
  nothing: '',
  LF: 'a\nb\n',
  CR: 'a\rb\r',
  CRLF: 'a\r\nb\r\n',
  'all line ends in a row': '\n\r\r\n\n\r',
  'an end of a block': 'a\n\nid: 1\nevent: y\n\ndata: z',
  'leading blanks': '  x\n  y',
  'leading colons': ': x\n:',
  'a byte order mark': '\uFEFFx\n\uFEFFy',
  'a byte order mark alone': '\uFEFF',
  'a NUL': 'a\0b\n\0',
  'other separators': 'a\u0085b\u2028c\u2029d\vE\ff',
  'characters of every length': 'ü€😀\u{10FFFF}\uFFFD',
  'a value that looks like a retry': 'retry: 1',
  'as much as there may be': 'x'.repeat(MAX),
  'as much as there may be, of four-byte characters': '😀'.repeat(MAX / 4),
  'as many lines as there may be': '\n'.repeat(MAX),
  'as many control characters as there may be': '\x01'.repeat(MAX),
};

/** Of a block in a chunk. */
const END = Buffer.from('\n\r\n');

/** What a receiver has of a payload: line ends are LF. */
const received = (payload) => payload.replace(/\r\n?/g, '\n');

/** An event stream as bytes: `text()` is what of it came, out of the chunks of HTTP/1.1. */
async function openBytes(t, hub, path, version = '1.1') {
  const raw = await RawSocket.open(hub);
  t.after(() => raw.destroy());
  await raw.write(`GET ${path} HTTP/${version}\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  const head = (await raw.untilText('longwire.live')).split('\r\n\r\n')[0];
  const body = () => raw.received.subarray(Buffer.byteLength(head) + 4);
  return { raw, head, body, text: () => (version === '1.0' ? body() : joinChunks(body())) };
}

/** The events of eventsource-parser for bytes that come in pieces of `size`. */
function parse(bytes, size) {
  const events = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onError: (error) => assert.fail(error),
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let at = 0; at < bytes.length; at += size) {
    parser.feed(decoder.decode(bytes.subarray(at, at + size), { stream: true }));
  }
  return events.filter((event) => !event.event?.startsWith('longwire.'));
}

describe('payloads, as eventsource-parser reads them', () => {
  const hub = suiteHub();

  for (const [what, payload] of Object.entries(PAYLOADS)) {
    test(what, async (t) => {
      const topic = `p/${what}`;
      const raw = await openBytes(t, hub, subscribePath(topic));
      const enveloped = await openBytes(t, hub, subscribePath(topic, { format: 'envelope' }));
      const options = { type: 'text/plain' };
      const id = await publish(hub, topic, payload, options);
      const last = await publish(hub, topic, 'end', { ...options, event: 'last' });
      for (const stream of [raw, enveloped]) {
        const end = `id: ${last}\nevent: last\n`;
        const isWhole = (bytes) => bytes.lastIndexOf(end) > 0 && bytes.subarray(-3).equals(END);
        await stream.raw.until(isWhole, 'all');
        const text = stream.text();
        const sizes = text.length < 5_000 ? [1, 2, 3, MAX] : [65_537];
        for (const size of sizes) {
          const [first, second, ...more] = parse(text, size);
          assert.equal(first.id, id);
          assert.equal(first.event, undefined);
          assert.equal(second.event, 'last');
          assert.deepEqual(more, []);
          if (stream === raw) assert.ok(first.data === received(payload), what);
          else assert.ok(JSON.parse(first.data).data === payload, what);
        }
      }
    });
  }

  test('JSON with line ends between its tokens', async (t) => {
    const text = '{\r\n  "a": [1,\r2],\n"b":"\\n"\n}\n';
    const raw = await openBytes(t, hub, subscribePath('p/json'));
    const enveloped = await openBytes(t, hub, subscribePath('p/json', { format: 'envelope' }));
    await publish(hub, 'p/json', text, { type: 'application/json' });
    for (const stream of [raw, enveloped]) {
      await stream.raw.until(() => parse(stream.text(), MAX).length > 0, 'it');
    }
    assert.equal(parse(raw.text(), MAX)[0].data, received(text));
    const { data } = JSON.parse(parse(enveloped.text(), MAX)[0].data);
    assert.deepEqual(data, { a: [1, 2], b: '\n' });
  });

  test('binary is text, as an envelope, and the stream stays UTF-8', async (t) => {
    const stream = await openBytes(t, hub, subscribePath('p/binary'));
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const id = await publish(hub, 'p/binary', bytes);
    await stream.raw.until((all) => all.includes(`id: ${id}\ndata: `) && all.subarray(-3).equals(END), 'it');
    const [event] = parse(stream.text(), 1);
    const envelope = JSON.parse(event.data);
    assert.equal(envelope.encoding, 'base64');
    assert.deepEqual(Buffer.from(envelope.data, 'base64'), bytes);
  });

  test('no byte order mark, and no length', async (t) => {
    const stream = await openBytes(t, hub, subscribePath('p/first'));
    assert.match(stream.text().toString('latin1'), /^retry: \d+\nid: \d+-\d+\n\nevent: /);
    assert.doesNotMatch(stream.head, /content-length/i);
  });
});

describe('payloads, as npm eventsource gives them', () => {
  const hub = suiteHub();

  test('with event names and without', async (t) => {
    const events = new Inbox();
    const source = new EventSource(`${hub.url}/t/e`);
    t.after(() => source.close());
    const take = (event) => events.push(event);
    for (const name of ['message', 'tick', 'größe', 'longwire.live']) {
      source.addEventListener(name, take);
    }
    await events.next('live');
    for (const name of [undefined, 'tick', 'größe']) {
      for (const [what, payload] of Object.entries(PAYLOADS)) {
        if (payload.length === MAX && name) continue;
        const event = name && Buffer.from(name).toString('latin1'); // a header is bytes
        const id = await publish(hub, 'e', payload, { type: 'text/plain', event });
        const got = await events.next(what);
        assert.equal(got.type, name ?? 'message');
        assert.equal(got.lastEventId, id);
        assert.ok(got.data === received(payload), what);
      }
    }
  });
});

describe('the connection', () => {
  test('retry is as configured, and no two clients come back together', async (t) => {
    const hub = await startHub(t, { set: { 'http.retry': '1s' } });
    const seen = new Set();
    for (let i = 0; i < 40; i++) {
      const stream = await SseStream.open(hub, 'c/retry');
      const { retry } = await stream.next();
      stream.close();
      assert.match(retry, /^\d+$/);
      assert.ok(Number(retry) >= 500 && Number(retry) <= 1500, retry);
      seen.add(retry);
    }
    assert.ok(seen.size > 20, `${seen.size} different ones of 40`);
  });

  for (const version of ['1.0', '1.1']) {
    test(`an HTTP/${version} client reads until the hub closes`, async (t) => {
      const hub = await startHub(t);
      const { raw, head, body, text } = await openBytes(t, hub, '/t/c', version);
      assert.match(head, /^HTTP\/1\.1 200 /);
      assert.match(head, /^connection: close$/im);
      assert.doesNotMatch(head, /content-length|keep-alive/i);
      assert.equal(/^transfer-encoding: chunked$/im.test(head), version === '1.1');
      await publish(hub, 'c', 'x');
      await raw.untilText('data: x\n\n');
      await hub.stop();
      await raw.until(() => false, 'the end');
      assert.ok(raw.closed);
      assert.deepEqual(parse(text(), MAX).map((event) => event.data), ['x']);
      assert.ok(version === '1.0' || readChunks(body()).ended);
    });
  }

  test('HEAD has the same head, and nothing else', async (t) => {
    const hub = await startHub(t);
    const headers = { Accept: 'text/event-stream' };
    const stream = await SseStream.open(hub, 'c');
    t.after(() => stream.close());
    const head = await request(hub, 'HEAD', '/t/c', { headers });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    const without = ({ date, ...rest }) => rest;
    assert.deepEqual(without(head.headers), without(stream.headers));
    assert.equal((await request(hub, 'HEAD', '/t/c?after=x', { headers })).status, 400);
    assertProblem(await get(hub, '/t/c?after=x', { headers }), 400);
  });
});
