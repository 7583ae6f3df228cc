// As 80-roam, with tokens that end at random moments, and others that come at random moments: nobody
// misses anything or gets it twice. Some of them lose a right in the middle: they are told, and get
// nothing of it behind that.
//
// LONGWIRE_SEED=N replays the choices of a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offsetOf } from './lib/cursor.mjs';
import { connect } from './lib/h2.mjs';
import { get, history, post } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { startNginx } from './lib/nginx.mjs';
import { PUBLISHERS } from './lib/publishers.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { TOPICS, assertSame, isWanted, untilStuck } from './lib/roaming.mjs';
import { Wallet, tokenTransports } from './lib/token_transports.mjs';
import { Keys, bearer } from './lib/tokens.mjs';
import { Roamer } from './lib/transports.mjs';
import { WAIT_MS, sleep } from './lib/wait.mjs';

const SUBSCRIBERS = 12;
const LOSING = 8;
/** What each kind of thing has to happen so often, all in all, before publishing ends. */
const GOAL = { expired: 60, renewed: 100, denied: LOSING };
const WANTED = [
  ['roam/a/#'],
  ['roam/+/door'],
  ['roam/b/load'],
  ['roam/c/load', 'roam/c/x', 'roam/d/#'],
  ['roam/+/x', 'roam/e/#', 'roam/e/x'],
];
const KEPT = 'roam/b/#';
const LOST = 'roam/c/#';

/** Who follows, with tokens; `losing`: and has to let go of LOST one day. */
class Follower {
  roamer;
  wallet;
  /** Topics of the messages that came, and where LOST was taken away. */
  topics = [];
  lostAt = -1;
  #ways;
  #random;

  constructor(hub, session, keys, sub, topics, cursor, random, tally) {
    this.#random = random;
    this.wallet = new Wallet(keys, sub, topics, random.fork());
    this.roamer = new Roamer(hub, topics, cursor);
    const tap = (happening) => this.#tap(happening, tally);
    this.#ways = tokenTransports(this.wallet, random.fork(), tap, session);
  }

