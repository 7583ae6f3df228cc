#include "frontends/resp/resp_docs.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "frontends/resp/resp_command.h"

static void put_text(struct buf *out, const char *text)
{
    resp_reply_bulk(out, text, strlen(text));
}

static size_t count_commands(const struct resp_commands *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += !resp_command_is_subcommand(&t->rows[i]);
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
    bool has_key = strncmp(c->syntax, "topic", 5) == 0 && !(c->flags & RESP_PUBSUB) &&
                   !resp_command_is_subcommand(c);
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

static size_t count_subcommands(const struct resp_commands *t, const char *parent, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++)
        count += is_sub_of(&t->rows[i], parent, n);
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

static void put_docs(const struct resp_commands *t, const struct resp_command *c,
                     enum resp_version v, struct buf *out)
{
    size_t n = strlen(c->name), subs = count_subcommands(t, c->name, n);
    put_text(out, c->name);
    resp_reply_map(out, v, subs ? 4 : 3);
    put_pair(out, "summary", c->summary);
    put_pair(out, "group", group_of(c));
    put_arguments(c, v, out);
    if (subs == 0)
        return;
    put_text(out, "subcommands");
    resp_reply_map(out, v, subs);
    for (size_t i = 0; i < t->count; i++)
        if (is_sub_of(&t->rows[i], c->name, n))
            put_docs(t, &t->rows[i], v, out);
}

void resp_docs_list(const struct resp_commands *t, const struct resp_request *q,
                    enum resp_version v, struct buf *out)
{
    resp_reply_array(out, q->argc > 2 ? q->argc - 2 : count_commands(t));
    for (size_t i = 2; i < q->argc; i++) {
        const struct resp_command *c = resp_command_find(t, q->argv[i].data, q->argv[i].len);
        if (c)
            put_command(c, v, out);
        else
            resp_reply_null_array(out, v);
    }
    for (size_t i = 0; i < t->count && q->argc <= 2; i++)
        if (!resp_command_is_subcommand(&t->rows[i]))
            put_command(&t->rows[i], v, out);
}

void resp_docs_count(const struct resp_commands *t, struct buf *out)
{
    resp_reply_integer(out, (int64_t)count_commands(t));
}

void resp_docs_names(const struct resp_commands *t, struct buf *out)
{
    resp_reply_array(out, count_commands(t));
    for (size_t i = 0; i < t->count; i++)
        if (!resp_command_is_subcommand(&t->rows[i]))
            put_text(out, t->rows[i].name);
}

/* Unknown names are left out. */
static bool is_asked_for(const struct resp_command *c, const struct resp_request *q)
{
    bool asked = q->argc == 2 && !resp_command_is_subcommand(c);
    for (size_t i = 2; i < q->argc; i++)
        asked |= resp_arg_is(&q->argv[i], c->name);
    return asked;
}

void resp_docs_describe(const struct resp_commands *t, const struct resp_request *q,
                        enum resp_version v, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++)
        count += is_asked_for(&t->rows[i], q);
    resp_reply_map(out, v, count);
    for (size_t i = 0; i < t->count; i++)
        if (is_asked_for(&t->rows[i], q))
            put_docs(t, &t->rows[i], v, out);
}

/* --- HELP --- */

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

void resp_docs_help(const struct resp_commands *t, const struct resp_arg *parent, struct buf *out)
{
    resp_reply_array(out, 2 * count_subcommands(t, parent->data, parent->len));
    for (size_t i = 0; i < t->count; i++)
        if (is_sub_of(&t->rows[i], parent->data, parent->len))
            put_help(&t->rows[i], t->rows[i].name + parent->len + 1, out);
}
