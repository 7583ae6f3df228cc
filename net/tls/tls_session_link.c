#include "net/tls/tls_session_link.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ssl.h>

#include "net/conn.h"
#include "net/loop.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_record.h"

enum {
    RECORD_MAX = 16384,    /* no record brings more than this */
    TAKEN_AT_ONCE = 65536, /* from the inner link: records may be empty */
};

struct session {
    struct link inner;
    mbedtls_ssl_context *ssl;
    struct tls_context *context; /* which SSL borrows from */
    struct buf early;            /* that came before what the inner link receives */
    size_t early_used;
    uint8_t head[TLS_HEADER_SIZE]; /* of the record that mbedTLS takes, or took last, */
    uint8_t head_len;              /* bytes of it, while there are less than all, */
    size_t left;                   /* and of that record that it has not taken */
    struct awaiting awaiting;      /* the rest of it */
    size_t sealed;    /* bytes of a record that mbedTLS has taken, and that has not left */
    size_t takes;     /* bytes that may be taken from the inner link now */
    bool ended, told; /* nothing comes any more; and that was said: `end` */
    enum err end;
    enum err broken; /* nothing can be sent any more */
};

static struct session *of(const struct link *l)
{
    return l->at.state;
}

static struct loop *loop_of(struct link *l)
{
    return conn_of_link(l)->loop;
}

/* --- where records end, as mbedTLS takes them --- */

static void follow(struct session *s, const unsigned char *data, size_t n)
{
    while (n > 0) {
        size_t want = s->left ? s->left : sizeof(s->head) - s->head_len, m = n < want ? n : want;
        if (s->left) {
            s->left -= m;
        } else {
            memcpy(s->head + s->head_len, data, m);
            s->head_len = (uint8_t)((s->head_len + m) % sizeof(s->head));
            s->left = s->head_len ? 0 : (size_t)s->head[3] << 8 | s->head[4];
        }
        data += m;
        n -= m;
    }
}

/* SOME: data has come, so what is half there is new. */
static void await_rest(struct link *l, bool some)
{
    struct session *s = of(l);
    s->awaiting.link = l;
    if (s->ended || (!s->head_len && !s->left))
        loop_await_never(loop_of(l), &s->awaiting);
    else if (some || !s->awaiting.prev)
        loop_await(loop_of(l), &s->awaiting);
}

/* --- records, to and from the inner link --- */

