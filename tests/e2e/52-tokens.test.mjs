// Tokens: where a request has one, what it grants, and what is told to who has none that counts.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { Authority, secureRequest, secureSettings } from './lib/tls.mjs';
import { connect, ask as askH2 } from './lib/h2.mjs';
import { assertProblem, get, post, request } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { exchange } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import { Keys, bearer, now } from './lib/tokens.mjs';
import { WsClient } from './lib/ws.mjs';

const RIGHTS = {
  subscribe: ['prices/#', 'users/alice/+'],
  publish: ['chat/room1'],
  deny: ['users/alice/internal'],
};

const challengeOf = (reply) => reply.headers['www-authenticate'];

describe('tokens', () => {
  const keys = new Keys({ after });
  const hub = suiteHub({ set: keys.settings });
  const alice = keys.grant('alice', RIGHTS);

  describe('are taken from', () => {
    const poll = (path, headers) => get(hub, path, { headers });
    const places = {
      Authorization: ['/t/prices/a?wait=0', bearer(alice)],
      'Authorization, whatever the case of the scheme': [
        '/t/prices/a?wait=0',
        { Authorization: `bEARER  ${alice}` },
      ],
      'the query': [`/t/prices/a?wait=0&token=${alice}`, {}],
      'the query, encoded': [`/t/prices/a?wait=0&token=${alice.replaceAll('.', '%2E')}`, {}],
      'a cookie': ['/t/prices/a?wait=0', { Cookie: `x=1; longwire_token=${alice}; y=2` }],
      'several places, the same': [
        `/t/prices/a?wait=0&token=${alice}`,
        { ...bearer(alice), Cookie: `longwire_token="${alice}"` },
      ],
    };
    for (const [name, [path, headers]] of Object.entries(places)) {
      test(name, async () => assert.equal((await poll(path, headers)).status, 200));
    }

    test('no two places where they differ', async () => {
      const bob = keys.grant('bob', RIGHTS);
      const reply = await poll(`/t/prices/a?wait=0&token=${bob}`, bearer(alice));
      assert.equal(assertProblem(reply, 400).code, 'invalid_request');
      assert.match(challengeOf(reply), /^Bearer realm="longwire", error="invalid_request"/);
    });

    for (const [name, headers] of Object.entries({
      'Bearer without a token': { Authorization: 'Bearer' },
      'a token of 9000 bytes': bearer('a'.repeat(9000)),
    })) {
      test(`not ${name}`, async () => {
        assert.equal(assertProblem(await poll('/t/prices/a?wait=0', headers), 400).code, 'invalid_request');
      });
    }

    test('no other scheme, which is as none', async () => {
      const reply = await poll('/t/prices/a?wait=0', { Authorization: 'Basic YTpi' });
      assert.equal(assertProblem(reply, 401).code, 'unauthorized');
    });

    test('no request that is nobody\'s', async () => {
      assert.equal((await poll('/healthz', bearer('x.y.z'))).status, 200);
      assert.equal((await poll('/longwire.js', bearer('x.y.z'))).status, 200);
    });
  });

  describe('that do not count', () => {
    const wrong = {
      malformed: 'a.b',
      signature: alice.slice(0, -4) + (alice.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
      expired: keys.grant('alice', { ...RIGHTS, seconds: -1 }),
      not_yet: keys.sign({ sub: 'alice', nbf: now() + 600, longwire: RIGHTS }),
      unknown_key: (() => {
        const [, claims, signature] = alice.split('.');
        const header = Buffer.from('{"alg":"HS256","kid":"other"}').toString('base64url');
        return [header, claims, signature].join('.');
      })(),
    };
    const requests = {
      'a poll': (headers) => get(hub, '/t/prices/a?wait=0', { headers }),
      'a publish': (headers) => post(hub, 'chat/room1', 'x', { headers }),
      'a batch': (headers) =>
        request(hub, 'POST', '/t', {
          body: '{"topic":"chat/room1","data":1}\n',
          headers: { 'Content-Type': 'application/x-ndjson', ...headers },
        }),
      'a WebSocket': (headers) =>
        get(hub, '/ws', {
          headers: {
            Connection: 'Upgrade',
            Upgrade: 'websocket',
            'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
            ...headers,
          },
        }),
    };
    for (const [code, token] of Object.entries(wrong)) {
      for (const [name, send] of Object.entries(requests)) {
        test(`${name}: ${code}`, async () => {
          for (let again = 0; again < 2; again++) {
            const reply = await send(bearer(token));
            assert.equal(assertProblem(reply, 401).code, code);
            assert.match(
              challengeOf(reply),
              /^Bearer realm="longwire", error="invalid_token", error_description="[^"\\]+"$/,
            );
          }
        });
      }
    }

    test('an event stream: 401, unless it is over', async () => {
      const events = (token) =>
        get(hub, '/t/prices/a', { headers: { Accept: 'text/event-stream', ...bearer(token) } });
      assert.equal(assertProblem(await events(wrong.signature), 401).code, 'signature');
      const reply = await events(wrong.expired);
      assert.equal(reply.status, 200);
      assert.match(
        reply.text,
        /^retry: 300000\nevent: longwire\.expired\ndata: \{"reason":"expired"\}\n\n$/,
      );
    });
  });

  describe('none', () => {
    test('is 401 with what would be needed', async () => {
      for (const reply of [
        await get(hub, '/t/prices/a?wait=0'),
        await post(hub, 'chat/room1', 'x'),
        await get(hub, '/t/prices/a', { headers: { Accept: 'text/event-stream' } }),
        await get(hub, '/readyz'),
      ]) {
        assert.equal(assertProblem(reply, 401).code, 'unauthorized');
        assert.equal(challengeOf(reply), 'Bearer realm="longwire"');
      }
    });

    test('is needed by nobody on the local socket', async (t) => {
      const client = await RespClient.open(hub);
      t.after(() => client.close());
      assert.equal(await client.command('PUBLISH', 'any', 'x'), 0);
      const reply = await get(hub, '/t/any?wait=0', { local: true, headers: bearer('x.y.z') });
      assert.equal(reply.status, 200);
    });
  });

  describe('grant', () => {
    const refusal = async (reply) => {
      const problem = assertProblem(await reply, 403);
      assert.equal(problem.code, 'forbidden');
      return problem.detail;
    };

    test('topics and patterns that one of theirs covers', async () => {
      const headers = bearer(alice);
      const poll = (query) => get(hub, `/t?wait=0&${query}`, { headers });
      for (const fine of ['prices/%23', 'prices/+/x', 'prices', 'users/alice/mail'])
        assert.equal((await poll(`topic=${fine}`)).status, 200, fine);
      for (const more of ['%23', '+', 'users/alice/%23', 'users/bob/mail', 'price'])
        assert.match(await refusal(poll(`topic=${more}`)), /subscribing to/, more);
      assert.match(await refusal(poll('topic=prices/a&topic=other')), /"other"/);
    });

    test('nothing that a deny meets, and say so', async () => {
      const reply = get(hub, '/t?wait=0&topic=users/alice/%2B', { headers: bearer(alice) });
      const detail = await refusal(reply);
      assert.match(detail, /"users\/alice\/\+".*"users\/alice\/internal"/);
      assert.match(challengeOf(await reply), /error="insufficient_scope"/);
    });

    test('publishing by their own patterns', async () => {
      const headers = bearer(alice);
      assert.equal((await post(hub, 'chat/room1', 'x', { headers })).status, 201);
      assert.match(await refusal(post(hub, 'chat/room2', 'x', { headers })), /"chat\/room2"/);
      assert.match(await refusal(post(hub, 'prices/a', 'x', { headers })), /publishing/);
    });

    test('a batch whole or not at all', async () => {
      const send = (topics) =>
        request(hub, 'POST', '/t', {
          body: topics.map((topic) => JSON.stringify({ topic, data: topic })).join('\n'),
          headers: { 'Content-Type': 'application/x-ndjson', ...bearer(alice) },
        });
      const before = (await get(hub, '/cursor', { headers: bearer(alice) })).text;
      assert.match(await refusal(send(['chat/room1', 'chat/room1', 'chat/x'])), /^Line 3: .*"chat\/x"/);
      assert.equal((await get(hub, '/cursor', { headers: bearer(alice) })).text, before);
      assert.equal((await send(['chat/room1', 'chat/room1'])).status, 201);
    });

    test('event streams, and what is added to one', async (t) => {
      const stream = await SseStream.open(hub, ['prices/a', 'prices/b'], {}, bearer(alice));
      t.after(() => stream.close());
      assert.equal(stream.status, 200);
      const path = `/session/${await stream.session}`;
      const change = (subscribe) =>
        request(hub, 'POST', path, {
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ subscribe }),
        });
      assert.equal((await change(['prices/c'])).status, 200);
      assert.match(await refusal(change(['prices/d', 'other'])), /"other"/);
      const added = (await change(['prices/e'])).json();
      assert.deepEqual(added.subscribed.map(({ topic }) => topic), ['prices/e']);
    });

    test('WebSockets, each subscription and each publish', async (t) => {
      const ws = await WsClient.open(hub, 'prices/a', {}, { headers: bearer(alice) });
      t.after(() => ws.terminate());
      assert.equal((await ws.ask({ op: 'subscribe', topic: 'prices/b' })).op, 'subscribed');
      assert.equal((await ws.ask({ op: 'publish', topic: 'chat/room1', data: 1 })).op, 'published');
      for (const operation of [
        { op: 'subscribe', topic: '#' },
        { op: 'publish', topic: 'prices/a', data: 1 },
      ]) {
        const answer = await ws.ask(operation);
        assert.deepEqual([answer.op, answer.code], ['error', 'forbidden']);
        assert.ok(answer.message.includes(`"${operation.topic}"`), answer.message);
      }
    });

    test('raw WebSockets what they receive and what they send', async (t) => {
      const token = keys.grant('both', { subscribe: ['raw/#'], publish: ['raw/a'] });
      const open = (topic) =>
        WsClient.open(hub, topic, { format: 'raw' }, { headers: bearer(token) });
      const a = await open('raw/a');
      t.after(() => a.terminate());
      a.send('hello');
      assert.equal((await a.next()).data.toString(), 'hello');
      const b = await open('raw/b');
      t.after(() => b.terminate());
      b.send('hello');
      assert.equal((await b.closed).code, 1008);
    });

    test('a WebSocket to who may only publish', async (t) => {
      const token = keys.grant('writer', { publish: ['chat/#'] });
      const ws = await WsClient.open(hub, null, {}, { headers: bearer(token) });
      t.after(() => ws.terminate());
      assert.equal((await ws.ask({ op: 'publish', topic: 'chat/a', data: 1 })).op, 'published');
      assert.equal((await ws.ask({ op: 'subscribe', topic: 'chat/a' })).code, 'forbidden');
    });
  });

  describe('by keys that take long', () => {
    for (const kid of ['es', 'rs']) {
      test(`${kid}: on every transport, again and again`, async (t) => {
        for (let again = 0; again < 3; again++) {
          const token = keys.grant(`u${again}`, { ...RIGHTS, kid });
          const headers = bearer(token);
          const [one, two] = await Promise.all([
            get(hub, '/t/prices/a?wait=0', { headers }),
            post(hub, 'chat/room1', 'x'.repeat(100000), { headers }),
          ]);
          assert.deepEqual([one.status, two.status], [200, 201]);
          const stream = await SseStream.open(hub, 'prices/a', {}, headers);
          t.after(() => stream.close());
          await stream.live();
          const ws = await WsClient.open(hub, 'prices/a', {}, { headers });
          t.after(() => ws.terminate());
          await ws.live();
        }
      });
    }

    test('one that does not count is refused the same', async () => {
      const token = keys.grant('alice', { ...RIGHTS, kid: 'es' });
      const broken = token.slice(0, -8) + 'AAAAAAAA';
      for (let again = 0; again < 2; again++) {
        const reply = await post(hub, 'chat/room1', 'x'.repeat(100000), { headers: bearer(broken) });
        assert.equal(assertProblem(reply, 401).code, 'signature');
      }
    });

    test('a client that is gone meanwhile is nobody\'s concern', async () => {
      const gone = Array.from({ length: 20 }, async (_, n) => {
        const abort = new AbortController();
        const headers = bearer(keys.grant(`gone${n}`, { ...RIGHTS, kid: 'es' }));
        const asked = get(hub, '/t/prices/a', { headers, signal: abort.signal }).catch(() => null);
        setImmediate(() => abort.abort());
        await asked;
      });
      await Promise.all(gone);
      assert.equal((await get(hub, '/healthz')).status, 200);
    });

    test('pipelined requests are answered in their order', async () => {
      const token = keys.grant('queue', { ...RIGHTS, kid: 'es' });
      const head = (method, path, more = '') =>
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
      const authorized = (more) => `Authorization: Bearer ${token}\r\n${more}`;
      const received = await exchange(
        hub,
        head('POST', '/t/chat/room1', authorized('Content-Length: 3\r\n')) +
          'one' +
          head('GET', '/healthz') +
          head('GET', '/t/other?wait=0', authorized('')) +
          head('GET', '/t/prices/a?wait=0', authorized('Connection: close\r\n')),
      );
      const statuses = received.toString().match(/HTTP\/1\.1 \d+/g);
      assert.deepEqual(
        statuses.map((line) => line.slice(-3)),
        ['201', '200', '403', '200'],
      );
    });
  });

  test('are told to administrators, by their sub', async (t) => {
    const exp = now() + 1234;
    const token = keys.sign({ sub: 'carol "c"', exp, longwire: { subscribe: ['prices/#'] } });
    const ws = await (await WsClient.open(hub, 'prices/a', {}, { headers: bearer(token) })).live();
    t.after(() => ws.terminate());
    const clients = JSON.parse((await longwirectl(hub, ['--json', 'clients'])).stdout);
    const [carol] = clients.filter(({ sub }) => sub === 'carol "c"');
    assert.deepEqual([carol.transport, carol.expires], ['ws', exp]);
    assert.ok(clients.some(({ transport, sub }) => transport === 'resp' && sub === undefined));
  });

  test('a preflight needs none', async () => {
    const reply = await request(hub, 'OPTIONS', '/t/prices/a', {
      headers: {
        Origin: 'http://localhost:3000',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization',
      },
    });
    assert.equal(reply.status, 204);
    assert.match(reply.headers['access-control-allow-headers'], /Authorization/);
  });

  test('nothing of a token is in the log', async () => {
    for (const token of [alice, keys.grant('alice', { seconds: -1 })])
      await get(hub, `/t/other?wait=0&token=${token}`);
    const log = hub.stderr();
    for (const part of alice.split('.')) assert.ok(!log.includes(part));
  });
});

