/* Operations of WebSockets: publishing, by control objects or raw, and what comes of it. */
#ifndef FRONTENDS_WS_WS_PUBLISH_H
#define FRONTENDS_WS_WS_PUBLISH_H

#include "frontends/ws/ws_control.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_waiting.h"
#include "net/conn.h"

struct publish;

void ws_publish(struct conn *c, const struct ws_control *m);
/* The message E is published to the one topic of C, which is raw. */
void ws_publish_raw(struct conn *c, const struct ws_event *e);
/* P came back: answers it. */
void ws_answered(struct conn *c, struct publish *p);
/* Forgets the publishes that are under way. */
void ws_forget_publishes(struct ws *ws);
/* Bytes that these take, about. */
size_t ws_held_by_publishes(const struct ws *ws);

#endif
