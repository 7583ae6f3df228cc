/* `top`: the hub, its busiest topics and its slowest clients, each second. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_sample.h"
#include "tools/ctl/ctl_screen.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum {
    REFRESH_MS = 1000,
    TIMEOUT_S = 5, /* for one answer, unless --timeout says otherwise */
    LAGGING_SHOWN = 5,
};

static const char EOL[] = "\033[K\r\n"; /* erases what an earlier frame left on the line */

struct top {
    struct ctl *c;
    struct ctl_screen screen;
    struct ctl_sample before, now;
    struct buf frame;
    size_t lines;   /* of the frame so far */
    enum err state; /* of the last sample */
};

/* ---- Ordering ---- */

typedef int compare(const void *a, const void *b);

static int by_rate(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    double fast = ctl_json_real(x, "rate"), slow = ctl_json_real(y, "rate");
    if (fast != slow)
        return fast < slow ? 1 : -1;
    const char *p = ctl_json_text(x, "topic"), *q = ctl_json_text(y, "topic");
    return strcmp(p ? p : "", q ? q : "");
}

static int by_lag(const void *a, const void *b)
{
    uint64_t x = ctl_json_u64(*(json_t *const *)a, "lag");
    uint64_t y = ctl_json_u64(*(json_t *const *)b, "lag");
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The array's items in order, those with a true member FIELD only if FIELD is given. The caller
 * frees; NULL when memory is out. */
static json_t **sorted(const json_t *list, const char *field, compare *order, size_t *ret_count)
{
    json_t **items = calloc(json_array_size(list) + 1, sizeof(*items));
    size_t count = 0;
    if (!items)
        return NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        if (!field || ctl_json_u64(item, field) > 0)
            items[count++] = item;
    }
    qsort(items, count, sizeof(*items), order);
    *ret_count = count;
    return items;
}

/* ---- Drawing ---- */

/* Lines of the screen still free; the last one stays so, or everything would scroll. */
static size_t lines_left(const struct top *t)
{
    return t->screen.rows > t->lines + 1 ? t->screen.rows - t->lines - 1 : 0;
}

/* Appends LINE, cut to the screen, in STYLE. */
static void put_line(struct top *t, enum ctl_style style, const struct buf *line)
{
    if (lines_left(t) == 0)
        return;
    t->lines++;
    size_t n = line->len ? ctl_text_clip(line->data, line->len, t->screen.columns) : 0;
    ctl_out_style(&t->frame, t->c->colour, style);
    buf_append(&t->frame, line->data, n);
    ctl_out_style(&t->frame, t->c->colour, CTL_STYLE_PLAIN);
    buf_puts(&t->frame, EOL);
    t->frame.failed |= line->failed;
}

static void put_title(struct top *t)
{
    const json_t *stats = t->now.stats;
    const char *version = ctl_json_text(stats, "version"), *head = ctl_json_text(stats, "head");
    struct buf line = {0};
    buf_puts(&line, "longwire ");
    ctl_text_put(&line, version ? version : "?", version ? strlen(version) : 1);
    buf_puts(&line, "   up ");
    ctl_text_put_age(&line, ctl_json_u64(stats, "uptime_seconds"));
    buf_puts(&line, "   head ");
    ctl_text_put(&line, head ? head : "-", head ? strlen(head) : 1);
    buf_printf(&line, "   workers %" PRIu64, ctl_json_u64(stats, "workers"));
    put_line(t, CTL_STYLE_HEAD, &line);
    buf_finish(&line);
}

static void put_rates(struct top *t)
{
    const json_t *stats = t->now.stats;
    struct buf line = {0};
    buf_printf(&line, "publishes/s %.1f   deliveries/s %.1f   messages %" PRIu64 "   log ",
               ctl_sample_rate(&t->before, &t->now, CTL_COUNTER_PUBLISHED),
               ctl_sample_rate(&t->before, &t->now, CTL_COUNTER_DELIVERED),
               ctl_json_u64(stats, "messages"));
    ctl_text_put_size(&line, ctl_json_u64(stats, "log_bytes"));
    put_line(t, CTL_STYLE_PLAIN, &line);
    buf_finish(&line);
}

