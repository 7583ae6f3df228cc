/*
 * Links: where the bytes of a connection go and come from.
 *
 * A connection (conn.h) has one and does not know which: a plain socket (socket.h) is the first
 * member of the family. Whoever is above reads and writes through the connection only; a link that
 * takes nothing now is to it what a full socket is.
 *
 * Who owns bytes: what send() has taken is the link's own (in the kernel, copied, sealed or
 * framed); it keeps no pointer into what it was given. What it has not taken stays with the
 * connection, which offers it again. A link may gather what it took until the turn ends: it puts
 * itself on the loop's list (loop_flush_later), and flush() is where it finds out how much really
 * leaves. What does not leave, it keeps: nobody above is told but that it takes no more for now.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ip_port;
struct link_ops;
struct loop;

/* A value, which its connection keeps: links are told by its address. */
struct link {
    const struct link_ops *ops;
    union {
        int fd;      /* of a plain socket */
        void *state; /* of any other: its own */
    } at;
};

/* The place of a link that has gathered something on its loop's list; a part of what is its own. */
struct gathering {
    struct link *link;
    struct gathering *next, *prev; /* utlist; prev NULL = not there */
};

/* The place of a link whose peer has begun something that means nothing before it is whole, on its
 * loop's list (loop_await); the same. */
struct awaiting {
    struct link *link;
    uint64_t due_ms;              /* when it has to be whole, monotonic */
    struct awaiting *next, *prev; /* utlist; prev NULL = not there */
};

/* How many bytes went, and why not more. */
struct link_io {
    size_t n;
    enum err err;
};

/* What may be NULL says so. Every function is called on the loop's thread. */
struct link_ops {
    /* Takes what it can of N bytes, at least 1. ERR_OK: all of them; ERR_AGAIN: it is full now,
     * even if it has taken all, and tells READY_WRITE when it is not, if that is wanted;
     * ERR_CLOSED: it is lost; ERR_TIMEOUT: so it is, since the peer took nothing for too long. */
    struct link_io (*send)(struct link *l, const void *data, size_t n);
    /* Reads N bytes at most. None with ERR_AGAIN: nothing is there now; with ERR_OK: the peer sends
     * no more; with ERR_CLOSED, ERR_TIMEOUT: it is lost; with ERR_INVALID: the peer has broken the
     * link's rules and is being told so, and what comes from now on is to be dropped. */
    struct link_io (*receive)(struct link *l, void *data, size_t n);
    /* receive() has something to tell that no readiness does. NULL: never. */
    bool (*has_input)(const struct link *l);
    /* Would take a byte now. NULL: try it. */
    bool (*is_ready)(const struct link *l);
    /* Has WANTED (READY_*) told from now on (conn_ready) instead of WAS, as long as it is so, to
     * the connection whose link TOLD is: L itself, or one that wraps L. ERR_NOMEM: nothing
     * changed. */
    enum err (*want)(struct link *l, struct link *told, struct loop *loop, unsigned was,
                     unsigned wanted);
    /* Lets go what it has gathered. ERR_OK: all has left; ERR_AGAIN: some has not, and READY_WRITE
     * is told, if that is wanted, when it goes on; else as send(). Both NULL: gathers nothing. */
    enum err (*flush)(struct link *l);
    /* Bytes that it has taken and that have not left. */
    size_t (*held)(const struct link *l);
    /* Bytes of memory that what has come, and is not whole yet, takes. NULL: none. */
    size_t (*keeps)(const struct link *l);
    /* Our side ends in order, behind all that was taken and has left (not before held() is 0).
     * False: there is no such end, it is lost, or the peer's side needs no time to end, too. */
    bool (*shut)(struct link *l);
    /* Ends it, as a whole, behind what can leave at once; frees what is its own. TOLD is told no
     * more. */
    void (*close)(struct link *l, struct link *told, struct loop *loop);
    /* A descriptor to which a fan-out may write past send(); -1, or NULL: only send() will do. */
    int (*fan_fd)(const struct link *l);
    /* The address of the peer, and that of the hub which it came to. False, or NULL: it has none.
     */
    bool (*peer)(const struct link *l, struct ip_port *ret);
    bool (*here)(const struct link *l, struct ip_port *ret);
    /* Nobody between the peer and here can read or change what it carries. NULL: they can. */
    bool (*is_secure)(const struct link *l);
};

/* One that was closed: everything is refused, nothing comes. */
struct link link_none(void);
bool link_is_none(const struct link *l);

/* The functions that may be NULL. */
bool link_is_ready(const struct link *l);
bool link_has_input(const struct link *l);
size_t link_held(const struct link *l);
size_t link_keeps(const struct link *l);
int link_fan_fd(const struct link *l);
bool link_peer(const struct link *l, struct ip_port *ret);
bool link_here(const struct link *l, struct ip_port *ret);
bool link_is_secure(const struct link *l);

#endif
