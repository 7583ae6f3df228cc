// HPACK (RFC 7541) as far as raw HTTP/2 clients need it: field blocks of literals that are written
// as told, however wrong, and a reader of what a server sends that uses no dynamic table.

/** Appendix A, from index 1 on. */
const STATIC = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((code) => [':status', code]),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...`accept-language accept-ranges accept access-control-allow-origin age allow authorization
    cache-control content-disposition content-encoding content-language content-length
    content-location content-range content-type cookie date etag expect expires from host if-match
    if-modified-since if-none-match if-range if-unmodified-since last-modified link location
    max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server
    set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate`
    .split(/\s+/)
    .map((name) => [name, '']),
];

/** How many bits each byte has in Appendix B; the code is canonical, so that says it all. */
const HUFFMAN_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const EOS = 256;

/** Of each byte its code, as a string of binary digits, and back. */
const HUFFMAN_CODES = [];
const HUFFMAN_BYTES = new Map();
for (let bits = 1, code = 0; bits <= 30; bits++, code *= 2) {
  HUFFMAN_BITS.forEach((wanted, byte) => {
    if (wanted !== bits) return;
    HUFFMAN_CODES[byte] = (code++).toString(2).padStart(bits, '0');
    HUFFMAN_BYTES.set(HUFFMAN_CODES[byte], byte);
  });
}

/** Bits, whose last byte is filled up with ones. */
function packed(bits) {
  const bytes = bits.match(/.{1,8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => parseInt(byte.padEnd(8, '1'), 2)));
}

function fromHuffman(data) {
  const bytes = [];
  let code = '';
  for (const bit of [...data].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    code += bit;
    const byte = HUFFMAN_BYTES.get(code);
    if (byte === undefined) continue;
    if (byte === EOS) throw new Error('EOS within a string');
    bytes.push(byte);
    code = '';
  }
  if (code.length > 7 || code.includes('0')) throw new Error(`a string's rest: ${code}`);
  return Buffer.from(bytes).toString('latin1');
}

/** Section 5.1: `n` behind `prefix` bits, in a first byte that has `high` set. */
export function integer(n, prefix, high = 0) {
  const most = 2 ** prefix - 1;
  if (n < most) return Buffer.from([high | n]);
  const bytes = [high | most];
  let rest = n - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Section 5.2, as Latin-1. */
function string(text) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** The same in Huffman's code. */
export function huffman(text) {
  const bytes = packed(
    [...Buffer.from(text, 'latin1')].map((byte) => HUFFMAN_CODES[byte]).join(''),
  );
  return Buffer.concat([integer(bytes.length, 7, 0x80), bytes]);
}

/** Section 6.2.2: a literal field without indexing, its name a literal too. */
export const literal = (name, value) =>
  Buffer.concat([Buffer.from([0]), string(name), string(value)]);
/** Section 6.1. */
export const indexed = (index) => integer(index, 7, 0x80);
/** Section 6.2.1: one that is to be put into the dynamic table. */
export const literalToIndex = (name, value) =>
  Buffer.concat([Buffer.from([0x40]), string(name), string(value)]);
/** Section 6.3: how large the dynamic table is from here on. */
export const tableSize = (n) => integer(n, 5, 0x20);

/**
 * A block of these fields, [name, value] each, or ready bytes. It begins by giving up the dynamic
 * table: a server that allows none has to see that (RFC 9113, section 4.3.1).
 */
export function block(fields) {
  const list = fields.map((one) => (Buffer.isBuffer(one) ? one : literal(...one)));
  return Buffer.concat([tableSize(0), ...list]);
}

class Reader {
  #data;
  #at = 0;

  constructor(data) {
    this.#data = data;
  }

  get over() {
    return this.#at >= this.#data.length;
  }

  get next() {
    return this.#data[this.#at];
  }

  integer(prefix) {
    const most = 2 ** prefix - 1;
    let n = this.#data[this.#at++] & most;
    if (n < most) return n;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#data[this.#at++];
      n += (byte & 127) * unit;
      if (byte < 128) return n;
    }
  }

  string() {
    const coded = this.next & 0x80;
    const n = this.integer(7);
    const data = this.#data.subarray(this.#at, (this.#at += n));
    if (data.length < n) throw new Error('a block ends within a string');
    return coded ? fromHuffman(data) : data.toString('latin1');
  }

  /** A field, whose name has an index behind `prefix` bits or follows. */
  literal(prefix) {
    const index = this.integer(prefix);
    const name = index ? entry(index)[0] : this.string();
    return [name, this.string()];
  }
}

function entry(index) {
  const found = STATIC[index - 1];
  if (!found) throw new Error(`field ${index} of a dynamic table that nobody has allowed`);
  return found;
}

/** The fields of a block, as [name, value]. Fails where a dynamic table would be needed. */
export function unblock(data) {
  const reader = new Reader(data);
  const fields = [];
  while (!reader.over) {
    const first = reader.next;
    if (first & 0x80) fields.push(entry(reader.integer(7)));
    else if (first & 0x40) fields.push(reader.literal(6));
    else if (first & 0x20) reader.integer(5);
    else fields.push(reader.literal(4));
  }
  return fields;
}