static void put_connections(struct top *t)
{
    static const char *const transports[] = {"sse", "ws", "poll", "resp", "http", "h2"};
    const json_t *connections = json_object_get(t->now.stats, "connections");
    struct buf line = {0};
    buf_printf(&line, "connections %" PRIu64 "  ", ctl_sample_connections(&t->now));
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
        buf_printf(&line, " %s %" PRIu64, transports[i], ctl_json_u64(connections, transports[i]));
    put_line(t, CTL_STYLE_PLAIN, &line);
    buf_finish(&line);
}

static void put_state(struct top *t)
{
    struct buf line = {0};
    if (t->state == ERR_CLOSED)
        buf_printf(&line, "no connection to %s: %s; trying again", t->c->hub.path,
                   ctl_hub_why(&t->c->hub));
    else if (t->state)
        buf_puts(&line, "the hub's answer is not one that this version of longwirectl knows");
    put_line(t, CTL_STYLE_WARN, &line);
    buf_finish(&line);
}

static void add_topic(struct ctl_table *table, const json_t *topic)
{
    static const char *const transports[] = {"sse", "ws", "poll", "resp"};
    const json_t *subscribers = json_object_get(topic, "subscribers");
    ctl_table_rate(table, ctl_json_real(topic, "rate"));
    ctl_table_number(table, ctl_json_u64(topic, "messages"));
    ctl_table_size(table, ctl_json_u64(topic, "bytes"));
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
        ctl_table_number(table, ctl_json_u64(subscribers, transports[i]));
    ctl_table_text(table, ctl_json_text(topic, "topic"));
}

/* At most ROWS of them, under their titles. */
static void put_topics(struct top *t, size_t rows)
{
    static const struct ctl_column columns[] = {
        {"MSG/S", true, CTL_STYLE_PLAIN}, {"MESSAGES", true, CTL_STYLE_PLAIN},
        {"BYTES", true, CTL_STYLE_PLAIN}, {"SSE", true, CTL_STYLE_PLAIN},
        {"WS", true, CTL_STYLE_PLAIN},    {"POLL", true, CTL_STYLE_PLAIN},
        {"RESP", true, CTL_STYLE_PLAIN},  {"TOPIC", false, CTL_STYLE_NAME},
    };
    struct ctl_table table;
    size_t count = 0;
    json_t **topics = sorted(t->now.topics, NULL, by_rate, &count);
    ctl_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count && i < rows; i++)
        add_topic(&table, topics[i]);
    ctl_table_put(&table, &t->frame, t->c->colour, t->screen.columns, 0, EOL);
    ctl_table_finish(&table);
    free(topics);
}

static void add_client(struct ctl_table *table, const json_t *client)
{
    ctl_table_number(table, ctl_json_u64(client, "lag"));
    ctl_table_number(table, ctl_json_u64(client, "id"));
    ctl_table_text(table, ctl_json_text(client, "transport"));
    ctl_table_text(table, ctl_json_text(client, "address"));
    ctl_table_text(table, ctl_json_text(client, "cursor"));
}

static void put_lagging(struct top *t, json_t **clients, size_t count)
{
    static const struct ctl_column columns[] = {
        {"LAG", true, CTL_STYLE_WARN},         {"CLIENT", true, CTL_STYLE_PLAIN},
        {"TRANSPORT", false, CTL_STYLE_PLAIN}, {"ADDRESS", false, CTL_STYLE_PLAIN},
        {"CURSOR", false, CTL_STYLE_PLACE},
    };
    struct ctl_table table;
    ctl_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++)
        add_client(&table, clients[i]);
    buf_puts(&t->frame, EOL);
    ctl_table_put(&table, &t->frame, t->c->colour, t->screen.columns, 0, EOL);
    ctl_table_finish(&table);
}

