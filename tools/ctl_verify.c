/* `verify`: is everything in the log as it should be? Asks the hub, or looks at a closed log. */
#include "tools/ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_count(struct buf *out, const json_t *report, const char *name, const char *note)
{
    buf_printf(out, "%-12s %" PRIu64 "%s\n", name, ctl_json_u64(report, name), note);
}

static void put_text(struct buf *out, const char *text)
{
    ctl_text_put(out, text, strlen(text));
}

/* As in "offset 17 (prices/AAPL)", or "topic prices/AAPL"; nothing when there is nothing to say. */
static void put_place(struct buf *out, const json_t *place)
{
    static const char *const units[] = {"offset", "block", "group"};
    const char *topic = ctl_json_text(place, "topic");
    uint64_t topic_id = ctl_json_u64(place, "topic_id");
    bool numbered = false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!json_object_get(place, units[i]))
            continue;
        buf_printf(out, "%s %" PRIu64, units[i], ctl_json_u64(place, units[i]));
        numbered = true;
    }
    if (!topic && !topic_id)
        return;
    buf_puts(out, numbered ? " (" : topic ? "topic " : "");
    if (topic)
        put_text(out, topic);
    else
        buf_printf(out, "topic number %" PRIu64, topic_id);
    if (numbered)
        buf_putc(out, ')');
}

static void put_places(struct buf *out, const json_t *report, const char *name)
{
    size_t i;
    const json_t *place, *places = json_object_get(report, "places");
    json_array_foreach(places, i, place)
    {
        const char *damage = ctl_json_text(place, "damage");
        struct buf text = {0};
        if (damage && strcmp(damage, name) == 0)
            put_place(&text, place);
        if (text.len)
            buf_printf(out, "%13s%.*s\n", "", (int)text.len, text.data);
        out->failed |= text.failed;
        buf_finish(&text);
    }
}

void ctl_verify_put(struct buf *out, const json_t *report)
{
    const char *name;
    json_t *count, *damage = json_object_get(report, "damage");
    put_count(out, report, "records", "");
    put_count(out, report, "topics", "");
    put_count(out, report, "blocks", "");
    put_count(out, report, "groups", "");
    if (ctl_json_u64(report, "unsettled"))
        put_count(out, report, "unsettled", " topics: not compared, they lost messages meanwhile");
    if (ctl_json_u64(report, "damaged") == 0) {
        buf_printf(out, "%-12s none\n", "damaged");
        return;
    }
    put_count(out, report, "damaged", "");
    json_object_foreach(damage, name, count)
    {
        const char *meaning = ctl_log_damage(name);
        if (json_integer_value(count) == 0)
            continue;
        buf_printf(out, "%12" JSON_INTEGER_FORMAT " ", json_integer_value(count));
        put_text(out, meaning ? meaning : name);
        buf_putc(out, '\n');
        put_places(out, report, name);
    }
}

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
        ctl_verify_put(&out, report);
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
