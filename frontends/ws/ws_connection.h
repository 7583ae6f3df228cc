/*
 * A WebSocket's connection: how it ends, and what is answered on it. What it keeps is in
 * ws_waiting.h.
 */
#ifndef FRONTENDS_WS_WS_CONNECTION_H
#define FRONTENDS_WS_WS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/json_slice.h"
#include "delivery/worker.h"
#include "frontends/ws/ws_waiting.h"
#include "http/http_access.h"

struct http_quota;

/* How its messages are written. */
const struct encoding *ws_encoding_of(const struct ws *ws);
/* The cursor behind OFFSET; OUT has CURSOR_TEXT_SIZE bytes. */
void ws_format_offset(const struct conn *c, uint64_t offset, char *out);
/* Its phase is PHASE from now on; behind WAITING, what it waits with is given up. */
void ws_set_phase(struct ws *ws, enum ws_phase phase);

/* Sends a close frame and ends the connection when it is out. */
void ws_end_now(struct conn *c, unsigned code, const char *reason);
/* Reads no more, and sends a close frame behind what is due (RFC 6455 section 5.5.1), but after
 * CONN_FAREWELL_MS in any case. REASON is a constant. */
void ws_end_with(struct conn *c, unsigned code, const char *reason);
/* Ends a connection that is LEAVING when nothing is due any more. */
void ws_leave(struct conn *c);

/* Where to append a frame; NULL when there may be none any more. */
struct buf *ws_out(struct conn *c);
/* Answers the operation with REF (NULL: it has none) that it failed, and counts that. */
void ws_answer_error(struct conn *c, const struct fault *fault, const struct json_slice *ref);
/* The same for one that is over quota Q. */
void ws_answer_over(struct conn *c, const struct http_quota *q, const struct json_slice *ref);
/* Whether C may do that with the N bytes TOPIC, a topic or pattern; false: answered. */
bool ws_may_use(struct conn *c, enum access_right right, const char *topic, size_t n,
                const struct json_slice *ref);

#endif
