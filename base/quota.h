/*
 * What clients use of what they may: how many connections and subscriptions they have, how many
 * messages and bytes they published of late. One table for all threads, so that a limit is one for
 * the hub, whichever worker serves whom.
 *
 * A client is an address, a subject or a token, known by 16 bytes. Its quota is in the table while
 * somebody holds it, and after that until its buckets are full again: nobody gets a new one by
 * coming anew. Those that nobody holds are bounded in number; the oldest go.
 *
 * Knows no limit but those that it is given, and no clock: times are monotonic, in ns.
 */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rate.h"

enum quota_kind { QUOTA_ADDRESS, QUOTA_SUB, QUOTA_TOKEN, QUOTA_KINDS };

/* The first QUOTA_COUNTED are numbers of what there is, the others are so many a second. */
enum quota_what {
    QUOTA_CONNECTIONS,
    QUOTA_SUBSCRIPTIONS,
    QUOTA_PUBLISHES,
    QUOTA_BYTES,
    QUOTA_WHATS,
    QUOTA_COUNTED = QUOTA_PUBLISHES,
};

/* Of one client; 0 = any number. */
struct quota_limits {
    uint64_t most[QUOTA_WHATS];
    uint64_t burst_ns; /* publishes and bytes that come in this time may come at once */
};

/* 16 bytes, and what they are. */
struct quota_key {
    uint8_t id[16];
    enum quota_kind kind;
};

struct quota_table;

/* Of one client. The fields are the table's. */
struct quota {
    struct quota *chain;
    struct quota *next, *prev; /* in the list of those that nobody holds (utlist) */
    struct quota_key key;
    uint32_t refs;
    _Atomic uint32_t counts[QUOTA_COUNTED];
    struct rate rates[QUOTA_WHATS - QUOTA_COUNTED];
};

/* Which limit is in the way. */
struct quota_over {
    enum quota_what what;
    uint64_t limit;
    uint64_t wait_ns; /* until there is room again; 0: nobody knows, or there never is for as many
                         at once */
};

/* That nobody holds, the oldest go beyond. */
enum { QUOTA_UNHELD_MAX = 65536 };

/* SEED: at random, so that nobody can choose who shares a chain. NULL when out of memory. */
struct quota_table *quota_table_create(uint64_t seed);
/* Nothing is held any more; NULL is accepted. */
void quota_table_destroy(struct quota_table *t);
/* Forgets those that nobody holds and whose buckets are full. */
void quota_table_sweep(struct quota_table *t, uint64_t now_ns);
/* How many there are; NULL is accepted. */
size_t quota_table_count(struct quota_table *t);
/* What stands for N bytes of TEXT. */
struct quota_key quota_key_of(const struct quota_table *t, enum quota_kind kind, const void *text,
                              size_t n);

/* The quota of KEY, held by the caller; NULL when out of memory. */
struct quota *quota_get(struct quota_table *t, const struct quota_key *key);
/* One reference more to Q, which the caller holds; NULL is accepted. */
struct quota *quota_hold(struct quota_table *t, struct quota *q);
/* Gives a reference back; NULL is accepted. */
void quota_put(struct quota_table *t, struct quota *q, uint64_t now_ns);
bool quota_is(const struct quota *q, const struct quota_key *key);

/* N more of WHAT, one of those that are counted. False: there would be more than MOST (0: any
 * number); nothing has changed. */
bool quota_add(struct quota *q, enum quota_what what, uint32_t n, uint64_t most);
void quota_remove(struct quota *q, enum quota_what what, uint32_t n);
uint32_t quota_count(const struct quota *q, enum quota_what what);

/* So many messages, with so many bytes, are published at once. False: that would be too many, as
 * RET says; nothing has changed. */
bool quota_publish(struct quota *q, const struct quota_limits *l, uint32_t messages, uint64_t bytes,
                   uint64_t now_ns, struct quota_over *ret);
/* They were not. */
void quota_unpublish(struct quota *q, const struct quota_limits *l, uint32_t messages,
                     uint64_t bytes);

#endif
