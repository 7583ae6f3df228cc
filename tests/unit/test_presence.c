/* Who is here: what is listed and what is told, step by step and against a naive model. */
#include "broker/presence.h"

#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/interest.h"
#include "broker/presence_rules.h"
#include "tests/unit/random.h"

enum { LINGER = 100, EVENTS_MAX = 100000, TEXT = 64 };

struct person {
    const char *sub, *info;
    int held;
};

struct event {
    char topic[TEXT], who[TEXT];
    bool leaving;
    uint32_t number;
    uint64_t offset; /* 0 = it was not told after all */
};

static struct interest *interest;
static struct presence *presence;
static struct event *events;
static size_t event_count, taken_from;
static size_t refuse_after; /* so many are taken at once at most */
static uint64_t head, now, lost;
static bool woken;

static const char *sub_of(const void *person, size_t *ret_len)
{
    const char *sub = ((const struct person *)person)->sub;
    *ret_len = sub ? strlen(sub) : 0;
    return sub;
}

static const char *info_of(const void *person, size_t *ret_len)
{
    const char *info = ((const struct person *)person)->info;
    *ret_len = info ? strlen(info) : 0;
    return info;
}

static void hold(const void *person)
{
    ((struct person *)(uintptr_t)person)->held++;
}

static void release(const void *person)
{
    ck_assert_int_gt(((struct person *)(uintptr_t)person)->held--, 0);
}

static const struct presence_people people = {sub_of, info_of, hold, release};
static struct person alice = {.sub = "alice", .info = "{\"a\":1}"}, bob = {.sub = "bob"},
                     again = {.sub = "alice"}, nameless = {.info = "7"};

static void setup(void)
{
    random_seed();
    interest = interest_create(64 << 20, 4);
    presence = presence_create(interest, 0x1234567);
    ck_assert_ptr_nonnull(presence);
    presence_set_people(presence, &people);
    presence_set_linger(presence, LINGER);
    events = calloc(EVENTS_MAX, sizeof(*events));
    event_count = taken_from = 0;
    refuse_after = SIZE_MAX;
    head = 1000;
    now = 5000;
    lost = 0;
    woken = false;
}

static void teardown(void)
{
    presence_destroy(presence);
    ck_assert_uint_eq(interest_bytes(interest), 0);
    interest_destroy(interest);
    free(events);
    ck_assert_int_eq(alice.held + bob.held + again.held + nameless.held, 0);
}

static struct presence_place place(const char *topic, uint64_t conn, const struct person *who)
{
    return (struct presence_place){topic, strlen(topic), conn, who, 1700000000000 + now};
}

static void enter(const char *topic, uint64_t conn, const struct person *who)
{
    struct presence_place at = place(topic, conn, who);
    bool wake;
    ck_assert_int_eq(presence_enter(presence, &at, &wake), ERR_OK);
    woken |= wake;
}

static void leave(const char *topic, uint64_t conn)
{
    bool wake;
    presence_leave(presence, topic, strlen(topic), conn, now + lost, &wake);
    woken |= wake;
}

static void set(const char *topic, uint64_t conn, uint32_t count, const struct person *who)
{
    struct presence_place at = place(topic, conn, who);
    bool wake;
    ck_assert_int_eq(presence_set(presence, &at, count, now + lost, &wake), ERR_OK);
    woken |= wake;
}

/* The name by which M is known: its sub, or its connection's. */
static void name_of(const struct presence_member *m, char *out)
{
    if (m->sub)
        snprintf(out, TEXT, "%.*s", (int)m->sub_len, m->sub);
    else
        snprintf(out, TEXT, "%016llx", (unsigned long long)m->connection);
}

/* --- telling --- */

static bool take(void *ctx, const struct presence_member *m)
{
    (void)ctx;
    if (event_count - taken_from == refuse_after)
        return false;
    ck_assert_uint_lt(event_count, EVENTS_MAX);
    struct event *e = &events[event_count++];
    snprintf(e->topic, TEXT, "%.*s", (int)m->topic_len, m->topic);
    name_of(m, e->who);
    e->leaving = m->leaving;
    e->number = m->number;
    return true;
}

static uint32_t begin_telling(uint32_t max)
{
    taken_from = event_count;
    return presence_tell(presence, max, head, take, NULL);
}

