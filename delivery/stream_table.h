/*
 * The streams of one worker that can be found by the numbers of their connections: those whose
 * topics others may change.
 */
#ifndef DELIVERY_STREAM_TABLE_H
#define DELIVERY_STREAM_TABLE_H

#include <stdint.h>

#include "delivery/stream.h"

struct stream_table;

/* A stream with its place in the table; embedded, first, in what the protocol keeps of it. */
struct listed_stream {
    struct stream stream;
    struct listed_stream *next; /* chain of the table */
};

/* NULL when out of memory. */
struct stream_table *stream_table_create(void);
/* All streams must have been removed; NULL is accepted. */
void stream_table_destroy(struct stream_table *t);

/* From here on S can be found, until stream_table_remove. */
void stream_table_add(struct stream_table *t, struct listed_stream *s);
/* Fine when S is not there. */
void stream_table_remove(struct stream_table *t, struct listed_stream *s);
/* The stream of the connection with that number, NULL when it is not here. */
struct listed_stream *stream_table_find(const struct stream_table *t, uint64_t number);

#endif
