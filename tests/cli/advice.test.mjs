// No connection: exit status 3, the path that was tried, who named it, and what to check.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { launch, run } from '../e2e/lib/hub.mjs';
import { ctl, ctlTo, PROGRAM } from './lib/ctl.mjs';
import { fakeHub, OK, SILENCE } from './lib/fake-hub.mjs';

const NOBODY = 65534;
const isRoot = process.getuid() === 0;

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'longwire-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function refused(args, options) {
  const { code, stdout, stderr } = await ctl(args, options);
  assert.equal(code, 3, stderr);
  assert.equal(stdout, '');
  return stderr;
}

describe('no socket', () => {
  test('names the path and the missing directory', async (t) => {
    const path = join(folder(t), 'gone', 'hub.sock');
    const stderr = await refused(['--socket', path, 'ping']);
    assert.match(stderr, new RegExp(`cannot connect to ${path}: No such file`));
    assert.match(stderr, /from --socket/);
    assert.match(stderr, /gone: No such file/);
    assert.match(stderr, /Is longwired running/);
  });

  test('--socket wins over LONGWIRE_SOCKET, which wins over the default', async () => {
    const env = { LONGWIRE_SOCKET: '/nonexistent/from-env' };
    const both = await refused(['--socket', '/nonexistent/option', 'ping'], { env });
    assert.match(both, /cannot connect to \/nonexistent\/option/);
    const environment = await refused(['ping'], { env });
    assert.match(environment, /cannot connect to \/nonexistent\/from-env/);
    assert.match(environment, /environment variable LONGWIRE_SOCKET/);
    const { stdout } = await ctl(['ping', '--help'], { env: { LONGWIRE_SOCKET: '' } });
    assert.match(stdout, /else \/run\/longwire\/longwire\.sock/);
  });

  test('a path that no socket can have', async () => {
    const path = `/tmp/${'x'.repeat(200)}`;
    const stderr = await refused(['--socket', path, 'ping']);
    assert.match(stderr, /File name too long/);
    assert.match(stderr, /at most 107 bytes/);
  });

  test('a file that is no socket', async (t) => {
    const path = join(folder(t), 'file');
    writeFileSync(path, '');
    assert.match(await refused(['--socket', path, 'ping']), /not a socket/);
  });

  test('a socket that nobody listens on', async (t) => {
    const hub = await fakeHub(t, () => OK);
    await hub.stop({ keepFile: true });
    assert.match(await refused(['--socket', hub.socket, 'ping']), /nobody listens/);
  });
});

describe('no permission', () => {
  /** Somebody else than root, for whom permissions count. */
  const somebody = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

  async function refusedSomebody(t, hub) {
    const own = folder(t);
    chmodSync(own, 0o755);
    copyFileSync(PROGRAM, join(own, 'ctl'));
    const args = ['--socket', hub.socket, 'ping'];
    const { code, stderr } = await run(join(own, 'ctl'), args, { ...somebody, cwd: '/' });
    assert.equal(code, 3, stderr);
    return stderr;
  }

  test('on the socket: shows its owner, group and mode, and who one is', async (t) => {
    const hub = await fakeHub(t, () => OK);
    chmodSync(join(hub.socket, '..'), 0o755);
    chmodSync(hub.socket, 0o000);
    const stderr = await refusedSomebody(t, hub);
    assert.match(stderr, /Permission denied/);
    assert.match(stderr, /hub\.sock: owner .*\(uid \d+\), group .*\(gid \d+\), mode 0000/);
    assert.match(stderr, new RegExp(`you are .*\\(uid ${isRoot ? NOBODY : process.getuid()}\\)`));
    assert.match(stderr, /write permission on the socket/);
  });

  test('on a directory above it: names that directory', async (t) => {
    const hub = await fakeHub(t, () => OK);
    const above = join(hub.socket, '..');
    chmodSync(above, 0o000);
    const stderr = await refusedSomebody(t, hub);
    chmodSync(above, 0o755);
    assert.match(stderr, new RegExp(`${above}: owner .*mode 0000`));
  });

  test('a directory in between that may be entered is not blamed', async (t) => {
    const hub = await fakeHub(t, () => OK);
    const above = join(hub.socket, '..');
    chmodSync(above, 0o755);
    chmodSync(hub.socket, 0o000);
    const stderr = await refusedSomebody(t, hub);
    assert.doesNotMatch(stderr, new RegExp(`${above}: owner`));
  });
});

/** A socket that accepts nobody, and whose backlog is full. */
const FULL = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(0)
waiting = []
try:
    while True:
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        c.connect(sys.argv[1])
        waiting.append(c)
except BlockingIOError:
    print("full", flush=True)
time.sleep(600)
`;

describe('a hub that does not answer', () => {
  test('nor accepts is told from one that is not there', async (t) => {
    const path = join(folder(t), 'hub.sock');
    const child = launch('python3', ['-c', FULL, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const stderr = await refused(['--socket', path, '--timeout', '1', 'ping']);
    assert.match(stderr, /^longwirectl: cannot connect to .*: no answer within the time limit$/m);
    assert.match(stderr, /does not accept connections/);
  });

  test('counts as lost after the time limit', async (t) => {
    const hub = await fakeHub(t, () => SILENCE);
    const { code, stderr } = await ctlTo(hub, ['--timeout', '1', 'ping']);
    assert.equal(code, 3);
    assert.match(stderr, /is lost: no answer within the time limit/);
  });

  test('that closes instead of answering counts as lost', async (t) => {
    const hub = await fakeHub(t, () => ({ hangUp: true, rest: '$10\r\nhal' }));
    for (const args of [['ping'], ['topics'], ['tail', 'a'], ['publish', 'a', 'b']]) {
      const { code, stderr } = await ctlTo(hub, args);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /is lost: closed by the hub/);
    }
  });
});
