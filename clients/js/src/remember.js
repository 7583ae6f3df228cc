// Places that are kept over a reload of the page.

import { isCursor } from './cursor.js';

const PREFIX = 'longwire:cursor:';
const SAVE_MS = 1_000; // at least so often, in case the page ends without a word

/**
 * Keeps SUBSCRIPTION's cursor under NAME in sessionStorage, or in `storage` of { name, storage }.
 * Returns the one that is there, or undefined. Where there is no storage, nothing is kept.
 */
export function remember(subscription, wish) {
  const { name, storage = storageOfTab() } = typeof wish === 'string' ? { name: wish } : wish;
  if (!storage) return undefined;
  const key = PREFIX + name;
  let saved = cursorAt(storage, key);
  const save = () => {
    const { cursor } = subscription;
    if (cursor === null || cursor === saved) return;
    saved = cursor;
    store(storage, key, cursor);
  };
  const timer = setInterval(save, SAVE_MS);
  timer.unref?.(); // Node.js: no reason to stay
  const page = globalThis.addEventListener ? globalThis : undefined;
  page?.addEventListener('pagehide', save);
  subscription.once('close', () => {
    save();
    clearInterval(timer);
    page?.removeEventListener('pagehide', save);
  });
  return saved;
}

function storageOfTab() {
  try {
    return globalThis.sessionStorage; // some browsers throw where cookies are not allowed
  } catch {
    return undefined;
  }
}

function cursorAt(storage, key) {
  const text = storage.getItem(key);
  return isCursor(text) ? text : undefined;
}

function store(storage, key, cursor) {
  try {
    storage.setItem(key, cursor);
  } catch {
    // It is full: a reload begins where `after` says.
  }
}
