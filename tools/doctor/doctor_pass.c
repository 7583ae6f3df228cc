/* Which transports pass, whether something holds back what they carry, and what became of the
 * headers on the way. */
#include "tools/doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CLOSE      "Connection: close\r\n"
#define STREAM     "Accept: text/event-stream\r\n"
#define PUBLISH    "Content-Type: application/json\r\n" CLOSE
#define TOPIC_PATH "/t/" DOCTOR_TOPIC
#define PROTOCOL   "Sec-WebSocket-Protocol: longwire.v1\r\n"

enum {
    ROUNDS = 5,           /* requests whose times are compared */
    BULK_BYTES = 8 << 10, /* of a message that is to make a buffer overflow */
    BULK_MESSAGES = 32,   /* more than any usual buffer holds, all together */
    REASON_SIZE = 200,
};

static double ms_between(double from, double to)
{
    return (to - from) * 1e3;
}

static double deadline(const struct doctor *d)
{
    return doctor_now() + d->patience;
}

/* --- Requests --- */

enum err doctor_ask(const struct doctor *d, struct doctor_link *l, const char *method,
                    const char *path, const char *headers, const char *body)
{
    struct buf out = {0};
    double until = deadline(d);
    enum err e = doctor_open(d, l, until);
    if (e)
        return e;
    buf_printf(&out, "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: longwirectl\r\n%s", method,
               d->url.prefix, path, d->url.authority, headers);
    if (body)
        buf_printf(&out, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&out, "\r\n%s", body ? body : "");
    e = out.failed ? ERR_NOMEM : doctor_link_send(l, out.data, out.len, until);
    buf_finish(&out);
    return e;
}

/* The same, and waits for the whole answer. */
static enum err exchange(const struct doctor *d, struct doctor_link *l, const char *method,
                         const char *path, const char *headers, const char *body)
{
    enum err e = doctor_ask(d, l, method, path, headers, body);
    if (e == ERR_OK && !doctor_link_until(l, doctor_is_complete, NULL, deadline(d)))
        e = l->state == LINK_OPEN ? ERR_AGAIN : ERR_CLOSED;
    return e;
}

/* Why the answer on L is not the one that was wanted. */
static const char *reason(const struct doctor *d, const struct doctor_link *l,
                          char ret[REASON_SIZE])
{
    if (l->head.status != 0)
        snprintf(ret, REASON_SIZE, "answered with status %u%s", l->head.status,
                 l->complete || l->head.status != 200 ? "" : ", and then not to the end");
    else if (l->error == EBADMSG)
        snprintf(ret, REASON_SIZE, "what answers is no HTTP/1.1");
    else if (l->error == EKEYREJECTED)
        snprintf(ret, REASON_SIZE, "another certificate is shown, which is not good");
    else if (l->state == LINK_OPEN)
        snprintf(ret, REASON_SIZE, "no answer in %g s", d->patience);
    else if (l->error)
        snprintf(ret, REASON_SIZE, "%s", strerror(l->error));
    else
        snprintf(ret, REASON_SIZE, "closed without an answer");
    return ret;
}

