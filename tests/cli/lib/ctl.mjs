// Runs longwirectl, to its end or under a terminal.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BUILD, launch, run } from '../../e2e/lib/hub.mjs';
import { eventually } from '../../e2e/lib/wait.mjs';

export const PROGRAM = join(BUILD, 'longwirectl');

/** What a test's surroundings must not change. */
const plainEnv = () => {
  const env = { ...process.env, TERM: 'xterm' };
  delete env.LONGWIRE_SOCKET;
  delete env.NO_COLOR;
  return env;
};

/** Runs it to its end; returns { code, stdout, stderr }. */
export function ctl(args, { env = {}, ...options } = {}) {
  return run(PROGRAM, args, { env: { ...plainEnv(), ...env }, ...options });
}

/** The same against `hub`. */
export const ctlTo = (hub, args, options) => ctl(['--socket', hub.socket, ...args], options);

/** A running longwirectl whose output can be waited for. */
export class Running {
  stdout = '';
  stderr = '';
  over = false;

  constructor(program, args, env = {}) {
    this.child = launch(program, args, { env: { ...plainEnv(), ...env } });
    this.child.stdout.on('data', (data) => {
      this.stdout += data;
    });
    this.child.stderr.on('data', (data) => {
      this.stderr += data;
    });
    this.child.stdin.on('error', () => {});
    this.ended = this.child.ended;
    this.ended.then(() => {
      this.over = true;
    });
  }

  /** Waits until standard output (or `stream`) matches. */
  async until(pattern, stream = 'stdout') {
    const found = () => this[stream].match(pattern);
    const state = () => `\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
    await eventually(() => found() || this.over, `${pattern} in ${stream}`).catch((error) => {
      throw new Error(error.message + state());
    });
    assert.ok(found(), `ended without ${pattern} in ${stream}${state()}`);
  }

  write(text) {
    this.child.stdin.write(text);
  }
}

/** Starts it against `hub`. */
export const start = (hub, args, env) => new Running(PROGRAM, ['--socket', hub.socket, ...args], env);

const quote = (word) => `'${String(word).replaceAll("'", `'\\''`)}'`;

/** A running program on a terminal of its own; stdout is what the terminal gets to show. */
export class OnTerminal extends Running {
  /** `rows`, `columns`: the terminal's size. */
  constructor(words, { rows = 24, columns = 80, env } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'longwire-cli-'));
    const note = join(folder, 'tty');
    const command = `tty >${note}; stty rows ${rows} cols ${columns}; exec ${words.map(quote).join(' ')}`;
    super('script', ['-qefc', command, '/dev/null'], env);
    this.ended.finally(() => rmSync(folder, { recursive: true, force: true }));
    this.device = () => readFileSync(note, 'utf8').trim();
  }

  resize(rows, columns) {
    const size = ['rows', rows, 'cols', columns].map(String);
    execFileSync('stty', ['-F', this.device(), ...size]);
  }
}

/** Starts it on a terminal against `hub`. */
export const startOnTerminal = (hub, args, options) =>
  new OnTerminal([PROGRAM, '--socket', hub.socket, ...args], options);
