// HTTP/1.1 itself: connections, bodies, methods, and requests that are none.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { moved } from './lib/cursor.mjs';
import { assertProblem, get, history, publish, request } from './lib/http.mjs';
import { suiteHub } from './lib/hub.mjs';
import { RawSocket, exchange } from './lib/raw.mjs';
import { handshake } from './lib/wsframe.mjs';

/** Header lines of a WebSocket's handshake. */
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

describe('HTTP/1.1', () => {
  const hub = suiteHub();

  /** Sends text with `Host` and `Connection: close` filled in; returns the answer as text. */
  const ask = async (line, headers = '', body = '') =>
    String(await exchange(hub, `${line}\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n${body}`));

  /** Who waits from there on misses nothing, whenever the hub reads that it waits. */
  const headOf = async () => (await get(hub, '/cursor')).headers['longwire-cursor'];

  const statusOf = (reply) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1]);

  test('keeps a connection for many requests', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = 0; n < 20; n++) {
      const reply = await get(hub, '/t/h/keep?wait=0', { agent });
      assert.equal(reply.status, 200);
    }
    const sockets = Object.values(agent.freeSockets).flat();
    assert.equal(sockets.length, 1);
    agent.destroy();
  });

  test('answers pipelined requests in order', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const post = (n) =>
      `POST /t/h/pipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${String(n).length}\r\n\r\n${n}`;
    const requests = Array.from({ length: 50 }, (_, n) => post(n)).join('');
    await raw.write(`${requests}GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const text = String(await raw.untilClosed());
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => m[1]);
    assert.deepEqual(statuses, [...Array(50).fill('201'), '404']);
    const ids = [...text.matchAll(/"id":"(\d+)-/g)].map((m) => Number(m[1]));
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.deepEqual(
      (await history(hub, 'h/pipe')).map(({ data }) => data),
      Array.from({ length: 50 }, (_, n) => String(n)),
    );
  });

  test('a request behind a long-poll waits for its answer', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const after = await headOf();
    await raw.write(
      `GET /t/h/behind?after=${after}&wait=50 HTTP/1.1\r\nHost: localhost\r\n\r\n` +
        'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    const ping = await get(hub, '/healthz');
    assert.equal(ping.status, 200);
    assert.equal(raw.received.length, 0);
    await publish(hub, 'h/behind', 'now');
    const text = String(await raw.untilClosed());
    assert.equal(text.match(/HTTP\/1\.1 200 /g).length, 2);
    assert.ok(text.indexOf('"now"') < text.lastIndexOf('HTTP/1.1'));
  });

  test('what comes behind a long-poll, bit by bit while it waits, is not lost', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const after = await headOf();
    const poll = (from) => `GET /t/h/bits?after=${from}&wait=50 HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await raw.write(poll(after));
    const rest =
      'POST /t/h/bit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc' +
      poll(moved(after, 1)) + // behind what the first one gets
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    for (const byte of rest) await raw.write(byte);
    assert.equal((await get(hub, '/healthz')).status, 200);
    assert.equal(raw.received.length, 0);
    assert.deepEqual(await history(hub, 'h/bit'), []);
    await publish(hub, 'h/bits', 'one');
    await raw.untilText('HTTP/1.1 201 ');
    await publish(hub, 'h/bits', 'two');
    const text = String(await raw.untilClosed());
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => m[1]),
      ['200', '201', '200', '200'],
    );
    assert.ok(text.indexOf('"one"') < text.indexOf('"two"'));
  });

  test('takes chunked bodies, split anywhere, with extensions and trailers', async () => {
    const chunks = '3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n';
    const reply = await ask('POST /t/h/chunks HTTP/1.1', 'Transfer-Encoding: chunked\r\n', chunks);
    assert.equal(statusOf(reply), 201);
    assert.equal((await history(hub, 'h/chunks'))[0].data, 'abc0123456789');
  });

  test('takes a request byte by byte', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const text =
      'POST /t/h/bytes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
    for (const byte of Buffer.from(text)) await raw.write(Buffer.from([byte]));
    assert.equal(statusOf(String(await raw.untilClosed())), 201);
  });

  test('says 100 Continue when asked, before the body', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(
      'POST /t/h/continue HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
        'Content-Length: 4\r\nExpect: 100-continue\r\n\r\n',
    );
    await raw.untilText('HTTP/1.1 100 Continue\r\n\r\n');
    await raw.write('body');
    assert.match(String(await raw.untilClosed()), /HTTP\/1\.1 201 /);
  });

  test('refuses before the body when it would be too large', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write(
      'POST /t/h/large HTTP/1.1\r\nHost: localhost\r\n' +
        'Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n',
    );
    const text = String(await raw.untilClosed());
    assert.match(text, /^HTTP\/1\.1 413 /);
  });

  test('an unknown expectation gets 417', async () => {
    const reply = await ask('POST /t/h/x HTTP/1.1', 'Content-Length: 0\r\nExpect: wonders\r\n');
    assert.equal(statusOf(reply), 417);
  });

  for (const path of ['/healthz', '/readyz', '/metrics', '/cursor']) {
    test(`HEAD ${path} has GET's head and no body`, async () => {
      const reply = await ask(`HEAD ${path} HTTP/1.1`);
      assert.equal(statusOf(reply), 200);
      assert.ok(reply.endsWith('\r\n\r\n'));
      assert.match(reply, /\r\ncontent-length: [1-9]/i);
    });
  }

  test('HEAD of a topic is answered at once, without a body', async () => {
    await publish(hub, 'h/head', 'x');
    const reply = await ask('HEAD /t/h/head?after=earliest&wait=0 HTTP/1.1');
    assert.equal(statusOf(reply), 200);
    assert.ok(reply.endsWith('\r\n\r\n'));
    assert.equal(statusOf(await ask('HEAD /t/h/none?wait=50 HTTP/1.1')), 200);
  });

  test('OPTIONS answers what is allowed', async () => {
    const reply = await request(hub, 'OPTIONS', '/t/h/x');
    assert.ok([200, 204].includes(reply.status));
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      assert.ok(reply.headers.allow.includes(method), method);
    }
    const all = await ask('OPTIONS * HTTP/1.1');
    assert.ok([200, 204].includes(statusOf(all)));
  });

  test('speaks HTTP/1.0 with one request a connection', async () => {
    const reply = String(await exchange(hub, 'GET /healthz HTTP/1.0\r\n\r\n'));
    assert.equal(statusOf(reply), 200);
  });

  test('takes an absolute request target', async () => {
    assert.equal(statusOf(await ask('GET http://x/healthz HTTP/1.1')), 200);
  });

  test('decodes a path and a query exactly once', async () => {
    const path = '/t/h/%2541%25252F%2B+';
    const topic = 'h/%41%252F';
    assertProblem(await request(hub, 'POST', path, { body: 'x' }), 400); // + is for patterns
    assert.equal((await request(hub, 'POST', path.slice(0, -4), { body: 'x' })).status, 201);
    for (const url of [
      `${path.slice(0, -4)}?wait=0&after=earliest`,
      '/t?topic=h/%2541%25252F&wait=0&after=earliest',
      '/t?%74opic=h%2F%25%34%31%25252F&wait=0&after=%65arliest',
    ]) {
      const { messages } = (await get(hub, url)).json();
      assert.deepEqual(
        messages.map((message) => message.topic),
        [topic],
      );
    }
    for (const bad of ['/t/h/%', '/t/h/%4', '/t/h/%zz', '/t/h/%00', '/t?topic=%']) {
      assertProblem(await get(hub, bad), 400);
    }
  });

  test('every answer has a Date, and an ETag only a file', async () => {
    const ANSWERS = {
      'GET /healthz HTTP/1.1': 200,
      'GET /cursor HTTP/1.1': 200,
      'GET /longwire.js HTTP/1.1': 200,
      'GET /t/h/date?wait=0 HTTP/1.1': 200,
      'GET /t/h/date?wait=0&format=raw HTTP/1.1': 204,
      'GET /nowhere HTTP/1.1': 404,
      'DELETE /t/h/date HTTP/1.1': 405,
      'OPTIONS /t/h/date HTTP/1.1': 204,
      'POST /t/h/date HTTP/1.1': 201,
      'GET /healthz HTTP/3.0': 505,
      nonsense: 400,
    };
    for (const [line, status] of Object.entries(ANSWERS)) {
      const reply = await ask(line);
      assert.equal(statusOf(reply), status, line);
      const dates = [...reply.matchAll(/^Date: (\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT)\r$/gm)];
      assert.equal(dates.length, 1, reply);
      assert.ok(Math.abs(Date.parse(dates[0][1]) - Date.now()) < 10_000);
      assert.doesNotMatch(reply, /^last-modified:/im);
      assert.equal(/^etag:/im.test(reply), line.includes('longwire.js'), line);
    }
    for (const headers of ['Accept: text/event-stream\r\n', UPGRADE]) {
      const raw = await RawSocket.open(hub);
      await raw.write(`GET /t/h/date HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
      assert.match(await raw.untilText('\r\n\r\n'), /^HTTP\/1\.1 (200|101) [^]*^Date: /m);
      raw.destroy();
    }
  });

  test('conditions mean nothing where there is nothing to compare with', async () => {
    const since = { 'If-Modified-Since': new Date().toUTCString() };
    assert.equal((await get(hub, '/longwire.js', { headers: since })).status, 200);
    const headers = { 'If-None-Match': '*', ...since };
    for (const path of ['/cursor', '/t/h/date?wait=0']) {
      assert.equal((await get(hub, path, { headers })).status, 200);
    }
  });

  test('a HEAD that is refused has no body, if its head was understood', async () => {
    const reply = await ask('HEAD /healthz HTTP/1.1', 'Expect: wonders\r\n');
    assert.equal(statusOf(reply), 417);
    assert.ok(reply.endsWith('\r\n\r\n'));
    assert.equal(reply.indexOf('\r\n\r\n'), reply.length - 4);
  });

  test('HEAD and GET may be mixed on a connection', async () => {
    const head = 'HEAD /cursor HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    const text = String(await exchange(hub, head + head + last));
    assert.equal(text.match(/HTTP\/1\.1 200 /g).length, 3);
    assert.equal(text.match(/\r\n\r\nHTTP\/1\.1 200 /g).length, 2); // one right behind the other
    assert.ok(text.endsWith('ok\n'));
  });

  test('HTTP/1.0 stays open when it asks for that', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    const keep = 'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    await raw.write(`${keep}${keep}GET /healthz HTTP/1.0\r\n\r\n`);
    const text = String(await raw.untilClosed());
    assert.equal(text.match(/HTTP\/1\.1 200 /g).length, 3);
    assert.equal(text.match(/^Connection: keep-alive\r$/gim).length, 2);
    assert.equal(text.match(/^Connection: close\r$/gim).length, 1);
  });

  test('nobody is told to continue who does not ask, cannot, or has no body', async () => {
    for (const text of [
      'POST /t/h/x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na',
      'POST /t/h/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\na',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n',
    ]) {
      assert.match(String(await exchange(hub, text)), /^HTTP\/1\.1 20[01] /);
    }
  });

  test('takes an escaped path', async () => {
    await publish(hub, 'h/esc aped', 'x');
    const reply = await ask('GET /t/%68/esc%20aped?wait=0&after=earlies%74 HTTP/1.1');
    assert.equal(statusOf(reply), 200);
    assert.ok(reply.includes('"x"'));
  });

  for (const extension of [';', ';=b', ';a="b', ';a=', ';a b', '; a="b"c', ';a,b', ';a=b ']) {
    test(`a chunk extension is malformed: ${extension}`, async () => {
      const head = 'Transfer-Encoding: chunked\r\n';
      const reply = await ask('POST /t/h/ext HTTP/1.1', head, `2${extension}\r\nab\r\n0\r\n\r\n`);
      assert.equal(statusOf(reply), 400);
      assert.deepEqual(await history(hub, 'h/ext'), []);
    });
  }

  for (const [name, value] of Object.entries({
    Origin: 'http://localhost',
    'Content-Type': 'text/plain',
    'Idempotency-Key': 'k',
    'Longwire-Event': 'e',
    'Longwire-Expect-Last': '0',
    'Last-Event-ID': '0',
    Authorization: 'Bearer x',
    'X-Real-IP': '127.0.0.1',
    'Access-Control-Request-Method': 'POST',
  })) {
    test(`${name} twice is refused on every transport, whatever the values`, async () => {
      const twice = `${name}: ${value}\r\nA: b\r\n${name.toLowerCase()}: ${value}\r\n`;
      for (const [line, headers, body] of [
        ['POST /t/h/two HTTP/1.1', 'Content-Length: 1\r\n', 'x'],
        ['GET /t/h/two?wait=0 HTTP/1.1', ''],
        ['GET /t/h/two HTTP/1.1', 'Accept: text/event-stream\r\n'],
        ['OPTIONS /t/h/two HTTP/1.1', ''],
        ['POST /t HTTP/1.1', 'Content-Length: 0\r\n'],
        ['POST /session/x HTTP/1.1', 'Content-Length: 0\r\n'],
      ]) {
        const reply = await ask(line, headers + twice, body);
        assert.equal(statusOf(reply), 400, line);
        assert.match(reply, new RegExp(`more than one ${name} header field`), line);
      }
      const upgrade = handshake('/ws', { Connection: 'Upgrade, close' }).replace(/\r\n$/, `${twice}\r\n`);
      assert.equal(statusOf(String(await exchange(hub, upgrade))), 400);
      assert.deepEqual(await history(hub, 'h/two'), []);
    });
  }

  for (const parameter of ['after=0', 'lastEventId=0', 'format=envelope', 'wait=0', 'limit=1']) {
    test(`a parameter is refused when it is there twice: ${parameter}`, async () => {
      for (const path of [`/t/h/two?${parameter}&${parameter}`, `/t?topic=a&${parameter}&${parameter}`]) {
        assertProblem(await get(hub, path), 400);
        assertProblem(await get(hub, path, { headers: { Accept: 'text/event-stream' } }), 400);
        assert.equal(statusOf(String(await exchange(hub, handshake(path, { Connection: 'Upgrade, close' })))), 400);
      }
    });
  }

  test('a parameter that is not known is passed over, whatever it holds', async () => {
    for (const odd of ['x=%zz', 'x=%00', `x=${'y'.repeat(2000)}`, 'x&x', 'x=1&x=2']) {
      assert.equal((await get(hub, `/t/h/odd?wait=0&${odd}`)).status, 200, odd);
    }
  });

  for (const method of ['BREW', 'get', 'GETS', 'M-SEARCH', 'X'.repeat(32), 'X'.repeat(33)]) {
    test(`a method that nobody knows is 501: ${method}`, async () => {
      for (const path of ['/t/a', '/healthz', '/nowhere']) {
        assert.equal(statusOf(await ask(`${method} ${path} HTTP/1.1`)), 501);
      }
    });
  }

  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE']) {
    test(`a method that is known is 405 with Allow: ${method}`, async () => {
      const reply = await ask(`${method} /t/a HTTP/1.1`);
      assert.equal(statusOf(reply), 405);
      assert.match(reply, /\r\nAllow: GET, HEAD, POST, OPTIONS\r\n/);
      assert.equal(statusOf(await ask(`${method} /nowhere HTTP/1.1`)), 404);
    });
  }

  const requests = {
    'no Host': [400, 'GET /healthz HTTP/1.1\r\n\r\n'],
    'two Hosts': [400, 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    'no version': [400, 'GET /healthz\r\n\r\n'],
    'HTTP/2.0': [505, 'GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n'],
    'HTTP/1.2x': [400, 'GET /healthz HTTP/1.2x\r\nHost: localhost\r\n\r\n'],
    'a space before the colon': [400, 'GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n'],
    'a header without a colon': [400, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n'],
    'an empty header name': [400, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n: y\r\n\r\n'],
    'a folded header': [400, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n'],
    'a NUL in a header': [400, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n'],
    'a bare CR': [400, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\rc\r\n\r\n'],
    'a control character in the path': [400, 'GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    'a method of odd characters': [400, 'G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    'two lengths': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    'a length and chunks': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    'a negative length': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    ],
    'a length with a sign': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\na',
    ],
    'a length beyond 64 bits': [
      [400, 413],
      `POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${'9'.repeat(30)}\r\n\r\na`,
    ],
    'an unknown transfer coding': [
      [400, 501],
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
    'chunked that is not last': [
      [400, 501],
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    ],
    'a chunk size that is none': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    ],
    'a chunk without its line end': [
      400,
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '1\r\nabc\r\n0\r\n\r\n',
    ],
    'a chunk size of 17 digits': [
      [400, 413],
      'POST /t/h/smuggle HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
        'fffffffffffffffff\r\n',
    ],
    'a head that is too long': [
      431,
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
    ],
    'too many headers': [431, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${'A: b\r\n'.repeat(2000)}\r\n`],
    'a request line that is too long': [
      [414, 431],
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
  };
  for (const [what, [status, text]] of Object.entries(requests)) {
    test(`refuses ${what} with ${status} and closes`, async () => {
      const reply = String(await exchange(hub, text));
      assert.ok([status].flat().includes(statusOf(reply)), reply.slice(0, 200));
      assert.match(reply, /\r\ncontent-type: application\/problem\+json/i);
      assert.equal(reply.match(/^HTTP\/1\.1 /gm).length, 1);
    });
  }

  // What is left of the body would be the next request.
  for (const [what, path, fields] of [
    ['nothing there', '/nowhere', ''],
    ['a page of another site', '/t/h/smuggle', 'Origin: http://evil.example\r\n'],
    ['an encoding', '/t/h/smuggle', 'Content-Encoding: gzip\r\n'],
  ])
    test(`a refused request ends the connection before its body (${what})`, async () => {
      const body = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
      const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}`;
      const reply = String(await exchange(hub, `${head}Content-Length: ${body.length}\r\n\r\n${body}`));
      assert.equal(reply.match(/^HTTP\/1\.1 /gm).length, 1);
      assert.match(reply, /\r\nconnection: close\r\n/i);
    });

  test('nothing of a refused request was stored', async () => {
    assert.deepEqual(await history(hub, 'h/smuggle'), []);
  });

  test('a client that has sent its last byte still gets its answer', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    raw.halfClose();
    assert.equal(statusOf(`${await raw.untilClosed()}`), 200);
  });
});

describe('what does not end', () => {
  const hub = suiteHub({ set: { 'http.head_timeout': '1s', 'http.body_timeout': '1s' } });

  test('a head that does not end is cut off', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
    assert.match(`${await raw.untilClosed()}`, /^(HTTP\/1\.1 408 |$)/);
  });

  test('a body that does not end is cut off', async (t) => {
    const raw = await RawSocket.open(hub);
    t.after(() => raw.destroy());
    await raw.write('POST /t/h/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc');
    await raw.untilClosed();
    assert.deepEqual(await history(hub, 'h/half'), []);
  });
});
