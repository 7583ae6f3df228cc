#include "frontends/resp/resp_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_client.h"
#include "frontends/resp/resp_command.h"
#include "frontends/resp/resp_connection.h"
#include "frontends/resp/resp_docs.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_hub.h"
#include "frontends/resp/resp_multi.h"
#include "frontends/resp/resp_publish.h"
#include "frontends/resp/resp_read.h"
#include "frontends/resp/resp_revoke.h"
#include "frontends/resp/resp_subscribe.h"
#include "frontends/resp/resp_xread.h"

enum {
    SHOWN_WORDS_MAX = 128, /* bytes of an unknown command's words that its error repeats */
    NAME_MAX_BYTES = 64,   /* longer than any name in the table */
};

/* COMMAND ..., and HELP of a command with subcommands: they show this table. */
static resp_run list, count, names, docs, help;

/* What pipelines send most comes first. */
static const struct resp_command rows[] = {
    {"publish", 3, 3, RESP_WRITE | RESP_PUBSUB | RESP_FAST, NULL, resp_publish_publish,
     "topic payload", "Publishes a message; answers the number of subscribers after its commit"},
    {"xadd", 5, 0, RESP_WRITE | RESP_FAST, NULL, resp_publish_xadd,
     "topic * data payload [event name] [key idempotency-key] [kind json|text|binary] "
     "[expect cursor]",
     "Publishes a message; answers its id after its commit"},
    {"xrange", 4, 6, RESP_READONLY, resp_read_range, NULL, "topic start end [COUNT n]",
     "Messages of a topic from one cursor to another"},
    {"xrevrange", 4, 6, RESP_READONLY, resp_read_reverse, NULL, "topic end start [COUNT n]",
     "Messages of a topic, newest first"},
    {"xread", 4, 0, RESP_READONLY | RESP_BLOCKING, resp_xread, NULL,
     "[COUNT n] [BLOCK ms] STREAMS topic [topic ...] cursor [cursor ...]",
     "Messages of topics after cursors, waiting for them if there are none"},
    {"xlen", 2, 2, RESP_READONLY | RESP_FAST, resp_read_length, NULL, "topic",
     "How many messages of a topic are kept"},
    {"subscribe", 2, 0, RESP_PUBSUB | RESP_SUBSCRIBED | RESP_ALONE, resp_subscribe_topics, NULL,
     "topic [topic ...]", "Follows topics"},
    {"psubscribe", 2, 0, RESP_PUBSUB | RESP_SUBSCRIBED | RESP_ALONE, resp_subscribe_patterns, NULL,
     "pattern [pattern ...]", "Follows the topics that match patterns: + one level, # the rest"},
    {"unsubscribe", 1, 0, RESP_PUBSUB | RESP_SUBSCRIBED | RESP_ALONE, resp_subscribe_leave_topics,
     NULL, "[topic ...]", "Leaves topics, or all of them"},
    {"punsubscribe", 1, 0, RESP_PUBSUB | RESP_SUBSCRIBED | RESP_ALONE,
     resp_subscribe_leave_patterns, NULL, "[pattern ...]", "Leaves patterns, or all of them"},
    {"ping", 1, 2, RESP_FAST | RESP_SUBSCRIBED, resp_connection_ping, NULL, "[text]",
     "Answers PONG, or the text"},
    {"echo", 2, 2, RESP_FAST, resp_connection_echo, NULL, "text", "Answers the text"},
    {"multi", 1, 1, RESP_FAST | RESP_AT_ONCE, resp_multi_multi, NULL, "",
     "Begins a transaction: commands are put by until EXEC"},
    {"exec", 1, 1, RESP_AT_ONCE, resp_multi_exec, NULL, "",
     "Does what was put by: the publishes are stored all or none"},
    {"discard", 1, 1, RESP_FAST | RESP_AT_ONCE, resp_multi_discard, NULL, "",
     "Ends a transaction without doing anything"},
    {"watch", 2, 0, RESP_FAST | RESP_AT_ONCE, resp_multi_watch, NULL, "topic [topic ...]",
     "Is refused: XADD has expect"},
    {"unwatch", 1, 1, RESP_FAST, resp_multi_unwatch, NULL, "", "Has no effect"},
    {"hello", 1, 0, RESP_FAST, resp_connection_hello, NULL,
     "[protocol [AUTH user password] [SETNAME name]]",
     "Describes the server, and changes to RESP2 or RESP3"},
    {"auth", 2, 3, RESP_FAST, resp_connection_auth, NULL, "[user] password",
     "There are no passwords: any is right for the user default, who is the only one"},
    {"select", 2, 2, RESP_FAST, resp_connection_select, NULL, "index",
     "Chooses the database; 0 is the only one"},
    {"quit", 1, 0, RESP_FAST | RESP_SUBSCRIBED | RESP_AT_ONCE, resp_connection_quit, NULL, "",
     "Ends the connection"},
    {"reset", 1, 1, RESP_FAST | RESP_SUBSCRIBED | RESP_AT_ONCE, resp_connection_reset, NULL, "",
     "Makes the connection as good as new"},
    {"info", 1, 0, RESP_FAST, resp_connection_info, NULL, "[section ...]",
     "Figures of the hub as text"},
    {"client", 2, 0, 0, NULL, NULL, "subcommand", "Connections"},
    {"client|capa", 3, 0, RESP_FAST, resp_client_capa, NULL, "capability [capability ...]",
     "Has no effect: the hub uses none"},
    {"client|getname", 2, 2, RESP_FAST, resp_client_getname, NULL, "", "This connection's name"},
    {"client|getredir", 2, 2, RESP_FAST, resp_client_getredir, NULL, "", "-1: nothing is tracked"},
    {"client|help", 2, 2, RESP_FAST, help, NULL, "", "These lines"},
    {"client|id", 2, 2, RESP_FAST, resp_client_id, NULL, "", "This connection's number"},
    {"client|info", 2, 2, RESP_FAST, resp_client_info, NULL, "", "This connection's line of LIST"},
    {"client|kill", 3, 4, RESP_ADMIN | RESP_ALONE, resp_client_kill, NULL,
     "address | ID number | ADDR address", "Ends connections"},
    {"client|list", 2, 2, RESP_ADMIN | RESP_ALONE, resp_client_list, NULL, "",
     "One line for each connection"},
    {"client|no-evict", 3, 3, RESP_FAST, resp_client_switch, NULL, "ON|OFF",
     "Has no effect: connections are not evicted"},
    {"client|no-touch", 3, 3, RESP_FAST, resp_client_switch, NULL, "ON|OFF",
     "Has no effect: reading does not change what is kept"},
    {"client|reply", 3, 3, RESP_FAST, resp_client_reply, NULL, "ON",
     "ON: every command is answered; OFF and SKIP are refused"},
    {"client|setinfo", 4, 4, RESP_FAST, resp_client_setinfo, NULL, "LIB-NAME|LIB-VER text",
     "What the client's library is called, for CLIENT LIST"},
    {"client|setname", 3, 3, RESP_FAST, resp_client_setname, NULL, "name",
     "Names this connection in listings; an empty name takes it away"},
    {"client|tracking", 3, 0, RESP_FAST, resp_client_tracking, NULL, "OFF",
     "OFF: the hub has no keys that a client could cache; ON is refused"},
    {"command", 1, 1, RESP_FAST, list, NULL, "", "All commands"},
    {"command|count", 2, 2, RESP_FAST, count, NULL, "", "How many commands there are"},
    {"command|docs", 2, 0, RESP_FAST, docs, NULL, "[command ...]", "What commands are for"},
    {"command|help", 2, 2, RESP_FAST, help, NULL, "", "These lines"},
    {"command|info", 2, 0, RESP_FAST, list, NULL, "[command ...]", "Some commands, or all"},
    {"command|list", 2, 2, RESP_FAST, names, NULL, "", "The names of all commands"},
    {"config", 2, 0, RESP_ADMIN, NULL, NULL, "subcommand", "Configuration"},
    {"config|get", 3, 0, RESP_ADMIN, resp_connection_config_get, NULL, "name [name ...]",
     "Nothing: the options of a hub are others"},
    {"config|help", 2, 2, RESP_FAST, help, NULL, "", "These lines"},
    {"hub", 2, 0, RESP_ADMIN, NULL, NULL, "subcommand", "Administration of the hub"},
    {"hub|access", 3, 4, RESP_ADMIN, resp_hub_access, NULL, "topic [token]",
     "What may be done with a topic or pattern, and which rule says so, as JSON"},
    {"hub|backup", 3, 4, RESP_ADMIN | RESP_ALONE, resp_hub_backup, NULL, "path [JSON]",
     "Copies the log into a new or empty directory"},
    {"hub|clients", 2, 2, RESP_ADMIN | RESP_ALONE, resp_hub_clients, NULL, "",
     "All connections with topics, cursor and lag, as JSON"},
    {"hub|export", 6, 0, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_export, NULL,
     "after until limit topic [topic ...]", "Messages as they are stored, as JSON"},
    {"hub|help", 2, 2, RESP_FAST, help, NULL, "", "These lines"},
    {"hub|hooks", 2, 2, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_hooks, NULL, "",
     "How far hooks.url has been told, as JSON"},
    {"hub|kick", 3, 3, RESP_ADMIN | RESP_ALONE, resp_hub_kick, NULL, "number", "Ends a connection"},
    {"hub|presence", 3, 4, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_presence, NULL,
     "topic [next]", "Who subscribes to a topic with presence, some at a time, as JSON"},
    {"hub|purge", 3, 3, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_purge, NULL, "topic",
     "Takes away all messages of a topic; answers how many"},
    {"hub|read", 6, 0, RESP_READONLY | RESP_BLOCKING | RESP_ALONE, resp_hub_read, NULL,
     "after limit wait-ms topic [topic ...]", "Messages as a long-poll answers them, as JSON"},
    {"hub|revoke", 4, 8, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_revoke, NULL,
     "JTI|SUB name [BEFORE time] [UNTIL time]",
     "Has tokens count no longer, and ends their connections; answers how many"},
    {"hub|revoked", 2, 2, RESP_READONLY | RESP_ADMIN, resp_hub_revoked, NULL, "",
     "What is revoked, as JSON"},
    {"hub|stats", 2, 2, RESP_ADMIN | RESP_ALONE, resp_hub_stats, NULL, "",
     "Figures of the hub, as JSON"},
    {"hub|tls", 2, 2, RESP_ADMIN, resp_hub_tls, NULL, "",
     "Certificates, tickets and handshakes of TLS, as JSON"},
    {"hub|topic", 3, 3, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_topic, NULL, "topic",
     "One topic, as JSON"},
    {"hub|topics", 2, 3, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_topics, NULL,
     "[pattern]", "All topics, or those that match, as JSON"},
    {"hub|trim", 3, 3, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_trim, NULL, "cursor",
     "Takes away all stored messages up to a cursor; answers how many"},
    {"hub|unrevoke", 4, 4, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_unrevoke, NULL,
     "JTI|SUB name", "Takes a revocation back"},
    {"hub|verify", 2, 2, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_verify, NULL, "",
     "Checks the whole log: records, index, totals; answers what is damaged, as JSON"},
};

