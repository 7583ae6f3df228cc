#include "tools/ctl/ctl_import_alone.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/ctl/ctl_read.h"
#include "tools/ctl/ctl_stop.h"
#include "tools/ctl/ctl_table.h"

enum {
    NAME_SIZE = 7 + IMPORT_RUN_SIZE, /* "import:" */
    OTHERS_MAX_MS = 60000,           /* how long others are waited for */
};

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void put_name(const struct import_state *s, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "import:%s", s->run);
}

enum ctl_exit import_alone_name(struct ctl *c, const struct import_state *s)
{
    char name[NAME_SIZE];
    struct ctl_reply reply;
    put_name(s, name);
    enum ctl_exit status = ctl_call(c, CTL_WORDS("CLIENT", "SETNAME", name), &reply);
    if (status == CTL_OK)
        ctl_reply_finish(&reply);
    return status;
}

/* --- who has gone --- */

/* Connections of that name, ours among them. */
static enum ctl_exit count_named(struct ctl *c, const char *name, size_t *ret)
{
    struct ctl_reply reply;
    json_t *client;
    size_t i;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "CLIENTS"), &reply);
    if (status)
        return status;
    json_t *clients = json_loadb(reply.text ? reply.text : "", reply.len, 0, NULL);
    ctl_reply_finish(&reply);
    if (!json_is_array(clients))
        status = ctl_strange();
    *ret = 0;
    json_array_foreach(clients, i, client)
    {
        const char *its = ctl_json_text(client, "name");
        *ret += its && strcmp(its, name) == 0;
    }
    json_decref(clients);
    return status;
}

static enum ctl_exit await_others(struct ctl *c, const struct import_state *s)
{
    char name[NAME_SIZE];
    uint64_t begin = monotonic_ms();
    unsigned waits = 0;
    size_t count = 0;
    put_name(s, name);
    for (;;) {
        enum ctl_exit status = count_named(c, name, &count);
        if (status || count <= 1 || ctl_stopped())
            return status;
        if (monotonic_ms() - begin > OTHERS_MAX_MS) {
            ctl_say("another import that keeps its state in %s is at work", s->path);
            return CTL_FAILED;
        }
        (void)ctl_wait_a_moment(&waits);
    }
}

/* --- what is stored --- */

static enum ctl_exit judge_barrier(const struct ctl *c, const struct ctl_reply *r)
{
    if (r->kind == CTL_REPLY_ERROR && strncmp(r->text, "CONFLICT ", 9) == 0)
        return CTL_OK;
    return r->kind == CTL_REPLY_ERROR ? ctl_refused(c, r) : ctl_strange();
}

/* A message that stands in the line of those to be stored, and is not: its condition is a place
 * that no log comes to. When it is judged, all that stood before it are stored. */
static enum ctl_exit await_line(struct ctl *c)
{
    const char *words[] = {"XADD", "import", "*", "data", "", "expect", "18446744073709551614-1"};
    struct ctl_reply reply;
    if (ctl_hub_queue(&c->hub, 7, words, NULL) || ctl_hub_flush(&c->hub) ||
        ctl_hub_next(&c->hub, &reply))
        return ctl_lost(c);
    enum ctl_exit status = judge_barrier(c, &reply);
    ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit import_alone_await(struct ctl *c, const struct import_state *s, uint64_t *ret_ms)
{
    uint64_t begin = monotonic_ms();
    enum ctl_exit status = await_others(c, s);
    if (status == CTL_OK && !ctl_stopped())
        status = await_line(c);
    *ret_ms = monotonic_ms() - begin;
    return status;
}
