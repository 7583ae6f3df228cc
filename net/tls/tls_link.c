#include "net/tls/tls_link.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/tls/tls_record.h"

/* What there is for a while. */
struct unfinished {
    struct buf in;              /* from the peer, as it came */
    size_t opened;              /* bytes of it that have been */
    struct awaiting awaiting;   /* the rest of a record in it */
    struct buf out;             /* sealed, and not taken by the inner link */
    size_t left;                /* bytes of it that have been */
    struct gathering gathering; /* of `out`, when nobody knows of it */
};

enum tls_link_state {
    OPEN,
    ENDED,   /* the peer says no more */
    FAILED,  /* the peer has sent a fatal alert, or the inner link is lost */
    REFUSED, /* the peer broke the rules: `alert` is to be sent */
    TOLD,    /* and has been; nothing goes any more, and what comes is dropped */
};

struct tls_link {
    struct link inner;
    struct unfinished *unfinished; /* NULL: nothing is */
    uint16_t alert;
    uint8_t state;
    bool has_input; /* receive() has to look before the inner link has news */
    bool said_bye;  /* our last word has been sealed */
    bool shuts;     /* the inner link's side ends when all has left */
    struct tls_record record;
};

/* Of the thread: what is being sealed. It never holds more than what leaves for the peer. */
static _Thread_local uint8_t sealed[TLS_SEALED_MAX];

static struct tls_link *of(const struct link *l)
{
    return l->at.state;
}

static struct loop *loop_of(struct link *l)
{
    return conn_of_link(l)->loop;
}

/* --- what is not finished --- */

static size_t unopened(const struct tls_link *t)
{
    return t->unfinished ? t->unfinished->in.len - t->unfinished->opened : 0;
}

static size_t unsent(const struct tls_link *t)
{
    return t->unfinished ? t->unfinished->out.len - t->unfinished->left : 0;
}

/* NULL: out of memory. */
static struct unfinished *unfinished_of(struct tls_link *t)
{
    if (!t->unfinished)
        t->unfinished = calloc(1, sizeof(*t->unfinished));
    return t->unfinished;
}

static void destroy_unfinished(struct tls_link *t, struct loop *loop)
{
    struct unfinished *u = t->unfinished;
    if (!u)
        return;
    loop_await_never(loop, &u->awaiting);
    loop_flush_never(loop, &u->gathering);
    buf_finish(&u->in);
    buf_finish(&u->out);
    free(u);
    t->unfinished = NULL;
}

static void tidy(struct link *l)
{
    struct tls_link *t = of(l);
    if (unopened(t) + unsent(t) == 0)
        destroy_unfinished(t, loop_of(l));
}

static void drop_unopened(struct link *l)
{
    struct tls_link *t = of(l);
    if (!t->unfinished)
        return;
    loop_await_never(loop_of(l), &t->unfinished->awaiting);
    buf_finish(&t->unfinished->in);
    t->unfinished->opened = 0;
    tidy(l);
}

static bool keep(struct buf *b, size_t *used, const void *data, size_t n)
{
    buf_consume(b, *used);
    *used = 0;
    buf_append(b, data, n);
    return !b->failed;
}

static bool keep_unsent(struct tls_link *t, const void *data, size_t n)
{
    struct unfinished *u = unfinished_of(t);
    return u && keep(&u->out, &u->left, data, n);
}

static bool keep_unopened(struct tls_link *t, const void *data, size_t n)
{
    struct unfinished *u = unfinished_of(t);
    return u && keep(&u->in, &u->opened, data, n);
}

/* --- sending --- */

/* N bytes of `sealed`, whose rest is kept. ERR_OK: all have left. Where a record is missing, none
 * may follow. */
static enum err send_sealed(struct tls_link *t, size_t n)
{
    struct link_io io = {0, ERR_AGAIN};
    if (!unsent(t))
        io = t->inner.ops->send(&t->inner, sealed, n);
    if (io.err == ERR_AGAIN && io.n < n && !keep_unsent(t, sealed + io.n, n - io.n))
        io.err = ERR_CLOSED;
    if (io.err != ERR_OK && io.err != ERR_AGAIN)
        t->state = FAILED;
    return io.err;
}

