/* `clients` and `stats`: who is connected, and how the hub is doing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* ---- Orders of clients ---- */

static uint64_t field(const void *item, const char *name)
{
    return ctl_json_u64(*(json_t *const *)item, name);
}

static int compare(uint64_t x, uint64_t y)
{
    return x < y ? -1 : x > y;
}

static int by_id(const void *a, const void *b)
{
    return compare(field(a, "id"), field(b, "id"));
}

static int by_age(const void *a, const void *b)
{
    int order = compare(field(b, "age_seconds"), field(a, "age_seconds"));
    return order ? order : by_id(a, b);
}

static int by_lag(const void *a, const void *b)
{
    int order = compare(field(b, "lag"), field(a, "lag"));
    return order ? order : by_id(a, b);
}

static int by_held(const void *a, const void *b)
{
    int order = compare(field(b, "held_bytes"), field(a, "held_bytes"));
    return order ? order : by_id(a, b);
}

static const struct {
    const char *name;
    int (*compare)(const void *a, const void *b);
} orders[] = {{"id", by_id}, {"age", by_age}, {"lag", by_lag}, {"held", by_held}};

enum { ORDERS = sizeof(orders) / sizeof(orders[0]) };

/* ORDERS when there is none of that name. */
static size_t find_order(const char *name)
{
    size_t i = 0;
    while (i < ORDERS && strcmp(orders[i].name, name) != 0)
        i++;
    return i;
}

/* Puts the array LIST in that order. */
static enum err sort(json_t *list, size_t order)
{
    size_t count = json_array_size(list);
    json_t **items = calloc(count + 1, sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        items[i] = json_incref(json_array_get(list, i));
    qsort(items, count, sizeof(json_t *), orders[order].compare);
    bool failed = json_array_clear(list) != 0;
    for (size_t i = 0; i < count; i++)
        failed |= json_array_append_new(list, items[i]) != 0;
    free(items);
    return failed ? ERR_NOMEM : ERR_OK;
}

/* ---- clients ---- */

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

/* Since it was live: "812 messages, 1.2M, 3m10s". */
static void add_behind(struct ctl_table *t, const json_t *client)
{
    struct buf text = {0};
    uint64_t messages = ctl_json_u64(client, "lag_messages");
    buf_printf(&text, "%llu message%s, ", (unsigned long long)messages, messages == 1 ? "" : "s");
    ctl_text_put_size(&text, ctl_json_u64(client, "lag_bytes"));
    buf_puts(&text, ", ");
    ctl_text_put_age(&text, ctl_json_u64(client, "lag_seconds"));
    ctl_table_text(t, messages && !text.failed ? text.data : NULL);
    buf_finish(&text);
}

/* "ws", or "ws+deflate" when it gets its messages compressed. */
static void add_transport(struct ctl_table *t, const json_t *client)
{
    struct buf text = {0};
    const char *transport = ctl_json_text(client, "transport");
    bool deflate = json_is_true(json_object_get(client, "deflate"));
    if (transport)
        buf_printf(&text, "%s%s", transport, deflate ? "+deflate" : "");
    ctl_table_text(t, transport && !text.failed ? text.data : NULL);
    buf_finish(&text);
}

/* What it calls itself, or whom its certificate is for. */
static void add_name(struct ctl_table *t, const json_t *client)
{
    const char *name = ctl_json_text(client, "name");
    ctl_table_text(t, name ? name : ctl_json_text(client, "certificate"));
}

static void add_client(struct ctl_table *t, const json_t *client)
{
    ctl_table_number(t, ctl_json_u64(client, "id"));
    add_transport(t, client);
    ctl_table_text(t, ctl_json_text(client, "address"));
    ctl_table_age(t, ctl_json_u64(client, "age_seconds"));
    ctl_table_text(t, ctl_json_text(client, "cursor"));
    ctl_table_number(t, ctl_json_u64(client, "lag"));
    add_behind(t, client);
    ctl_table_size(t, ctl_json_u64(client, "held_bytes"));
    add_name(t, client);
    add_topics(t, json_object_get(client, "topics"));
}

static enum ctl_exit show_clients(struct ctl *c, const json_t *list)
{
    static const struct ctl_column columns[] = {
        {"ID", true, CTL_STYLE_PLAIN},       {"TRANSPORT", false, CTL_STYLE_PLAIN},
        {"ADDRESS", false, CTL_STYLE_PLAIN}, {"AGE", true, CTL_STYLE_PLAIN},
        {"CURSOR", false, CTL_STYLE_PLACE},  {"LAG", true, CTL_STYLE_PLAIN},
        {"BEHIND", false, CTL_STYLE_PLAIN},  {"HELD", true, CTL_STYLE_PLAIN},
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

static enum ctl_exit show_json(const json_t *document)
{
    struct buf out = {0};
    char *text = json_dumps(document, JSON_COMPACT);
    if (text)
        ctl_text_put_json(&out, text, strlen(text));
    else
        out.failed = true;
    buf_putc(&out, '\n');
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    free(text);
    return status;
}

static enum ctl_exit show_sorted(struct ctl *c, json_t *list)
{
    if (!json_is_array(list))
        return ctl_strange();
    if (sort(list, find_order(c->args.sort)) != ERR_OK) {
        ctl_say("out of memory");
        return CTL_FAILED;
    }
    return c->json ? show_json(list) : show_clients(c, list);
}

static enum ctl_exit list_sorted(struct ctl *c)
{
    struct ctl_reply reply;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "CLIENTS"), &reply);
    if (status)
        return status;
    json_t *list = json_loadb(reply.text ? reply.text : "", reply.len, JSON_ALLOW_NUL, NULL);
    status = show_sorted(c, list);
    json_decref(list);
    ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit ctl_clients_check(const struct ctl *c)
{
    if (!c->args.sort || find_order(c->args.sort) < ORDERS)
        return CTL_OK;
    ctl_say("clients are listed by id, age, lag or held, not by %s", c->args.sort);
    return CTL_USAGE;
}

enum ctl_exit ctl_clients(struct ctl *c)
{
    return c->args.sort ? list_sorted(c) : ctl_ask(c, "CLIENTS", show_clients);
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

static void put_yes_or_no(struct buf *out, const json_t *stats, const char *name)
{
    put_label(out, name);
    buf_printf(out, "%s\n", json_is_true(json_object_get(stats, name)) ? "yes" : "no");
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
    static const char *const transports[] = {"sse", "ws", "poll", "resp", "http", "h2"};
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
    if (json_object_get(stats, "io_uring"))
        put_yes_or_no(&out, stats, "io_uring");
    put_connections(&out, json_object_get(stats, "connections"));
    put_counters(c, &out, json_object_get(stats, "counters"));
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_stats(struct ctl *c)
{
    return ctl_ask(c, "STATS", show_stats);
}
