/* What `top` knows of the hub at one moment, and how fast its counters grow. */
#include "tools/ctl/ctl_sample.h"

#include <string.h>
#include <time.h>

#include "tools/ctl/ctl_hub.h"
#include "tools/ctl/ctl_table.h"

/* Above so many connections the list of clients is not asked for each second. */
enum { CLIENTS_MAX = 5000 };

static double monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum err ask(struct ctl_hub *h, const char *what, json_t **ret)
{
    const char *argv[] = {"HUB", what};
    struct ctl_reply reply;
    enum err e = ctl_hub_queue(h, 2, argv, NULL);
    e = e ? e : ctl_hub_next(h, &reply);
    if (e)
        return ERR_CLOSED;
    if (reply.kind == CTL_REPLY_TEXT)
        *ret = json_loadb(reply.text, reply.len, JSON_ALLOW_NUL, NULL);
    ctl_reply_finish(&reply);
    return *ret ? ERR_OK : ERR_FORMAT;
}

uint64_t ctl_sample_connections(const struct ctl_sample *s)
{
    uint64_t sum = 0;
    json_t *connections = json_object_get(s->stats, "connections");
    for (void *i = json_object_iter(connections); i; i = json_object_iter_next(connections, i))
        sum += ctl_json_u64(connections, json_object_iter_key(i));
    return sum;
}

enum err ctl_sample_take(struct ctl_hub *h, struct ctl_sample *ret)
{
    memset(ret, 0, sizeof(*ret));
    enum err e = ask(h, "STATS", &ret->stats);
    ret->at = monotonic();
    e = e ? e : ask(h, "TOPICS", &ret->topics);
    if (e == ERR_OK && ctl_sample_connections(ret) <= CLIENTS_MAX)
        e = ask(h, "CLIENTS", &ret->clients);
    return e;
}

void ctl_sample_finish(struct ctl_sample *s)
{
    json_decref(s->stats);
    json_decref(s->topics);
    json_decref(s->clients);
    memset(s, 0, sizeof(*s));
}

double ctl_sample_rate(const struct ctl_sample *before, const struct ctl_sample *now,
                       const char *counter)
{
    double n = (double)ctl_json_u64(json_object_get(now->stats, "counters"), counter);
    double o = (double)ctl_json_u64(json_object_get(before->stats, "counters"), counter);
    double seconds = now->at - before->at;
    /* A counter that ran backwards belongs to a hub that has restarted in between. */
    return !before->stats || n < o || seconds <= 0 ? 0 : (n - o) / seconds;
}
