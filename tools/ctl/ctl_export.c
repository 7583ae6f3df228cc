/*
 * `export`: kept messages as they are stored, one line each, by HUB EXPORT.
 *
 * One answer after the other, each going on at the cursor of the one before, so that it takes as
 * much memory for a large log as for a small one. An answer counts when all its lines are written:
 * what is told as the place to go on from is never past what is out.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_read.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_span.h"
#include "tools/ctl/ctl_stop.h"
#include "tools/ctl/ctl_text.h"

enum {
    READ_MESSAGES = 1000, /* asked for at once; a mebibyte of them ends an answer, too */
    ID_READ = 256,        /* bytes of a line that have its id */
    FILE_MODE = 0600,
    BLOCK = 64 << 10, /* bytes read at once, looking backwards for a line's end */
};

struct export
{
    struct ctl *c;
    const char *after; /* what the user gave, then `cursor` */
    char cursor[CTL_CURSOR_SIZE], until[CTL_CURSOR_SIZE];
    int fd;   /* STDOUT_FILENO, or the file */
    bool raw; /* nobody looks at it: lines go out as they are */
    bool end;
    unsigned waits; /* answers in a row that had nothing: the hub's worker is behind the hub */
    uint64_t messages, gaps;
    struct buf out;
};

/* --- the file --- */

static enum ctl_exit file_failed(const struct ctl *c, const char *what)
{
    ctl_say("%s: cannot %s: %s", c->args.output, what, strerror(errno));
    return CTL_FAILED;
}

/* The end of the last whole line that begins before END and ends at or before it; 0: none. */
static off_t find_line_end(int fd, off_t end)
{
    static char block[BLOCK];
    while (end > 0) {
        size_t want = end < BLOCK ? (size_t)end : BLOCK;
        ssize_t n = pread(fd, block, want, end - (off_t)want);
        if (n != (ssize_t)want)
            return -1;
        const char *newline = memrchr(block, '\n', want);
        if (newline)
            return end - (off_t)want + (newline - block) + 1;
        end -= (off_t)want;
    }
    return 0;
}

/* Takes the id of the line [BEGIN, END) as the place to go on from. */
static bool take_id(struct export *x, off_t begin, off_t end)
{
    char text[ID_READ];
    struct ctl_span id;
    struct buf value = {0};
    size_t want = end - begin < ID_READ ? (size_t)(end - begin) : ID_READ;
    if (pread(x->fd, text, want, begin) != (ssize_t)want)
        return false;
    bool ok = ctl_span_member((struct ctl_span){text, want}, "id", &id) &&
              ctl_span_string(id, &value) && !value.failed && value.len > 0 &&
              value.len < sizeof(x->cursor);
    if (ok) {
        memcpy(x->cursor, value.data, value.len);
        x->cursor[value.len] = '\0';
        x->after = x->cursor;
    }
    buf_finish(&value);
    return ok;
}

/* Whether the file, which has no whole line, may be the beginning of the first one. */
static bool begins_export(int fd, off_t size)
{
    static const char begin[] = "{\"id\":\"";
    char text[sizeof(begin) - 1];
    size_t n = size < (off_t)sizeof(text) ? (size_t)size : sizeof(text);
    return pread(fd, text, n, 0) == (ssize_t)n && memcmp(text, begin, n) == 0;
}

/* Goes on behind the last whole line; what is behind that, an interruption cut off. */
static enum ctl_exit resume(struct export *x, off_t size)
{
    off_t end = find_line_end(x->fd, size);
    off_t begin = end > 0 ? find_line_end(x->fd, end - 1) : end;
    if (begin < 0)
        return file_failed(x->c, "read");
    if (end > 0 && !take_id(x, begin, end)) {
        ctl_say("%s: its last line is not one of an export; nothing was changed",
                x->c->args.output);
        return CTL_FAILED;
    }
    if (end == 0 && !begins_export(x->fd, size)) {
        ctl_say("%s: that is no export; nothing was changed", x->c->args.output);
        return CTL_FAILED;
    }
    if (ftruncate(x->fd, end) || lseek(x->fd, end, SEEK_SET) != end)
        return file_failed(x->c, "cut off the rest");
    return CTL_OK;
}

