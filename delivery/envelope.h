/*
 * The envelope: a message as one JSON object on one line, the same on every transport
 * (doc/protocol.md).
 *
 *     {"id":"1042-3824910012","topic":"prices/AAPL","time":"2026-11-22T07:31:15.042Z",
 *      "event":"price_update","data":...}
 *
 * `event` is left out when there is none. `data` is the payload itself when it is JSON, a string
 * when it is text, and a base64 string followed by `"encoding":"base64"` when it is binary.
 */
#ifndef DELIVERY_ENVELOPE_H
#define DELIVERY_ENVELOPE_H

#include <stddef.h>

#include "base/buf.h"
#include "broker/message.h"

/* Appends the envelope of M, without a CR or LF anywhere. Offset, time, topic and epoch are set. */
void envelope_append(const struct message *m, struct buf *out);
/* The same with what subscribers do not get: `key` behind `event` (`key_base64` when it is no
 * UTF-8), and at the end `"kind":"json"` where `data` is a string that was published as JSON. */
void envelope_append_stored(const struct message *m, struct buf *out);
/* Appends N bytes of UTF-8 as a JSON string (RFC 8259 section 7) with its quotes; only '"', '\' and
 * control characters are escaped. */
void envelope_json_string(struct buf *out, const char *text, size_t n);
/* Appends N bytes of valid JSON with its line ends, which can only be insignificant white space,
 * as blanks. */
void envelope_json_line(struct buf *out, const char *json, size_t n);

#endif
