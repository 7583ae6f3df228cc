#include "tests/protocol/lines.h"

#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "delivery/stream.h"

struct lines {
    struct stream stream;
};

static struct lines *lines_of(struct conn *c)
{
    return c->state;
}

/* --- messages --- */

static void put_cursor(struct buf *out, const char *word, uint64_t offset, uint32_t epoch)
{
    char cursor[CURSOR_TEXT_SIZE];
    cursor_format(cursor, offset, epoch);
    buf_printf(out, "%s %s", word, cursor);
}

static void encode(const struct message *m, struct buf *out)
{
    put_cursor(out, "MSG", m->offset, m->epoch);
    buf_printf(out, " %.*s ", (int)m->topic->name_len, m->topic->name);
    buf_append(out, m->payload, m->payload_len);
    buf_putc(out, '\n');
}

static struct transport transport = {.name = "lines", .subscribes = true};
static struct encoding encoding = {.name = "lines", .encode = encode};
static struct encoding *const encodings[] = {&encoding, NULL};

const struct frontend lines_frontend = {.transport = &transport, .encodings = encodings};

/* --- what is told besides --- */

static void say_place(struct conn *c, const char *word, uint64_t offset)
{
    struct buf *out = conn_out(c);
    if (!out)
        return;
    put_cursor(out, word, offset, worker_of(c)->replay.log->epoch);
    buf_putc(out, '\n');
}

static void fail(struct conn *c, const char *why)
{
    struct buf *out = conn_out(c);
    if (out)
        buf_printf(out, "ERR %s\n", why);
    conn_finish_after_output(c);
}

static void started(struct stream *s, uint64_t offset)
{
    say_place(s->conn, "OK", offset);
}

static bool tell_gap(struct stream *s, const struct gap *g, const char *filter, size_t n)
{
    (void)filter;
    (void)n;
    struct buf *out = conn_out(s->conn);
    if (out)
        buf_printf(out, "GAP %s\n", gap_reason_name(g->reason));
    return out != NULL;
}

static void tell_live(struct stream *s, uint64_t offset, const char *filter, size_t n)
{
    (void)filter;
    (void)n;
    say_place(s->conn, "LIVE", offset);
}

static const struct stream_ops stream_ops = {
    .transport = &transport, .started = started, .gap = tell_gap, .live = tell_live};

/* --- what is asked --- */

static enum err subscribe_to(struct stream *s, const char *topic, size_t n,
                             const struct after *after)
{
    struct feed_spec spec;
    feed_spec_init(&spec, worker_of(s->conn)->feeds);
    enum err e = feed_spec_add(&spec, topic, n);
    if (e == ERR_OK)
        e = stream_start(s, &spec, &encoding, after);
    feed_spec_finish(&spec);
    return e;
}

static void subscribe(struct conn *c, const char *topic, size_t n, const char *rest, size_t len)
{
    struct stream *s = &lines_of(c)->stream;
    struct after after = {.kind = AFTER_LATEST};
    if (s->state != STREAM_OFF)
        fail(c, "one SUB for a connection");
    else if (!topic_pattern_valid(topic, n) || !topic_pattern_bounded(topic, n))
        fail(c, "no topic and no pattern");
    else if (len > 0 && after_parse(rest, len, &after) != ERR_OK)
        fail(c, "no cursor");
    else if (subscribe_to(s, topic, n, &after) != ERR_OK)
        fail(c, "not now");
}

static struct publish *publish_of_line(const char *topic, size_t n, const char *text, size_t len)
{
    struct message_init init = {.topic = topic,
                                .topic_len = n,
                                .payload = text,
                                .payload_len = len,
                                .kind = MESSAGE_BINARY};
    struct message *m = message_create(&init);
    struct publish *p = m ? publish_create(1) : NULL;
    if (p)
        publish_set(p, 0, m);
    else
        message_unref(m);
    return p;
}

static void publish(struct conn *c, const char *topic, size_t n, const char *text, size_t len)
{
    struct publish *p = NULL;
    if (!topic_name_valid(topic, n))
        fail(c, "no topic");
    else if (!(p = publish_of_line(topic, n, text, len)))
        fail(c, "not now");
    else
        worker_publish(worker_of(c), c, p);
}

static void answered(struct conn *c, struct publish *p)
{
    if (p->result == ERR_OK)
        say_place(c, "ID", p->items[0].offset);
    else
        fail(c, err_text(p->result));
}

/* LINE without its end: a word, a topic, and the rest. */
static void run_line(struct conn *c, const char *line, size_t n)
{
    bool sub = n > 4 && memcmp(line, "SUB ", 4) == 0, pub = n > 4 && memcmp(line, "PUB ", 4) == 0;
    if (!sub && !pub) {
        fail(c, "SUB topic [after], or PUB topic text");
        return;
    }
    const char *topic = line + 4, *end = line + n, *space = memchr(topic, ' ', n - 4);
    size_t topic_len = (size_t)((space ? space : end) - topic);
    const char *rest = space ? space + 1 : end;
    (sub ? subscribe : publish)(c, topic, topic_len, rest, (size_t)(end - rest));
}

/* --- the connection --- */

static size_t input(struct conn *c, char *data, size_t n)
{
    size_t used = 0;
    const char *end;
    while (conn_state(c) == CONN_OPEN && (end = memchr(data + used, '\n', n - used))) {
        if (worker_must_wait(worker_of(c), c) || !conn_may_go_on(c))
            return used;
        run_line(c, data + used, (size_t)(end - data) - used);
        used = (size_t)(end - data) + 1;
    }
    if (conn_state(c) == CONN_OPEN && n - used > LINES_MAX)
        fail(c, "a line is at most 4096 bytes long");
    return conn_state(c) == CONN_OPEN ? used : n;
}

static void drained(struct conn *c)
{
    stream_drained(&lines_of(c)->stream);
}

static void busy(struct conn *c)
{
    stream_busy(&lines_of(c)->stream);
}

static void finish(struct conn *c)
{
    struct lines *l = lines_of(c);
    if (l)
        stream_finish(&l->stream);
    free(l);
    c->state = NULL;
}

static size_t held(const struct conn *c)
{
    const struct lines *l = c->state;
    return l ? stream_held(&l->stream) : 0;
}

static void describe(struct conn *c, struct description *d)
{
    if (lines_of(c))
        stream_describe(&lines_of(c)->stream, d);
}

static const struct protocol protocol = {
    .name = "lines",
    .transport = &transport,
    .input = input,
    .drained = drained,
    .busy = busy,
    .finish = finish,
    .describe = describe,
    .answered = answered,
    .held = held,
};

static void accepted(struct conn *c, const struct service *s, const struct ip_port *from)
{
    (void)s;
    (void)from;
    struct lines *l = calloc(1, sizeof(*l));
    if (!l) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    stream_init(&l->stream, c, &stream_ops);
    c->state = l;
}

const struct service lines_service = {.protocol = &protocol, .accepted = accepted};
