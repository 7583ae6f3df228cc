#include "frontends/resp/resp_command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"

enum {
    SHOWN_WORDS_MAX = 128, /* bytes of an unknown command's words that its error repeats */
    NAME_MAX_BYTES = 64,   /* longer than any name in the table */
};

/* What pipelines send most comes first. */
static const struct resp_command commands[] = {
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
    {"xread", 4, 0, RESP_READONLY | RESP_BLOCKING, resp_read_xread, NULL,
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
    {"client|help", 2, 2, RESP_FAST, resp_command_help, NULL, "", "These lines"},
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
    {"command", 1, 1, RESP_FAST, resp_command_list, NULL, "", "All commands"},
    {"command|count", 2, 2, RESP_FAST, resp_command_count, NULL, "", "How many commands there are"},
    {"command|docs", 2, 0, RESP_FAST, resp_command_docs, NULL, "[command ...]",
     "What commands are for"},
    {"command|help", 2, 2, RESP_FAST, resp_command_help, NULL, "", "These lines"},
    {"command|info", 2, 0, RESP_FAST, resp_command_list, NULL, "[command ...]",
     "Some commands, or all"},
    {"command|list", 2, 2, RESP_FAST, resp_command_names, NULL, "", "The names of all commands"},
    {"config", 2, 0, RESP_ADMIN, NULL, NULL, "subcommand", "Configuration"},
    {"config|get", 3, 0, RESP_ADMIN, resp_connection_config_get, NULL, "name [name ...]",
     "Nothing: the options of a hub are others"},
    {"config|help", 2, 2, RESP_FAST, resp_command_help, NULL, "", "These lines"},
    {"hub", 2, 0, RESP_ADMIN, NULL, NULL, "subcommand", "Administration of the hub"},
    {"hub|backup", 3, 4, RESP_ADMIN | RESP_ALONE, resp_hub_backup, NULL, "path [JSON]",
     "Copies the log into a new or empty directory"},
    {"hub|clients", 2, 2, RESP_ADMIN | RESP_ALONE, resp_hub_clients, NULL, "",
     "All connections with topics, cursor and lag, as JSON"},
    {"hub|export", 6, 0, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_export, NULL,
     "after until limit topic [topic ...]", "Messages as they are stored, as JSON"},
    {"hub|help", 2, 2, RESP_FAST, resp_command_help, NULL, "", "These lines"},
    {"hub|kick", 3, 3, RESP_ADMIN | RESP_ALONE, resp_hub_kick, NULL, "number", "Ends a connection"},
    {"hub|purge", 3, 3, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_purge, NULL, "topic",
     "Takes away all messages of a topic; answers how many"},
    {"hub|read", 6, 0, RESP_READONLY | RESP_BLOCKING | RESP_ALONE, resp_hub_read, NULL,
     "after limit wait-ms topic [topic ...]", "Messages as a long-poll answers them, as JSON"},
    {"hub|stats", 2, 2, RESP_ADMIN | RESP_ALONE, resp_hub_stats, NULL, "",
     "Figures of the hub, as JSON"},
    {"hub|topic", 3, 3, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_topic, NULL, "topic",
     "One topic, as JSON"},
    {"hub|topics", 2, 3, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_topics, NULL,
     "[pattern]", "All topics, or those that match, as JSON"},
    {"hub|trim", 3, 3, RESP_WRITE | RESP_ADMIN | RESP_ALONE, resp_hub_trim, NULL, "cursor",
     "Takes away all stored messages up to a cursor; answers how many"},
    {"hub|verify", 2, 2, RESP_READONLY | RESP_ADMIN | RESP_ALONE, resp_hub_verify, NULL, "",
     "Checks the whole log: records, index, totals; answers what is damaged, as JSON"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static bool is_container(const struct resp_command *c)
{
    return !c->run && !c->publish;
}

static bool is_subcommand(const struct resp_command *c)
{
    return strchr(c->name, '|') != NULL;
}

static const struct resp_command *find(const char *name, size_t n)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strlen(commands[i].name) == n && strncasecmp(commands[i].name, name, n) == 0)
            return &commands[i];
    return NULL;
}

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
    return find(name, command->len + 1 + sub->len);
}

