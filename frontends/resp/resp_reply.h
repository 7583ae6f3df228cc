/*
 * Writers of replies; each appends one whole reply, or the head of one that has parts. What RESP2
 * and RESP3 write differently takes the version; all else is the same in both.
 */
#ifndef FRONTENDS_RESP_RESP_REPLY_H
#define FRONTENDS_RESP_RESP_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* What a connection speaks: RESP2 at first, RESP3 after HELLO 3. */
enum resp_version { RESP2 = 2, RESP3 = 3 };

/* `+TEXT`. CR and LF, which would end the reply early, are written as blanks here and in errors. */
void resp_reply_simple(struct buf *out, const char *text);
/* `-TEXT`: TEXT begins with its code, as in "ERR unknown command". */
void resp_reply_error(struct buf *out, const char *text);
void resp_reply_integer(struct buf *out, int64_t n);
void resp_reply_bulk(struct buf *out, const void *data, size_t n);
/* Text for people: a verbatim string, in RESP2 a bulk string. */
void resp_reply_text(struct buf *out, enum resp_version v, const void *data, size_t n);
/* Nothing in the place of a string, and of an array: one `_` for both in RESP3. */
void resp_reply_null_bulk(struct buf *out, enum resp_version v);
void resp_reply_null_array(struct buf *out, enum resp_version v);
/* The head of an array; COUNT replies follow. */
void resp_reply_array(struct buf *out, size_t count);
/* The head of a map of COUNT names and values; in RESP2 they stand in a flat array. */
void resp_reply_map(struct buf *out, enum resp_version v, size_t count);
/* The head of a set, in RESP2 of an array. */
void resp_reply_set(struct buf *out, enum resp_version v, size_t count);
/* The head of what answers no command: a push, in RESP2 an array. */
void resp_reply_push(struct buf *out, enum resp_version v, size_t count);

#endif
