/* `presence`: who subscribes to a topic, page by page, and who comes and goes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_read.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum { NEXT_SIZE = 24 };

struct list {
    struct ctl *c;
    struct ctl_table table;
    char next[NEXT_SIZE]; /* "" = the list is complete */
    char *cursor;         /* CTL_CURSOR_SIZE bytes; of the first page */
    uint64_t members;
};

static void add_info(struct ctl_table *t, const json_t *info)
{
    char *text = info ? json_dumps(info, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    ctl_table_text(t, text);
    free(text);
}

static void add_member(struct list *l, const json_t *member)
{
    const char *sub = ctl_json_text(member, "sub");
    ctl_table_text(&l->table, sub ? sub : ctl_json_text(member, "connection"));
    ctl_table_text(&l->table, sub ? "sub" : "connection");
    ctl_table_number(&l->table, sub ? ctl_json_u64(member, "connections") : 1);
    ctl_table_text(&l->table, ctl_json_text(member, "since"));
    add_info(&l->table, json_object_get(member, "info"));
    l->members++;
}

/* The member NAME of PAGE, a short text; "" when there is none. */
static void copy_text(const json_t *page, const char *name, char *out, size_t size)
{
    const char *text = ctl_json_text(page, name);
    snprintf(out, size, "%s", text ? text : "");
}

static enum ctl_exit take_page(struct list *l, const struct ctl_reply *reply)
{
    json_t *document, *page = json_loadb(reply->text ? reply->text : "", reply->len, 0, NULL);
    size_t i;
    json_t *member;
    enum ctl_exit status = ctl_document(l->c, reply, &document);
    if (status == CTL_OK && !ctl_json_text(page, "cursor"))
        status = ctl_strange();
    if (!*l->cursor)
        copy_text(page, "cursor", l->cursor, CTL_CURSOR_SIZE);
    copy_text(page, "next", l->next, sizeof(l->next));
    json_array_foreach(json_object_get(document, "members"), i, member)
    {
        add_member(l, member);
    }
    json_decref(document);
    json_decref(page);
    return status;
}

static enum ctl_exit read_pages(struct list *l)
{
    const char *topic = l->c->args.words[0];
    enum ctl_exit status;
    do {
        struct ctl_reply reply;
        const char *next = l->next[0] ? l->next : NULL;
        status = ctl_call(l->c, CTL_WORDS("HUB", "PRESENCE", topic, next), &reply);
        if (status)
            return status;
        status = take_page(l, &reply);
        ctl_reply_finish(&reply);
    } while (status == CTL_OK && l->next[0]);
    return status;
}

static enum ctl_exit show(struct list *l)
{
    struct buf out = {0};
    if (l->c->json)
        return CTL_OK; /* the pages have been printed */
    if (l->members)
        ctl_table_put(&l->table, &out, l->c->colour, 0, 0, "\n");
    else
        ctl_say("nobody is there");
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

/* Shows the list; CURSOR: what follows it. */
static enum ctl_exit list_members(struct ctl *c, char cursor[CTL_CURSOR_SIZE])
{
    static const struct ctl_column columns[] = {
        {"WHO", false, CTL_STYLE_NAME},   {"BY", false, CTL_STYLE_PLAIN},
        {"CONNS", true, CTL_STYLE_PLAIN}, {"SINCE", false, CTL_STYLE_DIM},
        {"INFO", false, CTL_STYLE_PLAIN},
    };
    struct list l = {.c = c, .cursor = cursor};
    *cursor = '\0';
    ctl_table_init(&l.table, columns, sizeof(columns) / sizeof(columns[0]));
    enum ctl_exit status = read_pages(&l);
    if (status == CTL_OK)
        status = show(&l);
    ctl_table_finish(&l.table);
    return status;
}

enum ctl_exit ctl_presence(struct ctl *c)
{
    char cursor[CTL_CURSOR_SIZE], topic[sizeof("_presence/") + 255];
    enum ctl_exit status = list_members(c, cursor);
    if (status || !ctl_given(c, CTL_OPT_FOLLOW))
        return status;
    snprintf(topic, sizeof(topic), "_presence/%s", c->args.words[0]);
    return ctl_follow(c, topic, cursor, list_members);
}
