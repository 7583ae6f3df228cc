// What RFC 6455 and RFC 7692 say of frames, as cases for a server that sends every message back:
// `send` are the bytes that come, `data` the messages and `pongs` the payloads that must come back,
// `close` the code of the close frame that the server sends. A case without `close` leaves the
// connection open. `deflate`: permessage-deflate is negotiated.
import { OP, closePayload, deflate, deflated, frame } from './wsframe.mjs';

const text = (payload) => [OP.TEXT, Buffer.from(payload)];
const binary = (payload) => [OP.BINARY, Buffer.from(payload)];
const bytes = (...list) => Buffer.from(list);
const fragment = (opcode, payload, more = {}) => frame(opcode, payload, { fin: false, ...more });
/** A message in these pieces, as fragments. */
const fragments = (opcode, pieces) =>
  pieces.map((piece, i) =>
    frame(i ? OP.CONTINUATION : opcode, piece, { fin: i === pieces.length - 1 }),
  );
/** Only the first `n` bytes of a frame. */
const begun = (buffer, n) => [buffer.subarray(0, n)];

const UTF8 = 'κόσμε-日本-\u{1F600}-\u{10FFFF}';

/** The same frame with its length in 2 (126) or 8 (127) bytes. */
function longLength(form, payload) {
  const size = form === 126 ? 2 : 8;
  const length = Buffer.alloc(size);
  if (size === 2) length.writeUInt16BE(payload.length);
  else length.writeBigUInt64BE(BigInt(payload.length));
  const head = [bytes(0x81, 0x80 | form), length, bytes(0, 0, 0, 0)];
  return Buffer.concat([...head, Buffer.from(payload)]);
}

// Section 5.2: payload lengths, in the shortest of three forms.
const lengths = [
  ...[0, 1, 125, 126, 127, 128, 65535, 65536].map((n) => ({
    name: `a text of ${n} bytes`,
    send: [frame(OP.TEXT, 'x'.repeat(n))],
    data: [text('x'.repeat(n))],
  })),
  ...[0, 125, 126, 65536].map((n) => ({
    name: `a binary message of ${n} bytes`,
    send: [frame(OP.BINARY, Buffer.alloc(n, 0xfe))],
    data: [binary(Buffer.alloc(n, 0xfe))],
  })),
  { name: '125 bytes with a length of 2', send: [longLength(126, 'x'.repeat(125))], close: 1002 },
  { name: '125 bytes with a length of 8', send: [longLength(127, 'x'.repeat(125))], close: 1002 },
  {
    name: '65535 bytes with a length of 8',
    send: begun(longLength(127, 'x'.repeat(65535)), 10),
    close: 1002,
  },
  { name: 'a length of 2^63', send: [bytes(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)], close: 1002 },
  {
    name: 'a length of 2^62, by its head',
    send: [bytes(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0)],
    close: 1009,
  },
];

// Section 5.5.2 and 5.5.3.
const pings = [
  { name: 'a ping without payload', send: [frame(OP.PING)], pongs: [''] },
  {
    name: 'a ping of 125 bytes',
    send: [frame(OP.PING, Buffer.alloc(125, 0xff))],
    pongs: [Buffer.alloc(125, 0xff)],
  },
  {
    name: 'a ping of 126 bytes, by its head',
    send: begun(frame(OP.PING, 'x'.repeat(126)), 2),
    close: 1002,
  },
  {
    name: 'ten pings',
    send: Array.from('0123456789', (digit) => frame(OP.PING, digit)),
    pongs: [...'0123456789'],
  },
  { name: 'a pong unasked', send: [frame(OP.PONG, 'x'), frame(OP.PING, 'y')], pongs: ['y'] },
  { name: 'a pong of 126 bytes', send: begun(frame(OP.PONG, 'x'.repeat(126)), 2), close: 1002 },
];

// Section 5.2: reserved bits and opcodes.
const reserved = [
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) => [
    {
      name: `a text with reserved bits ${rsv}, by its head`,
      send: begun(frame(OP.TEXT, 'x', { rsv }), 2),
      close: 1002,
    },
    { name: `a ping with reserved bits ${rsv}`, send: [frame(OP.PING, 'x', { rsv })], close: 1002 },
    {
      name: `a close with reserved bits ${rsv}`,
      send: [frame(OP.CLOSE, closePayload(1000), { rsv })],
      close: 1002,
    },
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    name: `opcode ${opcode}, by its head`,
    send: begun(frame(opcode, 'x'), 2),
    close: 1002,
  })),
  {
    name: 'a reserved opcode behind a message',
    send: [frame(OP.TEXT, 'a'), frame(3, 'b')],
    data: [text('a')],
    close: 1002,
  },
  {
    name: 'a frame without a mask, by its head',
    send: begun(frame(OP.TEXT, 'x', { masked: false }), 2),
    close: 1002,
  },
];

