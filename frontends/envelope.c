#include "frontends/envelope.h"

#include <stdbool.h>
#include <string.h>

#include "base/rfc3339.h"
#include "base/utf8.h"
#include "broker/cursor.h"
#include "frontends/crypto.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void append_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        buf_append(out, "\\\"", 2);
        return;
    case '\\':
        buf_append(out, "\\\\", 2);
        return;
    case '\n':
        buf_append(out, "\\n", 2);
        return;
    case '\r':
        buf_append(out, "\\r", 2);
        return;
    case '\t':
        buf_append(out, "\\t", 2);
        return;
    default:
        buf_append(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void envelope_json_string(struct buf *out, const char *text, size_t n)
{
    size_t from = 0;
    buf_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (is_plain((unsigned char)text[i]))
            continue;
        buf_append(out, text + from, i - from);
        append_escape(out, (unsigned char)text[i]);
        from = i + 1;
    }
    if (n)
        buf_append(out, text + from, n - from);
    buf_putc(out, '"');
}

void envelope_json_line(struct buf *out, const char *json, size_t n)
{
    size_t from = out->len;
    buf_append(out, json, n);
    char *p = out->data + from;
    for (size_t i = 0, len = out->len - from; i < len; i++)
        p[i] = p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
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
