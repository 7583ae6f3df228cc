/*
 * How the client of a test speaks over a link that does what it likes (roaming_link.h): in plain
 * bytes (plain_wire.c), in TLS records (tls_wire.c) or by a stream of HTTP/2 (h2_wire.c). A test
 * that uses this is linked with one of them. There is one wire at a time.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "tests/unit/roaming_link.h"

struct conn;

/* The link for the hub's connection, over that of R. */
struct link wire_begin(struct roaming *r);
void wire_end(struct roaming *r);
/* The connection that has R, if C has the link of wire_begin: C itself, or what carries it. */
struct conn *wire_carrier(struct conn *c);
/* C has ended: so does what carries it. */
void wire_leave(void);
/* The hub has said its last word by it. */
bool wire_has_ended(struct roaming *r);
/* Whether the link that begins is watched by the loop, which may fail. */
extern const bool wire_is_watched;
void wire_say(struct roaming *r, const void *data, size_t n);
/* The client says no more. */
void wire_say_end(struct roaming *r);
/* What has come to the client, so far; valid until the next call. */
const struct buf *wire_heard(struct roaming *r);

#endif
