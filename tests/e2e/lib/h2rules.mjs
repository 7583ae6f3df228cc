// What RFC 9113 has a server enforce, sections 3.4 to 8.5, and RFC 8441, as rows of tables: `send`
// are the bytes that come after the settings, and the row says what the hub makes of them:
//
//   connection: CODE      a GOAWAY with that code, and the end of the connection
//   reset: CODE           a RST_STREAM with that code; the connection and its other streams live
//   status: CODE          an answer with that status, a string; the connection lives
//   ignored: true         nothing at all; the connection lives
//
// CODE may be a list, where the RFC leaves it to the server. What is answered or reset is stream 1,
// or `stream`. With `bare` nothing was said before, not even the preface.
//
// Not here, as it does not apply:
//   3.1-3.3  the h1 upgrade is gone; how h2 is chosen by ALPN is tested with TLS.
//   4.3.1    the hub allows no dynamic table; what needs one is a COMPRESSION_ERROR, and is here.
//   5.1      "reserved" states come by server push only. DATA and HEADERS for a stream that is closed
//            may be discarded or be a connection error; both are allowed here.
//   5.3      priorities are deprecated: fields and frames of theirs are read and mean nothing.
//   6.6, 8.4 the hub never pushes; that a client may not is here.
//   6.9.3    how a receiver uses its windows is its own.
//   8.2.3    cookies in pieces, 8.6 examples, 8.7 retries: a client's part.
//   8.5      a tunnel is not to be had: CONNECT only with :protocol (RFC 8441).
import {
  FLAG,
  FRAME_MAX,
  PREFACE,
  SETTING,
  TYPE,
  continuation,
  data,
  frame,
  goaway,
  headers,
  ping,
  request,
  reset,
  settings,
  uint32,
  windowUpdate,
} from './h2_raw.mjs';
import { block, huffman, indexed, literal, literalToIndex, tableSize } from './hpack.mjs';

const GET = request('/healthz');
const POST = request('/t/h2/rules', { method: 'POST' });
const OPEN = headers(1, POST, { end: false });
const get = (stream = 1) => headers(stream, GET);
/** A request with further fields, or other pseudo-fields. */
const withFields = (...more) => [headers(1, [...GET, ...more])];
const withPseudo = (pseudo, options = {}) => [
  headers(1, request('/healthz', { pseudo, ...options })),
];
const posted = (more, ...rest) => [headers(1, [...POST, ...more], { end: false }), ...rest];
const bytes = (...list) => Buffer.from(list);
const half = Math.floor(block(GET).length / 2);
const BEGUN = block(GET).subarray(0, half);
const REST = block(GET).subarray(half);
const begin = (stream = 1) => headers(stream, BEGUN, { flags: 0 });
/** Padded by so many bytes, and told that it were `told`. */
const padded = (payload, n, told = n) =>
  Buffer.concat([bytes(told), Buffer.from(payload), Buffer.alloc(n)]);

const MALFORMED = { reset: 'PROTOCOL_ERROR' };
const PROTOCOL = { connection: 'PROTOCOL_ERROR' };
const SIZE = { connection: 'FRAME_SIZE_ERROR' };
const FINE = { status: '200' };
const PUBLISHED = { status: '201' };
const GONE = { ignored: true };

const preface = [
  { name: 'the preface and settings', bare: true, send: [PREFACE, settings(), get()], ...FINE },
  { name: 'no SETTINGS behind the preface', bare: true, send: [PREFACE, get()], ...PROTOCOL },
  { name: 'a PING before SETTINGS', bare: true, send: [PREFACE, ping('x')], ...PROTOCOL },
  {
    name: 'an acknowledgement as the first SETTINGS',
    bare: true,
    send: [PREFACE, settings([], { flags: FLAG.ACK })],
    ...PROTOCOL,
  },
  {
    name: 'a preface in the middle',
    send: [PREFACE],
    connection: ['FRAME_SIZE_ERROR', 'PROTOCOL_ERROR'],
  },
];

