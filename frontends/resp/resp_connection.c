#include "frontends/resp/resp_connection.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_client.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_multi.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/resp/resp_subscribe.h"

static void put_text(struct buf *out, const char *text)
{
    resp_reply_bulk(out, text, strlen(text));
}

void resp_connection_ping(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const struct resp_arg none = {.data = "", .len = 0};
    const struct resp_arg *text = q->argc > 1 ? &q->argv[1] : &none;
    bool in_mode = r->subscription && r->version == RESP2;
    if (in_mode) {
        resp_reply_array(out, 2);
        put_text(out, "pong");
    }
    if (in_mode || q->argc > 1)
        resp_reply_bulk(out, text->data, text->len);
    else
        resp_reply_simple(out, "PONG");
}

void resp_connection_echo(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    resp_reply_bulk(out, q->argv[1].data, q->argv[1].len);
}

/* As in a Redis without passwords: its user `default` gets in with any, and the form without a user
 * is a mistake. NULL: welcome. */
static const char *authenticate(const struct resp_arg *user)
{
    if (!user)
        return "ERR AUTH <password> called without any password configured for the default user: "
               "who may open the socket may do everything";
    return user->len == 7 && memcmp(user->data, "default", 7) == 0
               ? NULL
               : "WRONGPASS there is no user but default";
}

void resp_connection_auth(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const char *error = authenticate(q->argc == 3 ? &q->argv[1] : NULL);
    if (error)
        resp_error(r, error);
    else
        resp_reply_simple(out, "OK");
}

/* --- HELLO --- */

static void put_hello(const struct resp *r, struct buf *out)
{
    resp_reply_map(out, r->version, 7);
    put_text(out, "server");
    put_text(out, "longwire");
    put_text(out, "version");
    put_text(out, LONGWIRE_VERSION);
    put_text(out, "proto");
    resp_reply_integer(out, r->version);
    put_text(out, "id");
    resp_reply_integer(out, (int64_t)conn_number(r->conn));
    put_text(out, "mode");
    put_text(out, "standalone");
    put_text(out, "role");
    put_text(out, "master");
    put_text(out, "modules");
    resp_reply_array(out, 0);
}

/* The words behind the protocol; *RET_NAME is that of SETNAME, or NULL. */
static const char *parse_hello(const struct resp_request *q, const struct resp_arg **ret_name)
{
    *ret_name = NULL;
    const char *error = NULL;
    for (size_t i = 2; i < q->argc && !error; i += 2) {
        if (resp_arg_is(&q->argv[i], "AUTH") && i + 2 < q->argc)
            error = authenticate(&q->argv[++i]);
        else if (resp_arg_is(&q->argv[i], "SETNAME") && i + 1 < q->argc)
            *ret_name = &q->argv[i + 1];
        else
            error = "ERR syntax error in HELLO";
    }
    return error;
}

static void change_version(struct resp *r, enum resp_version v)
{
    if (v == r->version)
        return;
    r->version = v;
    resp_subscribe_version_changed(r);
}

void resp_connection_hello(struct resp *r, const struct resp_request *q, struct buf *out)
{
    uint64_t protocol = r->version;
    const struct resp_arg *name;
    const char *error = parse_hello(q, &name);
    if (q->argc > 1 && resp_arg_u64(&q->argv[1], INT64_MAX, &protocol) != ERR_OK)
        error = "ERR Protocol version is not an integer or out of range";
    else if (protocol != RESP2 && protocol != RESP3)
        error = "NOPROTO unsupported protocol version";
    if (!error && name)
        error = resp_client_rename(r, name);
    if (error) {
        resp_error(r, error);
        return;
    }
    change_version(r, (enum resp_version)protocol);
    put_hello(r, out);
}

/* --- one-liners --- */

void resp_connection_select(struct resp *r, const struct resp_request *q, struct buf *out)
{
    uint64_t index;
    if (resp_arg_u64(&q->argv[1], INT64_MAX, &index) != ERR_OK)
        resp_error(r, "ERR invalid DB index");
    else if (index != 0)
        resp_error(r, "ERR DB index is out of range");
    else
        resp_reply_simple(out, "OK");
}

