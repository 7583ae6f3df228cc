/*
 * The JSON objects of a WebSocket with envelopes (subprotocol longwire.v1): requests of the client,
 * and the hub's answers. What is in the frames around them is ws_frame.h's business.
 *
 *     {"op":"subscribe","topic":"a/+","after":"1042-3824910012","ref":1}
 *     {"op":"unsubscribe","topic":"a/+"}
 *     {"op":"publish","topic":"a/b","data":...,"event":"tick","key":"k","encoding":"base64",
 *      "expect":"1042-3824910012"}
 *     {"op":"auth","token":"..."}
 *     {"op":"ping"}
 *
 * `ref`, a string or a number, is echoed as it is written. Members that an op does not know are
 * passed over; null is as good as absent where a member may be left out.
 */
#ifndef FRONTENDS_WS_WS_CONTROL_H
#define FRONTENDS_WS_WS_CONTROL_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/json_slice.h"
#include "broker/cursor.h"
#include "broker/message.h"

enum { WS_CONTROL_REF_MAX = 256 }; /* bytes of `ref` as it is written */

enum ws_op {
    WS_OP_SUBSCRIBE,
    WS_OP_UNSUBSCRIBE,
    WS_OP_PUBLISH,
    WS_OP_AUTH,
    WS_OP_PING,
};

/* All pointers are borrowed from the parsed text, `publish.payload` perhaps from the scratch. */
struct ws_control {
    enum ws_op op;
    struct json_slice ref;       /* JSON; data NULL = none */
    struct json_slice topic;     /* subscribe, unsubscribe: a valid topic or pattern */
    struct after after;          /* subscribe; AFTER_LATEST when none was given */
    struct json_slice token;     /* auth */
    struct message_init publish; /* publish */
};

/* Reads one text message, which is changed in place. NULL, or what is wrong: bad_json, bad_request
 * (not an object; a member missing, of the wrong type, or not allowed), unknown_op, bad_topic,
 * bad_cursor, bad_event, bad_key, bad_data, unavailable (out of memory). RET->ref is set in any
 * case, so that the error can echo it. SCRATCH is emptied first. */
const struct fault *ws_control_parse(char *text, size_t n, struct buf *scratch,
                                     struct ws_control *ret);

/* Answers: each appends one object without line ends. REF may be NULL or have no data. Cursors and
 * ids are NUL-terminated. */
void ws_control_subscribed(struct buf *out, const char *topic, size_t topic_len, const char *cursor,
                           const struct json_slice *ref);
void ws_control_unsubscribed(struct buf *out, const char *topic, size_t topic_len,
                             const struct json_slice *ref);
void ws_control_published(struct buf *out, const char *id, const struct json_slice *ref);
/* EXPIRES: when the token does, Unix s; 0 = never. */
void ws_control_authenticated(struct buf *out, int64_t expires, const struct json_slice *ref);
/* Its rights are over, WHY: "expired", "revoked". */
void ws_control_expired(struct buf *out, const char *why);
void ws_control_pong(struct buf *out, const struct json_slice *ref);
void ws_control_error(struct buf *out, const struct fault *fault, const struct json_slice *ref);
/* The error of what is too much now; RETRY_S: when it may not be (0: it will be). */
void ws_control_over(struct buf *out, const struct fault *fault, uint32_t retry_s,
                     const struct json_slice *ref);
/* The error of a conditional publish; CURRENT is the topic's newest cursor. */
void ws_control_conflict(struct buf *out, const struct fault *fault, const char *current,
                         const struct json_slice *ref);
/* TOPIC of a subscription that joined, NULL for the connection as a whole. REASON: epoch, ahead or
 * trimmed. */
void ws_control_gap(struct buf *out, const char *requested, const char *resumed, const char *reason,
                    const char *topic, size_t topic_len);
void ws_control_live(struct buf *out, const char *cursor, const char *topic, size_t topic_len);

#endif
