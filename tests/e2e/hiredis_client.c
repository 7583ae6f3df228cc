/*
 * A hiredis program as somebody would write one: publishes COUNT messages down one pipeline, reads
 * them back, and prints `ok FIRST-ID LAST-ID`. Then it publishes two more in a transaction, follows
 * the topic by a pattern on another connection, waits in XREAD, and connects again. Started by
 * 63-hiredis.test.mjs.
 *
 * usage: hiredis_client SOCKET TOPIC COUNT
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

enum { ID_SIZE = 64 };

static bool fail(const char *what, const redisContext *c)
{
    fprintf(stderr, "hiredis_client: %s%s%s\n", what, c && c->err ? ": " : "",
            c && c->err ? c->errstr : "");
    return false;
}

static bool send_all(redisContext *c, const char *topic, int count)
{
    for (int i = 0; i < count; i++) {
        if (redisAppendCommand(c, "XADD %s * data %d", topic, i) != REDIS_OK)
            return fail("cannot append", c);
    }
    return true;
}

/* Takes the answers to send_all; FIRST and LAST get the ids at both ends. */
static bool take_ids(redisContext *c, int count, char *first, char *last)
{
    for (int i = 0; i < count; i++) {
        void *reply = NULL;
        if (redisGetReply(c, &reply) != REDIS_OK)
            return fail("no reply", c);
        const redisReply *r = reply;
        bool is_id = r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS;
        if (is_id)
            snprintf(i == 0 ? first : last, ID_SIZE, "%s", r->str);
        else
            fail(r->type == REDIS_REPLY_ERROR ? r->str : "a reply that is no id", NULL);
        freeReplyObject(reply);
        if (!is_id)
            return false;
    }
    return true;
}

/* Whether entry I of XRANGE holds the number I as its data. */
static bool entry_is(const redisReply *entry, int i)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2)
        return false;
    const redisReply *fields = entry->element[1];
    for (size_t f = 0; f + 1 < fields->elements; f += 2) {
        if (strcmp(fields->element[f]->str, "data") == 0)
            return atoi(fields->element[f + 1]->str) == i;
    }
    return false;
}

static bool read_back(redisContext *c, const char *topic, const char *first, int count)
{
    redisReply *r = redisCommand(c, "XRANGE %s %s + COUNT %d", topic, first, count + 1);
    if (!r)
        return fail("no reply to XRANGE", c);
    bool same = r->type == REDIS_REPLY_ARRAY && r->elements == (size_t)count;
    for (int i = 0; same && i < count; i++)
        same = entry_is(r->element[i], i);
    freeReplyObject(r);
    return same || fail("what was read is not what was published", NULL);
}

static bool publish_and_read(redisContext *c, const char *topic, int count)
{
    char first[ID_SIZE] = "", last[ID_SIZE] = "";
    if (!send_all(c, topic, count) || !take_ids(c, count, first, last) ||
        !read_back(c, topic, first, count))
        return false;
    printf("ok %s %s\n", first, last);
    return true;
}

/* Runs a command and compares the type of what comes. */
static bool expect(redisContext *c, int type, const char *command, const char *topic)
{
    redisReply *r = redisCommand(c, command, topic);
    bool as_expected = r && r->type == type;
    if (!as_expected)
        fail(r && r->str ? r->str : command, c);
    freeReplyObject(r);
    return as_expected;
}

/* Two messages, of which EXEC has the replies: a number and an id. */
static bool transact(redisContext *c, const char *topic)
{
    if (!expect(c, REDIS_REPLY_STATUS, "MULTI", NULL) ||
        !expect(c, REDIS_REPLY_STATUS, "PUBLISH %s one", topic) ||
        !expect(c, REDIS_REPLY_STATUS, "XADD %s * data two", topic))
        return false;
    redisReply *r = redisCommand(c, "EXEC");
    bool done = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
                r->element[0]->type == REDIS_REPLY_INTEGER &&
                r->element[1]->type == REDIS_REPLY_STRING;
    freeReplyObject(r);
    return done || fail("EXEC has not done both", c);
}

/* The next message of a subscription, of three or four parts. */
static bool next_is(redisContext *c, size_t parts, const char *data)
{
    void *reply = NULL;
    if (redisGetReply(c, &reply) != REDIS_OK)
        return fail("no message", c);
    const redisReply *r = reply;
    bool same = r->type == REDIS_REPLY_ARRAY && r->elements == parts &&
                strcmp(r->element[parts - 1]->str, data) == 0;
    freeReplyObject(reply);
    return same || fail("another message than expected", NULL);
}

static bool follow(redisContext *c, redisContext *publisher, const char *topic)
{
    return expect(c, REDIS_REPLY_ARRAY, "PSUBSCRIBE %s/*", topic) &&
           expect(c, REDIS_REPLY_ARRAY, "SUBSCRIBE %s", topic) &&
           expect(publisher, REDIS_REPLY_INTEGER, "PUBLISH %s/below three", topic) &&
           expect(publisher, REDIS_REPLY_INTEGER, "PUBLISH %s four", topic) &&
           next_is(c, 4, "three") && next_is(c, 3, "four");
}

/* Goes on with C after it has been connected again. */
static bool wait_and_return(redisContext *c, const char *topic)
{
    return expect(c, REDIS_REPLY_NIL, "XREAD BLOCK 1 STREAMS %s $", topic) &&
           expect(c, REDIS_REPLY_ARRAY, "XREAD BLOCK 0 STREAMS %s 0", topic) &&
           expect(c, REDIS_REPLY_STATUS, "QUIT", NULL) &&
           (redisReconnect(c) == REDIS_OK || fail("cannot connect again", c)) &&
           expect(c, REDIS_REPLY_STATUS, "PING", NULL);
}

static bool do_all(redisContext *c, const char *socket, const char *topic, int count)
{
    redisContext *subscriber = redisConnectUnix(socket);
    bool ok = subscriber && !subscriber->err && publish_and_read(c, topic, count) &&
              transact(c, topic) && follow(subscriber, c, topic) && wait_and_return(c, topic);
    redisFree(subscriber);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: hiredis_client SOCKET TOPIC COUNT\n");
        return 2;
    }
    redisContext *c = redisConnectUnix(argv[1]);
    if (!c || c->err) {
        fail("cannot connect", c);
        redisFree(c);
        return EXIT_FAILURE;
    }
    bool ok = do_all(c, argv[1], argv[2], atoi(argv[3]));
    redisFree(c);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
