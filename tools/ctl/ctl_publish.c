/*
 * `publish`: one message from the command line or standard input, or one for each line.
 *
 * Lines go out as they come, several under way at once (the hub commits those together), never more
 * than a fixed number; their ids are printed in the order of the lines. The first line that the hub
 * refuses ends the run, after the answers to all that were sent before.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_text.h"

enum {
    IN_FLIGHT_MAX = 512,       /* messages sent and not yet answered */
    IN_FLIGHT_BYTES = 1 << 20, /* their payloads; one larger message goes alone */
    INPUT_CHUNK = 64 << 10,    /* bytes */
};

#define CONFLICT "CONFLICT "

/* ---- Both ways ---- */

static enum err queue_message(struct ctl *c, const char *data, size_t n)
{
    const char *argv[11] = {"XADD", c->args.words[0], "*", "data", data};
    size_t lens[11] = {4, strlen(argv[1]), 1, 4, n};
    int argc = 5;
    if (c->args.event) {
        argv[argc] = "event";
        lens[argc++] = 5;
        argv[argc] = c->args.event;
        lens[argc++] = strlen(c->args.event);
    }
    if (c->args.key) {
        argv[argc] = "key";
        lens[argc++] = 3;
        argv[argc] = c->args.key;
        lens[argc++] = strlen(c->args.key);
    }
    if (c->args.expect) {
        argv[argc] = "expect";
        lens[argc++] = 6;
        argv[argc] = c->args.expect;
        lens[argc++] = strlen(c->args.expect);
    }
    return ctl_hub_queue(&c->hub, argc, argv, lens);
}

static void put_id(struct ctl *c, struct buf *out, const struct ctl_reply *r)
{
    if (c->json) {
        buf_puts(out, "{\"id\":");
        ctl_text_put_json_string(out, r->text, r->len);
        buf_putc(out, '}');
    } else {
        ctl_text_put(out, r->text, r->len);
    }
    buf_putc(out, '\n');
}

/* Appends a chunk of standard input. *RET_END: there is no more. */
static enum ctl_exit read_input(struct buf *b, bool *ret_end)
{
    if (b->len > CTL_PAYLOAD_MAX) {
        ctl_say("a message has at most %d bytes", CTL_PAYLOAD_MAX);
        return CTL_USAGE;
    }
    char *to = buf_reserve(b, INPUT_CHUNK);
    if (!to) {
        ctl_say("%s", err_text(ERR_NOMEM));
        return CTL_FAILED;
    }
    ssize_t n = read(STDIN_FILENO, to, INPUT_CHUNK);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        ctl_say("cannot read standard input: %s", strerror(errno));
        return CTL_FAILED;
    }
    *ret_end = n == 0;
    b->len += n > 0 ? (size_t)n : 0;
    return CTL_OK;
}

/* ---- One message ---- */

