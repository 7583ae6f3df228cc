// Keys in files: what comes of their changes and of a reload, and what administrators are told of
// rights: HUB ACCESS, `longwirectl access explain`, `longwirectl token`.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { get } from './lib/http.mjs';
import { longwirectl, startHub, suiteHub } from './lib/hub.mjs';
import { Keys, bearer, now } from './lib/tokens.mjs';
import { eventually } from './lib/wait.mjs';

/** The file changes at once, and as a whole. */
function replace(file, text) {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const read = async (hub, token) =>
  (await get(hub, '/t/a?wait=0', { headers: bearer(token) })).status;

const reads = (hub, token, status) =>
  eventually(async () => (await read(hub, token)) === status, `a reader to get ${status}`);

describe('files with keys', () => {
  test('a new secret is taken, and the old one no longer', async (t) => {
    const keys = new Keys(t);
    const hub = await startHub(t, { set: keys.settings });
    const old = keys.grant('alice', { subscribe: ['#'] });
    assert.equal(await read(hub, old), 200);
    keys.secret = randomBytes(32).toString('hex');
    replace(join(keys.folder, 'hs'), keys.secret);
    await reads(hub, keys.grant('alice', { subscribe: ['#'] }), 200);
    await reads(hub, old, 401);
    assert.match(hub.stderr(), /the keys of tokens have changed, and are loaded anew/);
  });

  test('a broken file keeps the old keys, and says so; at SIGHUP, too', async (t) => {
    const keys = new Keys(t);
    const hub = await startHub(t, { set: keys.settings });
    const token = keys.grant('alice', { subscribe: ['#'] });
    const file = join(keys.folder, 'es');
    replace(file, '-----BEGIN PUBLIC KEY-----\nnothing\n-----END PUBLIC KEY-----\n');
    const complaint = `access.key = es ${file}: holds no key that can be read: must be a public one`;
    await eventually(() => hub.stderr().includes(complaint), 'the complaint');
    assert.equal(await read(hub, token), 200);
    hub.signal('SIGHUP');
    await eventually(() => hub.stderr().includes('not reloaded, going on as before'), 'the refusal');
    assert.equal(await read(hub, token), 200);
    assert.equal(await read(hub, keys.grant('bob', { subscribe: ['#'], kid: 'es' })), 200);
  });

  test('a set of keys that is rotated', async (t) => {
    const keys = new Keys(t);
    const file = join(keys.folder, 'set.json');
    const jwk = (pair, kid) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig' });
    const write = (...list) => replace(file, JSON.stringify({ keys: list }));
    write({ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'other' }, jwk(keys.es, 'es'));
    const hub = await startHub(t, { set: { 'access.jwks_file': file } });
    const first = keys.grant('alice', { subscribe: ['#'], kid: 'es' });
    const second = () => keys.grant('alice', { subscribe: ['#'], kid: 'rs' });
    assert.deepEqual([await read(hub, first), await read(hub, second())], [200, 401]);
    assert.match(hub.stderr(), /1 of its keys cannot be used here/);
    write(jwk(keys.es, 'es'), jwk(keys.rs, 'rs'));
    await reads(hub, second(), 200);
    assert.equal(await read(hub, first), 200);
    write(jwk(keys.rs, 'rs'));
    await reads(hub, first, 401);
    assert.equal(await read(hub, second()), 200);
  });

  test('a start without its file is refused in words', async (t) => {
    const keys = new Keys(t);
    const set = { 'access.key': `k ${join(keys.folder, 'nowhere')}` };
    await assert.rejects(startHub(t, { set }), /access\.key = k .*nowhere: cannot be read: No such/);
  });
});

describe('what is told of rights', () => {
  const keys = new Keys({ after });
  const hub = suiteHub({
    set: { ...keys.settings, 'access.anonymous': 'presence' },
    config:
      '[access "news/#"]\nanonymous = subscribe\n[access "users/{sub}/#"]\ntoken = subscribe\n' +
      '[access "secret/#"]\nanonymous =\n',
  });
  const explain = async (...words) =>
    JSON.parse((await longwirectl(hub, ['access', 'explain', '--json', ...words])).stdout);
  const rightsOf = ({ rights }) => rights.map(({ allowed }) => allowed);
  const alice = keys.grant('alice', { subscribe: ['a/#'], publish: ['a/b'], deny: ['a/x'] });

  const cases = [
    ['a/b', alice, [true, true, true], 'the token, which grants "a/#"'],
    ['a/x', alice, [false, false, false], 'the token, which denies "a/x"'],
    ['a/+', alice, [false, false, false], 'the token, which denies "a/x"'],
    ['users/alice/in', alice, [true, false, true], '[access "users/{sub}/#"], token'],
    ['users/bob/in', alice, [false, false, true], 'not allowed by anything in the token'],
    ['news/a', undefined, [true, false, false], '[access "news/#"], anonymous'],
    ['secret/a', undefined, [false, false, false], 'not allowed by [access "secret/#"], anonymous'],
    ['#', undefined, [false, false, false], 'not allowed by [access "secret/#"], anonymous'],
    ['x', undefined, [false, false, true], 'not allowed without a token that grants it'],
  ];
  for (const [filter, token, allowed, reason] of cases) {
    test(`${filter} ${token ? 'with' : 'without'} a token`, async () => {
      const told = await explain(filter, ...(token ? [token] : []));
      assert.equal(told.filter, filter);
      assert.deepEqual(rightsOf(told), allowed);
      assert.ok(told.rights[0].reason.includes(reason), told.rights[0].reason);
      assert.equal(told.token?.sub, token && 'alice');
    });
  }

  test('what is explained is what happens', async () => {
    for (const [filter, token, [subscribe]] of cases) {
      const path = `/t?wait=0&topic=${encodeURIComponent(filter)}`;
      const { status } = await get(hub, path, { headers: token ? bearer(token) : {} });
      assert.equal(status, subscribe ? 200 : token ? 403 : 401, filter);
    }
  });

  test('a token that does not count is not none', async () => {
    const expired = keys.sign({ sub: 'alice', exp: now() - 1 });
    const told = await explain('news/a', expired);
    assert.deepEqual(told.token, {
      valid: false,
      fault: 'expired',
      reason: 'the token has expired',
    });
    assert.deepEqual(rightsOf(told), [false, false, false]);
    assert.equal(told.rights[0].reason, 'the token has expired');
  });

  test('nor is one that was revoked', async () => {
    const token = keys.sign({ sub: 'alice', jti: 'lost', longwire: { subscribe: ['#'] } });
    assert.deepEqual(rightsOf(await explain('x', token))[0], true);
    assert.equal((await longwirectl(hub, ['revoke', '--jti', 'lost'])).code, 0);
    const told = await explain('x', token);
    assert.deepEqual([told.token.fault, rightsOf(told)], ['revoked', [false, false, false]]);
  });

  test('in words, with the token from standard input', async () => {
    const { stdout } = await longwirectl(hub, ['access', 'explain', 'a/b', '-'], {
      input: `${alice}\n`,
    });
    const lines = stdout.split('\n');
    assert.match(lines[0], /^with a good token of alice, by key hs, until \d{4}-/);
    assert.equal(
      lines[1],
      'subscribe  yes subscribing to "a/b" is allowed by the token, which grants "a/#"',
    );
    assert.match(lines[2], /^publish    yes /);
    const without = await longwirectl(hub, ['access', 'explain', 'x']);
    assert.match(without.stdout, /^without a token\nsubscribe  no  subscribing to "x" is not/);
  });

  test('wrong usage is told', async () => {
    const bad = await longwirectl(hub, ['access', 'explain', 'a/#/b']);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /not a valid topic or pattern/);
    for (const words of [['access', 'show', 'a'], ['token', 'print', 'file'], ['token', 'make']])
      assert.equal((await longwirectl(hub, words)).code, 2, words.join(' '));
  });

  test('no token is ever in the log', async () => {
    for (const token of [alice, `${alice}x`, keys.sign({ exp: 1 })]) {
      await explain('a', token);
      await read(hub, token);
      await get(hub, `/t/a?wait=0&token=${token}`);
    }
    assert.ok(!hub.stderr().includes('eyJ'), hub.stderr());
  });
});

