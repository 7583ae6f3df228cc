// A log that takes its time: commits of a hub wait while a test wants them to (slow_log.c).
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BUILD, startHub } from './hub.mjs';

const LIBRARY = join(BUILD, 'tests/e2e/slow_log.so');

/** Starts a hub for test `t`; returns [hub, gate]. */
export async function startSlowHub(t, { set = {}, ...options } = {}) {
  const gate = new Gate();
  t.after(() => gate.remove());
  const { env } = gate;
  const hub = await startHub(t, { set: { 'log.sync': 'always', ...set }, env, ...options });
  t.after(() => gate.open()); // before the hub is asked to stop
  return [hub, gate];
}

/** What programs that were started with `env` wait at. */
export class Gate {
  #folder = mkdtempSync(join(tmpdir(), 'longwire-gate-'));
  file = join(this.#folder, 'closed');
  env;

  constructor() {
    if (!existsSync(LIBRARY)) throw new Error(`${LIBRARY} is not built`);
    const asan = `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`;
    this.env = { LD_PRELOAD: LIBRARY, ASAN_OPTIONS: asan, LONGWIRE_SLOW_LOG: this.file };
  }

  /** From now on no commit comes to its end, but for so many. */
  close(passing = 0) {
    writeFileSync(this.file, `${passing}`);
  }

  /** Whether no more may pass. */
  get isSpent() {
    return Number(readFileSync(this.file, 'latin1')) === 0;
  }

  open() {
    rmSync(this.file, { force: true });
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
