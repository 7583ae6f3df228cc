/*
 * Version 1 is a line: "PROXY TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT\r\n", with TCP6,
 * or "PROXY UNKNOWN" and anything behind it.
 *
 * Version 2 is a signature of 12 bytes, version and command, family and protocol, the length of the
 * rest (16 bits), then the addresses, then extensions, which mean nothing here.
 */
#include "net/proxy_header.h"

#include <string.h>

static const char line_begin[] = "PROXY ";
static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    SIGNATURE_LEN = sizeof(signature) - 1,
    LINE_BEGIN_LEN = sizeof(line_begin) - 1,
    V4_LEN = 12, /* two addresses, two ports */
    V6_LEN = 36,
    UNIX_LEN = 216,
};

/* The halves of bytes 13 and 14 of version 2. */
enum { VERSION_2 = 2, COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_NONE, FAMILY_V4, FAMILY_V6, FAMILY_UNIX };
enum { PROTOCOL_NONE, PROTOCOL_STREAM };

void proxy_header_init(struct proxy_header *p)
{
    memset(p, 0, sizeof(*p));
}

static enum proxy_read fail(struct proxy_header *p, const char *reason)
{
    p->state = PROXY_FAILED;
    p->reason = reason;
    return PROXY_READ_ERROR;
}

static enum proxy_read done(struct proxy_header *p)
{
    p->state = PROXY_DONE;
    return PROXY_READ_DONE;
}

/* ---- version 1 ---- */

/* Takes the word before the next space, or all, off TEXT. */
static size_t next_word(const char **text, size_t *n, const char **word)
{
    const char *space = memchr(*text, ' ', *n);
    size_t len = space ? (size_t)(space - *text) : *n, past = space ? len + 1 : len;
    *word = *text;
    *text += past;
    *n -= past;
    return len;
}

static bool read_ip(const char **text, size_t *n, bool v4, struct ip *ret)
{
    const char *word;
    size_t len = next_word(text, n, &word);
    return ip_parse(word, len, ret) == ERR_OK && v4 == !memchr(word, ':', len);
}

static bool read_port(const char **text, size_t *n, uint16_t *ret)
{
    const char *word;
    size_t len = next_word(text, n, &word);
    return ip_port_parse(word, len, ret) == ERR_OK;
}

/* The four words behind "TCP4 " or "TCP6 ". */
static bool read_addresses(struct proxy_header *p, const char *text, size_t n, bool v4)
{
    struct ip destination;
    uint16_t port;
    if (n == 0 || text[n - 1] == ' ') /* next_word would not see it */
        return false;
    return read_ip(&text, &n, v4, &p->client.ip) && read_ip(&text, &n, v4, &destination) &&
           read_port(&text, &n, &p->client.port) && read_port(&text, &n, &port) && n == 0;
}

static enum proxy_read end_line(struct proxy_header *p)
{
    const char *text = p->text + LINE_BEGIN_LEN, *word;
    size_t n = p->len - LINE_BEGIN_LEN - 2u;
    size_t len = next_word(&text, &n, &word);
    if (len == 7 && memcmp(word, "UNKNOWN", 7) == 0) {
        p->source = PROXY_SOURCE_UNKNOWN;
        return done(p);
    }
    if (len != 4 || memcmp(word, "TCP", 3) != 0 || (word[3] != '4' && word[3] != '6'))
        return fail(p, "The PROXY line is not of TCP4, TCP6 or UNKNOWN");
    if (!read_addresses(p, text, n, word[3] == '4'))
        return fail(p, "The PROXY line is not two addresses and two ports");
    p->source = PROXY_SOURCE_ADDRESS;
    return done(p);
}

static enum proxy_read feed_line(struct proxy_header *p, char c)
{
    bool after_cr = p->len > 0 && p->text[p->len - 1] == '\r';
    if (p->len < LINE_BEGIN_LEN && c != line_begin[p->len])
        return fail(p, "There is no PROXY header");
    if (p->len == PROXY_LINE_MAX)
        return fail(p, "The PROXY line is too long");
    if (after_cr != (c == '\n'))
        return fail(p, "The PROXY line does not end in CRLF");
    if (c != '\r' && c != '\n' && (c < ' ' || c == 0x7F))
        return fail(p, "There is a control character in the PROXY line");
    p->text[p->len++] = c;
    return c == '\n' ? end_line(p) : PROXY_READ_MORE;
}

/* ---- version 2 ---- */

static unsigned high(const struct proxy_header *p, unsigned at)
{
    return (unsigned char)p->text[at] >> 4;
}

static unsigned low(const struct proxy_header *p, unsigned at)
{
    return (unsigned char)p->text[at] & 15;
}

