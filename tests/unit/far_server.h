/*
 * The server that a loop of the hub asks, as a test plays it: what comes, and what it says. Turns
 * of the loop are made as they are needed.
 */
#ifndef TESTS_UNIT_FAR_SERVER_H
#define TESTS_UNIT_FAR_SERVER_H

#include <stdbool.h>

#include "net/loop.h"
#include "net/remote.h"

enum { FAR_TURNS = 2000 /* until what must come has come */ };

/* A turn of L, which waits for nothing. */
void far_turn(struct loop *l);
/* Listens at a free port, whose address R gets as another one; returns the descriptor. */
int far_listen(struct remote *r);
/* The next connection that comes. */
int far_comes(struct loop *l, int listener);
/* Whether one comes at all; it is closed. */
bool far_has_come(struct loop *l, int listener);
/* TEXT comes over CONN. */
void far_gets(struct loop *l, int conn, const char *text);
/* All that comes until an empty line, NUL-terminated; valid until the next call. */
const char *far_gets_head(struct loop *l, int conn);
void far_says(int conn, const char *text);
/* The hub ends CONN, which is closed then. */
void far_is_ended(struct loop *l, int conn);

#endif
