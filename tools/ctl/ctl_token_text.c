#include "tools/ctl/ctl_token_text.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tools/ctl/ctl_out.h"

enum { TEXT_MAX = 65536 };

static void read_input(struct buf *ret)
{
    int c;
    while (ret->len < TEXT_MAX && (c = getchar()) != EOF && c != '\n')
        buf_putc(ret, (char)c);
    if (ret->len && ret->data[ret->len - 1] == '\r')
        ret->len--;
}

enum ctl_exit ctl_token_text(const char *word, struct buf *ret)
{
    if (strcmp(word, "-") == 0)
        read_input(ret);
    else
        buf_puts(ret, word);
    if (ret->len == 0 && !ret->failed) {
        ctl_say("there is no token: it must be a word, or with - a line of standard input");
        return CTL_USAGE;
    }
    buf_putc(ret, '\0');
    if (ret->failed) {
        ctl_say("%s", err_text(ERR_NOMEM));
        return CTL_FAILED;
    }
    ret->len--;
    return CTL_OK;
}
