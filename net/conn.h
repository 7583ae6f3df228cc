/*
 * One connection: its link (link.h), what waits to be written, and the protocol that it speaks now.
 *
 * A connection lives and dies on one worker. Protocols are modules behind `struct protocol`;
 * an HTTP connection that becomes an event stream or a WebSocket changes its protocol.
 *
 * Output has two kinds. Replies and control blocks are appended to a small buffer (conn_write) and
 * leave at the end of the loop turn in one write. Messages are never queued: conn_push writes
 * shared bytes at once, or says how much the link took. A message cut in its middle leaves its
 * rest behind (conn_keep_rest), which goes out before anything else.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/client.h"
#include "net/link.h"
#include "net/transport.h"
#include "net/wheel.h"

struct awaiting;
struct blob;
struct conn;
struct description;
struct ip_port;
struct loop;
struct output;
struct peer;
struct peer_load;
struct publish;

/* Why connections end: name, whether it is an error worth a log line at debug level, text. */
#define CLOSE_TABLE(X)                                                                             \
    X(CLOSE_PEER, false, "closed by the peer")                                                     \
    X(CLOSE_DONE, false, "the exchange is complete")                                               \
    X(CLOSE_RESET, false, "connection lost")                                                       \
    X(CLOSE_SHUTDOWN, false, "the hub is stopping")                                                \
    X(CLOSE_KICKED, false, "ended by the administrator")                                           \
    X(CLOSE_IDLE, false, "idle too long")                                                          \
    X(CLOSE_HEAD_TIMEOUT, true, "request not complete in time")                                    \
    X(CLOSE_WRITE_TIMEOUT, true, "the peer does not read")                                         \
    X(CLOSE_PROXY, true, "no valid PROXY header, or not from a trusted proxy")                     \
    X(CLOSE_CLIENT, false, "its client has as many connections as it may")                         \
    X(CLOSE_TLS_TIMEOUT, true, "TLS handshake not complete in time")                               \
    X(CLOSE_TLS_CROWDED, true, "its place was needed for another TLS handshake")                   \
    X(CLOSE_PROTOCOL, true, "the peer broke the protocol")                                         \
    X(CLOSE_RECORDS, true, "the peer broke the rules of TLS")                                      \
    X(CLOSE_HALF_RECORD, true, "a TLS record not complete in time")                                \
    X(CLOSE_OVERFLOW, true, "too much unread output")                                              \
    X(CLOSE_GAP, false, "cannot be continued without a gap")                                       \
    X(CLOSE_LAG, false, "too far behind")                                                          \
    X(CLOSE_MEMORY, true, "held too much while hub.peer_bytes was used up")                        \
    X(CLOSE_NOMEM, true, "out of memory")                                                          \
    X(CLOSE_UNANSWERED, true, "the log did not answer in time")                                    \
    X(CLOSE_LOG, true, "the log cannot be read")

enum close_reason {
#define CLOSE_ENUM(name, error, text) name,
    CLOSE_TABLE(CLOSE_ENUM)
#undef CLOSE_ENUM
        CLOSE_REASONS
};

/* What ties somebody else's object to a connection for as long as that lasts; embedded in it. */
struct bond {
    /* The connection ends: C forgets B, which may free itself. */
    void (*end)(struct conn *c, struct bond *b);
};

/* What happens to the rights of a connection while it lasts. */
enum rights_event {
    RIGHTS_SOON,    /* they end in a minute, unless they are renewed */
    RIGHTS_EXPIRED, /* they have ended */
    RIGHTS_REVOKED, /* they were taken away */
    RIGHTS_CHANGED, /* what it does is to be judged again */
};

