// How a subscription gets onto a line that is running.
//
// First its topics are added to the connection, from now on; what they bring is held back. Then it
// reads by itself, page by page, what lies between its own place and there, and goes on with what
// was held. So it gets its messages once and in order whatever the others are doing, and however
// far back it begins; and what it reads no faster than it wants to costs no memory anywhere.

import { compareCursors, isBefore } from './cursor.js';
import { lost, LongwireError } from './errors.js';
import { ask } from './link_poll.js';
import { backoff, sleep } from './time.js';
import { bytesOf } from './encoding.js';

/** Resolves when it is over, one way or the other. */
export async function enter(line, link, sub, hub) {
  const entry = { held: [], lost: null }; // messages; id of the last for which there was no room
  sub.beginEntry(entry);
  const going = () => line.awaits(link, sub, entry);
  for (let attempt = 0; going(); attempt++) {
    try {
      const { from, since } = await join(line, link, sub);
      if (!going()) return;
      sub.beginsAt(since);
      if (await catchUp({ sub, hub, from, entry, going })) return finish(line, link, sub, entry);
    } catch (error) {
      if (!going()) return;
      if (error.kind === 'fatal') return sub.refuse(error);
      hub.debug('cannot join yet:', error.message);
      await sleep(error.delay ?? backoff(attempt, line.backoff));
    }
  }
}

/**
 * Has the connection bring what SUB wants. Returns { from, since }: behind `from` it brings all of
 * it; `since` is where the first of what it did not have before begins.
 */
async function join(line, link, sub) {
  const missing = sub.topics.filter((topic) => !link.topics.has(topic));
  const others = new Set(sub.topics.map((topic) => link.joining.get(topic)));
  others.delete(undefined);
  const cursors = missing.length > 0 ? await joinMissing(link, missing) : [];
  for (const other of others) cursors.push(...(await other));
  const { place } = line;
  const from = cursors.reduce((a, b) => (isBefore(a, b) ? b : a), place);
  const since = cursors.reduce((a, b) => (isBefore(b, a) ? b : a), cursors[0] ?? place);
  return { from, since };
}

async function joinMissing(link, topics) {
  const joined = link.join(topics);
  const known = joined.catch(() => Promise.reject(lost('somebody else was refused')));
  known.catch(() => {});
  for (const topic of topics) {
    link.topics.add(topic);
    link.joining.set(topic, known);
  }
  try {
    return [...(await joined)];
  } catch (error) {
    topics.forEach((topic) => link.topics.delete(topic));
    throw error;
  } finally {
    for (const topic of topics) if (link.joining.get(topic) === known) link.joining.delete(topic);
  }
}

/** Reads on until it is where the connection begins to bring all; false if it was stopped. */
async function catchUp({ sub, hub, from, entry, going }) {
  const isThere = () => sub.hasReached(from) && (entry.lost === null || sub.hasReached(entry.lost));
  for (let wait = 0; !isThere(); ) {
    const page = await readOn(hub, sub, wait);
    if (!going() || !takePage(page, sub, going)) return false;
    if (page.live && Number.isNaN(compareCursors(page.cursor, from))) return true; // another log
    wait = page.live ? 1 : 0;
  }
  return true;
}

/** False if SUB left in the middle. */
function takePage({ gap, messages = [], cursor }, sub, going) {
  if (gap) sub.gap(gap);
  for (const message of messages) {
    if (message.encoding === 'base64') message.data = bytesOf(message.data);
    sub.take(message, { replayed: true, transport: sub.transport });
    if (!going()) return false;
  }
  sub.advance(cursor);
  return true;
}

function finish(line, link, sub, { held }) {
  const info = { replayed: false, transport: sub.transport };
  sub.stage = 'joined';
  sub.seam = sub.place;
  for (const message of held) if (sub.stage === 'joined') sub.take(message, info);
  if (sub.stage !== 'joined') return;
  sub.advance(line.place);
  sub.lineIs('live');
}

/** One page of what SUB is to get next. */
async function readOn(hub, sub, wait, limit = sub.room) {
  const topics = sub.topics.map((topic) => ['topic', topic]);
  const rest = Object.entries({ format: 'envelope', after: sub.start, wait, limit });
  return ask(hub, hub.url('t', [...topics, ...rest]), wait, await hub.token());
}

/** Resolves to the hub's refusal to let SUB read, or undefined. */
export async function mayBeRead(hub, sub) {
  try {
    await readOn(hub, sub, 0, 1);
  } catch (error) {
    return error instanceof LongwireError && error.kind === 'fatal' ? error : undefined;
  }
}
