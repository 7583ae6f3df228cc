/* One run: what the hub is asked, with words for the operator. */
#include "tools/ctl/ctl_run.h"

#include <string.h>

#include "tools/ctl/ctl_advice.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_text.h"

enum ctl_exit ctl_connect(struct ctl *c)
{
    if (ctl_hub_connect(&c->hub) == ERR_OK)
        return CTL_OK;
    ctl_advice(&c->hub);
    return CTL_LOST;
}

void ctl_allow_long(struct ctl *c)
{
    if (!ctl_given(c, CTL_OPT_TIMEOUT))
        ctl_hub_set_timeout(&c->hub, 0);
}

enum ctl_exit ctl_lost(struct ctl *c)
{
    ctl_say("the connection to %s is lost: %s", c->hub.path, ctl_hub_why(&c->hub));
    return CTL_LOST;
}

/* What was asked, as in "tail prices/# ...". */
static void put_request(const struct ctl *c, struct buf *out)
{
    buf_puts(out, c->command->name);
    if (c->args.count > 0) {
        buf_putc(out, ' ');
        ctl_text_put(out, c->args.words[0], strlen(c->args.words[0]));
    }
    if (c->args.count > 1)
        buf_puts(out, " ...");
}

enum ctl_exit ctl_refused(const struct ctl *c, const struct ctl_reply *r)
{
    struct buf text = {0};
    put_request(c, &text);
    buf_puts(&text, ": the hub answered: ");
    ctl_text_put(&text, r->text, r->len);
    ctl_say("%.*s", (int)text.len, text.data ? text.data : "");
    buf_finish(&text);
    return strncmp(r->text, "NOTFOUND", 8) == 0 ? CTL_NOT_FOUND : CTL_FAILED;
}

enum ctl_exit ctl_strange(void)
{
    ctl_say("the hub's answer is not one that this version of longwirectl knows");
    return CTL_FAILED;
}

enum ctl_exit ctl_call(struct ctl *c, const char **words, struct ctl_reply *ret)
{
    struct ctl_reply reply;
    int count = 0;
    while (words[count])
        count++;
    if (ctl_hub_queue(&c->hub, count, words, NULL) || ctl_hub_next(&c->hub, &reply))
        return ctl_lost(c);
    if (reply.kind == CTL_REPLY_ERROR) {
        enum ctl_exit status = ctl_refused(c, &reply);
        ctl_reply_finish(&reply);
        return status;
    }
    *ret = reply;
    return CTL_OK;
}

enum ctl_exit ctl_document(struct ctl *c, const struct ctl_reply *r, json_t **ret)
{
    *ret = NULL;
    if (r->kind != CTL_REPLY_TEXT)
        return ctl_strange();
    if (c->json) {
        struct buf out = {0};
        ctl_text_put_json(&out, r->text, r->len);
        buf_putc(&out, '\n');
        enum ctl_exit status = ctl_out_write(&out);
        buf_finish(&out);
        return status;
    }
    *ret = json_loadb(r->text, r->len, JSON_ALLOW_NUL, NULL);
    return *ret ? CTL_OK : ctl_strange();
}

enum ctl_exit ctl_ask(struct ctl *c, const char *what,
                      enum ctl_exit (*show)(struct ctl *c, const json_t *document))
{
    struct ctl_reply reply;
    json_t *document;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", what), &reply);
    if (status)
        return status;
    status = ctl_document(c, &reply, &document);
    if (document)
        status = show(c, document);
    json_decref(document);
    ctl_reply_finish(&reply);
    return status;
}
