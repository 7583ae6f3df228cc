// Allocations of a hub's workers that fail when a test wants them to (no_memory.c).
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';

import { BUILD } from './hub.mjs';

const LIBRARY = join(BUILD, 'tests/e2e/no_memory.so');
const BYTES = 12;

/** Above any number of allocations that a test causes. */
const ALWAYS = 2 ** 31;

/** What is to fail in one hub, which has to be started with `env`. */
export class Memory {
  #fd;

  constructor() {
    const file = join(tmpdir(), `longwire-memory-${process.pid}`);
    this.#fd = openSync(file, 'wx+');
    rmSync(file); // nothing is left behind, whatever comes
    this.#write(0, 0);
    this.env = { LD_PRELOAD: LIBRARY, LONGWIRE_NO_MEMORY: `/proc/${process.pid}/fd/${this.#fd}` };
  }

  #write(left, toFail) {
    writeSync(this.#fd, numbers(left, toFail, 0), 0, BYTES, 0);
  }

  /** The `n`th allocation from now fails (0: the next one), and `count` in all. */
  fail(n, count = 1) {
    this.#write(n, count);
  }

  /** All fail from now on. */
  failAll() {
    this.#write(0, ALWAYS);
  }

  /** No more fail; returns how many have failed since it was said that some should. */
  stop() {
    const failed = this.failed;
    this.#write(0, 0);
    return failed;
  }

  get failed() {
    const bytes = Buffer.alloc(BYTES);
    readSync(this.#fd, bytes, 0, BYTES, 0);
    return endianness() === 'LE' ? bytes.readUInt32LE(8) : bytes.readUInt32BE(8);
  }

  close() {
    closeSync(this.#fd);
  }
}

function numbers(...values) {
  return Buffer.from(Uint32Array.from(values).buffer);
}