// Section 5.4.
const fragmentation = [
  {
    name: 'a text in two fragments',
    send: fragments(OP.TEXT, ['one', 'two']),
    data: [text('onetwo')],
  },
  {
    name: 'a binary message in five',
    send: fragments(OP.BINARY, ['a', '', 'b', '', 'c']),
    data: [binary('abc')],
  },
  {
    name: 'a text in three empty fragments',
    send: fragments(OP.TEXT, ['', '', '']),
    data: [text('')],
  },
  {
    name: 'the last fragment alone with content',
    send: fragments(OP.TEXT, ['', '', 'x']),
    data: [text('x')],
  },
  {
    name: 'control frames between fragments',
    send: [
      fragment(OP.TEXT, 'a'),
      frame(OP.PING, '1'),
      fragment(OP.CONTINUATION, 'b'),
      frame(OP.PONG, '-'),
      frame(OP.PING, '2'),
      frame(OP.CONTINUATION, 'c'),
    ],
    data: [text('abc')],
    pongs: ['1', '2'],
  },
  { name: 'a fragmented ping, by its head', send: begun(fragment(OP.PING, 'x'), 2), close: 1002 },
  { name: 'a fragmented pong', send: begun(fragment(OP.PONG, 'x'), 2), close: 1002 },
  {
    name: 'a fragmented close',
    send: begun(fragment(OP.CLOSE, closePayload(1000)), 2),
    close: 1002,
  },
  { name: 'a continuation of nothing', send: begun(frame(OP.CONTINUATION, 'x'), 2), close: 1002 },
  { name: 'a fragment of nothing', send: begun(fragment(OP.CONTINUATION, 'x'), 2), close: 1002 },
  {
    name: 'a continuation behind a whole message',
    send: [frame(OP.TEXT, 'a'), frame(OP.CONTINUATION, 'b')],
    data: [text('a')],
    close: 1002,
  },
  {
    name: 'a text inside a text',
    send: [fragment(OP.TEXT, 'a'), frame(OP.TEXT, 'b')],
    close: 1002,
  },
  {
    name: 'a binary message inside a text',
    send: [fragment(OP.TEXT, 'a'), fragment(OP.BINARY, 'b')],
    close: 1002,
  },
  {
    name: 'a close inside a message',
    send: [fragment(OP.TEXT, 'a'), frame(OP.CLOSE, closePayload(1000))],
    close: 1000,
  },
];

// Section 8.1, as soon as it can be told.
const notUtf8 = [
  ['a continuation byte first', bytes(0x80)],
  ['two bytes for ASCII', bytes(0xc0, 0xaf)],
  ['three bytes for two', bytes(0xe0, 0x80, 0xaf)],
  ['four bytes for three', bytes(0xf0, 0x80, 0x80, 0xaf)],
  ['a surrogate', bytes(0xed, 0xa0, 0x80)],
  ['a pair of surrogates', bytes(0xed, 0xad, 0xbf, 0xed, 0xbe, 0x80)],
  ['above U+10FFFF', bytes(0xf4, 0x90, 0x80, 0x80)],
  ['five bytes', bytes(0xf8, 0x88, 0x80, 0x80, 0x80)],
  ['FE', bytes(0xfe)],
  ['a character cut short by ASCII', bytes(0xe2, 0x82, 0x20)],
];
const utf8 = [
  { name: 'characters of every length', send: [frame(OP.TEXT, UTF8)], data: [text(UTF8)] },
  {
    name: 'NUL and noncharacters',
    send: [frame(OP.TEXT, '\0\uFFFE\uFFFF\u{1FFFF}')],
    data: [text('\0\uFFFE\uFFFF\u{1FFFF}')],
  },
  {
    name: 'one byte of it in each fragment',
    send: fragments(
      OP.TEXT,
      [...Buffer.from(UTF8)].map((b) => bytes(b)),
    ),
    data: [text(UTF8)],
  },
  {
    name: 'the same bytes as binary',
    send: [frame(OP.BINARY, bytes(0xff, 0xc0, 0xaf))],
    data: [binary(bytes(0xff, 0xc0, 0xaf))],
  },
  ...notUtf8.map(([name, wrong]) => ({
    name: `not UTF-8: ${name}, before the frame ends`,
    send: begun(
      frame(OP.TEXT, Buffer.concat([Buffer.from('ab'), wrong, Buffer.from('rest')])),
      8 + wrong.length,
    ),
    close: 1007,
  })),
  {
    name: 'not UTF-8 in a fragment, before the next',
    send: [fragment(OP.TEXT, UTF8), fragment(OP.CONTINUATION, bytes(0xf4, 0x90))],
    close: 1007,
  },
  {
    name: 'half a character at the end',
    send: [frame(OP.TEXT, bytes(0x61, 0xe2, 0x82))],
    close: 1007,
  },
  {
    name: 'half a character at the end of the last fragment',
    send: fragments(OP.TEXT, ['a', bytes(0xe2, 0x82)]),
    close: 1007,
  },
  {
    name: 'half a character, a ping, and the other half',
    send: [
      fragment(OP.TEXT, bytes(0xe2)),
      frame(OP.PING, bytes(0xff)),
      frame(OP.CONTINUATION, bytes(0x82, 0xac)),
    ],
    data: [text('€')],
    pongs: [bytes(0xff)],
  },
];

