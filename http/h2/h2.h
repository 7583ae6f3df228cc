/*
 * An HTTP/2 connection (RFC 9113): the session, which is the protocol of its connection, and its
 * streams. Each stream is a connection of its own (conn.h), whose link is the stream; so whatever
 * speaks over a connection does over a stream, and whoever is above cannot tell.
 *
 *     session's conn ──state──> h2 ──streams──> h2_stream <──link── stream's conn ──state──>
 * request, ──link──> socket, TLS    └──frames──> nghttp2_session                   event stream,
 * ...
 *
 * What comes: the session's input is cut into frames (h2_cut) that nghttp2 reads; what they mean
 * for a stream is news, which is told when the input is read: inside of nghttp2 nothing is called
 * that may write. A stream's bytes lie with it until its connection takes them, and only then its
 * window is opened again: a publisher who waits stops its own stream, and no other.
 *
 * What goes: a stream's link takes what its windows allow and frames it at once; the frames of a
 * turn gather in `out`, up to H2_OUT_BYTES, and leave in one write. A stream whose window is
 * closed, or that finds no room there, is full as a socket is.
 *
 * From below: h2 (the session and its list of streams), h2_output (frames that go), h2_link (the
 * link of a stream), h2_answer (answers, streams and upgrades of exchanges), h2_request (a stream
 * while it has an exchange), h2_session (frames that come), h2_protocol (what the connection is
 * told). The codecs beside them, h2_cut, h2_calm, h2_strict, h2_head and h2_lines, know no
 * connection.
 */
#ifndef HTTP_H2_H2_H
#define HTTP_H2_H2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/h2/h2_calm.h"
#include "http/h2/h2_cut.h"
#include "http/h2/h2_head.h"
#include "http/h2/h2_stream.h"
#include "http/h2/h2_strict.h"
#include "net/conn.h"
#include "net/link.h"

enum {
    /* Of messages that gather in a turn: as much as is written at once. A message to a thousand
     * streams finds room; with less, many of them fall behind and read it again. */
    H2_OUT_BYTES = 240 << 10,
    H2_ROOM_LEAST = 256,            /* bytes: less is none, since each frame has a head */
    H2_CONGESTED_BYTES = 512 << 10, /* of frames that wait: no more are read */
};

enum h2_phase {
    H2_OPEN,
    H2_NOTICED, /* the hub stops: the client has been told to open no more streams */
    H2_LEAVING, /* no more are taken; ends with the last one */
    H2_ENDING,  /* its last frames are written; nothing is read */
};

/* What the DATA frames that are made now are made of. */
struct h2_source {
    const char *data;
    size_t left;
};

/* State of an HTTP/2 connection. */
struct h2 {
    struct conn *conn;
    nghttp2_session *frames;
    struct gathering gathering; /* for the end of the turn */
    struct buf out;             /* frames of this turn */
    struct h2_source source;
    struct h2_streams streams;
    /* Numbers of streams that wait for room in `out` or in the window of all: those that found none
     * come before those that found some. */
    struct buf starved, fed;
    struct buf news; /* numbers of streams of which there is some, */
    size_t told;     /* how many bytes of that are done with, */
    size_t looked;   /* and how many have been looked at for requests */
    struct h2_head head;
    struct h2_cut cut;
    struct h2_calm calm;
    struct h2_strict strict;
    size_t memory, memory_empty; /* bytes that nghttp2 has, and had at first */
    size_t unread;               /* of all streams */
    uint64_t head_until_ms;      /* when what is half there is too late; 0 = nothing is */
    uint8_t phase;               /* enum h2_phase */
    bool greeted;                /* its first frame was there */
    /* The answer to the PING behind the notice that the hub stops has come: no request that was
     * sent before that is on its way any more. */
    bool pinged;
    bool unquiet;     /* too many streams had to be reset */
    bool resized;     /* SETTINGS have changed windows, and what follows has not left */
    bool overflown;   /* they made a window too large */
    bool status_only; /* came by a listener for figures and readiness */
    bool reading;     /* its input is being read: news is told behind that */
    bool windows;     /* all windows may have been opened, */
    bool window;      /* and that of all together */
};

static inline struct h2 *h2_of(const struct conn *c)
{
    return (struct h2 *)c->state;
}

/* --- its streams --- */

/* S has ended: gives back what it has. */
void h2_remove(struct h2_stream *s);
/* There is news of S, which is told soon. */
void h2_note(struct h2_stream *s);
/* The same of all whose windows are closed, which may have been opened. */
void h2_note_closed(struct h2 *h);
/* S, whose own window is open, finds no room for all that it has to send, and TOOK what there was:
 * behind those who took nothing it is told when there is some again. */
void h2_wait_for_room(struct h2_stream *s, bool took);
/* The same of those that wait for room, since there is some. */
void h2_note_waiting(struct h2 *h);
static inline bool h2_has_waiting(const struct h2 *h)
{
    return h->starved.len || h->fed.len;
}
static inline bool h2_has_news(const struct h2 *h)
{
    return h->news.len > 0;
}
/* The next one of which there is news; NULL: of none any more. */
struct h2_stream *h2_take_news(struct h2 *h);
/* The next one of which there is news that nobody has looked at; stays to be taken. NULL: none. */
struct h2_stream *h2_peek_news(struct h2 *h);
/* How many may be looked at, the ones that have ended among them. */
static inline size_t h2_fresh_news(const struct h2 *h)
{
    return (h->news.len - (h->looked > h->told ? h->looked : h->told)) / sizeof(int32_t);
}
/* nghttp2 has no such stream any more: its connection ends. */
void h2_stream_closed(struct h2_stream *s);
/* The stream that carries C. */
static inline struct h2_stream *h2_stream_of(const struct conn *c)
{
    return (struct h2_stream *)c->link.at.state;
}

/* --- how much waits --- */

/* Bytes of frames that have not left. */
size_t h2_unsent(const struct h2 *h);
static inline bool h2_is_congested(const struct h2 *h)
{
    return h2_unsent(h) > H2_CONGESTED_BYTES;
}

#endif
