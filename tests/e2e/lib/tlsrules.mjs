// What RFC 5246 and RFC 8446 have a server make of bad input, as rows of tables.
//
// HELLOS: `send` is what comes first, `alert` the fatal alert that it gets, in a plain record, before
// the connection ends; a list where the RFCs or versions of mbedTLS differ. `hello`: the handshake
// goes on (or, with an alert beside it, some mbedTLS does not). Of what can be wrong inside a hello this is what servers have been broken with.
//
// RECORDS: `send` makes what comes behind a handshake, out of a connection. `alert` is what it gets;
// with `lives` the connection goes on; with `ends` it ends without one. `only`: under that version.
// `ours`: with our own record layer, or with it under that version: mbedTLS's does not look.
// `theirs`: with mbedTLS's only.
import {
  CONTENT,
  EXTENSION,
  TEXT_MAX,
  USUAL_EXTENSIONS,
  alert,
  clientHello,
  handshake,
  keyUpdate,
  record,
} from './tls_raw.mjs';

const { ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE } = CONTENT;
const HELLO = clientHello();
const whole = (hello) => record(HANDSHAKE, hello);
const hello = (options) => whole(clientHello(options));
const bytes = (...list) => Buffer.from(list);
const eachByte = (message) =>
  Buffer.concat([...message].map((one) => record(HANDSHAKE, bytes(one))));
const FATAL = 2;
const WARNING = 1;

