// The promise of the whole thing: subscribers that are killed at random moments, and come back on a
// random other transport with only their last cursor, directly or through nginx, get exactly the
// messages of their topics, in order, with no gap and no duplicate, while publishing goes on. So do
// those whose event streams get and lose topics while they run.
//
// A connection's life is counted in messages, its own and those published meanwhile: so a slow
// machine sees as many of them as a quick one.
//
// LONGWIRE_SEED=N replays the choices of a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { get, history } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { PUBLISHERS } from './lib/publishers.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { startNginx } from './lib/nginx.mjs';
import { SessionRoamer } from './lib/session.mjs';
import { Roamer, transportsFor } from './lib/transports.mjs';
import { WAIT_MS, counted, sleep } from './lib/wait.mjs';

const SUBSCRIBERS = 24;
const CHANGING = 8;
const MESSAGES_PER_PUBLISHER = 600;
/** For how many published messages, and own ones, a connection lives at most. */
const LIFE = 150;
const OWN = 150;
const ROOMS = ['a', 'b', 'c', 'd', 'e', 'f'];
const THINGS = ['temperature', 'load', 'door', 'price', 'x'];
const TOPICS = ROOMS.flatMap((room) => THINGS.map((thing) => `roam/${room}/${thing}`));

/** What one subscriber wants: a topic, several, patterns, or a mixture that overlaps. */
function chooseTopics(random) {
  const room = random.pick(ROOMS);
  const thing = random.pick(THINGS);
  return random.pick([
    () => [random.pick(TOPICS)],
    () => random.sample(TOPICS, random.int(2, 6)),
    () => [`roam/${room}/#`],
    () => [`roam/+/${thing}`],
    () => [`roam/+/${thing}`, `roam/${room}/#`, `roam/${room}/${thing}`],
    () => ['#'],
    () => [...random.sample(TOPICS, 2), `roam/${room}/+`],
  ])();
}

/** Whether a topic is in a set of topics and patterns (of this test's three levels). */
function isWanted(set, topic) {
  const expression = (pattern) =>
    new RegExp(`^${pattern.replace(/\+/g, '[^/]+').replace(/(^|\/)#$/, '$1.*')}$`);
  return set.some((pattern) => expression(pattern).test(topic));
}

/** How much has been published, and when a connection is to end by that. */
class Progress {
  #sent = 0;
  #over = false;

  published() {
    this.#sent++;
  }

  end() {
    this.#over = true;
  }

  /** Whether a life that begins now is over; when nothing more is published it is not. */
  life(random) {
    const end = this.#sent + random.int(0, LIFE);
    return () => !this.#over && this.#sent >= end;
  }
}

/** Publishes numbered messages to random topics; returns [{ id, topic }] as acknowledged. */
async function publishAll(hub, way, progress, random) {
  const publisher = await PUBLISHERS[way](hub);
  const sent = [];
  for (let n = 0; n < MESSAGES_PER_PUBLISHER;) {
    const burst = Array.from({ length: random.int(1, 12) }, () => random.pick(TOPICS));
    const ids = [];
    for (const topic of burst) {
      // Long ones are worth compressing.
      const padding = 'x'.repeat(random.pick([0, 0, 0, 2000]));
      ids.push(await publisher.send(topic, { way, n: n++, padding }));
      progress.published();
    }
    ids.forEach((id, i) => sent.push({ id, topic: burst[i] }));
    await sleep(random.int(0, 20));
  }
  publisher.close();
  return sent;
}

/** Lives through one connection after the other, to one of `doors`, until `isDone`. */
async function roam(roamer, doors, progress, random, isDone) {
  while (!isDone(roamer)) {
    const others = transportsFor(roamer.topics).filter((name) => name !== roamer.transport);
    roamer.connect(random.pick(others), random.pick(doors));
    const isOver = progress.life(random);
    const most = roamer.ids.length + random.int(1, OWN);
    while (roamer.connected && !isDone(roamer) && !isOver() && roamer.ids.length < most)
      await roamer.next(20);
    roamer.disconnect();
    await sleep(random.int(0, 50));
  }
}

/** The same with event streams that change, and long-polls between them. */
async function roamChanging(roamer, doors, progress, random, isDone) {
  while (!isDone(roamer)) {
    if (random.next() < 0.3) await roamer.polls(random.pick(doors));
    else await roamer.stream(random.pick(doors), progress.life(random), random.int(0, 4));
    await sleep(random.int(0, 50));
  }
}

