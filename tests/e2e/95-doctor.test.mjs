// `longwirectl doctor` on the real way: to the hub directly, and through nginx that lets everything
// pass, or spoils one thing.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { Authority } from './lib/certificates.mjs';
import { history, publish } from './lib/http.mjs';
import { BUILD, longwirectl, run, startHub, suiteHub } from './lib/hub.mjs';
import { UPGRADE, startNginx, withTls } from './lib/nginx.mjs';

const ALWAYS = [
  ...['connection', 'hub', 'latency', 'publish', 'long-poll', 'event stream', 'buffering'],
  ...['compression', 'WebSocket', 'headers'],
];
const IDLE = ['idle stream', 'idle WebSocket', 'idle long-poll'];

const doctor = (url, words = []) => run(join(BUILD, 'longwirectl'), ['doctor', ...words, url]);

/** Runs it; returns the status, the topic, and its checks by their names. */
async function examine(url, words = ['--hold', '0']) {
  const { code, stdout, stderr } = await doctor(url, ['--json', ...words]);
  assert.equal(stderr, '');
  const { topic, ok, checks } = JSON.parse(stdout);
  assert.equal(ok, code === 0);
  return { code, topic, ...Object.fromEntries(checks.map((check) => [check.check, check])) };
}

/** The names of the checks that failed. */
const failedOf = ({ code, topic, ...checks }) =>
  Object.values(checks)
    .filter(({ result }) => result === 'failed')
    .map(({ check }) => check);

