// The daemon as a process: starting, stopping, what it says when it cannot start.
import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { get, history, poll, publish } from './lib/http.mjs';
import { BUILD, SANITIZED, longwirectl, run, startHub } from './lib/hub.mjs';
import { eventually } from './lib/wait.mjs';

const longwired = (...words) => run(join(BUILD, 'longwired'), words);

/** Starts a second daemon with settings that collide with a hub's; it must refuse. */
async function refused(settings, config = '/dev/null') {
  const words = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const { code, stdout, stderr } = await longwired('--config', config, ...words);
  assert.notEqual(code, 0);
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /Sanitizer|runtime error/);
  return stderr;
}

describe('the daemon', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`stops cleanly on ${signal}, its socket gone, its messages kept`, async (t) => {
      const hub = await startHub(t);
      const id = await publish(hub, 'd/kept', 'x');
      const waiting = poll(hub, 'd/kept', { wait: 50 }).catch(() => null);
      hub.signal(signal);
      await hub.stop();
      assert.ok(!existsSync(hub.socket));
      await waiting;
      await hub.restart();
      assert.equal((await history(hub, 'd/kept'))[0].id, id);
    });
  }

  // HUB STATS was never counted as done, and every stop after it took as long as it may.
  test('waits for nothing after administrators have been answered', async (t) => {
    const hub = await startHub(t);
    await publish(hub, 'd/a', 'x');
    for (const words of ['stats', 'topics', 'topic d/a', 'clients', 'purge d/a --yes']) {
      const { code, stderr } = await longwirectl(hub, [...words.split(' '), '--json']);
      assert.equal(code, 0, stderr);
    }
    await hub.stop();
    assert.doesNotMatch(hub.stderr(), /without waiting/);
  });

  test('takes over a stale socket', async (t) => {
    const hub = await startHub(t);
    await hub.kill9();
    assert.ok(existsSync(hub.socket));
    await hub.restart();
    assert.equal((await get(hub, '/healthz', { local: true })).status, 200);
  });

  test('the socket has the mode that was asked for', async (t) => {
    const hub = await startHub(t, { set: { 'socket.mode': '0600' } });
    assert.equal(statSync(hub.socket).mode & 0o777, 0o600);
  });

  test('a second one on the same log, socket or port says so', async (t) => {
    const hub = await startHub(t);
    const free = {
      'hub.data_dir': `${hub.dataDir}-2`,
      'socket.path': `${hub.socket}-2`,
      'http.listen': '127.0.0.1:0',
    };
    const busyLog = await refused({ ...free, 'hub.data_dir': hub.dataDir });
    assert.ok(busyLog.includes(hub.dataDir), busyLog);
    assert.match(busyLog, /in use/);
    const busySocket = await refused({ ...free, 'socket.path': hub.socket });
    assert.ok(busySocket.includes(hub.socket), busySocket);
    const busyPort = await refused({ ...free, 'http.listen': `127.0.0.1:${hub.port}` });
    assert.ok(busyPort.includes(String(hub.port)), busyPort);
    assert.ok(!existsSync(free['socket.path']), 'its own socket is left behind');
    assert.equal((await get(hub, '/readyz', { local: true })).status, 200);
    assert.equal((await get(hub, '/readyz')).status, 200);
  });

  test('refuses to serve everyone unless told what the anonymous may do', async (t) => {
    const hub = await startHub(t);
    const stderr = await refused({
      'hub.data_dir': `${hub.dataDir}-2`,
      'socket.path': `${hub.socket}-2`,
      'http.listen': '0.0.0.0:0',
    });
    assert.match(stderr, /anonymous/);
  });

  test('reports an unknown option with the nearest known one', async () => {
    assert.match(await refused({ 'http.lisen': '127.0.0.1:0' }), /http\.listen/);
  });

  test('reports a bad value with file, line, key and what is allowed', async (t) => {
    const hub = await startHub(t);
    writeFileSync(hub.config, '[hub]\n; a comment\nworkers = many\n');
    const stderr = await refused({}, hub.config);
    assert.match(stderr, /longwire\.ini:3\b/);
    assert.match(stderr, /workers/);
    assert.match(stderr, /64/);
  });

  test('names what is in the way of its log', async (t) => {
    const hub = await startHub(t);
    const settings = { 'socket.path': `${hub.socket}-2`, 'http.listen': '127.0.0.1:0' };
    const start = (dir, more) => refused({ ...settings, 'hub.data_dir': dir, ...more });
    assert.match(await start(hub.config), /longwire\.ini: is not a directory/);
    assert.match(await start(`${hub.dataDir}/no/such`), /its parent directory .*\/data\/no: No such/);
    if (!SANITIZED) {
      const daemon = [join(BUILD, 'longwired'), '--config', hub.config];
      const words = ['--set', `hub.data_dir=${hub.dataDir}-2`, '--set', 'http.listen=127.0.0.1:0'];
      const { code, stderr } = await run('prlimit', ['--as=2000000000', ...daemon, ...words]);
      assert.equal(code, 1);
      assert.match(stderr, /log\.map_bytes = \d+ does not fit into the 2000000000 bytes/);
    }
  });

  test('--check-config, --print-config, --help and --version', async (t) => {
    const hub = await startHub(t);
    writeFileSync(hub.config, '[hub]\nworkers = 3\n[topic "a/#"]\ndurability = memory\n');
    const here = ['--set', `hub.data_dir=${hub.dataDir}`];
    assert.equal((await longwired('--config', hub.config, '--check-config', ...here)).code, 0);
    const print = async () => {
      const { stdout } = await longwired('--config', hub.config, '--print-config');
      return stdout.replace(/(^| );.*$/gm, '');
    };
    const printed = await print();
    assert.match(printed, /^workers = 3$/m);
    assert.match(printed, /^\[topic "a\/#"\]\ndurability = memory$/m);
    writeFileSync(hub.config, printed);
    assert.equal(await print(), printed);
    assert.match((await longwired('--help')).stdout, /hub\.workers/);
    assert.match((await longwired('--version')).stdout, /^longwired \d/);
    assert.notEqual((await longwired('--nonsense')).code, 0);
  });

  test('SIGHUP takes over what is reloadable and keeps the old on an error', async (t) => {
    // Workers take settings over one by one.
    const set = { 'hub.workers': 1 };
    const hub = await startHub(t, { set, config: '[http]\npoll_limit = 5\n' });
    for (let n = 0; n < 10; n++) await publish(hub, 'd/hup', String(n));
    const count = async () =>
      (await poll(hub, 'd/hup', { after: 'earliest', wait: 0 })).messages.length;
    assert.equal(await count(), 5);
    writeFileSync(hub.config, '[http]\npoll_limit = 7\n');
    hub.signal('SIGHUP');
    await eventually(async () => (await count()) === 7, 'the new limit');
    writeFileSync(hub.config, '[http]\npoll_limit = lots\n');
    hub.signal('SIGHUP');
    await eventually(() => hub.stderr().includes('poll_limit'), 'the error in the log');
    assert.equal(await count(), 7);
  });

  test('memory topics are delivered and replayed, but not kept', async (t) => {
    const config = '[topic "d/memory/#"]\ndurability = memory\n';
    const hub = await startHub(t, { config });
    await publish(hub, 'd/memory/x', 'gone');
    const kept = await publish(hub, 'd/disk', 'kept');
    assert.equal((await history(hub, 'd/memory/x')).length, 1);
    await hub.restart();
    assert.deepEqual(await history(hub, 'd/memory/x'), []);
    assert.equal((await history(hub, 'd/disk'))[0].id, kept);
    const id = await publish(hub, 'd/disk', 'next');
    assert.ok(Number(id.split('-')[0]) > Number(kept.split('-')[0]));
  });

  test('a damaged log is refused with a clear line', async (t) => {
    const hub = await startHub(t);
    await publish(hub, 'd/x', 'x');
    await hub.stop();
    writeFileSync(join(hub.dataDir, 'data.mdb'), Buffer.alloc(100_000));
    const stderr = await refused({
      'hub.data_dir': hub.dataDir,
      'socket.path': hub.socket,
      'http.listen': '127.0.0.1:0',
    });
    assert.ok(stderr.includes(hub.dataDir), stderr);
  });
});
