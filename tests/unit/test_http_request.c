/*
 * The request reader: what each input means, fed whole, cut in two at every byte, and byte by byte.
 * Where the rules come from stands beside the groups (RFC 9110, RFC 9112).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/http_request.h"
#include "tests/http_transcript.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define CRLF     "\r\n"
#define GET      "GET / HTTP/1.1\r\nHost: h\r\n" /* its head goes on */
#define GOT      "GET / host=h HTTP/1.1 keep-alive\nHost: h\n"
#define POST     "POST /t/a HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED  POST "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKING "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\nTransfer-Encoding: chunked\n"

static const struct http_limits limits = {
    .head_bytes = 400,
    .target_bytes = 100,
    .headers = 8,
    .body_bytes = 20,
};

struct example {
    const char *in;
    const char *out; /* a transcript */
};

/* ---- Whole messages ---- */

static const struct example good[] = {
    {"", ""},
    {GET CRLF, GOT "DONE\n"},
    {GET CRLF GET CRLF, GOT "DONE\n" GOT "DONE\n"},
    /* Empty lines before a request, section 2.2. */
    {CRLF, ""},
    {CRLF CRLF GET CRLF CRLF, GOT "DONE\n"},
    {CRLF CRLF CRLF CRLF CRLF CRLF CRLF CRLF GET CRLF, GOT "DONE\n"},
    /* Bodies. */
    {POST "Content-Length: 5\r\n\r\nhello",
     "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\nContent-Length: 5\nBODY hello\nDONE\n"},
    {POST "Content-Length: 5\r\n\r\nhell",
     "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\nContent-Length: 5\nBODY hell\n"
     "INCOMPLETE\n"},
    {POST "Content-Length: 3\r\n\r\n\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
     "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\nContent-Length: 3\nBODY \r\n\n\n"
     "DONE\n" GOT "DONE\n"},
    {POST "Content-Length: 0\r\n\r\n" GET CRLF,
     "POST /t/a host=h HTTP/1.1 keep-alive\nHost: h\nContent-Length: 0\nDONE\n" GOT "DONE\n"},
    {POST "Content-Length: 0000000000000000000000000000020\r\n\r\n01234567890123456789",
     "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\n"
     "Content-Length: 0000000000000000000000000000020\nBODY 01234567890123456789\nDONE\n"},
    {CHUNKED "5\r\nhello\r\n0\r\n\r\n", CHUNKING "BODY hello\nDONE\n"},
    {CHUNKED "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" GET CRLF,
     CHUNKING "BODY hello\nDONE\n" GOT "DONE\n"},
    {CHUNKED "0\r\n\r\n", CHUNKING "DONE\n"},
    {CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
     CHUNKING "BODY 01234567890123456789\nDONE\n"},
    {CHUNKED "0000000000000002\r\n\r\n\r\n000\r\n\r\n", CHUNKING "BODY \r\n\nDONE\n"},
    {CHUNKED "1;a\r\nh\r\n1;a=b;c\r\ne\r\n1;a=\"\"\r\nl\r\n1\t;\ta\t=\t\"\\\"\\;\\\\;=\" ;b = c\r\n"
             "l\r\n0;!#$%&'*+-.^_`|~=0\r\n\r\n",
     CHUNKING "BODY hell\nDONE\n"},
    {CHUNKED "2;a\r\nhe\r\n1 ; a=b ;c=\"d;\t\xC3\xBC\"\r\nl\r\n0;z\r\n\r\n",
     CHUNKING "BODY hel\nDONE\n"},
    {CHUNKED "1\r\nx\r\n0\r\nContent-Length: 7\r\nX:\r\nY: a b\t\xFF\r\n\r\n" GET CRLF,
     CHUNKING "BODY x\nDONE\n" GOT "DONE\n"},
    {POST "TRANSFER-encoding:\t, CHUNKED ,\r\n\r\n0\r\n\r\n",
     "POST /t/a host=h HTTP/1.1 keep-alive body\nHost: h\nTRANSFER-encoding: , CHUNKED ,\nDONE\n"},
    {GET "Content-Length: 1\r\n\r\nx",
     "GET / host=h HTTP/1.1 keep-alive body\nHost: h\nContent-Length: 1\nBODY x\nDONE\n"},
    /* Cut short. */
    {"G", "INCOMPLETE\n"},
    {GET "X: y", "INCOMPLETE\n"},
    {GET "\r", "INCOMPLETE\n"},
    {CHUNKED, CHUNKING "INCOMPLETE\n"},
    {CHUNKED "0\r\n", CHUNKING "INCOMPLETE\n"},
    {CHUNKED "5\r\nhello", CHUNKING "BODY hello\nINCOMPLETE\n"},
};

/* ---- The request line, RFC 9112 section 3 ---- */

#define METHOD_ERROR  "ERROR 400 The request line is not METHOD TARGET VERSION\n"
#define VERSION_ERROR "ERROR 400 The request line does not end with an HTTP version\n"
#define TARGET_ERROR  "ERROR 400 The request target is neither a path nor an http URL\n"
#define BYTES_ERROR   "ERROR 400 The request target has bytes that must be percent-encoded\n"
#define MAJOR_ERROR   "ERROR 505 Only HTTP/1.0 and HTTP/1.1 are spoken here\n"
#define CONTROL_ERROR "ERROR 400 There is a control character in the head\n"
#define CR_ERROR      "ERROR 400 A CR has no LF behind it\n"
#define LF_ERROR      "ERROR 400 An LF has no CR before it\n"
#define HOST_H        "Host: h\r\n\r\n"

