// The machine goes down: under `interval` and `never` the newest commits may be lost, and whoever
// may have seen them is told; nobody else is. (What the disk holds then, and that the log can be
// read, is tested by tests/unit/test_store_power.c.)
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { countSyncs, setBoot } from './lib/crashpoints.mjs';
import { epochOf, offsetOf } from './lib/cursor.mjs';
import { history, poll, publish, publishBatch } from './lib/http.mjs';
import { startHub } from './lib/hub.mjs';
import { RespPipeline } from './lib/resp.mjs';
import { Roamer, TRANSPORTS } from './lib/transports.mjs';
import { eventually } from './lib/wait.mjs';

const INTERVAL = 50; // ms

const dataOf = (messages) => messages.map(({ data }) => data);

/** Publishes a message for each number from `first` to `last`; returns their ids. */
function publishRun(hub, first, last) {
  const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return publishBatch(hub, numbers.map((n) => ({ topic: `power/${n % 3}`, data: { n } })));
}

/** Publishes as the above, and waits for the sync behind it. */
async function publishSynced(hub, first, last) {
  const before = countSyncs(hub);
  const ids = await publishRun(hub, first, last);
  await eventually(() => countSyncs(hub) > before, 'a sync');
  return ids;
}

/** What comes after a cursor on one transport, until it is live. */
async function follow(hub, transport, cursor) {
  const roamer = new Roamer(hub, ['power/#'], cursor);
  roamer.connect(transport);
  const { cursor: head } = await poll(hub, 'power/none', { wait: 0 });
  await eventually(async () => {
    await roamer.next(50);
    return offsetOf(roamer.cursor) >= offsetOf(head);
  }, `${transport} from ${cursor}`);
  roamer.disconnect();
  return roamer;
}

/** A hub that the machine takes down: with the data file as it was, on one that boots anew. */
class Machine {
  boots = 1;

  static async start(t, sync) {
    const machine = new Machine();
    const set = { 'log.sync': sync, 'log.interval': `${INTERVAL}ms` };
    machine.hub = await startHub(t, { set });
    setBoot(machine.hub, 'boot-1');
    await machine.hub.restart();
    machine.file = join(machine.hub.dataDir, 'data.mdb');
    return machine;
  }

  /** What is on the disk, as everything is synced. */
  save() {
    copyFileSync(this.file, `${this.file}.saved`);
  }

  async reboot({ lose = false, cleanly = false } = {}) {
    if (cleanly) await this.hub.stop();
    else await this.hub.kill9();
    if (lose) copyFileSync(`${this.file}.saved`, this.file);
    setBoot(this.hub, `boot-${++this.boots}`);
    await this.hub.start();
  }
}

test('interval: who may have seen what is lost is told, by every transport', async (t) => {
  const machine = await Machine.start(t, 'interval');
  const { hub } = machine;
  const certain = await publishSynced(hub, 1, 10);
  const unsure = await publishSynced(hub, 11, 11); // its commit says that the ten are certain
  machine.save();
  const lost = await publishRun(hub, 12, 20);
  await machine.reboot({ lose: true });
  const again = await publishRun(hub, 112, 130); // on the offsets of those that are lost

  const stored = await history(hub, 'power/#');
  const kept = [...certain, ...unsure].map(offsetOf);
  assert.deepEqual(stored.slice(0, 11).map(({ id }) => offsetOf(id)), kept);
  assert.deepEqual(stored.slice(11).map(({ id }) => id), again);
  assert.notEqual(epochOf(again[0]), epochOf(certain[0]));
  for (const transport of Object.keys(TRANSPORTS)) {
    for (const id of [certain[0], certain[4], certain[9]]) {
      const { ids, gaps } = await follow(hub, transport, id);
      assert.deepEqual(gaps, [], `${transport} from ${id}`);
      const rest = stored.filter((message) => offsetOf(message.id) > offsetOf(id));
      assert.deepEqual(ids, rest.map((message) => message.id), `${transport} from ${id}`);
    }
    for (const id of [unsure[0], lost[0], lost[8]]) {
      const { ids, gaps } = await follow(hub, transport, id);
      assert.equal(gaps.length, 1, `${transport} from ${id}`);
      assert.equal(gaps[0].reason, 'epoch');
      assert.equal(gaps[0].requested, id);
      assert.equal(offsetOf(gaps[0].resumed), offsetOf(certain[9]));
      assert.deepEqual(ids, stored.slice(10).map((message) => message.id), transport);
    }
  }
  const pipeline = await RespPipeline.open(hub);
  const entries = await pipeline.command('XREAD', 'STREAMS', 'power/0', certain[9]);
  assert.equal(entries[0][1].length, stored.slice(10).filter((m) => m.topic === 'power/0').length);
  const gap = await pipeline.command('XREAD', 'STREAMS', 'power/0', lost[8]);
  assert.match(gap.text, /^GAP reason=epoch /);
  pipeline.close();
});

test('never: only what the last start found is certain', async (t) => {
  const machine = await Machine.start(t, 'never');
  const { hub } = machine;
  const first = await publishRun(hub, 1, 10);
  await hub.restart();
  const second = await publishRun(hub, 11, 20);
  await machine.reboot();
  const stored = await history(hub, 'power/#');
  assert.equal(stored.length, 20);
  const exact = await follow(hub, 'poll', first[9]);
  assert.deepEqual(exact.gaps, []);
  assert.deepEqual(exact.ids, stored.slice(10).map(({ id }) => id));
  const told = await follow(hub, 'poll', second[5]);
  assert.equal(told.gaps[0].reason, 'epoch');
  assert.deepEqual(told.ids, stored.slice(10).map(({ id }) => id));
});

test('the epoch stays whenever nothing can have been lost', async (t) => {
  for (const sync of ['always', 'interval', 'never']) {
    const machine = await Machine.start(t, sync);
    const { hub } = machine;
    const epoch = epochOf(await publish(hub, 'power/0', { n: 0 }));
    const stays = async (what) => {
      assert.equal(epochOf(await publish(hub, 'power/0', what)), epoch, `${sync}: ${what}`);
    };
    await hub.kill9();
    await hub.restart();
    await stays('only the process died');
    await hub.restart();
    await stays('a clean stop');
    await machine.reboot({ cleanly: true });
    await stays('a clean stop of the machine');
    if (sync === 'always') await machine.reboot();
    if (sync === 'always') await stays('the machine went down');
    const stored = dataOf(await history(hub, 'power/0'));
    assert.equal(stored.length, sync === 'always' ? 5 : 4);
  }
});
