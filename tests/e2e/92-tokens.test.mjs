// Tokens that other people's libraries have made (npm's jose and jsonwebtoken, Python's PyJWT), by
// every algorithm, on every transport, by every way into the hub; and the same tokens, spoilt.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { allDoors, fromTheBeginning, overHttp1 } from './lib/doors.mjs';
import { topicPath } from './lib/http.mjs';
import { startHub, suiteHub } from './lib/hub.mjs';
import { ALGORITHMS, AllKeys, ISSUERS } from './lib/issuers.mjs';
import { suiteNginx, withTls } from './lib/nginx.mjs';
import { Authority, secureSettings } from './lib/tls.mjs';
import { bearer, now } from './lib/tokens.mjs';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const NDJSON = { 'Content-Type': 'application/x-ndjson' };

/** What the library is to make: a token by this algorithm, for `sub`. */
const orderOf = (keys, sub, alg, seconds) => ({
  alg,
  kid: ALGORITHMS[alg],
  key: keys.signing[ALGORITHMS[alg]],
  claims: {
    sub,
    exp: now() + seconds,
    longwire: { subscribe: ['users/{sub}/#'], publish: ['users/{sub}/#'] },
  },
});

/** By algorithm: two tokens of one `sub` that `library` made, the second of which ends later. */
async function tokensOf(library, keys) {
  const names = Object.keys(ALGORITHMS);
  const orders = (seconds) =>
    names.map((alg) => orderOf(keys, `${library}-${alg}`, alg, seconds));
  const made = await ISSUERS[library]([...orders(3600), ...orders(7200)]);
  return Object.fromEntries(names.map((alg, n) => [alg, [made[n], made[n + names.length]]]));
}

/** The same with another signature of the same length. */
function spoilt(token) {
  const at = token.lastIndexOf('.') + 1;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

async function publishes(door, topic, headers) {
  const one = await door.ask('POST', topicPath(topic), { headers, body: 'one' });
  assert.equal(one.status, 201, one.text);
  const body = JSON.stringify({ topic, data: 'two' });
  const batch = await door.ask('POST', '/t', { headers: { ...headers, ...NDJSON }, body });
  assert.equal(batch.status, 201, batch.text);
}

async function polls(door, topic, headers) {
  const reply = await door.ask('GET', fromTheBeginning(topic, '&wait=0'), { headers });
  assert.equal(reply.status, 200, reply.text);
  const { messages } = JSON.parse(reply.text);
  assert.deepEqual(
    messages.map(({ data }) => data),
    ['one', 'two'],
  );
}

/** An event stream, and what it may have besides when it has brought the next token. */
async function streams(door, topic, headers, next) {
  const stream = await door.events(fromTheBeginning(topic), headers);
  try {
    assert.equal(stream.status, 200);
    const path = `/session/${await stream.session()}`;
    assert.deepEqual([await stream.nextMessage(), await stream.nextMessage()], ['one', 'two']);
    const change = (body) =>
      door.ask('POST', path, { headers: JSON_TYPE, body: JSON.stringify(body) });
    const renewed = await change({ token: next });
    assert.equal(renewed.status, 200, renewed.text);
    assert.ok(JSON.parse(renewed.text).expires > now() + 3600);
    assert.equal((await change({ token: spoilt(next) })).status, 401);
  } finally {
    stream.close();
  }
}

async function socketSubscribes(ws, topic) {
  assert.equal((await ws.ask({ op: 'subscribe', topic, after: 'earliest' })).op, 'subscribed');
  assert.equal((await ws.nextMessage()).data, 'one');
  assert.equal((await ws.nextMessage()).data, 'two');
  assert.equal((await ws.ask({ op: 'subscribe', topic: 'users/#' })).code, 'forbidden');
}

/** WebSockets: with the token in their request, and with none before `auth`. */
async function connects(door, topic, headers, next) {
  for (const first of [headers, {}]) {
    const ws = await door.websocket('/ws', first);
    try {
      const { op, expires } = await ws.ask({ op: 'auth', token: next });
      assert.equal(op, 'authenticated');
      assert.ok(expires > now() + 3600);
      await socketSubscribes(ws, topic);
      const spoiltOne = await ws.ask({ op: 'auth', token: spoilt(next) });
      assert.equal(spoiltOne.code, 'unauthorized');
    } finally {
      ws.terminate();
    }
  }
}

async function isRefused(door, topic, headers, status) {
  const path = topicPath(topic);
  const body = JSON.stringify({ topic, data: 1 });
  const replies = [
    await door.ask('GET', `${path}?wait=0`, { headers }),
    await door.ask('GET', path, { headers: { ...headers, Accept: 'text/event-stream' } }),
    await door.ask('POST', path, { headers, body: 'x' }),
    await door.ask('POST', '/t', { headers: { ...headers, ...NDJSON }, body }),
  ];
  for (const reply of replies) assert.equal(reply.status, status, reply.text);
}

/** All of it by one door, with topics of its own. */
async function passes(door, sub, [token, next]) {
  const topic = `users/${sub}/${door.name}`;
  const headers = bearer(token);
  await publishes(door, topic, headers);
  await polls(door, topic, headers);
  await streams(door, topic, headers, next);
  if (door.websocket) await connects(door, topic, headers, next);
  await isRefused(door, `users/somebody/${door.name}`, headers, 403);
  await isRefused(door, topic, bearer(spoilt(token)), 401);
}

describe("other people's tokens", () => {
  const keys = new AllKeys({ after });
  const authority = new Authority();
  const files = authority.signForAll(['DNS:localhost', 'IP:127.0.0.1']);
  const hub = suiteHub({
    set: {
      ...secureSettings({ certificate: files.cert, key: files.key }),
      ...keys.settings,
      'access.auth_timeout': '10m',
      'log.sync': 'never',
    },
  });
  const nginx = suiteNginx(hub);
  const secureNginx = suiteNginx(hub, { text: withTls(files) });
  const made = {};
  let doors = [];

  before(async () => {
    for (const library of Object.keys(ISSUERS)) made[library] = await tokensOf(library, keys);
    doors = await allDoors(hub, authority.pem, nginx, secureNginx);
  });
  after(() => doors.forEach((door) => door.close()));

  for (const library of Object.keys(ISSUERS)) {
    for (const alg of Object.keys(ALGORITHMS)) {
      test(`${library}, ${alg}: on every transport, by every door`, async () => {
        const all = doors.map((door) =>
          passes(door, `${library}-${alg}`, made[library][alg]).catch((error) => {
            throw new Error(`${door.name}: ${error.message}`, { cause: error });
          }),
        );
        await Promise.all(all);
      });
    }

    test(`${library}: by a set of keys that jose has exported`, async (t) => {
      const other = await startHub(t, { set: await keys.setOfKeys() });
      const door = overHttp1('a set', other);
      for (const [alg, [token]] of Object.entries(made[library])) {
        const path = `/t/users/${library}-${alg}/a?wait=0`;
        const { status } = await door.ask('GET', path, { headers: bearer(token) });
        assert.equal(status, ALGORITHMS[alg] === 'secret' ? 401 : 200, alg);
      }
    });
  }
});