/* The topic is not as expected: for programs, where it is, which is the reply's second word. */
static enum ctl_exit put_conflict(const struct ctl_reply *r)
{
    const char *current = r->text + strlen(CONFLICT);
    struct buf out = {0};
    buf_puts(&out, "{\"error\":\"conflict\",\"current\":");
    ctl_text_put_json_string(&out, current, strcspn(current, " "));
    buf_puts(&out, "}\n");
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

static enum ctl_exit refused(struct ctl *c, const struct ctl_reply *r)
{
    bool conflict = strncmp(r->text, CONFLICT, strlen(CONFLICT)) == 0;
    if (c->json && conflict && put_conflict(r) != CTL_OK)
        return CTL_FAILED;
    return ctl_refused(c, r);
}

static enum ctl_exit publish_one(struct ctl *c, const char *data, size_t n)
{
    struct ctl_reply reply;
    struct buf out = {0};
    if (queue_message(c, data, n) || ctl_hub_next(&c->hub, &reply))
        return ctl_lost(c);
    enum ctl_exit status = reply.kind == CTL_REPLY_ERROR  ? refused(c, &reply)
                           : reply.kind != CTL_REPLY_TEXT ? ctl_strange()
                                                          : CTL_OK;
    if (status == CTL_OK) {
        put_id(c, &out, &reply);
        status = ctl_out_write(&out);
    }
    buf_finish(&out);
    ctl_reply_finish(&reply);
    return status;
}

static enum ctl_exit publish_input(struct ctl *c)
{
    struct buf input = {0};
    enum ctl_exit status = CTL_OK;
    bool end = false;
    if (isatty(STDIN_FILENO))
        ctl_say("type the message, then Ctrl-D");
    while (status == CTL_OK && !end)
        status = read_input(&input, &end);
    if (status == CTL_OK)
        status = publish_one(c, input.data ? input.data : "", input.len);
    buf_finish(&input);
    return status;
}

/* ---- Line by line ---- */

struct stream {
    struct ctl *c;
    struct buf input;            /* read and not yet sent */
    size_t used;                 /* bytes at the beginning of `input` that are sent */
    struct buf out;              /* ids to print */
    uint64_t sent, answered;     /* lines */
    uint64_t accepted;           /* of those answered */
    size_t sizes[IN_FLIGHT_MAX]; /* payload bytes of line i at [i % IN_FLIGHT_MAX] */
    size_t bytes;                /* payload bytes of the lines in flight */
    bool end;                    /* of the input */
    enum ctl_exit status;        /* why no more is sent: a line was refused, or the input failed */
};

static bool in_flight(const struct stream *s)
{
    return s->answered < s->sent;
}

static bool has_room(const struct stream *s, size_t bytes)
{
    return !in_flight(s) ||
           (s->sent - s->answered < IN_FLIGHT_MAX && s->bytes + bytes <= IN_FLIGHT_BYTES);
}

/* The next whole line (without its newline) in the input, or at the end of the input what is left
 * of it. */
static bool next_line(const struct stream *s, size_t *ret_len)
{
    size_t left = s->input.len - s->used;
    const char *newline = left ? memchr(s->input.data + s->used, '\n', left) : NULL;
    *ret_len = newline ? (size_t)(newline - (s->input.data + s->used)) : left;
    return newline || (s->end && left > 0);
}

/* Queues the lines that there is room for. *RET_FULL: a line had to stay. */
static enum err queue_lines(struct stream *s, bool *ret_full)
{
    size_t len;
    *ret_full = false;
    while (next_line(s, &len)) {
        if (!has_room(s, len)) {
            *ret_full = true;
            return ERR_OK;
        }
        enum err e = queue_message(s->c, s->input.data + s->used, len);
        if (e)
            return e;
        s->sizes[s->sent++ % IN_FLIGHT_MAX] = len;
        s->bytes += len;
        s->used += len + (s->used + len < s->input.len);
    }
    buf_consume(&s->input, s->used);
    s->used = 0;
    return ERR_OK;
}

static void take_answer(struct stream *s, struct ctl_reply *r)
{
    s->bytes -= s->sizes[s->answered++ % IN_FLIGHT_MAX];
    if (r->kind == CTL_REPLY_TEXT) {
        put_id(s->c, &s->out, r);
        s->accepted++;
        return;
    }
    if (s->status)
        return;
    ctl_say("line %" PRIu64 " was not published; sending no more", s->answered);
    s->status = r->kind == CTL_REPLY_ERROR ? ctl_refused(s->c, r) : ctl_strange();
}

/* Takes the answers that have come; with at least one still to come, waits for it. */
static enum err take_answers(struct stream *s)
{
    struct ctl_reply reply;
    enum err e = ctl_hub_next(&s->c->hub, &reply);
    while (e == ERR_OK) {
        take_answer(s, &reply);
        ctl_reply_finish(&reply);
        if (!in_flight(s))
            return ERR_OK;
        e = ctl_hub_pending(&s->c->hub, &reply);
    }
    return e == ERR_AGAIN ? ERR_OK : e;
}

/* Waits for input (if WANT_INPUT) and for answers; false when the time for an answer is over. */
static bool await(struct stream *s, bool want_input, bool *ret_input, bool *ret_answers)
{
    struct pollfd p[] = {
        {.fd = want_input ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = ctl_hub_fd(&s->c->hub), .events = POLLIN},
    };
    int ms = in_flight(s) && s->c->hub.timeout_s ? (int)s->c->hub.timeout_s * 1000 : -1;
    int n = poll(p, 2, ms);
    *ret_input = n > 0 && p[0].revents;
    *ret_answers = n > 0 && p[1].revents;
    if (n == 0)
        s->c->hub.error = EAGAIN;
    return n != 0;
}

static enum ctl_exit lost(struct stream *s)
{
    enum ctl_exit status = ctl_out_write(&s->out);
    if (status)
        return status;
    status = ctl_lost(s->c);
    ctl_say("%" PRIu64 " messages were published; of %" PRIu64 " more, from line %" PRIu64
            ", it is not known",
            s->accepted, s->sent - s->answered, s->answered + 1);
    return status;
}

/* One turn: send what there is room for, then wait for what comes first. */
static enum ctl_exit turn(struct stream *s)
{
    bool full = false, input, answers;
    if (s->status == CTL_OK && queue_lines(s, &full))
        return lost(s);
    if (ctl_hub_flush(&s->c->hub))
        return lost(s);
    bool want_input = !s->end && !full && s->status == CTL_OK;
    if (!want_input && !in_flight(s))
        return CTL_OK;
    if (!await(s, want_input, &input, &answers) || (answers && !in_flight(s)))
        return lost(s);
    if (answers && take_answers(s))
        return lost(s);
    if (input && s->status == CTL_OK)
        s->status = read_input(&s->input, &s->end);
    return ctl_out_write(&s->out);
}

static bool is_done(const struct stream *s)
{
    bool more = s->status == CTL_OK && (!s->end || s->input.len > s->used);
    return !more && !in_flight(s);
}

static enum ctl_exit publish_lines(struct ctl *c)
{
    struct stream s = {.c = c};
    enum ctl_exit status = CTL_OK;
    while (status == CTL_OK && !is_done(&s))
        status = turn(&s);
    buf_finish(&s.input);
    buf_finish(&s.out);
    return status ? status : s.status;
}

static bool reads_input(const struct ctl *c)
{
    return c->args.count < 2 || strcmp(c->args.words[1], "-") == 0;
}

enum ctl_exit ctl_publish_check(const struct ctl *c)
{
    if (!ctl_given(c, CTL_OPT_LINES) || (reads_input(c) && !c->args.key && !c->args.expect))
        return CTL_OK;
    ctl_say(c->args.key ? "--lines cannot go with --key: all lines would count as one message"
            : c->args.expect
                ? "--lines cannot go with --expect: behind the first line it would not hold"
                : "--lines reads standard input; give no DATA with it");
    return CTL_USAGE;
}

enum ctl_exit ctl_publish(struct ctl *c)
{
    if (!reads_input(c))
        return publish_one(c, c->args.words[1], strlen(c->args.words[1]));
    return ctl_given(c, CTL_OPT_LINES) ? publish_lines(c) : publish_input(c);
}
