// What a log must hold after a crash: a ledger of what was sent, acknowledged and removed, and its
// comparison with what the hub has after its restart.
//
// Payloads are unique, so that each message can be told from every other. Moments are numbers that
// count up: what was acknowledged before something else was sent had happened before it.
import assert from 'node:assert/strict';

import { epochOf, offsetOf } from './cursor.mjs';
import { get, history } from './http.mjs';
import { RespError, RespPipeline } from './resp.mjs';
import { eventually } from './wait.mjs';

/** An entry without an offset is newer than all that is trimmed. */
function covers(removal, { topic, offset }) {
  if (removal.topic) return removal.topic === topic;
  return offset > 0 && offset <= removal.upto;
}

export class Ledger {
  epoch = null;
  /** The head at the last check. */
  head = 0;
  /** All messages that any check found, in order: [{ id, topic }]. */
  seen = [];
  /** Messages acknowledged so far. */
  acknowledgements = 0;
  #moment = 0;
  /** Messages that the last check found, and attempts to publish since then. */
  #kept = [];
  #attempts = [];
  /** Since the last check. */
  #removals = [];
  #pattern;
  #dense;

  /** For the topics of `pattern`; `dense`: nobody else uses offsets. */
  constructor({ pattern = '#', dense = true } = {}) {
    this.#pattern = pattern;
    this.#dense = dense;
  }

  /** Notes that a message is about to be sent; those of one `batch` are stored together. */
  attempt(topic, data, { key, batch } = {}) {
    const entry = { topic, data, key, batch, sent: ++this.#moment, acknowledged: 0, offset: 0 };
    this.#attempts.push(entry);
    return entry;
  }

  /** The hub has accepted the entry, and told its id if it tells ids. */
  acknowledge(entry, id = null) {
    entry.acknowledged = ++this.#moment;
    this.acknowledgements++;
    if (id === null) return;
    entry.offset = offsetOf(id);
    this.#checkEpoch(id);
  }

  /** The hub has refused the entry: it is nowhere. */
  refuse(entry) {
    entry.refused = true;
  }

  /** Notes that a `topic`, or everything `upto` an offset, is about to be removed. */
  removing(what) {
    const removal = { ...what, sent: ++this.#moment, acknowledged: 0 };
    this.#removals.push(removal);
    return removal;
  }

  removed(removal) {
    removal.acknowledged = ++this.#moment;
  }

  /**
   * After a crash: compares what the hub has with what it must have, and takes that for the
   * beginning of the next round. Returns it: [{ id, topic, data }].
   */
  async check(hub) {
    for (const removal of this.#removals) removal.over = removal.acknowledged || this.#moment;
    await this.#insist(hub);
    const stored = await history(hub, this.#pattern);
    const head = (await get(hub, '/cursor')).headers['longwire-cursor'];
    this.#checkOrder(stored, head);
    this.#checkMessages(stored);
    this.#checkBatches();
    if (this.#dense) this.#checkHoles(offsetOf(head));
    this.#turn(stored, offsetOf(head));
    return stored;
  }

  /**
   * Keyed attempts without an answer get one now. It may be that of the first attempt, whose message
   * a removal has taken since then: each was sent when it was sent first.
   */
  async #insist(hub) {
    const pipeline = await RespPipeline.open(hub);
    const isOpen = (entry) => entry.key && !entry.acknowledged && !entry.refused;
    const open = this.#attempts.filter(isOpen);
    const answers = open.map(async (entry) => {
      const { topic, data, key } = entry;
      const id = await pipeline.command('XADD', topic, '*', 'data', data, 'key', key);
      assert.ok(!(id instanceof RespError), id.text);
      this.acknowledge(entry, id);
    });
    await Promise.all(answers);
    pipeline.close();
  }

  #checkEpoch(id) {
    this.epoch ??= epochOf(id);
    assert.equal(epochOf(id), this.epoch, 'the epoch');
  }

  #checkOrder(stored, head) {
    const offsets = stored.map(({ id }) => offsetOf(id));
    assert.ok(offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]), 'ascending ids');
    assert.ok(offsets.length === 0 || offsets.at(-1) <= offsetOf(head), 'nothing above the head');
    for (const id of [head, ...stored.map((message) => message.id)]) this.#checkEpoch(id);
  }

  #checkMessages(stored) {
    const found = new Map(stored.map((message) => [message.data, message]));
    assert.equal(found.size, stored.length, 'no message twice');
    for (const entry of [...this.#kept, ...this.#attempts]) {
      this.#checkMessage(entry, found.get(entry.data));
      found.delete(entry.data);
    }
    assert.deepEqual([...found.values()], [], 'messages that nobody sent');
  }

