// Whom no token of a key speaks for, an application is asked about (access.auth_request): who it is
// asked about, how often, and what comes of its answers on every transport; and of none.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { counter } from './lib/counters.mjs';
import { Decider, byCookie, claims } from './lib/decider.mjs';
import { connect, get as getH2 } from './lib/h2.mjs';
import { assertProblem, get, post, publish, subscribePath } from './lib/http.mjs';
import { ROOT, launch, longwirectl, startHub } from './lib/hub.mjs';
import { takePort } from './lib/ports.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys } from './lib/tokens.mjs';
import { eventually, within } from './lib/wait.mjs';
import { WsClient } from './lib/ws.mjs';

const ALICE = { headers: { Cookie: 'user=alice' } };
const cookie = (user) => ({ headers: { Cookie: `user=${user}` } });
const now = () => Math.floor(Date.now() / 1000);

/** A hub that asks `application`, which is started. */
async function hubAsking(t, { set = {}, path = null, config = '' } = {}) {
  const application = await new Decider().start(path);
  t.after(() => application.stop().catch(() => {}));
  const hub = await startHub(t, {
    set: { 'access.auth_request': application.url, 'hub.workers': 1, ...set },
    config,
  });
  return { application, hub };
}

/** A poll that is answered at once. */
const look = (hub, options, topic = 'a/b') => get(hub, subscribePath(topic, { wait: 0 }), options);