static enum err send_unsent(struct tls_link *t)
{
    struct unfinished *u = t->unfinished;
    if (!unsent(t))
        return ERR_OK;
    struct link_io io = t->inner.ops->send(&t->inner, u->out.data + u->left, unsent(t));
    u->left += io.n;
    return io.err;
}

static enum err flush_inner(struct tls_link *t)
{
    return link_held(&t->inner) ? t->inner.ops->flush(&t->inner) : ERR_OK;
}

static bool shut_inner(struct tls_link *t)
{
    t->shuts = false;
    return t->inner.ops->shut(&t->inner);
}

static enum err tls_flush(struct link *l)
{
    struct tls_link *t = of(l);
    enum err e = flush_inner(t);
    if (e == ERR_OK)
        e = send_unsent(t);
    if (e == ERR_OK)
        e = flush_inner(t);
    if (e == ERR_OK && t->shuts)
        shut_inner(t);
    tidy(l);
    return e;
}

static void send_alert(struct tls_link *t, enum tls_alert a)
{
    size_t n;
    if (tls_record_seal_alert(&t->record, a, sealed, &n) == ERR_OK)
        (void)send_sealed(t, n);
    else
        t->state = FAILED;
}

/* Nobody was told that it may have to wait: it lets go when the turn ends. */
static void say(struct link *l, enum tls_alert a)
{
    struct tls_link *t = of(l);
    send_alert(t, a);
    if (!unsent(t))
        return;
    t->unfinished->gathering.link = l;
    loop_flush_later(loop_of(l), &t->unfinished->gathering);
}

/* Of data that is not for ever (TLS_GCM_RECORDS_MAX) the end is close_notify, as of any. */
static struct link_io send_one(struct tls_link *t, const void *data, size_t n)
{
    size_t m = n < TLS_TEXT_MAX ? n : TLS_TEXT_MAX, len;
    enum err e = tls_record_seal(&t->record, data, m, sealed, &len);
    if (e == ERR_NOMEM)
        t->state = FAILED;
    if (e != ERR_OK)
        return (struct link_io){0, ERR_CLOSED};
    e = send_sealed(t, len);
    return (struct link_io){e == ERR_OK || e == ERR_AGAIN ? m : 0, e};
}

/* It has said its last word, or nobody hears it. */
static bool is_mute(const struct tls_link *t)
{
    return t->said_bye || t->state == FAILED || t->state == TOLD;
}

static struct link_io tls_send(struct link *l, const void *data, size_t n)
{
    struct tls_link *t = of(l);
    struct link_io all = {0, is_mute(t) ? ERR_CLOSED : send_unsent(t)};
    tidy(l);
    while (all.n < n && all.err == ERR_OK) {
        struct link_io io = send_one(t, (const char *)data + all.n, n - all.n);
        all.n += io.n;
        all.err = io.err;
    }
    return all;
}

static bool tls_is_ready(const struct link *l)
{
    const struct tls_link *t = of(l);
    return !unsent(t) && link_is_ready(&t->inner);
}

static size_t tls_held(const struct link *l)
{
    const struct tls_link *t = of(l);
    return unsent(t) + link_held(&t->inner);
}

/* --- opening --- */

/* Records one behind the other, and where their data goes; it may be the same place. */
struct opening {
    uint8_t *from;
    size_t left; /* bytes from there on */
    uint8_t *to;
    size_t room, got;
};

static void set_state(struct tls_link *t, enum tls_link_state s, enum tls_alert a)
{
    t->state = (uint8_t)s;
    t->alert = (uint16_t)a;
}

/* Whether the next one is whole. */
static bool is_whole(struct tls_link *t, const struct opening *o, size_t *ret_len)
{
    if (t->state != OPEN || o->left < TLS_HEADER_SIZE)
        return false;
    enum tls_alert a = tls_record_measure(&t->record, o->from, ret_len);
    if (a != TLS_ALERT_NONE)
        set_state(t, REFUSED, a);
    return a == TLS_ALERT_NONE && *ret_len <= o->left;
}

/* The peer asked for something that it does not get, and may go on. */
static void reply(struct link *l, enum tls_alert a)
{
    if (!is_mute(of(l)) && unsent(of(l)) <= TLS_LINK_UNSENT)
        say(l, a);
}

