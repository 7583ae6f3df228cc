// A hub's time of day, set by a test (set_clock.c).
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';

import { BUILD } from './hub.mjs';

const LIBRARY = join(BUILD, 'tests/e2e/set_clock.so');

export const YEAR = 31_557_600;

/** What a hub takes for the time, once it was started with `env`. */
export class Clock {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-clock-'));
  #file = join(this.#folder, 'off');

  constructor() {
    if (!existsSync(LIBRARY)) throw new Error(`${LIBRARY} is not built`);
    const asan = `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`;
    this.env = { LD_PRELOAD: LIBRARY, ASAN_OPTIONS: asan, LONGWIRE_CLOCK: this.#file };
    this.set(0);
  }

  /** So many seconds ahead of the right time; negative: behind it. */
  set(seconds) {
    const bytes = Buffer.alloc(8);
    if (endianness() === 'LE') bytes.writeBigInt64LE(BigInt(Math.round(seconds)));
    else bytes.writeBigInt64BE(BigInt(Math.round(seconds)));
    writeFileSync(this.#file, bytes, { flag: existsSync(this.#file) ? 'r+' : 'w' });
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