describe('what is asked and answered', () => {
  test('is not known to who asks the hub what a client may do', async (t) => {
    const keys = new Keys(t);
    const { application, hub } = await hubAsking(t, { set: keys.settings });
    const explain = (...words) => longwirectl(hub, ['access', 'explain', ...words]);
    const told = async (...words) => JSON.parse((await explain('--json', 'a/b', ...words)).stdout);
    const allowed = ({ rights }) => rights.map((one) => one.allowed);
    const unknown = [null, null, null];
    const without = await told();
    assert.deepEqual([without.token, allowed(without)], [null, unknown]);
    assert.match(without.rights[0].reason, /access\.auth_request is asked about such a client/);
    const foreign = await told('opaque-of-the-application');
    assert.deepEqual(
      [foreign.token.valid, foreign.token.fault, allowed(foreign)],
      [null, 'malformed', unknown],
    );
    const own = await told(keys.grant('alice', { subscribe: ['a/#'] }));
    assert.deepEqual(allowed(own), [true, false, false]);
    const expired = await told(keys.sign({ sub: 'alice', exp: now() - 100 }));
    assert.deepEqual([expired.token.valid, allowed(expired)], [false, [false, false, false]]);
    assert.match(
      (await explain('a/b', 'opaque-of-the-application')).stdout,
      /^with a token that is nothing to the hub itself: [^\n]+\nsubscribe  \?   the application of /,
    );
    assert.equal(application.requests.length, 0);
  });

  test('the application is told of the request and its client', async (t) => {
    const { application, hub } = await hubAsking(t, {
      set: { 'http.trusted_proxies': '127.0.0.1' },
    });
    const headers = {
      Host: 'app.example',
      Cookie: 'user=alice',
      Authorization: 'Basic Og==',
      'User-Agent': 'Browser/1',
      Origin: 'http://app.example',
      'X-Forwarded-For': '203.0.113.7',
      'X-Forwarded-Proto': 'https',
      'X-Secret': 'of a proxy',
    };
    assert.equal((await look(hub, { headers })).status, 200);
    const [asked] = application.requests;
    assert.equal(`${asked.method} ${asked.url}`, 'GET /who?app=1');
    assert.deepEqual(asked.headers, {
      host: application.url.split('/')[2],
      accept: 'application/json',
      authorization: 'Basic Og==',
      cookie: 'user=alice',
      origin: 'http://app.example',
      'user-agent': 'Browser/1',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'app.example',
      'x-forwarded-proto': 'https',
      'x-original-method': 'GET',
      'x-original-uri': '/t/a/b?wait=0',
    });
  });

  test('its claims say what a client may do, on every transport', async (t) => {
    const { hub } = await hubAsking(t);
    assert.equal((await look(hub, ALICE)).status, 200);
    assertProblem(await look(hub, ALICE, 'c'), 403);
    assert.equal((await post(hub, 'a/b', 'x', ALICE)).status, 201);
    assertProblem(await post(hub, 'a/c', 'x', ALICE), 403);
    const stream = await SseStream.open(hub, 'a/b', { after: 'earliest' }, ALICE.headers);
    assert.equal((await stream.nextMessage()).data, 'x');
    stream.close();
    const socket = await WsClient.open(hub, null, {}, ALICE);
    assert.equal((await socket.ask({ op: 'subscribe', topic: 'a/b', after: 'earliest' })).op, 'subscribed');
    assert.equal((await socket.nextMessage()).data, 'x');
    assert.equal((await socket.ask({ op: 'subscribe', topic: 'c' })).code, 'forbidden');
    await socket.close();
    const session = await connect(t, hub);
    assert.equal((await getH2(session, '/t/a/b?wait=0', { cookie: 'user=alice' })).status, 200);
    assert.equal((await getH2(session, '/t/a/b?wait=0', { cookie: 'none=1' })).status, 401);
  });

  test('a refusal is passed on', async (t) => {
    const { application, hub } = await hubAsking(t);
    const refused = await look(hub);
    assert.equal(assertProblem(refused, 401).code, 'refused');
    assert.equal(refused.headers['www-authenticate'], 'Session realm="app"');
    assertProblem(await post(hub, 'a/b', 'x'), 401);
    await assert.rejects(WsClient.open(hub, 'a/b', {}, cookie('')), /401/);
    assert.equal((await SseStream.open(hub, 'a/b')).status, 401);
    application.answer = () => ({ status: 403 });
    const forbidden = await look(hub, cookie('mallory'));
    assertProblem(forbidden, 403);
    assert.equal(forbidden.headers['www-authenticate'], undefined);
    assert.equal(await counter(hub, 'auth_failed'), 0);
  });

  test('a token that no key can verify is asked about, wherever it stands', async (t) => {
    const { application, hub } = await hubAsking(t);
    application.answer = ({ headers }) =>
      headers.authorization === 'Bearer opaque.1'
        ? { body: JSON.stringify(claims('alice')) }
        : { status: 401 };
    const headers = { Authorization: 'Bearer opaque.1' };
    assert.equal((await look(hub, { headers })).status, 200);
    assert.equal((await get(hub, '/t/a/b?wait=0&token=opaque.1')).status, 200);
    assert.equal((await get(hub, '/t/a/b?wait=0&token=opaque.2')).status, 401);
    assert.equal((await get(hub, '/t/a/b?wait=0&token=a%0d%0aX:y')).status, 401);
    const asked = application.requests.length;
    const socket = await WsClient.open(hub, null);
    assert.equal(application.requests.length, asked, 'a WebSocket may bring its token later');
    assert.equal((await socket.ask({ op: 'auth', token: 'opaque.2' })).code, 'unauthorized');
    assert.equal((await socket.ask({ op: 'auth', token: 'opaque.1' })).op, 'authenticated');
    assert.equal((await socket.ask({ op: 'subscribe', topic: 'a/b' })).op, 'subscribed');
    await socket.close();
  });

  test('nobody is asked about the local socket, figures, or what is for everybody', async (t) => {
    const { application, hub } = await hubAsking(t, {
      set: { 'http.metrics_listen': '127.0.0.1:0' },
    });
    await publish(hub, 'a/b', 'x', { local: true });
    assert.equal((await get(hub, '/healthz')).status, 200);
    assert.equal((await get(hub, '/longwire.js')).status, 200);
    const [, port] = /metrics at http:\/\/127\.0\.0\.1:(\d+)/.exec(hub.stderr());
    assert.equal((await get({ port: Number(port) }, '/metrics')).status, 200);
    assert.deepEqual(application.requests, []);
  });

  test('nor about clients of this machine that may do everything', async (t) => {
    const { application, hub } = await hubAsking(t, { set: { 'access.local': 'all' } });
    await publish(hub, 'c', 'x');
    assert.deepEqual(application.requests, []);
  });

  test('a stream ends when the claims do, and is asked about anew', async (t) => {
    const { application, hub } = await hubAsking(t);
    application.answer = () => ({
      headers: { 'Cache-Control': 'max-age=3600' },
      body: JSON.stringify(claims('alice', undefined, { exp: now() + 3 })),
    });
    await eventually(async () => {
      const stream = await SseStream.open(hub, 'a/b', {}, ALICE.headers);
      return stream.nextEvent('longwire.expired');
    }, 'the end of a stream');
    await eventually(async () => (await look(hub, ALICE)).status === 200, 'another decision');
    assert.ok(application.requests.length >= 2);
  });

  test('the application may be behind a Unix socket', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'longwire-app-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { application, hub } = await hubAsking(t, { path: join(folder, 'app.sock') });
    assert.equal((await look(hub, ALICE)).status, 200);
    assert.equal(application.requests[0].headers.host, 'localhost');
  });
});

