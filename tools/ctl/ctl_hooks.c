/* `hooks`: how far hooks.url has been told. */
#include <inttypes.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

static int64_t number_of(const json_t *document, const char *name)
{
    return json_integer_value(json_object_get(document, name));
}

static void put_trouble(const json_t *document, struct buf *out)
{
    const char *error = ctl_json_text(document, "error");
    if (!number_of(document, "failures"))
        return;
    buf_printf(out, "failed      %" PRId64 " times in a row, the next try in %" PRId64 " ms: ",
               number_of(document, "failures"), number_of(document, "next_ms"));
    ctl_text_put(out, error ? error : "?", strlen(error ? error : "?"));
    buf_putc(out, '\n');
}

static enum ctl_exit show(struct ctl *c, const json_t *document)
{
    struct buf out = {0};
    (void)c;
    if (!json_is_true(json_object_get(document, "on"))) {
        buf_puts(&out, "There are no hooks (hooks.url).\n");
    } else {
        buf_printf(&out,
                   "backlog     %" PRId64 " events\nanswered    up to event %" PRId64
                   ", offset %" PRId64 "\nhere        %" PRId64 " topics and members\n",
                   number_of(document, "backlog"), number_of(document, "answered"),
                   number_of(document, "cursor"), number_of(document, "here"));
        put_trouble(document, &out);
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_hooks(struct ctl *c)
{
    return ctl_ask(c, "HOOKS", show);
}