static const struct resp_commands table = {rows, sizeof(rows) / sizeof(rows[0])};

/* --- COMMAND and HELP --- */

static void list(struct resp *r, const struct resp_request *q, struct buf *out)
{
    resp_docs_list(&table, q, r->version, out);
}

static void count(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_docs_count(&table, out);
}

static void names(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_docs_names(&table, out);
}

static void docs(struct resp *r, const struct resp_request *q, struct buf *out)
{
    resp_docs_describe(&table, q, r->version, out);
}

static void help(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    resp_docs_help(&table, &q->argv[0], out);
}

/* --- finding --- */

/* "client|kill" for CLIENT KILL; NULL when there is no such subcommand. */
static const struct resp_command *find_sub(const struct resp_arg *command,
                                           const struct resp_arg *sub)
{
    char name[NAME_MAX_BYTES];
    if (command->len + sub->len + 1 > sizeof(name) || memchr(sub->data, '|', sub->len))
        return NULL;
    memcpy(name, command->data, command->len);
    name[command->len] = '|';
    memcpy(name + command->len + 1, sub->data, sub->len);
    return resp_command_find(&table, name, command->len + 1 + sub->len);
}

/* COMMAND alone is a command, and has subcommands too. */
const struct resp_command *resp_table_find(const struct resp_request *q)
{
    const struct resp_arg *name = &q->argv[0];
    if (memchr(name->data, '|', name->len))
        return NULL;
    const struct resp_command *c = resp_command_find(&table, name->data, name->len);
    if (c && q->argc > 1 && (resp_command_is_container(c) || c->run == list))
        c = find_sub(name, &q->argv[1]);
    return c;
}

