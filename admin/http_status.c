#include "admin/http_status.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_tls.h"
#include "base/quota.h"
#include "broker/cursor.h"
#include "broker/presence.h"
#include "broker/topic_table.h"
#include "delivery/worker.h"
#include "http/http_access.h"

enum {
    PROBE_MS = 2000, /* how long an empty publish may take */
};

void http_status_cursor(struct exchange *x)
{
    struct worker *w = worker_of(x->conn);
    char text[CURSOR_TEXT_SIZE];
    struct buf body = {0};
    if (!http_may(x->conn, ACCESS_SUBSCRIBE)) {
        exchange_deny(x, "Anonymous subscribing is not allowed here (see access.anonymous)");
        return;
    }
    cursor_format(text, w->head, w->replay.log->epoch);
    exchange_add_field(x, "Longwire-Cursor", text);
    buf_printf(&body, "{\"cursor\":\"%s\"}", text);
    exchange_reply(x, 200, exchange_json, body.data, body.len);
    buf_finish(&body);
}

static const char text_type[] = "text/plain; charset=utf-8";

static void reply_text(struct exchange *x, const char *text)
{
    exchange_reply(x, 200, text_type, text, strlen(text));
}

void http_status_health(struct exchange *x)
{
    reply_text(x, "ok\n");
}

static void probed(struct exchange_answer *a, const struct publish *p)
{
    static const char ready[] = "ready\n";
    struct hub_stats stats;
    hub_read_stats(worker_of(a->conn)->hub, &stats);
    if (a->conn->loop->process->local_lost)
        exchange_answer_fail(a, 503, 5, "The local socket is gone");
    else if (p->result == ERR_OK && !stats.failing)
        exchange_answer_reply(a, 200, text_type, ready, strlen(ready));
    else
        exchange_answer_fail(a, 503, 5, "The log does not take publishes now");
}

void http_status_ready(struct exchange *x)
{
    if (x->conn->loop->draining) {
        exchange_fail_later(x, 503, 5, "The hub is stopping");
        return;
    }
    exchange_probe(x, publish_create(0), probed, PROBE_MS);
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
    for (unsigned t = 0; t < transport_count(); t++) {
        uint64_t sum = 0;
        for (unsigned k = 0; k < p->loop_count; k++)
            sum += atomic_load_explicit(&p->loops[k]->conns_by_transport[t], memory_order_relaxed);
        buf_printf(out, "longwire_connections{transport=\"%s\"} %llu\n", transport_name(t),
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
    put_value(out, "quotas", "gauge", "clients whose quotas are in use",
              quota_table_count(w->loop.process->quotas));
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
    put_value(out, "presence_members", "gauge", "members of topics with presence",
              presence_members(hub_presence(w->hub)));
}

void http_status_metrics(struct exchange *x)
{
    struct buf body = {0};
    put_hub(&body, worker_of(x->conn));
    put_connections(&body, worker_of(x->conn));
    admin_tls_gauge(worker_of(x->conn), &body);
    put_counters(&body, worker_of(x->conn));
    exchange_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", body.data, body.len);
    buf_finish(&body);
}
