/* Frames that an HTTP/2 connection gets, and what becomes of them. */
#ifndef HTTP_H2_H2_SESSION_H
#define HTTP_H2_H2_SESSION_H

#include "http/h2/h2.h"

/* H's connection is set: makes the rest of it, and says what the hub offers. ERR_NOMEM; then
 * h2_session_finish, too. */
MUST_CHECK enum err h2_session_begin(struct h2 *h);
/* Its streams are cut. */
void h2_session_finish(struct h2 *h);
/* Reads a part of N bytes, at least one: no more than one frame. Returns how many. */
size_t h2_session_read(struct h2 *h, const char *data, size_t n);
/* Looks at requests of which the head has come, once there are several of them: what is left of the
 * input may have many more, each of which takes a kilobyte until it is looked at. */
void h2_session_look(struct h2 *h);
/* Tells streams what has come for them, and frames what they say, as far as the slice of work
 * goes. Not while anything is left to read in the loop's buffer, which streams read into. */
void h2_session_tell(struct h2 *h);
/* Whether it may go on with its input. */
bool h2_session_may_go_on(struct h2 *h);

#endif
