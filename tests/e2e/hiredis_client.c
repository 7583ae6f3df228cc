/*
 * A hiredis program as somebody would write one: publishes COUNT messages down one pipeline, reads
 * them back, and prints `ok FIRST-ID LAST-ID`. Started by 63-hiredis.test.mjs.
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
    bool ok = publish_and_read(c, argv[2], atoi(argv[3]));
    redisFree(c);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