const format = [
  { name: 'a frame of an unknown type', send: [frame(0x7f, { payload: 'x' }), get()], ...FINE },
  {
    name: 'an unknown type on a stream that runs',
    send: [
      OPEN,
      frame(0xfa, { stream: 1, payload: 'x', flags: 0xff }),
      data(1, 'x', { end: true }),
    ],
    ...PUBLISHED,
  },
  { name: 'unknown flags of a PING', send: [ping('x', { flags: 0xfe }), get()], ...FINE },
  { name: 'unknown flags of HEADERS', send: [headers(1, GET, { flags: 0xd6 })], ...FINE },
  {
    name: 'the reserved bit of a stream',
    send: [frame(TYPE.HEADERS, { stream: 0x80000001, flags: 5, payload: block(GET) })],
    ...FINE,
  },
  { name: 'an empty frame of an unknown type', send: [frame(0x20), get()], ...FINE },
];

const sizes = [
  {
    name: 'DATA above the maximum, by its head',
    send: [OPEN, data(1, '', { length: FRAME_MAX + 1 })],
    connection: 'FRAME_SIZE_ERROR',
  },
  {
    name: 'HEADERS above the maximum, by its head',
    send: [frame(TYPE.HEADERS, { stream: 1, flags: 5, length: FRAME_MAX + 1 })],
    ...SIZE,
  },
  { name: 'SETTINGS above the maximum', send: [settings([], { length: FRAME_MAX + 2 })], ...SIZE },
  { name: 'an unknown type above it', send: [frame(0x40, { length: 0xffffff })], ...SIZE },
  {
    name: 'DATA of the maximum',
    send: [OPEN, data(1, 'x'.repeat(FRAME_MAX), { end: true })],
    ...PUBLISHED,
  },
  {
    name: 'padding without its length',
    send: [frame(TYPE.HEADERS, { stream: 1, flags: 13 })],
    connection: ['FRAME_SIZE_ERROR', 'PROTOCOL_ERROR'],
  },
  {
    name: 'priority fields that are cut short',
    send: [frame(TYPE.HEADERS, { stream: 1, flags: 0x25, payload: bytes(0, 0, 0, 0) })],
    ...SIZE,
  },
];

