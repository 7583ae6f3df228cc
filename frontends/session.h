/*
 * Sessions: event streams whose topics are changed while they run, by POST /session/{id}.
 *
 * The request may come to another worker than the stream's. It travels there as an errand, is done
 * there between two writes of the stream, and is answered from where it came.
 */
#ifndef FRONTENDS_SESSION_H
#define FRONTENDS_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frontends/conn.h"
#include "frontends/stream.h"

struct http;
struct session_table;
struct worker;

/* An event stream; embedded, first, in what the protocol keeps of it. */
struct session {
    struct stream stream;
    struct session *next; /* chain of the worker's table */
};

/* The sessions of one worker, by the numbers of their connections. NULL when out of memory. */
struct session_table *session_table_create(void);
/* All sessions must have been removed; NULL is accepted. */
void session_table_destroy(struct session_table *t);

/* From here on S can be found, until session_remove. */
void session_add(struct session_table *t, struct session *s);
/* Fine when S is not there. */
void session_remove(struct session_table *t, struct session *s);
/* The session of the connection with that number, NULL when it is not here. */
struct session *session_find(const struct session_table *t, uint64_t number);

/* POST /session/{id} */
void session_http_head(struct conn *c, struct http *h);
void session_http_run(struct conn *c, struct http *h);

#endif