  #tap(happening, tally) {
    const { kind } = happening;
    if (kind in tally) tally[kind]++;
    if (kind === 'message') this.topics.push(happening.topic);
    const isDenied = kind === 'gap' && happening.reason === 'denied';
    // Who comes back with less, and asks for all, is refused.
    if (isDenied || (kind === 'end' && /403/.test(happening.why))) this.#letGo(tally);
  }

  #letGo(tally) {
    if (this.lostAt >= 0) return;
    this.lostAt = this.topics.length;
    this.roamer.topics = [KEPT];
    tally.denied++;
  }

  #way() {
    const { wsAuth, ...others } = this.#ways;
    const all = this.roamer.topics.length === 1 ? { ...others, wsAuth } : others;
    return this.#random.pick(Object.values(all));
  }

  /** Lives through one connection after the other, some of which only their tokens end. */
  async roam(doors, isDone) {
    const { roamer } = this;
    while (!isDone(this)) {
      roamer.connect(this.#way(), this.#random.pick(doors));
      const most = roamer.ids.length + this.#random.pick([1, 20, 200, Infinity]);
      while (roamer.connected && !isDone(this) && roamer.ids.length < most) await roamer.next(20);
      roamer.disconnect();
      await sleep(this.#random.int(0, 50));
    }
  }
}

/** Publishes with tokens that end, again when one has: what was refused is not stored. */
function publisherWithTokens(hub, wallet) {
  let token = wallet.next();
  const send = async (topic, data) => {
    const reply = await post(hub, topic, JSON.stringify(data), { headers: bearer(token) });
    if (reply.status === 201) return reply.json().id;
    if (reply.status !== 401) throw new Error(reply.text);
    token = wallet.next();
    return send(topic, data);
  };
  return { send, close: () => {} };
}

/** Publishes until `isOver`; returns [{ id, topic }]. */
async function publishAll(publisher, random, isOver) {
  const sent = [];
  while (!isOver()) {
    const topic = random.pick(TOPICS);
    sent.push({ id: await publisher.send(topic, { n: sent.length }), topic });
    if (random.next() < 0.2) await sleep(random.int(0, 30));
  }
  publisher.close();
  return sent;
}

test('roaming subscribers whose tokens end miss nothing and get nothing twice', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const keys = new Keys(t);
  const hub = await startHub(t, {
    set: { ...keys.settings, 'hub.workers': 2, 'log.sync': 'never', 'access.auth_timeout': '10m' },
  });
  const doors = [hub, await startNginx(t, hub)];
  const session = await connect(t, hub);
  const start = (await get(hub, '/cursor', { local: true })).headers['longwire-cursor'];
  const tally = { expired: 0, renewed: 0, denied: 0 };
  const follower = (sub, topics) =>
    new Follower(hub, session, keys, sub, topics, start, random.fork(), tally);
  const staying = Array.from({ length: SUBSCRIBERS }, (_, n) =>
    follower(`stays-${n}`, WANTED[n % WANTED.length]),
  );
  const losing = Array.from({ length: LOSING }, (_, n) => follower(`loses-${n}`, [KEPT, LOST]));
  const all = [...staying, ...losing];

  let expected = null;
  let giveUp = false;
  t.after(() => (giveUp = true));
  const received = ({ roamer, topics, lostAt }) =>
    lostAt < 0 ? roamer.received : topics.filter((topic) => isWanted([KEPT], topic)).length;
  const isDone = (one) =>
    giveUp || (expected !== null && received(one) >= expected.get(one).length);
  const roaming = all.map((one) => one.roam(doors, isDone));

  const reached = () => Object.keys(GOAL).every((kind) => tally[kind] >= GOAL[kind]);
  const end = Date.now() + 6 * WAIT_MS;
  const isOver = () => reached() || Date.now() > end;
  const writer = new Wallet(keys, 'writes', ['roam/#'], random.fork());
  const publishers = [await PUBLISHERS.resp(hub), publisherWithTokens(hub, writer)];
  const publishing = publishers.map((one) => publishAll(one, random.fork(), isOver));
  for (const one of losing) {
    const lose = random.int(10, 40);
    const hasHad = () => one.topics.length >= lose;
    (async () => {
      while (!hasHad() && !giveUp) await sleep(20);
      one.wallet.grants = [KEPT];
    })();
  }
  const sent = (await Promise.all(publishing)).flat();
  sent.sort((one, other) => offsetOf(one.id) - offsetOf(other.id));
  assert.ok(reached(), `not in time: ${JSON.stringify(tally)} (seed ${seed})`);
  const idsOf = (topics) => sent.filter(({ topic }) => isWanted(topics, topic)).map(({ id }) => id);
  expected = new Map(all.map((one) => [one, idsOf(losing.includes(one) ? [KEPT] : one.roamer.topics)]));
  await untilStuck(roaming, () => all.reduce((sum, one) => sum + received(one), 0));
  giveUp = true;
  await Promise.all(roaming);

  const stored = (await history(hub, '#', start, 1000, { local: true })).length;
  assert.equal(stored, sent.length, 'the log is what was acknowledged');
  for (const one of staying) {
    const who = `${one.roamer.topics} after ${one.roamer.connections} connections (seed ${seed})`;
    assert.deepEqual(one.roamer.gaps, [], who);
    assertSame(one.roamer.ids, expected.get(one), who);
  }
  for (const { roamer, topics, lostAt } of losing) {
    const who = `one who loses ${LOST}, after ${roamer.connections} connections (seed ${seed})`;
    assert.ok(roamer.gaps.every((gap) => gap.reason === 'denied' && gap.topic === LOST), who);
    const isLost = (topic) => isWanted([LOST], topic);
    assert.ok(!topics.slice(lostAt).some(isLost), `${who}: something came behind the loss`);
    const [kept, lost] = [[], []];
    roamer.ids.forEach((id, n) => (isLost(topics[n]) ? lost : kept).push(id));
    assertSame(kept, idsOf([KEPT]), who);
    assertSame(lost, idsOf([LOST]).slice(0, lost.length), who);
  }
  const connections = all.reduce((sum, { roamer }) => sum + roamer.connections, 0);
  t.diagnostic(`${sent.length} messages, ${connections} connections, ${JSON.stringify(tally)}`);
});
