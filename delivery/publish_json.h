/*
 * A publish written as members of a JSON object: the WebSocket's `publish`, and a line of a batch.
 *
 * `topic` and `data` must be there, `event`, `key` and `encoding` may be (null is as good as
 * absent), and so may `expect`, a cursor; that one is not null, since a condition that gets lost on
 * the way to here must not become none. `data` that is a string is published as text, with
 * `"encoding":"base64"` as the bytes that it stands for; any other value is published as JSON,
 * exactly as it is written.
 */
#ifndef DELIVERY_PUBLISH_JSON_H
#define DELIVERY_PUBLISH_JSON_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/json_slice.h"
#include "broker/message.h"

enum publish_member {
    PUBLISH_TOPIC,
    PUBLISH_DATA,
    PUBLISH_ENCODING,
    PUBLISH_EVENT,
    PUBLISH_KEY,
    PUBLISH_EXPECT,
    PUBLISH_MEMBERS, /* how many there are */
};

/* The head of a table for json_slice_members: these, in the order of the enum. */
#define PUBLISH_MEMBER_NAMES                                                                       \
    {.name = "topic"}, {.name = "data"}, {.name = "encoding"}, {.name = "event"}, {.name = "key"}, \
    {                                                                                              \
        .name = "expect"                                                                           \
    }

/* Unquotes the member's text in place; FAULT when it is absent or not a string. */
const struct fault *publish_json_text(struct json_member *m, const struct fault *fault);
/* The same, but absent or null is fine: `value.data` is NULL then. */
const struct fault *publish_json_optional_text(struct json_member *m, const struct fault *fault);

/* Fills *RET from the found members, whose text is unquoted in place and borrowed. SCRATCH, emptied
 * first, holds decoded base64. Faults: bad_request, bad_topic, bad_event, bad_key, bad_data,
 * bad_cursor, and unavailable when out of memory. */
const struct fault *publish_json_read(struct json_member m[PUBLISH_MEMBERS], struct buf *scratch,
                                      struct message_init *ret);
/* The fault for what json_slice_members returned; NULL for ERR_OK. */
const struct fault *publish_json_fault(enum err e);

#endif