const compression = [
  {
    name: 'a literal in Huffman code',
    send: withFields(Buffer.concat([bytes(0), huffman('x-a'), huffman('b')])),
    ...FINE,
  },
  {
    name: 'an index of the static table',
    send: [
      headers(1, [
        indexed(2),
        indexed(6),
        literal(':path', '/healthz'),
        literal(':authority', 'localhost'),
      ]),
    ],
    ...FINE,
  },
  { name: 'index 0', send: withFields(indexed(0)), connection: 'COMPRESSION_ERROR' },
  {
    name: 'an index behind both tables',
    send: withFields(indexed(62)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'an index far away',
    send: withFields(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a field put into a table that is not there',
    send: withFields(literalToIndex('x-a', 'b')),
    ...FINE,
  },
  {
    name: 'the use of one',
    send: [headers(1, [...GET, literalToIndex('x-a', 'b'), indexed(62)])],
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a table above the limit',
    send: [headers(1, Buffer.concat([tableSize(4097), block(GET)]))],
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'no update of the table after it became smaller',
    send: [headers(1, Buffer.concat(GET.map((one) => literal(...one))))],
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'an update behind a field',
    send: withFields(tableSize(0)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a block that ends within a string',
    send: withFields(bytes(0, 5, 0x61)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'an integer without end',
    send: withFields(bytes(0, 0x7f, ...Array(20).fill(0x80))),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'EOS within a string',
    send: withFields(bytes(0, 1, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a string filled up with zeros',
    send: withFields(bytes(0, 1, 0x61, 0x81, 0x18)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a string filled up by more than 7 bits',
    send: withFields(bytes(0, 1, 0x61, 0x82, 0x1f, 0xff)),
    connection: 'COMPRESSION_ERROR',
  },
  {
    name: 'a bad block for a stream that was reset',
    send: [OPEN, reset(1), headers(1, indexed(0))],
    connection: ['COMPRESSION_ERROR', 'STREAM_CLOSED'],
  },
  { name: 'a block in pieces', send: [begin(), continuation(1, REST)], ...FINE },
  {
    name: 'an empty piece',
    send: [begin(), continuation(1, '', { flags: 0 }), continuation(1, REST)],
    ...FINE,
  },
  { name: 'another frame within a block', send: [begin(), ping('x')], ...PROTOCOL },
  { name: 'DATA within a block', send: [begin(), data(1, 'x')], ...PROTOCOL },
  { name: 'HEADERS within a block', send: [begin(), get(3)], ...PROTOCOL },
  {
    name: 'an unknown type within a block',
    send: [begin(), frame(0x30, { stream: 1 })],
    ...PROTOCOL,
  },
  { name: 'a piece for another stream', send: [begin(), continuation(3, REST)], ...PROTOCOL },
];

const states = [
  { name: 'idle: DATA', send: [data(1, 'x')], ...PROTOCOL },
  { name: 'idle: RST_STREAM', send: [reset(1)], ...PROTOCOL },
  { name: 'idle: WINDOW_UPDATE', send: [windowUpdate(1, 1)], ...PROTOCOL },
  { name: 'idle: CONTINUATION', send: [continuation(1, block(GET))], ...PROTOCOL },
  {
    name: 'idle: PRIORITY',
    send: [frame(TYPE.PRIORITY, { stream: 1, payload: bytes(0, 0, 0, 0, 16) }), get()],
    ...FINE,
  },
  { name: 'idle: DATA on a stream of the server', send: [data(2, 'x')], ...PROTOCOL },
  {
    name: 'half-closed: DATA',
    send: [headers(1, request('/t/h2/none?wait=30')), data(1, 'x')],
    reset: 'STREAM_CLOSED',
    or: { connection: 'STREAM_CLOSED' },
  },
  {
    name: 'half-closed: HEADERS',
    send: [headers(1, request('/t/h2/none?wait=30')), get()],
    reset: 'STREAM_CLOSED',
    or: { connection: 'STREAM_CLOSED' },
  },
  {
    name: 'half-closed: CONTINUATION',
    send: [headers(1, request('/t/h2/none?wait=30')), continuation(1, block(GET))],
    ...PROTOCOL,
  },
  { name: 'half-closed: WINDOW_UPDATE', send: [get(), windowUpdate(1, 1)], ...FINE },
  {
    name: 'half-closed: PRIORITY',
    send: [get(), frame(TYPE.PRIORITY, { stream: 1, payload: bytes(0, 0, 0, 0, 16) })],
    ...FINE,
  },
  { name: 'closed by RST_STREAM: RST_STREAM', send: [OPEN, reset(1), reset(1)], ...GONE },
  {
    name: 'closed by RST_STREAM: WINDOW_UPDATE',
    send: [OPEN, reset(1), windowUpdate(1, 1)],
    ...GONE,
  },
  {
    name: 'closed by RST_STREAM: DATA',
    send: [OPEN, reset(1), data(1, 'x')],
    ...GONE,
    or: { connection: 'STREAM_CLOSED' },
  },
  {
    name: 'closed by RST_STREAM: HEADERS',
    send: [OPEN, reset(1), get()],
    ...GONE,
    or: { connection: 'STREAM_CLOSED' },
  },
  { name: 'an even stream', send: [get(2)], ...PROTOCOL },
  { name: 'a stream below one before', send: [get(5), get(3)], ...PROTOCOL },
  { name: 'streams left out', send: [get(7)], stream: 7, ...FINE },
  {
    name: 'the last stream of all',
    send: [get(0x7fffffff)],
    stream: 0x7fffffff,
    ...FINE,
    last: true,
  },
];

const dataFrames = [
  { name: 'on stream 0', send: [data(0, 'x')], ...PROTOCOL },
  {
    name: 'padded',
    send: [OPEN, data(1, padded('x', 9), { flags: FLAG.PADDED, end: true })],
    ...PUBLISHED,
  },
  {
    name: 'all padding',
    send: [OPEN, data(1, padded('', 255), { flags: FLAG.PADDED }), data(1, 'x', { end: true })],
    ...PUBLISHED,
  },
  {
    name: 'padded beyond its end',
    send: [OPEN, data(1, padded('', 3, 4), { flags: FLAG.PADDED })],
    ...PROTOCOL,
  },
  {
    name: 'empty, and the end',
    send: [OPEN, data(1, 'x'), data(1, '', { end: true })],
    ...PUBLISHED,
  },
];

const headersFrames = [
  { name: 'on stream 0', send: [get(0)], ...PROTOCOL },
  {
    name: 'padded',
    send: [headers(1, padded(block(GET), 4), { flags: FLAG.PADDED | FLAG.END_HEADERS })],
    ...FINE,
  },
  {
    name: 'padded beyond its end',
    send: [headers(1, padded('', 3, 4), { flags: FLAG.PADDED | FLAG.END_HEADERS })],
    ...PROTOCOL,
  },
  {
    name: 'with a priority',
    send: [
      headers(1, Buffer.concat([bytes(0x80, 0, 0, 0, 255), block(GET)]), {
        flags: FLAG.PRIORITY | FLAG.END_HEADERS,
      }),
    ],
    ...FINE,
  },
  {
    name: 'without any field',
    send: [headers(1, Buffer.alloc(0))],
    ...MALFORMED,
    or: { connection: ['COMPRESSION_ERROR', 'PROTOCOL_ERROR'] },
  },
];

const priority = [
  {
    name: 'on stream 0',
    send: [frame(TYPE.PRIORITY, { payload: bytes(0, 0, 0, 0, 1) })],
    ...PROTOCOL,
  },
  {
    name: 'too short',
    send: [OPEN, frame(TYPE.PRIORITY, { stream: 1, payload: bytes(0, 0, 0, 1) })],
    reset: 'FRAME_SIZE_ERROR',
    or: SIZE,
  },
  {
    name: 'too long',
    send: [OPEN, frame(TYPE.PRIORITY, { stream: 1, payload: bytes(0, 0, 0, 0, 1, 0) })],
    reset: 'FRAME_SIZE_ERROR',
    or: SIZE,
  },
  {
    name: 'of a stream far away',
    send: [frame(TYPE.PRIORITY, { stream: 0x7ffffffd, payload: bytes(0, 0, 0, 1, 1) }), get()],
    ...FINE,
  },
];

const resets = [
  { name: 'on stream 0', send: [reset(0)], ...PROTOCOL },
  {
    name: 'too short',
    send: [OPEN, frame(TYPE.RST_STREAM, { stream: 1, payload: bytes(0, 0, 8) })],
    ...SIZE,
  },
  {
    name: 'too long',
    send: [OPEN, frame(TYPE.RST_STREAM, { stream: 1, payload: bytes(0, 0, 0, 0, 8) })],
    ...SIZE,
  },
  { name: 'with an unknown code', send: [OPEN, reset(1, 0xdeadbeef)], ...GONE },
];

const settingsFrames = [
  { name: 'on a stream', send: [OPEN, settings([], { stream: 1 })], ...PROTOCOL },
  {
    name: 'an acknowledgement with a payload',
    send: [settings([[1, 0]], { flags: FLAG.ACK })],
    ...SIZE,
  },
  { name: 'of 5 bytes', send: [frame(TYPE.SETTINGS, { payload: bytes(0, 1, 0, 0, 0) })], ...SIZE },
  { name: 'unknown', send: [settings([[0x7f, 7]]), get()], ...FINE },
  { name: 'empty', send: [settings(), get()], ...FINE },
  {
    name: 'the same twice',
    send: [
      settings([
        [3, 7],
        [3, 8],
      ]),
      get(),
    ],
    ...FINE,
  },
  { name: 'ENABLE_PUSH 2', send: [settings([[SETTING.ENABLE_PUSH, 2]])], ...PROTOCOL },
  {
    name: 'ENABLE_PUSH 0 and 1',
    send: [settings([[SETTING.ENABLE_PUSH, 0]]), settings([[SETTING.ENABLE_PUSH, 1]]), get()],
    ...FINE,
  },
  {
    name: 'INITIAL_WINDOW_SIZE 2^31',
    send: [settings([[SETTING.INITIAL_WINDOW_SIZE, 2 ** 31]])],
    connection: 'FLOW_CONTROL_ERROR',
  },
  {
    name: 'INITIAL_WINDOW_SIZE 2^31-1',
    send: [settings([[SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]]), get()],
    ...FINE,
  },
  {
    name: 'MAX_FRAME_SIZE 16383',
    send: [settings([[SETTING.MAX_FRAME_SIZE, 16383]])],
    ...PROTOCOL,
  },
  {
    name: 'MAX_FRAME_SIZE 2^24',
    send: [settings([[SETTING.MAX_FRAME_SIZE, 2 ** 24]])],
    ...PROTOCOL,
  },
  {
    name: 'MAX_FRAME_SIZE 2^24-1',
    send: [settings([[SETTING.MAX_FRAME_SIZE, 2 ** 24 - 1]]), get()],
    ...FINE,
  },
  {
    name: 'HEADER_TABLE_SIZE 2^32-1',
    send: [settings([[SETTING.HEADER_TABLE_SIZE, 2 ** 32 - 1]]), get()],
    ...FINE,
  },
  {
    name: 'MAX_CONCURRENT_STREAMS 0',
    send: [settings([[SETTING.MAX_CONCURRENT_STREAMS, 0]]), get()],
    ...FINE,
  },
  {
    name: 'an acknowledgement that nobody has asked for',
    send: [settings([], { flags: FLAG.ACK })],
    ...PROTOCOL,
    or: { ignored: true },
  },
];

const push = [
  {
    name: 'by a client',
    send: [
      OPEN,
      frame(TYPE.PUSH_PROMISE, {
        stream: 1,
        flags: 4,
        payload: Buffer.concat([uint32(2), block(GET)]),
      }),
    ],
    ...PROTOCOL,
  },
];

const pings = [
  { name: 'on a stream', send: [OPEN, ping('x', { stream: 1 })], ...PROTOCOL },
  { name: 'too short', send: [frame(TYPE.PING, { payload: 'seven b' })], ...SIZE },
  { name: 'too long', send: [frame(TYPE.PING, { payload: 'nine byte' })], ...SIZE },
  { name: 'an acknowledgement unasked', send: [ping('x', { flags: FLAG.ACK })], ...GONE },
];

const goaways = [
  { name: 'on a stream', send: [OPEN, goaway(0, 0, { stream: 1 })], ...PROTOCOL },
  {
    name: 'too short',
    send: [frame(TYPE.GOAWAY, { payload: bytes(0, 0, 0, 0, 0, 0, 0) })],
    ...SIZE,
  },
  {
    name: 'before the answer',
    send: [OPEN, goaway(0), data(1, 'x', { end: true })],
    ...PUBLISHED,
    last: true,
  },
];

const windows = [
  {
    name: 'by 0 on a stream',
    send: [OPEN, windowUpdate(1, 0)],
    reset: 'PROTOCOL_ERROR',
    or: PROTOCOL,
  },
  { name: 'by 0 on the connection', send: [windowUpdate(0, 0)], ...PROTOCOL },
  { name: 'too short', send: [frame(TYPE.WINDOW_UPDATE, { payload: bytes(0, 0, 1) })], ...SIZE },
  {
    name: 'too long',
    send: [frame(TYPE.WINDOW_UPDATE, { payload: bytes(0, 0, 0, 1, 0) })],
    ...SIZE,
  },
  {
    name: 'a stream above 2^31-1',
    send: [OPEN, windowUpdate(1, 2 ** 31 - 1)],
    reset: 'FLOW_CONTROL_ERROR',
  },
  {
    name: 'the connection above 2^31-1',
    send: [windowUpdate(0, 2 ** 31 - 1)],
    connection: 'FLOW_CONTROL_ERROR',
  },
  {
    name: 'the connection to 2^31-1',
    send: [windowUpdate(0, 2 ** 31 - 1 - 65535), get()],
    ...FINE,
  },
  {
    name: 'a stream above 2^31-1 by SETTINGS',
    send: [
      OPEN,
      windowUpdate(1, 2 ** 31 - 1 - 65535),
      settings([[SETTING.INITIAL_WINDOW_SIZE, 65536]]),
    ],
    connection: 'FLOW_CONTROL_ERROR',
  },
  {
    name: 'the reserved bit',
    send: [frame(TYPE.WINDOW_UPDATE, { payload: uint32(0x80000001) }), get()],
    ...FINE,
  },
];

const continuations = [
  { name: 'on stream 0', send: [continuation(0, REST)], ...PROTOCOL },
  { name: 'without HEADERS', send: [OPEN, continuation(1, REST)], ...PROTOCOL },
  {
    name: 'behind the end of the block',
    send: [begin(), continuation(1, REST), continuation(1, REST)],
    ...PROTOCOL,
  },
  { name: 'with unknown flags', send: [begin(), continuation(1, REST, { flags: 0xff })], ...FINE },
];

const messages = [
  { name: 'trailers', send: posted([], data(1, 'x'), headers(1, [['x-sum', '1']])), ...PUBLISHED },
  {
    name: 'trailers without the end',
    send: posted([], data(1, 'x'), headers(1, [['x-sum', '1']], { end: false })),
    ...MALFORMED,
  },
  {
    name: 'trailers with a pseudo-field',
    send: posted([], data(1, 'x'), headers(1, [[':path', '/']])),
    ...MALFORMED,
  },
  { name: 'HEADERS twice', send: posted([], headers(1, POST)), ...MALFORMED },
  {
    name: 'content-length as the body is',
    send: posted([['content-length', '1']], data(1, 'x', { end: true })),
    ...PUBLISHED,
  },
  {
    name: 'content-length above the body',
    send: posted([['content-length', '2']], data(1, 'x', { end: true })),
    ...MALFORMED,
  },
  {
    name: 'content-length below the body',
    send: posted([['content-length', '1']], data(1, 'xy', { end: true })),
    ...MALFORMED,
  },
  {
    name: 'content-length and no body',
    send: [headers(1, [...POST, ['content-length', '1']])],
    ...MALFORMED,
  },
  {
    name: 'content-length above, and trailers',
    send: posted([['content-length', '2']], data(1, 'x'), headers(1, [['x-sum', '1']])),
    ...MALFORMED,
  },
  {
    name: 'content-length with a sign',
    send: posted([['content-length', '+1']], data(1, 'x', { end: true })),
    ...MALFORMED,
  },
  {
    name: 'content-length twice',
    send: posted(
      [
        ['content-length', '1'],
        ['content-length', '2'],
      ],
      data(1, 'x', { end: true }),
    ),
    ...MALFORMED,
  },
  {
    name: 'content-length in a list',
    send: posted([['content-length', '1, 1']], data(1, 'x', { end: true })),
    ...MALFORMED,
  },
  {
    name: 'content-length above 2^63',
    send: posted([['content-length', '99999999999999999999']], data(1, 'x', { end: true })),
    ...MALFORMED,
  },
];

const bad = (what, name, value) => ({ name: what, send: withFields([name, value]), ...MALFORMED });
const fields = [
  bad('an uppercase name', 'X-Big', 'x'),
  bad('one uppercase letter', 'x-biG', 'x'),
  bad('an empty name', '', 'x'),
  bad('a space in a name', 'x y', 'x'),
  bad('a colon in a name', 'x:y', 'x'),
  bad('a NUL in a name', 'x\0', 'x'),
  bad('a line end in a name', 'x\r\ny', 'x'),
  bad('DEL in a name', 'x\x7f', 'x'),
  bad('a byte above 127 in a name', 'x\xe4', 'x'),
  bad('a NUL in a value', 'x', 'a\0b'),
  bad('LF in a value', 'x', 'a\nb'),
  bad('CR in a value', 'x', 'a\rb'),
  bad('a space before a value', 'x', ' a'),
  bad('a space behind a value', 'x', 'a '),
  bad('a tab before a value', 'x', '\ta'),
  {
    name: 'a space and a tab within, a byte above 127, an empty value',
    send: withFields(['x', 'a \tb'], ['y', '\xe4'], ['z', '']),
    ...FINE,
  },
  bad('connection', 'connection', 'close'),
  bad('keep-alive', 'keep-alive', '5'),
  bad('proxy-connection', 'proxy-connection', 'close'),
  bad('transfer-encoding', 'transfer-encoding', 'chunked'),
  bad('upgrade', 'upgrade', 'websocket'),
  bad('te other than trailers', 'te', 'gzip'),
  { name: 'te: trailers', send: withFields(['te', 'trailers']), ...FINE },
  {
    name: 'connection in trailers',
    send: posted([], data(1, 'x'), headers(1, [['connection', 'close']])),
    ...MALFORMED,
  },
  {
    name: 'an uppercase name in trailers',
    send: posted([], data(1, 'x'), headers(1, [['X-Sum', '1']])),
    ...MALFORMED,
  },
];

const pseudo = [
  { name: 'no :method', send: withPseudo({ ':method': undefined }), ...MALFORMED },
  { name: 'no :scheme', send: withPseudo({ ':scheme': undefined }), ...MALFORMED },
  { name: 'no :path', send: withPseudo({ ':path': undefined }), ...MALFORMED },
  { name: 'an empty :path', send: withPseudo({ ':path': '' }), ...MALFORMED },
  { name: 'an empty :method', send: withPseudo({ ':method': '' }), ...MALFORMED },
  { name: 'an empty :scheme', send: withPseudo({ ':scheme': '' }), ...MALFORMED },
  {
    name: 'a :path without a slash',
    send: withPseudo({ ':path': 'healthz' }),
    ...MALFORMED,
    or: { status: '400' },
  },
  { name: '* with GET', send: withPseudo({ ':path': '*' }), ...MALFORMED, or: { status: '400' } },
  { name: ':status', send: withFields([':status', '200']), ...MALFORMED },
  { name: 'an unknown one', send: withPseudo({ ':other': 'x' }), ...MALFORMED },
  {
    name: ':protocol without CONNECT',
    send: withPseudo({ ':protocol': 'websocket' }),
    ...MALFORMED,
  },
  { name: 'one behind a field', send: [headers(1, [['x', 'y'], ...GET])], ...MALFORMED },
  {
    name: 'the last behind a field',
    send: [headers(1, [...GET.slice(0, 3), ['x', 'y'], GET[3]])],
    ...MALFORMED,
  },
  ...[':method', ':scheme', ':path', ':authority'].map((name, n) => ({
    name: `${name} twice`,
    send: [headers(1, [GET[n], ...GET])],
    ...MALFORMED,
  })),
  {
    name: 'host instead of :authority',
    send: withPseudo({ ':authority': undefined }, { more: [['host', '127.0.0.1']] }),
    ...FINE,
  },
  { name: 'host as :authority', send: withFields(['host', '127.0.0.1']), ...FINE },
  {
    name: 'host another than :authority',
    send: withFields(['host', 'localhost']),
    ...MALFORMED,
    or: { status: '400' },
  },
  {
    name: 'host twice',
    send: withFields(['host', '127.0.0.1'], ['host', '127.0.0.1']),
    ...MALFORMED,
    or: { status: '400' },
  },
  {
    name: 'neither host nor :authority',
    send: withPseudo({ ':authority': undefined }),
    ...MALFORMED,
    or: { status: '400' },
  },
  {
    name: 'userinfo in :authority',
    send: withPseudo({ ':authority': 'user@127.0.0.1' }),
    ...MALFORMED,
    or: { status: '400' },
  },
  {
    name: 'a space in :path',
    send: withPseudo({ ':path': '/a b' }),
    ...MALFORMED,
    or: { status: '400' },
  },
  { name: 'a line end in :path', send: withPseudo({ ':path': '/a\r\nx: y' }), ...MALFORMED },
  { name: 'a line end in :method', send: withPseudo({ ':method': 'GET\n' }), ...MALFORMED },
  { name: 'a bad letter in :method', send: withPseudo({ ':method': 'G T' }), ...MALFORMED },
];

const ws = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' };
const wsFields = [['sec-websocket-version', '13']];
const opened = (change, more = wsFields, end = false) => [
  headers(1, request('/ws', { pseudo: { ...ws, ...change }, more }), { end }),
];
const connect = [
  {
    name: 'with :scheme and :path, as no CONNECT has',
    send: opened({ ':protocol': undefined }),
    ...MALFORMED,
  },
  {
    name: 'as a tunnel',
    send: opened({ ':protocol': undefined, ':scheme': undefined, ':path': undefined }),
    status: ['400', '404', '405', '501'],
    or: MALFORMED,
  },
  {
    name: 'without :authority',
    send: opened({
      ':protocol': undefined,
      ':scheme': undefined,
      ':path': undefined,
      ':authority': undefined,
    }),
    ...MALFORMED,
  },
  { name: ':protocol websocket (RFC 8441)', send: opened({}), ...FINE, open: true },
  { name: ':protocol without :scheme', send: opened({ ':scheme': undefined }), ...MALFORMED },
  { name: ':protocol without :path', send: opened({ ':path': undefined }), ...MALFORMED },
  {
    name: ':protocol without :authority',
    send: opened({ ':authority': undefined }),
    ...MALFORMED,
    or: { status: '400' },
  },
  {
    name: ':protocol twice',
    send: [
      headers(1, [[':protocol', 'websocket'], ...request('/ws', { pseudo: ws, more: wsFields })], {
        end: false,
      }),
    ],
    ...MALFORMED,
  },
  {
    name: 'another :protocol',
    send: opened({ ':protocol': 'connect-udp' }),
    status: ['400', '501'],
  },
  {
    name: 'an unknown version',
    send: opened({}, [['sec-websocket-version', '12']]),
    status: ['400', '426'],
  },
  { name: 'no version', send: opened({}, []), status: ['400', '426'] },
  {
    name: 'where there is no WebSocket',
    send: opened({ ':path': '/healthz' }),
    status: ['400', '404', '405', '426'],
  },
];

/** Rows by section. */
export const RULES = {
  '3.4 Preface': preface,
  '4.1 Frame Format': format,
  '4.2 Frame Size': sizes,
  '4.3 Field Section Compression': compression,
  '5.1 Stream States': states,
  '6.1 DATA': dataFrames,
  '6.2 HEADERS': headersFrames,
  '6.3 PRIORITY': priority,
  '6.4 RST_STREAM': resets,
  '6.5 SETTINGS': settingsFrames,
  '6.6 PUSH_PROMISE': push,
  '6.7 PING': pings,
  '6.8 GOAWAY': goaways,
  '6.9 WINDOW_UPDATE': windows,
  '6.10 CONTINUATION': continuations,
  '8.1 Message Framing': messages,
  '8.2 Fields': fields,
  '8.3 Control Data': pseudo,
  '8.5 CONNECT, RFC 8441': connect,
};
