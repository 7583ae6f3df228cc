/*
 * `import`: publishes the lines of an export, many under way at once.
 *
 * Nothing may be stored twice, however often an import is cut off and begun again. So each message
 * goes out with an idempotency key: its own, or one made of the id that it had where it comes from.
 * The hub remembers keys for hub.dedup_window. With --state it need not: a file says which lines
 * are dealt with, and if what was under way is not known, the hub's log is searched for it by its
 * keys, when it is certain to be there (ctl_import_alone.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_import_alone.h"
#include "tools/ctl/ctl_import_state.h"
#include "tools/ctl/ctl_line.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_read.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_stop.h"
#include "tools/ctl/ctl_text.h"

enum {
    IN_FLIGHT_MAX = 512,        /* messages sent and not yet answered */
    IN_FLIGHT_BYTES = 1 << 20,  /* their lines; one longer line goes alone */
    INPUT_CHUNK = 256 << 10,    /* bytes */
    LINE_MAX_BYTES = 400 << 20, /* a payload of the greatest size, each byte of it escaped */
    BAD_TOLD_MAX = 10,          /* bad lines told one by one */
    SAVE_EVERY_MS = 1000,
};

/* A line that was sent and is not answered yet. */
struct flight {
    uint64_t number;
    size_t bytes;
    char id[CTL_CURSOR_SIZE]; /* that it had, "" = none */
};

struct import {
    struct ctl *c;
    const char *name; /* of the input */
    int fd;
    struct buf input; /* read and not yet sent */
    size_t used;      /* bytes at the beginning of `input` that are dealt with, */
    size_t searched;  /* and bytes behind them that have no newline */
    bool end;         /* of the input */
    uint64_t number;  /* of the last line that was looked at */
    struct ctl_line line;
    struct buf key; /* of `line`, with which it is sent */
    struct flight flights[IN_FLIGHT_MAX];
    uint64_t sent, answered;
    size_t bytes; /* of the lines in flight */
    /* What became of the lines: stored; stored before; with a key that an earlier line of this run
     * had; bad and left out. */
    uint64_t imported, there, repeated, bad;
    uint64_t first_new;           /* offset of the first that was stored by this run, 0 = none */
    uint64_t newest;              /* and of the newest, or the head that there was before */
    char cursor[CTL_CURSOR_SIZE]; /* the same with its epoch */
    struct import_state state;
    struct import_keys keys; /* of messages that may be lines of an earlier run */
    uint64_t saved_ms;
    uint64_t refused; /* the first line that was, 0 = none: the state stays before it */
    bool finished;
    enum ctl_exit status;
};

static bool in_flight(const struct import *m)
{
    return m->answered < m->sent;
}

static struct flight *flight(struct import *m, uint64_t i)
{
    return &m->flights[i % IN_FLIGHT_MAX];
}

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- state --- */

/* The last line up to which all are dealt with. */
static uint64_t lines_done(struct import *m)
{
    uint64_t done = in_flight(m) ? flight(m, m->answered)->number - 1 : m->number;
    return m->refused && m->refused <= done ? m->refused - 1 : done;
}

/* Whether some line behind those may be stored. */
static bool is_settled(struct import *m)
{
    if (m->finished)
        return true;
    if (in_flight(m) || import_keys_left(&m->keys))
        return false;
    return !m->refused || m->sent == 0 || flight(m, m->sent - 1)->number <= m->refused;
}

static enum ctl_exit save_state(struct import *m, bool over)
{
    struct import_state *s = &m->state;
    if (!s->path)
        return CTL_OK;
    if (lines_done(m) > s->lines)
        s->lines = lines_done(m);
    s->settled = over && is_settled(m);
    m->saved_ms = monotonic_ms();
    return import_state_save(s);
}

static enum ctl_exit save_now_and_then(struct import *m)
{
    if (!m->state.path || monotonic_ms() - m->saved_ms < SAVE_EVERY_MS)
        return CTL_OK;
    return save_state(m, false);
}

/* What an earlier run of the import has stored, if that is not known. */
static enum ctl_exit find_stored(struct import *m)
{
    uint64_t waited_ms;
    enum ctl_exit status = import_alone_await(m->c, &m->state, &waited_ms);
    return status ? status : import_keys_read(&m->keys, m->c, &m->state, waited_ms);
}

/* From here on, whatever is stored of the import lies behind the cursor that the file has. */
static enum ctl_exit begin_state(struct import *m)
{
    struct import_state *s = &m->state;
    s->path = m->c->args.state;
    if (!s->path)
        return CTL_OK;
    enum ctl_exit status = import_state_load(s);
    if (status == CTL_OK)
        status = import_alone_name(m->c, s);
    if (status == CTL_OK && !s->settled)
        status = find_stored(m);
    if (status == CTL_OK) {
        if (s->settled)
            memcpy(s->cursor, m->cursor, sizeof(s->cursor));
        s->settled = false;
        m->saved_ms = monotonic_ms();
        status = import_state_save(s);
    }
    return status;
}

