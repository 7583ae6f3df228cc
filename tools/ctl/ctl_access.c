/* longwirectl access: what the hub says of rights. */
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"
#include "tools/ctl/ctl_token_text.h"

static void put_member(struct buf *out, const char *label, const json_t *of, const char *name)
{
    const char *text = ctl_json_text(of, name);
    if (!text || !*text)
        return;
    buf_printf(out, "%s ", label);
    ctl_text_put(out, text, strlen(text));
}

static void put_token(struct buf *out, const json_t *token)
{
    if (!json_is_object(token)) {
        buf_puts(out, "without a token\n");
    } else if (json_is_true(json_object_get(token, "valid"))) {
        buf_puts(out, "with a good token");
        put_member(out, " of", token, "sub");
        put_member(out, ", by key", token, "key");
        put_member(out, ", until", token, "expires");
        buf_putc(out, '\n');
    } else if (json_is_null(json_object_get(token, "valid"))) {
        put_member(out, "with a token that is nothing to the hub itself:", token, "reason");
        buf_putc(out, '\n');
    } else {
        put_member(out, "with a token that does not count:", token, "reason");
        buf_putc(out, '\n');
    }
}

static void put_right(struct ctl *c, struct buf *out, const json_t *right)
{
    const json_t *allowed = json_object_get(right, "allowed");
    const char *answer = json_is_null(allowed) ? "?" : json_is_true(allowed) ? "yes" : "no";
    const char *name = ctl_json_text(right, "right"), *reason = ctl_json_text(right, "reason");
    ctl_out_style(out, c->colour, json_is_true(allowed) ? CTL_STYLE_NAME : CTL_STYLE_WARN);
    buf_printf(out, "%-10s %-4s", name ? name : "?", answer);
    ctl_out_style(out, c->colour, CTL_STYLE_PLAIN);
    if (reason)
        ctl_text_put(out, reason, strlen(reason));
    buf_putc(out, '\n');
}

static enum ctl_exit show(struct ctl *c, const json_t *document)
{
    struct buf out = {0};
    const json_t *rights = json_object_get(document, "rights"), *each;
    size_t i;
    if (!json_is_array(rights))
        return ctl_strange();
    put_token(&out, json_object_get(document, "token"));
    json_array_foreach(rights, i, each)
    {
        put_right(c, &out, each);
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_access_check(const struct ctl *c)
{
    if (strcmp(c->args.words[0], "explain") == 0)
        return CTL_OK;
    ctl_say("access %s: must be access explain TOPIC [TOKEN|-]", c->args.words[0]);
    return CTL_USAGE;
}

static enum ctl_exit explain(struct ctl *c, const char *token)
{
    struct ctl_reply r;
    json_t *document;
    const char **words = CTL_WORDS("HUB", "ACCESS", c->args.words[1], token);
    enum ctl_exit status = ctl_call(c, words, &r);
    if (status != CTL_OK)
        return status;
    status = ctl_document(c, &r, &document);
    if (status == CTL_OK && document)
        status = show(c, document);
    json_decref(document);
    ctl_reply_finish(&r);
    return status;
}

enum ctl_exit ctl_access(struct ctl *c)
{
    struct buf token = {0};
    enum ctl_exit status = c->args.count > 2 ? ctl_token_text(c->args.words[2], &token) : CTL_OK;
    if (status == CTL_OK)
        status = explain(c, token.data);
    buf_finish(&token);
    return status;
}
