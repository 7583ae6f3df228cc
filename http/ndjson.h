/*
 * Batches: one publish for each line (`application/x-ndjson`), each an object as publish_json.h
 * says.
 */
#ifndef HTTP_NDJSON_H
#define HTTP_NDJSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/fault.h"
#include "broker/message.h"

/* Takes the next line that is not blank from *TEXT (*N bytes) and moves both behind it; false:
 * there is none. Lines end in LF or CRLF, the last one may have no end. *RET_LINE points into the
 * text. Lines taken are counted in *NUMBER, blank ones too, so that errors can name them. */
bool ndjson_next_line(char **text, size_t *n, char **ret_line, size_t *ret_len, size_t *number);
/* Reads one line, which is changed in place and borrowed by *RET, as SCRATCH is; NULL or what is
 * wrong (the faults of publish_json_read, and bad_json). */
const struct fault *ndjson_line_parse(char *line, size_t n, struct buf *scratch,
                                      struct message_init *ret);

#endif
