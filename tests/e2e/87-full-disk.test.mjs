// A full disk, a file that may not grow, a full log: publishers are told, everything else goes on,
// nothing that was acknowledged is lost, and it ends by itself when there is space again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { assertProblem, get, history, post, postBatch } from './lib/http.mjs';
import { Disk } from './lib/disk.mjs';
import { startHub } from './lib/hub.mjs';
import { Ledger } from './lib/ledger.mjs';
import { RespError, RespPipeline } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { startRoamers } from './lib/transports.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const CONFIG = '[topic "mem/#"]\ndurability = memory\n';
const TOPICS = 8;
const BURST = 40;
/** Memory messages: some, and more than one mark in the log lets through. */
const SOME = 1000;
const MANY = 70_000;
const CHUNK = 2000;

const data = () => `${randomUUID()} ${'.'.repeat(8000)}`;

/** Publishes with `send(topic, data)` → whether it was accepted, until it is not. */
async function untilRefused(ledger, send) {
  for (let i = 0; i < 1000; i++) {
    const entry = ledger.attempt(`full/${i % TOPICS}`, data());
    if (!(await send(entry.topic, entry.data))) {
      ledger.refuse(entry);
      return;
    }
    ledger.acknowledge(entry);
  }
  assert.fail('there is no end to the disk');
}

/** Publishes in large groups, which are refused as a whole, and then one by one. */
async function fill(hub, ledger) {
  const pipeline = await RespPipeline.open(hub);
  const send = async (topic, text) => {
    const reply = await pipeline.command('XADD', topic, '*', 'data', text);
    if (reply instanceof RespError) assert.match(reply.text, /^NOSPACE /);
    return !(reply instanceof RespError);
  };
  await Promise.all(Array.from({ length: BURST }, () => untilRefused(ledger, send)));
  await untilRefused(ledger, send);
  pipeline.close();
}

/** Every kind of publisher is told, in its own way. */
async function checkRefusals(hub, ledger) {
  await untilRefused(ledger, async (topic, text) => {
    const reply = await post(hub, topic, text);
    if (reply.status === 201) return true;
    assertProblem(reply, 503);
    assert.equal(reply.headers['retry-after'], '5');
    return false;
  });
  await untilRefused(ledger, async (topic, text) => {
    const reply = await postBatch(hub, JSON.stringify({ topic, data: text }));
    if (reply.status === 201) return true;
    assertProblem(reply, 503);
    return false;
  });
  const client = await WsClient.open(hub, null);
  await untilRefused(ledger, async (topic, text) => {
    const answer = await client.ask({ op: 'publish', topic, data: text });
    if (answer.op === 'published') return true;
    assert.equal(answer.code, 'no_space');
    return false;
  });
  client.terminate();
  const pipeline = await RespPipeline.open(hub);
  await untilRefused(ledger, async (topic, text) => {
    const reply = await pipeline.command('PUBLISH', topic, text);
    if (reply instanceof RespError) assert.match(reply.text, /^NOSPACE /);
    return !(reply instanceof RespError);
  });
  pipeline.close();
  assert.equal((await get(hub, '/healthz')).status, 200);
}

/** Memory messages need no disk, and reach those who follow. */
async function checkMemory(hub, count) {
  const topic = `mem/${randomUUID()}`;
  const stream = await (await SseStream.open(hub, topic)).live();
  const pipeline = await RespPipeline.open(hub);
  for (let from = 0; from < count; from += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => from + i);
    const replies = await Promise.all(numbers.map((n) => pipeline.command('PUBLISH', topic, n)));
    assert.deepEqual(replies.filter((reply) => reply !== 1), []);
    for (const n of numbers) assert.equal((await stream.nextMessage()).data, String(n));
  }
  pipeline.close();
  stream.close();
}

/** What is acknowledged is there, and readers of every kind get it. */
async function checkReading(hub, ledger, roamers) {
  const stored = (await ledger.check(hub)).map(({ id }) => id);
  const stream = await SseStream.open(hub, 'full/#', { after: 'earliest' });
  for (const id of stored) assert.equal((await stream.nextMessage()).id, id);
  await stream.live();
  stream.close();
  for (const { transport, ids, gaps } of roamers) {
    await eventually(() => ids.at(-1) === stored.at(-1), `the subscriber by ${transport}`);
    assert.deepEqual(ids, ledger.seen.map(({ id }) => id), transport);
    assert.deepEqual(gaps, []);
  }
}