static uint16_t number_at(const struct proxy_header *p, unsigned at)
{
    return (uint16_t)((unsigned char)p->text[at] << 8 | (unsigned char)p->text[at + 1]);
}

static unsigned command(const struct proxy_header *p)
{
    return low(p, SIGNATURE_LEN);
}

static unsigned family(const struct proxy_header *p)
{
    return high(p, SIGNATURE_LEN + 1);
}

static unsigned protocol(const struct proxy_header *p)
{
    return low(p, SIGNATURE_LEN + 1);
}

/* How many bytes the addresses take that the header says it has. */
static unsigned addresses_len(const struct proxy_header *p)
{
    static const uint8_t lengths[] = {
        [FAMILY_NONE] = 0,
        [FAMILY_V4] = V4_LEN,
        [FAMILY_V6] = V6_LEN,
        [FAMILY_UNIX] = UNIX_LEN,
    };
    return command(p) == COMMAND_LOCAL ? 0 : lengths[family(p)];
}

/* Whether the addresses say who the client is. */
static bool has_address(const struct proxy_header *p)
{
    return command(p) == COMMAND_PROXY && protocol(p) == PROTOCOL_STREAM &&
           (family(p) == FAMILY_V4 || family(p) == FAMILY_V6);
}

static enum proxy_read end_addresses(struct proxy_header *p)
{
    const char *at = p->text + PROXY_FIXED_BYTES;
    bool v4 = family(p) == FAMILY_V4;
    p->source = command(p) == COMMAND_LOCAL ? PROXY_SOURCE_ITSELF : PROXY_SOURCE_UNKNOWN;
    if (has_address(p)) {
        p->source = PROXY_SOURCE_ADDRESS;
        p->client.ip = v4 ? ip_from_v4(at) : ip_from_v6(at);
        p->client.port = number_at(p, PROXY_FIXED_BYTES + (v4 ? 8 : 32));
    }
    p->state = PROXY_EXTENSIONS;
    return p->left ? PROXY_READ_MORE : done(p);
}

static enum proxy_read end_fixed(struct proxy_header *p)
{
    p->left = number_at(p, SIGNATURE_LEN + 2);
    if (command(p) == COMMAND_PROXY && (family(p) > FAMILY_UNIX || protocol(p) > PROTOCOL_STREAM))
        return fail(p, "The PROXY header is not of a stream over IP or a local socket");
    if (p->left > PROXY_REST_MAX)
        return fail(p, "The PROXY header is too long");
    if (p->left < addresses_len(p))
        return fail(p, "The PROXY header is shorter than its addresses");
    p->state = PROXY_ADDRESSES;
    return has_address(p) ? PROXY_READ_MORE : end_addresses(p);
}

static enum proxy_read feed_fixed(struct proxy_header *p, char c)
{
    if (p->len < SIGNATURE_LEN && c != signature[p->len])
        return fail(p, "There is no PROXY header");
    p->text[p->len++] = c;
    if (p->len == SIGNATURE_LEN + 1 &&
        (high(p, SIGNATURE_LEN) != VERSION_2 || command(p) > COMMAND_PROXY))
        return fail(p, "The PROXY header is of another version or command");
    return p->len == PROXY_FIXED_BYTES ? end_fixed(p) : PROXY_READ_MORE;
}

static enum proxy_read feed_addresses(struct proxy_header *p, char c)
{
    p->text[p->len++] = c;
    p->left--;
    return p->len == PROXY_FIXED_BYTES + addresses_len(p) ? end_addresses(p) : PROXY_READ_MORE;
}

static enum proxy_read feed_extensions(struct proxy_header *p)
{
    return --p->left ? PROXY_READ_MORE : done(p);
}

/* ---- feeding ---- */

static enum proxy_read feed_byte(struct proxy_header *p, char c)
{
    if (p->state == PROXY_START)
        p->state = c == signature[0] ? PROXY_FIXED : PROXY_LINE;
    switch (p->state) {
    case PROXY_FIXED:
        return feed_fixed(p, c);
    case PROXY_ADDRESSES:
        return feed_addresses(p, c);
    case PROXY_EXTENSIONS:
        return feed_extensions(p);
    default: /* PROXY_LINE */
        return feed_line(p, c);
    }
}

enum proxy_read proxy_header_feed(struct proxy_header *p, const char *data, size_t n, size_t *used)
{
    *used = 0;
    while (p->state < PROXY_DONE && *used < n) {
        if (feed_byte(p, data[*used]) == PROXY_READ_ERROR)
            break;
        *used += 1;
    }
    if (p->state == PROXY_FAILED)
        return PROXY_READ_ERROR;
    return p->state == PROXY_DONE ? PROXY_READ_DONE : PROXY_READ_MORE;
}