static void end_telling(bool done)
{
    for (size_t i = taken_from; i < event_count && done; i++)
        events[i].offset = ++head;
    if (!done)
        event_count = taken_from;
    presence_told(presence, done, now);
}

static uint64_t serve(void)
{
    presence_awake(presence);
    woken = false;
    return presence_end_lingers(presence, now, lost, 1000);
}

static void tell_all(void)
{
    serve();
    while (begin_telling(3))
        end_telling(true);
}

/* What has been told since the last call, as "+alice -bob". */
static const char *told(void)
{
    static size_t from;
    static char text[1024];
    if (from > event_count)
        from = 0;
    text[0] = '\0';
    for (; from < event_count; from++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s%u", *text ? " " : "",
                 events[from].leaving ? "-" : "+", events[from].who, events[from].number);
    return text;
}

/* --- listing --- */

static bool list_one(void *ctx, const struct presence_member *m)
{
    char *text = ctx, name[TEXT];
    name_of(m, name);
    snprintf(text + strlen(text), 4096 - strlen(text), "%s%s:%u", *text ? " " : "", name, m->seats);
    return true;
}

/* As "alice:2 bob:1". */
static const char *listed(const char *topic)
{
    static char text[4096];
    bool more;
    uint64_t upto = head;
    struct presence_query q = {topic, strlen(topic), 0, 1000, list_one, text};
    text[0] = '\0';
    presence_list(presence, &q, &upto, &more);
    ck_assert(!more);
    return text;
}

static const char *conn_name(uint64_t conn)
{
    static char text[TEXT];
    for (size_t i = 0; i < event_count; i++)
        if (strlen(events[i].who) == 16 && !conn--)
            return strcpy(text, events[i].who);
    return "";
}

START_TEST(who_enters_is_here_and_told)
{
    enter("a", 1, &alice);
    ck_assert(woken);
    ck_assert_str_eq(listed("a"), "alice:1");
    tell_all();
    ck_assert_str_eq(told(), "+alice1");
    ck_assert(!presence_is_due(presence));
    enter("a", 2, NULL);
    tell_all();
    ck_assert_str_eq(listed("b"), "");
    ck_assert_uint_eq(presence_members(presence), 2);
    ck_assert_str_ne(conn_name(0), "0000000000000002"); /* which is nobody's business */
}
END_TEST

START_TEST(who_comes_back_in_time_has_never_gone)
{
    enter("a", 1, &alice);
    tell_all();
    told();
    leave("a", 1);
    ck_assert(woken);
    ck_assert_uint_eq(serve(), now + LINGER);
    ck_assert_str_eq(listed("a"), "alice:0");
    now += LINGER - 1;
    tell_all();
    enter("a", 9, &again);
    now += LINGER;
    tell_all();
    ck_assert_str_eq(told(), "");
    ck_assert_str_eq(listed("a"), "alice:1");
    leave("a", 9);
    now += LINGER;
    tell_all();
    ck_assert_str_eq(told(), "-alice0");
    ck_assert_uint_eq(presence_members(presence), 0);
}
END_TEST

START_TEST(a_connection_is_here_between_two_polls)
{
    for (int i = 0; i < 5; i++) {
        enter("a", 1, NULL);
        leave("a", 1);
        now += LINGER - 1;
        tell_all();
    }
    ck_assert_uint_eq(event_count, 1);
    now += 1;
    tell_all();
    ck_assert_uint_eq(event_count, 2);
    ck_assert(events[1].leaving);
}
END_TEST

START_TEST(a_sub_leaves_with_its_last_connection)
{
    enter("a", 1, &alice);
    enter("a", 2, &alice);
    enter("a", 3, &again);
    tell_all();
    ck_assert_str_eq(listed("a"), "alice:3");
    leave("a", 2);
    leave("a", 1);
    now += 2 * LINGER;
    tell_all();
    ck_assert_str_eq(listed("a"), "alice:1");
    leave("a", 3);
    leave("a", 3); /* it has none left */
    now += 2 * LINGER;
    tell_all();
    ck_assert_str_eq(told(), "+alice1 -alice0");
}
END_TEST