async function publishSome(hub, ledger) {
  for (let i = 0; i < 20; i++) {
    const entry = ledger.attempt('full/again', data());
    const reply = await post(hub, entry.topic, entry.data);
    assert.equal(reply.status, 201, reply.text);
    ledger.acknowledge(entry, reply.json().id);
  }
}

/** Makes room by removing: works although removing takes pages. */
async function removeHalf(hub, ledger) {
  const stored = await history(hub, 'full/#');
  const pipeline = await RespPipeline.open(hub);
  const topic = 'full/5';
  const purged = ledger.removing({ topic });
  assert.ok((await pipeline.command('HUB', 'PURGE', topic)) > 0);
  ledger.removed(purged);
  const { id } = stored[stored.length >> 1];
  const trimmed = ledger.removing({ upto: Number(id.split('-')[0]) });
  assert.ok((await pipeline.command('HUB', 'TRIM', id)) > 0);
  ledger.removed(trimmed);
  pipeline.close();
}

/** The whole story; `more(hub)` makes room from outside, where there is an outside. */
async function live(t, options, { memory = SOME, more } = {}) {
  const hub = await startHub(t, { ...options, config: CONFIG });
  const ledger = new Ledger({ pattern: 'full/#', dense: false });
  const { roamers, end } = await startRoamers(t, hub, 'full/#');

  await fill(hub, ledger);
  await checkRefusals(hub, ledger);
  await checkMemory(hub, memory);
  await checkReading(hub, ledger, roamers);
  await checkRefusals(hub, ledger);

  await hub.kill9();
  await hub.restart();
  await checkReading(hub, ledger, roamers);
  await fill(hub, ledger); // at once
  await checkRefusals(hub, ledger);
  await checkMemory(hub, 10);

  await removeHalf(hub, ledger);
  await publishSome(hub, ledger);
  await checkReading(hub, ledger, roamers);

  if (more) {
    await fill(hub, ledger);
    await more(hub);
    await publishSome(hub, ledger);
    await checkReading(hub, ledger, roamers);
  }
  await hub.restart();
  await checkReading(hub, ledger, roamers);
  end();
}

/** A small disk for test `t`, which is skipped where none can be mounted. */
function mountDisk(t, kind) {
  const disk = new Disk(kind, 16);
  t.after(() => disk.remove());
  if (disk.refused) t.skip(`cannot be mounted here: ${disk.refused}`);
  return disk;
}

for (const kind of ['ext4', 'tmpfs']) {
  test(`a full disk: ${kind}`, async (t) => {
    const disk = mountDisk(t, kind);
    if (disk.refused) return;
    disk.waste(6);
    const options = { set: { 'hub.data_dir': join(disk.path, 'data') } };
    await live(t, options, { more: () => disk.tidy() });
  });

  test(`a disk that is full from the start: ${kind}`, async (t) => {
    const disk = mountDisk(t, kind);
    if (disk.refused) return;
    disk.waste();
    const options = { set: { 'hub.data_dir': join(disk.path, 'data') } };
    await assert.rejects(startHub(t, options), /code 1,[^]*: no space left for the log/);
    disk.tidy();
    await publishSome(await startHub(t, options), new Ledger());
  });
}

test('a file that may not grow', async (t) => {
  const more = (hub) => execFileSync('prlimit', ['--pid', hub.pid, '--fsize=unlimited']);
  await live(t, { prefix: ['prlimit', `--fsize=${8 << 20}:unlimited`] }, { memory: MANY, more });
});

test('a full log', async (t) => {
  const set = { 'log.map_bytes': '8M', 'log.max_log_bytes': 0 };
  await live(t, { set }, { memory: MANY });
});

test('a full disk that retention clears', async (t) => {
  const disk = mountDisk(t, 'ext4');
  if (disk.refused) return;
  const set = { 'hub.data_dir': join(disk.path, 'data') };
  const hub = await startHub(t, { set, config: '[log]\nmax_log_bytes = 1G\n' });
  const ledger = new Ledger();
  await fill(hub, ledger);
  const before = await ledger.check(hub);
  writeFileSync(hub.config, '[log]\nmax_log_bytes = 4M\n');
  hub.signal('SIGHUP');
  await eventually(async () => (await history(hub, 'full/#')).length < before.length / 2, 'room');
  await publishSome(hub, new Ledger());
});
