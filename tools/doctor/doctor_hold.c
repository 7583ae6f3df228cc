/* How long connections live on which the hub says no more than that it is there: an event stream, a
 * WebSocket and a long-poll, held at the same time. */
#include "tools/doctor/doctor.h"

#include <stdio.h>
#include <string.h>

enum { HELD_STREAM, HELD_WEBSOCKET, HELD_POLL, HELD }; /* the long-poll is the last */

static const char *const names[HELD] = {"idle stream", "idle WebSocket", "idle long-poll"};

struct held {
    struct doctor_link link;
    double since;
    unsigned signs; /* of life: heartbeats, pings */
    size_t used;    /* WebSocket: see doctor_next_frame */
    bool tried;     /* otherwise the transport does not pass at all */
};

/* What comes in the first moments belongs to the beginning. */
static void settle(struct held *h)
{
    struct doctor_link *links[HELD];
    double until = doctor_now() + 0.5;
    for (int i = 0; i < HELD; i++) {
        links[i] = &h[i].link;
        h[i].since = h[i].link.sent_at;
    }
    while (doctor_links_wait(links, HELD, until))
        ;
    buf_clear(&h[HELD_STREAM].link.body);
}

static void start(struct doctor *d, struct held *h)
{
    char path[256];
    double wait = d->hold_s < 60 ? d->hold_s : 60;
    for (int i = 0; i < HELD; i++)
        doctor_link_init(&h[i].link);
    snprintf(path, sizeof(path), "/t/%s", d->quiet_topic);
    h[HELD_STREAM].tried = d->streams && !doctor_ask(d, &h[HELD_STREAM].link, "GET", path,
                                                     "Accept: text/event-stream\r\n", NULL);
    h[HELD_WEBSOCKET].tried =
        d->talks && doctor_websocket_open(d, &h[HELD_WEBSOCKET].link, d->quiet_topic);
    snprintf(path, sizeof(path), "/t/%s?wait=%g", d->quiet_topic, wait);
    h[HELD_POLL].tried =
        !doctor_ask(d, &h[HELD_POLL].link, "GET", path, "Connection: close\r\n", NULL);
    settle(h);
}

/* Counts heartbeats in what has come, and takes it away. */
static void watch_stream(struct held *h)
{
    struct buf *body = &h->link.body;
    const char *end;
    while (body->len && (end = memmem(body->data, body->len, "\n\n", 2))) {
        buf_consume(body, (size_t)(end - body->data) + 2);
        h->signs++;
    }
}

/* Answers pings: a peer that does not is dropped. */
static void watch_websocket(struct held *h)
{
    struct ws_header header;
    const char *payload;
    char pong[WS_PONG_MAX];
    while (doctor_next_frame(&h->link, &h->used, &header, &payload)) {
        if (header.opcode != WS_PING)
            continue;
        h->signs++;
        size_t n = ws_write_pong(pong, payload, header.len);
        if (doctor_link_send(&h->link, pong, n, doctor_now() + 1))
            return; /* the link has ended, and is told so */
    }
}

static void hold(struct held *h, double until)
{
    struct doctor_link *links[HELD];
    for (int i = 0; i < HELD; i++)
        links[i] = &h[i].link;
    size_t count = HELD;
    while (doctor_links_wait(links, count, until)) {
        watch_stream(&h[HELD_STREAM]);
        watch_websocket(&h[HELD_WEBSOCKET]);
        if (h[HELD_POLL].link.complete)
            count = HELD_POLL; /* what becomes of its connection now does not matter */
    }
}

/* The poll's answer comes at the end of that time. */
static void await_answer(struct doctor_link *poll, double until)
{
    while (!poll->complete && doctor_links_wait(&poll, 1, until))
        ;
}

static void report_stream(struct doctor *d, int which, const struct held *h)
{
    const char *sign = which == HELD_STREAM ? "heartbeat" : "ping";
    if (h->link.state == LINK_ENDED)
        doctor_report(d, names[which], DOCTOR_FAILED, -1, "is cut after %.1f s",
                      h->link.ended_at - h->since);
    else
        doctor_report(d, names[which], DOCTOR_OK, -1, "is there after %u s; %u %s%s", d->hold_s,
                      h->signs, sign, h->signs == 1 ? "" : "s");
}

static void report_poll(struct doctor *d, const struct held *h)
{
    const struct doctor_link *l = &h->link;
    double last = l->complete ? l->received_at : l->state == LINK_ENDED ? l->ended_at : -1;
    if (l->complete && l->head.status == 200)
        doctor_report(d, names[HELD_POLL], DOCTOR_OK, -1, "is answered after %.1f s",
                      last - h->since);
    else if (l->head.status && l->head.status != 200)
        doctor_report(d, names[HELD_POLL], DOCTOR_FAILED, -1, "gets status %u after %.1f s",
                      l->head.status, (last > 0 ? last : l->received_at) - h->since);
    else if (last > 0)
        doctor_report(d, names[HELD_POLL], DOCTOR_FAILED, -1, "is cut after %.1f s",
                      last - h->since);
    else
        doctor_report(d, names[HELD_POLL], DOCTOR_FAILED, -1, "is not answered %g s after its time",
                      d->patience);
}

void doctor_check_holds(struct doctor *d)
{
    struct held held[HELD] = {0};
    if (d->hold_s == 0)
        return;
    start(d, held);
    hold(held, doctor_now() + d->hold_s);
    await_answer(&held[HELD_POLL].link, doctor_now() + d->patience);
    for (int i = 0; i < HELD; i++) {
        if (!held[i].tried)
            doctor_report(d, names[i], DOCTOR_SKIPPED, -1, "does not pass at all");
        else if (i == HELD_POLL)
            report_poll(d, &held[i]);
        else
            report_stream(d, i, &held[i]);
        doctor_link_finish(&held[i].link);
    }
}
