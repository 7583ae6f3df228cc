#include "delivery/counting.h"

#include <stdlib.h>

#include "delivery/envelope_encoding.h"
#include "delivery/worker.h"

struct counting {
    struct conn *conn; /* borrowed: what counts for it is freed with its state */
    struct subscriber sub;
    struct replay_count count;
};

void counting_free(struct counting *k)
{
    if (!k)
        return;
    feed_leave(&k->sub, worker_of(k->conn)->feeds, NULL);
    free(k);
}

size_t counting_held(const struct counting *k)
{
    return k ? sizeof(*k) + feed_share(k->sub.feed) : 0;
}

static enum err begin(struct conn *c, const struct feed_spec *spec, struct counting **ret)
{
    struct counting *k = calloc(1, sizeof(*k));
    if (!k)
        return ERR_NOMEM;
    k->conn = c;
    enum err e = feed_join(&k->sub, spec, &envelope_encoding, c->counted_as, NULL);
    if (e != ERR_OK) {
        free(k);
        return e;
    }
    *ret = k;
    return ERR_OK;
}

/* As far as the slice reaches. */
static enum err count(struct counting *k, uint64_t n)
{
    struct worker *w = worker_of(k->conn);
    enum err e;
    do
        e = replay_count_back(&w->replay, k->sub.feed, n, &k->count);
    while (e == ERR_AGAIN && conn_may_go_on(k->conn));
    return e;
}

enum err counting_resolve(struct conn *c, struct counting **counting, const struct feed_spec *spec,
                          struct after *after)
{
    enum err e = ERR_OK;
    if (after->kind != AFTER_LAST)
        return ERR_OK;
    if (!*counting)
        e = begin(c, spec, counting);
    if (e != ERR_OK)
        return e;
    e = count(*counting, after->last);
    if (e == ERR_AGAIN)
        return e;
    if (e == ERR_OK)
        *after = (struct after){AFTER_PLACE, .cursor.offset = (*counting)->count.place};
    counting_free(*counting);
    *counting = NULL;
    return e;
}
