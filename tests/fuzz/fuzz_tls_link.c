/*
 * The compact TLS link, over one that takes and gives as it likes. The first byte says version and
 * suite; the rest is a list of things to happen: a byte of what, one of length, and bytes. Done
 * with everything at once and in small pieces, the same data comes, the same end, and the peer
 * hears what was sent.
 */
#include <string.h>

#include "net/conn.h"
#include "net/loop.h"
#include "net/tls/tls_link.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tls_peer.h"

enum { READ_BYTES = LOOP_READ_BYTES, DATA_MAX = 4096 };

/* One pass over an input, and what the inner link has. */
static struct run {
    bool pieces;
    uint32_t random;
    struct conn conn;
    struct loop loop;
    struct tls_peer peer;
    struct buf in, out; /* of the inner link */
    size_t in_at;
    struct buf got, sent; /* data, by the hub */
    enum err end;         /* why nothing comes any more; ERR_AGAIN: it does */
} run;

static const struct net_settings settings = {.head_timeout_ms = 10000};

/* --- the inner link --- */

static size_t some_of(size_t n)
{
    run.random = run.random * 1103515245 + 12345;
    size_t most = run.random >> 28 & 1 ? 7 : 700, m = (run.random >> 8) % (most + 1);
    return !run.pieces || m > n ? n : m;
}

static struct link_io give(struct link *l, const void *data, size_t n)
{
    (void)l;
    size_t m = some_of(n);
    buf_append(&run.out, data, m);
    return (struct link_io){m, m == n ? ERR_OK : ERR_AGAIN};
}

static struct link_io take(struct link *l, void *data, size_t n)
{
    (void)l;
    size_t left = run.in.len - run.in_at, m = some_of(n < left ? n : left);
    if (left)
        memcpy(data, run.in.data + run.in_at, m);
    run.in_at += m;
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

/* --- what happens --- */

static bool has_more(void)
{
    return run.end == ERR_AGAIN && (run.in_at < run.in.len || link_has_input(&run.conn.link));
}

static void receive_all(void)
{
    static char data[READ_BYTES];
    struct link *l = &run.conn.link;
    while (has_more()) {
        struct link_io io = l->ops->receive(l, data, sizeof(data));
        REQUIRE(io.n <= sizeof(data) && (io.n == 0 || io.err == ERR_OK));
        buf_append(&run.got, data, io.n);
        if (io.n == 0)
            run.end = io.err;
        REQUIRE(link_keeps(l) <= 4 * READ_BYTES);
    }
}

static void flush_all(void)
{
    struct link *l = &run.conn.link;
    while (link_held(l)) {
        enum err e = l->ops->flush(l);
        REQUIRE(e == ERR_OK || e == ERR_AGAIN);
        REQUIRE(e == ERR_AGAIN || link_held(l) == 0);
    }
}

static void send_all(const void *data, size_t n)
{
    struct link *l = &run.conn.link;
    while (n) {
        struct link_io io = l->ops->send(l, data, n);
        REQUIRE(io.n <= n);
        buf_append(&run.sent, data, io.n);
        data = (const char *)data + io.n;
        n -= io.n;
        if (io.err == ERR_CLOSED)
            return;
        flush_all();
    }
}

static void happen(unsigned what, const uint8_t *bytes, size_t n)
{
    static uint8_t data[DATA_MAX];
    size_t m = (n * 33) % DATA_MAX;
    memset(data, 'x', m);
    memcpy(data, bytes, n < m ? n : m);
    switch (what % 8) {
    case 0:
        tls_peer_say_data(&run.peer, bytes, n);
        break;
    case 1:
        tls_peer_say_data(&run.peer, data, m);
        break;
    case 2:
        tls_peer_say(&run.peer, TLS_TYPE_HANDSHAKE, bytes, n, what >> 4);
        break;
    case 3:
        tls_peer_say(&run.peer, what >> 3, bytes, n, what >> 4);
        break;
    case 4:
        if (run.peer.keys.version == TLS_1_3)
            tls_peer_say_update(&run.peer, what >> 3 & 1);
        break;
    case 5:
        buf_append(&run.peer.said, bytes, n);
        break;
    case 6:
        receive_all();
        send_all(data, m);
        break;
    default:
        if (run.peer.said.len)
            run.peer.said.data[(what * 3 + n) % run.peer.said.len] ^= 1;
    }
}

static void pass_input(void)
{
    buf_append(&run.in, run.peer.said.data, run.peer.said.len);
    buf_clear(&run.peer.said);
    receive_all();
    flush_all();
}

static void begin(const uint8_t *data, bool pieces)
{
    struct tls_keys keys = tls_peer_keys(data[0] & 4 ? TLS_1_3 : TLS_1_2,
                                         (enum tls_suite)((data[0] & 3) % TLS_SUITES));
    struct link inner = {.ops = &inner_ops};
    memset(&run, 0, sizeof(run));
    run.pieces = pieces;
    run.random = data[0];
    run.loop.settings = &settings;
    run.conn.loop = &run.loop;
    run.end = ERR_AGAIN;
    tls_peer_init(&run.peer, &keys);
    REQUIRE(tls_link_create(inner, &keys, &run.conn.link) == ERR_OK);
}

static void end(void)
{
    struct link *l = &run.conn.link;
    flush_all();
    REQUIRE(run.end != ERR_AGAIN || run.in_at == run.in.len);
    l->ops->close(l, l, &run.loop);
    REQUIRE(!run.loop.awaited && !run.loop.to_flush);
    tls_peer_hear(&run.peer, run.out.data, run.out.len);
    REQUIRE(run.peer.heard.len == run.sent.len);
    REQUIRE(!run.sent.len || memcmp(run.peer.heard.data, run.sent.data, run.sent.len) == 0);
    tls_peer_finish(&run.peer);
    buf_finish(&run.in);
    buf_finish(&run.out);
    buf_finish(&run.sent);
}

static void do_all(const uint8_t *data, size_t size, bool pieces)
{
    begin(data, pieces);
    for (size_t at = 1; size - at > 2;) {
        size_t left = size - at - 2, n = data[at + 1] < left ? data[at + 1] : left;
        happen(data[at], data + at + 2, n);
        if (!(data[at] & 0x40))
            pass_input();
        at += 2 + n;
    }
    pass_input();
    end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    do_all(data, size, false);
    struct buf whole = run.got;
    enum err why = run.end;
    do_all(data, size, true);
    REQUIRE(run.end == why);
    REQUIRE(run.got.len == whole.len);
    REQUIRE(!whole.len || memcmp(run.got.data, whole.data, whole.len) == 0);
    buf_finish(&whole);
    buf_finish(&run.got);
    return 0;
}
