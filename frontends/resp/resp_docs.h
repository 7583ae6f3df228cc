/* A table of commands as COMMAND and HELP show it to clients. */
#ifndef FRONTENDS_RESP_RESP_DOCS_H
#define FRONTENDS_RESP_RESP_DOCS_H

#include "frontends/resp/resp_reply.h"
#include "frontends/resp/resp_request.h"

struct resp_commands;

/* COMMAND, COMMAND INFO [name ...] */
void resp_docs_list(const struct resp_commands *t, const struct resp_request *q,
                    enum resp_version v, struct buf *out);
/* COMMAND COUNT, without subcommands. */
void resp_docs_count(const struct resp_commands *t, struct buf *out);
/* COMMAND LIST */
void resp_docs_names(const struct resp_commands *t, struct buf *out);
/* COMMAND DOCS [name ...] */
void resp_docs_describe(const struct resp_commands *t, const struct resp_request *q,
                        enum resp_version v, struct buf *out);
/* HELP of the command PARENT, which has subcommands. */
void resp_docs_help(const struct resp_commands *t, const struct resp_arg *parent, struct buf *out);

#endif
