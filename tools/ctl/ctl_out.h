/* What is written: results, messages for people, and how far one is. */
#ifndef TOOLS_CTL_CTL_OUT_H
#define TOOLS_CTL_CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/ctl/ctl_exit.h"

/* "longwirectl: " and the text on standard error. Text from elsewhere is escaped by the caller. */
void ctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

enum ctl_style {
    CTL_STYLE_PLAIN,
    CTL_STYLE_HEAD,
    CTL_STYLE_NAME,
    CTL_STYLE_PLACE, /* cursors */
    CTL_STYLE_DIM,
    CTL_STYLE_EVENT,
    CTL_STYLE_WARN,
};

/* Whether standard output is a terminal that may be coloured (NO_COLOR, TERM=dumb). */
bool ctl_out_colour(void);
/* Appends the escape sequence of STYLE, or nothing without COLOUR. */
void ctl_out_style(struct buf *out, bool colour, enum ctl_style style);
/* Writes B to standard output and empties it. When nobody reads any more the program ends here, by
 * SIGPIPE. CTL_FAILED (told) when it cannot be written or memory was out. */
MUST_CHECK enum ctl_exit ctl_out_write(struct buf *b);
/* Whether the reader of standard output has gone; ends the program as ctl_out_write does. */
void ctl_out_check(void);
/* Writes N bytes to FD, a file; ERR_IO with errno set. */
MUST_CHECK enum err ctl_out_write_file(int fd, const char *data, size_t n);
/* On a terminal, shows now and then on one line of standard error how many WHAT are done. */
void ctl_progress(uint64_t count, const char *what);
/* Takes that line away; ctl_say does so by itself. */
void ctl_progress_end(void);

#endif
