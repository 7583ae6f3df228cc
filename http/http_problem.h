/* What statuses are called, and problem documents (RFC 9457). Appends to a buffer; check `failed`.
 */
#ifndef HTTP_HTTP_PROBLEM_H
#define HTTP_HTTP_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HTTP_PROBLEM_TYPE "application/problem+json"

/* The reason phrase of STATUS; a constant string, "" for a status that is not used here. */
const char *http_reason(unsigned status);
/* Whether answers of STATUS have content, and fields that tell of it (RFC 9110 section 6.4.1): a
 * 304 has none, and a length of it would be that of the content which the client has. */
bool http_has_content(unsigned status);

/* The document: type "about:blank", title, status and detail (N bytes; none: no detail). Bytes of
 * DETAIL that are not UTF-8 become '?'. */
void http_problem_body(struct buf *out, unsigned status, const char *detail, size_t n);
/* The same in two parts, for members of one's own between them (section 3.2), each with a comma
 * before it. */
void http_problem_begin(struct buf *out, unsigned status, const char *detail, size_t n);
void http_problem_end(struct buf *out);

#endif
