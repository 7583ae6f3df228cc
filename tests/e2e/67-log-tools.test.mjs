// Looking into the log and carrying it elsewhere: verify, export and import, against hubs that go on
// meanwhile. Copies are in 67-backup.
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { moved, offsetOf } from './lib/cursor.mjs';
import { get, publish } from './lib/http.mjs';
import { launch, run, startHub, suiteHub } from './lib/hub.mjs';
import { PROGRAM, assertError, ctl, exported, fail, fill, folder } from './lib/logtools.mjs';
import { lines, open, parsed, succeed } from './lib/logtools.mjs';
import { RespClient, encode } from './lib/resp.mjs';
import { startSlowHub } from './lib/slowlog.mjs';
import { eventually, within } from './lib/wait.mjs';

/** What an export says of the messages, but for what is new with each import. */
const contents = (messages) =>
  messages.map(({ id, time, key, ...rest }) => ({
    ...rest,
    ...(key?.startsWith('import:') || key === undefined ? {} : { key }),
  }));

describe('HUB EXPORT', () => {
  const hub = suiteHub();
  const ask = async (c, ...words) => JSON.parse(await c.command('HUB', 'EXPORT', ...words));

  test('gives messages with their keys, page by page, up to a cursor', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (let i = 0; i < 5; i++) {
      const key = i % 2 ? ['key', `k${i}`] : [];
      ids.push(await c.command('XADD', 'x/page', '*', 'data', `${i}`, ...key));
    }
    const first = await ask(c, 'earliest', ids[3], 2, 'x/page');
    assert.deepEqual(
      first.messages.map(({ id, key, data }) => [id, key, data]),
      [
        [ids[0], undefined, '0'],
        [ids[1], 'k1', '1'],
      ],
    );
    assert.deepEqual([first.cursor, first.end], [ids[1], undefined]);
    const second = await ask(c, first.cursor, ids[3], 10, 'x/page');
    assert.deepEqual(
      second.messages.map(({ id }) => id),
      ids.slice(2, 4),
    );
    assert.equal(second.end, true);
    assert.deepEqual((await ask(c, ids[4], ids[3], 10, 'x/page')).messages, []);
  });

  test('reads several topics and patterns in one order, each message once', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (const topic of ['x/set/a', 'x/set/b', 'x/other', 'x/set/a'])
      ids.push(await publish(hub, topic, topic));
    const { messages } = await ask(c, 'earliest', ids[3], 10, 'x/set/+', 'x/set/a');
    assert.deepEqual(
      messages.map(({ id }) => id),
      [ids[0], ids[1], ids[3]],
    );
  });

  test('nobody is counted as a subscriber for it', async (t) => {
    const c = await open(t, hub);
    const id = await publish(hub, 'x/count', 'x');
    await ask(c, 'earliest', id, 10, 'x/count');
    assert.equal(await c.command('PUBLISH', 'x/count', 'y'), 0);
  });

  test('tells a gap', async (t) => {
    const c = await open(t, hub);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await publish(hub, 'x/gap', `${i}`));
    await c.command('HUB', 'PURGE', 'x/gap');
    const last = await publish(hub, 'x/gap', 'new');
    const { gap, messages } = await ask(c, ids[0], last, 10, 'x/gap');
    assert.deepEqual([gap.reason, gap.requested], ['trimmed', ids[0]]);
    assert.deepEqual(
      messages.map(({ id }) => id),
      [last],
    );
  });

  test('refuses what it cannot do', async (t) => {
    const c = await open(t, hub);
    const id = await publish(hub, 'x/refused', 'x');
    const refuse = async (pattern, ...words) =>
      assertError(await c.command('HUB', 'EXPORT', ...words), pattern);
    await refuse(/^ERR wrong number/, 'earliest', id, 10);
    await refuse(/^BADCURSOR /, 'yesterday', id, 10, 'x');
    await refuse(/^BADCURSOR /, 'earliest', 'tomorrow', 10, 'x');
    await refuse(/^BADCURSOR .*ahead/, 'earliest', moved(id, 1000), 10, 'x');
    await refuse(/^BADCURSOR .*another log/, 'earliest', `${offsetOf(id)}-7`, 10, 'x');
    await refuse(/^ERR the limit/, 'earliest', id, 0, 'x');
    await refuse(/^BADTOPIC /, 'earliest', id, 10, 'x/#/y');
    await refuse(/^LIMIT /, '-100001', id, 10, '#', ...Array(1000).fill('x'));
  });
});