START_TEST(two_subscriptions_of_a_connection_are_one_seat)
{
    enter("a", 1, NULL);
    enter("a", 1, NULL);
    leave("a", 1);
    now += LINGER;
    tell_all();
    ck_assert_uint_eq(event_count, 1);
    leave("a", 1);
    now += LINGER;
    tell_all();
    ck_assert_uint_eq(event_count, 2);
}
END_TEST

START_TEST(what_is_decided_is_told_though_it_is_over)
{
    enter("a", 1, &alice);
    leave("a", 1);
    serve();
    ck_assert_str_eq(listed("a"), "alice:0");
    ck_assert_uint_eq(begin_telling(9), 1);
    end_telling(true);
    now += LINGER;
    serve();
    ck_assert_uint_eq(begin_telling(9), 1); /* that she is gone, */
    enter("a", 1, &alice);                  /* who is here again */
    ck_assert_str_eq(listed("a"), "alice:1");
    end_telling(true);
    tell_all();
    ck_assert_str_eq(told(), "+alice1 -alice0 +alice1");
}
END_TEST

START_TEST(who_was_to_be_told_gone_and_came_back_goes_again_at_once)
{
    enter("a", 1, &alice);
    tell_all();
    leave("a", 1);
    now += LINGER;
    serve();
    enter("a", 1, &alice);
    leave("a", 1);
    ck_assert_str_eq(listed("a"), "");
    tell_all();
    ck_assert_str_eq(told(), "+alice1 -alice0");
}
END_TEST

START_TEST(what_could_not_be_told_is_told_first)
{
    enter("a", 1, &alice);
    enter("a", 2, &bob);
    serve();
    ck_assert_uint_eq(begin_telling(1), 1);
    ck_assert_uint_eq(presence_tell(presence, 9, head, take, NULL), 0); /* one at a time */
    enter("b", 3, &bob);
    end_telling(false);
    ck_assert(presence_is_due(presence));
    refuse_after = 2;
    ck_assert_uint_eq(begin_telling(9), 2);
    end_telling(true);
    ck_assert_str_eq(told(), "+alice1 +bob2");
    refuse_after = SIZE_MAX;
    tell_all();
    ck_assert_str_eq(told(), "+bob1");
}
END_TEST

START_TEST(a_list_names_a_head_behind_which_all_is_told)
{
    uint64_t upto = head + 5;
    bool more;
    char text[4096] = "";
    struct presence_query q = {"a", 1, 0, 1, list_one, text};
    enter("a", 1, &alice);
    ck_assert_uint_eq(begin_telling(9), 1);
    enter("a", 2, &bob);
    ck_assert_uint_eq(presence_list(presence, &q, &upto, &more), 2);
    ck_assert_uint_eq(upto, head);
    ck_assert(more);
    ck_assert_str_eq(text, "alice:1");
    presence_list(presence, &q, &upto, &more);
    ck_assert(!more);
    ck_assert_str_eq(text, "alice:1 bob:1");
    end_telling(true);
    upto = head;
    presence_list(presence, &q, &upto, &more);
    ck_assert_uint_eq(upto, head);
}
END_TEST

START_TEST(a_connection_that_gets_a_name_goes_as_itself)
{
    enter("a", 1, NULL);
    tell_all();
    set("a", 1, 1, &alice);
    ck_assert_str_eq(listed("a"), "alice:1");
    tell_all();
    ck_assert_uint_eq(event_count, 3);
    ck_assert(events[1].leaving && strcmp(events[1].who, events[0].who) == 0);
    ck_assert_str_eq(events[2].who, "alice");
    leave("a", 1);
    now += LINGER;
    tell_all();
    ck_assert_uint_eq(event_count, 4);
    ck_assert_uint_eq(presence_members(presence), 0);
}
END_TEST

START_TEST(a_connection_that_comes_back_with_a_name_is_not_itself)
{
    enter("a", 1, &nameless);
    tell_all();
    leave("a", 1);
    enter("a", 1, &alice);
    enter("a", 1, &alice);
    ck_assert_str_eq(listed("a"), "alice:1");
    tell_all();
    set("a", 1, 0, &alice);
    now += LINGER;
    tell_all();
    ck_assert_str_eq(listed("a"), "");
    ck_assert_uint_eq(event_count, 4);
}
END_TEST

