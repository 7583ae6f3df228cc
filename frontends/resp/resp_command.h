/*
 * What a command of the local socket is: one row of a table. Which there are, resp_table.c says;
 * what they do stands in a file for each subject.
 */
#ifndef FRONTENDS_RESP_RESP_COMMAND_H
#define FRONTENDS_RESP_RESP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/message.h"
#include "frontends/resp/resp_request.h"

struct buf;
struct fault;
struct resp;

/* Runs a command of the right number of words: answers in OUT (the connection's), by resp_error, or
 * later (resp_begin_wait). */
typedef void resp_run(struct resp *r, const struct resp_request *q, struct buf *out);
/* Fills in what a command publishes, borrowing from its words. Returns NULL, or what is wrong. */
typedef const struct fault *resp_read_publish(const struct resp_request *q,
                                              struct message_init *ret);

enum resp_command_flag {
    RESP_WRITE = 1,
    RESP_READONLY = 2,
    RESP_PUBSUB = 4,
    RESP_ADMIN = 8,
    RESP_BLOCKING = 16, /* may wait for messages */
    RESP_FAST = 32,
    RESP_SUBSCRIBED = 64, /* allowed in RESP2 on a connection that is subscribed */
    RESP_AT_ONCE = 128,   /* runs inside a transaction instead of being put by */
    RESP_ALONE = 256,     /* not in a transaction */
};

struct resp_command {
    const char *name; /* in lower case; a subcommand is "client|setname" */
    size_t min, max;  /* words, name included; max 0 = any number */
    unsigned flags;   /* enum resp_command_flag */
    resp_run *run;    /* NULL: it publishes, or has only subcommands */
    resp_read_publish *publish;
    const char *syntax; /* the words behind the name */
    const char *summary;
};

/* A table of commands and their subcommands. */
struct resp_commands {
    const struct resp_command *rows;
    size_t count;
};

/* By its whole name ("client|kill"), in any letter case; NULL when there is none. */
const struct resp_command *resp_command_find(const struct resp_commands *t, const char *name,
                                             size_t n);
/* Whether C does nothing of its own, but has subcommands. */
bool resp_command_is_container(const struct resp_command *c);
bool resp_command_is_subcommand(const struct resp_command *c);
/* Whether C reads messages, of which one in a turn is enough for a connection. */
bool resp_command_reads(const struct resp_command *c);

#endif
