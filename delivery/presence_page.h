/*
 * Who is at a topic, as a document that is put together step by step; what GET /presence/{topic}
 * and HUB PRESENCE answer:
 *
 *     {"topic":"chat","number":1204,"cursor":"1042-3824910012","members":[...],"next":"1000"}
 *
 * `number` is that of all; all that changes behind `cursor` follows in messages of
 * _presence/{topic}. `next` is there when there are more members, and says where they begin.
 */
#ifndef DELIVERY_PRESENCE_PAGE_H
#define DELIVERY_PRESENCE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct worker;

enum {
    PRESENCE_PAGE_LIMIT = 1000,      /* members at most */
    PRESENCE_PAGE_BYTES = 256 << 10, /* it ends with the member that reaches this size */
    PRESENCE_PAGE_ROOM = 1024,       /* before it, for the head of an answer */
    PRESENCE_PAGE_STEP = 64,         /* members of one step */
};

/* All zero at first, but for: */
struct presence_page {
    const char *topic; /* a valid one; borrowed */
    size_t topic_len;
    uint64_t after; /* `next` of the page before; 0 = from the first */
    uint32_t limit; /* members */
    /* The page's own: */
    struct buf text; /* owned */
    size_t at;       /* where the document begins in it */
    bool begun;
};

/* Whether the topic has presence. */
bool presence_page_is_there(const struct worker *w, const char *topic, size_t n);
/* ERR_INVALID: TEXT is no `next`; or no limit from 1, of which more than there may be is that. */
MUST_CHECK enum err presence_page_parse_next(const char *text, size_t n, uint64_t *ret);
MUST_CHECK enum err presence_page_parse_limit(const char *text, size_t n, uint32_t *ret);
/* Adds the next members. True: the document is whole (or memory is out: text.failed). */
bool presence_page_step(struct presence_page *p, struct worker *w);
void presence_page_finish(struct presence_page *p);

#endif
