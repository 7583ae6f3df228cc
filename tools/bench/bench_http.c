/* The client's side of HTTP/1.1, as far as subscribing needs it. */
#include "tools/bench/bench_http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_subscriber.h"

/* Topics that no two subscribers, in all likelihood, have in common as a set. */
static void put_further(const struct bench_subscribers *set, uint32_t index, struct buf *out)
{
    for (uint32_t i = 0; i < set->further; i++) {
        uint64_t mixed = ((uint64_t)index << 8 | i) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t number = (uint32_t)((mixed >> 32) % BENCH_FURTHER_POOL);
        buf_printf(out, "&topic=" BENCH_TOPIC_PREFIX "%08x", BENCH_FURTHER_FIRST + number);
    }
}

/* What a browser adds to the request of a page for the same origin: with Host and Accept 12 fields,
 * and about 500 bytes with the request line. */
static const char browser_fields[] =
    "Connection: keep-alive\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1/demo/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n";

void http_path(const struct bench_subscribers *set, const struct bench_subscriber *s,
               const char *query, struct buf *out)
{
    buf_printf(out, "/t/" BENCH_TOPIC_PREFIX "%08x?format=%s%s", s->topic,
               set->raw ? "raw" : "envelope", query);
    put_further(set, (uint32_t)(s - set->items), out);
    if (set->after && s->state != SUBSCRIBER_LIVE)
        buf_printf(out, "&after=%s", set->after);
}

void http_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                  const char *query, const char *headers, struct buf *out)
{
    buf_puts(out, "GET ");
    http_path(set, s, query, out);
    buf_printf(out, " HTTP/1.1\r\nHost: %s:%s\r\n%s%s\r\n", set->place->host, set->place->port,
               set->browser ? browser_fields : "", headers);
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

size_t http_take_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                      size_t n, unsigned status, uint8_t phase)
{
    struct http_head h;
    if (!http_read_head(data, n, &h))
        return 0;
    if (h.status != status) {
        http_complain(set, s, &h, data);
        return n;
    }
    s->phase = phase;
    subscriber_ready(set, s);
    return h.len;
}

static void read_to_end(struct bench_wire *w, struct buf *out)
{
    char chunk[4096];
    ssize_t n;
    while (!out->failed && (n = wire_recv_wait(w, chunk, sizeof(chunk))) > 0)
        buf_append(out, chunk, (size_t)n);
    buf_putc(out, '\0');
}

enum bench_exit http_find_messages(const struct http_place *place, uint32_t topic)
{
    struct buf text = {0};
    struct bench_wire wire;
    if (!wire_open(&wire, place))
        return BENCH_LOST;
    buf_printf(&text,
               "GET /t/" BENCH_TOPIC_PREFIX "%08x?after=earliest&limit=1&wait=0 HTTP/1.1\r\n"
               "Host: %s:%s\r\nConnection: close\r\n\r\n",
               topic, place->host, place->port);
    bool sent = !text.failed && wire_send_all(&wire, text.data, text.len);
    buf_clear(&text);
    if (sent)
        read_to_end(&wire, &text);
    wire_close(&wire);
    bool has = !text.failed && text.len && strstr(text.data, "\"messages\":[{");
    if (!has)
        bench_say("there are no messages of " BENCH_TOPIC_PREFIX "%08x at %s port %s: "
                  "`longwire-bench fill` makes a log that has some, to start the hub with",
                  topic, place->host, place->port);
    buf_finish(&text);
    return has ? BENCH_OK : BENCH_FAILED;
}
