/*
 * `tail` and `history`: messages by HUB READ, one answer after the other, each going on at the
 * cursor of the one before. An answer counts only when it has arrived whole, so nothing is printed
 * twice and nothing is left out when the connection breaks in the middle of one.
 */
#include "tools/ctl/ctl_read.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_span.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum {
    READ_MESSAGES = 500,    /* asked for at once */
    FOLLOW_WAIT_MS = 20000, /* how long the hub holds a read that has nothing to answer */
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
    TAIL_MESSAGES = 10,
    MOMENT_MS = 10,
    MOMENTS = 300,
};

struct reader {
    struct ctl *c;
    const char *after; /* where the next read begins: what the user gave, then `cursor` */
    char cursor[CTL_CURSOR_SIZE];
    uint64_t left; /* messages still wanted; UINT64_MAX = no end */
    bool printed;  /* at least one message */
    bool live;     /* the last answer reached the head */
    bool moved;    /* the last answer brought messages or a new cursor */
    bool settled;  /* something was answered on this connection */
    bool lost;     /* there was a gap */
    bool stops_at_gap;
    const char *const *topics;
    int topic_count;
    struct buf out;
};

/* ---- Printing ---- */

/* Appends the string member NAME in STYLE and a space; nothing when there is none. */
static void put_member(struct reader *r, struct ctl_span message, const char *name,
                       enum ctl_style style, const char *wrap)
{
    struct ctl_span value;
    struct buf text = {0};
    if (!ctl_span_member(message, name, &value) || !ctl_span_string(value, &text))
        return;
    ctl_out_style(&r->out, r->c->colour, style);
    buf_append(&r->out, wrap, wrap[0] != '\0');
    ctl_text_put(&r->out, text.data, text.len);
    if (wrap[0])
        buf_putc(&r->out, wrap[1]);
    ctl_out_style(&r->out, r->c->colour, CTL_STYLE_PLAIN);
    buf_putc(&r->out, ' ');
    r->out.failed |= text.failed;
    buf_finish(&text);
}

static void put_data(struct reader *r, struct ctl_span message)
{
    struct ctl_span data, encoding;
    struct buf text = {0};
    if (!ctl_span_member(message, "data", &data))
        return;
    if (ctl_span_member(message, "encoding", &encoding))
        put_member(r, message, "encoding", CTL_STYLE_DIM, "()");
    if (ctl_span_string(data, &text))
        ctl_text_put(&r->out, text.data, text.len);
    else
        ctl_text_put_json(&r->out, data.text, data.n);
    r->out.failed |= text.failed;
    buf_finish(&text);
}

static void put_message(struct reader *r, struct ctl_span message)
{
    if (r->c->json) {
        ctl_text_put_json(&r->out, message.text, message.n);
    } else {
        put_member(r, message, "time", CTL_STYLE_DIM, "");
        put_member(r, message, "id", CTL_STYLE_PLACE, "");
        put_member(r, message, "topic", CTL_STYLE_NAME, "");
        put_member(r, message, "event", CTL_STYLE_EVENT, "[]");
        put_data(r, message);
    }
    buf_putc(&r->out, '\n');
}

void ctl_tell_gap(struct ctl_span gap)
{
    static const char *const names[] = {"requested", "resumed", "reason"};
    struct buf texts[3] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        struct ctl_span value;
        struct buf text = {0};
        if (ctl_span_member(gap, names[i], &value) && ctl_span_string(value, &text))
            ctl_text_put(&texts[i], text.data, text.len);
        buf_putc(&texts[i], '\0');
        buf_finish(&text);
    }
    if (!texts[0].failed && !texts[1].failed && !texts[2].failed)
        ctl_say("gap (%s): cannot go on after %s, went on after %s", texts[2].data, texts[0].data,
                texts[1].data);
    for (size_t i = 0; i < 3; i++)
        buf_finish(&texts[i]);
}

/* ---- Reading ---- */

