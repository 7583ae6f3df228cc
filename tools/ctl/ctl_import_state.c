#include "tools/ctl/ctl_import_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/rfc3339.h"
#include "tools/ctl/ctl_line.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_read.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_span.h"
#include "tools/ctl/ctl_stop.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum {
    STATE_VERSION = 1,
    STATE_MAX = 4096, /* bytes of the file */
    FILE_MODE = 0600,
    /* What was under way when the state was written has been stored by then, or never; unless the
     * log is so slow now. */
    UNDER_WAY_MS = 600000,
    SLOW_MS = 1000,
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum ctl_exit failed(const struct import_state *s, const char *why)
{
    ctl_say("%s: %s", s->path, why);
    return CTL_FAILED;
}

/* --- the file --- */

static enum ctl_exit begin_new(struct import_state *s)
{
    uint64_t run;
    if (getrandom(&run, sizeof(run), 0) != (ssize_t)sizeof(run))
        return failed(s, strerror(errno));
    snprintf(s->run, sizeof(s->run), "%016" PRIx64, run);
    s->settled = true;
    return CTL_OK;
}

static bool take_text(const json_t *state, const char *name, char *to, size_t size)
{
    const char *text = ctl_json_text(state, name);
    if (!text || strlen(text) >= size)
        return false;
    memcpy(to, text, strlen(text) + 1);
    return true;
}

static enum ctl_exit take_state(struct import_state *s, const json_t *state)
{
    if (ctl_json_u64(state, "version") != STATE_VERSION ||
        !take_text(state, "id", s->id, sizeof(s->id)) ||
        !take_text(state, "cursor", s->cursor, sizeof(s->cursor)) ||
        !take_text(state, "run", s->run, sizeof(s->run)))
        return failed(s, "that is no state of an import");
    s->lines = ctl_json_u64(state, "lines");
    s->named = ctl_json_u64(state, "named");
    s->time_ms = ctl_json_u64(state, "time_ms");
    s->settled = json_is_true(json_object_get(state, "settled"));
    return CTL_OK;
}

enum ctl_exit import_state_load(struct import_state *s)
{
    char text[STATE_MAX];
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? begin_new(s) : failed(s, strerror(errno));
    ssize_t n = read(fd, text, sizeof(text));
    int error = errno;
    close(fd);
    if (n < 0)
        return failed(s, strerror(error));
    json_t *state = json_loadb(text, (size_t)n, 0, NULL);
    enum ctl_exit status = take_state(s, state);
    json_decref(state);
    return status;
}

static void put_state(const struct import_state *s, struct buf *out)
{
    buf_printf(out,
               "{\"version\":%d,\"lines\":%" PRIu64 ",\"named\":%" PRIu64 ",\"id\":", STATE_VERSION,
               s->lines, s->named);
    ctl_text_put_json_string(out, s->id, strlen(s->id));
    buf_puts(out, ",\"cursor\":");
    ctl_text_put_json_string(out, s->cursor, strlen(s->cursor));
    buf_printf(out, ",\"run\":\"%s\",\"time_ms\":%" PRIu64 ",\"settled\":%s}\n", s->run, s->time_ms,
               s->settled ? "true" : "false");
}

/* Written beside, synced, then put in the place of the old one. */
static int replace_file(const char *path, const char *part, const struct buf *text)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -1;
    bool ok = ctl_out_write_file(fd, text->data, text->len) == ERR_OK && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (ok && rename(part, path) == 0)
        return 0;
    error = ok ? errno : error;
    unlink(part);
    errno = error;
    return -1;
}

enum ctl_exit import_state_save(struct import_state *s)
{
    struct buf text = {0}, part = {0};
    s->time_ms = now_ms();
    put_state(s, &text);
    buf_printf(&part, "%s.part", s->path);
    buf_putc(&part, '\0');
    enum ctl_exit status = CTL_OK;
    if (text.failed || part.failed)
        status = failed(s, err_text(ERR_NOMEM));
    else if (replace_file(s->path, part.data, &text))
        status = failed(s, strerror(errno));
    buf_finish(&text);
    buf_finish(&part);
    return status;
}

/* --- keys --- */

static const struct import_keys *sorting; /* whose keys qsort and bsearch are at */

