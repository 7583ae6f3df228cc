/*
 * The table of options for tests/check-options.py: one line for each, `section TAB key TAB default
 * TAB allowed TAB reload TAB help`; allowed is empty where the form is free. With a FILE, loads it
 * instead and prints it as longwired --print-config would.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config.h"
#include "daemon/config_load.h"
#include "daemon/config_print.h"
#include "daemon/setting.h"

static void put_row(struct buf *out, const struct setting *s)
{
    buf_printf(out, "%s\t%s\t%s\t", s->section, s->key, s->initial ? s->initial : "");
    if (s->type != SETTING_TEXT && !setting_is_list(s))
        setting_allowed(s, ERR_LIMIT, out);
    buf_printf(out, "\t%s\t%s\n", s->reloadable ? "reload" : "restart", s->help);
}

static int dump(void)
{
    struct buf out = {0};
    for (const struct setting *s = settings; s < settings_end; s++)
        put_row(&out, s);
    bool written = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_finish(&out);
    return written && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int load(const char *file)
{
    struct config *c;
    struct buf error = {0};
    struct config_source src = {.file = file};
    enum err e = config_load(&src, &c, &error);
    if (e) {
        fprintf(stderr, "%.*s\n", (int)error.len, error.data ? error.data : "");
        buf_finish(&error);
        return EXIT_FAILURE;
    }
    e = config_print(c, stdout);
    config_free(c);
    return e ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    return argc > 1 ? load(argv[1]) : dump();
}
