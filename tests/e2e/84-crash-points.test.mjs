// A hub that crashes at each step that a commit consists of (crash_points.c): when messages are
// published, when they are removed, when a log is made and when one is recovered.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { test } from 'node:test';

import { ANSWER, BIRTH, COMMIT, OPENING, Trap } from './lib/crashpoints.mjs';
import { offsetOf } from './lib/cursor.mjs';
import { history, publish, publishBatch } from './lib/http.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { Ledger, checkIndex } from './lib/ledger.mjs';
import { Load, PATTERNS } from './lib/load.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RespPipeline } from './lib/resp.mjs';
import { eventually, sleep } from './lib/wait.mjs';

/** What is to happen at POINT:WHAT, at each of these calls of the point. */
const times = (points, calls) => points.flatMap((at) => calls.map((n) => `${at}:${n}`));

test('a crash at any step from a publish to its answer', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  const hub = await startHub(t);
  const trap = new Trap(hub);
  const points = times([...COMMIT, ...ANSWER], SANITIZED ? [1, 9] : [1, 2, 9]);
  for (const at of points) {
    trap.set(at);
    await hub.restart();
    await checkIndex(hub, await ledger.check(hub), PATTERNS);
    const load = new Load(hub, ledger, random.fork());
    load.trimmable = Math.max(ledger.head - 2000, 0);
    const loaded = load.run();
    await sleep(random.int(0, 20));
    trap.arm();
    await hub.crashed();
    trap.disarm();
    await loaded;
  }
  await hub.restart();
  await checkIndex(hub, await ledger.check(hub), PATTERNS);
  t.diagnostic(`${ledger.acknowledgements} messages over ${points.length} crashes`);
});

/** So many messages of each topic are removed in several commits; trims leave some of all. */
const STORED = 3000;
const LEFT = 1000;

/** Fills two topics up; `stored` is what they have. */
async function fill(hub, ledger, stored) {
  for (const topic of ['fill/0', 'fill/1']) {
    const count = STORED - stored.filter((message) => message.topic === topic).length;
    if (count === 0) continue;
    const entries = Array.from({ length: count }, () => ledger.attempt(topic, randomUUID()));
    const ids = await publishBatch(hub, entries);
    entries.forEach((entry, i) => ledger.acknowledge(entry, ids[i]));
  }
}

/** Removes `what`; it may be answered, or not, when the crash comes. */
async function remove(hub, ledger, what) {
  const words = what.topic ? ['PURGE', what.topic] : ['TRIM', `${what.upto}-${ledger.epoch}`];
  const pipeline = await RespPipeline.open(hub);
  const removal = ledger.removing(what);
  try {
    assert.ok((await pipeline.command('HUB', ...words)) > 0);
    ledger.removed(removal);
  } catch (error) {
    assert.match(error.message, /connection ended/);
  }
  pipeline.close();
}

/**
 * Crashes in the middle of removals that take several commits. `what` says what to remove of what
 * is there; `check` gets what was there before and after.
 */
async function crashInRemovals(t, what, check) {
  const ledger = new Ledger();
  const hub = await startHub(t);
  const trap = new Trap(hub);
  let before = [];
  for (const at of times(COMMIT, SANITIZED ? [2] : [1, 2])) {
    trap.set(at);
    await hub.restart();
    await fill(hub, ledger, before);
    before = await ledger.check(hub);
    trap.arm();
    await remove(hub, ledger, what(before));
    await hub.crashed();
    trap.disarm();
    await hub.restart();
    const after = await ledger.check(hub);
    await checkIndex(hub, after, ['fill/+', 'fill/1']);
    check(before, after);
    before = after;
  }
}

test('a crash in the middle of a trim', async (t) => {
  let parts = 0;
  const most = (stored) => ({ upto: offsetOf(stored[stored.length - LEFT].id) });
  await crashInRemovals(t, most, (before, after) => {
    assert.deepEqual(after, before.slice(-after.length), 'the oldest go first');
    assert.ok(after.length >= LEFT - 1);
    parts += after.length < before.length && after.length > LEFT;
  });
  assert.ok(parts > 0, 'no trim was left unfinished');
});

test('a crash in the middle of a purge', async (t) => {
  let round = 0;
  const next = () => ({ topic: `fill/${round++ % 2}` });
  await crashInRemovals(t, next, (before, after) => {
    const topic = `fill/${(round - 1) % 2}`;
    const others = before.filter((message) => message.topic !== topic);
    // Readers see all of it or nothing, however far it got.
    if (after.length !== before.length) assert.deepEqual(after, others);
  });
});

test('a crash while a log is made', async (t) => {
  const hub = await startHub(t);
  const trap = new Trap(hub);
  await hub.stop();
  for (const at of times([...OPENING, ...BIRTH, ...COMMIT], [1])) {
    rmSync(hub.dataDir, { recursive: true });
    await trap.crashAtStart(at);
    await hub.start();
    const id = await publish(hub, 'birth', at);
    await hub.restart();
    assert.deepEqual((await history(hub, '#')).map((message) => message.id), [id], at);
    await hub.stop();
  }
});

test('crashes while a log is recovered', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  const hub = await startHub(t);
  const trap = new Trap(hub);
  for (let round = 0; round < (SANITIZED ? 1 : 3); round++) {
    const load = new Load(hub, ledger, random.fork());
    const loaded = load.run();
    const before = ledger.acknowledgements;
    await eventually(() => ledger.acknowledgements > before + 100, 'some messages to be stored');
    await hub.kill9();
    await loaded;
    // Nothing starts properly in between.
    await trap.crashAtStart('sync:before:2');
    for (const at of times([...COMMIT, ...OPENING], [1])) await trap.crashAtStart(at);
    await hub.start();
    await checkIndex(hub, await ledger.check(hub), PATTERNS);
  }
});
