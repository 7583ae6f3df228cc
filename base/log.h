/*
 * The daemon's log: one line for each event on standard error, `TIME LEVEL text`.
 *
 * Text that came from a peer goes through log_escape() first. May be called from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above LEVEL are dropped (default LOG_INFO). Any thread. */
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
/* Writes TEXT (N bytes) into OUT with everything but printable ASCII as \xNN, cut to fit SIZE
 * (at least 1) with the terminating NUL; returns OUT. */
char *log_escape(char *out, size_t size, const void *text, size_t n);

#endif
