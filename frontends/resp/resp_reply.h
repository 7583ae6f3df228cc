/* Writers of RESP2 replies; each appends one whole reply, or the head of an array. */
#ifndef FRONTENDS_RESP_RESP_REPLY_H
#define FRONTENDS_RESP_RESP_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* `+TEXT`. CR and LF, which would end the reply early, are written as blanks here and in errors. */
void resp_reply_simple(struct buf *out, const char *text);
/* `-TEXT`: TEXT begins with its code, as in "ERR unknown command". */
void resp_reply_error(struct buf *out, const char *text);
void resp_reply_integer(struct buf *out, int64_t n);
void resp_reply_bulk(struct buf *out, const void *data, size_t n);
void resp_reply_null_bulk(struct buf *out);
void resp_reply_null_array(struct buf *out);
/* The head of an array; COUNT replies follow. */
void resp_reply_array(struct buf *out, size_t count);

#endif
