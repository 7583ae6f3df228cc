/* `clients` and `stats`: who is connected, and how the hub is doing. */
#include "tools/ctl.h"

#include <inttypes.h>
#include <string.h>

/* A client's topics in one cell: "a, b, and 3 more". */
static void add_topics(struct ctl_table *t, const json_t *topics)
{
    enum { SHOWN = 3 };
    struct buf text = {0};
    size_t count = json_array_size(topics);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        const char *name = json_string_value(json_array_get(topics, i));
        buf_printf(&text, "%s%s", i ? ", " : "", name ? name : "?");
    }
    if (count > SHOWN)
        buf_printf(&text, ", and %zu more", count - SHOWN);
    ctl_table_text(t, count && !text.failed ? text.data : NULL);
    buf_finish(&text);
}

static void add_client(struct ctl_table *t, const json_t *client)
{
    ctl_table_number(t, ctl_json_u64(client, "id"));
    ctl_table_text(t, ctl_json_text(client, "transport"));
    ctl_table_text(t, ctl_json_text(client, "address"));
    ctl_table_age(t, ctl_json_u64(client, "age_seconds"));
    ctl_table_text(t, ctl_json_text(client, "cursor"));
    ctl_table_number(t, ctl_json_u64(client, "lag"));
    ctl_table_text(t, ctl_json_text(client, "name"));
    add_topics(t, json_object_get(client, "topics"));
}

static enum ctl_exit show_clients(struct ctl *c, const json_t *list)
{
    static const struct ctl_column columns[] = {
        {"ID", true, CTL_STYLE_PLAIN},       {"TRANSPORT", false, CTL_STYLE_PLAIN},
        {"ADDRESS", false, CTL_STYLE_PLAIN}, {"AGE", true, CTL_STYLE_PLAIN},
        {"CURSOR", false, CTL_STYLE_PLACE},  {"LAG", true, CTL_STYLE_PLAIN},
        {"NAME", false, CTL_STYLE_PLAIN},    {"TOPICS", false, CTL_STYLE_NAME},
    };
    struct ctl_table t;
    struct buf out = {0};
    if (!json_is_array(list))
        return ctl_strange();
    ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < json_array_size(list); i++)
        add_client(&t, json_array_get(list, i));
    ctl_table_put(&t, &out, c->colour, 0, 0, "\n");
    ctl_table_finish(&t);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

/* Sends HUB WHAT and shows the document it answers. */
static enum ctl_exit ask(struct ctl *c, const char *what,
                         enum ctl_exit (*show)(struct ctl *c, const json_t *document))
{
    struct ctl_reply reply;
    json_t *document;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", what), &reply);
    if (status)
        return status;
    status = ctl_document(c, &reply, &document);
    if (document)
        status = show(c, document);
    json_decref(document);
    ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit ctl_clients(struct ctl *c)
{
    return ask(c, "CLIENTS", show_clients);
}

static void put_label(struct buf *out, const char *label)
{
    buf_printf(out, "%-14s ", label);
}

static void put_number(struct buf *out, const json_t *stats, const char *name)
{
    put_label(out, name);
    buf_printf(out, "%" PRIu64 "\n", ctl_json_u64(stats, name));
}

static void put_text(struct buf *out, const json_t *stats, const char *name)
{
    const char *text = ctl_json_text(stats, name);
    put_label(out, name);
    ctl_text_put(out, text ? text : "-", text ? strlen(text) : 1);
    buf_putc(out, '\n');
}

static void put_size(struct buf *out, const json_t *stats, const char *label, const char *name)
{
    put_label(out, label);
    buf_printf(out, "%" PRIu64 " (", ctl_json_u64(stats, name));
    ctl_text_put_size(out, ctl_json_u64(stats, name));
    buf_puts(out, ")\n");
}

static void put_connections(struct buf *out, const json_t *connections)
{
    static const char *const transports[] = {"sse", "ws", "poll", "resp", "http"};
    put_label(out, "connections");
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
        buf_printf(out, "%s%s %" PRIu64, i ? ", " : "", transports[i],
                   ctl_json_u64(connections, transports[i]));
    buf_putc(out, '\n');
}

static void put_counters(struct ctl *c, struct buf *out, json_t *counters)
{
    static const struct ctl_column columns[] = {
        {"COUNTER", false, CTL_STYLE_PLAIN},
        {"SINCE START", true, CTL_STYLE_PLAIN},
    };
    struct ctl_table t;
    if (json_object_size(counters) == 0)
        return;
    ctl_table_init(&t, columns, 2);
    for (void *i = json_object_iter(counters); i; i = json_object_iter_next(counters, i)) {
        const char *name = json_object_iter_key(i);
        ctl_table_text(&t, name);
        ctl_table_number(&t, ctl_json_u64(counters, name));
    }
    buf_putc(out, '\n');
    ctl_table_put(&t, out, c->colour, 0, 0, "\n");
    ctl_table_finish(&t);
}

static enum ctl_exit show_stats(struct ctl *c, const json_t *stats)
{
    struct buf out = {0};
    put_text(&out, stats, "version");
    put_label(&out, "uptime");
    ctl_text_put_age(&out, ctl_json_u64(stats, "uptime_seconds"));
    buf_putc(&out, '\n');
    put_number(&out, stats, "epoch");
    put_text(&out, stats, "head");
    put_number(&out, stats, "topics");
    put_number(&out, stats, "messages");
    put_size(&out, stats, "payload bytes", "bytes");
    put_size(&out, stats, "log bytes", "log_bytes");
    put_number(&out, stats, "workers");
    put_connections(&out, json_object_get(stats, "connections"));
    put_counters(c, &out, json_object_get(stats, "counters"));
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_stats(struct ctl *c)
{
    return ask(c, "STATS", show_stats);
}
