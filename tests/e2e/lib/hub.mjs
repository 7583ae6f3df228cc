// Starts the real daemon for a test, on free ports and in a folder of its own, and makes sure that
// it is gone, and had nothing to complain about, when the test ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { takePort } from './ports.mjs';
import { Inbox, eventually, within } from './wait.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The source tree. */
export const ROOT = resolve(HERE, '../../..');
/** Where the programs are: LONGWIRE_BUILD, or build/. */
export const BUILD = resolve(process.env.LONGWIRE_BUILD ?? join(ROOT, 'build'));
/** Whether the programs run several times slower than usual. */
export const SANITIZED = /asan|tsan/.test(BUILD);

const SANITIZER_REPORT = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:/;
/** Put before the daemon's command line, for instance `setarch -R`. */
const WRAP = (process.env.LONGWIRE_WRAP ?? '').split(' ').filter(Boolean);
/** hub.io_uring of hubs that do not say; the hub's default is auto. */
const IO_URING = process.env.LONGWIRE_IO_URING;
const START_MS = 30_000;
const STOP_MS = 20_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));
// A runner that is killed tells nobody.
const runner = process.ppid;
setInterval(() => process.ppid === runner || process.exit(1), 1000).unref();

/** Starts a program that is killed with this process at the latest. */
export function launch(program, args, options = {}) {
  const child = spawn(program, args, options);
  running.add(child);
  child.ended = new Promise((resolveEnded) => {
    child.once('error', (error) => resolveEnded({ error }));
    child.once('close', (code, signal) => resolveEnded({ code, signal }));
  }).finally(() => running.delete(child));
  return child;
}

/**
 * Runs a program to its end, which comes in `ms`; returns { code, stdout, stderr }. `input` goes to
 * its stdin.
 */
