/* `backup`, by the hub that has the log, and `restore`, of a log that nobody has. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_log.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* The hub has a working directory of its own. ERR_NOMEM, or ERR_IO with errno set. */
static enum err put_absolute(struct buf *out, const char *path)
{
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        if (!here)
            return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
        buf_puts(out, here);
        buf_putc(out, '/');
        free(here);
    }
    buf_puts(out, path);
    buf_putc(out, '\0');
    return out->failed ? ERR_NOMEM : ERR_OK;
}

/* As in "1.2M in /backup/monday, up to 1042-3824910012". */
static void put_copy(struct buf *out, const json_t *copy)
{
    const char *path = ctl_json_text(copy, "path"), *cursor = ctl_json_text(copy, "cursor");
    ctl_text_put_size(out, ctl_json_u64(copy, "bytes"));
    buf_puts(out, " in ");
    ctl_text_put(out, path ? path : "", path ? strlen(path) : 0);
    buf_puts(out, ", up to ");
    ctl_text_put(out, cursor ? cursor : "", cursor ? strlen(cursor) : 0);
    buf_putc(out, '\n');
}

static enum ctl_exit ask_backup(struct ctl *c, const char *path)
{
    struct ctl_reply reply;
    struct buf out = {0};
    json_t *copy;
    enum ctl_exit status = ctl_call(c, CTL_WORDS("HUB", "BACKUP", path, "JSON"), &reply);
    if (status)
        return status;
    status = ctl_document(c, &reply, &copy);
    if (copy) {
        buf_puts(&out, "backup: ");
        put_copy(&out, copy);
        status = ctl_out_write(&out);
    }
    buf_finish(&out);
    json_decref(copy);
    ctl_reply_finish(&reply);
    return status;
}

enum ctl_exit ctl_backup(struct ctl *c)
{
    struct buf path = {0};
    enum err e = put_absolute(&path, c->args.words[0]);
    enum ctl_exit status = CTL_FAILED;
    if (e)
        ctl_say("cannot tell the working directory: %s",
                e == ERR_NOMEM ? err_text(e) : strerror(errno));
    ctl_allow_long(c);
    if (!e)
        status = ask_backup(c, path.data);
    buf_finish(&path);
    return status;
}

static void put_advice(struct buf *out, const json_t *copy)
{
    const char *path = ctl_json_text(copy, "path");
    buf_puts(out, "Now start longwired with hub.data_dir = ");
    ctl_text_put(out, path ? path : "", path ? strlen(path) : 0);
    buf_puts(out, ". The log has a new epoch from then on;\n"
                  "cursors up to the one above go on exactly.\n");
    if (geteuid() == 0)
        buf_puts(out, "Its files belong to root: give them to the user that longwired runs as.\n");
}

static enum ctl_exit show_restored(struct ctl *c, const json_t *copy)
{
    struct buf out = {0};
    char *text = c->json ? json_dumps(copy, JSON_COMPACT) : NULL;
    if (text) {
        ctl_text_put_json(&out, text, strlen(text));
        buf_putc(&out, '\n');
    } else if (c->json) {
        out.failed = true;
    } else {
        buf_puts(&out, "restored: ");
        put_copy(&out, copy);
        put_advice(&out, copy);
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    free(text);
    return status;
}

static enum ctl_exit restore(struct ctl *c)
{
    json_t *copy;
    enum ctl_exit status =
        ctl_log_restore(c->args.words[0], c->args.words[1], ctl_given(c, CTL_OPT_FORCE), &copy);
    if (status)
        return status;
    status = show_restored(c, copy);
    json_decref(copy);
    return status;
}

bool ctl_restore_offline(const struct ctl *c)
{
    (void)c;
    return true;
}

enum ctl_exit ctl_restore(struct ctl *c)
{
    return ctl_log_apart(c, c->args.words[0], restore);
}