START_TEST(a_pause_of_the_clerk_is_no_linger)
{
    enter("a", 1, &alice);
    tell_all();
    leave("a", 1);
    lost += 100000; /* its clock stood still */
    now += LINGER - 1;
    tell_all();
    ck_assert_str_eq(listed("a"), "alice:0");
    enter("a", 1, &alice);
    leave("a", 1);
    now += 1;
    tell_all();
    ck_assert_str_eq(listed("a"), "alice:0");
    now += LINGER - 1;
    tell_all();
    ck_assert_str_eq(listed("a"), "");
}
END_TEST

/* --- when the clerk is woken --- */

static bool enter_wakes(const char *topic, uint64_t conn, const struct person *who)
{
    woken = false;
    enter(topic, conn, who);
    return woken;
}

static bool leave_wakes(const char *topic, uint64_t conn)
{
    woken = false;
    leave(topic, conn);
    return woken;
}

START_TEST(the_clerk_is_woken_once_until_it_is_awake)
{
    ck_assert(enter_wakes("a", 1, &alice));
    ck_assert(!enter_wakes("a", 2, &bob));
    ck_assert(!leave_wakes("a", 2));
    serve();
    ck_assert(enter_wakes("b", 3, &bob)); /* before it has told of the first */
    tell_all();
    ck_assert_str_eq(told(), "+alice1 +bob2 +bob1");
}
END_TEST

START_TEST(the_clerk_is_woken_for_the_first_who_lingers)
{
    enter("a", 1, &alice);
    enter("a", 2, &bob);
    tell_all();
    ck_assert(leave_wakes("a", 1));
    ck_assert_uint_eq(serve(), now + LINGER);
    ck_assert(!leave_wakes("a", 2)); /* it comes by itself by then */
    now += LINGER;
    ck_assert_uint_eq(serve(), UINT64_MAX);
    ck_assert(presence_is_due(presence));
    tell_all();
    ck_assert_uint_eq(presence_members(presence), 0);
}
END_TEST

/* It tells of the next ones by itself then. */
START_TEST(the_clerk_is_not_woken_while_it_tells)
{
    enter("a", 1, &alice);
    serve();
    ck_assert_uint_eq(begin_telling(9), 1);
    ck_assert(!enter_wakes("a", 2, &bob));
    end_telling(true);
    ck_assert(presence_is_due(presence));
    ck_assert(enter_wakes("a", 3, &nameless));
    tell_all();
    told();
}
END_TEST

static uint64_t clerk_due;

/* A clerk that comes only when it is woken, or when it said that it would. */
static void clerk_may_come(void)
{
    if (!woken && now < clerk_due)
        return;
    clerk_due = serve();
    while (begin_telling(1 + random_below(3)))
        end_telling(true);
}

static void somebody_moves(void)
{
    static const char *const topics[] = {"a", "b", "c"};
    static struct person *const persons[] = {&alice, &bob, NULL, &nameless};
    uint64_t conn = 1 + random_below(8);
    const char *topic = topics[random_below(3)];
    if (random_below(2))
        set(topic, conn, 1, persons[conn % 4]);
    else
        leave(topic, conn);
}

START_TEST(a_clerk_that_comes_only_when_it_is_woken_misses_nobody)
{
    clerk_due = UINT64_MAX;
    for (int round = 0; round < 5000; round++) {
        somebody_moves();
        clerk_may_come();
        ck_assert(!presence_is_due(presence));
        now += random_below(LINGER / 4);
    }
    for (uint64_t conn = 1; conn <= 8; conn++) {
        leave("a", conn);
        leave("b", conn);
        leave("c", conn);
        clerk_may_come();
    }
    for (; clerk_due != UINT64_MAX; now = clerk_due)
        clerk_may_come();
    ck_assert_uint_eq(presence_members(presence), 0);
}
END_TEST

/* --- memory --- */

START_TEST(it_takes_no_more_memory_than_is_granted)
{
    struct presence_place at = place("topic", 0, NULL);
    bool wake;
    enum err e = ERR_OK;
    interest_destroy(interest);
    presence_destroy(presence);
    interest = interest_create(2000, 4);
    presence = presence_create(interest, 0);
    while (e == ERR_OK && at.conn < 100) {
        e = presence_enter(presence, &at, &wake);
        at.conn++;
    }
    ck_assert_int_eq(e, ERR_FULL);
    ck_assert_uint_gt(at.conn, 10);
    ck_assert_uint_le(interest_bytes(interest), 2000);
    at.topic = "another";
    at.topic_len = 7;
    ck_assert_int_eq(presence_enter(presence, &at, &wake), ERR_FULL);
}
END_TEST