static void take(struct link *l, struct opening *o, enum tls_what what, const struct tls_opened *in)
{
    struct tls_link *t = of(l);
    if (what == TLS_DATA) {
        memmove(o->to + o->got, in->data, in->n);
        o->got += in->n;
    } else if (what == TLS_REPLIES) {
        reply(l, in->alert);
    } else if (what != TLS_NOTHING) {
        static const enum tls_link_state ends[] = {
            [TLS_ENDS] = ENDED, [TLS_FAILED] = FAILED, [TLS_REFUSED] = REFUSED};
        set_state(t, ends[what], in->alert);
    }
}

static void open_records(struct link *l, struct opening *o)
{
    struct tls_link *t = of(l);
    struct tls_opened in;
    unsigned count = 0;
    size_t n;
    while (is_whole(t, o, &n) && n <= o->room - o->got && count < TLS_LINK_RECORDS) {
        enum tls_what what = tls_record_open(&t->record, o->from, n, &in);
        o->from += n;
        o->left -= n;
        count++;
        take(l, o, what, &in);
    }
    t->has_input = is_whole(t, o, &n);
    budget_charge(&loop_of(l)->work, (uint64_t)count * TLS_LINK_WORK);
}

/* --- receiving --- */

/* The peer has broken the rules, or says that we have. */
static struct link_io tell_failure(struct link *l)
{
    struct tls_link *t = of(l);
    bool refused = t->state == REFUSED;
    log_debug("connection %llu: TLS: %s %s", (unsigned long long)conn_number(conn_of_link(l)),
              refused ? "the peer is told" : "the peer tells", tls_alert_name(t->alert));
    if (refused && !t->said_bye)
        say(l, t->alert);
    t->state = refused ? TOLD : FAILED;
    return (struct link_io){0, refused ? ERR_INVALID : ERR_CLOSED};
}

static struct link_io tell_end(struct link *l)
{
    drop_unopened(l);
    return of(l)->state == ENDED ? (struct link_io){0, ERR_OK} : tell_failure(l);
}

/* Where not all could be opened: the next record awaits its rest, unless it waits for us. */
static void await_rest(struct link *l)
{
    struct tls_link *t = of(l);
    struct awaiting *a = &t->unfinished->awaiting;
    a->link = l;
    if (t->has_input)
        loop_await_never(loop_of(l), a);
    else
        loop_await(loop_of(l), a);
}

/* Data first; what has come behind it, when that has been told. */
static struct link_io opened(struct link *l, const struct opening *o)
{
    struct tls_link *t = of(l);
    if (o->got == 0 && t->state != OPEN)
        return tell_end(l);
    t->has_input |= t->state != OPEN;
    return (struct link_io){o->got, o->got ? ERR_OK : ERR_AGAIN};
}

static struct link_io open_kept(struct link *l, void *data, size_t n)
{
    struct tls_link *t = of(l);
    struct unfinished *u = t->unfinished;
    struct opening o = {
        .from = (uint8_t *)u->in.data + u->opened, .left = unopened(t), .to = data, .room = n};
    open_records(l, &o);
    u->opened = u->in.len - o.left;
    if (o.left == 0)
        drop_unopened(l);
    else
        await_rest(l);
    return opened(l, &o);
}

/* An end without close_notify is none. */
static struct link_io receive_inner(struct tls_link *t, void *data, size_t n)
{
    struct link_io io = t->inner.ops->receive(&t->inner, data, n);
    if (io.n == 0 && io.err != ERR_AGAIN)
        t->state = FAILED;
    return io.n == 0 && io.err == ERR_OK ? (struct link_io){0, ERR_CLOSED} : io;
}

static struct link_io receive_new(struct link *l, void *data, size_t n)
{
    struct tls_link *t = of(l);
    struct link_io io = receive_inner(t, data, n);
    if (io.n == 0)
        return io;
    struct opening o = {.from = data, .left = io.n, .to = data, .room = n};
    open_records(l, &o);
    if (o.left && t->state == OPEN) {
        if (!keep_unopened(t, o.from, o.left))
            return (struct link_io){0, ERR_CLOSED};
        await_rest(l);
    }
    return opened(l, &o);
}

