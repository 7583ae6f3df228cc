/* What longwire-bench says on standard error: complaints, and one line of progress. */
#ifndef TOOLS_BENCH_BENCH_PROGRESS_H
#define TOOLS_BENCH_BENCH_PROGRESS_H

#include <stdbool.h>

/* One line on standard error, after the progress line if there is one. */
void bench_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The line that is written over and over on a terminal, cut to its width; nothing elsewhere, and
 * nothing when it is not WANTED (at first it is). */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_clear(void);
void progress_want(bool wanted);

#endif
