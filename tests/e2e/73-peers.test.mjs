// Peers that are gone, that do not read, or that send more than is taken: what the hub keeps for
// each is bounded, in its own memory and in the kernel's, and it does not keep them for ever.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { publishBatch } from './lib/http.mjs';
import { ROOT, SANITIZED, launch, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually, sleep, within } from './lib/wait.mjs';
import { handshake } from './lib/wsframe.mjs';

const KiB = 1 << 10;
const MiB = 1 << 20;

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const getText = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const sseText = (path) => getText(path, 'Accept: text/event-stream\r\n');

/** Puts messages of a mebibyte into the log. */
async function fill(hub, topic, mebibytes) {
  const line = { topic, data: 'x'.repeat(MiB - 100) };
  for (let i = 0; i < mebibytes; i += 4) await publishBatch(hub, upTo(4).map(() => line));
}

async function openPaused(t, hub, text, options) {
  const raw = await RawSocket.open(hub, options);
  t.after(() => raw.destroy());
  raw.pause();
  raw.write(text);
  return raw;
}

async function statsOf(hub) {
  const client = await RespClient.open(hub);
  const stats = JSON.parse(await client.command('HUB', 'STATS'));
  client.close();
  return stats;
}

const connections = async (hub) => (await statsOf(hub)).connections;
const countersOf = async (hub) => (await statsOf(hub)).counters;

describe('http.write_timeout', () => {
  const hub = suiteHub({
    set: {
      ...{ 'hub.workers': 1, 'log.sync': 'never', 'http.idle_timeout': '1s' },
      ...{ 'http.write_timeout': '2s', 'http.heartbeat': '1s' },
    },
  });
  before(() => fill(hub, 'much', 16));

  const STUCK = {
    sse: sseText('/t/much?after=earliest'),
    ws: handshake('/t/much?after=earliest'),
    http: getText('/t/much?after=earliest&wait=0').repeat(50),
  };

  for (const [transport, text] of Object.entries(STUCK)) {
    test(`ends who takes nothing: ${transport}`, async (t) => {
      await openPaused(t, hub, text);
      await eventually(async () => (await connections(hub))[transport] === 1, 'a connection');
      await eventually(async () => (await connections(hub))[transport] === 0, 'its end');
    });
  }

  // There the kernel does not give up by itself.
  const LOCAL = {
    ...STUCK,
    'http that ends': getText('/t/much?after=earliest&wait=0', 'Connection: close\r\n'),
  };
  for (const [what, text] of Object.entries(LOCAL)) {
    test(`ends who takes nothing on the local socket: ${what}`, async (t) => {
      const [transport] = what.split(' ');
      await openPaused(t, hub, text, { local: true });
      await eventually(async () => (await connections(hub))[transport] === 1, 'a connection');
      await eventually(async () => (await connections(hub))[transport] === 0, 'its end');
      assert.equal((await countersOf(hub)).ws_silent, 0, 'it was ended for something else');
    });
  }

  test('leaves alone who takes a little now and then', async (t) => {
    const raw = await openPaused(t, hub, STUCK.sse);
    const end = Date.now() + 5000; // more than twice the time
    for (let bytes = 0; Date.now() < end; bytes += raw.take().length) {
      raw.resume();
      await raw.until((data) => data.length > 256 * KiB, 'some more');
      raw.pause();
      await sleep(500);
    }
    assert.ok(!raw.closed);
    assert.equal((await connections(hub)).sse, 1);
    raw.destroy();
    await eventually(async () => (await connections(hub)).sse === 0, 'its end');
  });

  test('ends who is gone without a word', async (t) => {
    const stream = await (await SseStream.open(hub, 'gone')).live();
    t.after(() => stream.close());
    const words = [join(ROOT, 'tests/e2e/vanish.py'), hub.port, '/t/gone'];
    const gone = launch('python3', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => gone.stdin.end());
    await within(once(gone.stdout, 'data'), 'it to vanish');
    assert.equal((await connections(hub)).sse, 2);
    await eventually(async () => (await connections(hub)).sse === 1, 'the hub to find out');
  });
});

