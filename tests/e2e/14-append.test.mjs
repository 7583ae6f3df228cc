// Compare and append, by many at once: of all who have seen the same, one is stored, and nobody
// overwrites what he has not seen. The log itself is the proof.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Longwire } from '../../clients/js/longwire.js';
import { EXPECTING } from './lib/expecting.mjs';
import { history, poll, publish } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

const WAYS = ['http', 'batch', 'resp', 'ws', 'js'];
const EACH = 3; // contenders on each way
const ROUNDS = 50;
const TURNS = 12; // appends of each contender

/** Contenders on all ways, for test `t`. */
async function contenders(t, hub) {
  const names = WAYS.flatMap((way) => Array(EACH).fill(way));
  const list = await Promise.all(names.map((way) => EXPECTING[way](hub)));
  t.after(() => list.forEach((one) => one.close()));
  return list;
}

/** Publishes to other topics until `work` is done, so that offsets are not the topic's alone. */
async function besideNoise(hub, work) {
  let over = false;
  const noise = (async () => {
    for (let n = 0; !over; n++) await publish(hub, `noise/${n % 3}`, 'x');
  })();
  try {
    return await work();
  } finally {
    over = true;
    await noise;
  }
}

/** Each message names the one before it, and counts one further. */
function checkChain(messages, length) {
  assert.equal(messages.length, length);
  let before = '0';
  messages.forEach(({ id, data }, n) => {
    assert.equal(data.seen, before, `message ${n} was made without the one before it`);
    assert.equal(data.count, n + 1);
    before = id;
  });
}

/** The topic's newest message as its reader sees it: what there is to expect, and the count. */
async function newest(hub, topic) {
  const { messages } = await poll(hub, topic, { after: '-1', wait: 0 });
  const [last] = messages.slice(-1);
  return last ? { seen: last.id, count: last.data.count } : { seen: '0', count: 0 };
}

/**
 * Counts one further, as long as it takes: `read()` → { seen, count }; `append(data)`, which expects
 * `data.seen` → whether it was stored.
 */
async function countOn(read, append, who) {
  for (;;) {
    const { seen, count } = await read();
    if (await append({ seen, count: count + 1, who })) return;
  }
}

describe('compare and append', () => {
  const hub = suiteHub();

  test('one of all that have seen the same wins, and the others are told who', async (t) => {
    const list = await contenders(t, hub);
    await besideNoise(hub, async () => {
      let seen = '0';
      for (let round = 1; round <= ROUNDS; round++) {
        const data = (who) => ({ seen, count: round, who });
        const sent = list.map((one, who) => one.send('race/rounds', data(who), { expect: seen }));
        const answers = await Promise.all(sent);
        const winners = answers.filter(({ id }) => id);
        assert.equal(winners.length, 1, `round ${round}: ${JSON.stringify(answers)}`);
        const [{ id }] = winners;
        const losers = answers.filter((answer) => answer.id === undefined);
        for (const { current } of losers) assert.equal(current, id);
        seen = id;
      }
    });
    checkChain(await history(hub, 'race/rounds'), ROUNDS);
  });

  test('many who read, change and append lose no update', async (t) => {
    const list = await contenders(t, hub);
    const read = () => newest(hub, 'race/free');
    const append = (one) => async (data) => {
      const { id, current } = await one.send('race/free', data, { expect: data.seen });
      assert.ok(id ?? current);
      return id !== undefined;
    };
    await besideNoise(hub, () =>
      Promise.all(
        list.map(async (one, who) => {
          for (let n = 0; n < TURNS; n++) await countOn(read, append(one), who);
        }),
      ),
    );
    const messages = await history(hub, 'race/free');
    checkChain(messages, list.length * TURNS);
    for (const who of list.keys()) {
      assert.equal(messages.filter(({ data }) => data.who === who).length, TURNS);
    }
  });
});

/* A publish whose answer a crash has swallowed is in the log or not; its key finds out which. */
test('crashes lose no update and make none twice', async (t) => {
  const hub = await startHub(t);
  const clients = Array.from({ length: 6 }, () => new Longwire(hub.url));
  t.after(() => clients.forEach((client) => client.close()));
  const read = () => eventually(() => newest(hub, 'race/crash'), 'the hub to be back');
  const append = (client) => (data) =>
    client.publish('race/crash', data, { expect: data.seen, retries: 50 }).then(
      () => true,
      (error) => {
        if (error.kind !== 'conflict') throw error;
        return false;
      },
    );
  let done = 0;
  const work = clients.map(async (client, who) => {
    for (let n = 0; n < TURNS; n++, done++) await countOn(read, append(client), who);
  });
  for (const crash of [10, 25, 40]) {
    await eventually(() => done >= crash, `${crash} appends`);
    await hub.kill9();
    await hub.restart();
  }
  await Promise.all(work);
  const messages = await history(hub, 'race/crash');
  checkChain(messages, clients.length * TURNS);
  for (const who of clients.keys()) {
    assert.equal(messages.filter(({ data }) => data.who === who).length, TURNS);
  }
});
