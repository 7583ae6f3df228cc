// Certificates, their renewal, tickets, client certificates, and PROXY headers before TLS.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import tls from 'node:tls';

import { counter } from './lib/counters.mjs';
import { BUILD, run, startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { RespClient } from './lib/resp.mjs';
import { SseStream } from './lib/sse.mjs';
import {
  Authority,
  refusal,
  sClient,
  secureRequest,
  secureSettings,
  secureSocket,
  secureView,
} from './lib/tls.mjs';
import { eventually } from './lib/wait.mjs';

const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** The CN of the certificate that a client gets who asks for `servername`. */
async function nameOf(hub, ca, servername = 'localhost') {
  const options = { ca, servername, checkServerIdentity: () => undefined };
  const socket = await secureSocket(hub, options);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

describe('certificates by name', () => {
  const authority = new Authority();
  const first = authority.issue('first', { subject: '/CN=first' });
  const exact = authority.issue('exact', { subject: '/CN=exact' });
  const level = authority.issue('level', { subject: '/CN=level', kind: 'rsa' });
  const config =
    `[tls "Chat.example.org"]\ncertificate = ${exact.certificate}\nkey = ${exact.key}\n` +
    `[tls "*.example.org"]\ncertificate = ${level.certificate}\nkey = ${level.key}\n`;
  const hub = suiteHub({ set: secureSettings(first), config });

  const CASES = {
    'chat.example.org': 'exact',
    'CHAT.example.ORG': 'exact',
    'other.example.org': 'level',
    'a.chat.example.org': 'first',
    'example.org': 'first',
    localhost: 'first',
  };
  for (const [name, expected] of Object.entries(CASES)) {
    test(`${name} gets the ${expected} one`, async () => {
      assert.equal(await nameOf(hub, authority.pem, name), expected);
    });
  }

  test('a client without a name gets the first', async () => {
    const { stdout } = await sClient(hub, ['-noservername']);
    assert.match(stdout, /subject=CN ?= ?first/);
  });

  test('an RSA key signs, too', async () => {
    const options = { ca: authority.pem, servername: 'x.example.org' };
    const socket = await secureSocket(hub, { ...options, checkServerIdentity: () => undefined });
    assert.match(socket.getCipher().name, /RSA|^TLS_/);
    socket.destroy();
  });
});

describe('renewal', () => {
  const authority = new Authority();
  const ca = authority.pem;
  const old = authority.issue('old', { subject: '/CN=old' });
  const fresh = authority.issue('fresh', { subject: '/CN=fresh' });
  const live = { certificate: authority.path('live.pem'), key: authority.path('live.key') };

  /** As certbot does it: links that point elsewhere. */
  function link({ certificate, key }) {
    for (const [from, to] of [[certificate, live.certificate], [key, live.key]]) {
      symlinkSync(from, `${to}.new`);
      renameSync(`${to}.new`, to);
    }
  }

  const becomes = (hub, name) =>
    eventually(async () => (await nameOf(hub, ca)) === name, `the certificate ${name}`);

  test('links that point elsewhere are followed; who is connected stays', async (t) => {
    link(old);
    const hub = await startHub(t, { set: secureSettings(live) });
    const stream = await SseStream.open(secureView(hub, ca), 'a');
    t.after(() => stream.close());
    assert.equal(await nameOf(hub, ca), 'old');
    link(fresh);
    await becomes(hub, 'fresh');
    await secureRequest(hub, '/t/a', { ca, method: 'POST', body: 'still here' });
    await stream.blocks.next('the message', ({ data }) => data === 'still here');
    const told = /certificates have changed, and are loaded anew/; // right behind the change
    await eventually(() => told.test(hub.stderr()), 'the change to be told');
  });

  test('a file that is written anew is read; a broken one changes nothing', async (t) => {
    rmSync(live.certificate, { force: true });
    rmSync(live.key, { force: true });
    const write = ({ certificate, key }) => {
      copyFileSync(certificate, live.certificate);
      copyFileSync(key, live.key);
    };
    write(old);
    const hub = await startHub(t, { set: secureSettings(live) });
    writeFileSync(live.certificate, 'no certificate\n');
    await eventually(
      () => /stay as they were: .*has no certificate: must be/.test(hub.stderr()),
      'the broken file to be told',
    );
    assert.equal(await nameOf(hub, ca), 'old');
    write(fresh);
    await becomes(hub, 'fresh');
  });

  test('SIGHUP takes over what the configuration says now, or nothing of it', async (t) => {
    const settings = secureSettings(old);
    delete settings['tls.certificate'];
    delete settings['tls.key'];
    const section = ({ certificate, key }) => `[tls]\ncertificate = ${certificate}\nkey = ${key}\n`;
    const hub = await startHub(t, { set: settings, config: section(old) });
    writeFileSync(hub.config, section({ ...fresh, key: old.key }));
    hub.signal('SIGHUP');
    await eventually(() => /not reloaded, going on as before: .*ini:3: tls\.key = .*another key/
      .test(hub.stderr()), 'the mistake to be told');
    assert.equal(await nameOf(hub, ca), 'old');
    writeFileSync(hub.config, section(fresh));
    hub.signal('SIGHUP');
    await becomes(hub, 'fresh');
  });

  test('one that ends soon is told of', async (t) => {
    const soon = authority.issue('soon', { days: 3 });
    const hub = await startHub(t, { set: secureSettings(soon) });
    const told = /the certificate in .*soon\.pem .*ends in [23] days/;
    await eventually(() => told.test(hub.stderr()), 'the warning');
  });
});

describe('a hub that cannot have its certificates', () => {
  const authority = new Authority();
  const good = authority.issue('good');
  const other = authority.issue('other');
  const file = (name, text) => {
    writeFileSync(authority.path(name), text);
    return authority.path(name);
  };

  async function refused(set) {
    const all = { 'hub.data_dir': authority.path('data'), ...secureSettings(good), ...set };
    const words = Object.entries(all).flatMap(([key, value]) =>
      [value].flat().flatMap((one) => ['--set', `${key}=${one}`]),
    );
    const socket = ['--set', `socket.path=${authority.path('s.sock')}`];
    const { code, stderr } = await run(join(BUILD, 'longwired'), [
      ...['--config', '/dev/null'],
      ...socket,
      ...words,
    ]);
    assert.notEqual(code, 0);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    return stderr;
  }

  const CASES = [
    ['no certificate', { 'tls.certificate': '' }, /must come with tls\.certificate and tls\.key/],
    ['a file that is not there', { 'tls.key': '/nowhere' }, /tls\.key = \/nowhere: cannot be read: /],
    ['another key', { 'tls.key': other.key }, /is another key than that of the certificate/],
    ['a key as certificate', { 'tls.certificate': good.key }, /has no certificate: must be/],
    ['a certificate as key', { 'tls.key': good.certificate }, /has no private key: must be/],
    ['a short secret', { 'tls.ticket_key_file': file('short', 'x') }, /must have at least 32/],
    ['no version', { 'tls.versions': '' }, /tls\.versions: must name one/],
    ['no authority', { 'tls.client_ca': file('empty', '') }, /tls\.client_ca = .*has no certificate/],
  ];
  for (const [name, set, expected] of CASES) {
    test(`says so: ${name}`, async () => {
      assert.match(await refused(set), expected);
    });
  }

  test('says so: an encrypted key', async () => {
    const key = authority.path('encrypted.key');
    const args = ['ec', '-in', good.key, '-aes128', '-passout', 'pass:x', '-out', key];
    assert.equal((await run('openssl', args)).code, 0);
    assert.match(await refused({ 'tls.key': key }), /is encrypted: must be a key without/);
  });
});

describe('tickets', () => {
  const authority = new Authority();
  const secret = authority.path('secret');
  writeFileSync(secret, 'a secret that is longer than 32 bytes\n');
  const files = authority.issue('hub');
  const shared = secureSettings(files, { 'tls.ticket_key_file': secret });
  const one = suiteHub({ set: shared });
  const two = suiteHub({ set: shared });
  const alone = suiteHub({ set: secureSettings(files) });
  const none = suiteHub({ set: secureSettings(files, { 'tls.tickets': 'no' }) });

  const session = authority.path('session');
  const begin = (hub, args = []) =>
    sClient(hub, ['-ign_eof', '-sess_out', session, ...args], { input: GET });
  const resume = async (hub, args = []) => {
    const all = ['-ign_eof', '-sess_in', session, ...args];
    const { stdout } = await sClient(hub, all, { input: GET });
    assert.match(stdout, /\r\n\r\nok\n/);
    return /\nReused, /.test(stdout);
  };

  test('are good with a hub of the same secret, again and again', async () => {
    await begin(one);
    assert.ok(await resume(two));
    assert.ok(await resume(two));
    assert.ok(await resume(one));
  });

  test('are a whole handshake with a hub of another', async () => {
    await begin(one);
    assert.ok(!(await resume(alone)));
  });

  test('are good after a restart, when the secret is a file', async () => {
    await begin(one);
    await one.restart();
    assert.ok(await resume(one));
  });

  test('are not given when they are off', async () => {
    const { stdout } = await begin(none);
    assert.doesNotMatch(stdout, /TLS session ticket:/);
  });

  test('are for the name that they were given for', async () => {
    await begin(one, ['-servername', 'localhost']);
    assert.ok(!(await resume(one, ['-servername', 'other.example'])));
    assert.ok(await resume(one, ['-servername', 'localhost']));
  });

  test('of a former secret are taken when the file has changed', async () => {
    await begin(one);
    appendFileSync(secret, 'another\n');
    await eventually(() => /loaded anew/.test(one.stderr()), 'the change to be seen');
    assert.ok(await resume(one));
  });
});

for (const compact of ['yes', 'no']) {
  describe(`client certificates, tls.compact = ${compact}`, () => {
    const authority = new Authority();
    const clients = new Authority('Clients');
    const ca = authority.pem;
    const alice = clients.issue('alice', { subject: '/O=Example/CN=alice' });
    const set = secureSettings(authority.issue('hub'), {
      'tls.client_ca': clients.file,
      'tls.compact': compact,
    });
    const hub = suiteHub({ set });
    const as = ({ certificate, key }) => ['-ign_eof', '-cert', certificate, '-key', key];

    test('one of theirs gets in, and is named', async (t) => {
      const { stdout } = await sClient(hub, as(alice), { input: GET });
      assert.match(stdout, /\r\n\r\nok\n/);
      const session = authority.path('session');
      await sClient(hub, [...as(alice), '-sess_out', session], { input: GET });
      const again = await sClient(hub, ['-ign_eof', '-sess_in', session], { input: GET });
      assert.match(again.stdout, /\nReused, [^]*\r\n\r\nok\n/);
      t.diagnostic('resumed without showing it again');
    });

    test('and is listed by its name', async (t) => {
      const [cert, key] = [readFileSync(alice.certificate), readFileSync(alice.key)];
      const socket = await secureSocket(hub, { ca, cert, key });
      t.after(() => socket.destroy());
      const admin = await RespClient.open(hub);
      t.after(() => admin.close());
      await eventually(async () => {
        const clients = JSON.parse(await admin.command('HUB', 'CLIENTS'));
        const [names] = clients.map(({ certificate }) => certificate).filter(Boolean);
        return names?.split(', ').sort().join() === 'CN=alice,O=Example';
      }, 'it to be listed');
      const { stdout } = await run(join(BUILD, 'longwirectl'), ['--socket', hub.socket, 'clients']);
      assert.match(stdout, /CN=alice/);
    });

    test('none, and one of others, do not', async () => {
      const failed = await counter(hub, 'tls_failed_certificate');
      assert.ok(await refusal(hub, { ca, maxVersion: 'TLSv1.2' }));
      const stranger = authority.issue('stranger');
      const { stderr } = await sClient(hub, as(stranger), { input: GET });
      assert.match(stderr, /alert/);
      assert.equal(await counter(hub, 'tls_failed_certificate'), failed + 2);
    });
  });
}

describe('a PROXY header before TLS', () => {
  const authority = new Authority();
  const ca = authority.pem;
  const set = secureSettings(authority.issue('hub'), {
    'http.proxy_protocol': 'on',
    'http.trusted_proxies': '127.0.0.1',
    'access.anonymous': 'subscribe, publish',
  });
  const hub = suiteHub({ set });

  test('tells the client, and TLS comes behind it', async (t) => {
    const raw = await RawSocket.open(hub, { port: hub.securePort });
    t.after(() => raw.destroy());
    await raw.write('PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n');
    const secure = tls.connect({ socket: raw.release(), ca, servername: 'localhost' });
    t.after(() => secure.destroy());
    let text = '';
    secure.on('data', (data) => (text += data));
    secure.write('GET /t/a HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
    await eventually(() => text.includes('longwire.session') || text.includes('id:'), 'the stream');
    const admin = await RespClient.open(hub);
    t.after(() => admin.close());
    const list = JSON.parse(await admin.command('HUB', 'CLIENTS'));
    assert.equal(list.find(({ topics }) => topics.includes('a')).address, '192.0.2.7:4711');
  });

  test('is missed: nobody is answered', async (t) => {
    const raw = await RawSocket.open(hub, { port: hub.securePort });
    t.after(() => raw.destroy());
    await raw.write(Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]));
    await raw.untilClosed();
    assert.equal(raw.received.length, 0);
  });
});
