/* The client's side of HTTP/1.1, as far as subscribing needs it. */
#include "tools/bench_subscriber.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* Topics that no two subscribers, in all likelihood, have in common as a set. */
static void put_further(const struct bench_subscribers *set, uint32_t index, struct buf *out)
{
    for (uint32_t i = 0; i < set->further; i++) {
        uint64_t mixed = ((uint64_t)index << 8 | i) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t number = (uint32_t)((mixed >> 32) % BENCH_FURTHER_POOL);
        buf_printf(out, "&topic=" BENCH_TOPIC_PREFIX "%08x", BENCH_FURTHER_FIRST + number);
    }
}

void http_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                  const char *query, const char *headers, struct buf *out)
{
    buf_printf(out, "GET /t/" BENCH_TOPIC_PREFIX "%08x?format=%s%s", s->topic,
               set->raw ? "raw" : "envelope", query);
    put_further(set, (uint32_t)(s - set->items), out);
    if (set->after && s->state != SUBSCRIBER_LIVE)
        buf_printf(out, "&after=%s", set->after);
    buf_printf(out, " HTTP/1.1\r\nHost: %s:%s\r\n%s\r\n", set->host, set->port, headers);
}

bool http_split_url(struct http_place *ret, const char *url)
{
    if (strncmp(url, "http://", 7) == 0)
        url += 7;
    size_t n = strcspn(url, "/");
    const char *colon = memrchr(url, ':', n);
    size_t host = colon ? (size_t)(colon - url) : 0, port = colon ? n - host - 1 : 0;
    if (host > 1 && url[0] == '[' && url[host - 1] == ']') {
        url++;
        host -= 2;
    }
    if (host == 0 || host >= sizeof(ret->host) || port == 0 || port >= sizeof(ret->port)) {
        bench_say("--url is HOST:PORT");
        return false;
    }
    *ret = (struct http_place){0};
    memcpy(ret->host, url, host);
    memcpy(ret->port, colon + 1, port);
    return true;
}

int http_connect(const struct http_place *place)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int one = 1, rc = getaddrinfo(place->host, place->port, &hints, &found);
    if (rc) {
        bench_say("%s port %s: %s", place->host, place->port, gai_strerror(rc));
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
        bench_say("cannot connect: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* If the header line at P has NAME (with its colon), its value without blanks; else NULL. */
static const char *value_of(const char *p, const char *end, const char *name, size_t *ret_len)
{
    size_t n = strlen(name);
    if ((size_t)(end - p) < n || strncasecmp(p, name, n) != 0)
        return NULL;
    p += n;
    while (p < end && *p == ' ')
        p++;
    *ret_len = (size_t)(end - p);
    return p;
}

static void read_header(struct http_head *h, const char *line, const char *end)
{
    size_t n;
    const char *value = value_of(line, end, "Content-Length:", &n);
    if (value)
        h->content_len = strtoull(value, NULL, 10); /* ends at the CR */
    value = value_of(line, end, "Longwire-Cursor:", &n);
    if (value) {
        h->cursor = value;
        h->cursor_len = n;
    }
    value = value_of(line, end, "Connection:", &n);
    if (value)
        h->close = n == 5 && strncasecmp(value, "close", n) == 0;
}

static unsigned read_status(const char *p, size_t n)
{
    if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
        return 0;
    for (int i = 9; i < 12; i++) {
        if (!isdigit((unsigned char)p[i]))
            return 0;
    }
    return (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
}

bool http_read_head(const char *data, size_t n, struct http_head *ret)
{
    const char *end = memmem(data, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX, "\r\n\r\n", 4);
    *ret = (struct http_head){0};
    if (!end)
        return n >= HTTP_HEAD_MAX; /* status 0 */
    ret->len = (size_t)(end - data) + 4;
    ret->status = read_status(data, ret->len);
    for (const char *line = data; line < end;) {
        const char *line_end = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        read_header(ret, line, line_end);
        line = line_end + 2;
    }
    return true;
}

void http_complain(struct bench_subscribers *set, struct bench_subscriber *s,
                   const struct http_head *h, const char *data)
{
    if (h->status == 0) {
        subscriber_fail(set, s, "what the server answers is no HTTP/1.1");
        return;
    }
    const char *line_end = memchr(data, '\r', h->len);
    subscriber_fail(set, s, "the server answers %.*s", (int)(line_end - data), data);
}
