#include "frontends/ws/ws_auth.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/attendance.h"
#include "delivery/stream_rights.h"
#include "frontends/ws/ws_connection.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_subscribe.h"
#include "frontends/ws/ws_waiting.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/tokens.h"

static bool keep_nothing(void *ctx, const char *filter, size_t n)
{
    (void)ctx;
    (void)filter;
    (void)n;
    return false;
}

static void answer_authenticated(struct conn *c, const struct principal *p,
                                 const struct json_slice *ref)
{
    struct buf *out = ws_out(c);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_authenticated(out, p->expires_s, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void judge_again(struct conn *c)
{
    struct stream *s = &ws_of(c)->stream;
    stream_judge(s, http_may_keep, c);
    http_quota_settle(c, stream_filters(s));
}

/* From now on it has P. What it waited with goes on. */
static void renew(struct conn *c, struct principal *p, const struct json_slice *ref)
{
    static const struct fault other = {"forbidden",
                                       "The sub of a token must be that of the former one"};
    const struct principal *before = bearer_of(c);
    struct http_quota quota;
    struct ws *ws = ws_of(c);
    if (before && strcmp(before->sub, p->sub) != 0) {
        ws_answer_error(c, &other, ref);
        return;
    }
    if (bearer_set(c, p) != ERR_OK) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    attendance_known(c);
    if (!http_quota_join(c, stream_filters(&ws->stream), &quota)) {
        ws_answer_over(c, &quota, ref);
        ws_end_with(c, WS_CLOSE_TRY_LATER, "More connections than its client may have");
        return;
    }
    answer_authenticated(c, p, ref);
    if (ws->phase == WS_WAITING) {
        ws_set_phase(ws, WS_OPEN);
        ws_end_waiting(ws);
        ws_go_on_waiting(c);
    } else {
        judge_again(c);
    }
}

/* From now on it is WAITING for a token, in front of what it waits for. */
static bool begin_silence(struct conn *c, struct ws *ws)
{
    struct waiting *waiting = ws_waiting_create(c, &(struct ws_control){0});
    if (!waiting)
        return false;
    uint64_t until = loop_now(c->loop) + worker_settings(c)->auth_timeout_ms;
    waiting->silent = true;
    waiting->until_s = (uint32_t)((until + 999) / 1000);
    waiting->next = ws->waiting;
    ws->waiting = waiting;
    ws_set_phase(ws, WS_WAITING);
    return true;
}

/* The token that it brought does not count: if it has no other, it is not taken for none. */
static void refuse_token(struct conn *c, const struct token_why *why, const struct json_slice *ref)
{
    bool over = why->fault == TOKEN_EXPIRED || why->fault == TOKEN_REVOKED;
    struct fault fault = {over ? token_fault_name(why->fault) : "unauthorized", why->text};
    audit_token(c, why->fault);
    ws_answer_error(c, &fault, ref);
    if (!bearer_of(c) && ws_of(c)->phase == WS_OPEN && begin_silence(c, ws_of(c))) {
        stream_judge(&ws_of(c)->stream, keep_nothing, NULL);
        http_quota_settle(c, 0);
        ws_set_deadline(c, conn_first_beat(c, worker_settings(c)->heartbeat_ms));
    }
}

static void judge_token(struct conn *c, const struct token_verdict *v, const struct json_slice *ref)
{
    static const struct fault later = {"unavailable", "The hub cannot verify the token now"};
    if (v->result == ERR_OK)
        renew(c, v->principal, ref);
    else if (v->result == ERR_ACCESS)
        refuse_token(c, &v->why, ref);
    else
        ws_answer_error(c, &later, ref);
}

static void verified(struct tokens_check *k, const struct token_verdict *v)
{
    struct waiting *waiting = (struct waiting *)((char *)k - offsetof(struct waiting, check));
    struct conn *c = waiting->conn;
    struct ws *ws = ws_of(c);
    struct json_slice ref = ws_asked(waiting).ref;
    ws->waiting = waiting->next;
    judge_token(c, v, &ref);
    free(waiting);
    if (conn_is_open(c) && ws_is_listening(ws))
        conn_resume(c);
}

void ws_auth(struct conn *c, const struct ws_control *m)
{
    static const struct fault no_tokens = {"unsupported", "This hub takes no tokens"};
    struct ws *ws = ws_of(c);
    struct ws_control ref = {.ref = m->ref};
    struct token_verdict v;
    if (!http_takes_tokens(c)) {
        ws_answer_error(c, &no_tokens, &m->ref);
        return;
    }
    struct waiting *waiting = ws_waiting_create(c, &ref);
    if (!waiting)
        return;
    waiting->check.done = verified;
    const struct auth_subject s = {.conn = c, .token = m->token.data, .token_len = m->token.len};
    if (tokens_ask(&s, &waiting->check, &v)) {
        free(waiting);
        judge_token(c, &v, &m->ref);
        return;
    }
    waiting->judging = true;
    waiting->next = ws->waiting;
    ws->waiting = waiting;
}

void ws_answer_silent(struct conn *c, const struct json_slice *ref)
{
    static const struct fault silent = {"unauthorized",
                                        "The first thing here is auth with a token"};
    audit_silent(c);
    ws_answer_error(c, &silent, ref);
}

bool ws_is_silent_too_long(const struct conn *c, const struct ws *ws)
{
    const struct waiting *last = ws->phase == WS_WAITING ? ws->waiting : NULL;
    while (last && !last->silent)
        last = last->next;
    return last && loop_now(c->loop) >= (uint64_t)last->until_s * 1000;
}

void ws_end_silence(struct conn *c)
{
    audit_silent(c);
    ws_end_with(c, WS_CLOSE_UNAUTHORIZED, "No token came in time");
}

void ws_rights(struct conn *c, enum rights_event e)
{
    struct ws *ws = ws_of(c);
    bool expired = e == RIGHTS_EXPIRED;
    if (e == RIGHTS_CHANGED && ws->phase == WS_OPEN)
        judge_again(c);
    if ((!expired && e != RIGHTS_REVOKED) || !ws_is_listening(ws))
        return;
    stream_finish(&ws->stream);
    struct buf *out = ws->raw ? NULL : ws_out(c);
    if (out) {
        size_t frame = ws_frame_begin(out);
        ws_control_expired(out, expired ? "expired" : "revoked");
        ws_frame_end(out, frame, WS_TEXT);
    }
    ws_end_with(c, WS_CLOSE_UNAUTHORIZED,
                expired ? "The token has expired" : "The token has been revoked");
}

enum err ws_put_off(struct ws *ws, struct conn *c, const struct subscription *sub)
{
    for (uint32_t i = sub->spec.count; i > 0; i--) {
        struct ws_control m = {.after = sub->after};
        m.topic.data = (char *)(uintptr_t)filter_name(sub->spec.filters[i - 1], &m.topic.len);
        struct waiting *waiting = ws_waiting_create(c, &m);
        if (!waiting)
            return ERR_NOMEM;
        waiting->next = ws->waiting;
        ws->waiting = waiting;
    }
    return begin_silence(c, ws) ? ERR_OK : ERR_NOMEM;
}
