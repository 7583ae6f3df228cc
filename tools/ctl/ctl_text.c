/*
 * Text from the hub, made harmless for a terminal, and figures for people.
 *
 * A topic name or payload may hold escape sequences that would retitle the terminal, move its
 * cursor or hide what follows, so nothing from the hub is printed without passing here.
 */
#include "tools/ctl/ctl_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Length of the character at the beginning of TEXT and its code point; 0 when it is no UTF-8. */
static size_t next_char(const char *text, size_t n, uint32_t *ret_code)
{
    uint32_t state = UTF8_ACCEPT;
    for (size_t i = 0; i < n && i < 4; i++) {
        state = utf8_feed(state, text + i, 1);
        if (state == UTF8_REJECT)
            return 0;
        uint8_t c = (uint8_t)text[i];
        static const uint8_t first_bits[] = {0x7F, 0, 0x1F, 0x0F, 0x07};
        if (i > 0)
            *ret_code = *ret_code << 6 | (c & 0x3F);
        else
            *ret_code = c & first_bits[c < 0x80 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4];
        if (state == UTF8_ACCEPT)
            return i + 1;
    }
    return 0;
}

/* C0, DEL, C1, bidi controls (Unicode TR 9), line and paragraph separator, byte order mark. */
static bool is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

static void put_escaped(struct buf *out, uint32_t code)
{
    switch (code) {
    case '\n':
        buf_puts(out, "\\n");
        break;
    case '\r':
        buf_puts(out, "\\r");
        break;
    case '\t':
        buf_puts(out, "\\t");
        break;
    default:
        buf_printf(out, code < 0x80 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, code);
    }
}

void ctl_text_put(struct buf *out, const char *text, size_t n)
{
    while (n > 0) {
        uint32_t code = 0;
        size_t len = next_char(text, n, &code);
        if (len == 0) {
            buf_printf(out, "\\x%02x", (uint8_t)*text);
            len = 1;
        } else if (is_unsafe(code)) {
            put_escaped(out, code);
        } else {
            if (code == '\\')
                buf_putc(out, '\\');
            buf_append(out, text, len);
        }
        text += len;
        n -= len;
    }
}

void ctl_text_put_json(struct buf *out, const char *json, size_t n)
{
    while (n > 0) {
        uint32_t code = 0;
        size_t len = next_char(json, n, &code);
        if (len == 0) {
            buf_puts(out, "\\ufffd");
            len = 1;
        } else if (code >= 0x20 && is_unsafe(code)) {
            buf_printf(out, "\\u%04" PRIx32, code);
        } else if (code >= 0x20) { /* below, it can only be white space between values */
            buf_append(out, json, len);
        }
        json += len;
        n -= len;
    }
}

void ctl_text_put_json_string(struct buf *out, const char *text, size_t n)
{
    buf_putc(out, '"');
    while (n > 0) {
        uint32_t code = 0;
        size_t len = next_char(text, n, &code);
        if (len == 0)
            buf_puts(out, "\\ufffd");
        else if (is_unsafe(code))
            buf_printf(out, "\\u%04" PRIx32, code);
        else if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (char)code);
        else
            buf_append(out, text, len);
        len = len ? len : 1;
        text += len;
        n -= len;
    }
    buf_putc(out, '"');
}

static bool starts_char(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

size_t ctl_text_width(const char *text, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += starts_char(text[i]);
    return width;
}

size_t ctl_text_clip(const char *text, size_t n, size_t width)
{
    size_t i = 0;
    for (; i < n; i++)
        if (starts_char(text[i]) && width-- == 0)
            break;
    return i;
}

void ctl_text_put_size(struct buf *out, uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        buf_put_u64(out, bytes);
        return;
    }
    size_t unit = 0;
    double n = (double)bytes / 1024;
    for (; n >= 1000 && units[unit + 1]; unit++)
        n /= 1024;
    buf_printf(out, n < 9.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
}

void ctl_text_put_age(struct buf *out, uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        char name, minor_name;
        uint64_t minor;
    } units[] = {{86400, 'd', 'h', 3600}, {3600, 'h', 'm', 60}, {60, 'm', 's', 1}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds < units[i].seconds)
            continue;
        buf_printf(out, "%" PRIu64 "%c%02" PRIu64 "%c", seconds / units[i].seconds, units[i].name,
                   seconds % units[i].seconds / units[i].minor, units[i].minor_name);
        return;
    }
    buf_printf(out, "%" PRIu64 "s", seconds);
}
