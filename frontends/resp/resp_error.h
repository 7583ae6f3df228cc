/* Error replies: each begins with its code and is counted. They go where resp_out says. */
#ifndef FRONTENDS_RESP_RESP_ERROR_H
#define FRONTENDS_RESP_RESP_ERROR_H

#include "base/err.h"

struct fault;
struct gap;
struct resp;

/* Writes the error reply TEXT, which begins with its code. */
void resp_error(struct resp *r, const char *text);
void resp_errorf(struct resp *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The error reply for E: NOSPACE, LIMIT, IOERR, NOTFOUND, TOOLARGE, BUSY, else ERR. TEXT, or NULL
 * for the text of E. */
void resp_error_of(struct resp *r, enum err e, const char *text);
/* The error reply for F, with its code as in BADTOPIC for "bad_topic". */
void resp_error_fault(struct resp *r, const struct fault *f);
/* The error reply that tells a gap: `-GAP reason=trimmed requested=CURSOR resumed=CURSOR`. */
void resp_error_gap(struct resp *r, const struct gap *g);

#endif
