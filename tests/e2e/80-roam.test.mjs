// The promise of the whole thing: subscribers that are killed at random moments, and come back on a
// random other transport with only their last cursor, directly or through nginx, get exactly the
// messages of their topics, in order, with no gap and no duplicate, while publishing goes on. So do
// those whose event streams get and lose topics while they run.
//
// A connection's life is counted in messages, its own and those published meanwhile: so a slow
// machine sees as many of them as a quick one.
//
// LONGWIRE_SEED=N replays the choices of a run.
import { test } from 'node:test';

import { startHub } from './lib/hub.mjs';
import { PUBLISHERS } from './lib/publishers.mjs';
import { TOPICS, assertSame, isWanted, roamingTest } from './lib/roaming.mjs';
import { Roamer, transportsFor } from './lib/transports.mjs';
import { counted } from './lib/wait.mjs';

for (const workers of [1, 4]) {
  test(`roaming subscribers miss nothing and get nothing twice, workers=${workers}`, (t) =>
    roamingTest(t, { workers }));
}

test('a new subscriber replays the same, on every transport', async (t) => {
  const hub = await startHub(t, { set: { 'hub.tail_bytes': '1M', 'log.sync': 'never' } });
  const publisher = await PUBLISHERS.resp(hub);
  const ids = [];
  for (let n = 0; n < 3000; n++) {
    ids.push(await publisher.send(TOPICS[n % TOPICS.length], { n, padding: 'x'.repeat(900) }));
  }
  publisher.close();
  const wanted = ids.filter((_, n) => isWanted(['roam/a/#'], TOPICS[n % TOPICS.length]));
  for (const transport of transportsFor(['roam/a/#'])) {
    const roamer = new Roamer(hub, ['roam/a/#'], 'earliest');
    t.after(() => roamer.disconnect());
    roamer.connect(transport);
    await counted(() => roamer.ids.length, wanted.length, `${transport} to replay`);
    assertSame(roamer.ids, wanted, transport);
    roamer.disconnect();
  }
});
