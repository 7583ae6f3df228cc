
#include "tools/bench/bench_progress.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256 };

static bool line_is_open, line_is_unwanted;

/* How much of a line the terminal shows without going on to the next; 0 = there is none. */
static size_t terminal_width(void)
{
    struct winsize size;
    if (line_is_unwanted || !isatty(STDERR_FILENO))
        return 0;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col - 1u : 79;
}

void progress(const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t width = terminal_width();
    if (width == 0)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    fprintf(stderr, "\r\033[K%.*s", (int)width, line);
    fflush(stderr);
    line_is_open = true;
}

void progress_want(bool wanted)
{
    line_is_unwanted = !wanted;
}

void progress_clear(void)
{
    if (line_is_open)
        fputs("\r\033[K", stderr);
    line_is_open = false;
}

void bench_say(const char *fmt, ...)
{
    va_list ap;
    progress_clear();
    va_start(ap, fmt);
    fputs("longwire-bench: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}
