// The manual page and the program say the same: commands, options, arguments.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../e2e/lib/hub.mjs';
import { ctl } from './lib/ctl.mjs';

const manual = readFileSync(join(ROOT, 'doc/longwirectl.1'), 'utf8');

/** [name, arguments] of each command, from the program's help. */
async function commands() {
  const { stdout } = await ctl(['--help']);
  const list = stdout.slice(stdout.indexOf('Commands:'), stdout.indexOf('Options of'));
  return [...list.matchAll(/^  (\S+)/gm)].map(([, name]) => name);
}

/** The part of the manual about one command. */
function partOf(command) {
  const begin = manual.search(new RegExp(`^\\.It Cm ${command}\\b`, 'm'));
  assert.ok(begin >= 0, `no ${command} in the manual`);
  const rest = manual.slice(begin + 1);
  return rest.slice(0, rest.search(/^\.(It Cm|Ss|Sh)/m));
}

/** [letter, name] of each option in a help text. */
const options = (help) =>
  [...help.matchAll(/^  -(\w), --(\w+)/gm)].map(([, letter, name]) => [letter, name]);

const describes = (text, [letter, name]) =>
  new RegExp(`^\\.It Fl ${letter} , Fl -${name}\\b`, 'm').test(text);

test('the manual names every command, and no other', async () => {
  const inManual = [...manual.matchAll(/^\.It Cm (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(inManual, await commands());
});

test('the manual describes every option where it belongs, and no other', async () => {
  const common = options((await ctl(['--help'])).stdout);
  const head = manual.slice(0, manual.indexOf('.Sh COMMANDS'));
  for (const option of common) assert.ok(describes(head, option), `--${option[1]}`);
  for (const command of await commands()) {
    const part = partOf(command);
    const own = options((await ctl([command, '--help'])).stdout).filter(
      ([, name]) => !common.some(([, other]) => other === name),
    );
    for (const option of own) assert.ok(describes(part, option), `${command} --${option[1]}`);
    assert.equal([...part.matchAll(/^\.It Fl/gm)].length, own.length, command);
  }
});

test('the manual has every exit status', () => {
  const part = manual.slice(manual.indexOf('.Sh EXIT STATUS'), manual.indexOf('.Sh EXAMPLES'));
  const statuses = [...part.matchAll(/^\.It (\d)/gm)].map(([, n]) => Number(n));
  assert.deepEqual(statuses, [0, 1, 2, 3, 4, 5]);
});
