// TLS's rules over the wire, with both record layers: each row of lib/tlsrules.mjs, and what
// connections get that stop half way. The records' own codec is in tests/unit/test_tls_record.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import tls from 'node:tls';

import { startHub, suiteHub } from './lib/hub.mjs';
import { RawSocket } from './lib/raw.mjs';
import { Authority, secureSettings } from './lib/tls.mjs';
import {
  CONTENT,
  RawTls,
  alertName,
  clientHello,
  handshake,
  parseRecords,
  record,
} from './lib/tls_raw.mjs';
import { HELLOS, RECORDS } from './lib/tlsrules.mjs';
import { within } from './lib/wait.mjs';

const REQUEST = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HTTP1 = { ALPNProtocols: ['http/1.1'] };
const immediately = () => new Promise((resolve) => setImmediate(resolve));

const among = (list, one) => [list].flat().includes(one);
const isDone = ({ type, payload }) => type === CONTENT.HANDSHAKE && payload[0] === 14;
const isHello = ({ type, payload }) => type === CONTENT.HANDSHAKE && payload[0] === 2;

/** The alerts of plain records. */
const alertsIn = (records) =>
  records.filter(({ type }) => type === CONTENT.ALERT).map(({ payload }) => alertName(payload));

const bytewise = (data) =>
  Array.from({ length: Math.min(data.length, 400) }, (_, i) =>
    i < 399 ? data.subarray(i, i + 1) : data.subarray(i),
  );
const CUTS = { whole: (data) => [data], 'byte by byte': bytewise };

/** A connection in the middle of a handshake. */
async function begun(t, hub) {
  const raw = await RawSocket.open(hub, { port: hub.securePort });
  t.after(() => raw.destroy());
  await raw.write(record(CONTENT.HANDSHAKE, clientHello()));
  await raw.until((data) => parseRecords(data).some(isDone), 'the flight of the hub');
  raw.take();
  return raw;
}

describe('hellos', () => {
  const files = new Authority().issue('hub');
  const hub = suiteHub({ set: secureSettings(files) });

  async function check(t, row, cut) {
    const raw = await RawSocket.open(hub, { port: hub.securePort });
    t.after(() => raw.destroy());
    for (const piece of cut(row.send)) {
      await raw.write(piece);
      await immediately();
    }
    if (row.hello) {
      await raw.until((data) => parseRecords(data).length > 0, 'the hello of the hub');
      const [first] = parseRecords(raw.received);
      if (isHello(first)) return;
      assert.ok(row.alert, raw.received.toString('latin1'));
    }
    const records = parseRecords(await raw.untilClosed());
    const [got] = alertsIn(records);
    assert.ok(among(row.alert, got), `${got} instead of ${row.alert}`);
    assert.equal(records.length, 1, 'nothing but the alert');
    assert.equal(records[0].payload[0], 2, 'it is fatal');
  }

  const MIDDLES = {
    'another hello': record(CONTENT.HANDSHAKE, clientHello()),
    'data in the open': record(CONTENT.DATA, REQUEST),
    'a Finished at once': record(CONTENT.HANDSHAKE, handshake(20, Buffer.alloc(12))),
    'a change of ciphers at once': record(CONTENT.CHANGE_CIPHER_SPEC, [1]),
    'a key that is none': record(CONTENT.HANDSHAKE, handshake(16, Buffer.alloc(33))),
    'a key beyond its end': record(CONTENT.HANDSHAKE, handshake(16, Buffer.from([200, 1, 2]))),
    'a record that is too long': record(CONTENT.HANDSHAKE, '', { length: 0xffff }),
    noise: Buffer.from('what is this? It is no TLS.'),
  };
  for (const [name, send] of Object.entries(MIDDLES)) {
    test(`a handshake, and then ${name}`, async (t) => {
      const raw = await begun(t, hub);
      await raw.write(send);
      const records = parseRecords(await raw.untilClosed());
      assert.ok(records.every(({ type }) => type === CONTENT.ALERT));
      for (const { payload } of records) assert.equal(payload[0], 2, alertName(payload));
    });
  }

  /** A connection by a ticket, if there is one; and whether the hub took it. */
  async function resumes(port, session) {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, session });
    let ticket;
    socket.on('session', (data) => (ticket = data));
    socket.on('error', () => {});
    socket.write(REQUEST);
    await within(once(socket, 'data'), 'an answer');
    const result = { reused: socket.isSessionReused(), session: ticket ?? session };
    result.ticket = socket.getTLSTicket();
    socket.destroy();
    return result;
  }

  test('tickets: played again, changed, and of another hub', async (t) => {
    const { session, ticket } = await resumes(hub.securePort);
    for (let n = 0; n < 3; n++)
      assert.equal((await resumes(hub.securePort, session)).reused, true, 'again');
    const changed = Buffer.from(session);
    const at = changed.indexOf(ticket);
    assert.ok(at > 0);
    for (const place of [0, 20, ticket.length - 1]) {
      changed[at + place] ^= 1;
      assert.equal((await resumes(hub.securePort, changed)).reused, false, `changed at ${place}`);
      changed[at + place] ^= 1;
    }
    const other = await startHub(t, { set: secureSettings(files) });
    assert.equal((await resumes(other.securePort, session)).reused, false, 'of another');
  });

  for (const [group, rows] of Object.entries(HELLOS)) {
    describe(group, () => {
      for (const row of rows) {
        for (const [how, cut] of Object.entries(CUTS))
          test(`${row.name}, ${how}`, (t) => check(t, row, cut));
      }
    });
  }
});