/* COMMAND alone is a command, and has subcommands too. */
const struct resp_command *resp_command_find(const struct resp_request *q)
{
    const struct resp_arg *name = &q->argv[0];
    if (memchr(name->data, '|', name->len))
        return NULL;
    const struct resp_command *c = find(name->data, name->len);
    if (c && q->argc > 1 && (is_container(c) || c->run == resp_command_list))
        c = find_sub(name, &q->argv[1]);
    return c;
}

static bool takes(const struct resp_command *c, size_t words)
{
    return words >= c->min && (c->max == 0 || words <= c->max);
}

bool resp_command_fits(const struct resp *r, const struct resp_command *c,
                       const struct resp_request *q)
{
    return !is_container(c) && takes(c, q->argc) &&
           (!r->subscription || r->version == RESP3 || c->flags & RESP_SUBSCRIBED);
}

bool resp_command_reads(const struct resp_command *c)
{
    return c->flags & RESP_READONLY && !(c->flags & RESP_FAST);
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

void resp_command_refuse(struct resp *r, const struct resp_command *c, const struct resp_request *q)
{
    const struct resp_command *parent = find(q->argv[0].data, q->argv[0].len);
    if (!c && parent && q->argc > 1)
        refuse_subcommand(r, parent, q);
    else if (!c)
        refuse_unknown(r, q);
    else if (is_container(c) || !takes(c, q->argc))
        resp_errorf(r, "ERR wrong number of arguments for '%s' command", c->name);
    else
        resp_errorf(r,
                    "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                    "/ RESET are allowed in this context",
                    c->name);
}

/* --- COMMAND --- */

static void put_text(struct buf *out, const char *text)
{
    resp_reply_bulk(out, text, strlen(text));
}

static size_t count_commands(void)
{
    size_t n = 0;
    for (size_t i = 0; i < COMMANDS; i++)
        n += !is_subcommand(&commands[i]);
    return n;
}

static void put_flags(const struct resp_command *c, enum resp_version v, struct buf *out)
{
    static const char *const names[] = {"write", "readonly", "pubsub", "admin", "blocking", "fast"};
    unsigned known = c->flags & (RESP_SUBSCRIBED - 1u);
    resp_reply_set(out, v, (size_t)__builtin_popcount(known));
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (known & 1u << i)
            resp_reply_simple(out, names[i]);
}

/* Positions of the first and last topic, and from one to the next. */
static void put_keys(const struct resp_command *c, struct buf *out)
{
    bool has_key =
        strncmp(c->syntax, "topic", 5) == 0 && !(c->flags & RESP_PUBSUB) && !is_subcommand(c);
    for (int i = 0; i < 3; i++)
        resp_reply_integer(out, has_key);
}

/* As Redis 7 describes a command; the last four lists stay empty. */
static void put_command(const struct resp_command *c, enum resp_version v, struct buf *out)
{
    resp_reply_array(out, 10);
    put_text(out, c->name);
    resp_reply_integer(out, c->max == c->min ? (int64_t)c->min : -(int64_t)c->min);
    put_flags(c, v, out);
    put_keys(c, out);
    resp_reply_set(out, v, 0);
    for (int i = 0; i < 3; i++)
        resp_reply_array(out, 0);
}

static bool is_sub_of(const struct resp_command *c, const char *parent, size_t n)
{
    return strncasecmp(c->name, parent, n) == 0 && c->name[n] == '|';
}

static size_t count_subcommands(const char *parent, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++)
        count += is_sub_of(&commands[i], parent, n);
    return count;
}

