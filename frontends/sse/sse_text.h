/*
 * Server-Sent Events blocks (WHATWG HTML section 9.2) that are not messages' own, and the pieces
 * that all blocks are made of.
 *
 * A block with an id and no data moves the browser's last event id without firing an event. One
 * blank after a colon belongs to the syntax, so it is always written.
 */
#ifndef FRONTENDS_SSE_SSE_TEXT_H
#define FRONTENDS_SSE_SSE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The first block of a stream: how long to wait before a reconnect, and where the stream starts. */
void sse_hello(struct buf *out, uint64_t retry_ms, const char *cursor);
/* The heartbeat: an id-only block, so that a quiet stream's cursor stays fresh. */
void sse_heartbeat(struct buf *out, const char *cursor);
/* A control event (longwire.gap, longwire.live): DATA is N bytes of JSON or text; CURSOR, when not
 * NULL, becomes the last event id. */
void sse_event(struct buf *out, const char *name, const char *data, size_t n, const char *cursor);

/* Pieces of a block. The event line is left out when NAME is empty, or holds a CR, LF or NUL, which
 * publishing refuses. */
void sse_id_line(struct buf *out, const char *cursor, size_t n);
void sse_event_line(struct buf *out, const char *name, size_t n);
/* One `data:` line for each line of DATA, whose ends are CR, LF or CRLF; none of it is lost but the
 * difference between these three. No data is one empty line. */
void sse_data_lines(struct buf *out, const char *data, size_t n);

#endif
