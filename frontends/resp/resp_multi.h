/*
 * Transactions: MULTI, commands that are put by, and EXEC, which does them together.
 *
 * The publishes of a transaction are one publish of the hub: stored all or none, next to each other
 * in the log. When that is committed the other commands run in their order, those that read
 * messages one in a turn, and EXEC answers with all replies in one array. A publish that fails, and
 * a command that could not be put by, take the whole transaction with them.
 *
 *     MULTI --> QUEUEING --EXEC--> COMMITTING --committed--> RUNNING --> answered
 *                  | error            | failed
 *                  v                  v
 *               SPOILT --EXEC------> answered by an error
 */
#ifndef FRONTENDS_RESP_RESP_MULTI_H
#define FRONTENDS_RESP_RESP_MULTI_H

#include "frontends/resp/resp_command.h"

struct description;
struct publish;

/* Of one connection; NULL, wherever it is taken, is none. */
struct resp_multi;

resp_run resp_multi_multi, resp_multi_exec, resp_multi_discard, resp_multi_watch,
    resp_multi_unwatch;

enum {
    RESP_MULTI_COMMANDS_MAX = 10000, /* of one transaction */
};

/* Puts a command by and answers QUEUED, or says why not and spoils the transaction. */
void resp_multi_queue(struct resp *r, const struct resp_command *c, const struct resp_request *q,
                      struct buf *out);
/* A command could not be put by: EXEC will say so. */
void resp_multi_spoil(struct resp_multi *m);
/* The publish of the transaction came back. */
void resp_multi_answered(struct resp *r, const struct publish *p);
/* Runs what is left to run, or as much of it as belongs into one turn; fine when nothing is. */
void resp_multi_go_on(struct resp *r);
/* Bytes that it keeps: commands that are put by, and replies. */
size_t resp_multi_held(const struct resp_multi *m);
void resp_multi_describe(const struct resp_multi *m, struct description *d);
/* Ends the transaction of R without an answer; fine when there is none. */
void resp_multi_drop(struct resp *r);

#endif
