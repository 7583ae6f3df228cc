/*
 * The body of `POST /session/{id}`: what is to change in the topic set of an event stream.
 *
 *     {"subscribe":["a/b",{"topic":"c/+","after":"1042-3824910012"}],"unsubscribe":["d"],
 *      "token":"eyJ…"}
 *
 * Each may be left out or null, and so may `after`, whose default is `latest`. Members that
 * the hub does not know are passed over, as everywhere.
 */
#ifndef FRONTENDS_SSE_SESSION_REQUEST_H
#define FRONTENDS_SSE_SESSION_REQUEST_H

#include <stddef.h>

#include "base/fault.h"
#include "base/json_slice.h"
#include "delivery/places.h"

struct session_request {
    struct places subscribe, unsubscribe; /* borrowed from the parsed text */
    struct json_slice token;              /* likewise: the one from now on; data NULL = none */
    /* The entry that the fault is about: its list and its index there; NULL: the whole request. */
    const char *wrong_list;
    size_t wrong_index;
};

/* Reads one request, which is changed in place; a list has at most MAX entries. NULL, or what is
 * wrong: bad_json, bad_request (not an object, no array, an entry that is neither a string nor an
 * object, a member of the wrong type), bad_topic, bad_cursor, limit, unavailable (out of memory).
 * RET is to be finished in any case. */
const struct fault *session_request_parse(char *text, size_t n, size_t max,
                                          struct session_request *ret);
void session_request_finish(struct session_request *r);

#endif
