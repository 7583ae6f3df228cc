// Exports and imports against a stand-in for the hub: what is asked, what is counted, how much is
// under way at once, and where an interrupted one goes on. (tests/e2e/67 has them between real hubs.)
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ctlTo } from './lib/ctl.mjs';
import { bulk, error, fakeHub, hangUp, json, SILENCE } from './lib/fake-hub.mjs';

const lines = (text) => text.split('\n').filter(Boolean);
const cursor = (offset) => `${offset}-7`;

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'longwire-moving-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('an import', () => {
  const line = (more) => JSON.stringify({ topic: 'a', data: 'x', ...more });

  /** A hub at offset 3 that answers the n-th message with ANSWERS[n], an offset or a reply. */
  const isBarrier = (words) => words.includes('expect');
  /** What an import with a state asks besides; undefined: this is something else. */
  const alone = (words) => {
    if (words[0] === 'CLIENT') return '+OK\r\n';
    if (words[1] === 'CLIENTS') return json([]);
    return isBarrier(words) ? error('CONFLICT 0-0') : undefined;
  };
  const importer = (t, answers) => {
    let n = 0;
    const reply = (answer) => (typeof answer === 'number' ? bulk(cursor(answer)) : answer);
    const others = ([name]) => (name === 'HUB' ? json({ head: cursor(3) }) : reply(answers(n++)));
    return fakeHub(t, (words) => alone(words) ?? others(words));
  };
  const listed = (t, list) => importer(t, (n) => list[n]);
  const sent = (hub) =>
    hub.commands.filter((words) => words[0] === 'XADD' && !isBarrier(words));

  test('counts what became of each line', async (t) => {
    const bad = error('BADDATA no');
    const input = Array.from({ length: 6 }, (_, n) => `${line({ id: cursor(n) })}\n`).join('');
    const answers = [4, 3, 5, bad, 4, 6];
    const people = await ctlTo(await listed(t, answers), ['import', '--skip-bad'], { input });
    assert.deepEqual(
      [people.code, people.stdout],
      [
        5,
        '3 messages imported, 1 were there already, 1 have the key of an earlier line and were ' +
          'not stored again, 1 bad lines left out\n',
      ],
    );
    assert.equal(people.stderr, 'longwirectl: standard input: line 4: BADDATA no\n');
    const hub = await listed(t, answers);
    const { stdout } = await ctlTo(hub, ['import', '--skip-bad', '--json'], { input });
    assert.equal(stdout, '{"imported":3,"there":1,"repeated":1,"bad":1,"cursor":"6-7"}\n');
    assert.deepEqual(
      sent(hub).map((words) => words.at(-1)),
      Array.from({ length: 6 }, (_, n) => `import:${cursor(n)}`),
    );
  });

  test('of nothing imports nothing', async (t) => {
    const hub = await listed(t, []);
    assert.deepEqual(await ctlTo(hub, ['import'], { input: '' }), {
      ...{ code: 0, stdout: '0 messages imported\n', stderr: '' },
    });
    const { stdout } = await ctlTo(hub, ['import', '--json'], { input: '\n' });
    assert.equal(stdout, '{"imported":0,"there":0,"repeated":0,"bad":0,"cursor":"3-7"}\n');
  });

  test('passes over blank lines, and counts them', async (t) => {
    const hub = await listed(t, [4, 5]);
    const input = `\n \t\r\n${line()}\r\n${line({ key: 'k' })}\nno line`;
    const { code, stdout, stderr } = await ctlTo(hub, ['import'], { input });
    assert.deepEqual([code, stdout], [1, '2 messages imported\n']);
    assert.match(stderr, /^longwirectl: standard input: line 5: /);
    assert.match(stderr, /not finished; begun again soon \(hub\.dedup_window\)/);
    const words = ['XADD', 'a', '*', 'kind', 'text', 'data', 'x'];
    assert.deepEqual(sent(hub), [words, [...words, 'key', 'k']]);
  });

  test('tells ten bad lines, and counts the others', async (t) => {
    const hub = await listed(t, [4]);
    const input = `${'{\n'.repeat(12)}${line()}`;
    const { code, stdout, stderr } = await ctlTo(hub, ['import', '--skip-bad'], { input });
    assert.deepEqual([code, stdout], [0, '1 messages imported, 12 bad lines left out\n']);
    assert.equal(lines(stderr).length, 10);
  });

  test('sends nothing behind a line that is bad', async (t) => {
    const hub = await listed(t, [4, 5]);
    const input = `${line()}\n{\n${line()}\n`;
    assert.equal((await ctlTo(hub, ['import'], { input })).code, 1);
    assert.equal(sent(hub).length, 1);
  });

  test('has so many under way and no more', async (t) => {
    const hub = await importer(t, () => SILENCE);
    const input = `${line()}\n`.repeat(600);
    const { code, stderr } = await ctlTo(hub, ['import', '--timeout', '1'], { input });
    assert.equal(code, 3);
    assert.equal(sent(hub).length, 512);
    assert.match(stderr, /of 512 lines, from line 1 on, it is not known/);
  });

  test('has so many bytes under way and no more, or one line', async (t) => {
    for (const [sizes, under] of [[[400, 400, 400, 400], 2], [[2000, 1], 1], [[1, 2000], 1]]) {
      const hub = await importer(t, () => SILENCE);
      const input = sizes.map((kib) => `${line({ data: 'x'.repeat(kib * 1024) })}\n`).join('');
      const { stderr } = await ctlTo(hub, ['import', '--timeout', '1'], { input });
      assert.equal(sent(hub).length, under, `${sizes}`);
      assert.match(stderr, new RegExp(`of ${under} lines, from line 1 on`));
    }
  });

  test('goes on when there is room again', async (t) => {
    let offset = 3;
    const hub = await importer(t, () => ++offset);
    const input = `${line({ data: 'x'.repeat(300 * 1024) })}\n`.repeat(9);
    const { code, stdout } = await ctlTo(hub, ['import'], { input });
    assert.deepEqual([code, stdout], [0, '9 messages imported\n']);
  });

  test('of a file that is not there names it', async (t) => {
    const hub = await listed(t, []);
    const path = join(folder(t), 'none');
    const { code, stdout, stderr } = await ctlTo(hub, ['import', path]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, `longwirectl: ${path}: No such file or directory\n`);
  });

  test('of a file names it in what it says', async (t) => {
    const hub = await listed(t, []);
    const path = join(folder(t), 'file');
    writeFileSync(path, '{');
    const { stderr } = await ctlTo(hub, ['import', path]);
    assert.ok(stderr.startsWith(`longwirectl: ${path}: line 1: `), stderr);
  });

  test('with a state goes on behind the last line that is dealt with', async (t) => {
    const state = join(folder(t), 'state');
    const input = [1, 2, 3].map((n) => `${line({ id: cursor(n) })}\n`).join('');
    const first = await listed(t, [4, error('NOSPACE no'), error('NOSPACE no')]);
    const cut = await ctlTo(first, ['import', '--state', state], { input });
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /line 2 was not imported; sending no more/);
    assert.match(cut.stderr, /not finished; the same command goes on where it was\n/);
    assert.equal(cut.stderr.split('NOSPACE').length, 3);
    let offset = 4;
    const answers = ([name, what]) => {
      if (what === 'STATS') return json({ head: cursor(4) });
      if (name === 'HUB') return json({ cursor: cursor(4), messages: [], end: true });
      return bulk(cursor(++offset));
    };
    const second = await fakeHub(t, (words) => alone(words) ?? answers(words));
    const done = await ctlTo(second, ['import', '--state', state], { input });
    assert.deepEqual([done.code, done.stdout], [0, '2 messages imported\n'], done.stderr);
    assert.deepEqual(sent(second).map((words) => words.at(-1)), ['import:2-7', 'import:3-7']);
    const third = await listed(t, []);
    const again = await ctlTo(third, ['import', '--state', state], { input });
    assert.deepEqual([again.code, again.stdout, sent(third).length], [0, '0 messages imported\n', 0]);
    const other = await ctlTo(third, ['import', '--state', state], { input: input.replace('3-7', '9-7') });
    assert.equal(other.code, 1);
    assert.match(other.stderr, /line 3 is not what it was when .*state was written: another input\?/);
  });
});

