/*
 * What the tests of frontends/ share: a worker whose thread does not run, so that the test makes
 * its turns itself, by a clock of its own, and clients that speak to it through socket pairs.
 *
 * Programs with it are linked with --wrap=now_monotonic_ms.
 */
#ifndef TESTS_UNIT_DESK_H
#define TESTS_UNIT_DESK_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "delivery/settings.h"
#include "delivery/worker.h"
#include "net/conn.h"
#include "tests/unit/broker_fixture.h"

struct desk {
    struct rig rig; /* the store and the broker, whose thread runs */
    struct hub *hub;
    struct settings *settings; /* the daemon's defaults; changed before a client connects */
    struct process process;
    struct worker *worker;
    bool roams; /* whoever connects from now on does so over a link that does what it likes */
};

/* The peer's end of a connection. */
struct client {
    struct desk *desk;
    struct conn *conn;       /* until the hub has closed it */
    int fd;                  /* -1: of a link that roams, */
    struct roaming *roaming; /* this one; else NULL */
    struct buf got;          /* everything that came, with a zero behind it */
    bool ended;              /* the hub sends no more */
};

void desk_open(struct desk *d);
void desk_close(struct desk *d);
/* What a turn begins with, for what a test does itself. */
void desk_begin_turn(struct desk *d);
/* What the end of a turn does for connections. */
void desk_end_turn(struct desk *d);
/* Whoever waits for another slice of work, the next one of them, has it in a turn of its own. */
void desk_go_on(struct desk *d);
/* Time passes, MS in all, and deadlines are kept. */
void desk_wait(struct desk *d, uint64_t ms);
/* Waits for mail (answers, steps of jobs) and takes what has come in a turn of its own. */
void desk_take_mail(struct desk *d);
/* Publishes of this turn are committed, and what came of it is brought. */
void desk_commit(struct desk *d);
/* COUNT messages of BYTES bytes each from elsewhere are committed, as one group, and brought. */
void desk_publish(struct desk *d, const char *topic, unsigned count, size_t bytes);
/* Streams that are behind are moved on until nothing more can be done for them at once. */
void desk_catch_up(struct desk *d);
uint64_t desk_count(const struct desk *d, enum counter which);

/* A connection over LINK that speaks P; it is held, to be looked at when it is closed. */
struct conn *desk_connect(struct desk *d, struct link link, bool local, const struct protocol *p);
/* Its link has told WHAT (READY_*): a turn of its own, and more if it waits for slices. */
void desk_serve(struct desk *d, struct conn *c, unsigned what);
/* Closes C, and lets go of it. */
void desk_disconnect(struct desk *d, struct conn *c);

void client_open(struct client *c, struct desk *d, bool local);
/* The same over the local socket, by the Redis protocol. */
void client_open_resp(struct client *c, struct desk *d);
/* Closes, and ends what is left of it in the hub. */
void client_close(struct client *c);
/* Sends TEXT, which the hub takes in turns of its own. */
void client_say(struct client *c, const char *text);
void client_say_bytes(struct client *c, const void *data, size_t n);
/* Sends no more; the hub notices. */
void client_half_close(struct client *c);
/* Reads what is there, and lets the hub write on; returns all since client_forget. */
const char *client_hear(struct client *c);
/* Reads as client_hear, until nothing more comes. */
const char *client_hear_all(struct client *c);
void client_forget(struct client *c);
/* Whether TEXT is in what came since client_forget. */
bool client_heard(struct client *c, const char *text);
/* How often. */
unsigned client_times(struct client *c, const char *text);
/* Whether the hub has closed, or shut down its side. */
bool client_ended(struct client *c);

#endif