static const char *group_of(const struct resp_command *c)
{
    if (c->flags & RESP_PUBSUB)
        return "pubsub";
    if (c->flags & RESP_ADMIN)
        return "server";
    return c->flags & (RESP_READONLY | RESP_WRITE) ? "stream" : "connection";
}

static void put_pair(struct buf *out, const char *name, const char *value)
{
    put_text(out, name);
    put_text(out, value);
}

/* All words behind the name as one argument. */
static void put_arguments(const struct resp_command *c, enum resp_version v, struct buf *out)
{
    put_text(out, "arguments");
    resp_reply_array(out, c->syntax[0] != '\0');
    if (c->syntax[0] == '\0')
        return;
    resp_reply_map(out, v, 3);
    put_pair(out, "name", c->syntax);
    put_pair(out, "display_text", c->syntax);
    put_pair(out, "type", "string");
}

static void put_docs(const struct resp_command *c, enum resp_version v, struct buf *out)
{
    size_t n = strlen(c->name), subs = count_subcommands(c->name, n);
    put_text(out, c->name);
    resp_reply_map(out, v, subs ? 4 : 3);
    put_pair(out, "summary", c->summary);
    put_pair(out, "group", group_of(c));
    put_arguments(c, v, out);
    if (subs == 0)
        return;
    put_text(out, "subcommands");
    resp_reply_map(out, v, subs);
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_sub_of(&commands[i], c->name, n))
            put_docs(&commands[i], v, out);
}

/* COMMAND, COMMAND INFO [name ...] */
void resp_command_list(struct resp *r, const struct resp_request *q, struct buf *out)
{
    resp_reply_array(out, q->argc > 2 ? q->argc - 2 : count_commands());
    for (size_t i = 2; i < q->argc; i++) {
        const struct resp_command *c = find(q->argv[i].data, q->argv[i].len);
        if (c)
            put_command(c, r->version, out);
        else
            resp_reply_null_array(out, r->version);
    }
    for (size_t i = 0; i < COMMANDS && q->argc <= 2; i++)
        if (!is_subcommand(&commands[i]))
            put_command(&commands[i], r->version, out);
}

void resp_command_count(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_reply_integer(out, (int64_t)count_commands());
}

void resp_command_names(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_reply_array(out, count_commands());
    for (size_t i = 0; i < COMMANDS; i++)
        if (!is_subcommand(&commands[i]))
            put_text(out, commands[i].name);
}

/* Unknown names are left out. */
static bool is_asked_for(const struct resp_command *c, const struct resp_request *q)
{
    bool asked = q->argc == 2 && !is_subcommand(c);
    for (size_t i = 2; i < q->argc; i++)
        asked |= resp_arg_is(&q->argv[i], c->name);
    return asked;
}

void resp_command_docs(struct resp *r, const struct resp_request *q, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++)
        count += is_asked_for(&commands[i], q);
    resp_reply_map(out, r->version, count);
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_asked_for(&commands[i], q))
            put_docs(&commands[i], r->version, out);
}

/* --- HELP of a command with subcommands --- */

static void put_help(const struct resp_command *c, const char *sub, struct buf *out)
{
    struct buf line = {0};
    for (; *sub; sub++)
        buf_putc(&line, (char)toupper((unsigned char)*sub));
    buf_printf(&line, "%s%s", c->syntax[0] ? " " : "", c->syntax);
    resp_reply_bulk(out, line.data, line.len);
    buf_clear(&line);
    buf_printf(&line, "    %s.", c->summary);
    resp_reply_bulk(out, line.data, line.len);
    out->failed |= line.failed;
    buf_finish(&line);
}

void resp_command_help(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const struct resp_arg *parent = &q->argv[0];
    (void)r;
    resp_reply_array(out, 2 * count_subcommands(parent->data, parent->len));
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_sub_of(&commands[i], parent->data, parent->len))
            put_help(&commands[i], commands[i].name + parent->len + 1, out);
}
