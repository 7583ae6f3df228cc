// 100 of 1,000 connections never read, while hundreds of thousands of messages go to the others: the
// hub holds nothing for it, the others get everything, and whoever reads again gets all of it, or a
// gap.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { get } from './lib/http.mjs';
import { BUILD, SANITIZED, run, startHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { eventually } from './lib/wait.mjs';

const MiB = 1 << 20;
const STUCK = 100;
const OTHERS = 900;
const MESSAGES = SANITIZED ? 50_000 : 300_000;
/** More than a log of LOG_BYTES keeps. */
const OVERFLOW = SANITIZED ? 20_000 : 200_000;
const LOG_BYTES = 16 * MiB;
/** What a connection may hold without being counted (PEER_MEMORY_FLOOR). */
const FLOOR_BYTES = 8 << 10;
/** Hundreds of thousands of envelopes take this process a while, and so does the benchmark. */
const PATIENCE_MS = 120_000;

const headOf = async (hub) => offsetOf((await get(hub, '/cursor')).headers['longwire-cursor']);

/** The daemon's own memory, bytes; what it has mapped of the log is the kernel's. */
function memoryOf(hub) {
  const status = readFileSync(`/proc/${hub.pid}/status`, 'latin1');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

/** The most that one of the connections holds, bytes, by the hub's own count. */
async function mostHeld(hub) {
  const { stdout } = await run(join(BUILD, 'longwirectl'), ['-s', hub.socket, '--json', 'clients']);
  const streams = JSON.parse(stdout).filter(({ transport }) => transport === 'sse');
  assert.equal(streams.length, STUCK);
  return Math.max(...streams.map((client) => client.held_bytes));
}

/** Whether nothing more is to be taken away: who reads meanwhile can be overtaken again. */
async function keepsAtMost(hub, bytes) {
  const { stdout } = await run(join(BUILD, 'longwirectl'), ['-s', hub.socket, '--json', 'stats']);
  return JSON.parse(stdout).log_used_bytes <= bytes;
}

/** Publishes to 900 topics as fast as it goes, with a subscriber of each, until `upTo` is reached. */
async function publish(hub, upTo) {
  while ((await headOf(hub)) < upTo) {
    const words = ['fanout', '--transport', 'sse', '--raw', '--json', '--rate', '0'];
    words.push('--subscribers', `${OTHERS}`, '--topics', `${OTHERS}`, '--window', '0');
    words.push('--seconds', '2', '--warmup', '100');
    words.push('--socket', hub.socket, '--url', `127.0.0.1:${hub.port}`);
    const bench = run(join(BUILD, 'longwire-bench'), words, { ms: PATIENCE_MS });
    const { code, stdout, stderr } = await bench;
    assert.equal(code, 0, stderr);
    const { missing, repeated, lost, delivered, expected } = JSON.parse(stdout);
    assert.deepEqual({ missing, repeated, lost }, { missing: 0, repeated: 0, lost: 0 });
    assert.equal(delivered, expected);
  }
}

/** A connection that subscribes to everything and does not read. */
class Stuck {
  /** The offsets that came, as long as they are in a row. */
  first = null;
  last = null;
  gap = null;
  #socket;
  #rest = '';

  static async open(hub, after) {
    const stuck = new Stuck();
    stuck.#socket = connect(hub.port, '127.0.0.1');
    stuck.#socket.on('error', () => {});
    stuck.#socket.pause();
    await once(stuck.#socket, 'connect');
    stuck.#socket.write(
      `GET /t?topic=%23&format=envelope&after=${after} HTTP/1.1\r\nHost: localhost\r\n` +
        'Accept: text/event-stream\r\n\r\n',
    );
    return stuck;
  }

  read() {
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => {
      const blocks = (this.#rest + text).split('\n\n');
      this.#rest = blocks.pop();
      for (const block of blocks) this.#take(block);
    });
    this.#socket.resume();
  }

  #take(block) {
    if (block.startsWith('event: longwire.gap') || block.includes('\nevent: longwire.gap')) {
      const gap = JSON.parse(/^data: (.*)$/m.exec(block)[1]);
      // Its socket may take something now and then, and what comes behind that may go again.
      if (this.last !== null) assert.equal(offsetOf(gap.requested), this.last, 'in its place');
      this.gap = offsetOf(gap.resumed);
      assert.ok(this.gap > (this.last ?? 0), 'forwards');
      this.last = this.gap;
      return;
    }
    if (!/^data: \{"id"/m.test(block)) return;
    const offset = Number(/^id: (\d+)-/m.exec(block)[1]);
    this.first ??= offset;
    if (this.last !== null) assert.equal(offset, this.last + 1, 'in a row');
    this.last = offset;
  }

  close() {
    this.#socket.destroy();
  }
}

async function openStuck(t, hub) {
  const { headers } = await get(hub, '/cursor');
  const all = [];
  t.after(() => all.forEach((stuck) => stuck.close()));
  for (let i = 0; i < STUCK; i++) all.push(await Stuck.open(hub, headers['longwire-cursor']));
  const admin = await RespClient.open(hub);
  await eventually(async () => {
    const { connections } = JSON.parse(await admin.command('HUB', 'STATS'));
    return connections.sse === STUCK;
  }, 'all to be subscribed');
  admin.close();
  return { all, start: offsetOf(headers['longwire-cursor']) };
}

const SETTINGS = {
  'hub.workers': 1,
  'hub.tail_bytes': '4M',
  'http.write_timeout': '20m',
  'http.send_buffer': '64K',
};

describe('connections that do not read', () => {
  test('cost no memory, and lose nothing that is kept', async (t) => {
    const hub = await startHub(t, { set: SETTINGS });
    await publish(hub, 20_000); // its tail is full, and its tables are as large as they get
    const { all, start } = await openStuck(t, hub);
    await publish(hub, start + 1);
    const before = memoryOf(hub);
    await publish(hub, start + MESSAGES);
    const grown = memoryOf(hub) - before;
    const head = await headOf(hub);
    t.diagnostic(`${(head - start).toLocaleString()} messages, ${grown} bytes more`);
    assert.ok((await mostHeld(hub)) <= FLOOR_BYTES);
    // What was on its way to the others may have left holes. A queue would take much more.
    const pointers = STUCK * (head - start) * 8;
    if (!SANITIZED) assert.ok(grown < pointers / 4, `the hub grew by ${grown} bytes`);

    for (const stuck of all.slice(2)) stuck.close();
    for (const stuck of all.slice(0, 2)) {
      stuck.read();
      await eventually(() => stuck.last === head, 'it to catch up', PATIENCE_MS);
      assert.equal(stuck.gap, null);
      assert.equal(stuck.first, start + 1);
      stuck.close();
    }
  });

  test('are told what is no longer kept', async (t) => {
    const hub = await startHub(t, { set: { ...SETTINGS, 'log.max_log_bytes': LOG_BYTES } });
    const { all, start } = await openStuck(t, hub);
    await publish(hub, start + OVERFLOW);
    await eventually(() => keepsAtMost(hub, LOG_BYTES), 'the log to be as small as it may be');
    const head = await headOf(hub);
    for (const stuck of all.slice(2)) stuck.close();
    for (const stuck of all.slice(0, 2)) {
      stuck.read();
      await eventually(() => stuck.last === head, 'it to catch up', PATIENCE_MS);
      assert.equal(stuck.first, start + 1, 'what the socket had comes first');
      if (!SANITIZED) assert.ok(stuck.gap > start, 'a gap');
      stuck.close();
    }
  });
});