describe('verify', () => {
  test('of a running hub says how much there is, and that all is well', async (t) => {
    const hub = await startHub(t);
    await fill(hub, ['v/a', 'v/b'], 10_000);
    const text = await succeed(hub, ['verify']);
    assert.match(text, /^records +10000$/m);
    assert.match(text, /^topics +2$/m);
    assert.match(text, /^blocks +2$/m);
    assert.match(text, /^damaged +none$/m);
    const report = JSON.parse(await succeed(hub, ['verify', '--json']));
    assert.deepEqual([report.records, report.damaged, report.unsettled], [10_000, 0, 0]);
  });

  test('goes on beside publishing, purging and trimming, and takes none of it for damage', async (t) => {
    const hub = await startHub(t, { set: { 'log.sync': 'never' } });
    const topics = Array.from({ length: 20 }, (_, n) => `w/${n}`);
    const ids = await fill(hub, topics, 60_000);
    let over = false;
    const disturb = async () => {
      const c = await RespClient.open(hub);
      for (let n = 0; !over; n++) {
        await c.command('XADD', `w/${n % 30}`, '*', 'data', 'more');
        if (n % 50 === 10) await c.command('HUB', 'PURGE', `w/${n % 20}`);
        if (n % 50 === 20) await c.command('HUB', 'TRIM', ids[Math.min(n * 10, ids.length - 1)]);
      }
      c.close();
    };
    const disturbed = disturb();
    for (let round = 0; round < 10; round++) {
      const report = JSON.parse(await succeed(hub, ['verify', '--json']));
      assert.equal(report.damaged, 0, JSON.stringify(report));
    }
    over = true;
    await disturbed;
    const { unsettled } = JSON.parse(await succeed(hub, ['verify', '--json']));
    assert.equal(unsettled, 0);
  });

  test('goes on beside retention', async (t) => {
    const config = '[topic "keep/+"]\nmax_messages = 300\n';
    const hub = await startHub(t, { config, set: { 'log.sync': 'never' } });
    const c = await open(t, hub);
    let sent = 0;
    const publishSome = async () => {
      const some = [];
      for (let i = 0; i < 500; i++, sent++) {
        const topic = `keep/${(sent * 7) % 31}`;
        const key = sent % 5 ? [] : ['key', `key ${sent}`];
        some.push(encode('XADD', topic, '*', 'data', `${sent}`, ...key));
      }
      await c.write(Buffer.concat(some));
      for (let i = 0; i < 500; i++) await c.reply();
    };
    for (let round = 0; round < 10; round++) {
      const verified = succeed(hub, ['verify', '--json']);
      for (let n = 0; n < 6; n++) await publishSome(); // and no more, however slow the other is
      const report = JSON.parse(await verified);
      assert.equal(report.damaged, 0, JSON.stringify(report));
    }
    await eventually(async () => {
      const { messages } = JSON.parse(await succeed(hub, ['stats', '--json']));
      return messages <= 31 * 300;
    }, 'retention to catch up');
    await hub.stop();
    const report = JSON.parse(await succeed(null, ['verify', '--json', hub.dataDir]));
    assert.deepEqual([report.damaged, report.unsettled], [0, 0], JSON.stringify(report));
    assert.ok(report.records <= 31 * 300 && report.blocks > 0, JSON.stringify(report));
  });

  test('of a directory leaves it alone, and is refused while a hub uses it', async (t) => {
    const hub = await startHub(t);
    await fill(hub, ['v/closed'], 5000);
    await fail(hub, ['verify', hub.dataDir], 1, /a hub uses this log; ask the hub.*longwirectl verify/);
    const stamp = () =>
      readdirSync(hub.dataDir).map((name) => {
        const { size, mtimeMs, ino } = statSync(join(hub.dataDir, name));
        return [name, size, mtimeMs, ino];
      });
    for (const end of ['stop', 'kill9']) {
      await hub[end]();
      const before = stamp();
      const report = JSON.parse(await succeed(null, ['verify', '--json', hub.dataDir]));
      assert.deepEqual([report.records, report.damaged], [5000, 0]);
      assert.deepEqual(stamp(), before);
      await hub.restart();
    }
  });

  test('keeps a hub out while it looks', async (t) => {
    const hub = await startHub(t);
    await fill(hub, ['v/lock'], 100);
    await hub.stop();
    const lock = join(hub.dataDir, 'longwire.lock');
    // Another one that looks, for as long as its input is open.
    const child = launch('flock', ['-s', lock, 'cat']);
    t.after(() => child.kill('SIGKILL'));
    await eventually(
      async () => (await run('flock', ['-n', lock, 'true'])).code !== 0,
      'the lock to be held',
    );
    await succeed(null, ['verify', hub.dataDir]);
    await assert.rejects(hub.start(), /in use/);
    child.stdin.end();
    await child.ended;
    await hub.start();
  });

  test('says what is no log', async (t) => {
    const dir = folder(t);
    await fail(null, ['verify', join(dir, 'none')], 1, /no log is there/);
    await fail(null, ['verify', dir], 1, /no log is there/);
    writeFileSync(join(dir, 'data.mdb'), Buffer.alloc(20_000, 'x'));
    await fail(null, ['verify', dir], 1, /no log of this format/);
    rmSync(join(dir, 'data.mdb'));
    writeFileSync(join(dir, 'data.mdb.part'), 'x');
    await fail(null, ['verify', dir], 1, /only the beginning of a copy/);
  });
});

