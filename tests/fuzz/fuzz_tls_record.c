/*
 * Records of TLS as the hub opens them. The lower bits of the first byte say the version and suite;
 * the rest is a list of records: a byte of type, one of flags (the record is damaged; how its text
 * is cut; how much padding), one of length, and the text. They are sealed with the right keys, so
 * that what is in them is looked at. What is behind DAMAGE is a record as it stands.
 */
#include <string.h>

#include "net/tls/tls_record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tls_peer.h"

enum { SECRETS_MAX = 512, DAMAGE = 0x80, RAW = 0x40, UPDATES = 0x20, LENGTH_UNIT = 0x10 };

static struct {
    struct tls_record record;
    uint8_t secrets[SECRETS_MAX];
} hub;
static struct tls_peer peer;

static uint8_t text[TLS_TEXT_MAX + 256];

/* What the hub says goes to the peer, who checks it. */
static void answer(enum tls_what what, const struct tls_opened *o)
{
    static uint8_t sealed[TLS_SEALED_MAX];
    size_t n;
    if (what == TLS_REPLIES || what == TLS_REFUSED)
        REQUIRE(tls_record_seal_alert(&hub.record, o->alert, sealed, &n) == ERR_OK);
    else
        REQUIRE(tls_record_seal(&hub.record, "answer", 6, sealed, &n) == ERR_OK);
    tls_peer_hear(&peer, sealed, n);
    REQUIRE(peer.rest.len == 0);
}

static void check(enum tls_what what, const struct tls_opened *o, const uint8_t *record, size_t n)
{
    if (what == TLS_DATA)
        REQUIRE(o->n > 0 && o->n <= TLS_TEXT_MAX && o->data > record &&
                o->data + o->n <= record + n);
    if (what == TLS_REFUSED)
        REQUIRE(strcmp(tls_alert_name(o->alert), "an unknown alert") != 0 &&
                !tls_alert_is_warning(o->alert));
    if (what == TLS_REPLIES)
        REQUIRE(o->alert == TLS_ALERT_no_renegotiation);
    REQUIRE(hub.record.idle <= TLS_IDLE_MAX + 1);
    REQUIRE(hub.record.part_len <= sizeof(hub.record.part));
}

/* The next record that the peer has said, in memory of just its size. False: it was the last. */
static bool open_next(bool answers)
{
    struct tls_opened o;
    size_t n;
    const uint8_t *said = (const uint8_t *)peer.said.data;
    if (peer.said.len < TLS_HEADER_SIZE ||
        tls_record_measure(&hub.record, said, &n) != TLS_ALERT_NONE || peer.said.len < n)
        return false;
    uint8_t *record = malloc(n);
    REQUIRE(record);
    memcpy(record, said, n);
    buf_consume(&peer.said, n);
    enum tls_what what = tls_record_open(&hub.record, record, n, &o);
    check(what, &o, record, n);
    free(record);
    if (answers || what == TLS_REPLIES || what == TLS_REFUSED)
        answer(what, &o);
    return what == TLS_DATA || what == TLS_NOTHING || what == TLS_REPLIES;
}

static size_t say(const uint8_t *data, size_t size)
{
    unsigned flags = data[1];
    size_t left = size - 3, n = data[2] < left ? data[2] : left;
    size_t len = flags & LENGTH_UNIT ? n + 64U * data[2] : n;
    memcpy(text, data + 3, n);
    if (flags & RAW)
        buf_append(&peer.said, text, n);
    else
        tls_peer_say(&peer, data[0], text, len, (flags & 7) * 9U);
    if (flags & DAMAGE && peer.said.len)
        peer.said.data[(flags * 7U + data[2]) % peer.said.len] ^= 4;
    if (flags & UPDATES && peer.keys.version == TLS_1_3)
        tls_peer_update(&peer);
    return 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct tls_keys keys = tls_peer_keys(data[0] & 4 ? TLS_1_3 : TLS_1_2,
                                         (enum tls_suite)((data[0] & 3) % TLS_SUITES));
    REQUIRE(tls_record_size(&keys) <= sizeof(hub));
    tls_record_init(&hub.record, &keys);
    tls_peer_init(&peer, &keys);
    bool more = true;
    for (size_t at = 1; more && size - at > 3;) {
        unsigned flags = data[at + 1];
        at += say(data + at, size - at);
        while (more && peer.said.len)
            more = open_next(flags & 8);
    }
    tls_record_finish(&hub.record);
    tls_peer_finish(&peer);
    return 0;
}