static void put_body(struct top *t)
{
    size_t count = 0, lines = lines_left(t);
    json_t **clients = sorted(t->now.clients, "lag", by_lag, &count);
    count = count < LAGGING_SHOWN ? count : LAGGING_SHOWN;
    size_t lagging = count > 0 ? count + 2 : 0; /* a blank line and the titles */
    if (lagging + 2 > lines)
        lagging = 0;
    put_topics(t, lines - lagging - 1);
    if (lagging > 0)
        put_lagging(t, clients, count);
    free(clients);
}

static enum ctl_exit draw(struct top *t)
{
    t->lines = 0;
    buf_puts(&t->frame, "\033[H");
    put_title(t);
    put_rates(t);
    put_connections(t);
    put_state(t);
    if (lines_left(t) > 0)
        put_body(t);
    buf_puts(&t->frame, "\033[J");
    return ctl_out_write(&t->frame);
}

/* ---- Sampling ---- */

/* A sample that fails leaves the last good one on the screen. */
static void sample(struct top *t)
{
    struct ctl_sample next = {0};
    if (ctl_hub_fd(&t->c->hub) < 0 && ctl_hub_connect(&t->c->hub)) {
        t->state = ERR_CLOSED;
        return;
    }
    t->state = ctl_sample_take(&t->c->hub, &next);
    if (t->state == ERR_OK) {
        ctl_sample_finish(&t->before);
        t->before = t->now;
        t->now = next;
        return;
    }
    ctl_sample_finish(&next);
    if (t->state == ERR_CLOSED)
        ctl_hub_close(&t->c->hub);
}

static enum ctl_exit run(struct top *t)
{
    enum ctl_key key = CTL_KEY_NONE;
    while (key != CTL_KEY_QUIT) {
        if (key == CTL_KEY_NONE)
            sample(t);
        enum ctl_exit status = draw(t);
        if (status)
            return status;
        key = ctl_screen_wait(&t->screen, REFRESH_MS);
    }
    return CTL_OK;
}

static json_t *rates(const struct top *t)
{
    json_t *object = json_object(), *counters = json_object_get(t->now.stats, "counters");
    for (void *i = json_object_iter(counters); i; i = json_object_iter_next(counters, i)) {
        const char *name = json_object_iter_key(i);
        json_object_set_new(object, name, json_real(ctl_sample_rate(&t->before, &t->now, name)));
    }
    return object;
}

/* Two samples, one second apart, as one document. */
static enum ctl_exit print_document(struct top *t)
{
    sample(t);
    if (t->state == ERR_OK) {
        poll(NULL, 0, REFRESH_MS);
        sample(t);
    }
    if (t->state)
        return t->state == ERR_CLOSED ? ctl_lost(t->c) : ctl_strange();
    json_t *document = json_pack("{s:o, s:O, s:O, s:O?}", "rates", rates(t), "stats", t->now.stats,
                                 "topics", t->now.topics, "clients", t->now.clients);
    char *text = document ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (text)
        ctl_text_put_json(&t->frame, text, strlen(text));
    else
        t->frame.failed = true;
    buf_putc(&t->frame, '\n');
    free(text);
    json_decref(document);
    return ctl_out_write(&t->frame);
}

static enum ctl_exit run_on_screen(struct top *t)
{
    if (ctl_screen_init(&t->screen)) {
        ctl_say("cannot take over the terminal: %s", strerror(errno));
        return CTL_FAILED;
    }
    enum ctl_exit status = run(t);
    ctl_screen_finish(&t->screen);
    return status;
}

enum ctl_exit ctl_top_check(const struct ctl *c)
{
    if (c->json || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        return CTL_OK;
    ctl_say("top needs a terminal; for a script there is top --json");
    return CTL_USAGE;
}

enum ctl_exit ctl_top(struct ctl *c)
{
    struct top t = {.c = c};
    if (!ctl_given(c, CTL_OPT_TIMEOUT))
        c->hub.timeout_s = TIMEOUT_S;
    ctl_hub_set_timeout(&c->hub, c->hub.timeout_s);
    enum ctl_exit status = c->json ? print_document(&t) : run_on_screen(&t);
    ctl_sample_finish(&t.before);
    ctl_sample_finish(&t.now);
    buf_finish(&t.frame);
    return status;
}
