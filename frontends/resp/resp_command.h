/*
 * The table of all commands of the local socket: what is looked up, and what COMMAND and the HELP
 * subcommands show.
 */
#ifndef FRONTENDS_RESP_RESP_COMMAND_H
#define FRONTENDS_RESP_RESP_COMMAND_H

#include "broker/broker.h"
#include "broker/message.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_request.h"

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

/* The command or subcommand that Q asks for; NULL when there is none. */
const struct resp_command *resp_command_find(const struct resp_request *q);
/* Whether R may run C with the words of Q now. */
bool resp_command_fits(const struct resp *r, const struct resp_command *c,
                       const struct resp_request *q);
/* Whether C reads messages, of which one in a turn is enough for a connection. */
bool resp_command_reads(const struct resp_command *c);
/* Replies why it may not; C is NULL when there is no such command. */
void resp_command_refuse(struct resp *r, const struct resp_command *c,
                         const struct resp_request *q);

/* What the table runs. */
resp_run resp_command_list, resp_command_count, resp_command_names, resp_command_docs,
    resp_command_help;
resp_read_publish resp_publish_publish, resp_publish_xadd;
resp_run resp_read_range, resp_read_reverse, resp_read_xread, resp_read_length;
resp_run resp_subscribe_topics, resp_subscribe_patterns, resp_subscribe_leave_topics,
    resp_subscribe_leave_patterns;
resp_run resp_connection_ping, resp_connection_echo, resp_connection_hello, resp_connection_auth,
    resp_connection_select, resp_connection_quit, resp_connection_reset, resp_connection_info,
    resp_connection_config_get;
resp_run resp_client_id, resp_client_info, resp_client_kill, resp_client_list, resp_client_getname,
    resp_client_setname, resp_client_setinfo, resp_client_switch, resp_client_capa,
    resp_client_reply, resp_client_tracking, resp_client_getredir;
resp_run resp_multi_multi, resp_multi_exec, resp_multi_discard, resp_multi_watch,
    resp_multi_unwatch;
resp_run resp_hub_topics, resp_hub_topic, resp_hub_stats, resp_hub_clients, resp_hub_kick,
    resp_hub_purge, resp_hub_trim, resp_hub_backup, resp_hub_verify, resp_hub_read, resp_hub_export;

/* What Q publishes by the command C, borrowing from its words. Returns NULL, or what is wrong. */
const struct fault *resp_publish_read(const struct resp *r, const struct resp_command *c,
                                      const struct resp_request *q, struct message_init *ret);
/* Publishes by the command C; false when Q has to wait until the publishes before it are answered
 * (its answer is an error). */
bool resp_publish_run(struct resp *r, const struct resp_command *c, const struct resp_request *q);
/* Answers a publish that came back. */
void resp_publish_answer(struct resp *r, const struct publish *p);
/* The answer to one message of C that was stored. */
void resp_publish_put(const struct resp *r, const struct resp_command *c,
                      const struct publish_item *item, struct buf *out);
/* The error of a publish that failed. */
void resp_publish_fail(struct resp *r, const struct publish *p);

/* Gives the client a name, an empty one takes it away; NULL, or the error to reply with. */
const char *resp_client_rename(struct resp *r, const struct resp_arg *name);

/* After HELLO: what follows is in the other version. */
void resp_subscribe_version_changed(struct resp *r);
/* Leaves everything; fine when subscribed to nothing. */
void resp_subscribe_finish(struct resp *r);
void resp_subscribe_drained(struct resp *r);
/* About how many bytes its subscriptions take. */
size_t resp_subscribe_held(const struct resp *r);
void resp_subscribe_describe(const struct resp *r, struct conn_description *d);

#endif