struct protocol {
    const char *name;
    /* As whose its connections count; NULL: nobody's, conn_count_as follows. */
    const struct transport *transport;
    /* N bytes arrived (or lay waiting, after conn_resume; then N may
     * be 0). Returns how many are done with; the rest
     * is kept and given again together with more. Bytes may be changed in place. */
    size_t (*input)(struct conn *c, char *data, size_t n);
    /* The peer will send no more; the default (NULL) ends the connection behind what is written. */
    void (*input_ended)(struct conn *c);
    /* All output has left: messages may be pushed. May be NULL. */
    void (*drained)(struct conn *c);
    /* Messages may not be pushed any more; told once after conn_watch_busy, for whom it is. */
    void (*busy)(struct conn *c);
    /* The turn ends: writes what it has gathered (of many others, in loop_flush_later). NULL: it
     * gathers nothing. */
    void (*gathered)(struct conn *c);
    /* The deadline set with conn_set_deadline has come. */
    void (*timeout)(struct conn *c);
    /* Once, when the connection ends or changes its protocol: drop c->state and all subscriptions.
     */
    void (*finish)(struct conn *c);
    /* The hub is stopping: say good-bye and conn_finish_after_output, or conn_close. NULL closes.
     */
    void (*shutdown)(struct conn *c);
    /* The administrator ends it: the same. */
    void (*kicked)(struct conn *c);
    void (*describe)(struct conn *c, struct description *d);
    /* Leaves the bond as it is. NULL: it does nothing for longer than a request takes that was
     * judged. */
    void (*rights)(struct conn *c, enum rights_event e);
    /* A publish of this connection (worker_publish) came back; P is freed by the caller. */
    void (*answered)(struct conn *c, struct publish *p);
    /* Bytes that it holds for the peer besides the connection's buffers; NULL = hardly any. */
    size_t (*held)(const struct conn *c);
    /* It holds too much (holding.h): gives that back, says so if there is a way to, and ends. NULL
     * closes. */
    void (*refuse)(struct conn *c);
};

/* How long a connection that is about to end waits for the answers that are under way; ms. */
enum { CONN_FAREWELL_MS = 4000 };

enum conn_state {
    CONN_OPEN,
    CONN_ENDING, /* ends when its output has left; reads nothing more */
    /* Our side is closed; what the peer still sends is read and dropped for a moment, so that the
     * reset which unread input causes does not overtake the answer (RFC 9112 section 9.6). */
    CONN_LINGERING,
    CONN_CLOSED, /* its link is about to be closed; freed at the end of the turn or with the last
                    hold */
};

/* What came and could not be used yet. */
struct kept_input {
    struct buf text;
    size_t used; /* bytes at its beginning that have been, less than half of them */
};

struct conn {
    struct loop *loop;
    const struct protocol *protocol;
    void *state; /* the protocol's */
    /* Mostly it has neither. Both: the peer has the bond. */
    union {
        struct bond *bond; /* what is tied to it (conn_bond) */
        struct peer *peer; /* `has_peer`: who is at the other end (conn_peer) */
    };
    struct peer_load *load;  /* it holds more than its floor (holding.h); NULL = it does not */
    struct wheel_item wheel; /* c->wheel is in the loop's wheel while the connection is open */
    struct conn *turn_next;  /* list of those with something to do at the end of this turn */
    struct kept_input *in;   /* input not used yet; NULL = none */
    struct output *output;   /* what waits to be written; NULL = nothing */
    struct link link;        /* what carries its bytes; none once it is closed */
    uint32_t id;             /* unique in the hub together with the worker: see conn_number */
    uint32_t holds;          /* publishes under way and the like */
    /* Monotonic seconds of accept; of the last output that moved (what a fan-out wrote whole is not
     * noted), or of when the link was full. */
    uint32_t since_s, progress_s;
    struct client_use client; /* whose quota it uses, and what of it */
    uint8_t counted_as : 4;   /* number of a transport */
    bool has_peer : 1;        /* that it is, not a bond */
    uint8_t state_bits : 7;   /* enum conn_state, one writer: set_state() */
    bool tells_busy : 1;      /* the protocol is to be told when it becomes busy */
    uint8_t watched : 2;      /* READY_*; one writer: watch() */
    bool yielded : 1;         /* in the loop's backlog: reads nothing until it goes on */
    uint8_t level : 2;        /* how much it asked for of late: see rise(); 0 = little */
    uint8_t level_at : 3;     /* when that was last too much; see now_at() */
    bool local : 1;           /* over the local socket */
    bool trusted : 1;         /* loopback or local: everything is allowed (peer.h) */
    bool reading : 1;         /* wants input */
    bool input_over : 1;      /* the peer sends no more */
    bool blocked : 1;         /* the link is full */
    bool in_turn : 1;         /* in the loop's turn list */
    bool resumed : 1;         /* input() is to be called again even without new bytes */
    bool awaits_room : 1;     /* in the worker's list of paused publishers */
};

/* Takes LINK (closed on failure). LOCAL: it came over the local socket. ERR_NOMEM. */
MUST_CHECK enum err conn_create(struct loop *l, struct link link, bool local, bool trusted,
                                const struct protocol *p, struct conn **ret);
