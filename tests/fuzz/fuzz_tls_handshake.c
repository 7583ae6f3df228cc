/*
 * Handshakes, and what comes of them. The first byte says what there is: bytes of any kind from the
 * input, or those of a client of mbedTLS, into which the input puts changes; the second one in what
 * pieces they come. What is not changed succeeds, and then data goes both ways over the link; what
 * fails is told by an alert, unless the client told it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/loop.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_handshake.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tls_guest.h"

/* Bits of the first byte. */
enum {
    IS_RAW = 1,
    IS_COMPACT = 2,
    ASKS = 4,    /* the hub, for a certificate */
    SHOWS = 8,   /* the client, one */
    IS_12 = 16,  /* nothing newer */
    SHORT = 32,  /* it wants short records */
    OFFERS = 64, /* h2, and others */
    RESUMES = 128,
};

enum { CHANGE_SIZE = 4, ROUNDS_MAX = 20, TYPE_ALERT = 21, ALERT_MIN = 7 };

static const char question[] = "what is it?", answer[] = "an answer";

static struct run {
    unsigned is;
    size_t piece;
    const uint8_t *changes;
    size_t size; /* bytes of them */
    unsigned flight;
    bool changed;
    uint64_t random;
    struct tls_guest guest;
    struct tls_handshake *hub;
    enum tls_outcome outcome;
} run;

static char folder[] = "/tmp/fuzz-tls-XXXXXX";
static struct tls_context *contexts[2][2]; /* compact; asks */

/* --- what there is once --- */

static const char *path_of(const char *name)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void make_context(bool compact, bool asks)
{
    struct tls_host host = {NULL, path_of("hub.pem"), path_of("hub.key")};
    struct tls_options o = {
        .hosts = &host,
        .host_count = 1,
        .versions = TLS_SPEAKS_1_2 | TLS_SPEAKS_1_3,
        .client_ca = asks ? path_of("client.pem") : NULL,
        .tickets = true,
        .compact = compact,
        .h2 = true,
    };
    struct tls_fault fault = {0};
    REQUIRE(tls_context_create(&o, NULL, &contexts[compact][asks], &fault) == ERR_OK);
}

static void remove_files(void)
{
    static const char *const names[] = {"hub.pem", "hub.key", "client.pem", "client.key"};
    for (int i = 0; i < 4; i++)
        unlink(path_of(names[i]));
    rmdir(folder);
    for (int i = 0; i < 4; i++)
        tls_context_unref(contexts[i >> 1][i & 1]);
}

static void make_files(void)
{
    if (contexts[0][0])
        return;
    REQUIRE(mkdtemp(folder));
    tls_guest_sign(path_of("hub"), "CN=hub");
    tls_guest_sign(path_of("client"), "CN=client");
    for (int i = 0; i < 4; i++)
        make_context(i >> 1, i & 1);
    atexit(remove_files);
}

/* --- the client --- */

static int next_random(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    while (n--) {
        run.random = run.random * 6364136223846793005U + 1442695040888963407U;
        *out++ = (unsigned char)(run.random >> 56);
    }
    return 0;
}

static void open_guest(void)
{
    static const char *protocols[] = {"h2", "http/1.1", NULL};
    struct tls_guest *g = &run.guest;
    tls_guest_init(g, "hub");
    mbedtls_ssl_conf_rng(&g->conf, next_random, NULL);
    if (run.is & SHORT)
        REQUIRE(mbedtls_ssl_conf_max_frag_len(&g->conf, MBEDTLS_SSL_MAX_FRAG_LEN_512) == 0);
    if (run.is & OFFERS)
        REQUIRE(mbedtls_ssl_conf_alpn_protocols(&g->conf, protocols) == 0);
    if (run.is & IS_12)
        tls_guest_speak_12(g);
    if (run.is & SHOWS)
        tls_guest_show(g, path_of("client"));
}