static const struct example request_lines[] = {
    {"get /x HTTP/1.1\r\n" HOST_H, "get /x host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"M-SEARCH! /x HTTP/1.1\r\n" HOST_H,
     "M-SEARCH! /x host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"GET /t/a%20b?x={|}^`\\\"<> HTTP/1.1\r\n" HOST_H,
     "GET /t/a%20b?x={|}^`\\\"<> host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"GET //a/../b? HTTP/1.1\r\n" HOST_H,
     "GET //a/../b? host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    /* Versions, RFC 9110 section 2.5. */
    {"GET / HTTP/1.0\r\n\r\n", "GET / host= HTTP/1.0\nDONE\n"},
    {"GET / HTTP/1.9\r\n" HOST_H, GOT "DONE\n"},
    {"GET / HTTP/1.9\r\n\r\n", "ERROR 400 The Host header field is missing\n"},
    {"GET / HTTP/2.0\r\n" HOST_H, MAJOR_ERROR},
    {"GET / HTTP/0.9\r\n" HOST_H, MAJOR_ERROR},
    {"GET / HTTP/9.9\r\n" HOST_H, MAJOR_ERROR},
    {"GET / HTTP/1.x\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/1./\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/:.1\r\n" HOST_H, VERSION_ERROR},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MAJOR_ERROR},
    {"GET / http/1.1\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/1\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/1.10\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/11.\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/1,1\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/x.1\r\n" HOST_H, VERSION_ERROR},
    {"GET / HTTP/1.1 \r\n" HOST_H, VERSION_ERROR},
    {"GET / RTSP/1.0\r\n" HOST_H, VERSION_ERROR},
    {"GET /\r\n" HOST_H, METHOD_ERROR}, /* HTTP/0.9 */
    /* Spaces. */
    {"GET  HTTP/1.1\r\n" HOST_H, BYTES_ERROR},
    {"GET  / HTTP/1.1\r\n" HOST_H, VERSION_ERROR},
    {"GET /  HTTP/1.1\r\n" HOST_H, VERSION_ERROR},
    {"GET /a b HTTP/1.1\r\n" HOST_H, VERSION_ERROR},
    {" GET / HTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    {"GET\t/ HTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    {"GET /\tHTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    {"GET /\t HTTP/1.1\r\n" HOST_H, BYTES_ERROR},
    {"\r\n GET / HTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    /* Methods. */
    {"G(T / HTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    {"G\xC3\xBCT / HTTP/1.1\r\n" HOST_H, METHOD_ERROR},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\n" HOST_H,
     "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\n" HOST_H,
     "ERROR 501 The method is not known\n"},
    {"CONNECT h:80 HTTP/1.1\r\n" HOST_H, "ERROR 501 This is not a proxy\n"},
    /* Targets. */
    {"GET /\xC3\xBC HTTP/1.1\r\n" HOST_H, BYTES_ERROR},
    {"GET /a#b HTTP/1.1\r\n" HOST_H, BYTES_ERROR},
    {"GET * HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET a HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET ?a HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET h:80 HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"OPTIONS * HTTP/1.1\r\n" HOST_H, "OPTIONS * host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"OPTIONS ** HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"OPTIONS /a HTTP/1.1\r\n" HOST_H, "OPTIONS /a host=h HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    /* The absolute form, section 3.2.2: its authority wins over Host. */
    {"GET http://b.example:8420/t/a?x=/ HTTP/1.1\r\n" HOST_H,
     "GET /t/a?x=/ host=b.example:8420 HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"GET HTTPS://[::1]:1 HTTP/1.1\r\n" HOST_H,
     "GET / host=[::1]:1 HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"GET http://b?x HTTP/1.1\r\n" HOST_H, "GET /?x host=b HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"OPTIONS http://b HTTP/1.1\r\n" HOST_H,
     "OPTIONS * host=b HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"OPTIONS http://b/ HTTP/1.1\r\n" HOST_H,
     "OPTIONS / host=b HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"OPTIONS http://b?x HTTP/1.1\r\n" HOST_H,
     "OPTIONS /?x host=b HTTP/1.1 keep-alive\nHost: h\nDONE\n"},
    {"GET http://b/ HTTP/1.1\r\n\r\n", "ERROR 400 The Host header field is missing\n"},
    {"GET http:///x HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET http://:80/x HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET http://u@b/ HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET http:/b HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    {"GET ftp://b/ HTTP/1.1\r\n" HOST_H, TARGET_ERROR},
    /* Noise. */
    {"\x16\x03\x01", CONTROL_ERROR}, /* a TLS ClientHello */
    {"GET / HTTP/1.1\n" HOST_H, LF_ERROR},
    {"GET / HTTP/1.1\r" HOST_H, CR_ERROR},
    {"GET /\r HTTP/1.1\r\n" HOST_H, CR_ERROR},
    {"\n", LF_ERROR},
    {"\r\r\n", CR_ERROR},
    {"\rGET", CR_ERROR},
    {CRLF CRLF CRLF CRLF CRLF CRLF CRLF CRLF CRLF GET CRLF,
     "ERROR 400 There are too many empty lines before the request\n"},
    {GET CRLF "nonsense\r\n", GOT "DONE\n" METHOD_ERROR},
};

/* ---- Header fields, RFC 9112 section 5 ---- */

#define COLON_ERROR "ERROR 400 There is whitespace before the colon of a header field\n"
#define NAME_ERROR  "ERROR 400 The name of a header field is not a token\n"
#define FOLD_ERROR  "ERROR 400 A header field is folded over several lines\n"

static const struct example header_lines[] = {
    {GET "X:\r\nY: \t\r\nZ:z\t z\t\r\n\r\n", GOT "X: \nY: \nZ: z\t z\nDONE\n"},
    {GET "X: a:b, \"c\"\xFF\x80\r\nx: 2\r\n\r\n", GOT "X: a:b, \"c\"\xFF\x80\nx: 2\nDONE\n"},
    {GET "!#$%&'*+-.^_`|~1aZ: x\r\n\r\n", GOT "!#$%&'*+-.^_`|~1aZ: x\nDONE\n"},
    {GET "X : y\r\n\r\n", COLON_ERROR},
    {GET "X\t: y\r\n\r\n", COLON_ERROR},
    {GET "X y: z\r\n\r\n", NAME_ERROR},
    {GET ": y\r\n\r\n", NAME_ERROR},
    {GET "X\xC3\xBC: y\r\n\r\n", NAME_ERROR},
    {GET "X(: y\r\n\r\n", NAME_ERROR},
    {GET "nonsense\r\n\r\n", "ERROR 400 A header field has no colon\n"},
    {GET " folded\r\n\r\n", FOLD_ERROR},
    {GET "\tX: folded\r\n\r\n", FOLD_ERROR},
    {GET " \r\n\r\n", FOLD_ERROR},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", FOLD_ERROR},
    {GET "X: a\nY: b\r\n\r\n", LF_ERROR},
    {GET "X: a\rY: b\r\n\r\n", CR_ERROR},
    {GET "X: a\r\r\n\r\n", CR_ERROR},
    {GET "\r\r\n", CR_ERROR},
    {GET "\n", LF_ERROR},
    {GET "X: a\x01\r\n\r\n", CONTROL_ERROR},
    {GET "X: a\x7F", CONTROL_ERROR},
    {GET "X: \x1B[31m", CONTROL_ERROR},
};

/* ---- Host, RFC 9112 section 3.2 ---- */

#define HOST(value) "GET / HTTP/1.0\r\nHost:" value "\r\n\r\n"
#define TWICE(name) "ERROR 400 There is more than one " name " header field\n"
#define HOST_ERROR  "ERROR 400 The Host header field is not a host with an optional port\n"

static const struct example hosts[] = {
    {HOST(" a-b.example:8420"),
     "GET / host=a-b.example:8420 HTTP/1.0\nHost: a-b.example:8420\nDONE\n"},
    {HOST("127.0.0.1"), "GET / host=127.0.0.1 HTTP/1.0\nHost: 127.0.0.1\nDONE\n"},
    {HOST("[::ffff:1.2.3.4]:80"),
     "GET / host=[::ffff:1.2.3.4]:80 HTTP/1.0\nHost: [::ffff:1.2.3.4]:80\nDONE\n"},
    {HOST("a_b%2D!$&'()*+,;=~"),
     "GET / host=a_b%2D!$&'()*+,;=~ HTTP/1.0\nHost: a_b%2D!$&'()*+,;=~\nDONE\n"},
    {HOST("h:"), "GET / host=h: HTTP/1.0\nHost: h:\nDONE\n"},
    {HOST("h:65535"), "GET / host=h:65535 HTTP/1.0\nHost: h:65535\nDONE\n"},
    {HOST(""), "GET / host= HTTP/1.0\nHost: \nDONE\n"},
    {HOST("h:65536"), HOST_ERROR},
    {HOST("h:8x"), HOST_ERROR},
    {HOST("h:-1"), HOST_ERROR},
    {HOST("h:1:2"), HOST_ERROR},
    {HOST("a b"), HOST_ERROR},
    {HOST("a, b"), HOST_ERROR},
    {HOST("a/b"), HOST_ERROR},
    {HOST("u@h"), HOST_ERROR},
    {HOST("h#x"), HOST_ERROR},
    {HOST("h%2"), HOST_ERROR},
    {HOST("h%00"), HOST_ERROR},
    {HOST("[]"), HOST_ERROR},
    {HOST("[::1"), HOST_ERROR},
    {HOST("[::1]x"), HOST_ERROR},
    {HOST("[fe80::1%25eth0]"), HOST_ERROR},
    {HOST("\xC3\xBC"), HOST_ERROR},
    {GET "host: h\r\n\r\n", "ERROR 400 There is more than one Host header field\n"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
     "ERROR 400 There is more than one Host header field\n"},
    {GET "Access-Control-Request-Method: a\r\nX: y\r\nACCESS-CONTROL-REQUEST-METHOD: a\r\n\r\n",
     TWICE("Access-Control-Request-Method")},
    {GET "Authorization: a\r\nX: y\r\nauthorization: b\r\n\r\n", TWICE("Authorization")},
    {GET "Content-Location: a\r\nX: y\r\nCONTENT-LOCATION: \r\n\r\n", TWICE("Content-Location")},
    {GET "Content-Range: a\r\nX: y\r\ncontent-range: a\r\n\r\n", TWICE("Content-Range")},
    {GET "Content-Type: a\r\nX: y\r\nCONTENT-TYPE: b\r\n\r\n", TWICE("Content-Type")},
    {GET "Date: a\r\nX: y\r\ndate: \r\n\r\n", TWICE("Date")},
    {GET "From: a\r\nX: y\r\nFROM: a\r\n\r\n", TWICE("From")},
    {GET "Idempotency-Key: a\r\nX: y\r\nidempotency-key: b\r\n\r\n", TWICE("Idempotency-Key")},
    {GET "If-Modified-Since: a\r\nX: y\r\nIF-MODIFIED-SINCE: \r\n\r\n", TWICE("If-Modified-Since")},
    {GET "If-Range: a\r\nX: y\r\nif-range: a\r\n\r\n", TWICE("If-Range")},
    {GET "If-Unmodified-Since: a\r\nX: y\r\nIF-UNMODIFIED-SINCE: b\r\n\r\n",
     TWICE("If-Unmodified-Since")},
    {GET "Last-Event-ID: a\r\nX: y\r\nlast-event-id: \r\n\r\n", TWICE("Last-Event-ID")},
    {GET "Longwire-Event: a\r\nX: y\r\nLONGWIRE-EVENT: a\r\n\r\n", TWICE("Longwire-Event")},
    {GET "Longwire-Expect-Last: a\r\nX: y\r\nlongwire-expect-last: b\r\n\r\n",
     TWICE("Longwire-Expect-Last")},
    {GET "Max-Forwards: a\r\nX: y\r\nMAX-FORWARDS: \r\n\r\n", TWICE("Max-Forwards")},
    {GET "Origin: a\r\nX: y\r\norigin: a\r\n\r\n", TWICE("Origin")},
    {GET "Proxy-Authorization: a\r\nX: y\r\nPROXY-AUTHORIZATION: b\r\n\r\n",
     TWICE("Proxy-Authorization")},
    {GET "Range: a\r\nX: y\r\nrange: \r\n\r\n", TWICE("Range")},
    {GET "Referer: a\r\nX: y\r\nREFERER: a\r\n\r\n", TWICE("Referer")},
    {GET "Sec-WebSocket-Key: a\r\nX: y\r\nsec-websocket-key: b\r\n\r\n",
     TWICE("Sec-WebSocket-Key")},
    {GET "Sec-WebSocket-Version: a\r\nX: y\r\nSEC-WEBSOCKET-VERSION: \r\n\r\n",
     TWICE("Sec-WebSocket-Version")},
    {GET "User-Agent: a\r\nX: y\r\nuser-agent: a\r\n\r\n", TWICE("User-Agent")},
    {GET "X-Real-IP: a\r\nX: y\r\nX-REAL-IP: b\r\n\r\n", TWICE("X-Real-IP")},
    {"GET / HTTP/1.1\r\nX: y\r\n\r\n", "ERROR 400 The Host header field is missing\n"},
};

/* ---- Message body length, RFC 9112 sections 6 and 7 ---- */

#define LENGTH(value) POST "Content-Length:" value "\r\n\r\n"
#define LENGTH_ERROR  "ERROR 400 The Content-Length is not a number\n"
#define LARGE_ERROR   "ERROR 413 The body is larger than is accepted here\n"
#define CODING(value) POST "Transfer-Encoding:" value "\r\n\r\n0\r\n\r\n"
#define LAST_ERROR    "ERROR 400 Chunked is not the last transfer coding\n"
#define AGAIN_ERROR   "ERROR 400 Chunked is not the last transfer coding, or repeated\n"
#define CODING_ERROR  "ERROR 501 No transfer coding but chunked is known\n"
#define SIZE_ERROR    "ERROR 400 The size of a chunk is not a hexadecimal number\n"
#define END_ERROR     "ERROR 400 A chunk does not end where it should\n"
#define TRAILER_ERROR "ERROR 400 A trailer field is malformed\n"
#define BALLAST_ERROR "ERROR 400 There is a control character in a trailer\n"
#define EXT_ERROR     "ERROR 400 A chunk extension is not NAME or NAME=VALUE\n"

static const struct example framing[] = {
    {LENGTH(""), LENGTH_ERROR},
    {LENGTH("+1"), LENGTH_ERROR},
    {LENGTH("-1"), LENGTH_ERROR},
    {LENGTH("1 0"), LENGTH_ERROR},
    {LENGTH("0x1"), LENGTH_ERROR},
    {LENGTH("1a"), LENGTH_ERROR},
    {LENGTH("1.0"), LENGTH_ERROR},
    {LENGTH("\"1\""), LENGTH_ERROR},
    {LENGTH("1, 1"), LENGTH_ERROR}, /* section 6.3 allows refusing a repetition */
    {LENGTH("1,2"), LENGTH_ERROR},
    {POST "Content-Length: 1\r\ncontent-length: 1\r\n\r\n",
     "ERROR 400 There is more than one Content-Length\n"},
    {LENGTH("21"), LARGE_ERROR},
    {LENGTH("18446744073709551615"), LARGE_ERROR},
    {LENGTH("18446744073709551617"), LARGE_ERROR}, /* 1 when it wraps */
    {LENGTH("99999999999999999999999999999999"), LARGE_ERROR},
    {LENGTH("99999999999999999999999999999999x"), LENGTH_ERROR},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
     "ERROR 400 There are both Transfer-Encoding and Content-Length\n"},
    {POST "Content-Length: 1\r\nTransfer-Encoding: identity\r\n\r\n",
     "ERROR 400 There are both Transfer-Encoding and Content-Length\n"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
     "ERROR 400 HTTP/1.0 has no Transfer-Encoding\n"},
    {CODING("gzip, chunked"), CODING_ERROR},
    {CODING("xchunked,chunked"), CODING_ERROR},
    {CODING("gzip;a=\"b,\\\",\" , chunked"), CODING_ERROR},
    {POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", CODING_ERROR},
    {CODING("gzip"), LAST_ERROR},
    {CODING("identity"), LAST_ERROR},
    {CODING("xchunked"), LAST_ERROR},
    {CODING("chunked;q=1"), LAST_ERROR},
    {CODING("\"chunked\""), LAST_ERROR},
    {CODING("chun ked"), LAST_ERROR},
    {CODING(""), LAST_ERROR},
    {CODING(","), LAST_ERROR},
    {CODING("chunked, gzip"), AGAIN_ERROR},
    {CODING("chunked, chunked"), AGAIN_ERROR},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", AGAIN_ERROR},
    /* Chunk sizes. */
    {CHUNKED "\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "x\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "0x1\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "-1\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "+1\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED " 1\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED ";a\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "1 \r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "1 1\r\n", CHUNKING SIZE_ERROR},
    {CHUNKED "1\n", CHUNKING SIZE_ERROR},
    {CHUNKED "1\rx", CHUNKING CR_ERROR},
    {CHUNKED "00000000000000001\r\n", CHUNKING "ERROR 400 The size of a chunk is too long\n"},
    {CHUNKED "10000000000000005\r\nhello", CHUNKING "ERROR 400 The size of a chunk is too long\n"},
    {CHUNKED "ffffffffffffffff\r\n", CHUNKING LARGE_ERROR},
    {CHUNKED "15\r\n", CHUNKING LARGE_ERROR},
    {CHUNKED "14\r\n01234567890123456789\r\n1\r\n",
     CHUNKING "BODY 01234567890123456789\n" LARGE_ERROR},
    {CHUNKED "14\r\n01234567890123456789\r\nffffffffffffffff\r\n",
     CHUNKING "BODY 01234567890123456789\n" LARGE_ERROR},
    {CHUNKED "1;a\x01", CHUNKING EXT_ERROR},
    {CHUNKED "1;a\nb", CHUNKING EXT_ERROR},
    {CHUNKED "1;\r", CHUNKING EXT_ERROR},
    {CHUNKED "1; \r", CHUNKING EXT_ERROR},
    {CHUNKED "1;;", CHUNKING EXT_ERROR},
    {CHUNKED "1;a;\r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a \r", CHUNKING EXT_ERROR},
    {CHUNKED "1;=b", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=;", CHUNKING EXT_ERROR},
    {CHUNKED "1;a= \r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a b", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=b c", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=b \r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=b=c", CHUNKING EXT_ERROR},
    {CHUNKED "1;a,b", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=b\"", CHUNKING EXT_ERROR},
    {CHUNKED "1;\"a\"", CHUNKING EXT_ERROR},
    {CHUNKED "1;a\"b\"", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\\\r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\x01", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\\\x7F", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\"c", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\" \r", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\"b\"\"", CHUNKING EXT_ERROR},
    {CHUNKED "1;\xC3\xBC", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=\xC3\xBC", CHUNKING EXT_ERROR},
    {CHUNKED "1;a=b,", CHUNKING EXT_ERROR},
    {CHUNKED "1;a:b", CHUNKING EXT_ERROR},
    {CHUNKED "1;@", CHUNKING EXT_ERROR},
    {CHUNKED "1;a\rb", CHUNKING CR_ERROR},
    /* Ends of chunks. */
    {CHUNKED "1\r\nhello", CHUNKING "BODY h\n" END_ERROR},
    {CHUNKED "1\r\nh\nx", CHUNKING "BODY h\n" END_ERROR},
    {CHUNKED "1\r\nh\r\rx", CHUNKING "BODY h\n" END_ERROR},
    {CHUNKED "1\r\nh\r\n\r\n", CHUNKING "BODY h\n" SIZE_ERROR},
    /* Trailers. */
    {CHUNKED "0\r\nX : y\r\n\r\n", CHUNKING TRAILER_ERROR},
    {CHUNKED "0\r\n: y\r\n\r\n", CHUNKING TRAILER_ERROR},
    {CHUNKED "0\r\nX\r\n\r\n", CHUNKING TRAILER_ERROR},
    {CHUNKED "0\r\nX: y\r\n z\r\n\r\n", CHUNKING TRAILER_ERROR},
    {CHUNKED "0\r\n\n", CHUNKING TRAILER_ERROR},
    {CHUNKED "0\r\nX: y\n", CHUNKING BALLAST_ERROR},
    {CHUNKED "0\r\nX: \x7F", CHUNKING BALLAST_ERROR},
    {CHUNKED "0\r\nX: y\rz", CHUNKING END_ERROR},
    {CHUNKED "0\r\n\rz", CHUNKING END_ERROR},
};

/* ---- Connection, RFC 9112 section 9.3, and Expect, RFC 9110 section 10.1.1 ---- */

#define OLD        "GET / HTTP/1.0\r\n"
#define OLD_POST   "POST / HTTP/1.0\r\nContent-Length: 1\r\n"
#define WITH_BODY  POST "Content-Length: 1\r\n"
#define EXPECT(v)  "Expect: " v "\r\n\r\n"
#define MEET_ERROR "ERROR 417 No expectation but 100-continue is met\n"

static const struct example connections[] = {
    {GET "Connection: close\r\n\r\n", "GET / host=h HTTP/1.1\nHost: h\nConnection: close\nDONE\n"},
    {GET "Connection: a, ClosE\r\n\r\n",
     "GET / host=h HTTP/1.1\nHost: h\nConnection: a, ClosE\nDONE\n"},
    {GET "Connection: keep-alive\r\nConnection: close\r\n\r\n",
     "GET / host=h HTTP/1.1\nHost: h\nConnection: keep-alive\nConnection: close\nDONE\n"},
    {GET "Connection: closed\r\n\r\n", GOT "Connection: closed\nDONE\n"},
    {OLD "Connection: Keep-Alive\r\n\r\n",
     "GET / host= HTTP/1.0 keep-alive\nConnection: Keep-Alive\nDONE\n"},
    {OLD "Connection: keep-alive, close\r\n\r\n",
     "GET / host= HTTP/1.0\nConnection: keep-alive, close\nDONE\n"},
    {WITH_BODY EXPECT("100-Continue") "x",
     "POST /t/a host=h HTTP/1.1 keep-alive continue body\nHost: h\nContent-Length: 1\n"
     "Expect: 100-Continue\nBODY x\nDONE\n"},
    {GET EXPECT("100-continue"), GOT "Expect: 100-continue\nDONE\n"},
    {OLD_POST EXPECT("100-continue") "x",
     "POST / host= HTTP/1.0 body\nContent-Length: 1\nExpect: 100-continue\nBODY x\nDONE\n"},
    {OLD_POST EXPECT("x") "x",
     "POST / host= HTTP/1.0 body\nContent-Length: 1\nExpect: x\nBODY x\nDONE\n"},
    {GET EXPECT("101-continue"), MEET_ERROR},
    {WITH_BODY EXPECT("100-continue, x"), MEET_ERROR},
    {WITH_BODY EXPECT("100-continue=x"), MEET_ERROR},
};

static void check_equal(const struct buf *got, const char *want, const char *in, size_t first,
                        size_t step)
{
    ck_assert_msg(!got->failed && got->len == strlen(want) &&
                      (got->len == 0 || memcmp(got->data, want, got->len) == 0),
                  "first %zu, then by %zu:\n%s\n-- gives\n%.*s\n-- not\n%s", first, step, in,
                  (int)got->len, got->data ? got->data : "", want);
}

static void check_cut(const struct example *e, size_t first, size_t step)
{
    struct buf out = {0};
    http_transcript(&out, &limits, e->in, strlen(e->in), first, step);
    check_equal(&out, e->out, e->in, first, step);
    buf_finish(&out);
}

static void check_example(const struct example *e)
{
    size_t n = strlen(e->in);
    check_cut(e, n, 1);
    for (size_t first = 0; first < n; first++)
        check_cut(e, first, n);
    check_cut(e, 0, 1);
    check_cut(e, 0, 7);
}

#define EXAMPLE_TEST(table)                                                                        \
    START_TEST(reads_##table)                                                                      \
    {                                                                                              \
        check_example(&table[_i]);                                                                 \
    }                                                                                              \
    END_TEST

EXAMPLE_TEST(good)
EXAMPLE_TEST(request_lines)
EXAMPLE_TEST(header_lines)
EXAMPLE_TEST(hosts)
EXAMPLE_TEST(framing)
EXAMPLE_TEST(connections)

START_TEST(refuses_nul_everywhere)
{
    static const char in[] = CHUNKED "1;a\r\nx\r\n0\r\nX: y\r\n\r\n";
    const size_t data = strlen(CHUNKED "1;a\r\n"); /* the only place where it may stand */
    for (size_t at = 0; at < sizeof(in) - 1; at++) {
        char text[sizeof(in)];
        struct buf whole = {0}, bytes = {0};
        memcpy(text, in, sizeof(in));
        text[at] = '\0';
        http_transcript(&whole, &limits, text, sizeof(in) - 1, sizeof(in) - 1, 1);
        http_transcript(&bytes, &limits, text, sizeof(in) - 1, 0, 1);
        bool done = whole.len >= 5 && memcmp(whole.data + whole.len - 5, "DONE\n", 5) == 0;
        ck_assert_msg(done == (at == data), "NUL at %zu", at);
        ck_assert_uint_eq(whole.len, bytes.len);
        ck_assert_mem_eq(whole.data, bytes.data, whole.len);
        buf_finish(&whole);
        buf_finish(&bytes);
    }
}
END_TEST

/* ---- Limits: at the limit it works, one beyond it does not ---- */

/* Appends TEXT, with '@' standing for COUNT times 'x'. */
static void put_filled(struct buf *b, const char *text, size_t count)
{
    for (; *text; text++)
        for (size_t i = 0; i < (*text == '@' ? count : 1); i++)
            buf_putc(b, *text == '@' ? 'x' : *text);
}

static unsigned status_of(const struct buf *in, const struct http_limits *l, size_t first,
                          size_t step)
{
    struct buf out = {0};
    http_transcript(&out, l, in->data, in->len, first, step);
    buf_putc(&out, '\0');
    const char *error = strstr(out.data, "ERROR "), *done = strstr(out.data, "DONE");
    unsigned status = error ? (unsigned)atoi(error + 6) : done ? 0 : 1;
    buf_finish(&out);
    return status;
}

/* The status that TEXT with COUNT 'x' gets (0: complete, 1: incomplete), however it is cut. */
static unsigned status_filled(const char *text, size_t count, const struct http_limits *l)
{
    struct buf in = {0};
    put_filled(&in, text, count);
    unsigned status = status_of(&in, l, in.len, 1);
    for (size_t first = 0; first < in.len; first++)
        ck_assert_uint_eq(status_of(&in, l, first, in.len), status);
    ck_assert_uint_eq(status_of(&in, l, 0, 1), status);
    buf_finish(&in);
    return status;
}

START_TEST(limits_the_target)
{
    ck_assert_uint_eq(status_filled("GET /@ HTTP/1.1\r\n" HOST_H, 99, &limits), 0);
    ck_assert_uint_eq(status_filled("GET /@ HTTP/1.1\r\n" HOST_H, 100, &limits), 414);
    ck_assert_uint_eq(status_filled("GET http://h/@ HTTP/1.1\r\n" HOST_H, 91, &limits), 0);
    ck_assert_uint_eq(status_filled("GET http://h/@ HTTP/1.1\r\n" HOST_H, 92, &limits), 414);
    /* Told before the line ends, and even before the limit of the head. */
    ck_assert_uint_eq(status_filled("GET /@", 135, &limits), 1);
    ck_assert_uint_eq(status_filled("GET /@", 145, &limits), 414);
    struct http_limits small = limits;
    small.head_bytes = 40;
    ck_assert_uint_eq(status_filled("GET /@", 34, &small), 1);
    ck_assert_uint_eq(status_filled("GET /@", 35, &small), 414);
}
END_TEST

START_TEST(limits_the_head)
{
    const size_t rest = strlen(GET "X: \r\n\r\n");
    ck_assert_uint_eq(status_filled(GET "X: @\r\n\r\n", limits.head_bytes - rest, &limits), 0);
    ck_assert_uint_eq(status_filled(GET "X: @\r\n\r\n", limits.head_bytes - rest + 1, &limits),
                      431);
    ck_assert_uint_eq(status_filled(GET "X: @\r\n\r\n", limits.head_bytes - rest + 2, &limits),
                      431);
    ck_assert_uint_eq(status_filled(GET "X: @\r\n\r\n", limits.head_bytes - rest + 4, &limits),
                      431);
    ck_assert_uint_eq(status_filled(GET "@", limits.head_bytes, &limits), 431);
    /* Empty lines before it do not count. */
    ck_assert_uint_eq(
        status_filled("\r\n\r\n" GET "X: @\r\n\r\n", limits.head_bytes - rest, &limits), 0);
}
END_TEST

START_TEST(limits_the_number_of_headers)
{
    ck_assert_uint_eq(
        status_filled(GET "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\n\r\n", 0, &limits), 0);
    ck_assert_uint_eq(
        status_filled(GET "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nI:\r\n\r\n", 0, &limits), 431);
}
END_TEST

START_TEST(limits_chunk_extensions_and_trailers)
{
    const size_t max = limits.head_bytes;
    /* The CR behind the extension counts, and that of the line that ends the body. */
    const char *extension = CHUNKED "1;@\r\nb\r\n0\r\n\r\n";
    ck_assert_uint_eq(status_filled(extension, max - 2, &limits), 0);
    ck_assert_uint_eq(status_filled(extension, max - 1, &limits), 431);
    ck_assert_uint_eq(status_filled(extension, max, &limits), 413);
    /* One limit for all of a body. */
    const char *extensions = CHUNKED "1;@\r\nb\r\n1 ;@\r\nb\r\n0\r\n\r\n";
    ck_assert_uint_eq(status_filled(extensions, max / 2 - 10, &limits), 0);
    ck_assert_uint_eq(status_filled(extensions, max / 2 + 10, &limits), 413);
    const char *trailer = CHUNKED "0\r\nA: @\r\n\r\n";
    ck_assert_uint_eq(status_filled(trailer, max - strlen("A: \r\n\r"), &limits), 0);
    ck_assert_uint_eq(status_filled(trailer, max - strlen("A: \r\n\r") + 1, &limits), 431);
    ck_assert_uint_eq(status_filled(trailer, max, &limits), 431);
    const char *trailers = CHUNKED "0\r\nA: @\r\nB: @\r\n\r\n";
    ck_assert_uint_eq(status_filled(trailers, max / 2 - 10, &limits), 0);
    ck_assert_uint_eq(status_filled(trailers, max / 2 + 10, &limits), 431);
    ck_assert_uint_eq(status_filled(CHUNKED "0\r\n@", 410, &limits), 431);
}
END_TEST

/* Sizes and line ends of chunks are needed for the body and do not count as ballast. */
START_TEST(takes_many_small_chunks)
{
    struct buf in = {0};
    buf_puts(&in, CHUNKED);
    for (uint64_t i = 0; i < limits.body_bytes; i++)
        buf_puts(&in, "0000000000000001\r\nx\r\n");
    buf_puts(&in, "0\r\n\r\n");
    ck_assert_uint_eq(status_of(&in, &limits, in.len, 1), 0);
    buf_finish(&in);
}
END_TEST

/* ---- Access to the fields ---- */

static const char *feed_head(struct http_request *r, const char *text)
{
    size_t used;
    http_request_init(r, &limits);
    ck_assert_int_eq(http_request_feed(r, text, strlen(text), &used), HTTP_READ_HEAD);
    return text + used;
}

START_TEST(finds_fields)
{
    struct http_request r;
    size_t n;
    feed_head(&r, GET "Prefer: one\r\nPrefers: no\r\nprefer:\r\nPREFER: three\r\n\r\n");
    const char *value = http_fields_get(r.fields, HTTP_FIELD_PREFER, &n);
    ck_assert_str_eq(value, "one");
    ck_assert_uint_eq(n, 3);
    value = http_fields_next(r.fields, HTTP_FIELD_PREFER, value, &n);
    ck_assert_str_eq(value, "");
    ck_assert_uint_eq(n, 0);
    value = http_fields_next(r.fields, HTTP_FIELD_PREFER, value, &n);
    ck_assert_str_eq(value, "three");
    ck_assert_ptr_null(http_fields_next(r.fields, HTTP_FIELD_PREFER, value, &n));
    http_request_finish(&r);
    ck_assert_ptr_null(http_fields_get(r.fields, HTTP_FIELD_PREFER, NULL));
    http_request_finish(&r);
}
END_TEST

/* The memory of one head serves the next one: a request whose head comes at once, as most do,
 * allocates nothing. */
START_TEST(takes_the_memory_of_the_head_before)
{
    struct http_request r;
    feed_head(&r, GET "Origin: o\r\nVia: a\r\nVia: b\r\n\r\n");
    const struct http_fields *before = r.fields;
    const char *text = before->text.data;
    http_request_finish(&r);
    feed_head(&r, GET "Accept: a\r\n\r\n");
    ck_assert_ptr_eq(r.fields, before);
    ck_assert_ptr_eq(r.fields->text.data, text);
    ck_assert(!http_fields_has(r.fields, HTTP_FIELD_ORIGIN));
    ck_assert(http_fields_has(r.fields, HTTP_FIELD_ACCEPT));
    ck_assert_ptr_null(http_fields_fault(r.fields));
    http_request_finish(&r);
}
END_TEST

START_TEST(forgets_the_head_alone)
{
    struct http_request r;
    size_t used;
    const char *rest = feed_head(&r, "GET /a?b HTTP/1.0\r\nHost: h\r\nX: y\r\n"
                                     "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    http_request_forget_head(&r);
    ck_assert_ptr_null(r.fields);
    ck_assert_uint_eq(http_request_held(&r), 0);
    ck_assert_ptr_null(r.method);
    ck_assert_ptr_null(r.target);
    ck_assert_ptr_null(r.host);
    ck_assert_ptr_null(http_fields_get(r.fields, HTTP_FIELD_HOST, NULL));
    ck_assert(!http_fields_has_token(r.fields, HTTP_FIELD_CONNECTION, "keep-alive"));
    ck_assert(r.keep_alive);
    ck_assert_uint_eq(r.minor, 0);
    ck_assert_int_eq(http_request_feed(&r, rest, 2, &used), HTTP_READ_BODY);
    ck_assert_uint_eq(r.body_len, 2);
    ck_assert_int_eq(http_request_feed(&r, NULL, 0, &used), HTTP_READ_DONE);
    http_request_finish(&r);
}
END_TEST

static bool upgrades(const char *head)
{
    struct http_request r;
    feed_head(&r, head);
    bool upgrade = http_request_upgrade(&r, "websocket");
    http_request_finish(&r);
    return upgrade;
}

START_TEST(tells_upgrades)
{
    ck_assert(upgrades(GET "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"));
    ck_assert(upgrades(GET "Connection: keep-alive, upgrade\r\nUpgrade: h2c, websocket\r\n\r\n"));
    ck_assert(!upgrades(GET "Connection: keep-alive\r\nUpgrade: websocket\r\n\r\n"));
    ck_assert(!upgrades(GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"));
    ck_assert(!upgrades(GET "Connection: upgrade\r\n\r\n"));
    ck_assert(!upgrades("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
}
END_TEST

START_TEST(is_idle_between_requests)
{
    struct http_request r;
    size_t used;
    const char *rest = feed_head(&r, "\r\n" GET "\r\n" GET);
    ck_assert_str_eq(rest, GET);
    ck_assert(!http_request_idle(&r));
    ck_assert_int_eq(http_request_feed(&r, NULL, 0, &used), HTTP_READ_DONE);
    http_request_finish(&r);
    http_request_init(&r, &limits);
    ck_assert(http_request_idle(&r));
    ck_assert_int_eq(http_request_feed(&r, "\r\n\r", 3, &used), HTTP_READ_MORE);
    ck_assert(http_request_idle(&r));
    ck_assert_ptr_null(r.fields); /* costs no memory */
    ck_assert_int_eq(http_request_feed(&r, "\nG", 2, &used), HTTP_READ_MORE);
    ck_assert(!http_request_idle(&r));
    http_request_finish(&r);
}
END_TEST

/* A refused request says who asked for what when its head was complete, for the log. */
START_TEST(keeps_the_head_of_refused_requests)
{
    struct http_request r;
    const char *in = POST "Content-Length: 21\r\nOrigin: o\r\n\r\n";
    size_t used;
    http_request_init(&r, &limits);
    ck_assert_int_eq(http_request_feed(&r, in, strlen(in), &used), HTTP_READ_ERROR);
    ck_assert_str_eq(r.method, "POST");
    ck_assert_str_eq(r.target, "/t/a");
    ck_assert_str_eq(http_fields_get(r.fields, HTTP_FIELD_ORIGIN, NULL), "o");
    ck_assert(!r.keep_alive);
    http_request_finish(&r);
}
END_TEST

START_TEST(answers_503_when_out_of_memory)
{
    struct http_request r;
    size_t used;
    http_request_init(&r, &limits);
    ck_assert_int_eq(http_request_feed(&r, "GET /", 5, &used), HTTP_READ_MORE);
    r.fields->text.failed = true; /* as after a failed append */
    ck_assert_int_eq(http_request_feed(&r, " HTTP/1.1\r\n", 11, &used), HTTP_READ_ERROR);
    ck_assert_uint_eq(r.status, 503);
    http_request_finish(&r);
}
END_TEST

static void add_examples(TCase *t)
{
    tcase_add_loop_test(t, reads_good, 0, COUNT(good));
    tcase_add_loop_test(t, reads_request_lines, 0, COUNT(request_lines));
    tcase_add_loop_test(t, reads_header_lines, 0, COUNT(header_lines));
    tcase_add_loop_test(t, reads_hosts, 0, COUNT(hosts));
    tcase_add_loop_test(t, reads_framing, 0, COUNT(framing));
    tcase_add_loop_test(t, reads_connections, 0, COUNT(connections));
}

int main(void)
{
    Suite *s = suite_create("http_request");
    TCase *t = tcase_create("http_request");
    tcase_set_timeout(t, 300);
    add_examples(t);
    tcase_add_test(t, refuses_nul_everywhere);
    tcase_add_test(t, limits_the_target);
    tcase_add_test(t, limits_the_head);
    tcase_add_test(t, limits_the_number_of_headers);
    tcase_add_test(t, limits_chunk_extensions_and_trailers);
    tcase_add_test(t, takes_many_small_chunks);
    tcase_add_test(t, finds_fields);
    tcase_add_test(t, takes_the_memory_of_the_head_before);
    tcase_add_test(t, forgets_the_head_alone);
    tcase_add_test(t, tells_upgrades);
    tcase_add_test(t, is_idle_between_requests);
    tcase_add_test(t, keeps_the_head_of_refused_requests);
    tcase_add_test(t, answers_503_when_out_of_memory);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
