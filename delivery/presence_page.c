#include "delivery/presence_page.h"

#include <string.h>

#include "broker/cursor.h"
#include "broker/presence.h"
#include "delivery/envelope.h"
#include "delivery/presence_json.h"
#include "delivery/worker.h"

bool presence_page_is_there(const struct worker *w, const char *topic, size_t n)
{
    return presence_rules_have(&w->settings->presence, topic, n);
}

static enum err parse_number(const char *text, size_t n, uint64_t *ret)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || number > UINT64_MAX / 10 - 1)
            return ERR_INVALID;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = number;
    return n ? ERR_OK : ERR_INVALID;
}

enum err presence_page_parse_next(const char *text, size_t n, uint64_t *ret)
{
    return parse_number(text, n, ret);
}

enum err presence_page_parse_limit(const char *text, size_t n, uint32_t *ret)
{
    uint64_t limit;
    enum err e = parse_number(text, n, &limit);
    if (e != ERR_OK || limit == 0)
        return ERR_INVALID;
    *ret = limit < PRESENCE_PAGE_LIMIT ? (uint32_t)limit : PRESENCE_PAGE_LIMIT;
    return ERR_OK;
}

static void put_begin(struct presence_page *p, const struct worker *w, uint32_t number,
                      uint64_t head, const struct buf *members)
{
    static const char room[PRESENCE_PAGE_ROOM];
    char cursor[CURSOR_TEXT_SIZE];
    cursor_format(cursor, head, w->replay.log->epoch);
    buf_append(&p->text, room, sizeof(room));
    p->at = p->text.len;
    buf_puts(&p->text, "{\"topic\":");
    envelope_json_string(&p->text, p->topic, p->topic_len);
    buf_printf(&p->text, ",\"number\":%u,\"cursor\":\"%s\",\"members\":[", number, cursor);
    buf_append(&p->text, members->data, members->len);
    p->text.failed |= members->failed;
    p->begun = true;
}

static void put_end(struct presence_page *p, bool more)
{
    buf_putc(&p->text, ']');
    if (more)
        buf_printf(&p->text, ",\"next\":\"%llu\"", (unsigned long long)p->after);
    buf_putc(&p->text, '}');
}

struct step {
    struct presence_page *page;
    struct buf *out;
};

static bool put_member(void *ctx, const struct presence_member *m)
{
    struct step *s = ctx;
    s->page->limit--;
    if (s->out->len)
        buf_putc(s->out, ',');
    presence_json_member(m, s->out);
    return s->page->text.len + s->out->len < PRESENCE_PAGE_BYTES;
}

/* What begins the document is known behind the first step. */
bool presence_page_step(struct presence_page *p, struct worker *w)
{
    struct buf members = {0};
    struct step s = {p, p->begun ? &p->text : &members};
    uint64_t head = hub_head(w->hub);
    bool more;
    struct presence_query q = {
        .topic = p->topic,
        .topic_len = p->topic_len,
        .after = p->after,
        .max = p->limit < PRESENCE_PAGE_STEP ? p->limit : PRESENCE_PAGE_STEP,
        .visit = put_member,
        .ctx = &s,
    };
    uint32_t number = presence_list(hub_presence(w->hub), &q, &head, &more);
    p->after = q.after;
    if (!p->begun)
        put_begin(p, w, number, head, &members);
    buf_finish(&members);
    if (more && p->limit && p->text.len < PRESENCE_PAGE_BYTES && !p->text.failed)
        return false;
    put_end(p, more);
    return true;
}

void presence_page_finish(struct presence_page *p)
{
    buf_finish(&p->text);
}
