/* The short commands that change something, and `ping`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* Prints one line: {"NAME":VALUE} with --json, TEXT otherwise. */
static enum ctl_exit print_result(struct ctl *c, const char *name, const char *value,
                                  const char *text)
{
    struct buf out = {0};
    if (c->json)
        buf_printf(&out, "{\"%s\":%s}\n", name, value);
    else
        buf_printf(&out, "%s\n", text);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_kick_check(const struct ctl *c)
{
    uint64_t id;
    if (ctl_args_u64(c->args.words[0], &id) == ERR_OK)
        return CTL_OK;
    ctl_say("a client's id is a number, as `longwirectl clients` shows it");
    return CTL_USAGE;
}

enum ctl_exit ctl_kick(struct ctl *c)
{
    struct ctl_reply reply;
    uint64_t id;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "KICK", c->args.words[0]), &reply);
    if (status)
        return status;
    ctl_reply_finish(&reply);
    if (ctl_args_u64(c->args.words[0], &id))
        return CTL_USAGE;
    char digits[24], text[48];
    snprintf(digits, sizeof(digits), "%" PRIu64, id); /* without zeros before it: JSON */
    snprintf(text, sizeof(text), "client %s is disconnected", digits);
    return print_result(c, "kicked", digits, text);
}

/* Prints how many messages an answer says are gone; finishes REPLY. */
static enum ctl_exit print_removed(struct ctl *c, struct ctl_reply *reply)
{
    char digits[24], text[48];
    bool known = reply->kind == CTL_REPLY_NUMBER;
    snprintf(digits, sizeof(digits), "%lld", reply->number);
    snprintf(text, sizeof(text), "%s messages removed", digits);
    ctl_reply_finish(reply);
    return known ? print_result(c, "removed", digits, text) : ctl_strange();
}

/* How many messages TOPIC holds. */
static enum ctl_exit count_messages(struct ctl *c, const char *topic, uint64_t *ret)
{
    struct ctl_reply reply;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "TOPIC", topic), &reply);
    if (status)
        return status;
    json_t *document = json_loadb(reply.text ? reply.text : "", reply.len, 0, NULL);
    *ret = ctl_json_u64(document, "messages");
    json_decref(document);
    ctl_reply_finish(&reply);
    return CTL_OK;
}

static bool says_yes(void)
{
    char answer[16];
    if (!fgets(answer, sizeof(answer), stdin))
        return false;
    answer[strcspn(answer, "\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static enum ctl_exit confirm(struct ctl *c, const char *topic)
{
    uint64_t messages;
    struct buf name = {0};
    enum ctl_exit status = count_messages(c, topic, &messages);
    if (status)
        return status;
    ctl_text_put(&name, topic, strlen(topic));
    fprintf(stderr, "Remove all %" PRIu64 " messages of %.*s for ever? [y/N] ", messages,
            (int)name.len, name.data ? name.data : "");
    buf_finish(&name);
    if (says_yes())
        return CTL_OK;
    ctl_say("nothing was removed");
    return CTL_USAGE;
}

enum ctl_exit ctl_purge_check(const struct ctl *c)
{
    if (ctl_given(c, CTL_OPT_YES) || isatty(STDIN_FILENO))
        return CTL_OK;
    ctl_say("purge cannot ask, standard input is no terminal; give --yes");
    return CTL_USAGE;
}

enum ctl_exit ctl_purge(struct ctl *c)
{
    struct ctl_reply reply;
    const char *topic = c->args.words[0];
    enum ctl_exit status = ctl_given(c, CTL_OPT_YES) ? CTL_OK : confirm(c, topic);
    if (status)
        return status;
    ctl_allow_long(c);
    status = ctl_call(c, CTL_WORDS("HUB", "PURGE", topic), &reply);
    return status ? status : print_removed(c, &reply);
}

enum ctl_exit ctl_trim(struct ctl *c)
{
    struct ctl_reply reply;
    ctl_allow_long(c);
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "TRIM", c->args.words[0]), &reply);
    return status ? status : print_removed(c, &reply);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

enum ctl_exit ctl_ping(struct ctl *c)
{
    struct ctl_reply reply;
    double start = now_ms();
    enum ctl_exit status = ctl_call(c, CTL_WORDS("PING"), &reply);
    if (status)
        return status;
    ctl_reply_finish(&reply);
    char ms[32];
    struct buf text = {0};
    snprintf(ms, sizeof(ms), "%.3f", now_ms() - start);
    buf_printf(&text, "the hub at %s answered in %s ms", c->hub.path, ms);
    status = print_result(c, "milliseconds", ms, text.data ? text.data : "");
    buf_finish(&text);
    return status;
}