/* --- lines --- */

static void tell_bad(const struct import *m, uint64_t number, const char *why, size_t n)
{
    struct buf text = {0};
    ctl_text_put(&text, why, n);
    ctl_say("%s: line %" PRIu64 ": %.*s", m->name, number, (int)text.len,
            text.data ? text.data : "");
    buf_finish(&text);
}

/* No line is sent any more. */
static void refuse(struct import *m, uint64_t number, enum ctl_exit status)
{
    m->status = m->status ? m->status : status;
    if (!m->refused || number < m->refused)
        m->refused = number;
}

/* A line that is no message: the end, or one more that is left out. */
static void note_bad(struct import *m, uint64_t number, const char *why, size_t n)
{
    bool skip = ctl_given(m->c, CTL_OPT_SKIP_BAD);
    if (!skip || m->bad < BAD_TOLD_MAX)
        tell_bad(m, number, why, n);
    m->bad += skip;
    if (!skip)
        refuse(m, number, CTL_FAILED);
}

/* The key that the line goes out with. */
static void choose_key(struct import *m)
{
    const struct ctl_line *l = &m->line;
    buf_clear(&m->key);
    if (l->key.len)
        buf_append(&m->key, l->key.data, l->key.len);
    else if (l->id.len > 1)
        buf_printf(&m->key, "import:%s", l->id.data);
    else if (m->state.path)
        buf_printf(&m->key, "import:%s:%" PRIu64, m->state.run, m->number);
}

static enum err queue_line(struct import *m)
{
    const struct ctl_line *l = &m->line;
    const char *argv[11] = {"XADD", l->topic.data, "*", "kind", l->kind, "data", l->data.data};
    size_t lens[11] = {4, l->topic.len, 1, 4, strlen(l->kind), 4, l->data.len};
    int argc = 7;
    if (l->event.len) {
        argv[argc] = "event";
        lens[argc++] = 5;
        argv[argc] = l->event.data;
        lens[argc++] = l->event.len;
    }
    if (m->key.len) {
        argv[argc] = "key";
        lens[argc++] = 3;
        argv[argc] = m->key.data;
        lens[argc++] = m->key.len;
    }
    for (int i = 0; i < argc; i++)
        argv[i] = argv[i] ? argv[i] : "";
    return ctl_hub_queue(&m->c->hub, argc, argv, lens);
}

static void note_sent(struct import *m, size_t bytes)
{
    struct flight *f = flight(m, m->sent++);
    f->number = m->number;
    f->bytes = bytes;
    memcpy(f->id, m->line.id.data, m->line.id.len);
    m->bytes += bytes;
}

/* A line that an earlier run has dealt with: one of them tells whether this is the same input. */
static void pass_over(struct import *m, const char *text, size_t n)
{
    const struct import_state *s = &m->state;
    if (m->number != s->named)
        return;
    if (ctl_line_parse(&m->line, text, n) == NULL && strcmp(m->line.id.data, s->id) == 0)
        return;
    ctl_say("%s: line %" PRIu64 " is not what it was when %s was written: another input?", m->name,
            m->number, s->path);
    refuse(m, s->lines + 1, CTL_FAILED);
}

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!memchr(" \t\r", text[i], 3))
            return false;
    return true;
}

/* ERR_CLOSED: the connection is lost. */
static enum err take_line(struct import *m, const char *text, size_t n)
{
    m->number++;
    if (m->number <= m->state.lines) {
        pass_over(m, text, n);
        return ERR_OK;
    }
    if (is_blank(text, n))
        return ERR_OK;
    const char *wrong = ctl_line_parse(&m->line, text, n);
    if (wrong) {
        note_bad(m, m->number, wrong, strlen(wrong));
        return ERR_OK;
    }
    choose_key(m);
    if (import_keys_take(&m->keys, &m->line.topic, &m->key)) {
        m->there++;
        return ERR_OK;
    }
    enum err e = m->key.failed ? ERR_NOMEM : queue_line(m);
    if (!e)
        note_sent(m, n);
    return e;
}

static bool has_room(const struct import *m, size_t bytes)
{
    return !in_flight(m) ||
           (m->sent - m->answered < IN_FLIGHT_MAX && m->bytes + bytes <= IN_FLIGHT_BYTES);
}