static inline struct conn *conn_of_link(struct link *l)
{
    return (struct conn *)((char *)l - offsetof(struct conn, link));
}
/* What is tied to it; NULL: nothing. */
struct bond *conn_bond(const struct conn *c);
/* B is, from now on; NULL: nothing is any more. */
void conn_set_bond(struct conn *c, struct bond *b);
/* Its bytes go through LINK (taken) from now on, which wraps the one that it had, and may have read
 * some of it. */
void conn_set_link(struct conn *c, struct link link);
/* Who is behind a trusted proxy, or has shown a certificate; NULL: neither. */
struct peer *conn_peer(const struct conn *c);
/* C, which has none, has P (taken). */
void conn_set_peer(struct conn *c, struct peer *p);
/* Its peer has shown a client certificate of SUBJECT; "": none. ERR_NOMEM. */
MUST_CHECK enum err conn_set_subject(struct conn *c, const char *subject);
/* That subject; "": none. */
const char *conn_subject(const struct conn *c);
/* A trusted proxy is at the other end, whose clients come and go. */
bool conn_is_proxied(const struct conn *c);
/* C, which has no peer yet, was accepted from FROM: gives it one if that is a trusted proxy.
 * ERR_ACCESS: it is none; ERR_NOMEM. */
MUST_CHECK enum err conn_accepted(struct conn *c, const struct ip_port *from);
/* C, which has no peer yet, comes by way of BY: its peer is the same. ERR_NOMEM. */
MUST_CHECK enum err conn_comes_by(struct conn *c, const struct conn *by);
/* Ends the connection at once. Anywhere, twice, inside callbacks; the object goes when the turn
 * ends and nobody holds it. */
void conn_close(struct conn *c, enum close_reason why);
/* Ends it for the administrator, behind the answers that are under way. */
void conn_kick(struct conn *c);
/* Reads no more and ends when what is to be written has left. */
void conn_finish_after_output(struct conn *c);
bool conn_is_open(const struct conn *c);
enum conn_state conn_state(const struct conn *c);
/* Keeps the memory of C until conn_release, whatever happens to the connection. */
void conn_hold(struct conn *c);
void conn_release(struct conn *c);
/* Changes the protocol: finishes the old one, keeps unread input for the new one. */
void conn_set_protocol(struct conn *c, const struct protocol *p, void *state);

/* Counts C as one of T in the figures by transport, which are the protocol's at first. */
void conn_count_as(struct conn *c, const struct transport *t);

/* Appends a reply; it leaves at the end of the turn. */
void conn_write(struct conn *c, const void *data, size_t n);
/* The same for what stands in B from AT on, which is not copied if nothing waits before it; takes
 * what B has. */
void conn_give(struct conn *c, struct buf *b, size_t at);
/* Where to append a reply directly; NULL when out of memory (the connection is closed then) or when
 * our side is closed already. */
struct buf *conn_out(struct conn *c);
/* Replies wait because the peer reads too slowly: take no more commands. When enough of them have
 * left, input goes on by itself as after conn_resume. */
bool conn_is_congested(const struct conn *c);
/* The link is full, output is still to be written, or the connection is ending: no messages. */
bool conn_is_busy(const struct conn *c);
/* The link is full, and the peer has read nothing for http.write_timeout. */
bool conn_is_stuck(const struct conn *c);
/* Tries to write the replies now instead of at the end of the turn. */
void conn_flush(struct conn *c);
/* Writes message bytes now; nothing else may wait (not conn_is_busy). Returns how many the link
 * took; fewer than N: the connection is blocked (drained() follows) or closed. */
size_t conn_push(struct conn *c, const void *data, size_t n);
/* A fan-out wrote to conn_fan_fd, and was cut behind N bytes: as after a conn_push that was. */
void conn_fan_cut(struct conn *c, size_t n, enum err why);
/* What a fan-out to conn_fan_fd may write of what waits, in one piece, of which conn_fan_wrote or
 * conn_fan_output_cut is told; NULL: nothing, or C writes by itself (conn_flush). */
const char *conn_fan_output(const struct conn *c, size_t *ret_len);
void conn_fan_wrote(struct conn *c, size_t n);
void conn_fan_output_cut(struct conn *c, size_t n, enum err why);
/* What is written by C at once would go together with that of others when the turn ends. */
bool conn_writes_together(const struct conn *c);
/* C, which is not busy, has the protocol's busy() called when it becomes so. */
void conn_watch_busy(struct conn *c);
/* After a conn_push that ended inside a message: the message's bytes (a reference is taken), where
 * in them it goes on, and how many at their end are not for the peer, less than 16. */
