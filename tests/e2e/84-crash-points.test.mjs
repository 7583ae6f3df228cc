// A hub that crashes at each step that a commit consists of (crash_points.c): when messages are
// published, when they are removed, when a log is made and when one is recovered.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { test } from 'node:test';

import { ANSWER, BIRTH, COMMIT, Trap } from './lib/crashpoints.mjs';
import { offsetOf } from './lib/cursor.mjs';
import { history, publish, publishBatch } from './lib/http.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { Ledger, checkIndex } from './lib/ledger.mjs';
import { Load, PATTERNS } from './lib/load.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RespPipeline } from './lib/resp.mjs';
import { sleep } from './lib/wait.mjs';

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

/** Publishes to two topics in turn. */
async function fill(hub, ledger, count) {
  for (let sent = 0; sent < count; sent += 1000) {
    const entries = Array.from({ length: 1000 }, (_, i) =>
      ledger.attempt(`fill/${i % 2}`, randomUUID()),
    );
    const ids = await publishBatch(hub, entries);
    entries.forEach((entry, i) => ledger.acknowledge(entry, ids[i]));
  }
}

/** Removes `what`; resolves with whether the crash came before the answer. */
async function remove(hub, ledger, what) {
  const words = what.topic ? ['PURGE', what.topic] : ['TRIM', `${what.upto}-${ledger.epoch}`];
  const pipeline = await RespPipeline.open(hub);
  const removal = ledger.removing(what);
  try {
    assert.ok((await pipeline.command('HUB', ...words)) > 0);
  } catch (error) {
    assert.match(error.message, /connection ended/);
    return true;
  }
  pipeline.close();
  ledger.removed(removal);
  return false;
}

/**
 * Crashes in the middle of removals that take several commits. `what` says what to remove of what
 * is there; `check` gets what was there before and after, and whether the removal was finished.
 */
async function crashInRemovals(t, what, check) {
  const ledger = new Ledger();
  const hub = await startHub(t);
  const trap = new Trap(hub);
  let before = [];
  let crashes = 0;
  const points = times(COMMIT, [1, 2]);
  for (const at of points) {
    trap.set(at);
    await hub.restart();
    await fill(hub, ledger, Math.max(12_000 - before.length, 0));
    before = await ledger.check(hub);
    trap.arm();
    const crashed = await remove(hub, ledger, what(before));
    crashes += crashed;
    await (crashed ? hub.crashed() : hub.kill9());
    trap.disarm();
    await hub.restart();
    const after = await ledger.check(hub);
    await checkIndex(hub, after, ['fill/+', 'fill/1']);
    check(before, after);
    before = after;
  }
  assert.ok(crashes > points.length / 2, `${crashes} crashes in ${points.length} removals`);
}

test('a crash in the middle of a trim', async (t) => {
  let parts = 0;
  const half = (stored) => ({ upto: offsetOf(stored[stored.length - 2000].id) });
  await crashInRemovals(t, half, (before, after) => {
    assert.deepEqual(after, before.slice(-after.length), 'the oldest go first');
    assert.ok(after.length >= 1999);
    parts += after.length < before.length && after.length > 1999;
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
  for (const at of times([...BIRTH, ...COMMIT], [1])) {
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
    await sleep(200);
    await hub.kill9();
    await loaded;
    // Nothing starts properly in between.
    await trap.crashAtStart('sync:before:2');
    for (const at of times(COMMIT, [1])) await trap.crashAtStart(at);
    await hub.start();
    await checkIndex(hub, await ledger.check(hub), PATTERNS);
  }
});
