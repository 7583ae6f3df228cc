#include "frontends/resp/resp_entries.h"

#include <string.h>

#include "broker/cursor.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"

const char resp_bad_topic[] = "BADTOPIC not a valid topic";
const char resp_bad_count[] = "ERR value is not an integer or out of range";

static void put_field(struct buf *out, const char *name, const char *value, size_t n)
{
    resp_reply_bulk(out, name, strlen(name));
    resp_reply_bulk(out, value, n);
}

/* [id, [field, value, ...]] */
static void put_entry(const struct message *m, struct buf *out)
{
    char id[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(id, m->offset, m->epoch);
    resp_reply_array(out, 2);
    resp_reply_bulk(out, id, n);
    resp_reply_array(out, 2u + (m->event_len ? 2 : 0) + (m->key_len ? 2 : 0));
    put_field(out, "data", m->payload, m->payload_len);
    if (m->event_len)
        put_field(out, "event", m->event, m->event_len);
    if (m->key_len)
        put_field(out, "key", m->key, m->key_len);
}

bool resp_entries_full(const struct resp_entries *e)
{
    return e->left == 0 || e->too_large || e->text.failed;
}

bool resp_entries_add(void *ctx, struct message *m, bool shared)
{
    struct resp_entries *e = ctx;
    (void)shared;
    size_t bytes = e->before + e->text.len;
    if (e->left == 0)
        return false;
    /* A single message always fits. */
    e->too_large = bytes && bytes + m->payload_len > e->max;
    if (resp_entries_full(e))
        return false;
    put_entry(m, &e->text);
    e->count++;
    e->left--;
    return true;
}

enum err resp_entries_read(struct scan *s, struct position *p, uint64_t until,
                           struct resp_entries *e, struct gap *gap)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && gap->reason == GAP_NONE && p->offset < until && !resp_entries_full(e)) {
        struct resp_entries before = *e;
        err = replay_next(&s->replay, scan_feed(s), p, until, resp_entries_add, e, gap);
        if (err == ERR_AGAIN) { /* forget what was read in this step */
            e->text.len = before.text.len;
            e->count = before.count;
            e->left = before.left;
            err = ERR_OK;
        }
    }
    return err == ERR_OK && e->text.failed ? ERR_NOMEM : err;
}

size_t resp_entries_max(const struct resp *r)
{
    uint64_t most = peer_memory_limit(r->conn->loop->book.memory) / 4;
    return most < RESP_REPLY_MAX ? (size_t)most : RESP_REPLY_MAX;
}

void resp_entries_too_large(struct resp *r)
{
    resp_errorf(r, "ERR more than %zu KiB: ask for fewer messages at once with COUNT",
                resp_entries_max(r) >> 10);
}

void resp_entries_gap(struct resp *r, const struct gap *gap)
{
    worker_count_gap(worker_of(r->conn), gap->reason);
    resp_error_gap(r, gap);
}
