/*
 * A version of HTTP without bytes: a second member of exchange_ops, over arrays. What is asked is
 * written down as it is (method, target, fields, body), what is answered is found here as it was
 * said. There is no socket and no parser: its connection has a link that keeps what it takes.
 *
 *     fake_open(&f, &desk);
 *     fake_ask(&f, "POST", "/t/a", "Content-Type: text/plain\n", "hello");
 *     desk_commit(&desk);
 *     ck_assert_uint_eq(fake_answer(&f)->status, 201);
 */
#ifndef TESTS_UNIT_FAKE_EXCHANGE_H
#define TESTS_UNIT_FAKE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/exchange.h"
#include "tests/unit/desk.h"

enum fake_kind {
    FAKE_WHOLE,
    FAKE_SHARED, /* the body is another answer's, too */
    FAKE_STREAM, /* what follows is in `sent` */
    FAKE_UPGRADE,
};

/* All with a zero behind it. */
struct fake_answer {
    enum fake_kind kind;
    unsigned status;
    struct buf lines; /* those of the exchange, the guard, and Content-Type as one of them */
    struct buf body;
    const struct blob *shared; /* FAKE_SHARED: only to be compared */
    unsigned polls;            /* connections that were counted as such when it was given */
};

enum { FAKE_ANSWERS = 16 };

struct fake {
    struct exchange exchange; /* first */
    struct desk *desk;
    struct conn *conn; /* held: to be looked at when it is closed */
    struct http_fields *fields;
    struct buf target;
    bool asked; /* a request is being answered */
    bool forgot_head;
    bool chunked; /* of the requests to come */
    bool websocket;
    const char *host; /* whom they are for, "localhost" at first; NULL: nobody is named */
    /* The publish that is under way. Instead of the hub, the test says what becomes of it: see
     * fake_publish_ends. */
    bool keeps_publishes, refuses_publishes;
    struct publish *publish;
    exchange_published_fn *published;
    uint64_t wait_ms;
    struct fake_answer answers[FAKE_ANSWERS];
    unsigned count;
    struct buf sent; /* what went by the link, behind all answers */
};

void fake_open(struct fake *f, struct desk *d);
void fake_close(struct fake *f);
/* Its connection has come by a link that nobody can look into. */
void fake_secure(struct fake *f);
/* Asks for TARGET; FIELDS are lines "Name: value\n", BODY may be NULL. */
void fake_ask(struct fake *f, const char *method, const char *target, const char *fields,
              const char *body);
/* The publish that was kept came to that end. */
void fake_publish_ends(struct fake *f, enum err result);
/* The last answer; there must be one. */
const struct fake_answer *fake_answer(const struct fake *f);
/* Whether an answer of it has that line. */
bool fake_has_line(const struct fake *f, const char *line);
bool fake_is_closed(const struct fake *f);
/* How many connections of the worker are counted as that transport. */
unsigned fake_conns(const struct fake *f, const char *name);
/* What went by the link so far, with a zero behind it. */
const char *fake_sent(struct fake *f);

#endif
