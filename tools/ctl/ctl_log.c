/*
 * Logs that no hub uses: checking and copying them. The only file of longwirectl that sees a log on
 * the disk; all others know what a hub tells.
 */
#include "tools/ctl/ctl_log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/store.h"
#include "tools/ctl/ctl_damage.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* --- words --- */

static const char *explain_open(enum err e)
{
    static char text[256];
    switch (e) {
    case ERR_NOT_FOUND:
        return "no log is there (a log's directory has a data.mdb)";
    case ERR_UNFINISHED:
        return "only the beginning of a copy is there";
    case ERR_LOCKED:
        return "a hub uses this log; ask the hub instead: `longwirectl verify` and `longwirectl "
               "backup`";
    case ERR_FORMAT:
        return "that is no log of this format: another program's file, or one of a newer Longwire";
    case ERR_CORRUPT:
        snprintf(text, sizeof(text), "the log is damaged: %s",
                 *store_wrong() ? store_wrong() : "databases are missing");
        return text;
    default:
        return err_text(e);
    }
}

static const char *explain_copy(enum err e)
{
    switch (e) {
    case ERR_INVALID:
        return "that is no directory, or not an empty one";
    case ERR_NOT_FOUND:
        return "the directory above it does not exist";
    case ERR_NOSPACE:
        return "no space left for the copy";
    case ERR_CORRUPT:
        return "the log's pages are damaged";
    default:
        return err_text(e);
    }
}

/* Tells what is the matter with PATH, NUL-terminated and from the command line. */
static enum ctl_exit fail_at(const char *path, const char *why)
{
    struct buf text = {0};
    ctl_text_put(&text, path, strlen(path));
    ctl_say("%.*s: %s", (int)text.len, text.data ? text.data : "", why);
    buf_finish(&text);
    return CTL_FAILED;
}

/* --- reports --- */

static json_t *number(uint64_t n)
{
    return json_integer(n <= INT64_MAX ? (json_int_t)n : INT64_MAX);
}

static json_t *place_document(const struct store_place *p)
{
    const char *unit = store_damage_unit(p->damage);
    json_t *place = json_pack("{s:s}", "damage", store_damage_name(p->damage));
    if (*unit)
        json_object_set_new(place, unit, number(p->number));
    if (p->topic_id)
        json_object_set_new(place, "topic_id", number(p->topic_id));
    if (p->name_len) /* left out when it is no UTF-8 */
        json_object_set_new(place, "topic", json_stringn(p->name, p->name_len));
    return place;
}