/* With what is mapped. */
static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

START_TEST(a_member_takes_no_more_than_120_bytes)
{
    enum { MEMBERS = 100000 };
    size_t before = heap_bytes();
    for (uint64_t i = 0; i < MEMBERS; i++)
        enter("a", i, NULL);
    size_t bytes = (heap_bytes() - before) / MEMBERS;
    printf("%zu bytes a member, %llu counted\n", bytes,
           (unsigned long long)interest_bytes(interest) / MEMBERS);
    ck_assert_uint_le(bytes, 120);
}
END_TEST

/* --- against a model --- */

enum { TOPICS = 3, CONNS = 12, PERSONS = 5 };

static const char *const topics[TOPICS] = {"a", "a/b", "c"};
static struct person persons[PERSONS] = {
    {.sub = "s0"}, {.sub = "s1"}, {.sub = "s2", .info = "[]"}, {.sub = NULL, .info = "1"}, {NULL}};

/* What each connection has, and as whom (an index, PERSONS - 1 = not known). */
static unsigned model_subs[TOPICS][CONNS], model_person[CONNS];

static void model_name(unsigned conn, char *out)
{
    const char *sub = persons[model_person[conn]].sub;
    snprintf(out, TEXT, "%s%u", sub ? sub : "conn", sub ? 0 : conn);
}

/* Names of connections are learned from who is told first, so they are compared by what salted
 * numbers a presence of its own gives them. */
static uint64_t conn_names[CONNS];

static bool learn(void *ctx, const struct presence_member *m)
{
    *(uint64_t *)ctx = m->connection;
    return true;
}

static void learn_names(void)
{
    for (uint64_t i = 0; i < CONNS; i++) {
        struct presence *p = presence_create(interest, 0x1234567);
        struct presence_place at = place("x", i, NULL);
        struct presence_query q = {"x", 1, 0, 1, learn, &conn_names[i]};
        bool wake, more;
        uint64_t upto = 0;
        ck_assert_int_eq(presence_enter(p, &at, &wake), ERR_OK);
        presence_list(p, &q, &upto, &more);
        presence_destroy(p);
    }
}

struct list {
    char names[CONNS * 2][TEXT];
    uint32_t seats[CONNS * 2];
    size_t count;
    uint64_t upto;
};

static void plain_name(const char *who, char *out)
{
    for (unsigned i = 0; i < CONNS; i++) {
        char text[TEXT];
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)conn_names[i]);
        if (strcmp(text, who) == 0) {
            snprintf(out, TEXT, "conn%u", i);
            return;
        }
    }
    snprintf(out, TEXT, "%.60s0", who);
}

static size_t index_in(const struct list *l, const char *name)
{
    size_t i = 0;
    while (i < l->count && strcmp(l->names[i], name) != 0)
        i++;
    return i;
}

static bool list_into(void *ctx, const struct presence_member *m)
{
    struct list *l = ctx;
    char who[TEXT], name[TEXT];
    name_of(m, who);
    plain_name(who, name);
    ck_assert_uint_eq(index_in(l, name), l->count); /* each once */
    strcpy(l->names[l->count], name);
    l->seats[l->count++] = m->seats;
    return random_below(4) != 0;
}

/* In pages of any size. */
static void read_list(const char *topic, struct list *l)
{
    struct presence_query q = {topic, strlen(topic), 0, 1, list_into, l};
    bool more = true;
    uint32_t here = 0;
    l->count = 0;
    l->upto = head;
    while (more) {
        uint64_t upto = head;
        q.max = 1 + random_below(4);
        here = presence_list(presence, &q, &upto, &more);
        l->upto = upto < l->upto ? upto : l->upto;
    }
    ck_assert_uint_eq(here, l->count);
}

