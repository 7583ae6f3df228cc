#include "delivery/envelope.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "broker/cursor.h"

enum {
    ESCAPE_MAX = 6, /* bytes */
    ESCAPES_AT_ONCE = 64,
};

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* How many of N bytes come before the first that has to be escaped; N when there is none. */
static size_t plain_len(const char *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word = bytes_load(p + i);
        if (bytes_have_below(word, 0x20) || bytes_have(word, '"') || bytes_have(word, '\\'))
            break;
    }
    while (i < n && is_plain((unsigned char)p[i]))
        i++;
    return i;
}

/* Writes the escape of C to TO, ESCAPE_MAX bytes, and returns its end. */
static char *put_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = {
        ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    memcpy(to, "\\u0000", ESCAPE_MAX);
    if (letters[c]) {
        to[1] = letters[c];
        return to + 2;
    }
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
    return to + ESCAPE_MAX;
}

/* The escapes that N bytes of TEXT begin with, some of them at a time: there may be nothing else in
 * it. Returns for how many bytes. */
static size_t append_escapes(struct buf *out, const char *text, size_t n)
{
    char *to = buf_reserve(out, (n < ESCAPES_AT_ONCE ? n : ESCAPES_AT_ONCE) * ESCAPE_MAX), *at = to;
    size_t i = 0;
    if (!to)
        return n;
    for (; i < n && i < ESCAPES_AT_ONCE && !is_plain((unsigned char)text[i]); i++)
        at = put_escape(at, (unsigned char)text[i]);
    out->len += (size_t)(at - to);
    return i;
}

void envelope_json_string(struct buf *out, const char *text, size_t n)
{
    buf_putc(out, '"');
    while (n > 0) {
        size_t plain = plain_len(text, n);
        buf_append(out, text, plain);
        if (plain == n)
            break;
        size_t escaped = append_escapes(out, text + plain, n - plain);
        text += plain + escaped;
        n -= plain + escaped;
    }
    buf_putc(out, '"');
}

void envelope_json_line(struct buf *out, const char *json, size_t n)
{
    while (n > 0) {
        size_t line = bytes_line_len(json, n);
        buf_append(out, json, line);
        if (line == n)
            return;
        buf_putc(out, ' ');
        json += line + 1;
        n -= line + 1;
    }
}

static void append_data(const struct message *m, struct buf *out)
{
    switch (m->kind) {
    case MESSAGE_JSON:
        envelope_json_line(out, m->payload, m->payload_len);
        return;
    case MESSAGE_TEXT:
        envelope_json_string(out, m->payload, m->payload_len);
        return;
    default:
        buf_putc(out, '"');
        crypto_base64_append(out, m->payload, m->payload_len);
        buf_puts(out, "\",\"encoding\":\"base64\"");
    }
}

static void append_head(const struct message *m, struct buf *out)
{
    char cursor[CURSOR_TEXT_SIZE], time[RFC3339_TEXT_SIZE];
    size_t cursor_len = cursor_format(cursor, m->offset, m->epoch);
    rfc3339_format(time, m->time_ms);
    buf_puts(out, "{\"id\":\"");
    buf_append(out, cursor, cursor_len);
    buf_puts(out, "\",\"topic\":");
    envelope_json_string(out, m->topic->name, m->topic->name_len);
    buf_puts(out, ",\"time\":\"");
    buf_puts(out, time);
    buf_putc(out, '"');
    if (m->event_len) {
        buf_puts(out, ",\"event\":");
        envelope_json_string(out, m->event, m->event_len);
    }
}

void envelope_append(const struct message *m, struct buf *out)
{
    append_head(m, out);
    buf_puts(out, ",\"data\":");
    append_data(m, out);
    buf_putc(out, '}');
}

static void append_key(const struct message *m, struct buf *out)
{
    if (utf8_valid(m->key, m->key_len)) {
        buf_puts(out, ",\"key\":");
        envelope_json_string(out, m->key, m->key_len);
        return;
    }
    buf_puts(out, ",\"key_base64\":\"");
    crypto_base64_append(out, m->key, m->key_len);
    buf_putc(out, '"');
}

/* A JSON string looks like text. */
static bool is_json_string(const struct message *m)
{
    size_t i = 0;
    while (i < m->payload_len && memchr(" \t\r\n", m->payload[i], 4))
        i++;
    return m->kind == MESSAGE_JSON && i < m->payload_len && m->payload[i] == '"';
}

void envelope_append_stored(const struct message *m, struct buf *out)
{
    append_head(m, out);
    if (m->key_len)
        append_key(m, out);
    buf_puts(out, ",\"data\":");
    append_data(m, out);
    if (is_json_string(m))
        buf_puts(out, ",\"kind\":\"json\"");
    buf_putc(out, '}');
}
