/* `revoke`: tokens that are to count no longer, and the list of them. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum ctl_exit ctl_revoke_check(const struct ctl *c)
{
    bool jti = ctl_given(c, CTL_OPT_JTI), sub = ctl_given(c, CTL_OPT_SUB);
    bool before = ctl_given(c, CTL_OPT_BEFORE), until = ctl_given(c, CTL_OPT_UNTIL);
    bool list = ctl_given(c, CTL_OPT_LIST), undo = ctl_given(c, CTL_OPT_UNDO);
    if (jti + sub + list != 1)
        ctl_say("say one of --jti ID, --sub NAME and --list");
    else if (before && !sub)
        ctl_say("--before is for a --sub: a jti names one token");
    else if ((list || undo) && (before || until || (list && undo)))
        ctl_say("%s goes without --before, --until and %s", list ? "--list" : "--undo",
                list ? "--undo" : "--list");
    else
        return CTL_OK;
    return CTL_USAGE;
}

/* --- the list --- */

static void add_row(struct ctl_table *t, const json_t *one)
{
    const char *jti = ctl_json_text(one, "jti");
    ctl_table_text(t, jti ? "jti" : "sub");
    ctl_table_text(t, jti ? jti : ctl_json_text(one, "sub"));
    ctl_table_text(t, ctl_json_text(one, "issued_until"));
    ctl_table_text(t, ctl_json_text(one, "kept_until"));
}

static enum ctl_exit show_list(struct ctl *c, const json_t *list)
{
    static const struct ctl_column columns[] = {
        {"KIND", false, CTL_STYLE_PLAIN},
        {"NAME", false, CTL_STYLE_NAME},
        {"ISSUED UNTIL", false, CTL_STYLE_PLAIN},
        {"KEPT UNTIL", false, CTL_STYLE_PLAIN},
    };
    struct ctl_table t;
    struct buf out = {0};
    ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < json_array_size(list); i++)
        add_row(&t, json_array_get(list, i));
    ctl_table_put(&t, &out, c->colour, 0, 0, "\n");
    ctl_table_finish(&t);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

/* --- one --- */

static enum ctl_exit undo(struct ctl *c, const char *kind, const char *name)
{
    struct ctl_reply reply;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "UNREVOKE", kind, name), &reply);
    if (!status)
        ctl_reply_finish(&reply);
    return status;
}

static enum ctl_exit tell(const struct ctl *c, long long ended)
{
    struct buf out = {0};
    if (c->json)
        buf_printf(&out, "{\"ended\":%lld}\n", ended);
    else
        buf_printf(&out, "revoked; %lld connections ended\n", ended);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

static enum ctl_exit revoke(struct ctl *c, const char *kind, const char *name)
{
    const char *words[9] = {"HUB", "REVOKE", kind, name};
    struct ctl_reply reply;
    size_t n = 4;
    if (c->args.before) {
        words[n++] = "BEFORE";
        words[n++] = c->args.before;
    }
    if (c->args.until) {
        words[n++] = "UNTIL";
        words[n++] = c->args.until;
    }
    enum ctl_exit status = ctl_call(c, words, &reply);
    if (status)
        return status;
    bool known = reply.kind == CTL_REPLY_NUMBER;
    long long ended = reply.number;
    ctl_reply_finish(&reply);
    return known ? tell(c, ended) : ctl_strange();
}

enum ctl_exit ctl_revoke(struct ctl *c)
{
    const char *kind = c->args.jti ? "JTI" : "SUB", *name = c->args.jti ? c->args.jti : c->args.sub;
    if (ctl_given(c, CTL_OPT_LIST))
        return ctl_ask(c, "REVOKED", show_list);
    return ctl_given(c, CTL_OPT_UNDO) ? undo(c, kind, name) : revoke(c, kind, name);
}