static enum ctl_exit open_file(struct export *x)
{
    const struct ctl *c = x->c;
    struct stat st;
    x->fd = open(c->args.output, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (x->fd < 0 || fstat(x->fd, &st))
        return file_failed(c, "open");
    if (ctl_given(c, CTL_OPT_RESUME))
        return resume(x, st.st_size);
    if (st.st_size == 0)
        return CTL_OK;
    ctl_say("%s: it is there already; --resume goes on at its end", c->args.output);
    return CTL_FAILED;
}

/* --- reading --- */

static enum ctl_exit write_out(struct export *x)
{
    if (x->fd == STDOUT_FILENO)
        return ctl_out_write(&x->out);
    if (x->out.failed) {
        ctl_say("%s", err_text(ERR_NOMEM));
        return CTL_FAILED;
    }
    if (ctl_out_write_file(x->fd, x->out.data, x->out.len))
        return file_failed(x->c, "write");
    buf_clear(&x->out);
    return CTL_OK;
}

static void put_line(struct export *x, struct ctl_span message)
{
    if (x->raw)
        buf_append(&x->out, message.text, message.n);
    else
        ctl_text_put_json(&x->out, message.text, message.n);
    buf_putc(&x->out, '\n');
}

static enum ctl_exit take_answer(struct export *x, struct ctl_span answer)
{
    char cursor[CTL_CURSOR_SIZE];
    struct ctl_span messages, message, value;
    uint64_t count = 0;
    if (!ctl_span_member(answer, "messages", &messages) || !ctl_take_cursor(answer, cursor))
        return ctl_strange();
    if (ctl_span_member(answer, "gap", &value)) {
        ctl_tell_gap(value);
        x->gaps++;
    }
    for (; ctl_span_item(&messages, &message); count++)
        put_line(x, message);
    enum ctl_exit status = write_out(x);
    if (status)
        return status;
    if (count || strcmp(cursor, x->cursor) != 0)
        x->waits = 0;
    x->messages += count;
    x->end = ctl_span_member(answer, "end", &value) && ctl_span_is(value, "true");
    memcpy(x->cursor, cursor, sizeof(cursor));
    x->after = x->cursor;
    return CTL_OK;
}

static bool stands_still(struct export *x, const char *before)
{
    return !x->end && strcmp(before, x->cursor) == 0 && !ctl_wait_a_moment(&x->waits);
}

static enum ctl_exit read_once(struct export *x)
{
    const struct ctl_args *a = &x->c->args;
    const char *argv[5 + CTL_TOPICS_MAX] = {"HUB", "EXPORT", x->after, x->until};
    char limit[16];
    int argc = 5;
    struct ctl_reply reply;
    snprintf(limit, sizeof(limit), "%d", READ_MESSAGES);
    argv[4] = limit;
    for (int i = 0; i < a->count; i++)
        argv[argc++] = a->words[i];
    if (a->count == 0)
        argv[argc++] = "#";
    if (ctl_hub_queue(&x->c->hub, argc, argv, NULL) || ctl_hub_next(&x->c->hub, &reply))
        return ctl_lost(x->c);
    enum ctl_exit status = reply.kind == CTL_REPLY_ERROR  ? ctl_refused(x->c, &reply)
                           : reply.kind != CTL_REPLY_TEXT ? ctl_strange()
                                                          : CTL_OK;
    if (status == CTL_OK)
        status = take_answer(x, (struct ctl_span){reply.text, reply.len});
    ctl_reply_finish(&reply);
    return status;
}

/* Where to end: at what the user gave, or at what is the head now. */
static enum ctl_exit choose_until(struct export *x)
{
    if (!x->c->args.until)
        return ctl_head(x->c, x->until);
    snprintf(x->until, sizeof(x->until), "%s", x->c->args.until);
    return CTL_OK;
}

/* --- the whole --- */

static void tell_place(const struct export *x)
{
    struct buf place = {0};
    if (x->messages == 0 && !ctl_stopped())
        return;
    buf_puts(&place, x->fd == STDOUT_FILENO ? "--after " : "--resume");
    if (x->fd == STDOUT_FILENO)
        ctl_text_put(&place, x->after, strlen(x->after));
    ctl_say("%" PRIu64 " messages were exported; go on with %.*s", x->messages, (int)place.len,
            place.data ? place.data : "");
    buf_finish(&place);
}

static enum ctl_exit summarize(struct export *x)
{
    struct buf out = {0};
    const char *last = x->cursor;
    if (x->fd == STDOUT_FILENO)
        return CTL_OK;
    if (fsync(x->fd))
        return file_failed(x->c, "sync");
    if (x->c->json) {
        buf_printf(&out, "{\"messages\":%" PRIu64 ",\"cursor\":", x->messages);
        ctl_text_put_json_string(&out, last, strlen(last));
        buf_printf(&out, ",\"gaps\":%" PRIu64 "}\n", x->gaps);
    } else {
        buf_printf(&out, "%" PRIu64 " messages exported, up to ", x->messages);
        ctl_text_put(&out, last, strlen(last));
        buf_putc(&out, '\n');
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

static enum ctl_exit export_all(struct export *x)
{
    enum ctl_exit status = x->c->args.output ? open_file(x) : CTL_OK;
    if (status == CTL_OK)
        status = choose_until(x);
    if (status)
        return status;
    while (status == CTL_OK && !x->end && !ctl_stopped()) {
        char before[CTL_CURSOR_SIZE];
        memcpy(before, x->cursor, sizeof(before));
        status = read_once(x);
        if (status == CTL_OK && stands_still(x, before))
            status = ctl_strange();
        if (x->fd != STDOUT_FILENO)
            ctl_progress(x->messages, "messages");
    }
    ctl_progress_end();
    if (status || !x->end)
        tell_place(x);
    else
        status = summarize(x);
    return status ? status : x->gaps ? CTL_INCOMPLETE : CTL_OK;
}

enum ctl_exit ctl_export_check(const struct ctl *c)
{
    if (c->args.output || !ctl_given(c, CTL_OPT_RESUME))
        return CTL_OK;
    ctl_say("--resume goes on with the file that --output names");
    return CTL_USAGE;
}

enum ctl_exit ctl_export(struct ctl *c)
{
    struct export x = {
        .c = c,
        .after = c->args.after ? c->args.after : "earliest",
        .fd = STDOUT_FILENO,
        .raw = c->args.output || !isatty(STDOUT_FILENO),
    };
    ctl_stop_catch();
    enum ctl_exit status = export_all(&x);
    if (x.fd != STDOUT_FILENO && x.fd >= 0)
        close(x.fd);
    buf_finish(&x.out);
    if (ctl_stopped() && !x.end)
        ctl_stop_now();
    return status;
}
