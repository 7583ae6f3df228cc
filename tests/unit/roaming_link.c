#include "tests/unit/roaming_link.h"

#include <check.h>
#include <string.h>

#include "base/ip.h"
#include "net/loop.h"
#include "net/readiness.h"
#include "tests/unit/random.h"

enum {
    FULL_MAX = 4,  /* looks */
    ROOM_MIN = 32, /* bytes, and how often twice as much at most */
    ROOM_STEPS = 12,
    ODDS = 3, /* one in so many, of what happens now and then */
};

/* Check writes down each assertion that holds: too much for each byte. */
static void must(bool ok)
{
    if (!ok)
        ck_abort();
}

static struct roaming *roaming_of(const struct link *l)
{
    struct roaming *r = l->at.state;
    must(!r->closed);
    return r;
}

static bool happens(void)
{
    return random_below(ODDS) == 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* From 1 to MOST, the small ones as often as the large. */
static size_t some_of(size_t most)
{
    return 1 + random_below((uint32_t)least(most, happens() ? 1 : happens() ? 8 : most));
}

static void look_lost(struct roaming *r)
{
    r->lost |= r->received >= r->lost_in || r->out.len >= r->lost_out;
}

/* N bytes come to the peer, or as many as do before it is lost. */
static size_t arrive(struct roaming *r, const void *data, size_t n)
{
    n = least(n, r->lost_out - r->out.len);
    buf_append(&r->out, data, n);
    look_lost(r);
    return n;
}

static struct link_io took(struct roaming *r, size_t n, size_t of)
{
    if (n == of)
        return (struct link_io){n, ERR_OK};
    r->shorts++;
    return (struct link_io){n, r->lost ? ERR_CLOSED : ERR_AGAIN};
}

/* --- sending --- */

static void fill_by_chance(struct roaming *r)
{
    if (r->manner != ROAMING_WHOLE && happens())
        r->full = 1 + random_below(FULL_MAX);
}

static struct link_io send_short(struct roaming *r, const void *data, size_t n)
{
    size_t most = r->manner == ROAMING_WHOLE || happens() ? n : some_of(n);
    size_t m = r->full ? 0 : arrive(r, data, most);
    fill_by_chance(r);
    return took(r, m, n);
}

static struct link_io gather(struct roaming *r, const void *data, size_t n)
{
    size_t m = least(n, r->room - r->gathered.len);
    buf_append(&r->gathered, data, m);
    if (m)
        loop_flush_later(r->loop, &r->gathering);
    return took(r, m, n);
}

static struct link_io roaming_send(struct link *l, const void *data, size_t n)
{
    struct roaming *r = roaming_of(l);
    must(n > 0);
    must(!r->shut);
    if (r->lost)
        return (struct link_io){0, happens() ? ERR_TIMEOUT : ERR_CLOSED};
    return r->manner == ROAMING_GATHERS ? gather(r, data, n) : send_short(r, data, n);
}

static bool roaming_is_ready(const struct link *l)
{
    const struct roaming *r = roaming_of(l);
    return r->lost || r->manner != ROAMING_GATHERS || r->gathered.len < r->room;
}

static enum err roaming_flush(struct link *l)
{
    struct roaming *r = roaming_of(l);
    size_t n = happens() ? r->gathered.len : some_of(r->gathered.len);
    must(r->gathered.len > 0);
    if (!r->full)
        buf_consume(&r->gathered, arrive(r, r->gathered.data, n));
    if (r->lost)
        return ERR_CLOSED;
    if (r->gathered.len == 0)
        return ERR_OK;
    r->flushes++;
    fill_by_chance(r);
    return ERR_AGAIN;
}

static size_t roaming_held(const struct link *l)
{
    return roaming_of(l)->gathered.len;
}

/* --- receiving --- */

static struct link_io roaming_receive(struct link *l, void *data, size_t n)
{
    struct roaming *r = roaming_of(l);
    size_t left = r->in.len - r->received;
    if (r->lost)
        return (struct link_io){0, ERR_CLOSED};
    if (!left)
        return (struct link_io){0, r->input_over ? ERR_OK : ERR_AGAIN};
    if (r->received < r->split_at)
        left = least(left, r->split_at - r->received);
    left = least(least(left, n), r->lost_in - r->received);
    size_t m = r->by_bytes ? 1 : r->manner == ROAMING_WHOLE ? left : some_of(left);
    memcpy(data, r->in.data + r->received, m);
    r->received += m;
    look_lost(r);
    return (struct link_io){m, ERR_OK};
}

/* --- readiness and the end --- */

static enum err roaming_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                             unsigned wanted)
{
    struct roaming *r = roaming_of(l);
    must(loop == r->loop);
    must(was == r->wanted);
    r->gathering.link = told;
    must(was != wanted);
    if (r->watches_left == 0)
        return ERR_NOMEM;
    r->watches_left--;
    r->wanted = wanted;
    return ERR_OK;
}

static bool roaming_shut(struct link *l)
{
    struct roaming *r = roaming_of(l);
    must(r->gathered.len == 0);
    must(!r->shut);
    r->shut = true;
    return !r->lost && (r->manner == ROAMING_WHOLE || !happens());
}

static void roaming_close(struct link *l, struct link *told, struct loop *loop)
{
    (void)told;
    struct roaming *r = roaming_of(l);
    must(loop == r->loop);
    loop_flush_never(loop, &r->gathering);
    if (!r->lost)
        arrive(r, r->gathered.data, r->gathered.len);
    r->closed = true;
}

static bool roaming_address(const struct link *l, struct ip_port *ret)
{
    (void)roaming_of(l);
    *ret = (struct ip_port){.port = 4711};
    return ip_parse("192.0.2.7", 9, &ret->ip) == ERR_OK;
}

static const struct link_ops roaming_ops = {
    .send = roaming_send,
    .receive = roaming_receive,
    .is_ready = roaming_is_ready,
    .want = roaming_want,
    .flush = roaming_flush,
    .held = roaming_held,
    .shut = roaming_shut,
    .close = roaming_close,
    .peer = roaming_address,
    .here = roaming_address,
};

/* --- the test's side --- */

void roaming_init(struct roaming *r, enum roaming_manner m, struct loop *loop)
{
    *r = (struct roaming){
        .manner = m,
        .loop = loop,
        .room = m == ROAMING_GATHERS ? (size_t)ROOM_MIN << random_below(ROOM_STEPS) : 0,
        .lost_in = SIZE_MAX,
        .lost_out = SIZE_MAX,
        .watches_left = UINT32_MAX,
    };
}

void roaming_finish(struct roaming *r)
{
    must(r->closed);
    buf_finish(&r->in);
    buf_finish(&r->gathered);
    buf_finish(&r->out);
}

struct link roaming_link(struct roaming *r)
{
    return (struct link){.ops = &roaming_ops, .at.state = r};
}

void roaming_say(struct roaming *r, const void *data, size_t n)
{
    buf_append(&r->in, data, n);
}

void roaming_lose_at(struct roaming *r, size_t in, size_t out)
{
    r->lost_in = in;
    r->lost_out = out;
    look_lost(r);
}

static unsigned news(const struct roaming *r)
{
    if (r->closed)
        return READY_NONE;
    bool input = r->lost || r->input_over || r->received < r->in.len;
    return r->wanted & (READY_WRITE | (input ? READY_READ : READY_NONE));
}

bool roaming_has_news(const struct roaming *r)
{
    return news(r) != READY_NONE;
}

unsigned roaming_look(struct roaming *r)
{
    if (r->full && !r->lost) {
        r->full--;
        return news(r) & READY_READ;
    }
    return news(r);
}