for (const compact of ['yes', 'no']) {
  describe(`records, tls.compact = ${compact}`, () => {
    const files = new Authority().issue('hub');
    const hub = suiteHub({ set: secureSettings(files, { 'tls.compact': compact }) });

    /** A connection whose request has been answered, so that nothing of the handshake is left. */
    async function open(t, options) {
      const raw = await RawTls.open({ port: hub.securePort }, { ...HTTP1, ...options });
      t.after(() => raw.destroy());
      return raw;
    }

    const answers = ({ text }) => text.split('HTTP/1.1 200 OK\r\n').length - 1;

    async function asks(raw) {
      const before = answers(raw);
      await raw.write(raw.seal(CONTENT.DATA, REQUEST));
      await raw.until(() => answers(raw) > before, 'an answer');
      assert.ok(answers(raw) > before, `${raw.alerts}`);
    }

    const updatesOf = ({ records }) =>
      records.filter(({ type, payload }) => type === CONTENT.HANDSHAKE && payload[0] === 24).length;

    async function check(t, row, version) {
      const raw = await open(t, { minVersion: version, maxVersion: version });
      await asks(raw);
      await raw.write(row.send(raw));
      if (row.lives) {
        await asks(raw);
        assert.deepEqual(raw.alerts, [row.alert ?? []].flat());
        if (row.updates !== undefined) assert.equal(updatesOf(raw), row.updates);
        return;
      }
      await raw.untilClosed();
      const got = raw.alerts.at(-1);
      assert.ok(among(row.ends ? undefined : row.alert, got), `${got} instead of ${row.alert}`);
    }

    let versions;
    /** Those that the hub speaks: with mbedTLS 3.6 it has TLS 1.3, too. */
    async function versionsOf(t) {
      versions ??= [...new Set(['TLSv1.2', (await open(t)).version])];
      return versions;
    }

    const PARTS = REQUEST.repeat(3).match(/[^]{1,50}/g);
    const thrice = (raw) => PARTS.map((part) => raw.seal(CONTENT.DATA, part));

    // Requests begin and end in the middle of records.
    for (const [how, cut] of Object.entries({
      'several records in one write': (records) => [Buffer.concat(records)],
      'each byte of records in a write': (records) => bytewise(Buffer.concat(records)),
      'the end of a record with the head of the next': (records) => {
        const all = Buffer.concat(records);
        const ends = records.map((_, i) => Buffer.concat(records.slice(0, i + 1)).length);
        return ends.map((end, i) => all.subarray(i ? ends[i - 1] + 3 : 0, end + 3));
      },
    })) {
      test(how, async (t) => {
        for (const version of await versionsOf(t)) {
          const raw = await open(t, { minVersion: version, maxVersion: version });
          for (const piece of cut(thrice(raw))) {
            await raw.write(piece);
            await immediately();
          }
          await raw.until(() => answers(raw) === 3, 'three answers');
          await asks(raw);
        }
      });
    }

    test('half a record, and the end', async (t) => {
      const raw = await open(t);
      await asks(raw);
      await raw.write(raw.seal(CONTENT.DATA, REQUEST).subarray(0, 20));
      raw.halfClose();
      await raw.untilClosed();
      assert.equal(answers(raw), 1);
    });

    test('the end without a close_notify', async (t) => {
      const raw = await open(t);
      await asks(raw);
      raw.halfClose();
      await raw.untilClosed();
    });

    test('a connection that is cut in a record of the hub', async (t) => {
      const raw = await open(t);
      await raw.write(raw.seal(CONTENT.DATA, REQUEST));
      raw.destroy({ reset: true });
      await asks(await open(t));
    });

    for (const [group, rows] of Object.entries(RECORDS)) {
      describe(group, () => {
        for (const row of rows.filter(({ ours, theirs }) => (compact === 'yes' ? !theirs : ours !== true))) {
          const applies = (version) =>
            version === (row.only ?? version) && (compact === 'yes' || version !== row.ours);
          test(row.name, async (t) => {
            for (const version of (await versionsOf(t)).filter(applies)) await check(t, row, version);
          });
        }
      });
    }
  });
}

// Whatever a busy machine makes of these times: all of them end, and nothing more.
for (const compact of ['yes', 'no']) {
  test(`half a record, and silence, tls.compact = ${compact}`, async (t) => {
    const files = new Authority().issue('hub');
    const times = { 'http.head_timeout': '1s', 'http.idle_timeout': '1h' };
    const set = secureSettings(files, { ...times, 'tls.compact': compact });
    const hub = await startHub(t, { set });
    const raw = await RawTls.open({ port: hub.securePort }, HTTP1);
    t.after(() => raw.destroy());
    await raw.write(raw.seal(CONTENT.DATA, REQUEST).subarray(0, 20));
    await raw.untilClosed();
    assert.equal(raw.text, '');
  });
}

describe('handshakes that stop', () => {
  const files = new Authority().issue('hub');
  const hub = suiteHub({ set: secureSettings(files, { 'tls.handshake_timeout': '1s' }) });

  for (const [name, part] of Object.entries({ nothing: 0, 'a byte': 1, 'half a hello': 70 })) {
    test(`${name}, and silence`, async (t) => {
      const raw = await RawSocket.open(hub, { port: hub.securePort });
      t.after(() => raw.destroy());
      await raw.write(record(CONTENT.HANDSHAKE, clientHello()).subarray(0, part));
      assert.equal((await raw.untilClosed()).length, 0);
    });
  }

  test('half a handshake, and silence', async (t) => {
    const raw = await begun(t, hub);
    await raw.untilClosed();
  });
});
