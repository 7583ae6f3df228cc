// A hub under everything at once for a long time (`./dev soak MINUTES`): publishers on every way,
// subscribers who change transports and drop their connections, retention that removes all the
// while. Each subscriber must get each message of its topics once and in order, without a gap, and
// the hub's memory and files must stay as they are.
//
// In less than 5 minutes the tails are hardly filled, so that memory still grows.
//
// usage: node soak.mjs [MINUTES]      LONGWIRE_SEED=N replays the choices of a run.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { get } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { PUBLISHERS } from './lib/publishers.mjs';
import { Random, chooseSeed } from './lib/random.mjs';
import { RespClient } from './lib/resp.mjs';
import { follow, transportsFor } from './lib/transports.mjs';
import { eventually, sleep } from './lib/wait.mjs';

const MINUTES = Number(process.argv[2] ?? process.env.SOAK_MINUTES ?? 60);
const SUBSCRIBERS = 60;
const TOPICS_PER_PUBLISHER = 20;
const SAMPLES = 100;
/** What the hub's memory may grow by between the second fifth of the time and the last, bytes. */
const GROWTH = 3 << 20;
const LOG_BYTES = 64 << 20;

const ways = Object.keys(PUBLISHERS);
const topicsOf = (way) =>
  Array.from({ length: TOPICS_PER_PUBLISHER }, (_, i) => `soak/${way}/${i % 4}/${i}`);
const ALL = ways.flatMap(topicsOf);

function chooseTopics(random) {
  return random.pick([
    () => [random.pick(ALL)],
    () => random.sample(ALL, random.int(2, 8)),
    () => [`soak/+/${random.int(0, 3)}/#`],
    () => [`soak/${random.pick(ways)}/#`, random.pick(ALL)],
    () => ['#'],
  ])();
}

/** Numbers the messages of each of its topics; nobody else publishes to them. */
async function publish(hub, way, random, run) {
  const publisher = await PUBLISHERS[way](hub);
  const numbers = new Map(topicsOf(way).map((topic) => [topic, 0]));
  while (!run.over) {
    const topic = random.pick([...numbers.keys()]);
    const n = numbers.get(topic) + 1;
    await publisher.send(topic, { n, padding: 'x'.repeat(random.int(0, 2000)) });
    numbers.set(topic, n);
    run.published++;
    if (random.next() < 0.02) await sleep(random.int(0, 200));
  }
  publisher.close();
}

/** One connection after the other, each after the last cursor. */
async function subscribe(hub, topics, cursor, random, run) {
  const last = new Map();
  let place = cursor;
  while (!run.over) {
    const transport = random.pick(transportsFor(topics));
    let ended = null;
    const end = new Promise((resolve) => (ended = resolve));
    const stop = follow(transport, hub, topics, place, (happening) => {
      const { kind, topic, data } = happening;
      if (kind === 'gap') run.wrong.push(`${transport} ${topics}: a gap`);
      if (kind === 'message') {
        const wanted = last.has(topic) ? last.get(topic) + 1 : data.n;
        if (data.n !== wanted) run.wrong.push(`${transport} ${topic}: ${data.n}, not ${wanted}`);
        last.set(topic, data.n);
        run.received++;
      }
      place = happening.id ?? happening.resumed ?? happening.cursor ?? place;
      if (kind === 'end') ended();
    });
    run.connections++;
    await Promise.race([end, sleep(random.int(0, 4000))]);
    stop();
    await sleep(random.int(0, 300));
  }
}

function sample(hub) {
  const status = readFileSync(`/proc/${hub.pid}/status`, 'latin1');
  return {
    memory: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024,
    files: readdirSync(`/proc/${hub.pid}/fd`).length,
  };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Once every hundredth of the time. */
async function watch(t, hub, run, admin) {
  const samples = [];
  for (let i = 0; i < SAMPLES && !run.wrong.length; i++) {
    await sleep((MINUTES * 60_000) / SAMPLES);
    samples.push(sample(hub));
    if (i % 10 !== 9) continue;
    const { log_used_bytes: used } = JSON.parse(await admin.command('HUB', 'STATS'));
    t.diagnostic(
      `${i + 1} %: ${run.published} published, ${run.received} received over ` +
        `${run.connections} connections; memory ${samples.at(-1).memory}, log ${used} bytes`,
    );
    assert.ok(used < 2 * LOG_BYTES, 'the log grows');
  }
  return samples;
}

test(`${MINUTES} minutes of everything`, { timeout: (MINUTES + 2) * 60_000 }, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`LONGWIRE_SEED=${seed}`);
  const random = new Random(seed);
  const hub = await startHub(t, {
    set: {
      ...{ 'hub.workers': 2, 'hub.tail_bytes': '4M', 'http.heartbeat': '5s' },
      ...{ 'log.max_log_bytes': LOG_BYTES, 'hub.dedup_window': '10s' },
    },
  });
  const cursor = (await get(hub, '/cursor')).headers['longwire-cursor'];
  const admin = await RespClient.open(hub);
  const run = { over: false, published: 0, received: 0, connections: 0, wrong: [] };
  t.after(() => (run.over = true));

  const atWork = [
    ...ways.map((way) => publish(hub, way, random.fork(), run)),
    ...Array.from({ length: SUBSCRIBERS }, () =>
      subscribe(hub, chooseTopics(random), cursor, random.fork(), run),
    ),
  ];
  const samples = await Promise.race([watch(t, hub, run, admin), Promise.all(atWork)]);
  run.over = true;
  await Promise.all(atWork);
  assert.deepEqual(run.wrong.slice(0, 10), []);

  const fifth = SAMPLES / 5;
  const early = samples.slice(fifth, 2 * fifth).map(({ memory }) => memory);
  const late = samples.slice(-fifth).map(({ memory }) => memory);
  const grown = median(late) - median(early);
  t.diagnostic(`memory grew by ${grown} bytes`);
  assert.ok(grown < GROWTH, `memory grew by ${grown} bytes`);
  await eventually(async () => {
    const { connections } = JSON.parse(await admin.command('HUB', 'STATS'));
    return connections.sse + connections.ws + connections.poll === 0;
  }, 'all connections to be gone');
  const files = sample(hub).files;
  t.diagnostic(`${files} descriptors at the end, ${samples[0].files} in the beginning`);
  assert.ok(files <= samples[0].files, 'descriptors are left');
  admin.close();
});