void resp_connection_quit(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    resp_reply_simple(out, "OK");
    resp_end(r);
}

void resp_connection_reset(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    resp_subscribe_finish(r);
    resp_multi_drop(r);
    free(r->name);
    r->name = NULL;
    r->version = RESP2;
    resp_reply_simple(out, "RESET");
}

void resp_connection_config_get(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    resp_reply_map(out, r->version, 0);
}

/* --- INFO --- */

static void put_server(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    buf_printf(out, "longwire_version:%s\r\nredis_mode:standalone\r\n", LONGWIRE_VERSION);
    buf_printf(out, "uptime_in_seconds:%llu\r\n", (unsigned long long)t->uptime_s);
    buf_printf(out, "workers:%u\r\n", hub_workers(w->hub));
    buf_printf(out, "io_uring:%s\r\n", w->loop.process->io_uring ? "yes" : "no");
    buf_printf(out, "epoch:%u\r\nhead:%llu\r\n", hub_log(w->hub)->epoch,
               (unsigned long long)hub_head(w->hub));
}

static void put_clients(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    uint64_t all = 0;
    (void)w;
    for (unsigned i = 0; i < transport_count(); i++)
        all += t->connections[i];
    buf_printf(out, "connected_clients:%llu\r\n", (unsigned long long)all);
    for (unsigned i = 0; i < transport_count(); i++)
        buf_printf(out, "connected_%s:%llu\r\n", transport_name(i),
                   (unsigned long long)t->connections[i]);
}

/* Clients wait for `loading:0`. A hub that answers has read its log. */
static void put_persistence(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    (void)w;
    buf_printf(out, "loading:0\r\ntopics:%llu\r\n", (unsigned long long)t->topics);
    buf_printf(out, "messages:%llu\r\nmessage_bytes:%llu\r\n", (unsigned long long)t->messages,
               (unsigned long long)t->bytes);
}

static void put_stats(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    struct hub_stats s;
    hub_read_stats(w->hub, &s);
    buf_printf(out, "published:%llu\r\ncommits:%llu\r\nexpired:%llu\r\n",
               (unsigned long long)s.published, (unsigned long long)s.commits,
               (unsigned long long)s.expired);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        buf_printf(out, "%s:%llu\r\n", counter_names[i], (unsigned long long)t->counters[i]);
}

static void put_replication(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    (void)w;
    (void)t;
    buf_puts(out, "role:master\r\nconnected_slaves:0\r\n");
}

static void put_cluster(const struct worker *w, const struct admin_totals *t, struct buf *out)
{
    (void)w;
    (void)t;
    buf_puts(out, "cluster_enabled:0\r\n");
}

static const struct section {
    const char *title;
    void (*put)(const struct worker *w, const struct admin_totals *t, struct buf *out);
} sections[] = {
    {"Server", put_server}, {"Clients", put_clients},         {"Persistence", put_persistence},
    {"Stats", put_stats},   {"Replication", put_replication}, {"Cluster", put_cluster},
};

static bool is_wanted(const struct section *s, const struct resp_request *q)
{
    bool wanted = q->argc == 1;
    for (size_t i = 1; i < q->argc; i++)
        wanted |= resp_arg_is(&q->argv[i], s->title) || resp_arg_is(&q->argv[i], "all") ||
                  resp_arg_is(&q->argv[i], "everything") || resp_arg_is(&q->argv[i], "default");
    return wanted;
}

void resp_connection_info(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct worker *w = worker_of(r->conn);
    struct admin_totals totals;
    struct buf text = {0};
    admin_total(w, &totals);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (!is_wanted(&sections[i], q))
            continue;
        buf_printf(&text, "%s# %s\r\n", text.len ? "\r\n" : "", sections[i].title);
        sections[i].put(w, &totals, &text);
    }
    resp_reply_text(out, r->version, text.data, text.len);
    out->failed |= text.failed;
    buf_finish(&text);
}
