// Randomness that a printed number brings back: LONGWIRE_SEED=N replays a run's choices.

/** The seed of this run. */
export function chooseSeed() {
  const given = process.env.LONGWIRE_SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given) >>> 0;
}

/** A small generator (mulberry32): `next()` in [0, 1), whole numbers, choices, shuffles. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From `low` to `high`, both included. */
  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick(list) {
    return list[this.int(0, list.length - 1)];
  }

  /** `count` different members of `list`. */
  sample(list, count) {
    const rest = [...list];
    const taken = [];
    while (taken.length < count && rest.length) {
      taken.push(rest.splice(this.int(0, rest.length - 1), 1)[0]);
    }
    return taken;
  }

  /** A generator of its own, so that one task's choices do not depend on another's timing. */
  fork() {
    return new Random(this.int(0, 2 ** 32 - 1));
  }
}
