#include "admin/http_status.h"

#include <stdio.h>
#include <string.h>

#include "broker/cursor.h"
#include "broker/topic_table.h"
#include "delivery/worker.h"
#include "http/http_access.h"

enum {
    PROBE_MS = 2000, /* how long an empty publish may take */
};

void http_status_cursor(struct conn *c, struct http *h)
{
    struct worker *w = worker_of(c);
    char text[CURSOR_TEXT_SIZE];
    struct buf body = {0};
    if (!http_may_subscribe(c)) {
        http_deny(c, "Anonymous subscribing is not allowed here (see access.anonymous)");
        return;
    }
    cursor_format(text, w->head, w->replay.log->epoch);
    http_add_field(h, "Longwire-Cursor", text);
    buf_printf(&body, "{\"cursor\":\"%s\"}", text);
    http_reply(c, 200, "application/json", body.data, body.len);
    buf_finish(&body);
}

static const char text_type[] = "text/plain; charset=utf-8";

static void reply_text(struct conn *c, const char *text)
{
    http_reply(c, 200, text_type, text, strlen(text));
}

void http_status_health(struct conn *c, struct http *h)
{
    (void)h;
    reply_text(c, "ok\n");
}

static void probed(struct conn *c, struct http_due_answer *a, const struct publish *p)
{
    static const char ready[] = "ready\n";
    struct hub_stats stats;
    hub_read_stats(worker_of(c)->hub, &stats);
    if (c->loop->process->local_lost)
        http_due_fail(c, a, 503, 5, "The local socket is gone");
    else if (p->result == ERR_OK && !stats.failing)
        http_due_reply(c, a, 200, text_type, ready, strlen(ready));
    else
        http_due_fail(c, a, 503, 5, "The log does not take publishes now");
}

void http_status_ready(struct conn *c, struct http *h)
{
    (void)h;
    if (c->loop->draining) {
        http_fail_later(c, 503, 5, "The hub is stopping");
        return;
    }
    http_probe(c, publish_create(0), probed, PROBE_MS);
}

static void put_metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP longwire_%s %s\n# TYPE longwire_%s %s\n", name, help, name, type);
}

static void put_value(struct buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    put_metric(out, name, type, help);
    buf_printf(out, "longwire_%s %llu\n", name, (unsigned long long)value);
}

static void put_counters(struct buf *out, struct worker *w)
{
    const struct process *p = w->loop.process;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        char name[64];
        uint64_t sum = 0;
        for (unsigned k = 0; k < p->loop_count; k++)
            sum += counter_get(&p->loops[k]->counters, i);
        snprintf(name, sizeof(name), "%s_total", counter_names[i]);
        put_value(out, name, "counter", counter_helps[i], sum);
    }
}

static void put_connections(struct buf *out, struct worker *w)
{
    const struct process *p = w->loop.process;
    put_metric(out, "connections", "gauge", "open connections by transport");
    for (unsigned t = 0; t < TRANSPORT_COUNT; t++) {
        uint64_t sum = 0;
        for (unsigned k = 0; k < p->loop_count; k++)
            sum += atomic_load_explicit(&p->loops[k]->conns_by_transport[t], memory_order_relaxed);
        buf_printf(out, "longwire_connections{transport=\"%s\"} %llu\n", transport_names[t],
                   (unsigned long long)sum);
    }
}

static void put_hub(struct buf *out, const struct worker *w)
{
    struct hub_stats s;
    hub_read_stats(w->hub, &s);
    put_value(out, "published_total", "counter", "messages committed", s.published);
    put_value(out, "commits_total", "counter", "groups committed", s.commits);
    put_value(out, "publish_failed_total", "counter", "publishes that failed", s.failed);
    put_value(out, "expired_total", "counter", "messages that retention removed", s.expired);
    put_value(out, "queue_bytes", "gauge", "publishes waiting for their commit", s.queued_bytes);
    const struct peer_memory *m = w->loop.book.memory;
    put_value(out, "peer_bytes", "gauge", "memory that clients make the hub hold",
              peer_memory_held(m));
    put_value(out, "peer_bytes_peak", "gauge", "the most of it since the start", m->peak);
    put_value(out, "log_damaged", "gauge",
              "records and index values of the log found unreadable since the start", s.damaged);
    put_value(out, "head_offset", "gauge", "offset of the newest message", hub_head(w->hub));
    put_value(out, "topics_forgotten_total", "counter", "topics that gave their places back",
              s.forgotten);
    put_value(out, "topics", "gauge", "topics known", topic_table_count(hub_topics(w->hub)));
    put_value(out, "filters", "gauge", "topics and patterns that are subscribed to",
              interest_filters(hub_interest(w->hub)));
    put_value(out, "subscription_bytes", "gauge", "memory for them and the sets they are in",
              interest_bytes(hub_interest(w->hub)));
}

void http_status_metrics(struct conn *c, struct http *h)
{
    struct buf body = {0};
    (void)h;
    put_hub(&body, worker_of(c));
    put_connections(&body, worker_of(c));
    put_counters(&body, worker_of(c));
    http_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8", body.data, body.len);
    buf_finish(&body);
}
