// The places of crash_points.c, at which a hub can be made to crash.
import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { BUILD } from './hub.mjs';

const LIBRARY = join(BUILD, 'tests/e2e/crash_points.so');

const ALL = ['before', 'middle', 'after'];
const ENDS = ['before', 'after'];

/** What can happen at the points of each kind of work, as POINT:WHAT. */
const list = (points) =>
  Object.entries(points).flatMap(([point, whats]) => whats.map((what) => `${point}:${what}`));
/** When a commit is made. */
export const COMMIT = list({ pages: ALL, sync: ENDS, meta: ALL });
/** Between a commit and its answers. */
export const ANSWER = list({ wake: ENDS, send: ENDS });
/** When a log is opened, and when it is made. */
export const OPENING = list({ lock: ENDS, reserve: ENDS });
export const BIRTH = list({ create: ALL });

/** Loads crash_points.so into the hub with its next start. */
function preload(hub, env) {
  const asan = `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`;
  hub.setEnv({ LD_PRELOAD: LIBRARY, ASAN_OPTIONS: asan, ...env });
}

/** From its next start on, the hub takes the machine for one that has booted as `boot`. */
export function setBoot(hub, boot) {
  const file = `${hub.dataDir}.boot`;
  writeFileSync(file, `${boot}\n`);
  preload(hub, { LONGWIRE_BOOT_ID: file, LONGWIRE_SYNCS: `${hub.dataDir}.syncs` });
}

/** How many syncs of its log such a hub has done. */
export const countSyncs = (hub) => statSync(`${hub.dataDir}.syncs`, { throwIfNoEntry: false })?.size ?? 0;

/** Sees to it that the hub, from its next start on, does `at` (POINT:WHAT:N) while it is armed. */
export class Trap {
  #hub;
  #file;

  constructor(hub) {
    this.#hub = hub;
    this.#file = `${hub.dataDir}.armed`;
  }

  set(at) {
    preload(this.#hub, { LONGWIRE_CRASH_AT: at, LONGWIRE_CRASH_WHEN: this.#file });
  }

  arm() {
    writeFileSync(this.#file, '');
  }

  disarm() {
    rmSync(this.#file, { force: true });
  }

  /** A start that comes to its end at `at`. */
  async crashAtStart(at) {
    this.set(at);
    this.arm();
    await assert.rejects(this.#hub.start(), /signal SIGKILL/, at);
    this.disarm();
  }
}