/* The next whole line, or at the end of the input what is left of it. */
static bool next_line(struct import *m, size_t *ret_len)
{
    size_t left = m->input.len - m->used, fresh = left - m->searched;
    const char *from = left ? m->input.data + m->used : NULL;
    const char *newline = fresh ? memchr(from + m->searched, '\n', fresh) : NULL;
    *ret_len = newline ? (size_t)(newline - from) : left;
    if (!newline)
        m->searched = left;
    return newline || (m->end && left > 0);
}

/* Sends the lines that there is room for. *RET_FULL: a line had to stay. */
static enum err take_lines(struct import *m, bool *ret_full)
{
    size_t len;
    *ret_full = false;
    while (m->status == CTL_OK && !ctl_stopped() && next_line(m, &len)) {
        if (!has_room(m, len)) {
            *ret_full = true;
            return ERR_OK;
        }
        enum err e = take_line(m, m->input.data + m->used, len);
        if (e)
            return e;
        m->used += len + (m->used + len < m->input.len);
        m->searched = 0;
    }
    buf_consume(&m->input, m->used);
    m->used = 0;
    return ERR_OK;
}

static enum ctl_exit read_input(struct import *m)
{
    char *to = m->input.len > LINE_MAX_BYTES ? NULL : buf_reserve(&m->input, INPUT_CHUNK);
    if (!to) {
        ctl_say("%s: line %" PRIu64 " is too long", m->name, m->number + 1);
        return CTL_FAILED;
    }
    ssize_t n = read(m->fd, to, INPUT_CHUNK);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        ctl_say("%s: %s", m->name, strerror(errno));
        return CTL_FAILED;
    }
    m->end = n == 0;
    m->input.len += n > 0 ? (size_t)n : 0;
    return CTL_OK;
}

/* --- answers --- */

static void note_new(struct import *m, uint64_t offset, const struct ctl_reply *r)
{
    m->imported++;
    m->newest = offset;
    m->first_new = m->first_new ? m->first_new : offset;
    if (r->len < sizeof(m->cursor))
        memcpy(m->cursor, r->text, r->len + 1);
}

static void note_stored(struct import *m, const struct flight *f, const struct ctl_reply *r)
{
    uint64_t offset = strtoull(r->text, NULL, 10);
    if (offset > m->newest)
        note_new(m, offset, r);
    else if (m->first_new && offset >= m->first_new)
        m->repeated++;
    else
        m->there++;
    if (m->refused && f->number > m->refused)
        return;
    /* What an earlier run had under way may lie before it. */
    if (!import_keys_left(&m->keys))
        memcpy(m->state.cursor, m->cursor, sizeof(m->cursor));
    if (f->id[0]) {
        m->state.named = f->number;
        memcpy(m->state.id, f->id, sizeof(f->id));
    }
}

/* Whether the hub refused a line for what it is. */
static bool is_about_line(const struct ctl_reply *r)
{
    return strncmp(r->text, "BAD", 3) == 0 || strncmp(r->text, "TOOLARGE", 8) == 0;
}

static void take_answer(struct import *m, const struct ctl_reply *r)
{
    const struct flight *f = flight(m, m->answered);
    if (r->kind == CTL_REPLY_TEXT) {
        note_stored(m, f, r);
    } else if (r->kind == CTL_REPLY_ERROR && is_about_line(r)) {
        note_bad(m, f->number, r->text, r->len);
    } else {
        if (m->status == CTL_OK)
            ctl_say("line %" PRIu64 " was not imported; sending no more", f->number);
        refuse(m, f->number, r->kind == CTL_REPLY_ERROR ? ctl_refused(m->c, r) : ctl_strange());
    }
    m->bytes -= f->bytes;
    m->answered++;
}

/* Takes the answers that have come; with at least one still to come, waits for it. */
static enum err take_answers(struct import *m)
{
    struct ctl_reply reply;
    enum err e = ctl_hub_next(&m->c->hub, &reply);
    while (e == ERR_OK) {
        take_answer(m, &reply);
        ctl_reply_finish(&reply);
        if (!in_flight(m))
            return ERR_OK;
        e = ctl_hub_pending(&m->c->hub, &reply);
    }
    return e == ERR_AGAIN ? ERR_OK : e;
}

/* --- the whole --- */

/* Waits for input (if WANT_INPUT) and for answers; false when the time for an answer is over. */
static bool await(struct import *m, bool want_input, bool *ret_input, bool *ret_answers)
{
    struct pollfd p[] = {
        {.fd = want_input ? m->fd : -1, .events = POLLIN},
        {.fd = ctl_hub_fd(&m->c->hub), .events = POLLIN},
    };
    int ms = in_flight(m) && m->c->hub.timeout_s ? (int)m->c->hub.timeout_s * 1000 : -1;
    int n = poll(p, 2, ms);
    *ret_input = n > 0 && p[0].revents;
    *ret_answers = n > 0 && p[1].revents;
    if (n == 0)
        m->c->hub.error = EAGAIN;
    return n != 0;
}