/** Changes bytes of a closed log on the disk: TEXT becomes OTHER, in pages that are free, too. */
function scribble(dir, text, other) {
  const path = join(dir, 'data.mdb');
  const bytes = readFileSync(path);
  assert.ok(bytes.includes(text), `${text} is not in the log`);
  const fd = openSync(path, 'r+');
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) writeSync(fd, other, at);
  closeSync(fd);
}

describe('damage', () => {
  test('is told by verify, with exit status 1, of a closed log and of a running hub', async (t) => {
    const hub = await startHub(t);
    const ids = await fill(hub, ['d/"A"'], 5000, (n) => `payload number ${n}.`);
    await hub.stop();
    scribble(hub.dataDir, 'payload number 17.', 'PAYLOAD');
    const closed = await ctl(null, ['verify', hub.dataDir]);
    assert.equal(closed.code, 1, closed.stderr);
    assert.match(closed.stdout, /^damaged +1$/m);
    assert.match(closed.stdout, /^ +1 a record cannot be read\n +offset 18 \(d\/"A"\)$/m);
    await hub.start();
    const open = await ctl(hub, ['verify', '--json']);
    assert.equal(open.code, 1, open.stderr);
    const report = JSON.parse(open.stdout);
    assert.equal(report.damage.record, 1);
    assert.deepEqual(report.places, [
      { damage: 'record', offset: offsetOf(ids[17]), topic_id: 1, topic: 'd/"A"' },
    ]);
    const document = await ctl(null, ['verify', '--json', hub.dataDir]);
    assert.equal(document.code, 1);
    await hub.stop();
    assert.deepEqual(JSON.parse((await ctl(null, ['verify', '--json', hub.dataDir])).stdout), report);
  });

  test('keeps a backup from being restored, unless by force', async (t) => {
    const hub = await startHub(t);
    const dir = folder(t);
    await fill(hub, ['d/restore'], 100, (n) => `payload number ${n}.`);
    await succeed(hub, ['backup', join(dir, 'backup')]);
    scribble(join(dir, 'backup'), 'payload number 17.', 'PAYLOAD');
    const { stderr, stdout } = await ctl(null, ['restore', join(dir, 'backup'), join(dir, 'data')]);
    assert.match(stderr, /the log is damaged; nothing was restored/);
    assert.match(stderr, /offset 18/);
    assert.equal(stdout, '');
    assert.ok(!existsSync(join(dir, 'data')));
    const forced = await succeed(null, [
      ...['restore', '--json', '--force', join(dir, 'backup'), join(dir, 'data')],
    ]);
    assert.equal(JSON.parse(forced).damaged, 1);
    const other = await startHub(t, { set: { 'hub.data_dir': join(dir, 'data') } });
    const rest = await fail(other, ['export'], 5, /gap \(damaged\)/);
    assert.equal(parsed(rest.stdout).length, 99);
  });

  test('of whole pages ends in a sentence, not in a crash', async (t) => {
    // The library that reads the pages may well crash; sanitizers are to let it.
    const leave = 'handle_segv=0:handle_sigbus=0:handle_abort=0';
    const env = { ...process.env };
    for (const name of ['ASAN_OPTIONS', 'TSAN_OPTIONS']) env[name] = `${env[name] ?? ''}:${leave}`;
    const hub = await startHub(t);
    await fill(hub, ['d/pages'], 20_000);
    await hub.stop();
    const path = join(hub.dataDir, 'data.mdb');
    const sound = readFileSync(path);
    let refused = 0;
    for (let page = 2; page < sound.length / 4096; page += 37) {
      for (const noise of [0, 0xff, 0x5a]) {
        const damaged = Buffer.from(sound);
        damaged.fill(noise, page * 4096, (page + 1) * 4096);
        writeFileSync(path, damaged);
        const { code, stdout, stderr } = await ctl(null, ['verify', hub.dataDir], { env });
        assert.ok(code === 0 || code === 1, `page ${page}: ${code} ${stderr}`);
        refused += code;
        if (code) assert.match(stdout + stderr, /cannot be read|damaged|cannot even be read|format/);
      }
    }
    assert.ok(refused > 10, `${refused} damaged files were noticed`);
    truncateSync(path, sound.length - 8192);
    await fail(null, ['verify', hub.dataDir], 1, /cut off/);
  });
});