static int give(void *ctx, const unsigned char *data, size_t n)
{
    struct session *s = ctx;
    struct link_io io = s->inner.ops->send(&s->inner, data, n);
    if (io.err != ERR_OK && io.err != ERR_AGAIN)
        s->broken = io.err;
    if (io.n > 0)
        return (int)io.n;
    return io.err == ERR_AGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int take_early(struct session *s, unsigned char *out, size_t n)
{
    size_t left = s->early.len - s->early_used, m = n < left ? n : left;
    memcpy(out, s->early.data + s->early_used, m);
    follow(s, out, m);
    s->early_used += m;
    if (s->early_used == s->early.len) {
        buf_finish(&s->early);
        s->early_used = 0;
    }
    return (int)m;
}

/* What was read before goes to the reader as a whole: nobody is told that there is more of it. The
 * rest of a record comes from the inner link when there is room for it. */
static int take(void *ctx, unsigned char *out, size_t n)
{
    struct session *s = ctx;
    if (s->early.len)
        return take_early(s, out, n);
    if (!s->takes)
        return MBEDTLS_ERR_SSL_WANT_READ;
    struct link_io io = s->inner.ops->receive(&s->inner, out, n < s->takes ? n : s->takes);
    s->takes -= io.n;
    follow(s, out, io.n);
    if (io.n > 0)
        return (int)io.n;
    if (io.err == ERR_AGAIN)
        return MBEDTLS_ERR_SSL_WANT_READ;
    s->broken = io.err == ERR_OK ? ERR_CLOSED : io.err; /* it was cut: no close_notify came */
    return MBEDTLS_ERR_SSL_CONN_EOF;
}

/* --- sending --- */

static enum err failed(struct session *s)
{
    return s->broken != ERR_OK ? s->broken : ERR_CLOSED;
}

/* While a record waits mbedTLS does not look at what it is given, but lets that go. */
static enum err let_go(struct session *s)
{
    static const unsigned char nothing[1];
    if (!s->sealed)
        return ERR_OK;
    int r = mbedtls_ssl_write(s->ssl, nothing, s->sealed);
    if (r == MBEDTLS_ERR_SSL_WANT_WRITE)
        return ERR_AGAIN;
    s->sealed = 0;
    return r < 0 ? failed(s) : ERR_OK;
}

/* One record at most. */
static struct link_io send_some(struct session *s, const unsigned char *data, size_t n)
{
    size_t most = (size_t)mbedtls_ssl_get_max_out_record_payload(s->ssl);
    size_t m = n < most ? n : most;
    int r = mbedtls_ssl_write(s->ssl, data, m);
    if (r >= 0)
        return (struct link_io){(size_t)r, ERR_OK};
    if (r != MBEDTLS_ERR_SSL_WANT_WRITE)
        return (struct link_io){0, failed(s)};
    s->sealed = m;
    return (struct link_io){m, ERR_AGAIN};
}

static struct link_io session_send(struct link *l, const void *data, size_t n)
{
    struct session *s = of(l);
    struct link_io all = {0, let_go(s)};
    while (all.n < n && all.err == ERR_OK) {
        struct link_io io = send_some(s, (const unsigned char *)data + all.n, n - all.n);
        all.n += io.n;
        all.err = io.err;
    }
    return all;
}

static enum err session_flush(struct link *l)
{
    return let_go(of(l));
}

static size_t session_held(const struct link *l)
{
    return of(l)->sealed;
}

static bool session_is_ready(const struct link *l)
{
    const struct session *s = of(l);
    return !s->sealed && link_is_ready(&s->inner);
}

/* --- receiving --- */

/* Of a record that cannot be, mbedTLS says nothing to the peer. */
static enum tls_alert fault_of_record(const struct session *s)
{
    size_t n = (size_t)s->head[3] << 8 | s->head[4];
    if (s->head[0] < TLS_TYPE_CHANGE_CIPHER_SPEC || s->head[0] > TLS_TYPE_DATA)
        return TLS_ALERT_unexpected_message;
    if (s->head[1] != 3)
        return TLS_ALERT_protocol_version;
    if (n > TLS_TEXT_MAX)
        return TLS_ALERT_record_overflow;
    return s->head[0] == TLS_TYPE_ALERT ? TLS_ALERT_decode_error : TLS_ALERT_unexpected_message;
}

static void tell_fault(struct session *s, int why)
{
    enum tls_alert a = TLS_ALERT_NONE;
    if (why == MBEDTLS_ERR_SSL_INVALID_RECORD || why == MBEDTLS_ERR_SSL_BAD_INPUT_DATA)
        a = fault_of_record(s);
    else if (why == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE)
        a = TLS_ALERT_unexpected_message;
    if (a != TLS_ALERT_NONE && !s->sealed)
        mbedtls_ssl_send_alert_message(s->ssl, TLS_LEVEL_FATAL, (unsigned char)a);
}

static void end(struct session *s, int why)
{
    s->ended = true;
    if (why == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return;
    bool by_peer = s->broken == ERR_OK && why != 0; /* what was wrong it is told */
    if (by_peer)
        tell_fault(s, why);
    s->broken = failed(s);
    s->end = by_peer ? ERR_INVALID : s->broken;
}

/* False: no more for now. Behind an empty record it goes on; mbedTLS takes three in a row. */
static bool receive_some(struct session *s, unsigned char *data, size_t size, size_t *n)
{
    if (size - *n < RECORD_MAX) /* a whole record might not have room */
        s->takes = 0;
    int r = mbedtls_ssl_read(s->ssl, data + *n, size - *n);
    if (r > 0)
        *n += (size_t)r;
    if (r > 0 || (r == 0 && s->broken == ERR_OK))
        return true;
    if (r != MBEDTLS_ERR_SSL_WANT_READ && r != MBEDTLS_ERR_SSL_WANT_WRITE)
        end(s, r);
    return false;
}

static struct link_io session_receive(struct link *l, void *data, size_t n)
{
    struct session *s = of(l);
    size_t got = 0;
    s->takes = TAKEN_AT_ONCE;
    while (!s->ended && got < n && receive_some(s, data, n, &got))
        ;
    await_rest(l, got > 0);
    if (got > 0)
        return (struct link_io){got, ERR_OK};
    s->told = s->ended;
    return (struct link_io){0, s->ended ? s->end : ERR_AGAIN};
}

static bool session_has_input(const struct link *l)
{
    const struct session *s = of(l);
    return s->early.len > 0 || (s->ended && !s->told);
}

static size_t session_keeps(const struct link *l)
{
    return of(l)->early.cap;
}

/* --- the rest --- */

static enum err session_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                             unsigned wanted)
{
    struct link *inner = &of(l)->inner;
    return inner->ops->want(inner, told, loop, was, wanted);
}

static void say_goodbye(struct session *s)
{
    if (s->broken == ERR_OK && !s->sealed)
        mbedtls_ssl_close_notify(s->ssl);
}

static bool session_shut(struct link *l)
{
    struct session *s = of(l);
    say_goodbye(s);
    return s->broken == ERR_OK && s->inner.ops->shut(&s->inner);
}

static void session_close(struct link *l, struct link *told, struct loop *loop)
{
    struct session *s = of(l);
    loop_await_never(loop, &s->awaiting);
    say_goodbye(s);
    s->inner.ops->close(&s->inner, told, loop);
    mbedtls_ssl_free(s->ssl); /* wipes it */
    free(s->ssl);
    tls_context_unref(s->context);
    buf_finish(&s->early);
    free(s);
}

static bool session_peer(const struct link *l, struct ip_port *ret)
{
    return link_peer(&of(l)->inner, ret);
}

static bool session_here(const struct link *l, struct ip_port *ret)
{
    return link_here(&of(l)->inner, ret);
}

static bool session_is_secure(const struct link *l)
{
    (void)l;
    return true;
}

static const struct link_ops session_ops = {
    .send = session_send,
    .receive = session_receive,
    .has_input = session_has_input,
    .is_ready = session_is_ready,
    .want = session_want,
    .flush = session_flush,
    .held = session_held,
    .keeps = session_keeps,
    .shut = session_shut,
    .close = session_close,
    .peer = session_peer,
    .here = session_here,
    .is_secure = session_is_secure,
};

enum err tls_session_link_create(struct link inner, struct mbedtls_ssl_context *ssl,
                                 struct tls_context *context, struct buf *early, struct link *ret)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->inner = inner;
    s->ssl = ssl;
    s->context = context;
    s->early = *early;
    buf_init(early);
    mbedtls_ssl_set_bio(ssl, s, give, take, NULL);
    *ret = (struct link){.ops = &session_ops, .at.state = s};
    return ERR_OK;
}