static int compare(const void *a, const void *b)
{
    const struct import_key *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(sorting->text.data + x->at, sorting->text.data + y->at, n);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Appends topic, NUL and key; returns where they are. */
static struct import_key put_key(struct buf *text, const struct buf *topic, const struct buf *key)
{
    struct import_key k = {.at = text->len, .len = topic->len + 1 + key->len};
    buf_append(text, topic->data, topic->len);
    buf_putc(text, '\0');
    buf_append(text, key->data, key->len);
    return k;
}

static bool add_key(struct import_keys *k, const struct buf *topic, const struct buf *key)
{
    if (k->count == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 1024;
        struct import_key *keys = reallocarray(k->keys, cap, sizeof(*keys));
        if (!keys)
            return false;
        k->keys = keys;
        k->cap = cap;
    }
    k->keys[k->count++] = put_key(&k->text, topic, key);
    return !k->text.failed;
}

static bool is_later(struct ctl_span message, uint64_t limit_ms)
{
    struct ctl_span time;
    struct buf text = {0};
    uint64_t ms = 0;
    bool known = ctl_span_member(message, "time", &time) && ctl_span_string(time, &text) &&
                 rfc3339_parse(text.data, text.len, &ms) == ERR_OK;
    buf_finish(&text);
    return known && ms > limit_ms;
}

/* What one page of the hub's messages has. */
struct page {
    char cursor[CTL_CURSOR_SIZE];
    bool end; /* no more are needed */
};

static enum ctl_exit take_page(struct import_keys *k, struct ctl_span answer, uint64_t limit_ms,
                               struct ctl_line *line, struct page *page)
{
    struct ctl_span messages, message, value;
    bool ok =
        ctl_span_member(answer, "messages", &messages) && ctl_take_cursor(answer, page->cursor);
    page->end = ok && ctl_span_member(answer, "end", &value);
    while (ok && ctl_span_item(&messages, &message)) {
        page->end |= is_later(message, limit_ms);
        if (ctl_line_parse(line, message.text, message.n))
            return ctl_strange();
        if (line->key.len && !add_key(k, &line->topic, &line->key)) {
            ctl_say("%s", err_text(ERR_NOMEM));
            return CTL_FAILED;
        }
    }
    return ok ? CTL_OK : ctl_strange();
}

static enum ctl_exit read_page(struct import_keys *k, struct ctl *c, const char *after,
                               const char *until, uint64_t limit_ms, struct page *page)
{
    struct ctl_reply reply;
    struct ctl_line line = {0};
    enum ctl_exit status =
        ctl_call(c, CTL_WORDS("HUB", "EXPORT", after, until, "1000", "#"), &reply);
    if (status)
        return status;
    status = take_page(k, (struct ctl_span){reply.text ? reply.text : "", reply.len}, limit_ms,
                       &line, page);
    ctl_line_finish(&line);
    ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit import_keys_read(struct import_keys *k, struct ctl *c, const struct import_state *s,
                               uint64_t waited_ms)
{
    uint64_t limit_ms = waited_ms < SLOW_MS ? s->time_ms + UNDER_WAY_MS : UINT64_MAX;
    char until[CTL_CURSOR_SIZE];
    struct page page = {0};
    unsigned waits = 0;
    enum ctl_exit status = ctl_head(c, until);
    memcpy(page.cursor, s->cursor, sizeof(page.cursor));
    while (status == CTL_OK && !page.end && !ctl_stopped()) {
        char after[CTL_CURSOR_SIZE];
        memcpy(after, page.cursor, sizeof(after));
        status = read_page(k, c, after, until, limit_ms, &page);
        if (status == CTL_OK && !page.end && strcmp(after, page.cursor) == 0 &&
            !ctl_wait_a_moment(&waits))
            status = ctl_strange();
    }
    sorting = k;
    if (k->count)
        qsort(k->keys, k->count, sizeof(*k->keys), compare);
    return status;
}

bool import_keys_left(const struct import_keys *k)
{
    return k->used < k->count;
}

bool import_keys_take(struct import_keys *k, const struct buf *topic, const struct buf *key)
{
    if (!import_keys_left(k))
        return false;
    size_t before = k->text.len;
    struct import_key wanted = put_key(&k->text, topic, key), *found = NULL;
    sorting = k;
    if (!k->text.failed)
        found = bsearch(&wanted, k->keys, k->count, sizeof(*k->keys), compare);
    /* Of equal ones, which stand together, the first that is not used. */
    while (found && found > k->keys && compare(found - 1, &wanted) == 0)
        found--;
    while (found && found < k->keys + k->count && found->used)
        found++;
    bool there = found && found < k->keys + k->count && compare(found, &wanted) == 0;
    if (there) {
        found->used = true;
        k->used++;
    }
    k->text.len = before;
    return there;
}

void import_keys_finish(struct import_keys *k)
{
    buf_finish(&k->text);
    free(k->keys);
    *k = (struct import_keys){0};
}