describe('export', () => {
  const hub = suiteHub();

  test('all topics, or some, from one cursor to another', async () => {
    const ids = await fill(hub, ['e/a', 'e/b', 'e/c'], 3000);
    const ours = (messages) => messages.filter(({ topic }) => topic.startsWith('e/'));
    assert.deepEqual(
      ours(await exported(hub)).map(({ id }) => id),
      ids,
    );
    const some = await exported(hub, 'e/a', 'e/+', '--after', ids[9], '--until', ids[2099]);
    assert.deepEqual(
      some.map(({ id }) => id),
      ids.slice(10, 2100),
    );
    assert.deepEqual(Object.keys(some[0]), ['id', 'topic', 'time', 'data']);
    assert.deepEqual(
      (await exported(hub, 'e/b', '--after', '-2')).map(({ id }) => id),
      ids.filter((_, n) => n % 3 === 1).slice(-2),
    );
    assert.deepEqual(await exported(hub, 'e/none'), []);
  });

  test('of a hub without messages is empty', async (t) => {
    const empty = await startHub(t);
    assert.equal(await succeed(empty, ['export']), '');
  });

  test('refuses what the hub refuses', async () => {
    await fail(hub, ['export', 'a/#/b'], 1, /BADTOPIC/);
    await fail(hub, ['export', '--after', 'yesterday'], 1, /BADCURSOR/);
    await fail(hub, ['export', '--until', '99999999'], 1, /BADCURSOR.*ahead/);
  });

  test('keeps to the newest message that there was when it began', async (t) => {
    const c = await open(t, hub);
    await fill(hub, ['e/grows'], 1000);
    let over = false;
    const grow = (async () => {
      while (!over) await c.command('PUBLISH', 'e/grows', 'more');
    })();
    await exported(hub, 'e/grows'); // and ends
    over = true;
    await grow;
  });

  test('a gap is told on standard error, and by exit status 5', async () => {
    const ids = await fill(hub, ['e/gap'], 10);
    await succeed(hub, ['purge', '--yes', 'e/gap']);
    const more = await fill(hub, ['e/gap'], 3);
    const { stdout } = await fail(hub, ['export', 'e/gap', '--after', ids[0]], 5, /gap \(trimmed\)/);
    assert.deepEqual(
      parsed(stdout).map(({ id }) => id),
      more,
    );
  });

  /** An export in the middle: its first lines were read, and nobody reads on, until it is resumed. */
  async function stuck(t, from, topic) {
    const child = launch(PROGRAM, ['--socket', from.socket, 'export', topic]);
    t.after(() => child.kill('SIGKILL'));
    const slow = { child, stdout: '', stderr: '' };
    child.stderr.on('data', (data) => {
      slow.stderr += data;
    });
    await new Promise((resolve) => {
      child.stdout.on('data', (data) => {
        if (!slow.stdout) child.stdout.pause();
        slow.stdout += data;
        resolve();
      });
    });
    return slow;
  }

  test('interrupted, it says how to go on', async (t) => {
    const ids = await fill(hub, ['e/stop'], 30_000);
    const slow = await stuck(t, hub, 'e/stop');
    slow.child.kill('SIGINT');
    slow.child.stdout.resume();
    const { signal } = await within(slow.child.ended, 'the export to end');
    assert.equal(signal, 'SIGINT');
    const first = parsed(slow.stdout);
    assert.ok(first.length > 0 && first.length < ids.length, `${first.length} lines`);
    const [, after] = /go on with --after (\d+-\d+)/.exec(slow.stderr);
    const rest = await exported(hub, 'e/stop', '--after', after);
    assert.deepEqual(
      [...first, ...rest].map(({ id }) => id),
      ids,
    );
  });

  test('without the hub, it says how to go on', async (t) => {
    const other = await startHub(t);
    const ids = await fill(other, ['e/lost'], 30_000);
    const slow = await stuck(t, other, 'e/lost');
    await other.kill9();
    slow.child.stdout.resume();
    assert.equal((await slow.child.ended).code, 3);
    await other.restart();
    const [, after] = /go on with --after (\d+-\d+)/.exec(slow.stderr);
    const rest = await exported(other, 'e/lost', '--after', after);
    assert.deepEqual(
      [...parsed(slow.stdout), ...rest].map(({ id }) => id),
      ids,
    );
  });

  test('to a file, and on with it, whatever its end looks like', async (t) => {
    const file = join(folder(t), 'out.ndjson');
    const to = (...words) => ['export', 'e/file', '--output', file, ...words];
    const ids = await fill(hub, ['e/file'], 2500);
    assert.match(await succeed(hub, to()), /^2500 messages exported, up to \d+-\d+\n$/);
    const whole = readFileSync(file);
    await fail(hub, to(), 1, /--resume goes on/);
    assert.deepEqual(readFileSync(file), whole);
    for (const size of [whole.length - 1, whole.length - 30, 100_000, 90, 5, 1, 0]) {
      writeFileSync(file, whole.subarray(0, size));
      const told = JSON.parse(await succeed(hub, ['--json', ...to('--resume')]));
      assert.deepEqual(readFileSync(file), whole, `cut at ${size}`);
      assert.equal(told.gaps, 0);
    }
    const more = await fill(hub, ['e/file'], 10);
    assert.equal(JSON.parse(await succeed(hub, ['--json', ...to('--resume')])).messages, 10);
    assert.deepEqual(
      parsed(readFileSync(file, 'utf8')).map(({ id }) => id),
      [...ids, ...more],
    );
    rmSync(file);
    await succeed(hub, to('--resume', '--after', ids[2499]));
    assert.equal(parsed(readFileSync(file, 'utf8')).length, 10);
  });

  test('does not go on with what is no export', async (t) => {
    const file = join(folder(t), 'letter');
    for (const text of ['Dear hub,\n', 'Dear hub', '{"topic":"a"}\n', '\n\n']) {
      writeFileSync(file, text);
      await fail(hub, ['export', '--resume', '--output', file], 1, /nothing was changed/);
      assert.equal(readFileSync(file, 'utf8'), text);
    }
    await fail(hub, ['export', '--output', join(file, 'x')], 1, /cannot open/);
  });
});

