// A disk that fails: each system call by which the log is written fails once, and for a while
// (crash_points.c). Publishers are told, everybody else goes on, and so do publishers as soon as
// the disk does, without a restart.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Trap } from './lib/crashpoints.mjs';
import { get } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { Ledger, checkIndex } from './lib/ledger.mjs';
import { Load, PATTERNS } from './lib/load.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { startRoamers } from './lib/transports.mjs';
import { counted, eventually, sleep } from './lib/wait.mjs';

const POINTS = ['pages', 'sync', 'meta'];
const ERRORS = ['EIO', 'ENOSPC', 'short'];
/** Once, and as long as it is armed. */
const CALLS = [4, 0];

const faults = POINTS.flatMap((point) => ERRORS.map((error) => `${point}:${error}`))
  .filter((fault) => fault !== 'sync:short')
  .flatMap((fault) => CALLS.map((n) => `${fault}:${n}`));

test('errors of the disk', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  const hub = await startHub(t);
  const trap = new Trap(hub);
  const { roamers } = await startRoamers(t, hub, 'keep/#');

  for (const fault of faults) {
    trap.set(fault);
    await hub.restart();
    const load = new Load(hub, ledger, random.fork());
    const loaded = load.run();
    await sleep(random.int(0, 50));
    trap.arm();
    if (fault.endsWith(':0')) await eventually(() => load.refusals > 0, `${fault} to be told`);
    await checkReading(hub);
    await sleep(random.int(0, 100));
    trap.disarm();
    const before = ledger.acknowledgements;
    await eventually(() => ledger.acknowledgements > before + 100, `publishing after ${fault}`);
    load.stop();
    assert.deepEqual(await loaded, [], fault);
    await checkIndex(hub, await ledger.check(hub), PATTERNS);
    assert.equal((await get(hub, '/readyz')).status, 200, fault);
  }
  await hub.kill9();
  await hub.restart();
  await checkIndex(hub, await ledger.check(hub), PATTERNS);

  const wanted = ledger.seen.filter(({ topic }) => topic.startsWith('keep/')).map(({ id }) => id);
  for (const { transport, ids, gaps } of roamers) {
    await counted(() => ids.length, wanted.length, `the subscriber by ${transport}`);
    assert.deepEqual(gaps, [], transport);
    assert.deepEqual(ids, wanted, transport);
  }
});

/** The log can be read while it cannot be written. */
async function checkReading(hub) {
  const read = async () => (await get(hub, '/t?topic=%23&after=earliest&wait=0&limit=10')).status;
  await eventually(async () => (await read()) === 200, 'the log to be read');
}