bool ctl_take_cursor(struct ctl_span answer, char ret[CTL_CURSOR_SIZE])
{
    struct ctl_span value;
    struct buf text = {0};
    bool ok = ctl_span_member(answer, "cursor", &value) && ctl_span_string(value, &text) &&
              !text.failed && text.len > 0 && text.len < CTL_CURSOR_SIZE;
    if (ok) {
        memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
    }
    buf_finish(&text);
    return ok;
}

static bool take_cursor(struct reader *r, struct ctl_span answer)
{
    char cursor[CTL_CURSOR_SIZE];
    if (!ctl_take_cursor(answer, cursor))
        return false;
    r->moved |= strcmp(r->cursor, cursor) != 0;
    memcpy(r->cursor, cursor, sizeof(cursor));
    r->after = r->cursor;
    return true;
}

bool ctl_wait_a_moment(unsigned *times)
{
    poll(NULL, 0, MOMENT_MS);
    return ++*times < MOMENTS;
}

enum ctl_exit ctl_head(struct ctl *c, char ret[CTL_CURSOR_SIZE])
{
    struct ctl_reply reply;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "STATS"), &reply);
    if (status)
        return status;
    json_t *stats = json_loadb(reply.text ? reply.text : "", reply.len, 0, NULL);
    const char *head = ctl_json_text(stats, "head");
    bool known = head && strlen(head) < CTL_CURSOR_SIZE;
    if (known)
        memcpy(ret, head, strlen(head) + 1);
    json_decref(stats);
    ctl_reply_finish(&reply);
    return known ? CTL_OK : ctl_strange();
}

static enum ctl_exit take_answer(struct reader *r, struct ctl_span answer)
{
    struct ctl_span messages, message, value;
    r->moved = false;
    if (!ctl_span_member(answer, "messages", &messages) || !take_cursor(r, answer))
        return ctl_strange();
    r->live = ctl_span_member(answer, "live", &value) && ctl_span_is(value, "true");
    if (ctl_span_member(answer, "gap", &value)) {
        ctl_tell_gap(value);
        r->lost = true;
    }
    while (r->left > 0 && ctl_span_item(&messages, &message)) {
        put_message(r, message);
        r->printed = r->moved = true;
        if (r->left != UINT64_MAX)
            r->left--;
    }
    return ctl_out_write(&r->out);
}

static enum err send_read(struct reader *r, unsigned wait_ms)
{
    const char *argv[5 + CTL_TOPICS_MAX] = {"HUB", "READ", r->after};
    char limit[24], wait[24];
    int argc = 3;
    snprintf(limit, sizeof(limit), "%" PRIu64, r->left < READ_MESSAGES ? r->left : READ_MESSAGES);
    snprintf(wait, sizeof(wait), "%u", wait_ms);
    argv[argc++] = limit;
    argv[argc++] = wait;
    for (int i = 0; i < r->topic_count; i++)
        argv[argc++] = r->topics[i];
    enum err e = ctl_hub_queue(&r->c->hub, argc, argv, NULL);
    return e ? e : ctl_hub_flush(&r->c->hub);
}

/* Waits until the hub answers or MS are over; ends the program when nobody reads its output. */
static bool await(int fd, int ms)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};
    while (poll(p, 2, ms) < 0 && errno == EINTR)
        continue;
    ctl_out_check();
    return p[0].revents != 0;
}

static enum ctl_exit take_reply(struct reader *r, const struct ctl_reply *reply)
{
    if (reply->kind == CTL_REPLY_ERROR)
        return ctl_refused(r->c, reply);
    if (reply->kind != CTL_REPLY_TEXT)
        return ctl_strange();
    return take_answer(r, (struct ctl_span){reply->text, reply->len});
}

/* One HUB READ. CTL_LOST is left to the caller to tell. */
static enum ctl_exit read_once(struct reader *r, unsigned wait_ms)
{
    struct ctl_hub *h = &r->c->hub;
    struct ctl_reply reply;
    if (send_read(r, wait_ms))
        return CTL_LOST;
    int limit_ms = h->timeout_s ? (int)(h->timeout_s * 1000 + wait_ms) : -1;
    if (!await(ctl_hub_fd(h), limit_ms)) {
        h->error = EAGAIN;
        return CTL_LOST;
    }
    if (ctl_hub_next(h, &reply))
        return CTL_LOST;
    enum ctl_exit status = take_reply(r, &reply);
    ctl_reply_finish(&reply);
    r->settled = true;
    return status;
}

