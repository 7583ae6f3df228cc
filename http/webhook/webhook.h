/*
 * Hooks (hooks.url): an application is told by HTTP which topics have subscribers, and who is a
 * member of them (doc/access.md).
 *
 *   interest, presence --> roll --> the clerk: note, publish, note --> _hooks/events --> sender
 *
 * What is to be told is decided by the roll (broker/roll.h), and becomes a message of the log
 * before anything else; from there it is sent (webhook_sender.h). The clerk is worker 0, on whose
 * thread all of this is.
 */
#ifndef HTTP_WEBHOOK_WEBHOOK_H
#define HTTP_WEBHOOK_WEBHOOK_H

#include "base/err.h"

struct buf;
struct frontend;
struct hub;
struct worker;

enum { WEBHOOK_CLERK = 0 }; /* the number of its worker */

extern const struct frontend webhook_frontend;

/* Begins, if there are hooks: on the clerk's thread, as soon as it runs. */
void webhook_begin(struct hub *h);
/* Appends a document that says how it is; W is the clerk. */
void webhook_put_status(struct worker *w, struct buf *out);

#endif
