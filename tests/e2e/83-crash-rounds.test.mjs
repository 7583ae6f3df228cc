// kill -9 at random moments under every kind of load, over and over on the same log: all that was
// acknowledged is there once, and the index tells the same as the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { SANITIZED, startHub } from './lib/hub.mjs';
import { Ledger, checkIndex } from './lib/ledger.mjs';
import { Load, PATTERNS } from './lib/load.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { startRoamers } from './lib/transports.mjs';
import { counted, sleep } from './lib/wait.mjs';

const ROUNDS = SANITIZED ? 8 : 50;
/** So many messages may lie in the log before what is older than the last round is trimmed. */
const KEPT = 4000;

test('acknowledged messages survive kill -9 at any moment', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  const hub = await startHub(t);
  const { roamers } = await startRoamers(t, hub, 'keep/#');

  for (let round = 0; round < ROUNDS; round++) {
    const load = new Load(hub, ledger, random.fork());
    const reached = Math.min(...roamers.map(({ cursor }) => offsetOf(cursor)), ledger.head);
    if (random.next() < 0.3) load.trimmable = Math.max(reached - KEPT, 0);
    const loaded = load.run();
    await sleep(random.int(5, 250));
    await hub.kill9();
    await loaded;
    await hub.restart();
    await checkIndex(hub, await ledger.check(hub), PATTERNS);
  }

  const wanted = ledger.seen.filter(({ topic }) => topic.startsWith('keep/')).map(({ id }) => id);
  for (const { transport, ids, gaps } of roamers) {
    await counted(() => ids.length, wanted.length, `the subscriber by ${transport}`);
    assert.deepEqual(gaps, [], transport);
    assert.deepEqual(ids, wanted, transport);
  }
  t.diagnostic(`${ledger.acknowledgements} messages over ${ROUNDS} crashes`);
});