// Sections 5.5.1 and 7.4.
const VALID = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
const INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
const closing = [
  ...VALID.map((code) => ({
    name: `close code ${code}`,
    send: [frame(OP.CLOSE, closePayload(code, 'bye'))],
    close: code,
  })),
  ...INVALID.map((code) => ({
    name: `close code ${code}`,
    send: [frame(OP.CLOSE, closePayload(code))],
    close: 1002,
  })),
  { name: 'a close without a code', send: [frame(OP.CLOSE)], close: null },
  { name: 'a close of one byte', send: [frame(OP.CLOSE, 'x')], close: 1002 },
  {
    name: 'a close with 123 bytes of text',
    send: [frame(OP.CLOSE, closePayload(1000, 'x'.repeat(123)))],
    close: 1000,
  },
  {
    name: 'a close of 126 bytes, by its head',
    send: begun(frame(OP.CLOSE, closePayload(1000, 'x'.repeat(124))), 2),
    close: 1002,
  },
  {
    name: 'a close with a text that is not UTF-8',
    send: [
      frame(OP.CLOSE, Buffer.concat([closePayload(1000), bytes(0xce, 0xba, 0xed, 0xa0, 0x80)])),
    ],
    close: 1007,
  },
  {
    name: 'a text behind a close',
    send: [frame(OP.CLOSE, closePayload(1000)), frame(OP.TEXT, 'x')],
    close: 1000,
  },
  {
    name: 'a ping behind a close',
    send: [frame(OP.CLOSE, closePayload(1000)), frame(OP.PING, 'x')],
    close: 1000,
  },
  {
    name: 'two closes',
    send: [frame(OP.CLOSE, closePayload(1000)), frame(OP.CLOSE, closePayload(1001))],
    close: 1000,
  },
];