export async function run(program, args, { input = '', ms, ...options } = {}) {
  const child = launch(program, args, options);
  const out = [];
  const err = [];
  child.stdout.on('data', (data) => out.push(data));
  child.stderr.on('data', (data) => err.push(data));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const { code, error } = await within(child.ended, `${program} ${args.join(' ')} to end`, ms);
  if (error) throw error;
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Of an address of the ready line; undefined if there is none. */
const portOf = (address) => address && Number(/:(\d+)$/.exec(address)[1]);

/** A new folder; whoever asks for it also removes it. */
const temporaryFolder = () => mkdtempSync(join(tmpdir(), 'longwire-'));

class Hub {
  #folder = temporaryFolder();
  #settings;
  #prefix;
  #env;
  #errors;
  #lines;
  #child = null;
  #ports = [];

  constructor({ set = {}, config = '', env = {}, prefix = [] }) {
    this.config = join(this.#folder, 'longwire.ini');
    writeFileSync(this.config, config);
    // A file and no pipe: what the hub wrote before it answered is there when it is looked for.
    this.#errors = join(this.#folder, 'stderr');
    writeFileSync(this.#errors, '');
    this.dataDir = join(this.#folder, 'data');
    this.socket = join(this.#folder, 'hub.sock');
    this.#prefix = [...WRAP, ...prefix];
    this.#env = { ...process.env, ...env };
    this.#settings = {
      'hub.data_dir': this.dataDir,
      'socket.path': this.socket,
      'http.listen': '127.0.0.1:0',
      ...(IO_URING && { 'hub.io_uring': IO_URING }),
      ...set,
    };
  }

  get pid() {
    return this.#child.pid;
  }

  get alive() {
    return this.#child !== null;
  }

  /** The first address is on 127.0.0.1, unless `http.listen` was set. */
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything that this hub has written to standard error, over all its restarts. */
  stderr() {
    return readFileSync(this.#errors, 'utf8');
  }

  /** Gives listeners that take any port one of their own, before the first start. */
  async #takePorts() {
    const listeners = [this.#settings['http.listen']].flat();
    for (const [i, listener] of listeners.entries()) {
      if (!/:0$/.test(listener)) continue;
      this.#ports.push(await takePort());
      listeners[i] = listener.replace(/0$/, this.#ports.at(-1).port);
    }
    this.#settings['http.listen'] = listeners;
  }

  /** Starts the daemon and waits for its ready line. */
  async start() {
    await this.#takePorts();
    const daemon = [join(BUILD, 'longwired'), '--config', this.config];
    const words = [...this.#prefix, ...daemon, ...this.#arguments()];
    this.#lines = new Inbox();
    const errors = openSync(this.#errors, 'a');
    this.#child = launch(words[0], words.slice(1), {
      env: this.#env,
      stdio: ['ignore', 'pipe', errors],
    });
    closeSync(errors);
    this.#readLines();
    const line = await this.#lines.next('the ready line', undefined, START_MS).catch((error) => {
      this.#child?.kill('SIGKILL');
      this.#child = null;
      throw new Error(`${error.message}\n${this.stderr()}`);
    });
    const ready = /^ready(?: http=(\S+))?(?: https=(\S+))? socket=(.+)$/.exec(line);
    assert.ok(ready, `not a ready line: ${line}`);
    assert.equal(ready[3], this.socket);
    this.addresses = ready[1]?.split(',') ?? [];
    this.secureAddresses = ready[2]?.split(',') ?? [];
    this.port = portOf(this.addresses[0]);
    this.securePort = portOf(this.secureAddresses[0]);
  }

  #arguments() {
    return Object.entries(this.#settings).flatMap(([key, value]) =>
      [value].flat().flatMap((one) => ['--set', `${key}=${one}`]),
    );
  }

  #readLines() {
    let text = '';
    this.#child.stdout.on('data', (data) => {
      const lines = (text + data).split('\n');
      text = lines.pop();
      for (const line of lines) this.#lines.push(line);
    });
    this.#child.ended.then(({ code, signal, error }) => {
      this.#lines.end(error ?? `longwired ended: code ${code}, signal ${signal}`);
    });
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Pauses it, until SIGCONT: none of its threads runs any more. */
  async pause() {
    const tasks = `/proc/${this.pid}/task`;
    const isStopped = (thread) =>
      /^State:\s+T/m.test(readFileSync(`${tasks}/${thread}/status`, 'latin1'));
    this.signal('SIGSTOP');
    await eventually(() => readdirSync(tasks).every(isStopped), 'the hub to be paused');
  }

  /** Asks the daemon to stop, and insists on a clean end. */
  async stop() {
    const child = this.#child;
    if (!child) return;
    child.kill('SIGTERM');
    const end = await within(child.ended, 'longwired to stop', STOP_MS).catch((error) => {
      child.kill('SIGKILL');
      throw new Error(`${error.message}\n${this.stderr()}`);
    });
    this.#child = null;
    assert.ok(!SANITIZER_REPORT.test(this.stderr()), `a sanitizer's report:\n${this.stderr()}`);
    assert.deepEqual(end, { code: 0, signal: null }, `longwired's end\n${this.stderr()}`);
  }

  /** A crash: nothing is flushed, nothing is said to anyone. */
  async kill9() {
    const child = this.#child;
    child.kill('SIGKILL');
    const end = await within(child.ended, 'longwired to be killed');
    this.#child = null;
    assert.equal(end.signal, 'SIGKILL', `longwired ended before it was killed\n${this.stderr()}`);
  }

  /** Waits for a crash that comes by itself; LONGWIRE_CRASH_AT says where (crash_points.c). */
  async crashed() {
    const child = this.#child;
    const end = await within(child.ended, 'longwired to crash');
    this.#child = null;
    assert.equal(end.signal, 'SIGKILL', `longwired's end\n${this.stderr()}`);
  }

  /** Sets (or with undefined, takes away) variables of the environment, for the next start. */
  setEnv(change) {
    this.#env = { ...this.#env, ...change };
  }

  /** Starts again on the same data, port and socket, after stop() or kill9(); stops if running. */
  async restart() {
    await this.stop();
    await this.start();
  }

  /** Stops, and leaves nothing behind. */
  async remove() {
    try {
      await this.stop();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
      await Promise.all(this.#ports.map(({ free }) => free()));
    }
  }
}

/**
 * Starts a hub for test `t` and ends it with the test. `set`: settings as in --set (a list for a
 * repeated one); `config`: the configuration file's text; `env`: environment; `prefix`: words
 * before the command, like prlimit's.
 */
export async function startHub(t, options = {}) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  return hub;
}

/** The same for all tests of the suite that calls it; the hub can be used in its tests. */
export function suiteHub(options = {}) {
  const hub = new Hub(options);
  before(() => hub.start());
  after(() => hub.remove());
  return hub;
}

/** Runs build/longwirectl against `hub`. */
export function longwirectl(hub, args, options) {
  return run(join(BUILD, 'longwirectl'), ['--socket', hub.socket, ...args], options);
}
