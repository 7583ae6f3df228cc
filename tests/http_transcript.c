#include "tests/http_transcript.h"

#include <stdlib.h>
#include <string.h>

#include "http/h1/http_repeat.h"
#include "tests/require.h"

struct transcript {
    struct buf *out;
    struct http_request request;
    const struct http_limits *limits;
    bool in_body, failed;
};

/* A known field is found by its number, from the first of them on. */
static void check_found(const struct http_fields *f, const char *name, const char *value)
{
    size_t n;
    enum http_field which = http_field_find(name, strlen(name));
    if (which == HTTP_FIELD_UNKNOWN)
        return;
    const char *found = http_fields_get(f, which, &n);
    while (found && found != value)
        found = http_fields_next(f, which, found, &n);
    REQUIRE(found == value && n == strlen(value));
}

static void put_fields(struct transcript *t)
{
    const struct http_request *r = &t->request;
    const struct buf *text = &r->fields->text;
    for (size_t at = r->fields->begin; at < text->len;) {
        const char *name = text->data + at, *value = name + strlen(name) + 1;
        buf_printf(t->out, "%s: %s\n", name, value);
        check_found(r->fields, name, value);
        at += strlen(name) + strlen(value) + 2;
    }
}

static void put_head(struct transcript *t)
{
    const struct http_request *r = &t->request;
    REQUIRE(strlen(r->method) >= 1 && strlen(r->method) <= HTTP_METHOD_MAX);
    REQUIRE(r->target[0] == '/' || strcmp(r->target, "*") == 0);
    REQUIRE(strlen(r->target) <= t->limits->target_bytes);
    buf_printf(t->out, "%s %s host=%s HTTP/1.%u%s%s%s\n", r->method, r->target, r->host, r->minor,
               r->keep_alive ? " keep-alive" : "", r->expect_continue ? " continue" : "",
               r->has_body ? " body" : "");
    put_fields(t);
}

static void put_body(struct transcript *t, const char *data, size_t n)
{
    const struct http_request *r = &t->request;
    REQUIRE(r->has_body && r->body_len > 0);
    REQUIRE(r->body >= data && r->body + r->body_len <= data + n);
    if (!t->in_body)
        buf_puts(t->out, "BODY ");
    t->in_body = true;
    buf_append(t->out, r->body, r->body_len);
}

static void put_end(struct transcript *t, enum http_read got)
{
    if (t->in_body)
        buf_putc(t->out, '\n');
    t->in_body = false;
    if (got == HTTP_READ_DONE)
        buf_puts(t->out, "DONE\n");
    else if (got == HTTP_READ_ERROR)
        buf_printf(t->out, "ERROR %u %s\n", t->request.status, t->request.reason);
    else if (!http_request_idle(&t->request))
        buf_puts(t->out, "INCOMPLETE\n");
}

static void check_final(struct transcript *t, enum http_read got)
{
    size_t used = 77;
    REQUIRE(http_request_feed(&t->request, "x", 1, &used) == got && used == 0);
}

/* One event; returns false when all was taken. */
static bool feed_once(struct transcript *t, const char *data, size_t n, size_t *used)
{
    enum http_read got = http_repeat_feed(&t->request, data, n, used);
    REQUIRE(*used <= n);
    if (got == HTTP_READ_MORE) {
        REQUIRE(*used == n);
        return false;
    }
    if (got == HTTP_READ_HEAD)
        put_head(t);
    if (got == HTTP_READ_BODY)
        put_body(t, data, n);
    if (got == HTTP_READ_DONE || got == HTTP_READ_ERROR) {
        put_end(t, got);
        check_final(t, got);
        t->failed = got == HTTP_READ_ERROR;
        http_request_finish(&t->request);
        http_request_init(&t->request, t->limits);
    }
    return !t->failed;
}

static void feed_piece(struct transcript *t, const char *data, size_t n)
{
    char *piece = malloc(n ? n : 1);
    memcpy(piece, data, n);
    size_t at = 0, used = 0;
    while (feed_once(t, piece + at, n - at, &used))
        at += used;
    free(piece);
}

void http_transcript(struct buf *out, const struct http_limits *limits, const void *data, size_t n,
                     size_t first, size_t step)
{
    struct transcript t = {.out = out, .limits = limits};
    const char *p = data;
    http_request_init(&t.request, limits);
    feed_piece(&t, p, first);
    for (size_t at = first; at < n && !t.failed; at += step)
        feed_piece(&t, p + at, n - at < step ? n - at : step);
    if (!t.failed)
        put_end(&t, HTTP_READ_MORE);
    http_request_finish(&t.request);
}