/* NULL when out of memory. */
static json_t *report_document(const struct store_report *r)
{
    json_t *damage = json_object(), *places = json_array();
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++)
        json_object_set_new(damage, store_damage_name((enum store_damage)i), number(r->damage[i]));
    for (size_t i = 0; i < r->place_count; i++)
        json_array_append_new(places, place_document(&r->places[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "records", number(r->records),
                     "damaged", number(store_report_damaged(r)), "topics", number(r->topics),
                     "blocks", number(r->blocks), "groups", number(r->groups), "unsettled",
                     number(r->unsettled), "damage", damage, "places", places);
}

/* --- checking --- */

static enum err run_verify(struct store_verify *v)
{
    bool done = false;
    enum err e = ERR_OK;
    while (!e && !done) {
        e = store_verify_step(v, &done);
        ctl_progress(store_verify_report(v)->records, "records checked");
    }
    ctl_progress_end();
    return e;
}

static enum err verify_reader(struct store_reader *r, json_t **ret)
{
    struct store_verify *v;
    enum err e = store_verify_create(r, &v);
    if (e)
        return e;
    e = run_verify(v);
    if (!e) {
        *ret = report_document(store_verify_report(v));
        e = *ret ? ERR_OK : ERR_NOMEM;
    }
    store_verify_destroy(v);
    return e;
}

static enum err verify_store(struct store *s, json_t **ret)
{
    struct store_reader *r;
    enum err e = store_reader_create(s, &r);
    if (e)
        return e;
    e = verify_reader(r, ret);
    store_reader_destroy(r);
    return e;
}

enum ctl_exit ctl_log_verify(const char *path, json_t **ret)
{
    struct store *s;
    bool needs_journal;
    enum err e = store_open_closed(path, &s, &needs_journal);
    if (e)
        return fail_at(path, explain_open(e));
    if (needs_journal)
        (void)!fail_at(path, store_wrong()); /* what is there can be looked at all the same */
    e = verify_store(s, ret);
    store_abandon(s);
    return e ? fail_at(path, explain_open(e)) : CTL_OK;
}

/* --- copying --- */

static enum ctl_exit copy_store(struct store *s, const char *from, const char *to,
                                struct store_copied *ret)
{
    struct store_copy *c = store_copy_create(s, to);
    enum err e = c ? store_copy_run(c, ret) : ERR_NOMEM;
    store_copy_destroy(c);
    if (e == ERR_LOCKED)
        return fail_at(from, explain_open(e));
    return e ? fail_at(to, explain_copy(e)) : CTL_OK;
}

static void tell_damage(const char *from, const json_t *report)
{
    struct buf out = {0};
    fail_at(from, "the log is damaged; nothing was restored (--force does it all the same)");
    ctl_damage_put(&out, report);
    if (ctl_out_write_file(STDERR_FILENO, out.data, out.len))
        ctl_say("%s", strerror(errno));
    buf_finish(&out);
}

static json_t *copy_document(const char *to, const struct store_copied *copied,
                             const json_t *report)
{
    struct buf cursor = {0};
    char *path = realpath(to, NULL);
    buf_printf(&cursor, "%" PRIu64 "-%" PRIu32, copied->last, copied->epoch);
    json_t *copy = json_pack("{s:s?, s:o, s:s%, s:o}", "path", path, "bytes", number(copied->bytes),
                             "cursor", cursor.data ? cursor.data : "", cursor.len, "damaged",
                             number(ctl_json_u64(report, "damaged")));
    buf_finish(&cursor);
    free(path);
    return copy;
}

static enum ctl_exit restore_verified(struct store *s, const char *from, const char *to, bool force,
                                      const json_t *report, json_t **ret)
{
    struct store_copied copied;
    if (ctl_json_u64(report, "damaged") && !force) {
        tell_damage(from, report);
        return CTL_FAILED;
    }
    enum ctl_exit status = copy_store(s, from, to, &copied);
    if (status)
        return status;
    *ret = copy_document(to, &copied, report);
    return *ret ? CTL_OK : fail_at(to, err_text(ERR_NOMEM));
}

static enum ctl_exit restore_store(struct store *s, const char *from, const char *to, bool force,
                                   json_t **ret)
{
    json_t *report;
    enum err e = verify_store(s, &report);
    if (e)
        return fail_at(from, explain_open(e));
    enum ctl_exit status = restore_verified(s, from, to, force, report, ret);
    json_decref(report);
    return status;
}

enum ctl_exit ctl_log_restore(const char *from, const char *to, bool force, json_t **ret)
{
    struct store *s;
    bool needs_journal;
    enum err e = store_open_closed(from, &s, &needs_journal);
    if (e)
        return fail_at(from, explain_open(e));
    enum ctl_exit status =
        needs_journal ? fail_at(from, store_wrong()) : restore_store(s, from, to, force, ret);
    store_abandon(s);
    return status;
}

/* --- a process of its own --- */

/* How CHILD ended: its exit code, or 128 and its signal. */
static int await(pid_t child)
{
    int how;
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            return CTL_FAILED;
    return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

enum ctl_exit ctl_log_apart(struct ctl *c, const char *path, enum ctl_exit work(struct ctl *c))
{
    pid_t child = fork();
    if (child < 0) {
        ctl_say("cannot start a process: %s", strerror(errno));
        return CTL_FAILED;
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        exit((int)work(c));
    }
    int how = await(child);
    if (how < 128)
        return (enum ctl_exit)how;
    if (how == 128 + SIGSEGV || how == 128 + SIGBUS || how == 128 + SIGABRT)
        return fail_at(path, "the file's pages are damaged: they cannot even be read");
    signal(how - 128, SIG_DFL);
    raise(how - 128);
    return CTL_FAILED;
}
