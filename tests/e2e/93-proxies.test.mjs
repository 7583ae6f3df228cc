// What nginx does to each transport: with its defaults, with the configuration of doc/proxies.md, and
// with what spoils it. (92 takes all clients through it.)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EventSource } from 'eventsource';

import { get, poll, post, postBatch, publish, subscribePath } from './lib/http.mjs';
import { ROOT, longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { UPGRADE, startNginx, suiteNginx } from './lib/nginx.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const SSE = { Accept: 'text/event-stream' };

/** Counts the connections that the hub has accepted. */
async function accepted(hub) {
  const { stdout } = await longwirectl(hub, ['stats', '--json']);
  return JSON.parse(stdout).counters.accepted;
}

/** The configuration in the manual, with its ports changed. */
function documented(hubPort, port) {
  const manual = readFileSync(join(ROOT, 'doc/proxies.md'), 'utf8');
  const [, text] = /^```nginx\n(.*?)^```$/ms.exec(manual);
  const changed = text
    .replace('127.0.0.1:8420', `127.0.0.1:${hubPort}`)
    .replace('listen 80;', `listen 127.0.0.1:${port};`);
  assert.ok(changed.includes(`:${hubPort};`) && changed.includes(`:${port};`));
  return changed;
}

/** An EventSource whose end can be waited for. */
function listen(t, url) {
  const heard = { source: new EventSource(url), data: [] };
  heard.source.addEventListener('message', ({ data }) => heard.data.push(data));
  t.after(() => heard.source.close());
  return heard;
}

/** A request of a page of http://hub.example, to the host of that name. */
const fromOwnPage = (proxy, topic) =>
  post(proxy, topic, 'x', { headers: { Host: 'hub.example', Origin: 'http://hub.example' } });

describe('nginx with its defaults', () => {
  const hub = suiteHub();
  const nginx = suiteNginx(hub);

  test('passes on event streams at once, since the hub tells it to', async (t) => {
    const sse = await SseStream.open(nginx, ['defaults/sse']);
    t.after(() => sse.close());
    assert.match((await sse.next()).id, /^\d+-\d+$/);
    await sse.live();
    for (const text of ['one', 'two']) {
      await publish(hub, 'defaults/sse', text);
      assert.equal((await sse.nextMessage()).data, text);
    }
    assert.match(sse.headers['cache-control'], /no-transform/);
  });

  test('takes pages of its own origin for foreign ones', async () => {
    assert.equal((await fromOwnPage(nginx, 'defaults/origin')).status, 403);
  });

  test('answers 413 to what the hub would take', async () => {
    const line = JSON.stringify({ topic: 'defaults/large', data: 'x'.repeat(600_000) });
    const batch = [line, line].join('\n');
    assert.equal((await postBatch(nginx, batch)).status, 413);
    assert.equal((await postBatch(hub, batch)).status, 201);
  });
});

describe('nginx as in doc/proxies.md', () => {
  const hub = suiteHub({
    set: {
      'http.retry': '100ms',
      'http.hosts': 'hub.example',
      'http.trusted_proxies': '127.0.0.1',
    },
  });
  const nginx = suiteNginx(hub, { text: documented });

  test('passes on every transport', async (t) => {
    await publish(hub, 'manual/all', 'what makes the topic');
    const sse = await SseStream.open(nginx, ['manual/all']);
    const ws = await WsClient.open(nginx, 'manual/all');
    t.after(() => sse.close());
    t.after(() => ws.terminate());
    await Promise.all([sse.live(), ws.live()]);
    const waiting = poll(nginx, 'manual/all', { wait: 60 });
    await eventually(async () => {
      const { stdout } = await longwirectl(hub, ['topic', 'manual/all', '--json']);
      return JSON.parse(stdout).subscribers.poll === 1;
    }, 'the long-poll to wait');
    const id = await publish(nginx, 'manual/all', 'to all');
    assert.equal((await sse.nextMessage()).id, id);
    assert.equal((await ws.nextMessage()).id, id);
    assert.equal((await waiting).messages[0].id, id);
  });

  test('keeps its connections to the hub', async () => {
    await publish(nginx, 'manual/keepalive', 'first');
    const before = await accepted(hub);
    for (let n = 0; n < 20; n++) await publish(nginx, 'manual/keepalive', 'next');
    // Each look at the counters is a connection, too.
    assert.ok((await accepted(hub)) - before <= 2);
  });

  test('knows pages of its own origin', async () => {
    assert.equal((await fromOwnPage(nginx, 'manual/origin')).status, 201);
  });

  test('takes batches as large as the hub does', async () => {
    const line = JSON.stringify({ topic: 'manual/large', data: 'x'.repeat(1_000_000) });
    assert.equal((await postBatch(nginx, Array(7).fill(line).join('\n'))).status, 201);
  });

  test('lets an EventSource live while the hub is away', async (t) => {
    await publish(hub, 'manual/away', 'kept');
    const heard = listen(t, `${nginx.url}${subscribePath('manual/away', { after: 'earliest' })}`);
    await eventually(() => heard.data.length === 1, 'the first message');
    await hub.stop();
    const reply = await get(nginx, '/t/manual/away', { headers: SSE });
    assert.equal(reply.status, 200);
    assert.match(reply.headers['content-type'], /^text\/event-stream/);
    assert.match(reply.text, /^retry: \d+\n\n$/);
    assert.equal((await get(nginx, '/t/manual/away')).status, 503);
    await hub.restart();
    await publish(hub, 'manual/away', 'after');
    await eventually(() => heard.data.length === 2, 'the message after the restart');
    assert.deepEqual(heard.data, ['kept', 'after']);
  });
});

describe('nginx spoils', () => {
  const hub = suiteHub();

  test('event streams, when it does not heed X-Accel-Buffering and gets no chunks', async (t) => {
    const nginx = await startNginx(t, hub, {
      location: 'proxy_http_version 1.0; proxy_ignore_headers X-Accel-Buffering;',
    });
    const ws = await WsClient.open(hub, 'spoilt/buffer');
    t.after(() => ws.terminate());
    await ws.live();
    let sse = null;
    const opening = SseStream.open(nginx, ['spoilt/buffer'], { after: 'earliest' });
    opening.then((stream) => (sse = stream));
    t.after(async () => (await opening).close());
    for (let n = 0; n < 5; n++) {
      await publish(hub, 'spoilt/buffer', `small ${n}`);
      assert.equal((await ws.nextMessage()).data, `small ${n}`);
    }
    assert.equal(sse, null, 'what a WebSocket has got long ago is held back');
    await eventually(async () => {
      await publish(hub, 'spoilt/buffer', 'x'.repeat(4096));
      return sse;
    }, 'the buffer to overflow');
    assert.equal((await sse.nextMessage()).data, 'small 0', 'late, but not lost');
  });

  test('WebSockets, when it does not pass on the upgrade', async (t) => {
    const nginx = await startNginx(t, hub, { location: 'proxy_buffering on;' });
    await assert.rejects(WsClient.open(nginx, null), /426/);
    await assert.rejects(WsClient.open(nginx, 'spoilt/upgrade', { wait: 0 }), /response: 200/);
    const id = await publish(nginx, 'spoilt/upgrade', 'x');
    const page = await poll(nginx, 'spoilt/upgrade', { after: 'earliest', wait: 0 });
    assert.equal(page.messages[0].id, id);
  });

  test('event streams and WebSockets, when it is less patient than the heartbeat', async (t) => {
    const nginx = await startNginx(t, hub, { location: `${UPGRADE} proxy_read_timeout 1s;` });
    const sse = await SseStream.open(nginx, ['spoilt/impatient']);
    const ws = await WsClient.open(nginx, 'spoilt/impatient');
    await Promise.all([sse.live(), ws.live()]);
    await sse.blocks.drained('the event stream to be cut');
    await ws.frames.drained('the WebSocket to be cut');
    const id = await publish(hub, 'spoilt/impatient', 'while it was cut');
    const next = await SseStream.open(nginx, ['spoilt/impatient'], {}, { 'Last-Event-ID': sse.cursor });
    t.after(() => next.close());
    assert.equal((await next.nextMessage()).id, id);
  });

  test('long-polls, when it is less patient than they', async (t) => {
    const nginx = await startNginx(t, hub, { location: `${UPGRADE} proxy_read_timeout 1s;` });
    assert.equal((await get(nginx, '/t/spoilt/poll?wait=30')).status, 504);
    assert.equal((await get(nginx, '/t/spoilt/poll?wait=0.2')).status, 200);
  });

  test('an EventSource for ever, while the hub is away', async (t) => {
    const away = await startHub(t, { set: { 'http.retry': '100ms' } });
    const nginx = await startNginx(t, away);
    await publish(away, 'spoilt/away', 'kept');
    const heard = listen(t, `${nginx.url}${subscribePath('spoilt/away', { after: 'earliest' })}`);
    await eventually(() => heard.data.length === 1, 'the first message');
    await away.stop();
    await eventually(() => heard.source.readyState === EventSource.CLOSED, 'it to give up');
  });

  test('nothing by compressing, but it does compress', async (t) => {
    const over = new AbortController();
    t.after(() => over.abort());
    const nginx = await startNginx(t, hub, {
      location: `${UPGRADE} gzip on; gzip_types text/event-stream; gzip_proxied any;`,
    });
    const reply = await fetch(`${nginx.url}/t/spoilt/gzip`, {
      headers: SSE,
      signal: over.signal,
    });
    assert.equal(reply.headers.get('content-encoding'), 'gzip');
    const pieces = reply.body.getReader();
    let text = '';
    const until = async (wanted) => {
      while (!text.includes(wanted)) {
        const { value } = await within(pieces.read(), wanted);
        text += Buffer.from(value).toString();
      }
    };
    await until('longwire.live');
    await publish(hub, 'spoilt/gzip', 'at once');
    await until('data: at once');
  });
});

describe('a heartbeat', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s' } });
  const nginx = suiteNginx(hub, { location: `${UPGRADE} proxy_read_timeout 3s;` });

  test('keeps quiet streams alive for longer than the proxy is patient', async (t) => {
    const sse = await SseStream.open(nginx, ['heartbeat']);
    const ws = await WsClient.open(nginx, 'heartbeat');
    t.after(() => sse.close());
    t.after(() => ws.terminate());
    await Promise.all([sse.live(), ws.live()]);
    for (let n = 0; n < 5; n++) assert.ok((await sse.next()).id);
    const id = await publish(hub, 'heartbeat', 'after five seconds of silence');
    assert.equal((await sse.nextMessage()).id, id);
    assert.equal((await ws.nextMessage()).id, id);
  });
});
