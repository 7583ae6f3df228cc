/* `verify`: is everything in the log as it should be? Asks the hub, or looks at a closed log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_damage.h"
#include "tools/ctl/ctl_log.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* Prints a report that came as TEXT; damage shows in the exit status. */
static enum ctl_exit show(struct ctl *c, const json_t *report, const char *text, size_t n)
{
    struct buf out = {0};
    if (!json_is_integer(json_object_get(report, "damaged")))
        return ctl_strange();
    if (c->json) {
        ctl_text_put_json(&out, text, n);
        buf_putc(&out, '\n');
    } else {
        ctl_damage_put(&out, report);
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    if (status)
        return status;
    return ctl_json_u64(report, "damaged") ? CTL_FAILED : CTL_OK;
}

static enum ctl_exit verify_online(struct ctl *c)
{
    struct ctl_reply reply;
    ctl_allow_long(c);
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "VERIFY"), &reply);
    if (status)
        return status;
    json_t *report = reply.kind == CTL_REPLY_TEXT
                         ? json_loadb(reply.text, reply.len, JSON_ALLOW_NUL, NULL)
                         : NULL;
    status = report ? show(c, report, reply.text, reply.len) : ctl_strange();
    json_decref(report);
    ctl_reply_finish(&reply);
    return status;
}

static enum ctl_exit verify_closed(struct ctl *c)
{
    json_t *report;
    enum ctl_exit status = ctl_log_verify(c->args.words[0], &report);
    if (status)
        return status;
    char *text = json_dumps(report, JSON_COMPACT);
    status = text ? show(c, report, text, strlen(text)) : CTL_FAILED;
    if (!text)
        ctl_say("%s", err_text(ERR_NOMEM));
    free(text);
    json_decref(report);
    return status;
}

bool ctl_verify_offline(const struct ctl *c)
{
    return c->args.count > 0;
}

enum ctl_exit ctl_verify(struct ctl *c)
{
    if (c->args.count == 0)
        return verify_online(c);
    return ctl_log_apart(c, c->args.words[0], verify_closed);
}
