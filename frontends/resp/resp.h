/*
 * A connection of the local socket: what it is about, and where its replies go. The protocol
 * (resp_protocol.h) stands above this, and so do the commands.
 *
 *            inflight or output full
 *   READY <---------------------------> FULL
 *     | ^ \__ publishes before it ____> HELD
 *     | |                                | runs
 *     v | answered                       v
 *   WAITING <----------------------------+
 *
 *   any --> FAILED (protocol error), ENDING (the hub stops) --> closed, after the last answer
 */
#ifndef FRONTENDS_RESP_RESP_H
#define FRONTENDS_RESP_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "delivery/worker.h"
#include "frontends/resp/resp_reader.h"
#include "frontends/resp/resp_reply.h"
#include "net/conn.h"

struct admin;
struct resp_command;
struct resp_held;
struct resp_multi;
struct resp_subscription;
struct resp_wait;

extern struct transport resp_transport;

enum resp_state {
    RESP_READY,   /* takes commands */
    RESP_FULL,    /* takes none until publishes are answered or replies have left */
    RESP_HELD,    /* `held` waits until the publishes before it are answered */
    RESP_WAITING, /* a command waits for messages, or for other threads */
    RESP_FAILED,  /* says what the peer did wrong when the publishes are answered, and ends */
    RESP_ENDING,  /* ends when the publishes are answered */
};

struct resp {
    struct conn *conn;
    struct resp_reader reader;
    struct resp_limits limits;
    enum resp_state state;
    enum resp_version version;              /* RESP2 until HELLO 3 */
    bool publisher;                         /* has published: waits while the hub's queue is full */
    bool kicked;                            /* ends behind the command that runs */
    bool quits;                             /* what is `held` is QUIT */
    bool has_read;                          /* this input: as much as belongs into one turn */
    uint32_t inflight;                      /* publishes not answered yet */
    struct resp_held *held;                 /* RESP_HELD */
    struct resp_multi *multi;               /* since MULTI; NULL = no transaction */
    struct buf *replies;                    /* of the transaction that runs; NULL = none does */
    struct resp_wait *wait;                 /* RESP_WAITING for messages */
    const struct admin *job;                /* RESP_WAITING for other threads */
    struct resp_subscription *subscription; /* NULL when subscribed to nothing */
    const struct resp_command *last;        /* that ran; NULL = none yet */
    char *name;                             /* CLIENT SETNAME; NULL = none */
    char *lib_name, *lib_version;           /* CLIENT SETINFO; NULL = not said */
};

enum {
    /* Bytes of messages in one reply, unless it is a single one; a quarter of hub.peer_bytes if
     * that is less. */
    RESP_REPLY_MAX = 64 << 20,
};

/* Where a reply is to be appended: the connection's output, or the replies that a transaction puts
 * together. NULL as of conn_out. */
struct buf *resp_out(struct resp *r);

void resp_set_state(struct resp *r, enum resp_state s);
/* A command that ran is not answered yet: no further one is taken until resp_end_wait. A PAUSED
 * connection does not even notice that its peer is gone; fine for what is answered soon. */
void resp_begin_wait(struct resp *r, bool paused);
/* Goes on, or ends the connection when the hub is stopping or the peer was kicked. */
void resp_end_wait(struct resp *r);
/* Lets the connection end when everything has left. */
void resp_end(struct resp *r);

#endif
