#include "net/turn.h"

#include <stdlib.h>

#include "net/crypto_threads.h"
#include "net/fan.h"
#include "net/holding.h"
#include "net/loop.h"

/* --- those that are ready --- */

static void on_ready(void *link, unsigned what)
{
    struct conn *c = conn_of_link(link);
    conn_ready(c, what);
    holding_settle(c);
}

/* Serves one that was collected, and more of them as long as there is budget. */
static void serve(struct loop *l, struct readiness *r, int64_t work)
{
    budget_begin_part(&l->work, work);
    while (readiness_tell(r, on_ready) && budget_has_left(&l->work))
        ;
}

static bool readiness_left(const struct loop *l)
{
    return readiness_pending(&l->readiness[0]) || readiness_pending(&l->readiness[1]);
}

static void collect(struct readiness *r)
{
    if (r->ready)
        readiness_collect(r);
    r->ready = false;
}

void turn_collect(struct loop *l)
{
    collect(&l->readiness[1]);
    collect(&l->readiness[0]);
}

void turn_serve(struct loop *l)
{
    if (l->crypto)
        crypto_port_serve(l->crypto);
    serve(l, &l->readiness[1], BUDGET_LOCAL);
    serve(l, &l->readiness[0], BUDGET_TCP);
}

/* --- those whose time has come --- */

static struct conn *conn_of(struct wheel_item *i)
{
    return (struct conn *)((char *)i - offsetof(struct conn, wheel));
}

/* False: it has not come for anybody. */
static bool keep_one(struct loop *l)
{
    struct wheel_item *i = wheel_pop_due(&l->wheel, l->now_ms);
    if (!i && loop_awaited_ms(l) > 0)
        return false;
    budget_begin_slice(&l->work, BUDGET_LIGHT);
    if (i) {
        wheel_set(&l->wheel, i, i->due_ms);
        conn_deadline(conn_of(i));
    } else {
        conn_awaited(conn_of_link(l->awaited->link), l->awaited);
    }
    budget_settle(&l->work);
    return true;
}

bool turn_deadlines(struct loop *l)
{
    budget_begin_part(&l->work, BUDGET_DEADLINES);
    do
        if (!keep_one(l))
            return false;
    while (budget_has_left(&l->work));
    return true;
}

/* --- those that wait for a slice --- */

/* False: none waits. */
static bool go_on_with_one(struct loop *l)
{
    uint64_t before = l->work.done;
    struct conn *c = backlog_take(&l->backlog);
    if (c) {
        conn_go_on(c);
        holding_settle(c); /* each may be answered with very much */
    }
    backlog_charge(&l->backlog, l->work.done - before);
    return c != NULL;
}

void turn_go_on(struct loop *l)
{
    budget_begin_part(&l->work, BUDGET_BACKLOG);
    backlog_begin_turn(&l->backlog, BUDGET_BACKLOG);
    if (holding_is_for_others(l))
        return;
    l->in_backlog = true;
    while (go_on_with_one(l) && !holding_is_full(l) &&
           (budget_has_left(&l->work) || !backlog_all_had_one(&l->backlog)))
        ;
    l->in_backlog = false;
}

void turn_drop_backlog(struct loop *l)
{
    struct conn *c;
    while (backlog_count(&l->backlog)) {
        backlog_begin_turn(&l->backlog, BUDGET_BACKLOG);
        while ((c = backlog_take(&l->backlog)))
            conn_release(c);
    }
}

bool turn_work_left(const struct loop *l)
{
    return backlog_count(&l->backlog) || readiness_left(l) ||
           (l->crypto && crypto_port_has_more(l->crypto));
}

/* --- the end --- */

static void output_cut(void *ctx, void *who, size_t taken, enum err why)
{
    (void)ctx;
    conn_fan_output_cut(who, taken, why);
}

/* What those of LIST have to write; who was cut has none for the second look. */
static void write_together(struct loop *l, struct conn *list)
{
    struct fan fan;
    const char *data;
    size_t n;
    fan_begin(&fan, l->submission, output_cut, NULL);
    for (struct conn *c = list; c; c = c->turn_next)
        if ((data = conn_fan_output(c, &n)))
            fan_send(&fan, conn_fan_fd(c), data, n, c);
    fan_end(&fan);
    counter_add(&l->counters, COUNTER_submitted, fan_together(&fan));
    for (struct conn *c = list; c; c = c->turn_next)
        if (conn_fan_output(c, &n))
            conn_fan_wrote(c, n);
}

void turn_end(struct loop *l)
{
    struct conn *list = l->turn;
    l->turn = l->turn_last = NULL;
    if (l->submission && list)
        write_together(l, list);
    while (list) {
        struct conn *c = list;
        list = c->turn_next;
        c->in_turn = false;
        if (conn_end_turn(c))
            holding_settle(c);
    }
}

void turn_flush(struct loop *l)
{
    struct gathering *g;
    while ((g = l->to_flush)) {
        loop_flush_never(l, g);
        conn_let_go(conn_of_link(g->link));
    }
}

/* --- all of them --- */

struct conn_list {
    struct conn **conns;
    size_t count, cap;
};

static void collect_conn(struct wheel_item *i, void *ctx)
{
    struct conn_list *list = ctx;
    if (list->count < list->cap)
        list->conns[list->count++] = conn_of(i);
}

void turn_each_conn(struct loop *l, void (*visit)(struct conn *c, void *ctx), void *ctx)
{
    struct conn_list list = {calloc(l->conns + 1, sizeof(struct conn *)), 0, l->conns};
    if (!list.conns)
        return;
    wheel_each(&l->wheel, collect_conn, &list);
    for (size_t i = 0; i < list.count; i++)
        visit(list.conns[i], ctx);
    free(list.conns);
}

struct finding {
    uint64_t number;
    struct conn *found;
};

static void find_conn(struct conn *c, void *ctx)
{
    struct finding *f = ctx;
    if (conn_number(c) == f->number)
        f->found = c;
}

struct conn *turn_find_conn(struct loop *l, uint64_t number)
{
    struct finding f = {number, NULL};
    turn_each_conn(l, find_conn, &f);
    return f.found;
}

static void say_goodbye(struct conn *c, void *ctx)
{
    (void)ctx;
    if (conn_state(c) == CONN_ENDING)
        return; /* about to end by itself */
    if (c->protocol->shutdown && conn_is_open(c))
        c->protocol->shutdown(c);
    else
        conn_close(c, CLOSE_SHUTDOWN);
}

void turn_say_goodbye(struct loop *l)
{
    turn_each_conn(l, say_goodbye, NULL);
}

static void close_one(struct conn *c, void *ctx)
{
    const enum close_reason *why = ctx;
    conn_close(c, *why);
}

void turn_close_all(struct loop *l, enum close_reason why)
{
    turn_each_conn(l, close_one, &why);
}
