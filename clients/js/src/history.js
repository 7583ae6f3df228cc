// What a topic has had, page by page, backwards.

import { isBefore, isCursor } from './cursor.js';
import { bytesOf } from './encoding.js';
import { ask } from './link_poll.js';

const PAGE = 50; // messages
const BACK_MAX = 100_000; // the hub counts back no further

/**
 * Resolves to { messages, before }: the last LIMIT messages of TOPICS before the cursor BEFORE (of
 * all, without one), oldest first; `before` is what gives the page in front of it, undefined if there
 * is none. The hub counts from the end: what is far back is found by asking for twice as much.
 */
export async function history(hub, topics, { before, limit = PAGE, signal } = {}) {
  if (before !== undefined && !isCursor(before)) throw new TypeError('before is a cursor');
  let first; // id of the first message of the attempt before
  for (let back = limit + 1; ; back = Math.min(back * 2, BACK_MAX)) {
    const found = await readBack(hub, topics, back, before, signal);
    const isWhole = before === undefined && found.length < back;
    const isAll = isWhole || (found.length === 0 ? first === null : found[0].id === first);
    if (found.length > limit || isAll || back === BACK_MAX) return pageOf(found, limit);
    first = found[0]?.id ?? null;
  }
}

function pageOf(found, limit) {
  const messages = found.slice(-limit);
  return { messages, before: found.length > limit ? messages[0].id : undefined };
}

/** Those of the last BACK messages that are before the cursor BEFORE. */
async function readBack(hub, topics, back, before, signal) {
  const found = [];
  for (let after = `-${back}`, live = false; !live; ) {
    const parameters = [topics].flat().map((topic) => ['topic', topic]);
    const url = hub.url('t', [...parameters, ['after', after], ['wait', 0]]);
    const page = await ask(hub, url, 0, await hub.token(), signal);
    for (const message of page.messages ?? []) {
      if (before !== undefined && !isBefore(message.id, before)) return found;
      if (message.encoding === 'base64') message.data = bytesOf(message.data);
      found.push(message);
    }
    ({ cursor: after, live = false } = page);
  }
  return found;
}
