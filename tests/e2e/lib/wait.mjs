// Waiting for conditions, never for time: everything here ends as soon as what it waits for is
// there, and fails with a sentence when it is not there in time.
import assert from 'node:assert/strict';

/** Longest wait for one thing, ms; only a failing test ever waits this long. */
export const WAIT_MS = 20_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves as `promise` does, but fails after `ms` with what was waited for. */
export function within(promise, what, ms = WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Calls `probe` until it returns something truthy, which is returned; its errors count as no. */
export async function eventually(probe, what, ms = WAIT_MS) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    assert.ok(Date.now() < end, `waited ${ms} ms for ${what}; last seen: ${last}`);
    await sleep(20);
  }
}

/** Waits until `count()` is `goal` or more: however long that takes, but for standing still. */
export async function counted(count, goal, what, ms = WAIT_MS) {
  for (let seen = count(); seen < goal; seen = count()) {
    const before = seen;
    await eventually(() => count() > before, `${what}: ${before} of ${goal}`, ms);
  }
}

/** A queue between an event source and a test that reads one item after the other. */
export class Inbox {
  #items = [];
  #waiting = null;
  #end = null;

  push(item) {
    this.#items.push(item);
    this.#waiting?.();
  }

  /** No more items will come; `reason` is what a reader is told. */
  end(reason) {
    this.#end ??= reason;
    this.#waiting?.();
  }

  get ended() {
    return this.#end !== null;
  }

  get size() {
    return this.#items.length;
  }

  /** The next item, or the first that `match` accepts (the ones before it are dropped). */
  async next(what = 'the next item', match = () => true, ms = WAIT_MS) {
    const end = Date.now() + ms;
    for (;;) {
      while (this.#items.length) {
        const item = this.#items.shift();
        if (match(item)) return item;
      }
      assert.ok(!this.ended, `${what}: ended (${this.#end})`);
      await this.#wait(what, end - Date.now());
    }
  }

  /** Takes everything that is there now. */
  take() {
    return this.#items.splice(0);
  }

  /** Resolves when the source has ended. */
  async drained(what = 'the end') {
    while (!this.ended) await this.#wait(what, WAIT_MS);
  }

  async #wait(what, ms) {
    const arrival = new Promise((resolve) => {
      this.#waiting = resolve;
    });
    await within(arrival, what, Math.max(ms, 1)).finally(() => {
      this.#waiting = null;
    });
  }
}
