/*
 * A stream of HTTP/2: a WebSocket is asked for, and its stream's link is taken from it before it
 * has said anything. The windows are as large as they can be; between what the client says there
 * may be whatever asks for nothing.
 */
#include <check.h>

#include "http/h2/h2.h"
#include "http/h2/h2_protocol.h"
#include "net/loop.h"
#include "net/turn.h"
#include "tests/unit/h2_peer.h"
#include "tests/unit/random.h"
#include "tests/unit/wire.h"

enum { WINDOW = INT32_MAX, PIECE_MAX = 16384 };

#define CONNECT ":authority: localhost\n:protocol: websocket\nsec-websocket-version: 13\n"

static const struct protocol beginning = {.name = "beginning"};

static struct h2_peer peer;
static struct conn *carrier;
static int32_t id;
static size_t heard; /* of what came to the client */

static void hear(struct roaming *r)
{
    h2_peer_hear(&peer, r->out.data + heard, r->out.len - heard);
    heard = r->out.len;
}

static void send_said(struct roaming *r)
{
    h2_peer_send(&peer);
    roaming_say(r, peer.said.data, peer.said.len);
    buf_clear(&peer.said);
}

/* Until the hub has nothing to read and nothing to say. */
static void move(struct roaming *r)
{
    struct loop *l = r->loop;
    do {
        hear(r);
        send_said(r);
        conn_ready(carrier, roaming_look(r));
        do {
            turn_end(l);
            turn_flush(l);
        } while (l->turn);
    } while (roaming_has_news(r) || r->gathered.len || peer.said.len);
    hear(r);
}

/* --- the beginning --- */

/* As none at all, but closed only when its connection is. */
static struct link_ops nothing;

static struct link take_stream(void)
{
    struct h2_stream *s = h2_streams_next(&h2_of(carrier)->streams, NULL);
    ck_assert_ptr_nonnull(s);
    struct conn *c = s->conn;
    struct link l = c->link;
    ck_assert_str_eq(c->protocol->name, "ws");
    nothing = *link_none().ops;
    c->link = (struct link){.ops = &nothing}; /* instead of the stream */
    conn_close(c, CLOSE_PEER);
    return l;
}

/* What has been said so far counts for nothing. */
static void begin_anew(struct roaming *r)
{
    r->in.len = r->received = 0;
    r->out.len = heard = 0;
    buf_clear(&h2_peer_stream(&peer, id)->body);
    r->shorts = r->flushes = 0;
}

struct link wire_begin(struct roaming *r)
{
    static const nghttp2_settings_entry windows[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
    };
    enum roaming_manner manner = r->manner;
    r->manner = ROAMING_WHOLE;
    ck_assert_int_eq(conn_create(r->loop, roaming_link(r), false, true, &beginning, &carrier),
                     ERR_OK);
    conn_hold(carrier);
    h2_adopt(carrier, false);
    h2_peer_init(&peer, windows, 1);
    nghttp2_session_set_local_window_size(peer.session, 0, 0, WINDOW);
    heard = 0;
    move(r);
    id = h2_peer_ask(&peer, "CONNECT", "/ws", CONNECT, NULL, false);
    move(r);
    struct link l = take_stream();
    turn_end(r->loop);
    begin_anew(r);
    r->manner = manner;
    return l;
}

void wire_end(struct roaming *r)
{
    (void)r;
    h2_peer_finish(&peer);
}

struct conn *wire_carrier(struct conn *c)
{
    (void)c;
    return carrier;
}

void wire_leave(void)
{
    conn_close(carrier, CLOSE_PEER);
    conn_release(carrier);
}

bool wire_has_ended(struct roaming *r)
{
    hear(r);
    return h2_peer_stream(&peer, id)->ended;
}

const bool wire_is_watched = false;

/* --- what is said and heard --- */

static void say_nothing(void)
{
    if (random_below(3) == 0)
        nghttp2_submit_ping(peer.session, 0, NULL);
    if (random_below(3) == 0)
        nghttp2_submit_settings(peer.session, 0, NULL, 0);
    h2_peer_send(&peer);
}

void wire_say(struct roaming *r, const void *data, size_t n)
{
    const char *at = data;
    say_nothing();
    while (n) {
        size_t m = 1 + random_below((uint32_t)(n < PIECE_MAX ? n : PIECE_MAX));
        m = random_below(2) ? m : n < PIECE_MAX ? n : PIECE_MAX;
        h2_peer_say(&peer, id, at, m, false);
        at += m;
        n -= m;
    }
    send_said(r);
}

void wire_say_end(struct roaming *r)
{
    h2_peer_say(&peer, id, "", 0, true);
    send_said(r);
}

const struct buf *wire_heard(struct roaming *r)
{
    hear(r);
    return &h2_peer_stream(&peer, id)->body;
}
