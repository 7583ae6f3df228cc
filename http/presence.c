#include "http/presence.h"

#include <stdlib.h>
#include <string.h>

#include "broker/presence.h"
#include "broker/topic_name.h"
#include "delivery/attendance.h"
#include "delivery/presence_page.h"
#include "delivery/worker.h"
#include "http/bearer.h"
#include "http/exchange.h"
#include "http/http_access.h"

enum { NUMBER_MAX = 32 }; /* bytes of a parameter */

/* --- whose token it is --- */

static struct principal *principal_of(const void *person)
{
    return (struct principal *)(uintptr_t)person;
}

static const char *sub_of(const void *person, size_t *ret_len)
{
    const struct principal *p = person;
    *ret_len = strlen(p->sub);
    return *ret_len ? p->sub : NULL;
}

static const char *info_of(const void *person, size_t *ret_len)
{
    const struct principal *p = person;
    *ret_len = p->info_len;
    return p->info_len ? p->info : NULL;
}

static void hold(const void *person)
{
    (void)principal_ref(principal_of(person));
}

static void release(const void *person)
{
    principal_unref(principal_of(person));
}

static const struct presence_people people = {sub_of, info_of, hold, release};

static const void *person_of(const struct conn *c)
{
    return bearer_of(c);
}

void presence_http_introduce(void)
{
    attendance_set_people(&people, person_of);
}

/* --- the query --- */

static bool read_number(const struct url_param *param, const char *name, enum err *ret,
                        struct presence_page *p)
{
    char text[NUMBER_MAX];
    size_t n;
    if (!url_param_is(param, name))
        return false;
    *ret = url_decode(param->value, param->value_len, text, sizeof(text), &n);
    if (*ret == ERR_OK)
        *ret = *name == 'p' ? presence_page_parse_next(text, n, &p->after)
                            : presence_page_parse_limit(text, n, &p->limit);
    return true;
}

/* Returns what is wrong with it; NULL: nothing. Other parameters are passed over. */
static const char *read_query(const struct exchange *x, struct presence_page *p)
{
    struct url url = x->url;
    struct url_param param;
    enum err e = ERR_OK;
    while (e == ERR_OK && url_next_param(&url, &param)) {
        if (read_number(&param, "page", &e, p) && e != ERR_OK)
            return "page is what the page before has as \"next\"";
        if (read_number(&param, "limit", &e, p) && e != ERR_OK)
            return "limit is a number of members from 1";
    }
    return NULL;
}

/* --- the answer, some of it in each turn --- */

static void end(struct exchange *x)
{
    presence_page_finish(x->waiting);
    free(x->waiting);
}

static size_t held(const struct exchange *x)
{
    const struct presence_page *p = x->waiting;
    return sizeof(*p) + p->text.cap;
}

static void go_on(struct exchange *x)
{
    struct presence_page *p = x->waiting;
    struct budget *work = &x->conn->loop->work;
    bool whole = false;
    while (!whole && budget_slice_left(work)) {
        size_t before = p->text.len;
        whole = presence_page_step(p, worker_of(x->conn));
        budget_charge(work, PRESENCE_PAGE_STEP * WORK_RECORD + p->text.len - before);
    }
    if (!whole)
        exchange_go_on_later(x);
    else if (p->text.failed)
        exchange_fail_later(x, 503, 1, err_text(ERR_NOMEM));
    else
        exchange_reply_with(x, 200, exchange_json, &p->text, p->at);
}

static const struct exchange_waiter waiter = {
    .go_on = go_on, .end = end, .held = held, .may_refuse = true};

static void start(struct exchange *x, const struct presence_page *page)
{
    struct presence_page *p = malloc(sizeof(*p));
    if (!p) {
        exchange_fail_later(x, 503, 1, err_text(ERR_NOMEM));
        return;
    }
    *p = *page;
    exchange_wait(x, &waiter, p);
    go_on(x);
}

void presence_http_run(struct exchange *x)
{
    struct presence_page p = {
        .topic = x->name, .topic_len = x->name_len, .limit = PRESENCE_PAGE_LIMIT};
    const char *wrong = read_query(x, &p);
    struct access_reason reason;
    if (!topic_name_valid(x->name, x->name_len))
        exchange_fail(x, 400,
                      "The path names no topic: 1 to 255 bytes of UTF-8 without control "
                      "characters, '+' and '#', not beginning with '/' or '$'");
    else if (!http_may_topic(x->conn, ACCESS_PRESENCE, x->name, x->name_len, &reason))
        http_deny_topic(x, &reason, x->name, x->name_len, 0);
    else if (wrong)
        exchange_fail(x, 400, wrong);
    else if (!presence_page_is_there(worker_of(x->conn), x->name, x->name_len))
        exchange_fail(
            x, 404, "This topic has no presence: that takes presence = yes in its [topic] section");
    else
        start(x, &p);
}