/* Up to the head, or up to the wanted number of messages. */
static enum ctl_exit read_kept(struct reader *r)
{
    r->moved = true;
    while (r->left > 0 && !r->live && r->moved) {
        enum ctl_exit status = read_once(r, 0);
        if (status)
            return status == CTL_LOST ? ctl_lost(r->c) : status;
    }
    return CTL_OK;
}

static void reconnect(struct reader *r)
{
    struct ctl_hub *h = &r->c->hub;
    ctl_say("the connection to %s is lost: %s; waiting for the hub", h->path, ctl_hub_why(h));
    ctl_hub_close(h);
    for (int ms = RETRY_MIN_MS; ctl_hub_connect(h);) {
        await(-1, ms);
        ms = 2 * ms < RETRY_MAX_MS ? 2 * ms : RETRY_MAX_MS;
    }
    ctl_say("connected again; going on after %s", r->cursor);
    r->settled = false;
}

static enum ctl_exit follow(struct reader *r)
{
    while (r->left > 0 && !(r->lost && r->stops_at_gap)) {
        /* The first answer is to come at once: it has the cursor to resume from, or tells a gap. */
        enum ctl_exit status = read_once(r, r->settled ? FOLLOW_WAIT_MS : 0);
        if (status == CTL_LOST && r->cursor[0])
            reconnect(r);
        else if (status)
            return status == CTL_LOST ? ctl_lost(r->c) : status;
    }
    return CTL_OK;
}

/* What the command line names. */
static struct reader reader_of(struct ctl *c)
{
    return (struct reader){.c = c,
                           .after = c->args.after,
                           .left = UINT64_MAX,
                           .topics = (const char *const *)c->args.words,
                           .topic_count = c->args.count};
}

enum ctl_exit ctl_tail(struct ctl *c)
{
    char last[24];
    struct reader r = reader_of(c);
    uint64_t limit = ctl_given(c, CTL_OPT_LIMIT) ? c->args.limit : TAIL_MESSAGES;
    bool follows = ctl_given(c, CTL_OPT_FOLLOW);
    if (!r.after) {
        snprintf(last, sizeof(last), "-%" PRIu64, limit);
        r.after = limit ? last : "latest";
    }
    /* With --after, -n is where to stop; without, how far back to begin. */
    if (c->args.after ? ctl_given(c, CTL_OPT_LIMIT) : !follows)
        r.left = limit;
    enum ctl_exit status = follows ? follow(&r) : read_kept(&r);
    buf_finish(&r.out);
    return status;
}

enum ctl_exit ctl_follow(struct ctl *c, const char *topic, char after[CTL_CURSOR_SIZE],
                         enum ctl_exit (*caught_up)(struct ctl *c, char after[CTL_CURSOR_SIZE]))
{
    enum ctl_exit status = CTL_OK;
    while (status == CTL_OK) {
        struct reader r = {.c = c,
                           .after = after,
                           .left = UINT64_MAX,
                           .topics = &topic,
                           .topic_count = 1,
                           .stops_at_gap = true};
        status = follow(&r);
        buf_finish(&r.out);
        if (status == CTL_OK)
            status = caught_up(c, after);
    }
    return status;
}

/* Tells a topic that has nothing to show from one that does not exist. */
static enum ctl_exit check_topic(struct ctl *c)
{
    struct ctl_reply reply;
    if (strpbrk(c->args.words[0], "+#"))
        return CTL_OK;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "TOPIC", c->args.words[0]), &reply);
    if (status == CTL_OK)
        ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit ctl_history(struct ctl *c)
{
    struct reader r = reader_of(c);
    if (!r.after)
        r.after = "earliest";
    if (ctl_given(c, CTL_OPT_LIMIT))
        r.left = c->args.limit;
    enum ctl_exit status = read_kept(&r);
    if (status == CTL_OK && !r.printed)
        status = check_topic(c);
    buf_finish(&r.out);
    return status;
}