describe('doctor', () => {
  const hub = suiteHub({ set: { 'http.heartbeat': '1s' } });

  test('finds nothing wrong with the hub itself', async () => {
    const found = await examine(hub.url, ['--hold', '3']);
    assert.equal(found.code, 0, JSON.stringify(found));
    for (const name of [...ALWAYS, ...IDLE]) assert.equal(found[name].result, 'ok', name);
    assert.equal(found['in between'], undefined);
    for (const name of ['hub', 'latency', 'publish', 'buffering', 'WebSocket']) {
      assert.equal(typeof found[name].ms, 'number', name);
    }
    assert.match(found['idle stream'].details, /[1-9] heartbeats?$/);
    assert.match(found['idle WebSocket'].details, /[1-9] pings?$/);
    assert.ok((await history(hub, found.topic)).length >= 3);
  });

  test('leaves one topic behind, however often it runs, some at a time', async () => {
    for (let round = 0; round < 2; round++) {
      const runs = await Promise.all(Array.from({ length: 6 }, () => examine(hub.url)));
      for (const found of runs) assert.equal(found.code, 0, JSON.stringify(found));
    }
    // Held connections have a topic that nobody publishes to.
    await examine(hub.url, ['--hold', '1']);
    const { stdout } = await longwirectl(hub, ['topics', '--json']);
    assert.deepEqual(
      JSON.parse(stdout).map(({ topic }) => topic),
      ['longwire/doctor'],
    );
    const messages = await history(hub, 'longwire/doctor');
    assert.ok(messages.length > 0, 'it has published nothing');
    assert.ok(messages.every(({ data }) => JSON.stringify(data).length < 100));
  });

  test('takes away what it has published where it is given the socket', async (t) => {
    const own = await startHub(t);
    const purging = (socket) => ['--hold', '0', '--socket', socket];
    assert.equal((await doctor(own.url, purging(own.socket))).code, 0);
    assert.deepEqual(await history(own, 'longwire/doctor'), []);
    const other = await startHub(t);
    await publish(other, 'longwire/doctor', 'of somebody else');
    const { code, stderr } = await doctor(own.url, purging(other.socket));
    assert.equal(code, 1);
    assert.match(stderr, /is another one: what was published stays/);
    assert.equal((await history(other, 'longwire/doctor')).length, 1);
    assert.ok((await history(own, 'longwire/doctor')).length > 0);
  });

  test('prints a line for each check', async () => {
    const { code, stdout } = await doctor(hub.url, ['-H', '0']);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0], /^CHECK +RESULT +TIME +DETAILS$/);
    assert.deepEqual(
      lines.slice(1).map((line) => line.slice(0, 16).trim()),
      ALWAYS,
    );
    for (const line of lines.slice(1)) assert.match(line.slice(16), /^ ok /);
  });

  test('finds nothing wrong with nginx that knows WebSockets', async (t) => {
    const found = await examine((await startNginx(t, hub)).url, ['--hold', '2']);
    assert.equal(found.code, 0, JSON.stringify(found));
    for (const name of [...ALWAYS, ...IDLE]) assert.equal(found[name].result, 'ok', name);
    assert.match(found['in between'].details, /^Server: nginx/);
  });

  test('finds nothing wrong with nginx that speaks TLS', async (t) => {
    const authority = new Authority();
    t.after(() => authority.remove());
    const server = authority.signForAll(['DNS:localhost', 'IP:127.0.0.1']);
    const nginx = await startNginx(t, hub, { text: withTls(server) });
    const words = ['--hold', '2', '--cacert', authority.root.cert];
    const found = await examine(`https://127.0.0.1:${nginx.port}`, words);
    assert.equal(found.code, 0, JSON.stringify(found));
    for (const name of ['TLS', 'certificate', 'HTTP/2', ...ALWAYS, ...IDLE]) {
      assert.equal(found[name].result, 'ok', name);
    }
  });

  test('goes below a prefix', async (t) => {
    const nginx = await startNginx(t, hub, {
      location: UPGRADE,
      prefix: '/live/',
    });
    assert.equal((await examine(`${nginx.url}/live/`)).code, 0);
    assert.deepEqual(failedOf(await examine(nginx.url)), ['hub']);
  });

  test('finds a buffer', async (t) => {
    const nginx = await startNginx(t, hub, {
      location: 'proxy_http_version 1.0; proxy_ignore_headers X-Accel-Buffering;',
    });
    const found = await examine(nginx.url, ['--hold', '1', '--timeout', '2']);
    assert.equal(found.code, 1);
    assert.deepEqual(failedOf(found), ['event stream', 'buffering', 'WebSocket']);
    assert.match(found.buffering.details, /buffered: it came when \d+K more were published/);
    assert.equal(found['idle stream'].result, 'skipped');
  });

  test('finds that upgrades do not pass', async (t) => {
    const nginx = await startNginx(t, hub, { location: 'proxy_buffering on;' });
    const found = await examine(nginx.url, ['--hold', '1', '--timeout', '2']);
    assert.equal(found.code, 1);
    assert.deepEqual(failedOf(found), ['WebSocket']);
    assert.equal(found['idle WebSocket'].result, 'skipped');
    assert.equal(found['idle stream'].result, 'ok');
  });

  test('finds that publishes do not pass', async (t) => {
    const nginx = await startNginx(t, hub, { location: `${UPGRADE} limit_except GET { deny all; }` });
    const found = await examine(nginx.url);
    assert.equal(found.code, 1);
    assert.deepEqual(failedOf(found), ['publish']);
    assert.match(found.publish.details, /status 403/);
    assert.match(found.buffering.details, /begins with/);
  });

  test('finds headers that are taken away', async (t) => {
    const nginx = await startNginx(t, hub, {
      location: `${UPGRADE} proxy_hide_header Longwire-Cursor; proxy_hide_header Cache-Control;`,
    });
    const found = await examine(nginx.url);
    assert.deepEqual(failedOf(found), ['headers']);
    assert.match(found.headers.details, /Longwire-Cursor of a long-poll/);
    assert.match(found.headers.details, /no-transform of the event stream is gone/);
  });

  test('tells of compression that is added', async (t) => {
    const nginx = await startNginx(t, hub, {
      location: `${UPGRADE} gzip on; gzip_types text/event-stream; gzip_proxied any;`,
    });
    const found = await examine(nginx.url);
    assert.equal(found.code, 0, JSON.stringify(found));
    assert.equal(found.compression.result, 'note');
    assert.match(found.compression.details, /gzip.*at once/);
  });
});

describe('doctor, where the heartbeat is slower than the proxy is patient', () => {
  const hub = suiteHub();

  test('finds the time limit', async (t) => {
    const nginx = await startNginx(t, hub, { location: `${UPGRADE} proxy_read_timeout 2s;` });
    const found = await examine(nginx.url, ['--hold', '10']);
    assert.equal(found.code, 1);
    assert.deepEqual(failedOf(found), IDLE);
    for (const name of IDLE) {
      const [, seconds] = /after ([\d.]+) s/.exec(found[name].details);
      assert.ok(seconds >= 1.9 && seconds < 10, found[name].details);
    }
    assert.match(found['idle long-poll'].details, /status 504/);
  });
});
