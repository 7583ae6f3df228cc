// README's first steps, pasted as they stand: every command does what the text says.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { publish } from './lib/http.mjs';
import { BUILD, ROOT, launch, suiteHub } from './lib/hub.mjs';
import { eventually, within } from './lib/wait.mjs';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const [, STEPS] = /^## First steps$(.*?)^## /ms.exec(README);
/** [language, text] of each fenced block. */
const BLOCKS = [...STEPS.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => [
  language,
  text,
]);
/** What a block that a user ends with Ctrl-C has in it. */
const FOLLOWS = /curl -N |SUBSCRIBE|tail -f|while True|for await/;

describe('the first steps of the README', () => {
  const hub = suiteHub({ set: { 'http.demo': 'on' } });
  let folder;

  // A folder as the clone is for whoever follows the README.
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'longwire-readme-'));
    mkdirSync(join(folder, 'build/run'), { recursive: true });
    symlinkSync(hub.socket, join(folder, 'build/run/longwire.sock'));
    symlinkSync(join(BUILD, 'longwirectl'), join(folder, 'build/longwirectl'));
    symlinkSync(join(ROOT, 'clients'), join(folder, 'clients'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const here = (text) =>
    text.replaceAll('127.0.0.1:8420', `127.0.0.1:${hub.port}`).replaceAll('/tmp/', `${folder}/`);

  /** Pastes a block into `program`; what has been printed is in `output`. */
  function paste(program, text) {
    const child = launch(program[0], [...program.slice(1), here(text)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => (child.output += data));
    return child;
  }

  const interrupt = (child) => process.kill(-child.pid, 'SIGKILL');

  /**
   * A block that ends by itself must end well; one that follows has to print something new, `first`
   * before that.
   */
  async function works(program, text, first = /(?:)/) {
    const child = paste(program, text);
    if (!FOLLOWS.test(text)) {
      const { code } = await within(child.ended, 'the block to end');
      assert.equal(code, 0, child.output);
      return child.output;
    }
    await eventually(() => first.test(child.output), `${first} to be printed`);
    const mark = `mark-${Math.random()}`;
    await eventually(async () => {
      for (const topic of ['news', 'news/a']) await publish(hub, topic, mark);
      return child.output.includes(mark);
    }, 'what is published to come');
    interrupt(child);
    await child.ended;
    return child.output;
  }

  const shell = ['bash', '-e', '-m', '-c'];
  const ofLanguage = (wanted) => BLOCKS.filter(([language]) => language === wanted);

  test('every block is tried', () => {
    const known = ['', 'python', 'js', 'html'];
    assert.deepEqual(
      BLOCKS.filter(([language]) => !known.includes(language)),
      [],
    );
    assert.ok(shellBlocks.length >= 7);
  });

  // The doctor holds connections for half a minute; 95-doctor runs it.
  const shellBlocks = ofLanguage('').filter(([, text]) => !text.includes(' doctor '));
  shellBlocks.forEach(([, text], i) =>
    test(`shell block ${i + 1}: ${text.split('\n')[0].slice(0, 60)}`, async () => {
      const output = await works(shell, text);
      assert.doesNotMatch(output, /"status":[45]|ERR |command not found|No such file/);
    }),
  );

  ofLanguage('python').forEach(([, text], i) =>
    test(`Python block ${i + 1}`, async () => {
      const output = await works(['/usr/bin/python3', '-u', '-c'], text);
      assert.doesNotMatch(output, /Traceback/);
    }),
  );

  test('Node.js', async () => {
    const [[, text]] = ofLanguage('js');
    await works(['node', '--input-type=module', '-e'], text, /hello from Node/);
  });
});
