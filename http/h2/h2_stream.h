/*
 * The streams of an HTTP/2 connection, as small as they can be: most of them are event streams that
 * are silent, and there are many. They lie in blocks, which is where a stream finds its session,
 * and never move, since the links of their connections point to them.
 */
#ifndef HTTP_H2_H2_STREAM_H
#define HTTP_H2_H2_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct conn;
struct h2;

enum { H2_BLOCK_STREAMS = 32 };

struct h2_stream {
    struct conn *conn; /* whose link it is */
    union {
        struct buf *unread; /* what came and its connection has not taken; NULL: nothing */
        uint32_t left;      /* `counted`: bytes behind which our side ends */
    };
    int32_t id;
    uint8_t place;     /* in its block */
    uint8_t wanted;    /* READY_* */
    bool counted : 1;  /* it is known how long its answer is; nothing more is read then */
    bool noted : 1;    /* there is news of it */
    bool waits : 1;    /* for room in its session */
    bool sent_all : 1; /* our side has ended */
    bool came_all : 1; /* the peer's side has ended */
    bool closed : 1;   /* nghttp2 has it no more, or not yet */
    bool tunnel : 1;   /* a WebSocket: the end of the peer's side is that of its input */
};

struct h2_block {
    struct h2 *session; /* NULL: it has ended; the block goes with the last of its streams */
    struct h2_block *next, *prev; /* utlist; those with room come first */
    uint32_t used;                /* a bit for each of those that are there */
    struct h2_stream streams[H2_BLOCK_STREAMS];
};

/* Of a session; all zero at first. */
struct h2_streams {
    struct h2_block *blocks;
    uint32_t count;
};

/* All zero but for its place, a stream of H, whose list is T. NULL: out of memory. */
struct h2_stream *h2_streams_add(struct h2_streams *t, struct h2 *h);
/* S goes. T: its session's; NULL: that has ended. */
void h2_streams_remove(struct h2_streams *t, struct h2_stream *s);
/* The session ends: its streams have none any more. */
void h2_streams_abandon(struct h2_streams *t);
/* The first one (BEFORE NULL), or the next one behind BEFORE; NULL: there is none. None goes
 * meanwhile. */
struct h2_stream *h2_streams_next(const struct h2_streams *t, const struct h2_stream *before);

/* NULL: it has ended. */
static inline struct h2 *h2_stream_session(const struct h2_stream *s)
{
    const char *first = (const char *)(s - s->place);
    return ((const struct h2_block *)(first - offsetof(struct h2_block, streams)))->session;
}

/* What came and was not taken. */
static inline struct buf *h2_stream_unread(const struct h2_stream *s)
{
    return s->counted ? NULL : s->unread;
}
/* Drops that; returns how many bytes it was. */
size_t h2_stream_drop_unread(struct h2_stream *s);
/* Whether all that the peer sends has come and was taken. */
static inline bool h2_stream_is_read(const struct h2_stream *s)
{
    return s->came_all && !h2_stream_unread(s);
}

#endif
