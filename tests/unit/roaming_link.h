/*
 * A link without a socket that does by chance whatever a link may do (net/link.h): it takes any
 * number of bytes, tells short sends at once or keeps what does not leave until a flush, is full at
 * will, gives its input in pieces, and is lost where the test says.
 */
#ifndef TESTS_UNIT_ROAMING_LINK_H
#define TESTS_UNIT_ROAMING_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/link.h"

enum roaming_manner {
    ROAMING_WHOLE,   /* takes and gives everything at once */
    ROAMING_SHORT,   /* takes a part, and says so */
    ROAMING_GATHERS, /* takes all that it has room for; in flush it finds out what leaves */
    ROAMING_MANNERS,
};

/* The test's: the connection has the link, which ends with it; what it was told stays to be read.
 */
struct roaming {
    enum roaming_manner manner;
    struct loop *loop;
    struct gathering gathering;
    struct buf in;            /* what the peer has said */
    size_t received;          /* of it, by the hub */
    bool by_bytes;            /* input comes in pieces of one */
    size_t split_at;          /* no piece of input goes across this place */
    struct buf gathered;      /* taken, and not left */
    size_t room;              /* how much may be */
    struct buf out;           /* what has come to the peer */
    size_t lost_in, lost_out; /* it is lost when so much was received, or has come to the peer */
    unsigned full;            /* for how many looks it takes nothing */
    unsigned wanted;          /* READY_* */
    unsigned watches_left;    /* so many changes of that succeed */
    bool input_over;          /* the peer says no more */
    bool lost, shut, closed;
    unsigned shorts, flushes; /* how often it took less than all, or let go not all */
};

/* In place, for connections of LOOP. */
void roaming_init(struct roaming *r, enum roaming_manner m, struct loop *loop);
void roaming_finish(struct roaming *r);
/* R stays where it is until its connection has ended. */
struct link roaming_link(struct roaming *r);
void roaming_say(struct roaming *r, const void *data, size_t n);
/* It is lost once the hub has received IN bytes, or OUT have come to the peer. */
void roaming_lose_at(struct roaming *r, size_t in, size_t out);
/* Something will be told, now or later, as things stand. */
bool roaming_has_news(const struct roaming *r);
/* What is told now (READY_*): may be nothing though there is news. */
unsigned roaming_look(struct roaming *r);

#endif
