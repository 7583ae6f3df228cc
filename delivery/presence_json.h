/*
 * Members of topics with presence as JSON objects on one line, the same wherever they are told of
 * (doc/protocol.md):
 *
 *     {"sub":"alice","since":"2026-11-22T07:31:15.042Z","info":{...}}
 *     {"connection":"1f0c…","since":"2026-11-22T07:31:15.042Z"}
 */
#ifndef DELIVERY_PRESENCE_JSON_H
#define DELIVERY_PRESENCE_JSON_H

#include "base/buf.h"
#include "broker/presence.h"

/* Appends M as one of those who are here; of a `sub` with "connections", how many it has: none for
 * a moment, if it may come back. */
void presence_json_member(const struct presence_member *m, struct buf *out);
/* Appends M as one who has come or gone; with "number", how many are here now. */
void presence_json_event(const struct presence_member *m, struct buf *out);

#endif
