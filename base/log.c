#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static _Atomic int max_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    max_level = (int)level;
}

static size_t put_prefix(char *line, size_t size, enum log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return n +
           (size_t)snprintf(line + n, size - n, ".%03ldZ %s ", now.tv_nsec / 1000000, names[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if ((int)level > max_level)
        return;
    char line[LINE_MAX_BYTES];
    size_t n = put_prefix(line, sizeof(line), level);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);
    if (m > 0)
        n += (size_t)m < sizeof(line) - n - 1 ? (size_t)m : sizeof(line) - n - 2;
    line[n++] = '\n';
    /* One write() a line keeps lines of several threads whole; a lost log line is no error. */
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}

char *log_escape(char *out, size_t size, const void *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = text;
    size_t o = 0;
    for (size_t i = 0; i < n && o + 5 <= size; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7F && p[i] != '\\') {
            out[o++] = (char)p[i];
            continue;
        }
        out[o++] = '\\';
        out[o++] = 'x';
        out[o++] = hex[p[i] >> 4];
        out[o++] = hex[p[i] & 15];
    }
    out[o] = '\0';
    return out;
}
