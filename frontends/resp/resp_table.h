/* All commands of the local socket: which there are, and which of them a connection may run. */
#ifndef FRONTENDS_RESP_RESP_TABLE_H
#define FRONTENDS_RESP_RESP_TABLE_H

#include <stdbool.h>

struct resp;
struct resp_command;
struct resp_request;

/* The command or subcommand that Q asks for; NULL when there is none. */
const struct resp_command *resp_table_find(const struct resp_request *q);
/* Whether R may run C with the words of Q now. */
bool resp_table_fits(const struct resp *r, const struct resp_command *c,
                     const struct resp_request *q);
/* Replies why it may not; C is NULL when there is no such command. */
void resp_table_refuse(struct resp *r, const struct resp_command *c, const struct resp_request *q);

#endif
