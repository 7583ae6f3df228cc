// Runs longwirectl, to its end or under a terminal.
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
  }

  /** Waits until standard output (or `stream`) matches. */
  async until(pattern, stream = 'stdout') {
    const found = () => this[stream].match(pattern);
    return eventually(found, `${pattern} in ${stream}`).catch((error) => {
      throw new Error(`${error.message}\n${this.stdout}\n${this.stderr}`);
    });
  }

  write(text) {
    this.child.stdin.write(text);
  }
}

/** Starts it against `hub`. */
export const start = (hub, args, env) => new Running(PROGRAM, ['--socket', hub.socket, ...args], env);

const quote = (word) => `'${String(word).replaceAll("'", `'\\''`)}'`;

/** Starts it on a terminal of its own, of that size; stdout is what the terminal shows. */
export function startOnTerminal(hub, args, { rows = 24, columns = 80, env } = {}) {
  const words = [PROGRAM, '--socket', hub.socket, ...args].map(quote).join(' ');
  const command = `stty rows ${rows} cols ${columns}; exec ${words}`;
  return new Running('script', ['-qefc', command, '/dev/null'], env);
}
