/*
 * A small protocol, as one adds one: this folder, and one line in an array of frontends. Lines of
 * text, each ended by LF:
 *
 *     SUB topic [after]   (once)        OK cursor, then GAP reason, MSG cursor topic text, LIVE
 * cursor PUB topic text                    ID cursor, after the commit anything else ERR why, and
 * the connection ends
 */
#ifndef TESTS_PROTOCOL_LINES_H
#define TESTS_PROTOCOL_LINES_H

#include "delivery/frontend.h"
#include "net/service.h"

enum { LINES_MAX = 4096 }; /* bytes of a line */

/* The one line. */
extern const struct frontend lines_frontend;
/* For a listening socket whose connections speak it. */
extern const struct service lines_service;

#endif
