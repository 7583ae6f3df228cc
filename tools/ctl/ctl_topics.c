/* `topics` and `topic`: what there is, and who listens. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

static int by_name(const void *a, const void *b)
{
    const char *x = ctl_json_text(*(json_t *const *)a, "topic");
    const char *y = ctl_json_text(*(json_t *const *)b, "topic");
    return strcmp(x ? x : "", y ? y : "");
}

static uint64_t subscribers(const json_t *topic, const char *transport)
{
    return ctl_json_u64(json_object_get(topic, "subscribers"), transport);
}

static void add_topic(struct ctl_table *t, const json_t *topic)
{
    ctl_table_text(t, ctl_json_text(topic, "topic"));
    ctl_table_number(t, ctl_json_u64(topic, "messages"));
    ctl_table_size(t, ctl_json_u64(topic, "bytes"));
    ctl_table_text(t, ctl_json_text(topic, "first"));
    ctl_table_text(t, ctl_json_text(topic, "last"));
    ctl_table_rate(t, ctl_json_real(topic, "rate"));
    ctl_table_number(t, subscribers(topic, "sse"));
    ctl_table_number(t, subscribers(topic, "ws"));
    ctl_table_number(t, subscribers(topic, "poll"));
    ctl_table_number(t, subscribers(topic, "resp"));
}

/* Appends the table of the array LIST, sorted by name. */
static enum err put_topics(struct buf *out, const json_t *list, bool colour)
{
    static const struct ctl_column columns[] = {
        {"TOPIC", false, CTL_STYLE_NAME}, {"MESSAGES", true, CTL_STYLE_PLAIN},
        {"BYTES", true, CTL_STYLE_PLAIN}, {"FIRST", false, CTL_STYLE_PLACE},
        {"LAST", false, CTL_STYLE_PLACE}, {"MSG/S", true, CTL_STYLE_PLAIN},
        {"SSE", true, CTL_STYLE_PLAIN},   {"WS", true, CTL_STYLE_PLAIN},
        {"POLL", true, CTL_STYLE_PLAIN},  {"RESP", true, CTL_STYLE_PLAIN},
    };
    struct ctl_table t;
    size_t count = json_array_size(list);
    json_t **sorted = calloc(count + 1, sizeof(*sorted));
    if (!sorted)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(list, i);
    qsort(sorted, count, sizeof(*sorted), by_name);
    ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++)
        add_topic(&t, sorted[i]);
    ctl_table_put(&t, out, colour, 0, 0, "\n");
    ctl_table_finish(&t);
    free(sorted);
    return ERR_OK;
}

static enum ctl_exit show_topics(struct ctl *c, const json_t *list)
{
    struct buf out = {0};
    if (!json_is_array(list))
        return ctl_strange();
    if (json_array_size(list) == 0)
        ctl_say(c->args.count > 0 ? "no topic matches" : "the hub has no topics yet");
    else if (put_topics(&out, list, c->colour))
        out.failed = true;
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_topics(struct ctl *c)
{
    struct ctl_reply reply;
    json_t *list;
    const char *pattern = c->args.count > 0 ? c->args.words[0] : NULL;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "TOPICS", pattern), &reply);
    if (status)
        return status;
    status = ctl_document(c, &reply, &list);
    if (list)
        status = show_topics(c, list);
    json_decref(list);
    ctl_reply_finish(&reply);
    return status;
}

static void put_text_line(struct ctl *c, struct buf *out, const char *label, enum ctl_style style,
                          const char *text)
{
    text = text ? text : "-";
    buf_printf(out, "%-12s ", label);
    ctl_out_style(out, c->colour, style);
    ctl_text_put(out, text, strlen(text));
    ctl_out_style(out, c->colour, CTL_STYLE_PLAIN);
    buf_putc(out, '\n');
}

static enum ctl_exit show_topic(struct ctl *c, const json_t *topic)
{
    struct buf out = {0};
    put_text_line(c, &out, "topic", CTL_STYLE_NAME, ctl_json_text(topic, "topic"));
    buf_printf(&out, "%-12s %" PRIu64 "\n", "messages", ctl_json_u64(topic, "messages"));
    buf_printf(&out, "%-12s %" PRIu64 " (", "bytes", ctl_json_u64(topic, "bytes"));
    ctl_text_put_size(&out, ctl_json_u64(topic, "bytes"));
    buf_puts(&out, ")\n");
    put_text_line(c, &out, "first", CTL_STYLE_PLACE, ctl_json_text(topic, "first"));
    put_text_line(c, &out, "last", CTL_STYLE_PLACE, ctl_json_text(topic, "last"));
    put_text_line(c, &out, "durability", CTL_STYLE_PLAIN, ctl_json_text(topic, "durability"));
    buf_printf(&out, "%-12s %.1f messages/s\n", "rate", ctl_json_real(topic, "rate"));
    buf_printf(&out, "%-12s sse %" PRIu64 ", ws %" PRIu64 ", poll %" PRIu64 ", resp %" PRIu64 "\n",
               "subscribers", subscribers(topic, "sse"), subscribers(topic, "ws"),
               subscribers(topic, "poll"), subscribers(topic, "resp"));
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_topic(struct ctl *c)
{
    struct ctl_reply reply;
    json_t *topic;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "TOPIC", c->args.words[0]), &reply);
    if (status)
        return status;
    status = ctl_document(c, &reply, &topic);
    if (topic)
        status = show_topic(c, topic);
    json_decref(topic);
    ctl_reply_finish(&reply);
    return status;
}