describe('how often it is asked', () => {
  test('polls of one connection are asked about once', async (t) => {
    const { application, hub } = await hubAsking(t);
    application.answer = (request) => byCookie(request, 0);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (let i = 0; i < 10; i++) assert.equal((await look(hub, { ...ALICE, agent })).status, 200);
    assert.equal(application.requests.length, 1);
    assert.equal((await look(hub, { ...cookie('bob'), agent })).status, 200);
    assert.equal(application.requests.length, 2);
    // max-age=0: another connection is another question.
    assert.equal((await look(hub, ALICE)).status, 200);
    assert.equal(application.requests.length, 3);
  });

  test('a decision counts for all connections as long as it says, of each worker', async (t) => {
    const { application, hub } = await hubAsking(t, { set: { 'hub.workers': 2 } });
    for (let i = 0; i < 20; i++) assert.equal((await look(hub, ALICE)).status, 200);
    assert.ok(application.requests.length <= 2, `${application.requests.length} requests`);
  });

  test('many who come at once wait for one answer', async (t) => {
    const { application, hub } = await hubAsking(t);
    let release;
    const released = new Promise((resolve) => (release = resolve));
    application.answer = async (request) => {
      await released;
      return byCookie(request);
    };
    const all = Array.from({ length: 50 }, () => look(hub, ALICE));
    await eventually(async () => (await counter(hub, 'accepted')) >= 50, 'all of them');
    await eventually(() => application.requests.length, 'a question');
    release();
    for (const reply of await Promise.all(all)) assert.equal(reply.status, 200);
    assert.equal(application.requests.length, 1);
  });

  test('there are no more connections to it than are allowed', async (t) => {
    const { application, hub } = await hubAsking(t, {
      set: { 'access.auth_request_connections': 2 },
    });
    let count = 0;
    let most = 0;
    application.answer = async (request) => {
      most = Math.max(most, ++count);
      await new Promise(setImmediate);
      count--;
      return byCookie(request);
    };
    const all = Array.from({ length: 40 }, (_, i) => look(hub, cookie(`user${i}`)));
    for (const reply of await Promise.all(all)) assert.equal(reply.status, 200);
    assert.equal(application.requests.length, 40);
    assert.ok(most <= 2, `${most} at once`);
  });
});

describe('an application that is in trouble', () => {
  /** What a client gets meanwhile. */
  async function checkUnavailable(hub, options = cookie('new')) {
    const reply = await look(hub, options);
    assertProblem(reply, 503);
    assert.match(reply.headers['retry-after'], /^\d+$/);
    const stream = await SseStream.open(hub, 'a/b', {}, options.headers);
    assert.match((await stream.blocks.next()).retry, /^\d+$/);
    await stream.blocks.drained('the end of the stream');
  }

  test('one that is down is told, and found again when it is back', async (t) => {
    const { application, hub } = await hubAsking(t);
    assert.equal((await look(hub, ALICE)).status, 200);
    await application.stop();
    await checkUnavailable(hub);
    assert.equal((await look(hub, ALICE)).status, 200, 'who is known stays');
    await eventually(async () => {
      assertProblem(await look(hub, cookie('new')), 503);
      return (await counter(hub, 'auth_unasked')) > 0;
    }, 'it to be left alone');
    await application.start();
    await eventually(async () => (await look(hub, cookie('new'))).status === 200, 'it to be asked');
    assert.match(hub.stderr(), /its server is not asked for/);
    assert.match(hub.stderr(), /its server answers again/);
  });

  test('one that never answers costs nobody else anything', async (t) => {
    const { application, hub } = await hubAsking(t, {
      set: { 'access.auth_request_timeout': '2s' },
    });
    await eventually(async () => (await look(hub, ALICE)).status === 200, 'a decision');
    application.answer = () => null;
    const waits = look(hub, cookie('new'));
    assert.equal((await look(hub, ALICE)).status, 200);
    assertProblem(await waits, 503);
    assert.ok((await counter(hub, 'auth_failed')) >= 1);
  });

  const BAD = {
    'claims that are none': { body: '{"sub":7}' },
    'a page': { body: '<html>Log in</html>' },
    'nothing': { body: '' },
    'very much': { body: ' '.repeat(1 << 20) },
    'a redirect': { status: 302, headers: { Location: '/login' } },
    'an error': { status: 500, body: 'Traceback' },
    'a pattern that is none': { body: JSON.stringify(claims('alice', { subscribe: ['a/#/b'] })) },
    'claims that are over': { body: JSON.stringify(claims('alice', undefined, { exp: now() - 9 })) },
  };
  for (const [what, answer] of Object.entries(BAD))
    test(`${what} lets nobody in`, async (t) => {
      const { application, hub } = await hubAsking(t);
      application.answer = () => answer;
      await checkUnavailable(hub);
      application.answer = byCookie;
      assert.equal((await look(hub, ALICE)).status, 200);
    });

  test('bytes that are no HTTP let nobody in', async (t) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const url = `http://127.0.0.1:${server.address().port}/`;
    const hub = await startHub(t, { set: { 'access.auth_request': url } });
    await checkUnavailable(hub);
  });

  test('a client that leaves while it waits is nobody any more', async (t) => {
    const { application, hub } = await hubAsking(t);
    let release;
    const released = new Promise((resolve) => (release = resolve));
    application.answer = async (request) => {
      await released;
      return byCookie(request);
    };
    const aborted = new AbortController();
    const waits = look(hub, { ...ALICE, signal: aborted.signal });
    await eventually(() => application.requests.length, 'the question');
    aborted.abort();
    await assert.rejects(waits);
    release();
    assert.equal((await look(hub, ALICE)).status, 200);
    assert.equal(application.requests.length, 1, 'the answer was kept');
  });

  test('a hub that is stopped waits for no answer', async (t) => {
    const { application, hub } = await hubAsking(t);
    application.answer = () => null;
    const waits = look(hub, ALICE).catch((error) => error);
    await eventually(() => application.requests.length, 'the question');
    await hub.stop();
    assert.notEqual((await within(waits, 'an answer or an end')).status, 200);
  });
});