/* Of what makes the record whole that has begun; to know its length its header is read first. */
static size_t missing(struct tls_link *t)
{
    const uint8_t *head = (const uint8_t *)t->unfinished->in.data + t->unfinished->opened;
    size_t have = unopened(t), n = TLS_HEADER_SIZE;
    if (have >= TLS_HEADER_SIZE && tls_record_measure(&t->record, head, &n) != TLS_ALERT_NONE)
        return 0;
    return n > have ? n - have : 0;
}

/* Nothing is read that could not be opened at once. */
static struct link_io receive_rest(struct link *l, void *data, size_t n)
{
    struct tls_link *t = of(l);
    struct link_io io = {0, ERR_OK};
    for (size_t m; io.err == ERR_OK && (m = missing(t)) > 0;) {
        io = receive_inner(t, data, m);
        if (io.n == 0)
            return io;
        if (!keep_unopened(t, data, io.n))
            return (struct link_io){0, ERR_CLOSED};
        if (io.n < m)
            return (struct link_io){0, ERR_AGAIN};
    }
    return open_kept(l, data, n);
}

static struct link_io tls_receive(struct link *l, void *data, size_t n)
{
    struct tls_link *t = of(l);
    bool looks = t->has_input;
    t->has_input = false;
    if (t->state == TOLD) /* it is dropped */
        return receive_inner(t, data, n);
    if (t->state != OPEN)
        return tell_end(l);
    if (!unopened(t))
        return receive_new(l, data, n);
    return looks ? open_kept(l, data, n) : receive_rest(l, data, n);
}

static bool tls_has_input(const struct link *l)
{
    return of(l)->has_input;
}

static size_t tls_keeps(const struct link *l)
{
    const struct tls_link *t = of(l);
    return t->unfinished ? sizeof(*t->unfinished) + t->unfinished->in.cap : 0;
}

/* --- the end --- */

static enum tls_alert last_word(const struct tls_link *t)
{
    return t->state == REFUSED ? (enum tls_alert)t->alert : TLS_ALERT_close_notify;
}

static bool tls_shut(struct link *l)
{
    struct tls_link *t = of(l);
    if (!is_mute(t))
        say(l, last_word(t));
    t->said_bye = true;
    t->shuts = true;
    return tls_held(l) || shut_inner(t);
}

static void tls_close(struct link *l, struct link *told, struct loop *loop)
{
    struct tls_link *t = of(l);
    if (t->state != FAILED && send_unsent(t) == ERR_OK && !is_mute(t))
        send_alert(t, last_word(t));
    destroy_unfinished(t, loop);
    t->inner.ops->close(&t->inner, told, loop);
    tls_record_finish(&t->record);
    free(t);
}

/* --- what is the inner link's --- */

static enum err tls_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                         unsigned wanted)
{
    struct link *inner = &of(l)->inner;
    return inner->ops->want(inner, told, loop, was, wanted);
}

static bool tls_peer(const struct link *l, struct ip_port *ret)
{
    return link_peer(&of(l)->inner, ret);
}

static bool tls_here(const struct link *l, struct ip_port *ret)
{
    return link_here(&of(l)->inner, ret);
}

static bool tls_is_secure(const struct link *l)
{
    (void)l;
    return true;
}

static const struct link_ops tls_ops = {
    .send = tls_send,
    .receive = tls_receive,
    .has_input = tls_has_input,
    .is_ready = tls_is_ready,
    .want = tls_want,
    .flush = tls_flush,
    .held = tls_held,
    .keeps = tls_keeps,
    .shut = tls_shut,
    .close = tls_close,
    .peer = tls_peer,
    .here = tls_here,
    .is_secure = tls_is_secure,
};

enum err tls_link_create(struct link inner, const struct tls_keys *keys, struct link *ret)
{
    struct tls_link *t = malloc(offsetof(struct tls_link, record) + tls_record_size(keys));
    if (!t)
        return ERR_NOMEM;
    memset(t, 0, offsetof(struct tls_link, record));
    t->inner = inner;
    tls_record_init(&t->record, keys);
    *ret = (struct link){.ops = &tls_ops, .at.state = t};
    return ERR_OK;
}

enum err tls_link_feed(struct link *l, const void *data, size_t n)
{
    struct tls_link *t = of(l);
    if (n == 0)
        return ERR_OK;
    t->has_input = true;
    return keep_unopened(t, data, n) ? ERR_OK : ERR_NOMEM;
}
