// What others do to the surroundings of a hub: standard descriptors that are closed, a socket that
// is removed or replaced, signals that it has no use for, processors that it may not use.
import assert from 'node:assert/strict';
import { existsSync, linkSync, readFileSync, renameSync } from 'node:fs';
import { unlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { get, history, publish } from './lib/http.mjs';
import { BUILD, launch, longwirectl, startHub } from './lib/hub.mjs';
import { eventually, within } from './lib/wait.mjs';

const isReady = async (hub, options) => (await get(hub, '/readyz', options)).status === 200;

// The log's lines went into data.mdb, which had got the number of standard error.
test('started with 0, 1 and 2 closed, it keeps what it acknowledges', async (t) => {
  const hub = await startHub(t);
  await hub.stop();
  const daemon = [join(BUILD, 'longwired'), '--config', hub.config];
  for (const setting of [`hub.data_dir=${hub.dataDir}`, `socket.path=${hub.socket}`])
    daemon.push('--set', setting);
  daemon.push('--set', `http.listen=127.0.0.1:${hub.port}`);
  const bare = launch('sh', ['-c', 'exec "$0" "$@" <&- >&- 2>&-', ...daemon]);
  await eventually(() => isReady(hub), 'a hub without standard descriptors');
  const ids = [];
  for (let i = 0; i < 20; i++) ids.push(await publish(hub, 'bare', `message ${i}`));
  // Each of them makes it write a line to its log.
  for (let i = 0; i < 20; i++) process.kill(bare.pid, 'SIGHUP');
  bare.kill('SIGTERM');
  assert.deepEqual(await within(bare.ended, 'the end'), { code: 0, signal: null });
  await hub.start();
  assert.deepEqual(
    (await history(hub, 'bare')).map(({ id }) => id),
    ids,
  );
});

test('a socket that was removed is made anew, with its mode, and the log says so', async (t) => {
  const hub = await startHub(t, { set: { 'socket.mode': '0640', 'hub.workers': 2 } });
  for (let round = 1; round <= 3; round++) {
    unlinkSync(hub.socket);
    await eventually(() => existsSync(hub.socket), 'the socket');
    await eventually(() => isReady(hub, { local: true }), 'an answer over the new socket');
    assert.equal((await longwirectl(hub, ['stats'])).code, 0);
    const lines = () => hub.stderr().match(/local socket .* was removed; made anew/g)?.length;
    await eventually(() => lines() === round, 'its line');
  }
  assert.ok(await isReady(hub));
});

test('SIGHUP makes it anew at once', async (t) => {
  const hub = await startHub(t);
  unlinkSync(hub.socket);
  hub.signal('SIGHUP');
  await eventually(() => existsSync(hub.socket), 'the socket');
});

test('a socket that cannot be made anew is told: 503, one line; and made when it can', async (t) => {
  const hub = await startHub(t);
  unlinkSync(hub.socket);
  writeFileSync(hub.socket, 'in the way');
  await eventually(async () => !(await isReady(hub)), '503 from /readyz');
  const reply = await get(hub, '/readyz');
  assert.equal(reply.status, 503);
  assert.match(reply.json().detail, /local socket/);
  await eventually(() => /something else is there now/.test(hub.stderr()), 'a line');
  hub.signal('SIGHUP');
  await eventually(() => /reloaded/.test(hub.stderr()), 'the reload');
  assert.equal(readFileSync(hub.socket, 'utf8'), 'in the way');
  unlinkSync(hub.socket);
  await eventually(() => isReady(hub), 'a ready hub');
  assert.equal(hub.stderr().match(/something else is there now/g).length, 1);
  assert.ok(await isReady(hub, { local: true }));
});

// It removed whatever was there: the socket of the hub that had taken its place.
test('a hub that stops leaves the socket of another one alone', async (t) => {
  const first = await startHub(t);
  const second = await startHub(t);
  // A second name, since a hub looks now and then whether its socket is still where it belongs.
  linkSync(second.socket, `${first.socket}.other`);
  renameSync(`${first.socket}.other`, first.socket);
  await first.stop();
  assert.ok(existsSync(first.socket));
  assert.ok(await isReady(second, { local: true }));
  await second.stop();
  assert.ok(!existsSync(second.socket));
});

test('signals that mean nothing to it do not end it', async (t) => {
  const hub = await startHub(t);
  const told = ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGALRM'];
  for (const name of told) hub.signal(name);
  for (const name of ['SIGPIPE', 'SIGVTALRM', 'SIGPROF', 'SIGIO', 'SIGPWR']) hub.signal(name);
  process.kill(hub.pid, 40);
  for (const name of told)
    await eventually(() => hub.stderr().includes(`${name} means nothing here`), name);
  assert.ok(await isReady(hub));
});

test('as many workers as there are processors that it may use', async (t) => {
  if (availableParallelism() < 2) return t.skip('one processor');
  const workers = async (prefix) => {
    const hub = await startHub(t, { prefix });
    return JSON.parse((await longwirectl(hub, ['stats', '--json'])).stdout).workers;
  };
  assert.equal(await workers(['taskset', '-c', '0']), 1);
  assert.ok((await workers([])) >= 2);
});