static bool takes(const struct resp_command *c, size_t words)
{
    return words >= c->min && (c->max == 0 || words <= c->max);
}

bool resp_table_fits(const struct resp *r, const struct resp_command *c,
                     const struct resp_request *q)
{
    return !resp_command_is_container(c) && takes(c, q->argc) &&
           (!r->subscription || r->version == RESP3 || c->flags & RESP_SUBSCRIBED);
}

/* --- refusals, in the form that Redis gives them --- */

static void refuse_unknown(struct resp *r, const struct resp_request *q)
{
    char name[SHOWN_WORDS_MAX], words[2 * SHOWN_WORDS_MAX] = "";
    log_escape(name, sizeof(name), q->argv[0].data, q->argv[0].len);
    for (size_t i = 1, used = 0; i < q->argc && used < SHOWN_WORDS_MAX; i++) {
        char word[SHOWN_WORDS_MAX];
        log_escape(word, sizeof(word) - used, q->argv[i].data, q->argv[i].len);
        used += (size_t)snprintf(words + used, sizeof(words) - used, "'%s' ", word);
    }
    resp_errorf(r, "ERR unknown command '%s', with args beginning with: %s", name, words);
}

static void refuse_subcommand(struct resp *r, const struct resp_command *parent,
                              const struct resp_request *q)
{
    char name[NAME_MAX_BYTES], sub[SHOWN_WORDS_MAX];
    for (size_t i = 0; i <= strlen(parent->name); i++)
        name[i] = (char)toupper((unsigned char)parent->name[i]);
    log_escape(sub, sizeof(sub), q->argv[1].data, q->argv[1].len);
    resp_errorf(r, "ERR unknown subcommand '%s'. Try %s HELP.", sub, name);
}

void resp_table_refuse(struct resp *r, const struct resp_command *c, const struct resp_request *q)
{
    const struct resp_command *parent = resp_command_find(&table, q->argv[0].data, q->argv[0].len);
    if (!c && parent && q->argc > 1)
        refuse_subcommand(r, parent, q);
    else if (!c)
        refuse_unknown(r, q);
    else if (resp_command_is_container(c) || !takes(c, q->argc))
        resp_errorf(r, "ERR wrong number of arguments for '%s' command", c->name);
    else
        resp_errorf(r,
                    "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                    "/ RESET are allowed in this context",
                    c->name);
}
