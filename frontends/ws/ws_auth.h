/* Operations of WebSockets: tokens, from waiting for the first one to the end of the last. */
#ifndef FRONTENDS_WS_WS_AUTH_H
#define FRONTENDS_WS_WS_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "frontends/ws/ws_control.h"
#include "frontends/ws/ws_waiting.h"
#include "http/subscribe.h"
#include "net/conn.h"

void ws_auth(struct conn *c, const struct ws_control *m);
/* The protocol's rights(). When they are over nothing is delivered from now on; what it has
 * published is answered. */
void ws_rights(struct conn *c, enum rights_event e);

/* All of SUB is to be subscribed to when a token has come: WS, which has no connection yet.
 * ERR_NOMEM: C has ended. */
MUST_CHECK enum err ws_put_off(struct ws *ws, struct conn *c, const struct subscription *sub);
/* Nothing but `auth` before its token: REF asked for something else. */
void ws_answer_silent(struct conn *c, const struct json_slice *ref);
/* No token came in time. */
bool ws_is_silent_too_long(const struct conn *c, const struct ws *ws);
/* Ends it for that. */
void ws_end_silence(struct conn *c);

#endif