describe('the examples of doc/access.md', () => {
  const TEXT = readFileSync(join(ROOT, 'doc/access.md'), 'utf8');
  /** The one of that language in the section about the hub's question. */
  const example = (language) =>
    new RegExp(`^## Asking.*?^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(TEXT)[1];

  /** A server of PHP's that runs `text`, and has a session of Alice. */
  function php(t, port, text) {
    const folder = mkdtempSync(join(tmpdir(), 'longwire-php-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'decide.php'), text);
    writeFileSync(join(folder, 'sess_s3cret'), 'user|s:5:"alice";');
    const settings = { 'session.save_path': folder, 'session.name': 'session' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-d', `${name}=${value}`]);
    return [...options, '-S', `127.0.0.1:${port}`, join(folder, 'decide.php')];
  }

  /** Before it listens it is not asked: who fails again and again is left alone for a while. */
  const listens = (port) =>
    eventually(
      () =>
        new Promise((resolve) => {
          const socket = net.connect(port, '127.0.0.1');
          socket.on('error', () => resolve(false));
          socket.on('connect', () => {
            socket.destroy();
            resolve(true);
          });
        }),
      'the application to listen',
    );

  const hasPhp = spawnSync('php', ['--version']).status === 0;
  for (const [language, { program, words, skip }] of Object.entries({
    js: {
      program: 'node',
      words: (t, port, text) => ['--input-type=module', '-e', text.replaceAll('8000', `${port}`)],
    },
    python: {
      program: 'python3',
      words: (t, port, text) => ['-c', text.replaceAll('8000', `${port}`)],
    },
    php: { program: 'php', words: php, skip: !hasPhp && 'php is not there (php-cli)' },
  }))
    test(`${language}`, { skip }, async (t) => {
      const { port, free } = await takePort();
      t.after(free);
      const child = launch(program, words(t, port, example(language)), { stdio: 'ignore' });
      t.after(() => child.kill());
      await listens(port);
      const hub = await startHub(t, {
        set: { 'access.auth_request': `http://127.0.0.1:${port}/longwire`, 'hub.workers': 1 },
      });
      const session = { headers: { Cookie: 'a=b; session=s3cret' } };
      await eventually(async () => (await look(hub, session, 'users/alice/x')).status === 200, 'it');
      assert.equal((await post(hub, 'chat/x', 'y', session)).status, 201);
      assertProblem(await look(hub, session, 'users/bob/x'), 403);
      assertProblem(await look(hub, { headers: { Cookie: 'session=no' } }), 401);
    });
});