static enum ctl_exit lost(struct import *m)
{
    enum ctl_exit status = ctl_lost(m->c);
    if (in_flight(m))
        ctl_say("of %" PRIu64 " lines, from line %" PRIu64 " on, it is not known whether they are "
                "stored",
                m->sent - m->answered, flight(m, m->answered)->number);
    return status;
}

static bool wants_more(const struct import *m)
{
    return m->status == CTL_OK && !ctl_stopped() && (!m->end || m->input.len > m->used);
}

/* One turn: send what there is room for, then wait for what comes first. */
static enum ctl_exit turn(struct import *m)
{
    bool full = false, input = false, answers = false;
    if (take_lines(m, &full) || ctl_hub_flush(&m->c->hub))
        return lost(m);
    bool want_input = wants_more(m) && !m->end && !full;
    if (!want_input && !in_flight(m))
        return CTL_OK;
    if (!await(m, want_input, &input, &answers) || (answers && !in_flight(m)))
        return lost(m);
    if (answers && take_answers(m))
        return lost(m);
    if (input && m->status == CTL_OK)
        m->status = read_input(m);
    ctl_progress(m->number, "lines");
    return save_now_and_then(m);
}

static void put_counts(const struct import *m, struct buf *out)
{
    buf_printf(out, "%" PRIu64 " messages imported", m->imported);
    if (m->there)
        buf_printf(out, ", %" PRIu64 " were there already", m->there);
    if (m->repeated)
        buf_printf(out, ", %" PRIu64 " have the key of an earlier line and were not stored again",
                   m->repeated);
    if (m->bad)
        buf_printf(out, ", %" PRIu64 " bad lines left out", m->bad);
    buf_putc(out, '\n');
}

static void put_json_counts(const struct import *m, struct buf *out)
{
    buf_printf(out, "{\"imported\":%" PRIu64 ",\"there\":%" PRIu64, m->imported, m->there);
    buf_printf(out, ",\"repeated\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"cursor\":", m->repeated,
               m->bad);
    if (m->cursor[0])
        ctl_text_put_json_string(out, m->cursor, strlen(m->cursor));
    else
        buf_puts(out, "null");
    buf_puts(out, "}\n");
}

static enum ctl_exit summarize(struct import *m)
{
    struct buf out = {0};
    ctl_progress_end();
    if (m->c->json)
        put_json_counts(m, &out);
    else
        put_counts(m, &out);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

static void tell_place(const struct import *m)
{
    if (m->state.path)
        ctl_say("not finished; the same command goes on where it was");
    else
        ctl_say("not finished; begun again soon (hub.dedup_window), what is stored is passed over");
}

static enum ctl_exit begin(struct import *m)
{
    enum ctl_exit status = ctl_head(m->c, m->cursor);
    m->newest = strtoull(m->cursor, NULL, 10);
    return status ? status : begin_state(m);
}

static enum ctl_exit import_all(struct import *m)
{
    enum ctl_exit status = begin(m);
    if (status)
        return status;
    while (status == CTL_OK && (wants_more(m) || in_flight(m)))
        status = turn(m);
    status = status ? status : m->status;
    m->finished = status == CTL_OK && m->end && m->input.len == m->used;
    enum ctl_exit saved = save_state(m, true), told = summarize(m);
    if (!m->finished)
        tell_place(m);
    status = status ? status : saved ? saved : told;
    return status ? status : m->repeated ? CTL_INCOMPLETE : CTL_OK;
}

static enum ctl_exit open_input(struct import *m)
{
    const char *name = m->c->args.count ? m->c->args.words[0] : "-";
    m->name = name;
    m->fd = STDIN_FILENO;
    if (strcmp(name, "-") == 0) {
        m->name = "standard input";
        return CTL_OK;
    }
    m->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (m->fd >= 0)
        return CTL_OK;
    ctl_say("%s: %s", name, strerror(errno));
    return CTL_FAILED;
}

enum ctl_exit ctl_import(struct ctl *c)
{
    struct import *m = calloc(1, sizeof(*m));
    if (!m) {
        ctl_say("%s", err_text(ERR_NOMEM));
        return CTL_FAILED;
    }
    m->c = c;
    enum ctl_exit status = open_input(m);
    ctl_stop_catch();
    if (status == CTL_OK)
        status = import_all(m);
    if (m->fd > STDIN_FILENO)
        close(m->fd);
    buf_finish(&m->input);
    buf_finish(&m->key);
    ctl_line_finish(&m->line);
    import_keys_finish(&m->keys);
    if (ctl_stopped() && !m->finished)
        ctl_stop_now();
    free(m);
    return status;
}