describe('export | import', () => {
  /** Messages of every kind, by every way to publish them. */
  async function variety(hub) {
    const c = await RespClient.open(hub);
    const add = (topic, data, ...more) => c.command('XADD', topic, '*', 'data', data, ...more);
    await add('k/json', '{"price":1.10,"big":18446744073709551616, "huge":1e400}');
    await add('k/json', '"a string"', 'kind', 'json');
    await add('k/json', '12', 'kind', 'json');
    await add('k/json', 'null', 'kind', 'json', 'event', 'nothing');
    await add('k/text', '');
    await add('k/text', '[1,2]', 'kind', 'text');
    await add('k/text', 'C:\\new\n\u0000\u001b[2J\u2028\u{1f600}"');
    await add('k/binary', Buffer.from([0, 255, 10, 13]));
    await add('k/binary', 'looks like text', 'kind', 'binary');
    await add('k/\u{1f600}/"quoted"', 'x', 'event', 'an "event"', 'key', 'a key\u0001');
    await add('k/key', 'x', 'key', Buffer.from([0xff, 0xfe]));
    await add('k/long', 'y'.repeat(1_000_000), 'key', 'k'.repeat(255));
    await add('k/control', '\u0001'.repeat(1_000_000));
    c.close();
  }

  test('makes the same of another hub', async (t) => {
    const [one, two] = [await startHub(t), await startHub(t)];
    await variety(one);
    await fill(one, ['k/many/a', 'k/many/b'], 3000);
    const all = await succeed(one, ['export']);
    assert.match(await succeed(two, ['import'], { input: all }), /^3013 messages imported\n$/);
    const [theirs, ours] = [parsed(all), await exported(two)];
    assert.deepEqual(contents(ours), contents(theirs));
    // Byte for byte, what a parser would not show.
    const raw = (text) => lines(text).map((line) => line.slice(line.indexOf('"data":')));
    assert.deepEqual(raw(await succeed(two, ['export'])), raw(all));
    const offsets = ours.map(({ id }) => offsetOf(id));
    assert.deepEqual(
      offsets,
      offsets.map((_, n) => n + 1),
    );
    assert.equal(ours[20].key, `import:${theirs[20].id}`);
  });

  test('stores nothing twice within the window', async (t) => {
    const [one, two] = [await startHub(t), await startHub(t)];
    await variety(one);
    const all = await succeed(one, ['export']);
    await succeed(two, ['import', '-'], { input: all });
    const again = JSON.parse(await succeed(two, ['import', '--json'], { input: all }));
    assert.deepEqual([again.imported, again.there, again.repeated, again.bad], [0, 13, 0, 0]);
    assert.equal((await exported(two)).length, 13);
  });

  test('a key that is there twice is told by exit status 5', async (t) => {
    const hub = await startHub(t);
    const input = [1, 2, 3]
      .map((n) => JSON.stringify({ topic: 'k/twice', key: n < 3 ? 'same' : 'other', data: n }))
      .join('\n');
    const { code, stdout } = await ctl(hub, ['import', '--json'], { input });
    assert.equal(code, 5);
    const { imported, repeated } = JSON.parse(stdout);
    assert.deepEqual([imported, repeated], [2, 1]);
  });

  test('lines that are no messages stop it, or are left out', async (t) => {
    const hub = await startHub(t);
    const input = [
      '{"topic":"b/a","data":1}',
      '',
      '{"topic":"b/a","data":2}',
      'nonsense',
      '{"topic":"b/a","data":3}',
      '{"topic":"b/+","data":4}',
      '{"topic":"b/a","data":tru}',
      '{"topic":"b/a","data":5}',
    ].join('\n');
    const first = await fail(hub, ['import'], 1, /standard input: line 4: not one JSON object/, { input });
    assert.match(first.stdout, /^2 messages imported/);
    const { stdout, stderr, code } = await ctl(hub, ['import', '--json', '--skip-bad'], { input });
    assert.equal(code, 0, stderr);
    assert.deepEqual([JSON.parse(stdout).imported, JSON.parse(stdout).bad], [4, 3]);
    for (const told of [/line 4: not/, /line 6: BADTOPIC/, /line 7: BADDATA/]) assert.match(stderr, told);
    assert.deepEqual(
      (await exported(hub)).map(({ data }) => data),
      [1, 2, 1, 2, 3, 5],
    );
    const refused = '{"topic":"b/+","data":1}\n{"topic":"b/a","data":6}\n';
    await fail(hub, ['import'], 1, /line 1: BADTOPIC/, { input: refused });
    await fail(hub, ['import', '/nowhere/at/all'], 1, /No such file/);
    await fail(hub, ['import', '/'], 1, /directory/);
  });
});

