/*
 * What waits to be written to one peer: the rest of a message that was cut, then replies.
 *
 * There is one only while something waits, so that who is idle pays a pointer for it.
 */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct blob;
struct peer_memory;

struct output {
    struct buf replies;
    size_t replied; /* bytes of them already written */
    struct blob
        *rest;        /* a reference, pinned in peer_memory; goes out before replies; NULL = none */
    uint32_t rest_at; /* bytes of it already written, */
    uint32_t rest_end; /* and where it ends for the peer */
};

/* Empty; NULL: out of memory. */
struct output *output_create(void);
/* Fine with NULL. M: where the rest is pinned, as below. */
void output_destroy(struct output *o, struct peer_memory *m);
/* There is no rest yet: takes a reference of B, of which the peer gets what is from AT to END. */
void output_keep_rest(struct output *o, struct peer_memory *m, struct blob *b, uint32_t at,
                      uint32_t end);
/* Where to append replies. */
struct buf *output_room(struct output *o);
/* Takes what stands in B from AT on, behind all replies; copied only if there are some. */
void output_give(struct output *o, struct buf *b, size_t at);
/* What is to be written next: at least one byte, unless output_is_empty. Valid until O changes. */
const char *output_next(const struct output *o, size_t *ret_len);
/* N bytes of that were written. */
void output_wrote(struct output *o, struct peer_memory *m, size_t n);
bool output_is_empty(const struct output *o);
/* Bytes of replies that wait; of those and the rest. NULL is accepted by these three. */
size_t output_replies(const struct output *o);
size_t output_unsent(const struct output *o);
/* Bytes that nobody shares. */
size_t output_held(const struct output *o);

#endif
