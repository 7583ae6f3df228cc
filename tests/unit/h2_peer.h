/*
 * The client of HTTP/2 in tests: nghttp2's own, which frames what a test asks and understands what
 * the hub answers; and frames by hand, for what no client sends.
 */
#ifndef TESTS_UNIT_H2_PEER_H
#define TESTS_UNIT_H2_PEER_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { H2_PEER_STREAMS = 300 };

/* What came on a stream. */
struct h2_heard {
    unsigned status; /* the last one; 0 = none yet */
    struct buf head; /* lines "name: value\n" of the last one, with a zero behind them */
    struct buf body; /* with a zero behind it */
    bool ended;      /* in order */
    bool reset;
    uint32_t code; /* of RST_STREAM */
};

struct h2_peer {
    nghttp2_session *session;
    struct buf said;    /* what it wants to send: the test takes it */
    bool holds_windows; /* windows are not opened for what comes */
    bool gone;          /* GOAWAY came, */
    uint32_t code;      /* with this */
    int32_t last;       /* and this stream */
    unsigned goaways, pings, resets;
    size_t data_frames;
    struct h2_heard streams[H2_PEER_STREAMS]; /* number N is streams[N / 2] */
};

/* With the preface and SETTINGS, of which COUNT are in SETTINGS. */
void h2_peer_init(struct h2_peer *p, const nghttp2_settings_entry *settings, size_t count);
void h2_peer_finish(struct h2_peer *p);
/* N bytes came. */
void h2_peer_hear(struct h2_peer *p, const void *data, size_t n);
/* Asks; FIELDS are lines "name: value\n", pseudo-fields but for :method and :path, which are given
 * a default, too. BODY NULL: none; then ENDS says whether that is all. Returns the stream's number.
 */
int32_t h2_peer_ask(struct h2_peer *p, const char *method, const char *path, const char *fields,
                    const char *body, bool ends);
/* More of what it sends. */
void h2_peer_say(struct h2_peer *p, int32_t id, const void *data, size_t n, bool ends);
/* What is to be sent goes to `said`. */
void h2_peer_send(struct h2_peer *p);
struct h2_heard *h2_peer_stream(struct h2_peer *p, int32_t id);

/* --- by hand --- */

/* Appends a frame to OUT. */
void h2_frame(struct buf *out, unsigned type, unsigned flags, uint32_t id, const void *payload,
              size_t n);
/* Appends a field as HPACK has it without tables and without Huffman's code. */
void h2_field(struct buf *out, const char *name, const char *value);
/* The four of a GET of PATH. */
void h2_get_fields(struct buf *out, const char *path);

#endif
