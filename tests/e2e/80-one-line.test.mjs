// The JavaScript client, all of whose subscriptions share a connection: each gets exactly the
// messages of its topics, in order and once, wherever it begins and whatever happens to the
// connection, the hub or its neighbours meanwhile.
//
// LONGWIRE_SEED=N replays the choices of a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';

import { Longwire } from '../../clients/js/longwire.js';
import { history, publish } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { chooseSeed, Random } from './lib/random.mjs';
import { startRelay } from './lib/relay.mjs';
import { TOPICS, assertSame, isWanted } from './lib/roaming.mjs';
import { counted, eventually } from './lib/wait.mjs';

const MESSAGES = 200;
const FOLLOWERS = 12; // at a time
const SETS = [
  ['roam/a/#'],
  ['roam/a/x'],
  ['roam/a/x', 'roam/b/x', 'roam/c/door'],
  ['roam/+/price'],
  ['roam/+/price', 'roam/b/#', 'roam/b/price'],
  ['#'],
];
const BACKOFF = { base: 5, cap: 100 };

/** One subscription, and what it got. */
class Follower {
  ids = [];
  gaps = [];

  constructor(client, topics, after, transport) {
    Object.assign(this, { topics, after });
    const onMessage = ({ id }) => this.ids.push(id);
    const onGap = (gap) => this.gaps.push(gap);
    const options = { transport, after, onMessage, onGap, backoff: BACKOFF };
    this.subscription = client.subscribe(topics, options);
  }

  /** What it has to have got, of ALL messages of the log: [{ id, topic }]. */
  wanted(all) {
    const mine = all.filter(({ topic }) => isWanted(this.topics, topic)).map(({ id }) => id);
    if (this.after === 'earliest') return mine;
    if (this.after === 'latest') return this.ids.length ? mine.slice(mine.indexOf(this.ids[0])) : [];
    if (typeof this.after === 'number') return mine.slice(mine.indexOf(this.ids[0]));
    return mine.slice(mine.findLastIndex((id) => Number(id.split('-')[0]) <= Number(this.after.split('-')[0])) + 1);
  }
}

/** Has CLIENT's followers come, go and change while messages are published; returns those at the end. */
async function rush(hub, relay, client, transport, random) {
  const followers = [];
  const ids = [];
  const starts = ['latest', 'earliest', 'cursor', 'cursor', -7];
  const come = () => {
    const start = random.pick(starts);
    const after = start === 'cursor' ? (random.pick(ids) ?? 'earliest') : start;
    followers.push(new Follower(client, random.pick(SETS), after, transport));
  };
  const acts = [
    come, come, come,
    () => followers.length > FOLLOWERS && followers.splice(random.int(0, 5), 1)[0].subscription.close(),
    () => relay.cut(),
    () => random.pick(followers).subscription.reconnect(),
    () => random.pick(followers).subscription.pause(),
    () => followers.forEach(({ subscription }) => subscription.resume()),
  ];
  come();
  for (let n = 0; n < MESSAGES; n++) {
    ids.push(await publish(hub, random.pick(TOPICS), { n }));
    if (random.int(0, 9) === 0) random.pick(acts)();
    if (random.int(0, 4) === 0) relay.mend();
    if (n === MESSAGES / 2) await hub.restart();
  }
  relay.mend();
  followers.forEach(({ subscription }) => subscription.resume());
  return followers;
}

for (const transport of ['websocket', 'sse', 'poll', 'auto']) {
  test(`subscriptions that share a connection, ${transport}: each gets its own`, async (t) => {
    const seed = chooseSeed();
    t.diagnostic(`LONGWIRE_SEED=${seed}`);
    const hub = await startHub(t, { set: { 'http.retry': '100ms' } });
    const relay = await startRelay(t, hub);
    const client = new Longwire(relay.url, { WebSocket });
    t.after(() => client.close());
    const followers = await rush(hub, relay, client, transport, new Random(seed));
    const all = await history(hub, ['#']);
    const last = await publish(hub, 'roam/end', 'x');
    for (const follower of followers) {
      const { subscription, topics, after } = follower;
      const who = `${transport}: ${topics} after ${after}`;
      await eventually(() => subscription.state === 'live', `${who}: to be live`);
      const wanted = follower.wanted(all);
      const tail = isWanted(topics, 'roam/end') ? [last] : [];
      await counted(() => follower.ids.length, wanted.length + tail.length, who);
      assertSame(follower.ids, [...wanted, ...tail], who);
      assert.deepEqual(follower.gaps, [], who);
    }
  });
}

test('they take one connection, whatever comes and goes', async (t) => {
  const hub = await startHub(t);
  const relay = await startRelay(t, hub);
  const client = new Longwire(relay.url, { WebSocket });
  t.after(() => client.close());
  const first = await publish(hub, 'a', 'old');
  const followers = ['a', 'b', '#', 'a/+'].map((topic) => new Follower(client, [topic], 'latest'));
  const live = () => followers.every(({ subscription }) => subscription.state === 'live');
  await eventually(live, 'all to be live');
  followers.push(new Follower(client, ['c'], 'latest'), new Follower(client, ['a'], 'earliest'));
  await eventually(live, 'all to be live');
  const upgrades = () => relay.heads.filter((head) => /upgrade: websocket/i.test(head)).length;
  const second = await publish(hub, 'a', 'new');
  const third = await publish(hub, 'c', 'new');
  const got = () => followers.map(({ ids }) => ids);
  await counted(() => got().flat().length, 6, 'the messages');
  const wanted = [[second], [], [second, third], [], [third], [first, second]];
  assert.deepEqual(got(), wanted);
  assert.equal(upgrades(), 1);
  assert.equal(followers[4].subscription.cursor, third);
});