void conn_keep_rest(struct conn *c, struct blob *b, uint32_t at, unsigned tail);

/* Bytes that C makes the hub hold and that nobody shares. */
size_t conn_held(const struct conn *c);
/* Its memory is needed: gives up what is half read, says so if the peer reads, and ends. Not from
 * callbacks of C. */
void conn_refuse(struct conn *c);
/* Puts C on the list of those looked at when the turn ends. */
void conn_touch(struct conn *c);
/* Whether C is read from may have changed. */
void conn_look_again(struct conn *c);

/* Stops and restarts input. After conn_resume waiting input is given to the protocol again at the
 * end of the turn. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Whether the protocol may go on with its input: its slice of work (budget.h) is not used up. If it
 * is, what is left is given to it again when it gets another one, and nothing is read until then.
 */
bool conn_may_go_on(struct conn *c);
/* Lets others have their turn before input() is called again. */
void conn_yield(struct conn *c);
/* How much what is to be done may be: who needs more is behind who needs less. */
enum conn_need {
    CONN_NEEDS_LITTLE, /* is done at once */
    CONN_NEEDS_SOME,
    CONN_NEEDS_MORE,
    CONN_NEEDS_MUCH,
};
void conn_yield_for(struct conn *c, enum conn_need need);
/* Whether it goes on with a whole slice, behind all who ask for little: what may be much work is
 * for then. Over the local socket always. */
bool conn_has_whole_slice(const struct conn *c);
/* When timeout() is to be called, monotonic ms (loop_now); WHEEL_NEVER for not at all. */
void conn_set_deadline(struct conn *c, uint64_t at_ms);
/* Such times for what comes each INTERVAL_MS: the first, which for one of many who come together is
 * earlier, so that theirs are spread over the interval; and for timeout(), which it has called: the
 * next one. */
uint64_t conn_first_beat(const struct conn *c, uint64_t interval_ms);
uint64_t conn_next_beat(const struct conn *c, uint64_t interval_ms);
/* One for what ends in WAIT_MS; for one of many who come together up to an eighth of it earlier. */
uint64_t conn_spread_end(const struct conn *c, uint64_t wait_ms);
/* It can be read or written (READY_*). Worker only. */
void conn_ready(struct conn *c, unsigned what);
/* It has yielded, and goes on. Worker only. */
void conn_go_on(struct conn *c);
/* Its deadline has come: what lies in its socket is read first, and if that does not change the
 * deadline, timeout() is called. Worker only. */
void conn_deadline(struct conn *c);
/* What A's link awaits has not come in time: what lies in its socket is read first, and if that
 * does not bring it, C ends. Worker only. */
void conn_awaited(struct conn *c, struct awaiting *a);
/* At the end of the turn. False: it has ended, and may have been freed. Worker only, which counts
 * what it holds behind that and behind conn_ready (holding_settle). */
bool conn_end_turn(struct conn *c);
/* Has its protocol and its link let go what they have gathered. Worker only. */
void conn_let_go(struct conn *c);
/* The number that HUB CLIENTS and HUB KICK use. */
uint64_t conn_number(const struct conn *c);
/* "127.0.0.1:4711", "[::1]:4711" or "unix"; of a client behind a trusted proxy its own address,
 * which may be without a port. SIZE at least 64. */
void conn_address(const struct conn *c, char *out, size_t size);
/* The end of the hub: the address that the peer connected to, or "unix". SIZE at least 64. */
void conn_local_address(const struct conn *c, char *out, size_t size);
/* A descriptor to which a fan-out may write past conn_push, -1: there is none, conn_push it is.
 * Only to be handed back to net/. */
static inline int conn_fan_fd(const struct conn *c)
{
    return link_fan_fd(&c->link);
}
/* Output waits, or may be about to: conn_out was called and nothing written since. */
static inline bool conn_has_output(const struct conn *c)
{
    return c->output != NULL;
}
/* Bytes of input that wait. */
size_t conn_unread(const struct conn *c);
/* Bytes of output that have not left, the rest of a message included. */
size_t conn_unsent(const struct conn *c);
/* Of which message a rest waits; NULL = of none. */
const struct blob *conn_rest(const struct conn *c);

#endif
