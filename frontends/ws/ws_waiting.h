/*
 * What a WebSocket keeps for itself, and what it waits with: subscriptions that take work, tokens
 * that are verified, and the token that has still to come. Sends nothing.
 */
#ifndef FRONTENDS_WS_WS_WAITING_H
#define FRONTENDS_WS_WS_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/cursor.h"
#include "delivery/stream.h"
#include "frontends/ws/ws_control.h"
#include "http/tokens.h"
#include "net/conn.h"

struct counting;
struct pending;
struct ws_reader;

/* What takes more than one turn, and comes one after the other. Nothing that came behind it is read
 * until then.
 *
 * A subscription that takes work (subscribe_need) waits for its turn, once or often; one of the URL
 * of a client that is WAITING, for its token. */
struct waiting {
    struct waiting *next;
    struct counting *counting; /* NULL = not begun */
    struct after after;
    size_t topic_len, ref_len;
    bool granted, has_quota;
    bool judging; /* it is a token that is being verified, and no subscription */
    bool silent;  /* it stands for one that has still to come: until then the phase is WAITING */
    uint32_t until_s;          /* SILENT: for how long that is waited for, monotonic s */
    struct tokens_check check; /* JUDGING */
    struct conn *conn;         /* likewise */
    char text[];               /* topic, and `ref` if there is one */
};

/*
 *   WAITING ---> OPEN ---> LEAVING ---> CLOSED
 *      for its token
 */
enum ws_phase {
    WS_OPEN,
    WS_WAITING, /* says nothing that counts before `auth` */
    WS_LEAVING, /* reads no more; its close frame waits for what is due, see is_due() */
    WS_CLOSED,  /* a close frame was sent */
};

struct ws {
    struct stream stream;
    struct ws_reader *reader; /* NULL between frames: most receive only, and are many */
    bool raw;
    bool deflate;     /* permessage-deflate was negotiated */
    bool published;   /* it has, and perhaps waits for its own messages */
    uint8_t phase;    /* enum ws_phase; one writer: set_phase() */
    uint32_t heard_s; /* monotonic seconds of the last input */
    uint32_t inflight;
    uint16_t close_code;     /* LEAVING: what the close frame will say */
    struct pending *pending; /* the last one, whose next is the first; NULL = none */
    union {
        struct waiting *waiting; /* WAITING, OPEN; NULL = none */
        const char *close_text;  /* LEAVING: a constant, or NULL */
    };
};

static inline struct ws *ws_of(struct conn *c)
{
    return c->state;
}
/* Reads what comes, or will. */
static inline bool ws_is_listening(const struct ws *ws)
{
    return ws->phase == WS_OPEN || ws->phase == WS_WAITING;
}

/* For M, or its token; NULL: out of memory, C ends. In no list yet. */
struct waiting *ws_waiting_create(struct conn *c, const struct ws_control *m);
/* What was asked for; borrowed. */
struct ws_control ws_asked(const struct waiting *waiting);
/* The first of what it waits for has come, or is given up: frees it. */
void ws_end_waiting(struct ws *ws);
/* Gives up all. */
void ws_drop_waiting(struct ws *ws);
/* What came is to be dealt with before anything else is read. */
bool ws_must_wait(const struct ws *ws);
/* Bytes that it takes. */
size_t ws_held_by_waiting(const struct ws *ws);
/* The next ping, which is due at PING_MS, or the end of waiting for a token. */
void ws_set_deadline(struct conn *c, uint64_t ping_ms);

#endif