/* Whoever has a subscription is listed; EXACT: nobody else is. */
static void check_list(unsigned topic, const struct list *l, bool exact)
{
    struct list wanted = {.count = 0};
    for (unsigned c = 0; c < CONNS; c++) {
        char name[TEXT];
        if (!model_subs[topic][c])
            continue;
        model_name(c, name);
        size_t at = index_in(&wanted, name);
        if (at == wanted.count)
            strcpy(wanted.names[wanted.count++], name);
        wanted.seats[at]++;
    }
    for (size_t i = 0; i < wanted.count; i++) {
        size_t at = index_in(l, wanted.names[i]);
        ck_assert_uint_lt(at, l->count);
        ck_assert_uint_eq(l->seats[at], wanted.seats[i]);
    }
    ck_assert(!exact || l->count == wanted.count);
}

/* Follows L by what was told behind it. */
static void follow(const char *topic, struct list *l)
{
    for (size_t i = 0; i < event_count; i++) {
        char name[TEXT];
        if (strcmp(events[i].topic, topic) != 0 || events[i].offset <= l->upto)
            continue;
        plain_name(events[i].who, name);
        size_t at = index_in(l, name);
        if (!events[i].leaving && at == l->count) {
            strcpy(l->names[l->count++], name);
        } else if (events[i].leaving && at < l->count) {
            l->count--;
            memmove(l->names[at], l->names[l->count], TEXT);
        }
    }
}

/* Comings and goings alternate for each, and their numbers count. */
static void check_events(void)
{
    for (unsigned t = 0; t < TOPICS; t++) {
        struct list here = {.count = 0};
        for (size_t i = 0; i < event_count; i++) {
            if (strcmp(events[i].topic, topics[t]) != 0)
                continue;
            size_t at = index_in(&here, events[i].who);
            ck_assert_int_eq(at < here.count, events[i].leaving);
            if (events[i].leaving)
                memmove(here.names[at], here.names[--here.count], TEXT);
            else
                strcpy(here.names[here.count++], events[i].who);
            ck_assert_uint_eq(events[i].number, here.count);
        }
    }
}

static bool is_subscribed(unsigned c)
{
    for (unsigned t = 0; t < TOPICS; t++)
        if (model_subs[t][c])
            return true;
    return false;
}

/* Another connection of that number comes, or this one is known as somebody else now. */
static void change_person(unsigned c)
{
    model_person[c] = random_below(PERSONS);
    for (unsigned t = 0; t < TOPICS && is_subscribed(c); t++)
        if (model_subs[t][c])
            set(topics[t], c, model_subs[t][c], &persons[model_person[c]]);
}

static void step(void)
{
    unsigned t = random_below(TOPICS), c = random_below(CONNS);
    const struct person *who = &persons[model_person[c]];
    switch (random_below(9)) {
    case 0:
    case 1:
    case 2:
        model_subs[t][c]++;
        enter(topics[t], c, who);
        break;
    case 3:
    case 4:
        model_subs[t][c] -= model_subs[t][c] > 0;
        leave(topics[t], c);
        break;
    case 5:
        model_subs[t][c] = random_below(3);
        set(topics[t], c, model_subs[t][c], who);
        break;
    case 6:
        change_person(c);
        break;
    case 7:
        now += random_below(LINGER);
        if (random_below(20) == 0)
            lost += random_below(1000);
        break;
    default:
        serve();
        if (begin_telling(1 + random_below(5)) || random_below(2))
            ;
        else
            break;
        if (random_below(2)) /* while they are being told */
            enter(topics[t], c, who), model_subs[t][c]++;
        end_telling(random_below(4) != 0);
    }
}

static void come_to_rest(void)
{
    for (int i = 0; i < 5; i++) { /* one linger may begin anew after a pause */
        tell_all();
        now += LINGER;
    }
    tell_all();
}

