// `doctor` against what is no hub, or one that answers what none would.
import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';

import { ctl } from './lib/ctl.mjs';

/** Starts a server that treats each connection so; returns its address. */
async function serve(t, handle) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handle(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

/** Answers each request, whatever it is, with that text and ends the connection. */
const answering = (t, text) => serve(t, (socket) => socket.once('data', () => socket.end(text)));

const doctor = (url, ...words) => ctl(['doctor', '--hold', '0', '--timeout', '30', ...words, url]);
/** Where something is not answered, and the rest is to come to its turn. */
const BRIEFLY = ['--timeout', '1'];

/** Runs it with --json; returns { code, ok, checks by name }. */
async function document(url, ...words) {
  const { code, stdout, stderr } = await doctor(url, '--json', ...words);
  assert.equal(stderr, '');
  const { ok, checks, ...rest } = JSON.parse(stdout);
  assert.equal(rest.url, url);
  assert.equal(rest.topic, 'longwire/doctor');
  return { code, ok, checks: Object.fromEntries(checks.map((check) => [check.check, check])) };
}

describe('doctor without a hub', () => {
  test('exits with 3 when nobody listens', async () => {
    const { code, stdout, stderr } = await doctor('http://127.0.0.1:1');
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /cannot connect to 127\.0\.0\.1 port 1: Connection refused/);
  });

  test('exits with 3 when there is no such name', async () => {
    const { code, stderr } = await doctor('http://hub.invalid');
    assert.equal(code, 3);
    assert.match(stderr, /hub\.invalid port 80: the name is not known/);
  });

  const answers = {
    'another web server': ['HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', /status 404/],
    'what has such a page, too': [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
      /no Longwire hub/,
    ],
    'a body that is cut off': ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}', /not to the end/],
    'another protocol': ['SSH-2.0-nothing\r\n\r\n', /no HTTP/],
    nothing: ['', /closed without an answer/],
  };
  for (const [name, [answer, expected]] of Object.entries(answers)) {
    test(`exits with 1 when the answer is ${name}`, async (t) => {
      const { code, ok, checks } = await document(await answering(t, answer));
      assert.deepEqual([code, ok, checks.hub.result], [1, false, 'failed']);
      assert.match(checks.hub.details, expected);
      assert.equal(checks.connection.result, 'ok');
    });
  }

  test('exits with 1 when there is no answer in time', async (t) => {
    const { code, checks } = await document(await serve(t, () => {}), ...BRIEFLY);
    assert.equal(code, 1);
    assert.match(checks.hub.details, /no answer in 1 s/);
  });

  test('escapes what could act on a terminal', async (t) => {
    const answer = 'HTTP/1.1 404 No\r\nServer: \x1b[31mred\x1b[0m\r\nContent-Length: 0\r\n\r\n';
    const { stdout } = await doctor(await answering(t, answer));
    assert.match(stdout, /^in between +note +Server: \\x1b\[31mred\\x1b\[0m$/m);
    assert.ok(!stdout.includes('\x1b'));
  });
});

/** A hub of a few lines: `answers` maps beginnings of requests to answers; '' leaves one open. */
const fakeHub = (t, answers) =>
  serve(t, (socket) =>
    socket.once('data', (data) => {
      const found = Object.keys(answers).find((key) => data.toString().startsWith(key));
      socket.write(answers[found] ?? 'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n');
    }),
  );

const json = (status, text, more = '') =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${more}` +
  `Content-Length: ${text.length}\r\n\r\n${text}`;
const HUB = {
  'GET /cursor': json('200 OK', '{"cursor":"5-7"}', 'Longwire-Cursor: 5-7\r\nCache-Control: no-store\r\n'),
  'GET /healthz': json('200 OK', 'ok'),
};
const FORBIDDEN =
  'HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}';

describe('doctor and strange answers', () => {
  test('tells a hub that forbids to publish from a proxy that does', async (t) => {
    const byHub = await document(await fakeHub(t, { ...HUB, 'POST ': FORBIDDEN }), ...BRIEFLY);
    assert.equal(byHub.checks.publish.result, 'skipped');
    const other = FORBIDDEN.replace('application/problem+json', 'text/html');
    const byProxy = await document(await fakeHub(t, { ...HUB, 'POST ': other }), ...BRIEFLY);
    assert.equal(byProxy.checks.publish.result, 'failed');
  });

  test('looks at headers that are gone or changed', async (t) => {
    const cursor = json('200 OK', '{"cursor":"5-7"}', 'Longwire-Cursor: 5-8\r\n');
    const { code, checks } = await document(
      await fakeHub(t, { ...HUB, 'GET /cursor': cursor, 'POST ': FORBIDDEN }),
      ...BRIEFLY,
    );
    assert.equal(code, 1);
    assert.match(checks.headers.details, /Longwire-Cursor of \/cursor is not what it was/);
    assert.match(checks.headers.details, /no-store of \/cursor is gone/);
  });

  test('waits no longer than it is told for what never begins', async (t) => {
    const silent = { ...HUB, 'POST ': FORBIDDEN, 'GET /t/': '' };
    const { code, checks } = await document(await fakeHub(t, silent), ...BRIEFLY);
    assert.equal(code, 1);
    for (const name of ['long-poll', 'event stream', 'buffering', 'WebSocket']) {
      assert.equal(checks[name].result, 'failed', name);
      assert.match(checks[name].details, /in 1 s/, name);
    }
    assert.equal(checks.compression.result, 'skipped');
  });
});