export const HELLOS = {
  'RFC 8446, 5.1: records of a hello': [
    { name: 'one', send: whole(HELLO), hello: true },
    { name: 'one for each byte', send: eachByte(HELLO), hello: true },
    { name: 'of an unknown type', send: record(24, HELLO), alert: 'unexpected_message' },
    { name: 'of data', send: record(DATA, 'GET / HTTP/1.1'), alert: 'unexpected_message' },
    {
      name: 'a change of ciphers',
      ours: 'TLSv1.3',
      send: record(CHANGE_CIPHER_SPEC, bytes(1)),
      alert: 'unexpected_message',
    },
    { name: 'an alert', send: record(ALERT, alert(FATAL, 40)), alert: 'unexpected_message' },
    { name: 'an empty one', send: record(HANDSHAKE, ''), alert: 'unexpected_message' },
    {
      name: 'an empty one in the middle',
      send: Buffer.concat([record(HANDSHAKE, HELLO.subarray(0, 9)), record(HANDSHAKE, '')]),
      alert: 'unexpected_message',
    },
    {
      name: 'data in the middle',
      send: Buffer.concat([record(HANDSHAKE, HELLO.subarray(0, 9)), record(DATA, 'x')]),
      alert: 'unexpected_message',
    },
    {
      name: 'too long, by its header',
      send: record(HANDSHAKE, '', { length: TEXT_MAX + 1 }),
      alert: 'record_overflow',
    },
    {
      name: 'of SSL 2',
      send: bytes(0x80, 0x2e, 1, 0, 2, 0, 0x15),
      alert: 'protocol_version',
    },
    {
      name: 'of version 4',
      send: record(HANDSHAKE, HELLO, { version: 0x0401 }),
      alert: 'protocol_version',
    },
    {
      name: 'of version 3.1, as old ones say',
      send: record(HANDSHAKE, HELLO, { version: 0x0301 }),
      hello: true,
    },
    {
      name: 'with more behind the hello',
      send: whole(Buffer.concat([HELLO, bytes(1)])),
      alert: 'unexpected_message',
    },
    {
      name: 'with two hellos',
      send: whole(Buffer.concat([HELLO, HELLO])),
      alert: 'unexpected_message',
    },
    { name: 'noise', send: bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), alert: 'unexpected_message' },
  ],
  'RFC 8446, 4.1.2: hellos': [
    {
      name: 'another message',
      send: whole(handshake(20, bytes(1, 2, 3))),
      alert: 'unexpected_message',
    },
    {
      name: 'of 16 MB, by its head',
      send: whole(handshake(1, HELLO.subarray(4), 0xffffff)),
      alert: 'illegal_parameter',
    },
    {
      name: 'of nothing',
      send: whole(handshake(1, '')),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'cut short within',
      send: whole(handshake(1, HELLO.subarray(4, 60))),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    { name: 'SSL 3', send: hello({ version: 0x0300 }), alert: 'protocol_version' },
    { name: 'TLS 1.0', send: hello({ version: 0x0301 }), alert: 'protocol_version' },
    { name: 'TLS 1.1', send: hello({ version: 0x0302 }), alert: 'protocol_version' },
    // RFC 8446, 4.2.1: is 1.2, which mbedTLS 3.6 does not follow.
    { name: 'a version to come', send: hello({ version: 0x03ff }), hello: true, alert: 'protocol_version' },
    {
      name: 'no suite',
      send: hello({ suites: [] }),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'unknown suites',
      send: hello({ suites: [0x1a1a, 0xfafa] }),
      alert: ['handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'CBC and RSA only',
      send: hello({ suites: [0x002f, 0x003c, 0xc013] }),
      alert: ['handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'no compression method',
      send: hello({ compression: [] }),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'unknown curves',
      send: hello({
        extensions: [
          EXTENSION.groups([0x1a1a]),
          EXTENSION.points(),
          EXTENSION.signatures([0x0403]),
        ],
      }),
      alert: ['handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'unknown signatures',
      send: hello({
        extensions: [EXTENSION.groups([29]), EXTENSION.points(), EXTENSION.signatures([0xfafa])],
      }),
      alert: ['handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'an extension beyond the end',
      send: hello({ extensions: [...USUAL_EXTENSIONS, [10, bytes(0, 200, 0, 29)]] }),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'a name beyond the end',
      send: hello({ extensions: [...USUAL_EXTENSIONS, [0, bytes(0, 200, 0, 0, 9)]] }),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'unknown extensions',
      send: hello({
        extensions: [...USUAL_EXTENSIONS, [0x1a1a, bytes(1, 2)], [0xfafa, '']].map(([n, b]) => [
          n,
          Buffer.from(b),
        ]),
      }),
      hello: true,
    },
    {
      name: 'no protocol of ours',
      send: hello({ extensions: [...USUAL_EXTENSIONS, EXTENSION.alpn('spdy/3', 'h3')] }),
      alert: 'no_application_protocol',
    },
    {
      name: 'an empty protocol',
      send: hello({ extensions: [...USUAL_EXTENSIONS, EXTENSION.alpn('')] }),
      alert: ['decode_error', 'handshake_failure', 'illegal_parameter'],
    },
    {
      name: 'a name that is not ours',
      send: hello({ extensions: [...USUAL_EXTENSIONS, EXTENSION.sni('other.example')] }),
      hello: true,
    },
    {
      name: 'a name that is no name',
      send: hello({ extensions: [...USUAL_EXTENSIONS, EXTENSION.sni('../\0\r\n')] }),
      hello: true,
    },
    {
      name: 'a name of 255 bytes',
      send: hello({ extensions: [...USUAL_EXTENSIONS, EXTENSION.sni('x'.repeat(255))] }),
      hello: true,
    },
  ],
};

/** mbedTLS takes no more in a row, ours ten times as many. */
const EMPTY = 3;
const times = (n, make) => Buffer.concat(Array.from({ length: n }, (_, i) => make(i)));

export const RECORDS = {
  records: [
    { name: 'of an unknown type', send: (c) => c.seal(99, 'x'), alert: 'unexpected_message' },
    {
      name: 'of an unknown type, in the open',
      send: () => record(99, 'x'.repeat(40)),
      alert: 'unexpected_message',
    },
    { name: 'heartbeats', send: (c) => c.seal(24, bytes(1, 0, 3)), alert: 'unexpected_message' },
    {
      name: 'a change of ciphers',
      ours: 'TLSv1.3',
      send: (c) => c.seal(CHANGE_CIPHER_SPEC, bytes(1)),
      alert: 'unexpected_message',
    },
    {
      name: 'a change of ciphers, in the open',
      ours: 'TLSv1.3',
      send: () => record(CHANGE_CIPHER_SPEC, bytes(1)),
      alert: ['unexpected_message', 'bad_record_mac'],
    },
    {
      name: 'too long, by its header',
      send: () => record(DATA, '', { length: TEXT_MAX + 2049 }),
      alert: 'record_overflow',
    },
    {
      name: 'too much data in one',
      send: (c) => c.seal(DATA, 'x'.repeat(TEXT_MAX + 1)),
      alert: 'record_overflow',
    },
    {
      name: 'shorter than a tag',
      send: () => record(DATA, 'x'),
      alert: ['bad_record_mac', 'decode_error'],
    },
    {
      name: 'empty, in the open',
      send: () => record(DATA, ''),
      alert: ['bad_record_mac', 'decode_error', 'unexpected_message'],
    },
    {
      name: 'not sealed',
      send: () => record(DATA, 'GET / HTTP/1.1\r\n\r\n'.repeat(3)),
      alert: 'bad_record_mac',
    },
    {
      name: 'with a bit that was turned',
      send: (c) => {
        const sealed = c.seal(DATA, 'x');
        sealed[sealed.length - 1] ^= 1;
        return sealed;
      },
      alert: 'bad_record_mac',
    },
    {
      name: 'played again',
      send: (c) => {
        const sealed = c.seal(DATA, 'GET');
        return Buffer.concat([sealed, sealed]);
      },
      alert: 'bad_record_mac',
    },
    {
      name: 'left out',
      send: (c) => {
        c.seal(DATA, 'GET');
        return c.seal(DATA, 'GET');
      },
      alert: 'bad_record_mac',
    },
    {
      name: 'some empty ones',
      send: (c) => times(EMPTY, () => c.seal(DATA, '')),
      lives: true,
    },
    {
      name: 'one byte each',
      send: (c) =>
        times(2, () =>
          Buffer.concat(
            [...'GET /healthz?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n'].map((one) =>
              c.seal(DATA, one),
            ),
          ),
        ),
      lives: true,
    },
    {
      name: 'too many empty ones',
      send: (c) => times(2000, () => c.seal(DATA, '')),
      alert: ['unexpected_message', 'bad_record_mac'], // so says mbedTLS
    },
    {
      name: 'of another version',
      send: (c) => {
        const r = c.seal(DATA, 'x');
        r[1] = 4;
        return r;
      },
      alert: ['protocol_version', 'unexpected_message', 'bad_record_mac'],
      only: 'TLSv1.2',
    },
  ],
  alerts: [
    { name: 'close_notify', send: (c) => c.seal(ALERT, alert(WARNING, 0)), alert: 'close_notify' },
    { name: 'a fatal one', send: (c) => c.seal(ALERT, alert(FATAL, 80)), ends: true },
    {
      name: 'an empty one',
      send: (c) => c.seal(ALERT, ''),
      alert: ['unexpected_message', 'decode_error'],
    },
    {
      name: 'half of one',
      send: (c) => c.seal(ALERT, bytes(WARNING)),
      alert: ['decode_error', 'unexpected_message'],
    },
    {
      name: 'one and a half',
      send: (c) => c.seal(ALERT, bytes(WARNING, 90, 1)),
      alert: ['decode_error', 'unexpected_message'],
    },
    {
      name: 'of no level',
      ours: true,
      only: 'TLSv1.2',
      send: (c) => c.seal(ALERT, alert(7, 90)),
      alert: 'illegal_parameter',
    },
    {
      name: 'of no level, where levels mean nothing (RFC 8446, 6)',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => c.seal(ALERT, alert(7, 90)),
      lives: true,
    },
    { name: 'user_canceled', send: (c) => c.seal(ALERT, alert(WARNING, 90)), lives: true },
    {
      name: 'too many',
      ours: true,
      send: (c) => times(2000, () => c.seal(ALERT, alert(WARNING, 90))),
      alert: 'unexpected_message',
    },
  ],
  'renegotiation (RFC 5246, 7.2.2; RFC 5746)': [
    {
      name: 'is refused, and what was there goes on',
      send: (c) => c.seal(HANDSHAKE, HELLO),
      only: 'TLSv1.2',
      alert: 'no_renegotiation',
      lives: true,
    },
    {
      name: 'again and again',
      ours: true,
      send: (c) => times(100, () => c.seal(HANDSHAKE, HELLO)),
      only: 'TLSv1.2',
      alert: 'unexpected_message',
    },
    {
      name: 'in pieces',
      send: (c) => times(HELLO.length, (i) => c.seal(HANDSHAKE, HELLO.subarray(i, i + 1))),
      only: 'TLSv1.2',
      alert: 'unexpected_message',
    },
    {
      name: 'with an empty record',
      send: (c) => c.seal(HANDSHAKE, ''),
      alert: 'unexpected_message',
    },
    {
      name: 'a Finished',
      send: (c) => c.seal(HANDSHAKE, handshake(20, bytes(...Array(12).fill(1)))),
      alert: 'unexpected_message',
    },
    {
      name: 'a hello under TLS 1.3',
      send: (c) => c.seal(HANDSHAKE, HELLO),
      only: 'TLSv1.3',
      alert: 'unexpected_message',
    },
  ],
  'KeyUpdate (RFC 8446, 4.6.3)': [
    {
      name: 'is answered',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => {
        const first = c.seal(HANDSHAKE, keyUpdate(1));
        c.ours.update();
        return first;
      },
      updates: 1,
      lives: true,
    },
    {
      name: 'is not answered when nobody asks',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => {
        const first = c.seal(HANDSHAKE, keyUpdate(0));
        c.ours.update();
        return first;
      },
      updates: 0,
      lives: true,
    },
    {
      name: 'is not known to mbedTLS',
      theirs: true,
      only: 'TLSv1.3',
      send: (c) => c.seal(HANDSHAKE, keyUpdate(0)),
      alert: 'unexpected_message',
    },
    {
      name: 'a flood',
      only: 'TLSv1.3',
      send: (c) =>
        times(2000, () => {
          const one = c.seal(HANDSHAKE, keyUpdate(1));
          c.ours.update();
          return one;
        }),
      alert: 'unexpected_message',
    },
    {
      name: 'with another value',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => c.seal(HANDSHAKE, keyUpdate(2)),
      alert: 'illegal_parameter',
    },
    {
      name: 'too long',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => c.seal(HANDSHAKE, handshake(24, bytes(0, 0))),
      alert: ['decode_error', 'illegal_parameter'],
    },
    {
      name: 'with more behind it',
      only: 'TLSv1.3',
      send: (c) => c.seal(HANDSHAKE, Buffer.concat([keyUpdate(0), keyUpdate(0)])),
      alert: 'unexpected_message',
    },
    {
      name: 'under TLS 1.2',
      only: 'TLSv1.2',
      send: (c) => c.seal(HANDSHAKE, keyUpdate(0)),
      alert: 'unexpected_message',
    },
  ],
  'padding (RFC 8446, 5.4)': [
    {
      name: 'of 16,000 bytes',
      only: 'TLSv1.3',
      send: (c) =>
        c.seal(DATA, 'GET /healthz?x=2 HTTP/1.1\r\nHost: localhost\r\n\r\n', { padding: 16000 }),
      lives: true,
    },
    {
      name: 'and nothing else',
      only: 'TLSv1.3',
      send: (c) => c.seal(DATA, '', { inner: Buffer.alloc(100) }),
      alert: 'unexpected_message',
    },
    {
      name: 'and no type',
      only: 'TLSv1.3',
      send: (c) => c.seal(DATA, '', { inner: Buffer.alloc(0) }),
      alert: 'unexpected_message',
    },
    {
      name: 'beyond the most',
      ours: true,
      only: 'TLSv1.3',
      send: (c) => c.seal(DATA, 'x', { padding: TEXT_MAX + 1 }),
      alert: 'record_overflow',
    },
  ],
};