describe('longwirectl token', () => {
  const keys = new Keys({ after });
  const file = join(keys.folder, 'made');
  const run = (...words) => longwirectl({ socket: '/nowhere' }, ['token', ...words]);

  const pairs = {
    HS256: null,
    HS512: null,
    RS256: ['rsa', { modulusLength: 2048 }],
    PS384: ['rsa', { modulusLength: 2048 }],
    ES256: ['ec', { namedCurve: 'P-256' }],
    ES384: ['ec', { namedCurve: 'P-384' }],
  };
  for (const [alg, pair] of Object.entries(pairs)) {
    test(`makes and checks ${alg}, which a hub takes`, async (t) => {
      const secret = randomBytes(32).toString('base64');
      const { publicKey, privateKey } = pair
        ? generateKeyPairSync(pair[0], {
            ...pair[1],
            publicKeyEncoding: { type: 'spki', format: 'pem' },
            privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
          })
        : { publicKey: secret, privateKey: secret };
      writeFileSync(`${file}.private`, privateKey);
      writeFileSync(`${file}.public`, publicKey);
      const words = [`alg=${alg}`, 'kid=k', 'sub=alice', 'subscribe=u/{sub}/#', 'level:=7'];
      const made = await run('make', `${file}.private`, ...words, 'publish=l/{level}');
      assert.equal(made.code, 0, made.stderr);
      const token = made.stdout.trim();
      const checked = await run('check', `${file}.public`, token);
      assert.match(
        checked.stdout,
        /^sub {8}alice\nuntil {6}\S+Z, in (1h00m|59m\d\ds)\nsubscribe  u\/alice\/#\npublish {4}l\/7\n$/,
      );
      const hub = await startHub(t, { set: { 'access.key': `k ${file}.public ${alg}` } });
      const reply = await get(hub, '/t/u/alice/x?wait=0', { headers: bearer(token) });
      assert.equal(reply.status, 200);
      assert.equal(await read(hub, token), 403);
    });
  }

  test('one that does not count is told, and ends with 1', async () => {
    writeFileSync(`${file}.one`, randomBytes(32));
    writeFileSync(`${file}.two`, randomBytes(32).toString('hex'));
    const made = await run('make', `${file}.two`, 'sub=a');
    const { code, stderr } = await run('check', `${file}.one`, made.stdout.trim());
    assert.deepEqual([code, stderr], [1, "longwirectl: the token's signature is not its key's\n"]);
    const short = await run('make', '/dev/null');
    assert.equal(short.code, 1);
    assert.match(short.stderr, /must be a secret of 32 bytes or more, or a private key/);
  });
});