  #checkMessage(entry, message) {
    const what = `${entry.topic} ${entry.offset} ${entry.data.slice(0, 40)}`;
    const fate = this.#fateOf(entry);
    if (fate === 'there') assert.ok(message, `lost: ${what}`);
    if (fate === 'gone') assert.ok(!message, `removed or refused, but there: ${what}`);
    entry.found = message !== undefined;
    if (!entry.found) return;
    assert.equal(message.topic, entry.topic, what);
    if (entry.offset) assert.equal(offsetOf(message.id), entry.offset, what);
    entry.offset = offsetOf(message.id);
  }

  /** Whether a message must be there, must be gone, or may be either. */
  #fateOf(entry) {
    if (!entry.acknowledged) return entry.refused ? 'gone' : 'either';
    let fate = 'there';
    for (const removal of this.#removals) {
      if (!covers(removal, entry)) continue;
      if (removal.acknowledged && removal.sent > entry.acknowledged) return 'gone';
      if (removal.over > entry.sent) fate = 'either';
    }
    return fate;
  }

  #isPurged(topic) {
    return this.#removals.some((removal) => removal.topic === topic);
  }

  /** All of a batch or nothing, in a row. */
  #checkBatches() {
    const batches = new Map();
    for (const entry of this.#attempts) {
      if (!entry.batch) continue;
      batches.set(entry.batch, [...(batches.get(entry.batch) ?? []), entry]);
    }
    for (const entries of batches.values()) {
      const sure = entries.filter(({ topic }) => !this.#isPurged(topic));
      const found = sure.filter((entry) => entry.found);
      assert.ok(found.length === 0 || found.length === sure.length, 'part of a batch');
      const first = entries[0].offset;
      if (!first) continue;
      for (const [i, { offset }] of entries.entries()) {
        if (offset) assert.equal(offset, first + i, 'a batch in a row');
      }
    }
  }

  /** Each offset was used; only purged messages whose ids nobody was told may be missing. */
  #checkHoles(head) {
    const used = new Set(this.#attempts.map(({ offset }) => offset));
    const untold = this.#attempts.filter(({ topic, offset }) => !offset && this.#isPurged(topic));
    let holes = 0;
    for (let offset = this.head + 1; offset <= head; offset++) holes += !used.has(offset);
    assert.ok(holes <= untold.length, `${holes} offsets of ${this.head + 1}-${head} are missing`);
  }

  #turn(stored, head) {
    for (const { id, topic } of stored) {
      if (offsetOf(id) > this.head) this.seen.push({ id, topic });
    }
    this.#kept = stored.map(({ id, topic, data }) => {
      return { topic, data, offset: offsetOf(id), sent: 0, acknowledged: -1 };
    });
    this.#attempts = [];
    this.#removals = [];
    this.head = head;
  }
}

const idsOf = (messages) => messages.map(({ id }) => id);

/** Whether `topic` matches `pattern`, by MQTT's rules. */
function matches(pattern, topic) {
  const levels = topic.split('/');
  const wanted = pattern.split('/');
  const rest = wanted.at(-1) === '#';
  if (rest) wanted.pop();
  if (rest ? levels.length < wanted.length : levels.length !== wanted.length) return false;
  return wanted.every((level, i) => level === '+' || level === levels[i]);
}

/** The hub's totals of all topics; what a crash left of a purge is still removed for a while. */
async function checkTotals(pipeline, stored) {
  const totals = {};
  for (const { topic } of stored) totals[topic] = (totals[topic] ?? 0) + 1;
  await eventually(async () => {
    const topics = JSON.parse(await pipeline.command('HUB', 'TOPICS'));
    for (const { topic, messages } of topics) {
      assert.equal(messages, totals[topic] ?? 0, `the total of ${topic}`);
    }
    return true;
  }, 'the totals of the topics');
}

/** The ways through the index find what the way through the log does, which is `stored`. */
export async function checkIndex(hub, stored, patterns) {
  const pipeline = await RespPipeline.open(hub);
  const topics = JSON.parse(await pipeline.command('HUB', 'TOPICS'));
  const checks = topics.map(async ({ topic }) => {
    const wanted = idsOf(stored.filter((message) => message.topic === topic));
    const range = await pipeline.command('XRANGE', topic, '-', '+');
    const reverse = await pipeline.command('XREVRANGE', topic, '+', '-');
    assert.deepEqual(range.map(([id]) => id), wanted, topic);
    assert.deepEqual(reverse.reverse().map(([id]) => id), wanted, `${topic} in reverse`);
  });
  for (const pattern of patterns) {
    const wanted = idsOf(stored.filter(({ topic }) => matches(pattern, topic)));
    assert.deepEqual(idsOf(await history(hub, pattern)), wanted, pattern);
  }
  await Promise.all(checks);
  await checkTotals(pipeline, stored);
  const { damaged, records } = JSON.parse(await pipeline.command('HUB', 'VERIFY'));
  assert.deepEqual({ damaged, records }, { damaged: 0, records: stored.length });
  pipeline.close();
}
