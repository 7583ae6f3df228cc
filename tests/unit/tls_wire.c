/*
 * TLS 1.2 and 1.3 by chance, any suite; between what the client says there may be whatever brings
 * no data: empty records, padding, KeyUpdates.
 */
#include <check.h>

#include "net/tls/tls_link.h"
#include "tests/unit/random.h"
#include "tests/unit/tls_peer.h"
#include "tests/unit/wire.h"

enum { PIECE_MAX = 16384, PADDING_MAX = 100 };

static struct tls_peer peer;
static size_t heard; /* of what came to the client */

struct link wire_begin(struct roaming *r)
{
    struct link l = roaming_link(r);
    struct tls_keys keys = tls_peer_keys(random_below(2) ? TLS_1_2 : TLS_1_3,
                                         (enum tls_suite)random_below(TLS_SUITES));
    tls_peer_init(&peer, &keys);
    heard = 0;
    ck_assert_int_eq(tls_link_create(l, &keys, &l), ERR_OK);
    return l;
}

void wire_end(struct roaming *r)
{
    (void)r;
    tls_peer_finish(&peer);
}

static void send_said(struct roaming *r)
{
    roaming_say(r, peer.said.data, peer.said.len);
    buf_clear(&peer.said);
}

static void say_no_data(void)
{
    if (random_below(3) == 0)
        tls_peer_say_data(&peer, NULL, 0);
    if (random_below(3) == 0 && peer.keys.version == TLS_1_3)
        tls_peer_say_update(&peer, random_below(2));
}

struct conn *wire_carrier(struct conn *c)
{
    return c;
}

void wire_leave(void)
{
}

bool wire_has_ended(struct roaming *r)
{
    return r->shut;
}

const bool wire_is_watched = true;

void wire_say(struct roaming *r, const void *data, size_t n)
{
    const char *at = data;
    say_no_data();
    while (n) {
        size_t m = 1 + random_below((uint32_t)(n < PIECE_MAX ? n : PIECE_MAX));
        m = random_below(2) ? m : n < PIECE_MAX ? n : PIECE_MAX;
        size_t room = PIECE_MAX - m < PADDING_MAX ? PIECE_MAX - m : PADDING_MAX;
        tls_peer_say(&peer, TLS_TYPE_DATA, at, m, random_below((uint32_t)room + 1));
        at += m;
        n -= m;
    }
    send_said(r);
}

void wire_say_end(struct roaming *r)
{
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_close_notify);
    send_said(r);
}

const struct buf *wire_heard(struct roaming *r)
{
    tls_peer_hear(&peer, r->out.data + heard, r->out.len - heard);
    heard = r->out.len;
    return &peer.heard;
}
