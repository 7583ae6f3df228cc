/* What a refused request leaves behind: counters, and a line of the log. Answers nothing. */
#ifndef HTTP_HTTP_REFUSAL_H
#define HTTP_HTTP_REFUSAL_H

#include <stddef.h>

#include "broker/broker.h"
#include "http/url.h"
#include "net/conn.h"

/* What was asked, and what is answered. */
struct http_refusal {
    const char *method;    /* NULL: none was read */
    const struct url *url; /* empty: none was */
    unsigned status;
    const char *detail;
};

/* Counts, and if there is room for a line logs, an answer of C whose status blames the client.
 * Before it is written. */
void http_refusal_note(struct conn *c, const struct http_refusal *r);
/* The same for the publish P, which came back. */
void http_refusal_note_publish(struct conn *c, unsigned status, const char *detail,
                               const struct publish *p);

#endif