/* One change: which flight and how, where (two bytes), and a byte. */
static void change(const uint8_t *c, struct buf *b)
{
    size_t at = ((size_t)c[1] << 8 | c[2]) % (b->len + 1);
    if (c[0] >> 2 != run.flight)
        return;
    run.changed = true;
    if (c[0] % 4 == 0 && at < b->len)
        b->data[at] = (char)(b->data[at] ^ (c[3] | 1));
    else if (c[0] % 4 == 1)
        b->len = at;
    else if (c[0] % 4 == 2)
        buf_append(b, c, CHANGE_SIZE);
    else
        buf_consume(b, at);
}

static void change_flight(void)
{
    for (size_t at = 0; run.size - at >= CHANGE_SIZE; at += CHANGE_SIZE)
        change(run.changes + at, &run.guest.out);
    run.flight++;
}

/* --- the hub --- */

static void expect_words(void)
{
    struct buf *out = tls_handshake_output(run.hub);
    enum tls_failure f = tls_handshake_failure(run.hub);
    REQUIRE(f < TLS_FAILURES && tls_failure_text(f));
    REQUIRE(f == TLS_FAILED_ALERT || out->len >= ALERT_MIN);
}

static void feed(const void *data, size_t n)
{
    const char *from = data;
    for (size_t m; n && run.outcome == TLS_GOES_ON; n -= m, from += m) {
        m = run.piece && run.piece < n ? run.piece : n;
        REQUIRE(tls_handshake_feed(run.hub, from, m) == ERR_OK);
        run.outcome = tls_handshake_step(run.hub);
    }
    if (run.outcome == TLS_FAILED)
        expect_words();
    /* What is left is read by the link. */
    if (run.outcome == TLS_DONE && n)
        REQUIRE(tls_handshake_feed(run.hub, from, n) == ERR_OK);
}

static void open_hub(void)
{
    struct tls_context *c = contexts[run.is & IS_COMPACT ? 1 : 0][run.is & ASKS ? 1 : 0];
    run.hub = tls_handshake_create(tls_context_ref(c), "hub");
    run.outcome = TLS_GOES_ON;
    REQUIRE(run.hub);
}

/* --- the link --- */

static struct buf sent;

static struct link_io give(struct link *l, const void *data, size_t n)
{
    (void)l;
    buf_append(&sent, data, n);
    return (struct link_io){n, ERR_OK};
}

static struct link_io take(struct link *l, void *data, size_t n)
{
    (void)l;
    struct buf *said = &run.guest.out;
    size_t m = n < said->len ? n : said->len;
    if (m)
        memcpy(data, said->data, m);
    buf_consume(said, m);
    return (struct link_io){m, m ? ERR_OK : ERR_AGAIN};
}

static bool shut(struct link *l)
{
    (void)l;
    return true;
}

static void close_inner(struct link *l, struct link *told, struct loop *loop)
{
    (void)l;
    (void)told;
    (void)loop;
}

static const struct link_ops inner_ops = {
    .send = give, .receive = take, .shut = shut, .close = close_inner};

/* What the hub reads; at most SIZE bytes. */
static size_t receive(struct link *l, char *data, size_t size)
{
    size_t got = 0;
    for (int i = 0; i < ROUNDS_MAX && got < size; i++) {
        struct link_io io = l->ops->receive(l, data + got, size - got);
        got += io.n;
        if (io.n == 0 && !link_has_input(l))
            break;
    }
    return got;
}

static void talk(struct link *l)
{
    char data[LOOP_READ_BYTES];
    struct tls_guest *g = &run.guest;
    (void)mbedtls_ssl_write(&g->ssl, (const unsigned char *)question, sizeof(question));
    size_t n = receive(l, data, sizeof(data));
    REQUIRE(run.changed || (n == sizeof(question) && memcmp(data, question, n) == 0));
    struct link_io io = l->ops->send(l, answer, sizeof(answer));
    REQUIRE(run.changed || io.n == sizeof(answer));
    buf_append(&g->in, sent.data, sent.len);
    buf_clear(&sent);
    int r = mbedtls_ssl_read(&g->ssl, (unsigned char *)data, sizeof(data));
    REQUIRE(run.changed || (r == sizeof(answer) && memcmp(data, answer, sizeof(answer)) == 0));
}