describe("the hub's memory for a peer", () => {
  const PEERS = 24;
  const hub = suiteHub({
    set: { 'hub.workers': 1, 'hub.tail_bytes': '1M', 'log.sync': 'never' },
  });
  before(() => fill(hub, 'much', 16));

  /** The daemon's own memory, bytes; what it has mapped of the log is the kernel's. */
  function memoryOf(hub) {
    const status = readFileSync(`/proc/${hub.pid}/status`, 'latin1');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  }

  /** The value that two looks find in a row. */
  async function settled(read) {
    let before = null;
    return eventually(async () => {
      const now = await read();
      const same = now === before;
      before = now;
      await sleep(same ? 0 : 200);
      return same && now;
    }, 'it to settle');
  }

  // Each would be many times as much without its limit.
  const CASES = {
    'input that has to wait': {
      text: getText('/t/nothing?wait=60') + getText('/healthz').repeat(100_000),
      most: MiB,
    },
    'answers that are not read': {
      text: getText('/t/much?after=earliest&wait=0').repeat(100),
      most: 4 * MiB,
    },
    'replies that are not read': {
      text: Buffer.concat(upTo(100).map(() => encode('XRANGE', 'much', '-', '+', 'COUNT', 1))),
      local: true,
      most: 4 * MiB,
    },
    'messages that are not read': { text: sseText('/t/much?after=earliest'), most: 2 * MiB },
  };

  for (const [what, { text, local = false, most }] of Object.entries(CASES)) {
    test(`${what} is bounded`, { skip: SANITIZED && 'it has a memory of its own' }, async (t) => {
      const start = await settled(() => memoryOf(hub));
      for (let i = 0; i < PEERS; i++) await openPaused(t, hub, text, { local });
      const all = await connections(hub);
      assert.ok(Object.values(all).reduce((sum, n) => sum + n) >= PEERS);
      const each = ((await settled(() => memoryOf(hub))) - start) / PEERS;
      t.diagnostic(`${Math.round(each / KiB)} KiB for each`);
      assert.ok(each < most, `${each} bytes for each`);
    });
  }
});

describe("the kernel's memory for a peer that does not read", () => {
  /** What waits in the hub's socket to be sent or acknowledged, bytes. */
  function queued(hub, port) {
    const hex = (n) => n.toString(16).toUpperCase().padStart(4, '0');
    const ends = new RegExp(
      `^ *\\d+: 0100007F:${hex(hub.port)} 0100007F:${hex(port)} 01 ([0-9A-F]+):`,
      'm',
    );
    return parseInt(ends.exec(readFileSync('/proc/net/tcp', 'latin1'))[1], 16);
  }

  /** What it grows to, which is LEAST at least. */
  async function measure(t, set, least = 1) {
    const hub = await startHub(t, { set: { 'log.sync': 'never', ...set } });
    await fill(hub, 'much', 8);
    const raw = await openPaused(t, hub, sseText('/t/much?after=earliest'));
    let before = 0;
    const most = await eventually(async () => {
      await sleep(100);
      const now = queued(hub, raw.localPort);
      const same = now >= least && now === before && now;
      before = now;
      return same;
    }, 'the queue to fill');
    raw.destroy(); // or the hub would wait for it when it ends
    t.diagnostic(`${Math.round(most / KiB)} KiB`);
    return most;
  }

  // The kernel adds to what is queued in pieces of up to 64 KiB, and asks for more when half is left.
  const PIECES = 128 * KiB;

  for (const size of [32, 256, 1024]) {
    test(`follows http.notsent_lowat: ${size} KiB`, async (t) => {
      const queue = await measure(t, { 'http.notsent_lowat': `${size}K` }, (size / 2) * KiB);
      assert.ok(queue < size * KiB + PIECES, `${queue} bytes`);
    });
  }

  test('follows http.send_buffer', async (t) => {
    const queue = await measure(t, { 'http.notsent_lowat': '1M', 'http.send_buffer': '128K' });
    assert.ok(queue < 256 * KiB + PIECES, `${queue} bytes`);
  });
});