describe('an export', () => {
  const message = (offset, data = 'x') => ({ id: cursor(offset), topic: 'a', data });
  const text = (...list) => list.map((one) => `${JSON.stringify(one)}\n`).join('');

  /** A hub at offset 9 that answers HUB EXPORT with PAGES, one after the other. */
  const exporter = (t, ...pages) =>
    fakeHub(t, ([, what]) => (what === 'STATS' ? json({ head: cursor(9) }) : json(pages.shift())));
  const page = (offset, messages, more = {}) => ({ cursor: cursor(offset), messages, ...more });
  const asked = (hub) => hub.commands.filter(([, what]) => what === 'EXPORT').map((words) => words.slice(2));

  test('to a file, page by page, says how much it was', async (t) => {
    const output = join(folder(t), 'out');
    const pages = () => [page(4, [message(2), message(4)]), page(9, [message(7)], { end: true })];
    const hub = await exporter(t, ...pages());
    assert.deepEqual(await ctlTo(hub, ['export', '-o', output]), {
      ...{ code: 0, stdout: '3 messages exported, up to 9-7\n', stderr: '' },
    });
    assert.equal(readFileSync(output, 'utf8'), text(message(2), message(4), message(7)));
    assert.equal(statSync(output).mode & 0o777, 0o600);
    assert.deepEqual(asked(hub), [
      ['earliest', '9-7', '1000', '#'],
      ['4-7', '9-7', '1000', '#'],
    ]);
    const there = await ctlTo(hub, ['export', '-o', output]);
    assert.equal(there.code, 1);
    assert.match(there.stderr, /out: it is there already; --resume goes on at its end\n/);
    rmSync(output);
    const { stdout } = await ctlTo(await exporter(t, ...pages()), ['export', '-o', output, '--json']);
    assert.equal(stdout, '{"messages":3,"cursor":"9-7","gaps":0}\n');
  });

  test('from one cursor to another asks for that', async (t) => {
    const hub = await exporter(t, page(5, [], { end: true }));
    const { code, stdout } = await ctlTo(hub, ['export', '--after', '2-7', '--until', '5-7', 'a']);
    assert.deepEqual([code, stdout], [0, '']);
    assert.deepEqual(hub.commands, [['HUB', 'EXPORT', '2-7', '5-7', '1000', 'a']]);
  });

  test('tells a gap, and exits with 5', async (t) => {
    const gap = { requested: '1-7', resumed: '3-7', reason: 'trimmed' };
    const hub = await exporter(t, page(9, [message(4)], { gap, end: true }));
    const { code, stdout, stderr } = await ctlTo(hub, ['export']);
    assert.deepEqual([code, stdout], [5, text(message(4))]);
    assert.equal(stderr, 'longwirectl: gap (trimmed): cannot go on after 1-7, went on after 3-7\n');
  });

  test('that is cut off before anything says only that', async (t) => {
    const hub = await fakeHub(t, ([, what]) => (what === 'STATS' ? json({ head: cursor(9) }) : hangUp()));
    const { code, stderr } = await ctlTo(hub, ['export']);
    assert.equal(code, 3);
    assert.ok(!stderr.includes('go on with'), stderr);
  });

  test('to a file that is cut off says how to go on', async (t) => {
    const output = join(folder(t), 'out');
    const pages = [json(page(4, [message(2)])), hangUp()];
    const hub = await fakeHub(t, ([, what]) => (what === 'STATS' ? json({ head: cursor(9) }) : pages.shift()));
    const { code, stdout, stderr } = await ctlTo(hub, ['export', '-o', output]);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /1 messages were exported; go on with --resume\n/);
  });

  const BLOCK = 64 * 1024; // read at once, looking backwards for a line's end
  const sized = (offset, size) => {
    const empty = text(message(offset, '')).length;
    return text(message(offset, 'y'.repeat(size - empty)));
  };
  for (const [what, before, kept, after] of [
    ['nothing', '', '', 'earliest'],
    ['one line', text(message(2)), text(message(2)), '2-7'],
    ['lines and a cut one', text(message(2), message(4)) + '{"id":"5', text(message(2), message(4)), '4-7'],
    ['a cut one alone', '{"id":"5-7","top', '', 'earliest'],
    ['a very short cut one', '{"i', '', 'earliest'],
    ['a line as long as a block', sized(2, BLOCK), sized(2, BLOCK), '2-7'],
    ['a line a byte longer', sized(2, BLOCK + 1), sized(2, BLOCK + 1), '2-7'],
    ['long lines', sized(2, 100) + sized(4, 3 * BLOCK), sized(2, 100) + sized(4, 3 * BLOCK), '4-7'],
    ['a cut one as long as a block', sized(2, 100) + 'z'.repeat(BLOCK), sized(2, 100), '2-7'],
  ]) {
    test(`goes on with a file that has ${what}`, async (t) => {
      const output = join(folder(t), 'out');
      writeFileSync(output, before);
      const hub = await exporter(t, page(9, [message(8)], { end: true }));
      const { code, stdout, stderr } = await ctlTo(hub, ['export', '--resume', '-o', output]);
      assert.deepEqual([code, stdout], [0, '1 messages exported, up to 9-7\n'], stderr);
      assert.equal(asked(hub)[0][0], after);
      assert.ok(readFileSync(output, 'utf8') === kept + text(message(8)), 'the file');
    });
  }

  for (const [what, before, pattern] of [
    ['text', 'hello', /that is no export; nothing was changed\n/],
    ['a line of text', 'hello\n', /its last line is not one of an export; nothing was changed\n/],
    ['a line without an id', '{"topic":"a"}\n', /its last line is not one of an export/],
    ['an empty id', '{"id":""}\n', /its last line is not one of an export/],
    ['an id that is too long', `{"id":"${'1'.repeat(100)}"}\n`, /its last line is not one of an export/],
  ]) {
    test(`leaves a file alone that has ${what}`, async (t) => {
      const output = join(folder(t), 'out');
      writeFileSync(output, before);
      const hub = await exporter(t);
      const { code, stderr } = await ctlTo(hub, ['export', '--resume', '-o', output]);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
      assert.equal(readFileSync(output, 'utf8'), before);
    });
  }
});
