/*
 * How the client of a test speaks over a link that does what it likes (roaming_link.h): in plain
 * bytes (plain_wire.c) or in TLS records (tls_wire.c). A test that uses this is linked with one of
 * them. There is one wire at a time.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include <stddef.h>

#include "base/buf.h"
#include "tests/unit/roaming_link.h"

/* The link for the hub's connection, over that of R. */
struct link wire_begin(struct roaming *r);
void wire_end(struct roaming *r);
void wire_say(struct roaming *r, const void *data, size_t n);
/* The client says no more. */
void wire_say_end(struct roaming *r);
/* What has come to the client, so far; valid until the next call. */
const struct buf *wire_heard(struct roaming *r);

#endif
