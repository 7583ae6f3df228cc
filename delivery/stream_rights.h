/* What is lost of a stream's subscriptions when the rights of its client have changed. */
#ifndef DELIVERY_STREAM_RIGHTS_H
#define DELIVERY_STREAM_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

struct stream;

/* Whether the topic or pattern FILTER (N bytes) may stay. */
typedef bool stream_may_keep(void *ctx, const char *filter, size_t n);

/* Asks for each subscription of S, joined or on its way, and takes out what may not stay, telling a
 * gap for each (GAP_DENIED): nothing of it is delivered from now on. Out of memory, its connection
 * ends. Returns whether anything is left. */
bool stream_judge(struct stream *s, stream_may_keep *may_keep, void *ctx);

#endif
