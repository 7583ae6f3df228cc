#include "frontends/ws/ws_waiting.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/counting.h"
#include "delivery/worker.h"

void ws_end_waiting(struct ws *ws)
{
    struct waiting *waiting = ws->waiting;
    ws->waiting = waiting->next;
    tokens_forget(&waiting->check);
    counting_free(waiting->counting);
    free(waiting);
}

void ws_drop_waiting(struct ws *ws)
{
    while (ws_is_listening(ws) && ws->waiting)
        ws_end_waiting(ws);
}

struct waiting *ws_waiting_create(struct conn *c, const struct ws_control *m)
{
    size_t topic = m->topic.data ? m->topic.len : 0, ref = m->ref.data ? m->ref.len : 0;
    struct waiting *waiting = calloc(1, sizeof(*waiting) + topic + ref);
    if (!waiting) {
        conn_close(c, CLOSE_NOMEM);
        return NULL;
    }
    waiting->conn = c;
    waiting->after = m->after;
    waiting->topic_len = topic;
    waiting->ref_len = ref;
    if (topic)
        memcpy(waiting->text, m->topic.data, topic);
    if (ref)
        memcpy(waiting->text + topic, m->ref.data, ref);
    return waiting;
}

struct ws_control ws_asked(const struct waiting *waiting)
{
    const char *ref = waiting->text + waiting->topic_len;
    return (struct ws_control){
        .op = WS_OP_SUBSCRIBE,
        .topic = {(char *)(uintptr_t)waiting->text, waiting->topic_len},
        .ref = {waiting->ref_len ? (char *)(uintptr_t)ref : NULL, waiting->ref_len},
        .after = waiting->after,
    };
}

bool ws_must_wait(const struct ws *ws)
{
    return ws->waiting && !ws->waiting->silent;
}

size_t ws_held_by_waiting(const struct ws *ws)
{
    size_t held = 0;
    if (!ws_is_listening(ws))
        return 0;
    for (const struct waiting *w = ws->waiting; w; w = w->next)
        held += sizeof(*w) + w->topic_len + w->ref_len + counting_held(w->counting);
    return held;
}

void ws_set_deadline(struct conn *c, uint64_t ping_ms)
{
    const struct ws *ws = ws_of(c);
    uint64_t at = ping_ms;
    for (const struct waiting *w = ws->phase == WS_WAITING ? ws->waiting : NULL; w; w = w->next)
        if (w->silent && (uint64_t)w->until_s * 1000 < at)
            at = (uint64_t)w->until_s * 1000;
    conn_set_deadline(c, at);
}