static void take_over(void)
{
    static const struct net_settings settings = {.head_timeout_ms = 10000};
    struct loop loop = {.settings = &settings};
    struct conn conn = {.loop = &loop};
    struct link inner = {.ops = &inner_ops};
    REQUIRE(tls_handshake_link(run.hub, inner, &conn.link) == ERR_OK);
    if (!(run.is & IS_RAW))
        talk(&conn.link);
    conn.link.ops->close(&conn.link, &conn.link, &loop);
    REQUIRE(!loop.awaited && !loop.to_flush);
    buf_clear(&sent);
}

/* --- both --- */

static void carry_answer(void)
{
    struct buf *out = tls_handshake_output(run.hub);
    buf_append(&run.guest.in, out->data, out->len);
    buf_clear(out);
}

/* Returns whether the client is content. */
static bool shake_hands(void)
{
    int r = MBEDTLS_ERR_SSL_WANT_READ;
    for (int i = 0; i < ROUNDS_MAX && run.outcome == TLS_GOES_ON; i++) {
        if (r == MBEDTLS_ERR_SSL_WANT_READ)
            r = mbedtls_ssl_handshake(&run.guest.ssl);
        change_flight();
        feed(run.guest.out.data, run.guest.out.len);
        buf_clear(&run.guest.out);
        carry_answer();
    }
    if (r == MBEDTLS_ERR_SSL_WANT_READ)
        r = mbedtls_ssl_handshake(&run.guest.ssl);
    return r == 0;
}

static void check_outcome(bool content)
{
    bool refused = (run.is & ASKS) && !(run.is & SHOWS);
    if (run.changed)
        return;
    REQUIRE(run.outcome == (refused ? TLS_FAILED : TLS_DONE));
    REQUIRE(refused || content);
    REQUIRE(!refused || tls_handshake_failure(run.hub) == TLS_FAILED_CERTIFICATE);
    REQUIRE(refused || tls_handshake_chose_h2(run.hub) == ((run.is & OFFERS) != 0));
}

static void meet(mbedtls_ssl_session *session, bool comes_back)
{
    open_guest();
    open_hub();
    if (comes_back)
        REQUIRE(mbedtls_ssl_set_session(&run.guest.ssl, session) == 0);
    bool content = shake_hands();
    check_outcome(content);
    if (content && !comes_back)
        (void)mbedtls_ssl_get_session(&run.guest.ssl, session);
    if (run.outcome == TLS_DONE)
        take_over();
    tls_handshake_destroy(run.hub);
    tls_guest_finish(&run.guest);
}

/* Whoever resumes was there before, without any change. */
static void meet_guest(const uint8_t *changes, size_t size)
{
    mbedtls_ssl_session session;
    bool resumes = (run.is & RESUMES) && (!(run.is & ASKS) || (run.is & SHOWS));
    mbedtls_ssl_session_init(&session);
    if (resumes)
        meet(&session, false);
    run.flight = 0;
    run.changes = changes;
    run.size = size;
    meet(&session, resumes);
    mbedtls_ssl_session_free(&session);
}

static void meet_bytes(const uint8_t *data, size_t size)
{
    open_hub();
    feed(data, size);
    if (run.outcome == TLS_DONE)
        take_over();
    tls_handshake_destroy(run.hub);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    make_files();
    run = (struct run){.is = data[0], .piece = data[1], .random = size};
    if (run.is & IS_RAW)
        meet_bytes(data + 2, size - 2);
    else
        meet_guest(data + 2, size - 2);
    return 0;
}
