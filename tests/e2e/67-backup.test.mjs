// Copies of a log: backup by a hub that goes on meanwhile, restore, and what is left of those that
// were interrupted, which happens while their first bytes wait at a gate (slow_log.c).
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { epochOf, offsetOf } from './lib/cursor.mjs';
import { poll, publish } from './lib/http.mjs';
import { launch, startHub } from './lib/hub.mjs';
import { PROGRAM, assertError, ctl, exported, fail, fill, folder, open, succeed } from './lib/logtools.mjs';
import { encode } from './lib/resp.mjs';
import { Gate, startSlowHub } from './lib/slowlog.mjs';
import { eventually } from './lib/wait.mjs';

/** Messages that are published while a copy is made, at least. */
const DURING = 10;

/** Waits until a copy into `dir` has begun. */
const begun = (dir) => eventually(() => existsSync(join(dir, 'data.mdb.part')), 'a copy to begin');

describe('backup and restore', () => {
  const SIZE = 64 * 1024;
  const COUNT = 300;

  test('under load: one moment of the log, while publishing goes on', async (t) => {
    const [hub, gate] = await startSlowHub(t, { set: { 'log.sync': 'never', 'hub.workers': 2 } });
    const dir = folder(t);
    const filler = 'x'.repeat(SIZE);
    await fill(hub, ['load/large'], COUNT, (n) => `${n} ${filler}`);
    const publisher = await open(t, hub);
    const sent = [];
    const send = async () => {
      sent.push(await publisher.command('XADD', 'load/small', '*', 'data', `${sent.length}`));
    };
    for (let i = 0; i < 20; i++) await send();
    const before = sent.length;
    gate.close();
    const backup = ctl(hub, ['backup', '--json', 'monday'], { cwd: dir });
    await begun(join(dir, 'monday'));
    for (let i = 0; i < DURING; i++) await send();
    gate.open();
    let copying = true;
    backup.finally(() => {
      copying = false;
    });
    while (copying) await send();
    const { code, stdout, stderr } = await backup;
    assert.equal(code, 0, stderr);
    const after = sent.length;
    for (let i = 0; i < 20; i++) await send();
    const copy = JSON.parse(stdout);
    assert.equal(copy.path, join(dir, 'monday'));
    assert.equal(copy.bytes, statSync(join(dir, 'monday', 'data.mdb')).size);
    assert.deepEqual(readdirSync(join(dir, 'monday')), ['data.mdb']);

    assert.equal(JSON.parse(await succeed(null, ['verify', '--json', join(dir, 'monday')])).damaged, 0);
    const text = await succeed(null, ['restore', 'monday', 'data'], { cwd: dir });
    assert.match(text, new RegExp(`up to ${copy.cursor}\n.*hub.data_dir = ${join(dir, 'data')}`));
    assert.deepEqual(readdirSync(join(dir, 'data')), ['data.mdb']);
    const restored = await startHub(t, { set: { 'hub.data_dir': join(dir, 'data') } });
    const small = await exported(restored, 'load/small');
    const last = small.length;
    assert.ok(last >= before && last <= after + 1, `${before} <= ${last} <= ${after}`);
    assert.deepEqual(
      small.map(({ data }) => Number(data)),
      small.map((_, n) => n),
    );
    assert.equal(offsetOf(small.at(-1).id), offsetOf(sent[last - 1]));
    assert.equal((await exported(restored, 'load/large')).length, COUNT);
    assert.equal(JSON.parse(await succeed(restored, ['verify', '--json'])).damaged, 0);

    assert.notEqual(epochOf(small[0].id), epochOf(sent[0]));
    const own = await publish(restored, 'load/small', 'new');
    for (const n of [0, before - 1, last - 1]) {
      const page = await poll(restored, 'load/small', { after: sent[n], wait: 0, limit: 2 });
      assert.equal(page.gap, undefined, `after ${sent[n]}`);
      assert.equal(page.messages[0].data, n + 1 < last ? `${n + 1}` : 'new');
    }
    assert.equal(copy.cursor, sent[last - 1]);
    const beyond = await poll(restored, 'load/small', { after: sent[last], wait: 0 });
    assert.deepEqual(
      [beyond.gap.reason, beyond.messages.map(({ id }) => id)],
      ['epoch', [own]],
    );
  });

  test('one at a time; a stop ends it, and leaves nothing', async (t) => {
    const [hub, gate] = await startSlowHub(t, { set: { 'log.sync': 'never' } });
    const dir = folder(t);
    const filler = 'x'.repeat(SIZE);
    await fill(hub, ['stop'], COUNT, (n) => `${n} ${filler}`);
    mkdirSync(join(dir, 'there'));
    const first = await open(t, hub);
    gate.close();
    await first.write(encode('HUB', 'BACKUP', join(dir, 'first')));
    await begun(join(dir, 'first'));
    await fail(hub, ['backup', join(dir, 'second')], 1, /BUSY another backup/);
    const stopped = hub.stop();
    const reply = await first.reply(); // though the gate is closed
    gate.open();
    await stopped;
    assertError(reply, /^ERR the hub is stopping; nothing is left/);
    assert.deepEqual(readdirSync(dir), ['there']);
    await hub.start();
    await succeed(hub, ['backup', join(dir, 'there')]);
    assert.equal(JSON.parse(await succeed(hub, ['verify', '--json'])).damaged, 0);
  });

  test('a hub that is killed meanwhile leaves what nobody takes for a log', async (t) => {
    const [hub, gate] = await startSlowHub(t, { set: { 'log.sync': 'never' } });
    const dir = folder(t);
    const filler = 'x'.repeat(SIZE);
    await fill(hub, ['kill'], COUNT, (n) => `${n} ${filler}`);
    const client = await open(t, hub);
    gate.close();
    await client.write(encode('HUB', 'BACKUP', join(dir, 'half')));
    await begun(join(dir, 'half'));
    await hub.kill9();
    gate.open();
    assert.deepEqual(readdirSync(join(dir, 'half')), ['data.mdb.part']);
    await fail(null, ['restore', join(dir, 'half'), join(dir, 'data')], 1, /only the beginning/);
    await assert.rejects(
      startHub(t, { set: { 'hub.data_dir': join(dir, 'half') } }),
      /only the beginning of a copy/,
    );
    assert.deepEqual(readdirSync(join(dir, 'half')), ['data.mdb.part']);
    await hub.restart();
    await succeed(hub, ['backup', join(dir, 'half')]); // begun anew
    await succeed(null, ['verify', join(dir, 'half')]);
  });

  test('a restore that is killed is no log, and can be begun again', async (t) => {
    const hub = await startHub(t, { set: { 'log.sync': 'never' } });
    const dir = folder(t);
    const filler = 'x'.repeat(SIZE);
    await fill(hub, ['kill'], COUNT, (n) => `${n} ${filler}`);
    await hub.stop();
    const gate = new Gate();
    t.after(() => gate.remove());
    gate.close();
    const env = { ...process.env, ...gate.env };
    for (const signal of ['SIGKILL', 'SIGTERM']) {
      const child = launch(PROGRAM, ['restore', hub.dataDir, join(dir, 'data')], { env });
      t.after(() => child.kill('SIGKILL'));
      await begun(join(dir, 'data'));
      child.kill(signal);
      assert.equal((await child.ended).signal, signal);
      assert.deepEqual(readdirSync(join(dir, 'data')), ['data.mdb.part']);
      await assert.rejects(
        startHub(t, { set: { 'hub.data_dir': join(dir, 'data') } }),
        /only the beginning of a copy/,
      );
    }
    await succeed(null, ['restore', hub.dataDir, join(dir, 'data')]);
    assert.deepEqual(readdirSync(join(dir, 'data')), ['data.mdb']);
    await succeed(null, ['verify', join(dir, 'data')]);
  });

  test('a closed log can be restored from, too, and its original goes on', async (t) => {
    const hub = await startHub(t);
    const dir = folder(t);
    const ids = await fill(hub, ['c/a'], 100);
    await fail(null, ['restore', hub.dataDir, join(dir, 'data')], 1, /a hub uses this log/);
    await hub.stop();
    const copy = JSON.parse(
      await succeed(null, ['restore', '--json', hub.dataDir, join(dir, 'data')]),
    );
    assert.equal(copy.cursor, ids.at(-1));
    const restored = await startHub(t, { set: { 'hub.data_dir': join(dir, 'data') } });
    await hub.start();
    const [theirs, ours] = [await publish(restored, 'c/a', 'copy'), await publish(hub, 'c/a', 'original')];
    assert.equal(epochOf(ours), epochOf(ids[0]));
    assert.notEqual(epochOf(theirs), epochOf(ids[0]));
    const exact = await poll(restored, 'c/a', { after: ids.at(-1), wait: 0 });
    assert.deepEqual([exact.gap, exact.messages.map(({ data }) => data)], [undefined, ['copy']]);
    const foreign = await poll(restored, 'c/a', { after: ours, wait: 0 });
    assert.equal(foreign.gap.reason, 'epoch');
  });

  test('targets and sources that will not do', async (t) => {
    const hub = await startHub(t);
    const dir = folder(t);
    await fill(hub, ['r/a'], 10);
    mkdirSync(join(dir, 'full'));
    writeFileSync(join(dir, 'full', 'file'), '');
    await fail(hub, ['backup', join(dir, 'full')], 1, /no directory, or not an empty one/);
    await fail(hub, ['backup', join(dir, 'full', 'file')], 1, /no directory/);
    await fail(hub, ['backup', join(dir, 'none', 'copy')], 4, /directory above that one/);
    const c = await open(t, hub);
    assertError(await c.command('HUB', 'BACKUP', 'relative'), /^ERR the path has to begin with/);
    assertError(await c.command('HUB', 'BACKUP', join(dir, 'x'), 'XML'), /^ERR syntax/);
    assert.equal(await c.command('HUB', 'BACKUP', join(dir, 'copy')), 'OK');
    await fail(null, ['restore', join(dir, 'copy'), join(dir, 'full')], 1, /not an empty one/);
    await fail(null, ['restore', join(dir, 'copy'), join(dir, 'none', 'data')], 1, /above it/);
    await fail(null, ['restore', join(dir, 'full'), join(dir, 'data')], 1, /no log is there/);
    await fail(null, ['restore', join(dir, 'none'), join(dir, 'data')], 1, /no log is there/);
    assert.deepEqual(readdirSync(dir).sort(), ['copy', 'full']);
    // A later format: its version is the third word of the row behind its magic.
    const path = join(dir, 'copy', 'data.mdb');
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf('longwire'); at >= 0; at = bytes.indexOf('longwire', at + 1))
      if (bytes[at + 8] < 9 && bytes[at + 9] === 0) bytes[at + 8] = 99;
    writeFileSync(path, bytes);
    await fail(null, ['restore', join(dir, 'copy'), join(dir, 'data')], 1, /newer Longwire/);
  });
});
