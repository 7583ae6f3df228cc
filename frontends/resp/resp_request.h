/* Commands as they were sent: what their words mean, and putting them by. */
#ifndef FRONTENDS_RESP_RESP_REQUEST_H
#define FRONTENDS_RESP_RESP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frontends/resp/resp_reader.h"

struct hub;

/* argv[0] is the command's name, in any letter case. Words are borrowed from where they were
 * read. */
struct resp_request {
    size_t argc;
    const struct resp_arg *argv;
};

/* A command put by, to be freed; its words stand behind `argv`. */
struct resp_held {
    struct resp_request request;
    struct resp_arg argv[];
};

/* Whether a word is TEXT, in any letter case. */
bool resp_arg_is(const struct resp_arg *a, const char *text);
/* A decimal number; ERR_INVALID for anything else, or above MAX. */
MUST_CHECK enum err resp_arg_u64(const struct resp_arg *a, uint64_t max, uint64_t *ret);
/* A cursor of H's log, or of a former epoch as far as that is certain: its offset. Returns NULL, or
 * the error to reply with. */
const char *resp_arg_offset(const struct hub *h, const struct resp_arg *a, uint64_t *ret);
/* Bytes of all words. */
size_t resp_request_bytes(const struct resp_request *q);
/* NULL when out of memory. */
MUST_CHECK struct resp_held *resp_request_copy(const struct resp_request *q);

#endif
