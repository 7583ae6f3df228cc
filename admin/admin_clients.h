/*
 * Jobs of administrators (admin.h) that are about connections: what they are, and ending them. They
 * go from worker to worker, and visit some connections in a turn.
 */
#ifndef ADMIN_ADMIN_CLIENTS_H
#define ADMIN_ADMIN_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

#include "admin/admin.h"
#include "net/conn.h"

/* Array of all connections. */
void admin_clients(struct admin *a);
/* The same as lines of text, in the form of CLIENT LIST. */
void admin_client_lines(struct admin *a);
/* Ends the connection with that number, or all that come from ADDRESS; `number`: how many. */
void admin_kick(struct admin *a, uint64_t number);
void admin_kick_address(struct admin *a, const char *address, size_t n);
/* One line of admin_client_lines, at once. */
void admin_client_line(struct conn *c, struct buf *out);

#endif
