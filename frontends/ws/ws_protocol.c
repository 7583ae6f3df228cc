#include "frontends/ws/ws_protocol.h"

#include <stdlib.h>

#include "delivery/description.h"
#include "frontends/ws/ws_auth.h"
#include "frontends/ws/ws_connection.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_publish.h"
#include "frontends/ws/ws_subscribe.h"
#include "frontends/ws/ws_waiting.h"

enum {
    CONTROL_MAX = 64 << 10, /* what a control object may have besides its data */
    SILENCE_HEARTBEATS = 3, /* a peer that answers no ping for so many heartbeats is dead */
};

struct transport ws_transport = {.name = "ws", .subscribes = true, .attends = true};

static void handle_ping(struct conn *c, const struct ws_control *m)
{
    struct buf *out = conn_out(c);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_pong(out, &m->ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void handle_control(struct conn *c, char *text, size_t n)
{
    struct buf scratch = {0};
    struct ws_control m;
    counter_add(&c->loop->counters, COUNTER_ws_control, 1);
    budget_charge(&c->loop->work, WORK_CONTROL + n * WORK_JSON_BYTE);
    const struct fault *fault = ws_control_parse(text, n, &scratch, &m);
    if (fault)
        ws_answer_error(c, fault, &m.ref);
    else if (ws_of(c)->phase == WS_WAITING && m.op != WS_OP_AUTH)
        ws_answer_silent(c, &m.ref);
    else if (m.op == WS_OP_SUBSCRIBE)
        ws_subscribe(c, &m);
    else if (m.op == WS_OP_UNSUBSCRIBE)
        ws_unsubscribe(c, &m);
    else if (m.op == WS_OP_PUBLISH)
        ws_publish(c, &m);
    else if (m.op == WS_OP_AUTH)
        ws_auth(c, &m);
    else
        handle_ping(c, &m);
    buf_finish(&scratch);
}

static void count_inflated(struct conn *c, const struct ws_event *e)
{
    struct counters *counters = &c->loop->counters;
    if (!e->packed)
        return;
    budget_charge(&c->loop->work, (e->len < WS_PIECE ? e->len : WS_PIECE) * WORK_INFLATED_BYTE);
    counter_add(counters, COUNTER_ws_inflated, 1);
    counter_add(counters, COUNTER_ws_inflated_packed_bytes, e->packed);
    counter_add(counters, COUNTER_ws_inflated_bytes, e->len);
}

static void handle_message(struct conn *c, const struct ws_event *e)
{
    static const struct fault binary = {"bad_json", "Control objects are text frames"};
    count_inflated(c, e);
    if (ws_of(c)->raw)
        ws_publish_raw(c, e);
    else if (!e->text)
        ws_answer_error(c, &binary, NULL);
    else
        handle_control(c, e->data, e->len);
}

static void handle_event(struct conn *c, const struct ws_event *e)
{
    char frame[WS_CONTROL_FRAME_MAX];
    budget_charge(&c->loop->work, WORK_FRAME);
    switch (e->type) {
    case WS_EVENT_NONE:
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_PIECE:
        budget_charge(&c->loop->work, e->len * WORK_INFLATED_BYTE);
        break;
    case WS_EVENT_MESSAGE:
        handle_message(c, e);
        break;
    case WS_EVENT_PING:
        conn_write(c, frame, ws_frame_control(frame, WS_PONG, e->data, e->len));
        break;
    case WS_EVENT_CLOSE:
        ws_end_with(c, e->code, NULL);
        break;
    case WS_EVENT_ERROR:
        ws_end_with(c, e->code, e->reason);
        break;
    }
}

static bool takes_input(struct conn *c, const struct ws *ws)
{
    if (!conn_is_open(c) || !ws_is_listening(ws) || ws_must_wait(ws) || conn_is_congested(c))
        return false;
    return ws->inflight < worker_settings(c)->inflight && !worker_must_wait(worker_of(c), c) &&
           conn_may_go_on(c);
}

static bool create_reader(struct conn *c, struct ws *ws)
{
    const struct settings *s = worker_settings(c);
    ws->reader = malloc(sizeof(*ws->reader));
    if (!ws->reader) {
        conn_close(c, CLOSE_NOMEM);
        return false;
    }
    /* Base64 and escapes make a message longer in its control object. */
    ws_reader_init(ws->reader,
                   ws->raw ? s->max_message_bytes : 2 * s->max_message_bytes + CONTROL_MAX,
                   ws->deflate);
    return true;
}

static void drop_reader(struct ws *ws)
{
    if (ws->reader)
        ws_reader_finish(ws->reader);
    free(ws->reader);
    ws->reader = NULL;
}

static size_t ws_input(struct conn *c, char *data, size_t n)
{
    struct ws *ws = ws_of(c);
    size_t left = n;
    enum ws_event_type type = WS_EVENT_MESSAGE;
    ws->heard_s = (uint32_t)(loop_now(c->loop) / 1000);
    if (ws->phase == WS_OPEN && ws->waiting)
        ws_go_on_waiting(c);
    if (ws_is_listening(ws) && ws_must_wait(ws))
        return 0;
    if (!ws_is_listening(ws) || (!ws->reader && !create_reader(c, ws)))
        return n;
    while (type != WS_EVENT_NONE && takes_input(c, ws)) {
        struct ws_event e;
        type = ws_reader_feed(ws->reader, &data, &left, &e);
        if (type != WS_EVENT_NONE)
            handle_event(c, &e);
    }
    if (type == WS_EVENT_NONE && ws_reader_idle(ws->reader))
        drop_reader(ws);
    if (!ws_is_listening(ws))
        return n; /* nothing counts behind the end: section 1.4 */
    if (c->yielded)
        return n - left;
    if (type != WS_EVENT_NONE && conn_is_open(c))
        conn_pause(c); /* resumed by an answer, room in the hub, or output that has left */
    else if (c->input_over)
        ws_end_with(c, WS_CLOSE_NO_STATUS, NULL);
    return n - left;
}

/* What it sent before counts, also frames that wait to be taken. */
static void ws_input_ended(struct conn *c)
{
    const struct ws *ws = ws_of(c);
    if (ws_is_listening(ws) && c->in)
        return; /* ws_input() will see the end */
    ws_end_with(c, WS_CLOSE_NO_STATUS, NULL);
}

static void ws_drained(struct conn *c)
{
    stream_drained(&ws_of(c)->stream);
}

static void ws_busy(struct conn *c)
{
    stream_busy(&ws_of(c)->stream);
}

static bool is_silent(const struct conn *c, const struct ws *ws)
{
    uint64_t limit = SILENCE_HEARTBEATS * worker_settings(c)->heartbeat_ms + 1000;
    return loop_now(c->loop) - (uint64_t)ws->heard_s * 1000 >= limit;
}

static void give_up(struct conn *c)
{
    counter_add(&c->loop->counters, COUNTER_ws_silent, 1);
    conn_close(c, CLOSE_RESET);
}

static void ws_timeout(struct conn *c)
{
    char frame[WS_CONTROL_FRAME_MAX];
    const struct ws *ws = ws_of(c);
    if (ws->phase == WS_LEAVING) {
        ws_end_now(c, ws->close_code, ws->close_text);
        return;
    }
    ws_set_deadline(c, conn_next_beat(c, worker_settings(c)->heartbeat_ms));
    if (ws_is_silent_too_long(c, ws))
        ws_end_silence(c);
    else if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else if (c->reading && is_silent(c, ws))
        give_up(c);
    else if (!conn_is_busy(c))
        conn_write(c, frame, ws_frame_control(frame, WS_PING, NULL, 0));
}

static void ws_finish(struct conn *c)
{
    struct ws *ws = ws_of(c);
    if (!ws)
        return;
    ws_drop_waiting(ws);
    stream_finish(&ws->stream);
    drop_reader(ws);
    ws_forget_publishes(ws);
    free(ws);
    c->state = NULL;
}

static void ws_shutdown(struct conn *c)
{
    ws_end_with(c, WS_CLOSE_GOING_AWAY, "The hub is stopping");
}

static void ws_kicked(struct conn *c)
{
    ws_end_with(c, WS_CLOSE_GOING_AWAY, "Ended by the administrator");
}

static size_t ws_held(const struct conn *c)
{
    const struct ws *ws = c->state;
    size_t reader = ws->reader ? sizeof(*ws->reader) + ws_reader_held(ws->reader) : 0;
    return reader + ws_held_by_waiting(ws) + ws_held_by_publishes(ws) + stream_held(&ws->stream);
}

static void ws_refuse(struct conn *c)
{
    drop_reader(ws_of(c));
    if (ws_is_listening(ws_of(c)))
        ws_end_now(c, WS_CLOSE_TRY_LATER, "The hub holds as much for its clients as it may");
    else
        conn_close(c, CLOSE_MEMORY);
}

static void ws_describe(struct conn *c, struct description *d)
{
    stream_describe(&ws_of(c)->stream, d);
    d->deflate = ws_of(c)->deflate;
}

const struct protocol ws_protocol = {
    .name = "ws",
    .transport = &ws_transport,
    .input = ws_input,
    .input_ended = ws_input_ended,
    .drained = ws_drained,
    .busy = ws_busy,
    .timeout = ws_timeout,
    .finish = ws_finish,
    .shutdown = ws_shutdown,
    .kicked = ws_kicked,
    .rights = ws_rights,
    .describe = ws_describe,
    .held = ws_held,
    .refuse = ws_refuse,
    .answered = ws_answered,
};
