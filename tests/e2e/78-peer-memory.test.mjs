// Memory that peers make the hub hold: each way to have it hold much is tried by more connections
// than hub.peer_bytes has room for. What is held stays within it, the largest are refused as their
// protocol says, everybody else is served meanwhile, and when they have gone the memory has, too.
// Counted by the hub; what the process takes besides is compared with large margins.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';

import { history, post, publish, get, topicPath } from './lib/http.mjs';
import { SANITIZED, longwirectl, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { OP, frame, handshake } from './lib/wsframe.mjs';

const KiB = 1024;
const MiB = 1024 * KiB;
const LIMIT = 8 * MiB;
/** What comes in before the hub looks: one read of each worker, and a buffer that doubles. */
const OVER = 4 * MiB;
/** More than that of the process's own memory would be another leak. */
const PROCESS = 64 * MiB;

const head = (method, path, lines = '') => `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n`;

/** The value of a metric. */
async function figure(hub, name) {
  const { text } = await get(hub, '/metrics');
  return Number(new RegExp(`^longwire_${name} (\\d+)$`, 'm').exec(text)[1]);
}

/** The daemon's own memory, bytes; what it has mapped of the log is the kernel's. */
function memoryOf(hub) {
  const status = readFileSync(`/proc/${hub.pid}/status`, 'latin1');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * KiB;
}

/** Sends as much of `data` as the hub takes; returns the connection, which reads if `reads`. */
async function send(hub, data, { local = false, reads = true } = {}) {
  const raw = await RawSocket.open(hub, { local });
  if (!reads) raw.pause();
  for (const piece of [data].flat()) void raw.write(piece);
  return raw;
}

/** A WebSocket that has been opened, for frames by hand. */
async function openWs(hub, path, change) {
  const raw = await RawSocket.open(hub);
  await raw.write(handshake(path, change));
  await raw.untilText('\r\n\r\n');
  return raw;
}

const LARGE = 'x'.repeat(900 * KiB);
const BATCH = 'Content-Type: application/x-ndjson\r\nContent-Length: 8000000\r\n';
const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
const unfinished = (data) => deflateRawSync(data).subarray(0, -8);

/** Ways to have the hub hold much: how many connections, what one does, how one is refused. */
const WAYS = {
  'bodies that never end': {
    count: 24,
    open: (hub) =>
      send(hub, [head('POST', '/t', BATCH), Buffer.alloc(MiB, 'x')]),
    refused: /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*hub\.peer_bytes/,
  },
  'half messages of WebSockets': {
    count: 24,
    async open(hub) {
      const raw = await openWs(hub, '/ws');
      void raw.write(frame(OP.TEXT, 'x'.repeat(MiB), { fin: false }));
      return raw;
    },
    refused: /\x03\xf5The hub holds as much/, // 1013
  },
  'half compressed messages, however small': {
    count: 400,
    async open(hub) {
      const raw = await openWs(hub, '/ws', DEFLATE);
      const begin = unfinished(Buffer.from('some text that is not over yet'));
      void raw.write(frame(OP.TEXT, begin, { fin: false, rsv: 4 }));
      return raw;
    },
    refused: /\x03\xf5The hub holds as much/,
  },
  'half commands': {
    count: 24,
    open: (hub) =>
      send(hub, [`*3\r\n$7\r\nPUBLISH\r\n$1\r\nx\r\n$1500000\r\n`, Buffer.alloc(MiB, 'x')], {
        local: true,
      }),
    refused: /^-ERR the hub holds as much/,
  },
  'heads that are not over': {
    count: 1000,
    open: (hub) => send(hub, head('GET', '/t/x', `X: ${'y'.repeat(16_000)}\r\n`).slice(0, -2)),
  },
  'input that waits its turn': {
    count: 100,
    open: (hub) => send(hub, head('GET', '/t/nothing?wait=3') + head('GET', '/healthz').repeat(8000)),
    refused: /^HTTP\/1\.1 503 /,
  },
  'answers that are not read': {
    count: 100,
    open: (hub) =>
      send(hub, head('GET', '/t/much?after=earliest&wait=0').repeat(20), { reads: false }),
  },
  'replies that are not read': {
    count: 40,
    open: (hub) =>
      send(hub, encode('XRANGE', 'much', '-', '+', 'COUNT', '7').toString().repeat(4), { local: true, reads: false }),
  },
  'messages that were cut, each another one': {
    count: 16,
    async open(hub, n) {
      const raw = await send(hub, head('GET', `/t/cut/${n}`, 'Accept: text/event-stream\r\n'), {
        reads: false,
      });
      // As many as the kernel takes of them, and one that is cut.
      await eventually(async () => {
        await publish(hub, `cut/${n}`, LARGE);
        return (await figure(hub, 'lags_total')) > n;
      }, 'it to fall behind');
      return raw;
    },
  },
  'answers to polls that waited for the same': {
    count: 60,
    async open(hub, n) {
      const raw = await send(hub, head('GET', '/t/same?wait=60').repeat(12), { reads: false });
      if (n % 10 === 9) {
        const resp = await RespClient.open(hub);
        for (let i = 0; i < 12; i++) await resp.command('XADD', 'same', '*', 'data', LARGE);
        resp.close();
      }
      return raw;
    },
  },
  'subscriptions, of each other topics': {
    count: 40,
    async open(hub, n) {
      const topics = Array.from({ length: 800 }, (_, i) => `topic=s${n}/${i}`);
      return openWs(hub, `/t?${topics.join('&')}`);
    },
    refused: /\x03\xf5The hub holds as much/,
  },
};

describe('what peers make the hub hold', () => {
  const hub = suiteHub({
    set: {
      'hub.peer_bytes': LIMIT,
      'hub.workers': 2,
      'hub.tail_bytes': '1M',
      'log.sync': 'never',
      'http.send_buffer': '64K',
      'http.body_timeout': '120s',
      'http.head_timeout': '120s',
    },
  });
  let atRest;

  async function asAtFirst() {
    await eventually(async () => (await figure(hub, 'peer_bytes')) === 0, 'nothing to be held');
    if (SANITIZED || !atRest) return;
    await eventually(() => memoryOf(hub) < atRest + PROCESS / 4, 'the memory to be given back');
  }

  /** Publishes, follows and polls as if nobody else were there. */
  async function innocents(stream, n) {
    const resp = await RespClient.open(hub);
    const id = await resp.command('XADD', 'innocent', '*', 'data', `by socket ${n}`);
    resp.close();
    await publish(hub, 'innocent', `by HTTP ${n}`);
    for (const data of [`by socket ${n}`, `by HTTP ${n}`]) {
      assert.equal((await stream.nextMessage()).data, data);
    }
    const read = await get(hub, `${topicPath('innocent')}?after=${id}&wait=0`);
    assert.deepEqual(read.json().messages.map(({ data }) => data), [`by HTTP ${n}`]);
  }

  test('there is something to read', async () => {
    for (let i = 0; i < 16; i++) await publish(hub, 'much', `${i}`.padEnd(256 * KiB, '.'));
    await publish(hub, 'innocent', 'begin');
    for (let i = 0; i < 5; i++) await get(hub, '/t/much?after=earliest&wait=0');
    atRest = memoryOf(hub);
  });

  for (const [what, { count, open, refused }] of Object.entries(WAYS)) {
    test(`${what}: within bounds, and nobody else is`, async (t) => {
      const peers = [];
      after(() => peers.forEach((raw) => raw.destroy()));
      const stream = await (await SseStream.open(hub, 'innocent')).live();
      t.after(() => stream.close());
      const before = await figure(hub, 'memory_refused_total');
      let most = 0;
      for (let i = 0; i < count; i++) {
        peers.push(await open(hub, i));
        if (i % Math.ceil(count / 10) === 0) await innocents(stream, i);
        most = Math.max(most, memoryOf(hub));
      }
      await eventually(
        async () => (await figure(hub, 'memory_refused_total')) > before,
        'somebody to be refused',
      );
      await innocents(stream, 'at the end');
      if (refused) {
        const said = () => peers.some((raw) => refused.test(raw.received.toString('latin1')));
        await eventually(said, 'a refusal that says why');
      }
      const peak = await figure(hub, 'peer_bytes_peak');
      t.diagnostic(`${peak / MiB} MiB at most, the process ${most / MiB}, before ${atRest / MiB}`);
      assert.ok(peak <= LIMIT + OVER, `${peak} bytes were held`);
      if (!SANITIZED) assert.ok(most < atRest + PROCESS, `the process had ${most} bytes`);
      for (const raw of peers) raw.destroy();
      await asAtFirst();
    });
  }
});
