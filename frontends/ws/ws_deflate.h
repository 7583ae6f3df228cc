/*
 * What permessage-deflate does to the payload of one message (RFC 7692 section 7.2). No context is
 * taken over from one message to the next, in either direction, so that a message is compressed
 * once for all receivers and no connection keeps a compressor.
 *
 * Who negotiates it is in ws_extension.h, the frames are in ws_frame.h.
 */
#ifndef FRONTENDS_WS_WS_DEFLATE_H
#define FRONTENDS_WS_WS_DEFLATE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Of the window, as a power of two: what a peer may ask for (section 7.1.2), and what is used
 * unless it does. */
enum { WS_WINDOW_MIN = 8, WS_WINDOW_MAX = 15 };

/* How messages are compressed. */
struct ws_deflate_rule {
    size_t min_bytes; /* shorter messages stay as they are */
    int level;        /* 1 = fastest, 9 = smallest */
    int window_bits;  /* WS_WINDOW_MIN to WS_WINDOW_MAX */
};

/* Room that ws_deflate needs in OUT beyond its MAX: with so much reserved OUT does not move. */
enum { WS_DEFLATE_SPARE = 5 };

/* Appends the N bytes at DATA, compressed, if that takes at most MAX bytes. ERR_LIMIT: it does not,
 * ERR_NOMEM; then nothing was appended. */
MUST_CHECK enum err ws_deflate(const struct ws_deflate_rule *rule, const void *data, size_t n,
                               size_t max, struct buf *out);

/* Inflates one message, and takes about so many bytes for it. */
enum { WS_INFLATER_BYTES = 40 << 10 };
struct ws_inflater;

/* NULL when out of memory. */
struct ws_inflater *ws_inflater_create(void);
/* NULL is accepted. */
void ws_inflater_destroy(struct ws_inflater *z);
/* Appends what the next N bytes of the message give, until OUT has MAX bytes. ERR_LIMIT: there is
 * more, ERR_INVALID: they are not deflated data, ERR_NOMEM. After an error only destroy. */
MUST_CHECK enum err ws_inflate(struct ws_inflater *z, const void *data, size_t n, size_t max,
                               struct buf *out);
/* The message ends here. Errors as above; ERR_INVALID also when something is missing. */
MUST_CHECK enum err ws_inflate_end(struct ws_inflater *z, size_t max, struct buf *out);

#endif
