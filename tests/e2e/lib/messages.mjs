// Messages written from the rules of RFC 9110 and RFC 9112, for request readers to be compared by.
//
// Each one is [rule, text, outcome, difference]. In the text, `POST @` has a path of its own. The
// outcome is what the hub has to make of it: how many requests it understands; how it ends, which is
// `ok` (nothing is left over), `late` (more is waited for until time is up), or `refused`; and the
// bodies of its POSTs. The difference is { node, because }: what Node.js makes of it, where that is
// something else, and why; with `since` or `until`, from or before that version.

const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n';
const POST = 'POST @ HTTP/1.1\r\nHost: localhost\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
/** A chunk and the end of the body. */
const CHUNKS = '1\r\na\r\n0\r\n\r\n';
const END = '0\r\n\r\n';

/** A request with this line. */
const line = (text) => `${text}\r\nHost: localhost\r\n\r\n`;
/** A GET with this header line. */
const field = (text) => `${GET}${text}\r\n\r\n`;
/** A GET with this Host. */
const host = (value) => `GET /healthz HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
/** A POST with this Content-Length and one byte. */
const length = (value) => `${POST}Content-Length: ${value}\r\n\r\na`;
/** A chunked POST with this Transfer-Encoding. */
const coding = (value) => `${POST}Transfer-Encoding: ${value}\r\n\r\n${CHUNKS}`;

export const MESSAGES = [
  // RFC 9112 section 2.2: parsing.
  ['a request', `${GET}\r\n`, '1 ok'],
  ['two in one go', `${GET}\r\n${POST}Content-Length: 1\r\n\r\na`, '2 ok "a"'],
  ['an empty line before', `\r\n${GET}\r\n`, '1 ok'],
  ['an empty line between', `${length(1)}\r\n${length(1)}`, '2 ok "a" "a"'],
  ['a head that does not end', GET, '0 late'],
  ['half a line end', `${GET}\r`, '0 late'],
  [
    'a bare LF behind the request line',
    'GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n',
    '0 refused',
    {
      node: '1 ok',
      until: 20,
      because:
        'section 2.2 lets a reader take a bare LF for a line end; older llhttp did so in ' +
        'the head',
    },
  ],
  ['a bare LF behind a field', `${GET}A: b\nB: c\r\n\r\n`, '0 refused'],
  [
    'a bare LF as the empty line',
    `${GET}\n`,
    '0 refused',
    {
      node: '1 ok',
      until: 20,
      because:
        'section 2.2 lets a reader take a bare LF for a line end; older llhttp did so in ' +
        'the head',
    },
  ],
  [
    'a bare LF before the request',
    `\n${GET}\r\n`,
    '0 refused',
    {
      node: '1 ok',
      because:
        'llhttp skips CR and LF before a request line one by one; the hub skips empty ' +
        'lines, which end in CRLF',
    },
  ],
  ['a bare CR in the request line', line('GET /health\rz HTTP/1.1'), '0 refused'],
  ['a bare CR in a field', field('A: b\rc'), '0 refused'],
  ['a bare CR behind a field', `${GET}A: b\r\r\n\r\n`, '0 refused'],
  ['nonsense', 'nonsense\r\n\r\n', '0 refused'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00', '0 refused'],

  // Section 2.3: versions.
  ['HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n', '1 ok'],
  [
    'HTTP/1.2',
    line('GET /healthz HTTP/1.2'),
    '1 ok',
    {
      node: '0 refused',
      because:
        'llhttp knows 0.9, 1.0, 1.1 and 2.0; RFC 9110 section 2.5 has a newer minor version' +
        ' of a known major one read as the newest known one',
    },
  ],
  [
    'HTTP/2.0',
    line('GET /healthz HTTP/2.0'),
    '0 refused',
    {
      node: '1 ok',
      because: 'llhttp takes the number and goes on as in 1.1; the hub does not speak HTTP/2 (505)',
    },
  ],
  [
    'HTTP/0.9',
    'GET /healthz\r\n\r\n',
    '0 refused',
    {
      node: '1 ok',
      because:
        'llhttp takes a request line without version, with fields behind it; RFC 9112 has ' +
        'no such thing',
    },
  ],
  [
    'HTTP/0.9 by name',
    line('GET /healthz HTTP/0.9'),
    '0 refused',
    { node: '1 ok', because: 'as above, with a version' },
  ],
  ['HTTP/1.10', line('GET /healthz HTTP/1.10'), '0 refused'],
  ['HTTP/1', line('GET /healthz HTTP/1'), '0 refused'],
  ['http/1.1', line('GET /healthz http/1.1'), '0 refused'],
  ['half the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nMS\r\n\r\n', '0 refused'],

  // Section 3: the request line.
  [
    'two spaces before the target',
    line('GET  /healthz HTTP/1.1'),
    '0 refused',
    {
      node: '1 ok',
      because:
        'section 3 lets a reader split at any white space, and warns that readers then ' +
        'differ; llhttp skips spaces',
    },
  ],
  [
    'two spaces before the version',
    line('GET /healthz  HTTP/1.1'),
    '0 refused',
    { node: '1 ok', because: 'as above' },
  ],
  ['a space behind the version', line('GET /healthz HTTP/1.1 '), '0 refused'],
  ['a space before the method', line(' GET /healthz HTTP/1.1'), '0 refused'],
  ['a tab for a space', line('GET\t/healthz HTTP/1.1'), '0 refused'],
  ['a space in the target', line('GET /health z HTTP/1.1'), '0 refused'],
  [
    'a method in small letters',
    line('get /healthz HTTP/1.1'),
    '0 refused',
  ],
  [
    'a method that nobody knows',
    line('FROB /healthz HTTP/1.1'),
    '0 refused',
  ],
  ['a method that is no token', line('G(T /healthz HTTP/1.1'), '0 refused'],
  ['a control character in the target', line('GET /health\x01z HTTP/1.1'), '0 refused'],
  ['DEL in the target', line('GET /health\x7fz HTTP/1.1'), '0 refused'],
  [
    'a byte beyond ASCII in the target',
    line('GET /healthz?\xfc HTTP/1.1'),
    '0 refused',
    { node: '1 ok', until: 20, because: 'RFC 3986 has no such bytes; older llhttp passed them on' },
  ],
  [
    'a fragment in the target',
    line('GET /healthz#x HTTP/1.1'),
    '0 refused',
    {
      node: '1 ok',
      because: 'section 3.2: a fragment is never sent; llhttp leaves that to the application',
    },
  ],
  ['no target', line('GET HTTP/1.1'), '0 refused'],
  ['a target without a slash', line('GET healthz HTTP/1.1'), '0 refused'],
  [
    '* of another method',
    line('GET * HTTP/1.1'),
    '0 refused',
    { node: '1 ok', because: 'section 3.2.4: it is for OPTIONS alone; llhttp does not look' },
  ],
  ['* of OPTIONS', line('OPTIONS * HTTP/1.1'), '1 ok'],
  ['the absolute form', line('GET http://x/healthz HTTP/1.1'), '1 ok'],
  ['the absolute form of https', line('GET https://x/healthz HTTP/1.1'), '1 ok'],
  [
    'the absolute form of ftp',
    line('GET ftp://x/healthz HTTP/1.1'),
    '0 refused',
    { node: '1 ok', because: 'llhttp leaves it to the application what a target names' },
  ],
  [
    'the absolute form without a host',
    line('GET http:///healthz HTTP/1.1'),
    '0 refused',
    {
      node: '1 ok',
      because:
        'RFC 9110 section 4.2.1: a http URI without a host is invalid; llhttp leaves that ' +
        'to the application',
    },
  ],
  [
    'the absolute form with a user',
    line('GET http://u@x/healthz HTTP/1.1'),
    '0 refused',
    {
      node: '1 ok',
      because:
        'RFC 9110 section 4.2.4: to be treated as an error; llhttp leaves that to the ' +
        'application',
    },
  ],
  ['CONNECT', line('CONNECT x:80 HTTP/1.1'), '0 refused'],

  // Section 3.2: Host.
  [
    'no Host',
    'GET /healthz HTTP/1.1\r\n\r\n',
    '0 refused',
    { node: '1 ok', until: 20, because: 'section 3.2: 400; Node.js requires it since version 20' },
  ],
  ['no Host in HTTP/1.0', 'GET /healthz HTTP/1.0\r\nA: b\r\n\r\n', '1 ok'],
  [
    'two Hosts',
    `${GET}Host: localhost\r\n\r\n`,
    '0 refused',
    { node: '1 ok', because: 'section 3.2: 400; Node.js takes the first one' },
  ],
  [
    'two Hosts that differ',
    `${GET}Host: y\r\n\r\n`,
    '0 refused',
    { node: '1 ok', because: 'as above, which is how two readers in a row serve two sites' },
  ],
  ['an empty Host', host(''), '1 ok'],
  ['a Host with a port', host('x:80'), '1 ok'],
  ['a Host of IPv6', host('[::1]:80'), '1 ok'],
  [
    'a Host with a path',
    host('x/y'),
    '0 refused',
    {
      node: '1 ok',
      because: 'section 3.2: 400 for an invalid value; Node.js does not look into it',
    },
  ],
  ['a Host with a user', host('u@x'), '0 refused', { node: '1 ok', because: 'as above' }],
  ['a Host with a space', host('x y'), '0 refused', { node: '1 ok', because: 'as above' }],
  ['a Host with a list', host('x, y'), '0 refused', { node: '1 ok', because: 'as above' }],
  [
    'a Host with a port that is no number',
    host('x:y'),
    '0 refused',
    { node: '1 ok', because: 'as above' },
  ],

  // Section 5: fields.
  ['a field without a space', field('A:b'), '1 ok'],
  ['white space around a value', field('A: \t b \t '), '1 ok'],
  ['an empty value', field('A:'), '1 ok'],
  ['a value beyond ASCII', field('A: \xfc\xff'), '1 ok'],
  ['a name of all that a token may have', field("!#$%&'*+-.^_`|~09azAZ: b"), '1 ok'],
  [
    'a space before the colon',
    field('A : b'),
    '0 refused',
    { node: '1 ok', until: 20, because: 'section 5.1: 400; older llhttp took one space off' },
  ],
  ['a tab before the colon', field('A\t: b'), '0 refused'],
  ['no colon', field('A'), '0 refused'],
  [
    'no name',
    field(': b'),
    '0 refused',
    {
      node: '1 ok',
      until: 20,
      because: 'a name has at least one character; older llhttp did not count',
    },
  ],
  ['a name that is no token', field('A(: b'), '0 refused'],
  ['a name beyond ASCII', field('\xc4: b'), '0 refused'],
  ['a folded field', field('A: b\r\n c'), '0 refused'],
  ['a field folded by a tab', field('A: b\r\n\tc'), '0 refused'],
  [
    'a folded first field',
    'GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n',
    '0 refused',
    {
      node: '1 ok',
      until: 20,
      because: 'older llhttp dropped white space behind the request line',
    },
  ],
  ['NUL in a value', field('A: b\0c'), '0 refused'],
  ['NUL in a name', field('A\0: b'), '0 refused'],
  ['a control character in a value', field('A: b\x01c'), '0 refused'],
  ['DEL in a value', field('A: b\x7fc'), '0 refused'],
  ['a vertical tab in a value', field('A: b\x0bc'), '0 refused'],
  ['an escape sequence in a value', field('A: \x1b[31m'), '0 refused'],

  // Section 6.2: Content-Length.
  ['a length', length('1'), '1 ok "a"'],
  ['a length of 0', `${POST}Content-Length: 0\r\n\r\n`, '1 ok ""'],
  ['zeros before a length', length('0001'), '1 ok "a"'],
  ['no length: no body', `${POST}\r\n`, '1 ok ""'],
  ['a body that is too short', `${POST}Content-Length: 2\r\n\r\na`, '0 late'],
  ['a body of GET', `${GET}Content-Length: 1\r\n\r\na${GET}\r\n`, '2 ok'],
  ['an empty length', length(''), '0 refused'],
  ['a length with a plus', length('+1'), '0 refused'],
  ['a length with a minus', length('-1'), '0 refused'],
  ['a length in hexadecimal', length('0x1'), '0 refused'],
  ['a length with a letter behind', length('1a'), '0 refused'],
  ['a length with a point', length('1.0'), '0 refused'],
  ['a length with a space', length('1 1'), '0 refused'],
  ['a length in quotes', length('"1"'), '0 refused'],
  ['a length of 2^64 + 1', length('18446744073709551617'), '0 refused'],
  ['a list of the same length', length('1, 1'), '0 refused'],
  ['a list of lengths', length('1, 2'), '0 refused'],
  ['the same length twice', `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, '0 refused'],
  ['two lengths', `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, '0 refused'],

  // Sections 6.1 and 7: Transfer-Encoding.
  ['chunks', coding('chunked'), '1 ok "a"'],
  ['Chunked', coding('Chunked'), '1 ok "a"'],
  [
    'a length and chunks',
    `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${END}`,
    '0 refused',
  ],
  [
    'chunks and a length',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${END}`,
    '0 refused',
  ],
  [
    'chunks in HTTP/1.0',
    `POST @ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    '0 refused',
    {
      node: '1 ok "a"',
      because:
        'section 6.1: framing in 1.0 with a transfer coding is faulty, whatever it is; ' +
        'llhttp reads the chunks',
    },
  ],
  [
    'gzip, chunked',
    coding('gzip, chunked'),
    '0 refused',
    {
      node: '1 ok "a"',
      because:
        'section 6.1: 501 for a coding that is not understood; Node.js takes off the chunks' +
        ' and leaves the rest to the application',
    },
  ],
  ['chunked, gzip', coding('chunked, gzip'), '0 refused'],
  ['chunked, chunked', coding('chunked, chunked'), '0 refused'],
  [
    'chunked twice',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    '0 refused',
  ],
  [
    'chunked, then identity',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${CHUNKS}`,
    '0 refused',
  ],
  ['gzip', coding('gzip'), '0 refused'],
  ['identity', coding('identity'), '0 refused'],
  ['xchunked', coding('xchunked'), '0 refused'],
  ['chunked with a parameter', coding('chunked;q=1'), '0 refused'],
  ['"chunked"', coding('"chunked"'), '0 refused'],
  ['a vertical tab before chunked', coding('\x0bchunked'), '0 refused'],
  [
    'an empty coding',
    coding(''),
    '0 refused',
    {
      node: '1 refused ""',
      because:
        'Node.js takes it for no coding at all, so no body, and the chunks for a next ' +
        'request; the hub takes it for one that does not end in chunked (section 6.3)',
    },
  ],
  ['a list with empty members', coding(', chunked'), '1 ok "a"'],

  // Section 7.1: chunks.
  ['a chunk size in capital letters', `${CHUNKED}A\r\n0123456789\r\n${END}`, '1 ok "0123456789"'],
  ['zeros before a chunk size', `${CHUNKED}0001\r\na\r\n${END}`, '1 ok "a"'],
  ['many zeros as the last size', `${CHUNKED}1\r\na\r\n000\r\n\r\n`, '1 ok "a"'],
  ['a chunk extension', `${CHUNKED}1;a=b\r\na\r\n${END}`, '1 ok "a"'],
  ['a chunk extension without a value', `${CHUNKED}1;a\r\na\r\n${END}`, '1 ok "a"'],
  ['a quoted chunk extension', `${CHUNKED}1;a="b;\\"c"\r\na\r\n${END}`, '1 ok "a"'],
  [
    'blanks around a chunk extension',
    `${CHUNKED}1 ; a = b\r\na\r\n${END}`,
    '1 ok "a"',
    {
      node: '0 refused',
      because: 'section 7.1.1 has a reader take such blanks; llhttp takes none',
    },
  ],
  [
    'a chunk extension without a name',
    `${CHUNKED}1;\r\na\r\n${END}`,
    '0 refused',
    { node: '1 ok "a"', until: 20, because: 'the grammar of section 7.1.1 has a name' },
  ],
  ['a control character in a chunk extension', `${CHUNKED}1;a\x01\r\na\r\n${END}`, '0 refused'],
  ['a bare LF in a chunk extension', `${CHUNKED}1;a\na\r\n${END}`, '0 refused'],
  ['a blank behind a chunk size', `${CHUNKED}1 \r\na\r\n${END}`, '0 refused'],
  ['a blank before a chunk size', `${CHUNKED} 1\r\na\r\n${END}`, '0 refused'],
  ['no chunk size', `${CHUNKED}\r\na\r\n${END}`, '0 refused'],
  ['a chunk size with 0x', `${CHUNKED}0x1\r\na\r\n${END}`, '0 refused'],
  ['a chunk size with a sign', `${CHUNKED}+1\r\na\r\n${END}`, '0 refused'],
  ['a chunk size that is none', `${CHUNKED}g\r\na\r\n${END}`, '0 refused'],
  ['a chunk size beyond 64 bits', `${CHUNKED}10000000000000001\r\na\r\n${END}`, '0 refused'],
  ['a bare LF behind a chunk size', `${CHUNKED}1\na\r\n${END}`, '0 refused'],
  ['a chunk that is longer than its size', `${CHUNKED}1\r\nab\r\n${END}`, '0 refused'],
  ['a bare LF behind a chunk', `${CHUNKED}1\r\na\n${END}`, '0 refused'],
  ['a chunk that does not end', `${CHUNKED}2\r\na`, '0 late'],
  ['no last chunk', `${CHUNKED}1\r\na\r\n`, '0 late'],
  ['no line behind the last chunk', `${CHUNKED}1\r\na\r\n0\r\n`, '0 late'],
  [
    'a bare LF behind the last chunk',
    `${CHUNKED}1\r\na\r\n0\r\n\n`,
    '0 refused',
    {
      node: '1 ok "a"',
      until: 20,
      because: 'older llhttp took a bare LF for a line end here, too',
    },
  ],
  ['a trailer', `${CHUNKED}1\r\na\r\n0\r\nA: b\r\n\r\n`, '1 ok "a"'],
  [
    'a length in a trailer',
    `${CHUNKED}1\r\na\r\n0\r\nContent-Length: 9\r\n\r\n${GET}\r\n`,
    '2 ok "a"',
    {
      node: '0 refused',
      since: 20,
      because:
        'RFC 9110 section 6.5.1: such a field is ignored in a trailer, as the hub does, or ' +
        'the message is refused',
    },
  ],
  [
    'a space before the colon of a trailer',
    `${CHUNKED}1\r\na\r\n0\r\nA : b\r\n\r\n`,
    '0 refused',
    { node: '1 ok "a"', until: 20, because: 'section 5.1, as above' },
  ],
  ['a folded trailer', `${CHUNKED}1\r\na\r\n0\r\nA: b\r\n c\r\n\r\n`, '0 refused'],
  ['a bare CR in a trailer', `${CHUNKED}1\r\na\r\n0\r\nA: b\rc\r\n\r\n`, '0 refused'],
  ['a request behind a body', `${length('1')}${GET}\r\n`, '2 ok "a"'],

  // RFC 9110 section 10.1.1: Expect.
  ['100-continue', `${POST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\na`, '1 ok "a"'],
  [
    'another expectation',
    `${POST}Connection: close\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\na`,
    '0 refused',
  ],

  // Section 9: connections.
  ['Connection: close', `${GET}Connection: close\r\n\r\n`, '1 ok'],
  [
    'a request behind the last one',
    `${GET}Connection: close\r\n\r\n${GET}\r\n`,
    '1 ok',
    {
      node: '1 refused',
      since: 20,
      because:
        'section 9.6: what is behind a request with close is not to be read; newer llhttp ' +
        'says that it was there',
    },
  ],
  ['nonsense behind a request', `${GET}\r\nnonsense\r\n\r\n`, '1 refused'],
];
