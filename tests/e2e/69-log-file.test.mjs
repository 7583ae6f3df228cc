// The log's file under and before a hub: damaged pages, cut to nothing, removed while it runs.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, post, publish } from './lib/http.mjs';
import { BUILD, launch, longwirectl, run, startHub } from './lib/hub.mjs';
import { within } from './lib/wait.mjs';

const PAGE = 4096;
const fileOf = (hub) => join(hub.dataDir, 'data.mdb');

/** Starts a daemon on the hub's directory, which it has to refuse; returns what it says. */
async function refused(hub) {
  const args = ['hub.data_dir', hub.dataDir, 'socket.path', hub.socket, 'http.listen', '127.0.0.1:0'];
  const words = [];
  for (let i = 0; i < args.length; i += 2) words.push('--set', `${args[i]}=${args[i + 1]}`);
  const child = launch(join(BUILD, 'longwired'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const end = await within(child.ended, 'the refusal');
  assert.deepEqual([end.code, end.signal], [1, null], stderr);
  return stderr;
}

function overwrite(path, at, bytes) {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

async function stoppedHub(t) {
  const hub = await startHub(t);
  for (let i = 0; i < 20; i++) await publish(hub, `p/${i % 3}`, 'x'.repeat(1000));
  await hub.stop();
  return hub;
}

describe('a damaged page', () => {
  test('is refused in one sentence that names the file and what to do', async (t) => {
    const hub = await stoppedHub(t);
    const sound = readFileSync(fileOf(hub));
    let pages = 0;
    for (let page = 0; page < sound.length / PAGE; page++) {
      overwrite(fileOf(hub), 0, sound);
      const flags = sound.readUInt16LE(page * PAGE + 10);
      if (![1, 2, 8].includes(flags) || sound.readBigUInt64LE(page * PAGE) !== BigInt(page)) continue;
      overwrite(fileOf(hub), page * PAGE + 10, Buffer.from([0x5a, 0x5a]));
      const closed = await run(join(BUILD, 'longwirectl'), ['verify', hub.dataDir]);
      if (closed.code === 0) continue; // the page is free
      pages++;
      assert.equal(closed.code, 1, closed.stderr);
      assert.match(closed.stderr, /page \d+/);
      const stderr = await refused(hub);
      const lines = stderr.split('\n').filter((line) => line.includes('error'));
      assert.equal(lines.length, 1, stderr);
      assert.ok(lines[0].includes(fileOf(hub)), stderr);
      assert.match(lines[0], /damaged: page \d+: .*longwirectl verify.*longwirectl restore/);
    }
    assert.ok(pages > 4, `${pages} pages`);
    overwrite(fileOf(hub), 0, sound);
    await hub.start();
  });

  test('under a running hub is told by its verify, and not copied', async (t) => {
    const hub = await startHub(t);
    for (let i = 0; i < 20; i++) await publish(hub, 'p/x', 'x'.repeat(1000));
    const bytes = readFileSync(fileOf(hub));
    for (let page = 2; page < bytes.length / PAGE; page++) {
      const flags = bytes.readUInt16LE(page * PAGE + 10);
      // The first leaves of the log: nothing walks there now.
      if (flags === 2 && bytes.subarray(page * PAGE, (page + 1) * PAGE).includes('x'.repeat(900))) {
        overwrite(fileOf(hub), page * PAGE + 12, Buffer.from([0xff, 0xff]));
      }
    }
    const verified = await longwirectl(hub, ['verify']);
    assert.equal(verified.code, 1, verified.stderr);
    assert.match(verified.stdout, /pages of the file cannot be read/);
    const copied = await longwirectl(hub, ['backup', join(hub.dataDir, '..', 'copy')]);
    assert.equal(copied.code, 1);
    assert.ok(hub.alive);
    await hub.kill9(); // its stop would write to these pages
  });
});

test('a log that is cut to nothing, or gone, is no first start', async (t) => {
  const hub = await stoppedHub(t);
  for (const length of [5000, 100, 0]) {
    truncateSync(fileOf(hub), length);
    assert.match(await refused(hub), /damaged: .*longwirectl restore/);
  }
  rmSync(fileOf(hub));
  assert.match(await refused(hub), /missing/);
  rmSync(join(hub.dataDir, 'longwire.lock')); // as the sentence says
  await hub.start();
});

describe('a data_dir that is taken away under the running hub', () => {
  for (const how of ['removed', 'renamed']) {
    test(`${how}: publishes and /readyz are 503, with one line`, async (t) => {
      const hub = await startHub(t, { config: '[topic "mem/#"]\ndurability = memory\n' });
      await publish(hub, 'p/x', 'x');
      await publish(hub, 'mem/x', 'x');
      assert.equal((await get(hub, '/readyz')).status, 200);
      const away = `${hub.dataDir}.away`;
      if (how === 'removed') rmSync(hub.dataDir, { recursive: true });
      else renameSync(hub.dataDir, away);
      t.after(() => rmSync(away, { recursive: true, force: true }));
      if (how === 'renamed') assert.equal((await get(hub, '/readyz')).status, 503);
      for (let i = 0; i < 3; i++) {
        const reply = await post(hub, 'p/x', 'x');
        assert.equal(reply.status, 503, reply.text);
        assert.match(reply.text, /directory has been removed/);
        assert.equal((await get(hub, '/readyz')).status, 503);
      }
      await publish(hub, 'mem/x', 'goes on');
      const count = (text) => hub.stderr().split(text).length - 1;
      assert.equal(count('removed or replaced'), 1, hub.stderr());
      assert.equal(count('takes no publishes'), 1, hub.stderr());
      if (how === 'removed') return;
      renameSync(away, hub.dataDir);
      await get(hub, '/readyz');
      await publish(hub, 'p/x', 'again');
      assert.equal((await get(hub, '/readyz')).status, 200);
      assert.equal(count('in its place again'), 1, hub.stderr());
      assert.equal(count('takes publishes again'), 1, hub.stderr());
    });
  }
});

test('the first start on a backup says that it is one', async (t) => {
  const hub = await startHub(t);
  await publish(hub, 'p/x', 'x');
  const path = join(hub.dataDir, '..', 'copy');
  assert.equal((await longwirectl(hub, ['backup', path])).code, 0);
  const other = await startHub(t, { set: { 'hub.data_dir': path } });
  assert.match(other.stderr(), /opened, a copy/);
  assert.doesNotMatch(other.stderr(), /unclean/);
  await other.restart();
  assert.match(other.stderr(), /: opened, head/);
});
