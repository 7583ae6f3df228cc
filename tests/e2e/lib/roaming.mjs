// Subscribers that roam, for 80-roam and 80-roam-secure, which say what it is about.
import assert from 'node:assert/strict';

import { offsetOf } from './cursor.mjs';
import { get, history } from './http.mjs';
import { startHub } from './hub.mjs';
import { PUBLISHERS } from './publishers.mjs';
import { Random, chooseSeed } from './random.mjs';
import { startNginx } from './nginx.mjs';
import { secureTransports } from './secure_transports.mjs';
import { SessionRoamer } from './session.mjs';
import { secureSettings } from './tls.mjs';
import { Roamer, transportsFor } from './transports.mjs';
import { sleep, within } from './wait.mjs';

const SUBSCRIBERS = 24;
const CHANGING = 8;
const MESSAGES_PER_PUBLISHER = 600;
/** For how many published messages, and own ones, a connection lives at most. */
const LIFE = 150;
const OWN = 150;
const ROOMS = ['a', 'b', 'c', 'd', 'e', 'f'];
const THINGS = ['temperature', 'load', 'door', 'price', 'x'];
export const TOPICS = ROOMS.flatMap((room) => THINGS.map((thing) => `roam/${room}/${thing}`));

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
export function isWanted(set, topic) {
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
async function publishAll(hub, way, messages, progress, random) {
  const publisher = await PUBLISHERS[way](hub);
  const sent = [];
  for (let n = 0; n < messages;) {
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

/** Over TLS and HTTP/2 in every second life; a connection that many share is cut now and then. */
function chooseTransport(roamer, secure, random) {
  const others = transportsFor(roamer.topics).filter((name) => name !== roamer.transport);
  if (!secure || random.next() < 0.5) return random.pick(others);
  if (random.next() < 0.1) secure.shared.cut();
  return random.pick(Object.values(secure.ways));
}

/** Lives through one connection after the other, to one of `doors`, until `isDone`. */
async function roam(roamer, { doors, secure }, progress, random, isDone) {
  while (!isDone(roamer)) {
    roamer.connect(chooseTransport(roamer, secure, random), random.pick(doors));
    const isOver = progress.life(random);
    const most = roamer.ids.length + random.int(1, OWN);
    while (roamer.connected && !isDone(roamer) && !isOver() && roamer.ids.length < most)
      await roamer.next(20);
    roamer.disconnect();
    await sleep(random.int(0, 50));
  }
}

/** The same with event streams that change, and long-polls between them. */
async function roamChanging(roamer, { doors }, progress, random, isDone) {
  while (!isDone(roamer)) {
    if (random.next() < 0.3) await roamer.polls(random.pick(doors));
    else await roamer.stream(random.pick(doors), progress.life(random), random.int(0, 4));
    await sleep(random.int(0, 50));
  }
}

const countAll = (roamers) => roamers.reduce((sum, { received }) => sum + received, 0);

/** Resolves when `everybody` has ended, or nobody has received anything for WAIT_MS (wait.mjs). */
export async function untilStuck(everybody, received) {
  let over = false;
  const ended = Promise.all(everybody).finally(() => (over = true));
  for (let before = -1; !over && received() > before;) {
    before = received();
    await within(ended, 'everybody to be done').catch(() => {});
  }
}

/**
 * Runs all of it, against a hub with so many `workers`, until each publisher has sent so many
 * `messages`; with an `authority` (tls.mjs) they roam over TLS and HTTP/2, too.
 */
export async function roamingTest(t, { workers, messages = MESSAGES_PER_PUBLISHER, authority }) {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed} workers=${workers}`);
  const files = authority?.issue('hub');
  const random = new Random(seed);
  // Not so short that the publisher's WebSocket is given up while this process waits for its turn.
  const hub = await startHub(t, {
    set: {
      'hub.workers': workers,
      'http.heartbeat': '5s',
      'log.sync': 'never',
      ...(files && secureSettings(files)),
    },
    config: '[topic "roam/f/#"]\ndurability = memory\n',
  });
  const secure = authority && secureTransports(hub, authority.pem);
  t.after(() => secure?.shared.cut());
  const ways = { doors: [hub, await startNginx(t, hub)], secure };
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
    ...roamers.map((roamer) => roam(roamer, ways, progress, random.fork(), isDone)),
    ...changing.map((roamer) => roamChanging(roamer, ways, progress, random.fork(), isDone)),
  ];

  const publishing = Object.keys(PUBLISHERS).map((way) =>
    publishAll(hub, way, messages, progress, random.fork()),
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
  if (secure) assert.ok(secure.shared.sessions > 1, 'what is shared was never cut');
}

/** As deepEqual, with an explanation that fits on a screen. */
export function assertSame(got, wanted, who) {
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