/* The string member NAME of the JSON in the body; false when there is none, or it is too long. */
static bool body_member(const struct doctor_link *l, const char *name, char *ret, size_t size)
{
    json_t *document =
        l->body.len ? json_loadb(l->body.data, l->body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *text = json_string_value(json_object_get(document, name));
    bool found = text && strlen(text) < size;
    if (found)
        memcpy(ret, text, strlen(text) + 1);
    json_decref(document);
    return found;
}

/* --- The hub, and how fast it answers --- */

/* The cursor in an answer's body, which its header has to have, too. */
static bool take_cursor(struct doctor *d, const struct doctor_link *l, const char *what)
{
    struct http_value value;
    char text[128];
    if (!body_member(l, "cursor", d->cursor, sizeof(d->cursor)))
        return false;
    if (!http_head_value(l->head_text.data, l->head_text.len, "Longwire-Cursor:", &value) ||
        value.n != strlen(d->cursor) || memcmp(value.text, d->cursor, value.n) != 0) {
        snprintf(text, sizeof(text), "Longwire-Cursor of %s is not what it was", what);
        doctor_altered(d, text);
    }
    if (!doctor_link_says(l, "Cache-Control:", "no-store")) {
        snprintf(text, sizeof(text), "Cache-Control: no-store of %s is gone", what);
        doctor_altered(d, text);
    }
    return true;
}

/* Who says that it is in between: the hub itself has neither field. */
static void report_between(struct doctor *d, const struct doctor_link *l)
{
    struct http_value server = {0}, via = {0};
    bool has_server = http_head_value(l->head_text.data, l->head_text.len, "Server:", &server);
    bool has_via = http_head_value(l->head_text.data, l->head_text.len, "Via:", &via);
    if (has_server || has_via)
        doctor_report(d, "in between", DOCTOR_NOTE, -1, "%s%.*s%s%s%.*s",
                      has_server ? "Server: " : "", (int)server.n, server.n ? server.text : "",
                      has_server && has_via ? ", " : "", has_via ? "Via: " : "", (int)via.n,
                      via.n ? via.text : "");
}

bool doctor_check_hub(struct doctor *d)
{
    struct doctor_link l;
    char text[REASON_SIZE];
    enum err e = exchange(d, &l, "GET", "/cursor", CLOSE, NULL);
    bool well = e == ERR_OK && l.head.status == 200 && take_cursor(d, &l, "/cursor");
    if (well)
        doctor_report(d, "hub", DOCTOR_OK, ms_between(l.sent_at, l.first_at), "is at %s",
                      d->cursor);
    else if (e == ERR_OK && l.head.status == 200)
        doctor_report(d, "hub", DOCTOR_FAILED, -1, "what answers at /cursor is no Longwire hub");
    else
        doctor_report(d, "hub", DOCTOR_FAILED, -1, "/cursor: %s", reason(d, &l, text));
    if (l.head.status)
        report_between(d, &l);
    doctor_link_finish(&l);
    return well;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check_latency(struct doctor *d)
{
    double times[ROUNDS];
    char text[REASON_SIZE];
    for (size_t i = 0; i < ROUNDS; i++) {
        struct doctor_link l;
        enum err e = exchange(d, &l, "GET", "/healthz", CLOSE, NULL);
        times[i] = ms_between(l.sent_at, l.first_at);
        if (e || l.head.status != 200) {
            doctor_report(d, "latency", DOCTOR_FAILED, -1, "/healthz: %s", reason(d, &l, text));
            doctor_link_finish(&l);
            return;
        }
        doctor_link_finish(&l);
    }
    qsort(times, ROUNDS, sizeof(times[0]), by_size);
    doctor_report(d, "latency", DOCTOR_OK, times[ROUNDS / 2], "of %d requests, %.1f to %.1f ms",
                  ROUNDS, times[0], times[ROUNDS - 1]);
}

/* --- Publishing --- */

/* The payload of the newest message. */
static void payload(const struct doctor *d, char ret[64])
{
    snprintf(ret, 64, "{\"run\":\"%s\",\"message\":%u}", d->run, d->published);
}

/* Publishes BODY. Finish L in any case. */
static enum err publish(struct doctor *d, struct doctor_link *l, const char *body)
{
    enum err e = exchange(d, l, "POST", TOPIC_PATH, PUBLISH, body);
    return e ? e : l->head.status == 201 ? ERR_OK : ERR_ACCESS;
}

enum err doctor_publish(struct doctor *d)
{
    struct doctor_link l;
    char body[64];
    d->published++;
    payload(d, body);
    enum err e = publish(d, &l, body);
    doctor_link_finish(&l);
    return e;
}

void doctor_check_publish(struct doctor *d)
{
    struct doctor_link l;
    char body[64], text[REASON_SIZE], id[64];
    check_latency(d);
    d->published++;
    payload(d, body);
    enum err e = publish(d, &l, body);
    bool by_hub = doctor_link_says(&l, "Content-Type:", "application/problem+json");
    d->can_publish = e == ERR_OK && body_member(&l, "id", id, sizeof(id));
    if (d->can_publish)
        doctor_report(d, "publish", DOCTOR_OK, ms_between(l.sent_at, l.first_at),
                      "to " DOCTOR_TOPIC);
    else if (by_hub && (l.head.status == 403 || l.head.status == 401))
        doctor_report(d, "publish", DOCTOR_SKIPPED, -1, "the hub does not allow it from here");
    else
        doctor_report(d, "publish", DOCTOR_FAILED, -1, "%s", reason(d, &l, text));
    doctor_link_finish(&l);
}

/* --- Long-polls --- */

static enum err ask_waiting_poll(struct doctor *d, struct doctor_link *l)
{
    char path[256];
    snprintf(path, sizeof(path), TOPIC_PATH "?after=%s&wait=%g", d->cursor,
             d->can_publish ? d->patience : 1.0);
    return doctor_ask(d, l, "GET", path, CLOSE, NULL);
}

/* Whether L was answered by what another run published, and where to go on then. */
static bool is_of_others(struct doctor *d, const struct doctor_link *l, const char *expected)
{
    char before[sizeof(d->cursor)];
    memcpy(before, d->cursor, sizeof(before));
    return l->head.status == 200 && !doctor_has_text(l, expected) &&
           body_member(l, "cursor", d->cursor, sizeof(d->cursor)) && strcmp(before, d->cursor) != 0;
}

/* One that waits, and is answered by a message or at its time. */
static void check_waiting_poll(struct doctor *d)
{
    struct doctor_link l;
    char expected[64] = "\"cursor\"", text[REASON_SIZE];
    enum err e = ask_waiting_poll(d, &l);
    double published_at = doctor_now(), until;
    if (e == ERR_OK && d->can_publish) {
        e = doctor_publish(d);
        payload(d, expected);
    }
    /* A poll that gets no message is answered when its own time is over, as long as that of this.
     */
    until = deadline(d) + 1;
    bool whole = !e && doctor_link_until(&l, doctor_is_complete, NULL, until);
    while (whole && is_of_others(d, &l, expected)) {
        doctor_link_finish(&l);
        whole = !ask_waiting_poll(d, &l) && doctor_link_until(&l, doctor_is_complete, NULL, until);
    }
    if (whole && l.head.status == 200 && doctor_has_text(&l, expected))
        doctor_report(d, "long-poll", DOCTOR_OK,
                      d->can_publish ? ms_between(published_at, l.received_at) : -1, "%s",
                      d->can_publish ? "until a message came" : "answered when its time was over");
    else if (whole && l.head.status == 200)
        doctor_report(d, "long-poll", DOCTOR_FAILED, -1, "was answered without the message");
    else
        doctor_report(d, "long-poll", DOCTOR_FAILED, -1, "%s", reason(d, &l, text));
    doctor_link_finish(&l);
}

void doctor_check_poll(struct doctor *d)
{
    struct doctor_link l;
    char text[REASON_SIZE];
    enum err e = exchange(d, &l, "GET", TOPIC_PATH "?wait=0", CLOSE, NULL);
    bool well = e == ERR_OK && l.head.status == 200 && take_cursor(d, &l, "a long-poll");
    if (!well)
        doctor_report(d, "long-poll", DOCTOR_FAILED, -1, "%s", reason(d, &l, text));
    doctor_link_finish(&l);
    if (well)
        check_waiting_poll(d);
}

/* --- Event streams --- */

/* Nothing has come of an open stream: publishes large messages until something does. */
static void report_held_back(struct doctor *d, struct doctor_link *l,
                             bool (*is)(const struct doctor_link *l, const char *what),
                             const char *what)
{
    static char bulk[BULK_BYTES];
    unsigned sent = 0;
    memset(bulk, 'x', sizeof(bulk) - 1);
    bulk[0] = bulk[sizeof(bulk) - 2] = '"';
    while (d->can_publish && sent < BULK_MESSAGES) {
        struct doctor_link p;
        enum err e = publish(d, &p, bulk);
        doctor_link_finish(&p);
        sent++;
        if (e || doctor_link_until(l, is, what, doctor_now() + 0.1))
            break;
    }
    if (is(l, what))
        doctor_report(d, "buffering", DOCTOR_FAILED, -1,
                      "the stream is buffered: it came when %uK more were published",
                      sent * BULK_BYTES >> 10);
    else
        doctor_report(d, "buffering", DOCTOR_FAILED, -1, "nothing came in %g s%s", d->patience,
                      d->can_publish ? ", nor when much more was published" : "");
}

static void check_stream_headers(struct doctor *d, const struct doctor_link *l)
{
    static const struct {
        const char *name, *text, *wrong;
    } wanted[] = {
        {"Content-Type:", "text/event-stream", "Content-Type of the event stream"},
        {"Cache-Control:", "no-store", "Cache-Control: no-store of the event stream"},
        {"Cache-Control:", "no-transform", "Cache-Control: no-transform of the event stream"},
    };
    char text[128];
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        snprintf(text, sizeof(text), "%s is gone", wanted[i].wrong);
        if (!doctor_link_says(l, wanted[i].name, wanted[i].text))
            doctor_altered(d, text);
    }
}

/* Whether a message comes through L at once; it has begun well. */
static void check_stream_message(struct doctor *d, struct doctor_link *l)
{
    char text[64];
    if (!d->can_publish) {
        doctor_report(d, "buffering", DOCTOR_OK, -1, "none: what a stream begins with came");
        return;
    }
    double start = doctor_now();
    if (doctor_publish(d)) {
        doctor_report(d, "buffering", DOCTOR_FAILED, -1, "a message cannot be published");
        return;
    }
    payload(d, text);
    if (doctor_link_until(l, doctor_has_text, text, deadline(d)))
        doctor_report(d, "buffering", DOCTOR_OK, ms_between(start, l->received_at),
                      "none: a message came at once");
    else
        report_held_back(d, l, doctor_has_text, text);
}

void doctor_check_stream(struct doctor *d)
{
    struct doctor_link l;
    char text[REASON_SIZE];
    enum err e = doctor_ask(d, &l, "GET", TOPIC_PATH, STREAM, NULL);
    bool begun = !e && doctor_link_until(&l, doctor_has_text, "\n\n", deadline(d));
    bool refused = e || (l.head.status && l.head.status != 200) || l.state == LINK_ENDED;
    d->streams = begun && l.head.status == 200 && doctor_has_text(&l, "id:");
    if (d->streams) {
        doctor_report(d, "event stream", DOCTOR_OK, ms_between(l.sent_at, l.first_at), "begins");
        check_stream_headers(d, &l);
        check_stream_message(d, &l);
    } else if (refused) {
        doctor_report(d, "event stream", DOCTOR_FAILED, -1, "%s", reason(d, &l, text));
    } else {
        doctor_report(d, "event stream", DOCTOR_FAILED, -1, "does not begin in %g s", d->patience);
        report_held_back(d, &l, doctor_has_text, "\n\n");
    }
    doctor_link_finish(&l);
}

static bool has_more(const struct doctor_link *l, const char *before)
{
    return l->received_at > *(const double *)(const void *)before;
}

/* Opens an event stream whose client takes gzip, with QUERY in its URL; false: it does not begin.
 * *RET_CODING is that of the answer, with n 0 if it has none. Finish L in any case. */
static bool begin_packed(const struct doctor *d, struct doctor_link *l, const char *query,
                         struct http_value *ret_coding)
{
    char path[256];
    snprintf(path, sizeof(path), TOPIC_PATH "?%s", query);
    *ret_coding = (struct http_value){0};
    if (doctor_ask(d, l, "GET", path, STREAM "Accept-Encoding: gzip\r\n", NULL) != ERR_OK ||
        !doctor_link_until(l, doctor_has_head, NULL, deadline(d)))
        return false;
    if (!http_head_value(l->head_text.data, l->head_text.len, "Content-Encoding:", ret_coding))
        ret_coding->n = 0;
    return true;
}

/* Whether a message comes by the open stream L when it is published. */
static bool flows(struct doctor *d, struct doctor_link *l)
{
    double before;
    /* What the stream begins with is to be over. */
    while (doctor_link_until(l, has_more, (char *)&(double){l->received_at}, doctor_now() + 0.2))
        ;
    before = l->received_at;
    return doctor_publish(d) == ERR_OK &&
           doctor_link_until(l, has_more, (const char *)&before, deadline(d));
}

/* Something on the way has compressed the stream, which the hub has sent as it is. */
static void report_added(struct doctor *d, struct doctor_link *l, const struct http_value *coding)
{
    bool comes = d->can_publish && flows(d, l);
    doctor_report(d, "compression", comes || !d->can_publish ? DOCTOR_NOTE : DOCTOR_FAILED, -1,
                  "%.*s is added to the event stream, in spite of no-transform%s", (int)coding->n,
                  coding->text,
                  comes            ? "; it comes at once"
                  : d->can_publish ? "; and holds it back"
                                   : "");
}

/* Whether the hub would compress streams on this way unasked. */
static bool is_usual(const struct doctor *d)
{
    struct doctor_link l;
    struct http_value coding;
    bool begun = begin_packed(d, &l, "", &coding);
    doctor_link_finish(&l);
    return begun && coding.n;
}

/* The hub has compressed the stream. */
static void report_own(struct doctor *d, struct doctor_link *l)
{
    bool usual = is_usual(d);
    if (!d->can_publish)
        doctor_report(d, "compression", DOCTOR_NOTE, -1,
                      "the hub's gzip; whether it comes at once takes a message");
    else if (flows(d, l))
        doctor_report(d, "compression", DOCTOR_OK, -1, "the hub's gzip comes at once%s",
                      usual ? "" : ": http.compress = yes is good for this way");
    else
        doctor_report(d, "compression", usual ? DOCTOR_FAILED : DOCTOR_NOTE, -1,
                      "the hub's gzip is held back: %s",
                      usual ? "set http.compress = no" : "leave http.compress as it is");
}

static void report_none(struct doctor *d)
{
    doctor_report(d, "compression", DOCTOR_OK, -1,
                  "none, since http.compress is no, or Accept-Encoding does not come through");
}

void doctor_check_compression(struct doctor *d)
{
    struct doctor_link l;
    struct http_value coding;
    if (!d->streams) {
        doctor_report(d, "compression", DOCTOR_SKIPPED, -1, "there is no event stream");
        return;
    }
    bool begun = begin_packed(d, &l, "compress=no", &coding);
    if (begun && coding.n) {
        report_added(d, &l, &coding);
        doctor_link_finish(&l);
        return;
    }
    doctor_link_finish(&l);
    begun = begun && begin_packed(d, &l, "compress=yes", &coding);
    if (!begun)
        doctor_report(d, "compression", DOCTOR_FAILED, -1,
                      "a stream that may be compressed does not begin");
    else if (coding.n)
        report_own(d, &l);
    else
        report_none(d);
    doctor_link_finish(&l);
}

/* --- WebSockets --- */

bool doctor_next_frame(struct doctor_link *l, size_t *used, struct ws_header *ret,
                       const char **ret_payload)
{
    buf_consume(&l->in, *used);
    *used = 0;
    if (!ws_read_header(l->in.data, l->in.len, ret) || ret->broken ||
        ret->len > l->in.len - ret->size)
        return false;
    *ret_payload = l->in.data + ret->size;
    *used = ret->size + ret->len;
    return true;
}

/* Waits for a text frame that has TEXT in it. */
static bool await_frame(struct doctor_link *l, size_t *used, const char *text, double until)
{
    struct ws_header h;
    const char *frame;
    for (;;) {
        while (doctor_next_frame(l, used, &h, &frame))
            if (h.opcode == WS_TEXT && memmem(frame, h.len, text, strlen(text)))
                return true;
        struct doctor_link *links[] = {l};
        if (!doctor_links_wait(links, 1, until))
            return false;
    }
}

bool doctor_websocket_open(struct doctor *d, struct doctor_link *l, const char *topic)
{
    char path[256], headers[512];
    snprintf(path, sizeof(path), "/t/%s", topic);
    snprintf(headers, sizeof(headers), "%s" PROTOCOL, ws_upgrade);
    return doctor_ask(d, l, "GET", path, headers, NULL) == ERR_OK &&
           doctor_link_until(l, doctor_has_head, NULL, deadline(d)) && l->head.status == 101;
}

static bool send_text(struct doctor *d, struct doctor_link *l, const char *text)
{
    char frame[WS_PONG_MAX];
    size_t n = ws_write_frame(frame, WS_TEXT, text, strlen(text));
    return doctor_link_send(l, frame, n, deadline(d)) == ERR_OK;
}

/* Both ways through an open WebSocket; NULL, or what does not pass. *RET_MS is a round trip. */
static const char *talk(struct doctor *d, struct doctor_link *l, double *ret_ms)
{
    char text[64];
    size_t used = 0;
    if (!await_frame(l, &used, "\"op\":\"live\"", deadline(d)))
        return "is opened, but nothing comes from the hub";
    if (!send_text(d, l, "{\"op\":\"ping\",\"ref\":\"doctor\"}") ||
        !await_frame(l, &used, "\"op\":\"pong\"", deadline(d)))
        return "is opened, but what is sent is not answered";
    *ret_ms = ms_between(l->sent_at, l->received_at);
    if (!d->can_publish)
        return NULL;
    if (doctor_publish(d))
        return "is opened, but a message cannot be published";
    payload(d, text);
    return await_frame(l, &used, text, deadline(d)) ? NULL : "a message does not come";
}

void doctor_check_websocket(struct doctor *d)
{
    struct doctor_link l;
    char text[REASON_SIZE];
    double ms = -1;
    if (!doctor_websocket_open(d, &l, DOCTOR_TOPIC)) {
        doctor_report(d, "WebSocket", DOCTOR_FAILED, -1, "%s", reason(d, &l, text));
    } else {
        if (!doctor_link_says(&l, "Sec-WebSocket-Protocol:", "longwire.v1"))
            doctor_altered(d, "Sec-WebSocket-Protocol is gone");
        if (!doctor_link_says(&l, "Sec-WebSocket-Accept:", ws_accept))
            doctor_altered(d, "Sec-WebSocket-Accept is wrong");
        const char *wrong = talk(d, &l, &ms);
        d->talks = wrong == NULL;
        doctor_report(d, "WebSocket", wrong ? DOCTOR_FAILED : DOCTOR_OK, ms, "%s",
                      wrong ? wrong : "passes both ways");
    }
    doctor_link_finish(&l);
}

/* --- Headers --- */

void doctor_check_headers(struct doctor *d)
{
    if (d->altered.len)
        doctor_report(d, "headers", DOCTOR_FAILED, -1, "%.*s", (int)d->altered.len,
                      d->altered.data);
    else
        doctor_report(d, "headers", DOCTOR_OK, -1, "as the hub sends them");
}