describe('where tokens may stand', () => {
  test('is what the configuration says', async (t) => {
    const keys = new Keys(t);
    const hub = await startHub(t, {
      set: { ...keys.settings, 'access.query_token': 'off', 'access.cookie': 'sid' },
    });
    const token = keys.grant('alice', RIGHTS);
    const status = async (path, headers = {}) => (await get(hub, path, { headers })).status;
    assert.equal(await status(`/t/prices/a?wait=0&token=${token}`), 401);
    assert.equal(await status('/t/prices/a?wait=0', { Cookie: `longwire_token=${token}` }), 401);
    assert.equal(await status('/t/prices/a?wait=0', { Cookie: `sid=${token}` }), 200);
  });

  test('a hub without keys takes none, and looks at none', async (t) => {
    const hub = await startHub(t);
    assert.equal((await get(hub, '/t/a?wait=0&token=x', { headers: bearer('x') })).status, 200);
    const ws = await WsClient.open(hub, null);
    t.after(() => ws.terminate());
    assert.equal((await ws.ask({ op: 'auth', token: 'x' })).code, 'unsupported');
  });

  test('anonymous rights are for those who bring none', async (t) => {
    const keys = new Keys(t);
    const hub = await startHub(t, {
      set: { ...keys.settings, 'access.anonymous': 'subscribe' },
    });
    const status = async (headers) => (await get(hub, '/t/a?wait=0', { headers })).status;
    assert.equal(await status({}), 200);
    assert.equal(await status(bearer('x.y.z')), 401);
    assert.equal(await status(bearer(keys.grant('alice', { seconds: -5 }))), 401);
    assert.equal((await post(hub, 'a', 'x')).status, 401);
  });

  test('over TLS and HTTP/2', async (t) => {
    const keys = new Keys(t);
    const authority = new Authority();
    const hub = await startHub(t, { set: { ...secureSettings(authority.issue('hub')), ...keys.settings } });
    const token = keys.grant('alice', { ...RIGHTS, kid: 'es' });
    const session = await connect(t, hub);
    const ask = (path, headers, body) => askH2(session, { ':path': path, ...headers }, body);
    assert.equal((await ask('/t/prices/a?wait=0', { authorization: `Bearer ${token}` })).status, 200);
    assert.equal((await ask('/t/prices/a?wait=0', { cookie: `longwire_token=${token}` })).status, 200);
    assert.equal((await ask('/t/prices/a?wait=0', {})).status, 401);
    const reply = await secureRequest(hub, '/t/prices/a?wait=0', { ca: authority.pem, headers: bearer(token) });
    assert.equal(reply.status, 200);
  });
});