START_TEST(it_is_as_a_naive_list_would_have_it)
{
    static struct list early[TOPICS], l;
    memset(model_subs, 0, sizeof(model_subs));
    learn_names();
    for (unsigned c = 0; c < CONNS; c++)
        model_person[c] = random_below(PERSONS);
    for (int round = 0; round < 40; round++) {
        unsigned steps = random_below(200), look = random_below(steps + 1);
        for (unsigned i = 0; i < steps; i++) {
            step();
            read_list(topics[i % TOPICS], &l);
            check_list(i % TOPICS, &l, false);
            for (unsigned t = 0; t < TOPICS && i == look; t++)
                read_list(topics[t], &early[t]);
        }
        if (look >= steps)
            for (unsigned t = 0; t < TOPICS; t++)
                read_list(topics[t], &early[t]);
        come_to_rest();
        for (unsigned t = 0; t < TOPICS; t++) {
            follow(topics[t], &early[t]);
            read_list(topics[t], &l);
            check_list(t, &l, true);
            ck_assert_uint_eq(early[t].count, l.count);
            for (size_t i = 0; i < l.count; i++)
                ck_assert_uint_lt(index_in(&early[t], l.names[i]), early[t].count);
        }
        check_events();
    }
    for (unsigned t = 0; t < TOPICS; t++)
        for (unsigned c = 0; c < CONNS; c++)
            set(topics[t], c, 0, NULL);
    come_to_rest();
    ck_assert_uint_eq(presence_members(presence), 0);
    for (unsigned i = 0; i < PERSONS; i++)
        ck_assert_int_eq(persons[i].held, 0);
}
END_TEST

/* --- rules --- */

static bool have(const struct presence_rules *r, const char *topic)
{
    return presence_rules_have(r, topic, strlen(topic));
}

START_TEST(the_first_section_that_matches_counts)
{
    struct presence_rules r = {0}, none = {0};
    char longest[256];
    memset(longest, 'x', sizeof(longest));
    ck_assert(!have(&r, "a"));
    ck_assert_int_eq(presence_rules_add(&r, "a/b", false), ERR_OK);
    ck_assert(presence_rules_equal(&r, &none));
    ck_assert_int_eq(presence_rules_add(&r, "a/#", true), ERR_OK);
    ck_assert_int_eq(presence_rules_add(&r, "x", true), ERR_OK);
    ck_assert_int_eq(presence_rules_add(&r, "#", true), ERR_OK);
    ck_assert(!presence_rules_equal(&r, &none));
    ck_assert(presence_rules_equal(&r, &r));
    ck_assert(have(&r, "a"));
    ck_assert(have(&r, "a/c"));
    ck_assert(!have(&r, "a/b"));
    ck_assert(!have(&r, "_presence"));
    ck_assert(!have(&r, "_presence/a"));
    ck_assert(!have(&r, "_presences")); /* private, and not named */
    ck_assert(presence_rules_have(&r, longest, PRESENCE_TOPIC_MAX));
    ck_assert(!presence_rules_have(&r, longest, PRESENCE_TOPIC_MAX + 1));
    presence_rules_finish(&r);
}
END_TEST

START_TEST(what_is_told_has_a_topic)
{
    char out[255];
    ck_assert_uint_eq(presence_topic_of("a/b", 3, out), 13);
    ck_assert_mem_eq(out, "_presence/a/b", 13);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("presence");
    TCase *t = tcase_create("presence");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, who_enters_is_here_and_told);
    tcase_add_test(t, who_comes_back_in_time_has_never_gone);
    tcase_add_test(t, a_connection_is_here_between_two_polls);
    tcase_add_test(t, a_sub_leaves_with_its_last_connection);
    tcase_add_test(t, two_subscriptions_of_a_connection_are_one_seat);
    tcase_add_test(t, what_is_decided_is_told_though_it_is_over);
    tcase_add_test(t, who_was_to_be_told_gone_and_came_back_goes_again_at_once);
    tcase_add_test(t, what_could_not_be_told_is_told_first);
    tcase_add_test(t, a_list_names_a_head_behind_which_all_is_told);
    tcase_add_test(t, a_connection_that_gets_a_name_goes_as_itself);
    tcase_add_test(t, a_connection_that_comes_back_with_a_name_is_not_itself);
    tcase_add_test(t, a_pause_of_the_clerk_is_no_linger);
    tcase_add_test(t, the_clerk_is_woken_once_until_it_is_awake);
    tcase_add_test(t, the_clerk_is_woken_for_the_first_who_lingers);
    tcase_add_test(t, the_clerk_is_not_woken_while_it_tells);
    tcase_add_test(t, a_clerk_that_comes_only_when_it_is_woken_misses_nobody);
    tcase_add_test(t, it_takes_no_more_memory_than_is_granted);
    tcase_add_test(t, a_member_takes_no_more_than_120_bytes);
    tcase_add_test(t, it_is_as_a_naive_list_would_have_it);
    tcase_add_test(t, the_first_section_that_matches_counts);
    tcase_add_test(t, what_is_told_has_a_topic);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
