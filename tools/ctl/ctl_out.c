/* Standard output and standard error: colours, write errors, readers that have gone. */
#include "tools/ctl/ctl_out.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 200 };

static bool showing; /* a line of progress */

void ctl_progress(uint64_t count, const char *what)
{
    static double shown_ms;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now_ms = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
    if (now_ms - shown_ms < PROGRESS_MS || !isatty(STDERR_FILENO))
        return;
    shown_ms = now_ms;
    showing = true;
    fprintf(stderr, "\r%" PRIu64 " %s", count, what);
}

void ctl_progress_end(void)
{
    if (showing)
        fputs("\r\033[K", stderr);
    showing = false;
}

void ctl_say(const char *fmt, ...)
{
    va_list ap;
    ctl_progress_end();
    va_start(ap, fmt);
    fputs("longwirectl: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

bool ctl_out_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void ctl_out_style(struct buf *out, bool colour, enum ctl_style style)
{
    static const char *const sequences[] = {
        [CTL_STYLE_PLAIN] = "\033[0m", [CTL_STYLE_HEAD] = "\033[1m",
        [CTL_STYLE_NAME] = "\033[32m", [CTL_STYLE_PLACE] = "\033[36m",
        [CTL_STYLE_DIM] = "\033[2m",   [CTL_STYLE_EVENT] = "\033[33m",
        [CTL_STYLE_WARN] = "\033[31m",
    };
    if (colour)
        buf_puts(out, sequences[style]);
}

/* SIGPIPE is ignored, since the hub's socket must not kill us; for standard output its meaning is
 * kept: `longwirectl ... | head` ends as every filter does. */
static void die_by_sigpipe(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    exit(CTL_FAILED);
}

static bool write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno == EAGAIN) /* a terminal that another program left non-blocking */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (done < 0 && errno != EINTR)
            return false;
        if (done < 0)
            continue;
        data += done;
        n -= (size_t)done;
    }
    return true;
}

enum ctl_exit ctl_out_write(struct buf *b)
{
    if (b->failed) {
        ctl_say("%s", err_text(ERR_NOMEM));
        return CTL_FAILED;
    }
    if (!write_all(STDOUT_FILENO, b->data, b->len)) {
        if (errno == EPIPE)
            die_by_sigpipe();
        ctl_say("cannot write to standard output: %s", strerror(errno));
        return CTL_FAILED;
    }
    buf_clear(b);
    return CTL_OK;
}

enum err ctl_out_write_file(int fd, const char *data, size_t n)
{
    return write_all(fd, data, n) ? ERR_OK : ERR_IO;
}

void ctl_out_check(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};
    /* A pipe reports an error, a socket or a terminal that it is hung up. */
    if (poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP))
        die_by_sigpipe();
}
