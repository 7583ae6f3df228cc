// Receivers that take nothing for a while, and long ways through the log: nobody else notices,
// nothing is lost, and the hub does not grow.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { describe, test } from 'node:test';
import WebSocket from 'ws';

import { history, poll, publishBatch, subscribePath } from './lib/http.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { counted, within } from './lib/wait.mjs';

const MiB = 1 << 20;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);

/** Publishes messages { n, padding } from `first` up to `end`, a thousand at a time. */
async function fill(hub, topic, first, end) {
  const padding = 'x'.repeat(1000);
  for (let n = first; n < end; n += 1000) {
    await publishBatch(
      hub,
      upTo(1000).map((i) => ({ topic, data: { n: n + i, padding } })),
    );
  }
}

/** The daemon's own memory, bytes; what it has mapped of the log is the kernel's. */
function memoryOf(hub) {
  const status = readFileSync(`/proc/${hub.pid}/status`, 'latin1');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

/** Receivers that can be told to stop taking anything: { numbers, pause(), resume(), close() }. */
const RECEIVERS = {
  sse(hub, topic) {
    const receiver = { numbers: [] };
    const path = subscribePath(topic);
    const headers = { Accept: 'text/event-stream' };
    const options = { host: '127.0.0.1', port: hub.port, path, headers, agent: false };
    return new Promise((resolve) => {
      const request = http.get(options, (reply) => {
        let text = '';
        reply.on('data', (data) => {
          const blocks = (text + data).split('\n\n');
          text = blocks.pop();
          for (const block of blocks) {
            const number = /^data: \{"n":(\d+)/m.exec(block);
            if (number) receiver.numbers.push(Number(number[1]));
          }
        });
        receiver.pause = () => reply.pause();
        receiver.resume = () => reply.resume();
        resolve(receiver);
      });
      request.on('error', () => {});
      receiver.close = () => request.destroy();
    });
  },

  ws(hub, topic) {
    const options = { perMessageDeflate: false }; // a busy client would be too slow for that
    const socket = new WebSocket(`ws://127.0.0.1:${hub.port}${subscribePath(topic)}`, options);
    const receiver = {
      numbers: [],
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close: () => socket.terminate(),
    };
    return new Promise((resolve) => {
      socket.on('message', (data) => {
        const { op, data: content } = JSON.parse(data);
        if (op === 'live') resolve(receiver);
        else receiver.numbers.push(content.n);
      });
    });
  },
};

describe('slow receivers', () => {
  for (const [name, open] of Object.entries(RECEIVERS)) {
    test(`${name}: stalled for 40 MB, then gets it all, and others do not notice`, async (t) => {
      const count = 40_000;
      const hub = await startHub(t, { set: { 'hub.tail_bytes': '1M', 'log.sync': 'never' } });
      const stalled = await Promise.all(upTo(4).map(() => open(hub, 'slow/x')));
      const lively = await open(hub, 'slow/x');
      t.after(() => [...stalled, lively].forEach((receiver) => receiver.close()));
      await fill(hub, 'slow/x', 0, 1000);
      for (const receiver of stalled) receiver.pause();
      const before = memoryOf(hub);
      await fill(hub, 'slow/x', 1000, count);
      await counted(() => lively.numbers.length, count, 'what the lively one gets');
      if (!SANITIZED) assert.ok(memoryOf(hub) - before < 32 * MiB, 'the hub holds it for them');
      for (const receiver of stalled) receiver.resume();
      for (const { numbers } of [lively, ...stalled]) {
        await counted(() => numbers.length, count, 'what a stalled one gets');
        const wrong = numbers.findIndex((n, at) => n !== at);
        assert.equal(wrong, -1, `${numbers[wrong]} came instead of ${wrong}`);
      }
    });
  }
});

describe('long ways', () => {
  test('two messages with 200,000 others between them are found at once', async (t) => {
    const hub = await startHub(t, { set: { 'hub.tail_bytes': '1M', 'log.sync': 'never' } });
    await publishBatch(hub, [{ topic: 'rare', data: 'first' }]);
    const client = await RespClient.open(hub);
    const others = 200_000;
    const slice = 10_000;
    for (let n = 0; n < others; n += slice) {
      const commands = upTo(slice).map((i) => encode('PUBLISH', `common/${i % 50}`, n + i));
      await client.write(Buffer.concat(commands));
      for (let i = 0; i < slice; i++) assert.equal(await client.reply(), 0);
    }
    client.close();
    await publishBatch(hub, [{ topic: 'rare', data: 'last' }]);

    const data = (messages) => messages.map((message) => message.data);
    assert.deepEqual(data(await history(hub, 'rare')), ['first', 'last']);
    const newest = await poll(hub, 'rare', { after: '-2', wait: 0 });
    assert.deepEqual(data(newest.messages), ['first', 'last']);
    const stream = await SseStream.open(hub, 'rare', { after: 'earliest' });
    t.after(() => stream.close());
    assert.deepEqual(await stream.messages(2), ['first', 'last']);
    const all = await history(hub, 'common/7', 'earliest');
    assert.equal(all.length, others / 50);
  });

  test('a publisher that does not wait is slowed down, and nothing is lost', async (t) => {
    const hub = await startHub(t, {
      set: { 'hub.queue_bytes': '1M', 'limits.inflight': '16', 'log.sync': 'always' },
    });
    const client = await RespClient.open(hub);
    t.after(() => client.close());
    const payload = 'x'.repeat(10_000);
    const commands = upTo(2000).map(() => encode('XADD', 'pressed', '*', 'data', payload));
    client.write(Buffer.concat(commands));
    const all = async () => {
      const ids = [];
      while (ids.length < 2000) ids.push(await client.reply());
      return ids;
    };
    const ids = await within(all(), 'all answers', 60_000);
    assert.equal(new Set(ids).size, 2000);
    assert.equal(await client.command('XLEN', 'pressed'), 2000);
  });
});