// RFC 7692 sections 6 and 7.2.
const JSON_TEXT = JSON.stringify(
  Array.from({ length: 40 }, (_, i) => ({ i, name: `n€ ${i % 3}` })),
);
const packed = deflate(JSON_TEXT);
const cut = (at) => [packed.subarray(0, at), packed.subarray(at)];
const finalBlock = Buffer.from([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
const compression = [
  { name: 'a compressed text', send: [deflated(OP.TEXT, JSON_TEXT)], data: [text(JSON_TEXT)] },
  {
    name: 'a compressed binary message',
    send: [deflated(OP.BINARY, Buffer.alloc(3000, 7))],
    data: [binary(Buffer.alloc(3000, 7))],
  },
  {
    name: 'a compressed empty text',
    send: [frame(OP.TEXT, bytes(0), { rsv: 4 })],
    data: [text('')],
  },
  {
    name: 'a compressed text in stored blocks',
    send: [deflated(OP.TEXT, 'stored', { level: 0 })],
    data: [text('stored')],
  },
  { name: 'a plain text', send: [frame(OP.TEXT, 'plain')], data: [text('plain')] },
  {
    name: 'compressed and plain texts in turn',
    send: [deflated(OP.TEXT, 'a'), frame(OP.TEXT, 'b'), deflated(OP.TEXT, 'c')],
    data: [text('a'), text('b'), text('c')],
  },
  {
    name: "the RFC's example, twice: no context is kept",
    send: [
      frame(OP.TEXT, bytes(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), { rsv: 4 }),
      frame(OP.TEXT, bytes(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), { rsv: 4 }),
    ],
    data: [text('Hello'), text('Hello')],
  },
  {
    name: 'a message that looks back into the one before',
    send: [
      frame(OP.TEXT, bytes(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), { rsv: 4 }),
      frame(OP.TEXT, bytes(0xf2, 0x00, 0x11, 0x00, 0x00), { rsv: 4 }),
    ],
    data: [text('Hello')],
    close: 1007,
  },
  {
    name: "the RFC's final block",
    send: [frame(OP.TEXT, Buffer.concat([finalBlock, bytes(0)]), { rsv: 4 })],
    data: [text('Hello')],
  },
  {
    name: 'two deflate blocks, the RFC has it',
    send: [
      frame(
        OP.TEXT,
        bytes(0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00),
        { rsv: 4 },
      ),
    ],
    data: [text('Hello')],
  },
  {
    name: 'a compressed text in fragments, a ping between them',
    send: [
      fragment(OP.TEXT, packed.subarray(0, 7), { rsv: 4 }),
      frame(OP.PING, 'x'),
      fragment(OP.CONTINUATION, ''),
      fragment(OP.CONTINUATION, packed.subarray(7, 30)),
      frame(OP.CONTINUATION, packed.subarray(30)),
    ],
    data: [text(JSON_TEXT)],
    pongs: ['x'],
  },
  {
    name: 'the first fragment without compressed bytes',
    send: [fragment(OP.TEXT, '', { rsv: 4 }), frame(OP.CONTINUATION, packed)],
    data: [text(JSON_TEXT)],
  },
  {
    name: 'the last fragment without compressed bytes',
    send: [fragment(OP.TEXT, packed, { rsv: 4 }), frame(OP.CONTINUATION, '')],
    data: [text(JSON_TEXT)],
  },
  {
    name: 'the bit on a continuation',
    send: [
      fragment(OP.TEXT, cut(9)[0], { rsv: 4 }),
      ...begun(frame(OP.CONTINUATION, cut(9)[1], { rsv: 4 }), 2),
    ],
    close: 1002,
  },
  {
    name: 'the bit on the continuation alone',
    send: [fragment(OP.TEXT, 'x'), ...begun(frame(OP.CONTINUATION, packed, { rsv: 4 }), 2)],
    close: 1002,
  },
  ...[OP.PING, OP.PONG, OP.CLOSE].map((opcode) => ({
    name: `the bit on control frame ${opcode}`,
    send: begun(frame(opcode, '', { rsv: 4 }), 2),
    close: 1002,
  })),
  ...[1, 2, 3, 5, 6, 7].map((rsv) => ({
    name: `reserved bits ${rsv}`,
    send: begun(frame(OP.TEXT, packed, { rsv }), 2),
    close: 1002,
  })),
  {
    name: 'not deflated data',
    send: [frame(OP.TEXT, bytes(0xff, 0xff, 0xff), { rsv: 4 })],
    close: 1007,
  },
  {
    name: 'not deflated data, before the frame ends',
    send: begun(frame(OP.TEXT, Buffer.alloc(100, 0xff), { rsv: 4 }), 20),
    close: 1007,
  },
  {
    name: 'a compressed text that is cut short',
    send: [frame(OP.TEXT, packed.subarray(0, -4), { rsv: 4 })],
    close: 1007,
  },
  { name: 'no compressed bytes at all', send: [frame(OP.TEXT, '', { rsv: 4 })], close: 1007 },
  {
    name: 'the tail that is to be left out',
    send: [frame(OP.TEXT, Buffer.concat([packed, bytes(0, 0, 255, 255)]), { rsv: 4 })],
    close: 1007,
  },
  { name: 'compressed, not UTF-8', send: [deflated(OP.TEXT, bytes(0x61, 0xff))], close: 1007 },
  {
    name: 'compressed, half a character at the end',
    send: [deflated(OP.TEXT, bytes(0x61, 0xe2, 0x82))],
    close: 1007,
  },
  {
    name: 'compressed, not UTF-8, before the message ends',
    send: [
      fragment(
        OP.TEXT,
        deflate(Buffer.concat([bytes(0xc0, 0xaf), Buffer.alloc(400, 'abcdefg')]), { level: 0 }),
        { rsv: 4 },
      ),
    ],
    close: 1007,
  },
  {
    name: 'a character split between compressed fragments',
    send: [
      fragment(OP.TEXT, deflate(bytes(0xe2, 0x82), { level: 0 }), { rsv: 4 }),
      fragment(OP.CONTINUATION, bytes(0, 0, 255, 255)),
      frame(OP.CONTINUATION, deflate(bytes(0xac))),
    ],
    data: [text('€')],
  },
].map((one) => ({ ...one, deflate: true }));

export const CASES = {
  lengths,
  'pings and pongs': pings,
  'reserved bits and opcodes': reserved,
  fragmentation,
  'UTF-8': utf8,
  closing,
  compression,
};
