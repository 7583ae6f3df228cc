/*
 * Where the frames of an HTTP/2 connection begin and end (RFC 9113 section 4.1), so that each is
 * looked at before it is read, and a turn can end between two. Pure.
 */
#ifndef HTTP_H2_H2_CUT_H
#define HTTP_H2_H2_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H2_PREFACE_BYTES = 24, /* section 3.4 */
    H2_FRAME_HEAD = 9,
};

/* "PRI * HTTP/2.0" and so on, with which a client begins. */
extern const char h2_preface[];

/* Types of frames (section 6); others are unknown. */
enum h2_type {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
};

enum h2_flag { H2_ACK = 1, H2_END_STREAM = 1, H2_END_HEADERS = 4 };

struct h2_cut {
    uint32_t left;               /* bytes of the preface or of a payload that are yet to come */
    bool begun;                  /* a frame has */
    uint8_t have;                /* bytes of `head`, while there are less than all */
    uint8_t head[H2_FRAME_HEAD]; /* of the frame that is read */
};

/* Before the preface. */
void h2_cut_init(struct h2_cut *k);
/* How many of N bytes, at least one, belong to the same piece: a head, or a payload or what is left
 * of it. *RET_BEGINS: with them a frame's head is whole. */
size_t h2_cut_next(struct h2_cut *k, const void *data, size_t n, bool *ret_begins);
/* The next bytes are a head's. */
static inline bool h2_cut_in_head(const struct h2_cut *k)
{
    return k->left == 0;
}
/* The preface, a frame, or a head that goes on in another frame is half there. DATA is not counted:
 * that is half a body. */
bool h2_cut_is_half(const struct h2_cut *k);
/* Of the frame that is read, or was read last. */
static inline unsigned h2_cut_type(const struct h2_cut *k)
{
    return k->head[3];
}
static inline unsigned h2_cut_flags(const struct h2_cut *k)
{
    return k->head[4];
}
/* Bytes of its payload. */
uint32_t h2_cut_len(const struct h2_cut *k);
/* Its stream, without the bit that is reserved. */
uint32_t h2_cut_stream(const struct h2_cut *k);

#endif