const countAll = (roamers) => roamers.reduce((sum, { received }) => sum + received, 0);

/** Resolves when `everybody` has ended, or nobody has received anything for WAIT_MS. */
async function untilStuck(everybody, received) {
  let over = false;
  const ended = Promise.all(everybody).finally(() => (over = true));
  for (let before = -1; !over && received() > before;) {
    before = received();
    await Promise.race([ended, sleep(WAIT_MS)]);
  }
}

async function roamingTest(t, workers) {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed} workers=${workers}`);
  const random = new Random(seed);
  // Not so short that the publisher's WebSocket is given up while this process waits for its turn.
  const hub = await startHub(t, {
    set: { 'hub.workers': workers, 'http.heartbeat': '5s', 'log.sync': 'never' },
    config: '[topic "roam/f/#"]\ndurability = memory\n',
  });
  const doors = [hub, await startNginx(t, hub)];
  const start = (await get(hub, '/cursor')).headers['longwire-cursor'];

  const roamers = Array.from(
    { length: SUBSCRIBERS },
    () => new Roamer(hub, chooseTopics(random), start),
  );
  const changing = Array.from(
    { length: CHANGING },
    () => new SessionRoamer(random.sample(TOPICS, random.int(2, 6)), start, random.fork()),
  );
  let expected = null;
  let giveUp = false;
  t.after(() => (giveUp = true));
  const isDone = (roamer) =>
    giveUp || (expected !== null && roamer.received >= expected.get(roamer).length);
  const progress = new Progress();
  const roaming = [
    ...roamers.map((roamer) => roam(roamer, doors, progress, random.fork(), isDone)),
    ...changing.map((roamer) => roamChanging(roamer, doors, progress, random.fork(), isDone)),
  ];

  const publishing = Object.keys(PUBLISHERS).map((way) =>
    publishAll(hub, way, progress, random.fork()),
  );
  const sent = (await Promise.all(publishing)).flat();
  progress.end();
  sent.sort((one, other) => offsetOf(one.id) - offsetOf(other.id));
  expected = new Map(
    [...roamers, ...changing].map((roamer) => [
      roamer,
      sent.filter(({ topic }) => isWanted(roamer.topics, topic)).map(({ id }) => id),
    ]),
  );
  await untilStuck(roaming, () => countAll([...roamers, ...changing]));
  giveUp = true;
  await Promise.all(roaming);

  const stored = (await history(hub, '#')).map(({ id }) => id);
  assert.deepEqual(
    stored,
    sent.map(({ id }) => id),
    'the log is what was acknowledged',
  );
  for (const roamer of roamers) {
    const who = `${roamer.topics} after ${roamer.connections} connections (seed ${seed})`;
    assert.deepEqual(roamer.gaps, [], who);
    assertSame(roamer.ids, expected.get(roamer), who);
  }
  for (const roamer of changing) {
    assert.deepEqual(roamer.gaps, [], `seed ${seed}`);
    for (const [name, ids] of roamer.ids) {
      const wanted = sent.filter(({ topic }) => topic === name).map(({ id }) => id);
      assertSame(ids, wanted, `${name} of ${roamer.topics} (seed ${seed})`);
    }
  }
  const changes = changing.reduce((sum, { changes: count }) => sum + count, 0);
  assert.ok(changes > CHANGING * 5, 'they hardly ever changed');
  const connections = roamers.reduce((sum, { connections: count }) => sum + count, 0);
  const received = countAll(roamers);
  t.diagnostic(`${sent.length} messages, ${received} received over ${connections} connections`);
  assert.ok(connections > SUBSCRIBERS * 5, 'they hardly ever moved');
}

/** As deepEqual, with an explanation that fits on a screen. */
function assertSame(got, wanted, who) {
  const at = wanted.findIndex((id, n) => got[n] !== id);
  if (at < 0 && got.length === wanted.length) return;
  const missing = wanted.filter((id) => !got.includes(id));
  const twice = got.filter((id, n) => got.indexOf(id) !== n);
  assert.fail(
    `${who}: got ${got.length} of ${wanted.length}; first difference at ${at}: ` +
      `${got.slice(at, at + 3)} instead of ${wanted.slice(at, at + 3)}; ` +
      `${missing.length} missing (${missing.slice(0, 3)}), ` +
      `${twice.length} twice (${twice.slice(0, 3)})`,
  );
}

for (const workers of [1, 4]) {
  test(`roaming subscribers miss nothing and get nothing twice, workers=${workers}`, (t) =>
    roamingTest(t, workers));
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