describe('an interrupted import', () => {
  const COUNT = 20_000;
  /** So many of the log's commits are done before it is disturbed, each of at most 512 lines. */
  const COMMITS = 8;

  /** A file with that many lines, with and without keys and ids. */
  function input(t, ids = true) {
    const file = join(folder(t), 'in.ndjson');
    const line = (n) =>
      JSON.stringify({
        ...(ids && { id: `${n + 1}-77` }),
        topic: `i/${n % 7}`,
        ...(n % 10 === 3 && { key: `own ${n}` }),
        data: `${n} ${'x'.repeat(n % 300)}`,
      });
    writeFileSync(file, Array.from({ length: COUNT }, (_, n) => `${line(n)}\n`).join(''));
    return file;
  }

  /** All of the file are there, each once, in order. */
  async function assertComplete(hub) {
    const numbers = (await exported(hub, 'i/#')).map(({ data }) => Number.parseInt(data, 10));
    assert.deepEqual(
      numbers.slice().sort((a, b) => a - b),
      Array.from({ length: COUNT }, (_, n) => n),
    );
    return numbers;
  }

  const messages = async (hub) => JSON.parse(await succeed(hub, ['stats', '--json'])).messages;

  /** How many lines of the file are stored. */
  async function stored(admin) {
    const topics = JSON.parse(await admin.command('HUB', 'TOPICS', 'i/#'));
    return topics.reduce((sum, topic) => sum + topic.messages, 0);
  }

  /** A client that is none of the imports'. */
  async function bystander(hub) {
    const c = await RespClient.open(hub);
    await c.command('CLIENT', 'SETNAME', 'bystander');
    return c;
  }

  /** Whatever is stored from now on is not of an import that was before: none has anything under way. */
  async function ended(admin) {
    await eventually(async () => {
      const clients = JSON.parse(await admin.command('HUB', 'CLIENTS'));
      return !clients.some(({ name }) => name?.startsWith('import:'));
    }, 'the connection of the import before to be gone');
    const never = ['XADD', 'i-line', '*', 'data', '', 'expect', '18446744073709551614-1'];
    assertError(await admin.command(...never), /^CONFLICT /);
  }

  /** Starts it, and lets DISTURB happen when it is on its way, which ends at GATE meanwhile. */
  async function interrupt(t, [hub, gate], args, disturb) {
    const admin = await RespClient.open(hub);
    await ended(admin);
    const before = await stored(admin);
    gate.close();
    const child = launch(PROGRAM, ['--socket', hub.socket, 'import', ...args]);
    t.after(() => child.kill('SIGKILL'));
    child.stdout.resume();
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    await eventually(async () => {
      if ((await stored(admin)) > before) return gate.isSpent;
      if (gate.isSpent) gate.close(COMMITS);
      return false;
    }, 'some of it to be stored');
    await disturb(child);
    gate.open();
    admin.close();
    const end = await within(child.ended, 'the import to end');
    return { ...end, stderr };
  }

  test('by SIGINT is begun again, and stores no line twice', async (t) => {
    const slow = await startSlowHub(t);
    const [hub] = slow;
    const file = input(t);
    const { signal, stderr } = await interrupt(t, slow, [file], (child) => child.kill('SIGINT'));
    assert.equal(signal, 'SIGINT');
    assert.match(stderr, /not finished/);
    const before = await messages(hub);
    assert.ok(before < COUNT, `${before} were imported before the signal`);
    const { imported, there } = JSON.parse(await succeed(hub, ['import', '--json', file]));
    assert.deepEqual([imported, there], [COUNT - before, before]);
    await assertComplete(hub);
  });

  for (const ids of [true, false]) {
    test(`with a state and no window of keys, lines ${ids ? 'with' : 'without'} ids`, async (t) => {
      const slow = await startSlowHub(t, { set: { 'hub.dedup_window': '0' } });
      const [hub] = slow;
      const file = input(t, ids);
      const state = join(folder(t), 'state');
      const args = ['--state', state, file];
      // Others publish meanwhile, with keys of their own.
      let over = false;
      const others = (async () => {
        const c = await bystander(hub);
        for (let n = 0; !over; n++) {
          await c
            .command('XADD', `i-other/${n % 3}`, '*', 'data', 'x', 'key', `other ${n}`)
            .catch(() => (over = true));
        }
        c.close();
      })();
      t.after(() => {
        over = true;
      });
      const killed = await interrupt(t, slow, args, (child) => child.kill('SIGKILL'));
      assert.equal(killed.signal, 'SIGKILL', killed.stderr);
      const stopped = await interrupt(t, slow, args, (child) => child.kill('SIGTERM'));
      assert.equal(stopped.signal, 'SIGTERM', stopped.stderr);
      over = true;
      await others;
      const lost = await interrupt(t, slow, args, () => hub.kill9());
      assert.equal(lost.code, 3, lost.stderr);
      assert.match(lost.stderr, /not known whether they are stored/);
      await hub.restart();
      const { imported } = JSON.parse(await succeed(hub, ['import', '--json', ...args]));
      assert.ok(imported > 0);
      await assertComplete(hub);
      assert.equal(JSON.parse(await succeed(hub, ['import', '--json', ...args])).imported, 0);
      // A file that has grown: only what is new.
      writeFileSync(file, '{"id":"999999-77","topic":"i-new","data":"new"}\n', { flag: 'a' });
      assert.equal(JSON.parse(await succeed(hub, ['import', '--json', ...args])).imported, 1);
      assert.equal((await exported(hub, 'i-new')).length, 1);
    });
  }

  // It looked for what the one before had stored while the hub was still reading from that.
  test('is not begun again before the hub has done with the one before', async (t) => {
    const hub = await startHub(t, { set: { 'hub.dedup_window': '0' } });
    const [run, cursor] = ['0123456789abcdef', await publish(hub, 'i-before', 'x')];
    const state = join(folder(t), 'state');
    const before = { version: 1, lines: 0, named: 0, id: '', cursor, run, settled: false };
    writeFileSync(state, JSON.stringify({ ...before, time_ms: Date.now() }));
    const earlier = await open(t, hub);
    await earlier.command('CLIENT', 'SETNAME', `import:${run}`);
    const send = (n) => earlier.command('XADD', 'i/0', '*', 'data', `${n}`, 'key', `import:${run}:${n}`);
    await send(1);
    const commands = async () => {
      const { text } = await get(hub, '/metrics');
      return Number(/^longwire_resp_commands_total (\d+)$/m.exec(text)[1]);
    };
    const now = await commands();
    const input = [1, 2, 3].map((n) => `{"topic":"i/0","data":"${n}"}\n`).join('');
    const again = ctl(hub, ['import', '--json', '--state', state], { input });
    await eventually(async () => (await commands()) >= now + 5, 'the next one to be at work');
    await send(2);
    earlier.close();
    const { code, stdout, stderr } = await again;
    assert.equal(code, 0, stderr);
    const { imported, there } = JSON.parse(stdout);
    assert.deepEqual([imported, there], [1, 2]);
    assert.deepEqual(
      (await exported(hub, 'i/#')).map(({ data }) => data),
      ['1', '2', '3'],
    );
  });

  test('by a line that the hub refuses, then mended, goes on with a state', async (t) => {
    const hub = await startHub(t, { set: { 'hub.dedup_window': '0' } });
    const file = input(t);
    const state = join(folder(t), 'state');
    const sound = readFileSync(file, 'utf8');
    writeFileSync(file, sound.replace('"topic":"i/3","key":"own 5043"', '"topic":"i/+","key":"own 5043"'));
    await fail(hub, ['import', '--state', state, file], 1, /line 5044: BADTOPIC/);
    const before = await messages(hub);
    assert.ok(before > 5043, 'lines under way behind it are stored');
    writeFileSync(file, sound);
    await succeed(hub, ['import', '--state', state, file]);
    await assertComplete(hub);
  });

  test('does not take another input for the same one', async (t) => {
    const hub = await startHub(t);
    const dir = folder(t);
    const state = join(dir, 'state');
    const line = (n) => `{"id":"${n}-5","topic":"a","data":${n}}\n`;
    await succeed(hub, ['import', '--state', state], { input: line(1) + line(2) });
    await fail(hub, ['import', '--state', state], 1, /line 2 is not what it was/, {
      input: line(1) + line(3) + line(4),
    });
    const grown = line(1) + line(2) + line(3);
    await succeed(hub, ['import', '--state', state], { input: grown });
    assert.deepEqual(
      (await exported(hub)).map(({ data }) => data),
      [1, 2, 3],
    );
    writeFileSync(state, 'not a state');
    await fail(hub, ['import', '--state', state], 1, /no state of an import/, { input: grown });
    await fail(hub, ['import', '--state', join(dir, 'none', 'state')], 1, /No such file/, { input: grown });
  });
});
