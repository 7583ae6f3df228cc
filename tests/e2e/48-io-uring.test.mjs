// Many receivers, sent to by one system call (io_uring) or by one each: with the same result, and
// the hub says which it is. The hub goes on where io_uring is forbidden.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { poll, publish, publishBatch } from './lib/http.mjs';
import { BUILD, longwirectl, startHub } from './lib/hub.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { eventually } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const FORBID = join(BUILD, 'tests/e2e/without_io_uring');
const EACH = 4;
const COUNT = 30;

const HAS = 'io_uring: many receivers are sent to by one system call';
const LACKS = /no io_uring \((.+)\): each receiver is sent to by a system call of its own/;

const WAYS = [
  ['as it comes', {}],
  ['hub.io_uring = no', { set: { 'hub.io_uring': 'no' } }],
  ['a filter that forbids it', { set: { 'hub.io_uring': 'auto' }, prefix: [FORBID] }],
];

/** Subscribes to `t`; `take` returns the data of the next message. */
const RECEIVERS = {
  async sse(hub) {
    const stream = await (await SseStream.open(hub, 't')).live();
    return { take: async () => (await stream.messages(1))[0], close: () => stream.close() };
  },
  async ws(hub) {
    const ws = await (await WsClient.open(hub, 't')).live();
    return { take: async () => (await ws.nextMessage()).data, close: () => ws.terminate() };
  },
  async raw(hub) {
    const ws = await WsClient.open(hub, 't', { format: 'raw' });
    return { take: async () => `${(await ws.next()).data}`, close: () => ws.terminate() };
  },
  async resp(hub) {
    const client = await RespClient.open(hub);
    assert.deepEqual(await client.command('SUBSCRIBE', 't'), ['subscribe', 't', 1]);
    return { take: async () => (await client.reply())[2], close: () => client.close() };
  },
  async poll(hub) {
    let { cursor: after } = await poll(hub, 't', { wait: 0 });
    const waiting = [];
    const take = async () => {
      while (!waiting.length) {
        const answer = await poll(hub, 't', { after, wait: 20 });
        after = answer.cursor;
        waiting.push(...answer.messages);
      }
      return waiting.shift().data;
    };
    return { take, close: () => {} };
  },
};

async function openAll(t, hub) {
  const all = [];
  for (const open of Object.values(RECEIVERS))
    for (let n = 0; n < EACH; n++) all.push(await open(hub));
  t.after(() => all.forEach((one) => one.close()));
  return all;
}

/** Small ones, one by one and many at once, and some that no socket takes whole. */
function messages() {
  const sizes = [1, 100, 3000, 300_000];
  return Array.from({ length: COUNT }, (_, n) => `${n}:${'x'.repeat(sizes[n % sizes.length])}`);
}

async function publishAll(hub, data) {
  const half = data.length / 2;
  for (const one of data.slice(0, half)) await publish(hub, 't', one);
  const lines = data.slice(half).map((one) => ({ topic: 't', data: one }));
  await publishBatch(hub, lines, { local: true });
}

describe('many receivers', () => {
  for (const [name, options] of WAYS) {
    test(name, async (t) => {
      assert.ok(existsSync(FORBID), `${FORBID} is not built`);
      const { set, ...rest } = options;
      const hub = await startHub(t, { set: { 'hub.workers': 1, ...set }, ...rest });
      const all = await openAll(t, hub);
      const data = messages();
      const takeAll = async ({ take }) => {
        for (const text of data) assert.equal(await take(), text);
      };
      const taken = all.map(takeAll);
      await Promise.all([publishAll(hub, data), ...taken]);
      await checkWhatItSays(hub, name);
    });
  }
});

/** The log, INFO, HUB STATS, longwirectl and the counter agree. */
async function checkWhatItSays(hub, name) {
  const lacks = LACKS.exec(hub.stderr());
  assert.notEqual(hub.stderr().includes(HAS), Boolean(lacks), hub.stderr());
  if (name !== WAYS[0][0]) assert.ok(lacks);
  if (name === WAYS[1][0]) assert.equal(lacks[1], 'hub.io_uring = no');
  const admin = await RespClient.open(hub);
  const info = await admin.command('INFO');
  const askStats = async () => JSON.parse(await admin.command('HUB', 'STATS'));
  const stats = await askStats();
  assert.equal(stats.io_uring, !lacks);
  assert.match(info, lacks ? /^io_uring:no\r$/m : /^io_uring:yes\r$/m);
  const { stdout } = await longwirectl(hub, ['stats']);
  assert.match(stdout, lacks ? /^io_uring +no$/m : /^io_uring +yes$/m);
  // Workers count behind what they send.
  const submitted = async () => (await askStats()).counters.submitted;
  if (lacks) assert.equal(await submitted(), 0);
  else await eventually(async () => (await submitted()) > 0, 'sends that went together');
  admin.close();
}

describe('hub.io_uring', () => {
  test('is auto or no', async (t) => {
    await assert.rejects(startHub(t, { set: { 'hub.io_uring': 'yes' } }), /auto, no|auto or no/);
  });
});
